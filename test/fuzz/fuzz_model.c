/*
 * fuzz_model.c
 *	  Arbitrary bytes as the text and the binary form of a gmm_model, of
 *	  gmm_stats or of a gmm_sketch: refused with an error for the user, or a sound
 *	  value, which both forms bring back bit for bit.  An M-step of statistics that
 *	  came in is refused, or a sound model; so is a sketch merged with itself.
 *
 * The first three bits of an input tell which type and form the rest is.
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "compat.h"
#include "fuzz_server.h"
#include "sketch/sketch.h"
#include "stats/stats.h"

extern Datum gmm_model_in(PG_FUNCTION_ARGS);
extern Datum gmm_model_out(PG_FUNCTION_ARGS);
extern Datum gmm_model_recv(PG_FUNCTION_ARGS);
extern Datum gmm_model_send(PG_FUNCTION_ARGS);
extern Datum gmm_stats_in(PG_FUNCTION_ARGS);
extern Datum gmm_stats_out(PG_FUNCTION_ARGS);
extern Datum gmm_stats_recv(PG_FUNCTION_ARGS);
extern Datum gmm_stats_send(PG_FUNCTION_ARGS);
extern Datum gmm_sketch_in(PG_FUNCTION_ARGS);
extern Datum gmm_sketch_out(PG_FUNCTION_ARGS);
extern Datum gmm_sketch_recv(PG_FUNCTION_ARGS);
extern Datum gmm_sketch_send(PG_FUNCTION_ARGS);

static Datum
call(PGFunction function, Datum argument)
{
	LOCAL_FCINFO(fcinfo, 1);

	InitFunctionCallInfoData(*fcinfo, NULL, 1, InvalidOid, NULL, NULL);
	fcinfo->args[0].value = argument;
	fcinfo->args[0].isnull = false;
	return function(fcinfo);
}

static void
demand(bool kept, const char *promise)
{
	if (!kept)
	{
		fprintf(stderr, "does not hold: %s\n", promise);
		abort();
	}
}

static Datum
receive(PGFunction function, const char *bytes, size_t size)
{
	StringInfoData message;

	initStringInfo(&message);
	appendBinaryStringInfo(&message, bytes, size);
	return call(function, PointerGetDatum(&message));
}

/* The forms of a type */
typedef struct Forms
{
	PGFunction	in;
	PGFunction	out;
	PGFunction	recv;
	PGFunction	send;
} Forms;

static const Forms model_forms = {gmm_model_in, gmm_model_out, gmm_model_recv, gmm_model_send};
static const Forms stats_forms = {gmm_stats_in, gmm_stats_out, gmm_stats_recv, gmm_stats_send};
static const Forms sketch_forms = {gmm_sketch_in, gmm_sketch_out, gmm_sketch_recv, gmm_sketch_send};

/* Both forms of a value bring it back. */
static void
demand_round_trips(const Forms *forms, Datum datum)
{
	bytea	   *sent = DatumGetByteaPP(call(forms->send, datum));

	for (int form = 0; form < 2; form++)
	{
		Datum		again = form == 0 ? call(forms->in, call(forms->out, datum)) :
			receive(forms->recv, VARDATA_ANY(sent), VARSIZE_ANY_EXHDR(sent));
		bytea	   *sent_again = DatumGetByteaPP(call(forms->send, again));

		demand(VARSIZE_ANY_EXHDR(sent) == VARSIZE_ANY_EXHDR(sent_again) &&
			   memcmp(VARDATA_ANY(sent), VARDATA_ANY(sent_again),
					  VARSIZE_ANY_EXHDR(sent)) == 0,
			   form == 0 ? "text brings it back" : "binary brings it back");
	}
}

static void
demand_model(const GmmModel *model)
{
	MixtureParameters parameters;

	gmm_model_parameters(model, &parameters);
	demand(gmm_model_check(&parameters, NULL, NULL), "a model is sound");
}

/* Merged with itself a sketch has the same rows, and has the form that sketches have. */
static void
demand_merge(Datum datum)
{
	GmmSketch  *sketch = gmm_sketch_writable(datum, CurrentMemoryContext);
	GmmSketch  *other = gmm_sketch_read(datum);

	gmm_sketch_merge(sketch, other);
	demand(gmm_sketch_check(gmm_sketch_flatten(sketch), NULL) && sketch->n == other->n &&
		   sketch->truncated == other->truncated, "a merged sketch is sound");
}

static void
decode(const char *bytes, size_t size)
{
	bool		binary = bytes[0] & 1;
	bool		stats = bytes[0] & 2;
	bool		sketch = bytes[0] & 4;
	const Forms *forms = sketch ? &sketch_forms : stats ? &stats_forms : &model_forms;
	Datum		datum = binary ? receive(forms->recv, bytes + 1, size - 1) :
		call(forms->in, CStringGetDatum(pnstrdup(bytes + 1, size - 1)));

	demand_round_trips(forms, datum);
	if (sketch)
		demand_merge(datum);
	else if (stats)
	{
		MixtureOptions options = {.reg_covar = 1e-9};
		GmmStatsView view;

		gmm_stats_view(datum, &view);
		demand_model(gmm_stats_step(&view, &view.names, &options));
	}
	else
		demand_model(DatumGetGmmModel(datum));
}

int			LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 0)
		fuzz_decode(decode, (const char *) data, size);
	return 0;
}
