/*
 * candidate.c
 *	  A mixture on its way through a search: what it is worth, and running it on.
 *
 * Candidates are compared by their score: the log-likelihood, but where
 * components are suspect (judge.c) that of the mixture in which these are as
 * wide as they should be, less a price.  A maximum that is high only because a
 * component has shrunk is so passed over, and one in which a row far from all
 * others has a component to itself is not.
 *
 * So are the modes of a posterior, which EM comes to where there is a prior: by how
 * likely the rows are, not by the height of the mode.  That is the highest where a
 * component has next to no rows and its covariance is the prior's own, and says
 * nothing of the rows.
 */
#include "engine/search/search.h"

#include <math.h>

/* The price of a suspect component, in units of what BIC takes for one */
#define SUSPECT_PRICE 3

/* Rows that stand behind the weight of the sample. */
double
search_n_rows(const Search *search)
{
	return search->sample->complete ? search->scales->n_rows :
		(double) search->sample->n_rows;
}

/*
 * The same, of which a component has to have some; not known, which is never too
 * few, where the prior sees to its covariance.
 */
double
search_judged_rows(const Search *search)
{
	return search->prior != NULL ? NAN : search_n_rows(search);
}

/* What a suspect component costs, in units of the log-likelihood. */
double
search_suspect_price(const Search *search, const Candidate *candidate)
{
	double		n_rows = search_n_rows(search);

	return SUSPECT_PRICE * components_price(search->options->covariance_type, search->d, n_rows,
											candidate->outcome.sum_weights / n_rows);
}

/*
 * Find what a candidate is worth: n_artefacts and score.  search->suspicions then
 * has its components'.
 */
void
search_judge(Search *search, Candidate *candidate)
{
	const MixtureHost *host = search->host;
	MixtureParameters *widened = &search->widened;
	MixtureError error;

	candidate->n_artefacts = judge_components(&candidate->parameters, search_judged_rows(search),
											  search->floor, search->suspicions, host);
	candidate->score = candidate->outcome.log_likelihood;
	if (candidate->n_artefacts == 0)
		return;
	mixture_copy_parameters(widened, &candidate->parameters);
	judge_widen(widened, search->floor, search->suspicions, host);
	if (em_pass(&search->em, widened, false, &error) == MIXTURE_OK)
		candidate->score = fmin(candidate->score, *search->em.stats->log_likelihood);
	candidate->score -= candidate->n_artefacts * search_suspect_price(search, candidate);
}

/* Whether a is better than b by more than convergence leaves over. */
bool
search_better(const Candidate *a, const Candidate *b)
{
	return a->score > b->score + SAME_OPTIMUM * b->outcome.sum_weights;
}

/* Run a candidate on. */
MixtureStatus
search_advance(Search *search, Candidate *candidate, int passes, double tol, MixtureError *error)
{
	const MixtureOptions *options = search->options;
	int			done = candidate->outcome.iterations;
	MixtureStatus status;

	if (passes > options->max_iter - done)
		passes = options->max_iter - done;
	status = em_run(&search->em, &candidate->parameters, passes, tol, options->accelerate,
					&candidate->outcome, error);
	search->passes += candidate->outcome.iterations;
	candidate->outcome.iterations += done;
	if (status == MIXTURE_OK)
		search_judge(search, candidate);
	return status;
}

/* Whether a candidate has nothing left to do. */
bool
search_finished(const Search *search, const Candidate *candidate)
{
	return candidate->outcome.converged ||
		candidate->outcome.iterations >= search->options->max_iter;
}

/* Whether a candidate is unlikely to come to a score. */
bool
search_hopeless(const Candidate *candidate, double score, double hope)
{
	return candidate->score + hope * candidate->outcome.gain < score;
}

/* Exchange two candidates. */
void
search_swap(Candidate *a, Candidate *b)
{
	Candidate	copy = *a;

	*a = *b;
	*b = copy;
}

/* Copy a candidate, whose parameters have arrays of their own. */
void
search_copy(Candidate *to, const Candidate *from)
{
	MixtureParameters parameters = to->parameters;

	mixture_copy_parameters(&parameters, &from->parameters);
	*to = *from;
	to->parameters = parameters;
}
