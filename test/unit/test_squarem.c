/*
 * test_squarem.c
 *	  SQUAREM's extrapolation against its formula: where points converge along
 *	  a line it is at the limit at once, and what it makes is always a mixture.
 */
#include "unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/linalg.h"
#include "engine/em/em_private.h"

/* Doubles of a mixture, all of which lie behind one another. */
static size_t
value_count(const MixtureParameters *parameters)
{
	return parameters->k + (size_t) parameters->k * parameters->d +
		mixture_covariance_count(parameters->covariance_type, parameters->k, parameters->d);
}

/*
 * The mixture whose means are those of `at` plus `step` times those of
 * `direction`, and likewise the logarithms of variances, or the Cholesky
 * factors, whose diagonals are logarithms, of covariances.  Weights stay.
 */
static void
point_on_line(const MixtureParameters *at, const MixtureParameters *direction, double step,
			  MixtureParameters *point)
{
	int			d = at->d;
	MixtureCovarianceType type = at->covariance_type;
	size_t		count = mixture_factor_count(type, d);
	size_t		n = mixture_covariance_count(type, at->k, d);
	double	   *factor = malloc(count * sizeof(double));

	memcpy(point->weights, at->weights, at->k * sizeof(double));
	for (int i = 0; i < at->k * d; i++)
		point->means[i] = at->means[i] + step * direction->means[i];
	for (size_t start = 0; start < n; start += count)
	{
		double	   *covariance = point->covariances + start;
		const double *way = direction->covariances + start;

		memcpy(factor, at->covariances + start, count * sizeof(double));
		if (!mixture_has_matrix(type))
		{
			for (size_t i = 0; i < count; i++)
				covariance[i] = factor[i] * exp(2 * step * way[i]);
			continue;
		}
		linalg_cholesky(factor, d, &unit_host);
		for (int i = 0; i < d; i++)
			for (int j = 0; j <= i; j++)
			{
				double	   *element = &factor[linalg_row(i) + j];

				*element = i == j ? *element * exp(step * way[linalg_row(i) + j]) :
					*element + step * way[linalg_row(i) + j];
			}
		for (int i = 0; i < d; i++)
			for (int j = 0; j <= i; j++)
				covariance[linalg_row(i) + j] =
					linalg_dot(factor + linalg_row(i), factor + linalg_row(j), j + 1);
	}
	free(factor);
}

/* What tests of lines need. */
typedef struct Line
{
	MixtureParameters limit;
	MixtureParameters direction;
	MixtureParameters points[3];
	MixtureParameters result;
	MixtureParameters expected;
	double	   *scratch;
} Line;

/* Three points at distances 1, rate and rate^2 from the limit. */
static void
line_begin(Line *line, Random *random, MixtureCovarianceType type, double rate)
{
	int			k = 1 + random_below(random, 5);
	int			d = 1 + random_below(random, 5);

	random_parameters(random, &line->limit, type, k, d);
	random_parameters(random, &line->direction, type, k, d);
	for (size_t i = 0; i < value_count(&line->direction); i++)
		line->direction.weights[i] = 0.5 * random_normal(random);
	for (int i = 0; i < 3; i++)
	{
		mixture_allocate_parameters(&line->points[i], type, k, d, &unit_host);
		point_on_line(&line->limit, &line->direction, pow(rate, i), &line->points[i]);
	}
	mixture_allocate_parameters(&line->result, type, k, d, &unit_host);
	mixture_allocate_parameters(&line->expected, type, k, d, &unit_host);
	line->scratch = malloc(sizeof(double) * squarem_scratch_count(type, k, d));
}

static bool
line_extrapolate(Line *line, double *step_limit)
{
	return squarem_extrapolate(&line->points[0], &line->points[1], &line->points[2],
							   step_limit, line->scratch, &line->result, &unit_host);
}

static void
line_end(Line *line)
{
	free(line->scratch);
	mixture_release_parameters(&line->expected, &unit_host);
	mixture_release_parameters(&line->result, &unit_host);
	for (int i = 0; i < 3; i++)
		mixture_release_parameters(&line->points[i], &unit_host);
	mixture_release_parameters(&line->direction, &unit_host);
	mixture_release_parameters(&line->limit, &unit_host);
}

/*
 * With r = -(1 - rate) e and v = (1 - rate)^2 e, e being what is left to go,
 * a step of length a leads to (1 - a (1 - rate))^2 e: to the limit where
 * a = |r| / |v| is not bounded.  Coordinates are of the size of 1, and rounding
 * of v, a few epsilon, is multiplied by a^2 = 1 / (1 - rate)^2.
 */
static void
test_line(Random *random, MixtureCovarianceType type)
{
	double		worst = 0;
	bool		limits = true;

	for (int try = 0; try < 100; try++)
	{
		bool		bounded = try % 2 == 1;
		double		rate = 0.7 + 0.29 * random_uniform(random);
		double		a = 1 / (1 - rate);
		double		given = bounded ? 1 + (a - 1) * (0.1 + 0.8 * random_uniform(random)) : 1e6;
		double		limit = given;
		double		left;
		Line		line;

		line_begin(&line, random, type, rate);
		left = bounded ? pow(1 - given * (1 - rate), 2) : 0;
		point_on_line(&line.limit, &line.direction, left, &line.expected);
		limits = limits && line_extrapolate(&line, &limit) &&
			limit == (bounded ? 4 * given : given);
		worst = fmax(worst, largest_difference(line.result.weights, line.expected.weights,
											   value_count(&line.result), 1) / (a * a));
		line_end(&line);
	}
	check(limits && worst < 1e-12,
		  "%s: from points on a line, extrapolation is where its formula says (%.1e a^2)",
		  family_names[type], worst);
}

/* Any three mixtures make a mixture, or none. */
static void
test_any_points(Random *random, MixtureCovarianceType type)
{
	bool		sound = true;
	int			n_made = 0;

	for (int try = 0; try < 200; try++)
	{
		double		limit = 2 + 20 * random_uniform(random);
		double		sum = 0;
		Line		line;
		MixtureError error;

		line_begin(&line, random, type, 0.9);
		for (int i = 0; i < 3; i++)
			for (int c = 0; c < line.limit.k; c++)
				line.points[i].weights[c] = exp(random_normal(random));
		for (int c = 0; c < line.limit.k * line.limit.d; c++)
			line.points[2].means[c] += 0.05 * random_normal(random);
		if (line_extrapolate(&line, &limit))
		{
			n_made++;
			for (int c = 0; c < line.result.k; c++)
			{
				sum += line.result.weights[c];
				sound = sound && line.result.weights[c] >= 0;
			}
			sound = sound && fabs(sum - 1) < 1e-14 &&
				mixture_covariances_valid(&line.result, &unit_host, &error);
		}
		line_end(&line);
	}
	check(sound && n_made > 0, "%s: what is extrapolated from any points is a mixture (%d of 200 are)",
		  family_names[type], n_made);
}

/* Units and offsets do not show: powers of two, to the last bit. */
static void
test_units(Random *random, MixtureCovarianceType type)
{
	bool		same = true;

	for (int try = 0; try < 50; try++)
	{
		double		limit = 1e6;
		double		limit_scaled = 1e6;
		Line		line;
		Line		scaled;
		Random		copy = *random;
		size_t		n;

		line_begin(&line, random, type, 0.9);
		line_begin(&scaled, &copy, type, 0.9);
		n = mixture_covariance_count(type, line.limit.k, line.limit.d);
		for (int i = 0; i < 3; i++)
		{
			for (int c = 0; c < line.limit.k * line.limit.d; c++)
				scaled.points[i].means[c] *= 1024;
			for (size_t c = 0; c < n; c++)
				scaled.points[i].covariances[c] *= 1024 * 1024;
		}
		same = same && line_extrapolate(&line, &limit) == line_extrapolate(&scaled, &limit_scaled);
		for (int c = 0; c < line.limit.k * line.limit.d; c++)
			same = same && fabs(scaled.result.means[c] - 1024 * line.result.means[c]) <
				1e-9 * 1024;
		line_end(&scaled);
		line_end(&line);
	}
	check(same, "%s: units do not show in an extrapolation", family_names[type]);
}

/* When there is nothing to extrapolate. */
static void
test_refusals(Random *random, MixtureCovarianceType type)
{
	Line		line;
	double		limit = 1;

	line_begin(&line, random, type, 0.9);
	check(!line_extrapolate(&line, &limit) && limit == 4,
		  "%s: a step that is bounded by 1 is not made, and the next may be longer",
		  family_names[type]);
	mixture_copy_parameters(&line.points[1], &line.points[0]);
	mixture_copy_parameters(&line.points[2], &line.points[0]);
	check(!line_extrapolate(&line, &limit), "%s: three equal points lead nowhere", family_names[type]);
	line_end(&line);

	line_begin(&line, random, type, 0.9);
	line.points[1].weights[0] = 0;
	check(!line_extrapolate(&line, &limit), "%s: nor does a weight of 0", family_names[type]);
	line_end(&line);

	line_begin(&line, random, type, 0.9);
	line.points[2].covariances[0] = -1;
	check(!line_extrapolate(&line, &limit), "%s: nor a covariance that is none", family_names[type]);
	line_end(&line);
}

void
test_squarem(void)
{
	Random		random = random_start(14);

	for (int type = 0; type < MIXTURE_N_COVARIANCE_TYPES; type++)
	{
		test_line(&random, type);
		test_any_points(&random, type);
		test_units(&random, type);
		test_refusals(&random, type);
	}
}
