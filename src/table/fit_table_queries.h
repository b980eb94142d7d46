/*
 * fit_table_queries.h
 *	  The queries by which gmm_fit_table asks a table.
 */
#ifndef GMM_FIT_TABLE_QUERIES_H
#define GMM_FIT_TABLE_QUERIES_H

#include "postgres.h"

#include "utils/array.h"

/* What all queries of one fit have in common. */
typedef struct GmmTableQuery
{
	int			d;
	char	  **columns;		/* d: as the caller gave them */
	bool		weighted;
	bool		filtered;
	bool		incomplete;		/* there are rows with NULLs; true until known */
	bool		skip_incomplete;	/* they are as absent */
	const char *name;			/* of the relation, for messages */
	const char *schema;			/* the extension's, quoted */
	Oid			model_type;		/* gmm_model */
	const char *rows;			/* (SELECT ... AS f1, ... AS w FROM ...) AS r */
} GmmTableQuery;

extern void gmm_tablequery_begin(GmmTableQuery *query, Oid function, Oid relation,
								 ArrayType *features, const char *weight,
								 const char *filter);

extern const char *gmm_tablequery_ranges(const GmmTableQuery *query);
extern const char *gmm_tablequery_candidates(const GmmTableQuery *query, bool all);
extern const char *gmm_tablequery_accumulate(const GmmTableQuery *query,
											 const double *center);
extern const char *gmm_tablequery_score(const GmmTableQuery *query,
										const double *center);

#endif							/* GMM_FIT_TABLE_QUERIES_H */
