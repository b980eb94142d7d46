/*
 * model_summary.c
 *	  Looking into a gmm_model: its components, how it was fitted, and the
 *	  criteria by which models of the same rows are compared.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "host/engine_host.h"
#include "model/model.h"
#include "fit/fit_options.h"

/* Columns of the functions' results */
#define COMPONENTS_COLUMNS	7
#define SUMMARY_COLUMNS		16

PG_FUNCTION_INFO_V1(gmm_components);
PG_FUNCTION_INFO_V1(gmm_summary);
PG_FUNCTION_INFO_V1(gmm_bic);
PG_FUNCTION_INFO_V1(gmm_aic);
PG_FUNCTION_INFO_V1(gmm_icl);

/* What gmm_components() needs from call to call. */
typedef struct Components
{
	MixtureParameters parameters;
	double		sum_weights;	/* NaN if not known */
	MixtureSuspicion *suspicions;	/* k */
} Components;

static const char *const suspicion_names[] = {
	[MIXTURE_SOUND] = NULL,
	[MIXTURE_FEW_ROWS] = "few rows",
	[MIXTURE_COLLAPSED] = "collapsed"
};

/* The row type that a function is declared with, which must have n columns. */
static TupleDesc
result_descriptor(FunctionCallInfo fcinfo, const char *function, int n)
{
	TupleDesc	descriptor;

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE ||
		descriptor->natts != n)
		elog(ERROR, "%s must return %d columns", function, n);
	return BlessTupleDesc(descriptor);
}

/* The rows that a model was fitted with, by weight; NaN if it does not say. */
static double
model_rows(const GmmModel *model)
{
	if (!(model->flags & GMM_MODEL_FITTED))
		return NAN;

	/* weights may have been scaled to small numbers */
	return Max(model->sum_weights, (double) model->n_rows);
}

/* Judge the model's components; suspicions may be NULL.  Returns how many. */
static int
judge(const GmmModel *model, MixtureSuspicion *suspicions)
{
	MixtureParameters parameters;

	gmm_model_parameters(model, &parameters);
	return mixture_judge(&parameters, model_rows(model),
						 model->flags & GMM_MODEL_REG_COVAR ? model->reg_covar :
						 GMM_DEFAULT_REG_COVAR,
						 suspicions, &gmm_host);
}

/* How many of a model's components its rows do not support. */
int
gmm_model_n_suspect(const GmmModel *model)
{
	return judge(model, NULL);
}

/*
 * Make a double precision[] of n_dims dimensions, palloc'd, and let *values
 * point to its elements for the caller to set.
 */
static ArrayType *
make_float8_array(int n_dims, int *dims, double **values)
{
	size_t		offset = ARR_OVERHEAD_NONULLS(n_dims);
	size_t		size = offset +
		(size_t) ArrayGetNItems(n_dims, dims) * sizeof(double);
	ArrayType  *array = (ArrayType *) palloc0(size);

	SET_VARSIZE(array, size);
	array->ndim = n_dims;
	array->dataoffset = 0;
	array->elemtype = FLOAT8OID;
	for (int i = 0; i < n_dims; i++)
	{
		ARR_DIMS(array)[i] = dims[i];
		ARR_LBOUND(array)[i] = 1;
	}
	*values = (double *) ((char *) array + offset);
	return array;
}

/* Form the row of a component, counted from 0. */
static Datum
component_row(const Components *components, int component, TupleDesc descriptor)
{
	const MixtureParameters *parameters = &components->parameters;
	const char *suspicion = suspicion_names[components->suspicions[component]];
	int			d = parameters->d;
	int			dims[2] = {d, d};
	ArrayType  *mean;
	ArrayType  *covariance;
	double	   *elements;
	Datum		values[COMPONENTS_COLUMNS];
	bool		nulls[COMPONENTS_COLUMNS] = {false};

	mean = make_float8_array(1, dims, &elements);
	memcpy(elements, parameters->means + (size_t) component * d,
		   d * sizeof(double));
	covariance = make_float8_array(2, dims, &elements);
	mixture_component_covariance(parameters, component, elements);

	values[0] = Int32GetDatum(component + 1);
	values[1] = Float8GetDatum(parameters->weights[component]);
	values[2] = PointerGetDatum(mean);
	values[3] = PointerGetDatum(covariance);
	values[4] = Float8GetDatum(parameters->weights[component] *
							   components->sum_weights);
	nulls[4] = isnan(components->sum_weights);
	values[5] = Float8GetDatum(mixture_condition_number(parameters, component,
														&gmm_host));
	nulls[6] = suspicion == NULL;
	values[6] = nulls[6] ? (Datum) 0 : CStringGetTextDatum(suspicion);
	return HeapTupleGetDatum(heap_form_tuple(descriptor, values, nulls));
}

/*
 * gmm_components(gmm_model) returns table (component integer,
 * weight double precision, mean double precision[],
 * covariance double precision[], n_effective double precision,
 * condition_number double precision, suspect text)
 *
 * A covariance is a d x d matrix, whatever the family.  The rows are formed
 * one by one as they are asked for, since a large model's matrices written
 * out are many times its size.
 */
Datum
gmm_components(PG_FUNCTION_ARGS)
{
	FuncCallContext *call;
	Components *components;
	Datum		row;

	if (SRF_IS_FIRSTCALL())
	{
		MemoryContext caller;
		GmmModel   *model;

		call = SRF_FIRSTCALL_INIT();
		caller = MemoryContextSwitchTo(call->multi_call_memory_ctx);
		call->tuple_desc = result_descriptor(fcinfo, "gmm_components",
											 COMPONENTS_COLUMNS);
		model = PG_GETARG_GMM_MODEL(0);
		components = (Components *) palloc(sizeof(Components));
		gmm_model_parameters(model, &components->parameters);
		components->sum_weights = model->flags & GMM_MODEL_FITTED ?
			model->sum_weights : NAN;
		components->suspicions = (MixtureSuspicion *)
			palloc(model->k * sizeof(MixtureSuspicion));
		(void) judge(model, components->suspicions);
		call->user_fctx = components;
		call->max_calls = model->k;
		MemoryContextSwitchTo(caller);
	}

	call = SRF_PERCALL_SETUP();
	components = (Components *) call->user_fctx;
	if (call->call_cntr >= call->max_calls)
		SRF_RETURN_DONE(call);

	/* Not inside of SRF_RETURN_NEXT(), which counts the call first */
	row = component_row(components, (int) call->call_cntr, call->tuple_desc);
	SRF_RETURN_NEXT(call, row);
}

/* The Bayesian information criterion of a fitted model. */
static double
model_bic(const GmmModel *model)
{
	MixtureParameters parameters;

	gmm_model_parameters(model, &parameters);
	return mixture_bic(&parameters, model->log_likelihood, model->sum_weights);
}

/* The Akaike information criterion of a fitted model. */
static double
model_aic(const GmmModel *model)
{
	MixtureParameters parameters;

	gmm_model_parameters(model, &parameters);
	return mixture_aic(&parameters, model->log_likelihood);
}

/* The integrated completed likelihood of a model whose entropy is known. */
static double
model_icl(const GmmModel *model)
{
	MixtureParameters parameters;

	gmm_model_parameters(model, &parameters);
	return mixture_icl(&parameters, model->log_likelihood, model->sum_weights,
					   model->entropy);
}

/*
 * gmm_summary(gmm_model) returns record (k, d, covariance_type, n_rows,
 * sum_weights, log_likelihood, bic, aic, iterations, converged, n_starts,
 * n_best_starts, icl, n_incomplete, n_reseeded, n_suspect)
 *
 * All but the first three and the last are NULL for a model that knows of no
 * fit, and icl for one that does not say its entropy.
 */
Datum
gmm_summary(PG_FUNCTION_ARGS)
{
	GmmModel   *model = PG_GETARG_GMM_MODEL(0);
	bool		fitted = (model->flags & GMM_MODEL_FITTED) != 0;
	TupleDesc	descriptor = result_descriptor(fcinfo, "gmm_summary", SUMMARY_COLUMNS);
	Datum		values[SUMMARY_COLUMNS] = {0};
	bool		nulls[SUMMARY_COLUMNS];

	for (int i = 0; i < SUMMARY_COLUMNS; i++)
		nulls[i] = i >= 3 && !fitted;

	values[0] = Int32GetDatum(model->k);
	values[1] = Int32GetDatum(model->d);
	values[2] = CStringGetTextDatum(gmm_covariance_type_name((MixtureCovarianceType) model->covariance_type));
	if (fitted)
	{
		values[3] = Int64GetDatum(model->n_rows);
		values[4] = Float8GetDatum(model->sum_weights);
		values[5] = Float8GetDatum(model->log_likelihood);
		values[6] = Float8GetDatum(model_bic(model));
		values[7] = Float8GetDatum(model_aic(model));
		values[8] = Int32GetDatum(model->iterations);
		values[9] = BoolGetDatum((model->flags & GMM_MODEL_CONVERGED) != 0);
		values[10] = Int32GetDatum(model->n_starts);
		values[11] = Int32GetDatum(model->n_best_starts);
		nulls[12] = !(model->flags & GMM_MODEL_ENTROPY);
		values[12] = Float8GetDatum(model_icl(model));
		values[13] = Int64GetDatum(model->n_incomplete);
		values[14] = Int32GetDatum(model->n_reseeded);
	}
	nulls[15] = false;
	values[15] = Int32GetDatum(judge(model, NULL));
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(descriptor, values, nulls)));
}

/* gmm_bic(gmm_model) returns double precision, NULL without a fit */
Datum
gmm_bic(PG_FUNCTION_ARGS)
{
	GmmModel   *model = PG_GETARG_GMM_MODEL(0);

	if (!(model->flags & GMM_MODEL_FITTED))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(model_bic(model));
}

/* gmm_aic(gmm_model) returns double precision, NULL without a fit */
Datum
gmm_aic(PG_FUNCTION_ARGS)
{
	GmmModel   *model = PG_GETARG_GMM_MODEL(0);

	if (!(model->flags & GMM_MODEL_FITTED))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(model_aic(model));
}

/* gmm_icl(gmm_model) returns double precision, NULL without a fit */
Datum
gmm_icl(PG_FUNCTION_ARGS)
{
	GmmModel   *model = PG_GETARG_GMM_MODEL(0);

	if (!(model->flags & GMM_MODEL_ENTROPY))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(model_icl(model));
}
