/*
 * stats_text.c
 *	  gmm_stats as text, json and jsonb.
 *
 * The text form is that of the model under which the statistics were made,
 * with the sums beside: JSON, in the same shapes.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "compat.h"
#include "model/json_writer.h"
#include "model/model_text.h"
#include "stats/stats.h"

PG_FUNCTION_INFO_V1(gmm_stats_in);
PG_FUNCTION_INFO_V1(gmm_stats_out);
PG_FUNCTION_INFO_V1(gmm_stats_to_json);
PG_FUNCTION_INFO_V1(gmm_stats_to_jsonb);
PG_FUNCTION_INFO_V1(gmm_stats_from_json);
PG_FUNCTION_INFO_V1(gmm_stats_from_jsonb);

/* What a text is read into. */
typedef struct StatsText
{
	GmmParametersText parameters;
	GmmSumsText sums;
} StatsText;

/* Its keys, in the order in which they are written */
static const GmmField stats_keys[] = {
	GMM_PARAMETERS_KEYS(StatsText),
	{"n_rows", GMM_FIELD_INT64, offsetof(StatsText, sums.n_rows), GMM_GROUP_REQUIRED},
	{"n_labelled", GMM_FIELD_INT64, offsetof(StatsText, sums.n_labelled),
	GMM_GROUP_OPTIONAL},
	{"sum_weights", GMM_FIELD_FLOAT8, offsetof(StatsText, sums.sum_weights),
	GMM_GROUP_REQUIRED},
	{"log_likelihood", GMM_FIELD_FLOAT8, offsetof(StatsText, sums.log_likelihood),
	GMM_GROUP_REQUIRED},
	{"log_density_squares", GMM_FIELD_FLOAT8,
	offsetof(StatsText, sums.log_density_squares), GMM_GROUP_REQUIRED},
	{"noise_sum", GMM_FIELD_FLOAT8, offsetof(StatsText, sums.noise_sum),
	GMM_GROUP_OPTIONAL},
	{"component_weights", GMM_FIELD_ARRAY, offsetof(StatsText, sums.component_weights),
	GMM_GROUP_REQUIRED},
	{"firsts", GMM_FIELD_ARRAY, offsetof(StatsText, sums.firsts), GMM_GROUP_REQUIRED},
	{"seconds", GMM_FIELD_ARRAY, offsetof(StatsText, sums.seconds), GMM_GROUP_REQUIRED}
};

static const GmmFields stats_fields = {stats_keys, lengthof(stats_keys)};

static const GmmJsonForm stats_form = {
	.name = "gmm_stats",
	.keys = &stats_fields,
	.size = sizeof(StatsText),
	.keys_are = "Valid keys are",
	.example = "The aggregate gmm_accumulate makes it."
};

/* Read the text form; NULL is returned after a soft error. */
static GmmStats *
parse_stats(char *string, Node *escontext)
{
	StatsText	text;
	uint64		seen;
	GmmFieldGroup group;
	const char *missing;
	GmmModel   *model;

	memset(&text, 0, sizeof(text));
	gmm_parameters_text_init(&text.parameters);
	if (!gmm_json_read(string, strlen(string), &stats_form, &text, &seen, escontext))
		return NULL;
	missing = gmm_json_missing(&stats_form, seen, GMM_GROUP_REQUIRED, &group);
	if (missing != NULL)
		ereturn(escontext, NULL,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("key \"%s\" is missing in a gmm_stats", missing),
				 errhint("All keys but %s are required.",
						 gmm_json_key_list(&stats_form, GMM_GROUP_OPTIONAL))));
	model = gmm_parameters_text_model(&text.parameters, "gmm_stats", NULL, escontext);
	if (model == NULL)
		return NULL;
	return gmm_stats_from_parts(model, &text.sums, escontext);
}

/* The text form of statistics, palloc'd. */
static char *
stats_to_text(Datum datum)
{
	GmmStatsView view;
	StringInfoData text;
	int			k;
	int			d;

	gmm_stats_view(datum, &view);
	k = view.parameters.k;
	d = view.parameters.d;
	initStringInfo(&text);
	gmm_text_append_parameters(&text, &view.parameters, &view.names);
	appendStringInfo(&text, ",\"n_rows\":" INT64_FORMAT, view.n_rows);
	if (view.n_labelled > 0)
		appendStringInfo(&text, ",\"n_labelled\":" INT64_FORMAT, view.n_labelled);
	appendStringInfoString(&text, ",\"sum_weights\":");
	gmm_json_append_double(&text, *view.sums.sum_weights);
	appendStringInfoString(&text, ",\"log_likelihood\":");
	gmm_json_append_double(&text, *view.sums.log_likelihood);
	appendStringInfoString(&text, ",\"log_density_squares\":");
	gmm_json_append_double(&text, *view.sums.log_density_squares);
	if (view.parameters.noise_box != NULL)
	{
		appendStringInfoString(&text, ",\"noise_sum\":");
		gmm_json_append_double(&text, *view.sums.noise_weight);
	}
	appendStringInfoString(&text, ",\"component_weights\":");
	gmm_json_append_vector(&text, view.sums.component_weights, k);
	appendStringInfoString(&text, ",\"firsts\":");
	gmm_json_append_rows(&text, view.sums.firsts, k, d);
	appendStringInfoString(&text, ",\"seconds\":");
	gmm_json_append_covariances(&text, view.parameters.covariance_type, k, d,
								view.sums.seconds);
	appendStringInfoChar(&text, '}');
	return text.data;
}

/* gmm_stats_in(cstring) returns gmm_stats */
Datum
gmm_stats_in(PG_FUNCTION_ARGS)
{
	PG_RETURN_GMM_STATS(parse_stats(PG_GETARG_CSTRING(0), fcinfo->context));
}

/* gmm_stats_out(gmm_stats) returns cstring */
Datum
gmm_stats_out(PG_FUNCTION_ARGS)
{
	PG_RETURN_CSTRING(stats_to_text(PG_GETARG_DATUM(0)));
}

/* gmm_stats_to_json(gmm_stats) returns json */
Datum
gmm_stats_to_json(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(stats_to_text(PG_GETARG_DATUM(0))));
}

/* gmm_stats_to_jsonb(gmm_stats) returns jsonb */
Datum
gmm_stats_to_jsonb(PG_FUNCTION_ARGS)
{
	char	   *text = stats_to_text(PG_GETARG_DATUM(0));

	PG_RETURN_DATUM(DirectFunctionCall1(jsonb_in, CStringGetDatum(text)));
}

/* gmm_stats_from_json(json) returns gmm_stats */
Datum
gmm_stats_from_json(PG_FUNCTION_ARGS)
{
	PG_RETURN_GMM_STATS(parse_stats(text_to_cstring(PG_GETARG_TEXT_PP(0)), NULL));
}

/* gmm_stats_from_jsonb(jsonb) returns gmm_stats */
Datum
gmm_stats_from_jsonb(PG_FUNCTION_ARGS)
{
	Jsonb	   *jsonb = PG_GETARG_JSONB_P(0);

	PG_RETURN_GMM_STATS(parse_stats(JsonbToCString(NULL, &jsonb->root, VARSIZE(jsonb)),
									NULL));
}
