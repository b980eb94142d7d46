/*
 * kernels_factor.h
 *	  Factors of many small matrices, a lane each: those of the equations for
 *	  missing features (missing.c); a part of kernels_clone.h, compiled once per
 *	  instruction set.
 *
 * Every row may have features of its own missing: elements of matrices are then
 * picked row by row.  Values of some components, a set, stand beside each other, and
 * a vector's lanes are the components of one set for as many rows as there is place
 * for; or, of a set of one, so many rows.  Nothing is then to be turned, and what is
 * read for a row is used for all components.
 *
 * The systems are small, from one unknown on, so that what counts is to have
 * several sums in registers: factors are made, inverted and multiplied in
 * square tiles.
 */

/*
 * MISSING_TILE: rows and columns of a tile.  MISSING_WIDTH: components of a set,
 * if it is not one.
 */
#if VL == 8 || defined(__aarch64__)
#define MISSING_TILE 4			/* 32 registers */
#else
#define MISSING_TILE 3			/* 16 */
#endif
#if VL == 2
#define MISSING_WIDTH 2
#else
#define MISSING_WIDTH 4
#endif

/* The values of a set in one place of a matrix, and of the narrowest but one. */
typedef double CLONE(Part) __attribute__((vector_size(8 * MISSING_WIDTH), aligned(8), may_alias));
typedef double CLONE(Pair) __attribute__((vector_size(16), aligned(8), may_alias));

/* A vector, row by row. */
typedef union CLONE(Lanes)
{
	Vec			values;
	CLONE(Part) parts[VL / MISSING_WIDTH];
	CLONE(Pair) pairs[VL / MISSING_LEAST_WIDTH];
	double		elements[VL];
} CLONE(Lanes);

/*
 * A pivot of a matrix with ones in the diagonal has lost as many digits as it
 * is less than 1; below this it counts as doubtful.
 */
#define MISSING_LEAST_PIVOT 0x1p-16

/* Products of so many pivots and one tile's more are in range. */
#define MISSING_PIVOTS_PER_LOG 32

/* Unknowns above which factors look for interrupts */
#define MISSING_LONG 48

/* --- sets and rows ----------------------------------------------------------- */

/* Rows that a vector has lanes for. */
#define VECTOR_ROWS(width) (VL / (width))

#if VL == 8
#define FIRST_PAIRS(a, b) SHUFFLE(a, b, 0, 1, 4, 5, 8, 9, 12, 13)
#define SECOND_PAIRS(a, b) SHUFFLE(a, b, 2, 3, 6, 7, 10, 11, 14, 15)
#define LOW_HALVES(a, b) SHUFFLE(a, b, 0, 1, 2, 3, 8, 9, 10, 11)
#define HIGH_HALVES(a, b) SHUFFLE(a, b, 4, 5, 6, 7, 12, 13, 14, 15)
#elif VL == 4
#define FIRST_PAIRS(a, b) SHUFFLE(a, b, 0, 1, 4, 5)
#define SECOND_PAIRS(a, b) SHUFFLE(a, b, 2, 3, 6, 7)
#endif

#if VL >= 4
/* The pairs of two rows. */
ALWAYS_INLINE __m256d
CLONE(two_pairs) (const double *const *rows, const uint16_t *numbers)
{
	return _mm256_insertf128_pd(_mm256_castpd128_pd256(_mm_loadu_pd(rows[0] + 2 * numbers[0])),
								_mm_loadu_pd(rows[1] + 2 * numbers[1]), 1);
}
#endif

/* The set's values of each row, at numbers[row] in rows[row]. */
ALWAYS_INLINE Vec
CLONE(pick) (const double *const *rows, const uint16_t *numbers, const int width)
{
	if (width == MISSING_WIDTH)
	{
#if VL == 8
		return (Vec) _mm512_insertf64x4(
			_mm512_castpd256_pd512(_mm256_loadu_pd(rows[0] + (size_t) MISSING_WIDTH * numbers[0])),
			_mm256_loadu_pd(rows[1] + (size_t) MISSING_WIDTH * numbers[1]), 1);
#else
		return CLONE(load) (rows[0] + (size_t) MISSING_WIDTH * numbers[0]);
#endif
	}
#if VL == 8
	if (width == MISSING_LEAST_WIDTH)
		return (Vec) _mm512_insertf64x4(_mm512_castpd256_pd512(CLONE(two_pairs) (rows, numbers)),
										CLONE(two_pairs) (rows + 2, numbers + 2), 1);
#elif VL == 4
	if (width == MISSING_LEAST_WIDTH)
		return (Vec) CLONE(two_pairs) (rows, numbers);
#endif
#if VL == 2
	return (Vec) {rows[0][numbers[0]], rows[1][numbers[1]]};
#elif VL == 4
	return (Vec) {rows[0][numbers[0]], rows[1][numbers[1]],
		rows[2][numbers[2]], rows[3][numbers[3]]};
#else
	return (Vec) {rows[0][numbers[0]], rows[1][numbers[1]],
		rows[2][numbers[2]], rows[3][numbers[3]],
		rows[4][numbers[4]], rows[5][numbers[5]],
		rows[6][numbers[6]], rows[7][numbers[7]]};
#endif
}

/* The same where all of them are one. */
ALWAYS_INLINE Vec
CLONE(pick_of_one) (const double *row, const uint16_t *numbers, const int width)
{
	const double *rows[VL];

	UNROLL
	for (int r = 0; r < VECTOR_ROWS(width); r++)
		rows[r] = row;
	return CLONE(pick) (rows, numbers, width);
}

/* Write values to where pick() would read them; if `add`, add them. */
ALWAYS_INLINE void
CLONE(place) (double *const *rows, const uint16_t *numbers, Vec values, const int width,
			  const bool add)
{
	CLONE(Lanes) from = {values};

	UNROLL
	for (int r = 0; r < VECTOR_ROWS(width); r++)
	{
		double	   *target = rows[r] + (size_t) width * numbers[r];

		if (width == 1)
			*target = from.elements[r] + (add ? *target : 0);
		else if (width == MISSING_WIDTH)
			*(CLONE(Part) *) target = from.parts[r];
		else
			*(CLONE(Pair) *) target = from.pairs[r];
	}
}

/* Where the rows' rows of a matrix of sets begin. */
ALWAYS_INLINE void
CLONE(find_rows) (const MissingScratch *scratch, const double *matrix,
				  const uint16_t *numbers, const double **rows, const int width)
{
	UNROLL
	for (int r = 0; r < VECTOR_ROWS(width); r++)
		rows[r] = matrix + (size_t) numbers[r] * scratch->stride * width;
}

/* Element (i, j), j <= i, of a packed triangle of vectors. */
ALWAYS_INLINE double *
CLONE(element) (double *triangle, int i, int j)
{
	return triangle + ((size_t) i * (i + 1) / 2 + j) * VL;
}

/* --- factors ---------------------------------------------------------------- */

/*
 * A factor is L of the matrix L D L^T: below the diagonal L, which has ones there,
 * and in the diagonal the inverse of D, whose elements are the pivots.
 */
typedef struct CLONE(Factor)
{
	double	   *triangle;
	double	   *pivots;
	Vec			least;			/* pivot, or NaN */
	Vec			product;		/* of some pivots */
	Vec			log_determinant;
} CLONE(Factor);

/*
 * Take from a tile, of rows from i and columns from j on, what is known of it by
 * the columns before j.
 */
ALWAYS_INLINE void
CLONE(remaining_tile) (CLONE(Factor) *factor, int i, int j,
					   Vec tile[MISSING_TILE][MISSING_TILE], const int n_i, const int n_j,
					   const bool diagonal)
{
	UNROLL
	for (int a = 0; a < n_i; a++)
	{
		const int	n_b = diagonal ? a : n_j;

		UNROLL
		for (int b = 0; b < n_b; b++)
			tile[a][b] = CLONE(load) (CLONE(element) (factor->triangle, i + a, j + b));
		if (diagonal)
			tile[a][a] = 1.0 - (Vec) {0};
	}
	for (int l = 0; l < j; l++)
	{
		Vec			pivot = CLONE(load) (factor->pivots + (size_t) l * VL);
		Vec			left[MISSING_TILE];

		UNROLL
		for (int a = 0; a < n_i; a++)
			left[a] = CLONE(load) (CLONE(element) (factor->triangle, i + a, l));
		UNROLL
		for (int b = 0; b < n_j; b++)
		{
			Vec			right = pivot * (diagonal ? left[b] :
										 CLONE(load) (CLONE(element) (factor->triangle, j + b, l)));

			UNROLL
			for (int a = diagonal ? b : 0; a < n_i; a++)
				tile[a][b] -= left[a] * right;
		}
	}
}

/* The factor's tile of n rows and columns on the diagonal, from i on. */
ALWAYS_INLINE void
CLONE(factor_diagonal) (CLONE(Factor) *factor, int i, const int n)
{
	Vec			tile[MISSING_TILE][MISSING_TILE];

	CLONE(remaining_tile) (factor, i, i, tile, n, n, true);
	UNROLL
	for (int b = 0; b < n; b++)
	{
		Vec			pivot = tile[b][b];
		Vec			inverse = 1.0 / pivot;

		/* written so that NaN is the least */
		factor->least = CLONE(lesser) (factor->least, pivot);
		factor->product *= pivot;
		CLONE(store) (factor->pivots + (size_t) (i + b) * VL, pivot);
		CLONE(store) (CLONE(element) (factor->triangle, i + b, i + b), inverse);
		UNROLL
		for (int a = b + 1; a < n; a++)
		{
			Vec			below = tile[a][b] * inverse;

			CLONE(store) (CLONE(element) (factor->triangle, i + a, i + b), below);
			UNROLL
			for (int c = b + 1; c <= a; c++)
				tile[a][c] -= below * tile[c][b];
		}
	}
}

/* The factor's tile of n rows from i on below that on the diagonal at j. */
ALWAYS_INLINE void
CLONE(factor_below) (CLONE(Factor) *factor, int i, int j, const int n)
{
	Vec			tile[MISSING_TILE][MISSING_TILE];

	CLONE(remaining_tile) (factor, i, j, tile, n, MISSING_TILE, false);
	UNROLL
	for (int b = 0; b < MISSING_TILE; b++)
	{
		Vec			inverse = CLONE(load) (CLONE(element) (factor->triangle, j + b, j + b));

		UNROLL
		for (int c = b + 1; c < MISSING_TILE; c++)
		{
			Vec			beside = CLONE(load) (CLONE(element) (factor->triangle, j + c, j + b));

			UNROLL
			for (int a = 0; a < n; a++)
				tile[a][c] -= tile[a][b] * beside;
		}
		UNROLL
		for (int a = 0; a < n; a++)
			CLONE(store) (CLONE(element) (factor->triangle, i + a, j + b), tile[a][b] * inverse);
	}
}

/* TILE_CASES: do something with a tile of so many rows as the compiler knows. */
#if MISSING_TILE == 4
#define TILE_CASES(n, what) \
	switch (n) { case 1: what(1); break; case 2: what(2); break; \
		case 3: what(3); break; default: what(4); break; }
#else
#define TILE_CASES(n, what) \
	switch (n) { case 1: what(1); break; case 2: what(2); break; default: what(3); break; }
#endif

/* The matrices of what is solved for in a vector's rows, below the diagonal. */
ALWAYS_INLINE void
CLONE(pick_matrices) (const MissingScratch *scratch, const double *matrix,
					  const uint16_t *solved, int n, double *triangle, const int width)
{
	for (int i = 1; i < n; i++)
	{
		const double *rows[VL];

		CLONE(find_rows) (scratch, matrix, solved + i * MIXTURE_LANES, rows, width);
		for (int j = 0; j < i; j++)
			CLONE(store) (CLONE(element) (triangle, i, j),
						  CLONE(pick) (rows, solved + j * MIXTURE_LANES, width));
	}
}

/* Replace the matrices by their factors. */
static void
CLONE(factor_matrices) (CLONE(Factor) *factors, int n_factors, int n,
						const MixtureHost *host)
{
	const Vec	one = 1.0 - (Vec) {0};

	for (int c = 0; c < n_factors; c++)
	{
		factors[c].least = factors[c].product = one;
		factors[c].log_determinant = (Vec) {0};
	}
	for (int j = 0; j < n; j += MISSING_TILE)
	{
		bool		take_log = j + MISSING_TILE >= n ||
			(j / MISSING_TILE + 1) % (MISSING_PIVOTS_PER_LOG / MISSING_TILE) == 0;

		for (int c = 0; c < n_factors; c++)
		{
#define DIAGONAL(rows) CLONE(factor_diagonal) (&factors[c], j, rows)
			TILE_CASES(n - j, DIAGONAL);
#undef DIAGONAL
		}
		for (int i = j + MISSING_TILE; i < n; i += MISSING_TILE)
			for (int c = 0; c < n_factors; c++)
			{
#define BELOW(rows) CLONE(factor_below) (&factors[c], i, j, rows)
				TILE_CASES(n - i, BELOW);
#undef BELOW
			}
		for (int c = 0; c < n_factors && take_log; c++)
		{
			factors[c].log_determinant += CLONE(log_above_one) (factors[c].product);
			factors[c].product = one;
		}
		if (n > MISSING_LONG)
			host->check_interrupts(host->context);
	}
}

/* Unknowns i to i + n of L y = right, in place, of which those before are known. */
ALWAYS_INLINE void
CLONE(solve_forward) (double *triangle, int i, double *right, const int n)
{
	Vec			y[MISSING_TILE];

	UNROLL
	for (int a = 0; a < n; a++)
		y[a] = CLONE(load) (right + (size_t) (i + a) * VL);
	for (int l = 0; l < i; l++)
	{
		Vec			known = CLONE(load) (right + (size_t) l * VL);

		UNROLL
		for (int a = 0; a < n; a++)
			y[a] -= CLONE(load) (CLONE(element) (triangle, i + a, l)) * known;
	}
	UNROLL
	for (int a = 0; a < n; a++)
	{
		UNROLL
		for (int b = 0; b < a; b++)
			y[a] -= CLONE(load) (CLONE(element) (triangle, i + a, i + b)) * y[b];
		CLONE(store) (right + (size_t) (i + a) * VL, y[a]);
	}
}

/* And of D L^T x = right, of which those from i + n to `end` are known. */
ALWAYS_INLINE void
CLONE(solve_backward) (double *triangle, int i, int end, double *right, const int n)
{
	Vec			x[MISSING_TILE];

	UNROLL
	for (int a = 0; a < n; a++)
		x[a] = CLONE(load) (right + (size_t) (i + a) * VL) *
			CLONE(load) (CLONE(element) (triangle, i + a, i + a));
	for (int l = i + n; l < end; l++)
	{
		Vec			known = CLONE(load) (right + (size_t) l * VL);

		UNROLL
		for (int a = 0; a < n; a++)
			x[a] -= CLONE(load) (CLONE(element) (triangle, l, i + a)) * known;
	}
	UNROLL
	for (int a = n - 1; a >= 0; a--)
	{
		UNROLL
		for (int b = a + 1; b < n; b++)
			x[a] -= CLONE(load) (CLONE(element) (triangle, i + b, i + a)) * x[b];
		CLONE(store) (right + (size_t) (i + a) * VL, x[a]);
	}
}

/* Solve L y = right for n unknowns of each lane, in place. */
static void
CLONE(solve_forward_lanes) (const CLONE(Factor) *factors, int n_factors, int n,
							double *right, size_t step)
{
	for (int i = 0; i < n; i += MISSING_TILE)
		for (int c = 0; c < n_factors; c++)
		{
#define FORWARD(rows) CLONE(solve_forward) (factors[c].triangle, i, right + c * step, rows)
			TILE_CASES(n - i, FORWARD);
#undef FORWARD
		}
}

/* And D L^T x = right. */
static void
CLONE(solve_backward_lanes) (const CLONE(Factor) *factors, int n_factors, int n,
							 double *right, size_t step)
{
	if (n == 0)
		return;
	for (int i = (n - 1) / MISSING_TILE * MISSING_TILE; i >= 0; i -= MISSING_TILE)
		for (int c = 0; c < n_factors; c++)
		{
#define BACKWARD(rows) CLONE(solve_backward) (factors[c].triangle, i, n, right + c * step, rows)
			TILE_CASES(n - i, BACKWARD);
#undef BACKWARD
		}
}

/* Solve for n unknowns of each lane, in place. */
ALWAYS_INLINE void
CLONE(solve_lanes) (const CLONE(Factor) *factors, int n_factors, int n, double *right,
					size_t step)
{
	CLONE(solve_forward_lanes) (factors, n_factors, n, right, step);
	CLONE(solve_backward_lanes) (factors, n_factors, n, right, step);
}
