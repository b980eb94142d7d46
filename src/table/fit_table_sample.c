/*
 * fit_table_sample.c
 *	  The rows from which gmm_fit_table's engine takes its sample.
 *
 * A sample is of the distinct rows whose hash is least, so that it depends on what rows
 * are there and not on their order.  A query has them up to a threshold, equal ones
 * joined; how many distinct rows there are is not known, so that the threshold rises
 * until enough are found, of each label as well.
 *
 * The engine may then want the rows as well that are far from all of these.  It asks for
 * them only where the ranges say that there are any, with a query that returns nothing
 * else: of a table of many rows these are few, as the sample has next to none of them.
 * And it wants those that are a large share of all, for which there is a query only where
 * the count of rows says that some may be.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/memutils.h"

#include "compat.h"
#include "rows/features.h"
#include "rows/row_arguments.h"
#include "rows/rowstore.h"
#include "table/fit_table_private.h"

/* Candidates asked for, in samples: what chance takes away is not missed */
#define CANDIDATE_MARGIN	1.5

/* By so much, at the least and at the most, the next threshold is higher. */
#define LEAST_GROWTH		2.0
#define MOST_GROWTH			64.0

/* Center and ranges in the one array that the functions of the queries take. */
static Datum
make_grid(const MixtureSampling *sampling, const FeatureRange *range, int d)
{
	double	   *grid;
	ArrayType  *array = gmm_make_vector(3 * d, &grid);

	for (int j = 0; j < d; j++)
	{
		grid[j] = sampling->center == NULL ? 0 : sampling->center[j];
		grid[d + j] = range->least[j];
		grid[2 * d + j] = range->most[j];
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
	GmmFitTableCount count;		/* before they were joined */
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
	double		weight = DatumGetFloat8(gmm_fit_table_value(values, nulls, 1));
	int64		n_rows = DatumGetInt64(gmm_fit_table_value(values, nulls, 2));
	int			label = candidate_label(candidates, values, nulls);
	GmmFeatures features;

	gmm_features_get_nullable(gmm_fit_table_value(values, nulls, 0), &features,
							  candidates->names);
	if (features.d != candidates->d || features.n_observed == 0 ||
		!(isfinite(weight) && weight > 0))
		gmm_fit_table_report_changed();
	gmm_rowstore_append(candidates->rows, features.values, features.observed, label, weight);
	gmm_features_release(&features);
	candidates->count.n_rows += n_rows;
	candidates->count.sum_weights += weight;
	if (label > 0)
	{
		candidates->count.n_labelled += n_rows;
		candidates->count.label_codes += n_rows * gmm_fit_table_label_code(label);
	}
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

/* No candidates yet, of which the rows are to be in CurrentMemoryContext. */
static void
begin_candidates(Candidates *candidates, const GmmFitTable *fit)
{
	int			n_labels = fit->source.n_labels;

	*candidates = (Candidates) {
		.d = fit->d, .n_labels = n_labels,
		.rows = gmm_rowstore_create(CurrentMemoryContext, fit->d, n_labels),
		.names = &fit->options.features,
		.n_distinct = palloc0((n_labels + 1) * sizeof(int64))
	};
}

/* Find the rows whose hash is within their share of all hashes, equal ones joined. */
static void
fetch_candidates(const GmmFitTable *fit, const MixtureSampling *sampling,
				 const Shares *shares, Candidates *candidates)
{
	static const Oid types[3] = {FLOAT8ARRAYOID, INT8OID, INT8ARRAYOID};
	Datum		values[3];
	bool		all = all_of(shares);

	begin_candidates(candidates, fit);
	values[0] = make_grid(sampling, sampling->range, fit->d);
	values[1] = Int64GetDatum((int64) sampling->seed);
	values[2] = make_thresholds(shares);
	gmm_fit_table_scan_run(&fit->query.scan, gmm_fit_table_query_candidates(&fit->query, all),
						   all ? 0 : 3, types, values, take_candidate, candidates);
	if (all)
		gmm_fit_table_check_rows(fit, &candidates->count);
}

/*
 * Find the rows that a query has for an array, equal ones joined.  There are some, or they
 * have changed.
 */
static void
fetch_some(const GmmFitTable *fit, const char *query, Datum array, Candidates *candidates)
{
	static const Oid types[1] = {FLOAT8ARRAYOID};

	gmm_fit_table_scan_run(&fit->query.scan, query, 1, types, &array, take_candidate,
						   candidates);
	if (candidates->count.n_rows == 0)
		gmm_fit_table_report_changed();
}

/* Find the rows beyond the box. */
static void
fetch_beyond(const GmmFitTable *fit, const MixtureSampling *sampling, Candidates *candidates)
{
	fetch_some(fit, gmm_fit_table_query_beyond(&fit->query),
			   make_grid(sampling, sampling->box, fit->d), candidates);
}

/* Find the rows that may weigh so much, if there are any. */
static void
fetch_frequent(const GmmFitTable *fit, double least_weight, Candidates *candidates)
{
	ArrayType  *keys = gmm_fit_table_frequent_keys(&fit->first.frequent, least_weight);

	if (keys != NULL)
		fetch_some(fit, gmm_fit_table_query_frequent(&fit->query), PointerGetDatum(keys),
				   candidates);
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

/* Find rows until there are enough.  Returns whether they are all. */
static bool
find_candidates(const GmmFitTable *fit, const MixtureSampling *sampling, MixtureSource *rows)
{
	int			n = fit->source.n_labels + 1;
	Shares		shares = {n, palloc(n * sizeof(double))};

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
		Candidates	candidates;

		fetch_candidates(fit, sampling, &shares, &candidates);
		MemoryContextSwitchTo(old_context);
		gmm_rowstore_source(candidates.rows, rows);
		if (!all)
			rows->label_weights = fit->query.labelled ? fit->labels.weights :
				fit->first.sum_weights;
		if (!enlarge_shares(&shares, sampling, candidates.n_distinct))
			return all;
		MemoryContextDelete(attempt);
	}
}

/* Rows to take a sample from, as MixtureSource has it. */
bool
gmm_fit_table_candidates(void *context, const MixtureSampling *sampling,
						 MixtureSource *rows)
{
	const GmmFitTable *fit = context;
	Candidates	candidates;

	if (sampling->box == NULL && sampling->least_weight == 0)
		return find_candidates(fit, sampling, rows);
	begin_candidates(&candidates, fit);
	if (sampling->box != NULL)
		fetch_beyond(fit, sampling, &candidates);
	else
		fetch_frequent(fit, sampling->least_weight, &candidates);
	gmm_rowstore_source(candidates.rows, rows);
	return false;
}
