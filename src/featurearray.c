/*
 * featurearray.c
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
#include "featurearray.h"

/* ARR_DATA_PTR for one dimension, without its comparison of signs */
static inline double *
array_values(ArrayType *array)
{
	Size		offset = ARR_HASNULL(array) ? (Size) array->dataoffset :
	ARR_OVERHEAD_NONULLS(1);

	return (double *) ((char *) array + offset);
}

/* The first NULL element, counted from 1. */
static int
first_null(ArrayType *array, int d)
{
	const bits8 *bitmap = ARR_NULLBITMAP(array);

	for (int i = 0; i < d; i++)
	{
		if ((bitmap[i / 8] & (1 << (i % 8))) == 0)
			return i + 1;
	}
	return 0;
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
				 errhint("A row is one array; give each row by a call of its own.")));

	d = ARR_DIMS(array)[0];
	if (d > MIXTURE_MAX_DIMENSIONS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("features have %d elements, the limit is %d",
						d, MIXTURE_MAX_DIMENSIONS)));

	if (ARR_HASNULL(array) && array_contains_nulls(array))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("element %d of features is NULL", first_null(array, d)),
				 errhint("Filter such rows out, or replace the NULL by a value.")));
}

static void
check_finite(const double *values, int d)
{
	for (int i = 0; i < d; i++)
	{
		if (unlikely(!isfinite(values[i])))
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("element %d of features is %s", i + 1,
							isnan(values[i]) ? "NaN" :
							values[i] > 0 ? "Infinity" : "-Infinity"),
					 errhint("Features must be finite; filter such rows out.")));
	}
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
 * Read a row: a one-dimensional array of 1 to MIXTURE_MAX_DIMENSIONS finite
 * numbers.  Raises an error for anything else.
 */
void
gmm_features_get(Datum datum, GmmFeatures *features)
{
	ArrayType  *array = get_array(datum, features);

	if (unlikely(ARR_NDIM(array) != 1 || ARR_HASNULL(array) ||
				 ARR_ELEMTYPE(array) != FLOAT8OID ||
				 ARR_DIMS(array)[0] > MIXTURE_MAX_DIMENSIONS))
		check_shape(array);

	features->d = ARR_DIMS(array)[0];
	features->values = array_values(array);
	check_finite(features->values, features->d);
}

void
gmm_features_release(GmmFeatures *features)
{
	if (features->copy != NULL)
		pfree(features->copy);
}

/* Refuse a row whose number of elements is not the model's. */
void
gmm_features_report_dimensions(int features_d, int model_d)
{
	ereport(ERROR,
			(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
			 errmsg("features have %d %s, but the model has %d %s",
					features_d, features_d == 1 ? "element" : "elements",
					model_d, model_d == 1 ? "dimension" : "dimensions")));
	pg_unreachable();
}

/*
 * A new double precision[] of n elements, in the current memory context;
 * *values is where they are to be written.
 */
ArrayType *
gmm_make_array(int n, double **values)
{
	Size		size = ARR_OVERHEAD_NONULLS(1) + sizeof(double) * (Size) n;
	ArrayType  *array = palloc0(size);

	SET_VARSIZE(array, size);
	array->ndim = 1;
	array->dataoffset = 0;
	array->elemtype = FLOAT8OID;
	ARR_DIMS(array)[0] = n;
	ARR_LBOUND(array)[0] = 1;
	*values = array_values(array);
	return array;
}
