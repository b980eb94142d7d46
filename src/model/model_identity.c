/*
 * model_identity.c
 *	  Recognising a model that was seen before, without reading it.
 *
 * A model of some size is stored out of line, and the same model comes with
 * row after row.  Its toast pointer tells that it is the same one without a
 * look at the toast table: a value's OID is not given to another value while
 * a snapshot can see the first.
 *
 * A model that is in line carries a fingerprint in its header, a SHA-256 of
 * its parameters.  No one can make two models with one fingerprint, so that
 * equal fingerprints are as good as a comparison of the contents, which would
 * cost as much as scoring a row.  A cheaper hash that can be inverted would
 * not do: whoever can write into a table could pass one model off as another.
 * Nor does the fingerprint depend on the server's version, as the server's
 * own hash functions may.
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
	memset(key, 0, sizeof(GmmModelKey));
	key->id.words[0] = ((uint64) pointer.va_valueid << 32) | pointer.va_toastrelid;
	key->id.words[1] = pointer.va_rawsize;
	key->is_toasted = true;
	return true;
}

/* Set the key that depends on what a model says. */
void
gmm_model_key_contents(const GmmModel *model, GmmModelKey *key)
{
	key->id = model->fingerprint;
	key->is_toasted = false;
}

/* The model that an aggregate gets with every row, which must be there. */
Datum
gmm_model_argument(FunctionCallInfo fcinfo, int position, const char *hint)
{
	if (PG_ARGISNULL(position))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("model must not be NULL"),
				 hint == NULL ? 0 : errhint("%s", hint)));
	return PG_GETARG_DATUM(position);
}

/* Remember a model: as the datum that came, and what it was detoasted to. */
void
gmm_model_identity_set(GmmModelIdentity *identity, Datum datum,
					   const GmmModel *model)
{
	gmm_model_key_contents(model, &identity->contents);
	identity->is_toasted = gmm_model_key_toasted(datum, &identity->toasted);
}

/*
 * Is a datum the model that was remembered?  How it came is remembered too,
 * for the next row.
 */
bool
gmm_model_identity_matches(GmmModelIdentity *identity, Datum datum)
{
	GmmModelKey key;
	GmmModel   *model;
	bool		matches;

	if (identity->is_toasted && gmm_model_key_toasted(datum, &key) &&
		gmm_model_key_equal(&key, &identity->toasted))
		return true;

	model = DatumGetGmmModel(datum);
	gmm_model_key_contents(model, &key);
	matches = gmm_model_key_equal(&key, &identity->contents);
	if (matches)
		gmm_model_identity_set(identity, datum, model);
	if ((Pointer) model != DatumGetPointer(datum))
		pfree(model);
	return matches;
}
