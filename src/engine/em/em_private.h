/*
 * em_private.h
 *	  What the files of this room share, and no other needs: the
 *	  acceleration.
 */
#ifndef GMM_ENGINE_EM_PRIVATE_H
#define GMM_ENGINE_EM_PRIVATE_H

#include "engine/em/em.h"
#include "engine/kernels/kernels.h"

/* whole.c */
extern EmWhole *whole_create(int k, int d, const MixtureHost *host);
extern void whole_release(EmWhole *whole, const MixtureHost *host);
extern void whole_prepare(EmWhole *whole, MixturePass *pass, const MixtureHost *host);
extern void whole_complete(EmWhole *whole, const MixturePass *pass, MixtureStats *stats,
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
