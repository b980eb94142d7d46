/*
 * model.h
 *	  The gmm_model datum: a fitted mixture as it is stored.
 *
 * Everything that receives a model gets it through DatumGetGmmModel(), which
 * detoasts, checks version and size, and so is the one place that will
 * upgrade older formats, when there are any.  What is not reachable by C code is validated where
 * it enters (text, jsonb, binary, arrays): shapes, finite numbers, weights
 * that sum to 1, positive definite covariances, noise that is a share of all
 * rows and in a box.
 */
#ifndef GMM_MODEL_H
#define GMM_MODEL_H

#include "fmgr.h"
#include "nodes/nodes.h"

#include "engine/engine.h"
#include "rows/features.h"

#define GMM_MODEL_VERSION	1

/* In flags: what is said of the fit is known; there is noise */
#define GMM_MODEL_FITTED	0x0001
#define GMM_MODEL_NOISE		0x0004

/* Every k of every family */
#define GMM_MAX_TRIALS	(MIXTURE_N_COVARIANCE_TYPES * MIXTURE_MAX_COMPONENTS)

/* A SHA-256; see model_identity.c */
typedef struct GmmFingerprint
{
	uint64		words[4];
} GmmFingerprint;

typedef struct GmmModel
{
	int32		vl_len_;		/* varlena header, not to be touched */
	uint8		version;
	uint8		covariance_type;	/* MixtureCovarianceType */
	uint16		flags;
	int32		k;
	int32		d;
	GmmFingerprint fingerprint;	/* of the parameters and the names, so that a
								 * cache recognises a model without reading it */
	MixtureFitInfo fit;			/* zeros unless flags say that it is known */
	int32		criterion;		/* MixtureCriterion, 0 without trials */
	int32		n_trials;
	int32		names_size;		/* bytes of the names of features, or 0 */
	int32		reserved;		/* 0 */
	double		values[FLEXIBLE_ARRAY_MEMBER];	/* weights, means,
												 * covariances, as in
												 * MixtureParameters; noise, if
												 * there is: its weight, least
												 * and most values; then
												 * n_trials of MixtureTrial;
												 * then the bytes of
												 * GmmFeatureNames */
} GmmModel;

/* What a model knows beside the parameters. */
typedef struct GmmFitInfo
{
	MixtureFitInfo fit;
	MixtureCriterion criterion; /* by which this trial was chosen */
	int			n_trials;		/* 0 if there was no choice */
	const MixtureTrial *trials; /* by family, then by k, each once; the chosen
								 * one is that of the model's family and k */
} GmmFitInfo;

/*
 * Values as a user gave them, in up to three dimensions.  n_dims counts all
 * dimensions, those beyond the third too, so that it can be reported.
 */
#define GMM_ARRAY_MAX_DIMS	3

typedef struct GmmArray
{
	const char *name;			/* of the argument or JSON key */
	int			n_dims;
	int			dims[GMM_ARRAY_MAX_DIMS];
	const double *values;		/* row by row */
} GmmArray;

/* Noise as a user gave it */
typedef struct GmmNoise
{
	double		weight;
	GmmArray	least;
	GmmArray	most;
} GmmNoise;

#define GMM_COVARIANCE_TYPES_HINT \
	"Valid values are full, tied, diag and spherical, and mclust's VVV, EEE, VVI and VII."

/* The option's default, and what is assumed of a model that does not say it */
#define GMM_DEFAULT_REG_COVAR	0

#define GMM_CRITERIA_HINT		"Valid values are bic, aic and icl."

/* model_names.c */
extern const char *gmm_covariance_type_name(MixtureCovarianceType type);
extern bool gmm_covariance_type_parse(const char *name,
									  MixtureCovarianceType *type);
extern const char *gmm_criterion_name(MixtureCriterion criterion);
extern bool gmm_criterion_parse(const char *name, MixtureCriterion *criterion);

/* model.c */
extern GmmModel *DatumGetGmmModel(Datum datum);
extern const MixtureTrial *gmm_model_trials(const GmmModel *model);
extern void gmm_model_parameters(const GmmModel *model,
								 MixtureParameters *parameters);
extern void gmm_model_names(const GmmModel *model, GmmFeatureNames *names);
extern GmmModel *gmm_model_make(const MixtureParameters *parameters,
								const GmmFeatureNames *names, const GmmFitInfo *info);
extern void gmm_model_read_row(Datum model, Datum row, GmmFeatures *features);
pg_noreturn extern void gmm_model_report_dimensions(Datum model, int features_d);

/* model_check.c */
extern void gmm_check_stored(const char *type, size_t size, size_t least,
							 const uint8 *version, int known);
extern bool gmm_model_check_shape(MixtureCovarianceType type, int k, int d,
								  Node *escontext);
extern bool gmm_check_finite(const char *what, const double *values, size_t n,
							 size_t per_component, Node *escontext);
extern bool gmm_model_check_names(const GmmFeatureNames *names, int d, Node *escontext);
extern void gmm_model_check_alike(int d, const GmmFeatureNames *names, int other_d,
								  const GmmFeatureNames *other_names, const char *what_for);
extern bool gmm_model_check(const MixtureParameters *parameters,
							const GmmFitInfo *info, Node *escontext);

/* model_arrays.c */
extern bool gmm_array_check_shape(const GmmArray *array, const int *dims, int n_dims,
								  const char *formula, Node *escontext);
extern double *gmm_array_to_covariances(const GmmArray *array,
										MixtureCovarianceType type, int k, int d,
										Node *escontext);
extern GmmModel *gmm_model_from_parts(MixtureCovarianceType type,
									  const GmmArray *weights,
									  const GmmArray *means,
									  const GmmArray *covariances,
									  const GmmNoise *noise,
									  const GmmFeatureNames *names,
									  const GmmFitInfo *info,
									  Node *escontext);

/* model_binary.c */
extern void gmm_model_write(StringInfo buffer, const GmmModel *model, bool for_client);
extern GmmModel *gmm_model_read(StringInfo buffer, bool from_client);

/* model_choice.c */
extern double gmm_trial_criterion(const GmmModel *model, const MixtureTrial *trial,
								  MixtureCriterion criterion);
extern bool gmm_trial_is_chosen(const GmmModel *model, const MixtureTrial *trial);

/* model_summary.c */
extern int	gmm_model_judge(const GmmModel *model, MixtureSuspicion *suspicions);

#define PG_GETARG_GMM_MODEL(n)		DatumGetGmmModel(PG_GETARG_DATUM(n))
#define PG_RETURN_GMM_MODEL(x)		PG_RETURN_POINTER(x)

#endif							/* GMM_MODEL_H */
