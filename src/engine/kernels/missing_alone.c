/*
 * missing_alone.c
 *	  Rows with missing features that are done one by one, by a regression of what
 *	  is missing on what was observed (regression.c), where the equations of missing.c
 *	  would lose digits or be too many.
 */
#include "engine/kernels/missing_private.h"

#include <math.h>
#include <string.h>

/* The regression of what is missing in a sorted row, for a component. */
const Regression *
missing_regress(MissingWork *missing, int c, int row, const MixtureHost *host)
{
	int			d = missing->d;
	int			number = missing_matrix(missing, c);
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
void
missing_fill_alone(MissingWork *missing, const MissingGroup *group, int c, int lane,
				   const MixtureHost *host)
{
	const double *mean = missing->prepared->means + (size_t) c * missing->d;
	int			row = group->start + lane;
	const Regression *regression = missing_regress(missing, c, row, host);
	int			n_observed = regression->n_observed;
	const int  *order = missing->order;
	double	   *u = missing->scratch.deviations;
	size_t		width = missing_set(missing, c)->width;
	size_t		step = MIXTURE_LANES * width;
	double	   *filled = missing_filled(missing, group, c) + lane * width;
	double		log_density = log(missing->parameters->weights[c]) +
		log1p(-missing->parameters->noise_weight);

	for (int j = 0; j < n_observed; j++)
		u[j] = missing->rows->features[(size_t) order[j] * MISSING_ROWS + row] -
			mean[order[j]];
	for (int i = 0; i < regression->n_missing; i++)
		filled[i * step] = mean[order[n_observed + i]] +
			linalg_dot(regression->coefficients + (size_t) i * n_observed, u, n_observed);
	for (int i = regression->n_missing; i < group->n_missing; i++)
		filled[i * step] = 0;
	linalg_solve_lower(regression->factor, u, n_observed);
	for (int j = 0; j < n_observed; j++)
		log_density -= HALF_LOG_TWO_PI + log(regression->factor[linalg_row(j) + j]) +
			0.5 * u[j] * u[j];
	missing->exact[(size_t) c * MISSING_ROWS + row] = log_density;
}

/* Add a row's conditional covariance, times its share, to the second moments. */
void
missing_add_alone(MissingWork *missing, int c, int row, double share, MixtureStats *stats,
				  const MixtureHost *host)
{
	const Regression *regression = missing_regress(missing, c, row, host);
	const int  *dims = missing->order + regression->n_observed;
	double	   *seconds = stats->seconds +
		missing_matrix(missing, c) * linalg_packed_count(missing->d);

	for (int i = 0; i < regression->n_missing; i++)
		for (int j = 0; j <= i; j++)
			seconds[linalg_row(dims[i]) + dims[j]] += share *
				regression->residual[linalg_row(i) + j];
}
