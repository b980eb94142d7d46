/*
 * scales.c
 *	  What is known of the rows before the first start: their ranges, mean and
 *	  covariance, and from these the least variance a component may have.
 *
 * Everything that a fit decides by size it decides relative to these, so that
 * the units of the features do not matter.
 */
#include "engine/sample/sample.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "engine/core/linalg.h"
#include "engine/em/em.h"

/* A variance that is next to none for any feature that is allowed */
#define NARROW_VARIANCE 1e-280

/* EM for the covariance of rows of which features are missing */
#define CORRELATE_ITERATIONS 100
#define CORRELATE_TOL 1e-11

/*
 * Find the features' ranges, refuse what arithmetic cannot follow, and center
 * what lies far from zero: sets scales->range and scales->center.
 */
MixtureStatus
scales_scan(Scales *scales, const MixtureSource *source, const MixtureHost *host,
			MixtureError *error)
{
	bool		seen = false;

	scales->box = NULL;
	sample_scan_ranges(source, &scales->range, host);
	for (int j = 0; j < source->d; j++)
		seen = seen || scales->range.most[j] >= scales->range.least[j];
	if (!seen)
		return MIXTURE_NO_WEIGHT;
	for (int j = 0; j < source->d; j++)
	{
		double		least = scales->range.least[j];
		double		most = scales->range.most[j];

		error->feature = j;
		if (!(most >= least))
			return MIXTURE_FEATURE_MISSING;
		if (least < -MIXTURE_MAX_FEATURE || most > MIXTURE_MAX_FEATURE ||
			(most > least && most - least < MIXTURE_MIN_FEATURE_RANGE))
			return MIXTURE_FEATURE_RANGE;
	}
	scales->center = center_find(&scales->range, source->d, host);
	return MIXTURE_OK;
}

/*
 * Let the sums of a pass be as if every feature had been observed in all rows,
 * distributed as where it was.
 */
static void
extend_sums(const FeatureRange *range, MixtureStats *stats)
{
	for (int j = 0; j < stats->d; j++)
	{
		double		factor = *stats->sum_weights / range->observed[j];

		stats->firsts[j] *= factor;
		stats->seconds[j] *= factor;
	}
}

/*
 * One pass that finds mean and covariance (full or diag) about the given
 * mean; its result is put in place of `moments`.  Where features are missing
 * (then it is diag), those of what was observed; the covariance given is then
 * one so narrow that what it adds for a missing feature is nothing.
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
		else if (scales->sum_weights < MIXTURE_LEAST_PRECISE ||
				 !isfinite(scales->sum_weights))
			status = MIXTURE_WEIGHT_RANGE;
		else
		{
			if (scales->range.n_incomplete > 0)
				extend_sums(&scales->range, em.stats);
			mixture_maximize(em.stats, moments, &em.bounds, &em.points[0], host);
			mixture_copy_parameters(moments, &em.points[0]);
			moments->weights[0] = 1;
		}
	}
	em_end(&em);
	return status;
}

static bool
is_constant(const Scales *scales, int j)
{
	return !(scales->range.most[j] > scales->range.least[j]);
}

/*
 * The least variances in each feature, as shares of what they have; and in all of them
 * together, where a constant one would have a say by what it is taken to have, the square of
 * its value.  Returns the first feature whose variance is out of range, or d.
 */
static int
find_floors(Scales *scales, int d, double share)
{
	double		varying = 0;
	double		all = 0;
	int			first = d;

	for (int j = 0; j < d; j++)
	{
		scales->floor[j] = share * scales->variances[j];
		if (first == d && !(scales->floor[j] >= DBL_MIN && scales->floor[j] <= DBL_MAX))
			first = j;
		all += scales->variances[j] / d;
		if (!is_constant(scales, j))
			varying += scales->variances[j] / d;
	}
	scales->variance = varying > 0 ? varying : all;
	for (int j = 0; j < d; j++)
		scales->mean_floor[j] = fmax(share * scales->variance, DBL_MIN);
	return first;
}

/* Make the covariance narrow, if features are missing. */
static void
prepare_moments(const Scales *scales, MixtureParameters *moments)
{
	if (scales->range.n_incomplete > 0)
		for (int j = 0; j < moments->d; j++)
			moments->covariances[j] = NARROW_VARIANCE;
}

/*
 * Mean, variances, covariance (if `matrix` asks for it) and floor of the rows:
 * a pass about the middle of the range, then one about the mean.  center is
 * what is still to be subtracted from the rows of this source: the scales' own,
 * or NULL for a sample that was taken with it.  What is found serves every
 * number of components and, if it has the matrix, every family.
 *
 * Where features are missing there is no matrix yet: mean and variances are
 * those of each feature where it was observed, and for the matrix there is
 * scales_correlate().
 */
MixtureStatus
scales_find(Scales *scales, const MixtureSource *source, const double *center,
			bool matrix, double reg_covar, const MixtureHost *host, MixtureError *error)
{
	int			d = source->d;
	double		share = mixture_floor_share(reg_covar);
	MixtureParameters first;
	MixtureStatus status;
	int			out_of_range;

	scales->reg_covar = reg_covar;
	matrix = matrix && scales->range.n_incomplete == 0;
	scales->variances = host->allocate(host->context, 3 * (size_t) d * sizeof(double));
	scales->floor = scales->variances + d;
	scales->mean_floor = scales->floor + d;
	mixture_allocate_parameters(&first, MIXTURE_DIAG, 1, d, host);
	first.weights[0] = 1;
	for (int j = 0; j < d; j++)
	{
		double		least = scales->range.least[j];
		double		most = scales->range.most[j];

		first.means[j] = least / 2 + most / 2;
		first.covariances[j] = is_constant(scales, j) ? mixture_constant_variance(most) :
			(most - least) * (most - least);
		scales->floor[j] = is_constant(scales, j) ? first.covariances[j] : MIXTURE_LEAST_PRECISE;
	}
	prepare_moments(scales, &first);
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
		if (!is_constant(scales, i))
			scales->floor[i] = MIXTURE_LEAST_FLOOR * first.covariances[i];
	}
	mixture_release_parameters(&first, host);
	prepare_moments(scales, &scales->moments);
	status = moments_pass(source, center, scales, &scales->moments, host, error);
	for (int j = 0; j < d; j++)
		scales->variances[j] = scales->moments.covariances[matrix ? linalg_row(j) + j : (size_t) j];
	out_of_range = find_floors(scales, d, share);
	if (status == MIXTURE_OK && out_of_range < d)
	{
		error->feature = out_of_range;
		status = MIXTURE_FEATURE_RANGE;
	}
	return status;
}

/*
 * Raise the floor to a larger share of the features' variances.  A constant feature,
 * which has none, keeps its own.
 */
void
scales_raise_floor(Scales *scales, int d, double reg_covar)
{
	scales->reg_covar = reg_covar;
	for (int j = 0; j < d; j++)
	{
		if (!is_constant(scales, j))
			scales->floor[j] = reg_covar * scales->variances[j];
		scales->mean_floor[j] = reg_covar * scales->variance;
	}
}

/* What the covariances of a family are held above: d variances. */
const double *
scales_floor(const Scales *scales, MixtureCovarianceType type)
{
	return type == MIXTURE_SPHERICAL ? scales->mean_floor : scales->floor;
}

/*
 * Let a covariance of features, full or diag, have no variance where all rows have one
 * value: only searches take it to have some.
 */
static void
clear_constant(const Scales *scales, MixtureCovarianceType type, int d, double *covariance)
{
	for (int j = 0; j < d; j++)
		if (is_constant(scales, j))
			covariance[mixture_variance_place(type, j)] = 0;
}

/*
 * Mean and covariance matrix of rows of which features are missing, by EM with
 * one component.  It is run to the end, however early the fit is to stop: the
 * one start of a fit of one component is as good as its result then.  center is
 * as for scales_find().
 */
MixtureStatus
scales_correlate(Scales *scales, const MixtureSource *source, const double *center,
				 const MixtureHost *host, MixtureError *error)
{
	int			d = source->d;
	MixtureParameters moments;
	EmOutcome	outcome;
	MixtureStatus status;
	Em			em;

	mixture_allocate_parameters(&moments, MIXTURE_FULL, 1, d, host);
	moments.weights[0] = 1;
	memcpy(moments.means, scales->moments.means, d * sizeof(double));
	memset(moments.covariances, 0, linalg_packed_count(d) * sizeof(double));
	for (int j = 0; j < d; j++)
		moments.covariances[linalg_row(j) + j] = scales->variances[j];
	em_begin(&em, source, center, MIXTURE_FULL, 1, scales->floor, host);
	status = em_run(&em, &moments, CORRELATE_ITERATIONS, CORRELATE_TOL, true, &outcome,
					error);
	em_end(&em);
	mixture_release_parameters(&scales->moments, host);
	scales->moments = moments;
	return status;
}

/*
 * The prior that the options ask for, of k components of the family, for rows
 * less the scales' center; NULL if none.  The scales have a matrix if the family
 * has one.  From the host; prior_release() gives it back.
 */
MixturePrior *
scales_prior(const Scales *scales, const MixtureOptions *options,
			 MixtureCovarianceType type, int k, const MixtureHost *host)
{
	const MixtureParameters *moments = &scales->moments;
	int			d = moments->d;
	MixtureParameters rows;
	MixturePrior *prior;

	if (options->prior == NULL)
		return NULL;
	mixture_allocate_parameters(&rows, moments->covariance_type, 1, d, host);
	mixture_copy_parameters(&rows, moments);
	clear_constant(scales, rows.covariance_type, d, rows.covariances);
	prior = prior_create(options->prior, type, k, d,
						 &(PriorRows) {rows.means, rows.covariances,
									   rows.covariance_type == MIXTURE_FULL,
									   scales->sum_weights, scales->center}, host);
	mixture_release_parameters(&rows, host);
	return prior;
}

/* Find the box of noise among the rows, whose floor is known. */
void
scales_enclose(Scales *scales, int d, const MixtureHost *host)
{
	scales->box = host->allocate(host->context, 2 * (size_t) d * sizeof(double));
	mixture_noise_box(&scales->range, scales->center, scales->floor, d, scales->box);
}

/* Give back what scales_scan(), scales_find() and scales_enclose() allocated. */
void
scales_release(Scales *scales, const MixtureHost *host)
{
	mixture_release_parameters(&scales->moments, host);
	if (scales->box != NULL)
		host->release(host->context, scales->box);
	if (scales->center != NULL)
		host->release(host->context, scales->center);
	host->release(host->context, scales->variances);
	host->release(host->context, scales->range.least);
}

/*
 * Fill the covariances with `factor` times that of all rows, or, where `along`
 * is false or the scales have no matrix, times the features' variances alone.
 */
void
scales_spread(const Scales *scales, bool along, double factor,
			  MixtureParameters *parameters)
{
	int			d = parameters->d;
	MixtureCovarianceType type = parameters->covariance_type;
	size_t		count = mixture_factor_count(type, d);
	int			n = type == MIXTURE_TIED ? 1 : parameters->k;
	const double *variances = scales->variances;
	const MixtureParameters *moments = &scales->moments;

	for (int c = 0; c < n; c++)
	{
		double	   *covariance = parameters->covariances + c * count;

		if (type == MIXTURE_SPHERICAL)
			covariance[0] = factor * scales->variance;
		else if (type == MIXTURE_DIAG || (along && moments->covariance_type == MIXTURE_FULL))
			for (size_t i = 0; i < count; i++)
				covariance[i] = factor *
					(type == MIXTURE_DIAG ? variances[i] : moments->covariances[i]);
		else
		{
			memset(covariance, 0, count * sizeof(double));
			for (int j = 0; j < d; j++)
				covariance[linalg_row(j) + j] = factor * variances[j];
		}
	}
}

/*
 * The one component that is likeliest where no feature is missing, but for its floor: the
 * mean and the covariance of all rows.
 */
void
scales_single(const Scales *scales, MixtureParameters *single)
{
	int			d = single->d;

	single->weights[0] = 1;
	memcpy(single->means, scales->moments.means, d * sizeof(double));
	scales_spread(scales, true, 1, single);
	if (single->covariance_type != MIXTURE_SPHERICAL)
		clear_constant(scales, single->covariance_type, d, single->covariances);
	else
	{
		bool		constant = true;

		for (int j = 0; j < d; j++)
			constant = constant && is_constant(scales, j);
		if (constant)
			single->covariances[0] = 0;
	}
}
