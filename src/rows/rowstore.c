/*
 * rowstore.c
 *	  The rows of one group, in blocks as the engine reads them.
 *
 * Rows are held once, in blocks of up to MIXTURE_BLOCK_ROWS, feature by
 * feature.  Blocks are allocated one by one, so that neither copying nor the
 * 1 GB limit of an allocation stands in the way of a large group; only the
 * directory, some bytes a block, grows as a whole.  The first block starts
 * with few lanes and doubles, so that many small groups stay small:
 *
 *		directory    [0]           [1]           ...
 *		              |             |
 *		features      f0: r0 r1 r2 ... (stride lanes, 64-byte aligned)
 *		              f1: r0 r1 r2 ...
 *		weights       w0 w1 w2 ...  only where a weight of the block is not 1
 *
 * Labels, where a store has them, are one more feature behind the others.
 *
 * Where every value is exact as a float, as those of embeddings, of real columns
 * and of most integers are, it is kept as one: half the memory, and a reader
 * makes the same doubles of it.  With the first value that is not, a block
 * becomes one of doubles, and so do all blocks after it.
 *
 * A store is readable after every append: lanes that no row has taken yet
 * hold a copy of the block's first row and weight 0 from the beginning.
 * Reading (rowreader.c) therefore changes nothing, as a final function that is
 * run many times (window frames, shared state) requires.
 *
 * A block that is full is never written again.  When no memory is allowed
 * for another block (rowspill.c), the full one before it goes to the file,
 * features and then weights, and the new one takes its place.  What filled the
 * memory before stays there: a fit reads the blocks in a cycle, and of a cycle
 * any part is as good to keep as any other.
 *
 * An element that is NULL is NaN, which no other is, and a block that has one is
 * marked.
 *
 * Worker processes read rows from the file, too.  For them gmm_rowstore_share()
 * copies there what is in memory only, with a directory behind it, and
 * gmm_rowstore_attach() makes a store of that.  A worker, too, may use as much
 * memory as it is allowed, and keeps there what it has read.
 */
#include "postgres.h"

#include "access/tupmacs.h"
#include "miscadmin.h"
#include "utils/float.h"
#include "utils/memutils.h"

#include "rows/rowstore.h"
#include "rows/rowstore_private.h"

/* Lanes of the first block */
#define FIRST_STRIDE		16

StaticAssertDecl(FIRST_STRIDE % MIXTURE_LANES == 0 &&
				 MIXTURE_BLOCK_ROWS % MIXTURE_LANES == 0 &&
				 MIXTURE_BLOCK_ROWS > FIRST_STRIDE,
				 "blocks must grow by whole vectors");

/* What a worker process needs to know of a block: an entry in the file. */
typedef struct SharedBlock
{
	int64		offset;
	uint16		n_rows;
	uint16		stride;
	bool		weighted;
	bool		narrow;
	bool		incomplete;
	char		unused;			/* so that no byte is written undefined */
} SharedBlock;

/* Entries that are written or read at once */
#define ENTRIES				512

/*
 * A new, empty store for rows of d features, with labels up to n_labels or, if
 * that is 0, without; it and all that it will hold live in the given context.
 */
GmmRowStore *
gmm_rowstore_create(MemoryContext context, int d, int n_labels)
{
	GmmRowSpill *spill = gmm_rowspill_get(context);
	GmmRowStore *store = gmm_rowspill_allocate(spill, sizeof(GmmRowStore));

	memset(store, 0, sizeof(GmmRowStore));
	store->spill = spill;
	store->d = d;
	store->n_labels = n_labels;
	store->columns = d + (n_labels > 0);
	store->narrow = true;
	store->directory_size = 1;
	store->directory = gmm_rowspill_allocate(spill, sizeof(RowBlock));
	return store;
}

/* The number of features of each row. */
int
gmm_rowstore_dimensions(const GmmRowStore *store)
{
	return store->d;
}

/* --- blocks in memory ---------------------------------------------------- */

/* Memory for the features of a block of so many lanes. */
static void
allocate_features(GmmRowStore *store, RowBlock *block, int stride)
{
	Size		size = features_size(store, stride, block->narrow);

	block->chunk = gmm_rowspill_allocate(store->spill, size + BLOCK_ALIGNMENT - 1);
	block->stride = stride;
}

/*
 * Put d values of a row into a lane.
 *
 * Adding 0 makes 0 of -0: they are equal in SQL, and random choices depend on a
 * hash of the bits.
 */
static inline void
put_values(RowBlock *block, int lane, const double *row, int d)
{
	if (block->narrow)
	{
		float	   *features = block_features(block);

		for (int j = 0; j < d; j++)
			features[(Size) j * block->stride + lane] = (float) (row[j] + 0.0);
	}
	else
	{
		double	   *features = block_features(block);

		for (int j = 0; j < d; j++)
			features[(Size) j * block->stride + lane] = row[j] + 0.0;
	}
}

/* The same for a row of which observed has a bit for each element. */
static void
put_row(RowBlock *block, int lane, const double *row, const uint8 *observed, int d)
{
	double		values[MIXTURE_MAX_DIMENSIONS];

	if (observed == NULL)
	{
		put_values(block, lane, row, d);
		return;
	}
	for (int j = 0; j < d; j++)
		values[j] = att_isnull(j, observed) ? get_float8_nan() : *row++;
	put_values(block, lane, values, d);
	block->incomplete = true;
}

/* Put a row's label, in a store that has them, into its lane. */
static void
put_label(const GmmRowStore *store, RowBlock *block, int lane, int label)
{
	Size		place = (Size) store->d * block->stride + lane;

	if (store->n_labels == 0)
		return;
	if (block->narrow)
		((float *) block_features(block))[place] = (float) label;
	else
		((double *) block_features(block))[place] = label;
}

/* Fill the lanes that no row has taken. */
static void
pad_features(RowBlock *block, int d)
{
	for (int j = 0; j < d; j++)
	{
		float	   *narrow = (float *) block_features(block) + (Size) j * block->stride;
		double	   *wide = (double *) block_features(block) + (Size) j * block->stride;

		if (block->narrow)
			for (int i = block->n_rows; i < block->stride; i++)
				narrow[i] = narrow[0];
		else
			for (int i = block->n_rows; i < block->stride; i++)
				wide[i] = wide[0];
	}
}

/* Make place in the directory for another block. */
static void
enlarge_directory(GmmRowStore *store)
{
	int64		size = store->directory_size * 2;

	if ((uint64) size > MaxAllocHugeSize / sizeof(RowBlock))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many rows to fit a mixture to: " INT64_FORMAT,
						store->n_rows)));
	store->directory = gmm_rowspill_enlarge(store->spill, store->directory,
											sizeof(RowBlock) * (Size) size);
	store->directory_size = size;
}

/*
 * Write a block to the file, if it is not there from having been shared, and
 * forget its memory.  That of its features is now the caller's.
 */
static void *
spill_block(GmmRowStore *store, RowBlock *block)
{
	void	   *chunk = block->chunk;
	Size		size = block_features_size(store, block);

	if (block->offset == NOT_IN_FILE)
	{
		int64		offset = gmm_rowspill_append(store->spill, block_features(block), size);

		if (block->weighted)
			gmm_rowspill_append(store->spill, block->weights,
								sizeof(double) * block->stride);
		block->offset = offset;
	}
	block->chunk = NULL;
	if (block->weights != NULL)
		gmm_rowspill_release(store->spill, block->weights);
	block->weights = NULL;
	return chunk;
}

/* The block that takes further rows, if it has or may get lanes for them, or NULL. */
static RowBlock *
last_block(const GmmRowStore *store)
{
	return store->n_blocks == 0 ? NULL : &store->directory[store->n_blocks - 1];
}

/*
 * Find memory for the features of a new block: what is allowed, or that of the full
 * block before it.
 */
static void
place_block(GmmRowStore *store, RowBlock *block, RowBlock *before)
{
	int			stride = before != NULL ? MIXTURE_BLOCK_ROWS : FIRST_STRIDE;
	Size		size = features_size(store, stride, block->narrow);

	if (before != NULL && before->chunk != NULL && before->stride == stride &&
		before->narrow == block->narrow && !gmm_rowspill_has_room(store->spill, size))
	{
		block->chunk = spill_block(store, before);
		block->stride = stride;
	}
	else
		allocate_features(store, block, stride);
}

/* Begin a block with its first row, after the last one, which is full. */
static RowBlock *
begin_block(GmmRowStore *store, const double *row, const uint8 *observed, int label)
{
	RowBlock   *before;
	RowBlock   *block;

	if (store->n_blocks == store->directory_size)
		enlarge_directory(store);

	before = last_block(store);
	block = &store->directory[store->n_blocks];
	block->offset = NOT_IN_FILE;
	block->n_rows = 0;
	block->weights = NULL;
	block->weighted = false;
	block->narrow = store->narrow;
	block->incomplete = false;
	place_block(store, block, before);
	put_row(block, 0, row, observed, store->d);
	put_label(store, block, 0, label);
	pad_features(block, store->columns);
	store->n_blocks++;
	return block;
}

/* Copy the rows of a block to where another shape of it has them. */
static void
copy_features(const RowBlock *from, RowBlock *to, int d)
{
	for (int j = 0; j < d; j++)
	{
		const float *narrow = (float *) block_features(from) + (Size) j * from->stride;
		const double *wide = (double *) block_features(from) + (Size) j * from->stride;
		float	   *narrow_copy = (float *) block_features(to) + (Size) j * to->stride;
		double	   *wide_copy = (double *) block_features(to) + (Size) j * to->stride;

		if (!from->narrow)
			memcpy(wide_copy, wide, sizeof(double) * from->n_rows);
		else if (to->narrow)
			memcpy(narrow_copy, narrow, sizeof(float) * from->n_rows);
		else
			for (int i = 0; i < from->n_rows; i++)
				wide_copy[i] = narrow[i];
	}
}

/*
 * Give a block so many lanes, no fewer than before, and make its features
 * doubles if the store has come to that.
 */
static void
reshape_block(GmmRowStore *store, RowBlock *block, int stride)
{
	const RowBlock old = *block;

	block->narrow = store->narrow;
	allocate_features(store, block, stride);
	copy_features(&old, block, store->columns);
	pad_features(block, store->columns);
	gmm_rowspill_release(store->spill, old.chunk);

	if (block->weights != NULL)
	{
		block->weights = gmm_rowspill_enlarge(store->spill, block->weights,
											  sizeof(double) * block->stride);
		for (int i = block->n_rows; i < block->stride; i++)
			block->weights[i] = 0.0;
	}
}

/* Give a block weights of its own: so far 1 for each row. */
static void
create_weights(GmmRowStore *store, RowBlock *block)
{
	block->weights = gmm_rowspill_allocate(store->spill,
										   sizeof(double) * block->stride);
	block->weighted = true;
	for (int i = 0; i < block->stride; i++)
		block->weights[i] = i < block->n_rows ? 1.0 : 0.0;
}

/* A block with a free lane for a row. */
static RowBlock *
block_for_row(GmmRowStore *store, const double *row, const uint8 *observed, int label)
{
	RowBlock   *block = last_block(store);

	if (block == NULL || block->n_rows == MIXTURE_BLOCK_ROWS)
		return begin_block(store, row, observed, label);
	if (block->n_rows == block->stride)
		reshape_block(store, block, Min(2 * block->stride, MIXTURE_BLOCK_ROWS));
	else if (block->narrow != store->narrow)
		reshape_block(store, block, block->stride);
	return block;
}

/* How many elements of a row are not NULL? */
static int
count_observed(const uint8 *observed, int d)
{
	int			n = 0;

	for (int j = 0; j < d; j++)
		n += !att_isnull(j, observed);
	return n;
}

/* Is every value of a row exact as a float? */
static bool
is_narrow(const double *row, int n_observed)
{
	for (int j = 0; j < n_observed; j++)
		if ((double) (float) row[j] != row[j])
			return false;
	return true;
}

/*
 * Append a row with a finite weight above 0.  observed: NULL, and row has d
 * finite values; or a bit for each of the d elements, and row has as many
 * finite values as bits are set, at least one.  Nothing of row is kept.
 */
void
gmm_rowstore_append(GmmRowStore *store, const double *row, const uint8 *observed,
					int label, double weight)
{
	RowBlock   *block;

	if (store->narrow &&
		!is_narrow(row, observed == NULL ? store->d : count_observed(observed, store->d)))
		store->narrow = false;
	block = block_for_row(store, row, observed, label);
	put_row(block, block->n_rows, row, observed, store->d);
	put_label(store, block, block->n_rows, label);

	if (weight != 1.0 && block->weights == NULL)
		create_weights(store, block);
	if (block->weights != NULL)
		block->weights[block->n_rows] = weight;

	block->n_rows++;
	store->n_rows++;
}

/* --- sharing ------------------------------------------------------------- */

/* Copy a block to the file; -1 if that cannot be done. */
static int64
copy_block(GmmRowStore *store, const RowBlock *block)
{
	int64		offset = gmm_rowspill_try_append(store->spill, block_features(block),
												 block_features_size(store, block));

	if (offset >= 0 && block->weighted &&
		gmm_rowspill_try_append(store->spill, block->weights,
								sizeof(double) * block->stride) < 0)
		return -1;
	return offset;
}

/* Copy to the file every block that is not there and will not change. */
static bool
copy_full_blocks(GmmRowStore *store)
{
	for (int64 number = 0; number < store->n_blocks; number++)
	{
		RowBlock   *block = &store->directory[number];
		int64		offset;

		CHECK_FOR_INTERRUPTS();
		if (block->offset != NOT_IN_FILE || block->n_rows < MIXTURE_BLOCK_ROWS)
			continue;
		offset = copy_block(store, block);
		if (offset < 0)
			return false;
		block->offset = offset;
	}
	return true;
}

/*
 * Append the directory to the file.  last: where in it is a copy of the block
 * that may grow.
 */
static bool
copy_directory(GmmRowStore *store, int64 last)
{
	SharedBlock entries[ENTRIES];

	for (int64 start = 0; start < store->n_blocks; start += ENTRIES)
	{
		int			n = (int) Min(store->n_blocks - start, ENTRIES);

		CHECK_FOR_INTERRUPTS();
		memset(entries, 0, sizeof(SharedBlock) * n);
		for (int i = 0; i < n; i++)
		{
			const RowBlock *block = &store->directory[start + i];

			entries[i].offset = block->offset == NOT_IN_FILE ? last : block->offset;
			entries[i].n_rows = block->n_rows;
			entries[i].stride = block->stride;
			entries[i].weighted = block->weighted;
			entries[i].narrow = block->narrow;
			entries[i].incomplete = block->incomplete;
		}
		if (gmm_rowspill_try_append(store->spill, entries, sizeof(SharedBlock) * n) < 0)
			return false;
	}
	return true;
}

/*
 * Make the rows of a store that is not empty readable by other processes,
 * until gmm_rowstore_unshare().  Returns false, and leaves things as they
 * were, where there is no place for that.
 */
bool
gmm_rowstore_share(GmmRowStore *store, GmmSharedRows *shared)
{
	int64		old_size = gmm_rowspill_file_size(store->spill);
	int64		last = NOT_IN_FILE;
	bool		done = copy_full_blocks(store);

	/* of use to workers alone, as the block may grow */
	store->unshared_size = gmm_rowspill_file_size(store->spill);
	if (done && last_block(store)->offset == NOT_IN_FILE)
	{
		last = copy_block(store, last_block(store));
		done = last >= 0;
	}
	shared->directory_offset = gmm_rowspill_file_size(store->spill);
	done = done && copy_directory(store, last);
	if (!done)
	{
		for (int64 number = 0; number < store->n_blocks; number++)
			if (store->directory[number].offset >= old_size)
				store->directory[number].offset = NOT_IN_FILE;
		gmm_rowspill_truncate(store->spill, old_size);
		return false;
	}

	shared->d = store->d;
	shared->n_labels = store->n_labels;
	shared->n_rows = store->n_rows;
	shared->n_blocks = store->n_blocks;
	strlcpy(shared->path, gmm_rowspill_file_path(store->spill), sizeof(shared->path));
	return true;
}

/* No other process reads the rows any more. */
void
gmm_rowstore_unshare(GmmRowStore *store)
{
	gmm_rowspill_truncate(store->spill, store->unshared_size);
}

/* Read the directory of rows that another process shares. */
static void
attach_directory(GmmRowStore *store, const GmmSharedRows *shared)
{
	SharedBlock entries[ENTRIES];

	store->directory = MemoryContextAllocHuge(CurrentMemoryContext,
											  sizeof(RowBlock) * (Size) store->n_blocks);
	for (int64 start = 0; start < store->n_blocks; start += ENTRIES)
	{
		int			n = (int) Min(store->n_blocks - start, ENTRIES);

		CHECK_FOR_INTERRUPTS();
		gmm_rowspill_read(store->spill,
						  shared->directory_offset + start * (int64) sizeof(SharedBlock),
						  entries, sizeof(SharedBlock) * n);
		for (int i = 0; i < n; i++)
		{
			RowBlock   *block = &store->directory[start + i];

			block->offset = entries[i].offset;
			block->chunk = NULL;
			block->weights = NULL;
			block->n_rows = entries[i].n_rows;
			block->stride = entries[i].stride;
			block->weighted = entries[i].weighted;
			block->narrow = entries[i].narrow;
			block->incomplete = entries[i].incomplete;
		}
	}
}

/* The rows that another process shares, to be read only. */
GmmRowStore *
gmm_rowstore_attach(const GmmSharedRows *shared)
{
	GmmRowStore *store = palloc0(sizeof(GmmRowStore));

	store->spill = gmm_rowspill_open(shared->path);
	store->d = shared->d;
	store->n_labels = shared->n_labels;
	store->columns = store->d + (store->n_labels > 0);
	store->n_rows = shared->n_rows;
	store->n_blocks = shared->n_blocks;
	store->keeps_read = true;
	attach_directory(store, shared);
	return store;
}
