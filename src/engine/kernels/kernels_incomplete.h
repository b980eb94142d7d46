/*
 * kernels_incomplete.h
 *	  Blocks with missing features, but for the equations: rows of one pattern,
 *	  families without matrices, what is missing at all; a part of kernels_clone.h,
 *	  compiled once per instruction set.
 */

/* --- what is missing in rows of one pattern ----------------------------------------- */

/*
 * n_i missing features, from number i, of n_vectors vectors of rows: the means and
 * the products of the coefficients with the deviations of what was observed.
 */
ALWAYS_INLINE void
CLONE(same_features) (const MissingGroup *group, const double *features, int d,
					  const double *mean, const double *coefficients, int i, int row,
					  double *filled, const int n_i, const int n_vectors)
{
	const int	n_observed = d - group->n_missing;
	Vec			sum[4][4];

	UNROLL
	for (int t = 0; t < n_i; t++)
	{
		UNROLL
		for (int v = 0; v < n_vectors; v++)
			sum[t][v] = mean[group->missing[i + t]] - (Vec) {0};
	}
	for (int j = 0; j < n_observed; j++)
	{
		int			number = group->observed[j];
		const double *feature = features + (size_t) number * MISSING_ROWS + row;

		UNROLL
		for (int v = 0; v < n_vectors; v++)
		{
			Vec			u = CLONE(load) (feature + v * VL) - mean[number];

			UNROLL
			for (int t = 0; t < n_i; t++)
				sum[t][v] += coefficients[(size_t) (i + t) * n_observed + j] * u;
		}
	}
	UNROLL
	for (int t = 0; t < n_i; t++)
	{
		UNROLL
		for (int v = 0; v < n_vectors; v++)
			CLONE(store) (filled + (size_t) (i + t) * group->n_rows + row + v * VL, sum[t][v]);
	}
}

ALWAYS_INLINE void
CLONE(same_rows) (const MissingGroup *group, const double *features, int d,
				  const double *mean, const double *coefficients, int row,
				  double *filled, const int n_vectors)
{
	int			i = 0;

	for (; i + 4 <= group->n_missing; i += 4)
		CLONE(same_features) (group, features, d, mean, coefficients, i, row, filled, 4, n_vectors);
	for (; i + 2 <= group->n_missing; i += 2)
		CLONE(same_features) (group, features, d, mean, coefficients, i, row, filled, 2, n_vectors);
	if (i < group->n_missing)
		CLONE(same_features) (group, features, d, mean, coefficients, i, row, filled, 1, n_vectors);
}

/* Fill in what is missing in a group of one pattern; see Kernels. */
static void
CLONE(missing_same) (const MissingGroup *group, const double *features, int d,
					 const double *mean, const double *coefficients, double *filled,
					 const MixtureHost *host)
{
	int			row = 0;

	features += group->start;
	for (; row + 2 * VL <= group->n_rows; row += 2 * VL)
	{
		CLONE(same_rows) (group, features, d, mean, coefficients, row, filled, 2);
		host->check_interrupts(host->context);
	}
	for (; row < group->n_rows; row += VL)
		CLONE(same_rows) (group, features, d, mean, coefficients, row, filled, 1);
}

/* --- rows ------------------------------------------------------------------------- */

/*
 * Add to n log densities the shifts; those without one get the exact value.  Returns
 * the largest shift, or 0 if it is less.
 */
static double
CLONE(missing_shift) (const double *shifts, const double *exact, int n, double *log_densities)
{
	Vec			most = {0};
	double		lanes[VL];

	for (int row = 0; row < n; row += VL)
	{
		Vec			shift = CLONE(load) (shifts + row);
		Bits		known = (Bits) (shift == shift);

		CLONE(store) (log_densities + row,
					  CLONE(select) (known, CLONE(load) (log_densities + row) + shift,
									 CLONE(load) (exact + row)));
		most = CLONE(select) ((Bits) (shift > most), shift, most);
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
