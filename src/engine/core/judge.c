/*
 * judge.c
 *	  Which components of a mixture the rows do not support.
 *
 * The likelihood of a mixture has no bound where a component shrinks onto few
 * rows or onto a plane, so a high one says nothing there (McLachlan and Peel
 * 2000, section 3.10).  A component is suspect if
 *
 * - fewer rows stand behind it than its covariance has to have, or
 * - it has collapsed: it is flat, that is at the floor, in some directions, and
 *   another component that is not flat there reaches across it, being where it is
 *   in all other directions as well.  It then is one
 *   value of a feature that others spread over, as a measurement that was
 *   rounded has many.  So are two of which one lies beside the other, no farther
 *   than components are wide there in the mean, and with nothing else to tell
 *   them apart; and so is one that lies so beside another one that is, no farther
 *   than the one goes that spreads over that.  One of a handful of rows has collapsed
 *   where others are wide, for these
 *   may be equal by chance.  Otherwise a component that is flat because its
 *   feature is a code, or because all are, as where a column is the sum of others,
 *   is sound.  A direction is known only as well as the component is wide along
 *   the others: one along which it is as thin counts as the same; or
 * - it is the same as an earlier one, and does nothing.
 *
 * All of that can be read off the parameters, so that a model is judged long
 * after its rows are gone: the variances of all rows, which the floor is a
 * share of, are those of the mixture as a whole, for EM makes the two equal.
 */
#include "engine/core/core.h"

#include <math.h>
#include <string.h>

#include "engine/core/linalg.h"

/* "At the floor" is no more than so many times the floor */
#define NEAR_FLOOR 2.0

/* and spread out is so many times it, in the mean. */
#define SPREAD 1e4

/*
 * Squared distance that a component reaches, in units of its own and the other's variance
 * together; or, where that is more, for each dimension, for rows are on the average 1 a
 * dimension from their mean
 */
#define REACH 25.0
#define REACH_PER_DIMENSION 2.0

/* Variances within components, in which a flat component may lie beside another */
#define BESIDE 4.0

/* Rows that a component has to have, at least, to be flat where others are not */
#define FLAT_ROWS 5

/* Part of the largest variance below which others are lost to rounding */
#define RESOLUTION 1e-14

/* Parts of deviations and variances by which components that are the same differ */
#define SAME_SHARE 1e-3

/* Rows that a component needs to be more than an artefact. */
int
judge_least_rows(MixtureCovarianceType type, int d)
{
	return type == MIXTURE_FULL ? d + 1 : 2;
}

/*
 * A component that is flat, and where.  With a matrix that is in n directions, as
 * mixture_flat_directions() finds them; without, in n features.
 */
typedef struct Flat
{
	const MixtureHost *host;
	const MixtureParameters *parameters;
	double	   *within;			/* the covariance within components */
	int			c;
	int			n;
	double	   *own;			/* d: the least variances */
	double	   *vectors;		/* d x d: the directions, in units of own; NULL for
								 * families without a matrix */
	double	   *values;			/* 2 d, of which n: its variances along them, in units of own */
	double	   *restricted;		/* packed, n x n: a covariance among these */
	double	   *work;			/* d */
	bool	   *features;		/* d: whether it is flat in each */
} Flat;

static void
flat_begin(Flat *flat, const MixtureParameters *parameters, const MixtureHost *host)
{
	MixtureCovarianceType type = parameters->covariance_type;
	size_t		n = parameters->d;
	size_t		count = mixture_factor_count(type, parameters->d);
	size_t		squares = mixture_has_matrix(type) ? n * n + count : 0;

	flat->host = host;
	flat->parameters = parameters;
	flat->own = host->allocate(host->context, (squares + count + 4 * n) * sizeof(double));
	flat->work = flat->own + n;
	flat->values = flat->work + n;
	flat->within = flat->values + 2 * n;
	flat->vectors = squares > 0 ? flat->within + count : NULL;
	flat->restricted = squares > 0 ? flat->vectors + n * n : NULL;
	flat->features = host->allocate(host->context, n * sizeof(bool));
	mixture_within(parameters, flat->within);
}

static void
flat_end(Flat *flat)
{
	flat->host->release(flat->host->context, flat->features);
	flat->host->release(flat->host->context, flat->own);
}

/* Find where component c is flat, given d least variances. */
static void
flat_find(Flat *flat, int c, const double *floor)
{
	const MixtureParameters *parameters = flat->parameters;
	MixtureCovarianceType type = parameters->covariance_type;
	int			d = parameters->d;
	double		mean = 0;

	flat->c = c;
	flat->n = 0;
	if (mixture_has_matrix(type))
	{
		flat->n = mixture_flat_directions(mixture_covariance_of(parameters, c), floor, NEAR_FLOOR,
										  d, flat->own, flat->vectors, flat->values, flat->host);
		return;
	}
	for (int j = 0; j < d; j++)
		mean += floor[j] / d;
	for (int j = 0; j < d; j++)
	{
		flat->own[j] = type == MIXTURE_DIAG ? floor[j] : mean;
		flat->features[j] = !(mixture_variance(parameters, c, j) > NEAR_FLOOR * flat->own[j]);
		flat->n += flat->features[j];
	}
}

/* Count the directions in which each of the components is flat. */
void
judge_count_flat(const MixtureParameters *parameters, const double *floor, int *counts,
				 const MixtureHost *host)
{
	Flat		flat;

	flat_begin(&flat, parameters, host);
	for (int c = 0; c < parameters->k; c++)
	{
		if (parameters->covariance_type != MIXTURE_TIED || c == 0)
			flat_find(&flat, c, floor);
		counts[c] = flat.n > 0 ? flat.n : 0;
		host->check_interrupts(host->context);
	}
	flat_end(&flat);
}

/* A covariance and `times` the flat one together, in units of the least variances. */
static void
add_in_units(const Flat *flat, const double *other, double times, double *both)
{
	const double *covariance = mixture_covariance_of(flat->parameters, flat->c);

	for (int i = 0; i < flat->parameters->d; i++)
		for (int j = 0; j <= i; j++)
		{
			size_t		place = linalg_row(i) + j;

			both[place] = (other[place] + times * covariance[place]) /
				sqrt(flat->own[i]) / sqrt(flat->own[j]);
		}
}

/*
 * How far another covariance is spread out in the directions in which this component is
 * flat, in the mean; at least, for these are not told apart from their
 * neighbours: tilted by t, an eigenvector u becomes u + t, along which this
 * component's variance is more only by t' C t, which is little where its
 * covariance C is large.  A component that is itself flat, but a thousand times as
 * wide, seems to be spread out along a direction that is tilted by a millionth.
 * So a tilt is allowed at a price of SPREAD for each least variance that it adds: what
 * is sought is, over all t,
 *		min (u + t)' (S + SPREAD C) (u + t) - SPREAD u' C u,
 * S being the other's covariance; that is the inverse of the inverse's block, as
 * for a conditional variance.  It is left in flat->restricted.
 */
static double
least_spread(Flat *flat, const double *other)
{
	const MixtureHost *host = flat->host;
	int			n = flat->n;
	int			d = flat->parameters->d;
	double	   *both = host->allocate(host->context, (linalg_packed_count(d) + (size_t) n * d) *
									  sizeof(double));
	double	   *solved = both + linalg_packed_count(d);
	double		spread = INFINITY;

	add_in_units(flat, other, SPREAD, both);
	if (linalg_cholesky(both, d, host))
	{
		memcpy(solved, flat->vectors, (size_t) n * d * sizeof(double));
		for (int e = 0; e < n; e++)
		{
			linalg_solve_lower(both, solved + (size_t) e * d, d);
			for (int f = 0; f <= e; f++)
				flat->restricted[linalg_row(e) + f] =
					linalg_dot(solved + (size_t) f * d, solved + (size_t) e * d, d);
			host->check_interrupts(host->context);
		}
		if (linalg_cholesky(flat->restricted, n, host))
		{
			memset(solved, 0, (size_t) n * n * sizeof(double));
			spread = 0;
			for (int e = 0; e < n; e++)
			{
				solved[(size_t) e * n + e] = 1;
				linalg_solve_lower(flat->restricted, solved + (size_t) e * n, n);
			}
			for (int e = 0; e < n; e++)
			{
				for (int f = 0; f <= e; f++)
					flat->restricted[linalg_row(e) + f] =
						linalg_dot(solved + (size_t) e * n, solved + (size_t) f * n, n);
				flat->restricted[linalg_row(e) + e] -= SPREAD * flat->values[e];
				spread += flat->restricted[linalg_row(e) + e] / n;
				host->check_interrupts(host->context);
			}
		}
	}
	host->release(host->context, both);
	return spread;
}

/* The same of any family. */
static double
spread_of(Flat *flat, const double *other)
{
	MixtureCovarianceType type = flat->parameters->covariance_type;
	double		spread = 0;

	if (mixture_has_matrix(type))
		return least_spread(flat, other);
	for (int j = 0; j < flat->parameters->d; j++)
		if (flat->features[j])
			spread += other[mixture_variance_place(type, j)] / flat->own[j] / flat->n;
	return spread;
}

/*
 * The squared distance of another component's mean from that of the flat one, in units
 * of both variances together, where the flat one is flat with `width` least variances
 * more.
 */
static double
distance_in_directions(Flat *flat, int other, double width)
{
	const MixtureParameters *parameters = flat->parameters;
	const MixtureHost *host = flat->host;
	int			d = parameters->d;
	const double *mean = parameters->means + (size_t) flat->c * d;
	const double *other_mean = parameters->means + (size_t) other * d;
	double	   *both = host->allocate(host->context, linalg_packed_count(d) * sizeof(double));
	double	   *places = flat->work;
	double		most = 0;
	double		distance = INFINITY;

	add_in_units(flat, mixture_covariance_of(parameters, other), 1, both);
	for (int i = 0; i < d; i++)
	{
		most = fmax(most, both[linalg_row(i) + i]);
		places[i] = (mean[i] - other_mean[i]) / sqrt(flat->own[i]);
	}
	for (int e = 0; e < flat->n && width > 0; e++)
		mixture_add_outer(MIXTURE_FULL, d, both, width, flat->vectors + (size_t) e * d);
	/* where both are flat, by more than is lost beside the largest variance */
	for (int i = 0; i < d; i++)
		both[linalg_row(i) + i] += 1 + RESOLUTION * most;
	if (linalg_cholesky(both, d, host))
	{
		linalg_solve_lower(both, places, d);
		distance = linalg_dot(places, places, d);
	}
	host->release(host->context, both);
	return distance;
}

/* The same of any family. */
static double
distance_of(Flat *flat, int other, double width)
{
	const MixtureParameters *parameters = flat->parameters;
	size_t		d = parameters->d;
	double		distance = 0;

	if (mixture_has_matrix(parameters->covariance_type))
		return distance_in_directions(flat, other, width);
	for (size_t j = 0; j < d; j++)
	{
		double		apart = parameters->means[flat->c * d + j] - parameters->means[other * d + j];
		double		variance = mixture_variance(parameters, other, (int) j) +
			mixture_variance(parameters, flat->c, (int) j) + flat->own[j];

		if (flat->features[j])
			variance += width * flat->own[j];
		distance += apart * apart / variance;
	}
	return distance;
}

/*
 * Whether another component shows that the flat one is one value of a measurement; then
 * how far that one's values go, as a variance in units of the least: the other is spread
 * out where this is flat and reaches across it; or it is as flat and lies beside it, no
 * farther than components are wide there (the mean variance), or, if it is itself one
 * value of a measurement (its reach, or 0), no farther than that goes, and nothing else
 * tells the two apart.
 */
static double
shown_reach(Flat *flat, int other, double width, double others_reach)
{
	int			d = flat->parameters->d;
	double		most = fmax(REACH, REACH_PER_DIMENSION * d);
	double		beside = fmax(others_reach, width > SPREAD ? BESIDE * width : 0);
	bool		reached = distance_of(flat, other, 0) <= most;
	bool		near = beside > 0 && distance_of(flat, other, beside) <= d;
	double		spread;

	if (!reached && !near)
		return 0;
	spread = spread_of(flat, mixture_covariance_of(flat->parameters, other));
	if (!(spread > SPREAD))
		return near ? beside : 0;
	return reached ? most * spread : 0;
}

/*
 * How far the values go of which a flat component is one, 0 if it has not collapsed: where
 * components are wide in the mean it has to have some rows, and no other may show that it
 * has.
 */
static double
collapse_reach(Flat *flat, double n_rows, const double *reaches)
{
	const MixtureParameters *parameters = flat->parameters;
	int			least = judge_least_rows(parameters->covariance_type, parameters->d);
	double		width = spread_of(flat, flat->within);
	double		reach = width > SPREAD && parameters->weights[flat->c] * n_rows < FLAT_ROWS;

	for (int other = 0; other < parameters->k; other++)
	{
		if (other != flat->c && !(parameters->weights[other] * n_rows < least))
			reach = fmax(reach, shown_reach(flat, other, width, reaches[other]));
		flat->host->check_interrupts(flat->host->context);
	}
	return reach;
}

/*
 * The Cholesky factor of a covariance, or NULL where it has none; the caller's to give
 * back.
 */
static double *
factor_of(const double *covariance, int d, const MixtureHost *host)
{
	size_t		size = linalg_packed_count(d) * sizeof(double);
	double	   *factor = host->allocate(host->context, size);

	memcpy(factor, covariance, size);
	if (linalg_cholesky(factor, d, host))
		return factor;
	host->release(host->context, factor);
	return NULL;
}

/*
 * Whether component a of one mixture is component b of another of the same
 * shape, all but for this share of deviations, in any direction, and twice it of
 * variances.  known: the factor of the latter's covariance, or NULL.
 */
static bool
is_component_near(const MixtureParameters *left, int a, const MixtureParameters *right, int b,
				  double share, const double *known, const MixtureHost *host)
{
	size_t		d = left->d;
	double		distance = 0;
	double	   *found = NULL;
	double	   *apart;

	for (size_t j = 0; j < d; j++)
	{
		double		variance = mixture_variance(right, b, (int) j);
		double		difference = left->means[a * d + j] - right->means[b * d + j];

		if (fabs(mixture_variance(left, a, (int) j) - variance) > 2 * share * variance)
			return false;
		distance += difference * difference / variance;
		if (distance > share * share * d)
			return false;
	}
	if (!mixture_has_matrix(left->covariance_type))
		return true;

	/* what is near in each feature need not be along what they have in common */
	if (known == NULL)
		known = found = factor_of(mixture_covariance_of(right, b), right->d, host);
	if (known != NULL)
	{
		apart = host->allocate(host->context, d * sizeof(double));
		for (size_t j = 0; j < d; j++)
			apart[j] = left->means[a * d + j] - right->means[b * d + j];
		linalg_solve_lower(known, apart, left->d);
		distance = linalg_dot(apart, apart, left->d);
		host->release(host->context, apart);
	}
	if (found != NULL)
		host->release(host->context, found);
	return distance <= share * share * d;
}

/*
 * Whether each component of a mixture is one of another of the same shape, all but for
 * this share of the weight and deviations of the latter's.
 */
bool
judge_mixture_near(const MixtureParameters *left, const MixtureParameters *right, double share,
				   const MixtureHost *host)
{
	double	   *factor = left->covariance_type != MIXTURE_TIED ? NULL :
		factor_of(right->covariances, right->d, host);
	bool		near = true;

	for (int a = 0; a < left->k && near; a++)
	{
		near = false;
		for (int b = 0; b < right->k && !near; b++)
			near = fabs(left->weights[a] - right->weights[b]) <= share * right->weights[b] &&
				is_component_near(left, a, right, b, share, factor, host);
	}
	if (factor != NULL)
		host->release(host->context, factor);
	return near;
}

/* Whether an earlier component is the same as this one. */
static bool
is_duplicate(const MixtureParameters *parameters, int c, const MixtureHost *host)
{
	for (int earlier = 0; earlier < c; earlier++)
		if (is_component_near(parameters, earlier, parameters, c, SAME_SHARE, NULL, host))
			return true;
	return false;
}

/*
 * Find which of the components that are flat have collapsed, given those that are known
 * to have: their reaches.  Returns whether there are more.
 */
static bool
find_collapsed(Flat *flat, double n_rows, const double *floor, double *reaches,
			   MixtureSuspicion *suspicions)
{
	bool		more = false;

	for (int c = 0; c < flat->parameters->k; c++)
	{
		if (suspicions[c] != MIXTURE_SOUND)
			continue;
		flat_find(flat, c, floor);
		if (flat->n > 0)
			reaches[c] = collapse_reach(flat, n_rows, reaches);
		if (reaches[c] > 0)
			suspicions[c] = MIXTURE_COLLAPSED;
		more = more || reaches[c] > 0;
		flat->host->check_interrupts(flat->host->context);
	}
	return more;
}

/*
 * Judge every component: n_rows is how many rows there are, or by weight (NaN
 * if not known); floor, d least variances.
 *
 * suspicions: k of them.  Returns how many components are suspect.
 */
int
judge_components(const MixtureParameters *parameters, double n_rows, const double *floor,
				 MixtureSuspicion *suspicions, const MixtureHost *host)
{
	MixtureCovarianceType type = parameters->covariance_type;
	int			n_suspect = 0;

	n_rows *= 1 - parameters->noise_weight;
	for (int c = 0; c < parameters->k; c++)
	{
		suspicions[c] = MIXTURE_SOUND;
		if (parameters->weights[c] * n_rows < judge_least_rows(type, parameters->d))
			suspicions[c] = MIXTURE_FEW_ROWS;
		else if (is_duplicate(parameters, c, host))
			suspicions[c] = MIXTURE_DUPLICATE;
		host->check_interrupts(host->context);
	}
	if (type != MIXTURE_TIED && parameters->k > 1)
	{
		double	   *reaches = host->allocate(host->context, parameters->k * sizeof(double));
		Flat		flat;

		memset(reaches, 0, parameters->k * sizeof(double));
		flat_begin(&flat, parameters, host);
		while (find_collapsed(&flat, n_rows, floor, reaches, suspicions))
			;
		flat_end(&flat);
		host->release(host->context, reaches);
	}
	for (int c = 0; c < parameters->k; c++)
		n_suspect += suspicions[c] != MIXTURE_SOUND;
	return n_suspect;
}

/* Whether a component is narrower than it should be. */
static bool
is_narrow(MixtureSuspicion suspicion)
{
	return suspicion == MIXTURE_FEW_ROWS || suspicion == MIXTURE_COLLAPSED;
}

/* Let a flat component be as wide in its flat directions as `within` is; see least_spread(). */
static void
widen_directions(Flat *flat, const double *within, double *covariance)
{
	const MixtureHost *host = flat->host;
	size_t		d = flat->parameters->d;
	double	   *product;

	if (!(least_spread(flat, within) < INFINITY))
		return;
	product = host->allocate(host->context, d * sizeof(double));
	for (int e = 0; e < flat->n; e++)
		for (size_t j = 0; j < d; j++)
			flat->vectors[e * d + j] *= sqrt(flat->own[j]);
	for (int e = 0; e < flat->n; e++)
	{
		memset(product, 0, d * sizeof(double));
		for (int f = 0; f < flat->n; f++)
		{
			size_t		place = e > f ? linalg_row(e) + f : linalg_row(f) + e;

			linalg_add_multiple(product, flat->restricted[place], flat->vectors + f * d, (int) d);
		}
		for (size_t i = 0; i < d; i++)
			linalg_add_multiple(covariance + linalg_row((int) i), flat->vectors[e * d + i], product,
								(int) i + 1);
		host->check_interrupts(host->context);
	}
	host->release(host->context, product);
}

/* The same of any family. */
static void
widen_flat(Flat *flat, const double *within, double *covariance)
{
	MixtureCovarianceType type = flat->parameters->covariance_type;
	size_t		count = mixture_factor_count(type, flat->parameters->d);

	if (flat->vectors != NULL)
		widen_directions(flat, within, covariance);
	else
		for (size_t j = 0; j < count; j++)
			covariance[j] += flat->features[j] ? within[j] : 0;
}

/*
 * Give the components of few rows, and where they are flat those that have collapsed, the
 * width that they should have: that of the others in the mean, beside their own.  What is
 * left of a likelihood then can be compared with that of sound mixtures.
 */
void
judge_widen(MixtureParameters *parameters, const double *floor,
			const MixtureSuspicion *suspicions, const MixtureHost *host)
{
	int			k = parameters->k;
	int			count = (int) mixture_factor_count(parameters->covariance_type, parameters->d);
	double	   *within;
	double		share = 0;
	Flat		flat;

	if (parameters->covariance_type == MIXTURE_TIED)
		return;
	flat_begin(&flat, parameters, host);
	within = flat.within;
	for (int c = 0; c < k; c++)
		share += is_narrow(suspicions[c]) ? 0 : parameters->weights[c];
	if (share > 0)
		memset(within, 0, count * sizeof(double));
	for (int c = 0; c < k && share > 0; c++)
		if (!is_narrow(suspicions[c]))
			linalg_add_multiple(within, parameters->weights[c] / share,
								mixture_covariance_of(parameters, c), count);
	for (int c = 0; c < k; c++)
	{
		double	   *covariance = mixture_covariance_of(parameters, c);

		if (suspicions[c] == MIXTURE_COLLAPSED)
		{
			flat_find(&flat, c, floor);
			widen_flat(&flat, within, covariance);
		}
		else if (suspicions[c] == MIXTURE_FEW_ROWS)
			linalg_add_multiple(covariance, 1, within, count);
		host->check_interrupts(host->context);
	}
	flat_end(&flat);
	/* beside what is a billion times as wide the rest of a component is lost to rounding */
	mixture_hold_floor(parameters, floor, host);
}

/*
 * The variances of the mixture as a whole, d of them: within components and
 * between them, and of the noise.
 */
void
mixture_whole_variances(const MixtureParameters *parameters, double *whole, const MixtureHost *host)
{
	int			d = parameters->d;
	double		noise = parameters->noise_weight;
	Moment	   *all = host->allocate(host->context, d * sizeof(Moment));

	memset(all, 0, d * sizeof(Moment));
	for (int c = 0; c < parameters->k; c++)
	{
		moments_add(all, parameters, c, all);
		host->check_interrupts(host->context);
	}
	for (int j = 0; j < d; j++)
	{
		if (parameters->noise_box != NULL)
		{
			all[j].weight = 1 - noise;
			all[j] = moment_of_both(all[j], (Moment) {noise, mixture_noise_mean(parameters, j),
													  mixture_noise_variance(parameters, j)});
		}
		whole[j] = all[j].variance;
	}
	host->release(host->context, all);
}

/*
 * The rows that the components of a fit are judged by: their number, or their
 * weight if that is more.  With a prior none is too few, for a covariance that
 * the rows do not give is the prior's: then NaN.
 */
double
mixture_judged_rows(const MixtureFitInfo *info)
{
	return isnan(info->log_prior) ? fmax(info->sum_weights, (double) info->n_rows) : NAN;
}

/*
 * Judge every component of a mixture that n_rows rows were fitted with (by
 * weight; NaN if that is not known) under this reg_covar.
 *
 * suspicions: k of them, or NULL.  Returns how many components are suspect.
 */
int
mixture_judge(const MixtureParameters *parameters, double n_rows, double reg_covar,
			  MixtureSuspicion *suspicions, const MixtureHost *host)
{
	int			d = parameters->d;
	double	   *floor = host->allocate(host->context, d * sizeof(double));
	MixtureSuspicion *all = host->allocate(host->context, parameters->k * sizeof(*all));
	double		share = mixture_floor_share(reg_covar);
	int			n_suspect;

	mixture_whole_variances(parameters, floor, host);
	for (int j = 0; j < d; j++)
		floor[j] *= share;
	n_suspect = judge_components(parameters, n_rows, floor, all, host);
	if (suspicions != NULL)
		memcpy(suspicions, all, parameters->k * sizeof(*all));
	host->release(host->context, all);
	host->release(host->context, floor);
	return n_suspect;
}
