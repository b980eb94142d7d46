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

/* The widest set of components */
#define MISSING_MOST_WIDTH 4

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
	MissingSide sides[2];		/* precision, covariance */
	double	   *mean;			/* stride, zeros beyond d; beside each other */
	double	   *filled[MISSING_MOST_WIDTH]; /* of each: the missing features of
											 * all groups */
	double	   *shifts[MISSING_MOST_WIDTH]; /* of each, MISSING_ROWS: from the log
											 * density of the row, once filled, to
											 * that of what was observed; NaN where
											 * solving it so loses digits */
} MissingSet;

/*
 * Rows that are worked on together, whole MIXTURE_LANES of them: with the same
 * features missing, any number of them; or mixed, MIXTURE_LANES.
 */
typedef struct MissingGroup
{
	int			start;			/* in the sorted rows */
	int			n_rows;
	bool		same;			/* the same features are missing in all */
	bool		covariance;		/* the side, if mixed */
	bool		alone;			/* row by row, as there is too much to solve */
	const double *model;		/* if the same: see missing_models.c */
	int			n_solved;		/* features of the side, at the most */
	int			n_missing;
	const uint16_t *solved;		/* mixed: their numbers, ascending and then d;
								 * n_solved x MIXTURE_LANES */
	const uint16_t *missing;	/* likewise; if the same in all, n_missing */
	const uint32_t *places;		/* mixed: where the missing ones go in the sorted
								 * rows' features */
	const uint16_t *observed;	/* if the same in all: d - n_missing */
	const double *rows;			/* mixed: MIXTURE_LANES x stride, row by row; NaN
								 * is missing */
	size_t		place;			/* of the missing ones in `filled`: n_missing x
								 * n_rows */
	size_t		factor_place;	/* mixed: of its factors, if these are kept */
} MissingGroup;

/* Scratch of the kernels, for one set and as many rows as there are lanes. */
typedef struct MissingScratch
{
	int			d;
	int			stride;			/* of matrices, above d; whole vectors of sets */
	int			width;			/* components of a set, as they stand in matrices */
	double	   *factors;		/* of each component a packed triangle */
	double	   *pivots;			/* of each, as many vectors as are solved for */
	double	   *deviations;		/* lanes x stride, of the set */
	double	   *right;			/* of each component, d + 1 vectors */
	double	   *products;		/* d + 1 vectors for each lane */
} MissingScratch;

#endif							/* GMM_ENGINE_MISSING_H */
