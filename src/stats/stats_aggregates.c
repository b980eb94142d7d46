/*
 * stats_aggregates.c
 *	  The streaming aggregates: gmm_accumulate, gmm_em_step, these with labels,
 *	  gmm_merge.
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
#include "utils/float.h"
#include "utils/memutils.h"

#include "compat.h"
#include "rows/features.h"
#include "rows/row_arguments.h"
#include "host/engine_host.h"
#include "model/model_identity.h"
#include "stats/stats.h"

#define EXPANDED_MAGIC		0x676d6d73

#define FIRST_STRIDE		16
#define BLOCK_ALIGNMENT		64

/* Positions of the arguments that all transition functions have */
enum
{
	ARG_STATE = 0,
	ARG_FEATURES = 1
};

/* Positions of the others */
typedef struct StatsCall
{
	int			label;			/* 0: there is none */
	int			model;			/* then the weight */
} StatsCall;

/* Rows that have not been summed. */
typedef struct PendingBlock
{
	int			n_rows;
	int			stride;			/* 0 until there are features */
	bool		incomplete;		/* elements are NULL: NaN */
	void	   *chunk;			/* what was allocated for them */
	double	   *features;		/* d x stride */
	double	   *weights;		/* stride */
	double	   *labels;			/* stride; NULL until a row has one */
} PendingBlock;

typedef struct ExpandedStats
{
	ExpandedObjectHeader header;	/* must be first */
	int			magic;
	GmmStatsView view;			/* of what has been summed; its arrays and all
								 * else live in the object's context */
	bool		has_identity;	/* a row has come with the model */
	GmmModelIdentity identity;
	PendingBlock block;
} ExpandedStats;

/* What a call site of the transition function keeps. */
typedef struct CallSite
{
	MemoryContext context;
	MixtureRunner *runner;		/* NULL until there was a full block */
	MixtureParameters parameters;	/* that it is prepared for: a copy, which
									 * outlives the group */
} CallSite;

PG_FUNCTION_INFO_V1(gmm_accumulate_transition);
PG_FUNCTION_INFO_V1(gmm_accumulate_labelled_transition);
PG_FUNCTION_INFO_V1(gmm_stats_combine);

/* --- summing ------------------------------------------------------------- */

/*
 * A runner for these parameters, which must stay as long as it, in
 * CurrentMemoryContext.
 */
static MixtureRunner *
make_runner(const MixtureParameters *parameters)
{
	MixturePass pass = {.parameters = parameters,.m_step = true};
	MixtureError error = {0};
	MixtureRunner *runner = mixture_runner_create(parameters->covariance_type,
												  parameters->k, parameters->d,
												  &gmm_host);
	MixtureStatus status = mixture_runner_begin(runner, &pass, &error);

	if (status != MIXTURE_OK)
		gmm_report_status(status, parameters->k, NULL, &error);
	return runner;
}

/* Add the rows of a block to sums, which may be others than the object's. */
static void
add_pending_block(const PendingBlock *pending, const GmmFeatureNames *names,
				  MixtureRunner *runner, MixtureStats *sums)
{
	MixtureBlock block = {0};
	MixtureStatus status;
	MixtureError error = {0};

	if (pending->n_rows == 0)
		return;
	block.n_rows = pending->n_rows;
	block.stride = pending->stride;
	block.features = pending->features;
	block.weights = pending->weights;
	block.incomplete = pending->incomplete;
	block.labels = pending->labels;
	status = mixture_runner_add_block(runner, &block, sums, &error);
	if (status != MIXTURE_OK)
		gmm_report_status(status, sums->k, names, &error);
}

/*
 * Add the rows that have not been summed to sums, with a runner made for it.
 * Who flattens does so in a context of any kind: that in which a sort keeps its
 * tuples is one whose chunks cannot be freed, since PostgreSQL 17.
 */
static void
add_pending(const ExpandedStats *stats, MixtureStats *sums)
{
	MemoryContext old_context = MemoryContextSwitchTo(stats->header.eoh_context);
	MixtureRunner *runner = make_runner(&stats->view.parameters);

	add_pending_block(&stats->block, &stats->view.names, runner, sums);
	mixture_runner_release(runner);
	MemoryContextSwitchTo(old_context);
}

/* Doubles that a copy of parameters takes. */
static size_t
count_values(const MixtureParameters *parameters)
{
	return mixture_values_count(parameters->covariance_type, parameters->k, parameters->d,
								parameters->noise_box != NULL);
}

/*
 * The call site, with its runner ready for the model of these statistics.
 * What the runner allocates has to live as long as it: in the site's context.
 */
static CallSite *
ready_call_site(FmgrInfo *flinfo, const ExpandedStats *stats)
{
	const MixtureParameters *parameters = &stats->view.parameters;
	CallSite   *site = flinfo->fn_extra;
	MemoryContext old_context;

	if (site == NULL)
	{
		site = MemoryContextAllocZero(flinfo->fn_mcxt, sizeof(CallSite));
		site->context = AllocSetContextCreate(flinfo->fn_mcxt, "gmm runner",
											  ALLOCSET_DEFAULT_SIZES);
		flinfo->fn_extra = site;
	}
	if (site->runner != NULL && mixture_parameters_equal(&site->parameters, parameters))
		return site;

	site->runner = NULL;
	MemoryContextReset(site->context);
	old_context = MemoryContextSwitchTo(site->context);
	mixture_copy_values(&site->parameters, parameters,
						palloc_extended(sizeof(double) * count_values(parameters),
										MCXT_ALLOC_HUGE));
	site->runner = make_runner(&site->parameters);
	MemoryContextSwitchTo(old_context);
	return site;
}

/* --- the expanded object -------------------------------------------------- */

static Size
get_flat_size(ExpandedObjectHeader *header)
{
	const GmmStatsView *view = &((ExpandedStats *) header)->view;

	return gmm_stats_size(view->parameters.covariance_type, view->parameters.k,
						  view->parameters.d, view->parameters.noise_box != NULL,
						  view->names.size);
}

static void
flatten_into(ExpandedObjectHeader *header, void *result,
			 Size allocated_size pg_attribute_unused())
{
	ExpandedStats *stats = (ExpandedStats *) header;
	GmmStatsView copy;

	Assert(allocated_size == get_flat_size(header));
	gmm_stats_init(result, &stats->view);
	if (stats->block.n_rows > 0)
	{
		gmm_stats_place(result, &copy);
		add_pending(stats, &copy.sums);
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

	if (!VARATT_IS_EXTERNAL_EXPANDED(DatumGetPointer(datum)))
		return false;
	stats = (ExpandedStats *) DatumGetEOHP(datum);
	if (stats->magic != EXPANDED_MAGIC)
		elog(ERROR, "expanded object is not a gmm_stats");
	*view = stats->view;
	if (stats->block.n_rows == 0)
		return true;

	sums = palloc_extended(view->sums.n_values * sizeof(double), MCXT_ALLOC_HUGE);
	memcpy(sums, view->sums.sum_weights, view->sums.n_values * sizeof(double));
	mixture_place_stats(&view->sums, view->sums.covariance_type, view->sums.k,
						view->sums.d, sums);
	add_pending(stats, &view->sums);
	return true;
}

/*
 * A new expanded object below the given context, with parameters and names
 * copied and the sums 0.
 */
static ExpandedStats *
create_expanded(MemoryContext parent, const MixtureParameters *parameters,
				const GmmFeatureNames *names)
{
	MemoryContext context = AllocSetContextCreate(parent, "gmm statistics",
												  ALLOCSET_START_SMALL_SIZES);
	MixtureCovarianceType type = parameters->covariance_type;
	int			k = parameters->k;
	int			d = parameters->d;
	size_t		n_parameters = count_values(parameters);
	size_t		n_sums = mixture_sums_count(type, k, d);
	ExpandedStats *stats = MemoryContextAllocZero(context, sizeof(ExpandedStats));
	double	   *values;

	EOH_init_header(&stats->header, &stats_methods, context);
	stats->magic = EXPANDED_MAGIC;
	values = MemoryContextAllocHuge(context, (n_parameters + n_sums) * sizeof(double));
	mixture_copy_values(&stats->view.parameters, parameters, values + n_sums);
	stats->view.names = *names;
	gmm_names_copy(&stats->view.names, context);
	memset(values, 0, n_sums * sizeof(double));
	mixture_place_stats(&stats->view.sums, type, k, d, values);
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
	stats = create_expanded(context, &view.parameters, &view.names);
	stats->view.n_rows = view.n_rows;
	stats->view.n_labelled = view.n_labelled;
	memcpy(stats->view.sums.sum_weights, view.sums.sum_weights,
		   view.sums.n_values * sizeof(double));
	return stats;
}

/* --- rows ------------------------------------------------------------------ */

/* Put a row into a lane: the values that are not NULL, and NaN for those that are. */
static void
put_row(PendingBlock *block, int lane, const GmmFeatures *features)
{
	const double *value = features->values;

	for (int j = 0; j < features->d; j++)
		block->features[(Size) j * block->stride + lane] =
			gmm_feature_is_null(features, j) ? get_float8_nan() : *value++;
}

/* Let the rows of the block have labels: none of those there are has one. */
static void
begin_labels(ExpandedStats *stats)
{
	PendingBlock *block = &stats->block;

	block->labels = MemoryContextAllocZero(stats->header.eoh_context,
										   block->stride * sizeof(double));
}

/*
 * Allocate the features of the block, or double its lanes.  New ones hold copies
 * of the row that is to go into the first of them, with weight 0.
 */
static void
widen_block(ExpandedStats *stats, const GmmFeatures *features)
{
	PendingBlock *block = &stats->block;
	int			d = stats->view.parameters.d;
	int			old_stride = block->stride;
	int			stride = old_stride == 0 ? FIRST_STRIDE :
		Min(2 * old_stride, MIXTURE_BLOCK_ROWS);
	void	   *chunk = MemoryContextAllocHuge(stats->header.eoh_context,
											   ((Size) d + 1) * stride * sizeof(double) +
											   BLOCK_ALIGNMENT - 1);
	double	   *values = (double *) TYPEALIGN(BLOCK_ALIGNMENT, chunk);
	double	   *weights = values + (Size) d * stride;

	if (old_stride > 0)
	{
		for (int j = 0; j < d; j++)
			memcpy(values + (Size) j * stride, block->features + (Size) j * old_stride,
				   old_stride * sizeof(double));
		memcpy(weights, block->weights, old_stride * sizeof(double));
		pfree(block->chunk);
	}
	block->chunk = chunk;
	block->features = values;
	block->weights = weights;
	block->stride = stride;
	for (int lane = old_stride; lane < stride; lane++)
	{
		put_row(block, lane, features);
		block->weights[lane] = 0;
	}
	if (block->labels != NULL)
	{
		block->labels = repalloc(block->labels, stride * sizeof(double));
		memset(block->labels + old_stride, 0, (stride - old_stride) * sizeof(double));
	}
}

/* Sum the block, and empty it: its rows stay as what fills the lanes. */
static void
sum_block(FmgrInfo *flinfo, ExpandedStats *stats)
{
	CallSite   *site = ready_call_site(flinfo, stats);
	MemoryContext old_context = MemoryContextSwitchTo(site->context);
	PendingBlock *block = &stats->block;

	add_pending_block(block, &stats->view.names, site->runner, &stats->view.sums);
	MemoryContextSwitchTo(old_context);
	memset(block->weights, 0, block->stride * sizeof(double));
	block->n_rows = 0;
}

/* Refuse a row of another dimension, or too far away to be squared. */
static void
check_row(const ExpandedStats *stats, const GmmFeatures *features)
{
	MixtureError error = {0};

	if (unlikely(features->d != stats->view.parameters.d))
		gmm_features_report_dimensions(features->d, stats->view.parameters.d,
									   &stats->view.names);
	error.feature = mixture_row_out_of_range(features->values, features->n_observed);
	if (unlikely(error.feature >= 0))
	{
		for (int i = 0; i <= error.feature; i++)
			error.feature += gmm_feature_is_null(features, i);
		gmm_report_status(MIXTURE_FEATURE_RANGE, stats->view.parameters.k,
						  &stats->view.names, &error);
	}
}

/*
 * Add a row, of which not all is NULL, to the block; sum that if it is full.  label:
 * 0 if it is not known.
 */
static void
pend_row(FmgrInfo *flinfo, ExpandedStats *stats, const GmmFeatures *features,
		 int label, double weight)
{
	PendingBlock *block = &stats->block;

	gmm_stats_count_rows(&stats->view.n_rows, 1);
	stats->view.n_labelled += label > 0;
	if (block->n_rows == block->stride)
		widen_block(stats, features);
	put_row(block, block->n_rows, features);
	block->incomplete |= features->observed != NULL;
	if (label > 0 && block->labels == NULL)
		begin_labels(stats);
	if (block->labels != NULL)
		block->labels[block->n_rows] = label;
	block->weights[block->n_rows++] = weight;
	if (block->n_rows == MIXTURE_BLOCK_ROWS)
		sum_block(flinfo, stats);
}

/* --- the model, which comes with every row --------------------------------- */

#define MODEL_HINT \
	"Statistics are about the means of a model; gmm_fit finds a first one."

/* Statistics for the model of a group's first row. */
static ExpandedStats *
begin_group(FunctionCallInfo fcinfo, const StatsCall *call, MemoryContext context)
{
	Datum		datum = gmm_model_argument(fcinfo, call->model, MODEL_HINT);
	GmmModel   *model = DatumGetGmmModel(datum);
	MixtureParameters parameters;
	GmmFeatureNames names;
	ExpandedStats *stats;

	gmm_model_parameters(model, &parameters);
	gmm_model_names(model, &names);
	stats = create_expanded(context, &parameters, &names);
	gmm_model_identity_set(&stats->identity, datum, model);
	stats->has_identity = true;
	PG_FREE_IF_COPY(model, call->model);
	return stats;
}

/* Is a datum the model of statistics that came without one? */
static bool
adopt_model(ExpandedStats *stats, Datum datum)
{
	GmmModel   *model = DatumGetGmmModel(datum);
	GmmStatsView view;

	gmm_model_parameters(model, &view.parameters);
	gmm_model_names(model, &view.names);
	stats->has_identity = gmm_stats_same_model(&view, &stats->view);
	if (stats->has_identity)
		gmm_model_identity_set(&stats->identity, datum, model);
	if ((Pointer) model != DatumGetPointer(datum))
		pfree(model);
	return stats->has_identity;
}

/* Is the model still what it was? */
static void
continue_group(FunctionCallInfo fcinfo, const StatsCall *call, ExpandedStats *stats)
{
	Datum		datum = gmm_model_argument(fcinfo, call->model, MODEL_HINT);

	if (stats->has_identity ? !gmm_model_identity_matches(&stats->identity, datum) :
		!adopt_model(stats, datum))
		gmm_report_changed("model");
}

/*
 * One row.  A row without features or without a weight is skipped, one of weight 0
 * is as absent, and elements that are NULL are marginalised; as in gmm_fit.
 */
static Datum
transition(FunctionCallInfo fcinfo, const StatsCall *call)
{
	MemoryContext context;
	ExpandedStats *stats;
	int			weight_position = call->model + 1;
	double		weight;

	if (gmm_row_is_skipped(fcinfo, ARG_FEATURES, weight_position))
		return gmm_state_unchanged(fcinfo);

	/* Called by hand it is as good; the state then is not kept in place */
	if (!AggCheckCallContext(fcinfo, &context))
		context = CurrentMemoryContext;
	if (PG_ARGISNULL(ARG_STATE))
		stats = begin_group(fcinfo, call, context);
	else
	{
		stats = writable_stats(PG_GETARG_DATUM(ARG_STATE), context);
		continue_group(fcinfo, call, stats);
	}

	weight = gmm_row_weight(fcinfo, weight_position);
	if (weight > 0)
	{
		int			label = gmm_row_label(fcinfo, call->label, stats->view.parameters.k);
		GmmFeatures features;

		gmm_features_get_nullable(PG_GETARG_DATUM(ARG_FEATURES), &features,
								  &stats->view.names);
		check_row(stats, &features);
		if (features.n_observed > 0)
			pend_row(fcinfo->flinfo, stats, &features, label, weight);
		gmm_features_release(&features);
	}
	PG_RETURN_DATUM(EOHPGetRWDatum(&stats->header));
}

/*
 * gmm_accumulate_transition(gmm_stats, features double precision[],
 *							 model gmm_model
 *							 [, weight double precision]) returns gmm_stats
 */
Datum
gmm_accumulate_transition(PG_FUNCTION_ARGS)
{
	static const StatsCall call = {0, 2};

	return transition(fcinfo, &call);
}

/*
 * gmm_accumulate_labelled_transition(gmm_stats, features double precision[],
 *									  label bigint, model gmm_model
 *									  [, weight double precision]) returns gmm_stats
 */
Datum
gmm_accumulate_labelled_transition(PG_FUNCTION_ARGS)
{
	static const StatsCall call = {2, 3};

	return transition(fcinfo, &call);
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
		return gmm_state_unchanged(fcinfo);
	if (!AggCheckCallContext(fcinfo, &context))
		context = CurrentMemoryContext;
	gmm_stats_view(PG_GETARG_DATUM(1), &other);
	if (PG_ARGISNULL(0))
		stats = create_expanded(context, &other.parameters, &other.names);
	else
	{
		stats = writable_stats(PG_GETARG_DATUM(0), context);
		gmm_stats_check_same_model(&stats->view, &other);
	}
	mixture_add_sums(stats->view.sums.sum_weights, other.sums.sum_weights,
					 other.sums.n_values);
	gmm_stats_count_rows(&stats->view.n_rows, other.n_rows);
	stats->view.n_labelled += other.n_labelled;
	gmm_stats_check_range(&stats->view.sums);
	PG_RETURN_DATUM(EOHPGetRWDatum(&stats->header));
}
