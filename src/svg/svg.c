/*
 * svg.c
 *	  What the parts of a picture share: numbers and places in it, and how a
 *	  component looks.
 *
 * Places are rounded to a tenth of a pixel.
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "host/engine_host.h"
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

double
svg_place(const SvgAxis *axis, double value)
{
	return axis->origin + (value - axis->low) * axis->scale;
}

/* How a component, or SVG_NOISE, looks: its place in the table of colours and shapes. */
int
svg_look(int component)
{
	return component == SVG_NOISE ? SVG_NOISE_LOOK : component % SVG_N_LOOKS;
}

int
svg_colour(int component)
{
	return component == SVG_NOISE ? SVG_NOISE_COLOUR : component % SVG_N_COLOURS;
}

/* Append the number of a component. */
void
svg_add_label(StringInfo text, int component, double x, double y)
{
	appendStringInfoString(text, "<text class=\"number\" text-anchor=\"middle\" x=\"");
	svg_add_number(text, x);
	appendStringInfoString(text, "\" y=\"");
	svg_add_number(text, y);
	appendStringInfo(text, "\">%d</text>\n", component + 1);
}


/* --- axes --- */

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
 * Let an axis go from low to high and a little beyond; upwards ones have low
 * at the bottom.
 */
void
svg_set_axis(SvgAxis *axis, double low, double high, bool upwards, const char *what)
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
	axis->origin = upwards ? SVG_BOTTOM : SVG_LEFT;
	axis->scale = (upwards ? SVG_TOP - SVG_BOTTOM : SVG_RIGHT - SVG_LEFT) / (high - low);
}

/*
 * The range of a feature, 0 for x and 1 for y, in the picture.  It covers the
 * sample, and beyond it the components as far as that does not make the sample
 * small.
 */
void
svg_cover_feature(const SvgPicture *picture, int feature, double *low, double *high)
{
	const GmmPlot *plot = picture->plot;
	int			d = plot->marginal->d;
	double		model_low = INFINITY;
	double		model_high = -INFINITY;
	double		sample_low = INFINITY;
	double		sample_high = -INFINITY;
	double		margin;

	for (int i = 0; i < plot->n_points; i++)
	{
		double		value = feature == 0 ? plot->points[i].x : plot->points[i].y;

		sample_low = fmin(sample_low, value);
		sample_high = fmax(sample_high, value);
	}
	for (int i = 0; i < picture->n_shown; i++)
	{
		const double unit[2] = {1, 1};
		MixtureEllipse ellipse;
		int			component = picture->shown[i];
		double		mean = plot->marginal->means[component * d + feature];

		mixture_ellipse(plot->marginal, component, unit, &ellipse, &gmm_host);
		model_low = fmin(model_low, mean - 2 * ellipse.deviations[feature]);
		model_high = fmax(model_high, mean + 2 * ellipse.deviations[feature]);
	}

	*low = model_low;
	*high = model_high;
	if (plot->n_points > 0 && sample_high > sample_low)
	{
		margin = (sample_high - sample_low) / 2;
		*low = fmin(sample_low, fmax(model_low, sample_low - margin));
		*high = fmax(sample_high, fmin(model_high, sample_high + margin));
	}
	else if (plot->n_points > 0)
	{
		*low = fmin(sample_low, model_low);
		*high = fmax(sample_high, model_high);
	}
	margin = (*high - *low) / 25;
	*low -= margin;
	*high += margin;
}
