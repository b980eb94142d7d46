/*
 * em.c
 *	  Expectation maximization from a given start: passes over the rows,
 *	  convergence, acceleration with a guard.
 *
 * The log-likelihood that a pass finds is that of the parameters it was given.
 * A run therefore ends on a pass: what it returns has a known likelihood,
 * rather than one that is a step old.
 */
#include "engine/em/em_private.h"

#include <math.h>

/* Blocks that passes go through between two reports, for small sets of rows */
#define REPORT_BLOCKS 16

/*
 * Prepare for EM with k components of this family over the source, less the
 * center if that is not NULL.  A prior and what is fixed are put into em->bounds
 * after this.
 */
void
em_begin(Em *em, const MixtureSource *source, const double *center,
		 MixtureCovarianceType type, int k, const double *floor,
		 const MixtureHost *host)
{
	em->source = source;
	em->center = center;
	em->host = host;
	em->bounds = (MixtureBounds) {.floor = floor};
	em->runner = NULL;
	em->whole = NULL;
	em->coordinates = NULL;
	em->ready = -1;
	em->goes_on = false;
	em->patient = false;
	em->noted = false;
	em->unreported = REPORT_BLOCKS;
	em->stats = mixture_allocate_stats(type, k, source->d, host);
	for (int i = 0; i < 4; i++)
		mixture_allocate_parameters(&em->points[i], type, k, source->d, host);
}

/* Give back what em_begin() and the passes allocated. */
void
em_end(Em *em)
{
	const MixtureHost *host = em->host;

	for (int i = 0; i < 4; i++)
		mixture_release_parameters(&em->points[i], host);
	if (em->coordinates != NULL)
		host->release(host->context, em->coordinates);
	if (em->runner != NULL)
		mixture_runner_release(em->runner);
	if (em->whole != NULL)
		whole_release(em->whole, host);
	mixture_release_stats(em->stats, host);
}

/*
 * All rows of the source are complete and can be had block by block: what is the same in
 * all passes over them need not be found in each.
 */
void
em_know_whole(Em *em)
{
	const MixtureParameters *shape = &em->points[0];

	if (shape->covariance_type == MIXTURE_TIED && shape->k > 1 &&
		shape->d >= KERNELS_LEAST_SHARED && em->source->block != NULL)
		em->whole = whole_create(shape->k, shape->d, em->host);
}

/* A pass in this process: run after run. */
static MixtureStatus
pass_alone(Em *em, const MixturePass *pass, MixtureError *error)
{
	MixtureStats *stats = em->stats;
	MixtureStatus status;

	if (em->runner == NULL)
		em->runner = mixture_runner_create(stats->covariance_type, stats->k, stats->d,
										   em->host);
	status = mixture_runner_begin(em->runner, pass, error);
	if (status == MIXTURE_OK)
		mixture_runner_run_all(em->runner, em->source, stats->sum_weights);
	return status;
}

/*
 * One E-step over all rows.  em->stats then has the sums, without m_step only
 * log-likelihood and weight.
 */
MixtureStatus
em_pass(Em *em, const MixtureParameters *parameters, bool m_step,
		MixtureError *error)
{
	MixturePass pass = {.parameters = parameters,.center = em->center,.m_step = m_step};
	MixtureStatus status;

	em->ready = -1;
	if (em->whole != NULL)
		whole_prepare(em->whole, &pass, em->host);
	if (em->source->pass != NULL)
		status = em->source->pass(em->source->context, &pass, em->stats->sum_weights, error);
	else
		status = pass_alone(em, &pass, error);
	if (em->whole != NULL && status == MIXTURE_OK)
		whole_complete(em->whole, &pass, em->stats, em->host);
	return status;
}

/*
 * What EM raises, after a pass at these parameters: the log-likelihood, or, with
 * a prior, its sum with the log density of that.
 */
static double
em_objective(const Em *em, const MixtureParameters *parameters)
{
	if (em->bounds.prior == NULL)
		return *em->stats->log_likelihood;
	return *em->stats->log_likelihood +
		prior_log_density(em->bounds.prior, parameters, em->host);
}

/*
 * The same for a step of a run, whose log-likelihood must be a number: rows so
 * far from the model, or so heavy, that it is not have no next step either.
 */
static MixtureStatus
step_pass(Em *em, const MixtureParameters *parameters, bool m_step,
		  MixtureError *error)
{
	MixtureStatus status = em_pass(em, parameters, m_step, error);

	if (status == MIXTURE_OK && !isfinite(*em->stats->log_likelihood))
	{
		error->feature = -1;
		return MIXTURE_SUM_RANGE;
	}
	return status;
}

/*
 * Where a component is so far off that no row sees it, its mean may overflow
 * and the likelihood not show it.
 */
static MixtureStatus
check_means(const MixtureParameters *parameters, MixtureError *error)
{
	for (size_t i = 0; i < (size_t) parameters->k * parameters->d; i++)
		if (!isfinite(parameters->means[i]))
		{
			error->feature = (int) (i % parameters->d);
			return MIXTURE_SUM_RANGE;
		}
	return MIXTURE_OK;
}

/* Exchange two sets of parameters. */
static void
swap_parameters(MixtureParameters *a, MixtureParameters *b)
{
	MixtureParameters copy = *a;

	*a = *b;
	*b = copy;
}

/*
 * Extrapolate from three points of EM and evaluate there.  Returns whether
 * the objective is at least `least`, with em->points[0] and em->stats
 * then being the new point's.  *n_passes: those made, 1 or none.  *steps: if em is patient,
 * as many as the extrapolation may be long.
 */
static bool
try_extrapolation(Em *em, double *step_limit, double least, int *n_passes, double *steps)
{
	MixtureParameters *points = em->points;
	double		limit = *step_limit;
	bool		found;
	MixtureError error;

	*n_passes = 0;
	if (em->coordinates == NULL)
		em->coordinates = em->host->allocate(em->host->context,
											 squarem_scratch_count(points[0].covariance_type,
																   points[0].k, points[0].d) *
											 sizeof(double));
	found = squarem_extrapolate(&points[0], &points[1], &points[2], step_limit,
								em->coordinates, &points[3], em->host);
	if (em->patient)
		*steps = *step_limit;
	if (!found)
		return false;
	mixture_hold_floor(&points[3], em->bounds.floor, em->host);
	mixture_hold_fixed(&points[3], em->bounds.fixed, &points[2], em->host);
	*n_passes = 1;
	if (step_pass(em, &points[3], true, &error) == MIXTURE_OK &&
		em_objective(em, &points[3]) >= least)
	{
		swap_parameters(&points[0], &points[3]);
		return true;
	}
	/* too far: shorter steps from here on */
	*step_limit = limit > 4 ? limit / 4 : 1;
	return false;
}

/*
 * Note a pass, which has changed the objective by the gain.  Where passes are
 * shorter than a look at the clock, the host is not told of every one.
 */
static void
note_pass(Em *em, const EmOutcome *outcome, double gain)
{
	bool		now;

	if (!em->noted)
		return;
	/* passes that others make take long, and need not know of blocks */
	em->unreported += em->source->pass != NULL ? REPORT_BLOCKS : em->source->n_blocks;
	now = em->unreported >= REPORT_BLOCKS;
	if (now)
		em->unreported = 0;
	progress_pass(em->host, outcome->iterations,
				  *em->stats->log_likelihood / outcome->sum_weights,
				  gain / outcome->sum_weights, now);
}

/* Take the objective after a step's pass, which was made at these parameters. */
static void
end_step(Em *em, const MixtureParameters *parameters, EmOutcome *outcome)
{
	double		before = outcome->objective;

	outcome->objective = em_objective(em, parameters);
	outcome->gain = outcome->objective - before;
	note_pass(em, outcome, outcome->gain);
}

/*
 * The pass at the parameters that a run starts from, which are then
 * em->points[0]; none is needed where the last run ended with a pass there.
 */
static MixtureStatus
first_pass(Em *em, const MixtureParameters *parameters, bool m_step, double *step_limit,
		   MixtureError *error)
{
	MixtureParameters *points = em->points;
	int			ready = em->ready;

	em->ready = -1;
	if (ready >= 0 && mixture_parameters_equal(&points[ready], parameters))
	{
		swap_parameters(&points[0], &points[ready]);
		*step_limit = em->step_limit;
		return MIXTURE_OK;
	}
	mixture_copy_parameters(&points[0], parameters);
	*step_limit = 1;
	return step_pass(em, &points[0], m_step, error);
}

/*
 * End a run at points[here], for which em->stats has the sums: its parameters, and
 * what the next run may go on from, if these are sums of the M-step too (`ready`).
 */
static MixtureStatus
end_run(Em *em, int here, bool ready, double step_limit, MixtureParameters *parameters,
		EmOutcome *outcome, MixtureError *error)
{
	if (ready)
		em->ready = here;
	em->step_limit = step_limit;
	mixture_copy_parameters(parameters, &em->points[here]);
	outcome->log_likelihood = *em->stats->log_likelihood;
	return check_means(parameters, error);
}

/*
 * Whether a run has converged by its last step, which has raised the objective by
 * less than a tolerance above 0.
 *
 * EM lowers the objective by no more than rounding, but for the first step of a
 * start that is out of bounds: one that has less variance than the floor is
 * likelier than all that have as much, and that fall says nothing of how near an
 * optimum is.
 */
static bool
has_converged(const Em *em, const EmOutcome *outcome, double tol)
{
	double		least = tol * outcome->sum_weights;

	if (!(least > 0) || outcome->gain >= least)
		return false;
	return !(outcome->iterations == 1 && outcome->gain < -least &&
			 mixture_below_floor(&em->points[0], em->bounds.floor, em->host));
}

/*
 * Run EM from parameters, which it changes.
 *
 * Without acceleration that is max_iter EM steps, or fewer if tol is above 0
 * and a step raises the objective per unit of weight by less.  With
 * acceleration every second step is followed by an extrapolation (SQUAREM,
 * Varadhan and Roland 2008), which is kept unless it lowers the objective; a
 * rejected one counts as an iteration, for it costs a pass.
 *
 * A run that starts where the last one converged, or ended while em->goes_on
 * was set, goes on without a pass.
 */
MixtureStatus
em_run(Em *em, MixtureParameters *parameters, int max_iter, double tol,
	   bool accelerate, EmOutcome *outcome, MixtureError *error)
{
	MixtureParameters *points = em->points;
	MixtureStatus status;
	double		step_limit;
	bool		ready = em->goes_on;
	bool		second = false; /* points[0] and [1] are a step apart */
	double		steps = em->patient && accelerate ? INFINITY : 1;	/* to gain little */

	status = first_pass(em, parameters, max_iter > 0 || em->goes_on, &step_limit, error);
	if (status != MIXTURE_OK)
		return status;
	outcome->objective = em_objective(em, &points[0]);
	outcome->sum_weights = *em->stats->sum_weights;
	outcome->iterations = 0;
	outcome->converged = false;
	outcome->gain = INFINITY;
	note_pass(em, outcome, NAN);

	while (outcome->iterations < max_iter)
	{
		/* the point that the last pass was made at, and the next */
		MixtureParameters *here = second ? &points[1] : &points[0];
		MixtureParameters *next = second ? &points[2] : &points[1];
		bool		more;

		mixture_maximize(em->stats, here, &em->bounds, next, em->host);
		more = ++outcome->iterations < max_iter;
		if (second && accelerate && more)
		{
			int			n_passes;

			if (try_extrapolation(em, &step_limit, outcome->objective, &n_passes, &steps))
			{
				end_step(em, &points[0], outcome);
				second = false;
				continue;
			}
			outcome->iterations += n_passes;
			more = outcome->iterations < max_iter;
		}
		status = step_pass(em, next, more || em->goes_on, error);
		if (status != MIXTURE_OK)
			return status;
		end_step(em, next, outcome);
		if (second)
			swap_parameters(&points[0], &points[2]);
		second = !second;
		if (has_converged(em, outcome, tol / steps))
		{
			outcome->converged = true;
			ready = ready || more;
			break;
		}
	}
	return end_run(em, second ? 1 : 0, ready, step_limit, parameters, outcome, error);
}

/*
 * A last pass at the parameters that a run came to, for what it finds there and what
 * the iterations do not need: the entropy of the responsibilities, the spread of the
 * log densities and, by itself, the log density of the prior, into *outcome.
 */
MixtureStatus
em_score(Em *em, const MixtureParameters *parameters, EmOutcome *outcome,
		 MixtureError *error)
{
	MixtureStatus status = step_pass(em, parameters, false, error);

	if (status == MIXTURE_OK)
	{
		outcome->log_likelihood = *em->stats->log_likelihood;
		outcome->sum_weights = *em->stats->sum_weights;
		outcome->entropy = *em->stats->entropy;
		outcome->log_density_stddev = mixture_log_density_stddev(em->stats);
		if (em->bounds.prior != NULL)
			outcome->log_prior = prior_log_density(em->bounds.prior, parameters, em->host);
	}
	return status;
}
