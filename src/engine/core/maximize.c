/*
 * maximize.c
 *	  The M-step: sufficient statistics to parameters, within bounds.
 *
 * The statistics are sums about the means that the E-step was made with, so
 * new mean = old mean + delta with delta = firsts / weight, and the new
 * covariance is seconds / weight - delta delta^T.  Nothing is subtracted that
 * is larger than the step itself, and offsets of the data never cancel.
 *
 * The M-step maximizes under the constraint that no component has, in any
 * direction, less variance than a given share of the features' variances
 * (covariance - floor is positive semidefinite).  A bound, unlike a constant
 * added to the diagonal, leaves alone what has not collapsed, and EM under it
 * still never lowers the likelihood: it is maximum likelihood in a smaller
 * space (Ingrassia and Rocci 2007).
 */
#include "engine/core/core.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "engine/core/linalg.h"

/* Below this share of the weight a component's sums are noise of underflow. */
#define NEGLIGIBLE_SHARE	1e-200

/*
 * The matrix closest in likelihood to a packed covariance among those that
 * exceed the diagonal matrix floor: in coordinates where floor is the
 * identity, every eigenvalue below 1 becomes 1.  Only of a matrix that is not
 * finite eigenvalues are not found: that becomes none at all, so that whoever
 * would use it as a covariance refuses it.
 */
static void
raise_to_floor(double *covariance, const double *floor, int d,
			   const MixtureHost *host)
{
	double	   *vectors = host->allocate(host->context,
										 ((size_t) d * d + 2 * d) * sizeof(double));
	double	   *values = vectors + (size_t) d * d;
	double	   *work = values + d;

	for (int i = 0; i < d; i++)
	{
		for (int j = 0; j <= i; j++)
			vectors[(size_t) i * d + j] = vectors[(size_t) j * d + i] =
				covariance[linalg_row(i) + j] / sqrt(floor[i]) / sqrt(floor[j]);
		host->check_interrupts(host->context);
	}
	if (linalg_eigen(vectors, values, work, d, host))
	{
		double		least = 1;

		/*
		 * Sums that lost their digits, as when the mean has come a long way,
		 * are not to make a matrix that rounding keeps from being factored.
		 */
		for (int e = 0; e < d; e++)
			least = fmax(least, 8 * d * DBL_EPSILON * values[e]);

		/* add what is missing along the eigenvectors that lack it */
		for (int e = 0; e < d; e++)
		{
			double		missing = least - values[e];

			if (!(missing > 0))
				continue;
			for (int i = 0; i < d; i++)
			{
				double		left = missing * sqrt(floor[i]) * vectors[(size_t) i * d + e];

				for (int j = 0; j <= i; j++)
					covariance[linalg_row(i) + j] +=
						left * sqrt(floor[j]) * vectors[(size_t) j * d + e];
			}
			host->check_interrupts(host->context);
		}
	}
	else
		covariance[0] = NAN;
	host->release(host->context, vectors);
}

/* The floor of a spherical covariance: the mean over the features. */
static double
mean_floor(const double *floor, int d)
{
	double		mean = 0;

	for (int j = 0; j < d; j++)
		mean += floor[j] / d;
	return mean;
}

/*
 * Whether a covariance exceeds the floor in every direction: for a matrix,
 * whether covariance - floor is positive definite.  scratch: as large as the
 * covariance.
 */
static bool
exceeds_floor(MixtureCovarianceType type, int d, const double *covariance,
			  const double *floor, double *scratch, const MixtureHost *host)
{
	bool		exceeds = true;

	if (type == MIXTURE_SPHERICAL)
		return covariance[0] >= mean_floor(floor, d);
	if (type == MIXTURE_DIAG)
	{
		for (int j = 0; j < d; j++)
			exceeds = exceeds && covariance[j] >= floor[j];
		return exceeds;
	}
	memcpy(scratch, covariance, linalg_packed_count(d) * sizeof(double));
	for (int j = 0; j < d; j++)
		scratch[linalg_row(j) + j] -= floor[j];
	return linalg_eliminate(scratch, d, host);
}

/*
 * Hold a component's covariance above the floor (d variances).  scratch: as
 * large as the covariance.
 */
static void
apply_floor(MixtureCovarianceType type, int d, double *covariance,
			const double *floor, double *scratch, const MixtureHost *host)
{
	if (exceeds_floor(type, d, covariance, floor, scratch, host))
		return;
	if (type == MIXTURE_SPHERICAL)
		covariance[0] = mean_floor(floor, d);
	else if (type == MIXTURE_DIAG)
	{
		for (int j = 0; j < d; j++)
			if (!(covariance[j] >= floor[j]))
				covariance[j] = floor[j];
	}
	else
		raise_to_floor(covariance, floor, d, host);
}

/*
 * The M-step.
 *
 * current: the parameters that the statistics were made with; next: gets the
 * new ones, same shape, may not be current; floor: d least variances.  A
 * component without weight keeps its mean and covariance.
 */
void
mixture_maximize(const MixtureStats *stats, const MixtureParameters *current,
				 const double *floor, MixtureParameters *next,
				 const MixtureHost *host)
{
	int			k = stats->k;
	int			d = stats->d;
	MixtureCovarianceType type = stats->covariance_type;
	bool		tied = type == MIXTURE_TIED;
	size_t		count = mixture_factor_count(type, d);
	double	   *delta = host->allocate(host->context, (d + count) * sizeof(double));
	double	   *scratch = delta + d;
	double		divisor = type == MIXTURE_SPHERICAL ? d : 1;
	double		total = 0;

	MIXTURE_ASSERT(next->means != current->means && next->covariances != current->covariances);
	for (int c = 0; c < k; c++)
		total += stats->component_weights[c];
	if (tied)
		for (size_t i = 0; i < count; i++)
			next->covariances[i] = stats->seconds[i] / total;

	for (int c = 0; c < k; c++)
	{
		double		weight = stats->component_weights[c];
		bool		seen = weight > total * NEGLIGIBLE_SHARE;
		const double *mean = current->means + (size_t) c * d;
		double	   *covariance = next->covariances + (tied ? 0 : c * count);

		next->weights[c] = weight / total;
		for (int j = 0; j < d; j++)
		{
			delta[j] = seen ? stats->firsts[(size_t) c * d + j] / weight : 0;
			next->means[(size_t) c * d + j] = mean[j] + delta[j];
		}
		if (tied)
			mixture_add_outer(type, d, covariance, -weight / total, delta);
		else if (seen)
		{
			for (size_t i = 0; i < count; i++)
				covariance[i] = stats->seconds[c * count + i] / (weight * divisor);
			mixture_add_outer(type, d, covariance, -1, delta);
			apply_floor(type, d, covariance, floor, scratch, host);
		}
		else
			memcpy(covariance, current->covariances + c * count,
				   count * sizeof(double));
		host->check_interrupts(host->context);
	}
	if (tied)
		apply_floor(type, d, next->covariances, floor, scratch, host);
	host->release(host->context, delta);
}

/*
 * How many covariances have, in some direction, no more variance than twice
 * the floor.
 */
int
mixture_count_at_floor(const MixtureParameters *parameters, const double *floor,
					   const MixtureHost *host)
{
	MixtureCovarianceType type = parameters->covariance_type;
	int			d = parameters->d;
	size_t		count = mixture_factor_count(type, d);
	int			n = type == MIXTURE_TIED ? 1 : parameters->k;
	double	   *doubled = host->allocate(host->context, (d + count) * sizeof(double));
	double	   *scratch = doubled + d;
	int			n_low = 0;

	for (int j = 0; j < d; j++)
		doubled[j] = 2 * floor[j];
	for (int c = 0; c < n; c++)
	{
		n_low += !exceeds_floor(type, d, parameters->covariances + c * count,
								doubled, scratch, host);
		host->check_interrupts(host->context);
	}
	host->release(host->context, doubled);
	return n_low;
}

/*
 * Hold all covariances above the floor, for parameters that did not come out
 * of mixture_maximize().
 */
void
mixture_hold_floor(MixtureParameters *parameters, const double *floor,
				   const MixtureHost *host)
{
	MixtureCovarianceType type = parameters->covariance_type;
	size_t		count = mixture_factor_count(type, parameters->d);
	int			n = type == MIXTURE_TIED ? 1 : parameters->k;
	double	   *scratch = host->allocate(host->context, count * sizeof(double));

	for (int c = 0; c < n; c++)
	{
		apply_floor(type, parameters->d, parameters->covariances + c * count,
					floor, scratch, host);
		host->check_interrupts(host->context);
	}
	host->release(host->context, scratch);
}

/* The share of a feature's variance that is the floor of covariances. */
double
mixture_floor_share(double reg_covar)
{
	return reg_covar > MIXTURE_LEAST_FLOOR ? reg_covar : MIXTURE_LEAST_FLOOR;
}

/*
 * Variance that a feature without any is taken to have, so that a constant
 * column is a column like others: the square of its value.
 */
double
mixture_constant_variance(double value)
{
	value = fabs(value);
	return value > MIXTURE_MIN_FEATURE_RANGE ? value * value : 1;
}
