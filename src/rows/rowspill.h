/*
 * rowspill.h
 *	  What the row stores of one aggregate share: the memory allowed to them
 *	  and the temporary file beyond it.
 */
#ifndef GMM_ROWSPILL_H
#define GMM_ROWSPILL_H

typedef struct GmmRowPool GmmRowPool;

extern GmmRowPool *gmm_rowpool_get(MemoryContext context);
extern GmmRowPool *gmm_rowpool_open(const char *path);

extern void *gmm_rowpool_allocate(GmmRowPool *pool, Size size);
extern void gmm_rowpool_release(GmmRowPool *pool, void *chunk);
extern void *gmm_rowpool_carve(GmmRowPool *pool, Size size);
extern void *gmm_rowpool_enlarge(GmmRowPool *pool, void *chunk, Size size);
extern bool gmm_rowpool_has_room(const GmmRowPool *pool, Size size);

extern int64 gmm_rowpool_file_size(const GmmRowPool *pool);
extern const char *gmm_rowpool_file_path(const GmmRowPool *pool);
extern int64 gmm_rowpool_append(GmmRowPool *pool, const void *data, Size size);
extern int64 gmm_rowpool_try_append(GmmRowPool *pool, const void *data, Size size);
extern void gmm_rowpool_truncate(GmmRowPool *pool, int64 size);
extern void gmm_rowpool_read(GmmRowPool *pool, int64 offset, void *data, Size size);
extern const char *gmm_rowpool_viewed(const GmmRowPool *pool, int64 offset,
									  Size size);
extern const char *gmm_rowpool_view(GmmRowPool *pool, int64 offset, Size size,
									int64 end);

#endif							/* GMM_ROWSPILL_H */
