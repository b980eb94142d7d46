/*
 * order.c
 *	  The order in which components are numbered: by weight, the largest
 *	  first, and by mean where weights are equal but for rounding.
 */
#include "internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What a component is placed by. */
typedef struct Place
{
	double		weight;
	const double *mean;
	int			d;
	int			component;
} Place;

static int
compare_places(const void *left, const void *right)
{
	const Place *a = left;
	const Place *b = right;
	double		weight_a = nearbyint(a->weight * 1e9);
	double		weight_b = nearbyint(b->weight * 1e9);

	if (weight_a != weight_b)
		return weight_a > weight_b ? -1 : 1;
	for (int j = 0; j < a->d; j++)
		if (a->mean[j] != b->mean[j])
			return a->mean[j] < b->mean[j] ? -1 : 1;
	return 0;
}

/* Copy parameters, to others of the same shape, with the components in their order. */
void
order_components(const MixtureParameters *from, MixtureParameters *to,
				 const MixtureHost *host)
{
	int			k = from->k;
	size_t		d = from->d;
	size_t		count = mixture_factor_count(from->covariance_type, from->d);
	Place	   *places = host->allocate(host->context, k * sizeof(Place));

	for (int c = 0; c < k; c++)
		places[c] = (Place) {from->weights[c], from->means + c * d, from->d, c};
	qsort(places, k, sizeof(Place), compare_places);
	mixture_copy_parameters(to, from);
	for (int c = 0; c < k; c++)
	{
		size_t		source = places[c].component;

		to->weights[c] = from->weights[source];
		memcpy(to->means + c * d, from->means + source * d, d * sizeof(double));
		if (from->covariance_type != MIXTURE_TIED)
			memcpy(to->covariances + c * count, from->covariances + source * count,
				   count * sizeof(double));
	}
	host->release(host->context, places);
}
