/*
 * stats_drift.c
 *	  How far rows have moved from a model: gmm_drift and gmm_drift_components,
 *	  which read their statistics under it and not the rows.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "funcapi.h"
#include "miscadmin.h"

#include "compat.h"
#include "host/engine_host.h"
#include "rows/features.h"
#include "stats/stats.h"

/* Columns of the results */
#define DRIFT_COLUMNS		11
#define COMPONENT_COLUMNS	8

PG_FUNCTION_INFO_V1(gmm_drift);
PG_FUNCTION_INFO_V1(gmm_drift_components);

/* What a comparison finds, in CurrentMemoryContext. */
typedef struct Comparison
{
	GmmStatsView view;
	MixtureDrift drift;
	MixtureComponentDrift *components;	/* k, or NULL without weight */
	double	   *moves;			/* k x d */
} Comparison;

/* Refuse statistics that were not made under the model. */
static void
check_own_statistics(const GmmStatsView *view, const GmmModel *model)
{
	GmmStatsView own = {0};

	gmm_model_parameters(model, &own.parameters);
	gmm_model_names(model, &own.names);
	if (view->parameters.k != model->k || view->parameters.d != model->d ||
		view->parameters.covariance_type != own.parameters.covariance_type ||
		!gmm_stats_same_model(view, &own))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the statistics were made under another model"),
				 errhint("Make them with gmm_accumulate(features, model) and this model; gmm_compare compares models.")));
}

/*
 * Refuse statistics in which rows have labels: their likelihood is another, and which
 * rows have one is no chance.
 */
static void
check_no_labels(const GmmStatsView *view)
{
	if (view->n_labelled > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("statistics of rows with labels cannot show a drift"),
				 errhint("Make them with gmm_accumulate(features, model), which takes no labels.")));
}

/* Compare the statistics of the second argument with the model of the first. */
static void
compare(FunctionCallInfo fcinfo, Comparison *comparison)
{
	const GmmModel *model = PG_GETARG_GMM_MODEL(0);
	GmmStatsView *view = &comparison->view;
	MixtureBaseline baseline;
	MixtureError error = {0};
	MixtureStatus status;

	gmm_stats_view(PG_GETARG_DATUM(1), view);
	check_own_statistics(view, model);
	check_no_labels(view);
	comparison->components = NULL;
	if (!(*view->sums.sum_weights > 0))
		return;
	comparison->components = palloc(model->k * sizeof(MixtureComponentDrift));
	comparison->moves = palloc_extended((size_t) model->k * model->d * sizeof(double),
										MCXT_ALLOC_HUGE);
	status = mixture_baseline(&view->parameters,
							  model->flags & GMM_MODEL_FITTED ? &model->fit : NULL,
							  &baseline, &gmm_host, &error);
	if (status == MIXTURE_OK)
		status = mixture_drift(&view->parameters, &view->sums, &baseline, &comparison->drift,
							   comparison->components, comparison->moves, &gmm_host, &error);
	if (status != MIXTURE_OK)
		gmm_report_status(status, model->k, NULL, &error);
}

/* A column, which is NULL where a number is not known. */
static void
put_float8(Datum *values, bool *nulls, int column, double value)
{
	nulls[column] = isnan(value);
	values[column] = nulls[column] ? (Datum) 0 : Float8GetDatum(value);
}

/*
 * gmm_drift(model gmm_model, stats gmm_stats) returns record
 *
 * Without weight there is nothing to compare, and all but the first two columns
 * are NULL.
 */
Datum
gmm_drift(PG_FUNCTION_ARGS)
{
	TupleDesc	descriptor = gmm_result_descriptor(fcinfo, DRIFT_COLUMNS);
	Comparison	comparison;
	const MixtureDrift *drift = &comparison.drift;
	Datum		values[DRIFT_COLUMNS] = {0};
	bool		nulls[DRIFT_COLUMNS];

	compare(fcinfo, &comparison);
	memset(nulls, true, sizeof(nulls));
	values[0] = Int64GetDatum(comparison.view.n_rows);
	nulls[0] = false;
	put_float8(values, nulls, 1, *comparison.view.sums.sum_weights);
	if (comparison.components != NULL)
	{
		put_float8(values, nulls, 2, drift->likelihood_shift);
		put_float8(values, nulls, 3, drift->likelihood_error);
		put_float8(values, nulls, 4, drift->share_psi);
		put_float8(values, nulls, 5, drift->mean_shift);
		put_float8(values, nulls, 6, drift->spread_ratio);
		put_float8(values, nulls, 7, drift->likelihood_p);
		put_float8(values, nulls, 8, drift->share_p);
		put_float8(values, nulls, 9, drift->mean_p);
		put_float8(values, nulls, 10, drift->p);
	}
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(descriptor, values, nulls)));
}

/* Form the row of noise, which has a share of the rows and no place. */
static Datum
noise_row(const Comparison *comparison, TupleDesc descriptor)
{
	const MixtureStats *sums = &comparison->view.sums;
	Datum		values[COMPONENT_COLUMNS] = {0};
	bool		nulls[COMPONENT_COLUMNS];

	memset(nulls, true, sizeof(nulls));
	values[0] = Int32GetDatum(0);
	nulls[0] = false;
	put_float8(values, nulls, 1, *sums->noise_weight);
	put_float8(values, nulls, 2, comparison->view.parameters.noise_weight);
	if (comparison->components != NULL)
		put_float8(values, nulls, 3, *sums->noise_weight / *sums->sum_weights);
	return HeapTupleGetDatum(heap_form_tuple(descriptor, values, nulls));
}

/* Form the row of a component, counted from 0. */
static Datum
component_row(const Comparison *comparison, int component, TupleDesc descriptor)
{
	const MixtureParameters *parameters = &comparison->view.parameters;
	const MixtureComponentDrift *drift;
	int			d = parameters->d;
	Datum		values[COMPONENT_COLUMNS] = {0};
	bool		nulls[COMPONENT_COLUMNS];
	double	   *elements;

	memset(nulls, true, sizeof(nulls));
	values[0] = Int32GetDatum(component + 1);
	nulls[0] = false;
	put_float8(values, nulls, 1, comparison->view.sums.component_weights[component]);
	put_float8(values, nulls, 2, (1 - parameters->noise_weight) * parameters->weights[component]);
	if (comparison->components != NULL)
	{
		drift = &comparison->components[component];
		put_float8(values, nulls, 3, drift->share);
		put_float8(values, nulls, 4, drift->mean_shift);
		put_float8(values, nulls, 5, drift->spread_ratio);
		nulls[6] = isnan(drift->mean_shift);
		if (!nulls[6])
		{
			values[6] = PointerGetDatum(gmm_make_vector(d, &elements));
			memcpy(elements, comparison->moves + (size_t) component * d, d * sizeof(double));
		}
		put_float8(values, nulls, 7, drift->p);
	}
	return HeapTupleGetDatum(heap_form_tuple(descriptor, values, nulls));
}

/*
 * gmm_drift_components(model gmm_model, stats gmm_stats) returns SETOF record
 *
 * What gmm_drift says of all rows, of each component's, after those of noise.
 */
Datum
gmm_drift_components(PG_FUNCTION_ARGS)
{
	FuncCallContext *call;
	Comparison *comparison;
	int			component;
	Datum		row;

	if (SRF_IS_FIRSTCALL())
	{
		MemoryContext caller;

		call = SRF_FIRSTCALL_INIT();
		caller = MemoryContextSwitchTo(call->multi_call_memory_ctx);
		call->tuple_desc = gmm_result_descriptor(fcinfo, COMPONENT_COLUMNS);
		comparison = palloc(sizeof(Comparison));
		compare(fcinfo, comparison);
		call->user_fctx = comparison;
		call->max_calls = comparison->view.parameters.k +
			(comparison->view.parameters.noise_box != NULL);
		MemoryContextSwitchTo(caller);
	}

	call = SRF_PERCALL_SETUP();
	if (call->call_cntr >= call->max_calls)
		SRF_RETURN_DONE(call);
	CHECK_FOR_INTERRUPTS();
	comparison = call->user_fctx;
	component = (int) call->call_cntr - (comparison->view.parameters.noise_box != NULL);
	row = component < 0 ? noise_row(comparison, call->tuple_desc) :
		component_row(comparison, component, call->tuple_desc);
	SRF_RETURN_NEXT(call, row);
}
