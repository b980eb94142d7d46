/*
 * result_rows.c
 *	  Rows that functions return: the type of one, and many of them, one by one as they
 *	  are asked for or all at once.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "miscadmin.h"

#include "compat.h"
#include "rows/result_rows.h"

/*
 * The row type that a function is declared to return, which has so many columns;
 * 0: whatever it has.
 */
TupleDesc
gmm_result_descriptor(FunctionCallInfo fcinfo, int n_columns)
{
	TupleDesc	descriptor;

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE ||
		(n_columns > 0 && descriptor->natts != n_columns))
		elog(ERROR, "function %u must return a row of %d columns",
			 fcinfo->flinfo->fn_oid, n_columns);
	return BlessTupleDesc(descriptor);
}

/*
 * One call of a function that returns its rows one by one, which have so many columns
 * (0: whatever it is declared with): all that the function has to do.
 */
Datum
gmm_return_row(FunctionCallInfo fcinfo, int n_columns, GmmBeginRows begin, GmmFormRow form)
{
	FuncCallContext *call;
	Datum      *values;
	bool       *nulls;
	Datum		row;

	if (SRF_IS_FIRSTCALL())
	{
		MemoryContext caller;

		call = SRF_FIRSTCALL_INIT();
		caller = MemoryContextSwitchTo(call->multi_call_memory_ctx);
		call->tuple_desc = gmm_result_descriptor(fcinfo, n_columns);
		call->user_fctx = begin(fcinfo, call);
		MemoryContextSwitchTo(caller);
	}

	call = SRF_PERCALL_SETUP();
	if (call->call_cntr >= call->max_calls)
		SRF_RETURN_DONE(call);

	/* Not inside of SRF_RETURN_NEXT(), which counts the call first */
	CHECK_FOR_INTERRUPTS();
	values = (Datum *) palloc0(call->tuple_desc->natts * sizeof(Datum));
	nulls = (bool *) palloc0(call->tuple_desc->natts * sizeof(bool));
	form(call, values, nulls);
	row = HeapTupleGetDatum(heap_form_tuple(call->tuple_desc, values, nulls));
	SRF_RETURN_NEXT(call, row);
}

/*
 * The result of a function that returns all its rows at once.  (Returning them
 * one by one would take fn_extra, which may hold prepared models.)
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
