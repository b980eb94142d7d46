/*
 * kernels_distances.h
 *	  Log densities of a block's rows under each component, from squared distances,
 *	  where a lane is a row; a part of kernels_clone.h, compiled once per
 *	  instruction set.
 *
 * Where each component has a matrix, some vectors of rows at a time go through a
 * few rows of its triangular factor, and their sums stay in registers; the sizes
 * of the tiles are what the registers hold.  Where the dimension is small, it is a
 * constant of the code, and all products of a vector of rows with the factor are
 * made side by side.
 *
 * Where components have no matrix, a tile is some vectors of rows by some
 * components: so many sums that none waits for the last addition to it.  Where all
 * have the same matrix, rows and means are first brought to coordinates in which
 * that is the identity, once and not for each component again.
 */

/*
 * TRIANGLE_ROWS: rows of a triangular factor that go through the rows of data
 * together.  KNOWN_D: the largest dimension for which the E-step has code of
 * its own.  TILE_COMPONENTS: components of a tile that have no matrix.
 * TILE_LINES: cache lines of each feature that it fetches of the rows to come.
 */
#if VL == 8 || defined(__aarch64__)
#define TRIANGLE_ROWS 4			/* 32 registers */
#define KNOWN_D 16
#define TILE_COMPONENTS 4
#define TILE_LINES 2
#else
#define TRIANGLE_ROWS 3			/* 16 */
#define KNOWN_D SMALL_D
#define TILE_COMPONENTS 2
#define TILE_LINES 1
#endif

/* What triangle_rows() takes: some vectors of rows and a triangular factor. */
typedef struct CLONE(TriangleRows)
{
	const double *factor;
	const double *mean;
	const double *features;		/* feature j at j * stride */
	int			stride;
	double	   *centered;		/* scratch: feature j, about the mean, of
								 * n_vectors vectors at j * n_vectors * VL; then,
								 * if that is wanted, element j of the product */
} CLONE(TriangleRows);

/* Feature j of vector v about its mean; made and kept if that is to come. */
ALWAYS_INLINE Vec
CLONE(centered_feature) (const CLONE(TriangleRows) *rows, int j, int v,
						 const int n_vectors, const bool first)
{
	double	   *centered = rows->centered + ((size_t) j * n_vectors + v) * VL;
	Vec			x;

	if (!first)
		return CLONE(load) (centered);
	x = CLONE(load) (rows->features + (size_t) j * rows->stride + v * VL) - rows->mean[j];
	CLONE(store) (centered, x);
	return x;
}

/*
 * Multiply n_vectors vectors of rows with n_rows consecutive rows, from row i, of
 * the factor, and add the squares to q; or, if there is no q, leave the product
 * where the features were, which no earlier row needs.  The last rows, which need
 * all features, have to come first; they center them while they multiply.
 */
ALWAYS_INLINE void
CLONE(triangle_rows) (const CLONE(TriangleRows) *rows, int i, Vec *q,
					  const int n_rows, const int n_vectors, const bool first)
{
	const double *factor[TRIANGLE_ROWS];
	Vec			y[TRIANGLE_ROWS][4];

	UNROLL
	for (int t = 0; t < n_rows; t++)
	{
		factor[t] = rows->factor + (size_t) (i + t) * (i + t + 1) / 2;
		UNROLL
		for (int v = 0; v < n_vectors; v++)
			y[t][v] = (Vec) {0};
	}
	for (int j = 0; j <= i; j++)
	{
		UNROLL
		for (int v = 0; v < n_vectors; v++)
		{
			Vec			x = CLONE(centered_feature) (rows, j, v, n_vectors, first);

			UNROLL
			for (int t = 0; t < n_rows; t++)
				y[t][v] += factor[t][j] * x;
		}
	}
	UNROLL
	for (int s = 1; s < n_rows; s++)
	{
		UNROLL
		for (int v = 0; v < n_vectors; v++)
		{
			Vec			x = CLONE(centered_feature) (rows, i + s, v, n_vectors, first);

			UNROLL
			for (int t = s; t < n_rows; t++)
				y[t][v] += factor[t][i + s] * x;
		}
	}
	UNROLL
	for (int t = 0; t < n_rows; t++)
	{
		UNROLL
		for (int v = 0; v < n_vectors; v++)
		{
			if (q != NULL)
				q[v] += y[t][v] * y[t][v];
			else
				CLONE(store) (rows->centered + ((size_t) (i + t) * n_vectors + v) * VL, y[t][v]);
		}
	}
}

/*
 * Squared Mahalanobis distances where the factor is triangular, for a
 * dimension that the compiler knows.  A feature goes to all rows of the factor
 * before the next one is looked at, so that there are many sums side by side.
 */
ALWAYS_INLINE void
CLONE(quadratic_known) (const double *factor, const double *mean,
						const double *features, int stride, Vec *q,
						const int d, const int n_vectors)
{
	Vec			y[KNOWN_D][4];

	UNROLL
	for (int j = 0; j < d; j++)
	{
		UNROLL
		for (int v = 0; v < n_vectors; v++)
		{
			Vec			x = CLONE(load) (features + (size_t) j * stride + v * VL) - mean[j];

			UNROLL
			for (int i = j; i < d; i++)
			{
				double		element = factor[i * (i + 1) / 2 + j];

				y[i][v] = j == 0 ? element * x : y[i][v] + element * x;
			}
		}
	}
	UNROLL
	for (int i = 0; i < d; i++)
	{
		UNROLL
		for (int v = 0; v < n_vectors; v++)
			q[v] += y[i][v] * y[i][v];
	}
}

/*
 * The same for any dimension of at least TRIANGLE_ROWS; without q the product with
 * the factor itself.
 */
ALWAYS_INLINE void
CLONE(quadratic_full) (const CLONE(TriangleRows) *rows, int d, Vec *q,
					   const int n_vectors)
{
	int			i = d - TRIANGLE_ROWS;

	CLONE(triangle_rows) (rows, i, q, TRIANGLE_ROWS, n_vectors, true);
	while ((i -= TRIANGLE_ROWS) >= 0)
		CLONE(triangle_rows) (rows, i, q, TRIANGLE_ROWS, n_vectors, false);
	switch (i + TRIANGLE_ROWS)
	{
		case 1:
			CLONE(triangle_rows) (rows, 0, q, 1, n_vectors, false);
			break;
		case 2:
			CLONE(triangle_rows) (rows, 0, q, 2, n_vectors, false);
			break;
#if TRIANGLE_ROWS > 3
		case 3:
			CLONE(triangle_rows) (rows, 0, q, 3, n_vectors, false);
			break;
#endif
		default:
			break;
	}
}

/*
 * Leave a component's log densities of n_vectors vectors of rows, from row `row` of
 * the block, whose squared distances these are.
 */
ALWAYS_INLINE void
CLONE(leave_densities) (const MixturePrepared *prepared, int c, int row, const Vec *q,
						const KernelWork *work, const int n_vectors)
{
	UNROLL
	for (int v = 0; v < n_vectors; v++)
	{
		/* NaN, from infinity minus infinity, is far away too */
		Vec			bounded = CLONE(lesser) (q[v], MAX_DISTANCE_SQUARED - (Vec) {0});

		if (prepared->linear != NULL)
			bounded = CLONE(larger) (bounded, -MAX_DISTANCE_SQUARED - (Vec) {0});
		CLONE(store) (kernels_roots(work, c) + row + v * VL,
					  prepared->log_constants[c] - 0.5 * bounded);
	}
}

/*
 * Log densities of n_vectors vectors of rows, from row `row`, under component c,
 * which has a matrix.  known_d: the dimension if it is known, else 0.
 */
ALWAYS_INLINE void
CLONE(component_rows) (const MixturePrepared *prepared, int c,
					   const MixtureBlock *block, int row, const KernelWork *work,
					   const int known_d, const int n_vectors)
{
	int			d = prepared->d;
	const double *features = block->features + row;
	const double *mean = prepared->means + (size_t) c * d;
	const double *factor = prepared->precision_cholesky + c * prepared->factor_step;
	Vec			q[4];

	UNROLL
	for (int v = 0; v < n_vectors; v++)
		q[v] = (Vec) {0};
	if (known_d > 0)
		CLONE(quadratic_known) (factor, mean, features, block->stride, q, known_d, n_vectors);
	else
	{
		const CLONE(TriangleRows) rows = {factor, mean, features, block->stride, work->centered};

		CLONE(quadratic_full) (&rows, d, q, n_vectors);
	}
	CLONE(leave_densities) (prepared, c, row, q, work, n_vectors);
}

/* Log densities of a block's rows under component c. */
ALWAYS_INLINE void
CLONE(component_block) (const MixturePrepared *prepared, int c,
						const MixtureBlock *block, const KernelWork *work,
						const MixtureHost *host, const int known_d)
{
	const int	n_vectors = known_d > SMALL_D ? 1 : 4;
	int			row = 0;

	if (n_vectors > 1)
	{
		for (; row + n_vectors * VL <= block->stride && row < block->n_rows;
			 row += n_vectors * VL)
		{
			CLONE(component_rows) (prepared, c, block, row, work, known_d, n_vectors);
			if (known_d == 0)
				host->check_interrupts(host->context);
		}
	}
	for (; row < block->n_rows; row += VL)
		CLONE(component_rows) (prepared, c, block, row, work, known_d, 1);
}

static void
CLONE(component_densities) (const MixturePrepared *prepared, int c,
							const MixtureBlock *block, const KernelWork *work,
							const MixtureHost *host)
{
#define KNOWN_CASE(d) case d: CLONE(component_block) (prepared, c, block, work, host, d); break
	switch (prepared->d)
	{
		KNOWN_CASE(1);
		KNOWN_CASE(2);
		KNOWN_CASE(3);
		KNOWN_CASE(4);
#if KNOWN_D > SMALL_D
		KNOWN_CASE(5);
		KNOWN_CASE(6);
		KNOWN_CASE(7);
		KNOWN_CASE(8);
		KNOWN_CASE(9);
		KNOWN_CASE(10);
		KNOWN_CASE(11);
		KNOWN_CASE(12);
		KNOWN_CASE(13);
		KNOWN_CASE(14);
		KNOWN_CASE(15);
		KNOWN_CASE(16);
#endif
		default:
			CLONE(component_block) (prepared, c, block, work, host, 0);
			break;
	}
#undef KNOWN_CASE
}

/* Some vectors of rows, and where to read them. */
typedef struct CLONE(TileRows)
{
	int			row;			/* the first one's number in the block */
	const double *features;		/* feature j at j * stride */
	int			stride;
	const double *next;			/* features of the rows that come next, as they are in
								 * the block: these are fetched meanwhile */
	int			next_stride;
} CLONE(TileRows);

/* Feature j of n_vectors vectors of rows; line: which TILE_LINES lines of the next to fetch. */
ALWAYS_INLINE void
CLONE(load_feature) (const CLONE(TileRows) *rows, int line, int j, Vec *x, const int n_vectors)
{
	const double *next = rows->next + line * 8 + (size_t) j * rows->next_stride;

	UNROLL
	for (int v = 0; v < n_vectors; v++)
		x[v] = CLONE(load) (rows->features + (size_t) j * rows->stride + v * VL);
	UNROLL
	for (int l = 0; l < TILE_LINES; l++)
		__builtin_prefetch(next + l * 8);
}

/*
 * Squared distances of n_vectors vectors of rows from n means of d features, each
 * multiplied with a factor of the feature (n_factors is d), of the mean (1), or none.
 * Mean e's are at q[e * n_vectors].
 */
ALWAYS_INLINE void
CLONE(distance_tile) (const CLONE(TileRows) *rows, int line, const double *means,
					  const double *factors, int n_factors, int d, Vec *q,
					  const int n, const int n_vectors, const bool multiplied)
{
	UNROLL
	for (int t = 0; t < n * n_vectors; t++)
		q[t] = (Vec) {0};
	for (int j = 0; j < d; j++)
	{
		Vec			x[TILE_VECTORS];

		CLONE(load_feature) (rows, line, j, x, n_vectors);
		UNROLL
		for (int e = 0; e < n; e++)
		{
			double		mean = means[(size_t) e * d + j];
			double		factor = multiplied ?
				factors[(size_t) e * n_factors + (n_factors > 1 ? j : 0)] : 1;

			UNROLL
			for (int v = 0; v < n_vectors; v++)
			{
				Vec			y = x[v] - mean;

				if (multiplied)
					y *= factor;
				q[e * n_vectors + v] += y * y;
			}
		}
	}
}

/*
 * The same of what linear log densities have in place of distances: the sums over
 * features of their difference from an origin times a factor, of n components.
 */
ALWAYS_INLINE void
CLONE(linear_tile) (const CLONE(TileRows) *rows, int line, const double *origin,
					const double *factors, int d, Vec *q, const int n, const int n_vectors)
{
	UNROLL
	for (int t = 0; t < n * n_vectors; t++)
		q[t] = (Vec) {0};
	for (int j = 0; j < d; j++)
	{
		Vec			x[TILE_VECTORS];

		CLONE(load_feature) (rows, line, j, x, n_vectors);
		UNROLL
		for (int v = 0; v < n_vectors; v++)
			x[v] -= origin[j];
		UNROLL
		for (int e = 0; e < n; e++)
		{
			double		factor = factors[(size_t) e * d + j];

			UNROLL
			for (int v = 0; v < n_vectors; v++)
				q[e * n_vectors + v] += x[v] * factor;
		}
	}
}

/* Whether none of n factors makes squares leave the range of a double. */
ALWAYS_INLINE bool
CLONE(plain_factors) (const double *factors, const int n)
{
	bool		plain = true;

	UNROLL
	for (int e = 0; e < n; e++)
		plain = plain && factors[e] < PLAIN_FACTOR;
	return plain;
}

/*
 * Log densities of n_vectors vectors of rows, in the coordinates of the means given,
 * under n components, from c, which have no matrix of their own.
 */
ALWAYS_INLINE void
CLONE(component_tile) (const MixturePrepared *prepared, int c, const double *means,
					   const CLONE(TileRows) *rows, const KernelWork *work,
					   const int n, const int n_vectors)
{
	const int	d = prepared->d;
	int			n_factors = (int) prepared->factor_count;
	int			line = c / TILE_COMPONENTS * TILE_LINES % (TILE_VECTORS * VL / 8);
	bool		spherical = prepared->covariance_type == MIXTURE_SPHERICAL;
	const double *factors = prepared->precision_cholesky + (size_t) c * n_factors;
	Vec			q[TILE_COMPONENTS * TILE_VECTORS];

	means += (size_t) c * d;
	if (prepared->linear != NULL)
		CLONE(linear_tile) (rows, line, prepared->origin, means, d, q, n, n_vectors);
	else if (prepared->covariance_type == MIXTURE_DIAG ||
		(spherical && !CLONE(plain_factors) (factors, n)))
		CLONE(distance_tile) (rows, line, means, factors, n_factors, d, q, n, n_vectors, true);
	else
	{
		CLONE(distance_tile) (rows, line, means, NULL, 0, d, q, n, n_vectors, false);
		if (spherical)
		{
			UNROLL
			for (int t = 0; t < n * n_vectors; t++)
				q[t] = q[t] * factors[t / n_vectors] * factors[t / n_vectors];
		}
	}
	UNROLL
	for (int e = 0; e < n; e++)
		CLONE(leave_densities) (prepared, c + e, rows->row, q + e * n_vectors, work, n_vectors);
}

/* The same under all components, of n_vectors vectors of the block's rows. */
ALWAYS_INLINE void
CLONE(components_of_rows) (const MixturePrepared *prepared, const MixtureBlock *block, int row,
						   const KernelWork *work, const MixtureHost *host,
						   const int n_vectors)
{
	int			k = prepared->k;
	const double *features = block->features + row;
	const double *means = prepared->means;
	CLONE(TileRows) rows = {
		row, features, block->stride, features + TILE_VECTORS * VL, block->stride
	};

	if (prepared->linear != NULL)
		means = prepared->linear;
	else if (prepared->whitened != NULL)
	{
		const CLONE(TriangleRows) triangle = {
			prepared->precision_cholesky, prepared->origin, features, block->stride,
			work->centered
		};

		CLONE(quadratic_full) (&triangle, prepared->d, NULL, n_vectors);
		rows.features = work->centered;
		rows.stride = n_vectors * VL;
		means = prepared->whitened;
	}
	for (int c = 0; c < k; c += TILE_COMPONENTS)
	{
#define TILE_CASE(n) CLONE(component_tile) (prepared, c, means, &rows, work, n, n_vectors)
		switch (k - c)
		{
			case 1:
				TILE_CASE(1);
				break;
#if TILE_COMPONENTS > 2
			case 2:
				TILE_CASE(2);
				break;
			case 3:
				TILE_CASE(3);
				break;
#endif
			default:
				TILE_CASE(TILE_COMPONENTS);
				break;
		}
#undef TILE_CASE
		if (c % COMPONENTS_PER_LOOK == 0)
			host->check_interrupts(host->context);
	}
}

/* Log densities of a block's rows under all components. */
static void
CLONE(log_densities) (const MixturePrepared *prepared, const MixtureBlock *block,
					  const KernelWork *work, const MixtureHost *host)
{
	int			row = 0;

	if (mixture_has_matrix(prepared->covariance_type) && prepared->whitened == NULL &&
		prepared->linear == NULL)
	{
		for (int c = 0; c < prepared->k; c++)
		{
			CLONE(component_densities) (prepared, c, block, work, host);
			host->check_interrupts(host->context);
		}
		return;
	}
	for (; row + TILE_VECTORS * VL <= block->stride && row < block->n_rows;
		 row += TILE_VECTORS * VL)
		CLONE(components_of_rows) (prepared, block, row, work, host, TILE_VECTORS);
	for (; row < block->n_rows; row += VL)
		CLONE(components_of_rows) (prepared, block, row, work, host, 1);
}

/*
 * Squared distances of n_vectors vectors of a block's rows from n means: all of them,
 * at squares + e * KERNEL_WORK_STRIDE, unless squares is NULL; and the least, with the
 * number of its mean, unless least is.
 */
ALWAYS_INLINE void
CLONE(squares_of_rows) (const MixtureBlock *block, int row, int d, const double *means, int n,
						double *squares, double *least, double *nearest,
						const MixtureHost *host, const int n_vectors)
{
	const double *features = block->features + row;
	const CLONE(TileRows) rows = {
		row, features, block->stride, features + TILE_VECTORS * VL, block->stride
	};
	Vec			closest[TILE_VECTORS];
	Vec			number[TILE_VECTORS];

	UNROLL
	for (int v = 0; v < n_vectors; v++)
	{
		closest[v] = INFINITY - (Vec) {0};
		number[v] = (Vec) {0};
	}
	for (int e = 0, tile; e < n; e += tile)
	{
		const double *mean = means + (size_t) e * d;
		int			line = e / TILE_COMPONENTS * TILE_LINES % (TILE_VECTORS * VL / 8);
		Vec			q[TILE_COMPONENTS * TILE_VECTORS];

		tile = e + TILE_COMPONENTS <= n ? TILE_COMPONENTS : 1;
		if (tile > 1)
			CLONE(distance_tile) (&rows, line, mean, NULL, 0, d, q, TILE_COMPONENTS, n_vectors,
								  false);
		else
			CLONE(distance_tile) (&rows, line, mean, NULL, 0, d, q, 1, n_vectors, false);
		for (int t = 0; t < tile; t++)
		{
			UNROLL
			for (int v = 0; v < n_vectors; v++)
			{
				Vec			square = q[t * n_vectors + v];
				Bits		nearer = (Bits) (square < closest[v]);

				if (squares != NULL)
					CLONE(store) (squares + (size_t) (e + t) * KERNEL_WORK_STRIDE + row + v * VL,
								  square);
				closest[v] = CLONE(select) (nearer, square, closest[v]);
				number[v] = CLONE(select) (nearer, (double) (e + t) - (Vec) {0}, number[v]);
			}
		}
		if (e % COMPONENTS_PER_LOOK == 0)
			host->check_interrupts(host->context);
	}
	if (least == NULL)
		return;
	UNROLL
	for (int v = 0; v < n_vectors; v++)
	{
		CLONE(store) (least + row + v * VL, closest[v]);
		CLONE(store) (nearest + row + v * VL, number[v]);
	}
}

/* Squared distances of a block's rows from means; see Kernels. */
static void
CLONE(squares) (const MixtureBlock *block, int d, const double *means, int n, double *squares,
				const MixtureHost *host)
{
	int			row = 0;

	for (; row + TILE_VECTORS * VL <= block->stride && row < block->n_rows;
		 row += TILE_VECTORS * VL)
		CLONE(squares_of_rows) (block, row, d, means, n, squares, NULL, NULL, host,
								TILE_VECTORS);
	for (; row < block->n_rows; row += VL)
		CLONE(squares_of_rows) (block, row, d, means, n, squares, NULL, NULL, host, 1);
}

/* The nearest of some means to each row of a block; see Kernels. */
static void
CLONE(nearest) (const MixtureBlock *block, int d, const double *means, int n, double *least,
				double *nearest, const MixtureHost *host)
{
	int			row = 0;

	for (; row + TILE_VECTORS * VL <= block->stride && row < block->n_rows;
		 row += TILE_VECTORS * VL)
		CLONE(squares_of_rows) (block, row, d, means, n, NULL, least, nearest, host,
								TILE_VECTORS);
	for (; row < block->n_rows; row += VL)
		CLONE(squares_of_rows) (block, row, d, means, n, NULL, least, nearest, host, 1);
}
