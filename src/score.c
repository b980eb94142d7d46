/*
 * score.c
 *	  Applying a model to a row: gmm_predict and its family.
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
 * An external parameter does not count as constant, though
 * get_fn_expr_arg_stable() says that it is: PL/pgSQL keeps the state of a
 * simple expression for a whole transaction, and its variables change
 * meanwhile.
 *
 * Prepared models are bounded in memory: beyond the limit all are dropped and
 * collected anew.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/primnodes.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "compat.h"
#include "featurearray.h"
#include "host.h"
#include "model.h"
#include "modelkey.h"

/* Prepared models of one call site: this many bytes, or work_mem if larger */
#define CACHE_LIMIT			((Size) 64 * 1024 * 1024)

#define WORK_ALIGNMENT		64

typedef struct PreparedModel
{
	GmmModelKey key;			/* must be first: the hash key */
	int			k;
	int			d;
	MixturePrepared *prepared;
} PreparedModel;

/* What a call site keeps. */
typedef struct ScoreCache
{
	bool		constant;		/* the model cannot change */
	const PreparedModel *last;	/* of the row before, or NULL */
	MemoryContext context;		/* of the models and the table of them */
	HTAB	   *models;			/* NULL while there are none, or if constant */
	Size		size;			/* bytes of the models */
	MemoryContext work_context; /* of the scratch below */
	double	   *work;			/* the engine's scratch, aligned */
	void	   *work_chunk;
	Size		work_size;		/* in doubles */
} ScoreCache;

PG_FUNCTION_INFO_V1(gmm_predict);
PG_FUNCTION_INFO_V1(gmm_predict_proba);
PG_FUNCTION_INFO_V1(gmm_logpdf);
PG_FUNCTION_INFO_V1(gmm_mahalanobis);

/* Is the first argument of the call a constant of the plan? */
static bool
model_is_constant(FmgrInfo *flinfo)
{
	FuncExpr   *call = (FuncExpr *) flinfo->fn_expr;

	return call != NULL && IsA(call, FuncExpr) && call->args != NIL &&
		IsA(linitial(call->args), Const);
}

static ScoreCache *
create_cache(FmgrInfo *flinfo)
{
	ScoreCache *cache = MemoryContextAllocZero(flinfo->fn_mcxt,
											   sizeof(ScoreCache));

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
drop_models(ScoreCache *cache)
{
	cache->last = NULL;
	cache->models = NULL;
	cache->size = 0;
	MemoryContextReset(cache->context);
}

/* A place for a model of this key, which is not there yet. */
static PreparedModel *
enter_model(ScoreCache *cache, const GmmModelKey *key)
{
	PreparedModel *entry;
	bool		found;

	if (cache->constant)
	{
		entry = MemoryContextAlloc(cache->context, sizeof(PreparedModel));
		entry->key = *key;
		return entry;
	}

	if (cache->models == NULL)
	{
		HASHCTL		control = {0};

		control.keysize = sizeof(GmmModelKey);
		control.entrysize = sizeof(PreparedModel);
		control.hcxt = cache->context;
		cache->models = hash_create("gmm prepared models", 32, &control,
									HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	entry = hash_search(cache->models, key, HASH_ENTER, &found);
	Assert(!found);
	return entry;
}

/* Let the scratch be large enough for a model. */
static void
reserve_work(ScoreCache *cache, const MixturePrepared *prepared)
{
	Size		needed = mixture_row_work_size(prepared);

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

/*
 * Prepare a model and keep it.  The table learns of it when nothing can fail
 * any more.
 */
static const PreparedModel *
prepare_model(ScoreCache *cache, const GmmModelKey *key, const GmmModel *model)
{
	MemoryContext old_context;
	MixtureParameters parameters;
	MixturePrepared *prepared;
	MixtureError error = {0};
	PreparedModel *entry;

	if (cache->size > Max(CACHE_LIMIT, (Size) work_mem * 1024))
		drop_models(cache);

	gmm_model_parameters(model, &parameters);
	old_context = MemoryContextSwitchTo(cache->context);
	prepared = mixture_prepare_rows(&parameters, &gmm_host, &error);
	MemoryContextSwitchTo(old_context);
	if (prepared == NULL)
		gmm_report_status(MIXTURE_NOT_POSITIVE_DEFINITE, model->k, &error);
	reserve_work(cache, prepared);

	entry = enter_model(cache, key);
	entry->k = model->k;
	entry->d = model->d;
	entry->prepared = prepared;
	cache->size += mixture_prepared_size(prepared) + sizeof(PreparedModel);

	ereport(DEBUG1,
			(errmsg_internal("gmm: prepared a model of %d components in %d dimensions",
							 model->k, model->d)));
	return entry;
}

/* The prepared model of this key, or NULL. */
static const PreparedModel *
find_model(const ScoreCache *cache, const GmmModelKey *key)
{
	if (cache->last != NULL && gmm_model_key_equal(&cache->last->key, key))
		return cache->last;
	if (cache->models == NULL)
		return NULL;
	return hash_search(cache->models, key, HASH_FIND, NULL);
}

/* Find or prepare the model of a row that may differ from the last one. */
static const PreparedModel *
look_up_model(ScoreCache *cache, Datum datum)
{
	const PreparedModel *entry;
	GmmModel   *model = NULL;
	GmmModelKey key;

	if (!gmm_model_key_toasted(datum, &key))
	{
		model = DatumGetGmmModel(datum);
		gmm_model_key_contents(model, &key);
	}

	entry = find_model(cache, &key);
	if (entry == NULL)
	{
		if (model == NULL)
			model = DatumGetGmmModel(datum);
		entry = prepare_model(cache, &key, model);
	}

	if (model != NULL && (Pointer) model != DatumGetPointer(datum))
		pfree(model);
	cache->last = entry;
	return entry;
}

/*
 * What all functions here begin with: get the model and the row, and check
 * that they are of the same dimension.  *work is the engine's scratch, valid
 * until the next call.
 */
static const PreparedModel *
begin_row(FunctionCallInfo fcinfo, GmmFeatures *features, double **work)
{
	ScoreCache *cache = fcinfo->flinfo->fn_extra;
	const PreparedModel *model;

	if (cache == NULL)
		cache = create_cache(fcinfo->flinfo);

	if (cache->constant && cache->last != NULL)
		model = cache->last;
	else
		model = look_up_model(cache, PG_GETARG_DATUM(0));

	gmm_features_get(PG_GETARG_DATUM(1), features);
	if (features->d != model->d)
		gmm_features_report_dimensions(features->d, model->d);

	*work = cache->work;
	return model;
}

/*
 * gmm_predict(model gmm_model, features double precision[]) -> integer
 *
 * The most probable component, counted from 1.
 */
Datum
gmm_predict(PG_FUNCTION_ARGS)
{
	GmmFeatures features;
	double	   *work;
	const PreparedModel *model = begin_row(fcinfo, &features, &work);
	int			component;

	component = mixture_row_predict(model->prepared, features.values, work);
	gmm_features_release(&features);
	PG_RETURN_INT32(component + 1);
}

/*
 * gmm_predict_proba(model gmm_model, features double precision[])
 *		-> double precision[]
 *
 * The k responsibilities, which sum to 1.
 */
Datum
gmm_predict_proba(PG_FUNCTION_ARGS)
{
	GmmFeatures features;
	double	   *work;
	const PreparedModel *model = begin_row(fcinfo, &features, &work);
	double	   *responsibilities;
	ArrayType  *result = gmm_make_array(model->k, &responsibilities);

	mixture_row_responsibilities(model->prepared, features.values, work,
								 responsibilities);
	gmm_features_release(&features);
	PG_RETURN_ARRAYTYPE_P(result);
}

/*
 * gmm_logpdf(model gmm_model, features double precision[])
 *		-> double precision
 *
 * The logarithm of the mixture's density.
 */
Datum
gmm_logpdf(PG_FUNCTION_ARGS)
{
	GmmFeatures features;
	double	   *work;
	const PreparedModel *model = begin_row(fcinfo, &features, &work);
	double		log_density;

	log_density = mixture_row_log_density(model->prepared, features.values,
										  work);
	gmm_features_release(&features);
	PG_RETURN_FLOAT8(log_density);
}

/*
 * gmm_mahalanobis(model gmm_model, features double precision[])
 *		-> double precision[]
 *
 * The k distances to the components' means, in units of their covariances.
 */
Datum
gmm_mahalanobis(PG_FUNCTION_ARGS)
{
	GmmFeatures features;
	double	   *work;
	const PreparedModel *model = begin_row(fcinfo, &features, &work);
	double	   *distances;
	ArrayType  *result = gmm_make_array(model->k, &distances);

	mixture_row_mahalanobis(model->prepared, features.values, work, distances);
	gmm_features_release(&features);
	PG_RETURN_ARRAYTYPE_P(result);
}
