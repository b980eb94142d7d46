/*
 * svg_document.c
 *	  The document that a picture is: frame, axes, legend, colours.
 *
 * Colours are those of Okabe and Ito (2008), which people with any of the
 * common colour deficiencies tell apart, and a component has a shape and a
 * number beside its colour.  A style sheet has them for light and for dark;
 * the picture brings its own background, since what it is embedded in may
 * differ from what the browser prefers.
 *
 * A document has a bounded size and is ASCII, so it is well formed in any
 * encoding.
 */
#include "postgres.h"

#include <math.h>

#include "svg/svg.h"

#define LEGEND_X		(SVG_RIGHT + 20)
#define LEGEND_STEP		20
#define LEGEND_ENTRIES	13

/* Digits of a tick before it is given relative to an offset */
#define TICK_DIGITS		6

static const char style[] =
	"<style>"
	".gmm text{font:12px system-ui,sans-serif;fill:#24292f}"
	".gmm .note{font-size:11px;fill:#57606a}"
	".gmm .paper{fill:#fff}"
	".gmm .grid{fill:none;stroke:#eaeef2}"
	".gmm .frame{fill:none;stroke:#8c959f}"
	".gmm .bars{fill:#8c959f;fill-opacity:.3}"
	".gmm .total{fill:none;stroke:#24292f;stroke-dasharray:2 3}"
	".gmm .rug{fill:none;stroke:currentColor}"
	".gmm .curve{fill:none;stroke:currentColor;stroke-width:2}"
	".gmm .mark{fill:currentColor}"
	".gmm .ring{fill:none;stroke:currentColor;stroke-width:1.4}"
	".gmm .one{fill:currentColor;fill-opacity:.12;stroke:currentColor;stroke-width:2}"
	".gmm .two{fill:none;stroke:currentColor;stroke-width:1.4;stroke-dasharray:6 4}"
	".gmm .number{font-weight:bold;font-size:14px;stroke:#fff;stroke-width:4;"
	"stroke-linejoin:round;paint-order:stroke}"
	".gmm .c0{color:#0072b2}.gmm .c1{color:#d55e00}.gmm .c2{color:#009e73}"
	".gmm .c3{color:#cc79a7}.gmm .c4{color:#e69f00}.gmm .c5{color:#56b4e9}"
	".gmm .c6{color:#000}"
	"@media(prefers-color-scheme:dark){"
	".gmm text{fill:#e6edf3}.gmm .note{fill:#9ea7b3}.gmm .paper{fill:#0d1117}"
	".gmm .grid{stroke:#21262d}.gmm .frame{stroke:#6e7681}"
	".gmm .total{stroke:#e6edf3}.gmm .number{stroke:#0d1117}"
	".gmm .c0{color:#56b4e9}.gmm .c5{color:#0072b2}.gmm .c6{color:#f0e442}"
	"}</style>\n";

/* Where there is noise */
static const char noise_style[] = "<style>.gmm .c7{color:#8c959f}</style>\n";

/* Of about equal areas, about the origin */
static const char *const shapes[SVG_N_SHAPES] = {
	"M-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0-7 0z",
	"M0-4.4 4.2 3H-4.2z",
	"M-3.1-3.1h6.2v6.2h-6.2z",
	"M0-4.4 4.4 0 0 4.4-4.4 0z",
	"M-1.4-4.2h2.8v2.8h2.8v2.8h-2.8v2.8h-2.8v-2.8h-2.8v-2.8h2.8z",
	"M0 4.4-4.2-3H4.2z"
};

static const char noise_shape[] = "M-3-3 3 3M3-3-3 3";

/* The shape of a look, and whether it is filled or hollow */
static const char *
look_shape(int look)
{
	return look == SVG_NOISE_LOOK ? noise_shape : shapes[look % SVG_N_SHAPES];
}

static const char *
look_class(int look)
{
	return look < SVG_N_LOOKS / 2 ? "mark" : "ring";
}


/* --- axes --- */

/* The ticks of an axis: (value - offset) / power, every step from first to last */
typedef struct Ticks
{
	double		offset;
	double		power;
	double		step;
	int64		first;
	int64		last;
	int			decimals;
} Ticks;

/*
 * Ticks at nice numbers.  Where these would have too many digits, they are
 * relative to an offset; where they are very large or small, to a power of
 * ten; the title of the axis says so.
 */
static void
choose_ticks(const SvgAxis *axis, int n_steps, Ticks *ticks)
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

/* Append the title of an axis, with what its ticks are relative to. */
static void
add_title(StringInfo text, const char *what, int number, const Ticks *ticks)
{
	bool		offset = ticks->offset != 0;
	bool		power = ticks->power != 1;

	if (offset && power)
		appendStringInfoChar(text, '(');
	appendStringInfoString(text, what);
	if (number > 0)
		appendStringInfo(text, " %d", number);
	if (offset)
		appendStringInfo(text, " %c %.15g", ticks->offset > 0 ? '-' : '+', fabs(ticks->offset));
	if (offset && power)
		appendStringInfoChar(text, ')');
	if (power)
		appendStringInfo(text, " / %g", ticks->power);
}

/* Append the axis below the frame, with lines of the grid. */
static void
add_x_axis(StringInfo text, const SvgAxis *axis, int feature)
{
	Ticks		ticks;

	choose_ticks(axis, 8, &ticks);
	appendStringInfoString(text, "<path class=\"grid\" d=\"");
	for (int64 i = ticks.first; i <= ticks.last; i++)
	{
		appendStringInfoChar(text, 'M');
		svg_add_place(text, svg_place(axis, ticks.offset + i * ticks.step), SVG_TOP);
		appendStringInfo(text, "V%d", SVG_BOTTOM);
	}
	appendStringInfoString(text, "\"/>\n<g text-anchor=\"middle\">");
	for (int64 i = ticks.first; i <= ticks.last; i++)
	{
		appendStringInfoString(text, "<text x=\"");
		svg_add_number(text, svg_place(axis, ticks.offset + i * ticks.step));
		appendStringInfo(text, "\" y=\"%d\">%.*f</text>", SVG_BOTTOM + 17, ticks.decimals,
						 i * ticks.step / ticks.power);
	}
	appendStringInfo(text, "<text x=\"%d\" y=\"%d\">", (SVG_LEFT + SVG_RIGHT) / 2, SVG_BOTTOM + 38);
	add_title(text, "feature", feature + 1, &ticks);
	appendStringInfoString(text, "</text></g>\n");
}

/* The same to the left of it, of a feature or, where that is -1, the density. */
static void
add_y_axis(StringInfo text, const SvgAxis *axis, int feature)
{
	Ticks		ticks;

	choose_ticks(axis, 7, &ticks);
	appendStringInfoString(text, "<path class=\"grid\" d=\"");
	for (int64 i = ticks.first; i <= ticks.last; i++)
	{
		appendStringInfoChar(text, 'M');
		svg_add_place(text, SVG_LEFT, svg_place(axis, ticks.offset + i * ticks.step));
		appendStringInfo(text, "H%d", SVG_RIGHT);
	}
	appendStringInfoString(text, "\"/>\n<g text-anchor=\"end\">");
	for (int64 i = ticks.first; i <= ticks.last; i++)
	{
		appendStringInfo(text, "<text x=\"%d\" y=\"", SVG_LEFT - 6);
		svg_add_number(text, svg_place(axis, ticks.offset + i * ticks.step) + 4);
		appendStringInfo(text, "\">%.*f</text>", ticks.decimals, i * ticks.step / ticks.power);
	}
	appendStringInfo(text, "</g>\n<text text-anchor=\"middle\" transform=\"translate(14 %d)rotate(-90)\">",
					 (SVG_TOP + SVG_BOTTOM) / 2);
	add_title(text, feature < 0 ? "density" : "feature", feature + 1, &ticks);
	appendStringInfoString(text, "</text>\n");
}


/* --- the document --- */

/* Append what identifies and describes the picture, to screen readers too. */
static void
add_head(StringInfo text, const GmmPlot *plot)
{
	appendStringInfo(text,
					 "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"gmm\" role=\"img\" "
					 "width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\">\n"
					 "<title>Gaussian mixture of %d component%s: feature%s %d",
					 SVG_WIDTH, SVG_HEIGHT, SVG_WIDTH, SVG_HEIGHT,
					 plot->marginal->k, plot->marginal->k == 1 ? "" : "s",
					 plot->marginal->d == 1 ? "" : "s", plot->dims[0] + 1);
	if (plot->marginal->d > 1)
		appendStringInfo(text, " and %d", plot->dims[1] + 1);
	appendStringInfoString(text, "</title>\n");
	appendStringInfoString(text, style);
	if (plot->marginal->noise_box != NULL)
		appendStringInfoString(text, noise_style);
}

/* Append a marker for each look that is used. */
static void
add_markers(StringInfo text, const SvgPicture *picture)
{
	const GmmPlot *plot = picture->plot;
	bool		used[SVG_N_LOOKS + 1] = {false};
	double		size = plot->n_points > 1000 ? 6.5 : plot->n_points > 300 ? 8 : 10;
	double		opacity = plot->n_points > 1000 ? 0.5 : 0.7;

	for (int i = 0; i < picture->n_shown; i++)
		used[svg_look(picture->shown[i])] = true;
	for (int i = 0; i < plot->n_points; i++)
		used[svg_look(plot->points[i].component)] = true;

	appendStringInfoString(text, "<defs>");
	for (int i = 0; i <= SVG_NOISE_LOOK; i++)
		if (used[i])
		{
			appendStringInfo(text, "<marker id=\"gmm-%d\" class=\"c%d\" fill-opacity=\"%g\" markerUnits=\"userSpaceOnUse\" "
							 "markerWidth=\"%g\" markerHeight=\"%g\" viewBox=\"-5 -5 10 10\">"
							 "<path class=\"%s\" d=\"%s\"/></marker>\n",
							 i, i == SVG_NOISE_LOOK ? SVG_NOISE_COLOUR : i % SVG_N_COLOURS,
							 opacity, size, size, look_class(i), look_shape(i));
		}
	appendStringInfo(text, "<clipPath id=\"gmm-frame\"><path d=\"M%d %dH%dV%dH%dz\"/></clipPath></defs>\n",
					 SVG_LEFT, SVG_TOP, SVG_RIGHT, SVG_BOTTOM, SVG_LEFT);
	appendStringInfo(text, "<rect class=\"paper\" width=\"%d\" height=\"%d\"/>\n",
					 SVG_WIDTH, SVG_HEIGHT);
}

/* Append a line of the legend that is not a component's. */
static void
add_note(StringInfo text, int *y, const char *note)
{
	appendStringInfo(text, "<text class=\"note\" x=\"%d\" y=\"%d\">%s</text>\n",
					 LEGEND_X - 8, *y, note);
	*y += LEGEND_STEP * 3 / 4;
}

/* Append the mark of a component or of noise, its name, and its share of the rows. */
static void
add_legend_entry(StringInfo text, int *y, int component, const char *name, double weight)
{
	int			look = svg_look(component);

	appendStringInfo(text, "<path class=\"c%d %s\" transform=\"translate(%d %d)\" d=\"%s\"/>"
					 "<text x=\"%d\" y=\"%d\"><tspan font-weight=\"bold\">%s</tspan>&#160; ",
					 svg_colour(component), look_class(look), LEGEND_X - 2, *y - 4,
					 look_shape(look), LEGEND_X + 10, *y, name);
	if (weight >= 0.0005)
		appendStringInfo(text, "%.1f %%</text>\n", 100 * weight);
	else
		appendStringInfo(text, "%.1g %%</text>\n", 100 * weight);
	*y += LEGEND_STEP;
}

/* Append what the signs mean, and how many rows are in the picture. */
static void
add_legend(StringInfo text, const SvgPicture *picture)
{
	const GmmPlot *plot = picture->plot;
	int			y = SVG_TOP + 10;
	int			n_entries = Min(picture->n_shown, LEGEND_ENTRIES);

	add_note(text, &y, "component, weight");
	y += 6;
	for (int i = 0; i < n_entries; i++)
		add_legend_entry(text, &y, picture->shown[i], psprintf("%d", picture->shown[i] + 1),
						 (1 - plot->marginal->noise_weight) *
						 plot->marginal->weights[picture->shown[i]]);
	if (plot->marginal->noise_box != NULL)
		add_legend_entry(text, &y, SVG_NOISE, "noise", plot->marginal->noise_weight);
	if (plot->marginal->k > n_entries)
		add_note(text, &y, psprintf("and %d more", plot->marginal->k - n_entries));

	y = SVG_BOTTOM - 48;
	if (plot->n_sampled < plot->n_rows)
	{
		add_note(text, &y, psprintf(INT64_FORMAT " of", plot->n_sampled));
		add_note(text, &y, psprintf(INT64_FORMAT " rows", plot->n_rows));
	}
	else
	{
		y += LEGEND_STEP * 3 / 4;
		add_note(text, &y, psprintf(INT64_FORMAT " %s", plot->n_rows,
									plot->n_rows == 1 ? "row" : "rows"));
	}
	if (plot->marginal->d == 1)
		add_note(text, &y, "dotted: the mixture");
	else
	{
		add_note(text, &y, "ellipses: 1 and 2");
		add_note(text, &y, "standard deviations");
	}
}

/* By weight, the largest first; by number where these are equal. */
static int
compare_weights(const void *a, const void *b, void *weights)
{
	int			i = *(const int *) a;
	int			j = *(const int *) b;
	double		difference = ((double *) weights)[j] - ((double *) weights)[i];

	return difference > 0 ? 1 : difference < 0 ? -1 : i - j;
}

static int
compare_numbers(const void *a, const void *b)
{
	return *(const int *) a - *(const int *) b;
}

/* Choose the components that are drawn. */
static void
choose_shown(SvgPicture *picture)
{
	const MixtureParameters *marginal = picture->plot->marginal;

	picture->shown = palloc(marginal->k * sizeof(int));
	for (int i = 0; i < marginal->k; i++)
		picture->shown[i] = i;
	qsort_arg(picture->shown, marginal->k, sizeof(int), compare_weights, marginal->weights);
	picture->n_shown = Min(marginal->k, SVG_MAX_SHOWN);
	qsort(picture->shown, picture->n_shown, sizeof(int), compare_numbers);
}

/* Draw; returns the document, palloc'd. */
char *
gmm_svg_draw(const GmmPlot *plot)
{
	SvgPicture	picture = {.plot = plot};
	bool		scatter = plot->marginal->d > 1;
	StringInfo	text = &picture.text;

	choose_shown(&picture);
	if (scatter)
		svg_scatter_axes(&picture);
	else
		svg_density_axes(&picture);

	initStringInfo(text);
	add_head(text, plot);
	add_markers(text, &picture);
	add_x_axis(text, &picture.axes[0], plot->dims[0]);
	add_y_axis(text, &picture.axes[1], scatter ? plot->dims[1] : -1);
	appendStringInfoString(text, "<g clip-path=\"url(#gmm-frame)\">\n");
	if (scatter)
		svg_scatter_draw(&picture);
	else
		svg_density_draw(&picture);
	appendStringInfo(text, "</g>\n<path class=\"frame\" d=\"M%d %dH%dV%dH%dz\"/>\n",
					 SVG_LEFT, SVG_TOP, SVG_RIGHT, SVG_BOTTOM, SVG_LEFT);
	add_legend(text, &picture);
	appendStringInfoString(text, "</svg>\n");
	return text->data;
}
