/*
 * fit_progress_view.c
 *	  The fits that are in progress, in all sessions.
 *
 * What the others have put into their entries of the server's table
 * (fit_progress.c) is read as the server reads it for pg_stat_activity, and shown
 * to the same people.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_authid.h"
#include "pgstat.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "fit/fit_progress.h"
#include "model/model.h"
#include "rows/result_rows.h"

/* Milliseconds after which a fit that is done is past, if no other follows */
#define DONE_INTERVAL		1000

/* The columns, from 0, as SQL declares them */
enum
{
	COLUMN_PID,
	COLUMN_DATID,
	COLUMN_RELID,
	COLUMN_PHASE,
	COLUMN_FITS_DONE,
	COLUMN_N_ROWS,
	COLUMN_TRIAL,
	COLUMN_N_TRIALS,
	COLUMN_K,
	COLUMN_COVARIANCE_TYPE,
	COLUMN_START,
	COLUMN_N_STARTS,
	COLUMN_SAMPLE_PASSES,
	COLUMN_ITERATION,
	COLUMN_MAX_ITER,
	COLUMN_MEAN_LOG_LIKELIHOOD,
	COLUMN_CHANGE,
	COLUMN_TOL,
	COLUMN_PROGRESS,
	N_COLUMNS
};

static const char *const phase_names[GMM_N_FIT_PHASES] = {
	[GMM_COLLECTING] = "collecting rows",
	[GMM_READING] = "reading rows",
	[GMM_SEARCHING] = "searching",
	[GMM_ITERATING] = "iterating",
	[GMM_DONE] = "done"
};

PG_FUNCTION_INFO_V1(gmm_progress);

/*
 * Take the report from an entry, and return whether it is one, and of what is
 * going on: of the statement that the process executes, or of a later one than
 * it has told the server of, as processes in the background may.
 */
static bool
read_report(const PgBackendStatus *entry, GmmFitReport *report)
{
	if (entry->st_procpid == 0 || entry->st_progress_command != GMM_PROGRESS_COMMAND)
		return false;
	memcpy(report, entry->st_progress_param, sizeof(GmmFitReport));
	if (report->checksum != gmm_progress_checksum(report) ||
		report->phase < 0 || report->phase >= GMM_N_FIT_PHASES ||
		report->covariance_type < 0 || report->covariance_type >= MIXTURE_N_COVARIANCE_TYPES)
		return false;
	if (entry->st_state == STATE_IDLE || entry->st_state == STATE_IDLEINTRANSACTION ||
		entry->st_state == STATE_IDLEINTRANSACTION_ABORTED ||
		report->statement < entry->st_activity_start_timestamp)
		return false;
	return report->phase != GMM_DONE ||
		!TimestampDifferenceExceeds(report->time, GetCurrentTimestamp(), DONE_INTERVAL);
}

static void
set_integer(Datum *values, bool *nulls, int column, int64 value, bool known)
{
	values[column] = Int32GetDatum((int32) value);
	nulls[column] = !known;
}

static void
set_bigint(Datum *values, bool *nulls, int column, int64 value, bool known)
{
	values[column] = Int64GetDatum(value);
	nulls[column] = !known;
}

static void
set_double(Datum *values, bool *nulls, int column, double value, bool known)
{
	values[column] = Float8GetDatum(value);
	nulls[column] = !known || isnan(value);
}

/* Fill in what is for those who may know. */
static void
set_columns(const GmmFitReport *report, Oid relation, Datum *values, bool *nulls)
{
	bool		trial = report->n_trials > 0;
	bool		mixture = report->k > 0;
	bool		start = mixture && report->start > 0;
	bool		iterating = report->phase == GMM_ITERATING;
	char		line[GMM_PROGRESS_LINE];

	values[COLUMN_RELID] = ObjectIdGetDatum(relation);
	nulls[COLUMN_RELID] = !OidIsValid(relation);
	values[COLUMN_PHASE] = CStringGetTextDatum(phase_names[report->phase]);
	nulls[COLUMN_PHASE] = false;
	set_bigint(values, nulls, COLUMN_FITS_DONE, report->fits_done, true);
	set_bigint(values, nulls, COLUMN_N_ROWS, report->n_rows, report->n_rows > 0);
	set_integer(values, nulls, COLUMN_TRIAL, report->trial, trial);
	set_integer(values, nulls, COLUMN_N_TRIALS, report->n_trials, trial);
	set_integer(values, nulls, COLUMN_K, report->k, mixture);
	if (mixture)
	{
		MixtureCovarianceType type = (MixtureCovarianceType) report->covariance_type;

		values[COLUMN_COVARIANCE_TYPE] = CStringGetTextDatum(gmm_covariance_type_name(type));
	}
	nulls[COLUMN_COVARIANCE_TYPE] = !mixture;
	set_integer(values, nulls, COLUMN_START, report->start, start);
	set_integer(values, nulls, COLUMN_N_STARTS, report->n_starts, start);
	set_bigint(values, nulls, COLUMN_SAMPLE_PASSES, report->sample_passes, start);
	set_integer(values, nulls, COLUMN_ITERATION, report->iteration, iterating);
	set_integer(values, nulls, COLUMN_MAX_ITER, report->max_iter, iterating);
	set_double(values, nulls, COLUMN_MEAN_LOG_LIKELIHOOD, report->mean_log_likelihood, iterating);
	set_double(values, nulls, COLUMN_CHANGE, report->change, iterating);
	set_double(values, nulls, COLUMN_TOL, report->tol, iterating);
	gmm_progress_line(report, line);
	values[COLUMN_PROGRESS] = CStringGetTextDatum(line);
	nulls[COLUMN_PROGRESS] = false;
}

/* Add the row of a process that fits. */
static void
add_process(Tuplestorestate *rows, TupleDesc descriptor, const PgBackendStatus *entry,
			const GmmFitReport *report)
{
	Datum		values[N_COLUMNS] = {0};
	bool		nulls[N_COLUMNS];

	memset(nulls, true, sizeof(nulls));
	values[COLUMN_PID] = Int32GetDatum(entry->st_procpid);
	nulls[COLUMN_PID] = false;
	values[COLUMN_DATID] = ObjectIdGetDatum(entry->st_databaseid);
	nulls[COLUMN_DATID] = false;
	if (has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_STATS) ||
		has_privs_of_role(GetUserId(), entry->st_userid))
		set_columns(report, entry->st_progress_command_target, values, nulls);
	tuplestore_putvalues(rows, descriptor, values, nulls);
}

/*
 * gmm_progress() returns setof record
 *
 * Who has no right to more sees that there is a fit, and in which process and
 * database, as in the server's own views.  Within a transaction the entries
 * stay as they were when first asked for, as theirs do.
 */
Datum
gmm_progress(PG_FUNCTION_ARGS)
{
	TupleDesc	descriptor;
	Tuplestorestate *rows = gmm_begin_rows(fcinfo, N_COLUMNS, &descriptor);

	for (int position = 1; position <= pgstat_fetch_stat_numbackends(); position++)
	{
		LocalPgBackendStatus *local = gmm_local_entry(position);
		GmmFitReport report;

		if (local != NULL && read_report(&local->backendStatus, &report))
			add_process(rows, descriptor, &local->backendStatus, &report);
	}
	PG_RETURN_NULL();
}
