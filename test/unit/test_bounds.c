/*
 * test_bounds.c
 *	  The M-step under a prior and with fixed parts: it is the maximum of what EM
 *	  is to raise, and what is fixed stays as it is to the last bit.
 */
#include "unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/linalg.h"

/* Points about a maximum that are looked at */
#define N_TRIALS 60

/* What is fixed of a case: bits; components are drawn. */
enum
{
	FIX_WEIGHTS = 1,
	FIX_MEANS = 2,
	FIX_COVARIANCES = 4,
	FIX_COMPONENTS = 8
};

static bool
is_fixed(const MixtureFixed *fixed, bool part, int c)
{
	return part || (fixed->components != NULL && fixed->components[c]);
}

/*
 * What the M-step maximizes: the expected log-likelihood of rows and components,
 * by the statistics, which are about the means of `at`, and the prior.  In the
 * plainest way: with the precision as a matrix.
 */
static double
expected(const MixtureStats *stats, const MixtureParameters *at, const MixturePrior *prior,
		 const MixtureParameters *parameters)
{
	int			k = stats->k;
	int			d = stats->d;
	MixtureCovarianceType type = stats->covariance_type;
	size_t		count = mixture_factor_count(type, d);
	double	   *packed = malloc(linalg_packed_count(d) * sizeof(double));
	double	   *inverse = malloc(linalg_packed_count(d) * sizeof(double));
	double	   *square = malloc((size_t) d * d * sizeof(double));
	double		sum = 0;

	for (int c = 0; c < k; c++)
	{
		double		n = stats->component_weights[c];
		const double *first = stats->firsts + c * d;
		const double *second = stats->seconds + (type == MIXTURE_TIED ? 0 : c * count);
		double		trace = 0;

		mixture_component_covariance(parameters, c, square);
		for (int i = 0; i < d; i++)
			memcpy(packed + linalg_row(i), square + (size_t) i * d, (i + 1) * sizeof(double));
		if (!linalg_eliminate(packed, d, &unit_host))
			abort();
		linalg_invert_factor(packed, inverse, d, &unit_host);
		for (int i = 0; i < d; i++)
			for (int j = 0; j < d; j++)
			{
				double		precision = 0;
				double		delta_i = parameters->means[c * d + i] - at->means[c * d + i];
				double		delta_j = parameters->means[c * d + j] - at->means[c * d + j];
				double		squares = n * delta_i * delta_j - first[i] * delta_j - delta_i * first[j];

				for (int a = i > j ? i : j; a < d; a++)
					precision += inverse[linalg_row(a) + i] * inverse[linalg_row(a) + j];
				if (type <= MIXTURE_TIED && (type == MIXTURE_FULL || c == 0))
					squares += second[i > j ? linalg_row(i) + j : linalg_row(j) + i];
				else if (type == MIXTURE_DIAG && i == j)
					squares += second[i];
				else if (type == MIXTURE_SPHERICAL && i == j)
					squares += second[0] / d;
				trace += precision * squares;
			}
		for (int i = 0; i < d; i++)
			sum += n * log(inverse[linalg_row(i) + i]);
		sum += n * log(parameters->weights[c]) - 0.5 * trace;
	}
	free(square);
	free(inverse);
	free(packed);
	return sum + (prior == NULL ? 0 : prior_log_density(prior, parameters, &unit_host));
}

/* Parameters near others, of which what is fixed is the same. */
static void
move_randomly(Random *random, const MixtureParameters *from, const MixtureFixed *fixed,
			  double size, MixtureParameters *to)
{
	int			k = from->k;
	int			d = from->d;
	MixtureCovarianceType type = from->covariance_type;
	size_t		count = mixture_factor_count(type, d);
	double		left = 1;
	double		sum = 0;

	mixture_copy_parameters(to, from);
	for (int c = 0; c < k; c++)
	{
		if (is_fixed(fixed, fixed->weights, c))
			left -= from->weights[c];
		else
			sum += to->weights[c] *= exp(size * random_normal(random));
		for (int j = 0; j < d && !is_fixed(fixed, fixed->means, c); j++)
			to->means[c * d + j] += size * random_normal(random);
	}
	for (int c = 0; c < k; c++)
		if (!is_fixed(fixed, fixed->weights, c))
			to->weights[c] *= left / sum;
	for (int c = 0; c < (type == MIXTURE_TIED ? 1 : k); c++)
	{
		double	   *covariance = to->covariances + c * count;

		if (type == MIXTURE_TIED ? fixed->covariances : is_fixed(fixed, fixed->covariances, c))
			continue;
		for (size_t i = 0; i < count && type >= MIXTURE_DIAG; i++)
			covariance[i] *= exp(size * random_normal(random));
		if (type <= MIXTURE_TIED)
		{
			double		vector[8];

			for (int j = 0; j < d; j++)
				vector[j] = random_normal(random) * sqrt(covariance[linalg_row(j) + j]);
			for (size_t i = 0; i < count; i++)
				covariance[i] *= exp(size * 0.3);
			mixture_add_outer(type, d, covariance, size * random_uniform(random), vector);
			if (random_below(random, 2))
				for (size_t i = 0; i < count; i++)
					covariance[i] = 2 * from->covariances[c * count + i] - covariance[i];
			if (!mixture_covariances_valid(to, &unit_host, &(MixtureError) {0}))
				memcpy(covariance, from->covariances + c * count, count * sizeof(double));
		}
	}
}

/* What is fixed is that of the start. */
static bool
kept(const MixtureParameters *start, const MixtureParameters *next, const MixtureFixed *fixed)
{
	int			d = start->d;
	MixtureCovarianceType type = start->covariance_type;
	size_t		count = mixture_factor_count(type, d);
	bool		same = true;

	for (int c = 0; c < start->k; c++)
	{
		if (is_fixed(fixed, fixed->weights, c))
			same = same && next->weights[c] == start->weights[c];
		if (is_fixed(fixed, fixed->means, c))
			same = same && memcmp(next->means + c * d, start->means + c * d, d * sizeof(double)) == 0;
		if (type == MIXTURE_TIED ? fixed->covariances && c == 0 :
			is_fixed(fixed, fixed->covariances, c))
			same = same && memcmp(next->covariances + c * count, start->covariances + c * count,
								  count * sizeof(double)) == 0;
	}
	return same;
}

/* A random prior, or none. */
static MixturePrior *
random_prior(Random *random, int kind, const MixtureParameters *model)
{
	double		mean[8];
	double		covariance[36] = {0};
	MixturePriorOptions options = {
		.strength = NAN,.shrinkage = kind == 1 ? 0 : 3 * random_uniform(random),
		.dof = model->d + 3 * random_uniform(random)
	};

	if (kind == 0)
		return NULL;
	if (kind == 3)
		return prior_from_model(model, 50 * random_uniform(random), &unit_host);
	for (int j = 0; j < model->d; j++)
	{
		mean[j] = random_normal(random);
		covariance[linalg_row(j) + j] = 0.1 + random_uniform(random);
	}
	return prior_create(&options, model->covariance_type, model->k, model->d,
						&(PriorRows) {mean, covariance, true, 40, NULL}, &unit_host);
}

static void
test_case(Random *random, MixtureCovarianceType type, int kind, int fix)
{
	int			d = 1 + random_below(random, 4);
	int			k = 1 + random_below(random, 4);
	Rows	   *rows = rows_clusters(random, 20 + random_below(random, 200), d, k, 3);
	MixtureStats *stats = mixture_allocate_stats(type, k, d, &unit_host);
	double		floor[4] = {1e-12, 1e-12, 1e-12, 1e-12};
	bool		components[4] = {false};
	MixtureFixed fixed = {fix & FIX_WEIGHTS, fix & FIX_MEANS, fix & FIX_COVARIANCES, NULL};
	MixtureParameters start;
	MixtureParameters model;
	MixtureParameters next;
	MixtureParameters moved;
	MixturePrior *prior;
	double		most;
	double		worst = 0;

	for (int c = 0; c < k; c++)
		components[c] = random_below(random, 2);
	if ((fix & FIX_COMPONENTS) && !(type == MIXTURE_TIED && !fixed.covariances))
		fixed.components = components;
	random_parameters(random, &start, type, k, d);
	random_parameters(random, &model, type, k, d);
	mixture_allocate_parameters(&next, type, k, d, &unit_host);
	mixture_allocate_parameters(&moved, type, k, d, &unit_host);
	prior = random_prior(random, kind, &model);
	reference_accumulate(&start, rows, stats);
	mixture_maximize(stats, &start, &(MixtureBounds) {floor, prior, &fixed}, &next, &unit_host);
	check(kept(&start, &next, &fixed), "%s, prior %d, fixed %d: what is fixed stays",
		  family_names[type], kind, fix);
	most = expected(stats, &start, prior, &next);
	for (int trial = 0; trial < N_TRIALS; trial++)
	{
		move_randomly(random, &next, &fixed, trial % 2 ? 1e-3 : 0.1, &moved);
		worst = fmax(worst, expected(stats, &start, prior, &moved) - most);
	}
	check(worst <= 1e-11 * fabs(most) + 1e-10, "%s, prior %d, fixed %d: the M-step is a maximum: %g",
		  family_names[type], kind, fix, worst);
	prior_release(prior, &unit_host);
	mixture_release_parameters(&moved, &unit_host);
	mixture_release_parameters(&next, &unit_host);
	mixture_release_parameters(&model, &unit_host);
	mixture_release_parameters(&start, &unit_host);
	mixture_release_stats(stats, &unit_host);
	rows_free(rows);
}

/* A part that is fixed goes through a whole fit, far from zero and accelerated. */
static void
test_refit(Random *random, MixtureCovarianceType type, int fix)
{
	int			d = 1 + random_below(random, 4);
	int			k = 2 + random_below(random, 3);
	Rows	   *rows = rows_clusters(random, 400, d, k, 2);
	MixtureOptions options = default_options(type);
	bool		components[4] = {true};
	MixtureFixed fixed = {fix & FIX_WEIGHTS, fix & FIX_MEANS, fix & FIX_COVARIANCES, components};
	MixtureParameters start;
	MixtureFit	fit;
	MixtureError error;
	double		sum = 0;

	if (type == MIXTURE_TIED)
		fixed.covariances = true;
	for (int64_t i = 0; i < rows->n * d; i++)
		rows->values[i] += 1e8;
	rows_seal(rows);
	random_parameters(random, &start, type, k, d);
	for (int i = 0; i < k * d; i++)
		start.means[i] += 1e8;
	options.fixed = &fixed;
	check(mixture_refit(&rows->source, &start, &options, &unit_host, &fit, &error) == MIXTURE_OK &&
		  kept(&start, &fit.parameters, &fixed), "%s, fixed %d: and through a fit",
		  family_names[type], fix);
	for (int c = 0; c < k; c++)
		sum += fit.parameters.weights[c];
	check(fabs(sum - 1) < 1e-14 * k, "%s, fixed %d: the weights' sum is 1", family_names[type], fix);
	mixture_release_parameters(&fit.parameters, &unit_host);
	mixture_release_parameters(&start, &unit_host);
	rows_free(rows);
}

/*
 * A covariance of rank r that is held above a floor is sum max(lambda, 1) v v', lambda and
 * v being the eigenvalues and -vectors where the floor is the identity, whether few or
 * most are below it.  Rounding is that of d products of no more than the largest one.
 */
static void
test_floor(Random *random, int d, int rank)
{
	MixtureParameters held;
	double	   *floor = malloc(sizeof(double) * 4 * d);
	double	   *units = floor + d;
	double	   *values = units + d;
	double	   *vectors = malloc(sizeof(double) * d * d);
	double		most = 1;
	double		worst = 0;
	int			n_raised = 0;

	mixture_allocate_parameters(&held, MIXTURE_FULL, 1, d, &unit_host);
	memset(held.covariances, 0, sizeof(double) * linalg_packed_count(d));
	for (int r = 0; r < rank; r++)
	{
		for (int j = 0; j < d; j++)
			values[j] = exp(j % 5) * random_normal(random);
		mixture_add_outer(MIXTURE_FULL, d, held.covariances, 1.0 / rank, values);
	}
	for (int j = 0; j < d; j++)
	{
		floor[j] = held.covariances[linalg_row(j) + j] * 0.3 * (0.5 + random_uniform(random));
		units[j] = sqrt(floor[j]);
	}
	for (int i = 0; i < d; i++)
		for (int j = 0; j <= i; j++)
			vectors[i * d + j] = held.covariances[linalg_row(i) + j] / units[i] / units[j];
	if (!linalg_eigen(vectors, values, values + d, d, &unit_host))
		abort();
	mixture_hold_floor(&held, floor, &unit_host);
	for (int e = 0; e < d; e++)
	{
		most = fmax(most, values[e]);
		n_raised += values[e] < 1;
	}
	for (int i = 0; i < d; i++)
		for (int j = 0; j <= i; j++)
		{
			double		sum = 0;

			for (int e = 0; e < d; e++)
				sum += fmax(values[e], 1) * vectors[e * d + i] * vectors[e * d + j];
			worst = fmax(worst, fabs(held.covariances[linalg_row(i) + j] / units[i] / units[j] - sum));
		}
	check(worst < 1e-14 * d * most, "d %d, rank %d: %d directions are raised to the floor (%.1e)",
		  d, rank, n_raised, worst);
	held.covariances[0] = NAN;
	mixture_hold_floor(&held, floor, &unit_host);
	check(isnan(held.covariances[0]), "d %d, rank %d: what is no number stays none", d, rank);
	mixture_release_parameters(&held, &unit_host);
	free(vectors);
	free(floor);
}

void
test_bounds(void)
{
	Random		random = random_start(41);

	for (int d = 1; d <= 33; d += 4)
		for (int rank = 1; rank <= d; rank += 1 + rank / 2)
			test_floor(&random, d, rank);
	for (int type = 0; type < MIXTURE_N_COVARIANCE_TYPES; type++)
	{
		for (int kind = 0; kind < 4; kind++)
			for (int fix = 0; fix < 16; fix++)
				test_case(&random, (MixtureCovarianceType) type, kind, fix);
		for (int fix = 0; fix < 8; fix++)
			test_refit(&random, (MixtureCovarianceType) type, fix);
	}
}
