/*
 * fit_table_scan.h
 *	  Queries of one fit, all of the same rows.
 */
#ifndef GMM_FIT_TABLE_SCAN_H
#define GMM_FIT_TABLE_SCAN_H

#include "nodes/parsenodes.h"
#include "utils/queryenvironment.h"

/* Rows, by the name that queries have for them. */
typedef struct GmmFitTableRows
{
	const char *name;
	Query	   *query;			/* as analyzed: columns x, double precision[], w,
								 * double precision, and perhaps l, bigint */
} GmmFitTableRows;

/* The rows that the queries are about. */
typedef struct GmmFitTableScan
{
	QueryEnvironment *environment;	/* in which they have their names */
	GmmFitTableRows *rows;			/* the first are all; behind them, if there are
								 * more, are the same in parts */
	int			n_sets;			/* of rows: one, and the parts */
} GmmFitTableScan;

/* What is done with a row of an answer: its columns, until it returns. */
typedef void (*GmmFitTableAnswer) (void *context, const Datum *values, const bool *nulls);

extern bool gmm_fit_table_scan_add(GmmFitTableScan *scan, const char *name, Oid relation,
								   const char *rows, const char *filter, int filter_offset);
extern List *gmm_fit_table_scan_relations(const GmmFitTableScan *scan, const char *query);
extern void gmm_fit_table_scan_take_rights(GmmFitTableScan *scan);
extern bool gmm_fit_table_scan_pushes_down(const GmmFitTableScan *scan, const char *query);
extern void gmm_fit_table_scan_run(const GmmFitTableScan *scan, const char *query,
								   int n_arguments, const Oid *types, const Datum *values,
								   GmmFitTableAnswer answer, void *context);

#endif							/* GMM_FIT_TABLE_SCAN_H */
