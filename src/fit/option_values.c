/*
 * option_values.c
 *	  Options that are the keys of a jsonb object, and their values: read, and
 *	  refused in the same words whatever they are options of.
 *
 * name is that of the option, allowed says in a message what it may be.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

#include "fit/option_values.h"

/* Set what each key of an object names. */
void
gmm_options_read_keys(JsonbContainer *object, GmmSetOption set, void *options)
{
	JsonbIterator *iterator = JsonbIteratorInit(object);
	JsonbIteratorToken token;
	JsonbValue	key;
	JsonbValue	value;

	while ((token = JsonbIteratorNext(&iterator, &key, true)) != WJB_DONE)
	{
		if (token != WJB_KEY)
			continue;
		(void) JsonbIteratorNext(&iterator, &value, true);
		set(options, &key, &value);
	}
}

/* The same of an argument, which must be an object; NULL has no keys. */
void
gmm_options_read(Jsonb *json, const char *example, GmmSetOption set, void *options)
{
	if (json == NULL)
		return;
	if (!JB_ROOT_IS_OBJECT(json))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("options must be a JSON object"),
				 errhint("For example %s.", example)));
	gmm_options_read_keys(&json->root, set, options);
}

/* Whether a value, or a key, is this string. */
bool
gmm_option_is(const JsonbValue *value, const char *string)
{
	return value->type == jbvString && value->val.string.len == (int) strlen(string) &&
		memcmp(value->val.string.val, string, value->val.string.len) == 0;
}

/* The beginning of a string, short enough for a message; palloc'd. */
const char *
gmm_option_quote(const JsonbValue *string)
{
	return pnstrdup(string->val.string.val,
					pg_mbcliplen(string->val.string.val, string->val.string.len,
								 GMM_OPTION_QUOTED));
}

/* A short text of a value for a message; it may be palloc'd. */
const char *
gmm_option_describe(const JsonbValue *value)
{
	char	   *text;

	switch (value->type)
	{
		case jbvNull:
			return "null";
		case jbvBool:
			return value->val.boolean ? "true" : "false";
		case jbvString:
			return psprintf("\"%s%s\"", gmm_option_quote(value),
							value->val.string.len <= GMM_OPTION_QUOTED ? "" : "...");
		case jbvNumeric:
			text = DatumGetCString(DirectFunctionCall1(numeric_out,
													   NumericGetDatum(value->val.numeric)));
			if (strlen(text) > GMM_OPTION_QUOTED)
				strcpy(text + GMM_OPTION_QUOTED, "...");
			return text;
		default:
			return "an array or an object";
	}
}

/* Refuse a value of which this is the text. */
void
gmm_option_refuse_text(const char *name, const char *allowed, const char *text)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("option \"%s\" must be %s, not %s", name, allowed, text)));
	pg_unreachable();
}

/* Refuse a value that is not one of those allowed. */
void
gmm_option_refuse(const char *name, const char *allowed, const JsonbValue *value)
{
	gmm_option_refuse_text(name, allowed, gmm_option_describe(value));
}

/* A whole number from minimum to maximum. */
int64
gmm_option_integer(const char *name, const JsonbValue *value, const char *allowed,
				   int64 minimum, int64 maximum)
{
	Datum		number;
	Datum		least;
	Datum		greatest;

	if (value->type != jbvNumeric)
		gmm_option_refuse(name, allowed, value);

	number = NumericGetDatum(value->val.numeric);
	least = DirectFunctionCall1(int8_numeric, Int64GetDatum(minimum));
	greatest = DirectFunctionCall1(int8_numeric, Int64GetDatum(maximum));
	if (DatumGetBool(DirectFunctionCall2(numeric_lt, number, least)) ||
		DatumGetBool(DirectFunctionCall2(numeric_gt, number, greatest)) ||
		!DatumGetBool(DirectFunctionCall2(numeric_eq, number,
										  DirectFunctionCall1(numeric_floor,
															  number))))
		gmm_option_refuse(name, allowed, value);

	return DatumGetInt64(DirectFunctionCall1(numeric_int8, number));
}

/* The value of a number: infinity where it is too large for a double. */
double
gmm_option_double(const JsonbValue *value)
{
	return DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
											  NumericGetDatum(value->val.numeric)));
}
