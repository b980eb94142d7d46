/*
 * row_arguments.c
 *	  The arguments that an aggregate gets with every row of a group: its weight,
 *	  and those that must stay what they were with the first row.
 */
#include "postgres.h"

#include <math.h>

#include "rows/row_arguments.h"

/*
 * Whether a row has no features or no weight, and is skipped as SQL's
 * aggregates do.  (A weight of 0 is another matter: the row is looked at as
 * little, but there has been one.)  The weight may not be among the arguments.
 */
bool
gmm_row_is_skipped(FunctionCallInfo fcinfo, int features, int weight)
{
	return PG_ARGISNULL(features) || (PG_NARGS() > weight && PG_ARGISNULL(weight));
}

/* The state, the first argument, as it came: the result where a row is skipped. */
Datum
gmm_state_unchanged(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	PG_RETURN_DATUM(PG_GETARG_DATUM(0));
}

/* The row's weight: finite and not negative, 1 where there is no such argument. */
double
gmm_row_weight(FunctionCallInfo fcinfo, int position)
{
	double		weight;

	if (PG_NARGS() <= position)
		return 1.0;
	weight = PG_GETARG_FLOAT8(position);
	if (unlikely(!(isfinite(weight) && weight >= 0)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 isfinite(weight) ?
				 errmsg("weight must not be negative, but is %g", weight) :
				 errmsg("weight must be finite, but is %s",
						isnan(weight) ? "NaN" :
						weight > 0 ? "Infinity" : "-Infinity")));
	return weight;
}

/*
 * The row's label, which is one of k components; 0 for NULL, and where position is
 * 0, as there is no such argument.
 */
int
gmm_row_label(FunctionCallInfo fcinfo, int position, int k)
{
	int64		label;

	if (position == 0 || PG_ARGISNULL(position))
		return 0;
	label = PG_GETARG_INT64(position);
	if (label < 1 || label > k)
		gmm_report_label(label, k);
	return (int) label;
}

/* Refuse a label that is no component's. */
void
gmm_report_label(int64 label, int k)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("label must be from 1 to k, which is %d, not " INT64_FORMAT, k, label),
			 errhint("label is the number of the row's component, or NULL if that is not known.")));
	pg_unreachable();
}

/* Refuse an argument that is not what it was with the group's first row. */
void
gmm_report_changed(const char *argument)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s must be the same in all rows of a group", argument),
			 errhint("Pass the same value with every row, or group by %s.", argument)));
	pg_unreachable();
}
