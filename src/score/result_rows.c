/*
 * result_rows.c
 *	  Functions that return all their rows at once.
 */
#include "postgres.h"

#include "funcapi.h"
#include "miscadmin.h"

#include "compat.h"
#include "model/model.h"
#include "score/result_rows.h"

/*
 * The result of a function that returns all its rows at once.  (Returning them
 * one by one would take fn_extra, which holds the prepared models.)
 */
Tuplestorestate *
gmm_begin_rows(FunctionCallInfo fcinfo, int n_columns, TupleDesc *descriptor)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext caller;

	if (result == NULL || !IsA(result, ReturnSetInfo) ||
		(result->allowedModes & SFRM_Materialize) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("set-valued function called in context that cannot accept a set")));

	/* In the caller's context, for it leaves things behind. */
	*descriptor = gmm_result_descriptor(fcinfo, n_columns);
	caller = MemoryContextSwitchTo(result->econtext->ecxt_per_query_memory);
	*descriptor = CreateTupleDescCopy(*descriptor);
	result->returnMode = SFRM_Materialize;
	result->setResult = tuplestore_begin_heap((result->allowedModes & SFRM_Materialize_Random) != 0,
											  false, work_mem);
	result->setDesc = *descriptor;
	MemoryContextSwitchTo(caller);
	return result->setResult;
}
