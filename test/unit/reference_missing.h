/*
 * reference_missing.h
 *	  One component given what was observed of a row, in long double.
 */
#ifndef GMM_REFERENCE_MISSING_H
#define GMM_REFERENCE_MISSING_H

#include "unit.h"

/* A component's covariance as a square matrix, and its parts. */
typedef struct Conditional
{
	int			d;
	int			n;				/* observed */
	int			order[64];
	long double covariance[64 * 64];
	long double inverse[64 * 64];	/* of the observed part, n x n */
	long double log_determinant;
} Conditional;

extern void reference_part(Conditional *conditional, const MixtureParameters *parameters, int c,
						   const double *row);
extern long double reference_conditional_density(const Conditional *conditional,
												 const MixtureParameters *parameters, int c,
												 const double *row);
extern long double reference_regress(const Conditional *conditional, int i, const long double *u,
									 int j);

extern void reference_loosened(const MixtureParameters *parameters, MixtureParameters *loosened);

#endif							/* GMM_REFERENCE_MISSING_H */
