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

/* SCATTER_TILE: features in each direction of a tile of the scatter matrix. */
#if VL == 8 || defined(__aarch64__)
#define SCATTER_TILE 5			/* 32 registers */
#else
#define SCATTER_TILE 3			/* 16 */
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

/*
 * Make u = sqrt(r) (x - m) of n features from feature j, and add to firsts the
 * sums over a block's rows of sqrt(r) u and to the packed seconds those of the
 * products of the n with each other.
 */
ALWAYS_INLINE void
CLONE(scatter_diagonal) (const MixtureBlock *block, const double *mean,
						 const double *roots, const KernelWork *work, int j,
						 double *firsts, double *seconds, const int n)
{
	const int	n_rows = block->n_rows;
	const double *features = block->features + (size_t) j * block->stride;
	double	   *scaled = work->scaled + (size_t) j * KERNEL_WORK_STRIDE;
	Vec			first[8];
	Vec			sum[32];
	double		sums[32];

	UNROLL
	for (int a = 0; a < 8; a++)
		first[a] = (Vec) {0};
	UNROLL
	for (int t = 0; t < 32; t++)
		sum[t] = (Vec) {0};
	for (int row = 0; row < n_rows; row += VL)
	{
		Vec			root = CLONE(load) (roots + row);
		Vec			u[SCATTER_TILE];

		UNROLL
		for (int a = 0; a < n; a++)
		{
			u[a] = root * (CLONE(load) (features + (size_t) a * block->stride + row) -
						   mean[j + a]);
			CLONE(store) (scaled + a * KERNEL_WORK_STRIDE + row, u[a]);
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
		double	   *row = seconds + (size_t) (j + a) * (j + a + 1) / 2 + j;

		UNROLL
		for (int b = 0; b <= a; b++)
			row[b] += sums[a * (a + 1) / 2 + b];
	}
	CLONE(sum_elements) (first, n, sums);
	UNROLL
	for (int a = 0; a < n; a++)
		firsts[j + a] += sums[a];
}

/*
 * Add to elements (i, j) of the packed seconds the sums over a block's rows of
 * u_i u_j, for an n by SCATTER_TILE tile below the diagonal.
 */
ALWAYS_INLINE void
CLONE(scatter_tile) (const KernelWork *work, int n_rows, int i, int j,
					 double *seconds, const int n)
{
	const double *left = work->scaled + (size_t) i * KERNEL_WORK_STRIDE;
	const double *right = work->scaled + (size_t) j * KERNEL_WORK_STRIDE;
	Vec			sum[32];
	double		sums[32];

	UNROLL
	for (int t = 0; t < 32; t++)
		sum[t] = (Vec) {0};
	for (int row = 0; row < n_rows; row += VL)
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
		double	   *row = seconds + (size_t) (i + a) * (i + a + 1) / 2 + j;

		UNROLL
		for (int b = 0; b < SCATTER_TILE; b++)
			row[b] += sums[a * SCATTER_TILE + b];
	}
}

/* n rows of the scatter matrix, from row i. */
ALWAYS_INLINE void
CLONE(scatter_rows) (const MixtureBlock *block, const double *mean,
					 const double *roots, const KernelWork *work, int i,
					 double *firsts, double *seconds, const int n)
{
	CLONE(scatter_diagonal) (block, mean, roots, work, i, firsts, seconds, n);
	for (int j = 0; j < i; j += SCATTER_TILE)
		CLONE(scatter_tile) (work, block->n_rows, i, j, seconds, n);
}

/* Sums of a component over a block, for any dimension. */
static void
CLONE(moments_matrix) (const MixtureBlock *block, int d, const double *mean,
					   const double *roots, const KernelWork *work,
					   double *firsts, double *seconds, const MixtureHost *host)
{
	int			i = 0;

	for (; i + SCATTER_TILE <= d; i += SCATTER_TILE)
	{
		CLONE(scatter_rows) (block, mean, roots, work, i, firsts, seconds, SCATTER_TILE);
		host->check_interrupts(host->context);
	}
	switch (d - i)
	{
		case 1:
			CLONE(scatter_rows) (block, mean, roots, work, i, firsts, seconds, 1);
			break;
		case 2:
			CLONE(scatter_rows) (block, mean, roots, work, i, firsts, seconds, 2);
			break;
#if SCATTER_TILE > 3
		case 3:
			CLONE(scatter_rows) (block, mean, roots, work, i, firsts, seconds, 3);
			break;
		case 4:
			CLONE(scatter_rows) (block, mean, roots, work, i, firsts, seconds, 4);
			break;
#endif
		default:
			break;
	}
}

/* Sums of n features of a component without covariances, from feature j. */
ALWAYS_INLINE void
CLONE(moments_features) (const MixtureBlock *block, int j, const double *mean,
						 const double *roots, double *firsts, double *seconds,
						 int second_step, const int n)
{
	const int	n_rows = block->n_rows;
	const double *features = block->features + (size_t) j * block->stride;
	Vec			sum[8];
	double		sums[16];

	UNROLL
	for (int t = 0; t < 2 * n; t++)
		sum[t] = (Vec) {0};
	for (int row = 0; row < n_rows; row += VL)
	{
		Vec			root = CLONE(load) (roots + row);

		UNROLL
		for (int t = 0; t < n; t++)
		{
			Vec			u = root * (CLONE(load) (features + (size_t) t * block->stride + row) -
									mean[j + t]);

			sum[t] += root * u;
			sum[n + t] += u * u;
		}
	}
	CLONE(sum_elements) (sum, 2 * n, sums);
	UNROLL
	for (int t = 0; t < n; t++)
	{
		firsts[j + t] += sums[t];
		seconds[(j + t) * second_step] += sums[n + t];
	}
}

/* Sums of a component whose family is diag (step 1) or spherical (step 0). */
static void
CLONE(moments_diag) (const MixtureBlock *block, int d, const double *mean,
					 const double *roots, double *firsts, double *seconds,
					 int second_step)
{
	int			j = 0;

	for (; j + 4 <= d; j += 4)
		CLONE(moments_features) (block, j, mean, roots, firsts, seconds, second_step, 4);
	for (; j < d; j++)
		CLONE(moments_features) (block, j, mean, roots, firsts, seconds, second_step, 1);
}

/*
 * The least root that a row has to have for a part in component c's sums.
 *
 * A row with responsibility r at distance D adds up to r D^2 to the second
 * moments, as the component's own deviations measure them, and less to the
 * other sums.  Left out is what adds less than 2^-60 of the component's weight
 * in the block, D being the block's reach, which is never below 1; so all that
 * is left out of a block is less than the rounding of its sums.
 */
ALWAYS_INLINE double
CLONE(least_root) (const KernelWork *work, int c)
{
	return sqrt(work->weights[c]) * 0x1p-30 / *work->reach;
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
						   stats->seconds + (prepared->covariance_type == MIXTURE_TIED ? 0 :
											 c * prepared->factor_count), host);
	work->packed[c] = 0;
}

/* Set aside for component c the rows of a block that have a part in it. */
static void
CLONE(pack_rows) (const MixturePrepared *prepared, int c, const MixtureBlock *block,
				  const double *roots, const KernelWork *work, MixtureStats *stats,
				  const MixtureHost *host)
{
	int			d = prepared->d;
	uint16_t	rows[MIXTURE_BLOCK_ROWS];
	int			n_rows = CLONE(rows_with_part) (block->n_rows, roots,
													 CLONE(least_root) (work, c), rows);

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

	if (type > MIXTURE_TIED)
		CLONE(moments_diag) (block, d, mean, roots, firsts, seconds, type == MIXTURE_DIAG);
	else if (d == 1)
		CLONE(moments_small) (block, mean, roots, firsts, seconds, 1);
	else if (d == 2)
		CLONE(moments_small) (block, mean, roots, firsts, seconds, 2);
	else if (d == 3)
		CLONE(moments_small) (block, mean, roots, firsts, seconds, 3);
	else if (d == SMALL_D)
		CLONE(moments_small) (block, mean, roots, firsts, seconds, SMALL_D);
	else if (CLONE(worth_packing) (d, block, roots, CLONE(least_root) (work, c)))
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
