/*
 * whole.c
 *	  Passes of a family whose components share a covariance, without what is the
 *	  same in all of them.
 *
 * Let T be the sum over all rows of (x - o)(x - o)^T, about some point o.  It does
 * not change from pass to pass, and what a pass is to find follows from it and from the
 * sums n and f = sum of r (x - o) of each component, whose mean is at a from o:
 *
 *		sum of r (x - m)(x - m)^T over rows and components  =
 *			T - sum over components of  f a^T + a f^T - n a a^T
 *
 * Nor do responsibilities need (x - o)^T P (x - o), P being the inverse of the
 * covariance, as that is the same for all components; the log-likelihood needs its sum
 * over the rows, which is that of the elements of P times those of T.  So no row is
 * multiplied with a matrix, neither with the covariance's factor nor with itself: a
 * row costs 2 k d multiplications instead of d (d + 1) and 3 k d.
 *
 * T is larger than what is left of it where components are apart, so that this loses
 * digits: not where they are too far apart, nor where a feature is nearly a sum of
 * others, as prepare_linear() sees to.  T is found from the first pass, which is made as
 * any other.
 */
#include "engine/em/em_private.h"

#include <string.h>

#include "engine/core/linalg.h"

struct EmWhole
{
	bool		found;			/* what follows is known */
	bool		useless;		/* it is not positive definite */
	double	   *origin;			/* d: o */
	double	   *variances;		/* d: mean squares about it */
	double	   *scatter;		/* packed: T */
	double	   *rows;			/* d rows of d features whose scatter about 0 is T, in
								 * blocks of MIXTURE_BLOCK_ROWS */
	double	   *zero;			/* d */
	MixtureParameters origins;	/* k means, all at the origin; no more */
	MixturePrepared *prepared;	/* for the pass */
	KernelWork	work;			/* for rows */
};

/* Doubles of `rows`. */
static size_t
rows_count(int d)
{
	return (size_t) d * ((d + MIXTURE_LANES - 1) / MIXTURE_LANES * MIXTURE_LANES);
}

EmWhole *
whole_create(int k, int d, const MixtureHost *host)
{
	EmWhole    *whole = host->allocate(host->context, sizeof(EmWhole));
	size_t		matrix = linalg_packed_count(d);
	double	   *values = host->allocate(host->context, (matrix + rows_count(d) +
														((size_t) k + 3) * d) * sizeof(double));

	memset(whole, 0, sizeof(EmWhole));
	whole->rows = values;
	whole->scatter = values + rows_count(d);
	whole->origin = whole->scatter + matrix;
	whole->variances = whole->origin + d;
	whole->zero = whole->variances + d;
	whole->origins.means = whole->zero + d;
	memset(whole->zero, 0, d * sizeof(double));
	kernels_allocate_work(&whole->work, MIXTURE_TIED, 1, d, host);
	return whole;
}

void
whole_release(EmWhole *whole, const MixtureHost *host)
{
	kernels_release_work(&whole->work, host);
	mixture_release_prepared(whole->prepared, host);
	host->release(host->context, whole->rows);
	host->release(host->context, whole);
}

/* Whether a pass finds, or goes by, what is the same in all of them. */
static bool
is_about_whole(const EmWhole *whole, const MixturePass *pass)
{
	return pass->m_step && pass->parameters->noise_box == NULL && !whole->useless;
}

/* Prepare a pass, of which much need not be done if the whole is known. */
void
whole_prepare(EmWhole *whole, MixturePass *pass, const MixtureHost *host)
{
	MixtureError error;
	MixturePrepared *prepared = mixture_prepare_blocks(pass->parameters, whole->prepared, host,
													   &error);

	/* whoever makes the pass finds the same, and says so */
	if (prepared == NULL)
		return;
	whole->prepared = prepared;
	pass->prepared = prepared;
	if (is_about_whole(whole, pass) && whole->found &&
		prepare_linear(prepared, whole->origin, whole->variances, host))
	{
		pass->origin = whole->origin;
		pass->variances = whole->variances;
	}
}

/* The mean of all rows, from sums about the means of parameters. */
static void
find_origin(EmWhole *whole, const MixtureParameters *parameters, const MixtureStats *stats)
{
	int			d = stats->d;

	for (int j = 0; j < d; j++)
	{
		double		base = parameters->means[j];
		double		sum = 0;

		for (int c = 0; c < stats->k; c++)
			sum += stats->component_weights[c] * (parameters->means[(size_t) c * d + j] - base) +
				stats->firsts[(size_t) c * d + j];
		whole->origin[j] = base + sum / *stats->sum_weights;
	}
	for (int c = 0; c < stats->k; c++)
		memcpy(whole->origins.means + (size_t) c * d, whole->origin, d * sizeof(double));
}

/* Write the columns of a packed lower triangle as rows of blocks. */
static void
make_rows(const double *lower, int d, double *rows, const MixtureHost *host)
{
	for (int first = 0; first < d; first += MIXTURE_BLOCK_ROWS)
	{
		int			n = d - first < MIXTURE_BLOCK_ROWS ? d - first : MIXTURE_BLOCK_ROWS;
		int			stride = (n + MIXTURE_LANES - 1) / MIXTURE_LANES * MIXTURE_LANES;

		for (int j = 0; j < d; j++, rows += stride)
		{
			for (int i = 0; i < stride; i++)
				rows[i] = first + i <= j ? lower[linalg_row(j) + first + i] : 0;
			host->check_interrupts(host->context);
		}
	}
}

/* Find the whole from the sums of a pass, which stay as they are. */
static void
find_whole(EmWhole *whole, const MixtureParameters *parameters, const MixtureStats *stats,
		   const MixtureHost *host)
{
	int			d = stats->d;
	size_t		matrix = linalg_packed_count(d);
	MixtureStats *all = mixture_allocate_stats(MIXTURE_TIED, stats->k, d, host);

	whole->found = true;
	whole->useless = true;
	find_origin(whole, parameters, stats);
	mixture_add_sums(all->sum_weights, stats->sum_weights, stats->n_values);
	mixture_stats_rebase(all, parameters, &whole->origins, host);
	memcpy(whole->scatter, all->seconds, matrix * sizeof(double));
	for (int j = 0; j < d; j++)
		whole->variances[j] = whole->scatter[linalg_row(j) + j] / *stats->sum_weights;
	if (linalg_cholesky(all->seconds, d, host))
	{
		make_rows(all->seconds, d, whole->rows, host);
		whole->useless = false;
	}
	mixture_release_stats(all, host);
}

/*
 * Minus half the sum over all rows of (x - o)^T P (x - o).
 */
static double
common_log_density(EmWhole *whole, const MixtureHost *host)
{
	int			d = whole->prepared->d;
	double		none = 0;
	double		sum = 0;
	const double *features = whole->rows;
	MixturePrepared single = *whole->prepared;

	single.k = 1;
	single.log_constants = &none;
	single.means = whole->zero;
	single.linear = NULL;
	for (int first = 0; first < d; first += MIXTURE_BLOCK_ROWS)
	{
		int			n = d - first < MIXTURE_BLOCK_ROWS ? d - first : MIXTURE_BLOCK_ROWS;
		int			stride = (n + MIXTURE_LANES - 1) / MIXTURE_LANES * MIXTURE_LANES;
		const MixtureBlock block = {.n_rows = n,.stride = stride,.features = features};
		const double *densities = kernels_roots(&whole->work, 0);

		kernels_current()->densities(&single, 0, &block, &whole->work, host);
		for (int i = 0; i < n; i++)
			sum += densities[i];
		features += (size_t) d * stride;
	}
	return sum;
}

/*
 * Complete the sums of a pass that was made with the whole, or find that from a pass
 * that was not.  The squares of log densities are then not known.
 */
void
whole_complete(EmWhole *whole, const MixturePass *pass, MixtureStats *stats,
			   const MixtureHost *host)
{
	if (pass->origin == NULL)
	{
		if (!whole->found && is_about_whole(whole, pass))
			find_whole(whole, pass->parameters, stats, host);
		return;
	}
	*stats->log_likelihood += common_log_density(whole, host);
	*stats->log_density_squares = NAN;
	memcpy(stats->seconds, whole->scatter, linalg_packed_count(stats->d) * sizeof(double));
	mixture_stats_rebase(stats, &whole->origins, pass->parameters, host);
}
