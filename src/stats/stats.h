/*
 * stats.h
 *	  The gmm_stats datum: sufficient statistics of an E-step, with the
 *	  parameters that it was made with.
 *
 * The sums are about the means of those parameters and mean nothing without
 * them; statistics of different parameters cannot be added.
 *
 * A datum is flat (GmmStats) or, while an aggregate fills it, an expanded
 * object of stats_aggregates.c.  gmm_stats_view() reads both.
 */
#ifndef GMM_STATS_H
#define GMM_STATS_H

#include "model/model.h"

#define GMM_STATS_VERSION	1

#define GMM_STATS_NOISE		0x0002	/* in flags: the model has noise */

typedef struct GmmStats
{
	int32		vl_len_;		/* varlena header, not to be touched */
	uint8		version;
	uint8		covariance_type;	/* MixtureCovarianceType */
	uint16		flags;			/* GMM_STATS_NOISE */
	int32		k;
	int32		d;
	int64		n_rows;			/* of weight above 0 */
	int64		n_labelled;		/* of them, whose component was given */
	int32		names_size;		/* bytes of the names of features, or 0 */
	int32		reserved_too;	/* 0 */
	double		values[FLEXIBLE_ARRAY_MEMBER];	/* the sums, as in MixtureStats,
												 * then the values of the model,
												 * as in GmmModel, then the bytes
												 * of its GmmFeatureNames */
} GmmStats;

/* What statistics consist of, wherever it lies. */
typedef struct GmmStatsView
{
	MixtureParameters parameters;
	GmmFeatureNames names;		/* of the model's features */
	int64		n_rows;
	int64		n_labelled;
	MixtureStats sums;
} GmmStatsView;

/* The sums as the text form has them. */
typedef struct GmmSumsText
{
	int64		n_rows;
	int64		n_labelled;
	double		sum_weights;
	double		log_likelihood;
	double		log_density_squares;
	double		noise_sum;		/* of the noise's responsibilities */
	GmmArray	component_weights;
	GmmArray	firsts;
	GmmArray	seconds;
} GmmSumsText;

/* stats_value.c */
extern Size gmm_stats_size(MixtureCovarianceType type, int k, int d, bool noise,
						   int names_size);
extern void gmm_stats_place(GmmStats *stats, GmmStatsView *view);
extern void gmm_stats_init(GmmStats *stats, const GmmStatsView *view);
extern GmmStats *gmm_stats_make(const GmmStatsView *view);
extern void gmm_stats_view(Datum datum, GmmStatsView *view);
extern bool gmm_stats_check(const GmmStatsView *view, Node *escontext);
extern bool gmm_stats_same_model(const GmmStatsView *a, const GmmStatsView *b);
extern void gmm_stats_check_same_model(const GmmStatsView *a, const GmmStatsView *b);
extern void gmm_stats_check_range(const MixtureStats *sums);
extern void gmm_stats_count_rows(int64 *n_rows, int64 more);
extern GmmStats *gmm_stats_from_parts(const GmmModel *model, const GmmSumsText *text,
									  Node *escontext);
extern GmmModel *gmm_stats_step(const GmmStatsView *view, const GmmFeatureNames *names,
								const MixtureOptions *options);

/* stats_aggregates.c */
extern bool gmm_stats_view_expanded(Datum datum, GmmStatsView *view);

#define PG_RETURN_GMM_STATS(x)		PG_RETURN_POINTER(x)

#endif							/* GMM_STATS_H */
