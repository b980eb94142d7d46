/*
 * kernels_spread.h
 *	  Rows with missing features where all components share a covariance
 *	  (missing_shared.c); a part of kernels_clone.h, compiled once per instruction set.
 */

/* Squared distances that are taken away may be this much, for a least pivot of 1. */
#define MOST_OF_STEPS 0x1p17

/* The share of a component's weight in a block that changes no sum */
#define LEAST_SHARE 0x1p-64

/* --- steps ------------------------------------------------------------------------- */

/* The right sides of a lane's equations for n components from c on. */
ALWAYS_INLINE void
CLONE(pick_sources) (const MissingShared *shared, const MissingGroup *group, int first, int c,
					 int n, size_t step)
{
	const double *sources = shared->sources[group->covariance] + (size_t) c * shared->stride;

	for (int e = 0; e < n; e++, sources += shared->stride)
		for (int i = 0; i < group->n_solved; i++)
			CLONE(store) (shared->right + e * step + (size_t) i * VL,
						  CLONE(pick_of_one) (sources, group->solved + first + i * MIXTURE_LANES, 1));
}

/* Leave a component's steps, of which the equations are solved at `right`. */
ALWAYS_INLINE void
CLONE(leave_step) (const MissingScratch *scratch, const MissingGroup *group,
				   const MissingSet *set, const MissingShared *shared, int first, int c,
				   double *right)
{
	const MissingSide *side = &set->sides[group->covariance];
	const double *apart = shared->apart + (size_t) c * shared->stride;
	double	   *steps = shared->steps + c * shared->steps_size + group->place + first;

	if (group->covariance)
		CLONE(use_observed) (scratch, group, side, first, -1, right, 1);
	for (int i = 0; i < group->n_missing; i++)
	{
		const uint16_t *numbers = group->missing + first + i * MIXTURE_LANES;
		Vec			step = CLONE(load) (right + (size_t) i * VL);

		if (group->covariance)
			step = CLONE(pick_of_one) (set->sides[0].into, numbers, 1) *
				(CLONE(pick_of_one) (apart, numbers, 1) +
				 CLONE(pick_of_one) (side->out, numbers, 1) * step);
		CLONE(store) (steps + (size_t) i * MIXTURE_LANES, step);
	}
}

/*
 * Shifts of all components, and steps, of the lanes from `first` on; shifts: those of
 * rows about the origin.
 */
static void
CLONE(leave_steps) (const MissingScratch *scratch, const MissingGroup *group,
					const MissingSet *set, const MissingShared *shared, int first,
					const CLONE(Factor) *factor, const double *shifts)
{
	const Vec	shift = CLONE(load) (shifts);
	const size_t step = (size_t) (scratch->d + 1) * VL;
	const int	n_solved = group->n_solved;
	CLONE(Factor) factors[MISSING_WIDTH];

	for (int c = 0; c < MISSING_WIDTH; c++)
		factors[c] = *factor;
	for (int c = 0; c < shared->k; c += MISSING_WIDTH)
	{
		int			n = shared->k - c < MISSING_WIDTH ? shared->k - c : MISSING_WIDTH;

		CLONE(pick_sources) (shared, group, first, c, n, step);
		CLONE(solve_forward_lanes) (factors, n, n_solved, shared->right, step);
		for (int e = 0; e < n; e++)
		{
			const double *right = shared->right + e * step;
			Vec			q = {0};

			for (int i = 0; i < n_solved; i++)
			{
				Vec			y = CLONE(load) (right + (size_t) i * VL);

				q += y * y * CLONE(load) (CLONE(element) (factor->triangle, i, i));
			}
			if (group->covariance)
				q = shared->lengths[c + e] - q;
			CLONE(store) (shared->shifts + (size_t) (c + e) * MISSING_ROWS + group->start + first,
						  CLONE(select) ((Bits) (q <= factor->least * MOST_OF_STEPS),
										 shift + 0.5 * q, NAN - (Vec) {0}));
		}
		if (!shared->m_step)
			continue;
		CLONE(solve_backward_lanes) (factors, n, n_solved, shared->right, step);
		for (int e = 0; e < n; e++)
			CLONE(leave_step) (scratch, group, set, shared, first, c + e,
							   shared->right + e * step);
	}
}

/* --- sums --------------------------------------------------------------------------- */

#if VL == 8
#define EVEN_PAIRS(a, b) SHUFFLE(a, b, 0, 4, 8, 12, 1, 5, 9, 13)
#define ODD_PAIRS(a, b) SHUFFLE(a, b, 2, 6, 10, 14, 3, 7, 11, 15)
#endif

/*
 * From vectors of rows for each of MISSING_WIDTH components to values of these beside
 * each other for each row.
 */
ALWAYS_INLINE void
CLONE(turn_to_parts) (const Vec *values, Vec *parts)
{
#if VL == 8
	Vec			a = LOW_HALVES(values[0], values[1]);
	Vec			b = LOW_HALVES(values[2], values[3]);
	Vec			c = HIGH_HALVES(values[0], values[1]);
	Vec			d = HIGH_HALVES(values[2], values[3]);

	parts[0] = EVEN_PAIRS(a, b);
	parts[1] = ODD_PAIRS(a, b);
	parts[2] = EVEN_PAIRS(c, d);
	parts[3] = ODD_PAIRS(c, d);
#elif VL == 4
	Vec			a = SHUFFLE(values[0], values[1], 0, 4, 2, 6);
	Vec			b = SHUFFLE(values[0], values[1], 1, 5, 3, 7);
	Vec			c = SHUFFLE(values[2], values[3], 0, 4, 2, 6);
	Vec			d = SHUFFLE(values[2], values[3], 1, 5, 3, 7);

	parts[0] = SHUFFLE(a, c, 0, 1, 4, 5);
	parts[1] = SHUFFLE(b, d, 0, 1, 4, 5);
	parts[2] = SHUFFLE(a, c, 2, 3, 6, 7);
	parts[3] = SHUFFLE(b, d, 2, 3, 6, 7);
#else
	parts[0] = SHUFFLE(values[0], values[1], 0, 2);
	parts[1] = SHUFFLE(values[0], values[1], 1, 3);
#endif
}

#if VL == 8
#undef EVEN_PAIRS
#undef ODD_PAIRS
#endif

/*
 * Add each component's share of its distance from the mean, of missing feature i, to
 * the sums, where those of a few components stand beside each other.
 */
ALWAYS_INLINE void
CLONE(spread_sums) (const MissingGroup *group, const MissingShared *shared, int first, int i,
					const double *values)
{
	for (int c = 0; c < shared->k; c += MISSING_WIDTH)
	{
		double	   *sums = shared->sums + c * shared->stride;
		Vec			part[MISSING_WIDTH];
		Vec			turned[MISSING_WIDTH];

		UNROLL
		for (int e = 0; e < MISSING_WIDTH; e++)
			part[e] = CLONE(load) (values + (size_t) (c + e) * VL);
		CLONE(turn_to_parts) (part, turned);
		UNROLL
		for (int v = 0; v < MISSING_WIDTH; v++)
		{
			double	   *const targets[2] = {sums, sums};

			CLONE(place) (targets, group->missing + first + v * VECTOR_ROWS(MISSING_WIDTH) +
						  i * MIXTURE_LANES, turned[v], MISSING_WIDTH, true);
		}
	}
}

/*
 * Products of the terms of n missing features from i on with those of one that is no
 * later, into the residuals.
 */
ALWAYS_INLINE void
CLONE(spread_products) (const MissingScratch *scratch, const MissingGroup *group,
						const MissingSide *side, const MissingShared *shared, int first, int i,
						int j, const int n)
{
	const double *terms = shared->terms;
	Vec			sum[4];

	UNROLL
	for (int a = 0; a < n; a++)
		sum[a] = (Vec) {0};
	for (int e = 0; e < *shared->n_active; e++, terms += (size_t) scratch->d * VL)
	{
		Vec			right = CLONE(load) (terms + (size_t) j * VL);

		UNROLL
		for (int a = 0; a < n; a++)
			sum[a] += CLONE(load) (terms + (size_t) (i + a) * VL) * right;
	}
	UNROLL
	for (int a = 0; a < n; a++)
	{
		const double *targets[VL];

		CLONE(find_rows) (scratch, side->residuals,
						  group->missing + first + (i + a) * MIXTURE_LANES, targets, 1);
		CLONE(place) ((double *const *) targets, group->missing + first + j * MIXTURE_LANES,
					  sum[a], 1, true);
	}
}

/* The same for all pairs of missing features. */
static void
CLONE(spread_all_products) (const MissingScratch *scratch, const MissingGroup *group,
							const MissingSide *side, const MissingShared *shared, int first,
							const MixtureHost *host)
{
	for (int j = 0; j < group->n_missing && *shared->n_active > 1; j++)
	{
		int			i = j;

		for (; i + 4 <= group->n_missing; i += 4)
			CLONE(spread_products) (scratch, group, side, shared, first, i, j, 4);
		for (; i < group->n_missing; i++)
			CLONE(spread_products) (scratch, group, side, shared, first, i, j, 1);
		if (group->n_missing > MISSING_LONG)
			host->check_interrupts(host->context);
	}
}

/* The components that have a part in VL rows; returns the inverse of their shares' sum. */
ALWAYS_INLINE Vec
CLONE(find_active) (const MissingShared *shared, const KernelWork *work, const double *roots)
{
	Vec			whole = {0};

	*shared->n_active = 0;
	for (int c = 0; c < shared->k; c++, roots += KERNEL_WORK_STRIDE)
	{
		Vec			root = CLONE(load) (roots);
		Vec			share = root * root;

		whole += share;
		CLONE(store) (shared->values + (size_t) c * VL, (Vec) {0});
		share = CLONE(select) ((Bits) (share > LEAST_SHARE * work->weights[c]), share, (Vec) {0});
		if (CLONE(sum_of) (share) > 0)
			shared->active[(*shared->n_active)++] = c;
	}
	return CLONE(select) ((Bits) (whole > 0), 1.0 / whole, (Vec) {0});
}

/*
 * Complete VL rows of a group by the mean over the components, add to the sums what
 * these are apart from it, and leave the terms: the roots times that, scaled as the
 * precision matrix is.
 */
static void
CLONE(spread_rows) (const MissingScratch *scratch, const MissingGroup *group,
					const MissingSet *set, const MissingShared *shared,
					const KernelWork *work, int first)
{
	const double *out = set->sides[0].out;
	const double *roots = work->roots + group->start + first;
	const Vec	inverse = CLONE(find_active) (shared, work, roots);
	const int	n_active = *shared->n_active;

	for (int i = 0; i < group->n_missing; i++)
	{
		size_t		place = group->place + (size_t) i * MIXTURE_LANES + first;
		double	   *filled = set->filled + place;
		double	   *term = shared->terms + (size_t) i * VL;
		Vec			mean = {0};
		Vec			scale;

		scale = CLONE(pick_of_one) (out, group->missing + first + i * MIXTURE_LANES, 1);
		for (int e = 0; e < n_active; e++)
		{
			int			c = shared->active[e];
			Vec			root = CLONE(load) (roots + (size_t) c * KERNEL_WORK_STRIDE);

			mean += root * root * CLONE(load) (shared->steps + c * shared->steps_size + place);
		}
		mean *= inverse;
		CLONE(store) (filled, CLONE(load) (filled) + scale * mean);
		if (n_active < 2)
			continue;
		for (int e = 0; e < n_active; e++, term += (size_t) scratch->d * VL)
		{
			int			c = shared->active[e];
			Vec			root = CLONE(load) (roots + (size_t) c * KERNEL_WORK_STRIDE);
			Vec			step_of = CLONE(load) (shared->steps + c * shared->steps_size + place);
			Vec			apart = root * (step_of - mean);

			CLONE(store) (term, apart);
			CLONE(store) (shared->values + (size_t) c * VL, root * apart);
		}
		CLONE(spread_sums) (group, shared, first, i, shared->values);
	}
}

/* The M-step's part of a group but for residuals; see Kernels. */
static void
CLONE(missing_spread) (const MissingScratch *scratch, const MissingGroup *group,
					   const MissingSet *set, const MissingShared *shared,
					   const KernelWork *work, const MixtureHost *host)
{
	for (int first = 0; first < MIXTURE_LANES; first += VL)
	{
		CLONE(spread_rows) (scratch, group, set, shared, work, first);
		CLONE(spread_all_products) (scratch, group, &set->sides[0], shared, first, host);
		host->check_interrupts(host->context);
	}
}
