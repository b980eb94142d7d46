/*
 * model_components.c
 *	  gmm_components: a gmm_model as rows.
 *
 * A covariance is a d x d matrix, whatever the family, so that all of a large
 * model's may be a thousand times its size.  In a list of SELECT the rows are
 * formed one by one as they are asked for.  In FROM the executor collects them
 * all; so there the planner tells which columns are used (used_columns.c), by an
 * argument that is left out otherwise, and the others are NULL.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/supportnodes.h"
#include "utils/builtins.h"

#include "compat.h"
#include "host/engine_host.h"
#include "model/model.h"
#include "model/used_columns.h"
#include "rows/features.h"
#include "rows/result_rows.h"

/* The columns, from 0, as SQL declares them */
enum
{
	COLUMN_COMPONENT,
	COLUMN_WEIGHT,
	COLUMN_FEATURE_NAMES,
	COLUMN_MEAN,
	COLUMN_COVARIANCE,
	COLUMN_N_EFFECTIVE,
	COLUMN_CONDITION_NUMBER,
	COLUMN_SUSPECT,
	N_COLUMNS
};

/* Position of the argument that says which of them are used */
#define ARG_COLUMNS		1

PG_FUNCTION_INFO_V1(gmm_components);
PG_FUNCTION_INFO_V1(gmm_components_support);

/* What gmm_components() needs from call to call. */
typedef struct Components
{
	MixtureParameters parameters;
	GmmFeatureNames names;
	double		sum_weights;	/* NaN if not known */
	MixtureSuspicion *suspicions;	/* k; NULL if the column is not used */
	int32		columns;		/* that are used, a bit for each */
} Components;

static const char *const suspicion_names[] = {
	[MIXTURE_SOUND] = NULL,
	[MIXTURE_FEW_ROWS] = "few rows",
	[MIXTURE_COLLAPSED] = "collapsed",
	[MIXTURE_DUPLICATE] = "duplicate"
};

static bool
is_used(const Components *components, int column)
{
	return (components->columns & (1 << column)) != 0;
}

static Datum
component_mean(const Components *components, int component)
{
	const MixtureParameters *parameters = &components->parameters;
	int			d = parameters->d;
	double	   *elements;
	ArrayType  *mean = gmm_make_vector(d, &elements);

	memcpy(elements, parameters->means + (size_t) component * d, d * sizeof(double));
	return PointerGetDatum(mean);
}

static Datum
component_covariance(const Components *components, int component)
{
	int			dims[2] = {components->parameters.d, components->parameters.d};
	double	   *elements;
	ArrayType  *covariance = gmm_make_array(2, dims, &elements);

	mixture_component_covariance(&components->parameters, component, elements);
	/* it may have millions of elements, all of which are copied twice from here on */
	CHECK_FOR_INTERRUPTS();
	return PointerGetDatum(covariance);
}

/* Fill in the row of a component. */
static void
component_row(FuncCallContext *call, Datum *values, bool *nulls)
{
	const Components *components = (Components *) call->user_fctx;
	int			component = (int) call->call_cntr;
	const MixtureParameters *parameters = &components->parameters;
	const char *suspicion = components->suspicions == NULL ? NULL :
		suspicion_names[components->suspicions[component]];
	double		weight = parameters->weights[component];

	values[COLUMN_COMPONENT] = Int32GetDatum(component + 1);
	values[COLUMN_WEIGHT] = Float8GetDatum(weight);
	values[COLUMN_N_EFFECTIVE] = Float8GetDatum(weight * (1 - parameters->noise_weight) *
												components->sum_weights);
	nulls[COLUMN_N_EFFECTIVE] = isnan(components->sum_weights);

	nulls[COLUMN_FEATURE_NAMES] = !is_used(components, COLUMN_FEATURE_NAMES) ||
		components->names.n == 0;
	if (!nulls[COLUMN_FEATURE_NAMES])
		values[COLUMN_FEATURE_NAMES] = PointerGetDatum(gmm_names_to_array(&components->names));
	nulls[COLUMN_MEAN] = !is_used(components, COLUMN_MEAN);
	if (!nulls[COLUMN_MEAN])
		values[COLUMN_MEAN] = component_mean(components, component);
	nulls[COLUMN_COVARIANCE] = !is_used(components, COLUMN_COVARIANCE);
	if (!nulls[COLUMN_COVARIANCE])
		values[COLUMN_COVARIANCE] = component_covariance(components, component);
	nulls[COLUMN_CONDITION_NUMBER] = !is_used(components, COLUMN_CONDITION_NUMBER);
	if (!nulls[COLUMN_CONDITION_NUMBER])
		values[COLUMN_CONDITION_NUMBER] =
			Float8GetDatum(mixture_condition_number(parameters, component, &gmm_host));
	nulls[COLUMN_SUSPECT] = suspicion == NULL;
	if (!nulls[COLUMN_SUSPECT])
		values[COLUMN_SUSPECT] = CStringGetTextDatum(suspicion);
}

/* Prepare a call, in a context that lasts for all its rows. */
static void *
begin_components(FunctionCallInfo fcinfo, FuncCallContext *call)
{
	GmmModel   *model = PG_GETARG_GMM_MODEL(0);
	Components *components = (Components *) palloc0(sizeof(Components));

	gmm_model_parameters(model, &components->parameters);
	gmm_model_names(model, &components->names);
	components->sum_weights = model->flags & GMM_MODEL_FITTED ?
		model->fit.sum_weights : NAN;
	components->columns = PG_GETARG_INT32(ARG_COLUMNS);
	if (is_used(components, COLUMN_SUSPECT))
	{
		components->suspicions = (MixtureSuspicion *)
			palloc(model->k * sizeof(MixtureSuspicion));
		(void) gmm_model_judge(model, components->suspicions);
	}
	call->max_calls = model->k;
	return components;
}

/*
 * gmm_components(model gmm_model, columns integer) returns table (
 * component integer, weight double precision, feature_names text[],
 * mean double precision[], covariance double precision[],
 * n_effective double precision, condition_number double precision,
 * suspect text)
 *
 * columns has a bit for each column that is used, the lowest for the first;
 * what takes time or memory of the others is left out.
 */
Datum
gmm_components(PG_FUNCTION_ARGS)
{
	return gmm_return_row(fcinfo, N_COLUMNS, begin_components, component_row);
}

/*
 * gmm_components_support(internal) -> internal
 *
 * Takes out of a call the columns that the query does not use.  It is asked
 * again when subqueries have become part of the query, so that it takes those
 * out of a view that the view has and its query does not use.
 */
Datum
gmm_components_support(PG_FUNCTION_ARGS)
{
	SupportRequestSimplify *request = (SupportRequestSimplify *) PG_GETARG_POINTER(0);
	FuncExpr   *call;
	Const	   *argument;
	int32		columns;
	int32		used;

	if (!IsA(request, SupportRequestSimplify))
		PG_RETURN_POINTER(NULL);
	argument = (Const *) list_nth(request->fcall->args, ARG_COLUMNS);
	if (!IsA(argument, Const) || argument->constisnull)
		PG_RETURN_POINTER(NULL);
	columns = DatumGetInt32(argument->constvalue) & ((1 << N_COLUMNS) - 1);
	used = columns & gmm_used_columns(request->root, request->fcall->funcid);
	if (used == columns)
		PG_RETURN_POINTER(NULL);

	call = makeNode(FuncExpr);
	*call = *request->fcall;
	call->args = list_make2(linitial(call->args),
							makeConst(INT4OID, -1, InvalidOid, sizeof(int32),
									  Int32GetDatum(used), false, true));
	PG_RETURN_POINTER(call);
}
