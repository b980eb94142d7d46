/*
 * row_arguments.h
 *	  The arguments that an aggregate gets with every row of a group.
 */
#ifndef GMM_ROW_ARGUMENTS_H
#define GMM_ROW_ARGUMENTS_H

#include "fmgr.h"

#include "compat.h"

extern bool gmm_row_is_skipped(FunctionCallInfo fcinfo, int features, int weight);
extern double gmm_row_weight(FunctionCallInfo fcinfo, int position);
pg_noreturn extern void gmm_report_changed(const char *argument);

#endif							/* GMM_ROW_ARGUMENTS_H */
