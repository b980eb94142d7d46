/*
 * predict.c
 *	  Applying a model to a row: gmm_predict and its family, gmm_top and
 *	  gmm_outlier_pvalue.
 *
 * An element of the row that is NULL is not known: it is marginalised, and the
 * answer is that of the mixture of the other dimensions.  Where all are NULL,
 * that is what the model says before it sees a row.  How a model is kept ready
 * from row to row is in scorer.c.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "utils/float.h"

#include "compat.h"
#include "rows/result_rows.h"
#include "score/predict_clusters.h"
#include "score/scorer.h"

/* Columns of gmm_top, and where it has its clusters */
#define TOP_COLUMNS		2
#define ARG_TOP_CLUSTERS	4

PG_FUNCTION_INFO_V1(gmm_predict);
PG_FUNCTION_INFO_V1(gmm_predict_proba);
PG_FUNCTION_INFO_V1(gmm_noise);
PG_FUNCTION_INFO_V1(gmm_logpdf);
PG_FUNCTION_INFO_V1(gmm_entropy);
PG_FUNCTION_INFO_V1(gmm_mahalanobis);
PG_FUNCTION_INFO_V1(gmm_outlier_pvalue);
PG_FUNCTION_INFO_V1(gmm_top);

/*
 * gmm_predict(model gmm_model, features double precision[]) -> integer
 *
 * The most probable component, counted from 1; 0 where the row is more probably
 * noise.
 */
Datum
gmm_predict(PG_FUNCTION_ARGS)
{
	GmmFeatures features;
	double	   *work;
	const GmmScorer *scorer = gmm_scorer_get(fcinfo, &features, &work);
	int			component;

	component = mixture_row_predict(scorer->prepared, features.values, work);
	gmm_features_release(&features);
	PG_RETURN_INT32(component + 1);
}

/*
 * gmm_predict_proba(model gmm_model, features double precision[])
 *		-> double precision[]
 *
 * The k responsibilities, which sum to 1; with noise, its own is before them, as
 * element 0, so that subscripts are what gmm_predict says in any case.
 */
Datum
gmm_predict_proba(PG_FUNCTION_ARGS)
{
	GmmFeatures features;
	double	   *work;
	const GmmScorer *scorer = gmm_scorer_get(fcinfo, &features, &work);
	double	   *values;
	double		noise;
	ArrayType  *result = gmm_make_vector(scorer->k + scorer->noise, &values);

	mixture_row_responsibilities(scorer->prepared, features.values, work,
								 values + scorer->noise, &noise);
	if (scorer->noise)
	{
		values[0] = noise;
		ARR_LBOUND(result)[0] = 0;
	}
	gmm_features_release(&features);
	PG_RETURN_ARRAYTYPE_P(result);
}

/*
 * gmm_noise(model gmm_model, features double precision[])
 *		-> double precision
 *
 * How probable it is that the row is noise; 0 where the model has none.
 */
Datum
gmm_noise(PG_FUNCTION_ARGS)
{
	GmmFeatures features;
	double	   *work;
	const GmmScorer *scorer = gmm_scorer_get(fcinfo, &features, &work);
	double		noise;

	noise = mixture_row_noise(scorer->prepared, features.values, work);
	gmm_features_release(&features);
	PG_RETURN_FLOAT8(noise);
}

/*
 * gmm_logpdf(model gmm_model, features double precision[])
 *		-> double precision
 *
 * The logarithm of the mixture's density.
 */
Datum
gmm_logpdf(PG_FUNCTION_ARGS)
{
	GmmFeatures features;
	double	   *work;
	const GmmScorer *scorer = gmm_scorer_get(fcinfo, &features, &work);
	double		log_density;

	log_density = mixture_row_log_density(scorer->prepared, features.values,
										  work);
	if (unlikely(isinf(log_density)))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("the log density is out of range for type double precision"),
				 gmm_scorer_far_detail(scorer, &features,
									   mixture_row_predict(scorer->prepared,
														   features.values, work)),
				 errhint("gmm_predict and gmm_predict_proba have an answer for such a row, too.")));
	gmm_features_release(&features);
	PG_RETURN_FLOAT8(log_density);
}

/*
 * gmm_entropy(model gmm_model, features double precision[])
 *		-> double precision
 *
 * How uncertain the component of a row is, in nats.
 */
Datum
gmm_entropy(PG_FUNCTION_ARGS)
{
	GmmFeatures features;
	double	   *work;
	const GmmScorer *scorer = gmm_scorer_get(fcinfo, &features, &work);
	double		entropy;

	entropy = mixture_row_entropy(scorer->prepared, features.values, work);
	gmm_features_release(&features);
	PG_RETURN_FLOAT8(entropy);
}

/*
 * gmm_mahalanobis(model gmm_model, features double precision[])
 *		-> double precision[]
 *
 * The k distances to the components' means, in units of their covariances.
 */
Datum
gmm_mahalanobis(PG_FUNCTION_ARGS)
{
	GmmFeatures features;
	double	   *work;
	const GmmScorer *scorer = gmm_scorer_get(fcinfo, &features, &work);
	double	   *distances;
	ArrayType  *result = gmm_make_vector(scorer->k, &distances);

	mixture_row_mahalanobis(scorer->prepared, features.values, work, distances);
	for (int c = 0; c < scorer->k; c++)
		if (unlikely(isinf(distances[c])))
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("the distance from component %d is out of range for type double precision",
							c + 1),
					 gmm_scorer_far_detail(scorer, &features, c),
					 errhint("gmm_predict and gmm_predict_proba have an answer for such a row, too.")));
	gmm_features_release(&features);
	PG_RETURN_ARRAYTYPE_P(result);
}

/*
 * gmm_outlier_pvalue(model gmm_model, features double precision[])
 *		-> double precision
 *
 * The share of the components' own rows that have a lower density than this one,
 * whatever noise there is: small for an outlier.
 */
Datum
gmm_outlier_pvalue(PG_FUNCTION_ARGS)
{
	GmmFeatures features;
	double	   *work;
	const GmmScorer *scorer = gmm_scorer_get_pattern(fcinfo, &features, &work);
	const MixtureTail *tail = gmm_scorer_tail(fcinfo, scorer);
	double		pvalue;

	pvalue = mixture_row_outlier_pvalue(scorer->prepared, tail, features.values, work);
	gmm_features_release(&features);
	PG_RETURN_FLOAT8(pvalue);
}

/* A component and its probability, for gmm_top. */
typedef struct RankedComponent
{
	int			component;		/* from 1; 0 is noise */
	double		probability;
} RankedComponent;

/* The most probable first; of equals the one of the lower number. */
static int
compare_ranked(const void *a, const void *b)
{
	const RankedComponent *first = a;
	const RankedComponent *second = b;

	if (first->probability != second->probability)
		return first->probability > second->probability ? -1 : 1;
	return first->component - second->component;
}

/*
 * Components of a probability of at least cutoff, best first; palloc'd.  *n is
 * their number.
 */
static RankedComponent *
rank_components(FunctionCallInfo fcinfo, double cutoff, int *n)
{
	GmmFeatures features;
	double	   *work;
	const GmmScorer *scorer = gmm_scorer_get(fcinfo, &features, &work);
	double	   *probabilities = palloc((scorer->k + 1) * sizeof(double));
	RankedComponent *ranked = palloc((scorer->k + 1) * sizeof(RankedComponent));
	int			n_values = scorer->k;

	mixture_row_responsibilities(scorer->prepared, features.values, work,
								 probabilities + 1, &probabilities[0]);
	*n = 0;
	if (PG_NARGS() > ARG_TOP_CLUSTERS)
		n_values = gmm_sum_clusters(PG_GETARG_ARRAYTYPE_P(ARG_TOP_CLUSTERS), scorer->k,
									probabilities);
	for (int c = scorer->noise ? 0 : 1; c <= n_values; c++)
		if (probabilities[c] >= cutoff)
			ranked[(*n)++] = (RankedComponent)
		{
			c, probabilities[c]
		};
	qsort(ranked, *n, sizeof(RankedComponent), compare_ranked);
	pfree(probabilities);
	gmm_features_release(&features);
	return ranked;
}

/*
 * gmm_top(model gmm_model, features double precision[], n bigint,
 *		cutoff double precision)
 *		-> rows (component integer, probability double precision)
 *
 * The n most probable components, of which noise is number 0, those below cutoff
 * left out.
 */
Datum
gmm_top(PG_FUNCTION_ARGS)
{
	int64		n = PG_GETARG_INT64(2);
	double		cutoff = PG_GETARG_FLOAT8(3);
	int			n_ranked;
	RankedComponent *ranked;
	TupleDesc	descriptor;
	Tuplestorestate *rows;

	if (n < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("n must be at least 1")));
	if (isnan(cutoff) || cutoff < 0 || cutoff > 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("cutoff must be a probability, between 0 and 1")));

	rows = gmm_begin_rows(fcinfo, TOP_COLUMNS, &descriptor);
	ranked = rank_components(fcinfo, cutoff, &n_ranked);
	for (int i = 0; i < Min(n, n_ranked); i++)
	{
		Datum		values[TOP_COLUMNS];
		bool		nulls[TOP_COLUMNS] = {false};

		values[0] = Int32GetDatum(ranked[i].component);
		values[1] = Float8GetDatum(ranked[i].probability);
		tuplestore_putvalues(rows, descriptor, values, nulls);
	}
	pfree(ranked);
	return (Datum) 0;
}
