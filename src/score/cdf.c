/*
 * cdf.c
 *	  The distribution function of a model of one dimension, and its inverse:
 *	  gmm_cdf and gmm_quantile.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "utils/float.h"

#include "compat.h"
#include "model/model.h"

PG_FUNCTION_INFO_V1(gmm_cdf);
PG_FUNCTION_INFO_V1(gmm_quantile);

/* Read the first argument, a model of one dimension. */
static void
get_line(FunctionCallInfo fcinfo, MixtureParameters *parameters)
{
	gmm_model_parameters(PG_GETARG_GMM_MODEL(0), parameters);
	if (parameters->d != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("gmm_cdf and gmm_quantile need a model of one dimension, not of %d",
						parameters->d),
				 errhint("gmm_marginal(model, '{1}') is the mixture of its first dimension.")));
}

/*
 * gmm_cdf(model gmm_model, x double precision, upper boolean) -> double precision
 *
 * The probability of a value of at most x; or above x.
 */
Datum
gmm_cdf(PG_FUNCTION_ARGS)
{
	double		x = PG_GETARG_FLOAT8(1);
	MixtureParameters parameters;

	get_line(fcinfo, &parameters);
	if (isnan(x))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("x must not be NaN")));
	PG_RETURN_FLOAT8(mixture_cdf(&parameters, x, PG_GETARG_BOOL(2)));
}

/*
 * gmm_quantile(model gmm_model, p double precision) -> double precision
 *
 * The least value of which gmm_cdf is at least p.
 */
Datum
gmm_quantile(PG_FUNCTION_ARGS)
{
	double		p = PG_GETARG_FLOAT8(1);
	MixtureParameters parameters;

	get_line(fcinfo, &parameters);
	if (!(p >= 0 && p <= 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("p must be a probability, between 0 and 1")));
	if (p == 0 || p == 1)
		PG_RETURN_FLOAT8(p == 0 ? -get_float8_infinity() : get_float8_infinity());
	PG_RETURN_FLOAT8(mixture_quantile(&parameters, p));
}
