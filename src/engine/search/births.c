/*
 * births.c
 *	  Where one more component would gain the most, beside all that there are.
 *
 * A group that has no component of its own is shared by its neighbours, so that no
 * component is two groups and none gains from being cut.  What does gain is one more,
 * wherever there are more rows than the mixture says.  Let the others stay as they
 * are: then EM for the new one alone needs the density of each row under the mixture,
 * and no more (Verbeek, Vlassis and Krose 2003).  Where all components share a
 * covariance the new one has it too, and in coordinates in which that is the identity
 * a step costs a distance for each row.
 *
 * The new one is tried beside each component, on both sides along the direction in
 * which the component's rows are the longest; the best are followed.
 */
#include "engine/search/search.h"

#include <math.h>
#include <string.h>

#include "engine/core/linalg.h"

/* Steps of the power method; of EM before a choice, and after it */
#define POWER_STEPS 8
#define TRIAL_STEPS 3
#define LAST_STEPS 12

/* Weight of a new component at first, in units of that of one in k */
#define FIRST_SHARE 0.5

/* Logarithm of the odds below which a row has no say, and that are enough */
#define LEAST_ODDS (-14)
#define MOST_ODDS 500

/* What places for components are looked for with. */
typedef struct Births
{
	const MixtureHost *host;
	const SeedSpace *space;
	int			k;
	int			d;
	double		sum;			/* of all weights */
	double	   *logs;			/* of each row's density, as the space has it */
	double	   *squares;		/* 2k x KERNEL_WORK_STRIDE: of a block's rows */
	int			n;				/* places, up to 2k */
	double	   *means;			/* 2k x d */
	double	   *shares;			/* 2k: weights of mixtures with one there */
	double	   *gains;			/* 2k */
	double	   *sums;			/* 2k x d: of rows */
	double	   *weights;		/* 2k: of these */
} Births;

/* Find the logarithm of each row's density, but for what all have in common. */
static void
find_densities(Births *births, const MixtureParameters *parameters, const double *means)
{
	const SeedSpace *space = births->space;

	for (int64_t number = 0; number < space->source.n_blocks; number++)
	{
		double	   *logs = births->logs + number * MIXTURE_BLOCK_ROWS;
		MixtureBlock block;

		sample_block((void *) &space->blocks, number, &block);
		kernels_current()->squares(&block, births->d, means, births->k, births->squares,
								   births->host);
		for (int i = 0; i < block.n_rows; i++)
		{
			double		most = -INFINITY;
			double		sum = 0;

			for (int c = 0; c < births->k; c++)
			{
				double	   *square = &births->squares[(size_t) c * KERNEL_WORK_STRIDE + i];

				*square = log(parameters->weights[c]) - 0.5 * *square;
				most = fmax(most, *square);
			}
			for (int c = 0; c < births->k; c++)
				sum += exp(births->squares[(size_t) c * KERNEL_WORK_STRIDE + i] - most);
			logs[i] = most + log(sum);
		}
		births->host->check_interrupts(births->host->context);
	}
}

/* One step of EM for each place alone: what it gains so far, and where it goes next. */
static void
step(Births *births)
{
	const SeedSpace *space = births->space;
	size_t		d = births->d;

	memset(births->gains, 0, births->n * sizeof(double));
	memset(births->weights, 0, births->n * sizeof(double));
	memset(births->sums, 0, births->n * d * sizeof(double));
	for (int64_t number = 0; number < space->source.n_blocks; number++)
	{
		int64_t		start = number * MIXTURE_BLOCK_ROWS;
		MixtureBlock block;

		sample_block((void *) &space->blocks, number, &block);
		kernels_current()->squares(&block, births->d, births->means, births->n, births->squares,
								   births->host);
		for (int b = 0; b < births->n; b++)
		{
			const double *squares = births->squares + (size_t) b * KERNEL_WORK_STRIDE;
			double		odds = log(births->shares[b] / (1 - births->shares[b]));

			for (int i = 0; i < block.n_rows; i++)
			{
				double		at = odds - 0.5 * squares[i] - births->logs[start + i];
				double		ratio;
				double		weight;

				if (at < LEAST_ODDS)
					continue;
				ratio = exp(fmin(at, MOST_ODDS));
				weight = block.weights[i] * ratio / (1 + ratio);
				births->gains[b] += block.weights[i] * log1p(ratio);
				births->weights[b] += weight;
				linalg_add_multiple(births->sums + b * d, weight, space->rows + (start + i) * d,
									births->d);
			}
		}
		births->host->check_interrupts(births->host->context);
	}
	for (int b = 0; b < births->n; b++)
	{
		births->gains[b] += births->sum * log1p(-births->shares[b]);
		if (!(births->weights[b] > 0) || !(births->weights[b] < births->sum))
			continue;
		births->shares[b] = births->weights[b] / births->sum;
		for (size_t j = 0; j < d; j++)
			births->means[b * d + j] = births->sums[b * d + j] / births->weights[b];
	}
}

/*
 * The direction in which a component's rows are the longest, by the power method; its
 * length is the deviation along it.
 */
static void
find_longest(const Births *births, const ComponentRows *of, const double *mean, double *line,
			 double *next)
{
	int			d = births->d;

	for (int j = 0; j < d; j++)
		line[j] = births->space->rows[of->rows[0] * d + j] - mean[j];
	for (int n = 0; n < POWER_STEPS; n++)
	{
		double		length = sqrt(linalg_dot(line, line, d));
		double		squares = 0;
		double		at_mean;
		double		sum = 0;

		/* no row is anywhere else */
		if (!(length > 0))
			return;
		for (int j = 0; j < d; j++)
			line[j] /= length;
		at_mean = linalg_dot(mean, line, d);
		memset(next, 0, d * sizeof(double));
		for (int64_t i = 0; i < of->n; i++)
		{
			const double *row = births->space->rows + of->rows[i] * d;
			double		along = linalg_dot(row, line, d) - at_mean;

			squares += of->shares[i] * along * along;
			sum += of->shares[i] * along;
			linalg_add_multiple(next, of->shares[i] * along, row, d);
		}
		linalg_add_multiple(next, -sum, mean, d);
		length = sqrt(linalg_dot(next, next, d));
		for (int j = 0; j < d; j++)
			line[j] = length > 0 ? next[j] / length * sqrt(squares / of->sum) : 0;
		births->host->check_interrupts(births->host->context);
	}
}

/* Put a place beside each component, on both sides. */
static void
put_places(Births *births, const double *means, const ComponentRows *rows)
{
	size_t		d = births->d;
	double	   *line = births->sums;

	births->n = 0;
	for (int c = 0; c < births->k; c++)
	{
		if (rows[c].n == 0)
			continue;
		find_longest(births, &rows[c], means + c * d, line, line + d);
		for (int side = -1; side <= 1; side += 2)
		{
			double	   *mean = births->means + births->n * d;

			memcpy(mean, means + c * d, d * sizeof(double));
			linalg_add_multiple(mean, side, line, births->d);
			births->shares[births->n++] = FIRST_SHARE / births->k;
		}
	}
}

/* Exchange n values. */
static void
swap_values(double *a, double *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
	{
		double		value = a[i];

		a[i] = b[i];
		b[i] = value;
	}
}

/* Keep the places that gain the most, as many as `most`, the best first. */
static void
keep_best(Births *births, int most)
{
	size_t		d = births->d;

	for (int b = 0; b < most && b < births->n; b++)
	{
		int			best = b;

		for (int other = b + 1; other < births->n; other++)
			if (births->gains[other] > births->gains[best])
				best = other;
		swap_values(births->means + b * d, births->means + best * d, d);
		swap_values(births->shares + b, births->shares + best, 1);
		swap_values(births->gains + b, births->gains + best, 1);
	}
	if (births->n > most)
		births->n = most;
}

/*
 * Find where one more component would gain the most, at up to `most` places: its mean
 * there, its share of what the mixture then is, the others' weights being less by that,
 * and what it gains.  Returns how many.  factor: of the covariance that all components
 * share, which have no noise beside them.  rows: theirs.
 */
int
births_find(const Sample *sample, const Scales *scales, const MixtureParameters *parameters,
			const double *factor, const ComponentRows *rows, int most, double *to,
			double *shares, double *gains, const MixtureHost *host)
{
	size_t		d = parameters->d;
	size_t		k = parameters->k;
	size_t		n = sample_padded(sample->n_rows);
	size_t		size = n + k * d + 2 * k * (KERNEL_WORK_STRIDE + 2 * d + 3);
	double	   *memory = host->allocate(host->context, size * sizeof(double));
	double	   *means = memory;
	SeedSpace	space;
	Births		births = {.host = host,.space = &space,.k = parameters->k,.d = parameters->d};

	births.logs = means + k * d;
	births.squares = births.logs + n;
	births.means = births.squares + 2 * k * KERNEL_WORK_STRIDE;
	births.sums = births.means + 2 * k * d;
	births.shares = births.sums + 2 * k * d;
	births.gains = births.shares + 2 * k;
	births.weights = births.gains + 2 * k;
	seeding_space(&space, sample, sample->n_rows, scales, NULL, factor, host);
	for (int64_t i = 0; i < sample->n_rows; i++)
		births.sum += sample->weights[i];
	for (size_t c = 0; c < k; c++)
	{
		for (size_t j = 0; j < d; j++)
			means[c * d + j] = parameters->means[c * d + j] - scales->moments.means[j];
		linalg_solve_lower(factor, means + c * d, parameters->d);
	}
	find_densities(&births, parameters, means);
	put_places(&births, means, rows);
	for (int i = 0; i < TRIAL_STEPS; i++)
		step(&births);
	keep_best(&births, most);
	for (int i = 0; i < LAST_STEPS; i++)
		step(&births);
	keep_best(&births, most);
	for (int b = 0; b < births.n; b++)
	{
		gains[b] = births.gains[b];
		shares[b] = births.shares[b];
		for (size_t j = 0; j < d; j++)
			to[b * d + j] = scales->moments.means[j] +
				linalg_dot(factor + linalg_row((int) j), births.means + b * d, (int) j + 1);
	}
	seeding_space_release(&space, host);
	host->release(host->context, memory);
	return births.n;
}
