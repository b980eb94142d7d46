/*
 * engine_progress.c
 *	  How far a long fit has come, for those who watch it.
 *
 * The process title (what ps shows) has the phase and the iteration behind the
 * command, and with gmm.log_progress the client gets a line with the
 * likelihood, once a second.  A fit that is over sooner shows nothing, so that
 * a query of many small groups does not spend its time on reports.
 *
 * One fit at a time runs in a process, so what is known of it is static.  An
 * error leaves the title to the server, which sets it with the next command.
 */
#include "postgres.h"

#include <math.h>

#include "utils/ps_status.h"
#include "utils/timestamp.h"

#include "host/engine_progress.h"
#include "host/settings.h"

/* Milliseconds between two titles, and between two lines */
#define TITLE_INTERVAL		200
#define LINE_INTERVAL		1000

static TimestampTz last_title;
static TimestampTz last_line;
static bool title_changed;
static char command[64];		/* the title as it was */

static const char *const phase_names[] = {
	[MIXTURE_SAMPLING] = "sampling",
	[MIXTURE_STARTS] = "starts",
	[MIXTURE_ITERATING] = "iterating"
};

/* A fit begins. */
void
gmm_progress_begin(void)
{
	gmm_settings_look();
	last_title = last_line = GetCurrentTimestamp();
	title_changed = false;
}

static void
show_title(const MixtureProgress *progress)
{
	char		title[sizeof(command) + 64];

	if (!title_changed)
	{
		int			length;
		const char *activity = get_ps_display(&length);

		length = Min(length, (int) sizeof(command) - 1);
		memcpy(command, activity, length);
		command[length] = '\0';
		title_changed = true;
	}
	if (progress->phase == MIXTURE_SAMPLING)
		snprintf(title, sizeof(title), "%s gmm: %s", command,
				 phase_names[progress->phase]);
	else
		snprintf(title, sizeof(title), "%s gmm: %s, iteration %d", command,
				 phase_names[progress->phase], progress->iteration);
	set_ps_display(title);
}

static void
show_line(const MixtureProgress *progress)
{
	const char *phase = phase_names[progress->phase];

	if (progress->phase == MIXTURE_SAMPLING)
		ereport(INFO, (errmsg("gmm: %s", phase)));
	else if (isnan(progress->change))
		ereport(INFO,
				(errmsg("gmm: %s, iteration %d, mean log-likelihood %.9g",
						phase, progress->iteration,
						progress->mean_log_likelihood)));
	else
		ereport(INFO,
				(errmsg("gmm: %s, iteration %d, mean log-likelihood %.9g, change %.3g",
						phase, progress->iteration,
						progress->mean_log_likelihood, progress->change)));
}

/* A fit has come so far; show it if it is time to. */
void
gmm_progress_report(const MixtureProgress *progress)
{
	TimestampTz now = GetCurrentTimestamp();

	if (TimestampDifferenceExceeds(last_title, now, TITLE_INTERVAL))
	{
		show_title(progress);
		last_title = now;
	}
	if (gmm_log_progress && TimestampDifferenceExceeds(last_line, now, LINE_INTERVAL))
	{
		last_line = now;
		show_line(progress);
	}
}

/* The fit is over. */
void
gmm_progress_end(void)
{
	if (title_changed)
		set_ps_display(command);
	title_changed = false;
}
