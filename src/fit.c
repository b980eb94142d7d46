/*
 * fit.c
 *	  The collecting aggregates: gmm_fit and gmm_refit.
 *
 * The transition functions check their arguments and put rows into a
 * GmmRowStore; the final function runs the engine over it.  All signatures
 * share one implementation, told apart by the number of arguments.
 *
 * The final function reads its state and nothing more, since it may be run
 * many times on one state, with rows added in between: by window frames that
 * grow, and by aggregates that share their transitions.
 *
 * What is said of a whole group (k, the options, the model) comes with every
 * row, as SQL has it.  It is validated with the first row, before a long scan
 * rather than after it, and compared with every other: a group whose rows
 * disagree has no right answer.
 *
 * Nothing here allocates in the aggregate's context per row but the store.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "utils/datum.h"
#include "utils/memutils.h"

#include "compat.h"
#include "featurearray.h"
#include "host.h"
#include "model.h"
#include "modelkey.h"
#include "options.h"
#include "parallel.h"
#include "progress.h"
#include "rowstore.h"

/* Positions of the transition functions' arguments */
enum
{
	ARG_STATE = 0,
	ARG_FEATURES = 1,
	ARG_K = 2,					/* gmm_fit */
	ARG_MODEL = 2,				/* gmm_refit */
	ARG_OPTIONS = 3,
	ARG_WEIGHT = 4
};

typedef struct FitState
{
	MemoryContext context;		/* the aggregate's; all of this lives there */
	int			k;
	GmmOptions	options;
	struct varlena *options_datum;	/* as the first row had it, or NULL */
	GmmModel   *start;			/* of gmm_refit, or NULL */
	GmmModelIdentity start_identity;
	GmmRowStore *rows;			/* NULL until a row has a weight above 0 */
} FitState;

PG_FUNCTION_INFO_V1(gmm_fit_transition);
PG_FUNCTION_INFO_V1(gmm_refit_transition);
PG_FUNCTION_INFO_V1(gmm_fit_final);

static void
check_k(FunctionCallInfo fcinfo)
{
	int			k;

	if (PG_ARGISNULL(ARG_K))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("k must not be NULL")));

	k = PG_GETARG_INT32(ARG_K);
	if (k < 1 || k > MIXTURE_MAX_COMPONENTS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("k must be from 1 to %d, not %d",
						MIXTURE_MAX_COMPONENTS, k),
				 errhint("k is the number of components.")));
}

pg_noreturn static void
report_changed(const char *argument)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s must be the same in all rows of a group", argument),
			 errhint("Pass the same value with every row, or group by %s.", argument)));
}

/* The argument as a copy in the aggregate's context; NULL for NULL. */
static struct varlena *
copy_options_datum(FunctionCallInfo fcinfo, MemoryContext context)
{
	MemoryContext old_context;
	Datum		copy;

	if (PG_NARGS() <= ARG_OPTIONS || PG_ARGISNULL(ARG_OPTIONS))
		return NULL;
	old_context = MemoryContextSwitchTo(context);
	copy = datumCopy(PG_GETARG_DATUM(ARG_OPTIONS), false, -1);
	MemoryContextSwitchTo(old_context);
	return (struct varlena *) DatumGetPointer(copy);
}

/*
 * Are the options of this row those of the first?  Nearly always their bytes
 * are equal, toasted or not.
 */
static bool
options_unchanged(FunctionCallInfo fcinfo, const FitState *state)
{
	struct varlena *first = state->options_datum;
	struct varlena *given;
	Jsonb	   *first_json;
	Jsonb	   *given_json;
	bool		equal;

	if (PG_NARGS() <= ARG_OPTIONS)
		return true;
	if (PG_ARGISNULL(ARG_OPTIONS))
		return first == NULL;
	if (first == NULL)
		return false;

	given = (struct varlena *) PG_GETARG_POINTER(ARG_OPTIONS);
	if (VARSIZE_ANY(first) == VARSIZE_ANY(given) &&
		memcmp(first, given, VARSIZE_ANY(first)) == 0)
		return true;

	first_json = DatumGetJsonbP(PointerGetDatum(first));
	given_json = PG_GETARG_JSONB_P(ARG_OPTIONS);
	equal = compareJsonbContainers(&first_json->root, &given_json->root) == 0;
	if ((Pointer) first_json != (Pointer) first)
		pfree(first_json);
	PG_FREE_IF_COPY(given_json, ARG_OPTIONS);
	return equal;
}

/* Read the options of the first row into the state. */
static void
begin_options(FunctionCallInfo fcinfo, FitState *state)
{
	Jsonb	   *json = NULL;

	if (PG_NARGS() > ARG_OPTIONS && !PG_ARGISNULL(ARG_OPTIONS))
		json = PG_GETARG_JSONB_P(ARG_OPTIONS);
	gmm_options_parse(json, &state->options);
}

/* A state for gmm_fit, from the arguments of the group's first row. */
static FitState *
begin_fit(FunctionCallInfo fcinfo, MemoryContext context)
{
	FitState   *state;

	check_k(fcinfo);
	state = MemoryContextAllocZero(context, sizeof(FitState));
	state->context = context;
	state->k = PG_GETARG_INT32(ARG_K);
	begin_options(fcinfo, state);
	state->options_datum = copy_options_datum(fcinfo, context);
	return state;
}

/* Are k and the options still what they were? */
static void
continue_fit(FunctionCallInfo fcinfo, const FitState *state)
{
	if (PG_ARGISNULL(ARG_K) || PG_GETARG_INT32(ARG_K) != state->k)
	{
		check_k(fcinfo);
		report_changed("k");
	}
	if (!options_unchanged(fcinfo, state))
		report_changed("options");
}

/* The model to refit, which must be there. */
static Datum
model_argument(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(ARG_MODEL))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("model must not be NULL"),
				 errhint("Use gmm_fit where there is no model yet.")));
	return PG_GETARG_DATUM(ARG_MODEL);
}

/* Refuse the options that a warm start has no use for. */
static void
check_refit_options(const GmmOptions *options, const GmmModel *model)
{
	MixtureCovarianceType type = (MixtureCovarianceType) model->covariance_type;

	if (options->given & (GMM_OPTION_N_INIT | GMM_OPTION_INIT))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" does not apply to gmm_refit",
						options->given & GMM_OPTION_N_INIT ? "n_init" : "init"),
				 errhint("gmm_refit has one start, the model that it is given.")));

	if ((options->given & GMM_OPTION_COVARIANCE_TYPE) &&
		options->mixture.covariance_type != type)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"covariance_type\" is %s, but the model's is %s",
						gmm_covariance_type_name(options->mixture.covariance_type),
						gmm_covariance_type_name(type)),
				 errhint("Leave the option out, or use gmm_fit.")));
}

/* A state for gmm_refit, from the arguments of the group's first row. */
static FitState *
begin_refit(FunctionCallInfo fcinfo, MemoryContext context)
{
	Datum		datum = model_argument(fcinfo);
	GmmModel   *model = DatumGetGmmModel(datum);
	FitState   *state;

	state = MemoryContextAllocZero(context, sizeof(FitState));
	state->context = context;
	state->k = model->k;
	begin_options(fcinfo, state);
	check_refit_options(&state->options, model);
	state->options.mixture.covariance_type =
		(MixtureCovarianceType) model->covariance_type;
	state->options_datum = copy_options_datum(fcinfo, context);

	gmm_model_identity_set(&state->start_identity, datum, model);
	state->start = MemoryContextAlloc(context, VARSIZE(model));
	memcpy(state->start, model, VARSIZE(model));
	PG_FREE_IF_COPY(model, ARG_MODEL);
	return state;
}

/* Are the model and the options still what they were? */
static void
continue_refit(FunctionCallInfo fcinfo, const FitState *state)
{
	if (!gmm_model_identity_matches(&state->start_identity, model_argument(fcinfo)))
		report_changed("model");
	if (!options_unchanged(fcinfo, state))
		report_changed("options");
}

/* The row's weight: finite and not negative, 1 where there is none. */
static double
weight_argument(FunctionCallInfo fcinfo)
{
	double		weight;

	if (PG_NARGS() <= ARG_WEIGHT)
		return 1.0;

	weight = PG_GETARG_FLOAT8(ARG_WEIGHT);
	gmm_check_weight(weight);
	return weight;
}

/* Check the number of features against the model, or against what fits. */
static void
begin_rows(FitState *state, int d)
{
	MixtureCovarianceType type = state->options.mixture.covariance_type;

	if (state->start != NULL && state->start->d != d)
		gmm_features_report_dimensions(d, state->start->d);

	if (!mixture_shape_allowed(type, state->k, d))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a mixture of %d components in %d dimensions with covariance_type %s is too large",
						state->k, d, gmm_covariance_type_name(type)),
				 errhint("Use a smaller k, fewer features or a simpler covariance_type.")));

	state->rows = gmm_rowstore_create(state->context, d);
}

/* Add the row's features to the state. */
static void
add_row(FunctionCallInfo fcinfo, FitState *state, double weight)
{
	GmmFeatures features;

	gmm_features_get(PG_GETARG_DATUM(ARG_FEATURES), &features);

	if (state->rows == NULL)
		begin_rows(state, features.d);
	else if (gmm_rowstore_dimensions(state->rows) != features.d)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("features have %d %s, but had %d in earlier rows",
						features.d, features.d == 1 ? "element" : "elements",
						gmm_rowstore_dimensions(state->rows)),
				 errhint("All rows of a group must have the same features.")));

	gmm_rowstore_append(state->rows, features.values, weight);
	gmm_features_release(&features);
}

/*
 * One row.  A row without features or without a weight is skipped, as SQL
 * aggregates do; one of weight 0 is as absent, but that there was one tells
 * "no rows" from "no weight".
 */
static Datum
transition(FunctionCallInfo fcinfo,
		   FitState *(*begin) (FunctionCallInfo, MemoryContext),
		   void (*proceed) (FunctionCallInfo, const FitState *))
{
	MemoryContext context;
	FitState   *state = NULL;
	double		weight;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "transition function called outside of an aggregate");

	if (!PG_ARGISNULL(ARG_STATE))
		state = (FitState *) PG_GETARG_POINTER(ARG_STATE);

	if (PG_ARGISNULL(ARG_FEATURES) ||
		(PG_NARGS() > ARG_WEIGHT && PG_ARGISNULL(ARG_WEIGHT)))
	{
		if (state == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(state);
	}

	if (state == NULL)
		state = begin(fcinfo, context);
	else
		proceed(fcinfo, state);

	weight = weight_argument(fcinfo);
	if (weight > 0)
		add_row(fcinfo, state, weight);
	PG_RETURN_POINTER(state);
}

/*
 * gmm_fit_transition(internal, features double precision[], k integer
 *					  [, options jsonb [, weight double precision]])
 */
Datum
gmm_fit_transition(PG_FUNCTION_ARGS)
{
	return transition(fcinfo, begin_fit, continue_fit);
}

/*
 * gmm_refit_transition(internal, features double precision[],
 *						model gmm_model
 *						[, options jsonb [, weight double precision]])
 */
Datum
gmm_refit_transition(PG_FUNCTION_ARGS)
{
	return transition(fcinfo, begin_refit, continue_refit);
}

/* Run the engine over the rows of a state; errors become SQL's. */
static void
run_engine(const FitState *state, MixtureFit *fit)
{
	MixtureSource source;
	MixtureError error = {0};
	MixtureStatus status;
	GmmParallel *parallel;

	if (state->rows == NULL)
		gmm_report_status(MIXTURE_NO_WEIGHT, state->k, &error);

	gmm_progress_begin();
	gmm_rowstore_source(state->rows, &source);
	parallel = gmm_parallel_begin(state->rows,
								  state->options.mixture.covariance_type,
								  state->k, &source);
	if (state->start != NULL)
	{
		MixtureParameters start;

		gmm_model_parameters(state->start, &start);
		status = mixture_refit(&source, &start, &state->options.mixture,
							   &gmm_host, fit, &error);
	}
	else
		status = mixture_fit(&source, state->k, &state->options.mixture,
							 &gmm_host, fit, &error);

	gmm_parallel_end(parallel);
	gmm_progress_end();
	if (status != MIXTURE_OK)
		gmm_report_status(status, state->k, &error);
}

/*
 * gmm_fit_final(internal) -> gmm_model
 *
 * NULL where there was no row.  All that the engine allocates is gone on
 * return, and with the caller's context on error.
 */
Datum
gmm_fit_final(PG_FUNCTION_ARGS)
{
	MemoryContext fit_context;
	MemoryContext old_context;
	const FitState *state;
	MixtureFit	fit;
	GmmFitInfo	info;
	GmmModel   *model;

	Assert(AggCheckCallContext(fcinfo, NULL));
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	state = (const FitState *) PG_GETARG_POINTER(0);

	fit_context = AllocSetContextCreate(CurrentMemoryContext, "gmm fit",
										ALLOCSET_DEFAULT_SIZES);
	old_context = MemoryContextSwitchTo(fit_context);
	run_engine(state, &fit);
	MemoryContextSwitchTo(old_context);

	gmm_fit_info_init(&info);
	info.n_rows = fit.n_rows;
	info.sum_weights = fit.sum_weights;
	info.log_likelihood = fit.log_likelihood;
	info.iterations = fit.iterations;
	info.converged = fit.converged;
	info.n_starts = fit.n_starts;
	info.n_best_starts = fit.n_best_starts;
	info.entropy = fit.entropy;
	info.reg_covar = state->options.mixture.reg_covar;
	info.n_incomplete = fit.n_incomplete;
	info.n_reseeded = fit.n_reseeded;
	model = gmm_model_make(&fit.parameters, &info);

	MemoryContextDelete(fit_context);
	PG_RETURN_GMM_MODEL(model);
}
