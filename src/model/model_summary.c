/*
 * model_summary.c
 *	  Looking into a gmm_model: how it was fitted, which of its components are
 *	  suspect, and the criteria by which models of the same rows are compared.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "utils/builtins.h"

#include "compat.h"
#include "host/engine_host.h"
#include "model/model.h"
#include "model/model_fields.h"
#include "rows/result_rows.h"

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

/*
 * A criterion by which models of the same rows are compared; false where it is not known:
 * without a fit, or what needs an entropy without one.
 */
static bool
model_criterion(const GmmModel *model, MixtureCriterion criterion, double *value)
{
	MixtureParameters parameters;

	if (!(model->flags & GMM_MODEL_FITTED) ||
		(criterion == MIXTURE_ICL && isnan(model->fit.entropy)))
		return false;
	gmm_model_parameters(model, &parameters);
	*value = mixture_criterion(criterion, &parameters, model->fit.log_likelihood,
							   model->fit.sum_weights, model->fit.entropy);
	return true;
}

/*
 * The value of a column of gmm_summary() that is not a field of the fit; false
 * if there is none of this name.
 */
static bool
summary_column(const GmmModel *model, const char *name, Datum *value, bool *isnull)
{
	GmmFeatureNames names;
	MixtureCriterion criterion;

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
	else if (gmm_criterion_parse(name, &criterion))
	{
		double		number;

		*isnull = !model_criterion(model, criterion, &number);
		*value = *isnull ? (Datum) 0 : Float8GetDatum(number);
	}
	else
		return false;
	return true;
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

/* The criterion of argument 0, NULL where it is not known. */
static Datum
return_criterion(FunctionCallInfo fcinfo, MixtureCriterion criterion)
{
	double		value;

	if (!model_criterion(PG_GETARG_GMM_MODEL(0), criterion, &value))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(value);
}

/* gmm_bic(gmm_model) returns double precision */
Datum
gmm_bic(PG_FUNCTION_ARGS)
{
	return return_criterion(fcinfo, MIXTURE_BIC);
}

/* gmm_aic(gmm_model) returns double precision */
Datum
gmm_aic(PG_FUNCTION_ARGS)
{
	return return_criterion(fcinfo, MIXTURE_AIC);
}

/* gmm_icl(gmm_model) returns double precision */
Datum
gmm_icl(PG_FUNCTION_ARGS)
{
	return return_criterion(fcinfo, MIXTURE_ICL);
}
