/*
 * kernels_shared.h
 *	  The M-step's sums over a block where all components share a covariance; a
 *	  part of kernels_clone.h, compiled once per instruction set.
 *
 * What is wanted is one matrix, the sum over rows and components of
 * r (x - m)(x - m)^T.  Let s be a row's sum of r, and a the mean of the components'
 * means that it has with weights r / s.  Then
 *
 *		sum over c of  r_c (x - m_c)(x - m_c)^T  =
 *			s (x - a)(x - a)^T  +  sum over pairs of  (r_b r_c / s) (m_b - m_c)(m_b - m_c)^T,
 *
 * so that a row has one product with itself, and not one for each component; and the
 * products of means need nothing of the rows but k (k - 1) / 2 sums, which are kept
 * in work->pairs until kernels_finish().  All terms are sums of squares with weights
 * that are not negative: nothing cancels, wherever the means are.
 */

/* SHARED_TILE: features whose distance from the rows' means is found together. */
#if VL == 8 || defined(__aarch64__)
#define SHARED_TILE 4			/* 32 registers */
#else
#define SHARED_TILE 2			/* 16 */
#endif

/*
 * Turn responsibilities into r / sqrt(s).
 */
static void
CLONE(divide_shares) (int k, int n_rows, const KernelWork *work)
{
	for (int row = 0; row < n_rows; row += VL)
	{
		double	   *column = kernels_roots(work, 0) + row;
		Vec			sum = {0};
		Vec			scale;

		for (int c = 0; c < k; c++)
			sum += CLONE(load) (column + (size_t) c * KERNEL_WORK_STRIDE);
		scale = CLONE(inverse_root) (sum);
		for (int c = 0; c < k; c++, column += KERNEL_WORK_STRIDE)
			CLONE(store) (column, CLONE(load) (column) * scale);
	}
}

/*
 * Leave sqrt(s) (x - a) in work->scaled, of n features from feature j and n_vectors
 * vectors of rows.
 */
ALWAYS_INLINE void
CLONE(about_own_mean) (const MixturePrepared *prepared, const MixtureBlock *block, int j,
					   int row, const KernelWork *work, const int n, const int n_vectors)
{
	const double *features = block->features + (size_t) j * block->stride + row;
	const double *mean = prepared->means + j;
	const double *share = work->roots + row;
	Vec			x[SHARED_TILE][2];
	Vec			sum[SHARED_TILE][2];

	UNROLL
	for (int t = 0; t < n; t++)
	{
		UNROLL
		for (int v = 0; v < n_vectors; v++)
		{
			x[t][v] = CLONE(load) (features + (size_t) t * block->stride + v * VL);
			sum[t][v] = (Vec) {0};
		}
	}
	for (int c = 0; c < prepared->k; c++, mean += prepared->d, share += KERNEL_WORK_STRIDE)
	{
		UNROLL
		for (int v = 0; v < n_vectors; v++)
		{
			Vec			r = CLONE(load) (share + v * VL);

			UNROLL
			for (int t = 0; t < n; t++)
				sum[t][v] += r * (x[t][v] - mean[t]);
		}
	}
	UNROLL
	for (int t = 0; t < n; t++)
	{
		UNROLL
		for (int v = 0; v < n_vectors; v++)
			CLONE(store) (work->scaled + (size_t) (j + t) * KERNEL_WORK_STRIDE + row + v * VL,
						  sum[t][v]);
	}
}

/* The same of all features. */
ALWAYS_INLINE void
CLONE(rows_about_own_mean) (const MixturePrepared *prepared, const MixtureBlock *block, int row,
							const KernelWork *work, const int n_vectors)
{
	int			j = 0;

	for (; j + SHARED_TILE <= prepared->d; j += SHARED_TILE)
		CLONE(about_own_mean) (prepared, block, j, row, work, SHARED_TILE, n_vectors);
	for (; j < prepared->d; j++)
		CLONE(about_own_mean) (prepared, block, j, row, work, 1, n_vectors);
}

/* The products of a block's rows, and what is to become those of means. */
static void
CLONE(shared_scatter) (const MixturePrepared *prepared, const MixtureBlock *block,
					   const KernelWork *work, MixtureStats *stats, const MixtureHost *host)
{
	const CLONE(Scatter) rows = {
		.n_rows = block->n_rows,.values = work->scaled,.seconds = stats->seconds
	};
	const CLONE(Scatter) pairs = {
		.n_rows = block->n_rows,.values = work->roots,.seconds = work->pairs
	};
	int			row = 0;

	CLONE(divide_shares) (prepared->k, block->n_rows, work);
	for (; row + VL < block->n_rows; row += 2 * VL)
	{
		CLONE(rows_about_own_mean) (prepared, block, row, work, 2);
		host->check_interrupts(host->context);
	}
	for (; row < block->n_rows; row += VL)
		CLONE(rows_about_own_mean) (prepared, block, row, work, 1);
	CLONE(scatter_matrix) (&rows, prepared->d, host, true);
	CLONE(scatter_matrix) (&pairs, prepared->k, host, true);
}

/* Turn roots of responsibilities into these. */
static void
CLONE(square_roots) (int k, int n_rows, const KernelWork *work)
{
	for (int c = 0; c < k; c++)
	{
		double	   *roots = kernels_roots(work, c);

		for (int row = 0; row < n_rows; row += VL)
		{
			Vec			root = CLONE(load) (roots + row);

			CLONE(store) (roots + row, root * root);
		}
	}
}

/* Add a block to the statistics; see Kernels. */
static void
CLONE(add_components) (const MixturePrepared *prepared, const MixtureBlock *block,
					   const KernelWork *work, MixtureStats *stats, const MixtureHost *host)
{
	int			k = prepared->k;

	for (int c = 0; c < k; c++)
	{
		stats->component_weights[c] += work->weights[c];
		/* densities of a component without weight are minus infinity, as its constant is */
		if (prepared->covariance_type == MIXTURE_SPHERICAL && work->weights[c] > 0)
			stats->seconds[c] += work->scatters[c] / prepared->precision_cholesky[c] /
				prepared->precision_cholesky[c];
	}
	if (prepared->covariance_type == MIXTURE_TIED)
		CLONE(square_roots) (k, block->n_rows, work);
	CLONE(moments_plain) (prepared, block, work, stats, host);
	if (prepared->covariance_type == MIXTURE_TIED && prepared->linear == NULL)
		CLONE(shared_scatter) (prepared, block, work, stats, host);
}
