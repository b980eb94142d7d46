/*
 * missing.c
 *	  E- and M-step of rows in which features are missing.
 *
 * Nothing is filled in and nothing is dropped: the likelihood is that of what
 * was observed, and EM treats the rest as it treats the components, by its
 * expectation (Ghahramani and Jordan 1994).  With the covariance S of a
 * component parted into observed (o) and missing (m) features, and the
 * deviation u of what was observed from the mean:
 *
 *		E-step		responsibilities and log-likelihood under the marginal
 *					mixture of the observed features, N(u; 0, S_oo);
 *		M-step		the moments of the row completed by its conditional mean z,
 *					and, added to its second moments, the conditional
 *					covariance C of what is missing.
 *
 * The rows come with any features missing, in any order, so that what depends on
 * the pattern is found for each row, and each component.  None of it needs more
 * than equations for the missing features, with the precision matrix L = S^-1
 * (Anderson 2003, section 2.5; its columns of missing features, times u, need
 * the observed ones only):
 *
 *		L_mm z = -(L u)_m,	C = L_mm^-1,	log |S_oo| = log |S| + log |L_mm|
 *
 * and the squared distance u^T S_oo^-1 u is that of the completed row from the
 * mean, the least that any completion has.  So the E-step of complete rows finds
 * it, as a sum of squares, which an error of z changes in second order only.
 *
 * Where most features are missing there are fewer equations for those observed,
 * S_oo a = u, from which follow z = S_mo a, log |S_oo|, and for all components'
 * rows together the sum of r C = r (S - S P S), where P is S_oo^-1 in the rows
 * and columns of observed features and 0 elsewhere.
 *
 * Both lose digits where the matrix solved is nearly singular: L_mm, where
 * missing features nearly determine each other; S_oo, where observed ones do.
 * The pivots tell.  Then, or where the precision matrix has lost digits itself,
 * the row is done alone, by a regression that inverts nothing (regression.c);
 * which costs as much as the component's own factor does.  Rows of which many in a
 * block have the same pattern need none of this: missing_models.c.
 *
 * Where all components share a covariance, what differs between them is found apart:
 * missing_shared.c.  Where the family has no covariances between features, the
 * conditional mean is the mean, and C is the variance.
 */
#include "engine/kernels/missing_private.h"

#include <math.h>
#include <string.h>

/* Values that are filled in at once, for all components, at the most */
#define FILLED_VALUES (1 << 22)

/* Values of factors that are kept from the E-step to the M-step of a block */
#define KEPT_VALUES (1 << 20)

/* --- memory ------------------------------------------------------------------ */

/*
 * Components of a set, and features of a matrix' row, so that whole vectors are read, of
 * any set.
 */
static void
choose_width(MissingWork *missing)
{
	int			width = kernels_current()->missing_width;

	missing->width = missing->covariance_type == MIXTURE_FULL && missing->k > 1 ? width : 1;
	missing->n_sets = (missing->k + missing->width - 1) / missing->width;
	missing->scratch.d = missing->d;
	width = missing->width < MISSING_LEAST_WIDTH ? missing->width : MISSING_LEAST_WIDTH;
	missing->scratch.stride = whole_lanes((missing->d + 1) * width) / width;
	missing->scratch.row_stride = whole_lanes(missing->d + 1);
}

/* Sets of components, whose sides are made when there are rows. */
static void
create_sets(MissingWork *missing, const MixtureHost *host)
{
	int			width = missing->width;
	size_t		mean = (size_t) missing->scratch.stride * width;

	missing->sets = host->allocate(host->context, missing->n_sets * sizeof(MissingSet));
	missing->means = missing_allocate((missing->n_sets * mean +
									   ((size_t) (missing->n_sets + 1) * width + missing->k) *
									   MISSING_ROWS) *
									  sizeof(double), host);
	memset(missing->means, 0, missing->n_sets * mean * sizeof(double));
	missing->shifts = missing->means + missing->n_sets * mean;
	missing->exact = missing->shifts + (size_t) missing->n_sets * width * MISSING_ROWS;
	missing->shares = missing->exact + (size_t) missing->k * MISSING_ROWS;
	for (int s = 0; s < missing->n_sets; s++)
	{
		MissingSet *set = &missing->sets[s];
		int			left = missing->k - s * width;

		set->n = left < width ? left : width;
		set->width = left <= MISSING_LEAST_WIDTH && width > 1 ? MISSING_LEAST_WIDTH : width;
		set->mean = missing->means + s * mean;
		set->shifts = missing->shifts + (size_t) s * width * MISSING_ROWS;
	}
}

/* What only the families with matrices need. */
static void
create_matrices(MissingWork *missing, const MixtureHost *host)
{
	size_t		d = missing->d;
	size_t		n = missing->n_matrices;
	size_t		width;
	size_t		right;
	size_t		deviations;

	choose_width(missing);
	create_sets(missing, host);
	width = missing->width;
	right = (d + 1) * MIXTURE_LANES;
	deviations = MIXTURE_LANES * missing->scratch.stride * width;
	missing->side_memory[0] = missing->side_memory[1] = NULL;
	missing->doubtful = host->allocate(host->context, n * sizeof(bool));
	missing->half_logs = host->allocate(host->context, 2 * n * sizeof(double));
	missing->n_covariance = missing->half_logs + n;
	memset(missing->n_covariance, 0, n * sizeof(double));
	missing->filled = missing->kept = missing->shared_memory = NULL;
	missing->together = false;
	missing->filled_size = missing->kept_size = 0;
	missing->scratch.factors = NULL;
	missing->scratch.deviations = missing_allocate((deviations + MISSING_BESIDE * right) *
												   sizeof(double), host);
	missing->scratch.right = missing->scratch.deviations + deviations;
	missing->rows = missing_rows_create(missing->d, missing->scratch.row_stride, host);
	missing->models = missing_models_create(host);
	missing->order = host->allocate(host->context, d * sizeof(int));
	missing->next_order = host->allocate(host->context, d * sizeof(int));
	missing->regression_of = -1;
}

/* Scratch for models of this shape, to be given back by missing_release(). */
MissingWork *
missing_create(MixtureCovarianceType type, int k, int d, const MixtureHost *host)
{
	MissingWork *missing = host->allocate(host->context, sizeof(MissingWork));

	missing->covariance_type = type;
	missing->k = k;
	missing->d = d;
	missing->n_matrices = type == MIXTURE_FULL ? k : type == MIXTURE_TIED ? 1 : 0;
	missing->constants = NULL;
	missing->ready = false;
	if (missing->n_matrices > 0)
		create_matrices(missing, host);
	else
		missing->constants = host->allocate(host->context, mixture_covariance_count(type, k, d) *
											sizeof(double));
	return missing;
}

void
missing_release(MissingWork *missing, const MixtureHost *host)
{
	if (missing->n_matrices > 0)
	{
		if (missing->regression_of >= 0)
			regression_release(&missing->regression, host);
		host->release(host->context, missing->next_order);
		host->release(host->context, missing->order);
		missing_models_release(missing->models, host);
		missing_rows_release(missing->rows, host);
		missing_free(missing->scratch.deviations, host);
		missing_free(missing->scratch.factors, host);
		missing_free(missing->kept, host);
		missing_free(missing->shared_memory, host);
		missing_free(missing->filled, host);
		host->release(host->context, missing->half_logs);
		host->release(host->context, missing->doubtful);
		missing_release_sides(missing, host);
		missing_free(missing->means, host);
		host->release(host->context, missing->sets);
	}
	if (missing->constants != NULL)
		host->release(host->context, missing->constants);
	host->release(host->context, missing);
}

/*
 * Begin a pass with these parameters and what was prepared of them for blocks,
 * which must stay as they are until its last block.
 */
void
missing_begin(MissingWork *missing, const MixtureParameters *parameters,
			  const MixturePrepared *prepared, const MixtureHost *host)
{
	missing->parameters = parameters;
	missing->prepared = prepared;
	missing->ready = false;
	missing->covariances_ready = false;
	if (missing->n_matrices == 0)
		return;
	missing_models_begin(missing->models, host);
	if (missing->regression_of >= 0)
		regression_release(&missing->regression, host);
	missing->regression_of = -1;
}

/* Let there be room for so many filled in values of each component. */
static void
reserve_filled(MissingWork *missing, size_t n, const MixtureHost *host)
{
	/* components that are looked at together have those about the origin, too */
	size_t		n_filled = missing->together ? missing->shared.padded + 1 :
		(size_t) missing->n_sets * missing->width;

	/* rows of which every feature is missing have none, and yet a place for them */
	if (n == 0)
		n = 1;
	if (n > missing->filled_size)
	{
		missing_free(missing->filled, host);
		missing->filled = NULL;
		missing->filled = missing_allocate(n_filled * n * sizeof(double), host);
		missing->filled_size = n;
	}
	for (int s = 0; s < missing->n_sets; s++)
		missing->sets[s].filled = missing->filled + s * missing->width * missing->filled_size;
}

/* And for factors of so many unknowns, of a set; and of all, if they are to be kept. */
static void
reserve_factors(MissingWork *missing, int n, bool keep, const MixtureHost *host)
{
	size_t		triangle = linalg_packed_count(n) * MIXTURE_LANES;
	/* with those that fill up the last set */
	size_t		n_matrices = missing->covariance_type == MIXTURE_TIED ? 1 :
		(size_t) missing->n_sets * missing->width;
	size_t		n_kept = n_matrices * missing->rows->n_factors;

	missing->keeps = keep && n_kept > 0 && n_kept <= KEPT_VALUES;
	if (missing->keeps && n_kept > missing->kept_size)
	{
		missing_free(missing->kept, host);
		missing->kept = NULL;
		missing->kept = missing_allocate(n_kept * sizeof(double), host);
		missing->kept_size = n_kept;
	}
	if (missing->scratch.factors != NULL && n <= missing->factor_rows)
		return;
	missing_free(missing->scratch.factors, host);
	missing->scratch.factors = NULL;
	missing->scratch.factors = missing_allocate(MISSING_BESIDE *
												(triangle + (size_t) (n + 1) * MIXTURE_LANES) *
												sizeof(double), host);
	missing->scratch.pivots = missing->scratch.factors + MISSING_BESIDE * triangle;
	missing->factor_rows = n;
}

/* --- parameters ---------------------------------------------------------------- */

/* Constants of the families without matrices, from 1 / standard deviation. */
static void
make_constants(MissingWork *missing)
{
	size_t		count = mixture_covariance_count(missing->covariance_type, missing->k, missing->d);

	for (size_t i = 0; i < count; i++)
		missing->constants[i] = HALF_LOG_TWO_PI - log(missing->prepared->precision_cholesky[i]);
	missing->ready = true;
}

/* The means, as the sets have them. */
static void
make_means(MissingWork *missing)
{
	for (int c = 0; c < missing->k; c++)
	{
		const MissingSet *set = missing_set(missing, c);

		for (int j = 0; j < missing->d; j++)
			set->mean[j * set->width + c % missing->width] =
				missing->prepared->means[(size_t) c * missing->d + j];
	}
}

/*
 * Make ready what a block needs and none before it did in this pass.  keep: factors
 * will be needed again; together: components may be looked at together.
 */
static void
make_ready(MissingWork *missing, bool keep, bool together, const MixtureHost *host)
{
	if (!missing->ready)
	{
		make_means(missing);
		missing_make_sides(missing, host);
		if (missing->together != (together && missing_shared_begin(missing, host)))
		{
			/* which need another number of values that are filled in */
			missing->together = !missing->together;
			missing->filled_size = 0;
		}
	}
	if (missing->rows->covariance && !missing->covariances_ready)
		missing_make_covariances(missing, host);
	reserve_filled(missing, missing->rows->n_missing, host);
	reserve_factors(missing, missing->rows->largest, keep, host);
	if (missing->together)
		missing_shared_ready(missing, keep);
}

/* Where the factors of a set are kept, or NULL. */
static double *
kept_factors(const MissingWork *missing, int set)
{
	return missing->keeps ?
		missing->kept + (size_t) set * missing->width * missing->rows->n_factors : NULL;
}

/* --- blocks ---------------------------------------------------------------------- */

/* Do rows of a group alone for n components from c on, if they are doubtful. */
static void
fill_doubtful(MissingWork *missing, MissingGroup *group, int c, int n,
			  const MixtureHost *host)
{
	group->doubtful = true;
	for (int lane = 0; lane < MIXTURE_LANES; lane++)
		for (int i = c; i < c + n; i++)
			if (isnan(missing_shifts(missing, i)[(group->start + lane) *
												 missing_set(missing, i)->width]))
				missing_fill_alone(missing, group, i, lane, host);
}

/* Let a component do a group's rows alone. */
static void
doubt(MissingWork *missing, const MissingGroup *group, int c)
{
	for (int lane = 0; lane < MIXTURE_LANES; lane++)
		missing_shifts(missing, c)[(group->start + lane) * missing_set(missing, c)->width] = NAN;
}

/* Fill in what is missing in a group, for n_sets sets of one matrix each. */
static void
fill_group(MissingWork *missing, MissingGroup *group, int set, int n_sets,
		   const MixtureHost *host)
{
	const MissingSet *sets = &missing->sets[set];
	int			c = set * missing->width;
	int			n = missing->covariance_type == MIXTURE_TIED ? missing->k : sets->n;
	bool		doubtful = group->alone ||
		!kernels_current()->missing_fill(&missing->scratch, group, sets, n_sets, NULL,
										 kept_factors(missing, set), host);

	for (int i = c; i < c + n; i++)
		if (group->alone || missing->doubtful[missing_matrix(missing, i)])
		{
			doubt(missing, group, i);
			doubtful = true;
		}
	if (doubtful)
		fill_doubtful(missing, group, c, n, host);
}

/* Fill in what is missing in all groups, for all components. */
static void
fill_groups(MissingWork *missing, const MixtureHost *host)
{
	const MissingRows *rows = missing->rows;
	int			n = missing->covariance_type == MIXTURE_TIED ? missing->n_sets : 1;

	for (int set = 0; set < missing->n_sets; set += n)
		for (int i = 0; i < rows->n_groups; i++)
			fill_group(missing, &rows->groups[i], set, n, host);
}

/* Put what was filled in for a component to the rows of a group. */
static void
put_filled(const MissingWork *missing, const MissingGroup *group, int c)
{
	missing_rows_put(missing->rows, group, missing_filled(missing, group, c),
					 missing_set(missing, c)->width);
}

/* Log densities of the sorted rows for a component. */
static void
find_densities(MissingWork *missing, const MixtureBlock *block, int c,
			   const KernelWork *work, const MixtureHost *host)
{
	const Kernels *kernels = kernels_current();
	const MissingRows *rows = missing->rows;
	double		largest;

	for (int i = 0; i < rows->n_groups; i++)
		put_filled(missing, &rows->groups[i], c);
	kernels->densities(missing->prepared, c, block, work, host);
	largest = kernels->missing_shift(missing_shifts(missing, c), missing_set(missing, c)->width,
									 missing->exact + (size_t) c * MISSING_ROWS,
									 rows->n_rows, kernels_roots(work, c));
	missing->largest_shift = fmax(missing->largest_shift, largest);
	host->check_interrupts(host->context);
}

/*
 * Add conditional covariances of the rows of a group that are done alone, and take
 * their shares away; returns the sum of the others.
 */
static double
add_doubtful(MissingWork *missing, const MissingGroup *group, int c, double *shares,
			 MixtureStats *stats, const MixtureHost *host)
{
	const double *shifts = missing_shifts(missing, c);
	int			step = missing_set(missing, c)->width;
	double		sum = 0;

	for (int row = group->start; row < group->start + MIXTURE_LANES; row++)
		if (isnan(shifts[row * step]))
		{
			if (shares[row * step] > 0)
				missing_add_alone(missing, c, row, shares[row * step], stats, host);
			shares[row * step] = 0;
		}
		else
			sum += shares[row * step];
	return sum;
}

/*
 * Add a component's conditional covariances to the statistics, of rows that are done
 * alone; what is left in its shares is for the kernels.
 */
static void
add_known(MissingWork *missing, int c, double *shares, const double *sums, MixtureStats *stats,
		  const MixtureHost *host)
{
	const MissingRows *rows = missing->rows;

	for (int i = 0; i < rows->n_groups; i++)
	{
		const MissingGroup *group = &rows->groups[i];
		double		sum = group->alone || group->doubtful ?
			add_doubtful(missing, group, c, shares, stats, host) : sums[i];

		if (group->covariance)
			missing->n_covariance[missing_matrix(missing, c)] += sum;
	}
}

/* Add the conditional covariances of a set, by its shares. */
void
missing_add_set(MissingWork *missing, int set, const KernelWork *work, MixtureStats *stats,
				const MixtureHost *host)
{
	const MissingRows *rows = missing->rows;
	double	   *shares = missing->shares;

	for (int c = 0; c < missing->sets[set].n; c++)
		add_known(missing, set * missing->width + c, shares + c, missing->sums[c], stats, host);
	/* of what only fills up the set */
	for (int c = missing->sets[set].n; c < missing->sets[set].width; c++)
		for (int row = 0; row < rows->n_rows; row++)
			shares[row * missing->sets[set].width + c] = 0;
	for (int i = 0; i < rows->n_groups; i++)
	{
		if (!rows->groups[i].alone)
		{
			bool		spread = missing->together && missing_spreads_residuals(&rows->groups[i]);

			kernels_current()->missing_residuals(&missing->scratch, &rows->groups[i],
												 spread ? &missing->origin : &missing->sets[set],
												 spread ? &missing->shared : NULL, work, shares,
												 kept_factors(missing, set), host);
		}
		host->check_interrupts(host->context);
	}
}

/*
 * The M-step's part of component c; its shares are left for residuals.  Rows that
 * have no part that counts, as packing has it, get none at all, so that their groups
 * need not be looked at.
 */
static void
add_component(MissingWork *missing, const MixtureBlock *block, int c, double *shares,
			  const KernelWork *work, MixtureStats *stats, const MixtureHost *host)
{
	const Kernels *kernels = kernels_current();
	const MissingRows *rows = missing->rows;
	double	   *sums = missing->sums[c % missing->width];

	kernels->missing_shares(kernels_roots(work, c),
							work->pack_rows > 0 ? kernels_least_root(work, c) : 0,
							rows->n_rows, shares, missing_set(missing, c)->width, sums);
	if (work->weights[c] == 0)
		return;
	for (int i = 0; i < rows->n_groups; i++)
		if (sums[i] > 0)
			put_filled(missing, &rows->groups[i], c);
	kernels->add_component(missing->prepared, c, block, work, stats, host);
	host->check_interrupts(host->context);
}

/* The M-step's part of all components. */
static void
add_block(MissingWork *missing, const MixtureBlock *block, const KernelWork *work,
		  MixtureStats *stats, const MixtureHost *host)
{
	int			n_rows = missing->rows->n_rows;
	int			width = missing->width;
	double	   *shares = missing->shares;

	if (missing->covariance_type == MIXTURE_TIED)
	{
		/* one matrix, to which all components' parts go */
		double	   *own = missing->exact;
		double		sums[MISSING_ROWS / MIXTURE_LANES] = {0};

		memset(shares, 0, n_rows * sizeof(double));
		for (int c = 0; c < missing->k; c++)
		{
			add_component(missing, block, c, own, work, stats, host);
			for (int row = 0; row < n_rows; row++)
				shares[row] += own[row];
			for (int i = 0; i < MISSING_ROWS / MIXTURE_LANES; i++)
				sums[i] += missing->sums[0][i];
		}
		memcpy(missing->sums[0], sums, sizeof(sums));
		missing_add_set(missing, 0, work, stats, host);
		return;
	}
	for (int c = 0; c < missing->k; c++)
	{
		add_component(missing, block, c, shares + c % width, work, stats, host);
		if (c % width == width - 1 || c == missing->k - 1)
			missing_add_set(missing, c / width, work, stats, host);
	}
}

/*
 * Log densities of noise, as those of component k: for a row of which features are
 * missing the box has its other sides only.
 */
static void
find_noise(const MissingWork *missing, const MixtureBlock *block, const KernelWork *work)
{
	const double *box = missing->parameters->noise_box;
	double	   *log_densities = kernels_roots(work, missing->k);

	if (!missing->prepared->noise)
		return;
	/* of lanes without a row, too, which are read */
	for (int row = 0; row < whole_lanes(block->n_rows); row++)
		log_densities[row] = missing->prepared->log_noise;
	for (int j = 0; j < missing->d; j++)
	{
		const double *feature = block->features + (size_t) j * block->stride;
		double		extent = log(box[missing->d + j] - box[j]);

		for (int row = 0; row < block->n_rows; row++)
			log_densities[row] += isnan(feature[row]) ? extent : 0;
	}
}

/* A part of a block that is small enough for the values to be filled in. */
static void
accumulate_part(MissingWork *missing, const MixtureBlock *part, bool m_step,
				const KernelWork *work, MixtureStats *stats, const MixtureHost *host)
{
	const MissingRows *rows = missing->rows;
	MixtureBlock block;

	missing_rows_find(missing->rows, part);
	missing_models_find(missing, host);
	missing_rows_sort(missing->rows, part);
	missing_models_take(missing, part, host);
	if (rows->n_rows == 0)
		return;
	make_ready(missing, m_step, work->pairs != NULL, host);
	block = (MixtureBlock) {
		.n_rows = rows->n_rows,
		.stride = MISSING_ROWS,
		.features = rows->features,
		.weights = rows->weights,
		.labels = part->labels != NULL ? rows->labels : NULL
	};
	find_noise(missing, &block, work);
	if (missing->together)
	{
		missing_shared_accumulate(missing, &block, m_step, work, stats, host);
		return;
	}
	fill_groups(missing, host);
	missing->largest_shift = 0;
	for (int c = 0; c < missing->k; c++)
		find_densities(missing, &block, c, work, host);
	kernels_current()->responsibilities(missing->prepared, &block, m_step, work, stats, host);
	if (!m_step)
		return;
	/* what a log density lacks of the component's constant and the row's shift */
	if (work->pack_rows > 0)
		*work->reach = sqrt(*work->reach * *work->reach + 2 * missing->largest_shift);
	add_block(missing, &block, work, stats, host);
}

/* Blocks of the families without matrices. */
static void
accumulate_diag(MissingWork *missing, const MixtureBlock *block, bool m_step,
				const KernelWork *work, MixtureStats *stats, const MixtureHost *host)
{
	const Kernels *kernels = kernels_current();
	size_t		count = missing->prepared->factor_count;

	if (!missing->ready)
		make_constants(missing);
	for (int c = 0; c < missing->k; c++)
	{
		kernels->missing_densities(missing->prepared, c, block, missing->constants + c * count,
								   work);
		host->check_interrupts(host->context);
	}
	find_noise(missing, block, work);
	kernels->responsibilities(missing->prepared, block, m_step, work, stats, host);
	for (int c = 0; c < missing->k && m_step; c++)
	{
		kernels->missing_moments(missing->prepared, c, block, work, stats);
		host->check_interrupts(host->context);
	}
}

/*
 * kernels_accumulate() for a block with missing features.  After the last block
 * missing_finish() is needed, too.
 */
void
missing_accumulate(MissingWork *missing, const MixtureBlock *block, bool m_step,
				   const KernelWork *work, MixtureStats *stats, const MixtureHost *host)
{
	int			most = FILLED_VALUES / whole_lanes(missing->k) / missing->d / MIXTURE_LANES *
		MIXTURE_LANES;

	if (missing->n_matrices == 0)
	{
		accumulate_diag(missing, block, m_step, work, stats, host);
		return;
	}
	missing->m_step = m_step;
	if (most < MIXTURE_LANES)
		most = MIXTURE_LANES;
	for (int first = 0; first < block->n_rows; first += most)
	{
		MixtureBlock part = *block;

		part.n_rows = block->n_rows - first < most ? block->n_rows - first : most;
		part.features += first;
		part.weights += first;
		if (block->labels != NULL)
			part.labels += first;
		accumulate_part(missing, &part, m_step, work, stats, host);
	}
}

/* Add what has been summed apart from the statistics of the blocks until now. */
void
missing_finish(MissingWork *missing, MixtureStats *stats, const MixtureHost *host)
{
	if (missing->n_matrices == 0)
		return;
	missing_models_finish(missing, stats, host);
	if (!missing->ready)
		return;
	missing_add_residuals(missing, stats, host);
	if (missing->together)
		missing_shared_finish(missing, stats, host);
}
