/*
 * test_labels.c
 *	  Rows whose component is known: their statistics, and that EM with them goes
 *	  up.
 */
#include "unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Label a share of the rows, of which `labels` (n) is to be freed after the rows. */
static double *
label_rows(Random *random, Rows *rows, int k, double share)
{
	double	   *labels = calloc(rows->n + MIXTURE_BLOCK_ROWS, sizeof(double));

	for (int64_t i = 0; i < rows->n; i++)
		if (random_uniform(random) < share)
			labels[i] = 1 + random_below(random, k);
	rows_seal(rows);
	for (int64_t number = 0; number < rows->source.n_blocks; number++)
		rows->blocks[number].labels = labels + number * MIXTURE_BLOCK_ROWS;
	rows->source.n_labels = k;
	return labels;
}

/* The rows of one label, or without one if that is 0. */
static Rows *
rows_of_label(const Rows *rows, const double *labels, int label)
{
	Rows	   *some = rows_allocate(rows->n, rows->d);

	some->n = 0;
	for (int64_t i = 0; i < rows->n; i++)
	{
		if (labels[i] != label)
			continue;
		memcpy(some->values + some->n * rows->d, rows->values + i * rows->d,
			   rows->d * sizeof(double));
		some->weights[some->n++] = rows->weights[i];
	}
	return some;
}

/* Add the statistics of rows that are all component c's: those of it alone. */
static void
add_component(const MixtureParameters *parameters, int c, const Rows *rows,
			  MixtureStats *stats)
{
	MixtureCovarianceType type = parameters->covariance_type;
	int			d = parameters->d;
	size_t		own = type == MIXTURE_TIED ? 0 : c * mixture_factor_count(type, d);
	double		weight = 1;
	MixtureParameters alone = *parameters;
	MixtureStats *sums = mixture_allocate_stats(type, 1, d, &unit_host);

	alone.k = 1;
	alone.weights = &weight;
	alone.means += c * d;
	alone.covariances += own;
	mixture_clear_noise(&alone);
	reference_accumulate(&alone, rows, sums);
	*stats->sum_weights += *sums->sum_weights;
	*stats->log_likelihood += *sums->log_likelihood + *sums->sum_weights *
		(log(parameters->weights[c]) + log1p(-parameters->noise_weight));
	stats->component_weights[c] += *sums->component_weights;
	for (int j = 0; j < d; j++)
		stats->firsts[c * d + j] += sums->firsts[j];
	for (size_t j = 0; j < mixture_factor_count(type, d); j++)
		stats->seconds[own + j] += sums->seconds[j];
	mixture_release_stats(sums, &unit_host);
}

/*
 * The statistics of rows of which some have labels are those of the others, and of
 * each component alone for the rows that are known to be its.
 */
static void
test_statistics(Random *random, MixtureCovarianceType type, bool noise)
{
	int			k = 2 + random_below(random, 4);
	int			d = 1 + random_below(random, 4);
	Rows	   *rows = rows_clusters(random, 20 + random_below(random, 800), d, k, 2);
	double	   *labels = label_rows(random, rows, k, 0.3);
	MixtureStats *stats = mixture_allocate_stats(type, k, d, &unit_host);
	MixtureStats *wanted = mixture_allocate_stats(type, k, d, &unit_host);
	MixtureRunner *runner = mixture_runner_create(type, k, d, &unit_host);
	MixtureParameters parameters;
	MixturePass pass = {.parameters = &parameters,.m_step = true};
	MixtureError error;
	Rows	   *some = rows_of_label(rows, labels, 0);
	double		apart;

	random_parameters(random, &parameters, type, k, d);
	if (noise)
		random_noise(random, &parameters);
	reference_accumulate(&parameters, some, wanted);
	rows_free(some);
	for (int c = 0; c < k; c++)
	{
		some = rows_of_label(rows, labels, c + 1);
		add_component(&parameters, c, some, wanted);
		rows_free(some);
	}
	if (mixture_runner_begin(runner, &pass, &error) != MIXTURE_OK)
		abort();
	for (int64_t number = 0; number < rows->source.n_blocks; number++)
		if (mixture_runner_add_block(runner, &rows->blocks[number], stats, &error) != MIXTURE_OK)
			abort();
	/* but for squares of log densities with labels, and the entropy that no step needs */
	*stats->log_density_squares = *wanted->log_density_squares = 0;
	*stats->entropy = *wanted->entropy = 0;
	apart = largest_difference(stats->sum_weights, wanted->sum_weights, stats->n_values,
							   *wanted->sum_weights);
	check(apart < 1e-9, "%s, k %d, d %d%s: the statistics of rows with labels (%.1e)",
		  family_names[type], k, d, noise ? ", noise" : "", apart);
	mixture_runner_release(runner);
	mixture_release_stats(stats, &unit_host);
	mixture_release_stats(wanted, &unit_host);
	mixture_release_parameters(&parameters, &unit_host);
	rows_free(rows);
	free(labels);
}

/* The log-likelihood with labels never falls from an iteration to the next. */
static void
test_monotone(Random *random, MixtureCovarianceType type)
{
	int			k = 2 + random_below(random, 3);
	int			d = 1 + random_below(random, 3);
	Rows	   *rows = rows_clusters(random, 60 + random_below(random, 300), d, k, 2);
	double	   *labels = label_rows(random, rows, k, 0.2);
	double		floor[3] = {1e-6, 1e-6, 1e-6};
	double		before = -INFINITY;
	double		bound_before = 0;
	double		worst = 0;
	MixtureParameters start;
	MixtureParameters parameters;
	MixtureError error;
	Em			em;

	random_parameters(random, &start, type, k, d);
	mixture_allocate_parameters(&parameters, type, k, d, &unit_host);
	em_begin(&em, &rows->source, NULL, type, k, floor, &unit_host);
	for (int m = 0; m <= 20; m++)
	{
		EmOutcome	outcome;
		double		bound;

		mixture_copy_parameters(&parameters, &start);
		if (em_run(&em, &parameters, m, 0, false, &outcome, &error) != MIXTURE_OK)
			worst = INFINITY;
		bound = rounding_per_row(rows, &parameters);
		worst = fmax(worst, (before - outcome.log_likelihood) / rows->n / fmax(bound, bound_before));
		before = outcome.log_likelihood;
		bound_before = bound;
	}
	check(worst < 1 && isfinite(before),
		  "%s, k %d, d %d: the likelihood with labels never falls (%.1e of rounding)",
		  family_names[type], k, d, worst);
	em_end(&em);
	mixture_release_parameters(&parameters, &unit_host);
	mixture_release_parameters(&start, &unit_host);
	rows_free(rows);
	free(labels);
}

void
test_labels(void)
{
	for (int i = 0; i < 10; i++)
		for (int type = 0; type < MIXTURE_N_COVARIANCE_TYPES; type++)
		{
			Random		random = random_start(2600 + 10 * i + type);

			test_statistics(&random, (MixtureCovarianceType) type, i % 2 == 1);
			test_monotone(&random, (MixtureCovarianceType) type);
		}
}
