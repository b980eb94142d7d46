/*
 * fit_table_functions.h
 *	  What gmm_fit_table's queries find of the rows before a fit.
 */
#ifndef GMM_FIT_TABLE_FUNCTIONS_H
#define GMM_FIT_TABLE_FUNCTIONS_H

#include "rows/features.h"

/* Rows that may be frequent are kept in so many places, half of them free; a power of 2 */
#define GMM_FREQUENT_PLACES 1024
#define GMM_FREQUENT_VALUES (2 + 2 * GMM_FREQUENT_PLACES)

/* What is kept of rows that may be frequent (fit_table_frequent.c). */
typedef struct GmmFitTableFrequent
{
	double	   *n;				/* places that are taken */
	double	   *lost;			/* weight that a row has had taken away, at most */
	double	   *keys;			/* of the places, each from its own on: by hash */
	double	   *weights;		/* of the places; 0 where one is free */
} GmmFitTableFrequent;

/*
 * The answer of gmm_fit_table_ranges: numbers of rows, the range of every feature over
 * those of weight above 0, and which of them may be frequent.  It is a double
 * precision[] in SQL, so that a cluster can send it; this points into one.
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
	GmmFitTableFrequent frequent;	/* of n_rows */
} GmmFitTableRanges;

/* fit_table_functions.c */
extern void gmm_fit_table_ranges_place(ArrayType *array, GmmFitTableRanges *ranges);
extern void gmm_fit_table_ranges_add(GmmFitTableRanges *ranges,
									 const GmmFitTableRanges *other);

/* fit_table_frequent.c */
extern void gmm_fit_table_frequent_place(double *values, GmmFitTableFrequent *frequent);
extern void gmm_fit_table_frequent_add_row(GmmFitTableFrequent *frequent,
										   const GmmFeatures *features, double weight);
extern void gmm_fit_table_frequent_add(GmmFitTableFrequent *frequent,
									   const GmmFitTableFrequent *other);
extern ArrayType *gmm_fit_table_frequent_keys(const GmmFitTableFrequent *frequent,
											  double least_weight);

#endif							/* GMM_FIT_TABLE_FUNCTIONS_H */
