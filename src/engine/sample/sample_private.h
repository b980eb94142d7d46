/*
 * sample_private.h
 *	  What the files of this room share, and no other needs.
 */
#ifndef GMM_ENGINE_SAMPLE_PRIVATE_H
#define GMM_ENGINE_SAMPLE_PRIVATE_H

#include "engine/sample/sample.h"

/* row_blocks.c */
extern void sample_make_blocks(Sample *sample, const MixtureHost *host);
extern void sample_release_blocks(Sample *sample, const MixtureHost *host);

#endif							/* GMM_ENGINE_SAMPLE_PRIVATE_H */
