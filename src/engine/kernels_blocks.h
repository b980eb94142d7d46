/*
 * kernels_blocks.h
 *	  E- and M-step over a block, where a lane is a row; a part of
 *	  kernels_clone.h, compiled once per instruction set.
 *
 * The E-step takes four vectors of rows at a time through a few rows of the
 * triangular factor, the M-step a tile of the scatter matrix through all rows
 * of the block; both keep their sums in registers.  Up to SMALL_D dimensions
 * everything about a component stays in registers, the dimension being a
 * constant of the code.
 *
 * Between the two steps stand the square roots of the responsibilities rather
 * than themselves: e to the half of an exponent costs no more, and
 * sum r (x - m)(x - m)^T is then u u^T with the one array u = sqrt(r) (x - m).
 */
/* Rows of a triangular factor that go through the rows of data together. */
#if VL == 8
#define TRIANGLE_ROWS 4			/* 32 registers */
#else
#define TRIANGLE_ROWS 2			/* 16 */
#endif

/*
 * Add to q, for n_vectors vectors of rows, the squares of n_rows consecutive
 * rows, from row i, of factor times centered.  centered: feature j at
 * j * n_vectors * VL.
 */
ALWAYS_INLINE void
CLONE(triangle_rows) (const double *factor, int i, const double *centered,
					  Vec *q, const int n_rows, const int n_vectors)
{
	const double *rows[TRIANGLE_ROWS];
	Vec			y[TRIANGLE_ROWS][4];

	UNROLL
	for (int t = 0; t < n_rows; t++)
	{
		rows[t] = factor + (size_t) (i + t) * (i + t + 1) / 2;
		UNROLL
		for (int v = 0; v < n_vectors; v++)
			y[t][v] = (Vec) {0};
	}
	for (int j = 0; j <= i; j++)
	{
		const double *column = centered + (size_t) j * n_vectors * VL;

		UNROLL
		for (int v = 0; v < n_vectors; v++)
		{
			Vec			x = CLONE(load) (column + v * VL);

			UNROLL
			for (int t = 0; t < n_rows; t++)
				y[t][v] += rows[t][j] * x;
		}
	}
	UNROLL
	for (int s = 1; s < n_rows; s++)
	{
		const double *column = centered + (size_t) (i + s) * n_vectors * VL;

		UNROLL
		for (int v = 0; v < n_vectors; v++)
		{
			Vec			x = CLONE(load) (column + v * VL);

			UNROLL
			for (int t = s; t < n_rows; t++)
				y[t][v] += rows[t][i + s] * x;
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
 * dimension that the compiler knows.
 */
ALWAYS_INLINE void
CLONE(quadratic_small) (const double *factor, const double *mean,
						const double *features, int stride, Vec *q,
						const int d, const int n_vectors)
{
	UNROLL
	for (int v = 0; v < n_vectors; v++)
	{
		Vec			x[SMALL_D];

		UNROLL
		for (int j = 0; j < d; j++)
			x[j] = CLONE(load) (features + (size_t) j * stride + v * VL) - mean[j];
		UNROLL
		for (int i = 0; i < d; i++)
		{
			Vec			y = factor[i * (i + 1) / 2] * x[0];

			UNROLL
			for (int j = 1; j <= i; j++)
				y += factor[i * (i + 1) / 2 + j] * x[j];
			q[v] += y * y;
		}
	}
}

/* The same for any dimension. */
ALWAYS_INLINE void
CLONE(quadratic_full) (const double *factor, const double *mean, int d,
					   const double *features, int stride, double *centered,
					   Vec *q, const int n_vectors)
{
	int			i = 0;

	for (int j = 0; j < d; j++)
	{
		UNROLL
		for (int v = 0; v < n_vectors; v++)
			CLONE(store) (centered + ((size_t) j * n_vectors + v) * VL,
						  CLONE(load) (features + (size_t) j * stride + v * VL) - mean[j]);
	}
	for (; i + TRIANGLE_ROWS <= d; i += TRIANGLE_ROWS)
		CLONE(triangle_rows) (factor, i, centered, q, TRIANGLE_ROWS, n_vectors);
	for (; i + 2 <= d; i += 2)
		CLONE(triangle_rows) (factor, i, centered, q, 2, n_vectors);
	for (; i < d; i++)
		CLONE(triangle_rows) (factor, i, centered, q, 1, n_vectors);
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
 * dimension if it is small and the factor triangular, else 0.
 */
ALWAYS_INLINE void
CLONE(component_rows) (const MixturePrepared *prepared, int c,
					   const double *features, int stride, double *centered,
					   double *log_densities, const int small_d,
					   const int n_vectors)
{
	int			d = prepared->d;
	const double *mean = prepared->means + (size_t) c * d;
	const double *factor = prepared->precision_cholesky + c * prepared->factor_step;
	Vec			q[4];

	UNROLL
	for (int v = 0; v < n_vectors; v++)
		q[v] = (Vec) {0};
	if (small_d > 0)
		CLONE(quadratic_small) (factor, mean, features, stride, q, small_d, n_vectors);
	else if (prepared->covariance_type <= MIXTURE_TIED)
		CLONE(quadratic_full) (factor, mean, d, features, stride, centered, q, n_vectors);
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
						const int small_d)
{
	double	   *log_densities = kernels_roots(work, c);
	int			row = 0;

	for (; row + 4 * VL <= block->stride && row < block->n_rows; row += 4 * VL)
		CLONE(component_rows) (prepared, c, block->features + row, block->stride,
							   work->centered, log_densities + row, small_d, 4);
	for (; row < block->n_rows; row += VL)
		CLONE(component_rows) (prepared, c, block->features + row, block->stride,
							   work->centered, log_densities + row, small_d, 1);
}

static void
CLONE(component_densities) (const MixturePrepared *prepared, int c,
							const MixtureBlock *block, const KernelWork *work)
{
	switch (prepared->covariance_type <= MIXTURE_TIED ? prepared->d : 0)
	{
		case 1:
			CLONE(component_block) (prepared, c, block, work, 1);
			break;
		case 2:
			CLONE(component_block) (prepared, c, block, work, 2);
			break;
		case 3:
			CLONE(component_block) (prepared, c, block, work, 3);
			break;
		case SMALL_D:
			CLONE(component_block) (prepared, c, block, work, SMALL_D);
			break;
		default:
			CLONE(component_block) (prepared, c, block, work, 0);
			break;
	}
}

/*
 * Turn log densities into the square roots of densities relative to the row's
 * largest, whose squares add up to work->sums; returns the block's weighted
 * log-likelihood.
 *
 * Each step is a loop of its own over the rows, so that the long chains of a
 * logarithm or an exponential of many rows run side by side.
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
		CLONE(store) (work->sums + row, (Vec) {0});
	}
	for (int c = 0; c < k; c++)
	{
		double	   *values = kernels_roots(work, c);

		for (int row = 0; row < n_rows; row += VL)
		{
			Vec			root = CLONE(exp_negative) ((CLONE(load) (values + row) -
													 CLONE(load) (work->largest + row)) * 0.5,
													ROOT_UNDERFLOW);

			CLONE(store) (values + row, root);
			CLONE(store) (work->sums + row, CLONE(load) (work->sums + row) + root * root);
		}
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
		CLONE(store) (work->scales + row,
					  CLONE(square_root) (CLONE(load) (block->weights + row) /
										  CLONE(load) (work->sums + row)));
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
	CLONE(sum_elements) (first, SMALL_D, sums);
	UNROLL
	for (int j = 0; j < d; j++)
		firsts[j] += sums[j];
	CLONE(sum_elements) (second, d <= 1 ? 1 : d <= 2 ? 4 : d <= 3 ? 8 : 16, sums);
	UNROLL
	for (int t = 0; t < n_seconds; t++)
		seconds[t] += sums[t];
}

/*
 * Add the sums over a block's rows of u_i u_j to elements (i, j) of a packed
 * matrix, for an n_i by n_j tile.  Tiles that lie on the diagonal (i = j, n_j
 * the larger) also add those of sqrt(r) u_j to firsts.
 */
ALWAYS_INLINE void
CLONE(scatter_tile) (const KernelWork *work, const double *roots, int n_rows,
					 int i, int j, double *firsts, double *packed,
					 const int n_i, const int n_j, const bool diagonal)
{
	const double *left = work->scaled + (size_t) i * KERNEL_WORK_STRIDE;
	const double *right = work->scaled + (size_t) j * KERNEL_WORK_STRIDE;
	Vec			sum[16];
	Vec			first[4];
	double		sums[16];

	UNROLL
	for (int t = 0; t < n_i * n_j; t++)
		sum[t] = (Vec) {0};
	UNROLL
	for (int b = 0; b < n_j; b++)
		first[b] = (Vec) {0};
	for (int row = 0; row < n_rows; row += VL)
	{
		Vec			x[4];

		UNROLL
		for (int a = 0; a < n_i; a++)
			x[a] = CLONE(load) (left + a * KERNEL_WORK_STRIDE + row);
		UNROLL
		for (int b = 0; b < n_j; b++)
		{
			Vec			y = diagonal ? x[b] : CLONE(load) (right + b * KERNEL_WORK_STRIDE + row);

			if (diagonal)
				first[b] += y * CLONE(load) (roots + row);
			UNROLL
			for (int a = 0; a < n_i; a++)
				if (!diagonal || a >= b)
					sum[a * n_j + b] += x[a] * y;
		}
	}
	CLONE(sum_elements) (sum, n_i * n_j, sums);
	UNROLL
	for (int a = 0; a < n_i; a++)
	{
		double	   *row = packed + (size_t) (i + a) * (i + a + 1) / 2 + j;

		UNROLL
		for (int b = 0; b < n_j; b++)
			if (!diagonal || b <= a)
				row[b] += sums[a * n_j + b];
	}
	if (diagonal)
	{
		CLONE(sum_elements) (first, n_j, sums);
		UNROLL
		for (int b = 0; b < n_j; b++)
			firsts[j + b] += sums[b];
	}
}

/* Rows i to i + n_i - 1 of the scatter matrix; n_i is a power of two. */
ALWAYS_INLINE void
CLONE(scatter_rows) (const KernelWork *work, const double *roots, int n_rows, int i,
					 double *firsts, double *packed, const int n_i)
{
	int			j = 0;

	for (; j + 4 <= i; j += 4)
		CLONE(scatter_tile) (work, roots, n_rows, i, j, firsts, packed, n_i, 4, false);
	for (; j + 2 <= i; j += 2)
		CLONE(scatter_tile) (work, roots, n_rows, i, j, firsts, packed, n_i, 2, false);
	CLONE(scatter_tile) (work, roots, n_rows, i, j, firsts, packed, n_i, n_i, true);
}

/* Sums of a component over a block, for any dimension. */
static void
CLONE(moments_matrix) (const MixtureBlock *block, int d, const double *mean,
					   const double *roots, const KernelWork *work,
					   double *firsts, double *seconds)
{
	const int	n_rows = block->n_rows;
	int			i = 0;

	for (int j = 0; j < d; j++)
	{
		const double *feature = block->features + (size_t) j * block->stride;
		double	   *scaled = work->scaled + (size_t) j * KERNEL_WORK_STRIDE;

		for (int row = 0; row < n_rows; row += VL)
			CLONE(store) (scaled + row, CLONE(load) (roots + row) *
						  (CLONE(load) (feature + row) - mean[j]));
	}
	for (; i + 4 <= d; i += 4)
		CLONE(scatter_rows) (work, roots, block->n_rows, i, firsts, seconds, 4);
	for (; i + 2 <= d; i += 2)
		CLONE(scatter_rows) (work, roots, block->n_rows, i, firsts, seconds, 2);
	for (; i < d; i++)
		CLONE(scatter_rows) (work, roots, block->n_rows, i, firsts, seconds, 1);
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
