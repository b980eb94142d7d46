/*
 * sample_private.h
 *	  What the files of this room share, and no other needs.
 */
#ifndef GMM_ENGINE_SAMPLE_PRIVATE_H
#define GMM_ENGINE_SAMPLE_PRIVATE_H

#include "engine/sample/sample.h"

/* row_blocks.c */
extern void sample_fill_blocks(Sample *sample, const MixtureHost *host);

/* sample_parts.c */
extern bool sample_has_missing(const Sample *sample);
extern void sample_make_parts(Sample *sample, const MixtureHost *host);
extern void sample_release_parts(Sample *sample, const MixtureHost *host);

#endif							/* GMM_ENGINE_SAMPLE_PRIVATE_H */
