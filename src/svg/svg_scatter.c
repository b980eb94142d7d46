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

/* The axes: both cover the sample. */
void
svg_scatter_axes(SvgPicture *picture)
{
	for (int i = 0; i < 2; i++)
	{
		double		low;
		double		high;

		svg_cover_feature(picture, i, &low, &high);
		svg_set_axis(&picture->axes[i], low, high, i == 1,
					 psprintf("feature %d", picture->plot->dims[i] + 1));
	}
}

/*
 * Append the points first to last - 1, which look alike; those that
 * fall on the one before are left out.  The last place is there twice: the
 * path's end has no marker.
 */
static void
add_points(StringInfo text, const SvgPicture *picture, int first, int last)
{
	const GmmPlotPoint *points = picture->plot->points;
	int			look = svg_look(points[first].component);
	long		last_x = 0;
	long		last_y = 0;

	appendStringInfo(text, "<path fill=\"none\" marker-start=\"url(#gmm-%d)\" "
					 "marker-mid=\"url(#gmm-%d)\" d=\"M", look, look);
	for (int i = first; i < last; i++)
	{
		double		x = svg_place(&picture->axes[0], points[i].x);
		double		y = svg_place(&picture->axes[1], points[i].y);
		long		tenth_x = lround(x * 10);
		long		tenth_y = lround(y * 10);

		if (i > first && tenth_x == last_x && tenth_y == last_y)
			continue;
		if (i > first)
			appendStringInfoChar(text, ' ');
		svg_add_place(text, x, y);
		last_x = tenth_x;
		last_y = tenth_y;
	}
	appendStringInfoString(text, "h0\"/>\n");
}

/* Append the ellipses of one and two standard deviations. */
static void
add_ellipses(StringInfo text, const SvgPicture *picture, int component)
{
	const MixtureParameters *marginal = picture->plot->marginal;
	const double scale[2] = {picture->axes[0].scale, picture->axes[1].scale};
	double		x = svg_place(&picture->axes[0], marginal->means[2 * component]);
	double		y = svg_place(&picture->axes[1], marginal->means[2 * component + 1]);
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
svg_scatter_draw(SvgPicture *picture)
{
	const GmmPlot *plot = picture->plot;
	StringInfo	text = &picture->text;

	for (int first = 0, last; first < plot->n_points; first = last)
	{
		for (last = first; last < plot->n_points; last++)
			if (svg_look(plot->points[last].component) !=
				svg_look(plot->points[first].component))
				break;
		add_points(text, picture, first, last);
	}
	for (int i = 0; i < picture->n_shown; i++)
		add_ellipses(text, picture, picture->shown[i]);
	for (int i = 0; i < picture->n_shown; i++)
	{
		const double *mean = plot->marginal->means + 2 * picture->shown[i];

		svg_add_label(text, picture->shown[i], svg_place(&picture->axes[0], mean[0]),
					  svg_place(&picture->axes[1], mean[1]) + 5);
	}
}
