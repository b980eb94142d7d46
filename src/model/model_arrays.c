/*
 * model_arrays.c
 *	  Models from arrays in the shapes that people use: scikit-learn's, and
 *	  one-dimensional mixtures without a bracket around every number.
 */
#include "postgres.h"

#include <math.h>

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "compat.h"
#include "model/model.h"

/*
 * A covariance computed as a matrix product elsewhere is symmetric up to
 * rounding, so elements may differ by this share of the geometric mean of
 * the two variances (a bound that does not depend on units).  Beyond that,
 * the two halves say different things and we cannot know which is meant.
 */
#define SYMMETRY_TOLERANCE		1e-8

PG_FUNCTION_INFO_V1(gmm_model_from_arrays);

/* The shape of covariances, as error messages put it. */
static const char *const covariance_shapes[MIXTURE_N_COVARIANCE_TYPES] = {
	"k x d x d", "d x d", "k x d", "k"
};

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
	if (mixture_has_matrix(type))
		dims[n_dims++] = d;
	if (!gmm_array_check_shape(array, dims, n_dims, covariance_shapes[type],
							   escontext))
		return NULL;
	if (!mixture_has_matrix(type))
		return unconstify(double *, array->values);

	/* Before half of the values is dropped */
	if (!gmm_check_finite(array->name, array->values, (size_t) n_matrices * d * d,
						  type == MIXTURE_FULL ? (size_t) d * d : 0, escontext))
		return NULL;
	packed = (double *) palloc(mixture_covariance_count(type, k, d) * sizeof(double));
	if (!pack_symmetric(array->values, n_matrices, d, packed, escontext))
		return NULL;
	return packed;
}

/* Let parameters have noise, whose box becomes one array. */
static bool
view_noise(const GmmNoise *noise, MixtureParameters *parameters, Node *escontext)
{
	int			d = parameters->d;
	double	   *box;

	if (!gmm_array_check_shape(&noise->least, &d, 1, "d", escontext) ||
		!gmm_array_check_shape(&noise->most, &d, 1, "d", escontext))
		return false;
	box = (double *) palloc(2 * (Size) d * sizeof(double));
	memcpy(box, noise->least.values, d * sizeof(double));
	memcpy(box + d, noise->most.values, d * sizeof(double));
	parameters->noise_weight = noise->weight;
	parameters->noise_box = box;
	return true;
}

/*
 * Make a model from weights (k), means (k x d) and covariances in
 * scikit-learn's shapes (full k x d x d, tied d x d, diag k x d,
 * spherical k), and noise (d least and most values) unless that is NULL,
 * validating everything; names and info as gmm_model_make() has them.  Returns
 * NULL after a soft error.
 */
GmmModel *
gmm_model_from_parts(MixtureCovarianceType type, const GmmArray *weights,
					 const GmmArray *means, const GmmArray *covariances,
					 const GmmNoise *noise, const GmmFeatureNames *names,
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
	mixture_clear_noise(&parameters);
	if (noise != NULL && !view_noise(noise, &parameters, escontext))
		return NULL;

	if (!gmm_model_check_names(names, d, escontext) ||
		!gmm_model_check(&parameters, info, escontext))
		return NULL;
	return gmm_model_make(&parameters, names, info);
}

/* View a double precision[] as a GmmArray. */
static void
view_array(ArrayType *array, const char *name, GmmArray *view)
{
	if (array_contains_nulls(array))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("\"%s\" must not contain NULL", name)));
	view->name = name;
	view->n_dims = ARR_NDIM(array);
	for (int i = 0; i < Min(view->n_dims, GMM_ARRAY_MAX_DIMS); i++)
		view->dims[i] = ARR_DIMS(array)[i];
	view->values = (const double *) ARR_DATA_PTR(array);
}

/*
 * gmm_model(weights double precision[], means double precision[],
 * covariances double precision[], covariance_type text, features text[])
 * returns gmm_model
 *
 * Strict but for the last argument: the names of features, if there are any.
 */
Datum
gmm_model_from_arrays(PG_FUNCTION_ARGS)
{
	char	   *type_name;
	MixtureCovarianceType type;
	GmmFeatureNames names = {0};
	GmmArray	weights;
	GmmArray	means;
	GmmArray	covariances;

	for (int i = 0; i < 4; i++)
		if (PG_ARGISNULL(i))
			PG_RETURN_NULL();
	type_name = text_to_cstring(PG_GETARG_TEXT_PP(3));
	if (!gmm_covariance_type_parse(type_name, &type))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown covariance_type \"%s\"", type_name),
				 errhint(GMM_COVARIANCE_TYPES_HINT)));
	view_array(PG_GETARG_ARRAYTYPE_P(0), "weights", &weights);
	view_array(PG_GETARG_ARRAYTYPE_P(1), "means", &means);
	view_array(PG_GETARG_ARRAYTYPE_P(2), "covariances", &covariances);
	if (!PG_ARGISNULL(4))
		gmm_names_from_array(PG_GETARG_ARRAYTYPE_P(4), &names);
	PG_RETURN_GMM_MODEL(gmm_model_from_parts(type, &weights, &means,
											 &covariances, NULL, &names, NULL, NULL));
}
