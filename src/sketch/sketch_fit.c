/*
 * sketch_fit.c
 *	  Fits to a sketch, and what it says of all rows: gmm_fit_sketch,
 *	  gmm_fit_best_sketch, gmm_sketch_summary.
 *
 * The rows of a sketch are put into a row store, as if an aggregate had
 * collected them, each once with its weight, in the order of the sketch.  If
 * they are all distinct rows, the fit is that of gmm_fit.  If not, it is the fit of
 * a sample, and counts the sample's rows and no others: criteria, the rule for
 * components of few rows and tests of drift would take rows that nobody has
 * looked at for evidence.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "compat.h"
#include "fit/fit_aggregates.h"
#include "fit/fit_options.h"
#include "fit/fit_warnings.h"
#include "host/engine_host.h"
#include "model/model.h"
#include "rows/features.h"
#include "rows/result_rows.h"
#include "rows/rowstore.h"
#include "sketch/sketch.h"

#define SUMMARY_COLUMNS		10

PG_FUNCTION_INFO_V1(gmm_fit_sketch);
PG_FUNCTION_INFO_V1(gmm_fit_best_sketch);
PG_FUNCTION_INFO_V1(gmm_sketch_summary);

/* --- fits ------------------------------------------------------------------------- */

/* Put the values of a row that are not NULL into values; false if all are there. */
static bool
take_values(const double *row, int d, double *values, uint8 *observed)
{
	int			n = 0;

	memset(observed, 0, (d + 7) / 8);
	for (int j = 0; j < d; j++)
	{
		if (isnan(row[j]))
			continue;
		values[n++] = row[j];
		observed[j / 8] |= 1 << (j % 8);
	}
	return n < d;
}

/*
 * Put the rows into a store of the current context, and their number into fit.
 * Returns how many distinct ones they are.
 */
static int
collect_rows(const GmmSketch *sketch, bool skip, GmmRowsFit *fit)
{
	int			d = sketch->d;
	double	   *values = palloc(d * sizeof(double));
	uint8	   *observed = palloc((d + 7) / 8);
	int			n_distinct = 0;

	for (int i = 0; i < sketch->n; i++)
	{
		const GmmSketchEntry *entry = &sketch->entries[i];
		bool		incomplete = take_values(entry->row, d, values, observed);
		double		weight;

		CHECK_FOR_INTERRUPTS();
		if (incomplete && skip)
			continue;
		weight = gmm_sketch_weight(sketch, i);
		if (!(weight > 0))
			continue;
		if (fit->rows == NULL)
			fit->rows = gmm_rowstore_create(CurrentMemoryContext, d, 0);
		gmm_rowstore_append(fit->rows, values, incomplete ? observed : NULL, 0, weight);
		fit->n_rows += entry->count;
		fit->n_incomplete += incomplete ? entry->count : 0;
		n_distinct++;
	}
	return n_distinct;
}

/* Refuse NULLs, where the option says so. */
static void
check_missing(const GmmSketch *sketch, const GmmOptions *options)
{
	if (options->missing == GMM_MISSING_ERROR && sketch->n_incomplete > 0)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the sketch has rows with NULL elements"),
				 errhint("Set the option \"missing\" to \"marginalize\" to use what such rows have, or to \"skip\" to leave them out.")));
}

/*
 * Refuse more components than distinct rows where there are others that are not in
 * the sketch, so that these are not all.
 */
static void
check_distinct(const GmmSketch *sketch, const GmmOptions *options, int k, int n_distinct)
{
	if (sketch->truncated && n_distinct < k && options->too_few_rows == GMM_TOO_FEW_ERROR)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg_plural("k is %d, but there is only %d distinct row in the sketch",
							   "k is %d, but there are only %d distinct rows in the sketch",
							   n_distinct, k, n_distinct),
				 errhint("Use a smaller k, a sketch of a larger size, or the option \"too_few_rows\".")));
}

/* Fit k components, or, if k_max is not 0, that many at the most. */
static Datum
fit_sketch(FunctionCallInfo fcinfo, int k, int k_max, GmmOptions *options)
{
	MemoryContext fit_context = AllocSetContextCreate(CurrentMemoryContext, "gmm fit",
													  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(fit_context);
	const GmmSketch *sketch = gmm_sketch_read(PG_GETARG_DATUM(0));
	GmmRowsFit	fit = {.k = k, .k_max = k_max, .options = options};
	GmmModel   *model = NULL;
	int			n_distinct;

	check_missing(sketch, options);
	n_distinct = collect_rows(sketch, options->missing == GMM_MISSING_SKIP, &fit);
	if (fit.rows != NULL)
		check_distinct(sketch, options, k, n_distinct);
	if (fit.rows != NULL)
		model = gmm_fit_rows(&fit, caller);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(fit_context);
	if (model == NULL)
		PG_RETURN_NULL();
	gmm_warnings_note(fcinfo, model, &options->mixture, NULL);
	PG_RETURN_GMM_MODEL(model);
}

/* gmm_fit_sketch(sketch gmm_sketch, k bigint, options jsonb) returns gmm_model */
Datum
gmm_fit_sketch(PG_FUNCTION_ARGS)
{
	int			k = gmm_fit_k_argument(fcinfo, 1, "k");
	GmmOptions	options;

	gmm_options_parse(PG_ARGISNULL(2) ? NULL : PG_GETARG_JSONB_P(2), GMM_USE_FIT,
					  "gmm_fit_sketch", &options);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	return fit_sketch(fcinfo, k, 0, &options);
}

/*
 * gmm_fit_best_sketch(sketch gmm_sketch, k_min bigint, k_max bigint, options jsonb)
 *					  returns gmm_model
 */
Datum
gmm_fit_best_sketch(PG_FUNCTION_ARGS)
{
	int			k_min;
	int			k_max;
	GmmOptions	options;

	gmm_fit_range_arguments(fcinfo, 1, &k_min, &k_max);
	gmm_options_parse(PG_ARGISNULL(3) ? NULL : PG_GETARG_JSONB_P(3), GMM_USE_BEST,
					  "gmm_fit_best_sketch", &options);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	return fit_sketch(fcinfo, k_min, k_max, &options);
}

/* --- what a sketch knows ------------------------------------------------------------- */

/* The weight of all rows, with NULL and without. */
static double
total_weight(const GmmSketch *sketch)
{
	ExactSums	sum;
	double		weight;

	exact_begin(&sum, 1);
	for (int i = 0; i < 2; i++)
		exact_add_sum(&sum, 0, &sketch->sums[GMM_SKETCH_TOTALS], i, false, &gmm_host);
	weight = exact_round(&sum, 0);
	exact_release(&sum, &gmm_host);
	return weight;
}

/* Whether the moments of a sketch are within the range of a double. */
static bool
all_finite(const double *values, Size n)
{
	for (Size i = 0; i < n; i++)
		if (!isfinite(values[i]))
			return false;
	return true;
}

/* Mean and covariance of the rows without NULL; NULL where they are not known. */
static void
fill_moments(const GmmSketch *sketch, Datum *values, bool *nulls)
{
	int			d = sketch->d;
	int			dims[2] = {d, d};
	ExactSums	weight;
	double	   *mean;
	double	   *covariance = NULL;
	ArrayType  *mean_array = gmm_make_vector(d, &mean);
	ArrayType  *covariance_array = NULL;

	nulls[0] = nulls[1] = true;
	if (exact_sign(&sketch->sums[GMM_SKETCH_TOTALS], 0) <= 0)
		return;
	if (gmm_sketch_n_seconds(d) > 0)
		covariance_array = gmm_make_array(2, dims, &covariance);
	exact_begin(&weight, 1);
	exact_add_sum(&weight, 0, &sketch->sums[GMM_SKETCH_TOTALS], 0, false, &gmm_host);
	exact_moments(&weight, &sketch->sums[GMM_SKETCH_FIRSTS], &sketch->sums[GMM_SKETCH_SECONDS],
				  d, mean, covariance, &gmm_host);
	nulls[0] = !all_finite(mean, d);
	values[0] = PointerGetDatum(mean_array);
	nulls[1] = covariance == NULL || !all_finite(covariance, (Size) d * d);
	values[1] = PointerGetDatum(covariance_array);
}

/*
 * gmm_sketch_summary(sketch gmm_sketch) returns (size, d, n_kept, complete, n_rows,
 * n_incomplete, sum_weights, n_distinct, mean, covariance)
 */
Datum
gmm_sketch_summary(PG_FUNCTION_ARGS)
{
	const GmmSketch *sketch = gmm_sketch_read(PG_GETARG_DATUM(0));
	TupleDesc	descriptor = gmm_result_descriptor(fcinfo, SUMMARY_COLUMNS);
	Datum		values[SUMMARY_COLUMNS];
	bool		nulls[SUMMARY_COLUMNS] = {false};
	double		distinct = sketch->n;
	double		weight = total_weight(sketch);

	/* of n hashes that are the smallest, the largest is n of as many parts */
	if (sketch->truncated)
		distinct = Max(distinct, (sketch->n - 1) /
					   ((sketch->entries[sketch->n - 1].hash + 1.0) / 18446744073709551616.0));
	values[0] = Int32GetDatum(sketch->size);
	values[1] = Int32GetDatum(sketch->d);
	values[2] = Int32GetDatum(sketch->n);
	values[3] = BoolGetDatum(!sketch->truncated);
	values[4] = Int64GetDatum(sketch->n_rows);
	values[5] = Int64GetDatum(sketch->n_incomplete);
	values[6] = Float8GetDatum(weight);
	nulls[6] = !isfinite(weight);
	values[7] = Float8GetDatum(rint(distinct));
	fill_moments(sketch, &values[8], &nulls[8]);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(descriptor, values, nulls)));
}
