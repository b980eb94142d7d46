/*
 * model.h
 *	  The gmm_model datum: a fitted mixture as it is stored.
 *
 * Everything that receives a model gets it through DatumGetGmmModel(), which
 * detoasts, checks version and size, and so is the one place that will
 * upgrade older formats, when there are any.  What is not reachable by C code is validated where
 * it enters (text, jsonb, binary, arrays): shapes, finite numbers, weights
 * that sum to 1, positive definite covariances.
 */
#ifndef GMM_MODEL_H
#define GMM_MODEL_H

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "nodes/nodes.h"

#include "engine/engine.h"

#define GMM_MODEL_VERSION	1

/* flags; all others only with the first */
#define GMM_MODEL_FITTED	0x0001	/* the fields about the fit are known */
#define GMM_MODEL_CONVERGED	0x0002
#define GMM_MODEL_ENTROPY	0x0004	/* entropy is known */
#define GMM_MODEL_REG_COVAR 0x0008	/* reg_covar is known */

/* One try of gmm_fit_best, as a model stores it. */
typedef struct GmmTrial
{
	int32		k;
	uint8		covariance_type;	/* MixtureCovarianceType */
	uint8		converged;		/* 0 or 1 */
	uint16		reserved;		/* 0 */
	double		log_likelihood;
	double		entropy;
	int32		iterations;
	int32		n_starts;
	int32		n_best_starts;
	int32		n_suspect;		/* components that the rows do not support */
} GmmTrial;

/* Every k of every family */
#define GMM_MAX_TRIALS	(MIXTURE_N_COVARIANCE_TYPES * MIXTURE_MAX_COMPONENTS)

/* A SHA-256; see modelkey.c */
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
	GmmFingerprint fingerprint;	/* of the parameters, so that a cache
								 * recognises a model without reading it */
	int64		n_rows;
	double		sum_weights;
	double		log_likelihood;
	int32		iterations;
	int32		n_starts;
	int32		n_best_starts;
	int32		n_trials;
	double		entropy;
	double		reg_covar;
	int64		n_incomplete;
	int32		n_reseeded;
	int32		criterion;		/* MixtureCriterion, 0 without trials */
	double		values[FLEXIBLE_ARRAY_MEMBER];	/* weights, means,
												 * covariances, as in
												 * MixtureParameters; then
												 * n_trials of GmmTrial */
} GmmModel;

/*
 * What a fit knows beside the parameters.  gmm_fit_info_init() makes a new one
 * that does not know what need not be known.
 */
typedef struct GmmFitInfo
{
	int64		n_rows;
	double		sum_weights;
	double		log_likelihood;
	int32		iterations;
	bool		converged;
	int32		n_starts;
	int32		n_best_starts;
	double		entropy;		/* of the responsibilities; NaN: not known */
	double		reg_covar;		/* the option; NaN: not known */
	int64		n_incomplete;	/* rows with a NULL among their features */
	int32		n_reseeded;		/* components that were begun anew */
	MixtureCriterion criterion; /* by which this trial was chosen */
	int32		n_trials;		/* 0 if there was no choice */
	const GmmTrial *trials;		/* by family, then by k, each once; the chosen
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

#define GMM_COVARIANCE_TYPES_HINT \
	"Known are full, tied, diag and spherical, and mclust's VVV, EEE, VVI and VII."

extern GmmModel *DatumGetGmmModel(Datum datum);
extern GmmModel *gmm_model_make(const MixtureParameters *parameters,
								const GmmFitInfo *info);
extern void gmm_fit_info_init(GmmFitInfo *info);
extern void gmm_fit_info_from(GmmFitInfo *info, const MixtureFit *fit,
							  const MixtureOptions *options);
extern const GmmTrial *gmm_model_trials(const GmmModel *model);
extern int	gmm_model_n_suspect(const GmmModel *model);
extern void gmm_model_parameters(const GmmModel *model,
								 MixtureParameters *parameters);
extern bool gmm_model_check(const MixtureParameters *parameters,
							const GmmFitInfo *info, Node *escontext);
extern bool gmm_model_check_shape(MixtureCovarianceType type, int k, int d,
								  Node *escontext);
extern size_t gmm_model_n_values(MixtureCovarianceType type, int k, int d);
extern GmmModel *gmm_model_from_parts(MixtureCovarianceType type,
									  const GmmArray *weights,
									  const GmmArray *means,
									  const GmmArray *covariances,
									  const GmmFitInfo *info,
									  Node *escontext);
extern bool gmm_array_check_shape(const GmmArray *array, const int *dims, int n_dims,
								  const char *formula, Node *escontext);
extern double *gmm_array_to_covariances(const GmmArray *array,
										MixtureCovarianceType type, int k, int d,
										Node *escontext);
extern bool gmm_text_read_double(const char *type, const char *name, const char *token,
								 double *value, Node *escontext);
extern bool gmm_text_read_integer(const char *type, const char *name, const char *token,
								  int64 max, int64 *value, Node *escontext);
extern GmmModel *gmm_model_parse(char *text, size_t length, Node *escontext);
extern const char *gmm_covariance_type_name(MixtureCovarianceType type);
extern bool gmm_covariance_type_parse(const char *name,
									  MixtureCovarianceType *type);

/* The type's binary form, for other states that hold a model */
extern PGDLLEXPORT Datum gmm_model_send(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum gmm_model_recv(PG_FUNCTION_ARGS);

/* model_io.c: the text form, piece by piece */
extern void gmm_text_append_double(StringInfo text, double value);
extern void gmm_text_append_vector(StringInfo text, const double *values, int n);
extern void gmm_text_append_rows(StringInfo text, const double *values, int n, int d);
extern void gmm_text_append_covariances(StringInfo text, MixtureCovarianceType type,
										int k, int d, const double *values);
extern void gmm_text_append_parameters(StringInfo text,
									   const MixtureParameters *parameters);

#define PG_GETARG_GMM_MODEL(n)		DatumGetGmmModel(PG_GETARG_DATUM(n))
#define PG_RETURN_GMM_MODEL(x)		PG_RETURN_POINTER(x)

#endif							/* GMM_MODEL_H */
