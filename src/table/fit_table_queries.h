/*
 * fit_table_queries.h
 *	  The queries by which gmm_fit_table asks a table.
 */
#ifndef GMM_FIT_TABLE_QUERIES_H
#define GMM_FIT_TABLE_QUERIES_H

#include "utils/array.h"

#include "table/fit_table_scan.h"

/* Which rows with NULLs are as absent. */
typedef enum GmmTableNulls
{
	GMM_TABLE_NONE_ABSENT,		/* none, or there are no such rows */
	GMM_TABLE_EMPTY_ABSENT,		/* those in which every feature is NULL */
	GMM_TABLE_INCOMPLETE_ABSENT /* those in which any feature is */
} GmmTableNulls;

/* What the caller says of the rows, beside their features. */
typedef struct GmmTableArguments
{
	Oid			relation;
	ArrayType  *features;		/* names of columns */
	const char *weight;			/* of the column of weights, or NULL */
	const char *label;			/* of the column of labels, or NULL */
	const char *filter;			/* or NULL */
} GmmTableArguments;

/* What all queries of one fit have in common. */
typedef struct GmmTableQuery
{
	const char **columns;		/* as the caller gave them: one for each
								 * feature, or one that has all */
	int			n_columns;
	bool		is_array;		/* there is one, of arrays */
	bool		labelled;		/* rows may have labels */
	GmmTableNulls nulls;
	bool		weightless;		/* there are rows of weight 0, as absent */
	const char *name;			/* of the relation, for messages */
	const char *schema;			/* the extension's, quoted */
	Oid			model_type;		/* gmm_model */
	GmmTableScan scan;
} GmmTableQuery;

/* fit_table_queries.c */
extern void gmm_tablequery_begin(GmmTableQuery *query, Oid function,
								 const GmmTableArguments *arguments);
extern const char *gmm_tablequery_ranges(const GmmTableQuery *query);
extern const char *gmm_tablequery_labels(const GmmTableQuery *query);
extern const char *gmm_tablequery_candidates(const GmmTableQuery *query, bool all);
extern const char *gmm_tablequery_accumulate(const GmmTableQuery *query, bool labelled,
											 bool centered);
extern const char *gmm_tablequery_score(const GmmTableQuery *query, bool labelled,
										bool centered);

/* fit_table_filter.c */
extern bool gmm_table_check_filter(const char *filter);

/* fit_table_parts.c */
extern List *gmm_table_parts(Oid relation, Query *rows);

#endif							/* GMM_FIT_TABLE_QUERIES_H */
