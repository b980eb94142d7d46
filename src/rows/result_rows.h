/*
 * result_rows.h
 *	  Rows that functions return.
 */
#ifndef GMM_RESULT_ROWS_H
#define GMM_RESULT_ROWS_H

#include "access/tupdesc.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/tuplestore.h"

/*
 * Prepare a call of a function that returns its rows one by one, in memory that lasts
 * for all of them: sets call->max_calls, and returns what GmmFormRow finds in
 * call->user_fctx.
 */
typedef void *(*GmmBeginRows) (FunctionCallInfo fcinfo, FuncCallContext *call);

/* Fill in row call->call_cntr, counted from 0; nothing is NULL before. */
typedef void (*GmmFormRow) (FuncCallContext *call, Datum *values, bool *nulls);

extern TupleDesc gmm_result_descriptor(FunctionCallInfo fcinfo, int n_columns);
extern Datum gmm_return_row(FunctionCallInfo fcinfo, int n_columns, GmmBeginRows begin,
							GmmFormRow form);
extern Tuplestorestate *gmm_begin_rows(FunctionCallInfo fcinfo, int n_columns,
									   TupleDesc *descriptor);

#endif							/* GMM_RESULT_ROWS_H */
