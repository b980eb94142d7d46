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

#define GMM_DEFAULT_COVARIANCE_TYPE	MIXTURE_FULL
#define GMM_DEFAULT_INIT		MIXTURE_INIT_KMEANS_PLUS_PLUS
#define GMM_DEFAULT_SEED		UINT64CONST(1)
#define GMM_DEFAULT_ACCELERATE	true
#define GMM_DEFAULT_CRITERION	MIXTURE_BIC
#define GMM_DEFAULT_MISSING		GMM_MISSING_MARGINALIZE
#define GMM_DEFAULT_TOO_FEW_ROWS	GMM_TOO_FEW_ERROR
#define GMM_DEFAULT_NOISE		false	/* of gmm_refit, what the model has */

/* Which options were named, as bits of GmmOptions.given. */
#define GMM_OPTION_COVARIANCE_TYPE	0x01
#define GMM_OPTION_N_INIT			0x02
#define GMM_OPTION_INIT				0x04
#define GMM_OPTION_CRITERION		0x08
#define GMM_OPTION_TOO_FEW_ROWS		0x10
#define GMM_OPTION_FEATURES			0x20
#define GMM_OPTION_NOISE			0x40
#define GMM_OPTION_OF_FIT			0x80	/* one that a single step has no use for */
#define GMM_OPTION_REG_COVAR		0x100
#define GMM_OPTION_PRIOR			0x200
#define GMM_OPTION_FIXED			0x400

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

extern void gmm_options_parse(Jsonb *json, GmmOptions *options);
extern void gmm_options_check_features(const GmmOptions *options, int d);
extern void gmm_options_parse_choice(Jsonb *json, GmmOptions *options);
extern void gmm_options_check_search(const GmmOptions *options, const char *function);
extern void gmm_options_check_labelled(const GmmOptions *options);

/* fit_prior.c */
extern void gmm_option_set_prior(GmmOptions *options, const char *name,
								 const JsonbValue *value);
extern void gmm_option_set_fixed(GmmOptions *options, const char *name,
								 const JsonbValue *value);
extern void gmm_options_keep(GmmOptions *options, MemoryContext context);
extern void gmm_options_bind(GmmOptions *options, MixtureCovarianceType type, int k, int d);

#endif							/* GMM_FIT_OPTIONS_H */
