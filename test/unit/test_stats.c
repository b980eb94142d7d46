/*
 * test_stats.c
 *	  Statistics beyond a pass: blocks added one by one, the step from them,
 *	  and what is found wrong with them.
 */
#include "unit.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Statistics of all rows, added block by block. */
static MixtureStats *
accumulate(const Rows *rows, const MixtureParameters *parameters)
{
	MixturePass pass = {.parameters = parameters,.m_step = true};
	MixtureError error;
	MixtureStats *stats = mixture_allocate_stats(parameters->covariance_type,
												 parameters->k, parameters->d, &unit_host);
	MixtureRunner *runner = mixture_runner_create(parameters->covariance_type,
												  parameters->k, parameters->d, &unit_host);
	bool		good = mixture_runner_begin(runner, &pass, &error) == MIXTURE_OK;

	for (int64_t number = 0; number < rows->source.n_blocks && good; number++)
	{
		MixtureBlock block;

		source_block(&rows->source, number, &block);
		good = mixture_runner_add_block(runner, &block, stats, &error) == MIXTURE_OK;
	}
	mixture_runner_release(runner);
	if (!good)
		abort();
	return stats;
}

/* A step from statistics is a step of a fit, near zero and far from it. */
static void
test_step(Random *random, MixtureCovarianceType type, double offset)
{
	int			d = 1 + random_below(random, 6);
	int			k = 1 + random_below(random, 4);
	Rows	   *rows = rows_clusters(random, 300 + random_below(random, 500), d, k + 1, 3);
	MixtureOptions options = default_options(type);
	MixtureParameters start;
	MixtureParameters next;
	MixtureFit	fit;
	MixtureError error;
	MixtureStats *stats;
	int			component;
	double		worst;

	for (int64_t i = 0; i < rows->n; i++)
	{
		rows->weights[i] = random_uniform(random);
		for (int j = 0; j < d; j++)
			rows->values[i * d + j] += offset;
	}
	rows_seal(rows);
	random_parameters(random, &start, type, k, d);
	for (int i = 0; i < k * d; i++)
		start.means[i] += offset;
	stats = accumulate(rows, &start);
	check(mixture_stats_check(stats, &component, &unit_host) == MIXTURE_STATS_SOUND,
		  "%s, offset %g: sums of rows are found sound", family_names[type], offset);

	options.max_iter = 1;
	options.tol = 0;
	options.accelerate = false;
	mixture_refit(&rows->source, &start, &options, &unit_host, &fit, &error);
	mixture_allocate_parameters(&next, type, k, d, &unit_host);
	check(mixture_step(stats, &start, &options, &next, &unit_host, &error) == MIXTURE_OK,
		  "a step is made");
	worst = fmax(largest_difference(next.weights, fit.parameters.weights, k, 1),
				 fmax(largest_difference(next.means, fit.parameters.means, (size_t) k * d, 1),
					  largest_difference(next.covariances, fit.parameters.covariances,
										 mixture_covariance_count(type, k, d), 1)));
	check(worst < 1e-12, "%s, k %d, d %d, offset %g: a step from statistics is one of a fit (%g)",
		  family_names[type], k, d, offset, worst);
	mixture_release_parameters(&next, &unit_host);
	mixture_release_parameters(&fit.parameters, &unit_host);
	mixture_release_parameters(&start, &unit_host);
	mixture_release_stats(stats, &unit_host);
	rows_free(rows);
}

/* Rows on a line, and a constant feature: the floor is that of a fit. */
static void
test_floor(Random *random, MixtureCovarianceType type)
{
	int			d = 3;
	Rows	   *rows = rows_clusters(random, 400, d, 2, 5);
	MixtureOptions options = default_options(type);
	MixtureParameters start;
	MixtureParameters next;
	MixtureFit	fit;
	MixtureError error;
	MixtureStats *stats;

	for (int64_t i = 0; i < rows->n; i++)
	{
		rows->values[i * d + 1] = 2 * rows->values[i * d];
		rows->values[i * d + 2] = 7.25;
	}
	rows_seal(rows);
	random_parameters(random, &start, type, 2, d);
	stats = accumulate(rows, &start);
	options.reg_covar = 1e-3;
	options.max_iter = 1;
	options.tol = 0;
	options.accelerate = false;
	mixture_refit(&rows->source, &start, &options, &unit_host, &fit, &error);
	mixture_allocate_parameters(&next, type, 2, d, &unit_host);
	mixture_step(stats, &start, &options, &next, &unit_host, &error);
	check(largest_difference(next.covariances, fit.parameters.covariances,
							 mixture_covariance_count(type, 2, d), 1) < 1e-10,
		  "%s: rows on a line are bounded as in a fit", family_names[type]);
	mixture_release_parameters(&next, &unit_host);
	mixture_release_parameters(&fit.parameters, &unit_host);
	mixture_release_parameters(&start, &unit_host);
	mixture_release_stats(stats, &unit_host);
	rows_free(rows);
}

/* Each fault is found, with its component. */
static void
test_faults(Random *random, MixtureCovarianceType type)
{
	int			d = 3;
	Rows	   *rows = rows_clusters(random, 200, d, 2, 5);
	MixtureParameters start;
	MixtureStats *stats;
	double	   *copy;
	int			component;
	const char *name = family_names[type];

	rows_seal(rows);
	random_parameters(random, &start, type, 2, d);
	stats = accumulate(rows, &start);
	copy = malloc(stats->n_values * sizeof(double));
	memcpy(copy, stats->sum_weights, stats->n_values * sizeof(double));

#define EXPECT(change, fault, where) \
	do { \
		MixtureStatsFault found; \
		change; \
		found = mixture_stats_check(stats, &component, &unit_host); \
		check(found == (fault) && component == (where), "%s: %s is found out", name, #change); \
		memcpy(stats->sum_weights, copy, stats->n_values * sizeof(double)); \
	} while (0)

	EXPECT(stats->firsts[1] = NAN, MIXTURE_STATS_NOT_FINITE, -1);
	EXPECT(stats->sum_weights[stats->n_values - 1] = INFINITY, MIXTURE_STATS_NOT_FINITE, -1);
	EXPECT(*stats->sum_weights = -1, MIXTURE_STATS_NEGATIVE_WEIGHT, -1);
	EXPECT(stats->component_weights[1] = -1e-3, MIXTURE_STATS_NEGATIVE_WEIGHT, 1);
	EXPECT(stats->component_weights[0] += 1, MIXTURE_STATS_WEIGHT_SUM, -1);
	EXPECT(*stats->log_density_squares = -1, MIXTURE_STATS_LOG_DENSITIES, -1);
	EXPECT(*stats->log_density_squares *= 0.1, MIXTURE_STATS_LOG_DENSITIES, -1);
	EXPECT(*stats->log_likelihood *= 10, MIXTURE_STATS_LOG_DENSITIES, -1);
	EXPECT(stats->seconds[0] = -1e-300, MIXTURE_STATS_NEGATIVE_SQUARE, 0);
	EXPECT(stats->firsts[d] = 1e6, MIXTURE_STATS_IMPOSSIBLE, 1);
	if (type <= MIXTURE_TIED)
		EXPECT(stats->seconds[1] = 1e7, MIXTURE_STATS_IMPOSSIBLE, 0);
	mixture_stats_scale(stats, 0);
	check(mixture_stats_check(stats, &component, &unit_host) == MIXTURE_STATS_SOUND,
		  "%s: nothing is sound", name);
	{
		const MixtureOptions options = {.reg_covar = 0};
		MixtureError error;

		check(mixture_step(stats, &start, &options, &start, &unit_host, &error) == MIXTURE_NO_WEIGHT,
			  "%s: and leads nowhere", name);
	}
	free(copy);
	mixture_release_parameters(&start, &unit_host);
	mixture_release_stats(stats, &unit_host);
	rows_free(rows);
}

/*
 * Sums that are decayed again and again, by halves or anyhow, until nothing is
 * left of them, are sound all the way: whatever the unit of the features, though
 * squares then lose their digits before weights do, or the other way round.
 */
static void
test_decay(Random *random, MixtureCovarianceType type)
{
	bool		sound = true;
	int			component;

	for (int try = 0; try < 20; try++)
	{
		int			d = 1 + random_below(random, 4);
		int			k = 1 + random_below(random, 5);
		double		unit = pow(10, 180 * random_uniform(random) - 90);
		double		factor = try % 2 == 0 ? 0.5 : 0.3 + 0.6 * random_uniform(random);
		Rows	   *rows = rows_clusters(random, 100, d, k, 3);
		MixtureParameters model;
		MixtureStats *stats;

		for (int64_t i = 0; i < 100 * d; i++)
			rows->values[i] *= unit;
		rows_seal(rows);
		random_parameters(random, &model, type, k, d);
		for (int i = 0; i < k * d; i++)
			model.means[i] *= unit;
		for (size_t i = 0; i < mixture_covariance_count(type, k, d); i++)
			model.covariances[i] *= unit * unit;
		stats = accumulate(rows, &model);
		while (*stats->sum_weights > 0)
		{
			double		before = *stats->sum_weights;

			mixture_stats_scale(stats, factor);
			sound = sound && mixture_stats_check(stats, &component, &unit_host) == MIXTURE_STATS_SOUND;
			/* where rounding is to the least number there is, it stays */
			if (*stats->sum_weights == before)
				break;
		}
		mixture_release_stats(stats, &unit_host);
		mixture_release_parameters(&model, &unit_host);
		rows_free(rows);
	}
	check(sound, "%s: sums that decay until nothing is left are sound", family_names[type]);
}

/* Sums that leave the range of a double are reported, not kept. */
static void
test_range(void)
{
	double		features[MIXTURE_LANES] = {0};
	double		weights[MIXTURE_LANES] = {0};
	MixtureBlock block = {.n_rows = 1, .stride = MIXTURE_LANES, .features = features, .weights = weights};
	double		weight = 1;
	double		mean = 1e200;
	double		variance = 1;
	MixtureParameters parameters = {1, 1, MIXTURE_FULL, &weight, &mean, &variance, 0, NULL};
	MixturePass pass = {.parameters = &parameters,.m_step = true};
	MixtureStats *stats = mixture_allocate_stats(MIXTURE_FULL, 1, 1, &unit_host);
	MixtureRunner *runner = mixture_runner_create(MIXTURE_FULL, 1, 1, &unit_host);
	MixtureError error;
	double		far[3] = {1, -1e100, 1.1e100};

	weights[0] = 1;
	mixture_runner_begin(runner, &pass, &error);
	check(mixture_runner_add_block(runner, &block, stats, &error) == MIXTURE_SUM_RANGE,
		  "squares that overflow are found");
	mixture_clear_stats(stats);
	mean = 0;
	mixture_runner_begin(runner, &pass, &error);
	weights[0] = DBL_MAX;
	mixture_runner_add_block(runner, &block, stats, &error);
	check(mixture_runner_add_block(runner, &block, stats, &error) == MIXTURE_WEIGHT_RANGE,
		  "weights that overflow are found");
	check(mixture_row_out_of_range(far, 3) == 2 && mixture_row_out_of_range(far, 2) == -1,
		  "a feature too far away is named");
	mixture_runner_release(runner);
	mixture_release_stats(stats, &unit_host);
}

/* Squares of log densities that were too large to be added tell no deviation. */
static void
test_large_squares(void)
{
	MixtureStats *stats = mixture_allocate_stats(MIXTURE_DIAG, 1, 1, &unit_host);
	bool		known;

	*stats->sum_weights = *stats->log_likelihood = 1;
	*stats->log_density_squares = nextafter(MIXTURE_MAX_SQUARE, 0);
	known = isfinite(mixture_log_density_stddev(stats));
	*stats->log_density_squares = MIXTURE_MAX_SQUARE;
	check(known && isnan(mixture_log_density_stddev(stats)),
		  "squares of log densities that are beyond the largest tell no deviation");
	mixture_release_stats(stats, &unit_host);
}

void
test_stats(void)
{
	Random		random = random_start(71);

	for (int type = 0; type < MIXTURE_N_COVARIANCE_TYPES; type++)
	{
		for (int i = 0; i < 3; i++)
		{
			test_step(&random, type, 0);
			test_step(&random, type, 1e9);
		}
		test_floor(&random, type);
		test_faults(&random, type);
		test_decay(&random, type);
	}
	test_range();
	test_large_squares();
}
