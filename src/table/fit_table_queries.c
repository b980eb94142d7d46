/*
 * fit_table_queries.c
 *	  The queries by which gmm_fit_table asks a table, and the arguments that
 *	  go into them.
 *
 * Of what the caller gives, names are looked up and quoted; features, weight
 * and label are columns and not expressions, for which a view is the place.
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "parser/parse_coerce.h"
#include "storage/lmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "compat.h"
#include "engine/engine.h"
#include "rows/array_arguments.h"
#include "table/fit_table_queries.h"

#define OPERATOR(name)	" OPERATOR(pg_catalog." name ") "

/* --- the relation and its columns -------------------------------------------- */

/* The qualified name of a relation that is there */
static const char *
qualified_name(Oid relation)
{
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relation)),
									  get_rel_name(relation));
}

/* Check that a relation is one that has rows. */
static void
check_relation(Oid relation)
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
}

/* The type of a column, which must be there; argument says who names it. */
static Oid
column_type(Oid relation, const char *argument, const char *column)
{
	AttrNumber	number = get_attnum(relation, column);

	if (number == InvalidAttrNumber)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of relation \"%s\" does not exist",
						column, get_rel_name(relation)),
				 errhint("Argument %s takes names of columns. For an expression, make a view.", argument)));
	return get_atttype(relation, number);
}

static bool
is_integer(Oid type)
{
	type = getBaseType(type);
	return type == INT2OID || type == INT4OID || type == INT8OID;
}

static bool
is_number(Oid type)
{
	if (is_integer(type))
		return true;
	switch (getBaseType(type))
	{
		case FLOAT4OID:
		case FLOAT8OID:
		case NUMERICOID:
			return true;
		default:
			return false;
	}
}

/* Refuse a column that is of another type than it should be. */
pg_noreturn static void
report_type(Oid relation, const char *column, Oid type, const char *wanted)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("column \"%s\" of relation \"%s\" is of type %s and not %s",
					column, get_rel_name(relation), format_type_be(type), wanted),
			 errhint("For a cast or another expression, make a view.")));
	pg_unreachable();
}

/* Append a column of numbers. */
static void
append_number(StringInfo text, Oid relation, const char *argument, const char *column)
{
	Oid			type = column_type(relation, argument, column);

	if (!is_number(type))
		report_type(relation, column, type, "a number");
	appendStringInfo(text, "%s::pg_catalog.float8", quote_identifier(column));
}

/* Append the column of labels. */
static void
append_label(StringInfo text, Oid relation, const char *column)
{
	Oid			type = column_type(relation, "label", column);

	if (!is_integer(type))
		report_type(relation, column, type, "an integer");
	appendStringInfo(text, ", %s::pg_catalog.int8 AS l", quote_identifier(column));
}

/*
 * The cast by which a type becomes double precision[], as it would be stored in
 * a column of that type or of real[]; NULL if there is none.
 */
static const char *
array_cast(Oid type)
{
	CoercionPathType path;
	Oid			function;

	path = find_coercion_pathway(FLOAT8ARRAYOID, type, COERCION_ASSIGNMENT, &function);
	if (path != COERCION_PATH_NONE && path != COERCION_PATH_COERCEVIAIO)
		return "::pg_catalog.float8[]";
	path = find_coercion_pathway(FLOAT4ARRAYOID, type, COERCION_ASSIGNMENT, &function);
	if (path != COERCION_PATH_NONE && path != COERCION_PATH_COERCEVIAIO)
		return "::pg_catalog.float4[]::pg_catalog.float8[]";
	return NULL;
}

/* Append the features as one array. */
static void
append_features(StringInfo text, GmmFitTableQuery *query, Oid relation)
{
	if (query->n_columns == 1)
	{
		const char *cast = array_cast(getBaseType(column_type(relation, "features",
															   query->columns[0])));

		query->is_array = cast != NULL;
		if (query->is_array)
		{
			appendStringInfo(text, "%s%s", quote_identifier(query->columns[0]), cast);
			return;
		}
	}
	appendStringInfoString(text, "ARRAY[");
	for (int j = 0; j < query->n_columns; j++)
	{
		appendStringInfoString(text, j > 0 ? ", " : "");
		append_number(text, relation, "features", query->columns[j]);
	}
	appendStringInfoChar(text, ']');
}

/* --- the rows ---------------------------------------------------------------------- */

/*
 * The query that selects the rows of a relation, or those of a part of it:
 * their features as x, their weight as w and, if they may have one, their label
 * as l; without those that have no weight or no array.  *filter_offset is where
 * the filter begins.
 */
static const char *
rows_text(GmmFitTableQuery *query, const GmmFitTableArguments *arguments, Oid part,
		  int *filter_offset)
{
	Oid			relation = arguments->relation;
	const char *weight = arguments->weight;
	const char *filter = arguments->filter;
	const char *and = " WHERE ";
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfoString(&text, "SELECT ");
	append_features(&text, query, relation);
	appendStringInfoString(&text, " AS x, ");
	if (weight != NULL)
		append_number(&text, relation, "weight", weight);
	else
		appendStringInfoString(&text, "1::pg_catalog.float8");
	appendStringInfoString(&text, " AS w");
	if (arguments->label != NULL)
		append_label(&text, relation, arguments->label);
	appendStringInfo(&text, " FROM %s", qualified_name(part));
	if (part != relation)
		appendStringInfo(&text, " AS %s", quote_identifier(query->name));
	if (filter != NULL)
	{
		appendStringInfo(&text, "%s(", and);
		*filter_offset = text.len;
		/* a comment at the end of the filter ends with the line */
		appendStringInfo(&text, "%s\n)", filter);
		and = " AND ";
	}
	if (query->is_array)
	{
		appendStringInfo(&text, "%s%s IS NOT NULL", and, quote_identifier(query->columns[0]));
		and = " AND ";
	}
	if (weight != NULL)
		appendStringInfo(&text, "%s%s IS NOT NULL", and, quote_identifier(weight));
	return text.data;
}

/* Add the partitions, where they are better asked one by one. */
static void
add_parts(GmmFitTableQuery *query, const GmmFitTableArguments *arguments)
{
	GmmFitTableScan *scan = &query->scan;
	List	   *parts = gmm_fit_table_parts(arguments->relation, scan->rows[0].query);
	List	   *read;
	ListCell   *cell;
	int			filter_offset = 0;
	bool		all_added = true;

	if (parts == NIL)
		return;
	read = gmm_fit_table_scan_relations(scan, gmm_fit_table_query_ranges(query));
	foreach(cell, parts)
	{
		Oid			part = lfirst_oid(cell);
		const char *rows;

		if (!list_member_oid(read, part) || !all_added)
			continue;
		rows = rows_text(query, arguments, part, &filter_offset);
		all_added = gmm_fit_table_scan_add(scan, qualified_name(part), part, rows,
										   arguments->filter, filter_offset);
	}
	gmm_fit_table_scan_take_rights(scan);
	if (!all_added ||
		!gmm_fit_table_scan_pushes_down(scan, gmm_fit_table_query_ranges(query)))
		scan->n_sets = 1;
}

/*
 * Prepare the queries for what the caller says of the rows.  function is any of
 * the extension's that returns a model: it tells where the others are.
 *
 * The relation stays locked to the end of the transaction, like any that a
 * query has read.
 */
void
gmm_fit_table_query_begin(GmmFitTableQuery *query, Oid function,
						  const GmmFitTableArguments *arguments)
{
	Oid			relation = arguments->relation;
	const char *filter = arguments->filter;
	bool		movable = true;
	const char *rows;
	int			filter_offset = 0;

	memset(query, 0, sizeof(GmmFitTableQuery));
	query->schema = quote_identifier(get_namespace_name(get_func_namespace(function)));
	query->model_type = get_func_rettype(function);
	query->labelled = arguments->label != NULL;
	query->columns = gmm_text_array(arguments->features, "features", MIXTURE_MAX_DIMENSIONS,
									&query->n_columns);
	if (query->n_columns == 0)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("features must name at least one column")));
	if (filter != NULL)
		movable = gmm_fit_table_check_filter(filter);
	LockRelationOid(relation, AccessShareLock);

	/* again if the schema is renamed just now */
	do
	{
		CHECK_FOR_INTERRUPTS();
		check_relation(relation);
		query->name = get_rel_name(relation);
		rows = rows_text(query, arguments, relation, &filter_offset);
	} while (!gmm_fit_table_scan_add(&query->scan, query->name, relation, rows, filter,
									 filter_offset));
	if (movable)
		add_parts(query, arguments);
}

/*
 * Append the FROM clause: the rows of this name, without those that are as absent,
 * and only those that meet a condition unless that is NULL.
 */
static void
append_from(StringInfo text, const GmmFitTableQuery *query, const char *name,
			const char *condition)
{
	const char *conditions[] = {
		query->weightless ? "r.w" OPERATOR("<>") "0::pg_catalog.float8" : NULL,
		query->nulls == GMM_FIT_TABLE_EMPTY_ABSENT ?
		"pg_catalog.num_nonnulls(VARIADIC r.x)" OPERATOR(">") "0" :
		query->nulls == GMM_FIT_TABLE_INCOMPLETE_ABSENT ?
		"pg_catalog.num_nulls(VARIADIC r.x)" OPERATOR("=") "0" : NULL,
		condition
	};
	const char *and = " WHERE ";

	appendStringInfo(text, " FROM %s AS r", quote_identifier(name));
	for (int i = 0; i < (int) lengthof(conditions); i++)
	{
		if (conditions[i] == NULL)
			continue;
		appendStringInfo(text, "%s%s", and, conditions[i]);
		and = " AND ";
	}
}

/* The features of a row, less the center $2 if that is wanted. */
static const char *
features_text(const GmmFitTableQuery *query, bool centered)
{
	return centered ? psprintf("%s.gmm_fit_table_center(r.x, $2)", query->schema) : "r.x";
}

/* Aggregates of all rows, or a row of them for each part */
static const char *
aggregates_text(const GmmFitTableQuery *query, const char *aggregates)
{
	const GmmFitTableScan *scan = &query->scan;
	StringInfoData text;

	initStringInfo(&text);
	for (int i = Min(1, scan->n_sets - 1); i < scan->n_sets; i++)
	{
		appendStringInfo(&text, "%sSELECT %s", i > 1 ? " UNION ALL " : "", aggregates);
		append_from(&text, query, scan->rows[i].name, NULL);
	}
	return text.data;
}

/* What GmmFitTableRanges has of the rows: an answer for each part. */
const char *
gmm_fit_table_query_ranges(const GmmFitTableQuery *query)
{
	return aggregates_text(query, psprintf("%s.gmm_fit_table_ranges(r.x, r.w)",
										   query->schema));
}

/* The labels there are, NULL included, with the number and the weight of their rows. */
const char *
gmm_fit_table_query_labels(const GmmFitTableQuery *query)
{
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfoString(&text, "SELECT r.l, pg_catalog.count(*), pg_catalog.sum(r.w)");
	append_from(&text, query, query->scan.rows[0].name, NULL);
	appendStringInfoString(&text, " GROUP BY r.l");
	return text.data;
}

/*
 * Distinct rows that meet a condition, or, if that is NULL, all of them, with the sums of
 * their weights and how many they are.  With labels, rows of different ones are distinct,
 * and the label comes last.
 */
static const char *
distinct_text(const GmmFitTableQuery *query, const char *condition)
{
	const char *label = query->labelled ? ", r.l" : "";
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfo(&text, "SELECT r.x, pg_catalog.sum(r.w), pg_catalog.count(*)%s", label);
	append_from(&text, query, query->scan.rows[0].name, condition);
	appendStringInfo(&text, " GROUP BY r.x%s", label);
	return text.data;
}

/*
 * Distinct rows, as above: those whose gmm_fit_table_hash, with the grid $1 and the seed
 * $2, is at most the element of $3 for their label, or, without one, the element 0; or all.
 */
const char *
gmm_fit_table_query_candidates(const GmmFitTableQuery *query, bool all)
{
	return distinct_text(query, all ? NULL :
						 psprintf("%s.gmm_fit_table_hash(r.x, $1, $2)" OPERATOR("<=") "%s",
								  query->schema, query->labelled ?
								  "$3[COALESCE(r.l, 0)::pg_catalog.int4]" : "$3[0]"));
}

/* Distinct rows, as above: those whose keys are among $1. */
const char *
gmm_fit_table_query_frequent(const GmmFitTableQuery *query)
{
	return distinct_text(query, psprintf("%s.gmm_fit_table_is_frequent(r.x, $1)",
										 query->schema));
}

/* Distinct rows, as above: those that are beyond the grid $1. */
const char *
gmm_fit_table_query_beyond(const GmmFitTableQuery *query)
{
	return distinct_text(query, psprintf("%s.gmm_fit_table_is_beyond(r.x, $1)", query->schema));
}

/*
 * A number for each label, the remainder of a multiple by a prime beyond all of them: no
 * two have the same, and the sum over the rows tells whether as many have each.  It is
 * exact for 10^11 rows, in whatever order they are added and on any server.
 */
double
gmm_fit_table_label_code(int64 label)
{
	return (double) (label * 40503 % 65521);
}

/* The sum of the rows' codes. */
static const char *
label_codes_text(void)
{
	return "COALESCE(pg_catalog.sum((r.l" OPERATOR("*") "40503::pg_catalog.int8" OPERATOR("%")
		"65521::pg_catalog.int8)::pg_catalog.float8), 0::pg_catalog.float8)";
}

/* The statistics of the rows, perhaps with labels, under the model $1: an expression. */
static const char *
statistics_text(const GmmFitTableQuery *query, const char *features, bool labelled)
{
	return labelled ?
		psprintf("%s.gmm_accumulate_labelled(%s, r.l, $1, r.w)", query->schema, features) :
		psprintf("%s.gmm_accumulate(%s, $1, r.w)", query->schema, features);
}

/*
 * The statistics of the rows, perhaps with labels, under the model $1, and with labels
 * the sum of their codes: an answer for each part.
 */
const char *
gmm_fit_table_query_accumulate(const GmmFitTableQuery *query, bool labelled,
							   bool centered)
{
	const char *statistics = statistics_text(query, features_text(query, centered), labelled);

	return aggregates_text(query, labelled ? psprintf("%s, %s", statistics, label_codes_text()) :
						   statistics);
}

/*
 * The same, and then the sum of the rows' entropies; a row whose component is known has
 * none.
 */
const char *
gmm_fit_table_query_score(const GmmFitTableQuery *query, bool labelled, bool centered)
{
	const char *features = features_text(query, centered);
	const char *entropies = psprintf("pg_catalog.sum(r.w" OPERATOR("*") "%s.gmm_entropy($1, %s))",
									 query->schema, features);

	if (labelled)
		entropies = psprintf("%s, COALESCE(%s FILTER (WHERE r.l IS NULL), 0::pg_catalog.float8)",
							 label_codes_text(), entropies);
	return aggregates_text(query, psprintf("%s, %s", statistics_text(query, features, labelled),
										   entropies));
}
