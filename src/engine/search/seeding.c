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

/* Candidates for a seed: 2 + log k of them */
#define MOST_CANDIDATES 12

/* One block of centered rows to coordinates in which they are round. */
static void
make_round(const double *factor, int d, int stride, double *features, const MixtureHost *host)
{
	for (int j = 0; j < d; j++)
	{
		double	   *feature = features + (size_t) j * stride;

		linalg_subtract_multiples(feature, factor + linalg_row(j), features, j, stride);
		for (int i = 0; i < stride; i++)
			feature[i] /= factor[linalg_row(j) + j];
		host->check_interrupts(host->context);
	}
}

/* A block's rows, feature by feature, to one after the other. */
void
seeding_copy_rows(SeedSpace *space, int64_t number)
{
	int			d = space->blocks.d;
	double	   *rows = space->rows + number * MIXTURE_BLOCK_ROWS * d;
	MixtureBlock block;

	sample_block(&space->blocks, number, &block);
	for (int first = 0; first < block.n_rows; first += MIXTURE_LANES)
		for (int j = 0; j < d; j++)
			for (int i = first; i < block.n_rows && i < first + MIXTURE_LANES; i++)
				rows[(size_t) i * d + j] = block.features[(size_t) j * block.stride + i];
}

/* Memory for the first n_rows of the sample's rows in d dimensions. */
void
seeding_allocate(SeedSpace *space, const Sample *sample, int64_t n_rows, int d,
				 const MixtureHost *host)
{
	/* or the last block, whose stride is the sample's, had no room here */
	MIXTURE_ASSERT(n_rows == sample->n_rows || n_rows % MIXTURE_BLOCK_ROWS == 0);
	space->blocks = sample->blocks;
	space->blocks.d = d;
	space->blocks.labels = NULL;
	space->blocks.n_rows = n_rows;
	space->blocks.features = host->allocate(host->context, sample_padded(n_rows) * d *
											sizeof(double));
	space->rows = host->allocate(host->context, n_rows * d * sizeof(double));
	space->across = 0;
	sample_source(&space->blocks, &space->source);
}

/*
 * Transform the first n_rows of the sample's rows to coordinates in which features have
 * the mean 0; with the Cholesky factor of their covariance, if that is not NULL, to those
 * in which all rows together are round; and divide each by its deviation, if there are
 * these.  Memory comes from the host; seeding_space_release() gives it back.
 */
void
seeding_space(SeedSpace *space, const Sample *sample, int64_t n_rows, const Scales *scales,
			  const double *deviations, const double *factor, const MixtureHost *host)
{
	int			d = sample->d;

	seeding_allocate(space, sample, n_rows, d, host);
	for (int64_t number = 0; number < space->source.n_blocks; number++)
	{
		double	   *to = space->blocks.features + number * MIXTURE_BLOCK_ROWS * d;
		MixtureBlock block;

		sample_block((void *) &sample->blocks, number, &block);
		for (int j = 0; j < d; j++)
			for (int i = 0; i < block.stride; i++)
				to[(size_t) j * block.stride + i] =
					block.features[(size_t) j * block.stride + i] - scales->moments.means[j];
		if (factor != NULL)
			make_round(factor, d, block.stride, to, host);
		for (int j = 0; j < d && deviations != NULL; j++)
			for (int i = 0; i < block.stride; i++)
				to[(size_t) j * block.stride + i] /= deviations[j];
		seeding_copy_rows(space, number);
		host->check_interrupts(host->context);
	}
}

void
seeding_space_release(SeedSpace *space, const MixtureHost *host)
{
	if (space->rows == NULL)
		return;
	host->release(host->context, space->rows);
	host->release(host->context, space->blocks.features);
}

/*
 * The row, of the first n_rows of the sample, that wins the race for rates
 * weights[i] * distances[i]; -1 if none is above 0.
 */
static int64_t
race_rows(const Sample *sample, int64_t n_rows, const double *distances, uint64_t draw)
{
	int64_t		winner = -1;
	double		best = INFINITY;

	for (int64_t i = 0; i < n_rows; i++)
	{
		double		bound = best * (1 + RACE_MARGIN);
		double		rate;
		double		unit;
		double		time;

		/* -log u is at least 1 - u, which as a rule is too late already */
		if (i % KERNELS_RACE_ROWS == 0)
			i = kernels_current()->race(sample->weights, distances, sample->hashes,
										random_mix(draw), bound, i, n_rows);
		if (i == n_rows)
			break;
		rate = sample->weights[i] * distances[i];
		if (!(rate > 0))
			continue;
		unit = random_unit(random_combine(sample->hashes[i], draw));
		if (1 - unit > bound * rate)
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

/* The first row from `row` on that is not a seed yet: those that are have the rate 0. */
static int64_t
unchosen_row(const double *rates, int64_t row)
{
	while (rates[row] == 0)
		row++;
	return row;
}

/*
 * What the distances of all rows from their nearest seed become with each of some
 * candidates more, into nearer[candidate]; their weighted sums into potentials.
 * distances and nearer[candidate]: sample_padded() of the rows; squares: n_candidates *
 * KERNEL_WORK_STRIDE.
 */
static void
distances_with(const SeedSpace *space, const double *candidates, int n_candidates,
			   const double *distances, double **nearer, double *potentials,
			   double *squares, const MixtureHost *host)
{
	for (int candidate = 0; candidate < n_candidates; candidate++)
		potentials[candidate] = 0;
	for (int64_t number = 0; number < space->source.n_blocks; number++)
	{
		int64_t		start = number * MIXTURE_BLOCK_ROWS;
		MixtureBlock block;

		sample_block((void *) &space->blocks, number, &block);
		kernels_current()->squares(&block, space->blocks.d, candidates, n_candidates, squares,
								   host);
		for (int candidate = 0; candidate < n_candidates; candidate++)
			potentials[candidate] +=
				kernels_current()->nearer(&block, squares + (size_t) candidate * KERNEL_WORK_STRIDE,
										  distances + start, nearer[candidate] + start);
		host->check_interrupts(host->context);
	}
}

/* What seeds are drawn with. */
typedef struct Draw
{
	const MixtureHost *host;
	const Sample *sample;
	const SeedSpace *space;
	double	   *distances;		/* of all rows from their nearest seed */
	double	   *nearer[MOST_CANDIDATES];	/* the same with a candidate */
	double	   *candidates;		/* MOST_CANDIDATES x d */
	double	   *squares;		/* MOST_CANDIDATES x KERNEL_WORK_STRIDE */
} Draw;

/*
 * Draw the next seed: of some candidates the one that leaves the least sum of
 * distances, which then are the seed's.
 */
static int64_t
draw_seed(Draw *draw, uint64_t number, int n_candidates)
{
	const SeedSpace *space = draw->space;
	int			d = space->blocks.d;
	int64_t		rows[MOST_CANDIDATES];
	double		potentials[MOST_CANDIDATES];
	double	   *distances = draw->distances;
	int			best = 0;

	for (int candidate = 0; candidate < n_candidates; candidate++)
	{
		rows[candidate] = race_rows(draw->sample, space->blocks.n_rows, distances,
									random_combine(number, candidate));
		draw->host->check_interrupts(draw->host->context);
		if (rows[candidate] < 0)
			return rows[candidate];
		memcpy(draw->candidates + (size_t) candidate * d, space->rows + rows[candidate] * d,
			   d * sizeof(double));
	}
	distances_with(space, draw->candidates, n_candidates, distances, draw->nearer, potentials,
				   draw->squares, draw->host);

	/* by more than rounding, or the order of the sums would show */
	for (int candidate = 1; candidate < n_candidates; candidate++)
		if (potentials[candidate] < potentials[best] * (1 - 1e-9))
			best = candidate;
	draw->distances = draw->nearer[best];
	draw->nearer[best] = distances;
	return rows[best];
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
	size_t		n = sample_padded(space->blocks.n_rows);
	bool		far = init == MIXTURE_INIT_KMEANS_PLUS_PLUS;
	int			n_candidates = far ? 2 + (int) log(k) : 0;
	size_t		size = (2 + n_candidates) * n +
		(size_t) n_candidates * (space->blocks.d + KERNEL_WORK_STRIDE);
	double	   *memory = host->allocate(host->context, size * sizeof(double));
	double	   *rates = memory;	/* what draws by weight alone go by */
	int64_t		unchosen = 0;	/* rows before it are seeds */
	Draw		draw = {.host = host,.sample = sample,.space = space,.distances = memory + n};

	for (int candidate = 0; candidate < n_candidates; candidate++)
		draw.nearer[candidate] = memory + (2 + candidate) * n;
	draw.candidates = memory + (2 + n_candidates) * n;
	draw.squares = draw.candidates + (size_t) n_candidates * space->blocks.d;
	for (size_t i = 0; i < n; i++)
	{
		rates[i] = 1;
		draw.distances[i] = INFINITY;
	}
	for (int c = 0; c < k; c++)
	{
		uint64_t	number = random_combine(seed, c);

		if (c > 0 && far)
			seeds[c] = draw_seed(&draw, number, n_candidates);
		else
			seeds[c] = race_rows(sample, space->blocks.n_rows, rates, number);
		/* rows that differ, but not in this space */
		if (seeds[c] < 0)
			seeds[c] = unchosen = unchosen_row(rates, unchosen);
		rates[seeds[c]] = 0;
		if (c == 0 && far)
		{
			double		potential;

			distances_with(space, space->rows + seeds[c] * space->blocks.d, 1, draw.distances,
						   &draw.distances, &potential, draw.squares, host);
		}
		host->check_interrupts(host->context);
	}
	host->release(host->context, memory);
}
