/*
 * runner.c
 *	  A pass over the rows in runs of blocks.
 *
 * However a pass is shared out, among processes or none, its sums must be the
 * same to the last bit.  So the unit of work is a run, a stretch of blocks
 * that depends on the number of blocks only; a run is summed from its first
 * block to its last, and the runs are added from the first to the last.
 */
#include "engine/em/em.h"

#include <math.h>

#include "engine/kernels/kernels.h"

/* A pass has at most this many runs, and a run at least so many blocks. */
#define MAX_RUNS 64
#define MIN_RUN_BLOCKS 16

struct MixtureRunner
{
	const MixtureHost *host;
	MixtureCovarianceType covariance_type;
	int			k;
	int			d;
	MixturePass pass;			/* the one begun */
	const MixturePrepared *prepared;	/* for it */
	MixturePrepared *own;		/* that, if it had to be made here */
	KernelWork	work;
	MissingWork *missing;		/* made when first needed */
	double	   *features;		/* a centered block; likewise */
	double	   *run_sums;		/* of one run of a whole pass; likewise */
};

/* Blocks of a run, but for the last one. */
static int64_t
blocks_per_run(int64_t n_blocks)
{
	int64_t		blocks = (n_blocks + MAX_RUNS - 1) / MAX_RUNS;

	return blocks < MIN_RUN_BLOCKS ? MIN_RUN_BLOCKS : blocks;
}

/* Runs of a pass over that many blocks. */
int
mixture_n_runs(int64_t n_blocks)
{
	int64_t		blocks = blocks_per_run(n_blocks);

	return (int) ((n_blocks + blocks - 1) / blocks);
}

/* A runner for models of this shape, in the host's memory. */
MixtureRunner *
mixture_runner_create(MixtureCovarianceType type, int k, int d, const MixtureHost *host)
{
	MixtureRunner *runner = host->allocate(host->context, sizeof(MixtureRunner));

	runner->host = host;
	runner->covariance_type = type;
	runner->k = k;
	runner->d = d;
	runner->own = NULL;
	runner->missing = NULL;
	runner->features = NULL;
	runner->run_sums = NULL;
	kernels_allocate_work(&runner->work, type, k, d, host);
	return runner;
}

/* Give back a runner and all that it has come to need. */
void
mixture_runner_release(MixtureRunner *runner)
{
	const MixtureHost *host = runner->host;

	if (runner->run_sums != NULL)
		host->release(host->context, runner->run_sums);
	if (runner->features != NULL)
		host->release(host->context, runner->features);
	if (runner->missing != NULL)
		missing_release(runner->missing, host);
	mixture_release_prepared(runner->own, host);
	kernels_release_work(&runner->work, host);
	host->release(host->context, runner);
}

/*
 * Prepare for the runs of a pass, whose parameters are of the runner's shape.
 * These, and the pass's center, must stay as they are until its last block.
 */
MixtureStatus
mixture_runner_begin(MixtureRunner *runner, const MixturePass *pass, MixtureError *error)
{
	const MixtureHost *host = runner->host;

	runner->prepared = pass->prepared;
	if (runner->prepared == NULL)
	{
		MixturePrepared *prepared = mixture_prepare_blocks(pass->parameters, runner->own,
														   host, error);

		if (prepared == NULL)
			return MIXTURE_NOT_POSITIVE_DEFINITE;
		if (pass->origin != NULL)
			prepare_linear(prepared, pass->origin, pass->variances, host);
		runner->prepared = runner->own = prepared;
	}
	runner->pass = *pass;
	if (runner->missing != NULL)
		missing_begin(runner->missing, pass->parameters, runner->prepared, host);
	if (pass->center != NULL && runner->features == NULL)
		runner->features = host->allocate(host->context, (size_t) runner->d *
										  MIXTURE_BLOCK_ROWS * sizeof(double));
	return MIXTURE_OK;
}

/* Add a block to statistics of the runner's shape. */
static void
add_block(MixtureRunner *runner, const MixtureBlock *given, MixtureStats *stats)
{
	const MixtureHost *host = runner->host;
	MixtureBlock block = *given;

	if (runner->pass.center != NULL)
		center_block(runner->pass.center, runner->d, &block, runner->features);
	if (!block.incomplete)
	{
		kernels_accumulate(runner->prepared, &block, runner->pass.m_step,
						   &runner->work, stats, host);
		return;
	}
	if (runner->missing == NULL)
	{
		runner->missing = missing_create(runner->covariance_type, runner->k, runner->d, host);
		missing_begin(runner->missing, runner->pass.parameters, runner->prepared, host);
	}
	missing_accumulate(runner->missing, &block, runner->pass.m_step, &runner->work, stats,
					   host);
}

/* Add what is set aside of the blocks until now. */
static void
finish(MixtureRunner *runner, MixtureStats *stats)
{
	kernels_finish(runner->prepared, &runner->work, stats, runner->host);
	if (runner->missing != NULL)
		missing_finish(runner->missing, stats, runner->host);
}

/* Sum one run, counted from 0, into mixture_sums_count() values. */
void
mixture_runner_run(MixtureRunner *runner, const MixtureSource *source, int run,
				   double *sums)
{
	int64_t		blocks = blocks_per_run(source->n_blocks);
	int64_t		end = (run + 1) * blocks < source->n_blocks ?
		(run + 1) * blocks : source->n_blocks;
	MixtureStats stats;

	mixture_place_stats(&stats, runner->covariance_type, runner->k, runner->d, sums);
	mixture_clear_stats(&stats);
	for (int64_t number = run * blocks; number < end; number++)
	{
		MixtureBlock block;

		source_block(source, number, &block);
		add_block(runner, &block, &stats);
	}
	finish(runner, &stats);
}

/* Sum all runs, in their order, into mixture_sums_count() values. */
void
mixture_runner_run_all(MixtureRunner *runner, const MixtureSource *source, double *sums)
{
	size_t		count = mixture_sums_count(runner->covariance_type, runner->k, runner->d);
	int			n_runs = mixture_n_runs(source->n_blocks);

	if (n_runs == 1)
	{
		mixture_runner_run(runner, source, 0, sums);
		return;
	}
	if (runner->run_sums == NULL)
		runner->run_sums = runner->host->allocate(runner->host->context,
												  count * sizeof(double));
	for (size_t i = 0; i < count; i++)
		sums[i] = 0;
	for (int run = 0; run < n_runs; run++)
	{
		mixture_runner_run(runner, source, run, runner->run_sums);
		mixture_add_sums(sums, runner->run_sums, count);
	}
}

/*
 * Add one block to statistics of the runner's shape, which are not cleared
 * before: for rows that come as someone else reads them, and not in a source
 * that can be gone over again.  The pass begun must have no center and an
 * m_step.  Where the sums leave the range of a double they are of no use any
 * more, and MIXTURE_WEIGHT_RANGE or MIXTURE_SUM_RANGE says so.
 */
MixtureStatus
mixture_runner_add_block(MixtureRunner *runner, const MixtureBlock *block,
						 MixtureStats *stats, MixtureError *error)
{
	add_block(runner, block, stats);
	finish(runner, stats);
	if (mixture_stats_finite(stats))
		return MIXTURE_OK;
	if (!isfinite(*stats->sum_weights))
		return MIXTURE_WEIGHT_RANGE;
	error->feature = far_feature_of_block(runner->prepared, block, runner->host);
	return MIXTURE_SUM_RANGE;
}
