/*
 * moves.c
 *	  Steps from one optimum to another: two components that share what one
 *	  could explain become one, and one that spans two becomes two.
 *
 * EM cannot do this, since on the way there the likelihood falls (Ueda,
 * Nakano, Ghahramani and Hinton 2000).  Which components to take is a guess
 * from the parameters alone, and whoever makes a move has to run EM from there
 * and see.  What is close and what is long is measured against the covariance
 * within components, so that the units of the features do not matter.
 */
#include "internal.h"

#include <math.h>
#include <string.h>

#include "linalg.h"

/* Steps of the power method; directions only have to be about right. */
#define POWER_STEPS 20

/* Where the halves of a component begin, in its own deviations */
#define HALF_DISTANCE 0.8

/* Components among which all pairs are looked at */
#define MOST_COMPONENTS 256

/* Dimensions up to which a family without matrices is given some for a look */
#define MOST_EXPANDED 48

/* Whether there are moves for mixtures of this shape. */
bool
moves_possible(MixtureCovarianceType type, int k, int d)
{
	return k >= 3 && k <= MOST_COMPONENTS && (type == MIXTURE_FULL || d <= MOST_EXPANDED);
}

/* Prepare to propose moves between mixtures of this shape. */
void
moves_begin(Moves *moves, int k, int d, const MixtureHost *host)
{
	moves->host = host;
	mixture_allocate_parameters(&moves->full, MIXTURE_FULL, k, d, host);
	moves->within = host->allocate(host->context, linalg_packed_count(d) * sizeof(double));
	moves->directions = host->allocate(host->context, (size_t) k * d * sizeof(double));
	moves->lengths = host->allocate(host->context, k * sizeof(double));
	moves->losses = host->allocate(host->context, (size_t) k * (k - 1) / 2 * sizeof(double));
	moves->work = host->allocate(host->context, 2 * (size_t) d * sizeof(double));
	moves->center = moves->work + d;
}

/* Give back what moves_begin() allocated. */
void
moves_end(Moves *moves)
{
	const MixtureHost *host = moves->host;

	host->release(host->context, moves->work);
	host->release(host->context, moves->losses);
	host->release(host->context, moves->lengths);
	host->release(host->context, moves->directions);
	host->release(host->context, moves->within);
	mixture_release_parameters(&moves->full, host);
}

/* Write a mixture of any family as one of the family full, of the same shape. */
void
moves_expand(const MixtureParameters *from, MixtureParameters *full, const MixtureHost *host)
{
	int			d = from->d;
	double	   *matrix = host->allocate(host->context, (size_t) d * d * sizeof(double));
	double	   *packed = full->covariances;

	memcpy(full->weights, from->weights, from->k * sizeof(double));
	memcpy(full->means, from->means, (size_t) from->k * d * sizeof(double));
	for (int c = 0; c < from->k; c++)
	{
		mixture_component_covariance(from, c, matrix);
		for (int i = 0; i < d; i++)
			for (int j = 0; j <= i; j++)
				*packed++ = matrix[(size_t) i * d + j];
	}
	host->release(host->context, matrix);
}

/* vector = L^-1 vector */
static void
solve_lower(const double *lower, double *vector, int d)
{
	for (int i = 0; i < d; i++)
		vector[i] = (vector[i] - linalg_dot(lower + linalg_row(i), vector, i)) /
			lower[linalg_row(i) + i];
}

/* target = S vector, S being symmetric and packed */
static void
multiply(const double *packed, const double *vector, double *target, int d)
{
	for (int i = 0; i < d; i++)
	{
		const double *row = packed + linalg_row(i);

		target[i] = linalg_dot(row, vector, i + 1);
		linalg_add_multiple(target, vector[i], row, i);
	}
}

/*
 * The direction in which a component is longest against the covariance within
 * components: as a displacement of one of its deviations; returns its variance
 * there, in units of that within.
 */
static double
longest(const Moves *moves, int c, double *direction)
{
	int			d = moves->full.d;
	const double *covariance = moves->full.covariances + c * linalg_packed_count(d);
	const double *mean = moves->full.means + (size_t) c * d;
	double	   *covector = moves->work;
	double		length = 0;

	/* power method on within^-1 covariance, from the mean's own direction */
	memcpy(direction, mean, d * sizeof(double));
	for (int j = 0; j < d; j++)
		direction[j] -= moves->center[j];
	for (int step = 0; step < POWER_STEPS; step++)
	{
		double		scale;

		memcpy(covector, direction, d * sizeof(double));
		solve_lower(moves->within, covector, d);
		scale = sqrt(linalg_dot(covector, covector, d));
		linalg_solve_transposed(moves->within, covector, d);
		if (!(scale > 0))
			return 0;
		for (int j = 0; j < d; j++)
			covector[j] /= scale;
		multiply(covariance, covector, direction, d);
		length = linalg_dot(covector, direction, d);
	}
	for (int j = 0; j < d; j++)
		direction[j] /= sqrt(length);
	return length;
}

/* What is lost where components a and b become one: Ward's criterion. */
static double
merge_loss(const Moves *moves, int a, int b)
{
	int			d = moves->full.d;
	const double *weights = moves->full.weights;
	double	   *difference = moves->work;

	for (int j = 0; j < d; j++)
		difference[j] = moves->full.means[(size_t) a * d + j] - moves->full.means[(size_t) b * d + j];
	solve_lower(moves->within, difference, d);
	return weights[a] * weights[b] / (weights[a] + weights[b]) *
		linalg_dot(difference, difference, d);
}

/*
 * Look at a mixture, whose components' covariances are given as matrices in
 * moves->full.  Returns false where there is nothing to propose.
 */
bool
moves_look(Moves *moves)
{
	MixtureParameters *full = &moves->full;
	int			k = full->k;
	int			d = full->d;
	size_t		count = linalg_packed_count(d);

	memset(moves->within, 0, count * sizeof(double));
	memset(moves->center, 0, d * sizeof(double));
	for (int c = 0; c < k; c++)
	{
		linalg_add_multiple(moves->within, full->weights[c], full->covariances + c * count,
							(int) count);
		linalg_add_multiple(moves->center, full->weights[c], full->means + (size_t) c * d, d);
	}
	if (!linalg_cholesky(moves->within, d, moves->host))
		return false;
	for (int c = 0; c < k; c++)
	{
		moves->lengths[c] = longest(moves, c, moves->directions + (size_t) c * d);
		for (int other = 0; other < c; other++)
			moves->losses[(size_t) c * (c - 1) / 2 + other] = merge_loss(moves, c, other);
		moves->host->check_interrupts(moves->host->context);
	}
	return true;
}

/*
 * How much a component looks like two: a heavy one does, and so does a long
 * one.  Neither says it all, so both are asked.
 */
static double
split_promise(const Moves *moves, int c, bool by_length)
{
	double		weight = moves->full.weights[c];

	return by_length ? weight * log(moves->lengths[c]) : weight;
}

/* The component whose promise is the `rank`th, from 0; -1 if there is none. */
static int
split_of_rank(const Moves *moves, int rank, bool by_length)
{
	int			k = moves->full.k;

	for (int c = 0; c < k; c++)
	{
		double		promise = split_promise(moves, c, by_length);
		int			n_before = 0;

		for (int other = 0; other < k; other++)
		{
			double		others = split_promise(moves, other, by_length);

			n_before += others > promise || (others == promise && other < c);
		}
		if (n_before == rank)
			return c;
	}
	return -1;
}

/*
 * Two components other than that to be split, into move: the pair that loses
 * the `rank`th least by becoming one.
 */
static bool
merge_of_rank(const Moves *moves, int rank, Move *move)
{
	int			k = moves->full.k;
	double		last = -1;

	for (int i = 0; i <= rank; i++)
	{
		double		least = INFINITY;

		for (int a = 0; a < k; a++)
			for (int b = 0; b < a; b++)
			{
				double		loss;

				if (a == move->split || b == move->split)
					continue;
				loss = moves->losses[(size_t) a * (a - 1) / 2 + b];
				if (loss > last && loss < least)
				{
					least = loss;
					move->merge_into = b;
					move->merge_from = a;
				}
			}
		if (!(least < INFINITY))
			return false;
		last = least;
	}
	return true;
}

/*
 * Propose move number `number`, from 0.  Returns false where there is none
 * of that number; the same one may come twice.
 */
bool
moves_propose(const Moves *moves, int number, Move *move)
{
	static const struct
	{
		int			split_rank;
		bool		by_length;
		int			merge_rank;
	}			order[MOVES_MOST] = {
		{0, false, 0}, {0, true, 0}, {1, false, 0}, {0, false, 1}, {1, true, 0}, {0, true, 1}
	};

	if (number >= MOVES_MOST || moves->full.k < 3)
		return false;
	move->split = split_of_rank(moves, order[number].split_rank, order[number].by_length);
	return move->split >= 0 && merge_of_rank(moves, order[number].merge_rank, move);
}

/* Add to a component's covariance factor * displacement displacement^T. */
static void
add_outer(MixtureParameters *parameters, int c, double factor, const double *displacement)
{
	int			d = parameters->d;
	MixtureCovarianceType type = parameters->covariance_type;
	double	   *covariance = parameters->covariances + c * mixture_factor_count(type, d);

	if (type == MIXTURE_SPHERICAL)
		covariance[0] += factor * linalg_dot(displacement, displacement, d) / d;
	else if (type == MIXTURE_DIAG)
		for (int j = 0; j < d; j++)
			covariance[j] += factor * displacement[j] * displacement[j];
	else if (type == MIXTURE_FULL)
		for (int i = 0; i < d; i++)
			linalg_add_multiple(covariance + linalg_row(i), factor * displacement[i],
								displacement, i + 1);
}

/*
 * Make a move: parameters, the mixture that moves_look() was about, become
 * where EM is to start.  Means, weights and covariances of what was merged
 * and of what was split stay the same in sum.
 */
void
moves_make(const Moves *moves, const Move *move, MixtureParameters *parameters)
{
	int			d = parameters->d;
	int			a = move->merge_into;
	int			b = move->merge_from;
	int			c = move->split;
	size_t		count = mixture_factor_count(parameters->covariance_type, d);
	double	   *weights = parameters->weights;
	double	   *mean_a = parameters->means + (size_t) a * d;
	double	   *mean_b = parameters->means + (size_t) b * d;
	double	   *mean_c = parameters->means + (size_t) c * d;
	double	   *covariances = parameters->covariances;
	double		share = weights[b] / (weights[a] + weights[b]);
	const double *direction = moves->directions + (size_t) c * d;
	double	   *difference = moves->work;

	for (int j = 0; j < d; j++)
	{
		difference[j] = mean_b[j] - mean_a[j];
		mean_a[j] += share * difference[j];
	}
	if (parameters->covariance_type != MIXTURE_TIED)
	{
		for (size_t i = 0; i < count; i++)
			covariances[a * count + i] += share *
				(covariances[b * count + i] - covariances[a * count + i]);
		add_outer(parameters, a, share * (1 - share), difference);
		add_outer(parameters, c, -HALF_DISTANCE * HALF_DISTANCE, direction);
		memcpy(covariances + b * count, covariances + c * count, count * sizeof(double));
	}
	weights[a] += weights[b];
	weights[b] = weights[c] /= 2;
	for (int j = 0; j < d; j++)
	{
		mean_b[j] = mean_c[j] + HALF_DISTANCE * direction[j];
		mean_c[j] -= HALF_DISTANCE * direction[j];
	}
}
