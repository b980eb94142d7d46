/*
 * model_match.c
 *	  Two models side by side: which of their components are the same ones, and how
 *	  far the mixtures are apart (gmm_compare, gmm_divergence).
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"

#include "compat.h"
#include "host/engine_host.h"
#include "model/model.h"
#include "rows/result_rows.h"

/* Columns of the results */
#define COMPARE_COLUMNS		5
#define DIVERGENCE_COLUMNS	2

PG_FUNCTION_INFO_V1(gmm_compare);
PG_FUNCTION_INFO_V1(gmm_divergence);

/* Read two models of the same features: arguments 0 and 1. */
static void
get_pair(FunctionCallInfo fcinfo, MixtureParameters *a, MixtureParameters *b)
{
	GmmModel   *models[2] = {PG_GETARG_GMM_MODEL(0), PG_GETARG_GMM_MODEL(1)};
	GmmFeatureNames names[2];

	gmm_model_parameters(models[0], a);
	gmm_model_parameters(models[1], b);
	gmm_model_names(models[0], &names[0]);
	gmm_model_names(models[1], &names[1]);
	gmm_model_check_alike(a->d, &names[0], b->d, &names[1], "compared");
}

/* What a call of gmm_compare keeps between its rows. */
typedef struct Matching
{
	MixtureParameters a;
	MixtureParameters b;
	int		   *partners;		/* a.k: components of b, or -1 */
	double	   *distances;		/* a.k */
	int		   *unmatched;		/* those of b that are left */
} Matching;

/* Match the components, in a context that lasts for all rows. */
static void *
begin_matching(FunctionCallInfo fcinfo, FuncCallContext *call)
{
	Matching   *matching = palloc(sizeof(Matching));
	MixtureError error = {0};
	MixtureStatus status;
	bool	   *is_matched;
	int			n_unmatched = 0;

	get_pair(fcinfo, &matching->a, &matching->b);
	matching->partners = palloc(matching->a.k * sizeof(int));
	matching->distances = palloc(matching->a.k * sizeof(double));
	matching->unmatched = palloc(matching->b.k * sizeof(int));
	status = mixture_match(&matching->a, &matching->b, matching->partners,
						   matching->distances, &gmm_host, &error);
	if (status != MIXTURE_OK)
		gmm_report_status(status, matching->a.k, NULL, &error);

	is_matched = palloc0(matching->b.k * sizeof(bool));
	for (int c = 0; c < matching->a.k; c++)
		if (matching->partners[c] >= 0)
			is_matched[matching->partners[c]] = true;
	for (int c = 0; c < matching->b.k; c++)
		if (!is_matched[c])
			matching->unmatched[n_unmatched++] = c;
	call->max_calls = (uint64) matching->a.k + n_unmatched;
	return matching;
}

/* Fill in a row: of a component of a, or of one of b that is left over. */
static void
matching_row(FuncCallContext *call, Datum *values, bool *nulls)
{
	const Matching *matching = (Matching *) call->user_fctx;
	int			number = (int) call->call_cntr;
	int			a = number < matching->a.k ? number : -1;
	int			b = a >= 0 ? matching->partners[a] : matching->unmatched[number - matching->a.k];

	nulls[0] = nulls[2] = a < 0;
	nulls[1] = nulls[3] = b < 0;
	nulls[4] = a < 0 || b < 0;
	values[0] = Int32GetDatum(a + 1);
	values[1] = Int32GetDatum(b + 1);
	if (a >= 0)
		values[2] = Float8GetDatum(matching->a.weights[a]);
	if (b >= 0)
		values[3] = Float8GetDatum(matching->b.weights[b]);
	if (!nulls[4])
		values[4] = Float8GetDatum(matching->distances[a]);
}

/*
 * gmm_compare(a gmm_model, b gmm_model) -> rows (component_a integer,
 * component_b integer, weight_a double precision, weight_b double precision,
 * distance double precision)
 *
 * The components of a, each with that of b that it is matched with; then those of
 * b that are left over.  What is not matched has NULLs beside it.
 */
Datum
gmm_compare(PG_FUNCTION_ARGS)
{
	return gmm_return_row(fcinfo, COMPARE_COLUMNS, begin_matching, matching_row);
}

/*
 * gmm_divergence(a gmm_model, b gmm_model, n bigint, seed bigint) -> record
 * (divergence double precision, standard_error double precision)
 *
 * The Kullback-Leibler divergence of b from a, by n rows drawn from a.
 */
Datum
gmm_divergence(PG_FUNCTION_ARGS)
{
	int64		n = PG_GETARG_INT64(2);
	TupleDesc	descriptor = gmm_result_descriptor(fcinfo, DIVERGENCE_COLUMNS);
	MixtureParameters a;
	MixtureParameters b;
	MixtureError error = {0};
	MixtureStatus status;
	double		divergence;
	double		standard_error;
	Datum		values[DIVERGENCE_COLUMNS] = {0};
	bool		nulls[DIVERGENCE_COLUMNS] = {false};

	if (n < 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("n must be at least 2")));
	get_pair(fcinfo, &a, &b);
	status = mixture_divergence(&a, &b, n, (uint64) PG_GETARG_INT64(3), &divergence,
								&standard_error, &gmm_host, &error);
	if (status != MIXTURE_OK)
		gmm_report_status(status, a.k, NULL, &error);
	values[0] = Float8GetDatum(divergence);
	nulls[1] = isnan(standard_error);
	if (!nulls[1])
		values[1] = Float8GetDatum(standard_error);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(descriptor, values, nulls)));
}
