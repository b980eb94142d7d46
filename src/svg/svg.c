/*
 * svg.c
 *	  What the parts of a picture share: numbers, places, words and labels in it,
 *	  and how a component looks.
 *
 * Places are rounded to a tenth of a pixel.
 */
#include "postgres.h"

#include <math.h>

#include "mb/pg_wchar.h"

#include "svg/svg.h"

/* --- numbers and places --- */

/* Append a number rounded to tenths. */
void
svg_add_number(StringInfo text, double value)
{
	long		tenths = lround(fmax(-1e6, fmin(1e6, value)) * 10);

	if (tenths < 0)
		appendStringInfoChar(text, '-');
	tenths = labs(tenths);
	if (tenths % 10 == 0)
		appendStringInfo(text, "%ld", tenths / 10);
	else
		appendStringInfo(text, "%ld.%ld", tenths / 10, tenths % 10);
}

/* Append a place as a path has it. */
void
svg_add_place(StringInfo text, double x, double y)
{
	svg_add_number(text, x);
	appendStringInfoChar(text, ' ');
	svg_add_number(text, y);
}

/* Where on the picture a value of an axis is, in pixels. */
double
svg_place(const SvgAxis *axis, double value)
{
	return axis->origin + (value - axis->low) * axis->scale;
}

/* Whether a value is within the range that an axis shows. */
bool
svg_on_axis(const SvgAxis *axis, double value)
{
	return value >= axis->low && value <= axis->high;
}


/* --- words --- */

/*
 * Append a character by its number in Unicode: as it is if it is one of ASCII
 * that means nothing to XML, else as a reference; what XML has not as U+FFFD.
 */
static void
add_character(StringInfo text, pg_wchar character)
{
	if (character < 0x20 || character == 0x7f || character == 0xfffe || character == 0xffff)
		character = 0xfffd;
	if (character < 0x80 && strchr("<>&\"'", (int) character) == NULL)
		appendStringInfoChar(text, (char) character);
	else
		appendStringInfo(text, "&#%u;", (unsigned) character);
}

/*
 * Append words of the user's, in the server's encoding, in most columns of
 * ASCII's width at the most; more are cut off.  The document is ASCII, whatever
 * they are.  Where the server does not know their encoding, bytes beyond ASCII are
 * unknown.
 */
void
svg_add_text(StringInfo text, const char *words, int most)
{
	bool		unknown = GetDatabaseEncoding() == PG_SQL_ASCII;
	const unsigned char *next = (const unsigned char *) words;
	int			columns = 0;

	if (!unknown)
		next = (const unsigned char *) pg_server_to_any(words, strlen(words), PG_UTF8);
	while (*next != '\0')
	{
		pg_wchar	character = *next < 0x80 ? *next : unknown ? 0xfffd : utf8_to_unicode(next);

		next += unknown ? 1 : pg_utf_mblen(next);
		/* those of East Asia are twice as wide */
		columns += character >= 0x1100 ? 2 : 1;
		if (columns > most - (*next != '\0'))
		{
			add_character(text, 0x2026);
			return;
		}
		add_character(text, character);
	}
}

/* The name of a feature of those that are drawn. */
const char *
svg_feature_name(const GmmPlot *plot, int feature)
{
	return gmm_names_title(plot->names, plot->dims[feature]);
}


/* --- components --- */

/*
 * How a component looks: its place in the table of colours and shapes; noise has
 * the one after the last.
 */
int
svg_look(int component)
{
	return component == SVG_NOISE ? SVG_N_LOOKS : component % SVG_N_LOOKS;
}

/* The number of the colour of a component, or of noise. */
int
svg_colour(int component)
{
	return component == SVG_NOISE ? SVG_N_COLOURS : component % SVG_N_COLOURS;
}

/* Whether a label would be on one that is there already. */
static bool
label_is_taken(const SvgPanel *panel, const SvgLabel *label)
{
	for (int i = 0; i < panel->n_labels; i++)
	{
		const SvgLabel *other = &panel->labels[i];

		if (fabs(other->x - label->x) < (other->width + label->width) / 2 &&
			fabs(other->y - label->y) < SVG_LINE - 3)
			return true;
	}
	return false;
}

/*
 * Append the number of a component, centered at (x, y), or as near to that as
 * the frame has room and the other labels leave some; there may be none.
 */
void
svg_add_label(StringInfo text, SvgPanel *panel, int component, double x, double y)
{
	static const signed char directions[][2] = {
		{0, 0}, {0, -1}, {0, 1}, {1, 0}, {-1, 0}, {1, -1}, {-1, -1}, {1, 1}, {-1, 1},
		{0, -2}, {0, 2}, {2, 0}, {-2, 0}, {2, -1}, {-2, -1}, {2, 1}, {-2, 1}
	};
	const SvgFrame *frame = &panel->frame;
	char		number[16];
	SvgLabel	label;

	snprintf(number, sizeof(number), "%d", component + 1);
	label.width = (double) strlen(number) * (SVG_CHARACTER + 1) + 2;
	for (int i = 0; i < (int) lengthof(directions); i++)
	{
		label.x = x + directions[i][0] * (label.width + 2);
		label.y = y + directions[i][1] * (SVG_LINE - 2);
		label.x = fmax(frame->left + label.width / 2 + 2,
					   fmin(frame->right - label.width / 2 - 2, label.x));
		label.y = fmax(frame->top + SVG_LINE / 2, fmin(frame->bottom - SVG_LINE / 2, label.y));
		if (label_is_taken(panel, &label))
			continue;
		panel->labels[panel->n_labels++] = label;
		appendStringInfoString(text, "<text class=\"number\" text-anchor=\"middle\" x=\"");
		svg_add_number(text, label.x);
		appendStringInfoString(text, "\" y=\"");
		svg_add_number(text, label.y + 5);
		appendStringInfo(text, "\">%s</text>\n", number);
		return;
	}
}
