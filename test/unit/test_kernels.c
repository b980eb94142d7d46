/*
 * test_kernels.c
 *	  Every clone of the kernels that this CPU has agrees with the plain
 *	  reference, in sums over blocks and for single rows.
 */
#include "unit.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/linalg.h"
#include "engine/core/random.h"

#define TOLERANCE 1e-12

/* Largest difference between the statistics of a clone and the reference's. */
static double
compare_blocks(const Kernels *kernels, const MixtureParameters *parameters,
			   const Rows *rows, const MixtureStats *expected)
{
	Em			em;
	MixtureError error;
	double		scale = *expected->sum_weights;
	double		floor = 1e-9;
	double		worst;
	double		log_likelihood;

	kernels_select(kernels);
	em_begin(&em, &rows->source, NULL, parameters->covariance_type, parameters->k, &floor, &unit_host);
	em_pass(&em, parameters, true, &error);
	*em.stats->entropy += *expected->entropy;	/* an E-step for an M-step has none */
	worst = largest_difference(em.stats->sum_weights, expected->sum_weights,
							   em.stats->n_values, scale);
	log_likelihood = *em.stats->log_likelihood;
	em_pass(&em, parameters, false, &error);
	worst = fmax(worst, fabs(*em.stats->entropy - *expected->entropy) / scale);
	worst = fmax(worst, relative_difference(log_likelihood, *em.stats->log_likelihood, 0));
	em_end(&em);
	return worst;
}

/* The logarithm of the sum of n exponentials, and the entropy of their shares in it. */
static long double
sum_exponentials(const long double *values, int n, long double *entropy)
{
	long double most = -INFINITY;
	long double sum = 0;

	for (int c = 0; c < n; c++)
		most = fmaxl(most, values[c]);
	for (int c = 0; c < n; c++)
		sum += expl(values[c] - most);
	*entropy = 0;
	for (int c = 0; c < n; c++)
	{
		long double share = expl(values[c] - most) / sum;

		*entropy -= share > 0 ? share * logl(share) : 0;
	}
	return most + logl(sum);
}

/* Largest difference between what a clone says of single rows and the reference. */
static double
compare_rows(const Kernels *kernels, const MixtureParameters *parameters, const Rows *rows)
{
	int			k = parameters->k;
	MixtureError error;
	MixturePrepared *prepared;
	double	   *work;
	double	   *values = malloc(sizeof(double) * k);
	/* of the components and of noise */
	long double *densities = malloc(sizeof(long double) * (k + 1));
	long double *distances = malloc(sizeof(long double) * k);
	double		worst = 0;

	kernels_select(kernels);
	prepared = mixture_prepare_rows(parameters, &unit_host, &error);
	work = malloc(sizeof(double) * mixture_row_work_size(prepared));
	for (int64_t row = 0; row < rows->n && row < 20; row++)
	{
		const double *features = rows->values + row * rows->d;
		int			best = 0;
		long double whole;
		long double entropy;
		double		noise;
		double		log_density;

		reference_log_densities(parameters, features, densities, distances);
		densities[k] = reference_log_noise(parameters, features);
		for (int c = 0; c <= k; c++)
			if (densities[c] > densities[best])
				best = c;
		whole = sum_exponentials(densities, k + 1, &entropy);

		worst = fmax(worst, relative_difference(mixture_row_entropy(prepared, features, work),
												entropy, 1));
		log_density = mixture_row_responsibilities(prepared, features, work, values, &noise);
		worst = fmax(worst, relative_difference(noise, expl(densities[k] - whole), 1e-3));
		worst = fmax(worst, relative_difference(log_density, whole, 1));
		worst = fmax(worst, relative_difference(log_density,
												mixture_row_log_density(prepared, features, work), 1));
		for (int c = 0; c < k; c++)
			worst = fmax(worst, relative_difference(values[c], expl(densities[c] - whole), 1e-3));
		mixture_row_mahalanobis(prepared, features, work, values);
		for (int c = 0; c < k; c++)
			worst = fmax(worst, relative_difference(values[c], sqrtl(distances[c]), 1e-3));
		if (mixture_row_predict(prepared, features, work) != (best == k ? -1 : best))
			worst = INFINITY;
	}
	mixture_release_prepared(prepared, &unit_host);
	free(distances);
	free(densities);
	free(values);
	free(work);
	return worst;
}

/* One shape of model and data, on every clone. */
static void
test_shape(Random *random, MixtureCovarianceType type, int k, int d, int64_t n, bool noise)
{
	Rows	   *rows = rows_clusters(random, n, d, 3, 2);
	MixtureParameters parameters;
	MixtureStats *expected = mixture_allocate_stats(type, k, d, &unit_host);
	const Kernels *kernels;

	for (int64_t i = 0; i < n; i++)
		rows->weights[i] = i % 7 == 3 ? 0 : 3 * random_uniform(random);
	rows_seal(rows);
	random_parameters(random, &parameters, type, k, d);
	if (noise)
		random_noise(random, &parameters);
	reference_accumulate(&parameters, rows, expected);
	for (int i = 0; (kernels = kernels_list(i)) != NULL; i++)
	{
		double		blocks = compare_blocks(kernels, &parameters, rows, expected);
		double		singles = compare_rows(kernels, &parameters, rows);

		check(blocks < TOLERANCE && singles < TOLERANCE,
			  "%s, k %d%s, d %d, %lld rows: %s kernels agree with the reference (%.1e, %.1e)",
			  family_names[type], k, noise ? " and noise" : "", d, (long long) n, kernels->name,
			  blocks, singles);
	}
	kernels_select(NULL);
	mixture_release_stats(expected, &unit_host);
	mixture_release_parameters(&parameters, &unit_host);
	rows_free(rows);
}

/*
 * Components so far apart that a row has a part in one of them only: rows are
 * set aside, over blocks and beyond what a pack holds, and in the end none is
 * missing.  With `near`, some rows have a part in all.
 */
static void
test_apart(Random *random, MixtureCovarianceType type, int k, int d, int64_t n, bool near)
{
	Rows	   *rows = rows_allocate(n, d);
	MixtureParameters parameters;
	MixtureStats *expected = mixture_allocate_stats(type, k, d, &unit_host);
	const Kernels *kernels;

	random_parameters(random, &parameters, type, k, d);
	for (int c = 0; c < k; c++)
		for (int j = 0; j < d; j++)
			parameters.means[c * d + j] = (j + c) % 2 == 0 ? 25.0 * c : -25.0 * c;
	for (int64_t i = 0; i < n; i++)
	{
		const double *mean = parameters.means + random_below(random, k) * d;
		double		share = near && i % 1000 < 100 ? 0 : 1;

		for (int j = 0; j < d; j++)
			rows->values[i * d + j] = share * mean[j] + random_normal(random);
		rows->weights[i] = i % 7 == 3 ? 0 : 3 * random_uniform(random);
	}
	rows_seal(rows);
	reference_accumulate(&parameters, rows, expected);
	for (int i = 0; (kernels = kernels_list(i)) != NULL; i++)
	{
		MixtureStats *stats = mixture_allocate_stats(type, k, d, &unit_host);
		MixtureError error;
		MixturePrepared *prepared;
		KernelWork	work;
		int			n_packed = 0;
		double		worst;

		kernels_select(kernels);
		prepared = mixture_prepare_blocks(&parameters, NULL, &unit_host, &error);
		kernels_allocate_work(&work, type, k, d, &unit_host);
		mixture_clear_stats(stats);
		for (int64_t number = 0; number < rows->source.n_blocks; number++)
		{
			MixtureBlock block;

			source_block(&rows->source, number, &block);
			kernels_accumulate(prepared, &block, true, &work, stats, &unit_host);
		}
		for (int c = 0; c < k; c++)
			n_packed += work.packed[c];
		kernels_finish(prepared, &work, stats, &unit_host);
		*stats->entropy = *expected->entropy;
		worst = largest_difference(stats->sum_weights, expected->sum_weights,
								   stats->n_values, *expected->sum_weights);
		check(n_packed > 0 && worst < TOLERANCE,
			  "%s, k %d, d %d, components apart: %s kernels set %d rows aside, the sums agree (%.1e)",
			  family_names[type], k, d, kernels->name, n_packed, worst);
		kernels_release_work(&work, &unit_host);
		mixture_release_prepared(prepared, &unit_host);
		mixture_release_stats(stats, &unit_host);
	}
	kernels_select(NULL);
	mixture_release_stats(expected, &unit_host);
	mixture_release_parameters(&parameters, &unit_host);
	rows_free(rows);
}

/* Statistics of one pass with the present kernels, in the host's memory. */
static MixtureStats *
pass_once(const Rows *rows, const MixtureParameters *parameters)
{
	Em			em;
	MixtureError error;
	double		floor = 1e-9;
	MixtureStats *stats = mixture_allocate_stats(parameters->covariance_type, parameters->k,
												 parameters->d, &unit_host);

	em_begin(&em, &rows->source, NULL, parameters->covariance_type, parameters->k, &floor,
			 &unit_host);
	em_pass(&em, parameters, true, &error);
	memcpy(stats->sum_weights, em.stats->sum_weights, stats->n_values * sizeof(double));
	em_end(&em);
	return stats;
}

/*
 * Components whose means are spread by so many deviations, seen from afar and in any
 * units: the sums agree with the reference, whether components without a matrix of
 * their own are treated together or, where they are too far apart or too many for the
 * rows, one by one.
 */
static void
test_spread(Random *random, MixtureCovarianceType type, const int *shape, double spread,
			double offset, double unit)
{
	int			k = shape[0];
	int			d = shape[1];
	int64_t		n = shape[2];
	size_t		count = mixture_covariance_count(type, k, d);
	Rows	   *rows = rows_allocate(n, d);
	MixtureParameters parameters;
	MixtureStats *expected = mixture_allocate_stats(type, k, d, &unit_host);
	const Kernels *kernels;

	random_parameters(random, &parameters, type, k, d);
	for (int i = 0; i < k * d; i++)
		parameters.means[i] = unit * (offset + spread * random_normal(random));
	for (size_t i = 0; i < count; i++)
		parameters.covariances[i] *= unit * unit;
	for (int64_t i = 0; i < n; i++)
	{
		const double *mean = parameters.means + random_below(random, k) * d;

		for (int j = 0; j < d; j++)
			rows->values[i * d + j] = mean[j] + unit * random_normal(random);
		rows->weights[i] = i % 7 == 3 ? 0 : 3 * random_uniform(random);
	}
	rows_seal(rows);
	reference_accumulate(&parameters, rows, expected);
	*expected->entropy = 0;
	for (int i = 0; (kernels = kernels_list(i)) != NULL; i++)
	{
		MixtureStats *stats;
		double		worst;

		kernels_select(kernels);
		stats = pass_once(rows, &parameters);
		worst = relative_difference(*stats->log_likelihood, *expected->log_likelihood,
									*expected->sum_weights);
		worst = fmax(worst, largest_difference(stats->component_weights, expected->component_weights,
											   k, *expected->sum_weights));
		worst = fmax(worst, largest_difference(stats->firsts, expected->firsts, (size_t) k * d,
											   unit * *expected->sum_weights));
		worst = fmax(worst, largest_difference(stats->seconds, expected->seconds, count,
											   unit * unit * *expected->sum_weights));
		check(worst < TOLERANCE,
			  "%s, k %d, d %d, %lld rows, %g deviations apart at %g, unit %g: %s kernels agree with the reference (%.1e)",
			  family_names[type], k, d, (long long) n, spread, offset, unit, kernels->name, worst);
		mixture_release_stats(stats, &unit_host);
	}
	kernels_select(NULL);
	mixture_release_stats(expected, &unit_host);
	mixture_release_parameters(&parameters, &unit_host);
	rows_free(rows);
}

/* All families without a matrix for each component, over what may matter. */
static void
test_spreads(Random *random)
{
	/* the last two have fewer rows, or dimensions, than pay */
	static const int shapes[][3] = {{6, 8, 1000}, {40, 9, 500}, {13, 23, 390}, {30, 6, 50}, {50, 6, 800}};
	static const double spreads[] = {0.3, 3, 20, 1e3, 1e8};
	static const double units[] = {1, 1e-148, 1e60};

	for (int type = MIXTURE_TIED; type < MIXTURE_N_COVARIANCE_TYPES; type++)
		for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
			for (size_t j = 0; j < sizeof(spreads) / sizeof(double); j++)
				test_spread(random, type, shapes[i], spreads[j],
							j % 2 == 0 ? 0 : 1e4 * random_normal(random), units[(i + j) % 3]);
}

#define FAR_BLOCKS 4
#define FAR_APART 20.0

/* Two round components of unit variance, FAR_APART apart along feature 0. */
static void
far_parameters(MixtureParameters *parameters, int d)
{
	mixture_allocate_parameters(parameters, MIXTURE_FULL, 2, d, &unit_host);
	for (int c = 0; c < 2; c++)
	{
		parameters->weights[c] = 0.5;
		for (int j = 0; j < d; j++)
			parameters->means[c * d + j] = j == 0 ? c * FAR_APART : 0;
		for (int i = 0; i < d; i++)
			for (int j = 0; j <= i; j++)
				parameters->covariances[c * linalg_packed_count(d) + linalg_row(i) + j] = i == j;
	}
}

/*
 * Rows of those components in FAR_BLOCKS blocks: in the first every `every`th
 * row is the second's, in the others all are; so the first block sets rows of
 * the second component aside and the others do not.  Row `outlier` changes
 * places with the first: it is at x0 and x1 in the first two features.
 */
static Rows *
far_rows(Random *random, int d, int every, int64_t outlier, double x0, double x1)
{
	int64_t		n = FAR_BLOCKS * MIXTURE_BLOCK_ROWS;
	Rows	   *rows = rows_allocate(n, d);

	for (int64_t i = 0; i < n; i++)
		for (int j = 0; j < d; j++)
			rows->values[i * d + j] = random_normal(random) +
				(j == 0 && (i >= MIXTURE_BLOCK_ROWS || i % every == 1) ? FAR_APART : 0);
	memcpy(rows->values, rows->values + outlier * d, d * sizeof(double));
	for (int j = 0; j < d; j++)
		rows->values[outlier * d + j] = j == 0 ? x0 : j == 1 ? x1 : 0;
	rows_seal(rows);
	return rows;
}

/*
 * The sums of a pass do not depend on the order of the rows but for rounding,
 * even if one row is so far out that it moves the second moments of a
 * component of which it has next to nothing.  `exact`: its squared distances
 * are exact in a double, and so the reference can say what the sums are.
 */
static void
test_far_row(Random *random, double x0, double x1, bool exact)
{
	int			d = 5 + random_below(random, 8);
	int			every = 8 << random_below(random, 4);
	Random		start = *random;
	MixtureParameters parameters;
	MixtureStats *expected = mixture_allocate_stats(MIXTURE_FULL, 2, d, &unit_host);
	const Kernels *kernels;

	far_parameters(&parameters, d);
	for (int i = 0; (kernels = kernels_list(i)) != NULL; i++)
	{
		MixtureStats *stats[2];
		double		worst = 0;

		kernels_select(kernels);
		for (int last = 0; last < 2; last++)
		{
			Rows	   *rows;

			*random = start;
			rows = far_rows(random, d, every, last * (FAR_BLOCKS * MIXTURE_BLOCK_ROWS - 1), x0, x1);
			stats[last] = pass_once(rows, &parameters);
			if (exact)
			{
				reference_accumulate(&parameters, rows, expected);
				*expected->entropy = 0;
				worst = fmax(worst, largest_difference(stats[last]->sum_weights, expected->sum_weights,
													   expected->n_values, *expected->sum_weights));
			}
			rows_free(rows);
		}
		worst = fmax(worst, largest_difference(stats[0]->sum_weights, stats[1]->sum_weights,
											   stats[0]->n_values, *stats[0]->sum_weights));
		check(worst < TOLERANCE, "d %d, a row at (%g, %g): %s kernels find the same sums in two orders%s (%.1e)",
			  d, x0, x1, kernels->name, exact ? ", and the reference's" : "", worst);
		mixture_release_stats(stats[1], &unit_host);
		mixture_release_stats(stats[0], &unit_host);
	}
	kernels_select(NULL);
	mixture_release_stats(expected, &unit_host);
	mixture_release_parameters(&parameters, &unit_host);
}

/*
 * A model and a row of any size at all: the scores of the row, by the present
 * kernels, against those in long double.  Returns the largest difference.
 */
static double
compare_far_row(const MixtureParameters *parameters, const double *row)
{
	int			k = parameters->k;
	MixtureError error;
	MixturePrepared *prepared = mixture_prepare_rows(parameters, &unit_host, &error);
	double	   *work = malloc(sizeof(double) * mixture_row_work_size(prepared));
	double	   *values = malloc(sizeof(double) * k);
	long double *expected = malloc(sizeof(long double) * 2 * k);
	long double sum = 0;
	double		log_density;
	double		noise;
	double		worst = 0;
	int			best = 0;
	bool		clear = true;

	reference_log_densities(parameters, row, expected, expected + k);
	for (int c = 0; c < k; c++)
		if (expected[c] > expected[best])
			best = c;
	for (int c = 0; c < k; c++)
		sum += expl(expected[c] - expected[best]);
	/* what is far away is known to so many digits, not its difference */
	for (int c = 0; c < k; c++)
		clear = clear && (c == best ||
						  expected[best] - expected[c] > 1e-12L * fabsl(expected[best]) + 50);

	log_density = mixture_row_responsibilities(prepared, row, work, values, &noise);
	if (clear)
	{
		long double exact = expected[best] + logl(sum);

		worst = exact < -DBL_MAX ? (log_density == -INFINITY ? 0 : INFINITY) :
			relative_difference(log_density, exact, 1);
		for (int c = 0; c < k; c++)
			worst = fmax(worst, fabs(values[c] - (c == best)));
		worst = fmax(worst, mixture_row_predict(prepared, row, work) == best ? 0 : INFINITY);
		worst = fmax(worst, mixture_row_entropy(prepared, row, work));
	}
	mixture_row_mahalanobis(prepared, row, work, values);
	for (int c = 0; c < k; c++)
	{
		long double exact = sqrtl(expected[k + c]);

		worst = fmax(worst, exact > DBL_MAX ? (values[c] == INFINITY ? 0 : INFINITY) :
					 relative_difference(values[c], exact, DBL_MIN));
	}
	mixture_release_prepared(prepared, &unit_host);
	free(expected);
	free(values);
	free(work);
	return worst;
}

/* Factors from 10^-exponent to 10^exponent. */
static double
random_power(Random *random, double exponent)
{
	return pow(10, exponent * (2 * random_uniform(random) - 1));
}

/*
 * Variances, means and features of all sizes that a double can have: distances
 * are right as long as they are in range, and responsibilities always.
 */
static void
test_far_scores(Random *random, MixtureCovarianceType type)
{
	Random		start = *random;
	const Kernels *kernels;

	for (int i = 0; (kernels = kernels_list(i)) != NULL; i++)
	{
		double		worst = 0;

		kernels_select(kernels);
		*random = start;
		for (int try = 0; try < 300; try++)
		{
			int			k = 1 + random_below(random, 9);
			int			d = 1 + random_below(random, 6);
			size_t		count = mixture_factor_count(type, d);
			double		row_scale = random_power(random, 300);
			double		mean_scale = random_power(random, 300);
			double		row[6];
			MixtureParameters parameters;

			random_parameters(random, &parameters, type, k, d);
			for (int c = 0; c < k; c++)
			{
				double		scale = random_power(random, 290);

				for (size_t j = 0; j < count && (c == 0 || type != MIXTURE_TIED); j++)
					parameters.covariances[c * count + j] *= scale;
				for (int j = 0; j < d; j++)
					parameters.means[c * d + j] *= mean_scale;
			}
			for (int j = 0; j < d; j++)
				row[j] = row_scale * random_normal(random);
			worst = fmax(worst, compare_far_row(&parameters, row));
			mixture_release_parameters(&parameters, &unit_host);
		}
		check(worst < 1e-11, "%s: %s kernels score rows of any size as long double does (%.1e)",
			  family_names[type], kernels->name, worst);
	}
	kernels_select(NULL);
}

/* Rows so far out, and weights so small, that naive arithmetic gives NaN. */
static void
test_extremes(void)
{
	static const double points[] = {0, 40, 1e5, 1e100, 1e200, -1e308};
	MixtureParameters parameters;
	MixtureError error;
	Random		random = random_start(3);
	const Kernels *kernels;

	random_parameters(&random, &parameters, MIXTURE_FULL, 3, 2);
	parameters.weights[0] = 0;
	parameters.weights[1] = 1e-300;
	parameters.weights[2] = 1;
	for (int i = 0; (kernels = kernels_list(i)) != NULL; i++)
	{
		MixturePrepared *prepared;
		double		work[64];
		double		values[3];
		bool		sound = true;

		kernels_select(kernels);
		prepared = mixture_prepare_rows(&parameters, &unit_host, &error);
		for (size_t p = 0; p < sizeof(points) / sizeof(double); p++)
		{
			double		row[2] = {points[p], -points[p]};
			double		noise;
			double		log_density = mixture_row_responsibilities(prepared, row, work, values,
																   &noise);

			sound = sound && (isfinite(log_density) || fabs(points[p]) > 1e150) && values[0] == 0 &&
				fabs(values[0] + values[1] + values[2] - 1) < 1e-15;
			mixture_row_mahalanobis(prepared, row, work, values);
			sound = sound && values[0] >= 0;
		}
		check(sound, "%s kernels: rows far out have proper responsibilities", kernels->name);
		mixture_release_prepared(prepared, &unit_host);
	}
	kernels_select(NULL);
	mixture_release_parameters(&parameters, &unit_host);
}

/* A component without weight adds nothing to any sum, and no sum is spoilt. */
static void
test_weightless(Random *random, MixtureCovarianceType type)
{
	int			k = 2 + random_below(random, 4);
	int			d = 1 + random_below(random, 4);
	double		floor = 1e-9;
	Rows	   *rows = rows_clusters(random, 500, d, 3, 2);
	MixtureParameters parameters;
	MixtureError error;
	const Kernels *kernels;

	rows_seal(rows);
	random_parameters(random, &parameters, type, k, d);
	for (int c = 0; c < k; c++)
		parameters.weights[c] = c == 0 ? 0 : 1.0 / (k - 1);
	for (int i = 0; (kernels = kernels_list(i)) != NULL; i++)
	{
		Em			em;
		bool		sound = true;

		kernels_select(kernels);
		em_begin(&em, &rows->source, NULL, type, k, &floor, &unit_host);
		em_pass(&em, &parameters, true, &error);
		for (size_t value = 0; value < em.stats->n_values; value++)
			sound = sound && isfinite(em.stats->sum_weights[value]);
		sound = sound && em.stats->component_weights[0] == 0 &&
			(type == MIXTURE_TIED || em.stats->seconds[0] == 0);
		check(sound, "%s, k %d, d %d: with %s kernels a component without weight has no sums",
			  family_names[type], k, d, kernels->name);
		em_end(&em);
	}
	kernels_select(NULL);
	mixture_release_parameters(&parameters, &unit_host);
	rows_free(rows);
}

/* Squared distances of rows from means, and the nearest of these. */
static void
test_nearest(Random *random, int k, int d, int n)
{
	Rows	   *rows = rows_clusters(random, n, d, 3, 2);
	double	   *means = malloc(sizeof(double) * k * d);
	double	   *squares = malloc(sizeof(double) * k * KERNEL_WORK_STRIDE);
	double		least[KERNEL_WORK_STRIDE];
	double		nearest[KERNEL_WORK_STRIDE];
	const Kernels *kernels;
	MixtureBlock block;

	for (int i = 0; i < k * d; i++)
		means[i] = 2 * random_normal(random);
	/* of equals it is the first */
	memcpy(means + (size_t) (k - 1) * d, means + (size_t) (k / 2) * d, d * sizeof(double));
	source_block(&rows->source, 0, &block);
	for (int i = 0; (kernels = kernels_list(i)) != NULL; i++)
	{
		double		worst = 0;
		bool		first = true;

		kernels->squares(&block, d, means, k, squares, &unit_host);
		kernels->nearest(&block, d, means, k, least, nearest, &unit_host);
		for (int row = 0; row < n; row++)
		{
			int			best = 0;

			for (int c = 0; c < k; c++)
			{
				long double sum = 0;

				for (int j = 0; j < d; j++)
				{
					long double apart = (long double) rows->values[row * d + j] - means[c * d + j];

					sum += apart * apart;
				}
				worst = fmax(worst, relative_difference(squares[c * KERNEL_WORK_STRIDE + row], sum, 0));
				if (squares[c * KERNEL_WORK_STRIDE + row] < squares[best * KERNEL_WORK_STRIDE + row])
					best = c;
			}
			first = first && nearest[row] == best &&
				least[row] == squares[best * KERNEL_WORK_STRIDE + row];
		}
		check(worst < 1e-13 && first, "%d rows, %d means, d %d: %s kernels find the distances and the nearest (%.1e)",
			  n, k, d, kernels->name, worst);
	}
	free(squares);
	free(means);
	rows_free(rows);
}

/* Who may win a race, and who is nearer: as it is written down row by row. */
static void
test_seeding(Random *random, int n)
{
	double		weights[KERNEL_WORK_STRIDE];
	double		distances[KERNEL_WORK_STRIDE];
	double		squares[KERNEL_WORK_STRIDE];
	double		nearer[KERNEL_WORK_STRIDE];
	uint64_t	hashes[KERNEL_WORK_STRIDE];
	uint64_t	draw = random_mix(random_below(random, 1000000));
	double		bound = pow(10, -1 - 3 * random_uniform(random));
	const MixtureBlock block = {.n_rows = n,.weights = weights};
	const Kernels *kernels;
	int			expected = 0;
	bool		may_win = false;
	double		sum = 0;

	for (int row = 0; row < KERNEL_WORK_STRIDE; row++)
	{
		weights[row] = row < n ? random_below(random, 4) : 0;
		distances[row] = random_below(random, 5) == 0 ? 0 : -log(random_uniform(random));
		squares[row] = -log(random_uniform(random));
		hashes[row] = random_mix(random_below(random, 1000000));
		sum += weights[row] * fmin(distances[row], squares[row]);
	}
	while (expected + KERNELS_RACE_ROWS <= n && !may_win)
	{
		for (int row = expected; row < expected + KERNELS_RACE_ROWS; row++)
		{
			double		rate = weights[row] * distances[row];

			may_win = may_win || (rate > 0 && !(1 - random_unit(random_mix(hashes[row] ^ draw)) >
												rate * bound));
		}
		expected += may_win ? 0 : KERNELS_RACE_ROWS;
	}
	for (int i = 0; (kernels = kernels_list(i)) != NULL; i++)
	{
		bool		same = fabs(kernels->nearer(&block, squares, distances, nearer) - sum) < 1e-11 * n;

		for (int row = 0; row < n; row++)
			same = same && nearer[row] == fmin(distances[row], squares[row]);
		check(same, "%d rows: %s kernels find who is nearer", n, kernels->name);
		check(kernels->race(weights, distances, hashes, draw, bound, 0, n) == expected,
			  "%d rows: %s kernels find who may win a race, at row %d", n, kernels->name, expected);
	}
}

/* The cells that rows are in, of which one feature is missing and one does not vary. */
static void
test_cells(Random *random, int d, int n)
{
	Rows	   *rows = rows_clusters(random, n, d, 3, 2);
	uint64_t	expected[KERNEL_WORK_STRIDE];
	uint64_t	hashes[KERNEL_WORK_STRIDE];
	double	   *ends = malloc(2 * sizeof(double) * d);
	const FeatureRange range = {.least = ends,.most = ends + d};
	const Kernels *kernels;
	MixtureBlock block;

	source_block(&rows->source, 0, &block);
	for (int row = 0; row < n; row++)
		expected[row] = row;
	for (int j = 0; j < d; j++)
	{
		double	   *feature = (double *) block.features + (size_t) j * block.stride;

		ends[j] = INFINITY;
		ends[d + j] = -INFINITY;
		for (int row = 0; row < n; row++)
		{
			feature[row] = j == 1 ? 5 : feature[row];
			ends[j] = fmin(ends[j], feature[row]);
			ends[d + j] = fmax(ends[d + j], feature[row]);
		}
		feature[n / 2] = j == 2 ? NAN : feature[n / 2];
		for (int row = 0; row < n; row++)
		{
			double		extent = j == 1 ? 1 : ends[d + j] - ends[j];
			bool		upper = (feature[row] - ends[j]) / extent > KERNELS_CELL_MIDDLE;
			double		edge = upper ? ends[d + j] - feature[row] : feature[row] - ends[j];
			int			octave;
			double		leading = frexp(edge / extent + KERNELS_CELL_ORIGIN, &octave);
			double		cell = ((octave + 1022) * 0x1p28 + floor((2 * leading - 1) * 0x1p28)) * 2;

			expected[row] = random_combine(expected[row],
										   isnan(feature[row]) ? 77 : (uint64_t) cell + upper);
		}
	}
	for (int i = 0; (kernels = kernels_list(i)) != NULL; i++)
	{
		for (int row = 0; row < block.stride; row++)
			hashes[row] = row;
		kernels->hash_cells(&block, d, &range, 28, 77, hashes);
		check(memcmp(hashes, expected, n * sizeof(uint64_t)) == 0,
			  "%d rows, d %d: %s kernels find the cells of rows", n, d, kernels->name);
	}
	free(ends);
	rows_free(rows);
}

void
test_kernels(void)
{
	static const int shapes[][3] = {
		{1, 1, 1}, {2, 1, 100}, {3, 2, 385}, {5, 3, 384}, {9, 4, 700}, {2, 7, 33},
		{10, 10, 1000}, {17, 6, 31}, {3, 33, 300}, {2, 65, 129},
		/* every dimension and remainder that has code of its own */
		{3, 5, 300}, {2, 8, 384}, {4, 9, 90}, {2, 11, 260}, {3, 12, 41}, {2, 13, 256},
		{2, 14, 70}, {3, 15, 767}, {5, 16, 100}, {2, 17, 64}, {2, 18, 30}, {3, 19, 385}
	};
	Random		random = random_start(2);

	for (int type = 0; type < MIXTURE_N_COVARIANCE_TYPES; type++)
		for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
			for (int noise = 0; noise < 2; noise++)
				test_shape(&random, type, shapes[i][0], shapes[i][1], shapes[i][2], noise);
	for (int near = 0; near < 2; near++)
	{
		test_apart(&random, MIXTURE_FULL, 4, 10, 3000, near);
		test_apart(&random, MIXTURE_FULL, 6, 40, 2500, near);
		test_apart(&random, MIXTURE_FULL, 200, 20, 600, near);
	}
	test_spreads(&random);
	test_nearest(&random, 1, 1, 9);
	test_nearest(&random, 7, 3, 384);
	test_nearest(&random, 130, 40, 77);
	for (int i = 0; i < 20; i++)
	{
		test_seeding(&random, 1 + random_below(&random, 384));
		test_cells(&random, 1 + random_below(&random, 6), 2 + random_below(&random, 383));
	}
	test_far_row(&random, 8, 0x1p26, true);
	for (int i = 0; i < 12; i++)
		test_far_row(&random, 5 + 4 * random_uniform(&random),
					 pow(10, 3 + 6 * random_uniform(&random)), false);
	test_extremes();
	for (int type = 0; type < MIXTURE_N_COVARIANCE_TYPES; type++)
		test_weightless(&random, type);
	for (int type = 0; type < MIXTURE_N_COVARIANCE_TYPES && LDBL_MAX_EXP > 4 * DBL_MAX_EXP; type++)
		test_far_scores(&random, type);
}
