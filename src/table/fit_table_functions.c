/*
 * fit_table_functions.c
 *	  What gmm_fit_table's queries need beside the functions for everyone: the
 *	  ranges of the features, the hash by which the sample is taken, what is
 *	  beyond it, and rows less their center.
 *
 * They are SQL functions, since the rows are where a query finds them: in a
 * parallel worker or on a node of a cluster.
 */
#include "postgres.h"

#include <math.h>

#include "access/tupmacs.h"
#include "catalog/pg_type.h"
#include "fmgr.h"

#include "compat.h"
#include "engine/engine.h"
#include "rows/features.h"
#include "rows/row_arguments.h"
#include "table/fit_table_functions.h"

/* Values before those of the features, and others than these */
#define RANGES_HEAD		5
#define RANGES_FIXED	(RANGES_HEAD + GMM_FREQUENT_VALUES)

/* Positions of the arguments of the transition function */
enum
{
	ARG_STATE = 0,
	ARG_FEATURES = 1,
	ARG_WEIGHT = 2
};

PG_FUNCTION_INFO_V1(gmm_fit_table_ranges_transition);
PG_FUNCTION_INFO_V1(gmm_fit_table_ranges_combine);
PG_FUNCTION_INFO_V1(gmm_fit_table_hash);
PG_FUNCTION_INFO_V1(gmm_fit_table_is_beyond);
PG_FUNCTION_INFO_V1(gmm_fit_table_center);

/* --- ranges ------------------------------------------------------------------- */

/* Find the parts of ranges, which may come from anywhere. */
void
gmm_fit_table_ranges_place(ArrayType *array, GmmFitTableRanges *ranges)
{
	double	   *values = (double *) ARR_DATA_PTR(array);
	int			n = ARR_NDIM(array) == 1 ? ARR_DIMS(array)[0] : 0;

	if (ARR_ELEMTYPE(array) != FLOAT8OID || array_contains_nulls(array) ||
		n <= RANGES_FIXED || (n - RANGES_FIXED) % 3 != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid state of gmm_fit_table_ranges")));
	ranges->d = (n - RANGES_FIXED) / 3;
	ranges->n_rows = values;
	ranges->n_incomplete = values + 1;
	ranges->n_empty = values + 2;
	ranges->n_weightless = values + 3;
	ranges->sum_weights = values + 4;
	ranges->least = values + RANGES_HEAD;
	ranges->most = ranges->least + ranges->d;
	ranges->observed = ranges->most + ranges->d;
	gmm_fit_table_frequent_place(ranges->observed + ranges->d, &ranges->frequent);
}

/* The ranges of no rows, in CurrentMemoryContext. */
static ArrayType *
make_ranges(int d, GmmFitTableRanges *ranges)
{
	double	   *values;
	ArrayType  *array = gmm_make_vector(RANGES_FIXED + 3 * d, &values);

	gmm_fit_table_ranges_place(array, ranges);
	for (int j = 0; j < d; j++)
	{
		ranges->least[j] = INFINITY;
		ranges->most[j] = -INFINITY;
	}
	return array;
}

pg_noreturn static void
report_dimensions(int d, int first_d)
{
	ereport(ERROR,
			(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
			 errmsg_plural("features have %d element, but those of another row have %d",
						   "features have %d elements, but those of another row have %d",
						   d, d, first_d),
			 errhint("All rows must have the same features.")));
	pg_unreachable();
}

/* Widen the range of a feature by values of this weight; most may be NaN. */
static inline void
widen_range(GmmFitTableRanges *ranges, int j, double least, double most, double weight)
{
	if (least < ranges->least[j])
		ranges->least[j] = least;
	if (!(most <= ranges->most[j]) && !isnan(ranges->most[j]))
		ranges->most[j] = most;
	ranges->observed[j] += weight;
}

static void
add_row(GmmFitTableRanges *ranges, const GmmFeatures *features, double weight)
{
	const double *value = features->values;

	if (features->d != ranges->d)
		report_dimensions(features->d, ranges->d);
	if (features->n_observed == 0)
	{
		++*ranges->n_empty;
		return;
	}
	++*ranges->n_rows;
	*ranges->n_incomplete += features->observed != NULL;
	*ranges->sum_weights += weight;
	for (int j = 0; j < features->d; j++)
	{
		if (features->observed != NULL && att_isnull(j, features->observed))
			continue;
		widen_range(ranges, j, *value, *value, weight);
		value++;
	}
	gmm_fit_table_frequent_add_row(&ranges->frequent, features, weight);
}

/* Add the ranges of other rows. */
void
gmm_fit_table_ranges_add(GmmFitTableRanges *ranges, const GmmFitTableRanges *other)
{
	if (other->d != ranges->d)
		report_dimensions(other->d, ranges->d);
	*ranges->n_rows += *other->n_rows;
	*ranges->n_incomplete += *other->n_incomplete;
	*ranges->n_empty += *other->n_empty;
	*ranges->n_weightless += *other->n_weightless;
	*ranges->sum_weights += *other->sum_weights;
	for (int j = 0; j < ranges->d; j++)
		widen_range(ranges, j, other->least[j], other->most[j], other->observed[j]);
	gmm_fit_table_frequent_add(&ranges->frequent, &other->frequent);
}

/*
 * The state to change: in the aggregate's context as it is, or a copy.
 * d: of the state if there is none yet.
 */
static ArrayType *
writable_ranges(FunctionCallInfo fcinfo, int d, GmmFitTableRanges *ranges)
{
	MemoryContext context;
	bool		in_aggregate = AggCheckCallContext(fcinfo, &context) != 0;
	MemoryContext old_context = MemoryContextSwitchTo(in_aggregate ? context :
													  CurrentMemoryContext);
	ArrayType  *array;

	if (PG_ARGISNULL(ARG_STATE))
		array = make_ranges(d, ranges);
	else
	{
		array = in_aggregate ? PG_GETARG_ARRAYTYPE_P(ARG_STATE) :
			PG_GETARG_ARRAYTYPE_P_COPY(ARG_STATE);
		gmm_fit_table_ranges_place(array, ranges);
	}
	MemoryContextSwitchTo(old_context);
	return array;
}

/*
 * gmm_fit_table_ranges_transition(double precision[], features double precision[],
 *								   weight double precision) returns double precision[]
 *
 * A row without an array or without a weight is as absent.
 */
Datum
gmm_fit_table_ranges_transition(PG_FUNCTION_ARGS)
{
	GmmFeatures features;
	GmmFitTableRanges ranges;
	ArrayType  *state;
	double		weight;

	if (gmm_row_is_skipped(fcinfo, ARG_FEATURES, ARG_WEIGHT))
		return gmm_state_unchanged(fcinfo);
	weight = gmm_row_weight(fcinfo, ARG_WEIGHT);
	gmm_features_get_any(PG_GETARG_DATUM(ARG_FEATURES), &features);
	state = writable_ranges(fcinfo, features.d, &ranges);
	if (weight > 0)
		add_row(&ranges, &features, weight);
	else
		++*ranges.n_weightless;
	gmm_features_release(&features);
	PG_RETURN_ARRAYTYPE_P(state);
}

/*
 * gmm_fit_table_ranges_combine(double precision[], double precision[])
 *							   returns double precision[]
 */
Datum
gmm_fit_table_ranges_combine(PG_FUNCTION_ARGS)
{
	GmmFitTableRanges ranges;
	GmmFitTableRanges other;
	ArrayType  *state;

	if (PG_ARGISNULL(1))
		return gmm_state_unchanged(fcinfo);
	gmm_fit_table_ranges_place(PG_GETARG_ARRAYTYPE_P(1), &other);
	state = writable_ranges(fcinfo, other.d, &ranges);
	gmm_fit_table_ranges_add(&ranges, &other);
	PG_RETURN_ARRAYTYPE_P(state);
}

/* --- the sample ----------------------------------------------------------------- */

/* A row less its center, and the ranges it is to be compared with. */
typedef struct GridRow
{
	double	   *values;
	int			d;
	FeatureRange range;
	GmmFeatures grid;
	double		stack[64];		/* for a row that is not longer */
} GridRow;

/*
 * Read a row and a grid: a center, minima and maxima, d values each.  An element of the
 * row that is NULL becomes NaN.
 */
static void
get_grid_row(Datum row, Datum grid, GridRow *result)
{
	GmmFeatures features;
	int			n = 0;			/* values taken */
	int			d;

	gmm_features_get_nullable(row, &features, NULL);
	gmm_features_get(grid, &result->grid);
	d = result->d = features.d;
	if (result->grid.d != 3 * d)
		report_dimensions(d, result->grid.d / 3);
	result->values = d > (int) lengthof(result->stack) ? palloc(d * sizeof(double)) :
		result->stack;
	for (int j = 0; j < d; j++)
		result->values[j] = gmm_feature_is_null(&features, j) ? NAN :
			features.values[n++] - result->grid.values[j];
	result->range.least = unconstify(double *, result->grid.values) + d;
	result->range.most = result->range.least + d;
	gmm_features_release(&features);
}

static void
release_grid_row(GridRow *row)
{
	if (row->values != row->stack)
		pfree(row->values);
	gmm_features_release(&row->grid);
}

/*
 * gmm_fit_table_hash(features double precision[], grid double precision[],
 *				   seed bigint) returns bigint
 *
 * The hash by which the engine takes samples, in the order of bigint.  An element
 * that is NULL counts as a value of its own.
 */
Datum
gmm_fit_table_hash(PG_FUNCTION_ARGS)
{
	GridRow		row;
	uint64		hash;

	get_grid_row(PG_GETARG_DATUM(0), PG_GETARG_DATUM(1), &row);
	hash = mixture_sample_hash(row.values, row.d, &row.range, (uint64) PG_GETARG_INT64(2));
	release_grid_row(&row);
	PG_RETURN_INT64((int64) (hash ^ (UINT64CONST(1) << 63)));
}

/*
 * gmm_fit_table_is_beyond(features double precision[], grid double precision[])
 *						  returns boolean
 *
 * Whether the engine wants to have the row in its sample because it is far from all that
 * is there: below the minima of the grid or above its maxima.
 */
Datum
gmm_fit_table_is_beyond(PG_FUNCTION_ARGS)
{
	GridRow		row;
	bool		beyond;

	get_grid_row(PG_GETARG_DATUM(0), PG_GETARG_DATUM(1), &row);
	beyond = mixture_is_beyond(row.values, row.d, &row.range);
	release_grid_row(&row);
	PG_RETURN_BOOL(beyond);
}

/* --- rows about their center ------------------------------------------------------ */

/*
 * gmm_fit_table_center(features double precision[], center double precision[])
 *					   returns double precision[]
 *
 * The features less the center; an element that is NULL stays so.
 */
Datum
gmm_fit_table_center(PG_FUNCTION_ARGS)
{
	ArrayType  *result = PG_GETARG_ARRAYTYPE_P_COPY(0);
	GmmFeatures features;
	GmmFeatures center;
	double	   *values;

	gmm_features_get_nullable(PointerGetDatum(result), &features, NULL);
	gmm_features_get(PG_GETARG_DATUM(1), &center);
	if (center.d != features.d)
		report_dimensions(features.d, center.d);
	values = unconstify(double *, features.values);
	for (int j = 0; j < features.d; j++)
		if (features.observed == NULL || !att_isnull(j, features.observed))
			*values++ -= center.values[j];
	gmm_features_release(&center);
	PG_RETURN_ARRAYTYPE_P(result);
}
