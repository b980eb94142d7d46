/*
 * core.h
 *	  Mixtures as numbers: parameters, sufficient statistics and the M-step
 *	  between them, the judgement and the order of components.
 *
 * linalg.h, special.h and random.h, which know nothing of mixtures, stand
 * beside it.
 */
#ifndef GMM_ENGINE_CORE_H
#define GMM_ENGINE_CORE_H

#include <float.h>

#include "engine/engine.h"

/*
 * What a function counts on and its callers see to.  Tests look at it, and a
 * server that is built with assertions.
 */
#ifdef MIXTURE_ASSERTIONS
#include <assert.h>
#define MIXTURE_ASSERT(condition)	assert(condition)
#else
#define MIXTURE_ASSERT(condition)	((void) 0)
#endif

/* Where in a component's covariance the variance of feature j is. */
static inline size_t
mixture_variance_place(MixtureCovarianceType type, int j)
{
	if (mixture_has_matrix(type))
		return (size_t) j * (j + 1) / 2 + j;
	return type == MIXTURE_DIAG ? j : 0;
}

/* parameters.c */
extern size_t mixture_factor_count(MixtureCovarianceType type, int d);

/* A component's covariance, as one of the family has it: packed, or variances. */
static inline double *
mixture_covariance_of(const MixtureParameters *parameters, int component)
{
	MixtureCovarianceType type = parameters->covariance_type;

	return parameters->covariances +
		(type == MIXTURE_TIED ? 0 : component * mixture_factor_count(type, parameters->d));
}

/* A component's variance of feature j. */
static inline double
mixture_variance(const MixtureParameters *parameters, int component, int j)
{
	const double *covariance = mixture_covariance_of(parameters, component);

	return covariance[mixture_variance_place(parameters->covariance_type, j)];
}

extern void mixture_permute(const MixtureParameters *from, const int *order,
							MixtureParameters *to, const MixtureHost *host);
extern void mixture_add_outer(MixtureCovarianceType type, int d, double *covariance,
							  double factor, const double *vector);
extern void mixture_release_parameters(MixtureParameters *parameters,
									   const MixtureHost *host);

/* Rows of this weight in one feature */
typedef struct Moment
{
	double		weight;
	double		mean;
	double		variance;
} Moment;

/* moments.c */
extern Moment moment_of_component(const MixtureParameters *parameters, int component, int j);
extern Moment moment_of_both(Moment a, Moment b);
extern void moments_add(const Moment *some, const MixtureParameters *parameters,
						int component, Moment *target);

/* The most that noise may be of all rows */
#define MIXTURE_MOST_NOISE (1 - 0x1p-52)

/* The weight of noise that EM starts with where nothing is known of it */
#define MIXTURE_FIRST_NOISE 0.1

/* sort.c */
extern void sort_items(void *items, size_t n, size_t size,
					   int (*compare) (const void *, const void *),
					   const MixtureHost *host);

/* noise.c */
extern void mixture_share_noise(MixtureParameters *target, const MixtureParameters *source);
extern void mixture_select_noise(const MixtureParameters *parameters, const int *dims,
								 MixtureParameters *target, double *box);
extern double mixture_noise_log_density(const MixtureParameters *parameters);
extern double mixture_noise_share(double noise, double components);
extern double mixture_noise_mean(const MixtureParameters *parameters, int j);
extern double mixture_noise_variance(const MixtureParameters *parameters, int j);
extern void mixture_noise_box(const FeatureRange *range, const double *center,
							  const double *floor, int d, double *box);

/*
 * Whether rows of this weight, of a total, have sums that are more than noise of
 * underflow.
 */
static inline bool
mixture_has_rows(double weight, double total)
{
	return weight > total * 1e-200;
}

/*
 * Whether what is left of sums is more than their rounding: a difference of sums
 * whose size is gross.
 */
static inline bool
mixture_exceeds_rounding(double difference, double gross)
{
	return difference > 64 * DBL_EPSILON * gross;
}

/* Below this, sums of what underflows have no digit that is sure. */
#define MIXTURE_LEAST_PRECISE (DBL_MIN / DBL_EPSILON)

/* The seconds of one component: of all together, where they share a covariance. */
static inline double *
mixture_seconds_of(const MixtureStats *stats, int component)
{
	MixtureCovarianceType type = stats->covariance_type;

	return stats->seconds +
		(type == MIXTURE_TIED ? 0 : component * mixture_factor_count(type, stats->d));
}

/* statistics.c */
extern MixtureStats *mixture_allocate_stats(MixtureCovarianceType type, int k, int d,
											const MixtureHost *host);
extern void mixture_release_stats(MixtureStats *stats, const MixtureHost *host);
extern void mixture_clear_stats(MixtureStats *stats);
extern void mixture_add_row(MixtureStats *stats, int c, double weight, const double *row,
							const MixtureParameters *parameters, double *work);

/*
 * A conjugate prior of each component, made for one shape: prior.c.  The M-step
 * and the density need these alone, whatever the prior was made from.
 */
typedef struct MixturePrior
{
	MixtureParameters sums;		/* weights: rows that each weight is worth; means:
								 * those of the prior; covariances: sums of squares
								 * beside those of the rows */
	double	   *mean_rows;		/* k: rows that each mean is worth */
	double	   *spread_rows;	/* k, or 1 if tied: what the rows' number is more
								 * by where a covariance is divided by it */
} MixturePrior;

/* What is known of the rows that a prior is scaled by. */
typedef struct PriorRows
{
	const double *mean;			/* d */
	const double *covariance;	/* packed, or d variances */
	bool		matrix;			/* the former */
	double		sum_weights;
	const double *center;		/* that a mean that is given is to be less, or NULL */
} PriorRows;

/* prior.c */
extern MixturePrior *prior_create(const MixturePriorOptions *options,
								  MixtureCovarianceType type, int k, int d,
								  const PriorRows *rows, const MixtureHost *host);
extern MixturePrior *prior_from_model(const MixtureParameters *model, double strength,
									  const MixtureHost *host);
extern bool prior_is_finite(const MixturePrior *prior, MixtureCovarianceType type, int k,
							int d);
extern void prior_release(const MixturePrior *prior, const MixtureHost *host);
extern double prior_log_density(const MixturePrior *prior,
								const MixtureParameters *parameters,
								const MixtureHost *host);

/* What an M-step is bound by: each may be NULL but the first. */
typedef struct MixtureBounds
{
	const double *floor;		/* d least variances */
	const MixturePrior *prior;
	const MixtureFixed *fixed;
} MixtureBounds;

/* maximize.c */
extern void mixture_maximize(const MixtureStats *stats,
							 const MixtureParameters *current,
							 const MixtureBounds *bounds,
							 MixtureParameters *next,
							 const MixtureHost *host);
extern void mixture_hold_fixed(MixtureParameters *parameters, const MixtureFixed *fixed,
							   const MixtureParameters *start, const MixtureHost *host);
extern int	mixture_flat_directions(const double *covariance, const double *floor,
									double times, int d, double *own, double *vectors,
									double *values, const MixtureHost *host);
extern void mixture_hold_floor(MixtureParameters *parameters, const double *floor,
							   const MixtureHost *host);
extern bool mixture_below_floor(const MixtureParameters *parameters, const double *floor,
								const MixtureHost *host);

/* Least share of a feature's variance in any direction, whatever reg_covar */
#define MIXTURE_LEAST_FLOOR 1e-18

/* and where a feature is a sum of others */
#define MIXTURE_COLLINEAR_FLOOR 1e-9

extern void mixture_within(const MixtureParameters *parameters, double *within);
extern double mixture_floor_share(double reg_covar);
extern double mixture_constant_variance(double value);
extern bool mixture_nearly_singular(double *covariance, double *scales, int d,
									const MixtureHost *host);

/* judge.c */
extern int	judge_least_rows(MixtureCovarianceType type, int d);
extern int	judge_components(const MixtureParameters *parameters, double n_rows,
							 const double *floor, MixtureSuspicion *suspicions,
							 const MixtureHost *host);
extern void judge_count_flat(const MixtureParameters *parameters, const double *floor,
							 int *counts, const MixtureHost *host);
extern void mixture_whole_variances(const MixtureParameters *parameters, double *whole,
									const MixtureHost *host);
extern void judge_widen(MixtureParameters *parameters, const double *floor,
						const MixtureSuspicion *suspicions, const MixtureHost *host);
extern bool judge_mixture_near(const MixtureParameters *left, const MixtureParameters *right,
							   double share, const MixtureHost *host);

/* progress.c */
extern void progress_begin(const MixtureHost *host, int64_t n_rows);
extern void progress_reading(const MixtureHost *host);
extern void progress_trial(const MixtureHost *host, int number, int n_trials);
extern void progress_searching(const MixtureHost *host, MixtureCovarianceType type, int k,
							   int n_starts);
extern void progress_start(const MixtureHost *host, int number, int n_starts);
extern void progress_iterating(const MixtureHost *host, MixtureCovarianceType type, int k,
							   const MixtureOptions *options);
extern void progress_pass(const MixtureHost *host, int iteration,
						  double mean_log_likelihood, double change, bool now);

/* order.c */
extern void order_components(const MixtureParameters *from, const bool *held,
							 MixtureParameters *to, const MixtureHost *host);

/* The block of a source of this number. */
static inline void
source_block(const MixtureSource *source, int64_t number, MixtureBlock *block)
{
	block->incomplete = false;
	block->labels = NULL;
	source->block(source->context, number, block);
}

#endif							/* GMM_ENGINE_CORE_H */
