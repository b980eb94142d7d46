/*
 * kernels_e_step.h
 *	  The E-step over a block, where a lane is a row; a part of kernels_clone.h,
 *	  compiled once per instruction set.
 *
 * Some vectors of rows at a time go through a few rows of the triangular
 * factor, and their sums stay in registers; the sizes of the tiles are what the
 * registers hold.  Where the dimension is small, it is a constant of the code,
 * and all products of a vector of rows with the factor are made side by side.
 *
 * What is left for the M-step are the square roots of the responsibilities
 * rather than themselves: e to the half of an exponent costs no more, and
 * sum r (x - m)(x - m)^T is then u u^T with the one array u = sqrt(r) (x - m).
 */

/*
 * TRIANGLE_ROWS: rows of a triangular factor that go through the rows of data
 * together.  KNOWN_D: the largest dimension for which the E-step has code of
 * its own.
 */
#if VL == 8 || defined(__aarch64__)
#define TRIANGLE_ROWS 4			/* 32 registers */
#define KNOWN_D 16
#else
#define TRIANGLE_ROWS 3			/* 16 */
#define KNOWN_D SMALL_D
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
 * dimension that the compiler knows.  A feature goes to all rows of the factor
 * before the next one is looked at, so that there are many sums side by side.
 */
ALWAYS_INLINE void
CLONE(quadratic_known) (const double *factor, const double *mean,
						const double *features, int stride, Vec *q,
						const int d, const int n_vectors)
{
	Vec			y[KNOWN_D][4];

	UNROLL
	for (int j = 0; j < d; j++)
	{
		UNROLL
		for (int v = 0; v < n_vectors; v++)
		{
			Vec			x = CLONE(load) (features + (size_t) j * stride + v * VL) - mean[j];

			UNROLL
			for (int i = j; i < d; i++)
			{
				double		element = factor[i * (i + 1) / 2 + j];

				y[i][v] = j == 0 ? element * x : y[i][v] + element * x;
			}
		}
	}
	UNROLL
	for (int i = 0; i < d; i++)
	{
		UNROLL
		for (int v = 0; v < n_vectors; v++)
			q[v] += y[i][v] * y[i][v];
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
 * Log densities of n_vectors vectors of rows under component c.  known_d: the
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
						const MixtureHost *host, const int known_d)
{
	const int	n_vectors = known_d > SMALL_D ? 1 : 4;
	double	   *log_densities = kernels_roots(work, c);
	int			row = 0;

	if (n_vectors > 1)
	{
		for (; row + n_vectors * VL <= block->stride && row < block->n_rows;
			 row += n_vectors * VL)
		{
			CLONE(component_rows) (prepared, c, block->features + row, block->stride,
								   work->centered, log_densities + row, known_d,
								   n_vectors);
			if (known_d == 0)
				host->check_interrupts(host->context);
		}
	}
	for (; row < block->n_rows; row += VL)
		CLONE(component_rows) (prepared, c, block->features + row, block->stride,
							   work->centered, log_densities + row, known_d, 1);
}

static void
CLONE(component_densities) (const MixturePrepared *prepared, int c,
							const MixtureBlock *block, const KernelWork *work,
							const MixtureHost *host)
{
#define KNOWN_CASE(d) case d: CLONE(component_block) (prepared, c, block, work, host, d); break
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
			CLONE(component_block) (prepared, c, block, work, host, 0);
			break;
	}
#undef KNOWN_CASE
}

/*
 * Turn log densities into the square roots of densities relative to the row's
 * largest, whose squares add up to work->sums.
 */
static void
CLONE(roots_of_many) (int k, int n_rows, const KernelWork *work)
{
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
		Vec			difference = CLONE(load) (first + row) - CLONE(load) (second + row);
		Bits		larger = (Bits) (difference > 0);
		Vec			root = CLONE(exp_negative) (CLONE(select) (larger, -difference, difference) * 0.5,
												ROOT_UNDERFLOW);

		CLONE(store) (first + row, CLONE(select) (larger, one, root));
		CLONE(store) (second + row, CLONE(select) (larger, root, one));
		CLONE(store) (work->sums + row, root * root + one);
	}
}

/*
 * Turn log densities into the square roots of densities relative to the row's
 * largest, whose squares add up to work->sums; and add the block's to the
 * log-likelihood and to the sum of squared log densities.
 *
 * Each step is a loop of its own over the rows, so that the long chains of
 * logarithms or exponentials of many rows run side by side.
 */
static void
CLONE(normalize) (int k, const MixtureBlock *block, const KernelWork *work,
				  MixtureStats *stats, const MixtureHost *host)
{
	const int	n_rows = block->n_rows;
	Vec			log_likelihood = {0};
	Vec			squares = {0};

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
	host->check_interrupts(host->context);
	if (k == 2)
		CLONE(roots_of_two) (n_rows, work);
	else
		CLONE(roots_of_many) (k, n_rows, work);
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
		squares += CLONE(select) ((Bits) (part < MIXTURE_MAX_SQUARE), part,
								  MIXTURE_MAX_SQUARE - (Vec) {0});
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
			inverse = CLONE(select) ((Bits) (inverse > 1), inverse, one);
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

		least = CLONE(select) ((Bits) (largest < least), largest, least);
	}
	CLONE(store) (lanes, least);
	for (int i = 1; i < VL; i++)
		if (lanes[i] < lanes[0])
			lanes[0] = lanes[i];
	for (int c = 1; c < prepared->k; c++)
		if (prepared->log_constants[c] > most)
			most = prepared->log_constants[c];
	*work->reach = sqrt(2 * (most - lanes[0] - 2 * ROOT_UNDERFLOW));
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
		CLONE(component_densities) (prepared, c, block, work, host);
		host->check_interrupts(host->context);
	}
	for (int row = 0; row < n_rows; row += VL)
		weight += CLONE(load) (block->weights + row);
	*stats->sum_weights += CLONE(sum_of) (weight);
	CLONE(normalize) (prepared->k, block, work, stats, host);
	if (m_step)
	{
		CLONE(scale_roots) (prepared->k, block, work);
		if (work->pack_rows > 0)
			CLONE(find_reach) (prepared, block, work);
	}
	else
		*stats->entropy += CLONE(entropy) (prepared->k, block, work);
}
