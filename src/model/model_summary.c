/*
 * model_summary.c
 *	  Looking into a gmm_model: how it was fitted, which of its components are
 *	  suspect, and the criteria by which models of the same rows are compared.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "funcapi.h"
#include "utils/builtins.h"

#include "compat.h"
#include "host/engine_host.h"
#include "model/model.h"
#include "model/model_fields.h"

PG_FUNCTION_INFO_V1(gmm_summary);
PG_FUNCTION_INFO_V1(gmm_bic);
PG_FUNCTION_INFO_V1(gmm_aic);
PG_FUNCTION_INFO_V1(gmm_icl);

/*
 * Judge the model's components.  Returns how many its rows do not support;
 * suspicions, where not NULL, says which.
 */
int
gmm_model_judge(const GmmModel *model, MixtureSuspicion *suspicions)
{
	MixtureParameters parameters;

	gmm_model_parameters(model, &parameters);
	return mixture_judge(&parameters, model->flags & GMM_MODEL_FITTED ?
						 mixture_judged_rows(&model->fit) : NAN,
						 (model->flags & GMM_MODEL_FITTED) && !isnan(model->fit.reg_covar) ?
						 model->fit.reg_covar : GMM_DEFAULT_REG_COVAR,
						 suspicions, &gmm_host);
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
	GmmFeatureNames names;

	*isnull = false;
	if (strcmp(name, "k") == 0)
		*value = Int32GetDatum(model->k);
	else if (strcmp(name, "d") == 0)
		*value = Int32GetDatum(model->d);
	else if (strcmp(name, "feature_names") == 0)
	{
		gmm_model_names(model, &names);
		*isnull = names.n == 0;
		*value = PointerGetDatum(gmm_names_to_array(&names));
	}
	else if (strcmp(name, "covariance_type") == 0)
	{
		MixtureCovarianceType type = (MixtureCovarianceType) model->covariance_type;

		*value = CStringGetTextDatum(gmm_covariance_type_name(type));
	}
	else if (strcmp(name, "noise_weight") == 0)
	{
		MixtureParameters parameters;

		gmm_model_parameters(model, &parameters);
		*isnull = parameters.noise_box == NULL;
		*value = *isnull ? (Datum) 0 : Float8GetDatum(parameters.noise_weight);
	}
	else if (strcmp(name, "n_suspect") == 0)
		*value = Int32GetDatum(gmm_model_judge(model, NULL));
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

/*
 * The row type that a function is declared to return, which has so many columns;
 * 0: whatever it has.
 */
TupleDesc
gmm_result_descriptor(FunctionCallInfo fcinfo, int n_columns)
{
	TupleDesc	descriptor;

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE ||
		(n_columns > 0 && descriptor->natts != n_columns))
		elog(ERROR, "function %u must return a row of %d columns",
			 fcinfo->flinfo->fn_oid, n_columns);
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
	TupleDesc	descriptor = gmm_result_descriptor(fcinfo, 0);
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
