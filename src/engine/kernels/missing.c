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
 * The rows come with any features missing, in any order, so that what hangs on
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
 * which costs as much as the component's own factor does.
 *
 * Where the family has no covariances between features, the conditional mean
 * is the mean, and C is the variance.
 */
#include "engine/kernels/missing_private.h"

#include <math.h>
#include <string.h>

/* Values that are filled in at once, for all components, at the most */
#define FILLED_VALUES (1 << 22)

static const double half_log_two_pi = 0.9189385332046727417803297364056;

/* --- memory ------------------------------------------------------------------ */

/* What only the families with matrices need. */
static void
create_matrices(MissingWork *missing, const MixtureHost *host)
{
	size_t		d = missing->d;
	size_t		n = missing->n_matrices;
	size_t		k = missing->k;
	size_t		stride = whole_lanes(missing->d + 1);
	size_t		residual = linalg_packed_count(missing->d + 1);

	missing->scratch.d = missing->d;
	missing->scratch.stride = (int) stride;
	missing->scratch.factor = NULL;
	missing->sides = host->allocate(host->context, n * sizeof(*missing->sides));
	missing->side_memory[0] = missing->side_memory[1] = NULL;
	missing->doubtful = host->allocate(host->context, n * sizeof(bool));
	missing->components = host->allocate(host->context, k * sizeof(MissingComponent));
	missing->means = host->allocate(host->context, (k * stride + (2 * k + 1) * MISSING_ROWS +
													n * (2 * residual + 1)) * sizeof(double));
	missing->shifts = missing->means + k * stride;
	missing->exact = missing->shifts + k * MISSING_ROWS;
	missing->shares = missing->exact + k * MISSING_ROWS;
	missing->n_covariance = missing->shares + MISSING_ROWS;
	missing->residuals = missing->n_covariance + n;
	memset(missing->n_covariance, 0, n * (2 * residual + 1) * sizeof(double));
	missing->filled = NULL;
	missing->filled_size = 0;
	missing->rows = missing_rows_create(missing->d, missing->scratch.stride, host);
	missing->scratch.deviations = host->allocate(host->context, (MIXTURE_LANES * stride +
																 (d + 1) * MIXTURE_LANES *
																 (MIXTURE_LANES + 1)) *
												 sizeof(double));
	missing->scratch.dots = missing->scratch.deviations + MIXTURE_LANES * stride;
	missing->scratch.right = missing->scratch.dots + (d + 1) * MIXTURE_LANES * MIXTURE_LANES;
	missing->order = host->allocate(host->context, d * sizeof(int));
	missing->next_order = host->allocate(host->context, d * sizeof(int));
	missing->regression_of = -1;
	for (size_t c = 0; c < k; c++)
	{
		size_t		number = missing->covariance_type == MIXTURE_TIED ? 0 : c;

		missing->components[c] = (MissingComponent) {
			.sides = missing->sides[number],
			.mean = missing->means + c * stride,
			.shifts = missing->shifts + c * MISSING_ROWS,
			.residuals = {missing->residuals + 2 * number * residual,
			missing->residuals + (2 * number + 1) * residual}
		};
	}
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
		for (int side = 0; side < 2; side++)
			if (missing->side_memory[side] != NULL)
				host->release(host->context, missing->side_memory[side]);
		if (missing->scratch.factor != NULL)
			host->release(host->context, missing->scratch.factor);
		if (missing->filled != NULL)
			host->release(host->context, missing->filled);
		host->release(host->context, missing->next_order);
		host->release(host->context, missing->order);
		host->release(host->context, missing->scratch.deviations);
		missing_rows_release(missing->rows, host);
		host->release(host->context, missing->means);
		host->release(host->context, missing->components);
		host->release(host->context, missing->doubtful);
		host->release(host->context, missing->sides);
	}
	else
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
	if (missing->n_matrices > 0 && missing->regression_of >= 0)
	{
		regression_release(&missing->regression, host);
		missing->regression_of = -1;
	}
}

/* Let there be room for so many filled in values of each component. */
static void
reserve_filled(MissingWork *missing, size_t n, const MixtureHost *host)
{
	if (n > missing->filled_size)
	{
		if (missing->filled != NULL)
			host->release(host->context, missing->filled);
		missing->filled = NULL;
		missing->filled = host->allocate(host->context, missing->k * n * sizeof(double));
		missing->filled_size = n;
	}
	for (int c = 0; c < missing->k; c++)
		missing->components[c].filled = missing->filled + c * missing->filled_size;
}

/* And for factors of so many unknowns. */
static void
reserve_factor(MissingWork *missing, int n, const MixtureHost *host)
{
	if (missing->scratch.factor != NULL && n <= missing->factor_rows)
		return;
	if (missing->scratch.factor != NULL)
		host->release(host->context, missing->scratch.factor);
	missing->scratch.factor = NULL;
	missing->scratch.factor = host->allocate(host->context, (linalg_packed_count(n) + 1) *
											 MIXTURE_LANES * sizeof(double));
	missing->factor_rows = n;
}

/* --- parameters ---------------------------------------------------------------- */

/* Constants of the families without matrices, from 1 / standard deviation. */
static void
make_constants(MissingWork *missing)
{
	size_t		count = mixture_covariance_count(missing->covariance_type, missing->k, missing->d);

	for (size_t i = 0; i < count; i++)
		missing->constants[i] = half_log_two_pi - log(missing->prepared->precision_cholesky[i]);
	missing->ready = true;
}

/* Make ready what a block needs and none before it did in this pass. */
static void
make_ready(MissingWork *missing, const MixtureHost *host)
{
	size_t		stride = missing->scratch.stride;
	size_t		d = missing->d;

	if (!missing->ready)
	{
		for (int c = 0; c < missing->k; c++)
		{
			double	   *mean = missing->means + c * stride;

			memcpy(mean, missing->prepared->means + c * d, d * sizeof(double));
			for (size_t j = d; j < stride; j++)
				mean[j] = 0;
		}
		missing_make_sides(missing, host);
	}
	if (missing->rows->sides[1] && !missing->covariances_ready)
		missing_make_covariances(missing, host);
	reserve_filled(missing, missing->rows->n_missing, host);
	reserve_factor(missing, missing->rows->largest, host);
}

/* --- rows that are done alone --------------------------------------------------- */

/* The number of a component's matrix. */
static inline int
matrix_of(const MissingWork *missing, int c)
{
	return missing->covariance_type == MIXTURE_TIED ? 0 : c;
}

/* The regression of what is missing in a sorted row, for a component. */
static const Regression *
regress(MissingWork *missing, int c, int row, const MixtureHost *host)
{
	int			d = missing->d;
	int			number = matrix_of(missing, c);
	int			n_observed = missing_rows_order(missing->rows, row, missing->next_order);
	int		   *order = missing->order;

	if (missing->regression_of == number && missing->regression.n_observed == n_observed &&
		memcmp(order, missing->next_order, d * sizeof(int)) == 0)
		return &missing->regression;
	if (missing->regression_of >= 0)
		regression_release(&missing->regression, host);
	missing->regression_of = -1;
	regression_allocate(&missing->regression, d, n_observed, host);
	regression_fill(&missing->regression,
					missing->parameters->covariances + number * linalg_packed_count(d),
					missing->next_order, host);
	missing->regression_of = number;
	missing->order = missing->next_order;
	missing->next_order = order;
	return &missing->regression;
}

/* Log density of a component for a row of a group, and what is filled in. */
static void
fill_alone(MissingWork *missing, const MissingGroup *group, int c, int lane,
		   const MixtureHost *host)
{
	const MissingComponent *component = &missing->components[c];
	int			row = group->start + lane;
	const Regression *regression = regress(missing, c, row, host);
	int			n_observed = regression->n_observed;
	const int  *order = missing->order;
	double	   *u = missing->scratch.deviations;
	double	   *filled = component->filled + group->place + lane;
	double		log_density = log(missing->parameters->weights[c]) +
		log1p(-missing->parameters->noise_weight);

	for (int j = 0; j < n_observed; j++)
		u[j] = missing->rows->features[(size_t) order[j] * MISSING_ROWS + row] -
			component->mean[order[j]];
	for (int i = 0; i < regression->n_missing; i++)
		filled[(size_t) i * group->n_rows] = component->mean[order[n_observed + i]] +
			linalg_dot(regression->coefficients + (size_t) i * n_observed, u, n_observed);
	for (int i = regression->n_missing; i < group->n_missing; i++)
		filled[(size_t) i * group->n_rows] = 0;
	linalg_solve_lower(regression->factor, u, n_observed);
	for (int j = 0; j < n_observed; j++)
		log_density -= half_log_two_pi + log(regression->factor[linalg_row(j) + j]) +
			0.5 * u[j] * u[j];
	missing->exact[(size_t) c * MISSING_ROWS + row] = log_density;
}

/* Add a row's conditional covariance, times its share, to the second moments. */
static void
add_alone(MissingWork *missing, int c, int row, double share, MixtureStats *stats,
		  const MixtureHost *host)
{
	const Regression *regression = regress(missing, c, row, host);
	const int  *dims = missing->order + regression->n_observed;
	double	   *seconds = stats->seconds +
		matrix_of(missing, c) * linalg_packed_count(missing->d);

	for (int i = 0; i < regression->n_missing; i++)
		for (int j = 0; j <= i; j++)
			seconds[linalg_row(dims[i]) + dims[j]] += share *
				regression->residual[linalg_row(i) + j];
}

/* --- blocks ---------------------------------------------------------------------- */

/* Fill in what is missing in a group for n components, of one matrix, from c on. */
static void
fill_group(MissingWork *missing, const MissingGroup *group, int c, int n,
		   const MixtureHost *host)
{
	if (group->alone || missing->doubtful[matrix_of(missing, c)])
	{
		for (int i = c; i < c + n; i++)
			for (int lane = 0; lane < group->n_rows; lane++)
				missing->components[i].shifts[group->start + lane] = NAN;
	}
	else
		kernels_current()->missing_fill(&missing->scratch, group, missing->rows->features,
										missing->components + c, n, host);
	for (int lane = 0; lane < group->n_rows; lane++)
		for (int i = c; i < c + n; i++)
			if (isnan(missing->components[i].shifts[group->start + lane]))
				fill_alone(missing, group, i, lane, host);
}

/* Log densities of the sorted rows for a component, whose rows are completed. */
static void
find_densities(MissingWork *missing, const MixtureBlock *block, int c,
			   const KernelWork *work, const MixtureHost *host)
{
	const MissingRows *rows = missing->rows;
	const double *shifts = missing->components[c].shifts;
	const double *exact = missing->exact + (size_t) c * MISSING_ROWS;
	double	   *log_densities = kernels_roots(work, c);

	for (int i = 0; i < rows->n_groups; i++)
		missing_rows_put(rows, &rows->groups[i], missing->components[c].filled);
	kernels_current()->densities(missing->prepared, c, block, work, host);
	for (int row = rows->n_complete; row < rows->n_rows; row++)
	{
		log_densities[row] = isnan(shifts[row]) ? exact[row] : log_densities[row] + shifts[row];
		if (shifts[row] > missing->largest_shift)
			missing->largest_shift = shifts[row];
	}
	host->check_interrupts(host->context);
}

/*
 * Rows that have no part in component c that counts, as packing has it, get none
 * at all, so that their groups need not be looked at.
 */
static void
clear_roots(const MissingWork *missing, int c, const KernelWork *work)
{
	double	   *roots = kernels_roots(work, c);
	double		least = kernels_least_root(work, c);

	for (int row = missing->rows->n_complete; row < missing->rows->n_rows; row++)
		roots[row] = roots[row] < least ? 0 : roots[row];
}

/* Whether a row of a group has a value other than 0. */
static bool
has_part(const MissingGroup *group, const double *values)
{
	for (int lane = 0; lane < group->n_rows; lane++)
		if (values[group->start + lane] != 0)
			return true;
	return false;
}

/*
 * Add the conditional covariances of the sorted rows, by their `shares` in
 * component c: to the residuals, or, of rows done alone, to the statistics.
 */
static void
add_shares(MissingWork *missing, int c, MixtureStats *stats, const MixtureHost *host)
{
	const MissingRows *rows = missing->rows;
	const MissingComponent *component = &missing->components[c];

	for (int row = rows->n_complete; row < rows->n_rows; row++)
		if (isnan(component->shifts[row]))
		{
			if (missing->shares[row] > 0)
				add_alone(missing, c, row, missing->shares[row], stats, host);
			missing->shares[row] = 0;
		}
	for (int i = 0; i < rows->n_groups; i++)
	{
		const MissingGroup *group = &rows->groups[i];

		if (!has_part(group, missing->shares))
			continue;
		for (int lane = 0; lane < group->n_rows && group->covariance; lane++)
			missing->n_covariance[matrix_of(missing, c)] += missing->shares[group->start + lane];
		kernels_current()->missing_residuals(&missing->scratch, group, component,
											 missing->shares, host);
		host->check_interrupts(host->context);
	}
}

/* The M-step's part of component c. */
static void
add_component(MissingWork *missing, const MixtureBlock *block, int c,
			  const KernelWork *work, MixtureStats *stats, const MixtureHost *host)
{
	const MissingRows *rows = missing->rows;
	const double *roots = kernels_roots(work, c);

	if (work->weights[c] == 0)
		return;
	if (work->pack_rows > 0)
		clear_roots(missing, c, work);
	for (int i = 0; i < rows->n_groups; i++)
		if (has_part(&rows->groups[i], roots))
			missing_rows_put(rows, &rows->groups[i], missing->components[c].filled);
	kernels_current()->add_component(missing->prepared, c, block, work, stats, host);
	if (missing->covariance_type == MIXTURE_FULL)
	{
		for (int row = rows->n_complete; row < rows->n_rows; row++)
			missing->shares[row] = roots[row] * roots[row];
		add_shares(missing, c, stats, host);
	}
	host->check_interrupts(host->context);
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
	for (int row = 0; row < block->n_rows; row++)
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
	const Kernels *kernels = kernels_current();
	MissingRows *rows = missing->rows;
	int			k = missing->k;
	bool		tied = missing->covariance_type == MIXTURE_TIED;
	int			n = tied ? k : 1;
	MixtureBlock block;

	missing_rows_sort(rows, part);
	make_ready(missing, host);
	block = (MixtureBlock) {
		.n_rows = rows->n_rows,
		.stride = MISSING_ROWS,
		.features = rows->features,
		.weights = rows->weights
	};
	find_noise(missing, &block, work);
	for (int c = 0; c < k; c += n)
		for (int i = 0; i < rows->n_groups; i++)
			fill_group(missing, &rows->groups[i], c, n, host);
	missing->largest_shift = 0;
	for (int c = 0; c < k; c++)
		find_densities(missing, &block, c, work, host);
	kernels->responsibilities(missing->prepared, &block, m_step, work, stats, host);
	if (!m_step)
		return;
	/* what a log density lacks of the component's constant and the row's shift */
	if (work->pack_rows > 0)
		*work->reach = sqrt(*work->reach * *work->reach + 2 * missing->largest_shift);
	for (int c = 0; c < k; c++)
		add_component(missing, &block, c, work, stats, host);
	if (!tied)
		return;
	/* one matrix, to which all components' parts go */
	memset(missing->shares, 0, rows->n_rows * sizeof(double));
	for (int c = 0; c < k; c++)
		for (int row = rows->n_complete; row < rows->n_rows; row++)
			missing->shares[row] += kernels_roots(work, c)[row] * kernels_roots(work, c)[row];
	add_shares(missing, 0, stats, host);
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
	int			most = FILLED_VALUES / missing->k / missing->d / MIXTURE_LANES * MIXTURE_LANES;

	if (missing->n_matrices == 0)
	{
		accumulate_diag(missing, block, m_step, work, stats, host);
		return;
	}
	if (most < MIXTURE_LANES)
		most = MIXTURE_LANES;
	for (int first = 0; first < block->n_rows; first += most)
	{
		MixtureBlock part = *block;

		part.n_rows = block->n_rows - first < most ? block->n_rows - first : most;
		part.features += first;
		part.weights += first;
		accumulate_part(missing, &part, m_step, work, stats, host);
	}
}

/* Put sorted rows back: values to the lanes of a block's features they came from. */
static void
unsort(const MissingRows *rows, int d, int stride, double *features)
{
	for (int j = 0; j < d; j++)
		for (int row = 0; row < rows->n_rows; row++)
			features[(size_t) j * stride + rows->sources[row]] =
				rows->features[(size_t) j * MISSING_ROWS + row];
}

/* Complete rows by the mean. */
static void
fill_means(const MixturePrepared *prepared, const MixtureBlock *block, double *features)
{
	for (int j = 0; j < prepared->d; j++)
		for (int row = 0; row < block->n_rows; row++)
		{
			size_t		place = (size_t) j * block->stride + row;

			features[place] = isnan(block->features[place]) ? prepared->means[j] :
				block->features[place];
		}
}

/*
 * Complete the rows of a block by what is missing given the rest under the one
 * component that there is.  features: d x block->stride, of which the block's
 * lanes are written.
 */
void
missing_complete(MissingWork *missing, const MixtureBlock *block, double *features,
				 const MixtureHost *host)
{
	const MissingRows *rows = missing->rows;

	if (missing->n_matrices == 0)
	{
		fill_means(missing->prepared, block, features);
		return;
	}
	missing_rows_sort(missing->rows, block);
	make_ready(missing, host);
	for (int i = 0; i < rows->n_groups; i++)
	{
		fill_group(missing, &rows->groups[i], 0, 1, host);
		missing_rows_put(rows, &rows->groups[i], missing->components[0].filled);
	}
	unsort(rows, missing->d, block->stride, features);
}

/* Add what has been summed apart from the statistics of the blocks until now. */
void
missing_finish(MissingWork *missing, MixtureStats *stats, const MixtureHost *host)
{
	if (missing->n_matrices > 0 && missing->ready)
		missing_add_residuals(missing, stats, host);
}
