/*
 * internal.h
 *	  What the engine's files share and its callers need not see.
 */
#ifndef GMM_ENGINE_INTERNAL_H
#define GMM_ENGINE_INTERNAL_H

#include "engine/engine.h"

/*
 * Parameters ready for the E-step: log densities are
 * log_constants[k] - |precision_cholesky[k] (x - means[k])|^2 / 2.
 *
 * For blocks, where a lane is a row, the precision's Cholesky factor
 * W = L^-1 lies packed by component (one for all if tied); diag and spherical
 * have 1 / standard deviation.  For single rows a lane is a component: means,
 * factors and constants are interleaved, `lanes` components at a time, and
 * the last group is padded with components of log weight minus infinity.
 */
struct MixturePrepared
{
	int			k;
	int			d;
	MixtureCovarianceType covariance_type;
	int			lanes;			/* components interleaved; 1 for blocks */
	int			n_groups;		/* of lanes components */
	size_t		factor_count;	/* values of one component's factor */
	size_t		factor_step;	/* from a group's factor to the next: 0 if tied */
	size_t		size;			/* bytes of all this */
	double	   *log_constants;	/* n_groups x lanes */
	double	   *means;			/* n_groups x d x lanes */
	double	   *precision_cholesky; /* n_groups x factor_count x lanes; if tied
									 * one factor, not interleaved */
};

/*
 * Offset between rows of the scratch of a block: not a power of two, or all of
 * them would compete for the same lines of the cache.
 */
#define KERNEL_WORK_STRIDE (MIXTURE_BLOCK_ROWS + MIXTURE_LANES)

/* Scratch of the block kernels. */
typedef struct KernelWork
{
	void	   *memory;			/* what the others lie in */
	double	   *largest;		/* rows: the largest log density */
	double	   *sums;			/* rows: of densities relative to that */
	double	   *scales;			/* rows: from these to responsibilities */
	double	   *roots;			/* k x rows: log densities, then the roots of
								 * the responsibilities: kernels_roots() */
	double	   *scaled;			/* d x rows: features about the mean, times
								 * those roots */
	double	   *centered;		/* d x some rows: features about the mean */
	double	   *weights;		/* k: sum of responsibilities */
	double	   *reach;			/* 1: no row is farther from a component in
								 * which it has a part; set if there are packs */
	int			pack_rows;		/* that a pack has place for; 0: no packs */
	int			pack_stride;	/* of its features */
	double	   *packs;			/* k x (d + 1) x stride: rows set aside by
								 * add_component(): kernels_pack() */
	int		   *packed;			/* k: how many */
} KernelWork;

/* Component c's square roots of responsibility times weight, one a row. */
static inline double *
kernels_roots(const KernelWork *work, int c)
{
	return work->roots + (size_t) c * KERNEL_WORK_STRIDE;
}

/*
 * The rows set aside for component c of d features: these, one after the
 * other, and the roots as one more.
 */
static inline double *
kernels_pack(const KernelWork *work, int d, int c)
{
	return work->packs + (size_t) c * (d + 1) * work->pack_stride;
}

/*
 * One clone of the kernels.
 *
 * e_step() adds a block of rows to sum_weights and log_likelihood of the
 * statistics and, if the M-step is to follow, leaves in work each component's
 * roots and its sum of responsibilities times weight; if not, it adds to the
 * entropy.
 *
 * add_component() adds component c's part of a block to component_weights,
 * firsts and seconds; it takes the responsibilities from work, the means from
 * what was prepared, and the features from the block, which need not be the
 * one of the E-step.  Where every responsibility has underflowed to 0 there is
 * nothing to add.  It may set rows aside in work, of more blocks than one;
 * finish_component() adds what is there.
 *
 * complete() makes complete rows of a block of which features are missing:
 * writes each missing feature, d x block->stride doubles being for all, as its
 * mean given the observed ones.  mean: d values; coefficients: n_missing x
 * n_observed, or NULL where features do not depend on each other.
 *
 * row_log_densities() leaves k log densities, weighted, in work; row_softmax()
 * makes responsibilities of them and returns the logarithm of their sum.
 */
typedef struct Kernels
{
	const char *name;
	int			lanes;
	void		(*e_step) (const MixturePrepared *prepared,
						   const MixtureBlock *block, bool m_step,
						   const KernelWork *work, MixtureStats *stats,
						   const MixtureHost *host);
	void		(*add_component) (const MixturePrepared *prepared, int c,
								  const MixtureBlock *block,
								  const KernelWork *work, MixtureStats *stats);
	void		(*finish_component) (const MixturePrepared *prepared, int c,
									 const KernelWork *work, MixtureStats *stats);
	void		(*complete) (const double *mean, const double *coefficients, int d,
							 const MixtureBlock *block, const KernelWork *work,
							 double *completed);
	void		(*row_log_densities) (const MixturePrepared *prepared,
									  const double *row, double *work);
	double		(*row_softmax) (const MixturePrepared *prepared, double *work);
	void		(*row_distances) (const MixturePrepared *prepared,
								  const double *row, double *work);
} Kernels;

/* The block of a source of this number. */
static inline void
source_block(const MixtureSource *source, int64_t number, MixtureBlock *block)
{
	block->order = NULL;
	block->n_observed = source->d;
	source->block(source->context, number, block);
}

/* kernels.c */
extern const Kernels *kernels_current(void);
extern const Kernels *kernels_list(int number);
extern void kernels_select(const Kernels *kernels);
extern void kernels_allocate_work(KernelWork *work, MixtureCovarianceType type, int k,
								  int d, const MixtureHost *host);
extern void kernels_release_work(KernelWork *work, const MixtureHost *host);
extern void kernels_accumulate(const MixturePrepared *prepared,
							   const MixtureBlock *block, bool m_step,
							   const KernelWork *work, MixtureStats *stats,
							   const MixtureHost *host);
extern void kernels_finish(const MixturePrepared *prepared, const KernelWork *work,
						   MixtureStats *stats, const MixtureHost *host);

/* Whether a family has covariance matrices. */
static inline bool
mixture_has_matrix(MixtureCovarianceType type)
{
	return type == MIXTURE_FULL || type == MIXTURE_TIED;
}

/* parameters.c */
extern size_t mixture_factor_count(MixtureCovarianceType type, int d);
extern MixturePrepared *mixture_prepare_blocks(const MixtureParameters *parameters,
											   MixturePrepared *reuse,
											   const MixtureHost *host,
											   MixtureError *error);
extern void mixture_add_outer(MixtureCovarianceType type, int d, double *covariance,
							  double factor, const double *vector);
extern void mixture_release_prepared(MixturePrepared *prepared,
									 const MixtureHost *host);
extern MixtureStats *mixture_allocate_stats(MixtureCovarianceType type, int k, int d,
											const MixtureHost *host);
extern void mixture_release_stats(MixtureStats *stats, const MixtureHost *host);
extern void mixture_clear_stats(MixtureStats *stats);
extern void mixture_copy_parameters(MixtureParameters *target,
									const MixtureParameters *source);
extern bool mixture_parameters_equal(const MixtureParameters *a,
									 const MixtureParameters *b);
extern void mixture_release_parameters(MixtureParameters *parameters,
									   const MixtureHost *host);

/*
 * One Gaussian's regression of its missing dimensions on its observed ones,
 * for the families with a whole matrix (in the others the dimensions are
 * independent).
 */
typedef struct Regression
{
	int			n_observed;
	int			n_missing;
	double	   *factor;			/* packed: Cholesky factor of the covariance,
								 * observed dimensions first, so that its
								 * first n_observed rows are L_oo */
	double	   *coefficients;	/* n_missing x n_observed: B */
	double	   *residual;		/* packed, n_missing: C */
} Regression;

/* regression.c */
extern void regression_allocate(Regression *regression, int d, int n_observed,
								const MixtureHost *host);
extern void regression_release(Regression *regression, const MixtureHost *host);
extern void regression_fill(Regression *regression, const double *covariance,
							const int *order, const MixtureHost *host);

/* What blocks with missing features need, for the pattern of the last one. */
typedef struct MissingWork
{
	int		   *order;			/* d: the pattern, as a block has it */
	int			n_observed;		/* 0 while there is no pattern */
	MixturePrepared *marginal;	/* of the observed features, or NULL */
	double	   *completed;		/* d x MIXTURE_BLOCK_ROWS */
	int			n_regressions;	/* as many as covariance matrices */
	Regression *regressions;	/* factor is NULL where not made yet */
} MissingWork;

/* missing.c */
extern void missing_begin(MissingWork *missing, MixtureCovarianceType type, int k, int d,
						  const MixtureHost *host);
extern void missing_forget(MissingWork *missing, const MixtureHost *host);
extern void missing_end(MissingWork *missing, const MixtureHost *host);
extern void missing_accumulate(MissingWork *missing, const MixtureParameters *parameters,
							   const MixturePrepared *prepared,
							   const MixtureBlock *block, bool m_step,
							   const KernelWork *work, MixtureStats *stats,
							   const MixtureHost *host);

/* maximize.c */
extern int	mixture_maximize(const MixtureStats *stats,
							 const MixtureParameters *current,
							 const double *floor,
							 MixtureParameters *next,
							 const MixtureHost *host);
extern int	mixture_count_at_floor(const MixtureParameters *parameters,
								   const double *floor, const MixtureHost *host);
extern int	mixture_hold_floor(MixtureParameters *parameters, const double *floor,
							   const MixtureHost *host);

/* Least share of a feature's variance in any direction, whatever reg_covar */
#define MIXTURE_LEAST_FLOOR 1e-12

/* Values whose squares and cubes stay within a double */
#define MIXTURE_MAX_FEATURE 1e100
#define MIXTURE_MIN_FEATURE_RANGE 1e-100

extern double mixture_floor_share(double reg_covar);
extern double mixture_constant_variance(double value);

/* judge.c */
extern int	judge_least_rows(MixtureCovarianceType type, int d);
extern int	judge_components(const MixtureParameters *parameters, double n_rows,
							 const double *whole, const double *floor,
							 MixtureSuspicion *suspicions, const MixtureHost *host);

/*
 * EM over one source: everything that iterations need again and again.
 */
typedef struct Em
{
	const MixtureSource *source;
	const double *center;		/* as in a MixturePass, the caller's */
	const MixtureHost *host;
	const double *floor;		/* d least variances, the caller's */
	MixtureStats *stats;		/* of the last pass */
	MixtureRunner *runner;		/* made when first needed */
	MixtureParameters points[4];	/* an acceleration cycle's */
	bool		goes_on;		/* a run may go on from where it ends: the caller's */
	int			ready;			/* point that stats can be maximized from, or -1 */
	double		step_limit;		/* of extrapolations from there */
	int64_t		unreported;		/* blocks since the last report */
	double	   *coordinates;	/* and its scratch, made when first needed */
} Em;

/* What one call of em_run() did. */
typedef struct EmOutcome
{
	int			iterations;		/* M-steps and rejected extrapolations */
	bool		converged;
	double		log_likelihood;
	double		gain;			/* by the last pass */
	double		sum_weights;
	double		entropy;		/* of the responsibilities: em_score() */
} EmOutcome;

/* em.c */
extern void em_begin(Em *em, const MixtureSource *source, const double *center,
					 MixtureCovarianceType type, int k, const double *floor,
					 const MixtureHost *host);
extern void em_end(Em *em);
extern MixtureStatus em_pass(Em *em, const MixtureParameters *parameters,
							 bool m_step, MixtureError *error);
extern MixtureStatus em_run(Em *em, MixtureParameters *parameters, int max_iter,
							double tol, bool accelerate, EmOutcome *outcome,
							MixtureError *error);

extern MixtureStatus em_score(Em *em, const MixtureParameters *parameters,
							  EmOutcome *outcome, MixtureError *error);

/* squarem.c */
extern size_t squarem_scratch_count(MixtureCovarianceType type, int k, int d);
extern bool squarem_extrapolate(const MixtureParameters *first,
								const MixtureParameters *second,
								const MixtureParameters *third,
								double *step_limit, double *scratch,
								MixtureParameters *result,
								const MixtureHost *host);

/* center.c */
extern double *center_find(FeatureRange *range, int d, const MixtureHost *host);
extern void center_move(const double *center, MixtureParameters *parameters, double sign);
extern void center_block(const double *center, int d, MixtureBlock *block, double *features);

/* Rows as a source has them, block after block. */
typedef struct RowBlocks
{
	int			d;
	int64_t		n_rows;
	double	   *features;		/* d x n_rows, padded to whole vectors */
	double	   *weights;		/* n_rows, padded likewise */
} RowBlocks;

/* Rows of a sample with the same features missing, as many as a block has. */
typedef struct SamplePart
{
	int			n_rows;
	int			n_observed;
	const int  *order;			/* d, as a block has it; NULL if none is missing */
	int64_t		start;			/* of its first row in the parts' sequence */
	size_t		offset;			/* of its features, n_observed x n_rows */
} SamplePart;

/* The rows of a sample, where features are missing, as a source has them. */
typedef struct SampleParts
{
	int64_t		n;				/* 0 if no feature is missing */
	SamplePart *parts;
	int64_t    *sequence;		/* n_rows: numbers of rows in the order of parts */
	int		   *orders;			/* d for each pattern */
	double	   *features;		/* of all parts */
	double	   *weights;		/* n_rows, as the sequence */
	double	   *block;			/* d x MIXTURE_BLOCK_ROWS */
	double	   *block_weights;	/* MIXTURE_BLOCK_ROWS */
} SampleParts;

/*
 * Distinct rows with their weights, each an equal chance of being here, in an
 * order that depends on their content alone.
 */
typedef struct Sample
{
	int			d;
	int64_t		n_rows;			/* distinct ones */
	bool		complete;		/* every row of the source is in it */
	double	   *rows;			/* n_rows x d; a missing feature is NaN, until
								 * sample_fill() */
	double	   *weights;		/* n_rows */
	uint64_t   *hashes;			/* n_rows, for random choices among them */
	RowBlocks	blocks;			/* the same rows as a source has them; if some
								 * are missing features, once filled in */
	SampleParts parts;			/* these as a source has them as they are */
	MixtureSource source;
} Sample;

/* sample.c */
extern void sample_scan_ranges(const MixtureSource *source, FeatureRange *range,
							   const MixtureHost *host);
extern void sample_take(Sample *sample, const MixtureSource *source,
						const double *center, const FeatureRange *range,
						int64_t limit, uint64_t seed, const MixtureHost *host);
extern void sample_release(Sample *sample, const MixtureHost *host);
extern int64_t sample_padded(int64_t n_rows);
extern void sample_block(void *blocks, int64_t number, MixtureBlock *block);
extern void sample_source(RowBlocks *blocks, MixtureSource *source);
extern void sample_fill_blocks(Sample *sample, const MixtureHost *host);

/* sample_parts.c */
extern bool sample_has_missing(const Sample *sample);
extern void sample_make_parts(Sample *sample, const MixtureHost *host);
extern void sample_release_parts(Sample *sample, const MixtureHost *host);
extern void sample_fill(Sample *sample, const MixtureParameters *gaussian,
						const MixtureHost *host);

/* What is known of the rows before the first start. */
typedef struct Scales
{
	FeatureRange range;
	double	   *center;			/* what is subtracted from the rows, or NULL */
	MixtureParameters moments;	/* one component: mean and covariance */
	double	   *variances;		/* d */
	double	   *floor;			/* d */
	double		sum_weights;
} Scales;

/* scales.c */
extern MixtureStatus scales_scan(Scales *scales, const MixtureSource *source,
								 const MixtureHost *host, MixtureError *error);
extern MixtureStatus scales_find(Scales *scales, const MixtureSource *source,
								 const double *center, bool matrix, double reg_covar,
								 const MixtureHost *host, MixtureError *error);
extern MixtureStatus scales_correlate(Scales *scales, const MixtureSource *source,
									  const MixtureHost *host, MixtureError *error);
extern void scales_release(Scales *scales, const MixtureHost *host);
extern void scales_spread(const Scales *scales, bool along, double factor,
						  MixtureParameters *parameters);

/* order.c */
extern void order_components(const MixtureParameters *from, MixtureParameters *to,
							 const MixtureHost *host);

/*
 * Coordinates in which rows are compared: z = W (x - mean), W being the factor
 * of the metric's precision, so that all rows together have variance 1.
 */
typedef struct SeedSpace
{
	MixturePrepared *metric;	/* one component */
	RowBlocks	blocks;			/* the sample's rows; its weights */
	MixtureSource source;		/* of these */
} SeedSpace;

/* seeding.c */
extern bool seeding_space(SeedSpace *space, const Sample *sample, int64_t n_rows,
						  const MixtureParameters *metric, const MixtureHost *host);
extern void seeding_space_release(SeedSpace *space, const MixtureHost *host);
extern void seeding_row(const SeedSpace *space, int64_t row, double *values);
extern void seeding_leave(const SeedSpace *space, const double *values, double *row);
extern int64_t seeding_race(const Sample *sample, int64_t n_rows, const double *distances,
							uint64_t draw);
extern void seeding_choose(const Sample *sample, const SeedSpace *space,
						   MixtureInit init, bool greedy, uint64_t seed, int k,
						   int64_t *seeds, const MixtureHost *host);

/* Round components in a space, from which a run may begin. */
typedef struct Start
{
	int			number;
	int			space;
	int			n_starts;		/* that came here, itself among them */
	double		log_likelihood; /* in the space: comparable there only */
	MixtureParameters parameters;	/* spherical */
} Start;

/* What starts are made from. */
typedef struct Starts
{
	const MixtureHost *host;
	const MixtureOptions *options;
	const Scales *scales;
	const Sample *sample;
	int			k;
	SeedSpace	spaces[2];
	int			n_spaces;
	Em			em;				/* over one of the spaces or the other */
	double	   *floor;			/* d: the least variances there */
	int64_t    *seeds;			/* k */
} Starts;

/* starts.c */
extern void starts_begin(Starts *starts, const Scales *scales, const Sample *sample, int k,
						 const MixtureOptions *options, const MixtureHost *host);
extern MixtureStatus starts_find(Starts *starts, int number, int passes, double tol,
								 Start *start, MixtureError *error);
extern bool starts_near(const MixtureParameters *left, const MixtureParameters *right);
extern void starts_leave(const Starts *starts, const Start *start,
						 MixtureParameters *parameters);
extern void starts_end(Starts *starts);

/* Rows that are a component's, in part. */
typedef struct ComponentRows
{
	int64_t		n;
	int64_t		capacity;
	int64_t    *rows;			/* n: their numbers in the sample, ascending */
	double	   *shares;			/* n: weight times responsibility */
	double		sum;			/* of these */
} ComponentRows;

/* What splits of components are judged with. */
typedef struct Gains
{
	const MixtureHost *host;
	const Sample *sample;
	RowBlocks	blocks;			/* a component's rows */
	MixtureSource source;
	Em			one;			/* over these */
	Em			two;
} Gains;

/* What gains_visit() calls. */
typedef void (*GainsVisit) (void *context, int64_t first, const MixtureBlock *block,
							const KernelWork *work);

/* gains.c */
extern void gains_visit(const MixturePrepared *prepared, const Sample *sample,
						GainsVisit visit, void *context, const MixtureHost *host);
extern ComponentRows *gains_rows(const MixturePrepared *prepared, const Sample *sample,
								 const MixtureHost *host);
extern void gains_release(ComponentRows *rows, int k, const MixtureHost *host);
extern double gains_merger(const MixturePrepared *prepared, int a, int b,
						   const MixturePrepared *merged, const ComponentRows *rows);
extern void gains_begin(Gains *gains, const Sample *sample, MixtureCovarianceType type,
						int64_t most_rows, const double *floor, const MixtureHost *host);
extern void gains_end(Gains *gains);
extern double gains_split(Gains *gains, const ComponentRows *rows,
						  const MixtureParameters *whole, double least,
						  MixtureParameters *halves);

/* Two components to become one, and one to become two. */
typedef struct Move
{
	int			split;
	int			merge_into;
	int			merge_from;
	double		gain;			/* of log-likelihood, at least */
	double		loss;			/* of the merger alone, at most */
} Move;

/* Moves that are proposed from one optimum, at most */
#define MOVES_MOST 6

/* What moves are found with. */
typedef struct Moves
{
	const MixtureHost *host;
	MixtureParameters full;		/* the mixture, with covariance matrices */
	MixtureParameters halves;	/* 2k: of component c where it is split, 2c and
								 * 2c + 1, their weights being shares of its */
	double	   *within;			/* factor of the covariance within components */
	double	   *directions;		/* k x d: where each is longest */
	double	   *lengths;		/* k: and its variance there, relative to within */
	double	   *gains;			/* k: of splitting it */
	double	   *losses;			/* k (k - 1) / 2: of merging two of them */
	double	   *work;			/* d */
	double	   *center;			/* d: mean of all rows */
	bool	   *taken;			/* k: a proposed move is about it */
	Move		proposed[MOVES_MOST];	/* the best first */
	int			n_proposed;
	double		shortfall;		/* of the best move, if none is proposed */
} Moves;

/* moves.c */
extern bool moves_possible(MixtureCovarianceType type, int k, int d);
extern void moves_expand(const MixtureParameters *from, MixtureParameters *full,
						 const MixtureHost *host);
extern void moves_begin(Moves *moves, MixtureCovarianceType type, int k, int d,
						const MixtureHost *host);
extern void moves_end(Moves *moves);
extern bool moves_look(Moves *moves);
extern void moves_judge(Moves *moves, const MixtureParameters *parameters,
						const Sample *sample, double sum_weights, double doubt,
						const double *floor);
extern void moves_make(Moves *moves, const Move *move, MixtureParameters *parameters);

/* exchange.c */
extern bool exchange_possible(const MixtureParameters *parameters, double n_rows);
extern int	exchange_rows(const MixtureParameters *from, const Sample *sample,
						  double sum_weights, MixtureParameters *to,
						  const MixtureHost *host);

/* A start and how far it has come. */
typedef struct Candidate
{
	MixtureParameters parameters;
	EmOutcome	outcome;
	int			start;			/* its number */
	int			space;			/* that it was found in */
	int			n_starts;		/* that came here, itself among them */
	int			n_artefacts;	/* components that the rows do not support */
	int			n_reseeded;		/* components that were begun anew: repair.c */
} Candidate;

typedef struct SearchEffort SearchEffort;

/*
 * A search for one number of components of one family.  Several searches may
 * share scales and sample.
 */
typedef struct Search
{
	const MixtureHost *host;
	const MixtureOptions *options;
	const Scales *scales;
	const Sample *sample;
	const SearchEffort *effort;
	int			k;
	int			d;
	Starts		starts;
	const MixtureParameters *own_start; /* the caller's, the last of all; or NULL */
	Em			em;				/* over the sample */
	double		tol;			/* of the runs there */
	Candidate  *candidates;		/* kept ones, then a spare */
	int			n_kept;
	int			max_kept;
	int			kept_per_space;
	int			n_starts;
	int			n_best;			/* starts that came to the best optimum */
	bool		settled;		/* no move leads from there to a better one, up to
								 * this log-likelihood: */
	double		settled_until;
} Search;

/* search.c */
extern void search_begin(Search *search, const Scales *scales, const Sample *sample, int k,
						 const MixtureOptions *options, const MixtureHost *host);
extern void search_add_start(Search *search, const MixtureParameters *start);
extern MixtureStatus search_sample(Search *search, MixtureError *error);
extern MixtureStatus search_continue(Search *search, const MixtureSource *source,
									 MixtureError *error);
extern int	search_judge(const Search *search, const MixtureParameters *parameters,
						 MixtureSuspicion *suspicions);
extern void search_end(Search *search);

/* fit.c */
extern MixtureStatus search_prepare(Scales *scales, Sample *sample,
									const MixtureSource *source, int least_k, int most_k,
									bool matrix, const MixtureOptions *options,
									const MixtureHost *host, MixtureError *error);
extern void search_result(const Search *search, int64_t n_rows, MixtureFit *fit);

/* repair.c */
extern MixtureStatus repair_best(Search *search, MixtureError *error);

/* How far the means of a component's halves are from its own, in its deviations */
#define MIXTURE_HALF_DISTANCE 0.8

/* split.c */
extern bool split_worst(const MixtureParameters *from, const Scales *scales,
						const Sample *sample, MixtureParameters *to,
						const MixtureHost *host);

#endif							/* GMM_ENGINE_INTERNAL_H */
