/*
 * test_memory.c
 *	  Memory of the host: what it held before has no say; and what a fit takes it
 *	  gives back, all but what it returns, as does a step of the search that cannot
 *	  be made.
 */
#include "unit.h"
#include "../malloc_host.h"

#include <math.h>
#include <stdlib.h>

#include "engine/search/search.h"

/* What memory is filled with when test_held() hands it out: doubles that could be some */
static double memory_filler;

static void *
filled_allocate(void *context, size_t size)
{
	char	   *memory = malloc_allocate(context, size);

	for (size_t at = 0; at < size; at++)
		memory[at] = ((const char *) &memory_filler)[at % sizeof(double)];
	return memory;
}

/*
 * What memory held before it was handed out has no say in a fit, to the last bit: in
 * which of two optima it ends, say, by a comparison with what was never written.
 */
static void
test_held(Random *random, MixtureCovarianceType type, bool noise)
{
	static const double fillers[] = {NAN, 0, 1, -1, 1e-3, 1e9};
	const MixtureHost host = {
		NULL, filled_allocate, malloc_release, malloc_check_interrupts, NULL, NULL
	};
	int			n_apart = 0;

	for (int try = 0; try < RANDOM_CASES(8); try++)
	{
		int			k = 3 + random_below(random, 3);
		int			d = 1 + random_below(random, 3);
		Rows	   *rows = rows_clusters(random, 120 + 40 * try, d, k, 1.5);
		MixtureOptions options = default_options(type);
		double		first = NAN;

		if (d > 1 && try % 4 == 3)
			rows_drop(random, rows, 0.1);
		rows_seal(rows);
		options.n_init = try % 2 == 0 ? 0 : 4;
		options.noise = noise;
		for (int i = 0; i < (int) (sizeof(fillers) / sizeof(fillers[0])); i++)
		{
			MixtureFit	fit;
			MixtureError error;

			memory_filler = fillers[i];
			if (mixture_fit(&rows->source, k, &options, &host, &fit, &error) != MIXTURE_OK)
				abort();
			if (i == 0)
				first = fit.info.log_likelihood;
			n_apart += !(fit.info.log_likelihood == first);
			mixture_release_parameters(&fit.parameters, &host);
		}
		rows_free(rows);
	}
	check(n_apart == 0, "%s%s: what memory held before has no say (%d fits differ)",
		  family_names[type], noise ? ", noise" : "", n_apart);
}

/* Pieces of memory that are out; `context` counts them. */
static void *
counted_allocate(void *context, size_t size)
{
	++*(int64_t *) context;
	return unit_host.allocate(unit_host.context, size);
}

static void
counted_release(void *context, void *memory)
{
	--*(int64_t *) context;
	unit_host.release(unit_host.context, memory);
}

static MixtureHost
counting_host(int64_t *n_out)
{
	MixtureHost host = unit_host;

	*n_out = 0;
	host.context = n_out;
	host.allocate = counted_allocate;
	host.release = counted_release;
	return host;
}

/* A fit, and one that goes on from there, of what rows are like; or none, for too few. */
static bool
fit_twice(const Rows *rows, int k, const MixtureOptions *options, const MixtureHost *host)
{
	MixtureOptions again = *options;
	MixtureFit	fit;
	MixtureFit	next;
	MixtureError error;

	if (mixture_fit(&rows->source, k, options, host, &fit, &error) != MIXTURE_OK)
		return false;
	again.noise = false;
	if (mixture_refit(&rows->source, &fit.parameters, &again, host, &next, &error) != MIXTURE_OK)
		return false;
	mixture_release_parameters(&next.parameters, host);
	mixture_release_parameters(&fit.parameters, host);
	return true;
}

/* The best of some fits. */
static bool
fit_best(const Rows *rows, int k, const MixtureOptions *options, const MixtureHost *host)
{
	MixtureChoice choice = {.least_k = 1,.most_k = k,.families = 1U << options->covariance_type,
		.criterion = MIXTURE_BIC};
	MixtureTrial *trials;
	MixtureFit	fit;
	MixtureError error;
	int			n;

	if (mixture_fit_best(&rows->source, &choice, options, host, &fit, &trials, &n, &error) !=
		MIXTURE_OK)
		return false;
	host->release(host->context, trials);
	mixture_release_parameters(&fit.parameters, host);
	return true;
}

/* Fits of all kinds: with single far rows, gaps, noise, a prior, more or fewer rows. */
static void
test_fits(MixtureCovarianceType type)
{
	Random		random = random_start(6100 + type);
	MixturePriorOptions prior = {.strength = NAN,.shrinkage = NAN,.dof = NAN};
	int64_t		n_out;
	MixtureHost host = counting_host(&n_out);
	int			n_fits = 0;
	int			n_left = 0;

	for (int try = 0; try < 24; try++)
	{
		MixtureOptions options = default_options(type);
		int			d = 1 + random_below(&random, 4);
		int			k = 1 + random_below(&random, 4);
		Rows	   *rows = rows_clusters(&random, 60 + random_below(&random, 600), d, 3, 6);

		if (try % 2 == 1)
			rows->values[0] = 1e6;
		if (try % 3 == 2 && d > 1)
			rows_drop(&random, rows, 0.1);
		rows_seal(rows);
		options.noise = try % 4 == 3;
		options.prior = try % 5 == 4 ? &prior : NULL;
		options.n_init = try % 6 == 5 ? 3 : 0;
		n_fits += try % 8 == 7 ? fit_best(rows, k, &options, &host) :
			fit_twice(rows, k, &options, &host);
		n_left += n_out != 0;
		n_out = 0;
		rows_free(rows);
	}
	check(n_fits > 20 && n_left == 0, "%s: %d of %d fits leave memory behind",
		  family_names[type], n_left, n_fits);
}

/*
 * Where the best has a covariance that is none, no row can be put elsewhere and none be set
 * aside.
 */
static void
test_unusable(MixtureCovarianceType type)
{
	Random		random = random_start(6110 + type);
	MixtureOptions options = default_options(type);
	Rows	   *rows = rows_clusters(&random, 400, 2, 3, 6);
	int64_t		n_out;
	MixtureHost host = counting_host(&n_out);
	Scales		scales;
	Sample		sample;
	Search		search;
	MixtureError error;
	MixtureParameters before;
	int64_t		n_before;
	int			n_moved;

	if (search_prepare(&scales, &sample, &rows->source, 3, 3, mixture_has_matrix(type),
					   &options, &host, &error) != MIXTURE_OK)
		abort();
	search_begin(&search, &scales, &sample, 3, &options, &host);
	if (search_starts(&search, &error) != MIXTURE_OK)
		abort();
	search.best.parameters.covariances[0] = -1;
	mixture_allocate_parameters(&before, type, 3, 2, &host);
	mixture_copy_parameters(&before, &search.best.parameters);
	n_before = n_out;
	n_moved = exchange_rows(&search.best.parameters, &sample, search.best.outcome.sum_weights,
							&search.moved.parameters, &host);
	outliers_absorb(&search);
	check(n_moved == 0 && n_out == n_before &&
		  mixture_parameters_equal(&search.best.parameters, &before),
		  "%s: what cannot be scored with is left as it is, and leaves nothing behind",
		  family_names[type]);
	mixture_release_parameters(&before, &host);
	search_end(&search);
	sample_release(&sample, &host);
	scales_release(&scales, &host);
	check(n_out == 0, "%s: nor does the search", family_names[type]);
	rows_free(rows);
}

void
test_memory(void)
{
	Random		random = random_start(6120);

	for (int type = 0; type < MIXTURE_N_COVARIANCE_TYPES; type++)
	{
		test_held(&random, (MixtureCovarianceType) type, false);
		test_held(&random, (MixtureCovarianceType) type, true);
		test_fits((MixtureCovarianceType) type);
		test_unusable((MixtureCovarianceType) type);
	}
}
