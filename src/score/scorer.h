/*
 * scorer.h
 *	  Models made ready for the rows of a call site, and kept for the next.
 */
#ifndef GMM_SCORER_H
#define GMM_SCORER_H

#include "fmgr.h"

#include "rows/features.h"
#include "model/model.h"
#include "model/model_identity.h"

/* What a model is kept under: itself, and which elements of a row are NULL. */
typedef struct GmmScorerKey
{
	GmmModelKey model;
	uint64		pattern;		/* hash; 0 if none is NULL */
} GmmScorerKey;

/*
 * A model made ready for rows in which the same elements are NULL: for these
 * it is the marginal mixture of the other dimensions.
 */
typedef struct GmmScorer
{
	GmmScorerKey key;			/* must be first: the hash key */
	MixtureCovarianceType covariance_type;
	int			k;
	bool		noise;			/* beside these */
	int			d;				/* of the model */
	GmmFeatureNames names;		/* of its features */
	int			n_observed;		/* elements that are not NULL, and dimensions
								 * of what follows */
	const int  *order;			/* the d dimensions from 0, those observed
								 * first; NULL if that is all of them */
	const uint8 *observed;		/* as in an array, or NULL likewise */
	const MixturePrepared *prepared;	/* of the observed dimensions */
	MixtureIncomplete *incomplete;	/* if none is NULL, for rows of which some are,
									 * from the first such row on */
	MixtureConditional *conditional;	/* of the others; see
										 * gmm_scorer_conditional() */
	MixtureTail *tail;			/* of the mixture of the observed ones; see
								 * gmm_scorer_tail() */
	MixtureExplanation **explanations;	/* of the observed ones: k, or 1 of all
										 * if tied, and that of noise; see
										 * gmm_scorer_explanation() */
} GmmScorer;

extern const GmmScorer *gmm_scorer_get(FunctionCallInfo fcinfo,
									   GmmFeatures *features, double **work);
extern const GmmScorer *gmm_scorer_find(FmgrInfo *flinfo, Datum model,
										const GmmFeatures *features,
										double **work);
extern const GmmScorer *gmm_scorer_get_filled(FunctionCallInfo fcinfo,
											  GmmFeatures *features, double **work,
											  const double **filled);
extern const GmmScorer *gmm_scorer_get_pattern(FunctionCallInfo fcinfo,
											   GmmFeatures *features, double **work);
extern const MixtureConditional *gmm_scorer_conditional(FunctionCallInfo fcinfo,
														const GmmScorer *scorer);
extern const MixtureTail *gmm_scorer_tail(FunctionCallInfo fcinfo,
										  const GmmScorer *scorer);
extern const MixtureExplanation *gmm_scorer_explanation(FunctionCallInfo fcinfo,
														const GmmScorer *scorer,
														int component);
extern int	gmm_scorer_far_detail(const GmmScorer *scorer, const GmmFeatures *features,
								  int component);

#endif							/* GMM_SCORER_H */
