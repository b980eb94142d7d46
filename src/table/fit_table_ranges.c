/*
 * fit_table_ranges.c
 *	  What gmm_fit_table counts before a fit: rows, labels, the range of every
 *	  feature; and that the rows stay as many.
 *
 * The answer of every later query is compared with the first count, so that rows
 * which change while a fit runs are an error and not a model of neither.
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "utils/array.h"
#include "utils/memutils.h"

#include "compat.h"
#include "host/engine_host.h"
#include "rows/row_arguments.h"
#include "table/fit_table_private.h"

pg_noreturn void
gmm_fit_table_report_changed(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 errmsg("the rows of the relation changed during the fit"),
			 errhint("Fit in a transaction of isolation level REPEATABLE READ, and attach no partition to the relation meanwhile. The filter, or a view, must not be volatile.")));
	pg_unreachable();
}

/* A column of an answer, which is NULL only if there are no rows any more. */
Datum
gmm_fit_table_value(const Datum *values, const bool *nulls, int column)
{
	if (nulls[column])
		gmm_fit_table_report_changed();
	return values[column];
}

/*
 * Compare the number of rows, their labels and their weight with what was counted first.
 * As a snapshot is for all scans, rows can come from where it does not reach but hardly
 * go: their number tells.  Sums of n weights in any order are as near as this.
 */
void
gmm_fit_table_check_rows(const GmmFitTable *fit, const GmmFitTableCount *count)
{
	double		first = *fit->first.sum_weights;

	if (count->n_rows != fit->source.n_rows || count->n_labelled != fit->labels.n_labelled ||
		count->label_codes != fit->labels.codes ||
		!(fabs(count->sum_weights - first) <= DBL_EPSILON * count->n_rows * first))
		gmm_fit_table_report_changed();
}

/* Report what is wrong with a feature; j counts from 0. */
pg_noreturn static void
report_feature(const GmmFitTable *fit, int j, int code, const char *what, const char *hint)
{
	const char *column = fit->query.columns[fit->query.is_array ? 0 : j];

	ereport(ERROR,
			(errcode(code),
			 fit->query.is_array ?
			 errmsg("element %s of column \"%s\" contains %s",
					gmm_names_element(&fit->options.features, j), column, what) :
			 errmsg("column \"%s\" contains %s", column, what),
			 errhint("%s", hint)));
	pg_unreachable();
}

/* Refuse a feature with NaN or infinity. */
static void
check_range(const GmmFitTable *fit, int j)
{
	double		least = fit->first.least[j];
	double		most = fit->first.most[j];
	double		value = isfinite(most) ? least : most;

	/* the least is above the most where there is no value */
	if (most < least || isfinite(value))
		return;
	report_feature(fit, j, ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE,
				   isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity",
				   "Features must be finite. Filter such rows out.");
}

/* Refuse NULLs, where the option says so. */
static void
check_missing(const GmmFitTable *fit)
{
	double		most = 0;
	int			feature = 0;

	if (fit->options.missing != GMM_MISSING_ERROR || *fit->first.n_incomplete == 0)
		return;
	for (int j = 0; j < fit->d; j++)
		most = Max(most, fit->first.observed[j]);
	while (feature < fit->d - 1 && fit->first.observed[feature] == most)
		feature++;
	report_feature(fit, feature, ERRCODE_NULL_VALUE_NOT_ALLOWED, "NULL",
				   "Set the option \"missing\" to \"marginalize\" to use what such rows have, or to \"skip\" to leave them out.");
}

/* Keep the ranges of a part, or add them.  There are none of no rows. */
static void
take_ranges(void *context, const Datum *values, const bool *nulls)
{
	GmmFitTable *fit = context;
	MemoryContext old_context = MemoryContextSwitchTo(fit->context);
	GmmFitTableRanges part;

	if (!nulls[0])
	{
		gmm_fit_table_ranges_place(DatumGetArrayTypePCopy(values[0]), &part);
		if (fit->d > 0)
			gmm_fit_table_ranges_add(&fit->first, &part);
		else
			fit->first = part;
		fit->d = part.d;
	}
	MemoryContextSwitchTo(old_context);
}

/*
 * Count the rows, find the ranges, and check features and weights.  False if
 * there are no rows.
 */
bool
gmm_fit_table_count(GmmFitTable *fit)
{
	MixtureError error = {0};

	if (fit->options.missing == GMM_MISSING_SKIP)
		fit->query.nulls = GMM_FIT_TABLE_INCOMPLETE_ABSENT;
	gmm_fit_table_scan_run(&fit->query.scan, gmm_fit_table_query_ranges(&fit->query), 0,
						   NULL, NULL, take_ranges, fit);
	if (fit->d == 0)
		return false;
	if (*fit->first.n_rows == 0)
	{
		if (*fit->first.n_weightless > 0)
			gmm_report_status(MIXTURE_NO_WEIGHT, fit->k, NULL, &error);
		return false;
	}
	if (isinf(*fit->first.sum_weights))
		gmm_report_status(MIXTURE_WEIGHT_RANGE, fit->k, NULL, &error);
	for (int j = 0; j < fit->d; j++)
		check_range(fit, j);
	check_missing(fit);
	fit->query.weightless = *fit->first.n_weightless > 0;
	if (*fit->first.n_empty > 0)
		fit->query.nulls = GMM_FIT_TABLE_EMPTY_ABSENT;
	fit->source.d = fit->d;
	fit->source.n_rows = (int64) *fit->first.n_rows;
	return true;
}

/* Keep what is said of a label. */
static void
take_label(void *context, const Datum *values, const bool *nulls)
{
	GmmFitTable *fit = context;
	int64		label = nulls[0] ? 0 : DatumGetInt64(values[0]);

	if (!nulls[0] && (label < 1 || label > fit->k))
		gmm_report_label(label, fit->k);
	fit->labels.n_rows[label] = DatumGetInt64(gmm_fit_table_value(values, nulls, 1));
	fit->labels.weights[label] = DatumGetFloat8(gmm_fit_table_value(values, nulls, 2));
	if (label > 0)
	{
		fit->labels.n_labelled += fit->labels.n_rows[label];
		fit->labels.codes += fit->labels.n_rows[label] * gmm_fit_table_label_code(label);
	}
}

/* Count the rows of each label, if they may have one. */
void
gmm_fit_table_count_labels(GmmFitTable *fit)
{
	if (!fit->query.labelled)
		return;
	fit->labels.n_rows = palloc0((fit->k + 1) * sizeof(int64));
	fit->labels.weights = palloc0((fit->k + 1) * sizeof(double));
	gmm_fit_table_scan_run(&fit->query.scan, gmm_fit_table_query_labels(&fit->query), 0,
						   NULL, NULL, take_label, fit);
	fit->source.n_labels = fit->k;
}

/* As MixtureSource has it. */
void
gmm_fit_table_get_ranges(void *context, FeatureRange *range)
{
	const GmmFitTable *fit = context;
	Size		size = fit->d * sizeof(double);

	memcpy(range->least, fit->first.least, size);
	memcpy(range->most, fit->first.most, size);
	memcpy(range->observed, fit->first.observed, size);
	range->n_incomplete = (int64) *fit->first.n_incomplete;
}
