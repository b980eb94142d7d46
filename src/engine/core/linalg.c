/*
 * linalg.c
 *	  Sums over rows, the Cholesky factor and its inverse.
 *
 * The matrices of a mixture are many and small, so what counts is that
 * everything runs along rows that lie contiguously in the packed triangle;
 * there is nothing here that a BLAS would do better below some hundred
 * dimensions.  Loops that grow with the cube of the dimension look for
 * interrupts by the work that they do.
 */
#include "engine/core/linalg.h"

#include <float.h>
#include <math.h>
#include <string.h>

/*
 * linalg_dot() of LINALG_LONG elements or more, in partial sums that do not
 * wait for each other.
 */
double
linalg_long_dot(const double *a, const double *b, int n)
{
	LinalgPair	low = {0};
	LinalgPair	high = {0};
	double		rest = 0;
	int			i = 0;

	if (n >= 32)
	{
		LinalgPair	sums[8] = {{0}, {0}, {0}, {0}, {0}, {0}, {0}, {0}};

		for (; i + 16 <= n; i += 16)
		{
			LINALG_UNROLL
			for (int l = 0; l < 8; l++)
				sums[l] += linalg_pair(a + i + 2 * l) * linalg_pair(b + i + 2 * l);
		}
		low = (sums[0] + sums[2]) + (sums[4] + sums[6]);
		high = (sums[1] + sums[3]) + (sums[5] + sums[7]);
	}
	for (; i + 4 <= n; i += 4)
	{
		low += linalg_pair(a + i) * linalg_pair(b + i);
		high += linalg_pair(a + i + 2) * linalg_pair(b + i + 2);
	}
	for (; i < n; i++)
		rest += a[i] * b[i];
	return ((low[0] + low[1]) + (high[0] + high[1])) + rest;
}

/* linalg_add_multiple() of so many */
void
linalg_add_long_multiple(double *target, double factor, const double *a, int n)
{
	int			i = 0;

	for (; i + 4 <= n; i += 4)
	{
		linalg_set_pair(target + i, linalg_pair(target + i) + factor * linalg_pair(a + i));
		linalg_set_pair(target + i + 2,
						linalg_pair(target + i + 2) + factor * linalg_pair(a + i + 2));
	}
	for (; i < n; i++)
		target[i] += factor * a[i];
}

/*
 * target[i] -= factors[0] * a[i], and the same with the next n_rows - 1 factors and rows of
 * a, each n long, one after the other: four rows while a target is at hand.
 */
void
linalg_subtract_multiples(double *target, const double *factors, const double *a, int n_rows,
						  int n)
{
	int			row = 0;

	for (; row + 4 <= n_rows; row += 4, a += 4 * (size_t) n)
	{
		const double *b = a + n;
		const double *c = b + n;
		const double *d = c + n;
		double		of_a = factors[row];
		double		of_b = factors[row + 1];
		double		of_c = factors[row + 2];
		double		of_d = factors[row + 3];
		int			i = 0;

		for (; i + 2 <= n; i += 2)
		{
			LinalgPair	sum = linalg_pair(target + i);

			sum -= of_a * linalg_pair(a + i);
			sum -= of_b * linalg_pair(b + i);
			sum -= of_c * linalg_pair(c + i);
			sum -= of_d * linalg_pair(d + i);
			linalg_set_pair(target + i, sum);
		}
		for (; i < n; i++)
			target[i] = target[i] - of_a * a[i] - of_b * b[i] - of_c * c[i] - of_d * d[i];
	}
	for (; row < n_rows; row++, a += n)
		linalg_add_multiple(target, -factors[row], a, n);
}

/* Factors whose products stay in range, each below 2 */
#define FACTORS_PER_LOG 1000

/* Multiply two products, side by side, by two factors less their exponents, and add these. */
static inline void
multiply_pair(const double *a, LinalgPair *products, LinalgBits *exponents)
{
	LinalgBits	bits = (LinalgBits) linalg_pair(a);

	*exponents += bits >> 52;
	*products *= (LinalgPair) ((bits & UINT64_C(0x000fffffffffffff)) |
							   UINT64_C(0x3ff0000000000000));
}

/*
 * The logarithm of a product of normal positive numbers: exponents are added up, and
 * what is left multiplied, so that one logarithm does for many; in four products, since
 * each factor of one waits for the last.
 */
double
linalg_log_product(const double *a, int n)
{
	double		sum = 0;

	for (int start = 0; start < n; start += FACTORS_PER_LOG)
	{
		int			end = n - start < FACTORS_PER_LOG ? n : start + FACTORS_PER_LOG;
		LinalgPair	left = {1, 1};
		LinalgPair	right = {1, 1};
		LinalgBits	exponents = {0, 0};
		int			i = start;

		for (; i + 4 <= end; i += 4)
		{
			multiply_pair(a + i, &left, &exponents);
			multiply_pair(a + i + 2, &right, &exponents);
		}
		for (; i < end; i++)
		{
			const double last[2] = {a[i], 1};

			multiply_pair(last, &right, &exponents);
			exponents[1] -= 1023;
		}
		left *= right;
		sum += log(left[0] * left[1]) +
			M_LN2 * (double) ((int64_t) (exponents[0] + exponents[1]) -
							  INT64_C(1023) * (end - start));
	}
	return sum;
}

/*
 * The rows and columns of a symmetric matrix that the n indices name, in their
 * order, as a matrix of n dimensions.
 */
void
linalg_select(const double *matrix, const int *indices, int n, double *target)
{
	for (int i = 0; i < n; i++)
		for (int j = 0; j <= i; j++)
		{
			int			row = indices[i] > indices[j] ? indices[i] : indices[j];
			int			column = indices[i] > indices[j] ? indices[j] : indices[i];

			target[linalg_row(i) + j] = matrix[linalg_row(row) + column];
		}
}

/*
 * Replace a symmetric matrix (packed, d dimensions) by its pivots, in the
 * diagonal, and the unit lower triangle U of A = U diag(pivots) U^T.  No root
 * stands between one pivot and the next, which is what small matrices wait for.
 *
 * Returns false, with the matrix in an undefined state, where it is not
 * positive definite to working precision: a pivot is lost when what
 * elimination leaves of a diagonal element is within the rounding error of
 * the element itself (Higham 2002, section 10.1).
 */
bool
linalg_eliminate(double *matrix, int d, const MixtureHost *host)
{
	double		work = 0;

	for (int i = 0; i < d; i++)
	{
		double	   *row = matrix + linalg_row(i);
		double		diagonal = row[i];
		double		pivot = diagonal;

		/* what is left of the row, then divided by the pivots above */
		for (int j = 1; j < i; j++)
			row[j] -= linalg_dot(row, matrix + linalg_row(j), j);
		for (int j = 0; j < i; j++)
		{
			double		left = row[j];

			row[j] = left / matrix[linalg_row(j) + j];
			pivot -= row[j] * left;
		}

		/* written so that NaN fails */
		if (!(pivot > d * DBL_EPSILON * diagonal && pivot >= DBL_MIN &&
			  pivot <= DBL_MAX))
			return false;
		row[i] = pivot;
		linalg_look_after(host, &work, 0.5 * i * i);
	}
	host->check_interrupts(host->context);
	return true;
}

/*
 * Replace a symmetric matrix (packed, d dimensions) by its lower Cholesky
 * factor.  Returns false as linalg_eliminate() does.
 */
bool
linalg_cholesky(double *matrix, int d, const MixtureHost *host)
{
	if (!linalg_eliminate(matrix, d, host))
		return false;
	for (int i = 0; i < d; i++)
	{
		double	   *row = matrix + linalg_row(i);

		for (int j = 0; j < i; j++)
			row[j] *= matrix[linalg_row(j) + j];
		row[i] = sqrt(row[i]);
	}
	return true;
}

/*
 * Let a symmetric matrix of d dimensions be less near to singular, in place:
 * its diagonal gains a share against all that is beside it.
 *
 * A covariance that could be factored may be so close to singular that a part
 * of it, or the same in another order, cannot.  A share within the error of
 * rounding then mends it.  Callers let the share grow, from the first one by
 * its factor, until it does; at the number of dimensions, if not before, the
 * matrix is dominated by its diagonal.
 */
void
linalg_loosen(double *matrix, int d, double share)
{
	for (int i = 0; i < d; i++)
		for (int j = 0; j < i; j++)
			matrix[linalg_row(i) + j] /= 1 + share;
}

/* vector = L^-1 vector */
void
linalg_solve_lower(const double *lower, double *vector, int d)
{
	for (int i = 0; i < d; i++)
		vector[i] = (vector[i] - linalg_dot(lower + linalg_row(i), vector, i)) /
			lower[linalg_row(i) + i];
}

/*
 * Solve lower^T x = vector in place, d dimensions; only the first d rows of
 * the factor are looked at.
 */
void
linalg_solve_transposed(const double *lower, double *vector, int d)
{
	for (int i = d - 1; i >= 0; i--)
	{
		const double *row = lower + linalg_row(i);

		vector[i] /= row[i];
		linalg_add_multiple(vector, -vector[i], row, i);
	}
}

/*
 * The inverse of a matrix's Cholesky factor (packed), from what
 * linalg_eliminate() left of the matrix, which is not the same memory: that of
 * the unit triangle, whose row i is e_i - sum over j < i of U_ij * row j, with
 * row i divided by the root of pivot i.
 */
void
linalg_invert_factor(const double *eliminated, double *inverse, int d,
					 const MixtureHost *host)
{
	double		work = 0;

	for (int i = 0; i < d; i++)
	{
		const double *unit = eliminated + linalg_row(i);
		double	   *row = inverse + linalg_row(i);

		memset(row, 0, i * sizeof(double));
		for (int j = 0; j < i; j++)
			linalg_add_multiple(row, -unit[j], inverse + linalg_row(j), j + 1);
		row[i] = 1;
		linalg_look_after(host, &work, 0.5 * i * i);
	}
	for (int i = 0; i < d; i++)
	{
		double	   *row = inverse + linalg_row(i);
		double		scale = 1 / sqrt(eliminated[linalg_row(i) + i]);

		for (int j = 0; j <= i; j++)
			row[j] *= scale;
	}
	host->check_interrupts(host->context);
}

/*
 * product = W^T W for a lower triangle W, both packed and not the same memory: of the
 * inverse of a Cholesky factor, the inverse of the matrix.
 */
void
linalg_multiply_transposed(const double *factor, double *product, int d,
						   const MixtureHost *host)
{
	double		work = 0;

	memset(product, 0, linalg_packed_count(d) * sizeof(double));
	for (int l = 0; l < d; l++)
	{
		const double *row = factor + linalg_row(l);

		for (int i = 0; i <= l; i++)
			linalg_add_multiple(product + linalg_row(i), row[i], row, i + 1);
		linalg_look_after(host, &work, 0.5 * l * l);
	}
	host->check_interrupts(host->context);
}
