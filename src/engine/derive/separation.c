/*
 * separation.c
 *	  Which features tell the components of a mixture apart: what a picture of
 *	  many features shows first.
 *
 * Two components overlap by their Bhattacharyya coefficient, which bounds how
 * often the better guess of the two is wrong: at most sqrt(w v) times it, where
 * w and v are their weights (Kailath 1967).  What features are worth is the sum
 * of that bound over all pairs of components; it does not depend on units.
 */
#include "engine/core/core.h"

#include <float.h>
#include <math.h>

#include "engine/core/linalg.h"

/* Components that are compared, those of the largest weights */
#define MOST_COMPONENTS 24

/* Features of which all pairs are compared, the best by themselves */
#define MOST_FEATURES 32

/* Element (i, j) of a component's covariance. */
static double
covariance_element(const MixtureParameters *parameters, int component, int i, int j)
{
	MixtureCovarianceType type = parameters->covariance_type;
	const double *covariance = mixture_covariance_of(parameters, component);

	if (i == j)
		return covariance[mixture_variance_place(type, i)];
	if (!mixture_has_matrix(type))
		return 0;
	return covariance[i > j ? linalg_row(i) + j : linalg_row(j) + i];
}

/*
 * The Bhattacharyya coefficient of two components in feature i, or in i and j if
 * j is not negative.  All is in units of the mean variances, so that nothing
 * overflows; a covariance that is flat there counts as nearly so.
 */
static double
overlap(const MixtureParameters *parameters, int a, int b, int i, int j)
{
	const double *first = parameters->means + (size_t) a * parameters->d;
	const double *second = parameters->means + (size_t) b * parameters->d;
	double		of_a = covariance_element(parameters, a, i, i);
	double		of_b = covariance_element(parameters, b, i, i);
	double		unit = of_a / 2 + of_b / 2;
	double		x = (first[i] - second[i]) / sqrt(unit);
	double		squares = x * x;
	double		determinants = of_a / unit * (of_b / unit);
	double		middle = 1;

	if (j >= 0)
	{
		double		other_a = covariance_element(parameters, a, j, j);
		double		other_b = covariance_element(parameters, b, j, j);
		double		other = other_a / 2 + other_b / 2;
		double		root = sqrt(unit) * sqrt(other);
		double		both_a = covariance_element(parameters, a, i, j) / root;
		double		both_b = covariance_element(parameters, b, i, j) / root;
		double		both = (both_a + both_b) / 2;
		double		y = (first[j] - second[j]) / sqrt(other);
		double		det_a = of_a / unit * (other_a / other) - both_a * both_a;
		double		det_b = of_b / unit * (other_b / other) - both_b * both_b;

		middle = fmax(1 - both * both, DBL_EPSILON);
		determinants = fmax(det_a, DBL_EPSILON * DBL_EPSILON) *
			fmax(det_b, DBL_EPSILON * DBL_EPSILON);
		squares = (x * x - 2 * both * x * y + y * y) / middle;
	}
	return exp(-squares / 8) * sqrt(fmin(sqrt(determinants) / middle, 1));
}

/* What feature i, or i and j, leave of doubt; less is better. */
static double
doubt(const MixtureParameters *parameters, const int *components, int n, int i, int j)
{
	double		sum = 0;

	for (int a = 1; a < n; a++)
		for (int b = 0; b < a; b++)
			sum += sqrt(parameters->weights[components[a]] * parameters->weights[components[b]]) *
				overlap(parameters, components[a], components[b], i, j);
	return sum;
}

/*
 * Put the numbers of the n least values of a list into numbers, the least first,
 * an earlier one before a later one that is as small.
 */
static void
find_least(const double *values, int length, int *numbers, int n)
{
	int			found = 0;

	for (int i = 0; i < length; i++)
	{
		int			place = found;

		while (place > 0 && values[i] < values[numbers[place - 1]])
			place--;
		if (place == n)
			continue;
		if (found < n)
			found++;
		for (int later = found - 1; later > place; later--)
			numbers[later] = numbers[later - 1];
		numbers[place] = i;
	}
}

/* Of the features listed, the pair that leaves the least doubt, to their start. */
static void
find_pair(const MixtureParameters *parameters, const int *components, int n_components,
		  int *features, int n_features, const MixtureHost *host)
{
	double		least = INFINITY;
	int			best[2] = {0, 1};

	for (int j = 1; j < n_features; j++)
		for (int i = 0; i < j; i++)
		{
			double		value = doubt(parameters, components, n_components, features[i],
									  features[j]);

			host->check_interrupts(host->context);
			if (value < least)
			{
				least = value;
				best[0] = i;
				best[1] = j;
			}
		}
	/* the others stay in their order */
	for (int taken = 0; taken < 2; taken++)
	{
		int			feature = features[best[taken]];

		for (int place = best[taken]; place > taken; place--)
			features[place] = features[place - 1];
		features[taken] = feature;
	}
}

/*
 * Find the n features, from 1 to d, that tell the components apart: the pair that
 * does it best, then those that do it best by themselves.  In ascending order,
 * counted from 0.
 */
void
mixture_separating_features(const MixtureParameters *parameters, int n, int *features,
							const MixtureHost *host)
{
	int			d = parameters->d;
	int			n_components = parameters->k < MOST_COMPONENTS ? parameters->k : MOST_COMPONENTS;
	int			wanted = n > MOST_FEATURES ? n : MOST_FEATURES;
	int			n_compared = d < wanted ? d : wanted;
	int		   *components = host->allocate(host->context, n_components * sizeof(int));
	int		   *compared = host->allocate(host->context, n_compared * sizeof(int));
	double	   *doubts = host->allocate(host->context, (d > parameters->k ? d : parameters->k) *
										sizeof(double));

	for (int c = 0; c < parameters->k; c++)
		doubts[c] = -parameters->weights[c];
	find_least(doubts, parameters->k, components, n_components);
	for (int j = 0; j < d; j++)
	{
		host->check_interrupts(host->context);
		doubts[j] = doubt(parameters, components, n_components, j, -1);
	}
	find_least(doubts, d, compared, n_compared);
	if (n > 1)
		find_pair(parameters, components, n_components, compared, n_compared, host);
	for (int i = 0; i < n; i++)
	{
		int			place = i;

		for (; place > 0 && features[place - 1] > compared[i]; place--)
			features[place] = features[place - 1];
		features[place] = compared[i];
	}
	host->release(host->context, doubts);
	host->release(host->context, compared);
	host->release(host->context, components);
}
