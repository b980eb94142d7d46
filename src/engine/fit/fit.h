/*
 * fit.h
 *	  What a fit and the choice among several share.
 */
#ifndef GMM_ENGINE_FIT_H
#define GMM_ENGINE_FIT_H

#include "engine/search/search.h"

/* Rows of the sample that is searched, unless k or d are large */
#define FIT_SAMPLE_ROWS 15000

/* fit.c */
extern MixtureStatus search_prepare(Scales *scales, Sample *sample,
									const MixtureSource *source, int least_k, int most_k,
									bool matrix, const MixtureOptions *options,
									const MixtureHost *host, MixtureError *error);
extern void search_result(const Search *search, int64_t n_rows, MixtureFit *fit);

#endif							/* GMM_ENGINE_FIT_H */
