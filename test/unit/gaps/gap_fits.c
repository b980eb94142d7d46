/*
 * gap_fits.c
 *	  Whole fits, of every kind that takes another way through the engine, whose
 *	  longest gap gaps.c measures.
 *
 * What is fitted are uniform rows, which have no groups: so a search tries all
 * that it can, and ends where nothing leads higher.
 */
#include "gaps.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/fit/fit.h"

/* What is special about a fit. */
typedef enum FitKind
{
	FIT_PLAIN,
	FIT_NOISE,
	FIT_MISSING,
	FIT_MISSING_NOISE,
	FIT_LABELS,
	FIT_PRIOR,
	FIT_PRIOR_MISSING,
	FIT_BEST,
	FIT_AGAIN,					/* from a start, part of which is fixed */
	FIT_COINCIDING,				/* rows that are one point beside one of them */
	FIT_FAR_ROWS,
	FIT_LATTICE,				/* few distinct rows, many times each */
	SEED_COINCIDING,			/* only the choice of seeds, of as many rows as
								 * there are components */
	SAMPLE_WIDE,				/* only the sample of rows */
	N_FIT_KINDS
} FitKind;

static const char *const kind_names[N_FIT_KINDS] = {
	"fit", "fit with noise", "fit, features missing at random",
	"fit with noise, features missing at random", "fit with labels", "fit with a prior",
	"fit with a prior, features missing at random", "choice of k", "fit from a start",
	"fit of rows that nearly coincide", "fit with far rows", "fit of a lattice",
	"seeds of rows that nearly coincide", "sample of wide rows"
};

/* Rows, and the fit that is to be made of them. */
struct GapRows
{
	FitKind		kind;
	MixtureCovarianceType type;
	int			k;
	int64_t		n;
	double	   *features;		/* n rounded up to whole blocks, times d */
	double	   *weights;		/* of a block */
	double	   *labels;			/* of a block */
	MixtureSource source;
};

/* The name of a kind of fit; NULL where there are no more. */
const char *
gap_fit_name(int kind)
{
	return kind < N_FIT_KINDS ? kind_names[kind] : NULL;
}

/* Of a kind that is only a part of a fit, and so knows of no family: which; -1 of a fit. */
int
gap_fit_part(int kind)
{
	return kind < SEED_COINCIDING ? -1 : kind - SEED_COINCIDING;
}

static bool
is_incomplete(const GapRows *rows)
{
	return rows->kind == FIT_MISSING || rows->kind == FIT_MISSING_NOISE ||
		rows->kind == FIT_PRIOR_MISSING;
}

/* A value of these rows. */
static double
draw_value(const GapRows *rows, int64_t row, int j)
{
	double		value = 3 * gap_uniform();

	switch (rows->kind)
	{
		case FIT_MISSING:
		case FIT_MISSING_NOISE:
		case FIT_PRIOR_MISSING:
			return row % rows->source.d != j && gap_uniform() < 0.25 ? NAN : value;
		case FIT_COINCIDING:
		case SEED_COINCIDING:
			return row == 0 ? 1e30 : value;
		case FIT_FAR_ROWS:
			return row < 12 ? (row + 2) * 1e4 * value : value;
		case FIT_LATTICE:
			return floor(2 * value);
		default:
			return value;
	}
}

static void
gap_block(void *context, int64_t number, MixtureBlock *block)
{
	const GapRows *rows = context;
	int64_t		left = rows->n - number * MIXTURE_BLOCK_ROWS;

	*block = (MixtureBlock)
	{
		.n_rows = left < MIXTURE_BLOCK_ROWS ? (int) left : MIXTURE_BLOCK_ROWS,
			.stride = MIXTURE_BLOCK_ROWS,
			.features = rows->features + number * MIXTURE_BLOCK_ROWS * rows->source.d,
			.weights = left < MIXTURE_BLOCK_ROWS ? rows->weights + MIXTURE_BLOCK_ROWS : rows->weights,
			.incomplete = is_incomplete(rows),
			.labels = rows->kind == FIT_LABELS ? rows->labels : NULL
	};
}

/* n rows for a fit of this kind. */
GapRows *
gap_rows_create(int kind, MixtureCovarianceType type, int k, int d, int64_t n)
{
	GapRows    *rows = malloc(sizeof(GapRows));
	int64_t		n_blocks = (n + MIXTURE_BLOCK_ROWS - 1) / MIXTURE_BLOCK_ROWS;

	rows->kind = (FitKind) kind;
	rows->type = type;
	rows->k = k;
	rows->n = n;
	rows->features = malloc(sizeof(double) * n_blocks * MIXTURE_BLOCK_ROWS * d);
	rows->weights = malloc(sizeof(double) * 2 * MIXTURE_BLOCK_ROWS);
	rows->labels = malloc(sizeof(double) * MIXTURE_BLOCK_ROWS);
	rows->source = (MixtureSource)
	{
		.d = d, .n_rows = n, .n_blocks = n_blocks, .context = rows, .block = gap_block,
		.n_labels = kind == FIT_LABELS ? k : 0
	};
	for (int64_t i = 0; i < n_blocks * MIXTURE_BLOCK_ROWS; i++)
		for (int j = 0; j < d; j++)
			rows->features[(i / MIXTURE_BLOCK_ROWS * d + j) * MIXTURE_BLOCK_ROWS +
						   i % MIXTURE_BLOCK_ROWS] = draw_value(rows, i, j);
	for (int i = 0; i < MIXTURE_BLOCK_ROWS; i++)
	{
		rows->weights[i] = 1;
		rows->weights[MIXTURE_BLOCK_ROWS + i] = i < n % MIXTURE_BLOCK_ROWS;
		rows->labels[i] = i % 16 == 0 ? 1 + i / 16 % k : 0;
	}
	return rows;
}

void
gap_rows_free(GapRows *rows)
{
	free(rows->labels);
	free(rows->weights);
	free(rows->features);
	free(rows);
}

/* A fit from round components at some of the rows, the first of which is fixed. */
static MixtureStatus
fit_again(const GapRows *rows, MixtureOptions *options, MixtureFit *fit, MixtureError *error)
{
	int			d = rows->source.d;
	size_t		count = mixture_factor_count(rows->type, d);
	bool	   *components = calloc(rows->k, sizeof(bool));
	MixtureFixed fixed = {.components = components};
	MixtureParameters start;
	MixtureStatus status;

	mixture_allocate_parameters(&start, rows->type, rows->k, d, &gap_host);
	for (int c = 0; c < rows->k; c++)
	{
		start.weights[c] = 1.0 / rows->k;
		for (int j = 0; j < d; j++)
			start.means[(size_t) c * d + j] = 3 * gap_uniform();
	}
	for (size_t i = 0; i < mixture_covariance_count(rows->type, rows->k, d); i++)
		start.covariances[i] = mixture_has_matrix(rows->type) ? 0 : 1;
	for (size_t first = 0; mixture_has_matrix(rows->type) &&
		 first < mixture_covariance_count(rows->type, rows->k, d); first += count)
		for (int j = 0; j < d; j++)
			start.covariances[first + (size_t) j * (j + 3) / 2] = 1;
	components[0] = rows->type != MIXTURE_TIED;
	fixed.covariances = rows->type == MIXTURE_TIED;
	options->fixed = &fixed;
	status = mixture_refit(&rows->source, &start, options, &gap_host, fit, error);
	mixture_release_parameters(&start, &gap_host);
	free(components);
	return status;
}

/*
 * A part alone: the sample of the rows, or seeds, as many as there are rows, which but
 * for one are a point in space.
 */
static void
fit_part(const GapRows *rows, const MixtureOptions *options)
{
	Scales		scales;
	Sample		sample;
	SeedSpace	space;
	MixtureError error;
	int64_t    *seeds;

	if (search_prepare(&scales, &sample, &rows->source, 1, rows->k, false, options, &gap_host,
					   &error) != MIXTURE_OK)
		abort();
	if (rows->kind == SEED_COINCIDING)
	{
		seeding_space(&space, &sample, sample.n_rows, &scales, NULL, NULL, &gap_host);
		seeds = malloc(sizeof(int64_t) * sample.n_rows);
		seeding_choose(&sample, &space, MIXTURE_INIT_KMEANS_PLUS_PLUS, 1, (int) sample.n_rows,
					   seeds, &gap_host);
		free(seeds);
		seeding_space_release(&space, &gap_host);
	}
	sample_release(&sample, &gap_host);
	scales_release(&scales, &gap_host);
}

/*
 * Fit the rows.  Four starts are of all kinds; few passes are made, each of which is
 * the same.
 */
void
gap_fit(const GapRows *rows)
{
	const MixturePriorOptions prior = {
		.strength = NAN,.shrinkage = NAN,.dof = NAN
	};
	const MixtureChoice choice = {
		.least_k = rows->k > 1 ? rows->k - 1 : 1,.most_k = rows->k,.families = 1U << rows->type
	};
	MixtureOptions options = {
		.covariance_type = rows->type,.max_iter = 3,.tol = 1e-7,.reg_covar = 1e-6,
		.n_init = 4,.seed = 1,.accelerate = true,
		.noise = rows->kind == FIT_NOISE || rows->kind == FIT_MISSING_NOISE,
		.prior = rows->kind == FIT_PRIOR || rows->kind == FIT_PRIOR_MISSING ? &prior : NULL
	};
	MixtureTrial *trials;
	int			n_trials;
	MixtureStatus status;
	MixtureError error;
	MixtureFit	fit;

	if (gap_fit_part(rows->kind) >= 0)
	{
		fit_part(rows, &options);
		return;
	}
	if (rows->kind == FIT_BEST)
		status = mixture_fit_best(&rows->source, &choice, &options, &gap_host, &fit, &trials,
								  &n_trials, &error);
	else if (rows->kind == FIT_AGAIN)
		status = fit_again(rows, &options, &fit, &error);
	else
		status = mixture_fit(&rows->source, rows->k, &options, &gap_host, &fit, &error);
	if (status == MIXTURE_OK)
		mixture_release_parameters(&fit.parameters, &gap_host);
	else if (rows->kind != FIT_LATTICE)
	{
		fprintf(stderr, "%s, k %d, d %d: status %d\n", kind_names[rows->kind], rows->k,
				rows->source.d, (int) status);
		abort();
	}
}
