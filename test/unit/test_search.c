/*
 * test_search.c
 *	  The parts of the search by themselves: starts, cuts, mergers, moves and
 *	  exchanges.
 */
#include "unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/linalg.h"

/* Nothing speaks against any component. */
static const MixtureSuspicion sound[6] = {MIXTURE_SOUND};

/* A sample of all rows. */
static void
sample_all(const Rows *rows, FeatureRange *range, Sample *sample)
{
	sample_scan_ranges(&rows->source, range, &unit_host);
	sample_take(sample, &rows->source, NULL, range, rows->n, 1, &unit_host);
}

/*
 * Where one component spans two clusters and two share one, that is the first
 * move to be proposed, and it leaves weights and mean of the whole as they are.
 */
static void
test_move(MixtureCovarianceType type)
{
	static const double at[5][2] = {{-4, 0}, {4, 0}, {20, 0}, {20.5, 0}, {0, 30}};
	Random		random = random_start(11);
	Rows	   *rows = rows_allocate(1000, 2);
	double		floor[] = {1e-9, 1e-9};
	double		least = INFINITY;
	MixtureParameters parameters;
	FeatureRange range;
	Sample		sample;
	Moves		moves;
	Move		move;

	for (int i = 0; i < 2000; i++)
		rows->values[i] = at[i / 2 % 5][i % 2] + random_normal(&random);
	rows_seal(rows);
	sample_all(rows, &range, &sample);
	mixture_allocate_parameters(&parameters, type, 4, 2, &unit_host);
	moves_begin(&moves, type, 4, &sample, floor, &unit_host);
	for (int c = 0; c < 4; c++)
	{
		double		full[] = {c == 0 ? 17 : 1, 0, 1};

		parameters.weights[c] = c == 0 ? 0.4 : 0.2;
		parameters.means[2 * c] = c == 0 ? 0 : at[c + 1][0];
		parameters.means[2 * c + 1] = at[c + 1][1];
		if (type == MIXTURE_FULL)
			memcpy(parameters.covariances + 3 * c, full, sizeof(full));
		else if (type == MIXTURE_DIAG)
			memcpy(parameters.covariances + 2 * c, (double[]) {full[0], 1}, 2 * sizeof(double));
		else if (type == MIXTURE_SPHERICAL)
			parameters.covariances[c] = c == 0 ? 9 : 1;
		else
			memcpy(parameters.covariances, (double[]) {7.4, 0, 1}, sizeof(full));
	}
	moves_judge(&moves, &parameters, sound, 1000, 0.5);
	move = moves.proposed[0];
	check(moves.n_proposed > 0 && move.split == 0 && move.merge_into == 1 && move.merge_from == 2,
		  "what spans two clusters is to be split, what shares one to be merged (%s)",
		  family_names[type]);
	moves_make(&moves, &move, &parameters);
	for (int c = 0; c < 5; c++)
	{
		double		nearest = INFINITY;

		for (int i = 0; i < 4; i++)
			nearest = fmin(nearest, fabs(parameters.means[2 * i] - at[c][0]) +
						   fabs(parameters.means[2 * i + 1] - at[c][1]));
		least = c == 0 ? nearest : fmax(least, nearest);
	}
	check(fabs(parameters.weights[0] + parameters.weights[1] + parameters.weights[2] +
			   parameters.weights[3] - 1) < 1e-12 && least < 1,
		  "a move keeps the sum of the weights, and puts a component on each cluster (%s)",
		  family_names[type]);
	moves_end(&moves);
	mixture_release_parameters(&parameters, &unit_host);
	sample_release(&sample, &unit_host);
	unit_host.release(unit_host.context, range.least);
	rows_free(rows);
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
		random_parameters(&random, &parameters, type, 6, 3);
		for (int c = 0; c < 6; c++)
			memcpy(parameters.means + 3 * c, rows->values + 3 * random_below(&random, 1500),
				   3 * sizeof(double));
		em_begin(&em, &sample.source, NULL, type, 6, floor, &unit_host);
		moves_begin(&moves, type, 6, &sample, floor, &unit_host);
		if (em_run(&em, &parameters, 500, 1e-9, true, &outcome, &error) != MIXTURE_OK)
			abort();
		moves_judge(&moves, &parameters, sound, outcome.sum_weights, 1);
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

/* Element (i, j) of the second moment of a mixture of the family full, about zero. */
static double
second_moment(const MixtureParameters *parameters, int i, int j)
{
	double		sum = 0;

	for (int c = 0; c < parameters->k; c++)
	{
		const double *mean = parameters->means + c * parameters->d;
		const double *covariance = parameters->covariances +
			c * parameters->d * (parameters->d + 1) / 2;

		sum += parameters->weights[c] * (covariance[i * (i + 1) / 2 + j] + mean[i] * mean[j]);
	}
	return sum;
}

/*
 * Rows that are exchanged between components take their part of the moments
 * along, so that those of the whole stay, and lead EM higher as a rule: here
 * are few rows for the dimensions, so that many are held where they are.  A rule
 * has exceptions: the draws are the same whatever the seed.
 */
static void
test_exchange(void)
{
	Random		random = {17};
	double		apart = 0;
	int			n_moved = 0;
	int			n_lower = 0;
	int			n_higher = 0;

	for (int try = 0; try < 20; try++)
	{
		Rows	   *rows = rows_clusters(&random, 160, 10, 3, 1.5);
		double		floor[10];
		MixtureParameters parameters;
		MixtureParameters moved;
		FeatureRange range;
		EmOutcome	before;
		EmOutcome	after;
		MixtureError error;
		Sample		sample;
		Em			em;

		for (int j = 0; j < 10; j++)
			floor[j] = 1e-9;
		sample_all(rows, &range, &sample);
		random_parameters(&random, &parameters, MIXTURE_FULL, 3, 10);
		mixture_allocate_parameters(&moved, MIXTURE_FULL, 3, 10, &unit_host);
		for (int c = 0; c < 3; c++)
			memcpy(parameters.means + 10 * c, rows->values + 10 * random_below(&random, 160),
				   10 * sizeof(double));
		em_begin(&em, &sample.source, NULL, MIXTURE_FULL, 3, floor, &unit_host);
		if (em_run(&em, &parameters, 500, 1e-10, true, &before, &error) == MIXTURE_OK &&
			exchange_possible(&parameters, 160) &&
			exchange_rows(&parameters, &sample, 160, &moved, &unit_host) > 0)
		{
			for (int i = 0; i < 10; i++)
				for (int j = 0; j <= i; j++)
					apart = fmax(apart, fabs(second_moment(&parameters, i, j) -
											 second_moment(&moved, i, j)));
			mixture_hold_floor(&moved, floor, &unit_host);
			if (em_run(&em, &moved, 500, 1e-10, true, &after, &error) != MIXTURE_OK)
				after.log_likelihood = -INFINITY;
			n_moved++;
			n_lower += after.log_likelihood < before.log_likelihood - 1e-6;
			n_higher += after.log_likelihood > before.log_likelihood + 1e-6;
		}
		em_end(&em);
		mixture_release_parameters(&moved, &unit_host);
		mixture_release_parameters(&parameters, &unit_host);
		sample_release(&sample, &unit_host);
		unit_host.release(unit_host.context, range.least);
		rows_free(rows);
	}
	check(n_moved >= 5 && apart < 1e-9,
		  "exchanged rows leave the second moments of the whole as they are");
	check(n_higher > 2 * n_lower,
		  "and EM comes to a higher likelihood more often than to a lower one (%d, %d of %d)",
		  n_higher, n_lower, n_moved);
}

void
test_search(void)
{
	test_exchange();
	for (MixtureCovarianceType type = MIXTURE_FULL; type <= MIXTURE_SPHERICAL; type++)
	{
		test_move(type);
		if (type != MIXTURE_TIED)
			test_gains(type);
	}
}
