/*
 * moves.c
 *	  Steps from one optimum to another: two components that share what one
 *	  could explain become one, and one that spans two becomes two.
 *
 * EM cannot do this, since on the way there the likelihood falls (Ueda,
 * Nakano, Ghahramani and Hinton 2000).  What every split would gain, and the
 * likeliest mergers lose, is found among the rows of these components alone
 * (gains.c).  That bounds from below what a move leads to, so one that gains is
 * sure to lead higher, and several at once are, if they are about different
 * components; of another one whoever makes it has to run EM from there and see.
 * Where to look is taken from the parameters: what is close and what is long is
 * measured against the covariance within components, so that the units of the
 * features do not matter.
 */
#include "engine/search/search.h"

#include <math.h>
#include <string.h>

#include "engine/core/linalg.h"

/* Steps of the power method; directions only have to be about right. */
#define POWER_STEPS 20

/* Mergers that are judged, for each component */
#define PAIRS_PER_COMPONENT 2

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
moves_begin(Moves *moves, MixtureCovarianceType type, int k, int d, const MixtureHost *host)
{
	moves->host = host;
	mixture_allocate_parameters(&moves->full, MIXTURE_FULL, k, d, host);
	moves->within = host->allocate(host->context, linalg_packed_count(d) * sizeof(double));
	moves->directions = host->allocate(host->context, (size_t) k * d * sizeof(double));
	moves->lengths = host->allocate(host->context, 2 * k * sizeof(double));
	moves->gains = moves->lengths + k;
	moves->losses = host->allocate(host->context, (size_t) k * (k - 1) / 2 * sizeof(double));
	moves->work = host->allocate(host->context, 2 * (size_t) d * sizeof(double));
	moves->center = moves->work + d;
	mixture_allocate_parameters(&moves->halves, type == MIXTURE_TIED ? MIXTURE_FULL : type,
								2 * k, d, host);
	moves->taken = host->allocate(host->context, k * sizeof(bool));
	moves->n_proposed = 0;
}

/* Give back what moves_begin() allocated. */
void
moves_end(Moves *moves)
{
	const MixtureHost *host = moves->host;

	host->release(host->context, moves->taken);
	mixture_release_parameters(&moves->halves, host);
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

/* The place of a pair's loss. */
static size_t
pair_place(int a, int b)
{
	return a > b ? (size_t) a * (a - 1) / 2 + b : (size_t) b * (b - 1) / 2 + a;
}

/*
 * Make components a and b of a mixture one, component c of another of the same
 * shape but for k: with the weight, mean and covariance of both together.
 */
static void
merge(const MixtureParameters *from, int a, int b, MixtureParameters *to, int c, double *work)
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
static void
copy_component(const MixtureParameters *from, int a, MixtureParameters *to, int c)
{
	int			d = from->d;
	size_t		count = mixture_factor_count(from->covariance_type, d);

	memcpy(to->means + (size_t) c * d, from->means + (size_t) a * d, d * sizeof(double));
	if (from->covariance_type != MIXTURE_TIED)
		memcpy(to->covariances + c * count, from->covariances + a * count,
			   count * sizeof(double));
}

/*
 * Find what mergers lose, for the pairs that are closest: the losses of the
 * others become infinite.  Returns the least.
 */
static double
judge_mergers(Moves *moves, const MixtureParameters *look, const MixturePrepared *prepared,
			  const ComponentRows *rows)
{
	const MixtureHost *host = moves->host;
	int			k = look->k;
	size_t		n_pairs = (size_t) k * (k - 1) / 2;
	double	   *closeness = host->allocate(host->context, n_pairs * sizeof(double));
	double		least = INFINITY;
	MixtureParameters merged;
	MixturePrepared *as_one = NULL;
	MixtureError error;

	mixture_allocate_parameters(&merged, look->covariance_type, 1, look->d, host);
	memcpy(closeness, moves->losses, n_pairs * sizeof(double));
	for (size_t i = 0; i < n_pairs; i++)
		moves->losses[i] = INFINITY;
	for (int n = 0; n < PAIRS_PER_COMPONENT * k; n++)
	{
		double		closest = INFINITY;
		int			a = 0;
		int			b = 0;

		for (int i = 0; i < k; i++)
			for (int j = 0; j < i; j++)
				if (closeness[pair_place(i, j)] < closest)
				{
					closest = closeness[pair_place(i, j)];
					a = j;
					b = i;
				}
		if (!(closest < INFINITY))
			break;
		closeness[pair_place(a, b)] = INFINITY;
		merge(look, a, b, &merged, 0, moves->work);
		as_one = mixture_prepare_blocks(&merged, as_one, host, &error);
		if (as_one == NULL)
			break;
		moves->losses[pair_place(a, b)] = gains_merger(prepared, a, b, as_one, rows);
		least = fmin(least, moves->losses[pair_place(a, b)]);
	}
	if (as_one != NULL)
		mixture_release_prepared(as_one, host);
	mixture_release_parameters(&merged, host);
	host->release(host->context, closeness);
	return least;
}

/* The halves of a component, where EM is to find better ones. */
static void
begin_halves(const Moves *moves, const MixtureParameters *look, int c, MixtureParameters *halves)
{
	int			d = look->d;
	MixtureCovarianceType type = look->covariance_type;
	const double *direction = moves->directions + (size_t) c * d;

	for (int half = 0; half < 2; half++)
	{
		copy_component(look, c, halves, half);
		halves->weights[half] = 0.5;
		if (type != MIXTURE_TIED)
			mixture_add_outer(type, d, halves->covariances + half * mixture_factor_count(type, d),
							  -MIXTURE_HALF_DISTANCE * MIXTURE_HALF_DISTANCE, direction);
		linalg_add_multiple(halves->means + (size_t) half * d,
							half == 0 ? -MIXTURE_HALF_DISTANCE : MIXTURE_HALF_DISTANCE,
							direction, d);
	}
}

/* Find what splits gain, if it is to be more than `least`, and their halves. */
static void
judge_splits(Moves *moves, const MixtureParameters *look, const ComponentRows *rows,
			 double least, const Sample *sample, const double *floor)
{
	const MixtureHost *host = moves->host;
	MixtureCovarianceType type = look->covariance_type;
	int64_t		most_rows = 0;
	MixtureParameters whole;
	MixtureParameters halves;
	Gains		gains;

	for (int c = 0; c < look->k; c++)
		if (rows[c].n > most_rows)
			most_rows = rows[c].n;
	gains_begin(&gains, sample, type, most_rows, floor, host);
	mixture_allocate_parameters(&whole, type, 1, look->d, host);
	mixture_allocate_parameters(&halves, type, 2, look->d, host);
	whole.weights[0] = 1;
	for (int c = 0; c < look->k; c++)
	{
		moves->gains[c] = -INFINITY;
		if (rows[c].n < 2 * judge_least_rows(type, look->d))
			continue;
		copy_component(look, c, &whole, 0);
		begin_halves(moves, look, c, &halves);
		moves->gains[c] = gains_split(&gains, &rows[c], &whole, least, &halves);
		for (int half = 0; half < 2; half++)
		{
			copy_component(&halves, half, &moves->halves, 2 * c + half);
			moves->halves.weights[2 * c + half] = halves.weights[half];
			if (halves.weights[half] * rows[c].n < judge_least_rows(type, look->d))
				moves->gains[c] = -INFINITY;
		}
	}
	mixture_release_parameters(&halves, host);
	mixture_release_parameters(&whole, host);
	gains_end(&gains);
}

/*
 * The same where all components share one covariance, so that what becomes of
 * a few concerns the others: a guess from how long a component is against the
 * covariance that it should have, and from Ward's criterion.
 */
static void
judge_by_shape(Moves *moves, const MixtureParameters *look, double sum_weights)
{
	int			k = look->k;

	for (int c = 0; c < k; c++)
	{
		double		length = fmax(moves->lengths[c], 1);
		MixtureParameters halves = moves->halves;

		moves->gains[c] = 0.5 * sum_weights * look->weights[c] * (length - 1 - log(length));
		halves.weights += 2 * c;
		halves.means += 2 * (size_t) c * look->d;
		halves.covariances += 2 * c * linalg_packed_count(look->d);
		begin_halves(moves, look, c, &halves);
	}
	for (size_t i = 0; i < (size_t) k * (k - 1) / 2; i++)
		moves->losses[i] *= 0.5 * sum_weights;
}

/*
 * Find the best move of components that no move proposed so far is about.
 * Returns false where there is none that could lead higher.
 */
static bool
best_move(const Moves *moves, double doubt, Move *best)
{
	int			k = moves->full.k;

	*best = (Move) {-1, -1, -1, -INFINITY, 0};
	for (int c = 0; c < k; c++)
		for (int a = 0; a < k && !moves->taken[c]; a++)
			for (int b = 0; b < a && !moves->taken[a]; b++)
			{
				double		loss = moves->losses[pair_place(a, b)];
				double		gain = moves->gains[c] - loss;

				if (gain > best->gain && c != a && c != b && !moves->taken[b])
					*best = (Move) {c, b, a, gain, loss};
			}
	return best->gain > -doubt * best->loss;
}

/*
 * Judge the moves from the mixture that moves_look() was about, and propose
 * the best, no two of which are about the same component: moves->proposed,
 * n_proposed of them, the best first.  doubt: the share of what a merger loses
 * that a split may gain less, and the move yet be proposed, since all other
 * components have not had their say.  moves->shortfall: if none is, by how much
 * the best fails to be.
 */
void
moves_judge(Moves *moves, const MixtureParameters *parameters, const Sample *sample,
			double sum_weights, double doubt, const double *floor)
{
	const MixtureHost *host = moves->host;
	int			k = parameters->k;
	Move		best;

	moves->shortfall = 0;
	moves->n_proposed = 0;
	if (parameters->covariance_type == MIXTURE_TIED)
		judge_by_shape(moves, &moves->full, sum_weights);
	else
	{
		MixtureError error;
		MixturePrepared *prepared = mixture_prepare_blocks(parameters, NULL, host, &error);
		ComponentRows *rows;
		double		least;

		if (prepared == NULL)
			return;
		rows = gains_rows(prepared, sample, host);
		least = judge_mergers(moves, parameters, prepared, rows);
		judge_splits(moves, parameters, rows, (1 - doubt) * least, sample, floor);
		gains_release(rows, k, host);
		mixture_release_prepared(prepared, host);
	}
	memset(moves->taken, 0, k * sizeof(bool));
	moves->shortfall = best_move(moves, doubt, &best) ? 0 : -(best.gain + doubt * best.loss);
	while (moves->n_proposed < MOVES_MOST &&
		   best_move(moves, doubt, &moves->proposed[moves->n_proposed]))
	{
		const Move *move = &moves->proposed[moves->n_proposed++];

		moves->taken[move->split] = moves->taken[move->merge_into] =
			moves->taken[move->merge_from] = true;
	}
}

/*
 * Make a move: parameters, the mixture that moves_judge() was about, become
 * where EM is to start.
 */
void
moves_make(Moves *moves, const Move *move, MixtureParameters *parameters)
{
	int			c = move->split;
	double		weight = parameters->weights[c];
	int			places[2] = {c, move->merge_from};

	merge(parameters, move->merge_into, move->merge_from, parameters, move->merge_into,
		  moves->work);
	for (int half = 0; half < 2; half++)
	{
		MixtureParameters halves = moves->halves;

		halves.covariance_type = parameters->covariance_type;
		copy_component(&halves, 2 * c + half, parameters, places[half]);
		parameters->weights[places[half]] = weight * halves.weights[2 * c + half];
	}
}
