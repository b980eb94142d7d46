/*
 * kernels_e_step.h
 *	  The E-step over a block, where a lane is a row: from log densities
 *	  (kernels_distances.h) to responsibilities; a part of kernels_clone.h,
 *	  compiled once per instruction set.
 *
 * What is left for the M-step are the square roots of the responsibilities
 * rather than themselves: e to the half of an exponent costs no more, and
 * sum r (x - m)(x - m)^T is then u u^T with the one array u = sqrt(r) (x - m).
 */

/*
 * Vectors of rows whose exponentials are found together: these are long chains, which
 * wait for each other less side by side.
 */
#define ROOT_VECTORS 2

/* Blocks of more features than this would push each other out of the cache. */
#define MOST_FETCHED 64

/*
 * Turn log densities of n_vectors vectors of rows into the square roots of densities
 * relative to the row's largest, whose squares add up to work->sums.
 *
 * Nothing here waits for memory, so this is where to ask for the next block's rows:
 * n_fetched features, each `stride` from the last.
 */
ALWAYS_INLINE void
CLONE(roots_of_rows) (int k, int row, const KernelWork *work, const double *next,
					  int n_fetched, int stride, const int n_vectors)
{
	double	   *column = kernels_roots(work, 0) + row;
	Vec			most[ROOT_VECTORS];
	Vec			sum[ROOT_VECTORS];
	int			fetched = 0;

	UNROLL
	for (int v = 0; v < n_vectors; v++)
	{
		most[v] = CLONE(load) (column + v * VL);
		sum[v] = (Vec) {0};
	}
	for (int c = 1; c < k; c++)
	{
		const double *densities = column + (size_t) c * KERNEL_WORK_STRIDE;

		UNROLL
		for (int v = 0; v < n_vectors; v++)
			most[v] = CLONE(larger) (CLONE(load) (densities + v * VL), most[v]);
	}
	for (int c = 0; c < k; c++, column += KERNEL_WORK_STRIDE)
	{
		for (int end = (c + 1) * n_fetched / k; fetched < end; fetched++)
		{
			UNROLL
			for (int i = 0; i < n_vectors * VL; i += 8)
				__builtin_prefetch(next + (size_t) fetched * stride + row + i, 0, 2);
		}
		UNROLL
		for (int v = 0; v < n_vectors; v++)
		{
			Vec			apart = CLONE(load) (column + v * VL) - most[v];
			Vec			root = CLONE(exp_negative) (apart * 0.5, ROOT_UNDERFLOW);

			CLONE(store) (column + v * VL, root);
			sum[v] += root * root;
		}
	}
	UNROLL
	for (int v = 0; v < n_vectors; v++)
	{
		CLONE(store) (work->largest + row + v * VL, most[v]);
		CLONE(store) (work->sums + row + v * VL, sum[v]);
	}
}

/* The same of a block's rows; the next block is likely to follow it in memory. */
static void
CLONE(roots_of_many) (int d, int k, const MixtureBlock *block, const KernelWork *work,
					  const MixtureHost *host)
{
	const double *next = block->features + (size_t) d * block->stride;
	int			n_fetched = d <= MOST_FETCHED ? d : 0;
	int			row = 0;

	for (; row + (ROOT_VECTORS - 1) * VL < block->n_rows; row += ROOT_VECTORS * VL)
	{
		CLONE(roots_of_rows) (k, row, work, next, n_fetched, block->stride, ROOT_VECTORS);
		if (k > COMPONENTS_PER_LOOK)
			host->check_interrupts(host->context);
	}
	for (; row < block->n_rows; row += VL)
		CLONE(roots_of_rows) (k, row, work, next, n_fetched, block->stride, 1);
}

/* The same for two components, of which one has the root 1 for nothing. */
static void
CLONE(roots_of_two) (int n_rows, const KernelWork *work)
{
	const Vec	one = 1.0 - (Vec) {0};
	double	   *first = kernels_roots(work, 0);
	double	   *second = kernels_roots(work, 1);

	for (int row = 0; row < n_rows; row += VL)
	{
		Vec			one_density = CLONE(load) (first + row);
		Vec			other_density = CLONE(load) (second + row);
		Vec			difference = one_density - other_density;
		Bits		larger = (Bits) (difference > 0);
		Vec			apart = CLONE(select) (larger, -difference, difference);
		Vec			root = CLONE(exp_negative) (apart * 0.5, ROOT_UNDERFLOW);

		CLONE(store) (work->largest + row, CLONE(larger) (one_density, other_density));
		CLONE(store) (first + row, CLONE(select) (larger, one, root));
		CLONE(store) (second + row, CLONE(select) (larger, root, one));
		CLONE(store) (work->sums + row, root * root + one);
	}
}

/*
 * Turn log densities into the square roots of densities relative to the row's
 * largest, whose squares add up to work->sums; and add the block's to the
 * log-likelihood and to the sum of squared log densities.  The logarithms have a loop
 * of their own over the rows, so that the long chains of many run side by side.
 */
static void
CLONE(normalize) (int d, int k, const MixtureBlock *block, const KernelWork *work,
				  MixtureStats *stats, const MixtureHost *host)
{
	const int	n_rows = block->n_rows;
	Vec			log_likelihood = {0};
	Vec			squares = {0};

	if (k == 2)
		CLONE(roots_of_two) (n_rows, work);
	else
		CLONE(roots_of_many) (d, k, block, work, host);
	host->check_interrupts(host->context);
	for (int row = 0; row < n_rows; row += VL)
	{
		Vec			weight = CLONE(load) (block->weights + row);
		Vec			sum = CLONE(load) (work->sums + row);
		Vec			most = CLONE(load) (work->largest + row);
		Vec			log_density;
		Vec			part;

		/* it is too far from all components to say from which less so */
		most = CLONE(select) ((Bits) (most < -MAX_DISTANCE_SQUARED / 4) & (Bits) (weight > 0),
							  -INFINITY - (Vec) {0}, most);
		log_density = most + CLONE(log_above_one) (sum);
		part = weight * log_density;
		log_likelihood += part;
		part *= log_density;
		squares += CLONE(lesser) (part, MIXTURE_MAX_SQUARE - (Vec) {0});
	}
	*stats->log_likelihood += CLONE(sum_of) (log_likelihood);
	*stats->log_density_squares += CLONE(sum_of) (squares);
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
			inverse = CLONE(larger) (inverse, one);
			entropy += CLONE(load) (block->weights + row) * (density / sum) *
				CLONE(log_above_one) (inverse);
		}
	}
	return CLONE(sum_of) (entropy);
}

/*
 * Leave in work->reach a bound on the distance of a block's rows from the
 * components in which they have a part.  The squared distance is twice what the
 * log density lacks of the component's constant, and the log density is the
 * row's largest plus twice the logarithm of the root, at least ROOT_UNDERFLOW.
 */
static void
CLONE(find_reach) (const MixturePrepared *prepared, const MixtureBlock *block,
				   const KernelWork *work)
{
	double		most = prepared->log_constants[0];
	Vec			least = CLONE(load) (work->largest);
	double		lanes[VL];

	for (int row = VL; row < block->n_rows; row += VL)
	{
		Vec			largest = CLONE(load) (work->largest + row);

		least = CLONE(lesser) (largest, least);
	}
	CLONE(store) (lanes, least);
	for (int i = 1; i < VL; i++)
		if (lanes[i] < lanes[0])
			lanes[0] = lanes[i];
	for (int c = 1; c < prepared->k; c++)
		if (prepared->log_constants[c] > most)
			most = prepared->log_constants[c];
	/* where noise is so much denser that none has a part, there is no distance */
	*work->reach = sqrt(2 * fmax(most - lanes[0] - 2 * ROOT_UNDERFLOW, 0));
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

/* The log density of noise, which is the same for all rows, as that of component k. */
static void
CLONE(noise_densities) (const MixturePrepared *prepared, const MixtureBlock *block,
						const KernelWork *work)
{
	double	   *log_densities = kernels_roots(work, prepared->k);

	for (int row = 0; row < block->n_rows; row += VL)
		CLONE(store) (log_densities + row, prepared->log_noise - (Vec) {0});
}

/* The E-step of a block whose log densities are in work; see Kernels. */
static void
CLONE(responsibilities) (const MixturePrepared *prepared, const MixtureBlock *block,
						 bool m_step, const KernelWork *work, MixtureStats *stats,
						 const MixtureHost *host)
{
	const int	n_rows = block->n_rows;
	const int	n_classes = prepared->k + prepared->noise;
	Vec			weight = {0};

	if (block->labels != NULL)
		know_labels(prepared, block, work, host);
	for (int row = 0; row < n_rows; row += VL)
		weight += CLONE(load) (block->weights + row);
	*stats->sum_weights += CLONE(sum_of) (weight);
	CLONE(normalize) (prepared->d, n_classes, block, work, stats, host);
	if (m_step)
	{
		CLONE(scale_roots) (n_classes, block, work);
		if (prepared->noise)
			*stats->noise_weight += work->weights[prepared->k];
		if (work->pack_rows > 0)
			CLONE(find_reach) (prepared, block, work);
	}
	else
		*stats->entropy += CLONE(entropy) (n_classes, block, work);
}

/* The E-step of a block; see Kernels. */
static void
CLONE(e_step) (const MixturePrepared *prepared, const MixtureBlock *block,
			   bool m_step, const KernelWork *work, MixtureStats *stats,
			   const MixtureHost *host)
{
	CLONE(log_densities) (prepared, block, work, host);
	if (prepared->noise)
		CLONE(noise_densities) (prepared, block, work);
	CLONE(responsibilities) (prepared, block, m_step, work, stats, host);
}
