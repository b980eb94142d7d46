/*
 * test_ends.c
 *	  The ends of starts that are remembered, and the starts that are made of two.
 */
#include "unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Ends that are noted, more than are remembered */
#define N_NOTED 20

/* A number of a start that is made of two ends, where there are */
#define CROSSED 12

/* What search_prepare() and starts_begin() make, for ends to be crossed beside. */
typedef struct Setting
{
	MixtureOptions options;
	Rows	   *rows;
	Scales		scales;
	Sample		sample;
	Starts		starts;
	int			k;
	int			d;
} Setting;

static void
begin_setting(Setting *setting, Random *random, MixtureCovarianceType type)
{
	MixtureError error;

	setting->options = default_options(type);
	setting->k = 3 + random_below(random, 4);
	setting->d = 1 + random_below(random, 4);
	setting->rows = rows_clusters(random, 300, setting->d, setting->k, 3);
	if (search_prepare(&setting->scales, &setting->sample, &setting->rows->source, setting->k,
					   setting->k, mixture_has_matrix(type), &setting->options, &unit_host,
					   &error) != MIXTURE_OK)
		abort();
	starts_begin(&setting->starts, &setting->scales, &setting->sample, setting->k,
				 &setting->options, &unit_host);
}

static void
end_setting(Setting *setting)
{
	starts_end(&setting->starts);
	sample_release(&setting->sample, &unit_host);
	scales_release(&setting->scales, &unit_host);
	rows_free(setting->rows);
}

/*
 * Of many ends the highest are remembered, those without artefacts first, and how
 * many starts came to each.
 */
static void
test_noting(MixtureCovarianceType type)
{
	Random		random = random_start(5200 + type);
	int			k = 2 + random_below(&random, 3);
	int			d = 1 + random_below(&random, 3);
	MixtureParameters noted[N_NOTED];
	double		scores[N_NOTED];
	bool		sounds[N_NOTED];
	Ends		ends;
	bool		right = true;

	ends_begin(&ends, type, k, d, &unit_host);
	for (int i = 0; i < N_NOTED; i++)
	{
		random_parameters(&random, &noted[i], type, k, d);
		scores[i] = random_normal(&random);
		sounds[i] = random_uniform(&random) < 0.7;
		ends_note(&ends, &noted[i], scores[i], sounds[i], false);
	}
	for (int i = 0; i < N_NOTED; i++)
	{
		const End  *end = ends_find(&ends, &noted[i]);
		int			n_before = 0;

		for (int other = 0; other < N_NOTED; other++)
			n_before += sounds[other] != sounds[i] ? sounds[other] : scores[other] > scores[i];
		right = right && (end != NULL) == (n_before < MOST_ENDS);
		if (end != NULL)
			right = right && end == &ends.ends[n_before] && end->score == scores[i] &&
				mixture_parameters_equal(&end->parameters, &noted[i]);
	}
	check(right && ends.n == MOST_ENDS,
		  "%s: of %d ends the highest are remembered, in their order", family_names[type], N_NOTED);
	for (int turn = 0; turn < 5; turn++)
		ends_note(&ends, &ends.ends[2].parameters, -1e9, false, turn >= 2);
	check(ends.ends[2].n_starts == 6 && ends.ends[2].n_alone == 3 && ends.ends[1].n_starts == 1,
		  "%s: starts that come to one of them count there, those made of others apart",
		  family_names[type]);
	for (int i = 0; i < N_NOTED; i++)
		mixture_release_parameters(&noted[i], &unit_host);
	ends_release(&ends);
}

/* Whether component c of one mixture, but for its weight, is a component of another. */
static bool
is_component_of(const MixtureParameters *of, const MixtureParameters *parameters, int c)
{
	int			d = of->d;
	size_t		count = of->covariance_type == MIXTURE_TIED ? 0 :
		mixture_factor_count(of->covariance_type, d);

	for (int other = 0; other < of->k; other++)
		if (memcmp(of->means + (size_t) other * d, parameters->means + (size_t) c * d,
				   d * sizeof(double)) == 0 &&
			memcmp(of->covariances + other * count, parameters->covariances + c * count,
				   count * sizeof(double)) == 0)
			return true;
	return false;
}

/* Whether the mean of component c is a row. */
static bool
is_at_row(const Rows *rows, const MixtureParameters *parameters, int c)
{
	for (int64_t i = 0; i < rows->n; i++)
		if (memcmp(rows->values + i * rows->d, parameters->means + (size_t) c * rows->d,
				   rows->d * sizeof(double)) == 0)
			return true;
	return false;
}

/*
 * Whether the components of a start are those of two ends, how many of which are added to
 * n_of, but for one that is at a row, and its weights sum to 1.
 */
static bool
is_made_of(const MixtureParameters *start, const MixtureParameters *two, const Rows *rows, int *n_of)
{
	int			n_elsewhere = 0;
	double		sum = 0;
	bool		right = true;

	for (int c = 0; c < start->k; c++)
	{
		bool		of_first = is_component_of(&two[0], start, c);
		bool		of_second = is_component_of(&two[1], start, c);

		sum += start->weights[c];
		n_of[0] += of_first;
		n_of[1] += of_second;
		if (of_first || of_second)
			continue;
		n_elsewhere++;
		right = right && is_at_row(rows, start, c);
	}
	return right && n_elsewhere == 1 && fabs(sum - 1) <= start->k * 1e-15;
}

/*
 * A start that is made of two ends has components of both, but one that is at a row;
 * its weights sum to 1, and it is the same whenever it is made.
 */
static void
test_crossing(MixtureCovarianceType type)
{
	Random		random = random_start(5210 + type);
	Setting		setting;
	MixtureParameters two[2];
	MixtureParameters crossed[2];
	Ends		ends;
	int			n_of[2] = {0, 0};
	bool		right = true;
	bool		same = true;
	MixtureError error;

	begin_setting(&setting, &random, type);
	ends_begin(&ends, type, setting.k, setting.d, &unit_host);
	for (int i = 0; i < 2; i++)
	{
		random_parameters(&random, &two[i], type, setting.k, setting.d);
		mixture_allocate_parameters(&crossed[i], type, setting.k, setting.d, &unit_host);
		check(!ends_cross(&ends, CROSSED, 1, &setting.starts, &crossed[0]),
			  "%s: nothing is made of %d ends", family_names[type], i);
		ends_note(&ends, &two[i], -i, true, false);
	}
	check(!ends_cross(&ends, 0, 1, &setting.starts, &crossed[0]),
		  "%s: nor is the first start", family_names[type]);
	for (int turn = 0; turn < 40; turn++)
	{
		for (int i = 0; i < 2; i++)
			same = ends_cross(&ends, CROSSED + 2 * turn, 1, &setting.starts, &crossed[i]) && same;
		same = same && mixture_parameters_equal(&crossed[0], &crossed[1]);
		right = is_made_of(&crossed[0], two, setting.rows, n_of) && right &&
			mixture_covariances_valid(&crossed[0], &unit_host, &error);
	}
	check(right && n_of[0] + n_of[1] == 40 * (setting.k - 1),
		  "%s, k %d, d %d: a start of two ends has their components, and one at a row",
		  family_names[type], setting.k, setting.d);

	/* 80 draws at least by a fair coin: the chance of a false alarm is below 1e-11 */
	check(n_of[0] >= 10 && n_of[1] >= 10, "%s: of the one as of the other (%d, %d)",
		  family_names[type], n_of[0], n_of[1]);
	check(same, "%s: and is the same each time", family_names[type]);
	for (int i = 0; i < 2; i++)
	{
		mixture_release_parameters(&two[i], &unit_host);
		mixture_release_parameters(&crossed[i], &unit_host);
	}
	ends_release(&ends);
	end_setting(&setting);
}

void
test_ends(void)
{
	for (int type = 0; type < MIXTURE_N_COVARIANCE_TYPES; type++)
	{
		test_noting((MixtureCovarianceType) type);
		test_crossing((MixtureCovarianceType) type);
	}
}
