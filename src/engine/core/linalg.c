/*
 * linalg.c
 *	  Cholesky factor, its inverse, and the symmetric eigenproblem.
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

/* Four doubles that need no alignment; lowered to what the machine has. */
typedef double Vector4 __attribute__((vector_size(32)));
typedef double Vector4Unaligned __attribute__((vector_size(32), aligned(8), may_alias));

/*
 * Multiplications between two looks for interrupts: less than a millisecond of
 * them, or ten where each waits for memory.
 */
#define WORK_PER_LOOK 1000000

/*
 * Note work that was done since the last look, and look if it is enough.  Who
 * calls for many small matrices relies on a look at the end of each.
 */
static inline void
look_after(const MixtureHost *host, double *work, double multiplications)
{
	*work += multiplications;
	if (*work < WORK_PER_LOOK)
		return;
	*work = 0;
	host->check_interrupts(host->context);
}

/*
 * linalg_dot() of LINALG_LONG elements or more, in partial sums that do not
 * wait for each other.
 */
double
linalg_long_dot(const double *a, const double *b, int n)
{
	Vector4		sum = {0, 0, 0, 0};
	double		rest = 0;
	int			i = 0;

	if (n >= 32)
	{
		Vector4		sums[4] = {{0, 0, 0, 0}, {0, 0, 0, 0}, {0, 0, 0, 0}, {0, 0, 0, 0}};

		for (; i + 16 <= n; i += 16)
		{
			sums[0] += *(const Vector4Unaligned *) (a + i) *
				*(const Vector4Unaligned *) (b + i);
			sums[1] += *(const Vector4Unaligned *) (a + i + 4) *
				*(const Vector4Unaligned *) (b + i + 4);
			sums[2] += *(const Vector4Unaligned *) (a + i + 8) *
				*(const Vector4Unaligned *) (b + i + 8);
			sums[3] += *(const Vector4Unaligned *) (a + i + 12) *
				*(const Vector4Unaligned *) (b + i + 12);
		}
		sum = (sums[0] + sums[1]) + (sums[2] + sums[3]);
	}
	for (; i + 4 <= n; i += 4)
		sum += *(const Vector4Unaligned *) (a + i) *
			*(const Vector4Unaligned *) (b + i);
	for (; i < n; i++)
		rest += a[i] * b[i];
	return ((sum[0] + sum[1]) + (sum[2] + sum[3])) + rest;
}

/* target[i] += (a[i] - center)^2 */
void
linalg_add_squares(double *target, const double *a, double center, int n)
{
	int			i = 0;

	for (; i + 4 <= n; i += 4)
	{
		Vector4		difference = *(const Vector4Unaligned *) (a + i) - center;

		*(Vector4Unaligned *) (target + i) += difference * difference;
	}
	for (; i < n; i++)
		target[i] += (a[i] - center) * (a[i] - center);
}

/* linalg_add_multiple() of so many */
void
linalg_add_long_multiple(double *target, double factor, const double *a, int n)
{
	int			i = 0;

	for (; i + 4 <= n; i += 4)
		*(Vector4Unaligned *) (target + i) +=
			factor * *(const Vector4Unaligned *) (a + i);
	for (; i < n; i++)
		target[i] += factor * a[i];
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
		look_after(host, &work, 0.5 * i * i);
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
		look_after(host, &work, 0.5 * i * i);
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
 * One Householder reflection of the reduction to tridiagonal form: row i of
 * the square matrix a becomes the reflector, values[i] its squared norm over
 * two, off[i] the off-diagonal element.
 */
static void
tridiagonal_reflect(double *a, double *values, double *off, int d, int i, double *work,
					const MixtureHost *host)
{
	double	   *row = a + (size_t) i * d;
	double		scale = 0;
	double		norm = 0;
	double		f,
				g;

	for (int j = 0; j < i; j++)
		scale += fabs(row[j]);
	if (i == 1 || scale == 0)
	{
		off[i] = row[i - 1];
		values[i] = 0;
		return;
	}
	for (int j = 0; j < i; j++)
	{
		row[j] /= scale;
		norm += row[j] * row[j];
	}
	f = row[i - 1];
	g = f >= 0 ? -sqrt(norm) : sqrt(norm);
	off[i] = scale * g;
	norm -= f * g;
	row[i - 1] = f - g;
	f = 0;
	for (int j = 0; j < i; j++)
	{
		const double *other = a + (size_t) j * d;

		a[(size_t) j * d + i] = row[j] / norm;
		g = linalg_dot(other, row, j + 1);
		for (int l = j + 1; l < i; l++)
			g += a[(size_t) l * d + j] * row[l];
		off[j] = g / norm;
		f += off[j] * row[j];
		look_after(host, work, i);
	}
	f /= norm + norm;
	for (int j = 0; j < i; j++)
		off[j] -= f * row[j];
	for (int j = 0; j < i; j++)
	{
		double	   *other = a + (size_t) j * d;

		linalg_add_multiple(other, -row[j], off, j + 1);
		linalg_add_multiple(other, -off[j], row, j + 1);
		look_after(host, work, 2 * j);
	}
	values[i] = norm;
}

/* The product of the reflections, made in place of the matrix. */
static void
tridiagonal_accumulate(double *a, double *values, int d,
					   const MixtureHost *host)
{
	double		work = 0;

	for (int i = 0; i < d; i++)
	{
		double	   *row = a + (size_t) i * d;

		if (values[i] != 0)
		{
			for (int j = 0; j < i; j++)
			{
				double		g = 0;

				for (int l = 0; l < i; l++)
					g += row[l] * a[(size_t) l * d + j];
				for (int l = 0; l < i; l++)
					a[(size_t) l * d + j] -= g * a[(size_t) l * d + i];
				look_after(host, &work, 2 * i);
			}
		}
		values[i] = row[i];
		row[i] = 1;
		for (int j = 0; j < i; j++)
			row[j] = a[(size_t) j * d + i] = 0;
	}
}

/*
 * One implicit QL sweep from m down to l; the rotations are applied to the
 * eigenvectors' columns, unless a is NULL.  It ends early where a rotation
 * underflows; the next one takes it from there.
 */
static void
ql_sweep(double *a, double *values, double *off, int d, int l, int m, double *work,
		 const MixtureHost *host)
{
	double		g = (values[l + 1] - values[l]) / (2 * off[l]);
	double		r = hypot(g, 1);
	double		s = 1;
	double		c = 1;
	double		p = 0;

	g = values[m] - values[l] + off[l] / (g + copysign(r, g));
	for (int i = m - 1; i >= l; i--)
	{
		double		f = s * off[i];
		double		b = c * off[i];

		r = hypot(f, g);
		off[i + 1] = r;
		if (r == 0)
		{
			values[i + 1] -= p;
			off[m] = 0;
			return;
		}
		s = f / r;
		c = g / r;
		g = values[i + 1] - p;
		r = (values[i] - g) * s + 2 * c * b;
		p = s * r;
		values[i + 1] = g + p;
		g = c * r - b;
		for (int row = 0; a != NULL && row < d; row++)
		{
			double	   *pair = a + (size_t) row * d + i;
			double		next = pair[1];

			pair[1] = s * pair[0] + c * next;
			pair[0] = c * pair[0] - s * next;
		}
		look_after(host, work, a != NULL ? 4 * d : 10);
	}
	values[l] -= p;
	off[l] = g;
	off[m] = 0;
}

/*
 * The eigenvalues of a tridiagonal matrix, values being its diagonal and
 * off[i] the element beside values[i] and values[i - 1].
 */
static bool
ql_iterate(double *a, double *values, double *off, int d, const MixtureHost *host)
{
	double		work = 0;

	for (int i = 1; i < d; i++)
		off[i - 1] = off[i];
	off[d - 1] = 0;

	for (int l = 0; l < d; l++)
	{
		for (int sweep = 0;; sweep++)
		{
			int			m = l;

			while (m < d - 1 &&
				   fabs(off[m]) > DBL_EPSILON * (fabs(values[m]) + fabs(values[m + 1])))
				m++;
			if (m == l)
				break;
			if (sweep == 60)
				return false;
			ql_sweep(a, values, off, d, l, m, &work, host);
		}
	}
	host->check_interrupts(host->context);
	return true;
}

/* Reduce a square matrix to tridiagonal form by reflections. */
static void
tridiagonal_reduce(double *a, double *values, double *off, int d,
				   const MixtureHost *host)
{
	double		work = 0;

	values[0] = 0;
	for (int i = d - 1; i > 0; i--)
		tridiagonal_reflect(a, values, off, d, i, &work, host);
}

/*
 * Eigenvalues and eigenvectors of a symmetric matrix: Householder reduction
 * to tridiagonal form, then the implicit QL method (Martin, Reinsch and
 * Wilkinson 1968; Bowdler et al. 1968).
 *
 * vectors: in, the square matrix, d x d; out, eigenvector e in column e.
 * values: d eigenvalues, in no order.  work: d doubles.  Returns false where
 * QL does not converge, which happens only to matrices that are not finite.
 */
bool
linalg_eigen(double *vectors, double *values, double *work, int d,
			 const MixtureHost *host)
{
	tridiagonal_reduce(vectors, values, work, d, host);
	tridiagonal_accumulate(vectors, values, d, host);
	return ql_iterate(vectors, values, work, d, host);
}

/*
 * The eigenvalues alone, for about a quarter of the work.  matrix: d x d,
 * destroyed.  As for linalg_eigen() else.
 */
bool
linalg_eigenvalues(double *matrix, double *values, double *work, int d,
				   const MixtureHost *host)
{
	tridiagonal_reduce(matrix, values, work, d, host);
	for (int i = 0; i < d; i++)
		values[i] = matrix[(size_t) i * d + i];
	return ql_iterate(NULL, values, work, d, host);
}
