/*
 * kernels_missing.h
 *	  Rows of which features are missing; a part of kernels_clone.h, compiled
 *	  once per instruction set.  What is solved and why: missing.c.
 *
 * A lane is a row here, too, and every lane may have features of its own
 * missing: elements of matrices are then picked lane by lane.  Sums of products
 * with whole rows of a matrix, though, go along the row, and only what they
 * come to is turned into lanes.  Where all rows of a group have the same
 * features missing, an element is one number for all lanes, and a factor
 * serves the group.
 *
 * The systems are small, from one unknown on, so that what counts is to have
 * several sums in registers: factors are made, inverted and multiplied in
 * square tiles.
 */

/* MISSING_TILE: rows and columns of a tile. */
#if VL == 8 || defined(__aarch64__)
#define MISSING_TILE 4			/* 32 registers */
#else
#define MISSING_TILE 3			/* 16 */
#endif

/*
 * A pivot of a matrix with ones in the diagonal has lost as many digits as it
 * is less than 1; below this it counts as doubtful.
 */
#define MISSING_LEAST_PIVOT 0x1p-16

/* Products of so many pivots and one more are in range. */
#define MISSING_PIVOTS_PER_LOG 32

/* Unknowns above which the factor's columns look for interrupts */
#define MISSING_LONG 48

/* How to find numbers of features of one vector of lanes. */
typedef struct CLONE(Features)
{
	const uint16_t *numbers;	/* of the first lane */
	int			n;
} CLONE(Features);

/* Number i of the features in a lane; in all of them, if they are the same. */
ALWAYS_INLINE int
CLONE(feature_number) (CLONE(Features) features, int i, int lane, const bool same)
{
	return features.numbers[same ? i : i * MIXTURE_LANES + lane];
}

/* One value of each lane, from the rows at `row`. */
ALWAYS_INLINE Vec
CLONE(pick) (const double *const *rows, CLONE(Features) features, int i, const bool same)
{
	if (same)
		return rows[0][features.numbers[i]] - (Vec) {0};
	else
	{
		const uint16_t *numbers = features.numbers + i * MIXTURE_LANES;

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
}

/* Where elements (i, 0 ...) of the lanes' matrices are. */
ALWAYS_INLINE void
CLONE(pick_rows) (const double *matrix, int stride, CLONE(Features) features, int i,
				  const double **rows, const bool same)
{
	const int	n_lanes = same ? 1 : VL;

	UNROLL
	for (int lane = 0; lane < n_lanes; lane++)
		rows[lane] = matrix + (size_t) CLONE(feature_number) (features, i, lane, same) * stride;
}

/* Element (i, j), j <= i, of a packed triangle of vectors. */
ALWAYS_INLINE double *
CLONE(element) (double *triangle, int i, int j)
{
	return triangle + ((size_t) i * (i + 1) / 2 + j) * VL;
}

/* --- factors ---------------------------------------------------------------- */

/*
 * Elements from (i, j) on of the matrix of what is solved for, less what is
 * known of them by the columns before j of the factor.  In a tile of the
 * diagonal only those below it.
 */
ALWAYS_INLINE void
CLONE(remaining_tile) (const double *matrix, int stride, CLONE(Features) solved,
					   double *factor, int i, int j,
					   Vec tile[MISSING_TILE][MISSING_TILE], const int n_i, const int n_j,
					   const bool same, const bool diagonal)
{
	UNROLL
	for (int a = 0; a < n_i; a++)
	{
		const double *rows[VL];
		const int	n_b = diagonal ? a : n_j;

		CLONE(pick_rows) (matrix, stride, solved, i + a, rows, same);
		UNROLL
		for (int b = 0; b < n_b; b++)
			tile[a][b] = CLONE(pick) (rows, solved, j + b, same);
		if (diagonal)
			tile[a][a] = 1.0 - (Vec) {0};
	}
	for (int l = 0; l < j; l++)
	{
		Vec			left[MISSING_TILE];

		UNROLL
		for (int a = 0; a < n_i; a++)
			left[a] = CLONE(load) (CLONE(element) (factor, i + a, l));
		UNROLL
		for (int b = 0; b < n_j; b++)
		{
			Vec			right = diagonal ? left[b] : CLONE(load) (CLONE(element) (factor, j + b, l));

			UNROLL
			for (int a = diagonal ? b : 0; a < n_i; a++)
				tile[a][b] -= left[a] * right;
		}
	}
}

/* The factor's tile of n rows and columns on the diagonal, from i on. */
ALWAYS_INLINE void
CLONE(factor_diagonal) (const double *matrix, int stride, CLONE(Features) solved,
						double *factor, int i, Vec *least, Vec *product, const int n,
						const bool same)
{
	const Vec	one = 1.0 - (Vec) {0};
	Vec			tile[MISSING_TILE][MISSING_TILE];

	CLONE(remaining_tile) (matrix, stride, solved, factor, i, i, tile, n, n, same, true);
	UNROLL
	for (int b = 0; b < n; b++)
	{
		Vec			pivot = tile[b][b];
		Bits		sound = (Bits) (pivot >= MISSING_LEAST_PIVOT);
		Vec			inverse;

		/* NaN is not sound */
		*least = CLONE(select) ((Bits) (pivot >= *least), *least, pivot);
		pivot = CLONE(select) (sound, pivot, one);
		*product *= pivot;
		inverse = CLONE(inverse_root) (pivot);
		CLONE(store) (CLONE(element) (factor, i + b, i + b), inverse);
		UNROLL
		for (int a = b + 1; a < n; a++)
		{
			tile[a][b] *= inverse;
			CLONE(store) (CLONE(element) (factor, i + a, i + b), tile[a][b]);
			UNROLL
			for (int c = b + 1; c <= a; c++)
				tile[a][c] -= tile[a][b] * tile[c][b];
		}
	}
}

/* The factor's tile of n rows from i on below that on the diagonal at j. */
ALWAYS_INLINE void
CLONE(factor_below) (const double *matrix, int stride, CLONE(Features) solved,
					 double *factor, int i, int j, const int n, const bool same)
{
	Vec			tile[MISSING_TILE][MISSING_TILE];

	CLONE(remaining_tile) (matrix, stride, solved, factor, i, j, tile, n, MISSING_TILE,
						   same, false);
	UNROLL
	for (int b = 0; b < MISSING_TILE; b++)
	{
		Vec			inverse = CLONE(load) (CLONE(element) (factor, j + b, j + b));

		UNROLL
		for (int a = 0; a < n; a++)
		{
			tile[a][b] *= inverse;
			CLONE(store) (CLONE(element) (factor, i + a, j + b), tile[a][b]);
		}
		UNROLL
		for (int c = b + 1; c < MISSING_TILE; c++)
		{
			Vec			beside = CLONE(load) (CLONE(element) (factor, j + c, j + b));

			UNROLL
			for (int a = 0; a < n; a++)
				tile[a][c] -= tile[a][b] * beside;
		}
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

/*
 * The Cholesky factor of the lanes' matrices of what is solved for, with the
 * inverse of its diagonal in that place.  *least: the least pivot of each lane,
 * or NaN; *log_determinant: of the matrices whose pivots are sound.
 */
ALWAYS_INLINE void
CLONE(factor_lanes) (const double *matrix, int stride, CLONE(Features) solved,
					 double *factor, Vec *least, Vec *log_determinant,
					 const MixtureHost *host, const bool same)
{
	const Vec	one = 1.0 - (Vec) {0};
	Vec			product = one;
	int			n = solved.n;

	*least = one;
	*log_determinant = (Vec) {0};
	for (int j = 0; j < n; j += MISSING_TILE)
	{
#define DIAGONAL(rows) \
		CLONE(factor_diagonal) (matrix, stride, solved, factor, j, least, &product, rows, same)
		TILE_CASES(n - j, DIAGONAL);
#undef DIAGONAL
		if (j + MISSING_TILE >= n)
			break;
		for (int i = j + MISSING_TILE; i < n; i += MISSING_TILE)
		{
#define BELOW(rows) CLONE(factor_below) (matrix, stride, solved, factor, i, j, rows, same)
			TILE_CASES(n - i, BELOW);
#undef BELOW
		}
		if ((j / MISSING_TILE + 1) % (MISSING_PIVOTS_PER_LOG / MISSING_TILE) == 0)
		{
			*log_determinant += CLONE(log_above_one) (product);
			product = one;
		}
		if (n > MISSING_LONG)
			host->check_interrupts(host->context);
	}
	if (n > 0)
		*log_determinant += CLONE(log_above_one) (product);
}

/* Unknowns i to i + n of L y = right, in place, of which those before are known. */
ALWAYS_INLINE void
CLONE(solve_forward) (double *factor, int i, double *right, const int n)
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
			y[a] -= CLONE(load) (CLONE(element) (factor, i + a, l)) * known;
	}
	UNROLL
	for (int a = 0; a < n; a++)
	{
		UNROLL
		for (int b = 0; b < a; b++)
			y[a] -= CLONE(load) (CLONE(element) (factor, i + a, i + b)) * y[b];
		y[a] *= CLONE(load) (CLONE(element) (factor, i + a, i + a));
		CLONE(store) (right + (size_t) (i + a) * VL, y[a]);
	}
}

/* And of L^T x = right, of which those from i + n to `end` are known. */
ALWAYS_INLINE void
CLONE(solve_backward) (double *factor, int i, int end, double *right, const int n)
{
	Vec			x[MISSING_TILE];

	UNROLL
	for (int a = 0; a < n; a++)
		x[a] = CLONE(load) (right + (size_t) (i + a) * VL);
	for (int l = i + n; l < end; l++)
	{
		Vec			known = CLONE(load) (right + (size_t) l * VL);

		UNROLL
		for (int a = 0; a < n; a++)
			x[a] -= CLONE(load) (CLONE(element) (factor, l, i + a)) * known;
	}
	UNROLL
	for (int a = n - 1; a >= 0; a--)
	{
		UNROLL
		for (int b = a + 1; b < n; b++)
			x[a] -= CLONE(load) (CLONE(element) (factor, i + b, i + a)) * x[b];
		x[a] *= CLONE(load) (CLONE(element) (factor, i + a, i + a));
		CLONE(store) (right + (size_t) (i + a) * VL, x[a]);
	}
}

/* Solve L L^T x = right for n unknowns of each lane, in place. */
ALWAYS_INLINE void
CLONE(solve_lanes) (double *factor, int n, double *right)
{
	if (n == 0)
		return;
	for (int i = 0; i < n; i += MISSING_TILE)
	{
#define FORWARD(rows) CLONE(solve_forward) (factor, i, right, rows)
		TILE_CASES(n - i, FORWARD);
#undef FORWARD
	}
	for (int i = (n - 1) / MISSING_TILE * MISSING_TILE; i >= 0; i -= MISSING_TILE)
	{
#define BACKWARD(rows) CLONE(solve_backward) (factor, i, n, right, rows)
		TILE_CASES(n - i, BACKWARD);
#undef BACKWARD
	}
}

/* --- products with rows of a matrix ------------------------------------------ */

/* Deviations from the mean, scaled; 0 where the feature is missing. */
ALWAYS_INLINE void
CLONE(deviations_of_rows) (const MissingScratch *scratch, const double *rows,
						   const double *mean, const double *into)
{
	for (int lane = 0; lane < VL; lane++)
		for (int j = 0; j < scratch->stride; j += VL)
		{
			Vec			x = CLONE(load) (rows + (size_t) lane * scratch->stride + j);
			Vec			u = (x - CLONE(load) (mean + j)) * CLONE(load) (into + j);

			CLONE(store) (scratch->deviations + (size_t) lane * scratch->stride + j,
						  CLONE(select) ((Bits) (x == x), u, (Vec) {0}));
		}
}

/* Products of n rows of the matrix, from number i of a lane's, with its vector. */
ALWAYS_INLINE void
CLONE(dots_of_lane) (const MissingScratch *scratch, const double *matrix,
					 CLONE(Features) features, int i, int lane, const int n)
{
	const int	stride = scratch->stride;
	const double *vector = scratch->deviations + (size_t) lane * stride;
	const double *rows[4];
	Vec			sum[4];

	UNROLL
	for (int t = 0; t < n; t++)
	{
		rows[t] = matrix + (size_t) CLONE(feature_number) (features, i + t, lane, false) * stride;
		sum[t] = (Vec) {0};
	}
	for (int j = 0; j < stride; j += VL)
	{
		Vec			x = CLONE(load) (vector + j);

		UNROLL
		for (int t = 0; t < n; t++)
			sum[t] += CLONE(load) (rows[t] + j) * x;
	}
	UNROLL
	for (int t = 0; t < n; t++)
		CLONE(store) (scratch->dots + ((size_t) (i + t) * VL + lane) * VL, sum[t]);
}

/*
 * Products of each lane's rows of the matrix with its vector in `deviations`,
 * times the sign, into `right`.
 */
ALWAYS_INLINE void
CLONE(dots_of_lanes) (const MissingScratch *scratch, const double *matrix,
					  CLONE(Features) features, double sign)
{
	for (int lane = 0; lane < VL; lane++)
	{
		int			i = 0;

		for (; i + 4 <= features.n; i += 4)
			CLONE(dots_of_lane) (scratch, matrix, features, i, lane, 4);
		for (; i + 2 <= features.n; i += 2)
			CLONE(dots_of_lane) (scratch, matrix, features, i, lane, 2);
		if (i < features.n)
			CLONE(dots_of_lane) (scratch, matrix, features, i, lane, 1);
	}
	for (int i = 0; i < features.n; i++)
	{
		Vec			v[VL];
		double		sums[VL];

		UNROLL
		for (int lane = 0; lane < VL; lane++)
			v[lane] = CLONE(load) (scratch->dots + ((size_t) i * VL + lane) * VL);
		CLONE(sum_elements) (v, VL, sums);
		CLONE(store) (scratch->right + (size_t) i * VL, sign * CLONE(load) (sums));
	}
}

/* Products of n rows of the matrix, from number i, with what is at `vectors`. */
ALWAYS_INLINE void
CLONE(dots_of_same) (const MissingScratch *scratch, const double *matrix,
					 const MissingGroup *group, int i, const double *vectors, double sign,
					 double *products, const int n)
{
	int			n_observed = scratch->d - group->n_missing;
	const double *rows[4];
	Vec			sum[4];

	UNROLL
	for (int t = 0; t < n; t++)
	{
		rows[t] = matrix + (size_t) group->missing[i + t] * scratch->stride;
		sum[t] = (Vec) {0};
	}
	for (int j = 0; j < n_observed; j++)
	{
		Vec			x = CLONE(load) (vectors + (size_t) j * VL);
		int			column = group->observed[j];

		UNROLL
		for (int t = 0; t < n; t++)
			sum[t] += rows[t][column] * x;
	}
	UNROLL
	for (int t = 0; t < n; t++)
		CLONE(store) (products + (size_t) (i + t) * VL, sign * sum[t]);
}

ALWAYS_INLINE void
CLONE(all_dots_of_same) (const MissingScratch *scratch, const double *matrix,
						 const MissingGroup *group, const double *vectors, double sign,
						 double *products)
{
	int			i = 0;

	for (; i + 4 <= group->n_missing; i += 4)
		CLONE(dots_of_same) (scratch, matrix, group, i, vectors, sign, products, 4);
	for (; i + 2 <= group->n_missing; i += 2)
		CLONE(dots_of_same) (scratch, matrix, group, i, vectors, sign, products, 2);
	if (i < group->n_missing)
		CLONE(dots_of_same) (scratch, matrix, group, i, vectors, sign, products, 1);
}

/* --- a group, all rows of which have the same features missing ----------------- */

/* What is missing in one vector of rows, from row `row` of the group. */
ALWAYS_INLINE const double *
CLONE(solve_same) (const MissingScratch *scratch, const MissingGroup *group,
				   const double *features, const MissingComponent *component, int row)
{
	const MissingSide *side = &component->sides[group->covariance];
	int			n_observed = scratch->d - group->n_missing;

	features += group->start + row;
	for (int j = 0; j < n_observed; j++)
	{
		int			number = group->observed[j];

		CLONE(store) (scratch->deviations + (size_t) j * VL,
					  (CLONE(load) (features + (size_t) number * MISSING_ROWS) -
					   component->mean[number]) * side->into[number]);
	}
	if (!group->covariance)
	{
		CLONE(all_dots_of_same) (scratch, side->matrix, group, scratch->deviations, -1,
								 scratch->right);
		CLONE(solve_lanes) (scratch->factor, group->n_solved, scratch->right);
		return scratch->right;
	}
	CLONE(solve_lanes) (scratch->factor, group->n_solved, scratch->deviations);
	CLONE(all_dots_of_same) (scratch, side->matrix, group, scratch->deviations, 1,
							 scratch->right);
	return scratch->right;
}

static void
CLONE(missing_same) (const MissingScratch *scratch, const MissingGroup *group,
					 const double *features, const MissingComponent *components, int n,
					 const MixtureHost *host)
{
	const MissingSide *side = &components[0].sides[group->covariance];
	const CLONE(Features) solved = {group->solved, group->n_solved};
	Vec			least;
	Vec			shift;
	Vec			log_determinant;

	CLONE(factor_lanes) (side->matrix, scratch->stride, solved, scratch->factor, &least,
						 &log_determinant, host, true);
	shift = side->constant - 0.5 * log_determinant;
	for (int i = 0; i < group->n_solved; i++)
		shift += side->constants[group->solved[i]];
	shift = CLONE(select) ((Bits) (least >= MISSING_LEAST_PIVOT), shift, NAN - (Vec) {0});
	for (int c = 0; c < n; c++)
		for (int row = 0; row < group->n_rows; row += VL)
		{
			const MissingComponent *component = &components[c];
			const double *found = CLONE(solve_same) (scratch, group, features, component, row);

			for (int i = 0; i < group->n_missing; i++)
			{
				int			number = group->missing[i];

				CLONE(store) (component->filled + group->place +
							  (size_t) i * group->n_rows + row,
							  component->mean[number] +
							  side->out[number] * CLONE(load) (found + (size_t) i * VL));
			}
			CLONE(store) (component->shifts + group->start + row, shift);
			host->check_interrupts(host->context);
		}
}

/* --- a group in which each row has its own -------------------------------------- */

/* What is missing in one vector of rows, from lane `first` of the group. */
ALWAYS_INLINE void
CLONE(solve_mixed) (const MissingScratch *scratch, const MissingGroup *group,
					const MissingComponent *component, int first)
{
	const MissingSide *side = &component->sides[group->covariance];
	const CLONE(Features) missing = {group->missing + first, group->n_missing};
	const CLONE(Features) solved = {group->solved + first, group->n_solved};
	const int	stride = scratch->stride;

	CLONE(deviations_of_rows) (scratch, group->rows + (size_t) first * stride,
							   component->mean, side->into);
	if (!group->covariance)
	{
		CLONE(dots_of_lanes) (scratch, side->matrix, missing, -1);
		CLONE(solve_lanes) (scratch->factor, solved.n, scratch->right);
		return;
	}
	for (int i = 0; i < solved.n; i++)
		for (int lane = 0; lane < VL; lane++)
			scratch->right[i * VL + lane] = scratch->deviations[lane * stride + CLONE(feature_number) (solved, i, lane, false)];
	CLONE(solve_lanes) (scratch->factor, solved.n, scratch->right);
	/* where a lane has no feature, 0 */
	for (int i = 0; i < solved.n; i++)
		for (int lane = 0; lane < VL; lane++)
			scratch->deviations[lane * stride + CLONE(feature_number) (solved, i, lane, false)] = scratch->right[i * VL + lane];
	CLONE(dots_of_lanes) (scratch, side->matrix, missing, 1);
}

static void
CLONE(missing_mixed) (const MissingScratch *scratch, const MissingGroup *group,
					  const MissingComponent *components, int n, const MixtureHost *host)
{
	const MissingSide *side = &components[0].sides[group->covariance];
	const double *constants[VL];

	for (int lane = 0; lane < VL; lane++)
		constants[lane] = side->constants;
	for (int first = 0; first < MIXTURE_LANES; first += VL)
	{
		const CLONE(Features) solved = {group->solved + first, group->n_solved};
		const uint16_t *missing = group->missing + first;
		Vec			least;
		Vec			shift;
		Vec			log_determinant;

		CLONE(factor_lanes) (side->matrix, scratch->stride, solved, scratch->factor, &least,
							 &log_determinant, host, false);
		shift = side->constant - 0.5 * log_determinant;
		for (int i = 0; i < solved.n; i++)
			shift += CLONE(pick) (constants, solved, i, false);
		shift = CLONE(select) ((Bits) (least >= MISSING_LEAST_PIVOT), shift, NAN - (Vec) {0});
		for (int c = 0; c < n; c++)
		{
			const MissingComponent *component = &components[c];
			double	   *filled = component->filled + group->place + first;

			CLONE(solve_mixed) (scratch, group, component, first);
			for (int i = 0; i < group->n_missing; i++)
				for (int lane = 0; lane < VL; lane++)
				{
					int			number = missing[i * MIXTURE_LANES + lane];

					filled[i * MIXTURE_LANES + lane] = component->mean[number] +
						side->out[number] * scratch->right[i * VL + lane];
				}
			CLONE(store) (component->shifts + group->start + first, shift);
			host->check_interrupts(host->context);
		}
	}
}

/* Fill in what is missing in a group; see Kernels. */
static void
CLONE(missing_fill) (const MissingScratch *scratch, const MissingGroup *group,
					 const double *features, const MissingComponent *components, int n,
					 const MixtureHost *host)
{
	if (group->same)
		CLONE(missing_same) (scratch, group, features, components, n, host);
	else
		CLONE(missing_mixed) (scratch, group, components, n, host);
}

/* --- inverses ---------------------------------------------------------------- */

/* The inverse of the factor's tile of n rows on the diagonal at i. */
ALWAYS_INLINE void
CLONE(inverse_diagonal) (double *factor, int i, Vec tile[MISSING_TILE][MISSING_TILE],
						 const int n)
{
	UNROLL
	for (int a = 0; a < n; a++)
	{
		tile[a][a] = CLONE(load) (CLONE(element) (factor, i + a, i + a));
		UNROLL
		for (int b = 0; b < a; b++)
		{
			Vec			sum = (Vec) {0};

			UNROLL
			for (int e = b; e < a; e++)
				sum -= CLONE(load) (CLONE(element) (factor, i + a, i + e)) * tile[e][b];
			tile[a][b] = sum * tile[a][a];
		}
	}
}

/* n rows of the factor's inverse from i on, in place; those before are there. */
ALWAYS_INLINE void
CLONE(inverse_rows) (double *factor, int i, const int n)
{
	Vec			own[MISSING_TILE][MISSING_TILE];

	CLONE(inverse_diagonal) (factor, i, own, n);
	for (int j = 0; j < i; j += MISSING_TILE)
	{
		Vec			sum[MISSING_TILE][MISSING_TILE];

		UNROLL
		for (int a = 0; a < n; a++)
		{
			UNROLL
			for (int b = 0; b < MISSING_TILE; b++)
				sum[a][b] = (Vec) {0};
		}
		UNROLL
		for (int l = 0; l < MISSING_TILE; l++)
		{
			UNROLL
			for (int a = 0; a < n; a++)
			{
				Vec			left = CLONE(load) (CLONE(element) (factor, i + a, j + l));

				UNROLL
				for (int b = 0; b <= l; b++)
					sum[a][b] -= left * CLONE(load) (CLONE(element) (factor, j + l, j + b));
			}
		}
		for (int l = j + MISSING_TILE; l < i; l++)
		{
			UNROLL
			for (int a = 0; a < n; a++)
			{
				Vec			left = CLONE(load) (CLONE(element) (factor, i + a, l));

				UNROLL
				for (int b = 0; b < MISSING_TILE; b++)
					sum[a][b] -= left * CLONE(load) (CLONE(element) (factor, l, j + b));
			}
		}
		UNROLL
		for (int a = n - 1; a >= 0; a--)
		{
			UNROLL
			for (int b = 0; b < MISSING_TILE; b++)
			{
				Vec			value = own[a][a] * sum[a][b];

				UNROLL
				for (int e = 0; e < a; e++)
					value += own[a][e] * sum[e][b];
				CLONE(store) (CLONE(element) (factor, i + a, j + b), value);
			}
		}
	}
	UNROLL
	for (int a = 0; a < n; a++)
	{
		UNROLL
		for (int b = 0; b <= a; b++)
			CLONE(store) (CLONE(element) (factor, i + a, i + b), own[a][b]);
	}
}

/*
 * Elements from (i, j) on of the inverse of the matrix, X^T X for the inverse X
 * of its factor: of n rows, and as many columns if it is of the diagonal, else
 * MISSING_TILE.
 */
ALWAYS_INLINE void
CLONE(inverse_tile) (double *inverse, int end, int i, int j,
					 Vec tile[MISSING_TILE][MISSING_TILE], const int n, const bool diagonal)
{
	const int	n_j = diagonal ? n : MISSING_TILE;

	UNROLL
	for (int a = 0; a < n; a++)
	{
		UNROLL
		for (int b = 0; b < n_j; b++)
			tile[a][b] = (Vec) {0};
	}
	UNROLL
	for (int l = 0; l < n; l++)
	{
		const int	n_b = diagonal ? l + 1 : n_j;

		UNROLL
		for (int b = 0; b < n_b; b++)
		{
			Vec			right = CLONE(load) (CLONE(element) (inverse, i + l, j + b));

			UNROLL
			for (int a = diagonal ? b : 0; a <= l; a++)
				tile[a][b] += CLONE(load) (CLONE(element) (inverse, i + l, i + a)) * right;
		}
	}
	for (int l = i + n; l < end; l++)
	{
		Vec			left[MISSING_TILE];

		UNROLL
		for (int a = 0; a < n; a++)
			left[a] = CLONE(load) (CLONE(element) (inverse, l, i + a));
		UNROLL
		for (int b = 0; b < n_j; b++)
		{
			Vec			right = diagonal ? left[b] : CLONE(load) (CLONE(element) (inverse, l, j + b));

			UNROLL
			for (int a = diagonal ? b : 0; a < n; a++)
				tile[a][b] += left[a] * right;
		}
	}
}

/*
 * Add a tile, times each lane's share, to the lanes' elements of the residuals:
 * rows[a][lane] is where row i + a begins.
 */
ALWAYS_INLINE void
CLONE(add_residuals) (Vec tile[MISSING_TILE][MISSING_TILE], double *const (*rows)[VL],
					  CLONE(Features) solved, int j, Vec shares, const int n,
					  const bool diagonal, const bool same)
{
	const int	n_lanes = same ? 1 : VL;

	UNROLL
	for (int a = 0; a < n; a++)
	{
		const int	n_b = diagonal ? a + 1 : MISSING_TILE;

		UNROLL
		for (int b = 0; b < n_b; b++)
		{
			double		values[VL];

			CLONE(store) (values, tile[a][b] * shares);
			UNROLL
			for (int lane = 0; lane < n_lanes; lane++)
				rows[a][lane][CLONE(feature_number) (solved, j + b, lane, same)] += values[lane];
		}
	}
}

/* Rows i to i + n of the inverse of the lanes' matrices, times their shares. */
ALWAYS_INLINE void
CLONE(residual_rows) (double *inverse, CLONE(Features) solved, int i, Vec shares,
					  double *residuals, const int n, const bool same)
{
	Vec			tile[MISSING_TILE][MISSING_TILE];
	double	   *rows[MISSING_TILE][VL];
	const int	n_lanes = same ? 1 : VL;

	UNROLL
	for (int a = 0; a < n; a++)
	{
		UNROLL
		for (int lane = 0; lane < n_lanes; lane++)
		{
			int			number = CLONE(feature_number) (solved, i + a, lane, same);

			rows[a][lane] = residuals + (size_t) number * (number + 1) / 2;
		}
	}
	for (int j = 0; j < i; j += MISSING_TILE)
	{
		CLONE(inverse_tile) (inverse, solved.n, i, j, tile, n, false);
		CLONE(add_residuals) (tile, (double *const (*)[VL]) rows, solved, j, shares, n,
							  false, same);
	}
	CLONE(inverse_tile) (inverse, solved.n, i, i, tile, n, true);
	CLONE(add_residuals) (tile, (double *const (*)[VL]) rows, solved, i, shares, n, true,
						  same);
}

/* Add the inverses of the lanes' matrices, times their shares, to the residuals. */
ALWAYS_INLINE void
CLONE(residuals_of_lanes) (const MissingScratch *scratch, const double *matrix,
						   CLONE(Features) solved, Vec shares, double *residuals,
						   const MixtureHost *host, const bool same)
{
	Vec			least;
	Vec			log_determinant;

	CLONE(factor_lanes) (matrix, scratch->stride, solved, scratch->factor, &least,
						 &log_determinant, host, same);
	for (int i = 0; i < solved.n; i += MISSING_TILE)
	{
#define INVERSE(rows) CLONE(inverse_rows) (scratch->factor, i, rows)
		TILE_CASES(solved.n - i, INVERSE);
#undef INVERSE
		if (solved.n > MISSING_LONG)
			host->check_interrupts(host->context);
	}
	for (int i = 0; i < solved.n; i += MISSING_TILE)
	{
#define RESIDUAL(n) \
		CLONE(residual_rows) (scratch->factor, solved, i, shares, residuals, n, same)
		TILE_CASES(solved.n - i, RESIDUAL);
#undef RESIDUAL
		if (solved.n > MISSING_LONG)
			host->check_interrupts(host->context);
	}
}

/* Add a group's part to the residuals; see Kernels. */
static void
CLONE(missing_residuals) (const MissingScratch *scratch, const MissingGroup *group,
						  const MissingComponent *component, const double *shares,
						  const MixtureHost *host)
{
	const double *matrix = component->sides[group->covariance].matrix;
	double	   *residuals = component->residuals[group->covariance];
	Vec			sum = {0};

	if (group->same)
	{
		const CLONE(Features) solved = {group->solved, group->n_solved};

		for (int row = 0; row < group->n_rows; row += VL)
			sum += CLONE(load) (shares + group->start + row);
		CLONE(residuals_of_lanes) (scratch, matrix, solved, CLONE(sum_of) (sum) + (Vec) {0},
								   residuals, host, true);
		return;
	}
	for (int first = 0; first < MIXTURE_LANES; first += VL)
	{
		const CLONE(Features) solved = {group->solved + first, group->n_solved};

		CLONE(residuals_of_lanes) (scratch, matrix, solved,
								   CLONE(load) (shares + group->start + first),
								   residuals, host, false);
	}
}

#undef TILE_CASES

/* --- which features are missing ------------------------------------------------ */

/*
 * A bit for each of the features from number j on, up to 64, that is missing, a
 * word for each row of a block.
 */
static void
CLONE(missing_bits) (const MixtureBlock *block, int d, int j, uint64_t *words)
{
	int			n = d - j < 64 ? d - j : 64;

	for (int row = 0; row < block->n_rows; row += VL)
	{
		const double *features = block->features + (size_t) j * block->stride + row;
		Bits		bits = {0};

		for (int i = 0; i < n; i++)
		{
			Vec			x = CLONE(load) (features + (size_t) i * block->stride);

			bits |= (Bits) (x != x) & (UINT64_C(1) << i);
		}
		memcpy(words + row, &bits, sizeof(bits));
	}
}

/* --- families without matrices --------------------------------------------------- */

/* Log densities of n_vectors vectors of rows; see missing_densities(). */
ALWAYS_INLINE void
CLONE(missing_diag_rows) (const MixturePrepared *prepared, int c,
						  const MixtureBlock *block, const double *constants, int row,
						  double *log_densities, const int n_vectors)
{
	const int	d = prepared->d;
	const int	step = prepared->covariance_type == MIXTURE_DIAG;
	const double *mean = prepared->means + (size_t) c * d;
	const double *factor = prepared->precision_cholesky + c * prepared->factor_step;
	const double *features = block->features + row;
	Vec			q[4];
	Vec			shift[4];

	UNROLL
	for (int v = 0; v < n_vectors; v++)
		q[v] = shift[v] = (Vec) {0};
	for (int j = 0; j < d; j++)
	{
		UNROLL
		for (int v = 0; v < n_vectors; v++)
		{
			Vec			x = CLONE(load) (features + (size_t) j * block->stride + v * VL);
			Bits		observed = (Bits) (x == x);
			Vec			y = (x - mean[j]) * factor[j * step];

			q[v] += CLONE(select) (observed, y * y, (Vec) {0});
			shift[v] += CLONE(select) (observed, (Vec) {0}, constants[j * step] + (Vec) {0});
		}
	}
	UNROLL
	for (int v = 0; v < n_vectors; v++)
	{
		Vec			bounded = CLONE(select) ((Bits) (q[v] < MAX_DISTANCE_SQUARED), q[v],
											 MAX_DISTANCE_SQUARED - (Vec) {0});

		CLONE(store) (log_densities + row + v * VL,
					  prepared->log_constants[c] + shift[v] - 0.5 * bounded);
	}
}

/* Log densities of what was observed; see Kernels. */
static void
CLONE(missing_densities) (const MixturePrepared *prepared, int c,
						  const MixtureBlock *block, const double *constants,
						  const KernelWork *work)
{
	double	   *log_densities = kernels_roots(work, c);
	int			row = 0;

	for (; row + 4 * VL <= block->stride && row < block->n_rows; row += 4 * VL)
		CLONE(missing_diag_rows) (prepared, c, block, constants, row, log_densities, 4);
	for (; row < block->n_rows; row += VL)
		CLONE(missing_diag_rows) (prepared, c, block, constants, row, log_densities, 1);
}

/* A component's part of a block; see Kernels. */
static void
CLONE(missing_moments) (const MixturePrepared *prepared, int c,
						const MixtureBlock *block, const KernelWork *work,
						MixtureStats *stats)
{
	const int	d = prepared->d;
	const int	step = prepared->covariance_type == MIXTURE_DIAG;
	const double *mean = prepared->means + (size_t) c * d;
	const double *factor = prepared->precision_cholesky + c * prepared->factor_step;
	const double *roots = kernels_roots(work, c);
	double	   *firsts = stats->firsts + (size_t) c * d;
	double	   *seconds = stats->seconds + c * prepared->factor_count;

	if (work->weights[c] == 0)
		return;
	stats->component_weights[c] += work->weights[c];
	for (int j = 0; j < d; j++)
	{
		const double *features = block->features + (size_t) j * block->stride;
		Vec			first = {0};
		Vec			second = {0};
		Vec			rest = {0};
		double		deviation = 1 / factor[j * step];

		for (int row = 0; row < block->n_rows; row += VL)
		{
			Vec			x = CLONE(load) (features + row);
			Vec			root = CLONE(load) (roots + row);
			Bits		observed = (Bits) (x == x);
			Vec			u = CLONE(select) (observed, root * (x - mean[j]), (Vec) {0});

			first += root * u;
			second += u * u;
			rest += CLONE(select) (observed, (Vec) {0}, root * root);
		}
		firsts[j] += CLONE(sum_of) (first);
		seconds[j * step] += CLONE(sum_of) (second) +
			deviation * deviation * CLONE(sum_of) (rest);
	}
}
