/*
 * sketch_private.h
 *	  What makes a sketch in memory an expanded object.
 */
#ifndef GMM_SKETCH_PRIVATE_H
#define GMM_SKETCH_PRIVATE_H

#include "sketch/sketch.h"

/* sketch_value.c */
extern void gmm_sketch_init_header(GmmSketch *sketch, MemoryContext context);

#endif							/* GMM_SKETCH_PRIVATE_H */
