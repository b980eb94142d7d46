/*
 * fit_prior.c
 *	  The options prior and fixed, which are more than a value: jsonb in, what the
 *	  engine takes out.
 *
 * prior is true (scaled by the rows), "model", or an object: of a conjugate prior
 * shrinkage, dof, mean and scale, or strength, of a prior that is the model.
 * fixed is the number of a component, the name of a part, or an array of these.
 *
 * What depends on the shape of the mixture is checked as soon as that is known:
 * gmm_options_bind().
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "utils/builtins.h"

#include "compat.h"
#include "fit/fit_options.h"
#include "fit/option_values.h"
#include "host/engine_host.h"

/* Weights far beyond any number of rows, whose products stay in range */
#define MOST_ROWS		1e15

#define PRIOR_VALUES	"true, false, model, or an object with shrinkage, dof, mean and scale, or with strength"
#define FIXED_VALUES	"weights, means, covariances, the number of a component, or an array of these"

/* --- prior -------------------------------------------------------------------- */

pg_noreturn static void
refuse_key(const char *key, const char *problem)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("\"%s\" of option \"prior\" %s", key, problem)));
	pg_unreachable();
}

static double
number_of(const char *key, const JsonbValue *value)
{
	double		number;

	if (value->type != jbvNumeric)
		refuse_key(key, "must consist of numbers");
	number = gmm_option_double(value);
	if (!isfinite(number))
		refuse_key(key, "is out of range for type double precision");
	return number;
}

/* A number of rows, or of what is counted like them. */
static double
count_of(const char *key, const JsonbValue *value, bool zero)
{
	double		number;

	if (value->type != jbvNumeric)
		refuse_key(key, "must be a number");
	number = number_of(key, value);
	if (!(number > 0 || (zero && number == 0)) || number > MOST_ROWS)
		refuse_key(key, zero ? "must be a number from 0 to 1e15" :
				   "must be a number above 0 and up to 1e15");
	return number;
}

/* A number, an array of numbers or a matrix; its values in CurrentMemoryContext. */
static void
read_array(const char *key, JsonbValue *value, GmmArray *array)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	item;
	double	   *values;
	int			size = 16;
	int			n = 0;
	int			depth = 0;
	int			in_row = 0;

	*array = (GmmArray) {.name = key, .n_dims = 1, .dims = {1, 0, 0}};
	array->values = values = palloc(size * sizeof(double));
	if (value->type != jbvBinary)
	{
		values[0] = number_of(key, value);
		return;
	}
	array->dims[0] = 0;
	iterator = JsonbIteratorInit(value->val.binary.data);
	while ((token = JsonbIteratorNext(&iterator, &item, false)) != WJB_DONE)
	{
		if (token == WJB_BEGIN_ARRAY && ++depth == 2)
		{
			if (n > 0 && array->n_dims == 1)
				refuse_key(key, "must be an array of numbers, or of such arrays");
			array->n_dims = 2;
			in_row = 0;
		}
		else if (token == WJB_END_ARRAY && depth-- == 2)
		{
			if (array->dims[0]++ > 0 && array->dims[1] != in_row)
				refuse_key(key, "has rows of different length");
			array->dims[1] = in_row;
		}
		else if (token == WJB_ELEM)
		{
			if (depth != array->n_dims)
				refuse_key(key, "must be an array of numbers, or of such arrays");
			if (n == size)
				array->values = values = repalloc_huge(values, sizeof(double) * (size *= 2));
			values[n++] = number_of(key, &item);
			in_row++;
			array->dims[0] += depth == 1;
		}
		else if (depth > 2 || token == WJB_BEGIN_OBJECT)
			refuse_key(key, "must be an array of numbers, or of such arrays");
	}
	if (n == 0)
		refuse_key(key, "must not be empty");
}

/* The mean of a prior, which is no farther out than rows may be. */
static void
read_mean(GmmOptions *options, JsonbValue *value)
{
	GmmArray   *mean = &options->prior_mean;
	int			n;

	read_array("mean", value, mean);
	n = mean->dims[0] * (mean->n_dims == 2 ? mean->dims[1] : 1);
	for (int i = 0; i < n; i++)
		if (fabs(mean->values[i]) > MIXTURE_MAX_FEATURE)
			refuse_key("mean", "must consist of numbers from -1e100 to 1e100");
}

static void
set_prior_key(void *target, const JsonbValue *key, JsonbValue *value)
{
	GmmOptions *options = (GmmOptions *) target;
	MixturePriorOptions *prior = &options->prior;

	if (gmm_option_is(key, "shrinkage"))
		prior->shrinkage = count_of("shrinkage", value, true);
	else if (gmm_option_is(key, "dof"))
		prior->dof = count_of("dof", value, false);
	else if (gmm_option_is(key, "strength"))
		prior->strength = count_of("strength", value, false);
	else if (gmm_option_is(key, "mean"))
		read_mean(options, value);
	else if (gmm_option_is(key, "scale"))
		read_array("scale", value, &options->prior_scale);
	else
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"prior\" has no key \"%s\"", gmm_option_quote(key)),
				 errdetail("Its keys are shrinkage, dof, mean and scale, or strength.")));
}

/* The keys of a prior that is an object; parts that do not go together. */
static void
read_prior(GmmOptions *options, const JsonbValue *object)
{
	MixturePriorOptions *prior = &options->prior;

	gmm_options_read_keys(object->val.binary.data, set_prior_key, options);
	prior->from_model = !isnan(prior->strength);
	if (prior->from_model && (!isnan(prior->shrinkage) || !isnan(prior->dof) ||
							  options->prior_mean.n_dims > 0 || options->prior_scale.n_dims > 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"strength\" of option \"prior\" cannot be given with its other keys"),
				 errdetail("A prior with \"strength\" is the model itself.")));
	if (options->prior_mean.n_dims > 0 && prior->shrinkage == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"mean\" of option \"prior\" has no effect with a \"shrinkage\" of 0")));
}

/* The option prior. */
void
gmm_option_set_prior(GmmOptions *options, const char *name, const JsonbValue *value)
{
	bool		object = value->type == jbvBinary && JsonContainerIsObject(value->val.binary.data);

	options->prior = (MixturePriorOptions) {
		.strength = NAN,.shrinkage = NAN,.dof = NAN,.from_model = gmm_option_is(value, "model")
	};
	if (object)
		read_prior(options, value);
	else if (value->type != jbvBool && !options->prior.from_model)
		gmm_option_refuse(name, PRIOR_VALUES, value);
	if (value->type == jbvBool && !value->val.boolean)
		options->given &= ~GMM_OPTION_PRIOR;
}

/* --- fixed -------------------------------------------------------------------- */

/* One part: a name, or the number of a component. */
static void
add_fixed(GmmOptions *options, const char *name, const JsonbValue *value)
{
	if (gmm_option_is(value, "weights"))
		options->fixed.weights = true;
	else if (gmm_option_is(value, "means"))
		options->fixed.means = true;
	else if (gmm_option_is(value, "covariances"))
		options->fixed.covariances = true;
	else if (value->type == jbvNumeric)
	{
		double		number = gmm_option_double(value);

		if (!(number >= 1 && number <= MIXTURE_MAX_COMPONENTS && number == floor(number)))
			gmm_option_refuse(name, FIXED_VALUES, value);
		options->fixed_components = options->n_fixed_components == 0 ? palloc(sizeof(int)) :
			repalloc(options->fixed_components,
					 sizeof(int) * (options->n_fixed_components + 1));
		options->fixed_components[options->n_fixed_components++] = (int) number;
	}
	else
		gmm_option_refuse(name, FIXED_VALUES, value);
}

/* The option fixed. */
void
gmm_option_set_fixed(GmmOptions *options, const char *name, const JsonbValue *value)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	item;

	if (value->type != jbvBinary)
	{
		add_fixed(options, name, value);
		return;
	}
	if (!JsonContainerIsArray(value->val.binary.data))
		gmm_option_refuse(name, FIXED_VALUES, value);
	iterator = JsonbIteratorInit(value->val.binary.data);
	while ((token = JsonbIteratorNext(&iterator, &item, true)) != WJB_DONE)
		if (token == WJB_ELEM)
			add_fixed(options, name, &item);
}

/* --- the shape ----------------------------------------------------------------- */

/* A copy of an array's values in another context, as of all of them. */
static void
keep_array(GmmArray *array, MemoryContext context)
{
	size_t		n = array->dims[0];

	if (array->n_dims == 0)
		return;
	if (array->n_dims == 2)
		n *= array->dims[1];
	array->values = memcpy(MemoryContextAllocHuge(context, n * sizeof(double)), array->values,
						   n * sizeof(double));
}

/* Copy what options point to into a context where it is to stay. */
void
gmm_options_keep(GmmOptions *options, MemoryContext context)
{
	keep_array(&options->prior_mean, context);
	keep_array(&options->prior_scale, context);
	if (options->n_fixed_components > 0)
	{
		Size		size = sizeof(int) * options->n_fixed_components;

		options->fixed_components = memcpy(MemoryContextAlloc(context, size),
										   options->fixed_components, size);
	}
}

/* The scale of a prior in the engine's form, which must be a covariance. */
static const double *
bind_scale(const GmmArray *array, MixtureCovarianceType type, int d)
{
	bool		matrix = mixture_has_matrix(type);
	const int	dims[1] = {type == MIXTURE_DIAG ? d : 1};
	double		nothing[2] = {1, 0};
	MixtureParameters parameters = {1, d, type, nothing, nothing, NULL, 0, NULL};
	MixtureError error;

	if (matrix)
		parameters.covariances = gmm_array_to_covariances(array, MIXTURE_TIED, 1, d, NULL);
	else
	{
		(void) gmm_array_check_shape(array, dims, 1, type == MIXTURE_DIAG ? "d" : "1", NULL);
		parameters.covariances = unconstify(double *, array->values);
	}
	if (!mixture_covariances_valid(&parameters, &gmm_host, &error))
		refuse_key("scale", matrix ? "is not positive definite" : "must be above 0");
	return parameters.covariances;
}

/* The prior, where the shape is known. */
static void
bind_prior(GmmOptions *options, MixtureCovarianceType type, int d)
{
	MixturePriorOptions *prior = &options->prior;

	if (options->prior_mean.n_dims > 0)
	{
		(void) gmm_array_check_shape(&options->prior_mean, &d, 1, "d", NULL);
		prior->mean = options->prior_mean.values;
	}
	if (options->prior_scale.n_dims > 0)
	{
		if (options->auto_covariance_type)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("\"scale\" of option \"prior\" cannot be given with a \"covariance_type\" of \"auto\""),
					 errhint("The scale of each family has another shape. Leave \"scale\" out, or name a family.")));
		prior->scale = bind_scale(&options->prior_scale, type, d);
	}
	if (prior->dof <= d - 1 && (mixture_has_matrix(type) || options->auto_covariance_type))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"dof\" of option \"prior\" must be above %d for %d features", d - 1, d)));
	options->mixture.prior = prior;
}

/* What is fixed, where the shape is known. */
static void
bind_fixed(GmmOptions *options, MixtureCovarianceType type, int k)
{
	bool	   *components;

	options->mixture.fixed = &options->fixed;
	if (options->n_fixed_components == 0)
		return;
	if (type == MIXTURE_TIED && !options->fixed.covariances)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"fixed\" cannot name a component of a tied model without \"covariances\", as all components share one"),
				 errhint("Fix the covariance, too, as in gmm_options(fixed => '{%d,covariances}').",
						 options->fixed_components[0])));
	components = palloc0(k * sizeof(bool));
	for (int i = 0; i < options->n_fixed_components; i++)
	{
		if (options->fixed_components[i] > k)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("option \"fixed\" names component %d, but the model has %d",
							options->fixed_components[i], k)));
		components[options->fixed_components[i] - 1] = true;
	}
	options->fixed.components = components;
}

/*
 * Let the engine have what the options prior and fixed say, now that family, k and
 * d are known.  The options must stay where they are; what is allocated is in
 * CurrentMemoryContext.
 */
void
gmm_options_bind(GmmOptions *options, MixtureCovarianceType type, int k, int d)
{
	if (options->given & GMM_OPTION_PRIOR)
		bind_prior(options, type, d);
	if (options->given & GMM_OPTION_FIXED)
		bind_fixed(options, type, k);
}
