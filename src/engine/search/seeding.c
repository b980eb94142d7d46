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
#include "engine/search/search.h"

#include <math.h>
#include <string.h>

#include "engine/core/linalg.h"
#include "engine/core/random.h"

/* More than the rounding errors of a row's time in the race */
#define RACE_MARGIN 1e-12

/* One block of centered rows to coordinates in which they are round. */
static void
make_round(const double *factor, int d, int stride, double *features)
{
	for (int j = 0; j < d; j++)
	{
		double	   *feature = features + (size_t) j * stride;

		for (int l = 0; l < j; l++)
			linalg_add_multiple(feature, -factor[linalg_row(j) + l],
								features + (size_t) l * stride, stride);
		for (int i = 0; i < stride; i++)
			feature[i] /= factor[linalg_row(j) + j];
	}
}

/*
 * Transform the first n_rows of the sample's rows to coordinates in which each
 * feature has mean 0 and variance 1, or, if `alike` says so, all are divided by
 * one number; or, with the Cholesky factor of their covariance, in which all
 * rows together are round.  Memory comes from the host; seeding_space_release()
 * gives it back.
 */
void
seeding_space(SeedSpace *space, const Sample *sample, int64_t n_rows, const Scales *scales,
			  bool alike, const double *factor, const MixtureHost *host)
{
	int			d = sample->d;
	double		mean = 0;

	/* or the last block, whose stride is the sample's, had no room here */
	MIXTURE_ASSERT(n_rows == sample->n_rows || n_rows % MIXTURE_BLOCK_ROWS == 0);
	for (int j = 0; j < d; j++)
		mean += scales->variances[j] / d;
	space->factors = host->allocate(host->context, d * sizeof(double));
	for (int j = 0; j < d; j++)
		space->factors[j] = 1;
	space->blocks = sample->blocks;
	space->blocks.n_rows = n_rows;
	space->blocks.features = host->allocate(host->context, sample_padded(n_rows) * d *
											sizeof(double));
	sample_source(&space->blocks, &space->source);
	for (int64_t number = 0; number < space->source.n_blocks; number++)
	{
		double	   *to = space->blocks.features + number * MIXTURE_BLOCK_ROWS * d;
		MixtureBlock block;

		sample_block((void *) &sample->blocks, number, &block);
		for (int j = 0; j < d; j++)
		{
			double		deviation = factor != NULL ? 1 :
				sqrt(alike ? mean : scales->variances[j]);

			for (int i = 0; i < block.stride; i++)
				to[(size_t) j * block.stride + i] =
					(block.features[(size_t) j * block.stride + i] - scales->moments.means[j]) /
					deviation;
		}
		if (factor != NULL)
			make_round(factor, d, block.stride, to);
		host->check_interrupts(host->context);
	}
}

/*
 * Stretch the features, each by the factor given over that of the last time,
 * which this takes the place of.
 */
void
seeding_stretch(SeedSpace *space, const double *factors, const MixtureHost *host)
{
	for (int64_t number = 0; number < space->source.n_blocks; number++)
	{
		double	   *features = space->blocks.features + number * MIXTURE_BLOCK_ROWS *
			space->blocks.d;
		MixtureBlock block;

		sample_block(&space->blocks, number, &block);
		for (int j = 0; j < space->blocks.d; j++)
			for (int i = 0; i < block.stride; i++)
				features[(size_t) j * block.stride + i] *= factors[j] / space->factors[j];
		host->check_interrupts(host->context);
	}
	memcpy(space->factors, factors, space->blocks.d * sizeof(double));
}

void
seeding_space_release(SeedSpace *space, const MixtureHost *host)
{
	host->release(host->context, space->factors);
	host->release(host->context, space->blocks.features);
}

/* The d values of a row of the space. */
void
seeding_row(const SeedSpace *space, int64_t row, double *values)
{
	MixtureBlock block;

	sample_block((void *) &space->blocks, row / MIXTURE_BLOCK_ROWS, &block);
	for (int j = 0; j < space->blocks.d; j++)
		values[j] = block.features[(size_t) j * block.stride + row % MIXTURE_BLOCK_ROWS];
}

/*
 * The row, of the first n_rows of the sample, that wins the race for rates
 * weights[i] * distances[i]; -1 if none is above 0.
 */
int64_t
seeding_race(const Sample *sample, int64_t n_rows, const double *distances, uint64_t draw)
{
	int64_t		winner = -1;
	double		best = INFINITY;

	for (int64_t i = 0; i < n_rows; i++)
	{
		double		rate = sample->weights[i] * distances[i];
		double		unit;
		double		time;

		if (!(rate > 0))
			continue;
		unit = random_unit(random_combine(sample->hashes[i], draw));

		/* -log u is at least 1 - u, which as a rule is too late already */
		if (1 - unit > best * rate * (1 + RACE_MARGIN))
			continue;
		time = -log(unit) / rate;
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
distances_with(const Sample *sample, const SeedSpace *space, const double *seed,
			   const double *distances, double *nearer, const MixtureHost *host)
{
	double		potential = 0;

	for (int64_t number = 0; number < space->source.n_blocks; number++)
	{
		int64_t		start = number * MIXTURE_BLOCK_ROWS;
		double		squares[MIXTURE_BLOCK_ROWS];
		MixtureBlock block;

		sample_block((void *) &space->blocks, number, &block);
		memset(squares, 0, block.stride * sizeof(double));
		for (int j = 0; j < sample->d; j++)
			linalg_add_squares(squares, block.features + (size_t) j * block.stride, seed[j],
							   block.stride);
		for (int i = 0; i < block.n_rows; i++)
		{
			nearer[start + i] = squares[i] < distances[start + i] ? squares[i] :
				distances[start + i];
			potential += block.weights[i] * nearer[start + i];
		}
		host->check_interrupts(host->context);
	}
	return potential;
}

/*
 * Draw the next seed: of some candidates the one that leaves the least sum of
 * distances, whose new distances take the place of *distances.  *nearer and
 * *spare are scratch of the same size, seed of d values.
 */
static int64_t
draw_seed(const Sample *sample, const SeedSpace *space, uint64_t draw,
		  int n_candidates, double **distances, double **nearer, double **spare,
		  double *seed, const MixtureHost *host)
{
	int64_t		chosen = -1;
	double		least = INFINITY;
	double	   *best;

	for (int candidate = 0; candidate < n_candidates; candidate++)
	{
		int64_t		row = seeding_race(sample, space->blocks.n_rows, *distances,
											   random_combine(draw, candidate));
		double		potential;

		if (row < 0)
			return row;
		seeding_row(space, row, seed);
		potential = distances_with(sample, space, seed, *distances, *spare, host);

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
 * Choose k rows of the space, which has at least k, into seeds: the first by
 * weight alone; each later one, for k-means++, the best of a few candidates
 * drawn by distance (the variant that Arthur and Vassilvitskii
 * name in their conclusion); for random by weight alone.  Different seeds of
 * randomness give different choices.
 */
void
seeding_choose(const Sample *sample, const SeedSpace *space, MixtureInit init,
			   uint64_t seed, int k, int64_t *seeds,
			   const MixtureHost *host)
{
	size_t		n = space->blocks.n_rows;
	double	   *memory = host->allocate(host->context, (4 * n + sample->d) * sizeof(double));
	double	   *rates = memory;	/* what the first draw goes by */
	double	   *distances = memory + n;
	double	   *nearer = memory + 2 * n;
	double	   *spare = memory + 3 * n;
	double	   *seed_values = memory + 4 * n;
	int			n_candidates = 2 + (int) log(k);

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
								 &nearer, &spare, seed_values, host);
		else
		{
			seeds[c] = seeding_race(sample, n, rates, draw);
			if (seeds[c] < 0)
				seeds[c] = unchosen_row(seeds, c);
			rates[seeds[c]] = 0;
			if (init == MIXTURE_INIT_KMEANS_PLUS_PLUS)
			{
				seeding_row(space, seeds[c], seed_values);
				distances_with(sample, space, seed_values, distances, distances, host);
			}
		}
		/* rows that differ, but not in this space */
		if (seeds[c] < 0)
			seeds[c] = unchosen_row(seeds, c);
		host->check_interrupts(host->context);
	}
	host->release(host->context, memory);
}
