/*
 * scorer.c
 *	  Models made ready for the rows of a call site, and kept for the next.
 *
 * Before a row can be scored, the model has to be detoasted and its
 * covariances factored, which costs far more than the row itself.  So each
 * call site keeps what it has prepared for as long as the executor keeps the
 * call site (fn_extra, in fn_mcxt).  From the cheapest case to the dearest:
 *
 *	1. The argument is a constant of the plan: the first row's preparation is
 *	   used without a look at the argument.
 *	2. The model is the one of the row before: its key is compared.
 *	3. Another one: its key is looked up among all that were prepared here, so
 *	   that many models joined in any order are each prepared once.
 *
 * A row with NULL elements is scored by the marginal mixture of the others
 * (Ghahramani and Jordan 1994).  What that says of the row follows from the model
 * and the row alone, by equations of the row's own, whatever its pattern of NULLs
 * and whatever rows came before: an immutable function must not have it otherwise in
 * its last digits.  What takes more of a pattern than that, such as the share of
 * rows that are less likely, is prepared and kept in the same way as a model: a key
 * is a model and a pattern of NULLs.  So is the marginal mixture where the equations
 * would lose digits.
 *
 * An external parameter does not count as constant, though
 * get_fn_expr_arg_stable() says that it is: PL/pgSQL keeps the state of a
 * simple expression for a whole transaction, and its variables change
 * meanwhile.
 *
 * Prepared models are bounded in memory: beyond the limit all are dropped and
 * collected anew.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/primnodes.h"
#include "utils/float.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "compat.h"
#include "host/engine_host.h"
#include "score/scorer.h"

/* Prepared models of one call site: this many bytes, or work_mem if larger */
#define CACHE_LIMIT			((Size) 64 * 1024 * 1024)

#define WORK_ALIGNMENT		64

/* What a call site keeps. */
typedef struct ScorerCache
{
	bool		constant;		/* the model cannot change */
	GmmScorer  *last;			/* of the row before, or NULL */
	MemoryContext context;		/* of the models and the table of them */
	GmmScorer  *only;			/* of a constant model the first, not in the
								 * table, or NULL */
	HTAB	   *scorers;		/* NULL while there are none */
	Size		size;			/* bytes of the models */
	MemoryContext work_context; /* of the scratch below */
	double	   *work;			/* the engine's scratch, aligned */
	void	   *work_chunk;
	Size		work_size;		/* in doubles */
	GmmScorer	row;			/* for the present row, if that has NULLs */
	int		   *order;			/* its order, of row.d */
	double	   *filled;			/* its NULLs given the others, in each component */
	Size		filled_size;	/* in doubles */
} ScorerCache;

/* Which elements of a row are NULL. */
typedef struct RowPattern
{
	int			d;
	int			n_observed;
	const uint8 *observed;		/* as in an array, or NULL if none is */
} RowPattern;

static RowPattern
pattern_of(const GmmFeatures *features)
{
	return (RowPattern) {
		features->d, features->n_observed, features->observed
	};
}

/* Is the first argument of the call a constant of the plan? */
static bool
model_is_constant(FmgrInfo *flinfo)
{
	FuncExpr   *call = (FuncExpr *) flinfo->fn_expr;

	return call != NULL && IsA(call, FuncExpr) && call->args != NIL &&
		IsA(linitial(call->args), Const);
}

static ScorerCache *
create_cache(FmgrInfo *flinfo)
{
	ScorerCache *cache = MemoryContextAllocZero(flinfo->fn_mcxt, sizeof(ScorerCache));

	cache->constant = model_is_constant(flinfo);
	cache->context = AllocSetContextCreate(flinfo->fn_mcxt,
										   "gmm prepared models",
										   ALLOCSET_DEFAULT_SIZES);
	cache->work_context = flinfo->fn_mcxt;
	flinfo->fn_extra = cache;
	return cache;
}

/* Make room for new models by forgetting all. */
static void
drop_models(ScorerCache *cache)
{
	cache->last = NULL;
	cache->only = NULL;
	cache->scorers = NULL;
	cache->size = 0;
	MemoryContextReset(cache->context);
}

/*
 * A place for a model of this key.  What may be there belongs to another
 * pattern of the same hash, and is forgotten.
 */
static GmmScorer *
enter_scorer(ScorerCache *cache, const GmmScorerKey *key)
{
	if (cache->constant && cache->only == NULL)
	{
		cache->only = MemoryContextAlloc(cache->context, sizeof(GmmScorer));
		return cache->only;
	}

	if (cache->scorers == NULL)
	{
		HASHCTL		control = {0};

		control.keysize = sizeof(GmmScorerKey);
		control.entrysize = sizeof(GmmScorer);
		control.hcxt = cache->context;
		cache->scorers = hash_create("gmm prepared models", 32, &control,
									 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	return hash_search(cache->scorers, key, HASH_ENTER, NULL);
}

/* Let the scratch have so many doubles. */
static void
reserve_work(ScorerCache *cache, Size needed)
{
	if (needed <= cache->work_size)
		return;

	if (cache->work_chunk != NULL)
		pfree(cache->work_chunk);
	cache->work_chunk = NULL;
	cache->work_size = 0;
	cache->work_chunk = MemoryContextAllocHuge(cache->work_context,
											   needed * sizeof(double) +
											   WORK_ALIGNMENT - 1);
	cache->work = (double *) TYPEALIGN(WORK_ALIGNMENT, cache->work_chunk);
	cache->work_size = needed;
}

/* The bits of a bitmap's last byte that belong to one of d elements. */
static inline int
last_byte_mask(int d)
{
	return (1 << (d % 8)) - 1;
}

/*
 * Which elements of a row are NULL, as a number: 0 if none is.  It depends on
 * their number, too.
 */
static uint64
hash_pattern(const RowPattern *pattern)
{
	int			d = pattern->d;
	uint64		hash;
	uint64		last = 0;

	if (pattern->observed == NULL)
		return 0;
	if (d % 8 != 0)
		last = pattern->observed[d / 8] & last_byte_mask(d);
	hash = hash_bytes_extended(pattern->observed, d / 8, ((uint64) d << 8) | last);
	return hash != 0 ? hash : 1;
}

/* Are a row's NULLs those that the scorer is for? */
static bool
same_pattern(const GmmScorer *scorer, const RowPattern *pattern)
{
	int			d = scorer->d;

	if (pattern->d != d || pattern->n_observed != scorer->n_observed)
		return false;
	if (pattern->observed == NULL)
		return true;
	return memcmp(pattern->observed, scorer->observed, d / 8) == 0 &&
		(d % 8 == 0 ||
		 ((pattern->observed[d / 8] ^ scorer->observed[d / 8]) & last_byte_mask(d)) == 0);
}

/* List a pattern's elements, from 0: those that are not NULL, then the others. */
static void
list_elements(const RowPattern *pattern, int *order)
{
	int			n = 0;
	int			n_missing = pattern->n_observed;

	/* no branch would foresee which are NULL */
	for (int i = 0; i < pattern->d; i++)
	{
		bool		isnull = att_isnull(i, pattern->observed);

		order[n + isnull * (n_missing - n)] = i;
		n_missing += isnull;
		n += !isnull;
	}
}

/* The row's pattern, to be kept in the current memory context. */
static void
copy_pattern(GmmScorer *scorer, const RowPattern *pattern)
{
	int			d = pattern->d;
	int		   *order;
	uint8	   *observed;

	scorer->d = d;
	scorer->n_observed = pattern->n_observed;
	scorer->order = NULL;
	scorer->observed = NULL;
	if (pattern->observed == NULL)
		return;

	order = palloc(d * sizeof(int));
	list_elements(pattern, order);
	observed = palloc(((Size) d + 7) / 8);
	memcpy(observed, pattern->observed, ((Size) d + 7) / 8);
	scorer->order = order;
	scorer->observed = observed;
}

/* Prepare a model for a pattern, in the current memory context. */
static MixturePrepared *
prepare_pattern(const MixtureParameters *parameters, const GmmScorer *scorer)
{
	MixtureParameters marginal;
	MixturePrepared *prepared;
	MixtureError error = {0};

	if (scorer->order == NULL)
		prepared = mixture_prepare_rows(parameters, &gmm_host, &error);
	else
	{
		mixture_allocate_parameters(&marginal, parameters->covariance_type,
									parameters->k, scorer->n_observed, &gmm_host);
		mixture_marginal(parameters, scorer->order, &marginal, &gmm_host);
		mixture_mend(&marginal, &gmm_host);
		prepared = mixture_prepare_rows(&marginal, &gmm_host, &error);
		pfree(marginal.weights);
	}
	if (prepared == NULL)
		gmm_report_status(MIXTURE_NOT_POSITIVE_DEFINITE, parameters->k, NULL, &error);
	return prepared;
}

/*
 * Prepare a model for rows like this one and keep it.  The table learns of it
 * when nothing can fail any more.
 */
static GmmScorer *
prepare_scorer(ScorerCache *cache, const GmmScorerKey *key, const GmmModel *model,
			   const RowPattern *pattern)
{
	MemoryContext old_context;
	MixtureParameters parameters;
	GmmScorer	scorer = {0};
	GmmScorer  *entry;

	if (pattern->d != model->d)
		gmm_model_report_dimensions(PointerGetDatum(model), pattern->d);
	if (cache->size > Max(CACHE_LIMIT, (Size) work_mem * 1024))
		drop_models(cache);

	gmm_model_parameters(model, &parameters);
	old_context = MemoryContextSwitchTo(cache->context);
	scorer.key = *key;
	scorer.covariance_type = parameters.covariance_type;
	scorer.k = model->k;
	scorer.noise = parameters.noise_box != NULL;
	gmm_model_names(model, &scorer.names);
	gmm_names_copy(&scorer.names, cache->context);
	copy_pattern(&scorer, pattern);
	scorer.prepared = prepare_pattern(&parameters, &scorer);
	MemoryContextSwitchTo(old_context);
	reserve_work(cache, mixture_row_work_size(scorer.prepared));

	entry = enter_scorer(cache, key);
	*entry = scorer;
	cache->size += mixture_prepared_size(scorer.prepared) + sizeof(GmmScorer) +
		scorer.names.size;
	if (scorer.order != NULL)
		cache->size += scorer.d * (sizeof(int) + 1);

	ereport(DEBUG1,
			(errmsg_internal("gmm: prepared a model of %d components in %d dimensions",
							 scorer.k, scorer.n_observed)));
	return entry;
}

/* The scorer of this key for rows like this one, or NULL. */
static GmmScorer *
find_scorer(const ScorerCache *cache, const GmmScorerKey *key, const RowPattern *pattern)
{
	GmmScorer  *scorer = cache->last;

	if (scorer == NULL || scorer->key.pattern != key->pattern ||
		!gmm_model_key_equal(&scorer->key.model, &key->model))
	{
		if (cache->scorers == NULL)
			return NULL;
		scorer = hash_search(cache->scorers, key, HASH_FIND, NULL);
		if (scorer == NULL)
			return NULL;
	}
	return same_pattern(scorer, pattern) ? scorer : NULL;
}

/* Find or prepare what a row needs that may differ from the last one. */
static GmmScorer *
look_up_scorer(ScorerCache *cache, Datum datum, const RowPattern *pattern)
{
	GmmScorer  *scorer;
	GmmModel   *model = NULL;
	GmmScorerKey key;

	if (!gmm_model_key_toasted(datum, &key.model))
	{
		model = DatumGetGmmModel(datum);
		gmm_model_key_contents(model, &key.model);
	}
	key.pattern = hash_pattern(pattern);

	scorer = find_scorer(cache, &key, pattern);
	if (scorer == NULL)
	{
		if (model == NULL)
			model = DatumGetGmmModel(datum);
		scorer = prepare_scorer(cache, &key, model, pattern);
	}

	if (model != NULL && (Pointer) model != DatumGetPointer(datum))
		pfree(model);
	return scorer;
}

/* Let the cache's last scorer be the one of a pattern. */
static GmmScorer *
choose_scorer(ScorerCache *cache, Datum model, const RowPattern *pattern)
{
	if (!cache->constant || cache->last == NULL || !same_pattern(cache->last, pattern))
		cache->last = cache->only != NULL && same_pattern(cache->only, pattern) ? cache->only :
			look_up_scorer(cache, model, pattern);
	return cache->last;
}

/*
 * Makes something more of a model, or of a component of it, for a scorer; returns
 * the bytes it takes.
 */
typedef Size (*ScorerAddition) (GmmScorer *scorer, const MixtureParameters *parameters,
								int component);

/* Add to the scorer of the present row what it has been found to need. */
static void
add_to_scorer(ScorerCache *cache, Datum datum, ScorerAddition addition, int component)
{
	GmmModel   *model = DatumGetGmmModel(datum);
	MixtureParameters parameters;
	MemoryContext old_context;

	gmm_model_parameters(model, &parameters);
	old_context = MemoryContextSwitchTo(cache->context);
	cache->size += addition(cache->last, &parameters, component);
	MemoryContextSwitchTo(old_context);
	if ((Pointer) model != DatumGetPointer(datum))
		pfree(model);
}

static Size
add_incomplete(GmmScorer *scorer, const MixtureParameters *parameters,
			   int component pg_attribute_unused())
{
	scorer->incomplete = mixture_incomplete_create(parameters, scorer->prepared, &gmm_host);
	ereport(DEBUG1,
			(errmsg_internal("gmm: prepared a model of %d components in %d dimensions for rows with NULLs",
							 scorer->k, scorer->d)));
	return mixture_incomplete_size(scorer->incomplete);
}

static Size
extend_incomplete(GmmScorer *scorer, const MixtureParameters *parameters,
				  int component pg_attribute_unused())
{
	return mixture_incomplete_extend(scorer->incomplete, parameters, &gmm_host);
}

/* Room for what is filled in. */
static double *
reserve_filled(ScorerCache *cache, Size needed)
{
	if (needed > cache->filled_size)
	{
		if (cache->filled != NULL)
			pfree(cache->filled);
		cache->filled = NULL;
		cache->filled_size = 0;
		cache->filled = MemoryContextAllocHuge(cache->work_context, needed * sizeof(double));
		cache->filled_size = needed;
	}
	return cache->filled;
}

/* Let there be a scorer for a row that may have NULLs of any pattern. */
static void
begin_row(ScorerCache *cache, const GmmScorer *complete, const RowPattern *pattern)
{
	GmmScorer  *row = &cache->row;

	if (row->d < pattern->d)
	{
		if (cache->order != NULL)
			pfree(cache->order);
		cache->order = NULL;
		row->d = 0;
		cache->order = MemoryContextAlloc(cache->work_context, pattern->d * sizeof(int));
	}
	list_elements(pattern, cache->order);
	row->covariance_type = complete->covariance_type;
	row->k = complete->k;
	row->noise = complete->noise;
	row->names = complete->names;
	row->d = pattern->d;
	row->n_observed = pattern->n_observed;
	row->order = cache->order;
}

/*
 * Solve a row with NULLs; fill: let the cache have what is NULL, too.  Returns NULL
 * where it has to be scored in another way.
 */
static const GmmScorer *
solve_row(ScorerCache *cache, Datum model, const GmmFeatures *features, bool fill)
{
	const RowPattern pattern = pattern_of(features);
	const RowPattern complete = {features->d, features->d, NULL};
	GmmScorer  *scorer = choose_scorer(cache, model, &complete);
	double	   *filled = NULL;

	if (scorer->incomplete == NULL)
	{
		add_to_scorer(cache, model, add_incomplete, 0);
		reserve_work(cache, mixture_incomplete_work_size(scorer->incomplete));
	}
	if (mixture_incomplete_needs(scorer->incomplete, pattern.n_observed))
		add_to_scorer(cache, model, extend_incomplete, 0);
	if (fill)
		filled = reserve_filled(cache, mixture_incomplete_filled_size(scorer->incomplete));
	begin_row(cache, scorer, &pattern);
	cache->row.prepared =
		mixture_incomplete_row(scorer->incomplete, features->values, cache->row.order,
							   pattern.n_observed, cache->work, filled, &gmm_host);
	cache->row.incomplete = scorer->incomplete;
	return cache->row.prepared != NULL ? &cache->row : NULL;
}

static ScorerCache *
get_cache(FmgrInfo *flinfo)
{
	return flinfo->fn_extra != NULL ? flinfo->fn_extra : create_cache(flinfo);
}

/*
 * Make a model ready for a row, which may have NULL elements, at the call site
 * that flinfo is.  *work is the engine's scratch, valid until the next call, as
 * is the result, of which only what was prepared is to be used, and for this row.
 */
const GmmScorer *
gmm_scorer_find(FmgrInfo *flinfo, Datum model, const GmmFeatures *features,
				double **work)
{
	ScorerCache *cache = get_cache(flinfo);
	const RowPattern pattern = pattern_of(features);
	const GmmScorer *scorer = NULL;

	if (features->observed != NULL)
		scorer = solve_row(cache, model, features, false);
	if (scorer == NULL)
		scorer = choose_scorer(cache, model, &pattern);
	*work = cache->work;
	return scorer;
}

/*
 * What all functions begin with that apply a model, their first argument, to a
 * row, their second: read the row and make the model ready for it.
 */
const GmmScorer *
gmm_scorer_get(FunctionCallInfo fcinfo, GmmFeatures *features, double **work)
{
	gmm_model_read_row(PG_GETARG_DATUM(0), PG_GETARG_DATUM(1), features);
	return gmm_scorer_find(fcinfo->flinfo, PG_GETARG_DATUM(0), features, work);
}

/*
 * The same for a row of which *filled is to say what its NULLs are given the others
 * (mixture_incomplete_impute()); or that is NULL, and the scorer that of its pattern.
 */
const GmmScorer *
gmm_scorer_get_filled(FunctionCallInfo fcinfo, GmmFeatures *features, double **work,
					  const double **filled)
{
	ScorerCache *cache = get_cache(fcinfo->flinfo);
	RowPattern	pattern;
	const GmmScorer *scorer = NULL;

	gmm_model_read_row(PG_GETARG_DATUM(0), PG_GETARG_DATUM(1), features);
	if (features->observed != NULL)
		scorer = solve_row(cache, PG_GETARG_DATUM(0), features, true);
	*filled = scorer != NULL ? cache->filled : NULL;
	pattern = pattern_of(features);
	if (scorer == NULL)
		scorer = choose_scorer(cache, PG_GETARG_DATUM(0), &pattern);
	*work = cache->work;
	return scorer;
}

/* The same for rows of a pattern, of which more is to be known than that. */
const GmmScorer *
gmm_scorer_get_pattern(FunctionCallInfo fcinfo, GmmFeatures *features, double **work)
{
	ScorerCache *cache = get_cache(fcinfo->flinfo);
	const GmmScorer *scorer;
	RowPattern	pattern;

	gmm_model_read_row(PG_GETARG_DATUM(0), PG_GETARG_DATUM(1), features);
	pattern = pattern_of(features);
	scorer = choose_scorer(cache, PG_GETARG_DATUM(0), &pattern);
	*work = cache->work;
	return scorer;
}

/* Add to the scorer that the function has of its row. */
static void
add_to_present(FunctionCallInfo fcinfo, const GmmScorer *scorer PG_USED_FOR_ASSERTS_ONLY,
			   ScorerAddition addition, int component)
{
	ScorerCache *cache = fcinfo->flinfo->fn_extra;

	Assert(scorer == cache->last);
	add_to_scorer(cache, PG_GETARG_DATUM(0), addition, component);
}

static Size
add_conditional(GmmScorer *scorer, const MixtureParameters *parameters,
				int component pg_attribute_unused())
{
	scorer->conditional = mixture_conditional_create(parameters, scorer->order,
													 scorer->n_observed, &gmm_host);
	ereport(DEBUG1,
			(errmsg_internal("gmm: prepared a model of %d components in %d dimensions given %d",
							 scorer->k, scorer->d - scorer->n_observed, scorer->n_observed)));
	return mixture_conditional_size(scorer->conditional);
}

static Size
add_tail(GmmScorer *scorer, const MixtureParameters *parameters,
		 int component pg_attribute_unused())
{
	scorer->tail = mixture_tail_create(scorer->prepared, parameters->weights, &gmm_host);
	ereport(DEBUG1,
			(errmsg_internal("gmm: prepared the tail of a model of %d components in %d dimensions",
							 scorer->k, scorer->n_observed)));
	return mixture_tail_size(scorer->tail);
}

/*
 * The conditional mixture of the NULL elements given the others, for a row
 * whose scorer this is; made for the first of them.  There must be NULLs.
 */
const MixtureConditional *
gmm_scorer_conditional(FunctionCallInfo fcinfo, const GmmScorer *scorer)
{
	Assert(scorer->order != NULL);
	if (scorer->conditional == NULL)
		add_to_present(fcinfo, scorer, add_conditional, 0);
	return scorer->conditional;
}

/*
 * The shares of rows of low density, for a row whose scorer this is; made for
 * the first of them.  NULL where all elements are.
 */
const MixtureTail *
gmm_scorer_tail(FunctionCallInfo fcinfo, const GmmScorer *scorer)
{
	if (scorer->tail == NULL && scorer->n_observed > 0)
		add_to_present(fcinfo, scorer, add_tail, 0);
	return scorer->tail;
}

/* Place of the explanation by noise: how many there may be by components. */
static int
noise_explanation(const GmmScorer *scorer)
{
	return scorer->covariance_type == MIXTURE_TIED ? 1 : scorer->k;
}

/* Place of the explanation by a component, from 0; -1 is noise. */
static int
explanation_place(const GmmScorer *scorer, int component)
{
	if (component < 0)
		return noise_explanation(scorer);
	return Min(component, noise_explanation(scorer) - 1);
}

static Size
add_explanation(GmmScorer *scorer, const MixtureParameters *parameters, int component)
{
	int			place = explanation_place(scorer, component);
	Size		size = 0;

	if (scorer->explanations == NULL)
	{
		size = (noise_explanation(scorer) + 1) * sizeof(MixtureExplanation *);
		scorer->explanations = palloc0(size);
	}
	scorer->explanations[place] = mixture_explanation_create(parameters, component,
															 scorer->order, scorer->n_observed,
															 &gmm_host);
	ereport(DEBUG1,
			(errmsg_internal("gmm: prepared to explain %d dimensions", scorer->n_observed)));
	return size + mixture_explanation_size(scorer->explanations[place]);
}

/* Forget the explanations of the present row's scorer where memory is short. */
static void
limit_explanations(ScorerCache *cache)
{
	GmmScorer  *scorer = cache->last;

	if (cache->size <= Max(CACHE_LIMIT, (Size) work_mem * 1024) ||
		scorer->explanations == NULL)
		return;
	for (int c = 0; c <= noise_explanation(scorer); c++)
	{
		if (scorer->explanations[c] == NULL)
			continue;
		cache->size -= mixture_explanation_size(scorer->explanations[c]);
		pfree(scorer->explanations[c]);
		scorer->explanations[c] = NULL;
	}
}

/*
 * What explains a row, whose scorer this is, under a component, from 0, or under
 * noise, which is -1 and must be there; made for the first of them.  Valid until
 * another is asked for.
 */
const MixtureExplanation *
gmm_scorer_explanation(FunctionCallInfo fcinfo, const GmmScorer *scorer, int component)
{
	int			place = explanation_place(scorer, component);

	if (scorer->explanations == NULL || scorer->explanations[place] == NULL)
	{
		limit_explanations((ScorerCache *) fcinfo->flinfo->fn_extra);
		add_to_present(fcinfo, scorer, add_explanation, component);
	}
	return scorer->explanations[place];
}

/*
 * The details of an error about a row that is too far from a component, counted
 * from 0: which element is to blame.
 */
int
gmm_scorer_far_detail(const GmmScorer *scorer, const GmmFeatures *features, int component)
{
	int			i = mixture_row_farthest_feature(scorer->prepared, features->values,
												 component);
	int			element = scorer->order != NULL ? scorer->order[i] : i;

	return errdetail("Element %s of features is %s, which is too far from the mean of component %d.",
					 gmm_names_element(&scorer->names, element),
					 float8out_internal(features->values[i]), component + 1);
}
