/*
 * maximize.c
 *	  The M-step: sufficient statistics to parameters, within bounds.
 *
 * The statistics are sums about the means that the E-step was made with, so
 * new mean = old mean + delta with delta = firsts / weight, and the new
 * covariance is seconds / weight - delta delta^T.  Nothing is subtracted that
 * is larger than the step itself, and offsets of the data never cancel.
 *
 * The M-step maximizes under the constraint that no component has, in any
 * direction, less variance than a given share of the features' variances
 * (covariance - floor is positive semidefinite).  A bound, unlike a constant
 * added to the diagonal, leaves alone what has not collapsed, and EM under it
 * still never lowers the likelihood: it is maximum likelihood in a smaller
 * space (Ingrassia and Rocci 2007).
 *
 * A prior (prior.c) adds sums of its own to those of the rows; what is fixed is
 * left out.  Both change one part of the maximum and leave the others what they
 * would be, for the weights, each mean and each covariance given its mean are
 * maximized by themselves.
 */
#include "engine/core/core.h"

#include <math.h>
#include <string.h>

#include "engine/core/linalg.h"

/*
 * Least variance of a component in any direction as a share of its own
 * variances: below it, whether a matrix can be factored depends on rounding.
 */
#define LEAST_OWN_SHARE	1e-12

/*
 * An eigenvalue of correlations that is no more than this is 0: more than covariances
 * are held above anyway, for there are components wider than all rows.
 */
#define LEAST_EIGENVALUE 1e-11

/* What is left of the floor where rounding is at its worst */
#define HELD_SHARE 0.99

/*
 * The least variance of feature j that holds for a packed covariance matrix: the
 * floor's, or a share of its own, that its factor may be told from rounding.
 */
static double
own_floor(const double *covariance, const double *floor, int j)
{
	return fmax(floor[j], LEAST_OWN_SHARE * covariance[linalg_row(j) + j]);
}

/*
 * Write a packed covariance in units in which the diagonal matrix of the least variances
 * that hold for it, which go to own (d of them), is the identity: the lower triangle of
 * square, d x d.  Returns false, with square as scratch, where it exceeds `times` that
 * matrix in all directions, which the pivots show for less.
 */
static bool
write_in_units(const double *covariance, const double *floor, double times, int d,
			   double *own, double *square, const MixtureHost *host)
{
	for (int j = 0; j < d; j++)
		own[j] = own_floor(covariance, floor, j);
	memcpy(square, covariance, linalg_packed_count(d) * sizeof(double));
	for (int j = 0; j < d; j++)
		square[linalg_row(j) + j] -= times * own[j];
	if (linalg_eliminate(square, d, host))
		return false;
	for (int i = 0; i < d; i++)
	{
		for (int j = 0; j <= i; j++)
			square[(size_t) i * d + j] =
				covariance[linalg_row(i) + j] / sqrt(own[i]) / sqrt(own[j]);
		host->check_interrupts(host->context);
	}
	return true;
}

/*
 * The directions in which a packed covariance is at most `times` the diagonal
 * matrix of the least variances that hold for it, which go to own (d of them):
 * where own is the identity, eigenvectors with an eigenvalue up to `times`.
 * vectors: d x d, the n found in its first n rows, each of d values; values:
 * 2 d, the first n being theirs.  Returns n, or -1 of a matrix that is not finite.
 */
int
mixture_flat_directions(const double *covariance, const double *floor, double times, int d,
						double *own, double *vectors, double *values,
						const MixtureHost *host)
{
	int			n = 0;

	if (!write_in_units(covariance, floor, times, d, own, vectors, host))
		return 0;
	if (!linalg_eigen(vectors, values, values + d, d, host))
		return -1;
	for (int e = 0; e < d; e++)
		if (!(values[e] > times))
		{
			values[n] = values[e];
			if (n < e)
				memcpy(vectors + (size_t) n * d, vectors + (size_t) e * d, d * sizeof(double));
			n++;
		}
	return n;
}

/* Whether feature j of a packed covariance has none with another, as where it is constant. */
static bool
is_alone(const double *covariance, int d, int j)
{
	for (int i = 0; i < d; i++)
		if (i != j && covariance[i < j ? linalg_row(j) + i : linalg_row(i) + j] != 0)
			return false;
	return true;
}

/*
 * The matrix closest in likelihood to a packed covariance among those that
 * exceed its floor: in coordinates where that is the identity, every eigenvalue
 * below 1 becomes 1.  Where most are, as with fewer rows than features, what is more
 * than the identity along the others is all there is to add to it.  A feature that has no
 * covariance with others has none after, where the rounding of theirs may be more than its
 * floor.  Only of a matrix that is not finite eigenvalues are not found, or are not
 * numbers: that becomes none at all, so that whoever would use it as a covariance refuses
 * it.
 */
static void
raise_to_floor(double *covariance, const double *floor, int d,
			   const MixtureHost *host)
{
	double	   *own = host->allocate(host->context, ((size_t) d * d + 3 * d) * sizeof(double));
	double	   *values = own + d;
	double	   *alone = values + d;	/* variances of such features, or 0 */
	double	   *square = alone + d;
	double	   *vectors;
	int			first = 0;
	int			n = 0;

	if (!write_in_units(covariance, floor, 1, d, own, square, host))
	{
		host->release(host->context, own);
		return;
	}
	for (int j = 0; j < d; j++)
		alone[j] = is_alone(covariance, d, j) ? fmax(covariance[linalg_row(j) + j], own[j]) : 0;
	vectors = host->allocate(host->context, (size_t) (d / 2) * d * sizeof(double));
	if (!linalg_eigen_fewer(square, d, 1, values, vectors, &first, &n, host))
		covariance[0] = NAN;
	else if (first == 0)
	{
		memset(covariance, 0, linalg_packed_count(d) * sizeof(double));
		for (int j = 0; j < d; j++)
			covariance[linalg_row(j) + j] = isfinite(values[j]) ? own[j] : NAN;
	}
	for (int e = 0; e < n; e++)
	{
		double	   *vector = vectors + (size_t) e * d;
		double		excess = values[first + e] - 1;

		for (int i = 0; i < d; i++)
			vector[i] = alone[i] > 0 ? 0 : vector[i] * sqrt(own[i]);
		for (int i = 0; i < d; i++)
			linalg_add_multiple(covariance + linalg_row(i),
								(first == 0 ? excess : -excess) * vector[i], vector, i + 1);
		host->check_interrupts(host->context);
	}
	for (int j = 0; j < d; j++)
		if (alone[j] > 0 && isfinite(covariance[linalg_row(j) + j]))
			covariance[linalg_row(j) + j] = alone[j];
	host->release(host->context, vectors);
	host->release(host->context, own);
}

/* The floor of a spherical covariance: the mean over the features. */
static double
mean_floor(const double *floor, int d)
{
	double		mean = 0;

	for (int j = 0; j < d; j++)
		mean += floor[j] / d;
	return mean;
}

/*
 * Whether a covariance exceeds the floor in every direction: for a matrix,
 * whether covariance - own_floor() is positive definite.  scratch: as large as the
 * covariance.
 */
static bool
exceeds_floor(MixtureCovarianceType type, int d, const double *covariance,
			  const double *floor, double *scratch, const MixtureHost *host)
{
	bool		exceeds = true;

	if (type == MIXTURE_SPHERICAL)
		return covariance[0] >= mean_floor(floor, d);
	if (type == MIXTURE_DIAG)
	{
		for (int j = 0; j < d; j++)
			exceeds = exceeds && covariance[j] >= floor[j];
		return exceeds;
	}
	memcpy(scratch, covariance, linalg_packed_count(d) * sizeof(double));
	for (int j = 0; j < d; j++)
		scratch[linalg_row(j) + j] -= own_floor(covariance, floor, j);
	return linalg_eliminate(scratch, d, host);
}

/*
 * Hold a component's covariance above the floor (d variances).  scratch: as
 * large as the covariance.
 */
static void
apply_floor(MixtureCovarianceType type, int d, double *covariance,
			const double *floor, double *scratch, const MixtureHost *host)
{
	if (exceeds_floor(type, d, covariance, floor, scratch, host))
		return;
	if (type == MIXTURE_SPHERICAL)
		covariance[0] = mean_floor(floor, d);
	else if (type == MIXTURE_DIAG)
	{
		for (int j = 0; j < d; j++)
			if (!(covariance[j] >= floor[j]))
				covariance[j] = floor[j];
	}
	else
		raise_to_floor(covariance, floor, d, host);
}

/* --- the M-step ----------------------------------------------------------- */

static inline bool
weight_is_fixed(const MixtureFixed *fixed, int c)
{
	return fixed != NULL && (fixed->weights || (fixed->components != NULL && fixed->components[c]));
}

static inline bool
mean_is_fixed(const MixtureFixed *fixed, int c)
{
	return fixed != NULL && (fixed->means || (fixed->components != NULL && fixed->components[c]));
}

/* If tied, that of all is with option covariances only. */
static inline bool
covariance_is_fixed(const MixtureFixed *fixed, MixtureCovarianceType type, int c)
{
	return fixed != NULL && (fixed->covariances ||
							 (type != MIXTURE_TIED && fixed->components != NULL &&
							  fixed->components[c]));
}

/* What the parts of an M-step share. */
typedef struct Step
{
	const MixtureStats *stats;
	const MixtureParameters *current;
	const MixtureBounds *bounds;
	MixtureParameters *next;
	double		total;			/* weight of the rows */
	double	   *own;			/* d: from the old mean to that of the rows */
	double	   *shift;			/* d: from the old mean to the new one */
	double	   *scratch;		/* as large as a covariance */
} Step;

static bool
has_rows(const Step *step, int c)
{
	return mixture_has_rows(step->stats->component_weights[c], step->total);
}

/* The weights: what those that are fixed leave goes by the rows. */
static void
maximize_weights(const Step *step)
{
	const MixturePrior *prior = step->bounds->prior;
	const MixtureFixed *fixed = step->bounds->fixed;
	const double *current = step->current->weights;
	double	   *next = step->next->weights;
	int			k = step->stats->k;
	double		left = 1;
	double		free_rows = 0;

	for (int c = 0; c < k; c++)
	{
		next[c] = step->stats->component_weights[c];
		if (prior != NULL)
			next[c] += prior->sums.weights[c];
		if (weight_is_fixed(fixed, c))
			left -= current[c];
		else
			free_rows += next[c];
	}
	for (int c = 0; c < k; c++)
		next[c] = weight_is_fixed(fixed, c) || !(free_rows > 0) ? current[c] :
			fmax(left, 0) * next[c] / free_rows;
}

/*
 * The noise, in the same box: its share of all rows, and of those that a prior is
 * worth.
 */
static void
maximize_noise(const Step *step)
{
	const MixturePrior *prior = step->bounds->prior;
	double		noise = *step->stats->noise_weight;
	double		components = step->total;

	mixture_share_noise(step->next, step->current);
	if (prior != NULL)
	{
		noise += prior->sums.noise_weight;
		for (int c = 0; c < step->stats->k; c++)
			components += prior->sums.weights[c];
	}
	step->next->noise_weight = mixture_noise_share(noise, components);
}

/* Find where a component's mean goes: own, shift, and the mean itself. */
static void
maximize_mean(const Step *step, int c)
{
	const MixturePrior *prior = step->bounds->prior;
	size_t		d = step->stats->d;
	const double *firsts = step->stats->firsts + c * d;
	const double *mean = step->current->means + c * d;
	double		weight = has_rows(step, c) ? step->stats->component_weights[c] : 0;
	double		rows = prior != NULL ? prior->mean_rows[c] : 0;

	for (size_t j = 0; j < d; j++)
	{
		step->own[j] = weight > 0 ? firsts[j] / weight : 0;
		step->shift[j] = step->own[j];
		if (mean_is_fixed(step->bounds->fixed, c))
			step->shift[j] = 0;
		else if (rows > 0)
			step->shift[j] = ((weight > 0 ? firsts[j] : 0) +
							  rows * (prior->sums.means[c * d + j] - mean[j])) /
				(weight + rows);
		step->next->means[c * d + j] = mean[j] + step->shift[j];
	}
}

/*
 * Let sums of squares about a component's old mean, of which a share of 1 /
 * divisor is in the covariance, be about the new one, and add those of the
 * prior's mean.
 */
static void
move_squares(const Step *step, int c, double divisor, double *covariance)
{
	const MixturePrior *prior = step->bounds->prior;
	MixtureCovarianceType type = step->stats->covariance_type;
	int			d = step->stats->d;
	double		times = type == MIXTURE_SPHERICAL ? d : 1;
	double		weight = step->stats->component_weights[c];

	if (!mean_is_fixed(step->bounds->fixed, c))
		mixture_add_outer(type, d, covariance, -(weight * times / divisor), step->own);
	if (prior == NULL || !(prior->mean_rows[c] > 0))
		return;
	for (int j = 0; j < d; j++)
		step->own[j] = step->shift[j] - step->own[j];
	if (!mean_is_fixed(step->bounds->fixed, c))
		mixture_add_outer(type, d, covariance, weight * times / divisor, step->own);
	for (int j = 0; j < d; j++)
		step->own[j] = step->next->means[(size_t) c * d + j] -
			prior->sums.means[(size_t) c * d + j];
	mixture_add_outer(type, d, covariance, prior->mean_rows[c] * times / divisor, step->own);
}

/* Sums of squares as a covariance: over what the rows and the prior are worth. */
static double
divide_squares(const Step *step, int c, double weight, double *covariance)
{
	const MixturePrior *prior = step->bounds->prior;
	MixtureCovarianceType type = step->stats->covariance_type;
	size_t		count = mixture_factor_count(type, step->stats->d);
	const double *seconds = step->stats->seconds + c * count;
	double		divisor = weight * (type == MIXTURE_SPHERICAL ? step->stats->d : 1);

	if (prior != NULL)
		divisor += prior->spread_rows[c];
	for (size_t i = 0; i < count; i++)
	{
		double		sum = weight > 0 ? seconds[i] : 0;

		if (prior != NULL)
			sum += prior->sums.covariances[c * count + i];
		covariance[i] = sum / divisor;
	}
	return divisor;
}

/* The covariance of a component, whose mean has been found. */
static void
maximize_covariance(const Step *step, int c, const MixtureHost *host)
{
	const MixturePrior *prior = step->bounds->prior;
	MixtureCovarianceType type = step->stats->covariance_type;
	int			d = step->stats->d;
	size_t		count = mixture_factor_count(type, d);
	double	   *covariance = step->next->covariances + c * count;
	bool		seen = has_rows(step, c);
	double		divisor;

	if (covariance_is_fixed(step->bounds->fixed, type, c) ||
		(!seen && !(prior != NULL && prior->spread_rows[c] > 0)))
	{
		memcpy(covariance, step->current->covariances + c * count, count * sizeof(double));
		return;
	}
	divisor = divide_squares(step, c, seen ? step->stats->component_weights[c] : 0, covariance);
	move_squares(step, c, divisor, covariance);
	apply_floor(type, d, covariance, step->bounds->floor, step->scratch, host);
}

/*
 * The M-step.
 *
 * current: the parameters that the statistics were made with; next: gets the
 * new ones, same shape, may not be current.  What bounds->fixed names is copied
 * from current to the last bit.  Without a prior, a component without weight keeps
 * its mean and covariance, and so do all where all rows are noise.
 */
void
mixture_maximize(const MixtureStats *stats, const MixtureParameters *current,
				 const MixtureBounds *bounds, MixtureParameters *next,
				 const MixtureHost *host)
{
	int			d = stats->d;
	MixtureCovarianceType type = stats->covariance_type;
	size_t		count = mixture_factor_count(type, d);
	bool		tied = type == MIXTURE_TIED;
	bool		moves;
	double	   *memory = host->allocate(host->context, (2 * (size_t) d + count) * sizeof(double));
	Step		step = {stats, current, bounds, next, 0, memory, memory + d, memory + 2 * d};
	double		divisor = 0;

	MIXTURE_ASSERT(next->means != current->means && next->covariances != current->covariances);
	for (int c = 0; c < stats->k; c++)
		step.total += stats->component_weights[c];
	moves = !covariance_is_fixed(bounds->fixed, type, 0) &&
		(step.total > 0 || bounds->prior != NULL);
	maximize_weights(&step);
	maximize_noise(&step);
	if (tied && moves)
		divisor = divide_squares(&step, 0, step.total, next->covariances);
	else if (tied)
		memcpy(next->covariances, current->covariances, count * sizeof(double));
	for (int c = 0; c < stats->k; c++)
	{
		maximize_mean(&step, c);
		if (!tied)
			maximize_covariance(&step, c, host);
		else if (moves)
			move_squares(&step, c, divisor, next->covariances);
		host->check_interrupts(host->context);
	}
	if (tied && moves)
		apply_floor(type, d, next->covariances, bounds->floor, step.scratch, host);
	host->release(host->context, memory);
}

/*
 * Put what is fixed back as it is in start, in parameters that did not come out
 * of mixture_maximize().  The other weights share what is left as they do now.
 */
void
mixture_hold_fixed(MixtureParameters *parameters, const MixtureFixed *fixed,
				   const MixtureParameters *start, const MixtureHost *host)
{
	MixtureCovarianceType type = parameters->covariance_type;
	size_t		d = parameters->d;
	size_t		count = mixture_factor_count(type, parameters->d);
	double		left = 1;
	double		sum = 0;
	double		work = 0;

	if (fixed == NULL)
		return;
	if (type == MIXTURE_TIED && fixed->covariances)
		memcpy(parameters->covariances, start->covariances, count * sizeof(double));
	for (int c = 0; c < parameters->k; c++)
	{
		if (weight_is_fixed(fixed, c))
			left -= start->weights[c];
		else
			sum += parameters->weights[c];
		if (mean_is_fixed(fixed, c))
			memcpy(parameters->means + c * d, start->means + c * d, d * sizeof(double));
		if (type != MIXTURE_TIED && covariance_is_fixed(fixed, type, c))
			memcpy(parameters->covariances + c * count, start->covariances + c * count,
				   count * sizeof(double));
		linalg_look_after(host, &work, d + count);
	}
	for (int c = 0; c < parameters->k; c++)
		parameters->weights[c] = weight_is_fixed(fixed, c) || !(sum > 0) ? start->weights[c] :
			parameters->weights[c] * (fmax(left, 0) / sum);
}

/*
 * Hold all covariances above the floor, for parameters that did not come out
 * of mixture_maximize().
 */
void
mixture_hold_floor(MixtureParameters *parameters, const double *floor,
				   const MixtureHost *host)
{
	MixtureCovarianceType type = parameters->covariance_type;
	size_t		count = mixture_factor_count(type, parameters->d);
	int			n = type == MIXTURE_TIED ? 1 : parameters->k;
	double	   *scratch = host->allocate(host->context, count * sizeof(double));

	for (int c = 0; c < n; c++)
	{
		apply_floor(type, parameters->d, parameters->covariances + c * count,
					floor, scratch, host);
		host->check_interrupts(host->context);
	}
	host->release(host->context, scratch);
}

/*
 * Whether a covariance has less variance than the floor in some direction, by more
 * than rounding leaves of one that was held there.
 */
bool
mixture_below_floor(const MixtureParameters *parameters, const double *floor,
					const MixtureHost *host)
{
	MixtureCovarianceType type = parameters->covariance_type;
	int			d = parameters->d;
	size_t		count = mixture_factor_count(type, d);
	int			n = type == MIXTURE_TIED ? 1 : parameters->k;
	double	   *scratch = host->allocate(host->context, count * sizeof(double));
	bool		below = false;

	for (int c = 0; c < n && !below; c++)
	{
		memcpy(scratch, parameters->covariances + c * count, count * sizeof(double));
		if (type == MIXTURE_SPHERICAL)
			scratch[0] -= HELD_SHARE * mean_floor(floor, d);
		for (int j = 0; j < d && type != MIXTURE_SPHERICAL; j++)
			scratch[mixture_variance_place(type, j)] -= HELD_SHARE * floor[j];
		if (mixture_has_matrix(type))
			below = !linalg_eliminate(scratch, d, host);
		for (size_t i = 0; i < count && !mixture_has_matrix(type); i++)
			below = below || !(scratch[i] > 0);
		host->check_interrupts(host->context);
	}
	host->release(host->context, scratch);
	return below;
}

/* The share of a feature's variance that is the floor of covariances. */
double
mixture_floor_share(double reg_covar)
{
	return reg_covar > MIXTURE_LEAST_FLOOR ? reg_covar : MIXTURE_LEAST_FLOOR;
}

/*
 * Variance that a feature without any is taken to have, so that a constant
 * column is a column like others: the square of its value.
 */
double
mixture_constant_variance(double value)
{
	value = fabs(value);
	return value > MIXTURE_MIN_FEATURE_RANGE ? value * value : 1;
}

/*
 * Whether some direction of a covariance (packed, d dimensions), which is lost, has
 * next to no variance beside that of the features in it.  What does not vary counts
 * for no direction.  scales: scratch of d.
 */
bool
mixture_nearly_singular(double *covariance, double *scales, int d, const MixtureHost *host)
{
	for (int i = 0; i < d; i++)
	{
		double		variance = covariance[linalg_row(i) + i];

		scales[i] = variance > 0 ? 1 / sqrt(variance) : 0;
		for (int j = 0; j < i; j++)
			covariance[linalg_row(i) + j] *= scales[i] * scales[j];
		covariance[linalg_row(i) + i] = 1 - LEAST_EIGENVALUE;
		host->check_interrupts(host->context);
	}
	return !linalg_eliminate(covariance, d, host);
}
