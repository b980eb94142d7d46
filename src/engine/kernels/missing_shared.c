/*
 * missing_shared.c
 *	  Missing features where all components share a covariance.
 *
 * A pattern's factor is then that of all components, and so is nearly all of the
 * rest.  With an origin o among the means, e_c = m_c - o, the precision matrix
 * L = W^T W, and x the row as it is completed about the origin, the row completed
 * about m_c is
 *
 *		x + h_c,	L_mm h_c = (L e_c)_m,
 *
 * and its squared distance from m_c
 *
 *		|W (x - m_c)|^2 - (L e_c)_m^T L_mm^-1 (L e_c)_m.
 *
 * So the E-step is that of complete rows, of x, but for a term that the pattern alone
 * decides.  In the M-step, let r_c be the row's responsibilities, s their sum, and
 * h the mean of the h_c by them.  Then the sum over c of
 * r_c (x + h_c - m_c)(x + h_c - m_c)^T is that of the complete row x + h, and, with
 * t_c = h_c - h,
 *
 *		sum of r_c t_c t_c^T  -  sum of r_c (t_c e_c^T + e_c t_c^T),
 *
 * of which the last is left until all rows' r_c t_c are summed, and the first is
 * within the missing features.
 *
 * On the side of the observed features, S_oo a_c = (e_c)_o, h_c = (e_c)_m - S_mo a_c,
 * and what is taken from the distance is |W e_c|^2 - (e_c)_o^T a_c.
 *
 * The squared distance is a difference, but of what is at most MOST_LENGTH from it,
 * or this is not done.
 */
#include "engine/kernels/missing_private.h"

#include <math.h>
#include <string.h>

/* The share of a component's weight in a block that changes no sum */
#define LEAST_SHARE 0x1p-64

/* The most that a mean's squared distance from the origin may be */
#define MOST_LENGTH 0x1p12

/* Memory, when there is none yet. */
static void
create_shared(MissingWork *missing, const MixtureHost *host)
{
	MissingShared *shared = &missing->shared;
	size_t		k = missing->k;
	size_t		d = missing->d;
	size_t		padded = whole_lanes(missing->k);
	size_t		stride = missing->scratch.stride;
	size_t		vector = MIXTURE_LANES;
	size_t		zeros = 3 * (d + 1) * padded + stride;
	size_t		size = zeros + 2 * padded + k * d + (d + 1 + 2 * vector) * padded +
		(k + 1) * d * vector;

	if (missing->shared_memory != NULL)
		return;
	missing->shared_memory = missing_allocate(size * sizeof(double) +
											  2 * (padded + 1) * sizeof(int), host);
	memset(missing->shared_memory, 0, zeros * sizeof(double));
	shared->k = missing->k;
	shared->padded = padded;
	shared->sources[0] = missing->shared_memory;
	shared->sources[1] = shared->sources[0] + (d + 1) * padded;
	shared->sums = shared->sources[1] + (d + 1) * padded;
	missing->origin.mean = shared->sums + (d + 1) * padded;
	shared->lengths = missing->origin.mean + stride;
	shared->least = shared->lengths + padded;
	shared->right = shared->least + padded;
	shared->roots = shared->right + (d + 1) * padded;
	shared->shares = shared->roots + vector * padded;
	shared->terms = shared->shares + vector * padded;
	shared->apart = shared->terms + (k + 1) * d * vector;
	shared->n_active = (int *) (shared->apart + k * d);
	shared->n_used = shared->n_active + 1;
	shared->used = shared->n_used + 1;
	shared->places = (uint32_t *) (shared->used + padded);
	for (size_t c = 0; c < padded; c++)
		shared->least[c] = INFINITY;
	shared->shifts = missing->shifts;
	missing->origin.n = missing->origin.width = 1;
}

/* What a component is apart from the origin, and what of it makes right sides. */
static void
fill_component(MissingWork *missing, int c)
{
	const MixturePrepared *prepared = missing->prepared;
	MissingShared *shared = &missing->shared;
	int			d = missing->d;
	const double *whitened = prepared->whitened + (size_t) c * d;
	double	   *source = missing->scratch.deviations;

	memset(source, 0, d * sizeof(double));
	for (int l = 0; l < d; l++)
		linalg_add_multiple(source, whitened[l], prepared->precision_cholesky + linalg_row(l),
							l + 1);
	for (int j = 0; j < d; j++)
	{
		shared->sources[0][j * shared->padded + c] = source[j] * missing->sets[0].sides[0].out[j];
		shared->apart[(size_t) c * d + j] = prepared->means[(size_t) c * d + j] -
			prepared->origin[j];
	}
}

/*
 * Make ready for a pass, once the precision matrix is.  Returns false where components
 * are to be looked at one by one.
 */
bool
missing_shared_begin(MissingWork *missing, const MixtureHost *host)
{
	const MixturePrepared *prepared = missing->prepared;
	MissingShared *shared = &missing->shared;
	int			d = missing->d;

	if (prepared->whitened == NULL || missing->doubtful[0])
		return false;
	create_shared(missing, host);
	for (int c = 0; c < missing->k; c++)
	{
		const double *whitened = prepared->whitened + (size_t) c * d;

		shared->lengths[c] = linalg_dot(whitened, whitened, d);
		if (!(shared->lengths[c] <= MOST_LENGTH))
			return false;
		fill_component(missing, c);
		host->check_interrupts(host->context);
	}
	memcpy(missing->origin.mean, prepared->origin, d * sizeof(double));
	return true;
}

/* Make ready for a block: for rows on the side of covariances, if there are some. */
void
missing_shared_ready(MissingWork *missing, bool m_step)
{
	MissingShared *shared = &missing->shared;
	const double *into = missing->sets[0].sides[1].into;

	shared->m_step = m_step;
	shared->steps = missing->filled;
	missing->origin.filled = missing->filled + shared->padded * missing->filled_size;
	missing->origin.shifts = missing->exact;
	memcpy(missing->origin.sides, missing->sets[0].sides, sizeof(missing->origin.sides));
	for (int c = 0; c < missing->k && missing->covariances_ready; c++)
		for (int j = 0; j < missing->d; j++)
			shared->sources[1][j * shared->padded + c] =
				shared->apart[(size_t) c * missing->d + j] * into[j];
}

/* --- filling in ---------------------------------------------------------------- */

/* The steps of a row that is done alone, and its shifts; shift: of the pattern. */
static void
step_alone(MissingWork *missing, const Regression *regression, int row, double shift,
		   double *steps)
{
	const MissingShared *shared = &missing->shared;
	const int  *order = missing->order;
	int			n_observed = regression->n_observed;
	const double *into = missing->origin.sides[0].into;
	double	   *u = missing->scratch.deviations;

	for (int c = 0; c < missing->k; c++)
	{
		const double *apart = shared->apart + (size_t) c * missing->d;

		for (int j = 0; j < n_observed; j++)
			u[j] = apart[order[j]];
		for (int i = 0; i < regression->n_missing; i++)
		{
			int			number = order[n_observed + i];

			steps[i * shared->padded + c] = into[number] * (apart[number] -
				linalg_dot(regression->coefficients + (size_t) i * n_observed, u, n_observed));
		}
		linalg_solve_lower(regression->factor, u, n_observed);
		shared->shifts[(size_t) c * MISSING_ROWS + row] = shift + 0.5 *
			fmax(shared->lengths[c] - linalg_dot(u, u, n_observed), 0);
	}
}

/* Do a row of a group alone. */
static void
fill_alone(MissingWork *missing, MissingGroup *group, int lane, const MixtureHost *host)
{
	const MissingShared *shared = &missing->shared;
	int			row = group->start + lane;
	const Regression *regression = missing_regress(missing, 0, row, host);
	const int  *order = missing->order;
	int			n_observed = regression->n_observed;
	int			n_missing = regression->n_missing;
	const double *mean = missing->origin.mean;
	double	   *filled = missing->origin.filled + group->place + lane;
	double	   *u = missing->scratch.deviations;
	double		shift = missing->half_logs[0] + n_missing * HALF_LOG_TWO_PI;
	double	   *steps = shared->steps +
		(group->place + (size_t) lane * group->n_missing) * shared->padded;

	missing->alone[row] = group->doubtful = true;
	for (int j = 0; j < n_observed; j++)
	{
		shift -= log(regression->factor[linalg_row(j) + j]);
		u[j] = missing->rows->features[(size_t) order[j] * MISSING_ROWS + row] - mean[order[j]];
	}
	for (int i = 0; i < group->n_missing; i++)
		filled[(size_t) i * MIXTURE_LANES] = i >= n_missing ? 0 : mean[order[n_observed + i]] +
			linalg_dot(regression->coefficients + (size_t) i * n_observed, u, n_observed);
	/* of what only fills up vectors, too */
	memset(steps, 0, group->n_missing * shared->padded * sizeof(double));
	step_alone(missing, regression, row, shift, steps);
	host->check_interrupts(host->context);
}

/* Fill in what is missing in all groups, about the origin. */
static void
fill_groups(MissingWork *missing, const MixtureHost *host)
{
	const MissingRows *rows = missing->rows;

	memset(missing->alone, 0, sizeof(missing->alone));
	for (int i = 0; i < rows->n_groups; i++)
	{
		MissingGroup *group = &rows->groups[i];

		if (!group->alone)
			kernels_current()->missing_fill(&missing->scratch, group, &missing->origin, 1,
											&missing->shared,
											missing->keeps ? missing->kept : NULL, host);
		for (int lane = 0; lane < MIXTURE_LANES; lane++)
			if (group->alone || isnan(missing->exact[group->start + lane]))
				fill_alone(missing, group, lane, host);
		missing_rows_put(rows, group, missing->origin.filled + group->place, 1);
	}
}

/* --- blocks --------------------------------------------------------------------- */

/* The shares of all components in rows, as what looks for residuals has them. */
static void
sum_shares(MissingWork *missing, const KernelWork *work)
{
	const MissingRows *rows = missing->rows;
	double	   *shares = missing->shares;

	kernels_current()->missing_sum_shares(kernels_roots(work, 0), missing->k, rows->n_rows, shares,
										  missing->sums[0]);
	for (int row = 0; row < rows->n_rows; row++)
		missing->shifts[row] = missing->alone[row] ? NAN : 0;
}

/* The M-step's part of a block, whose rows are left as they are completed in the mean. */
static void
add_block(MissingWork *missing, const MixtureBlock *block, const KernelWork *work,
		  MixtureStats *stats, const MixtureHost *host)
{
	const MissingRows *rows = missing->rows;

	for (int c = 0; c < missing->k; c++)
		missing->shared.least[c] = sqrt(LEAST_SHARE * work->weights[c]);
	sum_shares(missing, work);
	for (int i = 0; i < rows->n_groups; i++)
		if (!missing_spreads_residuals(&rows->groups[i]))
			kernels_current()->missing_spread(&missing->scratch, &rows->groups[i],
											  &missing->origin, &missing->shared, work, host);
	missing_add_set(missing, 0, work, stats, host);
	for (int i = 0; i < rows->n_groups; i++)
		missing_rows_put(rows, &rows->groups[i],
						 missing->origin.filled + rows->groups[i].place, 1);
	kernels_current()->add_components(missing->prepared, block, work, stats, host);
}

/* The E-step of a sorted block that has been made ready for, and the M-step's part. */
void
missing_shared_accumulate(MissingWork *missing, const MixtureBlock *block, bool m_step,
						  const KernelWork *work, MixtureStats *stats, const MixtureHost *host)
{
	const Kernels *kernels = kernels_current();
	fill_groups(missing, host);
	kernels->log_densities(missing->prepared, block, work, host);
	for (int c = 0; c < missing->k; c++)
		kernels->missing_shift(missing_shifts(missing, c), 1, missing->exact,
							   missing->rows->n_rows, kernels_roots(work, c));
	kernels->responsibilities(missing->prepared, block, m_step, work, stats, host);
	if (m_step)
		add_block(missing, block, work, stats, host);
}

/* Add what was left until all rows are summed, and clear it. */
void
missing_shared_finish(MissingWork *missing, MixtureStats *stats, const MixtureHost *host)
{
	const MissingShared *shared = &missing->shared;
	const double *out = missing->origin.sides[0].out;
	int			d = missing->d;

	if (missing->shared_memory == NULL)
		return;
	for (int c = 0; c < missing->k; c++)
	{
		const double *apart = shared->apart + (size_t) c * d;
		double	   *own = missing->scratch.deviations;

		for (int i = 0; i < d; i++)
		{
			double	   *row = stats->seconds + linalg_row(i);
			double	   *sum = shared->sums + i * shared->padded + c;

			own[i] = *sum * out[i];
			*sum = 0;
			stats->firsts[(size_t) c * d + i] += own[i];
			linalg_add_multiple(row, -own[i], apart, i + 1);
			linalg_add_multiple(row, -apart[i], own, i + 1);
		}
		host->check_interrupts(host->context);
	}
}
