/*
 * test_exact.c
 *	  Sums without rounding: against integers and long doubles, in any order.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/random.h"
#include "unit.h"

/* A double of any size: 53 random bits at a random exponent within +-range. */
static double
any_double(Random *random, int range)
{
	double		mantissa = random_uniform(random) - 0.5;

	return ldexp(mantissa, (int) (random_uniform(random) * 2 * range) - range);
}

/* Are two arrays the same values in the same words? */
static bool
same_sums(const ExactSums *a, const ExactSums *b)
{
	int			low_a,
				words_a,
				low_b,
				words_b;
	uint64_t   *left;
	uint64_t   *right;
	bool		same;

	exact_extent(a, &low_a, &words_a);
	exact_extent(b, &low_b, &words_b);
	if (low_a != low_b || words_a != words_b || a->n != b->n)
		return false;
	left = malloc(sizeof(uint64_t) * (size_t) a->n * words_a + 1);
	right = malloc(sizeof(uint64_t) * (size_t) a->n * words_a + 1);
	exact_write(a, low_a, words_a, left);
	exact_write(b, low_b, words_b, right);
	same = memcmp(left, right, sizeof(uint64_t) * (size_t) a->n * words_a) == 0;
	free(left);
	free(right);
	return same;
}

/* One value comes back, whatever it is, and goes when it is subtracted. */
static void
test_single(Random *random)
{
	static const double values[] = {
		0, 1, -1, 0.1, -0.1, 4.9e-324, -4.9e-324, 2.2250738585072014e-308, 1.7976931348623157e308,
		-1.7976931348623157e308, 18446744073709551616.0, -18446744073709551616.0, 9223372036854775808.0
	};
	bool		back = true;
	bool		gone = true;

	for (int i = 0; i < 2000; i++)
	{
		double		x = i < (int) (sizeof(values) / sizeof(double)) ? values[i] :
		any_double(random, 1000);
		ExactSums	sums;
		int			low,
					words;

		exact_begin(&sums, 2);
		exact_add(&sums, 1, x, &unit_host);
		back = back && exact_round(&sums, 1) == x && exact_round(&sums, 0) == 0 &&
			exact_sign(&sums, 1) == (x > 0) - (x < 0);
		exact_add(&sums, 1, -x, &unit_host);
		exact_extent(&sums, &low, &words);
		gone = gone && words == 0 && low == 0 && exact_sign(&sums, 1) == 0;
		exact_release(&sums, &unit_host);
	}
	check(back, "a double is itself when it comes back");
	check(gone, "what is added and subtracted leaves nothing");
}

/* Integers have sums that are known, and means of a long double are near. */
static void
test_integers(Random *random)
{
	ExactSums	sums;
	int64_t		total = 0;
	bool		good = true;

	exact_begin(&sums, 1);
	for (int i = 0; i < 20000; i++)
	{
		int64_t		x = (int64_t) ((random_uniform(random) - 0.5) * 9e15);

		/* 20,000 of them are below 2^63 only on average, so some are taken away */
		if (llabs(total + x) > INT64_C(1) << 52)
			x = -x;
		total += x;
		exact_add(&sums, 0, (double) x, &unit_host);
		good = good && exact_round(&sums, 0) == (double) total;
	}
	check(good, "sums of integers are those of integers");
	exact_release(&sums, &unit_host);
}

/* Rounding is to the nearest, ties to even, as that of the processor is. */
static void
test_rounding(Random *random)
{
	bool		good = true;

	for (int i = 0; i < 5000; i++)
	{
		double		a = any_double(random, 60);
		double		b = i % 3 == 0 ? ldexp(a, -53) : any_double(random, 60);
		ExactSums	sums;

		exact_begin(&sums, 1);
		exact_add(&sums, 0, a, &unit_host);
		exact_add(&sums, 0, b, &unit_host);
		good = good && exact_round(&sums, 0) == a + b;
		exact_release(&sums, &unit_host);
	}
	check(good, "the sum of two is what IEEE 754 says");
}

/* The same rows in other orders and parts, or as copies, are the same sums. */
static void
test_order(Random *random, int range, bool weighted)
{
	enum
	{
		N = 300, D = 3, PAIRS = 6
	};
	double		rows[N * D];
	double		weights[N];
	ExactSums	first[3];
	ExactSums	second[3];

	for (int i = 0; i < N * D; i++)
		rows[i] = any_double(random, range);
	for (int i = 0; i < N; i++)
		weights[i] = weighted ? fabs(any_double(random, range)) : 1 + i % 3;
	for (int s = 0; s < 3; s++)
	{
		exact_begin(&first[s], D);
		exact_begin(&second[s], PAIRS);
	}
	for (int i = 0; i < N; i++)
		exact_add_moments(&first[0], &second[0], rows + i * D, D, weights[i], &unit_host);
	for (int i = N - 1; i >= 0; i--)
	{
		int			s = 1 + (random_uniform(random) < 0.5);

		/* integer weights as copies, too */
		for (int copy = 0; copy < (weighted ? 1 : (int) weights[i]); copy++)
			exact_add_moments(&first[s], &second[s], rows + i * D, D,
							  weighted ? weights[i] : 1, &unit_host);
	}
	exact_merge(&first[1], &first[2], &unit_host);
	exact_merge(&second[1], &second[2], &unit_host);
	check(same_sums(&first[0], &first[1]) && same_sums(&second[0], &second[1]),
		  "2^+-%d, %s: moments do not depend on order and parts", range,
		  weighted ? "weights" : "copies");
	for (int s = 0; s < 3; s++)
	{
		exact_release(&first[s], &unit_host);
		exact_release(&second[s], &unit_host);
	}
}

/* Mean and covariance, far from zero, beside those in long double about the mean. */
static void
test_moments(Random *random, double offset, double weight_of_each)
{
	enum
	{
		N = 1000, D = 4
	};
	double		rows[N * D];
	long double means[D] = {0};
	double		mean[D];
	double		covariance[D * D];
	double		worst = 0;
	ExactSums	weight,
				firsts,
				seconds;

	exact_begin(&weight, 1);
	exact_begin(&firsts, D);
	exact_begin(&seconds, D * (D + 1) / 2);
	for (int i = 0; i < N * D; i++)
	{
		rows[i] = offset * (1 + i % D) + random_uniform(random) * (1 + i % D) + (i % D > 0 ? rows[i - 1] / 2 : 0);
		means[i % D] += rows[i] / (long double) N;
	}
	for (int i = 0; i < N; i++)
	{
		exact_add(&weight, 0, weight_of_each, &unit_host);
		exact_add_moments(&firsts, &seconds, rows + i * D, D, weight_of_each, &unit_host);
	}
	exact_moments(&weight, &firsts, &seconds, D, mean, covariance, &unit_host);
	for (int a = 0; a < D; a++)
		for (int b = 0; b < D; b++)
		{
			long double sum = 0;

			for (int i = 0; i < N; i++)
				sum += (rows[i * D + a] - means[a]) * (rows[i * D + b] - means[b]);
			/* the mean is rounded to a double, the covariance is about that */
			sum = sum / N + (means[a] - mean[a]) * (means[b] - mean[b]);
			worst = fmax(worst, fabs((double) (sum - covariance[a * D + b])) / 0.1);
		}
	check(worst < 1e-9, "%g from zero, weight %g: covariances of exact sums (%.1e)", offset,
		  weight_of_each, worst);
	for (int a = 0; a < D; a++)
		check(fabs((double) (means[a] - mean[a])) <= 1e-15 * fabs(mean[a]),
			  "%g from zero, weight %g: the mean", offset, weight_of_each);
	exact_release(&weight, &unit_host);
	exact_release(&firsts, &unit_host);
	exact_release(&seconds, &unit_host);
}

void
test_exact(void)
{
	Random		random = random_start(41);

	test_single(&random);
	test_integers(&random);
	test_rounding(&random);
	for (int range = 1; range < 400; range = range * 3 + 1)
	{
		test_order(&random, range, false);
		test_order(&random, range, true);
	}
	test_moments(&random, 0, 1);
	test_moments(&random, 1e3, 1);
	test_moments(&random, 1e9, 1);
	/* sums and products that no double can have */
	test_moments(&random, 1e3, 4.9e-324);
	test_moments(&random, 1e3, 1.7e308);
}
