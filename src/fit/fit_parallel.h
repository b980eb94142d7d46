/*
 * fit_parallel.h
 *	  EM passes over worker processes.
 */
#ifndef GMM_FIT_PARALLEL_H
#define GMM_FIT_PARALLEL_H

#include "rows/rowstore.h"

typedef struct GmmParallel GmmParallel;

extern GmmParallel *gmm_parallel_begin(GmmRowStore *rows, MixtureCovarianceType type,
									   int k, MixtureSource *source);
extern void gmm_parallel_end(GmmParallel *parallel);

#endif							/* GMM_FIT_PARALLEL_H */
