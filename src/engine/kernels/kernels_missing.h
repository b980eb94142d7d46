/*
 * kernels_missing.h
 *	  What is missing in rows that have any features missing: equations are made
 *	  and solved for each (missing.c); a part of kernels_clone.h, compiled once
 *	  per instruction set.
 */

/* --- products with rows of a matrix ------------------------------------------ */

/* Deviations of a row from the set's means, scaled; 0 where the feature is missing. */
ALWAYS_INLINE void
CLONE(deviations_of_row) (const double *row, const double *means, const double *into,
						  int n, double *deviations, const int width)
{
	for (int j = 0; j < n; j += VL)
	{
		const double *feature = row + j / width;
		Vec			x;
		Vec			u;

		if (width == 1)
			x = CLONE(load) (feature);
		else
#if VL == 8
			x = (Vec) {feature[0], feature[0], feature[0], feature[0],
				feature[1], feature[1], feature[1], feature[1]};
#else
			x = feature[0] - (Vec) {0};
#endif
		u = (x - CLONE(load) (means + j)) * CLONE(load) (into + j);
		CLONE(store) (deviations + j, CLONE(select) ((Bits) (x == x), u, (Vec) {0}));
	}
}

/* Products of n rows of the matrix, from number i of a lane's, with its vector. */
ALWAYS_INLINE void
CLONE(dots_of_lane) (const MissingScratch *scratch, const double *matrix,
					 const uint16_t *numbers, int i, int lane, const int n, const int width)
{
	const size_t length = (size_t) scratch->stride * width;
	const double *vector = scratch->deviations + lane * length;
	const double *rows[4];
	Vec			sum[4];

	UNROLL
	for (int t = 0; t < n; t++)
	{
		rows[t] = matrix + numbers[(i + t) * MIXTURE_LANES + lane] * length;
		sum[t] = (Vec) {0};
	}
	for (size_t j = 0; j < length; j += VL)
	{
		Vec			x = CLONE(load) (vector + j);

		UNROLL
		for (int t = 0; t < n; t++)
			sum[t] += CLONE(load) (rows[t] + j) * x;
	}
	UNROLL
	for (int t = 0; t < n; t++)
		CLONE(store) (scratch->products + ((size_t) (i + t) * VL + lane) * VL, sum[t]);
}

/* What the products of all lanes with row i come to, as vectors of lanes. */
ALWAYS_INLINE void
CLONE(sum_products) (const double *products, Vec *values, const int width)
{
	Vec			v[VL];

	UNROLL
	for (int lane = 0; lane < VL; lane++)
		v[lane] = CLONE(load) (products + lane * VL);
	if (width == 1)
	{
		double		sums[VL];

		CLONE(sum_elements) (v, VL, sums);
		values[0] = CLONE(load) (sums);
	}
	else
	{
#if VL == 8
		UNROLL
		for (int t = 0; t < MISSING_WIDTH; t++)
			v[t] = SHUFFLE(v[2 * t], v[2 * t + 1], 0, 1, 2, 3, 12, 13, 14, 15) +
				SHUFFLE(v[2 * t], v[2 * t + 1], 4, 5, 6, 7, 8, 9, 10, 11);
#endif
		CLONE(turn_to_lanes) (v, values);
	}
}

/*
 * Products of each lane's n rows of the matrix with its vector in `deviations`,
 * times the sign, into `right`.
 */
ALWAYS_INLINE void
CLONE(dots_of_lanes) (const MissingScratch *scratch, const double *matrix,
					  const uint16_t *numbers, int n, double sign, const int width)
{
	size_t		step = (size_t) (scratch->d + 1) * VL;

	for (int lane = 0; lane < VL; lane++)
	{
		int			i = 0;

		for (; i + 4 <= n; i += 4)
			CLONE(dots_of_lane) (scratch, matrix, numbers, i, lane, 4, width);
		for (; i + 2 <= n; i += 2)
			CLONE(dots_of_lane) (scratch, matrix, numbers, i, lane, 2, width);
		if (i < n)
			CLONE(dots_of_lane) (scratch, matrix, numbers, i, lane, 1, width);
	}
	for (int i = 0; i < n; i++)
	{
		Vec			values[MISSING_WIDTH];

		CLONE(sum_products) (scratch->products + (size_t) i * VL * VL, values, width);
		UNROLL
		for (int c = 0; c < width; c++)
			CLONE(store) (scratch->right + c * step + (size_t) i * VL, sign * values[c]);
	}
}

/* --- what is missing in rows of any patterns --------------------------------------- */

/* Let factors be where those of a group's lanes from `first` on are kept, or in scratch. */
ALWAYS_INLINE void
CLONE(place_factors) (const MissingScratch *scratch, const MissingGroup *group,
					  const MissingSet *set, double *kept, int first, CLONE(Factor) *factors)
{
	size_t		step = ((size_t) group->n_solved * (group->n_solved + 1) / 2) * VL;
	double	   *memory = kept == NULL ? scratch->factors :
		kept + group->factor_place * set->n + first / VL * step * set->n;

	for (int c = 0; c < set->n; c++)
	{
		factors[c].triangle = memory + c * step;
		factors[c].pivots = scratch->pivots + (size_t) c * group->n_solved * VL;
	}
}

/* Make the factors of a group's lanes from `first` on. */
ALWAYS_INLINE void
CLONE(make_factors) (const MissingScratch *scratch, const MissingGroup *group,
					 const MissingSet *set, int first, CLONE(Factor) *factors,
					 const MixtureHost *host, const int width)
{
	int			n = group->n_solved;

	CLONE(pick_matrices) (scratch, set->sides[group->covariance].matrix, group->solved + first, n,
						  factors[0].triangle, ((size_t) n * (n + 1) / 2) * VL, set->n, width);
	CLONE(factor_matrices) (factors, set->n, n, host);
}

/* Solve for what is missing in the lanes from `first` on; leaves it in `right`. */
ALWAYS_INLINE void
CLONE(solve_mixed) (const MissingScratch *scratch, const MissingGroup *group,
					const MissingSet *set, int first, const CLONE(Factor) *factors,
					const int width)
{
	const MissingSide *side = &set->sides[group->covariance];
	const uint16_t *missing = group->missing + first;
	const uint16_t *solved = group->solved + first;
	size_t		length = (size_t) scratch->stride * width;
	size_t		step = (size_t) (scratch->d + 1) * VL;
	double	   *rows[VL];

	for (int lane = 0; lane < VL; lane++)
	{
		rows[lane] = scratch->deviations + lane * length;
		CLONE(deviations_of_row) (group->rows + (size_t) (first + lane) * scratch->stride,
								  set->mean, side->into, (int) length, rows[lane], width);
	}
	if (!group->covariance)
	{
		CLONE(dots_of_lanes) (scratch, side->matrix, missing, group->n_missing, -1, width);
		CLONE(solve_lanes) (factors, set->n, group->n_solved, scratch->right, step);
		return;
	}
	for (int i = 0; i < group->n_solved; i++)
	{
		Vec			values[MISSING_WIDTH];

		CLONE(pick) ((const double *const *) rows, solved + i * MIXTURE_LANES, values, width);
		UNROLL
		for (int c = 0; c < width; c++)
			CLONE(store) (scratch->right + c * step + (size_t) i * VL, values[c]);
	}
	CLONE(solve_lanes) (factors, set->n, group->n_solved, scratch->right, step);
	/* back to the rows, in which features that are missing are 0 */
	for (int i = 0; i < group->n_solved; i++)
	{
		Vec			values[MISSING_WIDTH];

		UNROLL
		for (int c = 0; c < width; c++)
			values[c] = CLONE(load) (scratch->right + c * step + (size_t) i * VL);
		CLONE(place) (rows, solved + i * MIXTURE_LANES, values, width, false);
	}
	CLONE(dots_of_lanes) (scratch, side->matrix, missing, group->n_missing, 1, width);
}

/* Each lane's shift from the density of a completed row to that of what is there. */
ALWAYS_INLINE void
CLONE(leave_shifts) (const MissingGroup *group, const MissingSet *set, int first,
					 const CLONE(Factor) *factors, Vec *sums, const int width)
{
	const MissingSide *side = &set->sides[group->covariance];

	UNROLL
	for (int c = 0; c < width; c++)
		sums[c] = side->constant[c] - (Vec) {0};
	for (int i = 0; i < group->n_solved; i++)
	{
		Vec			values[MISSING_WIDTH];

		CLONE(pick_of_one) (side->constants, group->solved + first + i * MIXTURE_LANES, values, width);
		UNROLL
		for (int c = 0; c < width; c++)
			sums[c] += values[c];
	}
	for (int c = 0; c < set->n; c++)
		sums[c] = CLONE(select) ((Bits) (factors[c].least >= MISSING_LEAST_PIVOT),
								 sums[c] - 0.5 * factors[c].log_determinant, NAN - (Vec) {0});
}

/* Leave what is missing, in `right`, in its place. */
ALWAYS_INLINE void
CLONE(leave_filled) (const MissingScratch *scratch, const MissingGroup *group,
					 const MissingSet *set, int first, const int width)
{
	const MissingSide *side = &set->sides[group->covariance];
	size_t		step = (size_t) (scratch->d + 1) * VL;

	for (int i = 0; i < group->n_missing; i++)
	{
		const uint16_t *numbers = group->missing + first + i * MIXTURE_LANES;
		size_t		place = group->place + (size_t) i * MIXTURE_LANES + first;
		Vec			means[MISSING_WIDTH];
		Vec			out[MISSING_WIDTH];

		CLONE(pick_of_one) (set->mean, numbers, means, width);
		CLONE(pick_of_one) (side->out, numbers, out, width);
		UNROLL
		for (int c = 0; c < width; c++)
			if (c < set->n)
				CLONE(store) (set->filled[c] + place, means[c] + out[c] *
							  CLONE(load) (scratch->right + c * step + (size_t) i * VL));
	}
}

/* kernels_spread.h */
static void CLONE(leave_steps) (const MissingScratch *scratch, const MissingGroup *group,
								const MissingSet *set, const MissingShared *shared, int first,
								const CLONE(Factor) *factor, const double *shifts);

ALWAYS_INLINE void
CLONE(fill_mixed) (const MissingScratch *scratch, const MissingGroup *group,
				   const MissingSet *sets, int n_sets, const MissingShared *shared,
				   double *kept, const MixtureHost *host, const int width)
{
	for (int first = 0; first < MIXTURE_LANES; first += VL)
	{
		CLONE(Factor) factors[MISSING_WIDTH];
		Vec			shifts[MISSING_WIDTH];

		CLONE(place_factors) (scratch, group, &sets[0], kept, first, factors);
		CLONE(make_factors) (scratch, group, &sets[0], first, factors, host, width);
		CLONE(leave_shifts) (group, &sets[0], first, factors, shifts, width);
		for (int s = 0; s < n_sets; s++)
		{
			CLONE(solve_mixed) (scratch, group, &sets[s], first, factors, width);
			CLONE(leave_filled) (scratch, group, &sets[s], first, width);
			for (int c = 0; c < sets[s].n; c++)
				CLONE(store) (sets[s].shifts[c] + group->start + first, shifts[c]);
			host->check_interrupts(host->context);
		}
		if (width == 1 && shared != NULL)
			CLONE(leave_steps) (scratch, group, &sets[0], shared, first, &factors[0],
								sets[0].shifts[0] + group->start + first);
	}
}

/* Fill in what is missing in a mixed group; see Kernels. */
static void
CLONE(missing_fill) (const MissingScratch *scratch, const MissingGroup *group,
					 const MissingSet *sets, int n_sets, const MissingShared *shared,
					 double *kept, const MixtureHost *host)
{
	if (scratch->width == 1)
		CLONE(fill_mixed) (scratch, group, sets, n_sets, shared, kept, host, 1);
	else
		CLONE(fill_mixed) (scratch, group, sets, n_sets, NULL, kept, host, MISSING_WIDTH);
}
