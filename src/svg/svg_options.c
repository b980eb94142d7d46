/*
 * svg_options.c
 *	  What a user asks of a picture: its size and its title.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

#include "svg/svg.h"

/* Bytes of a name that are quoted in a message */
#define QUOTED_LENGTH	64

static const char *const known_options[] = {"height", "title", "width"};

pg_noreturn static void
refuse_name(const JsonbValue *key)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown option \"%.*s\"",
					pg_mbcliplen(key->val.string.val, key->val.string.len, QUOTED_LENGTH),
					key->val.string.val),
			 errdetail("The options of a picture are %s, %s and %s.", known_options[0],
					   known_options[1], known_options[2])));
}

/* A number of pixels. */
static int
size_value(const char *name, const JsonbValue *value, int least)
{
	Datum		number = NumericGetDatum(value->val.numeric);
	bool		valid = value->type == jbvNumeric;

	valid = valid &&
		DatumGetBool(DirectFunctionCall2(numeric_ge, number,
										 DirectFunctionCall1(int4_numeric, Int32GetDatum(least)))) &&
		DatumGetBool(DirectFunctionCall2(numeric_le, number,
										 DirectFunctionCall1(int4_numeric, Int32GetDatum(SVG_MOST_SIZE)))) &&
		DatumGetBool(DirectFunctionCall2(numeric_eq, number,
										 DirectFunctionCall1(numeric_floor, number)));
	if (!valid)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" must be an integer from %d to %d", name, least,
						SVG_MOST_SIZE),
				 errhint("It is a number of pixels.")));
	return DatumGetInt32(DirectFunctionCall1(numeric_int4, number));
}

static void
set_option(GmmSvgOptions *options, const JsonbValue *key, const JsonbValue *value)
{
	char	   *name = pnstrdup(key->val.string.val, key->val.string.len);

	if (strcmp(name, "width") == 0)
		options->width = size_value(name, value, SVG_LEAST_WIDTH);
	else if (strcmp(name, "height") == 0)
		options->height = size_value(name, value, SVG_LEAST_HEIGHT);
	else if (strcmp(name, "title") != 0)
		refuse_name(key);
	else if (value->type == jbvString)
		options->title = pnstrdup(value->val.string.val, value->val.string.len);
	else if (value->type != jbvNull)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"title\" must be a string")));
}

/*
 * Read options, which are an object; json may be NULL, which leaves every
 * default.  The title is palloc'd.
 */
void
gmm_svg_options_parse(Jsonb *json, GmmSvgOptions *options)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	key;
	JsonbValue	value;

	memset(options, 0, sizeof(*options));
	if (json == NULL)
		return;
	if (!JB_ROOT_IS_OBJECT(json))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("options must be a JSON object"),
				 errhint("For example '{\"title\": \"Customers\", \"width\": 800}'.")));
	iterator = JsonbIteratorInit(&json->root);
	while ((token = JsonbIteratorNext(&iterator, &key, true)) != WJB_DONE)
	{
		if (token != WJB_KEY)
			continue;
		(void) JsonbIteratorNext(&iterator, &value, true);
		set_option(options, &key, &value);
	}
}

/* Whether two states are to draw the same. */
bool
gmm_svg_options_equal(const GmmSvgOptions *a, const GmmSvgOptions *b)
{
	if (a->width != b->width || a->height != b->height ||
		(a->title == NULL) != (b->title == NULL))
		return false;
	return a->title == NULL || strcmp(a->title, b->title) == 0;
}
