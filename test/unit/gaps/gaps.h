/*
 * gaps.h
 *	  What the measurements of work between two looks for interrupts share.
 */
#ifndef GMM_GAPS_H
#define GMM_GAPS_H

#include "engine/engine.h"

/* gaps.c */
extern const MixtureHost gap_host;
extern double gap_uniform(void);

/* gap_fits.c: whole fits, of whatever kind */
typedef struct GapRows GapRows;

extern const char *gap_fit_name(int kind);
extern GapRows *gap_rows_create(int kind, MixtureCovarianceType type, int k, int d,
								int64_t n);
extern void gap_rows_free(GapRows *rows);
extern void gap_fit(const GapRows *rows);

#endif							/* GMM_GAPS_H */
