/*
 * kernels_rows.h
 *	  Scoring of single rows, where a lane is a component; a part of
 *	  kernels_clone.h, compiled once per instruction set.
 */
/*
 * Squared Mahalanobis distances of one row from a group of VL components, a
 * lane each.  centered: d x VL doubles of scratch.
 */
ALWAYS_INLINE Vec
CLONE(group_distances) (const MixturePrepared *prepared, int group,
						const double *row, double *centered)
{
	int			d = prepared->d;
	const double *means = prepared->means + (size_t) group * d * VL;
	const double *factors = prepared->precision_cholesky + group * prepared->factor_step;
	Vec			q = {0};

	for (int j = 0; j < d; j++)
		CLONE(store) (centered + (size_t) j * VL,
					  row[j] - CLONE(load) (means + (size_t) j * VL));
	for (int i = 0; i < d; i++)
	{
		Vec			y = {0};

		switch (prepared->covariance_type)
		{
			case MIXTURE_FULL:
				for (int j = 0; j <= i; j++, factors += VL)
					y += CLONE(load) (factors) * CLONE(load) (centered + (size_t) j * VL);
				break;
			case MIXTURE_TIED:
				for (int j = 0; j <= i; j++, factors++)
					y += *factors * CLONE(load) (centered + (size_t) j * VL);
				break;
			case MIXTURE_DIAG:
				y = CLONE(load) (factors + (size_t) i * VL) *
					CLONE(load) (centered + (size_t) i * VL);
				break;
			case MIXTURE_SPHERICAL:
				y = CLONE(load) (factors) * CLONE(load) (centered + (size_t) i * VL);
				break;
		}
		q += y * y;
	}
	return CLONE(select) ((Bits) (q < MAX_DISTANCE_SQUARED), q,
						  MAX_DISTANCE_SQUARED - (Vec) {0});
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
