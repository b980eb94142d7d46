/*
 * fuzz_fit.c
 *	  Fits of arbitrary rows: mixture_fit() and mixture_fit_best() refuse them
 *	  with a reason that exists, or make a sound model that scores them; the
 *	  one can be refitted, the other is the best of its trials.
 */
#include <math.h>

#include "fuzz.h"

typedef struct Case
{
	int			k;
	MixtureOptions options;
	MixtureChoice choice;		/* families is 0: of nothing, a fit */
	FuzzRows	rows;
} Case;

static void
demand_fit(const Case *fuzz, const MixtureFit *fit)
{
	demand_sound(&fit->parameters);
	demand(isfinite(fit->info.log_likelihood), "a log-likelihood is finite");
	demand(isfinite(fit->info.sum_weights) && fit->info.sum_weights > 0, "weights have a sum");
	demand(fit->info.n_rows == fuzz->rows.n, "rows are counted");
	demand(fit->info.n_best_starts >= 0 && fit->info.n_best_starts <= fit->info.n_starts,
		   "not more starts are best than there are");
	demand_scores(&fit->parameters, &fuzz->rows);
}

/* What is refused is refused for a reason. */
static void
demand_reason(const Case *fuzz, int k, MixtureStatus status, const MixtureError *error)
{
	demand(status != MIXTURE_TOO_FEW_DISTINCT ||
		   (error->count >= 0 && error->count < k), "too few distinct rows are fewer than k");
	demand((status != MIXTURE_FEATURE_RANGE && status != MIXTURE_FEATURE_MISSING) ||
		   (error->feature >= 0 && error->feature < fuzz->rows.d), "a refused feature exists");
}

/* Trials are those asked for, but for such as have more components than rows. */
static void
demand_trials(const MixtureChoice *choice, const MixtureTrial *trials, int n_trials,
			  const MixtureFit *best)
{
	bool		found = false;
	int			least_suspect = trials[0].n_suspect;
	int			suspect = 0;

	for (int i = 0; i < n_trials; i++)
	{
		const MixtureTrial *trial = &trials[i];

		demand((choice->families & (1U << trial->covariance_type)) != 0 &&
			   trial->k >= choice->least_k && trial->k <= choice->most_k, "a trial was asked for");
		demand(i == 0 || trial[-1].covariance_type < trial->covariance_type ||
			   (trial[-1].covariance_type == trial->covariance_type && trial[-1].k == trial->k - 1),
			   "trials are in their order");
		demand(isfinite(trial->log_likelihood), "a trial's log-likelihood is finite");
		if (trial->n_suspect < least_suspect)
			least_suspect = trial->n_suspect;
		if (trial->k == best->parameters.k &&
			trial->covariance_type == best->parameters.covariance_type)
		{
			found = true;
			suspect = trial->n_suspect;
			demand(trial->log_likelihood == best->info.log_likelihood,
				   "the best fit is that of its trial");
		}
	}
	demand(found && suspect == least_suspect, "the best fit is a trial with the fewest suspects");
}

static void
fit_best(void *context)
{
	Case	   *fuzz = context;
	MixtureFit	best;
	MixtureTrial *trials;
	int			n_trials = 0;
	MixtureError error = {0};
	MixtureStatus status = mixture_fit_best(&fuzz->rows.source, &fuzz->choice,
											&fuzz->options, &fuzz_host, &best, &trials,
											&n_trials, &error);

	if (status != MIXTURE_OK)
	{
		demand_reason(fuzz, fuzz->choice.least_k, status, &error);
		return;
	}
	demand(n_trials > 0, "there are trials");
	demand_trials(&fuzz->choice, trials, n_trials, &best);
	demand_fit(fuzz, &best);
}

static void
fit(void *context)
{
	Case	   *fuzz = context;
	MixtureFit	first;
	MixtureFit	second;
	MixtureError error = {0};
	MixtureStatus status;

	status = mixture_fit(&fuzz->rows.source, fuzz->k, &fuzz->options, &fuzz_host,
						 &first, &error);
	if (status != MIXTURE_OK)
	{
		demand_reason(fuzz, fuzz->k, status, &error);
		return;
	}
	demand_fit(fuzz, &first);
	status = mixture_refit(&fuzz->rows.source, &first.parameters, &fuzz->options,
						   &fuzz_host, &second, &error);
	if (status == MIXTURE_OK)
		demand_fit(fuzz, &second);
}

int			LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const double tolerances[] = {1e-7, 0, 1e-3, 1e300};
	static const double bounds[] = {1e-9, 0, 1e-3, 1, 1e300, 5e-324};
	Input		input = {data, size};
	Case		fuzz = {0};
	int			interrupt;
	int			gaps;

	fuzz.k = 1 + input_below(&input, 6);
	fuzz.options = (MixtureOptions)
	{
		.covariance_type = (MixtureCovarianceType) input_below(&input, 4),
			.max_iter = 1 + input_below(&input, 24),
			.tol = tolerances[input_below(&input, 4)],
			.reg_covar = bounds[input_below(&input, 6)],
			.n_init = input_below(&input, 4),
			.init = (MixtureInit) input_below(&input, 2),
			.seed = (uint64_t) input_byte(&input),
			.accelerate = input_below(&input, 2) == 0,
			.noise = input_below(&input, 3) == 0
	};
	if (input_below(&input, 3) == 0)
		fuzz.choice = (MixtureChoice)
	{
		.least_k = 1 + input_below(&input, fuzz.k),
			.most_k = fuzz.k,
			.families = 1 + input_below(&input, 15),
			.criterion = (MixtureCriterion) input_below(&input, 3)
	};
	interrupt = input_byte(&input);
	gaps = input_byte(&input);
	fuzz_rows_read(&fuzz.rows, &input, 1 + input_below(&input, 5), 400);
	if (gaps >= 128)
		fuzz_rows_drop(&fuzz.rows, gaps);
	fuzz_run(fuzz.choice.families != 0 ? fit_best : fit, &fuzz, interrupt < 200 ? 0 : interrupt - 199);
	fuzz_rows_free(&fuzz.rows);
	return 0;
}
