/*
 * eigen.c
 *	  The symmetric eigenproblem: Householder reduction to tridiagonal form,
 *	  then the implicit QL method (Martin, Reinsch and Wilkinson 1968; Bowdler
 *	  et al. 1968).
 *
 * Matrices may have thousands of dimensions, where a column costs a cache miss
 * for each element.  So everything runs along rows: products with a symmetric
 * matrix take each row of its triangle as a column as well, and rotations are
 * applied to the transposed eigenvectors.
 */
#include "engine/core/linalg.h"

#include <math.h>
#include <string.h>

/* Rows and columns that are transposed together: they fit in the first cache. */
#define TRANSPOSE_BLOCK 32

/*
 * One Householder reflection of the reduction to tridiagonal form: row i of
 * the square matrix a, of which the lower triangle counts, becomes the
 * reflector u, values[i] half its squared norm h, and off[i] the off-diagonal
 * element.  (p, in off, is A u / h; what is left of A is A - u q' - q u' with
 * q = p - u (u'p / 2h).)
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
		row[j] /= scale;
	norm = linalg_dot(row, row, i);
	f = row[i - 1];
	g = f >= 0 ? -sqrt(norm) : sqrt(norm);
	off[i] = scale * g;
	norm -= f * g;
	row[i - 1] = f - g;
	for (int j = 0; j < i; j++)
	{
		const double *other = a + (size_t) j * d;

		off[j] = linalg_dot(other, row, j + 1);
		linalg_add_multiple(off, row[j], other, j);
		linalg_look_after(host, work, 2 * j);
	}
	for (int j = 0; j < i; j++)
		off[j] /= norm;
	f = linalg_dot(off, row, i) / (norm + norm);
	linalg_add_multiple(off, -f, row, i);
	for (int j = 0; j < i; j++)
	{
		double	   *other = a + (size_t) j * d;

		linalg_add_multiple(other, -row[j], off, j + 1);
		linalg_add_multiple(other, -off[j], row, j + 1);
		linalg_look_after(host, work, 2 * j);
	}
	values[i] = norm;
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
 * The product of the reflections, transposed, made in place of the matrix; its
 * diagonal, which is that of the tridiagonal matrix, goes to values.  The
 * product of the first ones is the identity beyond row and column i.
 */
static void
tridiagonal_accumulate(double *a, double *values, int d, const MixtureHost *host)
{
	double		work = 0;

	for (int i = 0; i < d; i++)
	{
		double	   *row = a + (size_t) i * d;

		/* (H Q)' = Q' H: of each row r, r - (r'u / h) u */
		for (int j = 0; values[i] != 0 && j < i; j++)
		{
			double	   *other = a + (size_t) j * d;

			linalg_add_multiple(other, -linalg_dot(other, row, i) / values[i], row, i);
			linalg_look_after(host, &work, 2 * i);
		}
		values[i] = row[i];
		memset(row, 0, i * sizeof(double));
		row[i] = 1;
		for (int j = 0; j < i; j++)
			a[(size_t) j * d + i] = 0;
	}
}

/* Transpose a square matrix in place. */
static void
transpose(double *a, int d)
{
	for (int top = 0; top < d; top += TRANSPOSE_BLOCK)
		for (int left = 0; left <= top; left += TRANSPOSE_BLOCK)
			for (int i = top; i < top + TRANSPOSE_BLOCK && i < d; i++)
				for (int j = left; j < left + TRANSPOSE_BLOCK && j < i; j++)
				{
					double		element = a[(size_t) i * d + j];

					a[(size_t) i * d + j] = a[(size_t) j * d + i];
					a[(size_t) j * d + i] = element;
				}
}

/*
 * One implicit QL sweep from m down to l; the rotations are applied to the
 * eigenvectors' rows, unless a is NULL.  It ends early where a rotation
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
		if (a != NULL)
			linalg_rotate(a + (size_t) i * d, a + (size_t) (i + 1) * d, c, s, d);
		linalg_look_after(host, work, a != NULL ? 4 * d : 10);
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

/*
 * Eigenvalues and eigenvectors of a symmetric matrix.
 *
 * vectors: in, the square matrix, d x d; out, eigenvector e in column e.
 * values: d eigenvalues, in no order.  work: d doubles.  Returns false where
 * QL does not converge, which happens only to matrices that are not finite.
 */
bool
linalg_eigen(double *vectors, double *values, double *work, int d,
			 const MixtureHost *host)
{
	bool		converged;

	tridiagonal_reduce(vectors, values, work, d, host);
	tridiagonal_accumulate(vectors, values, d, host);
	converged = ql_iterate(vectors, values, work, d, host);
	transpose(vectors, d);
	return converged;
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
