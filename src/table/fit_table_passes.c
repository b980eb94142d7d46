/*
 * fit_table_passes.c
 *	  The passes of gmm_fit_table's engine: each is a query that aggregates the
 *	  sums of an E-step.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/memutils.h"

#include "compat.h"
#include "host/engine_host.h"
#include "rows/features.h"
#include "stats/stats.h"
#include "table/fit_table_private.h"

/* Whether the engine can prepare the parameters. */
static MixtureStatus
check_parameters(const MixturePass *pass, MixtureError *error)
{
	const MixtureParameters *parameters = pass->parameters;
	MixturePrepared *prepared = mixture_prepare_rows(parameters, &gmm_host, error);

	if (prepared == NULL)
		return MIXTURE_NOT_POSITIVE_DEFINITE;
	pfree(prepared);
	return MIXTURE_OK;
}

/* Where the sums of a pass go to. */
typedef struct PassSums
{
	GmmFitTableCount count;
	bool		labelled;
	double	   *sums;
} PassSums;

/*
 * Whether labels count in a pass: not where the engine has made one component of all
 * rows, to know their moments.
 */
static bool
is_labelled(const GmmFitTable *fit, const MixturePass *pass)
{
	return fit->query.labelled && pass->parameters->k == fit->k;
}

/* The parameters of a pass's queries: the model $1 and the center $2. */
static void
run_pass(const GmmFitTable *fit, const MixturePass *pass, const char *query, Datum model,
		 GmmFitTableAnswer answer, void *context)
{
	Oid			types[2] = {fit->query.model_type, FLOAT8ARRAYOID};
	Datum		values[2] = {model, (Datum) 0};
	double	   *center;

	if (pass->center != NULL)
	{
		values[1] = PointerGetDatum(gmm_make_vector(fit->d, &center));
		memcpy(center, pass->center, fit->d * sizeof(double));
	}
	gmm_fit_table_scan_run(&fit->query.scan, query, pass->center != NULL ? 2 : 1, types,
						   values, answer, context);
}

/* Count the rows that statistics are of, and, if they may have labels, these. */
static void
count_rows(GmmFitTableCount *count, const GmmStatsView *view, const Datum *codes)
{
	count->n_rows += view->n_rows;
	count->n_labelled += view->n_labelled;
	count->label_codes += codes != NULL ? DatumGetFloat8(*codes) : 0;
	count->sum_weights += *view->sums.sum_weights;
}

/* Compare a pass with what was counted first.  Labels that it does not count are the same. */
static void
check_count(const GmmFitTable *fit, GmmFitTableCount count, bool labelled)
{
	if (!labelled)
	{
		count.n_labelled = fit->labels.n_labelled;
		count.label_codes = fit->labels.codes;
	}
	gmm_fit_table_check_rows(fit, &count);
}

/* Add the sums of a part.  There are none of no rows. */
static void
take_sums(void *context, const Datum *values, const bool *nulls)
{
	PassSums   *pass = context;
	GmmStatsView view;

	if (nulls[0])
		return;
	gmm_stats_view(values[0], &view);
	count_rows(&pass->count, &view, pass->labelled ? &values[1] : NULL);
	mixture_add_sums(pass->sums, view.sums.sum_weights, view.sums.n_values);
}

/* The sums of an E-step, by gmm_accumulate. */
static void
accumulate_pass(const GmmFitTable *fit, const MixturePass *pass, Datum model, double *sums)
{
	const MixtureParameters *parameters = pass->parameters;
	bool		labelled = is_labelled(fit, pass);
	PassSums	context = {.labelled = labelled, .sums = sums};
	MixtureStats stats;

	mixture_place_stats(&stats, parameters->covariance_type, parameters->k,
						parameters->d, sums);
	memset(sums, 0, stats.n_values * sizeof(double));
	run_pass(fit, pass,
			 gmm_fit_table_query_accumulate(&fit->query, labelled, pass->center != NULL),
			 model, take_sums, &context);
	check_count(fit, context.count, labelled);
}

/* Add the scores of a part, which has none without rows. */
static void
take_scores(void *context, const Datum *values, const bool *nulls)
{
	GmmFitTableScores *scores = context;
	GmmStatsView view;

	if (nulls[0])
		return;
	gmm_stats_view(values[0], &view);
	count_rows(&scores->count, &view, scores->labelled ? &values[1] : NULL);
	scores->log_likelihood += *view.sums.log_likelihood;
	scores->log_density_squares += *view.sums.log_density_squares;
	scores->entropy += DatumGetFloat8(gmm_fit_table_value(values, nulls, scores->labelled ? 2 : 1));
}

/*
 * The sums of an E-step that no M-step follows, with the entropy.  The engine
 * asks twice for those of the parameters that it ends with.
 */
static void
score_pass(GmmFitTable *fit, const MixturePass *pass, GmmModel *model, double *sums)
{
	const MixtureParameters *parameters = pass->parameters;
	bool		labelled = is_labelled(fit, pass);
	MixtureStats stats;

	if (fit->scored == NULL || VARSIZE(fit->scored) != VARSIZE(model) ||
		memcmp(fit->scored, model, VARSIZE(model)) != 0)
	{
		fit->scores = (GmmFitTableScores) {.labelled = labelled};
		run_pass(fit, pass,
				 gmm_fit_table_query_score(&fit->query, labelled, pass->center != NULL),
				 PointerGetDatum(model), take_scores, &fit->scores);
		check_count(fit, fit->scores.count, labelled);
		if (fit->scored != NULL)
			pfree(fit->scored);
		fit->scored = MemoryContextAlloc(fit->context, VARSIZE(model));
		memcpy(fit->scored, model, VARSIZE(model));
	}
	mixture_place_stats(&stats, parameters->covariance_type, parameters->k,
						parameters->d, sums);
	memset(sums, 0, stats.n_values * sizeof(double));
	*stats.sum_weights = fit->scores.count.sum_weights;
	*stats.log_likelihood = fit->scores.log_likelihood;
	*stats.log_density_squares = fit->scores.log_density_squares;
	*stats.entropy = fit->scores.entropy;
}

/* A whole pass, as MixtureSource has it. */
MixtureStatus
gmm_fit_table_pass(void *context, const MixturePass *pass, double *sums,
				   MixtureError *error)
{
	GmmFitTable *fit = context;
	MixtureStatus status = check_parameters(pass, error);
	GmmModel   *model;

	if (status != MIXTURE_OK)
		return status;
	model = gmm_model_make(pass->parameters, NULL, NULL);
	if (pass->m_step)
		accumulate_pass(fit, pass, PointerGetDatum(model), sums);
	else
		score_pass(fit, pass, model, sums);
	pfree(model);
	return MIXTURE_OK;
}
