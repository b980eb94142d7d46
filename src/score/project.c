/*
 * project.c
 *	  The principal axes of a model, and rows along them: gmm_pca,
 *	  gmm_pca_variance, gmm_project.
 *
 * Axes are a plain array, so that they are stored, dumped and printed as
 * any other: the mean and then the axes, a row each.
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/memutils.h"

#include "compat.h"
#include "host/engine_host.h"
#include "model/model.h"
#include "model/model_identity.h"
#include "rows/features.h"
#include "rows/result_rows.h"

/* Columns of gmm_pca_variance */
#define VARIANCE_COLUMNS	4

PG_FUNCTION_INFO_V1(gmm_pca);
PG_FUNCTION_INFO_V1(gmm_pca_variance);
PG_FUNCTION_INFO_V1(gmm_project);

/* --- axes --------------------------------------------------------------------- */

pg_noreturn static void
report_range(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
			 errmsg("the model's covariance over all components is out of range for type double precision")));
	pg_unreachable();
}

/* The number of axes that a user wants of a model of d dimensions. */
static int
axes_argument(int64 q, int d)
{
	if (q < 1 || q > d)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("q must be from 1 to %d, not " INT64_FORMAT, d, q),
				 errhint("q is the number of axes, and a model has one for each dimension.")));
	return (int) q;
}

/*
 * Divide the axes by the deviations along them.  Where there is no variance
 * but what rounding leaves, that would be noise.
 */
static void
whiten(double *axes, const double *variances, int q, int d)
{
	for (int i = 0; i < q; i++)
	{
		if (!(variances[i] > d * DBL_EPSILON * variances[0]))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("the model has next to no variance along axis %d, so it cannot be whitened",
							i + 1),
					 errhint("Use a smaller q; gmm_pca_variance(model) shows the variances.")));
		for (int j = 0; j < d; j++)
			axes[(size_t) i * d + j] /= sqrt(variances[i]);
	}
}

/*
 * gmm_pca(model gmm_model, q bigint, whiten boolean) -> double precision[]
 *
 * (q + 1) x d: the mean of the model over all components, and the q axes along
 * which its rows vary most.
 */
Datum
gmm_pca(PG_FUNCTION_ARGS)
{
	GmmModel   *model = PG_GETARG_GMM_MODEL(0);
	int			d = model->d;
	int			q = axes_argument(PG_GETARG_INT64(1), d);
	int			dims[2] = {q + 1, d};
	MixtureParameters parameters;
	double	   *elements;
	double	   *variances = palloc(d * sizeof(double));
	ArrayType  *result = gmm_make_array(2, dims, &elements);

	gmm_model_parameters(model, &parameters);
	if (!mixture_principal_axes(&parameters, q, elements, elements + d, variances,
								&gmm_host))
		report_range();
	if (PG_GETARG_BOOL(2))
		whiten(elements + d, variances, q, d);
	PG_RETURN_ARRAYTYPE_P(result);
}

/* What a call of gmm_pca_variance keeps between its rows. */
typedef struct Variances
{
	double		total;
	double		so_far;
	double		values[FLEXIBLE_ARRAY_MEMBER];
} Variances;

/* Prepare a call, in a context that lasts for all its rows. */
static void *
begin_variances(FunctionCallInfo fcinfo, FuncCallContext *call)
{
	GmmModel   *model = PG_GETARG_GMM_MODEL(0);
	Variances  *variances = palloc0(offsetof(Variances, values) + model->d * sizeof(double));
	MixtureParameters parameters;
	double	   *mean;

	gmm_model_parameters(model, &parameters);
	mean = palloc(model->d * sizeof(double));
	if (!mixture_principal_axes(&parameters, 0, mean, NULL, variances->values, &gmm_host))
		report_range();
	pfree(mean);
	for (int i = model->d - 1; i >= 0; i--)
		variances->total += variances->values[i];
	call->max_calls = model->d;
	return variances;
}

/* Fill in the row of an axis. */
static void
variance_row(FuncCallContext *call, Datum *values, bool *nulls)
{
	Variances  *variances = call->user_fctx;
	double		variance = variances->values[call->call_cntr];

	(void) nulls;
	variances->so_far += variance;
	values[0] = Int32GetDatum((int32) call->call_cntr + 1);
	values[1] = Float8GetDatum(variance);
	values[2] = Float8GetDatum(variance / variances->total);
	values[3] = Float8GetDatum(Min(variances->so_far / variances->total, 1.0));
}

/*
 * gmm_pca_variance(model gmm_model) returns table (axis integer,
 * variance double precision, share double precision, cumulative_share double precision)
 */
Datum
gmm_pca_variance(PG_FUNCTION_ARGS)
{
	return gmm_return_row(fcinfo, VARIANCE_COLUMNS, begin_variances, variance_row);
}

/* --- rows ---------------------------------------------------------------------- */

/*
 * The axes of the row before, where they are stored out of line: to fetch them
 * for every row would take longer than to use them.
 */
typedef struct KeptAxes
{
	GmmModelKey key;
	ArrayType  *array;			/* NULL if none are kept */
} KeptAxes;

/* Axes as a plain array, from what is kept at the call site if they are there. */
static ArrayType *
get_axes(FunctionCallInfo fcinfo, Datum datum)
{
	KeptAxes   *kept = fcinfo->flinfo->fn_extra;
	GmmModelKey key;
	MemoryContext caller;

	if (!gmm_model_key_toasted(datum, &key))
		return DatumGetArrayTypeP(datum);
	if (kept == NULL)
		kept = fcinfo->flinfo->fn_extra = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt,
																 sizeof(KeptAxes));
	if (kept->array != NULL && gmm_model_key_equal(&kept->key, &key))
		return kept->array;
	if (kept->array != NULL)
		pfree(kept->array);
	kept->array = NULL;
	caller = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	kept->array = DatumGetArrayTypePCopy(datum);
	kept->key = key;
	MemoryContextSwitchTo(caller);
	return kept->array;
}

/* Check that an array can be axes; returns how many there are. */
static int
check_axes(ArrayType *axes)
{
	if (ARR_NDIM(axes) != 2 || ARR_DIMS(axes)[0] < 2)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("axes must be a two-dimensional array of at least two rows"),
				 errdetail("The first row is the mean, each further one an axis."),
				 errhint("gmm_pca(model, q) makes them.")));
	if (ARR_HASNULL(axes) && array_contains_nulls(axes))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("axes must not contain NULL")));
	return ARR_DIMS(axes)[0] - 1;
}

/* Refuse a row that the axes are not for. */
static void
check_features(const GmmFeatures *features, int d)
{
	if (features->d != d)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg_plural("features have %d element, but the axes have %d",
							   "features have %d elements, but the axes have %d",
							   features->d, features->d, d)));
	if (features->observed != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("element %d of features is NULL", gmm_features_first_null(features)),
				 errhint("gmm_project(axes, gmm_impute(model, features)) has its conditional expectation.")));
}

/*
 * gmm_project(axes double precision[], features double precision[])
 *		-> double precision[]
 */
Datum
gmm_project(PG_FUNCTION_ARGS)
{
	ArrayType  *axes = get_axes(fcinfo, PG_GETARG_DATUM(0));
	int			q = check_axes(axes);
	int			d = ARR_DIMS(axes)[1];
	const double *mean = (const double *) ARR_DATA_PTR(axes);
	GmmFeatures features;
	double	   *work;
	double	   *projection;
	ArrayType  *result;

	gmm_features_get_nullable(PG_GETARG_DATUM(1), &features, NULL);
	check_features(&features, d);
	work = palloc(d * sizeof(double));
	result = gmm_make_vector(q, &projection);
	mixture_project(mean, mean + d, q, d, features.values, work, projection);
	for (int i = 0; i < q; i++)
		if (!isfinite(projection[i]))
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("element %d of the projection is out of range for type double precision",
							i + 1),
					 errdetail("Axes or features are not finite, or too large.")));
	pfree(work);
	gmm_features_release(&features);
	PG_RETURN_ARRAYTYPE_P(result);
}
