/*
 * kernels_rows.h
 *	  Scoring of single rows, where a lane is a component; a part of
 *	  kernels_clone.h, compiled once per instruction set.
 */

/* One value of a triangular factor: a vector of components', or of all. */
ALWAYS_INLINE Vec
CLONE(factor_value) (const double *factors, size_t index, const bool tied)
{
	return tied ? factors[index] - (Vec) {0} : CLONE(load) (factors + index * VL);
}

/*
 * Squared length of factor times centered, where the factor is triangular:
 * two of its rows at a time.  products: NULL, or d vectors for what they come to.
 */
ALWAYS_INLINE Vec
CLONE(triangle_distances) (const double *factors, const double *centered, int d,
						   double *products, const bool tied)
{
	Vec			q = {0};
	size_t		upper = 0;		/* where the rows i and i + 1 begin */
	int			i = 0;

	for (; i + 2 <= d; i += 2)
	{
		size_t		lower = upper + i + 1;
		Vec			y = {0};
		Vec			z = {0};

		for (int j = 0; j <= i; j++)
		{
			Vec			x = CLONE(load) (centered + (size_t) j * VL);

			y += CLONE(factor_value) (factors, upper + j, tied) * x;
			z += CLONE(factor_value) (factors, lower + j, tied) * x;
		}
		z += CLONE(factor_value) (factors, lower + i + 1, tied) *
			CLONE(load) (centered + (size_t) (i + 1) * VL);
		q += y * y + z * z;
		upper = lower + i + 2;
		if (products != NULL)
		{
			CLONE(store) (products + (size_t) i * VL, y);
			CLONE(store) (products + (size_t) (i + 1) * VL, z);
		}
	}
	if (i < d)
	{
		Vec			y = {0};

		for (int j = 0; j <= i; j++)
			y += CLONE(factor_value) (factors, upper + j, tied) *
				CLONE(load) (centered + (size_t) j * VL);
		q += y * y;
		if (products != NULL)
			CLONE(store) (products + (size_t) i * VL, y);
	}
	return q;
}

/*
 * Squared Mahalanobis distances of one row from a group of VL components, a
 * lane each; infinite where they are out of range.  centered: d x VL doubles of
 * scratch.
 */
ALWAYS_INLINE Vec
CLONE(group_distances) (const MixturePrepared *prepared, int group,
						const double *row, double *centered)
{
	const int	d = prepared->d;
	const MixtureCovarianceType type = prepared->covariance_type;
	const double *means = prepared->means + (size_t) group * d * VL;
	const double *factors = prepared->precision_cholesky + group * prepared->factor_step;
	const int	step = type == MIXTURE_DIAG ? VL : 0;
	Vec			q = {0};

	if (mixture_has_matrix(type))
	{
		for (int j = 0; j < d; j++)
			CLONE(store) (centered + (size_t) j * VL,
						  row[j] - CLONE(load) (means + (size_t) j * VL));
		q = type == MIXTURE_FULL ?
			CLONE(triangle_distances) (factors, centered, d, NULL, false) :
			CLONE(triangle_distances) (factors, centered, d, NULL, true);
	}
	else
		for (int j = 0; j < d; j++)
		{
			Vec			y = (row[j] - CLONE(load) (means + (size_t) j * VL)) *
				CLONE(load) (factors + (size_t) j * step);

			q += y * y;
		}
	/* NaN, from infinity minus infinity, is far away too */
	return CLONE(lesser) (q, INFINITY - (Vec) {0});
}

static void
CLONE(row_distances) (const MixturePrepared *prepared, const double *row, double *work)
{
	double	   *centered = work + (size_t) prepared->n_groups * VL;

	for (int group = 0; group < prepared->n_groups; group++)
		CLONE(store) (work + (size_t) group * VL,
					  CLONE(group_distances) (prepared, group, row, centered));
}

static void
CLONE(row_log_densities) (const MixturePrepared *prepared, const double *row,
						  double *work)
{
	double	   *centered = work + (size_t) prepared->n_groups * VL;

	for (int group = 0; group < prepared->n_groups; group++)
		CLONE(store) (work + (size_t) group * VL,
					  CLONE(load) (prepared->log_constants + (size_t) group * VL) -
					  0.5 * CLONE(group_distances) (prepared, group, row, centered));
}

/*
 * Log densities in work become responsibilities; returns the logarithm of the
 * sum of the densities.
 */
static double
CLONE(row_softmax) (const MixturePrepared *prepared, double *work)
{
	double		most = work[0];
	double		total;
	Vec			sum = {0};

	for (int c = 1; c < prepared->k; c++)
		if (work[c] > most)
			most = work[c];
	for (int group = 0; group < prepared->n_groups; group++)
	{
		double	   *values = work + (size_t) group * VL;
		Vec			share = CLONE(exp_negative) (CLONE(load) (values) - most,
													EXP_UNDERFLOW);

		CLONE(store) (values, share);
		sum += share;
	}
	total = CLONE(sum_of) (sum);
	for (int group = 0; group < prepared->n_groups; group++)
	{
		double	   *values = work + (size_t) group * VL;

		CLONE(store) (values, CLONE(load) (values) / total);
	}
	return most + log(total);
}
