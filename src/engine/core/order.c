/*
 * order.c
 *	  The order in which components are numbered: by weight, the largest
 *	  first, and by mean where weights are equal but for rounding; by
 *	  covariance where means are so, too.
 *
 * Which numbers are equal but for rounding cannot be told from their digits: on
 * whatever grid they are rounded to, two that differ in the last bit may fall
 * on two points of it.  So components are sorted by a number as it is, and
 * those that follow each other by less than the tolerance are a run, which is
 * sorted by the next number, and so on.
 */
#include "engine/core/core.h"

#include <math.h>
#include <stdlib.h>

#include "engine/core/linalg.h"

/* Weights that are equal, and the rest in deviations, differ by less than this. */
#define SAME 1e-9
#define SAME_MOMENT 1e-6

/* A component to be placed, and the number that it is placed by at present. */
typedef struct Place
{
	double		value;
	int			component;
} Place;

static int
compare_places(const void *left, const void *right)
{
	const Place *a = left;
	const Place *b = right;

	if (a->value != b->value)
		return a->value < b->value ? -1 : 1;
	return a->component - b->component;
}

/* What components are ordered by: the first of n_keys numbers that differs. */
typedef struct Ordering
{
	const MixtureParameters *from;
	const MixtureHost *host;
	size_t		count;			/* values of a covariance; 0 if tied */
	size_t		n_keys;			/* weight, d means, count values */
	double	   *tolerances;		/* of each */
} Ordering;

/* The number of this key that a component has; the smallest comes first. */
static double
key_value(const Ordering *ordering, size_t key, int component)
{
	const MixtureParameters *from = ordering->from;
	size_t		d = from->d;

	if (key == 0)
		return -from->weights[component];
	if (key <= d)
		return from->means[component * d + key - 1];
	return from->covariances[component * ordering->count + key - 1 - d];
}

/* The deviation within components of a feature, to measure moments by. */
static double
feature_deviation(const MixtureParameters *from, int j)
{
	double		variance = 0;

	for (int c = 0; c < from->k; c++)
		variance += from->weights[c] * mixture_variance(from, c, j);
	return sqrt(variance);
}

/* By how much numbers that are equal may differ. */
static void
find_tolerances(Ordering *ordering)
{
	const MixtureParameters *from = ordering->from;
	int			d = from->d;
	double	   *means = ordering->tolerances + 1;
	double	   *covariances = means + d;

	ordering->tolerances[0] = SAME;
	for (int j = 0; j < d; j++)
		means[j] = SAME_MOMENT * feature_deviation(from, j);
	if (from->covariance_type == MIXTURE_FULL)
		for (int i = 0; i < d; i++)
			for (int j = 0; j <= i; j++)
				covariances[linalg_row(i) + j] = means[i] * means[j] / SAME_MOMENT;
	else
		for (size_t i = 0; i < ordering->count; i++)
			covariances[i] = means[i] * means[i] / SAME_MOMENT;
}

/* How many places, from the first, have values next to each other. */
static int
run_length(const Place *places, int n, double tolerance)
{
	int			length = 1;

	while (length < n && places[length].value - places[length - 1].value <= tolerance)
		length++;
	return length;
}

/*
 * Order n components, which are equal in the keys before this one.  The longest
 * run is left for the loop, so that calls are at most log2(k) deep.
 */
static void
order_run(const Ordering *ordering, Place *places, int n, size_t key)
{
	for (; n > 1 && key < ordering->n_keys; key++)
	{
		double		tolerance = ordering->tolerances[key];
		Place	   *longest = places;
		int			most = 0;

		for (int i = 0; i < n; i++)
			places[i].value = key_value(ordering, key, places[i].component);
		qsort(places, n, sizeof(Place), compare_places);
		for (int i = 0, length; i < n; i += length)
		{
			length = run_length(places + i, n - i, tolerance);
			if (length > most)
			{
				longest = places + i;
				most = length;
			}
		}
		for (int i = 0, length; i < n; i += length)
		{
			length = run_length(places + i, n - i, tolerance);
			if (places + i != longest)
				order_run(ordering, places + i, length, key + 1);
		}
		places = longest;
		n = most;
		ordering->host->check_interrupts(ordering->host->context);
	}
}

/*
 * Copy parameters, to others of the same shape, with the components in their order.
 * Those held (k; or NULL, none) stay where they are, and the others have an order
 * among themselves.
 */
void
order_components(const MixtureParameters *from, const bool *held, MixtureParameters *to,
				 const MixtureHost *host)
{
	int			k = from->k;
	bool		tied = from->covariance_type == MIXTURE_TIED;
	size_t		count = tied ? 0 : mixture_factor_count(from->covariance_type, from->d);
	Ordering	ordering = {from, host, count, 1 + from->d + count, NULL};
	Place	   *places = host->allocate(host->context, k * sizeof(Place));
	int		   *order = host->allocate(host->context, k * sizeof(int));
	int			n = 0;

	ordering.tolerances = host->allocate(host->context, ordering.n_keys * sizeof(double));
	find_tolerances(&ordering);
	for (int c = 0; c < k; c++)
		if (held == NULL || !held[c])
			places[n++] = (Place) {0, c};
	order_run(&ordering, places, n, 0);

	n = 0;
	for (int c = 0; c < k; c++)
		order[c] = held == NULL || !held[c] ? places[n++].component : c;
	mixture_permute(from, order, to, host);
	host->release(host->context, ordering.tolerances);
	host->release(host->context, order);
	host->release(host->context, places);
}
