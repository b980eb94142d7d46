/*
 * test_derive.c
 *	  Regression against what its definition says, and marginals.
 */
#include "unit.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/linalg.h"

/* Element (i, j) of a packed symmetric matrix. */
static double
element(const double *matrix, int i, int j)
{
	return i > j ? matrix[linalg_row(i) + j] : matrix[linalg_row(j) + i];
}

/*
 * The definition, without a factor: B S_oo = S_mo, and C + B S_om = S_mm; for
 * any number of observed dimensions, none and all among them.
 */
static void
test_regression(Random *random, int d, int n_observed)
{
	MixtureParameters parameters;
	Regression	regression;
	int			order[64];
	const double *s;
	double		worst = 0;
	double		worst_residual = 0;

	random_parameters(random, &parameters, MIXTURE_FULL, 1, d);
	s = parameters.covariances;
	random_order(random, order, d);
	regression_allocate(&regression, d, n_observed, &unit_host);
	regression_fill(&regression, s, order, &unit_host);
	for (int i = 0; i < regression.n_missing; i++)
	{
		const double *b = regression.coefficients + i * n_observed;
		int			m = order[n_observed + i];

		for (int j = 0; j < n_observed; j++)
		{
			double		sum = 0;

			for (int l = 0; l < n_observed; l++)
				sum += b[l] * element(s, order[l], order[j]);
			worst = fmax(worst, relative_difference(sum, element(s, m, order[j]), 1));
		}
		for (int j = 0; j <= i; j++)
		{
			double		sum = regression.residual[linalg_row(i) + j];

			for (int l = 0; l < n_observed; l++)
				sum += b[l] * element(s, order[l], order[n_observed + j]);
			worst_residual = fmax(worst_residual, relative_difference(
													  sum, element(s, m, order[n_observed + j]), 1));
		}
	}
	check(worst < 1e-12, "d %d, %d observed: coefficients solve their equations (%.1e)",
		  d, n_observed, worst);
	check(worst_residual < 1e-12, "d %d, %d observed: the rest of the covariance is left (%.1e)",
		  d, n_observed, worst_residual);
	regression_release(&regression, &unit_host);
	mixture_release_parameters(&parameters, &unit_host);
}

/*
 * Two dimensions that all but determine the third: its conditional variance,
 * 1e-12 of it, keeps its digits.
 */
static void
test_determined(void)
{
	double		covariance[] = { 1, 0.5, 1, 1.5, 1.5, 3 + 1e-12 };
	int			order[] = { 0, 1, 2 };
	Regression	regression;

	regression_allocate(&regression, 3, 2, &unit_host);
	regression_fill(&regression, covariance, order, &unit_host);
	check(regression.residual[0] > 0 &&
			  relative_difference(regression.residual[0], 1e-12, 0) < 2e-3,
		  "a conditional variance far below the variance is positive (%.3e)",
		  regression.residual[0]);
	covariance[5] = 3;
	regression_fill(&regression, covariance, order, &unit_host);
	check(regression.residual[0] > 0 && regression.residual[0] < 1e-12 &&
		  fabs(regression.coefficients[0] - 1) < 1e-6 && fabs(regression.coefficients[1] - 1) < 1e-6,
		  "a dimension that is determined has a variance of rounding (%.1e)", regression.residual[0]);
	regression_release(&regression, &unit_host);
}

/* Components' means and covariances, element by element. */
static void
test_marginal(Random *random, MixtureCovarianceType type, int k, int d, int n)
{
	MixtureParameters parameters;
	MixtureParameters marginal;
	int			dims[64];
	double	   *whole = malloc(sizeof(double) * d * d);
	double	   *part = malloc(sizeof(double) * n * n);
	bool		same = true;

	random_parameters(random, &parameters, type, k, d);
	random_order(random, dims, d);
	mixture_allocate_parameters(&marginal, type, k, n, &unit_host);
	mixture_marginal(&parameters, dims, &marginal, &unit_host);
	for (int c = 0; c < k; c++)
	{
		mixture_component_covariance(&parameters, c, whole);
		mixture_component_covariance(&marginal, c, part);
		same = same && marginal.weights[c] == parameters.weights[c];
		for (int i = 0; i < n; i++)
		{
			same = same && marginal.means[c * n + i] == parameters.means[c * d + dims[i]];
			for (int j = 0; j < n; j++)
				same = same && part[i * n + j] == whole[dims[i] * d + dims[j]];
		}
	}
	check(same, "%s, k %d: %d of %d dimensions are those of the whole",
		  family_names[type], k, n, d);
	mixture_release_parameters(&marginal, &unit_host);
	mixture_release_parameters(&parameters, &unit_host);
	free(part);
	free(whole);
}

/* The logarithm of the sum of k exponentials. */
static long double
log_sum(const long double *values, int k)
{
	long double most = values[0];
	long double sum = 0;

	for (int c = 1; c < k; c++)
		most = values[c] > most ? values[c] : most;
	for (int c = 0; c < k; c++)
		sum += expl(values[c] - most);
	return most + logl(sum);
}

/* The log density of a mixture, of which those of components and noise are the parts. */
static long double
log_density(const MixtureParameters *parameters, const double *row, long double *parts)
{
	int			k = parameters->k;
	long double *distances = malloc(sizeof(long double) * k);

	reference_log_densities(parameters, row, parts, distances);
	parts[k] = reference_log_noise(parameters, row);
	free(distances);
	return log_sum(parts, k + 1);
}

/* The mean of a mixture, with its noise. */
static void
find_mean(const MixtureParameters *parameters, double *mean)
{
	int			d = parameters->d;
	double		noise = parameters->noise_weight;

	for (int j = 0; j < d; j++)
	{
		mean[j] = parameters->noise_box == NULL ? 0 : noise * mixture_noise_mean(parameters, j);
		for (int c = 0; c < parameters->k; c++)
			mean[j] += (1 - noise) * parameters->weights[c] * parameters->means[c * d + j];
	}
}

/*
 * The log density of a mixture's row; into responsibilities those of its components among
 * themselves, and into *noise that of its noise.  log_densities: k + 1, scratch.
 */
static long double
find_responsibilities(const MixtureParameters *parameters, const double *row,
					  double *responsibilities, double *noise, long double *log_densities)
{
	int			k = parameters->k;
	long double all = log_density(parameters, row, log_densities);
	long double components = log_sum(log_densities, k);

	for (int c = 0; c < k; c++)
		responsibilities[c] = (double) expl(log_densities[c] - components);
	*noise = (double) expl(log_densities[k] - all);
	return all;
}

/*
 * The mixture of some dimensions times that of the others given them is the
 * mixture; and what is imputed is the mean of the latter.
 */
static void
test_conditional(Random *random, MixtureCovarianceType type, int k, int d, int n_observed,
				 bool noisy)
{
	MixtureParameters whole;
	MixtureParameters observed;
	MixtureParameters missing;
	MixtureConditional *conditional;
	int			order[64];
	double		row[64],
				part[64],
				mean[64],
				imputed[64],
				work[64];
	double	   *responsibilities = malloc(sizeof(double) * k);
	long double *log_densities = malloc(sizeof(long double) * (k + 1));
	double		worst = 0;
	double		worst_mean = 0;

	random_parameters(random, &whole, type, k, d);
	if (noisy)
		random_noise(random, &whole);
	random_order(random, order, d);
	mixture_allocate_parameters(&observed, type, k, n_observed, &unit_host);
	mixture_allocate_parameters(&missing, type, k, d - n_observed, &unit_host);
	mixture_marginal(&whole, order, &observed, &unit_host);
	conditional = mixture_conditional_create(&whole, order, n_observed, &unit_host);
	for (int i = 0; i < 20; i++)
	{
		long double joint,
					first,
					second;
		double		noise;

		for (int j = 0; j < d; j++)
			row[order[j]] = part[j] = 3 * random_normal(random);
		joint = log_density(&whole, row, log_densities);
		first = find_responsibilities(&observed, part, responsibilities, &noise, log_densities);
		mixture_condition(conditional, part, responsibilities, noise, &missing, work);
		second = log_density(&missing, part + n_observed, log_densities);
		worst = fmax(worst, relative_difference((double) joint, (double) (first + second), 1));
		find_mean(&missing, mean);
		mixture_impute(conditional, part, responsibilities, noise, imputed, work);
		worst_mean = fmax(worst_mean, largest_difference(mean, imputed, d - n_observed, 1));
	}
	check(worst < 1e-12, "%s, k %d%s, d %d, %d observed: p(x, y) = p(x) p(y | x) (%.1e)",
		  family_names[type], k, noisy ? " and noise" : "", d, n_observed, worst);
	check(worst_mean < 1e-14, "%s, k %d%s, d %d, %d observed: what is imputed is the mean (%.1e)",
		  family_names[type], k, noisy ? " and noise" : "", d, n_observed, worst_mean);
	unit_host.release(NULL, conditional);
	mixture_release_parameters(&missing, &unit_host);
	mixture_release_parameters(&observed, &unit_host);
	mixture_release_parameters(&whole, &unit_host);
	free(log_densities);
	free(responsibilities);
}

/*
 * Components whose covariances a factor is only just found for: in another
 * order some are beyond that, if there are many.  Mended, all are valid, and
 * differ by no more than rounding.
 */
static void
test_mend(Random *random, MixtureCovarianceType type, int k, int d)
{
	MixtureParameters whole;
	MixtureParameters part;
	MixtureParameters before;
	MixtureError error;
	int			order[64];
	int			n_beyond = 0;
	double		worst = 0;
	bool		valid = true;
	size_t		count = linalg_packed_count(d);

	random_parameters(random, &whole, type, k, d);
	for (int c = 0; c < (type == MIXTURE_TIED ? 1 : k); c++)
	{
		/* The last dimension is the sum of the others, and a little more. */
		double	   *matrix = whole.covariances + c * count;
		double	   *factor = malloc(count * sizeof(double));
		double	   *last = matrix + linalg_row(d - 1);
		double		excess = DBL_EPSILON;

		memset(last, 0, d * sizeof(double));
		for (int i = 0; i < d - 1; i++)
			for (int j = 0; j < d - 1; j++)
				last[i] += element(matrix, i, j);
		for (int i = 0; i < d - 1; i++)
			last[d - 1] += last[i];
		do
		{
			memcpy(factor, matrix, count * sizeof(double));
			factor[count - 1] *= 1 + (excess *= 1.05);
		} while (!linalg_cholesky(factor, d, &unit_host));
		last[d - 1] *= 1 + excess;
		free(factor);
	}

	for (int n = d - 1; n <= d; n++)
		for (int times = 0; times < 20; times++)
		{
			random_order(random, order, d);
			mixture_allocate_parameters(&part, type, k, n, &unit_host);
			mixture_allocate_parameters(&before, type, k, n, &unit_host);
			mixture_marginal(&whole, order, &part, &unit_host);
			mixture_copy_parameters(&before, &part);
			n_beyond += !mixture_covariances_valid(&part, &unit_host, &error);
			mixture_mend(&part, &unit_host);
			valid = valid && mixture_covariances_valid(&part, &unit_host, &error);
			worst = fmax(worst, largest_difference(part.covariances, before.covariances,
												   mixture_covariance_count(type, k, n), 0));
			mixture_release_parameters(&before, &unit_host);
			mixture_release_parameters(&part, &unit_host);
		}
	check((n_beyond > 0 || k < 100) && valid && worst < 1e-10,
		  "%s, k %d, d %d: covariances beyond the verge of singularity (%d) are mended (%.1e)",
		  family_names[type], k, d, n_beyond, worst);
	mixture_release_parameters(&whole, &unit_host);
}

void
test_derive(void)
{
	static const int shapes[][2] = {
		{ 1, 0 }, { 1, 1 }, { 2, 1 }, { 5, 0 }, { 5, 2 }, { 5, 5 }, { 9, 8 }, { 20, 7 }, { 64, 40 }
	};
	Random		random = random_start(500);

	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		test_regression(&random, shapes[i][0], shapes[i][1]);
	test_determined();
	test_mend(&random, MIXTURE_FULL, 1, 3);
	test_mend(&random, MIXTURE_FULL, 200, 5);
	test_mend(&random, MIXTURE_TIED, 3, 20);
	for (int type = 0; type < MIXTURE_N_COVARIANCE_TYPES; type++)
	{
		test_marginal(&random, (MixtureCovarianceType) type, 1, 1, 1);
		test_marginal(&random, (MixtureCovarianceType) type, 3, 6, 6);
		test_marginal(&random, (MixtureCovarianceType) type, 4, 11, 3);
		for (int noisy = 0; noisy < 2; noisy++)
		{
			test_conditional(&random, (MixtureCovarianceType) type, 1, 2, 1, noisy);
			test_conditional(&random, (MixtureCovarianceType) type, 3, 5, 2, noisy);
			test_conditional(&random, (MixtureCovarianceType) type, 7, 12, 11, noisy);
			test_conditional(&random, (MixtureCovarianceType) type, 2, 40, 25, noisy);
		}
	}
}
