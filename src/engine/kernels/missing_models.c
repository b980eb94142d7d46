/*
 * missing_models.c
 *	  What is known of a pattern of missing features that many rows have: each
 *	  matrix' regression of the missing features on the observed ones.
 *
 * It is made for the first block in which enough rows have the pattern, and kept
 * for those that come in the pass, as far as there is memory.  What is made is a
 * function of the parameters and the pattern alone, so that it does not show
 * whether it was kept.
 *
 * The regression is solved for on the side of the missing features, as rows of
 * mixed patterns are, unless that loses digits or most features are missing.
 */
#include "engine/kernels/missing_private.h"

#include <math.h>
#include <string.h>

/* Values of all models; more than that are forgotten at the next block */
#define MODEL_VALUES (1 << 19)

/* Values of one model, beyond which rows with its pattern are as any others */
#define MOST_MODEL_VALUES (1 << 16)

/* Slots of the table: a power of two */
#define MODEL_SLOTS 4096
#define MOST_MODELS (MODEL_SLOTS / 2)

/* A pivot below this, of a matrix with ones in the diagonal, has lost digits. */
#define LEAST_PIVOT 0x1p-16

typedef struct Model
{
	uint64_t   *bits;			/* n_words; then come the values */
	double	   *values;			/* of each matrix: 1 shift, the coefficients
								 * (n_missing x n_observed), and the packed
								 * residual covariance */
} Model;

struct MissingModels
{
	int			n;
	size_t		n_values;
	Model		models[MOST_MODELS];
	uint16_t	slots[MODEL_SLOTS]; /* model + 1 */
	double	   *scratch;		/* a packed matrix, a vector: of d features */
};

/* Values of a matrix' model. */
static size_t
model_size(int d, int n_missing)
{
	return 1 + (size_t) n_missing * (d - n_missing) + linalg_packed_count(n_missing);
}

MissingModels *
missing_models_create(const MissingWork *missing, const MixtureHost *host)
{
	MissingModels *models = host->allocate(host->context, sizeof(MissingModels));

	models->n = 0;
	models->n_values = 0;
	memset(models->slots, 0, sizeof(models->slots));
	models->scratch = host->allocate(host->context, (linalg_packed_count(missing->d) + missing->d) *
									 sizeof(double));
	return models;
}

/* Forget all models, as when the parameters are others. */
void
missing_models_forget(MissingModels *models, const MixtureHost *host)
{
	for (int i = 0; i < models->n; i++)
		host->release(host->context, models->models[i].bits);
	models->n = 0;
	models->n_values = 0;
	memset(models->slots, 0, sizeof(models->slots));
}

void
missing_models_release(MissingModels *models, const MixtureHost *host)
{
	missing_models_forget(models, host);
	host->release(host->context, models->scratch);
	host->release(host->context, models);
}

/* The most missing times observed features of a pattern that is to have a model. */
size_t
missing_models_most(const MissingWork *missing)
{
	return MOST_MODEL_VALUES / missing->n_matrices;
}

/* A matrix' element, scaled to ones in the diagonal, from one of its set's sides. */
static inline double
scaled_element(const MissingWork *missing, const MissingSide *side, int lane, int i, int j)
{
	return side->matrix[((size_t) i * missing->scratch.stride + j) * missing->width + lane];
}

/*
 * Solve for a matrix' regression on the side of the missing features.  Returns false
 * where that loses digits.
 */
static bool
solve_precision(MissingWork *missing, const MissingGroup *group, int matrix, double *values,
				const MixtureHost *host)
{
	int			m = group->n_missing;
	int			n_observed = missing->d - m;
	int			width = missing->width;
	int			lane = matrix % width;
	const MissingSide *side = &missing->sets[matrix / width].sides[0];
	const uint16_t *numbers = group->missing;
	double	   *lower = missing->models->scratch;
	double	   *column = lower + linalg_packed_count(m);
	double	   *coefficients = values + 1;
	double	   *residual = coefficients + (size_t) m * n_observed;

	for (int i = 0; i < m; i++)
		for (int j = 0; j <= i; j++)
			lower[linalg_row(i) + j] = scaled_element(missing, side, lane, numbers[i], numbers[j]);
	if (!linalg_cholesky(lower, m, host))
		return false;
	values[0] = 0;
	for (int i = 0; i < m; i++)
	{
		double		root = lower[linalg_row(i) + i];

		if (!(root * root >= LEAST_PIVOT))
			return false;
		values[0] += side->constants[numbers[i] * width + lane] - log(root);
	}
	for (int j = 0; j < n_observed; j++)
	{
		int			number = group->observed[j];

		for (int i = 0; i < m; i++)
			column[i] = -scaled_element(missing, side, lane, numbers[i], number);
		linalg_solve_lower(lower, column, m);
		linalg_solve_transposed(lower, column, m);
		for (int i = 0; i < m; i++)
			coefficients[(size_t) i * n_observed + j] = column[i] *
				side->out[numbers[i] * width + lane] * side->into[number * width + lane];
		host->check_interrupts(host->context);
	}
	for (int j = 0; j < m; j++)
	{
		for (int i = 0; i < m; i++)
			column[i] = i == j;
		linalg_solve_lower(lower, column, m);
		linalg_solve_transposed(lower, column, m);
		for (int i = j; i < m; i++)
			residual[linalg_row(i) + j] = column[i] * side->out[numbers[i] * width + lane] *
				side->out[numbers[j] * width + lane];
		host->check_interrupts(host->context);
	}
	return true;
}

/* The same by the covariance, which never loses more digits than it has to. */
static void
regress(MissingWork *missing, const MissingGroup *group, int matrix, double *values,
		const MixtureHost *host)
{
	int			d = missing->d;
	int			m = group->n_missing;
	size_t		n_coefficients = (size_t) m * (d - m);
	Regression	regression;

	missing_rows_order(missing->rows, group->start, missing->next_order);
	regression_allocate(&regression, d, d - m, host);
	regression_fill(&regression, missing->parameters->covariances + matrix * linalg_packed_count(d),
					missing->next_order, host);
	values[0] = missing->half_logs[matrix] + m * HALF_LOG_TWO_PI;
	for (int j = 0; j < d - m; j++)
		values[0] -= log(regression.factor[linalg_row(j) + j]);
	memcpy(values + 1, regression.coefficients, n_coefficients * sizeof(double));
	memcpy(values + 1 + n_coefficients, regression.residual,
		   linalg_packed_count(m) * sizeof(double));
	regression_release(&regression, host);
}

/* Make the model of a group's pattern. */
static void
make_model(MissingWork *missing, const MissingGroup *group, const uint64_t *bits, Model *model,
		   const MixtureHost *host)
{
	int			n_words = missing->rows->n_words;
	size_t		size = model_size(missing->d, group->n_missing);
	uint64_t   *memory = host->allocate(host->context, n_words * sizeof(uint64_t) +
										missing->n_matrices * size * sizeof(double));

	memcpy(memory, bits, n_words * sizeof(uint64_t));
	model->bits = memory;
	model->values = (double *) (memory + n_words);
	missing->models->n_values += missing->n_matrices * size;
	for (int c = 0; c < missing->n_matrices; c++)
	{
		double	   *values = model->values + c * size;

		if (2 * group->n_missing > missing->d || missing->doubtful[c] ||
			!solve_precision(missing, group, c, values, host))
			regress(missing, group, c, values, host);
		host->check_interrupts(host->context);
	}
}

/* The model of a group's pattern, made if need be. */
static const double *
find_model(MissingWork *missing, const MissingGroup *group, uint64_t *bits,
		   const MixtureHost *host)
{
	MissingModels *models = missing->models;
	const MissingRows *rows = missing->rows;
	size_t		size = rows->n_words * sizeof(uint64_t);
	uint64_t	hash = 0;
	unsigned	slot;
	Model		model;

	for (int word = 0; word < rows->n_words; word++)
	{
		bits[word] = rows->bits[(size_t) word * MISSING_ROWS + rows->sources[group->start]];
		hash = (hash ^ bits[word]) * UINT64_C(0x9e3779b97f4a7c15);
		hash ^= hash >> 32;
	}
	slot = (unsigned) (hash % MODEL_SLOTS);
	for (; models->slots[slot] != 0; slot = (slot + 1) % MODEL_SLOTS)
		if (memcmp(models->models[models->slots[slot] - 1].bits, bits, size) == 0)
			return models->models[models->slots[slot] - 1].values;
	make_model(missing, group, bits, &model, host);
	models->models[models->n] = model;
	models->slots[slot] = (uint16_t) ++models->n;
	return model.values;
}

/* Let every group of one pattern have its model. */
void
missing_models_find(MissingWork *missing, const MixtureHost *host)
{
	MissingModels *models = missing->models;
	MissingRows *rows = missing->rows;
	uint64_t	bits[MIXTURE_MAX_DIMENSIONS / 64];

	if (models->n_values > MODEL_VALUES || models->n + rows->n_groups > MOST_MODELS)
		missing_models_forget(models, host);
	for (int i = 0; i < rows->n_groups; i++)
		if (rows->groups[i].same)
			rows->groups[i].model = find_model(missing, &rows->groups[i], bits, host);
}

/*
 * A component's coefficients for a group of one pattern, n_missing x n_observed; in
 * *shift what MissingSet calls so, in *residual the packed residual covariance.
 */
const double *
missing_model(const MissingWork *missing, const MissingGroup *group, int c,
			  double *shift, const double **residual)
{
	int			m = group->n_missing;
	const double *values = group->model +
		missing_matrix(missing, c) * model_size(missing->d, m);

	*shift = values[0];
	*residual = values + 1 + (size_t) m * (missing->d - m);
	return values + 1;
}
