/*
 * special.c
 *	  The tail of the chi-square distribution and the quantiles of the normal.
 *
 * The tail is accurate relative to itself however small it is, since it is the
 * far tails that are asked for: every sum below has terms of one sign only,
 * and no logarithm of a large number is taken away from another.
 *
 * The quantile is for drawing rows, which are to be the same everywhere, so it
 * takes nothing from the C library but the square root, which IEEE 754
 * defines to the last bit.
 */
#include "engine/core/special.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>

static const double pi = 3.1415926535897932384626433832795;

/*
 * Up to this many degrees of freedom the terms of a sum neither over- nor
 * underflow where the sum does not; above it Stirling's series is exact.
 */
#define MANY_DEGREES 128

/*
 * y^a e^-y / Gamma(a + 1), the Poisson probability of a where a is a whole
 * number, for a of MANY_DEGREES / 2 - 1 and more: by Stirling's series and the
 * deviance, as in Loader (2000), Fast and Accurate Computation of Binomial
 * Probabilities, so that what is large cancels before it is computed.
 */
static double
poisson_saddle_point(double a, double y)
{
	double		a2 = a * a;
	double		stirling = (1.0 / 12 -
							(1.0 / 360 - (1.0 / 1260 - 1.0 / (1680 * a2)) / a2) / a2) / a;
	double		deviance = 0;	/* a ln(a / y) + y - a */

	if (fabs(a - y) < 0.1 * (a + y))
	{
		/* a power series of v, the logarithm being 2 atanh(v) */
		double		v = (a - y) / (a + y);
		double		term = 2 * a * v;

		deviance = (a - y) * v;
		for (int j = 3;; j += 2)
		{
			double		before = deviance;

			term *= v * v;
			deviance += term / j;
			if (deviance == before)
				break;
		}
	}
	else
		deviance = a * log(a / y) + y - a;
	return exp(-stirling - deviance) / sqrt(2 * pi * a);
}

/*
 * The same for fewer degrees of freedom, a being a whole number or half of an
 * odd one, as a product.  The exponential comes in two halves, lest it
 * underflow before the product has made up for it.
 */
static double
poisson_product(double a, double y)
{
	bool		whole = a == floor(a);
	double		half = exp(-y / 2);
	double		term = half * (whole ? 1 : 2 * sqrt(y / pi));

	for (double i = whole ? 1 : 1.5; i <= a; i++)
		term *= y / i;
	return term * half;
}

static double
poisson(double a, double y)
{
	return 2 * a < MANY_DEGREES - 2 ? poisson_product(a, y) : poisson_saddle_point(a, y);
}

/* The upper tail where y < a, hence most of it, as 1 less the lower tail. */
static double
tail_below(double a, double y)
{
	double		term = 1;
	double		sum = 1;

	for (double i = a + 1; term > DBL_EPSILON * sum / 4; i++)
		sum += term *= y / i;
	return 1 - poisson(a, y) * sum;
}

/*
 * The upper tail where y >= a: the terms for a - 1, a - 2 and so on, down to 0
 * or, where a is half of an odd number, to 1/2 and then erfc(sqrt(y)).
 */
static double
tail_above(double a, double y)
{
	double		term = 1;
	double		sum = 1;
	double		i = a - 1;

	if (a == 0.5)
		return erfc(sqrt(y));
	for (; i > 0.5; i--)
	{
		sum += term *= i / y;
		if (term <= DBL_EPSILON * sum / 4)
			break;
	}
	sum *= poisson(a - 1, y);
	return i == 0.5 ? sum + erfc(sqrt(y)) : sum;
}

/*
 * The probability that a chi-square variable of d >= 1 degrees of freedom is
 * above x >= 0: Q(d / 2, x / 2), Q being the regularised incomplete gamma
 * function (NIST Digital Library of Mathematical Functions, sections 8.4, 8.7
 * and 8.8).  Zero where it is below the smallest double.
 */
double
special_chi_square_tail(double x, int d)
{
	double		a = 0.5 * d;
	double		y = 0.5 * x;
	double		tail;

	if (!(y > 0))
		return 1;
	/* Above this everything has long been zero, and products would overflow. */
	if (y > 10000 + 10 * a)
		return 0;
	tail = y < a ? tail_below(a, y) : tail_above(a, y);
	return tail < 1 ? tail : 1;
}

/*
 * The density at r >= 0 of the root of a chi-square variable of d >= 1 degrees
 * of freedom, which is the length of a vector of d standard normal deviates.
 */
double
special_chi_density(double r, int d)
{
	if (!(r > 0))
		return d == 1 ? sqrt(2 / pi) : 0;
	return d / r * poisson(0.5 * d, 0.5 * r * r);
}

/*
 * The natural logarithm of x, 0 < x < 1, not denormal, from basic arithmetic:
 * 2 atanh(s) with s = (m - 1) / (m + 1), m the mantissa near 1.
 */
static double
plain_log(double x)
{
	int			exponent;
	double		m = frexp(x, &exponent);
	double		s,
				s2,
				sum = 0;

	if (m < 0.70710678118654752)
	{
		m *= 2;
		exponent--;
	}
	s = (m - 1) / (m + 1);
	s2 = s * s;
	for (int i = 23; i >= 3; i -= 2)
		sum = s2 * (sum + 1.0 / i);
	return exponent * 0.69314718055994530941723212145818 + 2 * (s + s * sum);
}

/* The polynomial of 8 coefficients, that of the highest power first. */
static double
polynomial(const double *coefficients, double x)
{
	double		sum = coefficients[0];

	for (int i = 1; i < 8; i++)
		sum = sum * x + coefficients[i];
	return sum;
}

/*
 * The quantile of the standard normal distribution for 0 < p < 1, to about 16
 * digits: Wichura (1988), algorithm AS 241, PPND16, with its coefficients.
 */
double
special_normal_quantile(double p)
{
	static const double central[2][8] = {
		{2.5090809287301226727e+3, 3.3430575583588128105e+4,
			6.7265770927008700853e+4, 4.5921953931549871457e+4,
			1.3731693765509461125e+4, 1.9715909503065514427e+3,
		1.3314166789178437745e+2, 3.3871328727963666080e+0},
		{5.2264952788528545610e+3, 2.8729085735721942674e+4,
			3.9307895800092710610e+4, 2.1213794301586595867e+4,
			5.3941960214247511077e+3, 6.8718700749205790830e+2,
		4.2313330701600911252e+1, 1.0}
	};
	static const double middle[2][8] = {
		{7.74545014278341407640e-4, 2.27238449892691845833e-2,
			2.41780725177450611770e-1, 1.27045825245236838258e+0,
			3.64784832476320460504e+0, 5.76949722146069140550e+0,
		4.63033784615654529590e+0, 1.42343711074968357734e+0},
		{1.05075007164441684324e-9, 5.47593808499534494600e-4,
			1.51986665636164571966e-2, 1.48103976427480074590e-1,
			6.89767334985100004550e-1, 1.67638483018380384940e+0,
		2.05319162663775882187e+0, 1.0}
	};
	static const double far[2][8] = {
		{2.01033439929228813265e-7, 2.71155556874348757815e-5,
			1.24266094738807843860e-3, 2.65321895265761230930e-2,
			2.96560571828504891230e-1, 1.78482653991729133580e+0,
		5.46378491116411436990e+0, 6.65790464350110377720e+0},
		{2.04426310338993978564e-15, 1.42151175831644588870e-7,
			1.84631831751005468180e-5, 7.86869131145613259100e-4,
			1.48753612908506148525e-2, 1.36929880922735805310e-1,
		5.99832206555887937690e-1, 1.0}
	};
	double		q = p - 0.5;
	double		r;

	if (fabs(q) <= 0.425)
	{
		r = 0.180625 - q * q;
		return q * polynomial(central[0], r) / polynomial(central[1], r);
	}
	r = sqrt(-plain_log(q < 0 ? p : 1 - p));
	r = r <= 5 ? polynomial(middle[0], r - 1.6) / polynomial(middle[1], r - 1.6) :
		polynomial(far[0], r - 5) / polynomial(far[1], r - 5);
	return q < 0 ? -r : r;
}
