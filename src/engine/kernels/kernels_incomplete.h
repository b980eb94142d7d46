/*
 * kernels_incomplete.h
 *	  Blocks with missing features, but for the equations: families without
 *	  matrices, what is missing at all; a part of kernels_clone.h, compiled once per
 *	  instruction set.
 */

/* --- rows ------------------------------------------------------------------------- */

/*
 * Add to n log densities the shifts; those without one get the exact value.  Returns
 * the largest shift, or 0 if it is less.
 */
static double
CLONE(missing_shift) (const double *shifts, int step, const double *exact, int n,
					  double *log_densities)
{
	Vec			most = {0};
	double		lanes[VL];

	for (int row = 0; row < n; row += VL)
	{
		Vec			shift = CLONE(load_steps) (shifts + row * step, step);
		Bits		known = (Bits) (shift == shift);

		CLONE(store) (log_densities + row,
					  CLONE(select) (known, CLONE(load) (log_densities + row) + shift,
									 CLONE(load) (exact + row)));
		most = CLONE(larger) (shift, most);
	}
	CLONE(store) (lanes, most);
	for (int i = 1; i < VL; i++)
		lanes[0] = lanes[i] > lanes[0] ? lanes[i] : lanes[0];
	return lanes[0];
}

/*
 * Clear n roots that are below the least; their squares into shares, `step` from one to
 * the next, and the sum of each MIXTURE_LANES of these into sums.
 */
static void
CLONE(missing_shares) (double *roots, double least, int n, double *shares, int step,
					   double *sums)
{
	for (int row = 0; row < n; row += MIXTURE_LANES)
	{
		Vec			sum = {0};

		UNROLL
		for (int v = 0; v < MIXTURE_LANES; v += VL)
		{
			Vec			root = CLONE(load) (roots + row + v);

			root = CLONE(select) ((Bits) (root >= least), root, (Vec) {0});
			CLONE(store) (roots + row + v, root);
			root *= root;
			sum += root;
			UNROLL
			for (int lane = 0; lane < VL; lane++)
				shares[(row + v + lane) * step] = root[lane];
		}
		sums[row / MIXTURE_LANES] = CLONE(sum_of) (sum);
	}
}

/* The sum of k components' shares in n rows, and of each MIXTURE_LANES of these. */
static void
CLONE(missing_sum_shares) (const double *roots, int k, int n, double *shares, double *sums)
{
	for (int row = 0; row < n; row += MIXTURE_LANES)
	{
		Vec			sum = {0};

		UNROLL
		for (int v = 0; v < MIXTURE_LANES; v += VL)
		{
			const double *column = roots + row + v;
			Vec			share = {0};

			for (int c = 0; c < k; c++, column += KERNEL_WORK_STRIDE)
				share += CLONE(load) (column) * CLONE(load) (column);
			CLONE(store) (shares + row + v, share);
			sum += share;
		}
		sums[row / MIXTURE_LANES] = CLONE(sum_of) (sum);
	}
}

/* Put values of n rows, of which the numbers are given, one after the other. */
static void
CLONE(gather_rows) (const double *from, const int *rows, int n, double *to)
{
	int			i = 0;

	for (; i + VL <= n; i += VL, rows += VL)
	{
#if VL == 2
		CLONE(store) (to + i, (Vec) {from[rows[0]], from[rows[1]]});
#elif VL == 4
		CLONE(store) (to + i, (Vec) {from[rows[0]], from[rows[1]], from[rows[2]], from[rows[3]]});
#else
		CLONE(store) (to + i, (Vec) {from[rows[0]], from[rows[1]], from[rows[2]], from[rows[3]],
					  from[rows[4]], from[rows[5]], from[rows[6]], from[rows[7]]});
#endif
	}
	for (; i < n; i++)
		to[i] = from[*rows++];
}

/*
 * MIXTURE_LANES rows, feature by feature MISSING_ROWS doubles from each other, one
 * row after the other, `stride` apart and filled up with what is not a number.
 */
static void
CLONE(turn_rows) (const double *features, int d, int stride, double *rows)
{
	for (int j = 0; j < stride; j += VL)
	{
		for (int first = 0; first < MIXTURE_LANES; first += VL)
		{
			Vec			v[VL];

			UNROLL
			for (int i = 0; i < VL; i++)
				v[i] = j + i >= d ? NAN - (Vec) {0} :
					CLONE(load) (features + (size_t) (j + i) * MISSING_ROWS + first);
			CLONE(turn) (v);
			UNROLL
			for (int r = 0; r < VL; r++)
				CLONE(store) (rows + (size_t) (first + r) * stride + j, v[r]);
		}
	}
}

/* --- which features are missing ------------------------------------------------ */

/*
 * A bit for each of the features from number j on, up to 64, that is missing, a
 * word for each row of a block.  One feature is read after the other: the rows come
 * from memory here, which brings long pieces soonest.
 */
static void
CLONE(missing_bits) (const MixtureBlock *block, int d, int j, uint64_t *words)
{
	const double *features = block->features + (size_t) j * block->stride;
	int			n = d - j < 64 ? d - j : 64;

	memset(words, 0, (block->n_rows + VL - 1) / VL * sizeof(Bits));
	for (int i = 0; i < n; i++, features += block->stride)
		for (int row = 0; row < block->n_rows; row += VL)
		{
			Vec			x = CLONE(load) (features + row);
			Bits		bits;

			memcpy(&bits, words + row, sizeof(bits));
			bits |= (Bits) (x != x) & (UINT64_C(1) << i);
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
		Vec			bounded = CLONE(lesser) (q[v], MAX_DISTANCE_SQUARED - (Vec) {0});

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

/*
 * Add to a component's sums those of n features from feature j on: what is missing has
 * the mean and the variance.
 */
ALWAYS_INLINE void
CLONE(missing_features) (const MixturePrepared *prepared, int c, int j,
						 const MixtureBlock *block, const KernelWork *work,
						 MixtureStats *stats, const int n)
{
	const int	step = prepared->covariance_type == MIXTURE_DIAG;
	const double *mean = prepared->means + (size_t) c * prepared->d + j;
	const double *factor = prepared->precision_cholesky + c * prepared->factor_step + j * step;
	const double *shares = kernels_roots(work, c);
	const double *features = block->features + (size_t) j * block->stride;
	double	   *firsts = stats->firsts + (size_t) c * prepared->d + j;
	double	   *seconds = stats->seconds + c * prepared->factor_count + j * step;
	Vec			first[MOMENTS_TILE / 2];
	Vec			second[MOMENTS_TILE / 2];
	Vec			rest[MOMENTS_TILE / 2];

	UNROLL
	for (int t = 0; t < n; t++)
		first[t] = second[t] = rest[t] = (Vec) {0};
	for (int row = 0; row < block->n_rows; row += VL)
	{
		Vec			share = CLONE(load) (shares + row);

		UNROLL
		for (int t = 0; t < n; t++)
		{
			Vec			x = CLONE(load) (features + (size_t) t * block->stride + row);
			Bits		observed = (Bits) (x == x);
			Vec			u = CLONE(select) (observed, x - mean[t], (Vec) {0});
			Vec			part = share * u;

			first[t] += part;
			second[t] += part * u;
			rest[t] += CLONE(select) (observed, (Vec) {0}, share);
		}
	}
	UNROLL
	for (int t = 0; t < n; t++)
	{
		double		deviation = 1 / factor[t * step];

		firsts[t] += CLONE(sum_of) (first[t]);
		seconds[t * step] += CLONE(sum_of) (second[t]) +
			deviation * deviation * CLONE(sum_of) (rest[t]);
	}
}

/* A component's part of a block; see Kernels. */
static void
CLONE(missing_moments) (const MixturePrepared *prepared, int c,
						const MixtureBlock *block, const KernelWork *work,
						MixtureStats *stats)
{
	int			j = 0;

	if (work->weights[c] == 0)
		return;
	stats->component_weights[c] += work->weights[c];
	for (; j + MOMENTS_TILE / 2 <= prepared->d; j += MOMENTS_TILE / 2)
		CLONE(missing_features) (prepared, c, j, block, work, stats, MOMENTS_TILE / 2);
	for (; j < prepared->d; j++)
		CLONE(missing_features) (prepared, c, j, block, work, stats, 1);
}
