/*
 * center.c
 *	  Rows seen from their middle, where they lie far from zero.
 *
 * A mean near 1e9 is known to 1e-7 only, as doubles go, however close to each
 * other the rows are; EM would take its steps on that grid.  Where a feature's
 * values are far larger than its range, the engine therefore works on the
 * differences from the middle of the range, which are exact (Sterbenz 1974),
 * and adds the middle to the means when it is done.
 */
#include "engine/em/em.h"

#include <math.h>

/* Distance from zero, in ranges, beyond which a feature is centered */
#define FAR_RANGES 8

/*
 * What to subtract from each feature: d values in the host's memory, or NULL
 * where there is no need.  The ranges move with the features.
 */
double *
center_find(FeatureRange *range, int d, const MixtureHost *host)
{
	double	   *center = host->allocate(host->context, d * sizeof(double));
	bool		needed = false;

	for (int j = 0; j < d; j++)
	{
		double		middle = range->least[j] / 2 + range->most[j] / 2;
		double		extent = range->most[j] - range->least[j];

		center[j] = 0;
		if (extent > 0 && fabs(middle) > FAR_RANGES * extent)
		{
			center[j] = middle;
			range->least[j] -= middle;
			range->most[j] -= middle;
			needed = true;
		}
	}
	if (needed)
		return center;
	host->release(host->context, center);
	return NULL;
}

/* Add the center, times `sign`, to a model's means; NULL is 0. */
void
center_move(const double *center, MixtureParameters *parameters, double sign)
{
	if (center == NULL)
		return;
	for (int c = 0; c < parameters->k; c++)
		for (int j = 0; j < parameters->d; j++)
			parameters->means[(size_t) c * parameters->d + j] += sign * center[j];
}

/*
 * Make of a block the same less the center, whose features lie in the given
 * d x MIXTURE_BLOCK_ROWS doubles.
 */
void
center_block(const double *center, int d, MixtureBlock *block, double *features)
{
	size_t		stride = block->stride;

	for (int j = 0; j < d; j++)
	{
		const double *from = block->features + j * stride;
		double	   *to = features + j * stride;
		double		middle = center[j];

		for (size_t i = 0; i < stride; i++)
			to[i] = from[i] - middle;
	}
	block->features = features;
}
