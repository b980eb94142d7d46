/*
 * rowstore_private.h
 *	  What a row store is made of, for those who write it (rowstore.c) and
 *	  read it (rowreader.c).
 */
#ifndef GMM_ROWSTORE_PRIVATE_H
#define GMM_ROWSTORE_PRIVATE_H

#include "rows/rowspill.h"
#include "rows/rowstore.h"

#define BLOCK_ALIGNMENT		64

/* The offset of a block that is in memory only */
#define NOT_IN_FILE			(-1)

/*
 * A block is in memory or in the file or, where it has been shared, in both.
 * There are as many of these as blocks, so they are kept small.
 */
typedef struct RowBlock
{
	int64		offset;			/* in the temporary file, or NOT_IN_FILE */
	void	   *chunk;			/* in which its features, d x stride, lie, as
								 * double or as float; NULL if not in memory */
	double	   *weights;		/* stride; NULL while all of them are 1, too */
	uint16		n_rows;
	uint16		stride;
	bool		weighted;		/* some weight is not 1 */
	bool		narrow;			/* the features are float */
	bool		incomplete;		/* some of them are NULL: NaN */
} RowBlock;

struct GmmRowStore
{
	GmmRowSpill *spill;
	int			d;
	int			n_labels;		/* rows may have labels up to this; 0: none has */
	int			columns;		/* d, and one more for labels */
	int64		n_rows;
	int64		n_blocks;
	int64		directory_size;
	RowBlock   *directory;
	int64		unshared_size;	/* of the file, less what workers alone need */
	bool		keeps_read;		/* blocks stay in memory that have been read */
	bool		narrow;			/* every value so far is exact as a float */
};

/*
 * Bytes of a block's features, which lie together: a multiple of a double's, as
 * weights may follow.
 */
static inline Size
features_size(const GmmRowStore *store, int stride, bool narrow)
{
	/* At most MIXTURE_MAX_DIMENSIONS times MIXTURE_BLOCK_ROWS: no overflow */
	Size		n = (Size) store->columns * (Size) stride;

	return TYPEALIGN(sizeof(double), n * (narrow ? sizeof(float) : sizeof(double)));
}

static inline Size
block_features_size(const GmmRowStore *store, const RowBlock *block)
{
	return features_size(store, block->stride, block->narrow);
}

/* The features of a block in memory. */
static inline void *
block_features(const RowBlock *block)
{
	return (void *) TYPEALIGN(BLOCK_ALIGNMENT, block->chunk);
}

#endif							/* GMM_ROWSTORE_PRIVATE_H */
