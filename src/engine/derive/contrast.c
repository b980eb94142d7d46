/*
 * contrast.c
 *	  What tells a component from the others, feature by feature.
 *
 * The others are a mixture of their own, of which the mean and the variance in a
 * feature are those of its rows taken together.  They are summed from both ends
 * of the list of components, so that those of all but one are the sum of a
 * beginning and an end: nothing is subtracted, however small a part the others
 * are.
 */
#include "engine/core/core.h"

#include <math.h>
#include <string.h>

struct MixtureContrasts
{
	MixtureParameters parameters;
	int			next;			/* component */
	Moment	   *before;			/* d: of those before it */
	Moment	   *from;			/* (k + 1) x d: of those from each on */
};

/*
 * Begin with the components of a mixture, one after the other.  The parameters
 * must stay.  The result is one piece of the host's memory.
 */
MixtureContrasts *
mixture_contrasts_create(const MixtureParameters *parameters, const MixtureHost *host)
{
	int			k = parameters->k;
	size_t		d = parameters->d;
	size_t		size = (k + (size_t) 2) * d * sizeof(Moment);
	MixtureContrasts *contrasts = host->allocate(host->context, sizeof(MixtureContrasts) + size);

	contrasts->parameters = *parameters;
	contrasts->next = 0;
	contrasts->before = (Moment *) (contrasts + 1);
	contrasts->from = contrasts->before + d;
	memset(contrasts->before, 0, d * sizeof(Moment));
	memset(contrasts->from + k * d, 0, d * sizeof(Moment));
	for (int c = k - 1; c >= 0; c--)
	{
		moments_add(contrasts->from + (c + 1) * d, parameters, c, contrasts->from + c * d);
		host->check_interrupts(host->context);
	}
	return contrasts;
}

/*
 * How a component stands in one feature against others.  effect is the difference
 * of the means in units of the root of the mean of both variances (Cohen 1988);
 * distance is that of Bhattacharyya between normals of these moments, which a
 * difference in spread adds to.
 */
static void
contrast_feature(MixtureContrast *contrast, double variance, double others_variance)
{
	double		apart = contrast->mean - contrast->others_mean;
	double		pooled = 0.5 * variance + 0.5 * others_variance;

	contrast->deviation = sqrt(variance);
	contrast->others_deviation = sqrt(others_variance);
	contrast->effect = apart / sqrt(pooled);
	contrast->distance = 0.125 * contrast->effect * contrast->effect +
		0.5 * (log(pooled) - 0.5 * log(variance) - 0.5 * log(others_variance));
}

/*
 * The contrasts of the next component, d of them.  Returns false where the others
 * have no weight, or there are none: then what is of the others is NaN.
 */
bool
mixture_contrasts_next(MixtureContrasts *contrasts, MixtureContrast *features)
{
	const MixtureParameters *parameters = &contrasts->parameters;
	int			c = contrasts->next++;
	const Moment *after = contrasts->from + (c + (size_t) 1) * parameters->d;
	bool		some = contrasts->before[0].weight + after[0].weight > 0;

	for (int j = 0; j < parameters->d; j++)
	{
		MixtureContrast *feature = &features[j];
		Moment		own = moment_of_component(parameters, c, j);
		Moment		others = {0, NAN, NAN};

		if (some)
			others = moment_of_both(contrasts->before[j], after[j]);
		feature->mean = own.mean;
		feature->others_mean = others.mean;
		contrast_feature(feature, own.variance, others.variance);
	}
	moments_add(contrasts->before, parameters, c, contrasts->before);
	return some;
}
