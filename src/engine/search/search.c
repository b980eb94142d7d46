/*
 * search.c
 *	  The search for a good optimum: short runs from many starts, the choice
 *	  among them, and moves from the best.
 *
 * The likelihood of a mixture has many maxima.  A start is round components,
 * found where passes are cheap (starts.c).  Those that promise the most are run
 * on among the rows of a sample of bounded size, and the best of these to the
 * end.  From each end that is the highest so far components are split and
 * merged and single rows exchanged for as long as that leads higher (improve.c).
 * Where many starts are made every other one begins from two ends, crossed (ends.c); and
 * where components share a covariance one from one end, doubled (doubles.c).  Where
 * passes are dear one start, the closest to its rows, is all that is tried as a rule; more
 * are, as where they are cheap, if what comes of it is doubtful.  Where features of rows are
 * missing, what searches among rows without gaps come to is tried before all starts.
 * Where the sample does not hold every row the best is continued on all of them; where
 * it does, as a set of distinct rows with weights, the fit is the same to the last bit
 * in whatever order the rows came.
 *
 * Whether a start goes on depends on the starts before it and on nothing else,
 * so more of them do all that fewer do, and then more: their score is never
 * lower.  Only what becomes of few rows far from all others (outliers.c) is decided
 * anew, and may give up likelihood for a component that is not suspect.
 */
#include "engine/search/search.h"

#include <math.h>
#include <string.h>

/* Of a sample over which a pass is cheap, and of others */
static const SearchEffort efforts[] = {
	{1.2e7, 300, false, 10, 1000, 1e-6, MOVES_MOST},
	{INFINITY, 10, true, 2, 3, 1e-4, 2}
};

/* Passes between two looks at whether a run will come to anything */
#define ROUND_ITERATIONS 10

/* Starts that are made unasked in any case, if they do not end alike */
#define LEAST_STARTS 10

/*
 * Operations of all passes after which no more starts are made, and fewer moves; and how
 * much more these may be where what they have led to is likely to be no good optimum
 */
#define ENOUGH_WORK 3e9
#define DOUBTFUL_TIMES 4

/*
 * Starts that are made unasked at the most, of two components; and of these among so few
 * rows that which maximum is the highest is mostly chance, unless there are many: beside
 * noise, of fewer rows still for the number of dimensions, or where the two share a
 * covariance
 */
#define STARTS_OF_TWO 40
#define QUICK_STARTS 5
#define QUICK_ROWS 128

/* Starts of which only the highest end is gone on from, where nobody says how many */
#define PUT_OFF_STARTS 5

/* Starts that come to the same end, which are enough if they are such a share of all */
#define SAME_ENDS 10
#define SAME_SHARE 0.2

/* The same of two components among few rows, and gains of a last pass to be hoped for there */
#define QUICK_ENDS 4
#define QUICK_SHARE 0.75
#define QUICK_HOPE 100

/* Which start is made of one end, where components share a covariance: after other kinds */
#define DOUBLED (LEAST_STARTS - 1)

/* Rows without gaps, for each that a component has to have, that are searched by themselves */
#define LEAST_WHOLE 4

/* Times that each share of the rows is taken for noise before that is enough */
#define NOISE_ROUNDS 3

/*
 * About how many operations a pass over the sample takes; as if each component had a matrix
 * of its own, if apart, as it has for moves, even where all share one.
 */
static double
pass_work(const Search *search, bool apart)
{
	MixtureCovarianceType type = search->options->covariance_type;
	double		d = search->d;
	double		matrix = mixture_has_matrix(type) ? d * (d + 11) : 0;
	double		row = matrix > 0 ? matrix : 4 * d;

	if (!apart && type == MIXTURE_TIED && !sample_has_gaps(search->sample))
		row = 4 * d + matrix / search->k;
	return (double) search->sample->n_rows * search->k * (row + 20);
}

/* Whether what starts have led to so far is likely to be no good optimum. */
static bool
is_wrong(const Search *search)
{
	return search->best.n_artefacts > 0 || search->best.doubt == MOVES_MISSING;
}

/* Whether more is tried than the size of a pass would allow, after doubt. */
static bool
tries_harder(const Search *search)
{
	return search->effort == efforts && pass_work(search, true) > efforts->work;
}

/* Whether there has been as much work, since so many passes, as is to be without asking. */
bool
search_worked_enough(const Search *search, double since)
{
	double		times = tries_harder(search) && is_wrong(search) ? DOUBTFUL_TIMES : 1;

	return (search->passes - since) * pass_work(search, false) > times * ENOUGH_WORK;
}

/* Whether few starts will do, for there are few rows of two components. */
static bool
is_quick(const Search *search)
{
	return search->k <= 2 && search_n_rows(search) < QUICK_ROWS;
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
 * are in any case, or that are chosen, that is put off, for a later one often ends higher.
 * Where it is said how many are made it is not, or fewer could come to more.
 */
static MixtureStatus
try_spare(Search *search, bool crossed, MixtureError *error)
{
	const SearchEffort *effort = search->effort;
	Candidate  *spare = &search->spare;
	double		hope = is_quick(search) ? QUICK_HOPE : effort->hope;
	MixtureStatus status;
	bool		known;

	spare->n_reseeded = 0;
	spare->doubt = MOVES_SURE;
	spare->outcome.iterations = 0;
	status = search_advance(search, spare, effort->trial_iterations, search->tol, error);
	if (status != MIXTURE_OK)
		return search->n_ended > 0 ? MIXTURE_OK : status;
	if (effort->chooses && !search->puts_off && !(spare->score > search->highest_trial))
		return MIXTURE_OK;
	search->highest_trial = fmax(search->highest_trial, spare->score);
	while (!search_finished(search, spare))
	{
		if (search->n_ended > 0 && !(effort->chooses && search->puts_off) &&
			search_hopeless(spare, effort->chooses ? search->best.score : search->highest_end,
							hope))
			return MIXTURE_OK;
		status = search_advance(search, spare, ROUND_ITERATIONS, search->tol, error);
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
		return search_improve(search, spare, error);
	search_swap(spare, &search->record);
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
	progress_start(search->host, 0, 1);
	if (!is_known(search))
		return search_advance(search, single, search->options->max_iter, search->options->tol,
							  error);
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
	bool		many = search->k * (double) search->d * search->d > search_n_rows(search) ||
		search->options->covariance_type == MIXTURE_TIED || search->options->noise;
	int			of_two = is_quick(search) && !many ? QUICK_STARTS : STARTS_OF_TWO;

	return search->k <= 2 && most > of_two ? of_two : most;
}

/*
 * Where few starts have been tried, and what they have led to is doubtful: go on with as
 * many as where passes are cheap, until that is enough work.  Returns whether.
 */
static bool
try_harder(Search *search)
{
	if (!search->effort->chooses || search->n_improved == 0 ||
		(!is_wrong(search) && search->best.doubt == MOVES_SURE))
		return false;
	search->effort = efforts;
	if (search->options->n_init == 0)
		search->n_starts = most_starts(search);
	return true;
}

/*
 * Whether as many starts as have been made will do, where nobody has said how
 * many: enough of them came to the best end, or that would be too much work.
 */
static bool
enough_starts(const Search *search, int n)
{
	bool		quick = is_quick(search);
	int			wanted = quick ? QUICK_ENDS : SAME_ENDS;
	double		share = quick ? QUICK_SHARE : SAME_SHARE;
	const End  *end;

	if ((n >= LEAST_STARTS || tries_harder(search)) && search_worked_enough(search, 0))
		return true;
	if (search->options->noise && n < (search->k == 1 ? 1 : NOISE_ROUNDS) * BACKGROUND_SHARES)
		return false;
	if (n < wanted)
		return false;
	end = ends_find(&search->ends, &search->best.parameters);
	return end != NULL && end->n_starts >= wanted && end->n_starts >= share * n;
}

/*
 * Make the spare candidate of the best end, all components cut at once, where it is the
 * turn of that.  Returns whether.
 */
static bool
make_double(Search *search, int number)
{
	return SEARCH_WITHOUT != SEARCH_DOUBLING &&
		search->options->covariance_type == MIXTURE_TIED && !search->options->noise &&
		number == DOUBLED && search->ends.n > 0 &&
		doubles_make(&search->ends.ends[0].parameters, search->sample, &search->em.bounds,
					 &search->spare.parameters, search->host);
}

/*
 * Make start number `number` the spare candidate; *crossed: it begins at ends.  Returns
 * false where it is given up at once.
 */
static bool
make_start(Search *search, int number, bool *crossed)
{
	MixtureParameters *parameters = &search->spare.parameters;
	bool		chooses = search->effort->chooses && !search->options->noise;
	double		spread;

	*crossed = make_double(search, number) ||
		ends_cross(&search->ends, number, search->options->seed, &search->starts, parameters);
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
	if (isinf(spread) || (chooses && !search->puts_off && !(spread < search->least_spread)))
		return false;
	if (spread > 0)
		search->least_spread = spread;
	starts_leave(&search->starts, parameters);
	if (search->labels != NULL)
		labels_begin(search->labels, number, parameters);
	return true;
}

/* Try what a search among these rows comes to, which have no gaps. */
static void
try_among(Search *search, const Sample *rows)
{
	MixtureHost quiet;
	MixtureOptions options;
	Search		again;
	MixtureError error;
	bool		found;

	search_begin_again(&again, search, rows, &options, &quiet);
	found = search_starts(&again, &error) == MIXTURE_OK;
	if (found)
		mixture_copy_parameters(&search->spare.parameters, &again.best.parameters);
	search_end(&again);
	if (found)
		try_spare(search, true, &error);
}

/*
 * Where rows have gaps: try what searches come to among those that have none, which mislead
 * nobody, if there are enough, but may not be of all groups; and among all, filled in.  Passes
 * over such rows cost little, so that many more starts are worth trying.
 */
static void
try_without_gaps(Search *search)
{
	const MixtureHost *host = search->host;
	int64_t		least = (int64_t) LEAST_WHOLE * search->k *
		judge_least_rows(search->options->covariance_type, search->d);
	Sample		rows;

	if (search->labels == NULL)
	{
		sample_whole_rows(search->sample, &rows, host);
		if (rows.n_rows >= least)
			try_among(search, &rows);
		sample_release(&rows, host);
	}
	sample_reweigh(search->sample, &rows, host);
	try_among(search, &rows);
	host->release(host->context, rows.weights);
}

/* Make the starts, one after the other, and try those that promise the most. */
MixtureStatus
search_starts(Search *search, MixtureError *error)
{
	bool		automatic = search->options->n_init == 0;
	bool		chooses = automatic && search->effort->chooses;
	int			chosen = chooses ? starts_choose(&search->starts, search->n_starts, false) : -1;
	int			plain = chooses ? starts_choose(&search->starts, search->n_starts, true) : -1;
	const End  *end;
	MixtureStatus status = MIXTURE_OK;

	search->puts_off = search->puts_off || chosen >= 0;
	for (int number = 0; status == MIXTURE_OK; number++)
	{
		bool		crossed;

		if (number == (chosen < 0 ? PUT_OFF_STARTS : LEAST_STARTS))
			status = search_improve_record(search, error);
		if (number == LEAST_STARTS && try_harder(search))
			chosen = -1;
		if (status == MIXTURE_OK && automatic && enough_starts(search, number))
			search->n_starts = number;
		if (status != MIXTURE_OK || number == search->n_starts)
			break;
		progress_start(search->host, number, search->n_starts);
		if (chosen >= 0 && number != chosen && number != plain && number != STARTS_ALONG_LINES)
			continue;
		if (make_start(search, number, &crossed))
			status = try_spare(search, crossed, error);
	}
	if (status == MIXTURE_OK)
		status = search_improve_record(search, error);
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
	while (pass_work(search, true) > search->effort->work)
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
	if (!sample_has_gaps(sample))
		em_know_whole(&search->em);
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

/*
 * Prepare a search for the same among other rows, as part of one: for its options and host
 * there is room, which must stay until search_end().
 */
void
search_begin_again(Search *again, const Search *search, const Sample *rows,
				   MixtureOptions *options, MixtureHost *quiet)
{
	*options = *search->options;
	*quiet = *search->host;
	/* as many starts as it takes: with more there is to be more, not something else */
	options->n_init = 0;
	/* and not those that are counted */
	quiet->report = NULL;
	quiet->progress = NULL;
	search_begin(again, search->scales, rows, search->k, options, quiet);
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
	return search_advance(search, spare, search->options->max_iter, search->options->tol, &error) ==
		MIXTURE_OK && search_finish(search, spare, &error) == MIXTURE_OK;
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
	search_swap(spare, best);
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
	if (sample_has_gaps(search->sample))
		try_without_gaps(search);
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

	judge_components(parameters, search_judged_rows(search), search->floor, search->suspicions,
					 search->host);
	for (int c = 0; c < search->k; c++)
		if (search->suspicions[c] != MIXTURE_FEW_ROWS)
			search->suspicions[c] = MIXTURE_SOUND;
	judge_widen(parameters, search->floor, search->suspicions, search->host);
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
	if (search->scales->range.n_incomplete == 0)
		em_know_whole(&em);
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
