/*
 * engine_host.h
 *	  PostgreSQL as the engine's host: palloc, CHECK_FOR_INTERRUPTS, and
 *	  the engine's refusals as errors that a person can act on.
 */
#ifndef GMM_ENGINE_HOST_H
#define GMM_ENGINE_HOST_H

#include "compat.h"
#include "engine/engine.h"
#include "rows/feature_names.h"

/*
 * Allocates in CurrentMemoryContext at the time of the call, above 1 GB
 * where asked; raises an error where memory cannot be had.
 */
extern const MixtureHost gmm_host;

pg_noreturn extern void gmm_report_status(MixtureStatus status, int k,
										  const GmmFeatureNames *names,
										  const MixtureError *error);

#endif							/* GMM_ENGINE_HOST_H */
