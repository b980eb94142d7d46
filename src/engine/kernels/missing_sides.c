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

static const double half_log_two_pi = 0.9189385332046727417803297364056;

/* The packed precision matrix W^T W of a component into `precision`. */
static void
multiply_factor(const double *factor, int d, double *precision, const MixtureHost *host)
{
	memset(precision, 0, linalg_packed_count(d) * sizeof(double));
	for (int l = 0; l < d; l++)
	{
		const double *row = factor + linalg_row(l);

		for (int i = 0; i <= l; i++)
			linalg_add_multiple(precision + linalg_row(i), row[i], row, i + 1);
		host->check_interrupts(host->context);
	}
}

/*
 * Fill one side from a packed matrix.  sign: 1 for precisions, whose features
 * solved for are missing, -1 for covariances.
 */
static void
fill_side(MissingSide *side, const double *packed, int d, int stride, int sign,
		  const MixtureHost *host)
{
	memset(side->matrix, 0, ((size_t) d + 1) * stride * sizeof(double));
	memset(side->into, 0, stride * sizeof(double));
	for (int j = 0; j < d; j++)
	{
		double		root = sqrt(packed[linalg_row(j) + j]);

		side->into[j] = sign > 0 ? root : 1 / root;
		side->out[j] = sign > 0 ? 1 / root : root;
		side->constants[j] = sign * half_log_two_pi - log(root);
	}
	side->out[d] = 0;
	side->constants[d] = 0;
	for (int i = 0; i < d; i++)
	{
		const double *row = packed + linalg_row(i);
		double		scale = sign > 0 ? side->out[i] : side->into[i];
		const double *scales = sign > 0 ? side->out : side->into;

		for (int j = 0; j < i; j++)
		{
			double		value = row[j] * scale * scales[j];

			side->matrix[(size_t) i * stride + j] = value;
			side->matrix[(size_t) j * stride + i] = value;
		}
		side->matrix[(size_t) i * stride + i] = 1;
		host->check_interrupts(host->context);
	}
}

/* Place the sides of one kind, of all matrices, in their memory. */
static void
place_sides(MissingWork *missing, int number, const MixtureHost *host)
{
	size_t		d = missing->d;
	size_t		stride = missing->scratch.stride;
	size_t		matrix = (d + 1) * stride;
	size_t		size = matrix + stride + 2 * (d + 1);
	double	   *memory;

	if (missing->side_memory[number] != NULL)
		return;
	memory = host->allocate(host->context, missing->n_matrices * size * sizeof(double));
	missing->side_memory[number] = memory;
	for (int c = 0; c < missing->n_matrices; c++)
	{
		MissingSide *side = &missing->sides[c][number];

		side->matrix = memory + c * size;
		side->into = side->matrix + matrix;
		side->out = side->into + stride;
		side->constants = side->out + d + 1;
	}
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
		MissingSide *side = &missing->sides[c][0];

		multiply_factor(missing->prepared->precision_cholesky + c * count, d, precision, host);
		fill_side(side, precision, d, missing->scratch.stride, 1, host);
		side->constant = 0;
		missing->doubtful[c] = false;
		for (int j = 0; j < d; j++)
			if (!(precision[linalg_row(j) + j] * covariance[linalg_row(j) + j] <= MOST_INFLATION))
				missing->doubtful[c] = true;
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
		const double *factor = missing->prepared->precision_cholesky + c * count;
		MissingSide *side = &missing->sides[c][1];

		fill_side(side, missing->parameters->covariances + c * count, d,
				  missing->scratch.stride, -1, host);
		side->constant = d * half_log_two_pi;
		for (int j = 0; j < d; j++)
			side->constant -= log(factor[linalg_row(j) + j]);
	}
	missing->covariances_ready = true;
}

/* Add the conditional covariances that are inverses of precisions. */
static void
add_inverses(const MissingSide *side, const double *residuals, int d, double *seconds,
			 const MixtureHost *host)
{
	for (int i = 0; i < d; i++)
	{
		for (int j = 0; j <= i; j++)
			seconds[linalg_row(i) + j] += residuals[linalg_row(i) + j] *
				side->out[i] * side->out[j];
		host->check_interrupts(host->context);
	}
}

/*
 * Add those that are n times S - S P S, where P is the sum of the inverses of
 * the observed features' covariances.
 */
static void
add_differences(const MissingSide *side, const double *residuals, double n, int d,
				int stride, double *seconds, const MixtureHost *host)
{
	double	   *product = host->allocate(host->context, (size_t) d * sizeof(double));

	for (int i = 0; i < d; i++)
	{
		const double *left = side->matrix + (size_t) i * stride;

		/* row i of S P */
		memset(product, 0, d * sizeof(double));
		for (int l = 0; l < d; l++)
		{
			const double *row = residuals + linalg_row(l);

			linalg_add_multiple(product, left[l], row, l + 1);
			product[l] += linalg_dot(left, row, l);
		}
		for (int j = 0; j <= i; j++)
			seconds[linalg_row(i) + j] += side->out[i] * side->out[j] *
				(n * left[j] - linalg_dot(product, side->matrix + (size_t) j * stride, d));
		host->check_interrupts(host->context);
	}
	host->release(host->context, product);
}

/* Add to the second moments what residuals were summed, and clear these. */
void
missing_add_residuals(MissingWork *missing, MixtureStats *stats, const MixtureHost *host)
{
	int			d = missing->d;
	size_t		count = linalg_packed_count(d);

	for (int c = 0; c < missing->n_matrices; c++)
	{
		const MissingComponent *component = &missing->components[c];
		double	   *seconds = stats->seconds + c * count;

		add_inverses(&component->sides[0], component->residuals[0], d, seconds, host);
		if (missing->n_covariance[c] > 0)
			add_differences(&component->sides[1], component->residuals[1],
							missing->n_covariance[c], d, missing->scratch.stride, seconds,
							host);
		missing->n_covariance[c] = 0;
		for (int side = 0; side < 2; side++)
			memset(component->residuals[side], 0, linalg_packed_count(d + 1) * sizeof(double));
		host->check_interrupts(host->context);
	}
}
