/*
 * model_choice.c
 *	  The rows of gmm_trials(): what gmm_fit_best tried before it chose a model.
 *
 * A trial is kept as what a fit found out; the criteria follow from that, and
 * from what all trials have in common (the rows' weight, the dimensions), and
 * are computed when they are asked for.  Trials stand in the order of family
 * and k, each at most once, so the chosen one need not be marked: it is that
 * of the model's own family and k.
 */
#include "postgres.h"

#include "compat.h"
#include "model/model.h"
#include "model/model_fields.h"
#include "rows/result_rows.h"

PG_FUNCTION_INFO_V1(gmm_trials);

/* The model's shape, noise and all, with a trial's k and family. */
static void
trial_shape(const GmmModel *model, const MixtureTrial *trial, MixtureParameters *shape)
{
	gmm_model_parameters(model, shape);
	shape->k = trial->k;
	shape->covariance_type = trial->covariance_type;
}

/* A trial's value of a criterion; lower is better. */
double
gmm_trial_criterion(const GmmModel *model, const MixtureTrial *trial,
					MixtureCriterion criterion)
{
	MixtureParameters shape;

	trial_shape(model, trial, &shape);
	return mixture_criterion(criterion, &shape, trial->log_likelihood,
							 model->fit.sum_weights, trial->entropy);
}

/* Whether the model is what this trial came to. */
bool
gmm_trial_is_chosen(const GmmModel *model, const MixtureTrial *trial)
{
	return trial->k == model->k && trial->covariance_type == model->covariance_type;
}

/*
 * The value of a column that is not a field of a trial; false if there is none
 * of this name.
 */
static bool
trial_column(const GmmModel *model, const MixtureTrial *trial, const char *name,
				Datum *value)
{
	MixtureParameters shape;
	MixtureCriterion criterion;

	trial_shape(model, trial, &shape);
	if (strcmp(name, "n_parameters") == 0)
		*value = Int64GetDatum(mixture_free_parameters(&shape));
	else if (gmm_criterion_parse(name, &criterion))
		*value = Float8GetDatum(gmm_trial_criterion(model, trial, criterion));
	else if (strcmp(name, "chosen") == 0)
		*value = BoolGetDatum(gmm_trial_is_chosen(model, trial));
	else
		return false;
	return true;
}

/* Prepare a call, in a context that lasts for all its rows. */
static void *
begin_trials(FunctionCallInfo fcinfo, FuncCallContext *call)
{
	GmmModel   *model = PG_GETARG_GMM_MODEL(0);

	call->max_calls = model->n_trials;
	return model;
}

/* Fill in the row of a trial. */
static void
trial_row(FuncCallContext *call, Datum *values, bool *nulls)
{
	const GmmModel *model = (GmmModel *) call->user_fctx;
	const MixtureTrial *trial = gmm_model_trials(model) + call->call_cntr;

	for (int i = 0; i < call->tuple_desc->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(call->tuple_desc, i);
		const char *name = NameStr(column->attname);

		if (!gmm_fields_column(&gmm_trial_fields, trial, name, column->atttypid,
							   &values[i], &nulls[i]) &&
			!trial_column(model, trial, name, &values[i]))
			elog(ERROR, "gmm_trials knows no column \"%s\"", name);
	}
}

/*
 * gmm_trials(gmm_model) returns setof record
 *
 * The columns are those that the SQL declares, by their names: fields of a trial
 * (engine/fields.h), and what is computed.  No row for a model that was not
 * chosen among others.
 */
Datum
gmm_trials(PG_FUNCTION_ARGS)
{
	return gmm_return_row(fcinfo, 0, begin_trials, trial_row);
}
