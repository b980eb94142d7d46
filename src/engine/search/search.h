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
 * Parts of the search, of which the benchmark leaves out one at a time by defining
 * SEARCH_WITHOUT, to see what each is worth.
 */
typedef enum SearchPart
{
	SEARCH_NOTHING,
	SEARCH_MOVES,				/* all moves */
	SEARCH_AGGLOMERATION,		/* starts of merged clusters */
	SEARCH_STRETCHING,			/* starts in stretched features */
	SEARCH_ROUND_SPACE,			/* starts where all rows together are round */
	SEARCH_SEEDS_BY_WEIGHT,		/* starts from rows drawn by their weight alone */
	SEARCH_EXCHANGE,			/* single rows exchanged */
	SEARCH_CROSSING,			/* starts made of two ends */
	SEARCH_BIRTHS,				/* components put where one more would gain */
	SEARCH_DOUBLING,			/* starts of which all components are cut at once */
	SEARCH_LINES				/* a start along the lines that stand out */
} SearchPart;

#ifndef SEARCH_WITHOUT
#define SEARCH_WITHOUT SEARCH_NOTHING
#endif

/* Coordinates in which rows are compared. */
typedef struct SeedSpace
{
	RowBlocks	blocks;			/* the sample's rows; its weights */
	double	   *rows;			/* these rows one after the other */
	MixtureSource source;		/* of these */
	double		across;			/* variance beside the directions that there are */
} SeedSpace;

/* seeding.c */
extern void seeding_space(SeedSpace *space, const Sample *sample, int64_t n_rows,
						  const Scales *scales, const double *deviations,
						  const double *factor, const MixtureHost *host);
extern void seeding_allocate(SeedSpace *space, const Sample *sample, int64_t n_rows, int d,
							 const MixtureHost *host);
extern void seeding_copy_rows(SeedSpace *space, int64_t number);
extern void seeding_space_release(SeedSpace *space, const MixtureHost *host);
extern void seeding_choose(const Sample *sample, const SeedSpace *space,
						   MixtureInit init, uint64_t seed, int k,
						   int64_t *seeds, const MixtureHost *host);

/* directions.c */
extern int	directions_wanted(int k, int d);
extern bool directions_space(SeedSpace *space, const Sample *sample, int64_t n_rows,
							 const Scales *scales, const double *deviations, int q,
							 const MixtureHost *host);

extern void directions_rows(SeedSpace *space, const Sample *sample, int64_t n_rows,
							const Scales *scales, const double *directions, int q,
							const MixtureHost *host);

/* Lines through the middle of the rows. */
typedef struct Lines
{
	const MixtureHost *host;
	const Sample *sample;
	const Scales *scales;
	int			n;
	double	   *principal;		/* those after the features, each of d values; or NULL */
} Lines;

/* lines.c */
extern void lines_begin(Lines *lines, const Sample *sample, const Scales *scales,
						const MixtureHost *host);
extern void lines_end(Lines *lines);
extern void lines_copy(const Lines *lines, int number, double width, double *to);
extern void lines_space(const Lines *lines, int number, int64_t n_rows, SeedSpace *space);
extern double lines_width(const SeedSpace *space, double *equal);

/* Shares of rows that are taken for noise in turn, by one start after the other */
#define BACKGROUND_SHARES 7

/* background.c */
typedef struct Background Background;

extern Background *background_create(const Sample *sample, int64_t n,
									 const MixtureHost *host);
extern void background_release(Background *background);
extern const Sample *background_rest(const Background *background);
extern void background_find(Background *background, const SeedSpace *space);
extern double background_clear(Background *background, int number, int n);

/* Rows that are a component's, in part. */
typedef struct ComponentRows
{
	int64_t		n;
	int64_t		capacity;
	int64_t    *rows;			/* n: their numbers in the sample, ascending */
	double	   *shares;			/* n: weight times responsibility */
	double		sum;			/* of these */
} ComponentRows;

/* A cut of rows in two: those whose product with `line` exceeds the threshold */
typedef struct Cut
{
	const double *line;			/* d */
	double		threshold;
} Cut;

/* cuts.c */
typedef struct Cuts Cuts;

extern Cuts *cuts_create(const Sample *sample, MixtureCovarianceType type,
						 const MixtureHost *host);
extern void cuts_release(Cuts *cuts);
extern void cuts_about(Cuts *cuts, const double *within);
extern int64_t cuts_least_rows(MixtureCovarianceType type, int d);
extern bool cuts_find(Cuts *cuts, const ComponentRows *of, Cut *cut);

/* What components are looked at with by themselves. */
typedef struct Local
{
	const MixtureHost *host;
	const Sample *sample;
	RowBlocks	blocks;			/* a component's rows */
	MixtureSource source;
	Em			one;			/* over these */
	Em			two;
} Local;

/* What local_visit() calls. */
typedef void (*LocalVisit) (void *context, int64_t first, const MixtureBlock *block,
							const KernelWork *work);

/* local.c */
extern void local_visit(const MixturePrepared *prepared, const Sample *sample,
						LocalVisit visit, void *context, const MixtureHost *host);
extern ComponentRows *local_rows(const MixturePrepared *prepared, const Sample *sample,
								 const MixtureHost *host);
extern void local_release(ComponentRows *rows, int k, const MixtureHost *host);
extern void local_begin(Local *local, const Sample *sample, MixtureCovarianceType type,
						int64_t most_rows, const double *floor, const MixtureHost *host);
extern void local_end(Local *local);
extern void local_gather(Local *local, const ComponentRows *of);
extern double local_split(Local *local, const ComponentRows *rows,
						  const MixtureParameters *whole, const Cut *cut,
						  MixtureParameters *halves);
extern double local_choice(const ComponentRows *a, const ComponentRows *b);

/* Which start is found along lines, where some stand out */
#define STARTS_ALONG_LINES 2

/* What starts are made from. */
typedef struct Starts
{
	const MixtureHost *host;
	const MixtureOptions *options;
	const Scales *scales;
	const Sample *sample;
	Background *background;		/* NULL where there is to be no noise */
	double		noise_weight;	/* in the start at hand */
	int			k;
	double	   *factor;			/* of the covariance of all rows; or NULL */
	bool		has_round;		/* it makes them round */
	SeedSpace	space;			/* of the start at hand */
	SeedSpace	narrow;			/* along few directions; rows NULL until it is wanted */
	bool		is_narrow;		/* the start at hand is there */
	int			most_seeds;		/* of a start whose clusters are merged */
	int			n_seeds;		/* of the start at hand */
	bool		rough;			/* it: its clusters are the rows nearest to each seed */
	int64_t    *seeds;			/* most_seeds */
	int		   *clusters;		/* of the space's rows */
	double	   *centers;		/* most_seeds x d */
	double	   *sums;			/* most_seeds x (d + 1): of each cluster's rows, by
								 * weight, and of these weights */
} Starts;

/* components.c */
extern void components_merge(const MixtureParameters *from, int a, int b,
							 MixtureParameters *to, int c, double *work);
extern void components_copy(const MixtureParameters *from, int a, MixtureParameters *to,
							int c);
extern double components_price(MixtureCovarianceType type, int d, double n_rows,
							   double row_weight);
extern void components_whiten(const MixtureParameters *parameters, const double *factor,
							  double *whitened, const MixtureHost *host);
extern void components_agglomerate(MixtureParameters *parameters, int n_apart, int k,
								   const MixtureHost *host);

/* starts.c */
extern void starts_begin(Starts *starts, const Scales *scales, const Sample *sample, int k,
						 const MixtureOptions *options, const MixtureHost *host);
extern bool starts_compete(const Starts *starts, int number);
extern double starts_find(Starts *starts, int number, bool varied);
extern int	starts_choose(Starts *starts, int n, bool plain);
extern void starts_leave(Starts *starts, MixtureParameters *parameters);
extern const double *starts_row(const Starts *starts, uint64_t seed);
extern void starts_end(Starts *starts);

/* Ends that are remembered, the highest */
#define MOST_ENDS 8

/* Where starts have ended. */
typedef struct End
{
	MixtureParameters parameters;
	double		score;
	bool		sound;			/* it has no artefacts */
	int			n_starts;		/* that ended here */
	int			n_alone;		/* of these, that were not made of other ends */
} End;

typedef struct Ends
{
	const MixtureHost *host;
	int			n;
	int			n_sound;		/* the first of them */
	int			most;
	End			ends[MOST_ENDS];	/* the highest first */
} Ends;

/* ends.c */
extern void ends_begin(Ends *ends, MixtureCovarianceType type, int k, int d,
					   const MixtureHost *host);
extern void ends_release(Ends *ends);
extern bool ends_note(Ends *ends, const MixtureParameters *parameters, double score,
					  bool sound, bool crossed);
extern const End *ends_find(const Ends *ends, const MixtureParameters *parameters);
extern bool ends_cross(const Ends *ends, int number, uint64_t seed, const Starts *starts,
					   MixtureParameters *to);

/* doubles.c */
extern bool doubles_make(const MixtureParameters *end, const Sample *sample,
						 const MixtureBounds *bounds, MixtureParameters *to,
						 const MixtureHost *host);

/* Two components to become one, and one to become two. */
typedef struct Move
{
	int			split;			/* or the number of a birth */
	bool		birth;			/* one more instead of a split */
	int			merge_into;
	int			merge_from;
	double		gain;			/* of log-likelihood, at least */
	double		loss;			/* of the merger alone, at most */
	int			reseeds;		/* suspect components that are merged away */
} Move;

/* Two components, and what is lost where they become one */
typedef struct Pair
{
	int			a;
	int			b;
	double		loss;
} Pair;

/* Moves that are proposed from one optimum, at most */
#define MOVES_MOST 6

/* Places for one more component, at most */
#define BIRTHS_MOST 3

/* births.c */
extern int	births_find(const Sample *sample, const Scales *scales,
						const MixtureParameters *parameters, const double *factor,
						const ComponentRows *rows, int most, double *to, double *shares,
						double *gains, const MixtureHost *host);

/* What moves are found with. */
typedef struct Moves
{
	const MixtureHost *host;
	const Sample *sample;
	const double *floor;
	const Scales *scales;		/* where births take the place of splits, or NULL */
	int			k;
	Cuts	   *cuts;			/* NULL where there are no moves */
	MixtureParameters halves;	/* 2k: of component c, where it is split, 2c and
								 * 2c + 1, their weights being shares of its; or of
								 * birth b, b */
	double	   *gains;			/* k: of splitting it, or of a birth */
	int			n_births;		/* which there are instead of splits, if any */
	Pair	   *pairs;			/* k (k - 1) / 2 */
	size_t		n_pairs;		/* that are judged */
	double		least_loss;		/* of these */
	double		price;			/* what BIC takes for a component */
	double	   *work;			/* d */
	double	   *within;			/* the covariance within components */
	double		row_weight;		/* of one row */
	Move		proposed[MOVES_MOST];	/* the best first */
	int			n_proposed;
} Moves;

/* What is to be thought of a mixture from which no move leads higher */
typedef enum MovesDoubt
{
	MOVES_SURE,
	MOVES_WANTING,				/* one more component would gain more than it takes */
	MOVES_MISSING				/* some move should have led higher */
} MovesDoubt;

/* moves.c */
extern bool moves_possible(int k);
extern void moves_begin(Moves *moves, MixtureCovarianceType type, int k,
						const Sample *sample, const double *floor, const MixtureHost *host);
extern void moves_end(Moves *moves);
extern void moves_judge(Moves *moves, const MixtureParameters *parameters,
						const MixtureSuspicion *suspicions, double sum_weights,
						double n_rows);
extern int	moves_worth(const Moves *moves, int most, int few);
extern MovesDoubt moves_doubt(const Moves *moves);
extern void moves_make(Moves *moves, const Move *move, MixtureParameters *parameters);

/* exchange.c */
extern bool exchange_possible(const MixtureParameters *parameters, double n_rows);
extern int	exchange_rows(const MixtureParameters *from, const Sample *sample,
						  double sum_weights, MixtureParameters *to,
						  const MixtureHost *host);

/* The classes that some rows of a sample are known to be of: labels.c */
typedef struct Labels Labels;

extern Labels *labels_create(const Sample *sample, int k, const MixtureHost *host);
extern void labels_release(Labels *labels);
extern void labels_place(Labels *labels, MixtureParameters *parameters);
extern void labels_begin(Labels *labels, int number, MixtureParameters *parameters);
extern const bool *labels_seen(const Labels *labels);

/* A mixture on its way, and how far it has come. */
typedef struct Candidate
{
	MixtureParameters parameters;
	EmOutcome	outcome;
	double		score;			/* what it is worth: candidate.c */
	int			n_artefacts;	/* components that the rows do not support */
	int			n_reseeded;		/* suspect components that were put elsewhere */
	MovesDoubt	doubt;			/* where moves led from it no more */
} Candidate;

/*
 * How much is tried: of a sample over which a pass is cheap, everything; of
 * others, what promises the most.
 */
typedef struct SearchEffort
{
	double		work;			/* operations of a pass, up to which it holds */
	int			most_starts;	/* where nobody has said how many */
	bool		chooses;		/* gives a start up at once that is not closer to its
								 * rows than those before, and one that does not lead
								 * higher than these after the first passes: */
	int			trial_iterations;
	double		hope;			/* gains of the last pass that a run may still
								 * catch up with */
	double		tol;			/* change of the mean log-likelihood at which a
								 * run ends while there is a choice */
	int			moves;			/* that are tried one by one, even after enough work */
} SearchEffort;

/*
 * A search for one number of components of one family.  Several searches may
 * share scales and sample.
 */
typedef struct Search
{
	const MixtureHost *host;
	const MixtureOptions *options;
	const Scales *scales;
	const double *floor;		/* the scales', of the family */
	const Sample *sample;
	int			k;
	int			d;
	int			n_starts;
	const SearchEffort *effort;
	double		passes;			/* over the sample, so far */
	const MixturePrior *prior;	/* or NULL */
	Labels	   *labels;			/* or NULL */
	Starts		starts;
	Moves		moves;
	Em			em;				/* over the sample */
	double		tol;			/* of the runs there */
	Candidate	best;			/* what is found */
	int			n_best;			/* starts that came to it */
	Candidate	spare;			/* the start at hand */
	Candidate	improved;		/* what moves make of its end */
	Candidate	moved;			/* one of these moves */
	MixtureParameters widened;	/* for judging */
	MixtureSuspicion *suspicions;	/* k */
	double		least_spread;	/* of the starts so far: how close to their rows */
	double		highest_trial;	/* score */
	double		highest_end;	/* score */
	int			n_ended;		/* starts that came to an end */
	Candidate	record;			/* the highest end */
	bool		puts_off;		/* going on from it */
	int			n_improved;		/* ends that were gone on from */
	Ends		ends;
} Search;

/* Log-likelihoods per unit of weight that are the same optimum */
#define SAME_OPTIMUM 1e-5

/* candidate.c */
extern double search_n_rows(const Search *search);
extern double search_judged_rows(const Search *search);
extern double search_suspect_price(const Search *search, const Candidate *candidate);
extern void search_judge(Search *search, Candidate *candidate);
extern bool search_better(const Candidate *a, const Candidate *b);
extern MixtureStatus search_advance(Search *search, Candidate *candidate, int passes,
									double tol, MixtureError *error);
extern bool search_finished(const Search *search, const Candidate *candidate);
extern bool search_hopeless(const Candidate *candidate, double score, double hope);
extern void search_swap(Candidate *a, Candidate *b);
extern void search_copy(Candidate *to, const Candidate *from);

/* improve.c */
extern MixtureStatus search_finish(Search *search, Candidate *candidate, MixtureError *error);
extern MixtureStatus search_improve(Search *search, const Candidate *end, MixtureError *error);
extern MixtureStatus search_improve_record(Search *search, MixtureError *error);

/* outliers.c */
extern void outliers_absorb(Search *search);

/* search.c */
extern void search_begin(Search *search, const Scales *scales, const Sample *sample, int k,
						 const MixtureOptions *options, const MixtureHost *host);
extern MixtureStatus search_starts(Search *search, MixtureError *error);
extern bool search_worked_enough(const Search *search, double since);
extern bool search_follow(Search *search, const MixtureParameters *parameters);
extern void search_take(Search *search, int n_best);
extern MixtureStatus search_sample(Search *search, MixtureError *error);
extern MixtureStatus search_continue(Search *search, const MixtureSource *source,
									 MixtureError *error);
extern void search_begin_again(Search *again, const Search *search, const Sample *rows,
							   MixtureOptions *options, MixtureHost *quiet);
extern void search_end(Search *search);

#endif							/* GMM_ENGINE_SEARCH_H */
