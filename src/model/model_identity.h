/*
 * model_identity.h
 *	  Recognising a model that was seen before, without reading it.
 */
#ifndef GMM_MODEL_IDENTITY_H
#define GMM_MODEL_IDENTITY_H

#include "model/model.h"

/*
 * Equal keys mean equal parameters; a model may have two keys, that of where
 * it is stored and that of what it says.  No padding, so that bytes can be
 * compared.
 */
typedef struct GmmModelKey
{
	GmmFingerprint id;			/* or the toasted value's OIDs and size */
	uint64		is_toasted;
} GmmModelKey;

/*
 * The model of an aggregate's first row, kept to see that every other row has
 * it too.
 */
typedef struct GmmModelIdentity
{
	GmmModelKey contents;
	bool		is_toasted;		/* as it came last */
	GmmModelKey toasted;		/* if is_toasted */
} GmmModelIdentity;

extern bool gmm_model_key_toasted(Datum datum, GmmModelKey *key);
extern void gmm_model_key_contents(const GmmModel *model, GmmModelKey *key);

extern Datum gmm_model_argument(FunctionCallInfo fcinfo, int position, const char *hint);
extern void gmm_model_identity_set(GmmModelIdentity *identity, Datum datum,
								   const GmmModel *model);
extern bool gmm_model_identity_matches(GmmModelIdentity *identity, Datum datum);

static inline bool
gmm_model_key_equal(const GmmModelKey *a, const GmmModelKey *b)
{
	return memcmp(a, b, sizeof(GmmModelKey)) == 0;
}

#endif							/* GMM_MODEL_IDENTITY_H */
