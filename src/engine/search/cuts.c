/*
 * cuts.c
 *	  Where the rows of one component may come apart: directions to look along,
 *	  and the place to cut them.
 *
 * A component that covers two groups is looked at by itself and in its own
 * scale, so what is near and far elsewhere does not hide anything.  Groups show
 * as a departure from the normal distribution: along the line between them
 * third and fourth moments differ from a normal's.  In coordinates in which the
 * rows are round, the extreme eigenvectors of the matrix of fourth moments
 * E |z|^2 z z^T are such lines (Tyler, Critchley, Dumbgen and Oja 2009), and so
 * is the vector of third moments E |z|^2 z, which sees groups of a size that
 * leaves the fourth moments those of a normal.  The features by themselves are
 * tried as well, and where the family does not follow the rows' shape, the
 * direction in which they are longest.
 *
 * Along each line the rows are sorted, and the cut is where two normal
 * distributions, one to each side, gain the most over one: an exact answer,
 * with no seed or step length in it.
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

/* Dimensions up to which there is algebra on their matrices */
#define MOST_DIMENSIONS 48

/* Features that are tried, those least like a normal distribution */
#define FEATURES_TRIED 2

/* What keeps features without variance from being in the way, of variance 1 */
#define LEAST_ROUND_VARIANCE 1e-10

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
	double		common;			/* its variance along the line */
	double	   *rows;			/* SCAN_ROWS x d: standardized, then round */
	double	   *weights;		/* SCAN_ROWS */
	double	   *means;			/* d */
	double	   *scales;			/* d: deviations; 1 where there is none */
	bool		has_common_factor;
	double	   *common_factor;	/* packed: of `within`, where that is a matrix */
	double	   *factor;			/* packed, d: to coordinates that are round */
	double	   *matrix;			/* d x d, up to MOST_DIMENSIONS */
	double	   *values;			/* 2 d */
	double	   *line;			/* d */
	Place	   *places;			/* SCAN_ROWS */
	int			most;			/* that are kept */
	int			n_found;
	Cut			found[CUTS_MOST];	/* the best first */
	bool		halves;			/* there is a halving */
	Cut			halving;		/* of the longest direction */
};

Cuts *
cuts_create(const Sample *sample, MixtureCovarianceType type, const MixtureHost *host)
{
	size_t		d = sample->d;
	Cuts	   *cuts = host->allocate(host->context, sizeof(Cuts));
	bool		small = d <= MOST_DIMENSIONS;
	size_t		factor = small ? linalg_packed_count(sample->d) : 0;
	size_t		common = mixture_has_matrix(type) ? linalg_packed_count(sample->d) : 0;
	size_t		matrix = small ? d * d : 0;
	size_t		count = SCAN_ROWS * (d + 1) + 5 * d + factor + common + matrix +
		(CUTS_MOST + 1) * d;
	double	   *memory = host->allocate(host->context, count * sizeof(double));

	cuts->host = host;
	cuts->sample = sample;
	cuts->type = type;
	cuts->d = sample->d;
	cuts->rows = memory;
	cuts->weights = cuts->rows + SCAN_ROWS * d;
	cuts->means = cuts->weights + SCAN_ROWS;
	cuts->scales = cuts->means + d;
	cuts->line = cuts->scales + d;
	cuts->factor = cuts->line + d;
	cuts->common_factor = cuts->factor + factor;
	cuts->matrix = cuts->common_factor + common;
	cuts->values = cuts->matrix + matrix;
	for (int i = 0; i < CUTS_MOST; i++)
		cuts->found[i].line = cuts->values + (2 + i) * d;
	cuts->halving.line = cuts->values + (2 + CUTS_MOST) * d;
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
 * Rows to each side of a cut, at least: of one component as many as a matrix has to
 * have twice, for smaller sides often are nothing but its tails, or, where there is no
 * matrix, enough; of two that are cut anew twice what is no artefact.
 */
int64_t
cuts_least_rows(MixtureCovarianceType type, int d, bool again)
{
	if (again)
		return 2 * judge_least_rows(type, d);
	return 2 * (mixture_has_matrix(type) || d < ENOUGH_ROWS ? d + 1 : ENOUGH_ROWS);
}

/*
 * Copy a component's rows, as far as they are looked at, and standardize them.
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
	memset(cuts->scales, 0, d * sizeof(double));
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
			cuts->scales[j] += cuts->weights[i] * *value * *value;
		}
	for (int j = 1; j < d && cuts->type == MIXTURE_SPHERICAL; j++)
		cuts->scales[0] += cuts->scales[j];
	for (int j = d - 1; j >= 0; j--)
	{
		double		squares = cuts->scales[cuts->type == MIXTURE_SPHERICAL ? 0 : j];

		cuts->scales[j] = squares > 0 ? sqrt(squares / cuts->sum) : 1;
	}
	for (int i = 0; i < cuts->n; i++)
		for (int j = 0; j < d; j++)
			cuts->rows[(size_t) i * d + j] /= cuts->scales[j];
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

/* The shared covariance's variance along cuts->line. */
static double
common_variance(const Cuts *cuts)
{
	double		variance = 0;

	for (int i = 0; i < cuts->d; i++)
		for (int j = 0; j < cuts->d; j++)
			variance += cuts->line[i] * cuts->line[j] / cuts->scales[i] / cuts->scales[j] *
				cuts->within[j < i ? linalg_row(i) + j : linalg_row(j) + i];
	return variance;
}

/*
 * Find the best cut along cuts->line, of the standardized features, and keep
 * it if it is among the best.
 */
static void
try_line(Cuts *cuts)
{
	int			d = cuts->d;
	Cut			spare;
	double		threshold = 0;
	double		gain;
	int			place = cuts->n_found;

	for (int i = 0; i < cuts->n; i++)
	{
		cuts->places[i].at = linalg_dot(cuts->line, cuts->rows + (size_t) i * d, d);
		cuts->places[i].weight = cuts->weights[i];
	}
	qsort(cuts->places, cuts->n, sizeof(Place), compare_places);
	if (cuts->type == MIXTURE_TIED)
		cuts->common = common_variance(cuts);
	gain = scan_places(cuts, &threshold);
	if (!(gain > -INFINITY))
		return;
	while (place > 0 && gain > cuts->found[place - 1].gain)
		place--;
	if (place == cuts->most)
		return;
	if (cuts->n_found < cuts->most)
		cuts->n_found++;
	spare = cuts->found[cuts->n_found - 1];
	memmove(cuts->found + place + 1, cuts->found + place,
			(cuts->n_found - 1 - place) * sizeof(Cut));
	for (int j = 0; j < d; j++)
		spare.line[j] = cuts->line[j] / cuts->scales[j];
	spare.threshold = threshold + linalg_dot(spare.line, cuts->means, d);
	spare.sought = true;
	spare.gain = gain;
	cuts->found[place] = spare;
}

/*
 * How far from a normal distribution the standardized values of feature j are:
 * the statistic of Jarque and Bera (1980).
 */
static double
departure(const Cuts *cuts, int j)
{
	double		third = 0;
	double		fourth = 0;

	for (int i = 0; i < cuts->n; i++)
	{
		double		value = cuts->rows[(size_t) i * cuts->d + j];
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
	double	   *departures = cuts->values;

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
		try_line(cuts);
	}
}

/* The weighted sum of z z^T, times |z|^2 if `fourth`, over cuts->sum: d x d. */
static void
second_moments(const Cuts *cuts, bool fourth, double *matrix)
{
	int			d = cuts->d;

	memset(matrix, 0, (size_t) d * d * sizeof(double));
	for (int i = 0; i < cuts->n; i++)
	{
		const double *row = cuts->rows + (size_t) i * d;
		double		factor = cuts->weights[i] / cuts->sum;

		if (fourth)
			factor *= linalg_dot(row, row, d);
		for (int j = 0; j < d; j++)
			linalg_add_multiple(matrix + (size_t) j * d, factor * row[j], row, j + 1);
	}
	for (int j = 0; j < d; j++)
		for (int l = 0; l < j; l++)
			matrix[(size_t) l * d + j] = matrix[(size_t) j * d + l];
	cuts->host->check_interrupts(cuts->host->context);
}

/* Try the line that is `vector` in the coordinates of the factor. */
static void
try_vector(Cuts *cuts, const double *vector)
{
	memcpy(cuts->line, vector, cuts->d * sizeof(double));
	linalg_solve_transposed(cuts->factor, cuts->line, cuts->d);
	try_line(cuts);
}

/* Try the eigenvectors of cuts->matrix with the largest and smallest eigenvalues. */
static void
try_extremes(Cuts *cuts)
{
	int			d = cuts->d;
	int			least = 0;
	int			most = 0;

	if (!linalg_eigen(cuts->matrix, cuts->values, cuts->values + d, d, cuts->host))
		return;
	for (int e = 1; e < d; e++)
	{
		if (cuts->values[e] > cuts->values[most])
			most = e;
		if (cuts->values[e] < cuts->values[least])
			least = e;
	}
	try_vector(cuts, cuts->matrix + (size_t) most * d);
	if (most != least)
		try_vector(cuts, cuts->matrix + (size_t) least * d);
}

/* Into the coordinates of the factor. */
static void
transform_rows(Cuts *cuts)
{
	for (int i = 0; i < cuts->n; i++)
		linalg_solve_lower(cuts->factor, cuts->rows + (size_t) i * cuts->d, cuts->d);
}

/* A deviation within components of a standardized feature; no family with a matrix. */
static double
within_deviation(const Cuts *cuts, int j)
{
	return sqrt(cuts->within[cuts->type == MIXTURE_DIAG ? (size_t) j : 0]) / cuts->scales[j];
}

/*
 * Standardized features to coordinates in which the covariance within components is
 * the identity: vector, in place.
 */
static void
to_within(const Cuts *cuts, double *vector)
{
	int			d = cuts->d;

	if (mixture_has_matrix(cuts->type))
	{
		for (int j = 0; j < d; j++)
			vector[j] *= cuts->scales[j];
		linalg_solve_lower(cuts->common_factor, vector, d);
	}
	else
		for (int j = 0; j < d; j++)
			vector[j] /= within_deviation(cuts, j);
}

/* Let cuts->line be the line that is `vector` there. */
static void
line_from_within(Cuts *cuts, const double *vector)
{
	int			d = cuts->d;

	memcpy(cuts->line, vector, d * sizeof(double));
	if (mixture_has_matrix(cuts->type))
	{
		linalg_solve_transposed(cuts->common_factor, cuts->line, d);
		for (int j = 0; j < d; j++)
			cuts->line[j] *= cuts->scales[j];
	}
	else
		for (int j = 0; j < d; j++)
			cuts->line[j] /= within_deviation(cuts, j);
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
	double	   *vector = cuts->values;
	double	   *next = cuts->values + d;

	if (mixture_has_matrix(cuts->type) && !cuts->has_common_factor)
		return;
	memcpy(vector, cuts->rows, d * sizeof(double));
	to_within(cuts, vector);
	line_from_within(cuts, vector);
	for (int step = 0; step < POWER_STEPS; step++)
	{
		double		length;

		memset(next, 0, d * sizeof(double));
		for (int i = 0; i < cuts->n; i++)
		{
			const double *row = cuts->rows + (size_t) i * d;

			linalg_add_multiple(next, cuts->weights[i] * linalg_dot(row, cuts->line, d), row, d);
		}
		to_within(cuts, next);
		length = sqrt(linalg_dot(next, next, d));
		for (int j = 0; j < d; j++)
			vector[j] = length > 0 ? next[j] / length : 0;
		line_from_within(cuts, vector);
		cuts->host->check_interrupts(cuts->host->context);
	}
	try_line(cuts);

	/* and through the middle, since what overlaps need not show any gap */
	for (int j = 0; j < d; j++)
		cuts->halving.line[j] = cuts->line[j] / cuts->scales[j];
	cuts->halving.sought = false;
	cuts->halving.threshold = linalg_dot(cuts->halving.line, cuts->means, d);
	cuts->halves = SEARCH_WITHOUT != SEARCH_HALVING;
}

/*
 * Try the directions that third and fourth moments show in coordinates in
 * which the rows are round.
 */
static void
try_moments(Cuts *cuts)
{
	int			d = cuts->d;
	double	   *third = cuts->values;
	size_t		size = (size_t) cuts->n * d * sizeof(double);
	double	   *standardized;

	second_moments(cuts, false, cuts->matrix);
	for (int i = 0; i < d; i++)
	{
		for (int j = 0; j <= i; j++)
			cuts->factor[linalg_row(i) + j] = cuts->matrix[(size_t) i * d + j];
		cuts->factor[linalg_row(i) + i] += LEAST_ROUND_VARIANCE;
	}
	if (!linalg_cholesky(cuts->factor, d, cuts->host))
		return;
	standardized = cuts->host->allocate(cuts->host->context, size);
	memcpy(standardized, cuts->rows, size);
	transform_rows(cuts);
	second_moments(cuts, true, cuts->matrix);
	memset(third, 0, d * sizeof(double));
	for (int i = 0; i < cuts->n; i++)
	{
		const double *row = cuts->rows + (size_t) i * d;

		linalg_add_multiple(third, cuts->weights[i] * linalg_dot(row, row, d), row, d);
	}
	memcpy(cuts->rows, standardized, size);
	cuts->host->release(cuts->host->context, standardized);
	try_vector(cuts, third);
	try_extremes(cuts);
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
	memcpy(cuts->common_factor, within, linalg_packed_count(cuts->d) * sizeof(double));
	cuts->has_common_factor = linalg_cholesky(cuts->common_factor, cuts->d, cuts->host);
}

/*
 * Find the best cuts of the rows of one component, or of two that are cut anew: into
 * *found, which stays as it is until the next call; returns how many.
 */
int
cuts_find(Cuts *cuts, const ComponentRows *of, bool again, const Cut **found)
{
	cuts->most = again ? CUTS_MOST : CUTS_OF_ONE;
	cuts->n_found = 0;
	*found = cuts->found;
	cuts->halves = false;
	if (!take_rows(cuts, of, cuts_least_rows(cuts->type, cuts->d, again)))
		return 0;
	try_features(cuts);
	if (cuts->d > 1)
	{
		try_longest(cuts);
		if (cuts->d <= MOST_DIMENSIONS && cuts->n > cuts->d)
			try_moments(cuts);
	}
	cuts->host->check_interrupts(cuts->host->context);
	for (int i = 0; i < cuts->n_found; i++)
		cuts->found[i].gain *= of->sum / cuts->sum;
	if (cuts->halves)
	{
		Cut			spare;

		if (cuts->n_found == cuts->most)
			cuts->n_found--;
		spare = cuts->found[cuts->n_found];
		cuts->found[cuts->n_found++] = cuts->halving;
		cuts->halving = spare;
	}
	return cuts->n_found;
}
