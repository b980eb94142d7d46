/*
 * sample_private.h
 *	  What the files of this room share, and no other needs.
 */
#ifndef GMM_ENGINE_SAMPLE_PRIVATE_H
#define GMM_ENGINE_SAMPLE_PRIVATE_H

#include "engine/sample/sample.h"

/* Reports of a pass are made once in so many blocks. */
#define REPORT_BLOCKS 1024

/* Rows that a box may be in from the end of a feature, at most */
#define BEYOND_EXTREMES 20

/* beyond.c */
extern bool beyond_find(const double *rows, int64_t n, int d, int n_extremes,
						const FeatureRange *range, FeatureRange *box, const MixtureHost *host);
extern void beyond_mark(const MixtureBlock *block, int d, const FeatureRange *box, bool *far);

/* row_hashes.c */
extern void row_hashes_of_block(const MixtureBlock *block, int d, const FeatureRange *range,
								uint64_t seed, uint64_t *hashes);
extern void row_hashes_of_sample(Sample *sample, const FeatureRange *range, uint64_t seed,
								 const MixtureHost *host);

/* row_blocks.c */
extern void sample_make_blocks(Sample *sample, const MixtureHost *host);
extern void sample_release_blocks(Sample *sample, const MixtureHost *host);

#endif							/* GMM_ENGINE_SAMPLE_PRIVATE_H */
