/*
 * model_fields.c
 *	  What a fit knows, and what a trial knows, as tables made from the lists of
 *	  engine/fields.h, and what is done with all fields of such a record alike.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "libpq/pqformat.h"
#include "utils/builtins.h"
#include "utils/float.h"

#include "model/json_writer.h"
#include "model/model.h"
#include "model/model_fields.h"

static const GmmField fit_fields[] = {
#define FIT_FIELD(type, name, known, possible, rule) \
	{#name, GMM_KIND_##type, offsetof(MixtureFitInfo, name), \
		(known) ? GMM_GROUP_FIT : GMM_GROUP_MORE_FIT},
#include "engine/fields.h"
};

static const GmmField trial_fields[] = {
#define TRIAL_FIELD(type, name, possible, rule) \
	{#name, GMM_KIND_##type, offsetof(MixtureTrial, name), GMM_GROUP_REQUIRED},
#include "engine/fields.h"
};

const GmmFields gmm_fit_fields = {fit_fields, lengthof(fit_fields)};
const GmmFields gmm_trial_fields = {trial_fields, lengthof(trial_fields)};

/* The SQL type of a field of each kind, and the bytes that it is sent as */
static const struct
{
	Oid			type;
	int			sent_bytes;
}			kinds[] = {
	[GMM_FIELD_INT32] = {INT4OID, 4},
	[GMM_FIELD_INT64] = {INT8OID, 8},
	[GMM_FIELD_FLOAT8] = {FLOAT8OID, 8},
	[GMM_FIELD_BOOL] = {BOOLOID, 1},
	[GMM_FIELD_FAMILY] = {TEXTOID, 1}
};

#define IN_RECORD(type, record, field) \
	(*(type *) ((char *) (record) + (field)->offset))
#define OF_RECORD(type, record, field) \
	(*(const type *) ((const char *) (record) + (field)->offset))

/* Is a field's value one that stands for what is not known? */
static bool
is_unknown(const GmmField *field, const void *record)
{
	return field->kind == GMM_FIELD_FLOAT8 && isnan(OF_RECORD(double, record, field));
}

/*
 * Copy the fields and nothing else to zeroed memory, with one NaN for all, so
 * that equal records are equal bytes.
 */
void
gmm_fields_copy(const GmmFields *fields, void *to, const void *from)
{
	for (int i = 0; i < fields->n_fields; i++)
	{
		const GmmField *field = &fields->fields[i];

		switch (field->kind)
		{
			case GMM_FIELD_INT64:
				IN_RECORD(int64_t, to, field) = OF_RECORD(int64_t, from, field);
				break;
			case GMM_FIELD_FLOAT8:
				IN_RECORD(double, to, field) = is_unknown(field, from) ?
					get_float8_nan() : OF_RECORD(double, from, field);
				break;
			case GMM_FIELD_BOOL:
				IN_RECORD(bool, to, field) = OF_RECORD(bool, from, field);
				break;
			case GMM_FIELD_FAMILY:
				IN_RECORD(MixtureCovarianceType, to, field) =
					OF_RECORD(MixtureCovarianceType, from, field);
				break;
			default:
				IN_RECORD(int, to, field) = OF_RECORD(int, from, field);
				break;
		}
	}
}

/* Set what may be not known to that, in a record of zeros. */
void
gmm_fields_forget(const GmmFields *fields, void *record)
{
	for (int i = 0; i < fields->n_fields; i++)
		if (fields->fields[i].kind == GMM_FIELD_FLOAT8)
			IN_RECORD(double, record, &fields->fields[i]) = get_float8_nan();
}

/* Append the members of a JSON object, without its braces, that are known. */
void
gmm_fields_append(StringInfo text, const GmmFields *fields, const void *record)
{
	const char *separator = "";

	for (int i = 0; i < fields->n_fields; i++)
	{
		const GmmField *field = &fields->fields[i];

		if (is_unknown(field, record))
			continue;
		appendStringInfo(text, "%s\"%s\":", separator, field->name);
		separator = ",";
		switch (field->kind)
		{
			case GMM_FIELD_INT64:
				appendStringInfo(text, INT64_FORMAT,
								 (int64) OF_RECORD(int64_t, record, field));
				break;
			case GMM_FIELD_FLOAT8:
				gmm_json_append_double(text, OF_RECORD(double, record, field));
				break;
			case GMM_FIELD_BOOL:
				appendStringInfoString(text, OF_RECORD(bool, record, field) ?
									   "true" : "false");
				break;
			case GMM_FIELD_FAMILY:
				appendStringInfo(text, "\"%s\"",
								 gmm_covariance_type_name(OF_RECORD(MixtureCovarianceType,
																	record, field)));
				break;
			default:
				appendStringInfo(text, "%d", OF_RECORD(int, record, field));
				break;
		}
	}
}

/* The bytes of a record in the binary form of a model */
size_t
gmm_fields_sent_bytes(const GmmFields *fields)
{
	size_t		bytes = 0;

	for (int i = 0; i < fields->n_fields; i++)
		bytes += kinds[fields->fields[i].kind].sent_bytes;
	return bytes;
}

/* Append the fields of a record to a binary form, in their order. */
void
gmm_fields_send(StringInfo buffer, const GmmFields *fields, const void *record)
{
	for (int i = 0; i < fields->n_fields; i++)
	{
		const GmmField *field = &fields->fields[i];

		switch (field->kind)
		{
			case GMM_FIELD_INT64:
				pq_sendint64(buffer, OF_RECORD(int64_t, record, field));
				break;
			case GMM_FIELD_FLOAT8:
				pq_sendfloat8(buffer, OF_RECORD(double, record, field));
				break;
			case GMM_FIELD_BOOL:
				pq_sendint8(buffer, OF_RECORD(bool, record, field));
				break;
			case GMM_FIELD_FAMILY:
				pq_sendint8(buffer, OF_RECORD(MixtureCovarianceType, record, field));
				break;
			default:
				pq_sendint32(buffer, OF_RECORD(int, record, field));
				break;
		}
	}
}

/* Of all NaN, one stands for what is not known. */
static double
receive_double(StringInfo buffer, const GmmField *field)
{
	const double not_known = get_float8_nan();
	double		value = pq_getmsgfloat8(buffer);

	if (isnan(value) && memcmp(&value, &not_known, sizeof(double)) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid NaN as \"%s\" in a binary gmm_model", field->name)));
	return value;
}

/*
 * Receive a record whose bytes are there.  What it says is for others to check,
 * but for what would not be sent again as it came.
 */
void
gmm_fields_receive(StringInfo buffer, const GmmFields *fields, void *record)
{
	for (int i = 0; i < fields->n_fields; i++)
	{
		const GmmField *field = &fields->fields[i];
		int			byte = 0;
		int			n_values = 1;

		switch (field->kind)
		{
			case GMM_FIELD_INT64:
				IN_RECORD(int64_t, record, field) = pq_getmsgint64(buffer);
				break;
			case GMM_FIELD_FLOAT8:
				IN_RECORD(double, record, field) = receive_double(buffer, field);
				break;
			case GMM_FIELD_BOOL:
				byte = pq_getmsgbyte(buffer);
				n_values = 2;
				IN_RECORD(bool, record, field) = byte == 1;
				break;
			case GMM_FIELD_FAMILY:
				byte = pq_getmsgbyte(buffer);
				n_values = MIXTURE_N_COVARIANCE_TYPES;
				IN_RECORD(MixtureCovarianceType, record, field) =
					(MixtureCovarianceType) byte;
				break;
			default:
				IN_RECORD(int, record, field) = (int32) pq_getmsgint(buffer, 4);
				break;
		}
		if (byte >= n_values)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
					 errmsg("invalid \"%s\" %d in a binary gmm_model", field->name,
							byte)));
	}
}

/*
 * The value of the field that a column is named after; false if there is none.
 */
bool
gmm_fields_column(const GmmFields *fields, const void *record, const char *name,
				  Oid type, Datum *value, bool *isnull)
{
	const GmmField *field = fields->fields;

	while (field < fields->fields + fields->n_fields && strcmp(field->name, name) != 0)
		field++;
	if (field == fields->fields + fields->n_fields)
		return false;
	if (kinds[field->kind].type != type)
		elog(ERROR, "column \"%s\" has type %u instead of %u", name, type,
			 kinds[field->kind].type);

	*isnull = is_unknown(field, record);
	switch (field->kind)
	{
		case GMM_FIELD_INT64:
			*value = Int64GetDatum(OF_RECORD(int64_t, record, field));
			break;
		case GMM_FIELD_FLOAT8:
			*value = Float8GetDatum(OF_RECORD(double, record, field));
			break;
		case GMM_FIELD_BOOL:
			*value = BoolGetDatum(OF_RECORD(bool, record, field));
			break;
		case GMM_FIELD_FAMILY:
			*value = CStringGetTextDatum(gmm_covariance_type_name(OF_RECORD(MixtureCovarianceType,
																			record, field)));
			break;
		default:
			*value = Int32GetDatum(OF_RECORD(int, record, field));
			break;
	}
	return true;
}
