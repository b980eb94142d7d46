/*
 * used_columns.h
 *	  Which columns of a function's result a query uses.
 */
#ifndef GMM_USED_COLUMNS_H
#define GMM_USED_COLUMNS_H

#include "nodes/pathnodes.h"

/* A bit for each column, from the first on; or all of them */
#define GMM_ALL_COLUMNS		(-1)

extern int32 gmm_used_columns(PlannerInfo *root, Oid function);

#endif							/* GMM_USED_COLUMNS_H */
