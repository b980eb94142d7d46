/*
 * kernels_e_step.h
 *	  The E-step over a block, where a lane is a row: from log densities
 *	  (kernels_distances.h) to responsibilities; a part of kernels_clone.h,
 *	  compiled once per instruction set.
 *
 * What is left for the M-step are the responsibilities, or, where components have
 * matrices, their square roots: e to the half of an exponent costs no more, and
 * sum r (x - m)(x - m)^T is then u u^T with the one array u = sqrt(r) (x - m).  Below,
 * parts are either.
 */

/*
 * Vectors of rows whose exponentials are found together, at most: these are long chains,
 * which wait for each other less side by side.
 */
#define PART_VECTORS 4

/* Blocks of more features than this would push each other out of the cache. */
#define MOST_FETCHED 64

/* What a part is of the log density, less that of which the part is 1. */
ALWAYS_INLINE Vec
CLONE(part_of_largest) (Vec apart, const bool roots)
{
	return roots ? CLONE(exp_negative) (apart * 0.5, ROOT_UNDERFLOW) :
		CLONE(exp_negative) (apart, 2 * ROOT_UNDERFLOW);
}

/*
 * Leave at `parts` those that densities of n_vectors vectors of rows are of the row's
 * largest, and in work the sums of densities so.
 *
 * Nothing here waits for memory, so this is where to ask for the next block's rows:
 * n_fetched features, each `stride` from the last.
 */
ALWAYS_INLINE void
CLONE(parts_of_rows) (int k, int row, const KernelWork *work, double *parts, const double *next,
					  int n_fetched, int stride, const int n_vectors, const bool roots)
{
	const double *column = kernels_roots(work, 0) + row;
	Vec			most[PART_VECTORS];
	Vec			sum[PART_VECTORS];
	int			fetched = 0;

	parts += row;
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
	for (int c = 0; c < k; c++, column += KERNEL_WORK_STRIDE, parts += KERNEL_WORK_STRIDE)
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
			Vec			part = CLONE(part_of_largest) (apart, roots);

			CLONE(store) (parts + v * VL, part);
			sum[v] += roots ? part * part : part;
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
ALWAYS_INLINE void
CLONE(parts_of_many) (int d, int k, const MixtureBlock *block, const KernelWork *work,
					  double *parts, const MixtureHost *host, const bool roots)
{
	const double *next = block->features + (size_t) d * block->stride;
	const int	n_vectors = roots ? PART_VECTORS / 2 : PART_VECTORS;
	int			n_fetched = d <= MOST_FETCHED ? d : 0;
	int			row = 0;

	for (; row + (n_vectors - 1) * VL < block->n_rows; row += n_vectors * VL)
	{
		CLONE(parts_of_rows) (k, row, work, parts, next, n_fetched, block->stride, n_vectors,
							  roots);
		if (k > COMPONENTS_PER_LOOK)
			host->check_interrupts(host->context);
	}
	for (; row < block->n_rows; row += VL)
		CLONE(parts_of_rows) (k, row, work, parts, next, n_fetched, block->stride, 1, roots);
}

/* The same for two components, of which one has the part 1 for nothing. */
ALWAYS_INLINE void
CLONE(parts_of_two) (int n_rows, const KernelWork *work, double *parts, const bool roots)
{
	const Vec	one = 1.0 - (Vec) {0};

	for (int row = 0; row < n_rows; row += VL)
	{
		Vec			one_density = CLONE(load) (kernels_roots(work, 0) + row);
		Vec			other_density = CLONE(load) (kernels_roots(work, 1) + row);
		Vec			difference = one_density - other_density;
		Bits		larger = (Bits) (difference > 0);
		Vec			apart = CLONE(select) (larger, -difference, difference);
		Vec			part = CLONE(part_of_largest) (apart, roots);

		CLONE(store) (work->largest + row, CLONE(larger) (one_density, other_density));
		CLONE(store) (parts + row, CLONE(select) (larger, one, part));
		CLONE(store) (parts + KERNEL_WORK_STRIDE + row, CLONE(select) (larger, part, one));
		CLONE(store) (work->sums + row, (roots ? part * part : part) + one);
	}
}

/*
 * Turn parts of the row's largest density into those of weight, and leave each
 * component's sum of responsibilities times weight in work.  Where components are round,
 * the parts are in work->relative, and what log densities lack of their constants is half
 * the squared distance, in units of the variance: of these the sums are left, too.
 */
ALWAYS_INLINE void
CLONE(scale_parts) (const MixturePrepared *prepared, const MixtureBlock *block,
					const KernelWork *work, const MixtureHost *host, const bool roots,
					const bool round)
{
	const int	n_rows = block->n_rows;

	for (int row = 0; row < n_rows; row += VL)
	{
		Vec			weight = CLONE(load) (block->weights + row);
		Vec			sum = CLONE(load) (work->sums + row);

		/* the root of weight / sum; 2^-14 keeps the product in range */
		CLONE(store) (work->scales + row, !roots ? weight / sum : weight * 0x1p-7 *
					  CLONE(inverse_root) (sum * 0x1p-14 * weight));
	}
	for (int c = 0; c < prepared->k + prepared->noise; c++)
	{
		double	   *column = kernels_roots(work, c);
		const double *parts = round ? work->relative + (size_t) c * KERNEL_WORK_STRIDE : column;
		Vec			weight = {0};
		Vec			scatter = {0};

		for (int row = 0; row < n_rows; row += VL)
		{
			Vec			part = CLONE(load) (parts + row) * CLONE(load) (work->scales + row);

			weight += roots ? part * part : part;
			if (round)
				scatter += part * (prepared->log_constants[c] - CLONE(load) (column + row));
			CLONE(store) (column + row, part);
		}
		work->weights[c] = CLONE(sum_of) (weight);
		if (round)
			work->scatters[c] = 2 * CLONE(sum_of) (scatter);
		if (c % COMPONENTS_PER_LOOK == COMPONENTS_PER_LOOK - 1)
			host->check_interrupts(host->context);
	}
}

/* Turn log densities into parts; without m_step, into those of the row's largest. */
ALWAYS_INLINE void
CLONE(leave_parts) (const MixturePrepared *prepared, const MixtureBlock *block, bool m_step,
					const KernelWork *work, const MixtureHost *host, const bool roots)
{
	int			n_classes = prepared->k + prepared->noise;
	bool		round = !roots && m_step && work->relative != NULL;
	double	   *parts = round ? work->relative : work->roots;

	if (n_classes == 2)
		CLONE(parts_of_two) (block->n_rows, work, parts, roots);
	else
		CLONE(parts_of_many) (prepared->d, n_classes, block, work, parts, host, roots);
	host->check_interrupts(host->context);
	if (round)
		CLONE(scale_parts) (prepared, block, work, host, false, true);
	else if (m_step)
		CLONE(scale_parts) (prepared, block, work, host, roots, false);
}

/*
 * Add a block to the log-likelihood and to the sum of squared log densities.  The
 * logarithms have a loop of their own over the rows, so that the long chains of many run
 * side by side.
 */
static void
CLONE(add_log_densities) (const MixtureBlock *block, const KernelWork *work, MixtureStats *stats)
{
	Vec			log_likelihood = {0};
	Vec			squares = {0};

	for (int row = 0; row < block->n_rows; row += VL)
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
 * responsibilities r, sum r log(1 / r), from the parts that leave_parts() left.
 */
static double
CLONE(entropy) (int k, const MixtureBlock *block, const KernelWork *work,
				const MixtureHost *host)
{
	const int	n_rows = block->n_rows;
	const Vec	one = 1.0 - (Vec) {0};
	Vec			entropy = {0};

	for (int c = 0; c < k; c++)
	{
		const double *parts = kernels_roots(work, c);

		for (int row = 0; row < n_rows; row += VL)
		{
			Vec			part = CLONE(load) (parts + row);
			Vec			sum = CLONE(load) (work->sums + row);
			Vec			density = work->has_roots ? part * part : part;
			Vec			inverse = CLONE(select) ((Bits) (density > 0), sum / density, one);

			/* a quotient that is 1 but for rounding is not less */
			inverse = CLONE(larger) (inverse, one);
			entropy += CLONE(load) (block->weights + row) * (density / sum) *
				CLONE(log_above_one) (inverse);
		}
		if (c % COMPONENTS_PER_LOOK == COMPONENTS_PER_LOOK - 1)
			host->check_interrupts(host->context);
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
	if (work->has_roots)
		CLONE(leave_parts) (prepared, block, m_step, work, host, true);
	else
		CLONE(leave_parts) (prepared, block, m_step, work, host, false);
	CLONE(add_log_densities) (block, work, stats);
	host->check_interrupts(host->context);
	if (m_step)
	{
		if (prepared->noise)
			*stats->noise_weight += work->weights[prepared->k];
		if (work->pack_rows > 0)
			CLONE(find_reach) (prepared, block, work);
	}
	else
		*stats->entropy += CLONE(entropy) (n_classes, block, work, host);
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
