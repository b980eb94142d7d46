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

/* In the flags: the model's features have names */
#define SENT_NAMES			0x0001

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
 * Version and family as int8, flags as int16, k and d as int32, the number of rows
 * and of those with labels as int64; then as float8 the sums: of weights, the
 * log-likelihood, squares of log densities, 0, the weight of noise, k weights of
 * components, k x d firsts, seconds (triangles packed); then the model's weights,
 * means and covariances (likewise); if flags say that there is noise, its weight,
 * and d least and d most values; if flags say that its features have names, each of
 * these as text behind its length in bytes as int32.
 */
Datum
gmm_stats_send(PG_FUNCTION_ARGS)
{
	GmmStatsView view;
	StringInfoData buffer;
	MixtureParameters *parameters = &view.parameters;
	bool		noise;

	gmm_stats_view(PG_GETARG_DATUM(0), &view);
	pq_begintypsend(&buffer);
	pq_sendint8(&buffer, GMM_STATS_VERSION);
	pq_sendint8(&buffer, parameters->covariance_type);
	noise = parameters->noise_box != NULL;
	pq_sendint16(&buffer, (noise ? GMM_STATS_NOISE : 0) | (view.names.n > 0 ? SENT_NAMES : 0));
	pq_sendint32(&buffer, parameters->k);
	pq_sendint32(&buffer, parameters->d);
	pq_sendint64(&buffer, view.n_rows);
	pq_sendint64(&buffer, view.n_labelled);
	send_values(&buffer, view.sums.sum_weights, view.sums.n_values);
	send_values(&buffer, parameters->weights, parameters->k);
	send_values(&buffer, parameters->means, (size_t) parameters->k * parameters->d);
	send_values(&buffer, parameters->covariances,
				mixture_covariance_count(parameters->covariance_type,
										 parameters->k, parameters->d));
	if (noise)
	{
		pq_sendfloat8(&buffer, parameters->noise_weight);
		send_values(&buffer, parameters->noise_box, 2 * (size_t) parameters->d);
	}
	gmm_names_send(&buffer, &view.names, true);
	PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}

/*
 * Refuse a message of which not as many bytes are left as the values take, and
 * the names at the least.
 */
static void
check_stats_length(StringInfo buffer, size_t n_values, int n_names)
{
	size_t		left = buffer->len - buffer->cursor;
	size_t		expected = 2 * sizeof(int64) + n_values * sizeof(double) +
		n_names * (sizeof(int32) + 1);

	if (n_names > 0 ? left < expected : left != expected)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("binary gmm_stats of the wrong length"),
				 errdetail("The header is followed by %zu bytes instead of %zu.",
						   left, expected)));
}

/*
 * Receive version, family and shape into zeroed statistics, without names; the
 * shape is allowed, and what follows is as long as it should be.  *named: names
 * follow in the end.
 */
static GmmStats *
receive_stats_header(StringInfo buffer, bool *named)
{
	int			version = pq_getmsgbyte(buffer);
	int			type;
	int			flags;
	int			k;
	int			d;
	size_t		size;
	GmmStats   *stats;

	if (version != GMM_STATS_VERSION)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("unknown version %d of a binary gmm_stats", version),
				 errhint("It may have been written by a newer version of the extension gmm.")));
	type = pq_getmsgbyte(buffer);
	flags = pq_getmsgint(buffer, 2);
	if (type >= MIXTURE_N_COVARIANCE_TYPES || (flags & ~(GMM_STATS_NOISE | SENT_NAMES)) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("unknown covariance type %d or flags 0x%04x in a binary gmm_stats",
						type, flags)));
	k = (int32) pq_getmsgint(buffer, 4);
	d = (int32) pq_getmsgint(buffer, 4);
	(void) gmm_model_check_shape((MixtureCovarianceType) type, k, d, NULL);

	*named = (flags & SENT_NAMES) != 0;
	size = gmm_stats_size((MixtureCovarianceType) type, k, d,
						  (flags & GMM_STATS_NOISE) != 0, 0);
	check_stats_length(buffer, (size - offsetof(GmmStats, values)) / sizeof(double),
					   *named ? d : 0);
	stats = palloc0(size);
	SET_VARSIZE(stats, size);
	stats->version = GMM_STATS_VERSION;
	stats->covariance_type = type;
	stats->flags = flags & GMM_STATS_NOISE;
	stats->k = k;
	stats->d = d;
	return stats;
}

/* gmm_stats_recv(internal) returns gmm_stats */
Datum
gmm_stats_recv(PG_FUNCTION_ARGS)
{
	StringInfo	buffer = (StringInfo) PG_GETARG_POINTER(0);
	bool		named;
	GmmStats   *stats = receive_stats_header(buffer, &named);
	GmmStatsView view;
	size_t		n_values;

	stats->n_rows = pq_getmsgint64(buffer);
	stats->n_labelled = pq_getmsgint64(buffer);
	n_values = (VARSIZE(stats) - offsetof(GmmStats, values)) / sizeof(double);
	for (size_t i = 0; i < n_values; i++)
	{
		if (i % VALUES_PER_CHECK == 0)
			CHECK_FOR_INTERRUPTS();
		stats->values[i] = pq_getmsgfloat8(buffer);
	}
	gmm_stats_place(stats, &view);
	if (named)
		gmm_names_receive(buffer, stats->d, true, &view.names);
	pq_getmsgend(buffer);
	(void) gmm_model_check(&view.parameters, NULL, NULL);
	(void) gmm_stats_check(&view, NULL);
	PG_RETURN_GMM_STATS(named ? gmm_stats_make(&view) : stats);
}
