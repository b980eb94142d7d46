/*
 * fit_table_queries.c
 *	  The queries by which gmm_fit_table asks a table, and the arguments that
 *	  go into them.
 *
 * Of what the caller gives, names are looked up and quoted; features and
 * weight are columns and not expressions, for which a view is the place.  The
 * filter is SQL, as in a WHERE clause that the caller could write as well.  It
 * is parsed first, by itself, so that it is one expression and nothing behind
 * it: an error then is about the filter, and not about a query that the caller
 * has never seen.
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"
#include "parser/parser.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "compat.h"
#include "engine/engine.h"
#include "model/model.h"
#include "table/fit_table_queries.h"

#define OPERATOR(name)	" OPERATOR(pg_catalog." name ") "

/* How the filter is parsed: it must then be the WHERE clause and no more. */
#define FILTER_BEGIN	"SELECT WHERE"

/* What ends a filter in a query: a comment at its end ends with the line. */
#define FILTER_END		"\n)"

/* --- the relation and its columns -------------------------------------------- */

/* The relation as FROM has it; it must be one that has rows. */
static const char *
relation_name(Oid relation)
{
	char	   *name = get_rel_name(relation);

	if (name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", relation)));
	switch (get_rel_relkind(relation))
	{
		case RELKIND_RELATION:
		case RELKIND_PARTITIONED_TABLE:
		case RELKIND_FOREIGN_TABLE:
		case RELKIND_MATVIEW:
		case RELKIND_VIEW:
			break;
		default:
			ereport(ERROR,
					(errcode(ERRCODE_WRONG_OBJECT_TYPE),
					 errmsg("\"%s\" is not a table or view", name)));
	}
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relation)),
									  name);
}

/* A column, quoted; it must be one of numbers. */
static const char *
column_name(Oid relation, const char *argument, const char *column)
{
	AttrNumber	number = get_attnum(relation, column);
	Oid			type;

	if (number == InvalidAttrNumber)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of relation \"%s\" does not exist",
						column, get_rel_name(relation)),
				 errhint("%s names columns; for an expression, make a view.", argument)));
	type = get_atttype(relation, number);
	switch (number > 0 ? getBaseType(type) : InvalidOid)
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case FLOAT4OID:
		case FLOAT8OID:
		case NUMERICOID:
			break;
		default:
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("column \"%s\" of relation \"%s\" is of type %s and not a number",
							column, get_rel_name(relation), format_type_be(type)),
					 errhint("For a cast or another expression, make a view.")));
	}
	return quote_identifier(column);
}

/* Read the names of the features. */
static void
read_columns(GmmTableQuery *query, ArrayType *features)
{
	Datum	   *elements;
	bool	   *nulls;

	if (ARR_NDIM(features) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("features must be a one-dimensional array of column names")));
	deconstruct_array(features, TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls,
					  &query->d);
	if (query->d == 0)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("features must name at least one column")));
	if (query->d > MIXTURE_MAX_DIMENSIONS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("features have %d elements, the limit is %d",
						query->d, MIXTURE_MAX_DIMENSIONS)));
	query->columns = palloc(query->d * sizeof(char *));
	for (int j = 0; j < query->d; j++)
	{
		if (nulls[j])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("element %d of features is NULL", j + 1)));
		query->columns[j] = TextDatumGetCString(elements[j]);
	}
}

/* --- the filter ----------------------------------------------------------------- */

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
 */
static void
check_filter(const char *filter)
{
	ErrorContextCallback callback;
	Node	   *expression;

	callback.callback = explain_filter_error;
	callback.arg = unconstify(char *, filter);
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	expression = parse_filter(" ", filter, "");
	if (expression != NULL && parse_filter("(", filter, FILTER_END) == NULL)
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
}

/* --- the rows ---------------------------------------------------------------------- */

/*
 * Prepare the queries for a relation, d of its columns, the column that has
 * the weights and a filter; these two may be NULL.  function is any of the
 * extension's that returns a model: it tells where the others are.
 */
void
gmm_tablequery_begin(GmmTableQuery *query, Oid function, Oid relation,
					 ArrayType *features, const char *weight, const char *filter)
{
	StringInfoData rows;
	const char *from = relation_name(relation);

	query->name = get_rel_name(relation);
	query->schema = quote_identifier(get_namespace_name(get_func_namespace(function)));
	query->model_type = get_func_rettype(function);
	query->weighted = weight != NULL;
	query->filtered = filter != NULL;
	query->incomplete = true;
	query->skip_incomplete = false;
	read_columns(query, features);

	initStringInfo(&rows);
	appendStringInfoString(&rows, "(SELECT ");
	for (int j = 0; j < query->d; j++)
		appendStringInfo(&rows, "%s%s::pg_catalog.float8 AS f%d", j > 0 ? ", " : "",
						 column_name(relation, "features", query->columns[j]), j + 1);
	if (weight != NULL)
		appendStringInfo(&rows, ", %s::pg_catalog.float8 AS w",
						 column_name(relation, "weight", weight));
	appendStringInfo(&rows, " FROM %s", from);
	if (filter != NULL)
	{
		check_filter(filter);
		appendStringInfo(&rows, " WHERE (%s%s", filter, FILTER_END);
	}
	appendStringInfoString(&rows, ") AS r");
	query->rows = rows.data;
}

/* Append a condition on every feature, joined by `operator`. */
static void
append_condition(StringInfo text, const GmmTableQuery *query, const char *condition,
				 const char *operator)
{
	for (int j = 0; j < query->d; j++)
		appendStringInfo(text, "%sr.f%d %s", j > 0 ? operator : "(", j + 1, condition);
	appendStringInfoChar(text, ')');
}

/*
 * Append the rows, without those that are as absent: where the weight is 0 or
 * NULL, or all features are, or, if so wanted, one of them.
 */
static void
append_rows(StringInfo text, const GmmTableQuery *query)
{
	appendStringInfo(text, " FROM %s WHERE ", query->rows);
	if (query->weighted)
		appendStringInfoString(text, "r.w" OPERATOR("<>") "0::pg_catalog.float8");
	else
		appendStringInfoString(text, "true");
	if (!query->incomplete)
		return;
	appendStringInfoString(text, " AND ");
	append_condition(text, query, "IS NOT NULL", query->skip_incomplete ? " AND " : " OR ");
}

/* Append ARRAY[...] of something of each feature. */
static void
append_array(StringInfo text, const GmmTableQuery *query, const char *before,
			 const char *after)
{
	appendStringInfoString(text, "ARRAY[");
	for (int j = 0; j < query->d; j++)
		appendStringInfo(text, "%s%sr.f%d%s", j > 0 ? ", " : "", before, j + 1, after);
	appendStringInfoChar(text, ']');
}

/* Append the features as one array, less the center if that is not NULL. */
static void
append_features(StringInfo text, const GmmTableQuery *query, const double *center)
{
	if (center == NULL)
	{
		append_array(text, query, "", "");
		return;
	}
	appendStringInfoString(text, "ARRAY[");
	for (int j = 0; j < query->d; j++)
	{
		appendStringInfo(text, "%sr.f%d" OPERATOR("-") "'", j > 0 ? ", " : "", j + 1);
		gmm_text_append_double(text, center[j]);
		appendStringInfoString(text, "'::pg_catalog.float8");
	}
	appendStringInfoChar(text, ']');
}

/*
 * Number of rows and of those with a NULL; minima, maxima and weight of the
 * rows that have the feature (three arrays, NULL for one without values); and,
 * if weighted, least and largest weight.
 */
const char *
gmm_tablequery_ranges(const GmmTableQuery *query)
{
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfoString(&text, "SELECT pg_catalog.count(*), pg_catalog.count(*) FILTER (WHERE ");
	append_condition(&text, query, "IS NULL", " OR ");
	appendStringInfoString(&text, "), ");
	append_array(&text, query, "pg_catalog.min(", ")");
	appendStringInfoString(&text, ", ");
	append_array(&text, query, "pg_catalog.max(", ")");
	appendStringInfoString(&text, ", ");
	if (query->weighted)
		append_array(&text, query, "pg_catalog.sum(r.w) FILTER (WHERE ", " IS NOT NULL)");
	else
		append_array(&text, query, "pg_catalog.count(", ")::pg_catalog.float8");
	if (query->weighted)
		appendStringInfoString(&text, ", pg_catalog.min(r.w), pg_catalog.max(r.w)");
	append_rows(&text, query);
	return text.data;
}

/*
 * Distinct rows with the sums of their weights: those whose gmm_sample_hash,
 * with the grid $1 and the seed $2, is at most $3; or all.
 */
const char *
gmm_tablequery_candidates(const GmmTableQuery *query, bool all)
{
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfoString(&text, "SELECT ");
	append_features(&text, query, NULL);
	appendStringInfoString(&text, query->weighted ? ", pg_catalog.sum(r.w)" :
						   ", pg_catalog.count(*)::pg_catalog.float8");
	append_rows(&text, query);
	if (!all)
	{
		appendStringInfo(&text, " AND %s.gmm_sample_hash(", query->schema);
		append_features(&text, query, NULL);
		appendStringInfoString(&text, ", $1, $2)" OPERATOR("<=") "$3");
	}
	appendStringInfoString(&text, " GROUP BY 1");
	return text.data;
}

/* The statistics of the rows, less the center, under the model $1. */
const char *
gmm_tablequery_accumulate(const GmmTableQuery *query, const double *center)
{
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfo(&text, "SELECT %s.gmm_accumulate(", query->schema);
	append_features(&text, query, center);
	appendStringInfoString(&text, query->weighted ? ", $1, r.w)" : ", $1)");
	append_rows(&text, query);
	return text.data;
}

/*
 * The sums of the weights, the log-likelihood and the entropy of the rows,
 * less the center, under the model $1.
 */
const char *
gmm_tablequery_score(const GmmTableQuery *query, const double *center)
{
	static const char *const functions[] = {"gmm_logpdf", "gmm_entropy"};
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfoString(&text, query->weighted ? "SELECT pg_catalog.sum(r.w)" :
						   "SELECT pg_catalog.count(*)::pg_catalog.float8");
	for (int i = 0; i < 2; i++)
	{
		appendStringInfo(&text, ", pg_catalog.sum(%s%s.%s($1, ",
						 query->weighted ? "r.w" OPERATOR("*") : "", query->schema,
						 functions[i]);
		append_features(&text, query, center);
		appendStringInfoString(&text, "))");
	}
	append_rows(&text, query);
	return text.data;
}
