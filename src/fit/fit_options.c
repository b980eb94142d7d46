/*
 * fit_options.c
 *	  The options of a fit: jsonb in, MixtureOptions out.
 *
 * Options travel as jsonb so that they can be written as a literal, kept in a
 * column beside the model and extended without a new signature of the
 * aggregates.  What jsonb does not give, names and types that \df shows, is
 * what the SQL function gmm_options() is for.  Both end in
 * gmm_options_parse(), which refuses whatever it does not use.
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/varlena.h"

#include "compat.h"
#include "model/json_writer.h"
#include "model/model.h"
#include "fit/fit_options.h"
#include "fit/option_values.h"

/* An unknown name this many edits from a known one gets a suggestion */
#define SUGGESTION_DISTANCE	3

typedef struct OptionRule
{
	const char *name;
	int			bit;
	void		(*set) (GmmOptions *options, const char *name,
						const JsonbValue *value);
	int			uses;			/* what it has an effect on: bits of GmmUse */
	const char *hint;			/* where it has none, or NULL */
} OptionRule;

PG_FUNCTION_INFO_V1(gmm_options);

/* A number from 0 to most, which is finite; allowed has that in words. */
static double
nonnegative_value(const char *name, const JsonbValue *value, double most,
				  const char *allowed)
{
	double		number;

	if (value->type != jbvNumeric)
		gmm_option_refuse(name, allowed, value);
	number = gmm_option_double(value);
	if (!(number >= 0 && number <= most))
		gmm_option_refuse(name, allowed, value);
	return number;
}

static void
set_accelerate(GmmOptions *options, const char *name, const JsonbValue *value)
{
	if (value->type != jbvBool)
		gmm_option_refuse(name, "true or false", value);
	options->mixture.accelerate = value->val.boolean;
}

static void
set_covariance_type(GmmOptions *options, const char *name,
					const JsonbValue *value)
{
	char	   *family = NULL;

	if (value->type == jbvString)
		family = pnstrdup(value->val.string.val, value->val.string.len);
	if (family != NULL && pg_strcasecmp(family, "auto") == 0)
		options->auto_covariance_type = true;
	else if (family == NULL ||
			 !gmm_covariance_type_parse(family, &options->mixture.covariance_type))
		gmm_option_refuse(name, "full, tied, diag or spherical (or VVV, EEE, VVI, VII)",
						  value);
}

static void
set_criterion(GmmOptions *options, const char *name, const JsonbValue *value)
{
	if (value->type != jbvString ||
		!gmm_criterion_parse(pnstrdup(value->val.string.val, value->val.string.len),
							 &options->criterion))
		gmm_option_refuse(name, "bic, aic or icl", value);
}

/* Names of features: an array of strings, or an empty one for none. */
static void
set_features(GmmOptions *options, const char *name, const JsonbValue *value)
{
	const char *allowed = "an array of names";
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	element;
	const char **strings;
	int			n = 0;

	if (value->type != jbvBinary || !JsonContainerIsArray(value->val.binary.data))
		gmm_option_refuse(name, allowed, value);
	if (JsonContainerSize(value->val.binary.data) > MIXTURE_MAX_DIMENSIONS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("option \"%s\" has %u names, the limit is %d", name,
						JsonContainerSize(value->val.binary.data), MIXTURE_MAX_DIMENSIONS)));
	strings = (const char **)
		palloc(JsonContainerSize(value->val.binary.data) * sizeof(char *));
	iterator = JsonbIteratorInit(value->val.binary.data);
	while ((token = JsonbIteratorNext(&iterator, &element, true)) != WJB_DONE)
	{
		if (token != WJB_ELEM)
			continue;
		if (element.type != jbvString)
			gmm_option_refuse_text(name, allowed,
								   psprintf("one with %s in it",
											gmm_option_describe(&element)));
		strings[n++] = pnstrdup(element.val.string.val, element.val.string.len);
	}
	(void) gmm_names_make(strings, n, &options->features, NULL);
}

static void
set_init(GmmOptions *options, const char *name, const JsonbValue *value)
{
	if (gmm_option_is(value, "kmeans++"))
		options->mixture.init = MIXTURE_INIT_KMEANS_PLUS_PLUS;
	else if (gmm_option_is(value, "random"))
		options->mixture.init = MIXTURE_INIT_RANDOM;
	else
		gmm_option_refuse(name, "kmeans++ or random", value);
}

static void
set_max_iter(GmmOptions *options, const char *name, const JsonbValue *value)
{
	options->mixture.max_iter = (int)
		gmm_option_integer(name, value,
						   "an integer from " CppAsString2(GMM_MIN_MAX_ITER)
						   " to " CppAsString2(GMM_MAX_MAX_ITER),
						   GMM_MIN_MAX_ITER, GMM_MAX_MAX_ITER);
}

/*
 * The number of the name, of three, that a value is; allowed has them in words.
 */
static int
name_value(const char *name, const JsonbValue *value, const char *const names[3],
		   const char *allowed)
{
	for (int i = 0; i < 3; i++)
		if (gmm_option_is(value, names[i]))
			return i;
	gmm_option_refuse(name, allowed, value);
}

static void
set_missing(GmmOptions *options, const char *name, const JsonbValue *value)
{
	static const char *const names[] = {"marginalize", "skip", "error"};
	static const GmmMissing values[] = {
		GMM_MISSING_MARGINALIZE, GMM_MISSING_SKIP, GMM_MISSING_ERROR
	};

	options->missing = values[name_value(name, value, names,
										 "marginalize, skip or error")];
}

static void
set_n_init(GmmOptions *options, const char *name, const JsonbValue *value)
{
	options->mixture.n_init = (int)
		gmm_option_integer(name, value,
						   "an integer from " CppAsString2(GMM_MIN_N_INIT)
						   " to " CppAsString2(GMM_MAX_N_INIT),
						   GMM_MIN_N_INIT, GMM_MAX_N_INIT);
}

static void
set_noise(GmmOptions *options, const char *name, const JsonbValue *value)
{
	if (value->type != jbvBool)
		gmm_option_refuse(name, "true or false", value);
	options->mixture.noise = value->val.boolean;
}

static void
set_reg_covar(GmmOptions *options, const char *name, const JsonbValue *value)
{
	options->mixture.reg_covar = nonnegative_value(name, value, GMM_MAX_REG_COVAR,
												   "a number from 0 to 1e15");
}

static void
set_seed(GmmOptions *options, const char *name, const JsonbValue *value)
{
	options->mixture.seed = (uint64)
		gmm_option_integer(name, value,
						   "an integer from -9223372036854775808 to 9223372036854775807",
						   PG_INT64_MIN, PG_INT64_MAX);
}

static void
set_tol(GmmOptions *options, const char *name, const JsonbValue *value)
{
	options->mixture.tol = nonnegative_value(name, value, DBL_MAX,
											 "a finite number of at least 0");
}

static void
set_too_few_rows(GmmOptions *options, const char *name, const JsonbValue *value)
{
	static const char *const names[] = {"error", "fewer", "null"};
	static const GmmTooFewRows values[] = {
		GMM_TOO_FEW_ERROR, GMM_TOO_FEW_FEWER, GMM_TOO_FEW_NULL
	};

	options->too_few_rows = values[name_value(name, value, names,
											  "error, fewer or null")];
}

#define SEARCHES	(GMM_USE_FIT | GMM_USE_BEST)
#define FITS		(SEARCHES | GMM_USE_REFIT)

#define HINT_START	"There is no search for a start where there is a model."
#define HINT_STEP	"gmm_maximize makes one step."

static const OptionRule option_rules[] = {
	{"accelerate", GMM_OPTION_ACCELERATE, set_accelerate, FITS, HINT_STEP},
	{"covariance_type", GMM_OPTION_COVARIANCE_TYPE, set_covariance_type, GMM_USE_ALL, NULL},
	{"criterion", GMM_OPTION_CRITERION, set_criterion, GMM_USE_BEST,
	"It is what gmm_fit_best chooses among models by."},
	{"features", GMM_OPTION_FEATURES, set_features, GMM_USE_ALL, NULL},
	{"fixed", GMM_OPTION_FIXED, gmm_option_set_fixed, GMM_USE_REFIT | GMM_USE_STEP,
	"There is no model whose parts could stay as they are."},
	{"init", GMM_OPTION_INIT, set_init, SEARCHES, HINT_START},
	{"max_iter", GMM_OPTION_MAX_ITER, set_max_iter, FITS | GMM_USE_SCORE, HINT_STEP},
	{"missing", GMM_OPTION_MISSING, set_missing, FITS | GMM_USE_SCORE,
	"The rows are in the statistics already."},
	{"n_init", GMM_OPTION_N_INIT, set_n_init, SEARCHES, HINT_START},
	{"noise", GMM_OPTION_NOISE, set_noise, FITS,
	"There is noise where the model has it."},
	{"prior", GMM_OPTION_PRIOR, gmm_option_set_prior, FITS | GMM_USE_STEP, NULL},
	{"reg_covar", GMM_OPTION_REG_COVAR, set_reg_covar, GMM_USE_ALL, NULL},
	{"seed", GMM_OPTION_SEED, set_seed, SEARCHES,
	"Where there is a model nothing is chosen at random."},
	{"tol", GMM_OPTION_TOL, set_tol, FITS, HINT_STEP},
	{"too_few_rows", GMM_OPTION_TOO_FEW_ROWS, set_too_few_rows, SEARCHES,
	"The components are those of the model, however few the rows are."}
};

/*
 * The known name that an unknown one was meant to be, or NULL: the one that
 * it begins, or else the one with the fewest edits; case does not count.
 */
static const char *
closest_name(const char *name, int length)
{
	const char *closest = NULL;
	int			distance = SUGGESTION_DISTANCE;
	char	   *lower;

	if (length < SUGGESTION_DISTANCE || length > GMM_OPTION_QUOTED)
		return NULL;

	lower = pnstrdup(name, length);
	for (char *c = lower; *c != '\0'; c++)
		*c = pg_ascii_tolower((unsigned char) *c);

	for (size_t i = 0; i < lengthof(option_rules); i++)
	{
		const char *candidate = option_rules[i].name;
		int			edits;

		if (strncmp(candidate, lower, length) == 0)
			return candidate;

		edits = varstr_levenshtein_less_equal(lower, length,
											  candidate, strlen(candidate),
											  1, 1, 1, distance, true);
		if (edits <= distance && edits < length)
		{
			closest = candidate;
			distance = edits;
		}
	}
	return closest;
}

/* Raise an error for a name that is not known. */
pg_noreturn static void
refuse_name(const JsonbValue *key)
{
	const char *closest = closest_name(key->val.string.val, key->val.string.len);
	StringInfoData known;

	initStringInfo(&known);
	for (size_t i = 0; i < lengthof(option_rules); i++)
		appendStringInfo(&known, "%s%s", i == 0 ? "" : ", ",
						 option_rules[i].name);

	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown option \"%s\"", gmm_option_quote(key)),
			 errdetail("The options are %s.", known.data),
			 closest ? errhint("Perhaps you meant \"%s\".", closest) : 0));
	pg_unreachable();
}

/* Set the option that a key of the object names. */
static void
set_option(void *target, const JsonbValue *key, JsonbValue *value)
{
	GmmOptions *options = (GmmOptions *) target;

	for (size_t i = 0; i < lengthof(option_rules); i++)
	{
		const OptionRule *rule = &option_rules[i];

		if (gmm_option_is(key, rule->name))
		{
			options->given |= rule->bit;
			rule->set(options, rule->name, value);
			return;
		}
	}
	refuse_name(key);
}

/* Read options; json may be NULL, which leaves every default. */
static void
read_options(Jsonb *json, GmmOptions *options)
{
	memset(options, 0, sizeof(GmmOptions));
	options->mixture.covariance_type = GMM_DEFAULT_COVARIANCE_TYPE;
	options->mixture.max_iter = GMM_DEFAULT_MAX_ITER;
	options->mixture.tol = GMM_DEFAULT_TOL;
	options->mixture.reg_covar = GMM_DEFAULT_REG_COVAR;
	options->mixture.n_init = GMM_DEFAULT_N_INIT;
	options->mixture.init = GMM_DEFAULT_INIT;
	options->mixture.seed = GMM_DEFAULT_SEED;
	options->mixture.accelerate = GMM_DEFAULT_ACCELERATE;
	options->mixture.noise = GMM_DEFAULT_NOISE;
	options->criterion = GMM_DEFAULT_CRITERION;
	options->missing = GMM_DEFAULT_MISSING;
	options->too_few_rows = GMM_DEFAULT_TOO_FEW_ROWS;

	gmm_options_read(json,
					 "'{\"covariance_type\": \"diag\"}', or gmm_options(covariance_type => 'diag')",
					 set_option, options);
}

/* The names of the options that have this use. */
static const char *
names_of_use(GmmUse use)
{
	StringInfoData names;
	const char *last = NULL;

	initStringInfo(&names);
	for (size_t i = 0; i < lengthof(option_rules); i++)
	{
		if (!(option_rules[i].uses & use))
			continue;
		if (last != NULL)
			appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "", last);
		last = option_rules[i].name;
	}
	appendStringInfo(&names, " and %s", last);
	return names.data;
}

/* Refuse the options that a function has no use for. */
static void
check_use(const GmmOptions *options, GmmUse use, const char *function)
{
	for (size_t i = 0; i < lengthof(option_rules); i++)
	{
		const OptionRule *rule = &option_rules[i];

		if (!(options->given & rule->bit) || (rule->uses & use))
			continue;
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 use == GMM_USE_SCORE ?
				 errmsg("option \"%s\" has no effect with a \"max_iter\" of 0", rule->name) :
				 errmsg("option \"%s\" does not apply to %s", rule->name, function),
				 errdetail("The options of %s%s are %s.", function,
						   use == GMM_USE_SCORE ? " with a \"max_iter\" of 0" : "",
						   names_of_use(use)),
				 use != GMM_USE_SCORE && rule->hint != NULL ? errhint("%s", rule->hint) : 0));
	}
}

/* Refuse values that a function has no use for, of options that it has. */
static void
check_values(const GmmOptions *options, GmmUse use, const char *function)
{
	if (options->auto_covariance_type && use != GMM_USE_BEST)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"covariance_type\" can be \"auto\" in gmm_fit_best only"),
				 errhint("Name a family (full, tied, diag or spherical), or let gmm_fit_best choose.")));
	if (options->mixture.max_iter == 0 && (use & SEARCHES))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"max_iter\" can be 0 in gmm_refit only"),
				 errdetail("Without an iteration %s has nothing to return.", function),
				 errhint("gmm_refit with a \"max_iter\" of 0 keeps its model, and says how likely the rows are under it.")));
	if ((options->given & GMM_OPTION_PRIOR) && options->prior.from_model && (use & SEARCHES))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"prior\" can be a model in gmm_refit and gmm_maximize only"),
				 errhint("%s has no model; use true, or an object with shrinkage, dof, mean and scale.",
						 function)));
}

/*
 * Read the options of a function, which has this use for them; json may be NULL,
 * which leaves every default.
 *
 * Raises an error for anything but an object, for unknown keys, for values of the
 * wrong type or out of range, and, rather than ignore them, for what the function has
 * no use for.
 */
void
gmm_options_parse(Jsonb *json, GmmUse use, const char *function, GmmOptions *options)
{
	read_options(json, options);
	check_use(options, use, function);
	check_values(options, use, function);
	if (use == GMM_USE_REFIT && options->mixture.max_iter == 0)
		check_use(options, GMM_USE_SCORE, function);
}

/* Refuse what cannot be had where rows have labels. */
void
gmm_options_check_labelled(const GmmOptions *options)
{
	if (options->too_few_rows == GMM_TOO_FEW_FEWER)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"too_few_rows\" cannot be \"fewer\" where rows have labels"),
				 errhint("A component is a class, and none can be left out.")));
}

/* Check that there is a name for each of d features, or none at all. */
void
gmm_options_check_features(const GmmOptions *options, int d)
{
	if (options->features.n != 0 && options->features.n != d)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg_plural("option \"features\" must have one name for %d feature, but has %d",
							   "option \"features\" must have a name for each of %d features, but has %d",
							   d, d, options->features.n),
				 errdetail("The names are %s.", gmm_names_list(&options->features))));
}

/*
 * Refuse another family than the one that there is: whose it is, and what to do, is for
 * the message.
 */
void
gmm_options_check_family(const GmmOptions *options, MixtureCovarianceType type,
						 const char *whose, const char *hint)
{
	if ((options->given & GMM_OPTION_COVARIANCE_TYPE) &&
		options->mixture.covariance_type != type)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"covariance_type\" is %s, but %s is %s",
						gmm_covariance_type_name(options->mixture.covariance_type),
						whose, gmm_covariance_type_name(type)),
				 errhint("%s", hint)));
}

/* The arguments of gmm_options(), in order: names of options, with types */
static const struct
{
	const char *name;
	Oid			type;
}			arguments[] = {
	{"covariance_type", TEXTOID},
	{"max_iter", INT4OID},
	{"tol", FLOAT8OID},
	{"reg_covar", FLOAT8OID},
	{"n_init", INT4OID},
	{"init", TEXTOID},
	{"seed", INT8OID},
	{"accelerate", BOOLOID},
	{"criterion", TEXTOID},
	{"missing", TEXTOID},
	{"too_few_rows", TEXTOID},
	{"features", TEXTARRAYOID},
	{"noise", BOOLOID},
	{"prior", ANYOID},
	{"fixed", ANYOID},
};

/* Append names as a JSON array. */
static void
append_array(StringInfo json, const char *name, ArrayType *array)
{
	Datum	   *elements;
	bool	   *nulls;
	int			n;

	if (ARR_NDIM(array) > 1)
		gmm_option_refuse_text(name, "a one-dimensional array of names",
							   psprintf("one of %d dimensions", ARR_NDIM(array)));
	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &n);
	appendStringInfoChar(json, '[');
	for (int i = 0; i < n; i++)
	{
		if (i > 0)
			appendStringInfoChar(json, ',');
		if (nulls[i])
			appendStringInfoString(json, "null");
		else
			escape_json(json, TextDatumGetCString(elements[i]));
	}
	appendStringInfoChar(json, ']');
}

/* Append what a text says as JSON: a number, true or false, or else a string. */
static void
append_word(StringInfo json, const char *word)
{
	if (strcmp(word, "true") == 0 || strcmp(word, "false") == 0 ||
		strcmp(word, "0") == 0 ||
		(*word >= '1' && *word <= '9' && strspn(word, "0123456789") == strlen(word)))
		appendStringInfoString(json, word);
	else
		escape_json(json, word);
}

/*
 * Append a value of whatever type: JSON as it is, and an array's text as an
 * array of words.
 */
static void
append_text(StringInfo json, char *text)
{
	char	   *rest;

	if (*text == '[' || (*text == '{' && strchr(text, ':') != NULL))
	{
		Datum		value = DirectFunctionCall1(jsonb_in, CStringGetDatum(text));

		appendStringInfoString(json, DatumGetCString(DirectFunctionCall1(jsonb_out, value)));
		return;
	}
	if (*text != '{')
	{
		append_word(json, text);
		return;
	}
	appendStringInfoChar(json, '[');
	for (char *word = strtok_r(text, "{}, \"", &rest); word != NULL;
		 word = strtok_r(NULL, "{}, \"", &rest))
	{
		if (json->data[json->len - 1] != '[')
			appendStringInfoChar(json, ',');
		append_word(json, word);
	}
	appendStringInfoChar(json, ']');
}

/*
 * Append the argument of an option that takes more than one type: the boolean,
 * the name, the number, the array of these, or the object that it is.
 */
static void
append_any(StringInfo json, const char *name, FunctionCallInfo fcinfo, int argument)
{
	Oid			type = get_fn_expr_argtype(fcinfo->flinfo, argument);
	Oid			output;
	bool		is_varlena;
	char	   *text;

	switch (type)
	{
		case UNKNOWNOID:
			append_text(json, pstrdup(PG_GETARG_CSTRING(argument)));
			return;
		case BOOLOID:
			appendStringInfoString(json, PG_GETARG_BOOL(argument) ? "true" : "false");
			return;
		case JSONBOID:
		case JSONOID:
			getTypeOutputInfo(type, &output, &is_varlena);
			appendStringInfoString(json, OidOutputFunctionCall(output, PG_GETARG_DATUM(argument)));
			return;
		case TEXTOID:
		case VARCHAROID:
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case INT2ARRAYOID:
		case INT4ARRAYOID:
		case INT8ARRAYOID:
		case TEXTARRAYOID:
			getTypeOutputInfo(type, &output, &is_varlena);
			text = OidOutputFunctionCall(output, PG_GETARG_DATUM(argument));
			/* an array that does not begin with 1 says so first */
			if (OidIsValid(get_element_type(type)) && *text == '[')
				text = strchr(text, '=') + 1;
			append_text(json, text);
			return;
		default:
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("option \"%s\" cannot be of type %s", name, format_type_be(type)),
					 errhint("Use a boolean, a text, an integer, an array of texts or integers, or jsonb.")));
	}
}

/* Append the value of an option as JSON. */
static void
append_value(StringInfo json, const char *name, Oid type, Datum value)
{
	double		number;

	switch (type)
	{
		case TEXTOID:
			escape_json(json, TextDatumGetCString(value));
			break;
		case INT4OID:
			appendStringInfo(json, "%d", DatumGetInt32(value));
			break;
		case INT8OID:
			appendStringInfo(json, INT64_FORMAT, DatumGetInt64(value));
			break;
		case TEXTARRAYOID:
			append_array(json, name, DatumGetArrayTypeP(value));
			break;
		case BOOLOID:
			appendStringInfoString(json, DatumGetBool(value) ? "true" : "false");
			break;
		case FLOAT8OID:
			number = DatumGetFloat8(value);
			/* JSON knows neither; no option allows them. */
			if (!isfinite(number))
				gmm_option_refuse_text(name, "a finite number of at least 0",
									   isnan(number) ? "NaN" :
									   number > 0 ? "Infinity" : "-Infinity");
			gmm_json_append_double(json, number);
			break;
		default:
			elog(ERROR, "unexpected type %u of an option", type);
	}
}

/*
 * gmm_options(name => value, ...) -> jsonb
 *
 * Named arguments to options; those that are NULL are left out.  The way is by
 * JSON text, since the functions that build a jsonb have changed with 19.
 */
Datum
gmm_options(PG_FUNCTION_ARGS)
{
	StringInfoData text;
	Jsonb	   *json;
	GmmOptions	options;

	if (PG_NARGS() != lengthof(arguments))
		elog(ERROR, "gmm_options called with %d arguments", PG_NARGS());
	initStringInfo(&text);
	appendStringInfoChar(&text, '{');
	for (int i = 0; i < PG_NARGS(); i++)
	{
		if (PG_ARGISNULL(i))
			continue;
		if (text.len > 1)
			appendStringInfoChar(&text, ',');
		appendStringInfo(&text, "\"%s\":", arguments[i].name);
		if (arguments[i].type == ANYOID)
			append_any(&text, arguments[i].name, fcinfo, i);
		else
			append_value(&text, arguments[i].name, arguments[i].type, PG_GETARG_DATUM(i));
	}
	appendStringInfoChar(&text, '}');
	json = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(text.data)));

	read_options(json, &options);
	PG_RETURN_JSONB_P(json);
}
