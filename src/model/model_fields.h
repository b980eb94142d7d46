/*
 * model_fields.h
 *	  Records whose members a table describes: as JSON, as binary and as
 *	  columns.
 */
#ifndef GMM_MODEL_FIELDS_H
#define GMM_MODEL_FIELDS_H

#include "fmgr.h"
#include "lib/stringinfo.h"

#include "engine/engine.h"

typedef enum GmmFieldKind
{
	GMM_FIELD_INT32,
	GMM_FIELD_INT64,
	GMM_FIELD_FLOAT8,			/* NaN: not known */
	GMM_FIELD_BOOL,
	GMM_FIELD_FAMILY,			/* MixtureCovarianceType */
	/* of a JSON form only */
	GMM_FIELD_CRITERION,		/* MixtureCriterion */
	GMM_FIELD_ARRAY,			/* GmmArray */
	GMM_FIELD_RECORDS,			/* GmmJsonRecords */
	GMM_FIELD_STRINGS			/* GmmJsonStrings */
} GmmFieldKind;

/* Kinds of the types that the lists of engine/fields.h have */
#define GMM_KIND_int					GMM_FIELD_INT32
#define GMM_KIND_int64_t				GMM_FIELD_INT64
#define GMM_KIND_double					GMM_FIELD_FLOAT8
#define GMM_KIND_bool					GMM_FIELD_BOOL
#define GMM_KIND_MixtureCovarianceType	GMM_FIELD_FAMILY

/* Which keys of a text are given together, as bits */
typedef enum GmmFieldGroup
{
	GMM_GROUP_OPTIONAL = 1,
	GMM_GROUP_REQUIRED = 2,
	GMM_GROUP_FIT = 4,			/* what every fit knows: all or none */
	GMM_GROUP_MORE_FIT = 8,		/* only with these */
	GMM_GROUP_CHOICE = 16		/* likewise, and all or none */
} GmmFieldGroup;

typedef struct GmmField
{
	const char *name;
	GmmFieldKind kind;
	size_t		offset;			/* in the record */
	GmmFieldGroup group;
} GmmField;

/* A kind of record */
typedef struct GmmFields
{
	const GmmField *fields;
	int			n_fields;
} GmmFields;

extern const GmmFields gmm_fit_fields;	/* of a MixtureFitInfo */
extern const GmmFields gmm_trial_fields;	/* of a MixtureTrial */

extern void gmm_fields_copy(const GmmFields *fields, void *to, const void *from);
extern void gmm_fields_forget(const GmmFields *fields, void *record);
extern void gmm_fields_append(StringInfo text, const GmmFields *fields,
							  const void *record);
extern size_t gmm_fields_sent_bytes(const GmmFields *fields);
extern void gmm_fields_send(StringInfo buffer, const GmmFields *fields,
							const void *record);
extern void gmm_fields_receive(StringInfo buffer, const GmmFields *fields,
							   void *record);
extern bool gmm_fields_column(const GmmFields *fields, const void *record,
							  const char *name, Oid type, Datum *value, bool *isnull);

#endif							/* GMM_MODEL_FIELDS_H */
