/*
 * kernels_vector.h
 *	  Vectors of VL doubles and the functions on them that the kernels need;
 *	  a part of kernels_clone.h, compiled once per instruction set.
 *
 * Exponential, logarithm and inverse root are written for the ranges in which
 * a mixture uses them, without branches, to a relative error below 1e-15.  The
 * polynomials are the best ones of their degree for the relative error (Remez'
 * exchange algorithm).
 */

#ifdef __SSE2__
#include <immintrin.h>
#endif

/* How vectors are passed does not matter: everything here is inlined. */
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wpsabi"
#endif

typedef double Vec __attribute__((vector_size(8 * VL)));
typedef double VecUnaligned __attribute__((vector_size(8 * VL), aligned(8), may_alias));
typedef uint64_t Bits __attribute__((vector_size(8 * VL)));

#ifndef SHUFFLE
#ifdef __clang__
#define SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define SHUFFLE(a, b, ...) __builtin_shuffle(a, b, (Bits) {__VA_ARGS__})
#endif
#endif

/*
 * What sum_elements() adds: pairs of elements of two vectors, then pairs of
 * their halves, and then, of eight, pairs of quarters.  Where the one operand
 * can have its elements where they are, that is a blend, which does not wait
 * for the unit that shuffles; a shuffle to any place is slow.
 */
#if VL == 2
#define ADD_ELEMENTS(a, b) (SHUFFLE(a, b, 0, 3) + SHUFFLE(a, b, 1, 2))
#elif VL == 4
#define ADD_ELEMENTS(a, b) (SHUFFLE(a, b, 0, 5, 2, 7) + SHUFFLE(a, b, 1, 4, 3, 6))
#define ADD_HALVES(a, b) (SHUFFLE(a, b, 0, 1, 6, 7) + SHUFFLE(a, b, 2, 3, 4, 5))
#else
#define ADD_ELEMENTS(a, b) \
	(SHUFFLE(a, b, 0, 9, 2, 11, 4, 13, 6, 15) + SHUFFLE(a, b, 1, 8, 3, 10, 5, 12, 7, 14))
#define ADD_HALVES(a, b) \
	(SHUFFLE(a, b, 0, 1, 2, 3, 12, 13, 14, 15) + SHUFFLE(a, b, 4, 5, 6, 7, 8, 9, 10, 11))
#define ADD_QUARTERS(a, b) \
	(SHUFFLE(a, b, 0, 1, 4, 5, 8, 9, 12, 13) + SHUFFLE(a, b, 2, 3, 6, 7, 10, 11, 14, 15))
#endif

ALWAYS_INLINE Vec
CLONE(load) (const double *p)
{
	return *(const VecUnaligned *) p;
}

ALWAYS_INLINE void
CLONE(store) (double *p, Vec v)
{
	*(VecUnaligned *) p = v;
}

/* Values that are `step` apart. */
ALWAYS_INLINE Vec
CLONE(load_steps) (const double *p, size_t step)
{
#if VL == 2
	return (Vec) {p[0], p[step]};
#elif VL == 4
	return (Vec) {p[0], p[step], p[2 * step], p[3 * step]};
#else
	return (Vec) {p[0], p[step], p[2 * step], p[3 * step],
		p[4 * step], p[5 * step], p[6 * step], p[7 * step]};
#endif
}

/* a where the mask is set, b elsewhere */
ALWAYS_INLINE Vec
CLONE(select) (Bits mask, Vec a, Vec b)
{
	return (Vec) ((mask & (Bits) a) | (~mask & (Bits) b));
}

/*
 * The less of two, and the larger, element by element; b where either is NaN: one
 * instruction, which compilers do not see in a comparison.
 */
ALWAYS_INLINE Vec
CLONE(lesser) (Vec a, Vec b)
{
#if !defined(__SSE2__)
	return CLONE(select) ((Bits) (a < b), a, b);
#elif VL == 8
	return (Vec) _mm512_min_pd((__m512d) a, (__m512d) b);
#elif VL == 4
	return (Vec) _mm256_min_pd((__m256d) a, (__m256d) b);
#else
	return (Vec) _mm_min_pd((__m128d) a, (__m128d) b);
#endif
}

ALWAYS_INLINE Vec
CLONE(larger) (Vec a, Vec b)
{
#if !defined(__SSE2__)
	return CLONE(select) ((Bits) (a > b), a, b);
#elif VL == 8
	return (Vec) _mm512_max_pd((__m512d) a, (__m512d) b);
#elif VL == 4
	return (Vec) _mm256_max_pd((__m256d) a, (__m256d) b);
#else
	return (Vec) _mm_max_pd((__m128d) a, (__m128d) b);
#endif
}

/*
 * The sums of n vectors' elements: pairs are added until a vector holds one
 * element of each.  sums: n doubles, rounded up to whole vectors.
 */
ALWAYS_INLINE void
CLONE(sum_elements) (Vec *v, const int n, double *sums)
{
	int			left = n;

	UNROLL
	for (int width = 1; width < VL; width *= 2)
	{
		UNROLL
		for (int i = 0; i < (left + 1) / 2; i++)
		{
			Vec			a = v[2 * i];
			Vec			b = v[2 * i + 1 < left ? 2 * i + 1 : 2 * i];

			if (width == 1)
				v[i] = ADD_ELEMENTS(a, b);
#if VL >= 4
			else if (width == 2)
				v[i] = ADD_HALVES(a, b);
#endif
#if VL >= 8
			else
				v[i] = ADD_QUARTERS(a, b);
#endif
		}
		left = (left + 1) / 2;
	}
	UNROLL
	for (int i = 0; i < left; i++)
		CLONE(store) (sums + i * VL, v[i]);
}

#undef ADD_ELEMENTS
#undef ADD_HALVES
#undef ADD_QUARTERS

/* Does a condition hold in all lanes? */
ALWAYS_INLINE bool
CLONE(holds) (Bits condition)
{
	uint64_t	lanes[VL];
	uint64_t	all = UINT64_MAX;

	memcpy(lanes, &condition, sizeof(lanes));
	UNROLL
	for (int lane = 0; lane < VL; lane++)
		all &= lanes[lane];
	return all == UINT64_MAX;
}

#if VL == 2
#define TURN_ELEMENTS(a, b, first) (first ? SHUFFLE(a, b, 0, 2) : SHUFFLE(a, b, 1, 3))
#elif VL == 4
#define TURN_ELEMENTS(a, b, first) \
	(first ? SHUFFLE(a, b, 0, 4, 2, 6) : SHUFFLE(a, b, 1, 5, 3, 7))
#define TURN_PAIRS(a, b, first) \
	(first ? SHUFFLE(a, b, 0, 1, 4, 5) : SHUFFLE(a, b, 2, 3, 6, 7))
#else
#define TURN_ELEMENTS(a, b, first) \
	(first ? SHUFFLE(a, b, 0, 8, 2, 10, 4, 12, 6, 14) : SHUFFLE(a, b, 1, 9, 3, 11, 5, 13, 7, 15))
#define TURN_PAIRS(a, b, first) \
	(first ? SHUFFLE(a, b, 0, 1, 8, 9, 4, 5, 12, 13) : SHUFFLE(a, b, 2, 3, 10, 11, 6, 7, 14, 15))
#define TURN_HALVES(a, b, first) \
	(first ? SHUFFLE(a, b, 0, 1, 2, 3, 8, 9, 10, 11) : SHUFFLE(a, b, 4, 5, 6, 7, 12, 13, 14, 15))
#endif

/*
 * Turn VL vectors: what was element i of vector j becomes element j of vector i.  Each
 * step turns squares of two by two, of elements, then of pairs, then of halves.
 */
ALWAYS_INLINE void
CLONE(turn) (Vec *v)
{
#define TURN(width, what) \
	UNROLL \
	for (int i = 0; i < VL; i++) \
		if ((i & width) == 0) \
		{ \
			Vec			first = what(v[i], v[i + width], true); \
\
			v[i + width] = what(v[i], v[i + width], false); \
			v[i] = first; \
		}
	TURN(1, TURN_ELEMENTS)
#if VL >= 4
	TURN(2, TURN_PAIRS)
#endif
#if VL >= 8
	TURN(4, TURN_HALVES)
#endif
#undef TURN
}

#undef TURN_ELEMENTS
#undef TURN_PAIRS
#undef TURN_HALVES

ALWAYS_INLINE double
CLONE(sum_of) (Vec v)
{
	double		sums[VL];

	CLONE(sum_elements) (&v, 1, sums);
	return sums[0];
}

/*
 * e to the x, for x <= 0, to a relative error below 1e-15; 0 below least,
 * which is EXP_UNDERFLOW or more.  x = n ln 2 + r with |r| <= ln 2 / 2, e^r is
 * 1 + r + r^2 times a polynomial, and n is added to the exponent.
 */
ALWAYS_INLINE Vec
CLONE(exp_negative) (Vec x, const double least)
{
	const double magic = 0x1.8p52;	/* adding it rounds to an integer */
	Vec			shifted = x * 1.4426950408889634074 + magic;
	Vec			n = shifted - magic;
	Vec			r = (x - n * 0x1.62e42fefa38p-1) - n * 0x1.ef35793c7673p-45;
	Vec			p = r * 0x1.2707a7b887f9bp-22 + 0x1.72e91ae0671fap-19;

	p = p * r + 0x1.a01b7c4d60fefp-16;
	p = p * r + 0x1.a0198d586acb2p-13;
	p = p * r + 0x1.6c16c0c83222dp-10;
	p = p * r + 0x1.11111125b3e07p-7;
	p = p * r + 0x1.55555555890bdp-5;
	p = p * r + 0x1.55555555507c5p-3;
	p = p * r + 0x1.ffffffffffed2p-2;
	p = p * r + 1.0;
	p = p * r + 1.0;
	return (Vec) (((Bits) p + ((Bits) shifted << 52)) & (Bits) (x > least));
}

/*
 * 1 / sqrt(x), for x > 0, to a relative error below 1e-15; finite for 0.
 * A first guess comes from the exponent halved, and each step from the series
 * of 1 / sqrt(1 - e), where 1 - e = x y^2 tells how far off the guess y is.
 */
ALWAYS_INLINE Vec
CLONE(inverse_root) (Vec x)
{
	Vec			y = (Vec) (UINT64_C(0x5fe6eb50c7b537a9) - ((Bits) x >> 1));

	UNROLL
	for (int i = 0; i < 2; i++)
	{
		Vec			e = 1.0 - (x * y) * y;
		Vec			p = e * 0.3125 + 0.375;

		p = p * e + 0.5;
		y += (y * e) * p;
	}
	return y;
}

/*
 * The natural logarithm of x >= 1, to a relative error below 1e-15.
 * x = 2^e m with m in [sqrt(1/2), sqrt(2)), log m = 2 atanh(t) for
 * t = (m - 1) / (m + 1), which is 2 t + t^3 times a polynomial in t^2.
 */
ALWAYS_INLINE Vec
CLONE(log_above_one) (Vec x)
{
	Bits		high;
	Vec			m = (Vec) (((Bits) x & UINT64_C(0x000fffffffffffff)) |
						   UINT64_C(0x3ff0000000000000));
	Vec			e = (Vec) ((((Bits) x) >> 52) + UINT64_C(0x4330000000000000)) -
		(0x1p52 + 1023);
	Vec			t,
				t2,
				p;

	high = (Bits) (m > 1.41421356237309504880);
	m = CLONE(select) (high, m * 0.5, m);
	e = CLONE(select) (high, e + 1.0, e);
	t = (m - 1.0) / (m + 1.0);
	t2 = t * t;
	p = t2 * 0x1.2f05633e2a18dp-3 + 0x1.39a1babe7bd92p-3;
	p = p * t2 + 0x1.74663ee825961p-3;
	p = p * t2 + 0x1.c71c52095e818p-3;
	p = p * t2 + 0x1.24924941f1233p-2;
	p = p * t2 + 0x1.999999997fdb8p-2;
	p = p * t2 + 0x1.5555555555592p-1;
	p = (p * t2) * t + 2.0 * t;
	return e * 0x1.62e42fefa38p-1 + (e * 0x1.ef35793c7673p-45 + p);
}
