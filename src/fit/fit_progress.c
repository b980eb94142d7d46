/*
 * fit_progress.c
 *	  A process that fits says how far it has come.
 *
 * PostgreSQL keeps an entry for each process in shared memory, of which
 * pg_stat_activity is made, and the pg_stat_progress views: an entry says what
 * command is in progress, and has twenty numbers for it.  A fit is none of the
 * commands that the server knows, so none of its views shows an entry that we
 * mark with a number of our own; gmm_progress does (fit_progress_view.c).  That
 * needs no shared memory of ours and no preload, writing takes no lock, and the
 * entry is taken back by the server itself: when a transaction or a
 * subtransaction is aborted, and when the process ends, in whatever way.  (What
 * pg_stat_activity itself has is not ours to write: the query is what the client
 * sent, and so is application_name.)
 *
 * What fits that succeed leave is told from what is going on by its times, and
 * from what the server or somebody else may have put there by a checksum.  A
 * fit within a command that reports its own progress (COPY of a query) borrows
 * the entry, and gives it back as it was; while rows are collected for a fit
 * control returns to the command, and so it stays the command's.
 *
 * The same is in the process title, behind the command, if a statement takes
 * longer than a moment, and with gmm.log_progress the client gets a line once a
 * second.
 */
#include "postgres.h"

#include <math.h>

#include "access/xact.h"
#include "common/hashfn.h"
#include "pgstat.h"
#include "utils/ps_status.h"
#include "utils/timestamp.h"

#include "fit/fit_progress.h"
#include "host/engine_host.h"
#include "host/settings.h"
#include "model/model.h"

/* Milliseconds between two titles, and between two lines */
#define TITLE_INTERVAL		200
#define LINE_INTERVAL		1000

/* What the title has between the command and the line */
#define TITLE_MARK			" gmm: "

/* Rows that have been collected since the clock was looked at */
int			gmm_rows_untold;

/* The statement that the client sent, and what its fits share */
static TimestampTz statement;
static int64 rows_collected;
static int64 fits_done;
static TimestampTz last_title;
static TimestampTz last_line;

/* Look at the clock, and whether the statement is still the same. */
static TimestampTz
look_at_statement(void)
{
	TimestampTz now = GetCurrentTimestamp();

	if (statement != GetCurrentStatementStartTimestamp())
	{
		statement = GetCurrentStatementStartTimestamp();
		rows_collected = 0;
		fits_done = 0;
		last_title = last_line = now;
	}
	gmm_settings_look();
	return now;
}

/* --- what is told ---------------------------------------------------------- */

static const char *
plural(int64 n)
{
	return n == 1 ? "" : "s";
}

/* Which trial it is, and of what; nothing while there is none. */
static void
describe_trial(const GmmFitReport *report, char *words, size_t size)
{
	*words = '\0';
	if (report->n_trials > 0)
		snprintf(words, size, "trial " INT64_FORMAT " of " INT64_FORMAT " (k " INT64_FORMAT ", %s), ",
				 report->trial, report->n_trials, report->k,
				 gmm_covariance_type_name((MixtureCovarianceType) report->covariance_type));
}

static void
describe_iteration(const GmmFitReport *report, char *words, size_t size)
{
	int			length = snprintf(words, size, "iteration " INT64_FORMAT " of at most " INT64_FORMAT,
								  report->iteration, report->max_iter);

	if (!isnan(report->mean_log_likelihood))
		length += snprintf(words + length, size - length, ", mean log-likelihood %.9g",
						   report->mean_log_likelihood);
	if (!isnan(report->change))
		snprintf(words + length, size - length, ", change %.3g, tol %g",
				 report->change, report->tol);
}

/* What a report says, in GMM_PROGRESS_LINE bytes at most. */
void
gmm_progress_line(const GmmFitReport *report, char *line)
{
	char		trial[96];
	char		iteration[160];

	describe_trial(report, trial, sizeof(trial));
	switch ((GmmFitPhase) report->phase)
	{
		case GMM_COLLECTING:
			snprintf(line, GMM_PROGRESS_LINE, "collecting rows, " INT64_FORMAT " so far",
					 report->n_rows);
			break;
		case GMM_READING:
			strlcpy(line, "reading rows", GMM_PROGRESS_LINE);
			break;
		case GMM_SEARCHING:
			snprintf(line, GMM_PROGRESS_LINE, "%sstart " INT64_FORMAT " of at most " INT64_FORMAT ", " INT64_FORMAT " pass%s over a sample",
					 trial, Max(report->start, 1), report->n_starts,
					 report->sample_passes, report->sample_passes == 1 ? "" : "es");
			break;
		case GMM_ITERATING:
			describe_iteration(report, iteration, sizeof(iteration));
			snprintf(line, GMM_PROGRESS_LINE, "%s%s", trial, iteration);
			break;
		case GMM_DONE:
			*line = '\0';
			break;
	}
	if (report->fits_done > 0)
	{
		size_t		length = strlen(line);

		snprintf(line + length, GMM_PROGRESS_LINE - length, "%s" INT64_FORMAT " fit%s done",
				 length > 0 ? ", " : "", report->fits_done, plural(report->fits_done));
	}
}

/* --- to whom --------------------------------------------------------------- */

/* A hash of all that a report says, by which a reader knows it for a report. */
uint64
gmm_progress_checksum(const GmmFitReport *report)
{
	return hash_bytes_extended((const unsigned char *) report,
							   offsetof(GmmFitReport, checksum), 0);
}

/* What command is in progress, as other processes see it, as far as we know. */
static ProgressCommandType
command_in_progress(void)
{
	return gmm_own_entry() == NULL ? PROGRESS_COMMAND_INVALID :
		gmm_own_entry()->st_progress_command;
}

/* Write all values of the entry. */
static void
write_values(const int64 *values)
{
	int			positions[GMM_FIT_REPORT_VALUES];

	StaticAssertStmt(GMM_FIT_REPORT_VALUES == PGSTAT_NUM_PROGRESS_PARAM,
					 "a report must have as many values as an entry of the server");
	for (int i = 0; i < GMM_FIT_REPORT_VALUES; i++)
		positions[i] = i;
	pgstat_progress_update_multi_param(GMM_FIT_REPORT_VALUES, positions, values);
}

/* Tell other processes. */
static void
show_entry(GmmFitReport *report, Oid relation)
{
	int64		values[GMM_FIT_REPORT_VALUES];

	StaticAssertStmt(sizeof(GmmFitReport) == sizeof(values),
					 "a report must consist of values of 8 bytes");
	report->checksum = gmm_progress_checksum(report);
	memcpy(values, report, sizeof(values));
	if (command_in_progress() != GMM_PROGRESS_COMMAND ||
		gmm_own_entry()->st_progress_command_target != relation)
		pgstat_progress_start_command(GMM_PROGRESS_COMMAND, relation);
	write_values(values);
}

/* The title as it was, or is but for what we have added. */
static void
title_without_line(char *title, int size)
{
	int			length;
	const char *activity = get_ps_display(&length);
	char	   *mark;

	length = Min(length, size - 1);
	memcpy(title, activity, length);
	title[length] = '\0';
	mark = strstr(title, TITLE_MARK);
	if (mark != NULL)
		*mark = '\0';
}

static void
show_title(const char *line)
{
	char		title[64 + GMM_PROGRESS_LINE];

	title_without_line(title, 64);
	strlcat(title, TITLE_MARK, sizeof(title));
	strlcat(title, line, sizeof(title));
	set_ps_display(title);
}

/* Take the line from the title, if one is there. */
static void
clear_title(void)
{
	char		title[64];
	int			length;
	const char *activity = get_ps_display(&length);

	title_without_line(title, sizeof(title));
	if (length > (int) strlen(title) && strncmp(activity, title, strlen(title)) == 0)
		set_ps_display(title);
}

/* Tell everybody whose time it is. */
static void
show(GmmFitReport *report, Oid relation, bool entry)
{
	bool		title = TimestampDifferenceExceeds(last_title, report->time, TITLE_INTERVAL);
	bool		message = gmm_log_progress &&
		TimestampDifferenceExceeds(last_line, report->time, LINE_INTERVAL);
	char		line[GMM_PROGRESS_LINE];

	if (entry)
		show_entry(report, relation);
	if (!title && !message)
		return;
	gmm_progress_line(report, line);
	if (title)
	{
		last_title = report->time;
		show_title(line);
	}
	if (message)
	{
		last_line = report->time;
		ereport(INFO, (errmsg("gmm: %s", line)));
	}
}

/* --- what fits call -------------------------------------------------------- */

/* Rows are being collected; GMM_ROWS_UNTOLD more have been. */
void
gmm_progress_collecting(void)
{
	TimestampTz now = look_at_statement();
	GmmFitReport report = {
		.statement = statement,
		.time = now,
		.phase = GMM_COLLECTING
	};
	ProgressCommandType command = command_in_progress();

	rows_collected += gmm_rows_untold;
	gmm_rows_untold = 0;
	report.n_rows = rows_collected;
	report.fits_done = fits_done;
	show(&report, InvalidOid,
		 command == PROGRESS_COMMAND_INVALID || command == GMM_PROGRESS_COMMAND);
}

/* The engine's report. */
static void
report_fit(void *context, const MixtureProgress *fit)
{
	const GmmProgress *progress = (const GmmProgress *) context;
	GmmFitReport report = {
		.time = look_at_statement(),
		.phase = GMM_READING + fit->phase - MIXTURE_READING,
		.n_rows = fit->n_rows,
		.trial = fit->trial,
		.n_trials = fit->n_trials,
		.k = fit->k,
		.covariance_type = fit->covariance_type,
		.start = fit->start,
		.n_starts = fit->n_starts,
		.sample_passes = fit->sample_passes,
		.iteration = fit->iteration,
		.max_iter = fit->max_iter,
		.mean_log_likelihood = fit->mean_log_likelihood,
		.change = fit->change,
		.tol = fit->tol
	};

	report.statement = statement;
	report.fits_done = fits_done;
	show(&report, progress->relation, true);
}

/*
 * A fit begins, to a relation if that is known: the host that it is to have.
 * *progress must stay until gmm_progress_end(), which an error need not come
 * to.
 */
const MixtureHost *
gmm_progress_begin(GmmProgress *progress, Oid relation)
{
	ProgressCommandType command = command_in_progress();

	progress->host = gmm_host;
	progress->host.context = progress;
	progress->host.report = report_fit;
	progress->host.progress = &progress->fit;
	progress->fit = (MixtureProgress) {.phase = MIXTURE_READING};
	progress->relation = relation;
	progress->lent = command != PROGRESS_COMMAND_INVALID && command != GMM_PROGRESS_COMMAND;
	if (progress->lent)
	{
		progress->command = command;
		progress->target = gmm_own_entry()->st_progress_command_target;
		memcpy(progress->values, gmm_own_entry()->st_progress_param, sizeof(progress->values));
	}
	report_fit(progress, &progress->fit);
	return &progress->host;
}

/* The fit is over. */
void
gmm_progress_end(GmmProgress *progress)
{
	GmmFitReport report = {
		.time = look_at_statement(),
		.phase = GMM_DONE
	};

	report.statement = statement;
	report.fits_done = ++fits_done;
	if (progress->lent)
	{
		pgstat_progress_start_command(progress->command, progress->target);
		write_values(progress->values);
	}
	else
		show_entry(&report, progress->relation);
	clear_title();
}
