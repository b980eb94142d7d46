/*
 * predict_clusters.h
 *	  Probabilities of clusters, for functions that have those of components.
 */
#ifndef GMM_PREDICT_CLUSTERS_H
#define GMM_PREDICT_CLUSTERS_H

#include "utils/array.h"

extern int	gmm_sum_clusters(ArrayType *array, int k, double *probabilities);

#endif							/* GMM_PREDICT_CLUSTERS_H */
