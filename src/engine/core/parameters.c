/*
 * parameters.c
 *	  A mixture's parameters: their shape and limits, how many are free, memory
 *	  for them, and whether they can be.
 */
#include "engine/core/core.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "engine/core/linalg.h"

/* An entropy is computed from sums that may be off by this share. */
#define ENTROPY_TOLERANCE 1e-6

/* Free parameters of noise */
#define NOISE_PARAMETERS 2

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

/*
 * Free parameters of a mixture, of which the shape is looked at only, as the
 * information criteria count them.  Noise has two, as mclust counts: its weight
 * and its volume.
 */
int64_t
mixture_free_parameters(const MixtureParameters *shape)
{
	return (int64_t) shape->k - 1 + (int64_t) shape->k * shape->d +
		(int64_t) mixture_covariance_count(shape->covariance_type, shape->k, shape->d) +
		(shape->noise_box != NULL ? NOISE_PARAMETERS : 0);
}

/*
 * A criterion of a mixture, of which the shape is looked at only, that a fit to rows of
 * this weight came to: lower is better.
 *
 * The Bayesian information criterion (Schwarz 1978), whose n is the sum of the weights;
 * Akaike's; or the integrated completed likelihood (Biernacki, Celeux and Govaert 2000)
 * in BIC's approximation: BIC plus twice the entropy of the responsibilities.
 */
double
mixture_criterion(MixtureCriterion criterion, const MixtureParameters *shape,
				  double log_likelihood, double sum_weights, double entropy)
{
	double		free_parameters = (double) mixture_free_parameters(shape);

	return -2 * log_likelihood +
		free_parameters * (criterion == MIXTURE_AIC ? 2 : log(sum_weights)) +
		(criterion == MIXTURE_ICL ? 2 * entropy : 0);
}

/*
 * Whether the responsibilities of k components, or of k - 1 and noise, can have
 * this entropy, summed over rows of that weight.
 */
bool
mixture_entropy_possible(double entropy, double sum_weights, int k)
{
	return entropy >= 0 &&
		entropy <= sum_weights * log((double) k) * (1 + ENTROPY_TOLERANCE);
}

/* Values of parameters of this shape. */
size_t
mixture_parameters_count(MixtureCovarianceType type, int k, int d)
{
	return (size_t) k + (size_t) k * d + mixture_covariance_count(type, k, d);
}

/*
 * Let parameters be of this shape and lie in values, mixture_parameters_count()
 * of them: weights, means, covariances.  There is no noise.
 */
void
mixture_place_parameters(MixtureParameters *parameters, MixtureCovarianceType type,
						 int k, int d, double *values)
{
	parameters->k = k;
	parameters->d = d;
	parameters->covariance_type = type;
	parameters->weights = values;
	parameters->means = values + k;
	parameters->covariances = parameters->means + (size_t) k * d;
	mixture_clear_noise(parameters);
}

/*
 * Values of parameters of this shape and of their noise, in one piece: behind
 * the others, the noise's weight and box.
 */
size_t
mixture_values_count(MixtureCovarianceType type, int k, int d, bool noise)
{
	return mixture_parameters_count(type, k, d) + (noise ? 1 + 2 * (size_t) d : 0);
}

/* Let parameters, with noise or without, lie in such a piece. */
void
mixture_place_values(MixtureParameters *parameters, MixtureCovarianceType type,
					 int k, int d, bool noise, double *values)
{
	double	   *behind = values + mixture_parameters_count(type, k, d);

	mixture_place_parameters(parameters, type, k, d, values);
	if (!noise)
		return;
	parameters->noise_weight = behind[0];
	parameters->noise_box = behind + 1;
}

/* Copy parameters and their noise to such a piece: target lies there. */
void
mixture_copy_values(MixtureParameters *target, const MixtureParameters *source,
					double *values)
{
	double	   *behind = values +
		mixture_parameters_count(source->covariance_type, source->k, source->d);

	mixture_place_parameters(target, source->covariance_type, source->k, source->d, values);
	mixture_copy_parameters(target, source);
	if (source->noise_box == NULL)
		return;
	behind[0] = source->noise_weight;
	mixture_move_noise(target, behind + 1);
}

/*
 * Set the shape and allocate the arrays, all in one piece of memory that
 * mixture_release_parameters() gives back.  Behind them is room for a box of
 * noise: mixture_own_box().
 */
void
mixture_allocate_parameters(MixtureParameters *parameters,
							MixtureCovarianceType type, int k, int d,
							const MixtureHost *host)
{
	size_t		count = mixture_parameters_count(type, k, d) + 2 * (size_t) d;

	mixture_place_parameters(parameters, type, k, d,
							 host->allocate(host->context, count * sizeof(double)));
}

/* The 2 d doubles of allocated parameters where the box of their noise may be. */
double *
mixture_own_box(const MixtureParameters *parameters)
{
	return parameters->covariances +
		mixture_covariance_count(parameters->covariance_type, parameters->k, parameters->d);
}

/* Give back the arrays that mixture_allocate_parameters() made. */
void
mixture_release_parameters(MixtureParameters *parameters, const MixtureHost *host)
{
	host->release(host->context, parameters->weights);
}

/* Copy between parameters of the same shape, which then share the box of noise. */
void
mixture_copy_parameters(MixtureParameters *target, const MixtureParameters *source)
{
	memcpy(target->weights, source->weights, source->k * sizeof(double));
	memcpy(target->means, source->means,
		   (size_t) source->k * source->d * sizeof(double));
	memcpy(target->covariances, source->covariances,
		   mixture_covariance_count(source->covariance_type, source->k, source->d) *
		   sizeof(double));
	mixture_share_noise(target, source);
}

/* Copy to parameters of the same shape, component order[c] in the place of c. */
void
mixture_permute(const MixtureParameters *from, const int *order, MixtureParameters *to,
				const MixtureHost *host)
{
	size_t		d = from->d;
	size_t		count = mixture_factor_count(from->covariance_type, from->d);

	for (int c = 0; c < from->k; c++)
	{
		to->weights[c] = from->weights[order[c]];
		memcpy(to->means + c * d, from->means + order[c] * d, d * sizeof(double));
		memcpy(mixture_covariance_of(to, c), mixture_covariance_of(from, order[c]),
			   count * sizeof(double));
		host->check_interrupts(host->context);
	}
	mixture_share_noise(to, from);
}

/*
 * The marginal mixture of the dimensions dims[0 .. marginal->d - 1], numbered
 * from 0, each at most once, in this order.  marginal: allocated by the caller with
 * mixture_allocate_parameters(), of the same k and family.  The marginal of a
 * Gaussian is the part of its mean and covariance that belongs to those
 * dimensions, so a family stays what it is.  In another order a covariance on the
 * verge of singularity may look as if it were beyond it: mixture_mend() mends that.
 */
void
mixture_marginal(const MixtureParameters *parameters, const int *dims,
				 MixtureParameters *marginal, const MixtureHost *host)
{
	MixtureCovarianceType type = parameters->covariance_type;
	int			k = parameters->k;
	int			d = parameters->d;
	int			n = marginal->d;
	size_t		count = mixture_factor_count(type, d);
	size_t		marginal_count = mixture_factor_count(type, n);

	memcpy(marginal->weights, parameters->weights, k * sizeof(double));
	mixture_select_noise(parameters, dims, marginal, mixture_own_box(marginal));
	for (int c = 0; c < k; c++)
	{
		const double *covariance = parameters->covariances + c * count;
		double	   *target = marginal->covariances + c * marginal_count;

		for (int j = 0; j < n; j++)
			marginal->means[(size_t) c * n + j] =
				parameters->means[(size_t) c * d + dims[j]];
		if (type == MIXTURE_FULL || (type == MIXTURE_TIED && c == 0))
			linalg_select(covariance, dims, n, target);
		else if (type == MIXTURE_DIAG)
			for (int j = 0; j < n; j++)
				target[j] = covariance[dims[j]];
		else if (type == MIXTURE_SPHERICAL)
			target[0] = covariance[0];
		host->check_interrupts(host->context);
	}
}

/* Whether noise is the same to the last bit, in d dimensions. */
static bool
same_noise(const MixtureParameters *a, const MixtureParameters *b)
{
	if (a->noise_box == b->noise_box)
		return a->noise_weight == b->noise_weight;
	return a->noise_box != NULL && b->noise_box != NULL &&
		a->noise_weight == b->noise_weight &&
		memcmp(a->noise_box, b->noise_box, 2 * (size_t) a->d * sizeof(double)) == 0;
}

/* Whether parameters are the same to the last bit. */
bool
mixture_parameters_equal(const MixtureParameters *a, const MixtureParameters *b)
{
	int			k = a->k;
	int			d = a->d;
	size_t		n = mixture_covariance_count(a->covariance_type, k, d);

	return a->covariance_type == b->covariance_type && b->k == k && b->d == d &&
		memcmp(a->weights, b->weights, k * sizeof(double)) == 0 &&
		memcmp(a->means, b->means, (size_t) k * d * sizeof(double)) == 0 &&
		memcmp(a->covariances, b->covariances, n * sizeof(double)) == 0 &&
		same_noise(a, b);
}

/* Rows and columns of a tile, whose lines all stay in the cache */
#define MIRROR_TILE 32

/* Let the upper triangle of a square matrix be that of its lower one. */
static void
mirror_lower(double *matrix, int d)
{
	for (int top = 0; top < d; top += MIRROR_TILE)
		for (int left = 0; left <= top; left += MIRROR_TILE)
			for (int i = top; i < d && i < top + MIRROR_TILE; i++)
				for (int j = left; j < i && j < left + MIRROR_TILE; j++)
					matrix[(size_t) j * d + i] = matrix[(size_t) i * d + j];
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
	MixtureCovarianceType type = parameters->covariance_type;
	const double *values = mixture_covariance_of(parameters, component);

	for (int i = 0; i < d; i++)
	{
		double	   *row = matrix + (size_t) i * d;

		if (mixture_has_matrix(type))
			memcpy(row, values + linalg_row(i), (i + 1) * sizeof(double));
		else
		{
			memset(row, 0, i * sizeof(double));
			row[i] = values[type == MIXTURE_DIAG ? i : 0];
		}
	}
	mirror_lower(matrix, d);
}

/*
 * The condition number of a component's covariance: its largest eigenvalue
 * over its smallest, at most the inverse of a double's precision.
 */
double
mixture_condition_number(const MixtureParameters *parameters, int component,
						 const MixtureHost *host)
{
	int			d = parameters->d;
	size_t		squares = (size_t) d * d;
	const double *values = mixture_covariance_of(parameters, component);
	double	   *matrix = NULL;
	double		least = INFINITY;
	double		most = 0;

	if (parameters->covariance_type == MIXTURE_SPHERICAL)
		return 1;
	if (mixture_has_matrix(parameters->covariance_type))
	{
		double		scale = 0;

		matrix = host->allocate(host->context, (squares + 2 * d) * sizeof(double));
		mixture_component_covariance(parameters, component, matrix);
		host->check_interrupts(host->context);
		for (int j = 0; j < d; j++)
			scale = fmax(scale, mixture_variance(parameters, component, j));
		for (size_t i = 0; i < squares; i++)
			matrix[i] /= scale;
		values = linalg_eigenvalues(matrix, matrix + squares, matrix + squares + d, d, host) ?
			matrix + squares : NULL;
	}
	for (int j = 0; values != NULL && j < d; j++)
	{
		least = fmin(least, values[j]);
		most = fmax(most, values[j]);
	}
	if (matrix != NULL)
		host->release(host->context, matrix);
	return least >= most * DBL_EPSILON && values != NULL ? most / least : 1 / DBL_EPSILON;
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

/* The covariance within components, as one of the family has it: into `within`. */
void
mixture_within(const MixtureParameters *parameters, double *within)
{
	size_t		count = mixture_factor_count(parameters->covariance_type, parameters->d);

	memset(within, 0, count * sizeof(double));
	for (int c = 0; c < parameters->k; c++)
		linalg_add_multiple(within, parameters->weights[c], mixture_covariance_of(parameters, c),
							(int) count);
}
