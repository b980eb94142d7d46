/*
 * score.c
 *	  Applying a model to a row: gmm_predict and its family.
 *
 * An element of the row that is NULL is not known: it is marginalised, and the
 * answer is that of the mixture of the other dimensions.  Where all are NULL,
 * that is what the model says before it sees a row.  How a model is kept ready
 * from row to row is in scorer.c.
 */
#include "postgres.h"

#include "fmgr.h"

#include "scorer.h"

PG_FUNCTION_INFO_V1(gmm_predict);
PG_FUNCTION_INFO_V1(gmm_predict_proba);
PG_FUNCTION_INFO_V1(gmm_logpdf);
PG_FUNCTION_INFO_V1(gmm_mahalanobis);

/*
 * gmm_predict(model gmm_model, features double precision[]) -> integer
 *
 * The most probable component, counted from 1.
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
 * The k responsibilities, which sum to 1.
 */
Datum
gmm_predict_proba(PG_FUNCTION_ARGS)
{
	GmmFeatures features;
	double	   *work;
	const GmmScorer *scorer = gmm_scorer_get(fcinfo, &features, &work);
	double	   *responsibilities;
	ArrayType  *result = gmm_make_array(scorer->k, &responsibilities);

	mixture_row_responsibilities(scorer->prepared, features.values, work,
								 responsibilities);
	gmm_features_release(&features);
	PG_RETURN_ARRAYTYPE_P(result);
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
	gmm_features_release(&features);
	PG_RETURN_FLOAT8(log_density);
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
	ArrayType  *result = gmm_make_array(scorer->k, &distances);

	mixture_row_mahalanobis(scorer->prepared, features.values, work, distances);
	gmm_features_release(&features);
	PG_RETURN_ARRAYTYPE_P(result);
}
