/*
 * draw.c
 *	  Rows drawn from a mixture.
 *
 * Row i is a function of the seed and of i alone: each deviate is a hash of
 * both and of the dimension, put through the quantile function.  So a row
 * costs the same wherever one begins, and the same call draws the same rows
 * on every machine, to the rounding of its multiplications.
 */
#include "engine/core/core.h"

#include <math.h>
#include <string.h>

#include "engine/core/linalg.h"
#include "engine/core/random.h"
#include "engine/core/special.h"

/* Keeps what is drawn apart from a fit's choices with the same seed. */
#define DRAW_STREAM UINT64_C(0x64726177)

struct MixtureDrawing
{
	int			k;
	int			d;
	MixtureCovarianceType covariance_type;
	double		noise;			/* the share of rows that is */
	double	   *box;			/* 2 d: where these are */
	size_t		factor_count;
	double	   *cumulative;		/* k: the weights' sums up to each component */
	double	   *means;			/* k x d */
	double	   *factors;		/* as covariances: lower Cholesky factors or
								 * standard deviations */
};

/*
 * Make ready to draw from a mixture, in one piece of the host's memory, which
 * keeps nothing of the parameters.  NULL where a covariance is not positive
 * definite, with the component in error.
 */
MixtureDrawing *
mixture_drawing_create(const MixtureParameters *parameters,
					   const MixtureHost *host, MixtureError *error)
{
	MixtureCovarianceType type = parameters->covariance_type;
	int			k = parameters->k;
	int			d = parameters->d;
	size_t		n_means = (size_t) k * d;
	size_t		n_factors = mixture_covariance_count(type, k, d);
	MixtureDrawing *drawing = host->allocate(host->context, sizeof(MixtureDrawing) +
											 (k + n_means + n_factors + 2 * (size_t) d) *
											 sizeof(double));
	double		sum = 0;

	drawing->k = k;
	drawing->d = d;
	drawing->covariance_type = type;
	drawing->factor_count = mixture_factor_count(type, d);
	drawing->cumulative = (double *) (drawing + 1);
	drawing->means = drawing->cumulative + k;
	drawing->factors = drawing->means + n_means;
	drawing->box = drawing->factors + n_factors;
	drawing->noise = parameters->noise_weight;
	if (parameters->noise_box != NULL)
		memcpy(drawing->box, parameters->noise_box, 2 * (size_t) d * sizeof(double));

	for (int c = 0; c < k; c++)
		drawing->cumulative[c] = sum += parameters->weights[c];
	memcpy(drawing->means, parameters->means, n_means * sizeof(double));
	host->check_interrupts(host->context);
	memcpy(drawing->factors, parameters->covariances, n_factors * sizeof(double));
	host->check_interrupts(host->context);
	if (type == MIXTURE_DIAG || type == MIXTURE_SPHERICAL)
		for (size_t i = 0; i < n_factors; i++)
			drawing->factors[i] = sqrt(drawing->factors[i]);
	else
		for (int c = 0; c < (type == MIXTURE_TIED ? 1 : k); c++)
			if (!linalg_cholesky(drawing->factors + c * drawing->factor_count, d, host))
			{
				error->component = c;
				host->release(host->context, drawing);
				return NULL;
			}
	return drawing;
}

/*
 * The first component up to which the weights sum to more than u, which one of
 * weight 0 never is; not even where u has been rounded up to all of the sum.
 */
static int
choose_component(const MixtureDrawing *drawing, double u)
{
	int			low = 0;
	int			high = drawing->k - 1;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (drawing->cumulative[middle] > u)
			high = middle;
		else
			low = middle + 1;
	}
	while (low > 0 && drawing->cumulative[low] == drawing->cumulative[low - 1])
		low--;
	return low;
}

/* Draw a row of noise, by this hash. */
static void
draw_noise(const MixtureDrawing *drawing, uint64_t hash, double *row)
{
	for (int j = 0; j < drawing->d; j++)
	{
		double		u = random_unit(random_combine(hash, (uint64_t) j + 1));

		row[j] = (1 - u) * drawing->box[j] + u * drawing->box[drawing->d + j];
	}
}

/*
 * Draw row `number` of those that the seed has: its d features are written to
 * row.  Returns its component, from 0; -1 if it is noise.
 */
int
mixture_draw_row(const MixtureDrawing *drawing, uint64_t seed, int64_t number,
				 double *row)
{
	uint64_t	hash = random_combine(random_combine(DRAW_STREAM, seed), (uint64_t) number);
	int			d = drawing->d;
	MixtureCovarianceType type = drawing->covariance_type;
	double		sum = drawing->cumulative[drawing->k - 1];
	double		u = random_unit(random_combine(hash, 0));
	const double *mean;
	const double *factor = drawing->factors;
	int			component;

	if (u < drawing->noise)
	{
		draw_noise(drawing, hash, row);
		return -1;
	}
	component = choose_component(drawing, (u - drawing->noise) / (1 - drawing->noise) * sum);
	mean = drawing->means + (size_t) component * d;
	if (type != MIXTURE_TIED)
		factor += component * drawing->factor_count;
	for (int j = 0; j < d; j++)
		row[j] = special_normal_quantile(random_unit(random_combine(hash, (uint64_t) j + 1)));

	/* The last first, since each takes the deviates up to its own. */
	for (int j = d - 1; j >= 0; j--)
	{
		double		deviation = 0;

		if (mixture_has_matrix(type))
			for (int l = 0; l <= j; l++)
				deviation += factor[linalg_row(j) + l] * row[l];
		else
			deviation = factor[type == MIXTURE_DIAG ? j : 0] * row[j];
		row[j] = mean[j] + deviation;
	}
	return component;
}
