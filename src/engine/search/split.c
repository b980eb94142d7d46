/*
 * split.c
 *	  A start with one component more: the worst of a mixture in two.
 *
 * What is wanted is a component that covers more than one cluster.  Along the
 * line between two clusters their rows lie in two heaps, and a distribution
 * of two heaps has a smaller kurtosis than a normal one (which has 3): the
 * smaller, the further apart they are.  So each row is given to its most
 * probable component, kurtosis is computed along the principal axes of every
 * component, and the axis is taken on which it falls short of 3 by most, in
 * units of its own sampling error.  The component is cut there, into two
 * halves which together have its weight, mean and covariance.
 *
 * Axes are principal where every feature is measured by its own deviation, so
 * that they do not depend on units.  What is found is a start like others, to
 * be judged by the likelihood that it leads to.
 */
#include "engine/search/search.h"

#include <math.h>
#include <string.h>

#include "engine/core/linalg.h"

/* Rows between two checks for interrupts */
#define ROWS_PER_CHECK 64

/* With more features than this their own axes have to do */
#define MOST_DIMENSIONS 256

/* Sums of a component along its axes. */
typedef struct AxisSums
{
	const double *axes;			/* d x d, axis e in column e, of features by
								 * their deviations; NULL: the features' own */
	double	   *squares;		/* d: sums of u^2 */
	double	   *fourths;		/* d: of u^4 */
	double		weight;
} AxisSums;

/* Whether principal axes are to be had, and are not the features' own. */
static bool
has_axes(MixtureCovarianceType type, int d)
{
	return mixture_has_matrix(type) && d <= MOST_DIMENSIONS;
}

/* The principal axes of a component: d x d, axis e in column e. */
static void
find_axes(const MixtureParameters *from, int component, const double *variances,
		  double *axes, const MixtureHost *host)
{
	int			d = from->d;
	double	   *work = host->allocate(host->context, 2 * (size_t) d * sizeof(double));

	mixture_component_covariance(from, component, axes);
	for (int i = 0; i < d; i++)
		for (int j = 0; j < d; j++)
			axes[(size_t) i * d + j] /= sqrt(variances[i]) * sqrt(variances[j]);
	if (!linalg_eigen(axes, work, work + d, d, host))
	{
		memset(axes, 0, (size_t) d * d * sizeof(double));
		for (int j = 0; j < d; j++)
			axes[(size_t) j * d + j] = 1;
	}
	host->release(host->context, work);
}

/* Add a row to the sums of its component.  apart: d doubles of scratch. */
static void
add_row(const double *row, double weight, const double *mean, const double *variances,
		int d, double *apart, AxisSums *sums)
{
	for (int j = 0; j < d; j++)
		apart[j] = (row[j] - mean[j]) / sqrt(variances[j]);
	for (int e = 0; e < d; e++)
	{
		double		u = sums->axes == NULL ? apart[e] : 0;

		for (int j = 0; sums->axes != NULL && j < d; j++)
			u += apart[j] * sums->axes[(size_t) j * d + e];
		sums->squares[e] += weight * u * u;
		sums->fourths[e] += weight * u * u * u * u;
	}
	sums->weight += weight;
}

/* Sum all rows of the sample, each along the axes of its component. */
static bool
sum_rows(const MixtureParameters *from, const Sample *sample, const double *variances,
		 AxisSums *sums, const MixtureHost *host)
{
	int			d = from->d;
	MixtureError error;
	MixturePrepared *prepared = mixture_prepare_rows(from, host, &error);
	double	   *apart;
	double	   *work;

	if (prepared == NULL)
		return false;
	apart = host->allocate(host->context, d * sizeof(double));
	work = host->allocate(host->context,
						  mixture_row_work_size(prepared) * sizeof(double));
	for (int64_t i = 0; i < sample->n_rows; i++)
	{
		const double *row = sample->rows + i * d;
		int			c = mixture_row_predict(prepared, row, work);

		if (i % ROWS_PER_CHECK == 0)
			host->check_interrupts(host->context);
		add_row(row, sample->weights[i], from->means + (size_t) c * d, variances, d,
				apart, &sums[c]);
	}
	host->release(host->context, work);
	host->release(host->context, apart);
	mixture_release_prepared(prepared, host);
	return true;
}

/*
 * The component and the axis on which kurtosis falls short by most; they stay
 * as they are if no component has the rows to tell.
 */
static void
choose_axis(const AxisSums *sums, int k, int d, int *component, int *axis)
{
	double		most = -INFINITY;

	for (int c = 0; c < k; c++)
	{
		if (!(sums[c].weight >= 2 * (d + 1)))
			continue;
		for (int e = 0; e < d; e++)
		{
			double		square = sums[c].squares[e] / sums[c].weight;
			double		kurtosis = sums[c].fourths[e] / sums[c].weight / (square * square);
			double		shortfall = (3 - kurtosis) * sqrt(sums[c].weight / 24);

			if (shortfall > most)
			{
				most = shortfall;
				*component = c;
				*axis = e;
			}
		}
	}
}

/* The variance of a covariance of the family along a direction, d numbers. */
static double
variance_along(MixtureCovarianceType type, int d, const double *covariance,
			   const double *direction)
{
	double		sum = 0;

	for (int i = 0; i < d; i++)
	{
		double		square = direction[i] * direction[i];

		if (type == MIXTURE_DIAG || type == MIXTURE_SPHERICAL)
			sum += square * covariance[type == MIXTURE_DIAG ? i : 0];
		else
		{
			sum += square * covariance[linalg_row(i) + i];
			for (int j = 0; j < i; j++)
				sum += 2 * direction[i] * direction[j] * covariance[linalg_row(i) + j];
		}
	}
	return sum;
}

/*
 * The step from a component's mean to that of a half: d doubles.  The variance
 * along a direction is that of the product of a row with it, which for an axis
 * of scaled features means dividing by the deviations.
 */
static void
find_shift(const MixtureParameters *from, int c, const AxisSums *sums, int axis,
		   const double *variances, double *shift)
{
	int			d = from->d;
	MixtureCovarianceType type = from->covariance_type;
	size_t		count = mixture_factor_count(type, d);
	double		deviation;

	for (int j = 0; j < d; j++)
		shift[j] = (sums->axes != NULL ? sums->axes[(size_t) j * d + axis] : j == axis) /
			sqrt(variances[j]);
	deviation = sqrt(variance_along(type, d, from->covariances +
									(type == MIXTURE_TIED ? 0 : c * count), shift));
	for (int j = 0; j < d; j++)
		shift[j] *= MIXTURE_HALF_DISTANCE * deviation * variances[j];
}

/* Cut a component at its mean into c and the last one of `to`, shift apart. */
static void
cut(const MixtureParameters *from, int c, const double *shift, MixtureParameters *to)
{
	int			k = from->k;
	size_t		d = from->d;
	MixtureCovarianceType type = from->covariance_type;
	size_t		count = mixture_factor_count(type, from->d);

	memcpy(to->weights, from->weights, k * sizeof(double));
	memcpy(to->means, from->means, k * d * sizeof(double));
	memcpy(to->covariances, from->covariances,
		   mixture_covariance_count(type, k, from->d) * sizeof(double));
	to->weights[c] = to->weights[k] = from->weights[c] / 2;
	for (size_t j = 0; j < d; j++)
	{
		to->means[k * d + j] = from->means[c * d + j] - shift[j];
		to->means[c * d + j] = from->means[c * d + j] + shift[j];
	}
	if (type == MIXTURE_TIED)
		mixture_add_outer(type, from->d, to->covariances, -from->weights[c], shift);
	else
	{
		mixture_add_outer(type, from->d, to->covariances + c * count, -1, shift);
		memcpy(to->covariances + k * count, to->covariances + c * count,
			   count * sizeof(double));
	}
}

/*
 * Make a start of k + 1 components, `to`, from a mixture of k that was fitted
 * to the sample.  Returns false where nothing can be split.
 */
bool
split_worst(const MixtureParameters *from, const Scales *scales, const Sample *sample,
			MixtureParameters *to, const MixtureHost *host)
{
	int			k = from->k;
	size_t		d = from->d;
	int			n_axes = !has_axes(from->covariance_type, from->d) ? 0 :
		from->covariance_type == MIXTURE_TIED ? 1 : k;
	AxisSums   *sums = host->allocate(host->context, k * sizeof(AxisSums));
	double	   *values = host->allocate(host->context, (2 * k * d + d + n_axes * d * d) *
										sizeof(double));
	double	   *shift = values + 2 * k * d;
	double	   *axes = shift + d;
	int			component = -1;
	int			axis = 0;

	memset(values, 0, 2 * k * d * sizeof(double));
	for (int c = 0; c < n_axes; c++)
		find_axes(from, c, scales->variances, axes + c * d * d, host);
	for (int c = 0; c < k; c++)
		sums[c] = (AxisSums) {
			n_axes == 0 ? NULL : axes + (n_axes == 1 ? 0 : c * d * d),
				values + 2 * c * d, values + 2 * c * d + d, 0
		};
	if (sum_rows(from, sample, scales->variances, sums, host))
		choose_axis(sums, k, from->d, &component, &axis);
	if (component >= 0)
	{
		find_shift(from, component, &sums[component], axis, scales->variances, shift);
		cut(from, component, shift, to);

		/* across axes that are not principal a half may have lost too much */
		mixture_hold_floor(to, scales->floor, host);
	}
	host->release(host->context, values);
	host->release(host->context, sums);
	return component >= 0;
}
