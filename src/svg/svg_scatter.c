/*
 * svg_scatter.c
 *	  Two features of a mixture and its rows: points and ellipses.
 *
 * Points that look alike are one path with a marker at each of its places, which
 * takes a tenth of the bytes that an element for each would.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"

#include "host/engine_host.h"
#include "svg/svg.h"

/* Pixels of an edge of which a mark says that there are rows beyond */
#define EDGE_STEP		6

/* The place of a point in a panel; false if it is outside. */
static bool
place_point(const SvgPanel *panel, const GmmPlotPoint *point, double *x, double *y)
{
	double		value_x = point->values[panel->features[0]];
	double		value_y = point->values[panel->features[1]];

	*x = svg_place(&panel->axes[0], value_x);
	*y = svg_place(&panel->axes[1], value_y);
	return svg_on_axis(&panel->axes[0], value_x) && svg_on_axis(&panel->axes[1], value_y);
}

/*
 * Append the points first to last - 1, which look alike; those that
 * fall on the one before are left out.  The last place is there twice: the
 * path's end has no marker.
 */
static void
add_points(StringInfo text, const SvgPanel *panel, int first, int last)
{
	const GmmPlotPoint *points = panel->picture->plot->points;
	int			look = svg_look(points[first].component);
	bool		begun = false;
	long		last_x = 0;
	long		last_y = 0;

	for (int i = first; i < last; i++)
	{
		double		x;
		double		y;
		long		tenth_x;
		long		tenth_y;

		if (!place_point(panel, &points[i], &x, &y))
			continue;
		tenth_x = lround(x * 10);
		tenth_y = lround(y * 10);
		if (begun && tenth_x == last_x && tenth_y == last_y)
			continue;
		if (begun)
			appendStringInfoChar(text, ' ');
		else
			appendStringInfo(text, "<path fill=\"none\" marker-start=\"url(#gmm-%d)\" "
							 "marker-mid=\"url(#gmm-%d)\" d=\"M", look, look);
		begun = true;
		svg_add_place(text, x, y);
		last_x = tenth_x;
		last_y = tenth_y;
	}
	if (begun)
		appendStringInfoString(text, "h0\"/>\n");
}

/* Append a mark for each piece of an edge that rows are beyond. */
static void
add_outside(StringInfo text, const SvgPanel *panel)
{
	static const char *const arrows[4] = {"l7-4v8z", "l-7-4v8z", "l-4 7h8z", "l-4-7h8z"};
	const GmmPlot *plot = panel->picture->plot;
	const SvgFrame *frame = &panel->frame;
	int			edges = frame->right - frame->left + frame->bottom - frame->top;
	int			n_pieces = edges / EDGE_STEP + 2;
	bool	   *taken = (bool *) palloc0(4 * n_pieces * sizeof(bool));
	bool		begun = false;

	for (int i = 0; i < plot->n_points; i++)
	{
		double		x;
		double		y;
		int			side;
		int			piece;

		if (place_point(panel, &plot->points[i], &x, &y))
			continue;
		side = x < frame->left ? 0 : x > frame->right ? 1 : y < frame->top ? 2 : 3;
		x = fmax(frame->left + (side < 2 ? 0 : 5), fmin(frame->right - (side < 2 ? 0 : 5), x));
		y = fmax(frame->top + (side < 2 ? 5 : 0), fmin(frame->bottom - (side < 2 ? 5 : 0), y));
		piece = side * n_pieces + (int) ((side < 2 ? y - frame->top : x - frame->left) / EDGE_STEP);
		if (taken[piece])
			continue;
		taken[piece] = true;
		if (!begun)
			appendStringInfoString(text, "<path class=\"out\" d=\"");
		begun = true;
		appendStringInfoChar(text, 'M');
		svg_add_place(text, x, y);
		appendStringInfoString(text, arrows[side]);
	}
	if (begun)
		appendStringInfoString(text, "\"/>\n");
	pfree(taken);
}

/* Append the ellipses of one and two standard deviations. */
static void
add_ellipses(StringInfo text, const SvgPanel *panel, int component)
{
	const MixtureParameters *marginal = panel->marginal;
	const double scale[2] = {panel->axes[0].scale, panel->axes[1].scale};
	double		x = svg_place(&panel->axes[0], marginal->means[2 * component]);
	double		y = svg_place(&panel->axes[1], marginal->means[2 * component + 1]);
	MixtureEllipse ellipse;
	double		angle;

	mixture_ellipse(marginal, component, scale, &ellipse, &gmm_host);
	angle = atan2(ellipse.direction[1], ellipse.direction[0]) * 180 / M_PI;

	/* of the two ends of the axis, the one to the right */
	if (angle > 90)
		angle -= 180;
	else if (angle <= -90)
		angle += 180;

	appendStringInfo(text, "<g class=\"c%d\" transform=\"translate(", svg_colour(component));
	svg_add_place(text, x, y);
	appendStringInfoString(text, ")rotate(");
	svg_add_number(text, angle);
	appendStringInfoString(text, ")\">");
	for (int i = 1; i <= 2; i++)
	{
		appendStringInfo(text, "<ellipse class=\"%s\" rx=\"", i == 1 ? "one" : "two");
		svg_add_number(text, i * ellipse.radii[0]);
		appendStringInfoString(text, "\" ry=\"");
		svg_add_number(text, i * ellipse.radii[1]);
		appendStringInfoString(text, "\"/>");
	}
	appendStringInfoString(text, "</g>\n");
}

/* Append points, ellipses above them, and numbers above these. */
void
svg_scatter_draw(SvgPanel *panel)
{
	SvgPicture *picture = panel->picture;
	const GmmPlot *plot = picture->plot;
	StringInfo	text = &picture->text;

	for (int first = 0, last; first < plot->n_points; first = last)
	{
		for (last = first; last < plot->n_points; last++)
			if (svg_look(plot->points[last].component) !=
				svg_look(plot->points[first].component))
				break;
		add_points(text, panel, first, last);
	}
	for (int i = 0; i < plot->marginal->k; i++)
		if (picture->is_shown[i])
			add_ellipses(text, panel, i);
	add_outside(text, panel);
	for (int i = 0; i < picture->n_shown; i++)
	{
		const double *mean = panel->marginal->means + 2 * picture->shown[i];

		CHECK_FOR_INTERRUPTS();
		svg_add_label(text, panel, picture->shown[i], svg_place(&panel->axes[0], mean[0]),
					  svg_place(&panel->axes[1], mean[1]));
	}
}
