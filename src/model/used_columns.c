/*
 * used_columns.c
 *	  Which columns of a function's result a query uses.
 *
 * The executor asks a function in FROM for whole rows, and keeps all of them
 * before the first is used.  Where a column is large, or dear to compute, and
 * hardly ever asked for, that is a pity.  Nothing tells the function at run time
 * what will be read; but its support function is called while the query is
 * being planned (SupportRequestSimplify), and the planner's copy of the query
 * has every variable that refers to the function's columns.
 *
 * To overlook a use would make a wrong answer, so whatever is not plain counts
 * as a use of all columns: a call that is not a FROM item by itself, ROWS FROM
 * of several functions, a whole-row variable, what is left of UNION ALL.
 */
#include "postgres.h"

#include "nodes/nodeFuncs.h"
#include "parser/parsetree.h"

#include "model/used_columns.h"

typedef struct UseContext
{
	Query	   *query;
	Oid			function;
	Bitmapset  *items;			/* FROM items that are calls of the function */
	int			level;			/* of queries below this one */
	int32		used;
} UseContext;

static bool find_uses(Node *node, UseContext *context);

static bool
is_call(const Node *node, Oid function)
{
	return node != NULL && IsA(node, FuncExpr) &&
		((const FuncExpr *) node)->funcid == function;
}

/* The columns that a variable of the query uses. */
static void
note_variable(const Var *variable, UseContext *context)
{
	RangeTblEntry *entry;

	if (bms_is_member(variable->varno, context->items))
	{
		if (variable->varattno > 0 && variable->varattno <= 31)
			context->used |= 1 << (variable->varattno - 1);
		else
			context->used = GMM_ALL_COLUMNS;
		return;
	}

	/* A column of a join stands for an expression of what is joined */
	entry = rt_fetch(variable->varno, context->query->rtable);
	if (entry->rtekind != RTE_JOIN)
		return;
	if (variable->varattno > 0 && variable->varattno <= list_length(entry->joinaliasvars))
	{
		int			level = context->level;

		context->level = 0;
		(void) find_uses(list_nth(entry->joinaliasvars, variable->varattno - 1), context);
		context->level = level;
	}
	else
		context->used = GMM_ALL_COLUMNS;
}

/*
 * Walk through the query.  True, which ends the walk, where all columns are
 * used.
 */
static bool
find_uses(Node *node, UseContext *context)
{
	if (node == NULL)
		return false;

	if (IsA(node, Var))
	{
		const Var  *variable = (const Var *) node;

		if ((int) variable->varlevelsup == context->level)
			note_variable(variable, context);
		return context->used == GMM_ALL_COLUMNS;
	}
	if (IsA(node, Query))
	{
		bool		done;

		context->level++;
		done = query_tree_walker((Query *) node, find_uses, context, 0);
		context->level--;
		return done;
	}
	if (context->level == 0)
	{
		/* The FROM items' own calls are no uses, but what is in them may be */
		if (IsA(node, RangeTblFunction) &&
			is_call(((RangeTblFunction *) node)->funcexpr, context->function))
			return expression_tree_walker(((RangeTblFunction *) node)->funcexpr,
										  find_uses, context);
		if (is_call(node, context->function))
			context->used = GMM_ALL_COLUMNS;
	}
	return context->used == GMM_ALL_COLUMNS ||
		expression_tree_walker(node, find_uses, context);
}

/*
 * The columns that the query uses of any call of the function among its FROM
 * items, a bit for each; GMM_ALL_COLUMNS where that cannot be told.
 */
int32
gmm_used_columns(PlannerInfo *root, Oid function)
{
	UseContext	context = {0};
	int			item = 0;
	ListCell   *cell;

	if (root == NULL || root->parse == NULL || root->append_rel_list != NIL)
		return GMM_ALL_COLUMNS;
	context.query = root->parse;
	context.function = function;

	foreach(cell, context.query->rtable)
	{
		RangeTblEntry *entry = lfirst_node(RangeTblEntry, cell);

		item++;
		if (entry->rtekind == RTE_FUNCTION && list_length(entry->functions) == 1 &&
			is_call(linitial_node(RangeTblFunction, entry->functions)->funcexpr, function))
			context.items = bms_add_member(context.items, item);
		else if (entry->rtekind == RTE_FUNCTION && list_length(entry->functions) > 1)
		{
			ListCell   *call;

			foreach(call, entry->functions)
				if (is_call(lfirst_node(RangeTblFunction, call)->funcexpr, function))
					return GMM_ALL_COLUMNS;
		}
	}
	if (context.items == NULL)
		return GMM_ALL_COLUMNS;

	(void) query_tree_walker(context.query, find_uses, &context, QTW_IGNORE_JOINALIASES);
	return context.used;
}
