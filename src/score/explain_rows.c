/*
 * explain_rows.c
 *	  Why a row is where it is: gmm_explain, gmm_explain_component.
 *
 * An explanation is of one component, the most probable one unless another is
 * named, and of the elements that are not NULL: by the marginal mixture of these,
 * as in all functions that apply a model to a row.
 */
#include "postgres.h"

#include <math.h>

#include "utils/builtins.h"

#include "compat.h"
#include "rows/result_rows.h"
#include "score/scorer.h"

/* Positions of the arguments */
enum
{
	ARG_MODEL = 0,
	ARG_FEATURES = 1,
	ARG_COMPONENT = 2,
	ARG_OTHER = 3				/* of gmm_explain_component */
};

/* Columns of gmm_explain */
enum
{
	EXPLAIN_COMPONENT,
	EXPLAIN_ELEMENT,
	EXPLAIN_FEATURE,
	EXPLAIN_VALUE,
	EXPLAIN_EXPECTED,
	EXPLAIN_DEVIATIONS,
	EXPLAIN_CONTRIBUTION,
	EXPLAIN_COLUMNS
};

/* Columns of gmm_explain_component */
enum
{
	TERM_COMPONENT,
	TERM_OTHER,
	TERM_ELEMENT,
	TERM_TERM,
	TERM_VALUE,
	TERM_LOG_ODDS,
	TERM_COLUMNS
};

PG_FUNCTION_INFO_V1(gmm_explain);
PG_FUNCTION_INFO_V1(gmm_explain_component);

/* In place of a component: the caller has not named one. */
#define NOT_NAMED		(-2)

/*
 * A component that the caller names, from 0; -1 is noise, which may be named if
 * there is some and it is asked for.
 */
static int
component_argument(FunctionCallInfo fcinfo, int position, const char *name,
				   const GmmScorer *scorer, bool noise)
{
	int32		component;

	if (PG_ARGISNULL(position))
		return NOT_NAMED;
	component = PG_GETARG_INT32(position);
	if (component == 0 && scorer->noise && !noise)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must not be 0", name),
				 errdetail("Noise is everywhere, and no row is far from it."),
				 errhint("gmm_explain_component says why a row is noise.")));
	if (component < (scorer->noise ? 0 : 1) || component > scorer->k)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg_plural("%s is %d, but the model has %d component",
							   "%s is %d, but the model has %d components",
							   scorer->k, name, component, scorer->k),
				 errhint("Components are numbered from 1.")));
	return component - 1;
}

/* The component that a row is nearest to, by probability, whatever noise there is. */
static int
most_probable(const GmmScorer *scorer, const GmmFeatures *features, double *work)
{
	double	   *shares = palloc(scorer->k * sizeof(double));
	double		noise;
	int			best = 0;

	mixture_row_shares(scorer->prepared, features->values, work, shares, &noise);
	for (int c = 1; c < scorer->k; c++)
		if (shares[c] > shares[best])
			best = c;
	pfree(shares);
	return best;
}

/*
 * The most probable of components and noise, which is -1, but one; of equals the
 * first.
 */
static int
most_probable_but(const GmmScorer *scorer, const GmmFeatures *features, double *work,
				  int but)
{
	double	   *responsibilities = palloc(scorer->k * sizeof(double));
	double		noise;
	double		most = -1;
	int			best = NOT_NAMED;

	mixture_row_responsibilities(scorer->prepared, features->values, work,
								 responsibilities, &noise);
	for (int c = scorer->noise ? -1 : 0; c < scorer->k; c++)
	{
		double		probability = c < 0 ? noise : responsibilities[c];

		if (c == but || probability <= most)
			continue;
		most = probability;
		best = c;
	}
	pfree(responsibilities);
	return best;
}

/* The element, from 0, that is at a place of the scorer's order. */
static int
element_at(const GmmScorer *scorer, int place)
{
	return scorer->order != NULL ? scorer->order[place] : place;
}

/* Refuse a row whose distance is out of range. */
static void
check_range(const double *contributions, const GmmScorer *scorer,
			const GmmFeatures *features, int component)
{
	for (int i = 0; i < scorer->n_observed; i++)
		if (!isfinite(contributions[i]))
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("the squared distance to component %d is out of range for type double precision",
							component + 1),
					 gmm_scorer_far_detail(scorer, features, component)));
}


/* Refuse a row that lets expect what is out of range. */
static void
check_expected(const double *expected, const GmmScorer *scorer)
{
	for (int i = 0; i < scorer->d; i++)
		if (!isfinite(expected[i]))
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("the conditional mean of element %s is out of range for type double precision",
							gmm_names_element(&scorer->names, element_at(scorer, i))),
					 errdetail("The other elements of features are too far from the model.")));
}

/* The place in the scorer's order of each element; palloc'd. */
static int *
places_of(const GmmScorer *scorer)
{
	int		   *places = palloc(scorer->d * sizeof(int));

	for (int i = 0; i < scorer->d; i++)
		places[element_at(scorer, i)] = i;
	return places;
}

/* What gmm_explain says of a row; arrays in the scorer's order. */
typedef struct Explained
{
	int			component;
	const double *values;		/* n_observed, like deviations and contributions */
	double	   *expected;		/* d */
	double	   *deviations;
	double	   *contributions;
} Explained;

/* Put a row for each element. */
static void
put_elements(Tuplestorestate *rows, TupleDesc descriptor, const GmmScorer *scorer,
			 const Explained *explained)
{
	int		   *places = places_of(scorer);

	for (int element = 0; element < scorer->d; element++)
	{
		int			place = places[element];
		bool		observed = place < scorer->n_observed;
		Datum		values[EXPLAIN_COLUMNS] = {0};
		bool		nulls[EXPLAIN_COLUMNS] = {false};

		values[EXPLAIN_COMPONENT] = Int32GetDatum(explained->component + 1);
		values[EXPLAIN_ELEMENT] = Int32GetDatum(element + 1);
		values[EXPLAIN_FEATURE] = CStringGetTextDatum(gmm_names_title(&scorer->names, element));
		values[EXPLAIN_EXPECTED] = Float8GetDatum(explained->expected[place]);
		nulls[EXPLAIN_VALUE] = !observed;
		nulls[EXPLAIN_DEVIATIONS] = !observed;
		nulls[EXPLAIN_CONTRIBUTION] = !observed;
		if (observed)
		{
			values[EXPLAIN_VALUE] = Float8GetDatum(explained->values[place]);
			values[EXPLAIN_DEVIATIONS] = Float8GetDatum(explained->deviations[place]);
			values[EXPLAIN_CONTRIBUTION] = Float8GetDatum(explained->contributions[place]);
		}
		tuplestore_putvalues(rows, descriptor, values, nulls);
	}
	pfree(places);
}

/*
 * gmm_explain(model gmm_model, features double precision[], component integer)
 *		-> rows (component integer, element integer, feature text,
 *				 value double precision, expected double precision,
 *				 deviations double precision, contribution double precision)
 *
 * Not strict: without a component it is the most probable one, whatever noise
 * there is.
 */
Datum
gmm_explain(PG_FUNCTION_ARGS)
{
	TupleDesc	descriptor;
	Tuplestorestate *rows = gmm_begin_rows(fcinfo, EXPLAIN_COLUMNS, &descriptor);
	GmmFeatures features;
	double	   *work;
	const GmmScorer *scorer;
	Explained	explained;
	int			n_observed;

	if (PG_ARGISNULL(ARG_MODEL) || PG_ARGISNULL(ARG_FEATURES))
		return (Datum) 0;
	scorer = gmm_scorer_get_pattern(fcinfo, &features, &work);
	n_observed = scorer->n_observed;
	explained.component = component_argument(fcinfo, ARG_COMPONENT, "component", scorer, false);
	if (explained.component == NOT_NAMED)
		explained.component = most_probable(scorer, &features, work);

	explained.values = features.values;
	explained.expected = palloc((scorer->d + 5 * (Size) n_observed) * sizeof(double));
	explained.deviations = explained.expected + scorer->d;
	explained.contributions = explained.deviations + n_observed;
	mixture_explain_row(gmm_scorer_explanation(fcinfo, scorer, explained.component),
						explained.component, features.values, explained.expected,
						explained.deviations, explained.contributions,
						explained.contributions + n_observed);
	check_range(explained.contributions, scorer, &features, explained.component);
	check_expected(explained.expected, scorer);
	put_elements(rows, descriptor, scorer, &explained);
	pfree(explained.expected);
	gmm_features_release(&features);
	return (Datum) 0;
}

/* A component's part of the log-odds. */
typedef struct Side
{
	int			component;
	double		weight;
	double		log_determinant;
	double	   *contributions;	/* n_observed, in the scorer's order; palloc'd */
} Side;

static void
explain_side(FunctionCallInfo fcinfo, const GmmScorer *scorer, const GmmFeatures *features,
			 int component, Side *side)
{
	const MixtureExplanation *explanation = gmm_scorer_explanation(fcinfo, scorer, component);

	side->component = component;
	side->weight = mixture_explanation_weight(explanation, component);
	side->log_determinant = mixture_explanation_log_determinant(explanation);
	side->contributions = palloc(3 * (Size) scorer->n_observed * sizeof(double));
	mixture_explain_distance(explanation, component, features->values, side->contributions,
							 side->contributions + scorer->n_observed);
	check_range(side->contributions, scorer, features, component);
}

/* Where terms go to, and whose they are */
typedef struct Terms
{
	Tuplestorestate *rows;
	TupleDesc	descriptor;
	const Side *p;
	const Side *q;
} Terms;

/* Put a term; element counts from 1 and is 0 where it is of none. */
static void
put_term(const Terms *terms, int element, Datum term, const double *value, double log_odds)
{
	Datum		values[TERM_COLUMNS] = {0};
	bool		nulls[TERM_COLUMNS] = {false};

	values[TERM_COMPONENT] = Int32GetDatum(terms->p->component + 1);
	values[TERM_OTHER] = Int32GetDatum(terms->q->component + 1);
	nulls[TERM_ELEMENT] = element == 0;
	values[TERM_ELEMENT] = Int32GetDatum(element);
	values[TERM_TERM] = term;
	nulls[TERM_VALUE] = value == NULL;
	if (value != NULL)
		values[TERM_VALUE] = Float8GetDatum(*value);
	values[TERM_LOG_ODDS] = Float8GetDatum(log_odds);
	tuplestore_putvalues(terms->rows, terms->descriptor, values, nulls);
}

/* Put the terms of ln(p / q), the probabilities of two components given a row. */
static void
put_terms(const Terms *terms, const GmmScorer *scorer, const GmmFeatures *features)
{
	const Side *p = terms->p;
	const Side *q = terms->q;
	int		   *places = places_of(scorer);

	for (int element = 0; element < scorer->d; element++)
	{
		int			place = places[element];

		/* what is not there tells nothing */
		if (place < scorer->n_observed)
			put_term(terms, element + 1,
					 CStringGetTextDatum(gmm_names_title(&scorer->names, element)),
					 &features->values[place],
					 (q->contributions[place] - p->contributions[place]) / 2);
	}
	put_term(terms, 0, CStringGetTextDatum("weight"), NULL,
			 log(p->weight / q->weight));
	put_term(terms, 0, CStringGetTextDatum("spread"), NULL,
			 (q->log_determinant - p->log_determinant) / 2);
	pfree(places);
}

/*
 * gmm_explain_component(model gmm_model, features double precision[],
 *						 component integer, other integer)
 *		-> rows (component integer, other integer, element integer, term text,
 *				 value double precision, log_odds double precision)
 *
 * Not strict: without component it is the most probable one, without other the
 * most probable of the others.  Noise is component 0.
 */
Datum
gmm_explain_component(PG_FUNCTION_ARGS)
{
	GmmFeatures features;
	double	   *work;
	const GmmScorer *scorer;
	int			component;
	int			other;
	Side		p;
	Side		q;
	Terms		terms = {.p = &p,.q = &q};

	terms.rows = gmm_begin_rows(fcinfo, TERM_COLUMNS, &terms.descriptor);
	if (PG_ARGISNULL(ARG_MODEL) || PG_ARGISNULL(ARG_FEATURES))
		return (Datum) 0;
	scorer = gmm_scorer_get_pattern(fcinfo, &features, &work);
	component = component_argument(fcinfo, ARG_COMPONENT, "component", scorer, true);
	other = component_argument(fcinfo, ARG_OTHER, "other", scorer, true);
	if (other == NOT_NAMED && scorer->k == 1 && !scorer->noise)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the model has no other component to compare with"),
				 errhint("gmm_explain says why a row is far from a component.")));
	if (component == NOT_NAMED)
		component = most_probable_but(scorer, &features, work, other);
	if (other == NOT_NAMED)
		other = most_probable_but(scorer, &features, work, component);

	explain_side(fcinfo, scorer, &features, component, &p);
	explain_side(fcinfo, scorer, &features, other, &q);
	if (p.weight == 0 && q.weight == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("components %d and %d both have weight 0", component + 1, other + 1),
				 errdetail("No row is of either, so that there are no odds.")));
	put_terms(&terms, scorer, &features);
	pfree(p.contributions);
	pfree(q.contributions);
	gmm_features_release(&features);
	return (Datum) 0;
}
