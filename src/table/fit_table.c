/*
 * fit_table.c
 *	  gmm_fit_table: a fit to a table that is not collected.
 *
 * This is gmm_fit with another source of rows.  The engine does what it does
 * there: starts on a sample, then passes over all rows until they converge,
 * accelerated and guarded.  What it asks of the rows is answered by queries:
 *
 *		ranges		count, minima and maxima
 *		candidates	the rows whose hash is below a threshold, equal ones joined
 *		pass		gmm_accumulate under the parameters of the pass
 *
 * Each is an ordinary query that the planner runs as it can, in parallel, by
 * partitions or on the nodes of a cluster, and of which no more comes back
 * than sums or a sample.
 *
 * The queries are of this shape, so that what the caller gave stands in the
 * inner one only (fit_table_queries.c):
 *
 *		SELECT ... FROM (SELECT "a"::float8 AS f1, "b"::float8 AS f2
 *						 FROM schema.relation WHERE (filter)) AS r
 *
 * They run with the rights of the caller and all with the same snapshot, so
 * that the rows are the same in every pass.  The extension's own functions and
 * the operators are named with their schemas: only the filter is read with the
 * caller's search_path.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "compat.h"
#include "rows/features.h"
#include "fit/fit_aggregates.h"
#include "host/engine_host.h"
#include "fit/fit_options.h"
#include "host/engine_progress.h"
#include "rows/rowstore.h"
#include "stats/stats.h"
#include "table/fit_table_queries.h"

/* Candidates asked for, in samples: what chance takes away is not missed */
#define CANDIDATE_MARGIN	1.5

/* By so much, at the least and at the most, the next threshold is higher. */
#define LEAST_GROWTH		2.0
#define MOST_GROWTH			64.0

/* Positions of the arguments */
enum
{
	ARG_RELATION = 0,
	ARG_FEATURES = 1,
	ARG_K = 2,
	ARG_OPTIONS = 3,
	ARG_WEIGHT = 4,
	ARG_FILTER = 5
};

typedef struct TableFit
{
	GmmTableQuery query;
	MemoryContext context;		/* of the fit */
	GmmOptions	options;
	int			k;
	FeatureRange range;			/* as found with the count of rows */
	MixtureSource source;
	GmmModel   *scored;			/* the model of the last pass without an
								 * M-step, or NULL */
	double		scores[3];		/* sum of weights, log-likelihood, entropy */
} TableFit;

PG_FUNCTION_INFO_V1(gmm_fit_table);
PG_FUNCTION_INFO_V1(gmm_sample_hash);

/* --- queries --------------------------------------------------------------- */

/*
 * Run a query in SPI, which the caller has connected to.  Every row of its
 * result is in SPI_tuptable.
 */
static void
run_query(const char *query, int n_arguments, Oid *types, Datum *values)
{
	int			status = SPI_execute_with_args(query, n_arguments, types, values,
											   NULL, true, 0);

	if (status != SPI_OK_SELECT)
		elog(ERROR, "SPI_execute_with_args returned %s", SPI_result_code_string(status));
}

/* A column of a row of the result, which must not be NULL. */
static Datum
result_value(uint64 row, int column)
{
	bool		isnull;
	Datum		value = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc,
									  column, &isnull);

	if (isnull)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("the rows of the relation changed during the fit"),
				 errhint("The filter, or a view, must not be volatile.")));
	return value;
}

/*
 * Copy an array of d doubles of which some may be NULL: `missing` stands for
 * those.
 */
static void
copy_array(Datum datum, int d, double *values, double missing)
{
	Datum	   *elements;
	bool	   *nulls;
	int			n;

	deconstruct_array(DatumGetArrayTypeP(datum), FLOAT8OID, sizeof(float8),
					  FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &elements, &nulls, &n);
	if (n != d)
		elog(ERROR, "array has %d elements instead of %d", n, d);
	for (int j = 0; j < d; j++)
		values[j] = nulls[j] ? missing : DatumGetFloat8(elements[j]);
}

/* --- the count of rows and their ranges ------------------------------------- */

pg_noreturn static void
report_no_rows(const TableFit *fit)
{
	ereport(ERROR,
			(errcode(ERRCODE_NO_DATA_FOUND),
			 errmsg("there are no rows in \"%s\" to fit a mixture to", fit->query.name),
			 fit->query.filtered ? errhint("No row that passes the filter has features and a weight above 0.") :
			 fit->query.weighted ? errhint("At least one row must have a weight above 0.") : 0));
}

/* Refuse a column with NaN or infinity. */
static void
check_range(const TableFit *fit, int j)
{
	double		least = fit->range.least[j];
	double		most = fit->range.most[j];
	double		value = isfinite(most) ? least : most;

	/* the least is above the most where there is no value */
	if (most < least || isfinite(value))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
			 errmsg("column \"%s\" contains %s", fit->query.columns[j],
					isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity"),
			 errhint("Features must be finite; filter such rows out.")));
}

/* Refuse NULLs, where the option says so. */
static void
check_missing(const TableFit *fit)
{
	double		most = 0;
	int			column = 0;

	if (fit->options.missing != GMM_MISSING_ERROR || fit->range.n_incomplete == 0)
		return;
	for (int j = 0; j < fit->query.d; j++)
		most = Max(most, fit->range.observed[j]);
	while (column < fit->query.d - 1 && fit->range.observed[column] == most)
		column++;
	ereport(ERROR,
			(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
			 errmsg("column \"%s\" contains NULL", fit->query.columns[column]),
			 errhint("With the option \"missing\" set to marginalize, what is there of such rows is used; with skip they are left out.")));
}

/* Count the rows, find the ranges, and check features and weights. */
static void
scan_ranges(TableFit *fit)
{
	int			d = fit->query.d;
	FeatureRange *range = &fit->range;

	range->least = palloc(3 * (Size) d * sizeof(double));
	range->most = range->least + d;
	range->observed = range->most + d;
	fit->query.skip_incomplete = fit->options.missing == GMM_MISSING_SKIP;
	SPI_connect();
	run_query(gmm_tablequery_ranges(&fit->query), 0, NULL, NULL);
	fit->source.n_rows = DatumGetInt64(result_value(0, 1));
	if (fit->source.n_rows == 0)
		report_no_rows(fit);
	range->n_incomplete = DatumGetInt64(result_value(0, 2));
	copy_array(result_value(0, 3), d, range->least, INFINITY);
	copy_array(result_value(0, 4), d, range->most, -INFINITY);
	copy_array(result_value(0, 5), d, range->observed, 0);
	if (fit->query.weighted)
	{
		gmm_check_weight(DatumGetFloat8(result_value(0, 6)));
		/* NaN is the greatest of all */
		gmm_check_weight(DatumGetFloat8(result_value(0, 7)));
	}
	SPI_finish();
	for (int j = 0; j < d; j++)
		check_range(fit, j);
	check_missing(fit);
	fit->query.incomplete = range->n_incomplete > 0 || fit->query.skip_incomplete;
}

/* As MixtureSource has it. */
static void
table_ranges(void *context, FeatureRange *range)
{
	const TableFit *fit = context;
	Size		size = fit->query.d * sizeof(double);

	memcpy(range->least, fit->range.least, size);
	memcpy(range->most, fit->range.most, size);
	memcpy(range->observed, fit->range.observed, size);
	range->n_incomplete = fit->range.n_incomplete;
}

/* --- the sample --------------------------------------------------------------- */

/*
 * gmm_sample_hash(features double precision[], grid double precision[],
 *				   seed bigint) returns bigint
 *
 * The hash by which the engine takes samples, in the order of bigint.  grid is
 * a center, minima and maxima, d values each.  An element that is NULL counts as
 * a value of its own.
 */
Datum
gmm_sample_hash(PG_FUNCTION_ARGS)
{
	GmmFeatures features;
	GmmFeatures grid;
	FeatureRange range;
	double		stack[64];
	double	   *row = stack;
	int			n = 0;			/* values taken */
	uint64		hash;

	gmm_features_get_nullable(PG_GETARG_DATUM(0), &features);
	gmm_features_get(PG_GETARG_DATUM(1), &grid);
	if (grid.d % 3 != 0 || grid.d / 3 != features.d)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("grid has %d elements, but must have three for each of %d features",
						grid.d, features.d)));
	if (features.d > (int) lengthof(stack))
		row = palloc(features.d * sizeof(double));
	for (int j = 0; j < features.d; j++)
		row[j] = features.observed != NULL &&
			!(features.observed[j / 8] & (1 << (j % 8))) ? NAN :
			features.values[n++] - grid.values[j];
	range.least = unconstify(double *, grid.values) + features.d;
	range.most = range.least + features.d;
	hash = mixture_sample_hash(row, features.d, &range, (uint64) PG_GETARG_INT64(2));
	if (row != stack)
		pfree(row);
	gmm_features_release(&features);
	gmm_features_release(&grid);
	PG_RETURN_INT64((int64) (hash ^ (UINT64CONST(1) << 63)));
}

/* Center and ranges in the one array that gmm_sample_hash takes. */
static Datum
make_grid(const MixtureSampling *sampling, int d)
{
	double	   *grid;
	ArrayType  *array = gmm_make_array(3 * d, &grid);

	for (int j = 0; j < d; j++)
	{
		grid[j] = sampling->center == NULL ? 0 : sampling->center[j];
		grid[d + j] = sampling->range->least[j];
		grid[2 * d + j] = sampling->range->most[j];
	}
	return PointerGetDatum(array);
}

/*
 * Put the rows whose hash is within this share of all hashes into a row store
 * in CurrentMemoryContext, equal ones joined.
 */
static GmmRowStore *
fetch_candidates(const TableFit *fit, const MixtureSampling *sampling, double share)
{
	Oid			types[3] = {FLOAT8ARRAYOID, INT8OID, INT8OID};
	Datum		values[3];
	GmmRowStore *rows = gmm_rowstore_create(CurrentMemoryContext, fit->query.d);
	bool		all = share >= 1;
	uint64		threshold = all ? PG_UINT64_MAX : (uint64) ldexp(share, 64);

	SPI_connect();
	values[0] = make_grid(sampling, fit->query.d);
	values[1] = Int64GetDatum((int64) sampling->seed);
	values[2] = Int64GetDatum((int64) (threshold ^ (UINT64CONST(1) << 63)));
	run_query(gmm_tablequery_candidates(&fit->query, all), all ? 0 : 3, types, values);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		GmmFeatures features;

		CHECK_FOR_INTERRUPTS();
		gmm_features_get_nullable(result_value(i, 1), &features);
		gmm_rowstore_append(rows, features.values, features.observed,
							DatumGetFloat8(result_value(i, 2)));
		gmm_features_release(&features);
	}
	SPI_finish();
	return rows;
}

/*
 * Rows to take a sample from, as MixtureSource has it.
 *
 * How many distinct rows there are is not known, but how many were found
 * below a threshold tells where the next one has to be.
 */
static bool
table_candidates(void *context, const MixtureSampling *sampling, MixtureSource *rows)
{
	const TableFit *fit = context;
	double		wanted = CANDIDATE_MARGIN * sampling->limit;
	double		share = wanted / fit->source.n_rows;

	for (;;)
	{
		MemoryContext attempt = AllocSetContextCreate(CurrentMemoryContext,
													  "gmm candidates",
													  ALLOCSET_DEFAULT_SIZES);
		MemoryContext old_context = MemoryContextSwitchTo(attempt);
		GmmRowStore *found = fetch_candidates(fit, sampling, share);
		double		growth;

		MemoryContextSwitchTo(old_context);
		gmm_rowstore_source(found, rows);
		if (share >= 1 || rows->n_rows >= sampling->limit)
			return share >= 1;
		growth = rows->n_rows == 0 ? MOST_GROWTH : wanted / rows->n_rows;
		share *= Min(Max(growth, LEAST_GROWTH), MOST_GROWTH);
		MemoryContextDelete(attempt);
	}
}

/* --- passes -------------------------------------------------------------------- */

/* Whether the engine can prepare the parameters. */
static MixtureStatus
check_parameters(const MixturePass *pass, MixtureError *error)
{
	const MixtureParameters *parameters = pass->parameters;
	MixturePrepared *prepared = mixture_prepare_rows(parameters, &gmm_host, error);

	if (prepared == NULL)
		return MIXTURE_NOT_POSITIVE_DEFINITE;
	pfree(prepared);
	return MIXTURE_OK;
}

/* The sums of an E-step, by gmm_accumulate. */
static void
accumulate_pass(const TableFit *fit, const MixturePass *pass, Datum model, double *sums)
{
	Oid			types[1] = {fit->query.model_type};
	GmmStatsView view;

	SPI_connect();
	run_query(gmm_tablequery_accumulate(&fit->query, pass->center), 1, types, &model);
	gmm_stats_view(result_value(0, 1), &view);
	memcpy(sums, view.sums.sum_weights, view.sums.n_values * sizeof(double));
	SPI_finish();
}

/*
 * Weight, log-likelihood and entropy, by the functions that score rows.  The
 * engine asks twice for those of the parameters that it ends with.
 */
static void
score_pass(TableFit *fit, const MixturePass *pass, GmmModel *model, double *sums)
{
	const MixtureParameters *parameters = pass->parameters;
	Oid			types[1] = {fit->query.model_type};
	Datum		value = PointerGetDatum(model);
	MixtureStats stats;

	if (fit->scored == NULL || VARSIZE(fit->scored) != VARSIZE(model) ||
		memcmp(fit->scored, model, VARSIZE(model)) != 0)
	{
		SPI_connect();
		run_query(gmm_tablequery_score(&fit->query, pass->center), 1, types, &value);
		for (int i = 0; i < 3; i++)
			fit->scores[i] = DatumGetFloat8(result_value(0, i + 1));
		SPI_finish();
		if (fit->scored != NULL)
			pfree(fit->scored);
		fit->scored = MemoryContextAlloc(fit->context, VARSIZE(model));
		memcpy(fit->scored, model, VARSIZE(model));
	}
	mixture_place_stats(&stats, parameters->covariance_type, parameters->k,
						parameters->d, sums);
	memset(sums, 0, stats.n_values * sizeof(double));
	*stats.sum_weights = fit->scores[0];
	*stats.log_likelihood = fit->scores[1];
	*stats.entropy = fit->scores[2];
}

/* A whole pass, as MixtureSource has it. */
static MixtureStatus
table_pass(void *context, const MixturePass *pass, double *sums, MixtureError *error)
{
	TableFit   *fit = context;
	MixtureStatus status = check_parameters(pass, error);
	GmmModel   *model;

	if (status != MIXTURE_OK)
		return status;
	model = gmm_model_make(pass->parameters, NULL);
	if (pass->m_step)
		accumulate_pass(fit, pass, PointerGetDatum(model), sums);
	else
		score_pass(fit, pass, model, sums);
	pfree(model);
	return MIXTURE_OK;
}

/* --- the function ---------------------------------------------------------------- */

/* Refuse NULL for an argument that must be there. */
static void
require_argument(FunctionCallInfo fcinfo, int argument, const char *name)
{
	if (PG_ARGISNULL(argument))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be NULL", name)));
}

/* An argument of type text, or NULL. */
static char *
text_argument(FunctionCallInfo fcinfo, int argument)
{
	if (PG_ARGISNULL(argument))
		return NULL;
	return text_to_cstring(PG_GETARG_TEXT_PP(argument));
}

/* Read and check the arguments, as far as that can be done without the rows. */
static void
begin_fit(FunctionCallInfo fcinfo, TableFit *fit)
{
	memset(fit, 0, sizeof(TableFit));
	require_argument(fcinfo, ARG_RELATION, "relation");
	require_argument(fcinfo, ARG_FEATURES, "features");
	fit->context = CurrentMemoryContext;
	fit->k = gmm_fit_k_argument(fcinfo, ARG_K, "k");
	gmm_options_parse(PG_ARGISNULL(ARG_OPTIONS) ? NULL : PG_GETARG_JSONB_P(ARG_OPTIONS),
					  &fit->options);
	gmm_tablequery_begin(&fit->query, fcinfo->flinfo->fn_oid, PG_GETARG_OID(ARG_RELATION),
						 PG_GETARG_ARRAYTYPE_P(ARG_FEATURES),
						 text_argument(fcinfo, ARG_WEIGHT),
						 text_argument(fcinfo, ARG_FILTER));
	gmm_fit_check_shape(fit->options.mixture.covariance_type, fit->k, fit->query.d, "k");
	fit->source.d = fit->query.d;
	fit->source.context = fit;
	fit->source.ranges = table_ranges;
	fit->source.candidates = table_candidates;
	fit->source.pass = table_pass;
}

/*
 * gmm_fit_table(relation regclass, features text[], k integer, options jsonb,
 *				 weight text, filter text) returns gmm_model
 */
Datum
gmm_fit_table(PG_FUNCTION_ARGS)
{
	MemoryContext fit_context = AllocSetContextCreate(CurrentMemoryContext, "gmm fit",
													  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old_context = MemoryContextSwitchTo(fit_context);
	TableFit	fit;
	MixtureFit	result;
	MixtureError error = {0};
	MixtureStatus status;
	GmmFitInfo	info;
	GmmModel   *model;

	begin_fit(fcinfo, &fit);
	gmm_progress_begin();
	scan_ranges(&fit);
	status = mixture_fit(&fit.source, fit.k, &fit.options.mixture, &gmm_host, &result,
						 &error);
	gmm_progress_end();
	if (status != MIXTURE_OK)
		gmm_report_status(status, fit.k, &error);

	MemoryContextSwitchTo(old_context);
	gmm_fit_info_init(&info);
	gmm_fit_info_from(&info, &result, &fit.options.mixture);
	model = gmm_model_make(&result.parameters, &info);
	MemoryContextDelete(fit_context);
	PG_RETURN_GMM_MODEL(model);
}
