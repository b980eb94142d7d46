/*
 * reference.c
 *	  The E-step as the textbook has it: one row and one component at a time,
 *	  in long double, by solving with a Cholesky factor instead of inverting
 *	  it.  What the kernels are compared with; it shares nothing with them.
 */
#include "unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Element (i, j), j <= i, of a component's covariance. */
static long double
covariance_element(const MixtureParameters *parameters, int c, int i, int j)
{
	int			d = parameters->d;
	size_t		packed = (size_t) i * (i + 1) / 2 + j;

	switch (parameters->covariance_type)
	{
		case MIXTURE_FULL:
			return parameters->covariances[(size_t) c * d * (d + 1) / 2 + packed];
		case MIXTURE_TIED:
			return parameters->covariances[packed];
		case MIXTURE_DIAG:
			return i == j ? parameters->covariances[c * d + i] : 0;
		case MIXTURE_SPHERICAL:
			return i == j ? parameters->covariances[c] : 0;
	}
	abort();
}

/* The Cholesky factor of a component's covariance, d x d. */
static void
make_factor(const MixtureParameters *parameters, int c, long double *factor)
{
	int			d = parameters->d;

	for (int i = 0; i < d; i++)
		for (int j = 0; j <= i; j++)
		{
			long double value = covariance_element(parameters, c, i, j);

			for (int l = 0; l < j; l++)
				value -= factor[i * d + l] * factor[j * d + l];
			factor[i * d + j] = i == j ? sqrtl(value) : value / factor[j * d + j];
		}
}

/* All components' factors, to be freed. */
static long double *
make_factors(const MixtureParameters *parameters)
{
	size_t		size = (size_t) parameters->d * parameters->d;
	long double *factors = malloc(parameters->k * size * sizeof(long double));

	for (int c = 0; c < parameters->k; c++)
		make_factor(parameters, c, factors + c * size);
	return factors;
}

/* Weighted log densities and squared distances of one row. */
static void
log_densities_of_row(const MixtureParameters *parameters, const long double *factors,
					 const double *row, long double *log_densities, long double *distances)
{
	int			d = parameters->d;
	long double *solved = malloc(sizeof(long double) * d);

	for (int c = 0; c < parameters->k; c++, factors += (size_t) d * d)
	{
		long double half_log_determinant = 0;

		distances[c] = 0;
		for (int i = 0; i < d; i++)
		{
			solved[i] = (long double) row[i] - parameters->means[c * d + i];
			for (int j = 0; j < i; j++)
				solved[i] -= factors[i * d + j] * solved[j];
			solved[i] /= factors[i * d + i];
			distances[c] += solved[i] * solved[i];
			half_log_determinant += logl(factors[i * d + i]);
		}
		log_densities[c] = logl(parameters->weights[c]) +
			log1pl(-(long double) parameters->noise_weight) - half_log_determinant -
			0.5L * (d * logl(2 * acosl(-1)) + distances[c]);
	}
	free(solved);
}

void
reference_log_densities(const MixtureParameters *parameters, const double *row,
						long double *log_densities, long double *distances)
{
	long double *factors = make_factors(parameters);

	log_densities_of_row(parameters, factors, row, log_densities, distances);
	free(factors);
}

/*
 * The weighted log density of noise at a row, whose missing features are NaN:
 * minus infinity where there is none.
 */
long double
reference_log_noise(const MixtureParameters *parameters, const double *row)
{
	const double *box = parameters->noise_box;
	long double volume = 1;

	if (box == NULL)
		return -INFINITY;
	for (int j = 0; j < parameters->d; j++)
		volume *= isnan(row[j]) ? 1 : (long double) box[parameters->d + j] - box[j];
	return logl(parameters->noise_weight / volume);
}

/* Add one row, whose responsibilities are given, to the statistics. */
static void
add_row(const MixtureParameters *parameters, const double *row,
		const long double *responsibilities, MixtureStats *stats)
{
	int			d = parameters->d;

	for (int c = 0; c < parameters->k; c++)
	{
		long double r = responsibilities[c];
		const double *mean = parameters->means + c * d;

		stats->component_weights[c] += r;
		for (int i = 0; i < d; i++)
		{
			long double x = (long double) row[i] - mean[i];

			stats->firsts[c * d + i] += r * x;
			if (parameters->covariance_type == MIXTURE_DIAG)
				stats->seconds[c * d + i] += r * x * x;
			else if (parameters->covariance_type == MIXTURE_SPHERICAL)
				stats->seconds[c] += r * x * x;
			else
				for (int j = 0; j <= i; j++)
					stats->seconds[(parameters->covariance_type == MIXTURE_FULL ?
									(size_t) c * d * (d + 1) / 2 : 0) + i * (i + 1) / 2 + j] +=
						r * x * ((long double) row[j] - mean[j]);
		}
	}
}

/*
 * The E-step of all rows, with the sums that the M-step needs, and the entropy
 * of the responsibilities too.
 */
void
reference_accumulate(const MixtureParameters *parameters, const Rows *rows,
					 MixtureStats *stats)
{
	int			k = parameters->k;
	long double *values = malloc(sizeof(long double) * (2 * k + 1));
	long double *factors = make_factors(parameters);

	mixture_clear_stats(stats);
	for (int64_t row = 0; row < rows->n; row++)
	{
		const double *features = rows->values + row * rows->d;
		long double weight = rows->weights[row];
		long double most = -INFINITY;
		long double sum = 0;

		log_densities_of_row(parameters, factors, features, values, values + k);
		values[k] = reference_log_noise(parameters, features);
		for (int c = 0; c <= k; c++)
			most = fmaxl(most, values[c]);
		for (int c = 0; c <= k; c++)
			sum += values[c] = expl(values[c] - most);
		for (int c = 0; c <= k; c++)
		{
			long double r = values[c] / sum;

			*stats->entropy -= r > 0 ? weight * r * logl(r) : 0;
			values[c] = weight * r;
		}
		*stats->noise_weight += values[k];
		*stats->sum_weights += weight;
		*stats->log_likelihood += weight * (most + logl(sum));
		*stats->log_density_squares += fminl(weight * powl(most + logl(sum), 2), MIXTURE_MAX_SQUARE);
		add_row(parameters, features, values, stats);
	}
	free(factors);
	free(values);
}
