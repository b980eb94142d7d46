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

/* Add to a tile, of n rows from i and columns from j on, the products of terms. */
ALWAYS_INLINE void
CLONE(add_terms) (const MissingShared *shared, int d, int i, int j,
				  Vec tile[MISSING_TILE][MISSING_TILE], const int n, const bool diagonal)
{
	const int	n_b = diagonal ? n : MISSING_TILE;
	const double *terms = shared->terms;

	for (int e = 0; e < *shared->n_active; e++, terms += (size_t) d * VL)
	{
		UNROLL
		for (int b = 0; b < n_b; b++)
		{
			Vec			right = CLONE(load) (terms + (size_t) (j + b) * VL);

			UNROLL
			for (int a = diagonal ? b : 0; a < n; a++)
				tile[a][b] += CLONE(load) (terms + (size_t) (i + a) * VL) * right;
		}
	}
}

/* Where a row has n columns of a matrix of sets. */
ALWAYS_INLINE void
CLONE(find_columns) (const uint16_t *numbers, size_t *columns, const int n, const int width)
{
	UNROLL
	for (int b = 0; b < n; b++)
		columns[b] = (size_t) numbers[b * MIXTURE_LANES] * width;
}

/* Add the part of a tile of n rows that belongs to row r of a vector of sets. */
ALWAYS_INLINE void
CLONE(place_parts) (double *matrix, size_t length, const uint16_t *row_numbers,
					const uint16_t *column_numbers, Vec tile[MISSING_TILE][MISSING_TILE],
					const int r, const int n, const bool diagonal, const int width)
{
	size_t		columns[MISSING_TILE];

	CLONE(find_columns) (column_numbers + r, columns, diagonal ? n : MISSING_TILE, width);
	UNROLL
	for (int a = 0; a < n; a++)
	{
		const int	n_b = diagonal ? a + 1 : MISSING_TILE;
		double	   *row = matrix + row_numbers[a * MIXTURE_LANES + r] * length;

		UNROLL
		for (int b = 0; b < n_b; b++)
		{
			CLONE(Lanes) from = {tile[a][b]};

			if (width == MISSING_WIDTH)
				*(CLONE(Part) *) (row + columns[b]) += from.parts[r];
			else
				*(CLONE(Pair) *) (row + columns[b]) += from.pairs[r];
		}
	}
}

/* The same of all rows of a vector whose sets are of one. */
ALWAYS_INLINE void
CLONE(place_elements) (double *matrix, size_t length, const uint16_t *row_numbers,
					   const uint16_t *column_numbers, Vec tile[MISSING_TILE][MISSING_TILE],
					   const int n, const bool diagonal)
{
	double		values[MISSING_TILE * MISSING_TILE * VL];

	UNROLL
	for (int a = 0; a < n; a++)
	{
		const int	n_b = diagonal ? a + 1 : MISSING_TILE;

		UNROLL
		for (int b = 0; b < n_b; b++)
			CLONE(store) (values + (a * MISSING_TILE + b) * VL, tile[a][b]);
	}
	for (int r = 0; r < VL; r++)
	{
		size_t		columns[MISSING_TILE];

		CLONE(find_columns) (column_numbers + r, columns, diagonal ? n : MISSING_TILE, 1);
		UNROLL
		for (int a = 0; a < n; a++)
		{
			const int	n_b = diagonal ? a + 1 : MISSING_TILE;
			double	   *row = matrix + row_numbers[a * MIXTURE_LANES + r] * length;

			UNROLL
			for (int b = 0; b < n_b; b++)
				row[columns[b]] += values[(a * MISSING_TILE + b) * VL + r];
		}
	}
}

/*
 * Add a tile of n rows to a matrix of sets, at numbers of the rows' own in either
 * direction.
 */
ALWAYS_INLINE void
CLONE(place_tile) (const MissingScratch *scratch, double *matrix, const uint16_t *row_numbers,
				   const uint16_t *column_numbers, Vec tile[MISSING_TILE][MISSING_TILE],
				   const int n, const bool diagonal, const int width)
{
	const size_t length = (size_t) scratch->stride * width;

	if (width == 1)
	{
		CLONE(place_elements) (matrix, length, row_numbers, column_numbers, tile, n, diagonal);
		return;
	}
	UNROLL
	for (int r = 0; r < VECTOR_ROWS(width); r++)
		CLONE(place_parts) (matrix, length, row_numbers, column_numbers, tile, r, n, diagonal,
							width);
}

/*
 * A tile of n rows from i on of the inverses of a vector's matrices, times the shares,
 * into the residuals; with the products of terms, unless `shared` is NULL.
 */
ALWAYS_INLINE void
CLONE(residual_tile) (const MissingScratch *scratch, double *residuals,
					  const uint16_t *solved, double *triangle, int end, int i, int j,
					  Vec share, const MissingShared *shared, const int n, const bool diagonal,
					  const int width)
{
	const Bits	counts = (Bits) (share > 0);
	Vec			tile[MISSING_TILE][MISSING_TILE];

	CLONE(inverse_tile) (triangle, end, i, j, tile, n, diagonal);
	UNROLL
	for (int a = 0; a < n; a++)
	{
		const int	n_b = diagonal ? a + 1 : MISSING_TILE;

		/* a lane without a share may hold anything */
		UNROLL
		for (int b = 0; b < n_b; b++)
			tile[a][b] = CLONE(select) (counts, tile[a][b] * share, (Vec) {0});
	}
	if (width == 1 && shared != NULL)
		CLONE(add_terms) (shared, scratch->d, i, j, tile, n, diagonal);
	CLONE(place_tile) (scratch, residuals, solved + i * MIXTURE_LANES, solved + j * MIXTURE_LANES,
					   tile, n, diagonal, width);
}

/* The same of n rows. */
ALWAYS_INLINE void
CLONE(residual_rows) (const MissingScratch *scratch, const MissingGroup *group,
					  double *residuals, int first, double *triangle, int i, Vec share,
					  const MissingShared *shared, const int n, const int width)
{
	const uint16_t *solved = group->solved + first;

	for (int j = 0; j < i; j += MISSING_TILE)
		CLONE(residual_tile) (scratch, residuals, solved, triangle, group->n_solved, i, j, share,
							  shared, n, false, width);
	CLONE(residual_tile) (scratch, residuals, solved, triangle, group->n_solved, i, i, share,
						  shared, n, true, width);
}

ALWAYS_INLINE void
CLONE(mixed_residuals) (const MissingScratch *scratch, const MissingGroup *group,
						const MissingSet *set, const MissingShared *shared,
						const KernelWork *work, const double *shares, double *kept,
						const MixtureHost *host, const int width)
{
	const int	n = group->n_solved;
	double	   *residuals = set->sides[group->covariance].residuals;

	for (int first = 0; first < MIXTURE_LANES; first += VECTOR_ROWS(width))
	{
		CLONE(Factor) factor;
		Vec			share = CLONE(load) (shares + (size_t) (group->start + first) * width);
		bool		any = CLONE(sum_of) (share) > 0;
		const MissingShared *terms = NULL;

		if (width == 1 && shared != NULL)
		{
			CLONE(spread_rows) (scratch, group, set, shared, work, first);
			if (!any)
				CLONE(spread_all_products) (scratch, group, &set->sides[0], shared, first, host);
			terms = *shared->n_active > 1 ? shared : NULL;
		}
		if (!any)
			continue;
		CLONE(place_factors) (scratch, group, kept, first, &factor, 1, width);
		if (kept == NULL)
			CLONE(make_factors) (scratch, group, set, first, &factor, 1, host, width);
		for (int i = 0; i < n; i += MISSING_TILE)
		{
#define INVERSE(rows) CLONE(inverse_rows) (factor.triangle, i, rows)
			TILE_CASES(n - i, INVERSE);
#undef INVERSE
			if (n > MISSING_LONG)
				host->check_interrupts(host->context);
		}
		for (int i = 0; i < n; i += MISSING_TILE)
		{
#define RESIDUAL(rows) \
			CLONE(residual_rows) (scratch, group, residuals, first, factor.triangle, i, share, \
								  terms, rows, width)
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
						  const KernelWork *work, const double *shares, double *kept,
						  const MixtureHost *host)
{
	if (set->width == 1)
		CLONE(mixed_residuals) (scratch, group, set, shared, work, shares, kept, host, 1);
#if VL >= 4
	else if (set->width == MISSING_LEAST_WIDTH)
		CLONE(mixed_residuals) (scratch, group, set, NULL, work, shares, kept, host,
								MISSING_LEAST_WIDTH);
#endif
	else
		CLONE(mixed_residuals) (scratch, group, set, NULL, work, shares, kept, host, MISSING_WIDTH);
}

#undef TILE_CASES
#undef VECTOR_ROWS
#undef DOTS_ROWS
#if VL >= 4
#undef FIRST_PAIRS
#undef SECOND_PAIRS
#endif
#if VL == 8
#undef LOW_HALVES
#undef HIGH_HALVES
#endif
