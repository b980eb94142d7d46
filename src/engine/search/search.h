/*
 * search.h
 *	  The search for the best optimum on a sample.
 */
#ifndef GMM_ENGINE_SEARCH_H
#define GMM_ENGINE_SEARCH_H

#include "engine/em/em.h"
#include "engine/kernels/kernels.h"
#include "engine/sample/sample.h"

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

/* repair.c */
extern MixtureStatus repair_best(Search *search, MixtureError *error);

/* How far the means of a component's halves are from its own, in its deviations */
#define MIXTURE_HALF_DISTANCE 0.8

/* split.c */
extern bool split_worst(const MixtureParameters *from, const Scales *scales,
						const Sample *sample, MixtureParameters *to,
						const MixtureHost *host);

#endif							/* GMM_ENGINE_SEARCH_H */
