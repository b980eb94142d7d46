/*
 * derive.h
 *	  What this room's files share: what a Gaussian says of some dimensions given
 *	  others, and assignments.  Most of the room is for callers from outside:
 *	  engine.h.
 */
#ifndef GMM_ENGINE_DERIVE_H
#define GMM_ENGINE_DERIVE_H

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

/* compare.c */
extern size_t compare_scratch_count(int d, bool matrix);
extern MixtureStatus compare_determinants(const MixtureParameters *parameters,
										  double *log_determinants, double *scratch,
										  const MixtureHost *host, MixtureError *error);
extern double compare_components(const MixtureParameters *a, int i, double determinant_a,
								 const MixtureParameters *b, int j, double determinant_b,
								 double *scratch, const MixtureHost *host);

/* assignment.c */
extern void assignment_find(const double *costs, int n, int m, int *columns,
							const MixtureHost *host);

#endif							/* GMM_ENGINE_DERIVE_H */
