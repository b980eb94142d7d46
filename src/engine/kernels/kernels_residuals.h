/*
 * kernels_residuals.h
 *	  What remains of the variance of missing features: inverses of the matrices of
 *	  kernels_factor.h, summed by responsibility; a part of kernels_clone.h, compiled
 *	  once per instruction set.
 */

/* The inverse of L's tile of n rows on the diagonal at i, but for its ones. */
ALWAYS_INLINE void
CLONE(inverse_diagonal) (double *triangle, int i, Vec tile[MISSING_TILE][MISSING_TILE],
						 const int n)
{
	UNROLL
	for (int a = 0; a < n; a++)
	{
		UNROLL
		for (int b = 0; b < a; b++)
		{
			tile[a][b] = -CLONE(load) (CLONE(element) (triangle, i + a, i + b));
			UNROLL
			for (int e = b + 1; e < a; e++)
				tile[a][b] -= CLONE(load) (CLONE(element) (triangle, i + a, i + e)) * tile[e][b];
		}
	}
}

/*
 * Minus the tile at (i, j) of L times what is there of L's inverse: rows j on of it,
 * before i.
 */
ALWAYS_INLINE void
CLONE(inverse_sums) (double *triangle, int i, int j, Vec sum[MISSING_TILE][MISSING_TILE],
					 const int n)
{
	UNROLL
	for (int b = 0; b < MISSING_TILE; b++)
	{
		UNROLL
		for (int a = 0; a < n; a++)
			sum[a][b] = -CLONE(load) (CLONE(element) (triangle, i + a, j + b));
	}
	UNROLL
	for (int l = 1; l < MISSING_TILE; l++)
	{
		UNROLL
		for (int a = 0; a < n; a++)
		{
			Vec			left = CLONE(load) (CLONE(element) (triangle, i + a, j + l));

			UNROLL
			for (int b = 0; b < l; b++)
				sum[a][b] -= left * CLONE(load) (CLONE(element) (triangle, j + l, j + b));
		}
	}
	for (int l = j + MISSING_TILE; l < i; l++)
	{
		UNROLL
		for (int a = 0; a < n; a++)
		{
			Vec			left = CLONE(load) (CLONE(element) (triangle, i + a, l));

			UNROLL
			for (int b = 0; b < MISSING_TILE; b++)
				sum[a][b] -= left * CLONE(load) (CLONE(element) (triangle, l, j + b));
		}
	}
}

/* n rows of L's inverse from i on, in place; those before are there. */
ALWAYS_INLINE void
CLONE(inverse_rows) (double *triangle, int i, const int n)
{
	Vec			own[MISSING_TILE][MISSING_TILE];

	CLONE(inverse_diagonal) (triangle, i, own, n);
	for (int j = 0; j < i; j += MISSING_TILE)
	{
		Vec			sum[MISSING_TILE][MISSING_TILE];

		CLONE(inverse_sums) (triangle, i, j, sum, n);
		UNROLL
		for (int a = n - 1; a >= 0; a--)
		{
			UNROLL
			for (int b = 0; b < MISSING_TILE; b++)
			{
				Vec			value = sum[a][b];

				UNROLL
				for (int e = 0; e < a; e++)
					value += own[a][e] * sum[e][b];
				CLONE(store) (CLONE(element) (triangle, i + a, j + b), value);
			}
		}
	}
	UNROLL
	for (int a = 0; a < n; a++)
	{
		UNROLL
		for (int b = 0; b < a; b++)
			CLONE(store) (CLONE(element) (triangle, i + a, i + b), own[a][b]);
	}
}

/*
 * Elements from (i, j) on of the inverse of the matrix, X^T D^-1 X for the inverse X
 * of L: of n rows, and as many columns if it is of the diagonal, else MISSING_TILE.
 */
ALWAYS_INLINE void
CLONE(inverse_tile) (double *triangle, int end, int i, int j,
					 Vec tile[MISSING_TILE][MISSING_TILE], const int n, const bool diagonal)
{
	const int	n_j = diagonal ? n : MISSING_TILE;

	UNROLL
	for (int l = 0; l < n; l++)
	{
		Vec			inverse = CLONE(load) (CLONE(element) (triangle, i + l, i + l));
		const int	n_b = diagonal ? l + 1 : n_j;

		UNROLL
		for (int b = 0; b < n_b; b++)
		{
			/* the one in the diagonal of X is not there */
			const bool	one = diagonal && b == l;
			Vec			right = one ? inverse :
				inverse * CLONE(load) (CLONE(element) (triangle, i + l, j + b));

			tile[l][b] = right;
			UNROLL
			for (int a = diagonal ? b : 0; a < l; a++)
				tile[a][b] += CLONE(load) (CLONE(element) (triangle, i + l, i + a)) * right;
		}
	}
	for (int l = i + n; l < end; l++)
	{
		Vec			inverse = CLONE(load) (CLONE(element) (triangle, l, l));
		Vec			left[MISSING_TILE];

		UNROLL
		for (int a = 0; a < n; a++)
			left[a] = CLONE(load) (CLONE(element) (triangle, l, i + a));
		UNROLL
		for (int b = 0; b < n_j; b++)
		{
			Vec			right = inverse * (diagonal ? left[b] :
										   CLONE(load) (CLONE(element) (triangle, l, j + b)));

			UNROLL
			for (int a = diagonal ? b : 0; a < n; a++)
				tile[a][b] += left[a] * right;
		}
	}
}

/* Leave the elements of a tile, times each lane's share, for place_tile(). */
ALWAYS_INLINE void
CLONE(leave_tile) (double *triangle, int end, int i, int j, Vec share, double *values,
				   const int n, const bool diagonal)
{
	Vec			tile[MISSING_TILE][MISSING_TILE];
	Bits		counts = (Bits) (share > 0);

	CLONE(inverse_tile) (triangle, end, i, j, tile, n, diagonal);
	UNROLL
	for (int a = 0; a < n; a++)
	{
		const int	n_b = diagonal ? a + 1 : MISSING_TILE;

		/* a lane without a share may hold anything */
		UNROLL
		for (int b = 0; b < n_b; b++)
			CLONE(store) (values + (size_t) (a * MISSING_TILE + b) * MISSING_WIDTH * VL,
						  CLONE(select) (counts, tile[a][b] * share, (Vec) {0}));
	}
}

/* Add to a tile of values the products of terms; it has n rows from i on. */
ALWAYS_INLINE void
CLONE(add_terms) (const MissingShared *shared, int d, int i, int j, double *values, const int n)
{
	int			n_j = i == j ? n : MISSING_TILE;

	for (int b = 0; b < n_j; b++)
	{
		Vec			sum[MISSING_TILE];

		UNROLL
		for (int a = 0; a < n; a++)
			sum[a] = CLONE(load) (values + (size_t) (a * MISSING_TILE + b) * MISSING_WIDTH * VL);
		CLONE(term_products) (shared, d, i, j + b, sum, n);
		UNROLL
		for (int a = 0; a < n; a++)
			CLONE(store) (values + (size_t) (a * MISSING_TILE + b) * MISSING_WIDTH * VL, sum[a]);
	}
}

/*
 * Rows i to i + n of the inverses of the lanes' matrices, times their shares, into
 * the residuals.  values: a tile's, of each component, zeros for those of no share.
 */
ALWAYS_INLINE void
CLONE(residual_rows) (const MissingScratch *scratch, const MissingGroup *group,
					  const MissingSet *set, int first, const CLONE(Factor) *factors, int i,
					  const Vec *shares, const bool *counts, const MissingShared *shared,
					  double *values, const int n, const int width)
{
	const uint16_t *solved = group->solved + first;

	for (int j = 0; j <= i; j += MISSING_TILE)
	{
		for (int c = 0; c < set->n; c++)
			if (counts[c] && j == i)
				CLONE(leave_tile) (factors[c].triangle, group->n_solved, i, j, shares[c],
								   values + c * VL, n, true);
			else if (counts[c])
				CLONE(leave_tile) (factors[c].triangle, group->n_solved, i, j, shares[c],
								   values + c * VL, n, false);
		if (width == 1 && shared != NULL)
			CLONE(add_terms) (shared, scratch->d, i, j, values, n);
		for (int a = 0; a < n; a++)
		{
			const double *rows[VL];
			int			n_b = j == i ? a + 1 : MISSING_TILE;

			CLONE(find_rows) (scratch, set->sides[group->covariance].residuals,
							  solved + (i + a) * MIXTURE_LANES, rows, width);
			for (int b = 0; b < n_b; b++)
			{
				Vec			element[MISSING_WIDTH];

				UNROLL
				for (int c = 0; c < width; c++)
					element[c] = CLONE(load) (values + ((size_t) (a * MISSING_TILE + b) *
														MISSING_WIDTH + c) * VL);
				CLONE(place) ((double *const *) rows, solved + (j + b) * MIXTURE_LANES,
							  element, width, true);
			}
		}
	}
}

ALWAYS_INLINE void
CLONE(mixed_residuals) (const MissingScratch *scratch, const MissingGroup *group,
						const MissingSet *set, const MissingShared *shared,
						const KernelWork *work, const double *const *shares, double *kept,
						const MixtureHost *host, const int width)
{
	const int	n = group->n_solved;

	for (int first = 0; first < MIXTURE_LANES; first += VL)
	{
		CLONE(Factor) factors[MISSING_WIDTH];
		Vec			share[MISSING_WIDTH];
		bool		counts[MISSING_WIDTH];
		bool		any = false;
		double		values[MISSING_TILE * MISSING_TILE * MISSING_WIDTH * VL];

		memset(values, 0, sizeof(values));
		for (int c = 0; c < set->n; c++)
		{
			share[c] = CLONE(load) (shares[c] + group->start + first);
			counts[c] = CLONE(sum_of) (share[c]) > 0;
			any = any || counts[c];
		}
		if (width == 1 && shared != NULL)
			CLONE(spread_rows) (scratch, group, set, shared, work, first);
		if (width == 1 && shared != NULL && !any)
			CLONE(spread_all_products) (scratch, group, &set->sides[0], shared, first, host);
		if (!any)
			continue;
		CLONE(place_factors) (scratch, group, set, kept, first, factors);
		if (kept == NULL)
			CLONE(make_factors) (scratch, group, set, first, factors, host, width);
		for (int i = 0; i < n; i += MISSING_TILE)
		{
			for (int c = 0; c < set->n; c++)
				if (counts[c])
				{
#define INVERSE(rows) CLONE(inverse_rows) (factors[c].triangle, i, rows)
					TILE_CASES(n - i, INVERSE);
#undef INVERSE
				}
			if (n > MISSING_LONG)
				host->check_interrupts(host->context);
		}
		for (int i = 0; i < n; i += MISSING_TILE)
		{
#define RESIDUAL(rows) \
			CLONE(residual_rows) (scratch, group, set, first, factors, i, share, counts, \
								  width == 1 && shared != NULL && *shared->n_active > 1 ? \
								  shared : NULL, values, rows, width)
			TILE_CASES(n - i, RESIDUAL);
#undef RESIDUAL
			if (n > MISSING_LONG)
				host->check_interrupts(host->context);
		}
	}
}

/* Add a mixed group's part to the residuals; see Kernels. */
static void
CLONE(missing_residuals) (const MissingScratch *scratch, const MissingGroup *group,
						  const MissingSet *set, const MissingShared *shared,
						  const KernelWork *work, const double *const *shares, double *kept,
						  const MixtureHost *host)
{
	if (scratch->width == 1)
		CLONE(mixed_residuals) (scratch, group, set, shared, work, shares, kept, host, 1);
	else
		CLONE(mixed_residuals) (scratch, group, set, NULL, work, shares, kept, host, MISSING_WIDTH);
}

#undef TILE_CASES
#if VL == 8
#undef LOW_HALVES
#undef HIGH_HALVES
#undef EVEN_PAIRS
#undef ODD_PAIRS
#endif
