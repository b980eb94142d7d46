/*
 * cuts.c
 *	  Where the rows of one component may come apart: in the middle, across the direction
 *	  in which they are the longest.
 *
 * A component that covers two groups is looked at by itself and in its own
 * scale, so what is near and far elsewhere does not hide anything.  It is long in
 * the direction in which they lie, measured by what components are wide in the mean:
 * so that is the direction in which its rows are the longest in coordinates in which the
 * covariance within components is the identity.  Where exactly the two come apart, and
 * whether there are two, is what EM finds among the component's rows (local.c).
 */
#include "engine/search/search.h"

#include <math.h>
#include <string.h>

#include "engine/core/linalg.h"

/* Rows of a component that are looked at */
#define SCAN_ROWS 384

/* Least share of a row's weight that makes it one of the component's */
#define LEAST_SHARE 0.1

/* Steps of the power method */
#define POWER_STEPS 20

/*
 * Rows that a component without a matrix has for its two sides, at least, however many
 * its dimensions are: of SCAN_ROWS there would be none else.
 */
#define ENOUGH_ROWS 24

/* What cuts are looked for with. */
struct Cuts
{
	const MixtureHost *host;
	const Sample *sample;
	MixtureCovarianceType type;
	int			d;
	int			n;				/* rows looked at */
	const double *within;		/* covariance within components, as a component of
								 * the family has it */
	bool		has_factor;
	double	   *factor;			/* packed: of `within`, where that is a matrix */
	double	   *rows;			/* SCAN_ROWS x d: less their mean */
	double	   *weights;		/* SCAN_ROWS */
	double	   *means;			/* d */
	double	   *line;			/* d */
	double	   *vectors;		/* 2 d */
};

Cuts *
cuts_create(const Sample *sample, MixtureCovarianceType type, const MixtureHost *host)
{
	size_t		d = sample->d;
	Cuts	   *cuts = host->allocate(host->context, sizeof(Cuts));
	size_t		factor = mixture_has_matrix(type) ? linalg_packed_count(sample->d) : 0;
	size_t		count = SCAN_ROWS * (d + 1) + factor + 4 * d;

	cuts->host = host;
	cuts->sample = sample;
	cuts->type = type;
	cuts->d = sample->d;
	cuts->rows = host->allocate(host->context, count * sizeof(double));
	cuts->weights = cuts->rows + SCAN_ROWS * d;
	cuts->factor = cuts->weights + SCAN_ROWS;
	cuts->means = cuts->factor + factor;
	cuts->line = cuts->means + d;
	cuts->vectors = cuts->line + d;
	return cuts;
}

void
cuts_release(Cuts *cuts)
{
	const MixtureHost *host = cuts->host;

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
	double		sum = 0;

	cuts->n = 0;
	memset(cuts->means, 0, d * sizeof(double));
	for (int64_t i = 0; i < of->n && cuts->n < SCAN_ROWS; i++)
	{
		double	   *row = cuts->rows + (size_t) cuts->n * d;

		if (of->shares[i] < LEAST_SHARE * sample->weights[of->rows[i]])
			continue;
		memcpy(row, sample->rows + of->rows[i] * d, d * sizeof(double));
		cuts->weights[cuts->n++] = of->shares[i];
		sum += of->shares[i];
		linalg_add_multiple(cuts->means, of->shares[i], row, d);
	}
	if (cuts->n < 2 * least)
		return false;
	for (int j = 0; j < d; j++)
		cuts->means[j] /= sum;
	for (int i = 0; i < cuts->n; i++)
		linalg_add_multiple(cuts->rows + (size_t) i * d, -1, cuts->means, d);
	return true;
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
 * The direction in which the rows are the longest against the covariance within
 * components: the first eigenvector by the power method, for directions only have to be
 * about right.
 */
static void
find_longest(Cuts *cuts)
{
	int			d = cuts->d;
	double	   *vector = cuts->vectors;
	double	   *next = cuts->vectors + d;

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
}

/*
 * Say of the mixture whose components are to be cut what the covariance within them is,
 * as one of the family has it, which is the caller's and has to stay.
 */
void
cuts_about(Cuts *cuts, const double *within)
{
	cuts->within = within;
	cuts->has_factor = true;
	if (!mixture_has_matrix(cuts->type))
		return;
	memcpy(cuts->factor, within, linalg_packed_count(cuts->d) * sizeof(double));
	cuts->has_factor = linalg_cholesky(cuts->factor, cuts->d, cuts->host);
}

/*
 * Find the cut of the rows of a component, whose line stays as it is until the next call.
 * Returns false where there is none.
 */
bool
cuts_find(Cuts *cuts, const ComponentRows *of, Cut *cut)
{
	if (!cuts->has_factor || !take_rows(cuts, of, cuts_least_rows(cuts->type, cuts->d)))
		return false;
	find_longest(cuts);
	cut->line = cuts->line;
	cut->threshold = linalg_dot(cuts->line, cuts->means, cuts->d);
	return true;
}
