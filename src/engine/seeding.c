/*
 * seeding.c
 *	  Where EM starts: k rows, far from each other, drawn by k-means++
 *	  (Arthur and Vassilvitskii 2007) in a metric that the caller gives.
 *
 * A row of weight w at squared distance D2 from the seeds so far is drawn with
 * probability in proportion to w D2, by the exponential race: each row has an
 * exponential variable, made from its hash, divided by w D2, and the smallest
 * wins.  Unlike a walk along cumulative sums this does not know any order,
 * and a change to one row changes nothing for the others.
 */
#include "internal.h"

#include <math.h>
#include <string.h>

#include "linalg.h"
#include "random.h"

/* Rows between two checks for interrupts. */
#define CHECK_ROWS 4096

/*
 * Transform the sample's rows into the space where `metric`, a mixture of one
 * component of the family full, diag or spherical, has mean 0 and unit
 * variance.  space->rows comes from the host.  Returns false where the
 * metric's covariance is not positive definite.
 */
bool
seeding_space(SeedSpace *space, const Sample *sample,
			  const MixtureParameters *metric, const MixtureHost *host)
{
	int			d = sample->d;
	MixtureError error;
	MixturePrepared *prepared = mixture_prepare_blocks(metric, NULL, host, &error);
	double	   *centered;

	if (prepared == NULL)
		return false;
	centered = host->allocate(host->context, d * sizeof(double));
	space->rows = host->allocate(host->context, sample->n_rows * d * sizeof(double));
	for (int64_t row = 0; row < sample->n_rows; row++)
	{
		const double *from = sample->rows + row * d;
		double	   *to = space->rows + row * d;
		const double *factor = prepared->precision_cholesky;

		for (int j = 0; j < d; j++)
			centered[j] = from[j] - prepared->means[j];
		for (int i = 0; i < d; i++)
		{
			if (metric->covariance_type == MIXTURE_FULL)
				to[i] = linalg_dot(factor + linalg_row(i), centered, i + 1);
			else
				to[i] = centered[i] *
					factor[metric->covariance_type == MIXTURE_DIAG ? i : 0];
		}
		if (row % CHECK_ROWS == 0)
			host->check_interrupts(host->context);
	}
	host->release(host->context, centered);
	mixture_release_prepared(prepared, host);
	return true;
}

/* The row that wins the race for rates weights[i] * distances[i]. */
static int64_t
race(const Sample *sample, const double *distances, uint64_t draw)
{
	int64_t		winner = -1;
	double		best = INFINITY;

	for (int64_t i = 0; i < sample->n_rows; i++)
	{
		double		rate = sample->weights[i] * distances[i];
		double		time;

		if (!(rate > 0))
			continue;
		time = -log(random_unit(random_combine(sample->hashes[i], draw))) / rate;
		if (time < best || winner < 0)
		{
			best = time;
			winner = i;
		}
	}
	return winner;
}

/* Any row that is not among the first n seeds. */
static int64_t
unchosen_row(const int64_t *seeds, int n)
{
	for (int64_t row = 0;; row++)
	{
		bool		taken = false;

		for (int i = 0; i < n && !taken; i++)
			taken = seeds[i] == row;
		if (!taken)
			return row;
	}
}

/*
 * What the distances of all rows from their nearest seed become with one more
 * seed, into `nearer`; returns their weighted sum.
 */
static double
distances_with(const Sample *sample, const SeedSpace *space, int64_t seed,
			   const double *distances, double *nearer, const MixtureHost *host)
{
	int			d = sample->d;
	const double *center = space->rows + seed * d;
	double		potential = 0;

	for (int64_t i = 0; i < sample->n_rows; i++)
	{
		double		distance = linalg_distance(space->rows + i * d, center, d);

		nearer[i] = distance < distances[i] ? distance : distances[i];
		potential += sample->weights[i] * nearer[i];
		if (i % CHECK_ROWS == 0)
			host->check_interrupts(host->context);
	}
	return potential;
}

/*
 * Draw the next seed: of some candidates the one that leaves the least sum of
 * distances, whose new distances take the place of *distances.  *nearer and
 * *spare are scratch of the same size.
 */
static int64_t
draw_seed(const Sample *sample, const SeedSpace *space, uint64_t draw,
		  int n_candidates, double **distances, double **nearer, double **spare,
		  const MixtureHost *host)
{
	int64_t		chosen = -1;
	double		least = INFINITY;
	double	   *best;

	for (int candidate = 0; candidate < n_candidates; candidate++)
	{
		int64_t		row = race(sample, *distances, random_combine(draw, candidate));
		double		potential;

		if (row < 0)
			return row;
		potential = distances_with(sample, space, row, *distances, *spare, host);

		/* by more than rounding, or the order of the sums would show */
		if (chosen < 0 || potential < least * (1 - 1e-9))
		{
			least = potential;
			chosen = row;
			best = *nearer;
			*nearer = *spare;
			*spare = best;
		}
	}
	best = *distances;
	*distances = *nearer;
	*nearer = best;
	return chosen;
}

/*
 * Choose k rows of the sample, which has at least k, into seeds: the first by
 * weight alone; each later one, for k-means++, by distance, or if greedy the
 * best of a few candidates drawn so (the variant that Arthur and Vassilvitskii
 * name in their conclusion); for random by weight alone.  Different seeds of
 * randomness give different choices.
 */
void
seeding_choose(const Sample *sample, const SeedSpace *space, MixtureInit init,
			   bool greedy, uint64_t seed, int k, int64_t *seeds,
			   const MixtureHost *host)
{
	size_t		n = sample->n_rows;
	double	   *memory = host->allocate(host->context, 4 * n * sizeof(double));
	double	   *rates = memory;	/* what the first draw goes by */
	double	   *distances = memory + n;
	double	   *nearer = memory + 2 * n;
	double	   *spare = memory + 3 * n;
	int			n_candidates = greedy ? 2 + (int) log(k) : 1;

	for (size_t i = 0; i < n; i++)
	{
		rates[i] = 1;
		distances[i] = INFINITY;
	}
	for (int c = 0; c < k; c++)
	{
		uint64_t	draw = random_combine(seed, c);

		if (c > 0 && init == MIXTURE_INIT_KMEANS_PLUS_PLUS)
			seeds[c] = draw_seed(sample, space, draw, n_candidates, &distances,
								 &nearer, &spare, host);
		else
		{
			seeds[c] = race(sample, rates, draw);
			rates[seeds[c]] = 0;
			if (init == MIXTURE_INIT_KMEANS_PLUS_PLUS)
				distances_with(sample, space, seeds[c], distances, distances, host);
		}
		/* rows that differ, but not in this space */
		if (seeds[c] < 0)
			seeds[c] = unchosen_row(seeds, c);
		host->check_interrupts(host->context);
	}
	host->release(host->context, memory);
}
