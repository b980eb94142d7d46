/*
 * exchange.c
 *	  Single rows that would be better off in another component, but are held
 *	  where they are by what they themselves contribute to it.
 *
 * Where a component has few rows for its number of dimensions, each of them
 * draws its covariance out so far that it looks at home there.  Components
 * that hardly overlap then stay as they are with every row at home, and there
 * are very many such maxima of the likelihood next to each other, all of the
 * same clusters.  What is better is seen by taking a row out of its component
 * before asking where it belongs: as Hartigan's method does for k-means, here
 * for the likelihood in which every row has one component,
 *
 *		sum over components of  n log n - n / 2 log det S.
 *
 * Taking a row at squared distance D2 out of n changes det S, and adding one
 * does, by a factor that needs nothing but D2 and n.
 */
#include "engine/search/search.h"

#include <math.h>

#include "engine/core/linalg.h"

/* Responsibility from which on a row might belong to another component */
#define LEAST_RESPONSIBILITY 1e-16

/*
 * Whether rows may be held so: where a row's part in its component's covariance
 * changes its own log density by about one, or more.
 */
bool
exchange_possible(const MixtureParameters *parameters, double n_rows)
{
	double		d = parameters->d;
	double		change = parameters->covariance_type == MIXTURE_FULL ? d * d : 3 * d;

	return SEARCH_WITHOUT != SEARCH_EXCHANGE && parameters->covariance_type != MIXTURE_TIED && parameters->k > 1 &&
		parameters->noise_box == NULL && change * parameters->k > n_rows;
}

/* A row that is to change places, and where it stands. */
typedef struct Stray
{
	const double *row;			/* d */
	const double *distances;	/* k: squared, from the components */
	double		weight;			/* what of it moves */
} Stray;

/*
 * The logarithm by which the determinant of component c's covariance grows where
 * a row joins the component, of weight n, with weight w; or with -w leaves it.
 */
static double
growth(const MixtureParameters *parameters, int c, const Stray *stray, double n, double w)
{
	int			d = parameters->d;
	double		after = n + w;
	double		sum = d * log(n / after);

	if (parameters->covariance_type == MIXTURE_FULL)
		return sum + log1p(w * stray->distances[c] / after);
	if (parameters->covariance_type == MIXTURE_SPHERICAL)
		return sum + d * log1p(w * stray->distances[c] / d / after);
	for (int j = 0; j < d; j++)
	{
		double		apart = stray->row[j] - parameters->means[(size_t) c * d + j];

		sum += log1p(w * apart * apart / parameters->covariances[(size_t) c * d + j] / after);
	}
	return sum;
}

/*
 * What component c, of weight n, gains by a row's joining it with weight w; -w:
 * what it loses by its leaving.
 */
static double
joining(const MixtureParameters *parameters, int c, const Stray *stray, double n,
		double log_det, double w)
{
	double		after = n + w;

	return after * log(after) - n * log(n) -
		0.5 * (w * log_det + after * growth(parameters, c, stray, n, w));
}

/* Have a row join a component, with weight w, or leave it, with -w. */
static void
join(MixtureParameters *parameters, int c, const double *row, double n, double w,
	 double *difference)
{
	int			d = parameters->d;
	size_t		count = mixture_factor_count(parameters->covariance_type, d);
	double	   *mean = parameters->means + (size_t) c * d;
	double	   *covariance = parameters->covariances + c * count;
	double		after = n + w;
	double		share = w / after;

	for (int j = 0; j < d; j++)
	{
		difference[j] = row[j] - mean[j];
		mean[j] += share * difference[j];
	}
	for (size_t i = 0; i < count; i++)
		covariance[i] *= n / after;
	mixture_add_outer(parameters->covariance_type, d, covariance, share * (n / after),
					  difference);
	parameters->weights[c] *= after / n;
}

/* What find_shared() needs. */
typedef struct SharedRows
{
	int			k;
	bool	   *shared;			/* of the sample's rows */
} SharedRows;

/* Find the rows of a block for which two components have some responsibility. */
static void
find_shared(void *context, int64_t first, const MixtureBlock *block, const KernelWork *work)
{
	const SharedRows *rows = context;

	for (int i = 0; i < block->n_rows; i++)
	{
		int			n = 0;

		for (int c = 0; c < rows->k && n < 2; c++)
			n += kernels_roots(work, c)[i] * kernels_roots(work, c)[i] >
				LEAST_RESPONSIBILITY * block->weights[i];
		rows->shared[first + i] = n == 2;
	}
}

/*
 * Move one row from the component that it has most to do with, if it is better
 * off in another one, in `to`.  log_dets: k, of the covariances.
 */
static bool
exchange_row(const MixtureParameters *from, Stray *stray, double sum_weights,
			 const double *log_dets, MixtureParameters *to, double *difference)
{
	double		highest = -INFINITY;
	double		sum = 0;
	double		best = 0;
	double		leaving;
	int			own = 0;
	int			other = -1;

	for (int c = 0; c < from->k; c++)
	{
		double		density = log(from->weights[c]) - 0.5 * (log_dets[c] + stray->distances[c]);

		if (!(from->weights[c] > 0))
			continue;
		if (density > highest)
		{
			own = c;
			sum = sum * exp(highest - density) + 1;
			highest = density;
		}
		else
			sum += exp(density - highest);
	}
	/* what it takes along is the component's share of it */
	stray->weight /= sum;
	if (!(fmin(from->weights[own], to->weights[own]) * sum_weights > 2 * stray->weight))
		return false;
	leaving = joining(from, own, stray, from->weights[own] * sum_weights, log_dets[own],
					  -stray->weight);
	for (int c = 0; c < from->k; c++)
	{
		double		gain = c == own || !(from->weights[c] > 0) ? 0 : leaving +
			joining(from, c, stray, from->weights[c] * sum_weights, log_dets[c],
					stray->weight);

		if (gain > best)
		{
			best = gain;
			other = c;
		}
	}
	if (other < 0)
		return false;
	join(to, own, stray->row, to->weights[own] * sum_weights, -stray->weight, difference);
	join(to, other, stray->row, to->weights[other] * sum_weights, stray->weight, difference);
	return true;
}

/*
 * Put each row that is better off elsewhere there: from `from`, a mixture of
 * a family in which each component has its own covariance that EM has come to
 * among the rows of the sample, of which none misses a feature, to `to`, where
 * EM is to go on.  Returns how many.
 */
int
exchange_rows(const MixtureParameters *from, const Sample *sample, double sum_weights,
			  MixtureParameters *to, const MixtureHost *host)
{
	int			k = from->k;
	int			d = from->d;
	MixtureError error;
	MixturePrepared *prepared = mixture_prepare_rows(from, host, &error);
	MixturePrepared *in_blocks = mixture_prepare_blocks(from, NULL, host, &error);
	SharedRows	rows = {k, NULL};
	double	   *memory;			/* work, distances, log_dets, and a difference */
	size_t		work_size;
	int			n_moved = 0;

	mixture_copy_parameters(to, from);
	if (prepared == NULL || in_blocks == NULL)
		return 0;
	work_size = mixture_row_work_size(prepared);
	memory = host->allocate(host->context, (work_size + 2 * (size_t) k + d) * sizeof(double));
	rows.shared = host->allocate(host->context, sample->n_rows * sizeof(bool));
	local_visit(in_blocks, sample, find_shared, &rows, host);
	for (int c = 0; c < k; c++)
		memory[work_size + k + c] = 2 * (log(from->weights[c]) - prepared->log_constants[c]) -
			d * log(2 * M_PI);
	for (int64_t i = 0; i < sample->n_rows; i++)
	{
		double	   *distances = memory + work_size;
		Stray		stray = {sample->rows + i * d, distances, sample->weights[i]};

		host->check_interrupts(host->context);
		if (!rows.shared[i])
			continue;
		mixture_row_mahalanobis(prepared, stray.row, memory, distances);
		for (int c = 0; c < k; c++)
			distances[c] *= distances[c];
		n_moved += exchange_row(from, &stray, sum_weights, distances + k, to,
								distances + 2 * k);
	}
	host->release(host->context, rows.shared);
	host->release(host->context, memory);
	mixture_release_prepared(in_blocks, host);
	mixture_release_prepared(prepared, host);
	return n_moved;
}
