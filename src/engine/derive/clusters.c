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
 * Of the ways between all pairs only those matter that join what no higher ones have
 * joined: the edges of a spanning tree, of which there are k - 1.  For a way that
 * closes a circle, each of the others in that is higher; where such a one has not
 * joined its two hills, being too low, the lower way joins none either.  Prim's
 * algorithm finds the tree in one look at each pair and memory for k ways.  At most
 * pairs the look is at one point, which is lower than a way that is known.
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

/* The same of components with variances, each of which has a ridgeline of its own. */
static void
ridge_point_of_variances(Landscape *scape, int i, int j, double alpha, double beta)
{
	MixtureCovarianceType type = scape->parameters->covariance_type;
	int			d = scape->parameters->d;
	const double *mean = scape->parameters->means + (size_t) i * d;
	const double *s = mixture_covariance_of(scape->parameters, i);
	const double *t = mixture_covariance_of(scape->parameters, j);

	for (int l = 0; l < d; l++)
	{
		double		own = alpha;
		double		other = beta;

		if (type != MIXTURE_TIED)
		{
			own *= s[mixture_variance_place(type, l)];
			other *= t[mixture_variance_place(type, l)];
		}
		scape->row[l] = mean[l] + own / (own + other) * scape->vector[l];
	}
}

/*
 * Put the point of a ridgeline into scape->row: mean + alpha S (alpha S + beta T)^-1
 * (other - mean).  Where that sum is not positive definite to working precision, it is
 * a point of the straight way, which is one as well, only not the highest.
 */
static void
ridge_point(Landscape *scape, int i, int j, double alpha, double beta, double t)
{
	const MixtureParameters *parameters = scape->parameters;
	int			d = parameters->d;
	const double *mean = parameters->means + (size_t) i * d;
	const double *other = parameters->means + (size_t) j * d;
	const double *s = mixture_covariance_of(parameters, i);
	const double *o = mixture_covariance_of(parameters, j);

	for (int l = 0; l < d; l++)
		scape->vector[l] = other[l] - mean[l];
	if (parameters->covariance_type != MIXTURE_FULL)
	{
		ridge_point_of_variances(scape, i, j, alpha, beta);
		return;
	}
	for (size_t l = 0; l < linalg_packed_count(d); l++)
		scape->matrix[l] = alpha * s[l] + beta * o[l];
	if (!linalg_cholesky(scape->matrix, d, scape->host))
	{
		for (int l = 0; l < d; l++)
			scape->row[l] = mean[l] + t * scape->vector[l];
		return;
	}
	linalg_solve_lower(scape->matrix, scape->vector, d);
	linalg_solve_transposed(scape->matrix, scape->vector, d);
	for (int l = 0; l < d; l++)
	{
		double		sum = linalg_dot(s + linalg_row(l), scape->vector, l + 1);

		for (int m = l + 1; m < d; m++)
			sum += s[linalg_row(m) + l] * scape->vector[m];
		scape->row[l] = mean[l] + alpha * sum;
	}
}

/*
 * The log density at a point of the way from component i to j.  Where both have one
 * shape, t from 0 to 1 goes along it evenly, whatever their sizes: with the two
 * covariances brought to one size, of which neither leaves the range of a double.
 */
static double
way_height(Landscape *scape, int i, int j, double t)
{
	double		size = exp((scape->log_determinants[j] - scape->log_determinants[i]) /
						   (2 * scape->parameters->d));
	double		height;

	scape->host->check_interrupts(scape->host->context);
	ridge_point(scape, i, j, t * size, (1 - t) / size, t);
	height = mixture_row_log_density(scape->prepared, scape->row, scape->work);
	/* too far from all components to be computed */
	return isnan(height) ? -INFINITY : height;
}

/*
 * The lowest log density on the way, ends included.  If that turns out to be below
 * `enough`, it may be any value below.
 */
static double
lowest_height(Landscape *scape, int i, int j, double enough)
{
	double		lowest = fmin(scape->heights[i], scape->heights[j]);

	/* from the middle on outwards, for there it is lowest as a rule */
	for (int step = 0; step < WAY_POINTS && lowest >= enough; step++)
	{
		int			offset = step % 2 == 0 ? step / 2 : -(step + 1) / 2;

		lowest = fmin(lowest, way_height(scape, i, j, (WAY_POINTS / 2 + 1 + offset) /
										 (double) (WAY_POINTS + 1)));
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
 * Join hills along the ways, which are those of a spanning tree or of several, the
 * highest first, into trees whose roots are the hilltops.  Only where the
 * prominence is at least this.  Returns the number of joins, the array being k - 1.
 */
static int
join_hills(const Landscape *scape, const Way *ways, int n_ways, double least,
		   int *parents, Join *joins)
{
	int			n_joins = 0;

	for (int c = 0; c < scape->parameters->k; c++)
		parents[c] = c;
	for (int i = 0; i < n_ways; i++)
	{
		int			a = find_root(parents, ways[i].from);
		int			b = find_root(parents, ways[i].to);
		double		prominence;

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
		if (isnan(scape->heights[c]))
			scape->heights[c] = -INFINITY;
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
 * The way between two components; from is -1 if it is lower than `least`, relative to
 * the lower of its ends, or than `known`.
 */
static Way
find_way(Landscape *scape, int a, int b, double least, double known)
{
	int			i = a < b ? a : b;
	int			j = a < b ? b : a;
	double		enough = fmax(known, fmin(scape->heights[i], scape->heights[j]) + least);
	Way			way = {lowest_height(scape, i, j, enough), INFINITY, i, j};

	if (way.height < enough)
	{
		way.from = -1;
		return way;
	}
	way.distance = compare_components(scape->parameters, i, scape->log_determinants[i],
									  scape->parameters, j, scape->log_determinants[j],
									  scape->matrix, scape->host);
	if (isnan(way.distance))
		way.distance = INFINITY;
	return way;
}

/* The best of the ways to components that are not in the tree yet, or -1. */
static int
choose_way(const Way *ways, const bool *reached, int k)
{
	int			best = -1;

	for (int c = 0; c < k; c++)
		if (!reached[c] && ways[c].from >= 0 &&
			(best < 0 || compare_ways(&ways[c], &ways[best]) < 0))
			best = c;
	return best;
}

/*
 * Find the ways of a spanning tree, or of several where ways lower than `least`,
 * relative to the lower of their ends, do not count; sorted.  ways and open: k;
 * reached: k, all false.  Returns their number.
 */
static int
find_ways(Landscape *scape, double least, Way *ways, Way *open, bool *reached)
{
	int			k = scape->parameters->k;
	int			n_ways = 0;
	int			added = 0;

	for (int c = 0; c < k; c++)
		open[c].from = -1;
	for (int n_reached = 1; n_reached < k; n_reached++)
	{
		int			best;

		reached[added] = true;
		for (int c = 0; c < k; c++)
		{
			Way			way;

			if (reached[c])
				continue;
			way = find_way(scape, added, c, least,
						   open[c].from < 0 ? -INFINITY : open[c].height);
			if (way.from >= 0 && (open[c].from < 0 || compare_ways(&way, &open[c]) < 0))
				open[c] = way;
		}
		best = choose_way(open, reached, k);
		if (best >= 0)
			ways[n_ways++] = open[best];
		else
			for (best = 0; reached[best];)
				best++;
		added = best;
	}
	qsort(ways, n_ways, sizeof(Way), compare_ways);
	return n_ways;
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
 * clusters: k.  Takes memory for k ways, and time for k^2 log densities of the
 * mixture, so for k^3 of components.
 */
MixtureStatus
mixture_clusters(const MixtureParameters *mixture, int n, int *clusters,
				 const MixtureHost *host, MixtureError *error)
{
	MixtureParameters parameters = *mixture;
	int			k = parameters.k;
	double		least = n == 0 ? log(LEAST_WAY) : -INFINITY;
	Landscape	scape;
	Way		   *ways;
	bool	   *reached;
	Join	   *joins;
	int		   *parents;
	int			n_joins;
	MixtureStatus status;

	mixture_clear_noise(&parameters);
	status = landscape_begin(&scape, &parameters, host, error);
	if (status != MIXTURE_OK)
		return status;
	ways = host->allocate(host->context, 2 * sizeof(Way) * k);
	reached = host->allocate(host->context, sizeof(bool) * k);
	joins = host->allocate(host->context, sizeof(Join) * k);
	parents = host->allocate(host->context, sizeof(int) * k);
	memset(reached, 0, sizeof(bool) * k);
	n_joins = join_hills(&scape, ways, find_ways(&scape, least, ways, ways + k, reached),
						 least, parents, joins);
	if (n > 0)
		cut_joins(joins, n_joins, n, k, parents);
	number_trees(parents, k, clusters);
	host->release(host->context, parents);
	host->release(host->context, joins);
	host->release(host->context, reached);
	host->release(host->context, ways);
	landscape_end(&scape);
	return MIXTURE_OK;
}
