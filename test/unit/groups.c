/*
 * groups.c
 *	  Tables of groups that stand apart: at least 8 of their own deviations, on whatever
 *	  scales, in whatever units.
 *
 * What is done to the groups that are drawn may make them no optimum any more: so a
 * table counts only if EM, begun with these groups, ends with them, none of them has
 * collapsed, and none is about as narrow as the floor, 1e-9 of the deviation of all
 * rows: its covariance is not its own any more, and several such groups are one.
 */
#include "groups.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Deviations by which groups are apart, at least */
#define APART 8.0

/* Times the floor that a group's variances are, at least, if they are not 0 */
#define LEAST_WIDTH 400

/* How like the groups drawn those are that EM comes to from them: adjusted Rand index */
#define STAYS 0.995

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

/* Draw the shape of group c: the family's, stretched by `scale`, along this basis. */
static void
draw_factor(Random *random, Table *table, int c, double scale, double basis[MOST_D][MOST_D])
{
	int			d = table->d;
	double		stretches[MOST_D];

	for (int j = 0; j < d; j++)
	{
		stretches[j] = scale;
		if (table->type != MIXTURE_SPHERICAL && table->layout != PARALLEL)
			stretches[j] *= exp(uniform_between(random, -1.5, 1.5));
	}
	if (table->layout == PARALLEL)
		stretches[0] *= pow(10, uniform_between(random, 0.5, 2));
	table->widest[c] = 0;
	for (int l = 0; l < d; l++)
	{
		table->widest[c] = fmax(table->widest[c], stretches[l]);
		table->narrowest = fmin(table->narrowest, stretches[l]);
	}
	for (int i = 0; i < d; i++)
		for (int j = 0; j < d; j++)
		{
			table->factors[c][i][j] = 0;
			for (int l = 0; l < d; l++)
				table->factors[c][i][j] += basis[l][i] * stretches[l] * basis[l][j];
		}
}

/* The features' own directions, or any, where the family knows of them. */
static void
draw_basis(Random *random, const Table *table, double basis[MOST_D][MOST_D])
{
	memset(basis, 0, sizeof(double) * MOST_D * MOST_D);
	for (int j = 0; j < table->d; j++)
		basis[j][j] = 1;
	if (mixture_has_matrix(table->type))
		random_basis(random, table->d, basis);
}

static void
draw_factors(Random *random, Table *table, double basis[MOST_D][MOST_D])
{
	bool		mixed = random_uniform(random) < 0.4 && table->layout != PARALLEL;

	for (int c = 0; c < table->k; c++)
		if (c == 0 || table->type != MIXTURE_TIED)
		{
			if (c > 0 && table->layout != PARALLEL)
				draw_basis(random, table, basis);
			draw_factor(random, table, c, mixed ? pow(10, uniform_between(random, -2, 2)) :
						exp(uniform_between(random, -0.5, 0.5)), basis);
		}
		else
		{
			memcpy(table->factors[c], table->factors[0], sizeof(table->factors[0]));
			table->widest[c] = table->widest[0];
		}
}

/* Draw sizes: from 30 (d + 1) rows, and up to 50 times that. */
static void
draw_sizes(Random *random, Table *table, int least_rows, int most_rows)
{
	int			least = 30 * (table->d + table->n_codes + 1);
	bool		same = random_uniform(random) < 0.3;
	int			wanted = least_rows + random_below(random, most_rows - least_rows + 1);
	int			sum;

	for (int c = 0; c < table->k; c++)
		table->sizes[c] = (int) (least * (same || c == 0 ? 1 : pow(50, random_uniform(random))));
	do
	{
		sum = 0;
		for (int c = 0; c < table->k; c++)
			sum += table->sizes[c];
		for (int c = 0; c < table->k && sum < least_rows; c++)
			table->sizes[c] = (int) ((double) table->sizes[c] * wanted / sum) + 1;
		for (int c = 0; c < table->k && sum > most_rows; c++)
			table->sizes[c] = table->sizes[c] * 2 / 3 > least ? table->sizes[c] * 2 / 3 : least;
	} while (sum > most_rows || sum < least_rows);
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

/* A direction of length 1, along a feature or not. */
static void
draw_direction(Random *random, int d, double *direction)
{
	bool		along = random_uniform(random) < 0.3;
	int			feature = random_below(random, d);
	double		squares = 0;

	for (int j = 0; j < d; j++)
	{
		double		normal = random_normal(random);

		direction[j] = along && j != feature ? 0 : normal;
		squares += direction[j] * direction[j];
	}
	for (int j = 0; j < d; j++)
		direction[j] /= sqrt(squares);
}

/* Put every group at some distance from an earlier one, some of them very far. */
static void
scatter(Random *random, Table *table, double separation)
{
	bool		far_away = false;

	for (int c = 1; c < table->k; c++)
	{
		bool		goes_far;

		do
		{
			int			from = random_below(random, c);
			double		direction[MOST_D];
			double		widths = table->widest[from] + table->widest[c];
			double		distance;

			draw_direction(random, table->d, direction);
			goes_far = table->many_scales && !far_away && random_uniform(random) < 0.6;
			distance = widths * separation / 2 *
				(goes_far ? pow(10, uniform_between(random, 0, 6)) : exp(random_uniform(random)));
			distance = fmax(distance, separation * fmax(table->widest[from], table->widest[c]));
			for (int j = 0; j < table->d; j++)
				table->means[c][j] = table->means[from][j] + direction[j] * distance;
		} while (!stands_apart(table, c));
		far_away = far_away || goes_far;
	}
}

/* Put the groups at points of a lattice of as many directions as there may be. */
static void
put_on_lattice(Random *random, Table *table, double step, double basis[MOST_D][MOST_D])
{
	int			n = 1 + random_below(random, table->d < 3 ? table->d : 3);
	int			side = 1;
	int			points = 0;
	int			order[64];

	while (points < table->k)
	{
		side++;
		points = side * (n > 1 ? side : 1) * (n > 2 ? side : 1);
	}
	random_order(random, order, points);
	for (int c = 0; c < table->k; c++)
		for (int l = 0, point = order[c]; l < n; l++, point /= side)
			for (int j = 0; j < table->d; j++)
				table->means[c][j] += point % side * step * basis[l][j];
}

/* Put long groups beside each other: those far enough along are far enough. */
static void
put_beside(Random *random, Table *table, double separation, double basis[MOST_D][MOST_D])
{
	double		at = 0;
	double		width = 0;

	for (int c = 0; c < table->k; c++)
	{
		double		along = table->widest[c] * uniform_between(random, -1, 1);
		double		across = 0;

		for (int i = 0; i < table->d; i++)
			for (int j = 0; j < table->d; j++)
				across += basis[1][i] * table->factors[c][i][j] * basis[1][j];
		at += c == 0 ? 0 : separation * fmax(across, width) * exp(random_uniform(random));
		width = across;
		for (int j = 0; j < table->d; j++)
			table->means[c][j] = at * basis[1][j] + along * basis[0][j];
	}
}

/* Put the groups in pairs, pairs of these far from each other, and so on. */
static void
nest(Random *random, Table *table, double step)
{
	for (int pairs = 1; pairs < table->k; pairs *= 2)
	{
		double		direction[MOST_D];

		draw_direction(random, table->d, direction);
		for (int c = 0; c < table->k; c++)
			for (int j = 0; j < table->d && c / pairs % 2 == 1; j++)
				table->means[c][j] += step * direction[j];
		step *= pow(10, uniform_between(random, 0.5, 2));
	}
}

static void
draw_means(Random *random, Table *table, double basis[MOST_D][MOST_D])
{
	double		separation = APART * exp(0.2 * fabs(random_normal(random)));
	double		widest = 0;
	bool		apart;

	for (int c = 0; c < table->k; c++)
		widest = fmax(widest, table->widest[c]);
	do
	{
		memset(table->means, 0, sizeof(table->means));
		if (table->layout == SCATTERED)
			scatter(random, table, separation);
		else if (table->layout == LATTICE)
			put_on_lattice(random, table, widest * separation, basis);
		else if (table->layout == PARALLEL)
			put_beside(random, table, separation, basis);
		else
			nest(random, table, widest * separation);
		apart = true;
		for (int c = 1; c < table->k && table->layout == NESTED; c++)
			apart = apart && stands_apart(table, c);
	} while (!apart);
}

/* The rows of the groups, in columns of which the last are free for codes. */
static void
draw_rows(Random *random, Table *table)
{
	int			n_columns = table->d + table->n_codes;
	int64_t		row = 0;
	int64_t		n = table->n_far;

	for (int c = 0; c < table->k; c++)
		n += table->sizes[c];
	table->rows = rows_allocate(n, n_columns);
	table->labels = malloc(n * sizeof(int));
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

/* Round the first n rows, if they are to be; *most: the largest value. */
static void
round_rows(Random *random, Table *table, int64_t n, double *most)
{
	Rows	   *rows = table->rows;
	double		grain = table->narrowest / (1 << random_below(random, 3));

	*most = 0;
	for (int64_t i = 0; i < n; i++)
		for (int j = 0; j < table->d; j++)
		{
			double	   *value = &rows->values[i * rows->d + j];

			if (table->rounded)
				*value = nearbyint(*value / grain) * grain;
			*most = fmax(*most, fabs(*value));
		}
}

/* Fill the columns of codes, and give a feature of some groups one value. */
static void
put_codes(Random *random, Table *table, int64_t n, double most)
{
	static const double sentinels[] = {9999, -999, 1e6, -10, -2};
	Rows	   *rows = table->rows;

	for (int j = table->d; j < rows->d; j++)
	{
		int			codes[MOST_K];

		for (int c = 0; c < table->k; c++)
			codes[c] = random_below(random, 2 + table->k / 2);
		for (int64_t i = 0; i < n; i++)
			rows->values[i * rows->d + j] = codes[table->labels[i]];
	}
	for (int number = 0; number < table->n_sentinels; number++)
	{
		/* a value that no row has, as such values are chosen */
		double		sentinel = sentinels[random_below(random, 5)] * most;
		int			column = random_below(random, table->d);
		int			group = random_below(random, table->k);

		for (int64_t i = 0; i < n; i++)
			if (table->labels[i] == group)
				rows->values[i * rows->d + column] = sentinel;
	}
}

/* Put the rows that are far from all others after the n that are not. */
static void
put_far(Random *random, Table *table, int64_t n)
{
	Rows	   *rows = table->rows;
	double		most = 0;

	for (int64_t i = 0; i < n * rows->d; i++)
		most = fmax(most, fabs(rows->values[i]));
	for (int64_t i = n; i < rows->n; i++)
	{
		double		distance = most * pow(10, uniform_between(random, 1, 4));
		double		direction[MOST_D];

		draw_direction(random, rows->d, direction);
		for (int j = 0; j < rows->d; j++)
			rows->values[i * rows->d + j] = distance * direction[j];
		table->labels[i] = table->far_are_groups ? table->k++ : random_below(random, table->k);
	}
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

/* What kind of table it is. */
static void
draw_kind(Random *random, Table *table, int most_far)
{
	bool		tells = random_uniform(random) < 0.4;
	bool		is_sentinel = random_uniform(random) < 0.4;

	table->type = (MixtureCovarianceType) random_below(random, 4);
	table->layout = (GroupLayout) random_below(random, N_LAYOUTS);
	table->many_scales = random_uniform(random) < 0.5;
	/* a variance that all share is not that of a feature that is constant, or a group */
	tells = tells && table->type != MIXTURE_SPHERICAL;
	is_sentinel = is_sentinel && table->type != MIXTURE_SPHERICAL && table->type != MIXTURE_TIED;
	table->n_codes = tells ? 1 + random_below(random, 3) : 0;
	table->n_sentinels = is_sentinel ? 1 + random_below(random, 2) : 0;
	table->n_far = random_uniform(random) < 0.4 ? 1 + random_below(random, most_far) : 0;
	/* nor that of a row far from its group */
	table->far_are_groups = random_uniform(random) < 0.5 || table->type == MIXTURE_TIED;
	table->rounded = random_uniform(random) < 0.2;
	table->d = 1 + random_below(random, MOST_D - table->n_codes);
	table->k = 2 + random_below(random, MOST_K - MOST_FAR - 1);
	/* in one column a far row may be worth less than what cutting a group in two gains */
	if (table->far_are_groups && table->d + table->n_codes == 1 && table->n_far > 1)
		table->n_far = 1;
	if (table->layout == PARALLEL && (table->d < 2 || table->type == MIXTURE_SPHERICAL))
		table->layout = SCATTERED;
}

static Table *
draw_table(Random *random, int least_rows, int most_rows, int most_far)
{
	Table	   *table = malloc(sizeof(Table));
	double		basis[MOST_D][MOST_D];
	double		most;
	int64_t		n;

	table->narrowest = INFINITY;
	draw_kind(random, table, most_far);
	draw_basis(random, table, basis);
	draw_factors(random, table, basis);
	draw_sizes(random, table, least_rows, most_rows);
	draw_means(random, table, basis);
	draw_rows(random, table);
	n = table->rows->n - table->n_far;
	round_rows(random, table, n, &most);
	put_codes(random, table, n, most);
	put_far(random, table, n);
	change_units(random, table);
	return table;
}

void
groups_free(Table *table)
{
	rows_free(table->rows);
	free(table->labels);
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
	mixture_maximize(stats, &nowhere, &(MixtureBounds){.floor = floor}, parameters, &unit_host);
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

/*
 * How like the table's groups those are that a mixture tells in these rows, in their order;
 * far rows that are no groups may be in any.
 */
double
groups_alike(const Table *table, const MixtureParameters *parameters, const Rows *rows)
{
	int		   *components = malloc(rows->n * sizeof(int));
	double		alike;

	predict_rows(parameters, rows, components);
	alike = rand_index(table->labels, components,
					   rows->n - (table->far_are_groups ? 0 : table->n_far));
	free(components);
	return alike;
}

/*
 * Where EM comes to from the table's groups, far rows that are none being in whichever that
 * is the likeliest.  Returns whether to anything: then *fit is to be released.
 */
static bool
groups_fit(Table *table, MixtureFit *fit)
{
	MixtureOptions options = default_options(table->type);
	bool		join = table->n_far > 0 && !table->far_are_groups;
	bool		found = false;

	for (int c = 0; c < (join ? table->k : 1); c++)
	{
		MixtureParameters start;
		MixtureError error;
		MixtureFit	next;

		for (int i = 0; i < table->n_far && join; i++)
			table->labels[table->rows->n - 1 - i] = c;
		groups_as_mixture(table, &start);
		if (mixture_refit(&table->rows->source, &start, &options, &unit_host, &next, &error) ==
			MIXTURE_OK)
		{
			if (found)
				mixture_release_parameters(next.info.log_likelihood > fit->info.log_likelihood ?
										   &fit->parameters : &next.parameters, &unit_host);
			if (!found || next.info.log_likelihood > fit->info.log_likelihood)
				*fit = next;
			found = true;
		}
		mixture_release_parameters(&start, &unit_host);
	}
	return found;
}

/* Whether EM stays at the table's groups, of which none collapses: then *fit is to be released. */
static bool
groups_stay(Table *table, MixtureFit *fit)
{
	MixtureSuspicion suspicions[MOST_K];
	double		reg_covar = default_options(table->type).reg_covar;
	bool		stay;

	if (!groups_fit(table, fit))
		return false;
	stay = groups_alike(table, &fit->parameters, table->rows) >= STAYS;
	mixture_judge(&fit->parameters, mixture_judged_rows(&fit->info), reg_covar, suspicions,
				  &unit_host);
	for (int c = 0; c < table->k; c++)
		stay = stay && suspicions[c] != MIXTURE_COLLAPSED;
	if (!stay)
		mixture_release_parameters(&fit->parameters, &unit_host);
	return stay;
}

/*
 * Draw a table that counts, of so many rows, of which at most most_far are far from all
 * others; *fit, to be released: where EM stays.
 */
Table *
groups_draw(Random *random, int least_rows, int most_rows, int most_far, MixtureFit *fit)
{
	for (;;)
	{
		Table	   *table = draw_table(random, least_rows, most_rows, most_far);

		if (groups_are_wide(table) && groups_stay(table, fit))
			return table;
		groups_free(table);
	}
}

/* What a table is, in words. */
void
groups_name(const Table *table, char *name, size_t size)
{
	static const char *const layouts[N_LAYOUTS] = {"scattered", "a lattice", "parallel", "nested"};

	snprintf(name, size, "%s, %d rows, d %d, k %d, %s%s, %d codes, %d sentinels, %d far %s%s",
			 family_names[table->type], (int) table->rows->n, table->rows->d, table->k,
			 layouts[table->layout],
			 table->layout == SCATTERED && table->many_scales ? " on many scales" : "",
			 table->n_codes, table->n_sentinels, table->n_far,
			 table->far_are_groups ? "groups" : "rows", table->rounded ? ", rounded" : "");
}
