/*
 * model_identity.c
 *	  Recognising a model that was seen before, without reading it.
 *
 * A model of some size is stored out of line, and the same model comes with
 * row after row.  Its toast pointer tells that it is the same one without a
 * look at the toast table: a value's OID is not given to another value while
 * a snapshot can see the first.  A model that is in line carries its
 * fingerprint in its header.
 */
#include "postgres.h"

#include "access/detoast.h"

#include "compat.h"
#include "model/model_identity.h"

/*
 * Set the key of a model that is stored out of line; false, and no key, for
 * any other.
 */
bool
gmm_model_key_toasted(Datum datum, GmmModelKey *key)
{
	struct varlena *value = (struct varlena *) DatumGetPointer(datum);
	struct varatt_external pointer;

	if (!VARATT_IS_EXTERNAL_ONDISK(value))
		return false;

	VARATT_EXTERNAL_GET_POINTER(pointer, value);
	key->identity = ((uint64) pointer.va_valueid << 32) | pointer.va_toastrelid;
	key->kind = GMM_MODEL_KEY_TOASTED;
	key->k = pointer.va_rawsize;
	key->d = 0;
	key->unused = 0;
	return true;
}

/* Set the key that hangs on what a model says. */
void
gmm_model_key_contents(const GmmModel *model, GmmModelKey *key)
{
	key->identity = model->fingerprint;
	key->kind = model->covariance_type;
	key->k = model->k;
	key->d = model->d;
	key->unused = 0;
}

/* Remember a model: as the datum that came, and what it was detoasted to. */
void
gmm_model_identity_set(GmmModelIdentity *identity, Datum datum,
					   const GmmModel *model)
{
	gmm_model_key_contents(model, &identity->contents);
	identity->is_toasted = gmm_model_key_toasted(datum, &identity->toasted);
}

/* Is a datum the model that was remembered? */
bool
gmm_model_identity_matches(const GmmModelIdentity *identity, Datum datum)
{
	GmmModelKey key;
	GmmModel   *model;

	if (identity->is_toasted && gmm_model_key_toasted(datum, &key) &&
		gmm_model_key_equal(&key, &identity->toasted))
		return true;

	model = DatumGetGmmModel(datum);
	gmm_model_key_contents(model, &key);
	if ((Pointer) model != DatumGetPointer(datum))
		pfree(model);
	return gmm_model_key_equal(&key, &identity->contents);
}
