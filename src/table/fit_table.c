/*
 * fit_table.c
 *	  gmm_fit_table: a fit to a table that is not collected.
 *
 * This is gmm_fit with another source of rows.  The engine does what it does
 * there: starts on a sample, then passes over all rows until they converge,
 * accelerated and guarded.  What it asks of the rows is answered by queries:
 *
 *		ranges		count, minima and maxima (fit_table_ranges.c)
 *		labels		how many rows have which, where there is a column of them
 *		candidates	the rows whose hash is below a threshold, equal ones joined
 *					(fit_table_sample.c)
 *		pass		gmm_accumulate under the parameters of the pass
 *					(fit_table_passes.c)
 *
 * Each is an ordinary query that the planner runs as it can, in parallel, by
 * partitions or on the nodes of a cluster, and of which no more comes back
 * than sums or a sample.
 *
 * What the caller gave stands in the query that selects the rows, and in no
 * other (fit_table_queries.c):
 *
 *		SELECT ARRAY["a"::float8, "b"::float8] AS x, "c"::float8 AS w
 *		FROM schema.relation WHERE (filter)
 *
 * It is looked up once and then is a part of every other (fit_table_scan.c).  All
 * run with the rights of the caller and with the same snapshot, and every pass
 * compares number and weight of the rows with the first count.  The extension's own
 * functions and the operators are named with their schemas: only the filter is read
 * with the caller's search_path.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "compat.h"
#include "fit/fit_aggregates.h"
#include "fit/fit_options.h"
#include "fit/fit_progress.h"
#include "fit/fit_warnings.h"
#include "host/engine_host.h"
#include "table/fit_table_private.h"

/* Positions of the arguments */
enum
{
	ARG_RELATION = 0,
	ARG_FEATURES = 1,
	ARG_K = 2,
	ARG_OPTIONS = 3,
	ARG_WEIGHT = 4,
	ARG_FILTER = 5,
	ARG_LABEL = 6
};

PG_FUNCTION_INFO_V1(gmm_fit_table);

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

/*
 * The names of the features are those of the columns, unless the options have
 * others.  The elements of an array column have none of their own.
 */
static void
name_features(GmmFitTable *fit)
{
	const GmmFitTableQuery *query = &fit->query;

	if (query->is_array)
		return;
	gmm_fit_check_shape(fit->options.mixture.covariance_type, fit->k, query->n_columns, "k");
	if (fit->options.given & GMM_OPTION_FEATURES)
		gmm_options_check_features(&fit->options, query->n_columns);
	else
		(void) gmm_names_make(query->columns, query->n_columns,
							  &fit->options.features, NULL);
}

/* Read and check the arguments, as far as that can be done without the rows. */
static void
begin_table_fit(FunctionCallInfo fcinfo, GmmFitTable *fit)
{
	GmmFitTableArguments arguments = {
		.weight = text_argument(fcinfo, ARG_WEIGHT),
		.label = text_argument(fcinfo, ARG_LABEL),
		.filter = text_argument(fcinfo, ARG_FILTER)
	};

	memset(fit, 0, sizeof(GmmFitTable));
	require_argument(fcinfo, ARG_RELATION, "relation");
	require_argument(fcinfo, ARG_FEATURES, "features");
	fit->context = CurrentMemoryContext;
	fit->k = gmm_fit_k_argument(fcinfo, ARG_K, "k");
	gmm_options_parse(PG_ARGISNULL(ARG_OPTIONS) ? NULL : PG_GETARG_JSONB_P(ARG_OPTIONS),
					  GMM_USE_FIT, "gmm_fit_table", &fit->options);
	if (arguments.label != NULL)
		gmm_options_check_labelled(&fit->options);
	arguments.relation = PG_GETARG_OID(ARG_RELATION);
	arguments.features = PG_GETARG_ARRAYTYPE_P(ARG_FEATURES);
	gmm_fit_table_query_begin(&fit->query, fcinfo->flinfo->fn_oid, &arguments);
	name_features(fit);
	fit->source.context = fit;
	fit->source.ranges = gmm_fit_table_get_ranges;
	fit->source.candidates = gmm_fit_table_candidates;
	fit->source.pass = gmm_fit_table_pass;
}

/*
 * Run the engine; errors become SQL's.  False if there are no rows, or so few
 * that there is to be no model.
 */
static bool
run_engine(GmmFitTable *fit, const MixtureHost *host, MixtureFit *result)
{
	const MixtureOptions *options = &fit->options.mixture;
	GmmTooFewRows too_few_rows = fit->options.too_few_rows;
	MixtureError error = {0};
	MixtureStatus status;

	if (!gmm_fit_table_count(fit))
		return false;
	gmm_options_check_features(&fit->options, fit->d);
	gmm_fit_check_shape(options->covariance_type, fit->k, fit->d, "k");
	gmm_options_bind(&fit->options, options->covariance_type, fit->k, fit->d);
	gmm_fit_table_count_labels(fit);
	status = mixture_fit(&fit->source, fit->k, options, host, result, &error);
	if (status == MIXTURE_TOO_FEW_DISTINCT && too_few_rows == GMM_TOO_FEW_NULL)
		return false;
	if (status == MIXTURE_TOO_FEW_DISTINCT && too_few_rows == GMM_TOO_FEW_FEWER)
	{
		int			k = (int) error.count;

		status = mixture_fit(&fit->source, k, options, host, result, &error);
		result->info.n_omitted = fit->k - k;
	}
	if (status != MIXTURE_OK)
		gmm_report_status(status, fit->k, &fit->options.features, &error);
	return true;
}

/*
 * gmm_fit_table(relation regclass, features text[], k bigint, options jsonb,
 *				 weight text, filter text, label text) returns gmm_model
 *
 * NULL if there are no rows, as of an aggregate, or too few for k if the options
 * say so.
 */
Datum
gmm_fit_table(PG_FUNCTION_ARGS)
{
	MemoryContext fit_context = AllocSetContextCreate(CurrentMemoryContext, "gmm fit",
													  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old_context = MemoryContextSwitchTo(fit_context);
	GmmFitTable	fit;
	MixtureFit	result;
	GmmFitInfo	info = {0};
	GmmModel   *model = NULL;
	GmmProgress progress;

	begin_table_fit(fcinfo, &fit);
	if (run_engine(&fit, gmm_progress_begin(&progress, PG_GETARG_OID(ARG_RELATION)),
				   &result))
	{
		info.fit = result.info;
		info.fit.n_labelled = fit.labels.n_labelled;
		MemoryContextSwitchTo(old_context);
		model = gmm_model_make(&result.parameters, &fit.options.features, &info);
		gmm_warnings_note(fcinfo, model, &fit.options.mixture, fit.query.name);
	}
	gmm_progress_end(&progress);
	MemoryContextSwitchTo(old_context);
	MemoryContextDelete(fit_context);
	if (model == NULL)
		PG_RETURN_NULL();
	PG_RETURN_GMM_MODEL(model);
}
