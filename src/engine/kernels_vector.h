/*
 * kernels_vector.h
 *	  Vectors of VL doubles and the functions on them that the kernels need;
 *	  a part of kernels_clone.h, compiled once per instruction set.
 *
 * Exponential, logarithm and square root are written for the ranges in which
 * a mixture uses them, without branches, to a relative error below 1e-15.
 */
typedef double Vec __attribute__((vector_size(8 * VL)));
typedef double VecUnaligned __attribute__((vector_size(8 * VL), aligned(8), may_alias));
typedef uint64_t Bits __attribute__((vector_size(8 * VL)));

/* The even and the odd elements of two vectors, one after the other. */
#ifdef __clang__
#if VL == 2
#define EVENS(a, b) __builtin_shufflevector(a, b, 0, 2)
#define ODDS(a, b) __builtin_shufflevector(a, b, 1, 3)
#elif VL == 4
#define EVENS(a, b) __builtin_shufflevector(a, b, 0, 2, 4, 6)
#define ODDS(a, b) __builtin_shufflevector(a, b, 1, 3, 5, 7)
#else
#define EVENS(a, b) __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14)
#define ODDS(a, b) __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15)
#endif
#else
#if VL == 2
#define EVENS(a, b) __builtin_shuffle(a, b, (Bits) {0, 2})
#define ODDS(a, b) __builtin_shuffle(a, b, (Bits) {1, 3})
#elif VL == 4
#define EVENS(a, b) __builtin_shuffle(a, b, (Bits) {0, 2, 4, 6})
#define ODDS(a, b) __builtin_shuffle(a, b, (Bits) {1, 3, 5, 7})
#else
#define EVENS(a, b) __builtin_shuffle(a, b, (Bits) {0, 2, 4, 6, 8, 10, 12, 14})
#define ODDS(a, b) __builtin_shuffle(a, b, (Bits) {1, 3, 5, 7, 9, 11, 13, 15})
#endif
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

/* a where the mask is set, b elsewhere */
ALWAYS_INLINE Vec
CLONE(select) (Bits mask, Vec a, Vec b)
{
	return (Vec) ((mask & (Bits) a) | (~mask & (Bits) b));
}

/*
 * The sums of n vectors' elements, n a power of two up to 16: pairs are added
 * until a vector holds one element of each.  sums: 16 doubles, of which n are
 * meant.
 */
ALWAYS_INLINE void
CLONE(sum_elements) (Vec *v, const int n, double *sums)
{
	int			left = n;

	UNROLL
	for (int width = 1; width < VL; width *= 2)
	{
		if (left == 1)
			v[0] = EVENS(v[0], v[0]) + ODDS(v[0], v[0]);
		else
		{
			left /= 2;
			UNROLL
			for (int i = 0; i < left; i++)
				v[i] = EVENS(v[2 * i], v[2 * i + 1]) + ODDS(v[2 * i], v[2 * i + 1]);
		}
	}
	UNROLL
	for (int i = 0; i < n; i += VL)
		CLONE(store) (sums + i, v[i / VL]);
}

ALWAYS_INLINE double
CLONE(sum_of) (Vec v)
{
	double		sums[16];

	CLONE(sum_elements) (&v, 1, sums);
	return sums[0];
}

/*
 * e to the x, for x <= 0, to a relative error below 1e-15; 0 below least,
 * which is EXP_UNDERFLOW or more.  x = n ln 2 + r, a Taylor polynomial for e^r, |r| <= ln 2 / 2,
 * and n added to the exponent.
 */
ALWAYS_INLINE Vec
CLONE(exp_negative) (Vec x, const double least)
{
	const double magic = 0x1.8p52;	/* adding it rounds to an integer */
	Vec			shifted = x * 1.4426950408889634074 + magic;
	Vec			n = shifted - magic;
	Vec			r = (x - n * 0x1.62e42fefa38p-1) - n * 0x1.ef35793c7673p-45;
	Vec			p = r * (1.0 / 479001600) + 1.0 / 39916800;

	p = p * r + 1.0 / 3628800;
	p = p * r + 1.0 / 362880;
	p = p * r + 1.0 / 40320;
	p = p * r + 1.0 / 5040;
	p = p * r + 1.0 / 720;
	p = p * r + 1.0 / 120;
	p = p * r + 1.0 / 24;
	p = p * r + 1.0 / 6;
	p = p * r + 0.5;
	p = p * r + 1.0;
	p = p * r + 1.0;
	return (Vec) (((Bits) p + ((Bits) shifted << 52)) & (Bits) (x > least));
}

/*
 * The square root of x >= 0, to a relative error below 1e-15: Newton's
 * iteration for 1 / sqrt(x) from the exponent halved, and one step for the
 * root itself.
 */
ALWAYS_INLINE Vec
CLONE(square_root) (Vec x)
{
	Vec			inverse = (Vec) (UINT64_C(0x5fe6eb50c7b537a9) - ((Bits) x >> 1));
	Vec			half = x * 0.5;
	Vec			root;

	for (int i = 0; i < 4; i++)
		inverse = inverse * (1.5 - (half * inverse) * inverse);
	root = x * inverse;
	return root + 0.5 * inverse * (x - root * root);
}

/*
 * The natural logarithm of x >= 1, to a relative error below 1e-15.
 * x = 2^e m with m in [sqrt(1/2), sqrt(2)), log m = 2 atanh((m - 1) / (m + 1)).
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
	p = t2 * (2.0 / 21) + 2.0 / 19;
	p = p * t2 + 2.0 / 17;
	p = p * t2 + 2.0 / 15;
	p = p * t2 + 2.0 / 13;
	p = p * t2 + 2.0 / 11;
	p = p * t2 + 2.0 / 9;
	p = p * t2 + 2.0 / 7;
	p = p * t2 + 2.0 / 5;
	p = p * t2 + 2.0 / 3;
	p = (p * t2) * t + 2.0 * t;
	return e * 0x1.62e42fefa38p-1 + (e * 0x1.ef35793c7673p-45 + p);
}
