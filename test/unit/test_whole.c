/*
 * test_whole.c
 *	  Passes that go by what all rows together are (whole.c): they find what the
 *	  reference finds, or are made as any other where that would lose digits.
 */
#include "reference_missing.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/linalg.h"

#define TOLERANCE 1e-10

/* Rows, and components that share a covariance, of which the rows know nothing. */
typedef struct Shape
{
	int			k;
	int			d;
	int64_t		n;
	double		spread;			/* of the means, in deviations */
	double		least;			/* variance in the flattest direction; 0: as it comes */
	double		offset;			/* in deviations */
	double		unit;
} Shape;

/* Let a mixture have this shape, near a given one if there is one. */
static void
make_mixture(Random *random, const Shape *shape, const MixtureParameters *near,
			 MixtureParameters *parameters)
{
	size_t		d = shape->d;

	random_parameters(random, parameters, MIXTURE_TIED, shape->k, shape->d);
	if (shape->least > 0)
		random_flat(random, parameters, shape->least);
	for (size_t i = 0; i < linalg_packed_count(shape->d); i++)
		parameters->covariances[i] *= shape->unit * shape->unit;
	for (size_t i = 0; i < shape->k * d; i++)
		parameters->means[i] = near != NULL ?
			near->means[i] + 0.1 * sqrt(mixture_variance(near, 0, i % d)) * random_normal(random) :
			shape->unit * (shape->offset + shape->spread * random_normal(random));
	if (near != NULL)
		for (size_t i = 0; i < linalg_packed_count(shape->d); i++)
			parameters->covariances[i] = near->covariances[i] * 1.1;
}

/* Rows of a mixture, with weights. */
static Rows *
make_rows(Random *random, const MixtureParameters *parameters, int64_t n)
{
	int			d = parameters->d;
	Rows	   *rows = rows_allocate(n, d);
	double	   *factor = malloc(linalg_packed_count(d) * sizeof(double));
	double	   *normal = malloc(d * sizeof(double));

	memcpy(factor, parameters->covariances, linalg_packed_count(d) * sizeof(double));
	linalg_cholesky(factor, d, &unit_host);
	for (int64_t i = 0; i < n; i++)
	{
		const double *mean = parameters->means + random_below(random, parameters->k) * d;

		for (int j = 0; j < d; j++)
			normal[j] = random_normal(random);
		for (int j = 0; j < d; j++)
			rows->values[i * d + j] = mean[j] + linalg_dot(factor + linalg_row(j), normal, j + 1);
		rows->weights[i] = i % 7 == 3 ? 0 : 3 * random_uniform(random);
	}
	rows_seal(rows);
	free(normal);
	free(factor);
	return rows;
}

/* How far sums of a pass, and what the M-step makes of them, are from others. */
static double
sums_apart(const MixtureParameters *parameters, const MixtureStats *stats,
		   const MixtureStats *expected, const double *floor)
{
	const MixtureBounds bounds = {.floor = floor};
	int			k = parameters->k;
	size_t		d = parameters->d;
	MixtureParameters next;
	MixtureParameters right;
	double		total = *expected->sum_weights;
	double		worst;

	mixture_allocate_parameters(&next, MIXTURE_TIED, k, d, &unit_host);
	mixture_allocate_parameters(&right, MIXTURE_TIED, k, d, &unit_host);
	mixture_maximize(stats, parameters, &bounds, &next, &unit_host);
	mixture_maximize(expected, parameters, &bounds, &right, &unit_host);
	worst = relative_difference(*stats->log_likelihood / total, *expected->log_likelihood / total,
								(double) d);
	worst = fmax(worst, largest_difference(next.weights, right.weights, k, 1));
	for (size_t i = 0; i < k * d; i++)
		worst = fmax(worst, fabs(next.means[i] - right.means[i]) /
					 sqrt(mixture_variance(&right, 0, i % d)));
	for (size_t i = 0; i < d; i++)
		for (size_t j = 0; j <= i; j++)
			worst = fmax(worst, fabs(next.covariances[linalg_row(i) + j] -
									 right.covariances[linalg_row(i) + j]) /
						 sqrt(mixture_variance(&right, 0, i) * mixture_variance(&right, 0, j)));
	mixture_release_parameters(&right, &unit_host);
	mixture_release_parameters(&next, &unit_host);
	return worst;
}

/*
 * How far they are from those of the reference, less, where covariances are nearly
 * singular, what rounding of these does to it.
 */
static double
compare(const Rows *rows, const MixtureParameters *parameters, const MixtureStats *stats,
		const double *floor, bool flat)
{
	MixtureStats *expected = mixture_allocate_stats(MIXTURE_TIED, parameters->k, rows->d,
													&unit_host);
	double		worst;

	reference_accumulate(parameters, rows, expected);
	worst = sums_apart(parameters, stats, expected, floor);
	if (flat)
	{
		MixtureStats *moved = mixture_allocate_stats(MIXTURE_TIED, parameters->k, rows->d,
													 &unit_host);
		MixtureParameters loosened;

		reference_loosened(parameters, &loosened);
		reference_accumulate(&loosened, rows, moved);
		worst -= sums_apart(parameters, moved, expected, floor);
		mixture_release_parameters(&loosened, &unit_host);
		mixture_release_stats(moved, &unit_host);
	}
	mixture_release_stats(expected, &unit_host);
	return worst;
}

/* Whether a pass is to go by the whole. */
typedef enum Way
{
	ANY_PASS, BY_WHOLE, EITHER
} Way;

/* Passes at two mixtures: the second goes by the whole, or not if it is not to. */
static void
test_passes(Random *random, const Shape *shape, Way way)
{
	MixtureParameters first;
	MixtureParameters second;
	double	   *floor = calloc(shape->d, sizeof(double));
	bool		flat = shape->least > 0;
	const Kernels *kernels;
	Rows	   *rows;

	make_mixture(random, shape, NULL, &first);
	make_mixture(random, shape, &first, &second);
	rows = make_rows(random, &first, shape->n);
	for (int i = 0; (kernels = kernels_list(i)) != NULL; i++)
	{
		MixtureError error;
		double		worst;
		bool		linear;
		Em			em;

		kernels_select(kernels);
		em_begin(&em, &rows->source, NULL, MIXTURE_TIED, shape->k, floor, &unit_host);
		em_know_whole(&em);
		em_pass(&em, &first, true, &error);
		worst = compare(rows, &first, em.stats, floor, flat);
		em_pass(&em, &second, true, &error);
		worst = fmax(worst, compare(rows, &second, em.stats, floor, flat));
		linear = isnan(*em.stats->log_density_squares);
		check(worst < TOLERANCE && (way == EITHER || linear == (way == BY_WHOLE)),
			  "k %d, d %d, %lld rows, means %g apart, least variance %g, offset %g: %s kernels, "
			  "%s, agree with the reference (%.1e)", shape->k, shape->d, (long long) shape->n,
			  shape->spread, shape->least, shape->offset, kernels->name,
			  linear ? "by the whole" : "as any pass", worst);
		em_end(&em);
	}
	kernels_select(NULL);
	rows_free(rows);
	mixture_release_parameters(&second, &unit_host);
	mixture_release_parameters(&first, &unit_host);
	free(floor);
}

/*
 * A run to the end finds the same optimum, whether its passes go by the whole or not.
 */
static void
test_runs(Random *random)
{
	const Shape shape = {3, 8, 900, 1, 0, 1000, 1};
	MixtureParameters truth;
	double	   *floor = calloc(shape.d, sizeof(double));
	MixtureParameters start;
	MixtureParameters ends[2];
	EmOutcome	outcomes[2];
	double		worst;
	MixtureError error;
	Rows	   *rows;

	make_mixture(random, &shape, NULL, &truth);
	make_mixture(random, &shape, NULL, &start);
	rows = make_rows(random, &truth, shape.n);
	for (int i = 0; i < 2; i++)
	{
		Em			em;

		mixture_allocate_parameters(&ends[i], MIXTURE_TIED, shape.k, shape.d, &unit_host);
		mixture_copy_parameters(&ends[i], &start);
		em_begin(&em, &rows->source, NULL, MIXTURE_TIED, shape.k, floor, &unit_host);
		if (i == 1)
			em_know_whole(&em);
		em_run(&em, &ends[i], 1000, 1e-9, true, &outcomes[i], &error);
		em_end(&em);
	}
	worst = largest_difference(ends[0].means, ends[1].means, (size_t) shape.k * shape.d, 1);
	check(outcomes[0].converged && outcomes[1].converged && outcomes[1].iterations > 3 &&
		  relative_difference(outcomes[0].log_likelihood, outcomes[1].log_likelihood, 0) < 1e-9 &&
		  worst < 1e-3,
		  "a run of %d iterations by the whole ends where one of %d without it does (%.1e)",
		  outcomes[1].iterations, outcomes[0].iterations, worst);
	for (int i = 0; i < 2; i++)
		mixture_release_parameters(&ends[i], &unit_host);
	mixture_release_parameters(&start, &unit_host);
	mixture_release_parameters(&truth, &unit_host);
	rows_free(rows);
	free(floor);
}

void
test_whole(void)
{
	Random		random = random_start(4100);

	for (int i = 0; i < RANDOM_CASES(40); i++)
	{
		const Shape shape = {
			2 + random_below(&random, 8), 5 + random_below(&random, 40),
			300 + random_below(&random, 900), 1 + 2 * random_uniform(&random), 0,
			i % 2 == 0 ? 0 : 1e6 * random_normal(&random),
			pow(10, random_below(&random, 21) - 10)
		};

		test_passes(&random, &shape, BY_WHOLE);
	}
	/* more rows of the whole's own than a block has */
	test_passes(&random, &(Shape) {3, 400, 1200, 1, 0, 0, 1}, BY_WHOLE);
	/* and what is near the bounds, or beyond */
	for (int i = 0; i < RANDOM_CASES(20); i++)
	{
		const Shape flat = {
			2 + random_below(&random, 4), 5 + random_below(&random, 20), 500, 1,
			pow(10, -4.7 - 1.3 * random_uniform(&random)), 0, 1
		};
		const Shape apart = {
			2 + random_below(&random, 4), 5 + random_below(&random, 20), 500,
			1000 * (1 + random_uniform(&random)), 0, 0, 1
		};

		const Shape between = {
			2 + random_below(&random, 4), 5 + random_below(&random, 20), 500,
			60 * random_uniform(&random), pow(10, -4 * random_uniform(&random)), 0, 1
		};

		test_passes(&random, &flat, ANY_PASS);
		test_passes(&random, &apart, ANY_PASS);
		test_passes(&random, &between, EITHER);
	}
	test_runs(&random);
}
