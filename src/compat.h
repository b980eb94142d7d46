/*
 * compat.h
 *	  Differences between PostgreSQL 13 and 19, and nothing else.
 */
#ifndef GMM_COMPAT_H
#define GMM_COMPAT_H

#include "fmgr.h"
#include "miscadmin.h"

#if PG_VERSION_NUM < 130000
#error "gmm requires PostgreSQL 13 or later"
#endif

/* The varlena macros left postgres.h */
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/* Wait events left pgstat.h, which no longer includes them since 19 */
#if PG_VERSION_NUM >= 140000
#include "utils/wait_event.h"
#else
#include "pgstat.h"
#endif

/* The module's name and version, for pg_get_loaded_modules() */
#if PG_VERSION_NUM < 180000
#define PG_MODULE_MAGIC_EXT(...)	PG_MODULE_MAGIC
#endif

/*
 * Everything is compiled with -fvisibility=hidden, so that a library loses
 * nothing to another one's symbol of the same name.  Since 16 PostgreSQL's
 * macros mark what the server looks up; before it we do.
 */
#if PG_VERSION_NUM < 160000 && !defined(WIN32)
#undef PGDLLEXPORT
#define PGDLLEXPORT __attribute__((visibility("default")))
#undef PG_FUNCTION_INFO_V1
#define PG_FUNCTION_INFO_V1(funcname) \
	extern PGDLLEXPORT Datum funcname(PG_FUNCTION_ARGS); \
	extern PGDLLEXPORT const Pg_finfo_record *CppConcat(pg_finfo_, funcname)(void); \
	const Pg_finfo_record * \
	CppConcat(pg_finfo_, funcname)(void) \
	{ \
		static const Pg_finfo_record my_finfo = {1}; \
		return &my_finfo; \
	} \
	extern int	no_such_variable
#endif

/* pg_noreturn goes before the declaration; before 18 it had another name. */
#ifndef pg_noreturn
#define pg_noreturn pg_attribute_noreturn()
#endif

/*
 * Soft errors came with 16: before it every error is hard and the context,
 * which nobody passes there, is ignored.
 */
#if PG_VERSION_NUM < 160000
#define errsave(context, ...) \
	do { \
		(void) (context); \
		ereport(ERROR, __VA_ARGS__); \
	} while (0)
#define ereturn(context, result, ...) \
	do { \
		errsave(context, __VA_ARGS__); \
		return result; \
	} while (0)
#define DirectInputFunctionCallSafe(function, text, type, typmod, context, result) \
	((void) (context), \
	 *(result) = DirectFunctionCall1(function, CStringGetDatum(text)), \
	 true)
#endif

/*
 * The JSON parser's semantic actions return nothing before 16, and cannot
 * stop the parser but by an error.  An action has return type GmmJsonAction
 * and ends with GMM_JSON_ACTION_END(), which stops the parser if failed.
 */
#if PG_VERSION_NUM >= 160000
#define GmmJsonAction	JsonParseErrorType
#define GMM_JSON_ACTION_END(failed) \
	return (failed) ? JSON_SEM_ACTION_FAILED : JSON_SUCCESS
#else
#define GmmJsonAction	void
#define GMM_JSON_ACTION_END(failed) \
	((void) (failed))
#endif

/* Bytes that a hash table may use; before 15 without a function of its own */
#if PG_VERSION_NUM >= 150000
#define gmm_hash_memory_limit() get_hash_memory_limit()
#else
#define gmm_hash_memory_limit() ((Size) (work_mem * hash_mem_multiplier * 1024.0))
#endif

/* Settings of a prefix that no one has defined are errors since 15. */
#if PG_VERSION_NUM < 150000
#define MarkGUCPrefixReserved(prefix) EmitWarningsOnPlaceholders(prefix)
#endif

/* A lexer that de-escapes strings: the caller may allocate it since 17. */
#if PG_VERSION_NUM >= 170000
#define gmm_json_lexer(json, length, encoding) \
	makeJsonLexContextCstringLen(NULL, json, length, encoding, true)
#else
#define gmm_json_lexer(json, length, encoding) \
	makeJsonLexContextCstringLen(json, length, encoding, true)
#endif

/* The table of processes: its entries are counted from 1, and so named since 16. */
#if PG_VERSION_NUM >= 160000
#define gmm_local_entry(position) pgstat_get_local_beentry_by_index(position)
#else
#define gmm_local_entry(position) pgstat_fetch_stat_local_beentry(position)
#endif

/*
 * The process's own entry.  In 13 it cannot be had; but there no command that
 * runs queries has an entry of its own to be given back.
 */
#if PG_VERSION_NUM >= 140000
#define gmm_own_entry() MyBEEntry
#else
#define gmm_own_entry() ((PgBackendStatus *) NULL)
#endif

/* The role that may look into all of them has this name since 14. */
#if PG_VERSION_NUM < 140000
#define ROLE_PG_READ_ALL_STATS	DEFAULT_ROLE_READ_ALL_STATS
#endif

/*
 * Hash functions for which collisions cannot be made have one interface since
 * 14.  In 13 their header includes OpenSSL's where the server is built with it,
 * which need not be there where an extension is built; their context, either
 * OpenSSL's or PostgreSQL's own, takes less than this.
 */
#if PG_VERSION_NUM >= 140000
#include "common/cryptohash.h"
#else
typedef struct pg_cryptohash_ctx
{
	uint64		state[32];
} pg_cryptohash_ctx;

extern void pg_sha256_init(pg_cryptohash_ctx *context);
extern void pg_sha256_update(pg_cryptohash_ctx *context, const uint8 *data, size_t size);
extern void pg_sha256_final(pg_cryptohash_ctx *context, uint8 *result);

#define pg_cryptohash_create(type) ((pg_cryptohash_ctx *) palloc(sizeof(pg_cryptohash_ctx)))
#define pg_cryptohash_init(context) (pg_sha256_init(context), 0)
#define pg_cryptohash_update(context, data, size) \
	(pg_sha256_update(context, data, size), 0)
#define pg_cryptohash_final(context, result, size) \
	(pg_sha256_final(context, result), 0)
#define pg_cryptohash_free(context) pfree(context)
#endif

/* The parser of SQL takes a mode since 14. */
#if PG_VERSION_NUM >= 140000
#define gmm_raw_parser(text) raw_parser(text, RAW_PARSE_DEFAULT)
#else
#define gmm_raw_parser(text) raw_parser(text)
#endif

/* A tuple descriptor that is made by hand is finished by this since 19. */
#if PG_VERSION_NUM < 190000
#define TupleDescFinalize(columns) ((void) (columns))
#endif

/*
 * What a query goes through has other names and arguments.  These need
 * parser/analyze.h, parser/parse_relation.h, tcop/tcopprot.h and
 * executor/executor.h.
 */
#if PG_VERSION_NUM >= 150000
#define gmm_parse_analyze(raw, text, types, n_types, environment) \
	parse_analyze_fixedparams(raw, text, types, n_types, environment)
#else
#define gmm_parse_analyze(raw, text, types, n_types, environment) \
	parse_analyze(raw, text, unconstify(Oid *, types), n_types, environment)
#endif

/* The rights that a query needs on a relation stand beside it since 16. */
#if PG_VERSION_NUM >= 160000
#define gmm_check_rights(query) \
	((void) ExecCheckPermissions((query)->rtable, (query)->rteperminfos, true))
#define gmm_rights_of(query, entry) \
	(getRTEPermissionInfo((query)->rteperminfos, entry)->requiredPerms)
#else
#define gmm_check_rights(query)	((void) ExecCheckRTPerms((query)->rtable, true))
#define gmm_rights_of(query, entry)	((entry)->requiredPerms)
#endif
#if PG_VERSION_NUM >= 190000
#define gmm_plan_query(query, text, options, arguments) \
	pg_plan_query(query, text, options, arguments, NULL)
#else
#define gmm_plan_query(query, text, options, arguments) \
	pg_plan_query(query, text, options, arguments)
#endif
#if PG_VERSION_NUM >= 180000
#define gmm_executor_run(desc) ExecutorRun(desc, ForwardScanDirection, 0)
#else
#define gmm_executor_run(desc) ExecutorRun(desc, ForwardScanDirection, 0, true)
#endif

#endif							/* GMM_COMPAT_H */
