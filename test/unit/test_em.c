/*
 * test_em.c
 *	  The M-step and the iterations: closed forms, the likelihood's rise, the
 *	  least variance, and SQUAREM's saving.
 */
#include "unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One component has its maximum in closed form: mean and covariance. */
static void
test_one_component(Random *random, MixtureCovarianceType type)
{
	int			d = 1 + random_below(random, 6);
	Rows	   *rows = rows_clusters(random, 50 + random_below(random, 500), d, 3, 4);
	MixtureOptions options = default_options(type);
	MixtureFit	fit;
	MixtureError error;
	double		sum = 0;
	double		worst = 0;
	double	   *means = calloc(d, sizeof(double));
	double	   *matrix = calloc((size_t) d * d, sizeof(double));
	double	   *expected = calloc((size_t) d * d, sizeof(double));
	MixtureStatus status;

	for (int64_t i = 0; i < rows->n; i++)
	{
		sum += rows->weights[i] = random_uniform(random);
		for (int j = 0; j < d; j++)
			means[j] += rows->weights[i] * rows->values[i * d + j];
	}
	for (int j = 0; j < d; j++)
		means[j] /= sum;
	for (int64_t i = 0; i < rows->n; i++)
		for (int a = 0; a < d; a++)
			for (int b = 0; b < d; b++)
				expected[a * d + b] += rows->weights[i] / sum *
					(rows->values[i * d + a] - means[a]) * (rows->values[i * d + b] - means[b]);
	if (type == MIXTURE_SPHERICAL)
	{
		double		trace = 0;

		for (int j = 0; j < d; j++)
			trace += expected[j * d + j] / d;
		for (int j = 0; j < d; j++)
			expected[j * d + j] = trace;
	}
	for (int a = 0; a < d; a++)
		for (int b = 0; b < d; b++)
			if (type >= MIXTURE_DIAG && a != b)
				expected[a * d + b] = 0;

	rows_seal(rows);
	status = mixture_fit(&rows->source, 1, &options, &unit_host, &fit, &error);
	mixture_component_covariance(&fit.parameters, 0, matrix);
	worst = fmax(largest_difference(fit.parameters.means, means, d, 1),
				 largest_difference(matrix, expected, (size_t) d * d, 1));
	check(status == MIXTURE_OK && worst < 1e-12 && fit.info.converged &&
		  relative_difference(fit.info.sum_weights, sum, 0) < 1e-13,
		  "%s, d %d: one component has the weighted mean and covariance (%.1e)",
		  family_names[type], d, worst);
	mixture_release_parameters(&fit.parameters, &unit_host);
	free(expected);
	free(matrix);
	free(means);
	rows_free(rows);
}

/*
 * The log-likelihood after m iterations, m = 0, 1, 2 ..., never falls.  With
 * `lattice` the values are rounded and repeated, so that components collapse
 * and are held at the floor.
 * The EM step that an extrapolation replaces, unseen, is what an accelerated run
 * returns that ends there: the one after it may be below that, but not below the
 * one before.
 */
static void
test_monotone(Random *random, MixtureCovarianceType type, bool accelerate, bool lattice)
{
	int			k = 2 + random_below(random, 4);
	int			d = 1 + random_below(random, 4);
	Rows	   *rows = rows_clusters(random, 60 + random_below(random, 300), d, 3, 2);
	MixtureParameters start;
	MixtureParameters parameters;
	double	   *floor = malloc(sizeof(double) * d);
	double		before = -INFINITY;
	double		long_before = -INFINITY;
	double		bound_before = 0;
	double		worst = 0;
	double		log_likelihood = 0;
	int			iterations = 0;
	MixtureError error;
	Em			em;

	for (int64_t i = 0; lattice && i < rows->n * d; i++)
		rows->values[i] = i / d % 5 == 0 ? 3 : nearbyint(rows->values[i]);
	rows_seal(rows);
	for (int j = 0; j < d; j++)
		floor[j] = lattice ? 1e-3 : 1e-6;
	random_parameters(random, &start, type, k, d);
	mixture_allocate_parameters(&parameters, type, k, d, &unit_host);
	em_begin(&em, &rows->source, NULL, type, k, floor, &unit_host);
	for (int m = 0; m <= 40; m++)
	{
		EmOutcome	outcome;
		double		bound;

		mixture_copy_parameters(&parameters, &start);
		if (em_run(&em, &parameters, m, 0, accelerate, &outcome, &error) != MIXTURE_OK)
			worst = INFINITY;
		log_likelihood = outcome.log_likelihood;
		iterations = outcome.iterations;
		bound = rounding_per_row(rows, &parameters);
		worst = fmax(worst, ((accelerate ? fmin(before, long_before) : before) - log_likelihood) /
					 rows->n / fmax(bound, bound_before));
		long_before = before;
		before = log_likelihood;
		bound_before = bound;
	}
	check(worst < 1 && iterations == 40 && isfinite(log_likelihood),
		  "%s, k %d, d %d, %s%s: the likelihood never falls (%.1e of rounding)",
		  family_names[type], k, d, accelerate ? "accelerated" : "plain EM",
		  lattice ? ", repeated values" : "", worst);
	em_end(&em);
	free(floor);
	mixture_release_parameters(&parameters, &unit_host);
	mixture_release_parameters(&start, &unit_host);
	rows_free(rows);
}

/*
 * raise_to_floor: the M-step's covariance exceeds the floor in every
 * direction, and is left alone in those where it did before.
 */
static void
test_floor(void)
{
	/* rows on the line y = x, and a floor: variance 2/3 along it, 0 across */
	Rows	   *rows = rows_allocate(3, 2);
	MixtureOptions options = default_options(MIXTURE_FULL);
	MixtureFit	fit;
	MixtureError error;
	double	   *covariance;
	MixtureStatus status;

	for (int i = 0; i < 3; i++)
		rows->values[2 * i] = rows->values[2 * i + 1] = i - 1;
	rows_seal(rows);
	options.reg_covar = 0.03;
	status = mixture_fit(&rows->source, 1, &options, &unit_host, &fit, &error);
	covariance = fit.parameters.covariances;

	/* the floor is 0.03 * 2/3 in each feature, so 0.02 across the line */
	check(status == MIXTURE_OK &&
		  fabs(covariance[0] + covariance[1] - 4.0 / 3) < 1e-12 &&
		  fabs(covariance[0] - covariance[1] - 0.02) < 1e-12 &&
		  fabs(covariance[2] - covariance[0]) < 1e-12,
		  "a collinear cloud gets the floor across the line, and keeps its variance along it");
	mixture_release_parameters(&fit.parameters, &unit_host);
	rows_free(rows);
}

/* The log-likelihood after so many iterations. */
static double
likelihood_after(const Rows *rows, const MixtureParameters *start, bool accelerate,
				 int iterations)
{
	MixtureOptions options = default_options(start->covariance_type);
	MixtureFit	fit;
	MixtureError error;

	options.max_iter = iterations;
	options.tol = 0;
	options.accelerate = accelerate;
	if (mixture_refit(&rows->source, start, &options, &unit_host, &fit, &error) != MIXTURE_OK)
		abort();
	mixture_release_parameters(&fit.parameters, &unit_host);
	return fit.info.log_likelihood;
}

/* Iterations until a likelihood is reached, which never falls. */
static int
iterations_to(const Rows *rows, const MixtureParameters *start, bool accelerate,
			  double target)
{
	int			low = 1;
	int			high = 3000;

	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (likelihood_after(rows, start, accelerate, middle) >= target)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/* What a run leaves of the log-likelihood of a row up to a target. */
static double
left_by_run(const Rows *rows, const MixtureParameters *start, bool patient, double target)
{
	double		floor[2] = {1e-6, 1e-6};
	MixtureParameters parameters;
	EmOutcome	outcome;
	MixtureError error;
	Em			em;

	mixture_allocate_parameters(&parameters, start->covariance_type, start->k, start->d,
								&unit_host);
	mixture_copy_parameters(&parameters, start);
	em_begin(&em, &rows->source, NULL, start->covariance_type, start->k, floor, &unit_host);
	em.patient = patient;
	if (em_run(&em, &parameters, 3000, 1e-4, true, &outcome, &error) != MIXTURE_OK ||
		!outcome.converged)
		abort();
	em_end(&em);
	mixture_release_parameters(&parameters, &unit_host);
	return (target - outcome.log_likelihood) / (double) rows->n;
}

/*
 * Where EM crawls, between clusters that overlap, SQUAREM does not; and a small step there
 * is not taken for the end by a run that is patient.
 */
static void
test_acceleration(void)
{
	Random		random = {5};	/* the same every time: starts that come to one optimum */
	Rows	   *rows = rows_clusters(&random, 600, 2, 3, 1.2);
	MixtureParameters start;
	int			plain;
	int			accelerated;
	double		target;
	double		hasty;
	double		patient;

	random_parameters(&random, &start, MIXTURE_FULL, 3, 2);
	target = likelihood_after(rows, &start, false, 3000) - 1e-6;
	plain = iterations_to(rows, &start, false, target);
	accelerated = iterations_to(rows, &start, true, target);
	check(2 * accelerated < plain,
		  "acceleration takes %d iterations where plain EM takes %d", accelerated, plain);
	hasty = left_by_run(rows, &start, false, target);
	patient = left_by_run(rows, &start, true, target);
	check(2 * patient < hasty, "a patient run leaves %g a row of what another does, %g", patient,
		  hasty);
	mixture_release_parameters(&start, &unit_host);
	rows_free(rows);
}

void
test_em(void)
{
	Random		random = random_start(4);

	for (int type = 0; type < MIXTURE_N_COVARIANCE_TYPES; type++)
	{
		for (int i = 0; i < 3; i++)
			test_one_component(&random, type);
		for (int i = 0; i < 4; i++)
		{
			test_monotone(&random, type, false, i % 2 == 1);
			test_monotone(&random, type, true, i % 2 == 1);
		}
	}
	test_floor();
	test_acceleration();
}
