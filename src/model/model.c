/*
 * model.c
 *	  The gmm_model datum: making, reading and judging it.
 *
 * A model is one flat value, so that it can live in a column and be scored
 * without being taken apart: the header of GmmModel, then weights, means and
 * covariances in the engine's own order.
 *
 * There are four ways in (text, jsonb, binary, arrays) and one validation:
 * gmm_model_check() judges parameters already in the engine's form, and
 * gmm_model_from_parts() brings them there from the shapes that people use.
 * What stands in a table was judged when it came in; DatumGetGmmModel()
 * checks no more than what keeps C code inside of it.
 */
#include "postgres.h"

#include <math.h>

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "compat.h"
#include "host/engine_host.h"
#include "model/model.h"
#include "model/model_choice.h"
#include "model/model_identity.h"

/*
 * The weights' sum may be off by what a few thousand roundings of values
 * printed with eight digits amount to, and no more.
 */
#define WEIGHT_SUM_TOLERANCE	1e-6

/*
 * A covariance computed as a matrix product elsewhere is symmetric up to
 * rounding, so elements may differ by this share of the geometric mean of
 * the two variances (a bound that does not depend on units).  Beyond that,
 * the two halves say different things and we cannot know which is meant.
 */
#define SYMMETRY_TOLERANCE		1e-8

/* Values between two checks for interrupts */
#define VALUES_PER_CHECK		65536

PG_FUNCTION_INFO_V1(gmm_model_from_arrays);

static const char *const covariance_type_names[MIXTURE_N_COVARIANCE_TYPES] = {
	"full", "tied", "diag", "spherical"
};

static const char *const covariance_type_mclust_names[MIXTURE_N_COVARIANCE_TYPES] = {
	"VVV", "EEE", "VVI", "VII"
};

/* The shape of covariances, as error messages put it. */
static const char *const covariance_shapes[MIXTURE_N_COVARIANCE_TYPES] = {
	"k x d x d", "d x d", "k x d", "k"
};

/* The name of a covariance family, as in the text form of a model. */
const char *
gmm_covariance_type_name(MixtureCovarianceType type)
{
	return covariance_type_names[type];
}

/*
 * Set *type to the family of this name, scikit-learn's or mclust's, in any
 * case; return false where there is no such family.
 */
bool
gmm_covariance_type_parse(const char *name, MixtureCovarianceType *type)
{
	for (int i = 0; i < MIXTURE_N_COVARIANCE_TYPES; i++)
	{
		if (pg_strcasecmp(name, covariance_type_names[i]) == 0 ||
			pg_strcasecmp(name, covariance_type_mclust_names[i]) == 0)
		{
			*type = (MixtureCovarianceType) i;
			return true;
		}
	}
	return false;
}

/*
 * How many doubles a model of this shape holds.  The shape must be one that
 * mixture_shape_allowed(), whose limits keep this far from overflow.
 */
size_t
gmm_model_n_values(MixtureCovarianceType type, int k, int d)
{
	return (size_t) k + (size_t) k * d + mixture_covariance_count(type, k, d);
}

/*
 * The size in bytes of such a model with so many trials, at most
 * GMM_MAX_TRIALS: below 1 GB.
 */
static size_t
model_size(MixtureCovarianceType type, int k, int d, int n_trials)
{
	StaticAssertStmt((2 * (Size) MIXTURE_MAX_VALUES + MIXTURE_MAX_COMPONENTS) *
					 sizeof(double) + GMM_MAX_TRIALS * sizeof(GmmTrial) +
					 sizeof(GmmModel) < MaxAllocSize,
					 "the largest model must fit into a datum");
	StaticAssertStmt(sizeof(GmmTrial) == 40 && offsetof(GmmModel, values) == 120,
					 "what is stored must not have changed its layout");

	return offsetof(GmmModel, values) +
		gmm_model_n_values(type, k, d) * sizeof(double) +
		n_trials * sizeof(GmmTrial);
}

/*
 * Get a model from a datum, detoasted in CurrentMemoryContext where need be.
 * This is the only door for C code, and so where an older version of the format
 * will be upgraded, in memory.  The contents were validated when they were
 * stored; what is checked here is what a reader's memory accesses depend on.
 */
GmmModel *
DatumGetGmmModel(Datum datum)
{
	GmmModel   *model = (GmmModel *) PG_DETOAST_DATUM(datum);
	size_t		size = VARSIZE(model);

	if (size < offsetof(GmmModel, values))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("gmm_model of %zu bytes is too short", size)));
	if (model->version != GMM_MODEL_VERSION)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("gmm_model has unknown version %d", model->version),
				 errhint("It may have been stored by a newer version of the extension gmm.")));
	if (model->covariance_type >= MIXTURE_N_COVARIANCE_TYPES ||
		model->k < 1 || model->d < 1 ||
		model->n_trials < 0 || model->n_trials > GMM_MAX_TRIALS ||
		!mixture_shape_allowed((MixtureCovarianceType) model->covariance_type,
							   model->k, model->d) ||
		size != model_size((MixtureCovarianceType) model->covariance_type,
						   model->k, model->d, model->n_trials))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("gmm_model of %zu bytes does not agree with its header",
						size),
				 errdetail("The header says covariance type %d, k = %d, d = %d and %d trials.",
						   model->covariance_type, model->k, model->d,
						   model->n_trials)));
	return model;
}

/* The trials in the model, n_trials of them. */
const GmmTrial *
gmm_model_trials(const GmmModel *model)
{
	return (const GmmTrial *)
		(model->values + gmm_model_n_values((MixtureCovarianceType) model->covariance_type,
											model->k, model->d));
}

/* What is said about a fit, to begin with: zeros, and not known. */
void
gmm_fit_info_init(GmmFitInfo *info)
{
	memset(info, 0, sizeof(GmmFitInfo));
	info->entropy = NAN;
	info->reg_covar = NAN;
}

/* Set in info, which has been initialised, what a fit knows. */
void
gmm_fit_info_from(GmmFitInfo *info, const MixtureFit *fit, const MixtureOptions *options)
{
	info->n_rows = fit->n_rows;
	info->sum_weights = fit->sum_weights;
	info->log_likelihood = fit->log_likelihood;
	info->iterations = fit->iterations;
	info->converged = fit->converged;
	info->n_starts = fit->n_starts;
	info->n_best_starts = fit->n_best_starts;
	info->entropy = fit->entropy;
	info->reg_covar = options->reg_covar;
	info->n_incomplete = fit->n_incomplete;
	info->n_reseeded = fit->n_reseeded;
}

/* Let parameters point into the model. */
void
gmm_model_parameters(const GmmModel *model, MixtureParameters *parameters)
{
	double	   *values = unconstify(GmmModel *, model)->values;

	parameters->k = model->k;
	parameters->d = model->d;
	parameters->covariance_type = (MixtureCovarianceType) model->covariance_type;
	parameters->weights = values;
	parameters->means = values + model->k;
	parameters->covariances = parameters->means + (size_t) model->k * model->d;
}

/* Put into the header what a fit knows. */
static void
set_info(GmmModel *model, const GmmFitInfo *info)
{
	model->flags = GMM_MODEL_FITTED;
	if (info->converged)
		model->flags |= GMM_MODEL_CONVERGED;
	model->n_rows = info->n_rows;
	model->sum_weights = info->sum_weights;
	model->log_likelihood = info->log_likelihood;
	model->iterations = info->iterations;
	model->n_starts = info->n_starts;
	model->n_best_starts = info->n_best_starts;
	if (!isnan(info->entropy))
	{
		model->flags |= GMM_MODEL_ENTROPY;
		model->entropy = info->entropy;
	}
	if (!isnan(info->reg_covar))
	{
		model->flags |= GMM_MODEL_REG_COVAR;
		model->reg_covar = info->reg_covar;
	}
	model->n_incomplete = info->n_incomplete;
	model->n_reseeded = info->n_reseeded;
	model->n_trials = info->n_trials;
	if (info->n_trials > 0)
		model->criterion = info->criterion;
}

/*
 * Make a model from parameters that a fit found or that gmm_model_check()
 * has passed; info is NULL where no fit is known.  The model is palloc'd,
 * the parameters are copied.
 */
GmmModel *
gmm_model_make(const MixtureParameters *parameters, const GmmFitInfo *info)
{
	int			k = parameters->k;
	int			d = parameters->d;
	MixtureCovarianceType type = parameters->covariance_type;
	int			n_trials = info != NULL ? info->n_trials : 0;
	size_t		n_values;
	size_t		size;
	GmmModel   *model;
	MixtureParameters copy;

	if (k < 1 || d < 1 || !mixture_shape_allowed(type, k, d))
		elog(ERROR, "cannot store a mixture with k = %d and d = %d", k, d);
	size = model_size(type, k, d, n_trials);

	/* Zeroed, so that equal models are equal bytes */
	model = (GmmModel *) palloc0(size);
	SET_VARSIZE(model, size);
	model->version = GMM_MODEL_VERSION;
	model->covariance_type = type;
	model->k = k;
	model->d = d;
	if (info != NULL)
		set_info(model, info);

	gmm_model_parameters(model, &copy);
	memcpy(copy.weights, parameters->weights, k * sizeof(double));
	memcpy(copy.means, parameters->means, (size_t) k * d * sizeof(double));
	memcpy(copy.covariances, parameters->covariances,
		   mixture_covariance_count(type, k, d) * sizeof(double));

	/* No door into the table for what no door into the type lets pass */
	n_values = gmm_model_n_values(type, k, d);
	for (size_t i = 0; i < n_values; i++)
	{
		if (i % VALUES_PER_CHECK == 0)
			CHECK_FOR_INTERRUPTS();
		if (!isfinite(model->values[i]))
			elog(ERROR, "value %zu of a mixture is not finite", i);
	}

	if (n_trials > 0)
		memcpy(model->values + n_values, info->trials, n_trials * sizeof(GmmTrial));

	model->fingerprint = gmm_model_fingerprint(model);
	return model;
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
				 errdetail("Possible are at most %d components, %d dimensions and %d values in all.",
						   MIXTURE_MAX_COMPONENTS, MIXTURE_MAX_DIMENSIONS,
						   MIXTURE_MAX_VALUES)));
	return true;
}

/*
 * Check that n values are finite.  What they are, and how many of them are a
 * component's (0 if they are not divided), is for the message.
 */
static bool
check_finite(const char *what, const double *values, size_t n,
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

	if (!check_finite("weights", weights, k, 1, escontext))
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

/*
 * Check what is said about the fit, but for the trials.  NaN stands for what is
 * not known, where that may be.
 */
static bool
check_info(const GmmFitInfo *info, int k, Node *escontext)
{
	const char *rule;

	if (info->n_rows < 1)
		rule = "\"n_rows\" must be at least 1";
	else if (!isfinite(info->sum_weights) || info->sum_weights <= 0.0)
		rule = "\"sum_weights\" must be positive and finite";
	else if (!isfinite(info->log_likelihood))
		rule = "\"log_likelihood\" must be finite";
	else if (info->iterations < 0)
		rule = "\"iterations\" must not be negative";
	else if (info->n_starts < 0)
		rule = "\"n_starts\" must not be negative";
	else if (info->n_best_starts < 0 || info->n_best_starts > info->n_starts)
		rule = "\"n_best_starts\" must be between 0 and \"n_starts\"";
	else if (!isnan(info->entropy) &&
			 !gmm_entropy_possible(info->entropy, info->sum_weights, k))
		rule = "\"entropy\" must be between 0 and \"sum_weights\" times the logarithm of k";
	else if (!isnan(info->reg_covar) &&
			 (!isfinite(info->reg_covar) || info->reg_covar < 0.0))
		rule = "\"reg_covar\" must be finite and not negative";
	else if (info->n_incomplete < 0 || info->n_incomplete > info->n_rows)
		rule = "\"n_incomplete\" must be between 0 and \"n_rows\"";
	else if (info->n_reseeded < 0)
		rule = "\"n_reseeded\" must not be negative";
	else
		return true;

	ereturn(escontext, false,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg_internal("%s", rule)));
}

/*
 * Check everything that is promised of a stored model: finite numbers,
 * weights that are not negative and sum to 1, covariances that are positive
 * definite, and what is said about the fit (info, NULL where nothing is).
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
	MixtureError error;

	if (!check_weights(parameters->weights, k, escontext) ||
		!check_finite("means", parameters->means, (size_t) k * d, d,
					  escontext) ||
		!check_finite("covariances", parameters->covariances, n_covariances,
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

	return info == NULL ||
		(check_info(info, k, escontext) &&
		 gmm_trials_check(parameters, info, escontext));
}

/* Write the array's shape, such as 2 x 3, into a palloc'd string. */
static char *
shape_string(const int *dims, int n_dims)
{
	StringInfoData string;

	initStringInfo(&string);
	for (int i = 0; i < n_dims; i++)
		appendStringInfo(&string, "%s%d", i > 0 ? " x " : "", dims[i]);
	return string.data;
}

/*
 * Check that the array has the shape dims.  Dimensions of length 1 may be
 * left out at the end, so that a one-dimensional mixture can be written
 * without a bracket around every number.  formula names the shape.
 */
bool
gmm_array_check_shape(const GmmArray *array, const int *dims, int n_dims,
					  const char *formula, Node *escontext)
{
	bool		matches = array->n_dims <= n_dims && array->n_dims > 0;

	for (int i = 0; matches && i < n_dims; i++)
		matches = dims[i] == (i < array->n_dims ? array->dims[i] : 1);
	if (matches)
		return true;

	if (array->n_dims == 0)
		ereturn(escontext, false,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" must not be empty", array->name)));
	if (array->n_dims > GMM_ARRAY_MAX_DIMS)
		ereturn(escontext, false,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" has the wrong shape", array->name),
				 errdetail("Expected %s (%s), found an array of %d dimensions.",
						   shape_string(dims, n_dims), formula,
						   array->n_dims)));
	ereturn(escontext, false,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("\"%s\" has the wrong shape", array->name),
			 errdetail("Expected %s (%s), found %s.",
					   shape_string(dims, n_dims), formula,
					   shape_string(array->dims, array->n_dims))));
}

/*
 * Check that weights and means agree in their shapes, and set *k and *d to the
 * number of components and dimensions.
 */
static bool
check_shapes(MixtureCovarianceType type, const GmmArray *weights,
			 const GmmArray *means, int *k, int *d, Node *escontext)
{
	int			dims[2];

	if (weights->n_dims == 1)
		*k = weights->dims[0];
	else if (weights->n_dims == 0)
		*k = 0;
	else
		ereturn(escontext, false,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"weights\" must be a one-dimensional array")));
	*d = means->n_dims >= 2 ? means->dims[1] : means->n_dims;
	if (!gmm_model_check_shape(type, *k, *d, escontext))
		return false;

	dims[0] = *k;
	dims[1] = *d;
	return gmm_array_check_shape(means, dims, 2, "k x d", escontext);
}

/*
 * Pack the lower triangles of n_matrices square matrices of d rows, all
 * finite, having checked that they are symmetric.
 */
static bool
pack_symmetric(const double *square, int n_matrices, int d, double *packed,
			   Node *escontext)
{
	for (int m = 0; m < n_matrices; m++)
	{
		const double *matrix = square + (size_t) m * d * d;

		for (int i = 0; i < d; i++)
		{
			double		deviation_i = sqrt(fabs(matrix[(size_t) i * d + i]));

			CHECK_FOR_INTERRUPTS();
			for (int j = 0; j <= i; j++)
			{
				double		lower = matrix[(size_t) i * d + j];
				double		upper = matrix[(size_t) j * d + i];
				double		deviation_j = sqrt(fabs(matrix[(size_t) j * d + j]));

				if (fabs(lower - upper) >
					SYMMETRY_TOLERANCE * deviation_i * deviation_j)
					ereturn(escontext, false,
							(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							 errmsg("covariance matrix %d is not symmetric",
									m + 1),
							 errdetail("Element [%d][%d] is %g, but element [%d][%d] is %g.",
									   i + 1, j + 1, lower,
									   j + 1, i + 1, upper)));
				*packed++ = lower;
			}
		}
	}
	return true;
}

/*
 * Bring covariances, or sums of the same shape, from scikit-learn's shapes
 * (full k x d x d, tied d x d, diag k x d, spherical k) into the engine's.
 * The result may be the array's own values.  Returns NULL after a soft error.
 */
double *
gmm_array_to_covariances(const GmmArray *array, MixtureCovarianceType type,
						 int k, int d, Node *escontext)
{
	int			dims[GMM_ARRAY_MAX_DIMS];
	int			n_dims = 0;
	int			n_matrices = type == MIXTURE_FULL ? k : 1;
	double	   *packed;

	if (type != MIXTURE_TIED)
		dims[n_dims++] = k;
	if (type != MIXTURE_SPHERICAL)
		dims[n_dims++] = d;
	if (type == MIXTURE_FULL || type == MIXTURE_TIED)
		dims[n_dims++] = d;
	if (!gmm_array_check_shape(array, dims, n_dims, covariance_shapes[type],
							   escontext))
		return NULL;
	if (type == MIXTURE_DIAG || type == MIXTURE_SPHERICAL)
		return unconstify(double *, array->values);

	/* Before half of the values is dropped */
	if (!check_finite(array->name, array->values, (size_t) n_matrices * d * d,
					  type == MIXTURE_FULL ? (size_t) d * d : 0, escontext))
		return NULL;
	packed = (double *) palloc(mixture_covariance_count(type, k, d) * sizeof(double));
	if (!pack_symmetric(array->values, n_matrices, d, packed, escontext))
		return NULL;
	return packed;
}

/*
 * Make a model from weights (k), means (k x d) and covariances in
 * scikit-learn's shapes (full k x d x d, tied d x d, diag k x d,
 * spherical k), validating everything.  Returns NULL after a soft error.
 */
GmmModel *
gmm_model_from_parts(MixtureCovarianceType type, const GmmArray *weights,
					 const GmmArray *means, const GmmArray *covariances,
					 const GmmFitInfo *info, Node *escontext)
{
	MixtureParameters parameters;
	int			k;
	int			d;

	if (!check_shapes(type, weights, means, &k, &d, escontext))
		return NULL;
	parameters.k = k;
	parameters.d = d;
	parameters.covariance_type = type;
	parameters.weights = unconstify(double *, weights->values);
	parameters.means = unconstify(double *, means->values);
	parameters.covariances = gmm_array_to_covariances(covariances, type, k, d,
													  escontext);
	if (parameters.covariances == NULL)
		return NULL;

	if (!gmm_model_check(&parameters, info, escontext))
		return NULL;
	return gmm_model_make(&parameters, info);
}

/* View a double precision[] as a GmmArray. */
static void
view_array(ArrayType *array, const char *name, GmmArray *view)
{
	size_t		offset;

	if (array_contains_nulls(array))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("\"%s\" must not contain NULL", name)));
	view->name = name;
	view->n_dims = ARR_NDIM(array);
	for (int i = 0; i < Min(view->n_dims, GMM_ARRAY_MAX_DIMS); i++)
		view->dims[i] = ARR_DIMS(array)[i];
	offset = ARR_HASNULL(array) ? (size_t) array->dataoffset :
		ARR_OVERHEAD_NONULLS(view->n_dims);
	view->values = (const double *) ((char *) array + offset);
}

/*
 * gmm_model(weights double precision[], means double precision[],
 * covariances double precision[], covariance_type text) returns gmm_model
 */
Datum
gmm_model_from_arrays(PG_FUNCTION_ARGS)
{
	char	   *type_name = text_to_cstring(PG_GETARG_TEXT_PP(3));
	MixtureCovarianceType type;
	GmmArray	weights;
	GmmArray	means;
	GmmArray	covariances;

	if (!gmm_covariance_type_parse(type_name, &type))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown covariance_type \"%s\"", type_name),
				 errhint(GMM_COVARIANCE_TYPES_HINT)));
	view_array(PG_GETARG_ARRAYTYPE_P(0), "weights", &weights);
	view_array(PG_GETARG_ARRAYTYPE_P(1), "means", &means);
	view_array(PG_GETARG_ARRAYTYPE_P(2), "covariances", &covariances);
	PG_RETURN_GMM_MODEL(gmm_model_from_parts(type, &weights, &means,
											 &covariances, NULL, NULL));
}
