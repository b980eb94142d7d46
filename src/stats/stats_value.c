/*
 * stats_value.c
 *	  The gmm_stats datum: making, reading and judging it, and its algebra.
 *
 * An iteration of EM needs of the rows nothing but sums.  As a value of their
 * own these sums can be made where the rows are, sent, stored, added and
 * scaled: rows of yesterday need not be read again to be part of a model.
 *
 * As with models, what comes from outside (text, binary) is validated where
 * it enters; what is read from a table is checked for what memory accesses
 * depend on.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "common/int.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "compat.h"
#include "host/engine_host.h"
#include "fit/fit_options.h"
#include "model/model_identity.h"
#include "rows/result_rows.h"
#include "stats/stats.h"

/* Columns of gmm_stats_summary */
#define SUMMARY_COLUMNS		10

PG_FUNCTION_INFO_V1(gmm_stats_add);
PG_FUNCTION_INFO_V1(gmm_decay);
PG_FUNCTION_INFO_V1(gmm_rebase);
PG_FUNCTION_INFO_V1(gmm_maximize);
PG_FUNCTION_INFO_V1(gmm_em_step_final);
PG_FUNCTION_INFO_V1(gmm_stats_summary);

/* The size of statistics of this shape and so many bytes of names, below 1 GB. */
Size
gmm_stats_size(MixtureCovarianceType type, int k, int d, bool noise, int names_size)
{
	StaticAssertStmt((2 * (Size) MIXTURE_MAX_VALUES + 2 * MIXTURE_MAX_COMPONENTS +
					  2 * MIXTURE_MAX_DIMENSIONS + 6) *
					 sizeof(double) + GMM_NAMES_MAX_SIZE(MIXTURE_MAX_DIMENSIONS) +
					 sizeof(GmmStats) < MaxAllocSize,
					 "the largest statistics must fit into a datum");

	return offsetof(GmmStats, values) + sizeof(double) *
		(mixture_sums_count(type, k, d) + mixture_values_count(type, k, d, noise)) +
		names_size;
}

/* View statistics whose header is right. */
void
gmm_stats_place(GmmStats *stats, GmmStatsView *view)
{
	MixtureCovarianceType type = (MixtureCovarianceType) stats->covariance_type;

	view->n_rows = stats->n_rows;
	view->n_labelled = stats->n_labelled;
	mixture_place_stats(&view->sums, type, stats->k, stats->d, stats->values);
	mixture_place_values(&view->parameters, type, stats->k, stats->d,
						 (stats->flags & GMM_STATS_NOISE) != 0,
						 stats->values + view->sums.n_values);
	if (!gmm_names_view((const char *) stats + VARSIZE(stats) - stats->names_size,
						stats->names_size, stats->d, &view->names))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("gmm_stats does not have a name for each feature")));
}

/* Write statistics to gmm_stats_size() bytes. */
void
gmm_stats_init(GmmStats *stats, const GmmStatsView *view)
{
	const MixtureParameters *parameters = &view->parameters;
	MixtureCovarianceType type = parameters->covariance_type;
	int			k = parameters->k;
	int			d = parameters->d;
	bool		noise = parameters->noise_box != NULL;
	int			names_size = view->names.size;
	Size		size = gmm_stats_size(type, k, d, noise, names_size);
	GmmStatsView copy;

	/* Padding too, so that equal statistics are equal bytes */
	memset(stats, 0, offsetof(GmmStats, values));
	SET_VARSIZE(stats, size);
	stats->version = GMM_STATS_VERSION;
	stats->covariance_type = type;
	stats->flags = noise ? GMM_STATS_NOISE : 0;
	stats->k = k;
	stats->d = d;
	stats->n_rows = view->n_rows;
	stats->n_labelled = view->n_labelled;
	stats->names_size = names_size;
	if (names_size > 0)
		memcpy((char *) stats + size - names_size, view->names.bytes, names_size);
	gmm_stats_place(stats, &copy);
	memcpy(copy.sums.sum_weights, view->sums.sum_weights,
		   view->sums.n_values * sizeof(double));
	mixture_copy_values(&copy.parameters, parameters, stats->values + copy.sums.n_values);
}

/* A new datum, palloc'd, of what is viewed. */
GmmStats *
gmm_stats_make(const GmmStatsView *view)
{
	const MixtureParameters *parameters = &view->parameters;
	GmmStats   *stats = palloc(gmm_stats_size(parameters->covariance_type,
											  parameters->k, parameters->d,
											  parameters->noise_box != NULL, view->names.size));

	gmm_stats_init(stats, view);
	return stats;
}

/* Check the header of flat statistics. */
static void
check_header(const GmmStats *stats)
{
	size_t		size = VARSIZE(stats);

	gmm_check_stored("gmm_stats", size, offsetof(GmmStats, values), &stats->version,
					 GMM_STATS_VERSION);
	if (stats->covariance_type >= MIXTURE_N_COVARIANCE_TYPES ||
		stats->k < 1 || stats->d < 1 ||
		!mixture_shape_allowed((MixtureCovarianceType) stats->covariance_type,
							   stats->k, stats->d) ||
		stats->names_size < 0 ||
		stats->names_size > (int32) GMM_NAMES_MAX_SIZE(stats->d) ||
		size != gmm_stats_size((MixtureCovarianceType) stats->covariance_type,
							   stats->k, stats->d, (stats->flags & GMM_STATS_NOISE) != 0,
							   stats->names_size))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("gmm_stats of %zu bytes does not agree with its header",
						size),
				 errdetail("The header says covariance type %d, k = %d, d = %d, flags 0x%04x and %d bytes of names.",
						   stats->covariance_type, stats->k, stats->d, stats->flags,
						   stats->names_size)));
}

/*
 * Read statistics, flat or expanded.  This is the only door for C code, and
 * where older versions of the format will be upgraded.  What is viewed may be
 * part of the datum and is not to be changed; what has to be computed or
 * detoasted is allocated in CurrentMemoryContext.
 */
void
gmm_stats_view(Datum datum, GmmStatsView *view)
{
	GmmStats   *stats;

	if (gmm_stats_view_expanded(datum, view))
		return;
	stats = (GmmStats *) PG_DETOAST_DATUM(datum);
	check_header(stats);
	gmm_stats_place(stats, view);
}

/*
 * Check everything that is promised of the sums of stored statistics; the
 * model must have been checked before.  Errors go to escontext, and false is
 * returned where that makes them soft.
 */
bool
gmm_stats_check(const GmmStatsView *view, Node *escontext)
{
	int			component;
	const char *rule = NULL;

	switch (mixture_stats_check(&view->sums, &component, &gmm_host))
	{
		case MIXTURE_STATS_SOUND:
			if (view->n_rows < 0)
				rule = "\"n_rows\" must not be negative";
			else if (view->n_labelled < 0 || view->n_labelled > view->n_rows)
				rule = "\"n_labelled\" must be between 0 and \"n_rows\"";
			else if (*view->sums.entropy != 0 || signbit(*view->sums.entropy))
				rule = "statistics have an entropy that no E-step gave them";
			else if (view->parameters.noise_box == NULL && *view->sums.noise_weight != 0)
				rule = "\"noise_sum\" must be 0 where the model has no noise";
			else if (view->n_rows == 0 && *view->sums.sum_weights > 0)
				rule = "\"sum_weights\" must be 0 where \"n_rows\" is";
			else
				return true;
			break;
		case MIXTURE_STATS_NOT_FINITE:
			rule = "statistics must not contain NaN or infinity";
			break;
		case MIXTURE_STATS_NEGATIVE_WEIGHT:
			rule = *view->sums.noise_weight < 0 ? "\"noise_sum\" must not be negative" :
				component < 0 ? "\"sum_weights\" must not be negative" :
				"\"component_weights\" must not be negative";
			break;
		case MIXTURE_STATS_WEIGHT_SUM:
			rule = view->parameters.noise_box == NULL ?
				"\"component_weights\" must sum to \"sum_weights\"" :
				"\"component_weights\" and \"noise_sum\" must sum to \"sum_weights\"";
			break;
		case MIXTURE_STATS_NEGATIVE_SQUARE:
			rule = "sums of squares in \"seconds\" must not be negative";
			break;
		case MIXTURE_STATS_LOG_DENSITIES:
			rule = "\"log_density_squares\" must be at least the square of \"log_likelihood\" over \"sum_weights\"";
			break;
		case MIXTURE_STATS_IMPOSSIBLE:
			rule = "\"firsts\" or \"seconds\" are larger than the sums of squares and the weight allow";
			break;
	}
	ereturn(escontext, false,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg_internal("%s", rule),
			 component < 0 ? 0 : errdetail("The fault is in component %d.", component + 1)));
}

/*
 * Make statistics from what their text form has, validating everything.
 * Returns NULL after a soft error.
 */
GmmStats *
gmm_stats_from_parts(const GmmModel *model, const GmmSumsText *text, Node *escontext)
{
	GmmStatsView view;
	int			dims[2] = {model->k, model->d};
	double	   *packed;
	double	   *sums;

	if (!gmm_array_check_shape(&text->component_weights, dims, 1, "k", escontext) ||
		!gmm_array_check_shape(&text->firsts, dims, 2, "k x d", escontext))
		return NULL;
	gmm_model_parameters(model, &view.parameters);
	gmm_model_names(model, &view.names);
	packed = gmm_array_to_covariances(&text->seconds, view.parameters.covariance_type,
									  model->k, model->d, escontext);
	if (packed == NULL)
		return NULL;

	view.n_rows = text->n_rows;
	view.n_labelled = text->n_labelled;
	sums = palloc(sizeof(double) * mixture_sums_count(view.parameters.covariance_type,
													  model->k, model->d));
	mixture_place_stats(&view.sums, view.parameters.covariance_type, model->k,
						model->d, sums);
	*view.sums.sum_weights = text->sum_weights;
	*view.sums.log_likelihood = text->log_likelihood;
	*view.sums.log_density_squares = text->log_density_squares;
	*view.sums.entropy = 0;		/* as with every E-step that an M-step follows */
	*view.sums.noise_weight = text->noise_sum;
	memcpy(view.sums.component_weights, text->component_weights.values,
		   model->k * sizeof(double));
	memcpy(view.sums.firsts, text->firsts.values,
		   (size_t) model->k * model->d * sizeof(double));
	memcpy(view.sums.seconds, packed, sizeof(double) *
		   mixture_covariance_count(view.parameters.covariance_type, model->k, model->d));
	if (!gmm_stats_check(&view, escontext))
		return NULL;
	return gmm_stats_make(&view);
}

/*
 * Refuse a model of another shape than the one of the statistics, which are to be
 * added to others, or else rebased.
 */
static void
check_same_shape(const MixtureParameters *own, const MixtureParameters *other, bool added)
{
	if ((own->noise_box != NULL) != (other->noise_box != NULL))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 added ?
				 errmsg("statistics of models with and without noise cannot be added") :
				 own->noise_box != NULL ?
				 errmsg("statistics of a model with noise cannot be rebased to one without") :
				 errmsg("statistics of a model without noise cannot be rebased to one with noise"),
				 added ? errhint("Accumulate both under the same model.") :
				 errhint("Accumulate the rows under this model.")));
	if (own->k != other->k || own->d != other->d ||
		own->covariance_type != other->covariance_type)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 added ?
				 errmsg("statistics of models of different shapes cannot be added") :
				 errmsg("statistics cannot be rebased to a model of another shape"),
				 errdetail("One is %s with k = %d and d = %d, the other %s with k = %d and d = %d.",
						   gmm_covariance_type_name(own->covariance_type), own->k, own->d,
						   gmm_covariance_type_name(other->covariance_type),
						   other->k, other->d)));
}

/* Are both of one model, the names of its features included? */
bool
gmm_stats_same_model(const GmmStatsView *a, const GmmStatsView *b)
{
	return mixture_parameters_equal(&a->parameters, &b->parameters) &&
		gmm_names_equal(&a->names, &b->names);
}

/* Refuse statistics that are of another model. */
void
gmm_stats_check_same_model(const GmmStatsView *a, const GmmStatsView *b)
{
	check_same_shape(&a->parameters, &b->parameters, true);
	if (!gmm_stats_same_model(a, b))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("statistics of different models cannot be added"),
				 !mixture_parameters_equal(&a->parameters, &b->parameters) ? 0 :
				 errdetail("The models differ in the names of their features."),
				 errhint("Accumulate both under the same model, or rebase one to the other's model with gmm_rebase.")));
}

/* Refuse sums that have left the range of a double. */
void
gmm_stats_check_range(const MixtureStats *sums)
{
	MixtureError error = {.feature = -1};

	if (!mixture_stats_finite(sums))
		gmm_report_status(isfinite(*sums->sum_weights) ? MIXTURE_SUM_RANGE :
						  MIXTURE_WEIGHT_RANGE, sums->k, NULL, &error);
}

/* Count more rows, of which there cannot be more than a bigint holds. */
void
gmm_stats_count_rows(int64 *n_rows, int64 more)
{
	if (pg_add_s64_overflow(*n_rows, more, n_rows))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("the number of rows of the statistics is out of range for type bigint")));
}

/* gmm_stats_add(gmm_stats, gmm_stats) returns gmm_stats: the operator + */
Datum
gmm_stats_add(PG_FUNCTION_ARGS)
{
	GmmStatsView a;
	GmmStatsView b;
	GmmStats   *result;

	gmm_stats_view(PG_GETARG_DATUM(0), &a);
	gmm_stats_view(PG_GETARG_DATUM(1), &b);
	gmm_stats_check_same_model(&a, &b);
	result = gmm_stats_make(&a);
	gmm_stats_place(result, &a);
	mixture_add_sums(a.sums.sum_weights, b.sums.sum_weights, a.sums.n_values);
	gmm_stats_count_rows(&result->n_rows, b.n_rows);
	result->n_labelled += b.n_labelled;
	gmm_stats_check_range(&a.sums);
	PG_RETURN_GMM_STATS(result);
}

/*
 * gmm_decay(stats gmm_stats, factor double precision) returns gmm_stats
 *
 * Every row with factor times its weight.  The number of rows stays: it says
 * how many have come in.
 */
Datum
gmm_decay(PG_FUNCTION_ARGS)
{
	double		factor = PG_GETARG_FLOAT8(1);
	GmmStatsView view;
	GmmStats   *result;

	if (!(factor >= 0 && factor <= 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("factor must be from 0 to 1, not %g", factor),
				 errhint("1 forgets nothing, 0.5 halves the weight of every row.")));
	gmm_stats_view(PG_GETARG_DATUM(0), &view);
	result = gmm_stats_make(&view);
	gmm_stats_place(result, &view);
	mixture_stats_scale(&view.sums, factor);
	PG_RETURN_GMM_STATS(result);
}

/*
 * gmm_rebase(stats gmm_stats, model gmm_model) returns gmm_stats
 *
 * Statistics to which those of other rows under the model can be added: about
 * the means of the model, with the responsibilities and the log-likelihood
 * that the rows had under the model before.  To go on so is stepwise EM
 * (Cappe and Moulines 2009).
 */
Datum
gmm_rebase(PG_FUNCTION_ARGS)
{
	GmmModel   *model = PG_GETARG_GMM_MODEL(1);
	GmmStatsView view;
	GmmStatsView moved;
	GmmStats   *result;

	gmm_stats_view(PG_GETARG_DATUM(0), &view);
	moved = view;
	gmm_model_parameters(model, &moved.parameters);
	gmm_model_names(model, &moved.names);
	check_same_shape(&view.parameters, &moved.parameters, false);
	result = gmm_stats_make(&moved);
	gmm_stats_place(result, &moved);
	if (!mixture_parameters_equal(&moved.parameters, &view.parameters))
		mixture_stats_rebase(&moved.sums, &view.parameters, &moved.parameters, &gmm_host);
	gmm_stats_check_range(&moved.sums);
	PG_RETURN_GMM_STATS(result);
}

/*
 * The model that one step of EM from the statistics leads to.  It knows
 * nothing of a fit: the log-likelihood of the statistics is that of the model
 * before.  names are those that it has for its features.
 */
GmmModel *
gmm_stats_step(const GmmStatsView *view, const GmmFeatureNames *names,
			   const MixtureOptions *options)
{
	MixtureParameters next;
	MixtureError error = {0};
	MixtureStatus status;
	GmmModel   *model;

	mixture_allocate_parameters(&next, view->parameters.covariance_type,
								view->parameters.k, view->parameters.d, &gmm_host);
	status = mixture_step(&view->sums, &view->parameters, options, &next,
						  &gmm_host, &error);
	if (status != MIXTURE_OK)
		gmm_report_status(status, view->parameters.k, names, &error);
	model = gmm_model_make(&next, names, NULL);
	pfree(next.weights);
	return model;
}

/*
 * gmm_maximize(stats gmm_stats, options jsonb) returns gmm_model
 *
 * Not strict: without options it takes the defaults, as gmm_fit does.
 */
Datum
gmm_maximize(PG_FUNCTION_ARGS)
{
	GmmStatsView view;
	GmmOptions	options;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	gmm_stats_view(PG_GETARG_DATUM(0), &view);
	gmm_options_parse(PG_ARGISNULL(1) ? NULL : PG_GETARG_JSONB_P(1), GMM_USE_STEP,
					  "gmm_maximize", &options);
	gmm_options_check_family(&options, view.parameters.covariance_type,
							 "that of the statistics", "Leave the option out.");
	gmm_options_check_features(&options, view.parameters.d);
	gmm_options_bind(&options, view.parameters.covariance_type, view.parameters.k,
					 view.parameters.d);
	PG_RETURN_GMM_MODEL(gmm_stats_step(&view, options.given & GMM_OPTION_FEATURES ?
									   &options.features : &view.names,
									   &options.mixture));
}

/* gmm_em_step_final(gmm_stats) returns gmm_model */
Datum
gmm_em_step_final(PG_FUNCTION_ARGS)
{
	const MixtureOptions options = {.reg_covar = GMM_DEFAULT_REG_COVAR};
	GmmStatsView view;

	gmm_stats_view(PG_GETARG_DATUM(0), &view);
	PG_RETURN_GMM_MODEL(gmm_stats_step(&view, &view.names, &options));
}

/*
 * gmm_stats_summary(gmm_stats) returns k, d, covariance_type, n_rows, n_labelled,
 * sum_weights, log_likelihood, the log density's mean and standard deviation
 * (NULL without weight), and the share of noise (NULL where the model has none)
 */
Datum
gmm_stats_summary(PG_FUNCTION_ARGS)
{
	TupleDesc	descriptor = gmm_result_descriptor(fcinfo, SUMMARY_COLUMNS);
	GmmStatsView view;
	Datum		values[SUMMARY_COLUMNS];
	bool		nulls[SUMMARY_COLUMNS] = {false};
	double		stddev;

	gmm_stats_view(PG_GETARG_DATUM(0), &view);
	values[0] = Int32GetDatum(view.parameters.k);
	values[1] = Int32GetDatum(view.parameters.d);
	values[2] = CStringGetTextDatum(gmm_covariance_type_name(view.parameters.covariance_type));
	values[3] = Int64GetDatum(view.n_rows);
	values[4] = Int64GetDatum(view.n_labelled);
	values[5] = Float8GetDatum(*view.sums.sum_weights);
	values[6] = Float8GetDatum(*view.sums.log_likelihood);
	nulls[7] = !(*view.sums.sum_weights > 0);
	values[7] = nulls[7] ? (Datum) 0 :
		Float8GetDatum(*view.sums.log_likelihood / *view.sums.sum_weights);
	stddev = mixture_log_density_stddev(&view.sums);
	nulls[8] = isnan(stddev);
	values[8] = nulls[8] ? (Datum) 0 : Float8GetDatum(stddev);
	nulls[9] = nulls[7] || view.parameters.noise_box == NULL;
	values[9] = nulls[9] ? (Datum) 0 :
		Float8GetDatum(*view.sums.noise_weight / *view.sums.sum_weights);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(descriptor, values, nulls)));
}
