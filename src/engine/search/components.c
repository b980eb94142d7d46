/*
 * components.c
 *	  Components taken one by one: copied, made one of two, and many of them
 *	  merged until as many are left as are wanted.
 *
 * Clusters that are more than the groups there are have cut some of them in
 * pieces, but hardly joined any.  Merging the two that lose the least, again and
 * again, puts the pieces together: what is lost is measured in the clusters' own
 * scale (model-based agglomeration, Banfield and Raftery 1993), so a group is
 * found whatever the distances elsewhere.
 */
#include "engine/search/search.h"

#include <math.h>
#include <string.h>

#include "engine/core/linalg.h"

/* Dimensions up to which determinants are taken of whole matrices */
#define MOST_DIMENSIONS 48

/*
 * Make components a and b of a mixture one, component c of another of the same
 * shape but for k: with the weight, mean and covariance of both together.
 */
void
components_merge(const MixtureParameters *from, int a, int b, MixtureParameters *to, int c, double *work)
{
	int			d = from->d;
	size_t		count = mixture_factor_count(from->covariance_type, d);
	const double *mean_a = from->means + (size_t) a * d;
	const double *mean_b = from->means + (size_t) b * d;
	const double *covariance_a = from->covariances + a * count;
	const double *covariance_b = from->covariances + b * count;
	double		share = from->weights[b] / (from->weights[a] + from->weights[b]);

	to->weights[c] = from->weights[a] + from->weights[b];
	for (int j = 0; j < d; j++)
	{
		work[j] = mean_b[j] - mean_a[j];
		to->means[(size_t) c * d + j] = mean_a[j] + share * work[j];
	}
	if (from->covariance_type == MIXTURE_TIED)
		return;
	for (size_t i = 0; i < count; i++)
		to->covariances[c * count + i] = covariance_a[i] +
			share * (covariance_b[i] - covariance_a[i]);
	mixture_add_outer(to->covariance_type, d, to->covariances + c * count, share * (1 - share),
					  work);
}

/* Copy a component, but for its weight, to one of a mixture of the same family. */
void
components_copy(const MixtureParameters *from, int a, MixtureParameters *to, int c)
{
	int			d = from->d;
	size_t		count = mixture_factor_count(from->covariance_type, d);

	memcpy(to->means + (size_t) c * d, from->means + (size_t) a * d, d * sizeof(double));
	if (from->covariance_type != MIXTURE_TIED)
		memcpy(to->covariances + c * count, from->covariances + a * count,
			   count * sizeof(double));
}

/*
 * Half the logarithm of the determinant of component c's covariance; in many
 * dimensions that of its diagonal.  scratch: a packed matrix.
 */
static double
half_log_determinant(const MixtureParameters *parameters, int c, double *scratch,
					 const MixtureHost *host)
{
	MixtureCovarianceType type = parameters->covariance_type;
	int			d = parameters->d;
	size_t		count = mixture_factor_count(type, d);
	const double *covariance = parameters->covariances + c * count;
	double		sum = 0;

	if (type == MIXTURE_SPHERICAL)
		return 0.5 * d * log(covariance[0]);
	if (type == MIXTURE_FULL && d <= MOST_DIMENSIONS)
	{
		memcpy(scratch, covariance, count * sizeof(double));
		if (linalg_cholesky(scratch, d, host))
		{
			for (int j = 0; j < d; j++)
				sum += log(scratch[linalg_row(j) + j]);
			return sum;
		}
	}
	for (int j = 0; j < d; j++)
		sum += 0.5 * log(covariance[type == MIXTURE_FULL ? linalg_row(j) + j : (size_t) j]);
	return sum;
}

/* What merging two of the components loses, as component c shows, its half_log. */
static double
merge_loss(const MixtureParameters *parameters, int a, int b, const double *half_logs,
		   MixtureParameters *merged, const double *shared, double *work,
		   const MixtureHost *host)
{
	double		weight_a = parameters->weights[a];
	double		weight_b = parameters->weights[b];
	double		both = weight_a + weight_b;
	double		choice = both * log(both) - weight_a * log(weight_a) - weight_b * log(weight_b);
	int			d = parameters->d;

	if (shared != NULL)
	{
		for (int j = 0; j < d; j++)
			work[j] = parameters->means[(size_t) a * d + j] - parameters->means[(size_t) b * d + j];
		linalg_solve_lower(shared, work, d);
		return 0.5 * weight_a * weight_b / both * linalg_dot(work, work, d) - choice;
	}
	components_merge(parameters, a, b, merged, 0, work);
	return both * half_log_determinant(merged, 0, work, host) -
		weight_a * half_logs[a] - weight_b * half_logs[b] - choice;
}

/* Merge components until k are left.  shared: the factor of a covariance that
 * all have, or NULL where each has its own. */
void
components_agglomerate(MixtureParameters *parameters, int k, const double *shared,
					   const MixtureHost *host)
{
	int			n = parameters->k;
	size_t		d = parameters->d;
	size_t		size = (size_t) n * n + n + d * (d + 1) / 2 + d;
	double	   *losses = host->allocate(host->context, size * sizeof(double));
	double	   *half_logs = losses + (size_t) n * n;
	double	   *work = half_logs + n;
	MixtureParameters merged;

	mixture_allocate_parameters(&merged, parameters->covariance_type, 1, parameters->d, host);
	for (int c = 0; c < n; c++)
	{
		half_logs[c] = half_log_determinant(parameters, c, work, host);
		for (int other = 0; other < c; other++)
			losses[(size_t) c * n + other] = merge_loss(parameters, c, other, half_logs, &merged,
														shared, work, host);
		host->check_interrupts(host->context);
	}
	while (parameters->k > k)
	{
		int			last = parameters->k - 1;
		int			a = 1;
		int			b = 0;

		for (int c = 1; c <= last; c++)
			for (int other = 0; other < c; other++)
				if (losses[(size_t) c * n + other] < losses[(size_t) a * n + b])
				{
					a = c;
					b = other;
				}
		components_merge(parameters, b, a, parameters, b, work);
		half_logs[b] = half_log_determinant(parameters, b, work, host);

		/* the last one takes the free place */
		if (a != last)
		{
			components_copy(parameters, last, parameters, a);
			parameters->weights[a] = parameters->weights[last];
			half_logs[a] = half_logs[last];
		}
		parameters->k--;
		for (int changed = 0; changed < 2; changed++)
			for (int c = 0, of = changed == 0 ? b : a; c < parameters->k && of < parameters->k; c++)
				if (c != of)
					losses[(size_t) (c > of ? c : of) * n + (c > of ? of : c)] =
						merge_loss(parameters, c, of, half_logs, &merged, shared, work, host);
		host->check_interrupts(host->context);
	}
	mixture_release_parameters(&merged, host);
	host->release(host->context, losses);
}
