/*
 * starts.c
 *	  Where the runs of a search begin: round components, found in coordinates
 *	  in which all rows together are round.
 *
 * Seeds alone say little in many dimensions, where all distances are much the
 * same.  So each start first is a mixture of spherical components in the space
 * that its seeds were drawn in, which EM moves to where rows are: what k-means
 * does elsewhere, with the mixture's own machinery, at a cost that grows with
 * d and not with its square.  Back among the rows it is a mixture whose
 * components have the covariance of all rows, each times a factor.
 */
#include "engine/search/search.h"

#include <math.h>
#include <string.h>

#include "engine/core/linalg.h"
#include "engine/core/random.h"

/* Variance that components begin with; that of all rows is 1 */
#define NARROW_START 0.1
#define WIDE_START 1.0

/* and the least that they may have, lest they settle on single rows */
#define LEAST_VARIANCE 1e-3

/* Rows that starts are found on: at least so many, or so many a component */
#define SPACE_ROWS 2048
#define SPACE_ROWS_PER_COMPONENT 64
#define SPACE_ROWS_PER_MEAN 2	/* of d values */

/* Parts of a component's weight and deviation by which it may be off, yet near */
#define NEAR_SHARE 0.1

/*
 * Rows that starts are found on: the first of the sample, which are as good as
 * any.  Full blocks of them, for the last one's layout depends on its rows.
 */
static int64_t
space_rows(const Starts *starts)
{
	int64_t		rows = (int64_t) starts->k *
		(SPACE_ROWS_PER_COMPONENT + (int64_t) SPACE_ROWS_PER_MEAN * starts->sample->d);

	if (rows < SPACE_ROWS)
		rows = SPACE_ROWS;
	rows = (rows + MIXTURE_BLOCK_ROWS - 1) / MIXTURE_BLOCK_ROWS * MIXTURE_BLOCK_ROWS;
	return rows < starts->sample->n_rows ? rows : starts->sample->n_rows;
}

/*
 * The metrics that seeds are drawn in: each feature by its own deviation, and
 * for families with a matrix, the coordinates in which all rows together are
 * round, where clusters that are long in a common direction stand apart.
 */
static void
make_spaces(Starts *starts)
{
	const Scales *scales = starts->scales;
	int64_t		n_rows = space_rows(starts);
	MixtureParameters metric;
	MixtureCovarianceType type = starts->options->covariance_type;

	mixture_allocate_parameters(&metric, type == MIXTURE_SPHERICAL ? MIXTURE_SPHERICAL :
								MIXTURE_DIAG, 1, starts->sample->d, starts->host);
	metric.weights[0] = 1;
	memcpy(metric.means, scales->moments.means, metric.d * sizeof(double));
	scales_spread(scales, false, 1, &metric);
	starts->n_spaces = 0;
	if (seeding_space(&starts->spaces[0], starts->sample, n_rows, &metric, starts->host))
		starts->n_spaces = 1;
	mixture_release_parameters(&metric, starts->host);
	if (mixture_has_matrix(type) && starts->n_spaces == 1 &&
		seeding_space(&starts->spaces[1], starts->sample, n_rows, &scales->moments, starts->host))
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
	starts->floor = host->allocate(host->context, sample->d * sizeof(double));
	for (int j = 0; j < sample->d; j++)
		starts->floor[j] = LEAST_VARIANCE;
	make_spaces(starts);
	if (starts->n_spaces > 0)
		em_begin(&starts->em, &starts->spaces[0].source, NULL, MIXTURE_SPHERICAL, k,
				 starts->floor, host);
}

/* Give back what starts_begin() allocated. */
void
starts_end(Starts *starts)
{
	if (starts->n_spaces > 0)
		em_end(&starts->em);
	for (int i = 0; i < starts->n_spaces; i++)
		seeding_space_release(&starts->spaces[i], starts->host);
	starts->host->release(starts->host->context, starts->floor);
	starts->host->release(starts->host->context, starts->seeds);
}

/*
 * Find round components for start number `number`, which also decides on the
 * space, in so many passes or until the mean log-likelihood changes by less
 * than tol: into start->parameters, whose arrays are the caller's.  Greedy
 * seeds in narrow components find clusters that stand apart; the others, from
 * wide ones, come to better optima where clusters overlap.
 */
MixtureStatus
starts_find(Starts *starts, int number, int passes, double tol, Start *start,
			MixtureError *error)
{
	int			d = starts->sample->d;
	bool		greedy = number / starts->n_spaces % 2 == 0;
	MixtureParameters *round = &start->parameters;
	EmOutcome	outcome;
	MixtureStatus status;

	start->number = number;
	start->n_starts = 1;
	start->space = number % starts->n_spaces;
	seeding_choose(starts->sample, &starts->spaces[start->space], starts->options->init,
				   greedy, random_combine(starts->options->seed, number), starts->k,
				   starts->seeds, starts->host);
	for (int c = 0; c < starts->k; c++)
	{
		round->weights[c] = 1.0 / starts->k;
		seeding_row(&starts->spaces[start->space], starts->seeds[c],
					round->means + (size_t) c * d);
		round->covariances[c] = greedy ? NARROW_START : WIDE_START;
	}
	starts->em.source = &starts->spaces[start->space].source;
	starts->em.ready = -1;
	status = em_run(&starts->em, round, passes, tol, true, &outcome, error);
	start->log_likelihood = outcome.log_likelihood;
	return status;
}

/*
 * The mixture, of the options' family, that a start is among the rows.
 */
void
starts_leave(const Starts *starts, const Start *start, MixtureParameters *parameters)
{
	const MixtureParameters *round = &start->parameters;
	MixtureCovarianceType type = parameters->covariance_type;
	size_t		count = mixture_factor_count(type, parameters->d);
	double		variance = 0;

	scales_spread(starts->scales, start->space == 1, 1, parameters);
	for (int c = 0; c < starts->k; c++)
	{
		size_t		place = (size_t) c * parameters->d;

		parameters->weights[c] = round->weights[c];
		seeding_leave(&starts->spaces[start->space], round->means + place,
					  parameters->means + place);
		variance += round->weights[c] * round->covariances[c];
		for (size_t i = 0; type != MIXTURE_TIED && i < count; i++)
			parameters->covariances[c * count + i] *= round->covariances[c];
	}
	for (size_t i = 0; type == MIXTURE_TIED && i < count; i++)
		parameters->covariances[i] *= variance;
}

/* Whether component a of one mixture is, all but for a little, b of another. */
static bool
component_near(const MixtureParameters *left, int a, const MixtureParameters *right, int b)
{
	int			d = left->d;
	MixtureCovarianceType type = left->covariance_type;
	size_t		count = type == MIXTURE_TIED ? 0 : mixture_factor_count(type, d);
	const double *covariance_a = left->covariances + a * count;
	const double *covariance_b = right->covariances + b * count;
	double		distance = 0;

	if (fabs(left->weights[a] - right->weights[b]) > NEAR_SHARE * right->weights[b])
		return false;
	for (int j = 0; j < d; j++)
	{
		size_t		place = type <= MIXTURE_TIED ? linalg_row(j) + j :
			type == MIXTURE_DIAG ? (size_t) j : 0;
		double		variance = covariance_b[place];
		double		difference = left->means[(size_t) a * d + j] - right->means[(size_t) b * d + j];

		if (fabs(covariance_a[place] - variance) > 2 * NEAR_SHARE * variance)
			return false;
		distance += difference * difference / variance;
	}
	return distance <= NEAR_SHARE * NEAR_SHARE * d;
}

/*
 * Whether two mixtures of one shape are so near each other, component by
 * component, that EM would take both to the same optimum.
 */
bool
starts_near(const MixtureParameters *left, const MixtureParameters *right)
{
	for (int a = 0; a < left->k; a++)
	{
		bool		found = false;

		for (int b = 0; b < right->k && !found; b++)
			found = component_near(left, a, right, b);
		if (!found)
			return false;
	}
	return true;
}
