/*
 * sample.h
 *	  What a fit learns of the rows before it searches: their scales, and a
 *	  sample of them that can be read over and over.
 */
#ifndef GMM_ENGINE_SAMPLE_H
#define GMM_ENGINE_SAMPLE_H

#include "engine/core/core.h"

/* Rows as a source has them, block after block. */
typedef struct RowBlocks
{
	int			d;
	int64_t		n_rows;
	double	   *features;		/* d x n_rows, padded to whole vectors */
	double	   *weights;		/* n_rows, padded likewise */
	double	   *labels;			/* n_rows, padded likewise; or NULL */
} RowBlocks;

/* row_blocks.c */
extern int64_t sample_padded(int64_t n_rows);
extern void sample_block(void *blocks, int64_t number, MixtureBlock *block);
extern void sample_source(RowBlocks *blocks, MixtureSource *source);

/*
 * Distinct rows with their weights, each an equal chance of being here but for those that
 * are by themselves a large share of all, in an order that depends on their content alone,
 * those first that are far from others.
 * Rows are distinct that have different labels; those of a label have a chance of their
 * own, and their weights make up for it.
 */
typedef struct Sample
{
	int			d;
	int64_t		n_rows;			/* distinct ones */
	int64_t		n_distinct;		/* whatever their labels */
	int64_t		n_far;			/* the first of the rows: far from all but a few */
	bool		complete;		/* every row of the source is in it */
	double	   *rows;			/* n_rows x d; a missing feature is NaN, until
								 * sample_fill() */
	double	   *weights;		/* those of the blocks */
	int		   *labels;			/* n_rows, 0 where it is not known; or NULL */
	uint64_t   *hashes;			/* n_rows, for random choices among them */
	RowBlocks	blocks;			/* the same rows as a source has them */
	RowBlocks	observed;		/* and, if features are missing, as they are
								 * even after sample_fill() */
	MixtureSource source;		/* of rows as they are */
} Sample;

/* ranges.c */
extern void sample_scan_ranges(const MixtureSource *source, FeatureRange *range,
							   const MixtureHost *host);

/* sample.c */
extern void sample_take(Sample *sample, const MixtureSource *source,
						const double *center, const FeatureRange *range,
						int64_t limit, uint64_t seed, const MixtureHost *host);
extern void sample_none(Sample *sample, int d);
extern void sample_release(Sample *sample, const MixtureHost *host);

/* row_blocks.c */
extern void sample_copy_rows(const Sample *sample, const int64_t *numbers, RowBlocks *blocks,
							 const MixtureHost *host);
extern bool sample_has_gaps(const Sample *sample);
extern void sample_whole_rows(const Sample *sample, Sample *whole,
							  const MixtureHost *host);
extern void sample_reweigh(const Sample *sample, Sample *copy, const MixtureHost *host);

/* collinear.c */
extern bool collinear_possible(const double *covariance, int d, const MixtureHost *host);
extern double collinear_share(const Sample *sample, const double *variances,
							  const MixtureHost *host);

/* What is known of the rows before the first start. */
typedef struct Scales
{
	FeatureRange range;
	double	   *center;			/* what is subtracted from the rows, or NULL */
	MixtureParameters moments;	/* one component: mean and covariance */
	double	   *variances;		/* d: of a constant feature, what it is taken to have */
	double		reg_covar;		/* the floor's share of them, but for the least */
	double	   *floor;			/* d */
	double		variance;		/* mean of the features', for families that have one:
								 * a constant one has none there, unless all are */
	double	   *mean_floor;		/* d times its floor */
	double		sum_weights;
	double		n_rows;			/* rows, or their weight if that is more */
	double	   *box;			/* of noise, as a mixture has it; NULL: none */
} Scales;

/* donors.c */
extern void sample_fill(Sample *sample, const Scales *scales, const MixtureHost *host);

/* scales.c */
extern MixtureStatus scales_scan(Scales *scales, const MixtureSource *source,
								 const MixtureHost *host, MixtureError *error);
extern MixtureStatus scales_find(Scales *scales, const MixtureSource *source,
								 const double *center, bool matrix, double reg_covar,
								 const MixtureHost *host, MixtureError *error);
extern MixtureStatus scales_correlate(Scales *scales, const MixtureSource *source,
									  const double *center, const MixtureHost *host,
									  MixtureError *error);
extern void scales_raise_floor(Scales *scales, int d, double reg_covar);
extern const double *scales_floor(const Scales *scales, MixtureCovarianceType type);
extern MixturePrior *scales_prior(const Scales *scales, const MixtureOptions *options,
								  MixtureCovarianceType type, int k,
								  const MixtureHost *host);
extern void scales_enclose(Scales *scales, int d, const MixtureHost *host);
extern void scales_release(Scales *scales, const MixtureHost *host);
extern void scales_spread(const Scales *scales, bool along, double factor,
						  MixtureParameters *parameters);
extern void scales_single(const Scales *scales, MixtureParameters *single);

#endif							/* GMM_ENGINE_SAMPLE_H */
