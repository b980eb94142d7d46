/*
 * kernels_incomplete_row.h
 *	  Scoring of single rows in which features are missing, where a lane is a
 *	  component; a part of kernels_clone.h, compiled once per instruction set.
 *
 * With u, the deviations of what was observed, 0 elsewhere, and the precision
 * matrix W^T W = L (missing.c), the squared distance of what was observed is
 *
 *		|W u|^2 - r^T L_mm^-1 r,	r = (W^T W u)_m.
 *
 * Where most of the first is taken away again the difference has lost digits; then
 * the row is completed, z = -L_mm^-1 r, and |W (u + z)|^2 is a sum of squares.
 */

/*
 * How many times smaller than |W u|^2 the difference may be if it is to be used,
 * for a least pivot of 1: squared distances are then off by about 1e-12 of
 * themselves.
 */
#define MOST_TAKEN_AWAY 0x1p12

/* ROW_SUMS: the most elements of r that are found together. */
#if VL == 8 || defined(__aarch64__)
#define ROW_SUMS 8				/* 32 registers */
#else
#define ROW_SUMS 4				/* 16 */
#endif

/* Squared distances in this range have lost nothing to overflow or underflow. */
#define LEAST_ROW_SQUARED 1e-280
#define MOST_ROW_SQUARED 1e280

/* A row and a group of VL components. */
typedef struct CLONE(RowGroup)
{
	int			d;
	int			n_observed;
	int			number;
	bool		covariance;		/* the side on which equations are solved */
	const int  *order;			/* of features: observed, then missing */
	const double *means;		/* d vectors */
	const double *factor;		/* W; if tied, of all components, as what follows */
	const double *matrix;		/* of the side; and what its sums are scaled by */
	const double *scales;
	double	   *deviations;		/* d vectors: u; scratch */
	double	   *products;		/* d vectors: W u */
	double	   *right;			/* of the equations, then what was solved for */
	Vec			whole;			/* |W u|^2 */
} CLONE(RowGroup);

/* Element (l, j) of the factor. */
ALWAYS_INLINE Vec
CLONE(row_factor) (const CLONE(RowGroup) *group, int l, int j, const bool tied)
{
	return CLONE(factor_value) (group->factor, linalg_row(l) + j, tied);
}

/*
 * n elements of r from i on, scaled as the equations are, of n_groups groups: one product
 * is used for all.
 */
ALWAYS_INLINE void
CLONE(missing_sums) (const CLONE(RowGroup) *groups, int i, const int n, const int n_groups,
					 const bool tied)
{
	const int  *columns = groups->order + groups->n_observed + i;
	int			l = columns[0];
	size_t		row = linalg_row(l);
	Vec			sum[ROW_SUMS][MISSING_ROW_GROUPS];

	UNROLL
	for (int a = 0; a < n; a++)
	{
		UNROLL
		for (int g = 0; g < n_groups; g++)
			sum[a][g] = (Vec) {0};
	}
	UNROLL
	for (int a = 0; a < n; a++)
	{
		/* rows in which a + 1 of these columns are */
		const int	end = a + 1 < n ? columns[a + 1] : groups->d;

		for (; l < end; row += ++l)
		{
			UNROLL
			for (int g = 0; g < n_groups; g++)
			{
				Vec			product = CLONE(load) (groups[g].products + (size_t) l * VL);

				UNROLL
				for (int b = 0; b <= a; b++)
					sum[b][g] += CLONE(factor_value) (groups[g].factor, row + columns[b], tied) *
						product;
			}
		}
	}
	UNROLL
	for (int a = 0; a < n; a++)
	{
		UNROLL
		for (int g = 0; g < n_groups; g++)
			CLONE(store) (groups[g].right + (size_t) (i + a) * VL, sum[a][g] *
						  CLONE(factor_value) (groups[g].scales, columns[a], tied));
	}
}

/*
 * The squared length of W (u + z), of a row that is completed by what was solved
 * for, which is -z but for the scales.
 */
ALWAYS_INLINE Vec
CLONE(completed_square) (const CLONE(RowGroup) *group, const bool tied)
{
	const int  *missing = group->order + group->n_observed;
	int			n = group->d - group->n_observed;
	Vec			q = {0};

	for (int l = 0; l < group->d; l++)
	{
		Vec			y = CLONE(load) (group->products + (size_t) l * VL);

		for (int i = 0; i < n && missing[i] <= l; i++)
			y -= CLONE(row_factor) (group, l, missing[i], tied) *
				(CLONE(load) (group->right + (size_t) i * VL) *
				 CLONE(factor_value) (group->scales, missing[i], tied));
		q += y * y;
	}
	return q;
}

/* The features that equations are solved for; returns how many. */
ALWAYS_INLINE int
CLONE(solved_features) (const CLONE(RowGroup) *group, const int **solved)
{
	*solved = group->order + (group->covariance ? 0 : group->n_observed);
	return group->covariance ? group->n_observed : group->d - group->n_observed;
}

/* The matrices of the equations of n_groups groups, below the diagonal. */
ALWAYS_INLINE void
CLONE(pick_row_matrices) (const CLONE(RowGroup) *groups, const CLONE(Factor) *factors,
						  const int n_groups, const bool tied)
{
	const int  *solved;
	int			n = CLONE(solved_features) (groups, &solved);

	for (int i = 1; i < n; i++)
	{
		size_t		row = linalg_row(solved[i]);

		for (int j = 0; j < i; j++)
		{
			UNROLL
			for (int g = 0; g < n_groups; g++)
				CLONE(store) (CLONE(element) (factors[g].triangle, i, j),
							  CLONE(factor_value) (groups[g].matrix, row + solved[j], tied));
		}
	}
}

/* The right sides of the equations for observed features, of n_groups groups. */
ALWAYS_INLINE void
CLONE(make_observed_right) (const CLONE(RowGroup) *groups, const double *row,
							const int n_groups, const bool tied)
{
	const int  *order = groups->order;

	for (int t = 0; t < groups->n_observed; t++)
	{
		UNROLL
		for (int g = 0; g < n_groups; g++)
			CLONE(store) (groups[g].right + (size_t) t * VL,
						  (row[t] - CLONE(load) (groups[g].means + (size_t) order[t] * VL)) *
						  CLONE(factor_value) (groups[g].scales, order[t], tied));
	}
}

/* And of those for missing ones, with the deviations and their products. */
ALWAYS_INLINE void
CLONE(make_missing_right) (CLONE(RowGroup) *groups, const double *row, const int n_groups,
						   const bool tied)
{
	const int  *order = groups->order;
	const int	d = groups->d;
	const int	n_observed = groups->n_observed;
	const int	n_missing = d - n_observed;
	int			i = 0;

	for (int t = 0; t < n_observed; t++)
	{
		size_t		place = (size_t) order[t] * VL;

		UNROLL
		for (int g = 0; g < n_groups; g++)
			CLONE(store) (groups[g].deviations + place,
						  row[t] - CLONE(load) (groups[g].means + place));
	}
	for (int t = n_observed; t < d; t++)
	{
		UNROLL
		for (int g = 0; g < n_groups; g++)
			CLONE(store) (groups[g].deviations + (size_t) order[t] * VL, (Vec) {0});
	}
	for (int g = 0; g < n_groups; g++)
		groups[g].whole = CLONE(triangle_distances) (groups[g].factor, groups[g].deviations, d,
													 groups[g].products, tied);
	for (; i + ROW_SUMS <= n_missing; i += ROW_SUMS)
		CLONE(missing_sums) (groups, i, ROW_SUMS, n_groups, tied);
#if ROW_SUMS > 4
	for (; i + 4 <= n_missing; i += 4)
		CLONE(missing_sums) (groups, i, 4, n_groups, tied);
#endif
	for (; i + 2 <= n_missing; i += 2)
		CLONE(missing_sums) (groups, i, 2, n_groups, tied);
	if (i < n_missing)
		CLONE(missing_sums) (groups, i, 1, n_groups, tied);
}

/* The equations of n_groups groups, but for the matrix if it is that of all. */
ALWAYS_INLINE void
CLONE(make_equations) (CLONE(RowGroup) *groups, const double *row,
					   const CLONE(Factor) *factors, const int n_groups, const bool tied)
{
	if (groups->covariance)
		CLONE(make_observed_right) (groups, row, n_groups, tied);
	else
		CLONE(make_missing_right) (groups, row, n_groups, tied);
	if (!tied)
		CLONE(pick_row_matrices) (groups, factors, n_groups, false);
}

/* --- the answer ------------------------------------------------------------------- */

/*
 * What n_groups groups' equations come to, whose forward half is solved, in squares; and
 * what the features solved for add to the log constants.
 */
ALWAYS_INLINE void
CLONE(sum_solved) (const CLONE(RowGroup) *groups, const CLONE(Factor) *factors,
				   const MixtureIncomplete *incomplete, Vec *squares, Vec *constants,
				   const int n_groups, const bool tied)
{
	const IncompleteSide *side = &incomplete->sides[groups->covariance];
	const int  *solved;
	int			n = CLONE(solved_features) (groups, &solved);

	UNROLL
	for (int g = 0; g < n_groups; g++)
	{
		squares[g] = (Vec) {0};
		constants[g] = CLONE(load) (side->base + (size_t) groups[g].number * VL);
	}
	for (int i = 0; i < n; i++)
	{
		UNROLL
		for (int g = 0; g < n_groups; g++)
		{
			const double *values = side->constants + groups[g].number * incomplete->scale_step;
			Vec			y = CLONE(load) (groups[g].right + (size_t) i * VL);

			squares[g] += y * y * CLONE(load) (CLONE(element) (factors[g].triangle, i, i));
			constants[g] += CLONE(factor_value) (values, solved[i], tied);
		}
	}
}

/*
 * The squared distances, once the forward half of the equations is solved, which has come
 * to `solved`; if `fill`, let the other be solved, too.
 */
ALWAYS_INLINE Vec
CLONE(row_squares) (const CLONE(RowGroup) *group, const CLONE(Factor) *factor, Vec solved,
					bool fill, const bool tied)
{
	const int  *numbers;
	int			n = CLONE(solved_features) (group, &numbers);
	Vec			q = group->covariance ? solved : group->whole - solved;
	bool		complete = !group->covariance &&
		!CLONE(holds) ((Bits) (q * factor->least * MOST_TAKEN_AWAY >= group->whole));

	if (fill || complete)
		CLONE(solve_backward_lanes) (factor, 1, n, group->right, 0);
	return complete ? CLONE(completed_square) (group, tied) : q;
}

/* Leave squared distances and log constants of some groups; false if they are doubtful. */
ALWAYS_INLINE bool
CLONE(leave_row) (const CLONE(RowGroup) *groups, const CLONE(Factor) *factors, bool fill,
				  const MixtureIncomplete *incomplete, const int n_groups, const bool tied)
{
	Vec			squares[MISSING_ROW_GROUPS];
	Vec			constants[MISSING_ROW_GROUPS];
	bool		good = true;

	CLONE(sum_solved) (groups, factors, incomplete, squares, constants, n_groups, tied);
	for (int g = 0; g < n_groups; g++)
	{
		const size_t place = (size_t) groups[g].number * VL;
		Vec			q = CLONE(row_squares) (&groups[g], &factors[g], squares[g], fill, tied);

		CLONE(store) (incomplete->log_constants + place,
					  constants[g] - 0.5 * factors[g].log_determinant);
		CLONE(store) (incomplete->squares + place, q);
		good = CLONE(holds) ((Bits) (factors[g].least >= MISSING_LEAST_PIVOT) &
							 (Bits) (q < MOST_ROW_SQUARED) &
							 ((Bits) (q > LEAST_ROW_SQUARED) | (Bits) (q == 0))) && good;
	}
	return good;
}

/* Conditional means of what is missing, of which all equations have been solved. */
ALWAYS_INLINE void
CLONE(fill_row) (const CLONE(RowGroup) *group, double *filled, const bool tied)
{
	const int  *order = group->order;
	int			n_missing = group->d - group->n_observed;

	filled += (size_t) group->number * n_missing * VL;
	for (int i = 0; i < n_missing; i++)
	{
		int			feature = order[group->n_observed + i];
		Vec			scale = CLONE(factor_value) (group->scales, feature, tied);
		Vec			z = {0};

		for (int t = 0; t < group->n_observed && group->covariance; t++)
		{
			size_t		place = order[t] < feature ? linalg_row(feature) + order[t] :
				linalg_row(order[t]) + feature;

			z += CLONE(factor_value) (group->matrix, place, tied) *
				CLONE(load) (group->right + (size_t) t * VL);
		}
		z = group->covariance ? z / scale :
			-CLONE(load) (group->right + (size_t) i * VL) * scale;
		CLONE(store) (filled + (size_t) i * VL,
					  CLONE(load) (group->means + (size_t) feature * VL) + z);
	}
}

/* A group of a row, its scratch from `work` on but for what groups share. */
ALWAYS_INLINE void
CLONE(begin_group) (const MixtureIncomplete *incomplete, const int *order, int number,
					double *shared, double *work, CLONE(RowGroup) *group)
{
	const MixturePrepared *prepared = incomplete->prepared;
	const int	d = prepared->d;
	const bool	covariance = incomplete_covariance_side(d, incomplete->n_observed);
	const IncompleteSide *side = &incomplete->sides[covariance];

	group->d = d;
	group->n_observed = incomplete->n_observed;
	group->number = number;
	group->covariance = covariance;
	group->order = order;
	group->means = prepared->means + (size_t) number * d * VL;
	group->factor = prepared->precision_cholesky + number * prepared->factor_step;
	group->matrix = side->matrix + number * incomplete->matrix_step;
	group->scales = side->scales + number * incomplete->scale_step;
	group->deviations = shared;
	group->products = work;
	group->right = work + (size_t) d * VL;
}

/* Solve the equations of n groups, at most MISSING_WIDTH, from number `first` on. */
ALWAYS_INLINE bool
CLONE(solve_row) (const MixtureIncomplete *incomplete, const double *row, const int *order,
				  int first, int n, double *work, double *filled, const MixtureHost *host,
				  const bool tied)
{
	const size_t length = (size_t) incomplete->prepared->d * VL;
	const int  *solved;
	int			n_solved = 0;
	size_t		step = 0;
	/* of groups; then come the factors */
	double	   *own = work + MISSING_ROW_GROUPS * length;
	double	   *right = own + length;
	CLONE(RowGroup) groups[MISSING_WIDTH];
	CLONE(Factor) factors[MISSING_WIDTH];
	bool		good = true;

	for (int c = 0; c < n; c++, own += 3 * length)
	{
		CLONE(begin_group) (incomplete, order, first + c,
							work + c % MISSING_ROW_GROUPS * length, own, &groups[c]);
		n_solved = CLONE(solved_features) (&groups[c], &solved);
		step = linalg_packed_count(n_solved) * VL;
		factors[c].pivots = own + 2 * length;
		factors[c].triangle = work + (MISSING_ROW_GROUPS + 3 * (size_t) n) * length + c * step;
	}
	for (int c = 0; c < n; c += MISSING_ROW_GROUPS)
	{
		if (c + 1 < n)
			CLONE(make_equations) (groups + c, row, factors + c, MISSING_ROW_GROUPS, tied);
		else
			CLONE(make_equations) (groups + c, row, factors + c, 1, tied);
	}
	if (tied && n > 0)			/* as it is, which not every compiler knows */
		CLONE(pick_row_matrices) (groups, factors, 1, true);
	CLONE(factor_matrices) (factors, tied ? 1 : n, n_solved, host);
	for (int c = 1; c < n && tied; c++)
		factors[c] = factors[0];
	CLONE(solve_forward_lanes) (factors, n, n_solved, right, 3 * length);
	for (int c = 0; c < n; c += MISSING_ROW_GROUPS)
		good = (c + 1 < n ?
				CLONE(leave_row) (groups + c, factors + c, filled != NULL, incomplete,
								  MISSING_ROW_GROUPS, tied) :
				CLONE(leave_row) (groups + c, factors + c, filled != NULL, incomplete, 1, tied)) &&
			good;
	for (int c = 0; c < n && filled != NULL; c++)
		CLONE(fill_row) (&groups[c], filled, tied);
	host->check_interrupts(host->context);
	return good;
}

/* --- families without matrices --------------------------------------------------- */

/* The same where features do not depend on each other. */
ALWAYS_INLINE bool
CLONE(row_of_diag) (const MixtureIncomplete *incomplete, const double *row, const int *order,
					int number, double *filled)
{
	const MixturePrepared *prepared = incomplete->prepared;
	const int	d = prepared->d;
	const int	n_observed = incomplete->n_observed;
	const int	step = prepared->covariance_type == MIXTURE_DIAG ? VL : 0;
	const size_t place = (size_t) number * VL;
	const double *means = prepared->means + place * d;
	const double *factors = prepared->precision_cholesky + number * prepared->factor_step;
	const double *constants = incomplete->sides[0].constants + number * prepared->factor_step;
	Vec			sum = CLONE(load) (prepared->log_constants + place);
	Vec			q = {0};

	for (int t = 0; t < n_observed; t++)
	{
		Vec			y = (row[t] - CLONE(load) (means + (size_t) order[t] * VL)) *
			CLONE(load) (factors + (size_t) order[t] * step);

		q += y * y;
	}
	for (int i = n_observed; i < d; i++)
	{
		sum += CLONE(load) (constants + (size_t) order[i] * step);
		if (filled != NULL)
			CLONE(store) (filled + (place * (d - n_observed) + (size_t) (i - n_observed) * VL),
						  CLONE(load) (means + (size_t) order[i] * VL));
	}
	CLONE(store) (incomplete->log_constants + place, sum);
	CLONE(store) (incomplete->squares + place, q);
	return CLONE(holds) ((Bits) (q < MOST_ROW_SQUARED) &
						 ((Bits) (q > LEAST_ROW_SQUARED) | (Bits) (q == 0)));
}

/* Squared distances and log constants of a row; see Kernels. */
static bool
CLONE(row_incomplete) (const MixtureIncomplete *incomplete, const double *row, const int *order,
					   double *work, double *filled, const MixtureHost *host)
{
	const MixturePrepared *prepared = incomplete->prepared;
	bool		good = true;

	if (!mixture_has_matrix(prepared->covariance_type))
	{
		for (int group = 0; group < prepared->n_groups && good; group++)
			good = CLONE(row_of_diag) (incomplete, row, order, group, filled);
		return good;
	}
	for (int first = 0; first < prepared->n_groups && good; first += MISSING_WIDTH)
	{
		int			left = prepared->n_groups - first;
		int			n = left < MISSING_WIDTH ? left : MISSING_WIDTH;

		good = prepared->covariance_type == MIXTURE_FULL ?
			CLONE(solve_row) (incomplete, row, order, first, n, work, filled, host, false) :
			CLONE(solve_row) (incomplete, row, order, first, n, work, filled, host, true);
	}
	return good;
}

#undef ROW_SUMS
