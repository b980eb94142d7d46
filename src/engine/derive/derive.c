/*
 * derive.c
 *	  One mixture made from another: that of some of its dimensions, and that
 *	  of some given the others.
 *
 * Given the values of the observed dimensions a mixture of the missing ones is
 * left: its weights are the components' responsibilities for what is observed,
 * its components are each component's regression (regression.c), and noise is
 * still spread evenly.  All but
 * weights and means depends on which dimensions are observed and not on their
 * values, so it is made once for a pattern (MixtureConditional) and serves
 * any number of rows.
 */
#include "engine/core/regression.h"

#include <math.h>
#include <string.h>

#include "engine/core/linalg.h"

/* The conditional mixture of one pattern, before a row has filled it. */
struct MixtureConditional
{
	int			k;
	int			n_observed;
	int			n_missing;
	MixtureCovarianceType covariance_type;
	size_t		size;			/* bytes of all this */
	size_t		coefficient_step;	/* from a component's coefficients to the
									 * next: 0 if tied */
	double	   *observed_means; /* k x n_observed */
	double	   *missing_means;	/* k x n_missing */
	double	   *coefficients;	/* full k x n_missing x n_observed, tied one,
								 * the others none */
	double	   *covariances;	/* of the missing dimensions, in the family's
								 * form */
	bool		noise;			/* there is some */
	double	   *box;			/* 2 n_missing: where */
};

/*
 * Let covariances that are positive definite but for rounding be so, which
 * others are not touched by.
 */
static void
mend_covariances(MixtureCovarianceType type, int k, int d, double *covariances,
				 const MixtureHost *host)
{
	size_t		count = linalg_packed_count(d);
	double	   *factor;

	if (type == MIXTURE_DIAG || type == MIXTURE_SPHERICAL)
		return;
	factor = host->allocate(host->context, count * sizeof(double));
	for (int c = 0; c < (type == MIXTURE_TIED ? 1 : k); c++)
	{
		double	   *covariance = covariances + c * count;
		double		share = LINALG_FIRST_SHARE(d);

		memcpy(factor, covariance, count * sizeof(double));
		while (!linalg_cholesky(factor, d, host) && share < d * LINALG_SHARE_GROWTH)
		{
			linalg_loosen(covariance, d, share);
			share *= LINALG_SHARE_GROWTH;
			memcpy(factor, covariance, count * sizeof(double));
		}
	}
	host->release(host->context, factor);
}

/*
 * Let the covariances of a mixture that was made from a valid one be positive
 * definite where they are so but for rounding.
 */
void
mixture_mend(MixtureParameters *parameters, const MixtureHost *host)
{
	mend_covariances(parameters->covariance_type, parameters->k, parameters->d,
					 parameters->covariances, host);
}

/* One piece of memory for a conditional mixture of this shape. */
static MixtureConditional *
allocate_conditional(MixtureCovarianceType type, int k, int n_observed, int n_missing,
					 const MixtureHost *host)
{
	size_t		coefficients = (size_t) n_missing * n_observed;
	size_t		observed_means = (size_t) k * n_observed;
	size_t		missing_means = (size_t) k * n_missing;
	size_t		n_coefficients = type == MIXTURE_FULL ? k * coefficients :
		type == MIXTURE_TIED ? coefficients : 0;
	size_t		size = sizeof(MixtureConditional) +
		(observed_means + missing_means + n_coefficients +
		 mixture_covariance_count(type, k, n_missing) + 2 * (size_t) n_missing) *
		sizeof(double);
	MixtureConditional *conditional = host->allocate(host->context, size);

	conditional->k = k;
	conditional->n_observed = n_observed;
	conditional->n_missing = n_missing;
	conditional->covariance_type = type;
	conditional->size = size;
	conditional->coefficient_step = type == MIXTURE_FULL ? coefficients : 0;
	conditional->observed_means = (double *) (conditional + 1);
	conditional->missing_means = conditional->observed_means + observed_means;
	conditional->coefficients = conditional->missing_means + missing_means;
	conditional->covariances = conditional->coefficients + n_coefficients;
	conditional->box = conditional->covariances + mixture_covariance_count(type, k, n_missing);
	return conditional;
}

/* Coefficients and covariances of the families with matrices. */
static void
fill_regressions(MixtureConditional *conditional, const MixtureParameters *parameters,
				 const int *order, const MixtureHost *host)
{
	int			d = parameters->d;
	size_t		count = mixture_factor_count(parameters->covariance_type, d);
	size_t		residual_count = linalg_packed_count(conditional->n_missing);
	size_t		n_coefficients = (size_t) conditional->n_missing * conditional->n_observed;
	Regression	regression;

	regression_allocate(&regression, d, conditional->n_observed, host);
	for (int c = 0; c < (parameters->covariance_type == MIXTURE_TIED ? 1 : parameters->k); c++)
	{
		regression_fill(&regression, parameters->covariances + c * count, order, host);
		memcpy(conditional->coefficients + c * conditional->coefficient_step,
			   regression.coefficients, n_coefficients * sizeof(double));
		memcpy(conditional->covariances + c * residual_count,
			   regression.residual, residual_count * sizeof(double));
	}
	regression_release(&regression, host);
}

/*
 * The conditional mixture of the last d - n_observed dimensions of `order`
 * given the first n_observed, either of which may be none.  order: d numbers
 * of dimensions, from 0.  The parameters are valid.  The result is one piece of
 * the host's memory, mixture_conditional_size() bytes, and keeps nothing of the
 * parameters.
 */
MixtureConditional *
mixture_conditional_create(const MixtureParameters *parameters, const int *order,
						   int n_observed, const MixtureHost *host)
{
	MixtureCovarianceType type = parameters->covariance_type;
	int			k = parameters->k;
	int			d = parameters->d;
	int			n_missing = d - n_observed;
	MixtureConditional *conditional = allocate_conditional(type, k, n_observed,
														   n_missing, host);
	MixtureParameters missing = {.k = k,.d = n_missing};

	mixture_select_noise(parameters, order + n_observed, &missing, conditional->box);
	conditional->noise = missing.noise_box != NULL;
	for (int c = 0; c < k; c++)
	{
		const double *mean = parameters->means + (size_t) c * d;

		for (int j = 0; j < n_observed; j++)
			conditional->observed_means[(size_t) c * n_observed + j] = mean[order[j]];
		for (int j = 0; j < n_missing; j++)
			conditional->missing_means[(size_t) c * n_missing + j] =
				mean[order[n_observed + j]];
		for (int j = 0; j < n_missing && type == MIXTURE_DIAG; j++)
			conditional->covariances[(size_t) c * n_missing + j] =
				parameters->covariances[(size_t) c * d + order[n_observed + j]];
		host->check_interrupts(host->context);
	}
	if (type == MIXTURE_SPHERICAL)
		memcpy(conditional->covariances, parameters->covariances, k * sizeof(double));
	else if (type != MIXTURE_DIAG)
		fill_regressions(conditional, parameters, order, host);
	mend_covariances(type, k, n_missing, conditional->covariances, host);
	return conditional;
}

/* Bytes that a conditional mixture takes, for a cache's accounts. */
size_t
mixture_conditional_size(const MixtureConditional *conditional)
{
	return conditional->size;
}

/*
 * Component c's mean of the missing dimensions given the observed values,
 * n_observed of them in the order of `order`.  centered: as many doubles of
 * scratch.
 */
static void
component_mean(const MixtureConditional *conditional, int c, const double *observed,
			   double *mean, double *centered)
{
	int			n_observed = conditional->n_observed;
	int			n_missing = conditional->n_missing;
	const double *center = conditional->observed_means + (size_t) c * n_observed;
	const double *row = conditional->coefficients + c * conditional->coefficient_step;

	memcpy(mean, conditional->missing_means + (size_t) c * n_missing,
		   n_missing * sizeof(double));
	if (conditional->covariance_type == MIXTURE_DIAG ||
		conditional->covariance_type == MIXTURE_SPHERICAL)
		return;
	for (int j = 0; j < n_observed; j++)
		centered[j] = observed[j] - center[j];
	for (int i = 0; i < n_missing; i++, row += n_observed)
		mean[i] += linalg_dot(row, centered, n_observed);
}

/*
 * The mixture of the missing dimensions given one row.  observed: the row's
 * n_observed values, in the order of `order`; shares, noise: what
 * mixture_row_shares() finds for these values.  target: allocated by the caller
 * with mixture_allocate_parameters(), of the same k and family and of n_missing
 * dimensions.  Component c of it is component c of the mixture.  Where the row is
 * so far away that a mean overflows, it is not finite.  work: as many doubles as
 * the mixture has dimensions.
 */
void
mixture_condition(const MixtureConditional *conditional, const double *observed,
				  const double *shares, double noise, MixtureParameters *target,
				  double *work)
{
	memcpy(target->weights, shares, conditional->k * sizeof(double));
	for (int c = 0; c < conditional->k; c++)
		component_mean(conditional, c, observed,
					   target->means + (size_t) c * conditional->n_missing, work);
	memcpy(target->covariances, conditional->covariances,
		   mixture_covariance_count(conditional->covariance_type, conditional->k,
									conditional->n_missing) * sizeof(double));
	if (!conditional->noise)
		return;
	target->noise_weight = fmin(noise, MIXTURE_MOST_NOISE);
	target->noise_box = conditional->box;
	mixture_move_noise(target, mixture_own_box(target));
}

/*
 * The conditional expectation of the missing dimensions, the mean of that
 * mixture.  missing: n_missing doubles; the rest as above.
 */
void
mixture_impute(const MixtureConditional *conditional, const double *observed,
			   const double *shares, double noise, double *missing, double *work)
{
	int			n_missing = conditional->n_missing;

	for (int i = 0; i < n_missing; i++)
		missing[i] = noise > 0 ?
			noise * (conditional->box[i] / 2 + conditional->box[n_missing + i] / 2) : 0;
	for (int c = 0; c < conditional->k; c++)
	{
		double		share = (1 - noise) * shares[c];

		if (share == 0)
			continue;
		component_mean(conditional, c, observed, work, work + n_missing);
		for (int i = 0; i < n_missing; i++)
			missing[i] += share * work[i];
	}
}
