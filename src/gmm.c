/*
 * gmm.c
 *	  The module itself: magic, settings.
 */
#include "postgres.h"

#include <limits.h>

#include "fmgr.h"
#include "postmaster/bgworker_internals.h"
#include "utils/guc.h"

#include "compat.h"
#include "fit/fit_parallel.h"
#include "fit/fit_warnings.h"
#include "host/engine_progress.h"

PG_MODULE_MAGIC_EXT(.name = "gmm",.version = "1.0.0");

extern PGDLLEXPORT void _PG_init(void);

/* Called when the library is loaded. */
void
_PG_init(void)
{
	DefineCustomIntVariable("gmm.parallel_workers",
							"Sets the number of parallel workers of a large fit.",
							"-1 means max_parallel_workers_per_gather; 0 means none.",
							&gmm_parallel_workers,
							-1, -1, MAX_PARALLEL_WORKER_LIMIT,
							PGC_USERSET, 0, NULL, NULL, NULL);

	DefineCustomBoolVariable("gmm.log_progress",
							 "Reports the progress of a fit once a second.",
							 "The lines are sent to the client at level INFO.",
							 &gmm_log_progress,
							 false,
							 PGC_USERSET, 0, NULL, NULL, NULL);

	DefineCustomBoolVariable("gmm.warnings",
							 "Warns of fits that did not converge, or have suspect components.",
							 "One warning a statement, however many fits it makes.",
							 &gmm_warnings,
							 true,
							 PGC_USERSET, 0, NULL, NULL, NULL);

	MarkGUCPrefixReserved("gmm");
}
