/*
 * model_binary.c
 *	  gmm_model as binary.
 */
#include "postgres.h"

#include "libpq/pqformat.h"
#include "miscadmin.h"

#include "compat.h"
#include "model/model.h"
#include "model/model_fields.h"

/* Values between two checks for interrupts */
#define VALUES_PER_CHECK	1024

/* In the flags that are sent: the features have names */
#define SENT_NAMES			0x0002

PG_FUNCTION_INFO_V1(gmm_model_recv);
PG_FUNCTION_INFO_V1(gmm_model_send);

/*
 * Append the binary form, or, where it is not for a client, the like of it with
 * names in the server's encoding.
 *
 * Version and family as int8, flags as int16, k, d and the number of trials as
 * int32; if flags say that a fit is known, its fields (engine/fields.h), each as
 * PostgreSQL's type of that size sends it, families as int8; if there are
 * trials, the criterion as int32; then weights, means and covariances (triangles
 * packed) as float8; if flags say that there is noise, its weight, and d least and
 * d most values; then the fields of each trial; if flags say that there are names
 * of features, each of these as text behind its length in bytes as int32.
 */
void
gmm_model_write(StringInfo buffer, const GmmModel *model, bool for_client)
{
	const MixtureTrial *trials = gmm_model_trials(model);
	size_t		n_values = (const double *) trials - model->values;
	GmmFeatureNames names;

	gmm_model_names(model, &names);
	pq_sendint8(buffer, model->version);
	pq_sendint8(buffer, model->covariance_type);
	pq_sendint16(buffer, model->flags | (names.n > 0 ? SENT_NAMES : 0));
	pq_sendint32(buffer, model->k);
	pq_sendint32(buffer, model->d);
	pq_sendint32(buffer, model->n_trials);
	if (model->flags & GMM_MODEL_FITTED)
		gmm_fields_send(buffer, &gmm_fit_fields, &model->fit);
	if (model->n_trials > 0)
		pq_sendint32(buffer, model->criterion);
	for (size_t i = 0; i < n_values; i++)
	{
		if (i % VALUES_PER_CHECK == 0)
			CHECK_FOR_INTERRUPTS();
		pq_sendfloat8(buffer, model->values[i]);
	}
	for (int i = 0; i < model->n_trials; i++)
		gmm_fields_send(buffer, &gmm_trial_fields, &trials[i]);
	gmm_names_send(buffer, &names, for_client);
}

/* gmm_model_send(gmm_model) returns bytea */
Datum
gmm_model_send(PG_FUNCTION_ARGS)
{
	StringInfoData buffer;

	pq_begintypsend(&buffer);
	gmm_model_write(&buffer, PG_GETARG_GMM_MODEL(0), true);
	PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}

/* What a binary form begins with. */
typedef struct SentHeader
{
	MixtureCovarianceType covariance_type;
	int			k;
	int			d;
	bool		fitted;
	bool		noise;
	bool		named;
	int			n_trials;
} SentHeader;

/*
 * Refuse a message that is not as long as its header says, or with names not
 * long enough.
 */
static void
check_length(StringInfo buffer, const SentHeader *header)
{
	size_t		expected = sizeof(double) *
		mixture_values_count(header->covariance_type, header->k, header->d, header->noise);

	if (header->fitted)
		expected += gmm_fields_sent_bytes(&gmm_fit_fields);
	if (header->n_trials > 0)
		expected += sizeof(int32) +
			header->n_trials * gmm_fields_sent_bytes(&gmm_trial_fields);
	if (header->named)
		expected += header->d * (sizeof(int32) + 1);
	if (header->named ? (size_t) (buffer->len - buffer->cursor) < expected :
		(size_t) (buffer->len - buffer->cursor) != expected)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("binary gmm_model of the wrong length"),
				 errdetail("The header is followed by %d bytes instead of %zu.",
						   buffer->len - buffer->cursor, expected)));
}

/*
 * Receive version, family, flags, shape and number of trials; the shape is
 * allowed, and there are as many bytes as it needs, and a fit and trials, if
 * it says so, beside.
 */
static void
receive_model_header(StringInfo buffer, SentHeader *header)
{
	int			version = pq_getmsgbyte(buffer);
	int			type;
	int			flags;

	if (version != GMM_MODEL_VERSION)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("unknown version %d of a binary gmm_model", version),
				 errhint("It may have been written by a newer version of the extension gmm.")));
	type = pq_getmsgbyte(buffer);
	if (type >= MIXTURE_N_COVARIANCE_TYPES)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("unknown covariance type %d in a binary gmm_model",
						type)));
	header->covariance_type = (MixtureCovarianceType) type;
	flags = pq_getmsgint(buffer, 2);
	if (flags & ~(GMM_MODEL_FITTED | GMM_MODEL_NOISE | SENT_NAMES))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid flags 0x%04x in a binary gmm_model", flags)));
	header->fitted = (flags & GMM_MODEL_FITTED) != 0;
	header->noise = (flags & GMM_MODEL_NOISE) != 0;
	header->named = (flags & SENT_NAMES) != 0;
	header->k = (int32) pq_getmsgint(buffer, 4);
	header->d = (int32) pq_getmsgint(buffer, 4);
	(void) gmm_model_check_shape(header->covariance_type, header->k, header->d, NULL);
	header->n_trials = (int32) pq_getmsgint(buffer, 4);
	if (header->n_trials < 0 || header->n_trials > GMM_MAX_TRIALS ||
		(header->n_trials > 0 && !header->fitted))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid number of trials %d in a binary gmm_model",
						header->n_trials)));
	check_length(buffer, header);
}

/* Receive what is said of a fit, and by what it was chosen. */
static void
receive_info(StringInfo buffer, const SentHeader *header, GmmFitInfo *info)
{
	memset(info, 0, sizeof(GmmFitInfo));
	if (header->fitted)
		gmm_fields_receive(buffer, &gmm_fit_fields, &info->fit);
	if (header->n_trials > 0)
	{
		int			criterion = (int32) pq_getmsgint(buffer, 4);

		if (criterion < 0 || criterion >= MIXTURE_N_CRITERIA)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
					 errmsg("invalid criterion %d in a binary gmm_model", criterion)));
		info->criterion = (MixtureCriterion) criterion;
	}
}

/* Receive the trials, of which the bytes are there. */
static void
receive_trials(StringInfo buffer, int n_trials, GmmFitInfo *info)
{
	MixtureTrial *trials;

	if (n_trials == 0)
		return;
	trials = (MixtureTrial *) palloc0(n_trials * sizeof(MixtureTrial));
	for (int i = 0; i < n_trials; i++)
		gmm_fields_receive(buffer, &gmm_trial_fields, &trials[i]);
	info->n_trials = n_trials;
	info->trials = trials;
}

/* Read what gmm_model_write() wrote, to the end of the buffer, and check it. */
GmmModel *
gmm_model_read(StringInfo buffer, bool from_client)
{
	MixtureParameters parameters;
	SentHeader	header;
	GmmFitInfo	info;
	GmmFeatureNames names = {0};
	size_t		n_values;
	double	   *values;

	receive_model_header(buffer, &header);
	receive_info(buffer, &header, &info);

	n_values = mixture_values_count(header.covariance_type, header.k, header.d, header.noise);
	values = (double *) palloc(n_values * sizeof(double));
	for (size_t i = 0; i < n_values; i++)
	{
		if (i % VALUES_PER_CHECK == 0)
			CHECK_FOR_INTERRUPTS();
		values[i] = pq_getmsgfloat8(buffer);
	}
	receive_trials(buffer, header.n_trials, &info);
	if (header.named)
		gmm_names_receive(buffer, header.d, from_client, &names);
	pq_getmsgend(buffer);

	mixture_place_values(&parameters, header.covariance_type, header.k, header.d,
						 header.noise, values);
	(void) gmm_model_check(&parameters, header.fitted ? &info : NULL, NULL);
	return gmm_model_make(&parameters, &names, header.fitted ? &info : NULL);
}

/* gmm_model_recv(internal) returns gmm_model */
Datum
gmm_model_recv(PG_FUNCTION_ARGS)
{
	PG_RETURN_GMM_MODEL(gmm_model_read((StringInfo) PG_GETARG_POINTER(0), true));
}
