/*
 * engine_progress.h
 *	  How far a long fit has come, for those who watch it.
 */
#ifndef GMM_ENGINE_PROGRESS_H
#define GMM_ENGINE_PROGRESS_H

#include "engine/engine.h"

extern void gmm_progress_begin(void);
extern void gmm_progress_report(const MixtureProgress *progress);
extern void gmm_progress_end(void);

#endif							/* GMM_ENGINE_PROGRESS_H */
