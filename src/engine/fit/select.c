/*
 * select.c
 *	  The choice among numbers of components and families.
 *
 * Every family is fitted with every number of components, each as
 * mixture_fit() would, but on one sample and from one scan of the rows, and
 * the trials are compared by a criterion.  Each is run until it converges on
 * all rows, for a criterion computed of a sample, or of what has not
 * converged, says little: between neighbours the criteria differ by parts in a
 * thousand.
 *
 * A mixture with components that the rows do not support has a likelihood that
 * says nothing, as in the choice among optima (candidate.c): a trial with fewer
 * such components is preferred, whatever the criterion says.
 */
#include "engine/fit/fit.h"

#include <math.h>

/*
 * Criteria that differ by less, per unit of weight, are the same but for what
 * convergence left over: in one dimension three of the families are one.
 */
#define SAME_CRITERION 1e-6

/* Everything that the trials share. */
typedef struct Selection
{
	const MixtureHost *host;
	const MixtureSource *source;
	const MixtureChoice *choice;
	MixtureOptions options;		/* of the trial at hand */
	Scales		scales;
	Sample		sample;
	MixtureTrial *trials;
	int			n_trials;
	int			most_trials;
	MixtureFit *best;			/* the caller's */
	int			best_trial;		/* -1: none yet */
} Selection;

/* A trial's value of the criterion: lower is better. */
static double
trial_criterion(const Selection *selection, const MixtureTrial *trial)
{
	MixtureParameters shape = {
		.k = trial->k,
		.d = selection->source->d,
		.covariance_type = trial->covariance_type,
		.noise_box = selection->scales.box
	};

	return mixture_criterion(selection->choice->criterion, &shape, trial->log_likelihood,
							 selection->scales.sum_weights, trial->entropy);
}

/* Whether a trial is better than an earlier one, and not just as good. */
static bool
better_trial(const Selection *selection, const MixtureTrial *trial,
			 const MixtureTrial *earlier)
{
	if (trial->n_suspect != earlier->n_suspect)
		return trial->n_suspect < earlier->n_suspect;
	return trial_criterion(selection, trial) < trial_criterion(selection, earlier) -
		SAME_CRITERION * selection->scales.sum_weights;
}

/* Note a trial that is done, and keep its fit if it is the best so far. */
static void
note_trial(Selection *selection, MixtureFit *fit)
{
	const MixtureHost *host = selection->host;
	const MixtureFitInfo *info = &fit->info;
	MixtureTrial *trial = &selection->trials[selection->n_trials];

	*trial = (MixtureTrial) {
		.k = fit->parameters.k,
		.covariance_type = fit->parameters.covariance_type,
		.log_likelihood = info->log_likelihood,
		.entropy = info->entropy,
		.iterations = info->iterations,
		.converged = info->converged,
		.n_starts = info->n_starts,
		.n_best_starts = info->n_best_starts,
		.n_suspect = mixture_judge(&fit->parameters, mixture_judged_rows(info),
								   info->reg_covar, NULL, host)
	};
	if (selection->best_trial < 0 ||
		better_trial(selection, trial, &selection->trials[selection->best_trial]))
	{
		if (selection->best_trial >= 0)
			mixture_release_parameters(&selection->best->parameters, host);
		*selection->best = *fit;
		selection->best_trial = selection->n_trials;
	}
	else
		mixture_release_parameters(&fit->parameters, host);
	selection->n_trials++;
}

/* One trial: k components of the family in the options. */
static MixtureStatus
try_one(Selection *selection, int k, MixtureError *error)
{
	Search		search;
	MixtureFit	fit;
	MixtureStatus status;

	progress_trial(selection->host, selection->n_trials, selection->most_trials);
	search_begin(&search, &selection->scales, &selection->sample, k, &selection->options,
				 selection->host);
	status = search_sample(&search, error);
	if (status == MIXTURE_OK)
		status = search_continue(&search, selection->source, error);
	if (status != MIXTURE_OK)
		return status;
	search_result(&search, selection->source->n_rows, &fit);
	search_end(&search);
	note_trial(selection, &fit);
	return MIXTURE_OK;
}

/* All trials, by family and then by k. */
static MixtureStatus
try_all(Selection *selection, int most_k, MixtureError *error)
{
	MixtureStatus status = MIXTURE_OK;

	for (int type = 0; type < MIXTURE_N_COVARIANCE_TYPES; type++)
		if (selection->choice->families & (1U << type))
			selection->most_trials += most_k - selection->choice->least_k + 1;
	for (int type = 0; type < MIXTURE_N_COVARIANCE_TYPES; type++)
	{
		if (!(selection->choice->families & (1U << type)))
			continue;
		selection->options.covariance_type = (MixtureCovarianceType) type;
		for (int k = selection->choice->least_k; k <= most_k && status == MIXTURE_OK; k++)
			status = try_one(selection, k, error);
	}
	return status;
}

/*
 * Fit mixtures of least_k to most_k components of every family named, to the
 * rows of a source, and hand back the best by the criterion; of the options,
 * covariance_type has no say.  Numbers of components beyond that of distinct
 * rows are left out; it is an error only if least_k is.
 *
 * *trials: *n_trials of them, by family and then by k, from the host.  As for
 * mixture_fit() else.
 */
MixtureStatus
mixture_fit_best(const MixtureSource *source, const MixtureChoice *choice,
				 const MixtureOptions *options, const MixtureHost *host,
				 MixtureFit *fit, MixtureTrial **trials, int *n_trials,
				 MixtureError *error)
{
	const unsigned matrices = 1U << MIXTURE_FULL | 1U << MIXTURE_TIED;
	Selection	selection = {
		.host = host,
		.source = source,
		.choice = choice,
		.options = *options,
		.best = fit,
		.best_trial = -1
	};
	int			most_k = choice->most_k;
	MixtureStatus status;

	status = search_prepare(&selection.scales, &selection.sample, source, choice->least_k,
							most_k, (choice->families & matrices) != 0, options, host,
							error);
	if (status != MIXTURE_OK)
		return status;
	if (most_k > 1 && most_k > selection.sample.n_rows)
		most_k = (int) selection.sample.n_rows;
	selection.trials = host->allocate(host->context, (size_t) MIXTURE_N_COVARIANCE_TYPES *
									  (most_k - choice->least_k + 1) * sizeof(MixtureTrial));
	status = try_all(&selection, most_k, error);
	if (status != MIXTURE_OK)
		return status;
	sample_release(&selection.sample, host);
	scales_release(&selection.scales, host);
	*trials = selection.trials;
	*n_trials = selection.n_trials;
	return MIXTURE_OK;
}
