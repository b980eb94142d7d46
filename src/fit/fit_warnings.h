/*
 * fit_warnings.h
 *	  One warning a statement for the fits that went less than well.
 */
#ifndef GMM_FIT_WARNINGS_H
#define GMM_FIT_WARNINGS_H

#include "fmgr.h"

#include "engine/engine.h"
#include "model/model.h"

extern void gmm_warnings_note(FunctionCallInfo fcinfo, const GmmModel *model,
							  const MixtureOptions *options, const char *relation);

#endif							/* GMM_FIT_WARNINGS_H */
