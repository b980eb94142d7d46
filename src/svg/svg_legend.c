/*
 * svg_legend.c
 *	  What stands beside a picture or, where that is narrow, below it: the
 *	  components with their signs and weights, how many rows there are, and what
 *	  is not to be seen.
 */
#include "postgres.h"

#include "svg/svg.h"

#define ENTRY_STEP		20
#define NOTE_STEP		16

/* Components that are listed, if there are so many, before notes are */
#define LEAST_ENTRIES	4

/* Below a picture: columns of components, and rows of these at the most */
#define COLUMN_WIDTH	104
#define MOST_ROWS		3

/* Notes are at most so many lines */
#define MOST_NOTES		7

typedef struct Notes
{
	const char *lines[MOST_NOTES];
	int			n;
} Notes;

/* Append a line that is not a component's, and go on to the next. */
void
svg_add_note(StringInfo text, int x, int *y, const char *note)
{
	appendStringInfo(text, "<text class=\"note\" x=\"%d\" y=\"%d\">%s</text>\n", x, *y, note);
	*y += NOTE_STEP;
}

/* Append the mark of a component, or of noise, its number, and its share of the rows. */
static void
add_entry(StringInfo text, int x, int y, int component, double weight)
{
	int			look = svg_look(component);

	appendStringInfo(text, "<path class=\"c%d %s\" transform=\"translate(%d %d)\" d=\"%s\"/>"
					 "<text x=\"%d\" y=\"%d\">",
					 svg_colour(component),
					 component == SVG_NOISE || look >= SVG_N_LOOKS / 2 ? "ring" : "mark",
					 x + 6, y - 4, component == SVG_NOISE ? svg_shape(SVG_N_SHAPES) :
					 svg_shape(look % SVG_N_SHAPES), x + 18, y);
	if (component == SVG_NOISE)
		appendStringInfoString(text, "noise&#160; ");
	else
		appendStringInfo(text, "<tspan font-weight=\"bold\">%d</tspan>&#160; ", component + 1);
	if (weight >= 0.0005)
		appendStringInfo(text, "%.1f %%</text>\n", 100 * weight);
	else
		appendStringInfo(text, "%.1g %%</text>\n", 100 * weight);
}

/* Whether a number is among those that are drawn, the first n by weight. */
static bool
is_listed(const SvgPicture *picture, int component, int n)
{
	for (int i = 0; i < n; i++)
		if (picture->shown[i] == component)
			return true;
	return false;
}

/* Rows of the sample that are beyond the axes, of a panel or, NULL, of any. */
int64
svg_outside(const SvgPicture *picture, const SvgPanel *panel)
{
	const GmmPlot *plot = picture->plot;
	int64		n = 0;

	for (int i = 0; i < plot->n_points; i++)
		for (int j = 0; j < plot->marginal->d; j++)
		{
			double		value = plot->points[i].values[j];

			if (panel != NULL && panel->features[0] != j && panel->features[1] != j)
				continue;
			if (value < picture->ranges[j][0] || value > picture->ranges[j][1])
			{
				n += plot->points[i].count;
				break;
			}
		}
	return n;
}

/* What is said of the rows and of the signs, in short lines or in long ones. */
static void
make_notes(const SvgPicture *picture, int64 n_outside, bool narrow, Notes *notes)
{
	const GmmPlot *plot = picture->plot;
	bool		sampled = plot->n_sampled < plot->n_rows;
	const char *rows = plot->n_rows == 1 ? "row" : "rows";

	notes->n = 0;
	if (sampled && narrow)
		notes->lines[notes->n++] = psprintf(INT64_FORMAT " of " INT64_FORMAT " rows",
											plot->n_sampled, plot->n_rows);
	else
	{
		if (sampled)
			notes->lines[notes->n++] = psprintf(INT64_FORMAT " of", plot->n_sampled);
		notes->lines[notes->n++] = psprintf(INT64_FORMAT " %s", plot->n_rows, rows);
	}
	if (n_outside > 0)
		notes->lines[notes->n++] = psprintf("&#9656; " INT64_FORMAT " %s outside", n_outside,
											sampled ? "of these" : n_outside == 1 ? "row" : "rows");
	if (plot->marginal->d == 1 || plot->pairs)
		notes->lines[notes->n++] = "dotted: the mixture";
	if (plot->marginal->d > 1 && narrow)
		notes->lines[notes->n++] = "ellipses: 1 and 2 standard deviations";
	else if (plot->marginal->d > 1)
	{
		notes->lines[notes->n++] = "ellipses: 1 and 2";
		notes->lines[notes->n++] = "std. deviations";
	}
}

static int
n_columns(int width)
{
	return Max(1, (width - 14) / COLUMN_WIDTH);
}

/* The height of a legend below a picture of this width. */
int
svg_legend_height(const SvgPicture *picture, int width)
{
	int			columns = n_columns(width);
	int			n_entries = picture->n_shown + (picture->plot->marginal->noise_box != NULL);
	int			rows = Min(MOST_ROWS, (n_entries + columns - 1) / columns);
	Notes		notes;

	make_notes(picture, 1, true, &notes);
	return rows * ENTRY_STEP + notes.n * NOTE_STEP + 8 +
		(picture->plot->marginal->k > rows * columns ? NOTE_STEP : 0);
}

/* How many of k components have room above the notes, from y on. */
static int
entry_room(int y, const SvgFrame *place, const Notes *notes, int k)
{
	int			room = place->bottom - y - notes->n * NOTE_STEP;

	return k * ENTRY_STEP <= room ? k : (room - NOTE_STEP) / ENTRY_STEP;
}

/*
 * Append the legend in its place: in one column with the notes at the bottom or, if
 * the place is as wide as a narrow picture, in several with the notes behind.
 */
void
svg_add_legend(SvgPicture *picture, const SvgFrame *place, int64 n_outside)
{
	StringInfo	text = &picture->text;
	const GmmPlot *plot = picture->plot;
	bool		narrow = plot->pairs ? false : picture->width < SVG_NARROW;
	int			columns = narrow ? n_columns(place->right - place->left) : 1;
	int			y = place->top + (narrow ? 14 : 10);
	int			n_entries = picture->n_shown;
	int			room;
	int			listed = 0;
	bool		noise = plot->marginal->noise_box != NULL;
	Notes		notes;

	make_notes(picture, n_outside, narrow, &notes);
	if (narrow)
		room = columns * MOST_ROWS - noise;
	else
	{
		svg_add_note(text, place->left, &y, "component, weight");
		y += 6;
		/* where there is little room, what the signs mean comes last */
		for (;;)
		{
			room = entry_room(y, place, &notes, plot->marginal->k + noise) - noise;
			if (notes.n <= 1 || room >= Min(n_entries, LEAST_ENTRIES))
				break;
			notes.n--;
		}
	}
	n_entries = Max(1, Min(n_entries, room));
	for (int component = 0; component < plot->marginal->k; component++)
		if (is_listed(picture, component, n_entries))
		{
			add_entry(text, place->left + listed % columns * COLUMN_WIDTH,
					  y + listed / columns * ENTRY_STEP, component,
					  (1 - plot->marginal->noise_weight) * plot->marginal->weights[component]);
			listed++;
		}
	if (noise)
		add_entry(text, place->left + listed % columns * COLUMN_WIDTH,
				  y + listed / columns * ENTRY_STEP, SVG_NOISE, plot->marginal->noise_weight);
	y += (listed + noise + columns - 1) / columns * ENTRY_STEP;
	if (plot->marginal->k > listed)
		svg_add_note(text, place->left, &y, psprintf("and %d more", plot->marginal->k - listed));
	if (!narrow)
		y = Max(y, place->bottom - (notes.n - 1) * NOTE_STEP);
	for (int i = 0; i < notes.n; i++)
		svg_add_note(text, place->left, &y, notes.lines[i]);
}
