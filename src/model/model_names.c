/*
 * model_names.c
 *	  The names of covariance families and of criteria, as models and options
 *	  have them.
 */
#include "postgres.h"

#include "model/model.h"

static const char *const covariance_type_names[MIXTURE_N_COVARIANCE_TYPES] = {
	"full", "tied", "diag", "spherical"
};

static const char *const covariance_type_mclust_names[MIXTURE_N_COVARIANCE_TYPES] = {
	"VVV", "EEE", "VVI", "VII"
};

/* The name of a covariance family, as in the text form of a model. */
const char *
gmm_covariance_type_name(MixtureCovarianceType type)
{
	return covariance_type_names[type];
}

/*
 * Set *type to the family of this name, scikit-learn's or mclust's, in any
 * case; return false where there is no such family.
 */
bool
gmm_covariance_type_parse(const char *name, MixtureCovarianceType *type)
{
	for (int i = 0; i < MIXTURE_N_COVARIANCE_TYPES; i++)
	{
		if (pg_strcasecmp(name, covariance_type_names[i]) == 0 ||
			pg_strcasecmp(name, covariance_type_mclust_names[i]) == 0)
		{
			*type = (MixtureCovarianceType) i;
			return true;
		}
	}
	return false;
}

static const char *const criterion_names[MIXTURE_N_CRITERIA] = {
	"bic", "aic", "icl"
};

/* The name of a criterion, as in the text form of a model. */
const char *
gmm_criterion_name(MixtureCriterion criterion)
{
	return criterion_names[criterion];
}

/* Set *criterion to that of this name, in any case; false if there is none. */
bool
gmm_criterion_parse(const char *name, MixtureCriterion *criterion)
{
	for (int i = 0; i < MIXTURE_N_CRITERIA; i++)
	{
		if (pg_strcasecmp(name, criterion_names[i]) == 0)
		{
			*criterion = (MixtureCriterion) i;
			return true;
		}
	}
	return false;
}
