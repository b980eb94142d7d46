/*
 * parameters.c
 *	  A mixture's parameters: their shape and validity, their preparation
 *	  for the E-step, and the sufficient statistics that it fills.
 *
 * Densities need the inverse of the covariance's Cholesky factor.  It is made
 * once for all rows, so that an E-step is a triangular product, which has no
 * division and no dependence between its rows.
 */
#include "engine/internal.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "engine/core/linalg.h"

#define CACHE_LINE 64

/* Products from this to its inverse go on being multiplied. */
#define LEAST_PRODUCT 1e-100

static const double log_two_pi = 1.8378770664093454835606594728112;

/* Values of one component's covariance or precision factor. */
size_t
mixture_factor_count(MixtureCovarianceType type, int d)
{
	switch (type)
	{
		case MIXTURE_FULL:
		case MIXTURE_TIED:
			return linalg_packed_count(d);
		case MIXTURE_DIAG:
			return d;
		case MIXTURE_SPHERICAL:
			return 1;
	}
	return 0;
}

/*
 * Number of doubles in a model's covariances.  With k and d within the
 * limits it cannot overflow.
 */
size_t
mixture_covariance_count(MixtureCovarianceType type, int k, int d)
{
	return (type == MIXTURE_TIED ? 1 : (size_t) k) *
		mixture_factor_count(type, d);
}

/* Whether a model of this shape is within the limits of engine.h. */
bool
mixture_shape_allowed(MixtureCovarianceType type, int k, int d)
{
	int64_t		values;

	if (k < 1 || k > MIXTURE_MAX_COMPONENTS || d < 1 || d > MIXTURE_MAX_DIMENSIONS)
		return false;
	values = (int64_t) k * d;
	switch (type)
	{
		case MIXTURE_FULL:
			values += (int64_t) k * d * d;
			break;
		case MIXTURE_TIED:
			values += (int64_t) d * d;
			break;
		case MIXTURE_DIAG:
			values += (int64_t) k * d;
			break;
		case MIXTURE_SPHERICAL:
			values += k;
			break;
	}
	return values <= MIXTURE_MAX_VALUES;
}

/* Free parameters, as the information criteria count them. */
int64_t
mixture_free_parameters(MixtureCovarianceType type, int k, int d)
{
	return (int64_t) k - 1 + (int64_t) k * d +
		(int64_t) mixture_covariance_count(type, k, d);
}

/*
 * Bayesian information criterion (Schwarz 1978), lower is better.  The n is
 * the sum of the weights.
 */
double
mixture_bic(const MixtureParameters *parameters, double log_likelihood,
			double sum_weights)
{
	return -2 * log_likelihood + log(sum_weights) *
		(double) mixture_free_parameters(parameters->covariance_type,
										 parameters->k, parameters->d);
}

/* Akaike's information criterion, lower is better. */
double
mixture_aic(const MixtureParameters *parameters, double log_likelihood)
{
	return -2 * log_likelihood + 2 *
		(double) mixture_free_parameters(parameters->covariance_type,
										 parameters->k, parameters->d);
}

/*
 * Integrated completed likelihood (Biernacki, Celeux and Govaert 2000) in
 * BIC's approximation, lower is better: BIC plus twice the entropy of the
 * responsibilities.
 */
double
mixture_icl(const MixtureParameters *parameters, double log_likelihood,
			double sum_weights, double entropy)
{
	return mixture_bic(parameters, log_likelihood, sum_weights) + 2 * entropy;
}

/*
 * Set the shape and allocate the arrays, all in one piece of memory that
 * mixture_release_parameters() gives back.
 */
void
mixture_allocate_parameters(MixtureParameters *parameters,
							MixtureCovarianceType type, int k, int d,
							const MixtureHost *host)
{
	size_t		count = (size_t) k + (size_t) k * d +
		mixture_covariance_count(type, k, d);

	parameters->k = k;
	parameters->d = d;
	parameters->covariance_type = type;
	parameters->weights = host->allocate(host->context, count * sizeof(double));
	parameters->means = parameters->weights + k;
	parameters->covariances = parameters->means + (size_t) k * d;
}

void
mixture_release_parameters(MixtureParameters *parameters, const MixtureHost *host)
{
	host->release(host->context, parameters->weights);
}

/* Copy between parameters of the same shape. */
void
mixture_copy_parameters(MixtureParameters *target, const MixtureParameters *source)
{
	memcpy(target->weights, source->weights, source->k * sizeof(double));
	memcpy(target->means, source->means,
		   (size_t) source->k * source->d * sizeof(double));
	memcpy(target->covariances, source->covariances,
		   mixture_covariance_count(source->covariance_type, source->k, source->d) *
		   sizeof(double));
}

/* Whether parameters of the same shape are the same to the last bit. */
bool
mixture_parameters_equal(const MixtureParameters *a, const MixtureParameters *b)
{
	int			k = a->k;
	size_t		n = mixture_covariance_count(a->covariance_type, k, a->d);

	return memcmp(a->weights, b->weights, k * sizeof(double)) == 0 &&
		memcmp(a->means, b->means, (size_t) k * a->d * sizeof(double)) == 0 &&
		memcmp(a->covariances, b->covariances, n * sizeof(double)) == 0;
}

/*
 * The covariance of one component, whatever the family, as a square matrix:
 * d x d doubles.
 */
void
mixture_component_covariance(const MixtureParameters *parameters,
							 int component, double *matrix)
{
	int			d = parameters->d;
	size_t		count = mixture_factor_count(parameters->covariance_type, d);
	const double *values = parameters->covariances;

	if (parameters->covariance_type != MIXTURE_TIED)
		values += component * count;
	for (int i = 0; i < d; i++)
		for (int j = 0; j <= i; j++)
		{
			double		value = 0;

			if (count == linalg_packed_count(d) &&
				parameters->covariance_type <= MIXTURE_TIED)
				value = values[linalg_row(i) + j];
			else if (i == j)
				value = values[parameters->covariance_type == MIXTURE_DIAG ? i : 0];
			matrix[(size_t) i * d + j] = matrix[(size_t) j * d + i] = value;
		}
}

/* Add factor * vector vector^T to a covariance of the family, d dimensions. */
void
mixture_add_outer(MixtureCovarianceType type, int d, double *covariance, double factor,
				  const double *vector)
{
	if (type == MIXTURE_SPHERICAL)
		covariance[0] += factor * linalg_dot(vector, vector, d) / d;
	else if (type == MIXTURE_DIAG)
		for (int j = 0; j < d; j++)
			covariance[j] += factor * vector[j] * vector[j];
	else
		for (int i = 0; i < d; i++)
			linalg_add_multiple(covariance + linalg_row(i), factor * vector[i], vector, i + 1);
}

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
 * Whether every covariance is positive definite; if not, error->component is
 * the first that is not (0 if tied).
 */
bool
mixture_covariances_valid(const MixtureParameters *parameters,
						  const MixtureHost *host, MixtureError *error)
{
	MixtureCovarianceType type = parameters->covariance_type;
	size_t		count = mixture_factor_count(type, parameters->d);
	int			n = type == MIXTURE_TIED ? 1 : parameters->k;
	double	   *scratch = host->allocate(host->context, count * sizeof(double));
	bool		valid = true;

	for (int c = 0; c < n && valid; c++)
	{
		memcpy(scratch, parameters->covariances + c * count, count * sizeof(double));
		if (mixture_has_matrix(type))
			valid = linalg_cholesky(scratch, parameters->d, host);
		else
			for (size_t i = 0; i < count; i++)
				valid = valid && scratch[i] >= DBL_MIN && scratch[i] <= DBL_MAX;
		if (!valid)
			error->component = c;
	}
	host->release(host->context, scratch);
	return valid;
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
	size_t		size = sizeof(MixturePrepared) + CACHE_LINE +
		(constants + means + factors) * sizeof(double);
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
	return prepared;
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
	double	   *scratch = host->allocate(host->context, 2 * count * sizeof(double));
	double	   *factor = scratch + count;
	double		log_determinant = 0;

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
				factors[i * step] = factor[i];
		for (int j = 0; j < d; j++)
			means[(size_t) j * lanes] = parameters->means[(size_t) source * d + j];
		prepared->log_constants[c] = c < k ?
			log(parameters->weights[c]) - 0.5 * d * log_two_pi + log_determinant :
			-INFINITY;
	}
	host->release(host->context, scratch);
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

void
mixture_release_prepared(MixturePrepared *prepared, const MixtureHost *host)
{
	host->release(host->context, prepared);
}

/* Bytes that a prepared model takes, for a cache's accounts. */
size_t
mixture_prepared_size(const MixturePrepared *prepared)
{
	return prepared->size;
}

/* Values of the statistics of this shape, which are sums over rows. */
size_t
mixture_sums_count(MixtureCovarianceType type, int k, int d)
{
	return 3 + (size_t) k + (size_t) k * d + mixture_covariance_count(type, k, d);
}

/* Let the statistics be of this shape and lie in values. */
void
mixture_place_stats(MixtureStats *stats, MixtureCovarianceType type, int k, int d,
					double *values)
{
	stats->k = k;
	stats->d = d;
	stats->covariance_type = type;
	stats->n_values = mixture_sums_count(type, k, d);
	stats->sum_weights = values;
	stats->log_likelihood = stats->sum_weights + 1;
	stats->entropy = stats->log_likelihood + 1;
	stats->component_weights = stats->entropy + 1;
	stats->firsts = stats->component_weights + k;
	stats->seconds = stats->firsts + (size_t) k * d;
}

/* Statistics of this shape, cleared, in one piece of the host's memory. */
MixtureStats *
mixture_allocate_stats(MixtureCovarianceType type, int k, int d,
					   const MixtureHost *host)
{
	MixtureStats *stats = host->allocate(host->context, sizeof(MixtureStats) +
										 mixture_sums_count(type, k, d) * sizeof(double));

	mixture_place_stats(stats, type, k, d, (double *) (stats + 1));
	mixture_clear_stats(stats);
	return stats;
}

void
mixture_release_stats(MixtureStats *stats, const MixtureHost *host)
{
	host->release(host->context, stats);
}

void
mixture_clear_stats(MixtureStats *stats)
{
	memset(stats->sum_weights, 0, stats->n_values * sizeof(double));
}

/* Add the values of statistics that were made with the same parameters. */
void
mixture_add_sums(double *target, const double *source, size_t count)
{
	for (size_t i = 0; i < count; i++)
		target[i] += source[i];
}
