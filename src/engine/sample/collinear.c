/*
 * collinear.c
 *	  Whether a feature is a sum of others, to the precision of doubles.
 *
 * Where it is (a total beside its parts, shares that add to 1, a column that is
 * there twice), no component has any variance in some direction.  What it has
 * there instead is the floor of covariances, and that must be the same for all of
 * them: a share of each one's own variances, which is what keeps a matrix from
 * being lost to rounding, would make narrow components denser than wide ones once
 * more than they are, by as much again for each such direction, and every
 * component more would raise the likelihood.  It must also be well above rounding,
 * or the likelihood follows the last bits of the covariances.  So for such rows
 * the floor is no less than a share of the features' variances.
 *
 * Whether rows are such is seen in the differences of rows of a sample, those
 * that are longer than usual made as long as that: few rows that are far from all
 * others, through which almost every covariance of all rows is singular, then are few.
 */
#include "engine/sample/sample_private.h"

#include <math.h>
#include <string.h>

#include "engine/core/linalg.h"

/*
 * Where few rows have the most of a feature's variance, what is usual has no more
 * than a share of it, and might be below the floor.
 */
#define LEAST_USUAL_SHARE 1e-4

/* Differences of rows: so many for each feature, and so many more */
#define DIFFERENCES_PER_FEATURE 2
#define MORE_DIFFERENCES 10

/*
 * The difference between a row of the sample and the one before, d values; false where
 * a feature of either is missing, or none differs.
 */
static bool
take_difference(const Sample *sample, int64_t row, double *difference)
{
	const double *values = sample->rows + row * sample->d;
	bool		differs = false;

	for (int j = 0; j < sample->d; j++)
	{
		difference[j] = values[j] - values[j - sample->d];
		if (isnan(difference[j]))
			return false;
		differs = differs || difference[j] != 0;
	}
	return differs;
}

/*
 * How far rows differ in each feature where they do, as a rule: the geometric means
 * of the differences, d values, infinite where there is none.  Returns how many rows
 * differ from the one before.
 */
static int64_t
usual_differences(const Sample *sample, double *usual, double *difference,
				  const MixtureHost *host)
{
	int			d = sample->d;
	double	   *counts = difference + d;
	int64_t		n = 0;
	double		work = 0;

	memset(usual, 0, d * sizeof(double));
	memset(counts, 0, d * sizeof(double));
	for (int64_t i = 1; i < sample->n_rows; i++)
	{
		linalg_look_after(host, &work, 10.0 * d);
		if (!take_difference(sample, i, difference))
			continue;
		n++;
		for (int j = 0; j < d; j++)
			if (difference[j] != 0)
			{
				usual[j] += log(fabs(difference[j]));
				counts[j]++;
			}
	}
	for (int j = 0; j < d; j++)
		usual[j] = counts[j] > 0 ? exp(usual[j] / counts[j]) : INFINITY;
	return n;
}

/*
 * The second moments of the differences, each in units of the usual ones and none of
 * them longer than one is that has these: a packed matrix.
 */
static void
sum_directions(const Sample *sample, const double *usual, double *difference,
			   double *moments, const MixtureHost *host)
{
	int			d = sample->d;
	double		work = 0;

	memset(moments, 0, linalg_packed_count(d) * sizeof(double));
	for (int64_t i = 1; i < sample->n_rows; i++)
	{
		double		most = 1;
		double		square = 0;
		double		factor;

		if (!take_difference(sample, i, difference))
		{
			linalg_look_after(host, &work, d);
			continue;
		}
		/* squares of what is far might not be doubles */
		for (int j = 0; j < d; j++)
		{
			difference[j] /= usual[j];
			most = fmax(most, fabs(difference[j]));
		}
		for (int j = 0; j < d; j++)
		{
			difference[j] /= most;
			square += difference[j] * difference[j];
		}
		factor = fmin(most * most, d / square);
		for (int j = 0; j < d; j++)
		{
			linalg_add_multiple(moments + linalg_row(j), difference[j] * factor,
								difference, j + 1);
			linalg_look_after(host, &work, j);
		}
	}
}

/*
 * Whether a feature may be a sum of others, by the covariance of all rows (packed, d
 * dimensions): what is a sum of others makes it singular, and so may rows that are far
 * from all others.
 */
bool
collinear_possible(const double *covariance, int d, const MixtureHost *host)
{
	size_t		count = linalg_packed_count(d);
	double	   *matrix = host->allocate(host->context, (count + d) * sizeof(double));
	bool		singular;

	memcpy(matrix, covariance, count * sizeof(double));
	singular = mixture_nearly_singular(matrix, matrix + count, d, host);
	host->release(host->context, matrix);
	return singular;
}

/*
 * The least share of the features' variances that covariances of the rows of a sample
 * are to have: 0 but where a feature is a sum of others.
 */
double
collinear_share(const Sample *sample, const double *variances, const MixtureHost *host)
{
	int			d = sample->d;
	size_t		count = linalg_packed_count(d);
	double	   *matrix = host->allocate(host->context, (count + 3 * (size_t) d) * sizeof(double));
	double	   *usual = matrix + count;
	double	   *difference = usual + d;
	bool		collinear = usual_differences(sample, usual, difference, host) >=
		DIFFERENCES_PER_FEATURE * (int64_t) d + MORE_DIFFERENCES;

	for (int j = 0; j < d && collinear; j++)
		collinear = usual[j] * usual[j] >= LEAST_USUAL_SHARE * variances[j];
	if (collinear)
	{
		sum_directions(sample, usual, difference, matrix, host);
		collinear = mixture_nearly_singular(matrix, usual, d, host);
	}
	host->release(host->context, matrix);
	return collinear ? MIXTURE_COLLINEAR_FLOOR : 0;
}
