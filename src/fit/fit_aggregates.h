/*
 * fit_aggregates.h
 *	  What every fit asks of its arguments.
 */
#ifndef GMM_FIT_AGGREGATES_H
#define GMM_FIT_AGGREGATES_H

#include "fmgr.h"

#include "engine/engine.h"
#include "fit/fit_options.h"
#include "rows/rowstore.h"

/* A fit of rows that were not collected by an aggregate. */
typedef struct GmmRowsFit
{
	int			k;				/* of a choice the least */
	int			k_max;			/* of a choice, or 0 */
	const GmmOptions *options;
	GmmRowStore *rows;
	int64		n_rows;			/* that these stand for */
	int64		n_incomplete;	/* of them, with a NULL */
} GmmRowsFit;

extern int	gmm_fit_k_argument(FunctionCallInfo fcinfo, int position, const char *name);
extern void gmm_fit_check_shape(MixtureCovarianceType type, int k, int d,
								const char *k_name);
extern void gmm_fit_range_arguments(FunctionCallInfo fcinfo, int position, int *k_min,
									int *k_max);
extern GmmModel *gmm_fit_rows(const GmmRowsFit *fit, MemoryContext context);

#endif							/* GMM_FIT_AGGREGATES_H */
