/*
 * step.c
 *	  One step of EM from statistics that were kept beyond a pass.
 *
 * Whoever keeps statistics has nothing else of the rows.  So what a fit takes from the
 * rows themselves (scales.c, collinear.c: the floor of the M-step, the moments that a
 * prior is scaled by) is found from the sums here: the variance of a feature over all
 * rows is that within the components plus that between them; rows that are noise have
 * none of these sums, and are taken to fill their box evenly.  Sums are taken about the
 * means that the statistics were made with, and so is everything here, so that data far
 * from zero loses nothing.
 */
#include "engine/core/core.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "engine/core/linalg.h"

/* The sum of squares of a feature over all components, about their means. */
static double
square_total(const MixtureStats *stats, int feature)
{
	size_t		place = mixture_variance_place(stats->covariance_type, feature);
	double		sum = 0;

	for (int c = 0; c < (stats->covariance_type == MIXTURE_TIED ? 1 : stats->k); c++)
		sum += mixture_seconds_of(stats, c)[place];
	return sum;
}

/* All rows together. */
typedef struct Whole
{
	double	   *mean;			/* d */
	double	   *variances;		/* d; 0 where it is none but for rounding */
	double	   *apart;			/* (k + 1) x d: the means of the components less that of all,
								 * and at the end the middle of the noise, if there is some */
} Whole;

/* Find the mean, and how the components' are apart from it. */
static void
find_means(const MixtureStats *stats, const MixtureParameters *current, Whole *whole,
		   const MixtureHost *host)
{
	size_t		d = stats->d;
	size_t		k = stats->k;
	bool		noise = current->noise_box != NULL;

	for (size_t j = 0; j < d; j++)
	{
		double		base = current->means[j];
		double		middle = noise ? mixture_noise_mean(current, (int) j) - base : 0;
		double		shift = *stats->noise_weight * middle / *stats->sum_weights;

		for (size_t c = 0; c < k; c++)
			shift += (stats->component_weights[c] * (current->means[c * d + j] - base) +
					  stats->firsts[c * d + j]) / *stats->sum_weights;
		for (size_t c = 0; c < k; c++)
			whole->apart[c * d + j] = current->means[c * d + j] - base - shift;
		whole->apart[k * d + j] = middle - shift;
		whole->mean[j] = base + shift;
		host->check_interrupts(host->context);
	}
}

/*
 * Sum of squares of a feature about its mean over all rows, `within` being that about
 * the components' means.  *gross is what it comes from without cancellation.
 */
static double
feature_scatter(const MixtureStats *stats, const MixtureParameters *current,
				const double *apart, int feature, double within, double *gross)
{
	size_t		d = stats->d;
	double		sum = within;

	*gross = within;
	for (int c = 0; c < stats->k; c++)
	{
		double		middle = apart[c * d + feature];
		double		cross = 2 * stats->firsts[c * d + feature] * middle;
		double		square = stats->component_weights[c] * middle * middle;

		sum += cross + square;
		*gross += fabs(cross) + square;
	}
	if (current->noise_box != NULL)
	{
		double		middle = apart[stats->k * d + feature];
		double		square = *stats->noise_weight *
			(mixture_noise_variance(current, feature) + middle * middle);

		sum += square;
		*gross += square;
	}
	return sum;
}

/*
 * Find the variances, of rows whose means are known.  Spherical statistics have only the
 * sum over all features, which is all that a spherical M-step asks for: each feature gets
 * the mean.
 */
static void
find_variances(const MixtureStats *stats, const MixtureParameters *current, Whole *whole,
			   const MixtureHost *host)
{
	bool		spherical = stats->covariance_type == MIXTURE_SPHERICAL;
	double		total = *stats->sum_weights;
	double		all = spherical ? square_total(stats, 0) : 0;
	double		all_gross = all;

	for (int j = 0; j < stats->d; j++)
	{
		double		gross;
		double		sum = feature_scatter(stats, current, whole->apart, j,
										  spherical ? 0 : square_total(stats, j), &gross);

		whole->variances[j] = mixture_exceeds_rounding(sum, gross) ? sum / total : 0;
		all += sum;
		all_gross += gross;
		host->check_interrupts(host->context);
	}
	for (int j = 0; j < stats->d && spherical; j++)
		whole->variances[j] = mixture_exceeds_rounding(all, all_gross) ? all / total / stats->d : 0;
}

/*
 * The covariance of all rows, packed, of statistics that have matrices; what has no
 * variance covaries with nothing.
 */
static void
find_covariance(const MixtureStats *stats, const Whole *whole, double *covariance,
				const MixtureHost *host)
{
	const double *variances = whole->variances;
	size_t		d = stats->d;
	size_t		count = linalg_packed_count(stats->d);
	int			n = stats->covariance_type == MIXTURE_TIED ? 1 : stats->k;
	double		share = 1 / *stats->sum_weights;

	memset(covariance, 0, count * sizeof(double));
	for (int c = 0; c < n; c++)
		linalg_add_multiple(covariance, share, stats->seconds + c * count, (int) count);
	for (int c = 0; c < stats->k; c++)
	{
		const double *a = whole->apart + c * d;
		const double *first = stats->firsts + c * d;

		for (size_t i = 0; i < d; i++)
			for (size_t j = 0; j < i; j++)
				covariance[linalg_row((int) i) + j] += share *
					(first[i] * a[j] + a[i] * (first[j] + stats->component_weights[c] * a[j]));
		host->check_interrupts(host->context);
	}
	mixture_add_outer(MIXTURE_TIED, stats->d, covariance, share * *stats->noise_weight,
					  whole->apart + stats->k * d);
	for (int i = 0; i < stats->d; i++)
	{
		for (int j = 0; j < i; j++)
			if (!(variances[i] > 0 && variances[j] > 0))
				covariance[linalg_row(i) + j] = 0;
		covariance[linalg_row(i) + i] = variances[i];
	}
}

/* The prior that the options ask for, from the host; NULL if none. */
static MixturePrior *
step_prior(const MixtureStats *stats, const MixtureParameters *current,
		   const MixtureOptions *options, const Whole *whole, const MixtureHost *host)
{
	bool		matrix = mixture_has_matrix(stats->covariance_type);
	size_t		count = matrix ? linalg_packed_count(stats->d) : 0;
	double	   *covariance;
	MixturePrior *prior;

	if (options->prior == NULL)
		return NULL;
	if (options->prior->from_model)
		return prior_from_model(current, options->prior->strength, host);
	covariance = host->allocate(host->context, (count + 1) * sizeof(double));
	if (matrix)
		find_covariance(stats, whole, covariance, host);
	prior = prior_create(options->prior, stats->covariance_type, stats->k, stats->d,
						 &(PriorRows) {whole->mean, matrix ? covariance : whole->variances,
									   matrix, *stats->sum_weights, NULL}, host);
	host->release(host->context, covariance);
	return prior;
}

/*
 * Whether a feature of the rows is a sum of others, by what a step has made of them:
 * covariances that are all nearly singular, and that of all rows too.
 */
static bool
is_collinear(const MixtureStats *stats, const MixtureParameters *next, const Whole *whole,
			 const MixtureHost *host)
{
	size_t		d = stats->d;
	size_t		count = linalg_packed_count(stats->d);
	int			n = stats->covariance_type == MIXTURE_TIED ? 1 : stats->k;
	double	   *matrix = host->allocate(host->context, (count + d) * sizeof(double));
	double	   *scales = matrix + count;
	bool		singular = true;

	for (int c = 0; c < n && singular; c++)
	{
		if (n > 1 && !mixture_has_rows(stats->component_weights[c], *stats->sum_weights))
			continue;
		memcpy(matrix, next->covariances + c * count, count * sizeof(double));
		singular = mixture_nearly_singular(matrix, scales, stats->d, host);
	}
	if (singular)
	{
		find_covariance(stats, whole, matrix, host);
		singular = mixture_nearly_singular(matrix, scales, stats->d, host);
	}
	host->release(host->context, matrix);
	return singular;
}

/*
 * Raise the floor of a step, whose share of the variances is less, where a feature is a
 * sum of others (collinear.c).  Returns whether there is such a one.
 */
static bool
hold_collinear(const MixtureStats *stats, const MixtureParameters *next, const Whole *whole,
			   double *floor, const MixtureHost *host)
{
	if (!mixture_has_matrix(stats->covariance_type) ||
		!is_collinear(stats, next, whole, host))
		return false;
	for (int j = 0; j < stats->d; j++)
		if (whole->variances[j] > 0)
			floor[j] = MIXTURE_COLLINEAR_FLOOR * whole->variances[j];
	return true;
}

/*
 * One step of EM, from statistics of an E-step under `current` to the next
 * parameters, of the same shape, whose arrays are the caller's and not those
 * of current.  Of the options, reg_covar, prior and fixed count; a prior that is
 * a model is `current`.  Equals a step of mixture_refit() but for rounding.
 */
MixtureStatus
mixture_step(const MixtureStats *stats, const MixtureParameters *current,
			 const MixtureOptions *options, MixtureParameters *next,
			 const MixtureHost *host, MixtureError *error)
{
	int			d = stats->d;
	size_t		n_covariances = mixture_covariance_count(stats->covariance_type, stats->k, d);
	double		share = mixture_floor_share(options->reg_covar);
	double	   *floor;
	Whole		whole;
	MixturePrior *prior;
	MixtureBounds bounds;
	MixtureStatus status = MIXTURE_OK;

	if (!(*stats->sum_weights > 0))
		return MIXTURE_NO_WEIGHT;
	if (*stats->sum_weights < MIXTURE_LEAST_PRECISE || !isfinite(*stats->sum_weights))
		return MIXTURE_WEIGHT_RANGE;
	floor = host->allocate(host->context, (stats->k + (size_t) 4) * d * sizeof(double));
	whole = (Whole) {floor + d, floor + 2 * d, floor + 3 * d};
	find_means(stats, current, &whole, host);
	find_variances(stats, current, &whole, host);
	for (int j = 0; j < d; j++)
		floor[j] = share * (whole.variances[j] > 0 ? whole.variances[j] :
							mixture_constant_variance(whole.mean[j]));
	prior = step_prior(stats, current, options, &whole, host);
	if (prior != NULL && !prior_is_finite(prior, stats->covariance_type, stats->k, d))
		status = MIXTURE_PRIOR_RANGE;
	for (int j = 0; j < d && status == MIXTURE_OK; j++)
		if (!(floor[j] >= DBL_MIN && isfinite(floor[j])))
		{
			error->feature = j;
			status = MIXTURE_FEATURE_RANGE;
		}
	bounds = (MixtureBounds) {floor, prior, options->fixed};
	if (status == MIXTURE_OK)
		mixture_maximize(stats, current, &bounds, next, host);
	if (status == MIXTURE_OK && share < MIXTURE_COLLINEAR_FLOOR &&
		hold_collinear(stats, next, &whole, floor, host))
		mixture_maximize(stats, current, &bounds, next, host);
	prior_release(prior, host);
	host->release(host->context, floor);

	/* A component may be out of range where all rows together are not. */
	for (size_t i = 0; i < n_covariances && status == MIXTURE_OK; i++)
		if (!isfinite(next->covariances[i]))
		{
			error->feature = -1;
			status = MIXTURE_SUM_RANGE;
		}
	for (size_t i = 0; i < (size_t) stats->k * d && status == MIXTURE_OK; i++)
		if (!isfinite(next->means[i]))
		{
			error->feature = (int) (i % d);
			status = MIXTURE_SUM_RANGE;
		}
	return status;
}
