/*
 * search.c
 *	  The search for a good optimum: scales, starts, the choice among them,
 *	  and the fit that is handed back.
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
 * is lower.
 */
#include "internal.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "linalg.h"
#include "random.h"

/* Steps of a start before the most promising are chosen */
#define SHORT_RUN_ITERATIONS 10

/* Covariance of a start, as a share of that of all rows */
#define NARROW_START 0.1
#define WIDE_START 1.0

/* Starts that are run to convergence: four, and one in so many more */
#define KEPT_STARTS 4
#define STARTS_PER_KEPT 8

/* Rows of the sample, and its values unless a component then has too few */
#define SAMPLE_ROWS 10000
#define SAMPLE_VALUES (1 << 20)

/* Least share of a feature's variance in any direction, whatever reg_covar */
#define LEAST_FLOOR 1e-12

/* Values whose squares and cubes stay within a double. */
#define MAX_FEATURE 1e100
#define MIN_FEATURE_RANGE 1e-100

/* Log-likelihoods per unit of weight that are the same optimum. */
#define SAME_OPTIMUM 1e-5

/* What is known of the rows before the first start. */
typedef struct Scales
{
	FeatureRange range;
	double	   *center;			/* what is subtracted from the rows, or NULL */
	MixtureParameters moments;	/* one component: mean and covariance */
	double	   *variances;		/* d */
	double	   *floor;			/* d */
	double		sum_weights;
} Scales;

/* A start and how far it has come. */
typedef struct Candidate
{
	MixtureParameters parameters;
	EmOutcome	outcome;
	int			start;			/* its number */
	int			n_starts;		/* that came here, itself among them */
	int			n_artefacts;	/* components that the rows do not support */
} Candidate;

/* Everything that one search works with. */
typedef struct Search
{
	const MixtureHost *host;
	const MixtureOptions *options;
	int			k;
	int			d;
	Scales		scales;
	Sample		sample;
	SeedSpace	spaces[2];
	int			n_spaces;
	int64_t    *seeds;
	Em			em;
	Candidate  *candidates;		/* kept ones, best first, then a spare */
	int			n_kept;
	int			max_kept;
} Search;

/*
 * Find the features' ranges, refuse what arithmetic cannot follow, and center
 * what lies far from zero.
 */
static MixtureStatus
scan_ranges(Scales *scales, const MixtureSource *source, const MixtureHost *host,
			MixtureError *error)
{
	sample_scan_ranges(source, &scales->range, host);
	if (!(scales->range.most[0] >= scales->range.least[0]))
		return MIXTURE_NO_WEIGHT;
	for (int j = 0; j < source->d; j++)
	{
		double		least = scales->range.least[j];
		double		most = scales->range.most[j];

		error->feature = j;
		if (least < -MAX_FEATURE || most > MAX_FEATURE ||
			(most > least && most - least < MIN_FEATURE_RANGE))
			return MIXTURE_FEATURE_RANGE;
	}
	scales->center = center_find(&scales->range, source->d, host);
	return MIXTURE_OK;
}

/*
 * One pass that finds mean and covariance (full or diag) about the given
 * mean; its result is put in place of `moments`.
 */
static MixtureStatus
moments_pass(const MixtureSource *source, const double *center, Scales *scales,
			 MixtureParameters *moments, const MixtureHost *host, MixtureError *error)
{
	Em			em;
	MixtureStatus status;

	em_begin(&em, source, center, moments->covariance_type, 1, scales->floor, host);
	status = em_pass(&em, moments, true, error);
	if (status == MIXTURE_OK)
	{
		scales->sum_weights = *em.stats->sum_weights;
		if (!(scales->sum_weights > 0))
			status = MIXTURE_NO_WEIGHT;
		else if (scales->sum_weights < DBL_MIN / DBL_EPSILON ||
				 !isfinite(scales->sum_weights))
			status = MIXTURE_WEIGHT_RANGE;
		else
		{
			mixture_maximize(em.stats, moments, scales->floor, &em.points[0], host);
			mixture_copy_parameters(moments, &em.points[0]);
			moments->weights[0] = 1;
		}
	}
	em_end(&em);
	return status;
}

/*
 * Variance that a feature without any is taken to have, so that a constant
 * column is a column like others: the square of its value.
 */
static double
constant_variance(const FeatureRange *range, int j)
{
	double		value = fabs(range->most[j]);

	return value > MIN_FEATURE_RANGE ? value * value : 1;
}

/*
 * Mean, variances, covariance (if the family has one) and floor of the rows:
 * a pass about the middle of the range, then one about the mean.
 */
static MixtureStatus
find_scales(Scales *scales, const MixtureSource *source, const double *center,
			MixtureCovarianceType type, double reg_covar, const MixtureHost *host, MixtureError *error)
{
	int			d = source->d;
	double		share = reg_covar > LEAST_FLOOR ? reg_covar : LEAST_FLOOR;
	bool		matrix = type == MIXTURE_FULL || type == MIXTURE_TIED;
	MixtureParameters first;
	MixtureStatus status;

	scales->variances = host->allocate(host->context, 2 * (size_t) d * sizeof(double));
	scales->floor = scales->variances + d;
	mixture_allocate_parameters(&first, MIXTURE_DIAG, 1, d, host);
	first.weights[0] = 1;
	for (int j = 0; j < d; j++)
	{
		double		least = scales->range.least[j];
		double		most = scales->range.most[j];

		first.means[j] = least / 2 + most / 2;
		first.covariances[j] = most > least ? (most - least) * (most - least) :
			constant_variance(&scales->range, j);
		scales->floor[j] = most > least ? DBL_MIN / DBL_EPSILON : first.covariances[j];
	}
	status = moments_pass(source, center, scales, &first, host, error);
	if (status != MIXTURE_OK)
		return status;
	mixture_allocate_parameters(&scales->moments, matrix ? MIXTURE_FULL : MIXTURE_DIAG,
								1, d, host);
	scales->moments.weights[0] = 1;
	memcpy(scales->moments.means, first.means, d * sizeof(double));
	for (int i = 0; i < d; i++)
	{
		for (int j = 0; matrix && j < i; j++)
			scales->moments.covariances[linalg_row(i) + j] = 0;
		scales->moments.covariances[matrix ? linalg_row(i) + i : (size_t) i] =
			first.covariances[i];
		if (scales->range.most[i] > scales->range.least[i])
			scales->floor[i] = LEAST_FLOOR * first.covariances[i];
	}
	mixture_release_parameters(&first, host);
	status = moments_pass(source, center, scales, &scales->moments, host, error);
	for (int j = 0; j < d; j++)
	{
		scales->variances[j] = scales->moments.covariances[matrix ? linalg_row(j) + j : (size_t) j];
		scales->floor[j] = share * scales->variances[j];
	}
	return status;
}

static void
release_scales(Scales *scales, const MixtureHost *host)
{
	mixture_release_parameters(&scales->moments, host);
	if (scales->center != NULL)
		host->release(host->context, scales->center);
	host->release(host->context, scales->variances);
	host->release(host->context, scales->range.least);
}

/*
 * Fill the covariances with `factor` times that of one component, `from`,
 * whose family is full or diag.
 */
static void
spread_covariance(MixtureParameters *parameters, const MixtureParameters *from,
				  const double *variances, double factor)
{
	int			d = parameters->d;
	MixtureCovarianceType type = parameters->covariance_type;
	size_t		count = mixture_factor_count(type, d);
	int			n = type == MIXTURE_TIED ? 1 : parameters->k;
	double		mean = 0;

	for (int j = 0; j < d; j++)
		mean += variances[j] / d;
	for (int c = 0; c < n; c++)
	{
		double	   *covariance = parameters->covariances + c * count;

		if (type == MIXTURE_SPHERICAL)
			covariance[0] = factor * mean;
		else if (type == MIXTURE_DIAG || from->covariance_type == MIXTURE_FULL)
			for (size_t i = 0; i < count; i++)
				covariance[i] = factor *
					(type == MIXTURE_DIAG ? variances[i] : from->covariances[i]);
		else
		{
			memset(covariance, 0, count * sizeof(double));
			for (int j = 0; j < d; j++)
				covariance[linalg_row(j) + j] = factor * variances[j];
		}
	}
}

/*
 * The metrics that seeds are drawn in: each feature by its own deviation, and
 * for families with a matrix, the coordinates in which all rows together are
 * round, where clusters that are long in a common direction stand apart.
 */
static void
make_spaces(Search *search)
{
	MixtureParameters metric;
	MixtureCovarianceType type = search->options->covariance_type;

	mixture_allocate_parameters(&metric, type == MIXTURE_SPHERICAL ? MIXTURE_SPHERICAL :
								MIXTURE_DIAG, 1, search->d, search->host);
	metric.weights[0] = 1;
	memcpy(metric.means, search->scales.moments.means, search->d * sizeof(double));
	spread_covariance(&metric, &metric, search->scales.variances, 1);
	search->n_spaces = 0;
	if (seeding_space(&search->spaces[0], &search->sample, &metric, search->host))
		search->n_spaces = 1;
	mixture_release_parameters(&metric, search->host);
	if ((type == MIXTURE_FULL || type == MIXTURE_TIED) && search->n_spaces == 1 &&
		seeding_space(&search->spaces[1], &search->sample, &search->scales.moments,
					  search->host))
		search->n_spaces = 2;
}

/*
 * Parameters that start number `start` begins with.  Greedy seeds in
 * narrow components find clusters that stand apart; the others, from wide
 * ones, come to better optima where clusters overlap.
 */
static void
make_start(Search *search, int start, MixtureParameters *parameters)
{
	int			k = search->k;
	int			d = search->d;
	int			space = start % search->n_spaces;
	bool		greedy = start / search->n_spaces % 2 == 0;
	MixtureParameters diagonal = {.covariance_type = MIXTURE_DIAG};

	seeding_choose(&search->sample, &search->spaces[space], search->options->init,
				   greedy, random_combine(search->options->seed, start), k,
				   search->seeds, search->host);
	for (int c = 0; c < k; c++)
	{
		parameters->weights[c] = 1.0 / k;
		memcpy(parameters->means + (size_t) c * d,
			   search->sample.rows + search->seeds[c] * d, d * sizeof(double));
	}
	spread_covariance(parameters, space == 1 ? &search->scales.moments : &diagonal,
					  search->scales.variances,
					  greedy ? NARROW_START : WIDE_START);
}

/* Rows that a component needs to be more than an artefact. */
static int
least_rows(MixtureCovarianceType type, int d)
{
	return type == MIXTURE_FULL ? d + 1 : type == MIXTURE_TIED ? 1 : 2;
}

/*
 * Count the components of a candidate that are artefacts: with too few rows,
 * or shrunk in some direction to the least variance allowed.
 */
static void
judge(const Search *search, Candidate *candidate)
{
	double		least = least_rows(search->options->covariance_type, search->d);

	candidate->n_artefacts = mixture_count_at_floor(&candidate->parameters,
													search->scales.floor, search->host);
	for (int c = 0; c < search->k; c++)
		if (candidate->parameters.weights[c] * search->sample.n_rows < least)
			candidate->n_artefacts++;
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
	int			n_init = search->k == 1 ? 1 : options->n_init;

	for (int start = 0; start < n_init; start++)
	{
		Candidate  *spare = &search->candidates[search->max_kept];
		MixtureStatus status;

		if (search->k == 1)
		{
			spare->parameters.weights[0] = 1;
			memcpy(spare->parameters.means, search->scales.moments.means,
				   search->d * sizeof(double));
			spread_covariance(&spare->parameters, &search->scales.moments,
							  search->scales.variances, 1);
		}
		else
			make_start(search, start, &spare->parameters);
		status = em_run(&search->em, &spare->parameters,
						options->max_iter < SHORT_RUN_ITERATIONS ?
						options->max_iter : SHORT_RUN_ITERATIONS,
						options->tol, options->accelerate, &spare->outcome, error);
		if (status != MIXTURE_OK)
			return status;
		spare->start = start;
		spare->n_starts = 1;
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
finish_candidates(Search *search, int *n_best, MixtureError *error)
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
	*n_best = 0;
	for (int i = 0; i < search->n_kept; i++)
		if (same_optimum(&search->candidates[i], &search->candidates[best]))
			*n_best += search->candidates[i].n_starts;
	if (best > 0)
	{
		Candidate	winner = search->candidates[best];

		search->candidates[best] = search->candidates[0];
		search->candidates[0] = winner;
	}
	return MIXTURE_OK;
}

/* Order of components: by weight, the largest first; equal ones by mean. */
typedef struct Place
{
	double		weight;
	const double *mean;
	int			d;
	int			component;
} Place;

static int
compare_places(const void *left, const void *right)
{
	const Place *a = left;
	const Place *b = right;
	double		weight_a = nearbyint(a->weight * 1e9);
	double		weight_b = nearbyint(b->weight * 1e9);

	if (weight_a != weight_b)
		return weight_a > weight_b ? -1 : 1;
	for (int j = 0; j < a->d; j++)
		if (a->mean[j] != b->mean[j])
			return a->mean[j] < b->mean[j] ? -1 : 1;
	return 0;
}

/* Copy parameters with the components in their order. */
static void
order_components(const MixtureParameters *from, MixtureParameters *to,
				 const MixtureHost *host)
{
	int			k = from->k;
	size_t		d = from->d;
	size_t		count = mixture_factor_count(from->covariance_type, from->d);
	Place	   *places = host->allocate(host->context, k * sizeof(Place));

	for (int c = 0; c < k; c++)
		places[c] = (Place) {from->weights[c], from->means + c * d, from->d, c};
	qsort(places, k, sizeof(Place), compare_places);
	mixture_copy_parameters(to, from);
	for (int c = 0; c < k; c++)
	{
		size_t		source = places[c].component;

		to->weights[c] = from->weights[source];
		memcpy(to->means + c * d, from->means + source * d, d * sizeof(double));
		if (from->covariance_type != MIXTURE_TIED)
			memcpy(to->covariances + c * count, from->covariances + source * count,
				   count * sizeof(double));
	}
	host->release(host->context, places);
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

/* Allocate what the search needs once its sample is taken. */
static void
begin_search(Search *search)
{
	int			n_init = search->options->n_init;

	make_spaces(search);
	search->seeds = search->host->allocate(search->host->context,
										   search->k * sizeof(int64_t));
	search->max_kept = KEPT_STARTS + n_init / STARTS_PER_KEPT;
	if (search->max_kept > n_init)
		search->max_kept = n_init;
	search->n_kept = 0;
	search->candidates = search->host->allocate(search->host->context,
												(search->max_kept + 1) * sizeof(Candidate));
	for (int i = 0; i <= search->max_kept; i++)
		mixture_allocate_parameters(&search->candidates[i].parameters,
									search->options->covariance_type,
									search->k, search->d, search->host);
	em_begin(&search->em, &search->sample.source, NULL, search->options->covariance_type,
			 search->k, search->scales.floor, search->host);
}

static void
end_search(Search *search)
{
	const MixtureHost *host = search->host;

	em_end(&search->em);
	for (int i = 0; i <= search->max_kept; i++)
		mixture_release_parameters(&search->candidates[i].parameters, host);
	host->release(host->context, search->candidates);
	host->release(host->context, search->seeds);
	for (int i = 0; i < search->n_spaces; i++)
		host->release(host->context, search->spaces[i].rows);
}

/* Hand the result back. */
static void
fill_fit(MixtureFit *fit, const EmOutcome *outcome, int64_t n_rows, int n_starts,
		 int n_best_starts)
{
	fit->n_rows = n_rows;
	fit->sum_weights = outcome->sum_weights;
	fit->log_likelihood = outcome->log_likelihood;
	fit->iterations = outcome->iterations;
	fit->converged = outcome->converged;
	fit->n_starts = n_starts;
	fit->n_best_starts = n_best_starts;
}

/* Try the starts on the sample, and go on with the best on all rows. */
static MixtureStatus
search_optimum(Search *search, const MixtureSource *source, MixtureFit *fit,
			   MixtureError *error)
{
	Candidate  *best = search->candidates;
	const MixtureOptions *options = search->options;
	int			n_best = 0;
	MixtureStatus status = run_starts(search, error);

	if (status == MIXTURE_OK)
		status = finish_candidates(search, &n_best, error);
	if (status == MIXTURE_OK && !search->sample.complete)
	{
		Em			em;

		em_begin(&em, source, search->scales.center, options->covariance_type,
				 search->k, search->scales.floor, search->host);
		status = em_run(&em, &best->parameters, options->max_iter, options->tol,
						options->accelerate, &best->outcome, error);
		em_end(&em);
	}
	if (status != MIXTURE_OK)
		return status;
	mixture_allocate_parameters(&fit->parameters, options->covariance_type,
								search->k, search->d, search->host);
	order_components(&best->parameters, &fit->parameters, search->host);
	center_move(search->scales.center, &fit->parameters, 1);
	fill_fit(fit, &best->outcome, source->n_rows,
			 search->k == 1 ? 1 : options->n_init, n_best);
	return MIXTURE_OK;
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
	Search		search = {.host = host, .options = options, .k = k, .d = source->d};
	MixtureStatus status;

	if (source->n_rows == 0)
		return MIXTURE_NO_WEIGHT;
	status = scan_ranges(&search.scales, source, host, error);
	if (status != MIXTURE_OK)
		return status;
	sample_take(&search.sample, source, search.scales.center, &search.scales.range,
				sample_limit(k, source->d), options->seed, host);

	/* from the sample, if that is all rows: it has an order of its own */
	if (search.sample.complete)
		status = find_scales(&search.scales, &search.sample.source, NULL,
							 options->covariance_type, options->reg_covar, host, error);
	else
		status = find_scales(&search.scales, source, search.scales.center,
							 options->covariance_type, options->reg_covar, host, error);
	if (status != MIXTURE_OK)
		return status;
	if (search.sample.n_rows < k)
	{
		error->count = search.sample.n_rows;
		return MIXTURE_TOO_FEW_DISTINCT;
	}
	begin_search(&search);
	status = search_optimum(&search, source, fit, error);
	if (status != MIXTURE_OK)
		return status;
	end_search(&search);
	sample_release(&search.sample, host);
	release_scales(&search.scales, host);
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
	status = scan_ranges(&scales, source, host, error);
	if (status != MIXTURE_OK)
		return status;
	status = find_scales(&scales, source, scales.center, MIXTURE_DIAG, options->reg_covar,
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
	if (status != MIXTURE_OK)
		return status;
	em_end(&em);
	center_move(scales.center, &fit->parameters, 1);
	release_scales(&scales, host);
	fill_fit(fit, &outcome, source->n_rows, 1, 1);
	return MIXTURE_OK;
}
