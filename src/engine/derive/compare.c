/*
 * compare.c
 *	  Which components of two mixtures are the same ones.
 *
 * Components are compared by their Bhattacharyya distance, minus the logarithm of
 * the integral over the root of the product of the densities:
 *
 *		(m - n)^T M^-1 (m - n) / 8 + ln(|M| / sqrt(|S| |T|)) / 2,	M = (S + T) / 2
 *
 * for means m, n and covariances S, T.  It is 0 for equal ones, grows with what
 * keeps them apart, and does not depend on units.  Weights have no part in it.
 */
#include "engine/derive/derive.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "engine/core/linalg.h"

/* Distances are summed in this unit, so that no sum of the largest is infinite. */
#define DISTANCE_UNIT	0x1p64

/* Add half of a component's covariance to a packed matrix, or to d variances. */
static void
add_half(const MixtureParameters *parameters, int component, bool matrix, double *sum)
{
	MixtureCovarianceType type = parameters->covariance_type;
	int			d = parameters->d;
	size_t		count = mixture_factor_count(type, d);
	const double *covariance = mixture_covariance_of(parameters, component);

	if (mixture_has_matrix(type))
		for (size_t i = 0; i < count; i++)
			sum[i] += 0.5 * covariance[i];
	else
		for (int j = 0; j < d; j++)
			sum[matrix ? linalg_row(j) + j : (size_t) j] +=
				0.5 * covariance[mixture_variance_place(type, j)];
}

/*
 * The logarithm of the determinant of a packed matrix, which becomes its Cholesky
 * factor, or of variances.  NaN if it is not positive definite.
 */
static double
factor(double *values, int d, bool matrix, const MixtureHost *host)
{
	double		sum = 0;

	if (matrix && !linalg_cholesky(values, d, host))
		return NAN;
	for (int j = 0; j < d; j++)
		sum += matrix ? 2 * log(values[linalg_row(j) + j]) : log(values[j]);
	return sum;
}

/* Doubles of scratch that one distance takes. */
size_t
compare_scratch_count(int d, bool matrix)
{
	return (matrix ? linalg_packed_count(d) : (size_t) d) + d;
}

/* The logarithms of the k covariances' determinants. */
MixtureStatus
compare_determinants(const MixtureParameters *parameters, double *log_determinants,
					 double *scratch, const MixtureHost *host, MixtureError *error)
{
	bool		matrix = mixture_has_matrix(parameters->covariance_type);
	int			d = parameters->d;

	for (int c = 0; c < parameters->k; c++)
	{
		if (c > 0 && parameters->covariance_type == MIXTURE_TIED)
		{
			log_determinants[c] = log_determinants[0];
			continue;
		}
		memset(scratch, 0, compare_scratch_count(d, matrix) * sizeof(double));
		add_half(parameters, c, matrix, scratch);
		add_half(parameters, c, matrix, scratch);
		log_determinants[c] = factor(scratch, d, matrix, host);
		error->component = c;
		if (isnan(log_determinants[c]))
			return MIXTURE_NOT_POSITIVE_DEFINITE;
		host->check_interrupts(host->context);
	}
	return MIXTURE_OK;
}

/*
 * The distance of component i of a from j of b, whose determinants these are; NaN if
 * it is not to be had, infinite beyond the range of a double.
 */
double
compare_components(const MixtureParameters *a, int i, double determinant_a,
				   const MixtureParameters *b, int j, double determinant_b,
				   double *scratch, const MixtureHost *host)
{
	bool		matrix = mixture_has_matrix(a->covariance_type) ||
		mixture_has_matrix(b->covariance_type);
	int			d = a->d;
	size_t		count = matrix ? linalg_packed_count(d) : (size_t) d;
	const double *mean = a->means + (size_t) i * d;
	const double *other = b->means + (size_t) j * d;
	double	   *difference = scratch + count;
	double		determinant;
	double		square = 0;
	double		distance;

	memset(scratch, 0, count * sizeof(double));
	add_half(a, i, matrix, scratch);
	add_half(b, j, matrix, scratch);
	determinant = factor(scratch, d, matrix, host);
	for (int l = 0; l < d; l++)
		difference[l] = mean[l] - other[l];
	if (matrix)
		linalg_solve_lower(scratch, difference, d);
	for (int l = 0; l < d; l++)
		square += difference[l] * difference[l] / (matrix ? 1 : scratch[l]);

	/* what is infinitely far is so in every direction */
	if (isnan(square))
		square = INFINITY;
	distance = square / 8 + 0.5 * (determinant - 0.5 * (determinant_a + determinant_b));
	/* that of equal ones is 0 but for rounding */
	return distance < 0 ? 0 : distance;
}

/*
 * The distances of all components of a from all of b, which has the same number of
 * dimensions, row by row: a->k x b->k.
 */
static MixtureStatus
find_distances(const MixtureParameters *a, const MixtureParameters *b, double *distances,
			   const MixtureHost *host, MixtureError *error)
{
	size_t		count = (size_t) a->k + b->k + compare_scratch_count(a->d, true);
	double	   *of_a = host->allocate(host->context, count * sizeof(double));
	double	   *of_b = of_a + a->k;
	double	   *scratch = of_b + b->k;
	MixtureStatus status = compare_determinants(a, of_a, scratch, host, error);

	if (status == MIXTURE_OK)
		status = compare_determinants(b, of_b, scratch, host, error);
	for (int i = 0; i < a->k && status == MIXTURE_OK; i++)
		for (int j = 0; j < b->k && status == MIXTURE_OK; j++)
		{
			double	   *distance = &distances[(size_t) i * b->k + j];

			*distance = compare_components(a, i, of_a[i], b, j, of_b[j], scratch, host);
			error->component = i;
			if (isnan(*distance))
				status = MIXTURE_NOT_POSITIVE_DEFINITE;
			host->check_interrupts(host->context);
		}
	host->release(host->context, of_a);
	return status;
}

/*
 * Match the components of a, one to one, with those of b, so that the sum of their
 * distances is least.  partners: a->k, the component of b, or -1 for those left
 * over; distances: a->k, NaN likewise, infinite beyond the range of a double.
 */
MixtureStatus
mixture_match(const MixtureParameters *a, const MixtureParameters *b, int *partners,
			  double *distances, const MixtureHost *host, MixtureError *error)
{
	const MixtureParameters *few = a->k <= b->k ? a : b;
	const MixtureParameters *many = a->k <= b->k ? b : a;
	size_t		count = (size_t) few->k * many->k;
	double	   *costs = host->allocate(host->context, count * sizeof(double));
	int		   *columns = host->allocate(host->context, few->k * sizeof(int));
	MixtureStatus status = find_distances(few, many, costs, host, error);

	if (status != MIXTURE_OK)
		return status;
	for (size_t i = 0; i < count; i++)
		costs[i] = fmin(costs[i] / DISTANCE_UNIT, DBL_MAX / DISTANCE_UNIT);
	assignment_find(costs, few->k, many->k, columns, host);
	for (int i = 0; i < a->k; i++)
	{
		partners[i] = -1;
		distances[i] = NAN;
	}
	for (int i = 0; i < few->k; i++)
	{
		int			own = few == a ? i : columns[i];

		partners[own] = few == a ? columns[i] : i;
		distances[own] = costs[(size_t) i * many->k + columns[i]] * DISTANCE_UNIT;
		if (distances[own] == DBL_MAX)
			distances[own] = INFINITY;
	}
	host->release(host->context, columns);
	host->release(host->context, costs);
	return MIXTURE_OK;
}
