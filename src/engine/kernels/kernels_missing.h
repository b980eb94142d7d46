/*
 * kernels_missing.h
 *	  What is missing in rows that have any features missing: equations are made
 *	  and solved for each (missing.c); a part of kernels_clone.h, compiled once
 *	  per instruction set.
 */

/* --- products with rows of a matrix ------------------------------------------ */

/* DOTS_ROWS: rows whose products are found side by side. */
#if VL == 8
#define DOTS_ROWS 2
#else
#define DOTS_ROWS 1
#endif

/* Deviations of a row from the set's means, scaled; 0 where the feature is missing. */
ALWAYS_INLINE void
CLONE(deviations_of_row) (const double *row, const double *means, const double *into,
						  size_t n, double *deviations, const int width)
{
	for (size_t j = 0; j < n; j += VL)
	{
		const double *feature = row + j / width;
		Vec			x;
		Vec			u;

		if (width == 1)
			x = CLONE(load) (feature);
#if VL == 8
		else if (width == MISSING_LEAST_WIDTH)
			x = (Vec) {feature[0], feature[0], feature[1], feature[1],
				feature[2], feature[2], feature[3], feature[3]};
		else
			x = (Vec) {feature[0], feature[0], feature[0], feature[0],
				feature[1], feature[1], feature[1], feature[1]};
#else
#if VL == 4
		else if (width == MISSING_LEAST_WIDTH)
			x = (Vec) {feature[0], feature[0], feature[1], feature[1]};
#endif
		else
			x = feature[0] - (Vec) {0};
#endif
		u = (x - CLONE(load) (means + j)) * CLONE(load) (into + j);
		CLONE(store) (deviations + j, CLONE(select) ((Bits) (x == x), u, (Vec) {0}));
	}
}

/*
 * Products of n rows of the matrix with the vectors of n_rows rows, each with those of
 * which it has the numbers; of each as many sums as there are rows in a vector.
 */
ALWAYS_INLINE void
CLONE(dots_of_row) (const double *matrix, size_t length, size_t n_values,
					const uint16_t *numbers, const double *vectors, Vec sums[4][VL], int row,
					const int n, const int n_rows)
{
	const double *rows[4][DOTS_ROWS];
	Vec			sum[4][DOTS_ROWS];

	UNROLL
	for (int r = 0; r < n_rows; r++)
	{
		UNROLL
		for (int t = 0; t < n; t++)
		{
			rows[t][r] = matrix + numbers[t * MIXTURE_LANES + row + r] * length;
			sum[t][r] = (Vec) {0};
		}
	}
	for (size_t j = 0; j < n_values; j += VL)
	{
		UNROLL
		for (int r = 0; r < n_rows; r++)
		{
			Vec			x = CLONE(load) (vectors + (row + r) * length + j);

			UNROLL
			for (int t = 0; t < n; t++)
				sum[t][r] += CLONE(load) (rows[t][r] + j) * x;
		}
	}
	UNROLL
	for (int r = 0; r < n_rows; r++)
	{
		UNROLL
		for (int t = 0; t < n; t++)
			sums[t][row + r] = sum[t][r];
	}
}

/* What the sums of the rows of a vector come to. */
ALWAYS_INLINE Vec
CLONE(join_sums) (Vec *sums, const int width)
{
	if (width == 1)
	{
		double		values[VL];

		CLONE(sum_elements) (sums, VL, values);
		return CLONE(load) (values);
	}
#if VL == 8
	UNROLL
	for (int r = 0; r < VECTOR_ROWS(width); r += 2)
		sums[r / 2] = LOW_HALVES(sums[r], sums[r + 1]) + HIGH_HALVES(sums[r], sums[r + 1]);
#endif
#if VL >= 4
	if (width == MISSING_LEAST_WIDTH)
		return FIRST_PAIRS(sums[0], sums[1]) + SECOND_PAIRS(sums[0], sums[1]);
#endif
	return sums[0];
}

/* Products of n rows of the matrix for each row of a vector, times the sign. */
ALWAYS_INLINE void
CLONE(dots_tile) (const double *matrix, size_t length, size_t n_values,
				  const uint16_t *numbers, const double *vectors, double sign,
				  double *products, const int n, const int width)
{
	Vec			sums[4][VL];

	UNROLL
	for (int r = 0; r < VECTOR_ROWS(width); r += DOTS_ROWS)
		CLONE(dots_of_row) (matrix, length, n_values, numbers, vectors, sums, r, n,
							VECTOR_ROWS(width) < DOTS_ROWS ? 1 : DOTS_ROWS);
	UNROLL
	for (int t = 0; t < n; t++)
		CLONE(store) (products + t * VL, sign * CLONE(join_sums) (sums[t], width));
}

/*
 * Products of each row's n rows of the matrix with its vector in `deviations`, times
 * the sign.  first: of the rows.
 */
ALWAYS_INLINE void
CLONE(dots_of_rows) (const MissingScratch *scratch, const double *matrix,
					 const uint16_t *numbers, int n, int first, double sign, double *products,
					 const int width)
{
	const size_t length = (size_t) scratch->stride * width;
	const size_t n_values = (size_t) scratch->d * width;
	const double *vectors = scratch->deviations + first * length;
	int			i = 0;

#define DOTS(n_i) \
	CLONE(dots_tile) (matrix, length, n_values, numbers + first + i * MIXTURE_LANES, vectors, \
					  sign, products + (size_t) i * VL, n_i, width)
	for (; i + 4 <= n; i += 4)
		DOTS(4);
	for (; i + 2 <= n; i += 2)
		DOTS(2);
	if (i < n)
		DOTS(1);
#undef DOTS
}

/* --- what is missing in rows of any patterns --------------------------------------- */

/*
 * Let the n factors be where those of a group's rows from `first` on are kept, or in
 * scratch.
 */
ALWAYS_INLINE void
CLONE(place_factors) (const MissingScratch *scratch, const MissingGroup *group, double *kept,
					  int first, CLONE(Factor) *factors, int n, const int width)
{
	size_t		n_solved = group->n_solved;
	size_t		step = n_solved * (n_solved + 1) / 2 * VL;
	double	   *memory = kept == NULL ? scratch->factors :
		kept + group->factor_place * width + first / VECTOR_ROWS(width) * step;

	for (int v = 0; v < n; v++)
	{
		factors[v].triangle = memory + v * step;
		factors[v].pivots = scratch->pivots + v * n_solved * VL;
	}
}

/* Make the factors of n vectors of a group's rows from `first` on. */
ALWAYS_INLINE void
CLONE(make_factors) (const MissingScratch *scratch, const MissingGroup *group,
					 const MissingSet *set, int first, CLONE(Factor) *factors, int n,
					 const MixtureHost *host, const int width)
{
	for (int v = 0; v < n; v++)
		CLONE(pick_matrices) (scratch, set->sides[group->covariance].matrix,
							  group->solved + first + v * VECTOR_ROWS(width), group->n_solved,
							  factors[v].triangle, width);
	CLONE(factor_matrices) (factors, n, group->n_solved, host);
}

/* The right sides of the equations of the rows of a vector. */
ALWAYS_INLINE void
CLONE(right_sides) (const MissingScratch *scratch, const MissingGroup *group,
				   const MissingSet *set, int first, double *right, const int width)
{
	const MissingSide *side = &set->sides[group->covariance];
	size_t		length = (size_t) scratch->stride * width;
	/* what stands where a lane has no feature is only read as an observed one */
	size_t		n_values = group->covariance ? length : (size_t) scratch->d * width;
	const double *rows[VL];

	UNROLL
	for (int r = 0; r < VECTOR_ROWS(width); r++)
	{
		double	   *deviations = scratch->deviations + (first + r) * length;

		CLONE(deviations_of_row) (group->rows + (size_t) (first + r) * scratch->row_stride,
								  set->mean, side->into, n_values, deviations, width);
		rows[r] = deviations;
	}
	if (!group->covariance)
		CLONE(dots_of_rows) (scratch, side->matrix, group->missing, group->n_missing, first, -1,
							 right, width);
	for (int i = 0; group->covariance && i < group->n_solved; i++)
		CLONE(store) (right + (size_t) i * VL,
					  CLONE(pick) (rows, group->solved + first + i * MIXTURE_LANES, width));
}

/* And what is missing of what was solved for, if that are observed features; in place. */
ALWAYS_INLINE void
CLONE(use_observed) (const MissingScratch *scratch, const MissingGroup *group,
					 const MissingSide *side, int first, double sign, double *right,
					 const int width)
{
	size_t		length = (size_t) scratch->stride * width;
	double	   *rows[VL];

	UNROLL
	for (int r = 0; r < VECTOR_ROWS(width); r++)
		rows[r] = scratch->deviations + (first + r) * length;
	/* back to the rows, in which features that are missing are 0 */
	for (int i = 0; i < group->n_solved; i++)
		CLONE(place) (rows, group->solved + first + i * MIXTURE_LANES,
					  CLONE(load) (right + (size_t) i * VL), width, false);
	CLONE(dots_of_rows) (scratch, side->matrix, group->missing, group->n_missing, first, sign,
						 right, width);
}

/*
 * Each row's shift from the density of a completed row to that of what is there, of
 * n_sets sets; returns where it is a number.
 */
ALWAYS_INLINE Bits
CLONE(leave_shifts) (const MissingGroup *group, const MissingSet *set, int first,
					 const CLONE(Factor) *factor, int n_sets, const int width)
{
	const MissingSide *side = &set->sides[group->covariance];
	Vec			sum = CLONE(pick_of_one) (side->constant, (const uint16_t[VL]) {0}, width);

	for (int i = 0; i < group->n_solved; i++)
		sum += CLONE(pick_of_one) (side->constants, group->solved + first + i * MIXTURE_LANES,
								   width);
	sum = CLONE(select) ((Bits) (factor->least >= MISSING_LEAST_PIVOT),
						 sum - 0.5 * factor->log_determinant, NAN - (Vec) {0});
	for (int s = 0; s < n_sets; s++)
		CLONE(store) (set[s].shifts + (size_t) (group->start + first) * width, sum);
	return (Bits) (sum == sum);
}

/* Leave what is missing in the rows of a vector in its place. */
ALWAYS_INLINE void
CLONE(leave_filled) (const MissingGroup *group, const MissingSet *set, int first,
					 const double *right, const int width)
{
	const MissingSide *side = &set->sides[group->covariance];
	double	   *filled = set->filled + (group->place + first) * width;

	for (int i = 0; i < group->n_missing; i++)
	{
		const uint16_t *numbers = group->missing + first + i * MIXTURE_LANES;

		CLONE(store) (filled + (size_t) i * MIXTURE_LANES * width,
					  CLONE(pick_of_one) (set->mean, numbers, width) +
					  CLONE(pick_of_one) (side->out, numbers, width) *
					  CLONE(load) (right + (size_t) i * VL));
	}
}

/* kernels_spread.h */
static void CLONE(leave_steps) (const MissingScratch *scratch, const MissingGroup *group,
								const MissingSet *set, const MissingShared *shared, int first,
								const CLONE(Factor) *factor, double *shifts,
								const MixtureHost *host);

/* Fill in what is missing in n vectors of a group's rows, from `first` on. */
ALWAYS_INLINE void
CLONE(fill_rows) (const MissingScratch *scratch, const MissingGroup *group,
				  const MissingSet *set, int first, const CLONE(Factor) *factors, int n,
				  const int width)
{
	const size_t step = (size_t) (scratch->d + 1) * VL;

	for (int v = 0; v < n; v++)
		CLONE(right_sides) (scratch, group, set, first + v * VECTOR_ROWS(width),
						   scratch->right + v * step, width);
	CLONE(solve_lanes) (factors, n, group->n_solved, scratch->right, step);
	for (int v = 0; v < n; v++)
	{
		double	   *right = scratch->right + v * step;

		if (group->covariance)
			CLONE(use_observed) (scratch, group, &set->sides[1], first + v * VECTOR_ROWS(width),
								 1, right, width);
		CLONE(leave_filled) (group, set, first + v * VECTOR_ROWS(width), right, width);
	}
}

ALWAYS_INLINE bool
CLONE(fill_mixed) (const MissingScratch *scratch, const MissingGroup *group,
				   const MissingSet *sets, int n_sets, const MissingShared *shared,
				   double *kept, const MixtureHost *host, const int width)
{
	const int	n_vectors = MIXTURE_LANES / VECTOR_ROWS(width);
	const int	n = n_vectors < MISSING_BESIDE ? n_vectors : MISSING_BESIDE;
	Bits		known = ~(Bits) {0};

	for (int first = 0; first < MIXTURE_LANES; first += n * VECTOR_ROWS(width))
	{
		CLONE(Factor) factors[MISSING_BESIDE];

		CLONE(place_factors) (scratch, group, kept, first, factors, n, width);
		CLONE(make_factors) (scratch, group, &sets[0], first, factors, n, host, width);
		for (int v = 0; v < n; v++)
			known &= CLONE(leave_shifts) (group, sets, first + v * VECTOR_ROWS(width), &factors[v],
										  n_sets, width);
		for (int s = 0; s < n_sets; s++)
		{
			CLONE(fill_rows) (scratch, group, &sets[s], first, factors, n, width);
			host->check_interrupts(host->context);
		}
		for (int v = 0; v < n && width == 1 && shared != NULL; v++)
			CLONE(leave_steps) (scratch, group, &sets[0], shared, first + v * VL, &factors[v],
								sets[0].shifts + group->start + first + v * VL, host);
	}
	return CLONE(holds) (known);
}

/* Fill in what is missing in a mixed group; see Kernels. */
static bool
CLONE(missing_fill) (const MissingScratch *scratch, const MissingGroup *group,
					 const MissingSet *sets, int n_sets, const MissingShared *shared,
					 double *kept, const MixtureHost *host)
{
	if (sets->width == 1)
		return CLONE(fill_mixed) (scratch, group, sets, n_sets, shared, kept, host, 1);
#if VL >= 4
	if (sets->width == MISSING_LEAST_WIDTH)
		return CLONE(fill_mixed) (scratch, group, sets, n_sets, NULL, kept, host,
								  MISSING_LEAST_WIDTH);
#endif
	return CLONE(fill_mixed) (scratch, group, sets, n_sets, NULL, kept, host, MISSING_WIDTH);
}
