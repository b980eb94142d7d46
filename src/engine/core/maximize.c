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

/*
 * Least variance of a component in any direction as a share of its own
 * variances: below it, whether a matrix can be factored hangs on rounding.
 */
#define LEAST_OWN_SHARE	1e-12

/* Below this share of the weight a component's sums are noise of underflow. */
#define NEGLIGIBLE_SHARE	1e-200

/*
 * The least variances that hold for a packed covariance matrix: the floor's,
 * or a share of its own, that its factor may be told from rounding.
 */
static void
own_floor(const double *covariance, const double *floor, int d, double *own)
{
	for (int j = 0; j < d; j++)
		own[j] = fmax(floor[j], LEAST_OWN_SHARE * covariance[linalg_row(j) + j]);
}

/*
 * The directions in which a packed covariance is at most `times` the diagonal
 * matrix of the least variances that hold for it, which go to own (d of them):
 * where own is the identity, eigenvectors with an eigenvalue up to `times`.
 * vectors: d x d, the n found in its first n rows, each of d values; values:
 * 2 d, the first n being theirs.  Returns n, or -1 of a matrix that is not finite.
 */
int
mixture_flat_directions(const double *covariance, const double *floor, double times, int d,
						double *own, double *vectors, double *values,
						const MixtureHost *host)
{
	int			n = 0;

	own_floor(covariance, floor, d, own);

	/* as a rule there is none, which the pivots show for less */
	memcpy(vectors, covariance, linalg_packed_count(d) * sizeof(double));
	for (int j = 0; j < d; j++)
		vectors[linalg_row(j) + j] -= times * own[j];
	if (linalg_eliminate(vectors, d, host))
		return 0;
	for (int i = 0; i < d; i++)
	{
		for (int j = 0; j <= i; j++)
			vectors[(size_t) i * d + j] = vectors[(size_t) j * d + i] =
				covariance[linalg_row(i) + j] / sqrt(own[i]) / sqrt(own[j]);
		host->check_interrupts(host->context);
	}
	if (!linalg_eigen(vectors, values, values + d, d, host))
		return -1;

	/* from columns to rows, those found first */
	for (int i = 0; i < d; i++)
		for (int j = 0; j < i; j++)
		{
			double		kept = vectors[(size_t) i * d + j];

			vectors[(size_t) i * d + j] = vectors[(size_t) j * d + i];
			vectors[(size_t) j * d + i] = kept;
		}
	for (int e = 0; e < d; e++)
		if (!(values[e] > times))
		{
			values[n] = values[e];
			if (n < e)
				memcpy(vectors + (size_t) n * d, vectors + (size_t) e * d, d * sizeof(double));
			n++;
		}
	return n;
}

/*
 * The matrix closest in likelihood to a packed covariance among those that
 * exceed its floor: in coordinates where that is the identity, every eigenvalue
 * below 1 becomes 1.  Only of a matrix that is not finite eigenvalues are not
 * found: that becomes none at all, so that whoever would use it as a covariance
 * refuses it.
 */
static void
raise_to_floor(double *covariance, const double *floor, int d,
			   const MixtureHost *host)
{
	double	   *own = host->allocate(host->context,
									 ((size_t) d * d + 3 * d) * sizeof(double));
	double	   *values = own + d;
	double	   *vectors = values + 2 * d;
	int			n = mixture_flat_directions(covariance, floor, 1, d, own, vectors, values, host);

	for (int e = 0; e < n; e++)
	{
		const double *vector = vectors + (size_t) e * d;

		for (int i = 0; i < d; i++)
		{
			double		left = (1 - values[e]) * sqrt(own[i]) * vector[i];

			for (int j = 0; j <= i; j++)
				covariance[linalg_row(i) + j] += left * sqrt(own[j]) * vector[j];
		}
		host->check_interrupts(host->context);
	}
	if (n < 0)
		covariance[0] = NAN;
	host->release(host->context, own);
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
 * whether covariance - own_floor() is positive definite.  scratch: as large as the
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
		scratch[linalg_row(j) + j] -=
			fmax(floor[j], LEAST_OWN_SHARE * covariance[linalg_row(j) + j]);
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
 * component without weight keeps its mean and covariance, and where all rows
 * are noise all components stay as they are.
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
	if (current->noise_box != NULL && !(total > 0))
	{
		mixture_copy_parameters(next, current);
		next->noise_weight = MIXTURE_MOST_NOISE;
		host->release(host->context, delta);
		return;
	}
	mixture_share_noise(next, current);
	next->noise_weight = mixture_noise_share(*stats->noise_weight, total);
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
