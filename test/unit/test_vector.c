/*
 * test_vector.c
 *	  The kernels' exponential, logarithm and inverse root, in every clone that
 *	  this CPU has, against the C library's in long double; the less and the larger.
 *
 * They are inlined wherever they are used, so this file makes clones of its
 * own from the header that has them.
 */
#include "unit.h"

#include <math.h>
#include <string.h>

#define PASTE_(a, b) a##_##b
#define PASTE(a, b) PASTE_(a, b)
#define CLONE(name) PASTE(name, CLONE_NAME)
#ifdef __clang__
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 32")
#endif
#define ALWAYS_INLINE static inline __attribute__((always_inline, unused))

#define TOLERANCE 1e-15
#define LANES 8

/* Apply a function to LANES doubles. */
#define DEFINE_FUNCTION(function, call) \
static void \
CLONE(function) (const double *x, double *y) \
{ \
	for (int i = 0; i < LANES; i += VL) \
		CLONE(store) (y + i, call); \
}
#define DEFINE_FUNCTIONS \
DEFINE_FUNCTION(exponentials, CLONE(exp_negative) (CLONE(load) (x + i), -708.0)) \
DEFINE_FUNCTION(logarithms, CLONE(log_above_one) (CLONE(load) (x + i))) \
DEFINE_FUNCTION(inverse_roots, CLONE(inverse_root) (CLONE(load) (x + i))) \
DEFINE_FUNCTION(lessers, CLONE(lesser) (CLONE(load) (x + i), 1.0 - (Vec) {0})) \
DEFINE_FUNCTION(largers, CLONE(larger) (CLONE(load) (x + i), 1.0 - (Vec) {0}))

#define Vec CLONE(Vec)
#define VecUnaligned CLONE(VecUnaligned)
#define Bits CLONE(Bits)

#define CLONE_NAME baseline
#define VL 2
#include "engine/kernels/kernels_vector.h"
DEFINE_FUNCTIONS
#undef CLONE_NAME
#undef VL

#if defined(__x86_64__)

#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif
#define CLONE_NAME avx2
#define VL 4
#include "engine/kernels/kernels_vector.h"
DEFINE_FUNCTIONS
#undef CLONE_NAME
#undef VL
#ifdef __clang__
#pragma clang attribute pop
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512vl,avx2,fma"))), apply_to = function)
#else
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512vl,avx2,fma,prefer-vector-width=512")
#endif
#define CLONE_NAME avx512
#define VL 8
#include "engine/kernels/kernels_vector.h"
DEFINE_FUNCTIONS
#undef CLONE_NAME
#undef VL
#ifdef __clang__
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#endif							/* __x86_64__ */

typedef void (*Function) (const double *x, double *y);

typedef struct Clone
{
	const char *name;
	Function	exponentials;
	Function	logarithms;
	Function	inverse_roots;
	Function	lessers;
	Function	largers;
} Clone;

static const Clone clones[] = {
	{"baseline", exponentials_baseline, logarithms_baseline, inverse_roots_baseline,
	lessers_baseline, largers_baseline},
#if defined(__x86_64__)
	{"avx2", exponentials_avx2, logarithms_avx2, inverse_roots_avx2,
	lessers_avx2, largers_avx2},
	{"avx512", exponentials_avx512, logarithms_avx512, inverse_roots_avx512,
	lessers_avx512, largers_avx512},
#endif
};

static long double
inverse_root(long double x)
{
	return 1 / sqrtl(x);
}

/*
 * The largest relative error over a range that has been cut into equal parts,
 * with a random point in each; spread: e to the points instead.
 */
static double
largest_error(Function function, long double (*reference) (long double),
			  double from, double to, bool spread, Random *random)
{
	const int	n_parts = 20000;
	double		worst = 0;

	for (int part = 0; part < n_parts; part += LANES)
	{
		double		x[LANES];
		double		y[LANES];

		for (int i = 0; i < LANES; i++)
		{
			x[i] = from + (to - from) * (part + i + random_uniform(random)) / n_parts;
			if (spread)
				x[i] = exp(x[i]);
		}
		function(x, y);
		for (int i = 0; i < LANES; i++)
		{
			long double expected = reference(x[i]);

			/* written so that NaN is the worst */
			if (!(fabsl(y[i] - expected) <= worst * fabsl(expected)))
				worst = (double) (fabsl(y[i] - expected) / fabsl(expected));
		}
	}
	return worst;
}

static void
test_clone(const Clone *clone, Random *random)
{
	static const double edges[LANES] = {0, -0.0, -1e-300, -708.1, -800, -1e10, -1e300, -0.5};
	static const double values[LANES] = {NAN, 2, -INFINITY, INFINITY, 1, -0.0, 0.5, NAN};
	double		y[LANES];
	double		z[LANES];
	double		error;

	error = largest_error(clone->exponentials, expl, -707.9, 0, false, random);
	error = fmax(error, largest_error(clone->exponentials, expl, -2, 0, false, random));
	check(error < TOLERANCE, "%s: exponential to %.1e", clone->name, error);

	clone->exponentials(edges, y);
	check(y[0] == 1 && y[1] == 1 && y[2] == 1 && y[3] == 0 && y[4] == 0 && y[5] == 0 &&
		  y[6] == 0 && y[7] > 0.6, "%s: exponential of 0 and of what is far below it",
		  clone->name);

	error = largest_error(clone->logarithms, logl, 1.0001, 3, false, random);
	error = fmax(error, largest_error(clone->logarithms, logl, 0.01, 700, true, random));
	check(error < TOLERANCE, "%s: logarithm to %.1e", clone->name, error);

	error = largest_error(clone->inverse_roots, inverse_root, 1, 4, false, random);
	error = fmax(error, largest_error(clone->inverse_roots, inverse_root, -700, 700, true,
									  random));
	check(error < TOLERANCE, "%s: inverse root to %.1e", clone->name, error);

	clone->lessers(values, y);
	clone->largers(values, z);
	check(y[0] == 1 && y[1] == 1 && y[2] == -INFINITY && y[3] == 1 && y[4] == 1 && y[5] == 0 &&
		  y[6] == 0.5 && y[7] == 1, "%s: the less of a value and 1, 1 for NaN", clone->name);
	check(z[0] == 1 && z[1] == 2 && z[2] == 1 && z[3] == INFINITY && z[4] == 1 && z[5] == 1 &&
		  z[6] == 1 && z[7] == 1, "%s: the larger of a value and 1, 1 for NaN", clone->name);
}

void
test_vector(void)
{
	Random		random = random_start(7);

	for (size_t i = 0; i < sizeof(clones) / sizeof(clones[0]); i++)
	{
		const Kernels *kernels = kernels_list((int) i);

		if (kernels == NULL)
			break;
		check(strcmp(kernels->name, clones[i].name) == 0, "clone %d is %s", (int) i,
			  clones[i].name);
		test_clone(&clones[i], &random);
	}
}
