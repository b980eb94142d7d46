/*
 * test_drift.c
 *	  What drift.c makes of sums, against the same row by row.
 *
 * The reference has the rows themselves and knows nothing of sufficient
 * statistics: responsibilities, means and squared distances are summed in long
 * double, and what is compared is written as its definition has it.
 */
#include "unit.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/special.h"

#define MOST_K 4
#define MOST_D 4

/* Rows, by row, under a model. */
typedef struct ByRow
{
	long double total;
	long double log_likelihood;
	long double squares;		/* of log densities */
	long double weights[1 + MOST_K];	/* of noise and of the components */
	long double means[MOST_K][MOST_D];
	long double shifts[MOST_K]; /* of these means from the model's, squared */
	long double spreads[MOST_K];	/* of the rows from their own mean, squared */
} ByRow;

/* A row's shares of noise and of the components, and its log density. */
static long double
share_row(const MixtureParameters *parameters, const double *row, long double *shares)
{
	long double distances[MOST_K];
	long double most = -INFINITY;
	long double sum = 0;

	shares[0] = reference_log_noise(parameters, row);
	reference_log_densities(parameters, row, shares + 1, distances);
	for (int c = 0; c <= parameters->k; c++)
		most = fmaxl(most, shares[c]);
	for (int c = 0; c <= parameters->k; c++)
		sum += shares[c] = expl(shares[c] - most);
	for (int c = 0; c <= parameters->k; c++)
		shares[c] /= sum;
	return most + logl(sum);
}

static void
sum_rows(const MixtureParameters *parameters, const Rows *rows, ByRow *by_row)
{
	int			d = rows->d;

	memset(by_row, 0, sizeof(*by_row));
	for (int64_t i = 0; i < rows->n; i++)
	{
		const double *row = rows->values + i * d;
		long double weight = rows->weights[i];
		long double shares[1 + MOST_K];
		long double log_density = share_row(parameters, row, shares);

		by_row->total += weight;
		by_row->log_likelihood += weight * log_density;
		by_row->squares += weight * log_density * log_density;
		for (int c = 0; c <= parameters->k; c++)
			by_row->weights[c] += weight * shares[c];
		for (int c = 0; c < parameters->k; c++)
			for (int j = 0; j < d; j++)
				by_row->means[c][j] += weight * shares[1 + c] * row[j];
	}
	for (int c = 0; c < parameters->k; c++)
		for (int j = 0; j < d; j++)
			by_row->means[c][j] /= by_row->weights[1 + c];
}

/* Squared distances, of the means from the model's, and of the rows from the means. */
static void
measure_rows(const MixtureParameters *parameters, const Rows *rows, ByRow *by_row)
{
	int			d = rows->d;
	MixtureParameters moved = *parameters;
	double		means[MOST_K * MOST_D];
	long double log_densities[MOST_K];
	long double distances[MOST_K];

	for (int c = 0; c < parameters->k; c++)
		for (int j = 0; j < d; j++)
			means[c * d + j] = (double) by_row->means[c][j];
	for (int c = 0; c < parameters->k; c++)
	{
		reference_log_densities(parameters, means + c * d, log_densities, distances);
		by_row->shifts[c] = distances[c];
	}
	moved.means = means;
	for (int64_t i = 0; i < rows->n; i++)
	{
		long double shares[1 + MOST_K];

		share_row(parameters, rows->values + i * d, shares);
		reference_log_densities(&moved, rows->values + i * d, log_densities, distances);
		for (int c = 0; c < parameters->k; c++)
			by_row->spreads[c] += rows->weights[i] * shares[1 + c] * distances[c];
	}
}

/* How many rows of one sample tell as much as so many beside so many others. */
static double
rows_of_both(double rows, double others)
{
	return 1 / (1 / rows + 1 / others);
}

/* What is expected of mixture_drift(): of all rows, and of component c. */
static void
expect_drift(const MixtureParameters *parameters, const ByRow *by_row,
			 const MixtureBaseline *baseline, MixtureDrift *drift,
			 MixtureComponentDrift *components)
{
	int			k = parameters->k;
	int			d = parameters->d;
	bool		noisy = parameters->noise_box != NULL;
	double		total = (double) by_row->total;
	double		mean = (double) (by_row->log_likelihood / by_row->total);
	double		own = sqrt((double) (by_row->squares / by_row->total -
									 (by_row->log_likelihood / by_row->total) *
									 (by_row->log_likelihood / by_row->total)));
	long double of_components = by_row->total - by_row->weights[0];
	long double information = 0;
	long double shifts = 0;
	long double spreads = 0;
	double		chi_square = 0;

	memset(drift, 0, sizeof(*drift));
	for (int c = noisy ? -1 : 0; c < k; c++)
	{
		double		then = c < 0 ? parameters->noise_weight :
			parameters->weights[c] - parameters->noise_weight * parameters->weights[c];
		double		now = (double) (by_row->weights[1 + c] / by_row->total);

		information += now * logl(now / then);
		drift->share_psi += (fmax(now, 0.5 / total) - fmax(then, 0.5 / total)) *
			log(fmax(now, 0.5 / total) / fmax(then, 0.5 / total));
		if (c < 0)
			continue;
		components[c].weight = (double) by_row->weights[1 + c];
		components[c].share = now;
		components[c].mean_shift = (double) sqrtl(by_row->shifts[c]);
		components[c].spread_ratio = (double) sqrtl(by_row->spreads[c] /
													by_row->weights[1 + c] / d);
		components[c].p = special_chi_square_tail(rows_of_both(components[c].weight,
															   baseline->rows * then) *
												  (double) by_row->shifts[c], d);
		shifts += by_row->weights[1 + c] * by_row->shifts[c];
		spreads += by_row->spreads[c];
		chi_square += rows_of_both(components[c].weight, baseline->rows * then) *
			(double) by_row->shifts[c];
	}
	drift->likelihood_shift = mean - baseline->mean;
	drift->likelihood_error = hypot(fmax(own, baseline->stddev) / sqrt(total), baseline->error);
	drift->likelihood_p = erfc(fabs(drift->likelihood_shift / drift->likelihood_error) / sqrt(2));
	drift->mean_shift = (double) sqrtl(shifts / of_components);
	drift->spread_ratio = (double) sqrtl(spreads / of_components / d);
	drift->share_p = k + noisy == 1 ? 1 :
		special_chi_square_tail(2 * rows_of_both(total, baseline->rows) * (double) information,
								k + noisy - 1);
	drift->mean_p = special_chi_square_tail(chi_square, k * d);
	drift->p = fmin(1, 3 * fmin(drift->likelihood_p, fmin(drift->share_p, drift->mean_p)));
	if (parameters->covariance_type == MIXTURE_TIED)
		for (int c = 0; c < k; c++)
			components[c].spread_ratio = drift->spread_ratio;
}

/*
 * The largest difference between two drifts, whose members are all doubles.
 *
 * Where shares are nearly their weights, share_p is the tail of a chi-square x that is
 * all rounding: a sum over 60 rows is off by up to 60 roundings of 1.1e-16, and x is
 * twice the weight, at most 360, times such a share: 2.4e-12.  With one degree of
 * freedom that is up to sqrt(2 x / pi) = 1.3e-6 of the probability, with more less.
 */
static double
drifts_apart(const MixtureDrift *a, const MixtureDrift *b)
{
	MixtureDrift same = *a;

	if (fabs(a->share_p - b->share_p) < 1.3e-6)
		same.share_p = b->share_p;
	if (a->p == fmin(1, 3 * a->share_p))
		same.p = fmin(1, 3 * same.share_p);
	return largest_difference((const double *) &same, (const double *) b,
							  sizeof(same) / sizeof(double), 1);
}

/*
 * The same of components.  Their spread is what is left of squares about the model's
 * mean without those of their own mean, and of next to no row is next to nothing: so its
 * square is compared, beside both.
 */
static double
components_apart(const MixtureParameters *parameters, const ByRow *by_row,
				 const MixtureComponentDrift *components, const MixtureComponentDrift *expected,
				 const double *moves)
{
	int			d = parameters->d;
	double		worst = 0;

	for (int c = 0; c < parameters->k; c++)
	{
		MixtureComponentDrift component = components[c];
		MixtureComponentDrift wanted = expected[c];

		worst = fmax(worst, relative_difference(component.spread_ratio * component.spread_ratio,
												wanted.spread_ratio * wanted.spread_ratio,
												1 + wanted.mean_shift * wanted.mean_shift));
		component.spread_ratio = wanted.spread_ratio;
		worst = fmax(worst, largest_difference((const double *) &component,
											   (const double *) &wanted,
											   sizeof(component) / sizeof(double), 1));
	}
	for (int c = 0; c < parameters->k; c++)
		for (int j = 0; j < d; j++)
		{
			size_t		place = parameters->covariance_type == MIXTURE_SPHERICAL ? c :
				parameters->covariance_type == MIXTURE_DIAG ? c * d + j :
				(parameters->covariance_type == MIXTURE_FULL ? c * d * (d + 1) / 2 : 0) +
				j * (j + 3) / 2;
			double		move = (double) (by_row->means[c][j] - parameters->means[c * d + j]) /
				sqrt(parameters->covariances[place]);

			worst = fmax(worst, relative_difference(moves[c * d + j], move, 1));
		}
	return worst;
}

/* Rows drawn from a mixture, moved and spread a little, with weights. */
static Rows *
draw_moved(Random *random, const MixtureParameters *parameters, int n, double move)
{
	MixtureError error;
	MixtureDrawing *drawing = mixture_drawing_create(parameters, &unit_host, &error);
	Rows	   *rows = rows_allocate(n, parameters->d);

	for (int i = 0; i < n; i++)
	{
		mixture_draw_row(drawing, random->state, i, rows->values + i * parameters->d);
		for (int j = 0; j < parameters->d; j++)
			rows->values[i * parameters->d + j] *= 1 + move;
		rows->weights[i] = 1 + random_below(random, 3);
	}
	random_uniform(random);
	unit_host.release(unit_host.context, drawing);
	rows_seal(rows);
	return rows;
}

/*
 * Random rows under random models, which these are compared with as fits of some rows,
 * of many, and as the truth.
 */
static void
test_by_row(MixtureCovarianceType type, bool noisy)
{
	Random		random = random_start(210 + 2 * type + noisy);
	double		worst_drift = 0;
	double		worst_component = 0;
	int			n_decided = 0;

	for (int try = 0; try < 24; try++)
	{
		int			k = 1 + random_below(&random, MOST_K);
		int			d = 1 + random_below(&random, MOST_D);
		MixtureStats *stats = mixture_allocate_stats(type, k, d, &unit_host);
		MixtureBaseline baseline = {-1 - d, 0.3 * random_uniform(&random),
			0.5 + random_uniform(&random),
			(const double[]) {INFINITY, 40, 4000}[try % 3], NULL};
		MixtureDrift drift;
		MixtureDrift expected;
		MixtureComponentDrift components[MOST_K];
		MixtureComponentDrift expected_components[MOST_K];
		double		moves[MOST_K * MOST_D];
		MixtureParameters parameters;
		MixtureError error;
		ByRow		by_row;
		Rows	   *rows;

		random_parameters(&random, &parameters, type, k, d);
		if (noisy)
			random_noise(&random, &parameters);
		if (k > 1 && try % 4 == 0)
		{
			/* less than half a row */
			parameters.weights[1] += parameters.weights[0] - 1e-3;
			parameters.weights[0] = 1e-3;
		}
		rows = draw_moved(&random, &parameters, 60, 0.1 * random_uniform(&random));
		reference_accumulate(&parameters, rows, stats);
		if (mixture_drift(&parameters, stats, &baseline, &drift, components, moves, &unit_host,
						  &error) != MIXTURE_OK)
			abort();
		sum_rows(&parameters, rows, &by_row);
		measure_rows(&parameters, rows, &by_row);
		expect_drift(&parameters, &by_row, &baseline, &expected, expected_components);
		worst_drift = fmax(worst_drift, drifts_apart(&drift, &expected));
		worst_component = fmax(worst_component,
							   components_apart(&parameters, &by_row, components,
												expected_components, moves));
		n_decided += drift.mean_p > 1e-6 && drift.mean_p < 1 &&
			(k + noisy == 1 || (drift.share_p > 1e-6 && drift.share_p < 1));
		rows_free(rows);
		mixture_release_parameters(&parameters, &unit_host);
		mixture_release_stats(stats, &unit_host);
	}
	check(worst_drift < 1e-9, "%s%s: drifts are those of the rows, one by one (%.1e)",
		  family_names[type], noisy ? ", noise" : "", worst_drift);
	check(worst_component < 1e-9, "%s%s: and those of their components (%.1e)",
		  family_names[type], noisy ? ", noise" : "", worst_component);
	check(n_decided >= 8, "%s%s: %d of 24 with probabilities between 0 and 1",
		  family_names[type], noisy ? ", noise" : "", n_decided);
}

/* Where next to nothing is left for the components, it tells how far they have moved. */
static void
test_next_to_nothing(Random *random, MixtureCovarianceType type)
{
	const MixtureBaseline baseline = {0, 0.1, 1, INFINITY, NULL};
	MixtureStats *stats = mixture_allocate_stats(type, 2, 2, &unit_host);
	MixtureParameters parameters;
	MixtureDrift drift;
	MixtureComponentDrift components[2];
	double		moves[4];
	double		least;
	double		most;
	MixtureError error;
	MixtureStatus status;

	random_parameters(random, &parameters, type, 2, 2);
	random_noise(random, &parameters);
	mixture_clear_stats(stats);
	*stats->sum_weights = *stats->noise_weight = 1000;
	for (int c = 0; c < 2; c++)
	{
		/* all rows are where feature 1 is a deviation above the mean */
		double		apart = sqrt(parameters.covariances[type == MIXTURE_TIED ? 0 : c *
														mixture_factor_count(type, 2)]);
		size_t		place = type == MIXTURE_TIED ? 0 : c * mixture_factor_count(type, 2);

		stats->component_weights[c] = 1e-30;
		stats->firsts[2 * c] = 1e-30 * apart;
		stats->seconds[place] += 1e-30 * apart * apart;
	}
	status = mixture_drift(&parameters, stats, &baseline, &drift, components, moves, &unit_host,
						   &error);
	least = fmin(components[0].mean_shift, components[1].mean_shift);
	most = fmax(components[0].mean_shift, components[1].mean_shift);
	check(status == MIXTURE_OK && isfinite(drift.mean_shift) && isfinite(drift.spread_ratio) &&
		  drift.mean_shift >= (1 - 1e-12) * least && drift.mean_shift <= (1 + 1e-12) * most,
		  "%s: where all is noise but for nothing, that has a shift (%g)", family_names[type],
		  drift.mean_shift);
	mixture_release_parameters(&parameters, &unit_host);
	mixture_release_stats(stats, &unit_host);
}

void
test_drifts(void)
{
	Random		random = random_start(209);

	for (int type = 0; type < MIXTURE_N_COVARIANCE_TYPES; type++)
	{
		test_by_row(type, false);
		test_by_row(type, true);
		test_next_to_nothing(&random, type);
	}
}
