/*
 * test_linalg.c
 *	  Factor, inverse and eigenvectors multiply back to what they came from.
 */
#include "unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/linalg.h"

/* A A^T + diagonal, packed; where rank < d and diagonal is 0 it is singular. */
static double *
random_matrix(Random *random, int d, int rank, double diagonal)
{
	double	   *a = malloc(sizeof(double) * d * rank);
	double	   *matrix = malloc(sizeof(double) * linalg_packed_count(d));

	for (int i = 0; i < d * rank; i++)
		a[i] = random_normal(random);
	for (int i = 0; i < d; i++)
		for (int j = 0; j <= i; j++)
		{
			double		value = i == j ? diagonal : 0;

			for (int l = 0; l < rank; l++)
				value += a[i * rank + l] * a[j * rank + l];
			matrix[linalg_row(i) + j] = value;
		}
	free(a);
	return matrix;
}

/*
 * L diag(pivots) L^T, packed, of whole numbers and so few that elimination is exact: the
 * pivots are powers of two, and after `rank` of them 0.
 */
static double *
eliminated_matrix(Random *random, int d, int rank)
{
	double	   *lower = malloc(sizeof(double) * d * d);
	double	   *matrix = calloc(linalg_packed_count(d), sizeof(double));

	for (int i = 0; i < d; i++)
		for (int l = 0; l < d; l++)
			lower[i * d + l] = l < i ? random_below(random, 7) - 3 : l == i;
	for (int i = 0; i < d; i++)
		for (int j = 0; j <= i; j++)
			for (int l = 0; l < rank; l++)
				matrix[linalg_row(i) + j] += ldexp(lower[i * d + l] * lower[j * d + l], l % 3);
	free(lower);
	return matrix;
}

/* The square matrix, both triangles of it, of a packed one. */
static double *
square_matrix(const double *matrix, int d)
{
	double	   *square = malloc(sizeof(double) * d * d);

	for (int i = 0; i < d; i++)
		for (int j = 0; j < d; j++)
			square[i * d + j] = matrix[i > j ? linalg_row(i) + j : linalg_row(j) + i];
	return square;
}

static void
test_cholesky(Random *random, int d)
{
	size_t		count = linalg_packed_count(d);
	double	   *matrix = random_matrix(random, d, d, 0.1);
	double	   *factor = malloc(sizeof(double) * count);
	double	   *eliminated = malloc(sizeof(double) * count);
	double	   *inverse = malloc(sizeof(double) * count);
	double		worst = 0;
	double		worst_inverse = 0;
	bool		done;

	memcpy(factor, matrix, sizeof(double) * count);
	done = linalg_cholesky(factor, d, &unit_host);
	memcpy(eliminated, matrix, sizeof(double) * count);
	done = linalg_eliminate(eliminated, d, &unit_host) && done;
	linalg_invert_factor(eliminated, inverse, d, &unit_host);
	for (int i = 0; i < d; i++)
		for (int j = 0; j <= i; j++)
		{
			double		product = 0;
			double		identity = 0;

			for (int l = 0; l <= j; l++)
				product += factor[linalg_row(i) + l] * factor[linalg_row(j) + l];
			for (int l = j; l <= i; l++)
				identity += inverse[linalg_row(i) + l] * factor[linalg_row(l) + j];
			worst = fmax(worst, relative_difference(product, matrix[linalg_row(i) + j], d));
			worst_inverse = fmax(worst_inverse, fabs(identity - (i == j)));
		}
	check(done && worst < 1e-14, "d %d: a Cholesky factor multiplies back (%.1e)", d, worst);
	check(worst_inverse < 1e-10, "d %d: the inverse of a factor is one (%.1e)", d, worst_inverse);
	free(inverse);
	free(eliminated);
	free(factor);
	free(matrix);
}

static int
compare_doubles(const void *left, const void *right)
{
	double		a = *(const double *) left;
	double		b = *(const double *) right;

	return (a > b) - (a < b);
}

/* The eigenvalues alone are those that came with vectors, which are sorted here. */
static void
test_eigenvalues(const double *matrix, double *expected, int d, int rank)
{
	double	   *square = square_matrix(matrix, d);
	double	   *values = malloc(sizeof(double) * d);
	double	   *work = malloc(sizeof(double) * d);
	double		worst = 0;
	bool		done;

	done = linalg_eigenvalues(square, values, work, d, &unit_host);
	qsort(values, d, sizeof(double), compare_doubles);
	qsort(expected, d, sizeof(double), compare_doubles);
	for (int i = 0; i < d; i++)
		worst = fmax(worst, relative_difference(values[i], expected[i], d));
	check(done && worst < 1e-13, "d %d, rank %d: eigenvalues alone are the same (%.1e)",
		  d, rank, worst);
	free(work);
	free(values);
	free(square);
}

static void
test_eigen(Random *random, int d, int rank)
{
	double	   *matrix = random_matrix(random, d, rank, 0);
	double	   *vectors = square_matrix(matrix, d);
	double	   *values = malloc(sizeof(double) * d);
	double	   *work = malloc(sizeof(double) * d);
	double		worst = 0;
	double		worst_product = 0;
	bool		done;

	done = linalg_eigen(vectors, values, work, d, &unit_host);
	for (int i = 0; i < d; i++)
		for (int j = 0; j <= i; j++)
		{
			double		product = 0;
			double		dot = 0;

			for (int e = 0; e < d; e++)
			{
				product += vectors[e * d + i] * values[e] * vectors[e * d + j];
				dot += vectors[i * d + e] * vectors[j * d + e];
			}
			worst = fmax(worst, relative_difference(product, matrix[linalg_row(i) + j], d));
			worst_product = fmax(worst_product, fabs(dot - (i == j)));
		}
	check(done && worst < 1e-13, "d %d, rank %d: eigenvectors rebuild the matrix (%.1e)",
		  d, rank, worst);
	check(worst_product < 1e-13, "d %d, rank %d: eigenvectors are orthonormal (%.1e)",
		  d, rank, worst_product);
	test_eigenvalues(matrix, values, d, rank);
	free(work);
	free(values);
	free(vectors);
	free(matrix);
}

/*
 * The largest eigenvalues and their vectors are what the equation A v = lambda v
 * says, all values are those that come alone, and vectors do not depend on q.
 */
static void
test_largest(Random *random, int d, int rank, int q)
{
	double	   *matrix = random_matrix(random, d, rank, 0);
	double	   *square = square_matrix(matrix, d);
	double	   *values = malloc(sizeof(double) * 3 * d);
	double	   *vectors = malloc(sizeof(double) * 2 * q * d);
	double	   *first = vectors + q * d;
	double		residual = 0;
	double		product = 0;
	double		apart = 0;
	bool		done = linalg_eigen_largest(square, d, q, values, vectors, &unit_host);

	free(square);
	square = square_matrix(matrix, d);
	for (int e = 0; e < q; e++)
	{
		for (int i = 0; i < d; i++)
			residual = fmax(residual, fabs(linalg_dot(square + i * d, vectors + e * d, d) -
										   values[e] * vectors[e * d + i]));
		for (int f = 0; f <= e; f++)
			product = fmax(product, fabs(linalg_dot(vectors + e * d, vectors + f * d, d) -
										 (e == f)));
	}
	check(done && residual < 1e-14 * d * values[0],
		  "d %d, rank %d: the largest %d eigenvectors are some (%.1e)", d, rank, q, residual);
	check(product < 1e-13, "d %d, rank %d: they are orthonormal (%.1e)", d, rank, product);

	done = linalg_eigen_largest(square, d, (q + 1) / 2, values + d, first, &unit_host);
	check(done && memcmp(first, vectors, sizeof(double) * ((q + 1) / 2) * d) == 0,
		  "d %d, rank %d: half as many are the same ones", d, rank);
	free(square);
	square = square_matrix(matrix, d);
	done = linalg_eigenvalues(square, values + d, values + 2 * d, d, &unit_host);
	qsort(values + d, d, sizeof(double), compare_doubles);
	for (int i = 0; i < d; i++)
		apart = fmax(apart, fabs(values[i] - values[2 * d - 1 - i]));
	check(done && apart < 1e-13 * d * values[0],
		  "d %d, rank %d: all values descend (%.1e)", d, rank, apart);
	free(vectors);
	free(values);
	free(square);
	free(matrix);
}

/* Where all eigenvalues are equal, and of a matrix of zeros, there are vectors as well. */
static void
test_round(int d, double variance)
{
	double	   *square = calloc((size_t) d * d, sizeof(double));
	double	   *values = malloc(sizeof(double) * d);
	double	   *vectors = malloc(sizeof(double) * d * d);
	double		worst = 0;
	bool		done;

	for (int i = 0; i < d; i++)
		square[i * d + i] = variance;
	done = linalg_eigen_largest(square, d, d, values, vectors, &unit_host);
	for (int e = 0; e < d; e++)
	{
		worst = fmax(worst, fabs(values[e] - variance));
		for (int f = 0; f < d; f++)
			worst = fmax(worst, fabs(linalg_dot(vectors + e * d, vectors + f * d, d) - (e == f)));
	}
	check(done && worst == 0, "d %d: %g times the identity has orthonormal eigenvectors",
		  d, variance);
	free(vectors);
	free(values);
	free(square);
}

static void
test_not_positive_definite(Random *random)
{
	double		indefinite[] = {1, 2, 1};
	double		negative[] = {-1};
	double		zero[] = {0};
	double		not_a_number[] = {NAN};
	double		infinite[] = {INFINITY};
	double	   *singular = random_matrix(random, 6, 1, 0);

	check(!linalg_cholesky(indefinite, 2, &unit_host), "an indefinite matrix has no factor");
	check(!linalg_cholesky(negative, 1, &unit_host), "a negative variance has no factor");
	check(!linalg_cholesky(zero, 1, &unit_host), "a variance of 0 has no factor");
	check(!linalg_cholesky(not_a_number, 1, &unit_host), "NaN has no factor");
	check(!linalg_cholesky(infinite, 1, &unit_host), "infinity has no factor");
	/* of the second pivot three roundings are left, at the most, and six are taken for none */
	check(!linalg_cholesky(singular, 6, &unit_host), "a matrix of rank 1 has no factor");
	free(singular);
	singular = eliminated_matrix(random, 6, 4);
	check(!linalg_cholesky(singular, 6, &unit_host), "a singular matrix has no factor");
	free(singular);
}

/* The logarithm of a product of numbers of all sizes is the sum of logarithms. */
static void
test_log_product(Random *random)
{
	double		worst = 0;

	for (int try = 0; try < 50; try++)
	{
		int			n = 1 + random_below(random, 3000);
		double	   *values = malloc(n * sizeof(double));
		long double sum = 0;

		for (int i = 0; i < n; i++)
		{
			values[i] = exp(700 * (2 * random_uniform(random) - 1));
			sum += logl(values[i]);
		}
		worst = fmax(worst, relative_difference(linalg_log_product(values, n), sum, n));
		free(values);
	}
	check(worst < 1e-12, "the logarithm of a product, of any length, is exact (%.1e)", worst);
}

void
test_linalg(void)
{
	static const int dimensions[] = {1, 2, 3, 5, 8, 17, 64, 65, 100, 131};
	Random		random = random_start(1);

	for (size_t i = 0; i < sizeof(dimensions) / sizeof(int); i++)
	{
		int			d = dimensions[i];

		test_cholesky(&random, d);
		test_eigen(&random, d, d);
		test_eigen(&random, d, (d + 1) / 2);
		test_largest(&random, d, d, 1 + random_below(&random, d));
		test_largest(&random, d, (d + 1) / 2, d);
		test_round(d, 1.5);
		test_round(d, 0);
	}
	test_not_positive_definite(&random);
	test_log_product(&random);
}
