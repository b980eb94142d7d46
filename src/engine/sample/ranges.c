/*
 * ranges.c
 *	  The range of every feature over all rows: the first pass of a fit.
 *
 * What comes after goes by it: which features are out of range, constant or far from
 * zero, how rows are hashed so that units do not matter, and where the box of noise is.
 */
#include "engine/sample/sample_private.h"

#include <math.h>

/* Widen the ranges by a block; its weight goes to *complete if it has all features. */
static void
scan_block(const MixtureBlock *block, int d, FeatureRange *range, double *complete)
{
	bool		missing[MIXTURE_BLOCK_ROWS] = {false};

	for (int i = 0; i < block->n_rows && !block->incomplete; i++)
		*complete += block->weights[i];
	for (int j = 0; j < d; j++)
	{
		const double *feature = block->features + (size_t) j * block->stride;
		double		least = range->least[j];
		double		most = range->most[j];
		double		observed = 0;

		for (int i = 0; i < block->n_rows; i++)
		{
			if (!(block->weights[i] > 0))
				continue;
			least = feature[i] < least ? feature[i] : least;
			most = feature[i] > most ? feature[i] : most;
		}
		range->least[j] = least;
		range->most[j] = most;
		for (int i = 0; i < block->n_rows && block->incomplete; i++)
		{
			missing[i] = missing[i] || isnan(feature[i]);
			observed += isnan(feature[i]) ? 0 : block->weights[i];
		}
		range->observed[j] += observed;
	}
	for (int i = 0; i < block->n_rows && block->incomplete; i++)
		range->n_incomplete += missing[i];
}

/*
 * The range of every feature over all rows that have weight and the feature,
 * and their weight.  The arrays come from the host, in one piece that starts
 * at range->least.
 */
void
sample_scan_ranges(const MixtureSource *source, FeatureRange *range,
				   const MixtureHost *host)
{
	int			d = source->d;
	double		complete = 0;	/* weight of the rows that have all features */

	range->least = host->allocate(host->context, 3 * (size_t) d * sizeof(double));
	range->most = range->least + d;
	range->observed = range->most + d;
	range->n_incomplete = 0;
	for (int j = 0; j < d; j++)
	{
		range->observed[j] = 0;
		range->least[j] = INFINITY;
		range->most[j] = -INFINITY;
	}
	if (source->block == NULL)
	{
		progress_reading(host);
		source->ranges(source->context, range);
		return;
	}
	for (int64_t number = 0; number < source->n_blocks; number++)
	{
		MixtureBlock block;

		source_block(source, number, &block);
		scan_block(&block, d, range, &complete);
		host->check_interrupts(host->context);
		if (number % REPORT_BLOCKS == 0)
			progress_reading(host);
	}
	for (int j = 0; j < d; j++)
		range->observed[j] += complete;
}
