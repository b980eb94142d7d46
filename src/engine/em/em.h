/*
 * em.h
 *	  EM over a source of rows: passes, the loop and its acceleration.  The
 *	  runner, which makes a pass in pieces, is in engine.h.
 */
#ifndef GMM_ENGINE_EM_H
#define GMM_ENGINE_EM_H

#include "engine/core/core.h"

typedef struct EmWhole EmWhole;

/*
 * EM over one source: everything that iterations need again and again.
 */
typedef struct Em
{
	const MixtureSource *source;
	const double *center;		/* as in a MixturePass, the caller's */
	const MixtureHost *host;
	MixtureBounds bounds;		/* of the M-step, the caller's */
	MixtureStats *stats;		/* of the last pass */
	MixtureRunner *runner;		/* made when first needed */
	MixtureParameters points[4];	/* an acceleration cycle's */
	EmWhole    *whole;			/* NULL unless em_know_whole() */
	bool		goes_on;		/* a run may go on from where it ends: the caller's */
	bool		patient;		/* one ends only where as many steps as the last
								 * extrapolation may be long gain little: likewise */
	int			ready;			/* point that stats can be maximized from, or -1 */
	double		step_limit;		/* of extrapolations from there */
	bool		noted;			/* runs are noted as progress: the caller's */
	int64_t		unreported;		/* blocks since the last report */
	double	   *coordinates;	/* and its scratch, made when first needed */
} Em;

/* What one call of em_run() did. */
typedef struct EmOutcome
{
	int			iterations;		/* M-steps and rejected extrapolations */
	bool		converged;
	double		log_likelihood;
	double		objective;		/* that is raised: with the prior's log density */
	double		gain;			/* of it by the last pass */
	double		sum_weights;
	double		entropy;		/* of the responsibilities: em_score() */
	double		log_density_stddev; /* of the rows' log densities: likewise */
	double		log_prior;		/* log density of a prior, if there is one: likewise */
} EmOutcome;

/* em.c */
extern void em_begin(Em *em, const MixtureSource *source, const double *center,
					 MixtureCovarianceType type, int k, const double *floor,
					 const MixtureHost *host);
extern void em_end(Em *em);
extern void em_know_whole(Em *em);
extern MixtureStatus em_pass(Em *em, const MixtureParameters *parameters,
							 bool m_step, MixtureError *error);
extern MixtureStatus em_run(Em *em, MixtureParameters *parameters, int max_iter,
							double tol, bool accelerate, EmOutcome *outcome,
							MixtureError *error);

extern MixtureStatus em_score(Em *em, const MixtureParameters *parameters,
							  EmOutcome *outcome, MixtureError *error);

/* center.c */
extern double *center_find(FeatureRange *range, int d, const MixtureHost *host);
extern void center_move(const double *center, MixtureParameters *parameters, double sign);
extern void center_block(const double *center, int d, MixtureBlock *block, double *features);

#endif							/* GMM_ENGINE_EM_H */
