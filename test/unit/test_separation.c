/*
 * test_separation.c
 *	  Which features tell components apart: the best pair by a brute search, with
 *	  the overlap as an integral.
 */
#include "unit.h"

#include <math.h>
#include <stdlib.h>

/* Points of a grid across, for the integral */
#define GRID 121

/* The density of a Gaussian of two features. */
static double
density(const double *mean, const double *covariance, double x, double y)
{
	double		determinant = covariance[0] * covariance[3] - covariance[1] * covariance[1];
	double		dx = x - mean[0];
	double		dy = y - mean[1];
	double		square = (covariance[3] * dx * dx - 2 * covariance[1] * dx * dy +
						  covariance[0] * dy * dy) / determinant;

	return exp(-square / 2) / (2 * M_PI * sqrt(determinant));
}

/* The sum of sqrt(w v) times the integral of the root of f g, over all pairs. */
static double
overlap_of(const MixtureParameters *pair)
{
	double		low[2] = {INFINITY, INFINITY};
	double		high[2] = {-INFINITY, -INFINITY};
	double		sum = 0;
	double	   *covariances = malloc(sizeof(double) * 4 * pair->k);

	for (int c = 0; c < pair->k; c++)
	{
		mixture_component_covariance(pair, c, covariances + 4 * c);
		for (int j = 0; j < 2; j++)
		{
			double		reach = 6 * sqrt(covariances[4 * c + 3 * j]);

			low[j] = fmin(low[j], pair->means[2 * c + j] - reach);
			high[j] = fmax(high[j], pair->means[2 * c + j] + reach);
		}
	}
	for (int a = 1; a < pair->k; a++)
		for (int b = 0; b < a; b++)
			for (int i = 0; i < GRID; i++)
				for (int j = 0; j < GRID; j++)
				{
					double		x = low[0] + (i + 0.5) * (high[0] - low[0]) / GRID;
					double		y = low[1] + (j + 0.5) * (high[1] - low[1]) / GRID;

					sum += sqrt(pair->weights[a] * pair->weights[b] *
								density(pair->means + 2 * a, covariances + 4 * a, x, y) *
								density(pair->means + 2 * b, covariances + 4 * b, x, y));
				}
	free(covariances);
	return sum * (high[0] - low[0]) * (high[1] - low[1]) / GRID / GRID;
}

static double
overlap_of_pair(const MixtureParameters *parameters, const int *dims)
{
	MixtureParameters pair;
	double		overlap;

	mixture_allocate_parameters(&pair, parameters->covariance_type, parameters->k, 2, &unit_host);
	mixture_marginal(parameters, dims, &pair, &unit_host);
	overlap = overlap_of(&pair);
	mixture_release_parameters(&pair, &unit_host);
	return overlap;
}

void
test_separation(void)
{
	for (int i = 0; i < 24; i++)
	{
		Random		random = random_start(9300 + i);
		MixtureCovarianceType type = (MixtureCovarianceType) (i % 4);
		int			d = 3 + random_below(&random, 3);
		int			k = 2 + random_below(&random, 2);
		MixtureParameters parameters;
		int			chosen[2];
		int			three[3];
		double		least = INFINITY;
		double		got;

		random_parameters(&random, &parameters, type, k, d);
		mixture_separating_features(&parameters, 2, chosen, &unit_host);
		for (int a = 0; a < d; a++)
			for (int b = a + 1; b < d; b++)
			{
				int			dims[2] = {a, b};

				least = fmin(least, overlap_of_pair(&parameters, dims));
			}
		got = overlap_of_pair(&parameters, chosen);
		check(chosen[0] < chosen[1] && chosen[1] < d && got <= least + 0.02 * fmax(least, 0.02),
			  "%s, k %d, d %d: the pair that overlaps the least (%g, least %g)",
			  family_names[type], k, d, got, least);
		mixture_separating_features(&parameters, 3, three, &unit_host);
		check(three[0] < three[1] && three[1] < three[2] && three[2] < d &&
			  (chosen[0] == three[0] || chosen[0] == three[1]) &&
			  (chosen[1] == three[1] || chosen[1] == three[2]), "and it is among three");
		mixture_release_parameters(&parameters, &unit_host);
	}
}
