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

/*
 * Rows of a block once they are sorted: each of the two sides may have to be
 * filled up to whole vectors.
 */
#define MISSING_ROWS (MIXTURE_BLOCK_ROWS + 2 * MIXTURE_LANES)

/*
 * One side of a component: its precision matrix, of which the equations of the
 * missing features are solved, or its covariance, for the observed ones.  All
 * is scaled so that the diagonal is 1, and there is one feature more than there
 * are, which depends on no other and stands where a lane has no feature.
 */
typedef struct MissingSide
{
	double	   *matrix;			/* d + 1 rows of `stride`, zeros beyond d */
	double	   *into;			/* stride: what deviations are multiplied by */
	double	   *out;			/* d + 1: and what is solved for, if missing */
	double	   *constants;		/* d + 1: what each feature solved for adds to
								 * the log density */
	double		constant;		/* what all rows of this side add */
} MissingSide;

/*
 * Rows that are worked on together, whole MIXTURE_LANES of them: with the same
 * features missing, any number of them; or mixed, MIXTURE_LANES.
 */
typedef struct MissingGroup
{
	int			start;			/* in the sorted rows */
	int			n_rows;
	bool		same;			/* the same features are missing in all */
	bool		covariance;		/* the side */
	bool		alone;			/* too many features: row by row */
	int			n_solved;		/* features of the side, at the most */
	int			n_missing;
	const uint16_t *solved;		/* their numbers, ascending and then d: if all
								 * rows have the same, n_solved, else
								 * n_solved x MIXTURE_LANES */
	const uint16_t *missing;	/* likewise */
	const uint16_t *observed;	/* if all have the same: d - n_missing */
	const double *rows;			/* if not: MIXTURE_LANES x stride, row by row;
								 * NaN is missing */
	size_t		place;			/* of the missing ones in `filled`: n_missing x
								 * n_rows */
} MissingGroup;

/* One component, or all of a tied family, as the kernels need it. */
typedef struct MissingComponent
{
	const MissingSide *sides;	/* precision, covariance */
	const double *mean;			/* stride, zeros beyond d */
	double	   *filled;			/* the missing features of all groups */
	double	   *shifts;			/* MISSING_ROWS: from the log density of the
								 * row, once filled, to that of what was
								 * observed; NaN where solving it so loses
								 * digits */
	double	   *residuals[2];	/* packed, d + 1: inverses of what was solved,
								 * summed by responsibility, for each side */
} MissingComponent;

/* Scratch of the kernels, for one group at a time. */
typedef struct MissingScratch
{
	int			d;
	int			stride;			/* of matrices: whole vectors, above d */
	double	   *factor;			/* a packed triangle of vectors */
	double	   *deviations;		/* rows or features of vectors */
	double	   *dots;			/* features x lanes of vectors */
	double	   *right;			/* features of vectors */
} MissingScratch;

#endif							/* GMM_ENGINE_MISSING_H */
