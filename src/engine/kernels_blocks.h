/*
 * kernels_blocks.h
 *	  E- and M-step over a block, where a lane is a row; a part of
 *	  kernels_clone.h, compiled once per instruction set.
 *
 * The E-step takes some vectors of rows at a time through a few rows of the
 * triangular factor, the M-step a tile of the scatter matrix through all rows
 * of the block; both keep their sums in registers, and the sizes of the tiles
 * are what the registers hold.  Where the dimension is small, it is a constant
 * of the code, and in the E-step all features of a vector of rows stay in
 * registers; up to SMALL_D so do all sums of a component in the M-step.
 *
 * Between the two steps stand the square roots of the responsibilities rather
 * than themselves: e to the half of an exponent costs no more, and
 * sum r (x - m)(x - m)^T is then u u^T with the one array u = sqrt(r) (x - m).
 */

/*
 * TRIANGLE_ROWS: rows of a triangular factor that go through the rows of data
 * together.  KNOWN_D: the largest dimension for which the E-step has code of
 * its own.  SCATTER_TILE: features in each direction of a tile of the scatter
 * matrix.
 */
#if VL == 8 || defined(__aarch64__)
#define TRIANGLE_ROWS 4			/* 32 registers */
#define KNOWN_D 16
#define SCATTER_TILE 5
#else
#define TRIANGLE_ROWS 3			/* 16 */
#define KNOWN_D SMALL_D
#define SCATTER_TILE 3
#endif

/* What triangle_rows() takes: some vectors of rows and a triangular factor. */
typedef struct CLONE(TriangleRows)
{
	const double *factor;
	const double *mean;
	const double *features;		/* feature j at j * stride */
	int			stride;
	double	   *centered;		/* scratch: feature j, about the mean, of
								 * n_vectors vectors at j * n_vectors * VL */
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
 * Add to q, for n_vectors vectors of rows, the squares of n_rows consecutive
 * rows, from row i, of factor times centered.  The last rows, which need all
 * features, have to come first; they center them while they multiply.
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
			q[v] += y[t][v] * y[t][v];
	}
}

/*
 * Squared Mahalanobis distances where the factor is triangular, for a
 * dimension that the compiler knows.  The last rows of the factor, which have
 * most to do, come first: what waits at the end is then soon done.
 */
ALWAYS_INLINE void
CLONE(quadratic_known) (const double *factor, const double *mean,
						const double *features, int stride, Vec *q,
						const int d, const int n_vectors)
{
	Vec			x[KNOWN_D][4];

	UNROLL
	for (int j = 0; j < d; j++)
	{
		UNROLL
		for (int v = 0; v < n_vectors; v++)
			x[j][v] = CLONE(load) (features + (size_t) j * stride + v * VL) - mean[j];
	}
	UNROLL
	for (int i = (d - 1) / TRIANGLE_ROWS * TRIANGLE_ROWS; i >= 0; i -= TRIANGLE_ROWS)
	{
		Vec			y[TRIANGLE_ROWS][4];

		UNROLL
		for (int t = 0; t < TRIANGLE_ROWS; t++)
		{
			UNROLL
			for (int v = 0; v < n_vectors; v++)
				y[t][v] = (Vec) {0};
		}
		UNROLL
		for (int j = 0; j < d; j++)
		{
			UNROLL
			for (int t = 0; t < TRIANGLE_ROWS; t++)
			{
				UNROLL
				for (int v = 0; v < n_vectors; v++)
					if (i + t < d && j <= i + t)
						y[t][v] += factor[(i + t) * (i + t + 1) / 2 + j] * x[j][v];
			}
		}
		UNROLL
		for (int t = 0; t < TRIANGLE_ROWS; t++)
		{
			UNROLL
			for (int v = 0; v < n_vectors; v++)
				q[v] += y[t][v] * y[t][v];
		}
	}
}

/* The same for any dimension of at least TRIANGLE_ROWS. */
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

/* The distances where the factor is a diagonal (step 1) or one number (step 0). */
ALWAYS_INLINE void
CLONE(quadratic_diag) (const double *factor, int step, const double *mean, int d,
					   const double *features, int stride, Vec *q,
					   const int n_vectors)
{
	for (int j = 0; j < d; j++)
	{
		UNROLL
		for (int v = 0; v < n_vectors; v++)
		{
			Vec			y = (CLONE(load) (features + (size_t) j * stride + v * VL) -
							 mean[j]) * factor[j * step];

			q[v] += y * y;
		}
	}
}

/*
 * Log densities of n_vectors vectors of rows under component c.  small_d: the
 * dimension if it is known and the factor triangular, else 0.
 */
ALWAYS_INLINE void
CLONE(component_rows) (const MixturePrepared *prepared, int c,
					   const double *features, int stride, double *centered,
					   double *log_densities, const int known_d,
					   const int n_vectors)
{
	int			d = prepared->d;
	const double *mean = prepared->means + (size_t) c * d;
	const double *factor = prepared->precision_cholesky + c * prepared->factor_step;
	Vec			q[4];

	UNROLL
	for (int v = 0; v < n_vectors; v++)
		q[v] = (Vec) {0};
	if (known_d > 0)
		CLONE(quadratic_known) (factor, mean, features, stride, q, known_d, n_vectors);
	else if (prepared->covariance_type <= MIXTURE_TIED)
	{
		const CLONE(TriangleRows) rows = {factor, mean, features, stride, centered};

		CLONE(quadratic_full) (&rows, d, q, n_vectors);
	}
	else
		CLONE(quadratic_diag) (factor, prepared->covariance_type == MIXTURE_DIAG,
							   mean, d, features, stride, q, n_vectors);
	UNROLL
	for (int v = 0; v < n_vectors; v++)
	{
		/* NaN, from infinity minus infinity, is far away too */
		Vec			bounded = CLONE(select) ((Bits) (q[v] < MAX_DISTANCE_SQUARED), q[v],
											 MAX_DISTANCE_SQUARED - (Vec) {0});

		CLONE(store) (log_densities + v * VL,
					  prepared->log_constants[c] - 0.5 * bounded);
	}
}

/* Log densities of a block's rows under component c. */
ALWAYS_INLINE void
CLONE(component_block) (const MixturePrepared *prepared, int c,
						const MixtureBlock *block, const KernelWork *work,
						const int known_d)
{
	const int	n_vectors = known_d > SMALL_D ? 1 : 4;
	double	   *log_densities = kernels_roots(work, c);
	int			row = 0;

	if (n_vectors > 1)
	{
		for (; row + n_vectors * VL <= block->stride && row < block->n_rows;
			 row += n_vectors * VL)
			CLONE(component_rows) (prepared, c, block->features + row, block->stride,
								   work->centered, log_densities + row, known_d,
								   n_vectors);
	}
	for (; row < block->n_rows; row += VL)
		CLONE(component_rows) (prepared, c, block->features + row, block->stride,
							   work->centered, log_densities + row, known_d, 1);
}

static void
CLONE(component_densities) (const MixturePrepared *prepared, int c,
							const MixtureBlock *block, const KernelWork *work)
{
#define KNOWN_CASE(d) case d: CLONE(component_block) (prepared, c, block, work, d); break
	switch (prepared->covariance_type <= MIXTURE_TIED ? prepared->d : 0)
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
			CLONE(component_block) (prepared, c, block, work, 0);
			break;
	}
#undef KNOWN_CASE
}

/*
 * Turn log densities into the square roots of densities relative to the row's
 * largest, whose squares add up to work->sums; returns the block's weighted
 * log-likelihood.
 *
 * Each step is a loop of its own over the rows, so that the long chains of
 * logarithms or exponentials of many rows run side by side.
 */
static double
CLONE(normalize) (int k, const MixtureBlock *block, const KernelWork *work)
{
	const int	n_rows = block->n_rows;
	Vec			log_likelihood = {0};

	for (int row = 0; row < n_rows; row += VL)
	{
		const double *column = kernels_roots(work, 0) + row;
		Vec			most = CLONE(load) (column);

		for (int c = 1; c < k; c++)
		{
			Vec			value = CLONE(load) (column + (size_t) c * KERNEL_WORK_STRIDE);

			most = CLONE(select) ((Bits) (value > most), value, most);
		}
		CLONE(store) (work->largest + row, most);
	}
	for (int row = 0; row < n_rows; row += VL)
	{
		double	   *column = kernels_roots(work, 0) + row;
		Vec			most = CLONE(load) (work->largest + row);
		Vec			sum = {0};

		for (int c = 0; c < k; c++, column += KERNEL_WORK_STRIDE)
		{
			Vec			root = CLONE(exp_negative) ((CLONE(load) (column) - most) * 0.5,
													ROOT_UNDERFLOW);

			CLONE(store) (column, root);
			sum += root * root;
		}
		CLONE(store) (work->sums + row, sum);
	}
	for (int row = 0; row < n_rows; row += VL)
	{
		Vec			weight = CLONE(load) (block->weights + row);
		Vec			sum = CLONE(load) (work->sums + row);

		log_likelihood += weight * (CLONE(load) (work->largest + row) +
									CLONE(log_above_one) (sum));
	}
	return CLONE(sum_of) (log_likelihood);
}

/*
 * The weighted sum over a block's rows of the entropy of their
 * responsibilities r, sum r log(1 / r), from the roots that normalize() left.
 */
static double
CLONE(entropy) (int k, const MixtureBlock *block, const KernelWork *work)
{
	const int	n_rows = block->n_rows;
	const Vec	one = 1.0 - (Vec) {0};
	Vec			entropy = {0};

	for (int c = 0; c < k; c++)
	{
		const double *roots = kernels_roots(work, c);

		for (int row = 0; row < n_rows; row += VL)
		{
			Vec			root = CLONE(load) (roots + row);
			Vec			sum = CLONE(load) (work->sums + row);
			Vec			density = root * root;
			Vec			inverse = CLONE(select) ((Bits) (density > 0), sum / density, one);

			/* a quotient that is 1 but for rounding is not less */
			inverse = CLONE(select) ((Bits) (inverse > 1), inverse, one);
			entropy += CLONE(load) (block->weights + row) * (density / sum) *
				CLONE(log_above_one) (inverse);
		}
	}
	return CLONE(sum_of) (entropy);
}

/*
 * Turn the roots that normalize() left into those of responsibilities times
 * weight, and leave each component's sum of these in work->weights.
 */
static void
CLONE(scale_roots) (int k, const MixtureBlock *block, const KernelWork *work)
{
	const int	n_rows = block->n_rows;

	for (int row = 0; row < n_rows; row += VL)
	{
		Vec			weight = CLONE(load) (block->weights + row);
		Vec			sum = CLONE(load) (work->sums + row);

		/* the root of weight / sum; 2^-14 keeps the product in range */
		CLONE(store) (work->scales + row, weight * 0x1p-7 *
					  CLONE(inverse_root) (sum * 0x1p-14 * weight));
	}
	for (int c = 0; c < k; c++)
	{
		double	   *roots = kernels_roots(work, c);
		Vec			weight = {0};

		for (int row = 0; row < n_rows; row += VL)
		{
			Vec			root = CLONE(load) (roots + row) * CLONE(load) (work->scales + row);

			CLONE(store) (roots + row, root);
			weight += root * root;
		}
		work->weights[c] = CLONE(sum_of) (weight);
	}
}

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
					   double *firsts, double *seconds)
{
	int			i = 0;

	for (; i + SCATTER_TILE <= d; i += SCATTER_TILE)
		CLONE(scatter_rows) (block, mean, roots, work, i, firsts, seconds, SCATTER_TILE);
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

/* Add component c's part of a block to the statistics; see Kernels. */
static void
CLONE(add_component) (const MixturePrepared *prepared, int c,
					  const MixtureBlock *block, const KernelWork *work,
					  MixtureStats *stats)
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
	else
		CLONE(moments_matrix) (block, d, mean, roots, work, firsts, seconds);
}

/* The E-step of a block; see Kernels. */
static void
CLONE(e_step) (const MixturePrepared *prepared, const MixtureBlock *block,
			   bool m_step, const KernelWork *work, MixtureStats *stats,
			   const MixtureHost *host)
{
	const int	n_rows = block->n_rows;
	Vec			weight = {0};

	for (int c = 0; c < prepared->k; c++)
	{
		CLONE(component_densities) (prepared, c, block, work);
		host->check_interrupts(host->context);
	}
	for (int row = 0; row < n_rows; row += VL)
		weight += CLONE(load) (block->weights + row);
	*stats->sum_weights += CLONE(sum_of) (weight);
	*stats->log_likelihood += CLONE(normalize) (prepared->k, block, work);
	if (m_step)
		CLONE(scale_roots) (prepared->k, block, work);
	else
		*stats->entropy += CLONE(entropy) (prepared->k, block, work);
}
