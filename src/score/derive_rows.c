/*
 * derive_rows.c
 *	  Models and rows made from a model: gmm_marginal, gmm_condition,
 *	  gmm_impute, gmm_sample.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/supportnodes.h"
#include "optimizer/optimizer.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "compat.h"
#include "rows/array_arguments.h"
#include "rows/features.h"
#include "rows/result_rows.h"
#include "host/engine_host.h"
#include "model/model.h"
#include "score/scorer.h"

/* Columns of gmm_sample */
#define SAMPLE_COLUMNS	2

PG_FUNCTION_INFO_V1(gmm_marginal);
PG_FUNCTION_INFO_V1(gmm_condition);
PG_FUNCTION_INFO_V1(gmm_impute);
PG_FUNCTION_INFO_V1(gmm_sample);
PG_FUNCTION_INFO_V1(gmm_sample_support);
PG_FUNCTION_INFO_V1(gmm_top_support);

/*
 * gmm_marginal(model gmm_model, dims integer[]) -> gmm_model
 *
 * The mixture of some dimensions, in the order in which they are named.
 * Components keep their numbers; how the model was fitted is not its own.
 */
Datum
gmm_marginal(PG_FUNCTION_ARGS)
{
	GmmModel   *model = PG_GETARG_GMM_MODEL(0);
	int		   *dims = palloc(model->d * sizeof(int));
	int			n_dims = gmm_dimension_array(PG_GETARG_ARRAYTYPE_P(1), model->d, model->d, dims);
	MixtureParameters parameters;
	MixtureParameters marginal;
	GmmFeatureNames names;
	GmmFeatureNames marginal_names;

	gmm_model_parameters(model, &parameters);
	gmm_model_names(model, &names);
	gmm_names_select(&names, dims, n_dims, &marginal_names);
	mixture_allocate_parameters(&marginal, parameters.covariance_type,
								parameters.k, n_dims, &gmm_host);
	mixture_marginal(&parameters, dims, &marginal, &gmm_host);
	mixture_mend(&marginal, &gmm_host);
	PG_RETURN_GMM_MODEL(gmm_model_make(&marginal, &marginal_names, NULL));
}

/*
 * Refuse a row so far out that a conditional mean overflows.  value is that of
 * the missing dimension number i, counted from 0.
 */
static void
check_conditional_mean(double value, const GmmScorer *scorer, int i)
{
	if (!isfinite(value))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("the conditional mean of element %s is out of range for type double precision",
						gmm_names_element(&scorer->names, scorer->order[scorer->n_observed + i])),
				 errdetail("The other elements of features are too far from the model.")));
}

/* The same mixture, not as the result of a fit. */
static GmmModel *
without_fit(const GmmModel *model)
{
	MixtureParameters parameters;
	GmmFeatureNames names;

	gmm_model_parameters(model, &parameters);
	gmm_model_names(model, &names);
	return gmm_model_make(&parameters, &names, NULL);
}

/*
 * gmm_condition(model gmm_model, features double precision[]) -> gmm_model
 *
 * The mixture of the dimensions that are NULL, given the values of the others.
 * It knows of no fit, even where nothing is given.
 */
Datum
gmm_condition(PG_FUNCTION_ARGS)
{
	GmmFeatures features;
	double	   *work;
	const GmmScorer *scorer = gmm_scorer_get_pattern(fcinfo, &features, &work);
	int			n_missing = scorer->d - scorer->n_observed;
	const MixtureConditional *conditional;
	MixtureParameters result;
	GmmFeatureNames missing_names;
	double	   *shares;
	double		noise;

	if (n_missing == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("features have no NULL element"),
				 errdetail("The result is the mixture of the dimensions that are NULL, given the others."),
				 errhint("Write NULL for the dimensions that are to be predicted.")));
	if (scorer->n_observed == 0)
	{
		gmm_features_release(&features);
		PG_RETURN_GMM_MODEL(without_fit(PG_GETARG_GMM_MODEL(0)));
	}

	conditional = gmm_scorer_conditional(fcinfo, scorer);
	shares = palloc((scorer->k + (size_t) scorer->d) * sizeof(double));
	mixture_row_shares(scorer->prepared, features.values, work, shares, &noise);
	mixture_allocate_parameters(&result, scorer->covariance_type, scorer->k,
								n_missing, &gmm_host);
	mixture_condition(conditional, features.values, shares, noise, &result,
					  shares + scorer->k);
	for (size_t i = 0; i < (size_t) scorer->k * n_missing; i++)
		check_conditional_mean(result.means[i], scorer, i % n_missing);
	gmm_names_select(&scorer->names, scorer->order + scorer->n_observed, n_missing, &missing_names);
	gmm_features_release(&features);
	PG_RETURN_GMM_MODEL(gmm_model_make(&result, &missing_names, NULL));
}

/*
 * gmm_impute(model gmm_model, features double precision[])
 *		-> double precision[]
 *
 * The row with its NULL elements replaced by their expectation given the
 * others; a row without is returned as it is.
 */
Datum
gmm_impute(PG_FUNCTION_ARGS)
{
	GmmFeatures features;
	double	   *work;
	const double *filled;
	const GmmScorer *scorer = gmm_scorer_get_filled(fcinfo, &features, &work, &filled);
	int			n_missing = scorer->d - scorer->n_observed;
	double	   *shares;
	double		noise;
	double	   *missing;
	double	   *elements;
	ArrayType  *result;

	if (n_missing == 0)
	{
		gmm_features_release(&features);
		PG_RETURN_DATUM(PG_GETARG_DATUM(1));
	}

	result = gmm_make_vector(scorer->d, &elements);
	shares = palloc((scorer->k + (size_t) n_missing + scorer->d) * sizeof(double));
	missing = shares + scorer->k;
	mixture_row_shares(scorer->prepared, features.values, work, shares, &noise);
	if (filled != NULL)
		mixture_incomplete_impute(scorer->incomplete, scorer->order, filled, shares, noise,
								  missing);
	else
		mixture_impute(gmm_scorer_conditional(fcinfo, scorer), features.values, shares, noise,
					   missing, missing + n_missing);

	for (int i = 0; i < scorer->n_observed; i++)
		elements[scorer->order[i]] = features.values[i];
	for (int i = 0; i < n_missing; i++)
	{
		check_conditional_mean(missing[i], scorer, i);
		elements[scorer->order[scorer->n_observed + i]] = missing[i];
	}
	pfree(shares);
	gmm_features_release(&features);
	PG_RETURN_ARRAYTYPE_P(result);
}

/* What a call of gmm_sample keeps between its rows. */
typedef struct SampleState
{
	MixtureDrawing *drawing;
	int			d;
	uint64		seed;
} SampleState;

/* Prepare a call of gmm_sample, in a context that lasts for all its rows. */
static void *
begin_sample(FunctionCallInfo fcinfo, FuncCallContext *call)
{
	GmmModel   *model = PG_GETARG_GMM_MODEL(0);
	int64		n = PG_GETARG_INT64(1);
	SampleState *state = palloc(sizeof(SampleState));
	MixtureParameters parameters;
	MixtureError error = {0};

	if (n < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("n must not be negative")));
	gmm_model_parameters(model, &parameters);
	state->drawing = mixture_drawing_create(&parameters, &gmm_host, &error);
	if (state->drawing == NULL)
		gmm_report_status(MIXTURE_NOT_POSITIVE_DEFINITE, model->k, NULL, &error);
	state->d = model->d;
	state->seed = (uint64) PG_GETARG_INT64(2);
	call->max_calls = n;
	return state;
}

/* Draw a row. */
static void
sample_row(FuncCallContext *call, Datum *values, bool *nulls)
{
	SampleState *state = call->user_fctx;
	double	   *features;
	ArrayType  *array = gmm_make_vector(state->d, &features);

	(void) nulls;
	values[0] = Int32GetDatum(mixture_draw_row(state->drawing, state->seed,
											   (int64) call->call_cntr, features) + 1);
	values[1] = PointerGetDatum(array);
}

/*
 * gmm_sample(model gmm_model, n bigint, seed bigint)
 *		-> rows (component integer, features double precision[])
 *
 * n rows drawn from the mixture, one at a time as they are asked for; those of
 * component 0 are noise.
 */
Datum
gmm_sample(PG_FUNCTION_ARGS)
{
	return gmm_return_row(fcinfo, SAMPLE_COLUMNS, begin_sample, sample_row);
}

/*
 * Set what a function returns that takes the number of rows as its first
 * argument of type bigint; false where that is not known before it runs.
 */
static bool
estimate_argument(SupportRequestRows *request)
{
	ListCell   *cell;

	foreach(cell, ((FuncExpr *) request->node)->args)
	{
		Node	   *value;
		Const	   *number;

		if (exprType(lfirst(cell)) != INT8OID)
			continue;
		value = estimate_expression_value(request->root, lfirst(cell));
		if (!IsA(value, Const))
			break;
		number = (Const *) value;
		request->rows = number->constisnull ? 0 :
			Max(DatumGetInt64(number->constvalue), 0);
		return true;
	}
	return false;
}

/* How many components the first argument may have. */
static double
most_components(const SupportRequestRows *request)
{
	Node	   *model = estimate_expression_value(request->root,
												  linitial(((FuncExpr *) request->node)->args));

	if (!IsA(model, Const))
		return MIXTURE_MAX_COMPONENTS;
	if (((Const *) model)->constisnull)
		return 0;
	return DatumGetGmmModel(((Const *) model)->constvalue)->k;
}

/*
 * gmm_sample_support(internal) -> internal
 *
 * Tells the planner how many rows gmm_sample returns.
 */
Datum
gmm_sample_support(PG_FUNCTION_ARGS)
{
	SupportRequestRows *request = (SupportRequestRows *) PG_GETARG_POINTER(0);

	if (!IsA(request, SupportRequestRows) || !is_funcclause(request->node) ||
		!estimate_argument(request))
		PG_RETURN_POINTER(NULL);
	PG_RETURN_POINTER(request);
}

/*
 * gmm_top_support(internal) -> internal
 *
 * Tells the planner how many rows gmm_top returns at most: as many as it is
 * asked for, of those that there are.
 */
Datum
gmm_top_support(PG_FUNCTION_ARGS)
{
	SupportRequestRows *request = (SupportRequestRows *) PG_GETARG_POINTER(0);

	if (!IsA(request, SupportRequestRows) || !is_funcclause(request->node) ||
		!estimate_argument(request))
		PG_RETURN_POINTER(NULL);
	request->rows = Min(request->rows, most_components(request));
	PG_RETURN_POINTER(request);
}
