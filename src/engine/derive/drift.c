/*
 * drift.c
 *	  How far rows have moved from a model, by their statistics under it.
 *
 * Sums are all that is needed, so the rows need not be at hand.  What is
 * compared:
 *
 *		likelihood	the mean log density with what the fit lets expect of rows
 *					like its own.  A fit flatters its own rows: new ones have a
 *					mean log density that is lower by p / n, p being the number
 *					of its parameters (Akaike 1974).  That is the mean of a
 *					chi-square variable of p degrees over n, of which 2 p is the
 *					variance: all there is where all rows are equally likely.
 *		shares		the components' shares of the rows, and that of noise, with
 *					their weights: the population stability index, sum (q - p)
 *					log(q / p).
 *		means		each component's mean over its rows with its own, in its own
 *					deviations: the Mahalanobis distance.
 *		spread		the rows' mean squared distance from their own mean, in the
 *					same deviations, of which 1 for each dimension is expected.
 *
 * A feature in which all rows of the fit had one value has no deviations, but what the
 * floor of variances gave it, and so has a direction in which a sum of features is
 * another: such count for no dimension, and what departs from there is far.  A floor that
 * is more than rounding asks for may be below what the rows have; then only features of
 * one value are left out.
 *
 * Probabilities, which say by how much chance alone may move these, have the
 * responsibilities for counts.  They are conservative: by Jensen's inequality
 * the covariance of sum r (x - m), over all components, is at most that of rows
 * of which the component is known, and so is that of sum r.  They allow for the
 * rows of the fit being a sample, too, where it is known how many there were.
 * They presume that the rows of the fit were Gaussian within the components.
 */
#include "engine/core/core.h"

#include <math.h>

#include "engine/core/linalg.h"
#include "engine/core/special.h"

/* Part of a variance by which rounding may have changed what the floor made it */
#define SAME_SHARE 1e-6

/* One component's scale, and scratch. */
typedef struct Scale
{
	MixtureCovarianceType type;
	int			d;
	int			n_varying;		/* directions that count */
	double	   *matrix;			/* packed; or variances */
	double	   *inverse;		/* packed: the inverse of its Cholesky factor */
	double	   *vector;			/* d */
} Scale;

static void
scale_allocate(Scale *scale, MixtureCovarianceType type, int d, const MixtureHost *host)
{
	size_t		count = mixture_factor_count(type, d);

	scale->type = type;
	scale->d = d;
	scale->matrix = host->allocate(host->context, (2 * count + d) * sizeof(double));
	scale->inverse = scale->matrix + count;
	scale->vector = scale->inverse + count;
}

/* Take the scale of a component; false if its covariance is not one. */
static bool
scale_take(Scale *scale, const MixtureParameters *parameters, int component,
		   const MixtureHost *host)
{
	size_t		count = mixture_factor_count(scale->type, scale->d);
	const double *covariance = mixture_covariance_of(parameters, component);

	for (size_t i = 0; i < count; i++)
		scale->matrix[i] = covariance[i];
	if (!mixture_has_matrix(scale->type))
		return true;
	if (!linalg_eliminate(scale->matrix, scale->d, host))
		return false;
	linalg_invert_factor(scale->matrix, scale->inverse, scale->d, host);
	return true;
}

/* The squared length of a vector in this scale. */
static double
scaled_square(const Scale *scale, const double *vector)
{
	double		sum = 0;

	for (int i = 0; i < scale->d; i++)
	{
		double		element;

		if (mixture_has_matrix(scale->type))
			element = linalg_dot(scale->inverse + linalg_row(i), vector, i + 1);
		else
			element = vector[i] / sqrt(scale->matrix[mixture_variance_place(scale->type, i)]);
		sum += element * element;
	}
	return sum;
}

/* The sum of the scaled squares of vectors, of which `seconds` is the sum of squares. */
static double
scaled_trace(const Scale *scale, const double *seconds, const MixtureHost *host)
{
	double		sum = 0;

	if (scale->type == MIXTURE_SPHERICAL)
		return seconds[0] / scale->matrix[0];
	for (int i = 0; i < scale->d; i++)
	{
		const double *row = scale->inverse + linalg_row(i);

		if (scale->type == MIXTURE_DIAG)
		{
			sum += seconds[i] / scale->matrix[i];
			continue;
		}
		for (int j = 0; j <= i; j++)
			sum += row[j] * (2 * linalg_dot(seconds + linalg_row(j), row, j) +
							 row[j] * seconds[linalg_row(j) + j]);
		host->check_interrupts(host->context);
	}
	return sum;
}

/* The share of squares that are about the rows' own mean. */
static double
own_squares(double squares, double about_mean)
{
	double		own = squares - about_mean;

	return mixture_exceeds_rounding(own, squares) ? own : 0;
}

/* How many rows one sample has that tells as much as the difference of two. */
static double
paired_rows(double rows, double others)
{
	return isinf(others) ? rows : rows * (others / (rows + others));
}

/*
 * Whether the rows that a mixture was fitted to had one value in feature j: all its
 * components have that for their mean, and the variance that the floor makes of it.
 */
static bool
is_constant(const MixtureParameters *parameters, int j, double variance)
{
	double		value = parameters->means[j];

	for (int c = 0; c < parameters->k; c++)
	{
		double		apart = parameters->means[(size_t) c * parameters->d + j] - value;

		if (fabs(mixture_variance(parameters, c, j) - variance) > SAME_SHARE * variance ||
			apart * apart > variance)
			return false;
	}
	return true;
}

/*
 * In how many directions the rows of each component varied, of a fit under this
 * reg_covar: varying, k.  Spherical components have the mean of the features' variances,
 * so it is all or none.
 */
static void
count_varying(const MixtureParameters *parameters, double reg_covar, int *varying,
			  const MixtureHost *host)
{
	int			d = parameters->d;
	double		share = mixture_floor_share(reg_covar);
	double	   *floor = host->allocate(host->context, d * sizeof(double));
	double		mean = 0;

	mixture_whole_variances(parameters, floor, host);
	for (int j = 0; j < d; j++)
		mean += mixture_constant_variance(parameters->means[j]) / d;
	for (int j = 0; j < d; j++)
	{
		double		variance = mixture_constant_variance(parameters->means[j]);

		if (parameters->covariance_type == MIXTURE_SPHERICAL)
			variance = mean;
		floor[j] *= share <= MIXTURE_COLLINEAR_FLOOR ? share : 0;
		/* where features are sums of others, only the others' floor may have been raised */
		if (is_constant(parameters, j, share * variance) ||
			is_constant(parameters, j, MIXTURE_LEAST_FLOOR * variance))
			floor[j] = mixture_variance(parameters, 0, j);
		host->check_interrupts(host->context);
	}
	judge_count_flat(parameters, floor, varying, host);
	for (int c = 0; c < parameters->k; c++)
		varying[c] = d - varying[c];
	host->release(host->context, floor);
}

/* The free parameters of one component in d dimensions, but for its weight. */
static double
free_of_one(const MixtureParameters *parameters, int d)
{
	MixtureParameters one = {.k = 1, .d = d, .covariance_type = parameters->covariance_type};

	return (double) mixture_free_parameters(&one);
}

/* The free parameters of a mixture, in the directions in which rows varied. */
static double
free_in_varying(const MixtureParameters *parameters, const int *varying)
{
	int			d = parameters->d;
	double		free = (double) mixture_free_parameters(parameters);

	for (int c = 0; c < parameters->k && varying != NULL; c++)
		if (parameters->covariance_type == MIXTURE_TIED && c > 0)
			free -= d - varying[c];
		else
			free -= free_of_one(parameters, d) - free_of_one(parameters, varying[c]);
	return free;
}

/* The probability that a chi-square variable is above x, which may be infinite. */
static double
chi_square_p(double x, int degrees)
{
	if (degrees < 1 || !(x > 0))
		return 1;
	return isinf(x) ? 0 : special_chi_square_tail(x, degrees);
}

/* Those of a mean: where nothing varied, any that has moved at all tells. */
static int
mean_degrees(int n_varying)
{
	return n_varying > 0 ? n_varying : 1;
}

/* Write the moves of a component's mean in deviations of each feature. */
static void
write_moves(const MixtureParameters *parameters, int component, const double *vector,
			double *moves)
{
	for (int j = 0; j < parameters->d; j++)
		moves[j] = vector[j] / sqrt(mixture_variance(parameters, component, j));
}

/* A component's share of all rows, as the model has it. */
static double
component_share(const MixtureParameters *parameters, int component)
{
	return (1 - parameters->noise_weight) * parameters->weights[component];
}

/*
 * Compare one component's rows with it, whose scale this is.  Returns their
 * squares about their own mean in it; of tied mixtures, less those of all.
 */
static double
compare_component(const MixtureParameters *parameters, const MixtureStats *stats,
				  int component, double rows, const Scale *scale,
				  MixtureComponentDrift *drift,
				  double *moves, const MixtureHost *host)
{
	int			d = parameters->d;
	double		weight = stats->component_weights[component];
	double		square;
	double		squares = 0;
	double		own;

	drift->weight = weight;
	drift->share = weight / *stats->sum_weights;
	drift->mean_shift = drift->spread_ratio = drift->p = NAN;
	for (int j = 0; j < d; j++)
		moves[j] = NAN;
	if (!mixture_has_rows(weight, *stats->sum_weights))
		return 0;
	for (int j = 0; j < d; j++)
		scale->vector[j] = stats->firsts[(size_t) component * d + j] / weight;
	write_moves(parameters, component, scale->vector, moves);
	square = scaled_square(scale, scale->vector);
	drift->mean_shift = sqrt(square);
	drift->p = chi_square_p(paired_rows(weight, rows * component_share(parameters, component)) *
							square, mean_degrees(scale->n_varying));
	if (scale->type == MIXTURE_TIED)
		return -weight * square;
	squares = scaled_trace(scale, stats->seconds +
						   component * mixture_factor_count(scale->type, d), host);
	own = own_squares(squares, weight * square);
	drift->spread_ratio = sqrt(own / weight / scale->n_varying);
	return own;
}

/* Compare the shares of the rows that components and noise have with their weights. */
static void
compare_shares(const MixtureParameters *parameters, const MixtureStats *stats,
			   double rows, MixtureDrift *drift)
{
	double		total = *stats->sum_weights;
	double		half_row = 0.5 / total;
	double		information = 0;
	int			seen = 0;

	drift->share_psi = 0;
	for (int c = parameters->noise_box != NULL ? -1 : 0; c < parameters->k; c++)
	{
		double		then = c < 0 ? parameters->noise_weight : component_share(parameters, c);
		double		now = (c < 0 ? *stats->noise_weight : stats->component_weights[c]) / total;
		double		floored_then = fmax(then, half_row);
		double		floored_now = fmax(now, half_row);

		seen += then > 0 || now > 0;
		if (now > 0)
			information += now * log(now / then);
		drift->share_psi += (floored_now - floored_then) * log(floored_now / floored_then);
	}
	drift->share_p = chi_square_p(2 * paired_rows(total, rows) * information, seen - 1);
}

/*
 * Compare the mean log density with what was to be expected.  The error and the
 * probability are NaN where the spread of the log densities is not known.
 */
static void
compare_likelihood(const MixtureStats *stats, const MixtureBaseline *baseline,
				   MixtureDrift *drift)
{
	double		total = *stats->sum_weights;
	double		own = mixture_log_density_stddev(stats);
	double		stddev = isnan(own) ? own : fmax(own, baseline->stddev);

	drift->likelihood_shift = *stats->log_likelihood / total - baseline->mean;
	drift->likelihood_error = sqrt(stddev * stddev / total +
								   baseline->error * baseline->error);
	drift->likelihood_p = drift->likelihood_shift == 0 ? 1 :
		erfc(fabs(drift->likelihood_shift) / drift->likelihood_error / sqrt(2));
}

/*
 * What the components, to which rows of weight `total` belong, say together, and the
 * probability of all that is compared.
 */
static void
summarize(const MixtureParameters *parameters, const MixtureComponentDrift *components,
		  const MixtureBaseline *baseline, double total, double spread, MixtureDrift *drift)
{
	double		square = 0;
	double		chi_square = 0;
	int			degrees = 0;

	for (int c = 0; c < parameters->k; c++)
	{
		double		shift = components[c].mean_shift;

		if (isnan(shift))
			continue;
		degrees += mean_degrees(baseline->varying != NULL ? baseline->varying[c] : parameters->d);
		square += components[c].weight / total * shift * shift;
		chi_square += paired_rows(components[c].weight,
								  baseline->rows * component_share(parameters, c)) *
			shift * shift;
	}
	drift->mean_shift = sqrt(square);
	drift->spread_ratio = sqrt(spread);
	drift->mean_p = chi_square_p(chi_square, degrees);
	/* of three, the least, of those that are numbers: Bonferroni's bound */
	drift->p = fmin(1, 3 * fmin(drift->likelihood_p, fmin(drift->share_p, drift->mean_p)));
}

/*
 * What a model lets expect of rows like those that it was fitted to.  info: what
 * is known of its fit, or NULL; then they are rows like its own.
 *
 * A fit without iterations was given its parameters, which are not of the rows.
 */
MixtureStatus
mixture_baseline(const MixtureParameters *parameters, const MixtureFitInfo *info,
				 MixtureBaseline *baseline, const MixtureHost *host, MixtureError *error)
{
	bool		is_fitted = info != NULL && info->iterations > 0;
	double		free = 0;

	if (baseline->varying != NULL)
		count_varying(parameters, info != NULL ? info->reg_covar : 0, baseline->varying, host);

	/* with labels the likelihood was another */
	if (info == NULL || isnan(info->log_density_stddev) || info->n_labelled > 0)
	{
		MixtureStatus status = mixture_expect_log_density(parameters, baseline, host, error);

		if (is_fitted && info->n_labelled > 0)
			baseline->rows = info->sum_weights;
		return status;
	}
	if (is_fitted)
		free = free_in_varying(parameters, baseline->varying);
	baseline->mean = (info->log_likelihood - free) / info->sum_weights;
	baseline->stddev = info->log_density_stddev;
	baseline->error = sqrt(baseline->stddev * baseline->stddev + 2 * free / info->sum_weights) /
		sqrt(info->sum_weights);
	baseline->rows = is_fitted ? info->sum_weights : INFINITY;
	return MIXTURE_OK;
}

/*
 * Compare the rows of statistics with the parameters that these were made with.
 * components: k; moves: k x d, how far the mean of each component has moved along
 * each feature, in the feature's deviations in it.  What is not known, as that of
 * a component without rows, is NaN.  There must be some weight.
 */
MixtureStatus
mixture_drift(const MixtureParameters *parameters, const MixtureStats *stats,
			  const MixtureBaseline *baseline, MixtureDrift *drift,
			  MixtureComponentDrift *components, double *moves, const MixtureHost *host,
			  MixtureError *error)
{
	MixtureCovarianceType type = parameters->covariance_type;
	int			d = parameters->d;
	double		total = 0;		/* not that of all less noise: next to nothing may be left */
	double		varying = 0;	/* of that, in all directions that count */
	double		own = 0;
	Scale		scale;

	scale_allocate(&scale, type, d, host);
	for (int c = 0; c < parameters->k; c++)
	{
		error->component = c;
		total += stats->component_weights[c];
		scale.n_varying = baseline->varying != NULL ? baseline->varying[c] : d;
		varying += stats->component_weights[c] * scale.n_varying;
		if ((type != MIXTURE_TIED || c == 0) && !scale_take(&scale, parameters, c, host))
			return MIXTURE_NOT_POSITIVE_DEFINITE;
		own += compare_component(parameters, stats, c, baseline->rows, &scale,
								 &components[c], moves + (size_t) c * d, host);
		host->check_interrupts(host->context);
	}
	if (type == MIXTURE_TIED)
	{
		own = own_squares(scaled_trace(&scale, stats->seconds, host), -own);
		for (int c = 0; c < parameters->k; c++)
			if (!isnan(components[c].mean_shift))
				components[c].spread_ratio = sqrt(own / varying);
	}
	host->release(host->context, scale.matrix);

	compare_likelihood(stats, baseline, drift);
	compare_shares(parameters, stats, baseline->rows, drift);
	summarize(parameters, components, baseline, total, own / varying, drift);
	return MIXTURE_OK;
}
