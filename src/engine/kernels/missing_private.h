/*
 * missing_private.h
 *	  What the files share that see to missing features.
 */
#ifndef GMM_ENGINE_MISSING_PRIVATE_H
#define GMM_ENGINE_MISSING_PRIVATE_H

#include "engine/core/linalg.h"
#include "engine/core/regression.h"
#include "engine/kernels/kernels.h"

/* Half the logarithm of 2 pi */
#define HALF_LOG_TWO_PI 0.9189385332046727417803297364056

/* What is known of a pattern that many rows have: missing_models.c */
typedef struct MissingModel MissingModel;
typedef struct MissingModels MissingModels;

/* A pattern of missing features among the rows of a block. */
typedef struct MissingPattern
{
	uint64_t	key;			/* missing_slot() takes */
	int			first;			/* row that has it */
	int			n_rows;
	int			n_missing;
	int			place;			/* in `taken`, where there is a model */
	MissingModel *model;		/* or NULL */
} MissingPattern;

/* Slots of a table of patterns: a power of two, more than rows */
#define PATTERN_SLOTS 1024

/* The rows of a block, or some of them, sorted for the kernels. */
typedef struct MissingRows
{
	int			d;
	int			stride;			/* of rows, as MissingScratch has it */
	int			n_words;		/* of bits for a row */
	int			n_rows;			/* with those that fill up vectors */
	int			n_groups;
	int			largest;		/* n_solved of a group that is not alone */
	size_t		n_missing;		/* places of all groups */
	size_t		n_factors;		/* and of their factors */
	bool		covariance;		/* some groups are on that side */
	double	   *features;		/* d + 1 x MISSING_ROWS */
	double	   *weights;		/* MISSING_ROWS */
	double	   *by_row;			/* MISSING_ROWS x stride */
	uint16_t   *numbers;		/* the groups' features */
	uint16_t   *next_numbers;
	uint32_t   *places;			/* the same of missing features: their places */
	uint32_t   *next_places;
	MissingGroup *groups;
	uint64_t   *bits;			/* n_words x MISSING_ROWS: of unsorted rows */
	int		   *starts;			/* d + 2: of rows, by how many are missing */
	int			taken[MIXTURE_BLOCK_ROWS];	/* unsorted rows of patterns that have models,
											 * one pattern after the other */
	int			sources[MISSING_ROWS];	/* number of the unsorted row */
	double		labels[MISSING_ROWS];	/* only where the block has labels */
	uint16_t	row_patterns[MISSING_ROWS];
	uint16_t	slots[PATTERN_SLOTS];	/* pattern + 1 */
	int			n_patterns;
	MissingPattern patterns[MISSING_ROWS];
} MissingRows;

/* Scratch, and what has been made of the parameters of the pass. */
struct MissingWork
{
	MixtureCovarianceType covariance_type;
	int			k;
	int			d;
	int			n_matrices;		/* 0: the family has none */
	int			n_sets;			/* of components */
	int			width;			/* of a set, but for the last, which may be narrower */
	const MixtureParameters *parameters;	/* of the pass */
	const MixturePrepared *prepared;
	bool		m_step;			/* one is to follow the pass */
	bool		ready;			/* constants, means and precisions are */
	bool		covariances_ready;
	double	   *constants;		/* diag k x d, spherical k: what a missing
								 * feature adds to the log density */
	MissingSet *sets;
	double	   *side_memory[2]; /* of precisions, of covariances */
	bool	   *doubtful;		/* matrices that are so nearly singular that
								 * rows are done one by one */
	double	   *half_logs;		/* of the determinants of covariances */
	double	   *n_covariance;	/* responsibility in rows on that side */
	double	   *means;			/* of the sets */
	double	   *shifts;			/* of the sets: missing_shifts() */
	double	   *exact;			/* k x MISSING_ROWS: log densities of rows done
								 * one by one */
	double	   *shares;			/* MISSING_ROWS x width */
	double		sums[MISSING_MOST_WIDTH][MISSING_ROWS / MIXTURE_LANES]; /* of these, in
														 * each group */
	double		largest_shift;	/* of a block, or 0 */
	size_t		filled_size;
	double	   *filled;			/* k x places */
	size_t		kept_size;
	double	   *kept;			/* factors of a block, or NULL */
	bool		keeps;			/* they are kept for the present block */
	bool		together;		/* components, as they share a matrix */
	MissingShared shared;
	double	   *shared_memory;	/* or NULL */
	MissingSet	origin;			/* of one component, whose mean is the origin */
	bool		alone[MISSING_ROWS];	/* rows that were done one by one, then */
	MissingRows *rows;
	MissingModels *models;
	MissingScratch scratch;
	int			factor_rows;	/* that its factors have place for */
	Regression	regression;		/* of the last row that was done alone */
	int			regression_of;	/* its matrix, or -1 */
	int		   *order;			/* d: and its pattern */
	int		   *next_order;
};

/* Where to look first for a pattern in a table of so many slots, a power of two. */
static inline unsigned
missing_slot(uint64_t key, unsigned n_slots)
{
	return (unsigned) (key * UINT64_C(0x9e3779b97f4a7c15) >> 52) & (n_slots - 1);
}

/* The least number of whole vectors' lanes that holds so many. */
static inline int
whole_lanes(int n)
{
	return (n + MIXTURE_LANES - 1) / MIXTURE_LANES * MIXTURE_LANES;
}

/*
 * Memory for vectors, which are read twice where they straddle cache lines, to be
 * given back by missing_free().
 */
static inline void *
missing_allocate(size_t size, const MixtureHost *host)
{
	char	   *memory = host->allocate(host->context, size + 64 + sizeof(void *));
	uintptr_t	aligned = ((uintptr_t) memory + sizeof(void *) + 63) & ~(uintptr_t) 63;

	((void **) aligned)[-1] = memory;
	return (void *) aligned;
}

/* Give such memory back, if it is there. */
static inline void
missing_free(void *memory, const MixtureHost *host)
{
	if (memory != NULL)
		host->release(host->context, ((void **) memory)[-1]);
}

/* The number of a component's matrix. */
static inline int
missing_matrix(const MissingWork *missing, int c)
{
	return missing->covariance_type == MIXTURE_TIED ? 0 : c;
}

/* The set of a component. */
static inline MissingSet *
missing_set(const MissingWork *missing, int c)
{
	return &missing->sets[c / missing->width];
}

/*
 * What is filled in for a component in a group, n_missing x MIXTURE_LANES, each so far
 * from the last as the set is wide.
 */
static inline double *
missing_filled(const MissingWork *missing, const MissingGroup *group, int c)
{
	const MissingSet *set = missing_set(missing, c);

	return set->filled + group->place * set->width + c % missing->width;
}

/* Shifts of a component, each so far from the last as the set is wide. */
static inline double *
missing_shifts(const MissingWork *missing, int c)
{
	return missing_set(missing, c)->shifts + c % missing->width;
}

/*
 * Whether what components that share a matrix are apart is added with the residuals of
 * such a group: if these are of the missing features of single rows, too.
 */
static inline bool
missing_spreads_residuals(const MissingGroup *group)
{
	return !group->alone && !group->covariance;
}

/* missing_rows.c */
extern MissingRows *missing_rows_create(int d, int stride, const MixtureHost *host);
extern void missing_rows_release(MissingRows *rows, const MixtureHost *host);
extern void missing_rows_find(MissingRows *rows, const MixtureBlock *block);
extern void missing_rows_sort(MissingRows *rows, const MixtureBlock *block);
extern void missing_pattern_order(const MissingRows *rows, const MissingPattern *pattern,
								  int *order);
extern int	missing_rows_order(const MissingRows *rows, int row, int *order);
extern void missing_rows_put(const MissingRows *rows, const MissingGroup *group,
							 const double *filled, size_t step);

/* missing_sides.c */
extern bool missing_is_doubtful(const double *precision, const double *covariance, int d);
extern void missing_make_sides(MissingWork *missing, const MixtureHost *host);
extern void missing_make_covariances(MissingWork *missing, const MixtureHost *host);
extern void missing_release_sides(MissingWork *missing, const MixtureHost *host);
extern void missing_add_residuals(MissingWork *missing, MixtureStats *stats,
								  const MixtureHost *host);

/* missing_alone.c */
extern const Regression *missing_regress(MissingWork *missing, int c, int row,
										 const MixtureHost *host);
extern void missing_fill_alone(MissingWork *missing, const MissingGroup *group, int c,
							   int lane, const MixtureHost *host);
extern void missing_add_alone(MissingWork *missing, int c, int row, double share,
							  MixtureStats *stats, const MixtureHost *host);

/* missing.c */
extern void missing_add_set(MissingWork *missing, int set, const KernelWork *work,
							MixtureStats *stats, const MixtureHost *host);

/* missing_shared.c */
extern bool missing_shared_begin(MissingWork *missing, const MixtureHost *host);
extern void missing_shared_ready(MissingWork *missing, bool m_step);
extern void missing_shared_accumulate(MissingWork *missing, const MixtureBlock *block,
									  bool m_step, const KernelWork *work,
									  MixtureStats *stats, const MixtureHost *host);
extern void missing_shared_finish(MissingWork *missing, MixtureStats *stats,
								  const MixtureHost *host);

/* missing_models.c */
extern MissingModels *missing_models_create(const MixtureHost *host);
extern void missing_models_release(MissingModels *models, const MixtureHost *host);
extern void missing_models_begin(MissingModels *models, const MixtureHost *host);
extern void missing_models_find(MissingWork *missing, const MixtureHost *host);
extern void missing_models_take(MissingWork *missing, const MixtureBlock *block,
								const MixtureHost *host);
extern void missing_models_finish(MissingWork *missing, MixtureStats *stats,
								  const MixtureHost *host);

#endif							/* GMM_ENGINE_MISSING_PRIVATE_H */
