/*
 * rowstore.h
 *	  The rows of one group, in blocks as the engine reads them.
 */
#ifndef GMM_ROWSTORE_H
#define GMM_ROWSTORE_H

#include "engine/engine.h"

typedef struct GmmRowStore GmmRowStore;

extern GmmRowStore *gmm_rowstore_create(MemoryContext context, int d);
extern int	gmm_rowstore_dimensions(const GmmRowStore *store);
extern void gmm_rowstore_append(GmmRowStore *store, const double *row,
								double weight);
extern void gmm_rowstore_source(GmmRowStore *store, MixtureSource *source);

#endif							/* GMM_ROWSTORE_H */
