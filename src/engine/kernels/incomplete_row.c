/*
 * incomplete_row.c
 *	  Single rows of which features are missing: a model made ready for them, and
 *	  what is known of a row once its equations are solved.
 *
 * A row is solved by itself, in the way of missing.c, for all components at a time,
 * whatever its pattern is; nothing is kept from one row to the next.  So what comes
 * out is a function of the model and the row alone, to the bit, and a row costs about
 * as much as a complete one, though each has a pattern of its own.
 *
 * Where that would lose digits, or a squared distance is out of range, the caller
 * prepares the marginal mixture of what was observed, which has no such limits.
 */
#include "engine/kernels/missing_private.h"

#include <math.h>
#include <string.h>

/* Most features that equations are solved for, as of any row */
static int
most_solved(int d)
{
	return d / 2 < MISSING_MOST_SOLVED ? d / 2 : MISSING_MOST_SOLVED;
}

/* A component's values in what is interleaved, from place `index` of a group on. */
static inline double *
lane_of(const MixturePrepared *prepared, double *values, size_t step, int c, size_t index)
{
	size_t		lanes = prepared->covariance_type == MIXTURE_TIED ? 1 : prepared->lanes;

	return values + c / prepared->lanes * step + index * lanes + c % lanes;
}

/* Doubles of both: the matrix and two vectors. */
static size_t
matrix_values(const MixturePrepared *prepared)
{
	return (prepared->covariance_type == MIXTURE_TIED ? 1 :
			(size_t) prepared->n_groups * prepared->lanes) * linalg_packed_count(prepared->d);
}

static size_t
vector_values(const MixturePrepared *prepared)
{
	return (prepared->covariance_type == MIXTURE_TIED ? 1 :
			(size_t) prepared->n_groups * prepared->lanes) * prepared->d;
}

/* Fill a component's part of a side from its packed matrix; sign as in missing_sides.c. */
static void
fill_lane(const MixtureIncomplete *incomplete, int c, const double *packed, int sign,
		  const MixtureHost *host)
{
	const MixturePrepared *prepared = incomplete->prepared;
	const IncompleteSide *side = &incomplete->sides[sign < 0];
	size_t		step = incomplete->scale_step;

	for (int i = 0; i < prepared->d; i++)
	{
		const double *row = packed + linalg_row(i);
		double		root = sqrt(row[i]);

		*lane_of(prepared, side->scales, step, c, i) = 1 / root;
		*lane_of(prepared, side->constants, step, c, i) = sign * HALF_LOG_TWO_PI - log(root);
		for (int j = 0; j <= i; j++)
			*lane_of(prepared, side->matrix, incomplete->matrix_step, c, linalg_row(i) + j) =
				row[j] / root * *lane_of(prepared, side->scales, step, c, j);
		host->check_interrupts(host->context);
	}
}

/* The component whose values a lane has: those beyond the last are as that is. */
static int
lane_source(const MixturePrepared *prepared, int c)
{
	return c < prepared->k ? c : prepared->k - 1;
}

/* How many lanes have a matrix of their own. */
static int
n_lanes(const MixturePrepared *prepared)
{
	return prepared->covariance_type == MIXTURE_TIED ? 1 : prepared->n_groups * prepared->lanes;
}

/* The precision matrices, and whether any is not to be used. */
static void
fill_precisions(MixtureIncomplete *incomplete, const MixtureParameters *parameters,
				const MixtureHost *host)
{
	MixturePrepared *prepared = (MixturePrepared *) incomplete->prepared;
	size_t		count = linalg_packed_count(prepared->d);
	double	   *factor = host->allocate(host->context, 2 * count * sizeof(double));
	double	   *precision = factor + count;

	for (int c = 0; c < n_lanes(prepared); c++)
	{
		for (size_t i = 0; i < count; i++)
			factor[i] = *lane_of(prepared, prepared->precision_cholesky, prepared->factor_step,
								 c, i);
		linalg_multiply_transposed(factor, precision, prepared->d, host);
		fill_lane(incomplete, c, precision, 1, host);
		if (missing_is_doubtful(precision, parameters->covariances +
								lane_source(prepared, c) * count, prepared->d))
			incomplete->doubtful = true;
	}
	host->release(host->context, factor);
}

/* What features add of which families without matrices know no more. */
static void
fill_constants(const MixtureIncomplete *incomplete)
{
	const MixturePrepared *prepared = incomplete->prepared;
	size_t		n = (size_t) prepared->n_groups * prepared->lanes * prepared->factor_count;

	for (size_t i = 0; i < n; i++)
		incomplete->sides[0].constants[i] = HALF_LOG_TWO_PI -
			log(prepared->precision_cholesky[i]);
}

/*
 * Make more of a model that was prepared for single rows, which has to stay: one
 * piece of the host's memory, mixture_incomplete_size() bytes.
 */
MixtureIncomplete *
mixture_incomplete_create(const MixtureParameters *parameters, const MixturePrepared *prepared,
						  const MixtureHost *host)
{
	bool		matrix = mixture_has_matrix(prepared->covariance_type);
	size_t		d = prepared->d;
	size_t		lanes = (size_t) prepared->n_groups * prepared->lanes;
	size_t		n_matrix = matrix ? matrix_values(prepared) : 0;
	size_t		n_vector = matrix ? vector_values(prepared) : 0;
	size_t		n_constants = matrix ? n_vector : lanes * prepared->factor_count;
	size_t		size = sizeof(MixtureIncomplete) + sizeof(MixturePrepared) +
		(n_matrix + n_vector + n_constants + 2 * lanes + 2 * d) * sizeof(double);
	MixtureIncomplete *incomplete = host->allocate(host->context, size);
	double	   *memory;

	memset(incomplete, 0, sizeof(MixtureIncomplete));
	incomplete->prepared = prepared;
	incomplete->size = size;
	incomplete->matrix_step = prepared->factor_step;
	incomplete->scale_step = prepared->covariance_type == MIXTURE_TIED ? 0 : d * prepared->lanes;
	incomplete->row = (MixturePrepared *) (incomplete + 1);
	memory = (double *) (incomplete->row + 1);
	incomplete->log_constants = memory;
	incomplete->squares = memory + lanes;
	incomplete->sides[0].base = prepared->log_constants;
	incomplete->sides[0].matrix = memory + 2 * lanes;
	incomplete->sides[0].scales = incomplete->sides[0].matrix + n_matrix;
	incomplete->sides[0].constants = incomplete->sides[0].scales + n_vector;
	*incomplete->row = *prepared;
	incomplete->row->means = incomplete->row->precision_cholesky = NULL;
	incomplete->row->log_constants = incomplete->log_constants;
	incomplete->row->squares = incomplete->squares;
	incomplete->extents = incomplete->sides[0].constants + n_constants;
	incomplete->middles = incomplete->extents + d;
	for (size_t j = 0; j < d && prepared->noise; j++)
	{
		incomplete->extents[j] = log(parameters->noise_box[d + j] - parameters->noise_box[j]);
		incomplete->middles[j] = mixture_noise_mean(parameters, (int) j);
	}
	if (matrix)
		fill_precisions(incomplete, parameters, host);
	else
		fill_constants(incomplete);
	return incomplete;
}

/* Whether rows of so many observed features need mixture_incomplete_extend() first. */
bool
mixture_incomplete_needs(const MixtureIncomplete *incomplete, int n_observed)
{
	const MixturePrepared *prepared = incomplete->prepared;

	return mixture_has_matrix(prepared->covariance_type) &&
		incomplete_covariance_side(prepared->d, n_observed) && incomplete->sides[1].base == NULL;
}

/* Make the side of the covariances, too.  Returns the bytes it takes, one piece. */
size_t
mixture_incomplete_extend(MixtureIncomplete *incomplete, const MixtureParameters *parameters,
						  const MixtureHost *host)
{
	const MixturePrepared *prepared = incomplete->prepared;
	size_t		lanes = (size_t) prepared->n_groups * prepared->lanes;
	size_t		n_vector = vector_values(prepared);
	size_t		size = (lanes + matrix_values(prepared) + 2 * n_vector) * sizeof(double);
	double	   *base = host->allocate(host->context, size);
	IncompleteSide *side = &incomplete->sides[1];

	side->matrix = base + lanes;
	side->scales = side->matrix + matrix_values(prepared);
	side->constants = side->scales + n_vector;
	for (int c = 0; c < n_lanes(prepared); c++)
		fill_lane(incomplete, c, parameters->covariances + lane_source(prepared, c) *
				  linalg_packed_count(prepared->d), -1, host);
	for (size_t c = 0; c < lanes; c++)
		base[c] = c < (size_t) prepared->k ?
			log(parameters->weights[c]) + log1p(-parameters->noise_weight) : -INFINITY;
	side->base = base;
	incomplete->size += size;
	return size;
}

/* Give back what both made. */
void
mixture_incomplete_release(MixtureIncomplete *incomplete, const MixtureHost *host)
{
	if (incomplete->sides[1].base != NULL)
		host->release(host->context, (void *) incomplete->sides[1].base);
	host->release(host->context, incomplete);
}

/* Bytes that it takes, for a cache's accounts. */
size_t
mixture_incomplete_size(const MixtureIncomplete *incomplete)
{
	return incomplete->size;
}

/* Doubles of scratch that rows need. */
size_t
mixture_incomplete_work_size(const MixtureIncomplete *incomplete)
{
	const MixturePrepared *prepared = incomplete->prepared;
	size_t		width = prepared->n_groups < MISSING_MOST_WIDTH ? prepared->n_groups :
		MISSING_MOST_WIDTH;

	if (!mixture_has_matrix(prepared->covariance_type))
		return 0;
	return ((3 * width + MISSING_ROW_GROUPS) * prepared->d +
			width * linalg_packed_count(most_solved(prepared->d))) * prepared->lanes;
}

/* Doubles of what rows are filled with. */
size_t
mixture_incomplete_filled_size(const MixtureIncomplete *incomplete)
{
	const MixturePrepared *prepared = incomplete->prepared;

	return (size_t) prepared->n_groups * prepared->lanes * prepared->d;
}

/*
 * Solve a row.  row: its n_observed values; order: the d features from 0, those
 * observed first, both ascending; work: mixture_incomplete_work_size() doubles;
 * filled: NULL, or mixture_incomplete_filled_size() doubles, into which the missing
 * features given the others in each component, for mixture_incomplete_impute().
 *
 * Returns what the functions that score rows take, for this row only and until the
 * next, or NULL where the row has to be scored by the marginal mixture.
 */
const MixturePrepared *
mixture_incomplete_row(MixtureIncomplete *incomplete, const double *row, const int *order,
					   int n_observed, double *work, double *filled, const MixtureHost *host)
{
	const MixturePrepared *prepared = incomplete->prepared;
	int			d = prepared->d;
	int			n_solved = n_observed < d - n_observed ? n_observed : d - n_observed;

	if (incomplete->doubtful || n_solved > most_solved(d))
		return NULL;
	incomplete->n_observed = n_observed;
	if (!kernels_current()->row_incomplete(incomplete, row, order, work, filled, host))
		return NULL;
	incomplete->row->d = n_observed;
	incomplete->row->log_noise = prepared->log_noise;
	for (int i = n_observed; i < d && prepared->noise; i++)
		incomplete->row->log_noise += incomplete->extents[order[i]];
	return incomplete->row;
}

/*
 * The conditional expectation of the present row's missing features.  shares, noise:
 * what mixture_row_shares() finds for it.  missing: as many doubles.
 */
void
mixture_incomplete_impute(const MixtureIncomplete *incomplete, const int *order,
						  const double *filled, const double *shares, double noise,
						  double *missing)
{
	const MixturePrepared *prepared = incomplete->prepared;
	size_t		lanes = prepared->lanes;
	size_t		n_missing = prepared->d - incomplete->n_observed;

	for (size_t i = 0; i < n_missing; i++)
		missing[i] = noise > 0 ?
			noise * incomplete->middles[order[incomplete->n_observed + i]] : 0;
	for (int c = 0; c < prepared->k; c++)
	{
		double		share = (1 - noise) * shares[c];
		const double *means = filled + c / lanes * n_missing * lanes + c % lanes;

		for (size_t i = 0; i < n_missing && share != 0; i++)
			missing[i] += share * means[i * lanes];
	}
}
