/*
 * test_missing_blocks.c
 *	  The E-step of blocks with missing features, against the marginal mixture of
 *	  each row by itself: with labels, noise, patterns of many rows and of one, up
 *	  to the word's end of features, and matrices that are nearly singular.
 */
#include "unit.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/random.h"
#include "engine/kernels/missing.h"

#define MOST_K 6
#define MOST_D 66

/* What a block is made of. */
typedef struct BlockKind
{
	MixtureCovarianceType type;
	int			k;
	int			d;
	int			n_patterns;		/* 0: each row has its own */
	bool		noise;
	bool		labelled;
	double		across;			/* variance along a common direction, beside some 1 */
} BlockKind;

/* Add the same direction to all covariances, which have a matrix. */
static void
stretch(Random *random, MixtureParameters *parameters, double variance)
{
	int			d = parameters->d;
	size_t		count = mixture_factor_count(parameters->covariance_type, d);
	double		line[MOST_D];

	for (int j = 0; j < d; j++)
		line[j] = random_normal(random) / sqrt(d);
	for (int c = 0; c < (parameters->covariance_type == MIXTURE_TIED ? 1 : parameters->k); c++)
		mixture_add_outer(parameters->covariance_type, d, parameters->covariances + c * count,
						  variance, line);
}

/* Draw rows of a mixture, of which features are missing. */
static Rows *
draw_rows(Random *random, const MixtureParameters *parameters, int n, int n_patterns)
{
	int			d = parameters->d;
	MixtureError error;
	MixtureDrawing *drawing = mixture_drawing_create(parameters, &unit_host, &error);
	Rows	   *rows = rows_allocate(n, d);

	for (int i = 0; i < n; i++)
	{
		double	   *row = rows->values + i * d;
		uint64_t	pattern = n_patterns == 0 ? i : random_below(random, n_patterns);
		int			kept = (int) (pattern % d);

		mixture_draw_row(drawing, random->state, i, row);
		rows->weights[i] = 0.5 + random_uniform(random);
		for (int j = 0; j < d; j++)
			if (j != kept && random_unit(random_combine(pattern * 100 + j, base_seed)) < 0.4)
				row[j] = NAN;
	}
	unit_host.release(unit_host.context, drawing);
	rows_seal(rows);
	return rows;
}

/* Log densities of a row under the marginal mixture of what it has, the last noise's. */
static void
marginal_log_densities(const MixtureParameters *parameters, const double *row,
					   long double *log_densities)
{
	int			dims[MOST_D];
	double		observed[MOST_D];
	long double distances[MOST_K];
	int			n = 0;
	MixtureParameters marginal;

	for (int j = 0; j < parameters->d; j++)
		if (!isnan(row[j]))
		{
			dims[n] = j;
			observed[n++] = row[j];
		}
	mixture_allocate_parameters(&marginal, parameters->covariance_type, parameters->k, n,
								&unit_host);
	mixture_marginal(parameters, dims, &marginal, &unit_host);
	marginal.noise_weight = parameters->noise_weight;
	reference_log_densities(&marginal, observed, log_densities, distances);
	marginal.noise_weight = 0;
	log_densities[parameters->k] = reference_log_noise(parameters, row);
	mixture_release_parameters(&marginal, &unit_host);
}

/* The E-step's sums: log-likelihood, and the weights of the components and of noise. */
static void
sum_rows(const MixtureParameters *parameters, const Rows *rows, const double *labels,
		 long double *sums)
{
	int			k = parameters->k;

	memset(sums, 0, (k + 2) * sizeof(long double));
	for (int64_t i = 0; i < rows->n; i++)
	{
		long double values[MOST_K + 1];
		long double weight = rows->weights[i];
		long double most = -INFINITY;
		long double sum = 0;
		int			label = labels != NULL ? (int) labels[i] : 0;

		marginal_log_densities(parameters, rows->values + i * rows->d, values);
		if (label > 0)
		{
			sums[k + 1] += weight * values[label - 1];
			sums[label - 1] += weight;
			continue;
		}
		for (int c = 0; c <= k; c++)
			most = fmaxl(most, values[c]);
		for (int c = 0; c <= k; c++)
			sum += expl(values[c] - most);
		for (int c = 0; c <= k; c++)
			sums[c] += weight * expl(values[c] - most) / sum;
		sums[k + 1] += weight * (most + logl(sum));
	}
}

/* The same by the engine, m_step or not, in the same order. */
static void
accumulate(const MixtureParameters *parameters, Rows *rows, const double *labels, bool m_step,
		   double *sums)
{
	MixtureCovarianceType type = parameters->covariance_type;
	int			k = parameters->k;
	int			d = parameters->d;
	MixtureStats *stats = mixture_allocate_stats(type, k, d, &unit_host);
	MissingWork *missing = missing_create(type, k, d, &unit_host);
	MixtureError error;
	MixturePrepared *prepared = mixture_prepare_blocks(parameters, NULL, &unit_host, &error);
	KernelWork	work;

	mixture_clear_stats(stats);
	kernels_allocate_work(&work, type, k, d, &unit_host);
	missing_begin(missing, parameters, prepared, &unit_host);
	for (int64_t number = 0; number < rows->source.n_blocks; number++)
	{
		MixtureBlock block = rows->blocks[number];

		block.labels = labels != NULL ? labels + number * MIXTURE_BLOCK_ROWS : NULL;
		missing_accumulate(missing, &block, m_step, &work, stats, &unit_host);
	}
	kernels_finish(prepared, &work, stats, &unit_host);
	missing_finish(missing, stats, &unit_host);
	memcpy(sums, stats->component_weights, k * sizeof(double));
	sums[k] = *stats->noise_weight;
	sums[k + 1] = *stats->log_likelihood;
	kernels_release_work(&work, &unit_host);
	mixture_release_prepared(prepared, &unit_host);
	missing_release(missing, &unit_host);
	mixture_release_stats(stats, &unit_host);
}

/* How far the engine's sums are from those of the rows, by weight. */
static double
test_block(Random *random, const BlockKind *kind, bool m_step)
{
	int			n = 500;
	int			k = kind->k;
	MixtureParameters parameters;
	Rows	   *rows;
	double	   *labels = NULL;
	long double wanted[MOST_K + 2];
	double		sums[MOST_K + 2];
	double		worst = 0;

	random_parameters(random, &parameters, kind->type, k, kind->d);
	if (kind->across > 0)
		stretch(random, &parameters, kind->across);
	if (kind->noise)
		random_noise(random, &parameters);
	rows = draw_rows(random, &parameters, n, kind->n_patterns);
	if (kind->labelled)
	{
		labels = calloc(2 * MIXTURE_BLOCK_ROWS, sizeof(double));
		for (int i = 0; i < n; i++)
			labels[i] = random_uniform(random) < 0.5 ? 1 + random_below(random, k) : 0;
	}
	sum_rows(&parameters, rows, labels, wanted);
	accumulate(&parameters, rows, labels, m_step, sums);
	for (int i = m_step ? 0 : k + 1; i < k + 2; i++)
		worst = fmax(worst, (double) fabsl(sums[i] - wanted[i]) / n);
	free(labels);
	rows_free(rows);
	mixture_release_parameters(&parameters, &unit_host);
	return worst;
}

/*
 * A row's log density is that of a squared distance, d on average, which the condition of
 * the covariance times d roundings make wrong (Higham 2002, theorem 10.6).
 */
static void
test_kinds(MixtureCovarianceType type, bool noise, bool labelled)
{
	Random		random = random_start(310 + 4 * type + 2 * noise + labelled);
	double		most = 0;

	for (int try = 0; try < 12; try++)
	{
		const BlockKind kind = {
			.type = type,
			.k = 1 + random_below(&random, MOST_K),
			.d = try < 4 ? 62 + try : 2 + random_below(&random, 20),
			.n_patterns = (const int[]) {0, 8, 200}[try % 3],
			.noise = noise,
			.labelled = labelled,
			.across = mixture_has_matrix(type) && try % 4 == 3 ? 1e9 : 0
		};
		double		condition = 100 + kind.across;

		for (int m_step = 0; m_step < 2; m_step++)
			most = fmax(most, test_block(&random, &kind, m_step) /
						(kind.d * kind.d * condition * DBL_EPSILON));
	}
	check(most < 1, "%s%s%s: blocks with missing features are as their rows' marginal mixtures "
		  "have it (%.1e of rounding)", family_names[type], noise ? ", noise" : "", labelled ? ", labels" : "", most);
}

void
test_missing_blocks(void)
{
	for (int type = 0; type < MIXTURE_N_COVARIANCE_TYPES; type++)
		for (int noise = 0; noise < 2; noise++)
			for (int labelled = 0; labelled < 2; labelled++)
				test_kinds(type, noise, labelled);
}
