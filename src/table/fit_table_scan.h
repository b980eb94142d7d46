/*
 * fit_table_scan.h
 *	  Queries of one fit, all of the same rows.
 */
#ifndef GMM_FIT_TABLE_SCAN_H
#define GMM_FIT_TABLE_SCAN_H

#include "nodes/parsenodes.h"
#include "utils/queryenvironment.h"

/* The rows that the queries are about. */
typedef struct GmmTableScan
{
	Query	   *rows;			/* as analysed: columns x, double precision[],
								 * and w, double precision */
	QueryEnvironment *environment;	/* in which they have a name */
} GmmTableScan;

/* What is done with a row of an answer: its columns, until it returns. */
typedef void (*GmmTableAnswer) (void *context, const Datum *values, const bool *nulls);

extern bool gmm_tablescan_begin(GmmTableScan *scan, const char *name, Oid relation,
								const char *rows, const char *filter, int filter_offset);
extern void gmm_tablescan_run(const GmmTableScan *scan, const char *query,
							  int n_arguments, const Oid *types, const Datum *values,
							  GmmTableAnswer answer, void *context);

#endif							/* GMM_FIT_TABLE_SCAN_H */
