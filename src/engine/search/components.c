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
components_merge(const MixtureParameters *from, int a, int b, MixtureParameters *to, int c,
				 double *work)
{
	int			d = from->d;
	size_t		count = mixture_factor_count(from->covariance_type, d);
	const double *mean_a = from->means + (size_t) a * d;
	const double *mean_b = from->means + (size_t) b * d;
	const double *covariance_a = mixture_covariance_of(from, a);
	const double *covariance_b = mixture_covariance_of(from, b);
	double	   *covariance = mixture_covariance_of(to, c);
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
		covariance[i] = covariance_a[i] + share * (covariance_b[i] - covariance_a[i]);
	mixture_add_outer(to->covariance_type, d, covariance, share * (1 - share), work);
}

/* Copy a component, but for its weight, to one of a mixture of the same family. */
void
components_copy(const MixtureParameters *from, int a, MixtureParameters *to, int c)
{
	int			d = from->d;
	size_t		count = mixture_factor_count(from->covariance_type, d);

	memcpy(to->means + (size_t) c * d, from->means + (size_t) a * d, d * sizeof(double));
	if (from->covariance_type != MIXTURE_TIED)
		memcpy(mixture_covariance_of(to, c), mixture_covariance_of(from, a),
			   count * sizeof(double));
}

/*
 * What BIC takes for one more component of the family among n_rows rows, each of this
 * weight, in units of their log-likelihood.
 */
double
components_price(MixtureCovarianceType type, int d, double n_rows, double row_weight)
{
	double		covariance = type == MIXTURE_TIED ? 0 : (double) mixture_factor_count(type, d);

	return 0.5 * (1 + d + covariance) * log(fmax(n_rows, 2)) * row_weight;
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
	const double *covariance = mixture_covariance_of(parameters, c);
	double		sum = 0;

	if (type == MIXTURE_SPHERICAL)
		return 0.5 * d * log(covariance[0]);
	if (type == MIXTURE_DIAG)
		return 0.5 * linalg_log_product(covariance, d);
	if (d <= MOST_DIMENSIONS)
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
		scratch[j] = covariance[linalg_row(j) + j];
	return 0.5 * linalg_log_product(scratch, d);
}

/* What components_agglomerate() needs. */
typedef struct Agglomeration
{
	const MixtureHost *host;
	MixtureParameters *parameters;
	int			n;				/* components at the beginning */
	int			n_apart;		/* the first, no two of which are merged */
	double	   *losses;			/* n x n: of merging two, c the larger: [c * n + other] */
	double	   *half_logs;		/* n: of the determinants; not where all share one */
	double	   *whitened;		/* n x d: means where the covariance that all share is
								 * the identity; NULL where each has its own */
	double	   *work;			/* a packed matrix and d */
	MixtureParameters merged;	/* one component */
} Agglomeration;

/*
 * The means, less the first, in coordinates in which the covariance that all share, of
 * which this is the factor, is the identity: k x d.
 */
void
components_whiten(const MixtureParameters *parameters, const double *factor, double *whitened,
				  const MixtureHost *host)
{
	int			d = parameters->d;

	for (int c = 0; c < parameters->k; c++)
	{
		double	   *mean = whitened + (size_t) c * d;

		for (int j = 0; j < d; j++)
			mean[j] = parameters->means[(size_t) c * d + j] - parameters->means[j];
		linalg_solve_lower(factor, mean, d);
		host->check_interrupts(host->context);
	}
}

/* The same for an agglomeration. */
static void
whiten_means(Agglomeration *of)
{
	const MixtureParameters *parameters = of->parameters;
	int			d = parameters->d;
	size_t		count = linalg_packed_count(d);

	memcpy(of->work, parameters->covariances, count * sizeof(double));
	if (!linalg_cholesky(of->work, d, of->host))
	{
		memset(of->work, 0, count * sizeof(double));
		for (int j = 0; j < d; j++)
			of->work[linalg_row(j) + j] = sqrt(parameters->covariances[linalg_row(j) + j]);
	}
	components_whiten(parameters, of->work, of->whitened, of->host);
}

/* Find what merging two of the components loses. */
static void
find_loss(Agglomeration *of, int a, int b)
{
	MixtureParameters *parameters = of->parameters;
	int			d = parameters->d;
	double		weight_a = parameters->weights[a];
	double		weight_b = parameters->weights[b];
	double		both = weight_a + weight_b;
	double		loss = weight_a * log(weight_a) + weight_b * log(weight_b) - both * log(both);

	if (a < of->n_apart && b < of->n_apart)
		loss = INFINITY;
	else if (of->whitened != NULL)
	{
		const double *mean_a = of->whitened + (size_t) a * d;
		const double *mean_b = of->whitened + (size_t) b * d;

		for (int j = 0; j < d; j++)
			of->work[j] = mean_a[j] - mean_b[j];
		loss += 0.5 * weight_a * weight_b / both * linalg_dot(of->work, of->work, d);
	}
	else
	{
		components_merge(parameters, a, b, &of->merged, 0, of->work);
		loss += both * half_log_determinant(&of->merged, 0, of->work, of->host) -
			weight_a * of->half_logs[a] - weight_b * of->half_logs[b];
	}
	of->losses[(size_t) (a > b ? a : b) * of->n + (a > b ? b : a)] = loss;
}

/* Merge component a, the larger, into b. */
static void
merge_into(Agglomeration *of, int a, int b)
{
	MixtureParameters *parameters = of->parameters;
	int			d = parameters->d;

	if (of->whitened != NULL)
	{
		double	   *mean_a = of->whitened + (size_t) a * d;
		double	   *mean_b = of->whitened + (size_t) b * d;
		double		weight_a = parameters->weights[a];
		double		both = weight_a + parameters->weights[b];

		for (int j = 0; j < d; j++)
		{
			of->work[j] = parameters->means[(size_t) a * d + j] -
				parameters->means[(size_t) b * d + j];
			mean_b[j] += weight_a / both * (mean_a[j] - mean_b[j]);
		}
		mixture_add_outer(MIXTURE_TIED, d, parameters->covariances,
						  weight_a * parameters->weights[b] / both, of->work);
	}
	components_merge(parameters, b, a, parameters, b, of->work);
	if (of->whitened == NULL)
		of->half_logs[b] = half_log_determinant(parameters, b, of->work, of->host);
}

/* Put the last component in place of another. */
static void
move_last(Agglomeration *of, int a)
{
	MixtureParameters *parameters = of->parameters;
	int			last = parameters->k - 1;
	size_t		d = parameters->d;

	if (a == last)
		return;
	components_copy(parameters, last, parameters, a);
	parameters->weights[a] = parameters->weights[last];
	if (of->whitened != NULL)
		memcpy(of->whitened + a * d, of->whitened + last * d, d * sizeof(double));
	else
		of->half_logs[a] = of->half_logs[last];
	for (int c = 0; c < last; c++)
		if (c != a)
			of->losses[(size_t) (c > a ? c : a) * of->n + (c > a ? a : c)] =
				of->losses[(size_t) last * of->n + c];
}

/* Find the merger that loses the least. */
static void
find_best(const Agglomeration *of, int *a, int *b)
{
	const double *best = &of->losses[of->n];

	for (int c = 1; c < of->parameters->k; c++)
	{
		const double *losses = &of->losses[(size_t) c * of->n];

		for (int other = 0; other < c; other++)
			if (losses[other] < *best)
				best = &losses[other];
	}
	*a = (int) ((best - of->losses) / of->n);
	*b = (int) ((best - of->losses) % of->n);
}

/*
 * Merge components until k are left, but no two of the first n_apart, at most k.  Where
 * all share a covariance it is, meanwhile, what makes mergers costly, and grows by what is
 * between those that are merged.
 */
void
components_agglomerate(MixtureParameters *parameters, int n_apart, int k,
					   const MixtureHost *host)
{
	bool		shared = parameters->covariance_type == MIXTURE_TIED;
	size_t		n = parameters->k;
	size_t		d = parameters->d;
	size_t		size = n * n + n + linalg_packed_count(parameters->d) + d +
		(shared ? n * d : 0);
	Agglomeration of = {
		.host = host,.parameters = parameters,.n = parameters->k,.n_apart = n_apart
	};

	of.losses = host->allocate(host->context, size * sizeof(double));
	of.half_logs = of.losses + n * n;
	of.work = of.half_logs + n;
	of.whitened = shared ? of.work + linalg_packed_count(parameters->d) + d : NULL;
	mixture_allocate_parameters(&of.merged, parameters->covariance_type, 1, parameters->d, host);
	if (shared)
		whiten_means(&of);
	for (int c = 0; c < of.n; c++)
	{
		if (!shared)
			of.half_logs[c] = half_log_determinant(parameters, c, of.work, host);
		for (int other = 0; other < c; other++)
			find_loss(&of, c, other);
		host->check_interrupts(host->context);
	}
	while (parameters->k > k)
	{
		int			a;
		int			b;

		find_best(&of, &a, &b);
		merge_into(&of, a, b);
		move_last(&of, a);
		parameters->k--;
		for (int c = 0; c < parameters->k; c++)
			if (c != b)
				find_loss(&of, c, b);
		host->check_interrupts(host->context);
	}
	mixture_release_parameters(&of.merged, host);
	host->release(host->context, of.losses);
}
