/*
 * rowreader.c
 *	  The rows of a store, as the engine reads them.
 *
 * The blocks of the store are those of the engine, in their order; blocks of
 * floats are made doubles as they are read.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "rows/rowstore.h"
#include "rows/rowstore_private.h"

/* Blocks that are read from the file at once, at the most */
#define MAX_READ_BLOCKS		64

typedef struct RowReader
{
	GmmRowStore *store;
	double	   *features;		/* of a block made doubles; NULL till needed */
} RowReader;

/* The size of a block in the file. */
static Size
block_size(const GmmRowStore *store, const RowBlock *block)
{
	return block_features_size(store, block) +
		(block->weighted ? sizeof(double) * block->stride : 0);
}

/*
 * Where in the file ends what may be read along with a block: its successors,
 * as far as they lie one behind the other.
 */
static int64
readable_end(const GmmRowStore *store, int64 number)
{
	const RowBlock *block = &store->directory[number];
	int64		end = block->offset + (int64) block_size(store, block);

	for (int64 next = number + 1;
		 next < store->n_blocks && next < number + MAX_READ_BLOCKS; next++)
	{
		block = &store->directory[next];
		if (block->offset != end)
			break;
		end += block_size(store, block);
	}
	return end;
}

/*
 * Keep in memory a block that has been read, if there is room: the next pass
 * will want it again.
 */
static void
keep_block(GmmRowStore *store, RowBlock *block, const char *read)
{
	Size		size = block_size(store, block);
	char	   *kept = gmm_rowspill_carve(store->spill, size);

	if (kept == NULL)
		return;
	memcpy(kept, read, size);
	block->chunk = kept;
	if (block->weighted)
		block->weights = (double *) (kept + block_features_size(store, block));
}

/*
 * A block's features, of double or of float, and in *weights its weights, or NULL
 * if all are 1; valid until the next call.
 */
static const void *
get_block(GmmRowStore *store, int64 number, const double **weights)
{
	RowBlock   *block = &store->directory[number];

	if (block->chunk == NULL)
	{
		Size		size = block_size(store, block);
		const char *view = gmm_rowspill_viewed(store->spill, block->offset, size);

		if (view == NULL)
			view = gmm_rowspill_view(store->spill, block->offset, size,
									 readable_end(store, number));
		if (store->keeps_read)
			keep_block(store, block, view);
		if (block->chunk == NULL)
		{
			*weights = block->weighted ? (const double *)
				(view + block_features_size(store, block)) : NULL;
			return view;
		}
	}
	*weights = block->weights;
	return block_features(block);
}

/* The reader's own memory for the features of a block. */
static void
allocate_buffer(RowReader *reader)
{
	Size		size = sizeof(double) * MIXTURE_BLOCK_ROWS * (Size) reader->store->columns;
	char	   *chunk;

	if (reader->features != NULL)
		return;
	chunk = MemoryContextAllocHuge(GetMemoryChunkContext(reader),
								   size + BLOCK_ALIGNMENT - 1);
	reader->features = (double *) TYPEALIGN(BLOCK_ALIGNMENT, chunk);
}

/* Make doubles of n floats, a multiple of MIXTURE_LANES. */
static void
expand(double *restrict target, const float *restrict source, Size n)
{
	/* in pieces of a known size, which compilers make vectors of */
	for (Size i = 0; i < n; i += MIXTURE_LANES)
		for (int lane = 0; lane < MIXTURE_LANES; lane++)
			target[i + lane] = source[i + lane];
}

/* Block number of the rows, for the engine. */
static void
read_block(void *context, int64_t number, MixtureBlock *result)
{
	RowReader  *reader = context;
	GmmRowStore *store = reader->store;
	const RowBlock *block = &store->directory[number];
	const void *features;

	result->n_rows = block->n_rows;
	result->stride = block->stride;
	result->incomplete = block->incomplete;
	features = get_block(store, number, &result->weights);
	if (block->narrow)
	{
		allocate_buffer(reader);
		expand(reader->features, features, (Size) store->columns * block->stride);
		features = reader->features;
	}
	result->features = features;
	if (store->n_labels > 0)
		result->labels = result->features + (Size) store->d * block->stride;
	if (result->weights == NULL)
		result->weights = mixture_unit_weights(block->n_rows);
}

/*
 * The store as the engine's source of rows.  It stays valid until the next
 * append; what it needs is allocated in the current memory context.
 */
void
gmm_rowstore_source(GmmRowStore *store, MixtureSource *source)
{
	RowReader  *reader = palloc0(sizeof(RowReader));

	reader->store = store;
	source->d = store->d;
	source->n_labels = store->n_labels;
	source->label_weights = NULL;
	source->n_rows = store->n_rows;
	source->n_blocks = store->n_blocks;
	source->context = reader;
	source->block = read_block;
	source->pass = NULL;
}
