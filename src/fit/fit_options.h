/*
 * fit_options.h
 *	  The options of a fit, as jsonb and as the engine takes them.
 *
 * Defaults and limits stand here and nowhere else, but for
 * GMM_DEFAULT_REG_COVAR, which models know too.
 */
#ifndef GMM_FIT_OPTIONS_H
#define GMM_FIT_OPTIONS_H

#include "utils/jsonb.h"

#include "engine/engine.h"
#include "model/model.h"

#define GMM_MIN_MAX_ITER		0	/* of gmm_refit; of others 1 */
#define GMM_MAX_MAX_ITER		1000000
#define GMM_DEFAULT_MAX_ITER	1000

#define GMM_DEFAULT_TOL			1e-7

#define GMM_MIN_N_INIT			1
#define GMM_MAX_N_INIT			1000
#define GMM_DEFAULT_N_INIT		0	/* as many as it takes */

#define GMM_MAX_REG_COVAR		1e15	/* that times any variance is finite */

#define GMM_DEFAULT_COVARIANCE_TYPE	MIXTURE_FULL
#define GMM_DEFAULT_INIT		MIXTURE_INIT_KMEANS_PLUS_PLUS
#define GMM_DEFAULT_SEED		UINT64CONST(1)
#define GMM_DEFAULT_ACCELERATE	true
#define GMM_DEFAULT_CRITERION	MIXTURE_BIC
#define GMM_DEFAULT_MISSING		GMM_MISSING_MARGINALIZE
#define GMM_DEFAULT_TOO_FEW_ROWS	GMM_TOO_FEW_ERROR
#define GMM_DEFAULT_NOISE		false	/* of gmm_refit, what the model has */

/* The options, as bits of GmmOptions.given: which were named. */
#define GMM_OPTION_ACCELERATE		0x0001
#define GMM_OPTION_COVARIANCE_TYPE	0x0002
#define GMM_OPTION_CRITERION		0x0004
#define GMM_OPTION_FEATURES			0x0008
#define GMM_OPTION_FIXED			0x0010
#define GMM_OPTION_INIT				0x0020
#define GMM_OPTION_MAX_ITER			0x0040
#define GMM_OPTION_MISSING			0x0080
#define GMM_OPTION_N_INIT			0x0100
#define GMM_OPTION_NOISE			0x0200
#define GMM_OPTION_PRIOR			0x0400	/* and it is not false */
#define GMM_OPTION_REG_COVAR		0x0800
#define GMM_OPTION_SEED				0x1000
#define GMM_OPTION_TOL				0x2000
#define GMM_OPTION_TOO_FEW_ROWS		0x4000

/* What options may be for, as bits: of what an option has a use for. */
typedef enum GmmUse
{
	GMM_USE_FIT = 0x01,			/* a fit that searches */
	GMM_USE_BEST = 0x02,		/* such a fit that chooses among models */
	GMM_USE_REFIT = 0x04,		/* a fit that starts from a model */
	GMM_USE_SCORE = 0x08,		/* the same with a max_iter of 0 */
	GMM_USE_STEP = 0x10,		/* one step */
	GMM_USE_ALL = 0x1f
} GmmUse;

/* What becomes of rows in which elements are NULL. */
typedef enum GmmMissing
{
	GMM_MISSING_MARGINALIZE,	/* all that is known of them counts */
	GMM_MISSING_SKIP,			/* they are as absent */
	GMM_MISSING_ERROR
} GmmMissing;

/* What becomes of a fit to fewer distinct rows than it is to have components. */
typedef enum GmmTooFewRows
{
	GMM_TOO_FEW_ERROR,
	GMM_TOO_FEW_FEWER,			/* as many components as there are rows */
	GMM_TOO_FEW_NULL			/* no model */
} GmmTooFewRows;

typedef struct GmmOptions
{
	MixtureOptions mixture;
	bool		auto_covariance_type;	/* all families; mixture has the default */
	MixtureCriterion criterion;
	GmmMissing	missing;
	GmmTooFewRows too_few_rows;
	GmmFeatureNames features;	/* palloc'd; none if not given */
	int			given;

	/* fit_prior.c; mixture points to these when the shape is known */
	MixturePriorOptions prior;
	GmmArray	prior_mean;		/* of no dimensions where there is none */
	GmmArray	prior_scale;
	MixtureFixed fixed;
	int			n_fixed_components;
	int		   *fixed_components;	/* from 1 */
} GmmOptions;

extern void gmm_options_parse(Jsonb *json, GmmUse use, const char *function,
							  GmmOptions *options);
extern void gmm_options_check_features(const GmmOptions *options, int d);
extern void gmm_options_check_family(const GmmOptions *options, MixtureCovarianceType type,
									 const char *whose, const char *hint);
extern void gmm_options_check_labelled(const GmmOptions *options);

/* fit_prior.c */
extern void gmm_option_set_prior(GmmOptions *options, const char *name,
								 const JsonbValue *value);
extern void gmm_option_set_fixed(GmmOptions *options, const char *name,
								 const JsonbValue *value);
extern void gmm_options_keep(GmmOptions *options, MemoryContext context);
extern void gmm_options_bind(GmmOptions *options, MixtureCovarianceType type, int k, int d);

#endif							/* GMM_FIT_OPTIONS_H */
