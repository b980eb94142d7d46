/*
 * test_ellipse.c
 *	  The ellipse of a component against Mahalanobis distances.
 */
#include "unit.h"

#include <math.h>
#include <stdlib.h>

/*
 * Every point of the ellipse, taken back to the features' units, has distance
 * 1, and its box touches the deviations.
 */
static void
test_distance(Random *random, MixtureCovarianceType type, const double *scale)
{
	MixtureParameters parameters;
	MixturePrepared *prepared;
	MixtureError error;
	double worst = 0;
	double worst_box = 0;

	random_parameters(random, &parameters, type, 3, 2);
	prepared = mixture_prepare_rows(&parameters, &unit_host, &error);
	for (int c = 0; c < 3; c++)
	{
		MixtureEllipse ellipse;
		double *work = malloc(sizeof(double) * mixture_row_work_size(prepared));
		double distances[3];
		double box[2];

		mixture_ellipse(&parameters, c, scale, &ellipse, &unit_host);
		for (int i = 0; i < 16; i++)
		{
			double along = ellipse.radii[0] * cos(i * M_PI / 8);
			double across = ellipse.radii[1] * sin(i * M_PI / 8);
			double row[2];

			row[0] = parameters.means[2 * c] +
				(along * ellipse.direction[0] - across * ellipse.direction[1]) / scale[0];
			row[1] = parameters.means[2 * c + 1] +
				(along * ellipse.direction[1] + across * ellipse.direction[0]) / scale[1];
			mixture_row_mahalanobis(prepared, row, work, distances);
			worst = fmax(worst, fabs(distances[c] - 1));
		}
		for (int j = 0; j < 2; j++)
		{
			box[j] = hypot(ellipse.radii[0] * ellipse.direction[j],
						   ellipse.radii[1] * ellipse.direction[1 - j]);
			worst_box = fmax(worst_box, relative_difference(box[j], ellipse.deviations[j], 0));
		}
		if (ellipse.radii[0] < ellipse.radii[1])
			worst = INFINITY;
		free(work);
	}
	mixture_release_prepared(prepared, &unit_host);
	mixture_release_parameters(&parameters, &unit_host);
	check(worst < 1e-12, "%s, scale %g, %g: an ellipse has distance 1 (%.1e)",
		  family_names[type], scale[0], scale[1], worst);
	check(worst_box < 1e-12, "%s, scale %g, %g: and reaches as far as the deviations (%.1e)",
		  family_names[type], scale[0], scale[1], worst_box);
}

static void
test_line(Random *random, MixtureCovarianceType type)
{
	MixtureParameters parameters;
	MixtureEllipse ellipse;
	double scale = 3;

	random_parameters(random, &parameters, type, 1, 1);
	mixture_ellipse(&parameters, 0, &scale, &ellipse, &unit_host);
	check(relative_difference(ellipse.deviations[0], 3 * sqrt(parameters.covariances[0]), 0) < 1e-15 &&
			  ellipse.radii[0] == ellipse.deviations[0] && ellipse.radii[1] == 0 &&
			  fabs(ellipse.direction[0]) == 1 && ellipse.direction[1] == 0 && ellipse.deviations[1] == 0,
		  "%s: in one dimension it is a line", family_names[type]);
	mixture_release_parameters(&parameters, &unit_host);
}

/* Correlated up to rounding: no radius is NaN. */
static void
test_needle(void)
{
	double weight = 1;
	double mean[2] = {0, 0};
	double covariance[3] = {1, 1, 1};
	double scale[2] = {0.7, -1.3};
	MixtureParameters parameters = {1, 2, MIXTURE_FULL, &weight, mean, covariance, 0, NULL};
	MixtureEllipse ellipse;

	mixture_ellipse(&parameters, 0, scale, &ellipse, &unit_host);
	check(relative_difference(ellipse.radii[0], hypot(scale[0], scale[1]), 0) < 1e-14 &&
			  ellipse.radii[1] >= 0 && ellipse.radii[1] < 1e-7,
		  "a needle has a length and no width");
}

void
test_ellipse(void)
{
	Random random = random_start(11);
	const double scales[][2] = {{1, 1}, {40, -0.02}, {1e-6, 1e-5}};

	for (int type = 0; type < MIXTURE_N_COVARIANCE_TYPES; type++)
	{
		for (int i = 0; i < 3; i++)
			test_distance(&random, type, scales[i]);
		test_line(&random, type);
	}
	test_needle();
}
