/*
 * svg_ranges.c
 *	  Which part of a feature's values a picture shows.
 *
 * A row that is far from all others must not make the rest small.  So the range
 * is that of the ellipses and of most rows of each component, and goes on to
 * the farthest row of a side only if that is near; else the rows beyond are
 * outside, and a picture says how many.
 */
#include "postgres.h"

#include <math.h>

#include "host/engine_host.h"
#include "svg/svg.h"

/* Rows of a component from which on the range depends on it: these, and this share */
#define LEAST_ROWS		5
#define LEAST_SHARE		0.01

/* Rows of a component, to each side, that have no say in the range: of many */
#define TRIMMED_SHARE	0.025
#define TRIMMED_FROM	20

/* Interquartile ranges from the quartiles to the farthest (Tukey 1977: far out) */
#define FAR_OUT			3.0
#define QUARTILES_FROM	8

/* Parts of the range that ellipses, noise, far rows and all rows may add to it */
#define ELLIPSE_SHARE	0.5
#define NOISE_SHARE		1.0
#define NEAR_SHARE		0.35
#define REACH_SHARE		0.75

/* A row's value of a feature, and its component */
typedef struct PlacedValue
{
	int32		component;
	int64		count;
	double		value;
} PlacedValue;

typedef struct Range
{
	double		low;
	double		high;
} Range;

static int
compare_placed(const void *a, const void *b)
{
	const PlacedValue *p = (const PlacedValue *) a;
	const PlacedValue *q = (const PlacedValue *) b;

	if (p->component != q->component)
		return p->component < q->component ? -1 : 1;
	return p->value < q->value ? -1 : p->value > q->value;
}

static void
widen(Range *range, double low, double high)
{
	range->low = fmin(range->low, low);
	range->high = fmax(range->high, high);
}

/* Widen a range to two deviations of a component of one feature. */
static void
widen_to_ellipse(Range *range, const MixtureParameters *alone, int component)
{
	const double unit = 1;
	MixtureEllipse ellipse;
	double		mean = alone->means[component];

	mixture_ellipse(alone, component, &unit, &ellipse, &gmm_host);
	widen(range, mean - 2 * ellipse.deviations[0], mean + 2 * ellipse.deviations[0]);
}

/* Let a range go beyond another one by at most this share of that. */
static void
narrow(Range *range, const Range *other, double share)
{
	double		margin = share * (other->high - other->low);

	range->low = fmax(range->low, other->low - margin);
	range->high = fmin(range->high, other->high + margin);
}

/* The values of a feature, by component. */
static PlacedValue *
placed_values(const GmmPlot *plot, int feature)
{
	PlacedValue *values = (PlacedValue *) palloc((plot->n_points + 1) * sizeof(PlacedValue));

	for (int i = 0; i < plot->n_points; i++)
	{
		values[i].component = plot->points[i].component;
		values[i].count = plot->points[i].count;
		values[i].value = plot->points[i].values[feature];
	}
	if (plot->n_points > 0)
		qsort(values, plot->n_points, sizeof(PlacedValue), compare_placed);
	return values;
}

/*
 * The range of most of n values, which are in ascending order: without a share of
 * them, nor what is far out.  It ends at values, as the whiskers of a box plot do.
 */
static Range
most_values(const PlacedValue *values, int n)
{
	int			trimmed = n < TRIMMED_FROM ? 0 : 1 + (int) (TRIMMED_SHARE * n);
	double		first = values[n / 4].value;
	double		third = values[n - 1 - n / 4].value;
	int			least = trimmed;
	int			most = n - 1 - trimmed;

	/* of values that are mostly the same the quartiles say nothing */
	if (n >= QUARTILES_FROM && third > first)
	{
		while (values[least].value < first - FAR_OUT * (third - first))
			least++;
		while (values[most].value > third + FAR_OUT * (third - first))
			most--;
	}
	return (Range) {values[least].value, values[most].value};
}

/*
 * The range of most rows of each component that has enough of them, and of the
 * ellipses of two deviations of these and of most of the noise, as far as that does
 * not make it much wider.
 */
static Range
core_range(const SvgPicture *picture, const PlacedValue *values, int feature)
{
	const GmmPlot *plot = picture->plot;
	const MixtureParameters *marginal = plot->marginal;
	Range		rows = {INFINITY, -INFINITY};
	Range		ellipses = {INFINITY, -INFINITY};
	Range		noise = {INFINITY, -INFINITY};
	MixtureParameters alone;

	mixture_allocate_parameters(&alone, marginal->covariance_type, marginal->k, 1, &gmm_host);
	mixture_marginal(marginal, &feature, &alone, &gmm_host);
	for (int first = 0, last; first < plot->n_points; first = last)
	{
		int			component = values[first].component;
		int64		n_rows = 0;
		Range		most;

		for (last = first; last < plot->n_points && values[last].component == component; last++)
			n_rows += values[last].count;
		most = most_values(values + first, last - first);
		if (n_rows < LEAST_ROWS || n_rows < LEAST_SHARE * plot->n_sampled)
			continue;
		if (component == SVG_NOISE)
		{
			widen(&noise, most.low, most.high);
			continue;
		}
		widen(&rows, most.low, most.high);
		widen_to_ellipse(&ellipses, &alone, component);
	}
	if (ellipses.low > ellipses.high)
	{
		/* no component has enough: all rows, and all components, count */
		for (int i = 0; i < plot->n_points; i++)
			widen(&rows, values[i].value, values[i].value);
		for (int i = 0; i < picture->n_shown; i++)
			widen_to_ellipse(&ellipses, &alone, picture->shown[i]);
	}
	if (rows.high > rows.low)
		narrow(&ellipses, &rows, ELLIPSE_SHARE);
	widen(&ellipses, rows.low, rows.high);
	if (noise.low <= noise.high)
	{
		narrow(&noise, &ellipses, NOISE_SHARE);
		widen(&ellipses, noise.low, noise.high);
	}
	return ellipses;
}

/* Widen the range of a feature to the rows that are near. */
static void
find_range(SvgPicture *picture, int feature)
{
	const GmmPlot *plot = picture->plot;
	PlacedValue *values = placed_values(plot, feature);
	Range		core = core_range(picture, values, feature);
	double		size = core.high - core.low;
	Range		all = core;
	Range		near = core;

	for (int i = 0; i < plot->n_points; i++)
	{
		double		value = values[i].value;

		widen(&all, value, value);
		if (value >= core.low - NEAR_SHARE * size && value <= core.high + NEAR_SHARE * size)
			widen(&near, value, value);
	}
	picture->ranges[feature][0] = core.low - all.low <= REACH_SHARE * size ? all.low : near.low;
	picture->ranges[feature][1] = all.high - core.high <= REACH_SHARE * size ? all.high : near.high;
	size = picture->ranges[feature][1] - picture->ranges[feature][0];
	picture->ranges[feature][0] -= size / 25;
	picture->ranges[feature][1] += size / 25;
	pfree(values);
}

/* The range of every feature that is drawn. */
void
svg_find_ranges(SvgPicture *picture)
{
	for (int i = 0; i < picture->plot->marginal->d; i++)
		find_range(picture, i);
}
