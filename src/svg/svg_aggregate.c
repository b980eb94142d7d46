/*
 * svg_aggregate.c
 *	  The aggregates gmm_svg and gmm_svg_pairs: pictures of rows and of a mixture.
 *
 * A row that is kept has its component found at once, and only the features
 * that are drawn are held, so that a state is small whatever the dimension.
 * Nearly all rows of a large table are turned away by their hash, before that
 * (svg_state.c).
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/float.h"
#include "utils/memutils.h"

#include "compat.h"
#include "rows/array_arguments.h"
#include "rows/features.h"
#include "rows/row_arguments.h"
#include "host/engine_host.h"
#include "score/scorer.h"
#include "svg/svg.h"
#include "svg/svg_state.h"

/* Positions of the transition functions' arguments */
enum
{
	ARG_STATE = 0,
	ARG_FEATURES = 1,
	ARG_MODEL = 2,
	ARG_DIM_X = 3,				/* gmm_svg */
	ARG_DIM_Y = 4,
	SVG_OPTIONS = 5,
	ARG_DIMS = 3,				/* gmm_svg_pairs */
	PAIRS_OPTIONS = 4
};

/* What tells one aggregate from the other. */
typedef struct SvgCall
{
	bool		pairs;
	int			options;		/* position of the argument */

	/* Which features are drawn, from 0; returns how many. */
	int			(*dims) (FunctionCallInfo fcinfo, const GmmModel *model, int *dims);
	/* Are they what they were? */
	void		(*check_dims) (FunctionCallInfo fcinfo, const SvgState *state);
} SvgCall;

PG_FUNCTION_INFO_V1(gmm_svg_transition);
PG_FUNCTION_INFO_V1(gmm_svg_pairs_transition);
PG_FUNCTION_INFO_V1(gmm_svg_combine);
PG_FUNCTION_INFO_V1(gmm_svg_final);

static GmmModel *
copy_model(MemoryContext context, const GmmModel *model)
{
	GmmModel   *copy = MemoryContextAllocHuge(context, VARSIZE(model));

	memcpy(copy, model, VARSIZE(model));
	return copy;
}


/* --- which features are drawn --- */

/* dim_x or dim_y, from 0; -1 if it is NULL or not there. */
static int
dim_argument(FunctionCallInfo fcinfo, int argument, int d)
{
	if (PG_NARGS() <= argument || PG_ARGISNULL(argument))
		return -1;
	return gmm_dimension(argument == ARG_DIM_X ? "dim_x" : "dim_y", PG_GETARG_INT32(argument), d);
}

/* The n features that tell the components apart the best. */
static int
separating_dims(const GmmModel *model, int n, int *dims)
{
	MixtureParameters parameters;

	n = Min(n, model->d);
	for (int i = 0; i < n; i++)
		dims[i] = i;
	if (n == model->d)
		return n;
	gmm_model_parameters(model, &parameters);
	mixture_separating_features(&parameters, n, dims, &gmm_host);
	return n;
}

/* Two features, or one: those that are given, or else two of the model's. */
static int
svg_dims(FunctionCallInfo fcinfo, const GmmModel *model, int *dims)
{
	dims[0] = dim_argument(fcinfo, ARG_DIM_X, model->d);
	dims[1] = dim_argument(fcinfo, ARG_DIM_Y, model->d);
	if (dims[0] < 0 && dims[1] < 0)
		return separating_dims(model, 2, dims);
	if (dims[0] < 0)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("dim_x must not be NULL if dim_y is not")));
	if (dims[0] == dims[1])
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("dim_x and dim_y are both %d", dims[0] + 1),
				 errhint("Leave dim_y out for a picture of one dimension.")));
	return dims[1] < 0 ? 1 : 2;
}

static void
check_svg_dims(FunctionCallInfo fcinfo, const SvgState *state)
{
	int			dim_x = dim_argument(fcinfo, ARG_DIM_X, state->model->d);
	int			dim_y = dim_argument(fcinfo, ARG_DIM_Y, state->model->d);

	if (dim_x != state->given[0])
		gmm_report_changed("dim_x");
	if (dim_y != state->given[1])
		gmm_report_changed("dim_y");
}

/* The features of an array, or else the best of the model's. */
static int
pairs_dims(FunctionCallInfo fcinfo, const GmmModel *model, int *dims)
{
	if (PG_NARGS() <= ARG_DIMS || PG_ARGISNULL(ARG_DIMS))
		return separating_dims(model, SVG_MAX_DIMS, dims);
	return gmm_dimension_array(PG_GETARG_ARRAYTYPE_P(ARG_DIMS), model->d, SVG_MAX_DIMS, dims);
}

static void
check_pairs_dims(FunctionCallInfo fcinfo, const SvgState *state)
{
	int			dims[SVG_MAX_DIMS];
	bool		given = PG_NARGS() > ARG_DIMS && !PG_ARGISNULL(ARG_DIMS);

	if (given != state->dims_given)
		gmm_report_changed("dims");
	if (given && (pairs_dims(fcinfo, state->model, dims) != state->n_dims ||
				  memcmp(dims, state->dims, state->n_dims * sizeof(int)) != 0))
		gmm_report_changed("dims");
}


/* --- rows --- */

/* The options as a jsonb, or NULL. */
static struct varlena *
options_datum(FunctionCallInfo fcinfo, const SvgCall *call)
{
	if (PG_NARGS() <= call->options || PG_ARGISNULL(call->options))
		return NULL;
	return (struct varlena *) PG_GETARG_POINTER(call->options);
}

/* A state from the arguments of the group's first row. */
static SvgState *
begin_plot(FunctionCallInfo fcinfo, const SvgCall *call, MemoryContext context)
{
	Datum		datum = gmm_model_argument(fcinfo, ARG_MODEL, NULL);
	GmmModel   *model = DatumGetGmmModel(datum);
	struct varlena *json = options_datum(fcinfo, call);
	GmmSvgOptions options;
	int			dims[SVG_MAX_DIMS];
	int			n_dims = call->dims(fcinfo, model, dims);
	SvgState   *state;

	gmm_svg_options_parse(json == NULL ? NULL : PG_GETARG_JSONB_P(call->options), &options);
	state = svg_state_create(context, copy_model(context, model), call->pairs, dims, n_dims,
							 &options);
	if (json != NULL)
	{
		MemoryContext caller = MemoryContextSwitchTo(context);

		state->json = (struct varlena *)
			DatumGetPointer(datumCopy(PointerGetDatum(json), false, -1));
		MemoryContextSwitchTo(caller);
	}
	state->dims_given = call->pairs && PG_NARGS() > ARG_DIMS && !PG_ARGISNULL(ARG_DIMS);
	state->given[0] = call->pairs ? -1 : dim_argument(fcinfo, ARG_DIM_X, model->d);
	state->given[1] = call->pairs ? -1 : dim_argument(fcinfo, ARG_DIM_Y, model->d);
	gmm_model_identity_set(&state->identity, datum, model);
	PG_FREE_IF_COPY(model, ARG_MODEL);
	return state;
}

/* Are the model, the dimensions and the options still what they were? */
static void
continue_plot(FunctionCallInfo fcinfo, const SvgCall *call, SvgState *state)
{
	struct varlena *json = options_datum(fcinfo, call);
	GmmSvgOptions options;

	if (!gmm_model_identity_matches(&state->identity,
									gmm_model_argument(fcinfo, ARG_MODEL, NULL)))
		gmm_report_changed("model");
	call->check_dims(fcinfo, state);
	if ((json == NULL) != (state->json == NULL))
		gmm_report_changed("options");
	if (json == NULL || (VARSIZE_ANY(json) == VARSIZE_ANY(state->json) &&
						 memcmp(json, state->json, VARSIZE_ANY(json)) == 0))
		return;
	gmm_svg_options_parse(PG_GETARG_JSONB_P(call->options), &options);
	if (!gmm_svg_options_equal(&options, &state->options))
		gmm_report_changed("options");
}

/* A hash of the content of a row; adding 0 makes 0 of -0. */
static uint64
hash_row(const GmmFeatures *features)
{
	double		row[MIXTURE_MAX_DIMENSIONS];
	const double *value = features->values;

	for (int i = 0; i < features->d; i++)
		row[i] = gmm_feature_is_null(features, i) ? get_float8_nan() : *value++ + 0.0;
	return mixture_content_hash(row, features->d);
}

/*
 * Count a row, and keep it if it belongs to the sample.  One in which a
 * feature is NULL that is drawn has no place; by the others its component is
 * found.
 */
static void
sample_row(FunctionCallInfo fcinfo, SvgState *state, const GmmFeatures *features)
{
	GmmPlotPoint point = {.count = 1};
	const GmmScorer *scorer;
	double	   *work;

	for (int i = 0; i < state->n_dims; i++)
		if (!gmm_features_element(features, state->dims[i], &point.values[i]))
			return;
	state->n_rows++;
	point.hash = hash_row(features);
	if (point.hash > state->threshold)
		return;

	for (int i = 0; i < state->n_dims; i++)
		point.values[i] += 0.0;
	scorer = gmm_scorer_find(fcinfo->flinfo, PointerGetDatum(state->model), features, &work);
	point.component = mixture_row_predict(scorer->prepared, features->values, work);
	svg_state_add(state, &point);
}

/*
 * One row.  A row without features is skipped, as SQL aggregates do.  The model of
 * a row that is kept is made ready at the call site, once for all groups.
 */
static Datum
transition(FunctionCallInfo fcinfo, const SvgCall *call)
{
	MemoryContext context;
	SvgState   *state = NULL;
	GmmFeatures features;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "transition function called outside of an aggregate");

	if (!PG_ARGISNULL(ARG_STATE))
		state = (SvgState *) PG_GETARG_POINTER(ARG_STATE);
	if (PG_ARGISNULL(ARG_FEATURES))
		return gmm_state_unchanged(fcinfo);

	if (state == NULL)
		state = begin_plot(fcinfo, call, context);
	else
		continue_plot(fcinfo, call, state);

	gmm_model_read_row(PointerGetDatum(state->model), PG_GETARG_DATUM(ARG_FEATURES),
					   &features);
	if (features.d != state->model->d)
		gmm_model_report_dimensions(PointerGetDatum(state->model), features.d);
	sample_row(fcinfo, state, &features);
	gmm_features_release(&features);
	PG_RETURN_POINTER(state);
}

/*
 * gmm_svg_transition(internal, features double precision[], model gmm_model
 *					  [, dim_x integer [, dim_y integer [, options jsonb]]])
 */
Datum
gmm_svg_transition(PG_FUNCTION_ARGS)
{
	static const SvgCall call = {false, SVG_OPTIONS, svg_dims, check_svg_dims};

	return transition(fcinfo, &call);
}

/*
 * gmm_svg_pairs_transition(internal, features double precision[], model gmm_model
 *							[, dims integer[] [, options jsonb]])
 */
Datum
gmm_svg_pairs_transition(PG_FUNCTION_ARGS)
{
	static const SvgCall call = {true, PAIRS_OPTIONS, pairs_dims, check_pairs_dims};

	return transition(fcinfo, &call);
}


/* --- parallel aggregation --- */

/* Are the rows of both drawn by the same arguments? */
static void
check_same(const SvgState *state, const SvgState *other)
{
	if (!gmm_model_key_equal(&state->identity.contents, &other->identity.contents))
		gmm_report_changed("model");
	if (state->n_dims != other->n_dims ||
		memcmp(state->dims, other->dims, state->n_dims * sizeof(int)) != 0)
		gmm_report_changed(state->pairs ? "dims" :
						   state->dims[0] != other->dims[0] ? "dim_x" : "dim_y");
	if (!gmm_svg_options_equal(&state->options, &other->options))
		gmm_report_changed("options");
}

/*
 * gmm_svg_combine(internal, internal) -> internal
 *
 * The sample of the rows of both; the first state is changed.
 */
Datum
gmm_svg_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context;
	SvgState   *state = PG_ARGISNULL(0) ? NULL : (SvgState *) PG_GETARG_POINTER(0);
	SvgState   *other = PG_ARGISNULL(1) ? NULL : (SvgState *) PG_GETARG_POINTER(1);

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "combine function called outside of an aggregate");
	if (other == NULL)
		return gmm_state_unchanged(fcinfo);

	if (state == NULL)
		state = svg_state_create(context, copy_model(context, other->model), other->pairs,
								 other->dims, other->n_dims, &other->options);
	else
		check_same(state, other);
	svg_state_merge(state, other);
	PG_RETURN_POINTER(state);
}


/* --- the picture --- */

/* In the order in which they are drawn: those together that look alike. */
static int
compare_points(const void *a, const void *b)
{
	const GmmPlotPoint *p = a;
	const GmmPlotPoint *q = b;
	int			look = svg_look(p->component);
	int			other = svg_look(q->component);

	if (look != other)
		return look < other ? -1 : 1;
	for (int i = 0; i < SVG_MAX_DIMS; i++)
		if (p->values[i] != q->values[i])
			return p->values[i] < q->values[i] ? -1 : 1;
	if (p->component != q->component)
		return p->component < q->component ? -1 : 1;
	return p->hash < q->hash ? -1 : p->hash > q->hash;
}

/*
 * gmm_svg_final(internal) -> text
 *
 * NULL where there was no row.  May be called again, with more rows or
 * without: to compact the points is all that it does to its state.
 */
Datum
gmm_svg_final(PG_FUNCTION_ARGS)
{
	SvgState   *state;
	MixtureParameters parameters;
	MixtureParameters marginal;
	GmmFeatureNames names;
	GmmPlotPoint *points;
	GmmPlot		plot = {0};

	Assert(AggCheckCallContext(fcinfo, NULL));
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	state = (SvgState *) PG_GETARG_POINTER(0);
	svg_state_compact(state);

	gmm_model_parameters(state->model, &parameters);
	mixture_allocate_parameters(&marginal, parameters.covariance_type,
								parameters.k, state->n_dims, &gmm_host);
	mixture_marginal(&parameters, state->dims, &marginal, &gmm_host);

	points = palloc((state->n_points + 1) * sizeof(GmmPlotPoint));
	memcpy(points, state->points, state->n_points * sizeof(GmmPlotPoint));
	qsort(points, state->n_points, sizeof(GmmPlotPoint), compare_points);

	gmm_model_names(state->model, &names);
	plot.pairs = state->pairs;
	plot.marginal = &marginal;
	plot.dims = state->dims;
	plot.names = &names;
	plot.options = state->options;
	plot.points = points;
	plot.n_points = state->n_points;
	for (int i = 0; i < state->n_points; i++)
		plot.n_sampled += points[i].count;
	plot.n_rows = state->n_rows;
	PG_RETURN_TEXT_P(cstring_to_text(gmm_svg_draw(&plot)));
}
