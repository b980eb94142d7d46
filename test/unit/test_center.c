/*
 * test_center.c
 *	  Rows seen from their middle: which features are centered, and that what is
 *	  subtracted is no digit lost; and statistics brought to other means.
 */
#include "unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/linalg.h"
#include "engine/em/em_private.h"

/*
 * A feature is centered if it is farther from zero than 8 times its range.  The
 * differences are exact, for features are then within a factor of 2 of the
 * middle (Sterbenz 1974).
 */
static void
test_find(Random *random)
{
	bool		right = true;
	bool		exact = true;

	for (int try = 0; try < 1000; try++)
	{
		double		extent = pow(10, 20 * random_uniform(random) - 10);
		double		far = extent * pow(10, 4 * random_uniform(random) - 1) *
			(random_below(random, 2) == 0 ? 1 : -1);
		double		least[3] = {far, -1, 5};
		double		most[3] = {far + extent, 1, 5};
		double		given[2] = {least[0], most[0]};
		FeatureRange range = {least, most, NULL, 0};
		double		middle = least[0] / 2 + most[0] / 2;
		bool		needed = fabs(middle) > 8 * (most[0] - least[0]);
		double	   *center = center_find(&range, 3, &unit_host);

		right = right && (center != NULL) == needed && least[1] == -1 && most[1] == 1 &&
			least[2] == 5 && most[2] == 5;
		if (center == NULL)
		{
			right = right && least[0] == given[0] && most[0] == given[1];
			continue;
		}
		right = right && center[0] == middle && center[1] == 0 && center[2] == 0 &&
			least[0] == given[0] - middle && most[0] == given[1] - middle;
		for (int i = 0; i < 20; i++)
		{
			double		x = given[0] + (given[1] - given[0]) * random_uniform(random);

			exact = exact && (long double) x - center[0] == (long double) (x - center[0]);
		}
		unit_host.release(NULL, center);
	}
	check(right, "features far from zero are centered on the middle of their range, others not");
	check(exact, "and what is left of them is exact");
}

/* Blocks, with features missing or not, and means there and back. */
static void
test_move(Random *random)
{
	const double center[4] = {1e9, 0, -5e6, 4096};
	double		features[4 * MIXTURE_LANES];
	double		centered[4 * MIXTURE_BLOCK_ROWS];
	MixtureBlock block = {.n_rows = MIXTURE_LANES, .stride = MIXTURE_LANES, .features = features};
	MixtureBlock part = {.n_rows = MIXTURE_LANES, .stride = MIXTURE_LANES, .features = features,
	.incomplete = true};
	MixtureParameters parameters;
	MixtureParameters given;
	bool		right = true;

	for (int i = 0; i < 4 * MIXTURE_LANES; i++)
		features[i] = center[i / MIXTURE_LANES] + floor(1000 * random_normal(random));
	center_block(center, 4, &block, centered);
	for (int i = 0; i < 4 * MIXTURE_LANES; i++)
		right = right && block.features[i] == features[i] - center[i / MIXTURE_LANES];
	check(right, "a block is centered feature by feature");

	for (int i = 0; i < 4 * MIXTURE_LANES; i += 3)
		features[i] = NAN;
	center_block(center, 4, &part, centered);
	for (int i = 0; i < 4 * MIXTURE_LANES; i++)
		right = right && (i % 3 == 0 ? isnan(part.features[i]) :
						  part.features[i] == features[i] - center[i / MIXTURE_LANES]);
	check(right && part.incomplete, "and what is missing stays so");

	random_parameters(random, &parameters, MIXTURE_TIED, 3, 4);
	mixture_allocate_parameters(&given, MIXTURE_TIED, 3, 4, &unit_host);
	for (int i = 0; i < 12; i++)
		parameters.means[i] = ldexp(floor(ldexp(parameters.means[i], 20)), -20);
	mixture_copy_parameters(&given, &parameters);
	center_move(center, &parameters, 1);
	for (int i = 0; i < 12; i++)
		right = right && parameters.means[i] == given.means[i] + center[i % 4];
	center_move(center, &parameters, -1);
	center_move(NULL, &parameters, 1);
	check(right && mixture_parameters_equal(&parameters, &given), "means go there and back");
	mixture_release_parameters(&given, &unit_host);
	mixture_release_parameters(&parameters, &unit_host);
}

/* A row's sums about the means of a mixture, with responsibilities given. */
static void
add_row(const MixtureParameters *at, const double *row, const double *responsibilities,
		MixtureStats *stats)
{
	int			d = at->d;
	size_t		count = mixture_factor_count(at->covariance_type, d);

	for (int c = 0; c < at->k; c++)
	{
		double		r = responsibilities[c];
		double	   *seconds = stats->seconds + (at->covariance_type == MIXTURE_TIED ? 0 : c * count);

		stats->component_weights[c] += r;
		*stats->sum_weights += r;
		for (int i = 0; i < d; i++)
		{
			double		x = row[i] - at->means[c * d + i];

			stats->firsts[c * d + i] += r * x;
			if (!mixture_has_matrix(at->covariance_type))
				seconds[count == 1 ? 0 : i] += r * x * x;
			else
				for (int j = 0; j <= i; j++)
					seconds[linalg_row(i) + j] += r * x * (row[j] - at->means[c * d + j]);
		}
	}
}

/*
 * Statistics rebased are those of the same rows, with the responsibilities that
 * they had, about the new means: to n epsilon of what the sums come from.
 */
static void
test_rebase(Random *random, MixtureCovarianceType type)
{
	double		worst = 0;
	double		worst_back = 0;

	for (int try = 0; try < 30; try++)
	{
		int			k = 1 + random_below(random, 4);
		int			d = 1 + random_below(random, 5);
		int			n = 1 + random_below(random, 60);
		MixtureParameters from;
		MixtureParameters to;
		MixtureStats *stats = mixture_allocate_stats(type, k, d, &unit_host);
		MixtureStats *expected = mixture_allocate_stats(type, k, d, &unit_host);
		MixtureStats *before = mixture_allocate_stats(type, k, d, &unit_host);

		random_parameters(random, &from, type, k, d);
		random_parameters(random, &to, type, k, d);
		for (int i = 0; i < n; i++)
		{
			double		row[5];
			double		responsibilities[4];

			for (int j = 0; j < d; j++)
				row[j] = 3 * random_normal(random);
			for (int c = 0; c < k; c++)
				responsibilities[c] = random_uniform(random);
			add_row(&from, row, responsibilities, stats);
			add_row(&to, row, responsibilities, expected);
		}
		memcpy(before->sum_weights, stats->sum_weights, stats->n_values * sizeof(double));
		mixture_stats_rebase(stats, &from, &to, &unit_host);
		worst = fmax(worst, largest_difference(stats->sum_weights, expected->sum_weights,
											   stats->n_values, *stats->sum_weights));
		mixture_stats_rebase(stats, &to, &from, &unit_host);
		worst_back = fmax(worst_back, largest_difference(stats->sum_weights, before->sum_weights,
														 stats->n_values, *stats->sum_weights));
		mixture_release_stats(before, &unit_host);
		mixture_release_stats(expected, &unit_host);
		mixture_release_stats(stats, &unit_host);
		mixture_release_parameters(&to, &unit_host);
		mixture_release_parameters(&from, &unit_host);
	}
	/* up to 60 rows of 5 features whose squares are below 1000 */
	check(worst < 1e-11, "%s: statistics rebased are those about the new means (%.1e)",
		  family_names[type], worst);
	check(worst_back < 1e-11, "%s: and rebased again they are what they were (%.1e)",
		  family_names[type], worst_back);
}

/* One row, at the new mean: rounding is not to leave a negative square. */
static void
test_rebase_square(Random *random, MixtureCovarianceType type)
{
	bool		sound = true;

	for (int try = 0; try < 300; try++)
	{
		MixtureParameters from;
		MixtureParameters to;
		MixtureStats *stats = mixture_allocate_stats(type, 1, 3, &unit_host);
		double		row[3];
		const double one = 1;
		int			component;

		random_parameters(random, &from, type, 1, 3);
		random_parameters(random, &to, type, 1, 3);
		for (int j = 0; j < 3; j++)
			row[j] = to.means[j] + 1e-9 * random_normal(random);
		add_row(&from, row, &one, stats);
		mixture_stats_rebase(stats, &from, &to, &unit_host);
		sound = sound && mixture_stats_check(stats, &component, &unit_host) !=
			MIXTURE_STATS_NEGATIVE_SQUARE;
		mixture_release_stats(stats, &unit_host);
		mixture_release_parameters(&to, &unit_host);
		mixture_release_parameters(&from, &unit_host);
	}
	check(sound, "%s: no square that is rebased is negative", family_names[type]);
}

void
test_center(void)
{
	Random		random = random_start(15);

	test_find(&random);
	test_move(&random);
	for (int type = 0; type < MIXTURE_N_COVARIANCE_TYPES; type++)
	{
		test_rebase(&random, type);
		test_rebase_square(&random, type);
	}
}
