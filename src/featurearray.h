/*
 * featurearray.h
 *	  A row of features as SQL hands it over: double precision[].
 *
 * (Not features.h: the C library has a header of that name.)
 */
#ifndef GMM_FEATUREARRAY_H
#define GMM_FEATUREARRAY_H

#include "fmgr.h"
#include "utils/array.h"

/*
 * The values point into the datum or, where it had to be detoasted, into a
 * copy in the memory context current at the time of gmm_features_get().
 */
typedef struct GmmFeatures
{
	int			d;
	const double *values;
	ArrayType  *copy;			/* NULL if there was no need for one */
} GmmFeatures;

extern void gmm_features_get(Datum datum, GmmFeatures *features);
extern void gmm_features_release(GmmFeatures *features);
extern void gmm_features_report_dimensions(int features_d, int model_d) pg_attribute_noreturn();
extern ArrayType *gmm_make_array(int n, double **values);

#endif							/* GMM_FEATUREARRAY_H */
