/*
 * fit_table_filter.c
 *	  The filter of gmm_fit_table: SQL, and one expression of it.
 *
 * A filter is SQL as in a WHERE clause that the caller could write as well.
 * It is parsed by itself before it goes into a query, so that it is one
 * expression and nothing behind it: an error then is about the filter, and
 * not about a query that the caller has never seen.
 */
#include "postgres.h"

#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"
#include "parser/parser.h"

#include "compat.h"
#include "table/fit_table_queries.h"

/* How the filter is parsed: it must then be the WHERE clause and no more. */
#define FILTER_BEGIN	"SELECT WHERE"

/* An error while the filter is parsed is one in the filter. */
static void
explain_filter_error(void *argument)
{
	const char *filter = argument;
	int			position = geterrposition();

	if (position > 0)
	{
		errposition(0);
		internalerrposition(Max(position - (int) strlen(FILTER_BEGIN " "), 1));
		internalerrquery(filter);
	}
	errcontext("filter of gmm_fit_table");
}

/* Whether an expression as parsed has parameters, which are not the caller's. */
static bool
has_parameter(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, ParamRef))
		return true;
	return raw_expression_tree_walker(node, has_parameter, context);
}

/* Whether an expression names a column, or anything, by its schema. */
static bool
has_schema_name(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, ColumnRef))
		return list_length(((ColumnRef *) node)->fields) > 2;
	return raw_expression_tree_walker(node, has_schema_name, context);
}

/* Whether a statement is a WHERE clause and nothing else. */
static bool
is_only_where(const SelectStmt *select)
{
	return select->op == SETOP_NONE && select->whereClause != NULL &&
		select->distinctClause == NIL && select->intoClause == NULL &&
		select->targetList == NIL && select->fromClause == NIL &&
		select->groupClause == NIL && select->havingClause == NULL &&
		select->windowClause == NIL && select->valuesLists == NIL &&
		select->sortClause == NIL && select->limitOffset == NULL &&
		select->limitCount == NULL && select->lockingClause == NIL &&
		select->withClause == NULL;
}

/*
 * The WHERE clause that a filter is behind FILTER_BEGIN and one more character,
 * and before a closing text; NULL if that is anything but one WHERE clause.
 */
static Node *
parse_filter(const char *open, const char *filter, const char *close)
{
	char	   *statement = psprintf(FILTER_BEGIN "%s%s%s", open, filter, close);
	List	   *parsed = gmm_raw_parser(statement);
	SelectStmt *select;

	pfree(statement);
	if (list_length(parsed) != 1)
		return NULL;
	select = (SelectStmt *) linitial_node(RawStmt, parsed)->stmt;
	if (!IsA(select, SelectStmt) || !is_only_where(select))
		return NULL;
	return select->whereClause;
}

/*
 * Check that a filter is one expression, whatever brackets and comments it
 * has.  It must be one by itself, since "a) OR (b" becomes one in brackets;
 * and in brackets, as it goes into the queries, since a semicolon at its end
 * does no harm by itself.  Then the grammar reads in brackets what it reads
 * without them.
 *
 * Returns whether it means the same of another relation under the same name: not
 * where a column stands behind relation and schema.
 */
bool
gmm_fit_table_check_filter(const char *filter)
{
	ErrorContextCallback callback;
	Node	   *expression;

	callback.callback = explain_filter_error;
	callback.arg = unconstify(char *, filter);
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	expression = parse_filter(" ", filter, "");
	if (expression != NULL && parse_filter("(", filter, "\n)") == NULL)
		expression = NULL;
	error_context_stack = callback.previous;

	if (expression == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("filter must be one expression, as in a WHERE clause")));
	if (has_parameter(expression, NULL))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_PARAMETER),
				 errmsg("filter must not have parameters"),
				 errhint("Put the value into the filter, with format() and %%L.")));
	return !has_schema_name(expression, NULL);
}
