/*
 * local.c
 *	  What it would gain to make two components of one, and lose to make one of
 *	  two: EM among the rows of these components alone.
 *
 * Let the other components stay as they are.  The likelihood of a row is
 * A + B, B being the part of the components that change.  By Jensen's
 * inequality
 *
 *		log (A + B') - log (A + B) >= B / (A + B) (log B' - log B),
 *
 * so the likelihood rises at least by what it rises among the rows weighted
 * with these components' responsibility for them, and what is gained in one
 * place and lost in another adds up.  EM on so weighted rows is the partial EM
 * of Ueda, Nakano, Ghahramani and Hinton (2000).  It costs as many passes as
 * EM on all, but each over two components and their own rows: all splits of
 * all components together cost two components' share of a pass over all rows.
 */
#include "engine/search/search.h"

#include <math.h>
#include <string.h>

#include "engine/core/linalg.h"

/* Responsibility that makes a row one of a component's rows */
#define LEAST_SHARE 1e-3

/* Passes of a split, at most, and its tolerance */
#define SPLIT_ITERATIONS 14
#define SPLIT_TOLERANCE 3e-4

/* Add a row to a component's. */
static void
add_row(ComponentRows *of, int64_t row, double share, const MixtureHost *host)
{
	if (of->n == of->capacity)
	{
		int64_t		capacity = 2 * of->capacity + MIXTURE_BLOCK_ROWS;
		int64_t    *rows = host->allocate(host->context, capacity * sizeof(int64_t));
		double	   *shares = host->allocate(host->context, capacity * sizeof(double));

		if (of->capacity > 0)
		{
			memcpy(rows, of->rows, of->n * sizeof(int64_t));
			memcpy(shares, of->shares, of->n * sizeof(double));
			host->release(host->context, of->rows);
			host->release(host->context, of->shares);
		}
		of->rows = rows;
		of->shares = shares;
		of->capacity = capacity;
	}
	of->rows[of->n] = row;
	of->shares[of->n++] = share;
	of->sum += share;
}

/*
 * E-step of a sample's rows, block after block: `visit` is told of each, of
 * the number of its first row, and of the roots of responsibility that the
 * kernel has left in work.  What a row misses is taken as filled in.
 */
void
local_visit(const MixturePrepared *prepared, const Sample *sample, LocalVisit visit,
			void *context, const MixtureHost *host)
{
	MixtureStats *stats = mixture_allocate_stats(prepared->covariance_type, prepared->k,
												 sample->d, host);
	int64_t		n_blocks = (sample->n_rows + MIXTURE_BLOCK_ROWS - 1) / MIXTURE_BLOCK_ROWS;
	KernelWork	work;

	mixture_clear_stats(stats);
	kernels_allocate_work(&work, prepared->covariance_type, prepared->k, sample->d, host);
	for (int64_t number = 0; number < n_blocks; number++)
	{
		MixtureBlock block;

		sample_block((void *) &sample->blocks, number, &block);
		kernels_current()->e_step(prepared, &block, true, &work, stats, host);
		visit(context, number * MIXTURE_BLOCK_ROWS, &block, &work);
		host->check_interrupts(host->context);
	}
	kernels_release_work(&work, host);
	mixture_release_stats(stats, host);
}

/* What collect_rows() needs. */
typedef struct Collection
{
	int			k;
	ComponentRows *rows;
	const MixtureHost *host;
} Collection;

/* Add a block's rows to those of the components that they are of. */
static void
collect_rows(void *context, int64_t first, const MixtureBlock *block, const KernelWork *work)
{
	const Collection *collection = context;

	for (int c = 0; c < collection->k; c++)
	{
		for (int i = 0; i < block->n_rows; i++)
		{
			double		share = kernels_share(work, c, i);

			if (share > LEAST_SHARE * block->weights[i])
				add_row(&collection->rows[c], first + i, share, collection->host);
		}
	}
}

/*
 * The rows of a sample by component, in their order, each with its weight
 * times the component's responsibility: k of them, from the host, which
 * local_release() gives back.
 */
ComponentRows *
local_rows(const MixturePrepared *prepared, const Sample *sample, const MixtureHost *host)
{
	size_t		size = prepared->k * sizeof(ComponentRows);
	Collection	collection = {prepared->k, host->allocate(host->context, size), host};

	memset(collection.rows, 0, size);
	local_visit(prepared, sample, collect_rows, &collection, host);
	return collection.rows;
}

void
local_release(ComponentRows *rows, int k, const MixtureHost *host)
{
	for (int c = 0; c < k; c++)
		if (rows[c].capacity > 0)
		{
			host->release(host->context, rows[c].rows);
			host->release(host->context, rows[c].shares);
		}
	host->release(host->context, rows);
}

/*
 * The entropy of the choice between two components for the rows of both, by
 * weight: what is gained for nothing where they are one.
 */
double
local_choice(const ComponentRows *a, const ComponentRows *b)
{
	double		sum = 0;
	int64_t		j = 0;

	for (int64_t i = 0; i < a->n; i++)
	{
		double		both;

		while (j < b->n && b->rows[j] < a->rows[i])
			j++;
		if (j == b->n)
			break;
		if (b->rows[j] > a->rows[i])
			continue;
		both = a->shares[i] + b->shares[j];
		sum -= a->shares[i] * log(a->shares[i] / both) + b->shares[j] * log(b->shares[j] / both);
	}
	return sum;
}

/* Let a component's rows be those that are read. */
void
local_gather(Local *local, const ComponentRows *of)
{
	RowBlocks  *blocks = &local->blocks;

	blocks->n_rows = of->n;
	sample_copy_rows(local->sample, of->rows, blocks, local->host);
	for (int64_t i = 0; i < sample_padded(of->n); i++)
		blocks->weights[i] = i < of->n ? of->shares[i] : 0;
	sample_source(blocks, &local->source);
}

/*
 * Prepare to split components of this family, none with more than most_rows
 * rows.
 */
void
local_begin(Local *local, const Sample *sample, MixtureCovarianceType type,
			int64_t most_rows, const double *floor, const MixtureHost *host)
{
	size_t		padded = sample_padded(most_rows);

	local->host = host;
	local->sample = sample;
	local->blocks.d = sample->d;
	local->blocks.features = host->allocate(host->context, padded * sample->d * sizeof(double));
	local->blocks.weights = host->allocate(host->context, padded * sizeof(double));
	local->blocks.labels = NULL;
	local->blocks.n_rows = most_rows;
	sample_source(&local->blocks, &local->source);
	em_begin(&local->one, &local->source, NULL, type, 1, floor, host);
	em_begin(&local->two, &local->source, NULL, type, 2, floor, host);
}

void
local_end(Local *local)
{
	const MixtureHost *host = local->host;

	em_end(&local->two);
	em_end(&local->one);
	host->release(host->context, local->blocks.weights);
	host->release(host->context, local->blocks.features);
}

/* Make two components of the rows on the sides of a cut; false if one has none. */
static bool
maximize_sides(Local *local, const ComponentRows *rows, const MixtureParameters *whole,
			   const Cut *cut, MixtureParameters *halves)
{
	int			d = whole->d;
	MixtureStats *stats = local->two.stats;
	MixtureParameters *twice = &local->two.points[0];

	components_copy(whole, 0, twice, 0);
	components_copy(whole, 0, twice, 1);
	mixture_clear_stats(stats);
	for (int64_t i = 0; i < rows->n; i++)
	{
		const double *row = local->sample->rows + rows->rows[i] * d;

		mixture_add_row(stats, linalg_dot(cut->line, row, d) > cut->threshold, rows->shares[i],
						row, twice, halves->means);
		local->host->check_interrupts(local->host->context);
	}
	if (!(stats->component_weights[0] > 0) || !(stats->component_weights[1] > 0))
		return false;
	mixture_maximize(stats, twice, &local->two.bounds, halves, local->host);
	return true;
}

/*
 * By how much the log-likelihood rises at least where a component, a mixture
 * of its own, is cut in two, `halves`, and EM has gone on from there among its
 * rows, which have been gathered.  Minus infinity where the halves cannot be.
 */
double
local_split(Local *local, const ComponentRows *rows, const MixtureParameters *whole,
			const Cut *cut, MixtureParameters *halves)
{
	MixtureError error;
	EmOutcome	outcome;
	double		before;

	local->two.ready = -1;
	if (em_pass(&local->one, whole, false, &error) != MIXTURE_OK)
		return -INFINITY;
	before = *local->one.stats->log_likelihood;
	if (!maximize_sides(local, rows, whole, cut, halves))
		return -INFINITY;
	if (whole->covariance_type == MIXTURE_TIED)
		memcpy(halves->covariances, whole->covariances,
			   linalg_packed_count(whole->d) * sizeof(double));
	if (em_run(&local->two, halves, SPLIT_ITERATIONS, SPLIT_TOLERANCE, true, &outcome,
			   &error) != MIXTURE_OK)
		return -INFINITY;
	return outcome.log_likelihood - before;
}
