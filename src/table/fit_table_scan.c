/*
 * fit_table_scan.c
 *	  Queries of one fit, all of the same rows.
 *
 * A fit asks dozens of queries over minutes, and what a name stands for may
 * change between two of them: no lock keeps a schema from being renamed.  So
 * the names are looked up once.  The query that selects the rows is analyzed
 * when the fit begins, and what it found, relations by OID under locks that
 * last to the end of the transaction, is put into each query that follows:
 *
 *		SELECT pg_catalog.count(*) FROM "points" AS r
 *
 * is analyzed with "points" as the name of a relation that only this query
 * knows (an ephemeral named relation, as a trigger's transition tables are),
 * which is then replaced by the rows.  SPI would look names up again whenever
 * a plan of its own becomes invalid; so the queries are planned and run here,
 * as SPI does it for a function that only reads: with the snapshot of the
 * statement that called the fit, and with the rights of its user.
 *
 * What the locks and the snapshot leave open is compared by the caller: a
 * partition may be attached, and another server or a volatile filter may have
 * rows of its own moment.
 */
#include "postgres.h"

#include "access/tupdesc.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "nodes/execnodes.h"
#include "nodes/extensible.h"
#include "nodes/nodeFuncs.h"
#include "nodes/params.h"
#include "parser/analyze.h"
#include "parser/parse_relation.h"
#include "parser/parser.h"
#include "rewrite/rewriteHandler.h"
#include "tcop/dest.h"
#include "tcop/tcopprot.h"
#include "tcop/utility.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "compat.h"
#include "table/fit_table_scan.h"

/* Where an error comes from. */
typedef struct ErrorPlace
{
	const char *query;
	const char *filter;			/* a part of it, or NULL */
	int			filter_offset;	/* where it is in the query */
} ErrorPlace;

/* Takes rows from the executor to the caller. */
typedef struct AnswerReceiver
{
	DestReceiver receiver;		/* first, so that one is the other */
	GmmFitTableAnswer answer;
	void	   *context;
} AnswerReceiver;

/* Show an error in the caller's filter there, and any other with its query. */
static void
explain_error(void *argument)
{
	const ErrorPlace *place = argument;
	int			position = geterrposition();

	if (place->filter != NULL && position > place->filter_offset)
	{
		errposition(0);
		internalerrposition(position - place->filter_offset);
		internalerrquery(place->filter);
		errcontext("filter of gmm_fit_table");
		return;
	}
	if (position > 0)
	{
		errposition(0);
		internalerrposition(position);
		internalerrquery(place->query);
	}
	errcontext("SQL statement \"%s\"", place->query);
}

static void
begin_errors(ErrorContextCallback *callback, ErrorPlace *place)
{
	callback->callback = explain_error;
	callback->arg = place;
	callback->previous = error_context_stack;
	error_context_stack = callback;
}

/* A query by its text. */
static Query *
analyze_text(const char *text, const Oid *types, int n_types, QueryEnvironment *environment)
{
	List	   *parsed = gmm_raw_parser(text);

	if (list_length(parsed) != 1)
		elog(ERROR, "%d statements instead of one", list_length(parsed));
	return gmm_parse_analyze(linitial_node(RawStmt, parsed), text, types, n_types,
							 environment);
}

/* Let a name be that of a relation of columns x and w, and of l if there are three. */
static void
register_name(QueryEnvironment *environment, const char *name, int n_columns)
{
	EphemeralNamedRelation rows = palloc0(sizeof(EphemeralNamedRelationData));
	TupleDesc	columns = CreateTemplateTupleDesc(n_columns);

	TupleDescInitEntry(columns, 1, "x", FLOAT8ARRAYOID, -1, 0);
	TupleDescInitEntry(columns, 2, "w", FLOAT8OID, -1, 0);
	if (n_columns > 2)
		TupleDescInitEntry(columns, 3, "l", INT8OID, -1, 0);
	TupleDescFinalize(columns);
	rows->md.name = pstrdup(name);
	rows->md.reliddesc = InvalidOid;
	rows->md.tupdesc = columns;
	rows->md.enrtype = ENR_NAMED_TUPLESTORE;
	register_ENR(environment, rows);
}

/*
 * Look up rows of a fit: the query `rows`, whose FROM clause is a name of the
 * relation.  They can then be asked about by this `name`, unless another has
 * it.  The filter, or NULL, stands at filter_offset in `rows`.  All of it is
 * kept in CurrentMemoryContext, to which scan, zeroed at first, belongs.
 *
 * Returns false, and adds nothing, if the relation is no longer what its name
 * means.  The caller has a lock on it.
 */
bool
gmm_fit_table_scan_add(GmmFitTableScan *scan, const char *name, Oid relation,
					   const char *rows, const char *filter, int filter_offset)
{
	ErrorContextCallback callback;
	ErrorPlace	place = {rows, filter, filter_offset};
	GmmFitTableRows added = {name, NULL};

	begin_errors(&callback, &place);
	added.query = analyze_text(rows, NULL, 0, NULL);
	error_context_stack = callback.previous;
	/* the FROM clause is analyzed first */
	if (linitial_node(RangeTblEntry, added.query->rtable)->relid != relation)
		return false;

	if (scan->environment == NULL)
		scan->environment = create_queryEnv();
	while (get_ENR(scan->environment, added.name) != NULL)
		added.name = psprintf("%s again", added.name);
	register_name(scan->environment, added.name, list_length(added.query->targetList));
	scan->rows = scan->rows == NULL ? palloc(sizeof(GmmFitTableRows)) :
		repalloc(scan->rows, sizeof(GmmFitTableRows) * (scan->n_sets + 1));
	scan->rows[scan->n_sets++] = added;
	return true;
}

/*
 * Check the rights on the relation of all rows, which are those that count:
 * its partitions are read by them, as where a query names it.
 */
void
gmm_fit_table_scan_take_rights(GmmFitTableScan *scan)
{
	gmm_check_rights(scan->rows[0].query);
	for (int i = 1; i < scan->n_sets; i++)
	{
		Query	   *query = scan->rows[i].query;

		gmm_rights_of(query, linitial_node(RangeTblEntry, query->rtable)) = 0;
	}
}

/* The rows of this name. */
static Query *
named_rows(const GmmFitTableScan *scan, const char *name)
{
	for (int i = 0; i < scan->n_sets; i++)
		if (strcmp(scan->rows[i].name, name) == 0)
			return scan->rows[i].query;
	elog(ERROR, "there are no rows \"%s\"", name);
	pg_unreachable();
}

/* Replace names of rows by the rows, in a query or in each SELECT of a UNION. */
static void
insert_rows(Query *query, const GmmFitTableScan *scan)
{
	ListCell   *cell;

	foreach(cell, query->rtable)
	{
		RangeTblEntry *entry = lfirst_node(RangeTblEntry, cell);

		if (entry->rtekind == RTE_SUBQUERY)
			insert_rows(entry->subquery, scan);
		else if (entry->rtekind == RTE_NAMEDTUPLESTORE)
		{
			RangeTblEntry *rows = makeNode(RangeTblEntry);

			rows->rtekind = RTE_SUBQUERY;
			rows->subquery = copyObject(named_rows(scan, entry->enrname));
			rows->alias = entry->alias;
			rows->eref = entry->eref;
			rows->inFromCl = true;
			lfirst(cell) = rows;
		}
	}
}

/* The plan of a query about the rows. */
static PlannedStmt *
plan_query(const GmmFitTableScan *scan, const char *text, int n_types, const Oid *types,
		   ParamListInfo arguments)
{
	Query	   *query = analyze_text(text, types, n_types, scan->environment);
	List	   *rewritten;
	PlannedStmt *plan;

	insert_rows(query, scan);
	rewritten = QueryRewrite(query);
	if (list_length(rewritten) != 1)
		elog(ERROR, "a SELECT became %d queries", list_length(rewritten));
	plan = gmm_plan_query(linitial_node(Query, rewritten), text, CURSOR_OPT_PARALLEL_OK,
						  arguments);
	if (!CommandIsReadOnly(plan))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("filter must not lock rows or change them")));
	return plan;
}

/*
 * The relations that a query without parameters reads, which are locked: of a
 * partitioned table, the partitions that can have rows for it.
 */
List *
gmm_fit_table_scan_relations(const GmmFitTableScan *scan, const char *query)
{
	return plan_query(scan, query, 0, NULL, NULL)->relationOids;
}

/* Whether another server makes the aggregates of a plan, of all or of a part. */
static bool
is_pushed_down(Plan *plan)
{
	ListCell   *cell;

	switch (nodeTag(plan))
	{
		case T_ForeignScan:
			/* of no single table, but of what it made of it */
			return ((ForeignScan *) plan)->scan.scanrelid == 0;
		case T_SubqueryScan:
			return is_pushed_down(((SubqueryScan *) plan)->subplan);
		case T_Append:
			foreach(cell, ((Append *) plan)->appendplans)
				if (is_pushed_down((Plan *) lfirst(cell)))
					return true;
			return false;
		default:
			return false;
	}
}

/* Whether a query without parameters has aggregates that other servers make. */
bool
gmm_fit_table_scan_pushes_down(const GmmFitTableScan *scan, const char *query)
{
	return is_pushed_down(plan_query(scan, query, 0, NULL, NULL)->planTree);
}

/* The values of parameters; NULL for none, as core has it. */
static ParamListInfo
make_arguments(int n, const Oid *types, const Datum *values)
{
	ParamListInfo arguments = n == 0 ? NULL : makeParamList(n);

	for (int i = 0; i < n; i++)
	{
		arguments->params[i].value = values[i];
		arguments->params[i].isnull = false;
		arguments->params[i].pflags = PARAM_FLAG_CONST;
		arguments->params[i].ptype = types[i];
	}
	return arguments;
}

/* Whether part of a plan is run by the nodes of a Citus cluster. */
static bool
is_distributed(PlanState *state, void *context)
{
	if (state == NULL)
		return false;
	if (IsA(state->plan, CustomScan) &&
		strncmp(((CustomScan *) state->plan)->methods->CustomName, "Citus", 5) == 0)
		return true;
	return planstate_tree_walker(state, is_distributed, context);
}

/*
 * The nodes of a cluster take a snapshot for each query unless the transaction
 * has one for all.
 */
static void
check_snapshot(PlanState *state)
{
	if (!IsolationUsesXactSnapshot() && is_distributed(state, NULL))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("gmm_fit_table of a distributed table needs a transaction of isolation level REPEATABLE READ"),
				 errdetail("At a lower level, each query of the fit sees the rows as they are at its own time."),
				 errhint("Call it after BEGIN ISOLATION LEVEL REPEATABLE READ, or fit a copy of the rows.")));
}

static void
receiver_startup(DestReceiver *self pg_attribute_unused(),
				 int operation pg_attribute_unused(),
				 TupleDesc columns pg_attribute_unused())
{
}

static bool
receiver_row(TupleTableSlot *slot, DestReceiver *self)
{
	AnswerReceiver *receiver = (AnswerReceiver *) self;

	slot_getallattrs(slot);
	receiver->answer(receiver->context, slot->tts_values, slot->tts_isnull);
	return true;
}

static void
receiver_end(DestReceiver *self pg_attribute_unused())
{
}

/* Run a plan to its end. */
static void
run_plan(PlannedStmt *plan, const char *text, ParamListInfo arguments,
		 DestReceiver *receiver)
{
	QueryDesc  *desc = CreateQueryDesc(plan, text, GetActiveSnapshot(), InvalidSnapshot,
									   receiver, arguments, NULL, 0);

	ExecutorStart(desc, 0);
	check_snapshot(desc->planstate);
	gmm_executor_run(desc);
	ExecutorFinish(desc);
	ExecutorEnd(desc);
	FreeQueryDesc(desc);
}

/*
 * Run a query, whose FROM clause is the name of the rows and whose parameters
 * $1 and so on have these types and values, none of them NULL; and call
 * `answer` with each row that it returns.
 */
void
gmm_fit_table_scan_run(const GmmFitTableScan *scan, const char *query, int n_arguments,
					   const Oid *types, const Datum *values, GmmFitTableAnswer answer,
					   void *context)
{
	MemoryContext run_context = AllocSetContextCreate(CurrentMemoryContext,
													  "gmm_fit_table query",
													  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old_context = MemoryContextSwitchTo(run_context);
	AnswerReceiver receiver = {
		{receiver_row, receiver_startup, receiver_end, receiver_end, DestNone},
		answer, context
	};
	ErrorContextCallback callback;
	ErrorPlace	place = {query, NULL, 0};
	ParamListInfo arguments;

	begin_errors(&callback, &place);
	arguments = make_arguments(n_arguments, types, values);
	run_plan(plan_query(scan, query, n_arguments, types, arguments), query, arguments,
			 &receiver.receiver);
	error_context_stack = callback.previous;
	MemoryContextSwitchTo(old_context);
	MemoryContextDelete(run_context);
}
