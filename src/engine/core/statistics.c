/*
 * statistics.c
 *	  Sufficient statistics: memory for them, and, of those that are kept
 *	  beyond a pass, whether they can be what they say they are, their scaling,
 *	  and their move to other means.  The step from them: step.c.
 */
#include "engine/core/core.h"

#include <math.h>
#include <string.h>

#include "engine/core/linalg.h"

/*
 * Statistics are sums of roundings of their own, and may come as text: by so
 * much they may be off.
 */
#define SUM_TOLERANCE		1e-6

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
	mixture_add_outer(type, d, mixture_seconds_of(stats, c),
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
	return mixture_seconds_of(stats, component) +
		mixture_variance_place(stats->covariance_type, feature);
}

/*
 * Whether |a| exceeds what Cauchy and Schwarz allow for a sum of products,
 * given the two sums of squares.  Sums that were multiplied until they left the
 * range of numbers with all digits are known to MIXTURE_LEAST_PRECISE.
 */
static bool
exceeds(double a, double square_a, double square_b)
{
	double		most = sqrt(square_a + MIXTURE_LEAST_PRECISE) *
		sqrt(square_b + MIXTURE_LEAST_PRECISE);

	return fabs(a) > most * (1 + SUM_TOLERANCE) + MIXTURE_LEAST_PRECISE;
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
		const double *seconds = mixture_seconds_of(stats, component);

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
	if (!(fabs(sum - total) <= SUM_TOLERANCE * total + MIXTURE_LEAST_PRECISE))
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
	double	   *seconds = mixture_seconds_of(stats, component);

	for (int i = 0; i < d; i++)
	{
		double		square = delta[i] * (2 * firsts[i] + weight * delta[i]);

		if (type == MIXTURE_DIAG)
			seconds[i] += square;
		else if (type == MIXTURE_SPHERICAL)
			seconds[0] += square;
		else
		{
			double	   *row = seconds + linalg_row(i);

			linalg_add_multiple(row, firsts[i] + weight * delta[i], delta, i);
			linalg_add_multiple(row, delta[i], firsts, i);
			row[i] += square;
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
