/*
 * test_progress.c
 *	  What a fit notes of its progress: every number goes up, within what it
 *	  counts, up to where it says that it ends, and none is of anything else.
 */
#include "unit.h"

#include <math.h>
#include <string.h>

/* What has been seen of a fit. */
typedef struct Watch
{
	MixtureProgress progress;	/* the engine's record */
	MixtureProgress last;		/* as it was at the report before */
	int64_t		n_rows;
	int			n_trials;
	int			max_iter;
	int			n_reports;
	int			n_phases[3];
	const char *fault;
} Watch;

/* What is wrong with a report after another one of the same trial; or NULL. */
static const char *
trial_fault(const MixtureProgress *now, const MixtureProgress *last)
{
	if (now->phase < last->phase)
		return "an earlier phase";
	if (last->phase == MIXTURE_READING)
		return NULL;
	if (now->k != last->k || now->covariance_type != last->covariance_type ||
		now->n_starts != last->n_starts)
		return "another mixture";
	if (now->start < last->start || now->sample_passes < last->sample_passes)
		return "an earlier start";
	if (last->phase == MIXTURE_ITERATING &&
		(now->start != last->start || now->sample_passes != last->sample_passes))
		return "a start while iterating";
	if (last->phase == MIXTURE_ITERATING && now->iteration < last->iteration)
		return "an earlier iteration";
	return NULL;
}

static const char *
report_fault(const Watch *watch, const MixtureProgress *now)
{
	const MixtureProgress *last = &watch->last;

	if (now->n_rows != watch->n_rows)
		return "another number of rows";
	if (now->trial < last->trial || now->trial > watch->n_trials ||
		(now->trial > 0 && now->n_trials != watch->n_trials))
		return "a trial that there is not";
	if (now->phase != MIXTURE_READING && (now->k < 1 || now->start > now->n_starts))
		return "a start that there is not";
	if (now->phase == MIXTURE_ITERATING &&
		(now->iteration > now->max_iter || now->max_iter != watch->max_iter))
		return "an iteration that there is not";
	if (watch->n_reports > 0 && now->trial == last->trial)
		return trial_fault(now, last);
	return NULL;
}

static void
watch_report(void *context, const MixtureProgress *progress)
{
	Watch	   *watch = context;

	if (progress != &watch->progress)
		watch->fault = "another record";
	if (watch->fault == NULL)
		watch->fault = report_fault(watch, progress);
	watch->n_reports++;
	watch->n_phases[progress->phase]++;
	watch->last = *progress;
}

/* A host that watches a fit, of n_trials trials, or 0 if it is one without. */
static MixtureHost
watching_host(Watch *watch, const Rows *rows, int n_trials, const MixtureOptions *options)
{
	MixtureHost host = unit_host;

	memset(watch, 0, sizeof(*watch));
	watch->n_rows = rows->source.n_rows;
	watch->n_trials = n_trials;
	watch->max_iter = options->max_iter;
	host.context = watch;
	host.report = watch_report;
	host.progress = &watch->progress;
	return host;
}

/* A fit, and one that continues it. */
static void
check_fit(Random *random, const Rows *rows)
{
	MixtureOptions options = default_options((MixtureCovarianceType) random_below(random, 4));
	int			k = 1 + random_below(random, 4);
	Watch		watch;
	MixtureHost host;
	MixtureFit	fit;
	MixtureFit	again;
	MixtureError error;
	MixtureStatus status;

	options.n_init = 1 + random_below(random, 4);
	options.max_iter = 2 + random_below(random, 40);
	host = watching_host(&watch, rows, 0, &options);
	status = mixture_fit(&rows->source, k, &options, &host, &fit, &error);
	check(status == MIXTURE_OK && watch.fault == NULL && watch.n_phases[MIXTURE_READING] > 0 &&
		  watch.n_phases[MIXTURE_SEARCHING] > 0 && watch.progress.k == k &&
		  (watch.n_phases[MIXTURE_ITERATING] == 0 ||
		   watch.progress.iteration == fit.info.iterations) &&
		  (k == 1 || watch.progress.start == fit.info.n_starts),
		  "a fit notes where it is: %d rows, k %d, %d reports%s%s", (int) rows->n, k,
		  watch.n_reports, watch.fault != NULL ? "; " : "", watch.fault != NULL ? watch.fault : "");

	host = watching_host(&watch, rows, 0, &options);
	status = mixture_refit(&rows->source, &fit.parameters, &options, &host, &again, &error);
	check(status == MIXTURE_OK && watch.fault == NULL && watch.n_phases[MIXTURE_SEARCHING] == 0 &&
		  watch.n_phases[MIXTURE_ITERATING] > 0 &&
		  watch.progress.iteration == again.info.iterations &&
		  watch.progress.mean_log_likelihood ==
		  again.info.log_likelihood / again.info.sum_weights,
		  "and one that continues it: %d reports%s%s", watch.n_reports,
		  watch.fault != NULL ? "; " : "", watch.fault != NULL ? watch.fault : "");
	mixture_release_parameters(&fit.parameters, &unit_host);
	mixture_release_parameters(&again.parameters, &unit_host);
}

static void
check_choice(Random *random, const Rows *rows)
{
	MixtureOptions options = default_options(MIXTURE_FULL);
	MixtureChoice choice = {
		.least_k = 1 + random_below(random, 2),
		.families = 1 + random_below(random, 15)
	};
	int			n_families = 0;
	Watch		watch;
	MixtureHost host;
	MixtureFit	fit;
	MixtureError error;
	MixtureTrial *trials;
	int			n_trials;
	MixtureStatus status;

	for (int type = 0; type < MIXTURE_N_COVARIANCE_TYPES; type++)
		n_families += (choice.families >> type) & 1;
	choice.most_k = choice.least_k + random_below(random, 3);
	options.n_init = 2;
	host = watching_host(&watch, rows, n_families * (choice.most_k - choice.least_k + 1),
						 &options);
	status = mixture_fit_best(&rows->source, &choice, &options, &host, &fit, &trials,
							  &n_trials, &error);
	check(status == MIXTURE_OK && watch.fault == NULL && n_trials == watch.n_trials &&
		  watch.progress.trial == n_trials && watch.progress.k == choice.most_k,
		  "a choice notes its trials: %d of %d, %d reports%s%s", watch.progress.trial, n_trials,
		  watch.n_reports, watch.fault != NULL ? "; " : "", watch.fault != NULL ? watch.fault : "");
	mixture_release_parameters(&fit.parameters, &unit_host);
	unit_host.release(NULL, trials);
}

void
test_progress(void)
{
	for (int i = 0; i < 12; i++)
	{
		Random		random = random_start(9100 + i);
		int64_t		n = i % 3 == 0 ? FIT_SAMPLE_ROWS + random_below(&random, 9000) :
			200 + random_below(&random, 2000);
		Rows	   *rows = rows_clusters(&random, n, 1 + random_below(&random, 4),
										 1 + random_below(&random, 5), 1 + 6 * random_uniform(&random));

		if (random_below(&random, 3) == 0)
			rows_drop(&random, rows, 0.1);
		rows_seal(rows);
		check_fit(&random, rows);
		check_choice(&random, rows);
		rows_free(rows);
	}
}
