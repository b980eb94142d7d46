/*
 * fit_table_scan.h
 *	  Queries of one fit, all of the same rows.
 */
#ifndef GMM_FIT_TABLE_SCAN_H
#define GMM_FIT_TABLE_SCAN_H

#include "nodes/parsenodes.h"
#include "utils/queryenvironment.h"

/* Rows, by the name that queries have for them. */
typedef struct GmmTableRows
{
	const char *name;
	Query	   *query;			/* as analyzed: columns x, double precision[], w,
								 * double precision, and perhaps l, bigint */
} GmmTableRows;

/* The rows that the queries are about. */
typedef struct GmmTableScan
{
	QueryEnvironment *environment;	/* in which they have their names */
	GmmTableRows *rows;			/* the first are all; behind them, if there are
								 * more, are the same in parts */
	int			n_sets;			/* of rows: one, and the parts */
} GmmTableScan;

/* What is done with a row of an answer: its columns, until it returns. */
typedef void (*GmmTableAnswer) (void *context, const Datum *values, const bool *nulls);

extern bool gmm_tablescan_add(GmmTableScan *scan, const char *name, Oid relation,
							  const char *rows, const char *filter, int filter_offset);
extern List *gmm_tablescan_relations(const GmmTableScan *scan, const char *query);
extern void gmm_tablescan_take_rights(GmmTableScan *scan);
extern bool gmm_tablescan_pushes_down(const GmmTableScan *scan, const char *query);
extern void gmm_tablescan_run(const GmmTableScan *scan, const char *query,
							  int n_arguments, const Oid *types, const Datum *values,
							  GmmTableAnswer answer, void *context);

#endif							/* GMM_FIT_TABLE_SCAN_H */
