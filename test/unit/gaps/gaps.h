/*
 * gaps.h
 *	  What the measurements of work between two looks for interrupts share.
 */
#ifndef GMM_GAPS_H
#define GMM_GAPS_H

#include "engine/engine.h"

/*
 * Blocks of rows: complete, with every other feature missing, and with any of a
 * third missing.
 */
typedef struct Shape
{
	MixtureParameters parameters;
	MixtureParameters other;	/* a little apart */
	MixtureParameters third;
	MixtureParameters result;
	MixtureParameters collapsed;	/* no variance but in one direction */
	double	   *floor;
	double	   *features;
	MixtureBlock block;
	MixtureBlock missing;
	MixtureBlock mixed;
	int			n_observed;		/* those not missing, first in the order */
	int		   *order;
	MixtureStats *stats;
} Shape;

/* gaps.c */
extern const MixtureHost gap_host;
extern double gap_uniform(void);
extern void gap_look(void);

/* gap_derived.c: operations on what is derived from a mixture */
extern void gap_axes(Shape *shape);
extern void gap_variances(Shape *shape);
extern void gap_union(Shape *shape);
extern void gap_separation(Shape *shape);
extern void gap_divergence(Shape *shape);
extern void gap_quantile(Shape *shape);
extern void gap_exact_moments(Shape *shape);
extern void gap_explain_distance(Shape *shape);
extern void gap_scale(Shape *shape);

/* gap_fits.c: whole fits, of whatever kind */
typedef struct GapRows GapRows;

extern const char *gap_fit_name(int kind);
extern int	gap_fit_part(int kind);
extern GapRows *gap_rows_create(int kind, MixtureCovarianceType type, int k, int d,
								int64_t n);
extern void gap_rows_free(GapRows *rows);
extern void gap_fit(const GapRows *rows);

#endif							/* GMM_GAPS_H */
