/*
 * svg_aggregate.c
 *	  The aggregate gmm_svg: a picture of rows and of a mixture.
 *
 * A picture has room for some thousand points, so that is what is kept,
 * however many rows there are: the distinct rows whose hashes are the smallest
 * (bottom-k sampling, Cohen and Kaplan 2007).  Which rows these are hangs on
 * what is in them and not on their order, so two such samples merge into that
 * of all rows, and parallel workers and any plan give the same picture.
 *
 * A row that is kept has its component found at once, and only the features
 * that are drawn are held, so that a state is small whatever the dimension.
 * Nearly all rows of a large table are turned away by their hash, before that.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "compat.h"
#include "engine/core/random.h"
#include "rows/features.h"
#include "rows/row_arguments.h"
#include "host/engine_host.h"
#include "model/model.h"
#include "model/model_identity.h"
#include "svg/svg_rows.h"
#include "score/prepared.h"
#include "svg/svg.h"

/* Distinct rows that are kept: as points, or for a histogram */
#define SCATTER_LIMIT		2000
#define HISTOGRAM_LIMIT		10000

/* Of the serialized state */
#define PLOT_STATE_VERSION	1
#define PLOT_POINT_SIZE		(2 * sizeof(int64) + 2 * sizeof(float8) + sizeof(int32))

/* Positions of the transition functions' arguments */
enum
{
	ARG_STATE = 0,
	ARG_FEATURES = 1,
	ARG_MODEL = 2,
	ARG_DIM_X = 3,
	ARG_DIM_Y = 4
};

typedef struct PlotState
{
	MemoryContext context;		/* the aggregate's; all of this lives there */
	GmmModel   *model;
	GmmModelIdentity identity;
	int			n_dims;			/* features that are drawn: 1 or 2 */
	int			dims[2];		/* which, from 0 */
	int64		n_rows;			/* rows that could be drawn */
	uint64		threshold;		/* rows of a larger hash are not kept */
	int			limit;			/* points after compact_points() */
	int			n_points;
	int			capacity;		/* up to twice the limit */
	GmmPlotPoint *points;
} PlotState;

PG_FUNCTION_INFO_V1(gmm_svg_transition);
PG_FUNCTION_INFO_V1(gmm_svg_combine);
PG_FUNCTION_INFO_V1(gmm_svg_serialize);
PG_FUNCTION_INFO_V1(gmm_svg_deserialize);
PG_FUNCTION_INFO_V1(gmm_svg_final);


/* --- the sample --- */

#define COMPARE(a, b)	((a) < (b) ? -1 : (a) > (b))

/* By hash; ties, which hardly occur, in an order of content. */
static int
compare_hashes(const void *a, const void *b)
{
	const GmmPlotPoint *p = a;
	const GmmPlotPoint *q = b;

	if (p->hash != q->hash)
		return COMPARE(p->hash, q->hash);
	if (p->x != q->x)
		return COMPARE(p->x, q->x);
	if (p->y != q->y)
		return COMPARE(p->y, q->y);
	return COMPARE(p->component, q->component);
}

/* In the order in which they are drawn: those together that look alike. */
static int
compare_points(const void *a, const void *b)
{
	const GmmPlotPoint *p = a;
	const GmmPlotPoint *q = b;
	int			look = svg_look(p->component);
	int			other = svg_look(q->component);

	if (look != other)
		return COMPARE(look, other);
	if (p->x != q->x)
		return COMPARE(p->x, q->x);
	if (p->y != q->y)
		return COMPARE(p->y, q->y);
	if (p->component != q->component)
		return COMPARE(p->component, q->component);
	return COMPARE(p->hash, q->hash);
}

/*
 * Join equal points and drop those beyond the limit.  A point that stays has
 * never been dropped, so its count is that of all rows like it.  What the
 * state stands for does not change.
 */
static void
compact_points(PlotState *state)
{
	GmmPlotPoint *points = state->points;
	int			kept = 0;

	if (state->n_points > 0)
		qsort(points, state->n_points, sizeof(GmmPlotPoint), compare_hashes);
	for (int i = 0; i < state->n_points; i++)
	{
		if (kept > 0 && compare_hashes(&points[kept - 1], &points[i]) == 0)
			points[kept - 1].count += points[i].count;
		else if (kept < state->limit)
			points[kept++] = points[i];
		else
		{
			state->threshold = points[kept - 1].hash;
			break;
		}
	}
	state->n_points = kept;
}

/* Make room for one point more. */
static void
reserve_point(PlotState *state)
{
	if (state->n_points < state->capacity)
		return;
	if (state->capacity == 2 * state->limit)
	{
		compact_points(state);
		return;
	}
	state->capacity = Min(2 * state->capacity, 2 * state->limit);
	state->points = repalloc(state->points, state->capacity * sizeof(GmmPlotPoint));
}

static void
add_point(PlotState *state, const GmmPlotPoint *point)
{
	if (point->hash > state->threshold)
		return;
	reserve_point(state);
	state->points[state->n_points++] = *point;
}

/* A state without rows, for a model that now belongs to it. */
static PlotState *
create_state(MemoryContext context, GmmModel *model, const int *dims, int n_dims)
{
	PlotState  *state = MemoryContextAllocZero(context, sizeof(PlotState));

	state->context = context;
	state->model = model;
	gmm_model_identity_set(&state->identity, PointerGetDatum(model), model);
	state->n_dims = n_dims;
	for (int i = 0; i < n_dims; i++)
		state->dims[i] = dims[i];
	state->threshold = PG_UINT64_MAX;
	state->limit = n_dims == 1 ? HISTOGRAM_LIMIT : SCATTER_LIMIT;
	state->capacity = 32;
	state->points = MemoryContextAlloc(context, state->capacity * sizeof(GmmPlotPoint));
	return state;
}

static GmmModel *
copy_model(MemoryContext context, const GmmModel *model)
{
	GmmModel   *copy = MemoryContextAllocHuge(context, VARSIZE(model));

	memcpy(copy, model, VARSIZE(model));
	return copy;
}


/* --- rows --- */

/* A dimension to draw, given from 1 and returned from 0. */
static int
dim_argument(FunctionCallInfo fcinfo, int argument, int d)
{
	const char *name = argument == ARG_DIM_X ? "dim_x" : "dim_y";
	int			dim;

	if (PG_ARGISNULL(argument))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be NULL", name)));
	dim = PG_GETARG_INT32(argument);
	if (dim < 1 || dim > d)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg_plural("%s is %d, but the model has %d dimension",
							   "%s is %d, but the model has %d dimensions",
							   d, name, dim, d),
				 errhint("Dimensions are counted from 1.")));
	return dim - 1;
}

/* Which features are drawn: the first two unless said otherwise. */
static int
drawn_dims(FunctionCallInfo fcinfo, int d, int *dims)
{
	int			n_dims = PG_NARGS() > ARG_DIM_X ? PG_NARGS() - ARG_DIM_X : Min(d, 2);

	for (int i = 0; i < n_dims; i++)
		dims[i] = PG_NARGS() > ARG_DIM_X ? dim_argument(fcinfo, ARG_DIM_X + i, d) : i;
	if (n_dims == 2 && dims[0] == dims[1])
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("dim_x and dim_y are both %d", dims[0] + 1),
				 errhint("Leave dim_y out for a picture of one dimension.")));
	return n_dims;
}

/* A state from the arguments of the group's first row. */
static PlotState *
begin_plot(FunctionCallInfo fcinfo, MemoryContext context)
{
	Datum		datum = gmm_model_argument(fcinfo, ARG_MODEL, NULL);
	GmmModel   *model = DatumGetGmmModel(datum);
	int			dims[2];
	int			n_dims = drawn_dims(fcinfo, model->d, dims);
	PlotState  *state = create_state(context, copy_model(context, model),
									 dims, n_dims);

	gmm_model_identity_set(&state->identity, datum, model);
	PG_FREE_IF_COPY(model, ARG_MODEL);
	return state;
}

/* Are the model and the dimensions still what they were? */
static void
continue_plot(FunctionCallInfo fcinfo, PlotState *state)
{
	if (!gmm_model_identity_matches(&state->identity,
									gmm_model_argument(fcinfo, ARG_MODEL, NULL)))
		gmm_report_changed("model");
	for (int i = 0; i < PG_NARGS() - ARG_DIM_X; i++)
		if (dim_argument(fcinfo, ARG_DIM_X + i, state->model->d) != state->dims[i])
			gmm_report_changed(i == 0 ? "dim_x" : "dim_y");
}

/*
 * A hash of the content of a row; 0 and -0 are equal.  A NULL has the bits of
 * a NaN, which is no feature.
 */
static uint64
hash_row(const GmmFeatures *features)
{
	uint64		hash = (uint64) features->d;

	for (int i = 0, place = 0; i < features->d; i++)
	{
		uint64		bits = PG_UINT64_MAX;

		if (!gmm_feature_is_null(features, i))
		{
			double		value = features->values[place++] + 0.0;

			memcpy(&bits, &value, sizeof(bits));
		}
		hash = random_combine(hash, bits);
	}
	return hash;
}

/*
 * Count a row, and keep it if it belongs to the sample.  One in which a
 * feature is NULL that is drawn has no place; by the others its component is
 * found.
 */
static void
sample_row(FunctionCallInfo fcinfo, PlotState *state, const GmmFeatures *features)
{
	GmmPlotPoint point = {.count = 1};
	const GmmScorer *scorer;
	double	   *work;

	if (!gmm_features_element(features, state->dims[0], &point.x) ||
		(state->n_dims > 1 && !gmm_features_element(features, state->dims[1], &point.y)))
		return;
	state->n_rows++;
	point.hash = hash_row(features);
	if (point.hash > state->threshold)
		return;

	point.x += 0.0;
	point.y += 0.0;
	scorer = gmm_scorer_find(fcinfo->flinfo, PointerGetDatum(state->model), features, &work);
	point.component = mixture_row_predict(scorer->prepared, features->values, work);
	add_point(state, &point);
}

/*
 * gmm_svg_transition(internal, features double precision[], model gmm_model
 *					  [, dim_x integer [, dim_y integer]])
 *
 * A row without features is skipped, as SQL aggregates do.  The model of a
 * row that is kept is made ready at the call site, once for all groups.
 */
Datum
gmm_svg_transition(PG_FUNCTION_ARGS)
{
	MemoryContext context;
	PlotState  *state = NULL;
	GmmFeatures features;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "transition function called outside of an aggregate");

	if (!PG_ARGISNULL(ARG_STATE))
		state = (PlotState *) PG_GETARG_POINTER(ARG_STATE);
	if (PG_ARGISNULL(ARG_FEATURES))
	{
		if (state == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(state);
	}

	if (state == NULL)
		state = begin_plot(fcinfo, context);
	else
		continue_plot(fcinfo, state);

	gmm_model_read_row(PointerGetDatum(state->model), PG_GETARG_DATUM(ARG_FEATURES),
					   &features);
	if (features.d != state->model->d)
		gmm_model_report_dimensions(PointerGetDatum(state->model), features.d);
	sample_row(fcinfo, state, &features);
	gmm_features_release(&features);
	PG_RETURN_POINTER(state);
}


/* --- parallel aggregation --- */

/*
 * gmm_svg_combine(internal, internal) -> internal
 *
 * The sample of the rows of both; the first state is changed.
 */
Datum
gmm_svg_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context;
	PlotState  *state = PG_ARGISNULL(0) ? NULL : (PlotState *) PG_GETARG_POINTER(0);
	PlotState  *other = PG_ARGISNULL(1) ? NULL : (PlotState *) PG_GETARG_POINTER(1);

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "combine function called outside of an aggregate");
	if (other == NULL)
	{
		if (state == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(state);
	}

	if (state == NULL)
		state = create_state(context, copy_model(context, other->model),
							 other->dims, other->n_dims);
	else
	{
		if (!gmm_model_key_equal(&state->identity.contents, &other->identity.contents))
			gmm_report_changed("model");
		if (state->dims[0] != other->dims[0])
			gmm_report_changed("dim_x");
		if (state->dims[1] != other->dims[1])
			gmm_report_changed("dim_y");
	}
	state->n_rows += other->n_rows;
	state->threshold = Min(state->threshold, other->threshold);
	for (int i = 0; i < other->n_points; i++)
		add_point(state, &other->points[i]);
	PG_RETURN_POINTER(state);
}

/*
 * gmm_svg_serialize(internal) -> bytea
 *
 * Version and number of dimensions as int8, these as int32, the number of
 * rows and the threshold as int64, the number of points as int32, the points
 * (hash and count as int64, x and y as float8, component as int32), and the
 * model as its binary form has it, but not in the client's encoding.
 */
Datum
gmm_svg_serialize(PG_FUNCTION_ARGS)
{
	PlotState  *state;
	StringInfoData buffer;

	if (!AggCheckCallContext(fcinfo, NULL))
		elog(ERROR, "serialization function called outside of an aggregate");
	state = (PlotState *) PG_GETARG_POINTER(0);
	compact_points(state);

	pq_begintypsend(&buffer);
	pq_sendint8(&buffer, PLOT_STATE_VERSION);
	pq_sendint8(&buffer, state->n_dims);
	for (int i = 0; i < state->n_dims; i++)
		pq_sendint32(&buffer, state->dims[i]);
	pq_sendint64(&buffer, state->n_rows);
	pq_sendint64(&buffer, state->threshold);
	pq_sendint32(&buffer, state->n_points);
	for (int i = 0; i < state->n_points; i++)
	{
		const GmmPlotPoint *point = &state->points[i];

		pq_sendint64(&buffer, point->hash);
		pq_sendint64(&buffer, point->count);
		pq_sendfloat8(&buffer, point->x);
		pq_sendfloat8(&buffer, point->y);
		pq_sendint32(&buffer, point->component);
	}
	gmm_model_write(&buffer, state->model, false);
	PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}

pg_noreturn static void
report_invalid_state(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
			 errmsg("invalid serialized state of gmm_svg")));
}

/* What comes before the points; returns their number. */
static int
receive_plot_header(StringInfo buffer, PlotState *state)
{
	int			n_points;

	if (pq_getmsgbyte(buffer) != PLOT_STATE_VERSION)
		report_invalid_state();
	state->n_dims = pq_getmsgbyte(buffer);
	if (state->n_dims < 1 || state->n_dims > 2)
		report_invalid_state();
	for (int i = 0; i < state->n_dims; i++)
		state->dims[i] = (int) pq_getmsgint(buffer, 4);
	state->n_rows = pq_getmsgint64(buffer);
	state->threshold = (uint64) pq_getmsgint64(buffer);
	n_points = (int) pq_getmsgint(buffer, 4);
	state->limit = state->n_dims == 1 ? HISTOGRAM_LIMIT : SCATTER_LIMIT;
	if (state->n_rows < 0 || n_points < 0 || n_points > state->limit ||
		n_points > (buffer->len - buffer->cursor) / (int) PLOT_POINT_SIZE)
		report_invalid_state();
	return n_points;
}

/* The points, each above the one before and no more rows than there were. */
static void
receive_points(StringInfo buffer, PlotState *state)
{
	int64		rows = state->n_rows;

	for (int i = 0; i < state->n_points; i++)
	{
		GmmPlotPoint *point = &state->points[i];

		point->hash = (uint64) pq_getmsgint64(buffer);
		point->count = pq_getmsgint64(buffer);
		point->x = pq_getmsgfloat8(buffer);
		point->y = pq_getmsgfloat8(buffer);
		point->component = (int32) pq_getmsgint(buffer, 4);
		if (point->count < 1 || point->count > rows ||
			!isfinite(point->x) || !isfinite(point->y) ||
			point->hash > state->threshold ||
			(i > 0 && compare_hashes(point - 1, point) >= 0))
			report_invalid_state();
		rows -= point->count;
	}
}

/*
 * gmm_svg_deserialize(bytea, internal) -> internal
 *
 * In the caller's context, in which it does not stay long.
 */
Datum
gmm_svg_deserialize(PG_FUNCTION_ARGS)
{
	bytea	   *bytes;
	StringInfoData buffer;
	PlotState	header = {0};
	PlotState  *state;

	if (!AggCheckCallContext(fcinfo, NULL))
		elog(ERROR, "deserialization function called outside of an aggregate");
	bytes = PG_GETARG_BYTEA_PP(0);
	initStringInfo(&buffer);
	appendBinaryStringInfo(&buffer, VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));

	header.n_points = receive_plot_header(&buffer, &header);
	header.points = palloc((header.n_points + 1) * sizeof(GmmPlotPoint));
	receive_points(&buffer, &header);
	header.model = gmm_model_read(&buffer, false);
	for (int i = 0; i < header.n_dims; i++)
		if (header.dims[i] < 0 || header.dims[i] >= header.model->d)
			report_invalid_state();
	if (header.n_dims == 2 && header.dims[0] == header.dims[1])
		report_invalid_state();
	for (int i = 0; i < header.n_points; i++)
		if (header.points[i].component < (header.model->flags & GMM_MODEL_NOISE ? SVG_NOISE : 0) ||
			header.points[i].component >= header.model->k)
			report_invalid_state();

	state = create_state(CurrentMemoryContext, header.model, header.dims, header.n_dims);
	state->n_rows = header.n_rows;
	state->threshold = header.threshold;
	state->n_points = header.n_points;
	state->capacity = header.n_points + 1;
	pfree(state->points);
	state->points = header.points;
	pfree(buffer.data);
	PG_RETURN_POINTER(state);
}


/* --- the picture --- */

/*
 * gmm_svg_final(internal) -> text
 *
 * NULL where there was no row.  May be called again, with more rows or
 * without: to compact the points is all that it does to its state.
 */
Datum
gmm_svg_final(PG_FUNCTION_ARGS)
{
	PlotState  *state;
	MixtureParameters parameters;
	MixtureParameters marginal;
	GmmPlotPoint *points;
	GmmPlot		plot = {0};

	Assert(AggCheckCallContext(fcinfo, NULL));
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	state = (PlotState *) PG_GETARG_POINTER(0);
	compact_points(state);

	gmm_model_parameters(state->model, &parameters);
	mixture_allocate_parameters(&marginal, parameters.covariance_type,
								parameters.k, state->n_dims, &gmm_host);
	mixture_marginal(&parameters, state->dims, &marginal, &gmm_host);

	points = palloc((state->n_points + 1) * sizeof(GmmPlotPoint));
	memcpy(points, state->points, state->n_points * sizeof(GmmPlotPoint));
	qsort(points, state->n_points, sizeof(GmmPlotPoint), compare_points);

	plot.marginal = &marginal;
	plot.dims = state->dims;
	plot.points = points;
	plot.n_points = state->n_points;
	for (int i = 0; i < state->n_points; i++)
		plot.n_sampled += points[i].count;
	plot.n_rows = state->n_rows;
	PG_RETURN_TEXT_P(cstring_to_text(gmm_svg_draw(&plot)));
}
