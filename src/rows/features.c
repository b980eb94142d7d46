/*
 * features.c
 *	  Arrays of double precision, in and out.
 *
 * Fitting and scoring read their rows through one function, so that they
 * accept the same arrays and say the same about those that they do not.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"

#include "compat.h"
#include "engine/engine.h"
#include "rows/features.h"

/* ARR_DATA_PTR for one dimension, without its comparison of signs */
static inline double *
array_values(ArrayType *array)
{
	Size		offset = ARR_HASNULL(array) ? (Size) array->dataoffset :
	ARR_OVERHEAD_NONULLS(1);

	return (double *) ((char *) array + offset);
}

/* The first NULL element, counted from 1; 0 if there is none. */
int
gmm_features_first_null(const GmmFeatures *features)
{
	if (features->observed != NULL)
		for (int i = 0; i < features->d; i++)
			if (gmm_feature_is_null(features, i))
				return i + 1;
	return 0;
}

/* The value of an element, counted from 0; false if it is NULL. */
bool
gmm_features_element(const GmmFeatures *features, int element, double *value)
{
	int			place = element;

	if (features->observed != NULL)
	{
		if (gmm_feature_is_null(features, element))
			return false;
		place = 0;
		for (int i = 0; i < element; i++)
			place += !gmm_feature_is_null(features, i);
	}
	*value = features->values[place];
	return true;
}

static void
check_shape(ArrayType *array)
{
	int			d;

	if (ARR_ELEMTYPE(array) != FLOAT8OID)
		elog(ERROR, "features have element type %u", ARR_ELEMTYPE(array));

	if (ARR_NDIM(array) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("features must have at least one element")));

	if (ARR_NDIM(array) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("features must be a one-dimensional array, not one of %d dimensions",
						ARR_NDIM(array)),
				 errhint("A row is one array. Call the function once for each row.")));

	d = ARR_DIMS(array)[0];
	if (d > MIXTURE_MAX_DIMENSIONS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("features must have at most %d elements, not %d",
						MIXTURE_MAX_DIMENSIONS, d)));
}

/* Refuse a row in which an element is not.  names may be NULL. */
void
gmm_features_report_not_finite(const GmmFeatures *features, const GmmFeatureNames *names)
{
	double		value = 0;
	int			element = -1;

	for (int i = 0; isfinite(value) && i < features->n_observed; i++)
	{
		value = features->values[i];
		do
			element++;
		while (gmm_feature_is_null(features, element));
	}
	ereport(ERROR,
			(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
			 errmsg("element %s of features is %s", gmm_names_element(names, element),
					isnan(value) ? "NaN" :
					value > 0 ? "Infinity" : "-Infinity"),
			 errhint("Features must be finite. Filter such rows out.")));
	pg_unreachable();
}

/* Take the bitmap of an array that has one, unless all elements are there. */
static void
get_observed(ArrayType *array, GmmFeatures *features)
{
	const uint8 *bitmap = ARR_NULLBITMAP(array);
	int			n_observed = 0;

	for (int i = 0; i < features->d; i++)
		n_observed += !att_isnull(i, bitmap);
	if (n_observed == features->d)
		return;
	features->n_observed = n_observed;
	features->observed = bitmap;
}

/* The array of a datum, aligned and detoasted. */
static inline ArrayType *
get_array(Datum datum, GmmFeatures *features)
{
	struct varlena *value = (struct varlena *) DatumGetPointer(datum);
	ArrayType  *array;

	features->copy = NULL;

	/* A toast pointer counts as short, too. */
	if (VARATT_IS_SHORT(value) && !VARATT_IS_EXTERNAL(value))
	{
		Size		size = VARSIZE_SHORT(value) - VARHDRSZ_SHORT;

		array = &features->unpacked.array;
		SET_VARSIZE(array, VARHDRSZ + size);
		memcpy(VARDATA(array), VARDATA_SHORT(value), size);
		return array;
	}

	array = DatumGetArrayTypeP(datum);
	if ((Pointer) array != (Pointer) value)
		features->copy = array;
	return array;
}

/*
 * Read a row: a one-dimensional array of 1 to MIXTURE_MAX_DIMENSIONS elements,
 * of which any may be NULL, NaN or infinite.  Raises an error for anything else.
 */
void
gmm_features_get_any(Datum datum, GmmFeatures *features)
{
	ArrayType  *array = get_array(datum, features);

	if (unlikely(ARR_NDIM(array) != 1 || ARR_ELEMTYPE(array) != FLOAT8OID ||
				 ARR_DIMS(array)[0] > MIXTURE_MAX_DIMENSIONS))
		check_shape(array);

	features->d = ARR_DIMS(array)[0];
	features->n_observed = features->d;
	features->observed = NULL;
	features->values = array_values(array);
	if (ARR_HASNULL(array))
		get_observed(array, features);
}

/*
 * The same, but elements that are not NULL must be finite.  names are those of
 * the features, or NULL.
 */
void
gmm_features_get_nullable(Datum datum, GmmFeatures *features,
						  const GmmFeatureNames *names)
{
	gmm_features_get_any(datum, features);
	if (unlikely(!gmm_features_finite(features)))
		gmm_features_report_not_finite(features, names);
}

/* The same, but NULL elements are an error, too. */
void
gmm_features_get(Datum datum, GmmFeatures *features)
{
	gmm_features_get_nullable(datum, features, NULL);
	if (unlikely(features->observed != NULL))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("element %d of features is NULL",
						gmm_features_first_null(features)),
				 errhint("Filter such rows out, or replace the NULL by a value.")));
}

/* Free what reading the features has copied. */
void
gmm_features_release(GmmFeatures *features)
{
	if (features->copy != NULL)
		pfree(features->copy);
}

/*
 * Refuse a row whose number of elements is not the model's; names are those of
 * the model's features.
 */
void
gmm_features_report_dimensions(int features_d, int model_d, const GmmFeatureNames *names)
{
	ereport(ERROR,
			(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
			 model_d == 1 ?
			 errmsg_plural("features have %d element, but the model has %d dimension",
						   "features have %d elements, but the model has %d dimension",
						   features_d, features_d, model_d) :
			 errmsg_plural("features have %d element, but the model has %d dimensions",
						   "features have %d elements, but the model has %d dimensions",
						   features_d, features_d, model_d),
			 names->n == 0 ? 0 :
			 errdetail("The model's features are %s.", gmm_names_list(names))));
	pg_unreachable();
}

/*
 * A new double precision[] of up to MAXDIM dimensions, in the current memory
 * context; *values is where its elements are to be written, row by row.
 */
ArrayType *
gmm_make_array(int n_dims, const int *dims, double **values)
{
	Size		offset = ARR_OVERHEAD_NONULLS(n_dims);
	Size		size = offset + sizeof(double) * (Size) ArrayGetNItems(n_dims, dims);
	ArrayType  *array = palloc0(size);

	SET_VARSIZE(array, size);
	array->ndim = n_dims;
	array->dataoffset = 0;
	array->elemtype = FLOAT8OID;
	for (int i = 0; i < n_dims; i++)
	{
		ARR_DIMS(array)[i] = dims[i];
		ARR_LBOUND(array)[i] = 1;
	}
	*values = (double *) ((char *) array + offset);
	return array;
}

/* One of one dimension, with n elements. */
ArrayType *
gmm_make_vector(int n, double **values)
{
	return gmm_make_array(1, &n, values);
}
