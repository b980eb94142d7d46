/*
 * tail.c
 *	  Which share of a mixture's own rows has a lower density than a row.
 *
 * P(f(X) < t) for X drawn from the mixture of density f is what is left of the
 * probability when the smallest region of such a share is taken away (Hyndman
 * 1996, Computing and Graphing Highest Density Regions): it is uniform on rows
 * of the mixture, and the lower the density the smaller it is.  Of one
 * component it is the tail of a chi-square distribution.  Of several there is
 * no formula, so it is found once and tabulated over the log density.
 *
 * It is found ray by ray (rays.c).  Along one, the density falls below t and
 * rises above it at certain radii, and the share of rows between these is the
 * chi-square distribution's: exact, however small.  So only the directions are
 * a sample, a share of 10^-50 is no less precise than one of 10^-1, and where
 * components do not overlap all is exact.  From a radius to the next the log
 * density is taken for linear in half of the radius' square, which for one
 * component it is.
 *
 * The table has the logarithm of the share at nodes that are closer where more
 * rows are.  Between nodes it is linear, which is monotone in floating point,
 * too.  Below the last node, which is beyond a share of 10^-290, the share
 * falls as the density: it falls no faster, and the difference is less than
 * what is lost to rounding before both underflow.
 */
#include "engine/derive/rays.h"

#include <stdlib.h>
#include <string.h>

#include "engine/core/special.h"

/*
 * Pairs of rays by which nodes are chosen, or more, but not twice as many; and
 * room for the parts that these give, which are sorted without a look for
 * interrupts.  They are the most with 32 components in one dimension, 80,000.
 */
#define SURVEY_PAIRS 64
#define MOST_PARTS (3 << 15)

/* The most nodes of a table */
#define MOST_NODES 2048

/* No node is where fewer rows are below. */
#define LEAST_SHARE 1e-295

struct MixtureTail
{
	size_t		size;			/* bytes of all this */
	int			component;		/* the only one that has weight, or -1 */
	int			n;				/* nodes */
	double	   *log_densities;	/* n, ascending */
	double	   *log_shares;		/* n, not descending, to 0 */
};

/* A part of a ray: its rows, all taken to be of one log density. */
typedef struct Part
{
	double		log_density;
	double		share;
} Part;

typedef struct Survey
{
	size_t		n;
	Part	   *parts;			/* MOST_PARTS */
} Survey;

/* Sums over rays. */
typedef struct Sums
{
	int			n;
	double	   *nodes;			/* n log densities, ascending */
	double	   *shares;			/* n: of rows that are below, but for those */
	double	   *below;			/* n + 1: of rays that begin there, which have to
								 * be added for all nodes up to this one */
	double		total;
	double		most;			/* the largest log density that was seen */
} Sums;

static void
survey_ray(void *context, const Rays *rays, double weight)
{
	Survey	   *survey = context;
	double		inside;
	double		outside = 1;

	for (int i = 1; i < rays->n && survey->n < MOST_PARTS; i++)
	{
		Part	   *part = &survey->parts[survey->n++];

		inside = outside;
		outside = rays_beyond(&rays->radial, rays->halves[i]);
		part->log_density = 0.5 * (rays->log_densities[i - 1] + rays->log_densities[i]);
		part->share = weight * (inside - outside);
	}
}

static int
compare_parts(const void *left, const void *right)
{
	double		a = ((const Part *) left)->log_density;
	double		b = ((const Part *) right)->log_density;

	return (a > b) - (a < b);
}

/*
 * How much the logarithm of the share may rise from one node to the next.  In
 * one dimension the share has infinite slope at the density's maxima, and there
 * are few rays.
 */
static double
node_distance(double log_share, int d)
{
	double		even = exp(-log_share) / (d == 1 ? 1024 : 128);
	double		tail = log_share > -28 ? 0.04 - 0.002 * log_share : -0.05 * log_share;

	return fmin(even, d == 1 ? tail / 2 : tail);
}

/* Choose the nodes from a survey, which is sorted for that. */
static void
choose_nodes(Sums *sums, Survey *survey, int d)
{
	double		total = 0;
	double		sum = 0;
	double		last = -INFINITY;

	qsort(survey->parts, survey->n, sizeof(Part), compare_parts);
	for (size_t i = 0; i < survey->n; i++)
		total += survey->parts[i].share;
	sums->n = 0;
	for (size_t i = 0; i < survey->n && sums->n < MOST_NODES; i++)
	{
		double		log_density = survey->parts[i].log_density;
		double		log_share;
		double		distance;
		double		gap;

		sum += survey->parts[i].share;
		if (sum < LEAST_SHARE * total)
			continue;
		log_share = log(sum / total);
		distance = node_distance(log_share, d);
		gap = sums->n > 0 ? log_density - sums->nodes[sums->n - 1] : INFINITY;
		/* where a shoulder ends in a plateau, closer */
		if (log_share - last < (gap < 4 * distance ? distance : distance / 16) || !(gap > 0))
			continue;
		sums->nodes[sums->n++] = log_density;
		last = log_share;
	}
}

/* How many nodes are not above a log density. */
static int
count_nodes(const Sums *sums, double log_density)
{
	int			low = 0;
	int			high = sums->n;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (sums->nodes[middle] <= log_density)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/*
 * Add the rows of a ray that have a lower log density than each node: where
 * that falls below the node's, those farther out, and where it rises above it,
 * less those.
 */
static void
add_ray(void *context, const Rays *rays, double weight)
{
	Sums	   *sums = context;
	const double *h = rays->log_densities;
	const double *y = rays->halves;
	int			node = count_nodes(sums, h[0]);	/* those before are not above */

	sums->below[node] += weight;
	sums->total += weight;
	sums->most = fmax(sums->most, h[0]);
	for (int i = 1; i < rays->n; i++)
	{
		double		slope = (y[i] - y[i - 1]) / (h[i - 1] - h[i]);

		for (; node > 0 && sums->nodes[node - 1] > h[i]; node--)
			sums->shares[node - 1] += weight *
				rays_beyond(&rays->radial, y[i - 1] + (h[i - 1] - sums->nodes[node - 1]) * slope);
		for (; node < sums->n && sums->nodes[node] <= h[i]; node++)
			sums->shares[node] -= weight *
				rays_beyond(&rays->radial, y[i - 1] + (h[i - 1] - sums->nodes[node]) * slope);
		sums->most = fmax(sums->most, h[i]);
	}
}

/* Memory for a table of at most n nodes. */
static MixtureTail *
allocate_tail(int n, const MixtureHost *host)
{
	size_t		size = sizeof(MixtureTail) + 2 * n * sizeof(double);
	MixtureTail *tail = host->allocate(host->context, size);

	tail->size = size;
	tail->component = -1;
	tail->n = 0;
	tail->log_densities = (double *) (tail + 1);
	tail->log_shares = tail->log_densities + n;
	return tail;
}

/* The table from the sums. */
static MixtureTail *
tabulate(const Sums *sums, const MixtureHost *host)
{
	MixtureTail *tail = allocate_tail(sums->n + 1, host);
	double		below = 0;
	double		last = -INFINITY;
	int			n = 0;

	for (int i = 0; i < sums->n && sums->nodes[i] < sums->most; i++)
	{
		double		share;

		below += sums->below[i];
		share = (sums->shares[i] + below) / sums->total;
		/* differences of shares are exact only to rounding */
		if (!(share > 0))
			continue;
		last = fmin(fmax(log(share), last), 0);
		tail->log_densities[n] = sums->nodes[i];
		tail->log_shares[n++] = last;
	}
	tail->log_densities[n] = sums->most;
	tail->log_shares[n++] = 0;
	tail->n = n;
	return tail;
}

/*
 * Find the shares for a mixture that was prepared for rows, of at least one
 * dimension; weights: its components'.  It is one piece of the host's memory,
 * mixture_tail_size() bytes.  Depends on the mixture alone.
 */
MixtureTail *
mixture_tail_create(const MixturePrepared *prepared, const double *weights,
					const MixtureHost *host)
{
	Rays		rays;
	Survey		survey = {0};
	Sums		sums = {0};
	MixtureTail *tail;

	rays_begin(&rays, prepared, weights, host);
	if (rays.k == 1)
	{
		tail = allocate_tail(0, host);
		tail->component = rays.components[0];
		rays_end(&rays);
		return tail;
	}

	survey.parts = host->allocate(host->context, MOST_PARTS * sizeof(Part));
	sums.nodes = host->allocate(host->context, (3 * MOST_NODES + 1) * sizeof(double));
	sums.shares = sums.nodes + MOST_NODES;
	sums.below = sums.shares + MOST_NODES;
	sums.most = -INFINITY;
	memset(sums.shares, 0, (2 * MOST_NODES + 1) * sizeof(double));

	rays_visit(&rays, SURVEY_PAIRS, survey_ray, &survey);
	choose_nodes(&sums, &survey, rays.d);
	rays_visit(&rays, INT64_MAX, add_ray, &sums);
	tail = tabulate(&sums, host);

	host->release(host->context, sums.nodes);
	host->release(host->context, survey.parts);
	rays_end(&rays);
	return tail;
}

/* Bytes that it takes, for a cache's accounts. */
size_t
mixture_tail_size(const MixtureTail *tail)
{
	return tail->size;
}

/* The share of rows that have a log density below t. */
static double
share_below(const MixtureTail *tail, double t)
{
	const double *nodes = tail->log_densities;
	const double *shares = tail->log_shares;
	int			low = 0;
	int			high = tail->n - 1;
	double		share;

	if (t >= nodes[high])
		return 1;
	if (t <= nodes[0])
		return exp(shares[0] + (t - nodes[0]));
	while (high - low > 1)
	{
		int			middle = low + (high - low) / 2;

		if (nodes[middle] <= t)
			low = middle;
		else
			high = middle;
	}
	share = shares[low] + (shares[high] - shares[low]) *
		((t - nodes[low]) / (nodes[high] - nodes[low]));
	return exp(share < shares[high] ? share : shares[high]);
}

/*
 * The share of the mixture's own rows that have a lower density than this one.
 * Noise is left out of both: rows that no component makes say nothing about what is
 * usual among the others.  tail: what mixture_tail_create() found for what was
 * prepared, or NULL where that has no dimensions.  work: as for the other functions
 * of rows.
 */
double
mixture_row_outlier_pvalue(const MixturePrepared *prepared, const MixtureTail *tail,
						   const double *row, double *work)
{
	if (prepared->d == 0)
		return 1;
	if (tail->component < 0)
		return share_below(tail, kernels_row_components(prepared, row, work));
	kernels_row_distances(prepared, row, work);
	return special_chi_square_tail(work[tail->component], prepared->d);
}
