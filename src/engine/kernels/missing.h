/*
 * missing.h
 *	  Blocks with missing features, for the families with matrices: what
 *	  missing.c keeps and the kernels fill (kernels_missing.h).
 */
#ifndef GMM_ENGINE_MISSING_H
#define GMM_ENGINE_MISSING_H

#include "engine/core/core.h"

/*
 * Most features for which equations are solved lane by lane: a triangle of
 * vectors of more leaves the caches.
 */
#define MISSING_MOST_SOLVED 384

/* The widest set of components, and the narrowest of those of more than one */
#define MISSING_MOST_WIDTH 4
#define MISSING_LEAST_WIDTH 2

/*
 * Rows of a block once they are sorted: each of the two sides may have to be
 * filled up to whole vectors.
 */
#define MISSING_ROWS (MIXTURE_BLOCK_ROWS + 2 * MIXTURE_LANES)

/*
 * One side of a set of components: their precision matrices, of which the
 * equations of the missing features are solved, or their covariances, for the
 * observed ones.  Values of the set's components stand beside each other.  All is
 * scaled so that the diagonal is 1, and there is one feature more than there are,
 * which depends on no other and stands where a lane has no feature.
 */
typedef struct MissingSide
{
	double	   *matrix;			/* d + 1 rows of `stride`; zeros beyond d */
	double	   *into;			/* stride: what deviations are multiplied by */
	double	   *out;			/* d + 1: and what is solved for, if missing */
	double	   *constants;		/* d + 1: what each feature solved for adds to
								 * the log density */
	double	   *constant;		/* 1: what all rows of this side add */
	double	   *residuals;		/* as matrix, below the diagonal: inverses of
								 * what was solved, by responsibility */
} MissingSide;

/* A set of components; of a tied family, one whose sides are those of all. */
typedef struct MissingSet
{
	int			n;				/* components in it */
	int			width;			/* and places for them, as they stand in matrices */
	MissingSide sides[2];		/* precision, covariance */
	double	   *mean;			/* stride, zeros beyond d; beside each other */
	double	   *filled;			/* of each component, the missing features of all
								 * groups: missing_filled() */
	double	   *shifts;			/* MISSING_ROWS of sets: from the log density of the row,
								 * once filled, to that of what was observed; NaN
								 * where solving it so loses digits */
} MissingSet;

/* MIXTURE_LANES rows that are worked on together. */
typedef struct MissingGroup
{
	int			start;			/* in the sorted rows */
	bool		covariance;		/* the side */
	bool		alone;			/* row by row, as there is too much to solve */
	bool		doubtful;		/* some rows are, as digits are lost */
	int			n_solved;		/* features of the side, at the most */
	int			n_missing;
	const uint16_t *solved;		/* their numbers, ascending and then d; n_solved x
								 * MIXTURE_LANES */
	const uint16_t *missing;	/* likewise */
	const uint32_t *places;		/* where the missing ones go in the sorted rows'
								 * features */
	const double *rows;			/* MIXTURE_LANES x row_stride, row by row; NaN is
								 * missing */
	size_t		place;			/* of the missing ones in `filled`, n_missing x
								 * MIXTURE_LANES, if that is of one component */
	size_t		factor_place;	/* of its factors, if these are kept */
} MissingGroup;

/*
 * What components are apart that share a covariance, in rows of which features are
 * missing: missing_shared.c.  What is `padded` has the components' values of one
 * feature beside each other, filled up with zeros.
 */
typedef struct MissingShared
{
	int			k;
	size_t		padded;			/* k, filled up to whole vectors */
	double	   *apart;			/* k x d: means less the origin */
	double	   *sources[2];		/* d + 1 x padded: right sides of either side's
								 * equations for these, scaled */
	double	   *lengths;		/* k: squared, of these times the precision's factor */
	bool		m_step;			/* steps are needed */
	double	   *steps;			/* what completed rows are apart from the one about the
								 * origin, scaled as the precision matrix is: of the rows of
								 * groups n_missing x padded each */
	double	   *shifts;			/* k x MISSING_ROWS: of log densities; NaN where digits
								 * are lost */
	double	   *sums;			/* d + 1 x padded: of these less their mean, by share */
	double	   *right;			/* scratch: d + 1 x padded */
	double	   *least;			/* padded: roots up to this change no sum of the block */
	double	   *terms;			/* scratch: k + 1 x d vectors */
	double	   *roots;			/* scratch: MIXTURE_LANES x padded */
	double	   *shares;			/* scratch: likewise, their squares */
	uint32_t   *places;			/* scratch, padded: of the terms */
	int		   *n_active;		/* components that have a part */
	int		   *used;			/* scratch, padded: where vectors of components begin of
								 * which some have a part */
	int		   *n_used;
} MissingShared;

/* The most vectors whose equations are solved side by side */
#define MISSING_BESIDE 4

/*
 * The most groups of components that are gone through together for a single row: no
 * branch foresees which features are there.
 */
#define MISSING_ROW_GROUPS 2

/* Scratch of the kernels, for one set and as many rows as a group has. */
typedef struct MissingScratch
{
	int			d;
	int			stride;			/* of matrices, above d; whole vectors of sets */
	int			row_stride;		/* of rows, likewise; whole vectors */
	double	   *factors;		/* MISSING_BESIDE packed triangles of vectors */
	double	   *pivots;			/* and as many vectors for each as are solved for */
	double	   *deviations;		/* MIXTURE_LANES x stride, of the set */
	double	   *right;			/* MISSING_BESIDE x (d + 1) vectors */
} MissingScratch;

/*
 * What is made of a model for single rows of which features are missing, where a
 * lane is a component (kernels_incomplete_row.h), on one side: as above, but
 * packed, and scaled likewise.  Of families without matrices there is the first
 * side only, and nothing of it but constants.  Values of components are interleaved
 * as what was prepared has them; of a tied family there is one matrix, and
 * `scales` and `constants` are of all.
 */
typedef struct IncompleteSide
{
	double	   *matrix;			/* n_groups x packed x lanes, or packed */
	double	   *scales;			/* n_groups x d x lanes, or d: what the right side
								 * of the equations is multiplied by */
	double	   *constants;		/* likewise: what each feature solved for adds to the
								 * log density */
	const double *base;			/* n_groups x lanes: what they are added to */
} IncompleteSide;

struct MixtureIncomplete
{
	const MixturePrepared *prepared;	/* of all features, for single rows */
	size_t		matrix_step;	/* from a group to the next; 0 if tied */
	size_t		scale_step;
	bool		doubtful;		/* a matrix is so nearly singular that rows are not
								 * solved */
	size_t		size;			/* bytes of all this */
	IncompleteSide sides[2];	/* precision, covariance; the second where there was
								 * a row for it */
	double	   *extents;		/* d: of noise, if there is some, the logarithms */
	double	   *middles;		/* d: likewise, where its box has its middle */
	int			n_observed;		/* of the present row, and what was found of it */
	double	   *log_constants;	/* n_groups x lanes */
	double	   *squares;		/* n_groups x lanes: distances */
	MixturePrepared *row;		/* the same as the functions of rows take it */
};

/*
 * Whether equations are solved for the observed features, as fewer than those that
 * are missing.
 */
static inline bool
incomplete_covariance_side(int d, int n_observed)
{
	return d - n_observed > d / 2;
}

#endif							/* GMM_ENGINE_MISSING_H */
