/*
 * fit_table.c
 *	  gmm_fit_table: a fit to a table that is not collected.
 *
 * This is gmm_fit with another source of rows.  The engine does what it does
 * there: starts on a sample, then passes over all rows until they converge,
 * accelerated and guarded.  What it asks of the rows is answered by queries:
 *
 *		ranges		count, minima and maxima
 *		labels		how many rows have which, where there is a column of them
 *		candidates	the rows whose hash is below a threshold, equal ones joined
 *		pass		gmm_accumulate under the parameters of the pass
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
 * It is looked up once and then is a part of every other
 * (fit_table_scan.c).  All run with the rights of the caller and with the same
 * snapshot, and every pass compares number and weight of the rows with the
 * first.  The extension's own functions and the operators are named with their
 * schemas: only the filter is read with the caller's search_path.
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "catalog/pg_type.h"
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
#include "rows/features.h"
#include "rows/row_arguments.h"
#include "rows/rowstore.h"
#include "stats/stats.h"
#include "table/fit_table_functions.h"
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
	ARG_FILTER = 5,
	ARG_LABEL = 6
};

/* What a pass without an M-step finds: sums over the rows. */
typedef struct PassScores
{
	int64		n_rows;
	int64		n_labelled;
	double		sum_weights;
	double		log_likelihood;
	double		log_density_squares;
	double		entropy;
} PassScores;

/* Rows without a label, in place 0, and those of each label up to k. */
typedef struct LabelCounts
{
	int64	   *n_rows;
	double	   *weights;
	int64		n_labelled;		/* of all rows */
} LabelCounts;

typedef struct TableFit
{
	GmmTableQuery query;
	MemoryContext context;		/* of the fit */
	GmmOptions	options;
	int			k;
	int			d;				/* 0: not known yet */
	GmmTableRanges first;		/* as found with the count of rows */
	LabelCounts labels;			/* likewise; zero if there is no column of them */
	MixtureSource source;
	GmmModel   *scored;			/* the model of the last pass without an
								 * M-step, or NULL */
	PassScores	scores;			/* what that pass found */
} TableFit;

PG_FUNCTION_INFO_V1(gmm_fit_table);

/* --- answers ----------------------------------------------------------------- */

pg_noreturn static void
report_changed(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 errmsg("the rows of the relation changed during the fit"),
			 errhint("Fit in a transaction of isolation level REPEATABLE READ, and attach no partition to the relation meanwhile. The filter, or a view, must not be volatile.")));
	pg_unreachable();
}

/* A column of an answer, which is NULL only if there are no rows any more. */
static Datum
answer_value(const Datum *values, const bool *nulls, int column)
{
	if (nulls[column])
		report_changed();
	return values[column];
}

/*
 * Compare number and weight of the rows with the first scan's.  As a snapshot
 * is for all scans, rows can come from where it does not reach but hardly go:
 * their number tells.  Sums of n weights in any order are as near as this.
 */
static void
check_rows(const TableFit *fit, int64 n_rows, double sum_weights)
{
	double		first = *fit->first.sum_weights;

	if (n_rows != fit->source.n_rows ||
		!(fabs(sum_weights - first) <= DBL_EPSILON * n_rows * first))
		report_changed();
}

/* The same with the number of rows that have labels. */
static void
check_labelled_rows(const TableFit *fit, int64 n_rows, int64 n_labelled, double sum_weights)
{
	check_rows(fit, n_rows, sum_weights);
	if (n_labelled != fit->labels.n_labelled)
		report_changed();
}

/* --- the count of rows and their ranges ------------------------------------- */

/* Report what is wrong with a feature; j counts from 0. */
pg_noreturn static void
report_feature(const TableFit *fit, int j, int code, const char *what, const char *hint)
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
check_range(const TableFit *fit, int j)
{
	double		least = fit->first.least[j];
	double		most = fit->first.most[j];
	double		value = isfinite(most) ? least : most;

	/* the least is above the most where there is no value */
	if (most < least || isfinite(value))
		return;
	report_feature(fit, j, ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE,
				   isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity",
				   "Features must be finite; filter such rows out.");
}

/* Refuse NULLs, where the option says so. */
static void
check_missing(const TableFit *fit)
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
				   "With the option \"missing\" set to marginalize, what is there of such rows is used; with skip they are left out.");
}

/* Keep the ranges of a part, or add them.  There are none of no rows. */
static void
take_ranges(void *context, const Datum *values, const bool *nulls)
{
	TableFit   *fit = context;
	MemoryContext old_context = MemoryContextSwitchTo(fit->context);
	GmmTableRanges part;

	if (!nulls[0])
	{
		gmm_table_ranges_place(DatumGetArrayTypePCopy(values[0]), &part);
		if (fit->d > 0)
			gmm_table_ranges_add(&fit->first, &part);
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
static bool
scan_ranges(TableFit *fit)
{
	MixtureError error = {0};

	if (fit->options.missing == GMM_MISSING_SKIP)
		fit->query.nulls = GMM_TABLE_INCOMPLETE_ABSENT;
	gmm_tablescan_run(&fit->query.scan, gmm_tablequery_ranges(&fit->query), 0, NULL, NULL,
					  take_ranges, fit);
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
		fit->query.nulls = GMM_TABLE_EMPTY_ABSENT;
	fit->source.d = fit->d;
	fit->source.n_rows = (int64) *fit->first.n_rows;
	return true;
}

/* Keep what is said of a label. */
static void
take_label(void *context, const Datum *values, const bool *nulls)
{
	TableFit   *fit = context;
	int64		label = nulls[0] ? 0 : DatumGetInt64(values[0]);

	if (!nulls[0] && (label < 1 || label > fit->k))
		gmm_report_label(label, fit->k);
	fit->labels.n_rows[label] = DatumGetInt64(answer_value(values, nulls, 1));
	fit->labels.weights[label] = DatumGetFloat8(answer_value(values, nulls, 2));
	if (label > 0)
		fit->labels.n_labelled += fit->labels.n_rows[label];
}

/* Count the rows of each label, if they may have one. */
static void
scan_labels(TableFit *fit)
{
	if (!fit->query.labelled)
		return;
	fit->labels.n_rows = palloc0((fit->k + 1) * sizeof(int64));
	fit->labels.weights = palloc0((fit->k + 1) * sizeof(double));
	gmm_tablescan_run(&fit->query.scan, gmm_tablequery_labels(&fit->query), 0, NULL, NULL,
					  take_label, fit);
	fit->source.n_labels = fit->k;
}

/* As MixtureSource has it. */
static void
table_ranges(void *context, FeatureRange *range)
{
	const TableFit *fit = context;
	Size		size = fit->d * sizeof(double);

	memcpy(range->least, fit->first.least, size);
	memcpy(range->most, fit->first.most, size);
	memcpy(range->observed, fit->first.observed, size);
	range->n_incomplete = (int64) *fit->first.n_incomplete;
}

/* --- the sample --------------------------------------------------------------- */

/* Center and ranges in the one array that gmm_fit_table_hash takes. */
static Datum
make_grid(const MixtureSampling *sampling, int d)
{
	double	   *grid;
	ArrayType  *array = gmm_make_vector(3 * d, &grid);

	for (int j = 0; j < d; j++)
	{
		grid[j] = sampling->center == NULL ? 0 : sampling->center[j];
		grid[d + j] = sampling->range->least[j];
		grid[2 * d + j] = sampling->range->most[j];
	}
	return PointerGetDatum(array);
}

/* Rows of the sample, equal ones of one label joined. */
typedef struct Candidates
{
	int			d;
	int			n_labels;
	GmmRowStore *rows;
	const GmmFeatureNames *names;
	int64		n_rows;			/* before they were joined */
	int64		n_labelled;		/* of them */
	double		sum_weights;
	int64	   *n_distinct;		/* of each label, from 0: without */
} Candidates;

/* The shares of all hashes within which rows are asked for: a source's n_labels + 1 */
typedef struct Shares
{
	int			n;
	double	   *shares;
} Shares;

/* The label of a candidate; 0 if it has none. */
static int
candidate_label(const Candidates *candidates, const Datum *values, const bool *nulls)
{
	int64		label;

	if (candidates->n_labels == 0 || nulls[3])
		return 0;
	label = DatumGetInt64(values[3]);
	if (label < 1 || label > candidates->n_labels)
		gmm_report_label(label, candidates->n_labels);
	return (int) label;
}

/* A row is checked again, as it may have become another. */
static void
take_candidate(void *context, const Datum *values, const bool *nulls)
{
	Candidates *candidates = context;
	double		weight = DatumGetFloat8(answer_value(values, nulls, 1));
	int64		n_rows = DatumGetInt64(answer_value(values, nulls, 2));
	int			label = candidate_label(candidates, values, nulls);
	GmmFeatures features;

	gmm_features_get_nullable(answer_value(values, nulls, 0), &features,
							  candidates->names);
	if (features.d != candidates->d || features.n_observed == 0 ||
		!(isfinite(weight) && weight > 0))
		report_changed();
	gmm_rowstore_append(candidates->rows, features.values, features.observed, label, weight);
	gmm_features_release(&features);
	candidates->n_rows += n_rows;
	candidates->n_labelled += label > 0 ? n_rows : 0;
	candidates->sum_weights += weight;
	candidates->n_distinct[label]++;
}

/* Whether shares are of all rows. */
static bool
all_of(const Shares *shares)
{
	for (int i = 0; i < shares->n; i++)
		if (shares->shares[i] < 1)
			return false;
	return true;
}

/* The greatest hashes within shares of all, in an array from subscript 0. */
static Datum
make_thresholds(const Shares *shares)
{
	Datum	   *elements = palloc(shares->n * sizeof(Datum));
	int			lower = 0;

	for (int i = 0; i < shares->n; i++)
	{
		double		share = shares->shares[i];
		uint64		threshold = share >= 1 ? PG_UINT64_MAX : (uint64) ldexp(share, 64);

		elements[i] = Int64GetDatum((int64) (threshold ^ (UINT64CONST(1) << 63)));
	}
	return PointerGetDatum(construct_md_array(elements, NULL, 1,
											  unconstify(int *, &shares->n), &lower,
											  INT8OID, sizeof(int64), FLOAT8PASSBYVAL,
											  TYPALIGN_DOUBLE));
}

/*
 * Put the rows whose hash is within their share of all hashes into a row store
 * in CurrentMemoryContext, equal ones joined; n_distinct is their number by label.
 */
static GmmRowStore *
fetch_candidates(const TableFit *fit, const MixtureSampling *sampling,
				 const Shares *shares, int64 *n_distinct)
{
	static const Oid types[3] = {FLOAT8ARRAYOID, INT8OID, INT8ARRAYOID};
	Datum		values[3];
	int			n_labels = fit->source.n_labels;
	Candidates	candidates = {
		.d = fit->d, .n_labels = n_labels,
		.rows = gmm_rowstore_create(CurrentMemoryContext, fit->d, n_labels),
		.names = &fit->options.features, .n_distinct = n_distinct
	};
	bool		all = all_of(shares);

	memset(n_distinct, 0, shares->n * sizeof(int64));
	values[0] = make_grid(sampling, fit->d);
	values[1] = Int64GetDatum((int64) sampling->seed);
	values[2] = make_thresholds(shares);
	gmm_tablescan_run(&fit->query.scan, gmm_tablequery_candidates(&fit->query, all),
					  all ? 0 : 3, types, values, take_candidate, &candidates);
	if (all)
		check_labelled_rows(fit, candidates.n_rows, candidates.n_labelled,
							candidates.sum_weights);
	return candidates.rows;
}

/* Distinct rows wanted of a label, 0 for those without. */
static double
wanted_rows(const MixtureSampling *sampling, int label)
{
	return label == 0 ? (double) sampling->limit : (double) sampling->label_limit;
}

/*
 * Enlarge the shares within which fewer rows were found than are wanted.  False if
 * there is none.
 *
 * How many distinct rows there are is not known, but how many were found
 * below a threshold tells where the next one has to be.
 */
static bool
enlarge_shares(Shares *shares, const MixtureSampling *sampling, const int64 *n_distinct)
{
	bool		enlarged = false;

	for (int i = 0; i < shares->n; i++)
	{
		double		wanted = wanted_rows(sampling, i);
		double		growth;

		if (shares->shares[i] >= 1 || n_distinct[i] >= wanted)
			continue;
		growth = n_distinct[i] == 0 ? MOST_GROWTH : CANDIDATE_MARGIN * wanted / n_distinct[i];
		shares->shares[i] *= Min(Max(growth, LEAST_GROWTH), MOST_GROWTH);
		enlarged = true;
	}
	return enlarged;
}

/* Rows to take a sample from, as MixtureSource has it. */
static bool
table_candidates(void *context, const MixtureSampling *sampling, MixtureSource *rows)
{
	const TableFit *fit = context;
	int			n = fit->source.n_labels + 1;
	Shares		shares = {n, palloc(n * sizeof(double))};
	int64	   *n_distinct = palloc(n * sizeof(int64));

	for (int i = 0; i < n; i++)
	{
		int64		n_rows = fit->query.labelled ? fit->labels.n_rows[i] : fit->source.n_rows;

		/* all of none, too */
		shares.shares[i] = CANDIDATE_MARGIN * wanted_rows(sampling, i) / n_rows;
	}
	for (;;)
	{
		MemoryContext attempt = AllocSetContextCreate(CurrentMemoryContext,
													  "gmm candidates",
													  ALLOCSET_DEFAULT_SIZES);
		MemoryContext old_context = MemoryContextSwitchTo(attempt);
		bool		all = all_of(&shares);
		GmmRowStore *found = fetch_candidates(fit, sampling, &shares, n_distinct);

		MemoryContextSwitchTo(old_context);
		gmm_rowstore_source(found, rows);
		rows->label_weights = all ? NULL : fit->labels.weights;
		if (!enlarge_shares(&shares, sampling, n_distinct))
			return all;
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

/* Where the sums of a pass go to. */
typedef struct PassSums
{
	int64		n_rows;
	int64		n_labelled;
	double	   *sums;
} PassSums;

/*
 * Whether labels count in a pass: not where the engine has made one component of all
 * rows, to know their moments.
 */
static bool
is_labelled(const TableFit *fit, const MixturePass *pass)
{
	return fit->query.labelled && pass->parameters->k == fit->k;
}

/* The parameters of a pass's queries: the model $1 and the center $2. */
static void
run_pass(const TableFit *fit, const MixturePass *pass, const char *query, Datum model,
		 GmmTableAnswer answer, void *context)
{
	Oid			types[2] = {fit->query.model_type, FLOAT8ARRAYOID};
	Datum		values[2] = {model, (Datum) 0};
	double	   *center;

	if (pass->center != NULL)
	{
		values[1] = PointerGetDatum(gmm_make_vector(fit->d, &center));
		memcpy(center, pass->center, fit->d * sizeof(double));
	}
	gmm_tablescan_run(&fit->query.scan, query, pass->center != NULL ? 2 : 1, types, values,
					  answer, context);
}

/* Add the sums of a part.  There are none of no rows. */
static void
take_sums(void *context, const Datum *values, const bool *nulls)
{
	PassSums   *pass = context;
	GmmStatsView view;

	if (nulls[0])
		return;
	gmm_stats_view(values[0], &view);
	pass->n_rows += view.n_rows;
	pass->n_labelled += view.n_labelled;
	mixture_add_sums(pass->sums, view.sums.sum_weights, view.sums.n_values);
}

/* The sums of an E-step, by gmm_accumulate. */
static void
accumulate_pass(const TableFit *fit, const MixturePass *pass, Datum model, double *sums)
{
	const MixtureParameters *parameters = pass->parameters;
	bool		labelled = is_labelled(fit, pass);
	PassSums	context = {.sums = sums};
	MixtureStats stats;

	mixture_place_stats(&stats, parameters->covariance_type, parameters->k,
						parameters->d, sums);
	memset(sums, 0, stats.n_values * sizeof(double));
	run_pass(fit, pass, gmm_tablequery_accumulate(&fit->query, labelled, pass->center != NULL),
			 model, take_sums, &context);
	check_labelled_rows(fit, context.n_rows,
						labelled ? context.n_labelled : fit->labels.n_labelled,
						*stats.sum_weights);
}

/* Add the scores of a part, which has none without rows. */
static void
take_scores(void *context, const Datum *values, const bool *nulls)
{
	PassScores *scores = context;
	GmmStatsView view;

	if (nulls[0])
		return;
	gmm_stats_view(values[0], &view);
	scores->n_rows += view.n_rows;
	scores->n_labelled += view.n_labelled;
	scores->sum_weights += *view.sums.sum_weights;
	scores->log_likelihood += *view.sums.log_likelihood;
	scores->log_density_squares += *view.sums.log_density_squares;
	scores->entropy += DatumGetFloat8(answer_value(values, nulls, 1));
}

/*
 * The sums of an E-step that no M-step follows, with the entropy.  The engine
 * asks twice for those of the parameters that it ends with.
 */
static void
score_pass(TableFit *fit, const MixturePass *pass, GmmModel *model, double *sums)
{
	const MixtureParameters *parameters = pass->parameters;
	bool		labelled = is_labelled(fit, pass);
	MixtureStats stats;

	if (fit->scored == NULL || VARSIZE(fit->scored) != VARSIZE(model) ||
		memcmp(fit->scored, model, VARSIZE(model)) != 0)
	{
		memset(&fit->scores, 0, sizeof(fit->scores));
		run_pass(fit, pass, gmm_tablequery_score(&fit->query, labelled, pass->center != NULL),
				 PointerGetDatum(model), take_scores, &fit->scores);
		check_labelled_rows(fit, fit->scores.n_rows,
							labelled ? fit->scores.n_labelled : fit->labels.n_labelled,
							fit->scores.sum_weights);
		if (fit->scored != NULL)
			pfree(fit->scored);
		fit->scored = MemoryContextAlloc(fit->context, VARSIZE(model));
		memcpy(fit->scored, model, VARSIZE(model));
	}
	mixture_place_stats(&stats, parameters->covariance_type, parameters->k,
						parameters->d, sums);
	memset(sums, 0, stats.n_values * sizeof(double));
	*stats.sum_weights = fit->scores.sum_weights;
	*stats.log_likelihood = fit->scores.log_likelihood;
	*stats.log_density_squares = fit->scores.log_density_squares;
	*stats.entropy = fit->scores.entropy;
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
	model = gmm_model_make(pass->parameters, NULL, NULL);
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

/*
 * The names of the features are those of the columns, unless the options have
 * others.  The elements of an array column have none of their own.
 */
static void
name_features(TableFit *fit)
{
	const GmmTableQuery *query = &fit->query;

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
begin_table_fit(FunctionCallInfo fcinfo, TableFit *fit)
{
	GmmTableArguments arguments = {
		.weight = text_argument(fcinfo, ARG_WEIGHT),
		.label = text_argument(fcinfo, ARG_LABEL),
		.filter = text_argument(fcinfo, ARG_FILTER)
	};

	memset(fit, 0, sizeof(TableFit));
	require_argument(fcinfo, ARG_RELATION, "relation");
	require_argument(fcinfo, ARG_FEATURES, "features");
	fit->context = CurrentMemoryContext;
	fit->k = gmm_fit_k_argument(fcinfo, ARG_K, "k");
	gmm_options_parse(PG_ARGISNULL(ARG_OPTIONS) ? NULL : PG_GETARG_JSONB_P(ARG_OPTIONS),
					  &fit->options);
	gmm_options_check_search(&fit->options, "gmm_fit_table");
	if (arguments.label != NULL)
		gmm_options_check_labelled(&fit->options);
	arguments.relation = PG_GETARG_OID(ARG_RELATION);
	arguments.features = PG_GETARG_ARRAYTYPE_P(ARG_FEATURES);
	gmm_tablequery_begin(&fit->query, fcinfo->flinfo->fn_oid, &arguments);
	name_features(fit);
	fit->source.context = fit;
	fit->source.ranges = table_ranges;
	fit->source.candidates = table_candidates;
	fit->source.pass = table_pass;
}

/*
 * Run the engine; errors become SQL's.  False if there are no rows, or so few
 * that there is to be no model.
 */
static bool
run_engine(TableFit *fit, const MixtureHost *host, MixtureFit *result)
{
	const MixtureOptions *options = &fit->options.mixture;
	GmmTooFewRows too_few_rows = fit->options.too_few_rows;
	MixtureError error = {0};
	MixtureStatus status;

	if (!scan_ranges(fit))
		return false;
	gmm_options_check_features(&fit->options, fit->d);
	gmm_fit_check_shape(options->covariance_type, fit->k, fit->d, "k");
	gmm_options_bind(&fit->options, options->covariance_type, fit->k, fit->d);
	scan_labels(fit);
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
	TableFit	fit;
	MixtureFit	result;
	GmmFitInfo	info = {0};
	GmmModel   *model = NULL;
	GmmProgress progress;

	begin_table_fit(fcinfo, &fit);
	if (run_engine(&fit, gmm_progress_begin(&progress, PG_GETARG_OID(ARG_RELATION)), &result))
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
