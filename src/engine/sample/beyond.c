/*
 * beyond.c
 *	  Where rows are far from all others.
 *
 * A sample need not have a row that is the only one of its kind.  That is as it
 * should be where others are near it.  But a row far from all others is worth more
 * to the likelihood than a whole group, and the best of a sample without it may not
 * be near any optimum of all rows.  So there is a box around the sample beyond which
 * no row of an ordinary table is: as far from the sample's range as that is wide.
 * The most extreme rows of the sample do not count for that range, as they may be far
 * from the others themselves.  With more of them left out it tells which these are.
 */
#include "engine/sample/sample_private.h"

#include <float.h>
#include <math.h>

/* Keep a value if it is among the n least: in their order. */
static void
keep_least(double *least, int n, double value)
{
	int			place = n;

	for (; place > 0 && value < least[place - 1]; place--)
		if (place < n)
			least[place] = least[place - 1];
	if (place < n)
		least[place] = value;
}

/*
 * Find the box, d values for box->least and box->most, around a sample of n rows, n x d:
 * that of the row that is in place n_extremes from either end of a feature (at most
 * BEYOND_EXTREMES), and without end along one that fewer rows have.  Returns whether any
 * row of those that have this range is beyond it.
 */
bool
beyond_find(const double *rows, int64_t n, int d, int n_extremes, const FeatureRange *range,
			FeatureRange *box, const MixtureHost *host)
{
	bool		any = false;

	for (int j = 0; j < d; j++)
	{
		double		least[BEYOND_EXTREMES];
		double		most[BEYOND_EXTREMES];	/* negative */
		double		width;

		for (int i = 0; i < n_extremes; i++)
			least[i] = most[i] = INFINITY;

		/* no comparison is true of what is missing */
		for (int64_t i = 0; i < n; i++)
		{
			keep_least(least, n_extremes, rows[i * d + j]);
			keep_least(most, n_extremes, -rows[i * d + j]);
		}
		width = -most[n_extremes - 1] - least[n_extremes - 1];
		box->least[j] = width >= 0 ? least[n_extremes - 1] - width : -DBL_MAX;
		box->most[j] = width >= 0 ? -most[n_extremes - 1] + width : DBL_MAX;
		any = any || range->least[j] < box->least[j] || range->most[j] > box->most[j];
		host->check_interrupts(host->context);
	}
	return any;
}

/* Whether a feature of a row is beyond the box; what is missing is not. */
bool
mixture_is_beyond(const double *row, int d, const FeatureRange *box)
{
	for (int j = 0; j < d; j++)
		if (row[j] < box->least[j] || row[j] > box->most[j])
			return true;
	return false;
}

/* The same of all rows of a block. */
void
beyond_mark(const MixtureBlock *block, int d, const FeatureRange *box, bool *far)
{
	for (int i = 0; i < block->n_rows; i++)
		far[i] = false;
	for (int j = 0; j < d; j++)
	{
		const double *feature = block->features + (size_t) j * block->stride;

		for (int i = 0; i < block->n_rows; i++)
			far[i] = far[i] || feature[i] < box->least[j] || feature[i] > box->most[j];
	}
}
