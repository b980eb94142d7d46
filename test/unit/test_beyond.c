/*
 * test_beyond.c
 *	  Rows far from all others, and rows that are there many times, in tables of more rows
 *	  than a sample has: they are in the sample, with their own share of its weight; what
 *	  the sample is does not depend on the order of the rows, nor, of far ones, on whether
 *	  they can be read block by block; far ones are first there; and groups are found
 *	  beside them.
 */
#include "unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/random.h"

/* Rows of the samples that are taken here without a fit */
#define LIMIT 1000

#define MOST_GROUPS 5
#define MOST_D 4

/* Groups with unit variances, in all directions, and rows far from them. */
typedef struct Table
{
	int			d;
	int			k;				/* groups of many rows */
	int			n_far;
	Rows	   *rows;			/* the far ones last */
	double		means[MOST_GROUPS + 1][MOST_D]; /* the last: of the far rows */
} Table;

/* Draw a table of n rows, and n_far rows around a place so far away. */
static void
draw_table(Random *random, Table *table, int64_t n, int n_far, double distance)
{
	int			d = table->d = 1 + random_below(random, MOST_D);
	int			k = table->k = 2 + random_below(random, MOST_GROUPS - 1);

	table->n_far = n_far;
	table->rows = rows_allocate(n + n_far, d);
	for (int c = 0; c <= k; c++)
		for (int j = 0; j < d; j++)
			table->means[c][j] = c == k ? distance * (random_below(random, 2) == 0 ? -1 : 1) :
				j == 0 ? 12 * c : 5 * random_normal(random);
	for (int64_t i = 0; i < n + n_far; i++)
	{
		int			c = i < n ? random_below(random, k) : k;

		for (int j = 0; j < d; j++)
			table->rows->values[i * d + j] = table->means[c][j] + random_normal(random);
	}
	rows_seal(table->rows);
}

/* A sample of LIMIT rows. */
static void
take(const Rows *rows, Sample *sample)
{
	FeatureRange range;

	sample_scan_ranges(&rows->source, &range, &unit_host);
	sample_take(sample, &rows->source, NULL, &range, LIMIT, 1, &unit_host);
	unit_host.release(NULL, range.least);
}

/* Samples of the same rows in two orders are the same. */
static void
check_same(int number, const Sample *sample, const Sample *again)
{
	check(sample->n_rows == again->n_rows &&
		  memcmp(sample->rows, again->rows, sample->n_rows * sample->d * sizeof(double)) == 0 &&
		  memcmp(sample->weights, again->weights, sample->n_rows * sizeof(double)) == 0,
		  "table %d: in another order the sample is the same", number);
}

/* Rows that can only be asked for, as those of a table. */
typedef struct Asked
{
	const Rows *all;
	Rows	   *found[3];		/* by each question */
	int			n_questions;
	double		weight;			/* of all */
} Asked;

/*
 * As MixtureSource has it: half as many again as are wanted, by hash, or those beyond; of
 * those that weigh much, none, as there are none.
 */
static bool
ask_candidates(void *context, const MixtureSampling *sampling, MixtureSource *rows)
{
	Asked	   *asked = context;
	const Rows *all = asked->all;
	int			d = all->d;
	double		share = 1.5 * sampling->limit / all->n;
	Rows	   *found = rows_allocate(all->n, d);
	double		row[MOST_D];

	found->n = 0;
	for (int64_t i = 0; i < all->n; i++)
	{
		for (int j = 0; j < d; j++)
			row[j] = all->values[i * d + j] - sampling->center[j];
		if (sampling->least_weight > 0)
			continue;
		if (sampling->box != NULL ? !mixture_is_beyond(row, d, sampling->box) :
			mixture_sample_hash(row, d, sampling->range, sampling->seed) >= ldexp(share, 64))
			continue;
		memcpy(found->values + found->n * d, all->values + i * d, d * sizeof(double));
		found->weights[found->n++] = all->weights[i];
	}
	rows_seal(found);
	asked->found[asked->n_questions++] = found;
	*rows = found->source;
	rows->label_weights = &asked->weight;
	return false;
}

/* The same sample as take() takes, of rows less a center that can only be asked for. */
static int
take_asking(const Rows *all, const double *center, const FeatureRange *range, Sample *sample)
{
	Asked		asked = {.all = all};
	MixtureSource source = {.d = all->d,.n_rows = all->n,.context = &asked,.candidates = ask_candidates};

	for (int64_t i = 0; i < all->n; i++)
		asked.weight += all->weights[i];
	sample_take(sample, &source, center, range, LIMIT, 1, &unit_host);
	for (int i = 0; i < asked.n_questions; i++)
		rows_free(asked.found[i]);
	return asked.n_questions;
}

/* The share that rows farther than `distance` have of the weight of n; *count: how many. */
static double
far_share(const double *rows, const double *weights, int64_t n, int d, double distance,
		  int *count)
{
	double		far = 0;
	double		all = 0;

	*count = 0;
	for (int64_t i = 0; i < n; i++)
	{
		bool		is_far = fabs(rows[i * d]) > distance;

		all += weights[i];
		far += is_far ? weights[i] : 0;
		*count += is_far;
	}
	return far / all;
}

/*
 * One or two far rows are in the sample and weigh there what they do among all, in
 * whatever order the rows come.
 */
static void
test_in_sample(int number)
{
	Random		random = random_start(3000 + number);
	int64_t		n = 2 * LIMIT + random_below(&random, 20 * LIMIT);
	int			n_far = 1 + random_below(&random, 2);
	double		distance = pow(10, 3 + 3 * random_uniform(&random));
	Table		table;
	Rows	   *shuffled;
	Sample		sample;
	Sample		again;
	int			count;
	int			wanted;
	double		share;
	double		expected;

	draw_table(&random, &table, n, n_far, distance);
	if (random_below(&random, 2) == 0)
		for (int64_t i = 0; i < table.rows->n; i++)
			table.rows->weights[i] = 1 + random_below(&random, 3);
	rows_seal(table.rows);
	shuffled = rows_shuffled(&random, table.rows);
	take(table.rows, &sample);
	take(shuffled, &again);
	share = far_share(sample.rows, sample.weights, sample.n_rows, table.d, distance / 2, &count);
	expected = far_share(table.rows->values, table.rows->weights, table.rows->n, table.d,
						 distance / 2, &wanted);
	check(count == wanted && !sample.complete && sample.n_distinct == sample.n_rows &&
		  sample.n_rows <= LIMIT + count && fabs(share - expected) <= 1e-12,
		  "table %d, %d rows, d %d: of %d far rows %d are in the sample, with a share of %g "
		  "of the weight for %g", number, (int) n, table.d, wanted, count, share, expected);
	check_same(number, &sample, &again);
	sample_release(&again, &unit_host);
	sample_release(&sample, &unit_host);
	rows_free(shuffled);
	rows_free(table.rows);
}

/*
 * Of many far rows, unless the sample has some anyway, it has as many as there is place for,
 * and they weigh what all of these do.
 */
static void
test_many(int number)
{
	Random		random = random_start(3050 + number);
	Table		table;
	Sample		sample;
	int			count;
	double		share;

	draw_table(&random, &table, 60 * LIMIT, 60, 1000);
	take(table.rows, &sample);
	share = far_share(sample.rows, sample.weights, sample.n_rows, table.d, 500, &count);
	check((count == 20 + 4 * table.d && fabs(share - 60.0 / (60 * LIMIT + 60)) <= 1e-12) ||
		  (count >= 3 && sample.n_rows == LIMIT),
		  "of 60 far rows, d %d, %d are in the sample, with a share of %g of the weight",
		  table.d, count, share);
	sample_release(&sample, &unit_host);
	rows_free(table.rows);
}

/*
 * Of rows that can only be asked for the sample is the same, and of those beyond it is
 * asked only if there are any.
 */
static void
test_asking(int number)
{
	Random		random = random_start(3300 + number);
	int			n_far = number % 4 == 0 ? 0 : 1 + random_below(&random, 2 * number);
	int			n_questions;
	Table		table;
	FeatureRange range;
	Sample		sample;
	Sample		other;
	double	   *center;
	double		apart = 0;

	draw_table(&random, &table, 3 * LIMIT + random_below(&random, 20 * LIMIT), n_far,
			   pow(10, 3 + 3 * random_uniform(&random)));
	for (int64_t i = 0; i < table.rows->n; i++)
		table.rows->weights[i] = 1 + random_below(&random, 3);
	rows_seal(table.rows);
	sample_scan_ranges(&table.rows->source, &range, &unit_host);
	center = calloc(table.d, sizeof(double));
	for (int j = 0; j < table.d; j++)
	{
		center[j] = 0.5 * range.least[j];
		range.least[j] -= center[j];
		range.most[j] -= center[j];
	}
	sample_take(&sample, &table.rows->source, center, &range, LIMIT, 1, &unit_host);
	n_questions = take_asking(table.rows, center, &range, &other);
	for (int64_t i = 0; i < sample.n_rows && sample.n_rows == other.n_rows; i++)
		apart = fmax(apart, relative_difference(sample.weights[i], other.weights[i], 0));
	/* chance may have all of the far ones in the sample anyway */
	check((n_far == 0 ? n_questions == 2 : n_questions == 3 || sample.n_rows == LIMIT) &&
		  sample.n_rows == other.n_rows &&
		  memcmp(sample.rows, other.rows, sample.n_rows * table.d * sizeof(double)) == 0 &&
		  apart <= 1e-12 && sample.n_distinct == other.n_distinct,
		  "table %d, %d rows, %d of them far: %d questions give %d rows of the sample for %d, "
		  "with weights as the same (%g)", number, (int) table.rows->n, n_far, n_questions,
		  (int) other.n_rows, (int) sample.n_rows, apart);
	sample_release(&other, &unit_host);
	sample_release(&sample, &unit_host);
	free(center);
	unit_host.release(NULL, range.least);
	rows_free(table.rows);
}

/* Tables of which a share is one row: what else there is. */
typedef struct RepeatKind
{
	const char *name;
	bool		once;			/* it is there once, with a weight */
	bool		weighted;		/* all rows have weights */
	double		missing;		/* share of the values */
	int			n_labels;		/* that rows have, this one too */
	int			n_alike;		/* rows so near it that the grid of a sample has one cell for all */
} RepeatKind;

static const RepeatKind repeat_kinds[] = {
	{.name = "copies"},
	{.name = "a weight",.once = true},
	{.name = "copies, weighted",.weighted = true},
	{.name = "copies with missing features",.missing = 0.3},
	{.name = "copies of many labels",.n_labels = 20},
	{.name = "copies beside others of their cell",.n_alike = 40}
};

/* Rows, and a label for each if there are any. */
typedef struct Labelled
{
	Rows	   *rows;
	double	   *labels;
	int			n_labels;
} Labelled;

static Labelled
labelled_allocate(int64_t n, int d, int n_labels)
{
	return (Labelled) {
		rows_allocate(n, d), calloc(n + MIXTURE_BLOCK_ROWS, sizeof(double)), n_labels
	};
}

static void
labelled_seal(Labelled *table)
{
	rows_seal(table->rows);
	table->rows->source.n_labels = table->n_labels;
	for (int64_t number = 0; number < table->rows->source.n_blocks && table->n_labels > 0; number++)
		table->rows->blocks[number].labels = table->labels + number * MIXTURE_BLOCK_ROWS;
}

static void
labelled_free(Labelled *table)
{
	rows_free(table->rows);
	free(table->labels);
}

/* Let a share of the rows be `row`, which is one of them; or one of them weigh as much. */
static void
repeat_row(Random *random, const RepeatKind *kind, Labelled *table, double share, double *row)
{
	Rows	   *rows = table->rows;
	int			d = rows->d;

	memcpy(row, rows->values + d * random_below(random, (int) rows->n), d * sizeof(double));
	if (kind->missing > 0 && d > 1)
		row[d - 1] = NAN;
	for (int64_t i = 0; i < rows->n; i++)
	{
		double		place = random_uniform(random);

		if (kind->weighted)
			rows->weights[i] = 1 + random_below(random, 3);
		if (kind->n_labels > 0)
			table->labels[i] = 1 + random_below(random, kind->n_labels);
		if (kind->once ? i == rows->n / 2 : place < share)
			memcpy(rows->values + i * d, row, d * sizeof(double));
		else if (kind->n_alike > 0 && place < share + 0.2)
		{
			memcpy(rows->values + i * d, row, d * sizeof(double));
			rows->values[i * d] += 1e-11 * (1 + random_below(random, kind->n_alike));
		}
	}
	if (kind->once)
		rows->weights[rows->n / 2] = floor(share / (1 - share) * (double) rows->n);
	labelled_seal(table);
}

/* The same rows in another order. */
static Labelled
labelled_shuffled(Random *random, const Labelled *table)
{
	int			n = (int) table->rows->n;
	int			d = table->rows->d;
	int		   *order = malloc(n * sizeof(int));
	Labelled	shuffled = labelled_allocate(n, d, table->n_labels);

	random_order(random, order, n);
	for (int i = 0; i < n; i++)
	{
		memcpy(shuffled.rows->values + (size_t) i * d, table->rows->values + (size_t) order[i] * d,
			   d * sizeof(double));
		shuffled.rows->weights[i] = table->rows->weights[order[i]];
		shuffled.labels[i] = table->labels[order[i]];
	}
	free(order);
	labelled_seal(&shuffled);
	return shuffled;
}

/* The share of the weight that copies of a row have that are of a label. */
static double
share_of(const double *row, int label, const Sample *sample, const Labelled *table)
{
	int			d = table->rows->d;
	int64_t		n = sample != NULL ? sample->n_rows : table->rows->n;
	double		share = 0;
	double		sum = 0;

	for (int64_t i = 0; i < n; i++)
	{
		const double *other = (sample != NULL ? sample->rows : table->rows->values) + i * d;
		double		weight = sample != NULL ? sample->weights[i] : table->rows->weights[i];
		int			other_label = sample == NULL ? (int) table->labels[i] :
			sample->labels != NULL ? sample->labels[i] : 0;

		sum += weight;
		if (other_label == label && mixture_compare_rows(row, other, d) == 0)
			share += weight;
	}
	return share / sum;
}

/*
 * A row that is there many times, or weighs as much, is in the sample with what it is of
 * the weight of all, and so is each of its labels, in whatever order the rows come.
 */
static void
test_repeated(int number)
{
	const RepeatKind *kind = &repeat_kinds[number % 6];
	Random		random = random_start(3700 + number);
	double		share = (kind->n_labels > 0 ? 0.4 : 0.02) + 0.5 * random_uniform(&random);
	int			d = 1 + random_below(&random, MOST_D);
	int64_t		n = 5 * LIMIT + random_below(&random, 20 * LIMIT);
	Labelled	table = {rows_clusters(&random, n, d, 3, 12), NULL, kind->n_labels};
	Labelled	shuffled;
	Sample		sample;
	Sample		again;
	double		row[MOST_D];
	double		apart = 0;
	int			n_found = 0;

	table.labels = calloc(n + MIXTURE_BLOCK_ROWS, sizeof(double));
	if (kind->missing > 0)
		rows_drop(&random, table.rows, kind->missing);
	repeat_row(&random, kind, &table, share, row);
	shuffled = labelled_shuffled(&random, &table);
	take(table.rows, &sample);
	take(shuffled.rows, &again);
	for (int label = 0; label <= kind->n_labels; label++)
	{
		double		wanted = share_of(row, label, NULL, &table);

		if (wanted < 0.01)
			continue;
		n_found++;
		apart = fmax(apart, fabs(share_of(row, label, &sample, &table) - wanted));
	}
	check(!sample.complete && n_found == (kind->n_labels > 0 ? kind->n_labels : 1) &&
		  apart <= 1e-9 && sample.n_rows <= 2 * LIMIT + n_found,
		  "table %d, %d rows, d %d, %s: a row that is %g of all is in the sample with that (%g apart)",
		  number, (int) n, d, kind->name, share, apart);
	check_same(number, &sample, &again);
	sample_release(&again, &unit_host);
	sample_release(&sample, &unit_host);
	labelled_free(&shuffled);
	labelled_free(&table);
}

/* Where no row is far, a sample is of so many rows of equal chance, which weigh what they do. */
static void
test_ordinary(void)
{
	int			n_others = 0;

	for (int number = 0; number < 30; number++)
	{
		Random		random = random_start(3100 + number);
		Table		table;
		Sample		sample;
		bool		same = true;

		draw_table(&random, &table, 2 * LIMIT + random_below(&random, 20 * LIMIT), 0, 0);
		take(table.rows, &sample);
		for (int64_t i = 0; i < sample.n_rows; i++)
			same = same && sample.weights[i] == 1;
		n_others += !same || sample.n_rows != LIMIT;
		sample_release(&sample, &unit_host);
		rows_free(table.rows);
	}
	check(n_others == 0, "ordinary tables have no rows in the sample that are far (%d of 30)",
		  n_others);
}

/* How far the component that is nearest to a place is from it, in its farthest feature. */
static double
nearest(const MixtureParameters *parameters, const double *place)
{
	double		least = INFINITY;

	for (int c = 0; c < parameters->k; c++)
	{
		double		apart = 0;

		for (int j = 0; j < parameters->d; j++)
			apart = fmax(apart, fabs(parameters->means[c * parameters->d + j] - place[j]));
		least = fmin(least, apart);
	}
	return least;
}

/* One value between two groups is a component, whatever share of the rows has it. */
static void
test_one_value(int number)
{
	static const double places[][1] = {{-20}, {0}, {10}};
	Random		random = random_start(3800 + number);
	MixtureOptions options = default_options(number % 2 == 0 ? MIXTURE_FULL : MIXTURE_DIAG);
	double		share = 0.02 + 0.6 * random_uniform(&random);
	double		apart = 0;
	Rows	   *rows = rows_allocate(4 * FIT_SAMPLE_ROWS, 1);
	MixtureFit	fit;
	MixtureError error;

	for (int64_t i = 0; i < rows->n; i++)
		rows->values[i] = random_uniform(&random) < share ? 0 :
			places[2 * random_below(&random, 2)][0] + random_normal(&random);
	rows_seal(rows);
	if (mixture_fit(&rows->source, 3, &options, &unit_host, &fit, &error) != MIXTURE_OK)
		abort();
	for (int c = 0; c < 3; c++)
		apart = fmax(apart, nearest(&fit.parameters, places[c]));
	check(apart <= 0.2, "%s: one value of %g of the rows is found between two groups (%g off)",
		  family_names[options.covariance_type], share, apart);
	mixture_release_parameters(&fit.parameters, &unit_host);
	rows_free(rows);
}

/* A row or a few that are a group of their own leave the groups of many rows what they are. */
static void
test_groups(int number)
{
	Random		random = random_start(3200 + number);
	MixtureOptions options = default_options((MixtureCovarianceType) (number % 4));
	int64_t		n = FIT_SAMPLE_ROWS + 1000 + random_below(&random, FIT_SAMPLE_ROWS);
	int			n_far = number % 8 < 4 ? 1 : 3;
	double		distance = pow(10, 3 + 2 * random_uniform(&random));
	double		apart = 0;
	Table		table;
	MixtureFit	fit;
	MixtureError error;

	draw_table(&random, &table, n, n_far, distance);
	if (mixture_fit(&table.rows->source, table.k + 1, &options, &unit_host, &fit, &error) !=
		MIXTURE_OK)
		abort();
	for (int c = 0; c < table.k; c++)
		apart = fmax(apart, nearest(&fit.parameters, table.means[c]));
	check(apart <= 0.5 && nearest(&fit.parameters, table.means[table.k]) <= 5,
		  "%s, %d rows, d %d, k %d: groups are found beside %d far rows (the means are %g off)",
		  family_names[options.covariance_type], (int) n, table.d, table.k + 1, n_far, apart);
	mixture_release_parameters(&fit.parameters, &unit_host);
	rows_free(table.rows);
}

/* The far rows of the sample, if they are few, come first, all on one side or not. */
static void
test_first(int number)
{
	Random		random = random_start(3400 + number);
	int64_t		n = (number % 2 == 0 ? LIMIT / 2 : 4 * LIMIT) + random_below(&random, LIMIT / 2);
	int			n_far = 1 + random_below(&random, number % 2 == 0 ? 4 : 8);
	Table		table;
	Sample		sample;
	int			n_first;
	int			n_all;

	draw_table(&random, &table, n, n_far, pow(10, 3 + 3 * random_uniform(&random)));
	take(table.rows, &sample);
	(void) far_share(sample.rows, sample.weights, sample.n_far, table.d, 500, &n_first);
	(void) far_share(sample.rows, sample.weights, sample.n_rows, table.d, 500, &n_all);
	check(n_all > 0 && n_first == n_all && sample.n_far == n_all,
		  "table %d, %d rows, %d of them far: of %d in the sample %d are first", number, (int) n,
		  n_far, n_all, n_first);
	sample_release(&sample, &unit_host);
	rows_free(table.rows);
}

/*
 * Let the far rows be far from each other as well, each ten times as far as the one before,
 * in the last feature and a little in all.
 */
static void
scatter_far(Table *table)
{
	int			d = table->d;
	double		distance = 1000;

	for (int64_t i = table->rows->n - table->n_far; i < table->rows->n; i++, distance *= 10)
	{
		double	   *row = table->rows->values + i * d;

		for (int j = 0; j < d; j++)
			row[j] = j == d - 1 ? distance : 12 * j;
	}
	rows_seal(table->rows);
}

/* How far, in the first feature, the farthest group is from the component nearest to it. */
static double
farthest_group(const Table *table, const MixtureParameters *parameters)
{
	double		most = 0;

	for (int c = 0; c < table->k; c++)
	{
		double		apart = INFINITY;

		for (int other = 0; other < parameters->k; other++)
			apart = fmin(apart, fabs(parameters->means[other * table->d] - table->means[c][0]));
		most = fmax(most, apart);
	}
	return most;
}

/*
 * Groups that share a covariance are found where rows far from all, and from each other,
 * have components of their own; and where they have none, with more than one dimension,
 * for what the rows add to the covariance is in one.
 */
static void
test_lone(Random random, int number)
{
	MixtureOptions options = default_options(MIXTURE_TIED);
	int64_t		n = number % 2 == 0 ? 1000 + random_below(&random, 4000) :
		FIT_SAMPLE_ROWS + 1000 + random_below(&random, FIT_SAMPLE_ROWS);
	int			n_far = 2 + random_below(&random, 2);
	int			n_own = number % 4 < 2 ? n_far : 0;
	double		apart;
	Table		table;
	MixtureFit	fit;
	MixtureError error;

	do
		draw_table(&random, &table, n, n_far, 1000);
	while (n_own == 0 && table.d == 1 && (rows_free(table.rows), true));
	scatter_far(&table);
	if (mixture_fit(&table.rows->source, table.k + n_own, &options, &unit_host, &fit, &error) !=
		MIXTURE_OK)
		abort();
	apart = farthest_group(&table, &fit.parameters);
	check(apart <= 0.5, "table %d, %d rows, d %d, k %d: %d groups are found beside %d lone rows "
		  "(a mean is %g off)", number, (int) n, table.d, fit.parameters.k, table.k, n_far, apart);
	mixture_release_parameters(&fit.parameters, &unit_host);
	rows_free(table.rows);
}

/*
 * A far group is found whole, although the sample has a few rows of it, or fewer than the
 * covariance of a component takes.
 */
static void
test_sparse(int number)
{
	Random		random = random_start(3600 + number);
	MixtureOptions options = default_options((MixtureCovarianceType) (number % 4));
	int			n_far = 40;
	double		weight;
	Table		table;
	MixtureFit	fit;
	MixtureError error;

	draw_table(&random, &table, 7 * FIT_SAMPLE_ROWS, n_far, 1000);
	if (mixture_fit(&table.rows->source, table.k + 1, &options, &unit_host, &fit, &error) !=
		MIXTURE_OK)
		abort();
	weight = fit.parameters.weights[table.k] * table.rows->n;
	check(fabs(weight - n_far) <= 0.01 && nearest(&fit.parameters, table.means[table.k]) <= 1,
		  "%s, d %d, k %d: of %d far rows among %d, %g are in a component of their own",
		  family_names[options.covariance_type], table.d, table.k + 1, n_far,
		  (int) table.rows->n, weight);
	mixture_release_parameters(&fit.parameters, &unit_host);
	rows_free(table.rows);
}

void
test_beyond(void)
{
	for (int number = 0; number < RANDOM_CASES(20); number++)
		test_in_sample(number);
	for (int number = 0; number < RANDOM_CASES(3); number++)
		test_many(number);
	for (int number = 0; number < RANDOM_CASES(20); number++)
		test_asking(number);
	test_ordinary();
	for (int number = 0; number < RANDOM_CASES(48); number++)
		test_repeated(number);
	for (int number = 0; number < RANDOM_CASES(12); number++)
		test_one_value(number);
	for (int number = 0; number < RANDOM_CASES(20); number++)
		test_first(number);
	for (int number = 0; number < RANDOM_CASES(24); number++)
		test_groups(number);
	for (int number = 0; number < RANDOM_CASES(24); number++)
		test_lone(random_start(3500 + number), number);
	/* where a far row weighs less than the other rows of the sample */
	test_lone((Random) {random_combine(20001, 3511)}, 11);
	test_lone((Random) {random_combine(20026, 3503)}, 3);
	for (int number = 0; number < RANDOM_CASES(24); number++)
		test_sparse(number);
}
