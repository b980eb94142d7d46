/*
 * noise.c
 *	  Rows that no component makes: a density that is the same everywhere,
 *	  beside the components'.
 *
 * The density of a mixture with noise is
 *
 *		f(x) = p / V + (1 - p) sum over c of w_c phi_c(x),
 *
 * V being the volume of a box around the rows that it was fitted to (Banfield
 * and Raftery 1993).  The weights sum to 1, so that without p what is left is
 * the mixture of the other rows.  V is not estimated by EM but given before;
 * where features are missing it is the volume of those that are there, as the
 * box has its faces along the features.
 *
 * Rows outside of the box, of which there is none in the fit, are noise of the
 * same density as any: they are no more likely to be a component's than those
 * inside.  So the E-step needs the box's extents and not its place, which is
 * that of the rows even where the means are less a center.  That place is for
 * what the noise is in the mean, and for drawing rows.
 *
 * In many dimensions V is beyond the range of a double; only its logarithm is
 * ever computed.
 */
#include "engine/core/core.h"

#include <math.h>
#include <string.h>

/* Let a mixture have no noise. */
void
mixture_clear_noise(MixtureParameters *parameters)
{
	parameters->noise_weight = 0;
	parameters->noise_box = NULL;
}

/* Let a mixture have another's noise, in the same box. */
void
mixture_share_noise(MixtureParameters *target, const MixtureParameters *source)
{
	target->noise_weight = source->noise_weight;
	target->noise_box = source->noise_box;
}

/*
 * Let a mixture have noise in a box whose values are copied to the given 2 d
 * doubles: what it was in may go then.  Without noise nothing is done.
 */
void
mixture_move_noise(MixtureParameters *parameters, double *box)
{
	if (parameters->noise_box == NULL)
		return;
	memcpy(box, parameters->noise_box, 2 * (size_t) parameters->d * sizeof(double));
	parameters->noise_box = box;
}

/*
 * Let a mixture of some dimensions of another, numbered from 0, have its noise:
 * of an even density in a box these make up a side of the box.
 */
void
mixture_select_noise(const MixtureParameters *parameters, const int *dims,
					 MixtureParameters *target, double *box)
{
	mixture_share_noise(target, parameters);
	if (parameters->noise_box == NULL)
		return;
	for (int j = 0; j < target->d; j++)
	{
		box[j] = parameters->noise_box[dims[j]];
		box[target->d + j] = parameters->noise_box[parameters->d + dims[j]];
	}
	target->noise_box = box;
}

/*
 * The logarithm of the noise's part in the density, weighted: minus infinity
 * where there is none.
 */
double
mixture_noise_log_density(const MixtureParameters *parameters)
{
	const double *box = parameters->noise_box;
	double		log_density = log(parameters->noise_weight);

	if (box == NULL)
		return -INFINITY;
	for (int j = 0; j < parameters->d; j++)
		log_density -= log(box[parameters->d + j] - box[j]);
	return log_density;
}

/*
 * The share of all rows that is noise where that has this much of their weight
 * and the components have the rest.  It stays below 1, so that the components'
 * logarithms stay numbers.
 */
double
mixture_noise_share(double noise, double components)
{
	double		share = noise > 0 ? noise / (noise + components) : 0;

	return share < MIXTURE_MOST_NOISE ? share : MIXTURE_MOST_NOISE;
}

/* The mean of the noise in feature j: the middle of its box. */
double
mixture_noise_mean(const MixtureParameters *parameters, int j)
{
	return parameters->noise_box[j] / 2 + parameters->noise_box[parameters->d + j] / 2;
}

/* The variance of the noise in feature j, that of an even density: extent^2 / 12. */
double
mixture_noise_variance(const MixtureParameters *parameters, int j)
{
	double		extent = parameters->noise_box[parameters->d + j] - parameters->noise_box[j];

	return extent * extent / 12;
}

/*
 * The box of rows of these ranges, less the center that has been subtracted
 * from them (NULL: nothing), into 2 d doubles.
 *
 * A feature that is constant says nothing about whether a row is noise.  So its
 * side is as long as makes the density of the noise that of a component, whose
 * variance then is the floor's.
 */
void
mixture_noise_box(const FeatureRange *range, const double *center, const double *floor,
				  int d, double *box)
{
	for (int j = 0; j < d; j++)
	{
		double		middle = center != NULL ? center[j] : 0;
		double		wider = range->most[j] > range->least[j] ? 0 :
			sqrt(2 * M_PI * floor[j]) / 2;

		box[j] = range->least[j] + middle - wider;
		box[d + j] = range->most[j] + middle + wider;
	}
}
