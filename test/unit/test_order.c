/*
 * test_order.c
 *	  The order of components does not depend on the one they come in, nor on
 *	  the last digits of numbers that are equal but for these; random numbers
 *	  are within their bounds; and much is sorted as little is.
 */
#include "unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/linalg.h"
#include "engine/core/random.h"

/* The same number but for its last digits. */
static double
jitter(Random *random, double value)
{
	return value * (1 + 1e-14 * (random_uniform(random) - 0.5));
}

/*
 * Components of which many share their weight, mean or variances: a few values
 * of each, among them weights halfway between two numbers of nine digits.
 */
static void
similar_components(Random *random, MixtureParameters *parameters, MixtureCovarianceType type,
				   int k, int d)
{
	size_t		count = mixture_factor_count(type, d);
	double		sum = 0;

	random_parameters(random, parameters, type, k, d);
	for (int c = 0; c < k; c++)
		sum += parameters->weights[c] = (1 + 2 * random_below(random, 3)) / 1024.0;
	/* so that these weights stay as they are, the last has the rest */
	parameters->weights[k - 1] += 1 - sum;
	for (int i = 0; i < k * d; i++)
		parameters->means[i] = random_below(random, 2) * 7 + 0.1;
	for (int c = 1; c < k && type != MIXTURE_TIED; c++)
	{
		double	   *covariance = parameters->covariances + c * count;
		double		scale = 1 + random_below(random, 2);
		double		sign = random_below(random, 2) == 0 ? 1 : -1;

		for (size_t i = 0; i < count; i++)
			covariance[i] = scale * parameters->covariances[i];
		/* feature 0 correlates the other way round */
		for (int i = 1; i < d && type == MIXTURE_FULL; i++)
			covariance[linalg_row(i)] *= sign;
	}
}

/* The components of one mixture in another order, each number jittered. */
static void
permute(Random *random, const MixtureParameters *from, MixtureParameters *to)
{
	int			k = from->k;
	int			d = from->d;
	size_t		count = mixture_factor_count(from->covariance_type, d);
	size_t		n = mixture_covariance_count(from->covariance_type, k, d);
	int		   *order = malloc(k * sizeof(int));

	random_order(random, order, k);
	for (int c = 0; c < k; c++)
	{
		to->weights[c] = jitter(random, from->weights[order[c]]);
		for (int j = 0; j < d; j++)
			to->means[c * d + j] = jitter(random, from->means[order[c] * d + j]);
	}
	for (size_t i = 0; i < n; i++)
	{
		size_t		place = n == count ? i : order[i / count] * count + i % count;

		to->covariances[i] = jitter(random, from->covariances[place]);
	}
	free(order);
}

/* Largest difference between any two numbers of mixtures of one shape. */
static double
parameters_difference(const MixtureParameters *a, const MixtureParameters *b)
{
	size_t		n = a->k + (size_t) a->k * a->d +
		mixture_covariance_count(a->covariance_type, a->k, a->d);

	/* they lie behind one another */
	return largest_difference(a->weights, b->weights, n, 1);
}

static void
test_invariance(Random *random, MixtureCovarianceType type)
{
	double		worst = 0;

	for (int try = 0; try < 200; try++)
	{
		int			k = 1 + random_below(random, 12);
		int			d = 1 + random_below(random, 4);
		MixtureParameters given;
		MixtureParameters other;
		MixtureParameters sorted;
		MixtureParameters other_sorted;

		similar_components(random, &given, type, k, d);
		mixture_allocate_parameters(&other, type, k, d, &unit_host);
		mixture_allocate_parameters(&sorted, type, k, d, &unit_host);
		mixture_allocate_parameters(&other_sorted, type, k, d, &unit_host);
		permute(random, &given, &other);
		order_components(&given, NULL, &sorted, &unit_host);
		order_components(&other, NULL, &other_sorted, &unit_host);
		worst = fmax(worst, parameters_difference(&sorted, &other_sorted));
		for (int c = 1; c < k; c++)
			if (sorted.weights[c] > sorted.weights[c - 1] + 1e-9)
				worst = INFINITY;
		mixture_release_parameters(&other_sorted, &unit_host);
		mixture_release_parameters(&sorted, &unit_host);
		mixture_release_parameters(&other, &unit_host);
		mixture_release_parameters(&given, &unit_host);
	}
	check(worst < 1e-13, "%s: components come out in one order, whatever they came in (%.1e)",
		  family_names[type], worst);
}

/* Weights that differ by more than rounding are told apart, the heavier first. */
static void
test_close_weights(void)
{
	bool		right = true;

	for (int first = 0; first < 2; first++)
	{
		double		apart = first ? 1e-8 : -1e-8;
		double		weights[2] = {0.5 + apart, 0.5 - apart};
		double		means[2] = {0, 1};
		double		variances[2] = {1, 1};
		double		sorted[6];
		MixtureParameters from = {2, 1, MIXTURE_DIAG, weights, means, variances, 0, NULL};
		MixtureParameters to = {2, 1, MIXTURE_DIAG, sorted, sorted + 2, sorted + 4, 0, NULL};

		order_components(&from, NULL, &to, &unit_host);
		right = right && to.means[0] == (first ? 0 : 1);
	}
	check(right, "weights that differ by more than rounding are ordered, the larger first");
}

/* Two weights that differ in the last bit, about any odd multiple of 1/1024. */
static void
test_last_bit(void)
{
	int			n_right = 0;

	for (int i = 1; i < 512; i += 2)
		for (int first = 0; first < 2; first++)
		{
			double		exact = i / 1024.0;
			double		below = nextafter(exact, 0);
			double		weights[3] = {first ? below : exact, first ? exact : below, 0};
			double		means[3] = {100, 0, 50};
			double		variances[3] = {1, 1, 1};
			double		sorted[9];
			MixtureParameters from = {3, 1, MIXTURE_DIAG, weights, means, variances, 0, NULL};
			MixtureParameters to = {3, 1, MIXTURE_DIAG, sorted, sorted + 3, sorted + 6, 0, NULL};

			weights[2] = 1 - exact - below;
			order_components(&from, NULL, &to, &unit_host);
			/* the third is the heaviest, or the lightest */
			n_right += weights[2] > exact ? to.means[1] == 0 && to.means[2] == 100 :
				to.means[0] == 0 && to.means[1] == 100;
		}
	check(n_right == 512, "weights that differ in the last bit are equal (%d of 512)", n_right);
}

static void
test_unit_interval(Random *random)
{
	bool		symmetric = true;

	check(random_unit(0) > 0 && random_unit(~UINT64_C(0)) < 1,
		  "a hash is a number above 0 and below 1, whatever its bits");
	for (int i = 0; i < 1000; i++)
	{
		uint64_t	hash = random->state = random_mix(random->state);

		symmetric = symmetric && random_unit(hash) + random_unit(~hash) == 1;
	}
	check(symmetric, "and its complement is as far from 1 as it is from 0");
}

/* Comparisons since the last look for interrupts, and the most between two */
static int	n_compared;
static int	most_compared;

static int
compare_numbers(const void *left, const void *right)
{
	double		a = *(const double *) left;
	double		b = *(const double *) right;

	n_compared++;
	return (a > b) - (a < b);
}

static void
look_at_comparisons(void *context)
{
	(void) context;
	most_compared = n_compared > most_compared ? n_compared : most_compared;
	n_compared = 0;
}

/*
 * Items are sorted as by qsort(), whatever they are like, and the looks on the way are
 * no farther apart than sorting 16,384 of them at once is long.
 */
static void
test_sorting(Random *random)
{
	static const int sizes[] = {0, 1, 2, 16384, 16385, 50000, 200000};
	MixtureHost host = unit_host;
	bool		sorted = true;

	host.check_interrupts = look_at_comparisons;
	most_compared = 0;
	for (int i = 0; i < 7; i++)
		for (int kind = 0; kind < 5; kind++)
		{
			int			n = sizes[i];
			double	   *items = malloc((n + 1) * sizeof(double));
			double	   *wanted = malloc((n + 1) * sizeof(double));

			for (int j = 0; j < n; j++)
				items[j] = kind == 0 ? random_uniform(random) : kind == 1 ? j : kind == 2 ? -j :
					kind == 3 ? random_below(random, 3) : 7;
			memcpy(wanted, items, n * sizeof(double));
			qsort(wanted, n, sizeof(double), compare_numbers);
			n_compared = 0;
			sort_items(items, n, sizeof(double), compare_numbers, &host);
			sorted = sorted && memcmp(items, wanted, n * sizeof(double)) == 0;
			free(wanted);
			free(items);
		}
	check(sorted, "up to 200,000 items are sorted: random, sorted, backwards, many the same");
	check(most_compared > 0 && most_compared <= 16384 * 15,
		  "with %d comparisons between two looks for interrupts at most", most_compared);
}

void
test_ordering(void)
{
	Random		random = random_start(13);

	for (int type = 0; type < MIXTURE_N_COVARIANCE_TYPES; type++)
		test_invariance(&random, type);
	test_close_weights();
	test_last_bit();
	test_unit_interval(&random);
	test_sorting(&random);
}
