/*
 * svg_document.c
 *	  The document that a picture is: its style and its signs, and the picture of
 *	  one panel.
 *
 * Colours are those of Okabe and Ito (2008), which people with any of the
 * common colour deficiencies tell apart, and a component has a shape and a
 * number beside its colour.  A style sheet has them for light and for dark;
 * the picture brings its own background, since what it is embedded in may
 * differ from what the browser prefers.  Where the picture is shown much smaller
 * than it is, letters are larger; places leave room for these.
 *
 * A document has a bounded size and is ASCII, so it is well formed in any
 * encoding.
 */
#include "postgres.h"

#include <math.h>

#include "svg/svg.h"

#define TITLE_HEIGHT	26
#define LEGEND_WIDTH	156
#define X_AXIS_HEIGHT	48

static const char style[] =
	"<style>"
	".gmm text{font:13px system-ui,sans-serif;fill:#24292f}"
	".gmm .note{font-size:12px;fill:#57606a}"
	".gmm .title{font-size:16px;font-weight:600}"
	".gmm .paper{fill:#fff}"
	".gmm .grid{fill:none;stroke:#eaeef2}"
	".gmm .frame{fill:none;stroke:#8c959f}"
	".gmm .bars{fill:#8c959f;fill-opacity:.3}"
	".gmm .total{fill:none;stroke:#24292f;stroke-dasharray:2 3}"
	".gmm .rug{fill:none;stroke:currentColor}"
	".gmm .curve{fill:none;stroke:currentColor;stroke-width:2}"
	".gmm .mark{fill:currentColor}"
	".gmm .ring{fill:none;stroke:currentColor;stroke-width:1.4}"
	".gmm .hollow{fill:#fff;stroke:currentColor;stroke-width:1.6}"
	".gmm .choice{fill:none;stroke:#24292f;stroke-width:2}"
	".gmm .out{fill:#57606a}"
	".gmm .one{fill:currentColor;fill-opacity:.12;stroke:currentColor;stroke-width:2}"
	".gmm .two{fill:none;stroke:currentColor;stroke-width:1.4;stroke-dasharray:6 4}"
	".gmm .number{font-weight:bold;font-size:14px;stroke:#fff;stroke-width:4;"
	"stroke-linejoin:round;paint-order:stroke}"
	".gmm .c0{color:#0072b2}.gmm .c1{color:#d55e00}.gmm .c2{color:#009e73}"
	".gmm .c3{color:#cc79a7}.gmm .c4{color:#e69f00}.gmm .c5{color:#56b4e9}"
	".gmm .c6{color:#000}.gmm .c7{color:#8c959f}"
	"@media(prefers-color-scheme:dark){"
	".gmm text{fill:#e6edf3}.gmm .note{fill:#9ea7b3}.gmm .paper{fill:#0d1117}"
	".gmm .grid{stroke:#21262d}.gmm .frame{stroke:#6e7681}.gmm .out{fill:#9ea7b3}"
	".gmm .total,.gmm .choice{stroke:#e6edf3}.gmm .number{stroke:#0d1117}.gmm .hollow{fill:#0d1117}"
	".gmm .c0{color:#56b4e9}.gmm .c5{color:#0072b2}.gmm .c6{color:#f0e442}"
	"}";

/* Of about equal areas, about the origin; the last is the noise's */
static const char *const shapes[SVG_N_SHAPES + 1] = {
	"M-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0-7 0z",
	"M0-4.4 4.2 3H-4.2z",
	"M-3.1-3.1h6.2v6.2h-6.2z",
	"M0-4.4 4.4 0 0 4.4-4.4 0z",
	"M-1.4-4.2h2.8v2.8h2.8v2.8h-2.8v2.8h-2.8v-2.8h-2.8v-2.8h2.8z",
	"M0 4.4-4.2-3H4.2z",
	"M-3-3 3 3M3-3-3 3"
};

/* The path of a mark about its place; number: up to SVG_N_SHAPES, which is that of noise. */
const char *
svg_shape(int number)
{
	return shapes[number];
}

/* Append the style sheet of a picture that is so wide. */
void
svg_add_style(StringInfo text, int width)
{
	appendStringInfoString(text, style);
	if (width > SVG_NARROW)
		appendStringInfo(text, "@media(max-width:%dpx){.gmm text{font-size:16px}.gmm .note{font-size:13.5px}"
						 ".gmm .number{font-size:18px}.gmm .title{font-size:20px}}", width * 3 / 4);
	appendStringInfoString(text, "</style>\n");
}

/*
 * Begin a picture of this size, unless the user asks for another.  It is drawn at
 * least `least` pixels wide and high, and shown smaller where it has to be.
 */
void
svg_begin(SvgPicture *picture, const GmmSvgOptions *options, int width, int height, int least)
{
	StringInfo	text = &picture->text;
	int			shown_width = options->width > 0 ? options->width : width;
	int			shown_height = options->height > 0 ? options->height : height;
	double		scale = fmax(1, (double) least / Min(shown_width, shown_height));

	picture->width = (int) rint(shown_width * scale);
	picture->height = (int) rint(shown_height * scale);
	initStringInfo(text);
	appendStringInfo(text,
					 "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"gmm\" role=\"img\" "
					 "width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" "
					 "style=\"max-width:100%%;height:auto\">\n",
					 shown_width, shown_height, picture->width, picture->height);
}

/* Append the title that the user gave, if one; returns the height that it takes. */
int
svg_add_title(SvgPicture *picture, const GmmSvgOptions *options)
{
	StringInfo	text = &picture->text;

	appendStringInfo(text, "<rect class=\"paper\" width=\"%d\" height=\"%d\"/>\n",
					 picture->width, picture->height);
	if (options->title == NULL)
		return 0;
	appendStringInfo(text, "<text class=\"title\" x=\"14\" y=\"24\">");
	svg_add_text(text, options->title, (picture->width - 28) / 10);
	appendStringInfoString(text, "</text>\n");
	return TITLE_HEIGHT;
}

/*
 * Append what describes a picture of the first n features to screen readers, and as a
 * browser's hint.  what: words before their names.
 */
void
svg_add_description(StringInfo text, const GmmPlot *plot, const char *what, int n)
{
	appendStringInfoString(text, "<title>");
	if (plot->options.title != NULL)
	{
		svg_add_text(text, plot->options.title, 200);
		appendStringInfoString(text, ": ");
	}
	appendStringInfo(text, "Gaussian mixture of %d component%s: %s", plot->marginal->k,
					 plot->marginal->k == 1 ? "" : "s", what);
	for (int i = 0; i < n; i++)
	{
		appendStringInfoString(text, i == 0 ? "" : i == n - 1 ? " and " : ", ");
		svg_add_text(text, svg_feature_name(plot, i), 60);
	}
	appendStringInfoString(text, "</title>\n");
}

/* Append a marker for each look that is used; smaller ones, the more points. */
void
svg_add_markers(SvgPicture *picture, bool small)
{
	StringInfo	text = &picture->text;
	const GmmPlot *plot = picture->plot;
	bool		used[SVG_N_LOOKS + 1] = {false};
	int			crowd = plot->n_points * (small ? 4 : 1);
	double		size = crowd > 1000 ? 6.5 : crowd > 300 ? 8 : 10;
	double		opacity = crowd > 1000 ? 0.5 : 0.7;

	for (int i = 0; i < plot->n_points; i++)
		used[svg_look(plot->points[i].component)] = true;

	appendStringInfoString(text, "<defs>");
	for (int i = 0; i <= SVG_N_LOOKS; i++)
		if (used[i])
			appendStringInfo(text, "<marker id=\"gmm-%d\" class=\"c%d\" fill-opacity=\"%g\" markerUnits=\"userSpaceOnUse\" "
							 "markerWidth=\"%g\" markerHeight=\"%g\" viewBox=\"-5 -5 10 10\">"
							 "<path class=\"%s\" d=\"%s\"/></marker>\n",
							 i, i == SVG_N_LOOKS ? SVG_N_COLOURS : i % SVG_N_COLOURS,
							 opacity, size, size, i < SVG_N_LOOKS / 2 ? "mark" : "ring",
							 i == SVG_N_LOOKS ? shapes[SVG_N_SHAPES] : shapes[i % SVG_N_SHAPES]);
	appendStringInfoString(text, "</defs>\n");
}

/* Begin what is clipped to a frame; places stay those of the picture. */
void
svg_open_frame(StringInfo text, const SvgFrame *frame)
{
	int			width = frame->right - frame->left;
	int			height = frame->bottom - frame->top;

	appendStringInfo(text, "<svg x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" viewBox=\"%d %d %d %d\">\n",
					 frame->left, frame->top, width, height, frame->left, frame->top,
					 width, height);
}

/* End what is clipped to a frame, and draw the frame. */
void
svg_close_frame(StringInfo text, const SvgFrame *frame)
{
	appendStringInfo(text, "</svg>\n<path class=\"frame\" d=\"M%d %dH%dV%dH%dz\"/>\n",
					 frame->left, frame->top, frame->right, frame->bottom, frame->left);
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

/* Choose the components that are drawn. */
void
svg_choose_shown(SvgPicture *picture)
{
	const MixtureParameters *marginal = picture->plot->marginal;

	picture->shown = (int *) palloc(marginal->k * sizeof(int));
	for (int i = 0; i < marginal->k; i++)
		picture->shown[i] = i;
	qsort_arg(picture->shown, marginal->k, sizeof(int), compare_weights, marginal->weights);
	picture->n_shown = Min(marginal->k, SVG_MAX_SHOWN);
	picture->is_shown = (bool *) palloc0(marginal->k * sizeof(bool));
	for (int i = 0; i < picture->n_shown; i++)
		picture->is_shown[picture->shown[i]] = true;
}

/* Place the frame of the only panel, below y = top, and its axes. */
static void
place_panel(SvgPanel *panel, int top)
{
	SvgPicture *picture = panel->picture;
	SvgFrame   *frame = &panel->frame;
	bool		narrow = picture->width < SVG_NARROW;
	int			below = narrow ? svg_legend_height(picture, picture->width) : 0;

	frame->top = top;
	frame->bottom = Max(top + 40, picture->height - X_AXIS_HEIGHT - below);
	frame->right = narrow ? picture->width - 14 : picture->width - LEGEND_WIDTH;
	if (panel->features[1] < 0)
		svg_density_prepare(panel);
	else
		svg_set_axis(&panel->axes[1], picture->ranges[1][0], picture->ranges[1][1],
					 frame->bottom, frame->top, svg_feature_name(picture->plot, 1));
	svg_choose_ticks(panel, 1, false, 7);
	frame->left = 34 + panel->ticks[1].width * SVG_CHARACTER;
	svg_set_axis(&panel->axes[0], picture->ranges[0][0], picture->ranges[0][1],
				 frame->left, frame->right, svg_feature_name(picture->plot, 0));
	svg_choose_ticks(panel, 0, true, 8);
}

/* Append the legend, to the right of the frame or below it. */
static void
place_legend(SvgPanel *panel)
{
	SvgPicture *picture = panel->picture;
	SvgFrame	place = panel->frame;

	if (picture->width < SVG_NARROW)
	{
		place.left = 14;
		place.right = picture->width - 14;
		place.top = panel->frame.bottom + X_AXIS_HEIGHT;
	}
	else
	{
		place.left = panel->frame.right + 14;
		place.right = picture->width;
	}
	svg_add_legend(picture, &place, svg_outside(picture, panel));
}

/* Draw; returns the document, palloc'd. */
char *
gmm_svg_draw(const GmmPlot *plot)
{
	SvgPicture	picture = {.plot = plot};
	bool		scatter = plot->marginal->d > 1;
	StringInfo	text = &picture.text;
	SvgPanel	panel = {
		.picture = &picture,
		.marginal = plot->marginal,
		.features = {0, scatter ? 1 : -1}
	};
	int			title;

	if (plot->pairs)
		return svg_draw_pairs(plot);
	svg_choose_shown(&picture);
	svg_find_ranges(&picture);
	svg_begin(&picture, &plot->options, SVG_WIDTH, SVG_HEIGHT, 0);
	svg_add_description(text, plot, "", plot->marginal->d);
	svg_add_style(text, picture.width);
	svg_add_markers(&picture, false);
	title = svg_add_title(&picture, &plot->options);
	place_panel(&panel, 14 + title);
	svg_add_grid(text, &panel);
	svg_add_ticks(text, &panel, 0);
	svg_add_ticks(text, &panel, 1);
	svg_add_axis_title(text, &panel, 0, svg_feature_name(plot, 0), 38);
	svg_add_axis_title(text, &panel, 1, scatter ? svg_feature_name(plot, 1) : "density",
					   panel.frame.left - 16);
	svg_open_frame(text, &panel.frame);
	if (scatter)
		svg_scatter_draw(&panel);
	else
		svg_density_draw(&panel);
	svg_close_frame(text, &panel.frame);
	place_legend(&panel);
	appendStringInfoString(text, "</svg>\n");
	return text->data;
}
