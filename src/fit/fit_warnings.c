/*
 * fit_warnings.c
 *	  One warning a statement for the fits that went less than well.
 *
 * A fit that made all the passes that it was allowed without having converged,
 * or that ended with components that the rows do not support, is a result, and
 * the model says so; but who looks?  A warning for each of ten thousand groups
 * would be as bad as none.  So the fits of a statement are counted, and what
 * was found is said once, when its execution ends.
 *
 * The counts belong to the executor's state of the statement (EState), however
 * many aggregates, subqueries and rescans it has.  An expression context of our
 * own tells when that ends: its callback runs in FreeExecutorState(), and not
 * if the statement fails.  A statement in a function is one of its own, as
 * are those that the nodes of a cluster, or parallel workers, run.
 *
 * A function that is no aggregate does not know its EState: gmm_fit_table
 * warns at once, and names the relation.
 */
#include "postgres.h"

#include "executor/executor.h"
#include "nodes/execnodes.h"
#include "utils/memutils.h"

#include "compat.h"
#include "fit/fit_warnings.h"
#include "host/settings.h"

/* Fits of one kind: how many, and what the first was like. */
typedef struct Troubled
{
	int64		n_fits;
	int			k;
	MixtureCovarianceType covariance_type;
	int			iterations;
	int			n_suspect;
} Troubled;

typedef struct FitReport
{
	EState	   *estate;			/* of the statement; NULL: of a single fit */
	const char *relation;		/* of a single fit */
	int64		n_fits;
	Troubled	unconverged;
	Troubled	suspect;
	MemoryContextCallback forget;
	struct FitReport *next;
} FitReport;

/* Of all statements that are being executed, one inside of the other. */
static FitReport *reports = NULL;

static void
note_trouble(Troubled *troubled, const GmmModel *model, int n_suspect)
{
	if (troubled->n_fits++ > 0)
		return;
	troubled->k = model->k;
	troubled->covariance_type = (MixtureCovarianceType) model->covariance_type;
	troubled->iterations = model->fit.iterations;
	troubled->n_suspect = n_suspect;
}

/*
 * Count a fit.  Who asked for a number of passes by a tol of 0, or for none, has
 * got them.
 */
static void
count_fit(FitReport *report, const GmmModel *model, const MixtureOptions *options)
{
	int			n_suspect = gmm_model_judge(model, NULL);

	report->n_fits++;
	if (!model->fit.converged && options->tol > 0 && options->max_iter > 0)
		note_trouble(&report->unconverged, model, n_suspect);
	if (n_suspect > 0)
		note_trouble(&report->suspect, model, n_suspect);
}

/* What happened, in the primary message. */
static int
report_message(const FitReport *report)
{
	int64		unconverged = report->unconverged.n_fits;
	int64		suspect = report->suspect.n_fits;
	const char *of_relation = report->relation == NULL ? "" :
		psprintf(" of \"%s\"", report->relation);

	if (report->n_fits == 1)
		return errmsg("the fit%s %s%s%s", of_relation,
					  unconverged > 0 ? "did not converge" : "",
					  unconverged > 0 && suspect > 0 ? ", and " : "",
					  suspect > 0 ? "has suspect components" : "");
	if (suspect == 0)
		return errmsg(INT64_FORMAT " of " INT64_FORMAT " fits did not converge",
					  unconverged, report->n_fits);
	if (unconverged == 0)
		return errmsg(INT64_FORMAT " of " INT64_FORMAT " fits ended with suspect components",
					  suspect, report->n_fits);
	return errmsg(INT64_FORMAT " of " INT64_FORMAT " fits did not converge, and " INT64_FORMAT
				  " ended with suspect components",
				  unconverged, report->n_fits, suspect);
}

static void
describe_fit(StringInfo text, const char *which, const Troubled *fit)
{
	appendStringInfo(text, "%s%s has k = %d and covariance_type %s, and made %d %s",
					 text->len > 0 ? "  " : "", which, fit->k,
					 gmm_covariance_type_name(fit->covariance_type),
					 fit->iterations, fit->iterations == 1 ? "pass" : "passes");
	if (fit->n_suspect > 0)
		appendStringInfo(text, "; %d of its components %s suspect",
						 fit->n_suspect, fit->n_suspect == 1 ? "is" : "are");
	appendStringInfoChar(text, '.');
}

/* What the first fits in trouble are like; palloc'd. */
static char *
describe_first(const FitReport *report)
{
	bool		unconverged = report->unconverged.n_fits > 0;
	StringInfoData text;

	initStringInfo(&text);
	if (report->n_fits == 1)
		describe_fit(&text, "It", unconverged ? &report->unconverged : &report->suspect);
	else
	{
		if (unconverged)
			describe_fit(&text, "The first that did not converge", &report->unconverged);
		if (report->suspect.n_fits > 0)
			describe_fit(&text, "The first with suspect components", &report->suspect);
	}
	return text.data;
}

/* Say what the report has, if anything. */
static void
emit_report(const FitReport *report)
{
	bool		unconverged = report->unconverged.n_fits > 0;
	bool		suspect = report->suspect.n_fits > 0;

	if (!unconverged && !suspect)
		return;
	ereport(WARNING,
			(errcode(ERRCODE_WARNING),
			 report_message(report),
			 errdetail_internal("%s", describe_first(report)),
			 errhint("%s%s%s",
					 unconverged ? "Use a larger value of the option \"max_iter\", or of \"tol\"." : "",
					 unconverged && suspect ? "  " : "",
					 suspect ? "Look at the column suspect of gmm_components(model), and use a smaller k, a larger \"reg_covar\" or a simpler \"covariance_type\"." : "")));
}

/* The statement has been executed; a callback of an expression context. */
static void
finish_report(Datum argument)
{
	emit_report((const FitReport *) DatumGetPointer(argument));
}

/* The memory of a report goes, whether its statement succeeded or not. */
static void
forget_report(void *argument)
{
	FitReport **link = &reports;

	while (*link != NULL && *link != argument)
		link = &(*link)->next;
	if (*link != NULL)
		*link = (*link)->next;
}

/* The report of the statement that is executed with this state. */
static FitReport *
statement_report(EState *estate)
{
	FitReport  *report;

	for (report = reports; report != NULL; report = report->next)
		if (report->estate == estate)
			return report;

	report = MemoryContextAllocZero(estate->es_query_cxt, sizeof(FitReport));
	report->estate = estate;
	RegisterExprContextCallback(CreateExprContext(estate), finish_report,
								PointerGetDatum(report));
	report->forget.func = forget_report;
	report->forget.arg = report;
	report->next = reports;
	reports = report;
	MemoryContextRegisterResetCallback(estate->es_query_cxt, &report->forget);
	return report;
}

/*
 * Note how a fit ended that a final function, or a function that is no
 * aggregate, is about to return.  The relation's name is of the latter only.
 */
void
gmm_warnings_note(FunctionCallInfo fcinfo, const GmmModel *model,
				  const MixtureOptions *options, const char *relation)
{
	Node	   *context = fcinfo->context;
	FitReport	single = {0};

	if (!gmm_warnings)
		return;
	if (context != NULL && IsA(context, AggState))
		count_fit(statement_report(((AggState *) context)->ss.ps.state), model, options);
	else if (context != NULL && IsA(context, WindowAggState))
		count_fit(statement_report(((WindowAggState *) context)->ss.ps.state), model, options);
	else
	{
		single.relation = relation;
		count_fit(&single, model, options);
		emit_report(&single);
	}
}
