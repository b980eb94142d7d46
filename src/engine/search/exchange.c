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
 * Whether rows may be held so: where each component has a matrix of its own, and a row's
 * part in it changes the row's log density by about one, or more.
 */
bool
exchange_possible(const MixtureParameters *parameters, double n_rows)
{
	return SEARCH_WITHOUT != SEARCH_EXCHANGE && parameters->covariance_type == MIXTURE_FULL &&
		parameters->k > 1 && parameters->noise_box == NULL &&
		(double) parameters->d * parameters->d * parameters->k > n_rows;
}

/* What rows are looked at with. */
typedef struct Exchange
{
	const MixtureHost *host;
	const Sample *sample;
	const MixtureParameters *from;
	MixtureParameters *to;
	const MixturePrepared *prepared;	/* for single rows */
	double		sum_weights;
	double	   *log_dets;		/* k: of the covariances */
	double	   *distances;		/* k: of the row at hand, squared */
	double	   *apart;			/* d: of the row at hand from a mean */
	double	   *work;			/* of mixture_row_mahalanobis() */
	const double *row;			/* d: the one at hand */
	double		weight;			/* what of it moves */
	int			n_moved;
} Exchange;

/*
 * What component c, of weight n, gains by the row's joining it with weight w; -w:
 * what it loses by its leaving.  Not a number where it would have no variance left.
 */
static double
joining(const Exchange *exchange, int c, double w)
{
	double		n = exchange->from->weights[c] * exchange->sum_weights;
	double		after = n + w;
	double		growth = exchange->from->d * log(n / after) +
		log1p(w * exchange->distances[c] / after);	/* of the determinant, its logarithm */

	return after * log(after) - n * log(n) -
		0.5 * (w * exchange->log_dets[c] + after * growth);
}

/* Have the row join a component, with weight w, or leave it, with -w. */
static void
join(const Exchange *exchange, int c, double w)
{
	MixtureParameters *to = exchange->to;
	int			d = to->d;
	size_t		count = linalg_packed_count(d);
	double	   *mean = to->means + (size_t) c * d;
	double	   *covariance = to->covariances + c * count;
	double		n = to->weights[c] * exchange->sum_weights;
	double		after = n + w;
	double		share = w / after;

	for (int j = 0; j < d; j++)
	{
		exchange->apart[j] = exchange->row[j] - mean[j];
		mean[j] += share * exchange->apart[j];
	}
	for (size_t i = 0; i < count; i++)
		covariance[i] *= n / after;
	mixture_add_outer(MIXTURE_FULL, d, covariance, share * (n / after), exchange->apart);
	to->weights[c] *= after / n;
}

/*
 * Move the row at hand, `lane` of a block, from the component that it has most to do
 * with, if it is better off in another one.
 */
static void
exchange_row(Exchange *exchange, const KernelWork *work, int lane, double row_weight)
{
	const MixtureParameters *from = exchange->from;
	double		best = 0;
	double		leaving;
	int			own = 0;
	int			other = -1;

	for (int c = 1; c < from->k; c++)
		if (kernels_share(work, c, lane) > kernels_share(work, own, lane))
			own = c;
	/* what it takes along is the component's share of it */
	exchange->weight = kernels_share(work, own, lane);
	if (!(fmin(from->weights[own], exchange->to->weights[own]) * exchange->sum_weights >
		  2 * exchange->weight))
		return;
	mixture_row_mahalanobis(exchange->prepared, exchange->row, exchange->work,
							exchange->distances);
	for (int c = 0; c < from->k; c++)
		exchange->distances[c] *= exchange->distances[c];
	leaving = joining(exchange, own, -exchange->weight);
	for (int c = 0; c < from->k; c++)
	{
		bool		has_part = kernels_share(work, c, lane) > LEAST_RESPONSIBILITY * row_weight;
		double		gain = c == own || !has_part ? 0 :
			leaving + joining(exchange, c, exchange->weight);

		if (gain > best)
		{
			best = gain;
			other = c;
		}
	}
	if (other < 0)
		return;
	join(exchange, own, -exchange->weight);
	join(exchange, other, exchange->weight);
	exchange->n_moved++;
}

/* Look at the rows of a block for which two components have some responsibility. */
static void
exchange_block(void *context, int64_t first, const MixtureBlock *block, const KernelWork *work)
{
	Exchange   *exchange = context;

	for (int i = 0; i < block->n_rows; i++)
	{
		int			n = 0;

		for (int c = 0; c < exchange->from->k && n < 2; c++)
			n += kernels_share(work, c, i) > LEAST_RESPONSIBILITY * block->weights[i];
		if (n == 2)
		{
			exchange->row = exchange->sample->rows + (first + i) * exchange->from->d;
			exchange_row(exchange, work, i, block->weights[i]);
		}
		exchange->host->check_interrupts(exchange->host->context);
	}
}

/*
 * Put each row that is better off elsewhere there: from `from`, a mixture of the
 * family full that EM has come to among the rows of the sample, of which none misses a
 * feature, to `to`, where EM is to go on.  Returns how many.
 */
int
exchange_rows(const MixtureParameters *from, const Sample *sample, double sum_weights,
			  MixtureParameters *to, const MixtureHost *host)
{
	size_t		k = from->k;
	size_t		d = from->d;
	MixtureError error;
	MixturePrepared *in_blocks = mixture_prepare_blocks(from, NULL, host, &error);
	MixturePrepared *prepared = mixture_prepare_rows(from, host, &error);
	Exchange	exchange = {
		.host = host,
		.sample = sample,
		.from = from,
		.to = to,
		.prepared = prepared,
		.sum_weights = sum_weights
	};

	mixture_copy_parameters(to, from);
	if (in_blocks == NULL || prepared == NULL)
	{
		mixture_release_prepared(prepared, host);
		mixture_release_prepared(in_blocks, host);
		return 0;
	}
	exchange.log_dets = host->allocate(host->context,
									   (2 * k + d + mixture_row_work_size(prepared)) *
									   sizeof(double));
	exchange.distances = exchange.log_dets + k;
	exchange.apart = exchange.distances + k;
	exchange.work = exchange.apart + d;
	for (size_t c = 0; c < k; c++)
		exchange.log_dets[c] = 2 * (log(from->weights[c]) - in_blocks->log_constants[c]) -
			(double) d * log(2 * M_PI);
	local_visit(in_blocks, sample, exchange_block, &exchange, host);
	host->release(host->context, exchange.log_dets);
	mixture_release_prepared(prepared, host);
	mixture_release_prepared(in_blocks, host);
	return exchange.n_moved;
}
