/*
 * test_draw.c
 *	  Rows that are drawn have the mixture's shares, means and covariances.
 */
#include "unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/special.h"

#define N_ROWS 20000

/*
 * How far the second moments of the rows of a component about its mean are from its
 * covariance, in deviations of the worst.
 */
static double
compare_moments(const MixtureParameters *parameters, int c, const double *rows,
				const int *components)
{
	int			d = parameters->d;
	double	   *covariance = malloc(sizeof(double) * d * d);
	double		worst = 0;

	mixture_component_covariance(parameters, c, covariance);
	for (int a = 0; a < d; a++)
		for (int b = 0; b <= a; b++)
		{
			double		sum = 0;
			int			n = 0;
			double		expected = covariance[a * d + b];
			double		spread = sqrt(covariance[a * d + a] * covariance[b * d + b] +
									  expected * expected);

			for (int i = 0; i < N_ROWS; i++)
				if (components[i] == c)
				{
					n++;
					sum += (rows[i * d + a] - parameters->means[c * d + a]) *
						(rows[i * d + b] - parameters->means[c * d + b]) - expected;
				}
			worst = fmax(worst, fabs(sum) / spread / sqrt(n));
		}
	free(covariance);
	return worst;
}

/*
 * Shares within 5 deviations; squared distances from their own component
 * distributed as chi-square, and so the covariances right up to a rotation;
 * and, against the rotation, the correlation of each component's features
 * about its mean.  The bounds leave one chance in a million.
 */
static void
test_draw(MixtureCovarianceType type, int k, int d)
{
	MixtureParameters parameters;
	MixtureError error = {0};
	MixtureDrawing *drawing;
	Random		random = random_start(520 + type * 10 + d);
	double	   *rows = malloc(sizeof(double) * N_ROWS * d);
	double	   *tails = malloc(sizeof(double) * N_ROWS);
	int		   *components = malloc(sizeof(int) * N_ROWS);
	long double *log_densities = malloc(sizeof(long double) * k);
	long double *distances = malloc(sizeof(long double) * k);
	double		worst_share = 0;
	double		worst_moment = 0;
	double		statistic;
	bool		in_range = true;

	random_parameters(&random, &parameters, type, k, d);
	drawing = mixture_drawing_create(&parameters, &unit_host, &error);
	for (int i = 0; i < N_ROWS; i++)
	{
		components[i] = mixture_draw_row(drawing, base_seed, i, rows + (size_t) i * d);
		in_range = in_range && components[i] >= 0 && components[i] < k;
		reference_log_densities(&parameters, rows + (size_t) i * d, log_densities, distances);
		tails[i] = special_chi_square_tail((double) distances[components[i]], d);
	}
	for (int c = 0; c < k; c++)
	{
		double		weight = parameters.weights[c];
		int			n = 0;

		for (int i = 0; i < N_ROWS; i++)
			n += components[i] == c;
		worst_share = fmax(worst_share, fabs(n - N_ROWS * weight) /
						   sqrt(N_ROWS * (weight * (1 - weight) + 1e-9)));
		worst_moment = fmax(worst_moment, compare_moments(&parameters, c, rows, components));
	}
	statistic = kolmogorov(tails, N_ROWS);
	check(in_range && worst_share < 5, "%s, k %d, d %d: shares (%.2f deviations)",
		  family_names[type], k, d, worst_share);
	check(worst_moment < 6, "%s, k %d, d %d: covariances (%.2f deviations)",
		  family_names[type], k, d, worst_moment);
	check(statistic < 2.7, "%s, k %d, d %d: distances are chi-square (%.2f)",
		  family_names[type], k, d, statistic);

	unit_host.release(NULL, drawing);
	mixture_release_parameters(&parameters, &unit_host);
	free(distances);
	free(log_densities);
	free(components);
	free(tails);
	free(rows);
}

/* A row hangs on seed and number; components of weight 0 are not drawn. */
static void
test_choice(void)
{
	double		weights[] = {0, 0.5, 0, 0.5, 0};
	double		means[] = {0, 1, 2, 3, 4};
	double		variances[] = {1, 1, 1, 1, 1};
	MixtureParameters parameters = {5, 1, MIXTURE_DIAG, weights, means, variances, 0, NULL};
	MixtureError error = {0};
	MixtureDrawing *drawing = mixture_drawing_create(&parameters, &unit_host, &error);
	int			counts[5] = {0};
	int			n_same = 0;
	bool		again = true;

	for (int i = 0; i < 1000; i++)
	{
		double		first,
					second,
					other;

		counts[mixture_draw_row(drawing, 7, i, &first)]++;
		mixture_draw_row(drawing, 7, i, &second);
		mixture_draw_row(drawing, 8, i, &other);
		again = again && first == second;
		n_same += first == other;
	}
	check(again && n_same == 0, "the same seed draws the same rows, another one others");
	check(counts[0] + counts[2] + counts[4] == 0 && counts[1] > 400 && counts[3] > 400,
		  "components of weight 0 are not drawn");
	variances[2] = -1;
	parameters.covariance_type = MIXTURE_FULL;
	unit_host.release(NULL, drawing);
	check(mixture_drawing_create(&parameters, &unit_host, &error) == NULL && error.component == 2,
		  "nothing is drawn from a covariance that is not positive definite");
}

void
test_drawing(void)
{
	for (int type = 0; type < MIXTURE_N_COVARIANCE_TYPES; type++)
	{
		test_draw((MixtureCovarianceType) type, 1, 1);
		test_draw((MixtureCovarianceType) type, 4, 3);
		test_draw((MixtureCovarianceType) type, 2, 10);
	}
	test_choice();
}
