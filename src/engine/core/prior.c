/*
 * prior.c
 *	  A conjugate prior of the components (Fraley and Raftery 2007): what a fit
 *	  to few rows leans on, so that it has a maximum and is steady.
 *
 * Given its covariance S, a component's mean is Gaussian about the prior's with
 * covariance S / kappa; S is inverse Wishart with nu degrees of freedom and
 * scale L, or each variance inverse gamma.  To the log-likelihood that adds, but
 * for a constant,
 *
 *		- 1/2 (e ln |S| + tr S^-1 (L + kappa (m - m_p)(m - m_p)^T))
 *
 * for each component, or for all together if they share S, where e counts what
 * mclust's M-step divides by beside the rows: nu + d + 2 (full), nu + 3 for each
 * variance (diag), nu + d + 2 (spherical), nu + d + 1 + k (tied); 1 less for each
 * Gaussian mean, d if spherical, where kappa is 0 and there is none.
 *
 * The other prior is a model that is worth so many rows of its own: component c,
 * of weight p, then has kappa = s p, e = s p, L = s p S_c, and its weight is
 * counted s p more (a Dirichlet prior), which is the same form.  It is as if
 * these rows had been there with the responsibilities that the model had given
 * them.
 *
 * The posterior's mode is what EM comes to if its M-step is that of the sums of
 * both (maximize.c): each step raises log-likelihood and log density together.
 */
#include "engine/core/core.h"

#include <math.h>
#include <string.h>

#include "engine/core/linalg.h"

/* mclust's default: rows that the prior mean is worth */
#define DEFAULT_SHRINKAGE	0.01

/* A prior of this shape, with nothing in it. */
static MixturePrior *
allocate_prior(MixtureCovarianceType type, int k, int d, const MixtureHost *host)
{
	size_t		count = mixture_parameters_count(type, k, d);
	MixturePrior *prior = host->allocate(host->context, sizeof(MixturePrior) +
										 (count + 2 * (size_t) k) * sizeof(double));

	mixture_place_parameters(&prior->sums, type, k, d, (double *) (prior + 1));
	prior->mean_rows = prior->sums.weights + count;
	prior->spread_rows = prior->mean_rows + k;
	return prior;
}

/* Give a prior back; NULL is none. */
void
prior_release(const MixturePrior *prior, const MixtureHost *host)
{
	if (prior != NULL)
		host->release(host->context, (void *) prior);
}

/*
 * The scale that goes with the rows: their covariance (mclust's, divided by
 * n - 1), by k^(2/d), so that k components of it fill the volume of all.  For
 * the families without a matrix, and of no more rows than features, variances
 * alone: each of its own feature, so that units do not matter (mclust takes
 * their mean for diag, too).
 */
static void
scale_of_rows(const PriorRows *rows, MixtureCovarianceType type, int k, int d,
			  double *scale)
{
	double		weight = rows->sum_weights;
	double		factor = weight / fmax(weight - 1, weight / 2) / pow(k, 2.0 / d);
	double		mean = 0;

	for (int i = 0; i < d; i++)
	{
		double		variance = factor *
			rows->covariance[rows->matrix ? linalg_row(i) + i : (size_t) i];

		mean += variance / d;
		if (type == MIXTURE_DIAG)
			scale[i] = variance;
		if (!mixture_has_matrix(type))
			continue;
		for (int j = 0; j < i; j++)
			scale[linalg_row(i) + j] = rows->matrix && weight > d ?
				factor * rows->covariance[linalg_row(i) + j] : 0;
		scale[linalg_row(i) + i] = variance;
	}
	if (type == MIXTURE_SPHERICAL)
		scale[0] = mean;
}

/*
 * A prior that is the same for all k components of this family, as the options
 * say and else as the rows are.  Comes from the host.
 */
MixturePrior *
prior_create(const MixturePriorOptions *options, MixtureCovarianceType type, int k, int d,
			 const PriorRows *rows, const MixtureHost *host)
{
	MixturePrior *prior = allocate_prior(type, k, d, host);
	size_t		count = mixture_factor_count(type, d);
	bool		tied = type == MIXTURE_TIED;
	double		shrinkage = isnan(options->shrinkage) ? DEFAULT_SHRINKAGE : options->shrinkage;
	double		dof = isnan(options->dof) ? d + 2 : options->dof;
	double		of_means = (shrinkage > 0) * (tied ? k : type == MIXTURE_SPHERICAL ? d : 1);

	for (int c = 0; c < k; c++)
	{
		double	   *mean = prior->sums.means + (size_t) c * d;

		prior->sums.weights[c] = 0;
		prior->mean_rows[c] = shrinkage;
		prior->spread_rows[c] = dof + (mixture_has_matrix(type) ? d + 1 : 2) + of_means;
		for (int j = 0; j < d; j++)
			mean[j] = options->mean == NULL ? rows->mean[j] :
				options->mean[j] - (rows->center != NULL ? rows->center[j] : 0);
		host->check_interrupts(host->context);
	}
	if (options->scale != NULL)
		memcpy(prior->sums.covariances, options->scale, count * sizeof(double));
	else
		scale_of_rows(rows, type, k, d, prior->sums.covariances);
	for (int c = 1; c < k && !tied; c++)
	{
		memcpy(prior->sums.covariances + c * count, prior->sums.covariances,
			   count * sizeof(double));
		host->check_interrupts(host->context);
	}
	return prior;
}

/*
 * The prior that is a model worth `strength` rows; NaN: as many for each of its
 * components as the other prior has degrees of freedom.  Comes from the host.
 */
MixturePrior *
prior_from_model(const MixtureParameters *model, double strength, const MixtureHost *host)
{
	int			k = model->k;
	int			d = model->d;
	MixtureCovarianceType type = model->covariance_type;
	bool		tied = type == MIXTURE_TIED;
	size_t		count = mixture_factor_count(type, d);
	MixturePrior *prior = allocate_prior(type, k, d, host);

	if (isnan(strength))
		strength = (double) k * (d + 2);
	mixture_copy_parameters(&prior->sums, model);
	prior->sums.noise_weight = strength * model->noise_weight;
	strength -= prior->sums.noise_weight;
	for (int c = 0; c < k; c++)
	{
		double		n = strength * model->weights[c];

		prior->sums.weights[c] = prior->mean_rows[c] = n;
		prior->spread_rows[c] = tied ? strength : type == MIXTURE_SPHERICAL ? n * d : n;
	}
	for (int c = 0; c < (tied ? 1 : k); c++)
	{
		for (size_t i = 0; i < count; i++)
			prior->sums.covariances[c * count + i] *= prior->spread_rows[c];
		host->check_interrupts(host->context);
	}
	return prior;
}

/* Whether the sums of a prior, which is of this shape, are within the range of a double. */
bool
prior_is_finite(const MixturePrior *prior, MixtureCovarianceType type, int k, int d)
{
	const double *values = prior->sums.weights;

	for (size_t i = 0; i < mixture_parameters_count(type, k, d); i++)
		if (!isfinite(values[i]))
			return false;
	return true;
}

/* The trace of W L W^T, W being a packed triangle and L a packed matrix. */
static double
trace_of_product(const double *triangle, const double *matrix, int d,
				 const MixtureHost *host)
{
	double		trace = 0;

	for (int i = 0; i < d; i++)
	{
		const double *row = triangle + linalg_row(i);

		for (int a = 0; a <= i; a++)
			trace += row[a] * (2 * linalg_dot(row, matrix + linalg_row(a), a) +
							   row[a] * matrix[linalg_row(a) + a]);
		host->check_interrupts(host->context);
	}
	return trace;
}

/* What the density needs of one covariance. */
typedef struct Spread
{
	double		log_determinant;
	double		trace;			/* of its inverse times the prior's sums */
	double	   *inverse;		/* of its Cholesky factor; or of its variances */
	double	   *scratch;		/* as large */
} Spread;

/* Find that; false where the covariance is not positive definite. */
static bool
measure_spread(Spread *spread, MixtureCovarianceType type, int d, const double *covariance,
			   const double *sums, const MixtureHost *host)
{
	size_t		count = mixture_factor_count(type, d);

	spread->log_determinant = spread->trace = 0;
	if (!mixture_has_matrix(type))
	{
		for (size_t i = 0; i < count; i++)
		{
			spread->inverse[i] = 1 / covariance[i];
			spread->log_determinant += log(covariance[i]);
			spread->trace += sums[i] / covariance[i];
		}
		return true;
	}
	memcpy(spread->scratch, covariance, count * sizeof(double));
	if (!linalg_eliminate(spread->scratch, d, host))
		return false;
	linalg_invert_factor(spread->scratch, spread->inverse, d, host);
	for (int i = 0; i < d; i++)
		spread->log_determinant -= 2 * log(spread->inverse[linalg_row(i) + i]);
	spread->trace = trace_of_product(spread->inverse, sums, d, host);
	return true;
}

/* The squared distance of a mean from the prior's, in units of the covariance. */
static double
squared_distance(const Spread *spread, MixtureCovarianceType type, int d,
				 const double *mean, const double *prior_mean, double *apart)
{
	double		sum = 0;

	for (int i = 0; i < d; i++)
	{
		double		length;

		apart[i] = mean[i] - prior_mean[i];
		if (mixture_has_matrix(type))
		{
			length = linalg_dot(spread->inverse + linalg_row(i), apart, i + 1);
			sum += length * length;
		}
		else
			sum += apart[i] * apart[i] * spread->inverse[type == MIXTURE_DIAG ? i : 0];
	}
	return sum;
}

/*
 * The logarithm of the prior's density at parameters of its shape, but for a
 * constant of the prior.  Minus infinity where a covariance is not positive
 * definite.
 */
double
prior_log_density(const MixturePrior *prior, const MixtureParameters *parameters,
				  const MixtureHost *host)
{
	int			k = parameters->k;
	int			d = parameters->d;
	MixtureCovarianceType type = parameters->covariance_type;
	bool		tied = type == MIXTURE_TIED;
	size_t		count = mixture_factor_count(type, d);
	double	   *apart = host->allocate(host->context, (2 * count + d) * sizeof(double));
	Spread		spread = {.inverse = apart + d, .scratch = apart + d + count};
	double		density = 0;
	double		rows = 0;		/* that components are worth */

	for (int c = 0; c < k; c++)
	{
		rows += prior->sums.weights[c];
		if ((c == 0 || !tied) &&
			!measure_spread(&spread, type, d, parameters->covariances + c * count,
							prior->sums.covariances + c * count, host))
		{
			density = -INFINITY;
			break;
		}
		if (c == 0 || !tied)
			density -= 0.5 * (prior->spread_rows[c] * spread.log_determinant + spread.trace);
		if (prior->mean_rows[c] > 0)
			density -= 0.5 * prior->mean_rows[c] *
				squared_distance(&spread, type, d, parameters->means + (size_t) c * d,
								 prior->sums.means + (size_t) c * d, apart);
		if (prior->sums.weights[c] > 0)
			density += prior->sums.weights[c] * log(parameters->weights[c]);
		host->check_interrupts(host->context);
	}
	if (prior->sums.noise_weight > 0)
		density += prior->sums.noise_weight * log(parameters->noise_weight);
	if (rows > 0 && parameters->noise_weight > 0)
		density += rows * log1p(-parameters->noise_weight);
	host->release(host->context, apart);
	return density;
}
