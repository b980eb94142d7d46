/*
 * fuzz_fit.c
 *	  Fits of arbitrary rows: mixture_fit() refuses them with a reason that
 *	  exists, or makes a sound model that scores them and can be refitted.
 */
#include <math.h>

#include "fuzz.h"

typedef struct Case
{
	int			k;
	MixtureOptions options;
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
		demand(status != MIXTURE_TOO_FEW_DISTINCT ||
			   (error.count >= 0 && error.count < fuzz->k), "too few distinct rows are fewer than k");
		demand((status != MIXTURE_FEATURE_RANGE && status != MIXTURE_FEATURE_MISSING) ||
			   (error.feature >= 0 && error.feature < fuzz->rows.d), "a refused feature exists");
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
			.n_init = 1 + input_below(&input, 3),
			.init = (MixtureInit) input_below(&input, 2),
			.seed = (uint64_t) input_byte(&input),
			.accelerate = input_below(&input, 2) == 0
	};
	interrupt = input_byte(&input);
	gaps = input_byte(&input);
	fuzz_rows_read(&fuzz.rows, &input, 1 + input_below(&input, 5), 400);
	if (gaps >= 128)
		fuzz_rows_drop(&fuzz.rows, gaps);
	fuzz_run(fit, &fuzz, interrupt < 200 ? 0 : interrupt - 199);
	fuzz_rows_free(&fuzz.rows);
	return 0;
}
