/*
 * fit_aggregates.c
 *	  The collecting aggregates: gmm_fit, gmm_fit_best and gmm_refit, and
 *	  gmm_fit_labelled and gmm_refit_labelled.
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
#include "rows/features.h"
#include "rows/row_arguments.h"
#include "fit/fit_aggregates.h"
#include "host/engine_host.h"
#include "model/model.h"
#include "model/model_identity.h"
#include "fit/fit_options.h"
#include "fit/fit_parallel.h"
#include "fit/fit_progress.h"
#include "fit/fit_warnings.h"
#include "rows/rowstore.h"

/* Positions of the arguments that all transition functions have */
enum
{
	ARG_STATE = 0,
	ARG_FEATURES = 1
};

typedef struct FitState
{
	MemoryContext context;		/* the aggregate's; all of this lives there */
	int			k;				/* of gmm_fit_best: the least */
	int			k_max;			/* of gmm_fit_best, or 0 */
	GmmOptions	options;		/* features: of gmm_refit, those of its model
								 * where the options have none */
	struct varlena *options_datum;	/* as the first row had it, or NULL */
	GmmModel   *start;			/* of gmm_refit, or NULL */
	GmmModelIdentity start_identity;
	int64		n_labelled;		/* rows that have a label */
	bool		weightless;		/* a row had weight 0 */
	GmmRowStore *rows;			/* NULL until there is a row to fit to */
	const GmmRowsFit *stands_for;	/* what the rows do, or NULL: themselves */
} FitState;

/* What tells one aggregate from another. */
typedef struct FitCall
{
	const char *function;

	/* positions of arguments */
	int			label;			/* 0: there is none */
	int			subject;		/* k; or k_min, before k_max; or the model */
	int			options;		/* then the weight */

	/* From the arguments of a group's first row; is each other's the same? */
	FitState   *(*begin) (FunctionCallInfo fcinfo, const struct FitCall *call,
						  MemoryContext context);
	void		(*proceed) (FunctionCallInfo fcinfo, const struct FitCall *call,
							FitState *state);
} FitCall;

PG_FUNCTION_INFO_V1(gmm_fit_transition);
PG_FUNCTION_INFO_V1(gmm_fit_labelled_transition);
PG_FUNCTION_INFO_V1(gmm_fit_best_transition);
PG_FUNCTION_INFO_V1(gmm_refit_transition);
PG_FUNCTION_INFO_V1(gmm_refit_labelled_transition);
PG_FUNCTION_INFO_V1(gmm_fit_final);

/*
 * A number of components, which must be there.  It is a bigint, so that
 * count(*) can be one.
 */
int
gmm_fit_k_argument(FunctionCallInfo fcinfo, int position, const char *name)
{
	int64		k;

	if (PG_ARGISNULL(position))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be NULL", name)));

	k = PG_GETARG_INT64(position);
	if (k < 1 || k > MIXTURE_MAX_COMPONENTS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be from 1 to %d, not " INT64_FORMAT,
						name, MIXTURE_MAX_COMPONENTS, k),
				 strcmp(name, "k") == 0 ? errhint("k is the number of components.") :
				 strcmp(name, "k_min") == 0 ? errhint("k_min is the least number of components.") :
				 errhint("k_max is the largest number of components.")));
	return (int) k;
}

/* The arguments k_min and, behind it, k_max. */
void
gmm_fit_range_arguments(FunctionCallInfo fcinfo, int position, int *k_min, int *k_max)
{
	*k_min = gmm_fit_k_argument(fcinfo, position, "k_min");
	*k_max = gmm_fit_k_argument(fcinfo, position + 1, "k_max");
	if (*k_max < *k_min)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("k_max must be at least k_min, but is %d, and k_min is %d",
						*k_max, *k_min)));
}

/*
 * Check that there can be a mixture of this shape; k_name is what the caller
 * calls k.
 */
void
gmm_fit_check_shape(MixtureCovarianceType type, int k, int d, const char *k_name)
{
	if (!mixture_shape_allowed(type, k, d))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a mixture of %d components in %d dimensions with covariance type %s is too large",
						k, d, gmm_covariance_type_name(type)),
				 errhint("Use a smaller %s, fewer features or a simpler \"covariance_type\".",
						 k_name)));
}

/* The argument as a copy in the aggregate's context; NULL for NULL. */
static struct varlena *
copy_options_datum(FunctionCallInfo fcinfo, int position, MemoryContext context)
{
	MemoryContext old_context;
	Datum		copy;

	if (PG_NARGS() <= position || PG_ARGISNULL(position))
		return NULL;
	old_context = MemoryContextSwitchTo(context);
	copy = datumCopy(PG_GETARG_DATUM(position), false, -1);
	MemoryContextSwitchTo(old_context);
	return (struct varlena *) DatumGetPointer(copy);
}

/*
 * Are the options of this row those of the first?  Nearly always their bytes
 * are equal, toasted or not.
 */
static bool
options_unchanged(FunctionCallInfo fcinfo, int position, const FitState *state)
{
	struct varlena *first = state->options_datum;
	struct varlena *given;
	Jsonb	   *first_json;
	Jsonb	   *given_json;
	bool		equal;

	if (PG_NARGS() <= position)
		return true;
	if (PG_ARGISNULL(position))
		return first == NULL;
	if (first == NULL)
		return false;

	given = (struct varlena *) PG_GETARG_POINTER(position);
	if (VARSIZE_ANY(first) == VARSIZE_ANY(given) &&
		memcmp(first, given, VARSIZE_ANY(first)) == 0)
		return true;

	first_json = DatumGetJsonbP(PointerGetDatum(first));
	given_json = PG_GETARG_JSONB_P(position);
	equal = compareJsonbContainers(&first_json->root, &given_json->root) == 0;
	if ((Pointer) first_json != (Pointer) first)
		pfree(first_json);
	PG_FREE_IF_COPY(given_json, position);
	return equal;
}

/* The options of the first row, or NULL. */
static Jsonb *
options_argument(FunctionCallInfo fcinfo, int position)
{
	if (PG_NARGS() > position && !PG_ARGISNULL(position))
		return PG_GETARG_JSONB_P(position);
	return NULL;
}

/* Keep the names that the options, or else the model, have for the features. */
static void
keep_names(FitState *state)
{
	if (state->start != NULL && !(state->options.given & GMM_OPTION_FEATURES))
		gmm_model_names(state->start, &state->options.features);
	else
		gmm_names_copy(&state->options.features, state->context);
}

/* The options of the first row, and the names of the features, in the state for good. */
static void
keep_options(FunctionCallInfo fcinfo, const FitCall *call, FitState *state)
{
	gmm_options_keep(&state->options, state->context);
	state->options_datum = copy_options_datum(fcinfo, call->options, state->context);
	keep_names(state);
}

/* Refuse a row whose options are not those of the first. */
static void
check_options(FunctionCallInfo fcinfo, const FitCall *call, const FitState *state)
{
	if (!options_unchanged(fcinfo, call->options, state))
		gmm_report_changed("options");
}

/*
 * A state for gmm_fit, or for gmm_fit_labelled, which cannot do without components,
 * from the arguments of the group's first row.
 */
static FitState *
begin_fit(FunctionCallInfo fcinfo, const FitCall *call, MemoryContext context)
{
	int			k = gmm_fit_k_argument(fcinfo, call->subject, "k");
	FitState   *state = MemoryContextAllocZero(context, sizeof(FitState));

	state->context = context;
	state->k = k;
	gmm_options_parse(options_argument(fcinfo, call->options), GMM_USE_FIT, call->function,
					  &state->options);
	if (call->label != 0)
		gmm_options_check_labelled(&state->options);
	keep_options(fcinfo, call, state);
	return state;
}

/* Are k and the options still what they were? */
static void
continue_fit(FunctionCallInfo fcinfo, const FitCall *call, FitState *state)
{
	if (gmm_fit_k_argument(fcinfo, call->subject, "k") != state->k)
		gmm_report_changed("k");
	check_options(fcinfo, call, state);
}

/* A state for gmm_fit_best, from the arguments of the group's first row. */
static FitState *
begin_best(FunctionCallInfo fcinfo, const FitCall *call, MemoryContext context)
{
	int			k_min;
	int			k_max;
	FitState   *state;

	gmm_fit_range_arguments(fcinfo, call->subject, &k_min, &k_max);
	state = MemoryContextAllocZero(context, sizeof(FitState));
	state->context = context;
	state->k = k_min;
	state->k_max = k_max;
	gmm_options_parse(options_argument(fcinfo, call->options), GMM_USE_BEST, call->function,
					  &state->options);
	keep_options(fcinfo, call, state);
	return state;
}

/* Are they still what they were? */
static void
continue_best(FunctionCallInfo fcinfo, const FitCall *call, FitState *state)
{
	if (gmm_fit_k_argument(fcinfo, call->subject, "k_min") != state->k)
		gmm_report_changed("k_min");
	if (gmm_fit_k_argument(fcinfo, call->subject + 1, "k_max") != state->k_max)
		gmm_report_changed("k_max");
	check_options(fcinfo, call, state);
}

#define REFIT_HINT	"Use gmm_fit where there is no model yet."

/* A state for gmm_refit, from the arguments of the group's first row. */
static FitState *
begin_refit(FunctionCallInfo fcinfo, const FitCall *call, MemoryContext context)
{
	Datum		datum = gmm_model_argument(fcinfo, call->subject, REFIT_HINT);
	GmmModel   *model = DatumGetGmmModel(datum);
	FitState   *state;

	state = MemoryContextAllocZero(context, sizeof(FitState));
	state->context = context;
	state->k = model->k;
	gmm_options_parse(options_argument(fcinfo, call->options), GMM_USE_REFIT, call->function,
					  &state->options);
	gmm_options_check_family(&state->options, (MixtureCovarianceType) model->covariance_type,
							 "the model's", "Leave the option out, or use gmm_fit.");
	state->options.mixture.covariance_type =
		(MixtureCovarianceType) model->covariance_type;

	/* components that stay as they are are judged as they were */
	if (state->options.mixture.max_iter == 0 &&
		!(state->options.given & GMM_OPTION_REG_COVAR) && isfinite(model->fit.reg_covar))
		state->options.mixture.reg_covar = model->fit.reg_covar;
	gmm_model_identity_set(&state->start_identity, datum, model);
	state->start = MemoryContextAlloc(context, VARSIZE(model));
	memcpy(state->start, model, VARSIZE(model));
	PG_FREE_IF_COPY(model, call->subject);
	keep_options(fcinfo, call, state);
	return state;
}

/* Are the model and the options still what they were? */
static void
continue_refit(FunctionCallInfo fcinfo, const FitCall *call, FitState *state)
{
	if (!gmm_model_identity_matches(&state->start_identity,
									gmm_model_argument(fcinfo, call->subject, REFIT_HINT)))
		gmm_report_changed("model");
	check_options(fcinfo, call, state);
}

/* The families of which one is fitted, as bits. */
static unsigned
families(const FitState *state)
{
	return state->options.auto_covariance_type ? (1U << MIXTURE_N_COVARIANCE_TYPES) - 1 :
		1U << state->options.mixture.covariance_type;
}

/* Check the number of features against the model, or against what fits. */
static void
check_features(FitState *state, int d)
{
	int			k = Max(state->k, state->k_max);
	MemoryContext old_context;

	if (state->start != NULL && state->start->d != d)
		gmm_model_report_dimensions(PointerGetDatum(state->start), d);
	gmm_options_check_features(&state->options, d);

	for (int type = 0; type < MIXTURE_N_COVARIANCE_TYPES; type++)
		if (families(state) & (1U << type))
			gmm_fit_check_shape((MixtureCovarianceType) type, k, d,
								state->k_max > 0 ? "k_max" : "k");

	old_context = MemoryContextSwitchTo(state->context);
	gmm_options_bind(&state->options, state->options.mixture.covariance_type, state->k, d);
	MemoryContextSwitchTo(old_context);
}

/*
 * Is a row skipped for its NULLs?  One that has nothing else always is: it
 * adds nothing to the likelihood, whatever the model.
 */
static bool
skips_row(const FitState *state, const GmmFeatures *features)
{
	if (features->observed == NULL)
		return false;
	if (state->options.missing == GMM_MISSING_ERROR)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("element %s of features is NULL",
						gmm_names_element(&state->options.features,
										  gmm_features_first_null(features) - 1)),
				 errhint("Set the option \"missing\" to \"marginalize\" to use what such rows have, or to \"skip\" to leave them out.")));
	return state->options.missing == GMM_MISSING_SKIP || features->n_observed == 0;
}

/* Add the row's features to the state. */
static void
collect_row(FunctionCallInfo fcinfo, const FitCall *call, FitState *state, double weight)
{
	int			label = gmm_row_label(fcinfo, call->label, state->k);
	GmmFeatures features;

	gmm_features_get_nullable(PG_GETARG_DATUM(ARG_FEATURES), &features,
							  &state->options.features);
	if (skips_row(state, &features))
	{
		gmm_features_release(&features);
		return;
	}

	if (state->rows == NULL)
	{
		check_features(state, features.d);
		state->rows = gmm_rowstore_create(state->context, features.d,
										  call->label != 0 ? state->k : 0);
	}
	else if (gmm_rowstore_dimensions(state->rows) != features.d)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg_plural("features have %d element, but had %d in earlier rows",
							   "features have %d elements, but had %d in earlier rows",
							   features.d, features.d,
							   gmm_rowstore_dimensions(state->rows)),
				 errhint("All rows of a group must have the same features.")));

	gmm_rowstore_append(state->rows, features.values, features.observed, label, weight);
	state->n_labelled += label > 0;
	gmm_features_release(&features);
	gmm_progress_row();
}

/*
 * One row.  A row without features or without a weight is skipped, as SQL
 * aggregates do; one of weight 0 is as absent, but that there was one tells
 * "no rows" from "no weight".
 */
static Datum
transition(FunctionCallInfo fcinfo, const FitCall *call)
{
	MemoryContext context;
	FitState   *state = NULL;
	int			weight_position = call->options + 1;
	double		weight;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "transition function called outside of an aggregate");

	if (!PG_ARGISNULL(ARG_STATE))
		state = (FitState *) PG_GETARG_POINTER(ARG_STATE);

	if (gmm_row_is_skipped(fcinfo, ARG_FEATURES, weight_position))
		return gmm_state_unchanged(fcinfo);

	if (state == NULL)
		state = call->begin(fcinfo, call, context);
	else
		call->proceed(fcinfo, call, state);

	weight = gmm_row_weight(fcinfo, weight_position);
	if (weight > 0)
		collect_row(fcinfo, call, state, weight);
	else
		state->weightless = true;
	PG_RETURN_POINTER(state);
}

/*
 * gmm_fit_transition(internal, features double precision[], k bigint
 *					  [, options jsonb [, weight double precision]])
 */
Datum
gmm_fit_transition(PG_FUNCTION_ARGS)
{
	static const FitCall call = {"gmm_fit", 0, 2, 3, begin_fit, continue_fit};

	return transition(fcinfo, &call);
}

/*
 * gmm_fit_labelled_transition(internal, features double precision[], label bigint,
 *							   k bigint
 *							   [, options jsonb [, weight double precision]])
 */
Datum
gmm_fit_labelled_transition(PG_FUNCTION_ARGS)
{
	static const FitCall call = {"gmm_fit_labelled", 2, 3, 4, begin_fit, continue_fit};

	return transition(fcinfo, &call);
}

/*
 * gmm_fit_best_transition(internal, features double precision[],
 *						   k_min bigint, k_max bigint
 *						   [, options jsonb [, weight double precision]])
 */
Datum
gmm_fit_best_transition(PG_FUNCTION_ARGS)
{
	static const FitCall call = {"gmm_fit_best", 0, 2, 4, begin_best, continue_best};

	return transition(fcinfo, &call);
}

/*
 * gmm_refit_transition(internal, features double precision[],
 *						model gmm_model
 *						[, options jsonb [, weight double precision]])
 */
Datum
gmm_refit_transition(PG_FUNCTION_ARGS)
{
	static const FitCall call = {"gmm_refit", 0, 2, 3, begin_refit, continue_refit};

	return transition(fcinfo, &call);
}

/*
 * gmm_refit_labelled_transition(internal, features double precision[], label bigint,
 *								 model gmm_model
 *								 [, options jsonb [, weight double precision]])
 */
Datum
gmm_refit_labelled_transition(PG_FUNCTION_ARGS)
{
	static const FitCall call = {"gmm_refit_labelled", 2, 3, 4, begin_refit, continue_refit};

	return transition(fcinfo, &call);
}

/* Choose among models of k or more components; the trials go to info. */
static MixtureStatus
choose_model(const FitState *state, int k, const MixtureSource *source,
			 const MixtureHost *host, MixtureFit *fit, GmmFitInfo *info,
			 MixtureError *error)
{
	MixtureChoice choice = {
		.least_k = k,
		.most_k = state->k_max,
		.families = families(state),
		.criterion = state->options.criterion
	};
	MixtureTrial *trials;
	int			n_trials;
	MixtureStatus status = mixture_fit_best(source, &choice, &state->options.mixture,
											host, fit, &trials, &n_trials, error);

	if (status == MIXTURE_TOO_FEW_DISTINCT &&
		state->options.too_few_rows == GMM_TOO_FEW_ERROR)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg_plural("k_min is %d, but there is only " INT64_FORMAT " distinct row",
							   "k_min is %d, but there are only " INT64_FORMAT " distinct rows",
							   error->count, state->k, (int64) error->count),
				 errhint("Use a k_min of at most " INT64_FORMAT ", or more rows, or the option \"too_few_rows\".",
						 (int64) error->count)));
	if (status == MIXTURE_OK)
	{
		info->criterion = state->options.criterion;
		info->n_trials = n_trials;
		info->trials = trials;
	}
	return status;
}

/* The family of the state's whose models are the largest. */
static MixtureCovarianceType
largest_family(const FitState *state)
{
	int			k = Max(state->k, state->k_max);
	int			d = gmm_rowstore_dimensions(state->rows);
	size_t		most = 0;
	MixtureCovarianceType largest = MIXTURE_FULL;

	for (int type = 0; type < MIXTURE_N_COVARIANCE_TYPES; type++)
	{
		size_t		count = mixture_sums_count((MixtureCovarianceType) type, k, d);

		if ((families(state) & (1U << type)) && count > most)
		{
			most = count;
			largest = (MixtureCovarianceType) type;
		}
	}
	return largest;
}

/* Fit k components, or as many as the state's model has or is to have. */
static MixtureStatus
fit_rows(const FitState *state, int k, const MixtureSource *source,
		 const MixtureHost *host, MixtureFit *fit, GmmFitInfo *info, MixtureError *error)
{
	MixtureParameters start;

	if (state->k_max > 0)
		return choose_model(state, k, source, host, fit, info, error);
	if (state->start == NULL)
		return mixture_fit(source, k, &state->options.mixture, host, fit, error);
	gmm_model_parameters(state->start, &start);
	if ((state->options.given & GMM_OPTION_NOISE) && !state->options.mixture.noise)
		mixture_clear_noise(&start);
	return mixture_refit(source, &start, &state->options.mixture, host, fit, error);
}

/*
 * Run the engine over the rows of a state; errors become SQL's.  False if there
 * is to be no model of so few rows.
 */
static bool
run_engine(const FitState *state, MixtureFit *fit, GmmFitInfo *info)
{
	GmmTooFewRows too_few_rows = state->options.too_few_rows;
	MixtureSource source;
	MixtureError error = {0};
	MixtureStatus status;
	GmmParallel *parallel;
	GmmProgress progress;
	const MixtureHost *host;

	if (state->rows == NULL)
		gmm_report_status(MIXTURE_NO_WEIGHT, state->k, NULL, &error);

	host = gmm_progress_begin(&progress, InvalidOid);
	gmm_rowstore_source(state->rows, &source);
	if (state->stands_for != NULL)
		source.n_rows = state->stands_for->n_rows;
	parallel = gmm_parallel_begin(state->rows, largest_family(state),
								  Max(state->k, state->k_max), &source);
	status = fit_rows(state, state->k, &source, host, fit, info, &error);
	if (status == MIXTURE_TOO_FEW_DISTINCT && too_few_rows == GMM_TOO_FEW_FEWER)
	{
		int			k = (int) error.count;

		status = fit_rows(state, k, &source, host, fit, info, &error);
		fit->info.n_omitted = state->k - k;
	}

	gmm_parallel_end(parallel);
	gmm_progress_end(&progress);
	if (status == MIXTURE_TOO_FEW_DISTINCT && too_few_rows == GMM_TOO_FEW_NULL)
		return false;
	if (status != MIXTURE_OK)
		gmm_report_status(status, state->k, &state->options.features, &error);
	return true;
}

/*
 * Fit rows that were not collected by an aggregate.  The model is in the given
 * context, all else in the current one.  NULL if there is to be none of so few
 * rows.
 */
GmmModel *
gmm_fit_rows(const GmmRowsFit *fit, MemoryContext context)
{
	FitState	state = {
		.context = CurrentMemoryContext, .k = fit->k, .k_max = fit->k_max,
		.options = *fit->options, .rows = fit->rows, .stands_for = fit
	};
	MixtureFit	result;
	GmmFitInfo	info = {0};
	MemoryContext caller;
	GmmModel   *model;

	check_features(&state, gmm_rowstore_dimensions(fit->rows));
	if (!run_engine(&state, &result, &info))
		return NULL;
	info.fit = result.info;
	info.fit.n_incomplete = fit->n_incomplete;
	caller = MemoryContextSwitchTo(context);
	model = gmm_model_make(&result.parameters, &state.options.features, &info);
	MemoryContextSwitchTo(caller);
	return model;
}

/*
 * gmm_fit_final(internal) -> gmm_model
 *
 * NULL where there was no row, or only such as are skipped, or too few for k if the
 * options say so.  All that the engine allocates is gone on return, and with the
 * caller's context on error.
 */
Datum
gmm_fit_final(PG_FUNCTION_ARGS)
{
	MemoryContext fit_context;
	MemoryContext old_context;
	const FitState *state;
	MixtureFit	fit;
	GmmFitInfo	info = {0};
	GmmModel   *model = NULL;

	Assert(AggCheckCallContext(fcinfo, NULL));
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	state = (const FitState *) PG_GETARG_POINTER(0);
	if (state->rows == NULL && !state->weightless)
		PG_RETURN_NULL();

	fit_context = AllocSetContextCreate(CurrentMemoryContext, "gmm fit",
										ALLOCSET_DEFAULT_SIZES);
	old_context = MemoryContextSwitchTo(fit_context);
	if (run_engine(state, &fit, &info))
	{
		fit.info.n_labelled = state->n_labelled;
		info.fit = fit.info;
		MemoryContextSwitchTo(old_context);
		model = gmm_model_make(&fit.parameters, &state->options.features, &info);
	}
	MemoryContextSwitchTo(old_context);
	MemoryContextDelete(fit_context);
	if (model == NULL)
		PG_RETURN_NULL();
	gmm_warnings_note(fcinfo, model, &state->options.mixture, NULL);
	PG_RETURN_GMM_MODEL(model);
}
