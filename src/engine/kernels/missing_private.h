/*
 * missing_private.h
 *	  What the files share that see to missing features.
 */
#ifndef GMM_ENGINE_MISSING_PRIVATE_H
#define GMM_ENGINE_MISSING_PRIVATE_H

#include "engine/core/linalg.h"
#include "engine/core/regression.h"
#include "engine/kernels/kernels.h"

/* A pattern of missing features among the rows that are being sorted. */
typedef struct MissingPattern
{
	int			first;			/* row that has it */
	int			n_rows;
	int			n_missing;
	int			n_same;			/* that get a group of their own */
	int			place;			/* where that begins */
	int			n_placed;
} MissingPattern;

/* Slots of a table of patterns: a power of two, more than rows */
#define PATTERN_SLOTS 1024

/* The rows of a block, or some of them, sorted for the kernels. */
typedef struct MissingRows
{
	int			d;
	int			stride;			/* as MissingScratch has it */
	int			n_words;		/* of bits for a row */
	int			n_rows;			/* with those that fill up vectors */
	int			n_complete;		/* the first ones, whole MIXTURE_LANES */
	int			n_groups;
	int			largest;		/* n_solved of a group that is not alone */
	size_t		n_missing;		/* places of all groups */
	bool		sides[2];		/* which there are */
	double	   *features;		/* d + 1 x MISSING_ROWS */
	double	   *weights;		/* MISSING_ROWS */
	double	   *by_row;			/* MISSING_ROWS x stride: mixed rows */
	uint16_t   *numbers;		/* the groups' features */
	uint16_t   *next_numbers;
	MissingGroup *groups;
	uint64_t   *bits;			/* n_words x MISSING_ROWS: of unsorted rows */
	int		   *starts;			/* d + 2: of mixed rows, by how many are missing */
	int			sources[MISSING_ROWS];	/* number of the unsorted row */
	uint16_t	row_patterns[MISSING_ROWS];
	uint16_t	slots[PATTERN_SLOTS];	/* pattern + 1 */
	int			n_patterns;
	MissingPattern patterns[MISSING_ROWS];
} MissingRows;

/* The least number of whole vectors' lanes that holds so many. */
static inline int
whole_lanes(int n)
{
	return (n + MIXTURE_LANES - 1) / MIXTURE_LANES * MIXTURE_LANES;
}

/* missing_rows.c */
extern MissingRows *missing_rows_create(int d, int stride, const MixtureHost *host);
extern void missing_rows_release(MissingRows *rows, const MixtureHost *host);
extern void missing_rows_sort(MissingRows *rows, const MixtureBlock *block);
extern int	missing_rows_order(const MissingRows *rows, int row, int *order);
extern void missing_rows_put(const MissingRows *rows, const MissingGroup *group,
							 const double *filled);

/* Scratch, and what has been made of the parameters of the pass. */
struct MissingWork
{
	MixtureCovarianceType covariance_type;
	int			k;
	int			d;
	int			n_matrices;
	const MixtureParameters *parameters;	/* of the pass */
	const MixturePrepared *prepared;
	bool		ready;			/* constants, means and precisions are */
	bool		covariances_ready;
	double	   *constants;		/* diag k x d, spherical k: what a missing
								 * feature adds to the log density */
	MissingSide (*sides)[2];	/* of each matrix */
	double	   *side_memory[2]; /* of precisions, of covariances */
	bool	   *doubtful;		/* matrices that are so nearly singular that
								 * rows are done one by one */
	double	   *means;			/* k x stride */
	MissingComponent *components;	/* k */
	double	   *shifts;			/* k x MISSING_ROWS */
	double	   *exact;			/* k x MISSING_ROWS: log densities of rows done
								 * one by one */
	size_t		filled_size;
	double	   *filled;			/* k x places */
	double	   *residuals;		/* of all matrices and both sides */
	double	   *n_covariance;	/* responsibility in the second of these */
	double	   *shares;			/* MISSING_ROWS */
	double		largest_shift;	/* of a block, or 0 */
	MissingRows *rows;
	MissingScratch scratch;
	int			factor_rows;	/* that its factor has place for */
	Regression	regression;		/* of the last row that was done alone */
	int			regression_of;	/* its matrix, or -1 */
	int		   *order;			/* d: and its pattern */
	int		   *next_order;
};

/* missing_sides.c */
extern void missing_make_sides(MissingWork *missing, const MixtureHost *host);
extern void missing_make_covariances(MissingWork *missing, const MixtureHost *host);
extern void missing_add_residuals(MissingWork *missing, MixtureStats *stats,
								  const MixtureHost *host);

#endif							/* GMM_ENGINE_MISSING_PRIVATE_H */
