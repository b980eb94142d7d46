/*
 * order.c
 *	  The order in which components are numbered: by weight, the largest
 *	  first, and by mean where weights are equal but for rounding.
 */
#include "engine/core/core.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/linalg.h"

/* Weights that are equal, and means in deviations, differ by less than this. */
#define SAME 1e-9
#define SAME_MEAN 1e-6

/* What a component is placed by, rounded so that what is equal compares so. */
typedef struct Place
{
	double		weight;
	const double *mean;			/* d */
	int			d;
	int			component;
} Place;

static int
compare_places(const void *left, const void *right)
{
	const Place *a = left;
	const Place *b = right;

	if (a->weight != b->weight)
		return a->weight > b->weight ? -1 : 1;
	for (int j = 0; j < a->d; j++)
		if (a->mean[j] != b->mean[j])
			return a->mean[j] < b->mean[j] ? -1 : 1;
	return 0;
}

/* The deviation within components of a feature, to measure means by. */
static double
feature_deviation(const MixtureParameters *from, int j)
{
	MixtureCovarianceType type = from->covariance_type;
	size_t		step = type == MIXTURE_TIED ? 0 : mixture_factor_count(type, from->d);
	size_t		place = mixture_has_matrix(type) ? linalg_row(j) + j :
		type == MIXTURE_DIAG ? (size_t) j : 0;
	double		variance = 0;

	for (int c = 0; c < from->k; c++)
		variance += from->weights[c] * from->covariances[c * step + place];
	return sqrt(variance);
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
	double	   *means = host->allocate(host->context, k * d * sizeof(double));

	for (size_t j = 0; j < d; j++)
	{
		double		unit = SAME_MEAN * feature_deviation(from, (int) j);

		for (int c = 0; c < k; c++)
			means[c * d + j] = nearbyint(from->means[c * d + j] / unit);
	}
	for (int c = 0; c < k; c++)
		places[c] = (Place) {nearbyint(from->weights[c] / SAME), means + c * d, from->d, c};
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
	host->release(host->context, means);
	host->release(host->context, places);
}
