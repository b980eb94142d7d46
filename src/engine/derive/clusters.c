/*
 * clusters.c
 *	  Which components of a mixture make up one cluster together.
 *
 * A cluster is a hill of the density.  Groups that are not Gaussian take several
 * components, between which the density hardly falls; between two groups it does.
 *
 * All critical points of the density of two components are on their ridgeline,
 *
 *		x(a) = m + a S M^-1 (n - m),	M = a S + (1 - a) T,	0 <= a <= 1
 *
 * for means m, n and covariances S, T (Ray and Lindsay 2005).  So the way from the
 * one to the other is as low as the mixture's density is at its lowest there.  Hills
 * are joined along the highest ways first, and the ratio of the way's lowest point
 * to the lower of the two hills that it joins is what tells whether they are two:
 * their prominence (Li, Ray and Lindsay 2007; Chazal et al. 2013).  A component that
 * is no hill by itself, but a shoulder or wider than the others, has a ratio of 1 and
 * is of the hill that it is nearest to, by Bhattacharyya's distance.
 *
 * Neither units nor the order of the components matter.  Noise has no part in it.
 */
#include "engine/derive/derive.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/linalg.h"

/*
 * Hills are two where the way between them is lower than this share of the lower
 * one: two Gaussians of one size 4.5 deviations apart.  Of random tables of groups
 * that are boxes, balls, arcs, rings, crosses, skew or heavy-tailed, with gaps between
 * them, this takes the fewest apart wrongly; a larger share takes some of them apart,
 * and a smaller one leaves Gaussians together that are further from each other.
 */
#define LEAST_WAY	0.15

/* Points of a ridgeline that are looked at, without its ends */
#define WAY_POINTS	31

/* The way between two components. */
typedef struct Way
{
	double		height;			/* the lowest log density on it */
	double		distance;		/* Bhattacharyya's */
	int			from;
	int			to;
} Way;

/* Two hills that a way joins. */
typedef struct Join
{
	double		prominence;		/* logarithm of the ratio */
	const Way  *way;
} Join;

typedef struct Landscape
{
	const MixtureParameters *parameters;
	const MixtureHost *host;
	MixturePrepared *prepared;
	double	   *heights;		/* k: log densities at the means */
	double	   *log_determinants;	/* k */
	double	   *row;			/* d */
	double	   *vector;			/* d */
	double	   *matrix;			/* scratch of compare.c, and a packed matrix */
	double	   *work;			/* of the kernel */
} Landscape;

/* A component's covariance: packed, or variances. */
static const double *
covariance_of(const MixtureParameters *parameters, int component)
{
	MixtureCovarianceType type = parameters->covariance_type;

	return parameters->covariances + (type == MIXTURE_TIED ? 0 :
									  component * mixture_factor_count(type, parameters->d));
}

/*
 * Put the point of a ridgeline into scape->row.  a is as above.  False where M is not
 * positive definite to working precision.
 */
static bool
ridge_point(Landscape *scape, int i, int j, double a)
{
	const MixtureParameters *parameters = scape->parameters;
	MixtureCovarianceType type = parameters->covariance_type;
	int			d = parameters->d;
	const double *mean = parameters->means + (size_t) i * d;
	const double *other = parameters->means + (size_t) j * d;
	const double *s = covariance_of(parameters, i);
	const double *t = covariance_of(parameters, j);

	for (int l = 0; l < d; l++)
		scape->vector[l] = other[l] - mean[l];
	if (type == MIXTURE_FULL)
	{
		for (size_t l = 0; l < linalg_packed_count(d); l++)
			scape->matrix[l] = a * s[l] + (1 - a) * t[l];
		if (!linalg_cholesky(scape->matrix, d, scape->host))
			return false;
		linalg_solve_lower(scape->matrix, scape->vector, d);
		linalg_solve_transposed(scape->matrix, scape->vector, d);
		for (int l = 0; l < d; l++)
		{
			double		sum = linalg_dot(s + linalg_row(l), scape->vector, l + 1);

			for (int m = l + 1; m < d; m++)
				sum += s[linalg_row(m) + l] * scape->vector[m];
			scape->row[l] = mean[l] + a * sum;
		}
		return true;
	}
	for (int l = 0; l < d; l++)
	{
		double		share = a;

		if (type != MIXTURE_TIED)
		{
			double		own = s[mixture_variance_place(type, l)];

			share *= own / (a * own + (1 - a) * t[mixture_variance_place(type, l)]);
		}
		scape->row[l] = mean[l] + share * scape->vector[l];
	}
	return true;
}

/*
 * The log density at a point of the way from component i to j.  Where both have one
 * shape, t from 0 to 1 goes along it evenly, whatever their sizes.
 */
static double
way_height(Landscape *scape, int i, int j, double t)
{
	double		ratio = exp((scape->log_determinants[j] - scape->log_determinants[i]) /
							scape->parameters->d);

	scape->host->check_interrupts(scape->host->context);
	if (!ridge_point(scape, i, j, t * ratio / (1 - t + t * ratio)))
		return NAN;
	return mixture_row_log_density(scape->prepared, scape->row, scape->work);
}

/*
 * The lowest log density on the way, ends included; NaN on failure.  If that turns
 * out to be below `enough`, it may be any value below.
 */
static double
lowest_height(Landscape *scape, int i, int j, double enough)
{
	double		lowest = fmin(scape->heights[i], scape->heights[j]);

	/* from the middle on outwards, for there it is lowest as a rule */
	for (int step = 0; step < WAY_POINTS && lowest >= enough; step++)
	{
		int			offset = step % 2 == 0 ? step / 2 : -(step + 1) / 2;
		double		height = way_height(scape, i, j,
										(WAY_POINTS / 2 + 1 + offset) / (double) (WAY_POINTS + 1));

		if (isnan(height))
			return NAN;
		lowest = fmin(lowest, height);
	}
	return lowest;
}

/* Higher ways first, of equals the shorter. */
static int
compare_ways(const void *a, const void *b)
{
	const Way  *first = a;
	const Way  *second = b;

	if (first->height != second->height)
		return first->height > second->height ? -1 : 1;
	if (first->distance != second->distance)
		return first->distance < second->distance ? -1 : 1;
	if (first->from != second->from)
		return first->from - second->from;
	return first->to - second->to;
}

/* What keeps hills apart best comes first. */
static int
compare_joins(const void *a, const void *b)
{
	const Join *first = a;
	const Join *second = b;

	if (first->prominence != second->prominence)
		return first->prominence < second->prominence ? -1 : 1;
	if (first->way->distance != second->way->distance)
		return first->way->distance > second->way->distance ? -1 : 1;
	return compare_ways(first->way, second->way);
}

/* The first component of the tree that a component is in. */
static int
find_root(int *parents, int component)
{
	while (parents[component] != component)
		component = parents[component] = parents[parents[component]];
	return component;
}

/*
 * Join hills along the ways, the highest first, into trees whose roots are the
 * hilltops.  Only where the prominence is at least this.  Returns the number of joins,
 * the array being k - 1.
 */
static int
join_hills(const Landscape *scape, const Way *ways, size_t n_ways, double least,
		   int *parents, Join *joins)
{
	int			n_joins = 0;

	for (int c = 0; c < scape->parameters->k; c++)
		parents[c] = c;
	for (size_t i = 0; i < n_ways; i++)
	{
		int			a = find_root(parents, ways[i].from);
		int			b = find_root(parents, ways[i].to);
		double		prominence;

		if (i % 4096 == 0)
			scape->host->check_interrupts(scape->host->context);
		if (a == b)
			continue;
		if (scape->heights[a] < scape->heights[b])
		{
			int			lower = a;

			a = b;
			b = lower;
		}
		/* both minus infinity: nothing is known, and nothing joins them */
		prominence = isinf(ways[i].height) ? -INFINITY : ways[i].height - scape->heights[b];
		if (prominence < least)
			continue;
		joins[n_joins].prominence = fmin(prominence, 0);
		joins[n_joins++].way = &ways[i];
		parents[b] = a;
	}
	return n_joins;
}

/* Number the trees in the order of their first components, from 0. */
static void
number_trees(int *parents, int k, int *clusters)
{
	int			n = 0;

	for (int c = 0; c < k; c++)
		clusters[c] = -1;
	for (int c = 0; c < k; c++)
	{
		int			root = find_root(parents, c);

		/* a tree's number is kept at its root until the component itself has one */
		if (clusters[root] < 0)
			clusters[root] = n++;
		clusters[c] = clusters[root];
	}
}

/* Make ready to look at the density of the components, without noise. */
static MixtureStatus
landscape_begin(Landscape *scape, const MixtureParameters *parameters,
				const MixtureHost *host, MixtureError *error)
{
	int			k = parameters->k;
	int			d = parameters->d;
	size_t		count = compare_scratch_count(d, mixture_has_matrix(parameters->covariance_type));
	size_t		n_values;

	scape->parameters = parameters;
	scape->host = host;
	scape->prepared = mixture_prepare_rows(parameters, host, error);
	if (scape->prepared == NULL)
		return MIXTURE_NOT_POSITIVE_DEFINITE;
	n_values = 2 * (size_t) k + 2 * (size_t) d + count +
		mixture_row_work_size(scape->prepared);
	scape->heights = host->allocate(host->context, n_values * sizeof(double));
	scape->log_determinants = scape->heights + k;
	scape->row = scape->log_determinants + k;
	scape->vector = scape->row + d;
	scape->matrix = scape->vector + d;
	scape->work = scape->matrix + count;
	for (int c = 0; c < k; c++)
	{
		scape->heights[c] = mixture_row_log_density(scape->prepared,
													parameters->means + (size_t) c * d,
													scape->work);
		host->check_interrupts(host->context);
	}
	return compare_determinants(parameters, scape->log_determinants, scape->matrix, host,
								error);
}

static void
landscape_end(Landscape *scape)
{
	const MixtureHost *host = scape->host;

	host->release(host->context, scape->heights);
	host->release(host->context, scape->prepared);
}

/*
 * Find the ways between all components, n_ways of them, sorted.  All that matter
 * where ways lower than `least`, relative to the lower of their ends, do not.
 */
static MixtureStatus
find_ways(Landscape *scape, double least, Way *ways, size_t *n_ways, MixtureError *error)
{
	int			k = scape->parameters->k;

	*n_ways = 0;
	for (int i = 0; i < k; i++)
		for (int j = i + 1; j < k; j++)
		{
			double		enough = fmin(scape->heights[i], scape->heights[j]) + least;
			Way		   *way = &ways[*n_ways];

			error->component = j;
			*way = (Way) {lowest_height(scape, i, j, enough), 0, i, j};
			if (isnan(way->height))
				return MIXTURE_NOT_POSITIVE_DEFINITE;
			if (way->height < enough)
				continue;
			way->distance = compare_components(scape->parameters, i, scape->log_determinants[i],
											   scape->parameters, j, scape->log_determinants[j],
											   scape->matrix, scape->host);
			if (isnan(way->distance))
				return MIXTURE_NOT_POSITIVE_DEFINITE;
			++*n_ways;
		}
	qsort(ways, *n_ways, sizeof(Way), compare_ways);
	return MIXTURE_OK;
}

/* Take apart again what is kept apart best, until there are n trees. */
static void
cut_joins(Join *joins, int n_joins, int n, int k, int *parents)
{
	qsort(joins, n_joins, sizeof(Join), compare_joins);
	for (int c = 0; c < k; c++)
		parents[c] = c;
	for (int i = n - 1; i < n_joins; i++)
		parents[find_root(parents, joins[i].way->from)] =
			find_root(parents, joins[i].way->to);
}

/*
 * The clusters of the components, numbered from 0 in the order of their first
 * components: n of them, 1 <= n <= k, or as many as there are hills if n is 0.
 * clusters: k.  Takes memory for k^2 ways, and time for k^3 densities.
 */
MixtureStatus
mixture_clusters(const MixtureParameters *mixture, int n, int *clusters,
				 const MixtureHost *host, MixtureError *error)
{
	MixtureParameters parameters = *mixture;
	int			k = parameters.k;
	double		least = n == 0 ? log(LEAST_WAY) : -INFINITY;
	size_t		n_ways;
	Landscape	scape;
	Way		   *ways;
	Join	   *joins;
	int		   *parents;
	int			n_joins;
	MixtureStatus status;

	mixture_clear_noise(&parameters);
	status = landscape_begin(&scape, &parameters, host, error);
	if (status != MIXTURE_OK)
		return status;
	ways = host->allocate(host->context, sizeof(Way) * ((size_t) k * (k - 1) / 2 + 1));
	joins = host->allocate(host->context, sizeof(Join) * k);
	parents = host->allocate(host->context, sizeof(int) * k);
	status = find_ways(&scape, least, ways, &n_ways, error);
	if (status != MIXTURE_OK)
		return status;
	n_joins = join_hills(&scape, ways, n_ways, least, parents, joins);
	if (n > 0)
		cut_joins(joins, n_joins, n, k, parents);
	number_trees(parents, k, clusters);
	host->release(host->context, parents);
	host->release(host->context, joins);
	host->release(host->context, ways);
	landscape_end(&scape);
	return MIXTURE_OK;
}
