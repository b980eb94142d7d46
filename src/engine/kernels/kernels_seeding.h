/*
 * kernels_seeding.h
 *	  What rows of a sample and seeds of starts are drawn with, where a lane is a row;
 *	  a part of kernels_clone.h, compiled once per instruction set.
 */

/* random_mix() of every lane. */
ALWAYS_INLINE Bits
CLONE(mix) (Bits x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

/* The cell along a feature that values are in; see Kernels. */
ALWAYS_INLINE Bits
CLONE(cells_of) (Vec x, double least, double most, int bits, uint64_t missing)
{
	double		extent = most - least;
	Vec			place = extent > 0 ? (x - least) / extent : (Vec) {0};
	Bits		upper = (Bits) (place > KERNELS_CELL_MIDDLE);
	Vec			edge = CLONE(select) (upper, extent > 0 ? (most - x) / extent : (Vec) {0}, place);
	Bits		cell = (Bits) (edge + KERNELS_CELL_ORIGIN) >> (52 - bits);
	Bits		absent = (Bits) (x != x);

	return (absent & missing) | (~absent & (cell + cell - upper));
}

/* Combine hashes of rows with the cells that they are in; see Kernels. */
static void
CLONE(hash_cells) (const MixtureBlock *block, int d, const FeatureRange *range, int bits,
				   uint64_t missing, uint64_t *hashes)
{
	for (int j = 0; j < d; j++)
	{
		const double *feature = block->features + (size_t) j * block->stride;

		for (int row = 0; row < block->n_rows; row += VL)
		{
			double	   *hash = (double *) (hashes + row);
			Bits		cell = CLONE(cells_of) (CLONE(load) (feature + row), range->least[j],
												range->most[j], bits, missing);

			CLONE(store) (hash, (Vec) CLONE(mix) ((Bits) CLONE(load) (hash) ^ CLONE(mix) (cell)));
		}
	}
}

/* Which of VL rows may win a race; see Kernels. */
ALWAYS_INLINE Bits
CLONE(may_win) (const double *weights, const double *distances, const uint64_t *hashes,
				uint64_t draw, double bound)
{
	Vec			rate = CLONE(load) (weights) * CLONE(load) (distances);
	Bits		hash = CLONE(mix) ((Bits) CLONE(load) ((const double *) hashes) ^ draw);
	Vec			unit = (Vec) ((hash >> 12) | UINT64_C(0x3ff0000000000000));

	/* 1 - random_unit(hash), exactly */
	return (Bits) (rate > 0) & ~(Bits) ((2.0 - unit) - 0x1p-53 > bound * rate);
}

/* The next rows that may win a race; see Kernels. */
static int64_t
CLONE(race) (const double *weights, const double *distances, const uint64_t *hashes,
			 uint64_t draw, double bound, int64_t row, int64_t n_rows)
{
	int64_t		most = KERNELS_RACE_STRETCH;

	while (row + KERNELS_RACE_ROWS <= n_rows)
	{
		int64_t		length = row + most <= n_rows ? most : KERNELS_RACE_ROWS;
		Bits		any = {0};
		uint64_t	found = 0;

		for (int64_t i = row; i < row + length; i += VL)
			any |= CLONE(may_win) (weights + i, distances + i, hashes + i, draw, bound);
		UNROLL
		for (int i = 0; i < VL; i++)
			found |= any[i];
		if (found == 0)
			row += length;
		else if (length == KERNELS_RACE_ROWS)
			break;
		else
			most = KERNELS_RACE_ROWS;
	}
	return row;
}

/* The less of two distances of each row, and their weighted sum; see Kernels. */
static double
CLONE(nearer) (const MixtureBlock *block, const double *squares, const double *distances,
			   double *nearer)
{
	Vec			sum = {0};

	for (int row = 0; row < block->n_rows; row += VL)
	{
		Vec			square = CLONE(load) (squares + row);
		Vec			distance = CLONE(load) (distances + row);
		Vec			least = CLONE(lesser) (square, distance);

		CLONE(store) (nearer + row, least);
		sum += CLONE(load) (block->weights + row) * least;
	}
	return CLONE(sum_of) (sum);
}
