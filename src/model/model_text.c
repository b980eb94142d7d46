/*
 * model_text.c
 *	  gmm_model as text, json and jsonb.
 *
 * The text form is JSON, so that Python, R and jq read and write it, with
 * covariances in scikit-learn's shapes.
 *
 * The casts to and from json and jsonb go through the text form, and so through
 * its validation.  (jsonb's numbers have no -0, all others survive.)  There are
 * both, since the functions that make JSON of rows, to_jsonb() and its like,
 * look for a cast to json; without it they would quote the text form.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/json.h"
#include "utils/jsonb.h"

#include "compat.h"
#include "model/json_writer.h"
#include "model/model_text.h"

PG_FUNCTION_INFO_V1(gmm_model_in);
PG_FUNCTION_INFO_V1(gmm_model_out);
PG_FUNCTION_INFO_V1(gmm_model_to_json);
PG_FUNCTION_INFO_V1(gmm_model_to_jsonb);
PG_FUNCTION_INFO_V1(gmm_model_from_json);
PG_FUNCTION_INFO_V1(gmm_model_from_jsonb);

/* What a text is read into. */
typedef struct ModelText
{
	GmmParametersText parameters;
	MixtureFitInfo fit;
	MixtureCriterion criterion;
	GmmJsonRecords trials;
} ModelText;

/* Its keys, in the order in which they are written */
static const GmmField model_keys[] = {
	GMM_PARAMETERS_KEYS(ModelText),
#define FIT_FIELD(type, name, known, possible, rule) \
	{#name, GMM_KIND_##type, offsetof(ModelText, fit.name), \
		(known) ? GMM_GROUP_FIT : GMM_GROUP_MORE_FIT},
#include "engine/fields.h"
	{"criterion", GMM_FIELD_CRITERION, offsetof(ModelText, criterion), GMM_GROUP_CHOICE},
	{"trials", GMM_FIELD_RECORDS, offsetof(ModelText, trials), GMM_GROUP_CHOICE}
};

static const GmmFields model_fields = {model_keys, lengthof(model_keys)};

static const GmmJsonForm trial_form = {
	.name = "trial of a gmm_model",
	.keys = &gmm_trial_fields,
	.size = sizeof(MixtureTrial),
	.keys_are = "A trial has the keys"
};

static const GmmJsonForm model_form = {
	.name = "gmm_model",
	.keys = &model_fields,
	.size = sizeof(ModelText),
	.keys_are = "Valid keys are",
	.example = "An example is {\"weights\": [0.5, 0.5], \"means\": [[0], [5]], \"covariances\": [[[1]], [[1]]]}.",
	.element = &trial_form,
	.most_elements = GMM_MAX_TRIALS
};


/* --- writing --- */

/* Append the key features. */
static void
append_names(StringInfo text, const GmmFeatureNames *names)
{
	const char *name = names->bytes;

	appendStringInfoString(text, ",\"features\":[");
	for (int i = 0; i < names->n; i++)
	{
		if (i > 0)
			appendStringInfoChar(text, ',');
		escape_json(text, name);
		name += strlen(name) + 1;
	}
	appendStringInfoChar(text, ']');
}

/* Begin the object that a text form is with the parameters and the names. */
void
gmm_text_append_parameters(StringInfo text, const MixtureParameters *parameters,
						   const GmmFeatureNames *names)
{
	int			k = parameters->k;
	int			d = parameters->d;

	appendStringInfo(text, "{\"k\":%d,\"d\":%d", k, d);
	if (names->n > 0)
		append_names(text, names);
	appendStringInfo(text, ",\"covariance_type\":\"%s\",\"weights\":",
					 gmm_covariance_type_name(parameters->covariance_type));
	gmm_json_append_vector(text, parameters->weights, k);
	appendStringInfoString(text, ",\"means\":");
	gmm_json_append_rows(text, parameters->means, k, d);
	appendStringInfoString(text, ",\"covariances\":");
	gmm_json_append_covariances(text, parameters->covariance_type, k, d,
								parameters->covariances);
	if (parameters->noise_box == NULL)
		return;
	appendStringInfoString(text, ",\"noise_weight\":");
	gmm_json_append_double(text, parameters->noise_weight);
	appendStringInfoString(text, ",\"noise_least\":");
	gmm_json_append_vector(text, parameters->noise_box, d);
	appendStringInfoString(text, ",\"noise_most\":");
	gmm_json_append_vector(text, parameters->noise_box + d, d);
}

/* Append the keys criterion and trials. */
static void
append_choice(StringInfo text, const GmmModel *model)
{
	const MixtureTrial *trials = gmm_model_trials(model);

	appendStringInfo(text, ",\"criterion\":\"%s\",\"trials\":[",
					 gmm_criterion_name((MixtureCriterion) model->criterion));
	for (int i = 0; i < model->n_trials; i++)
	{
		CHECK_FOR_INTERRUPTS();
		appendStringInfoString(text, i > 0 ? ",{" : "{");
		gmm_fields_append(text, &gmm_trial_fields, &trials[i]);
		appendStringInfoChar(text, '}');
	}
	appendStringInfoChar(text, ']');
}

/* Write the text form, without white space as to_json() does, into a palloc'd string. */
static char *
model_to_text(const GmmModel *model)
{
	StringInfoData text;
	MixtureParameters parameters;
	GmmFeatureNames names;

	gmm_model_parameters(model, &parameters);
	gmm_model_names(model, &names);
	initStringInfo(&text);
	gmm_text_append_parameters(&text, &parameters, &names);
	if (model->flags & GMM_MODEL_FITTED)
	{
		appendStringInfoChar(&text, ',');
		gmm_fields_append(&text, &gmm_fit_fields, &model->fit);
	}
	if (model->n_trials > 0)
		append_choice(&text, model);
	appendStringInfoChar(&text, '}');
	return text.data;
}


/* --- reading --- */

/* Before reading: covariances are full by default, and there is no noise. */
void
gmm_parameters_text_init(GmmParametersText *text)
{
	memset(text, 0, sizeof(GmmParametersText));
	text->k = GMM_NOT_SAID;
	text->d = GMM_NOT_SAID;
	text->covariance_type = MIXTURE_FULL;
	text->noise.weight = get_float8_nan();
}

/* Check that k or d, if the text says it, is what the arrays say. */
static bool
check_said(const char *type, const char *key, int said, int found, Node *escontext)
{
	if (said != GMM_NOT_SAID && said != found)
		ereturn(escontext, false,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("\"%s\" of a %s is %d, but the arrays say %d",
						key, type, said, found)));
	return true;
}

/* Check that all of what is said of noise is there, or nothing. */
static bool
check_noise_keys(const GmmNoise *noise, const char *type, Node *escontext)
{
	bool		weight = !isnan(noise->weight);
	bool		least = noise->least.name != NULL;
	bool		most = noise->most.name != NULL;

	if (weight != least || least != most)
		ereturn(escontext, false,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("key \"%s\" is missing in a %s",
						!weight ? "noise_weight" : !least ? "noise_least" : "noise_most", type),
				 errhint("The keys noise_weight, noise_least and noise_most are given together or not at all.")));
	return true;
}

/*
 * Make a model of what was read in a text of the type, validating everything;
 * NULL after a soft error.
 */
GmmModel *
gmm_parameters_text_model(const GmmParametersText *text, const char *type,
						  const GmmFitInfo *info, Node *escontext)
{
	GmmFeatureNames names;
	GmmModel   *model;

	if (!check_noise_keys(&text->noise, type, escontext) ||
		!gmm_names_make((const char *const *) text->features.strings, text->features.n,
						&names, escontext))
		return NULL;
	model = gmm_model_from_parts(text->covariance_type, &text->weights, &text->means,
								 &text->covariances,
								 isnan(text->noise.weight) ? NULL : &text->noise, &names,
								 info, escontext);
	if (model == NULL || !check_said(type, "k", text->k, model->k, escontext) ||
		!check_said(type, "d", text->d, model->d, escontext))
		return NULL;
	return model;
}

/* A hint for a key that is missing */
static int
missing_hint(GmmFieldGroup group)
{
	if (group == GMM_GROUP_REQUIRED)
		return errhint("The keys %s are required.",
					   gmm_json_key_list(&model_form, group));
	return errhint("The keys %s are given together or not at all.",
				   gmm_json_key_list(&model_form, group));
}

/* Check that the keys are complete. */
static bool
check_keys(const ModelText *text, uint64 seen, Node *escontext)
{
	int			groups = gmm_json_groups(&model_form, seen);
	int			wanted = GMM_GROUP_REQUIRED | (groups & GMM_GROUP_CHOICE);
	GmmFieldGroup group;
	const char *missing;

	if (groups & (GMM_GROUP_FIT | GMM_GROUP_MORE_FIT | GMM_GROUP_CHOICE))
		wanted |= GMM_GROUP_FIT;
	missing = gmm_json_missing(&model_form, seen, wanted, &group);
	if (missing != NULL)
		ereturn(escontext, false,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("key \"%s\" is missing in a gmm_model", missing),
				 missing_hint(group)));
	if ((groups & GMM_GROUP_CHOICE) && isnan(text->fit.entropy))
		ereturn(escontext, false,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("key \"entropy\" is missing in a gmm_model"),
				 errhint("A model that has \"trials\" has it, too.")));
	if ((groups & GMM_GROUP_CHOICE) && text->trials.n == 0)
		ereturn(escontext, false,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("\"trials\" of a gmm_model must not be empty"),
				 errhint("Leave \"criterion\" and \"trials\" out.")));
	return true;
}

/*
 * Read the text form and make a model of it, palloc'd; NULL is returned
 * after a soft error.
 */
static GmmModel *
parse_model(char *string, Node *escontext)
{
	ModelText	text;
	GmmFitInfo	info;
	uint64		seen;

	memset(&text, 0, sizeof(text));
	gmm_parameters_text_init(&text.parameters);
	gmm_fields_forget(&gmm_fit_fields, &text.fit);
	if (!gmm_json_read(string, strlen(string), &model_form, &text, &seen, escontext) ||
		!check_keys(&text, seen, escontext))
		return NULL;
	info.fit = text.fit;
	info.criterion = text.criterion;
	info.n_trials = text.trials.n;
	info.trials = (const MixtureTrial *) text.trials.records;
	return gmm_parameters_text_model(&text.parameters, "gmm_model",
									 gmm_json_groups(&model_form, seen) & GMM_GROUP_FIT ?
									 &info : NULL, escontext);
}


/* --- SQL --- */

/* gmm_model_out(gmm_model) returns cstring */
Datum
gmm_model_out(PG_FUNCTION_ARGS)
{
	PG_RETURN_CSTRING(model_to_text(PG_GETARG_GMM_MODEL(0)));
}

/* gmm_model_in(cstring) returns gmm_model */
Datum
gmm_model_in(PG_FUNCTION_ARGS)
{
	PG_RETURN_GMM_MODEL(parse_model(PG_GETARG_CSTRING(0), fcinfo->context));
}

/* gmm_model_to_json(gmm_model) returns json */
Datum
gmm_model_to_json(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(model_to_text(PG_GETARG_GMM_MODEL(0))));
}

/* gmm_model_to_jsonb(gmm_model) returns jsonb */
Datum
gmm_model_to_jsonb(PG_FUNCTION_ARGS)
{
	char	   *text = model_to_text(PG_GETARG_GMM_MODEL(0));

	PG_RETURN_DATUM(DirectFunctionCall1(jsonb_in, CStringGetDatum(text)));
}

/* gmm_model_from_json(json) returns gmm_model */
Datum
gmm_model_from_json(PG_FUNCTION_ARGS)
{
	PG_RETURN_GMM_MODEL(parse_model(text_to_cstring(PG_GETARG_TEXT_PP(0)), NULL));
}

/* gmm_model_from_jsonb(jsonb) returns gmm_model */
Datum
gmm_model_from_jsonb(PG_FUNCTION_ARGS)
{
	Jsonb	   *jsonb = PG_GETARG_JSONB_P(0);

	PG_RETURN_GMM_MODEL(parse_model(JsonbToCString(NULL, &jsonb->root, VARSIZE(jsonb)),
									NULL));
}
