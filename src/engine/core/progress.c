/*
 * progress.c
 *	  What a fit notes of how far it has come, for its host to show.
 *
 * A host that shows nothing has no record, and then nothing is done.
 */
#include "engine/core/core.h"

#include <math.h>

static void
report(const MixtureHost *host)
{
	if (host->report != NULL)
		host->report(host->context, host->progress);
}

/* A fit to so many rows begins. */
void
progress_begin(const MixtureHost *host, int64_t n_rows)
{
	if (host->progress == NULL)
		return;
	*host->progress = (MixtureProgress) {.phase = MIXTURE_READING,.n_rows = n_rows};
	report(host);
}

/* Its rows are being read, before anything is iterated. */
void
progress_reading(const MixtureHost *host)
{
	if (host->progress != NULL)
		report(host);
}

/* One of several trials comes next, counted from 0. */
void
progress_trial(const MixtureHost *host, int number, int n_trials)
{
	if (host->progress == NULL)
		return;
	host->progress->trial = number + 1;
	host->progress->n_trials = n_trials;
}

/* A search begins among starts, of which there are at most n_starts. */
void
progress_searching(const MixtureHost *host, MixtureCovarianceType type, int k, int n_starts)
{
	MixtureProgress *progress = host->progress;

	if (progress == NULL)
		return;
	progress->phase = MIXTURE_SEARCHING;
	progress->k = k;
	progress->covariance_type = type;
	progress->start = 0;
	progress->n_starts = n_starts;
	progress->sample_passes = 0;
}

/* One of the starts comes next, counted from 0; there are at most n_starts. */
void
progress_start(const MixtureHost *host, int number, int n_starts)
{
	if (host->progress == NULL)
		return;
	host->progress->start = number + 1;
	host->progress->n_starts = n_starts;
	report(host);
}

/* EM begins on all rows, from a mixture of this kind. */
void
progress_iterating(const MixtureHost *host, MixtureCovarianceType type, int k,
				   const MixtureOptions *options)
{
	MixtureProgress *progress = host->progress;

	if (progress == NULL)
		return;
	progress->phase = MIXTURE_ITERATING;
	progress->k = k;
	progress->covariance_type = type;
	progress->iteration = 0;
	progress->max_iter = options->max_iter;
	progress->mean_log_likelihood = NAN;
	progress->change = NAN;
	progress->tol = options->tol;
	report(host);
}

/*
 * A pass is over: of those over all rows the iteration-th, from 0, which found
 * this mean log-likelihood, so much above the one before; of those over a
 * sample one more.  Told is the host only if `now` says so, for passes may be
 * shorter than a look at the clock.
 */
void
progress_pass(const MixtureHost *host, int iteration, double mean_log_likelihood,
			  double change, bool now)
{
	MixtureProgress *progress = host->progress;

	if (progress == NULL)
		return;
	if (progress->phase == MIXTURE_SEARCHING)
		progress->sample_passes++;
	else if (progress->phase == MIXTURE_ITERATING)
	{
		progress->iteration = iteration;
		progress->mean_log_likelihood = mean_log_likelihood;
		progress->change = change;
	}
	if (now)
		report(host);
}
