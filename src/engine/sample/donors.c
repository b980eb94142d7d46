/*
 * donors.c
 *	  What rows of a sample miss, filled in from rows that have it.
 *
 * EM reads rows as they are.  Starts and moves compare complete rows: for them what a row
 * misses is taken from the row that is the nearest to it in what it has (the hot deck of
 * surveys).  That keeps groups apart, each where it is.  A mean given the rest, for one
 * Gaussian, would put such rows between the groups, where there are none, and starts would
 * find groups there; EM does not come back from that.
 */
#include "engine/sample/sample_private.h"

#include <math.h>
#include <string.h>

#include "engine/core/linalg.h"
#include "engine/core/random.h"

/*
 * Rows that others are filled in from, at most: the first of a sample are as good as any; of
 * wide rows as many as all can be compared with in so many operations, and at least so many
 */
#define MOST_DONORS 2048
#define MOST_WORK 1e9
#define LEAST_DONORS 256

/*
 * Squared distance in a feature, in units of variance, that is much, of which only the
 * logarithm counts: groups may be near in one feature and far in others
 */
#define MUCH 0.01

/* The same that two rows drawn at random are expected to have */
#define AT_RANDOM 2

/* Product of factors from which on its logarithm is taken */
#define LARGE 1e200

/* The donors, as they were before anything was filled in. */
typedef struct Donors
{
	const MixtureHost *host;
	const Sample *sample;
	double	   *factors;		/* d: what makes a distance that is much in a feature 1 */
	int64_t		n;
	double	   *rows;			/* n x d */
	double		work;			/* since interrupts were looked for */
} Donors;

/*
 * How far a donor is from a row, each feature in units of its deviation.  A feature that the
 * donor lacks counts as that of two rows drawn at random, one that only the row lacks as
 * nothing.
 */
static double
distance_from(const Donors *donors, const double *row, const double *donor)
{
	double		logs = 0;
	double		product = 1;

	for (int j = 0; j < donors->sample->d; j++)
	{
		double		apart = row[j] - donor[j];

		if (isnan(donor[j]))
			product *= 1 + AT_RANDOM / MUCH;
		else if (!isnan(apart))
		{
			apart *= donors->factors[j];
			product *= 1 + apart * apart;
		}
		if (product > LARGE)
		{
			logs += log(product);
			product = 1;
		}
	}
	return logs + log(product);
}

/*
 * The nearest donor of a row that has this feature, or NULL: of equally near ones one drawn
 * by weight, for where features are codes there are many.
 */
static const double *
nearest_donor(Donors *donors, int64_t number, const double *row, int feature)
{
	const Sample *sample = donors->sample;
	const double *nearest = NULL;
	double		least = INFINITY;
	double		soonest = INFINITY;

	for (int64_t i = 0; i < donors->n; i++)
	{
		const double *donor = donors->rows + i * sample->d;
		double		distance;
		double		time;

		linalg_look_after(donors->host, &donors->work, sample->d);
		if (isnan(donor[feature]))
			continue;
		distance = distance_from(donors, row, donor);
		if (distance > least)
			continue;
		time = -log(random_unit(random_combine(sample->hashes[number], sample->hashes[i]))) /
			sample->weights[i];
		if (distance < least || time < soonest)
		{
			nearest = donor;
			soonest = time;
		}
		least = distance;
	}
	return nearest;
}

/*
 * Fill in what a row misses: from the nearest donor that has the first of it, of the rest
 * what that has, too, and so on; what none has with the mean.
 */
static void
fill_row(Donors *donors, int64_t number, double *row, const double *means)
{
	int			d = donors->sample->d;

	for (int feature = 0; feature < d; feature++)
	{
		const double *donor;

		if (!isnan(row[feature]))
			continue;
		donor = nearest_donor(donors, number, row, feature);
		if (donor == NULL)
			row[feature] = means[feature];
		for (int j = feature; j < d && donor != NULL; j++)
			if (isnan(row[j]))
				row[j] = donor[j];
	}
}

/*
 * Fill in what rows of the sample miss, in sample->rows and in sample->blocks; its source
 * stays as it is.  scales: means and variances of all rows.
 */
void
sample_fill(Sample *sample, const Scales *scales, const MixtureHost *host)
{
	size_t		d = sample->d;
	Donors		donors = {.host = host,.sample = sample};

	if (!sample_has_gaps(sample))
		return;
	donors.n = (int64_t) fmin(fmin(sample->n_rows, MOST_DONORS),
							  fmax(LEAST_DONORS, MOST_WORK / ((double) sample->n_rows * d)));
	donors.rows = host->allocate(host->context, donors.n * d * sizeof(double));
	memcpy(donors.rows, sample->rows, donors.n * d * sizeof(double));
	donors.factors = host->allocate(host->context, d * sizeof(double));
	for (size_t j = 0; j < d; j++)
		donors.factors[j] = 1 / sqrt(MUCH * scales->variances[j]);
	for (int64_t i = 0; i < sample->n_rows; i++)
	{
		fill_row(&donors, i, sample->rows + i * d, scales->moments.means);
		linalg_look_after(host, &donors.work, sample->d);
	}
	host->release(host->context, donors.factors);
	host->release(host->context, donors.rows);
	sample_copy_rows(sample, NULL, &sample->blocks, host);
}
