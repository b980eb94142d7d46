/*
 * reference_missing.c
 *	  A component's density of what was observed of a row, and what it says of the
 *	  rest: by inverting matrices in long double.
 */
#include "reference_missing.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "engine/core/linalg.h"

/* Invert the observed part by Gauss-Jordan elimination. */
static void
invert_observed(Conditional *conditional)
{
	int			n = conditional->n;
	long double *a = malloc(sizeof(long double) * n * 2 * n);

	conditional->log_determinant = 0;
	for (int i = 0; i < n; i++)
		for (int j = 0; j < 2 * n; j++)
			a[i * 2 * n + j] = j >= n ? (j - n == i) :
				conditional->covariance[conditional->order[i] * conditional->d + conditional->order[j]];
	for (int i = 0; i < n; i++)
	{
		long double pivot = a[i * 2 * n + i];

		conditional->log_determinant += logl(pivot);
		for (int j = 0; j < 2 * n; j++)
			a[i * 2 * n + j] /= pivot;
		for (int l = 0; l < n; l++)
		{
			long double factor = a[l * 2 * n + i];

			for (int j = 0; j < 2 * n && l != i; j++)
				a[l * 2 * n + j] -= factor * a[i * 2 * n + j];
		}
	}
	for (int i = 0; i < n; i++)
		for (int j = 0; j < n; j++)
			conditional->inverse[i * n + j] = a[i * 2 * n + n + j];
	free(a);
}

/* Part a component by what is observed in a row. */
void
reference_part(Conditional *conditional, const MixtureParameters *parameters, int c, const double *row)
{
	int			d = parameters->d;
	int			place = 0;
	double	   *square = malloc(sizeof(double) * d * d);

	conditional->d = d;
	mixture_component_covariance(parameters, c, square);
	for (int i = 0; i < d * d; i++)
		conditional->covariance[i] = square[i];
	free(square);
	conditional->n = 0;
	for (int missing = 0; missing < 2; missing++)
		for (int j = 0; j < d; j++)
			if (isnan(row[j]) == missing)
			{
				conditional->order[place++] = j;
				conditional->n += !missing;
			}
	invert_observed(conditional);
}

/* Weighted log density of what is observed of a row. */
long double
reference_conditional_density(const Conditional *conditional,
							  const MixtureParameters *parameters, int c, const double *row)
{
	const double *mean = parameters->means + c * parameters->d;
	const int  *order = conditional->order;
	int			n = conditional->n;
	long double distance = 0;

	for (int i = 0; i < n; i++)
		for (int j = 0; j < n; j++)
			distance += ((long double) row[order[i]] - mean[order[i]]) *
				conditional->inverse[i * n + j] * ((long double) row[order[j]] - mean[order[j]]);
	return logl(parameters->weights[c] * (1 - parameters->noise_weight)) - 0.5L * (n * logl(2 * acosl(-1)) +
												  conditional->log_determinant + distance);
}

/* S_io S_oo^-1 u, or element (i, j) of S_io S_oo^-1 S_oj if u is NULL. */
long double
reference_regress(const Conditional *conditional, int i, const long double *u, int j)
{
	int			n = conditional->n;
	int			d = conditional->d;
	const int  *order = conditional->order;
	long double sum = 0;

	for (int a = 0; a < n; a++)
		for (int b = 0; b < n; b++)
			sum += conditional->covariance[i * d + order[a]] * conditional->inverse[a * n + b] *
				(u != NULL ? u[order[b]] : conditional->covariance[order[b] * d + j]);
	return sum;
}

/*
 * Parameters, from unit_host, whose covariances are as far off as elimination makes them.
 * Its factor is the exact one of covariances of which each element is off by at most d + 1
 * roundings of the product of its two deviations (Higham 2002, theorem 10.3); with weaker
 * correlations, by d times as much, a flat direction changes by no less.  Twice that is
 * for the solutions.
 */
void
reference_loosened(const MixtureParameters *parameters, MixtureParameters *loosened)
{
	MixtureCovarianceType type = parameters->covariance_type;
	int			d = parameters->d;

	mixture_allocate_parameters(loosened, type, parameters->k, d, &unit_host);
	mixture_copy_parameters(loosened, parameters);
	for (int c = 0; c < (type == MIXTURE_TIED ? 1 : parameters->k) && mixture_has_matrix(type); c++)
		linalg_loosen(loosened->covariances + c * linalg_packed_count(d), d,
					  (d + 1) * (d + 1) * DBL_EPSILON);
}
