/*
 * regression.c
 *	  A Gaussian's regression of some of its dimensions on the others.
 *
 * With a covariance S whose dimensions are parted into observed (o) and
 * missing (m), the missing ones given the observed ones are normal again
 * (Anderson 2003, theorem 2.5.1):
 *
 *		mean		m_m + B (x_o - m_o),	B = S_mo S_oo^-1
 *		covariance	C = S_mm - B S_om
 *
 * Both are read off one Cholesky factor, that of S with the observed
 * dimensions first:
 *
 *		L = | L_oo      |		S_oo = L_oo L_oo^T
 *			| L_mo L_mm |		B = L_mo L_oo^-1,  C = L_mm L_mm^T
 *
 * so nothing is inverted, and C is positive definite by construction, where
 * the difference above may lose all its digits when the observed dimensions
 * nearly determine the missing ones.
 */
#include "engine/core/regression.h"

#include "engine/core/linalg.h"

/*
 * Allocate for n_observed of d dimensions, in one piece of memory that
 * regression_release() gives back.
 */
void
regression_allocate(Regression *regression, int d, int n_observed,
					const MixtureHost *host)
{
	int			n_missing = d - n_observed;
	size_t		factor = linalg_packed_count(d);
	size_t		coefficients = (size_t) n_missing * n_observed;
	size_t		count = factor + coefficients + linalg_packed_count(n_missing);

	regression->n_observed = n_observed;
	regression->n_missing = n_missing;
	regression->factor = host->allocate(host->context, count * sizeof(double));
	regression->coefficients = regression->factor + factor;
	regression->residual = regression->coefficients + coefficients;
}

/* Give back what regression_allocate() made. */
void
regression_release(Regression *regression, const MixtureHost *host)
{
	host->release(host->context, regression->factor);
}

/* C = L_mm L_mm^T from the last rows of the factor. */
static void
fill_residual(Regression *regression, const MixtureHost *host)
{
	int			n_observed = regression->n_observed;

	for (int i = 0; i < regression->n_missing; i++)
	{
		const double *row = regression->factor +
							linalg_row(n_observed + i) + n_observed;

		for (int j = 0; j <= i; j++)
			regression->residual[linalg_row(i) + j] =
				linalg_dot(row, regression->factor + linalg_row(n_observed + j) + n_observed,
						   j + 1);
		host->check_interrupts(host->context);
	}
}

/*
 * Regress the last n_missing dimensions of `order` on the first n_observed.
 * covariance: packed, of all d dimensions, in the model's order.  order: d
 * numbers of dimensions, the observed ones first.  The covariance is positive
 * definite; where it is not in this order, to working precision, it is
 * loosened until it is.
 */
void
regression_fill(Regression *regression, const double *covariance,
				const int *order, const MixtureHost *host)
{
	int			n_observed = regression->n_observed;
	int			d = n_observed + regression->n_missing;
	double		share = LINALG_FIRST_SHARE(d);

	linalg_select(covariance, order, d, regression->factor);
	while (!linalg_cholesky(regression->factor, d, host) && share < d * LINALG_SHARE_GROWTH)
	{
		linalg_select(covariance, order, d, regression->factor);
		linalg_loosen(regression->factor, d, share);
		share *= LINALG_SHARE_GROWTH;
	}
	for (int i = 0; i < regression->n_missing; i++)
	{
		const double *row = regression->factor + linalg_row(n_observed + i);
		double	   *coefficients = regression->coefficients + (size_t) i * n_observed;

		for (int j = 0; j < n_observed; j++)
			coefficients[j] = row[j];
		linalg_solve_transposed(regression->factor, coefficients, n_observed);
		host->check_interrupts(host->context);
	}
	fill_residual(regression, host);
}
