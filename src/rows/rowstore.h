/*
 * rowstore.h
 *	  The rows of one group, in blocks as the engine reads them.
 */
#ifndef GMM_ROWSTORE_H
#define GMM_ROWSTORE_H

#include "engine/engine.h"

typedef struct GmmRowStore GmmRowStore;

/* Where another process finds the rows of a store. */
typedef struct GmmSharedRows
{
	int			d;
	int			n_labels;
	int64		n_rows;
	int64		n_blocks;
	int64		directory_offset;	/* in the file */
	char		path[MAXPGPATH];	/* of the file */
} GmmSharedRows;

/* rowstore.c */
extern GmmRowStore *gmm_rowstore_create(MemoryContext context, int d, int n_labels);
extern int	gmm_rowstore_dimensions(const GmmRowStore *store);
extern void gmm_rowstore_append(GmmRowStore *store, const double *row,
								const uint8 *observed, int label, double weight);

/* rowreader.c */
extern void gmm_rowstore_source(GmmRowStore *store, MixtureSource *source);

/* rowstore.c */
extern bool gmm_rowstore_share(GmmRowStore *store, GmmSharedRows *shared);
extern void gmm_rowstore_unshare(GmmRowStore *store);
extern GmmRowStore *gmm_rowstore_attach(const GmmSharedRows *shared);

#endif							/* GMM_ROWSTORE_H */
