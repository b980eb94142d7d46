/*
 * rowspill.h
 *	  What the row stores of one aggregate share: the memory allowed to them
 *	  and the temporary file beyond it.
 */
#ifndef GMM_ROWSPILL_H
#define GMM_ROWSPILL_H

typedef struct GmmRowSpill GmmRowSpill;

extern GmmRowSpill *gmm_rowspill_get(MemoryContext context);
extern GmmRowSpill *gmm_rowspill_open(const char *path);

extern void *gmm_rowspill_allocate(GmmRowSpill *pool, Size size);
extern void gmm_rowspill_release(GmmRowSpill *pool, void *chunk);
extern void *gmm_rowspill_carve(GmmRowSpill *pool, Size size);
extern void *gmm_rowspill_enlarge(GmmRowSpill *pool, void *chunk, Size size);
extern bool gmm_rowspill_has_room(const GmmRowSpill *pool, Size size);

extern int64 gmm_rowspill_file_size(const GmmRowSpill *pool);
extern const char *gmm_rowspill_file_path(const GmmRowSpill *pool);
extern int64 gmm_rowspill_append(GmmRowSpill *pool, const void *data, Size size);
extern int64 gmm_rowspill_try_append(GmmRowSpill *pool, const void *data, Size size);
extern void gmm_rowspill_truncate(GmmRowSpill *pool, int64 size);
extern void gmm_rowspill_read(GmmRowSpill *pool, int64 offset, void *data, Size size);
extern const char *gmm_rowspill_viewed(const GmmRowSpill *pool, int64 offset,
									   Size size);
extern const char *gmm_rowspill_view(GmmRowSpill *pool, int64 offset, Size size,
									 int64 end);

#endif							/* GMM_ROWSPILL_H */
