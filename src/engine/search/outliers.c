/*
 * outliers.c
 *	  Few rows far from all others: a component of their own, or not.
 *
 * A single row that is far enough from the others is worth more to the
 * likelihood than a whole group: two groups share a component, and the row has
 * one to itself.  That is right where the groups do not need it, and wrong where
 * they do.  So the search is made once more among the other rows alone.  If all
 * components together explain these better than those that the far rows had
 * left them, by more than a component costs, that is the mixture, and the far
 * rows are put into it by EM among all.
 */
#include "engine/search/search.h"

#include <string.h>

/* Rows for each component that there have to be left, so that starts find seeds */
#define LEAST_LEFT 4

/*
 * Give the rows that are mostly a component of few rows no weight in a copy of
 * the sample.  Returns false where there are none.
 */
static bool
set_aside(const Search *search, Sample *rest)
{
	const MixtureHost *host = search->host;
	const Sample *sample = search->sample;
	int64_t		padded = sample_padded(sample->n_rows);
	bool		found = false;
	int64_t		n_left = 0;
	MixtureError error;
	MixturePrepared *prepared = mixture_prepare_blocks(&search->best.parameters, NULL, host,
													   &error);
	ComponentRows *rows;

	*rest = *sample;
	rest->weights = host->allocate(host->context, sample->n_rows * sizeof(double));
	rest->blocks.weights = host->allocate(host->context, padded * sizeof(double));
	memcpy(rest->weights, sample->weights, sample->n_rows * sizeof(double));
	memcpy(rest->blocks.weights, sample->blocks.weights, padded * sizeof(double));
	sample_source(&rest->blocks, &rest->source);
	if (prepared == NULL)
		return false;
	rows = local_rows(prepared, sample, host);
	for (int c = 0; c < search->k; c++)
		for (int64_t i = 0; i < rows[c].n && search->suspicions[c] == MIXTURE_FEW_ROWS; i++)
			if (2 * rows[c].shares[i] > sample->weights[rows[c].rows[i]])
			{
				rest->weights[rows[c].rows[i]] = rest->blocks.weights[rows[c].rows[i]] = 0;
				found = true;
			}
	local_release(rows, search->k, host);
	mixture_release_prepared(prepared, host);
	for (int64_t i = 0; i < sample->n_rows; i++)
		n_left += rest->weights[i] > 0;
	return found && n_left >= (int64_t) LEAST_LEFT * search->k;
}

/*
 * Search among the rows that are not set aside.  Returns whether what is found,
 * into *found, is worth more to these than the best of all rows is, by more
 * than n_few components cost.
 */
static bool
search_rest(const Search *search, const Sample *rest, int n_few, MixtureParameters *found,
			int *n_best)
{
	/* its starts are counted from the first again, which nobody is to see */
	MixtureHost quiet = *search->host;
	Search		again;
	MixtureError error;
	bool		worth = false;

	quiet.report = NULL;
	quiet.progress = NULL;
	search_begin(&again, search->scales, rest, search->k, search->options, &quiet);
	if (search_starts(&again, &error) == MIXTURE_OK && again.best.n_artefacts == 0)
	{
		double		high = again.best.outcome.log_likelihood;
		double		price = n_few * search_suspect_price(&again, &again.best);

		worth = em_pass(&again.em, &search->best.parameters, false, &error) == MIXTURE_OK &&
			high > *again.em.stats->log_likelihood + price;
		mixture_copy_parameters(found, &again.best.parameters);
		*n_best = again.n_best;
	}
	search_end(&again);
	return worth;
}

/*
 * Where the best has components of few rows, try to do without: see above.  The
 * sample has no row of which a feature is missing.  Where rows are known to be of a
 * component it stays what they say.
 */
void
outliers_absorb(Search *search)
{
	const MixtureHost *host = search->host;
	Sample		rest;
	MixtureParameters found;
	int			n_few = 0;
	int			n_best;

	if (search->best.n_artefacts == 0 || search->scales->range.n_incomplete > 0 ||
		search->labels != NULL)
		return;
	search_judge(search, &search->best);
	for (int c = 0; c < search->k; c++)
		n_few += search->suspicions[c] == MIXTURE_FEW_ROWS;
	if (n_few == 0)
		return;
	mixture_allocate_parameters(&found, search->options->covariance_type, search->k, search->d,
								host);
	if (set_aside(search, &rest) && search_rest(search, &rest, n_few, &found, &n_best))
		search_put(search, &found, n_best);
	host->release(host->context, rest.blocks.weights);
	host->release(host->context, rest.weights);
	mixture_release_parameters(&found, host);
}
