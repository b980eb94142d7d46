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
#include "internal.h"

#include <math.h>
#include <string.h>

/* Distance from zero, in ranges, beyond which a feature is centered */
#define FAR_RANGES 8

/* A block of the source underneath, less the center. */
static void
centered_block(void *context, int64_t number, MixtureBlock *block)
{
	Centering  *centering = context;
	const MixtureSource *source = centering->original;
	size_t		stride;

	source->block(source->context, number, block);
	stride = block->stride;
	for (int j = 0; j < source->d; j++)
	{
		const double *from = block->features + j * stride;
		double	   *to = centering->features + j * stride;
		double		center = centering->center[j];

		for (size_t i = 0; i < stride; i++)
			to[i] = from[i] - center;
	}
	block->features = centering->features;
}

/*
 * Decide by the features' ranges whether to center, and make
 * centering->source the rows to work with.  The ranges move with them.
 */
void
center_begin(Centering *centering, const MixtureSource *source, FeatureRange *range,
			 const MixtureHost *host)
{
	int			d = source->d;
	bool		needed = false;

	centering->original = source;
	centering->source = *source;
	centering->features = NULL;
	centering->center = host->allocate(host->context, d * sizeof(double));
	for (int j = 0; j < d; j++)
	{
		double		middle = range->least[j] / 2 + range->most[j] / 2;
		double		extent = range->most[j] - range->least[j];

		centering->center[j] = 0;
		if (extent > 0 && fabs(middle) > FAR_RANGES * extent)
		{
			centering->center[j] = middle;
			range->least[j] -= middle;
			range->most[j] -= middle;
			needed = true;
		}
	}
	if (!needed)
		return;
	centering->features = host->allocate(host->context, (size_t) d * MIXTURE_BLOCK_ROWS *
										 sizeof(double));
	centering->source.context = centering;
	centering->source.block = centered_block;
}

/* Add the center, times `sign`, to a model's means. */
void
center_move(const Centering *centering, MixtureParameters *parameters, double sign)
{
	for (int c = 0; c < parameters->k; c++)
		for (int j = 0; j < parameters->d; j++)
			parameters->means[(size_t) c * parameters->d + j] += sign * centering->center[j];
}

void
center_end(Centering *centering, const MixtureHost *host)
{
	if (centering->features != NULL)
		host->release(host->context, centering->features);
	host->release(host->context, centering->center);
}
