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

#include "access/htup_details.h"
#include "funcapi.h"

#include "compat.h"
#include "model/model.h"
#include "model/model_fields.h"

PG_FUNCTION_INFO_V1(gmm_trials);

/*
 * The value of a column that is not a field of a trial; false if there is none
 * of this name.
 */
static bool
trial_column(const GmmModel *model, const MixtureTrial *trial, const char *name,
				Datum *value)
{
	MixtureParameters shape;
	double		sum_weights = model->fit.sum_weights;

	/* the model's, noise and all, with another k and family */
	gmm_model_parameters(model, &shape);
	shape.k = trial->k;
	shape.covariance_type = trial->covariance_type;
	if (strcmp(name, "n_parameters") == 0)
		*value = Int64GetDatum(mixture_free_parameters(&shape));
	else if (strcmp(name, "bic") == 0)
		*value = Float8GetDatum(mixture_bic(&shape, trial->log_likelihood, sum_weights));
	else if (strcmp(name, "aic") == 0)
		*value = Float8GetDatum(mixture_aic(&shape, trial->log_likelihood));
	else if (strcmp(name, "icl") == 0)
		*value = Float8GetDatum(mixture_icl(&shape, trial->log_likelihood, sum_weights,
											trial->entropy));
	else if (strcmp(name, "chosen") == 0)
		*value = BoolGetDatum(trial->k == model->k &&
							  trial->covariance_type == model->covariance_type);
	else
		return false;
	return true;
}

/* Form the row of a trial. */
static Datum
trial_row(const GmmModel *model, const MixtureTrial *trial, TupleDesc descriptor)
{
	Datum	   *values = (Datum *) palloc(descriptor->natts * sizeof(Datum));
	bool	   *nulls = (bool *) palloc0(descriptor->natts * sizeof(bool));

	for (int i = 0; i < descriptor->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(descriptor, i);
		const char *name = NameStr(column->attname);

		if (!gmm_fields_column(&gmm_trial_fields, trial, name, column->atttypid,
							   &values[i], &nulls[i]) &&
			!trial_column(model, trial, name, &values[i]))
			elog(ERROR, "gmm_trials knows no column \"%s\"", name);
	}
	return HeapTupleGetDatum(heap_form_tuple(descriptor, values, nulls));
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
	FuncCallContext *call;
	GmmModel   *model;
	Datum		row;

	if (SRF_IS_FIRSTCALL())
	{
		MemoryContext caller;

		call = SRF_FIRSTCALL_INIT();
		caller = MemoryContextSwitchTo(call->multi_call_memory_ctx);
		call->tuple_desc = gmm_result_descriptor(fcinfo, 0);
		model = PG_GETARG_GMM_MODEL(0);
		call->user_fctx = model;
		call->max_calls = model->n_trials;
		MemoryContextSwitchTo(caller);
	}

	call = SRF_PERCALL_SETUP();
	if (call->call_cntr >= call->max_calls)
		SRF_RETURN_DONE(call);
	model = (GmmModel *) call->user_fctx;
	row = trial_row(model, gmm_model_trials(model) + call->call_cntr, call->tuple_desc);
	SRF_RETURN_NEXT(call, row);
}
