/*
 * test_tail.c
 *	  The share of a mixture's rows that have a lower density than a row:
 *	  against formulas where there are, against rows that are drawn elsewhere.
 */
#include "unit.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/linalg.h"
#include "engine/core/special.h"

/* A mixture made ready, with what scoring a row takes. */
typedef struct Scoring
{
	MixturePrepared *prepared;
	MixtureTail *tail;
	double	   *work;
} Scoring;

static Scoring
scoring_begin(const MixtureParameters *parameters)
{
	MixtureError error = {0};
	Scoring		scoring;

	scoring.prepared = mixture_prepare_rows(parameters, &unit_host, &error);
	scoring.tail = mixture_tail_create(scoring.prepared, parameters->weights, &unit_host);
	scoring.work = malloc(sizeof(double) * mixture_row_work_size(scoring.prepared));
	return scoring;
}

static void
scoring_end(Scoring *scoring)
{
	unit_host.release(NULL, scoring->prepared);
	unit_host.release(NULL, scoring->tail);
	free(scoring->work);
}

static double
share_of(const Scoring *scoring, const double *row)
{
	return mixture_row_outlier_pvalue(scoring->prepared, scoring->tail, row, scoring->work);
}

static double
log_density_of(const Scoring *scoring, const double *row)
{
	return mixture_row_log_density(scoring->prepared, row, scoring->work);
}

/* Every clone's log densities along rays are those of a plain sum. */
static void
test_ray_kernels(void)
{
	const Kernels *before = kernels_current();
	Random		random = random_start(530);
	double		values[3][9];
	double		positions[16];
	double		found[16];

	for (int number = 0; kernels_list(number) != NULL; number++)
	{
		const Kernels *kernels = kernels_list(number);
		double		worst = 0;

		for (int trial = 0; trial < 200; trial++)
		{
			Ray			ray = {1 + trial % 9, values[0], values[1], values[2]};

			for (int c = 0; c < ray.k; c++)
			{
				ray.peaks[c] = 3 * random_normal(&random) - (c > 0 ? 5 * c : 0);
				ray.curvatures[c] = c > 0 ? exp(4 * random_normal(&random)) : 0.5;
				ray.closest[c] = c > 0 ? 5 * random_normal(&random) : 0;
			}
			for (int i = 0; i < 16; i++)
				positions[i] = 40 * (random_uniform(&random) - 0.5);
			kernels->ray_log_densities(&ray, positions, 16, found);
			for (int i = 0; i < 16; i++)
			{
				long double sum = 0;

				for (int c = 0; c < ray.k; c++)
				{
					long double distance = (long double) positions[i] - ray.closest[c];

					sum += expl(ray.peaks[c] - ray.curvatures[c] * distance * distance);
				}
				worst = fmax(worst, relative_difference(found[i], (double) logl(sum), 1));
			}
		}
		check(worst < 1e-13, "%s: the log density along a ray (%.1e)", kernels->name, worst);
	}
	kernels_select(before);
}

/* One component: the tail of chi-square, at every distance. */
static void
test_one_component(void)
{
	Random		random = random_start(531);
	double		worst = 0;

	for (int d = 1; d <= 10; d++)
	{
		MixtureParameters parameters;
		Scoring		scoring;
		double		row[10];
		double		zero_weights[3] = {0, 1, 0};

		random_parameters(&random, &parameters, (MixtureCovarianceType) (d % 4), 3, d);
		parameters.weights = zero_weights;
		scoring = scoring_begin(&parameters);
		for (double size = 0.1; size < 40; size *= 1.5)
		{
			long double log_densities[3];
			long double distances[3];
			double		expected;

			for (int j = 0; j < d; j++)
				row[j] = parameters.means[d + j] + size * random_normal(&random);
			reference_log_densities(&parameters, row, log_densities, distances);
			expected = special_chi_square_tail((double) distances[1], d);
			/* a relative error of the distance's square counts for so much more */
			if (expected > 1e-300)
				worst = fmax(worst, relative_difference(share_of(&scoring, row), expected, 0) /
							 (1 + (double) distances[1]));
		}
		scoring_end(&scoring);
		parameters.weights = parameters.means - 3;
		mixture_release_parameters(&parameters, &unit_host);
	}
	check(worst < 1e-12, "one component that has weight: chi-square's tail (%.1e)", worst);
}

/*
 * Round components about one mean, of whatever scales and weights: the density
 * falls with the distance, so that the share is a sum of chi-square's tails.
 * Seen are all that is interpolated, as the directions do not matter.
 */
static double
worst_concentric(Random *random, int k, int d, double spread, double rarest)
{
	MixtureParameters parameters;
	Scoring		scoring;
	double		sum = 0;
	double		worst = 0;
	double	   *row = calloc(d, sizeof(double));

	mixture_allocate_parameters(&parameters, MIXTURE_SPHERICAL, k, d, &unit_host);
	memset(parameters.means, 0, sizeof(double) * k * d);
	for (int c = 0; c < k; c++)
	{
		sum += parameters.weights[c] = exp(log(rarest) * random_uniform(random));
		parameters.covariances[c] = exp(2 * spread * random_normal(random));
	}
	for (int c = 0; c < k; c++)
		parameters.weights[c] /= sum;
	scoring = scoring_begin(&parameters);
	for (double r = 1e-3; r < 1e6; r *= 1.1)
	{
		double		expected = 0;

		row[0] = r;
		for (int c = 0; c < k; c++)
			expected += parameters.weights[c] *
				special_chi_square_tail(r * r / parameters.covariances[c], d);
		if (expected < 1e-12)
			break;
		worst = fmax(worst, relative_difference(share_of(&scoring, row), expected, 0));
	}
	scoring_end(&scoring);
	mixture_release_parameters(&parameters, &unit_host);
	free(row);
	return worst;
}

/* Components far apart: each on its own, the level of density being the same. */
static double
worst_apart(Random *random, int k, int d)
{
	MixtureParameters parameters;
	Scoring		scoring;
	MixtureError error = {0};
	MixtureDrawing *drawing;
	double	   *row = malloc(sizeof(double) * d);
	double		worst = 0;
	double		rare = 1e-4;

	random_parameters(random, &parameters, MIXTURE_FULL, k, d);
	for (int c = 0; c < k; c++)
	{
		if (c > 0)
			parameters.weights[c] *= (1 - rare) / (1 - parameters.weights[0]);
		for (int j = 0; j < d; j++)
			parameters.means[c * d + j] = j == 0 ? 200.0 * c : 0;
	}
	parameters.weights[0] = rare;
	scoring = scoring_begin(&parameters);
	drawing = mixture_drawing_create(&parameters, &unit_host, &error);
	for (int i = 0; i < 400; i++)
	{
		int			c = mixture_draw_row(drawing, base_seed, i, row);
		double		expected = 0;
		double		t;

		/* farther out, so that all sizes are seen */
		for (int j = 0; j < d; j++)
			row[j] += (row[j] - parameters.means[c * d + j]) * (i % 8) / 4.0;
		t = log_density_of(&scoring, row);
		for (int j = 0; j < k; j++)
		{
			double		peak = log_density_of(&scoring, parameters.means + (size_t) j * d);

			expected += parameters.weights[j] *
				special_chi_square_tail(fmax(2 * (peak - t), 0), d);
		}
		if (expected > 1e-12)
			worst = fmax(worst, relative_difference(share_of(&scoring, row), expected, 0));
	}
	unit_host.release(NULL, drawing);
	scoring_end(&scoring);
	mixture_release_parameters(&parameters, &unit_host);
	free(row);
	return worst;
}

/*
 * One dimension, by hand: the rows of lower density than t are in intervals
 * between points at which the density is t, which are found on a fine grid and
 * by bisection, and the share in an interval by the normal distribution.
 */
static double
exact_share(const Scoring *scoring, const MixtureParameters *parameters, double t)
{
	double		low = INFINITY;
	double		high = -INFINITY;
	double		step = INFINITY;
	double		share = 0;
	bool		below = true;

	for (int c = 0; c < parameters->k; c++)
	{
		double		deviation = sqrt(parameters->covariances[c]);

		low = fmin(low, parameters->means[c] - 12 * deviation);
		high = fmax(high, parameters->means[c] + 12 * deviation);
		step = fmin(step, deviation / 200);
	}
	for (double x = low; x < high; x += step)
	{
		double		next = x + step;
		double		a = x;
		double		b = next;

		if ((log_density_of(scoring, &next) < t) == below)
			continue;
		for (int i = 0; i < 60; i++)
		{
			double		middle = 0.5 * (a + b);

			if ((log_density_of(scoring, &middle) < t) == below)
				a = middle;
			else
				b = middle;
		}
		/* lower up to here, or from here on: by the tail that is the smaller */
		for (int c = 0; c < parameters->k; c++)
		{
			double		z = (b - parameters->means[c]) / sqrt(2 * parameters->covariances[c]);
			double		half = 0.5 * parameters->weights[c];

			if (below)
				share += z > 0 ? -half * erfc(z) : half * erfc(-z) - 2 * half;
			else
				share += z > 0 ? half * erfc(z) : 2 * half - half * erfc(-z);
		}
		below = !below;
	}
	return 1 + share;
}

/* The largest relative and the largest absolute error, down to 1e-7. */
static void
worst_line(Random *random, int k, double *relative, double *absolute)
{
	MixtureParameters parameters;
	Scoring		scoring;

	random_parameters(random, &parameters, MIXTURE_SPHERICAL, k, 1);
	scoring = scoring_begin(&parameters);
	for (int i = 0; i < 60; i++)
	{
		double		x = parameters.means[i % k] + 1.5 * random_normal(random) * (1 + i % 4);
		double		expected = exact_share(&scoring, &parameters, log_density_of(&scoring, &x));
		double		found = share_of(&scoring, &x);

		*absolute = fmax(*absolute, fabs(found - expected));
		if (expected > 1e-7)
			*relative = fmax(*relative, relative_difference(found, expected, 0));
	}
	scoring_end(&scoring);
	mixture_release_parameters(&parameters, &unit_host);
}

static void
test_formulas(void)
{
	Random		random = random_start(532);
	double		worst = 0;
	double		absolute = 0;

	for (int trial = 0; trial < 60; trial++)
		worst = fmax(worst, worst_concentric(&random, 2 + trial % 9, 1 + trial % 10, 0.5 + trial % 3, 1e-9));
	check(worst < 0.1, "about one mean: sums of chi-square's tails, down to 1e-12 (%.4f)", worst);

	worst = 0;
	for (int d = 1; d <= 10; d++)
		for (int k = 2; k <= 10; k += 4)
			worst = fmax(worst, worst_apart(&random, k, d));
	check(worst < 0.1, "far apart: sums of chi-square's tails, down to 1e-12 (%.4f)", worst);

	worst = 0;
	for (int trial = 0; trial < 30; trial++)
		worst_line(&random, 2 + trial % 9, &worst, &absolute);
	check(worst < 0.1 && absolute < 0.01,
		  "on a line: intervals found by bisection, down to 1e-7 (%.4f; %.4f of 1)", worst, absolute);
}

#define N_ROWS 2000

/* Rows of the mixture itself are uniform. */
static double
uniformity(Random *random, MixtureCovarianceType type, int k, int d, double apart)
{
	MixtureParameters parameters;
	Scoring		scoring;
	MixtureError error = {0};
	MixtureDrawing *drawing;
	double	   *row = malloc(sizeof(double) * d);
	double	   *shares = malloc(sizeof(double) * N_ROWS);
	double		statistic;

	random_parameters(random, &parameters, type, k, d);
	for (int i = 0; i < k * d; i++)
		parameters.means[i] *= apart;
	scoring = scoring_begin(&parameters);
	drawing = mixture_drawing_create(&parameters, &unit_host, &error);
	for (int i = 0; i < N_ROWS; i++)
	{
		mixture_draw_row(drawing, base_seed, i, row);
		shares[i] = share_of(&scoring, row);
	}
	statistic = kolmogorov(shares, N_ROWS);
	unit_host.release(NULL, drawing);
	scoring_end(&scoring);
	mixture_release_parameters(&parameters, &unit_host);
	free(shares);
	free(row);
	return statistic;
}

/*
 * A statistic above 2.7 has one chance in a million, and shares may be off by
 * 0.01, which is 0.45 here.
 */
static void
test_uniform(void)
{
	Random		random = random_start(533);
	static const double distances[] = {0, 0.3, 1, 20};

	for (size_t i = 0; i < sizeof(distances) / sizeof(double); i++)
	{
		double		worst = 0;

		for (int d = 1; d <= 10; d++)
			for (int k = 1; k <= 10; k += 3)
				worst = fmax(worst, uniformity(&random, (MixtureCovarianceType) ((d + k) % 4), k, d,
											   distances[i]));
		check(worst < 3.15, "rows of the mixture are uniform, k and d to 10, apart %g (%.2f)",
			  distances[i], worst);
	}
}

/*
 * The order is that of the density, to the last bit, from the largest to where
 * doubles end; shares are above 0 while the density is, and at most 1.
 */
static bool
in_order(Random *random, const MixtureParameters *parameters)
{
	enum
	{
		n = 4000
	};
	Scoring		scoring = scoring_begin(parameters);
	int			d = parameters->d;
	double	   *row = malloc(sizeof(double) * d);
	double	   *values = malloc(sizeof(double) * 2 * n);
	bool		sound = true;

	for (int i = 0; i < n; i++)
	{
		int			c = i % parameters->k;
		double		size = exp(8 * random_uniform(random) - 4);

		for (int j = 0; j < d; j++)
			row[j] = parameters->means[c * d + j] + (i < parameters->k ? 0 : size * random_normal(random));
		values[2 * i] = log_density_of(&scoring, row);
		values[2 * i + 1] = share_of(&scoring, row);
		sound = sound && values[2 * i + 1] >= 0 && values[2 * i + 1] <= 1 &&
			(values[2 * i + 1] > 0 || values[2 * i] < -600);
	}
	for (int i = 0; i < n; i++)
		for (int j = 0; j < n; j += 7)
			sound = sound && (values[2 * i] >= values[2 * j] || values[2 * i + 1] <= values[2 * j + 1]);
	scoring_end(&scoring);
	free(values);
	free(row);
	return sound;
}

/* Where the mean of every component is, and what its covariance, in units. */
static void
change_units(MixtureParameters *parameters, const double *units)
{
	int			d = parameters->d;
	size_t		count = linalg_packed_count(d);

	for (int c = 0; c < parameters->k; c++)
		for (int i = 0; i < d; i++)
		{
			parameters->means[c * d + i] *= units[i];
			for (int j = 0; j <= i; j++)
				parameters->covariances[c * count + linalg_row(i) + j] *= units[i] * units[j];
		}
}

/* Nothing but the mixture decides: not the call, not the units, not the clone. */
static void
test_same(void)
{
	Random		random = random_start(534);
	const Kernels *before = kernels_current();
	const double units[3] = {0x1.0p40, 0x1.0p-60, 4};
	double		rows[50][3];
	double		shares[50];
	MixtureParameters parameters;
	Scoring		scoring;
	bool		same = true;
	double		worst = 0;

	random_parameters(&random, &parameters, MIXTURE_FULL, 4, 3);
	scoring = scoring_begin(&parameters);
	for (int i = 0; i < 50; i++)
	{
		for (int j = 0; j < 3; j++)
			rows[i][j] = 4 * random_normal(&random);
		shares[i] = share_of(&scoring, rows[i]);
	}
	scoring_end(&scoring);
	for (int number = 0; kernels_list(number) != NULL; number++)
	{
		kernels_select(kernels_list(number));
		scoring = scoring_begin(&parameters);
		for (int i = 0; i < 50; i++)
		{
			double		share = share_of(&scoring, rows[i]);

			same = same && (kernels_list(number) != before || share == shares[i]);
			worst = fmax(worst, relative_difference(share, shares[i], 1e-100));
		}
		scoring_end(&scoring);
	}
	kernels_select(before);
	check(same, "the same mixture again: the same shares to the last bit");
	check(worst < 1e-9, "other kernels: the same shares to rounding (%.1e)", worst);

	change_units(&parameters, units);
	scoring = scoring_begin(&parameters);
	worst = 0;
	for (int i = 0; i < 50; i++)
	{
		for (int j = 0; j < 3; j++)
			rows[i][j] *= units[j];
		worst = fmax(worst, relative_difference(share_of(&scoring, rows[i]), shares[i], 1e-100));
	}
	check(worst < 1e-9, "other units: the same shares to rounding (%.1e)", worst);
	scoring_end(&scoring);
	mixture_release_parameters(&parameters, &unit_host);
}

/* Weights and scales at the ends of the range, many components and dimensions. */
static void
test_extremes(void)
{
	Random		random = random_start(535);
	double		weights[] = {0.5, 0.5 - 1e-9, 1e-9, 1e-300, 0};
	double		means[] = {0, 0, 1, 1, 0, 0, -1, 1, 5, 5};
	double		variances[] = {1, 1e-250, 1e250, 1e-300, 1};
	MixtureParameters parameters = {5, 2, MIXTURE_SPHERICAL, weights, means, variances, 0, NULL};
	static const struct
	{
		int			k;
		int			d;
	}			shapes[] = {{300, 2}, {3, 60}, {2, 300}, {40, 12}, {1500, 1}};
	bool		sound = in_order(&random, &parameters);
	Scoring		scoring = scoring_begin(&parameters);
	double		row[2] = {1e120, 0};
	double		expected = 1e-9 * exp(-0.5e-10);

	check(relative_difference(share_of(&scoring, row), expected, 0) < 0.05,
		  "a component of weight 1e-9 and a deviation of 1e125 is the tail (%g)",
		  share_of(&scoring, row));
	scoring_end(&scoring);
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		for (int type = 0; type < MIXTURE_N_COVARIANCE_TYPES; type++)
		{
			MixtureParameters many;

			random_parameters(&random, &many, (MixtureCovarianceType) type, shapes[i].k, shapes[i].d);
			sound = sound && in_order(&random, &many);
			mixture_release_parameters(&many, &unit_host);
		}
	check(sound, "shares are in the density's order, from 0 to 1, whatever the mixture");
}

void
test_tails(void)
{
	test_ray_kernels();
	test_one_component();
	test_formulas();
	test_uniform();
	test_same();
	test_extremes();
}
