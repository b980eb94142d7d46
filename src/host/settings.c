/*
 * settings.c
 *	  The settings of the extension, which whoever runs a query may change.
 *
 * What is set before the library is loaded, PostgreSQL keeps as text until the
 * setting is defined.  In a parallel query it cannot pass on what it kept, and
 * would forget it with a warning; but that may well be where the library is
 * loaded, in a worker or in the leader.  A setting that has such a text is
 * therefore read from it while the query runs, and defined with the next fit
 * outside of one or when the transaction commits, whatever comes first.
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "postmaster/bgworker_internals.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#include "compat.h"
#include "host/settings.h"

int			gmm_parallel_workers = -1;
bool		gmm_log_progress = false;
bool		gmm_warnings = true;

/* A setting: of an integer or of a boolean, with its least and greatest value */
typedef struct Setting
{
	const char *name;
	const char *description;
	const char *detail;
	int			initial;
	int		   *integer;		/* NULL for a boolean */
	int			least;
	int			most;
	bool	   *boolean;
	bool		defined;
} Setting;

static Setting settings[] = {
	{"gmm.parallel_workers",
		"Sets the number of parallel workers of a large fit.",
		"-1 means max_parallel_workers_per_gather; 0 means none.",
	-1, .integer = &gmm_parallel_workers, .least = -1, .most = MAX_PARALLEL_WORKER_LIMIT},
	{"gmm.log_progress",
		"Reports the progress of a fit once a second.",
		"The lines are sent to the client at level INFO.",
	false, .boolean = &gmm_log_progress},
	{"gmm.warnings",
		"Warns of fits that did not converge, or have suspect components.",
		"One warning a statement, however many fits it makes.",
	true, .boolean = &gmm_warnings}
};

static bool all_defined;

/* Take what a setting was set to, unless it is invalid. */
static void
read_text(const Setting *setting, const char *text)
{
	int			value;

	if (setting->integer == NULL)
		(void) parse_bool(text, setting->boolean);
	else if (parse_int(text, &value, 0, NULL) && value >= setting->least &&
			 value <= setting->most)
		*setting->integer = value;
}

static void
define(Setting *setting)
{
	/* the variable of a setting begins with what the setting begins with */
	if (setting->integer != NULL)
	{
		*setting->integer = setting->initial;
		DefineCustomIntVariable(setting->name, setting->description, setting->detail,
								setting->integer, setting->initial, setting->least,
								setting->most, PGC_USERSET, 0, NULL, NULL, NULL);
	}
	else
	{
		*setting->boolean = setting->initial;
		DefineCustomBoolVariable(setting->name, setting->description, setting->detail,
								 setting->boolean, setting->initial, PGC_USERSET, 0,
								 NULL, NULL, NULL);
	}
	setting->defined = true;
}

/* Define the settings that are not yet, or read what they were set to. */
void
gmm_settings_look(void)
{
	if (likely(all_defined))
		return;
	all_defined = true;
	for (int i = 0; i < (int) lengthof(settings); i++)
	{
		Setting    *setting = &settings[i];
		const char *text = NULL;

		if (setting->defined)
			continue;
		if (IsInParallelMode())
			text = GetConfigOption(setting->name, true, false);
		if (text == NULL)
			define(setting);
		else
		{
			read_text(setting, text);
			all_defined = false;
		}
	}
	/* all others of the prefix are mistakes */
	if (all_defined)
		MarkGUCPrefixReserved("gmm");
}

static void
look_at_commit(XactEvent event, void *argument pg_attribute_unused())
{
	if (event == XACT_EVENT_PRE_COMMIT)
		gmm_settings_look();
}

/* The library is loaded. */
void
gmm_settings_load(void)
{
	gmm_settings_look();
	if (!all_defined && !IsParallelWorker())
		RegisterXactCallback(look_at_commit, NULL);
}
