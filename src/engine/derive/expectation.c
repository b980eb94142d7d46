/*
 * expectation.c
 *	  What a mixture expects of its own rows, by drawing some.
 *
 * An entropy, or a divergence from another mixture, has no formula; the mean
 * over drawn rows comes with a standard error.  The rows are those that
 * mixture_draw_row() gives for a seed, so that the answer is the same each time.
 */
#include "engine/core/core.h"

#include <math.h>

#include "engine/core/linalg.h"

/* Rows that are drawn where the caller does not say how many, and their seed */
#define OWN_ROWS	10000
#define OWN_SEED	1

/* The mean of numbers that come one by one, and their spread (Welford 1962). */
typedef struct Mean
{
	double		n;
	double		mean;
	double		squares;		/* about the mean */
} Mean;

static void
add_number(Mean *mean, double x)
{
	double		delta = x - mean->mean;

	mean->n++;
	mean->mean += delta / mean->n;
	mean->squares += delta * (x - mean->mean);
}

static double
error_of(const Mean *mean)
{
	return sqrt(mean->squares / (mean->n - 1) / mean->n);
}

/* The logarithm of a covariance's determinant, by its packed factor or variances. */
static bool
log_determinant(const MixtureParameters *parameters, int component, double *scratch,
				double *result, const MixtureHost *host)
{
	MixtureCovarianceType type = parameters->covariance_type;
	int			d = parameters->d;
	size_t		count = mixture_factor_count(type, d);
	const double *covariance = mixture_covariance_of(parameters, component);

	*result = 0;
	for (size_t i = 0; i < count; i++)
		scratch[i] = covariance[i];
	if (mixture_has_matrix(type) && !linalg_eliminate(scratch, d, host))
		return false;
	for (int j = 0; j < d; j++)
		*result += log(scratch[mixture_variance_place(type, j)]);
	return true;
}

/*
 * The mean over the components and noise, by weight, of the logarithm of weight
 * times density of a row that is known to be of it.
 */
static bool
expected_complete(const MixtureParameters *parameters, double *result,
				  const MixtureHost *host, MixtureError *error)
{
	int			d = parameters->d;
	double	   *scratch = host->allocate(host->context, sizeof(double) *
										 mixture_factor_count(parameters->covariance_type, d));
	double		determinant = 0;
	double		noise = parameters->noise_weight;
	bool		known = false;		/* the determinant of all, if tied */
	bool		good = true;

	*result = 0;
	for (int c = 0; c < parameters->k && good; c++)
	{
		double		weight = parameters->weights[c];

		if (weight == 0)
			continue;
		error->component = c;
		if (!known)
			good = log_determinant(parameters, c, scratch, &determinant, host);
		known = parameters->covariance_type == MIXTURE_TIED;
		*result += weight * (log(weight) - 0.5 * (determinant + d * (log(2 * M_PI) + 1)));
		host->check_interrupts(host->context);
	}
	if (noise > 0)
		*result = (1 - noise) * (*result + log1p(-noise)) +
			noise * mixture_noise_log_density(parameters);
	host->release(host->context, scratch);
	return good;
}

/*
 * Minus the logarithm of the responsibility of a drawn row's component, or what has
 * the same expectation and varies less: the entropy of them all.  Where there is
 * noise it has not, for noise is not drawn outside of its box, and yet responsible.
 * values: k.
 */
static double
row_surprise(const MixtureParameters *parameters, const MixturePrepared *prepared,
			 const double *row, double *work, int component, double *values)
{
	double		noise;

	if (parameters->noise_box == NULL)
		return mixture_row_entropy(prepared, row, work);
	mixture_row_responsibilities(prepared, row, work, values, &noise);
	return -log(component < 0 ? noise : values[component]);
}

/*
 * What the log density of a row of this mixture is expected to be: its mean,
 * the standard error of that, and the standard deviation from row to row.
 *
 * The log density is that of the row with its component, which has an
 * expectation in closed form, less the logarithm of the responsibility that the
 * component has for it; only that is left to the draws, and is 0 where components
 * are apart.
 */
MixtureStatus
mixture_expect_log_density(const MixtureParameters *parameters,
						   MixtureBaseline *baseline, const MixtureHost *host,
						   MixtureError *error)
{
	MixtureDrawing *drawing = mixture_drawing_create(parameters, host, error);
	MixturePrepared *prepared;
	double	   *row;
	double	   *values;
	double	   *work;
	double		complete;
	Mean		entropies = {0};
	Mean		log_densities = {0};

	if (drawing == NULL)
		return MIXTURE_NOT_POSITIVE_DEFINITE;
	prepared = mixture_prepare_rows(parameters, host, error);
	if (prepared == NULL || !expected_complete(parameters, &complete, host, error))
		return MIXTURE_NOT_POSITIVE_DEFINITE;
	row = host->allocate(host->context, (parameters->d + (size_t) parameters->k +
										 mixture_row_work_size(prepared)) * sizeof(double));
	values = row + parameters->d;
	work = values + parameters->k;
	for (int64_t number = 0; number < OWN_ROWS; number++)
	{
		int			component = mixture_draw_row(drawing, OWN_SEED, number, row);

		add_number(&log_densities, mixture_row_log_density(prepared, row, work));
		add_number(&entropies, row_surprise(parameters, prepared, row, work, component,
											values));
		host->check_interrupts(host->context);
	}
	baseline->mean = complete + entropies.mean;
	baseline->error = error_of(&entropies);
	baseline->stddev = sqrt(log_densities.squares / log_densities.n);
	baseline->rows = INFINITY;
	host->release(host->context, row);
	host->release(host->context, prepared);
	host->release(host->context, drawing);
	return MIXTURE_OK;
}

/*
 * A mixture as a distribution: its noise is in its box, and not beyond, where scores
 * take it to be as dense as inside.
 */
typedef struct Distribution
{
	const MixtureParameters *parameters;
	MixturePrepared *components;	/* the mixture without its noise */
	double		log_share;		/* of these in all rows */
	double		log_noise;		/* density of the noise, by its share */
} Distribution;

/* Ready a mixture for log densities; false where a covariance is not one. */
static bool
distribution_begin(Distribution *distribution, const MixtureParameters *parameters,
				   const MixtureHost *host, MixtureError *error)
{
	MixtureParameters bare = *parameters;

	mixture_clear_noise(&bare);
	distribution->parameters = parameters;
	distribution->components = mixture_prepare_rows(&bare, host, error);
	distribution->log_share = log1p(-parameters->noise_weight);
	distribution->log_noise = mixture_noise_log_density(parameters);
	return distribution->components != NULL;
}

/* Is a row in the box of the noise? */
static bool
is_in_box(const MixtureParameters *parameters, const double *row)
{
	const double *box = parameters->noise_box;

	if (box == NULL)
		return false;
	for (int j = 0; j < parameters->d; j++)
		if (row[j] < box[j] || row[j] > box[parameters->d + j])
			return false;
	return true;
}

static double
log_density_at(const Distribution *distribution, const double *row, double *work)
{
	double		components = distribution->log_share +
		mixture_row_log_density(distribution->components, row, work);
	double		noise = is_in_box(distribution->parameters, row) ? distribution->log_noise :
		-INFINITY;
	double		most = fmax(components, noise);

	return isinf(most) ? most : most + log1p(exp(fmin(components, noise) - most));
}

/*
 * The Kullback-Leibler divergence of b from a, by n >= 2 rows drawn from a: by how
 * much a row of a is less likely under b, in nats, on the average.  It is infinite
 * where some are so far from b that their density there is below the range of a
 * double; the standard error is then NaN.
 */
MixtureStatus
mixture_divergence(const MixtureParameters *a, const MixtureParameters *b, int64_t n,
				   uint64_t seed, double *divergence, double *standard_error,
				   const MixtureHost *host, MixtureError *error)
{
	MixtureDrawing *drawing = mixture_drawing_create(a, host, error);
	Distribution own;
	Distribution other;
	double	   *row;
	Mean		mean = {0};

	if (drawing == NULL || !distribution_begin(&own, a, host, error) ||
		!distribution_begin(&other, b, host, error))
		return MIXTURE_NOT_POSITIVE_DEFINITE;
	row = host->allocate(host->context, sizeof(double) *
						 (a->d + mixture_row_work_size(own.components) +
						  mixture_row_work_size(other.components)));
	for (int64_t number = 0; number < n; number++)
	{
		double	   *work = row + a->d;

		mixture_draw_row(drawing, seed, number, row);
		add_number(&mean, log_density_at(&own, row, work) - log_density_at(&other, row, work));
		host->check_interrupts(host->context);
	}
	*divergence = isfinite(mean.mean) ? mean.mean : INFINITY;
	*standard_error = isfinite(mean.mean) ? error_of(&mean) : NAN;
	host->release(host->context, row);
	host->release(host->context, other.components);
	host->release(host->context, own.components);
	host->release(host->context, drawing);
	return MIXTURE_OK;
}
