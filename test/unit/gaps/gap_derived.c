/*
 * gap_derived.c
 *	  Operations on what is derived from a mixture, and on exact sums, whose
 *	  longest gap gaps.c measures.
 */
#include "gaps.h"

#include <stdlib.h>
#include <string.h>

#include "engine/derive/derive.h"

/* The first q principal axes. */
static void
find_axes(const MixtureParameters *parameters, int q)
{
	int			d = parameters->d;
	double	   *mean = malloc((2 + (size_t) q) * d * sizeof(double));

	mixture_principal_axes(parameters, q, mean, q > 0 ? mean + 2 * d : NULL, mean + d, &gap_host);
	free(mean);
}

void
gap_axes(Shape *shape)
{
	find_axes(&shape->parameters, shape->parameters.d < 12 ? shape->parameters.d : 12);
}

void
gap_variances(Shape *shape)
{
	find_axes(&shape->parameters, 0);
}

void
gap_union(Shape *shape)
{
	const MixtureParameters parts[2] = {shape->parameters, shape->other};
	const double shares[2] = {0.25, 0.75};
	MixtureParameters target;

	mixture_allocate_parameters(&target, mixture_union_type(parts[0].covariance_type, parts[1].covariance_type), 2 * shape->parameters.k,
								shape->parameters.d, &gap_host);
	mixture_union(parts, shares, 2, &target, &gap_host);
	mixture_release_parameters(&target, &gap_host);
}

void
gap_separation(Shape *shape)
{
	int			features[4];

	mixture_separating_features(&shape->parameters, shape->parameters.d < 4 ? 1 : 4, features,
								&gap_host);
}

void
gap_divergence(Shape *shape)
{
	double		divergence;
	double		standard_error;
	MixtureError error;

	mixture_divergence(&shape->parameters, &shape->other, 20, 1, &divergence, &standard_error,
					   &gap_host, &error);
}

/* Of the first feature, which has nothing to look with: it is one gap. */
void
gap_quantile(Shape *shape)
{
	const int	dims[1] = {0};
	MixtureParameters marginal;

	mixture_allocate_parameters(&marginal, shape->parameters.covariance_type,
								shape->parameters.k, 1, &gap_host);
	mixture_marginal(&shape->parameters, dims, &marginal, &gap_host);
	gap_look();
	mixture_quantile(&marginal, 1e-9);
	mixture_release_parameters(&marginal, &gap_host);
}

/* Of rows of as many features as a sketch has covariances of, at the most, and merged. */
void
gap_exact_moments(Shape *shape)
{
	int			d = shape->parameters.d < 128 ? shape->parameters.d : 128;
	ExactSums	sums[3];
	ExactSums	others;
	double	   *row = malloc((2 + (size_t) d) * d * sizeof(double));

	exact_begin(&sums[0], 1);
	exact_begin(&sums[1], d);
	exact_begin(&sums[2], d * (d + 1) / 2);
	exact_begin(&others, d * (d + 1) / 2);
	for (int i = 0; i < 10; i++)
	{
		for (int j = 0; j < d; j++)
			row[j] = gap_uniform() * (i == 9 ? 1e100 : i == 5 ? 1e-100 : 1);
		exact_add(&sums[0], 0, 1, &gap_host);
		exact_add_moments(&sums[1], i % 2 == 0 ? &sums[2] : &others, row, d, 1, &gap_host);
		gap_look();
	}
	exact_merge(&sums[2], &others, &gap_host);
	gap_look();
	exact_moments(&sums[0], &sums[1], &sums[2], d, row, row + d, &gap_host);
	exact_release(&others, &gap_host);
	for (int i = 0; i < 3; i++)
		exact_release(&sums[i], &gap_host);
	free(row);
}

void
gap_explain_distance(Shape *shape)
{
	const MixtureParameters *parameters = &shape->parameters;
	int			d = parameters->d;
	double	   *results = malloc(4 * (size_t) d * sizeof(double));
	MixtureExplanation *explanation = mixture_explanation_create(parameters, 0, NULL, d, &gap_host);

	gap_look();
	mixture_explain_distance(explanation, 0, parameters->means, results, results + d);
	free(explanation);
	free(results);
}

/* With the check that comes before it, which has nothing to look with either. */
void
gap_scale(Shape *shape)
{
	if (mixture_stats_finite(shape->stats))
		mixture_stats_scale(shape->stats, 0.5);
}
