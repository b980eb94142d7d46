/*
 * rays.h
 *	  Rays from the means of a mixture's components, and its density along them.
 */
#ifndef GMM_ENGINE_RAYS_H
#define GMM_ENGINE_RAYS_H

#include <math.h>

#include "engine/kernels/kernels.h"

/*
 * The share of a standard normal distribution of d dimensions that is farther
 * than r from its mean, tabulated for r = start + i / RADIAL_PER_UNIT.
 */
#define RADIAL_PER_UNIT	32

typedef struct RadialTable
{
	double		start;			/* practically all is farther than this */
	int			n;				/* and practically nothing than the last */
	double	   *values;			/* 2 n: the share, and its slope times a step */
} RadialTable;

/* In up to this many dimensions directions come from a sequence. */
#define RAYS_SEQUENCE	8

/*
 * A row of component c is mean + r L u: L L^T is the covariance, the direction
 * u is uniform on the unit sphere and the radius r, independent of it, the
 * length of a standard normal vector.  Rays are such directions, in pairs of
 * opposite ones, numbers of them for each component.
 */
typedef struct Rays
{
	const MixtureHost *host;
	int			k;				/* components that have weight */
	int			d;
	MixtureCovarianceType covariance_type;
	RadialTable radial;
	int64_t		n_pairs;
	int		   *counts;			/* k: pairs of each component */
	double	   *weights;		/* k: share of the mixture's rows that is a ray's */

	/* the mixture */
	int		   *components;		/* k: their numbers */
	double	   *peaks;			/* k: log density of each at its mean, weighted */
	double	   *means;			/* k x d */
	double	   *factors;		/* of the precisions, one after the other */
	size_t		factor_count;	/* of one; 0 between them if tied */
	size_t		factor_step;

	uint64_t	strides[RAYS_SEQUENCE]; /* of the sequence of directions */

	/* the present ray: the log density at radii */
	int			n;
	double	   *halves;			/* n: half of the squares of the radii, ascending */
	double	   *log_densities;	/* n: linear in these in between */

	/* scratch */
	double		step;			/* between radii where most rows are */
	int			n_radii;
	double	   *radii;			/* n_radii */
	double	   *opposite;		/* n_radii: the same, negative */
	double	   *squares;		/* n_radii: half of their squares */
	double	   *at_radii;		/* n_radii: the log density */
	double	   *offsets;		/* k x d: the origin about each mean, in units of
								 * the component's deviations */
	double	   *frame;			/* directions that are orthogonal to each other */
	double	   *line;			/* d */
	double	   *image;			/* d */
	Ray			ray;
	void	   *memory;
} Rays;

typedef void (*RaysVisit) (void *context, const Rays *rays, double weight);

/* rays.c */
extern void rays_begin(Rays *rays, const MixturePrepared *prepared, const double *weights,
					   const MixtureHost *host);
extern void rays_end(Rays *rays);
extern void rays_visit(Rays *rays, int64_t most, RaysVisit visit, void *context);

/*
 * The share of a component's rows whose squared distance is above 2 y: cubic
 * interpolation, to 1e-5 of itself down to 1e-12 and 1e-2 at its end.
 */
static inline double
rays_beyond(const RadialTable *radial, double y)
{
	double		x = (sqrt(2 * y) - radial->start) * RADIAL_PER_UNIT;
	const double *v;
	double		s,
				rise;
	int			i;

	if (!(x > 0))
		return 1;
	if (x >= radial->n - 1)
		return 0;
	i = (int) x;
	s = x - i;
	v = radial->values + 2 * (size_t) i;
	rise = v[2] - v[0];
	return v[0] + s * (v[1] + s * (3 * rise - 2 * v[1] - v[3] + s * (v[1] + v[3] - 2 * rise)));
}

#endif							/* GMM_ENGINE_RAYS_H */
