/*
 * model_profile.c
 *	  gmm_profile: what tells each component of a model from the others, feature by
 *	  feature, for a person to read.
 */
#include "postgres.h"

#include <math.h>

#include "utils/builtins.h"

#include "compat.h"
#include "host/engine_host.h"
#include "model/model.h"
#include "rows/result_rows.h"

/* Differences between means, in deviations, that have a word of their own */
#define SLIGHT_EFFECT	0.2
#define CLEAR_EFFECT	0.8
#define LARGE_EFFECT	2.0

/* A deviation so many times another is called narrower or wider. */
#define OTHER_SPREAD	2.0

enum
{
	COLUMN_COMPONENT,
	COLUMN_WEIGHT,
	COLUMN_RANK,
	COLUMN_ELEMENT,
	COLUMN_FEATURE,
	COLUMN_MEAN,
	COLUMN_DEVIATION,
	COLUMN_OTHERS_MEAN,
	COLUMN_OTHERS_DEVIATION,
	COLUMN_EFFECT,
	COLUMN_DESCRIPTION,
	N_COLUMNS
};

PG_FUNCTION_INFO_V1(gmm_profile);

/* A contrast and its feature, from 0, for sorting */
typedef struct RankedContrast
{
	int			feature;
	MixtureContrast contrast;
} RankedContrast;

/* What gmm_profile() needs from call to call. */
typedef struct Profile
{
	const double *weights;		/* k */
	int			d;
	GmmFeatureNames names;
	MixtureContrasts *contrasts;
	MixtureContrast *features;	/* d, scratch */
	bool		has_others;		/* the present component has */
	RankedContrast *ranked;		/* d, of it, largest first */
} Profile;

/* Largest first; what has no distance, or an equal one, by the feature. */
static int
compare_contrasts(const void *a, const void *b)
{
	const RankedContrast *first = (const RankedContrast *) a;
	const RankedContrast *second = (const RankedContrast *) b;

	if (first->contrast.distance > second->contrast.distance)
		return -1;
	if (first->contrast.distance < second->contrast.distance)
		return 1;
	return first->feature - second->feature;
}

/* Make the profile of the next component, which has this number, from 0. */
static void
next_component(Profile *profile, int component)
{
	profile->has_others = mixture_contrasts_next(profile->contrasts, profile->features);
	for (int j = 0; j < profile->d; j++)
	{
		const MixtureContrast *contrast = &profile->features[j];

		if (profile->has_others &&
			!(isfinite(contrast->effect) && isfinite(contrast->others_deviation)))
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("the profile of component %d is out of range for type double precision",
							component + 1),
					 errdetail("The means of feature %s are too far apart.",
							   gmm_names_element(&profile->names, j))));
		profile->ranked[j].feature = j;
		profile->ranked[j].contrast = *contrast;
	}
	qsort(profile->ranked, profile->d, sizeof(RankedContrast), compare_contrasts);
}

/* How the feature of a component stands against the others, in words; palloc'd. */
static const char *
describe(const MixtureContrast *contrast)
{
	double		effect = fabs(contrast->effect);
	const char *direction = contrast->effect > 0 ? "higher" : "lower";
	const char *spread = "";

	if (contrast->deviation * OTHER_SPREAD <= contrast->others_deviation)
		spread = "narrower";
	else if (contrast->deviation >= OTHER_SPREAD * contrast->others_deviation)
		spread = "wider";
	if (effect >= LARGE_EFFECT)
		return psprintf("much %s", direction);
	if (effect >= CLEAR_EFFECT)
		return direction;
	if (effect >= SLIGHT_EFFECT)
		return psprintf("slightly %s%s%s", direction, *spread != '\0' ? ", " : "", spread);
	return *spread != '\0' ? spread : "about the same";
}

/* Fill in the next row: of the next feature of a component, or the next component. */
static void
profile_row(FuncCallContext *call, Datum *values, bool *nulls)
{
	Profile    *profile = (Profile *) call->user_fctx;
	int			component = (int) (call->call_cntr / profile->d);
	int			rank = (int) (call->call_cntr % profile->d);
	const MixtureContrast *contrast = &profile->ranked[rank].contrast;
	int			feature;

	if (rank == 0)
		next_component(profile, component);
	feature = profile->ranked[rank].feature;
	values[COLUMN_COMPONENT] = Int32GetDatum(component + 1);
	values[COLUMN_WEIGHT] = Float8GetDatum(profile->weights[component]);
	values[COLUMN_RANK] = Int32GetDatum(rank + 1);
	values[COLUMN_ELEMENT] = Int32GetDatum(feature + 1);
	values[COLUMN_FEATURE] = CStringGetTextDatum(gmm_names_title(&profile->names, feature));
	values[COLUMN_MEAN] = Float8GetDatum(contrast->mean);
	values[COLUMN_DEVIATION] = Float8GetDatum(contrast->deviation);
	for (int i = COLUMN_OTHERS_MEAN; i < N_COLUMNS; i++)
		nulls[i] = !profile->has_others;
	if (profile->has_others)
	{
		values[COLUMN_OTHERS_MEAN] = Float8GetDatum(contrast->others_mean);
		values[COLUMN_OTHERS_DEVIATION] = Float8GetDatum(contrast->others_deviation);
		values[COLUMN_EFFECT] = Float8GetDatum(contrast->effect);
		values[COLUMN_DESCRIPTION] = CStringGetTextDatum(describe(contrast));
	}
}

/* Prepare a call, in a context that lasts for all its rows. */
static void *
begin_profile(FunctionCallInfo fcinfo, FuncCallContext *call)
{
	GmmModel   *model = PG_GETARG_GMM_MODEL(0);
	Profile    *profile = (Profile *) palloc(sizeof(Profile));
	MixtureParameters parameters;

	gmm_model_parameters(model, &parameters);
	gmm_model_names(model, &profile->names);
	profile->weights = parameters.weights;
	profile->d = model->d;
	profile->contrasts = mixture_contrasts_create(&parameters, &gmm_host);
	profile->features = (MixtureContrast *) palloc(model->d * sizeof(MixtureContrast));
	profile->ranked = (RankedContrast *) palloc(model->d * sizeof(RankedContrast));
	call->max_calls = (uint64) model->k * model->d;
	return profile;
}

/*
 * gmm_profile(model gmm_model) returns table (component integer,
 * weight double precision, rank integer, element integer, feature text,
 * mean double precision, deviation double precision,
 * others_mean double precision, others_deviation double precision,
 * effect double precision, description text)
 */
Datum
gmm_profile(PG_FUNCTION_ARGS)
{
	return gmm_return_row(fcinfo, N_COLUMNS, begin_profile, profile_row);
}
