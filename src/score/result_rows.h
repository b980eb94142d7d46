/*
 * result_rows.h
 *	  Functions that return all their rows at once.
 */
#ifndef GMM_RESULT_ROWS_H
#define GMM_RESULT_ROWS_H

#include "access/tupdesc.h"
#include "fmgr.h"
#include "utils/tuplestore.h"

extern Tuplestorestate *gmm_begin_rows(FunctionCallInfo fcinfo, int n_columns,
									   TupleDesc *descriptor);

#endif							/* GMM_RESULT_ROWS_H */
