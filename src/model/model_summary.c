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

#include "compat.h"
#include "host/engine_host.h"
#include "model/model.h"
#include "model/model_fields.h"
#include "rows/features.h"

#define COMPONENTS_COLUMNS	7

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

/* The rows that a model was fitted with, by weight; NaN if it does not say. */
static double
model_rows(const GmmModel *model)
{
	if (!(model->flags & GMM_MODEL_FITTED))
		return NAN;

	/* weights may have been scaled to small numbers */
	return Max(model->fit.sum_weights, (double) model->fit.n_rows);
}

/* Judge the model's components; suspicions may be NULL.  Returns how many. */
static int
judge_model(const GmmModel *model, MixtureSuspicion *suspicions)
{
	MixtureParameters parameters;

	gmm_model_parameters(model, &parameters);
	return mixture_judge(&parameters, model_rows(model),
						 (model->flags & GMM_MODEL_FITTED) && !isnan(model->fit.reg_covar) ?
						 model->fit.reg_covar : GMM_DEFAULT_REG_COVAR,
						 suspicions, &gmm_host);
}

/* How many of a model's components its rows do not support. */
int
gmm_model_n_suspect(const GmmModel *model)
{
	return judge_model(model, NULL);
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

	mean = gmm_make_vector(d, &elements);
	memcpy(elements, parameters->means + (size_t) component * d,
		   d * sizeof(double));
	covariance = gmm_make_array(2, dims, &elements);
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
		call->tuple_desc = gmm_result_descriptor(fcinfo);
		if (call->tuple_desc->natts != COMPONENTS_COLUMNS)
			elog(ERROR, "gmm_components must return %d columns", COMPONENTS_COLUMNS);
		model = PG_GETARG_GMM_MODEL(0);
		components = (Components *) palloc(sizeof(Components));
		gmm_model_parameters(model, &components->parameters);
		components->sum_weights = model->flags & GMM_MODEL_FITTED ?
			model->fit.sum_weights : NAN;
		components->suspicions = (MixtureSuspicion *)
			palloc(model->k * sizeof(MixtureSuspicion));
		(void) judge_model(model, components->suspicions);
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
	return mixture_bic(&parameters, model->fit.log_likelihood, model->fit.sum_weights);
}

/* The Akaike information criterion of a fitted model. */
static double
model_aic(const GmmModel *model)
{
	MixtureParameters parameters;

	gmm_model_parameters(model, &parameters);
	return mixture_aic(&parameters, model->fit.log_likelihood);
}

/*
 * The integrated completed likelihood of a fitted model; NaN where its entropy
 * is not known.
 */
static double
model_icl(const GmmModel *model)
{
	MixtureParameters parameters;

	gmm_model_parameters(model, &parameters);
	return mixture_icl(&parameters, model->fit.log_likelihood, model->fit.sum_weights,
					   model->fit.entropy);
}

/*
 * The value of a column of gmm_summary() that is not a field of the fit; false
 * if there is none of this name.
 */
static bool
summary_column(const GmmModel *model, const char *name, Datum *value, bool *isnull)
{
	bool		fitted = (model->flags & GMM_MODEL_FITTED) != 0;

	*isnull = false;
	if (strcmp(name, "k") == 0)
		*value = Int32GetDatum(model->k);
	else if (strcmp(name, "d") == 0)
		*value = Int32GetDatum(model->d);
	else if (strcmp(name, "covariance_type") == 0)
		*value = CStringGetTextDatum(gmm_covariance_type_name((MixtureCovarianceType) model->covariance_type));
	else if (strcmp(name, "n_suspect") == 0)
		*value = Int32GetDatum(gmm_model_n_suspect(model));
	else if (strcmp(name, "bic") == 0)
	{
		*isnull = !fitted;
		*value = *isnull ? (Datum) 0 : Float8GetDatum(model_bic(model));
	}
	else if (strcmp(name, "aic") == 0)
	{
		*isnull = !fitted;
		*value = *isnull ? (Datum) 0 : Float8GetDatum(model_aic(model));
	}
	else if (strcmp(name, "icl") == 0)
	{
		*isnull = !fitted || isnan(model->fit.entropy);
		*value = *isnull ? (Datum) 0 : Float8GetDatum(model_icl(model));
	}
	else
		return false;
	return true;
}

/* The row type that a function is declared to return. */
TupleDesc
gmm_result_descriptor(FunctionCallInfo fcinfo)
{
	TupleDesc	descriptor;

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	return BlessTupleDesc(descriptor);
}

/*
 * gmm_summary(gmm_model) returns record
 *
 * The columns are those that the SQL declares, by their names: fields of the fit
 * (engine/fields.h), which are NULL without one, and what is computed.
 */
Datum
gmm_summary(PG_FUNCTION_ARGS)
{
	GmmModel   *model = PG_GETARG_GMM_MODEL(0);
	TupleDesc	descriptor = gmm_result_descriptor(fcinfo);
	Datum	   *values = (Datum *) palloc(descriptor->natts * sizeof(Datum));
	bool	   *nulls = (bool *) palloc(descriptor->natts * sizeof(bool));

	for (int i = 0; i < descriptor->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(descriptor, i);
		const char *name = NameStr(column->attname);

		if (gmm_fields_column(&gmm_fit_fields, &model->fit, name, column->atttypid,
							  &values[i], &nulls[i]))
			nulls[i] = nulls[i] || !(model->flags & GMM_MODEL_FITTED);
		else if (!summary_column(model, name, &values[i], &nulls[i]))
			elog(ERROR, "gmm_summary knows no column \"%s\"", name);
	}
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

/* gmm_icl(gmm_model) returns double precision, NULL where the entropy is not known */
Datum
gmm_icl(PG_FUNCTION_ARGS)
{
	GmmModel   *model = PG_GETARG_GMM_MODEL(0);

	if (!(model->flags & GMM_MODEL_FITTED) || isnan(model->fit.entropy))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(model_icl(model));
}
