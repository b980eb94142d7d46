/*
 * model_union.c
 *	  gmm_union: models of classes as one, whose components are the classes'.
 *
 * An aggregate that keeps its models in the order in which they come, since that is
 * the order of the components of the result.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "nodes/pg_list.h"
#include "utils/float.h"
#include "utils/memutils.h"

#include "compat.h"
#include "host/engine_host.h"
#include "model/model.h"
#include "rows/row_arguments.h"

/* Positions of the transition function's arguments */
#define ARG_STATE	0
#define ARG_MODEL	1
#define ARG_N		2

PG_FUNCTION_INFO_V1(gmm_union_transition);
PG_FUNCTION_INFO_V1(gmm_union_final);

/* What has come in, in the aggregate's memory. */
typedef struct UnionState
{
	MemoryContext context;
	List	   *models;			/* GmmModel, detoasted copies */
	double	   *n;				/* rows of each */
	int			n_allocated;
	MixtureCovarianceType type; /* the simplest that holds all */
	int			k;				/* components of all */
	int			d;
	GmmFeatureNames names;		/* of the first that has any */
} UnionState;

/*
 * Refuse a model that has no place beside those that there are, or of which, with them,
 * too large a one would become; the state then has its shape.
 */
static void
count_member(UnionState *state, const GmmModel *model)
{
	MixtureParameters parameters;
	GmmFeatureNames names;

	gmm_model_parameters(model, &parameters);
	gmm_model_names(model, &names);
	if (state->models == NIL)
	{
		state->type = parameters.covariance_type;
		state->d = parameters.d;
	}
	gmm_model_check_alike(state->d, &state->names, parameters.d, &names, "joined");
	if (parameters.noise_box != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("models with noise cannot be joined"),
				 errdetail("Each has noise in a box of its own, but a model can have only one.")));
	state->type = mixture_union_type(state->type, parameters.covariance_type);
	state->k += parameters.k;
	(void) gmm_model_check_shape(state->type, state->k, state->d, NULL);
}

/* Add a model to the state, in whose memory it is copied. */
static void
add_member(UnionState *state, const GmmModel *model, double n)
{
	MemoryContext caller = MemoryContextSwitchTo(state->context);
	int			place = list_length(state->models);
	GmmModel   *copy = palloc_extended(VARSIZE(model), MCXT_ALLOC_HUGE);

	memcpy(copy, model, VARSIZE(model));
	if (place == state->n_allocated)
	{
		state->n_allocated = Max(2 * place, 8);
		state->n = state->n == NULL ? palloc(state->n_allocated * sizeof(double)) :
			repalloc(state->n, state->n_allocated * sizeof(double));
	}
	state->n[place] = n;
	state->models = lappend(state->models, copy);
	if (state->names.n == 0)
		gmm_model_names(copy, &state->names);
	MemoryContextSwitchTo(caller);
}

/*
 * gmm_union_transition(internal, model gmm_model, n double precision) -> internal
 *
 * Without a model or without n there is nothing to join.
 */
Datum
gmm_union_transition(PG_FUNCTION_ARGS)
{
	UnionState *state = PG_ARGISNULL(ARG_STATE) ? NULL :
		(UnionState *) PG_GETARG_POINTER(ARG_STATE);
	MemoryContext context;
	const GmmModel *model;
	double		n;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "gmm_union_transition called in non-aggregate context");
	if (PG_ARGISNULL(ARG_MODEL) || PG_ARGISNULL(ARG_N))
		return gmm_state_unchanged(fcinfo);
	n = PG_GETARG_FLOAT8(ARG_N);
	if (!(n > 0) || isinf(n))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("n must be positive and finite, not %s", float8out_internal(n)),
				 errhint("n is the number of the model's rows, or the sum of their weights.")));
	if (state == NULL)
	{
		state = MemoryContextAllocZero(context, sizeof(UnionState));
		state->context = context;
	}
	model = PG_GETARG_GMM_MODEL(ARG_MODEL);
	count_member(state, model);
	add_member(state, model, n);
	PG_RETURN_POINTER(state);
}

/*
 * gmm_union_final(internal) -> gmm_model
 *
 * It knows nothing of a fit, for there was none of all rows.
 */
Datum
gmm_union_final(PG_FUNCTION_ARGS)
{
	UnionState *state = PG_ARGISNULL(ARG_STATE) ? NULL :
		(UnionState *) PG_GETARG_POINTER(ARG_STATE);
	int			n;
	MixtureParameters *parts;
	MixtureParameters joined;
	double	   *shares;
	double		most = 0;
	double		sum = 0;
	ListCell   *cell;
	int			i = 0;

	if (state == NULL)
		PG_RETURN_NULL();
	n = list_length(state->models);
	parts = palloc(n * sizeof(MixtureParameters));
	shares = palloc(n * sizeof(double));
	foreach(cell, state->models)
	{
		gmm_model_parameters(lfirst(cell), &parts[i]);
		most = Max(most, state->n[i]);
		i++;
	}
	for (i = 0; i < n; i++)
		sum += state->n[i] / most;
	for (i = 0; i < n; i++)
		shares[i] = state->n[i] / most / sum;
	mixture_allocate_parameters(&joined, state->type, state->k, state->d, &gmm_host);
	mixture_union(parts, shares, n, &joined, &gmm_host);
	PG_RETURN_GMM_MODEL(gmm_model_make(&joined, &state->names, NULL));
}
