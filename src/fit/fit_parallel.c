/*
 * fit_parallel.c
 *	  EM passes over worker processes.
 *
 * A fit over many rows spends nearly all of its time in passes over all of
 * them.  Here such a pass is shared out among PostgreSQL's parallel workers,
 * which are launched once, when a fit makes its first large pass, and stay
 * until it ends.  The process that runs the query, the leader, launches them,
 * takes part as they do, and does all else alone.
 *
 * The rows are in the temporary file of their store (gmm_rowstore_share), from
 * where each process reads them; as a rule that means the kernel's page cache.
 * Dynamic shared memory holds the parameters of the pass and sums only, so
 * that it stays small: containers often have no more than 64 MB of it, and
 * where it cannot be had, the error cannot be caught (there are no
 * subtransactions in parallel mode).
 *
 * A pass consists of runs (engine/runner.c).  Processes take one after the
 * other, and put its sums into a slot:
 *
 *		run		0    1    2    3    4    5    6    7    8 ...
 *				added ---------+    |taken ---------+    |not yet
 *		slot	           3    0    1    2    3
 *
 * Slots are used in turn.  Whoever finishes a run adds to the total what is
 * next in line and ready, so that runs are added in their order, whoever made
 * them, and the model is the same to the last bit with any number of workers,
 * or none.  A process that is so far ahead of the others that there is no free
 * slot waits.
 *
 * Workers are optional at every moment.  Whether none could be launched, or
 * they come late or not at all, the leader goes on taking runs; it only waits
 * for runs that a worker has taken.  A worker that fails, fails the query.
 *
 * A worker joins a pass between its opening and its closing by the leader; the
 * leader changes the parameters only when the pass is closed and no worker is
 * in it.
 */
#include "postgres.h"

#ifndef WIN32
#include <sys/statvfs.h>
#endif

#include "access/parallel.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "optimizer/cost.h"
#include "storage/condition_variable.h"
#include "storage/dsm_impl.h"
#include "storage/spin.h"

#include "compat.h"
#include "host/engine_host.h"
#include "fit/fit_parallel.h"
#include "host/settings.h"

/* A pass must give each process that much to do, in estimated nanoseconds. */
#define LEAST_WORK			4e6

/* Slots for each process, and bytes of all of them at the most */
#define SLOTS_PER_PROCESS	4
#define LEAST_SLOTS_PER_PROCESS 2
#define MOST_SLOT_BYTES		((Size) 16 * 1024 * 1024)

/* Shared memory that must be left to others, where that can be known */
#define SHARED_MEMORY_RESERVE ((uint64) 4 * 1024 * 1024)

/* Keys of the table of contents of our shared memory */
#define KEY_FIT				UINT64CONST(0x474D4D0000000001)
#define KEY_VALUES			UINT64CONST(0x474D4D0000000002)
#define KEY_READY			UINT64CONST(0x474D4D0000000003)

/* What the processes of a fit share; arrays are found by their keys. */
typedef struct SharedFit
{
	GmmSharedRows rows;
	int			n_slots;

	/* The pass; the leader's to change while it is closed and n_joined is 0 */
	MixtureCovarianceType covariance_type;
	int			k;
	bool		noise;
	bool		m_step;
	bool		centered;
	bool		about_origin;
	int			n_runs;

	ConditionVariable changed;	/* any of what follows */
	slock_t		mutex;			/* for what follows */
	int			pass;			/* its number, from 1; 0 before the first */
	bool		open;			/* may be joined */
	bool		over;			/* there will be none any more */
	int			n_joined;		/* workers in the pass */
	int			next_run;		/* to be taken */
	int			next_added;		/* run to be added to the total */
	bool		adding;			/* somebody is */
} SharedFit;

/* A process's view of the shared memory */
typedef struct View
{
	SharedFit  *fit;
	bool	   *ready;			/* n_slots: has the sums of its run */
	double	   *values;			/* all that follows lies here, for the shape of
								 * the pass */
	MixtureParameters parameters;	/* with room for noise */
	double	   *center;			/* d */
	double	   *origin;			/* d */
	double	   *variances;		/* d */
	double	   *total;			/* n_values */
	double	   *slots;			/* n_slots x n_values */
	size_t		n_values;
} View;

/* A runner for passes of one shape */
typedef struct Runner
{
	MixtureRunner *runner;		/* NULL until there is one */
	MixtureCovarianceType covariance_type;
	int			k;
} Runner;

struct GmmParallel
{
	GmmRowStore *rows;
	MixtureSource source;		/* theirs */
	MixtureCovarianceType covariance_type;	/* the largest shape of a pass */
	int			k;
	int			n_workers;		/* to launch; 0 when that has been tried */
	ParallelContext *context;	/* NULL while there are no workers */
	View		view;
	Runner		runner;
};

extern PGDLLEXPORT void gmm_parallel_main(dsm_segment *segment, shm_toc *toc);

/* --- what every process does ------------------------------------------- */

/* Doubles in shared memory before the slots. */
static size_t
count_fixed_values(MixtureCovarianceType type, int k, int d)
{
	return mixture_values_count(type, k, d, true) + 3 * (size_t) d +
		mixture_sums_count(type, k, d);
}

/* Find the arrays in the shared memory, as a pass of this shape has them. */
static void
place_view(View *view, MixtureCovarianceType type, int k, bool noise)
{
	int			d = view->fit->rows.d;

	view->n_values = mixture_sums_count(type, k, d);
	mixture_place_values(&view->parameters, type, k, d, noise, view->values);
	view->center = view->values + mixture_values_count(type, k, d, true);
	view->origin = view->center + d;
	view->variances = view->origin + d;
	view->total = view->variances + d;
	view->slots = view->total + view->n_values;
}

/* A view whose arrays are not placed yet. */
static void
make_view(View *view, SharedFit *fit, bool *ready, double *values)
{
	memset(view, 0, sizeof(View));
	view->fit = fit;
	view->ready = ready;
	view->values = values;
}

/* Begin a pass, with a runner of its shape. */
static MixtureStatus
begin_runner(Runner *runner, const MixturePass *pass, MixtureError *error)
{
	const MixtureParameters *parameters = pass->parameters;

	if (runner->runner != NULL &&
		(runner->k != parameters->k ||
		 runner->covariance_type != parameters->covariance_type))
	{
		mixture_runner_release(runner->runner);
		runner->runner = NULL;
	}
	if (runner->runner == NULL)
	{
		runner->k = parameters->k;
		runner->covariance_type = parameters->covariance_type;
		runner->runner = mixture_runner_create(parameters->covariance_type,
											   parameters->k, parameters->d,
											   &gmm_host);
	}
	return mixture_runner_begin(runner->runner, pass, error);
}

/* The number of a run to make, or -1 if all are taken. */
static int
take_run(SharedFit *fit)
{
	int			run = -1;
	bool		wait = true;

	while (wait)
	{
		SpinLockAcquire(&fit->mutex);
		wait = false;
		if (fit->next_run < fit->n_runs)
		{
			if (fit->next_run < fit->next_added + fit->n_slots)
				run = fit->next_run++;
			else
				wait = true;
		}
		SpinLockRelease(&fit->mutex);
		if (wait)
			ConditionVariableSleep(&fit->changed, PG_WAIT_EXTENSION);
	}
	ConditionVariableCancelSleep();
	return run;
}

/* Is the next run to be added ready, and nobody else at it?  Holds the mutex. */
static bool
may_add(const View *view)
{
	const SharedFit *fit = view->fit;

	return !fit->adding && fit->next_added < fit->n_runs &&
		view->ready[fit->next_added % fit->n_slots];
}

/* The sums of a run are in its slot; add to the total what can be added. */
static void
finish_run(const View *view, int run)
{
	SharedFit  *fit = view->fit;

	SpinLockAcquire(&fit->mutex);
	view->ready[run % fit->n_slots] = true;
	while (may_add(view))
	{
		int			slot = fit->next_added % fit->n_slots;

		fit->adding = true;
		SpinLockRelease(&fit->mutex);
		mixture_add_sums(view->total, view->slots + slot * view->n_values,
						 view->n_values);
		SpinLockAcquire(&fit->mutex);
		view->ready[slot] = false;
		fit->next_added++;
		fit->adding = false;
	}
	SpinLockRelease(&fit->mutex);
	ConditionVariableBroadcast(&fit->changed);
}

/* Make runs of the current pass until all are taken. */
static void
make_runs(const View *view, Runner *runner, const MixtureSource *source)
{
	int			run;

	while ((run = take_run(view->fit)) >= 0)
	{
		mixture_runner_run(runner->runner, source, run,
						   view->slots + (run % view->fit->n_slots) * view->n_values);
		finish_run(view, run);
	}
}

/* --- a worker ------------------------------------------------------------ */

/* Wait for a pass after number `pass` and join it; 0 if there is none. */
static int
join_pass(SharedFit *fit, int pass)
{
	int			joined = -1;

	while (joined < 0)
	{
		SpinLockAcquire(&fit->mutex);
		if (fit->over)
			joined = 0;
		else if (fit->open && fit->pass != pass)
		{
			joined = fit->pass;
			fit->n_joined++;
		}
		SpinLockRelease(&fit->mutex);
		if (joined < 0)
			ConditionVariableSleep(&fit->changed, PG_WAIT_EXTENSION);
	}
	ConditionVariableCancelSleep();
	return joined;
}

static void
leave_pass(SharedFit *fit)
{
	SpinLockAcquire(&fit->mutex);
	fit->n_joined--;
	SpinLockRelease(&fit->mutex);
	ConditionVariableBroadcast(&fit->changed);
}

/*
 * A worker's whole life.  It reads no table and writes nothing, so there is no
 * use of buffers or WAL to report.
 */
void
gmm_parallel_main(dsm_segment *segment pg_attribute_unused(), shm_toc *toc)
{
	View		view;
	Runner		runner = {0};
	MixtureSource source;
	int			number = 0;

	make_view(&view, shm_toc_lookup(toc, KEY_FIT, false),
			  shm_toc_lookup(toc, KEY_READY, false),
			  shm_toc_lookup(toc, KEY_VALUES, false));
	gmm_rowstore_source(gmm_rowstore_attach(&view.fit->rows), &source);

	while ((number = join_pass(view.fit, number)) != 0)
	{
		MixturePass pass = {.parameters = &view.parameters,.m_step = view.fit->m_step};
		MixtureError error;

		place_view(&view, view.fit->covariance_type, view.fit->k, view.fit->noise);
		if (view.fit->centered)
			pass.center = view.center;
		if (view.fit->about_origin)
		{
			pass.origin = view.origin;
			pass.variances = view.variances;
		}

		/* the leader has done the same before, so it cannot fail here */
		if (begin_runner(&runner, &pass, &error) != MIXTURE_OK)
			elog(ERROR, "parallel worker could not prepare a pass");
		make_runs(&view, &runner, &source);
		leave_pass(view.fit);
	}
}

/* --- the leader ----------------------------------------------------------- */

/* What a pass costs one process, in nanoseconds, to an order of magnitude. */
static double
estimate_pass(int64 n_rows, MixtureCovarianceType type, int k, int d)
{
	return (double) n_rows * k * (1 + 0.1 * d + (mixture_has_matrix(type) ? 0.04 * d * d : 0));
}

/* How many workers there should be. */
static int
choose_n_workers(const MixtureSource *source, MixtureCovarianceType type, int k)
{
	int			n = gmm_parallel_workers < 0 ? max_parallel_workers_per_gather :
		gmm_parallel_workers;
	double		worth = estimate_pass(source->n_rows, type, k, source->d) / LEAST_WORK;

	if (IsParallelWorker() || !IsUnderPostmaster)
		return 0;
	n = Min(n, mixture_n_runs(source->n_blocks) - 1);
	return worth < n + 1 ? Max((int) worth - 1, 0) : n;
}

/*
 * Is there so much shared memory?  To ask for it where there is not is an
 * error that ends the query.  Where nobody can tell, hope.
 */
static bool
shared_memory_available(Size size pg_attribute_unused())
{
#ifdef USE_DSM_POSIX
	struct statvfs file_system;

	if (dynamic_shared_memory_type == DSM_IMPL_POSIX &&
		statvfs("/dev/shm", &file_system) == 0)
		return (uint64) file_system.f_bavail * file_system.f_frsize >=
			size + SHARED_MEMORY_RESERVE;
#endif
	return true;
}

/* Fill the shared memory that has been had. */
static void
fill_shared_memory(GmmParallel *parallel, const GmmSharedRows *rows, int n_slots,
				   Size values_size)
{
	shm_toc    *toc = parallel->context->toc;
	SharedFit  *fit = shm_toc_allocate(toc, sizeof(SharedFit));
	bool	   *ready = shm_toc_allocate(toc, n_slots * sizeof(bool));
	double	   *values = shm_toc_allocate(toc, values_size);

	memset(fit, 0, sizeof(SharedFit));
	memset(ready, 0, n_slots * sizeof(bool));
	fit->rows = *rows;
	fit->n_slots = n_slots;
	fit->n_runs = mixture_n_runs(parallel->source.n_blocks);
	ConditionVariableInit(&fit->changed);
	SpinLockInit(&fit->mutex);
	shm_toc_insert(toc, KEY_FIT, fit);
	shm_toc_insert(toc, KEY_READY, ready);
	shm_toc_insert(toc, KEY_VALUES, values);
	make_view(&parallel->view, fit, ready, values);
}

/* Slots for so many workers and one leader; 0 if they would take too much. */
static int
choose_n_slots(const GmmParallel *parallel)
{
	Size		slot_size = sizeof(double) *
		mixture_sums_count(parallel->covariance_type, parallel->k, parallel->source.d);
	Size		most = MOST_SLOT_BYTES / slot_size;
	int			n_processes = parallel->n_workers + 1;
	int			n_slots = Min(SLOTS_PER_PROCESS * n_processes,
							  mixture_n_runs(parallel->source.n_blocks));

	if (most >= (Size) n_slots)
		return n_slots;
	return most >= (Size) (LEAST_SLOTS_PER_PROCESS * n_processes) ? (int) most : 0;
}

/* End parallel mode, after the workers or because there are none. */
static void
destroy_context(GmmParallel *parallel)
{
	DestroyParallelContext(parallel->context);
	parallel->context = NULL;
	ExitParallelMode();
	gmm_rowstore_unshare(parallel->rows);
}

/* Launch the workers, or leave parallel->context NULL. */
static void
launch_workers(GmmParallel *parallel)
{
	int			n_slots = choose_n_slots(parallel);
	Size		values_size;
	GmmSharedRows *rows;
	ParallelContext *context;

	if (n_slots == 0)
		return;
	values_size = sizeof(double) *
		(count_fixed_values(parallel->covariance_type, parallel->k, parallel->source.d) +
		 (size_t) n_slots * mixture_sums_count(parallel->covariance_type, parallel->k,
											   parallel->source.d));
	rows = palloc0(sizeof(GmmSharedRows));
	if (!shared_memory_available(values_size) ||
		!gmm_rowstore_share(parallel->rows, rows))
	{
		pfree(rows);
		return;
	}

	EnterParallelMode();
	context = CreateParallelContext("gmm", "gmm_parallel_main", parallel->n_workers);
	parallel->context = context;
	shm_toc_estimate_chunk(&context->estimator, sizeof(SharedFit));
	shm_toc_estimate_chunk(&context->estimator, n_slots * sizeof(bool));
	shm_toc_estimate_chunk(&context->estimator, values_size);
	shm_toc_estimate_keys(&context->estimator, 3);
	InitializeParallelDSM(context);
	if (context->seg != NULL)
	{
		fill_shared_memory(parallel, rows, n_slots, values_size);
		LaunchParallelWorkers(context);
		ereport(DEBUG1,
				(errmsg_internal("gmm: launched %d of %d workers",
								 context->nworkers_launched, parallel->n_workers)));
	}
	if (context->nworkers_launched == 0)
		destroy_context(parallel);
	pfree(rows);
}

/* Put a pass before the workers.  No one has joined the one before it. */
static void
open_pass(View *view, const MixturePass *pass)
{
	SharedFit  *fit = view->fit;
	const MixtureParameters *from = pass->parameters;

	place_view(view, from->covariance_type, from->k, false);
	fit->covariance_type = from->covariance_type;
	fit->k = from->k;
	fit->noise = from->noise_box != NULL;
	mixture_copy_values(&view->parameters, from, view->values);
	if (pass->center != NULL)
		memcpy(view->center, pass->center, from->d * sizeof(double));
	fit->about_origin = pass->origin != NULL;
	if (fit->about_origin)
	{
		memcpy(view->origin, pass->origin, from->d * sizeof(double));
		memcpy(view->variances, pass->variances, from->d * sizeof(double));
	}
	memset(view->total, 0, view->n_values * sizeof(double));
	fit->centered = pass->center != NULL;
	fit->m_step = pass->m_step;

	SpinLockAcquire(&fit->mutex);
	fit->pass++;
	fit->open = true;
	fit->next_run = 0;
	fit->next_added = 0;
	SpinLockRelease(&fit->mutex);
	ConditionVariableBroadcast(&fit->changed);
}

/* Wait until the total is complete and all workers have left the pass. */
static void
close_pass(SharedFit *fit)
{
	bool		wait = true;

	while (wait)
	{
		SpinLockAcquire(&fit->mutex);
		if (fit->next_added == fit->n_runs)
		{
			fit->open = false;
			wait = fit->n_joined > 0;
		}
		SpinLockRelease(&fit->mutex);
		if (wait)
			ConditionVariableSleep(&fit->changed, PG_WAIT_EXTENSION);
	}
	ConditionVariableCancelSleep();
}

/*
 * Is a pass large enough to share, and not too large for the shared memory?
 * A fit makes some with fewer components than it is about, and a choice among
 * models has passes of many shapes.
 */
static bool
worth_sharing(const GmmParallel *parallel, const MixtureParameters *shape)
{
	MixtureCovarianceType type = shape->covariance_type;
	int			d = shape->d;

	return estimate_pass(parallel->source.n_rows, type, shape->k, d) >= 2 * LEAST_WORK &&
		mixture_sums_count(type, shape->k, d) <=
		mixture_sums_count(parallel->covariance_type, parallel->k, d) &&
		count_fixed_values(type, shape->k, d) <=
		count_fixed_values(parallel->covariance_type, parallel->k, d);
}

/* A whole pass, as MixtureSource has it. */
static MixtureStatus
parallel_pass(void *context, const MixturePass *pass, double *sums, MixtureError *error)
{
	GmmParallel *parallel = context;
	MixtureStatus status;
	bool		large = worth_sharing(parallel, pass->parameters);

	status = begin_runner(&parallel->runner, pass, error);
	if (status != MIXTURE_OK)
		return status;
	if (large && parallel->n_workers > 0 && parallel->context == NULL)
	{
		launch_workers(parallel);
		parallel->n_workers = 0;
	}
	if (large && parallel->context != NULL)
	{
		open_pass(&parallel->view, pass);
		make_runs(&parallel->view, &parallel->runner, &parallel->source);
		close_pass(parallel->view.fit);
		memcpy(sums, parallel->view.total, parallel->view.n_values * sizeof(double));
	}
	else
		mixture_runner_run_all(parallel->runner.runner, &parallel->source, sums);
	return MIXTURE_OK;
}

static void
parallel_block(void *context, int64_t number, MixtureBlock *block)
{
	const MixtureSource *source = &((GmmParallel *) context)->source;

	source->block(source->context, number, block);
}

/*
 * Prepare for passes over the rows with workers, if that is worth it: then
 * the source is one that makes them so.  The shape is the largest that passes
 * will have.  Returns NULL if it is not.
 *
 * What is allocated here and in the passes is in the memory context that is
 * current, and goes with it.
 */
GmmParallel *
gmm_parallel_begin(GmmRowStore *rows, MixtureCovarianceType type, int k,
				   MixtureSource *source)
{
	int			n_workers = choose_n_workers(source, type, k);
	GmmParallel *parallel;

	if (n_workers == 0)
		return NULL;
	parallel = palloc0(sizeof(GmmParallel));
	parallel->rows = rows;
	parallel->source = *source;
	parallel->covariance_type = type;
	parallel->k = k;
	parallel->n_workers = n_workers;
	source->context = parallel;
	source->block = parallel_block;
	source->pass = parallel_pass;
	return parallel;
}

/*
 * The fit is over: dismiss the workers.  (After an error, PostgreSQL does so:
 * the parallel context goes with the transaction.)
 */
void
gmm_parallel_end(GmmParallel *parallel)
{
	SharedFit  *fit;

	if (parallel == NULL || parallel->context == NULL)
		return;
	fit = parallel->view.fit;
	SpinLockAcquire(&fit->mutex);
	fit->over = true;
	SpinLockRelease(&fit->mutex);
	ConditionVariableBroadcast(&fit->changed);
	WaitForParallelWorkersToFinish(parallel->context);
	destroy_context(parallel);
}
