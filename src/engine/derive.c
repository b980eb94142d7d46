/*
 * derive.c
 *	  One mixture made from another: some of its dimensions, or some given
 *	  the others.
 */
#include "internal.h"

#include <string.h>

#include "linalg.h"

/*
 * The marginal mixture of the dimensions dims[0 .. marginal->d - 1], numbered
 * from 0, each at most once, in this order.  marginal: allocated by the
 * caller, of the same k and family.  The marginal of a Gaussian is the part of
 * its mean and covariance that belongs to those dimensions, so a family stays
 * what it is.
 */
void
mixture_marginal(const MixtureParameters *parameters, const int *dims,
				 MixtureParameters *marginal, const MixtureHost *host)
{
	MixtureCovarianceType type = parameters->covariance_type;
	int k = parameters->k;
	int d = parameters->d;
	int n = marginal->d;
	size_t count = mixture_factor_count(type, d);
	size_t marginal_count = mixture_factor_count(type, n);

	memcpy(marginal->weights, parameters->weights, k * sizeof(double));
	for (int c = 0; c < k; c++)
	{
		const double *covariance = parameters->covariances + c * count;
		double *target = marginal->covariances + c * marginal_count;

		for (int j = 0; j < n; j++)
			marginal->means[(size_t) c * n + j] =
				parameters->means[(size_t) c * d + dims[j]];
		if (type == MIXTURE_FULL || (type == MIXTURE_TIED && c == 0))
			linalg_select(covariance, dims, n, target);
		else if (type == MIXTURE_DIAG)
			for (int j = 0; j < n; j++)
				target[j] = covariance[dims[j]];
		else if (type == MIXTURE_SPHERICAL)
			target[0] = covariance[0];
		host->check_interrupts(host->context);
	}
}
