/*
 * starts.c
 *	  Where the runs of a search begin: parameters made from seeds.
 */
#include "internal.h"

#include <string.h>

#include "random.h"

/* Covariance of a start, as a share of that of all rows */
#define NARROW_START 0.1
#define WIDE_START 1.0

/*
 * The metrics that seeds are drawn in: each feature by its own deviation, and
 * for families with a matrix, the coordinates in which all rows together are
 * round, where clusters that are long in a common direction stand apart.
 */
static void
make_spaces(Starts *starts)
{
	const Scales *scales = starts->scales;
	MixtureParameters metric;
	MixtureCovarianceType type = starts->options->covariance_type;

	mixture_allocate_parameters(&metric, type == MIXTURE_SPHERICAL ? MIXTURE_SPHERICAL :
								MIXTURE_DIAG, 1, starts->sample->d, starts->host);
	metric.weights[0] = 1;
	memcpy(metric.means, scales->moments.means, metric.d * sizeof(double));
	scales_spread(scales, false, 1, &metric);
	starts->n_spaces = 0;
	if (seeding_space(&starts->spaces[0], starts->sample, &metric, starts->host))
		starts->n_spaces = 1;
	mixture_release_parameters(&metric, starts->host);
	if ((type == MIXTURE_FULL || type == MIXTURE_TIED) && starts->n_spaces == 1 &&
		seeding_space(&starts->spaces[1], starts->sample, &scales->moments, starts->host))
		starts->n_spaces = 2;
}

/*
 * Prepare to make starts of k components of the options' family for the rows
 * of the sample.  The scales must have a matrix if the family has one.  All
 * that is given here must stay until starts_end().
 */
void
starts_begin(Starts *starts, const Scales *scales, const Sample *sample, int k,
			 const MixtureOptions *options, const MixtureHost *host)
{
	starts->host = host;
	starts->options = options;
	starts->scales = scales;
	starts->sample = sample;
	starts->k = k;
	starts->seeds = host->allocate(host->context, k * sizeof(int64_t));
	make_spaces(starts);
}

void
starts_end(Starts *starts)
{
	for (int i = 0; i < starts->n_spaces; i++)
		seeding_space_release(&starts->spaces[i], starts->host);
	starts->host->release(starts->host->context, starts->seeds);
}

/* The one start of one component: mean and covariance of all rows. */
static void
make_single(const Starts *starts, MixtureParameters *parameters)
{
	parameters->weights[0] = 1;
	memcpy(parameters->means, starts->scales->moments.means, parameters->d * sizeof(double));
	scales_spread(starts->scales, true, 1, parameters);
}

/*
 * Parameters, of the starts' shape, that start number `number` begins with.
 * Greedy seeds in narrow components find clusters that stand apart; the
 * others, from wide ones, come to better optima where clusters overlap.
 */
void
starts_make(Starts *starts, int number, MixtureParameters *parameters)
{
	const Sample *sample = starts->sample;
	int			d = sample->d;
	int			space = number % starts->n_spaces;
	bool		greedy = number / starts->n_spaces % 2 == 0;

	if (starts->k == 1)
	{
		make_single(starts, parameters);
		return;
	}
	seeding_choose(sample, &starts->spaces[space], starts->options->init, greedy,
				   random_combine(starts->options->seed, number), starts->k,
				   starts->seeds, starts->host);
	for (int c = 0; c < starts->k; c++)
	{
		parameters->weights[c] = 1.0 / starts->k;
		memcpy(parameters->means + (size_t) c * d, sample->rows + starts->seeds[c] * d,
			   d * sizeof(double));
	}
	scales_spread(starts->scales, space == 1, greedy ? NARROW_START : WIDE_START, parameters);
}
