/*
 * test_judge.c
 *	  Which components are suspect, and what they are compared as: artefacts are
 *	  seen in every family, and what only looks like one is left alone.
 */
#include "unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/linalg.h"

/* The least variance of the features here */
#define FLOOR 1e-12

/* The same for every feature */
static const double floors[] = {FLOOR, FLOOR, FLOOR, FLOOR, FLOOR, FLOOR, FLOOR, FLOOR};

/* Rows behind the mixtures here */
#define N_ROWS 300

/*
 * A mixture of k components of equal weight in d dimensions, round with unit
 * variance, their means well within each other's reach, and no two so near that
 * they are the same.
 */
static void
round_components(Random *random, MixtureParameters *parameters, MixtureCovarianceType type,
				 int k, int d)
{
	size_t		count = mixture_factor_count(type, d);

	mixture_allocate_parameters(parameters, type, k, d, &unit_host);
	for (int c = 0; c < k; c++)
		parameters->weights[c] = 1.0 / k;
	for (int i = 0; i < k * d; i++)
		parameters->means[i] = random_uniform(random);
	for (int c = 0; c < k; c++)
		parameters->means[c * d] = (c + parameters->means[c * d] / 2) / k;
	for (int c = 0; c < (type == MIXTURE_TIED ? 1 : k); c++)
		for (int j = 0, place = 0; place < (int) count; j++, place++)
		{
			double	   *covariance = parameters->covariances + c * count;

			for (int i = 0; i < j && mixture_has_matrix(type); i++)
				covariance[place++] = 0;
			covariance[place] = 1;
		}
}

/*
 * Make component c flat: along the unit vector `direction` where the family has
 * matrices, along feature 0 where it has variances, everywhere where it has one.
 */
static void
flatten(MixtureParameters *parameters, int c, const double *direction, double variance)
{
	MixtureCovarianceType type = parameters->covariance_type;
	double	   *covariance = parameters->covariances +
		c * mixture_factor_count(type, parameters->d);

	if (type == MIXTURE_FULL)
		mixture_add_outer(type, parameters->d, covariance, variance - 1, direction);
	else
		covariance[0] = variance;
}

/* A random unit vector. */
static void
random_direction(Random *random, double *direction, int d)
{
	double		squares = 0;

	for (int j = 0; j < d; j++)
	{
		direction[j] = random_normal(random);
		squares += direction[j] * direction[j];
	}
	for (int j = 0; j < d; j++)
		direction[j] /= sqrt(squares);
}

static int
judge_here(const MixtureParameters *parameters, double n_rows, MixtureSuspicion *suspicions)
{
	MixtureSuspicion own[20];

	if (parameters->k > 20)
		abort();
	return judge_components(parameters, n_rows, floors, suspicions != NULL ? suspicions : own,
							&unit_host);
}

/* Too few rows, to the row. */
static void
test_few(MixtureCovarianceType type)
{
	Random		random = random_start(70 + type);
	bool		right = true;

	for (int d = 1; d <= 8; d++)
	{
		int			least = type == MIXTURE_FULL ? d + 1 : 2;
		MixtureParameters parameters;
		MixtureSuspicion suspicions[3];

		round_components(&random, &parameters, type, 3, d);
		parameters.weights[0] = (least - 0.5) / N_ROWS;
		parameters.weights[1] = (least + 0.5) / N_ROWS;
		parameters.weights[2] = 1 - parameters.weights[0] - parameters.weights[1];
		right = right && judge_here(&parameters, N_ROWS, suspicions) == 1 &&
			suspicions[0] == MIXTURE_FEW_ROWS && suspicions[1] == MIXTURE_SOUND &&
			suspicions[2] == MIXTURE_SOUND && judge_here(&parameters, N_ROWS, NULL) == 1 &&
			judge_here(&parameters, NAN, NULL) == 0;

		/* of the rows that are not noise */
		parameters.noise_weight = 0.75;
		right = right && judge_here(&parameters, 4 * N_ROWS, suspicions) == 1 &&
			suspicions[0] == MIXTURE_FEW_ROWS;
		parameters.noise_weight = 0;
		mixture_release_parameters(&parameters, &unit_host);
	}
	check(right, "%s: a component of fewer rows than its covariance needs is suspect, "
		  "if it is known how many there are", family_names[type]);
}

/*
 * One that is flat where others spread over it has collapsed; it has not where
 * all are flat in the same way, or nobody spreads over it.
 */
static void
test_collapsed(MixtureCovarianceType type)
{
	Random		random = random_start(74 + type);
	bool		collapsed = true;
	bool		all_flat = true;
	bool		apart = true;
	bool		code = true;

	for (int d = 1; d <= 8; d++)
	{
		double		direction[8];
		double		alone[8] = {1};
		MixtureParameters parameters;
		MixtureSuspicion suspicions[3];

		random_direction(&random, direction, d);
		round_components(&random, &parameters, type, 3, d);
		flatten(&parameters, 1, direction, FLOOR);
		collapsed = collapsed && judge_here(&parameters, N_ROWS, suspicions) == 1 &&
			suspicions[0] == MIXTURE_SOUND && suspicions[1] == MIXTURE_COLLAPSED &&
			suspicions[2] == MIXTURE_SOUND;

		/* the others too far away to reach it, in units of their own */
		for (int j = 0; j < d; j++)
			parameters.means[d + j] += 100 * direction[j] + (type != MIXTURE_FULL && j == 0 ? 200 : 0);
		apart = apart && judge_here(&parameters, N_ROWS, NULL) == 0;
		for (int j = 0; j < d; j++)
			parameters.means[d + j] -= 100 * direction[j] + (type != MIXTURE_FULL && j == 0 ? 200 : 0);

		flatten(&parameters, 0, direction, FLOOR);
		flatten(&parameters, 2, direction, FLOOR);
		all_flat = all_flat && judge_here(&parameters, N_ROWS, NULL) == 0;
		mixture_release_parameters(&parameters, &unit_host);

		/* a code that is constant in each component: 0, 1 and 2 */
		if (type == MIXTURE_SPHERICAL)
			continue;
		round_components(&random, &parameters, type, 3, d);
		for (int c = 0; c < 3; c++)
		{
			parameters.means[c * d] = c;
			flatten(&parameters, c, alone, FLOOR);
		}
		code = code && judge_here(&parameters, N_ROWS, NULL) == 0;
		mixture_release_parameters(&parameters, &unit_host);
	}
	check(collapsed, "%s: a component that is flat where others spread over it has collapsed",
		  family_names[type]);
	check(apart, "%s: one that nobody reaches has not", family_names[type]);
	check(all_flat, "%s: one has not where all are flat", family_names[type]);
	check(code, "%s: one has not on a value of a code", family_names[type]);
}

/*
 * Values of a rounded measurement: two that lie beside each other, no farther than two
 * deviations of components in the mean for each dimension, have collapsed where nothing
 * else tells them apart.
 */
static void
test_beside(MixtureCovarianceType type)
{
	Random		random = random_start(94 + type);
	bool		near = true;
	bool		far = true;
	bool		told_apart = true;

	for (int d = 1; d <= 8; d++)
	{
		double		direction[8];
		double		most = sqrt(4.0 / 3 * d);
		MixtureParameters parameters;
		MixtureSuspicion suspicions[3];

		random_direction(&random, direction, d);
		for (int j = 0; j < d && type != MIXTURE_FULL; j++)
			direction[j] = j == 0;
		round_components(&random, &parameters, type, 3, d);
		for (int c = 0; c < 2; c++)
			flatten(&parameters, c, direction, FLOOR);
		for (int beyond = 0; beyond < 2; beyond++)
		{
			for (int j = 0; j < d; j++)
			{
				parameters.means[j] = 0;
				parameters.means[d + j] = (beyond ? 1.01 : 0.99) * most * direction[j];
				parameters.means[2 * d + j] = 1000 * direction[j];
			}
			near = near && (beyond || (judge_here(&parameters, N_ROWS, suspicions) == 2 &&
									   suspicions[2] == MIXTURE_SOUND));
			far = far && (!beyond || judge_here(&parameters, N_ROWS, NULL) == 0);
		}
		if (d > 1 && type != MIXTURE_SPHERICAL)
		{
			/* along another direction, in which both have the variance 1 */
			double		across = 3 * sqrt(d) / hypot(direction[0], direction[1]);

			for (int j = 0; j < d; j++)
				parameters.means[d + j] = j == 0 ? -across * direction[1] :
					j == 1 ? across * direction[0] : 0;
			told_apart = told_apart && judge_here(&parameters, N_ROWS, NULL) == 0;
		}
		mixture_release_parameters(&parameters, &unit_host);
	}
	check(near, "%s: flat ones beside each other have collapsed", family_names[type]);
	check(far, "%s: those farther apart have not", family_names[type]);
	check(told_apart, "%s: nor have those that something else tells apart", family_names[type]);
}

/* One that is flat has collapsed on fewer than five rows, but not where all are flat. */
static void
test_handful(MixtureCovarianceType type)
{
	Random		random = random_start(97 + type);
	bool		few = true;
	bool		enough = true;
	bool		all_flat = true;

	for (int d = 1; d <= 8; d++)
	{
		int			least = judge_least_rows(type, d);
		double		direction[8];
		MixtureParameters parameters;
		MixtureSuspicion suspicions[3];

		random_direction(&random, direction, d);
		round_components(&random, &parameters, type, 3, d);
		flatten(&parameters, 1, direction, FLOOR);
		for (int j = 0; j < d; j++)
			parameters.means[d + j] = 1000;
		for (int i = 0; i < 3; i++)
		{
			parameters.weights[1] = (i != 1 ? 4.5 : fmax(least, 5) + 0.5) / N_ROWS;
			parameters.weights[0] = parameters.weights[2] = 0.5 - parameters.weights[1] / 2;
			for (int c = 0; c < 3 && i == 2; c += 2)
				flatten(&parameters, c, direction, FLOOR);
			judge_here(&parameters, N_ROWS, suspicions);
			if (i == 0)
				few = few && suspicions[1] == (least > 4 ? MIXTURE_FEW_ROWS : MIXTURE_COLLAPSED);
			else if (i == 1)
				enough = enough && suspicions[1] == MIXTURE_SOUND;
			else
				all_flat = all_flat && suspicions[1] == (least > 4 ? MIXTURE_FEW_ROWS :
														 MIXTURE_SOUND);
		}
		mixture_release_parameters(&parameters, &unit_host);
	}
	check(few, "%s: one of fewer than five rows has", family_names[type]);
	check(enough, "%s: one of five has not", family_names[type]);
	check(all_flat, "%s: nor has one of four where all are flat", family_names[type]);
}

/*
 * Where all are flat in the same direction but for a tilt, one that is a thousand
 * times as wide has a variance far above the floor along the direction of a
 * narrow one.  That says nothing if the narrow one is as flat along the other's
 * direction; if it is not, it has collapsed.
 */
static void
test_tilted(void)
{
	Random		random = random_start(90);
	bool		within = true;
	bool		beyond = true;

	for (int d = 2; d <= 8; d++)
		for (int far = 0; far < 2; far++)
		{
			double		tilt = far ? 1e-3 : 5e-7;
			double		direction[8];
			double		along[8];
			double		tilted[8];
			double		dot = 0;
			double		squares = 0;
			MixtureParameters parameters;
			MixtureSuspicion suspicions[3];

			random_direction(&random, direction, d);
			random_direction(&random, along, d);
			for (int j = 0; j < d; j++)
				dot += direction[j] * along[j];
			for (int j = 0; j < d; j++)
			{
				along[j] -= dot * direction[j];
				squares += along[j] * along[j];
			}
			for (int j = 0; j < d; j++)
			{
				along[j] /= sqrt(squares);
				tilted[j] = cos(tilt) * direction[j] + sin(tilt) * along[j];
				along[j] = cos(tilt) * along[j] - sin(tilt) * direction[j];
			}
			round_components(&random, &parameters, MIXTURE_FULL, 3, d);
			flatten(&parameters, 1, direction, FLOOR);
			for (int c = 0; c < 3; c += 2)
			{
				flatten(&parameters, c, tilted, FLOOR);
				flatten(&parameters, c, along, 1e6);
			}
			/* side by side, in what is one plane */
			for (int c = 0; c < 3; c++)
				for (int j = 0; j < d; j++)
					parameters.means[c * d + j] = c * 500 * along[j];
			judge_here(&parameters, N_ROWS, suspicions);
			if (far)
				beyond = beyond && suspicions[1] == MIXTURE_COLLAPSED;
			else
				within = within && suspicions[1] == MIXTURE_SOUND;
			mixture_release_parameters(&parameters, &unit_host);
		}
	check(within, "one has not where wide ones are flat in the same direction but for a tilt");
	check(beyond, "but it has where that is not the same");
}

/*
 * How far a component reaches, five deviations of it and the flat one together, in
 * whatever direction; that one of few rows reaches nothing; and how alike two are that
 * are the same, a thousandth.
 */
static void
test_limits(MixtureCovarianceType type)
{
	Random		random = random_start(91 + type);
	bool		reach = true;
	bool		few = true;
	bool		same = true;

	for (int d = 1; d <= 8; d++)
		for (int beyond = 0; beyond < 2; beyond++)
		{
			double		alone[8] = {1};
			double		apart = beyond ? 5.05 : 4.95;
			double		share = beyond ? 1.1e-3 : 0.9e-3;
			MixtureParameters parameters;
			MixtureSuspicion suspicions[3];

			round_components(&random, &parameters, type, 3, d);
			for (int i = 0; i < 3 * d; i++)
				parameters.means[i] = i == d ? apart : i == 2 * d ? 1000 : 0;
			flatten(&parameters, 1, alone, FLOOR);
			reach = reach && judge_here(&parameters, N_ROWS, suspicions) == 1 - beyond &&
				suspicions[1] == (beyond ? MIXTURE_SOUND : MIXTURE_COLLAPSED);
			if (d > 1 && type != MIXTURE_SPHERICAL)
			{
				/* in a direction in which both spread */
				parameters.means[d] = 0;
				parameters.means[2 * d - 1] = apart * sqrt(2);
				reach = reach && judge_here(&parameters, N_ROWS, suspicions) == 1 - beyond &&
					suspicions[1] == (beyond ? MIXTURE_SOUND : MIXTURE_COLLAPSED);
			}
			parameters.weights[0] = (judge_least_rows(type, d) - 0.5) / N_ROWS;
			parameters.weights[1] = 0.5 - parameters.weights[0];
			parameters.weights[2] = 0.5;
			few = few && judge_here(&parameters, N_ROWS, suspicions) == 1 &&
				suspicions[0] == MIXTURE_FEW_ROWS && suspicions[1] == MIXTURE_SOUND;

			/* by the mean, and by a variance, twice as much */
			components_copy(&parameters, 2, &parameters, 1);
			parameters.means[d] += share * sqrt(d);
			judge_here(&parameters, N_ROWS, suspicions);
			same = same && suspicions[2] == (beyond ? MIXTURE_SOUND : MIXTURE_DUPLICATE);
			components_copy(&parameters, 2, &parameters, 1);
			parameters.covariances[mixture_factor_count(type, d)] *= 1 + 2 * share;
			judge_here(&parameters, N_ROWS, suspicions);
			same = same && suspicions[2] == (beyond ? MIXTURE_SOUND : MIXTURE_DUPLICATE);
			mixture_release_parameters(&parameters, &unit_host);
		}
	check(reach, "%s: a component reaches five deviations", family_names[type]);
	check(few, "%s: one of few rows reaches nothing", family_names[type]);
	check(same, "%s: components that differ by a thousandth are the same", family_names[type]);
}

/*
 * The floor is a share of the variance of all rows, noise among them: that of an even
 * density, and of the square of how far its middle is from the components'.
 */
static void
test_noise_floor(void)
{
	double		weights[2] = {0.5, 0.5};
	double		means[2] = {0, 1};
	double		variances[2] = {1, 0};
	double		box[2] = {90, 110};
	MixtureParameters parameters = {2, 1, MIXTURE_DIAG, weights, means, variances, 0.25, box};
	double		whole;
	double		narrow;
	MixtureSuspicion suspicions[2];

	/* 0.75 of the rows have mean 0.5 and variance 0.5 + 0.25, and 0.25 have 100 and 400 / 12 */
	whole = 0.75 * 0.75 + 0.25 * 400 / 12 + 0.75 * 0.25 * 99.5 * 99.5;
	narrow = 2e-9 * whole;		/* flat is up to twice the floor */
	variances[1] = 0.99 * narrow;
	mixture_judge(&parameters, N_ROWS, 1e-9, suspicions, &unit_host);
	check(suspicions[0] == MIXTURE_SOUND && suspicions[1] == MIXTURE_COLLAPSED,
		  "noise widens the floor");
	variances[1] = 1.01 * narrow;
	check(mixture_judge(&parameters, N_ROWS, 1e-9, suspicions, &unit_host) == 0,
		  "by as much as it adds to the variance of all rows");
}

/* Two components that are the same, the later one is suspect. */
static void
test_duplicates(MixtureCovarianceType type)
{
	Random		random = random_start(78 + type);
	bool		right = true;

	for (int try = 0; try < 20; try++)
	{
		int			d = 1 + random_below(&random, 8);
		int			k = 2 + random_below(&random, 4);
		int			first = random_below(&random, k - 1);
		int			second = first + 1 + random_below(&random, k - 1 - first);
		int			n_suspect;
		MixtureParameters parameters;
		MixtureSuspicion suspicions[6];

		random_parameters(&random, &parameters, type, k, d);
		/* no two the same, nor when one has moved by half of that */
		for (int c = 0; c < k; c++)
			parameters.means[c * d] += 100 * c;
		right = right && judge_here(&parameters, 1e6, NULL) == 0;
		components_copy(&parameters, first, &parameters, second);

		/* but for what EM leaves over */
		parameters.means[second * d] += 1e-4;
		n_suspect = judge_here(&parameters, 1e6, suspicions);
		right = right && n_suspect == 1 && suspicions[first] == MIXTURE_SOUND &&
			suspicions[second] == MIXTURE_DUPLICATE;
		parameters.means[second * d] += 50;
		right = right && judge_here(&parameters, 1e6, NULL) == 0;
		mixture_release_parameters(&parameters, &unit_host);
	}
	check(right, "%s: of two components that are the same the later one is suspect",
		  family_names[type]);
}

/*
 * Two that are the same in each feature by itself are not where they are far from each
 * other across the direction that features have in common.
 */
static void
test_side_by_side(MixtureCovarianceType type)
{
	bool		across = true;
	bool		along = true;

	for (int d = 2; d <= 8; d++)
	{
		double		both[8] = {1, 1};
		double		one[8] = {1, -1};
		MixtureParameters parameters;
		Random		random = random_start(94 + d);

		round_components(&random, &parameters, type, 2, d);
		memset(parameters.means, 0, 2 * d * sizeof(double));
		for (int c = 0; c < (type == MIXTURE_TIED ? 1 : 2); c++)
		{
			double	   *covariance = parameters.covariances + c * mixture_factor_count(type, d);

			mixture_add_outer(type, d, covariance, 1e6, both);
			mixture_add_outer(type, d, covariance, -0.4, one);
		}
		for (int j = 0; j < 2; j++)
			parameters.means[j] = 0.1;
		along = along && judge_here(&parameters, N_ROWS, NULL) == 1;
		parameters.means[1] = -0.1;
		across = across && judge_here(&parameters, N_ROWS, NULL) == 0;
		mixture_release_parameters(&parameters, &unit_host);
	}
	check(along && across, "%s: two are the same along what features have in common, but not "
		  "across it", family_names[type]);
}

/*
 * Values of a measurement, each with a component, hardly any rows being of others: all
 * have collapsed, as far as nothing else tells them apart, if one has.
 */
static void
test_values(MixtureCovarianceType type)
{
	int			n_right = 0;

	for (int d = 2; d <= 6; d++)
	{
		double		first[6] = {1};
		Random		random = random_start(95 + d);
		MixtureParameters parameters;

		round_components(&random, &parameters, type, 6, d);
		for (int c = 0; c < 6; c++)
		{
			parameters.weights[c] = c == 5 ? 0.025 : 0.975 / 5;
			parameters.means[c * d] = c == 5 ? 5.5 : c;
			for (int j = 1; j < d; j++)
				parameters.means[c * d + j] = 0;
			if (c < 5)
				flatten(&parameters, c, first, FLOOR);
		}
		n_right += judge_here(&parameters, N_ROWS, NULL) == 5;
		parameters.means[1] = 20;
		n_right += judge_here(&parameters, N_ROWS, NULL) == 4;
		/* nothing spreads over any: a code */
		parameters.means[5 * d + 1] = -20;
		n_right += judge_here(&parameters, N_ROWS, NULL) == 0;
		mixture_release_parameters(&parameters, &unit_host);
	}
	check(n_right == 15, "%s: values beside one that others spread over have collapsed (%d of 15)",
		  family_names[type], n_right);
}

/*
 * What is widened has the variance of sound components in the mean beside its own, what
 * has collapsed where it is flat and what has few rows everywhere; nothing else changes.
 */
static void
test_widen(MixtureCovarianceType type)
{
	Random		random = random_start(82 + type);
	double		worst = 0;
	bool		others_same = true;

	for (int d = 1; d <= 8; d++)
	{
		size_t		count = mixture_factor_count(type, d);
		double		direction[8];
		double		matrix[64];
		double		along = 0;
		double		trace = 0;
		MixtureParameters parameters;
		MixtureParameters widened;
		MixtureSuspicion suspicions[3];

		random_direction(&random, direction, d);
		round_components(&random, &parameters, type, 3, d);
		mixture_allocate_parameters(&widened, type, 3, d, &unit_host);
		flatten(&parameters, 1, direction, FLOOR);
		parameters.weights[1] = 0.2;
		parameters.weights[2] = 1.5 / N_ROWS;
		parameters.weights[0] = 0.8 - parameters.weights[2];
		judge_here(&parameters, N_ROWS, suspicions);
		mixture_copy_parameters(&widened, &parameters);
		judge_widen(&widened, floors, suspicions, &unit_host);
		others_same = others_same &&
			memcmp(widened.weights, parameters.weights, 3 * sizeof(double)) == 0 &&
			memcmp(widened.means, parameters.means, 3 * d * sizeof(double)) == 0 &&
			memcmp(widened.covariances, parameters.covariances, count * sizeof(double)) == 0;

		/* the sound one has variance 1 there */
		mixture_component_covariance(&widened, 1, matrix);
		for (int i = 0; i < d; i++)
		{
			for (int j = 0; j < d && type == MIXTURE_FULL; j++)
				along += direction[i] * direction[j] * matrix[i * d + j];
			trace += matrix[i * d + i];
		}
		if (type != MIXTURE_FULL)
			along = matrix[0];
		worst = fmax(worst, fabs(along - 1));
		worst = fmax(worst, fabs(trace - d));
		mixture_component_covariance(&widened, 2, matrix);
		for (int i = 0; i < d; i++)
			worst = fmax(worst, fmax(1.8 - matrix[i * d + i], matrix[i * d + i] - 2));
		mixture_release_parameters(&widened, &unit_host);
		mixture_release_parameters(&parameters, &unit_host);
	}
	check(worst < 1e-9, "%s: suspect components are widened to what is usual (%.1e)",
		  family_names[type], worst);
	check(others_same, "%s: and nothing else is", family_names[type]);
}

/*
 * What is widened is a mixture: its covariances have factors, also where a component is
 * flat in a feature that nobody spreads over, beside directions in which others are a
 * billion times as wide as the floor.
 */
static void
test_widen_beside(void)
{
	Random		random = random_start(105);
	int			n_factored = 0;

	for (int try = 0; try < 400; try++)
	{
		int			d = 3 + try % 6;
		int			code = random_below(&random, d);
		double		factor[36];
		double		least[8];
		double		direction[8];
		MixtureParameters parameters;
		MixtureSuspicion suspicions[3] = {MIXTURE_SOUND, MIXTURE_COLLAPSED, MIXTURE_SOUND};

		random_parameters(&random, &parameters, MIXTURE_FULL, 3, d);
		random_direction(&random, direction, d);
		direction[code] = 0;
		for (int j = 0; j < d; j++)
			least[j] = 1e-18;
		mixture_add_outer(MIXTURE_FULL, d, parameters.covariances, 1e4, direction);
		for (int c = 0; c < 3; c++)
		{
			double	   *covariance = mixture_covariance_of(&parameters, c);

			for (int j = 0; j < d; j++)
				covariance[code < j ? linalg_row(j) + code : linalg_row(code) + j] = 0;
			covariance[linalg_row(code) + code] = 1e-18;
		}
		for (int e = 0; e < 1 + try % 2; e++)
		{
			int			feature = (code + 1 + e) % d;

			for (int j = 0; j < d; j++)
				mixture_covariance_of(&parameters, 1)[feature < j ? linalg_row(j) + feature :
													  linalg_row(feature) + j] = 0;
			mixture_covariance_of(&parameters, 1)[linalg_row(feature) + feature] = 1e-18;
		}
		judge_widen(&parameters, least, suspicions, &unit_host);
		memcpy(factor, mixture_covariance_of(&parameters, 1), linalg_packed_count(d) * sizeof(double));
		n_factored += linalg_cholesky(factor, d, &unit_host);
		mixture_release_parameters(&parameters, &unit_host);
	}
	check(n_factored == 400, "what is widened has a factor (%d of 400)", n_factored);
}

/* In other units, and with the components in another order, as before. */
static void
test_same_judgement(MixtureCovarianceType type)
{
	Random		random = random_start(86 + type);
	bool		same = true;
	int			n_suspect = 0;

	for (int try = 0; try < 40; try++)
	{
		int			d = 1 + random_below(&random, 5);
		int			k = 3;
		double		direction[8];
		double		scales[8];
		MixtureParameters parameters;
		MixtureParameters other;
		MixtureSuspicion first[3];
		MixtureSuspicion second[3];

		random_direction(&random, direction, d);
		round_components(&random, &parameters, type, k, d);
		for (int c = 0; c < k; c++)
		{
			parameters.means[c * d] /= 2;
			if (random_below(&random, 3) == 0)
				flatten(&parameters, c, direction, 1e-14);
			/* no two the same */
			parameters.means[c * d] += 3 * random_below(&random, 5) + c;
		}
		mixture_allocate_parameters(&other, type, k, d, &unit_host);
		for (int j = 0; j < d; j++)
			scales[j] = ldexp(1, type == MIXTURE_SPHERICAL ? 20 : random_below(&random, 40) - 20);
		for (int c = 0; c < k; c++)
		{
			int			to = k - 1 - c;
			double	   *covariance = other.covariances + to * mixture_factor_count(type, d);

			other.weights[to] = parameters.weights[c];
			components_copy(&parameters, c, &other, to);
			for (int i = 0; i < d; i++)
			{
				other.means[to * d + i] *= scales[i];
				for (int j = 0; j <= i && type == MIXTURE_FULL; j++)
					covariance[i * (i + 1) / 2 + j] *= scales[i] * scales[j];
				if (type == MIXTURE_DIAG || (type == MIXTURE_SPHERICAL && i == 0))
					covariance[i] *= scales[i] * scales[i];
			}
		}
		n_suspect += mixture_judge(&parameters, N_ROWS, 1e-9, first, &unit_host);
		mixture_judge(&other, N_ROWS, 1e-9, second, &unit_host);
		for (int c = 0; c < k; c++)
			same = same && first[c] == second[k - 1 - c];
		mixture_release_parameters(&other, &unit_host);
		mixture_release_parameters(&parameters, &unit_host);
	}
	check(same && n_suspect > 0, "%s: a judgement hangs neither on units nor on the components' "
		  "order (%d of 120 suspect)", family_names[type], n_suspect);
}

void
test_judge(void)
{
	for (MixtureCovarianceType type = MIXTURE_FULL; type <= MIXTURE_SPHERICAL; type++)
	{
		test_few(type);
		test_duplicates(type);
		if (mixture_has_matrix(type))
			test_side_by_side(type);
		if (type == MIXTURE_TIED)
			continue;
		test_collapsed(type);
		test_beside(type);
		test_handful(type);
		if (type != MIXTURE_SPHERICAL)
			test_values(type);
		test_limits(type);
		test_widen(type);
		test_same_judgement(type);
	}
	test_tilted();
	test_widen_beside();
	test_noise_floor();
}
