/*
 * far_rows.c
 *	  Rows whose squared distances are out of a double's range.
 *
 * A distance of 1e160 is a number like others, but its square is not.  The
 * kernels find infinity then, and distances so small that their squares
 * underflow; what is needed beyond that is found here, for one component at a
 * time, from features that are multiplied by a power of two first.
 *
 * Of squares that overflow, two that differ at all differ by more than 1e290,
 * so the nearest components share the row, and each of these by its weight and
 * determinant alone.
 */
#include "engine/kernels/kernels.h"

#include <math.h>

#include "engine/core/linalg.h"

/*
 * The power of two that features are divided by.  A feature below 2^1024 times
 * a factor below 2^511, the root of the least variance's inverse, is then far
 * within the range, for as many dimensions as there may be.
 */
#define FAR_EXPONENT 600

/* Squared distances below this have lost digits to underflow. */
#define LEAST_SQUARED 1e-280

/* Where the mean of component c and feature j is. */
static const double *
mean_of(const MixturePrepared *prepared, int c, int j)
{
	size_t		lanes = prepared->lanes;

	return &prepared->means[(c / lanes * prepared->d + j) * lanes + c % lanes];
}

/* Component c's factor, whose values are *step apart. */
static const double *
factor_of(const MixturePrepared *prepared, int c, size_t *step)
{
	size_t		lanes = prepared->lanes;

	if (prepared->covariance_type == MIXTURE_TIED)
	{
		*step = 1;
		return prepared->precision_cholesky;
	}
	*step = lanes;
	return prepared->precision_cholesky + c / lanes * prepared->factor_step + c % lanes;
}

/* Feature j less component c's mean, divided by 2^exponent. */
static double
centered_feature(const MixturePrepared *prepared, int c, const double *row, int j,
				 int exponent)
{
	double		mean = *mean_of(prepared, c, j);

	/* far from each other, the difference may overflow; near, it is exact */
	return exponent > 0 ? ldexp(row[j], -exponent) - ldexp(mean, -exponent) :
		ldexp(row[j] - mean, -exponent);
}

/* The length of a vector whose elements are given one after the other. */
typedef struct Length
{
	double		largest;
	double		squares;		/* relative to the largest */
} Length;

static void
add_element(Length *length, double value)
{
	double		size = fabs(value);

	/* NaN is the largest of all */
	if (!(size <= length->largest))
	{
		length->squares = 1 + length->squares * (length->largest / size) *
			(length->largest / size);
		length->largest = size;
	}
	else if (size > 0)
		length->squares += (size / length->largest) * (size / length->largest);
}

/* The Mahalanobis distance of a row from component c, divided by 2^exponent. */
static double
scaled_distance(const MixturePrepared *prepared, int c, const double *row, int exponent)
{
	int			d = prepared->d;
	MixtureCovarianceType type = prepared->covariance_type;
	size_t		step;
	const double *factor = factor_of(prepared, c, &step);
	Length		length = {0, 0};

	for (int i = 0; i < d; i++)
	{
		double		y = 0;

		if (mixture_has_matrix(type))
			for (int j = 0; j <= i; j++)
				y += factor[(linalg_row(i) + j) * step] *
					centered_feature(prepared, c, row, j, exponent);
		else
			y = factor[type == MIXTURE_DIAG ? i * step : 0] *
				centered_feature(prepared, c, row, i, exponent);
		add_element(&length, y);
	}
	return length.largest * sqrt(length.squares);
}

/*
 * The distance of a row from component c, whose square, as the kernels find
 * it, is `squared`: infinite only where the distance itself is out of range.
 */
double
far_distance(const MixturePrepared *prepared, int c, const double *row, double squared)
{
	int			exponent = squared > 1 ? FAR_EXPONENT : -FAR_EXPONENT;
	double		distance;

	if (prepared->squares != NULL || (squared >= LEAST_SQUARED && squared < INFINITY))
		return sqrt(squared);
	distance = ldexp(scaled_distance(prepared, c, row, exponent), exponent);
	/* what is near only because features cancel may overflow on the way */
	return squared < INFINITY && !isfinite(distance) ? sqrt(squared) : distance;
}

/*
 * The log densities of a row that is at an infinite squared distance from every
 * component that has weight: in work, as row_log_densities() leaves them, but
 * for a constant that is the same for all.
 */
void
far_log_densities(const MixturePrepared *prepared, const double *row, double *work)
{
	double		least = INFINITY;

	for (int c = 0; c < prepared->k; c++)
	{
		work[c] = prepared->log_constants[c] > -INFINITY ?
			scaled_distance(prepared, c, row, FAR_EXPONENT) : INFINITY;
		if (work[c] < least)
			least = work[c];
	}
	for (int c = 0; c < prepared->n_groups * prepared->lanes; c++)
		work[c] = c < prepared->k && work[c] == least ? prepared->log_constants[c] : -INFINITY;
}

/*
 * The feature, counted from 0, in which a row is farthest from component c, in
 * units of its standard deviation given the features before it: to say why a
 * distance or density is out of range.
 */
int
mixture_row_farthest_feature(const MixturePrepared *prepared, const double *row, int c)
{
	size_t		step;
	const double *factor = factor_of(prepared, c, &step);
	double		most = -1;
	int			farthest = 0;

	for (int j = 0; j < prepared->d; j++)
	{
		size_t		place = mixture_variance_place(prepared->covariance_type, j);
		double		distance = fabs(factor[place * step] *
									centered_feature(prepared, c, row, j, FAR_EXPONENT));

		if (distance > most)
		{
			most = distance;
			farthest = j;
		}
	}
	return farthest;
}

/*
 * The feature in which the row of a block is farthest that is the farthest from
 * every component, to say why sums are out of range.  prepared: of all d
 * features, for blocks.
 */
int
far_feature_of_block(const MixturePrepared *prepared, const MixtureBlock *block,
					 const MixtureHost *host)
{
	int			d = prepared->d;
	double	   *features = host->allocate(host->context, d * sizeof(double));
	double		most = -1;
	int			farthest = 0;

	for (int row = 0; row < block->n_rows; row++)
	{
		double		least = INFINITY;
		int			feature = 0;

		for (int c = 0; c < prepared->k; c++)
		{
			double		distance;

			/* what is missing is where it is likely to be */
			for (int j = 0; j < d; j++)
			{
				double		value = block->features[(size_t) j * block->stride + row];

				features[j] = isnan(value) ? *mean_of(prepared, c, j) : value;
			}
			distance = scaled_distance(prepared, c, features, FAR_EXPONENT);
			if (distance < least)
			{
				least = distance;
				feature = mixture_row_farthest_feature(prepared, features, c);
			}
			host->check_interrupts(host->context);
		}
		if (block->weights[row] > 0 && least > most)
		{
			most = least;
			farthest = feature;
		}
	}
	host->release(host->context, features);
	return farthest;
}
