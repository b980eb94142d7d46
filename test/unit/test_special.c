/*
 * test_special.c
 *	  Tails and quantiles against values computed elsewhere, and each other.
 */
#include "unit.h"

#include <float.h>
#include <math.h>

#include "engine/core/special.h"

/*
 * P(chi-square of d degrees of freedom > x): 1 less the series of the lower
 * tail (NIST DLMF, section 8.7), summed in Python's decimal arithmetic with 420
 * digits.  SciPy 1.10.1, gammaincc(d / 2, x / 2), says the same to its own
 * precision.
 */
static const struct
{
	int			d;
	double		x;
	double		tail;
}			tails[] = {
	{1, 1e-10, 0.99999202115439212},
	{1, 0.5, 0.47950012218695348},
	{1, 4.0, 0.045500263896358417},
	{1, 50.0, 1.5374597944280349e-12},
	{1, 1300.0, 1.1303728441492743e-284},
	{2, 0.01, 0.99501247919268232},
	{2, 1400.0, 9.8596765437597708e-305},
	{3, 0.75, 0.86138508040454165},
	{3, 2.25, 0.52216718953539132},
	{3, 100.0, 1.5541594313896049e-21},
	{4, 3.0, 0.55782540037107453},
	{5, 60.0, 1.215456977718304e-11},
	{7, 1350.0, 2.5381485099136288e-287},
	{10, 2.5, 0.99087572078160469},
	{10, 10.0, 0.4404932850652124},
	{10, 600.0, 1.7609176946831841e-122},
	{31, 31.0, 0.46621250621750837},
	{64, 200.0, 6.5158675615721112e-16},
	{127, 127.0, 0.48331068145320749},
	{127, 1600.0, 4.4270243310172784e-253},
	{128, 90.0, 0.99558803820882902},
	{128, 130.0, 0.43408510381870752},
	{129, 1500.0, 4.8351784283969255e-232},
	{130, 129.0, 0.50829359984164491},
	{255, 700.0, 3.8781554537479592e-43},
	{1000, 900.0, 0.98928276190871023},
	{1001, 1001.0, 0.49405582523939268},
	{1000, 2600.0, 1.251533134027511e-142},
	{4095, 4300.0, 0.01268141207531989},
	{4096, 4096.0, 0.49706150462322002},
	{4096, 7500.0, 7.381130393983647e-204},
};

/* Quantiles of the normal distribution: SciPy 1.10.1, ndtri(p). */
static const struct
{
	double		p;
	double		quantile;
}			quantiles[] = {
	{1.1102230246251565e-16, -8.2095361516013874},
	{1e-12, -7.0344838253011313},
	{0.0001, -3.7190164854556804},
	{0.0249, -1.9616778690637864},
	{0.075, -1.4395314709384563},
	{0.0750001, -1.4395307645017301},
	{0.3, -0.52440051270804089},
	{0.5, 0},
	{0.51, 0.02506890825871106},
	{0.9, 1.2815515655446004},
	{0.975, 1.959963984540054},
	{0.999999, 4.7534243088170873},
};

/*
 * For an even number of degrees of freedom the tail is a finite sum, here with
 * its terms in logarithms.
 */
static double
worst_even(int d, Random *random)
{
	double		worst = 0;

	for (int i = 0; i < 50; i++)
	{
		double		y = d * 2 * random_uniform(random);
		long double sum = 0;

		for (int j = 0; j < d / 2; j++)
			sum += expl(j * logl(y) - y - lgammal(j + 1.0L));
		/* Below that a double has fewer digits. */
		if (sum > 1e-300L)
			worst = fmax(worst, relative_difference(special_chi_square_tail(2 * y, d),
													(double) sum, 0));
	}
	return worst;
}

/* It falls from 1 to 0 and has no step where the method changes. */
static bool
falls(int d)
{
	double		before = 1;

	for (double x = 0; x < 3 * d + 100; x += 0.01 * d)
	{
		double		tail = special_chi_square_tail(x, d);

		if (!(tail >= 0 && tail <= 1 && tail <= before * (1 + 1e-12)))
			return false;
		before = tail;
	}
	return before < 0.01;
}

/* The density of the root, by the slope of the tail: differences of order h^4. */
static double
worst_density(int d)
{
	double		worst = 0;

	for (double r = 0.05; r < 1.5 * sqrt(d) + 4; r += 0.1)
	{
		const double h = 0.005;
		double		slope = (8 * (special_chi_square_tail((r + h) * (r + h), d) -
								  special_chi_square_tail((r - h) * (r - h), d)) -
							 (special_chi_square_tail((r + 2 * h) * (r + 2 * h), d) -
							  special_chi_square_tail((r - 2 * h) * (r - 2 * h), d))) / (12 * h);

		worst = fmax(worst, relative_difference(special_chi_density(r, d), -slope, 1));
	}
	return worst;
}

/* A quantile's tail, which is half of a chi-square one, is what went in. */
static double
worst_round_trip(Random *random)
{
	double		worst = 0;

	for (int i = 0; i < 10000; i++)
	{
		double		p = pow(2, -1 - 50 * random_uniform(random));
		double		z = special_normal_quantile(p);

		/* The tail reacts to z by a factor of about 1 + z^2. */
		worst = fmax(worst, relative_difference(special_chi_square_tail(z * z, 1) / 2, p, 0) /
					 (1 + z * z));
	}
	return worst;
}

void
test_special(void)
{
	static const int even[] = {2, 4, 10, 126, 128, 130, 400, 4096};
	static const int any[] = {1, 2, 3, 16, 127, 128, 129, 130, 131, 1000, 4096};
	Random		random = random_start(510);
	double		worst = 0;
	bool		all = true;

	for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++)
		worst = fmax(worst, relative_difference(special_chi_square_tail(tails[i].x, tails[i].d),
												tails[i].tail, 0));
	check(worst < 1e-12, "tails of chi-square are those of a long series (%.1e)", worst);

	for (size_t i = 0; i < sizeof(even) / sizeof(int); i++)
	{
		worst = worst_even(even[i], &random);
		check(worst < 1e-12, "%d degrees of freedom: the finite sum (%.1e)", even[i], worst);
	}
	for (size_t i = 0; i < sizeof(any) / sizeof(int); i++)
		all = all && falls(any[i]);
	check(all, "tails fall from 1 to 0");
	worst = 0;
	for (size_t i = 0; i < sizeof(any) / sizeof(int); i++)
		worst = fmax(worst, worst_density(any[i]));
	check(worst < 1e-7, "the density is the slope of the tail (%.1e)", worst);
	check(fabs(special_chi_density(0, 1) - 0.79788456080286536) < 1e-15 &&
		  special_chi_density(0, 2) == 0 && special_chi_density(1, 2) == exp(-0.5) &&
		  special_chi_density(1e10, 7) == 0, "the density at the ends of the range");
	check(special_chi_square_tail(0, 3) == 1 && special_chi_square_tail(INFINITY, 3) == 0 &&
		  special_chi_square_tail(DBL_MAX, 4096) == 0 && special_chi_square_tail(DBL_MIN, 1) == 1,
		  "the ends of the range");

	worst = 0;
	for (size_t i = 0; i < sizeof(quantiles) / sizeof(quantiles[0]); i++)
		worst = fmax(worst, relative_difference(special_normal_quantile(quantiles[i].p),
												quantiles[i].quantile, 0));
	check(worst < 2e-15, "quantiles are SciPy's (%.1e)", worst);
	worst = worst_round_trip(&random);
	check(worst < 2e-15, "quantiles and tails are inverse to each other (%.1e)", worst);
}
