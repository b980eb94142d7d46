/*
 * eigen_private.h
 *	  The tridiagonal form of a symmetric matrix, between eigen.c and
 *	  tridiagonal.c.
 */
#ifndef GMM_ENGINE_EIGEN_PRIVATE_H
#define GMM_ENGINE_EIGEN_PRIVATE_H

#include "engine/core/linalg.h"

/* Vectors that are worked on together lie side by side, as many as these. */
#define EIGEN_LANES	8

/* tridiagonal.c */
extern void tridiagonal_reduce(double *a, double *norms, double *off, int d,
							   const MixtureHost *host);
extern void tridiagonal_accumulate(double *a, double *norms, int d,
								   const MixtureHost *host);
extern void tridiagonal_return(const double *a, const double *norms, int d, double *lanes,
							   const MixtureHost *host);

#endif							/* GMM_ENGINE_EIGEN_PRIVATE_H */
