/*
 * directions.c
 *	  Where starts are found in many dimensions: along the few directions in which
 *	  the rows spread the most.
 *
 * The means of k groups span k - 1 dimensions.  Groups that stand apart spread the rows
 * along these, and what lies across them tells clusters nothing but how far rows are from
 * any center; so clusters of rows are found as well among their principal components,
 * for a share of the work (Vempala and Wang 2004).
 */
#include "engine/search/search.h"

#include <math.h>
#include <string.h>

#include "engine/core/linalg.h"

/* Directions beside those of the means, which may be those of a few rows far away */
#define SPARE_DIRECTIONS 8

/*
 * Dimensions, as multiples of the directions, between which these are worth finding: of
 * fewer there is little to be saved, and of more their covariance costs more than that.
 */
#define LEAST_FEWER 8
#define MOST_FEWER 24

/* Dimensions at most: the time that eigenvectors take is cubic, the memory quadratic */
#define MOST_DIMENSIONS 1024

/* Directions that starts of k components are found along: 0 if all dimensions are as good. */
int
directions_wanted(int k, int d)
{
	int			wanted = k < MOST_DIMENSIONS ? k + SPARE_DIRECTIONS : d;

	return d <= MOST_DIMENSIONS && d / LEAST_FEWER >= wanted && d / MOST_FEWER <= wanted ?
		wanted : 0;
}

/*
 * The covariance of the first n_rows of the sample's rows about the mean of all, each
 * feature divided by its deviation: the lower triangle of a d x d matrix.
 */
static bool
find_covariance(const Sample *sample, int64_t n_rows, const Scales *scales,
				const double *deviations, double *matrix, const MixtureHost *host)
{
	int			d = sample->d;
	bool		known = scales->moments.covariance_type == MIXTURE_FULL;
	MixtureParameters single;
	const double *covariance = scales->moments.covariances;
	bool		found = true;

	if (!known)
	{
		RowBlocks	blocks = sample->blocks;
		MixtureSource source;
		MixtureError error;
		Em			em;

		blocks.n_rows = n_rows;
		sample_source(&blocks, &source);
		mixture_allocate_parameters(&single, MIXTURE_FULL, 1, d, host);
		scales_single(scales, &single);
		em_begin(&em, &source, NULL, MIXTURE_FULL, 1, scales->floor, host);
		mixture_hold_floor(&single, scales->floor, host);
		found = em_pass(&em, &single, true, &error) == MIXTURE_OK;
		if (found)
			mixture_maximize(em.stats, &single, &em.bounds, &em.points[0], host);
		mixture_copy_parameters(&single, &em.points[0]);
		em_end(&em);
		covariance = single.covariances;
	}
	for (int i = 0; i < d && found; i++)
		for (int j = 0; j <= i; j++)
			matrix[(size_t) i * d + j] = covariance[linalg_row(i) + j] /
				(deviations[i] * deviations[j]);
	if (!known)
		mixture_release_parameters(&single, host);
	return found;
}

/* A block's rows along q directions, each d long: q x stride. */
static void
project_block(const MixtureBlock *block, int d, const double *means, const double *directions,
			  int q, double *to)
{
	memset(to, 0, (size_t) q * block->stride * sizeof(double));
	for (int c = 0; c < q; c++)
	{
		const double *direction = directions + (size_t) c * d;
		double	   *along = to + (size_t) c * block->stride;
		double		middle = linalg_dot(direction, means, d);

		linalg_subtract_multiples(along, direction, block->features, d, block->stride);
		for (int i = 0; i < block->stride; i++)
			along[i] = -along[i] - middle;
	}
}

/* Memory for, and the rows of, a space along q directions, each d long. */
void
directions_rows(SeedSpace *space, const Sample *sample, int64_t n_rows, const Scales *scales,
				const double *directions, int q, const MixtureHost *host)
{
	int			d = sample->d;

	seeding_allocate(space, sample, n_rows, q, host);
	for (int64_t number = 0; number < space->source.n_blocks; number++)
	{
		MixtureBlock block;

		sample_block((void *) &sample->blocks, number, &block);
		project_block(&block, d, scales->moments.means, directions, q,
					  space->blocks.features + number * MIXTURE_BLOCK_ROWS * q);
		seeding_copy_rows(space, number);
		host->check_interrupts(host->context);
	}
}

/*
 * Make a space of the first n_rows of the sample's rows, each feature about its mean and
 * divided by its deviation, along the q directions of the greatest spread.  Returns false,
 * with nothing to be given back, where these cannot be found.
 */
bool
directions_space(SeedSpace *space, const Sample *sample, int64_t n_rows, const Scales *scales,
				 const double *deviations, int q, const MixtureHost *host)
{
	size_t		d = sample->d;
	double	   *matrix = host->allocate(host->context, (d * d + d + q * d) * sizeof(double));
	double	   *values = matrix + d * d;
	double	   *directions = values + d;
	bool		found;

	found = find_covariance(sample, n_rows, scales, deviations, matrix, host) &&
		linalg_eigen_largest(matrix, (int) d, q, values, directions, host);
	if (found)
	{
		for (size_t i = 0; i < q * d; i++)
			directions[i] /= deviations[i % d];
		directions_rows(space, sample, n_rows, scales, directions, q, host);
		for (size_t j = q; j < d; j++)
			space->across += values[j];
	}
	host->release(host->context, matrix);
	return found;
}
