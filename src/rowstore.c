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
 * Only append() and read_block() know where a block is.  A block that is full
 * is never written again; that is where spilling it to a file belongs.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "rowstore.h"

#define FIRST_STRIDE		16
#define BLOCK_ALIGNMENT		64

StaticAssertDecl(FIRST_STRIDE % MIXTURE_LANES == 0 &&
				 MIXTURE_BLOCK_ROWS % FIRST_STRIDE == 0 &&
				 ((MIXTURE_BLOCK_ROWS / FIRST_STRIDE) &
				  (MIXTURE_BLOCK_ROWS / FIRST_STRIDE - 1)) == 0,
				 "doubling the first stride must lead to a full block");

typedef struct RowBlock
{
	int			n_rows;
	int			stride;
	double	   *features;		/* d x stride */
	double	   *weights;		/* stride, or NULL while all of them are 1 */
	void	   *features_chunk; /* what was allocated for features */
} RowBlock;

struct GmmRowStore
{
	MemoryContext context;
	int			d;
	int64		n_rows;
	int64		n_blocks;
	int64		directory_size;
	RowBlock   *directory;
};

/*
 * A new, empty store for rows of d features; it and all that it will hold
 * live in the given context.
 */
GmmRowStore *
gmm_rowstore_create(MemoryContext context, int d)
{
	GmmRowStore *store = MemoryContextAllocZero(context, sizeof(GmmRowStore));

	store->context = context;
	store->d = d;
	store->directory_size = 1;
	store->directory = MemoryContextAlloc(context, sizeof(RowBlock));
	return store;
}

int
gmm_rowstore_dimensions(const GmmRowStore *store)
{
	return store->d;
}

static void
allocate_features(GmmRowStore *store, RowBlock *block, int stride)
{
	Size		size = sizeof(double) * (Size) store->d * (Size) stride;

	/* At most MIXTURE_MAX_DIMENSIONS times MIXTURE_BLOCK_ROWS: no overflow */
	block->features_chunk = MemoryContextAlloc(store->context,
											   size + BLOCK_ALIGNMENT - 1);
	block->features = (double *) TYPEALIGN(BLOCK_ALIGNMENT,
										   block->features_chunk);
	block->stride = stride;
}

/* Fill the lanes of a feature that no row has taken. */
static inline void
pad_feature(double *feature, int n_rows, int stride)
{
	for (int i = n_rows; i < stride; i++)
		feature[i] = feature[0];
}

/* Begin a block with its first row. */
static void
begin_block(GmmRowStore *store, const double *row)
{
	RowBlock   *block;

	if (store->n_blocks == store->directory_size)
	{
		int64		size = store->directory_size * 2;

		if ((uint64) size > MaxAllocHugeSize / sizeof(RowBlock))
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("too many rows to fit a mixture to: " INT64_FORMAT,
							store->n_rows)));
		store->directory = repalloc_huge(store->directory,
										 sizeof(RowBlock) * (Size) size);
		store->directory_size = size;
	}

	block = &store->directory[store->n_blocks];
	block->n_rows = 0;
	block->weights = NULL;
	allocate_features(store, block,
					  store->n_blocks == 0 ? FIRST_STRIDE : MIXTURE_BLOCK_ROWS);
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
	void	   *old_chunk = block->features_chunk;
	int			old_stride = block->stride;

	allocate_features(store, block, old_stride * 2);
	for (int j = 0; j < store->d; j++)
	{
		double	   *feature = block->features + (Size) j * block->stride;

		memcpy(feature, old_features + (Size) j * old_stride,
			   sizeof(double) * block->n_rows);
		pad_feature(feature, block->n_rows, block->stride);
	}
	pfree(old_chunk);

	if (block->weights != NULL)
	{
		block->weights = repalloc(block->weights,
								  sizeof(double) * block->stride);
		for (int i = block->n_rows; i < block->stride; i++)
			block->weights[i] = 0.0;
	}
}

/* Give a block weights of its own: so far 1 for each row. */
static void
create_weights(GmmRowStore *store, RowBlock *block)
{
	block->weights = MemoryContextAlloc(store->context,
										sizeof(double) * block->stride);
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

/* Block number of the store, for the engine. */
static void
read_block(void *context, int64_t number, MixtureBlock *result)
{
	const GmmRowStore *store = context;
	const RowBlock *block = &store->directory[number];

	result->n_rows = block->n_rows;
	result->stride = block->stride;
	result->features = block->features;
	result->weights = block->weights != NULL ? block->weights :
		mixture_unit_weights(block->n_rows);
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
}
