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

/* Of each feature the mean of some components' rows, and their mean square about it */
typedef struct Moments
{
	double		weight;
	double	   *means;			/* d */
	double	   *variances;		/* d */
} Moments;

struct MixtureContrasts
{
	MixtureParameters parameters;
	int			next;			/* component */
	Moments		before;			/* of those before it */
	Moments	   *from;			/* k + 1: of those from each on */
};

/* The variance of a feature within a component. */
static double
variance_of(const MixtureParameters *parameters, int component, int j)
{
	return mixture_covariance_of(parameters, component)
		[mixture_variance_place(parameters->covariance_type, j)];
}

/* The moments of two sets of rows together; the second's weight may be 0. */
static void
combine(double weight, double mean, double variance, double other_weight,
		double other_mean, double other_variance, double *both_mean, double *both_variance)
{
	double		share = weight + other_weight > 0 ? other_weight / (weight + other_weight) : 0;
	double		apart = other_mean - mean;

	*both_mean = mean + share * apart;
	*both_variance = variance + share * (other_variance - variance) +
		share * (1 - share) * apart * apart;
}

/* target = some components and one more. */
static void
add_component(const Moments *some, const MixtureParameters *parameters, int component,
			  Moments *target)
{
	int			d = parameters->d;
	double		weight = parameters->weights[component];

	for (int j = 0; j < d; j++)
	{
		double		mean = parameters->means[(size_t) component * d + j];
		double		variance = variance_of(parameters, component, j);

		if (some->weight == 0)
		{
			target->means[j] = mean;
			target->variances[j] = variance;
		}
		else
			combine(some->weight, some->means[j], some->variances[j], weight, mean, variance,
					&target->means[j], &target->variances[j]);
	}
	target->weight = some->weight + weight;
}

/*
 * Begin with the components of a mixture, one after the other.  The parameters
 * must stay.  The result is one piece of the host's memory.
 */
MixtureContrasts *
mixture_contrasts_create(const MixtureParameters *parameters, const MixtureHost *host)
{
	int			k = parameters->k;
	size_t		d = parameters->d;
	MixtureContrasts *contrasts = host->allocate(host->context, sizeof(MixtureContrasts) +
												 (k + (size_t) 1) * sizeof(Moments) +
												 2 * (k + (size_t) 2) * d * sizeof(double));
	double	   *values;

	contrasts->parameters = *parameters;
	contrasts->next = 0;
	contrasts->from = (Moments *) (contrasts + 1);
	values = (double *) (contrasts->from + k + 1);
	for (int c = 0; c <= k + 1; c++)
	{
		Moments    *moments = c <= k ? &contrasts->from[c] : &contrasts->before;

		moments->weight = 0;
		moments->means = values + 2 * c * d;
		moments->variances = moments->means + d;
		memset(moments->means, 0, 2 * d * sizeof(double));
	}
	for (int c = k - 1; c >= 0; c--)
	{
		add_component(&contrasts->from[c + 1], parameters, c, &contrasts->from[c]);
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
	const Moments *before = &contrasts->before;
	const Moments *after = &contrasts->from[c + 1];
	bool		others = before->weight + after->weight > 0;

	for (int j = 0; j < parameters->d; j++)
	{
		MixtureContrast *feature = &features[j];
		double		others_variance = NAN;

		feature->mean = parameters->means[(size_t) c * parameters->d + j];
		feature->others_mean = NAN;
		if (others && before->weight > 0)
			combine(before->weight, before->means[j], before->variances[j], after->weight,
					after->means[j], after->variances[j], &feature->others_mean,
					&others_variance);
		else if (others)
		{
			feature->others_mean = after->means[j];
			others_variance = after->variances[j];
		}
		contrast_feature(feature, variance_of(parameters, c, j), others_variance);
	}
	add_component(before, parameters, c, &contrasts->before);
	return others;
}
