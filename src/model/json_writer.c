/*
 * json_writer.c
 *	  JSON of numbers and arrays of them, appended to a text.
 *
 * Numbers are written with as many digits as bring the same double back,
 * whatever extra_float_digits says; without white space, as to_json() does.
 */
#include "postgres.h"

#include "common/shortest_dec.h"
#include "miscadmin.h"

#include "model/json_writer.h"

/* Append the shortest decimal that reads back as this double. */
void
gmm_json_append_double(StringInfo text, double value)
{
	enlargeStringInfo(text, DOUBLE_SHORTEST_DECIMAL_LEN);
	text->len += double_to_shortest_decimal_buf(value, text->data + text->len);
}

/* Append n values as an array; element i is at values[i]. */
void
gmm_json_append_vector(StringInfo text, const double *values, int n)
{
	CHECK_FOR_INTERRUPTS();
	appendStringInfoChar(text, '[');
	for (int i = 0; i < n; i++)
	{
		if (i > 0)
			appendStringInfoChar(text, ',');
		gmm_json_append_double(text, values[i]);
	}
	appendStringInfoChar(text, ']');
}

/* Append an n x d matrix as an array of arrays. */
void
gmm_json_append_rows(StringInfo text, const double *values, int n, int d)
{
	appendStringInfoChar(text, '[');
	for (int i = 0; i < n; i++)
	{
		if (i > 0)
			appendStringInfoChar(text, ',');
		gmm_json_append_vector(text, values + (size_t) i * d, d);
	}
	appendStringInfoChar(text, ']');
}

/* Append a packed symmetric matrix as the square that it stands for. */
static void
append_symmetric(StringInfo text, const double *packed, int d)
{
	appendStringInfoChar(text, '[');
	for (int i = 0; i < d; i++)
	{
		CHECK_FOR_INTERRUPTS();
		appendStringInfoString(text, i > 0 ? ",[" : "[");
		for (int j = 0; j < d; j++)
		{
			size_t		row = Max(i, j);
			size_t		column = Min(i, j);

			if (j > 0)
				appendStringInfoChar(text, ',');
			gmm_json_append_double(text, packed[row * (row + 1) / 2 + column]);
		}
		appendStringInfoChar(text, ']');
	}
	appendStringInfoChar(text, ']');
}

/* Append covariances, or what is of their shape, in scikit-learn's shape. */
void
gmm_json_append_covariances(StringInfo text, MixtureCovarianceType type,
							int k, int d, const double *values)
{
	size_t		n_packed = (size_t) d * (d + 1) / 2;

	switch (type)
	{
		case MIXTURE_FULL:
			appendStringInfoChar(text, '[');
			for (int i = 0; i < k; i++)
			{
				if (i > 0)
					appendStringInfoChar(text, ',');
				append_symmetric(text, values + i * n_packed, d);
			}
			appendStringInfoChar(text, ']');
			break;
		case MIXTURE_TIED:
			append_symmetric(text, values, d);
			break;
		case MIXTURE_DIAG:
			gmm_json_append_rows(text, values, k, d);
			break;
		case MIXTURE_SPHERICAL:
			gmm_json_append_vector(text, values, k);
			break;
	}
}
