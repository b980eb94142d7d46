/*
 * search.c
 *	  The search for a good optimum: short runs from many starts, the choice
 *	  among them, and the fit that is handed back.
 *
 * The likelihood of a mixture has many maxima.  Every start is first round
 * components in a space of its own (starts.c), where passes are cheap.  The
 * best of these are tried for a few steps among the rows of a sample of bounded
 * size, the most promising run on, those that fall behind given up.  Then
 * components are split and merged (moves.c) for as long as that leads higher,
 * and the best is continued on all rows.  Where the sample holds every row, as
 * a set of distinct rows with weights, that last leg is not needed, and the fit
 * then is the same to the last bit in whatever order the rows came.
 *
 * Maxima at which a component has shrunk onto a handful of rows, or onto a
 * plane, are artefacts of a likelihood that has no bound there (McLachlan and
 * Peel 2000, section 3.10): another optimum is preferred to them even if it
 * is lower, and where there is none, it is looked for (repair.c).
 */
#include "internal.h"

#include <math.h>
#include <string.h>

/* Passes between two looks at who is to go on. */
#define ROUND_ITERATIONS 8

/* Candidates of a space that are run on: so many, and one more per so many starts */
#define KEPT_PER_SPACE 3
#define STARTS_PER_KEPT 16

/* Passes of an accepted move, at most, before the next one is looked for */
#define MOVE_ITERATIONS 10

/* Looks at a move before it is given up */
#define MOVE_ROUNDS 3

/* Rows of the sample, and its values unless a component then has too few */
#define SAMPLE_ROWS 10000
#define SAMPLE_VALUES (1 << 21)

/*
 * Runs end at this change of the mean log-likelihood while there still is a
 * choice.
 */
#define ROUND_TOLERANCE 1e-4

/* Log-likelihoods per unit of weight that are the same optimum. */
#define SAME_OPTIMUM 1e-5

/* Whether a family has covariance matrices. */
static bool
has_matrix(MixtureCovarianceType type)
{
	return type == MIXTURE_FULL || type == MIXTURE_TIED;
}

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
	int			iterations;		/* passes of a trial, and of a move */
	double		hope;			/* of catching up with so many times the gain
								 * of the last step */
	int			moves;			/* that may fail before the search ends */
};

static const SearchEffort efforts[] = {
	{8, 6, 1e-3, 32, 10, 10, MOVES_MOST},
	{48, 60, 1e-6, 32, 4, 3, MOVES_MOST},
	{MIXTURE_MAX_DIMENSIONS, 60, 1e-6, 1, 2, 1, 2}
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
							has_matrix(parameters->covariance_type) ?
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

/* Try the parameters of the spare candidate, which come from a start. */
static MixtureStatus
try_spare(Search *search, int start, int space, int n_starts, MixtureError *error)
{
	Candidate  *spare = &search->candidates[search->max_kept];
	MixtureStatus status;

	spare->start = start;
	spare->space = space;
	spare->n_starts = n_starts;
	spare->n_reseeded = 0;
	spare->outcome.iterations = 0;
	status = advance(search, spare, search->effort->iterations, error);
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

/* The place of the best of the kept candidates. */
static int
best_candidate(const Search *search)
{
	int			best = 0;

	for (int i = 1; i < search->n_kept; i++)
		if (better(&search->candidates[i], &search->candidates[best]))
			best = i;
	return best;
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
		swap_candidates(&candidates[0], &candidates[best_candidate(search)]);
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
	swap_candidates(&candidates[0], &candidates[best_candidate(search)]);
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
 * Run a move from the best candidate on until it is better, which puts it in
 * the best one's place, or will not be.
 */
static MixtureStatus
try_move(Search *search, const Moves *moves, const Move *move, bool *accepted,
		 MixtureError *error)
{
	Candidate  *best = search->candidates;
	Candidate  *spare = &search->candidates[search->max_kept];

	mixture_copy_parameters(&spare->parameters, &best->parameters);
	moves_make(moves, move, &spare->parameters);
	spare->start = best->start;
	spare->space = best->space;
	spare->n_starts = 1;
	spare->n_reseeded = 0;
	spare->outcome.iterations = 0;
	*accepted = false;
	for (int round = 0; round < MOVE_ROUNDS && !*accepted; round++)
	{
		MixtureStatus status = advance(search, spare, search->effort->iterations, error);

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

/* Whether a move is one of the n that have been tried. */
static bool
was_tried(const Move *tried, int n, const Move *move)
{
	for (int i = 0; i < n; i++)
		if (tried[i].split == move->split && tried[i].merge_into == move->merge_into &&
			tried[i].merge_from == move->merge_from)
			return true;
	return false;
}

/*
 * Try the moves from the best candidate until one is accepted, which then is
 * the best candidate, or enough have failed.
 */
static MixtureStatus
make_move(Search *search, Moves *moves, bool *accepted, MixtureError *error)
{
	Move		tried[MOVES_MOST];
	int			n_tried = 0;
	MixtureStatus status = look_full(search, search->candidates, moves, error);

	*accepted = false;
	if (status != MIXTURE_OK || !moves_look(moves))
		return status;
	for (int number = 0; n_tried < search->effort->moves && !*accepted &&
		 moves_propose(moves, number, &tried[n_tried]); number++)
	{
		if (was_tried(tried, n_tried, &tried[n_tried]))
			continue;
		status = try_move(search, moves, &tried[n_tried++], accepted, error);
		if (status != MIXTURE_OK)
			return status;
	}
	if (*accepted)
	{
		search->n_best = 1;
		status = advance(search, search->candidates, MOVE_ITERATIONS, error);
	}
	return status;
}

/* Go from the best candidate to better optima by moves, while there are any. */
static MixtureStatus
make_moves(Search *search, MixtureError *error)
{
	MixtureStatus status = MIXTURE_OK;
	bool		accepted = true;
	Moves		moves;

	if (!moves_possible(search->options->covariance_type, search->k, search->d))
		return MIXTURE_OK;
	moves_begin(&moves, search->k, search->d, search->host);
	for (int n = 0; n < 2 * search->k && accepted && status == MIXTURE_OK; n++)
		status = make_move(search, &moves, &accepted, error);
	moves_end(&moves);
	return status;
}

/* Let the best candidate converge on the sample. */
static MixtureStatus
finish_best(Search *search, MixtureError *error)
{
	Candidate  *best = search->candidates;

	search->tol = search->options->tol;

	/* twice, for one small step may be followed by a larger one */
	for (int run = 0; run < 2 && best->outcome.iterations < search->options->max_iter; run++)
	{
		MixtureStatus status = advance(search, best, search->options->max_iter, error);

		if (status != MIXTURE_OK)
			return status;
	}
	best->outcome.converged = best->outcome.converged &&
		best->outcome.gain < search->tol * best->outcome.sum_weights;
	return MIXTURE_OK;
}

/* Rows of the sample on which starts are tried. */
static int64_t
sample_limit(int k, int d)
{
	int64_t		wanted = 20 * (int64_t) k * (d + 1);
	int64_t		enough = 4 * (int64_t) k * (d + 1);
	int64_t		bound = SAMPLE_VALUES / d;

	if (wanted < SAMPLE_ROWS)
		wanted = SAMPLE_ROWS;
	if (bound < enough)
		bound = enough;
	return wanted < bound ? wanted : bound;
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
		status = finish_candidates(search, error);
	if (status == MIXTURE_OK)
		status = make_moves(search, error);
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

/* Hand the result back. */
static void
fill_fit(MixtureFit *fit, const EmOutcome *outcome, const Scales *scales,
		 int64_t n_rows, int n_starts, int n_best_starts)
{
	fit->n_rows = n_rows;
	fit->n_incomplete = scales->range.n_incomplete;
	fit->sum_weights = outcome->sum_weights;
	fit->log_likelihood = outcome->log_likelihood;
	fit->entropy = outcome->entropy;
	fit->iterations = outcome->iterations;
	fit->converged = outcome->converged;
	fit->n_starts = n_starts;
	fit->n_best_starts = n_best_starts;
	fit->n_reseeded = 0;
}

/*
 * Hand candidates[0] back as the fit of the n_rows rows: its components in
 * their order, in the rows' own place.  fit->parameters comes from the host.
 */
void
search_result(const Search *search, int64_t n_rows, MixtureFit *fit)
{
	const Candidate *best = search->candidates;

	mixture_allocate_parameters(&fit->parameters, search->options->covariance_type,
								search->k, search->d, search->host);
	order_components(&best->parameters, &fit->parameters, search->host);
	center_move(search->scales->center, &fit->parameters, 1);
	fill_fit(fit, &best->outcome, search->scales, n_rows, search->n_starts,
			 search->n_best);
	fit->n_reseeded = best->n_reseeded;
}

/*
 * What searches of least_k to most_k components need to know of the rows:
 * their scales, with a matrix if `matrix` says so, and a sample of them, which
 * has at least least_k rows.  scales_release() and sample_release() give back.
 */
MixtureStatus
search_prepare(Scales *scales, Sample *sample, const MixtureSource *source,
			   int least_k, int most_k, bool matrix, const MixtureOptions *options, const MixtureHost *host,
			   MixtureError *error)
{
	MixtureStatus status;

	if (source->n_rows == 0)
		return MIXTURE_NO_WEIGHT;
	status = scales_scan(scales, source, host, error);
	if (status != MIXTURE_OK)
		return status;
	sample_take(sample, source, scales->center, &scales->range,
				sample_limit(most_k, source->d), options->seed, host);

	/* from the sample, if that is all rows: it has an order of its own */
	if (sample->complete)
		status = scales_find(scales, &sample->source, NULL, matrix,
							 options->reg_covar, host, error);
	else
		status = scales_find(scales, source, scales->center, matrix,
							 options->reg_covar, host, error);
	if (status == MIXTURE_OK && sample->n_rows < least_k)
	{
		error->count = sample->n_rows;
		return MIXTURE_TOO_FEW_DISTINCT;
	}
	if (status == MIXTURE_OK && scales->range.n_incomplete > 0)
	{
		if (matrix)
			status = scales_correlate(scales, &sample->source, host, error);
		sample_fill(sample, &scales->moments, host);
	}
	return status;
}

/*
 * Fit a mixture of k components to the rows of a source.
 *
 * Components are ordered by weight.  fit->parameters is allocated from the
 * host and the caller's.  On any status but MIXTURE_OK error says more, fit
 * is undefined, and what was allocated remains for the host to reclaim.
 */
MixtureStatus
mixture_fit(const MixtureSource *source, int k, const MixtureOptions *options,
			const MixtureHost *host, MixtureFit *fit, MixtureError *error)
{
	Scales		scales;
	Sample		sample;
	Search		search;
	MixtureStatus status = search_prepare(&scales, &sample, source, k, k,
										  has_matrix(options->covariance_type),
										  options, host, error);

	if (status != MIXTURE_OK)
		return status;
	search_begin(&search, &scales, &sample, k, options, host);
	status = search_sample(&search, error);
	if (status == MIXTURE_OK)
		status = search_continue(&search, source, error);
	if (status != MIXTURE_OK)
		return status;
	search_result(&search, source->n_rows, fit);
	search_end(&search);
	sample_release(&sample, host);
	scales_release(&scales, host);
	return MIXTURE_OK;
}

/*
 * Fit from a given start, whose covariance family it keeps: component i of
 * the result continues component i of the start.  As for mixture_fit() else.
 */
MixtureStatus
mixture_refit(const MixtureSource *source, const MixtureParameters *start,
			  const MixtureOptions *options, const MixtureHost *host,
			  MixtureFit *fit, MixtureError *error)
{
	Scales		scales;
	Em			em;
	EmOutcome	outcome;
	MixtureStatus status;

	if (source->n_rows == 0)
		return MIXTURE_NO_WEIGHT;
	status = scales_scan(&scales, source, host, error);
	if (status != MIXTURE_OK)
		return status;
	status = scales_find(&scales, source, scales.center, false, options->reg_covar,
						 host, error);
	if (status != MIXTURE_OK)
		return status;
	mixture_allocate_parameters(&fit->parameters, start->covariance_type,
								start->k, start->d, host);
	mixture_copy_parameters(&fit->parameters, start);
	center_move(scales.center, &fit->parameters, -1);
	em_begin(&em, source, scales.center, start->covariance_type, start->k, scales.floor, host);
	status = em_run(&em, &fit->parameters, options->max_iter, options->tol,
					options->accelerate, &outcome, error);
	if (status == MIXTURE_OK)
		status = em_score(&em, &fit->parameters, &outcome, error);
	if (status != MIXTURE_OK)
		return status;
	em_end(&em);
	center_move(scales.center, &fit->parameters, 1);
	fill_fit(fit, &outcome, &scales, source->n_rows, 1, 1);
	scales_release(&scales, host);
	return MIXTURE_OK;
}
