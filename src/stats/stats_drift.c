/*
 * stats_drift.c
 *	  How far rows have moved from a model: gmm_drift and gmm_drift_components,
 *	  which read their statistics under it and not the rows.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"

#include "compat.h"
#include "host/engine_host.h"
#include "rows/features.h"
#include "rows/result_rows.h"
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
	baseline.varying = palloc(model->k * sizeof(int));
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

/* Whether the first row is that of noise. */
static bool
has_noise_row(const Comparison *comparison)
{
	return comparison->view.parameters.noise_box != NULL;
}

/* Prepare a call of gmm_drift_components, in a context that lasts for all its rows. */
static void *
begin_components(FunctionCallInfo fcinfo, FuncCallContext *call)
{
	Comparison *comparison = palloc(sizeof(Comparison));

	compare(fcinfo, comparison);
	call->max_calls = comparison->view.parameters.k + has_noise_row(comparison);
	return comparison;
}

/* Fill in the row of noise, which has a share of the rows and no place, or a component. */
static void
component_row(FuncCallContext *call, Datum *values, bool *nulls)
{
	const Comparison *comparison = (Comparison *) call->user_fctx;
	const MixtureParameters *parameters = &comparison->view.parameters;
	const MixtureStats *sums = &comparison->view.sums;
	int			c = (int) call->call_cntr - has_noise_row(comparison);
	const MixtureComponentDrift *drift;
	double	   *elements;

	memset(nulls, true, COMPONENT_COLUMNS * sizeof(bool));
	values[0] = Int32GetDatum(c + 1);
	nulls[0] = false;
	put_float8(values, nulls, 1, c < 0 ? *sums->noise_weight : sums->component_weights[c]);
	put_float8(values, nulls, 2, c < 0 ? parameters->noise_weight :
			   (1 - parameters->noise_weight) * parameters->weights[c]);
	if (comparison->components == NULL)
		return;
	if (c < 0)
	{
		put_float8(values, nulls, 3, *sums->noise_weight / *sums->sum_weights);
		return;
	}
	drift = &comparison->components[c];
	put_float8(values, nulls, 3, drift->share);
	put_float8(values, nulls, 4, drift->mean_shift);
	put_float8(values, nulls, 5, drift->spread_ratio);
	nulls[6] = isnan(drift->mean_shift);
	if (!nulls[6])
	{
		values[6] = PointerGetDatum(gmm_make_vector(parameters->d, &elements));
		memcpy(elements, comparison->moves + (size_t) c * parameters->d,
			   parameters->d * sizeof(double));
	}
	put_float8(values, nulls, 7, drift->p);
}

/*
 * gmm_drift_components(model gmm_model, stats gmm_stats) returns SETOF record
 *
 * What gmm_drift says of all rows, of each component's, after those of noise.
 */
Datum
gmm_drift_components(PG_FUNCTION_ARGS)
{
	return gmm_return_row(fcinfo, COMPONENT_COLUMNS, begin_components, component_row);
}
