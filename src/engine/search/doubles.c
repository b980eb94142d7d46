/*
 * doubles.c
 *	  Starts in which the components of an end, merged to half as many, are cut in two
 *	  along one line: where all share a covariance.
 *
 * Pairs of groups that all lie in the same direction, each taken for one group, make the
 * covariance that they share as long as they are apart.  Then nothing shows of them in
 * any component by itself, and no cut of a single one gains, for the others still need the
 * covariance; but all cuts together gain much.  The direction shows in the fourth moments
 * of all rows about their components' means, where these are round together: they are the
 * least where rows are the most like two groups of one size (Tyler, Critchley, Dumbgen and
 * Oja 2009).  Which of the pairs are two is left to merging what loses the least.
 */
#include "engine/search/search.h"

#include <string.h>

#include "engine/core/linalg.h"

/* Dimensions up to which fourth moments are taken, which there have to be rows for */
#define MOST_DIMENSIONS 32

/*
 * The line along which rows are the most like two groups, about the means of the mixture
 * whose rows, by component, these are: *line, d.  Returns false where it is not found.
 */
static bool
find_line(const MixtureParameters *mixture, const ComponentRows *rows, const Sample *sample,
		  double *line, const MixtureHost *host)
{
	int			d = mixture->d;
	size_t		count = linalg_packed_count(d);
	size_t		size = (size_t) d * d;
	double	   *moments = host->allocate(host->context, (size + count + 2 * d) * sizeof(double));
	double	   *factor = moments + size;
	double	   *values = factor + count;
	int			least = 0;
	bool		found;

	memset(moments, 0, size * sizeof(double));
	memcpy(factor, mixture->covariances, count * sizeof(double));
	found = linalg_cholesky(factor, d, host);
	for (int c = 0; c < mixture->k && found; c++)
		for (int64_t i = 0; i < rows[c].n; i++)
		{
			const double *row = sample->rows + rows[c].rows[i] * d;
			double		moment;

			for (int j = 0; j < d; j++)
				line[j] = row[j] - mixture->means[(size_t) c * d + j];
			linalg_solve_lower(factor, line, d);
			moment = rows[c].shares[i] * linalg_dot(line, line, d);
			for (int j = 0; j < d; j++)
				linalg_add_multiple(moments + (size_t) j * d, moment * line[j], line, j + 1);
			host->check_interrupts(host->context);
		}
	found = found && linalg_eigen(moments, values, values + d, d, host);
	for (int e = 1; e < d && found; e++)
		if (values[e] < values[least])
			least = e;
	if (found)
	{
		memcpy(line, moments + (size_t) least * d, d * sizeof(double));
		linalg_solve_transposed(factor, line, d);
	}
	host->release(host->context, moments);
	return found;
}

/* Cut every component of a mixture in two at its mean: *halves, twice as many. */
static void
cut_all(const MixtureParameters *mixture, const ComponentRows *rows, const Sample *sample,
		const double *line, const MixtureBounds *bounds, MixtureParameters *halves,
		const MixtureHost *host)
{
	int			d = mixture->d;
	MixtureStats *stats = mixture_allocate_stats(MIXTURE_TIED, halves->k, d, host);
	double	   *work = host->allocate(host->context, d * sizeof(double));
	MixtureParameters twice;

	mixture_clear_stats(stats);
	mixture_allocate_parameters(&twice, MIXTURE_TIED, halves->k, d, host);
	memcpy(twice.covariances, mixture->covariances, linalg_packed_count(d) * sizeof(double));
	for (int half = 0; half < halves->k; half++)
	{
		twice.weights[half] = mixture->weights[half / 2] / 2;
		components_copy(mixture, half / 2, &twice, half);
	}
	for (int c = 0; c < mixture->k; c++)
	{
		double		middle = linalg_dot(line, mixture->means + (size_t) c * d, d);

		for (int64_t i = 0; i < rows[c].n; i++)
		{
			const double *row = sample->rows + rows[c].rows[i] * d;

			mixture_add_row(stats, 2 * c + (linalg_dot(line, row, d) > middle), rows[c].shares[i],
							row, &twice, work);
			host->check_interrupts(host->context);
		}
	}
	mixture_maximize(stats, &twice, bounds, halves, host);
	mixture_release_parameters(&twice, host);
	host->release(host->context, work);
	mixture_release_stats(stats, host);
}

/*
 * Whether a start is made of an end of the family tied: *to, a mixture of its shape, then
 * is where EM is to begin, among the rows of the sample.
 */
bool
doubles_make(const MixtureParameters *end, const Sample *sample, const MixtureBounds *bounds,
			 MixtureParameters *to, const MixtureHost *host)
{
	int			d = end->d;
	MixtureParameters mixture;
	MixtureParameters halves;
	MixturePrepared *prepared;
	MixtureError error;
	bool		made = false;

	if (d == 1 || d > MOST_DIMENSIONS || end->k <= 2)
		return false;
	mixture_allocate_parameters(&mixture, MIXTURE_TIED, end->k, d, host);
	mixture_copy_parameters(&mixture, end);
	components_agglomerate(&mixture, 0, (end->k + 1) / 2, host);
	mixture_allocate_parameters(&halves, MIXTURE_TIED, 2 * mixture.k, d, host);
	prepared = mixture_prepare_blocks(&mixture, NULL, host, &error);
	if (prepared != NULL)
	{
		ComponentRows *rows = local_rows(prepared, sample, host);
		double	   *line = host->allocate(host->context, d * sizeof(double));

		made = find_line(&mixture, rows, sample, line, host);
		if (made)
		{
			cut_all(&mixture, rows, sample, line, bounds, &halves, host);
			components_agglomerate(&halves, 0, end->k, host);
			mixture_copy_parameters(to, &halves);
		}
		host->release(host->context, line);
		local_release(rows, mixture.k, host);
		mixture_release_prepared(prepared, host);
	}
	mixture_release_parameters(&halves, host);
	mixture_release_parameters(&mixture, host);
	return made;
}
