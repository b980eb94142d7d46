/*
 * test_select.c
 *	  mixture_fit_best(): which trials are made, which of them is handed back,
 *	  and what it is compared by.
 */
#include "unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ALL_FAMILIES ((1U << MIXTURE_N_COVARIANCE_TYPES) - 1)

/* Criteria that differ by less a row are the same: select.c. */
#define SAME 1e-6

/* What mixture_fit_best() hands back. */
typedef struct Best
{
	MixtureStatus status;
	MixtureError error;
	MixtureFit	fit;
	MixtureTrial *trials;
	int			n_trials;
} Best;

static Best
fit_best(const Rows *rows, const MixtureChoice *choice)
{
	MixtureOptions options = default_options(MIXTURE_FULL);
	Best		best = {MIXTURE_OK};

	options.n_init = 2;
	best.status = mixture_fit_best(&rows->source, choice, &options, &unit_host, &best.fit,
								   &best.trials, &best.n_trials, &best.error);
	return best;
}

static void
best_release(Best *best)
{
	mixture_release_parameters(&best->fit.parameters, &unit_host);
	unit_host.release(NULL, best->trials);
}

/* Free parameters, counted by hand. */
static double
free_parameters(const MixtureTrial *trial, int d)
{
	MixtureCovarianceType type = trial->covariance_type;
	int			k = trial->k;
	double		covariance = type == MIXTURE_FULL || type == MIXTURE_TIED ? d * (d + 1) / 2.0 :
		type == MIXTURE_DIAG ? d : 1;

	return k - 1 + k * d + (type == MIXTURE_TIED ? 1 : k) * covariance;
}

/* A criterion by its formula: lower is better. */
static double
criterion(MixtureCriterion which, const MixtureTrial *trial, int d, double n)
{
	double		free = free_parameters(trial, d);
	double		value = -2 * trial->log_likelihood;

	return which == MIXTURE_AIC ? value + 2 * free :
		value + log(n) * free + (which == MIXTURE_ICL ? 2 * trial->entropy : 0);
}

/*
 * Whether the trials are those that were asked for, by family and then by the
 * number of components.
 */
static bool
trials_asked_for(const Best *best, const MixtureChoice *choice, int most_k)
{
	int			place = 0;

	for (int type = 0; type < MIXTURE_N_COVARIANCE_TYPES; type++)
		for (int k = choice->least_k; k <= most_k && (choice->families & (1U << type)); k++)
		{
			const MixtureTrial *trial = &best->trials[place];

			if (place++ >= best->n_trials || trial->k != k ||
				trial->covariance_type != (MixtureCovarianceType) type ||
				!isfinite(trial->log_likelihood) || trial->iterations < 1 ||
				trial->n_best_starts > trial->n_starts || trial->n_best_starts < 1)
				return false;
		}
	return place == best->n_trials;
}

/*
 * The trial whose model was handed back, or -1; no other may have fewer suspect
 * components, or as few and a better criterion.
 */
static int
chosen_trial(const Best *best, MixtureCriterion which, int d, double n)
{
	const MixtureParameters *parameters = &best->fit.parameters;
	int			chosen = -1;

	for (int i = 0; i < best->n_trials; i++)
		if (best->trials[i].k == parameters->k &&
			best->trials[i].covariance_type == parameters->covariance_type)
			chosen = i;
	for (int i = 0; i < best->n_trials && chosen >= 0; i++)
	{
		const MixtureTrial *other = &best->trials[i];
		const MixtureTrial *trial = &best->trials[chosen];

		if (other->n_suspect < trial->n_suspect ||
			(other->n_suspect == trial->n_suspect &&
			 criterion(which, other, d, n) < criterion(which, trial, d, n) - SAME * n * 1.001))
			chosen = -1;
	}
	return chosen;
}

/*
 * What the reference says of the model that was handed back: whether likelihood
 * and entropy of the trial are those of its parameters.
 */
static double
trial_difference(const Best *best, const Rows *rows, int chosen)
{
	const MixtureParameters *parameters = &best->fit.parameters;
	MixtureStats *stats = mixture_allocate_stats(parameters->covariance_type, parameters->k,
												 parameters->d, &unit_host);
	const MixtureTrial *trial = &best->trials[chosen];
	double		worst;

	reference_accumulate(parameters, rows, stats);
	worst = fmax(fabs(*stats->log_likelihood - trial->log_likelihood),
				 fabs(*stats->entropy - trial->entropy)) / *stats->sum_weights;
	mixture_release_stats(stats, &unit_host);
	return worst;
}

/* Random rows, families, numbers and criteria. */
static void
test_choices(Random *random)
{
	bool		asked_for = true;
	bool		best_chosen = true;
	double		worst = 0;

	for (int try = 0; try < 24; try++)
	{
		int			d = 1 + random_below(random, 3);
		int			n = 60 + random_below(random, 150);
		Rows	   *rows = rows_clusters(random, n, d, 2 + random_below(random, 2), 5);
		MixtureChoice choice = {
			.least_k = 1 + random_below(random, 2),
			.families = 1 + random_below(random, ALL_FAMILIES),
			.criterion = (MixtureCriterion) (try % MIXTURE_N_CRITERIA)
		};
		double		sum = 0;
		int			chosen;
		Best		best;

		choice.most_k = choice.least_k + random_below(random, 4);
		for (int i = 0; i < n; i++)
			sum += rows->weights[i] = 0.5 + random_uniform(random);
		rows_seal(rows);
		best = fit_best(rows, &choice);
		if (best.status != MIXTURE_OK)
			abort();
		asked_for = asked_for && trials_asked_for(&best, &choice, choice.most_k);
		chosen = chosen_trial(&best, choice.criterion, d, sum);
		best_chosen = best_chosen && chosen >= 0;
		if (chosen >= 0)
			/* an entropy is a sum of some log densities times their shares */
			worst = fmax(worst, trial_difference(&best, rows, chosen) /
						 (4 * rounding_per_row(rows, &best.fit.parameters)));
		best_release(&best);
		rows_free(rows);
	}
	check(asked_for, "trials are those asked for, by family and number of components");
	check(best_chosen, "no trial is better than the one that is handed back, by any criterion");
	check(worst < 1, "likelihood and entropy of a trial are its model's (%.1e of rounding)", worst);
}

/* Fewer distinct rows than components: what can be tried is, or nothing can. */
static void
test_few_rows(void)
{
	Rows	   *rows = rows_allocate(40, 2);
	MixtureChoice choice = {1, 7, ALL_FAMILIES, MIXTURE_BIC};
	Best		best;

	for (int i = 0; i < 40; i++)
	{
		rows->values[2 * i] = i % 4;
		rows->values[2 * i + 1] = i % 4 * (i % 4);
	}
	rows_seal(rows);
	best = fit_best(rows, &choice);
	check(best.status == MIXTURE_OK && trials_asked_for(&best, &choice, 4),
		  "components beyond the number of distinct rows are left out");
	best_release(&best);
	choice.least_k = 5;
	best = fit_best(rows, &choice);
	check(best.status == MIXTURE_TOO_FEW_DISTINCT && best.error.count == 4,
		  "it is an error only if all are, with the number of distinct rows");
	rows_free(rows);
}

/*
 * Three round clusters, far apart: each criterion finds them, and their family.
 * One more component might, once in a thousand times, seem worth its
 * parameters: the draws are the same whatever the seed.
 */
static void
test_clusters(MixtureCriterion which)
{
	Random		random = {41};
	Rows	   *rows = rows_allocate(600, 2);
	MixtureChoice choice = {1, 5, ALL_FAMILIES, which};
	Best		best;

	for (int i = 0; i < 600; i++)
	{
		rows->values[2 * i] = 20 * (i % 3) + random_normal(&random) * (1 + i % 3);
		rows->values[2 * i + 1] = 30 * (i % 3 == 1) + random_normal(&random) * (1 + i % 3);
	}
	rows_seal(rows);
	best = fit_best(rows, &choice);
	check(best.fit.parameters.k == 3 &&
		  best.fit.parameters.covariance_type == MIXTURE_SPHERICAL,
		  "%s finds three round clusters of three sizes (%s, k %d)",
		  which == MIXTURE_BIC ? "BIC" : "ICL", family_names[best.fit.parameters.covariance_type],
		  best.fit.parameters.k);
	best_release(&best);
	rows_free(rows);
}

/* Of trials that are as good the first is handed back, as the families are ordered. */
static void
test_equal_trials(Random *random)
{
	Rows	   *rows = rows_clusters(random, 100, 1, 1, 1);
	MixtureChoice choice = {1, 1, ALL_FAMILIES, MIXTURE_BIC};
	Best		best = fit_best(rows, &choice);

	check(best.status == MIXTURE_OK && best.n_trials == MIXTURE_N_COVARIANCE_TYPES &&
		  best.fit.parameters.covariance_type == MIXTURE_FULL,
		  "of trials that are as good the first is handed back");
	best_release(&best);
	rows_free(rows);
}

void
test_select(void)
{
	Random		random = random_start(16);

	test_choices(&random);
	test_few_rows();
	test_equal_trials(&random);
	test_clusters(MIXTURE_BIC);
	test_clusters(MIXTURE_ICL);
}
