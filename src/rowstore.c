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
 * A store is readable after every append: lanes that no row has taken yet
 * hold a copy of the block's first row and weight 0 from the beginning.
 * Reading therefore changes nothing, as a final function that is run many
 * times (window frames, shared state) requires.
 *
 * A block that is full is never written again.  When the pool of the store
 * has no memory for another block, the full one before it goes to the pool's
 * file, features and then weights, and the new one takes its place.  What
 * filled the memory before stays there: a fit reads the blocks in a cycle, and
 * of a cycle any part is as good to keep as any other.
 *
 * Worker processes read rows from the file, too.  For them gmm_rowstore_share()
 * copies there what is in memory only, with a directory behind it, and
 * gmm_rowstore_attach() makes a store of that.
 *
 * Only append() and read_block() know where a block is.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "rowpool.h"
#include "rowstore.h"

#define FIRST_STRIDE		16
#define BLOCK_ALIGNMENT		64

/* Blocks that are read from the file at once, at the most */
#define MAX_READ_BLOCKS		64

StaticAssertDecl(FIRST_STRIDE % MIXTURE_LANES == 0 &&
				 MIXTURE_BLOCK_ROWS % FIRST_STRIDE == 0 &&
				 ((MIXTURE_BLOCK_ROWS / FIRST_STRIDE) &
				  (MIXTURE_BLOCK_ROWS / FIRST_STRIDE - 1)) == 0,
				 "doubling the first stride must lead to a full block");

/* The offset of a block that is in memory only */
#define NOT_IN_FILE			(-1)

/*
 * A block is in memory or in the file or, where it has been shared, in both.
 * There are as many of these as blocks, so they are kept small.
 */
typedef struct RowBlock
{
	int64		offset;			/* in the pool's file, or NOT_IN_FILE */
	double	   *features;		/* d x stride, or NULL if not in memory */
	double	   *weights;		/* stride; NULL while all of them are 1, too */
	uint16		n_rows;
	uint16		stride;
	bool		weighted;		/* some weight is not 1 */
} RowBlock;

/* What a worker process needs to know of a block: an entry in the file. */
typedef struct SharedBlock
{
	int64		offset;
	uint16		n_rows;
	uint16		stride;
	uint16		weighted;
	uint16		unused;			/* so that no byte is written undefined */
} SharedBlock;

/* Entries that are written or read at once */
#define ENTRIES				512

struct GmmRowStore
{
	GmmRowPool *pool;
	int			d;
	int64		n_rows;
	int64		n_blocks;
	int64		directory_size;
	RowBlock   *directory;
	void	   *last_chunk;		/* what was allocated for the last features */
	int64		unshared_size;	/* of the file, less what workers alone need */
};

/*
 * A new, empty store for rows of d features; it and all that it will hold
 * live in the given context.
 */
GmmRowStore *
gmm_rowstore_create(MemoryContext context, int d)
{
	GmmRowPool *pool = gmm_rowpool_get(context);
	GmmRowStore *store = gmm_rowpool_allocate(pool, sizeof(GmmRowStore));

	store->pool = pool;
	store->d = d;
	store->n_rows = 0;
	store->n_blocks = 0;
	store->directory_size = 1;
	store->directory = gmm_rowpool_allocate(pool, sizeof(RowBlock));
	store->last_chunk = NULL;
	store->unshared_size = 0;
	return store;
}

int
gmm_rowstore_dimensions(const GmmRowStore *store)
{
	return store->d;
}

/* Bytes of a block's features, which lie together. */
static Size
features_size(const GmmRowStore *store, int stride)
{
	/* At most MIXTURE_MAX_DIMENSIONS times MIXTURE_BLOCK_ROWS: no overflow */
	return sizeof(double) * (Size) store->d * (Size) stride;
}

static void
allocate_features(GmmRowStore *store, RowBlock *block, int stride)
{
	store->last_chunk = gmm_rowpool_allocate(store->pool,
											 features_size(store, stride) +
											 BLOCK_ALIGNMENT - 1);
	block->features = (double *) TYPEALIGN(BLOCK_ALIGNMENT, store->last_chunk);
	block->stride = stride;
}

/* Fill the lanes of a feature that no row has taken. */
static inline void
pad_feature(double *feature, int n_rows, int stride)
{
	for (int i = n_rows; i < stride; i++)
		feature[i] = feature[0];
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
	store->directory = gmm_rowpool_enlarge(store->pool, store->directory,
										   sizeof(RowBlock) * (Size) size);
	store->directory_size = size;
}

/*
 * Write a full block to the file, if it is not there from having been shared,
 * and forget its memory.
 */
static void
spill_block(GmmRowStore *store, RowBlock *block)
{
	Size		size = features_size(store, block->stride);

	if (block->offset == NOT_IN_FILE)
	{
		int64		offset = gmm_rowpool_append(store->pool, block->features, size);

		if (block->weighted)
			gmm_rowpool_append(store->pool, block->weights,
							   sizeof(double) * block->stride);
		block->offset = offset;
	}
	block->features = NULL;
	if (block->weights != NULL)
		gmm_rowpool_release(store->pool, block->weights);
	block->weights = NULL;
}

/*
 * Find memory for the features of a new block: the pool's, or that of the
 * block before it.
 */
static void
place_block(GmmRowStore *store, RowBlock *block)
{
	int			stride = store->n_blocks == 0 ? FIRST_STRIDE : MIXTURE_BLOCK_ROWS;

	if (store->n_blocks > 0 &&
		!gmm_rowpool_has_room(store->pool, features_size(store, stride)))
	{
		double	   *features = block[-1].features;

		spill_block(store, &block[-1]);
		block->features = features;
		block->stride = stride;
	}
	else
		allocate_features(store, block, stride);
}

/* Begin a block with its first row. */
static void
begin_block(GmmRowStore *store, const double *row)
{
	RowBlock   *block;

	if (store->n_blocks == store->directory_size)
		enlarge_directory(store);

	block = &store->directory[store->n_blocks];
	block->offset = NOT_IN_FILE;
	block->n_rows = 0;
	block->weights = NULL;
	block->weighted = false;
	place_block(store, block);
	for (int j = 0; j < store->d; j++)
	{
		double	   *feature = block->features + (Size) j * block->stride;

		feature[0] = row[j] + 0.0;
		pad_feature(feature, 1, block->stride);
	}
	store->n_blocks++;
}

/* Double the lanes of a block, all of which are taken. */
static void
widen_block(GmmRowStore *store, RowBlock *block)
{
	double	   *old_features = block->features;
	void	   *old_chunk = store->last_chunk;
	int			old_stride = block->stride;

	allocate_features(store, block, old_stride * 2);
	for (int j = 0; j < store->d; j++)
	{
		double	   *feature = block->features + (Size) j * block->stride;

		memcpy(feature, old_features + (Size) j * old_stride,
			   sizeof(double) * block->n_rows);
		pad_feature(feature, block->n_rows, block->stride);
	}
	gmm_rowpool_release(store->pool, old_chunk);

	if (block->weights != NULL)
	{
		block->weights = gmm_rowpool_enlarge(store->pool, block->weights,
											 sizeof(double) * block->stride);
		for (int i = block->n_rows; i < block->stride; i++)
			block->weights[i] = 0.0;
	}
}

/* Give a block weights of its own: so far 1 for each row. */
static void
create_weights(GmmRowStore *store, RowBlock *block)
{
	block->weights = gmm_rowpool_allocate(store->pool,
										  sizeof(double) * block->stride);
	block->weighted = true;
	for (int i = 0; i < block->stride; i++)
		block->weights[i] = i < block->n_rows ? 1.0 : 0.0;
}

/*
 * Append a row of d finite values with a finite weight above 0.  Nothing of
 * row is kept.
 */
void
gmm_rowstore_append(GmmRowStore *store, const double *row, double weight)
{
	RowBlock   *block = NULL;

	if (store->n_blocks > 0)
		block = &store->directory[store->n_blocks - 1];

	if (block == NULL || block->n_rows == MIXTURE_BLOCK_ROWS)
	{
		begin_block(store, row);
		block = &store->directory[store->n_blocks - 1];
	}
	else if (block->n_rows == block->stride)
		widen_block(store, block);

	/*
	 * Adding 0 makes 0 of -0: they are equal in SQL, and random choices hang
	 * on a hash of the bits.
	 */
	for (int j = 0; j < store->d; j++)
		block->features[(Size) j * block->stride + block->n_rows] = row[j] + 0.0;

	if (weight != 1.0 && block->weights == NULL)
		create_weights(store, block);
	if (block->weights != NULL)
		block->weights[block->n_rows] = weight;

	block->n_rows++;
	store->n_rows++;
}

/* The size of a block in the file. */
static Size
block_size(const GmmRowStore *store, const RowBlock *block)
{
	return features_size(store, block->stride) +
		(block->weighted ? sizeof(double) * block->stride : 0);
}

/*
 * Where in the file ends what may be read along with a block: its successors,
 * as far as they lie one behind the other.
 */
static int64
readable_end(const GmmRowStore *store, int64 number)
{
	int64		end = store->directory[number].offset +
		(int64) block_size(store, &store->directory[number]);

	for (int64 next = number + 1;
		 next < store->n_blocks && next < number + MAX_READ_BLOCKS &&
		 store->directory[next].offset == end; next++)
		end += block_size(store, &store->directory[next]);
	return end;
}

/* Block number of the store, for the engine. */
static void
read_block(void *context, int64_t number, MixtureBlock *result)
{
	const GmmRowStore *store = context;
	const RowBlock *block = &store->directory[number];

	result->n_rows = block->n_rows;
	result->stride = block->stride;
	result->features = block->features;
	result->weights = block->weights;
	if (block->features == NULL)
	{
		Size		size = block_size(store, block);
		const char *view = gmm_rowpool_viewed(store->pool, block->offset, size);

		if (view == NULL)
			view = gmm_rowpool_view(store->pool, block->offset, size,
									readable_end(store, number));
		result->features = (const double *) view;
		if (block->weighted)
			result->weights = (const double *)
				(view + features_size(store, block->stride));
	}
	if (result->weights == NULL)
		result->weights = mixture_unit_weights(block->n_rows);
}

/*
 * The store as the engine's source of rows.  It stays valid until the next
 * append.
 */
void
gmm_rowstore_source(GmmRowStore *store, MixtureSource *source)
{
	source->d = store->d;
	source->n_rows = store->n_rows;
	source->n_blocks = store->n_blocks;
	source->context = store;
	source->block = read_block;
	source->pass = NULL;
	source->is_sample = false;
}

/* Copy a block to the file; -1 if that cannot be done. */
static int64
copy_block(GmmRowStore *store, const RowBlock *block)
{
	int64		offset = gmm_rowpool_try_append(store->pool, block->features,
												features_size(store, block->stride));

	if (offset >= 0 && block->weighted &&
		gmm_rowpool_try_append(store->pool, block->weights,
							   sizeof(double) * block->stride) < 0)
		return -1;
	return offset;
}

/* Copy to the file every full block that is not there. */
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
 * Copy the last block to the file, if it is not full, and then a directory.
 * Neither is of use to this process, which will still change them.
 */
static bool
copy_directory(GmmRowStore *store, GmmSharedRows *shared)
{
	SharedBlock entries[ENTRIES];
	const RowBlock *last = &store->directory[store->n_blocks - 1];
	int64		last_offset = last->offset;

	if (last_offset == NOT_IN_FILE)
		last_offset = copy_block(store, last);
	if (last_offset < 0)
		return false;

	shared->directory_offset = gmm_rowpool_file_size(store->pool);
	for (int64 start = 0; start < store->n_blocks; start += ENTRIES)
	{
		int			n = (int) Min(store->n_blocks - start, ENTRIES);

		for (int i = 0; i < n; i++)
		{
			const RowBlock *block = &store->directory[start + i];

			entries[i].offset = block == last ? last_offset : block->offset;
			entries[i].n_rows = block->n_rows;
			entries[i].stride = block->stride;
			entries[i].weighted = block->weighted;
			entries[i].unused = 0;
		}
		if (gmm_rowpool_try_append(store->pool, entries, sizeof(SharedBlock) * n) < 0)
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
	int64		old_size = gmm_rowpool_file_size(store->pool);
	bool		done = copy_full_blocks(store);

	store->unshared_size = gmm_rowpool_file_size(store->pool);
	done = done && copy_directory(store, shared);
	if (!done)
	{
		for (int64 number = 0; number < store->n_blocks; number++)
			if (store->directory[number].offset >= old_size)
				store->directory[number].offset = NOT_IN_FILE;
		gmm_rowpool_truncate(store->pool, old_size);
		return false;
	}

	shared->d = store->d;
	shared->n_rows = store->n_rows;
	shared->n_blocks = store->n_blocks;
	strlcpy(shared->path, gmm_rowpool_file_path(store->pool), sizeof(shared->path));
	return true;
}

/* No other process reads the rows any more. */
void
gmm_rowstore_unshare(GmmRowStore *store)
{
	gmm_rowpool_truncate(store->pool, store->unshared_size);
}

/* The rows that another process shares, to be read only. */
GmmRowStore *
gmm_rowstore_attach(const GmmSharedRows *shared)
{
	SharedBlock entries[ENTRIES];
	GmmRowStore *store = palloc0(sizeof(GmmRowStore));

	store->pool = gmm_rowpool_open(shared->path);
	store->d = shared->d;
	store->n_rows = shared->n_rows;
	store->n_blocks = shared->n_blocks;
	store->directory = MemoryContextAllocHuge(CurrentMemoryContext,
											  sizeof(RowBlock) * (Size) store->n_blocks);
	for (int64 start = 0; start < store->n_blocks; start += ENTRIES)
	{
		int			n = (int) Min(store->n_blocks - start, ENTRIES);

		CHECK_FOR_INTERRUPTS();
		gmm_rowpool_read(store->pool,
						 shared->directory_offset + start * (int64) sizeof(SharedBlock),
						 entries, sizeof(SharedBlock) * n);
		for (int i = 0; i < n; i++)
		{
			RowBlock   *block = &store->directory[start + i];

			block->offset = entries[i].offset;
			block->features = NULL;
			block->weights = NULL;
			block->n_rows = entries[i].n_rows;
			block->stride = entries[i].stride;
			block->weighted = entries[i].weighted;
		}
	}
	return store;
}
