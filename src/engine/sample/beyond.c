/*
 * beyond.c
 *	  Where rows are far from all that a sample of them has.
 *
 * A sample need not have a row that is the only one of its kind.  That is as it
 * should be where others are near it.  But a row far from all others is worth more
 * to the likelihood than a whole group, and the best of a sample without it may not
 * be near any optimum of all rows.  So there is a box around the sample beyond which
 * no row of an ordinary table is: as far from the sample's range as that is wide.
 * The most extreme rows of the sample do not count for that range, as they may be far
 * from the others themselves.
 */
#include "engine/sample/sample_private.h"

#include <float.h>
#include <math.h>

/* The box is made of the row that is so far in from either end of a feature. */
#define EXTREMES 3

/* Keep a value if it is among the least: in their order. */
static void
keep_least(double *least, double value)
{
	int			place = EXTREMES;

	for (; place > 0 && value < least[place - 1]; place--)
		if (place < EXTREMES)
			least[place] = least[place - 1];
	if (place < EXTREMES)
		least[place] = value;
}

/*
 * Find the box, d values for box->least and box->most, around a sample of n rows, n x d:
 * without end along a feature that fewer than EXTREMES rows have.  Returns whether any row
 * of those that have this range is beyond it.
 */
bool
beyond_find(const double *rows, int64_t n, int d, const FeatureRange *range,
			FeatureRange *box, const MixtureHost *host)
{
	bool		any = false;

	for (int j = 0; j < d; j++)
	{
		double		least[EXTREMES] = {INFINITY, INFINITY, INFINITY};
		double		most[EXTREMES] = {INFINITY, INFINITY, INFINITY};	/* negative */
		double		width;

		/* no comparison is true of what is missing */
		for (int64_t i = 0; i < n; i++)
		{
			keep_least(least, rows[i * d + j]);
			keep_least(most, -rows[i * d + j]);
		}
		width = -most[EXTREMES - 1] - least[EXTREMES - 1];
		box->least[j] = width >= 0 ? least[EXTREMES - 1] - width : -DBL_MAX;
		box->most[j] = width >= 0 ? -most[EXTREMES - 1] + width : DBL_MAX;
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
