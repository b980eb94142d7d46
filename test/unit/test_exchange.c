/*
 * test_exchange.c
 *	  Single rows that are exchanged between components: that they go where the
 *	  likelihood gains, by refitting, and what becomes of the mixture.
 */
#include "unit.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/linalg.h"

#define MOST_K 4
#define MOST_D 5

/* Sums of the rows of a group, in long double. */
typedef struct Group
{
	long double n;
	long double firsts[MOST_D];
	long double seconds[MOST_D][MOST_D];
} Group;

static void
group_add(Group *group, const double *row, int d, long double weight)
{
	group->n += weight;
	for (int i = 0; i < d; i++)
	{
		group->firsts[i] += weight * row[i];
		for (int j = 0; j < d; j++)
			group->seconds[i][j] += weight * row[i] * row[j];
	}
}

/* The mean and the covariance of a group's rows, in full. */
static void
group_moments(const Group *group, int d, long double *mean, long double covariance[][MOST_D])
{
	for (int i = 0; i < d; i++)
		mean[i] = group->firsts[i] / group->n;
	for (int i = 0; i < d; i++)
		for (int j = 0; j < d; j++)
			covariance[i][j] = group->seconds[i][j] / group->n - mean[i] * mean[j];
}

/* The logarithm of the determinant of a covariance, which this spoils; or NaN. */
static long double
log_determinant(int d, long double covariance[][MOST_D])
{
	long double sum = 0;

	for (int i = 0; i < d; i++)
	{
		/* column i is eliminated from what is below */
		if (!(covariance[i][i] > 0))
			return NAN;
		sum += logl(covariance[i][i]);
		for (int j = i + 1; j < d; j++)
		{
			long double factor = covariance[j][i] / covariance[i][i];

			for (int l = i; l < d; l++)
				covariance[j][l] -= factor * covariance[i][l];
		}
	}
	return sum;
}

/*
 * What a group adds to the log-likelihood in which every row has one component, with the
 * parameters that are best for it: but for what is the same whatever its rows are.
 */
static long double
group_likelihood(const Group *group, int d)
{
	long double mean[MOST_D];
	long double covariance[MOST_D][MOST_D];

	group_moments(group, d, mean, covariance);
	return group->n * logl(group->n) - group->n / 2 * log_determinant(d, covariance);
}

/* Write the parameters of a group as component c's. */
static void
put_group(const Group *group, double sum_weights, MixtureParameters *parameters, int c)
{
	int			d = parameters->d;
	double	   *to = parameters->covariances + c * linalg_packed_count(d);
	long double mean[MOST_D];
	long double covariance[MOST_D][MOST_D];

	group_moments(group, d, mean, covariance);
	parameters->weights[c] = (double) (group->n / sum_weights);
	for (int i = 0; i < d; i++)
	{
		parameters->means[c * d + i] = (double) mean[i];
		for (int j = 0; j <= i; j++)
			to[linalg_row(i) + j] = (double) covariance[i][j];
	}
}

/* Groups of rows, and a mixture of which each component is one. */
typedef struct Groups
{
	Rows	   *rows;
	Group		groups[MOST_K];
	double		sum_weights;
	MixtureParameters parameters;
} Groups;

/* Rows of clusters that overlap, each in a group at the one or the other side: n of each. */
static void
draw_groups(Random *random, int k, int d, int n_each, Groups *groups)
{
	int			n = k * n_each;

	groups->rows = rows_clusters(random, n, d, k, 1.5);
	groups->sum_weights = 0;
	memset(groups->groups, 0, sizeof(groups->groups));
	mixture_allocate_parameters(&groups->parameters, MIXTURE_FULL, k, d, &unit_host);
	for (int i = 0; i < n; i++)
	{
		groups->rows->weights[i] = 0.2 + 4 * pow(random_uniform(random), 3);
		groups->sum_weights += groups->rows->weights[i];
		group_add(&groups->groups[i % k], groups->rows->values + i * d, d,
				  groups->rows->weights[i]);
	}
	for (int c = 0; c < k; c++)
		put_group(&groups->groups[c], groups->sum_weights, &groups->parameters, c);
}

/* Where a row goes by what is refitted. */
typedef struct Expected
{
	int			own;
	int			other;			/* -1: it stays */
	long double weight;			/* of it that moves */
	bool		close;			/* rounding decides */
} Expected;

/*
 * Find where a row goes: the share that the component has of it which has most is taken
 * out there, and put to each other component that has some share of it.
 */
static void
expect_exchange(const Groups *groups, const double *row, double row_weight, Expected *expected)
{
	const MixtureParameters *parameters = &groups->parameters;
	int			k = parameters->k;
	int			d = parameters->d;
	long double shares[MOST_K];
	long double distances[MOST_K];
	long double sum = 0;
	long double best = 0;
	Group		without;

	*expected = (Expected) {0, -1, 0, false};
	reference_log_densities(parameters, row, shares, distances);
	for (int c = 0; c < k; c++)
		sum += shares[c] = expl(shares[c]);
	for (int c = 1; c < k; c++)
		if (shares[c] > shares[expected->own])
			expected->own = c;
	expected->weight = row_weight * shares[expected->own] / sum;
	without = groups->groups[expected->own];
	if (without.n <= 2 * expected->weight)
		return;
	group_add(&without, row, d, -expected->weight);
	for (int c = 0; c < k; c++)
	{
		Group		with = groups->groups[c];
		long double gain;

		if (c == expected->own)
			continue;
		group_add(&with, row, d, expected->weight);
		gain = group_likelihood(&without, d) + group_likelihood(&with, d) -
			group_likelihood(&groups->groups[expected->own], d) -
			group_likelihood(&groups->groups[c], d);
		expected->close = expected->close || fabsl(gain - best) < 1e-9L ||
			fabsl(shares[c] / sum - 1e-16L) < 1e-18L;
		if (shares[c] > 1e-16L * sum && gain > best)
		{
			best = gain;
			expected->other = c;
		}
	}
}

/* Have a row alone exchanged; returns whether that was done as expected. */
static bool
exchange_one(const Groups *groups, int i, const Expected *expected, double *apart)
{
	const MixtureParameters *parameters = &groups->parameters;
	int			d = parameters->d;
	Rows	   *one = rows_allocate(1, d);
	Group		groups_after[MOST_K];
	MixtureParameters moved;
	MixtureParameters refitted;
	FeatureRange range;
	Sample		sample;
	int			n_moved;

	memcpy(one->values, groups->rows->values + i * d, d * sizeof(double));
	one->weights[0] = groups->rows->weights[i];
	rows_seal(one);
	sample_all(one, &range, &sample);
	mixture_allocate_parameters(&moved, MIXTURE_FULL, parameters->k, d, &unit_host);
	mixture_allocate_parameters(&refitted, MIXTURE_FULL, parameters->k, d, &unit_host);
	n_moved = exchange_rows(parameters, &sample, groups->sum_weights, &moved, &unit_host);

	memcpy(groups_after, groups->groups, sizeof(groups_after));
	if (expected->other >= 0)
	{
		group_add(&groups_after[expected->own], one->values, d, -expected->weight);
		group_add(&groups_after[expected->other], one->values, d, expected->weight);
	}
	for (int c = 0; c < parameters->k; c++)
		put_group(&groups_after[c], groups->sum_weights, &refitted, c);
	*apart = fmax(largest_difference(moved.weights, refitted.weights, parameters->k, 1),
				  fmax(largest_difference(moved.means, refitted.means, parameters->k * d, 1),
					   largest_difference(moved.covariances, refitted.covariances,
										  parameters->k * linalg_packed_count(d), 1)));
	mixture_release_parameters(&refitted, &unit_host);
	mixture_release_parameters(&moved, &unit_host);
	sample_release(&sample, &unit_host);
	unit_host.release(unit_host.context, range.least);
	rows_free(one);
	return n_moved == (expected->other >= 0);
}

/*
 * A row is moved exactly where the likelihood is higher when both components are
 * refitted, to where it is highest, and the components become what the refit has.
 */
static void
test_gain(void)
{
	Random		random = random_start(230);
	double		worst = 0;
	int			n_moved = 0;
	int			n_stay = 0;
	int			n_wrong = 0;

	for (int try = 0; try < 24; try++)
	{
		int			k = 2 + random_below(&random, MOST_K - 1);
		int			d = try % 4 == 0 ? 1 : 1 + random_below(&random, MOST_D);
		Groups		groups;

		/* of few, one may be half of all */
		draw_groups(&random, k, d, try % 4 == 0 ? 4 : 3 * d + 4, &groups);
		for (int i = 0; i < groups.rows->n; i++)
		{
			Expected	expected;
			double		apart;

			expect_exchange(&groups, groups.rows->values + i * d, groups.rows->weights[i],
							&expected);
			if (expected.close)
				continue;
			n_wrong += !exchange_one(&groups, i, &expected, &apart);
			worst = fmax(worst, apart);
			n_moved += expected.other >= 0;
			n_stay += expected.other < 0;
		}
		mixture_release_parameters(&groups.parameters, &unit_host);
		rows_free(groups.rows);
	}
	check(n_wrong == 0 && n_moved >= 50 && n_stay >= 50,
		  "rows are exchanged where refitting gains (%d moved, %d stayed, %d otherwise)",
		  n_moved, n_stay, n_wrong);
	check(worst < 1e-9, "and the components are those refitted (%.1e)", worst);
}

/* Element (i, j) of the second moment of a mixture of the family full, about zero. */
static double
second_moment(const MixtureParameters *parameters, int i, int j)
{
	double		sum = 0;

	for (int c = 0; c < parameters->k; c++)
	{
		const double *mean = parameters->means + c * parameters->d;
		const double *covariance = parameters->covariances +
			c * parameters->d * (parameters->d + 1) / 2;

		sum += parameters->weights[c] * (covariance[i * (i + 1) / 2 + j] + mean[i] * mean[j]);
	}
	return sum;
}

/*
 * Rows that are exchanged between components take their part of the moments
 * along, so that those of the whole stay, and lead EM higher as a rule: here
 * are few rows for the dimensions, so that many are held where they are.  A rule
 * has exceptions: the draws are the same whatever the seed.
 */
static void
test_moments(void)
{
	Random		random = {17};
	double		apart = 0;
	int			n_moved = 0;
	int			n_lower = 0;
	int			n_higher = 0;

	for (int try = 0; try < 20; try++)
	{
		Rows	   *rows = rows_clusters(&random, 160, 10, 3, 1.5);
		double		floor[10];
		MixtureParameters parameters;
		MixtureParameters moved;
		FeatureRange range;
		EmOutcome	before;
		EmOutcome	after;
		MixtureError error;
		Sample		sample;
		Em			em;

		for (int j = 0; j < 10; j++)
			floor[j] = 1e-9;
		sample_all(rows, &range, &sample);
		random_parameters(&random, &parameters, MIXTURE_FULL, 3, 10);
		mixture_allocate_parameters(&moved, MIXTURE_FULL, 3, 10, &unit_host);
		for (int c = 0; c < 3; c++)
			memcpy(parameters.means + 10 * c, rows->values + 10 * random_below(&random, 160),
				   10 * sizeof(double));
		em_begin(&em, &sample.source, NULL, MIXTURE_FULL, 3, floor, &unit_host);
		if (em_run(&em, &parameters, 500, 1e-10, true, &before, &error) == MIXTURE_OK &&
			exchange_possible(&parameters, 160) &&
			exchange_rows(&parameters, &sample, 160, &moved, &unit_host) > 0)
		{
			for (int i = 0; i < 10; i++)
				for (int j = 0; j <= i; j++)
					apart = fmax(apart, fabs(second_moment(&parameters, i, j) -
											 second_moment(&moved, i, j)));
			mixture_hold_floor(&moved, floor, &unit_host);
			if (em_run(&em, &moved, 500, 1e-10, true, &after, &error) != MIXTURE_OK)
				after.log_likelihood = -INFINITY;
			n_moved++;
			n_lower += after.log_likelihood < before.log_likelihood - 1e-6;
			n_higher += after.log_likelihood > before.log_likelihood + 1e-6;
		}
		em_end(&em);
		mixture_release_parameters(&moved, &unit_host);
		mixture_release_parameters(&parameters, &unit_host);
		sample_release(&sample, &unit_host);
		unit_host.release(unit_host.context, range.least);
		rows_free(rows);
	}
	check(n_moved >= 5 && apart < 1e-9,
		  "exchanged rows leave the second moments of the whole as they are");
	check(n_higher > 2 * n_lower,
		  "and EM comes to a higher likelihood more often than to a lower one (%d, %d of %d)",
		  n_higher, n_lower, n_moved);
}

void
test_exchange(void)
{
	test_gain();
	test_moments();
}
