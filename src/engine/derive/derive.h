/*
 * derive.h
 *	  What this room's files share: assignments.  Most of the room is for callers
 *	  from outside: engine.h.
 */
#ifndef GMM_ENGINE_DERIVE_H
#define GMM_ENGINE_DERIVE_H

#include "engine/core/core.h"

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
