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

/* Count the sample in bins that begin at multiples of their width. */
static void
fill_bins(SvgDensity *density, const GmmPlot *plot, const SvgAxis *axis)
{
	density->width = svg_nice_step(axis->high - axis->low,
								   plot->n_points > FINE_POINTS ? N_FINE_BINS : N_BINS);
	density->start = floor(axis->low / density->width) * density->width;
	density->n_bins = Min(MAX_BINS, 1 + (int) ((axis->high - density->start) / density->width));
	for (int i = 0; i < plot->n_points; i++)
	{
		/* what lies on a bound by its digits belongs above it */
		double		place = (plot->points[i].x - density->start) / density->width + 1e-9;
		int			bin = (int) fmax(0, fmin(density->n_bins - 1, floor(place)));

		density->bins[bin] += plot->points[i].count / (double) plot->n_sampled / density->width;
	}
}

/*
 * The axes.  That of the density has room for the histogram and the mixture,
 * but for a narrow peak only as far as the histogram remains to be seen.
 */
void
svg_density_axes(SvgPicture *picture)
{
	const GmmPlot *plot = picture->plot;
	SvgDensity *density = prepare_density(plot->marginal);
	double		low;
	double		high;
	double		bars = 0;
	double		peak = 0;

	svg_cover_feature(picture, 0, &low, &high);
	svg_set_axis(&picture->axes[0], low, high, false,
				 psprintf("feature %d", plot->dims[0] + 1));
	fill_bins(density, plot, &picture->axes[0]);

	for (int i = 0; i < density->n_bins; i++)
		bars = fmax(bars, density->bins[i]);
	for (int i = 0; i < picture->n_shown; i++)
		peak = fmax(peak, density_at(density, plot->marginal->means[picture->shown[i]]));
	if (bars > 0)
		peak = fmax(bars, fmin(peak, 3 * bars));
	svg_set_axis(&picture->axes[1], 0, peak * 1.08, true, "the density");
	picture->density = density;
}

static void
add_bars(StringInfo text, const SvgPicture *picture)
{
	const SvgDensity *density = picture->density;
	const SvgAxis *x = &picture->axes[0];
	const SvgAxis *y = &picture->axes[1];

	appendStringInfoString(text, "<path class=\"bars\" d=\"");
	for (int i = 0; i < density->n_bins; i++)
	{
		double		left = svg_place(x, density->start + i * density->width);

		if (density->bins[i] == 0)
			continue;
		appendStringInfoChar(text, 'M');
		svg_add_place(text, left, SVG_BOTTOM);
		appendStringInfoChar(text, 'V');
		svg_add_number(text, svg_place(y, density->bins[i]));
		appendStringInfoChar(text, 'H');
		svg_add_number(text, svg_place(x, density->start + (i + 1) * density->width) - 1);
		appendStringInfo(text, "V%dz", SVG_BOTTOM);
	}
	appendStringInfoString(text, "\"/>\n");
}

/* A line for each pixel and colour at which there are rows. */
static void
add_rug(StringInfo text, const SvgPicture *picture)
{
	const GmmPlot *plot = picture->plot;

	for (int colour = 0; colour <= SVG_NOISE_COLOUR; colour++)
	{
		bool		taken[SVG_RIGHT - SVG_LEFT + 1] = {false};
		bool		begun = false;

		for (int i = 0; i < plot->n_points; i++)
			if (svg_colour(plot->points[i].component) == colour)
			{
				double		place = svg_place(&picture->axes[0], plot->points[i].x);

				taken[Max(0, Min((int) lround(place), SVG_RIGHT) - SVG_LEFT)] = true;
			}
		for (int i = 0; i <= SVG_RIGHT - SVG_LEFT; i++)
			if (taken[i])
			{
				if (!begun)
					appendStringInfo(text, "<path class=\"rug c%d\" d=\"", colour);
				begun = true;
				appendStringInfo(text, "M%d %dv-%d", SVG_LEFT + i, SVG_BOTTOM, RUG_HEIGHT);
			}
		if (begun)
			appendStringInfoString(text, "\"/>\n");
	}
}

/*
 * Append the density of a component times its weight, and its number at the
 * top of it.
 */
static void
add_component(StringInfo text, const SvgPicture *picture, int component)
{
	const SvgDensity *density = picture->density;
	const MixtureParameters *marginal = picture->plot->marginal;
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
		svg_add_place(text, svg_place(&picture->axes[0], x),
					  svg_place(&picture->axes[1],
								value * density->responsibilities[component]));
	}
	appendStringInfoString(text, "\"/>\n");

	value = density_at(density, mean);
	value *= density->responsibilities[component];
	svg_add_label(text, component, svg_place(&picture->axes[0], mean),
				  fmax(svg_place(&picture->axes[1], value) - 5, SVG_TOP + 14));
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
add_total(StringInfo text, const SvgPicture *picture)
{
	const SvgDensity *density = picture->density;
	const MixtureParameters *marginal = picture->plot->marginal;
	const SvgAxis *axis = &picture->axes[0];
	const double unit = 1;
	int			n_pixels = (SVG_RIGHT - SVG_LEFT) / TOTAL_STEP + 1;
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
					  svg_place(&picture->axes[1], density_at(density, values[i])));
	}
	appendStringInfoString(text, "\"/>\n");
}

/* Append histogram, rug and curves. */
void
svg_density_draw(SvgPicture *picture)
{
	StringInfo	text = &picture->text;

	add_bars(text, picture);
	add_rug(text, picture);
	add_total(text, picture);
	for (int i = 0; i < picture->n_shown; i++)
		add_component(text, picture, picture->shown[i]);
}
