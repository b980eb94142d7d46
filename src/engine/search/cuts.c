/*
 * cuts.c
 *	  Where the rows of one component may come apart: directions to look along,
 *	  and the place to cut them.
 *
 * A component that covers two groups is looked at by itself and in its own
 * scale, so what is near and far elsewhere does not hide anything.  It is long in
 * the direction in which they lie, measured by what components are wide in the mean:
 * so the direction in which its rows are the longest is tried in coordinates in which
 * the covariance within components is the identity, and the features whose values are
 * the least like a normal distribution, for the mean covariance may be that of others
 * that are far wider.
 *
 * Along each line the rows are sorted, and the cut is where two normal
 * distributions, one to each side, gain the most over one: an exact answer,
 * with no seed or step length in it.  The best of all lines is followed.  Where groups
 * overlap there need not be a gap, so the longest direction is cut in the middle as well.
 */
#include "engine/search/search.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/linalg.h"

/* Rows of a component that are looked at */
#define SCAN_ROWS 384

/* Least share of a row's weight that makes it one of the component's */
#define LEAST_SHARE 0.1

/* Features that are tried, those least like a normal distribution */
#define FEATURES_TRIED 2

/* Steps of the power method */
#define POWER_STEPS 20

/*
 * Rows that a component without a matrix has for its two sides, at least, however many
 * its dimensions are: of SCAN_ROWS there would be none else.
 */
#define ENOUGH_ROWS 24

/* Variance of a side, as a share of both sides', below which it is no narrower */
#define LEAST_SIDE_VARIANCE 1e-9

/* A row's place along a line. */
typedef struct Place
{
	double		at;
	double		weight;
} Place;

/* What cuts are looked for with. */
struct Cuts
{
	const MixtureHost *host;
	const Sample *sample;
	MixtureCovarianceType type;
	int			d;
	int			n;				/* rows looked at */
	double		sum;			/* of their weights */
	double		row_weight;		/* of one row that is all of a component */
	double		least;			/* weight of a side, at least */
	const double *within;		/* covariance within components, as a component of
								 * the family has it */
	bool		has_factor;
	double	   *factor;			/* packed: of `within`, where that is a matrix */
	double	   *rows;			/* SCAN_ROWS x d: less their mean */
	double	   *weights;		/* SCAN_ROWS */
	double	   *means;			/* d */
	double	   *variances;		/* d */
	double	   *line;			/* d: the one at hand */
	double		common;			/* the variance of `within` along it */
	double	   *vectors;		/* 2 d */
	Place	   *places;			/* SCAN_ROWS */
	int			n_found;
	Cut			found[CUTS_MOST];	/* what is sought first */
};

Cuts *
cuts_create(const Sample *sample, MixtureCovarianceType type, const MixtureHost *host)
{
	size_t		d = sample->d;
	Cuts	   *cuts = host->allocate(host->context, sizeof(Cuts));
	size_t		factor = mixture_has_matrix(type) ? linalg_packed_count(sample->d) : 0;
	size_t		count = SCAN_ROWS * (d + 1) + factor + (5 + CUTS_MOST) * d;
	double	   *memory = host->allocate(host->context, count * sizeof(double));

	cuts->host = host;
	cuts->sample = sample;
	cuts->type = type;
	cuts->d = sample->d;
	cuts->rows = memory;
	cuts->weights = cuts->rows + SCAN_ROWS * d;
	cuts->factor = cuts->weights + SCAN_ROWS;
	cuts->means = cuts->factor + factor;
	cuts->variances = cuts->means + d;
	cuts->line = cuts->variances + d;
	cuts->vectors = cuts->line + d;
	for (int i = 0; i < CUTS_MOST; i++)
		cuts->found[i].line = cuts->vectors + (2 + i) * d;
	cuts->places = host->allocate(host->context, SCAN_ROWS * sizeof(Place));
	return cuts;
}

void
cuts_release(Cuts *cuts)
{
	const MixtureHost *host = cuts->host;

	host->release(host->context, cuts->places);
	host->release(host->context, cuts->rows);
	host->release(host->context, cuts);
}

/*
 * Rows to each side of a cut, at least: as many as a matrix has to have twice, for smaller
 * sides often are nothing but a component's tails, or, where there is no matrix, enough.
 */
int64_t
cuts_least_rows(MixtureCovarianceType type, int d)
{
	return 2 * (mixture_has_matrix(type) || d < ENOUGH_ROWS ? d + 1 : ENOUGH_ROWS);
}

/*
 * Copy a component's rows, as far as they are looked at, less their mean.
 * Returns false where there are too few.
 */
static bool
take_rows(Cuts *cuts, const ComponentRows *of, int64_t least)
{
	const Sample *sample = cuts->sample;
	int			d = cuts->d;

	cuts->n = 0;
	cuts->sum = 0;
	memset(cuts->means, 0, d * sizeof(double));
	memset(cuts->variances, 0, d * sizeof(double));
	for (int64_t i = 0; i < of->n && cuts->n < SCAN_ROWS; i++)
	{
		double	   *row = cuts->rows + (size_t) cuts->n * d;

		if (of->shares[i] < LEAST_SHARE * sample->weights[of->rows[i]])
			continue;
		memcpy(row, sample->rows + of->rows[i] * d, d * sizeof(double));
		cuts->weights[cuts->n++] = of->shares[i];
		cuts->sum += of->shares[i];
		linalg_add_multiple(cuts->means, of->shares[i], row, d);
	}
	if (cuts->n < 2 * least)
		return false;
	cuts->least = (double) least * cuts->row_weight;
	for (int j = 0; j < d; j++)
		cuts->means[j] /= cuts->sum;
	for (int i = 0; i < cuts->n; i++)
		for (int j = 0; j < d; j++)
		{
			double	   *value = &cuts->rows[(size_t) i * d + j];

			*value -= cuts->means[j];
			cuts->variances[j] += cuts->weights[i] / cuts->sum * *value * *value;
		}
	return true;
}

static int
compare_places(const void *left, const void *right)
{
	double		a = ((const Place *) left)->at;
	double		b = ((const Place *) right)->at;

	return (a > b) - (a < b);
}

/*
 * The best cut of the sorted places: what it gains, by the weight looked at,
 * and where it is.
 */
static double
scan_places(const Cuts *cuts, double *threshold)
{
	const Place *places = cuts->places;
	double		best = -INFINITY;
	double		mean = 0;
	double		squares = 0;
	double		weight = 0;
	double		sum = 0;
	double		square = 0;
	double		variance;

	for (int i = 0; i < cuts->n; i++)
		mean += places[i].weight * places[i].at / cuts->sum;
	for (int i = 0; i < cuts->n; i++)
		squares += places[i].weight * (places[i].at - mean) * (places[i].at - mean);
	variance = squares / cuts->sum;
	for (int i = 0; i < cuts->n - 1; i++)
	{
		double		at = places[i].at - mean;
		double		rest;
		double		left,
					right;
		double		gain;

		weight += places[i].weight;
		sum += places[i].weight * at;
		square += places[i].weight * at * at;
		rest = cuts->sum - weight;
		if (places[i].at == places[i + 1].at || weight < cuts->least || rest < cuts->least)
			continue;
		left = fmax(square - sum * sum / weight, 0);
		right = fmax(squares - square - sum * sum / rest, 0);
		gain = weight * log(weight / cuts->sum) + rest * log(rest / cuts->sum);
		if (cuts->type == MIXTURE_TIED)
			gain += 0.5 * (squares - left - right) / cuts->common;
		else
			gain -= 0.5 * (weight * log(fmax(left / weight / variance, LEAST_SIDE_VARIANCE)) +
						   rest * log(fmax(right / rest / variance, LEAST_SIDE_VARIANCE)));
		if (gain > best)
		{
			best = gain;
			*threshold = places[i].at / 2 + places[i + 1].at / 2;
		}
	}
	return best;
}

/* Find the best cut along cuts->line, and keep it if it is the best of all lines. */
static void
try_line(Cuts *cuts)
{
	int			d = cuts->d;
	Cut		   *best = &cuts->found[0];
	double		threshold = 0;
	double		gain;

	for (int i = 0; i < cuts->n; i++)
	{
		cuts->places[i].at = linalg_dot(cuts->line, cuts->rows + (size_t) i * d, d);
		cuts->places[i].weight = cuts->weights[i];
	}
	qsort(cuts->places, cuts->n, sizeof(Place), compare_places);
	gain = scan_places(cuts, &threshold);
	if (!(gain > best->gain))
		return;
	cuts->n_found = 1;
	memcpy(best->line, cuts->line, d * sizeof(double));
	best->threshold = threshold + linalg_dot(best->line, cuts->means, d);
	best->sought = true;
	best->gain = gain;
}

/*
 * How far from a normal distribution the values of feature j are: the statistic of
 * Jarque and Bera (1980).
 */
static double
departure(const Cuts *cuts, int j)
{
	double		deviation = sqrt(cuts->variances[j]);
	double		third = 0;
	double		fourth = 0;

	for (int i = 0; i < cuts->n && deviation > 0; i++)
	{
		double		value = cuts->rows[(size_t) i * cuts->d + j] / deviation;
		double		square = value * value;

		third += cuts->weights[i] * square * value;
		fourth += cuts->weights[i] * square * square;
	}
	third /= cuts->sum;
	fourth = fourth / cuts->sum - 3;
	return third * third / 6 + fourth * fourth / 24;
}

/* Try the features that are the least like a normal distribution. */
static void
try_features(Cuts *cuts)
{
	int			d = cuts->d;
	double	   *departures = cuts->vectors;

	for (int j = 0; j < d; j++)
		departures[j] = departure(cuts, j);
	for (int n = 0; n < FEATURES_TRIED && n < d; n++)
	{
		int			most = 0;

		for (int j = 1; j < d; j++)
			if (departures[j] > departures[most])
				most = j;
		if (!(departures[most] >= 0))
			break;
		departures[most] = -1;
		memset(cuts->line, 0, d * sizeof(double));
		cuts->line[most] = 1;
		cuts->common = cuts->within[mixture_variance_place(cuts->type, most)];
		try_line(cuts);
	}
}

/*
 * To coordinates in which the covariance within components is the identity; or, a line
 * there, `back` to one of the features: vector, in place.
 */
static void
transform(const Cuts *cuts, double *vector, bool back)
{
	if (!mixture_has_matrix(cuts->type))
		for (int j = 0; j < cuts->d; j++)
			vector[j] /= sqrt(cuts->within[mixture_variance_place(cuts->type, j)]);
	else if (back)
		linalg_solve_transposed(cuts->factor, vector, cuts->d);
	else
		linalg_solve_lower(cuts->factor, vector, cuts->d);
}

/*
 * Try the direction in which the rows are the longest against the covariance
 * within components: the first eigenvector by the power method, for directions
 * only have to be about right.
 */
static void
try_longest(Cuts *cuts)
{
	int			d = cuts->d;
	double	   *vector = cuts->vectors;
	double	   *next = cuts->vectors + d;
	Cut		   *halving;

	memcpy(vector, cuts->rows, d * sizeof(double));
	transform(cuts, vector, false);
	for (int step = 0; step <= POWER_STEPS; step++)
	{
		double		length = sqrt(linalg_dot(vector, vector, d));

		for (int j = 0; j < d; j++)
			vector[j] = length > 0 ? vector[j] / length : 0;
		memcpy(cuts->line, vector, d * sizeof(double));
		transform(cuts, cuts->line, true);
		if (step == POWER_STEPS)
			break;
		memset(next, 0, d * sizeof(double));
		for (int i = 0; i < cuts->n; i++)
		{
			const double *row = cuts->rows + (size_t) i * d;

			linalg_add_multiple(next, cuts->weights[i] * linalg_dot(row, cuts->line, d), row, d);
		}
		transform(cuts, next, false);
		memcpy(vector, next, d * sizeof(double));
		cuts->host->check_interrupts(cuts->host->context);
	}
	cuts->common = 1;
	try_line(cuts);
	if (SEARCH_WITHOUT == SEARCH_HALVING)
		return;

	/* and through the middle, since what overlaps need not show any gap */
	halving = &cuts->found[cuts->n_found++];
	memcpy(halving->line, cuts->line, d * sizeof(double));
	halving->threshold = linalg_dot(halving->line, cuts->means, d);
	halving->sought = false;
}

/*
 * Say of the mixture whose components are to be cut what the covariance within them is,
 * as one of the family has it, which is the caller's and has to stay; and how much one
 * row weighs.
 */
void
cuts_about(Cuts *cuts, const double *within, double row_weight)
{
	cuts->row_weight = row_weight;
	cuts->within = within;
	if (!mixture_has_matrix(cuts->type))
		return;
	memcpy(cuts->factor, within, linalg_packed_count(cuts->d) * sizeof(double));
	cuts->has_factor = linalg_cholesky(cuts->factor, cuts->d, cuts->host);
}

/*
 * Find the best cuts of the rows of a component: into *found, which stays as it is until
 * the next call; returns how many.
 */
int
cuts_find(Cuts *cuts, const ComponentRows *of, const Cut **found)
{
	bool		longest = cuts->d > 1 && (!mixture_has_matrix(cuts->type) || cuts->has_factor);

	cuts->n_found = 0;
	cuts->found[0].gain = -INFINITY;
	*found = cuts->found;
	if (!take_rows(cuts, of, cuts_least_rows(cuts->type, cuts->d)))
		return 0;
	try_features(cuts);
	if (longest)
		try_longest(cuts);
	cuts->found[0].gain *= of->sum / cuts->sum;
	return cuts->n_found;
}
