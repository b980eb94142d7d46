/*
 * svg_density.c
 *	  One feature of a mixture and its rows: a histogram, the density of each
 *	  component and of all, and a rug of the rows.
 *
 * Densities are the engine's: that of a component, times its weight, is its
 * responsibility times the density of the mixture.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/memutils.h"

#include "host/engine_host.h"
#include "svg/svg.h"

#define N_BINS				40	/* about; they have a nice width */
#define N_FINE_BINS			80	/* where there are points for them */
#define FINE_POINTS			2000
#define MAX_BINS			100
#define CURVE_REACH			4	/* deviations to each side of a mean */
#define CURVE_STEPS			8	/* points a deviation */
#define TOTAL_STEP			2	/* pixels */
#define RUG_HEIGHT			7
#define WORK_ALIGNMENT		64

/* Pixels from the bottom at which a mark says that there are rows beyond */
#define OUTSIDE_HEIGHT		18

struct SvgDensity
{
	MixturePrepared *prepared;	/* of the one feature */
	double	   *work;			/* the engine's scratch, aligned */
	double	   *responsibilities;
	double		start;			/* of the first bin */
	double		width;			/* of each */
	int			n_bins;
	double		bins[MAX_BINS]; /* densities */
};

/*
 * The density of the mixture at a value; responsibilities are set, too.  With
 * many components a curve takes a while.
 */
static double
density_at(const SvgDensity *density, double value)
{
	double		noise;

	CHECK_FOR_INTERRUPTS();
	return exp(mixture_row_responsibilities(density->prepared, &value, density->work,
											density->responsibilities, &noise));
}

static SvgDensity *
prepare_density(const MixtureParameters *marginal)
{
	SvgDensity *density = palloc0(sizeof(SvgDensity));
	MixtureError error = {0};
	char	   *chunk;

	density->prepared = mixture_prepare_rows(marginal, &gmm_host, &error);
	if (density->prepared == NULL)
		gmm_report_status(MIXTURE_NOT_POSITIVE_DEFINITE, marginal->k, NULL, &error);
	chunk = MemoryContextAllocHuge(CurrentMemoryContext,
								   mixture_row_work_size(density->prepared) * sizeof(double) +
								   WORK_ALIGNMENT - 1);
	density->work = (double *) TYPEALIGN(WORK_ALIGNMENT, chunk);
	density->responsibilities = palloc(marginal->k * sizeof(double));
	return density;
}

/* A row's value of the feature of a panel. */
static double
value_of(const SvgPanel *panel, const GmmPlotPoint *point)
{
	return point->values[panel->features[0]];
}

/*
 * Count the sample in bins, which begin at multiples of their width, but for the
 * rows outside.
 */
static void
fill_bins(SvgDensity *density, const SvgPanel *panel, double low, double high)
{
	const GmmPlot *plot = panel->picture->plot;

	density->width = svg_nice_step(high - low,
								   plot->n_points > FINE_POINTS ? N_FINE_BINS : N_BINS);
	density->start = floor(low / density->width) * density->width;
	density->n_bins = Min(MAX_BINS, 1 + (int) ((high - density->start) / density->width));
	for (int i = 0; i < plot->n_points; i++)
	{
		double		value = value_of(panel, &plot->points[i]);

		/* what lies on a bound by its digits belongs above it */
		double		place = (value - density->start) / density->width + 1e-9;

		if (value >= low && value <= high)
			density->bins[(int) fmax(0, fmin(density->n_bins - 1, floor(place)))] +=
				plot->points[i].count / (double) plot->n_sampled / density->width;
	}
}

/*
 * Prepare what is drawn, and the axis of the density between the frame's top and
 * bottom.  It has room for the histogram and the mixture, but for a narrow peak
 * only as far as the histogram remains to be seen.
 */
void
svg_density_prepare(SvgPanel *panel)
{
	SvgPicture *picture = panel->picture;
	SvgDensity *density = prepare_density(panel->marginal);
	const double *range = picture->ranges[panel->features[0]];
	SvgAxis		axis;
	double		bars = 0;
	double		peak = 0;

	/* as the axis will be */
	svg_set_axis(&axis, range[0], range[1], 0, 1,
				 svg_feature_name(picture->plot, panel->features[0]));
	fill_bins(density, panel, axis.low, axis.high);
	for (int i = 0; i < density->n_bins; i++)
		bars = fmax(bars, density->bins[i]);
	for (int i = 0; i < picture->n_shown; i++)
	{
		double		mean = panel->marginal->means[picture->shown[i]];

		if (svg_on_axis(&axis, mean))
			peak = fmax(peak, density_at(density, mean));
	}
	if (bars > 0)
		peak = fmax(bars, fmin(peak, 3 * bars));
	svg_set_axis(&panel->axes[1], 0, peak * 1.12, panel->frame.bottom, panel->frame.top,
				 "the density");
	panel->density = density;
}

static void
add_bars(StringInfo text, const SvgPanel *panel)
{
	const SvgDensity *density = panel->density;
	const SvgAxis *x = &panel->axes[0];
	const SvgAxis *y = &panel->axes[1];

	appendStringInfoString(text, "<path class=\"bars\" d=\"");
	for (int i = 0; i < density->n_bins; i++)
	{
		double		left = svg_place(x, density->start + i * density->width);

		if (density->bins[i] == 0)
			continue;
		appendStringInfoChar(text, 'M');
		svg_add_place(text, left, panel->frame.bottom);
		appendStringInfoChar(text, 'V');
		svg_add_number(text, svg_place(y, density->bins[i]));
		appendStringInfoChar(text, 'H');
		svg_add_number(text, svg_place(x, density->start + (i + 1) * density->width) - 1);
		appendStringInfo(text, "V%dz", panel->frame.bottom);
	}
	appendStringInfoString(text, "\"/>\n");
}

/* A line for each pixel and colour, the noise's too, at which there are rows. */
static void
add_rug(StringInfo text, const SvgPanel *panel)
{
	const GmmPlot *plot = panel->picture->plot;
	const SvgFrame *frame = &panel->frame;
	int			n_pixels = frame->right - frame->left + 1;
	bool	   *taken = (bool *) palloc(n_pixels * sizeof(bool));

	for (int colour = 0; colour <= SVG_N_COLOURS; colour++)
	{
		bool		begun = false;

		memset(taken, 0, n_pixels * sizeof(bool));
		for (int i = 0; i < plot->n_points; i++)
		{
			double		value = value_of(panel, &plot->points[i]);

			if (svg_colour(plot->points[i].component) == colour &&
				svg_on_axis(&panel->axes[0], value))
				taken[Max(0, Min((int) lround(svg_place(&panel->axes[0], value)), frame->right) -
						  frame->left)] = true;
		}
		for (int i = 0; i < n_pixels; i++)
			if (taken[i])
			{
				if (!begun)
					appendStringInfo(text, "<path class=\"rug c%d\" d=\"", colour);
				begun = true;
				appendStringInfo(text, "M%d %dv-%d", frame->left + i, frame->bottom, RUG_HEIGHT);
			}
		if (begun)
			appendStringInfoString(text, "\"/>\n");
	}
	pfree(taken);
}

/* Append a mark to each side that rows are beyond. */
static void
add_outside(StringInfo text, const SvgPanel *panel)
{
	const GmmPlot *plot = panel->picture->plot;
	const SvgFrame *frame = &panel->frame;
	bool		below = false;
	bool		above = false;

	for (int i = 0; i < plot->n_points; i++)
	{
		below |= value_of(panel, &plot->points[i]) < panel->axes[0].low;
		above |= value_of(panel, &plot->points[i]) > panel->axes[0].high;
	}
	if (below || above)
		appendStringInfoString(text, "<path class=\"out\" d=\"");
	if (below)
		appendStringInfo(text, "M%d %dl7-4v8z", frame->left, frame->bottom - OUTSIDE_HEIGHT);
	if (above)
		appendStringInfo(text, "M%d %dl-7-4v8z", frame->right, frame->bottom - OUTSIDE_HEIGHT);
	if (below || above)
		appendStringInfoString(text, "\"/>\n");
}

/*
 * Append the density of a component times its weight.
 */
static void
add_component(StringInfo text, const SvgPanel *panel, int component)
{
	const SvgDensity *density = panel->density;
	const MixtureParameters *marginal = panel->marginal;
	const double unit = 1;
	double		mean = marginal->means[component];
	MixtureEllipse ellipse;
	double		value;

	mixture_ellipse(marginal, component, &unit, &ellipse, &gmm_host);
	appendStringInfo(text, "<path class=\"curve c%d\" d=\"M", svg_colour(component));
	for (int i = -CURVE_REACH * CURVE_STEPS; i <= CURVE_REACH * CURVE_STEPS; i++)
	{
		double		x = mean + i * ellipse.deviations[0] / CURVE_STEPS;

		value = density_at(density, x);
		if (i > -CURVE_REACH * CURVE_STEPS)
			appendStringInfoChar(text, ' ');
		svg_add_place(text, svg_place(&panel->axes[0], x),
					  svg_place(&panel->axes[1],
								value * density->responsibilities[component]));
	}
	appendStringInfoString(text, "\"/>\n");
}

/* Append the number of a component above the top of its density. */
static void
add_number(StringInfo text, SvgPanel *panel, int component)
{
	const SvgDensity *density = panel->density;
	double		mean = panel->marginal->means[component];
	double		value = density_at(density, mean);

	value *= density->responsibilities[component];
	svg_add_label(text, panel, component, svg_place(&panel->axes[0], mean),
				  svg_place(&panel->axes[1], value) - 11);
}

static int
compare_values(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return x < y ? -1 : x > y;
}

/*
 * Append the density of the mixture: at every other pixel, and close to the
 * means, as a component may be narrower than that.
 */
static void
add_total(StringInfo text, const SvgPanel *panel)
{
	const SvgPicture *picture = panel->picture;
	const SvgDensity *density = panel->density;
	const MixtureParameters *marginal = panel->marginal;
	const SvgAxis *axis = &panel->axes[0];
	const double unit = 1;
	int			n_pixels = (panel->frame.right - panel->frame.left) / TOTAL_STEP + 1;
	double	   *values = palloc((n_pixels + picture->n_shown *
								 (2 * CURVE_REACH * CURVE_STEPS + 1)) * sizeof(double));
	int			n = 0;

	for (int i = 0; i < n_pixels; i++)
		values[n++] = axis->low + i * TOTAL_STEP / axis->scale;
	for (int i = 0; i < picture->n_shown; i++)
	{
		MixtureEllipse ellipse;

		mixture_ellipse(marginal, picture->shown[i], &unit, &ellipse, &gmm_host);
		if (ellipse.deviations[0] * axis->scale > CURVE_STEPS * TOTAL_STEP)
			continue;
		for (int j = -CURVE_REACH * CURVE_STEPS; j <= CURVE_REACH * CURVE_STEPS; j++)
			values[n++] = marginal->means[picture->shown[i]] +
				j * ellipse.deviations[0] / CURVE_STEPS;
	}
	qsort(values, n, sizeof(double), compare_values);

	appendStringInfoString(text, "<path class=\"total\" d=\"M");
	for (int i = 0; i < n; i++)
	{
		if (i > 0)
			appendStringInfoChar(text, ' ');
		svg_add_place(text, svg_place(axis, values[i]),
					  svg_place(&panel->axes[1], density_at(density, values[i])));
	}
	appendStringInfoString(text, "\"/>\n");
}

/* Append histogram, rug and curves. */
void
svg_density_draw(SvgPanel *panel)
{
	SvgPicture *picture = panel->picture;
	StringInfo	text = &picture->text;

	add_bars(text, panel);
	add_rug(text, panel);
	add_outside(text, panel);
	add_total(text, panel);
	for (int i = 0; i < panel->marginal->k; i++)
		if (picture->is_shown[i])
			add_component(text, panel, i);
	for (int i = 0; i < picture->n_shown; i++)
		add_number(text, panel, picture->shown[i]);
}
