/*
 * model_check.c
 *	  What is promised of a gmm_model, and checked on every way in.
 *
 * There are four ways in (text, jsonb, binary, arrays) and this validation.  It
 * judges parameters already in the engine's form; model_arrays.c brings them
 * there from the shapes that people use.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"

#include "compat.h"
#include "host/engine_host.h"
#include "model/model.h"

/*
 * The weights' sum may be off by what a few thousand roundings of values
 * printed with eight digits amount to, and no more.
 */
#define WEIGHT_SUM_TOLERANCE	1e-6

/* Values between two checks for interrupts */
#define VALUES_PER_CHECK		65536

/*
 * Check what all else of a stored value depends on: that it has at least the bytes of a
 * header, and that these are of the version that this library writes.
 */
void
gmm_check_stored(const char *type, size_t size, size_t least, const uint8 *version,
				 int known)
{
	if (size < least)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("%s of %zu bytes is too short", type, size)));
	if (*version != known)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("%s has unknown version %d", type, *version),
				 errhint("It may have been stored by a newer version of the extension gmm.")));
}

/*
 * Check that a model may have this shape.  Errors go to escontext, here and
 * below; false is returned where that makes them soft.
 */
bool
gmm_model_check_shape(MixtureCovarianceType type, int k, int d, Node *escontext)
{
	if (k < 1 || d < 1)
		ereturn(escontext, false,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a gmm_model needs at least one component and one dimension"),
				 errdetail("It would have k = %d and d = %d.", k, d)));
	if (!mixture_shape_allowed(type, k, d))
		ereturn(escontext, false,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a gmm_model with k = %d and d = %d is too large", k, d),
				 errdetail("At most %d components, %d dimensions and %d values in all are possible.",
						   MIXTURE_MAX_COMPONENTS, MIXTURE_MAX_DIMENSIONS,
						   MIXTURE_MAX_VALUES)));
	return true;
}

/*
 * Refuse two models of which the features are not the same, by their number and their
 * names, where both have these.  what_for: what cannot be done with them.
 */
void
gmm_model_check_alike(int d, const GmmFeatureNames *names, int other_d,
					  const GmmFeatureNames *other_names, const char *what_for)
{
	if (d != other_d)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("models of different dimensions cannot be %s", what_for),
				 errdetail("One has d = %d, the other d = %d.", d, other_d),
				 errhint("gmm_marginal gives the mixture of the dimensions that both have.")));
	if (names->n > 0 && other_names->n > 0 && !gmm_names_equal(names, other_names))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("models of different features cannot be %s", what_for),
				 errdetail("The features of one are %s, those of the other %s.",
						   gmm_names_list(names), gmm_names_list(other_names)),
				 errhint("gmm_marginal puts the dimensions of a model into another order.")));
}

/*
 * Check that n values are finite.  What they are, and how many of them are a
 * component's (0 if they are not divided), is for the message.
 */
bool
gmm_check_finite(const char *what, const double *values, size_t n,
				 size_t per_component, Node *escontext)
{
	for (size_t i = 0; i < n; i++)
	{
		if (i % VALUES_PER_CHECK == 0)
			CHECK_FOR_INTERRUPTS();
		if (isfinite(values[i]))
			continue;
		ereturn(escontext, false,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" must not contain NaN or infinity", what),
				 per_component == 0 ? 0 :
				 errdetail("There is one in component %zu.",
						   i / per_component + 1)));
	}
	return true;
}

/* Check that weights are finite, not negative and sum to 1. */
static bool
check_weights(const double *weights, int k, Node *escontext)
{
	double		sum = 0.0;

	if (!gmm_check_finite("weights", weights, k, 1, escontext))
		return false;
	for (int i = 0; i < k; i++)
	{
		if (weights[i] < 0.0)
			ereturn(escontext, false,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("\"weights\" must not be negative"),
					 errdetail("The weight of component %d is %g.",
							   i + 1, weights[i])));
		sum += weights[i];
	}
	if (!(fabs(sum - 1.0) <= WEIGHT_SUM_TOLERANCE))
		ereturn(escontext, false,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"weights\" must sum to 1, but sum to %.8g", sum),
				 errhint("Divide each weight by the sum.")));
	return true;
}

/* Check that noise is a share of all rows, and its box one. */
static bool
check_noise(const MixtureParameters *parameters, Node *escontext)
{
	const double *least = parameters->noise_box;
	const double *most = least + parameters->d;

	if (!gmm_check_finite("noise_least", least, parameters->d, 0, escontext) ||
		!gmm_check_finite("noise_most", most, parameters->d, 0, escontext))
		return false;
	if (!(parameters->noise_weight >= 0 && parameters->noise_weight < 1))
		ereturn(escontext, false,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"noise_weight\" must be at least 0 and below 1, not %g",
						parameters->noise_weight)));
	for (int j = 0; j < parameters->d; j++)
		if (!(most[j] > least[j] && isfinite(most[j] - least[j])))
			ereturn(escontext, false,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("\"noise_most\" must be above \"noise_least\", by a number in the range of type double precision"),
					 errdetail("For feature %d they are %g and %g.", j + 1, most[j], least[j])));
	return true;
}

/* What is wrong with what is said about the fit, or NULL; classes are with noise. */
static const char *
fit_fault(const MixtureFitInfo *fit, int n_classes)
{
#define FIT_FIELD(type, name, known, possible, rule) \
	if (((known) || !isnan((double) fit->name)) && !(possible)) \
		return "\"" #name "\" " rule;
#include "engine/fields.h"
	return NULL;
}

/*
 * What is wrong with a trial by itself, or NULL.  n_others: classes that are not
 * components, 1 where there is noise.
 */
static const char *
trial_fault(const MixtureTrial *trial, int d, double sum_weights, int n_others)
{
#define TRIAL_FIELD(type, name, possible, rule) \
	if (!(possible)) \
		return "\"" #name "\" " rule;
#include "engine/fields.h"
	return NULL;
}

/* Do the two stand in their order, by family and then by k? */
static bool
in_order(const MixtureTrial *first, const MixtureTrial *second)
{
	if (first->covariance_type != second->covariance_type)
		return first->covariance_type < second->covariance_type;
	return first->k < second->k;
}

/* Does the model say of its fit what this trial says? */
static bool
is_fit(const MixtureTrial *trial, const MixtureFitInfo *fit)
{
	return trial->log_likelihood == fit->log_likelihood &&
		trial->entropy == fit->entropy &&
		trial->iterations == fit->iterations &&
		trial->converged == fit->converged &&
		trial->n_starts == fit->n_starts &&
		trial->n_best_starts == fit->n_best_starts;
}

/*
 * Check the trials of a model: each possible by itself, all in their order,
 * and one of them the fit that the model has.
 */
static bool
check_trials(const MixtureParameters *parameters, const GmmFitInfo *info,
			 Node *escontext)
{
	bool		found = false;

	for (int i = 0; i < info->n_trials; i++)
	{
		const MixtureTrial *trial = &info->trials[i];
		const char *fault = trial_fault(trial, parameters->d, info->fit.sum_weights,
										parameters->noise_box != NULL);

		CHECK_FOR_INTERRUPTS();
		if (fault != NULL)
			ereturn(escontext, false,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("trial %d of a gmm_model is invalid", i + 1),
					 errdetail_internal("%s", fault)));
		if (i > 0 && !in_order(trial - 1, trial))
			ereturn(escontext, false,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("the trials of a gmm_model are out of order"),
					 errdetail("Trial %d does not come after trial %d by covariance_type (full, tied, diag, spherical) and k.",
							   i + 1, i)));
		if (trial->k == parameters->k &&
			trial->covariance_type == parameters->covariance_type)
			found = is_fit(trial, &info->fit);
	}
	if (info->n_trials > 0 && !found)
		ereturn(escontext, false,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("none of the trials of a gmm_model is its own fit"),
				 errdetail("One trial must have the model's k and covariance_type, and agree with the model in log_likelihood, entropy, iterations, converged, n_starts and n_best_starts.")));
	return true;
}

/* Check that there is a name for each of d features, or none at all. */
bool
gmm_model_check_names(const GmmFeatureNames *names, int d, Node *escontext)
{
	if (names->n != 0 && names->n != d)
		ereturn(escontext, false,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg_plural("\"features\" must have one name for %d feature, but has %d",
							   "\"features\" must have a name for each of %d features, but has %d",
							   d, d, names->n)));
	return true;
}

/*
 * Check everything that is promised of a stored model: finite numbers,
 * weights that are not negative and sum to 1, covariances that are positive
 * definite, noise in a box, and what is said about the fit (info, NULL where nothing is).
 * The shape must have passed gmm_model_check_shape() before.
 */
bool
gmm_model_check(const MixtureParameters *parameters, const GmmFitInfo *info,
				Node *escontext)
{
	MixtureCovarianceType type = parameters->covariance_type;
	int			k = parameters->k;
	int			d = parameters->d;
	size_t		n_covariances = mixture_covariance_count(type, k, d);
	size_t		per_component = type == MIXTURE_TIED ? 0 : n_covariances / k;
	const char *fault;
	MixtureError error;

	if (!check_weights(parameters->weights, k, escontext) ||
		!gmm_check_finite("means", parameters->means, (size_t) k * d, d,
						  escontext) ||
		!gmm_check_finite("covariances", parameters->covariances, n_covariances,
						  per_component, escontext))
		return false;

	if (!mixture_covariances_valid(parameters, &gmm_host, &error))
		ereturn(escontext, false,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 type == MIXTURE_TIED ?
				 errmsg("the covariance is not positive definite") :
				 errmsg("the covariance of component %d is not positive definite",
						error.component + 1),
				 errhint("Every variance must be positive, and no feature a linear combination of others.")));

	if (parameters->noise_box != NULL && !check_noise(parameters, escontext))
		return false;
	if (info == NULL)
		return true;
	fault = fit_fault(&info->fit, k + (parameters->noise_box != NULL));
	if (fault != NULL)
		ereturn(escontext, false,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg_internal("%s", fault)));
	return check_trials(parameters, info, escontext);
}
