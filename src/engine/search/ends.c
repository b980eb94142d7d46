/*
 * ends.c
 *	  The different optima that starts have ended at, and starts made of two of them.
 *
 * Where groups overlap there are many maxima, and each is right about some of the
 * components and wrong about others.  Which are right does not show, but two of them
 * together have more: the components of both are matched, each pair leaves one of
 * its two, drawn by lot, and one of these is put elsewhere (Gribel and Vidal 2019, for
 * k-means).  From there EM comes to maxima that hardly any start comes to by
 * itself, in fewer passes.
 *
 * A start made so depends on the ends before it and on the seed alone, so what more
 * starts do begins with what fewer do.
 */
#include "engine/search/search.h"

#include <math.h>
#include <string.h>

#include "engine/core/linalg.h"
#include "engine/core/random.h"
#include "engine/derive/derive.h"

/* Starts by themselves before there are others, and then every which is made of two ends */
#define STARTS_ALONE 10
#define CROSSED_ONE_IN 2

/* Components whose ends are crossed: matching them is cubic */
#define MOST_COMPONENTS 256

/* What a match costs at most: more than between any components that are near */
#define MOST_COST 1e3

/* Values of a mixture, from which on few ends are remembered */
#define ENDS_VALUES (1 << 17)
#define FEW_ENDS 2

/* Parts of a component's weight and deviations by which it is the same one */
#define SAME_COMPONENT 0.1

/* What is drawn of a start: hashes of its number with these, and with each component's */
enum
{
	DRAW_CROSSING = 1 << 20,	/* beside what starts by themselves draw */
	DRAW_FIRST,
	DRAW_RIVAL,
	DRAW_SECOND,
	DRAW_COMPONENT,
	DRAW_ROW,
	DRAW_COVARIANCE
};

/* Prepare to remember ends of mixtures of this shape. */
void
ends_begin(Ends *ends, MixtureCovarianceType type, int k, int d, const MixtureHost *host)
{
	int			most = mixture_parameters_count(type, k, d) < ENDS_VALUES ? MOST_ENDS : FEW_ENDS;

	ends->host = host;
	ends->n = 0;
	ends->n_sound = 0;
	ends->most = most;
	for (int i = 0; i < most; i++)
		mixture_allocate_parameters(&ends->ends[i].parameters, type, k, d, host);
}

/* Give back what ends_begin() allocated. */
void
ends_release(Ends *ends)
{
	for (int i = 0; i < ends->most; i++)
		mixture_release_parameters(&ends->ends[i].parameters, ends->host);
}

/* Whether an end comes before another: those without artefacts first, then the higher. */
static bool
is_before(const End *left, const End *right)
{
	if (left->sound != right->sound)
		return left->sound;
	return left->score > right->score;
}

/*
 * Count a start that has come to its end, of this score and without artefacts if it is
 * sound: there, if an earlier one came to the same; else as one more, in place of the
 * last if there is no room.  crossed: it was made of others.  Returns whether an earlier
 * one did.
 */
bool
ends_note(Ends *ends, const MixtureParameters *parameters, double score, bool sound, bool crossed)
{
	End			end = {.score = score,.sound = sound,.n_starts = 1,.n_alone = !crossed};
	int			place;

	for (int i = 0; i < ends->n; i++)
		if (judge_mixture_near(parameters, &ends->ends[i].parameters, SAME_COMPONENT, ends->host))
		{
			ends->ends[i].n_starts++;
			ends->ends[i].n_alone += !crossed;
			return true;
		}
	if (ends->n < ends->most)
		ends->n++;
	else if (is_before(&end, &ends->ends[ends->n - 1]))
		ends->n_sound -= ends->ends[ends->n - 1].sound;
	else
		return false;
	ends->n_sound += sound;
	place = ends->n - 1;
	end.parameters = ends->ends[place].parameters;
	mixture_copy_parameters(&end.parameters, parameters);
	for (; place > 0 && is_before(&end, &ends->ends[place - 1]); place--)
		ends->ends[place] = ends->ends[place - 1];
	ends->ends[place] = end;
	return false;
}

/* The end that a mixture is at, or NULL. */
const End *
ends_find(const Ends *ends, const MixtureParameters *parameters)
{
	for (int i = 0; i < ends->n; i++)
		if (judge_mixture_near(parameters, &ends->ends[i].parameters, SAME_COMPONENT, ends->host))
			return &ends->ends[i];
	return NULL;
}

/* A number from 0 to n - 1. */
static int
draw_below(uint64_t draw, uint64_t what, int n)
{
	return (int) (random_unit(random_combine(draw, what)) * n);
}

/* Which component of `right` is each one of `left`: columns, k of them. */
static void
match_components(const MixtureParameters *left, const MixtureParameters *right, int *columns,
				 const MixtureHost *host)
{
	MixtureCovarianceType type = left->covariance_type;
	int			k = left->k;
	int			d = left->d;
	double	   *costs = host->allocate(host->context, (size_t) k * k * sizeof(double));

	for (int a = 0; a < k; a++)
	{
		for (int b = 0; b < k; b++)
		{
			const double *of_a = mixture_covariance_of(left, a);
			const double *of_b = mixture_covariance_of(right, b);
			double		distance = 0;

			for (int j = 0; j < d; j++)
			{
				size_t		place = mixture_variance_place(type, j);
				double		apart = left->means[(size_t) a * d + j] -
					right->means[(size_t) b * d + j];

				distance += apart * apart / (of_a[place] + of_b[place]);
			}
			costs[(size_t) a * k + b] = fmin(log1p(distance), MOST_COST);
		}
		host->check_interrupts(host->context);
	}
	assignment_find(costs, k, k, columns, host);
	host->release(host->context, costs);
}

/*
 * Whether a start is made of two ends: *to, a mixture of their shape, then is where EM is
 * to begin.  Ends with artefacts are left out, for how high these are is a matter of
 * rounding.  number: the start's.  starts: of whose rows one is drawn.
 */
bool
ends_cross(const Ends *ends, int number, uint64_t seed, const Starts *starts,
		   MixtureParameters *to)
{
	const MixtureHost *host = ends->host;
	uint64_t	draw = random_combine(random_combine(seed, DRAW_CROSSING), number);
	int			k = to->k;
	int			n = ends->n_sound;
	const MixtureParameters *other;
	int		   *columns;
	int			first;
	int			second;
	int			moved;
	double		sum = 0;

	if (number < STARTS_ALONE || number % CROSSED_ONE_IN != 0 || n < 2 ||
		k <= 2 || k > MOST_COMPONENTS || SEARCH_WITHOUT == SEARCH_CROSSING)
		return false;
	/* the higher of two, and any of the others */
	first = (int) fmin(draw_below(draw, DRAW_FIRST, n), draw_below(draw, DRAW_RIVAL, n));
	second = draw_below(draw, DRAW_SECOND, n - 1);
	second += second >= first;
	other = &ends->ends[second].parameters;
	mixture_copy_parameters(to, &ends->ends[first].parameters);
	columns = host->allocate(host->context, k * sizeof(int));
	match_components(to, other, columns, host);
	for (int c = 0; c < k; c++)
		if (draw_below(draw, c, 2) == 1)
		{
			to->weights[c] = other->weights[columns[c]];
			components_copy(other, columns[c], to, c);
		}
	host->release(host->context, columns);
	if (to->covariance_type == MIXTURE_TIED && draw_below(draw, DRAW_COVARIANCE, 2) == 1)
		memcpy(to->covariances, other->covariances,
			   linalg_packed_count(to->d) * sizeof(double));
	moved = draw_below(draw, DRAW_COMPONENT, k);
	memcpy(to->means + (size_t) moved * to->d, starts_row(starts, random_combine(draw, DRAW_ROW)),
		   to->d * sizeof(double));
	to->weights[moved] = 1.0 / k;
	for (int c = 0; c < k; c++)
		sum += to->weights[c];
	for (int c = 0; c < k; c++)
		to->weights[c] /= sum;
	return true;
}
