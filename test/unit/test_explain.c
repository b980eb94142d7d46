/*
 * test_explain.c
 *	  Explanations of rows against their definitions in long double, and contrasts of
 *	  components against sums over the others.
 */
#include "unit.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/linalg.h"

#define MOST	12

typedef long double Matrix[MOST][MOST];

/* The inverse of a positive definite matrix, by Gauss and Jordan. */
static void
invert(Matrix a, Matrix inverse, int n)
{
	Matrix		left;

	memcpy(left, a, sizeof(Matrix));
	for (int i = 0; i < n; i++)
		for (int j = 0; j < n; j++)
			inverse[i][j] = i == j;
	for (int p = 0; p < n; p++)
	{
		long double pivot = left[p][p];

		for (int j = 0; j < n; j++)
		{
			left[p][j] /= pivot;
			inverse[p][j] /= pivot;
		}
		for (int i = 0; i < n; i++)
		{
			long double factor = left[i][p];

			if (i == p)
				continue;
			for (int j = 0; j < n; j++)
			{
				left[i][j] -= factor * left[p][j];
				inverse[i][j] -= factor * inverse[p][j];
			}
		}
	}
}

/* a^(-1/2) by the iteration of Denman and Beavers (1976). */
static void
inverse_root(Matrix a, Matrix root, int n)
{
	Matrix		y,
				z,
				y_inverse,
				z_inverse;

	memcpy(y, a, sizeof(Matrix));
	for (int i = 0; i < n; i++)
		for (int j = 0; j < n; j++)
			z[i][j] = i == j;
	for (int step = 0; step < 60; step++)
	{
		invert(y, y_inverse, n);
		invert(z, z_inverse, n);
		for (int i = 0; i < n; i++)
			for (int j = 0; j < n; j++)
			{
				y[i][j] = (y[i][j] + z_inverse[i][j]) / 2;
				z[i][j] = (z[i][j] + y_inverse[i][j]) / 2;
			}
	}
	memcpy(root, z, sizeof(Matrix));
}

/* What a row's explanation is by definition. */
typedef struct Definition
{
	long double expected[MOST];
	long double deviations[MOST];
	long double contributions[MOST];
} Definition;

static void
define(const MixtureParameters *parameters, int component, const int *order, int n,
	   const double *observed, Definition *definition)
{
	int			d = parameters->d;
	double		square[MOST * MOST];
	Matrix		correlations = {{0}},
				precision,
				root;
	long double scale[MOST];
	long double z[MOST];

	mixture_component_covariance(parameters, component, square);
	for (int i = 0; i < n; i++)
	{
		scale[i] = sqrtl(square[order[i] * d + order[i]]);
		z[i] = (observed[i] - (long double) parameters->means[component * d + order[i]]) / scale[i];
	}
	for (int i = 0; i < n; i++)
		for (int j = 0; j < n; j++)
			correlations[i][j] = square[order[i] * d + order[j]] / scale[i] / scale[j];
	invert(correlations, precision, n);
	inverse_root(correlations, root, n);
	for (int i = 0; i < n; i++)
	{
		long double g = 0;
		long double u = 0;

		for (int j = 0; j < n; j++)
		{
			g += precision[i][j] * z[j];
			u += root[i][j] * z[j];
		}
		definition->expected[i] = observed[i] - scale[i] * g / precision[i][i];
		definition->deviations[i] = g / sqrtl(precision[i][i]);
		definition->contributions[i] = u * u;
	}
}

/*
 * All families, with all elements and with some: expected values, deviations and
 * shares are those of the definition, and so is what is expected of missing ones.
 */
static void
test_definition(Random *random, MixtureCovarianceType type, int d, int n_observed)
{
	MixtureParameters parameters;
	MixtureConditional *conditional;
	int			order[MOST];
	double		worst = 0;
	double		worst_missing = 0;

	random_parameters(random, &parameters, type, 3, d);
	random_order(random, order, d);
	conditional = mixture_conditional_create(&parameters, order, n_observed, &unit_host);
	for (int component = 0; component < 3; component++)
	{
		MixtureExplanation *explanation =
			mixture_explanation_create(&parameters, component, order, n_observed, &unit_host);
		double		observed[MOST];
		double		expected[MOST];
		double		deviations[MOST];
		double		contributions[MOST];
		double		responsibilities[3] = {component == 0, component == 1, component == 2};
		double		missing[MOST];
		double		work[3 * MOST];
		Definition	definition;

		for (int j = 0; j < n_observed; j++)
			observed[j] = parameters.means[component * d + order[j]] + 3 * random_normal(random);
		define(&parameters, component, order, n_observed, observed, &definition);
		mixture_explain_row(explanation, component, observed, expected, deviations,
							contributions, work);
		for (int j = 0; j < n_observed; j++)
		{
			worst = fmax(worst, relative_difference(expected[j], definition.expected[j], 1));
			worst = fmax(worst, relative_difference(deviations[j], definition.deviations[j], 1));
			worst = fmax(worst, relative_difference(contributions[j],
													definition.contributions[j], 1));
		}
		mixture_impute(conditional, observed, responsibilities, 0, missing, work);
		for (int j = n_observed; j < d; j++)
			worst_missing = fmax(worst_missing,
								 relative_difference(expected[j], missing[j - n_observed], 1));
		free(explanation);
	}
	check(worst < 1e-10, "%s, %d of %d dimensions: a row's explanation is as defined (%.2g)",
		  family_names[type], n_observed, d, worst);
	check(worst_missing < 1e-12, "and what is expected of missing ones is imputed (%.2g)",
		  worst_missing);
	free(conditional);
	free(parameters.weights);
}

/*
 * Shares sum to the squared distance however near to singular the correlations
 * are: 1 - 10^-exponent between each two features, or none, and all scales.
 */
static void
test_sum(Random *random, int d, double exponent)
{
	MixtureParameters parameters;
	MixtureExplanation *explanation;
	double	   *rows = malloc(6 * d * sizeof(double));
	double	   *contributions = rows + d;
	double	   *work = rows + 2 * d;
	double		distance = 0;
	double		sum = 0;

	mixture_allocate_parameters(&parameters, MIXTURE_TIED, 1, d, &unit_host);
	for (int i = 0; i < d; i++)
	{
		parameters.means[i] = random_normal(random);
		rows[i] = 1e3 * random_normal(random) * pow(10, i % 7 - 3);
		for (int j = 0; j <= i; j++)
			parameters.covariances[linalg_row(i) + j] =
				(i == j ? 1 : 1 - pow(10, -exponent)) * pow(10, i % 7 + j % 7 - 6);
	}
	explanation = mixture_explanation_create(&parameters, 0, NULL, d, &unit_host);
	mixture_explain_distance(explanation, 0, rows, contributions, work);
	for (int i = 0; i < d; i++)
	{
		sum += contributions[i];
		distance += work[d + i] * work[d + i];
	}
	check(relative_difference(sum, distance, 0) < 1e-13 * d,
		  "%d features with correlations of 1 - 1e-%g: shares sum to %g (%.2g)", d, exponent,
		  distance, relative_difference(sum, distance, 0));
	free(explanation);
	free(rows);
	free(parameters.weights);
}

/* How far a contrast is from its definition: component c against all others, in feature j. */
static double
compare_contrast(const MixtureParameters *parameters, int c, int j, const MixtureContrast *contrast)
{
	int			d = parameters->d;
	double		square[MOST * MOST];
	long double weight = 0,
				mean = 0,
				variance = 0,
				own,
				apart;
	double		worst = 0;

	for (int o = 0; o < parameters->k; o++)
		if (o != c)
		{
			weight += parameters->weights[o];
			mean += parameters->weights[o] * (long double) parameters->means[o * d + j];
		}
	mean /= weight;
	for (int o = 0; o < parameters->k; o++)
		if (o != c)
		{
			apart = parameters->means[o * d + j] - mean;
			mixture_component_covariance(parameters, o, square);
			variance += parameters->weights[o] / weight * (square[j * d + j] + apart * apart);
		}
	mixture_component_covariance(parameters, c, square);
	own = square[j * d + j];
	apart = parameters->means[c * d + j] - mean;
	worst = fmax(worst, relative_difference(contrast->others_mean, mean, 1));
	worst = fmax(worst, relative_difference(contrast->others_deviation, sqrtl(variance), 1));
	worst = fmax(worst, relative_difference(contrast->deviation, sqrtl(own), 1));
	worst = fmax(worst, relative_difference(contrast->effect,
											apart / sqrtl((own + variance) / 2), 1));
	return fmax(worst, relative_difference(contrast->distance,
										   apart * apart / (4 * (own + variance)) +
										   logl((own + variance) / 2 / sqrtl(own * variance)) / 2,
										   1));
}

/* Contrasts, where one component has nearly all of the weight, or all. */
static void
test_contrasts(Random *random, MixtureCovarianceType type, int k, int d, double heaviest)
{
	MixtureParameters parameters;
	MixtureContrasts *contrasts;
	MixtureContrast features[MOST];
	double		worst = 0;
	int			with_others = 0;

	random_parameters(random, &parameters, type, k, d);
	for (int c = 0; c < k; c++)
		parameters.weights[c] = c == k / 2 ? heaviest : (1 - heaviest) / (k - 1);
	contrasts = mixture_contrasts_create(&parameters, &unit_host);
	for (int c = 0; c < k; c++)
	{
		bool		others = mixture_contrasts_next(contrasts, features);

		with_others += others;
		for (int j = 0; j < d && others; j++)
			worst = fmax(worst, compare_contrast(&parameters, c, j, &features[j]));
	}
	check(worst < 1e-12, "%s, %d components, the heaviest of %g: contrasts are as defined (%.2g)",
		  family_names[type], k, heaviest, worst);
	check(with_others == (k == 1 ? 0 : heaviest == 1 ? k - 1 : k),
		  "and there are others for %d of them", with_others);
	free(contrasts);
	free(parameters.weights);
}

void
test_explain(void)
{
	Random		random = random_start(710);

	for (int type = 0; type < MIXTURE_N_COVARIANCE_TYPES; type++)
	{
		static const int shapes[][2] = {{1, 1}, {2, 2}, {3, 1}, {4, 4}, {7, 5}, {12, 12}, {5, 0}};

		for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
			test_definition(&random, (MixtureCovarianceType) type, shapes[i][0], shapes[i][1]);
		test_contrasts(&random, (MixtureCovarianceType) type, 4, 5, 0.4);
		test_contrasts(&random, (MixtureCovarianceType) type, 5, 3, 1 - 1e-13);
		test_contrasts(&random, (MixtureCovarianceType) type, 3, 2, 1);
		test_contrasts(&random, (MixtureCovarianceType) type, 1, 2, 1);
	}
	for (int d = 2; d <= 128; d *= 4)
		for (int exponent = 0; exponent <= 13; exponent += 1)
			test_sum(&random, d, exponent == 0 ? 0 : exponent);
}
