/*
 * kernels_spread.h
 *	  Rows with missing features where all components share a covariance
 *	  (missing_shared.c); a part of kernels_clone.h, compiled once per instruction set.
 *
 * A row's factor is that of all components, so that here a lane is a component: what
 * belongs to a feature is then read and added as it lies, whatever features a row has,
 * and each row has as many equations as it needs.
 */

/* Squared distances that are taken away may be this much, for a least pivot of 1. */
#define MOST_OF_STEPS 0x1p17

/* Vectors of components whose equations are solved side by side */
#define SPREAD_VECTORS 2

/* --- steps ------------------------------------------------------------------------- */

/* The equations of one row for some components. */
typedef struct CLONE(RowEquations)
{
	double	   *triangle;		/* the factor, from this row's lane on */
	const uint16_t *numbers;	/* of what is solved for, MIXTURE_LANES apart */
	int			n;
	const double *sources;		/* right sides: a row of `step` for each feature */
	double	   *unknowns;		/* likewise for each of the n */
	size_t		step;
} CLONE(RowEquations);

/* Unknowns i to i + n of the forward half; q: adds what they add to the square. */
ALWAYS_INLINE void
CLONE(forward_of_row) (const CLONE(RowEquations) *row, int i, Vec *q, const int n,
					   const int n_vectors)
{
	Vec			y[MISSING_TILE][SPREAD_VECTORS];

	UNROLL
	for (int a = 0; a < n; a++)
	{
		UNROLL
		for (int v = 0; v < n_vectors; v++)
			y[a][v] = CLONE(load) (row->sources + v * VL +
								   row->numbers[(i + a) * MIXTURE_LANES] * row->step);
	}
	for (int l = 0; l < i; l++)
	{
		const double *known = row->unknowns + l * row->step;

		UNROLL
		for (int a = 0; a < n; a++)
		{
			const double left = *CLONE(element) (row->triangle, i + a, l);

			UNROLL
			for (int v = 0; v < n_vectors; v++)
				y[a][v] -= left * CLONE(load) (known + v * VL);
		}
	}
	UNROLL
	for (int a = 0; a < n; a++)
	{
		const double inverse = *CLONE(element) (row->triangle, i + a, i + a);

		UNROLL
		for (int b = 0; b < a; b++)
		{
			const double left = *CLONE(element) (row->triangle, i + a, i + b);

			UNROLL
			for (int v = 0; v < n_vectors; v++)
				y[a][v] -= left * y[b][v];
		}
		UNROLL
		for (int v = 0; v < n_vectors; v++)
		{
			q[v] += y[a][v] * y[a][v] * inverse;
			CLONE(store) (row->unknowns + (i + a) * row->step + v * VL, y[a][v]);
		}
	}
}

/* And of the backward half. */
ALWAYS_INLINE void
CLONE(backward_of_row) (const CLONE(RowEquations) *row, int i, const int n, const int n_vectors)
{
	Vec			x[MISSING_TILE][SPREAD_VECTORS];

	UNROLL
	for (int a = 0; a < n; a++)
	{
		const double inverse = *CLONE(element) (row->triangle, i + a, i + a);

		UNROLL
		for (int v = 0; v < n_vectors; v++)
			x[a][v] = inverse * CLONE(load) (row->unknowns + (i + a) * row->step + v * VL);
	}
	for (int l = i + n; l < row->n; l++)
	{
		const double *known = row->unknowns + l * row->step;

		UNROLL
		for (int a = 0; a < n; a++)
		{
			const double left = *CLONE(element) (row->triangle, l, i + a);

			UNROLL
			for (int v = 0; v < n_vectors; v++)
				x[a][v] -= left * CLONE(load) (known + v * VL);
		}
	}
	UNROLL
	for (int a = n - 1; a >= 0; a--)
	{
		UNROLL
		for (int b = a + 1; b < n; b++)
		{
			const double left = *CLONE(element) (row->triangle, i + b, i + a);

			UNROLL
			for (int v = 0; v < n_vectors; v++)
				x[a][v] -= left * x[b][v];
		}
		UNROLL
		for (int v = 0; v < n_vectors; v++)
			CLONE(store) (row->unknowns + (i + a) * row->step + v * VL, x[a][v]);
	}
}

/* Solve a row's equations, or their forward half; q: gets the squares. */
ALWAYS_INLINE void
CLONE(solve_row_equations) (const CLONE(RowEquations) *row, bool backward, Vec *q,
							const int n_vectors)
{
	UNROLL
	for (int v = 0; v < n_vectors; v++)
		q[v] = (Vec) {0};
	for (int i = 0; i < row->n; i += MISSING_TILE)
	{
#define FORWARD(rows) CLONE(forward_of_row) (row, i, q, rows, n_vectors)
		TILE_CASES(row->n - i, FORWARD);
#undef FORWARD
	}
	if (!backward || row->n == 0)
		return;
	for (int i = (row->n - 1) / MISSING_TILE * MISSING_TILE; i >= 0; i -= MISSING_TILE)
	{
#define BACKWARD(rows) CLONE(backward_of_row) (row, i, rows, n_vectors)
		TILE_CASES(row->n - i, BACKWARD);
#undef BACKWARD
	}
}

/*
 * A row's steps of some components, of those observed features that equations were
 * solved for.
 */
ALWAYS_INLINE void
CLONE(step_from_observed) (const MissingScratch *scratch, const MissingSet *set,
						   const CLONE(RowEquations) *row, const uint16_t *missing, int n,
						   double *steps, const int n_vectors)
{
	const MissingSide *side = &set->sides[1];

	for (int i = 0; i < n; i++, steps += row->step)
	{
		int			number = missing[i * MIXTURE_LANES];
		const double *matrix = side->matrix + (size_t) number * scratch->stride;
		double		scale = set->sides[0].into[number] * side->out[number];
		Vec			sum[SPREAD_VECTORS];

		UNROLL
		for (int v = 0; v < n_vectors; v++)
			sum[v] = CLONE(load) (row->sources + number * row->step + v * VL);
		for (int t = 0; t < row->n; t++)
		{
			const double element = matrix[row->numbers[t * MIXTURE_LANES]];

			UNROLL
			for (int v = 0; v < n_vectors; v++)
				sum[v] -= element * CLONE(load) (row->unknowns + t * row->step + v * VL);
		}
		UNROLL
		for (int v = 0; v < n_vectors; v++)
			CLONE(store) (steps + v * VL, scale * sum[v]);
	}
}

/* Where the steps of a row of a group are. */
ALWAYS_INLINE double *
CLONE(steps_of_row) (const MissingShared *shared, const MissingGroup *group, int lane)
{
	return shared->steps + (group->place + (size_t) lane * group->n_missing) * shared->padded;
}

/*
 * Leave the shifts of n_vectors vectors of components from c on, of VL rows; returns
 * their sum.
 */
ALWAYS_INLINE Vec
CLONE(turn_shifts) (const MissingShared *shared, Vec squares[VL][SPREAD_VECTORS], int c,
					bool covariance, Vec shift, Vec least, size_t row, const int n_vectors)
{
	Vec			sum = {0};

	UNROLL
	for (int v = 0; v < n_vectors; v++)
	{
		Vec			q[VL];
		int			first = c + v * VL;

		UNROLL
		for (int r = 0; r < VL; r++)
			q[r] = squares[r][v];
		CLONE(turn) (q);
		for (int e = 0; e < VL && first + e < shared->k; e++)
		{
			Vec			taken = covariance ? shared->lengths[first + e] - q[e] : q[e];

			taken = CLONE(select) ((Bits) (taken <= least * MOST_OF_STEPS), shift + 0.5 * taken,
								   NAN - (Vec) {0});
			CLONE(store) (shared->shifts + (size_t) (first + e) * MISSING_ROWS + row, taken);
			sum += taken;
		}
	}
	return sum;
}

/*
 * Shifts, and steps, of n_vectors vectors of components from c on; see leave_steps().
 * Returns the sum of the shifts.
 */
ALWAYS_INLINE Vec
CLONE(leave_some_steps) (const MissingScratch *scratch, const MissingGroup *group,
						 const MissingSet *set, const MissingShared *shared, int first,
						 const CLONE(Factor) *factor, Vec shift, int c, const MixtureHost *host,
						 const int n_vectors)
{
	Vec			squares[VL][SPREAD_VECTORS];

	for (int r = 0; r < VL; r++)
	{
		double	   *steps = CLONE(steps_of_row) (shared, group, first + r) + c;
		const CLONE(RowEquations) row = {
			.triangle = factor->triangle + r,
			.numbers = group->solved + first + r,
			.n = group->n_solved,
			.sources = shared->sources[group->covariance] + c,
			.unknowns = shared->m_step && !group->covariance ? steps : shared->right + c,
			.step = shared->padded
		};

		CLONE(solve_row_equations) (&row, shared->m_step, squares[r], n_vectors);
		if (shared->m_step && group->covariance)
			CLONE(step_from_observed) (scratch, set, &row, group->missing + first + r,
									   group->n_missing, steps, n_vectors);
		if (row.n > MISSING_LONG)
			host->check_interrupts(host->context);
	}
	return CLONE(turn_shifts) (shared, squares, c, group->covariance, shift, factor->least,
							   group->start + first, n_vectors);
}

/*
 * Shifts of all components, and steps, of VL rows from `first` on; shifts: those of
 * rows about the origin, in whose place come sums, NaN where some shift is.
 */
static void
CLONE(leave_steps) (const MissingScratch *scratch, const MissingGroup *group,
					const MissingSet *set, const MissingShared *shared, int first,
					const CLONE(Factor) *factor, double *shifts, const MixtureHost *host)
{
	const Vec	shift = CLONE(load) (shifts);
	Vec			sum = {0};

#define LEAVE_STEPS(c, n) \
	CLONE(leave_some_steps) (scratch, group, set, shared, first, factor, shift, c, host, n)
	for (int c = 0; c < shared->k; c += SPREAD_VECTORS * VL)
		sum += c + VL < shared->k ? LEAVE_STEPS(c, SPREAD_VECTORS) : LEAVE_STEPS(c, 1);
#undef LEAVE_STEPS
	CLONE(store) (shifts, sum);
}

/* --- sums --------------------------------------------------------------------------- */

/*
 * Products of the terms of n missing features from i on with those of one that is no
 * later, into the residuals.
 */
ALWAYS_INLINE void
CLONE(spread_products) (const MissingScratch *scratch, const MissingGroup *group,
						const MissingSide *side, const MissingShared *shared, int first, int i,
						int j, const int n)
{
	const double *terms = shared->terms;
	Vec			sum[4];

	UNROLL
	for (int a = 0; a < n; a++)
		sum[a] = (Vec) {0};
	for (int e = 0; e < *shared->n_active; e++, terms += (size_t) scratch->d * VL)
	{
		Vec			right = CLONE(load) (terms + (size_t) j * VL);

		UNROLL
		for (int a = 0; a < n; a++)
			sum[a] += CLONE(load) (terms + (size_t) (i + a) * VL) * right;
	}
	UNROLL
	for (int a = 0; a < n; a++)
	{
		const double *targets[VL];

		CLONE(find_rows) (scratch, side->residuals,
						  group->missing + first + (i + a) * MIXTURE_LANES, targets, 1);
		CLONE(place) ((double *const *) targets, group->missing + first + j * MIXTURE_LANES,
					  sum[a], 1, true);
	}
}

/* The same for all pairs of missing features. */
static void
CLONE(spread_all_products) (const MissingScratch *scratch, const MissingGroup *group,
							const MissingSide *side, const MissingShared *shared, int first,
							const MixtureHost *host)
{
	for (int j = 0; j < group->n_missing && *shared->n_active > 1; j++)
	{
		int			i = j;

		for (; i + 4 <= group->n_missing; i += 4)
			CLONE(spread_products) (scratch, group, side, shared, first, i, j, 4);
		for (; i < group->n_missing; i++)
			CLONE(spread_products) (scratch, group, side, shared, first, i, j, 1);
		if (group->n_missing > MISSING_LONG)
			host->check_interrupts(host->context);
	}
}

/* What VL rows are summed by: of MissingShared, at hand. */
typedef struct CLONE(Spread)
{
	size_t		padded;
	const double *roots;
	const double *shares;
	double	   *sums;
	const uint32_t *places;
	const int  *used;
	int			n_used;
	size_t		step;			/* from a row's steps to the next row's */
} CLONE(Spread);

/* Number those of VL components from c on that have a part in VL rows. */
ALWAYS_INLINE void
CLONE(number_active) (const MissingShared *shared, int d, int c, Bits any)
{
	uint64_t	lanes[VL];
	const int	before = *shared->n_active;

	memcpy(lanes, &any, sizeof(lanes));
	for (int e = 0; e < VL; e++)
		/* those of the others go where nobody looks */
		shared->places[c + e] = (uint32_t) ((lanes[e] != 0 ? (*shared->n_active)++ : shared->k) *
											d * VL);
	if (*shared->n_active > before)
		shared->used[(*shared->n_used)++] = c;
}

/*
 * Find the components that have a part in VL rows, and the roots of the shares and
 * these, a row after the other; returns the inverse of the shares' sum.
 */
ALWAYS_INLINE Vec
CLONE(find_active) (const MissingShared *shared, int d, const double *roots)
{
	Vec			whole = {0};

	*shared->n_active = *shared->n_used = 0;
	for (int c = 0; c < shared->k; c += VL)
	{
		const Vec	least = CLONE(load) (shared->least + c);
		Vec			turned[VL];
		Bits		any = {0};

		UNROLL
		for (int e = 0; e < VL; e++)
		{
			turned[e] = c + e < shared->k ?
				CLONE(load) (roots + (size_t) (c + e) * KERNEL_WORK_STRIDE) : (Vec) {0};
			whole += turned[e] * turned[e];
		}
		CLONE(turn) (turned);
		UNROLL
		for (int r = 0; r < VL; r++)
		{
			any |= (Bits) (turned[r] > least);
			CLONE(store) (shared->roots + r * shared->padded + c, turned[r]);
			CLONE(store) (shared->shares + r * shared->padded + c, turned[r] * turned[r]);
		}
		CLONE(number_active) (shared, d, c, any);
	}
	return CLONE(select) ((Bits) (whole > 0), 1.0 / whole, (Vec) {0});
}

/* The mean over the components of VL rows' steps of one missing feature, times their sum. */
ALWAYS_INLINE Vec
CLONE(mean_step) (const CLONE(Spread) *spread, const double *steps)
{
	Vec			sum[VL];
	double		sums[VL];

	UNROLL
	for (int r = 0; r < VL; r++)
		sum[r] = (Vec) {0};
	for (int v = 0; v < spread->n_used; v++)
	{
		const int	c = spread->used[v];

		UNROLL
		for (int r = 0; r < VL; r++)
			sum[r] += CLONE(load) (spread->shares + r * spread->padded + c) *
				CLONE(load) (steps + r * spread->step + c);
	}
	CLONE(sum_elements) (sum, VL, sums);
	return CLONE(load) (sums);
}

/*
 * Add what VL rows' steps of one missing feature are apart from their mean to the sums,
 * by share, and leave the terms.
 */
ALWAYS_INLINE void
CLONE(spread_feature) (const CLONE(Spread) *spread, const double *steps, const uint16_t *numbers,
					   double *term, Vec mean)
{
	double		means[VL];

	CLONE(store) (means, mean);
	for (int v = 0; v < spread->n_used; v++)
	{
		const int	c = spread->used[v];
		Vec			apart[VL];

		UNROLL
		for (int r = 0; r < VL; r++)
		{
			Vec			root = CLONE(load) (spread->roots + r * spread->padded + c);
			double	   *sums = spread->sums + numbers[r] * spread->padded + c;

			apart[r] = root * (CLONE(load) (steps + r * spread->step + c) - means[r]);
			CLONE(store) (sums, CLONE(load) (sums) + root * apart[r]);
		}
		CLONE(turn) (apart);
		UNROLL
		for (int e = 0; e < VL; e++)
			CLONE(store) (term + spread->places[c + e], apart[e]);
	}
}

/*
 * Complete VL rows of a group by the mean over the components, add to the sums what
 * these are apart from it, and leave the terms: the roots times that, scaled as the
 * precision matrix is.
 */
static void
CLONE(spread_rows) (const MissingScratch *scratch, const MissingGroup *group,
					const MissingSet *set, const MissingShared *shared,
					const KernelWork *work, int first)
{
	const Vec	inverse = CLONE(find_active) (shared, scratch->d,
											  work->roots + group->start + first);
	const CLONE(Spread) spread = {
		.padded = shared->padded,.roots = shared->roots,.shares = shared->shares,
		.sums = shared->sums,.places = shared->places,.used = shared->used,
		.n_used = *shared->n_used,.step = group->n_missing * shared->padded
	};
	const bool	several = *shared->n_active > 1;
	const double *steps = CLONE(steps_of_row) (shared, group, first);
	const uint16_t *numbers = group->missing + first;
	double	   *filled = set->filled + group->place + first;
	double	   *term = shared->terms;

	for (int i = 0; i < group->n_missing; i++)
	{
		Vec			mean = inverse * CLONE(mean_step) (&spread, steps);

		CLONE(store) (filled, CLONE(load) (filled) + mean *
					  CLONE(pick_of_one) (set->sides[0].out, numbers, 1));
		if (several)
			CLONE(spread_feature) (&spread, steps, numbers, term, mean);
		steps += spread.padded;
		numbers += MIXTURE_LANES;
		filled += MIXTURE_LANES;
		term += VL;
	}
}

/* The M-step's part of a group but for residuals; see Kernels. */
static void
CLONE(missing_spread) (const MissingScratch *scratch, const MissingGroup *group,
					   const MissingSet *set, const MissingShared *shared,
					   const KernelWork *work, const MixtureHost *host)
{
	for (int first = 0; first < MIXTURE_LANES; first += VL)
	{
		CLONE(spread_rows) (scratch, group, set, shared, work, first);
		CLONE(spread_all_products) (scratch, group, &set->sides[0], shared, first, host);
		host->check_interrupts(host->context);
	}
}
