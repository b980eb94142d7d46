/*
 * test_missing.c
 *	  Blocks with missing features: the sums of an E-step, on every clone,
 *	  are those of a reference that does one row at a time, by inverting
 *	  matrices in long double; and EM on them goes up.
 */
#include "reference_missing.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/linalg.h"

#define TOLERANCE 1e-11

/* Add a row with responsibility r for a component to the statistics. */
static void
add_row(const Conditional *conditional, const MixtureParameters *parameters, int c,
		const double *row, long double r, MixtureStats *stats)
{
	int			d = parameters->d;
	MixtureCovarianceType type = parameters->covariance_type;
	long double u[64];

	for (int j = 0; j < d; j++)
		u[j] = isnan(row[j]) ? 0 : (long double) row[j] - parameters->means[c * d + j];
	for (int j = 0; j < d; j++)
		if (isnan(row[j]))
			u[j] = reference_regress(conditional, j, u, 0);
	stats->component_weights[c] += r;
	for (int i = 0; i < d; i++)
	{
		stats->firsts[c * d + i] += r * u[i];
		for (int j = 0; j <= i; j++)
		{
			long double value = u[i] * u[j];
			size_t		packed = (size_t) i * (i + 1) / 2 + j;

			if (isnan(row[i]) && isnan(row[j]))
				value += conditional->covariance[i * d + j] - reference_regress(conditional, i, NULL, j);
			if (type == MIXTURE_FULL)
				stats->seconds[(size_t) c * d * (d + 1) / 2 + packed] += r * value;
			else if (type == MIXTURE_TIED)
				stats->seconds[packed] += r * value;
			else if (i == j)
				stats->seconds[type == MIXTURE_DIAG ? c * d + i : c] += r * value;
		}
	}
}

/* The E-step of all rows, with the sums that the M-step needs. */
static void
reference_missing(const MixtureParameters *parameters, const Rows *rows, MixtureStats *stats)
{
	int			k = parameters->k;
	Conditional *conditionals = malloc(k * sizeof(Conditional));
	long double *values = malloc((k + 1) * sizeof(long double));

	mixture_clear_stats(stats);
	for (int64_t number = 0; number < rows->n; number++)
	{
		const double *row = rows->values + number * rows->d;
		long double most = -INFINITY;
		long double sum = 0;

		for (int c = 0; c < k; c++)
		{
			reference_part(&conditionals[c], parameters, c, row);
			values[c] = reference_conditional_density(&conditionals[c], parameters, c, row);
			most = fmaxl(most, values[c]);
		}
		values[k] = reference_log_noise(parameters, row);
		most = fmaxl(most, values[k]);
		for (int c = 0; c <= k; c++)
			sum += expl(values[c] - most);
		*stats->noise_weight += rows->weights[number] * expl(values[k] - most) / sum;
		*stats->sum_weights += rows->weights[number];
		*stats->log_likelihood += rows->weights[number] * (most + logl(sum));
		*stats->log_density_squares += rows->weights[number] * powl(most + logl(sum), 2);
		for (int c = 0; c < k; c++)
			add_row(&conditionals[c], parameters, c, row,
					rows->weights[number] * expl(values[c] - most) / sum, stats);
	}
	free(values);
	free(conditionals);
}

/* Let every row have one of so many patterns of missing features; 0: one of its own. */
static void
drop_features(Random *random, Rows *rows, double share, int n_patterns)
{
	int			d = rows->d;
	Rows	   *patterns = rows_allocate(n_patterns + 1, d);

	for (int i = 0; i < n_patterns * d; i++)
		patterns->values[i] = 0;
	rows_drop(random, n_patterns > 0 ? patterns : rows, share);
	for (int64_t i = 0; i < rows->n && n_patterns > 0; i++)
	{
		const double *pattern = patterns->values + random_below(random, n_patterns) * d;

		for (int j = 0; j < d; j++)
			if (isnan(pattern[j]))
				rows->values[i * d + j] = NAN;
	}
	rows_free(patterns);
}

/* Compare the sums of a pass with the reference, on every clone; what: the rows are. */
static void
compare_clones(const Rows *rows, const MixtureParameters *parameters, const char *what)
{
	MixtureCovarianceType type = parameters->covariance_type;
	int			k = parameters->k;
	MixtureStats *expected = mixture_allocate_stats(type, k, rows->d, &unit_host);
	const Kernels *kernels;
	double		floor = 1e-9;

	reference_missing(parameters, rows, expected);
	for (int i = 0; (kernels = kernels_list(i)) != NULL; i++)
	{
		Em			em;
		MixtureError error;
		double		worst;
		double		log_likelihood;

		kernels_select(kernels);
		em_begin(&em, &rows->source, NULL, type, k, &floor, &unit_host);
		em_pass(&em, parameters, true, &error);
		worst = largest_difference(em.stats->sum_weights, expected->sum_weights,
								   em.stats->n_values, *expected->sum_weights);
		log_likelihood = *em.stats->log_likelihood;
		em_pass(&em, parameters, false, &error);
		worst = fmax(worst, relative_difference(log_likelihood, *em.stats->log_likelihood, 0));
		em_end(&em);
		check(worst < TOLERANCE, "%s, k %d%s, d %d, %lld rows, %s: %s kernels agree with the reference (%.1e)",
			  family_names[type], k, parameters->noise_box != NULL ? " and noise" : "", rows->d,
			  (long long) rows->n, what, kernels->name, worst);
	}
	kernels_select(NULL);
	mixture_release_stats(expected, &unit_host);
}

/* One shape of model and data. */
static void
test_shape(Random *random, MixtureCovarianceType type, int k, int d, int64_t n, double share,
		   int n_patterns, bool noise)
{
	Rows	   *rows = rows_clusters(random, n, d, 3, 2);
	MixtureParameters parameters;
	char		what[64];

	for (int64_t i = 0; i < n; i++)
		rows->weights[i] = i % 7 == 3 ? 0 : 3 * random_uniform(random);
	drop_features(random, rows, share, n_patterns);
	rows_seal(rows);
	random_parameters(random, &parameters, type, k, d);
	if (noise)
		random_noise(random, &parameters);
	snprintf(what, sizeof(what), "%.0f %% missing%s", 100 * share,
			 n_patterns > 0 ? " in few patterns" : "");
	compare_clones(rows, &parameters, what);
	mixture_release_parameters(&parameters, &unit_host);
	rows_free(rows);
}

/*
 * More components than a vector has lanes, on rows that are where they are: near each
 * other, so that all have a part in all rows, or so far apart that few have.
 */
static void
test_many(Random *random, MixtureCovarianceType type, bool apart)
{
	int			k = 7 + random_below(random, 30);
	int			d = 5 + random_below(random, 8);
	double		share = 0.1 + 0.7 * random_uniform(random);
	Rows	   *rows = rows_allocate(100 + random_below(random, 100), d);
	MixtureParameters parameters;
	MixtureDrawing *drawing;
	MixtureError error;
	char		what[64];

	random_parameters(random, &parameters, type, k, d);
	for (int i = 0; i < k * d; i++)
		parameters.means[i] *= apart ? 4 : 0.1;
	drawing = mixture_drawing_create(&parameters, &unit_host, &error);
	for (int64_t i = 0; i < rows->n; i++)
		mixture_draw_row(drawing, random->state, i, rows->values + i * d);
	unit_host.release(NULL, drawing);
	drop_features(random, rows, share, 0);
	rows_seal(rows);
	snprintf(what, sizeof(what), "%.0f %% missing, %s", 100 * share, apart ? "apart" : "near");
	compare_clones(rows, &parameters, what);
	mixture_release_parameters(&parameters, &unit_host);
	rows_free(rows);
}

/* Whether a packed matrix of 3 dimensions can be factored in this order. */
static bool
can_factor(const double *covariance, const int *order)
{
	double		matrix[6];

	linalg_select(covariance, order, 3, matrix);
	return linalg_cholesky(matrix, 3, &unit_host);
}

/*
 * Find a covariance that can be factored, while the same in this other order
 * cannot: all but one of its directions have next to no variance.
 */
static bool
find_edge(Random *random, const int *other, double *covariance)
{
	const int	own[3] = {0, 1, 2};

	for (int try = 0; try < 100000; try++)
	{
		double		long_way[3];

		for (int i = 0; i < 3; i++)
			long_way[i] = 1 + random_uniform(random);
		for (int i = 0; i < 3; i++)
			for (int j = 0; j <= i; j++)
				covariance[linalg_row(i) + j] = long_way[i] * long_way[j] *
					(i == j ? 1 + 4e-16 * random_below(random, 8) : 1);
		if (can_factor(covariance, own) && !can_factor(covariance, other))
			return true;
	}
	return false;
}

/*
 * A covariance that can be factored, while the same in another order cannot:
 * the pass must end, and its sums be finite.
 */
static void
test_nearly_singular(Random *random)
{
	Rows	   *rows = rows_allocate(2, 3);
	MixtureParameters parameters;
	Em			em;
	MixtureError error;
	double		floor = 1e-9;
	double		values[6] = {1, NAN, 2, NAN, 1, NAN};
	const int	first_order[3] = {0, 2, 1};
	double		covariance[6];
	bool		found = find_edge(random, first_order, covariance);
	bool		finite;

	memcpy(rows->values, values, sizeof(values));
	rows_seal(rows);
	mixture_allocate_parameters(&parameters, MIXTURE_FULL, 1, 3, &unit_host);
	parameters.weights[0] = 1;
	memset(parameters.means, 0, 3 * sizeof(double));
	memcpy(parameters.covariances, covariance, sizeof(covariance));
	em_begin(&em, &rows->source, NULL, MIXTURE_FULL, 1, &floor, &unit_host);
	finite = em_pass(&em, &parameters, true, &error) == MIXTURE_OK;
	for (size_t i = 0; i < em.stats->n_values; i++)
		finite = finite && isfinite(em.stats->sum_weights[i]);
	check(found && finite, "a covariance at the edge of rounding gives finite sums");
	em_end(&em);
	mixture_release_parameters(&parameters, &unit_host);
	rows_free(rows);
}

/* By how much the reference's sums move where covariances are as far off as rounding. */
static double
shift_by_rounding(const MixtureParameters *parameters, const Rows *rows, const MixtureStats *expected)
{
	MixtureStats *moved = mixture_allocate_stats(parameters->covariance_type, parameters->k,
												 rows->d, &unit_host);
	MixtureParameters loosened;
	double		shift;

	reference_loosened(parameters, &loosened);
	reference_missing(&loosened, rows, moved);
	shift = largest_difference(moved->sum_weights, expected->sum_weights, expected->n_values,
							   rows->n);
	mixture_release_parameters(&loosened, &unit_host);
	mixture_release_stats(moved, &unit_host);
	return shift;
}

/*
 * Nearly singular covariances, on rows that are where the components are: sums of one
 * pass differ from the reference by no more than rounding of the covariances does to
 * them, and TOLERANCE.
 */
static void
test_flat(Random *random, MixtureCovarianceType type, bool near)
{
	int			k = 1 + random_below(random, 5);
	int			d = 2 + random_below(random, 12);
	int64_t		n = 50 + random_below(random, 400);
	double		least = pow(10, -1 - 6 * random_uniform(random));
	double		share = 0.1 + 0.6 * random_uniform(random);
	int			n_patterns = random_below(random, 2) * (1 + random_below(random, 6));
	MixtureParameters parameters;
	MixtureStats *expected = mixture_allocate_stats(type, k, d, &unit_host);
	MixtureDrawing *drawing;
	MixtureError error;
	Rows	   *rows = rows_allocate(n, d);
	double		floor = 1e-12;
	double		shift;
	const Kernels *kernels;

	random_parameters(random, &parameters, type, k, d);
	random_flat(random, &parameters, least);
	/* so that components are not far apart in any direction */
	for (int i = 0; i < k * d && near; i++)
		parameters.means[i] *= sqrt(least);
	drawing = mixture_drawing_create(&parameters, &unit_host, &error);
	for (int64_t i = 0; i < n; i++)
		mixture_draw_row(drawing, random->state, i, rows->values + i * d);
	unit_host.release(NULL, drawing);
	drop_features(random, rows, share, n_patterns);
	rows_seal(rows);
	reference_missing(&parameters, rows, expected);
	shift = shift_by_rounding(&parameters, rows, expected);
	for (int i = 0; (kernels = kernels_list(i)) != NULL; i++)
	{
		Em			em;
		double		worst;

		kernels_select(kernels);
		em_begin(&em, &rows->source, NULL, type, k, &floor, &unit_host);
		em_pass(&em, &parameters, true, &error);
		worst = largest_difference(em.stats->sum_weights, expected->sum_weights,
								   em.stats->n_values, n);
		em_end(&em);
		check(worst < TOLERANCE + shift,
			  "%s, k %d, d %d, %.0f %% missing%s, %.0e across%s: %s kernels agree with the reference (%.1e)",
			  family_names[type], k, d, 100 * share, n_patterns > 0 ? " in few patterns" : "", least,
			  near ? " and near" : "", kernels->name, worst);
	}
	kernels_select(NULL);
	mixture_release_stats(expected, &unit_host);
	mixture_release_parameters(&parameters, &unit_host);
	rows_free(rows);
}

/*
 * The sums of a run are the same to the last bit whichever runs there were before, or
 * none, and however the patterns of its rows were known by then.
 */
static void
test_runs(Random *random, MixtureCovarianceType type)
{
	int			k = 2 + random_below(random, 3);
	int			d = 2 + random_below(random, 9);
	int64_t		n = 3 * 16 * MIXTURE_BLOCK_ROWS - random_below(random, 1000);
	Rows	   *rows = rows_clusters(random, n, d, 3, 2);
	size_t		count = mixture_sums_count(type, k, d);
	double	   *sums = malloc(2 * count * sizeof(double));
	MixtureParameters parameters;
	MixtureError error;
	MixtureRunner *runner;
	bool		same = true;

	/* ever fewer of the rows have the patterns of the first ones */
	drop_features(random, rows, 0.3, 5);
	for (int64_t i = 0; i < n; i++)
		if (random_below(random, (int) n) < i)
			rows->values[i * d + random_below(random, d - 1)] = NAN;
	for (int64_t i = 0; i < n; i++)
		if (isnan(rows->values[i * d + d - 1]))
			rows->values[i * d + d - 1] = random_normal(random);
	rows_seal(rows);
	random_parameters(random, &parameters, type, k, d);
	runner = mixture_runner_create(type, k, d, &unit_host);
	mixture_runner_begin(runner, &(MixturePass) {.parameters = &parameters,.m_step = true}, &error);
	for (int run = 0; run < mixture_n_runs(rows->source.n_blocks); run++)
	{
		MixtureRunner *alone = mixture_runner_create(type, k, d, &unit_host);

		mixture_runner_begin(alone, &(MixturePass) {.parameters = &parameters,.m_step = true}, &error);
		mixture_runner_run(alone, &rows->source, run, sums);
		mixture_runner_run(runner, &rows->source, run, sums + count);
		same = same && memcmp(sums, sums + count, count * sizeof(double)) == 0;
		mixture_runner_release(alone);
	}
	check(same && mixture_n_runs(rows->source.n_blocks) > 2,
		  "%s, k %d, d %d: the sums of a run do not show which were before", family_names[type], k, d);
	mixture_runner_release(runner);
	mixture_release_parameters(&parameters, &unit_host);
	rows_free(rows);
	free(sums);
}

/*
 * Rows in another order, and rows with weights of 1 and 2 or as many copies, have the
 * same sums but for rounding.
 */
static void
test_order_and_copies(Random *random, MixtureCovarianceType type)
{
	int			k = 1 + random_below(random, 6);
	int			d = 2 + random_below(random, 20);
	int64_t		n = 200 + random_below(random, 900);
	double		share = 0.05 + 0.7 * random_uniform(random);
	Rows	   *rows[3];
	MixtureParameters parameters;
	MixtureStats *stats[3];
	double		floor = 1e-12;
	int64_t		n_copies = 0;

	rows[0] = rows_clusters(random, n, d, 3, 2);
	rows_drop(random, rows[0], share);
	/* some patterns are frequent */
	for (int64_t i = 1; i < n; i++)
		for (int j = 0; j < d && i % 3 == 0; j++)
			if (isnan(rows[0]->values[j]) != isnan(rows[0]->values[i * d + j]))
				rows[0]->values[i * d + j] = isnan(rows[0]->values[j]) ? NAN : random_normal(random);
	for (int64_t i = 0; i < n; i++)
		n_copies += rows[0]->weights[i] = 1 + random_below(random, 2);
	rows_seal(rows[0]);
	rows[1] = rows_shuffled(random, rows[0]);
	rows[2] = rows_allocate(n_copies, d);
	n_copies = 0;
	for (int64_t i = 0; i < n; i++)
		for (int copy = 0; copy < rows[0]->weights[i]; copy++)
			memcpy(rows[2]->values + n_copies++ * d, rows[0]->values + i * d, d * sizeof(double));
	rows_seal(rows[2]);
	random_parameters(random, &parameters, type, k, d);
	for (int i = 0; i < 3; i++)
	{
		Em			em;
		MixtureError error;

		em_begin(&em, &rows[i]->source, NULL, type, k, &floor, &unit_host);
		em_pass(&em, &parameters, true, &error);
		stats[i] = mixture_allocate_stats(type, k, d, &unit_host);
		memcpy(stats[i]->sum_weights, em.stats->sum_weights, em.stats->n_values * sizeof(double));
		em_end(&em);
	}
	for (int i = 1; i < 3; i++)
	{
		double		worst = largest_difference(stats[0]->sum_weights, stats[i]->sum_weights,
											   stats[0]->n_values, *stats[0]->sum_weights);

		check(worst < TOLERANCE, "%s, k %d, d %d, %.0f %% missing: %s (%.1e)", family_names[type],
			  k, d, 100 * share, i == 1 ? "another order has the same sums" : "so have copies for weights",
			  worst);
	}
	for (int i = 0; i < 3; i++)
	{
		mixture_release_stats(stats[i], &unit_host);
		rows_free(rows[i]);
	}
	mixture_release_parameters(&parameters, &unit_host);
}

/* EM steps never lower the likelihood of what was observed. */
static void
test_goes_up(Random *random, MixtureCovarianceType type, bool accelerate, bool noise)
{
	int			d = 2 + random_below(random, 5);
	int			k = 1 + random_below(random, 4);
	Rows	   *rows = rows_clusters(random, 400, d, 3, 2);
	MixtureParameters parameters;
	double		floor[8];
	double		before = -INFINITY;
	double		bound_before = 0;
	double		worst = 0;

	rows_drop(random, rows, 0.3);
	rows_seal(rows);
	random_parameters(random, &parameters, type, k, d);
	if (noise)
		random_noise(random, &parameters);
	for (int j = 0; j < d; j++)
		floor[j] = 1e-9;
	for (int step = 0; step < 30; step++)
	{
		Em			em;
		EmOutcome	outcome;
		MixtureError error;
		double		bound;

		em_begin(&em, &rows->source, NULL, type, k, floor, &unit_host);
		if (em_run(&em, &parameters, accelerate ? 3 : 1, 0, accelerate, &outcome,
				   &error) != MIXTURE_OK)
			worst = INFINITY;
		bound = rounding_per_row(rows, &parameters);
		worst = fmax(worst, (before - outcome.log_likelihood) / rows->n / fmax(bound, bound_before));
		before = outcome.log_likelihood;
		bound_before = bound;
		em_end(&em);
	}
	check(worst < 1, "%s, k %d%s, d %d: the likelihood with missing features does not fall%s (%.1e of rounding)",
		  family_names[type], k, noise ? " and noise" : "", d, accelerate ? ", accelerated" : "", worst);
	mixture_release_parameters(&parameters, &unit_host);
	rows_free(rows);
}

void
test_missing(void)
{
	Random		random = random_start(7);

	for (int type = 0; type < MIXTURE_N_COVARIANCE_TYPES; type++)
	{
		for (int noise = 0; noise < 2; noise++)
		{
			test_shape(&random, type, 1, 2, 300, 0.2, 0, noise);
			test_shape(&random, type, 3, 3, 40, 0.5, 0, noise);
			test_shape(&random, type, 2, 4, 1000, 0.1, 0, noise);
			test_shape(&random, type, 4, 10, 700, 0.1, 0, noise);
			test_shape(&random, type, 2, 33, 30, 0.6, 0, noise);
			test_shape(&random, type, 5, 12, 600, 0.3, 3, noise);
			test_shape(&random, type, 2, 6, 1500, 0.7, 4, noise);
		}
		for (int i = 0; i < 6; i++)
		{
			if (mixture_has_matrix(type))
			{
				test_flat(&random, type, false);
				test_flat(&random, type, true);
			}
			test_order_and_copies(&random, type);
		}
		test_many(&random, type, false);
		test_many(&random, type, true);
		test_runs(&random, type);
		for (int noise = 0; noise < 2; noise++)
		{
			test_goes_up(&random, type, false, noise);
			test_goes_up(&random, type, true, noise);
		}
	}
	test_nearly_singular(&random);
}
