/*
 * statistics.c
 *	  Sufficient statistics: memory for them, and, of those that are kept
 *	  beyond a pass, whether they can be what they say they are, their scaling,
 *	  and the step from them.
 *
 * Whoever keeps statistics has nothing else of the rows.  So the floor of the
 * M-step, which a fit takes from the rows' variances, is found from the sums:
 * the variance of a feature over all rows is that within the components plus
 * that between them; rows that are noise have none of these sums, and are taken
 * to fill their box evenly.  Sums are taken about the means that the statistics were
 * made with, and so is everything here, so that data far from zero loses
 * nothing.
 */
#include "engine/core/core.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "engine/core/linalg.h"

/*
 * Statistics are sums of roundings of their own, and may come as text: by so
 * much they may be off.
 */
#define SUM_TOLERANCE		1e-6

/* Below this, sums of what underflows have no digit that is sure. */
#define LEAST_PRECISE		(DBL_MIN / DBL_EPSILON)

/* Well below the root of MIXTURE_MAX_SQUARE */
#define LARGE_ROOT			1e140

/* Values between two checks for interrupts */
#define VALUES_PER_CHECK	65536

/* Values of the statistics of this shape, which are sums over rows. */
size_t
mixture_sums_count(MixtureCovarianceType type, int k, int d)
{
	return 5 + (size_t) k + (size_t) k * d + mixture_covariance_count(type, k, d);
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
	stats->log_density_squares = stats->log_likelihood + 1;
	stats->entropy = stats->log_density_squares + 1;
	stats->noise_weight = stats->entropy + 1;
	stats->component_weights = stats->noise_weight + 1;
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

/* Give back what mixture_allocate_stats() made. */
void
mixture_release_stats(MixtureStats *stats, const MixtureHost *host)
{
	host->release(host->context, stats);
}

/* Set all sums to 0. */
void
mixture_clear_stats(MixtureStats *stats)
{
	memset(stats->sum_weights, 0, stats->n_values * sizeof(double));
}

/* The seconds of one component: of all together, where they share a covariance. */
static double *
seconds_of(const MixtureStats *stats, int component)
{
	MixtureCovarianceType type = stats->covariance_type;

	return stats->seconds +
		(type == MIXTURE_TIED ? 0 : component * mixture_factor_count(type, stats->d));
}

/*
 * Add to the M-step's sums a row that is component c's, whatever its density there: the
 * sums are about the means of the parameters.  work: d.
 */
void
mixture_add_row(MixtureStats *stats, int c, double weight, const double *row,
				const MixtureParameters *parameters, double *work)
{
	MixtureCovarianceType type = stats->covariance_type;
	int			d = stats->d;

	for (int j = 0; j < d; j++)
		work[j] = row[j] - parameters->means[(size_t) c * d + j];
	stats->component_weights[c] += weight;
	linalg_add_multiple(stats->firsts + (size_t) c * d, weight, work, d);
	mixture_add_outer(type, d, seconds_of(stats, c),
					  type == MIXTURE_SPHERICAL ? weight * d : weight, work);
}

/* Add the values of statistics that were made with the same parameters. */
void
mixture_add_sums(double *target, const double *source, size_t count)
{
	for (size_t i = 0; i < count; i++)
		target[i] += source[i];
}

/* Whether all sums are finite. */
bool
mixture_stats_finite(const MixtureStats *stats)
{
	double		sum = 0;

	/* 0 times a number is 0, but NaN if that is not finite */
	for (size_t i = 0; i < stats->n_values; i++)
		sum += 0 * stats->sum_weights[i];
	return sum == 0;
}

/* Where the sum of squares of one feature is in the seconds of one component. */
static double *
square_sum(const MixtureStats *stats, int component, int feature)
{
	return seconds_of(stats, component) +
		mixture_variance_place(stats->covariance_type, feature);
}

/*
 * Whether |a| exceeds what Cauchy and Schwarz allow for a sum of products,
 * given the two sums of squares.  Sums that were multiplied until they left the
 * range of numbers with all digits are known to LEAST_PRECISE.
 */
static bool
exceeds(double a, double square_a, double square_b)
{
	return fabs(a) > sqrt(square_a + LEAST_PRECISE) * sqrt(square_b + LEAST_PRECISE) *
		(1 + SUM_TOLERANCE) + LEAST_PRECISE;
}

/*
 * Whether the log densities can have these sums.  Squares so large that they
 * are not in the sum as they are tell nothing.
 */
static bool
log_densities_possible(const MixtureStats *stats)
{
	double		sum = *stats->log_likelihood;
	double		weight = *stats->sum_weights;

	if (*stats->log_density_squares < 0)
		return false;
	return fabs(sum) > sqrt(weight) * LARGE_ROOT ||
		!exceeds(sum, *stats->log_density_squares, weight);
}

/*
 * The standard deviation of the rows' log densities; NaN without weight, or if
 * it is not a finite number, or not known since a row's square was too large to be
 * in the sum as it is.
 */
double
mixture_log_density_stddev(const MixtureStats *stats)
{
	double		mean = *stats->log_likelihood / *stats->sum_weights;
	double		squares = *stats->log_density_squares;
	double		variance = squares / *stats->sum_weights - mean * mean;

	if (!isfinite(variance) || squares >= MIXTURE_MAX_SQUARE ||
		exceeds(*stats->log_likelihood, squares, *stats->sum_weights))
		return NAN;
	return variance > 0 ? sqrt(variance) : 0;
}

/* Check the firsts and seconds of one component. */
static MixtureStatsFault
check_component(const MixtureStats *stats, int component, const MixtureHost *host)
{
	int			d = stats->d;
	double		weight = stats->component_weights[component];
	bool		seen = mixture_has_rows(weight, *stats->sum_weights);
	const double *firsts = stats->firsts + (size_t) component * d;

	for (int i = 0; i < d; i++)
	{
		double		square = *square_sum(stats, component, i);

		if (square < 0)
			return MIXTURE_STATS_NEGATIVE_SQUARE;
		if (seen && exceeds(firsts[i], square, weight))
			return MIXTURE_STATS_IMPOSSIBLE;
	}
	if ((stats->covariance_type == MIXTURE_FULL && seen) ||
		(stats->covariance_type == MIXTURE_TIED && component == 0))
	{
		const double *seconds = seconds_of(stats, component);

		for (int i = 0; i < d; i++)
		{
			for (int j = 0; j < i; j++)
				if (exceeds(seconds[linalg_row(i) + j], *square_sum(stats, component, i),
							*square_sum(stats, component, j)))
					return MIXTURE_STATS_IMPOSSIBLE;
			host->check_interrupts(host->context);
		}
	}
	return MIXTURE_STATS_SOUND;
}

/*
 * Whether there may be rows with these statistics, as far as a look at each
 * sum tells.  What is found wrong is of the component, counted from 0, or of
 * all if *component is -1.
 */
MixtureStatsFault
mixture_stats_check(const MixtureStats *stats, int *component, const MixtureHost *host)
{
	double		total = *stats->sum_weights;
	double		sum = *stats->noise_weight;

	*component = -1;
	for (size_t i = 0; i < stats->n_values; i++)
	{
		if (i % VALUES_PER_CHECK == 0)
			host->check_interrupts(host->context);
		if (!isfinite(stats->sum_weights[i]))
			return MIXTURE_STATS_NOT_FINITE;
	}
	if (total < 0 || sum < 0)
		return MIXTURE_STATS_NEGATIVE_WEIGHT;
	if (!log_densities_possible(stats))
		return MIXTURE_STATS_LOG_DENSITIES;
	for (int c = 0; c < stats->k; c++)
	{
		MixtureStatsFault fault;

		host->check_interrupts(host->context);
		*component = c;
		if (stats->component_weights[c] < 0)
			return MIXTURE_STATS_NEGATIVE_WEIGHT;
		sum += stats->component_weights[c];
		fault = check_component(stats, c, host);
		if (fault != MIXTURE_STATS_SOUND)
			return fault;
	}
	*component = -1;
	if (!(fabs(sum - total) <= SUM_TOLERANCE * total + LEAST_PRECISE))
		return MIXTURE_STATS_WEIGHT_SUM;
	return MIXTURE_STATS_SOUND;
}

/* Multiply all sums, as if every row had its weight times the factor. */
void
mixture_stats_scale(MixtureStats *stats, double factor)
{
	for (size_t i = 0; i < stats->n_values; i++)
		stats->sum_weights[i] *= factor;
}

/* Move one component's sums by delta, from its old mean to the new one. */
static void
move_component(MixtureStats *stats, int component, const double *delta)
{
	int			d = stats->d;
	MixtureCovarianceType type = stats->covariance_type;
	double		weight = stats->component_weights[component];
	double	   *firsts = stats->firsts + (size_t) component * d;
	double	   *seconds = seconds_of(stats, component);

	for (int i = 0; i < d; i++)
	{
		double		square = delta[i] * (2 * firsts[i] + weight * delta[i]);

		if (type == MIXTURE_DIAG)
			seconds[i] += square;
		else if (type == MIXTURE_SPHERICAL)
			seconds[0] += square;
		else
		{
			for (int j = 0; j < i; j++)
				seconds[linalg_row(i) + j] += firsts[i] * delta[j] +
					delta[i] * (firsts[j] + weight * delta[j]);
			seconds[linalg_row(i) + i] += square;
		}
	}
	for (int i = 0; i < d; i++)
		firsts[i] += weight * delta[i];
}

/*
 * Statistics about the means of `from` to what they would be about those of
 * `to`, parameters of the same shape: every row keeps the responsibilities
 * that it was given.  Sums of squares that rounding made negative become 0.
 */
void
mixture_stats_rebase(MixtureStats *stats, const MixtureParameters *from,
					 const MixtureParameters *to, const MixtureHost *host)
{
	size_t		d = stats->d;
	double	   *delta = host->allocate(host->context, d * sizeof(double));

	for (int c = 0; c < stats->k; c++)
	{
		for (size_t j = 0; j < d; j++)
			delta[j] = from->means[c * d + j] - to->means[c * d + j];
		move_component(stats, c, delta);
		host->check_interrupts(host->context);
	}
	for (int c = 0; c < stats->k; c++)
		for (int j = 0; j < stats->d; j++)
		{
			double	   *square = square_sum(stats, c, j);

			if (*square < 0)
				*square = 0;
		}
	host->release(host->context, delta);
}

/*
 * The first feature, counted from 0, that is too far from zero for sums of
 * its squares; -1 if there is none.
 */
int
mixture_row_out_of_range(const double *row, int d)
{
	for (int j = 0; j < d; j++)
		if (!(fabs(row[j]) <= MIXTURE_MAX_FEATURE))
			return j;
	return -1;
}

/* The sum of squares of a feature over all components, about their means. */
static double
square_total(const MixtureStats *stats, int feature)
{
	double		sum = 0;

	if (stats->covariance_type == MIXTURE_TIED)
		return *square_sum(stats, 0, feature);
	for (int c = 0; c < stats->k; c++)
		sum += *square_sum(stats, c, feature);
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
	if (*stats->sum_weights < LEAST_PRECISE || !isfinite(*stats->sum_weights))
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
