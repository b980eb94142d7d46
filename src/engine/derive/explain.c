/*
 * explain.c
 *	  Why a row is as far from a component as it is, feature by feature.
 *
 * With m and S a component's mean and covariance in the dimensions that a row
 * has, s_j^2 = S_jj, z_j = (x_j - m_j) / s_j, and the correlations R = D S D,
 * D = diag(1 / s):
 *
 *	- Given all other elements, element j is normal (Anderson 2003, theorem
 *	  2.5.1).  With P = R^-1 its mean is m_j + s_j e_j and its deviation
 *	  s_j / sqrt(P_jj), where e_j = - sum over i <> j of P_ji z_i / P_jj.  So it
 *	  is sqrt(P_jj) (z_j - e_j) conditional deviations from what the others let
 *	  expect.  A z_j by itself misleads where features are correlated.
 *	- The squared distance z^T P z is the sum of the squares of u = R^(-1/2) z,
 *	  whose elements are uncorrelated and as near to those of z as such can be
 *	  (Garthwaite and Koch 2016, the corr-max transformation): u_j^2 is the share
 *	  of feature j.
 *
 * R^(-1/2) itself is not formed.  With the Cholesky factor R = L L^T and
 * y = L^-1 z, the squared distance is |y|^2 as everywhere else, and u = U y,
 * where L = R^(1/2) U is the polar decomposition of L.  As U is orthogonal, to
 * rounding, the shares sum to that distance however near R is to singular.
 */
#include "engine/core/regression.h"

#include <math.h>
#include <string.h>

#include "engine/core/linalg.h"

/* Steps of polish() at the most; five serve where R is not close to singular. */
#define MOST_STEPS	60

/* What explains rows with the same elements present, under one covariance. */
struct MixtureExplanation
{
	int			n_components;	/* with this covariance: k if tied, else 1 */
	int			n_observed;
	int			n_missing;
	bool		noise;			/* it is that which explains */
	bool		correlated;		/* the family has whole matrices */
	size_t		size;			/* bytes of all this */
	double		log_determinant;	/* of S; of noise, what takes its place */
	double	   *weights;		/* n_components: shares of all rows */
	double	   *observed_means; /* n_components x n_observed */
	double	   *missing_means;	/* n_components x n_missing */
	double	   *deviations;		/* n_observed: s */
	/* where correlated: */
	double	   *whitening;		/* packed: L^-1 */
	double	   *precision;		/* packed: P */
	double	   *rotation;		/* n_observed x n_observed: U */
	double	   *coefficients;	/* n_missing x n_observed: the regression of what is
								 * missing */
};

/* One piece of memory for an explanation of this shape. */
static MixtureExplanation *
allocate_explanation(bool correlated, int n_components, int n_observed, int n_missing,
					 const MixtureHost *host)
{
	size_t		means = (size_t) n_components * (n_observed + n_missing + (size_t) 1);
	size_t		packed = correlated ? linalg_packed_count(n_observed) : 0;
	size_t		square = correlated ? (size_t) n_observed * n_observed : 0;
	size_t		coefficients = correlated ? (size_t) n_missing * n_observed : 0;
	size_t		size = sizeof(MixtureExplanation) + sizeof(double) *
		(means + n_observed + 2 * packed + square + coefficients);
	MixtureExplanation *explanation = host->allocate(host->context, size);

	explanation->noise = false;
	explanation->n_components = n_components;
	explanation->n_observed = n_observed;
	explanation->n_missing = n_missing;
	explanation->correlated = correlated;
	explanation->size = size;
	explanation->weights = (double *) (explanation + 1);
	explanation->observed_means = explanation->weights + n_components;
	explanation->missing_means = explanation->observed_means +
		(size_t) n_components * n_observed;
	explanation->deviations = explanation->weights + means;
	explanation->whitening = explanation->deviations + n_observed;
	explanation->precision = explanation->whitening + packed;
	explanation->rotation = explanation->precision + packed;
	explanation->coefficients = explanation->rotation + square;
	return explanation;
}

/*
 * target = a b, with a of n x n, and b and target of n rows of n; of b's row i
 * only the first n_of(i) = packed ? i + 1 : n elements are there.
 */
static void
multiply(const double *a, const double *b, bool packed, int n, double *target,
		 const MixtureHost *host)
{
	double		work = 0;

	memset(target, 0, (size_t) n * n * sizeof(double));
	for (int i = 0; i < n; i++)
		for (int j = 0; j < n; j++)
		{
			linalg_add_multiple(target + (size_t) i * n, a[(size_t) i * n + j],
								b + (packed ? linalg_row(j) : (size_t) j * n),
								packed ? j + 1 : n);
			linalg_look_after(host, &work, n);
		}
}

/* How far the products of a square matrix's rows are from those of unit vectors. */
static double
row_products(const double *matrix, int n, double *products, const MixtureHost *host)
{
	double		most = 0;
	double		work = 0;

	for (int i = 0; i < n; i++)
		for (int j = 0; j <= i; j++)
		{
			double		product = linalg_dot(matrix + (size_t) i * n,
											 matrix + (size_t) j * n, n);

			products[(size_t) i * n + j] = products[(size_t) j * n + i] = product;
			most = fmax(most, fabs(product - (i == j)));
			linalg_look_after(host, &work, n);
		}
	return most;
}

/*
 * Let a matrix U that is nearly orthogonal be so to rounding, by steps of Newton
 * and Schulz, U' = (3 I - U U^T) U / 2 (Higham 2008, section 8.3).  Its singular
 * values must be above 0 and below sqrt(3).  products, next: n x n of scratch.
 */
static void
polish(double *matrix, int n, double *products, double *next, const MixtureHost *host)
{
	size_t		count = (size_t) n * n;
	double		error = row_products(matrix, n, products, host);

	for (int step = 0; step < MOST_STEPS && error > 4 * n * DBL_EPSILON; step++)
	{
		double		last = error;

		multiply(products, matrix, false, n, next, host);
		for (size_t i = 0; i < count; i++)
			matrix[i] = 1.5 * matrix[i] - 0.5 * next[i];
		error = row_products(matrix, n, products, host);

		/* nothing is to be had beyond rounding */
		if (error >= last && last < 1e-8)
			break;
	}
}

/*
 * The orthogonal factor U of L = R^(1/2) U, from the correlations (packed) and
 * their Cholesky factor L: R^(-1/2) L by the eigenvectors of R, which has what
 * digits R's condition leaves, and is then polished.
 */
static void
fill_rotation(const double *correlations, const double *lower, int n, double *rotation,
			  const MixtureHost *host)
{
	size_t		square = (size_t) n * n;
	double	   *vectors = host->allocate(host->context, (3 * square + 2 * n) * sizeof(double));
	double	   *transposed = vectors + square;
	double	   *product = transposed + square;
	double	   *values = product + square;

	/* rounding may leave less of an eigenvalue than there is, or nothing */
	double		least = 16 * n * DBL_EPSILON;

	for (int i = 0; i < n; i++)
		for (int j = 0; j <= i; j++)
			transposed[(size_t) i * n + j] = correlations[linalg_row(i) + j];
	(void) linalg_eigen(transposed, values, values + n, n, host);
	for (int i = 0; i < n; i++)
		for (int j = 0; j < n; j++)
			vectors[(size_t) i * n + j] = transposed[(size_t) j * n + i];

	multiply(transposed, lower, true, n, product, host);
	for (int e = 0; e < n; e++)
	{
		double		scale = 1 / sqrt(fmax(values[e], least));

		for (int j = 0; j < n; j++)
			product[(size_t) e * n + j] *= scale;
	}
	multiply(vectors, product, false, n, rotation, host);
	polish(rotation, n, transposed, product, host);
	host->release(host->context, vectors);
}

/*
 * What depends on the correlations of the observed dimensions: deviations are
 * there, covariance (packed) is of these dimensions.  Where it is not positive
 * definite in their order, to working precision, it is loosened until it is.
 */
static void
fill_matrices(MixtureExplanation *explanation, double *covariance, const MixtureHost *host)
{
	int			n = explanation->n_observed;
	size_t		count = linalg_packed_count(n);
	double	   *correlations = covariance;
	double	   *lower = host->allocate(host->context, count * sizeof(double));
	double		share = LINALG_FIRST_SHARE(n);

	for (int i = 0; i < n; i++)
		for (int j = 0; j <= i; j++)
			correlations[linalg_row(i) + j] = i == j ? 1 : correlations[linalg_row(i) + j] /
				explanation->deviations[i] / explanation->deviations[j];
	memcpy(lower, correlations, count * sizeof(double));
	while (!linalg_eliminate(lower, n, host) && share < n * LINALG_SHARE_GROWTH)
	{
		linalg_loosen(correlations, n, share);
		share *= LINALG_SHARE_GROWTH;
		memcpy(lower, correlations, count * sizeof(double));
	}
	linalg_invert_factor(lower, explanation->whitening, n, host);
	linalg_multiply_transposed(explanation->whitening, explanation->precision, n, host);

	/* the Cholesky factor, of what has been eliminated */
	for (int i = 0; i < n; i++)
	{
		double	   *row = lower + linalg_row(i);

		explanation->log_determinant += log(row[i]);
		row[i] = sqrt(row[i]);
		for (int j = 0; j < i; j++)
			row[j] *= lower[linalg_row(j) + j];
	}
	fill_rotation(correlations, lower, n, explanation->rotation, host);
	host->release(host->context, lower);
}

/* Matrices of the observed dimensions, and the regression of those missing. */
static void
fill_correlated(MixtureExplanation *explanation, const double *covariance,
				const int *order, const MixtureHost *host)
{
	int			n_observed = explanation->n_observed;
	int			n_missing = explanation->n_missing;
	double	   *observed = host->allocate(host->context,
										  linalg_packed_count(n_observed) * sizeof(double));
	Regression	regression;

	if (order != NULL)
		linalg_select(covariance, order, n_observed, observed);
	else
		memcpy(observed, covariance, linalg_packed_count(n_observed) * sizeof(double));
	fill_matrices(explanation, observed, host);
	host->release(host->context, observed);
	if (n_missing == 0)
		return;
	regression_allocate(&regression, n_observed + n_missing, n_observed, host);
	regression_fill(&regression, covariance, order, host);
	memcpy(explanation->coefficients, regression.coefficients,
		   (size_t) n_missing * n_observed * sizeof(double));
	regression_release(&regression, host);
}

/*
 * What there is to say of noise: weight, and a density that is the same everywhere.
 * That of a normal is -(n log 2 pi + log |S| + squared distance) / 2.
 */
static MixtureExplanation *
explain_noise(const MixtureParameters *parameters, const int *order, int n_observed,
			  const MixtureHost *host)
{
	MixtureExplanation *explanation = allocate_explanation(false, 1, n_observed, 0, host);
	const double *box = parameters->noise_box;

	explanation->noise = true;
	explanation->weights[0] = parameters->noise_weight;
	explanation->log_determinant = -n_observed * log(2 * M_PI);
	for (int j = 0; j < n_observed; j++)
	{
		int			dimension = order != NULL ? order[j] : j;

		explanation->log_determinant += 2 * log(box[parameters->d + dimension] - box[dimension]);
	}
	return explanation;
}

/*
 * Prepare to explain rows under a component, counted from 0; or, of a tied
 * mixture, under any; or, if it is -1, under the noise that there is.  order: the d
 * dimensions, from 0, those that the rows have first, n_observed of them; NULL if
 * they have all.  The parameters are valid.  The result is one piece of the host's
 * memory, mixture_explanation_size() bytes, and keeps nothing of the parameters.
 */
MixtureExplanation *
mixture_explanation_create(const MixtureParameters *parameters, int component,
						   const int *order, int n_observed, const MixtureHost *host)
{
	MixtureCovarianceType type = parameters->covariance_type;
	bool		tied = type == MIXTURE_TIED;
	int			d = parameters->d;
	int			n_missing = d - n_observed;
	int			first = tied ? 0 : component;
	const double *covariance = parameters->covariances + first * mixture_factor_count(type, d);
	MixtureExplanation *explanation;

	if (component < 0)
		return explain_noise(parameters, order, n_observed, host);
	explanation = allocate_explanation(type == MIXTURE_FULL || tied, tied ? parameters->k : 1,
									   n_observed, n_missing, host);
	for (int c = 0; c < explanation->n_components; c++)
	{
		const double *mean = parameters->means + (size_t) (first + c) * d;

		explanation->weights[c] = (1 - parameters->noise_weight) * parameters->weights[first + c];
		for (int j = 0; j < d; j++)
			*(j < n_observed ? explanation->observed_means + (size_t) c * n_observed + j :
			  explanation->missing_means + (size_t) c * n_missing + j - n_observed) =
				mean[order != NULL ? order[j] : j];
	}
	explanation->log_determinant = 0;
	for (int j = 0; j < n_observed; j++)
	{
		int			dimension = order != NULL ? order[j] : j;
		double		variance = type == MIXTURE_SPHERICAL ? covariance[0] :
			covariance[type == MIXTURE_DIAG ? (size_t) dimension :
					   linalg_row(dimension) + dimension];

		explanation->deviations[j] = sqrt(variance);
		explanation->log_determinant += log(variance);
	}
	if (explanation->correlated && n_observed > 0)
		fill_correlated(explanation, covariance, order, host);
	return explanation;
}

/* Bytes that an explanation takes, for a cache's accounts. */
size_t
mixture_explanation_size(const MixtureExplanation *explanation)
{
	return explanation->size;
}

/*
 * The logarithm of the determinant of the covariance of what the rows have; of
 * noise, the like by which densities compare.
 */
double
mixture_explanation_log_determinant(const MixtureExplanation *explanation)
{
	return explanation->log_determinant;
}

/* A component's share of all rows, or that of noise. */
double
mixture_explanation_weight(const MixtureExplanation *explanation, int component)
{
	return explanation->weights[explanation->n_components > 1 ? component : 0];
}

/* The row of means that belongs to a component of the mixture. */
static const double *
means_of(const MixtureExplanation *explanation, int component, const double *means, int n)
{
	return means + (size_t) (explanation->n_components > 1 ? component : 0) * n;
}

/*
 * The shares of the squared distance of a row to a component: squares of u.
 * observed: the row's n_observed values, in the order of `order`.  They are
 * infinite, or not a number, where the distance is out of range; under noise, to
 * which all is as near, they are 0.  work: 2 n_observed doubles, of which the first
 * are left as z, the others as y.
 */
void
mixture_explain_distance(const MixtureExplanation *explanation, int component,
						 const double *observed, double *contributions, double *work)
{
	int			n = explanation->n_observed;
	const double *mean = means_of(explanation, component, explanation->observed_means, n);
	double	   *scores = work;
	double	   *whitened = work + n;

	if (explanation->noise)
	{
		memset(contributions, 0, n * sizeof(double));
		return;
	}
	for (int j = 0; j < n; j++)
		scores[j] = (observed[j] - mean[j]) / explanation->deviations[j];
	for (int j = 0; j < n && explanation->correlated; j++)
		whitened[j] = linalg_dot(explanation->whitening + linalg_row(j), scores, j + 1);
	for (int j = 0; j < n; j++)
	{
		double		u = !explanation->correlated ? scores[j] :
			linalg_dot(explanation->rotation + (size_t) j * n, whitened, n);

		contributions[j] = u * u;
	}
}

/*
 * The same under a component, and for each element what the others let expect of
 * it: expected, d values in the order of `order`, of what the row has and then of
 * what it has not; and how many conditional deviations it is from that: deviations,
 * n_observed values.  work: 3 n_observed doubles.
 */
void
mixture_explain_row(const MixtureExplanation *explanation, int component,
					const double *observed, double *expected, double *deviations,
					double *contributions, double *work)
{
	int			n = explanation->n_observed;
	int			n_missing = explanation->n_missing;
	const double *mean = means_of(explanation, component, explanation->observed_means, n);
	const double *missing_mean = means_of(explanation, component, explanation->missing_means,
										  n_missing);
	double	   *scores = work;
	double	   *sums = work + n;	/* of P_ji z_i, i <> j */
	double	   *centered = work + 2 * n;

	mixture_explain_distance(explanation, component, observed, contributions, work);
	memset(sums, 0, n * sizeof(double));
	for (int j = 0; j < n && explanation->correlated; j++)
	{
		const double *row = explanation->precision + linalg_row(j);

		sums[j] += linalg_dot(row, scores, j);
		linalg_add_multiple(sums, scores[j], row, j);
	}
	for (int j = 0; j < n; j++)
	{
		double		diagonal = explanation->correlated ?
			explanation->precision[linalg_row(j) + j] : 1;
		double		score = sums[j] == 0 ? 0 : -sums[j] / diagonal;

		expected[j] = mean[j] + explanation->deviations[j] * score;
		deviations[j] = sqrt(diagonal) * (scores[j] - score);
		centered[j] = observed[j] - mean[j];
	}
	for (int i = 0; i < n_missing; i++)
		expected[n + i] = missing_mean[i] + (!explanation->correlated ? 0 :
											 linalg_dot(explanation->coefficients + (size_t) i * n,
														centered, n));
}
