/*
 * search.c
 *	  The search for a good optimum: short runs from many starts, the choice
 *	  among them, and the fit that is handed back.
 *
 * The likelihood of a mixture has many maxima.  Several starts are run a few
 * steps on a sample of bounded size, the most promising are run until they
 * converge there, and the best is continued on all rows.  Where the sample
 * holds every row, as a set of distinct rows with weights, that last leg is
 * not needed, and the fit then is the same to the last bit in whatever order
 * the rows came.
 *
 * Maxima at which a component has shrunk onto a handful of rows, or onto a
 * plane, are artefacts of a likelihood that has no bound there (McLachlan and
 * Peel 2000, section 3.10): another optimum is preferred to them even if it
 * is lower, and where there is none, it is looked for (repair.c).
 */
#include "internal.h"

#include <math.h>
#include <string.h>

/* Steps of a start before the most promising are chosen */
#define SHORT_RUN_ITERATIONS 10

/* Starts that are run to convergence: four, and one in so many more */
#define KEPT_STARTS 4
#define STARTS_PER_KEPT 8

/* Rows of the sample, and its values unless a component then has too few */
#define SAMPLE_ROWS 10000
#define SAMPLE_VALUES (1 << 20)

/* Log-likelihoods per unit of weight that are the same optimum. */
#define SAME_OPTIMUM 1e-5

/* Whether a family has covariance matrices. */
static bool
has_matrix(MixtureCovarianceType type)
{
	return type == MIXTURE_FULL || type == MIXTURE_TIED;
}

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

/*
 * Put the spare candidate among the kept ones, if it is good enough and has
 * not come where another one is.
 */
static void
keep_candidate(Search *search)
{
	Candidate  *candidates = search->candidates;
	int			place = search->n_kept;
	Candidate	spare = candidates[search->max_kept];

	for (int i = 0; i < search->n_kept; i++)
		if (same_optimum(&spare, &candidates[i]))
		{
			candidates[i].n_starts++;
			return;
		}
	while (place > 0 && better(&spare, &candidates[place - 1]))
		place--;
	if (place == search->max_kept)
		return;
	if (search->n_kept < search->max_kept)
	{
		candidates[search->max_kept] = candidates[search->n_kept];
		search->n_kept++;
	}
	else
		candidates[search->max_kept] = candidates[search->max_kept - 1];
	memmove(&candidates[place + 1], &candidates[place],
			(search->n_kept - 1 - place) * sizeof(Candidate));
	candidates[place] = spare;
}

/* Run every start a few steps and keep the most promising. */
static MixtureStatus
run_starts(Search *search, MixtureError *error)
{
	const MixtureOptions *options = search->options;

	for (int start = 0; start < search->n_starts; start++)
	{
		Candidate  *spare = &search->candidates[search->max_kept];
		MixtureStatus status;

		if (search->own_start != NULL && start == search->n_starts - 1)
			mixture_copy_parameters(&spare->parameters, search->own_start);
		else
			starts_make(&search->starts, start, &spare->parameters);
		status = em_run(&search->em, &spare->parameters,
						options->max_iter < SHORT_RUN_ITERATIONS ?
						options->max_iter : SHORT_RUN_ITERATIONS,
						options->tol, options->accelerate, &spare->outcome, error);
		if (status != MIXTURE_OK)
			return status;
		spare->start = start;
		spare->n_starts = 1;
		spare->n_reseeded = 0;
		judge(search, spare);
		keep_candidate(search);
	}
	return MIXTURE_OK;
}

/*
 * Run the kept candidates on until they converge, put the best first and
 * count those that came as far as it.
 */
static MixtureStatus
finish_candidates(Search *search, MixtureError *error)
{
	const MixtureOptions *options = search->options;
	int			best = 0;

	for (int i = 0; i < search->n_kept; i++)
	{
		Candidate  *candidate = &search->candidates[i];
		int			done = candidate->outcome.iterations;

		if (!candidate->outcome.converged && done < options->max_iter)
		{
			MixtureStatus status = em_run(&search->em, &candidate->parameters,
										  options->max_iter - done, options->tol,
										  options->accelerate, &candidate->outcome, error);

			if (status != MIXTURE_OK)
				return status;
			candidate->outcome.iterations += done;
			judge(search, candidate);
		}
		if (better(candidate, &search->candidates[best]))
			best = i;
	}
	search->n_best = 0;
	for (int i = 0; i < search->n_kept; i++)
		if (same_optimum(&search->candidates[i], &search->candidates[best]))
			search->n_best += search->candidates[i].n_starts;
	if (best > 0)
	{
		Candidate	winner = search->candidates[best];

		search->candidates[best] = search->candidates[0];
		search->candidates[0] = winner;
	}
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
	search->k = k;
	search->d = sample->d;
	starts_begin(&search->starts, scales, sample, k, options, host);
	search->n_starts = k == 1 ? 1 : options->n_init;
	search->own_start = NULL;
	search->n_best = 0;
	search->max_kept = KEPT_STARTS + search->n_starts / STARTS_PER_KEPT;
	if (search->max_kept > search->n_starts)
		search->max_kept = search->n_starts;
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
	MixtureStatus status = run_starts(search, error);

	if (status == MIXTURE_OK)
		status = finish_candidates(search, error);
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
