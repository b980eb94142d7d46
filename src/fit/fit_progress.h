/*
 * fit_progress.h
 *	  How far a long fit has come, for those who watch it.
 */
#ifndef GMM_FIT_PROGRESS_H
#define GMM_FIT_PROGRESS_H

#include "pgstat.h"

#include "compat.h"
#include "engine/engine.h"

/* What a statement is at that makes fits. */
typedef enum GmmFitPhase
{
	GMM_COLLECTING,				/* rows, of one fit or several */
	GMM_READING,				/* as a MixturePhase, this and the next two */
	GMM_SEARCHING,
	GMM_ITERATING,
	GMM_DONE					/* with a fit; another may follow */
} GmmFitPhase;

#define GMM_N_FIT_PHASES	5

/*
 * What a process tells others, which is as many values of eight bytes as an
 * entry of the server's has room for.
 */
typedef struct GmmFitReport
{
	int64		statement;		/* when it began: a TimestampTz */
	int64		time;			/* of this report */
	int64		phase;
	int64		fits_done;		/* by the statement */
	int64		n_rows;			/* that are collected by the statement, or of
								 * the fit; 0: not known */

	/* as in MixtureProgress */
	int64		trial;
	int64		n_trials;
	int64		k;
	int64		covariance_type;
	int64		start;
	int64		n_starts;
	int64		sample_passes;
	int64		iteration;
	int64		max_iter;
	double		mean_log_likelihood;
	double		change;
	double		tol;

	int64		spare[2];
	uint64		checksum;		/* of all before */
} GmmFitReport;

#define GMM_FIT_REPORT_VALUES	20

/* What marks an entry that holds such a report */
#define GMM_PROGRESS_COMMAND	((ProgressCommandType) 0x676d6d)

/* A line that says what a report does */
#define GMM_PROGRESS_LINE		320

/* A fit that is watched; on the stack of who makes it. */
typedef struct GmmProgress
{
	MixtureHost host;			/* that of the fit */
	MixtureProgress fit;
	Oid			relation;		/* that is fitted to, or InvalidOid */
	bool		lent;			/* the entry is a command's, which was: */
	ProgressCommandType command;
	Oid			target;
	int64		values[GMM_FIT_REPORT_VALUES];
} GmmProgress;

/* Rows between two looks at the clock while they are collected */
#define GMM_ROWS_UNTOLD		64

extern int	gmm_rows_untold;

/* fit_progress.c */
extern const MixtureHost *gmm_progress_begin(GmmProgress *progress, Oid relation);
extern void gmm_progress_end(GmmProgress *progress);
extern void gmm_progress_collecting(void);
extern uint64 gmm_progress_checksum(const GmmFitReport *report);
extern void gmm_progress_line(const GmmFitReport *report, char *line);

/* A row has been collected. */
static inline void
gmm_progress_row(void)
{
	if (unlikely(++gmm_rows_untold >= GMM_ROWS_UNTOLD))
		gmm_progress_collecting();
}

#endif							/* GMM_FIT_PROGRESS_H */
