/*
 * features.h
 *	  A row of features as SQL hands it over: double precision[].
 */
#ifndef GMM_FEATURES_H
#define GMM_FEATURES_H

#include <math.h>

#include "access/htup_details.h"
#include "access/tupmacs.h"
#include "fmgr.h"
#include "utils/array.h"

#include "compat.h"
#include "rows/feature_names.h"

/*
 * A row.  values are those of the elements that are not NULL, one behind the
 * other, and n_observed is their number; which of the d elements they are,
 * observed says with a bit for each, or is NULL if none is missing.
 *
 * All of it points into the datum where that is possible.  The short form in
 * which tables hold arrays of up to 12 elements is not aligned: it is copied
 * into this struct, which therefore must stay where it is.  Anything else
 * that has to be detoasted becomes a copy in the memory context current at
 * the time of gmm_features_get().
 */
typedef struct GmmFeatures
{
	int			d;
	int			n_observed;
	const double *values;
	const uint8 *observed;
	ArrayType  *copy;			/* NULL if there was no need for one */
	union
	{
		ArrayType	array;
		double		alignment;
		char		bytes[VARHDRSZ + VARATT_SHORT_MAX];
	}			unpacked;
} GmmFeatures;

extern void gmm_features_get(Datum datum, GmmFeatures *features);
extern void gmm_features_get_any(Datum datum, GmmFeatures *features);
extern void gmm_features_get_nullable(Datum datum, GmmFeatures *features,
									  const GmmFeatureNames *names);
pg_noreturn extern void gmm_features_report_not_finite(const GmmFeatures *features,
													   const GmmFeatureNames *names);
extern int	gmm_features_first_null(const GmmFeatures *features);
extern bool gmm_features_element(const GmmFeatures *features, int element,
								 double *value);
extern void gmm_features_release(GmmFeatures *features);
pg_noreturn extern void gmm_features_report_dimensions(int features_d, int model_d,
													   const GmmFeatureNames *names);
extern ArrayType *gmm_make_array(int n_dims, const int *dims, double **values);
extern ArrayType *gmm_make_vector(int n, double **values);

/* Are the elements finite that are not NULL? */
static inline bool
gmm_features_finite(const GmmFeatures *features)
{
	for (int i = 0; i < features->n_observed; i++)
		if (unlikely(!isfinite(features->values[i])))
			return false;
	return true;
}

/* Is an element, counted from 0, NULL? */
static inline bool
gmm_feature_is_null(const GmmFeatures *features, int element)
{
	return features->observed != NULL && att_isnull(element, features->observed);
}

#endif							/* GMM_FEATURES_H */
