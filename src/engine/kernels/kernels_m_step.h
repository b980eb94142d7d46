/*
 * kernels_m_step.h
 *	  The M-step's sums over a block, where a lane is a row; a part of
 *	  kernels_clone.h, compiled once per instruction set.
 *
 * A tile of the scatter matrix goes through all rows of the block with its sums
 * in registers; the sizes of the tiles are what the registers hold.  Where the
 * dimension is at most SMALL_D, it is a constant of the code, and all sums of a
 * component are one tile.
 *
 * Where many rows of a block have no part in a component, which is the rule
 * where components are apart, they cost as much as the others, since a lane is
 * a row.  Then those that have a part are set aside, in a pack of rows of that
 * component, and added when the pack is full or the rows are at their end:
 * kernels_finish().
 */

/*
 * SCATTER_TILE: features in each direction of a tile of the scatter matrix.
 * MOMENTS_TILE: features that are summed side by side where there is no matrix.
 */
#if VL == 8 || defined(__aarch64__)
#define SCATTER_TILE 5			/* 32 registers */
#define MOMENTS_TILE 8
#else
#define SCATTER_TILE 3			/* 16 */
#define MOMENTS_TILE 4
#endif

/*
 * Sums of a component over a block for a dimension that the compiler knows:
 * sqrt(r) u into firsts, u u^T into the packed seconds.
 */
ALWAYS_INLINE void
CLONE(moments_small) (const MixtureBlock *block, const double *mean,
					  const double *roots, double *firsts, double *seconds,
					  const int d)
{
	const int	n_rows = block->n_rows;
	const int	n_seconds = d * (d + 1) / 2;
	Vec			first[SMALL_D];
	Vec			second[16];
	double		sums[16];

	UNROLL
	for (int j = 0; j < SMALL_D; j++)
		first[j] = (Vec) {0};
	UNROLL
	for (int t = 0; t < 16; t++)
		second[t] = (Vec) {0};
	for (int row = 0; row < n_rows; row += VL)
	{
		Vec			root = CLONE(load) (roots + row);
		Vec			u[SMALL_D];

		UNROLL
		for (int j = 0; j < d; j++)
		{
			u[j] = root * (CLONE(load) (block->features + (size_t) j * block->stride + row) -
						   mean[j]);
			first[j] += root * u[j];
			UNROLL
			for (int i = 0; i <= j; i++)
				second[j * (j + 1) / 2 + i] += u[j] * u[i];
		}
	}
	CLONE(sum_elements) (first, d, sums);
	UNROLL
	for (int j = 0; j < d; j++)
		firsts[j] += sums[j];
	CLONE(sum_elements) (second, n_seconds, sums);
	UNROLL
	for (int t = 0; t < n_seconds; t++)
		seconds[t] += sums[t];
}

/* What the tiles of a scatter matrix are sums of. */
typedef struct CLONE(Scatter)
{
	int			n_rows;
	double	   *values;			/* one feature after the other, KERNEL_WORK_STRIDE
								 * doubles each: sqrt(r) (x - m) */
	const MixtureBlock *block;	/* what these are made of, or NULL: they are there */
	const double *mean;
	const double *roots;
	double	   *firsts;			/* gets the sums of sqrt(r) times them */
	double	   *seconds;		/* packed */
} CLONE(Scatter);

/* Feature j's value of a vector of rows; made and kept if it is to be. */
ALWAYS_INLINE Vec
CLONE(scatter_value) (const CLONE(Scatter) *scatter, int j, int row, Vec root, const bool made)
{
	double	   *value = scatter->values + (size_t) j * KERNEL_WORK_STRIDE + row;
	Vec			u;

	if (made)
		return CLONE(load) (value);
	u = root * (CLONE(load) (scatter->block->features + (size_t) j * scatter->block->stride + row) -
				scatter->mean[j]);
	CLONE(store) (value, u);
	return u;
}

/*
 * Add to the packed seconds the sums over a block's rows of the products of n
 * features, from feature j, with each other, and unless their values are made to
 * firsts theirs.
 */
ALWAYS_INLINE void
CLONE(scatter_diagonal) (const CLONE(Scatter) *scatter, int j, const int n, const bool made)
{
	Vec			first[8];
	Vec			sum[32];
	double		sums[32];

	UNROLL
	for (int a = 0; a < 8; a++)
		first[a] = (Vec) {0};
	UNROLL
	for (int t = 0; t < 32; t++)
		sum[t] = (Vec) {0};
	for (int row = 0; row < scatter->n_rows; row += VL)
	{
		Vec			root = made ? (Vec) {0} : CLONE(load) (scatter->roots + row);
		Vec			u[SCATTER_TILE];

		UNROLL
		for (int a = 0; a < n; a++)
		{
			u[a] = CLONE(scatter_value) (scatter, j + a, row, root, made);
			if (!made)
				first[a] += root * u[a];
			UNROLL
			for (int b = 0; b <= a; b++)
				sum[a * (a + 1) / 2 + b] += u[a] * u[b];
		}
	}
	CLONE(sum_elements) (sum, n * (n + 1) / 2, sums);
	UNROLL
	for (int a = 0; a < n; a++)
	{
		double	   *row = scatter->seconds + (size_t) (j + a) * (j + a + 1) / 2 + j;

		UNROLL
		for (int b = 0; b <= a; b++)
			row[b] += sums[a * (a + 1) / 2 + b];
	}
	if (made)
		return;
	CLONE(sum_elements) (first, n, sums);
	UNROLL
	for (int a = 0; a < n; a++)
		scatter->firsts[j + a] += sums[a];
}

/*
 * Add to elements (i, j) of the packed seconds the sums over a block's rows of
 * the products of features i and j, for an n by SCATTER_TILE tile below the
 * diagonal.
 */
ALWAYS_INLINE void
CLONE(scatter_tile) (const CLONE(Scatter) *scatter, int i, int j, const int n)
{
	const double *left = scatter->values + (size_t) i * KERNEL_WORK_STRIDE;
	const double *right = scatter->values + (size_t) j * KERNEL_WORK_STRIDE;
	Vec			sum[32];
	double		sums[32];

	UNROLL
	for (int t = 0; t < 32; t++)
		sum[t] = (Vec) {0};
	for (int row = 0; row < scatter->n_rows; row += VL)
	{
		Vec			x[SCATTER_TILE];

		UNROLL
		for (int a = 0; a < n; a++)
			x[a] = CLONE(load) (left + a * KERNEL_WORK_STRIDE + row);
		UNROLL
		for (int b = 0; b < SCATTER_TILE; b++)
		{
			Vec			y = CLONE(load) (right + b * KERNEL_WORK_STRIDE + row);

			UNROLL
			for (int a = 0; a < n; a++)
				sum[a * SCATTER_TILE + b] += x[a] * y;
		}
	}
	CLONE(sum_elements) (sum, n * SCATTER_TILE, sums);
	UNROLL
	for (int a = 0; a < n; a++)
	{
		double	   *row = scatter->seconds + (size_t) (i + a) * (i + a + 1) / 2 + j;

		UNROLL
		for (int b = 0; b < SCATTER_TILE; b++)
			row[b] += sums[a * SCATTER_TILE + b];
	}
}

/* n rows of the scatter matrix, from row i. */
ALWAYS_INLINE void
CLONE(scatter_rows) (const CLONE(Scatter) *scatter, int i, const int n, const bool made)
{
	CLONE(scatter_diagonal) (scatter, i, n, made);
	for (int j = 0; j < i; j += SCATTER_TILE)
		CLONE(scatter_tile) (scatter, i, j, n);
}

/* The whole scatter matrix of d features. */
ALWAYS_INLINE void
CLONE(scatter_matrix) (const CLONE(Scatter) *scatter, int d, const MixtureHost *host,
					   const bool made)
{
	int			i = 0;

	for (; i + SCATTER_TILE <= d; i += SCATTER_TILE)
	{
		CLONE(scatter_rows) (scatter, i, SCATTER_TILE, made);
		host->check_interrupts(host->context);
	}
	switch (d - i)
	{
		case 1:
			CLONE(scatter_rows) (scatter, i, 1, made);
			break;
		case 2:
			CLONE(scatter_rows) (scatter, i, 2, made);
			break;
#if SCATTER_TILE > 3
		case 3:
			CLONE(scatter_rows) (scatter, i, 3, made);
			break;
		case 4:
			CLONE(scatter_rows) (scatter, i, 4, made);
			break;
#endif
		default:
			break;
	}
}

/* Sums of a component over a block, for any dimension. */
static void
CLONE(moments_matrix) (const MixtureBlock *block, int d, const double *mean,
					   const double *roots, const KernelWork *work,
					   double *firsts, double *seconds, const MixtureHost *host)
{
	const CLONE(Scatter) scatter = {
		block->n_rows, work->scaled, block, mean, roots, firsts, seconds
	};

	CLONE(scatter_matrix) (&scatter, d, host, false);
}

/* Add n sums to as many others, less their share of a mean unless that is NULL. */
ALWAYS_INLINE void
CLONE(add_to) (double *target, const double *sums, const int n, const double *mean,
			   double weight)
{
	int			t = 0;

	UNROLL
	for (; t + VL <= n; t += VL)
	{
		Vec			sum = CLONE(load) (sums + t);

		if (mean != NULL)
			sum -= weight * CLONE(load) (mean + t);
		CLONE(store) (target + t, CLONE(load) (target + t) + sum);
	}
	UNROLL
	for (; t < n; t++)
		target[t] += mean != NULL ? sums[t] - weight * mean[t] : sums[t];
}

/* A tile of sums of components without matrices: what it goes through. */
typedef struct CLONE(Moments)
{
	int			n_rows;
	int			stride;			/* of features */
	const double *features;		/* from the tile's first */
	const double *shares;		/* the first component's */
	const double *mean;			/* its, of the first feature */
	int			step;			/* to the next one's; 0: all have this */
	const double *weights;		/* sums of shares */
	double	   *firsts;			/* those of features, d for each component */
	double	   *seconds;
	int			d;
} CLONE(Moments);

/*
 * Add the sums of m components' n features and, if those are wanted, of their squares.
 * Squares are those of distances from the mean; where there are none, and means are near
 * zero, that is subtracted from sums and not from each value.
 */
ALWAYS_INLINE void
CLONE(moments_tile) (const CLONE(Moments) *tile, const int m, const int n, const bool squares,
					 const bool near)
{
	const int	size = squares ? 2 * n : n;	/* sums of a component */
	Vec			sum[2 * MOMENTS_TILE];
	double		sums[2 * MOMENTS_TILE + VL];

	UNROLL
	for (int t = 0; t < m * size; t++)
		sum[t] = (Vec) {0};
	for (int row = 0; row < tile->n_rows; row += VL)
	{
		Vec			share[2];

		UNROLL
		for (int e = 0; e < m; e++)
			share[e] = CLONE(load) (tile->shares + e * KERNEL_WORK_STRIDE + row);
		UNROLL
		for (int t = 0; t < n; t++)
		{
			Vec			x = CLONE(load) (tile->features + (size_t) t * tile->stride + row);

			UNROLL
			for (int e = 0; e < m; e++)
			{
				Vec			u = near ? x : x - tile->mean[(size_t) e * tile->step + t];

				if (!squares)
					sum[e * size + t] += share[e] * u;
				else
				{
					Vec			part = share[e] * u;

					sum[e * size + t] += part;
					sum[e * size + n + t] += part * u;
				}
			}
		}
	}
	CLONE(sum_elements) (sum, m * size, sums);
	UNROLL
	for (int e = 0; e < m; e++)
	{
		const double *own = sums + e * size;

		CLONE(add_to) (tile->firsts + (size_t) e * tile->d, own, n,
					   near ? tile->mean + (size_t) e * tile->step : NULL, tile->weights[e]);
		if (squares)
			CLONE(add_to) (tile->seconds + (size_t) e * tile->d, own + n, n, NULL, 0);
	}
}

/*
 * The same of all components and features.  A few features at a time are looked at by all
 * components while they are in the first cache.
 */
ALWAYS_INLINE void
CLONE(moments_of_all) (const MixturePrepared *prepared, const MixtureBlock *block,
					   const KernelWork *work, MixtureStats *stats, const MixtureHost *host,
					   const bool squares, const bool near)
{
	const int	d = prepared->d;
	const int	most = squares ? 1 : 2;	/* components of a tile */
	bool		common = prepared->linear != NULL;
	CLONE(Moments) tile = {
		.n_rows = block->n_rows,.stride = block->stride,.step = common ? 0 : d,.d = d
	};

	for (int j = 0; j < d;)
	{
		int			n = j + MOMENTS_TILE <= d ? MOMENTS_TILE : 1;

		tile.features = block->features + (size_t) j * block->stride;
		for (int c = 0, m; c < prepared->k; c += m)
		{
			size_t		place = (size_t) c * d + j;

			if (c % COMPONENTS_PER_LOOK == 0)
				host->check_interrupts(host->context);
			m = c + most <= prepared->k ? most : 1;
			if (work->weights[c] == 0 && work->weights[c + m - 1] == 0)
				continue;
			tile.shares = kernels_roots(work, c);
			tile.mean = common ? prepared->origin + j : prepared->means + place;
			tile.weights = work->weights + c;
			tile.firsts = stats->firsts + place;
			tile.seconds = stats->seconds + place;
			if (n > 1 && m == most)
				CLONE(moments_tile) (&tile, most, MOMENTS_TILE, squares, near);
			else if (n > 1)
				CLONE(moments_tile) (&tile, 1, MOMENTS_TILE, squares, near);
			else if (m == most)
				CLONE(moments_tile) (&tile, most, 1, squares, near);
			else
				CLONE(moments_tile) (&tile, 1, 1, squares, near);
		}
		j += n;
	}
}

/*
 * Sums of components without matrices of their own: firsts, and of the family diag
 * seconds.
 */
static void
CLONE(moments_plain) (const MixturePrepared *prepared, const MixtureBlock *block,
					  const KernelWork *work, MixtureStats *stats, const MixtureHost *host)
{
	if (prepared->covariance_type == MIXTURE_DIAG)
		CLONE(moments_of_all) (prepared, block, work, stats, host, true, false);
	else if (prepared->near_zero)
		CLONE(moments_of_all) (prepared, block, work, stats, host, false, true);
	else
		CLONE(moments_of_all) (prepared, block, work, stats, host, false, false);
}

/*
 * The rows of a block that have a part in a component: their numbers into
 * `rows`; returns how many there are.
 */
static int
CLONE(rows_with_part) (int n_rows, const double *roots, double least, uint16_t *rows)
{
	int			n = 0;

	for (int row = 0; row < n_rows; row++)
	{
		rows[n] = (uint16_t) row;
		n += roots[row] >= least;
	}
	return n;
}

/* Add the rows of component c's pack, and empty it. */
static void
CLONE(add_pack) (const MixturePrepared *prepared, int c, const KernelWork *work,
				 MixtureStats *stats, const MixtureHost *host)
{
	int			d = prepared->d;
	int			n_rows = work->packed[c];
	double	   *features = kernels_pack(work, d, c);
	double	   *roots = features + (size_t) d * work->pack_stride;
	const MixtureBlock pack = {
		.n_rows = n_rows,
		.stride = work->pack_stride,
		.features = features
	};

	/* lanes that have no row */
	for (int row = n_rows; row % VL != 0; row++)
	{
		roots[row] = 0;
		for (int j = 0; j < d; j++)
			features[(size_t) j * work->pack_stride + row] = 0;
	}
	CLONE(moments_matrix) (&pack, d, prepared->means + (size_t) c * d, roots, work,
						   stats->firsts + (size_t) c * d,
						   stats->seconds + c * prepared->factor_count, host);
	work->packed[c] = 0;
}

/* Set aside for component c the rows of a block that have a part in it. */
static void
CLONE(pack_rows) (const MixturePrepared *prepared, int c, const MixtureBlock *block,
				  const double *roots, const KernelWork *work, MixtureStats *stats,
				  const MixtureHost *host)
{
	int			d = prepared->d;
	uint16_t	rows[KERNEL_WORK_STRIDE];
	int			n_rows = CLONE(rows_with_part) (block->n_rows, roots,
													 kernels_least_root(work, c), rows);

	for (int done = 0; done < n_rows;)
	{
		double	   *pack = kernels_pack(work, d, c) + work->packed[c];
		int			room = work->pack_rows - work->packed[c];
		int			n = n_rows - done < room ? n_rows - done : room;

		for (int j = 0; j <= d; j++)
		{
			const double *from = j < d ? block->features + (size_t) j * block->stride : roots;
			double	   *to = pack + (size_t) j * work->pack_stride;

			for (int i = 0; i < n; i++)
				to[i] = from[rows[done + i]];
		}
		done += n;
		work->packed[c] += n;
		if (work->packed[c] == work->pack_rows)
			CLONE(add_pack) (prepared, c, work, stats, host);
	}
}

/*
 * Is it less work to set rows aside?  A row costs half the square of the
 * dimension, but for the width of vectors, in sums, and to set it aside some
 * times the dimension.  How many rows have a part in the component is counted
 * in every fourth vector, since mostly the answer is no.
 */
static bool
CLONE(worth_packing) (int d, const MixtureBlock *block, const double *roots,
					   double least_root)
{
	const Vec	least = least_root - (Vec) {0};
	Bits		counts = {0};
	double		n_seen = 0;
	double		n = 0;

	for (int row = 0; row < block->n_rows; row += 4 * VL)
	{
		/* a mask is -1 */
		counts -= (Bits) (CLONE(load) (roots + row) >= least);
		n_seen += VL;
	}
	UNROLL
	for (int i = 0; i < VL; i++)
		n += (double) counts[i];
	return n * (d + 20) < n_seen * d;
}

/* Add component c's part of a block to the statistics; see Kernels. */
static void
CLONE(add_component) (const MixturePrepared *prepared, int c,
					  const MixtureBlock *block, const KernelWork *work,
					  MixtureStats *stats, const MixtureHost *host)
{
	int			d = prepared->d;
	MixtureCovarianceType type = prepared->covariance_type;
	const double *mean = prepared->means + (size_t) c * d;
	const double *roots = kernels_roots(work, c);
	double	   *firsts = stats->firsts + (size_t) c * d;
	double	   *seconds = stats->seconds +
		(type == MIXTURE_TIED ? 0 : c * prepared->factor_count);

	if (work->weights[c] == 0)
		return;
	stats->component_weights[c] += work->weights[c];

	if (d == 1)
		CLONE(moments_small) (block, mean, roots, firsts, seconds, 1);
	else if (d == 2)
		CLONE(moments_small) (block, mean, roots, firsts, seconds, 2);
	else if (d == 3)
		CLONE(moments_small) (block, mean, roots, firsts, seconds, 3);
	else if (d == SMALL_D)
		CLONE(moments_small) (block, mean, roots, firsts, seconds, SMALL_D);
	else if (work->pack_rows > 0 &&
			 CLONE(worth_packing) (d, block, roots, kernels_least_root(work, c)))
		CLONE(pack_rows) (prepared, c, block, roots, work, stats, host);
	else
		CLONE(moments_matrix) (block, d, mean, roots, work, firsts, seconds, host);
}

/* Add what add_component() has set aside; see Kernels. */
static void
CLONE(finish_component) (const MixturePrepared *prepared, int c, const KernelWork *work,
						 MixtureStats *stats, const MixtureHost *host)
{
	if (work->packed[c] > 0)
		CLONE(add_pack) (prepared, c, work, stats, host);
}
