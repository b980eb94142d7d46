/*
 * fit_table_frequent.c
 *	  Which rows of a table may be so many, or weigh so much, that no sample may be without
 *	  them.
 *
 * The scan that counts the rows keeps what some of them weigh, by hash.  Where these become
 * too many all lose what the median of them weighs, and those that are left with nothing
 * go: "frequent items" (Misra and Gries 1982), which merge (Agarwal et al. 2012).  Each
 * time more than a quarter of the places lose as much, so that the sum of what a row may
 * have lost is at most 4 / GMM_FREQUENT_PLACES of the weight of all.  A row that weighs
 * more is there, then, in whatever order and by however many workers the rows are read.
 * What it weighs in truth another query finds, but only where a row may weigh enough.
 */
#include "postgres.h"

#include "access/tupmacs.h"
#include "fmgr.h"

#include "compat.h"
#include "engine/engine.h"
#include "rows/features.h"
#include "table/fit_table_functions.h"

/*
 * Keys are whole numbers of so many bits: 15 digits, which a cluster may send as text
 * whatever extra_float_digits says.
 */
#define KEY_BITS	49

PG_FUNCTION_INFO_V1(gmm_fit_table_is_frequent);

/* The key of a row, in which an element that is NULL is a value of its own. */
static uint64
row_key(const GmmFeatures *features)
{
	double		stack[64];		/* for a row that is not longer */
	double	   *row = stack;
	const double *value = features->values;
	uint64		hash;

	if (features->d > (int) lengthof(stack))
		row = palloc(features->d * sizeof(double));
	row[0] = 0;					/* even of no features */
	/* 0 is added, for -0 is the same value */
	for (int j = 0; j < features->d; j++)
		row[j] = gmm_feature_is_null(features, j) ? NAN : *value++ + 0.0;
	hash = mixture_content_hash(row, features->d);
	if (row != stack)
		pfree(row);
	return hash >> (64 - KEY_BITS);
}

/* Add a weight to that of a key, or give it a free place.  There is one but in odd states. */
static void
put_key(GmmFitTableFrequent *frequent, double key, double weight)
{
	bool		valid = key >= 0 && key < (double) (UINT64CONST(1) << KEY_BITS);
	uint64		first = valid ? (uint64) key : 0;

	for (int i = 0; i < GMM_FREQUENT_PLACES; i++)
	{
		int			place = (int) ((first + i) % GMM_FREQUENT_PLACES);

		if (!(frequent->weights[place] > 0))
		{
			frequent->keys[place] = key;
			frequent->weights[place] = weight;
			++*frequent->n;
			return;
		}
		if (frequent->keys[place] == key)
		{
			frequent->weights[place] += weight;
			return;
		}
	}
}

/* The median of n weights, which change their places: Hoare's (1961). */
static double
find_median(double *weights, int n)
{
	int			low = 0;
	int			high = n - 1;

	while (low < high)
	{
		double		pivot = weights[n / 2];
		int			i = low;
		int			j = high;

		do
		{
			while (weights[i] < pivot)
				i++;
			while (weights[j] > pivot)
				j--;
			if (i <= j)
			{
				double		weight = weights[i];

				weights[i++] = weights[j];
				weights[j--] = weight;
			}
		} while (i <= j);
		if (j < n / 2)
			low = i;
		if (i > n / 2)
			high = j;
	}
	return weights[n / 2];
}

/* Let at least half of the keys go. */
static void
drop_keys(GmmFitTableFrequent *frequent)
{
	double		keys[GMM_FREQUENT_PLACES];
	double		weights[GMM_FREQUENT_PLACES];
	double		copies[GMM_FREQUENT_PLACES];
	double		median;
	int			n = 0;

	for (int place = 0; place < GMM_FREQUENT_PLACES; place++)
	{
		if (!(frequent->weights[place] > 0))
			continue;
		keys[n] = frequent->keys[place];
		weights[n] = copies[n] = frequent->weights[place];
		frequent->weights[place] = 0;
		n++;
	}
	*frequent->n = 0;
	if (n == 0)
		return;
	median = find_median(copies, n);
	*frequent->lost += median;
	for (int i = 0; i < n; i++)
		if (weights[i] > median)
			put_key(frequent, keys[i], weights[i] - median);
}

static void
add_key(GmmFitTableFrequent *frequent, double key, double weight)
{
	put_key(frequent, key, weight);
	if (*frequent->n > GMM_FREQUENT_PLACES / 2)
		drop_keys(frequent);
}

/* Find the parts of what begins here: GMM_FREQUENT_VALUES values, 0 of no rows. */
void
gmm_fit_table_frequent_place(double *values, GmmFitTableFrequent *frequent)
{
	frequent->n = values;
	frequent->lost = values + 1;
	frequent->keys = values + 2;
	frequent->weights = frequent->keys + GMM_FREQUENT_PLACES;
}

/* Add a row of positive weight. */
void
gmm_fit_table_frequent_add_row(GmmFitTableFrequent *frequent, const GmmFeatures *features,
							   double weight)
{
	add_key(frequent, (double) row_key(features), weight);
}

/* Add what was kept of other rows. */
void
gmm_fit_table_frequent_add(GmmFitTableFrequent *frequent, const GmmFitTableFrequent *other)
{
	for (int place = 0; place < GMM_FREQUENT_PLACES; place++)
		if (other->weights[place] > 0)
			add_key(frequent, other->keys[place], other->weights[place]);
	*frequent->lost += *other->lost;
}

/* The keys of rows that may weigh so much; NULL if there are none. */
ArrayType *
gmm_fit_table_frequent_keys(const GmmFitTableFrequent *frequent, double least_weight)
{
	double		keys[GMM_FREQUENT_PLACES];
	double	   *values;
	ArrayType  *result;
	int			n = 0;

	for (int place = 0; place < GMM_FREQUENT_PLACES; place++)
		if (frequent->weights[place] > 0 &&
			frequent->weights[place] + *frequent->lost >= least_weight)
			keys[n++] = frequent->keys[place];
	if (n == 0)
		return NULL;
	result = gmm_make_vector(n, &values);
	memcpy(values, keys, n * sizeof(double));
	return result;
}

/*
 * gmm_fit_table_is_frequent(features double precision[], keys double precision[])
 *							returns boolean
 *
 * Whether the key of the row is one of these.
 */
Datum
gmm_fit_table_is_frequent(PG_FUNCTION_ARGS)
{
	GmmFeatures features;
	GmmFeatures keys;
	double		key;
	bool		found = false;

	gmm_features_get_nullable(PG_GETARG_DATUM(0), &features, NULL);
	gmm_features_get(PG_GETARG_DATUM(1), &keys);
	key = (double) row_key(&features);
	for (int i = 0; i < keys.d && !found; i++)
		found = keys.values[i] == key;
	gmm_features_release(&keys);
	gmm_features_release(&features);
	PG_RETURN_BOOL(found);
}
