/*
 * engine.h
 *	  The numerics of Gaussian mixtures over plain pointers.
 *
 * Everything that fits or applies a mixture stands on four operations:
 *
 *		prepare(parameters)			Cholesky factors, log-determinants
 *		accumulate(block, stats)	E-step of a block of rows, added to the
 *									sufficient statistics
 *		merge(stats, stats)
 *		maximize(stats)				M-step: parameters
 *
 * The engine knows nothing of PostgreSQL.  Memory, interrupts and rows come
 * from the caller (MixtureHost, MixtureSource), so it runs as well in a unit
 * test, under a fuzzer or a sanitizer.  A host's function may leave by
 * longjmp: the engine keeps no static state but the choice of instruction set
 * and owns nothing but what the host allocated.
 *
 * Matrices are symmetric or lower triangular and stored packed, row by row:
 * element (i, j), j <= i, is at i * (i + 1) / 2 + j.
 */
#ifndef GMM_ENGINE_H
#define GMM_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Limits of a model.  The last bounds the text form of a model below 1 GB. */
#define MIXTURE_MAX_COMPONENTS	10000
#define MIXTURE_MAX_DIMENSIONS	4096

/* Values whose squares and cubes stay within a double: of features, and of prior means */
#define MIXTURE_MAX_FEATURE		1e100

/* Least range of a feature that is not constant, likewise */
#define MIXTURE_MIN_FEATURE_RANGE 1e-100

#define MIXTURE_MAX_VALUES		(1 << 25)	/* of means and covariances, as text
											 * has them */

/*
 * Rows of a block at the most: few enough for its features and responsibilities
 * to stay in the processor's first caches, and enough for the M-step, which
 * adds up the lanes of its sums once a block.  A block's stride is a multiple
 * of the second.
 */
#define MIXTURE_BLOCK_ROWS		384
#define MIXTURE_LANES			8

/* A square beyond which sums of squares leave the range of a double. */
#define MIXTURE_MAX_SQUARE		1e290

typedef enum MixtureCovarianceType
{
	MIXTURE_FULL = 0,			/* each component its own matrix (mclust VVV) */
	MIXTURE_TIED = 1,			/* one matrix for all (EEE) */
	MIXTURE_DIAG = 2,			/* each its own variances (VVI) */
	MIXTURE_SPHERICAL = 3		/* each one variance (VII) */
} MixtureCovarianceType;

#define MIXTURE_N_COVARIANCE_TYPES	4

/* Whether a family has covariance matrices. */
static inline bool
mixture_has_matrix(MixtureCovarianceType type)
{
	return type == MIXTURE_FULL || type == MIXTURE_TIED;
}

/* What a fit is at. */
typedef enum MixturePhase
{
	MIXTURE_READING,			/* reading the rows for what it has to know */
	MIXTURE_SEARCHING,			/* trying starts on a sample of them */
	MIXTURE_ITERATING			/* iterating on all of them */
} MixturePhase;

/*
 * How far a fit has come.  What is of a phase stands still in the others, so
 * that no number is now of a sample and now of all rows.
 */
typedef struct MixtureProgress
{
	MixturePhase phase;
	int64_t		n_rows;			/* 0: not known yet */
	int			trial;			/* from 1; 0 where there is but one */
	int			n_trials;

	/* of the trial, when it has begun, or k is 0 */
	int			k;
	MixtureCovarianceType covariance_type;
	int			start;			/* from 1; 0: there are none */
	int			n_starts;		/* at most */
	int64_t		sample_passes;	/* of all starts together */

	/* of iterating */
	int			iteration;
	int			max_iter;
	double		mean_log_likelihood;	/* per unit of weight; NaN if unknown */
	double		change;			/* since the iteration before; NaN if none */
	double		tol;			/* change below which it ends */
} MixtureProgress;

/* What the engine asks of its caller. */
typedef struct MixtureHost
{
	void	   *context;		/* handed to each function below */

	/* Never returns NULL; what cannot be had is the host's to report. */
	void	   *(*allocate) (void *context, size_t size);
	void		(*release) (void *context, void *pointer);

	/* Called often; may not return if the work is to stop. */
	void		(*check_interrupts) (void *context);

	/*
	 * Told now and then how far a fit has come, which is noted in a record
	 * of the host's; both may be NULL.
	 */
	void		(*report) (void *context, const MixtureProgress *progress);
	MixtureProgress *progress;
} MixtureHost;

/*
 * The parameters of a mixture of k components in d dimensions.  The arrays
 * belong to whoever set the pointers.
 */
typedef struct MixtureParameters
{
	int			k;
	int			d;
	MixtureCovarianceType covariance_type;
	double	   *weights;		/* k, not negative, sum 1: shares of the rows that
								 * are not noise */
	double	   *means;			/* k x d */
	double	   *covariances;	/* mixture_covariance_count() values: full k
								 * packed matrices, tied one, diag k x d,
								 * spherical k */
	double		noise_weight;	/* share of the rows that no component makes, below
								 * 1 */
	const double *noise_box;	/* d least values and d most, within which these
								 * are: noise.c; NULL: there is no noise */
} MixtureParameters;

/*
 * A block of rows, stored feature by feature so that a SIMD lane is a row:
 * feature j of row i is features[j * stride + i].  Lanes n_rows to stride - 1
 * hold finite values and weight 0.
 *
 * A feature that is missing is NaN.  Only where `incomplete` is true it is looked
 * for; there must be one that is not in each row.
 *
 * A row whose component is known is all that component's, and its part in the
 * log-likelihood is the logarithm of the component's weight times its density.
 */
typedef struct MixtureBlock
{
	int			n_rows;			/* 1 to MIXTURE_BLOCK_ROWS */
	int			stride;			/* multiple of MIXTURE_LANES */
	const double *features;		/* d x stride */
	const double *weights;		/* stride */
	bool		incomplete;		/* features may be missing */
	const double *labels;		/* stride: a row's component, from 1; 0, or beyond k,
								 * where it is not known.  NULL: of no row it is */
} MixtureBlock;

typedef enum MixtureStatus
{
	MIXTURE_OK = 0,
	MIXTURE_NO_WEIGHT,			/* the weights sum to 0 */
	MIXTURE_TOO_FEW_DISTINCT,	/* fewer distinct rows than components:
								 * count says how many */
	MIXTURE_FEATURE_RANGE,		/* feature's variance over- or underflows */
	MIXTURE_FEATURE_MISSING,	/* feature is missing in every row */
	MIXTURE_NOT_POSITIVE_DEFINITE,	/* component's covariance */
	MIXTURE_PRIOR_RANGE,		/* a prior that is a model overflows */
	MIXTURE_WEIGHT_RANGE,		/* the weights' sum overflows */
	MIXTURE_SUM_RANGE			/* the sums of an E-step overflow: feature is
								 * farthest from the model, or -1 if unknown */
} MixtureStatus;

/* Why a call failed, with numbers counted from 0. */
typedef struct MixtureError
{
	int			component;
	int			feature;
	int64_t		count;
} MixtureError;

/* Parameters made ready for the E-step. */
typedef struct MixturePrepared MixturePrepared;

/* What one pass over the rows, an E-step of all of them, is asked for. */
typedef struct MixturePass
{
	const MixtureParameters *parameters;
	const double *center;		/* d values that are subtracted from the rows
								 * (the means are less them already), or NULL */
	bool		m_step;			/* false: only weight, log-likelihood, entropy */
	const double *origin;		/* NULL; or d values, about which the sums of all rows */
	const double *variances;	/* are known, these their mean squares: em/whole.c */
	const MixturePrepared *prepared;	/* the parameters, for blocks, or NULL */
} MixturePass;

/* The range of every feature. */
typedef struct FeatureRange
{
	double	   *least;			/* d */
	double	   *most;			/* d */
	double	   *observed;		/* d: weight of the rows that have the feature;
								 * not needed if all rows have all */
	int64_t		n_incomplete;	/* rows that have not */
} FeatureRange;

/*
 * Which rows a sample is taken from: those with the smallest values of
 * mixture_sample_hash() of the row less the center (NULL: nothing); or those
 * of which mixture_is_beyond() is true; or those that weigh so much together.
 */
typedef struct MixtureSampling
{
	const double *center;		/* d, or NULL */
	const FeatureRange *range;	/* of the rows less that */
	uint64_t	seed;
	int64_t		limit;			/* distinct rows that are wanted */
	int64_t		label_limit;	/* the same of each label, where there are any */
	const FeatureRange *box;	/* beyond which rows are wanted, less the center;
								 * NULL: wherever they are */
	double		least_weight;	/* of equal rows that are wanted; 0: any */
} MixtureSampling;

/*
 * Rows, as the engine reads them: n_blocks blocks, each asked for by its
 * number, over and over.  A block need only stay valid until the next call.
 * A source whose rows are complete need not touch `incomplete`, nor one without
 * labels `labels`, which are cleared when a block is asked for.
 */
typedef struct MixtureSource
{
	int			d;
	int64_t		n_rows;			/* over all blocks */
	int64_t		n_blocks;
	void	   *context;
	void		(*block) (void *context, int64_t number, MixtureBlock *block);

	/*
	 * Makes a whole pass, in whatever way and by whomever: sums is to be the
	 * sum, in their order, of what a MixtureRunner finds for each run of
	 * blocks, mixture_sums_count() values.  May return an error as a runner
	 * does.  NULL: the engine does it with a runner of its own.
	 */
	MixtureStatus (*pass) (void *context, const MixturePass *pass, double *sums,
						   MixtureError *error);

	int			n_labels;		/* labels are up to this; 0: there are none */

	/*
	 * Of a sample of others, the weight of all rows without a label and, after
	 * it, of those of each, n_labels + 1 values; NULL: these are all rows.
	 */
	const double *label_weights;

	/*
	 * Rows that cannot be had block by block, as they are too many or
	 * elsewhere, have NULL for block, but pass, and these two.  ranges fills
	 * in the range of every feature over all rows that have weight.
	 * candidates sets rows to a source of all rows whose hash is up to some
	 * value, chosen so that at least sampling->limit distinct ones are among
	 * them; or of all rows, and then it returns true.  Equal rows may be
	 * joined.  Where there are labels, that goes for the rows without one, and
	 * for those of each label with sampling->label_limit and a value of their own.
	 * With sampling->box they are all that are beyond it instead, whatever their hash;
	 * with sampling->least_weight those of such a weight with their equals, maybe others.
	 */
	void		(*ranges) (void *context, FeatureRange *range);
	bool		(*candidates) (void *context, const MixtureSampling *sampling,
							   struct MixtureSource *rows);
} MixtureSource;

/*
 * Sufficient statistics about the means of the parameters that the E-step was
 * made with.  All are sums over rows and so add up: merging is one addition
 * of the whole array.
 */
typedef struct MixtureStats
{
	int			k;
	int			d;
	MixtureCovarianceType covariance_type;
	size_t		n_values;
	double	   *sum_weights;	/* 1; the start of n_values values */
	double	   *log_likelihood; /* 1 */
	double	   *log_density_squares;	/* 1: of the rows' log densities; what a
										 * row adds is at most MIXTURE_MAX_SQUARE */
	double	   *entropy;		/* 1: of the responsibilities; only where no
								 * M-step is to follow, else 0 */
	double	   *noise_weight;	/* 1: sum of the noise's responsibilities */
	double	   *component_weights;	/* k: sum of responsibilities */
	double	   *firsts;			/* k x d: sum of r (x - m) */
	double	   *seconds;		/* as covariances: sum of r (x - m)(x - m)^T,
								 * for spherical of its trace */
} MixtureStats;

typedef enum MixtureInit
{
	MIXTURE_INIT_KMEANS_PLUS_PLUS = 0,
	MIXTURE_INIT_RANDOM = 1
} MixtureInit;

/* What models of the same rows are compared by; lower is better. */
typedef enum MixtureCriterion
{
	MIXTURE_BIC = 0,
	MIXTURE_AIC = 1,
	MIXTURE_ICL = 2
} MixtureCriterion;

#define MIXTURE_N_CRITERIA	3

/*
 * A conjugate prior of the components that is asked for (prior.c): what is NaN
 * or NULL is found from the rows.
 */
typedef struct MixturePriorOptions
{
	bool		from_model;		/* the start is the prior; then strength alone counts */
	double		strength;		/* rows that the start is worth */
	double		shrinkage;		/* rows that the prior mean is worth */
	double		dof;			/* degrees of freedom of the covariance */
	const double *mean;			/* d */
	const double *scale;		/* of the family's, one component's */
} MixturePriorOptions;

/* What a fit from a start is to leave as it is there. */
typedef struct MixtureFixed
{
	bool		weights;		/* of all components, and so on */
	bool		means;
	bool		covariances;
	const bool *components;		/* k: all that is of these; or NULL.  If tied, only
								 * with covariances */
} MixtureFixed;

typedef struct MixtureOptions
{
	MixtureCovarianceType covariance_type;
	int			max_iter;		/* passes over the rows, at least 1; of a refit 0
								 * leaves the start as it is */
	double		tol;			/* change of the mean log-likelihood per unit
								 * of weight; 0: make max_iter passes */
	double		reg_covar;		/* least variance in any direction, as a share
								 * of the features' variances (maximize.c) */
	int			n_init;			/* starts; 0: as many as it takes */
	MixtureInit init;
	uint64_t	seed;
	bool		accelerate;		/* false: plain EM, a pass is an EM step */
	bool		noise;			/* beside the components, in the box of the rows; of
								 * mixture_refit(), whatever the start has */
	const MixturePriorOptions *prior;	/* or NULL */
	const MixtureFixed *fixed;	/* of a refit, or NULL */
} MixtureOptions;

/* What a fit knows beside the parameters: fields.h */
typedef struct MixtureFitInfo
{
#define FIT_FIELD(type, name, known, possible, rule) type name;
#include "engine/fields.h"
} MixtureFitInfo;

/* What a fit found.  The arrays of parameters come from the host. */
typedef struct MixtureFit
{
	MixtureParameters parameters;
	MixtureFitInfo info;
} MixtureFit;

/* A standard deviation of a component in one or two dimensions, to be drawn. */
typedef struct MixtureEllipse
{
	double		radii[2];		/* the longer first */
	double		direction[2];	/* of the longer: a unit vector */
	double		deviations[2];	/* along the axes of the features */
} MixtureEllipse;

/* One try of mixture_fit_best(): fields.h */
typedef struct MixtureTrial
{
#define TRIAL_FIELD(type, name, possible, rule) type name;
#include "engine/fields.h"
} MixtureTrial;

/* What mixture_fit_best() is to choose from, and by what. */
typedef struct MixtureChoice
{
	int			least_k;
	int			most_k;
	unsigned	families;		/* bit 1 << covariance type */
	MixtureCriterion criterion;
} MixtureChoice;

/* What a model lets expect of the rows that its statistics are compared with. */
typedef struct MixtureBaseline
{
	double		mean;			/* of the log density, per unit of weight */
	double		error;			/* the standard error of that */
	double		stddev;			/* of the log density from row to row */
	double		rows;			/* weight of those that the parameters were fitted
								 * to; INFINITY if they are taken for the truth */
	int		   *varying;		/* k, the caller's: in how many directions the
								 * rows of each component varied; or NULL, in all */
} MixtureBaseline;

/* How far rows have moved from a model: drift.c */
typedef struct MixtureDrift
{
	double		likelihood_shift;	/* of the mean log density */
	double		likelihood_error;	/* the standard error of that */
	double		share_psi;		/* the shares' population stability index */
	double		mean_shift;		/* root of the components' mean square */
	double		spread_ratio;	/* likewise */
	double		likelihood_p;	/* that chance alone makes such a difference */
	double		share_p;
	double		mean_p;
	double		p;				/* of all three */
} MixtureDrift;

/* The same of one component; NaN where it has no rows. */
typedef struct MixtureComponentDrift
{
	double		weight;			/* of its rows */
	double		share;			/* of all rows */
	double		mean_shift;		/* of their mean, in its own deviations */
	double		spread_ratio;	/* of their deviations to its own; of all rows if
								 * the covariance is tied */
	double		p;				/* that chance alone shifts the mean so far */
} MixtureComponentDrift;

/* What speaks against a component. */
typedef enum MixtureSuspicion
{
	MIXTURE_SOUND = 0,
	MIXTURE_FEW_ROWS,			/* fewer than its covariance has to have */
	MIXTURE_COLLAPSED,			/* flat where another one reaches across it */
	MIXTURE_DUPLICATE			/* the same as an earlier one */
} MixtureSuspicion;

/* noise.c: rows that no component makes */
extern void mixture_clear_noise(MixtureParameters *parameters);
extern void mixture_move_noise(MixtureParameters *parameters, double *box);

/* parameters.c */
extern size_t mixture_covariance_count(MixtureCovarianceType type, int k, int d);
extern int64_t mixture_free_parameters(const MixtureParameters *shape);
extern double mixture_criterion(MixtureCriterion criterion,
								const MixtureParameters *shape, double log_likelihood,
								double sum_weights, double entropy);
extern bool mixture_entropy_possible(double entropy, double sum_weights, int k);
extern bool mixture_shape_allowed(MixtureCovarianceType type, int k, int d);
extern size_t mixture_parameters_count(MixtureCovarianceType type, int k, int d);
extern void mixture_place_parameters(MixtureParameters *parameters,
									 MixtureCovarianceType type, int k, int d,
									 double *values);
extern size_t mixture_values_count(MixtureCovarianceType type, int k, int d, bool noise);
extern void mixture_place_values(MixtureParameters *parameters,
								 MixtureCovarianceType type, int k, int d, bool noise,
								 double *values);
extern void mixture_copy_values(MixtureParameters *target,
								const MixtureParameters *source, double *values);
extern void mixture_allocate_parameters(MixtureParameters *parameters,
										MixtureCovarianceType type, int k, int d,
										const MixtureHost *host);
extern double *mixture_own_box(const MixtureParameters *parameters);
extern void mixture_copy_parameters(MixtureParameters *target,
									const MixtureParameters *source);
extern bool mixture_parameters_equal(const MixtureParameters *a,
									 const MixtureParameters *b);
extern bool mixture_covariances_valid(const MixtureParameters *parameters,
									  const MixtureHost *host,
									  MixtureError *error);
extern void mixture_component_covariance(const MixtureParameters *parameters,
										 int component, double *matrix);
extern double mixture_condition_number(const MixtureParameters *parameters,
									   int component, const MixtureHost *host);

/* prepare.c */
extern MixturePrepared *mixture_prepare_rows(const MixtureParameters *parameters,
											 const MixtureHost *host,
											 MixtureError *error);
extern size_t mixture_prepared_size(const MixturePrepared *prepared);

/* incomplete_row.c: the same for rows of which features are missing */
typedef struct MixtureIncomplete MixtureIncomplete;

extern MixtureIncomplete *mixture_incomplete_create(const MixtureParameters *parameters,
													const MixturePrepared *prepared,
													const MixtureHost *host);
extern bool mixture_incomplete_needs(const MixtureIncomplete *incomplete, int n_observed);
extern size_t mixture_incomplete_extend(MixtureIncomplete *incomplete,
										const MixtureParameters *parameters,
										const MixtureHost *host);
extern void mixture_incomplete_release(MixtureIncomplete *incomplete,
									   const MixtureHost *host);
extern size_t mixture_incomplete_size(const MixtureIncomplete *incomplete);
extern size_t mixture_incomplete_work_size(const MixtureIncomplete *incomplete);
extern size_t mixture_incomplete_filled_size(const MixtureIncomplete *incomplete);
extern const MixturePrepared *mixture_incomplete_row(MixtureIncomplete *incomplete,
													 const double *row, const int *order,
													 int n_observed, double *work,
													 double *filled, const MixtureHost *host);
extern void mixture_incomplete_impute(const MixtureIncomplete *incomplete, const int *order,
									  const double *filled, const double *shares,
									  double noise, double *missing);

/* derive.c */
extern void mixture_marginal(const MixtureParameters *parameters, const int *dims,
							 MixtureParameters *marginal, const MixtureHost *host);
extern void mixture_mend(MixtureParameters *parameters, const MixtureHost *host);

/* A mixture of some dimensions given others, for any number of rows. */
typedef struct MixtureConditional MixtureConditional;

extern MixtureConditional *mixture_conditional_create(const MixtureParameters *parameters,
													  const int *order, int n_observed,
													  const MixtureHost *host);
extern size_t mixture_conditional_size(const MixtureConditional *conditional);
extern void mixture_condition(const MixtureConditional *conditional,
							  const double *observed, const double *shares, double noise,
							  MixtureParameters *target, double *work);
extern void mixture_impute(const MixtureConditional *conditional,
						   const double *observed, const double *shares, double noise,
						   double *missing, double *work);

/* axes.c */
extern bool mixture_principal_axes(const MixtureParameters *parameters, int q,
								   double *mean, double *axes, double *variances,
								   const MixtureHost *host);
extern void mixture_project(const double *mean, const double *axes, int q, int d,
							const double *row, double *work, double *projection);

/* explain.c: why a row is as far from a component as it is */
typedef struct MixtureExplanation MixtureExplanation;

extern MixtureExplanation *mixture_explanation_create(const MixtureParameters *parameters,
													  int component, const int *order,
													  int n_observed,
													  const MixtureHost *host);
extern size_t mixture_explanation_size(const MixtureExplanation *explanation);
extern double mixture_explanation_weight(const MixtureExplanation *explanation,
										 int component);
extern double mixture_explanation_log_determinant(const MixtureExplanation *explanation);
extern void mixture_explain_distance(const MixtureExplanation *explanation,
									 int component, const double *observed,
									 double *contributions, double *work);
extern void mixture_explain_row(const MixtureExplanation *explanation, int component,
								const double *observed, double *expected,
								double *deviations, double *contributions,
								double *work);

/* contrast.c: what tells a component from the others, in one feature */
typedef struct MixtureContrast
{
	double		mean;
	double		deviation;
	double		others_mean;	/* of the rows of the others together */
	double		others_deviation;
	double		effect;			/* difference of the means, standardised */
	double		distance;		/* Bhattacharyya's */
} MixtureContrast;

typedef struct MixtureContrasts MixtureContrasts;

extern MixtureContrasts *mixture_contrasts_create(const MixtureParameters *parameters,
												  const MixtureHost *host);
extern bool mixture_contrasts_next(MixtureContrasts *contrasts,
								   MixtureContrast *features);

/*
 * exact.c: n sums without rounding, which are the same whatever the order in
 * which they were added up.  Each is `words` words in two's complement, the
 * lowest first, of which the first counts 2^(64 low); values is the host's, and
 * NULL while all are 0.
 */
typedef struct ExactSums
{
	int			n;
	int			low;
	int			words;
	uint64_t   *values;			/* n x words */
} ExactSums;

/* Words of any sums of doubles and of products of up to three, and of counts */
#define EXACT_LEAST_LOW		(-51)
#define EXACT_MOST_HIGH		51

extern void exact_begin(ExactSums *sums, int n);
extern void exact_release(ExactSums *sums, const MixtureHost *host);
extern void exact_add(ExactSums *sums, int i, double x, const MixtureHost *host);
extern void exact_add_moments(ExactSums *firsts, ExactSums *seconds, const double *row,
							  int d, double weight, const MixtureHost *host);
extern void exact_add_sum(ExactSums *target, int i, const ExactSums *source, int j,
						  bool negative, const MixtureHost *host);
extern void exact_merge(ExactSums *target, const ExactSums *source, const MixtureHost *host);
extern int	exact_sign(const ExactSums *sums, int i);
extern void exact_extent(const ExactSums *sums, int *low, int *words);
extern void exact_read(ExactSums *sums, int n, int low, int words, const uint64_t *source,
					   const MixtureHost *host);
extern void exact_write(const ExactSums *sums, int low, int words, uint64_t *target);
extern double exact_round(const ExactSums *sums, int i);
extern void exact_moments(const ExactSums *weight, const ExactSums *firsts,
						  const ExactSums *seconds, int d, double *mean,
						  double *covariance, const MixtureHost *host);

/* draw.c: a mixture that rows are drawn from */
typedef struct MixtureDrawing MixtureDrawing;

extern MixtureDrawing *mixture_drawing_create(const MixtureParameters *parameters,
											  const MixtureHost *host,
											  MixtureError *error);
extern int	mixture_draw_row(const MixtureDrawing *drawing, uint64_t seed,
							 int64_t number, double *row);

/* expectation.c */
extern MixtureStatus mixture_expect_log_density(const MixtureParameters *parameters,
												MixtureBaseline *baseline,
												const MixtureHost *host,
												MixtureError *error);

extern MixtureStatus mixture_divergence(const MixtureParameters *a,
										const MixtureParameters *b, int64_t n,
										uint64_t seed, double *divergence,
										double *standard_error,
										const MixtureHost *host, MixtureError *error);

/* compare.c */
extern MixtureStatus mixture_match(const MixtureParameters *a, const MixtureParameters *b,
								   int *partners, double *distances,
								   const MixtureHost *host, MixtureError *error);

/* distribution.c: of mixtures of one dimension */
extern double mixture_cdf(const MixtureParameters *parameters, double x, bool upper);
extern double mixture_quantile(const MixtureParameters *parameters, double p);

/* union.c */
extern MixtureCovarianceType mixture_union_type(MixtureCovarianceType type,
												MixtureCovarianceType other);
extern void mixture_union(const MixtureParameters *parts, const double *shares, int n,
						  MixtureParameters *target, const MixtureHost *host);

/* clusters.c */
extern MixtureStatus mixture_clusters(const MixtureParameters *mixture, int n,
									  int *clusters, const MixtureHost *host,
									  MixtureError *error);

/* drift.c */
extern MixtureStatus mixture_baseline(const MixtureParameters *parameters,
									  const MixtureFitInfo *info,
									  MixtureBaseline *baseline,
									  const MixtureHost *host, MixtureError *error);
extern MixtureStatus mixture_drift(const MixtureParameters *parameters,
								   const MixtureStats *stats,
								   const MixtureBaseline *baseline, MixtureDrift *drift,
								   MixtureComponentDrift *components, double *moves,
								   const MixtureHost *host, MixtureError *error);

/* tail.c: which share of a mixture's own rows has a lower density */
typedef struct MixtureTail MixtureTail;

extern MixtureTail *mixture_tail_create(const MixturePrepared *prepared,
										const double *weights,
										const MixtureHost *host);
extern size_t mixture_tail_size(const MixtureTail *tail);
extern double mixture_row_outlier_pvalue(const MixturePrepared *prepared,
										 const MixtureTail *tail,
										 const double *row, double *work);

/*
 * runner.c: a pass in pieces, which may be made in several processes.  Blocks
 * are summed in runs, whose number depends on n_blocks alone, and the runs'
 * sums are added in their order, so that it does not show who made them.
 */
typedef struct MixtureRunner MixtureRunner;

extern MixtureRunner *mixture_runner_create(MixtureCovarianceType type, int k, int d,
											const MixtureHost *host);
extern void mixture_runner_release(MixtureRunner *runner);
extern MixtureStatus mixture_runner_begin(MixtureRunner *runner, const MixturePass *pass,
										  MixtureError *error);
extern void mixture_runner_run(MixtureRunner *runner, const MixtureSource *source,
							   int run, double *sums);
extern void mixture_runner_run_all(MixtureRunner *runner, const MixtureSource *source,
								   double *sums);
extern MixtureStatus mixture_runner_add_block(MixtureRunner *runner,
											  const MixtureBlock *block,
											  MixtureStats *stats,
											  MixtureError *error);
extern int	mixture_n_runs(int64_t n_blocks);
extern size_t mixture_sums_count(MixtureCovarianceType type, int k, int d);
extern void mixture_add_sums(double *target, const double *source, size_t count);

/*
 * statistics.c: those that are kept beyond a pass, added up; step.c: and stepped from.
 */
typedef enum MixtureStatsFault
{
	MIXTURE_STATS_SOUND = 0,
	MIXTURE_STATS_NOT_FINITE,
	MIXTURE_STATS_NEGATIVE_WEIGHT,	/* of all rows, or of component */
	MIXTURE_STATS_WEIGHT_SUM,	/* the components' do not sum to that of all */
	MIXTURE_STATS_NEGATIVE_SQUARE,	/* a sum of squares of component */
	MIXTURE_STATS_LOG_DENSITIES,	/* squares that no log densities have */
	MIXTURE_STATS_IMPOSSIBLE	/* sums of component that no rows have */
} MixtureStatsFault;

extern void mixture_place_stats(MixtureStats *stats, MixtureCovarianceType type,
								int k, int d, double *values);
extern MixtureStatsFault mixture_stats_check(const MixtureStats *stats, int *component,
											 const MixtureHost *host);
extern bool mixture_stats_finite(const MixtureStats *stats);
extern double mixture_log_density_stddev(const MixtureStats *stats);
extern void mixture_stats_scale(MixtureStats *stats, double factor);
extern void mixture_stats_rebase(MixtureStats *stats, const MixtureParameters *from,
								 const MixtureParameters *to, const MixtureHost *host);
extern int	mixture_row_out_of_range(const double *row, int d);
extern MixtureStatus mixture_step(const MixtureStats *stats,
								  const MixtureParameters *current,
								  const MixtureOptions *options,
								  MixtureParameters *next,
								  const MixtureHost *host, MixtureError *error);

/* judge.c: what the rows say of the components */
extern int	mixture_judge(const MixtureParameters *parameters, double n_rows,
						  double reg_covar, MixtureSuspicion *suspicions,
						  const MixtureHost *host);
extern double mixture_judged_rows(const MixtureFitInfo *info);

/* row_hashes.c */
extern uint64_t mixture_sample_hash(const double *row, int d, const FeatureRange *range,
									uint64_t seed);
extern uint64_t mixture_content_hash(const double *row, int d);

/* sample.c */
extern int	mixture_compare_rows(const double *a, const double *b, int d);

/* beyond.c */
extern bool mixture_is_beyond(const double *row, int d, const FeatureRange *box);

/* fit.c, select.c */
extern MixtureStatus mixture_fit(const MixtureSource *source, int k,
								 const MixtureOptions *options,
								 const MixtureHost *host,
								 MixtureFit *fit, MixtureError *error);
extern MixtureStatus mixture_fit_best(const MixtureSource *source,
									  const MixtureChoice *choice,
									  const MixtureOptions *options,
									  const MixtureHost *host, MixtureFit *fit,
									  MixtureTrial **trials, int *n_trials,
									  MixtureError *error);
extern MixtureStatus mixture_refit(const MixtureSource *source,
								   const MixtureParameters *start,
								   const MixtureOptions *options,
								   const MixtureHost *host,
								   MixtureFit *fit, MixtureError *error);

/* kernels.c: scoring one row with what mixture_prepare_rows() made */
extern int	mixture_row_predict(const MixturePrepared *prepared,
								const double *row, double *work);
extern double mixture_row_shares(const MixturePrepared *prepared, const double *row,
								 double *work, double *shares, double *noise);
extern double mixture_row_responsibilities(const MixturePrepared *prepared,
										   const double *row, double *work,
										   double *responsibilities, double *noise);
extern double mixture_row_noise(const MixturePrepared *prepared, const double *row,
								double *work);
extern double mixture_row_entropy(const MixturePrepared *prepared,
								  const double *row, double *work);
extern double mixture_row_log_density(const MixturePrepared *prepared,
									  const double *row, double *work);
extern void mixture_row_mahalanobis(const MixturePrepared *prepared,
									const double *row, double *work,
									double *distances);
extern size_t mixture_row_work_size(const MixturePrepared *prepared);

/* far_rows.c */
extern int	mixture_row_farthest_feature(const MixturePrepared *prepared,
										 const double *row, int component);

/* separation.c */
extern void mixture_separating_features(const MixtureParameters *parameters, int n,
										int *features, const MixtureHost *host);

/* ellipse.c */
extern void mixture_ellipse(const MixtureParameters *parameters, int component,
							const double *scale, MixtureEllipse *ellipse,
							const MixtureHost *host);

extern const double *mixture_unit_weights(int n_rows);
extern const char *mixture_clone_name(void);

#endif							/* GMM_ENGINE_H */
