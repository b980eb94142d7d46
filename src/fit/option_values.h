/*
 * option_values.h
 *	  Options that are the keys of a jsonb object, and their values.
 */
#ifndef GMM_OPTION_VALUES_H
#define GMM_OPTION_VALUES_H

#include "utils/jsonb.h"

#include "compat.h"

/* Bytes of a name or a value that a message quotes */
#define GMM_OPTION_QUOTED	64

/* What is done with a key and its value; options are the caller's. */
typedef void (*GmmSetOption) (void *options, const JsonbValue *key, JsonbValue *value);

extern void gmm_options_read(Jsonb *json, const char *example, GmmSetOption set,
							 void *options);
extern void gmm_options_read_keys(JsonbContainer *object, GmmSetOption set, void *options);

extern bool gmm_option_is(const JsonbValue *value, const char *string);
extern const char *gmm_option_quote(const JsonbValue *string);
extern const char *gmm_option_describe(const JsonbValue *value);
extern int64 gmm_option_integer(const char *name, const JsonbValue *value,
								const char *allowed, int64 minimum, int64 maximum);
extern double gmm_option_double(const JsonbValue *value);
pg_noreturn extern void gmm_option_refuse(const char *name, const char *allowed,
										  const JsonbValue *value);
pg_noreturn extern void gmm_option_refuse_text(const char *name, const char *allowed,
											   const char *text);

#endif							/* GMM_OPTION_VALUES_H */
