/*
 * moments.c
 *	  Rows of several components taken together: their mean and variance in a feature.
 *
 * What is of two sets of rows follows from what is of each, and nothing is subtracted
 * but their means: however small a part one of them is, or how far from zero both are,
 * no digit is lost.
 */
#include "engine/core/core.h"

/* A component's rows in feature j. */
Moment
moment_of_component(const MixtureParameters *parameters, int component, int j)
{
	return (Moment) {
		parameters->weights[component],
		parameters->means[(size_t) component * parameters->d + j],
		mixture_variance(parameters, component, j)
	};
}

/* Two sets of rows together; where one has no weight, the other. */
Moment
moment_of_both(Moment a, Moment b)
{
	double		weight = a.weight + b.weight;
	double		share = weight > 0 ? b.weight / weight : 0;
	double		apart = b.mean - a.mean;

	if (a.weight == 0)
		return b;
	return (Moment) {
		weight, a.mean + share * apart,
		a.variance + share * (b.variance - a.variance) + share * (1 - share) * apart * apart
	};
}

/* Some components' rows and one component's more, in each feature: d, to target. */
void
moments_add(const Moment *some, const MixtureParameters *parameters, int component,
			Moment *target)
{
	for (int j = 0; j < parameters->d; j++)
		target[j] = moment_of_both(some[j], moment_of_component(parameters, component, j));
}
