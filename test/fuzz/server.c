/*
 * server.c
 *	  In place of the server, for the decoders of gmm_model, gmm_stats and gmm_sketch:
 *	  palloc, ereport, bytes as digits, and reading and writing messages.
 *
 * Each input runs in a context of its own (decode()), which ends with the
 * first error.  An error must be one for the user: reaching elog(), whose
 * SQLSTATE is that of an internal error, stops the process, as a crash does.
 *
 * What libpgcommon has (JSON, strings, hashes) is taken from there.
 */
#include "postgres.h"

#include <setjmp.h>

#include "fmgr.h"
#include "common/hashfn.h"
#include "common/jsonapi.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/expandeddatum.h"
#include "utils/json.h"
#include "utils/memutils.h"

#include "compat.h"
#include "fuzz_server.h"

volatile sig_atomic_t InterruptPending = false;
MemoryContext CurrentMemoryContext = NULL;

static jmp_buf failed;
static int	sql_state;

/* --- memory: what is palloc'd is gone with the input --- */

typedef struct Chunk
{
	struct Chunk *previous;
	struct Chunk *next;
	Size		size;
	Size		unused;			/* so that what follows is aligned as malloc's */
} Chunk;

static Chunk chunks = {&chunks, &chunks, 0, 0};

void *
palloc(Size size)
{
	Chunk	   *chunk;

	if (!AllocSizeIsValid(size))
		elog(ERROR, "invalid memory alloc request size %zu", size);
	chunk = malloc(sizeof(Chunk) + size);
	if (chunk == NULL)
		abort();
	chunk->size = size;
	chunk->previous = &chunks;
	chunk->next = chunks.next;
	chunk->next->previous = chunk;
	chunks.next = chunk;
	memset(chunk + 1, 0x7f, size);
	return chunk + 1;
}

void
pfree(void *pointer)
{
	Chunk	   *chunk = (Chunk *) pointer - 1;

	chunk->previous->next = chunk->next;
	chunk->next->previous = chunk->previous;
	free(chunk);
}

void *
palloc0(Size size)
{
	return memset(palloc(size), 0, size);
}

void *
palloc_extended(Size size, int flags)
{
	return (flags & MCXT_ALLOC_ZERO) ? palloc0(size) : palloc(size);
}

void *
MemoryContextAllocExtended(MemoryContext context, Size size, int flags)
{
	return palloc_extended(size, flags);
}

void *
MemoryContextAllocHuge(MemoryContext context, Size size)
{
	return palloc(size);
}

void *
repalloc(void *pointer, Size size)
{
	void	   *result = palloc(size);

	memcpy(result, pointer, Min(size, ((Chunk *) pointer - 1)->size));
	pfree(pointer);
	return result;
}

char *
pnstrdup(const char *string, Size length)
{
	Size		size = strnlen(string, length);
	char	   *copy = memcpy(palloc(size + 1), string, size);

	copy[size] = '\0';
	return copy;
}

char *
pstrdup(const char *string)
{
	return pnstrdup(string, strlen(string));
}

/* --- SHA-256: some hash, as libcrypto is not here and nothing decoded depends on it --- */

#if PG_VERSION_NUM >= 140000
struct pg_cryptohash_ctx
{
	uint64		hash;
};

pg_cryptohash_ctx *
pg_cryptohash_create(pg_cryptohash_type type)
{
	return palloc(sizeof(pg_cryptohash_ctx));
}

int
pg_cryptohash_init(pg_cryptohash_ctx *ctx)
{
	ctx->hash = 0;
	return 0;
}

int
pg_cryptohash_update(pg_cryptohash_ctx *ctx, const uint8 *data, size_t len)
{
	ctx->hash = hash_bytes_extended(data, (int) len, ctx->hash);
	return 0;
}

int
pg_cryptohash_final(pg_cryptohash_ctx *ctx, uint8 *dest, size_t len)
{
	memset(dest, 0, len);
	memcpy(dest, &ctx->hash, sizeof(uint64));
	return 0;
}

void
pg_cryptohash_free(pg_cryptohash_ctx *ctx)
{
	pfree(ctx);
}
#endif

/* --- contexts and expanded objects, of which nothing is freed before the input is --- */

MemoryContext
AllocSetContextCreateInternal(MemoryContext parent, const char *name, Size minContextSize,
							  Size initBlockSize, Size maxBlockSize)
{
	return parent;
}

void
EOH_init_header(ExpandedObjectHeader *header, const ExpandedObjectMethods *methods,
				MemoryContext context)
{
	header->vl_len_ = EOH_HEADER_MAGIC;
	header->eoh_methods = methods;
	header->eoh_context = context;
}

ExpandedObjectHeader *
DatumGetEOHP(Datum datum)
{
	varattrib_1b_e *external = (varattrib_1b_e *) DatumGetPointer(datum);
	varatt_expanded pointer;

	memcpy(&pointer, VARDATA_EXTERNAL(external), sizeof(pointer));
	return pointer.eohptr;
}

void
DeleteExpandedObject(Datum datum)
{
	(void) datum;
}

/* --- errors --- */

bool
errstart(int elevel, const char *domain)
{
	sql_state = ERRCODE_INTERNAL_ERROR;
	return true;
}

bool
errstart_cold(int elevel, const char *domain)
{
	return errstart(elevel, domain);
}

void
errfinish(const char *filename, int lineno, const char *funcname)
{
	if (sql_state == ERRCODE_INTERNAL_ERROR)
	{
		fprintf(stderr, "internal error at %s:%d\n", filename, lineno);
		abort();
	}
	longjmp(failed, 1);
}

int
errcode(int sqlerrcode)
{
	sql_state = sqlerrcode;
	return 0;
}

#define IGNORED(function) int function(const char *format,...) { (void) format; return 0; }
IGNORED(errmsg)

int
errmsg_plural(const char *fmt_singular, const char *fmt_plural, unsigned long n,...)
{
	(void) fmt_singular;
	(void) fmt_plural;
	(void) n;
	return 0;
}

IGNORED(errmsg_internal)
IGNORED(errdetail)
IGNORED(errdetail_internal)
IGNORED(errhint)

#if PG_VERSION_NUM >= 160000
bool
errsave_start(struct Node *context, const char *domain)
{
	return errstart(ERROR, domain);
}

void
errsave_finish(struct Node *context, const char *filename, int lineno, const char *funcname)
{
	errfinish(filename, lineno, funcname);
}
#endif

void
ExceptionalCondition(const char *conditionName,
#if PG_VERSION_NUM < 160000
					 const char *errorType,
#endif
					 const char *fileName, int lineNumber)
{
	fprintf(stderr, "does not hold: %s at %s:%d\n", conditionName, fileName, lineNumber);
	abort();
}

/* --- bytes as digits --- */

uint64
hex_encode(const char *bytes, size_t n, char *digits)
{
	for (size_t i = 0; i < n; i++)
		sprintf(digits + 2 * i, "%02x", (unsigned char) bytes[i]);
	return 2 * n;
}

/* The value of a digit, or -1. */
static int
hex_digit(char digit)
{
	const char *digits = "0123456789abcdef";
	const char *place = digit == '\0' ? NULL : strchr(digits, pg_tolower((unsigned char) digit));

	return place == NULL ? -1 : (int) (place - digits);
}

/* Of the forms that the server reads, the one with \x. */
Datum
byteain(PG_FUNCTION_ARGS)
{
	const char *digits = PG_GETARG_CSTRING(0) + 2;
	size_t		n = strlen(digits);
	bytea	   *bytes = palloc(VARHDRSZ + n / 2);

	SET_VARSIZE(bytes, VARHDRSZ + n / 2);
	for (size_t i = 0; i < n; i += 2)
	{
		int			high = hex_digit(digits[i]);
		int			low = hex_digit(digits[i + 1]);

		if (high < 0 || low < 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("invalid hexadecimal digit")));
		VARDATA(bytes)[i / 2] = (char) (high << 4 | low);
	}
	return PointerGetDatum(bytes);
}

Datum
DirectFunctionCall1Coll(PGFunction function, Oid collation, Datum argument)
{
	LOCAL_FCINFO(fcinfo, 1);

	InitFunctionCallInfoData(*fcinfo, NULL, 1, collation, NULL, NULL);
	fcinfo->args[0].value = argument;
	fcinfo->args[0].isnull = false;
	return function(fcinfo);
}

#if PG_VERSION_NUM >= 160000
bool
DirectInputFunctionCallSafe(PGFunction function, char *text, Oid parameter, int32 typmod,
							struct Node *context, Datum *result)
{
	*result = DirectFunctionCall1Coll(function, InvalidOid, CStringGetDatum(text));
	return true;
}
#endif

/* --- the rest of what decoders ask for --- */

void
ProcessInterrupts(void)
{
}

int
GetDatabaseEncoding(void)
{
	return PG_UTF8;
}

char *
json_errdetail(JsonParseErrorType error, JsonLexContext *lex)
{
	return pstrdup("");
}

bool
pg_verify_mbstr(int encoding, const char *mbstr, int len, bool noError)
{
	if (pg_encoding_verifymbstr(encoding, mbstr, len) != len)
		ereport(ERROR,
				(errcode(ERRCODE_CHARACTER_NOT_IN_REPERTOIRE),
				 errmsg("invalid byte sequence")));
	return true;
}

/* The client has the server's encoding. */
char *
pg_server_to_client(const char *s, int len)
{
	return unconstify(char *, s);
}

/* As in utils/adt/json.c */
void
escape_json(StringInfo buf, const char *str)
{
	appendStringInfoChar(buf, '"');
	for (; *str != '\0'; str++)
	{
		if (*str == '"' || *str == '\\')
			appendStringInfo(buf, "\\%c", *str);
		else if ((unsigned char) *str < ' ')
			appendStringInfo(buf, "\\u%04x", (int) *str);
		else
			appendStringInfoChar(buf, *str);
	}
	appendStringInfoChar(buf, '"');
}

int
pg_mbcliplen(const char *mbstr, int len, int limit)
{
	return Min(len, limit);
}

struct varlena *
pg_detoast_datum(struct varlena *datum)
{
	return datum;
}

struct varlena *
pg_detoast_datum_packed(struct varlena *datum)
{
	return datum;
}

/* --- messages, as libpq/pqformat.c has them --- */

static void
copy_bytes(StringInfo message, void *target, int size)
{
	if (size > message->len - message->cursor)
		ereport(ERROR,
				(errcode(ERRCODE_PROTOCOL_VIOLATION),
				 errmsg("insufficient data left in message")));
	memcpy(target, message->data + message->cursor, size);
	message->cursor += size;
}

int
pq_getmsgbyte(StringInfo message)
{
	uint8		value;

	copy_bytes(message, &value, 1);
	return value;
}

unsigned int
pq_getmsgint(StringInfo message, int size)
{
	uint8		bytes[4];
	unsigned int value = 0;

	copy_bytes(message, bytes, size);
	for (int i = 0; i < size; i++)
		value = value << 8 | bytes[i];
	return value;
}

int64
pq_getmsgint64(StringInfo message)
{
	uint64		high = pq_getmsgint(message, 4);

	return (int64) (high << 32 | pq_getmsgint(message, 4));
}

float8
pq_getmsgfloat8(StringInfo message)
{
	int64		bits = pq_getmsgint64(message);
	float8		value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

char *
pq_getmsgtext(StringInfo message, int rawbytes, int *nbytes)
{
	char	   *text;

	if (rawbytes < 0 || rawbytes > message->len - message->cursor)
		ereport(ERROR,
				(errcode(ERRCODE_PROTOCOL_VIOLATION),
				 errmsg("insufficient data left in message")));
	(void) pg_verify_mbstr(PG_UTF8, message->data + message->cursor, rawbytes, false);
	text = palloc(rawbytes + 1);
	copy_bytes(message, text, rawbytes);
	text[rawbytes] = '\0';
	*nbytes = rawbytes;
	return text;
}

void
pq_getmsgend(StringInfo message)
{
	if (message->cursor != message->len)
		ereport(ERROR,
				(errcode(ERRCODE_PROTOCOL_VIOLATION),
				 errmsg("invalid message format")));
}

void
pq_begintypsend(StringInfo message)
{
	initStringInfo(message);
	appendStringInfoSpaces(message, VARHDRSZ);
}

void
pq_sendfloat8(StringInfo message, float8 value)
{
	uint64		bits;

	memcpy(&bits, &value, sizeof(bits));
	pq_sendint64(message, bits);
}

bytea *
pq_endtypsend(StringInfo message)
{
	SET_VARSIZE(message->data, message->len);
	return (bytea *) message->data;
}

bool
fuzz_decode(void (*decode) (const char *bytes, size_t size), const char *bytes, size_t size)
{
	bool		finished = false;

	if (setjmp(failed) == 0)
	{
		decode(bytes, size);
		finished = true;
	}
	while (chunks.next != &chunks)
		pfree(chunks.next + 1);
	return finished;
}
