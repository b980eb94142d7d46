/*
 * fit.c
 *	  A fit from beginning to end: what has to be known of the rows, the search
 *	  for a good optimum, or EM from a given start, and the result.
 */
#include "engine/fit/fit.h"

#include <math.h>

/* Values of the sample, unless a component then has too few rows */
#define SAMPLE_VALUES (1 << 21)

/* Rows of the sample on which starts are tried. */
static int64_t
sample_limit(int k, int d)
{
	int64_t		wanted = 20 * (int64_t) k * (d + 1);
	int64_t		enough = 4 * (int64_t) k * (d + 1);
	int64_t		bound = SAMPLE_VALUES / d;

	if (wanted < FIT_SAMPLE_ROWS)
		wanted = FIT_SAMPLE_ROWS;
	if (bound < enough)
		bound = enough;
	return wanted < bound ? wanted : bound;
}

/*
 * Whether there is nothing to search for: one component of more rows, all of them
 * complete, than a sample has.  Of fewer there is a sample, whose order is its own.
 */
static bool
is_plain(const Scales *scales, const MixtureSource *source, int most_k,
		 const MixtureOptions *options)
{
	return most_k == 1 && !options->noise && options->prior == NULL &&
		scales->range.n_incomplete == 0 && source->n_rows > sample_limit(most_k, source->d);
}

/*
 * Raise the floor of the scales, which have a matrix or would have one if no feature
 * were missing, where a feature is a sum of others.  A sample shows that, which is
 * taken for it if there is to be none.
 */
static void
hold_collinear(Scales *scales, Sample *sample, const MixtureSource *source, bool plain,
			   uint64_t seed, const MixtureHost *host)
{
	int			d = source->d;
	double		share;

	if (scales->range.n_incomplete == 0 &&
		!collinear_possible(scales->moments.covariances, d, host))
		return;
	if (plain)
		sample_take(sample, source, scales->center, &scales->range, sample_limit(1, d),
					seed, host);
	share = collinear_share(sample, scales->variances, host);
	if (plain)
	{
		sample_release(sample, host);
		sample_none(sample, d);
	}
	if (share > scales->reg_covar)
		scales_raise_floor(scales, d, share);
}

/*
 * What searches of least_k to most_k components need to know of the rows:
 * their scales, with a matrix if `matrix` says so, and a sample of them, which
 * has at least least_k rows, or, for one component, may have none.
 * scales_release() and sample_release() give back.
 */
MixtureStatus
search_prepare(Scales *scales, Sample *sample, const MixtureSource *source,
			   int least_k, int most_k, bool matrix, const MixtureOptions *options,
			   const MixtureHost *host, MixtureError *error)
{
	MixtureStatus status;
	bool		plain;

	if (source->n_rows == 0)
		return MIXTURE_NO_WEIGHT;
	progress_begin(host, source->n_rows);
	status = scales_scan(scales, source, host, error);
	if (status != MIXTURE_OK)
		return status;
	plain = is_plain(scales, source, most_k, options);
	if (plain)
		sample_none(sample, source->d);
	else
		sample_take(sample, source, scales->center, &scales->range,
					sample_limit(most_k, source->d), options->seed, host);

	/* from the sample, if that is all rows: it has an order of its own */
	if (sample->complete)
		status = scales_find(scales, &sample->source, NULL, matrix,
							 options->reg_covar, host, error);
	else
		status = scales_find(scales, source, scales->center, matrix,
							 options->reg_covar, host, error);
	scales->n_rows = fmax(scales->sum_weights, (double) source->n_rows);
	if (status == MIXTURE_OK && matrix && scales->reg_covar < MIXTURE_COLLINEAR_FLOOR)
		hold_collinear(scales, sample, source, plain, options->seed, host);
	if (status == MIXTURE_OK && options->noise)
		scales_enclose(scales, source->d, host);
	if (status == MIXTURE_OK && sample->n_distinct < least_k && !plain)
	{
		error->count = sample->n_distinct;
		return MIXTURE_TOO_FEW_DISTINCT;
	}
	if (status == MIXTURE_OK && scales->range.n_incomplete > 0)
	{
		if (matrix)
			status = scales_correlate(scales, &sample->source, NULL, host, error);
		sample_fill(sample, scales, host);
	}
	return status;
}

/* Say what the fit knows, in fit->info. */
static void
fill_info(MixtureFit *fit, const EmOutcome *outcome, const Scales *scales,
		  const MixtureOptions *options, int64_t n_rows)
{
	fit->info = (MixtureFitInfo) {
		.n_rows = n_rows,
		.n_incomplete = scales->range.n_incomplete,
		.sum_weights = outcome->sum_weights,
		.log_likelihood = outcome->log_likelihood,
		.log_prior = options->prior != NULL ? outcome->log_prior : NAN,
		.entropy = outcome->entropy,
		.log_density_stddev = outcome->log_density_stddev,
		.reg_covar = scales->reg_covar,
		.iterations = outcome->iterations,
		.converged = outcome->converged,
		.n_starts = 1,
		.n_best_starts = 1
	};
}

/*
 * Hand the best back as the fit of the n_rows rows: its components in
 * their order, in the rows' own place.  fit->parameters comes from the host.
 */
void
search_result(const Search *search, int64_t n_rows, MixtureFit *fit)
{
	const Candidate *best = &search->best;

	mixture_allocate_parameters(&fit->parameters, search->options->covariance_type,
								search->k, search->d, search->host);
	order_components(&best->parameters, search->labels == NULL ? NULL :
					 labels_seen(search->labels), &fit->parameters, search->host);
	mixture_move_noise(&fit->parameters, mixture_own_box(&fit->parameters));
	center_move(search->scales->center, &fit->parameters, 1);
	fill_info(fit, &best->outcome, search->scales, search->options, n_rows);
	fit->info.n_starts = search->n_starts;
	fit->info.n_best_starts = search->n_best;
	fit->info.n_reseeded = best->n_reseeded;
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
										  mixture_has_matrix(options->covariance_type),
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

/* Let a mixture, allocated as such, have noise in the box of the rows. */
static void
add_noise(Scales *scales, MixtureParameters *parameters, const MixtureHost *host)
{
	if (parameters->noise_box == NULL)
		parameters->noise_weight = MIXTURE_FIRST_NOISE;
	scales_enclose(scales, parameters->d, host);
	parameters->noise_box = scales->box;
	mixture_move_noise(parameters, mixture_own_box(parameters));
}

/* What is found without an M-step needs nothing of the rows but a pass. */
static MixtureStatus
score_start(const MixtureSource *source, const MixtureParameters *start,
			const MixtureOptions *options, const MixtureHost *host, MixtureFit *fit,
			MixtureError *error)
{
	Scales		scales;
	Em			em;
	EmOutcome	outcome;
	MixtureStatus status;

	sample_scan_ranges(source, &scales.range, host);
	scales.reg_covar = options->reg_covar;
	em_begin(&em, source, NULL, start->covariance_type, start->k, NULL, host);
	status = em_run(&em, &fit->parameters, 0, 0, false, &outcome, error);
	outcome.entropy = *em.stats->entropy;
	outcome.log_density_stddev = mixture_log_density_stddev(em.stats);
	em_end(&em);
	if (status == MIXTURE_OK && !(outcome.sum_weights > 0))
		status = MIXTURE_NO_WEIGHT;
	if (status == MIXTURE_OK)
		fill_info(fit, &outcome, &scales, options, source->n_rows);
	host->release(host->context, scales.range.least);
	return status;
}

/*
 * Find the scales of the rows of a fit that has a start, and what binds its
 * M-step, in bounds; start is less the scales' center.
 */
static MixtureStatus
bound_start(Scales *scales, MixtureBounds *bounds, const MixtureSource *source,
			const MixtureParameters *start, const MixtureOptions *options,
			const MixtureHost *host, MixtureError *error)
{
	const MixturePriorOptions *prior = options->prior;
	bool		matrix = mixture_has_matrix(start->covariance_type);
	Sample		sample;
	MixtureStatus status = scales_find(scales, source, scales->center, matrix,
									   options->reg_covar, host, error);

	if (status == MIXTURE_OK && matrix && scales->reg_covar < MIXTURE_COLLINEAR_FLOOR)
		hold_collinear(scales, &sample, source, true, options->seed, host);
	if (status == MIXTURE_OK && matrix && scales->range.n_incomplete > 0 &&
		prior != NULL && !prior->from_model && prior->scale == NULL)
		status = scales_correlate(scales, source, scales->center, host, error);
	if (status != MIXTURE_OK)
		return status;
	*bounds = (MixtureBounds) {.floor = scales_floor(scales, start->covariance_type),
		.fixed = options->fixed};
	if (prior != NULL)
		bounds->prior = prior->from_model ?
			prior_from_model(start, prior->strength, host) :
			scales_prior(scales, options, start->covariance_type, start->k, host);
	if (prior != NULL && !prior_is_finite(bounds->prior, start->covariance_type, start->k,
										  start->d))
		return MIXTURE_PRIOR_RANGE;
	return MIXTURE_OK;
}

/*
 * Fit from a given start, whose covariance family it keeps: component i of
 * the result continues component i of the start.  With a max_iter of 0 it is the
 * start to the last bit, and fit->info is what these rows say of it.  As for
 * mixture_fit() else.
 */
MixtureStatus
mixture_refit(const MixtureSource *source, const MixtureParameters *start,
			  const MixtureOptions *options, const MixtureHost *host,
			  MixtureFit *fit, MixtureError *error)
{
	Scales		scales;
	MixtureBounds bounds;
	Em			em;
	EmOutcome	outcome;
	MixtureStatus status;

	if (source->n_rows == 0)
		return MIXTURE_NO_WEIGHT;
	progress_begin(host, source->n_rows);
	mixture_allocate_parameters(&fit->parameters, start->covariance_type,
								start->k, start->d, host);
	mixture_copy_parameters(&fit->parameters, start);
	mixture_move_noise(&fit->parameters, mixture_own_box(&fit->parameters));
	if (options->max_iter == 0)
		return score_start(source, start, options, host, fit, error);
	status = scales_scan(&scales, source, host, error);
	if (status != MIXTURE_OK)
		return status;
	center_move(scales.center, &fit->parameters, -1);
	status = bound_start(&scales, &bounds, source, &fit->parameters, options, host, error);
	if (status != MIXTURE_OK)
		return status;
	if (options->noise)
		add_noise(&scales, &fit->parameters, host);
	em_begin(&em, source, scales.center, start->covariance_type, start->k,
			 bounds.floor, host);
	if (scales.range.n_incomplete == 0)
		em_know_whole(&em);
	em.bounds = bounds;
	em.noted = true;
	progress_iterating(host, start->covariance_type, start->k, options);
	status = em_run(&em, &fit->parameters, options->max_iter, options->tol,
					options->accelerate, &outcome, error);
	if (status == MIXTURE_OK)
		status = em_score(&em, &fit->parameters, &outcome, error);
	if (status != MIXTURE_OK)
		return status;
	em_end(&em);
	prior_release(bounds.prior, host);
	center_move(scales.center, &fit->parameters, 1);
	mixture_hold_fixed(&fit->parameters, options->fixed, start, host);
	fill_info(fit, &outcome, &scales, options, source->n_rows);
	scales_release(&scales, host);
	return MIXTURE_OK;
}
