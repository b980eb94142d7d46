/*
 * accumulate.c
 *	  The streaming aggregates: gmm_accumulate, gmm_em_step, gmm_merge.
 *
 * Their transition state is a gmm_stats, so that every plan that PostgreSQL or
 * Citus knows for partial aggregates works: a worker's state is sent as the
 * datum that it is.  While it is being filled it is an expanded object:
 *
 *		ExpandedStats	the model's parameters, the sums, and a block of rows
 *						that have not been summed yet
 *
 * A row goes into the block, and the transition function returns the pointer
 * that it was given, so that nothing is copied.  A full block goes through
 * the engine's kernel.  The block starts small and doubles, since many groups
 * are small.
 *
 * Whoever reads the object (a final function, or the code that flattens it)
 * gets the sums with the rows of the block added in a place of their own: to
 * read changes nothing, so that a window frame can be read and grow on.
 *
 * What the kernel needs beside, the prepared model and scratch memory, is
 * larger than a state.  It is kept at the call site, once for all groups, and
 * made anew where a group has another model than the one before.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/expandeddatum.h"
#include "utils/memutils.h"

#include "compat.h"
#include "featurearray.h"
#include "host.h"
#include "modelkey.h"
#include "stats.h"

#define EXPANDED_MAGIC		0x676d6d73

#define FIRST_STRIDE		16
#define BLOCK_ALIGNMENT		64

/* Positions of the transition function's arguments */
enum
{
	ARG_STATE = 0,
	ARG_MODEL = 1,
	ARG_FEATURES = 2,
	ARG_WEIGHT = 3
};

typedef struct ExpandedStats
{
	ExpandedObjectHeader header;	/* must be first */
	int			magic;
	GmmStatsView view;			/* of what has been summed; its arrays and all
								 * else live in the object's context */
	GmmModelKey key;			/* of the model */
	bool		is_toasted;		/* the model came out of line, too */
	GmmModelKey toasted_key;
	int			n_pending;		/* rows in the block */
	int			stride;			/* of the block; 0 until there is one */
	void	   *chunk;			/* what was allocated for it */
	double	   *features;		/* d x stride */
	double	   *weights;		/* stride */
} ExpandedStats;

/* What a call site of the transition function keeps. */
typedef struct CallSite
{
	MemoryContext context;
	MixtureRunner *runner;		/* NULL until there was a full block */
	MixtureParameters parameters;	/* that it is prepared for: a copy, which
									 * outlives the group */
	GmmModelKey key;			/* of their model */
} CallSite;

PG_FUNCTION_INFO_V1(gmm_accumulate_transition);
PG_FUNCTION_INFO_V1(gmm_stats_combine);

/* --- summing ------------------------------------------------------------- */

/*
 * A runner for these parameters, which must stay as long as it, in
 * CurrentMemoryContext.
 */
static MixtureRunner *
make_runner(const MixtureParameters *parameters)
{
	MixturePass pass = {parameters, NULL, true};
	MixtureError error = {0};
	MixtureRunner *runner = mixture_runner_create(parameters->covariance_type,
												  parameters->k, parameters->d,
												  &gmm_host);
	MixtureStatus status = mixture_runner_begin(runner, &pass, &error);

	if (status != MIXTURE_OK)
		gmm_report_status(status, parameters->k, &error);
	return runner;
}

/* Add the pending rows to sums, which may be others than the object's. */
static void
add_pending(const ExpandedStats *stats, MixtureRunner *runner, MixtureStats *sums)
{
	MixtureBlock block = {0};
	MixtureStatus status;
	MixtureError error = {0};

	block.n_rows = stats->n_pending;
	block.stride = stats->stride;
	block.features = stats->features;
	block.weights = stats->weights;
	status = mixture_runner_add_block(runner, &block, sums);
	if (status != MIXTURE_OK)
		gmm_report_status(status, sums->k, &error);
}

/* Copy parameters to an array of gmm_model_n_values() doubles. */
static void
copy_parameters(MixtureParameters *copy, const MixtureParameters *parameters,
				double *values)
{
	int			k = parameters->k;
	int			d = parameters->d;

	copy->covariance_type = parameters->covariance_type;
	copy->k = k;
	copy->d = d;
	copy->weights = values;
	copy->means = copy->weights + k;
	copy->covariances = copy->means + (size_t) k * d;
	memcpy(copy->weights, parameters->weights, k * sizeof(double));
	memcpy(copy->means, parameters->means, (size_t) k * d * sizeof(double));
	memcpy(copy->covariances, parameters->covariances,
		   mixture_covariance_count(copy->covariance_type, k, d) * sizeof(double));
}

/* The runner of a call site, ready for the model of these statistics. */
static MixtureRunner *
call_site_runner(FmgrInfo *flinfo, const ExpandedStats *stats)
{
	CallSite   *site = flinfo->fn_extra;
	MemoryContext old_context;

	if (site == NULL)
	{
		site = MemoryContextAllocZero(flinfo->fn_mcxt, sizeof(CallSite));
		site->context = AllocSetContextCreate(flinfo->fn_mcxt, "gmm runner",
											  ALLOCSET_DEFAULT_SIZES);
		flinfo->fn_extra = site;
	}
	if (site->runner != NULL && gmm_model_key_equal(&site->key, &stats->key))
		return site->runner;

	site->runner = NULL;
	MemoryContextReset(site->context);
	old_context = MemoryContextSwitchTo(site->context);
	copy_parameters(&site->parameters, &stats->view.parameters,
					palloc_extended(sizeof(double) *
									gmm_model_n_values(stats->view.parameters.covariance_type,
													   stats->key.k, stats->key.d),
									MCXT_ALLOC_HUGE));
	site->runner = make_runner(&site->parameters);
	MemoryContextSwitchTo(old_context);
	site->key = stats->key;
	return site->runner;
}

/* --- the expanded object -------------------------------------------------- */

static Size
get_flat_size(ExpandedObjectHeader *header)
{
	const MixtureParameters *parameters = &((ExpandedStats *) header)->view.parameters;

	return gmm_stats_size(parameters->covariance_type, parameters->k, parameters->d);
}

static void
flatten_into(ExpandedObjectHeader *header, void *result,
			 Size allocated_size pg_attribute_unused())
{
	ExpandedStats *stats = (ExpandedStats *) header;
	GmmStatsView copy;

	Assert(allocated_size == get_flat_size(header));
	gmm_stats_init(result, &stats->view);
	if (stats->n_pending > 0)
	{
		MixtureRunner *runner = make_runner(&stats->view.parameters);

		gmm_stats_place(result, &copy);
		add_pending(stats, runner, &copy.sums);
		mixture_runner_release(runner);
	}
}

static const ExpandedObjectMethods stats_methods = {get_flat_size, flatten_into};

/*
 * View statistics that are expanded; false for others.  Sums that have to be
 * computed are allocated in CurrentMemoryContext.
 */
bool
gmm_stats_view_expanded(Datum datum, GmmStatsView *view)
{
	ExpandedStats *stats;
	double	   *sums;
	MixtureRunner *runner;

	if (!VARATT_IS_EXTERNAL_EXPANDED(DatumGetPointer(datum)))
		return false;
	stats = (ExpandedStats *) DatumGetEOHP(datum);
	if (stats->magic != EXPANDED_MAGIC)
		elog(ERROR, "expanded object is not a gmm_stats");
	*view = stats->view;
	if (stats->n_pending == 0)
		return true;

	sums = palloc_extended(view->sums.n_values * sizeof(double), MCXT_ALLOC_HUGE);
	memcpy(sums, view->sums.sum_weights, view->sums.n_values * sizeof(double));
	mixture_place_stats(&view->sums, view->sums.covariance_type, view->sums.k,
						view->sums.d, sums);
	runner = make_runner(&stats->view.parameters);
	add_pending(stats, runner, &view->sums);
	mixture_runner_release(runner);
	return true;
}

/*
 * A new expanded object below the given context, with the parameters copied
 * and the sums 0.
 */
static ExpandedStats *
create_expanded(MemoryContext parent, const MixtureParameters *parameters,
				uint64 fingerprint)
{
	MemoryContext context = AllocSetContextCreate(parent, "gmm statistics",
												  ALLOCSET_START_SMALL_SIZES);
	MixtureCovarianceType type = parameters->covariance_type;
	int			k = parameters->k;
	int			d = parameters->d;
	size_t		n_parameters = gmm_model_n_values(type, k, d);
	size_t		n_sums = mixture_sums_count(type, k, d);
	ExpandedStats *stats = MemoryContextAllocZero(context, sizeof(ExpandedStats));
	double	   *values;

	EOH_init_header(&stats->header, &stats_methods, context);
	stats->magic = EXPANDED_MAGIC;
	values = MemoryContextAllocHuge(context, (n_parameters + n_sums) * sizeof(double));
	copy_parameters(&stats->view.parameters, parameters, values + n_sums);
	memset(values, 0, n_sums * sizeof(double));
	mixture_place_stats(&stats->view.sums, type, k, d, values);
	stats->view.fingerprint = fingerprint;
	stats->key.identity = fingerprint;
	stats->key.kind = type;
	stats->key.k = k;
	stats->key.d = d;
	return stats;
}

/*
 * Statistics that this call may change: the aggregate's own, or a copy below
 * the context.
 */
static ExpandedStats *
writable_stats(Datum datum, MemoryContext context)
{
	GmmStatsView view;
	ExpandedStats *stats;

	if (VARATT_IS_EXTERNAL_EXPANDED_RW(DatumGetPointer(datum)))
	{
		stats = (ExpandedStats *) DatumGetEOHP(datum);
		if (stats->magic != EXPANDED_MAGIC)
			elog(ERROR, "expanded object is not a gmm_stats");
		return stats;
	}
	gmm_stats_view(datum, &view);
	stats = create_expanded(context, &view.parameters, view.fingerprint);
	stats->view.n_rows = view.n_rows;
	memcpy(stats->view.sums.sum_weights, view.sums.sum_weights,
		   view.sums.n_values * sizeof(double));
	return stats;
}

/* --- rows ------------------------------------------------------------------ */

/*
 * Allocate the block, or double it.  New lanes hold copies of the row that is
 * to go into the first of them, with weight 0.
 */
static void
widen_block(ExpandedStats *stats, const double *row)
{
	int			d = stats->view.parameters.d;
	int			old_stride = stats->stride;
	int			stride = old_stride == 0 ? FIRST_STRIDE : 2 * old_stride;
	void	   *old_chunk = stats->chunk;
	Size		size = ((Size) d + 1) * stride * sizeof(double);
	void	   *chunk = MemoryContextAllocHuge(stats->header.eoh_context,
											   size + BLOCK_ALIGNMENT - 1);
	double	   *features = (double *) TYPEALIGN(BLOCK_ALIGNMENT, chunk);

	for (int j = 0; j <= d; j++)
	{
		double	   *feature = features + (Size) j * stride;

		if (old_stride > 0)
			memcpy(feature, stats->features + (Size) j * old_stride,
				   old_stride * sizeof(double));
		for (int i = old_stride; i < stride; i++)
			feature[i] = j < d ? row[j] : 0;
	}
	stats->chunk = chunk;
	stats->features = features;
	stats->weights = features + (Size) d * stride;
	stats->stride = stride;
	if (old_chunk != NULL)
		pfree(old_chunk);
}

/* Put a row into the block. */
static void
append_row(ExpandedStats *stats, const double *row, double weight)
{
	int			place = stats->n_pending;

	if (place == stats->stride)
		widen_block(stats, row);
	for (int j = 0; j < stats->view.parameters.d; j++)
		stats->features[(Size) j * stats->stride + place] = row[j];
	stats->weights[place] = weight;
	stats->n_pending++;
	stats->view.n_rows++;
}

/* Sum a full block, and empty it: its rows stay as what fills the lanes. */
static void
sum_block(FmgrInfo *flinfo, ExpandedStats *stats)
{
	add_pending(stats, call_site_runner(flinfo, stats), &stats->view.sums);
	memset(stats->weights, 0, stats->stride * sizeof(double));
	stats->n_pending = 0;
}

/* Refuse a row of another dimension, or too far away to be squared. */
static void
check_row(const ExpandedStats *stats, const GmmFeatures *features)
{
	MixtureError error = {0};

	if (unlikely(features->d != stats->view.parameters.d))
		gmm_features_report_dimensions(features->d, stats->view.parameters.d);
	error.feature = mixture_row_out_of_range(features->values, features->d);
	if (unlikely(error.feature >= 0))
		gmm_report_status(MIXTURE_FEATURE_RANGE, stats->view.parameters.k, &error);
}

/* --- the model, which comes with every row --------------------------------- */

static Datum
model_argument(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(ARG_MODEL))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("model must not be NULL"),
				 errhint("Statistics are about the means of a model; gmm_fit finds a first one.")));
	return PG_GETARG_DATUM(ARG_MODEL);
}

/* Remember how the model looks when it comes toasted. */
static void
note_toasted(ExpandedStats *stats, Datum datum)
{
	stats->is_toasted = gmm_model_key_toasted(datum, &stats->toasted_key);
}

/* Statistics for the model of a group's first row. */
static ExpandedStats *
begin_group(FunctionCallInfo fcinfo, MemoryContext context)
{
	Datum		datum = model_argument(fcinfo);
	GmmModel   *model = DatumGetGmmModel(datum);
	MixtureParameters parameters;
	ExpandedStats *stats;

	gmm_model_parameters(model, &parameters);
	stats = create_expanded(context, &parameters, model->fingerprint);
	note_toasted(stats, datum);
	PG_FREE_IF_COPY(model, ARG_MODEL);
	return stats;
}

/* Is the model still what it was? */
static void
continue_group(FunctionCallInfo fcinfo, ExpandedStats *stats)
{
	Datum		datum = model_argument(fcinfo);
	GmmModel   *model;
	GmmModelKey key;

	if (stats->is_toasted && gmm_model_key_toasted(datum, &key) &&
		gmm_model_key_equal(&key, &stats->toasted_key))
		return;
	model = DatumGetGmmModel(datum);
	gmm_model_key_contents(model, &key);
	PG_FREE_IF_COPY(model, ARG_MODEL);
	if (!gmm_model_key_equal(&key, &stats->key))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("model must be the same in all rows of a group"),
				 errhint("Pass the same value with every row, or group by the model's key.")));
	note_toasted(stats, datum);
}

/*
 * gmm_accumulate_transition(gmm_stats, model gmm_model,
 *							 features double precision[]
 *							 [, weight double precision]) returns gmm_stats
 *
 * A row without features or without a weight is skipped, one of weight 0 is
 * as absent; as in gmm_fit.
 */
Datum
gmm_accumulate_transition(PG_FUNCTION_ARGS)
{
	MemoryContext context;
	ExpandedStats *stats;
	double		weight = 1;

	if (PG_ARGISNULL(ARG_FEATURES) ||
		(PG_NARGS() > ARG_WEIGHT && PG_ARGISNULL(ARG_WEIGHT)))
	{
		if (PG_ARGISNULL(ARG_STATE))
			PG_RETURN_NULL();
		PG_RETURN_DATUM(PG_GETARG_DATUM(ARG_STATE));
	}

	/* Called by hand it is as good; the state then is not kept in place */
	if (!AggCheckCallContext(fcinfo, &context))
		context = CurrentMemoryContext;
	if (PG_ARGISNULL(ARG_STATE))
		stats = begin_group(fcinfo, context);
	else
	{
		stats = writable_stats(PG_GETARG_DATUM(ARG_STATE), context);
		continue_group(fcinfo, stats);
	}

	if (PG_NARGS() > ARG_WEIGHT)
	{
		weight = PG_GETARG_FLOAT8(ARG_WEIGHT);
		gmm_check_weight(weight);
	}
	if (weight > 0)
	{
		GmmFeatures features;

		gmm_features_get(PG_GETARG_DATUM(ARG_FEATURES), &features);
		check_row(stats, &features);
		append_row(stats, features.values, weight);
		gmm_features_release(&features);
		if (stats->n_pending == MIXTURE_BLOCK_ROWS)
			sum_block(fcinfo->flinfo, stats);
	}
	PG_RETURN_DATUM(EOHPGetRWDatum(&stats->header));
}

/*
 * gmm_stats_combine(gmm_stats, gmm_stats) returns gmm_stats
 *
 * Combines the states of workers, and is the transition function of gmm_merge.
 * Not strict: NULL is the state of a worker that saw no row.
 */
Datum
gmm_stats_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context;
	ExpandedStats *stats;
	GmmStatsView other;

	if (PG_ARGISNULL(1))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	}
	if (!AggCheckCallContext(fcinfo, &context))
		context = CurrentMemoryContext;
	gmm_stats_view(PG_GETARG_DATUM(1), &other);
	if (PG_ARGISNULL(0))
		stats = create_expanded(context, &other.parameters, other.fingerprint);
	else
	{
		stats = writable_stats(PG_GETARG_DATUM(0), context);
		gmm_stats_check_same_model(&stats->view, other.fingerprint, &other.parameters);
	}
	mixture_add_sums(stats->view.sums.sum_weights, other.sums.sum_weights,
					 other.sums.n_values);
	stats->view.n_rows += other.n_rows;
	gmm_stats_check_range(&stats->view.sums);
	PG_RETURN_DATUM(EOHPGetRWDatum(&stats->header));
}
