/*
 * svg_axes.c
 *	  Axes: their ticks, which are at nice numbers and do not touch, their titles
 *	  and the grid.
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "svg/svg.h"

/* Digits of a tick before it is given relative to an offset */
#define TICK_DIGITS		6

/*
 * The step of 1, 2 or 5 times a power of ten by which a range has at most
 * n_steps steps (Heckbert 1990).
 */
double
svg_nice_step(double range, int n_steps)
{
	double		power = pow(10, floor(log10(range / n_steps)));
	double		multiple = range / n_steps / power;

	return power * (multiple <= 1 ? 1 : multiple <= 2 ? 2 : multiple <= 5 ? 5 : 10);
}

/*
 * Let an axis go from low, at pixel `from`, to high, at pixel `to`, and a little
 * beyond where these are the same.
 */
void
svg_set_axis(SvgAxis *axis, double low, double high, int from, int to, const char *what)
{
	double		largest = fmax(fabs(low), fabs(high));
	double		least = fmax(largest * 1e-13, DBL_MIN * 1e16);

	if (!(high - low >= least))
	{
		low -= least;
		high += least;
	}
	if (!isfinite(high - low))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("the range of %s is out of range for type double precision", what),
				 errhint("Give the feature in another unit.")));
	axis->low = low;
	axis->high = high;
	axis->origin = from;
	axis->scale = (to - from) / (high - low);
}

/*
 * Ticks at nice numbers.  Where these would have too many digits, they are
 * relative to an offset; where they are very large or small, to a power of
 * ten; the title of the axis says so.
 */
static void
make_ticks(const SvgAxis *axis, int n_steps, SvgTicks *ticks)
{
	double		range = axis->high - axis->low;
	double		largest = fmax(fabs(axis->low), fabs(axis->high));
	double		exponent;

	ticks->step = svg_nice_step(range, n_steps);
	ticks->offset = 0;
	if (largest / ticks->step >= pow(10, TICK_DIGITS))
	{
		double		unit = ticks->step * 1000;

		ticks->offset = floor(axis->low / unit) * unit;
		largest = fmax(fabs(axis->low - ticks->offset), fabs(axis->high - ticks->offset));
	}
	exponent = floor(log10(largest));
	ticks->power = exponent >= TICK_DIGITS || exponent < -3 ? pow(10, exponent) : 1;
	ticks->first = (int64) ceil((axis->low - ticks->offset) / ticks->step);
	ticks->last = (int64) floor((axis->high - ticks->offset) / ticks->step);
	ticks->decimals = Max(0, (int) -floor(log10(ticks->step / ticks->power) + 1e-9));
}

static int
label_width(const SvgTicks *ticks, int64 number)
{
	char		label[64];

	return snprintf(label, sizeof(label), "%.*f", ticks->decimals,
					number * ticks->step / ticks->power);
}

/*
 * Choose the ticks of an axis, at most about `most` of them, and no more than
 * have room side by side.
 */
void
svg_choose_ticks(SvgPanel *panel, int axis, bool across, int most)
{
	SvgTicks   *ticks = &panel->ticks[axis];
	double		scale = fabs(panel->axes[axis].scale);

	for (int n_steps = most; n_steps > 0; n_steps--)
	{
		make_ticks(&panel->axes[axis], n_steps, ticks);
		ticks->width = Max(label_width(ticks, ticks->first), label_width(ticks, ticks->last));
		if (ticks->step * scale >= (across ? ticks->width * SVG_CHARACTER + 10 : SVG_LINE))
			break;
	}
}

/* Append the lines of the grid. */
void
svg_add_grid(StringInfo text, const SvgPanel *panel)
{
	const SvgFrame *frame = &panel->frame;

	appendStringInfoString(text, "<path class=\"grid\" d=\"");
	for (int axis = 0; axis < 2; axis++)
	{
		const SvgTicks *ticks = &panel->ticks[axis];

		if (ticks->step == 0)
			continue;
		for (int64 i = ticks->first; i <= ticks->last; i++)
		{
			double		place = svg_place(&panel->axes[axis], ticks->offset + i * ticks->step);

			appendStringInfoChar(text, 'M');
			if (axis == 0)
				svg_add_place(text, place, frame->top);
			else
				svg_add_place(text, frame->left, place);
			appendStringInfo(text, axis == 0 ? "V%d" : "H%d",
							 axis == 0 ? frame->bottom : frame->right);
		}
	}
	appendStringInfoString(text, "\"/>\n");
}

/* Append the numbers at the ticks, below the frame or to the left of it. */
void
svg_add_ticks(StringInfo text, const SvgPanel *panel, int axis)
{
	const SvgTicks *ticks = &panel->ticks[axis];

	appendStringInfo(text, "<g class=\"%s\" text-anchor=\"%s\">",
					 axis == 0 ? "x" : "y", axis == 0 ? "middle" : "end");
	for (int64 i = ticks->first; i <= ticks->last; i++)
	{
		double		place = svg_place(&panel->axes[axis], ticks->offset + i * ticks->step);
		double		half = label_width(ticks, i) * SVG_CHARACTER / 2.0;

		if (axis == 0 && panel->tight &&
			(place + half > panel->frame.right + 5 || place - half < panel->frame.left - 5))
			continue;
		appendStringInfoString(text, "<text x=\"");
		svg_add_number(text, axis == 0 ? place : panel->frame.left - 6);
		appendStringInfoString(text, "\" y=\"");
		svg_add_number(text, axis == 0 ? panel->frame.bottom + 18 : place + 4.5);
		appendStringInfo(text, "\">%.*f</text>", ticks->decimals, i * ticks->step / ticks->power);
	}
	appendStringInfoString(text, "</g>\n");
}

/* What the ticks of an axis are relative to, as it stands behind its title. */
static void
describe_ticks(const SvgTicks *ticks, char *words, size_t size)
{
	char		offset[32];
	size_t		length;

	*words = '\0';
	if (ticks->offset != 0)
	{
		snprintf(offset, sizeof(offset), "%g", fabs(ticks->offset));
		if (strtod(offset, NULL) != fabs(ticks->offset))
			snprintf(offset, sizeof(offset), "%.15g", fabs(ticks->offset));
		snprintf(words, size, " %c %s%s", ticks->offset > 0 ? '-' : '+', offset,
				 ticks->power != 1 ? ")" : "");
	}
	length = strlen(words);
	if (ticks->power != 1)
		snprintf(words + length, size - length, " / %g", ticks->power);
}

/*
 * Append the title of an axis, with what its ticks are relative to; `offset`
 * pixels from the frame.  A name that is too long for the frame is cut, "feature 12"
 * to its number.
 */
void
svg_add_axis_title(StringInfo text, const SvgPanel *panel, int axis, const char *what,
				   int offset)
{
	const SvgFrame *frame = &panel->frame;
	const SvgTicks *ticks = &panel->ticks[axis];
	int			length = axis == 0 ? frame->right - frame->left : frame->bottom - frame->top;
	char		relative[80];
	int			most;

	describe_ticks(ticks, relative, sizeof(relative));
	most = Max(length / (SVG_CHARACTER + 1) - (int) strlen(relative), 4);
	if ((int) strlen(what) > most && strncmp(what, "feature ", 8) == 0)
		what += 8;
	if (axis == 0)
		appendStringInfo(text, "<text class=\"x name\" text-anchor=\"middle\" x=\"%d\" y=\"%d\">",
						 (frame->left + frame->right) / 2, frame->bottom + offset);
	else
		appendStringInfo(text, "<text class=\"y name\" text-anchor=\"middle\" transform=\"translate(%d %d)rotate(-90)\">",
						 frame->left - offset, (frame->top + frame->bottom) / 2);
	if (ticks->offset != 0 && ticks->power != 1)
		appendStringInfoChar(text, '(');
	svg_add_text(text, what, most);
	appendStringInfo(text, "%s</text>\n", relative);
}
