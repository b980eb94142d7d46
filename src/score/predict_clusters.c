/*
 * predict_clusters.c
 *	  Clusters, which several components make up together: gmm_clusters says which,
 *	  and gmm_predict and its family take what it says, or what a user does.
 *
 * It is a map, the number of each component's cluster, and not another model: the
 * density stays what it is, and the probabilities of a cluster's components add up.
 * Noise is a cluster of its own, number 0, as it is among components.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "utils/array.h"

#include "compat.h"
#include "rows/array_arguments.h"
#include "host/engine_host.h"
#include "score/predict_clusters.h"
#include "score/scorer.h"

/* Positions of arguments */
#define ARG_N			1
#define ARG_CLUSTERS	2

PG_FUNCTION_INFO_V1(gmm_clusters);
PG_FUNCTION_INFO_V1(gmm_predict_clusters);
PG_FUNCTION_INFO_V1(gmm_predict_proba_clusters);
PG_FUNCTION_INFO_V1(gmm_entropy_clusters);

/*
 * gmm_clusters(model gmm_model [, n bigint]) -> integer[]
 *
 * The cluster of each component, numbered from 1 in the order of their first
 * components: n of them, or as many as the model has.
 */
Datum
gmm_clusters(PG_FUNCTION_ARGS)
{
	GmmModel   *model = PG_GETARG_GMM_MODEL(0);
	int64		n = 0;
	MixtureParameters parameters;
	MixtureError error = {0};
	MixtureStatus status;
	int		   *clusters = palloc(model->k * sizeof(int));
	Datum	   *elements = palloc(model->k * sizeof(Datum));

	if (PG_NARGS() > ARG_N)
	{
		n = PG_GETARG_INT64(ARG_N);
		if (n < 1 || n > model->k)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg_plural("n must be from 1 to the model's %d component, not " INT64_FORMAT,
								   "n must be from 1 to the model's %d components, not " INT64_FORMAT,
								   model->k, model->k, n)));
	}
	gmm_model_parameters(model, &parameters);
	status = mixture_clusters(&parameters, (int) n, clusters, &gmm_host, &error);
	if (status != MIXTURE_OK)
		gmm_report_status(status, model->k, NULL, &error);
	for (int c = 0; c < model->k; c++)
		elements[c] = Int32GetDatum(clusters[c] + 1);
	PG_RETURN_ARRAYTYPE_P(construct_array(elements, model->k, INT4OID, sizeof(int32), true,
										  TYPALIGN_INT));
}

/*
 * Read which cluster each of the k components is of, numbered from 1 on without gaps.
 * *n_clusters is their number.
 */
static const int32 *
clusters_argument(ArrayType *array, int k, int *n_clusters)
{
	int			n;
	const int32 *clusters = gmm_integer_array(array, "clusters", &n);
	bool	   *seen = palloc0(k * sizeof(bool));

	if (n != k)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg_plural("clusters has %d element, but the model has k = %d",
							   "clusters has %d elements, but the model has k = %d",
							   n, n, k),
				 errhint("Give the number of a cluster for each component, as gmm_clusters(model) does.")));
	*n_clusters = 0;
	for (int c = 0; c < k; c++)
	{
		if (clusters[c] < 1 || clusters[c] > k)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("element %d of clusters is %d, which is not from 1 to k = %d",
							c + 1, clusters[c], k)));
		seen[clusters[c] - 1] = true;
		*n_clusters = Max(*n_clusters, clusters[c]);
	}
	for (int i = 0; i < *n_clusters; i++)
		if (!seen[i])
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("no component is of cluster %d", i + 1),
					 errhint("Clusters are numbered from 1 on, without gaps.")));
	pfree(seen);
	return clusters;
}

/*
 * Add up the probabilities of each cluster's components, in place: element 0 is that
 * of noise and stays, the k components' are after it, and then those of the clusters,
 * whose number is returned.
 */
int
gmm_sum_clusters(ArrayType *array, int k, double *probabilities)
{
	int			n_clusters;
	const int32 *clusters = clusters_argument(array, k, &n_clusters);
	double	   *sums = palloc0(n_clusters * sizeof(double));

	for (int c = 0; c < k; c++)
		sums[clusters[c] - 1] += probabilities[c + 1];
	memcpy(probabilities + 1, sums, n_clusters * sizeof(double));
	pfree(sums);
	return n_clusters;
}

/*
 * The probabilities of noise, and of the n_clusters clusters after it; palloc'd.
 * *noise says whether the model has any.
 */
static double *
cluster_probabilities(FunctionCallInfo fcinfo, int *n_clusters, bool *noise)
{
	GmmFeatures features;
	double	   *work;
	const GmmScorer *scorer = gmm_scorer_get(fcinfo, &features, &work);
	double	   *probabilities = palloc((scorer->k + 1) * sizeof(double));

	mixture_row_responsibilities(scorer->prepared, features.values, work,
								 probabilities + 1, &probabilities[0]);
	*n_clusters = gmm_sum_clusters(PG_GETARG_ARRAYTYPE_P(ARG_CLUSTERS), scorer->k,
								   probabilities);
	*noise = scorer->noise;
	gmm_features_release(&features);
	return probabilities;
}

/*
 * gmm_predict(model gmm_model, features double precision[], clusters integer[])
 *		-> integer
 *
 * The most probable cluster, 0 for noise; of equals the first.
 */
Datum
gmm_predict_clusters(PG_FUNCTION_ARGS)
{
	int			n_clusters;
	bool		noise;
	double	   *probabilities = cluster_probabilities(fcinfo, &n_clusters, &noise);
	int			best = noise ? 0 : 1;

	for (int i = 1; i <= n_clusters; i++)
		if (probabilities[i] > probabilities[best])
			best = i;
	pfree(probabilities);
	PG_RETURN_INT32(best);
}

/*
 * gmm_predict_proba(model gmm_model, features double precision[],
 *		clusters integer[]) -> double precision[]
 *
 * As without clusters: noise, if there is any, is element 0.
 */
Datum
gmm_predict_proba_clusters(PG_FUNCTION_ARGS)
{
	int			n_clusters;
	bool		noise;
	double	   *probabilities = cluster_probabilities(fcinfo, &n_clusters, &noise);
	double	   *elements;
	ArrayType  *result = gmm_make_vector(n_clusters + noise, &elements);

	memcpy(elements, probabilities + !noise, (n_clusters + noise) * sizeof(double));
	if (noise)
		ARR_LBOUND(result)[0] = 0;
	pfree(probabilities);
	PG_RETURN_ARRAYTYPE_P(result);
}

/*
 * gmm_entropy(model gmm_model, features double precision[], clusters integer[])
 *		-> double precision
 */
Datum
gmm_entropy_clusters(PG_FUNCTION_ARGS)
{
	int			n_clusters;
	bool		noise;
	double	   *probabilities = cluster_probabilities(fcinfo, &n_clusters, &noise);
	double		entropy = 0;

	for (int i = noise ? 0 : 1; i <= n_clusters; i++)
		if (probabilities[i] > 0)
			entropy -= probabilities[i] * log(probabilities[i]);
	pfree(probabilities);
	/* that of a sum that is more than 1 by rounding is not below 0 */
	PG_RETURN_FLOAT8(Max(entropy, 0));
}
