/*
 * fit_aggregates.h
 *	  What every fit asks of its arguments.
 */
#ifndef GMM_FIT_AGGREGATES_H
#define GMM_FIT_AGGREGATES_H

#include "fmgr.h"

#include "engine/engine.h"

extern int	gmm_fit_k_argument(FunctionCallInfo fcinfo, int position, const char *name);
extern void gmm_fit_check_shape(MixtureCovarianceType type, int k, int d,
								const char *k_name);

#endif							/* GMM_FIT_AGGREGATES_H */
