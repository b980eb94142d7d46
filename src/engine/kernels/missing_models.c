/*
 * missing_models.c
 *	  Patterns of missing features that many rows have.
 *
 * The marginal of a mixture is a mixture of the features that were observed, and for
 * that their rows are complete.  So rows of one pattern are set aside until there is
 * a block of them, which is then summed as any other is (kernels.c): what a row
 * costs is less than if it had all features.  What the M-step wants of the missing
 * ones follows from the sums.  With the regression B of the missing features on the
 * observed ones, C what remains of their covariance, and n, f and S a component's
 * sums of responsibilities, deviations and their products,
 *
 *		firsts	(f, B f),	seconds	| S		S B^T			|
 *									| B S	B S B^T + n C	|
 *
 * which is done once for the rows of a run.  Rows without any gap are such a pattern,
 * too, whose sums are those wanted.
 *
 * Sums must not show which runs a process had before.  So whether a pattern's rows
 * are set aside depends on the rows of the run alone, and so does the order in which the
 * patterns' sums are added; what is kept from run to run is a function of the
 * parameters and the pattern.
 */
#include "engine/kernels/missing_private.h"

#include <string.h>

/* Fewer rows of a block with the same features missing do not make it a pattern. */
#define LEAST_ROWS 16

/* Values of all models, and of those that rows of a run are set aside for */
#define MODEL_VALUES (1 << 20)

/* Slots of the table: a power of two */
#define MODEL_SLOTS 4096
#define MOST_MODELS (MODEL_SLOTS / 2)

struct MissingModel
{
	uint64_t	key;			/* as of MissingPattern */
	uint64_t   *bits;			/* n_words; then come the others */
	int		   *order;			/* d: features observed, then those missing */
	int			n_observed;
	int			n_missing;
	size_t		n_values;
	bool		active;			/* rows of the present run were set aside */
	bool		regressed;		/* there are coefficients */
	MixturePrepared *prepared;	/* of what is observed; NULL: not positive
								 * definite */
	MixtureStats stats;			/* of that, of the present run */
	int			n_rows;			/* set aside that are not in these yet */
	bool		labelled;		/* some of them have labels */
	double	   *features;		/* n_observed x MIXTURE_BLOCK_ROWS */
	double	   *weights;
	double	   *labels;
	double	   *pairs;			/* what KernelWork calls so, or NULL */
	double	   *coefficients;	/* of each matrix, n_missing x n_observed */
	double	   *residuals;		/* of each matrix, packed */
};

struct MissingModels
{
	int			n;
	size_t		n_values;
	int			n_active;
	size_t		active_values;
	MissingModel *models[MOST_MODELS];
	MissingModel *active[MOST_MODELS];	/* in the order in which they became so */
	uint16_t	slots[MODEL_SLOTS]; /* model + 1 */
	bool		has_work;
	KernelWork	work;			/* of blocks of one pattern */
};

MissingModels *
missing_models_create(const MixtureHost *host)
{
	MissingModels *models = host->allocate(host->context, sizeof(MissingModels));

	models->n = models->n_active = 0;
	models->n_values = models->active_values = 0;
	models->has_work = false;
	memset(models->slots, 0, sizeof(models->slots));
	return models;
}

static void
release_model(MissingModel *model, const MixtureHost *host)
{
	/* what was prepared of all features is the pass' own */
	if (model->prepared != NULL && model->n_missing > 0)
		mixture_release_prepared(model->prepared, host);
	host->release(host->context, model);
}

/* Forget the models that are not needed in this run. */
static void
forget_models(MissingModels *models, const MixtureHost *host)
{
	int			n = models->n;

	models->n = 0;
	models->n_values = 0;
	memset(models->slots, 0, sizeof(models->slots));
	for (int i = 0; i < n; i++)
	{
		MissingModel *model = models->models[i];
		unsigned	slot = missing_slot(model->key, MODEL_SLOTS);

		if (!model->active)
		{
			release_model(model, host);
			continue;
		}
		while (models->slots[slot] != 0)
			slot = (slot + 1) % MODEL_SLOTS;
		models->models[models->n] = model;
		models->slots[slot] = (uint16_t) ++models->n;
		models->n_values += model->n_values;
	}
}

/* Begin a pass, of other parameters. */
void
missing_models_begin(MissingModels *models, const MixtureHost *host)
{
	for (int i = 0; i < models->n; i++)
		models->models[i]->active = false;
	models->n_active = 0;
	models->active_values = 0;
	forget_models(models, host);
}

void
missing_models_release(MissingModels *models, const MixtureHost *host)
{
	missing_models_begin(models, host);
	if (models->has_work)
		kernels_release_work(&models->work, host);
	host->release(host->context, models);
}

/* --- finding ------------------------------------------------------------------- */

/* Values of a model of so many missing features. */
static size_t
model_values(const MissingWork *missing, int n_missing)
{
	int			n_observed = missing->d - n_missing;
	size_t		sums = mixture_sums_count(missing->covariance_type, missing->k, n_observed);

	/* what is prepared is about as much as the sums */
	return 2 * sums + (size_t) (n_observed + 2) * MIXTURE_BLOCK_ROWS + missing->n_matrices *
		((size_t) n_missing * n_observed + linalg_packed_count(n_missing));
}

/* What is observed, made ready for blocks; NULL where that cannot be. */
static MixturePrepared *
prepare_marginal(const MissingWork *missing, const MissingModel *model, const MixtureHost *host)
{
	MixtureParameters marginal;
	MixturePrepared *prepared;
	MixtureError error;

	mixture_allocate_parameters(&marginal, missing->covariance_type, missing->k,
								model->n_observed, host);
	mixture_marginal(missing->parameters, model->order, &marginal, host);
	prepared = mixture_prepare_blocks(&marginal, NULL, host, &error);
	mixture_release_parameters(&marginal, host);
	return prepared;
}

/* The model of a pattern. */
static MissingModel *
make_model(MissingWork *missing, const MissingPattern *pattern, const MixtureHost *host)
{
	int			d = missing->d;
	int			m = pattern->n_missing;
	int			n_observed = d - m;
	int			n_words = missing->rows->n_words;
	size_t		coefficients = (size_t) missing->n_matrices * m * n_observed;
	size_t		residuals = missing->n_matrices * linalg_packed_count(m);
	size_t		sums = mixture_sums_count(missing->covariance_type, missing->k, n_observed);
	size_t		n_pairs = missing->models->work.pairs != NULL ? linalg_packed_count(missing->k) : 0;
	size_t		rows = MIXTURE_BLOCK_ROWS;
	MissingModel *model = host->allocate(host->context, sizeof(MissingModel) +
										 n_words * sizeof(uint64_t) +
										 (sums + (n_observed + 2) * rows + coefficients +
										  residuals + n_pairs + MIXTURE_LANES) * sizeof(double) +
										 d * sizeof(int));

	model->key = pattern->key;
	model->bits = (uint64_t *) (model + 1);
	for (int word = 0; word < n_words; word++)
		model->bits[word] = missing->rows->bits[(size_t) word * MISSING_ROWS + pattern->first];
	model->n_observed = n_observed;
	model->n_missing = m;
	model->n_values = model_values(missing, m);
	model->active = model->regressed = model->labelled = false;
	model->n_rows = 0;
	mixture_place_stats(&model->stats, missing->covariance_type, missing->k, n_observed,
						(double *) (model->bits + n_words));
	mixture_clear_stats(&model->stats);
	/* vectors that straddle cache lines are read twice */
	model->features = (double *) (((uintptr_t) (model->stats.sum_weights + sums) + 63) &
								  ~(uintptr_t) 63);
	model->weights = model->features + n_observed * rows;
	model->labels = model->weights + rows;
	model->coefficients = model->labels + rows;
	model->residuals = model->coefficients + coefficients;
	model->pairs = n_pairs > 0 ? model->residuals + residuals : NULL;
	if (n_pairs > 0)
		memset(model->pairs, 0, n_pairs * sizeof(double));
	model->order = (int *) (model->residuals + residuals + n_pairs);
	missing_pattern_order(missing->rows, pattern, model->order);
	model->prepared = m == 0 ? (MixturePrepared *) missing->prepared :
		prepare_marginal(missing, model, host);
	return model;
}

/* The model that a pattern has from an earlier block of the pass, or NULL. */
static MissingModel *
known_model(const MissingModels *models, const MissingRows *rows, const MissingPattern *pattern)
{
	unsigned	slot = missing_slot(pattern->key, MODEL_SLOTS);

	for (; models->slots[slot] != 0; slot = (slot + 1) % MODEL_SLOTS)
	{
		MissingModel *model = models->models[models->slots[slot] - 1];
		int			word = 0;

		while (model->key == pattern->key && word < rows->n_words &&
			   model->bits[word] == rows->bits[(size_t) word * MISSING_ROWS + pattern->first])
			word++;
		if (word == rows->n_words)
			return model;
	}
	return NULL;
}

/* Let a pattern have a model that is kept. */
static MissingModel *
add_model(MissingWork *missing, const MissingPattern *pattern, size_t n_values,
		  const MixtureHost *host)
{
	MissingModels *models = missing->models;
	unsigned	slot = missing_slot(pattern->key, MODEL_SLOTS);
	MissingModel *model;

	if (!models->has_work)
		kernels_allocate_work(&models->work, missing->covariance_type, missing->k, missing->d,
							  host);
	models->has_work = true;
	if (models->n == MOST_MODELS || models->n_values + n_values > MODEL_VALUES)
		forget_models(models, host);
	model = make_model(missing, pattern, host);
	while (models->slots[slot] != 0)
		slot = (slot + 1) % MODEL_SLOTS;
	models->models[models->n] = model;
	models->slots[slot] = (uint16_t) ++models->n;
	models->n_values += n_values;
	return model;
}

/* The model of a pattern in this run, or NULL if it is to have none. */
static MissingModel *
find_model(MissingWork *missing, const MissingPattern *pattern, const MixtureHost *host)
{
	MissingModels *models = missing->models;
	MissingModel *model = NULL;
	size_t		n_values;

	/* the rule where all rows have their own */
	if (models->n_active == 0 && pattern->n_rows < LEAST_ROWS)
		return NULL;
	model = known_model(models, missing->rows, pattern);
	if (model != NULL && model->active)
		return model;
	if (pattern->n_rows < LEAST_ROWS || models->n_active == MOST_MODELS)
		return NULL;
	n_values = model_values(missing, pattern->n_missing);
	if (models->active_values + n_values > MODEL_VALUES)
		return NULL;
	if (model == NULL)
		model = add_model(missing, pattern, n_values, host);
	if (model->prepared == NULL)
		return NULL;
	model->active = true;
	models->active[models->n_active++] = model;
	models->active_values += n_values;
	return model;
}

/* Let the patterns of a block have their models, as far as they are to have any. */
void
missing_models_find(MissingWork *missing, const MixtureHost *host)
{
	MissingRows *rows = missing->rows;

	for (int i = 0; i < rows->n_patterns; i++)
		if (rows->patterns[i].n_missing < missing->d)
			rows->patterns[i].model = find_model(missing, &rows->patterns[i], host);
}

/* --- rows ---------------------------------------------------------------------- */

/* Sum the rows that were set aside. */
static void
sum_rows(MissingWork *missing, MissingModel *model, const MixtureHost *host)
{
	KernelWork	work = missing->models->work;
	int			stride = whole_lanes(model->n_rows);
	const MixtureBlock block = {
		.n_rows = model->n_rows,
		.stride = MIXTURE_BLOCK_ROWS,
		.features = model->features,
		.weights = model->weights,
		.labels = model->labelled ? model->labels : NULL
	};

	if (model->n_rows == 0)
		return;
	/* lanes without a row */
	for (int row = model->n_rows; row < stride; row++)
	{
		for (int j = 0; j < model->n_observed; j++)
			model->features[(size_t) j * MIXTURE_BLOCK_ROWS + row] =
				model->features[(size_t) j * MIXTURE_BLOCK_ROWS];
		model->weights[row] = model->labels[row] = 0;
	}
	work.pairs = model->pairs;
	kernels_accumulate(model->prepared, &block, missing->m_step, &work, &model->stats, host);
	/* there is one place for rows set aside of all models, and one for pairs in each */
	if (work.pack_rows > 0)
		kernels_finish(model->prepared, &work, &model->stats, host);
	model->n_rows = 0;
	model->labelled = false;
	host->check_interrupts(host->context);
}

/* Set n of a block's rows aside. */
static void
take_rows(MissingModel *model, const MixtureBlock *block, const int *taken, int n)
{
	int			first = model->n_rows;

	for (int j = 0; j < model->n_observed; j++)
		kernels_current()->gather_rows(block->features + (size_t) model->order[j] * block->stride,
									   taken, n,
									   model->features + (size_t) j * MIXTURE_BLOCK_ROWS + first);
	kernels_current()->gather_rows(block->weights, taken, n, model->weights + first);
	for (int i = 0; i < n && block->labels == NULL; i++)
		model->labels[first + i] = 0;
	if (block->labels != NULL)
		kernels_current()->gather_rows(block->labels, taken, n, model->labels + first);
	model->labelled = model->labelled || block->labels != NULL;
	model->n_rows += n;
}

/* Set rows of a sorted block aside, of the patterns that have models. */
void
missing_models_take(MissingWork *missing, const MixtureBlock *block, const MixtureHost *host)
{
	const MissingRows *rows = missing->rows;
	const int  *taken = rows->taken;

	for (int i = 0; i < rows->n_patterns; i++)
	{
		MissingModel *model = rows->patterns[i].model;
		int			left = model != NULL ? rows->patterns[i].n_rows : 0;

		while (left > 0)
		{
			int			room = MIXTURE_BLOCK_ROWS - model->n_rows;
			int			n = left < room ? left : room;

			take_rows(model, block, taken, n);
			taken += n;
			left -= n;
			if (model->n_rows == MIXTURE_BLOCK_ROWS)
				sum_rows(missing, model, host);
		}
	}
}

/* --- what is missing ----------------------------------------------------------- */

/* Let a model have its regressions. */
static void
regress(MissingWork *missing, MissingModel *model, const MixtureHost *host)
{
	size_t		n_coefficients = (size_t) model->n_missing * model->n_observed;
	size_t		n_residuals = linalg_packed_count(model->n_missing);

	for (int c = 0; c < missing->n_matrices && !model->regressed; c++)
	{
		Regression	regression;

		regression_allocate(&regression, missing->d, model->n_observed, host);
		regression_fill(&regression, missing->parameters->covariances +
						c * linalg_packed_count(missing->d), model->order, host);
		memcpy(model->coefficients + c * n_coefficients, regression.coefficients,
			   n_coefficients * sizeof(double));
		memcpy(model->residuals + c * n_residuals, regression.residual,
			   n_residuals * sizeof(double));
		regression_release(&regression, host);
	}
	model->regressed = true;
}

/* Add sums of deviations to those of all features. */
static void
add_firsts(const MissingModel *model, const double *coefficients, const double *own,
		   double *firsts)
{
	const int  *missing = model->order + model->n_observed;

	for (int j = 0; j < model->n_observed; j++)
		firsts[model->order[j]] += own[j];
	for (int i = 0; i < model->n_missing; i++)
		firsts[missing[i]] += linalg_dot(coefficients + (size_t) i * model->n_observed, own,
										 model->n_observed);
}

/* Where an element of a symmetric matrix is in its packed triangle. */
static inline size_t
packed_place(int i, int j)
{
	return i > j ? linalg_row(i) + j : linalg_row(j) + i;
}

/*
 * Add sums of products to those of all features.  n: the responsibility; product:
 * scratch of d doubles.
 */
static void
add_seconds(const MissingModel *model, const double *coefficients, const double *residual,
			double n, const double *own, double *seconds, double *product)
{
	const int  *order = model->order;
	const int	n_observed = model->n_observed;

	for (int i = 0; i < n_observed; i++)
		for (int j = 0; j <= i; j++)
			seconds[linalg_row(order[i]) + order[j]] += own[linalg_row(i) + j];
	for (int i = 0; i < model->n_missing; i++)
	{
		const double *row = coefficients + (size_t) i * n_observed;
		int			number = order[n_observed + i];

		memset(product, 0, n_observed * sizeof(double));
		for (int l = 0; l < n_observed; l++)
		{
			const double *values = own + linalg_row(l);

			linalg_add_multiple(product, row[l], values, l);
			product[l] += linalg_dot(row, values, l + 1);
		}
		for (int j = 0; j < n_observed; j++)
			seconds[packed_place(number, order[j])] += product[j];
		for (int j = 0; j <= i; j++)
			seconds[linalg_row(number) + order[n_observed + j]] +=
				n * residual[linalg_row(i) + j] +
				linalg_dot(product, coefficients + (size_t) j * n_observed, n_observed);
	}
}

/* Add a model's sums to those of all features. */
static void
add_sums(MissingWork *missing, MissingModel *model, MixtureStats *stats, const MixtureHost *host)
{
	size_t		n_coefficients = (size_t) model->n_missing * model->n_observed;
	int			n_observed = model->n_observed;
	KernelWork	work = missing->models->work;
	double	   *product;

	mixture_add_sums(stats->sum_weights, model->stats.sum_weights,
					 model->stats.firsts - model->stats.sum_weights);
	if (!missing->m_step)
		return;
	work.pairs = model->pairs;
	kernels_finish(model->prepared, &work, &model->stats, host);
	regress(missing, model, host);
	product = host->allocate(host->context, missing->d * sizeof(double));
	for (int c = 0; c < missing->k; c++)
		add_firsts(model, model->coefficients + missing_matrix(missing, c) * n_coefficients,
				   model->stats.firsts + (size_t) c * n_observed,
				   stats->firsts + (size_t) c * missing->d);
	for (int c = 0; c < missing->n_matrices; c++)
	{
		double		n = model->stats.component_weights[c];

		for (int other = 1; other < missing->k && missing->n_matrices == 1; other++)
			n += model->stats.component_weights[other];
		add_seconds(model, model->coefficients + c * n_coefficients,
					model->residuals + c * linalg_packed_count(model->n_missing), n,
					model->stats.seconds + c * linalg_packed_count(n_observed),
					stats->seconds + c * linalg_packed_count(missing->d), product);
		host->check_interrupts(host->context);
	}
	host->release(host->context, product);
}

/* Add all models' sums of the run, of which no more rows come. */
void
missing_models_finish(MissingWork *missing, MixtureStats *stats, const MixtureHost *host)
{
	MissingModels *models = missing->models;

	for (int i = 0; i < models->n_active; i++)
	{
		MissingModel *model = models->active[i];

		sum_rows(missing, model, host);
		add_sums(missing, model, stats, host);
		mixture_clear_stats(&model->stats);
		model->active = false;
	}
	models->n_active = 0;
	models->active_values = 0;
}
