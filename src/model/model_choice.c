/*
 * model_choice.c
 *	  What gmm_fit_best tried: how a model carries it through text, jsonb and
 *	  binary, and the rows of gmm_trials().
 *
 * A trial is kept as what a fit found out; the criteria follow from that, and
 * from what all trials have in common (the rows' weight, the dimensions), and
 * are computed when they are asked for.  Trials stand in the order of family
 * and k, each at most once, so the chosen one need not be marked: it is that
 * of the model's own family and k.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "funcapi.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "compat.h"
#include "model/model_choice.h"

#define TRIALS_COLUMNS		13

/* An entropy is computed from sums that may be off by this share. */
#define ENTROPY_TOLERANCE	1e-6

PG_FUNCTION_INFO_V1(gmm_trials);

static const char *const criterion_names[MIXTURE_N_CRITERIA] = {
	"bic", "aic", "icl"
};

const char *
gmm_criterion_name(MixtureCriterion criterion)
{
	return criterion_names[criterion];
}

/* Set *criterion to that of this name, in any case; false if there is none. */
bool
gmm_criterion_parse(const char *name, MixtureCriterion *criterion)
{
	for (int i = 0; i < MIXTURE_N_CRITERIA; i++)
	{
		if (pg_strcasecmp(name, criterion_names[i]) == 0)
		{
			*criterion = (MixtureCriterion) i;
			return true;
		}
	}
	return false;
}


/* --- text --- */

/* The keys of a trial, in the order in which they are written. */
typedef enum TrialKey
{
	TRIAL_K = 0,
	TRIAL_COVARIANCE_TYPE,
	TRIAL_LOG_LIKELIHOOD,
	TRIAL_ENTROPY,
	TRIAL_ITERATIONS,
	TRIAL_CONVERGED,
	TRIAL_N_STARTS,
	TRIAL_N_BEST_STARTS,
	TRIAL_N_SUSPECT
} TrialKey;

#define N_TRIAL_KEYS	(TRIAL_N_SUSPECT + 1)
#define ALL_TRIAL_KEYS	((1U << N_TRIAL_KEYS) - 1)

static const char *const trial_keys[N_TRIAL_KEYS] = {
	"k", "covariance_type", "log_likelihood", "entropy", "iterations",
	"converged", "n_starts", "n_best_starts", "n_suspect"
};

#define TRIAL_KEYS_HINT \
	"A trial has the keys k, covariance_type, log_likelihood, entropy, " \
	"iterations, converged, n_starts, n_best_starts and n_suspect."

/* Append the keys criterion and trials, if there are any, to a JSON object. */
void
gmm_trials_append(StringInfo text, const GmmModel *model)
{
	const GmmTrial *trials = gmm_model_trials(model);

	if (model->n_trials == 0)
		return;
	appendStringInfo(text, ",\"criterion\":\"%s\",\"trials\":[",
					 gmm_criterion_name((MixtureCriterion) model->criterion));
	for (int i = 0; i < model->n_trials; i++)
	{
		const GmmTrial *trial = &trials[i];

		CHECK_FOR_INTERRUPTS();
		appendStringInfo(text, "%s{\"k\":%d,\"covariance_type\":\"%s\",\"log_likelihood\":",
						 i > 0 ? "," : "", trial->k,
						 gmm_covariance_type_name((MixtureCovarianceType) trial->covariance_type));
		gmm_text_append_double(text, trial->log_likelihood);
		appendStringInfoString(text, ",\"entropy\":");
		gmm_text_append_double(text, trial->entropy);
		appendStringInfo(text, ",\"iterations\":%d,\"converged\":%s,\"n_starts\":%d,\"n_best_starts\":%d,\"n_suspect\":%d}",
						 trial->iterations, trial->converged ? "true" : "false",
						 trial->n_starts, trial->n_best_starts, trial->n_suspect);
	}
	appendStringInfoChar(text, ']');
}

/* Save an error about the kind of the value of "trials". */
static bool
not_trials(const GmmTrialReader *reader)
{
	ereturn(reader->escontext, false,
			(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			 errmsg("\"trials\" of a gmm_model must be an array of objects"),
			 errhint(TRIAL_KEYS_HINT)));
}

/* JSON parser: [ */
bool
gmm_trial_reader_array_start(GmmTrialReader *reader)
{
	if (reader->in_array)
		return not_trials(reader);
	reader->in_array = true;
	return true;
}

/* JSON parser: { */
bool
gmm_trial_reader_object_start(GmmTrialReader *reader)
{
	if (!reader->in_array || reader->in_trial)
		return not_trials(reader);
	reader->in_trial = true;
	reader->seen = 0;
	memset(&reader->trial, 0, sizeof(GmmTrial));
	return true;
}

/* JSON parser: a key in a trial */
bool
gmm_trial_reader_key(GmmTrialReader *reader, const char *name)
{
	int			key = 0;

	while (key < N_TRIAL_KEYS && strcmp(name, trial_keys[key]) != 0)
		key++;
	if (key == N_TRIAL_KEYS)
		ereturn(reader->escontext, false,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("unknown key in a trial of a gmm_model"),
				 errhint(TRIAL_KEYS_HINT)));
	if (reader->seen & (1U << key))
		ereturn(reader->escontext, false,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("duplicate key \"%s\" in a trial of a gmm_model", name)));
	reader->key = key;
	reader->seen |= 1U << key;
	return true;
}

/* The place of a trial's integer, or NULL for another key. */
static int32 *
integer_place(GmmTrial *trial, TrialKey key)
{
	switch (key)
	{
		case TRIAL_K:
			return &trial->k;
		case TRIAL_ITERATIONS:
			return &trial->iterations;
		case TRIAL_N_STARTS:
			return &trial->n_starts;
		case TRIAL_N_BEST_STARTS:
			return &trial->n_best_starts;
		case TRIAL_N_SUSPECT:
			return &trial->n_suspect;
		default:
			return NULL;
	}
}

/* JSON parser: a string, number, true, false or null */
bool
gmm_trial_reader_scalar(GmmTrialReader *reader, const char *token,
						JsonTokenType type)
{
	GmmTrial   *trial = &reader->trial;
	const char *name;
	int32	   *integer;
	int64		value;

	if (!reader->in_trial)
		return not_trials(reader);
	name = trial_keys[reader->key];
	integer = integer_place(trial, (TrialKey) reader->key);

	if (type == JSON_TOKEN_NUMBER && integer != NULL)
	{
		if (!gmm_text_read_integer("gmm_model", name, token, PG_INT32_MAX,
								   &value, reader->escontext))
			return false;
		*integer = (int32) value;
	}
	else if (type == JSON_TOKEN_NUMBER && reader->key == TRIAL_LOG_LIKELIHOOD)
		return gmm_text_read_double("gmm_model", name, token, &trial->log_likelihood,
									reader->escontext);
	else if (type == JSON_TOKEN_NUMBER && reader->key == TRIAL_ENTROPY)
		return gmm_text_read_double("gmm_model", name, token, &trial->entropy,
									reader->escontext);
	else if ((type == JSON_TOKEN_TRUE || type == JSON_TOKEN_FALSE) &&
			 reader->key == TRIAL_CONVERGED)
		trial->converged = type == JSON_TOKEN_TRUE;
	else if (type == JSON_TOKEN_STRING && reader->key == TRIAL_COVARIANCE_TYPE)
	{
		MixtureCovarianceType family;

		if (!gmm_covariance_type_parse(token, &family))
			ereturn(reader->escontext, false,
					(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
					 errmsg("unknown covariance_type in a trial of a gmm_model"),
					 errhint(GMM_COVARIANCE_TYPES_HINT)));
		trial->covariance_type = family;
	}
	else
		ereturn(reader->escontext, false,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("\"%s\" in a trial of a gmm_model must be %s", name,
						reader->key == TRIAL_COVARIANCE_TYPE ? "a string" :
						reader->key == TRIAL_CONVERGED ? "true or false" :
						integer != NULL ? "an integer" : "a number")));
	return true;
}

/* JSON parser: } */
bool
gmm_trial_reader_object_end(GmmTrialReader *reader)
{
	for (int key = 0; key < N_TRIAL_KEYS; key++)
		if (!(reader->seen & (1U << key)))
			ereturn(reader->escontext, false,
					(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
					 errmsg("key \"%s\" is missing in a trial of a gmm_model",
							trial_keys[key]),
					 errhint(TRIAL_KEYS_HINT)));
	if (reader->n_trials == GMM_MAX_TRIALS)
		ereturn(reader->escontext, false,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a gmm_model has more than %d trials", GMM_MAX_TRIALS)));
	if (reader->n_trials == reader->max_trials)
	{
		reader->max_trials = Max(16, 2 * reader->max_trials);
		if (reader->trials == NULL)
			reader->trials = (GmmTrial *) palloc(reader->max_trials * sizeof(GmmTrial));
		else
			reader->trials = (GmmTrial *)
				repalloc(reader->trials, reader->max_trials * sizeof(GmmTrial));
	}
	reader->trials[reader->n_trials++] = reader->trial;
	reader->in_trial = false;
	return true;
}


/* --- binary --- */

/* Send the trials, each as GMM_TRIAL_SENT_BYTES bytes. */
void
gmm_trials_send(StringInfo buffer, const GmmModel *model)
{
	const GmmTrial *trials = gmm_model_trials(model);

	for (int i = 0; i < model->n_trials; i++)
	{
		const GmmTrial *trial = &trials[i];

		pq_sendint32(buffer, trial->k);
		pq_sendint8(buffer, trial->covariance_type);
		pq_sendint8(buffer, trial->converged);
		pq_sendfloat8(buffer, trial->log_likelihood);
		pq_sendfloat8(buffer, trial->entropy);
		pq_sendint32(buffer, trial->iterations);
		pq_sendint32(buffer, trial->n_starts);
		pq_sendint32(buffer, trial->n_best_starts);
		pq_sendint32(buffer, trial->n_suspect);
	}
}

/* Receive n_trials, at most GMM_MAX_TRIALS, of which the bytes are there. */
const GmmTrial *
gmm_trials_receive(StringInfo buffer, int n_trials)
{
	GmmTrial   *trials = (GmmTrial *) palloc0(n_trials * sizeof(GmmTrial));

	for (int i = 0; i < n_trials; i++)
	{
		GmmTrial   *trial = &trials[i];
		int			type;
		int			converged;

		trial->k = (int32) pq_getmsgint(buffer, 4);
		type = pq_getmsgbyte(buffer);
		converged = pq_getmsgbyte(buffer);
		if (type >= MIXTURE_N_COVARIANCE_TYPES || converged > 1)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
					 errmsg("invalid trial in a binary gmm_model")));
		trial->covariance_type = type;
		trial->converged = converged;
		trial->log_likelihood = pq_getmsgfloat8(buffer);
		trial->entropy = pq_getmsgfloat8(buffer);
		trial->iterations = (int32) pq_getmsgint(buffer, 4);
		trial->n_starts = (int32) pq_getmsgint(buffer, 4);
		trial->n_best_starts = (int32) pq_getmsgint(buffer, 4);
		trial->n_suspect = (int32) pq_getmsgint(buffer, 4);
	}
	return trials;
}


/* --- validation --- */

/*
 * Whether the responsibilities of k components can have this entropy, summed
 * over rows of that weight.
 */
bool
gmm_entropy_possible(double entropy, double sum_weights, int k)
{
	return entropy >= 0.0 &&
		entropy <= sum_weights * log((double) k) * (1.0 + ENTROPY_TOLERANCE);
}

/* What is wrong with a trial by itself, or NULL. */
static const char *
trial_fault(const GmmTrial *trial, int d, double sum_weights)
{
	if (trial->k < 1 ||
		!mixture_shape_allowed((MixtureCovarianceType) trial->covariance_type,
							   trial->k, d))
		return "\"k\" is out of range";
	if (!isfinite(trial->log_likelihood))
		return "\"log_likelihood\" must be finite";
	if (!gmm_entropy_possible(trial->entropy, sum_weights, trial->k))
		return "\"entropy\" must be between 0 and \"sum_weights\" times the logarithm of k";
	if (trial->iterations < 0)
		return "\"iterations\" must not be negative";
	if (trial->n_starts < 0)
		return "\"n_starts\" must not be negative";
	if (trial->n_best_starts < 0 || trial->n_best_starts > trial->n_starts)
		return "\"n_best_starts\" must be between 0 and \"n_starts\"";
	if (trial->n_suspect < 0 || trial->n_suspect > trial->k)
		return "\"n_suspect\" must be between 0 and \"k\"";
	return NULL;
}

/* Do the two stand in their order, by family and then by k? */
static bool
in_order(const GmmTrial *first, const GmmTrial *second)
{
	if (first->covariance_type != second->covariance_type)
		return first->covariance_type < second->covariance_type;
	return first->k < second->k;
}

/* Does the model say of its fit what this trial says? */
static bool
is_fit(const GmmTrial *trial, const GmmFitInfo *info)
{
	return trial->log_likelihood == info->log_likelihood &&
		trial->entropy == info->entropy &&
		trial->iterations == info->iterations &&
		(trial->converged != 0) == info->converged &&
		trial->n_starts == info->n_starts &&
		trial->n_best_starts == info->n_best_starts;
}

/*
 * Check the trials of a model: each possible by itself, all in their order,
 * and one of them the fit that the model has.
 */
bool
gmm_trials_check(const MixtureParameters *parameters, const GmmFitInfo *info,
				 Node *escontext)
{
	bool		found = false;

	for (int i = 0; i < info->n_trials; i++)
	{
		const GmmTrial *trial = &info->trials[i];
		const char *fault = trial_fault(trial, parameters->d, info->sum_weights);

		CHECK_FOR_INTERRUPTS();
		if (fault != NULL)
			ereturn(escontext, false,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("trial %d of a gmm_model is not possible", i + 1),
					 errdetail_internal("%s", fault)));
		if (i > 0 && !in_order(trial - 1, trial))
			ereturn(escontext, false,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("the trials of a gmm_model are not in their order"),
					 errdetail("Trial %d does not come after trial %d by covariance_type (full, tied, diag, spherical) and k.",
							   i + 1, i)));
		if (trial->k == parameters->k &&
			trial->covariance_type == parameters->covariance_type)
			found = is_fit(trial, info);
	}
	if (info->n_trials > 0 && !found)
		ereturn(escontext, false,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("none of the trials of a gmm_model is its own fit"),
				 errdetail("There is to be a trial of the model's k and covariance_type that agrees with the model in log_likelihood, entropy, iterations, converged, n_starts and n_best_starts.")));
	return true;
}


/* --- rows --- */

/* Form the row of a trial. */
static Datum
trial_row(const GmmModel *model, const GmmTrial *trial, TupleDesc descriptor)
{
	MixtureParameters shape = {
		.k = trial->k,
		.d = model->d,
		.covariance_type = (MixtureCovarianceType) trial->covariance_type
	};
	Datum		values[TRIALS_COLUMNS];
	bool		nulls[TRIALS_COLUMNS] = {false};

	values[0] = Int32GetDatum(trial->k);
	values[1] = CStringGetTextDatum(gmm_covariance_type_name(shape.covariance_type));
	values[2] = Int64GetDatum(mixture_free_parameters(shape.covariance_type,
													  shape.k, shape.d));
	values[3] = Float8GetDatum(trial->log_likelihood);
	values[4] = Float8GetDatum(mixture_bic(&shape, trial->log_likelihood,
										   model->sum_weights));
	values[5] = Float8GetDatum(mixture_aic(&shape, trial->log_likelihood));
	values[6] = Float8GetDatum(mixture_icl(&shape, trial->log_likelihood,
										   model->sum_weights, trial->entropy));
	values[7] = Int32GetDatum(trial->iterations);
	values[8] = BoolGetDatum(trial->converged != 0);
	values[9] = Int32GetDatum(trial->n_starts);
	values[10] = Int32GetDatum(trial->n_best_starts);
	values[11] = Int32GetDatum(trial->n_suspect);
	values[12] = BoolGetDatum(trial->k == model->k &&
							  trial->covariance_type == model->covariance_type);
	return HeapTupleGetDatum(heap_form_tuple(descriptor, values, nulls));
}

/*
 * gmm_trials(gmm_model) returns table (k, covariance_type, n_parameters,
 * log_likelihood, bic, aic, icl, iterations, converged, n_starts,
 * n_best_starts, n_suspect, chosen)
 *
 * No row for a model that was not chosen among others.
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
		TupleDesc	descriptor;

		call = SRF_FIRSTCALL_INIT();
		caller = MemoryContextSwitchTo(call->multi_call_memory_ctx);
		if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE ||
			descriptor->natts != TRIALS_COLUMNS)
			elog(ERROR, "gmm_trials must return %d columns", TRIALS_COLUMNS);
		call->tuple_desc = BlessTupleDesc(descriptor);
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
