/*
 * regression.h
 *	  What a Gaussian says of some dimensions given others.
 */
#ifndef GMM_ENGINE_REGRESSION_H
#define GMM_ENGINE_REGRESSION_H

#include "engine/core/core.h"

/*
 * One Gaussian's regression of its missing dimensions on its observed ones,
 * for the families with a whole matrix (in the others the dimensions are
 * independent).
 */
typedef struct Regression
{
	int			n_observed;
	int			n_missing;
	double	   *factor;			/* packed: Cholesky factor of the covariance,
								 * observed dimensions first, so that its
								 * first n_observed rows are L_oo */
	double	   *coefficients;	/* n_missing x n_observed: B */
	double	   *residual;		/* packed, n_missing: C */
} Regression;

/* regression.c */
extern void regression_allocate(Regression *regression, int d, int n_observed,
								const MixtureHost *host);
extern void regression_release(Regression *regression, const MixtureHost *host);
extern void regression_fill(Regression *regression, const double *covariance,
							const int *order, const MixtureHost *host);

#endif							/* GMM_ENGINE_REGRESSION_H */
