/*
 * array_arguments.c
 *	  Arguments that are an array of integers or of texts: of one dimension and
 *	  without NULL.  (Rows are arrays, too, but there are many: features.c.)
 *
 * name is the argument's in messages.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "compat.h"
#include "rows/array_arguments.h"

static void
check_one_dimensional(const ArrayType *array, const char *name)
{
	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("%s must be a one-dimensional array, not one of %d dimensions",
						name, ARR_NDIM(array))));
}

static void
check_length(int n, const char *name, int most)
{
	if (n > most)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("%s must have at most %d elements, not %d", name, most, n)));
}

/* Refuse the first of n elements that is NULL. */
static void
check_nulls(const bool *nulls, int n, const char *name)
{
	for (int i = 0; i < n; i++)
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("element %d of %s is NULL", i + 1, name)));
}

/* The elements of an int4[], *n of them, in the array. */
const int32 *
gmm_integer_array(ArrayType *array, const char *name, int *n)
{
	check_one_dimensional(array, name);
	*n = ARR_NDIM(array) == 0 ? 0 : ARR_DIMS(array)[0];
	if (ARR_HASNULL(array))
	{
		Datum	   *elements;
		bool	   *nulls;

		deconstruct_array(array, INT4OID, sizeof(int32), true, TYPALIGN_INT, &elements,
						  &nulls, n);
		check_nulls(nulls, *n, name);
		pfree(elements);
		pfree(nulls);
	}
	return (const int32 *) ARR_DATA_PTR(array);
}

/* The elements of a text[], *n of them and at most so many; palloc'd. */
const char **
gmm_text_array(ArrayType *array, const char *name, int most, int *n)
{
	Datum	   *elements;
	bool	   *nulls;
	const char **texts;

	check_one_dimensional(array, name);
	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, n);
	check_length(*n, name, most);
	check_nulls(nulls, *n, name);
	texts = (const char **) palloc(*n * sizeof(char *));
	for (int i = 0; i < *n; i++)
		texts[i] = TextDatumGetCString(elements[i]);
	return texts;
}

/* A dimension of a model that has d, numbered from 1, as a number from 0. */
int
gmm_dimension(const char *name, int dimension, int d)
{
	if (dimension < 1 || dimension > d)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg_plural("%s is %d, but the model has %d dimension",
							   "%s is %d, but the model has %d dimensions",
							   d, name, dimension, d),
				 errhint("Dimensions are numbered from 1.")));
	return dimension - 1;
}

/*
 * The argument dims: different dimensions of a model that has d, at least one and
 * at most so many, into dims as numbers from 0.  Returns how many they are.
 */
int
gmm_dimension_array(ArrayType *array, int d, int most, int *dims)
{
	int			n;
	const int32 *elements = gmm_integer_array(array, "dims", &n);
	bool	   *seen = palloc0(d * sizeof(bool));

	if (n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("dims must name at least one dimension"),
				 errhint("The model has dimensions 1 to %d.", d)));
	for (int i = 0; i < n; i++)
	{
		if (elements[i] < 1 || elements[i] > d)
			(void) gmm_dimension(psprintf("element %d of dims", i + 1), elements[i], d);
		if (seen[elements[i] - 1])
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("dims names dimension %d twice", elements[i])));
		if (i == most)
			check_length(n, "dims", most);
		dims[i] = elements[i] - 1;
		seen[dims[i]] = true;
	}
	pfree(seen);
	return n;
}
