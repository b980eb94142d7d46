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

extern void *gmm_rowspill_allocate(GmmRowSpill *spill, Size size);
extern void gmm_rowspill_release(GmmRowSpill *spill, void *chunk);
extern void *gmm_rowspill_carve(GmmRowSpill *spill, Size size);
extern void *gmm_rowspill_enlarge(GmmRowSpill *spill, void *chunk, Size size);
extern bool gmm_rowspill_has_room(const GmmRowSpill *spill, Size size);

extern int64 gmm_rowspill_file_size(const GmmRowSpill *spill);
extern const char *gmm_rowspill_file_path(const GmmRowSpill *spill);
extern int64 gmm_rowspill_append(GmmRowSpill *spill, const void *data, Size size);
extern int64 gmm_rowspill_try_append(GmmRowSpill *spill, const void *data, Size size);
extern void gmm_rowspill_truncate(GmmRowSpill *spill, int64 size);
extern void gmm_rowspill_read(GmmRowSpill *spill, int64 offset, void *data, Size size);
extern const char *gmm_rowspill_viewed(const GmmRowSpill *spill, int64 offset,
									   Size size);
extern const char *gmm_rowspill_view(GmmRowSpill *spill, int64 offset, Size size,
									 int64 end);

#endif							/* GMM_ROWSPILL_H */
