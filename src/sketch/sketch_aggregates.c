/*
 * sketch_aggregates.c
 *	  gmm_sketch, the aggregate, and gmm_merge of sketches.
 *
 * The transition state is a gmm_sketch, so that every plan that PostgreSQL or
 * Citus knows for partial aggregates works, as with gmm_stats.
 */
#include "postgres.h"

#include "fmgr.h"

#include "compat.h"
#include "rows/features.h"
#include "rows/row_arguments.h"
#include "sketch/sketch.h"

/* Positions of the transition function's arguments */
enum
{
	ARG_STATE = 0,
	ARG_FEATURES = 1,
	ARG_SIZE = 2,
	ARG_WEIGHT = 3
};

PG_FUNCTION_INFO_V1(gmm_sketch_transition);
PG_FUNCTION_INFO_V1(gmm_sketch_combine);

static MemoryContext
state_context(FunctionCallInfo fcinfo)
{
	MemoryContext context;

	return AggCheckCallContext(fcinfo, &context) ? context : CurrentMemoryContext;
}

/* The state to add a row of d features to, made of the first. */
static GmmSketch *
state_for_row(FunctionCallInfo fcinfo, int d)
{
	GmmSketch  *sketch;
	int64		size;

	if (PG_ARGISNULL(ARG_SIZE))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("size must not be NULL")));
	size = PG_GETARG_INT64(ARG_SIZE);
	if (PG_ARGISNULL(ARG_STATE))
	{
		gmm_sketch_check_shape(size, d);
		return gmm_sketch_create(state_context(fcinfo), (int) size, d);
	}
	sketch = gmm_sketch_writable(PG_GETARG_DATUM(ARG_STATE), state_context(fcinfo));
	if (sketch->size != size)
		gmm_report_changed("size");
	if (sketch->d != d)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg_plural("features have %d element, but had %d in earlier rows",
							   "features have %d elements, but had %d in earlier rows",
							   d, d, sketch->d),
				 errhint("All rows of a group must have the same features.")));
	return sketch;
}

/*
 * gmm_sketch_transition(gmm_sketch, features double precision[], size bigint
 *						 [, weight double precision]) returns gmm_sketch
 *
 * A row without features, of NULLs only, without a weight or of weight 0 is as absent.
 */
Datum
gmm_sketch_transition(PG_FUNCTION_ARGS)
{
	GmmFeatures features;
	GmmSketch  *sketch;
	double		weight;

	if (gmm_row_is_skipped(fcinfo, ARG_FEATURES, ARG_WEIGHT))
		return gmm_state_unchanged(fcinfo);
	weight = gmm_row_weight(fcinfo, ARG_WEIGHT);
	gmm_features_get_nullable(PG_GETARG_DATUM(ARG_FEATURES), &features, NULL);
	if (weight == 0 || features.n_observed == 0)
	{
		gmm_features_release(&features);
		return gmm_state_unchanged(fcinfo);
	}
	sketch = state_for_row(fcinfo, features.d);
	gmm_sketch_add(sketch, features.values, features.observed, weight);
	gmm_features_release(&features);
	PG_RETURN_DATUM(EOHPGetRWDatum(&sketch->header));
}

/*
 * gmm_sketch_combine(gmm_sketch, gmm_sketch) returns gmm_sketch
 *
 * Combines the states of workers, and is the transition function of gmm_merge.
 * Not strict: NULL is the state of a worker that saw no row.
 */
Datum
gmm_sketch_combine(PG_FUNCTION_ARGS)
{
	GmmSketch  *sketch;

	if (PG_ARGISNULL(1))
		return gmm_state_unchanged(fcinfo);
	if (PG_ARGISNULL(ARG_STATE))
	{
		GmmSketch  *other = gmm_sketch_read(PG_GETARG_DATUM(1));

		sketch = gmm_sketch_writable(PointerGetDatum(gmm_sketch_flatten(other)),
									 state_context(fcinfo));
	}
	else
	{
		sketch = gmm_sketch_writable(PG_GETARG_DATUM(ARG_STATE), state_context(fcinfo));
		gmm_sketch_merge(sketch, gmm_sketch_read(PG_GETARG_DATUM(1)));
	}
	PG_RETURN_DATUM(EOHPGetRWDatum(&sketch->header));
}
