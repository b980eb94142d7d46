/*
 * squarem.c
 *	  Extrapolation of EM: from three successive points, one further on.
 *
 * SQUAREM (Varadhan and Roland 2008, scheme S3): with r the first step and v
 * the change of the step, the next point is p - 2 a r + a^2 v, a = -|r| / |v|.
 * It needs coordinates that may take any value: logarithms of the weights, that
 * of noise among them, means, and the Cholesky factors of the covariances with the logarithm of
 * their diagonals, so that what comes out is always a mixture.  Multiplying a
 * feature or shifting it shifts or multiplies the coordinates, and lengths
 * are measured in units of the components' own spread, so that the path of a
 * fit does not depend on the units of its features.
 */
#include "engine/em/em_private.h"

#include <math.h>
#include <string.h>

#include "engine/core/linalg.h"

/*
 * Values of a point between two looks for interrupts: each may take a logarithm
 * or an exponential.
 */
#define VALUES_PER_LOOK 65536

static inline void
look_at(const MixtureHost *host, size_t value)
{
	if (value % VALUES_PER_LOOK == 0)
		host->check_interrupts(host->context);
}

/*
 * One point: k log weights, k x d means, the covariances' coordinates, and the
 * log weight of noise.
 */
static size_t
coordinate_count(MixtureCovarianceType type, int k, int d)
{
	return (size_t) k + (size_t) k * d + mixture_covariance_count(type, k, d) + 1;
}

/* Whether noise has a coordinate. */
static bool
has_noise(const MixtureParameters *parameters)
{
	return parameters->noise_box != NULL && parameters->noise_weight > 0;
}

/* Doubles of scratch that squarem_extrapolate() needs. */
size_t
squarem_scratch_count(MixtureCovarianceType type, int k, int d)
{
	return 4 * coordinate_count(type, k, d);
}

/* Parameters to coordinates; false where a covariance has no factor. */
static bool
to_coordinates(const MixtureParameters *parameters, double *coordinates,
			   const MixtureHost *host)
{
	int			k = parameters->k;
	int			d = parameters->d;
	MixtureCovarianceType type = parameters->covariance_type;
	size_t		count = mixture_factor_count(type, d);
	size_t		n = mixture_covariance_count(type, k, d);
	double	   *covariances = coordinates + (size_t) k * (d + 1);

	for (int c = 0; c < k; c++)
		coordinates[c] = log(parameters->weights[c]) + log1p(-parameters->noise_weight);
	coordinates[(size_t) k * (d + 1) + n] = has_noise(parameters) ?
		log(parameters->noise_weight) : 0;
	memcpy(coordinates + k, parameters->means, (size_t) k * d * sizeof(double));
	memcpy(covariances, parameters->covariances, n * sizeof(double));
	if (mixture_has_matrix(type))
	{
		for (size_t start = 0; start < n; start += count)
		{
			if (!linalg_cholesky(covariances + start, d, host))
				return false;
			for (int i = 0; i < d; i++)
				covariances[start + linalg_row(i) + i] =
					log(covariances[start + linalg_row(i) + i]);
		}
	}
	else
		for (size_t i = 0; i < n; i++)
		{
			covariances[i] = 0.5 * log(covariances[i]);
			look_at(host, i);
		}
	return true;
}

/* A factor with logarithmic diagonal to the covariance L L^T, in place. */
static void
square_factor(double *factor, int d, const MixtureHost *host)
{
	for (int i = 0; i < d; i++)
		factor[linalg_row(i) + i] = exp(factor[linalg_row(i) + i]);
	/* from the last element back, as (i, j) needs rows i and j up to j */
	for (int i = d - 1; i >= 0; i--)
	{
		double	   *row = factor + linalg_row(i);

		for (int j = i; j >= 0; j--)
			row[j] = linalg_dot(row, factor + linalg_row(j), j + 1);
		host->check_interrupts(host->context);
	}
}

/*
 * Coordinates to parameters, which have noise or none before; false where they
 * are out of a double's range.
 */
static bool
from_coordinates(const double *coordinates, MixtureParameters *parameters,
				 const MixtureHost *host)
{
	int			k = parameters->k;
	int			d = parameters->d;
	MixtureCovarianceType type = parameters->covariance_type;
	size_t		count = mixture_factor_count(type, d);
	size_t		n = mixture_covariance_count(type, k, d);
	const double *covariances = coordinates + (size_t) k * (d + 1);
	double		most = -INFINITY;
	double		sum = 0;

	for (int c = 0; c < k; c++)
		if (coordinates[c] > most)
			most = coordinates[c];
	for (int c = 0; c < k; c++)
		sum += parameters->weights[c] = exp(coordinates[c] - most);
	for (int c = 0; c < k; c++)
		parameters->weights[c] /= sum;
	if (has_noise(parameters))
		parameters->noise_weight = mixture_noise_share(exp(covariances[n] - most), sum);
	memcpy(parameters->means, coordinates + k, (size_t) k * d * sizeof(double));
	memcpy(parameters->covariances, covariances, n * sizeof(double));
	if (mixture_has_matrix(type))
		for (size_t start = 0; start < n; start += count)
			square_factor(parameters->covariances + start, d, host);
	else
		for (size_t i = 0; i < n; i++)
		{
			parameters->covariances[i] = exp(2 * covariances[i]);
			look_at(host, i);
		}
	for (size_t i = 0; i < k + (size_t) k * d + n; i++)
	{
		look_at(host, i);
		if (!isfinite(parameters->weights[i]))
			return false;
	}
	return true;
}

/*
 * Squared length of the part of a step that is component c's covariance
 * coordinates, `from` being the point's own, with diagonals as logarithms.
 */
static double
factor_length(MixtureCovarianceType type, int d, const double *from,
			  const double *step)
{
	double		sum = 0;

	if (type == MIXTURE_DIAG || type == MIXTURE_SPHERICAL)
		return (type == MIXTURE_DIAG ? 1 : d) *
			linalg_dot(step, step, type == MIXTURE_DIAG ? d : 1);
	for (int i = 0; i < d; i++)
	{
		const double *row = step + linalg_row(i);

		sum += row[i] * row[i] +
			linalg_dot(row, row, i) * exp(-2 * from[linalg_row(i) + i]);
	}
	return sum;
}

/*
 * Squared length of a step: that of each component in units of its own
 * spread, weighted with its weight, as Fisher's information would.
 */
static double
step_length(const MixtureParameters *at, const double *from, const double *step,
			const MixtureHost *host)
{
	int			k = at->k;
	int			d = at->d;
	MixtureCovarianceType type = at->covariance_type;
	size_t		count = mixture_factor_count(type, d);
	size_t		covariances = (size_t) k * (d + 1);
	double		sum = 0;

	for (int c = 0; c < k; c++)
	{
		const double *covariance = mixture_covariance_of(at, c);
		const double *mean = step + k + (size_t) c * d;
		double		part = step[c] * step[c];

		for (int j = 0; j < d; j++)
			part += mean[j] * mean[j] / covariance[mixture_variance_place(type, j)];
		if (type != MIXTURE_TIED)
			part += factor_length(type, d, from + covariances + c * count,
								  step + covariances + c * count);
		sum += at->weights[c] * part;
		host->check_interrupts(host->context);
	}
	if (has_noise(at))
	{
		double		part = step[coordinate_count(type, k, d) - 1];

		sum = (1 - at->noise_weight) * sum + at->noise_weight * part * part;
	}
	if (type == MIXTURE_TIED)
		sum += factor_length(type, d, from + covariances, step + covariances);
	return sum;
}

/*
 * Extrapolate from three successive points of EM.
 *
 * step_limit bounds -a; it grows fourfold when it was the bound, and at 1, where
 * there is no step to take, at once.  scratch: squarem_scratch_count() doubles.
 * Returns false where there is nothing to gain (the third point will do) or
 * nothing that is a mixture.
 */
bool
squarem_extrapolate(const MixtureParameters *first, const MixtureParameters *second,
					const MixtureParameters *third, double *step_limit,
					double *scratch, MixtureParameters *result,
					const MixtureHost *host)
{
	size_t		n = coordinate_count(first->covariance_type, first->k, first->d);
	double	   *from = scratch;
	double	   *middle = from + n;
	double	   *step = middle + n;	/* r */
	double	   *change = step + n;	/* v */
	double		r2,
				v2,
				a;

	if (*step_limit <= 1)
	{
		*step_limit *= 4;
		return false;
	}
	for (int c = 0; c < first->k; c++)
		if (!(first->weights[c] > 0 && second->weights[c] > 0 && third->weights[c] > 0))
			return false;
	if (has_noise(first) && !(second->noise_weight > 0 && third->noise_weight > 0))
		return false;
	mixture_share_noise(result, third);
	if (!to_coordinates(first, from, host) || !to_coordinates(second, middle, host) ||
		!to_coordinates(third, change, host))
		return false;
	for (size_t i = 0; i < n; i++)
	{
		step[i] = middle[i] - from[i];
		change[i] = (change[i] - middle[i]) - step[i];
		look_at(host, i);
	}
	r2 = step_length(second, middle, step, host);
	v2 = step_length(second, middle, change, host);
	if (!(r2 > 0 && v2 > 0))
		return false;
	a = sqrt(r2 / v2);
	if (!(a > 1))
		return false;
	if (a >= *step_limit)
	{
		a = *step_limit;
		*step_limit *= 4;
	}
	for (size_t i = 0; i < n; i++)
	{
		from[i] += 2 * a * step[i] + a * a * change[i];
		look_at(host, i);
	}
	return from_coordinates(from, result, host);
}
