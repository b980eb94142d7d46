/*
 * fit_table_parts.c
 *	  Partitions that gmm_fit_table asks one by one.
 *
 * Another server can make the statistics of a foreign table where the rows are,
 * and send these instead of the rows, if the wrapper hands the extension's
 * aggregates to it (postgres_fdw: the option extensions of the server).  Of a
 * partitioned table it does not: what PostgreSQL makes for a partition of an
 * aggregate over all is a partial aggregate, and wrappers send whole ones only.
 * So if a partition is a foreign table, a query asks for the aggregate of each
 * partition, and the fit adds them up.
 *
 * That must mean the same.  Rights are those on the partitioned table
 * (gmm_fit_table_scan_take_rights), and where row level security or a filter
 * depends on which table is read it stays as one.
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "nodes/nodeFuncs.h"
#include "utils/lsyscache.h"
#include "utils/rls.h"

#include "table/fit_table_queries.h"

/*
 * Whether a query has a whole row of the relation in its FROM clause, which is
 * of another type in a partition.
 */
static bool
has_whole_row(Node *node, void *context)
{
	int		   *level = context;

	if (node == NULL)
		return false;
	if (IsA(node, Var))
	{
		Var		   *var = (Var *) node;

		return var->varno == 1 && (int) var->varlevelsup == *level &&
			var->varattno == InvalidAttrNumber;
	}
	if (IsA(node, Query))
	{
		bool		found;

		++*level;
		found = query_tree_walker((Query *) node, has_whole_row, context, 0);
		--*level;
		return found;
	}
	return expression_tree_walker(node, has_whole_row, context);
}

/* Whether the rows that a user sees of a table are not all. */
static bool
is_secured(Oid relation)
{
	return check_enable_rls(relation, InvalidOid, true) != RLS_NONE;
}

/*
 * The partitions to be asked one by one instead of the relation, whose rows this
 * query selects; NIL if there is no reason to.  They are not locked.
 */
List *
gmm_fit_table_parts(Oid relation, Query *rows)
{
	List	   *parts = NIL;
	bool		any_foreign = false;
	int			level = 0;
	ListCell   *cell;

	if (get_rel_relkind(relation) != RELKIND_PARTITIONED_TABLE || is_secured(relation) ||
		query_tree_walker(rows, has_whole_row, &level, 0))
		return NIL;
	foreach(cell, find_all_inheritors(relation, NoLock, NULL))
	{
		Oid			part = lfirst_oid(cell);
		char		kind = get_rel_relkind(part);

		if (kind == RELKIND_PARTITIONED_TABLE)
			continue;
		if (is_secured(part))
			return NIL;
		any_foreign = any_foreign || kind == RELKIND_FOREIGN_TABLE;
		parts = lappend_oid(parts, part);
	}
	return any_foreign ? parts : NIL;
}
