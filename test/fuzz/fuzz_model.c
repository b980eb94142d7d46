/*
 * fuzz_model.c
 *	  Arbitrary bytes as the text and the binary form of a gmm_model: refused
 *	  with an error for the user, or a sound model, which both forms bring back
 *	  bit for bit.
 *
 * The first bit of an input tells which form the rest is.
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "compat.h"
#include "fuzz_server.h"
#include "model.h"

extern Datum gmm_model_in(PG_FUNCTION_ARGS);
extern Datum gmm_model_out(PG_FUNCTION_ARGS);
extern Datum gmm_model_recv(PG_FUNCTION_ARGS);
extern Datum gmm_model_send(PG_FUNCTION_ARGS);

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
receive(const char *bytes, size_t size)
{
	StringInfoData message;

	initStringInfo(&message);
	appendBinaryStringInfo(&message, bytes, size);
	return call(gmm_model_recv, PointerGetDatum(&message));
}

/* Both forms of a model bring it back. */
static void
demand_model(Datum datum)
{
	GmmModel   *model = DatumGetGmmModel(datum);
	bytea	   *sent = DatumGetByteaPP(call(gmm_model_send, datum));
	MixtureParameters parameters;
	Datum		again;

	gmm_model_parameters(model, &parameters);
	demand(gmm_model_check(&parameters, NULL, NULL), "a model that came in is sound");
	for (int form = 0; form < 2; form++)
	{
		bytea	   *sent_again;

		again = form == 0 ? call(gmm_model_in, call(gmm_model_out, datum)) :
			receive(VARDATA_ANY(sent), VARSIZE_ANY_EXHDR(sent));
		sent_again = DatumGetByteaPP(call(gmm_model_send, again));
		demand(VARSIZE_ANY_EXHDR(sent) == VARSIZE_ANY_EXHDR(sent_again) &&
			   memcmp(VARDATA_ANY(sent), VARDATA_ANY(sent_again),
					  VARSIZE_ANY_EXHDR(sent)) == 0,
			   form == 0 ? "text brings a model back" : "binary brings a model back");
	}
}

static void
decode(const char *bytes, size_t size)
{
	if (size > 0 && bytes[0] & 1)
		demand_model(receive(bytes + 1, size - 1));
	else if (size > 0)
		demand_model(call(gmm_model_in, CStringGetDatum(pnstrdup(bytes + 1, size - 1))));
}

int			LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_decode(decode, (const char *) data, size);
	return 0;
}
