/*
 * judge.c
 *	  What the rows say of the components of a mixture: how many support one,
 *	  and whether its covariance is more than what the floor leaves of it.
 *
 * It can be read off the parameters, so that a model is judged long after its
 * rows are gone: the variances of all rows, which the floor is a share of, are
 * those of the mixture as a whole, for EM makes the two equal.
 *
 * Rows may themselves lie in a plane, as where a column is constant or is the
 * sum of others.  Every component then is at the floor in a direction, and
 * none can be blamed for it.  So a component has collapsed if it is at the
 * floor in more directions than all rows together are.
 */
#include "engine/core/core.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "engine/core/linalg.h"

/* "At the floor" is, for a component, no more than so many times the floor */
#define NEAR_FLOOR 2.0

/* and for the mixture as a whole, which is wider, so many times. */
#define ROWS_NEAR_FLOOR 4.0

/* Rows that a component needs to be more than an artefact. */
int
judge_least_rows(MixtureCovarianceType type, int d)
{
	return type == MIXTURE_FULL ? d + 1 : type == MIXTURE_TIED ? 1 : 2;
}

/* A packed matrix as a square one. */
static void
unpack(const double *packed, int d, double *square)
{
	for (int i = 0; i < d; i++)
		for (int j = 0; j <= i; j++)
			square[(size_t) i * d + j] = square[(size_t) j * d + i] =
				packed[linalg_row(i) + j];
}

/*
 * In how many directions a packed matrix is at most `times` the diagonal
 * matrix floor: eigenvalues where floor is the identity.
 */
static int
count_matrix_directions(const double *packed, const double *floor, double times,
						int d, const MixtureHost *host)
{
	double	   *square;
	double	   *values;
	int			n = 0;

	square = host->allocate(host->context, ((size_t) d * d + 2 * d) * sizeof(double));
	values = square + (size_t) d * d;

	/* as a rule there is none, which the pivots show for less */
	memcpy(square, packed, linalg_packed_count(d) * sizeof(double));
	for (int j = 0; j < d; j++)
		square[linalg_row(j) + j] -= times * floor[j];
	if (!linalg_eliminate(square, d, host))
	{
		unpack(packed, d, square);
		for (int i = 0; i < d; i++)
			for (int j = 0; j < d; j++)
				square[(size_t) i * d + j] /= sqrt(floor[i]) * sqrt(floor[j]);
		if (linalg_eigenvalues(square, values, values + d, d, host))
			for (int j = 0; j < d; j++)
				n += !(values[j] > times);
	}
	host->release(host->context, square);
	return n;
}

/*
 * The same for a covariance of any family; that of a spherical one is
 * compared with the mean of floor and has one direction.
 */
static int
count_directions(MixtureCovarianceType type, const double *covariance,
				 const double *floor, double times, int d, const MixtureHost *host)
{
	double		mean = 0;
	int			n = 0;

	if (mixture_has_matrix(type))
		return count_matrix_directions(covariance, floor, times, d, host);
	for (int j = 0; j < d; j++)
	{
		mean += floor[j] / d;
		if (type == MIXTURE_DIAG)
			n += !(covariance[j] > times * floor[j]);
	}
	return type == MIXTURE_DIAG ? n : !(covariance[0] > times * mean);
}

/*
 * The covariance of the mixture as a whole: within components and between
 * them.  In the shape of one component of the family, but for spherical, which
 * gets d variances as diag does.
 */
static void
whole_covariance(const MixtureParameters *parameters, double *whole,
				 const MixtureHost *host)
{
	MixtureCovarianceType type = parameters->covariance_type;
	bool		matrix = mixture_has_matrix(type);
	int			d = parameters->d;
	size_t		count = matrix ? linalg_packed_count(d) : (size_t) d;
	size_t		step = type == MIXTURE_TIED ? 0 : mixture_factor_count(type, d);
	double	   *mean = host->allocate(host->context, 2 * (size_t) d * sizeof(double));
	double	   *apart = mean + d;
	double		total = 0;

	memset(mean, 0, d * sizeof(double));
	memset(whole, 0, count * sizeof(double));
	for (int c = 0; c < parameters->k; c++)
	{
		total += parameters->weights[c];
		for (int j = 0; j < d; j++)
			mean[j] += parameters->weights[c] * parameters->means[(size_t) c * d + j];
	}
	for (int c = 0; c < parameters->k; c++)
	{
		const double *covariance = parameters->covariances + c * step;
		double		weight = parameters->weights[c] / total;

		for (int j = 0; j < d; j++)
			apart[j] = parameters->means[(size_t) c * d + j] - mean[j] / total;
		for (int i = 0; i < d; i++)
		{
			if (matrix)
				for (int j = 0; j <= i; j++)
					whole[linalg_row(i) + j] += weight *
						(covariance[linalg_row(i) + j] + apart[i] * apart[j]);
			else
				whole[i] += weight * (covariance[type == MIXTURE_DIAG ? i : 0] +
									  apart[i] * apart[i]);
		}
		host->check_interrupts(host->context);
	}
	host->release(host->context, mean);
}

/*
 * Judge every component by what is known of the rows: n_rows, how many there
 * are, or by weight (NaN if not known); whole, their covariance (packed, or d
 * variances where the family has no matrix); floor, d least variances.
 *
 * suspicions: k of them, or NULL.  Returns how many components are suspect.
 */
int
judge_components(const MixtureParameters *parameters, double n_rows, const double *whole,
				 const double *floor, MixtureSuspicion *suspicions,
				 const MixtureHost *host)
{
	MixtureCovarianceType type = parameters->covariance_type;
	int			d = parameters->d;
	size_t		step = type == MIXTURE_TIED ? 0 : mixture_factor_count(type, d);
	int			directions = -1;	/* of the rows: as a rule nobody asks */
	bool		collapsed = false;
	int			n_suspect = 0;

	for (int c = 0; c < parameters->k; c++)
	{
		bool		few = parameters->weights[c] * n_rows < judge_least_rows(type, d);

		if (type != MIXTURE_TIED || c == 0)
		{
			int			own = count_directions(type, parameters->covariances + c * step,
											   floor, NEAR_FLOOR, d, host);

			if (own > 0 && directions < 0)
				directions = type == MIXTURE_SPHERICAL ? 0 :
					count_directions(type, whole, floor, ROWS_NEAR_FLOOR, d, host);
			collapsed = own > 0 && own > directions;
		}
		if (suspicions != NULL)
			suspicions[c] = few ? MIXTURE_FEW_ROWS :
				collapsed ? MIXTURE_COLLAPSED : MIXTURE_SOUND;
		n_suspect += few || collapsed;
	}
	return n_suspect;
}

/*
 * Judge every component of a mixture that n_rows rows were fitted with (by
 * weight; NaN if that is not known) under this reg_covar.
 *
 * suspicions: k of them, or NULL.  Returns how many components are suspect.
 */
int
mixture_judge(const MixtureParameters *parameters, double n_rows, double reg_covar,
			  MixtureSuspicion *suspicions, const MixtureHost *host)
{
	MixtureCovarianceType type = parameters->covariance_type;
	bool		matrix = mixture_has_matrix(type);
	int			d = parameters->d;
	size_t		count = matrix ? linalg_packed_count(d) : (size_t) d;
	double	   *whole = host->allocate(host->context, (count + d) * sizeof(double));
	double	   *floor = whole + count;
	double		share = mixture_floor_share(reg_covar);
	int			n_suspect;

	whole_covariance(parameters, whole, host);
	for (int j = 0; j < d; j++)
		floor[j] = share * whole[matrix ? linalg_row(j) + j : (size_t) j];
	n_suspect = judge_components(parameters, n_rows, whole, floor, suspicions, host);
	host->release(host->context, whole);
	return n_suspect;
}

/*
 * The condition number of a component's covariance: its largest eigenvalue
 * over its smallest, at most the inverse of a double's precision.
 */
double
mixture_condition_number(const MixtureParameters *parameters, int component,
						 const MixtureHost *host)
{
	MixtureCovarianceType type = parameters->covariance_type;
	int			d = parameters->d;
	size_t		step = type == MIXTURE_TIED ? 0 : mixture_factor_count(type, d);
	const double *covariance = parameters->covariances + component * step;
	const double *values = covariance;
	double	   *square = NULL;
	double		least = INFINITY;
	double		most = 0;

	if (type == MIXTURE_SPHERICAL)
		return 1;
	if (type != MIXTURE_DIAG)
	{
		double		scale = 0;

		square = host->allocate(host->context, ((size_t) d * d + 2 * d) * sizeof(double));
		unpack(covariance, d, square);
		host->check_interrupts(host->context);
		for (int j = 0; j < d; j++)
			scale = fmax(scale, covariance[linalg_row(j) + j]);
		for (size_t i = 0; i < (size_t) d * d; i++)
			square[i] /= scale;
		values = square + (size_t) d * d;
		if (!linalg_eigenvalues(square, square + (size_t) d * d,
								square + (size_t) d * d + d, d, host))
			values = NULL;
	}
	for (int j = 0; values != NULL && j < d; j++)
	{
		least = fmin(least, values[j]);
		most = fmax(most, values[j]);
	}
	if (square != NULL)
		host->release(host->context, square);
	return least >= most * DBL_EPSILON && values != NULL ? most / least : 1 / DBL_EPSILON;
}
