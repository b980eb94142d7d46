/*
 * engine_host.c
 *	  PostgreSQL as the engine's host.
 *
 * The engine gets its memory, its interrupts and its error reports from
 * here, and from nowhere else.  (What a fit notes of its progress has a place
 * where there is a fit: fit_progress.c.)
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "host/engine_host.h"

static void *
host_allocate(void *context pg_attribute_unused(), size_t size)
{
	return MemoryContextAllocExtended(CurrentMemoryContext, size,
									  MCXT_ALLOC_HUGE);
}

static void
host_release(void *context pg_attribute_unused(), void *pointer)
{
	pfree(pointer);
}

static void
host_check_interrupts(void *context pg_attribute_unused())
{
	CHECK_FOR_INTERRUPTS();
}

const MixtureHost gmm_host = {
	NULL, host_allocate, host_release, host_check_interrupts, NULL, NULL
};

/* Raise the error of a number that is beyond the range of its type. */
static void
report_range(MixtureStatus status, const GmmFeatureNames *names, const MixtureError *error)
{
	switch (status)
	{
		case MIXTURE_FEATURE_RANGE:
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("the variance of feature %s is out of range for type double precision",
							gmm_names_element(names, error->feature)),
					 errdetail("Values must be between -%g and %g, and span at least %g unless all are equal.",
							   MIXTURE_MAX_FEATURE, MIXTURE_MAX_FEATURE,
							   MIXTURE_MIN_FEATURE_RANGE),
					 errhint("Give the feature in another unit.")));
			break;
		case MIXTURE_PRIOR_RANGE:
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("the prior is out of range for type double precision"),
					 errdetail("It is the covariances of the model, times the rows that these are worth."),
					 errhint("Use a smaller \"strength\" of option \"prior\".")));
			break;
		case MIXTURE_WEIGHT_RANGE:
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("the sum of the weights is out of range for type double precision"),
					 errhint("Multiply all weights by a constant, so that their sum is between 1e-290 and 1e300.")));
			break;
		case MIXTURE_SUM_RANGE:
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("the statistics of the rows are out of range for type double precision"),
					 error->feature < 0 ? 0 :
					 errdetail("The values of feature %s are too far from the means of all components.",
							   gmm_names_element(names, error->feature)),
					 errhint("Give the features in another unit, or use a model that is nearer to them.")));
			break;
		default:
			break;
	}
}

/*
 * Raise the error that tells why the engine refused.  k is the number of
 * components that was asked for; names are those of the features, or NULL.
 */
void
gmm_report_status(MixtureStatus status, int k, const GmmFeatureNames *names,
				  const MixtureError *error)
{
	switch (status)
	{
		case MIXTURE_NO_WEIGHT:
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("the sum of the weights is 0"),
					 errhint("At least one row must have a weight above 0.")));
			break;
		case MIXTURE_TOO_FEW_DISTINCT:
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg_plural("k is %d, but there is only " INT64_FORMAT " distinct row",
								   "k is %d, but there are only " INT64_FORMAT " distinct rows",
								   error->count, k, (int64) error->count),
					 errhint("Use a k of at most " INT64_FORMAT ", or more rows, or the option \"too_few_rows\".",
							 (int64) error->count)));
			break;
		case MIXTURE_FEATURE_MISSING:
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("feature %s is NULL in every row",
							gmm_names_element(names, error->feature)),
					 errhint("Leave the feature out.")));
			break;
		case MIXTURE_NOT_POSITIVE_DEFINITE:
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("the covariance of component %d is not positive definite",
							error->component + 1),
					 errhint("Use a larger \"reg_covar\", a smaller k, a simpler \"covariance_type\", or a model that is nearer to the rows.")));
			break;
		case MIXTURE_FEATURE_RANGE:
		case MIXTURE_PRIOR_RANGE:
		case MIXTURE_WEIGHT_RANGE:
		case MIXTURE_SUM_RANGE:
			report_range(status, names, error);
			break;
		case MIXTURE_OK:
			break;
	}
	elog(ERROR, "unexpected status %d of the engine", (int) status);
	pg_unreachable();
}
