/*
 * model.c
 *	  The gmm_model datum: making and reading it.
 *
 * A model is one flat value, so that it can live in a column and be scored
 * without being taken apart: the header of GmmModel, then weights, means and
 * covariances in the engine's own order, then noise, then the trials of a choice
 * and the names of the features.
 *
 * What stands in a table was validated when it came in (model_check.c);
 * DatumGetGmmModel() checks no more than what keeps C code inside of it.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/memutils.h"

#include "compat.h"
#include "model/model.h"
#include "model/model_fields.h"

/* Values between two checks for interrupts */
#define VALUES_PER_CHECK		65536

/* Values of a model's parameters. */
static size_t
count_values(const GmmModel *model)
{
	return mixture_values_count((MixtureCovarianceType) model->covariance_type,
								model->k, model->d, (model->flags & GMM_MODEL_NOISE) != 0);
}

/*
 * The size in bytes of a model of this shape with so many trials, at most
 * GMM_MAX_TRIALS, and bytes of names, at most GMM_NAMES_MAX_SIZE(d): below
 * 1 GB.  The shape must be one that mixture_shape_allowed(), whose limits keep
 * this far from overflow.
 */
static size_t
model_size(MixtureCovarianceType type, int k, int d, bool noise, int n_trials, int names_size)
{
	StaticAssertStmt((2 * (Size) MIXTURE_MAX_VALUES + MIXTURE_MAX_COMPONENTS +
					  2 * MIXTURE_MAX_DIMENSIONS + 1) *
					 sizeof(double) + GMM_MAX_TRIALS * sizeof(MixtureTrial) +
					 GMM_NAMES_MAX_SIZE(MIXTURE_MAX_DIMENSIONS) + sizeof(GmmModel) <
					 MaxAllocSize,
					 "the largest model must fit into a datum");

	return offsetof(GmmModel, values) +
		mixture_values_count(type, k, d, noise) * sizeof(double) +
		n_trials * sizeof(MixtureTrial) + names_size;
}

/*
 * Get a model from a datum, detoasted in CurrentMemoryContext where need be.
 * This is the only door for C code, and so where an older version of the format
 * will be upgraded, in memory.  The contents were validated when they were
 * stored; what is checked here is what a reader's memory accesses depend on.
 */
GmmModel *
DatumGetGmmModel(Datum datum)
{
	GmmModel   *model = (GmmModel *) PG_DETOAST_DATUM(datum);
	size_t		size = VARSIZE(model);

	gmm_check_stored("gmm_model", size, offsetof(GmmModel, values), &model->version,
					 GMM_MODEL_VERSION);
	if (model->covariance_type >= MIXTURE_N_COVARIANCE_TYPES ||
		model->k < 1 || model->d < 1 ||
		model->n_trials < 0 || model->n_trials > GMM_MAX_TRIALS ||
		!mixture_shape_allowed((MixtureCovarianceType) model->covariance_type,
							   model->k, model->d) ||
		model->names_size < 0 ||
		model->names_size > (int32) GMM_NAMES_MAX_SIZE(model->d) ||
		size != model_size((MixtureCovarianceType) model->covariance_type,
						   model->k, model->d, (model->flags & GMM_MODEL_NOISE) != 0,
						   model->n_trials, model->names_size))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("gmm_model of %zu bytes does not agree with its header",
						size),
				 errdetail("The header says covariance type %d, k = %d, d = %d, flags 0x%04x, %d trials and %d bytes of names.",
						   model->covariance_type, model->k, model->d, model->flags,
						   model->n_trials, model->names_size)));
	return model;
}

/* The trials in the model, n_trials of them. */
const MixtureTrial *
gmm_model_trials(const GmmModel *model)
{
	return (const MixtureTrial *) (model->values + count_values(model));
}

/* Let names point into the model. */
void
gmm_model_names(const GmmModel *model, GmmFeatureNames *names)
{
	const char *bytes = (const char *) (gmm_model_trials(model) + model->n_trials);

	if (!gmm_names_view(bytes, model->names_size, model->d, names))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("gmm_model does not have a name for each feature")));
}

/* Let parameters point into the model. */
void
gmm_model_parameters(const GmmModel *model, MixtureParameters *parameters)
{
	mixture_place_values(parameters, (MixtureCovarianceType) model->covariance_type,
						 model->k, model->d, (model->flags & GMM_MODEL_NOISE) != 0,
						 unconstify(GmmModel *, model)->values);
}

/*
 * Hash what the results of scores and further fits depend on: shape, parameters
 * and names of a model, of which the rest of the header need not be set.  See
 * model_identity.c.
 */
static GmmFingerprint
model_fingerprint(const GmmModel *model)
{
	size_t		n_values = count_values(model);
	int32		shape[5] = {model->covariance_type, model->k, model->d,
	model->flags & GMM_MODEL_NOISE, model->names_size};
	pg_cryptohash_ctx *context = pg_cryptohash_create(PG_SHA256);
	GmmFingerprint fingerprint;
	bool		failed = pg_cryptohash_init(context) < 0 ||
		pg_cryptohash_update(context, (const uint8 *) shape, sizeof(shape)) < 0;

	for (size_t start = 0; start < n_values && !failed; start += VALUES_PER_CHECK)
	{
		size_t		n = Min(n_values - start, VALUES_PER_CHECK);

		CHECK_FOR_INTERRUPTS();
		failed = pg_cryptohash_update(context, (const uint8 *) (model->values + start),
									  n * sizeof(double)) < 0;
	}
	failed = failed ||
		pg_cryptohash_update(context, (const uint8 *) (gmm_model_trials(model) + model->n_trials),
							 model->names_size) < 0;
	if (failed || pg_cryptohash_final(context, (uint8 *) &fingerprint,
									  sizeof(fingerprint)) < 0)
		elog(ERROR, "could not compute a SHA-256 hash");
	pg_cryptohash_free(context);
	return fingerprint;
}

/*
 * Make a model from parameters that a fit found or that gmm_model_check()
 * has passed; names is NULL, or empty, where the features have none, and info
 * is NULL where no fit is known.  The model is palloc'd, all is copied.
 */
GmmModel *
gmm_model_make(const MixtureParameters *parameters, const GmmFeatureNames *names,
			   const GmmFitInfo *info)
{
	int			k = parameters->k;
	int			d = parameters->d;
	MixtureCovarianceType type = parameters->covariance_type;
	int			n_trials = info != NULL ? info->n_trials : 0;
	int			names_size = names != NULL ? names->size : 0;
	bool		noise = parameters->noise_box != NULL;
	size_t		n_values;
	size_t		size;
	GmmModel   *model;
	MixtureParameters copy;

	if (k < 1 || d < 1 || !mixture_shape_allowed(type, k, d))
		elog(ERROR, "cannot store a mixture with k = %d and d = %d", k, d);
	if (names_size > 0 && names->n != d)
		elog(ERROR, "cannot store %d names of %d features", names->n, d);
	size = model_size(type, k, d, noise, n_trials, names_size);

	/* Zeroed, so that equal models are equal bytes */
	model = (GmmModel *) palloc0(size);
	SET_VARSIZE(model, size);
	model->version = GMM_MODEL_VERSION;
	model->covariance_type = type;
	model->k = k;
	model->d = d;
	model->names_size = names_size;
	if (noise)
		model->flags |= GMM_MODEL_NOISE;
	if (info != NULL)
	{
		model->flags |= GMM_MODEL_FITTED;
		gmm_fields_copy(&gmm_fit_fields, &model->fit, &info->fit);
		model->n_trials = n_trials;
		if (n_trials > 0)
			model->criterion = info->criterion;
	}

	mixture_copy_values(&copy, parameters, model->values);

	/* No door into the table for what no door into the type lets pass */
	n_values = count_values(model);
	for (size_t i = 0; i < n_values; i++)
	{
		if (i % VALUES_PER_CHECK == 0)
			CHECK_FOR_INTERRUPTS();
		if (!isfinite(model->values[i]))
			elog(ERROR, "value %zu of a mixture is not finite", i);
	}

	for (int i = 0; i < n_trials; i++)
		gmm_fields_copy(&gmm_trial_fields,
						(MixtureTrial *) (model->values + n_values) + i, &info->trials[i]);
	if (names_size > 0)
		memcpy((char *) model + size - names_size, names->bytes, names_size);

	model->fingerprint = model_fingerprint(model);
	return model;
}

/*
 * Read a row that a model is to be applied to: elements that are not NULL must
 * be finite.  The model is looked at where a message is to name an element.
 */
void
gmm_model_read_row(Datum model, Datum row, GmmFeatures *features)
{
	GmmFeatureNames names;

	gmm_features_get_any(row, features);
	if (likely(gmm_features_finite(features)))
		return;
	gmm_model_names(DatumGetGmmModel(model), &names);
	gmm_features_report_not_finite(features, names.n == features->d ? &names : NULL);
}

/* Refuse a row whose number of elements is not the model's. */
void
gmm_model_report_dimensions(Datum model, int features_d)
{
	const GmmModel *detoasted = DatumGetGmmModel(model);
	GmmFeatureNames names;

	gmm_model_names(detoasted, &names);
	gmm_features_report_dimensions(features_d, detoasted->d, &names);
}
