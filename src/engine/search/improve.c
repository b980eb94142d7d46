/*
 * improve.c
 *	  Going on from where a start has ended: moves and exchanged rows, for as long as
 *	  they lead higher.
 *
 * What moves gain is bounded from below by what they are judged by (moves.c); those that
 * should gain the most are tried first.  A trial costs passes over the whole sample, so it
 * is given up as soon as what its last passes gained says that it will not come to more
 * than there is.
 */
#include "engine/search/search.h"

#include <math.h>

/* Gains of the last pass that a move may still catch up with */
#define MOVE_HOPE 12

/* Passes of a move between two looks, and looks before it is given up */
#define MOVE_ITERATIONS 4
#define MOVE_ROUNDS 3

/*
 * Share of its last pass' gain that an end would have gained by each pass of a move by
 * itself: what a move has to gain more
 */
#define MOVE_SHARE 0.5

/* Times that single rows are moved, at most */
#define EXCHANGE_ROUNDS 4

/* Times the rows of a sample that all rows must be for it not to be finished */
#define FINISH_SHARE 8

/*
 * Run a move from a candidate on until what comes of it is better, which takes the
 * candidate's place, or will not be.  Returns whether.
 */
static bool
try_move(Search *search, Candidate *from, const Move *move)
{
	Candidate  *moved = &search->moved;
	bool		accepted = false;

	mixture_copy_parameters(&moved->parameters, &from->parameters);
	moves_make(&search->moves, move, &moved->parameters);
	if (search->labels != NULL)
		labels_place(search->labels, &moved->parameters);
	moved->n_reseeded = from->n_reseeded + move->reseeds;
	moved->outcome.iterations = 0;
	for (int round = 0; round < MOVE_ROUNDS; round++)
	{
		bool		was_better = accepted;
		MixtureError ignored;

		/* a trial that fails is one that leads nowhere */
		if (search_advance(search, moved, MOVE_ITERATIONS, search->tol, &ignored) != MIXTURE_OK)
			return false;
		accepted = search_better(moved, from) && moved->score > from->score +
			MOVE_SHARE * moved->outcome.iterations * from->outcome.gain;

		/* twice, since what is better on its way may end as an artefact */
		if ((was_better && accepted) || search_finished(search, moved) ||
			search_hopeless(moved, from->score, MOVE_HOPE))
			break;
	}
	if (accepted)
		search_swap(moved, from);
	return accepted;
}

/*
 * Make the moves from a candidate that are proposed, one after the other, until one leads
 * to a better one.  Returns whether one does.
 */
static bool
make_move(Search *search, Candidate *from)
{
	Moves	   *moves = &search->moves;
	int			most = search_worked_enough(search, 0) ? search->effort->moves : MOVES_MOST;

	judge_components(&from->parameters, search_judged_rows(search), search->floor,
					 search->suspicions, search->host);
	moves_judge(moves, &from->parameters, search->suspicions, from->outcome.sum_weights,
				search_n_rows(search));
	if (search->effort->chooses)
		most = moves_worth(moves, most, search->effort->moves);
	for (int i = 0; i < moves->n_proposed && i < most; i++)
		if (try_move(search, from, &moves->proposed[i]))
			return true;
	from->doubt = moves_doubt(moves);
	return false;
}

/* Move single rows from where they are held to better components. */
static void
exchange_best(Search *search, Candidate *best)
{
	Candidate  *moved = &search->moved;
	const Sample *sample = search->sample;
	MixtureError error;

	if (!sample->complete || sample_has_gaps(sample) ||
		!exchange_possible(&best->parameters, best->outcome.sum_weights))
		return;
	for (int round = 0; round < EXCHANGE_ROUNDS; round++)
	{
		if (exchange_rows(&best->parameters, sample, best->outcome.sum_weights,
						  &moved->parameters, search->host) == 0)
			break;
		mixture_hold_floor(&moved->parameters, search->floor, search->host);
		moved->n_reseeded = best->n_reseeded;
		moved->doubt = best->doubt;
		moved->outcome.iterations = 0;
		if (search_advance(search, moved, MOVE_ITERATIONS, search->tol, &error) != MIXTURE_OK ||
			!(moved->score > best->score))
			break;
		search_swap(moved, best);
	}
}

/*
 * Go on from a candidate for as long as moves lead higher; where passes are dear, not where
 * starts of two kinds came to it.
 */
static void
go_on(Search *search, Candidate *candidate)
{
	bool		agreed = search->effort->chooses && search->ends.n == 1 &&
		search->ends.ends[0].n_starts > 1;

	if (moves_possible(search->k) && !agreed)
		for (int n = 0; n < 2 * search->k && make_move(search, candidate); n++)
			;
	exchange_best(search, candidate);
}

/*
 * Let a candidate converge on the sample as the options say, if that saves
 * passes over all rows that cost more.
 */
MixtureStatus
search_finish(Search *search, Candidate *candidate, MixtureError *error)
{
	double		tol = search->options->tol * candidate->outcome.sum_weights;
	MixtureStatus status = MIXTURE_OK;

	if (!search->sample->complete &&
		search->scales->sum_weights < FINISH_SHARE * candidate->outcome.sum_weights)
		return MIXTURE_OK;

	/* small steps may be many, and an extrapolation larger */
	search->em.patient = true;
	if (candidate->outcome.iterations < search->options->max_iter)
		status = search_advance(search, candidate, search->options->max_iter,
								search->options->tol, error);
	search->em.patient = false;
	candidate->outcome.converged = candidate->outcome.converged &&
		candidate->outcome.gain < tol;
	return status;
}

/*
 * Go on from where a start has ended for as long as that leads higher, and keep
 * what comes of it if it is the best so far.
 */
MixtureStatus
search_improve(Search *search, const Candidate *end, MixtureError *error)
{
	Candidate  *improved = &search->improved;
	MixtureStatus status;

	search_copy(improved, end);
	go_on(search, improved);
	status = search_finish(search, improved, error);
	if (status == MIXTURE_OK && search_better(end, improved))
	{
		search_copy(improved, end);
		status = search_finish(search, improved, error);
	}
	if (status == MIXTURE_OK && (search->n_improved == 0 || search_better(improved, &search->best)))
		search_swap(improved, &search->best);
	search->n_improved++;
	return status;
}

/* Go on from the highest end where that was put off, and from now on at once. */
MixtureStatus
search_improve_record(Search *search, MixtureError *error)
{
	bool		put_off = search->puts_off && search->n_ended > 0;

	search->puts_off = false;
	return put_off ? search_improve(search, &search->record, error) : MIXTURE_OK;
}
