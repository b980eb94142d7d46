/*
 * prepare.c
 *	  Parameters made ready for the E-step.
 *
 * Densities need the inverse of the covariance's Cholesky factor.  It is made
 * once for all rows, so that an E-step is a triangular product, which has no
 * division and no dependence between its rows.
 */
#include "engine/kernels/kernels.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "engine/core/linalg.h"

#define CACHE_LINE 64

/* Values that are copied between two looks for interrupts */
#define VALUES_PER_LOOK 65536

/*
 * How far means may be from the origin, in deviations of a feature, for rows and means
 * to be multiplied with the factor one by one: by so much the difference of the
 * products may be less precise than the product of the difference.  So far they may also
 * be from zero for sums of rows to be made about that.
 */
#define NEAR_ORIGIN 64

/*
 * How many times the variance that a feature has given all others, within components,
 * its variance among all rows may be for the one to be found from the other.
 */
#define MOST_OF_WHOLE 4096

/* Products from this to its inverse go on being multiplied. */
#define LEAST_PRODUCT 1e-100

static const double log_two_pi = 1.8378770664093454835606594728112;

/*
 * Add the logarithm of a factor, which is the root of a double, to *sum, or
 * leave it in *product while there is room: one logarithm does for many.
 */
static void
add_log(double factor, double *product, double *sum)
{
	*product *= factor;
	if (*product > LEAST_PRODUCT && *product < 1 / LEAST_PRODUCT)
		return;
	*sum += log(*product);
	*product = 1;
}

/*
 * The precision factor of a component from its covariance: W = L^-1 or
 * 1 / standard deviation.  scratch: as many doubles as the factor.  Returns
 * false if the covariance is not positive definite; otherwise
 * *log_determinant is that of W, minus half of the covariance's.
 */
static bool
component_precision(MixtureCovarianceType type, int d, const double *covariance,
					double *factor, double *scratch, double *log_determinant,
					const MixtureHost *host)
{
	size_t		count = mixture_factor_count(type, d);
	double		product = 1;
	double		sum = 0;

	if (mixture_has_matrix(type))
	{
		memcpy(scratch, covariance, count * sizeof(double));
		if (!linalg_eliminate(scratch, d, host))
			return false;
		linalg_invert_factor(scratch, factor, d, host);
		for (int i = 0; i < d; i++)
			add_log(factor[linalg_row(i) + i], &product, &sum);
	}
	else
	{
		for (size_t i = 0; i < count; i++)
		{
			if (!(covariance[i] >= DBL_MIN && covariance[i] <= DBL_MAX))
				return false;
			factor[i] = 1 / sqrt(covariance[i]);
			add_log(factor[i], &product, &sum);
		}
		sum += log(product);
		product = 1;
		if (type == MIXTURE_SPHERICAL)
			sum *= d;
	}
	*log_determinant = sum + log(product);
	return isfinite(*log_determinant);
}

/*
 * Allocate what parameters of this shape need when prepared, `lanes`
 * components side by side.
 */
static MixturePrepared *
allocate_prepared(const MixtureParameters *parameters, int lanes,
				  const MixtureHost *host)
{
	int			k = parameters->k;
	int			d = parameters->d;
	int			n_groups = (k + lanes - 1) / lanes;
	bool		tied = parameters->covariance_type == MIXTURE_TIED;
	size_t		count = mixture_factor_count(parameters->covariance_type, d);
	size_t		constants = (size_t) n_groups * lanes;
	size_t		means = (size_t) n_groups * lanes * d;
	size_t		factors = tied ? count : (size_t) n_groups * lanes * count;
	size_t		whitened = tied && lanes == 1 && k > 1 && d >= KERNELS_LEAST_SHARED ?
		(size_t) (k + 1) * d : 0;
	size_t		size = sizeof(MixturePrepared) + CACHE_LINE +
		(constants + means + factors + whitened) * sizeof(double);
	MixturePrepared *prepared = host->allocate(host->context, size);

	prepared->k = k;
	prepared->d = d;
	prepared->covariance_type = parameters->covariance_type;
	prepared->lanes = lanes;
	prepared->n_groups = n_groups;
	prepared->factor_count = count;
	prepared->factor_step = tied ? 0 : count * lanes;
	prepared->size = size;
	/* vectors that straddle cache lines are read twice */
	prepared->log_constants = (double *) (((uintptr_t) (prepared + 1) + CACHE_LINE - 1) &
										  ~(uintptr_t) (CACHE_LINE - 1));
	prepared->means = prepared->log_constants + constants;
	prepared->precision_cholesky = prepared->means + means;
	prepared->origin = whitened > 0 ? prepared->precision_cholesky + factors : NULL;
	prepared->whitened = NULL;
	prepared->squares = NULL;
	return prepared;
}

/*
 * Make the components' means ready for rows that are multiplied with the factor all
 * have, if they are near enough to each other.
 */
static void
whiten_means(MixturePrepared *prepared, const MixtureParameters *parameters,
			 const MixtureHost *host)
{
	int			k = prepared->k;
	int			d = prepared->d;
	double	   *origin = prepared->origin;
	double	   *whitened = origin + d;

	prepared->whitened = NULL;
	for (int j = 0; j < d; j++)
	{
		double		shift = 0;
		double		most = NEAR_ORIGIN * sqrt(parameters->covariances[linalg_row(j) + j]);

		for (int c = 0; c < k; c++)
			shift += parameters->weights[c] *
				(prepared->means[(size_t) c * d + j] - prepared->means[j]);
		origin[j] = prepared->means[j] + shift;
		for (int c = 0; c < k; c++)
		{
			double	   *apart = &whitened[(size_t) c * d + j];

			*apart = prepared->means[(size_t) c * d + j] - origin[j];
			if (!(fabs(*apart) <= most))
				return;
		}
	}
	for (int c = 0; c < k; c++)
	{
		double	   *mean = whitened + (size_t) c * d;

		for (int i = d - 1; i >= 0; i--)
			mean[i] = linalg_dot(prepared->precision_cholesky + linalg_row(i), mean, i + 1);
		host->check_interrupts(host->context);
	}
	prepared->whitened = whitened;
}

/* Whether sums over all rows, of these variances, tell precisely what is within components. */
static bool
whole_is_near(const MixturePrepared *prepared, const double *variances, double *precisions,
			  const MixtureHost *host)
{
	int			d = prepared->d;

	memset(precisions, 0, d * sizeof(double));
	for (int i = 0; i < d; i++)
	{
		const double *row = prepared->precision_cholesky + linalg_row(i);

		for (int j = 0; j <= i; j++)
			precisions[j] += row[j] * row[j];
		host->check_interrupts(host->context);
	}
	for (int j = 0; j < d; j++)
		if (!(precisions[j] * variances[j] <= MOST_OF_WHOLE))
			return false;
	return true;
}

/*
 * Let parameters that were prepared for blocks be for log densities that are linear, if
 * they may be: about an origin, from which rows have these mean squares.
 */
bool
prepare_linear(MixturePrepared *prepared, const double *origin, const double *variances,
			   const MixtureHost *host)
{
	int			d = prepared->d;
	const double *factor = prepared->precision_cholesky;
	double	   *scratch;
	double	   *shift;

	if (prepared->whitened == NULL)
		return false;
	scratch = host->allocate(host->context, 2 * (size_t) d * sizeof(double));
	shift = scratch + d;
	if (!whole_is_near(prepared, variances, scratch, host))
	{
		host->release(host->context, scratch);
		return false;
	}
	prepared->near_zero = true;
	for (int j = 0; j < d; j++)
	{
		prepared->near_zero = prepared->near_zero &&
			fabs(origin[j]) * sqrt(scratch[j]) <= NEAR_ORIGIN;
		scratch[j] = prepared->origin[j] - origin[j];
	}
	memcpy(prepared->origin, origin, d * sizeof(double));
	for (int i = 0; i < d; i++)
		shift[i] = linalg_dot(factor + linalg_row(i), scratch, i + 1);
	for (int c = 0; c < prepared->k; c++)
	{
		double	   *mean = prepared->whitened + (size_t) c * d;

		for (int i = 0; i < d; i++)
			mean[i] += shift[i];
		prepared->log_constants[c] -= 0.5 * linalg_dot(mean, mean, d);
		memset(scratch, 0, d * sizeof(double));
		for (int i = 0; i < d; i++)
			linalg_add_multiple(scratch, -2 * mean[i], factor + linalg_row(i), i + 1);
		memcpy(mean, scratch, d * sizeof(double));
		host->check_interrupts(host->context);
	}
	host->release(host->context, scratch);
	prepared->linear = prepared->whitened;
	prepared->whitened = NULL;
	return true;
}

/* Whether the means of round components are near zero, as their deviations go. */
static bool
means_are_near(const MixturePrepared *prepared)
{
	int			d = prepared->d;

	if (prepared->covariance_type != MIXTURE_SPHERICAL || prepared->lanes > 1)
		return false;
	for (size_t i = 0; i < (size_t) prepared->k * d; i++)
		if (!(fabs(prepared->means[i]) * prepared->precision_cholesky[i / d] <= NEAR_ORIGIN))
			return false;
	return true;
}

/*
 * Fill what was allocated.  Returns false, and the component in error, where
 * a covariance is not positive definite.
 */
static bool
fill_prepared(MixturePrepared *prepared, const MixtureParameters *parameters,
			  const MixtureHost *host, MixtureError *error)
{
	int			k = prepared->k;
	int			d = prepared->d;
	int			lanes = prepared->lanes;
	bool		tied = prepared->covariance_type == MIXTURE_TIED;
	size_t		count = prepared->factor_count;
	double		log_share = log1p(-parameters->noise_weight);
	double	   *scratch = host->allocate(host->context, 2 * count * sizeof(double));
	double	   *factor = scratch + count;
	double		log_determinant = 0;

	prepared->linear = NULL;
	prepared->noise = parameters->noise_box != NULL;
	prepared->log_noise = mixture_noise_log_density(parameters);
	for (int c = 0; c < prepared->n_groups * lanes; c++)
	{
		size_t		group = c / lanes;
		int			lane = c % lanes;
		int			source = c < k ? c : k - 1;
		double	   *means = prepared->means + group * d * lanes + lane;
		double	   *factors = prepared->precision_cholesky +
			group * prepared->factor_step + (tied ? 0 : lane);
		int			step = tied ? 1 : lanes;

		if ((!tied || c == 0) && c < k)
		{
			if (!component_precision(prepared->covariance_type, d,
									 parameters->covariances + c * count,
									 factor, scratch, &log_determinant, host))
			{
				error->component = c;
				host->release(host->context, scratch);
				return false;
			}
		}
		if (!tied || c == 0)
			for (size_t i = 0; i < count; i++)
			{
				factors[i * step] = factor[i];
				/* each may be in a page of its own */
				if (i % VALUES_PER_LOOK == 0)
					host->check_interrupts(host->context);
			}
		for (int j = 0; j < d; j++)
			means[(size_t) j * lanes] = parameters->means[(size_t) source * d + j];
		prepared->log_constants[c] = c < k ?
			log(parameters->weights[c]) + log_share - 0.5 * d * log_two_pi + log_determinant :
			-INFINITY;
		host->check_interrupts(host->context);
	}
	host->release(host->context, scratch);
	prepared->near_zero = means_are_near(prepared);
	if (prepared->origin != NULL)
		whiten_means(prepared, parameters, host);
	return true;
}

/*
 * Prepare parameters for the E-step over blocks.  reuse: NULL, or what an
 * earlier call for the same shape returned, to be filled again.  Returns NULL
 * (and gives reuse back to the caller untouched in ownership) where a
 * covariance is not positive definite.
 */
MixturePrepared *
mixture_prepare_blocks(const MixtureParameters *parameters, MixturePrepared *reuse,
					   const MixtureHost *host, MixtureError *error)
{
	MixturePrepared *prepared = reuse;

	if (prepared == NULL)
		prepared = allocate_prepared(parameters, 1, host);
	if (fill_prepared(prepared, parameters, host, error))
		return prepared;
	if (reuse == NULL)
		mixture_release_prepared(prepared, host);
	return NULL;
}

/*
 * Prepare parameters for scoring single rows.  The result is one piece of the
 * host's memory, mixture_prepared_size() bytes; NULL where a covariance is
 * not positive definite, with the component in error.
 */
MixturePrepared *
mixture_prepare_rows(const MixtureParameters *parameters,
					 const MixtureHost *host, MixtureError *error)
{
	MixturePrepared *prepared = allocate_prepared(parameters,
												  kernels_current()->lanes, host);

	if (fill_prepared(prepared, parameters, host, error))
		return prepared;
	mixture_release_prepared(prepared, host);
	return NULL;
}

/* Give back what either of these returned, which may be NULL. */
void
mixture_release_prepared(MixturePrepared *prepared, const MixtureHost *host)
{
	if (prepared != NULL)
		host->release(host->context, prepared);
}

/* Bytes that a prepared model takes, for a cache's accounts. */
size_t
mixture_prepared_size(const MixturePrepared *prepared)
{
	return prepared->size;
}
