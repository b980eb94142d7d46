/*
 * test_incomplete_row.c
 *	  Rows with missing features that are scored one by one, on every clone:
 *	  distances, densities and expectations are those of long double.
 */
#include "reference_missing.h"

#include <math.h>
#include <stdlib.h>

/* What is scored of a row: distances, log density and expectations. */
typedef struct RowScores
{
	double		log_density;
	double		distances[8];	/* k */
	double		missing[64];
} RowScores;

/* The same in long double. */
static void
reference_scores(const MixtureParameters *parameters, const double *row, Conditional *conditional,
				 RowScores *scores)
{
	int			k = parameters->k;
	int			d = parameters->d;
	long double values[9];
	long double means[8][64];
	long double most;
	long double sum = 0;

	most = values[k] = reference_log_noise(parameters, row);
	for (int c = 0; c < k; c++)
	{
		long double u[64];
		long double constant;

		reference_part(conditional, parameters, c, row);
		values[c] = reference_conditional_density(conditional, parameters, c, row);
		most = fmaxl(most, values[c]);
		constant = logl(parameters->weights[c] * (1 - parameters->noise_weight)) -
			0.5L * (conditional->n * logl(2 * acosl(-1)) + conditional->log_determinant);
		scores->distances[c] = sqrtl(fmaxl(0, 2 * (constant - values[c])));
		for (int j = 0; j < d; j++)
			u[j] = isnan(row[j]) ? 0 : (long double) row[j] - parameters->means[c * d + j];
		for (int j = 0; j < d; j++)
			means[c][j] = parameters->means[c * d + j] + (isnan(row[j]) ? reference_regress(conditional, j, u, 0) : u[j]);
	}
	for (int c = 0; c <= k; c++)
		sum += expl(values[c] - most);
	scores->log_density = most + logl(sum);
	for (int i = conditional->n; i < d; i++)
	{
		int			j = conditional->order[i];
		long double mean = parameters->noise_box == NULL ? 0 :
			expl(values[k] - most) / sum * mixture_noise_mean(parameters, j);

		for (int c = 0; c < k; c++)
			mean += expl(values[c] - most) / sum * means[c][j];
		scores->missing[i - conditional->n] = mean;
	}
}

/* Scores by what was prepared of a row or a pattern; filled as of the first, or NULL. */
static void
prepared_scores(const MixturePrepared *prepared, const MixtureIncomplete *incomplete,
				const MixtureParameters *parameters, const int *order, const double *observed,
				double *work, const double *filled, RowScores *scores)
{
	double		shares[8];
	double		noise;
	double		scratch[128];

	mixture_row_mahalanobis(prepared, observed, work, scores->distances);
	scores->log_density = mixture_row_shares(prepared, observed, work, shares, &noise);
	if (filled != NULL)
		mixture_incomplete_impute(incomplete, order, filled, shares, noise, scores->missing);
	else
	{
		MixtureConditional *conditional = mixture_conditional_create(parameters, order,
																	 prepared->d, &unit_host);

		mixture_impute(conditional, observed, shares, noise, scores->missing, scratch);
		unit_host.release(NULL, conditional);
	}
}

/* How far scores are apart; distances that are next to nothing count as such. */
static double
scores_apart(const RowScores *a, const RowScores *b, int k, int n_missing)
{
	double		worst = relative_difference(a->log_density, b->log_density, 1);

	worst = fmax(worst, largest_difference(a->distances, b->distances, k, 1));
	return fmax(worst, largest_difference(a->missing, b->missing, n_missing, 1));
}

/*
 * Scores of one row in either way; returns whether the row itself could be solved.
 * *error: how far either is from the reference.  loosened: the parameters as far off as
 * rounding makes them; *shift: what that does to the reference.
 */
static bool
score_row(const MixtureParameters *parameters, const MixtureParameters *loosened,
		  MixtureIncomplete *incomplete, const double *row, Conditional *conditional,
		  double *error, double *shift)
{
	int			d = parameters->d;
	double		observed[64];
	double	   *work = malloc(sizeof(double) * (mixture_row_work_size(incomplete->prepared) +
												mixture_incomplete_work_size(incomplete)));
	double	   *filled = malloc(sizeof(double) * (d + 1) * incomplete->prepared->n_groups *
								incomplete->prepared->lanes);
	MixtureParameters marginal;
	MixturePrepared *by_pattern;
	const MixturePrepared *by_row;
	MixtureError unused;
	RowScores	expected;
	RowScores	scores;
	const int  *order = conditional->order;

	reference_scores(loosened, row, conditional, &scores);
	reference_scores(parameters, row, conditional, &expected);
	*shift = scores_apart(&expected, &scores, parameters->k, d - conditional->n);
	for (int i = 0; i < conditional->n; i++)
		observed[i] = row[order[i]];
	mixture_allocate_parameters(&marginal, parameters->covariance_type, parameters->k,
								conditional->n, &unit_host);
	mixture_marginal(parameters, order, &marginal, &unit_host);
	by_pattern = mixture_prepare_rows(&marginal, &unit_host, &unused);
	prepared_scores(by_pattern, NULL, parameters, order, observed, work, NULL, &scores);
	*error = scores_apart(&expected, &scores, parameters->k, d - conditional->n);
	if (mixture_incomplete_needs(incomplete, conditional->n))
		mixture_incomplete_extend(incomplete, parameters, &unit_host);
	by_row = mixture_incomplete_row(incomplete, observed, order, conditional->n, work, filled,
									&unit_host);
	if (by_row != NULL)
	{
		prepared_scores(by_row, incomplete, parameters, order, observed, work, filled, &scores);
		*error = fmax(*error, scores_apart(&expected, &scores, parameters->k, d - conditional->n));
	}
	mixture_release_prepared(by_pattern, &unit_host);
	mixture_release_parameters(&marginal, &unit_host);
	free(filled);
	free(work);
	return by_row != NULL;
}

/*
 * Rows scored one by one are those of the reference, to no more than rounding of the
 * covariances does to it and TOLERANCE; and solved, but for those of nearly singular
 * covariances of which hardly anything is left of a pivot (kernels_factor.h).
 */
#define TOLERANCE 1e-11

static void
test_rows(Random *random, MixtureCovarianceType type, bool flat, bool noise)
{
	int			k = 1 + random_below(random, 8);
	int			d = 1 + random_below(random, flat ? 14 : 40);
	double		least = pow(10, -1 - 6 * random_uniform(random));
	double		share = 0.05 + 0.8 * random_uniform(random);
	Conditional *conditional = malloc(sizeof(Conditional));
	MixtureParameters parameters;
	MixtureParameters loosened;
	MixtureDrawing *drawing;
	MixtureError unused;
	Rows	   *rows = rows_allocate(30, d);
	const Kernels *kernels;

	random_parameters(random, &parameters, type, k, d);
	if (flat)
		random_flat(random, &parameters, least);
	if (noise)
		random_noise(random, &parameters);
	drawing = mixture_drawing_create(&parameters, &unit_host, &unused);
	for (int64_t i = 0; i < rows->n; i++)
		mixture_draw_row(drawing, random->state, i, rows->values + i * d);
	unit_host.release(NULL, drawing);
	rows_drop(random, rows, share);
	reference_loosened(&parameters, &loosened);
	for (int i = 0; (kernels = kernels_list(i)) != NULL; i++)
	{
		MixturePrepared *prepared;
		MixtureIncomplete *incomplete;
		double		worst = 0;
		double		most_shift = 0;
		int			solved = 0;

		kernels_select(kernels);
		prepared = mixture_prepare_rows(&parameters, &unit_host, &unused);
		incomplete = mixture_incomplete_create(&parameters, prepared, &unit_host);
		for (int64_t number = 0; number < rows->n; number++)
		{
			double		error;
			double		shift;

			solved += score_row(&parameters, &loosened, incomplete, rows->values + number * d,
								conditional, &error, &shift);
			most_shift = fmax(most_shift, shift);
			worst = fmax(worst, error);
		}
		mixture_incomplete_release(incomplete, &unit_host);
		mixture_release_prepared(prepared, &unit_host);
		check(worst < TOLERANCE + most_shift && (flat || solved == rows->n),
			  "%s, k %d%s, d %d, %.0f %% missing, %.0e across: rows solved one by one by %s kernels are the reference's (%.1e, rounding %.1e, %d of %d)",
			  family_names[type], k, noise ? " and noise" : "", d, 100 * share,
			  flat ? least : 1.0, kernels->name, worst, most_shift, solved, (int) rows->n);
	}
	kernels_select(NULL);
	mixture_release_parameters(&loosened, &unit_host);
	mixture_release_parameters(&parameters, &unit_host);
	rows_free(rows);
	free(conditional);
}

void
test_incomplete_rows(void)
{
	Random		random = random_start(8);

	for (int type = 0; type < MIXTURE_N_COVARIANCE_TYPES; type++)
		for (int i = 0; i < 6; i++)
		{
			if (mixture_has_matrix(type))
				test_rows(&random, type, true, i % 2);
			test_rows(&random, type, false, i % 2);
		}
}
