/*
 * svg_state.c
 *	  A sample of rows that are to be drawn, and how it travels between parallel
 *	  workers.
 *
 * A picture has room for some thousand points, so that is what is kept,
 * however many rows there are: the distinct rows whose hashes are the smallest
 * (bottom-k sampling, Cohen and Kaplan 2007).  Which rows these are depends on
 * what is in them and not on their order, so two such samples merge into that
 * of all rows, and parallel workers and any plan give the same picture.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "utils/memutils.h"

#include "compat.h"
#include "svg/svg.h"
#include "svg/svg_state.h"

/* Distinct rows that are kept: as points, of many panels, or for a histogram */
#define SCATTER_LIMIT		2000
#define PAIRS_LIMIT			800
#define HISTOGRAM_LIMIT		10000

/* Of the serialized state; a point has as many values as features are drawn */
#define STATE_VERSION		1
#define POINT_SIZE(n_dims)	(2 * sizeof(int64) + (n_dims) * sizeof(float8) + sizeof(int32))

PG_FUNCTION_INFO_V1(gmm_svg_serialize);
PG_FUNCTION_INFO_V1(gmm_svg_deserialize);


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
	for (int i = 0; i < SVG_MAX_DIMS; i++)
		if (p->values[i] != q->values[i])
			return COMPARE(p->values[i], q->values[i]);
	return COMPARE(p->component, q->component);
}

/*
 * Join equal points and drop those beyond the limit.  A point that stays has
 * never been dropped, so its count is that of all rows like it.  What the
 * state stands for does not change.
 */
void
svg_state_compact(SvgState *state)
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
reserve_point(SvgState *state)
{
	if (state->n_points < state->capacity)
		return;
	if (state->capacity == 2 * state->limit)
	{
		svg_state_compact(state);
		return;
	}
	state->capacity = Min(2 * state->capacity, 2 * state->limit);
	state->points = repalloc(state->points, state->capacity * sizeof(GmmPlotPoint));
}

/* Keep a point, if it belongs to the sample. */
void
svg_state_add(SvgState *state, const GmmPlotPoint *point)
{
	if (point->hash > state->threshold)
		return;
	reserve_point(state);
	state->points[state->n_points++] = *point;
}

static int
sample_limit(bool pairs, int n_dims)
{
	return n_dims == 1 ? HISTOGRAM_LIMIT : pairs ? PAIRS_LIMIT : SCATTER_LIMIT;
}

/* A state without rows, for a model that now belongs to it. */
SvgState *
svg_state_create(MemoryContext context, GmmModel *model, bool pairs, const int *dims,
				 int n_dims, const GmmSvgOptions *options)
{
	SvgState   *state = MemoryContextAllocZero(context, sizeof(SvgState));

	state->context = context;
	state->model = model;
	gmm_model_identity_set(&state->identity, PointerGetDatum(model), model);
	state->pairs = pairs;
	state->n_dims = n_dims;
	for (int i = 0; i < n_dims; i++)
		state->dims[i] = dims[i];
	state->options = *options;
	if (options->title != NULL)
		state->options.title = MemoryContextStrdup(context, options->title);
	state->threshold = PG_UINT64_MAX;
	state->limit = sample_limit(pairs, n_dims);
	state->capacity = 32;
	state->points = MemoryContextAlloc(context, state->capacity * sizeof(GmmPlotPoint));
	return state;
}

/* Add the sample of other rows. */
void
svg_state_merge(SvgState *state, const SvgState *other)
{
	state->n_rows += other->n_rows;
	state->threshold = Min(state->threshold, other->threshold);

	/* those of the state that are beyond the other's threshold leave with the others */
	for (int i = 0; i < other->n_points; i++)
		svg_state_add(state, &other->points[i]);
}


/* --- bytes --- */

static void
send_options(StringInfo buffer, const GmmSvgOptions *options)
{
	const char *title = options->title == NULL ? "" : options->title;

	pq_sendint32(buffer, options->width);
	pq_sendint32(buffer, options->height);
	pq_sendint8(buffer, options->title != NULL);
	pq_sendint32(buffer, (int32) strlen(title));
	pq_sendbytes(buffer, unconstify(char *, title), (int) strlen(title));
}

/*
 * gmm_svg_serialize(internal) -> bytea
 *
 * Version, whether pairs are drawn and number of dimensions as int8, these as
 * int32, the options (width and height as int32, whether there is a title as int8,
 * its bytes behind their number), the number of rows and the threshold as int64,
 * the number of points as int32, the points (hash and count as int64, values as
 * float8, component as int32), and the model as its binary form has it, but not in
 * the client's encoding.
 */
Datum
gmm_svg_serialize(PG_FUNCTION_ARGS)
{
	SvgState   *state;
	StringInfoData buffer;

	if (!AggCheckCallContext(fcinfo, NULL))
		elog(ERROR, "serialization function called outside of an aggregate");
	state = (SvgState *) PG_GETARG_POINTER(0);
	svg_state_compact(state);

	pq_begintypsend(&buffer);
	pq_sendint8(&buffer, STATE_VERSION);
	pq_sendint8(&buffer, state->pairs);
	pq_sendint8(&buffer, state->n_dims);
	for (int i = 0; i < state->n_dims; i++)
		pq_sendint32(&buffer, state->dims[i]);
	send_options(&buffer, &state->options);
	pq_sendint64(&buffer, state->n_rows);
	pq_sendint64(&buffer, state->threshold);
	pq_sendint32(&buffer, state->n_points);
	for (int i = 0; i < state->n_points; i++)
	{
		const GmmPlotPoint *point = &state->points[i];

		pq_sendint64(&buffer, point->hash);
		pq_sendint64(&buffer, point->count);
		for (int j = 0; j < state->n_dims; j++)
			pq_sendfloat8(&buffer, point->values[j]);
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

static void
receive_options(StringInfo buffer, GmmSvgOptions *options)
{
	bool		titled;
	int			length;

	options->width = (int) pq_getmsgint(buffer, 4);
	options->height = (int) pq_getmsgint(buffer, 4);
	titled = pq_getmsgbyte(buffer) != 0;
	length = (int) pq_getmsgint(buffer, 4);
	if ((options->width != 0 &&
		 (options->width < SVG_LEAST_WIDTH || options->width > SVG_MOST_SIZE)) ||
		(options->height != 0 &&
		 (options->height < SVG_LEAST_HEIGHT || options->height > SVG_MOST_SIZE)) ||
		length < 0 || length > buffer->len - buffer->cursor || (length > 0 && !titled))
		report_invalid_state();
	options->title = !titled ? NULL : pnstrdup(pq_getmsgbytes(buffer, length), length);
	if (titled && (strlen(options->title) != (Size) length ||
				   !pg_verify_mbstr(GetDatabaseEncoding(), options->title, length, true)))
		report_invalid_state();
}

/* What comes before the points; returns their number. */
static int
receive_header(StringInfo buffer, SvgState *state)
{
	int			n_points;
	int			pairs;

	if (pq_getmsgbyte(buffer) != STATE_VERSION)
		report_invalid_state();
	pairs = pq_getmsgbyte(buffer);
	state->n_dims = pq_getmsgbyte(buffer);
	if (pairs > 1 || state->n_dims < 1 || state->n_dims > (pairs ? SVG_MAX_DIMS : 2))
		report_invalid_state();
	state->pairs = pairs == 1;
	for (int i = 0; i < state->n_dims; i++)
		state->dims[i] = (int) pq_getmsgint(buffer, 4);
	receive_options(buffer, &state->options);
	state->n_rows = pq_getmsgint64(buffer);
	state->threshold = (uint64) pq_getmsgint64(buffer);
	n_points = (int) pq_getmsgint(buffer, 4);
	if (state->n_rows < 0 || n_points < 0 ||
		n_points > sample_limit(state->pairs, state->n_dims) ||
		n_points > (buffer->len - buffer->cursor) / (int) POINT_SIZE(state->n_dims))
		report_invalid_state();
	return n_points;
}

/* The points, each above the one before and no more rows than there were. */
static void
receive_points(StringInfo buffer, SvgState *state)
{
	int64		rows = state->n_rows;

	for (int i = 0; i < state->n_points; i++)
	{
		GmmPlotPoint *point = &state->points[i];
		bool		finite = true;

		memset(point, 0, sizeof(*point));
		point->hash = (uint64) pq_getmsgint64(buffer);
		point->count = pq_getmsgint64(buffer);
		for (int j = 0; j < state->n_dims; j++)
		{
			point->values[j] = pq_getmsgfloat8(buffer);
			finite = finite && isfinite(point->values[j]);
		}
		point->component = (int32) pq_getmsgint(buffer, 4);
		if (point->count < 1 || point->count > rows || !finite ||
			point->hash > state->threshold ||
			(i > 0 && compare_hashes(point - 1, point) >= 0))
			report_invalid_state();
		rows -= point->count;
	}
}

/* Are dimensions and components those of the model? */
static void
check_against_model(const SvgState *state)
{
	for (int i = 0; i < state->n_dims; i++)
	{
		if (state->dims[i] < 0 || state->dims[i] >= state->model->d)
			report_invalid_state();
		for (int j = 0; j < i; j++)
			if (state->dims[j] == state->dims[i])
				report_invalid_state();
	}
	for (int i = 0; i < state->n_points; i++)
		if (state->points[i].component < (state->model->flags & GMM_MODEL_NOISE ? SVG_NOISE : 0) ||
			state->points[i].component >= state->model->k)
			report_invalid_state();
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
	SvgState	header = {0};
	SvgState   *state;

	if (!AggCheckCallContext(fcinfo, NULL))
		elog(ERROR, "deserialization function called outside of an aggregate");
	bytes = PG_GETARG_BYTEA_PP(0);
	initStringInfo(&buffer);
	appendBinaryStringInfo(&buffer, VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));

	header.n_points = receive_header(&buffer, &header);
	header.points = palloc((header.n_points + 1) * sizeof(GmmPlotPoint));
	receive_points(&buffer, &header);
	header.model = gmm_model_read(&buffer, false);
	check_against_model(&header);

	state = svg_state_create(CurrentMemoryContext, header.model, header.pairs, header.dims,
							 header.n_dims, &header.options);
	state->n_rows = header.n_rows;
	state->threshold = header.threshold;
	state->n_points = header.n_points;
	state->capacity = header.n_points + 1;
	pfree(state->points);
	state->points = header.points;
	pfree(buffer.data);
	PG_RETURN_POINTER(state);
}
