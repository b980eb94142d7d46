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

/* A row while the sample is being taken. */
typedef struct Entry
{
	uint64_t	hash;
	const double *row;
	double		weight;
	int			label;
	int			stratum;
	int			d;				/* the comparison has no other way to know */
} Entry;

/* The rows of one label, or without one; or those that are far. */
typedef struct Stratum
{
	int64_t		limit;			/* distinct ones that are wanted */
	int64_t		n;				/* that are kept */
	uint64_t	threshold;		/* hashes above this are not in the sample */
	uint64_t	last;			/* hash of the last that is kept */
	double		weight;			/* of all */
} Stratum;

/* The state of taking a sample. */
typedef struct Taking
{
	const MixtureHost *host;
	const MixtureSampling *sampling;
	Sample	   *sample;
	Entry	   *entries;
	double	   *spare;			/* capacity x d, for reordering */
	int64_t		n;
	int64_t		capacity;
	int			n_labels;
	int			n_strata;
	Stratum    *strata;			/* by label, and after these the far rows, if there are any */
	const FeatureRange *box;	/* beyond which rows are far, once that is known */
} Taking;

/* sample.c */
extern int	taking_compare(const void *left, const void *right);
extern void taking_join_equal(Taking *taking);
extern void taking_put_rows(Taking *taking);
extern bool taking_find_rows(const MixtureSource *source, const MixtureSampling *sampling,
							 MixtureSource *rows, const MixtureHost *host);
extern int	taking_label(const Taking *taking, const MixtureBlock *block, int row);

/* repeats.c */
extern void repeats_take(Taking *taking, const MixtureSource *source, const FeatureRange *box,
						 const MixtureHost *host);

/* row_hashes.c */
extern void row_hashes_of_block(const MixtureBlock *block, int d, const FeatureRange *range,
								uint64_t seed, uint64_t *hashes);
extern void row_hashes_of_sample(Sample *sample, const FeatureRange *range, uint64_t seed,
								 const MixtureHost *host);

/* row_blocks.c */
extern void sample_make_blocks(Sample *sample, const MixtureHost *host);
extern void sample_release_blocks(Sample *sample, const MixtureHost *host);

#endif							/* GMM_ENGINE_SAMPLE_PRIVATE_H */
