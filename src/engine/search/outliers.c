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
 * So the search is made once more among the other rows alone, for all components.  Of
 * what it finds those components are merged that these rows can do without, for the far
 * ones to have them.  Far rows that get none join what loses the least by it, for EM by
 * itself would give them to the widest; if EM takes them from there, they are tried in one
 * component after the other.  The mixture takes the place of the best if that explains the
 * other rows better, by more than what a component costs for each that the far rows give
 * up, which is less for an artefact; or, where these get more components, if all rows are
 * likelier, by more than what those cost.
 *
 * Far is what the sample knows to be far from all but a few (beyond.c), and what a
 * component of few rows has.
 */
#include "engine/search/search.h"

#include <math.h>
#include <string.h>

/* Rows for each component that there have to be left, so that starts find seeds */
#define LEAST_LEFT 4

/* Rows that a component has beside far ones, in units of what it has to have */
#define BESIDE_FAR 4

/* Rows that are too few for a group, if some are far from all others */
#define HANDFUL 5

/* Share of a suspect component's price up to which rows can do without one: BIC's price */
#define SPARE_SHARE (1 / 3.0)

/*
 * The same up to which they can for a far row whose component is an artefact: more, for one
 * that a few of them happen to be near gains up to half more than BIC takes
 */
#define ARTEFACT_SHARE (2 / 3.0)

/* Rows set aside for which components are chosen one by one, and components, at most */
#define MOST_PLACED 32
#define MOST_COMPONENTS 1000

/* What is set aside. */
typedef struct Aside
{
	Sample		rest;			/* the sample, in which these rows have no weight */
	int64_t		n_left;			/* rows that have one */
	int64_t		n;				/* rows that have none any more */
	int64_t		n_far;			/* of these, those that the sample knows to be far */
} Aside;

/* How much one row weighs. */
static double
weight_of_row(const Search *search)
{
	return search->best.outcome.sum_weights / search_n_rows(search);
}

/* Give a row no weight in the copy of the sample. */
static void
clear_row(Aside *aside, int64_t row)
{
	bool		has_weight = aside->rest.weights[row] > 0;

	aside->n_left -= has_weight;
	aside->n += has_weight;
	aside->n_far += has_weight && row < aside->rest.n_far;
	aside->rest.weights[row] = 0;
}

/*
 * How many of a component's rows, its first, are far from all but a few; none unless it
 * has enough others, or is that of a handful of rows.
 */
static int64_t
count_far(const Search *search, const ComponentRows *of)
{
	double		least = BESIDE_FAR * judge_least_rows(search->options->covariance_type, search->d);
	double		sum = 0;
	int64_t		n = 0;

	while (n < of->n && of->rows[n] < search->sample->n_far)
		sum += of->shares[n++];
	return of->sum < HANDFUL * weight_of_row(search) ||
		(of->n - n >= least && 2 * sum <= of->sum) ? n : 0;
}

/*
 * Take the weight from the rows that are mostly a component of few rows, and from those
 * far from all others that make a component wide; prepared: the best.
 */
static void
clear_rows(const Search *search, const MixturePrepared *prepared, Aside *aside)
{
	const Sample *sample = search->sample;
	ComponentRows *rows = local_rows(prepared, sample, search->host);

	for (int c = 0; c < search->k; c++)
	{
		bool		few = search->suspicions[c] == MIXTURE_FEW_ROWS;
		int64_t		n = few ? rows[c].n : count_far(search, &rows[c]);

		for (int64_t i = 0; i < n; i++)
			if (2 * rows[c].shares[i] > sample->weights[rows[c].rows[i]])
				clear_row(aside, rows[c].rows[i]);
	}
	local_release(rows, search->k, search->host);
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
	aside->n = aside->n_far = 0;
	if (prepared != NULL)
		clear_rows(search, prepared, aside);
	mixture_release_prepared(prepared, host);
}

/* Whether the rows set aside are so few that for each a component is chosen. */
static bool
are_placed(const Search *search, const Aside *aside)
{
	return aside->n <= MOST_PLACED && search->k <= MOST_COMPONENTS;
}

/*
 * How many components of a mixture among all rows are those of rows set aside: mostly, or
 * such a row's and a handful of others'.
 */
static int
count_alone(const Search *search, const Aside *aside, const MixtureParameters *parameters)
{
	const MixtureHost *host = search->host;
	MixtureError error;
	MixturePrepared *prepared = mixture_prepare_blocks(parameters, NULL, host, &error);
	double		row_weight = weight_of_row(search);
	ComponentRows *rows;
	int			n = 0;

	if (prepared == NULL)
		return -1;
	rows = local_rows(prepared, search->sample, host);
	for (int c = 0; c < search->k; c++)
	{
		bool		handful = rows[c].sum < HANDFUL * row_weight;
		bool		has = false;
		double		alone = 0;

		for (int64_t i = 0; i < rows[c].n; i++)
		{
			int64_t		row = rows[c].rows[i];

			if (aside->rest.weights[row] > 0)
				continue;
			alone += rows[c].shares[i];
			has = has || 2 * rows[c].shares[i] > search->sample->weights[row];
		}
		n += 2 * alone > rows[c].sum || (handful && has);
	}
	local_release(rows, search->k, host);
	mixture_release_prepared(prepared, host);
	return n;
}

/* The log-likelihood of a mixture among the rows that are not set aside. */
static double
of_rest(Search *again, const MixtureParameters *parameters)
{
	MixtureError error;

	return em_pass(&again->em, parameters, false, &error) != MIXTURE_OK ? -INFINITY :
		*again->em.stats->log_likelihood;
}

/*
 * Let a mixture of the rows that are not set aside, n components of which are merged away,
 * have a component for each row that is: *all.
 */
static void
put_back(const Search *search, const Aside *aside, const Candidate *of, int n,
		 MixtureParameters *all)
{
	const MixtureHost *host = search->host;
	const Sample *sample = search->sample;
	MixtureCovarianceType type = all->covariance_type;
	int			d = search->d;
	size_t		count = mixture_factor_count(type, d);
	double		total = of->outcome.sum_weights;

	mixture_copy_parameters(all, &of->parameters);
	all->k = search->k;
	components_agglomerate(all, 0, search->k - n, host);
	for (int c = 0; c < all->k; c++)
		all->weights[c] *= total;
	for (int64_t i = 0; i < sample->n_rows; i++)
		if (!(aside->rest.weights[i] > 0))
		{
			memcpy(all->means + (size_t) all->k * d, sample->rows + i * d, d * sizeof(double));
			if (type != MIXTURE_TIED)
				mixture_within(&of->parameters, all->covariances + all->k * count);
			total += all->weights[all->k++] = sample->weights[i];
		}
	for (int c = 0; c < all->k; c++)
		all->weights[c] /= total;
}

/*
 * How many of the components that a search among the others has found these can do without,
 * each being worth less than a share of its price, for the rows set aside to have them;
 * *likelihood: of the others then.
 */
static int
count_spare(const Search *search, Search *again, const Aside *aside, MixtureParameters *all,
			double *likelihood)
{
	double		price = SPARE_SHARE * search_suspect_price(search, &search->best);
	int			n = 0;

	*likelihood = of_rest(again, &again->best.parameters);
	while (are_placed(search, aside) && n < aside->n && n + 1 < search->k)
	{
		double		next;

		put_back(search, aside, &again->best, n + 1, all);
		all->k = search->k;
		next = of_rest(again, all);
		if (!(next + price > *likelihood))
			break;
		*likelihood = next;
		n++;
	}
	return n;
}

/*
 * Make as many components of *all as are sought, n being those of the rows set aside.  These
 * join others where that loses the least; but what is left of them at last joins component
 * `with`, if that is one.
 */
static void
join(const Search *search, MixtureParameters *all, int n, int with)
{
	const MixtureHost *host = search->host;
	int			k = search->k;
	double	   *work;

	components_agglomerate(all, k - n, with < 0 ? k : k + 1, host);
	if (with < 0)
		return;
	work = host->allocate(host->context, search->d * sizeof(double));
	components_merge(all, with, k, all, with, work);
	host->release(host->context, work);
	all->k = k;
}

/*
 * Take what comes of a mixture of the rows that are not set aside, n components of which
 * are to be those of rows that are, n_before in the best, if n remain so and it is better:
 * with more of these it may have a higher price, but not a lower likelihood, and with
 * fewer a lower likelihood, but it has no artefacts, or so many fewer, for one in another
 * place is no better than a far row's.  Returns whether.
 */
static bool
try_with(Search *search, Search *again, const Aside *aside, int n_before, int n, int with,
		 MixtureParameters *all)
{
	MixtureParameters *from = &search->moved.parameters;
	/* twice what BIC takes for a component that has a mean and a weight for itself */
	double		price = (search->d + 1) * log(search_n_rows(search));
	const Candidate *best = &search->best;
	const Candidate *spare = &search->spare;
	bool		found;

	if (are_placed(search, aside))
	{
		put_back(search, aside, &again->best, n, all);
		join(search, all, n, with);
		mixture_copy_parameters(from, all);
		mixture_hold_floor(from, search->floor, search->host);
	}
	else
		mixture_copy_parameters(from, &again->best.parameters);
	found = search_follow(search, from) &&
		count_alone(search, aside, &spare->parameters) == n &&
		((n < n_before && (spare->n_artefacts == 0 ||
						   spare->n_artefacts + n_before - n <= best->n_artefacts)) ||
		 search_better(spare, best) ||
		 (n > n_before && spare->outcome.log_likelihood -
		  best->outcome.log_likelihood > (n - n_before) * price));
	if (found)
		search_take(search, again->n_best < search->n_starts ?
					again->n_best : search->n_starts);
	return found;
}

/* Take what the search among the rows not set aside has found if it is better: see above. */
static void
choose(Search *search, Search *again, const Aside *aside)
{
	const MixtureHost *host = search->host;
	int			n_before = count_alone(search, aside, &search->best.parameters);
	double		price = search_suspect_price(search, &search->best);
	double		gain;
	MixtureParameters all;
	double		since = search->passes;
	int			n;
	int			n_joined = 0;

	mixture_allocate_parameters(&all, search->options->covariance_type,
								search->k + (are_placed(search, aside) ? (int) aside->n : 0),
								search->d, host);
	n = count_spare(search, again, aside, &all, &gain);
	gain -= of_rest(again, &search->best.parameters);
	/* of what is not far, and only has components of few rows, no more is to have one */
	if (aside->n_far < aside->n && n > n_before)
		n = n_before;
	if (n < aside->n && are_placed(search, aside) && n != n_before &&
		all.covariance_type != MIXTURE_TIED)
		n_joined = search->k - n;
	if (n > n_before)
		price *= SPARE_SHARE;
	else if (search->best.n_artefacts >= n_before - n)
		price *= ARTEFACT_SHARE;
	if (n == n_before || gain > (n_before - n) * price)
		for (int with = -1; with < n_joined && !search_worked_enough(search, since); with++)
			if (try_with(search, again, aside, n_before, n, with, &all))
				break;
	mixture_release_parameters(&all, host);
}

/*
 * Search among the rows that are not set aside, and take what is found there if it is
 * better: see above.
 */
static void
try_without(Search *search, const Aside *aside)
{
	MixtureHost quiet;
	MixtureOptions options;
	Search		again;
	MixtureError error;

	search_begin_again(&again, search, &aside->rest, &options, &quiet);
	if (search_starts(&again, &error) == MIXTURE_OK && again.best.n_artefacts == 0)
		choose(search, &again, aside);
	search_end(&again);
}

/*
 * Where the best has components of few rows, or wide ones because of a single row, look
 * for a better one: see above; what rows miss is taken as filled in.  Where rows are known to
 * be of a component, or components to have covariances like others, or there is noise for
 * such rows, it stays what it is.
 */
void
outliers_absorb(Search *search)
{
	const MixtureHost *host = search->host;
	Aside		aside;

	if (search->labels != NULL || search->prior != NULL || search->options->noise)
		return;
	search_judge(search, &search->best);
	set_aside(search, &aside);
	if (aside.n > 0 && aside.n_left >= (int64_t) LEAST_LEFT * search->k)
		try_without(search, &aside);
	host->release(host->context, aside.rest.weights);
}
