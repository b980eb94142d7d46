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

/*
 * Choose k rows of the sample, which has at least k, into seeds.  Different
 * seeds of randomness give different choices.
 */
void
seeding_choose(const Sample *sample, const SeedSpace *space, MixtureInit init,
			   uint64_t seed, int k, int64_t *seeds, const MixtureHost *host)
{
	int			d = sample->d;
	double	   *distances = host->allocate(host->context, sample->n_rows * sizeof(double));
	double	   *difference = host->allocate(host->context, d * sizeof(double));

	for (int64_t i = 0; i < sample->n_rows; i++)
		distances[i] = 1;
	for (int c = 0; c < k; c++)
	{
		int64_t		chosen = race(sample, distances, random_combine(seed, c));

		/* rows that differ, but not in this space: any that is not chosen */
		for (int64_t i = 0; chosen < 0; i++)
		{
			bool		taken = false;

			for (int other = 0; other < c && !taken; other++)
				taken = seeds[other] == i;
			if (!taken)
				chosen = i;
		}
		seeds[c] = chosen;
		for (int64_t i = 0; i < sample->n_rows; i++)
		{
			double		distance;

			if (i % CHECK_ROWS == 0)
				host->check_interrupts(host->context);
			if (init == MIXTURE_INIT_RANDOM)
				continue;
			for (int j = 0; j < d; j++)
				difference[j] = space->rows[i * d + j] - space->rows[chosen * d + j];
			distance = linalg_dot(difference, difference, d);
			if (c == 0 || distance < distances[i])
				distances[i] = distance;
		}
		distances[chosen] = 0;
	}
	host->release(host->context, difference);
	host->release(host->context, distances);
}
