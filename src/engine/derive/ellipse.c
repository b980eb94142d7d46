/*
 * ellipse.c
 *	  What a picture shows of a covariance: where a Gaussian of one or two
 *	  dimensions has its standard deviations.
 */
#include "engine/core/core.h"

#include <math.h>

#include "engine/core/linalg.h"

/*
 * The ellipse of one standard deviation of a component of a mixture of one
 * or two dimensions, in units of which a feature's has scale[j] (negative
 * where an axis points the other way, as on a screen).  The points of the
 * ellipse have Mahalanobis distance 1; twice the radii give distance 2.
 *
 * Of one dimension it is a line: the second radius is 0.
 */
void
mixture_ellipse(const MixtureParameters *parameters, int component,
				const double *scale, MixtureEllipse *ellipse,
				const MixtureHost *host)
{
	int			d = parameters->d;
	double		vectors[4] = {1, 0, 0, 1};
	double		values[2] = {0, 0};
	double		work[2];
	int			longer;

	mixture_component_covariance(parameters, component, vectors);
	for (int i = 0; i < d; i++)
		for (int j = 0; j < d; j++)
			vectors[i * d + j] = vectors[i * d + j] * scale[i] * scale[j];
	for (int i = 0; i < 2; i++)
		ellipse->deviations[i] = i < d ? sqrt(vectors[i * d + i]) : 0;

	/* It converges, as the covariance is finite. */
	(void) linalg_eigen(vectors, values, work, d, host);
	longer = d > 1 && values[1] > values[0];
	ellipse->radii[0] = sqrt(values[longer]);
	/* rounding may take the shorter one of a needle below 0 */
	ellipse->radii[1] = sqrt(fmax(values[1 - longer], 0));
	ellipse->direction[0] = vectors[longer * d];
	ellipse->direction[1] = d > 1 ? vectors[longer * d + 1] : 0;
}
