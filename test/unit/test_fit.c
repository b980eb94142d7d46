/*
 * test_fit.c
 *	  What a whole fit promises: the order, the units and the multiplicity of
 *	  the rows do not matter, what comes out is sound, and refusals name their
 *	  reason.
 */
#include "unit.h"
#include "../malloc_host.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/*
 * Largest difference between two models of the same shape, means and
 * deviations measured against `scales` (d deviations of the data, NULL: 1).
 */
static double
model_difference(const MixtureParameters *a, const MixtureParameters *b, const double *scales)
{
	int			d = a->d;
	double		worst = largest_difference(a->weights, b->weights, a->k, 1e-3);
	double	   *left = malloc(sizeof(double) * d * d);
	double	   *right = malloc(sizeof(double) * d * d);

	for (int c = 0; c < a->k; c++)
	{
		mixture_component_covariance(a, c, left);
		mixture_component_covariance(b, c, right);
		for (int i = 0; i < d; i++)
		{
			double		scale_i = scales ? scales[i] : 1;

			worst = fmax(worst, fabs(a->means[c * d + i] - b->means[c * d + i]) / scale_i);
			for (int j = 0; j < d; j++)
				worst = fmax(worst, fabs(left[i * d + j] - right[i * d + j]) /
							 (scale_i * (scales ? scales[j] : 1)));
		}
	}
	free(right);
	free(left);
	return isnan(worst) ? INFINITY : worst;
}

static MixtureFit
fit_rows(const Rows *rows, int k, MixtureCovarianceType type)
{
	MixtureOptions options = default_options(type);
	MixtureFit	fit = {.info.log_likelihood = NAN};
	MixtureError error;

	if (mixture_fit(&rows->source, k, &options, &unit_host, &fit, &error) != MIXTURE_OK)
	{
		mixture_allocate_parameters(&fit.parameters, type, k, rows->d, &unit_host);
		for (int c = 0; c < k; c++)
			fit.parameters.weights[c] = NAN;
	}
	return fit;
}

/* Compare two fits, and release them. */
static double
fit_difference(MixtureFit *a, MixtureFit *b, const double *scales)
{
	double		worst = model_difference(&a->parameters, &b->parameters, scales);

	mixture_release_parameters(&a->parameters, &unit_host);
	mixture_release_parameters(&b->parameters, &unit_host);
	return worst;
}

/* Rows of clusters, of which a share of the features is missing. */
static Rows *
clusters_with_missing(Random *random, int64_t n, int d, int k, double distance, double share)
{
	Rows	   *rows = rows_clusters(random, n, d, k, distance);

	if (share > 0)
	{
		rows_drop(random, rows, share);
		rows_seal(rows);
	}
	return rows;
}

static void
test_order(Random *random, MixtureCovarianceType type, int64_t n, double share)
{
	int			k = 2 + random_below(random, 3);
	int			d = (share > 0 ? 2 : 1) + random_below(random, 3);
	Rows	   *rows = clusters_with_missing(random, n, d, k, 3, share);
	Rows	   *other = rows_shuffled(random, rows);
	MixtureFit	a = fit_rows(rows, k, type);
	MixtureFit	b = fit_rows(other, k, type);
	double		likelihood = relative_difference(a.info.log_likelihood, b.info.log_likelihood, 0);
	double		worst = fit_difference(&a, &b, NULL);

	check(worst < 1e-9 && likelihood < 1e-12,
		  "%s, k %d, d %d, %lld rows, %.0f %% missing: their order does not matter (%.1e)",
		  family_names[type], k, d, (long long) n, 100 * share, worst);
	rows_free(other);
	rows_free(rows);
}

/* One step of EM from a model. */
static MixtureFit
step_from(const Rows *rows, const MixtureParameters *start)
{
	MixtureOptions options = default_options(start->covariance_type);
	MixtureFit	fit;
	MixtureError error;

	options.max_iter = 1;
	options.tol = 0;
	options.accelerate = false;
	if (mixture_refit(&rows->source, start, &options, &unit_host, &fit, &error) != MIXTURE_OK)
		abort();
	return fit;
}

/*
 * EM goes on from a fit.  Along a direction in which the likelihood hardly changes a
 * fit ends, by its rule, where a step gains less than tol: some way from the
 * optimum, which is many such steps further on.  There acceleration also makes
 * more of rounding than it is, by up to the square of its step.  So where the
 * arithmetic of two fits differs by rounding they may end apart from each other
 * along such a direction; what they share is the optimum that lies beyond.
 */
static void
go_on(const Rows *rows, MixtureFit *fit, int max_iter, double tol, bool accelerate)
{
	MixtureOptions options = default_options(fit->parameters.covariance_type);
	MixtureFit	next;
	MixtureError error;

	options.max_iter = max_iter;
	options.tol = tol;
	options.accelerate = accelerate;
	if (mixture_refit(&rows->source, &fit->parameters, &options, &unit_host, &next, &error) != MIXTURE_OK)
		abort();
	mixture_release_parameters(&fit->parameters, &unit_host);
	*fit = next;
}

/*
 * Compare two fits of what are the same rows, more than the sample has, and release
 * them.  All steps but the first ones are made with the rows as they come.  Sums then
 * differ by rounding:
 * fewer than 256 additions come one after the other (192 in a block where a
 * vector has two lanes, then blocks, then runs), each wrong by at most epsilon
 * times the largest x^2.  Fits are compared by the likelihood, and agree to what
 * a step may gain when a fit ends, there or where go_on() comes to.
 */
static void
check_many(const Rows *rows, const Rows *other, MixtureFit *a, MixtureFit *b, double share,
		   const char *what)
{
	MixtureCovarianceType type = a->parameters.covariance_type;
	MixtureFit	step_a = step_from(rows, &a->parameters);
	MixtureFit	step_b = step_from(other, &a->parameters);
	double		likelihood = fabs(a->info.log_likelihood - b->info.log_likelihood);
	double		bound = 256 * rounding_per_row(rows, &a->parameters);
	double		worst = fit_difference(&step_a, &step_b, NULL);
	double		tol = default_options(type).tol;

	if (!(likelihood < tol * a->info.sum_weights))
	{
		go_on(rows, a, 5000, tol * 1e-5, true);
		go_on(other, b, 5000, tol * 1e-5, true);
		likelihood = fabs(a->info.log_likelihood - b->info.log_likelihood);
	}
	check(worst < bound, "%s, k %d, d %d, %lld rows, %.0f %% missing: a step is the same %s "
		  "(%.1e of %.1e)", family_names[type], a->parameters.k, rows->d, (long long) rows->n,
		  100 * share, what, worst, bound);
	check(likelihood < tol * a->info.sum_weights && a->info.sum_weights == b->info.sum_weights,
		  "and fits come to the same likelihood (%.1e)", likelihood / a->info.sum_weights);
	fit_difference(a, b, NULL);
}

static void
test_order_of_many(Random *random, MixtureCovarianceType type, int64_t n, double share)
{
	int			k = 2 + random_below(random, 3);
	int			d = (share > 0 ? 2 : 1) + random_below(random, 3);
	Rows	   *rows = clusters_with_missing(random, n, d, k, 3, share);
	Rows	   *other = rows_shuffled(random, rows);
	MixtureFit	a = fit_rows(rows, k, type);
	MixtureFit	b = fit_rows(other, k, type);

	check_many(rows, other, &a, &b, share, "in another order");
	rows_free(other);
	rows_free(rows);
}

/* How far a fit is from one to the same rows with changed units, as test_units() does it. */
static double
units_difference(const MixtureParameters *plain, const MixtureParameters *changed)
{
	MixtureCovarianceType type = changed->covariance_type;
	int			k = changed->k;
	int			d = changed->d;
	MixtureParameters undone;
	double		worst;

	mixture_allocate_parameters(&undone, type, k, d, &unit_host);
	mixture_copy_parameters(&undone, changed);
	for (int c = 0; c < k; c++)
	{
		undone.means[c * d] /= 1e6;
		undone.means[c * d + 1] -= 1e9;
	}
	for (size_t c = 0; c < mixture_covariance_count(type, k, d); c += type == MIXTURE_DIAG ? 2 : 3)
	{
		undone.covariances[c] /= 1e12;
		if (type != MIXTURE_DIAG)
			undone.covariances[c + 1] /= 1e6;
	}
	worst = model_difference(plain, &undone, NULL);
	mixture_release_parameters(&undone, &unit_host);
	return worst;
}

/*
 * Multiply one column by 1e6, shift another by 1e9, and undo it in the model.
 * The values are on a grid fine enough not to matter and coarse enough for the
 * shift to be exact, so that the rows themselves are not rounded.  Products
 * are; so fits that end apart are compared where plain EM comes to from both.
 */
static void
test_units(Random *random, MixtureCovarianceType type, double share)
{
	int			k = 2 + random_below(random, 2);
	int			d = 2;
	Rows	   *rows = clusters_with_missing(random, 400, d, k, 4, share);
	Rows	   *other = rows_allocate(rows->n, d);
	MixtureFit	a,
				b;
	double		worst;

	for (int64_t i = 0; i < rows->n; i++)
	{
		rows->values[2 * i + 1] = ldexp(nearbyint(ldexp(rows->values[2 * i + 1], 20)), -20);
		other->values[2 * i] = rows->values[2 * i] * 1e6;
		other->values[2 * i + 1] = rows->values[2 * i + 1] + 1e9;
	}
	rows_seal(rows);
	rows_seal(other);
	a = fit_rows(rows, k, type);
	b = fit_rows(other, k, type);
	worst = units_difference(&a.parameters, &b.parameters);
	if (!(worst < 1e-7))
	{
		go_on(rows, &a, 20000, 0, false);
		go_on(other, &b, 20000, 0, false);
		worst = units_difference(&a.parameters, &b.parameters);
	}
	/* numbers near 1e9 are 1.2e-7 apart */
	check(worst < 1e-7, "%s, k %d, %.0f %% missing: units and offsets do not matter (%.1e)",
		  family_names[type], k, 100 * share, worst);
	mixture_release_parameters(&a.parameters, &unit_host);
	mixture_release_parameters(&b.parameters, &unit_host);
	rows_free(other);
	rows_free(rows);
}

/* Weights 0 to 3 against as many copies. */
static void
test_copies(Random *random, MixtureCovarianceType type, int64_t n, double share)
{
	int			k = 2 + random_below(random, 2);
	int			d = (share > 0 ? 2 : 1) + random_below(random, 3);
	Rows	   *rows = clusters_with_missing(random, n, d, k, 3, share);
	Rows	   *other = rows_allocate(4 * n, d);
	MixtureFit	a,
				b;

	other->n = 0;
	for (int64_t i = 0; i < n; i++)
	{
		int			copies = random_below(random, 4);

		rows->weights[i] = copies;
		while (copies-- > 0)
			memcpy(other->values + d * other->n++, rows->values + d * i, d * sizeof(double));
	}
	rows_seal(rows);
	rows_seal(other);
	a = fit_rows(rows, k, type);
	b = fit_rows(other, k, type);
	if (n > FIT_SAMPLE_ROWS)
		check_many(rows, other, &a, &b, share, "with weights as with copies");
	else
	{
		double		likelihood = relative_difference(a.info.log_likelihood, b.info.log_likelihood, 0);
		bool		same = a.info.sum_weights == b.info.sum_weights;
		double		worst = fit_difference(&a, &b, NULL);

		check(worst < 1e-9 && likelihood < 1e-12 && same,
			  "%s, k %d, d %d, %lld rows, %.0f %% missing: a weight is as many copies (%.1e)",
			  family_names[type], k, d, (long long) n, 100 * share, worst);
	}
	rows_free(other);
	rows_free(rows);
}

/* Whether every number is finite and every covariance positive definite. */
static bool
sound_fit(const MixtureFit *fit)
{
	const MixtureParameters *parameters = &fit->parameters;
	size_t		count = parameters->k + (size_t) parameters->k * parameters->d +
		mixture_covariance_count(parameters->covariance_type, parameters->k, parameters->d);
	MixtureError error;
	double		sum = 0;

	for (size_t i = 0; i < count; i++)
		if (!isfinite(parameters->weights[i]))
			return false;
	for (int c = 0; c < parameters->k; c++)
	{
		if (parameters->weights[c] < 0)
			return false;
		sum += parameters->weights[c];
	}
	return fabs(sum - 1) < 1e-9 && isfinite(fit->info.log_likelihood) &&
		mixture_covariances_valid(parameters, &unit_host, &error);
}

/* Data that breaks careless code: each kind spoils clusters in its own way. */
static const char *const nasty_kinds[] = {
	"duplicates", "a constant column", "collinear columns", "an outlier of 1e12",
	"values of 1e-50", "values of 1e50", "as many components as rows",
	"more dimensions than rows", "a lattice", "half of the features missing",
	"a feature that hardly any row has"
};

static void
spoil(Rows *rows, int kind)
{
	int			d = rows->d;

	for (int64_t i = 0; i < rows->n; i++)
		for (int j = 0; j < d; j++)
		{
			double	   *value = &rows->values[i * d + j];

			if (kind == 0)
				*value = rows->values[i % 7 * d + j];
			else if (kind == 1 && j == 0)
				*value = -42.5;
			else if (kind == 2 && j > 0)
				*value = 3 * rows->values[i * d] - j;
			else if (kind == 3 && i == 5)
				*value = 1e12;
			else if (kind == 4)
				*value *= 1e-50;
			else if (kind == 5)
				*value *= 1e50;
			else if (kind == 8)
				*value = nearbyint(*value / 2);
			else if (kind == 9 && j != i % d && (i * d + j) % 2 == 0)
				*value = NAN;
			else if (kind == 10 && j == 0 && i > 2)
				*value = NAN;
		}
	rows_seal(rows);
}

static void
test_nasty(Random *random, MixtureCovarianceType type, int kind)
{
	int64_t		n = kind == 7 ? 6 : kind == 6 ? 8 : 150;
	int			d = kind == 7 ? 9 : 2 + random_below(random, 3);
	int			k = kind == 6 ? 8 : kind == 7 ? 2 : 5;
	Rows	   *rows = rows_clusters(random, n, d, 3, 3);
	MixtureFit	fit;

	spoil(rows, kind);
	fit = fit_rows(rows, k, type);
	check(sound_fit(&fit), "%s, k %d, d %d: %s: the model is sound",
		  family_names[type], k, d, nasty_kinds[kind]);
	mixture_release_parameters(&fit.parameters, &unit_host);
	rows_free(rows);
}

/* Status and error of a fit that must be refused. */
static MixtureStatus
refusal(Rows *rows, int k, MixtureError *error)
{
	MixtureOptions options = default_options(MIXTURE_FULL);
	MixtureFit	fit;

	rows_seal(rows);
	return mixture_fit(&rows->source, k, &options, &unit_host, &fit, error);
}

static void
test_refusals(void)
{
	Rows	   *rows = rows_allocate(6, 2);
	MixtureError error;
	MixtureStatus status;

	for (int i = 0; i < 12; i++)
		rows->values[i] = i / 2 % 3;
	status = refusal(rows, 4, &error);
	check(status == MIXTURE_TOO_FEW_DISTINCT && error.count == 3,
		  "more components than distinct rows are refused, with the number of these");
	rows->values[3] = 1e120;
	status = refusal(rows, 2, &error);
	check(status == MIXTURE_FEATURE_RANGE && error.feature == 1,
		  "a feature out of range is refused, with its number");
	for (int i = 0; i < 6; i++)
		rows->values[2 * i + 1] = NAN;
	status = refusal(rows, 2, &error);
	check(status == MIXTURE_FEATURE_MISSING && error.feature == 1,
		  "a feature that is always missing is refused, with its number");
	for (int i = 0; i < 6; i++)
		rows->values[2 * i + 1] = 1;
	for (int i = 0; i < 6; i++)
		rows->weights[i] = 0;
	status = refusal(rows, 2, &error);
	check(status == MIXTURE_NO_WEIGHT, "rows without weight are refused");
	for (int i = 0; i < 6; i++)
		rows->weights[i] = 1e308;
	status = refusal(rows, 2, &error);
	check(status == MIXTURE_WEIGHT_RANGE, "weights whose sum overflows are refused");
	rows_free(rows);
}

/* Components are ordered by weight, and equal ones by mean. */
static void
test_component_order(void)
{
	Rows	   *rows = rows_allocate(60, 1);
	MixtureFit	fit;

	for (int i = 0; i < 60; i++)
		rows->values[i] = (i < 30 ? 50 : i < 45 ? 100 : 0) + i % 5;
	rows_seal(rows);
	fit = fit_rows(rows, 3, MIXTURE_FULL);
	check(fabs(fit.parameters.means[0] - 52) < 1e-6 &&
		  fabs(fit.parameters.means[1] - 2) < 1e-6 &&
		  fabs(fit.parameters.means[2] - 102) < 1e-6,
		  "components are ordered by weight, and equal ones by mean");
	mixture_release_parameters(&fit.parameters, &unit_host);
	rows_free(rows);
}

/*
 * One component is what rows have for mean and covariance, and its log-likelihood is
 * that of these, at once: in one step, whether or not there are more rows than a sample
 * has.
 */
static void
test_single(Random *random, MixtureCovarianceType type, int64_t n)
{
	int			d = 1 + random_below(random, 6);
	size_t		count = mixture_factor_count(type, d);
	Rows	   *rows = rows_clusters(random, n, d, 2, 3);
	MixtureStats *sums = mixture_allocate_stats(type, 1, d, &unit_host);
	MixtureParameters moments;
	MixtureParameters next;
	MixtureOptions options = default_options(type);
	MixtureFit	fit;
	MixtureError error;
	double		floor[6] = {0};
	double		worst;

	for (int64_t i = 0; i < n; i++)
		rows->weights[i] = 1 + random_below(random, 3);
	rows_seal(rows);
	random_parameters(random, &moments, type, 1, d);
	reference_accumulate(&moments, rows, sums);
	options.max_iter = 1;
	check(mixture_fit(&rows->source, 1, &options, &unit_host, &fit, &error) == MIXTURE_OK &&
		  fit.info.converged && fit.info.iterations == 1,
		  "%s, %lld rows: one component is found in one step", family_names[type], (long long) n);
	mixture_allocate_parameters(&next, type, 1, d, &unit_host);
	mixture_maximize(sums, &moments, &(MixtureBounds) {.floor = floor}, &next, &unit_host);
	mixture_clear_stats(sums);
	reference_accumulate(&next, rows, sums);
	worst = fmax(largest_difference(next.means, fit.parameters.means, d, 1),
				 largest_difference(next.covariances, fit.parameters.covariances, count, 1));
	worst = fmax(worst, relative_difference(fit.info.log_likelihood, *sums->log_likelihood, 0));
	worst = fmax(worst, relative_difference(fit.info.sum_weights, *sums->sum_weights, 0));
	mixture_release_parameters(&next, &unit_host);
	check(worst < 1e-10, "and is the rows' mean and covariance (%.1e)", worst);
	mixture_release_parameters(&fit.parameters, &unit_host);
	mixture_release_parameters(&moments, &unit_host);
	mixture_release_stats(sums, &unit_host);
	rows_free(rows);
}

void
test_fit(void)
{
	Random		random = random_start(6);

	for (int type = 0; type < MIXTURE_N_COVARIANCE_TYPES; type++)
	{
		test_order(&random, type, 300, 0);
		test_order(&random, type, 300, 0);
		test_order(&random, type, 300, 0.3);
		test_order_of_many(&random, type, FIT_SAMPLE_ROWS + 10000, 0);
		test_order_of_many(&random, type, FIT_SAMPLE_ROWS + 10000, 0.2);
		if (type != MIXTURE_SPHERICAL)
			for (int i = 0; i < 4; i++)
			{
				test_units(&random, type, 0);
				test_units(&random, type, 0.2);
			}
		test_single(&random, type, 200);
		test_single(&random, type, FIT_SAMPLE_ROWS + 1000);
		test_copies(&random, type, 200, 0);
		test_copies(&random, type, 200, 0.3);
		test_copies(&random, type, 3 * FIT_SAMPLE_ROWS / 2, 0);
		test_copies(&random, type, 3 * FIT_SAMPLE_ROWS / 2, 0.2);
		for (int kind = 0; kind < (int) (sizeof(nasty_kinds) / sizeof(nasty_kinds[0])); kind++)
			test_nasty(&random, type, kind);
	}
	test_refusals();
	test_component_order();
}
