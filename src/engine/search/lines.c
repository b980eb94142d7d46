/*
 * lines.c
 *	  The lines along which clusters of rows may be told apart where they are not in all
 *	  dimensions together.
 *
 * Where groups differ in one feature of many, distances between rows are mostly those in the
 * others, and clusters cut groups in pieces instead of telling them apart.  Along that
 * feature alone they are plain to see.  Lines are the features, and the first principal
 * components of them, which are long where groups differ in many features at once.
 */
#include "engine/search/search.h"

#include <math.h>
#include <string.h>

#include "engine/core/linalg.h"

/* Principal components, and dimensions up to which there are any: eigenvectors are cubic */
#define MOST_PRINCIPAL 6
#define MOST_DIMENSIONS 144

/*
 * Find the lines of a sample whose scales these are: principal components only where these
 * have a covariance.  All that is given here must stay until lines_end().
 */
void
lines_begin(Lines *lines, const Sample *sample, const Scales *scales, const MixtureHost *host)
{
	size_t		d = sample->d;
	int			n = sample->d < MOST_PRINCIPAL ? sample->d : MOST_PRINCIPAL;
	const double *covariance = scales->moments.covariances;
	const double *variances = scales->variances;
	double	   *matrix;

	*lines = (Lines) {.host = host,.sample = sample,.scales = scales,.n = sample->d};
	if (scales->moments.covariance_type != MIXTURE_FULL || d > MOST_DIMENSIONS)
		return;
	lines->principal = host->allocate(host->context, n * d * sizeof(double));
	matrix = host->allocate(host->context, (d * d + d) * sizeof(double));
	for (size_t i = 0; i < d; i++)
		for (size_t j = 0; j <= i; j++)
			matrix[i * d + j] = covariance[linalg_row((int) i) + j] /
				sqrt(variances[i]) / sqrt(variances[j]);
	if (linalg_eigen_largest(matrix, sample->d, n, matrix + d * d, lines->principal, host))
	{
		for (size_t i = 0; i < n * d; i++)
			lines->principal[i] /= sqrt(variances[i % d]);
		lines->n += n;
	}
	host->release(host->context, matrix);
}

/* Give back what lines_begin() allocated. */
void
lines_end(Lines *lines)
{
	if (lines->principal != NULL)
		lines->host->release(lines->host->context, lines->principal);
}

/* Write line number `number`, of a width, so that rows are 1 wide along it: d values. */
void
lines_copy(const Lines *lines, int number, double width, double *to)
{
	size_t		d = lines->sample->d;

	memset(to, 0, d * sizeof(double));
	if (number < lines->sample->d)
		to[number] = 1 / (width * sqrt(lines->scales->variances[number]));
	else
		linalg_add_multiple(to, 1 / width, lines->principal + (number - d) * d, (int) d);
}

/* Make a space of the places of the first n_rows of the sample's rows along one line. */
void
lines_space(const Lines *lines, int number, int64_t n_rows, SeedSpace *space)
{
	const Sample *sample = lines->sample;
	const Scales *scales = lines->scales;
	const MixtureHost *host = lines->host;

	if (number >= sample->d)
	{
		directions_rows(space, sample, n_rows, scales,
						lines->principal + (size_t) (number - sample->d) * sample->d, 1, host);
		return;
	}
	seeding_allocate(space, sample, n_rows, 1, host);
	for (int64_t block_number = 0; block_number < space->source.n_blocks; block_number++)
	{
		double	   *to = space->blocks.features + block_number * MIXTURE_BLOCK_ROWS;
		MixtureBlock block;

		sample_block((void *) &sample->blocks, block_number, &block);
		for (int i = 0; i < block.stride; i++)
			to[i] = (block.features[(size_t) number * block.stride + i] -
					 scales->moments.means[number]) / sqrt(scales->variances[number]);
		seeding_copy_rows(space, block_number);
		host->check_interrupts(host->context);
	}
}

/*
 * How wide rows are along the line of a space, which a few far rows do not change: the
 * geometric mean of what is between one and the next that differs, squared as a variance is.
 * *equal: the share of rows that the next does not differ from.
 */
double
lines_width(const SeedSpace *space, double *equal)
{
	const double *weights = space->blocks.weights;
	double		sum = 0;
	double		different = 0;
	double		total = 0;

	for (int64_t i = 1; i < space->blocks.n_rows; i++)
	{
		double		apart = fabs(space->rows[i] - space->rows[i - 1]);
		double		weight = weights[i] * weights[i - 1];

		total += weight;
		if (apart > 0 && weight > 0)
		{
			sum += weight * log(apart);
			different += weight;
		}
	}
	*equal = total > 0 ? 1 - different / total : 1;
	return different > 0 ? exp(2 * sum / different) : 0;
}
