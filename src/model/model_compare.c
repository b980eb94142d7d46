/*
 * model_compare.c
 *	  Equality of models, and an order of them: for DISTINCT, GROUP BY, UNION
 *	  and joins on a model.
 *
 * Models are equal if they agree in every byte: parameters and what is known
 * of the fit.  (So 0 and -0 are not, as for records compared by their image.)
 * The order means nothing, but that equal models come together.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "fmgr.h"

#include "compat.h"
#include "model/model.h"

PG_FUNCTION_INFO_V1(gmm_model_eq);
PG_FUNCTION_INFO_V1(gmm_model_ne);
PG_FUNCTION_INFO_V1(gmm_model_lt);
PG_FUNCTION_INFO_V1(gmm_model_le);
PG_FUNCTION_INFO_V1(gmm_model_gt);
PG_FUNCTION_INFO_V1(gmm_model_ge);
PG_FUNCTION_INFO_V1(gmm_model_cmp);
PG_FUNCTION_INFO_V1(gmm_model_hash);
PG_FUNCTION_INFO_V1(gmm_model_hash_extended);

/* Below 0, 0 or above, as the first argument comes before the second or not. */
static int
compare(FunctionCallInfo fcinfo)
{
	GmmModel   *a = PG_GETARG_GMM_MODEL(0);
	GmmModel   *b = PG_GETARG_GMM_MODEL(1);
	Size		size_a = VARSIZE(a);
	Size		size_b = VARSIZE(b);
	int			result;

	/* What differs are nearly always the fingerprints, which are cheap */
	result = memcmp(&a->fingerprint, &b->fingerprint, sizeof(GmmFingerprint));
	if (result == 0 && size_a != size_b)
		result = size_a < size_b ? -1 : 1;
	else if (result == 0)
		result = memcmp(VARDATA(a), VARDATA(b), size_a - VARHDRSZ);
	result = (result > 0) - (result < 0);

	PG_FREE_IF_COPY(a, 0);
	PG_FREE_IF_COPY(b, 1);
	return result;
}

/* gmm_model_eq(gmm_model, gmm_model) returns boolean: the operator = */
Datum
gmm_model_eq(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare(fcinfo) == 0);
}

/* gmm_model_ne(gmm_model, gmm_model) returns boolean: the operator <> */
Datum
gmm_model_ne(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare(fcinfo) != 0);
}

/* gmm_model_lt(gmm_model, gmm_model) returns boolean: the operator #<# */
Datum
gmm_model_lt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare(fcinfo) < 0);
}

/* gmm_model_le(gmm_model, gmm_model) returns boolean: the operator #<=# */
Datum
gmm_model_le(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare(fcinfo) <= 0);
}

/* gmm_model_gt(gmm_model, gmm_model) returns boolean: the operator #># */
Datum
gmm_model_gt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare(fcinfo) > 0);
}

/* gmm_model_ge(gmm_model, gmm_model) returns boolean: the operator #>=# */
Datum
gmm_model_ge(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare(fcinfo) >= 0);
}

/* gmm_model_cmp(gmm_model, gmm_model) returns integer: for sorting */
Datum
gmm_model_cmp(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(compare(fcinfo));
}

/* gmm_model_hash(gmm_model) returns integer: for hash tables */
Datum
gmm_model_hash(PG_FUNCTION_ARGS)
{
	GmmModel   *model = PG_GETARG_GMM_MODEL(0);
	uint32		hash = (uint32) model->fingerprint.words[0];

	PG_FREE_IF_COPY(model, 0);
	PG_RETURN_UINT32(hash);
}

/* gmm_model_hash_extended(gmm_model, bigint) returns bigint: the same, seeded */
Datum
gmm_model_hash_extended(PG_FUNCTION_ARGS)
{
	GmmModel   *model = PG_GETARG_GMM_MODEL(0);
	uint64		hash = model->fingerprint.words[0];

	PG_FREE_IF_COPY(model, 0);
	PG_RETURN_UINT64(hash_bytes_extended((const unsigned char *) &hash, sizeof(hash),
										 (uint64) PG_GETARG_INT64(1)));
}
