/*
 * model_identity.h
 *	  Recognising a model that was seen before, without reading it.
 */
#ifndef GMM_MODEL_IDENTITY_H
#define GMM_MODEL_IDENTITY_H

#include "model/model.h"

/*
 * Equal keys mean equal models; a model may have two, that of where it is
 * stored and that of what it says.  No padding, so that bytes can be hashed
 * and compared.
 */
typedef struct GmmModelKey
{
	uint64		identity;		/* fingerprint, or the toasted value's OIDs */
	int32		kind;			/* MixtureCovarianceType, or
								 * GMM_MODEL_KEY_TOASTED */
	int32		k;				/* of a toasted value its size in bytes */
	int32		d;				/* of a toasted value 0 */
	int32		unused;
} GmmModelKey;

#define GMM_MODEL_KEY_TOASTED	(-1)

/*
 * The model of an aggregate's first row, kept to see that every other row has
 * it too.
 */
typedef struct GmmModelIdentity
{
	GmmModelKey contents;
	bool		is_toasted;
	GmmModelKey toasted;		/* if is_toasted */
} GmmModelIdentity;

extern bool gmm_model_key_toasted(Datum datum, GmmModelKey *key);
extern void gmm_model_key_contents(const GmmModel *model, GmmModelKey *key);

extern void gmm_model_identity_set(GmmModelIdentity *identity, Datum datum,
								   const GmmModel *model);
extern bool gmm_model_identity_matches(const GmmModelIdentity *identity,
									   Datum datum);

static inline bool
gmm_model_key_equal(const GmmModelKey *a, const GmmModelKey *b)
{
	return a->identity == b->identity && a->kind == b->kind &&
		a->k == b->k && a->d == b->d;
}

#endif							/* GMM_MODEL_IDENTITY_H */
