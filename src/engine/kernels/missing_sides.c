/*
 * missing_sides.c
 *	  What is made of the parameters for a pass over rows of which features are
 *	  missing, and of what the kernels summed for these: missing.c.
 *
 * The precision matrix is W^T W for the factor W that the E-step of complete
 * rows has; both it and the covariance are scaled to a diagonal of ones, so that
 * a pivot tells by itself how many digits it has lost.
 */
#include "engine/kernels/missing_private.h"

#include <math.h>
#include <string.h>

/*
 * A feature whose variance is this many times what is left of it given all
 * others: squared distances that are found by the precision matrix are then off
 * by about 1e-11 of themselves.
 */
#define MOST_INFLATION 0x1p32

/* Whether a matrix, of which the inverse is given, too, is too nearly singular for it. */
bool
missing_is_doubtful(const double *precision, const double *covariance, int d)
{
	for (int j = 0; j < d; j++)
		if (!(precision[linalg_row(j) + j] * covariance[linalg_row(j) + j] <= MOST_INFLATION))
			return true;
	return false;
}

/*
 * Fill one side of a matrix from the packed one.  sign: 1 for precisions, whose
 * features solved for are missing, -1 for covariances.
 */
static void
fill_side(const MissingWork *missing, int matrix, const double *packed, int sign,
		  const MixtureHost *host)
{
	int			d = missing->d;
	const MissingSet *set = missing_set(missing, matrix);
	size_t		width = set->width;
	size_t		stride = missing->scratch.stride * width;
	size_t		lane = matrix % missing->width;
	const MissingSide *side = &set->sides[sign < 0];
	const double *scales = (sign > 0 ? side->out : side->into) + lane;

	for (int j = 0; j < d; j++)
	{
		double		root = sqrt(packed[linalg_row(j) + j]);

		side->into[j * width + lane] = sign > 0 ? root : 1 / root;
		side->out[j * width + lane] = sign > 0 ? 1 / root : root;
		side->constants[j * width + lane] = sign * HALF_LOG_TWO_PI - log(root);
	}
	for (int i = 0; i < d; i++)
	{
		const double *row = packed + linalg_row(i);

		for (int j = 0; j < i; j++)
		{
			double		value = row[j] * scales[i * width] * scales[j * width];

			side->matrix[i * stride + j * width + lane] = value;
			side->matrix[j * stride + i * width + lane] = value;
		}
		side->matrix[i * stride + i * width + lane] = 1;
		host->check_interrupts(host->context);
	}
}

/* Sides of one kind of all sets, cleared: what no matrix is put to is zero. */
static void
place_sides(MissingWork *missing, int number, const MixtureHost *host)
{
	size_t		width = missing->width;
	size_t		d = missing->d;
	size_t		stride = missing->scratch.stride;
	size_t		matrix = (d + 1) * stride * width;
	size_t		size = 2 * matrix + whole_lanes((int) ((stride + 2 * (d + 1) + 1) * width));
	int			n = missing->covariance_type == MIXTURE_TIED ? 1 : missing->n_sets;
	double	   *memory;

	if (missing->side_memory[number] != NULL)
		return;
	memory = missing_allocate(n * size * sizeof(double), host);
	missing->side_memory[number] = memory;
	for (int s = 0; s < n; s++, memory += size)
	{
		MissingSide *side = &missing->sets[s].sides[number];

		width = missing->sets[s].width;
		memset(memory, 0, size * sizeof(double));
		side->matrix = memory;
		side->residuals = side->matrix + matrix;
		side->into = side->residuals + matrix;
		side->out = side->into + stride * width;
		side->constants = side->out + (d + 1) * width;
		side->constant = side->constants + (d + 1) * width;
		host->check_interrupts(host->context);
	}
	for (int s = n; s < missing->n_sets; s++)
		missing->sets[s].sides[number] = missing->sets[0].sides[number];
}

void
missing_release_sides(MissingWork *missing, const MixtureHost *host)
{
	for (int number = 0; number < 2; number++)
		missing_free(missing->side_memory[number], host);
}

/*
 * Make the precision matrices, and find which of them are so nearly singular
 * that they are not to be used.
 */
void
missing_make_sides(MissingWork *missing, const MixtureHost *host)
{
	int			d = missing->d;
	size_t		count = linalg_packed_count(d);
	double	   *precision = host->allocate(host->context, count * sizeof(double));

	place_sides(missing, 0, host);
	for (int c = 0; c < missing->n_matrices; c++)
	{
		const double *covariance = missing->parameters->covariances + c * count;
		const double *factor = missing->prepared->precision_cholesky + c * count;

		linalg_multiply_transposed(factor, precision, d, host);
		fill_side(missing, c, precision, 1, host);
		missing->doubtful[c] = missing_is_doubtful(precision, covariance, d);
		missing->half_logs[c] = 0;
		for (int j = 0; j < d; j++)
			missing->half_logs[c] -= log(factor[linalg_row(j) + j]);
	}
	host->release(host->context, precision);
	missing->ready = true;
}

/* Make the covariances ready, too. */
void
missing_make_covariances(MissingWork *missing, const MixtureHost *host)
{
	int			d = missing->d;
	size_t		count = linalg_packed_count(d);

	place_sides(missing, 1, host);
	for (int c = 0; c < missing->n_matrices; c++)
	{
		fill_side(missing, c, missing->parameters->covariances + c * count, -1, host);
		missing_set(missing, c)->sides[1].constant[c % missing->width] = missing->half_logs[c] +
			d * HALF_LOG_TWO_PI;
	}
	missing->covariances_ready = true;
}

/* Add the conditional covariances that are inverses of precisions. */
static void
add_inverses(const MissingWork *missing, int matrix, double *seconds, const MixtureHost *host)
{
	const MissingSet *set = missing_set(missing, matrix);
	size_t		width = set->width;
	size_t		stride = missing->scratch.stride * width;
	size_t		lane = matrix % missing->width;
	const MissingSide *side = &set->sides[0];
	const double *out = side->out + lane;

	for (int i = 0; i < missing->d; i++)
	{
		for (int j = 0; j <= i; j++)
			seconds[linalg_row(i) + j] += side->residuals[i * stride + j * width + lane] *
				out[i * width] * out[j * width];
		host->check_interrupts(host->context);
	}
}

/* The values of one matrix of a set's d x d, as a square of its own. */
static double *
take_apart(const MissingWork *missing, int matrix, const double *values, bool symmetric,
		   const MixtureHost *host)
{
	size_t		d = missing->d;
	size_t		width = missing_set(missing, matrix)->width;
	size_t		stride = missing->scratch.stride * width;
	double	   *square = host->allocate(host->context, d * d * sizeof(double));

	for (size_t i = 0; i < d; i++)
	{
		for (size_t j = 0; j < d; j++)
		{
			/* of residuals there is the lower triangle */
			size_t		row = symmetric || j <= i ? i : j;
			size_t		column = row == i ? j : i;

			square[i * d + j] = values[row * stride + column * width + matrix % missing->width];
		}
		host->check_interrupts(host->context);
	}
	return square;
}

/*
 * Add those that are n times S - S P S, where P is the sum of the inverses of
 * the observed features' covariances.
 */
static void
add_differences(const MissingWork *missing, int matrix, double *seconds,
				const MixtureHost *host)
{
	int			d = missing->d;
	const MissingSet *set = missing_set(missing, matrix);
	size_t		width = set->width;
	const MissingSide *side = &set->sides[1];
	const double *out = side->out + matrix % missing->width;
	double		n = missing->n_covariance[matrix];
	double	   *s = take_apart(missing, matrix, side->matrix, true, host);
	double	   *p = take_apart(missing, matrix, side->residuals, false, host);
	double	   *product = host->allocate(host->context, (size_t) d * sizeof(double));

	for (int i = 0; i < d; i++)
	{
		const double *row = s + (size_t) i * d;

		memset(product, 0, d * sizeof(double));
		for (int l = 0; l < d; l++)
			linalg_add_multiple(product, row[l], p + (size_t) l * d, d);
		for (int j = 0; j <= i; j++)
			seconds[linalg_row(i) + j] += out[i * width] * out[j * width] *
				(n * row[j] - linalg_dot(product, s + (size_t) j * d, d));
		host->check_interrupts(host->context);
	}
	host->release(host->context, product);
	host->release(host->context, p);
	host->release(host->context, s);
}

/* Clear the residuals of one side. */
static void
clear_residuals(const MissingWork *missing, int number, const MixtureHost *host)
{
	size_t		row = (size_t) missing->scratch.stride * missing->width;
	int			n = missing->covariance_type == MIXTURE_TIED ? 1 : missing->n_sets;

	for (int s = 0; s < n; s++)
		for (int i = 0; i <= missing->d; i++)
		{
			memset(missing->sets[s].sides[number].residuals + i * row, 0, row * sizeof(double));
			host->check_interrupts(host->context);
		}
}

/* Add to the second moments what residuals were summed, and clear these. */
void
missing_add_residuals(MissingWork *missing, MixtureStats *stats, const MixtureHost *host)
{
	size_t		count = linalg_packed_count(missing->d);

	for (int c = 0; c < missing->n_matrices; c++)
	{
		add_inverses(missing, c, stats->seconds + c * count, host);
		if (missing->n_covariance[c] > 0)
			add_differences(missing, c, stats->seconds + c * count, host);
		missing->n_covariance[c] = 0;
	}
	clear_residuals(missing, 0, host);
	if (missing->covariances_ready)
		clear_residuals(missing, 1, host);
}
