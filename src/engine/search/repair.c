/*
 * repair.c
 *	  Components that no start gave rows to: begun anew where rows are
 *	  explained badly.
 *
 * A component can lose its rows to the others, or shrink onto so few that it
 * says nothing.  EM cannot mend that: where a component is empty, it remains
 * so.  If the best that a search has found has such components, they are put
 * on rows that the others leave over, and EM goes on from there.  That is a
 * new start like any other, so what is promised of a run (the likelihood does
 * not fall) holds of each and not from one to the next; and what comes of it
 * is kept only if fewer components are suspect then.  Where the rows do not
 * support as many components as were asked for, nothing helps, and the fit says
 * which are suspect.
 *
 * Rows are drawn by how much less likely they are than the likeliest, and by
 * hashes of their content, so that neither their order shows nor a single
 * outlier is chosen over and over.
 */
#include "engine/search/search.h"

#include <math.h>
#include <string.h>

#include "engine/core/random.h"

/* Times that a repair is tried */
#define MOST_REPAIRS 3

/* Covariance of a component that begins anew, as a share of that of all rows */
#define NEW_COVARIANCE 0.1

/* Rows between two checks for interrupts */
#define ROWS_PER_CHECK 256

/*
 * How much less likely each row of the sample is, under what is left of the
 * mixture, than the likeliest.  Returns false where nothing is left.
 */
static bool
find_shortfalls(const Search *search, const MixtureParameters *parameters,
				double *shortfalls)
{
	const MixtureHost *host = search->host;
	const Sample *sample = search->sample;
	MixtureError error;
	MixturePrepared *prepared = mixture_prepare_rows(parameters, host, &error);
	double	   *work;
	double		most = -INFINITY;

	if (prepared == NULL)
		return false;
	work = host->allocate(host->context, mixture_row_work_size(prepared) * sizeof(double));
	for (int64_t i = 0; i < sample->n_rows; i++)
	{
		if (i % ROWS_PER_CHECK == 0)
			host->check_interrupts(host->context);
		shortfalls[i] = mixture_row_log_density(prepared, sample->rows + i * search->d, work);
		most = fmax(most, shortfalls[i]);
	}
	for (int64_t i = 0; i < sample->n_rows; i++)
		shortfalls[i] = most - shortfalls[i];
	host->release(host->context, work);
	mixture_release_prepared(prepared, host);
	return isfinite(most);
}

/*
 * Put every suspect component of a mixture on a row that the others explain
 * badly.  Returns how many; 0, and no mixture, where that cannot be done.
 */
static int
reseed(const Search *search, const MixtureSuspicion *suspicions, int round,
	   MixtureParameters *parameters)
{
	const MixtureHost *host = search->host;
	const Sample *sample = search->sample;
	MixtureCovarianceType type = parameters->covariance_type;
	int			k = search->k;
	size_t		d = search->d;
	size_t		count = mixture_factor_count(type, search->d);
	double	   *shortfalls = host->allocate(host->context, sample->n_rows * sizeof(double));
	MixtureParameters fresh;
	double		sum = 0;
	int			n = 0;

	for (int c = 0; c < k; c++)
		sum += suspicions[c] == MIXTURE_SOUND ? parameters->weights[c] : 0;
	for (int c = 0; c < k; c++)
		parameters->weights[c] = suspicions[c] == MIXTURE_SOUND ? parameters->weights[c] / sum : 0;
	if (!(sum > 0) || !find_shortfalls(search, parameters, shortfalls))
	{
		host->release(host->context, shortfalls);
		return 0;
	}
	mixture_allocate_parameters(&fresh, type, 1, search->d, host);
	scales_spread(search->scales, true, NEW_COVARIANCE, &fresh);
	for (int c = 0; c < k; c++)
	{
		uint64_t	draw = random_combine(random_combine(search->options->seed, round), c);
		int64_t		row;

		if (suspicions[c] == MIXTURE_SOUND)
			continue;
		row = seeding_race(sample, sample->n_rows, shortfalls, draw);
		if (row < 0)
		{
			n = 0;
			break;
		}
		shortfalls[row] = 0;
		memcpy(parameters->means + c * d, sample->rows + row * d, d * sizeof(double));
		if (type != MIXTURE_TIED)
			memcpy(parameters->covariances + c * count, fresh.covariances, count * sizeof(double));
		n++;
	}
	for (int c = 0; c < k; c++)
		parameters->weights[c] = suspicions[c] == MIXTURE_SOUND ?
			parameters->weights[c] * (k - n) / k : 1.0 / k;
	mixture_release_parameters(&fresh, host);
	host->release(host->context, shortfalls);
	return n;
}

/*
 * Begin anew the suspect components of candidates[0], the best that the search
 * has found, if that leaves fewer of them.
 */
MixtureStatus
repair_best(Search *search, MixtureError *error)
{
	const MixtureHost *host = search->host;
	const MixtureOptions *options = search->options;
	Candidate  *best = &search->candidates[0];
	Candidate  *spare = &search->candidates[search->max_kept];
	MixtureSuspicion *suspicions;
	MixtureStatus status = MIXTURE_OK;

	if (best->n_artefacts == 0 || search->k == 1)
		return MIXTURE_OK;
	suspicions = host->allocate(host->context, search->k * sizeof(MixtureSuspicion));
	for (int round = 0; round < MOST_REPAIRS && best->n_artefacts > 0; round++)
	{
		Candidate	mended = *spare;
		int			n;

		if (search_judge(search, &best->parameters, suspicions) == search->k)
			break;
		mixture_copy_parameters(&mended.parameters, &best->parameters);
		n = reseed(search, suspicions, round, &mended.parameters);
		if (n == 0)
			break;
		status = em_run(&search->em, &mended.parameters, options->max_iter, options->tol,
						options->accelerate, &mended.outcome, error);
		if (status != MIXTURE_OK)
			break;
		mended.n_artefacts = search_judge(search, &mended.parameters, NULL);
		if (mended.n_artefacts >= best->n_artefacts)
			continue;
		mended.start = best->start;
		mended.n_starts = best->n_starts;
		mended.n_reseeded = best->n_reseeded + n;
		*spare = *best;
		*best = mended;
		search->n_best = best->n_starts;
	}
	host->release(host->context, suspicions);
	return status;
}
