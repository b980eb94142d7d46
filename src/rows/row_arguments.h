/*
 * row_arguments.h
 *	  The arguments that an aggregate gets with every row of a group.
 */
#ifndef GMM_ROW_ARGUMENTS_H
#define GMM_ROW_ARGUMENTS_H

#include "fmgr.h"

#include "compat.h"

extern bool gmm_row_is_skipped(FunctionCallInfo fcinfo, int features, int weight);
extern Datum gmm_state_unchanged(FunctionCallInfo fcinfo);
extern double gmm_row_weight(FunctionCallInfo fcinfo, int position);
extern int	gmm_row_label(FunctionCallInfo fcinfo, int position, int k);
pg_noreturn extern void gmm_report_label(int64 label, int k);
pg_noreturn extern void gmm_report_changed(const char *argument);

#endif							/* GMM_ROW_ARGUMENTS_H */
