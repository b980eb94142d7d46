/*
 * test_search.c
 *	  The parts of the search by themselves: cuts, mergers and moves.
 */
#include "unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/linalg.h"

/* Nothing speaks against any component. */
static const MixtureSuspicion sound[6] = {MIXTURE_SOUND};

/* Rows of two groups, 10 deviations apart along a line. */
typedef struct Pieces
{
	Rows	   *rows;
	double		line[8];		/* a unit vector */
	double		middle;			/* between the groups, along it */
	double		shear[8];		/* covariances are I + shear shear^T */
} Pieces;

/* The covariance within groups, as a component has it, in these units. */
static void
within_groups(const Pieces *pieces, MixtureCovarianceType type, const double *units,
			  double *within)
{
	int			d = pieces->rows->d;
	double		sheared[8];

	memset(within, 0, mixture_factor_count(type, d) * sizeof(double));
	for (int j = 0; j < d; j++)
	{
		double		alone[8] = {0};

		alone[j] = units[j];
		mixture_add_outer(type, d, within, 1, alone);
		sheared[j] = units[j] * pieces->shear[j];
	}
	mixture_add_outer(type, d, within, 1, sheared);
}

static void
draw_pieces(Random *random, Pieces *pieces, int d, int n_first, int n, bool sheared)
{
	double	   *shear = pieces->shear;
	double		length = 0;
	double		along = 0;
	double		apart;

	for (int j = 0; j < d; j++)
	{
		pieces->line[j] = random_normal(random);
		shear[j] = sheared ? random_normal(random) : 0;
		length += pieces->line[j] * pieces->line[j];
	}
	for (int i = 0; i < d; i++)
	{
		pieces->line[i] /= sqrt(length);
		along += pieces->line[i] * shear[i];
	}
	apart = 10 * sqrt(1 + along * along);
	pieces->middle = apart / 2;
	pieces->rows = rows_allocate(n, d);
	for (int i = 0; i < n; i++)
	{
		double		common = random_normal(random);

		for (int j = 0; j < d; j++)
			pieces->rows->values[i * d + j] = random_normal(random) + common * shear[j] +
				(i < n_first ? 0 : apart * pieces->line[j]);
	}
	rows_seal(pieces->rows);
}

/* Which rows are beyond a threshold along a line; returns how many. */
static int
rows_beyond(const Sample *sample, const double *line, double threshold, bool *beyond)
{
	int			n = 0;

	for (int64_t i = 0; i < sample->n_rows; i++)
		n += beyond[i] = linalg_dot(line, sample->rows + i * sample->d, sample->d) > threshold;
	return n;
}

/* How many rows are on one side of one and on the other of another. */
static int
rows_between(const bool *a, const bool *b, int n)
{
	int			n_other = 0;

	for (int i = 0; i < n; i++)
		n_other += a[i] != b[i];
	return n_other < n - n_other ? n_other : n - n_other;
}

/* How many rows are to the wrong side, at least, of a cut across a line: side of each row. */
static int
least_wrong(const Sample *sample, const double *line, const bool *sides, bool *beyond)
{
	int			n = (int) sample->n_rows;
	int			least = n;

	for (int i = 0; i < n; i++)
	{
		int			wrong;

		rows_beyond(sample, line, linalg_dot(line, sample->rows + i * sample->d, sample->d), beyond);
		wrong = rows_between(sides, beyond, n);
		least = wrong < least ? wrong : least;
	}
	return least;
}

/*
 * The cut of one of two groups: how many of n rows are to the wrong side, wherever across
 * its line it is; and how many are to another side of that in other units.
 */
static void
cut_pieces(Random *random, const Pieces *pieces, MixtureCovarianceType type, int *wrong, int *moved)
{
	int			n = (int) pieces->rows->n;
	int			d = pieces->rows->d;
	bool	   *sides[3];
	FeatureRange range;
	Sample		sample;
	ComponentRows of = {.n = n, .sum = n};
	Cuts	   *cuts;
	Cut			found;
	double		units[8] = {1, 1, 1, 1, 1, 1, 1, 1};
	double		within[36];

	sample_all(pieces->rows, &range, &sample);
	of.rows = malloc(n * sizeof(int64_t));
	of.shares = sample.weights;
	for (int i = 0; i < n; i++)
		of.rows[i] = i;
	for (int i = 0; i < 3; i++)
		sides[i] = calloc(n, sizeof(bool));
	rows_beyond(&sample, pieces->line, pieces->middle, sides[0]);
	cuts = cuts_create(&sample, type, &unit_host);
	*wrong = *moved = n;
	within_groups(pieces, type, units, within);
	cuts_about(cuts, within);
	if (cuts_find(cuts, &of, &found))
	{
		*wrong = least_wrong(&sample, found.line, sides[0], sides[1]);
		rows_beyond(&sample, found.line, found.threshold, sides[1]);
	}
	for (int j = 0; j < d; j++)
		units[j] = ldexp(1, type == MIXTURE_SPHERICAL ? 30 : random_below(random, 60) - 30);
	for (int i = 0; i < n * d; i++)
		sample.rows[i] *= units[i % d];
	within_groups(pieces, type, units, within);
	cuts_about(cuts, within);
	if (cuts_find(cuts, &of, &found))
	{
		rows_beyond(&sample, found.line, found.threshold, sides[2]);
		*moved = rows_between(sides[1], sides[2], n);
	}
	cuts_release(cuts);
	for (int i = 0; i < 3; i++)
		free(sides[i]);
	free(of.rows);
	sample_release(&sample, &unit_host);
	unit_host.release(unit_host.context, range.least);
}

/*
 * Two groups of a component are cut across the line that they lie on, whatever their sizes
 * and wherever they are, if their shape is one of the family; and in the same place in
 * whatever units.  Of groups with correlated features, which a family without
 * a matrix does not follow, it has no way to say which line they are apart along:
 * there all that holds is that units do not matter.
 */
static void
test_cuts(MixtureCovarianceType type, int ratio)
{
	Random		random = random_start(50 + 4 * ratio + type);
	int			most_wrong = 0;
	int			most_moved = 0;

	for (int try = 0; try < 24; try++)
	{
		int			d = 1 + try % 8;
		int			n = 18 * 21;
		bool		sheared = mixture_has_matrix(type) || try % 16 >= 8;
		Pieces		pieces;
		int			wrong;
		int			moved;

		draw_pieces(&random, &pieces, d, n / (1 + ratio), n, sheared);
		cut_pieces(&random, &pieces, type, &wrong, &moved);
		if (mixture_has_matrix(type) || !sheared)
			most_wrong = wrong > most_wrong ? wrong : most_wrong;
		most_moved = moved > most_moved ? moved : most_moved;
		rows_free(pieces.rows);
	}
	check(most_wrong <= 2, "%s: two groups of sizes 1 : %d are cut across their line (%d of 378 "
		  "rows to the wrong side at most)", family_names[type], ratio, most_wrong);
	check(most_moved == 0, "%s: and in the same place in other units (%d rows at most)",
		  family_names[type], most_moved);
}

/*
 * Where a component has no matrix two groups are cut between in more dimensions, too,
 * than half of the rows that are looked at.
 */
static void
test_cuts_in_many_dimensions(MixtureCovarianceType type, int d)
{
	Random		random = random_start(80 + type + d);
	int			n = 600;
	Rows	   *rows = rows_allocate(n, d);
	double	   *within = malloc(d * sizeof(double));
	int64_t		numbers[600];
	bool		sides[2][600];
	ComponentRows of = {.n = n,.rows = numbers,.sum = n};
	Cut			found;
	FeatureRange range;
	Sample		sample;
	Cuts	   *cuts;
	int			wrong = n;

	for (int j = 0; j < d; j++)
		within[j] = 1;
	for (int i = 0; i < n; i++)
	{
		numbers[i] = i;
		for (int j = 0; j < d; j++)
			rows->values[i * d + j] = random_normal(&random) + (i % 2) * 12 / sqrt(d);
	}
	rows_seal(rows);
	sample_all(rows, &range, &sample);
	of.shares = sample.weights;
	for (int i = 0; i < n; i++)
	{
		double		sum = 0;

		for (int j = 0; j < d; j++)
			sum += sample.rows[i * d + j];
		sides[0][i] = sum > 6 * sqrt(d);
	}
	cuts = cuts_create(&sample, type, &unit_host);
	cuts_about(cuts, within);
	if (cuts_find(cuts, &of, &found))
	{
		rows_beyond(&sample, found.line, found.threshold, sides[1]);
		wrong = rows_between(sides[0], sides[1], n);
	}
	check(wrong <= 6, "%s: two groups in %d dimensions are cut between (%d of %d rows to the wrong side)",
		  family_names[type], d, wrong, n);
	cuts_release(cuts);
	sample_release(&sample, &unit_host);
	unit_host.release(unit_host.context, range.least);
	free(within);
	rows_free(rows);
}

/*
 * Make two components of one, component c: along `line`, with the weight, mean
 * and covariance of both together those that the one had.
 */
static void
split_exactly(MixtureParameters *parameters, int c, int to, const double *line)
{
	int			d = parameters->d;

	parameters->weights[c] /= 2;
	parameters->weights[to] = parameters->weights[c];
	mixture_add_outer(parameters->covariance_type, d, parameters->covariances +
					  c * mixture_factor_count(parameters->covariance_type, d), -1, line);
	components_copy(parameters, c, parameters, to);
	for (int j = 0; j < d; j++)
	{
		parameters->means[c * d + j] -= line[j];
		parameters->means[to * d + j] += line[j];
	}
}

/*
 * Draw k groups far apart, and three pieces of each, which together are it: in
 * places by turns.
 */
static void
draw_groups(Random *random, MixtureCovarianceType type, int k, int d, MixtureParameters *groups,
			MixtureParameters *pieces)
{
	double		total = 0;

	random_parameters(random, groups, type, k, d);
	mixture_allocate_parameters(pieces, type, 3 * k, d, &unit_host);
	for (int c = 0; c < k; c++)
	{
		groups->weights[c] = pow(20, random_uniform(random));
		total += groups->weights[c];

		/* farther than any is wide */
		for (int j = 0; j < d; j++)
			groups->means[c * d + j] += 1000 * c * c * c;
	}
	for (int c = 0; c < k; c++)
	{
		groups->weights[c] /= total;
		pieces->weights[c] = groups->weights[c];
		components_copy(groups, c, pieces, c);
		for (int piece = 1; piece < 3; piece++)
		{
			double		line[8];
			double		length = 0;

			for (int j = 0; j < d; j++)
			{
				line[j] = random_normal(random);
				length += line[j] * line[j];
			}

			/* no component has less variance than 0.2 in any direction */
			for (int j = 0; j < d; j++)
				line[j] *= sqrt(0.09 / length);
			split_exactly(pieces, c, piece * k + c, line);
		}
	}
}

/* The mean of a mixture's covariances, which are matrices, into `pooled`. */
static void
pool_covariances(const MixtureParameters *parameters, double *pooled)
{
	size_t		count = linalg_packed_count(parameters->d);

	memset(pooled, 0, count * sizeof(double));
	for (int c = 0; c < parameters->k; c++)
		linalg_add_multiple(pooled, parameters->weights[c], parameters->covariances + c * count,
							(int) count);
}

/* How far the nearest of the pieces is from group c: with `count` covariance values. */
static double
nearest_piece(const MixtureParameters *groups, int c, const MixtureParameters *pieces,
			  size_t count)
{
	int			d = groups->d;
	double		nearest = INFINITY;

	for (int e = 0; e < pieces->k; e++)
		nearest = fmin(nearest, fmax(fabs(groups->weights[c] - pieces->weights[e]),
									 fmax(largest_difference(groups->means + c * d,
															 pieces->means + e * d, d, 1),
										  largest_difference(groups->covariances + c * count,
															 pieces->covariances + e * count,
															 count, 1))));
	return nearest;
}

/*
 * Pieces of groups are put together, and nothing else is: exactly.  Where all share a
 * covariance, it becomes that within the groups.
 */
static void
test_agglomeration(MixtureCovarianceType type)
{
	Random		random = random_start(140 + 2 * type);
	bool		shared = type == MIXTURE_TIED;
	double		worst = 0;

	for (int try = 0; try < 20; try++)
	{
		int			d = 1 + random_below(&random, 8);
		int			k = 2 + random_below(&random, 8);
		MixtureParameters groups;
		MixtureParameters pieces;
		MixtureParameters merged;
		double		pooled[36];

		draw_groups(&random, shared ? MIXTURE_FULL : type, k, d, &groups, &pieces);
		merged = pieces;
		if (shared)
		{
			merged.covariance_type = MIXTURE_TIED;
			merged.covariances = pooled;
			pool_covariances(&pieces, pooled);
		}
		components_agglomerate(&merged, 0, k, &unit_host);
		for (int c = 0; c < k; c++)
			worst = fmax(worst, merged.k != k ? INFINITY :
						 nearest_piece(&groups, c, &merged, shared ? 0 :
									   mixture_factor_count(type, d)));
		if (shared)
		{
			double		within[36];

			pool_covariances(&groups, within);
			worst = fmax(worst, largest_difference(within, pooled, linalg_packed_count(d), 1));
		}
		mixture_release_parameters(&pieces, &unit_host);
		mixture_release_parameters(&groups, &unit_host);
	}
	check(worst < 1e-9, "%s: pieces of groups come together again (%.1e)", family_names[type],
		  worst);
}

/* Clusters of which one component of start_crowded() spans two, and two share one. */
static const double crowded[5][2] = {{-4, 0}, {4, 0}, {20, 0}, {20.5, 0}, {0, 30}};

static void
start_crowded(MixtureParameters *parameters)
{
	for (int c = 0; c < 4; c++)
	{
		double		full[] = {c == 0 ? 17 : 1, 0, 1};

		parameters->weights[c] = c == 0 ? 0.4 : 0.2;
		parameters->means[2 * c] = c == 0 ? 0 : crowded[c + 1][0];
		parameters->means[2 * c + 1] = crowded[c + 1][1];
		if (parameters->covariance_type == MIXTURE_FULL)
			memcpy(parameters->covariances + 3 * c, full, sizeof(full));
		else if (parameters->covariance_type == MIXTURE_DIAG)
			memcpy(parameters->covariances + 2 * c, (double[]) {full[0], 1}, 2 * sizeof(double));
		else if (parameters->covariance_type == MIXTURE_SPHERICAL)
			parameters->covariances[c] = c == 0 ? 9 : 1;
		else
			memcpy(parameters->covariances, (double[]) {7.4, 0, 1}, sizeof(full));
	}
}

/* How far the cluster that is farthest from all means is from the nearest. */
static double
farthest_cluster(const MixtureParameters *parameters)
{
	double		most = 0;

	for (int c = 0; c < 5; c++)
	{
		double		nearest = INFINITY;

		for (int i = 0; i < 4; i++)
			nearest = fmin(nearest, fabs(parameters->means[2 * i] - crowded[c][0]) +
						   fabs(parameters->means[2 * i + 1] - crowded[c][1]));
		most = fmax(most, nearest);
	}
	return most;
}

/*
 * Where one component spans two clusters and two share one, that is the first
 * move to be proposed, and it leaves weights and mean of the whole as they are.
 */
static void
test_move(MixtureCovarianceType type)
{
	Random		random = random_start(11);
	Rows	   *rows = rows_allocate(1000, 2);
	double		floor[] = {1e-9, 1e-9};
	MixtureParameters parameters;
	FeatureRange range;
	Sample		sample;
	Moves		moves;
	Move		move;

	for (int i = 0; i < 2000; i++)
		rows->values[i] = crowded[i / 2 % 5][i % 2] + random_normal(&random);
	rows_seal(rows);
	sample_all(rows, &range, &sample);
	mixture_allocate_parameters(&parameters, type, 4, 2, &unit_host);
	moves_begin(&moves, type, 4, &sample, floor, &unit_host);
	start_crowded(&parameters);
	moves_judge(&moves, &parameters, sound, 1000, 1000);
	move = moves.proposed[0];
	check(moves.n_proposed > 0 && move.split == 0 && move.merge_into == 1 && move.merge_from == 2,
		  "what spans two clusters is to be split, what shares one to be merged (%s)",
		  family_names[type]);
	parameters.weights[1] = 0;
	parameters.weights[2] += 0.2;
	moves_judge(&moves, &parameters, sound, 1000, 1000);
	check(moves.n_proposed > 0 && isfinite(moves.proposed[0].gain) && moves.proposed[0].split == 0 &&
		  (moves.proposed[0].merge_into == 1 || moves.proposed[0].merge_from == 1) &&
		  moves.proposed[0].loss == 0,
		  "an empty component is merged away at no loss (%s)", family_names[type]);
	parameters.weights[1] = 0.2;
	parameters.weights[2] -= 0.2;
	moves_judge(&moves, &parameters, sound, 1000, 1000);
	moves_make(&moves, &move, &parameters);
	check(fabs(parameters.weights[0] + parameters.weights[1] + parameters.weights[2] +
			   parameters.weights[3] - 1) < 1e-12 && farthest_cluster(&parameters) < 1,
		  "a move keeps the sum of the weights, and puts a component on each cluster (%s)",
		  family_names[type]);
	moves_end(&moves);
	mixture_release_parameters(&parameters, &unit_host);
	sample_release(&sample, &unit_host);
	unit_host.release(unit_host.context, range.least);
	rows_free(rows);
}

/* Run EM, whose family is that of its points, from components whose means are rows. */
static void
run_from_rows(Random *random, const Rows *rows, int k, double tol, Em *em,
			  MixtureParameters *parameters, EmOutcome *outcome)
{
	int			d = rows->d;
	MixtureError error;

	random_parameters(random, parameters, em->points[0].covariance_type, k, d);
	for (int c = 0; c < k; c++)
		memcpy(parameters->means + d * c, rows->values + d * random_below(random, (int) rows->n),
			   d * sizeof(double));
	if (em_run(em, parameters, 500, tol, true, outcome, &error) != MIXTURE_OK)
		abort();
}

/*
 * Moves from where EM has come to raise the likelihood by what was said, or
 * more: but for rows of which a component has next to nothing, which is why the
 * draws are the same whatever the seed.
 */
static void
test_gains(MixtureCovarianceType type)
{
	Random		random = {12 + type};
	Rows	   *rows = rows_clusters(&random, 1500, 3, 6, 3);
	int			n_moves = 0;
	int			n_less = 0;

	for (int try = 0; try < 10; try++)
	{
		double		floor[] = {1e-9, 1e-9, 1e-9};
		MixtureParameters parameters;
		FeatureRange range;
		EmOutcome	outcome;
		MixtureError error;
		Sample		sample;
		Moves		moves;
		Em			em;

		sample_all(rows, &range, &sample);
		em_begin(&em, &sample.source, NULL, type, 6, floor, &unit_host);
		moves_begin(&moves, type, 6, &sample, floor, &unit_host);
		run_from_rows(&random, rows, 6, 1e-9, &em, &parameters, &outcome);
		moves_judge(&moves, &parameters, sound, outcome.sum_weights, outcome.sum_weights);
		for (int i = 0; i < moves.n_proposed; i++)
		{
			const Move *move = &moves.proposed[i];

			mixture_copy_parameters(&em.points[0], &parameters);
			moves_make(&moves, move, &em.points[0]);
			if (em_pass(&em, &em.points[0], false, &error) != MIXTURE_OK)
				abort();
			n_moves++;
			n_less += *em.stats->log_likelihood - outcome.log_likelihood <
				move->gain - 0.02 * move->loss;
		}
		em_end(&em);
		moves_end(&moves);
		mixture_release_parameters(&parameters, &unit_host);
		sample_release(&sample, &unit_host);
		unit_host.release(unit_host.context, range.least);
	}
	check(n_moves >= 10 && n_less == 0,
		  "a move gains what was said of it (%s: %d of %d moves less)", family_names[type],
		  n_less, n_moves);
	rows_free(rows);
}

/*
 * What a component is split into has the rows to stand on, however many rows are its in
 * some small part: among clouds that overlap, with a component to spare.  (But for a
 * tenth, since rows of which a component has next to nothing are not counted.)
 */
static void
test_small_sides(MixtureCovarianceType type)
{
	int			n_moves = 0;
	int			n_small = 0;

	for (int try = 0; try < 40; try++)
	{
		Random		random = random_start(40 + try);
		int			d = 2 + try % 4;
		int			k = 5;
		int			n = 3000;
		int64_t		least = cuts_least_rows(type, d);
		double		weight = try % 2 == 0 ? 1 : 0.25;
		double		floor[] = {1e-9, 1e-9, 1e-9, 1e-9, 1e-9};
		Rows	   *rows = rows_clusters(&random, n, d, k - 1, 2);
		MixtureParameters parameters;
		FeatureRange range;
		EmOutcome	outcome;
		Sample		sample;
		Moves		moves;
		Em			em;

		for (int i = 0; i < n; i++)
			rows->weights[i] = weight;
		rows_seal(rows);
		sample_all(rows, &range, &sample);
		em_begin(&em, &sample.source, NULL, type, k, floor, &unit_host);
		moves_begin(&moves, type, k, &sample, floor, &unit_host);
		run_from_rows(&random, rows, k, 1e-6, &em, &parameters, &outcome);
		moves_judge(&moves, &parameters, sound, outcome.sum_weights, n);
		for (int i = 0; i < moves.n_proposed; i++)
		{
			const Move *move = &moves.proposed[i];

			mixture_copy_parameters(&em.points[0], &parameters);
			moves_make(&moves, move, &em.points[0]);
			n_moves++;
			n_small += n * fmin(em.points[0].weights[move->split],
								em.points[0].weights[move->merge_from]) < 0.9 * (double) least;
		}
		em_end(&em);
		moves_end(&moves);
		mixture_release_parameters(&parameters, &unit_host);
		sample_release(&sample, &unit_host);
		unit_host.release(unit_host.context, range.least);
		rows_free(rows);
	}
	check(n_moves > 0 && n_small == 0,
		  "what components are split into has rows behind it (%s: %d of %d moves do not)",
		  family_names[type], n_small, n_moves);
}

void
test_search(void)
{
	for (MixtureCovarianceType type = MIXTURE_FULL; type <= MIXTURE_SPHERICAL; type++)
	{
		test_cuts(type, 1);
		test_cuts(type, 4);
		test_cuts(type, 20);
		test_agglomeration(type);
	}
	for (MixtureCovarianceType type = MIXTURE_FULL; type <= MIXTURE_SPHERICAL; type++)
	{
		test_move(type);
		if (type != MIXTURE_TIED)
			test_gains(type);
		test_small_sides(type);
		if (!mixture_has_matrix(type))
			test_cuts_in_many_dimensions(type, 384);
	}
}
