/*
 * fit_table_functions.h
 *	  What gmm_fit_table's queries find of the rows before a fit.
 */
#ifndef GMM_FIT_TABLE_FUNCTIONS_H
#define GMM_FIT_TABLE_FUNCTIONS_H

#include "utils/array.h"

/*
 * The answer of gmm_fit_table_ranges: numbers of rows, and the range of every
 * feature over those of weight above 0.  It is a double precision[] in
 * SQL, so that a cluster can send it; this points into one.
 */
typedef struct GmmFitTableRanges
{
	int			d;
	double	   *n_rows;			/* of which not every feature is NULL */
	double	   *n_incomplete;	/* of these, those with a NULL */
	double	   *n_empty;		/* rows in which every feature is NULL */
	double	   *n_weightless;	/* rows of weight 0 */
	double	   *sum_weights;	/* of n_rows */
	double	   *least;			/* d; Infinity where there is no value */
	double	   *most;			/* d; -Infinity where there is no value, NaN
								 * if any is */
	double	   *observed;		/* d: weight of the rows that have the feature */
} GmmFitTableRanges;

extern void gmm_fit_table_ranges_place(ArrayType *array, GmmFitTableRanges *ranges);
extern void gmm_fit_table_ranges_add(GmmFitTableRanges *ranges,
									 const GmmFitTableRanges *other);

#endif							/* GMM_FIT_TABLE_FUNCTIONS_H */
