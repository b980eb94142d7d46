/*
 * fuzz_score.c
 *	  Arbitrary parameters, as a stored model may have them: where they are
 *	  valid, rows are scored, and a refit from there is refused or sound.
 */
#include <math.h>
#include <string.h>

#include "fuzz.h"

typedef struct Case
{
	Input		input;
	MixtureCovarianceType covariance_type;
	int			k;
	FuzzRows	rows;
} Case;

/* Noise, where what comes is a box. */
static void
read_noise(Case *fuzz, MixtureParameters *parameters)
{
	int			d = parameters->d;
	double	   *box = mixture_own_box(parameters);

	parameters->noise_weight = input_byte(&fuzz->input) / 256.0;
	parameters->noise_box = box;
	for (int j = 0; j < d; j++)
	{
		box[j] = input_number(&fuzz->input);
		box[d + j] = input_number(&fuzz->input);
		if (!(box[d + j] > box[j] && isfinite(box[d + j] - box[j])))
			mixture_clear_noise(parameters);
	}
}

/* Weights that sum to 1, and else what comes. */
static void
read_parameters(Case *fuzz, MixtureParameters *parameters)
{
	int			k = fuzz->k;
	int			d = fuzz->rows.d;
	size_t		count = mixture_covariance_count(fuzz->covariance_type, k, d);
	bool		matrix = fuzz->covariance_type == MIXTURE_FULL ||
		fuzz->covariance_type == MIXTURE_TIED;
	double		sum = 0;

	mixture_allocate_parameters(parameters, fuzz->covariance_type, k, d, &fuzz_host);
	for (int c = 0; c < k; c++)
		sum += parameters->weights[c] = input_byte(&fuzz->input);
	for (int c = 0; c < k; c++)
		parameters->weights[c] = sum > 0 ? parameters->weights[c] / sum : 1.0 / k;
	for (int i = 0; i < k * d; i++)
		parameters->means[i] = input_number(&fuzz->input);
	for (size_t i = 0; i < count; i++)
		parameters->covariances[i] = input_number(&fuzz->input);

	/* seldom is a matrix valid by chance: most are products F F^T */
	if (matrix && input_below(&fuzz->input, 4) > 0)
		for (double *m = parameters->covariances; m < parameters->covariances + count;
			 m += d * (d + 1) / 2)
		{
			double		factor[64];

			memcpy(factor, m, sizeof(double) * d * (d + 1) / 2);
			for (int i = 0; i < d; i++)
				for (int j = 0; j <= i; j++)
				{
					double		value = 0;

					for (int l = 0; l <= j; l++)
						value += factor[i * (i + 1) / 2 + l] * factor[j * (j + 1) / 2 + l];
					m[i * (i + 1) / 2 + j] = value;
				}
		}
	else if (!matrix)
		for (size_t i = 0; i < count; i++)
			parameters->covariances[i] = fabs(parameters->covariances[i]);
	if (input_below(&fuzz->input, 2) == 1)
		read_noise(fuzz, parameters);
}

/* A row is explained where its distance is in range, and components are contrasted. */
static void
demand_reasons(const MixtureParameters *parameters, const FuzzRows *rows)
{
	int			d = parameters->d;
	double		row[16];
	double		results[6 * 16];
	MixtureContrasts *contrasts = mixture_contrasts_create(parameters, &fuzz_host);
	MixtureContrast features[16];

	for (int c = 0; c < parameters->k; c++)
	{
		bool		others = mixture_contrasts_next(contrasts, features);

		for (int j = 0; j < d; j++)
			demand(features[j].deviation >= 0 && (others || isnan(features[j].others_mean)),
				   "a contrast is with others, or with none");
	}
	if (rows->incomplete)
		return;
	fuzz_row(rows, 0, row);
	for (int c = 0; c < parameters->k && c < 3; c++)
	{
		MixtureExplanation *explanation =
			mixture_explanation_create(parameters, c, NULL, d, &fuzz_host);
		bool		in_range = true;

		mixture_explain_row(explanation, c, row, results, results + d, results + 2 * d,
							results + 3 * d);
		for (int j = 0; j < d; j++)
			in_range = in_range && isfinite(results[2 * d + j]);
		for (int j = 0; j < d && in_range; j++)
			demand(results[2 * d + j] >= 0 && isfinite(results[d + j]),
				   "shares are not negative, and deviations are numbers");
	}
}

static void
score(void *context)
{
	Case	   *fuzz = context;
	MixtureParameters parameters;
	MixtureError error = {0};
	MixtureOptions options = {.covariance_type = fuzz->covariance_type,.max_iter = 4,
	.reg_covar = 1e-9,.n_init = 1,.accelerate = true};
	MixtureFit	fit;

	read_parameters(fuzz, &parameters);
	for (size_t i = 0; i < mixture_covariance_count(parameters.covariance_type,
													parameters.k, parameters.d); i++)
		if (!isfinite(parameters.covariances[i]))
			return;
	if (!mixture_covariances_valid(&parameters, &fuzz_host, &error))
	{
		demand(error.component >= 0 && error.component < fuzz->k, "a refused component exists");
		return;
	}
	demand_scores(&parameters, &fuzz->rows);
	demand_reasons(&parameters, &fuzz->rows);
	if (mixture_refit(&fuzz->rows.source, &parameters, &options, &fuzz_host, &fit,
					  &error) == MIXTURE_OK)
	{
		demand_sound(&fit.parameters);
		demand(isfinite(fit.info.log_likelihood), "a log-likelihood is finite");
		demand_scores(&fit.parameters, &fuzz->rows);
	}
}

int			LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Case		fuzz = {.input = {data, size}};

	fuzz.covariance_type = (MixtureCovarianceType) input_below(&fuzz.input, 4);
	fuzz.k = 1 + input_below(&fuzz.input, 18);
	fuzz_rows_read(&fuzz.rows, &fuzz.input, 1 + input_below(&fuzz.input, 5),
				   1 + input_below(&fuzz.input, 24));
	fuzz_run(score, &fuzz, 0);
	fuzz_rows_free(&fuzz.rows);
	return 0;
}
