/*
 * missing.c
 *	  E- and M-step of rows in which features are missing.
 *
 * Nothing is filled in and nothing is dropped: the likelihood is that of what
 * was observed, and EM treats the rest as it treats the components, by its
 * expectation (Ghahramani and Jordan 1994).  For a block of rows with the same
 * features missing, and with the covariance S of a component parted into
 * observed (o) and missing (m):
 *
 *		E-step		responsibilities and log-likelihood under the marginal
 *					mixture of the observed features;
 *		M-step		the moments of the row completed by its conditional mean,
 *					m_m + B (x_o - m_o), and, added to its second moments, the
 *					conditional covariance C = S_mm - B S_om.
 *
 * Both steps are those of complete rows (kernels_e_step.h, kernels_m_step.h):
 * the first on a model of fewer dimensions, the second on a block that is
 * completed anew for each component.  What is particular to a pattern of
 * missing features, the marginal's factors and each component's regression, is
 * made when a block with another pattern comes and kept until the next one
 * does, so rows that share a pattern should come together.
 *
 * Where the family has no covariances between features, the conditional mean
 * is the mean, and C is the variance.
 */
#include "engine/em/em_private.h"

#include <string.h>

#include "engine/core/linalg.h"

/*
 * Allocate for models of this shape.  Most of it is allocated when there is a
 * pattern.
 */
void
missing_begin(MissingWork *missing, MixtureCovarianceType type, int k, int d,
			  const MixtureHost *host)
{
	bool		matrix = mixture_has_matrix(type);
	int			n = type == MIXTURE_TIED ? 1 : k;

	missing->order = host->allocate(host->context, d * sizeof(int));
	missing->n_observed = 0;
	missing->marginal = NULL;
	missing->completed = host->allocate(host->context, (size_t) d * MIXTURE_BLOCK_ROWS *
										sizeof(double));
	missing->n_regressions = matrix ? n : 0;
	missing->regressions = host->allocate(host->context, n * sizeof(Regression));
	for (int c = 0; c < n; c++)
		missing->regressions[c].factor = NULL;
}

/* Forget the pattern, as when the parameters are others. */
void
missing_forget(MissingWork *missing, const MixtureHost *host)
{
	missing->n_observed = 0;
	if (missing->marginal != NULL)
		mixture_release_prepared(missing->marginal, host);
	missing->marginal = NULL;
	for (int c = 0; c < missing->n_regressions; c++)
	{
		if (missing->regressions[c].factor != NULL)
			regression_release(&missing->regressions[c], host);
		missing->regressions[c].factor = NULL;
	}
}

/* Give back all that missing_begin() and the blocks allocated. */
void
missing_end(MissingWork *missing, const MixtureHost *host)
{
	missing_forget(missing, host);
	host->release(host->context, missing->regressions);
	host->release(host->context, missing->completed);
	host->release(host->context, missing->order);
}

/* Prepare the marginal mixture of the observed features. */
static void
prepare_marginal(MissingWork *missing, const MixtureParameters *parameters,
				 const MixtureHost *host)
{
	int			n = missing->n_observed;
	MixtureParameters marginal;
	MixtureError error;

	mixture_allocate_parameters(&marginal, parameters->covariance_type, parameters->k,
								n, host);
	mixture_marginal(parameters, missing->order, &marginal, host);
	missing->marginal = mixture_prepare_blocks(&marginal, NULL, host, &error);
	if (missing->marginal == NULL)
	{
		mixture_mend(&marginal, host);
		missing->marginal = mixture_prepare_blocks(&marginal, NULL, host, &error);
	}
	mixture_release_parameters(&marginal, host);
}

/* Let the work be ready for the pattern of a block. */
static void
turn_to_pattern(MissingWork *missing, const MixtureParameters *parameters,
				const MixtureBlock *block, const MixtureHost *host)
{
	size_t		size = parameters->d * sizeof(int);

	if (missing->n_observed == block->n_observed &&
		memcmp(missing->order, block->order, size) == 0)
		return;
	missing_forget(missing, host);
	memcpy(missing->order, block->order, size);
	missing->n_observed = block->n_observed;
	prepare_marginal(missing, parameters, host);
}

/* The regression of a component's missing features on its observed ones. */
static const Regression *
get_regression(MissingWork *missing, const MixtureParameters *parameters, int c,
			   const MixtureHost *host)
{
	int			d = parameters->d;
	size_t		count = linalg_packed_count(d);
	int			number = parameters->covariance_type == MIXTURE_TIED ? 0 : c;
	Regression *regression = &missing->regressions[number];
	const double *covariance = parameters->covariances + number * count;

	if (regression->factor != NULL)
		return regression;
	regression_allocate(regression, d, missing->n_observed, host);
	regression_fill(regression, covariance, missing->order, host);
	return regression;
}

/*
 * Add a component's conditional covariance, once for each unit of
 * responsibility, to the second moments.
 */
static void
add_conditional(const MissingWork *missing, const MixtureParameters *parameters,
				const Regression *regression, int c, double weight, MixtureStats *stats)
{
	MixtureCovarianceType type = parameters->covariance_type;
	int			d = parameters->d;
	int			n_missing = d - missing->n_observed;
	const int  *dims = missing->order + missing->n_observed;
	size_t		count = mixture_factor_count(type, d);
	double	   *seconds = stats->seconds + (type == MIXTURE_TIED ? 0 : c * count);

	if (regression != NULL)
		for (int i = 0; i < n_missing; i++)
			for (int j = 0; j <= i; j++)
				seconds[linalg_row(dims[i]) + dims[j]] +=
					weight * regression->residual[linalg_row(i) + j];
	else if (type == MIXTURE_DIAG)
		for (int i = 0; i < n_missing; i++)
			seconds[dims[i]] += weight * parameters->covariances[c * count + dims[i]];
	else
		seconds[0] += weight * n_missing * parameters->covariances[c];
}

/* Put the features of a block that are not missing at their place. */
static void
place_observed(const MissingWork *missing, const MixtureBlock *block)
{
	size_t		stride = block->stride;

	for (int j = 0; j < missing->n_observed; j++)
		memcpy(missing->completed + missing->order[j] * stride,
			   block->features + j * stride, stride * sizeof(double));
}

/*
 * E-step of a block with missing features, and, if m_step, its part in the
 * statistics, which are of all features.  parameters: those that `prepared`
 * was made of, unchanged since missing_forget(); work: for models of their
 * shape.
 */
void
missing_accumulate(MissingWork *missing, const MixtureParameters *parameters,
				   const MixturePrepared *prepared, const MixtureBlock *block,
				   bool m_step, const KernelWork *work, MixtureStats *stats,
				   const MixtureHost *host)
{
	const Kernels *kernels = kernels_current();
	MixtureBlock completed = {
		.n_rows = block->n_rows,
		.stride = block->stride,
		.features = missing->completed,
		.weights = block->weights
	};

	turn_to_pattern(missing, parameters, block, host);
	kernels->e_step(missing->marginal, block, m_step, work, stats, host);
	if (!m_step)
		return;
	place_observed(missing, block);
	for (int c = 0; c < parameters->k; c++)
	{
		const Regression *regression = NULL;

		if (work->weights[c] == 0)
			continue;
		if (missing->n_regressions > 0)
			regression = get_regression(missing, parameters, c, host);
		kernels->complete(parameters->means + (size_t) c * parameters->d,
						  regression != NULL ? regression->coefficients : NULL,
						  parameters->d, block, work, missing->completed, host);
		kernels->add_component(prepared, c, &completed, work, stats, host);
		add_conditional(missing, parameters, regression, c, work->weights[c], stats);
		host->check_interrupts(host->context);
	}
}
