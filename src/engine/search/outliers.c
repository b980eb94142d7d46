/*
 * outliers.c
 *	  Few rows far from all others: a component of their own, or not.
 *
 * A single row that is far enough from the others is worth more to the
 * likelihood than a whole group: two groups share a component, and the row has
 * one to itself.  That is right where the groups do not need it, and wrong where
 * they do.  Where the row has none, the component that it is in is so wide that
 * nothing can be told from it any more.  And wherever it is, starts look for
 * groups in coordinates that are those of the row.
 *
 * So the search is made once more among the other rows alone, for all components, and
 * the far rows are put into what it finds by EM among all, if that explains the other
 * rows better than the best of all rows does, by more than what a component costs for
 * each that the far rows have to themselves.
 *
 * Of several far rows in a component none need make it what it is, as the others do as
 * well.  So what the sample knows to be far from all but a few (sample.c) is one, too.
 */
#include "engine/search/search.h"

#include <math.h>
#include <string.h>

/* Rows for each component that there have to be left, so that starts find seeds */
#define LEAST_LEFT 4

/* Share of a component's variance in some direction that is of one far row, at least */
#define FAR_SHARE 0.99

/* Rows that a component has beside it, in units of what it has to have */
#define BESIDE_FAR 4

/* What is set aside. */
typedef struct Aside
{
	Sample		rest;			/* the sample, in which these rows have no weight */
	int64_t		n_left;			/* rows that have one */
	int			n;				/* components that are about rows set aside */
} Aside;

/* Leave the largest log densities of a block's rows; see LocalVisit. */
static void
note_largest(void *context, int64_t first, const MixtureBlock *block, const KernelWork *work)
{
	memcpy((double *) context + first, work->largest, block->n_rows * sizeof(double));
}

/*
 * The share that a row has of the variance of component c, of so many rows, in the
 * direction in which that is the most.  square: its squared distance, where the family
 * has matrices.
 */
static double
row_share(const MixtureParameters *parameters, int c, const double *row, double square,
		  double weight, double n, double sum_weights)
{
	MixtureCovarianceType type = parameters->covariance_type;
	int			d = parameters->d;
	size_t		count = mixture_factor_count(type, d);
	double		most = mixture_has_matrix(type) ? square : 0;

	for (int j = 0; j < d && !mixture_has_matrix(type); j++)
	{
		double		apart = row[j] - parameters->means[(size_t) c * d + j];
		double		own = apart * apart /
			parameters->covariances[c * count + mixture_variance_place(type, j)];

		most = type == MIXTURE_DIAG ? fmax(most, own) : most + own / d;
	}
	return weight * n / (n - weight) / (type == MIXTURE_TIED ? sum_weights : n) * most;
}

/*
 * The row of component c, of its rows, that makes it what it is; -1: none does.
 * largest: where the family has matrices, the largest log density of each row, which of
 * one that is mostly this component's is the component's own, and tells the distance.
 */
static int64_t
find_far(const Search *search, const MixturePrepared *prepared, const ComponentRows *of, int c,
		 const double *largest)
{
	const Sample *sample = search->sample;
	const Candidate *best = &search->best;
	double		most = FAR_SHARE;
	double		least = BESIDE_FAR * judge_least_rows(search->options->covariance_type, search->d);
	int64_t		far = -1;

	for (int64_t i = 0; i < of->n; i++)
	{
		int64_t		row = of->rows[i];
		double		share;

		if (of->n < least || 2 * of->shares[i] < sample->weights[row] ||
			2 * of->shares[i] > of->sum)
			continue;
		share = row_share(&best->parameters, c, sample->rows + row * search->d,
						  largest != NULL ? 2 * (prepared->log_constants[c] - largest[row]) : 0,
						  of->shares[i], of->sum, best->outcome.sum_weights);
		if (share > most)
		{
			most = share;
			far = row;
		}
		if (i % MIXTURE_BLOCK_ROWS == 0)
			search->host->check_interrupts(search->host->context);
	}
	return far;
}

/* Give a row no weight in the copy of the sample. */
static void
clear_row(Aside *aside, int64_t row)
{
	aside->n_left -= aside->rest.weights[row] > 0;
	aside->rest.weights[row] = 0;
}

/*
 * How many of a component's rows, its first, are far from all but a few; none unless it
 * has enough others.
 */
static int64_t
count_far(const Search *search, const ComponentRows *of)
{
	double		least = BESIDE_FAR * judge_least_rows(search->options->covariance_type, search->d);
	double		sum = 0;
	int64_t		n = 0;

	while (n < of->n && of->rows[n] < search->sample->n_far)
		sum += of->shares[n++];
	return of->n - n >= least && 2 * sum <= of->sum ? n : 0;
}

/*
 * Take the weight from the rows that are mostly a component of few rows, and from those
 * that make a component wide; prepared: the best.
 */
static void
clear_rows(const Search *search, const MixturePrepared *prepared, Aside *aside)
{
	const MixtureHost *host = search->host;
	const Sample *sample = search->sample;
	ComponentRows *rows = local_rows(prepared, sample, host);
	double	   *largest = NULL;

	if (mixture_has_matrix(search->options->covariance_type))
	{
		largest = host->allocate(host->context, sample->n_rows * sizeof(double));
		local_visit(prepared, sample, note_largest, largest, host);
	}
	for (int c = 0; c < search->k; c++)
	{
		bool		few = search->suspicions[c] == MIXTURE_FEW_ROWS;
		int64_t		far = few ? -1 : find_far(search, prepared, &rows[c], c, largest);
		int64_t		n = few ? rows[c].n : count_far(search, &rows[c]);

		for (int64_t i = 0; i < n; i++)
			if (2 * rows[c].shares[i] > sample->weights[rows[c].rows[i]])
				clear_row(aside, rows[c].rows[i]);
		if (far >= 0)
			clear_row(aside, far);
		aside->n += few || far >= 0 || n > 0;
	}
	local_release(rows, search->k, host);
	if (largest != NULL)
		host->release(host->context, largest);
}

/* Set aside the rows that are to be: none where the best is no mixture to score rows with. */
static void
set_aside(const Search *search, Aside *aside)
{
	const MixtureHost *host = search->host;
	const Sample *sample = search->sample;
	const MixtureParameters *best = &search->best.parameters;
	MixtureError error;
	MixturePrepared *prepared = mixture_prepare_blocks(best, NULL, host, &error);

	sample_reweigh(sample, &aside->rest, host);
	aside->n_left = sample->n_rows;
	aside->n = 0;
	if (prepared != NULL)
		clear_rows(search, prepared, aside);
	mixture_release_prepared(prepared, host);
}

/*
 * Search among the rows that are not set aside, and take what is found there if it is
 * better: see above.
 */
static void
try_without(Search *search, const Aside *aside)
{
	/* its starts are counted from the first again, which nobody is to see */
	MixtureHost quiet = *search->host;
	double		price = aside->n * search_suspect_price(search, &search->best);
	Search		again;
	MixtureError error;

	quiet.report = NULL;
	quiet.progress = NULL;
	search_begin(&again, search->scales, &aside->rest, search->k, search->options, &quiet);
	if (search_starts(&again, &error) == MIXTURE_OK && again.best.n_artefacts == 0 &&
		em_pass(&again.em, &search->best.parameters, false, &error) == MIXTURE_OK &&
		again.best.outcome.log_likelihood > *again.em.stats->log_likelihood + price)
		search_put(search, &again.best.parameters, again.n_best);
	search_end(&again);
}

/*
 * Where the best has components of few rows, or wide ones because of a single row, look
 * for a better one: see above.  The sample has no row of which a feature is missing.  Where
 * rows are known to be of a component, or components to have covariances like others, or
 * there is noise for such rows, it stays what it is.
 */
void
outliers_absorb(Search *search)
{
	const MixtureHost *host = search->host;
	Aside		aside;

	if (search->scales->range.n_incomplete > 0 || search->labels != NULL ||
		search->prior != NULL || search->options->noise)
		return;
	search_judge(search, &search->best);
	set_aside(search, &aside);
	if (aside.n > 0 && aside.n_left >= (int64_t) LEAST_LEFT * search->k)
		try_without(search, &aside);
	host->release(host->context, aside.rest.weights);
}
