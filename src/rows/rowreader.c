/*
 * rowreader.c
 *	  The rows of a store, as the engine reads them.
 *
 * As long as there is no NULL, the blocks of the store are those of the
 * engine, in their order; blocks of floats are made doubles as they are read.
 * With NULLs, the reader has an order of its own:
 *
 *	- Blocks of one pattern follow each other, since the engine does some
 *	  algebra at each change.
 *	- Blocks that had to be closed before they were full, for want of memory,
 *	  are pieces, and several of them, up to MIXTURE_BLOCK_ROWS rows, are one
 *	  block of the engine, put together when it is read.  So the engine reads
 *	  the same blocks whatever memory there was, and finds the same to the last
 *	  bit.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "rows/rowstore.h"
#include "rows/rowstore_private.h"

/* Blocks that are read from the file at once, at the most */
#define MAX_READ_BLOCKS		64

#define NO_PATTERN			(-1)

typedef struct RowReader
{
	GmmRowStore *store;
	int64	   *sequence;		/* n_blocks numbers, or NULL for 0, 1, 2, ... */
	int64	   *starts;			/* where in that the engine's blocks begin, and
								 * the last one ends; NULL likewise */
	int		   *order;			/* d, of the pattern `order_of` */
	int			order_of;
	double	   *features;		/* of a block put together or made doubles; NULL
								 * till needed */
	double	   *weights;
} RowReader;

/* The number of the block at a place of the sequence. */
static inline int64
number_at(const RowReader *reader, int64 place)
{
	return reader->sequence == NULL ? place : reader->sequence[place];
}

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
readable_end(const RowReader *reader, int64 place)
{
	const GmmRowStore *store = reader->store;
	const RowBlock *block = &store->directory[number_at(reader, place)];
	int64		end = block->offset + (int64) block_size(store, block);

	for (int64 next = place + 1;
		 next < store->n_blocks && next < place + MAX_READ_BLOCKS; next++)
	{
		block = &store->directory[number_at(reader, next)];
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
	char	   *kept = gmm_rowpool_carve(store->pool, size);

	if (kept == NULL)
		return;
	memcpy(kept, read, size);
	block->chunk = kept;
	if (block->weighted)
		block->weights = (double *) (kept + block_features_size(store, block));
}

/*
 * The block at a place of the sequence.  Returns its features, of double or of
 * float, and in *weights its weights, or NULL if all are 1; valid until the next
 * call.
 */
static const void *
get_block(const RowReader *reader, int64 place, const double **weights)
{
	GmmRowStore *store = reader->store;
	RowBlock   *block = &store->directory[number_at(reader, place)];

	if (block->chunk == NULL)
	{
		Size		size = block_size(store, block);
		const char *view = gmm_rowpool_viewed(store->pool, block->offset, size);

		if (view == NULL)
			view = gmm_rowpool_view(store->pool, block->offset, size,
									readable_end(reader, place));
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

/* The reader's own memory for the features and weights of a block. */
static void
allocate_buffers(RowReader *reader)
{
	MemoryContext context = GetMemoryChunkContext(reader);
	Size		size = sizeof(double) * MIXTURE_BLOCK_ROWS * (Size) reader->store->d;
	char	   *chunk;

	if (reader->features != NULL)
		return;
	reader->weights = MemoryContextAlloc(context, sizeof(double) * MIXTURE_BLOCK_ROWS);
	chunk = MemoryContextAllocHuge(context, size + BLOCK_ALIGNMENT - 1);
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

/* Put the blocks from one place to another together in the reader's memory. */
static void
join_blocks(RowReader *reader, int64 place, int64 end, MixtureBlock *result)
{
	const GmmRowStore *store = reader->store;
	int			n_observed = store->patterns[store->directory[number_at(reader, place)].pattern].n_observed;
	int			n_rows = 0;

	allocate_buffers(reader);
	for (; place < end; place++)
	{
		const RowBlock *block = &store->directory[number_at(reader, place)];
		const double *weights;
		const void *features = get_block(reader, place, &weights);

		for (int j = 0; j < n_observed; j++)
		{
			double	   *target = reader->features + (Size) j * MIXTURE_BLOCK_ROWS + n_rows;
			Size		source = (Size) j * block->stride;

			if (block->narrow)
				for (int i = 0; i < block->n_rows; i++)
					target[i] = ((const float *) features)[source + i];
			else
				memcpy(target, (const double *) features + source,
					   sizeof(double) * block->n_rows);
		}
		for (int i = 0; i < block->n_rows; i++)
			reader->weights[n_rows + i] = weights == NULL ? 1.0 : weights[i];
		n_rows += block->n_rows;
	}

	result->n_rows = n_rows;
	result->stride = TYPEALIGN(MIXTURE_LANES, n_rows);
	for (int i = n_rows; i < result->stride; i++)
		reader->weights[i] = 0.0;
	for (int j = 0; j < n_observed; j++)
	{
		double	   *feature = reader->features + (Size) j * result->stride;

		if (j > 0)
			memmove(feature, reader->features + (Size) j * MIXTURE_BLOCK_ROWS,
					sizeof(double) * n_rows);
		for (int i = n_rows; i < result->stride; i++)
			feature[i] = feature[0];
	}
	result->features = reader->features;
	result->weights = reader->weights;
}

/* Say which features a block of this pattern has. */
static void
set_order(RowReader *reader, int pattern, MixtureBlock *result)
{
	const GmmRowStore *store = reader->store;

	if (pattern == GMM_PATTERN_COMPLETE)
		return;
	if (pattern != reader->order_of)
		gmm_patterns_order(store->nulls, pattern, reader->order);
	reader->order_of = pattern;
	result->order = reader->order;
	result->n_observed = store->patterns[pattern].n_observed;
}

/* Block number of the rows, for the engine. */
static void
read_block(void *context, int64_t number, MixtureBlock *result)
{
	RowReader  *reader = context;
	int64		place = reader->starts == NULL ? number : reader->starts[number];
	int64		end = reader->starts == NULL ? number + 1 : reader->starts[number + 1];
	const RowBlock *block = &reader->store->directory[number_at(reader, place)];
	const void *features;

	set_order(reader, block->pattern, result);
	if (end > place + 1 || block->stride % MIXTURE_LANES != 0)
	{
		join_blocks(reader, place, end, result);
		return;
	}
	result->n_rows = block->n_rows;
	result->stride = block->stride;
	features = get_block(reader, place, &result->weights);
	if (block->narrow)
	{
		allocate_buffers(reader);
		expand(reader->features, features,
			   (Size) reader->store->patterns[block->pattern].n_observed * block->stride);
		features = reader->features;
	}
	result->features = features;
	if (result->weights == NULL)
		result->weights = mixture_unit_weights(block->n_rows);
}

/* Put the blocks into the order of their patterns; among these they keep theirs. */
static void
make_sequence(RowReader *reader)
{
	const GmmRowStore *store = reader->store;
	int			count = n_patterns(store);
	int64	   *places = MemoryContextAllocHuge(CurrentMemoryContext,
												sizeof(int64) * ((Size) count + 1));

	reader->sequence = MemoryContextAllocHuge(CurrentMemoryContext,
											  sizeof(int64) * (Size) store->n_blocks);
	memset(places, 0, sizeof(int64) * ((Size) count + 1));
	for (int64 number = 0; number < store->n_blocks; number++)
		places[store->directory[number].pattern + 1]++;
	for (int pattern = 0; pattern < count; pattern++)
		places[pattern + 1] += places[pattern];
	for (int64 number = 0; number < store->n_blocks; number++)
		reader->sequence[places[store->directory[number].pattern]++] = number;
	pfree(places);
}

/* Find where the engine's blocks begin; returns how many there are. */
static int64
make_starts(RowReader *reader)
{
	const GmmRowStore *store = reader->store;
	int64		n = 0;
	int			pattern = NO_PATTERN;
	int			n_rows = 0;

	reader->starts = MemoryContextAllocHuge(CurrentMemoryContext,
											sizeof(int64) * ((Size) store->n_blocks + 1));
	for (int64 place = 0; place < store->n_blocks; place++)
	{
		const RowBlock *block = &store->directory[number_at(reader, place)];

		if (block->pattern != pattern || n_rows == MIXTURE_BLOCK_ROWS)
		{
			reader->starts[n++] = place;
			pattern = block->pattern;
			n_rows = 0;
		}
		n_rows += block->n_rows;
		Assert(n_rows <= MIXTURE_BLOCK_ROWS);
	}
	reader->starts[n] = store->n_blocks;
	return n;
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
	source->n_rows = store->n_rows;
	source->n_blocks = store->n_blocks;
	source->context = reader;
	source->block = read_block;
	source->pass = NULL;
	if (store->nulls == NULL)
		return;
	reader->order = palloc(sizeof(int) * (Size) store->d);
	reader->order_of = NO_PATTERN;
	make_sequence(reader);
	source->n_blocks = make_starts(reader);
}
