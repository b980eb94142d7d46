/*
 * kernels_missing.h
 *	  Conditional means of missing features; a part of kernels_clone.h,
 *	  compiled once per instruction set.
 *
 * A lane is a row, as in kernels_m_step.h.  A matrix of coefficients goes
 * through the rows of data two missing features and four vectors at a time,
 * with the sums in registers.
 */

/*
 * Complete n_i missing features, from number i, of n_vectors vectors of rows
 * that begin at the lane `row`.  centered: observed feature j, less its mean,
 * at j * n_vectors * VL.
 */
ALWAYS_INLINE void
CLONE(complete_features) (const double *mean, const double *coefficients,
						  const MixtureBlock *block, int i, int row,
						  const double *centered, double *completed,
						  const int n_i, const int n_vectors)
{
	const int	n_observed = block->n_observed;
	const int  *dims = block->order + n_observed + i;
	const double *rows = coefficients + (size_t) i * n_observed;
	Vec			sum[2][4];

	UNROLL
	for (int t = 0; t < n_i; t++)
	{
		UNROLL
		for (int v = 0; v < n_vectors; v++)
			sum[t][v] = (Vec) {0};
	}
	for (int j = 0; j < n_observed; j++)
	{
		UNROLL
		for (int v = 0; v < n_vectors; v++)
		{
			Vec			x = CLONE(load) (centered + ((size_t) j * n_vectors + v) * VL);

			UNROLL
			for (int t = 0; t < n_i; t++)
				sum[t][v] += rows[(size_t) t * n_observed + j] * x;
		}
	}
	UNROLL
	for (int t = 0; t < n_i; t++)
	{
		UNROLL
		for (int v = 0; v < n_vectors; v++)
			CLONE(store) (completed + (size_t) dims[t] * block->stride + row + v * VL,
						  mean[dims[t]] + sum[t][v]);
	}
}

/* Complete all missing features of n_vectors vectors of rows. */
ALWAYS_INLINE void
CLONE(complete_rows) (const double *mean, const double *coefficients, int d,
					  const MixtureBlock *block, int row, double *centered,
					  double *completed, const int n_vectors)
{
	const int	n_observed = block->n_observed;
	const int	n_missing = d - n_observed;
	int			i = 0;

	for (int j = 0; j < n_observed; j++)
	{
		const double *feature = block->features + (size_t) j * block->stride + row;

		UNROLL
		for (int v = 0; v < n_vectors; v++)
			CLONE(store) (centered + ((size_t) j * n_vectors + v) * VL,
						  CLONE(load) (feature + v * VL) - mean[block->order[j]]);
	}
	for (; i + 2 <= n_missing; i += 2)
		CLONE(complete_features) (mean, coefficients, block, i, row, centered,
								  completed, 2, n_vectors);
	if (i < n_missing)
		CLONE(complete_features) (mean, coefficients, block, i, row, centered,
								  completed, 1, n_vectors);
}

/* Missing features of a block become their conditional means; see Kernels. */
static void
CLONE(complete) (const double *mean, const double *coefficients, int d,
				 const MixtureBlock *block, const KernelWork *work, double *completed,
				 const MixtureHost *host)
{
	int			row = 0;

	if (coefficients == NULL)
	{
		for (int i = block->n_observed; i < d; i++)
			for (row = 0; row < block->n_rows; row += VL)
				CLONE(store) (completed + (size_t) block->order[i] * block->stride + row,
							  mean[block->order[i]] + (Vec) {0});
		return;
	}
	for (; row + 4 * VL <= block->stride && row < block->n_rows; row += 4 * VL)
	{
		CLONE(complete_rows) (mean, coefficients, d, block, row, work->centered,
							  completed, 4);
		host->check_interrupts(host->context);
	}
	for (; row < block->n_rows; row += VL)
		CLONE(complete_rows) (mean, coefficients, d, block, row, work->centered,
							  completed, 1);
}
