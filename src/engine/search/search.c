/*
 * search.c
 *	  The search for a good optimum: short runs from many starts, the choice
 *	  among them, and moves from the best.
 *
 * The likelihood of a mixture has many maxima.  Every start is first round
 * components in a space of its own (starts.c), where passes are cheap.  The
 * best of these are tried for a few steps among the rows of a sample of bounded
 * size.  In the best of them components are split and merged (moves.c) where it
 * is known to lead higher; then the most promising are run on, those that fall
 * behind given up, moves tried for as long as they lead higher, and the best is
 * continued on all rows.  Where the sample holds every row, as
 * a set of distinct rows with weights, that last leg is not needed, and the fit
 * then is the same to the last bit in whatever order the rows came.
 *
 * Maxima at which a component has shrunk onto a handful of rows, or onto a
 * plane, are artefacts of a likelihood that has no bound there (McLachlan and
 * Peel 2000, section 3.10): another optimum is preferred to them even if it
 * is lower, and where there is none, it is looked for (repair.c).
 */
#include "engine/search/search.h"

#include <math.h>
#include <string.h>

/* Passes between two looks at who is to go on. */
#define ROUND_ITERATIONS 8

/* Candidates of a space that are run on: so many, and one more per so many starts */
#define KEPT_PER_SPACE 3
#define STARTS_PER_KEPT 16

/* Passes of moves that are sure to gain, before the next ones are looked for */
#define MOVE_ITERATIONS 5

/* Passes of a doubtful move between two looks, and looks before it is given up */
#define DOUBTFUL_ITERATIONS 4
#define MOVE_ROUNDS 3

/* Times that single rows are moved, at most */
#define EXCHANGE_ROUNDS 4

/* Times the rows of a sample that all rows must be for it to be worth finishing */
#define FINISH_SHARE 8

/*
 * Runs end at this change of the mean log-likelihood while there still is a
 * choice.
 */
#define ROUND_TOLERANCE 1e-4

/* Log-likelihoods per unit of weight that are the same optimum. */
#define SAME_OPTIMUM 1e-5

/*
 * How much is tried.  Where a pass costs many times one over round components,
 * in many dimensions, there is less of everything.
 */
struct SearchEffort
{
	int			dimensions;		/* for up to so many */
	int			start_iterations;	/* passes of a start */
	double		start_tol;		/* and the change at which it ends */
	int			trials;			/* of the best starts of a space, at most */
	int			look;			/* passes of a trial until the first look at it */
	int			iterations;		/* and in all */
	double		hope;			/* of catching up with so many times the gain
								 * of the last step */
	double		doubt;			/* of what moves gain: moves_judge() */
};

static const SearchEffort efforts[] = {
	{8, 2, 1e-3, 32, 5, 10, 12, 1},
	{48, 12, 1e-4, 3, 4, 4, 2, 0.8},
	{MIXTURE_MAX_DIMENSIONS, 20, 1e-4, 1, 2, 2, 1, 0.5}
};

/*
 * Count the components that are artefacts: with too few rows of the sample, or
 * shrunk in some direction to the least variance allowed.  suspicions: k of
 * them, or NULL.
 */
int
search_judge(const Search *search, const MixtureParameters *parameters,
			 MixtureSuspicion *suspicions)
{
	const Scales *scales = search->scales;

	return judge_components(parameters, (double) search->sample->n_rows,
							mixture_has_matrix(parameters->covariance_type) ?
							scales->moments.covariances : scales->variances,
							scales->floor, suspicions, search->host);
}

/* Count a candidate's artefacts. */
static void
judge(const Search *search, Candidate *candidate)
{
	candidate->n_artefacts = search_judge(search, &candidate->parameters, NULL);
}

/*
 * Whether two candidates have come to the same optimum.  They differ in
 * likelihood by what convergence left over, and in their parameters by the
 * root of that.
 */
static bool
same_optimum(const Candidate *a, const Candidate *b)
{
	return a->n_artefacts == b->n_artefacts &&
		fabs(a->outcome.log_likelihood - b->outcome.log_likelihood) <=
		SAME_OPTIMUM * b->outcome.sum_weights;
}

/*
 * Whether a is the better candidate.  At the same optimum the earlier start
 * is, so that a rounding error somewhere does not choose another one.
 */
static bool
better(const Candidate *a, const Candidate *b)
{
	if (a->n_artefacts != b->n_artefacts)
		return a->n_artefacts < b->n_artefacts;
	if (same_optimum(a, b))
		return a->start < b->start;
	return a->outcome.log_likelihood > b->outcome.log_likelihood;
}

/* Whether two candidates have come to the same optimum, or will do so. */
static bool
same_place(const Candidate *a, const Candidate *b)
{
	return same_optimum(a, b) || (a->n_artefacts == b->n_artefacts &&
								  starts_near(&a->parameters, &b->parameters));
}

/* Run a candidate on. */
static MixtureStatus
advance(Search *search, Candidate *candidate, int passes, MixtureError *error)
{
	const MixtureOptions *options = search->options;
	int			done = candidate->outcome.iterations;
	MixtureStatus status;

	if (passes > options->max_iter - done)
		passes = options->max_iter - done;
	status = em_run(&search->em, &candidate->parameters, passes, search->tol,
					options->accelerate, &candidate->outcome, error);
	candidate->outcome.iterations += done;
	if (status == MIXTURE_OK)
		judge(search, candidate);
	return status;
}

/* Whether a candidate has nothing left to do. */
static bool
finished(const Search *search, const Candidate *candidate)
{
	return candidate->outcome.converged ||
		candidate->outcome.iterations >= search->options->max_iter;
}

/* Whether a candidate is unlikely to become better than another. */
static bool
hopeless(const Search *search, const Candidate *candidate, const Candidate *best)
{
	if (candidate->n_artefacts < best->n_artefacts)
		return false;
	if (candidate->n_artefacts > best->n_artefacts && finished(search, best))
		return true;
	return candidate->outcome.log_likelihood +
		search->effort->hope * candidate->outcome.gain <
		best->outcome.log_likelihood;
}

/* Exchange two candidates. */
static void
swap_candidates(Candidate *a, Candidate *b)
{
	Candidate	copy = *a;

	*a = *b;
	*b = copy;
}

/*
 * Put the spare candidate among the kept ones, unless it came where another
 * one is, or there is no room and none of its space that is worse.
 */
static void
keep_candidate(Search *search)
{
	Candidate  *candidates = search->candidates;
	Candidate  *spare = &candidates[search->max_kept];
	Candidate  *worst = NULL;
	int			n_of_space = 0;

	for (int i = 0; i < search->n_kept; i++)
	{
		if (same_place(spare, &candidates[i]))
		{
			candidates[i].n_starts += spare->n_starts;
			return;
		}
		if (candidates[i].space != spare->space)
			continue;
		n_of_space++;
		if (worst == NULL || better(worst, &candidates[i]))
			worst = &candidates[i];
	}
	if (n_of_space < search->kept_per_space)
		swap_candidates(spare, &candidates[search->n_kept++]);
	else if (better(spare, worst))
		swap_candidates(spare, worst);
}

/*
 * Whether the trial of the spare candidate need not go on: it came where a
 * kept one is, which then counts its starts, or is unlikely to catch up.
 */
static bool
given_up(Search *search)
{
	Candidate  *spare = &search->candidates[search->max_kept];

	for (int i = 0; i < search->n_kept; i++)
	{
		Candidate  *kept = &search->candidates[i];

		if (same_place(spare, kept))
		{
			kept->n_starts += spare->n_starts;
			return true;
		}
		if (hopeless(search, spare, kept))
			return true;
	}
	return false;
}

/* Try the parameters of the spare candidate, which come from a start. */
static MixtureStatus
try_spare(Search *search, int start, int space, int n_starts, MixtureError *error)
{
	const SearchEffort *effort = search->effort;
	Candidate  *spare = &search->candidates[search->max_kept];
	MixtureStatus status;

	spare->start = start;
	spare->space = space;
	spare->n_starts = n_starts;
	spare->n_reseeded = 0;
	spare->outcome.iterations = 0;
	search->em.goes_on = effort->look < effort->iterations;
	status = advance(search, spare, effort->look, error);
	if (status != MIXTURE_OK)
		return status;
	search->em.goes_on = false;
	if (effort->look < effort->iterations && !finished(search, spare))
	{
		if (given_up(search))
			return MIXTURE_OK;
		status = advance(search, spare, effort->iterations - effort->look, error);
	}
	if (status == MIXTURE_OK)
		keep_candidate(search);
	return status;
}

/* The one candidate where there is one component: mean and covariance. */
static MixtureStatus
try_single(Search *search, MixtureError *error)
{
	Candidate  *single = search->candidates;

	single->parameters.weights[0] = 1;
	memcpy(single->parameters.means, search->scales->moments.means,
		   search->d * sizeof(double));
	scales_spread(search->scales, true, 1, &single->parameters);
	single->start = single->space = 0;
	single->n_starts = 1;
	single->n_reseeded = 0;
	single->outcome.iterations = 0;
	search->n_kept = 1;
	return advance(search, single, search->options->max_iter, error);
}

/*
 * Put the spare start, starts[n_spaces * per_space], in its place among the
 * best of its space, which are in order and n_kept[space] in number, unless it
 * came where another one is.
 */
static void
keep_start(Start *starts, Start *spare, int per_space, int *n_kept)
{
	Start	   *of_space = starts + spare->space * per_space;
	Start		found = *spare;
	int			place = n_kept[found.space];

	for (int i = 0; i < place; i++)
		if (starts_near(&spare->parameters, &of_space[i].parameters))
		{
			of_space[i].n_starts++;
			return;
		}
	while (place > 0 && found.log_likelihood > of_space[place - 1].log_likelihood)
		place--;
	if (place == per_space)
		return;
	if (n_kept[found.space] < per_space)
		n_kept[found.space]++;
	*spare = of_space[n_kept[found.space] - 1];
	memmove(of_space + place + 1, of_space + place,
			(n_kept[found.space] - 1 - place) * sizeof(Start));
	of_space[place] = found;
}

/* Find the starts, and try the best of each space and the caller's own. */
static MixtureStatus
run_starts(Search *search, MixtureError *error)
{
	const MixtureHost *host = search->host;
	int			n_spaces = search->starts.n_spaces;
	int			n_drawn = search->n_starts - (search->own_start != NULL);
	int			per_space = (n_drawn + n_spaces - 1) / n_spaces;
	int			n_kept[2] = {0, 0};
	int			n;
	Start	   *starts;
	MixtureStatus status = MIXTURE_OK;

	if (per_space > search->effort->trials)
		per_space = search->effort->trials;
	n = n_spaces * per_space;
	starts = host->allocate(host->context, (n + 1) * sizeof(Start));
	for (int i = 0; i <= n; i++)
		mixture_allocate_parameters(&starts[i].parameters, MIXTURE_SPHERICAL, search->k,
									search->d, host);
	for (int number = 0; number < n_drawn && status == MIXTURE_OK; number++)
	{
		status = starts_find(&search->starts, number, search->effort->start_iterations,
							 search->effort->start_tol, &starts[n], error);
		if (status == MIXTURE_OK)
			keep_start(starts, &starts[n], per_space, n_kept);
	}
	for (int i = 0; i < n && status == MIXTURE_OK; i++)
		if (i % per_space < n_kept[i / per_space])
		{
			starts_leave(&search->starts, &starts[i],
						 &search->candidates[search->max_kept].parameters);
			status = try_spare(search, starts[i].number, starts[i].space,
							   starts[i].n_starts, error);
		}
	for (int i = 0; i <= n; i++)
		mixture_release_parameters(&starts[i].parameters, host);
	host->release(host->context, starts);
	if (status != MIXTURE_OK || search->own_start == NULL)
		return status;
	mixture_copy_parameters(&search->candidates[search->max_kept].parameters,
							search->own_start);
	return try_spare(search, n_drawn, n_spaces, 1, error);
}

/* Make the best of the kept candidates the first. */
static void
put_best_first(Search *search)
{
	int			best = 0;

	for (int i = 1; i < search->n_kept; i++)
		if (better(&search->candidates[i], &search->candidates[best]))
			best = i;
	if (best == 0)
		return;
	swap_candidates(&search->candidates[0], &search->candidates[best]);
	search->settled = false;
}

/*
 * Run the kept candidates on, round after round, without those that have
 * fallen back, until those left have converged; put the best first and count
 * the starts that came as far as it.
 */
static MixtureStatus
finish_candidates(Search *search, MixtureError *error)
{
	Candidate  *candidates = search->candidates;
	bool		more = true;

	while (more)
	{
		more = false;
		put_best_first(search);
		for (int i = 0; i < search->n_kept; i++)
		{
			MixtureStatus status;

			if (finished(search, &candidates[i]))
				continue;
			if (i > 0 && same_place(&candidates[i], &candidates[0]))
			{
				candidates[0].n_starts += candidates[i].n_starts;
				swap_candidates(&candidates[i--], &candidates[--search->n_kept]);
				continue;
			}
			if (i > 0 && hopeless(search, &candidates[i], &candidates[0]))
			{
				swap_candidates(&candidates[i--], &candidates[--search->n_kept]);
				continue;
			}
			status = advance(search, &candidates[i], i == 0 ?
							 search->options->max_iter : ROUND_ITERATIONS, error);
			if (status != MIXTURE_OK)
				return status;
			more = true;
		}
	}
	put_best_first(search);
	search->n_best = 0;
	for (int i = 0; i < search->n_kept; i++)
		if (same_optimum(&candidates[i], &candidates[0]))
			search->n_best += candidates[i].n_starts;
	return MIXTURE_OK;
}

/*
 * The mixture of a candidate with covariance matrices, into moves->full: what
 * an EM step of the family full makes of it, if it has none of its own.
 */
static MixtureStatus
look_full(Search *search, const Candidate *candidate, Moves *moves, MixtureError *error)
{
	MixtureStatus status;
	Em			em;

	if (candidate->parameters.covariance_type == MIXTURE_FULL)
	{
		mixture_copy_parameters(&moves->full, &candidate->parameters);
		return MIXTURE_OK;
	}
	em_begin(&em, &search->sample->source, NULL, MIXTURE_FULL, search->k,
			 search->scales->floor, search->host);
	moves_expand(&candidate->parameters, &em.points[0], search->host);
	status = em_pass(&em, &em.points[0], true, error);
	if (status == MIXTURE_OK)
		mixture_maximize(em.stats, &em.points[0], search->scales->floor, &moves->full,
						 search->host);
	em_end(&em);
	return status;
}

/*
 * Run n moves from the best candidate, made at once, on until what comes of
 * them is better, which puts it in the best one's place, or will not be.
 * passes: from one look to the next.
 */
static MixtureStatus
try_moves(Search *search, Moves *moves, const Move *first, int n, int passes,
		  bool *accepted, MixtureError *error)
{
	Candidate  *best = search->candidates;
	Candidate  *spare = &search->candidates[search->max_kept];

	mixture_copy_parameters(&spare->parameters, &best->parameters);
	for (int i = 0; i < n; i++)
		moves_make(moves, &first[i], &spare->parameters);
	spare->start = best->start;
	spare->space = best->space;
	spare->n_starts = 1;
	spare->n_reseeded = 0;
	spare->outcome.iterations = 0;
	*accepted = false;
	for (int round = 0; round < MOVE_ROUNDS && !*accepted; round++)
	{
		MixtureStatus status = advance(search, spare, passes, error);

		if (status != MIXTURE_OK)
			return status;
		*accepted = !same_optimum(spare, best) && better(spare, best);
		if (finished(search, spare) || hopeless(search, spare, best))
			break;
	}
	if (*accepted)
		swap_candidates(spare, best);
	return MIXTURE_OK;
}

/*
 * Make the moves from the best candidate that are known to gain, at once; if
 * that does not lead to a better one, or there are none, and `doubtful` says
 * so, try those that may, until one is accepted or enough have failed.
 */
static MixtureStatus
make_move(Search *search, Moves *moves, bool doubtful, bool *accepted, MixtureError *error)
{
	const Candidate *best = search->candidates;
	MixtureStatus status = look_full(search, best, moves, error);
	int			n_sure = 0;

	*accepted = false;
	if (status != MIXTURE_OK || !moves_look(moves))
		return status;
	moves_judge(moves, &best->parameters, search->sample, best->outcome.sum_weights,
				search->effort->doubt, search->scales->floor);
	search->settled = moves->n_proposed == 0;
	search->settled_until = best->outcome.log_likelihood + moves->shortfall;
	while (n_sure < moves->n_proposed && moves->proposed[n_sure].gain > 0)
		n_sure++;
	if (n_sure > 0)
		status = try_moves(search, moves, moves->proposed, n_sure, MOVE_ITERATIONS, accepted,
						   error);
	for (int i = n_sure == 1; doubtful && i < moves->n_proposed && status == MIXTURE_OK &&
		 !*accepted; i++)
	{
		status = try_moves(search, moves, &moves->proposed[i], 1, DOUBTFUL_ITERATIONS,
						   accepted, error);
		if (*accepted && status == MIXTURE_OK)
			status = advance(search, search->candidates, MOVE_ITERATIONS, error);
	}
	if (*accepted)
		search->n_best = 1;
	return status;
}

/* Go from the best candidate to better optima by moves, while there are any. */
static MixtureStatus
make_moves(Search *search, bool doubtful, MixtureError *error)
{
	MixtureStatus status = MIXTURE_OK;
	bool		accepted = true;
	Moves		moves;

	put_best_first(search);
	if (search->settled && search->candidates->outcome.log_likelihood <= search->settled_until)
		return MIXTURE_OK;
	if (!moves_possible(search->options->covariance_type, search->k, search->d))
		return MIXTURE_OK;
	moves_begin(&moves, search->options->covariance_type, search->k, search->d, search->host);
	for (int n = 0; n < 2 * search->k && accepted && status == MIXTURE_OK; n++)
		status = make_move(search, &moves, doubtful, &accepted, error);
	moves_end(&moves);
	return status;
}

/*
 * Move single rows from where they are held to better components, for as long
 * as that leads higher.
 */
static void
exchange_best(Search *search, MixtureError *error)
{
	Candidate  *best = search->candidates;
	Candidate  *spare = &search->candidates[search->max_kept];
	const Sample *sample = search->sample;

	if (!sample->complete || search->scales->range.n_incomplete > 0 ||
		!exchange_possible(&best->parameters, best->outcome.sum_weights))
		return;
	for (int round = 0; round < EXCHANGE_ROUNDS; round++)
	{
		if (exchange_rows(&best->parameters, sample, best->outcome.sum_weights,
						  &spare->parameters, search->host) == 0)
			break;
		mixture_hold_floor(&spare->parameters, search->scales->floor, search->host);
		spare->start = best->start;
		spare->space = best->space;
		spare->n_starts = best->n_starts;
		spare->n_reseeded = 0;
		spare->outcome.iterations = 0;
		if (advance(search, spare, MOVE_ITERATIONS, error) != MIXTURE_OK ||
			spare->n_artefacts > best->n_artefacts ||
			!(spare->outcome.log_likelihood > best->outcome.log_likelihood))
			break;
		swap_candidates(spare, best);
	}
}

/*
 * Let the best candidate converge on the sample, if that saves passes over all
 * rows that cost more.
 */
static MixtureStatus
finish_best(Search *search, MixtureError *error)
{
	Candidate  *best = search->candidates;
	double		tol = search->options->tol * best->outcome.sum_weights;
	int			n_small = best->outcome.converged && best->outcome.gain < tol;

	if (!search->sample->complete &&
		search->scales->sum_weights < FINISH_SHARE * best->outcome.sum_weights)
		return MIXTURE_OK;
	search->tol = search->options->tol;

	/* until two steps in a row are small, for one may be followed by a larger one */
	while (n_small < 2 && best->outcome.iterations < search->options->max_iter)
	{
		int			done = best->outcome.iterations;
		MixtureStatus status = advance(search, best, search->options->max_iter, error);

		if (status != MIXTURE_OK)
			return status;
		n_small = best->outcome.iterations > done + 1 ? 1 : n_small + 1;
	}
	best->outcome.converged = best->outcome.converged && best->outcome.gain < tol;
	return MIXTURE_OK;
}

/*
 * Prepare to search for k components of the options' family.  The sample has
 * at least k rows; the scales are those of all rows, with a matrix if the
 * family has one.  All that is given here must stay until search_end().
 */
void
search_begin(Search *search, const Scales *scales, const Sample *sample, int k,
			 const MixtureOptions *options, const MixtureHost *host)
{
	search->host = host;
	search->options = options;
	search->scales = scales;
	search->sample = sample;
	search->effort = efforts;
	while (sample->d > search->effort->dimensions)
		search->effort++;
	search->k = k;
	search->d = sample->d;
	starts_begin(&search->starts, scales, sample, k, options, host);
	search->n_starts = k == 1 ? 1 : options->n_init;
	search->own_start = NULL;
	search->n_best = 0;
	search->settled = false;
	search->tol = options->tol == 0 || options->tol > ROUND_TOLERANCE ?
		options->tol : ROUND_TOLERANCE;
	search->kept_per_space = KEPT_PER_SPACE + search->n_starts / STARTS_PER_KEPT;

	/* and the caller's own */
	search->max_kept = search->starts.n_spaces * search->kept_per_space + 1;
	search->n_kept = 0;
	search->candidates = host->allocate(host->context,
										(search->max_kept + 1) * sizeof(Candidate));
	for (int i = 0; i <= search->max_kept; i++)
		mixture_allocate_parameters(&search->candidates[i].parameters,
									options->covariance_type, k, sample->d, host);
	em_begin(&search->em, &sample->source, NULL, options->covariance_type, k,
			 scales->floor, host);
}

/*
 * Have a start of the caller's tried too, of the search's shape, which must
 * stay until search_sample() is done.
 */
void
search_add_start(Search *search, const MixtureParameters *start)
{
	search->own_start = start;
	search->n_starts++;
}

/* Give back what search_begin() allocated. */
void
search_end(Search *search)
{
	const MixtureHost *host = search->host;

	em_end(&search->em);
	for (int i = 0; i <= search->max_kept; i++)
		mixture_release_parameters(&search->candidates[i].parameters, host);
	host->release(host->context, search->candidates);
	starts_end(&search->starts);
}

/*
 * Find the best optimum on the sample: search->candidates[0] then, n_best of
 * the n_starts starts having come to it.
 */
MixtureStatus
search_sample(Search *search, MixtureError *error)
{
	MixtureStatus status = search->k == 1 ? try_single(search, error) :
		run_starts(search, error);

	if (status == MIXTURE_OK)
		status = make_moves(search, false, error);
	if (status == MIXTURE_OK)
		status = finish_candidates(search, error);
	if (status == MIXTURE_OK)
		status = make_moves(search, true, error);
	if (status == MIXTURE_OK)
		exchange_best(search, error);
	if (status == MIXTURE_OK)
		status = finish_best(search, error);
	if (status == MIXTURE_OK)
		status = repair_best(search, error);
	return status;
}

/*
 * Go on with candidates[0] on all rows, if the sample does not have them all,
 * and score it there.
 */
MixtureStatus
search_continue(Search *search, const MixtureSource *source, MixtureError *error)
{
	Candidate  *best = search->candidates;
	const MixtureOptions *options = search->options;
	MixtureStatus status;
	Em			em;

	if (search->sample->complete)
		return em_score(&search->em, &best->parameters, &best->outcome, error);
	em_begin(&em, source, search->scales->center, options->covariance_type,
			 search->k, search->scales->floor, search->host);
	status = em_run(&em, &best->parameters, options->max_iter, options->tol,
					options->accelerate, &best->outcome, error);
	if (status == MIXTURE_OK)
		status = em_score(&em, &best->parameters, &best->outcome, error);
	em_end(&em);
	return status;
}
