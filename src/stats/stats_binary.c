/*
 * stats_binary.c
 *	  gmm_stats as binary.
 */
#include "postgres.h"

#include "libpq/pqformat.h"
#include "miscadmin.h"

#include "compat.h"
#include "stats/stats.h"

/* Values between two checks for interrupts */
#define VALUES_PER_CHECK	1024

PG_FUNCTION_INFO_V1(gmm_stats_recv);
PG_FUNCTION_INFO_V1(gmm_stats_send);

static void
send_values(StringInfo buffer, const double *values, size_t n)
{
	for (size_t i = 0; i < n; i++)
	{
		if (i % VALUES_PER_CHECK == 0)
			CHECK_FOR_INTERRUPTS();
		pq_sendfloat8(buffer, values[i]);
	}
}

/*
 * gmm_stats_send(gmm_stats) returns bytea
 *
 * Version and family as int8, 0 as int16, k and d as int32, the number of rows
 * as int64; then as float8 the sums: of weights, the log-likelihood, squares of
 * log densities, 0, k weights
 * of components, k x d firsts, seconds (triangles packed); then the model's
 * weights, means and covariances (likewise).
 */
Datum
gmm_stats_send(PG_FUNCTION_ARGS)
{
	GmmStatsView view;
	StringInfoData buffer;
	MixtureParameters *parameters = &view.parameters;

	gmm_stats_view(PG_GETARG_DATUM(0), &view);
	pq_begintypsend(&buffer);
	pq_sendint8(&buffer, GMM_STATS_VERSION);
	pq_sendint8(&buffer, parameters->covariance_type);
	pq_sendint16(&buffer, 0);
	pq_sendint32(&buffer, parameters->k);
	pq_sendint32(&buffer, parameters->d);
	pq_sendint64(&buffer, view.n_rows);
	send_values(&buffer, view.sums.sum_weights, view.sums.n_values);
	send_values(&buffer, parameters->weights, parameters->k);
	send_values(&buffer, parameters->means, (size_t) parameters->k * parameters->d);
	send_values(&buffer, parameters->covariances,
				mixture_covariance_count(parameters->covariance_type,
										 parameters->k, parameters->d));
	PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}

/*
 * Receive version, family and shape into zeroed statistics; the shape is
 * allowed, and what follows is as long as it should be.
 */
static GmmStats *
receive_stats_header(StringInfo buffer)
{
	int			version = pq_getmsgbyte(buffer);
	int			type;
	int			reserved;
	int			k;
	int			d;
	size_t		size;
	size_t		expected;
	GmmStats   *stats;

	if (version != GMM_STATS_VERSION)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("unknown version %d of a binary gmm_stats", version),
				 errhint("It may have been written by a newer version of the extension gmm.")));
	type = pq_getmsgbyte(buffer);
	reserved = pq_getmsgint(buffer, 2);
	if (type >= MIXTURE_N_COVARIANCE_TYPES || reserved != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("unknown covariance type %d or flags 0x%04x in a binary gmm_stats",
						type, reserved)));
	k = (int32) pq_getmsgint(buffer, 4);
	d = (int32) pq_getmsgint(buffer, 4);
	(void) gmm_model_check_shape((MixtureCovarianceType) type, k, d, NULL);

	size = gmm_stats_size((MixtureCovarianceType) type, k, d);
	expected = size - offsetof(GmmStats, values) + sizeof(int64);
	if ((size_t) (buffer->len - buffer->cursor) != expected)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("binary gmm_stats of the wrong length"),
				 errdetail("The header is followed by %d bytes instead of %zu.",
						   buffer->len - buffer->cursor, expected)));
	stats = palloc0(size);
	SET_VARSIZE(stats, size);
	stats->version = GMM_STATS_VERSION;
	stats->covariance_type = type;
	stats->k = k;
	stats->d = d;
	return stats;
}

/* gmm_stats_recv(internal) returns gmm_stats */
Datum
gmm_stats_recv(PG_FUNCTION_ARGS)
{
	StringInfo	buffer = (StringInfo) PG_GETARG_POINTER(0);
	GmmStats   *stats = receive_stats_header(buffer);
	GmmStatsView view;
	size_t		n_values;

	stats->n_rows = pq_getmsgint64(buffer);
	n_values = (VARSIZE(stats) - offsetof(GmmStats, values)) / sizeof(double);
	for (size_t i = 0; i < n_values; i++)
	{
		if (i % VALUES_PER_CHECK == 0)
			CHECK_FOR_INTERRUPTS();
		stats->values[i] = pq_getmsgfloat8(buffer);
	}
	pq_getmsgend(buffer);

	gmm_stats_place(stats, &view);
	(void) gmm_model_check(&view.parameters, NULL, NULL);
	(void) gmm_stats_check(&view, NULL);
	PG_RETURN_GMM_STATS(stats);
}
