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

/* Add n sums to as many others. */
ALWAYS_INLINE void
CLONE(add_to) (double *target, const double *sums, const int n)
{
	int			t = 0;

	UNROLL
	for (; t + VL <= n; t += VL)
		CLONE(store) (target + t, CLONE(load) (target + t) + CLONE(load) (sums + t));
	UNROLL
	for (; t < n; t++)
		target[t] += sums[t];
}

/*
 * Sums of n features of a component without covariances, from feature j, and of
 * their squares.
 */
ALWAYS_INLINE void
CLONE(moments_features) (const MixtureBlock *block, int j, const double *mean,
						 const double *roots, double *firsts, double *seconds, const int n,
						 const bool squares)
{
	const int	n_rows = block->n_rows;
	const double *features = block->features + (size_t) j * block->stride;
	Vec			sum[2 * MOMENTS_TILE];
	double		sums[2 * MOMENTS_TILE + VL];

	UNROLL
	for (int t = 0; t < 2 * n; t++)
		sum[t] = (Vec) {0};
	for (int row = 0; row < n_rows; row += VL)
	{
		Vec			root = CLONE(load) (roots + row);
		Vec			share = root * root;

		UNROLL
		for (int t = 0; t < n; t++)
		{
			Vec			u = CLONE(load) (features + (size_t) t * block->stride + row) - mean[j + t];

			if (!squares)
				sum[t] += share * u;
			else
			{
				Vec			part = share * u;

				sum[t] += part;
				sum[n + t] += part * u;
			}
		}
	}
	CLONE(sum_elements) (sum, squares ? 2 * n : n, sums);
	CLONE(add_to) (firsts + j, sums, n);
	if (squares)
		CLONE(add_to) (seconds + j, sums + n, n);
}

/*
 * The same of all features of n components, from c: firsts, and of the family diag
 * seconds.  A few features at a time are looked at by all components while they are
 * in the first cache.
 */
static void
CLONE(moments_plain) (const MixturePrepared *prepared, int c, int n, const MixtureBlock *block,
					  const KernelWork *work, MixtureStats *stats, const MixtureHost *host)
{
	const int	d = prepared->d;
	const bool	squares = prepared->covariance_type == MIXTURE_DIAG;

	for (int j = 0; j < d;)
	{
		int			tile = j + MOMENTS_TILE <= d ? MOMENTS_TILE : 1;

		for (int e = c; e < c + n; e++)
		{
			const double *mean = prepared->linear != NULL ? prepared->origin :
				prepared->means + (size_t) e * d;
			const double *roots = kernels_roots(work, e);
			double	   *firsts = stats->firsts + (size_t) e * d;
			double	   *seconds = stats->seconds + (size_t) e * d;

			if (work->weights[e] == 0)
				continue;
			if (squares && tile > 1)
				CLONE(moments_features) (block, j, mean, roots, firsts, seconds, MOMENTS_TILE,
										 true);
			else if (squares)
				CLONE(moments_features) (block, j, mean, roots, firsts, seconds, 1, true);
			else if (tile > 1)
				CLONE(moments_features) (block, j, mean, roots, firsts, NULL, MOMENTS_TILE, false);
			else
				CLONE(moments_features) (block, j, mean, roots, firsts, NULL, 1, false);
			if (e % COMPONENTS_PER_LOOK == 0)
				host->check_interrupts(host->context);
		}
		j += tile;
	}
}

/*
 * The sum over a block's rows of r |x - m|^2, of a component that is round: from
 * the squared distances of the E-step, in units of the variance.
 */
static double
CLONE(round_scatter) (const MixturePrepared *prepared, int c, int n_rows,
					  const KernelWork *work)
{
	const double *roots = kernels_roots(work, c);
	const double *distances = kernels_distances(work, c);
	double		factor = prepared->precision_cholesky[c];
	Vec			sum = {0};

	for (int row = 0; row < n_rows; row += VL)
	{
		Vec			root = CLONE(load) (roots + row);

		sum += root * root * CLONE(load) (distances + row);
	}
	return CLONE(sum_of) (sum) / factor / factor;
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

	if (!mixture_has_matrix(type))
	{
		CLONE(moments_plain) (prepared, c, 1, block, work, stats, host);
		if (type == MIXTURE_SPHERICAL)
			*seconds += CLONE(round_scatter) (prepared, c, block->n_rows, work);
	}
	else if (d == 1)
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
