/*
 * search.c
 *	  The search for a good optimum: short runs from many starts, the choice
 *	  among them, and moves from the best.
 *
 * The likelihood of a mixture has many maxima.  A start is round components,
 * found where passes are cheap (starts.c).  Those that promise the most are run
 * on among the rows of a sample of bounded size, and the best of these to the
 * end.  From each end that is the highest so far components are split and
 * merged (moves.c) and single rows exchanged (exchange.c) for as long as that
 * leads higher.  Where many starts are made every other one begins from two
 * ends, crossed (ends.c).  Where the sample does not hold every row the best is
 * continued on all of them; where it does, as a set of distinct rows with weights,
 * the fit is the same to the last bit in whatever order the rows came.
 *
 * Whether a start goes on depends on the starts before it and on nothing else,
 * so more of them do all that fewer do, and then more: their score is never
 * lower.  Only what becomes of few rows far from all others (outliers.c) is decided
 * anew, and may give up likelihood for a component that is not suspect.
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
#include <string.h>

/*
 * How much is tried: of a sample over which a pass is cheap, everything; of
 * others, what promises the most.
 */
struct SearchEffort
{
	double		work;			/* operations of a pass, up to which it holds */
	int			most_starts;	/* where nobody has said how many */
	bool		chooses;		/* gives a start up at once that is not closer to its
								 * rows than those before, and one that does not lead
								 * higher than these after the first passes: */
	int			trial_iterations;
	double		hope;			/* gains of the last pass that a run may still
								 * catch up with */
	double		tol;			/* change of the mean log-likelihood at which a
								 * run ends while there is a choice */
	int			moves;			/* that are tried one by one, even after enough work */
};

static const SearchEffort efforts[] = {
	{1.2e7, 300, false, 10, 1000, 1e-6, MOVES_MOST},
	{INFINITY, 10, true, 2, 3, 1e-4, 2}
};

/* Passes between two looks at whether a run will come to anything */
#define ROUND_ITERATIONS 10

/* Starts that are made unasked in any case, if they do not end alike */
#define LEAST_STARTS 10

/* Operations of all passes after which no more starts are made, and fewer moves */
#define ENOUGH_WORK 3e9

/*
 * Starts that are made unasked at the most, of two components; and where there are more
 * maxima: beside noise, of few rows for the number of dimensions, or where the two share
 * a covariance
 */
#define STARTS_OF_TWO 6
#define MORE_STARTS_OF_TWO 40

/* Starts of which only the highest end is gone on from, where nobody says how many */
#define PUT_OFF_STARTS 5

/* Starts that come to the same end, which are enough if they are such a share of all */
#define SAME_ENDS 10
#define SAME_SHARE 0.2

/* The same of two components, of which there are fewer different ends */
#define SAME_ENDS_OF_TWO 4
#define SAME_SHARE_OF_TWO 0.75

/* Times that each share of the rows is taken for noise before that is enough */
#define NOISE_ROUNDS 3

/* Gains of the last pass that a move may still catch up with */
#define MOVE_HOPE 12

/* Passes of a move between two looks, and looks before it is given up */
#define MOVE_ITERATIONS 4
#define MOVE_ROUNDS 3

/* Times that single rows are moved, at most */
#define EXCHANGE_ROUNDS 4

/* Times the rows of a sample that all rows must be for it not to be finished */
#define FINISH_SHARE 8

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
static double
judged_n_rows(const Search *search)
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

	candidate->n_artefacts = judge_components(&candidate->parameters, judged_n_rows(search),
											  search->floor, search->suspicions, host);
	candidate->score = candidate->outcome.log_likelihood;
	if (candidate->n_artefacts == 0)
		return;
	mixture_copy_parameters(widened, &candidate->parameters);
	judge_widen(widened, search->suspicions, host);
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
static MixtureStatus
advance(Search *search, Candidate *candidate, int passes, double tol, MixtureError *error)
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
static bool
finished(const Search *search, const Candidate *candidate)
{
	return candidate->outcome.converged ||
		candidate->outcome.iterations >= search->options->max_iter;
}

/* Whether a candidate is unlikely to come to a score. */
static bool
hopeless(const Candidate *candidate, double score, double hope)
{
	return candidate->score + hope * candidate->outcome.gain < score;
}

/* Exchange two candidates. */
static void
swap_candidates(Candidate *a, Candidate *b)
{
	Candidate	copy = *a;

	*a = *b;
	*b = copy;
}

/* Copy a candidate, whose parameters have arrays of their own. */
static void
copy_candidate(Candidate *to, const Candidate *from)
{
	MixtureParameters parameters = to->parameters;

	mixture_copy_parameters(&parameters, &from->parameters);
	*to = *from;
	to->parameters = parameters;
}

/* About how many operations a pass over the sample takes. */
static double
pass_work(const Search *search)
{
	double		d = search->d;
	double		row = mixture_has_matrix(search->options->covariance_type) ?
		d * (d + 11) + 20 : 4 * d + 20;

	return (double) search->sample->n_rows * search->k * row;
}

/* Whether there has been as much work, since so many passes, as is to be without asking. */
bool
search_worked_enough(const Search *search, double since)
{
	return (search->passes - since) * pass_work(search) > ENOUGH_WORK;
}

/*
 * Run n moves from a candidate, made at once, on until what comes of them is
 * better, which takes the candidate's place, or will not be.
 */
static void
try_moves(Search *search, Candidate *from, const Move *first, int n, bool *accepted)
{
	Candidate  *moved = &search->moved;

	mixture_copy_parameters(&moved->parameters, &from->parameters);
	for (int i = 0; i < n; i++)
		moves_make(&search->moves, &first[i], &moved->parameters);
	if (search->labels != NULL)
		labels_place(search->labels, &moved->parameters);
	moved->n_reseeded = from->n_reseeded;
	for (int i = 0; i < n; i++)
		moved->n_reseeded += first[i].reseeds;
	moved->outcome.iterations = 0;
	*accepted = false;
	for (int round = 0; round < MOVE_ROUNDS; round++)
	{
		bool		was_better = *accepted;
		MixtureError ignored;

		/* a trial that fails is one that leads nowhere */
		if (advance(search, moved, MOVE_ITERATIONS, search->tol, &ignored) != MIXTURE_OK)
		{
			*accepted = false;
			return;
		}
		*accepted = search_better(moved, from);

		/* twice, since what is better on its way may end as an artefact */
		if ((was_better && *accepted) || finished(search, moved) ||
			hopeless(moved, from->score, MOVE_HOPE))
			break;
	}
	if (*accepted)
		swap_candidates(moved, from);
}

/*
 * Make the moves from a candidate that should gain, at once; if that does not
 * lead to a better one, one after the other, until one does.  Returns whether.
 */
static bool
make_move(Search *search, Candidate *from)
{
	Moves	   *moves = &search->moves;
	Move		sure[MOVES_MOST];
	int			n_sure = 0;
	int			most = search_worked_enough(search, 0) ? search->effort->moves : MOVES_MOST;
	bool		accepted = false;

	judge_components(&from->parameters, judged_n_rows(search), search->floor,
					 search->suspicions, search->host);
	moves_judge(moves, &from->parameters, search->suspicions, from->outcome.sum_weights,
				search_n_rows(search));
	for (int i = 0; i < moves->n_proposed && moves->proposed[i].gain > 0; i++)
	{
		bool		apart = true;

		for (int j = 0; j < n_sure && apart; j++)
			apart = moves_apart(&sure[j], &moves->proposed[i]);
		if (apart)
			sure[n_sure++] = moves->proposed[i];
	}
	if (n_sure > 1)
		try_moves(search, from, sure, n_sure, &accepted);
	for (int i = 0; i < moves->n_proposed && i < most && !accepted; i++)
		try_moves(search, from, &moves->proposed[i], 1, &accepted);
	return accepted;
}

/* Move single rows from where they are held to better components. */
static void
exchange_best(Search *search, Candidate *best)
{
	Candidate  *moved = &search->moved;
	const Sample *sample = search->sample;
	MixtureError error;

	if (!sample->complete || search->scales->range.n_incomplete > 0 ||
		!exchange_possible(&best->parameters, best->outcome.sum_weights))
		return;
	for (int round = 0; round < EXCHANGE_ROUNDS; round++)
	{
		if (exchange_rows(&best->parameters, sample, best->outcome.sum_weights,
						  &moved->parameters, search->host) == 0)
			break;
		mixture_hold_floor(&moved->parameters, search->floor, search->host);
		moved->n_reseeded = best->n_reseeded;
		moved->outcome.iterations = 0;
		if (advance(search, moved, MOVE_ITERATIONS, search->tol, &error) != MIXTURE_OK ||
			!(moved->score > best->score))
			break;
		swap_candidates(moved, best);
	}
}

/* Go on from a candidate for as long as moves lead higher. */
static void
go_on(Search *search, Candidate *candidate)
{
	if (moves_possible(search->k))
		for (int n = 0; n < 2 * search->k && make_move(search, candidate); n++)
			;
	exchange_best(search, candidate);
}

/*
 * Let a candidate converge on the sample as the options say, if that saves
 * passes over all rows that cost more.
 */
static MixtureStatus
finish(Search *search, Candidate *candidate, MixtureError *error)
{
	double		tol = search->options->tol * candidate->outcome.sum_weights;
	int			n_small = candidate->outcome.converged && candidate->outcome.gain < tol;

	if (!search->sample->complete &&
		search->scales->sum_weights < FINISH_SHARE * candidate->outcome.sum_weights)
		return MIXTURE_OK;

	/* until two steps in a row are small, for one may be followed by a larger one */
	while (n_small < 2 && candidate->outcome.iterations < search->options->max_iter)
	{
		int			done = candidate->outcome.iterations;
		MixtureStatus status = advance(search, candidate, search->options->max_iter,
									   search->options->tol, error);

		if (status != MIXTURE_OK)
			return status;
		n_small = candidate->outcome.iterations > done + 1 ? 1 : n_small + 1;
	}
	candidate->outcome.converged = candidate->outcome.converged &&
		candidate->outcome.gain < tol;
	return MIXTURE_OK;
}

/*
 * Go on from where a start has ended for as long as that leads higher, and keep
 * what comes of it if it is the best so far.
 */
static MixtureStatus
improve(Search *search, const Candidate *end, MixtureError *error)
{
	Candidate  *improved = &search->improved;
	MixtureStatus status;

	copy_candidate(improved, end);
	go_on(search, improved);
	status = finish(search, improved, error);
	if (status == MIXTURE_OK && search_better(end, improved))
	{
		copy_candidate(improved, end);
		status = finish(search, improved, error);
	}
	if (status == MIXTURE_OK && (search->n_improved == 0 || search_better(improved, &search->best)))
		swap_candidates(improved, &search->best);
	search->n_improved++;
	return status;
}

/* Go on from the highest end where that was put off, and from now on at once. */
static MixtureStatus
improve_record(Search *search, MixtureError *error)
{
	bool		put_off = search->puts_off && search->n_ended > 0;

	search->puts_off = false;
	return put_off ? improve(search, &search->record, error) : MIXTURE_OK;
}

/* Memory for a candidate's parameters. */
static void
allocate_candidate(Search *search, Candidate *candidate)
{
	mixture_allocate_parameters(&candidate->parameters, search->options->covariance_type,
								search->k, search->d, search->host);
}

/*
 * Run the spare candidate, which comes from a start, to its end, unless it falls
 * behind the highest end so far, or, where passes are dear, behind what came of that.
 * From the end, if it is the highest so far, go on; where passes are dear, not if another
 * start came to the same, and this one only nearer to it.  Among as many starts as there
 * are in any case that is put off, for a later one often ends higher.  Where it is said
 * how many are made it is not, or fewer could come to more.
 */
static MixtureStatus
try_spare(Search *search, bool crossed, MixtureError *error)
{
	const SearchEffort *effort = search->effort;
	Candidate  *spare = &search->spare;
	MixtureStatus status;
	bool		known;

	spare->n_reseeded = 0;
	spare->outcome.iterations = 0;
	status = advance(search, spare, effort->trial_iterations, search->tol, error);
	if (status != MIXTURE_OK)
		return search->n_ended > 0 ? MIXTURE_OK : status;
	if (effort->chooses && !(spare->score > search->highest_trial))
		return MIXTURE_OK;
	search->highest_trial = fmax(search->highest_trial, spare->score);
	while (!finished(search, spare))
	{
		if (search->n_ended > 0 &&
			hopeless(spare, effort->chooses ? search->best.score : search->highest_end,
					 effort->hope))
			return MIXTURE_OK;
		status = advance(search, spare, ROUND_ITERATIONS, search->tol, error);
		if (status != MIXTURE_OK)
			return search->n_ended > 0 ? MIXTURE_OK : status;
	}
	search->n_ended++;
	known = ends_note(&search->ends, &spare->parameters, spare->score,
					  spare->n_artefacts == 0, crossed);
	if (search->n_ended > 1 && ((known && effort->chooses) ||
								spare->score <= search->highest_end +
								SAME_OPTIMUM * spare->outcome.sum_weights))
		return MIXTURE_OK;
	search->highest_end = spare->score;
	if (!search->puts_off)
		return improve(search, spare, error);
	swap_candidates(spare, &search->record);
	return MIXTURE_OK;
}

/* Whether there is one maximum: that of one component and nothing beside. */
static bool
is_single(const Search *search)
{
	return search->k == 1 && !search->options->noise;
}

/* Whether it is the mean and covariance of the rows, which are known before. */
static bool
is_known(const Search *search)
{
	return is_single(search) && search->prior == NULL &&
		search->scales->range.n_incomplete == 0;
}

/*
 * The one candidate where there is one component: mean and covariance.  Where nothing is
 * missing these are known of all rows, and there is nothing to iterate.
 */
static MixtureStatus
try_single(Search *search, MixtureError *error)
{
	const Scales *scales = search->scales;
	Candidate  *single = &search->best;

	scales_single(scales, &single->parameters);
	mixture_hold_floor(&single->parameters, search->floor, search->host);
	single->n_reseeded = 0;
	single->outcome.iterations = 0;
	search->n_best = 1;
	progress_start(search->host, 0);
	if (!is_known(search))
		return advance(search, single, search->options->max_iter, search->options->tol, error);
	single->outcome = (EmOutcome) {
		.iterations = 1,.converged = true,.sum_weights = scales->sum_weights
	};
	return MIXTURE_OK;
}

/* Starts that are made at the most where nobody has said how many. */
static int
most_starts(const Search *search)
{
	int			most = search->effort->most_starts;
	bool		few = search->k * (double) search->d * search->d > search_n_rows(search);
	bool		shared = search->options->covariance_type == MIXTURE_TIED;
	int			of_two = few || shared || search->options->noise ?
		MORE_STARTS_OF_TWO : STARTS_OF_TWO;

	return search->k <= 2 && most > of_two ? of_two : most;
}

/*
 * Whether as many starts as have been made will do, where nobody has said how
 * many: enough of them came to the best end, or that would be too much work.
 */
static bool
enough_starts(const Search *search, int n)
{
	bool		two = search->k <= 2;
	int			wanted = two ? SAME_ENDS_OF_TWO : SAME_ENDS;
	double		share = two ? SAME_SHARE_OF_TWO : SAME_SHARE;
	const End  *end;

	if (n >= LEAST_STARTS && search_worked_enough(search, 0))
		return true;
	if (search->options->noise && n < (search->k == 1 ? 1 : NOISE_ROUNDS) * BACKGROUND_SHARES)
		return false;
	if (n < wanted)
		return false;
	end = ends_find(&search->ends, &search->best.parameters);
	return end != NULL && end->n_starts >= wanted && end->n_starts >= share * n;
}

/*
 * Make start number `number` the spare candidate; *crossed: it begins between two ends.
 * Returns false where it is given up at once.
 */
static bool
make_start(Search *search, int number, bool *crossed)
{
	MixtureParameters *parameters = &search->spare.parameters;
	bool		chooses = search->effort->chooses && !search->options->noise;
	double		spread;

	*crossed = ends_cross(&search->ends, number, search->options->seed, &search->starts,
						  parameters);
	if (*crossed)
	{
		mixture_hold_floor(parameters, search->floor, search->host);
		if (search->labels != NULL)
			labels_place(search->labels, parameters);
		return true;
	}
	if (chooses && !starts_compete(&search->starts, number))
		return false;
	spread = starts_find(&search->starts, number, search->effort == efforts);
	if (chooses && !(spread < search->least_spread))
		return false;
	search->least_spread = spread;
	starts_leave(&search->starts, parameters);
	if (search->labels != NULL)
		labels_begin(search->labels, number, parameters);
	return true;
}

/* Make the starts, one after the other, and try those that promise the most. */
MixtureStatus
search_starts(Search *search, MixtureError *error)
{
	bool		automatic = search->options->n_init == 0;
	const End  *end;
	MixtureStatus status = MIXTURE_OK;

	for (int number = 0; number < search->n_starts && status == MIXTURE_OK; number++)
	{
		bool		crossed;

		if (number == PUT_OFF_STARTS)
			status = improve_record(search, error);
		if (status == MIXTURE_OK && automatic && enough_starts(search, number))
			search->n_starts = number;
		if (status != MIXTURE_OK || number == search->n_starts)
			break;
		progress_start(search->host, number);
		if (make_start(search, number, &crossed))
			status = try_spare(search, crossed, error);
	}
	if (status == MIXTURE_OK)
		status = improve_record(search, error);
	end = ends_find(&search->ends, &search->best.parameters);
	search->n_best = end != NULL && end->n_alone > 1 ? end->n_alone : 1;
	return status;
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
	MixtureCovarianceType type = options->covariance_type;

	memset(search, 0, sizeof(*search));
	search->host = host;
	search->options = options;
	search->scales = scales;
	search->floor = scales_floor(scales, type);
	search->sample = sample;
	search->k = k;
	search->d = sample->d;
	search->effort = efforts;
	while (pass_work(search) > search->effort->work)
		search->effort++;
	search->n_starts = is_single(search) ? 1 : options->n_init > 0 ? options->n_init :
		most_starts(search);
	search->puts_off = options->n_init == 0 && k > 2 && !search->effort->chooses;
	search->least_spread = INFINITY;
	search->highest_trial = -INFINITY;
	search->tol = options->tol == 0 ? 0 : fmax(options->tol, search->effort->tol);
	search->suspicions = host->allocate(host->context, k * sizeof(MixtureSuspicion));
	mixture_allocate_parameters(&search->widened, type, k, sample->d, host);
	allocate_candidate(search, &search->best);
	em_begin(&search->em, &sample->source, NULL, type, k, search->floor, host);
	search->em.bounds.prior = search->prior = scales_prior(scales, options, type, k, host);
	if (sample->labels != NULL)
		search->labels = labels_create(sample, k, host);
	search->em.noted = true;
	search->em.goes_on = true;
	progress_searching(host, type, k, search->n_starts);
	if (is_single(search))
		return;
	allocate_candidate(search, &search->spare);
	allocate_candidate(search, &search->record);
	allocate_candidate(search, &search->improved);
	allocate_candidate(search, &search->moved);
	ends_begin(&search->ends, type, k, sample->d, host);
	starts_begin(&search->starts, scales, sample, k, options, host);
	moves_begin(&search->moves, type, k, sample, search->floor, host);
	if (type == MIXTURE_TIED && search->effort->chooses && SEARCH_WITHOUT != SEARCH_BIRTHS)
		search->moves.scales = scales;
}

/* Give back what search_begin() allocated. */
void
search_end(Search *search)
{
	const MixtureHost *host = search->host;

	if (!is_single(search))
	{
		moves_end(&search->moves);
		starts_end(&search->starts);
		ends_release(&search->ends);
		mixture_release_parameters(&search->moved.parameters, host);
		mixture_release_parameters(&search->improved.parameters, host);
		mixture_release_parameters(&search->record.parameters, host);
		mixture_release_parameters(&search->spare.parameters, host);
	}
	em_end(&search->em);
	prior_release(search->prior, host);
	if (search->labels != NULL)
		labels_release(search->labels);
	mixture_release_parameters(&search->best.parameters, host);
	mixture_release_parameters(&search->widened, host);
	host->release(host->context, search->suspicions);
}

/*
 * Let the spare candidate be what EM comes to from a mixture among all rows of the sample.
 * Returns whether it comes to anything.
 */
bool
search_follow(Search *search, const MixtureParameters *parameters)
{
	Candidate  *spare = &search->spare;
	MixtureError error;

	mixture_copy_parameters(&spare->parameters, parameters);
	spare->n_reseeded = 0;
	spare->outcome.iterations = 0;
	return advance(search, spare, search->options->max_iter, search->options->tol, &error) ==
		MIXTURE_OK && finish(search, spare, &error) == MIXTURE_OK;
}

/* Make the spare candidate, which n_best starts came to, the best. */
void
search_take(Search *search, int n_best)
{
	Candidate  *spare = &search->spare;
	Candidate  *best = &search->best;

	spare->n_reseeded = best->n_reseeded;
	if (spare->n_artefacts < best->n_artefacts)
		spare->n_reseeded += best->n_artefacts - spare->n_artefacts;
	swap_candidates(spare, best);
	search->n_best = n_best;
}

/*
 * Find the best optimum on the sample: search->best then, n_best of the
 * n_starts starts having come to it by themselves, or one by moves.
 */
MixtureStatus
search_sample(Search *search, MixtureError *error)
{
	MixtureStatus status;

	if (is_single(search))
		return try_single(search, error);
	status = search_starts(search, error);
	if (status == MIXTURE_OK)
		outliers_absorb(search);
	return status;
}

/* Score the best; where nothing was iterated, that is the pass to be noted. */
static MixtureStatus
score_best(Search *search, Em *em, MixtureError *error)
{
	EmOutcome  *outcome = &search->best.outcome;
	MixtureStatus status = em_score(em, &search->best.parameters, outcome, error);

	if (status == MIXTURE_OK && is_known(search))
		progress_pass(search->host, outcome->iterations,
					  outcome->log_likelihood / outcome->sum_weights, NAN, true);
	return status;
}

/*
 * Let the components of the best that have few rows of the sample be as wide as others
 * are: there may be more of these rows, which one that fits a few would never reach.
 */
static void
widen_few(Search *search)
{
	MixtureParameters *parameters = &search->best.parameters;

	judge_components(parameters, judged_n_rows(search), search->floor, search->suspicions,
					 search->host);
	for (int c = 0; c < search->k; c++)
		if (search->suspicions[c] != MIXTURE_FEW_ROWS)
			search->suspicions[c] = MIXTURE_SOUND;
	judge_widen(parameters, search->suspicions, search->host);
}

/*
 * Go on with the best on all rows, if the sample does not have them all, and
 * score it there.
 */
MixtureStatus
search_continue(Search *search, const MixtureSource *source, MixtureError *error)
{
	Candidate  *best = &search->best;
	const MixtureOptions *options = search->options;
	MixtureStatus status = MIXTURE_OK;
	Em			em;

	if (search->sample->complete)
		return score_best(search, &search->em, error);
	em_begin(&em, source, search->scales->center, options->covariance_type,
			 search->k, search->floor, search->host);
	em.bounds.prior = search->prior;
	em.noted = true;
	progress_iterating(search->host, options->covariance_type, search->k, options);
	if (!is_known(search))
	{
		widen_few(search);
		status = em_run(&em, &best->parameters, options->max_iter, options->tol,
						options->accelerate, &best->outcome, error);
	}
	if (status == MIXTURE_OK)
		status = score_best(search, &em, error);
	em_end(&em);
	return status;
}
