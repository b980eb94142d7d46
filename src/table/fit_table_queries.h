/*
 * fit_table_queries.h
 *	  The queries by which gmm_fit_table asks a table.
 */
#ifndef GMM_FIT_TABLE_QUERIES_H
#define GMM_FIT_TABLE_QUERIES_H

#include "utils/array.h"

#include "table/fit_table_scan.h"

/* Which rows with NULLs are as absent. */
typedef enum GmmFitTableNulls
{
	GMM_FIT_TABLE_NONE_ABSENT,		/* none, or there are no such rows */
	GMM_FIT_TABLE_EMPTY_ABSENT,		/* those in which every feature is NULL */
	GMM_FIT_TABLE_INCOMPLETE_ABSENT /* those in which any feature is */
} GmmFitTableNulls;

/* What the caller says of the rows, beside their features. */
typedef struct GmmFitTableArguments
{
	Oid			relation;
	ArrayType  *features;		/* names of columns */
	const char *weight;			/* of the column of weights, or NULL */
	const char *label;			/* of the column of labels, or NULL */
	const char *filter;			/* or NULL */
} GmmFitTableArguments;

/* What all queries of one fit have in common. */
typedef struct GmmFitTableQuery
{
	const char **columns;		/* as the caller gave them: one for each
								 * feature, or one that has all */
	int			n_columns;
	bool		is_array;		/* there is one, of arrays */
	bool		labelled;		/* rows may have labels */
	GmmFitTableNulls nulls;
	bool		weightless;		/* there are rows of weight 0, as absent */
	const char *name;			/* of the relation, for messages */
	const char *schema;			/* the extension's, quoted */
	Oid			model_type;		/* gmm_model */
	GmmFitTableScan scan;
} GmmFitTableQuery;

/* fit_table_queries.c */
extern void gmm_fit_table_query_begin(GmmFitTableQuery *query, Oid function,
									  const GmmFitTableArguments *arguments);
extern const char *gmm_fit_table_query_ranges(const GmmFitTableQuery *query);
extern const char *gmm_fit_table_query_labels(const GmmFitTableQuery *query);
extern double gmm_fit_table_label_code(int64 label);
extern const char *gmm_fit_table_query_candidates(const GmmFitTableQuery *query,
												  bool all);
extern const char *gmm_fit_table_query_frequent(const GmmFitTableQuery *query);
extern const char *gmm_fit_table_query_beyond(const GmmFitTableQuery *query);
extern const char *gmm_fit_table_query_accumulate(const GmmFitTableQuery *query,
												  bool labelled, bool centered);
extern const char *gmm_fit_table_query_score(const GmmFitTableQuery *query, bool labelled,
											 bool centered);

/* fit_table_filter.c */
extern bool gmm_fit_table_check_filter(const char *filter);

/* fit_table_parts.c */
extern List *gmm_fit_table_parts(Oid relation, Query *rows);

#endif							/* GMM_FIT_TABLE_QUERIES_H */
