/*
 * svg_options.c
 *	  What a user asks of a picture: its size and its title.
 */
#include "postgres.h"

#include "fit/option_values.h"
#include "svg/svg.h"

/* A number of pixels. */
static int
size_value(const char *name, const JsonbValue *value, int least)
{
	return (int) gmm_option_integer(name, value,
									psprintf("an integer from %d to %d, a number of pixels",
											 least, SVG_MOST_SIZE),
									least, SVG_MOST_SIZE);
}

static void
set_option(void *target, const JsonbValue *key, JsonbValue *value)
{
	GmmSvgOptions *options = (GmmSvgOptions *) target;

	if (gmm_option_is(key, "width"))
		options->width = size_value("width", value, SVG_LEAST_WIDTH);
	else if (gmm_option_is(key, "height"))
		options->height = size_value("height", value, SVG_LEAST_HEIGHT);
	else if (!gmm_option_is(key, "title"))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown option \"%s\"", gmm_option_quote(key)),
				 errdetail("The options of a picture are height, title and width.")));
	else if (value->type == jbvString)
		options->title = pnstrdup(value->val.string.val, value->val.string.len);
	else if (value->type != jbvNull)
		gmm_option_refuse("title", "a string", value);
}

/*
 * Read options, which are an object; json may be NULL, which leaves every
 * default.  The title is palloc'd.
 */
void
gmm_svg_options_parse(Jsonb *json, GmmSvgOptions *options)
{
	memset(options, 0, sizeof(*options));
	gmm_options_read(json, "'{\"title\": \"Customers\", \"width\": 800}'", set_option, options);
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
