/*
 * test_structure.c
 *	  What a default fit finds: groups that stand apart, on whatever scales, in
 *	  whatever units and order of the columns; and that more starts never find
 *	  less.
 *
 * Tables of groups are drawn with groups at least 8 of their own deviations
 * apart.  What is then done to them may make the groups that were drawn no
 * optimum any more: so a table counts only if EM, begun with these groups, ends
 * with them, none of them has collapsed, and none is about as narrow as the floor, 1e-9
 * of the deviation of all rows: its covariance is not its own any more, and several such
 * groups are one.
 */
#include "unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Dimensions, groups and rows that tables have at most */
#define MOST_D 9
#define MOST_K 9
#define MOST_ROWS 6000

/* Deviations by which groups are apart, at least */
#define APART 8.0

/* Times the floor that a group's variances are, at least, if they are not 0 */
#define LEAST_WIDTH 400

/* How like the groups drawn those found have to be: adjusted Rand index */
#define ALIKE 0.99

typedef enum TableKind
{
	PLAIN,
	CODE,						/* a column that is constant in a group */
	FAR_ROW,					/* one row far from all others, as a group */
	SENTINEL,					/* a feature of one group is 9999 or the like */
	ROUNDED,
	N_KINDS
} TableKind;

static const char *const kind_names[N_KINDS] = {
	"nothing else", "a code", "a far row", "a sentinel", "rounded"
};

/* Rows of groups. */
typedef struct Table
{
	MixtureCovarianceType type;
	TableKind	kind;
	bool		many_scales;	/* distances over six orders of magnitude */
	int			d;
	int			k;
	Rows	   *rows;
	int			labels[MOST_ROWS + 1];
	double		factors[MOST_K][MOST_D][MOST_D];	/* of covariances */
	double		widest[MOST_K]; /* deviation in any direction */
	double		means[MOST_K][MOST_D];
	int			sizes[MOST_K];
} Table;

static double
uniform_between(Random *random, double least, double most)
{
	return least + (most - least) * random_uniform(random);
}

/* A random orthonormal basis, by Gram and Schmidt's method. */
static void
random_basis(Random *random, int d, double basis[MOST_D][MOST_D])
{
	for (int i = 0; i < d; i++)
	{
		double		squares = 0;

		for (int j = 0; j < d; j++)
			basis[i][j] = random_normal(random);
		for (int twice = 0; twice < 2; twice++)
			for (int l = 0; l < i; l++)
			{
				double		dot = 0;

				for (int j = 0; j < d; j++)
					dot += basis[i][j] * basis[l][j];
				for (int j = 0; j < d; j++)
					basis[i][j] -= dot * basis[l][j];
			}
		for (int j = 0; j < d; j++)
			squares += basis[i][j] * basis[i][j];
		for (int j = 0; j < d; j++)
			basis[i][j] /= sqrt(squares);
	}
}

/* Draw the shape of group c: the family's, stretched by `scale`. */
static void
draw_factor(Random *random, Table *table, int c, double scale)
{
	int			d = table->d;
	double		basis[MOST_D][MOST_D] = {{0}};
	double		stretches[MOST_D];

	for (int j = 0; j < d; j++)
	{
		basis[j][j] = 1;
		stretches[j] = scale;
		if (table->type != MIXTURE_SPHERICAL)
			stretches[j] *= exp(uniform_between(random, -1.5, 1.5));
	}
	if (mixture_has_matrix(table->type))
		random_basis(random, d, basis);
	table->widest[c] = 0;
	for (int l = 0; l < d; l++)
		table->widest[c] = fmax(table->widest[c], stretches[l]);
	for (int i = 0; i < d; i++)
		for (int j = 0; j < d; j++)
		{
			table->factors[c][i][j] = 0;
			for (int l = 0; l < d; l++)
				table->factors[c][i][j] += basis[l][i] * stretches[l] * basis[l][j];
		}
}

static void
draw_factors(Random *random, Table *table)
{
	bool		mixed = random_uniform(random) < 0.4;

	for (int c = 0; c < table->k; c++)
		if (c == 0 || table->type != MIXTURE_TIED)
			draw_factor(random, table, c, mixed ? pow(10, uniform_between(random, -2, 2)) :
						exp(uniform_between(random, -0.5, 0.5)));
		else
		{
			memcpy(table->factors[c], table->factors[0], sizeof(table->factors[0]));
			table->widest[c] = table->widest[0];
		}
}

/* Draw sizes: from 30 (d + 1) rows, and up to 50 times that. */
static void
draw_sizes(Random *random, Table *table)
{
	int			least = 30 * (table->d + 1);
	bool		same = random_uniform(random) < 0.3;
	int			sum;

	for (int c = 0; c < table->k; c++)
		table->sizes[c] = (int) (least * (same || c == 0 ? 1 :
										  pow(50, random_uniform(random))));
	do
	{
		sum = 0;
		for (int c = 0; c < table->k; c++)
			sum += table->sizes[c];
		for (int c = 0; c < table->k && sum > MOST_ROWS; c++)
			table->sizes[c] = table->sizes[c] * 2 / 3 > least ? table->sizes[c] * 2 / 3 : least;
	} while (sum > MOST_ROWS);
}

/* Whether group c is far enough from those before it. */
static bool
stands_apart(const Table *table, int c)
{
	for (int other = 0; other < c; other++)
	{
		double		squares = 0;

		for (int j = 0; j < table->d; j++)
			squares += pow(table->means[c][j] - table->means[other][j], 2);
		if (sqrt(squares) < APART * fmax(table->widest[c], table->widest[other]))
			return false;
	}
	return true;
}

/* Put every group at some distance from an earlier one, some of them very far. */
static void
draw_means(Random *random, Table *table)
{
	double		separation = APART * exp(0.2 * fabs(random_normal(random)));
	bool		far_away = false;

	memset(table->means[0], 0, sizeof(table->means[0]));
	for (int c = 1; c < table->k; c++)
	{
		bool		goes_far;

		do
		{
			int			from = random_below(random, c);
			double		direction[MOST_D] = {0};
			double		length = 0;
			double		widths = table->widest[from] + table->widest[c];
			double		distance;

			goes_far = table->many_scales && !far_away && random_uniform(random) < 0.6;
			distance = widths * separation / 2 *
				(goes_far ? pow(10, uniform_between(random, 0, 6)) : exp(random_uniform(random)));
			if (random_uniform(random) < 0.3)
				direction[random_below(random, table->d)] = random_uniform(random) < 0.5 ? -1 : 1;
			else
				for (int j = 0; j < table->d; j++)
					direction[j] = random_normal(random);
			for (int j = 0; j < table->d; j++)
				length += direction[j] * direction[j];
			distance = fmax(distance, separation * fmax(table->widest[from], table->widest[c]));
			for (int j = 0; j < table->d; j++)
				table->means[c][j] = table->means[from][j] + direction[j] / sqrt(length) * distance;
		} while (!stands_apart(table, c));
		far_away = far_away || goes_far;
	}
}

/* The rows of the groups, in columns of which the last is free for a code. */
static void
draw_rows(Random *random, Table *table, int n_columns)
{
	int64_t		row = 0;
	int64_t		n = 0;

	for (int c = 0; c < table->k; c++)
		n += table->sizes[c];
	table->rows = rows_allocate(n + (table->kind == FAR_ROW), n_columns);
	for (int c = 0; c < table->k; c++)
		for (int i = 0; i < table->sizes[c]; i++, row++)
		{
			double	   *values = table->rows->values + row * n_columns;

			table->labels[row] = c;
			memcpy(values, table->means[c], table->d * sizeof(double));
			for (int l = 0; l < table->d; l++)
			{
				double		normal = random_normal(random);

				for (int j = 0; j < table->d; j++)
					values[j] += normal * table->factors[c][j][l];
			}
		}
}

/* Do to the rows, n of which are drawn, what the table's kind is about. */
static void
spoil_rows(Random *random, Table *table, int64_t n)
{
	static const double sentinels[] = {9999, -999, 1e6, -10};
	Rows	   *rows = table->rows;
	int			d = rows->d;
	int			codes[MOST_K];
	int			column = random_below(random, d);
	int			group = random_below(random, table->k);
	double		sentinel = sentinels[random_below(random, 4)];
	double		far_away = pow(10, uniform_between(random, 1, 4));
	double		least = INFINITY;
	double		most = 0;
	double		grain = 1 << random_below(random, 3);

	for (int c = 0; c < table->k; c++)
	{
		codes[c] = random_below(random, 2 + table->k / 2);
		for (int j = 0; j < table->d; j++)
			least = fmin(least, fabs(table->factors[c][j][j]));
	}
	for (int64_t i = 0; i < n; i++)
		for (int j = 0; j < d; j++)
		{
			double	   *value = &rows->values[i * d + j];

			if (table->kind == CODE && j == d - 1)
				*value = codes[table->labels[i]];
			if (table->kind == ROUNDED)
				*value = nearbyint(*value / least * grain) * least;
			most = fmax(most, fabs(*value));
		}

	/* a value that no row has, as such values are chosen */
	for (int64_t i = 0; i < n && table->kind == SENTINEL; i++)
		if (table->labels[i] == group)
			rows->values[i * d + column] = sentinel * most;
	if (table->kind != FAR_ROW)
		return;
	for (int j = 0; j < d; j++)
		rows->values[n * d + j] = most * far_away * (random_uniform(random) < 0.5 ? -1 : 1);
	table->labels[n] = table->k++;
}

/* Give the columns units and offsets, the same to all where one variance is shared. */
static void
change_units(Random *random, Table *table)
{
	Rows	   *rows = table->rows;
	double		unit = 1;
	double		offset = 0;

	for (int j = 0; j < rows->d; j++)
	{
		if (j == 0 || table->type != MIXTURE_SPHERICAL)
		{
			unit = pow(10, uniform_between(random, -4, 6));
			offset = unit * random_normal(random) * pow(10, uniform_between(random, 0, 4));
		}
		for (int64_t i = 0; i < rows->n; i++)
			rows->values[i * rows->d + j] = unit * rows->values[i * rows->d + j] + offset;
	}
	rows_seal(rows);
}

static Table *
draw_table(Random *random, MixtureCovarianceType type, TableKind kind)
{
	Table	   *table = malloc(sizeof(Table));

	table->type = type;
	table->kind = kind;
	table->many_scales = random_uniform(random) < 0.5;
	table->d = 1 + random_below(random, 8);
	table->k = 2 + random_below(random, 7);
	draw_factors(random, table);
	draw_sizes(random, table);
	draw_means(random, table);
	draw_rows(random, table, table->d + (kind == CODE));
	spoil_rows(random, table, table->rows->n - (kind == FAR_ROW));
	change_units(random, table);
	return table;
}

static void
free_table(Table *table)
{
	rows_free(table->rows);
	free(table);
}

static double
n_pairs(double n)
{
	return n * (n - 1) / 2;
}

/* The adjusted Rand index of two partitions of n rows (Hubert and Arabie 1985). */
static double
rand_index(const int *a, const int *b, int64_t n)
{
	double		both[MOST_K][MOST_K] = {{0}};
	double		in_a[MOST_K] = {0};
	double		in_b[MOST_K] = {0};
	double		sum = 0;
	double		pairs_a = 0;
	double		pairs_b = 0;
	double		expected;

	for (int64_t i = 0; i < n; i++)
	{
		both[a[i]][b[i]]++;
		in_a[a[i]]++;
		in_b[b[i]]++;
	}
	for (int c = 0; c < MOST_K; c++)
	{
		pairs_a += n_pairs(in_a[c]);
		pairs_b += n_pairs(in_b[c]);
		for (int e = 0; e < MOST_K; e++)
			sum += n_pairs(both[c][e]);
	}
	expected = pairs_a * pairs_b / n_pairs((double) n);
	return (sum - expected) / ((pairs_a + pairs_b) / 2 - expected);
}

/* The component that each row is given to. */
static void
predict_rows(const MixtureParameters *parameters, const Rows *rows, int *components)
{
	MixtureError error;
	MixturePrepared *prepared = mixture_prepare_rows(parameters, &unit_host, &error);
	double	   *work;

	if (prepared == NULL)
		abort();
	work = malloc(mixture_row_work_size(prepared) * sizeof(double));
	for (int64_t i = 0; i < rows->n; i++)
		components[i] = mixture_row_predict(prepared, rows->values + i * rows->d, work);
	free(work);
	unit_host.release(NULL, prepared);
}

/* The mixture that has the table's groups for components. */
static void
groups_as_mixture(const Table *table, MixtureParameters *parameters)
{
	const Rows *rows = table->rows;
	int			d = rows->d;
	MixtureParameters nowhere;
	MixtureStats *stats = mixture_allocate_stats(table->type, table->k, d, &unit_host);
	size_t		step = table->type == MIXTURE_TIED ? 0 : mixture_factor_count(table->type, d);
	double		floor[MOST_D];
	double		difference[MOST_D];

	mixture_allocate_parameters(&nowhere, table->type, table->k, d, &unit_host);
	mixture_allocate_parameters(parameters, table->type, table->k, d, &unit_host);
	mixture_clear_stats(stats);
	for (int64_t i = 0; i < rows->n; i++)
	{
		int			c = table->labels[i];
		double	   *mean = nowhere.means + c * d;

		/* about each group's first row */
		if (stats->component_weights[c]++ == 0)
			memcpy(mean, rows->values + i * d, d * sizeof(double));
		for (int j = 0; j < d; j++)
			stats->firsts[c * d + j] += difference[j] = rows->values[i * d + j] - mean[j];
		/* the sum of a trace, of which this adds the mean */
		mixture_add_outer(table->type, d, stats->seconds + c * step,
						  table->type == MIXTURE_SPHERICAL ? d : 1, difference);
	}
	for (int j = 0; j < d; j++)
	{
		double		sum = 0;
		double		squares = 0;
		double		first = rows->values[j];

		for (int64_t i = 0; i < rows->n; i++)
		{
			sum += rows->values[i * d + j] - first;
			squares += pow(rows->values[i * d + j] - first, 2);
		}
		floor[j] = MIXTURE_LEAST_FLOOR * (squares - sum * sum / rows->n) / rows->n;
	}
	mixture_maximize(stats, &nowhere, &(MixtureBounds) {.floor = floor}, parameters, &unit_host);
	mixture_release_parameters(&nowhere, &unit_host);
	mixture_release_stats(stats, &unit_host);
}

/* The variance of a feature in the rows of a group, or with -1 for it of all. */
static double
feature_variance(const Table *table, int group, int j)
{
	const Rows *rows = table->rows;
	double		n = 0;
	double		mean = 0;
	double		squares = 0;

	for (int64_t i = 0; i < rows->n; i++)
		if (group < 0 || table->labels[i] == group)
		{
			double		apart = rows->values[i * rows->d + j] - mean;

			mean += apart / ++n;
			squares += apart * (rows->values[i * rows->d + j] - mean);
		}
	return squares / n;
}

/* Whether every group is wider than the floor, in features that spread in it. */
static bool
groups_are_wide(const Table *table)
{
	int			d = table->rows->d;
	double		mean = 0;

	for (int j = 0; j < d; j++)
		mean += feature_variance(table, -1, j) / d;
	for (int j = 0; j < d; j++)
	{
		double		least = LEAST_WIDTH * MIXTURE_LEAST_FLOOR *
			(table->type == MIXTURE_SPHERICAL ? mean : feature_variance(table, -1, j));

		for (int c = 0; c < table->k; c++)
		{
			double		variance = feature_variance(table, c, j);

			if (variance > 0 && variance < least)
				return false;
		}
	}
	return true;
}

/* How like the table's groups those are that EM comes to from them; 0: one has collapsed. */
static double
groups_stay(const Table *table)
{
	MixtureSuspicion suspicions[MOST_K];
	MixtureOptions options = default_options(table->type);
	int		   *components = malloc(table->rows->n * sizeof(int));
	double		alike = 0;
	MixtureParameters start;
	MixtureFit	fit;
	MixtureError error;

	groups_as_mixture(table, &start);
	if (mixture_refit(&table->rows->source, &start, &options, &unit_host, &fit, &error) == MIXTURE_OK)
	{
		predict_rows(&fit.parameters, table->rows, components);
		alike = rand_index(table->labels, components, table->rows->n);
		mixture_judge(&fit.parameters, mixture_judged_rows(&fit.info), options.reg_covar, suspicions,
					  &unit_host);
		for (int c = 0; c < table->k; c++)
			if (suspicions[c] == MIXTURE_COLLAPSED)
				alike = 0;
	}
	mixture_release_parameters(&fit.parameters, &unit_host);
	mixture_release_parameters(&start, &unit_host);
	free(components);
	return alike;
}

/* How like the table's groups those are that a default call finds in these rows. */
static double
groups_found(const Table *table, const Rows *rows)
{
	MixtureOptions options = default_options(table->type);
	int		   *components = malloc(rows->n * sizeof(int));
	double		alike = 0;
	MixtureFit	fit;
	MixtureError error;

	if (mixture_fit(&rows->source, table->k, &options, &unit_host, &fit, &error) == MIXTURE_OK)
	{
		predict_rows(&fit.parameters, rows, components);
		alike = rand_index(table->labels, components, rows->n);
		mixture_release_parameters(&fit.parameters, &unit_host);
	}
	free(components);
	return alike;
}

/* The rows with their columns in another order, and in other units. */
static Rows *
other_columns(Random *random, const Table *table)
{
	const Rows *rows = table->rows;
	int			d = rows->d;
	Rows	   *other = rows_allocate(rows->n, d);
	int			first = random_below(random, d);
	double		unit = 1;

	for (int j = 0; j < d; j++)
	{
		int			to = (j + first) % d;

		if (j == 0 || table->type != MIXTURE_SPHERICAL)
			unit = pow(10, uniform_between(random, -3, 3));
		for (int64_t i = 0; i < rows->n; i++)
			other->values[i * d + to] = unit * rows->values[i * d + j];
	}
	rows_seal(other);
	return other;
}

/* One table: what is wrong with it is the test's name. */
static void
test_plain(int number)
{
	Random		random = random_start(1000 + number);
	Table	   *table = NULL;
	Rows	   *other;
	double		found;
	double		moved;

	do
	{
		MixtureCovarianceType type = (MixtureCovarianceType) random_below(&random, 4);
		TableKind	kind = (TableKind) random_below(&random, N_KINDS);

		if (table != NULL)
			free_table(table);
		if (type == MIXTURE_SPHERICAL && (kind == CODE || kind == SENTINEL))
			kind = PLAIN;
		table = draw_table(&random, type, kind);
	} while (!groups_are_wide(table) || groups_stay(table) < 0.995);
	other = other_columns(&random, table);
	found = groups_found(table, table->rows);
	moved = groups_found(table, other);
	check(found >= ALIKE && moved >= ALIKE,
		  "table %d, %s, %d rows, d %d, k %d, %s, %s: groups are found (%.4f; %.4f in other "
		  "units and another order of the columns)", number, family_names[table->type],
		  (int) table->rows->n, table->rows->d, table->k, kind_names[table->kind],
		  table->many_scales ? "many scales" : "one scale", found, moved);
	rows_free(other);
	free_table(table);
}

/* Whether the means of feature 0 are these, in any order. */
static bool
has_means(const MixtureParameters *parameters, const double *means, double tolerance)
{
	bool		all = true;

	for (int i = 0; i < parameters->k; i++)
	{
		bool		found = false;

		for (int c = 0; c < parameters->k; c++)
			found = found || fabs(parameters->means[c * parameters->d] - means[i]) <= tolerance;
		all = all && found;
	}
	return all;
}

/* Fit the rows, which are given back, and look at the means of feature 0. */
static void
check_means(Rows *rows, int k, MixtureCovarianceType type, const double *means,
			double tolerance, const char *what)
{
	MixtureOptions options = default_options(type);
	MixtureFit	fit;
	MixtureError error;

	rows_seal(rows);
	if (mixture_fit(&rows->source, k, &options, &unit_host, &fit, &error) != MIXTURE_OK)
		abort();
	check(has_means(&fit.parameters, means, tolerance), "%s (%s)", what, family_names[type]);
	mixture_release_parameters(&fit.parameters, &unit_host);
	rows_free(rows);
}

static Rows *
column(const double *values, int64_t n, int d)
{
	Rows	   *rows = rows_allocate(n, d);

	memcpy(rows->values, values, n * d * sizeof(double));
	return rows;
}

/* Tables small enough to see what is right. */
static void
test_small_tables(void)
{
	static const double triples[] = {1, 2, 3, 11, 12, 13, 1001, 1002, 1003};
	static const double far_one[] = {
		0.1, -0.4, 0.9, -1.2, 0.3, 1.5, -0.7, 0.6, -0.2, -0.9, 8.2, 7.5, 9.1, 7.0, 8.4, 9.3,
		7.2, 8.7, 7.9, 6.7, 100
	};
	static const double code[] = {
		0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 1, 101, 1, 102, 1, 103, 1, 104, 1, 105
	};
	static const double six[] = {1, 2, 1, 4, 1, 0, 10, 2, 10, 4, 10, 0};
	Random		random = random_start(90);
	Rows	   *rows = rows_allocate(3000, 1);

	for (int i = 0; i < 3000; i++)
	{
		double		which = random_uniform(&random);

		rows->values[i] = (which < 0.34 ? 0 : which < 0.67 ? 8 : 150) + random_normal(&random);
	}
	check_means(rows, 3, MIXTURE_FULL, (double[]) {0, 8, 150}, 0.3,
				"two groups that are near and one far away are three");
	check_means(column(triples, 9, 1), 3, MIXTURE_TIED, (double[]) {2, 12, 1002}, 1e-3,
				"three times three values are three groups");
	check_means(column(far_one, 21, 1), 3, MIXTURE_FULL, (double[]) {0, 8, 100}, 0.05,
				"a far row is a group beside two");
	for (MixtureCovarianceType type = MIXTURE_FULL; type <= MIXTURE_SPHERICAL; type++)
	{
		if (type != MIXTURE_SPHERICAL)
			check_means(column(code, 10, 2), 2, type, (double[]) {0, 1}, 1e-6,
						"a code beside a number tells two groups");
		check_means(column(six, 6, 2), 2, type, (double[]) {1, 10}, 1e-6,
					"six rows are two groups of three");
	}
}

/*
 * What a search ends with that makes this many starts: on rows that all are in
 * the sample.
 */
static void
search_rows(const Rows *rows, int k, const MixtureOptions *options, double *score,
			int *n_artefacts)
{
	Scales		scales;
	Sample		sample;
	Search		search;
	MixtureError error;

	if (search_prepare(&scales, &sample, &rows->source, k, k,
					   mixture_has_matrix(options->covariance_type), options, &unit_host,
					   &error) != MIXTURE_OK)
		abort();
	search_begin(&search, &scales, &sample, k, options, &unit_host);
	if (search_sample(&search, &error) != MIXTURE_OK)
		abort();
	*score = search.best.score;
	*n_artefacts = search.best.n_artefacts;
	search_end(&search);
	sample_release(&sample, &unit_host);
	scales_release(&scales, &unit_host);
}

/* More starts end no lower, with no more artefacts. */
static void
test_more_starts(void)
{
	static const int numbers[] = {1, 3, 10, 30, 100};
	int			n_lower = 0;
	int			n_more = 0;
	int			n_higher = 0;

	for (int try = 0; try < 30; try++)
	{
		Random		random = random_start(2000 + try);
		MixtureCovarianceType type = (MixtureCovarianceType) (try % 4);
		int			d = 1 + random_below(&random, 4);
		int			k = 3 + random_below(&random, 3);
		Rows	   *rows = rows_clusters(&random, 100 + random_below(&random, 150), d, k,
										 1 + 2 * random_uniform(&random));
		double		before = -INFINITY;
		int			artefacts_before = k;

		for (int i = 0; i < 5; i++)
		{
			MixtureOptions options = default_options(type);
			double		score;
			int			n_artefacts;

			options.n_init = numbers[i];
			search_rows(rows, k, &options, &score, &n_artefacts);
			n_lower += score < before;
			n_more += n_artefacts > artefacts_before;
			n_higher += i > 0 && score > before;
			before = score;
			artefacts_before = n_artefacts;
		}
		rows_free(rows);
	}
	check(n_lower == 0, "more starts never end lower (%d of 120 do, %d higher)", n_lower, n_higher);
	check(n_more == 0, "nor with more artefacts (%d of 120)", n_more);
}

void
test_structure(void)
{
	test_small_tables();
	test_more_starts();
	for (int number = 0; number < RANDOM_CASES(40); number++)
		test_plain(number);
}
