/*
 * distribution.c
 *	  The distribution function of a mixture in one dimension, and its inverse.
 *
 * Each tail is summed by itself, by the complementary error function, so that a
 * probability is accurate however small it is; 1 minus the other tail would not be.
 * A quantile is between the least and the largest of the components', and is found
 * there by Newton's steps on the logarithm of the smaller tail, which are nearly
 * straight, guarded by bisection: between components that are far apart the function
 * is flat.
 */
#include "engine/derive/derive.h"

#include <float.h>
#include <math.h>

#include "engine/core/special.h"

/* Steps after which bisection alone has come to the last bit of any double */
#define MOST_STEPS	2200

/* The deviation of a component in one dimension. */
static double
deviation(const MixtureParameters *parameters, int component)
{
	return sqrt(*mixture_covariance_of(parameters, component));
}

/* The share of a uniform distribution that is below x, or above it. */
static double
box_tail(const double *box, double x, bool upper)
{
	double		share = upper ? (box[1] - x) / (box[1] - box[0]) :
		(x - box[0]) / (box[1] - box[0]);

	return share < 0 ? 0 : share > 1 ? 1 : share;
}

/*
 * The probability of a value of at most x, or above x; *density, unless NULL, is set
 * to the density there.  Weights sum to 1 but for rounding, and all of them are 1.
 */
static double
tail(const MixtureParameters *parameters, double x, bool upper, double *density)
{
	double		noise = parameters->noise_box != NULL ? parameters->noise_weight : 0;
	double		total = 0;
	double		sum = 0;
	double		slope = 0;

	for (int c = 0; c < parameters->k; c++)
	{
		double		width = deviation(parameters, c);
		double		z = (x - parameters->means[c]) / width;

		total += parameters->weights[c];
		sum += parameters->weights[c] * 0.5 * erfc((upper ? z : -z) / sqrt(2));
		slope += parameters->weights[c] * exp(-0.5 * z * z) / width;
	}
	sum = (1 - noise) * (sum / total);
	slope *= (1 - noise) / (total * sqrt(2 * M_PI));
	if (noise > 0)
	{
		const double *box = parameters->noise_box;

		sum += noise * box_tail(box, x, upper);
		if (x >= box[0] && x <= box[1])
			slope += noise / (box[1] - box[0]);
	}
	if (density != NULL)
		*density = slope;
	return sum < 1 ? sum : 1;
}

/* The probability of a value of at most x, of which upper asks for the rest. */
double
mixture_cdf(const MixtureParameters *parameters, double x, bool upper)
{
	return tail(parameters, x, upper, NULL);
}

/* Halfway between two values, however far apart. */
static double
middle(double low, double high)
{
	double		span = high - low;

	return isfinite(span) ? low + span / 2 : low / 2 + high / 2;
}

/*
 * A bracket: values between which the tail is p, being at least the first one's and
 * at most the last's quantile of every component.
 */
static void
find_bracket(const MixtureParameters *parameters, double z, double p, bool upper,
			 double *low, double *high)
{
	double		margin;

	*low = INFINITY;
	*high = -INFINITY;
	for (int c = 0; c < parameters->k; c++)
	{
		double		x = parameters->means[c] + z * deviation(parameters, c);

		if (parameters->weights[c] > 0)
		{
			*low = fmin(*low, x);
			*high = fmax(*high, x);
		}
	}
	if (parameters->noise_box != NULL && parameters->noise_weight > 0)
	{
		const double *box = parameters->noise_box;
		double		x = box[0] + (upper ? 1 - p : p) * (box[1] - box[0]);

		*low = fmin(*low, x);
		*high = fmax(*high, x);
	}
	/* for what the quantiles are rounded by */
	margin = 2e-9 * fmax(fabs(*low), fabs(*high)) + DBL_MIN;
	*low = fmax(*low - margin, -DBL_MAX);
	*high = fmin(*high + margin, DBL_MAX);
}

/*
 * The least value of which the distribution function is at least p, 0 < p < 1, to
 * rounding.
 */
double
mixture_quantile(const MixtureParameters *parameters, double p)
{
	bool		upper = p > 0.5;
	double		wanted = upper ? 1 - p : p;
	double		low;
	double		high;
	double		x;

	find_bracket(parameters, special_normal_quantile(p), wanted, upper, &low, &high);
	x = middle(low, high);
	for (int step = 0; step < MOST_STEPS; step++)
	{
		double		density;
		double		share = tail(parameters, x, upper, &density);
		double		newton;

		/* at least p is below x: the quantile is not above it */
		if (upper ? share <= wanted : share >= wanted)
			high = x;
		else
			low = x;
		newton = x + (upper ? 1 : -1) * log(share / wanted) * share / density;
		if (!(newton > low && newton < high))
			newton = middle(low, high);
		if (fabs(newton - x) <= 2 * DBL_EPSILON * fabs(x) || newton == low || newton == high)
			return fabs(newton - x) <= 2 * DBL_EPSILON * fabs(x) ? newton : high;
		x = newton;
	}
	return high;
}
