/*
 * exact.c
 *	  Sums without rounding.
 *
 * Floating-point sums depend on their order in the last bits.  Where parts are
 * to be merged in any order and to come to the same, to the bit, sums must be
 * exact: integers of some 64-bit words in two's complement, all of one array
 * with the same lowest bit, 2 to a multiple of 64 (a "long accumulator",
 * Kulisch).  The words of an array reach as far down and up as the values that
 * were added ask for, which of ordinary values is three or four, and of any
 * doubles, whose products may have three factors, less than 120.
 */
#include "engine/engine.h"

#include <math.h>
#include <string.h>

/* Bits that stay free above what is added, so that a sum is seen to grow */
#define HEADROOM 4

/* An array of n sums, all 0. */
void
exact_begin(ExactSums *sums, int n)
{
	*sums = (ExactSums) {.n = n};
}

/* Give back what the host has allocated for the sums, which then are all 0. */
void
exact_release(ExactSums *sums, const MixtureHost *host)
{
	if (sums->values != NULL)
		host->release(host->context, sums->values);
	sums->values = NULL;
	sums->words = 0;
}

/* The word that goes on upwards for ever behind a sum's last one */
static uint64_t
sign_word(const ExactSums *sums, int i)
{
	if (sums->words == 0)
		return 0;
	return sums->values[(size_t) i * sums->words + sums->words - 1] >> 63 ? UINT64_MAX : 0;
}

/* A word of a sum, counted in its value from 2^0: it may be outside of the array. */
static uint64_t
word_at(const ExactSums *sums, int i, int place)
{
	int			word = place - sums->low;

	if (word < 0)
		return 0;
	if (word >= sums->words)
		return sign_word(sums, i);
	return sums->values[(size_t) i * sums->words + word];
}

/*
 * Let the words of all sums reach from 2^(64 low) to below 2^(64 high), and
 * no less than they do.
 */
static void
reserve(ExactSums *sums, int low, int high, const MixtureHost *host)
{
	ExactSums	wider = *sums;

	if (sums->words > 0)
	{
		low = low < sums->low ? low : sums->low;
		high = high > sums->low + sums->words ? high : sums->low + sums->words;
		if (low == sums->low && high == sums->low + sums->words)
			return;
	}
	wider.low = low;
	wider.words = high - low;
	wider.values = host->allocate(host->context, (size_t) sums->n * wider.words * sizeof(uint64_t));
	for (int i = 0; i < sums->n; i++)
		for (int word = 0; word < wider.words; word++)
			wider.values[(size_t) i * wider.words + word] = word_at(sums, i, low + word);
	exact_release(sums, host);
	*sums = wider;
}

/* The quotient by 64, rounded down. */
static int
word_of(int exponent)
{
	return exponent >= 0 ? exponent / 64 : -((63 - exponent) / 64);
}

/* Is a sum near the end of its words? */
static bool
is_near_end(const ExactSums *sums, int i)
{
	uint64_t	top = sums->values[(size_t) i * sums->words + sums->words - 1];

	return top + (UINT64_C(1) << (63 - HEADROOM)) >= UINT64_C(1) << (64 - HEADROOM);
}

/*
 * Add to sum i, or subtract from it, an integer of n words times 2^exponent.
 */
static void
add_words(ExactSums *sums, int i, const uint64_t *magnitude, int n, int exponent,
		  bool negative, const MixtureHost *host)
{
	int			place = word_of(exponent);
	int			shift = exponent - 64 * place;
	uint64_t	below = 0;
	uint64_t	carry = negative;
	uint64_t   *target;

	while (n > 0 && magnitude[n - 1] == 0)
		n--;
	if (n == 0)
		return;
	if (sums->words == 0 || place < sums->low || place + n + 2 > sums->low + sums->words)
		reserve(sums, place, place + n + 2, host);
	target = sums->values + (size_t) i * sums->words;
	for (int word = place - sums->low, from = 0; word < sums->words; word++, from++)
	{
		uint64_t	part = from < n ? magnitude[from] : 0;
		uint64_t	shifted = (part << shift) | below;

		below = shift > 0 ? part >> (64 - shift) : 0;
		if (from > n && carry == negative)
			break;				/* nothing changes from here on */
		if (negative)
			shifted = ~shifted;
		target[word] += carry;
		carry = target[word] < carry;
		target[word] += shifted;
		carry += target[word] < shifted;
	}
	if (is_near_end(sums, i))
		reserve(sums, sums->low, sums->low + sums->words + 1, host);
}

/* A finite double as mantissa x 2^exponent, the mantissa odd or 0 */
typedef struct Parts
{
	uint64_t	mantissa;
	int			exponent;
	bool		negative;
} Parts;

static Parts
take_apart(double x)
{
	uint64_t	bits;
	Parts		parts;
	int			zeros;

	memcpy(&bits, &x, sizeof(bits));
	parts.negative = bits >> 63;
	parts.exponent = (int) (bits >> 52 & 0x7ff);
	parts.mantissa = bits & ((UINT64_C(1) << 52) - 1);
	if (parts.exponent > 0)
		parts.mantissa |= UINT64_C(1) << 52;
	else
		parts.exponent = 1;
	parts.exponent -= 1075;
	if (parts.mantissa == 0)
		return (Parts) {0, 0, false};
	zeros = __builtin_ctzll(parts.mantissa);
	parts.mantissa >>= zeros;
	parts.exponent += zeros;
	return parts;
}

/* The product of two words, as two */
static void
multiply_words(uint64_t a, uint64_t b, uint64_t *low, uint64_t *high)
{
#ifdef __SIZEOF_INT128__
	unsigned __int128 product = (unsigned __int128) a * b;

	*low = (uint64_t) product;
	*high = (uint64_t) (product >> 64);
#else
	uint64_t	a0 = a & 0xffffffff,
				a1 = a >> 32;
	uint64_t	b0 = b & 0xffffffff,
				b1 = b >> 32;
	uint64_t	middle = a1 * b0 + (a0 * b0 >> 32);
	uint64_t	other = a0 * b1 + (middle & 0xffffffff);

	*low = a * b;
	*high = a1 * b1 + (middle >> 32) + (other >> 32);
#endif
}

/* product, n + 1 words: of n words and one more */
static void
multiply(const uint64_t *words, int n, uint64_t factor, uint64_t *product)
{
	uint64_t	carry = 0;

	for (int i = 0; i < n; i++)
	{
		uint64_t	high;

		multiply_words(words[i], factor, &product[i], &high);
		product[i] += carry;
		carry = high + (product[i] < carry);
	}
	product[n] = carry;
}

/* Add a finite double to sum i. */
void
exact_add(ExactSums *sums, int i, double x, const MixtureHost *host)
{
	Parts		parts = take_apart(x);

	add_words(sums, i, &parts.mantissa, 1, parts.exponent, parts.negative, host);
}

/*
 * add_words() of two words to one sum, for which there is room: `words` words
 * behind target, of which the magnitude begins in the first.  Every pair of
 * features of every row comes here.
 */
static inline void
add_two_words(uint64_t *target, int words, uint64_t low, uint64_t high, int shift,
			  bool negative)
{
	uint64_t	mask = negative ? UINT64_MAX : 0;
	uint64_t	carry = negative;
	uint64_t	parts[3];

	/* in two steps, as 64 is no shift */
	parts[0] = low << shift;
	parts[1] = high << shift | low >> 1 >> (63 - shift);
	parts[2] = high >> 1 >> (63 - shift);
	for (int word = 0; word < 3; word++)
	{
		uint64_t	part = parts[word] ^ mask;
		uint64_t	sum = target[word] + carry;

		carry = sum < carry;
		sum += part;
		carry += sum < part;
		target[word] = sum;
	}
	for (int word = 3; word < words && carry != negative; word++)
	{
		target[word] += negative ? UINT64_MAX : 1;
		carry = negative ? target[word] != UINT64_MAX : target[word] == 0;
	}
}

/* Add first times each of parts 0 to n - 1 to sums from i on. */
static void
add_products(ExactSums *sums, int i, const uint64_t *first, int exponent, bool negative,
			 const Parts *parts, int n, const MixtureHost *host)
{
	for (int j = 0; j < n; j++)
	{
		int			place;
		uint64_t	product[3];

		exponent += parts[j].exponent;
		place = word_of(exponent) - sums->low;
		if (first[1] == 0 && place >= 0 && place + 4 <= sums->words)
		{
			multiply_words(first[0], parts[j].mantissa, &product[0], &product[1]);
			add_two_words(sums->values + (size_t) (i + j) * sums->words + place,
						  sums->words - place, product[0], product[1],
						  exponent - 64 * (place + sums->low), negative != parts[j].negative);
			if (is_near_end(sums, i + j))
				reserve(sums, sums->low, sums->low + sums->words + 1, host);
		}
		else
		{
			multiply(first, 2, parts[j].mantissa, product);
			add_words(sums, i + j, product, 3, exponent, negative != parts[j].negative, host);
		}
		exponent -= parts[j].exponent;
	}
}

/*
 * Add a row's moments: of a row x of d finite values and weight w, w x to the
 * d sums of firsts and w x x' to the d (d + 1) / 2 of seconds, packed; or to
 * firsts only where seconds has none.
 */
void
exact_add_moments(ExactSums *firsts, ExactSums *seconds, const double *row, int d,
				  double weight, const MixtureHost *host)
{
	Parts		stack[64];
	Parts	   *parts = stack;
	Parts		w = take_apart(weight);
	int			place = 0;

	if (d > (int) (sizeof(stack) / sizeof(Parts)))
		parts = host->allocate(host->context, d * sizeof(Parts));
	for (int i = 0; i < d; i++)
	{
		uint64_t	first[2];

		parts[i] = take_apart(row[i]);
		multiply(&w.mantissa, 1, parts[i].mantissa, first);
		if (parts[i].mantissa != 0)
		{
			int			exponent = w.exponent + parts[i].exponent;

			add_words(firsts, i, first, 2, exponent, parts[i].negative, host);
			if (seconds->n > 0)
				add_products(seconds, place, first, exponent, parts[i].negative, parts,
							 i + 1, host);
		}
		place += i + 1;
	}
	if (parts != stack)
		host->release(host->context, parts);
}

/* Add sum j of an array, or what it is less than 0, to sum i of another. */
void
exact_add_sum(ExactSums *target, int i, const ExactSums *source, int j, bool negative,
			  const MixtureHost *host)
{
	uint64_t	carry = negative;

	if (source->words == 0)
		return;
	/* neither is near the end of its words, so the sum is within */
	reserve(target, source->low, source->low + source->words, host);
	for (int word = 0; word < target->words; word++)
	{
		uint64_t   *to = target->values + (size_t) i * target->words + word;
		uint64_t	part = word_at(source, j, target->low + word);

		if (negative)
			part = ~part;
		*to += carry;
		carry = *to < carry;
		*to += part;
		carry += *to < part;
	}
	if (is_near_end(target, i))
		reserve(target, target->low, target->low + target->words + 1, host);
}

/* Add the sums of an array to those of another of as many. */
void
exact_merge(ExactSums *target, const ExactSums *source, const MixtureHost *host)
{
	for (int i = 0; i < target->n; i++)
		exact_add_sum(target, i, source, i, false, host);
}

/* -1, 0 or 1, as sum i is below, at or above 0 */
int
exact_sign(const ExactSums *sums, int i)
{
	if (sign_word(sums, i) != 0)
		return -1;
	for (int word = 0; word < sums->words; word++)
		if (sums->values[(size_t) i * sums->words + word] != 0)
			return 1;
	return 0;
}

/*
 * The least extent that all sums of an array need: from word *low, and *words
 * of them; both 0 if all sums are.  Sums that are equal have equal extents.
 */
void
exact_extent(const ExactSums *sums, int *low, int *words)
{
	int			first = sums->words;
	int			last = 0;

	for (int i = 0; i < sums->n && sums->words > 0; i++)
	{
		const uint64_t *values = sums->values + (size_t) i * sums->words;
		uint64_t	sign = sign_word(sums, i);
		int			used = sums->words;

		/* as long as the word below the last one has the sign, too */
		while (used > 0 && values[used - 1] == sign &&
			   (used == 1 ? sign == 0 : values[used - 2] >> 63 == sign >> 63))
			used--;
		for (int word = 0; word < first && word < used; word++)
			if (values[word] != 0)
				first = word;
		last = used > last ? used : last;
	}
	*low = last == 0 ? 0 : sums->low + first;
	*words = last == 0 ? 0 : last - first;
}

/* An array of sums that were written as words of this extent. */
void
exact_read(ExactSums *sums, int n, int low, int words, const uint64_t *source,
		   const MixtureHost *host)
{
	exact_begin(sums, n);
	if (n == 0 || words == 0)
		return;
	/* and a word more, so that none is near the end of them */
	sums->values = host->allocate(host->context, (size_t) n * (words + 1) * sizeof(uint64_t));
	sums->low = low;
	sums->words = words + 1;
	for (int i = 0; i < n; i++, source += words)
	{
		uint64_t   *target = sums->values + (size_t) i * sums->words;

		memcpy(target, source, words * sizeof(uint64_t));
		target[words] = source[words - 1] >> 63 ? UINT64_MAX : 0;
	}
}

/* Write the sums as words of this extent, which is not less than they need. */
void
exact_write(const ExactSums *sums, int low, int words, uint64_t *target)
{
	for (int i = 0; i < sums->n; i++)
		for (int word = 0; word < words; word++)
			*target++ = word_at(sums, i, low + word);
}

/*
 * Sum i rounded to 53 bits, ties to even, as a number of these and the power of 2
 * that it is to be multiplied by.
 */
static double
round_to_bits(const ExactSums *sums, int i, int *exponent)
{
	bool		negative = sign_word(sums, i) != 0;
	uint64_t	carry = negative;
	uint64_t	top = 0;		/* the highest word of the magnitude */
	uint64_t	next = 0;		/* the one below it */
	bool		rest = false;	/* there is something below that */
	uint64_t	before = 0;
	bool		below = false;
	int			place = 0;
	int			zeros;

	for (int word = 0; word < sums->words; word++)
	{
		uint64_t	part = sums->values[(size_t) i * sums->words + word];

		if (negative)
		{
			part = ~part + carry;
			carry = carry && part == 0;
		}
		if (part != 0)
		{
			top = part;
			next = before;
			rest = below;
			place = word;
		}
		below = below || before != 0;
		before = part;
	}
	*exponent = 0;
	if (top == 0)
		return 0;
	zeros = __builtin_clzll(top);
	if (zeros > 0)
	{
		top = top << zeros | next >> (64 - zeros);
		next <<= zeros;
	}
	/* 53 bits and a half stay; what is below only breaks ties */
	rest = rest || next != 0 || (top & 0x3ff) != 0;
	next = top >> 10 & 1;
	top >>= 11;
	if (next && (rest || (top & 1)))
		top++;
	*exponent = 64 * (sums->low + place) - zeros + 11;
	return negative ? -(double) top : (double) top;
}

/*
 * Sum i as the nearest double, ties to even; infinite where it is beyond.
 */
double
exact_round(const ExactSums *sums, int i)
{
	int			exponent;
	double		bits = round_to_bits(sums, i, &exponent);

	return ldexp(bits, exponent);
}

/*
 * Sum i by sum j, which is not 0, of another array: in range whenever the quotient
 * is, however large or small both are.
 */
static double
quotient(const ExactSums *sums, int i, const ExactSums *divisors, int j)
{
	int			exponent;
	int			divisor_exponent;
	double		bits = round_to_bits(sums, i, &exponent);
	double		divisor_bits = round_to_bits(divisors, j, &divisor_exponent);

	return ldexp(bits / divisor_bits, exponent - divisor_exponent);
}

/* Add factor times sum j of an array to sum i of another. */
static void
add_multiple(ExactSums *target, int i, const ExactSums *source, int j, double factor,
			 const MixtureHost *host)
{
	Parts		parts = take_apart(factor);
	bool		negative = sign_word(source, j) != 0;
	uint64_t	carry = negative;

	for (int word = 0; word < source->words; word++)
	{
		uint64_t	part = source->values[(size_t) j * source->words + word];
		uint64_t	product[2];

		if (negative)
		{
			part = ~part + carry;
			carry = carry && part == 0;
		}
		multiply(&part, 1, parts.mantissa, product);
		add_words(target, i, product, 2, 64 * (source->low + word) + parts.exponent,
				  negative != parts.negative, host);
	}
}

/*
 * Mean and covariance of rows from their exact moments: the covariance is taken
 * about the mean as a double, without rounding before its last step, so that
 * however far the rows are from 0 nothing cancels.
 *
 * weight: one sum, above 0.  mean: d.  covariance: d x d, or NULL.  Values
 * beyond the range of a double are infinite or NaN.
 */
void
exact_moments(const ExactSums *weight, const ExactSums *firsts, const ExactSums *seconds,
			  int d, double *mean, double *covariance, const MixtureHost *host)
{
	ExactSums	sum;

	for (int i = 0; i < d; i++)
		mean[i] = quotient(firsts, i, weight, 0);
	if (covariance == NULL)
		return;
	exact_begin(&sum, 1);
	for (int i = 0; i < d; i++)
	{
		for (int j = 0; j <= i; j++)
		{
			double		value = NAN;

			if (isfinite(mean[i]) && isfinite(mean[j]))
			{
				/* S - c_i s_j - c_j s_i + c_i c_j W */
				ExactSums	shifted;

				exact_begin(&shifted, 1);
				add_multiple(&shifted, 0, weight, 0, mean[j], host);
				exact_add_sum(&shifted, 0, firsts, j, true, host);
				add_multiple(&sum, 0, &shifted, 0, mean[i], host);
				add_multiple(&sum, 0, firsts, i, -mean[j], host);
				exact_add_sum(&sum, 0, seconds, i * (i + 1) / 2 + j, false, host);
				value = quotient(&sum, 0, weight, 0);
				exact_release(&shifted, host);
				exact_release(&sum, host);
			}
			covariance[(size_t) i * d + j] = covariance[(size_t) j * d + i] = value;
		}
		host->check_interrupts(host->context);
	}
}
