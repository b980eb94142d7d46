/*
 * axes.c
 *	  The principal axes of a mixture, and rows along them.
 *
 * The total covariance of a mixture, that of its rows whatever component they
 * are of, is T = sum of w_c (S_c + (m_c - m)(m_c - m)') with m = sum of w_c m_c.
 * Its eigenvectors, those of the largest eigenvalues first, are the axes: with
 * one component principal component analysis (Pearson 1901, Hotelling 1933).
 *
 * An eigenvector has no sign of its own, but the same model is to have the same
 * axes: the element that is largest in size is made positive, and of several
 * that are as large, but for rounding, the first.
 */
#include "engine/core/core.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "engine/core/linalg.h"

/* Elements are as large as the largest if they are but for this share */
#define SAME_SIZE 1e-8

/* The mean of all components together: d values. */
static void
total_mean(const MixtureParameters *parameters, double *mean)
{
	memset(mean, 0, parameters->d * sizeof(double));
	for (int c = 0; c < parameters->k; c++)
		linalg_add_multiple(mean, parameters->weights[c],
							parameters->means + (size_t) c * parameters->d,
							parameters->d);
}

/* Add weight times a component's covariance to a square matrix's lower triangle. */
static void
add_covariance(const MixtureParameters *parameters, int component, double weight,
			   double *matrix)
{
	MixtureCovarianceType type = parameters->covariance_type;
	int			d = parameters->d;
	const double *values = mixture_covariance_of(parameters, component);

	for (int i = 0; i < d; i++)
	{
		double	   *row = matrix + (size_t) i * d;

		if (mixture_has_matrix(type))
			linalg_add_multiple(row, weight, values + linalg_row(i), i + 1);
		else
			row[i] += weight * values[type == MIXTURE_DIAG ? i : 0];
	}
}

/*
 * The mean, d values, and the covariance of all components together, d x d
 * values of which the lower triangle is set.
 */
static void
total_moments(const MixtureParameters *parameters, double *mean, double *matrix,
			  const MixtureHost *host)
{
	int			d = parameters->d;
	double	   *apart = host->allocate(host->context, d * sizeof(double));

	total_mean(parameters, mean);
	memset(matrix, 0, (size_t) d * d * sizeof(double));
	for (int c = 0; c < parameters->k; c++)
	{
		double		weight = parameters->weights[c];

		for (int j = 0; j < d; j++)
			apart[j] = parameters->means[(size_t) c * d + j] - mean[j];
		for (int i = 0; i < d; i++)
			linalg_add_multiple(matrix + (size_t) i * d, weight * apart[i], apart, i + 1);
		if (parameters->covariance_type != MIXTURE_TIED)
			add_covariance(parameters, c, weight, matrix);
		host->check_interrupts(host->context);
	}
	if (parameters->covariance_type == MIXTURE_TIED)
		add_covariance(parameters, 0, 1, matrix);
	host->release(host->context, apart);
}

/* Is what the axes are made of within the range of a double? */
static bool
moments_finite(const double *mean, const double *matrix, int d)
{
	for (int i = 0; i < d; i++)
		if (!isfinite(mean[i]) || !isfinite(matrix[(size_t) i * d + i]))
			return false;
	return true;
}

/* Give an axis of d elements the sign that it is to have. */
static void
set_sign(double *axis, int d)
{
	double		most = 0;
	int			largest = 0;

	for (int j = 0; j < d; j++)
		most = fmax(most, fabs(axis[j]));
	while (fabs(axis[largest]) < (1 - SAME_SIZE) * most)
		largest++;
	if (axis[largest] < 0)
		for (int j = 0; j < d; j++)
			axis[j] = -axis[j];
}

/*
 * The principal axes of a mixture.
 *
 * mean: d.  axes: q x d, unit vectors; NULL if q is 0.  variances: d, of the rows
 * along each axis, largest first; not below 0.  Returns false, with axes and
 * variances undefined, if numbers leave the range of a double.
 */
bool
mixture_principal_axes(const MixtureParameters *parameters, int q, double *mean,
					   double *axes, double *variances, const MixtureHost *host)
{
	int			d = parameters->d;
	double	   *matrix = host->allocate(host->context, (size_t) d * d * sizeof(double));
	bool		found;

	total_moments(parameters, mean, matrix, host);
	found = moments_finite(mean, matrix, d) &&
		linalg_eigen_largest(matrix, d, q, variances, axes, host);
	host->release(host->context, matrix);
	if (!found)
		return false;
	for (int i = 0; i < d; i++)
		variances[i] = fmax(variances[i], 0);
	for (int i = 0; i < q; i++)
		set_sign(axes + (size_t) i * d, d);
	return true;
}

/*
 * Where a row is along q axes: of row less mean, the inner products with the
 * axes, q x d.  work: d values.
 */
void
mixture_project(const double *mean, const double *axes, int q, int d,
				const double *row, double *work, double *projection)
{
	for (int j = 0; j < d; j++)
		work[j] = row[j] - mean[j];
	for (int i = 0; i < q; i++)
		projection[i] = linalg_dot(axes + (size_t) i * d, work, d);
}
