/*
 * model_io.c
 *	  gmm_model as text, jsonb and binary.
 *
 * The text form is JSON, so that Python, R and jq read and write it, with
 * covariances in scikit-learn's shapes.  Numbers are written with as many
 * digits as bring the same double back, whatever extra_float_digits says.
 * model_text.c reads it.
 *
 * The casts to and from jsonb go through the text form, and so through its
 * validation.  (jsonb's numbers have no -0, all others survive.)
 */
#include "postgres.h"

#include <math.h>

#include "common/shortest_dec.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "compat.h"
#include "model/model.h"
#include "model/model_choice.h"

PG_FUNCTION_INFO_V1(gmm_model_in);
PG_FUNCTION_INFO_V1(gmm_model_out);
PG_FUNCTION_INFO_V1(gmm_model_recv);
PG_FUNCTION_INFO_V1(gmm_model_send);
PG_FUNCTION_INFO_V1(gmm_model_to_jsonb);
PG_FUNCTION_INFO_V1(gmm_model_from_jsonb);


/* --- text --- */

/* Append the shortest decimal that reads back as this double. */
void
gmm_text_append_double(StringInfo text, double value)
{
	enlargeStringInfo(text, DOUBLE_SHORTEST_DECIMAL_LEN);
	text->len += double_to_shortest_decimal_buf(value, text->data + text->len);
}

/* Append n values as an array; element i is at values[i]. */
void
gmm_text_append_vector(StringInfo text, const double *values, int n)
{
	CHECK_FOR_INTERRUPTS();
	appendStringInfoChar(text, '[');
	for (int i = 0; i < n; i++)
	{
		if (i > 0)
			appendStringInfoChar(text, ',');
		gmm_text_append_double(text, values[i]);
	}
	appendStringInfoChar(text, ']');
}

/* Append an n x d matrix as an array of arrays. */
void
gmm_text_append_rows(StringInfo text, const double *values, int n, int d)
{
	appendStringInfoChar(text, '[');
	for (int i = 0; i < n; i++)
	{
		if (i > 0)
			appendStringInfoChar(text, ',');
		gmm_text_append_vector(text, values + (size_t) i * d, d);
	}
	appendStringInfoChar(text, ']');
}

/* Append a packed symmetric matrix as the square that it stands for. */
static void
append_symmetric(StringInfo text, const double *packed, int d)
{
	appendStringInfoChar(text, '[');
	for (int i = 0; i < d; i++)
	{
		CHECK_FOR_INTERRUPTS();
		appendStringInfoString(text, i > 0 ? ",[" : "[");
		for (int j = 0; j < d; j++)
		{
			size_t		row = Max(i, j);
			size_t		column = Min(i, j);

			if (j > 0)
				appendStringInfoChar(text, ',');
			gmm_text_append_double(text, packed[row * (row + 1) / 2 + column]);
		}
		appendStringInfoChar(text, ']');
	}
	appendStringInfoChar(text, ']');
}

/* Append covariances, or what is of their shape, in scikit-learn's shape. */
void
gmm_text_append_covariances(StringInfo text, MixtureCovarianceType type,
							int k, int d, const double *values)
{
	size_t		n_packed = (size_t) d * (d + 1) / 2;

	switch (type)
	{
		case MIXTURE_FULL:
			appendStringInfoChar(text, '[');
			for (int i = 0; i < k; i++)
			{
				if (i > 0)
					appendStringInfoChar(text, ',');
				append_symmetric(text, values + i * n_packed, d);
			}
			appendStringInfoChar(text, ']');
			break;
		case MIXTURE_TIED:
			append_symmetric(text, values, d);
			break;
		case MIXTURE_DIAG:
			gmm_text_append_rows(text, values, k, d);
			break;
		case MIXTURE_SPHERICAL:
			gmm_text_append_vector(text, values, k);
			break;
	}
}

/* Begin the object that a text form is with the parameters. */
void
gmm_text_append_parameters(StringInfo text, const MixtureParameters *parameters)
{
	int			k = parameters->k;
	int			d = parameters->d;

	appendStringInfo(text, "{\"k\":%d,\"d\":%d,\"covariance_type\":\"%s\",\"weights\":",
					 k, d, gmm_covariance_type_name(parameters->covariance_type));
	gmm_text_append_vector(text, parameters->weights, k);
	appendStringInfoString(text, ",\"means\":");
	gmm_text_append_rows(text, parameters->means, k, d);
	appendStringInfoString(text, ",\"covariances\":");
	gmm_text_append_covariances(text, parameters->covariance_type, k, d,
								parameters->covariances);
}

/* Append what the fit knows. */
static void
append_fit(StringInfo text, const GmmModel *model)
{
	appendStringInfo(text, ",\"n_rows\":" INT64_FORMAT ",\"sum_weights\":",
					 model->n_rows);
	gmm_text_append_double(text, model->sum_weights);
	appendStringInfoString(text, ",\"log_likelihood\":");
	gmm_text_append_double(text, model->log_likelihood);
	appendStringInfo(text, ",\"iterations\":%d,\"converged\":%s,\"n_starts\":%d,\"n_best_starts\":%d",
					 model->iterations,
					 model->flags & GMM_MODEL_CONVERGED ? "true" : "false",
					 model->n_starts, model->n_best_starts);
	if (model->flags & GMM_MODEL_ENTROPY)
	{
		appendStringInfoString(text, ",\"entropy\":");
		gmm_text_append_double(text, model->entropy);
	}
	if (model->flags & GMM_MODEL_REG_COVAR)
	{
		appendStringInfoString(text, ",\"reg_covar\":");
		gmm_text_append_double(text, model->reg_covar);
	}
	appendStringInfo(text, ",\"n_incomplete\":" INT64_FORMAT ",\"n_reseeded\":%d",
					 model->n_incomplete, model->n_reseeded);
	gmm_trials_append(text, model);
}

/* Write the text form, without white space as to_json() does, into a palloc'd string. */
static char *
model_to_text(const GmmModel *model)
{
	StringInfoData text;
	MixtureParameters parameters;

	gmm_model_parameters(model, &parameters);
	initStringInfo(&text);
	gmm_text_append_parameters(&text, &parameters);
	if (model->flags & GMM_MODEL_FITTED)
		append_fit(&text, model);
	appendStringInfoChar(&text, '}');
	return text.data;
}

/* gmm_model_out(gmm_model) returns cstring */
Datum
gmm_model_out(PG_FUNCTION_ARGS)
{
	PG_RETURN_CSTRING(model_to_text(PG_GETARG_GMM_MODEL(0)));
}

/* gmm_model_in(cstring) returns gmm_model */
Datum
gmm_model_in(PG_FUNCTION_ARGS)
{
	char	   *text = PG_GETARG_CSTRING(0);

	PG_RETURN_GMM_MODEL(gmm_model_parse(text, strlen(text), fcinfo->context));
}


/* --- jsonb --- */

/* gmm_model_to_jsonb(gmm_model) returns jsonb */
Datum
gmm_model_to_jsonb(PG_FUNCTION_ARGS)
{
	char	   *text = model_to_text(PG_GETARG_GMM_MODEL(0));

	PG_RETURN_DATUM(DirectFunctionCall1(jsonb_in, CStringGetDatum(text)));
}

/* gmm_model_from_jsonb(jsonb) returns gmm_model */
Datum
gmm_model_from_jsonb(PG_FUNCTION_ARGS)
{
	Jsonb	   *jsonb = PG_GETARG_JSONB_P(0);
	char	   *text = JsonbToCString(NULL, &jsonb->root, VARSIZE(jsonb));

	PG_RETURN_GMM_MODEL(gmm_model_parse(text, strlen(text), NULL));
}


/* --- binary --- */

/* Bytes of what is said of a fit */
#define FIT_SENT_BYTES		(2 * sizeof(int64) + 4 * sizeof(double) + 5 * sizeof(int32))

/*
 * gmm_model_send(gmm_model) returns bytea
 *
 * Version and family as int8, flags as int16, k, d and the number of trials as
 * int32; if flags say that a fit is known: n_rows as int64, sum of weights and
 * log-likelihood as float8, iterations, starts and best starts as int32,
 * entropy and reg_covar as float8 (0 where flags say that they are not known),
 * incomplete rows as int64, reseeded components and the criterion as int32;
 * then weights, means and covariances (triangles packed) as float8; then the
 * trials (model_choice.c).
 */
Datum
gmm_model_send(PG_FUNCTION_ARGS)
{
	GmmModel   *model = PG_GETARG_GMM_MODEL(0);
	size_t		n_values = gmm_model_n_values((MixtureCovarianceType) model->covariance_type,
											  model->k, model->d);
	StringInfoData buffer;

	pq_begintypsend(&buffer);
	pq_sendint8(&buffer, model->version);
	pq_sendint8(&buffer, model->covariance_type);
	pq_sendint16(&buffer, model->flags);
	pq_sendint32(&buffer, model->k);
	pq_sendint32(&buffer, model->d);
	pq_sendint32(&buffer, model->n_trials);
	if (model->flags & GMM_MODEL_FITTED)
	{
		pq_sendint64(&buffer, model->n_rows);
		pq_sendfloat8(&buffer, model->sum_weights);
		pq_sendfloat8(&buffer, model->log_likelihood);
		pq_sendint32(&buffer, model->iterations);
		pq_sendint32(&buffer, model->n_starts);
		pq_sendint32(&buffer, model->n_best_starts);
		pq_sendfloat8(&buffer, model->entropy);
		pq_sendfloat8(&buffer, model->reg_covar);
		pq_sendint64(&buffer, model->n_incomplete);
		pq_sendint32(&buffer, model->n_reseeded);
		pq_sendint32(&buffer, model->criterion);
	}
	for (size_t i = 0; i < n_values; i++)
	{
		if (i % 1024 == 0)
			CHECK_FOR_INTERRUPTS();
		pq_sendfloat8(&buffer, model->values[i]);
	}
	gmm_trials_send(&buffer, model);
	PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}

/* What a binary form begins with. */
typedef struct SentHeader
{
	int			flags;
	int			n_trials;
} SentHeader;

/* Flags that are known, and that go together. */
static bool
flags_possible(int flags)
{
	int			known = GMM_MODEL_FITTED | GMM_MODEL_CONVERGED |
		GMM_MODEL_ENTROPY | GMM_MODEL_REG_COVAR;

	return (flags & ~known) == 0 && (flags == 0 || (flags & GMM_MODEL_FITTED));
}

/*
 * Receive version, family, flags, shape and number of trials; the shape is
 * allowed, and there are as many values as it needs, and a fit and trials, if
 * it says so, beside.
 */
static void
receive_header(StringInfo buffer, MixtureParameters *parameters, SentHeader *header)
{
	int			version;
	int			type;
	size_t		expected;

	version = pq_getmsgbyte(buffer);
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
	header->flags = pq_getmsgint(buffer, 2);
	if (!flags_possible(header->flags))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid flags 0x%04x in a binary gmm_model",
						header->flags)));
	parameters->covariance_type = (MixtureCovarianceType) type;
	parameters->k = (int32) pq_getmsgint(buffer, 4);
	parameters->d = (int32) pq_getmsgint(buffer, 4);
	(void) gmm_model_check_shape(parameters->covariance_type, parameters->k,
								 parameters->d, NULL);
	header->n_trials = (int32) pq_getmsgint(buffer, 4);
	if (header->n_trials < 0 || header->n_trials > GMM_MAX_TRIALS ||
		(header->n_trials > 0 && !(header->flags & GMM_MODEL_FITTED)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid number of trials %d in a binary gmm_model",
						header->n_trials)));

	expected = gmm_model_n_values(parameters->covariance_type, parameters->k,
								  parameters->d) * sizeof(double) +
		header->n_trials * GMM_TRIAL_SENT_BYTES;
	if (header->flags & GMM_MODEL_FITTED)
		expected += FIT_SENT_BYTES;
	if ((size_t) (buffer->len - buffer->cursor) != expected)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("binary gmm_model of the wrong length"),
				 errdetail("The header is followed by %d bytes instead of %zu.",
						   buffer->len - buffer->cursor, expected)));
}

/* What is known where flags say so, NaN where not; then 0 was sent. */
static double
receive_known(StringInfo buffer, bool known)
{
	double		value = pq_getmsgfloat8(buffer);

	if (!known && !(value == 0.0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("a binary gmm_model has a value that its flags say is not known")));
	if (known && isnan(value))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a binary gmm_model must not contain NaN")));
	return known ? value : NAN;
}

/* Receive what is said of a fit. */
static void
receive_fit(StringInfo buffer, const SentHeader *header, GmmFitInfo *info)
{
	int			criterion;

	info->n_rows = pq_getmsgint64(buffer);
	info->sum_weights = pq_getmsgfloat8(buffer);
	info->log_likelihood = pq_getmsgfloat8(buffer);
	info->iterations = (int32) pq_getmsgint(buffer, 4);
	info->n_starts = (int32) pq_getmsgint(buffer, 4);
	info->n_best_starts = (int32) pq_getmsgint(buffer, 4);
	info->converged = (header->flags & GMM_MODEL_CONVERGED) != 0;
	info->entropy = receive_known(buffer, (header->flags & GMM_MODEL_ENTROPY) != 0);
	info->reg_covar = receive_known(buffer, (header->flags & GMM_MODEL_REG_COVAR) != 0);
	info->n_incomplete = pq_getmsgint64(buffer);
	info->n_reseeded = (int32) pq_getmsgint(buffer, 4);
	criterion = (int32) pq_getmsgint(buffer, 4);
	if (criterion < 0 || criterion >= MIXTURE_N_CRITERIA ||
		(criterion != 0 && header->n_trials == 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid criterion %d in a binary gmm_model", criterion)));
	info->criterion = (MixtureCriterion) criterion;
}

/* gmm_model_recv(internal) returns gmm_model */
Datum
gmm_model_recv(PG_FUNCTION_ARGS)
{
	StringInfo	buffer = (StringInfo) PG_GETARG_POINTER(0);
	MixtureParameters parameters;
	SentHeader	header;
	GmmFitInfo	info;
	bool		fitted;
	size_t		n_values;
	double	   *values;

	receive_header(buffer, &parameters, &header);
	fitted = (header.flags & GMM_MODEL_FITTED) != 0;
	gmm_fit_info_init(&info);
	if (fitted)
		receive_fit(buffer, &header, &info);

	n_values = gmm_model_n_values(parameters.covariance_type, parameters.k,
								  parameters.d);
	values = (double *) palloc(n_values * sizeof(double));
	for (size_t i = 0; i < n_values; i++)
	{
		if (i % 1024 == 0)
			CHECK_FOR_INTERRUPTS();
		values[i] = pq_getmsgfloat8(buffer);
	}
	info.n_trials = header.n_trials;
	if (info.n_trials > 0)
		info.trials = gmm_trials_receive(buffer, info.n_trials);
	pq_getmsgend(buffer);

	parameters.weights = values;
	parameters.means = values + parameters.k;
	parameters.covariances = parameters.means +
		(size_t) parameters.k * parameters.d;
	(void) gmm_model_check(&parameters, fitted ? &info : NULL, NULL);
	PG_RETURN_GMM_MODEL(gmm_model_make(&parameters, fitted ? &info : NULL));
}
