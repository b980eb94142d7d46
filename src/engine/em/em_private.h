/*
 * em_private.h
 *	  What the files of this room share, and no other needs: the acceleration,
 *	  and blocks with missing features.
 */
#ifndef GMM_ENGINE_EM_PRIVATE_H
#define GMM_ENGINE_EM_PRIVATE_H

#include "engine/derive/derive.h"
#include "engine/em/em.h"
#include "engine/kernels/kernels.h"

/* What blocks with missing features need, for the pattern of the last one. */
typedef struct MissingWork
{
	int		   *order;			/* d: the pattern, as a block has it */
	int			n_observed;		/* 0 while there is no pattern */
	MixturePrepared *marginal;	/* of the observed features, or NULL */
	double	   *completed;		/* d x MIXTURE_BLOCK_ROWS */
	int			n_regressions;	/* as many as covariance matrices */
	Regression *regressions;	/* factor is NULL where not made yet */
} MissingWork;

/* missing.c */
extern void missing_begin(MissingWork *missing, MixtureCovarianceType type, int k, int d,
						  const MixtureHost *host);
extern void missing_forget(MissingWork *missing, const MixtureHost *host);
extern void missing_end(MissingWork *missing, const MixtureHost *host);
extern void missing_accumulate(MissingWork *missing, const MixtureParameters *parameters,
							   const MixturePrepared *prepared,
							   const MixtureBlock *block, bool m_step,
							   const KernelWork *work, MixtureStats *stats,
							   const MixtureHost *host);

/* squarem.c */
extern size_t squarem_scratch_count(MixtureCovarianceType type, int k, int d);
extern bool squarem_extrapolate(const MixtureParameters *first,
								const MixtureParameters *second,
								const MixtureParameters *third,
								double *step_limit, double *scratch,
								MixtureParameters *result,
								const MixtureHost *host);

#endif							/* GMM_ENGINE_EM_PRIVATE_H */
