/*
 * sketch_io.c
 *	  gmm_sketch as binary, as text, which is the same in hexadecimal digits,
 *	  and as json for people and programs to look into.
 *
 * There is no way in from json: a sketch has sums that are longer than any
 * number there.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "compat.h"
#include "host/engine_host.h"
#include "model/json_writer.h"
#include "sketch/sketch.h"

/* Values between two checks for interrupts */
#define VALUES_PER_CHECK	1024

/* Bytes of the binary form before its values */
#define HEADER_SIZE \
	((int) (2 + 3 * sizeof(int32) + 2 * sizeof(int64) + GMM_SKETCH_N_SUMS * 2 * sizeof(int32)))

PG_FUNCTION_INFO_V1(gmm_sketch_in);
PG_FUNCTION_INFO_V1(gmm_sketch_out);
PG_FUNCTION_INFO_V1(gmm_sketch_recv);
PG_FUNCTION_INFO_V1(gmm_sketch_send);
PG_FUNCTION_INFO_V1(gmm_sketch_to_json);
PG_FUNCTION_INFO_V1(gmm_sketch_to_jsonb);

/* --- binary --------------------------------------------------------------------- */

/* 64-bit values of a flat sketch, behind its header */
static Size
count_values(const GmmFlatSketch *flat)
{
	return (VARSIZE(flat) - offsetof(GmmFlatSketch, values)) / sizeof(uint64);
}

/*
 * The binary form: version and flags as int8; size, d and the number of rows as
 * int32; the numbers of all rows and of those with a NULL as int64; of each of the
 * four arrays of sums the first word and their number as int32; then, as in memory,
 * 64 bits each, the rows, their counts, and the words of the sums.
 */
static bytea *
sketch_to_binary(Datum datum)
{
	GmmFlatSketch *flat = gmm_sketch_flatten(gmm_sketch_read(datum));
	const uint64 *values = (const uint64 *) flat->values;
	Size		n = count_values(flat);
	StringInfoData buffer;

	pq_begintypsend(&buffer);
	pq_sendint8(&buffer, flat->version);
	pq_sendint8(&buffer, flat->flags);
	pq_sendint32(&buffer, flat->size);
	pq_sendint32(&buffer, flat->d);
	pq_sendint32(&buffer, flat->n);
	pq_sendint64(&buffer, flat->n_rows);
	pq_sendint64(&buffer, flat->n_incomplete);
	for (int array = 0; array < GMM_SKETCH_N_SUMS; array++)
	{
		pq_sendint32(&buffer, flat->extents[array].low);
		pq_sendint32(&buffer, flat->extents[array].words);
	}
	for (Size i = 0; i < n; i++)
	{
		if (i % VALUES_PER_CHECK == 0)
			CHECK_FOR_INTERRUPTS();
		pq_sendint64(&buffer, values[i]);
	}
	pfree(flat);
	return pq_endtypsend(&buffer);
}

/*
 * Receive a header; its shape and extents are allowed.  It may come from text, so
 * that its end before its time is not left to the reader of messages, for which that
 * is a fault of the protocol.  False after a soft error.
 */
static bool
receive_header(StringInfo buffer, GmmFlatSketch *header, Node *escontext)
{
	int			version;

	if (buffer->len - buffer->cursor < HEADER_SIZE)
		ereturn(escontext, false,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("gmm_sketch of the wrong length"),
				 errdetail("A header has %d bytes, but there are %d.", HEADER_SIZE,
						   buffer->len - buffer->cursor)));
	version = pq_getmsgbyte(buffer);
	memset(header, 0, offsetof(GmmFlatSketch, values));
	if (version != GMM_SKETCH_VERSION)
		ereturn(escontext, false,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("unknown version %d of a gmm_sketch", version),
				 errhint("It may have been written by a newer version of the extension gmm.")));
	header->version = GMM_SKETCH_VERSION;
	header->flags = pq_getmsgbyte(buffer);
	header->size = (int32) pq_getmsgint(buffer, 4);
	header->d = (int32) pq_getmsgint(buffer, 4);
	header->n = (int32) pq_getmsgint(buffer, 4);
	header->n_rows = pq_getmsgint64(buffer);
	header->n_incomplete = pq_getmsgint64(buffer);
	for (int array = 0; array < GMM_SKETCH_N_SUMS; array++)
	{
		header->extents[array].low = (int32) pq_getmsgint(buffer, 4);
		header->extents[array].words = (int32) pq_getmsgint(buffer, 4);
	}
	if (!gmm_sketch_header_allowed(header))
		ereturn(escontext, false,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid gmm_sketch: size %d, %d features and %d rows, or the extents of its sums, are out of range",
						header->size, header->d, header->n)));
	return true;
}

/* Receive a sketch; NULL after a soft error. */
static GmmFlatSketch *
receive_sketch(StringInfo buffer, Node *escontext)
{
	GmmFlatSketch header;
	GmmFlatSketch *flat;
	Size		size;
	Size		left;
	uint64	   *values;

	if (!receive_header(buffer, &header, escontext))
		return NULL;
	size = gmm_sketch_flat_size(header.d, header.n, header.extents);
	left = buffer->len - buffer->cursor;
	if (left != size - offsetof(GmmFlatSketch, values))
		ereturn(escontext, NULL,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("gmm_sketch of the wrong length"),
				 errdetail("The header is followed by %zu bytes instead of %zu.",
						   left, size - offsetof(GmmFlatSketch, values))));
	flat = palloc0(size);
	memcpy(flat, &header, offsetof(GmmFlatSketch, values));
	SET_VARSIZE(flat, size);
	values = (uint64 *) flat->values;
	for (Size i = 0; i < count_values(flat); i++)
	{
		if (i % VALUES_PER_CHECK == 0)
			CHECK_FOR_INTERRUPTS();
		values[i] = (uint64) pq_getmsgint64(buffer);
	}
	pq_getmsgend(buffer);
	return gmm_sketch_check(flat, escontext) ? flat : NULL;
}

/* gmm_sketch_send(gmm_sketch) returns bytea */
Datum
gmm_sketch_send(PG_FUNCTION_ARGS)
{
	PG_RETURN_BYTEA_P(sketch_to_binary(PG_GETARG_DATUM(0)));
}

/* gmm_sketch_recv(internal) returns gmm_sketch */
Datum
gmm_sketch_recv(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(receive_sketch((StringInfo) PG_GETARG_POINTER(0), NULL));
}

/* --- text ------------------------------------------------------------------------- */

/* gmm_sketch_out(gmm_sketch) returns cstring */
Datum
gmm_sketch_out(PG_FUNCTION_ARGS)
{
	bytea	   *binary = sketch_to_binary(PG_GETARG_DATUM(0));
	Size		size = VARSIZE(binary) - VARHDRSZ;
	char	   *text = palloc(2 * size + 3);

	text[0] = '\\';
	text[1] = 'x';
	text[2 + hex_encode(VARDATA(binary), size, text + 2)] = '\0';
	PG_RETURN_CSTRING(text);
}

/* The bytes that text in hexadecimal digits has; false after a soft error. */
static bool
read_bytes(char *text, Node *escontext, StringInfo buffer)
{
	Datum		binary;

	if (!DirectInputFunctionCallSafe(byteain, text, BYTEAOID, -1, escontext, &binary))
		return false;
	initStringInfo(buffer);
	appendBinaryStringInfo(buffer, VARDATA(DatumGetPointer(binary)),
						   VARSIZE(DatumGetPointer(binary)) - VARHDRSZ);
	return true;
}

/* gmm_sketch_in(cstring) returns gmm_sketch */
Datum
gmm_sketch_in(PG_FUNCTION_ARGS)
{
	char	   *text = PG_GETARG_CSTRING(0);
	Node	   *escontext = (Node *) fcinfo->context;
	StringInfoData buffer;
	GmmFlatSketch *flat;

	if (text[0] != '\\' || text[1] != 'x')
		ereturn(escontext, (Datum) 0,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid input syntax for type %s", "gmm_sketch"),
				 errdetail("A gmm_sketch is \\x and hexadecimal digits."),
				 errhint("The aggregate gmm_sketch makes one.")));
	if (!read_bytes(text, escontext, &buffer))
		PG_RETURN_NULL();
	flat = receive_sketch(&buffer, escontext);
	if (flat == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(flat);
}

/* --- json ----------------------------------------------------------------------------- */

/* The features of a row, null where they are NULL. */
static void
append_row(StringInfo text, const double *row, int d)
{
	CHECK_FOR_INTERRUPTS();
	for (int j = 0; j < d; j++)
	{
		appendStringInfoChar(text, j > 0 ? ',' : '[');
		if (isnan(row[j]))
			appendStringInfoString(text, "null");
		else
			gmm_json_append_double(text, row[j]);
	}
	appendStringInfoChar(text, ']');
}

/* The rows that are kept, with how many each stands for and their weight. */
static char *
sketch_to_json(Datum datum)
{
	GmmSketch  *sketch = gmm_sketch_read(datum);
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfo(&text, "{\"size\":%d,\"d\":%d,\"complete\":%s,\"n_rows\":" INT64_FORMAT
					 ",\"n_incomplete\":" INT64_FORMAT ",\"rows\":[",
					 sketch->size, sketch->d, sketch->truncated ? "false" : "true",
					 sketch->n_rows, sketch->n_incomplete);
	for (int i = 0; i < sketch->n; i++)
	{
		if (i > 0)
			appendStringInfoChar(&text, ',');
		append_row(&text, sketch->entries[i].row, sketch->d);
	}
	appendStringInfoString(&text, "],\"counts\":");
	for (int i = 0; i < sketch->n; i++)
		appendStringInfo(&text, "%c" INT64_FORMAT, i > 0 ? ',' : '[', sketch->entries[i].count);
	appendStringInfoString(&text, "],\"weights\":");
	for (int i = 0; i < sketch->n; i++)
	{
		appendStringInfoChar(&text, i > 0 ? ',' : '[');
		gmm_json_append_double(&text, gmm_sketch_weight(sketch, i));
	}
	appendStringInfoString(&text, "]}");
	return text.data;
}

/* gmm_sketch_to_json(gmm_sketch) returns json */
Datum
gmm_sketch_to_json(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(sketch_to_json(PG_GETARG_DATUM(0))));
}

/* gmm_sketch_to_jsonb(gmm_sketch) returns jsonb */
Datum
gmm_sketch_to_jsonb(PG_FUNCTION_ARGS)
{
	char	   *text = sketch_to_json(PG_GETARG_DATUM(0));

	PG_RETURN_DATUM(DirectFunctionCall1(jsonb_in, CStringGetDatum(text)));
}
