/*
 * test_missing.c
 *	  Blocks with missing features: the sums of an E-step, on every clone,
 *	  are those of a reference that does one row at a time, by inverting
 *	  matrices in long double; and EM on them goes up.
 */
#include "unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/linalg.h"

#define TOLERANCE 1e-11

/* A component's covariance as a square matrix, and its parts. */
typedef struct Conditional
{
	int			d;
	int			n;				/* observed */
	int			order[64];
	long double covariance[64 * 64];
	long double inverse[64 * 64];	/* of the observed part, n x n */
	long double log_determinant;
} Conditional;

/* Invert the observed part by Gauss-Jordan elimination. */
static void
invert_observed(Conditional *conditional)
{
	int			n = conditional->n;
	long double *a = malloc(sizeof(long double) * n * 2 * n);

	conditional->log_determinant = 0;
	for (int i = 0; i < n; i++)
		for (int j = 0; j < 2 * n; j++)
			a[i * 2 * n + j] = j >= n ? (j - n == i) :
				conditional->covariance[conditional->order[i] * conditional->d + conditional->order[j]];
	for (int i = 0; i < n; i++)
	{
		long double pivot = a[i * 2 * n + i];

		conditional->log_determinant += logl(pivot);
		for (int j = 0; j < 2 * n; j++)
			a[i * 2 * n + j] /= pivot;
		for (int l = 0; l < n; l++)
		{
			long double factor = a[l * 2 * n + i];

			for (int j = 0; j < 2 * n && l != i; j++)
				a[l * 2 * n + j] -= factor * a[i * 2 * n + j];
		}
	}
	for (int i = 0; i < n; i++)
		for (int j = 0; j < n; j++)
			conditional->inverse[i * n + j] = a[i * 2 * n + n + j];
	free(a);
}

/* Part a component by what is observed in a row. */
static void
part(Conditional *conditional, const MixtureParameters *parameters, int c, const double *row)
{
	int			d = parameters->d;
	int			place = 0;
	double	   *square = malloc(sizeof(double) * d * d);

	conditional->d = d;
	mixture_component_covariance(parameters, c, square);
	for (int i = 0; i < d * d; i++)
		conditional->covariance[i] = square[i];
	free(square);
	conditional->n = 0;
	for (int missing = 0; missing < 2; missing++)
		for (int j = 0; j < d; j++)
			if (isnan(row[j]) == missing)
			{
				conditional->order[place++] = j;
				conditional->n += !missing;
			}
	invert_observed(conditional);
}

/* Weighted log density of what is observed of a row. */
static long double
log_density(const Conditional *conditional, const MixtureParameters *parameters, int c,
			const double *row)
{
	const double *mean = parameters->means + c * parameters->d;
	const int  *order = conditional->order;
	int			n = conditional->n;
	long double distance = 0;

	for (int i = 0; i < n; i++)
		for (int j = 0; j < n; j++)
			distance += ((long double) row[order[i]] - mean[order[i]]) *
				conditional->inverse[i * n + j] * ((long double) row[order[j]] - mean[order[j]]);
	return logl(parameters->weights[c] * (1 - parameters->noise_weight)) - 0.5L * (n * logl(2 * acosl(-1)) +
												  conditional->log_determinant + distance);
}

/* S_io S_oo^-1 u, or element (i, j) of S_io S_oo^-1 S_oj if u is NULL. */
static long double
regress(const Conditional *conditional, int i, const long double *u, int j)
{
	int			n = conditional->n;
	int			d = conditional->d;
	const int  *order = conditional->order;
	long double sum = 0;

	for (int a = 0; a < n; a++)
		for (int b = 0; b < n; b++)
			sum += conditional->covariance[i * d + order[a]] * conditional->inverse[a * n + b] *
				(u != NULL ? u[order[b]] : conditional->covariance[order[b] * d + j]);
	return sum;
}

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
			u[j] = regress(conditional, j, u, 0);
	stats->component_weights[c] += r;
	for (int i = 0; i < d; i++)
	{
		stats->firsts[c * d + i] += r * u[i];
		for (int j = 0; j <= i; j++)
		{
			long double value = u[i] * u[j];
			size_t		packed = (size_t) i * (i + 1) / 2 + j;

			if (isnan(row[i]) && isnan(row[j]))
				value += conditional->covariance[i * d + j] - regress(conditional, i, NULL, j);
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
			part(&conditionals[c], parameters, c, row);
			values[c] = log_density(&conditionals[c], parameters, c, row);
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

/* One shape of model and data, on every clone. */
static void
test_shape(Random *random, MixtureCovarianceType type, int k, int d, int64_t n, double share,
		   int n_patterns, bool noise)
{
	Rows	   *rows = rows_clusters(random, n, d, 3, 2);
	MixtureParameters parameters;
	MixtureStats *expected = mixture_allocate_stats(type, k, d, &unit_host);
	const Kernels *kernels;
	double		floor = 1e-9;

	for (int64_t i = 0; i < n; i++)
		rows->weights[i] = i % 7 == 3 ? 0 : 3 * random_uniform(random);
	drop_features(random, rows, share, n_patterns);
	rows_seal(rows);
	random_parameters(random, &parameters, type, k, d);
	if (noise)
		random_noise(random, &parameters);
	reference_missing(&parameters, rows, expected);
	for (int i = 0; (kernels = kernels_list(i)) != NULL; i++)
	{
		Em			em;
		MixtureError error;
		double		worst;
		double		log_likelihood;

		kernels_select(kernels);
		em_begin(&em, &rows->source, NULL, type, k, &floor, &unit_host);
		em_pass(&em, &parameters, true, &error);
		worst = largest_difference(em.stats->sum_weights, expected->sum_weights,
								   em.stats->n_values, *expected->sum_weights);
		log_likelihood = *em.stats->log_likelihood;
		em_pass(&em, &parameters, false, &error);
		worst = fmax(worst, relative_difference(log_likelihood, *em.stats->log_likelihood, 0));
		em_end(&em);
		check(worst < TOLERANCE,
			  "%s, k %d%s, d %d, %lld rows, %.0f %% missing%s: %s kernels agree with the reference (%.1e)",
			  family_names[type], k, noise ? " and noise" : "", d, (long long) n, 100 * share,
			  n_patterns > 0 ? " in few patterns" : "", kernels->name, worst);
	}
	kernels_select(NULL);
	mixture_release_stats(expected, &unit_host);
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

/*
 * Covariances that are nearly singular, as where features nearly repeat each other:
 * A A^T for an A whose rows are those of a few columns, and this much variance beside.
 */
static void
flatten(Random *random, MixtureParameters *parameters, double least)
{
	int			d = parameters->d;
	int			n = parameters->covariance_type == MIXTURE_TIED ? 1 : parameters->k;
	int			rank = 1 + random_below(random, d);
	double	   *a = malloc(sizeof(double) * d * rank);

	for (int c = 0; c < n; c++)
	{
		double	   *covariance = parameters->covariances + c * linalg_packed_count(d);

		for (int i = 0; i < d * rank; i++)
			a[i] = random_normal(random) / sqrt(rank);
		/* and two features are nearly one */
		for (int l = 0; l < rank && d > 1; l++)
			a[rank + l] = a[l];
		for (int i = 0; i < d; i++)
			for (int j = 0; j <= i; j++)
			{
				double		value = i == j ? least * (1 + random_uniform(random)) : 0;

				for (int l = 0; l < rank; l++)
					value += a[i * rank + l] * a[j * rank + l];
				covariance[linalg_row(i) + j] = value;
			}
	}
	free(a);
}

/*
 * Nearly singular covariances, on rows that are where the components are: sums of one
 * pass differ from the reference by what a perturbation of the parameters by one
 * rounding does to them, or by 1e-10.
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
	const Kernels *kernels;

	random_parameters(random, &parameters, type, k, d);
	flatten(random, &parameters, least);
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
		check(worst < 1e-10,
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

/* What is scored of a row: distances, log density and expectations. */
typedef struct RowScores
{
	double		log_density;
	double		distances[8];	/* k */
	double		missing[64];
} RowScores;

/* The same in long double. */
static void
reference_scores(const MixtureParameters *parameters, const double *row, Conditional *conditional,
				 RowScores *scores)
{
	int			k = parameters->k;
	int			d = parameters->d;
	long double values[9];
	long double means[8][64];
	long double most;
	long double sum = 0;

	most = values[k] = reference_log_noise(parameters, row);
	for (int c = 0; c < k; c++)
	{
		long double u[64];
		long double constant;

		part(conditional, parameters, c, row);
		values[c] = log_density(conditional, parameters, c, row);
		most = fmaxl(most, values[c]);
		constant = logl(parameters->weights[c] * (1 - parameters->noise_weight)) -
			0.5L * (conditional->n * logl(2 * acosl(-1)) + conditional->log_determinant);
		scores->distances[c] = sqrtl(fmaxl(0, 2 * (constant - values[c])));
		for (int j = 0; j < d; j++)
			u[j] = isnan(row[j]) ? 0 : (long double) row[j] - parameters->means[c * d + j];
		for (int j = 0; j < d; j++)
			means[c][j] = parameters->means[c * d + j] + (isnan(row[j]) ? regress(conditional, j, u, 0) : u[j]);
	}
	for (int c = 0; c <= k; c++)
		sum += expl(values[c] - most);
	scores->log_density = most + logl(sum);
	for (int i = conditional->n; i < d; i++)
	{
		int			j = conditional->order[i];
		long double mean = parameters->noise_box == NULL ? 0 :
			expl(values[k] - most) / sum * mixture_noise_mean(parameters, j);

		for (int c = 0; c < k; c++)
			mean += expl(values[c] - most) / sum * means[c][j];
		scores->missing[i - conditional->n] = mean;
	}
}

/* Scores by what was prepared of a row or a pattern; filled as of the first, or NULL. */
static void
prepared_scores(const MixturePrepared *prepared, const MixtureIncomplete *incomplete,
				const MixtureParameters *parameters, const int *order, const double *observed,
				double *work, const double *filled, RowScores *scores)
{
	double		shares[8];
	double		noise;
	double		scratch[128];

	mixture_row_mahalanobis(prepared, observed, work, scores->distances);
	scores->log_density = mixture_row_shares(prepared, observed, work, shares, &noise);
	if (filled != NULL)
		mixture_incomplete_impute(incomplete, order, filled, shares, noise, scores->missing);
	else
	{
		MixtureConditional *conditional = mixture_conditional_create(parameters, order,
																	 prepared->d, &unit_host);

		mixture_impute(conditional, observed, shares, noise, scores->missing, scratch);
		unit_host.release(NULL, conditional);
	}
}

/* How far scores are apart; distances that are next to nothing count as such. */
static double
scores_apart(const RowScores *a, const RowScores *b, int k, int n_missing)
{
	double		worst = relative_difference(a->log_density, b->log_density, 1);

	worst = fmax(worst, largest_difference(a->distances, b->distances, k, 1));
	return fmax(worst, largest_difference(a->missing, b->missing, n_missing, 1));
}

/* Scores of one row in either way; returns whether the row itself could be solved. */
static bool
score_row(const MixtureParameters *parameters, MixtureIncomplete *incomplete, const double *row,
		  Conditional *conditional, double *error, double *marginal_error)
{
	int			d = parameters->d;
	double		observed[64];
	double	   *work = malloc(sizeof(double) * (mixture_row_work_size(incomplete->prepared) +
												mixture_incomplete_work_size(incomplete)));
	double	   *filled = malloc(sizeof(double) * (d + 1) * incomplete->prepared->n_groups *
								incomplete->prepared->lanes);
	MixtureParameters marginal;
	MixturePrepared *by_pattern;
	const MixturePrepared *by_row;
	MixtureError unused;
	RowScores	expected;
	RowScores	scores;
	const int  *order = conditional->order;

	reference_scores(parameters, row, conditional, &expected);
	for (int i = 0; i < conditional->n; i++)
		observed[i] = row[order[i]];
	mixture_allocate_parameters(&marginal, parameters->covariance_type, parameters->k,
								conditional->n, &unit_host);
	mixture_marginal(parameters, order, &marginal, &unit_host);
	by_pattern = mixture_prepare_rows(&marginal, &unit_host, &unused);
	prepared_scores(by_pattern, NULL, parameters, order, observed, work, NULL, &scores);
	*marginal_error = scores_apart(&expected, &scores, parameters->k, d - conditional->n);
	if (mixture_incomplete_needs(incomplete, conditional->n))
		mixture_incomplete_extend(incomplete, parameters, &unit_host);
	by_row = mixture_incomplete_row(incomplete, observed, order, conditional->n, work, filled,
									&unit_host);
	*error = 0;
	if (by_row != NULL)
	{
		prepared_scores(by_row, incomplete, parameters, order, observed, work, filled, &scores);
		*error = scores_apart(&expected, &scores, parameters->k, d - conditional->n);
	}
	mixture_release_prepared(by_pattern, &unit_host);
	mixture_release_parameters(&marginal, &unit_host);
	free(filled);
	free(work);
	return by_row != NULL;
}

/*
 * Rows scored one by one are those of the reference, and solved but for the most
 * doubtful ones; with nearly singular covariances to what the marginal mixture has them.
 */
static void
test_rows(Random *random, MixtureCovarianceType type, bool flat, bool noise)
{
	int			k = 1 + random_below(random, 8);
	int			d = 1 + random_below(random, flat ? 14 : 40);
	double		least = pow(10, -1 - 6 * random_uniform(random));
	double		share = 0.05 + 0.8 * random_uniform(random);
	Conditional *conditional = malloc(sizeof(Conditional));
	MixtureParameters parameters;
	MixtureDrawing *drawing;
	MixtureError unused;
	Rows	   *rows = rows_allocate(30, d);
	const Kernels *kernels;

	random_parameters(random, &parameters, type, k, d);
	if (flat)
		flatten(random, &parameters, least);
	if (noise)
		random_noise(random, &parameters);
	drawing = mixture_drawing_create(&parameters, &unit_host, &unused);
	for (int64_t i = 0; i < rows->n; i++)
		mixture_draw_row(drawing, random->state, i, rows->values + i * d);
	unit_host.release(NULL, drawing);
	rows_drop(random, rows, share);
	for (int i = 0; (kernels = kernels_list(i)) != NULL; i++)
	{
		MixturePrepared *prepared;
		MixtureIncomplete *incomplete;
		double		worst = 0;
		double		worst_marginal = 0;
		int			solved = 0;

		kernels_select(kernels);
		prepared = mixture_prepare_rows(&parameters, &unit_host, &unused);
		incomplete = mixture_incomplete_create(&parameters, prepared, &unit_host);
		for (int64_t number = 0; number < rows->n; number++)
		{
			double		error;
			double		marginal_error;

			solved += score_row(&parameters, incomplete, rows->values + number * d, conditional,
								&error, &marginal_error);
			worst = fmax(worst, error);
			worst_marginal = fmax(worst_marginal, marginal_error);
		}
		mixture_incomplete_release(incomplete, &unit_host);
		mixture_release_prepared(prepared, &unit_host);
		check(worst < fmax(1e-10, 4 * worst_marginal) && (flat || solved == rows->n),
			  "%s, k %d%s, d %d, %.0f %% missing, %.0e across: rows solved one by one by %s kernels are the reference's (%.1e, marginal %.1e, %d of %d)",
			  family_names[type], k, noise ? " and noise" : "", d, 100 * share,
			  flat ? least : 1.0, kernels->name, worst, worst_marginal, solved, (int) rows->n);
	}
	kernels_select(NULL);
	mixture_release_parameters(&parameters, &unit_host);
	rows_free(rows);
	free(conditional);
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
				test_rows(&random, type, true, i % 2);
			}
			test_rows(&random, type, false, i % 2);
			test_order_and_copies(&random, type);
		}
		test_runs(&random, type);
		for (int noise = 0; noise < 2; noise++)
		{
			test_goes_up(&random, type, false, noise);
			test_goes_up(&random, type, true, noise);
		}
	}
	test_nearly_singular(&random);
}
