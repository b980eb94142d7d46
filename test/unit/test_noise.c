/*
 * test_noise.c
 *	  Noise beside the components: the steps of EM with it in closed form, that
 *	  they go up, rows drawn, and the box.  That the kernels find its part in
 *	  every row is tested with theirs (test_kernels.c, test_missing.c), and that
 *	  densities factor with those of conditionals (test_derive.c).
 */
#include "unit.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Clusters, and uniform rows over the box from -span to span. */
static Rows *
rows_noisy(Random *random, int64_t n, int d, int k, double share, double span)
{
	Rows	   *rows = rows_clusters(random, n, d, k, 6);

	for (int64_t i = 0; i < n; i++)
		if (random_uniform(random) < share)
			for (int j = 0; j < d; j++)
				rows->values[i * d + j] = span * (2 * random_uniform(random) - 1);
	return rows;
}

/*
 * The M-step from the reference's sums: the weight of noise is its share of the
 * responsibilities, and weights are those of the rest.
 */
static void
test_maximize(Random *random, MixtureCovarianceType type)
{
	int			k = 1 + random_below(random, 4);
	int			d = 1 + random_below(random, 4);
	Rows	   *rows = rows_noisy(random, 500, d, k, 0.3, 9);
	MixtureParameters start;
	MixtureParameters next;
	MixtureStats *stats = mixture_allocate_stats(type, k, d, &unit_host);
	double		floor[4] = {1e-9, 1e-9, 1e-9, 1e-9};
	double		sum = 0;
	double		of_components = 0;

	rows_seal(rows);
	random_parameters(random, &start, type, k, d);
	random_noise(random, &start);
	mixture_allocate_parameters(&next, type, k, d, &unit_host);
	reference_accumulate(&start, rows, stats);
	mixture_maximize(stats, &start, &(MixtureBounds) {.floor = floor}, &next, &unit_host);
	for (int c = 0; c < k; c++)
	{
		sum += next.weights[c];
		of_components += stats->component_weights[c];
	}
	check(relative_difference(next.noise_weight, *stats->noise_weight / 500, 0) < 1e-14 &&
		  fabs(sum - 1) < 1e-14 && next.noise_box == start.noise_box &&
		  relative_difference(next.weights[0], stats->component_weights[0] /
							  of_components, 0) < 1e-12,
		  "%s, k %d, d %d: the M-step gives noise its share (%g)",
		  family_names[type], k, d, next.noise_weight);

	/* everything noise: what is known of components stays */
	mixture_clear_stats(stats);
	*stats->sum_weights = *stats->noise_weight = 500;
	mixture_maximize(stats, &start, &(MixtureBounds) {.floor = floor}, &next, &unit_host);
	check(next.noise_weight == MIXTURE_MOST_NOISE && next.noise_weight < 1 &&
		  memcmp(next.means, start.means, (size_t) k * d * sizeof(double)) == 0,
		  "%s: where all is noise components stay", family_names[type]);
	mixture_release_stats(stats, &unit_host);
	mixture_release_parameters(&next, &unit_host);
	mixture_release_parameters(&start, &unit_host);
	rows_free(rows);
}

/* The log-likelihood after m iterations, m = 0, 1, 2 ..., never falls. */
static void
test_monotone(Random *random, MixtureCovarianceType type, bool accelerate)
{
	int			k = 1 + random_below(random, 4);
	int			d = 1 + random_below(random, 4);
	Rows	   *rows = rows_noisy(random, 60 + random_below(random, 300), d, k, 0.3, 9);
	MixtureParameters start;
	MixtureParameters parameters;
	double		floor[4] = {1e-6, 1e-6, 1e-6, 1e-6};
	double		before = -INFINITY;
	double		long_before = -INFINITY;
	double		worst = 0;
	MixtureError error;
	Em			em;

	rows_seal(rows);
	random_parameters(random, &start, type, k, d);
	random_noise(random, &start);
	mixture_allocate_parameters(&parameters, type, k, d, &unit_host);
	em_begin(&em, &rows->source, NULL, type, k, floor, &unit_host);
	for (int m = 0; m <= 40; m++)
	{
		EmOutcome	outcome;

		mixture_copy_parameters(&parameters, &start);
		if (em_run(&em, &parameters, m, 0, accelerate, &outcome, &error) != MIXTURE_OK)
			worst = INFINITY;
		worst = fmax(worst, ((accelerate ? fmin(before, long_before) : before) -
							 outcome.log_likelihood) / rows->n /
					 rounding_per_row(rows, &parameters));
		long_before = before;
		before = outcome.log_likelihood;
	}
	check(worst < 1 && isfinite(before) && parameters.noise_weight > 0 && parameters.noise_weight < 1,
		  "%s, k %d and noise, d %d, %s: the likelihood never falls (%.1e of rounding)",
		  family_names[type], k, d, accelerate ? "accelerated" : "plain EM", worst);
	em_end(&em);
	mixture_release_parameters(&parameters, &unit_host);
	mixture_release_parameters(&start, &unit_host);
	rows_free(rows);
}

/* An extrapolation moves the weight of noise, within its bounds, and keeps its box. */
static void
test_extrapolation(Random *random, MixtureCovarianceType type)
{
	int			n_made = 0;
	bool		sound = true;
	double		worst = 0;

	for (int try = 0; try < 100; try++)
	{
		double		limit = 1e6;
		double		rate = 0.7 + 0.29 * random_uniform(random);
		double		sum = 0;
		double	   *scratch = malloc(sizeof(double) * squarem_scratch_count(type, 2, 2));
		MixtureParameters points[4];

		/* the logarithm of the odds of noise converges to that of the last point */
		for (int i = 0; i < 4; i++)
		{
			if (i == 0)
			{
				random_parameters(random, &points[0], type, 2, 2);
				random_noise(random, &points[0]);
				continue;
			}
			mixture_allocate_parameters(&points[i], type, 2, 2, &unit_host);
			mixture_copy_parameters(&points[i], &points[0]);
		}
		for (int i = 0; i < 3; i++)
			points[i].noise_weight = 1 / (1 + exp(-pow(rate, i)));
		if (squarem_extrapolate(&points[0], &points[1], &points[2], &limit, scratch, &points[3],
								&unit_host))
		{
			n_made++;
			for (int c = 0; c < 2; c++)
				sum += points[3].weights[c];
			sound = sound && fabs(sum - 1) < 1e-14 && points[3].noise_box == points[0].noise_box;
			worst = fmax(worst, fabs(points[3].noise_weight - 0.5));
		}
		for (int i = 0; i < 4; i++)
			mixture_release_parameters(&points[i], &unit_host);
		free(scratch);
	}
	check(sound && n_made == 100 && worst < 0.1,
		  "%s: an extrapolation moves the weight of noise to its limit (%g)", family_names[type],
		  worst);
}

/* Rows drawn: as many of noise as its weight says, uniform in the box. */
static void
test_draw(Random *random, MixtureCovarianceType type)
{
	enum
	{
		n_rows = 20000
	};
	MixtureParameters parameters;
	MixtureError error;
	MixtureDrawing *drawing;
	double	   *places = malloc(sizeof(double) * 2 * n_rows);
	double		worst = 0;
	int			n = 0;
	double		deviation;

	random_parameters(random, &parameters, type, 3, 2);
	random_noise(random, &parameters);
	drawing = mixture_drawing_create(&parameters, &unit_host, &error);
	for (int i = 0; i < n_rows; i++)
	{
		double		row[2];

		if (mixture_draw_row(drawing, base_seed, i, row) >= 0)
			continue;
		for (int j = 0; j < 2; j++)
			places[j * n_rows + n] = (row[j] - parameters.noise_box[j]) /
				(parameters.noise_box[2 + j] - parameters.noise_box[j]);
		n++;
	}
	for (int j = 0; j < 2; j++)
		worst = fmax(worst, kolmogorov(places + j * n_rows, n));
	deviation = fabs(n - n_rows * parameters.noise_weight) /
		sqrt(n_rows * parameters.noise_weight * (1 - parameters.noise_weight));
	check(deviation < 5 && worst < 2.7,
		  "%s: noise is drawn as often as its weight says (%.1f deviations), evenly (%.2f)",
		  family_names[type], deviation, worst);
	unit_host.release(NULL, drawing);
	mixture_release_parameters(&parameters, &unit_host);
	free(places);
}

/* Whether the box of a model's noise is the range of each feature of the rows. */
static bool
box_is_range(const MixtureParameters *parameters, const Rows *rows)
{
	int			d = rows->d;
	bool		is_range = true;

	for (int j = 0; j < d; j++)
	{
		double		least = INFINITY;
		double		most = -INFINITY;

		for (int64_t i = 0; i < rows->n; i++)
		{
			least = fmin(least, rows->values[i * d + j]);
			most = fmax(most, rows->values[i * d + j]);
		}
		is_range = is_range && parameters->noise_box[j] == least &&
			parameters->noise_box[d + j] == most;
	}
	return is_range;
}

/*
 * A step from statistics is a step of a fit that goes on from a model with noise,
 * in the model's box; a model without gets the rows' own if that is asked for.
 */
static void
test_refit(Random *random, MixtureCovarianceType type, double offset)
{
	int			d = 1 + random_below(random, 4);
	int			k = 1 + random_below(random, 3);
	Rows	   *rows = rows_noisy(random, 700, d, k, 0.2, 9);
	MixtureOptions options = default_options(type);
	MixtureParameters start;
	MixtureParameters next;
	MixtureStats *stats = mixture_allocate_stats(type, k, d, &unit_host);
	MixtureFit	fit;
	MixtureError error;
	double		worst;

	for (int64_t i = 0; i < rows->n * d; i++)
		rows->values[i] += offset;
	rows_seal(rows);
	random_parameters(random, &start, type, k, d);
	random_noise(random, &start);
	for (int i = 0; i < k * d; i++)
		start.means[i] += offset;
	for (int j = 0; j < 2 * d; j++)
		mixture_own_box(&start)[j] += offset;
	reference_accumulate(&start, rows, stats);
	options.max_iter = 1;
	options.tol = 0;
	options.accelerate = false;
	mixture_allocate_parameters(&next, type, k, d, &unit_host);
	mixture_step(stats, &start, &options, &next, &unit_host, &error);
	mixture_refit(&rows->source, &start, &options, &unit_host, &fit, &error);
	worst = fmax(largest_difference(next.weights, fit.parameters.weights, k, 1),
				 fmax(largest_difference(next.means, fit.parameters.means, (size_t) k * d, 1),
					  largest_difference(next.covariances, fit.parameters.covariances,
										 mixture_covariance_count(type, k, d), 1)));
	worst = fmax(worst, fabs(next.noise_weight - fit.parameters.noise_weight));
	check(worst < 1e-12 && fit.parameters.noise_box == mixture_own_box(&fit.parameters) &&
		  memcmp(fit.parameters.noise_box, start.noise_box, 2 * d * sizeof(double)) == 0,
		  "%s, k %d and noise, d %d, offset %g: a step from statistics is one of a fit (%.1e)",
		  family_names[type], k, d, offset, worst);
	mixture_release_parameters(&fit.parameters, &unit_host);

	mixture_clear_noise(&start);
	options.noise = true;
	mixture_refit(&rows->source, &start, &options, &unit_host, &fit, &error);
	check(box_is_range(&fit.parameters, rows) && fit.parameters.noise_weight > 0,
		  "%s, d %d, offset %g: the box is that of the rows", family_names[type], d, offset);
	mixture_release_parameters(&fit.parameters, &unit_host);
	mixture_release_parameters(&next, &unit_host);
	mixture_release_parameters(&start, &unit_host);
	mixture_release_stats(stats, &unit_host);
	rows_free(rows);
}

/* What a step makes of statistics under a prior does not hang on which component is first. */
static void
test_order(Random *random, MixtureCovarianceType type)
{
	int			d = 1 + random_below(random, 4);
	size_t		count = type == MIXTURE_TIED ? 0 : mixture_factor_count(type, d);
	Rows	   *rows = rows_noisy(random, 40, d, 2, 0.4, 9);
	const MixturePriorOptions prior = {.strength = NAN,.shrinkage = 5,.dof = NAN};
	MixtureOptions options = default_options(type);
	MixtureParameters start[2];
	MixtureParameters next[2];
	MixtureError error;
	double		worst = 0;

	options.prior = &prior;
	random_parameters(random, &start[0], type, 2, d);
	random_noise(random, &start[0]);
	mixture_allocate_parameters(&start[1], type, 2, d, &unit_host);
	mixture_copy_parameters(&start[1], &start[0]);
	for (int c = 0; c < 2; c++)
	{
		start[1].weights[c] = start[0].weights[1 - c];
		memcpy(start[1].means + c * d, start[0].means + (1 - c) * d, d * sizeof(double));
		memcpy(start[1].covariances + c * count, start[0].covariances + (1 - c) * count,
			   count * sizeof(double));
	}
	for (int i = 0; i < 2; i++)
	{
		MixtureStats *stats = mixture_allocate_stats(type, 2, d, &unit_host);

		reference_accumulate(&start[i], rows, stats);
		mixture_allocate_parameters(&next[i], type, 2, d, &unit_host);
		if (mixture_step(stats, &start[i], &options, &next[i], &unit_host, &error) != MIXTURE_OK)
			worst = INFINITY;
		mixture_release_stats(stats, &unit_host);
	}
	for (int c = 0; c < 2; c++)
	{
		worst = fmax(worst, largest_difference(next[0].means + c * d, next[1].means + (1 - c) * d,
											   d, 1));
		worst = fmax(worst, largest_difference(next[0].covariances + c * count,
											   next[1].covariances + (1 - c) * count,
											   mixture_factor_count(type, d), 1));
	}
	check(worst < 1e-12, "%s, d %d: the order of components is nothing to a prior beside noise (%.1e)",
		  family_names[type], d, worst);
	for (int i = 0; i < 2; i++)
	{
		mixture_release_parameters(&next[i], &unit_host);
		mixture_release_parameters(&start[i], &unit_host);
	}
	rows_free(rows);
}

/* Lanes without a row, whatever was in memory there, are nothing to the sums. */
static void
test_lanes(Random *random, MixtureCovarianceType type, int k)
{
	Rows	   *rows = rows_noisy(random, 5, 3, k, 0.4, 9);
	MixtureStats *stats = mixture_allocate_stats(type, k, 3, &unit_host);
	MissingWork *missing = missing_create(type, k, 3, &unit_host);
	MixtureParameters parameters;
	MixturePrepared *prepared;
	MixtureError error;
	KernelWork	work;

	rows->values[4] = NAN;
	rows_seal(rows);
	random_parameters(random, &parameters, type, k, 3);
	random_noise(random, &parameters);
	prepared = mixture_prepare_blocks(&parameters, NULL, &unit_host, &error);
	kernels_allocate_work(&work, type, k, 3, &unit_host);
	for (int row = 0; row < KERNEL_WORK_STRIDE; row++)
		kernels_roots(&work, k)[row] = INFINITY;
	missing_begin(missing, &parameters, prepared, &unit_host);
	missing_accumulate(missing, &rows->blocks[0], true, &work, stats, &unit_host);
	kernels_finish(prepared, &work, stats, &unit_host);
	missing_finish(missing, stats, &unit_host);
	check(mixture_stats_finite(stats), "%s, k %d: lanes without a row are nothing to noise",
		  family_names[type], k);
	kernels_release_work(&work, &unit_host);
	mixture_release_prepared(prepared, &unit_host);
	missing_release(missing, &unit_host);
	mixture_release_parameters(&parameters, &unit_host);
	mixture_release_stats(stats, &unit_host);
	rows_free(rows);
}

void
test_noise(void)
{
	Random		random = random_start(31);

	for (int type = 0; type < MIXTURE_N_COVARIANCE_TYPES; type++)
	{
		test_maximize(&random, type);
		test_extrapolation(&random, type);
		test_draw(&random, type);
		for (int i = 0; i < 3; i++)
		{
			test_monotone(&random, type, false);
			test_monotone(&random, type, true);
		}
		test_refit(&random, type, 0);
		test_refit(&random, type, 1e9);
		test_order(&random, type);
		test_lanes(&random, type, 1);
		test_lanes(&random, type, 3);
	}
}
