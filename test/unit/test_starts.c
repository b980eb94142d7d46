/*
 * test_starts.c
 *	  Where runs of a search begin: whatever the order of the rows, and in many dimensions
 *	  along the few directions in which they spread the most.
 */
#include "unit.h"

#include <math.h>
#include <stdlib.h>

/*
 * Starts hang on what the rows are and not on their order: the same spread and
 * the same mixture, to the last bit.
 */
static void
test_order(MixtureCovarianceType type)
{
	Random		random = random_start(40 + type);
	MixtureOptions options = default_options(type);
	int			k = 2 + random_below(&random, 4);
	int			d = 1 + random_below(&random, 4);
	Rows	   *rows = rows_clusters(&random, 500, d, k, 3);
	Rows	   *sources[2] = {rows, rows_shuffled(&random, rows)};
	Scales		scales[2];
	Sample		samples[2];
	Starts		starts[2];
	MixtureParameters parameters[2];
	MixtureError error;
	bool		same = true;
	bool		differ = false;
	double		first = NAN;

	for (int i = 0; i < 2; i++)
	{
		if (search_prepare(&scales[i], &samples[i], &sources[i]->source, k, k,
						   mixture_has_matrix(type), &options, &unit_host, &error) != MIXTURE_OK)
			abort();
		starts_begin(&starts[i], &scales[i], &samples[i], k, &options, &unit_host);
		mixture_allocate_parameters(&parameters[i], type, k, d, &unit_host);
	}
	for (int number = 0; number < 24; number++)
	{
		double		spreads[2];

		for (int i = 0; i < 2; i++)
		{
			spreads[i] = starts_find(&starts[i], number % 12, number < 12);
			if (isfinite(spreads[i]))
				starts_leave(&starts[i], &parameters[i]);
		}
		/* but for one along lines, where none stands out */
		same = same && spreads[0] == spreads[1] &&
			(isfinite(spreads[0]) || number == 12 + STARTS_ALONG_LINES) &&
			mixture_parameters_equal(&parameters[0], &parameters[1]) &&
			mixture_covariances_valid(&parameters[0], &unit_host, &error);
		differ = differ || (number > 0 && spreads[0] != first);
		first = number == 0 ? spreads[0] : first;
	}
	check(same, "%s, k %d, d %d: starts are the same whatever the order of the rows",
		  family_names[type], k, d);
	check(differ, "%s: and they differ from each other", family_names[type]);
	for (int i = 0; i < 2; i++)
	{
		mixture_release_parameters(&parameters[i], &unit_host);
		starts_end(&starts[i]);
		sample_release(&samples[i], &unit_host);
		scales_release(&scales[i], &unit_host);
		rows_free(sources[i]);
	}
}

/* The squared distance of two rows of a space. */
static double
squared_distance(const SeedSpace *space, int64_t a, int64_t b)
{
	int			d = space->blocks.d;
	double		sum = 0;

	for (int j = 0; j < d; j++)
	{
		double		apart = space->rows[a * d + j] - space->rows[b * d + j];

		sum += apart * apart;
	}
	return sum;
}

/*
 * Along few directions no two rows are farther apart than in all, and what the rows spread
 * there and across is what they spread in all.
 */
static void
check_directions(const Starts *starts, const char *name)
{
	const Sample *sample = starts->sample;
	int			d = sample->d;
	int			q = starts->narrow.blocks.d;
	int64_t		n = starts->narrow.blocks.n_rows;
	double	   *deviations = malloc(d * sizeof(double));
	bool		alike = starts->options->covariance_type == MIXTURE_SPHERICAL;
	SeedSpace	all;
	bool		nearer = true;
	double		spread = 0;
	double		total = 0;

	for (int j = 0; j < d; j++)
		deviations[j] = sqrt(alike ? starts->scales->variance : starts->scales->variances[j]);
	seeding_space(&all, sample, n, starts->scales, deviations, NULL, &unit_host);
	for (int64_t i = 0; i < n; i++)
	{
		double		distance = squared_distance(&all, i, (i * 7 + 1) % n);

		nearer = nearer && squared_distance(&starts->narrow, i, (i * 7 + 1) % n) <=
			distance * (1 + 1e-9);
		for (int j = 0; j < q; j++)
			spread += starts->narrow.rows[i * q + j] * starts->narrow.rows[i * q + j];
		for (int j = 0; j < d; j++)
			total += all.rows[i * d + j] * all.rows[i * d + j];
	}
	check(nearer, "%s: along few directions no rows are farther apart", name);
	check(fabs(spread / (double) n + starts->narrow.across - total / (double) n) <
		  1e-9 * total / (double) n, "%s: along and across them rows spread as in all", name);
	seeding_space_release(&all, &unit_host);
	free(deviations);
}

/* In many dimensions starts are found along few directions, and the closest is chosen. */
static void
test_directions(MixtureCovarianceType type)
{
	Random		random = random_start(1400 + type);
	MixtureOptions options = default_options(type);
	int			k = 2 + random_below(&random, 3);
	int			d = 8 * (k + 8) + random_below(&random, 40);
	Rows	   *rows = rows_clusters(&random, 300 + random_below(&random, 400), d, k, 3);
	Scales		scales;
	Sample		sample;
	Starts		starts;
	MixtureParameters parameters;
	MixtureError error;

	mixture_allocate_parameters(&parameters, type, k, d, &unit_host);
	if (search_prepare(&scales, &sample, &rows->source, k, k, mixture_has_matrix(type), &options,
					   &unit_host, &error) != MIXTURE_OK)
		abort();
	starts_begin(&starts, &scales, &sample, k, &options, &unit_host);
	for (int plain = 0; plain <= (type == MIXTURE_TIED); plain++)
	{
		double		spread = starts_find(&starts, starts_choose(&starts, 10, plain), false);
		bool		closest = (starts.n_seeds == k) == plain;

		starts_leave(&starts, &parameters);
		for (int number = 0; number < 10 && closest; number++)
			closest = number == STARTS_ALONG_LINES || !starts_compete(&starts, number) ||
				starts_find(&starts, number, false) >= spread || (starts.n_seeds == k) != plain;
		check(closest && mixture_covariances_valid(&parameters, &unit_host, &error),
			  "%s, k %d, d %d: the closest start is chosen", family_names[type], k, d);
	}
	check_directions(&starts, family_names[type]);
	mixture_release_parameters(&parameters, &unit_host);
	starts_end(&starts);
	sample_release(&sample, &unit_host);
	scales_release(&scales, &unit_host);
	rows_free(rows);
}

void
test_starts(void)
{
	for (MixtureCovarianceType type = MIXTURE_FULL; type <= MIXTURE_SPHERICAL; type++)
	{
		test_order(type);
		if (type != MIXTURE_FULL)
			test_directions(type);
	}
}
