/*
 * row_hashes.c
 *	  Hashes of rows, by which they are chosen.
 *
 * Rows are hashed by the cell of a grid over the features' ranges, so that
 * the hash, like the ranges, goes with the data when a feature is multiplied
 * or shifted.  Toward the ends of a range cells become narrower, to a thousandth: else
 * groups beside what is 10^9 deviations away were in one cell each, in a sample or not.
 */
#include "engine/sample/sample_private.h"

#include <math.h>
#include <string.h>

#include "engine/core/random.h"
#include "engine/kernels/kernels.h"

/* Bits of the distance from an end by which rows are chosen */
#define FINE_BITS 30

/* and by which random choices are made among the rows, if enough cells are then in use */
#define COARSE_BITS 8
#define FINEST_BITS 38

/* A cell of its own for what is missing */
#define MISSING_CELL UINT64_C(0x8000000000000000)

/*
 * The cell along a feature that a value is in, as hash_cells() has it: the leading bits of
 * its distance from the nearer end.
 */
static inline uint64_t
cell_of(double value, double least, double most, int bits)
{
	double		extent = most - least;
	double		place = extent > 0 ? (value - least) / extent : 0;
	bool		upper = place > KERNELS_CELL_MIDDLE;
	double		edge = (upper ? (most - value) / extent : place) + KERNELS_CELL_ORIGIN;
	uint64_t	cell;

	memcpy(&cell, &edge, sizeof(cell));
	return isnan(value) ? MISSING_CELL : (cell >> (52 - bits)) * 2 + upper;
}

/* Hash of the cells that a row is in. */
static uint64_t
cell_hash(const double *row, int d, const FeatureRange *range, int bits, uint64_t seed)
{
	uint64_t	hash = random_mix(seed);

	for (int j = 0; j < d; j++)
		hash = random_combine(hash, cell_of(row[j], range->least[j], range->most[j], bits));
	return hash;
}

/* The same of all rows of a block. */
static void
cell_hashes(const MixtureBlock *block, int d, const FeatureRange *range, int bits,
			uint64_t seed, uint64_t *hashes)
{
	uint64_t	lanes[MIXTURE_BLOCK_ROWS];

	for (int i = 0; i < block->stride; i++)
		lanes[i] = random_mix(seed);
	kernels_current()->hash_cells(block, d, range, bits, MISSING_CELL, lanes);
	memcpy(hashes, lanes, block->n_rows * sizeof(uint64_t));
}

/* The hash by which rows are chosen for a sample. */
uint64_t
mixture_sample_hash(const double *row, int d, const FeatureRange *range, uint64_t seed)
{
	return cell_hash(row, d, range, FINE_BITS, seed);
}

/* The same of all rows of a block. */
void
row_hashes_of_block(const MixtureBlock *block, int d, const FeatureRange *range,
					uint64_t seed, uint64_t *hashes)
{
	cell_hashes(block, d, range, FINE_BITS, seed, hashes);
}

/* Hash of the exact values of a row, in which NaN is one value. */
uint64_t
mixture_content_hash(const double *row, int d)
{
	uint64_t	hash = 0;

	for (int j = 0; j < d; j++)
	{
		uint64_t	bits;

		memcpy(&bits, &row[j], sizeof(bits));
		hash = random_combine(hash, isnan(row[j]) ? MISSING_CELL : bits);
	}
	return hash;
}

/* How many of n hashes are distinct. */
static int64_t
count_distinct(const uint64_t *hashes, int64_t n, const MixtureHost *host)
{
	int64_t		distinct = 0;
	int64_t		size = 2;		/* of an open table, half empty: a power of two */
	bool		zero = false;	/* which in the table is an empty place */
	uint64_t   *table;

	while (size < 2 * n)
		size *= 2;
	table = host->allocate(host->context, size * sizeof(uint64_t));
	memset(table, 0, size * sizeof(uint64_t));
	for (int64_t i = 0; i < n; i++)
	{
		int64_t		place = (int64_t) (hashes[i] & (uint64_t) (size - 1));

		while (table[place] != 0 && table[place] != hashes[i])
			place = (place + 1) & (size - 1);
		distinct += hashes[i] == 0 ? !zero : table[place] == 0;
		zero = zero || hashes[i] == 0;
		table[place] = hashes[i];
	}
	host->release(host->context, table);
	return distinct;
}

/*
 * Hash the rows for random choices among them.  The grid is as coarse as
 * leaves at least half of the rows a cell of their own, for a coarse one is
 * the least disturbed by rounding.
 */
void
row_hashes_of_sample(Sample *sample, const FeatureRange *range, uint64_t seed,
					 const MixtureHost *host)
{
	int			d = sample->d;
	int			bits = COARSE_BITS;

	for (;; bits += 10)
	{
		for (int64_t start = 0; start < sample->n_rows; start += MIXTURE_BLOCK_ROWS)
		{
			MixtureBlock block;

			sample_block(&sample->blocks, start / MIXTURE_BLOCK_ROWS, &block);
			cell_hashes(&block, d, range, bits, ~seed, sample->hashes + start);
			host->check_interrupts(host->context);
		}
		if (bits >= FINEST_BITS ||
			2 * count_distinct(sample->hashes, sample->n_rows, host) >= sample->n_rows)
			return;
	}
}
