/*
 * linalg.h
 *	  The little dense linear algebra that a mixture needs.
 *
 * Matrices are packed lower triangles, row by row: element (i, j), j <= i,
 * at i * (i + 1) / 2 + j.
 */
#ifndef GMM_ENGINE_LINALG_H
#define GMM_ENGINE_LINALG_H

#include <float.h>

#include "engine/engine.h"

static inline size_t
linalg_packed_count(int d)
{
	return (size_t) d * ((size_t) d + 1) / 2;
}

static inline size_t
linalg_row(int i)
{
	return (size_t) i * ((size_t) i + 1) / 2;
}

/* Fewer elements than this are not worth a call */
#define LINALG_LONG		4

/* The first share of linalg_loosen(), and what each next one is more */
#define LINALG_FIRST_SHARE(d)	(8 * (d) * DBL_EPSILON)
#define LINALG_SHARE_GROWTH		8

/* Loops over a handful of registers have to be unrolled to stay in them. */
#ifdef __clang__
#define LINALG_UNROLL _Pragma("clang loop unroll(full)")
#else
#define LINALG_UNROLL _Pragma("GCC unroll 8")
#endif

/*
 * Two doubles that need no alignment: as many as every machine that matters has
 * instructions for.  (gcc keeps what is wider than those in memory.)
 */
typedef double LinalgPair __attribute__((vector_size(16), aligned(8), may_alias));
typedef uint64_t LinalgBits __attribute__((vector_size(16)));

static inline LinalgPair
linalg_pair(const double *a)
{
	return *(const LinalgPair *) a;
}

static inline void
linalg_set_pair(double *a, LinalgPair pair)
{
	*(LinalgPair *) a = pair;
}

/* linalg.c */
extern double linalg_long_dot(const double *a, const double *b, int n);
extern void linalg_add_long_multiple(double *target, double factor, const double *a, int n);
extern void linalg_subtract_multiples(double *target, const double *factors, const double *a,
									  int n_rows, int n);
extern double linalg_log_product(const double *a, int n);
extern void linalg_select(const double *matrix, const int *indices, int n,
						  double *target);
extern bool linalg_eliminate(double *matrix, int d, const MixtureHost *host);
extern bool linalg_cholesky(double *matrix, int d, const MixtureHost *host);
extern void linalg_loosen(double *matrix, int d, double share);
extern void linalg_solve_lower(const double *lower, double *vector, int d);
extern void linalg_solve_transposed(const double *lower, double *vector, int d);
extern void linalg_invert_factor(const double *eliminated, double *inverse, int d,
								 const MixtureHost *host);
extern void linalg_multiply_transposed(const double *factor, double *product, int d,
									   const MixtureHost *host);

/* eigen.c */
extern bool linalg_eigen(double *vectors, double *values, double *work, int d,
						 const MixtureHost *host);
extern bool linalg_eigenvalues(double *matrix, double *values, double *work, int d,
							   const MixtureHost *host);
extern bool linalg_eigen_largest(double *matrix, int d, int q, double *values,
								 double *vectors, const MixtureHost *host);
extern bool linalg_eigen_fewer(double *matrix, int d, double bound, double *values,
							   double *vectors, int *first, int *n,
							   const MixtureHost *host);

/*
 * Multiplications between two looks for interrupts: less than a millisecond of
 * them, or ten where each waits for memory.
 */
#define LINALG_WORK_PER_LOOK	1000000

/*
 * Note work that was done since the last look, and look if it is enough.  Who
 * calls for many small matrices relies on a look at the end of each.
 */
static inline void
linalg_look_after(const MixtureHost *host, double *work, double multiplications)
{
	*work += multiplications;
	if (*work < LINALG_WORK_PER_LOOK)
		return;
	*work = 0;
	host->check_interrupts(host->context);
}

/* Sum of a[i] * b[i]; not in the order of a plain loop where that is long. */
static inline double
linalg_dot(const double *a, const double *b, int n)
{
	double		sum = 0;

	if (n >= LINALG_LONG)
		return linalg_long_dot(a, b, n);
	for (int i = 0; i < n; i++)
		sum += a[i] * b[i];
	return sum;
}

/* target[i] += factor * a[i] */
static inline void
linalg_add_multiple(double *target, double factor, const double *a, int n)
{
	if (n >= LINALG_LONG)
	{
		linalg_add_long_multiple(target, factor, a, n);
		return;
	}
	for (int i = 0; i < n; i++)
		target[i] += factor * a[i];
}

#endif							/* GMM_ENGINE_LINALG_H */
