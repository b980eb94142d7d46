/*
 * rownulls.h
 *	  The patterns of NULLs among the rows of a store.
 */
#ifndef GMM_ROWNULLS_H
#define GMM_ROWNULLS_H

#include "rows/rowspill.h"

/* The number of the pattern in which no element is NULL. */
#define GMM_PATTERN_COMPLETE	0

typedef struct GmmRowPatterns GmmRowPatterns;

extern GmmRowPatterns *gmm_patterns_create(GmmRowPool *pool, int d);
extern int	gmm_patterns_enter(GmmRowPatterns *patterns, const uint8 *observed);
extern int	gmm_patterns_count(const GmmRowPatterns *patterns);
extern int	gmm_patterns_n_observed(const GmmRowPatterns *patterns, int number);
extern void gmm_patterns_order(const GmmRowPatterns *patterns, int number, int *order);
extern Size gmm_patterns_bytes(const GmmRowPatterns *patterns, const uint8 **bytes);

extern Size gmm_pattern_size(int d);
extern void gmm_pattern_copy(uint8 *target, const uint8 *observed, int d);
extern int	gmm_pattern_order(const uint8 *observed, int d, int *order);

#endif							/* GMM_ROWNULLS_H */
