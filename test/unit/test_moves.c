/*
 * test_moves.c
 *	  What moves are judged by, against sums row by row: what a split gains where all
 *	  components share a covariance, and what a merger loses; which moves are proposed,
 *	  and what is to be thought of a mixture that none of them leads from.
 */
#include "unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/linalg.h"

/* Shares of a row from which on it is counted as a component's */
#define LEAST_SHARE 1e-3

/* A row's shares of the components, the last being noise's. */
static void
share_row(const MixtureParameters *parameters, const double *row, long double *log_densities,
		  long double *shares, long double *distances)
{
	int			k = parameters->k;
	long double most = -INFINITY;
	long double sum = 0;

	reference_log_densities(parameters, row, log_densities, distances);
	log_densities[k] = reference_log_noise(parameters, row);
	for (int c = 0; c <= k; c++)
		most = fmaxl(most, log_densities[c]);
	for (int c = 0; c <= k; c++)
		sum += shares[c] = expl(log_densities[c] - most);
	for (int c = 0; c <= k; c++)
		shares[c] /= sum;
}

/* The mixture with components a and b merged into a, with the moments of both. */
static void
merge_pair(const MixtureParameters *parameters, const Pair *pair, MixtureParameters *merged)
{
	MixtureCovarianceType type = parameters->covariance_type;
	int			d = parameters->d;
	double		a = parameters->weights[pair->a];
	double		b = parameters->weights[pair->b];
	double		work[8];

	mixture_allocate_parameters(merged, type, parameters->k, d, &unit_host);
	mixture_copy_parameters(merged, parameters);
	components_merge(parameters, pair->a, pair->b, merged, pair->a, work);
	if (type == MIXTURE_TIED)
	{
		for (int j = 0; j < d; j++)
			work[j] = parameters->means[pair->a * d + j] - parameters->means[pair->b * d + j];
		mixture_add_outer(type, d, merged->covariances, a * b / (a + b), work);
	}
	merged->weights[pair->b] = 1e-300;
}

/*
 * What the log-likelihood falls by at most where a pair is merged and every row keeps
 * the shares that it has, row by row.  *slack: what rows have to do with it of which a
 * component has next to nothing, which are not looked at; and by how much components
 * differ from the weights and moments of their rows, which EM makes them equal in the end.
 */
static long double
merger_loss(const MixtureParameters *parameters, const Rows *rows, const Pair *pair,
			long double *slack)
{
	int			k = parameters->k;
	int			both[2] = {pair->a, pair->b};
	MixtureParameters merged;
	long double loss = 0;
	long double squares[2] = {0, 0};	/* less d for each row: before and after */
	long double sums[2] = {0, 0};	/* of what rows have to do with either */
	long double sum = 0;

	*slack = 0;
	merge_pair(parameters, pair, &merged);
	for (int64_t i = 0; i < rows->n; i++)
	{
		const double *row = rows->values + i * rows->d;
		long double before[8],
					after[8],
					shares[8],
					other[8],
					distances[8],
					distances_after[8];

		share_row(parameters, row, before, shares, distances);
		share_row(&merged, row, after, other, distances_after);
		sum += rows->weights[i] * (1 - parameters->noise_weight);
		for (int c = 0; c < k; c++)
		{
			long double share = rows->weights[i] * shares[c];
			bool		merges = c == pair->a || c == pair->b;

			loss += merges ? 0 : share * (before[c] - after[c]);
			squares[0] += share * (distances[c] - rows->d);
			squares[1] += share * (distances_after[merges ? pair->a : c] - rows->d);
		}
		for (int end = 0; end < 2; end++)
		{
			int			c = both[end];
			long double part = shares[c] / (shares[pair->a] + shares[pair->b]);
			long double own = rows->weights[i] * shares[c] *
				(before[c] - after[pair->a] - (part > 0 ? logl(part) : 0));

			loss += own;
			sums[end] += rows->weights[i] * shares[c];
			if (shares[pair->a] <= LEAST_SHARE || shares[pair->b] <= LEAST_SHARE)
				*slack += rows->weights[i] * shares[c] *
					(shares[c] <= LEAST_SHARE ? fabsl(before[c] - after[pair->a]) + 10 :
					 part > 0 ? -logl(part) : 0);
		}
	}
	for (int end = 0; end < 2; end++)
		*slack += fabsl(sums[end] - parameters->weights[both[end]] * sum) *
			fabsl(logl(parameters->weights[both[end]] / merged.weights[pair->a]));
	*slack += fabsl(squares[0]) / 2 + fabsl(squares[1]) / 2;
	mixture_release_parameters(&merged, &unit_host);
	return loss;
}

/* Where EM has come to among rows, and moves that are to be judged from there. */
typedef struct Optimum
{
	Rows	   *rows;
	FeatureRange range;
	Sample		sample;
	Em			em;
	Moves		moves;
	MixtureParameters parameters;
	EmOutcome	outcome;
	double		floor[8];
} Optimum;

/* Run EM on rows, which then are the optimum's, from k components at some of them. */
static void
optimum_begin(Random *random, Rows *rows, MixtureCovarianceType type, int k, bool noisy,
			  Optimum *optimum)
{
	int			d = rows->d;
	MixtureError error;

	optimum->rows = rows;
	for (int j = 0; j < d; j++)
		optimum->floor[j] = 1e-9;
	sample_all(rows, &optimum->range, &optimum->sample);
	random_parameters(random, &optimum->parameters, type, k, d);
	if (noisy)
	{
		double	   *box = mixture_own_box(&optimum->parameters);

		optimum->parameters.noise_weight = 0.1;
		optimum->parameters.noise_box = box;
		memcpy(box, optimum->range.least, d * sizeof(double));
		memcpy(box + d, optimum->range.most, d * sizeof(double));
	}
	for (int c = 0; c < k; c++)
		memcpy(optimum->parameters.means + d * c,
			   rows->values + d * random_below(random, (int) rows->n), d * sizeof(double));
	em_begin(&optimum->em, &optimum->sample.source, NULL, type, k, optimum->floor, &unit_host);
	moves_begin(&optimum->moves, type, k, &optimum->sample, optimum->floor, &unit_host);
	if (em_run(&optimum->em, &optimum->parameters, 2000, 1e-13, true, &optimum->outcome,
			   &error) != MIXTURE_OK)
		abort();
}

static void
optimum_end(Optimum *optimum)
{
	em_end(&optimum->em);
	moves_end(&optimum->moves);
	mixture_release_parameters(&optimum->parameters, &unit_host);
	sample_release(&optimum->sample, &unit_host);
	unit_host.release(unit_host.context, optimum->range.least);
	rows_free(optimum->rows);
}

/* Whether the rows have made all components, in the end, and the floor none. */
static bool
is_of_rows(const Optimum *optimum)
{
	if (!optimum->outcome.converged)
		return false;
	for (int c = 0; c < optimum->parameters.k; c++)
		if (optimum->parameters.weights[c] * (double) optimum->rows->n *
			(1 - optimum->parameters.noise_weight) < 20)
			return false;
	return true;
}

/* What a merger is said to lose is what it does, row by row. */
static void
test_losses(MixtureCovarianceType type, bool noisy)
{
	static const MixtureSuspicion sound[6] = {MIXTURE_SOUND};
	Random		random = random_start(260 + 2 * type + noisy);
	long double most = 0;
	int			n_judged = 0;

	for (int try = 0; try < 8; try++)
	{
		int			d = 1 + random_below(&random, 4);
		int			k = 3 + random_below(&random, 3);
		Optimum		optimum;

		optimum_begin(&random, rows_clusters(&random, 800, d, 4, 2), type, k, noisy, &optimum);
		moves_judge(&optimum.moves, &optimum.parameters, sound, optimum.outcome.sum_weights,
					optimum.outcome.sum_weights);
		for (size_t i = 0; i < optimum.moves.n_pairs && is_of_rows(&optimum); i++)
		{
			const Pair *pair = &optimum.moves.pairs[i];
			long double slack;
			long double loss = merger_loss(&optimum.parameters, optimum.rows, pair, &slack);

			n_judged++;
			most = fmaxl(most, fabsl(pair->loss - loss) / (slack + 1e-9L * optimum.rows->n));
		}
		optimum_end(&optimum);
	}
	check(most < 1 && n_judged > 0,
		  "%s%s: %d mergers lose what was said of them (%.2f of what may be left out)",
		  family_names[type], noisy ? ", noise" : "", n_judged, (double) most);
}

/* n rows about points of a line, as many at each, and components where they are said to be. */
static void
place_components(Random *random, MixtureCovarianceType type, int n, int n_points,
				 const double *points, int k, const double *means, Optimum *optimum)
{
	Rows	   *rows = rows_allocate(n, 2);
	size_t		count = mixture_factor_count(type, 2);

	for (int64_t i = 0; i < 2 * rows->n; i++)
		rows->values[i] = (i % 2 == 0 ? points[i / 2 % n_points] : 0) + random_normal(random);
	rows_seal(rows);
	optimum_begin(random, rows, type, k, false, optimum);
	for (int c = 0; c < k; c++)
	{
		double	   *covariance = optimum->parameters.covariances +
			(type == MIXTURE_TIED ? 0 : c * count);

		optimum->parameters.weights[c] = 1.0 / k;
		optimum->parameters.means[2 * c] = means[c];
		optimum->parameters.means[2 * c + 1] = 0;
		for (size_t i = 0; i < count; i++)
			covariance[i] = mixture_has_matrix(type) && i == 1 ? 0 : 1;
	}
}

/* Whether a move is proposed that merges two components. */
static bool
is_proposed(const Moves *moves, int a, int b)
{
	for (int i = 0; i < moves->n_proposed; i++)
	{
		const Move *move = &moves->proposed[i];

		if ((move->merge_into == a && move->merge_from == b) ||
			(move->merge_into == b && move->merge_from == a))
			return true;
	}
	return false;
}

/*
 * Two empty components are nothing to merge; one that is suspect is merged away at no
 * loss, which it has otherwise.
 */
static void
test_worthless(MixtureCovarianceType type)
{
	static const double points[] = {-20, 0, 20, 60, 64};
	static const double means[] = {-20, 0, 20, 62};
	MixtureSuspicion suspicions[4] = {MIXTURE_SOUND};
	Random		random = random_start(280 + type);
	Optimum		optimum;
	Moves	   *moves = &optimum.moves;
	double		n = 1000;

	place_components(&random, type, 1000, 5, points, 4, means, &optimum);
	suspicions[1] = MIXTURE_FEW_ROWS;
	moves_judge(moves, &optimum.parameters, suspicions, n, n);
	check(moves->n_proposed > 0 && moves->proposed[0].reseeds == 1 &&
		  moves->proposed[0].loss <= 0 && moves->proposed[0].split == 3 &&
		  (moves->proposed[0].merge_into == 1 || moves->proposed[0].merge_from == 1),
		  "%s: a suspect component is to be merged away at no loss", family_names[type]);
	suspicions[1] = MIXTURE_SOUND;
	optimum.parameters.weights[3] += optimum.parameters.weights[0] + optimum.parameters.weights[1];
	optimum.parameters.weights[0] = optimum.parameters.weights[1] = 0;
	moves_judge(moves, &optimum.parameters, suspicions, n, n);
	check(moves->n_proposed > 0 && !is_proposed(moves, 0, 1),
		  "%s: two empty components are nothing to merge", family_names[type]);
	optimum_end(&optimum);
}

/* What is gained, for each of n rows, where the component of half of them is split. */
static double
split_gain(int n)
{
	static const double points[] = {-4, 4, 60, 120};
	static const double means[] = {0, 60, 120};
	static const MixtureSuspicion sound[3] = {MIXTURE_SOUND};
	Random		random = random_start(291);
	Optimum		optimum;
	double		gain;

	place_components(&random, MIXTURE_SPHERICAL, n, 4, points, 3, means, &optimum);
	moves_judge(&optimum.moves, &optimum.parameters, sound, n, n);
	gain = optimum.moves.gains[0] / n;
	optimum_end(&optimum);
	return gain;
}

/* A split is judged by some of its rows where there are many, and gains what all of them do. */
static void
test_many_rows(void)
{
	double		few = split_gain(8000);
	double		many = split_gain(800000);

	check(few > 0.3 && fabs(many / few - 1) < 0.1,
		  "a split of many rows gains what it does of few (%.3f, %.3f a row)", many, few);
}

/* Moves are worth a trial by how much of a merger's loss the split beside it makes up for. */
static void
test_worth(void)
{
	Moves		moves = {.n_proposed = 0};
	int			none = moves_worth(&moves, 6, 2);

	moves.n_proposed = 1;
	moves.proposed[0] = (Move) {.gain = -95, .loss = 100};
	none += moves_worth(&moves, 6, 2);
	moves.proposed[0].gain = -80;
	check(none == 0 && moves_worth(&moves, 6, 2) == 2 && moves_worth(&moves, 1, 2) == 1,
		  "moves that make up for next to nothing are not worth a trial");
	moves.proposed[0].gain = -70;
	check(moves_worth(&moves, 6, 2) == 6, "and others are");
	moves.proposed[0] = (Move) {.gain = 3, .loss = 0};
	check(moves_worth(&moves, 6, 2) == 6, "as are those that lose nothing");
}

/* What is to be thought of a mixture from which no move has led. */
static void
test_doubt(void)
{
	double		gains[3] = {-INFINITY, 20, 30};
	Moves		moves = {.k = 3,.gains = gains,.price = 40,.least_loss = 5};
	MovesDoubt	sure = moves_doubt(&moves);

	gains[0] = 50;
	check(sure == MOVES_SURE && moves_doubt(&moves) == MOVES_WANTING,
		  "a split that would gain more than a component takes leaves doubt");
	moves.n_proposed = 1;
	moves.proposed[0] = (Move) {.gain = -1, .loss = 100};
	sure = moves_doubt(&moves);
	moves.proposed[0].gain = 1;
	check(sure == MOVES_WANTING && moves_doubt(&moves) == MOVES_MISSING,
		  "a move that should have gained leaves more");
	moves.n_proposed = 0;
	moves.halves.covariance_type = MIXTURE_TIED;
	gains[0] = 0;
	sure = moves_doubt(&moves);
	moves.least_loss = 60;
	check(sure == MOVES_MISSING && moves_doubt(&moves) == MOVES_SURE,
		  "so does a component to spare, where all share a covariance");
}

/* A group of rows: a normal distribution without correlations */
typedef struct Group
{
	double		mean[2];
	double		deviations[2];
} Group;

/*
 * One component covers four groups about 0, and two lie on a fifth: the move is to merge
 * these and to split that along its first feature, although they overlap without a gap.
 */
static void
test_split(MixtureCovarianceType type)
{
	static const Group groups[5] = {
		{{-1.25, 0}, {1, 1}}, {{1.25, 0}, {1, 1}}, {{-1.25, 0}, {1, 1}}, {{1.25, 0}, {1, 1}},
		{{400, 0}, {1, 1}}
	};
	static const MixtureSuspicion sound[3] = {MIXTURE_SOUND};
	Random		random = random_start(330 + type);
	int			n_found = 0;

	for (int try = 0; try < 10; try++)
	{
		Rows	   *rows = rows_allocate(800, 2);
		MixtureError error;
		Optimum		optimum;
		Moves	   *moves = &optimum.moves;

		for (int i = 0; i < 800; i++)
			for (int j = 0; j < 2; j++)
			{
				const Group *group = &groups[i % 8 < 4 ? i % 8 : 4];

				rows->values[2 * i + j] = group->mean[j] +
					group->deviations[j] * random_normal(&random);
			}
		rows_seal(rows);
		optimum_begin(&random, rows, type, 3, false, &optimum);
		for (int c = 0; c < 3; c++)
		{
			double	   *mean = optimum.parameters.means + 2 * c;
			double	   *covariance = mixture_covariance_of(&optimum.parameters, c);

			optimum.parameters.weights[c] = c == 0 ? 0.5 : 0.25;
			for (int j = 0; j < 2; j++)
			{
				const Group *group = &groups[c == 0 ? 0 : 4];

				mean[j] = c == 0 ? 0 : group->mean[j];
				covariance[mixture_variance_place(type, j)] =
					group->deviations[j] * group->deviations[j] +
					(c == 0 ? group->mean[j] * group->mean[j] : 0);
			}
			if (mixture_has_matrix(type))
				covariance[1] = 0;
		}
		if (em_run(&optimum.em, &optimum.parameters, 100, 1e-10, true, &optimum.outcome,
				   &error) != MIXTURE_OK)
			abort();
		moves_judge(moves, &optimum.parameters, sound, 800, 800);
		n_found += is_proposed(moves, 1, 2) && moves->proposed[0].split == 0 &&
			fabs(moves->halves.means[0] - moves->halves.means[2]) > 1;
		optimum_end(&optimum);
	}
	check(n_found == 10, "%s: what covers groups is to be split where they overlap, without a "
		  "gap (%d times of 10)", family_names[type], n_found);
}

/* The logarithm of the sum of two components' densities of a row. */
static long double
log_both(const long double *log_densities, int a, int b)
{
	long double most = fmaxl(log_densities[a], log_densities[b]);

	return most + log1pl(expl(fminl(log_densities[a], log_densities[b]) - most));
}

/*
 * What the log-likelihood gains at least where components a and b, of two mixtures alike in
 * shape, change and the others' covariance with them, every row keeping the shares that the
 * other components and these two together have of it: row by row.
 */
static long double
change_gain(const MixtureParameters *from, const MixtureParameters *to, const Rows *rows,
			int a, int b)
{
	long double gain = 0;

	for (int64_t i = 0; i < rows->n; i++)
	{
		const double *row = rows->values + i * rows->d;
		long double before[8],
					after[8],
					shares[8],
					other[8],
					distances[8];

		share_row(from, row, before, shares, distances);
		share_row(to, row, after, other, distances);
		for (int c = 0; c < from->k; c++)
			if (c != a && c != b && shares[c] > 0)
				gain += rows->weights[i] * shares[c] * (after[c] - before[c]);
		gain += rows->weights[i] * (shares[a] + shares[b]) *
			(log_both(after, a, b) - log_both(before, a, b));
	}
	return gain;
}

/*
 * A mixture with one component more, which is nothing; and what it becomes where the halves
 * of a split of component c take the place of both: the covariance that all share has less
 * of what is between the halves.
 */
static void
make_change(const MixtureParameters *parameters, const Moves *moves, int c,
			MixtureParameters *from, MixtureParameters *to)
{
	const MixtureParameters *halves = &moves->halves;
	int			k = parameters->k;
	int			d = parameters->d;
	double		weight = parameters->weights[c];
	double		work[8];

	mixture_allocate_parameters(from, MIXTURE_TIED, k + 1, d, &unit_host);
	mixture_allocate_parameters(to, MIXTURE_TIED, k + 1, d, &unit_host);
	memcpy(from->weights, parameters->weights, k * sizeof(double));
	memcpy(from->means, parameters->means, k * d * sizeof(double));
	memcpy(from->means + k * d, parameters->means + c * d, d * sizeof(double));
	memcpy(from->covariances, parameters->covariances,
		   linalg_packed_count(d) * sizeof(double));
	from->weights[k] = 1e-300;
	mixture_share_noise(from, parameters);
	mixture_copy_parameters(to, from);
	for (int j = 0; j < d; j++)
		work[j] = halves->means[2 * c * d + j] - halves->means[(2 * c + 1) * d + j];
	mixture_add_outer(MIXTURE_TIED, d, to->covariances,
					  -weight * halves->weights[2 * c] * halves->weights[2 * c + 1], work);
	for (int half = 0; half < 2; half++)
	{
		int			place = half == 0 ? c : k;

		to->weights[place] = weight * halves->weights[2 * c + half];
		memcpy(to->means + place * d, halves->means + (2 * c + half) * d, d * sizeof(double));
	}
}

/*
 * How far what a split is said to gain is from what it does row by row, as a share of
 * that.  What is asked of a cut that was sought may be off it.
 */
static double
gain_error(const Optimum *optimum, int c, double row_weight)
{
	const MixtureParameters *parameters = &optimum->parameters;
	double		said = optimum->moves.gains[c];
	double		price = components_price(MIXTURE_TIED, parameters->d,
										 parameters->weights[c] * (1 - parameters->noise_weight) *
										 optimum->outcome.sum_weights / row_weight, row_weight);
	MixtureParameters from;
	MixtureParameters to;
	double		gain;

	make_change(parameters, &optimum->moves, c, &from, &to);
	gain = (double) change_gain(&from, &to, optimum->rows, c, parameters->k);
	mixture_release_parameters(&from, &unit_host);
	mixture_release_parameters(&to, &unit_host);
	return fmin(fabs(said - gain), fabs(said + price - gain)) / fabs(gain);
}

/* Rows about points, some weighing more than others, and noise far from all, if there is. */
static Rows *
rows_about(Random *random, int n_points, const double (*points)[2], double row_weight, bool noisy)
{
	Rows	   *rows = rows_allocate(noisy ? 1200 : 1000, 2);

	for (int i = 0; i < rows->n; i++)
	{
		const double *point = points[i % n_points];

		rows->weights[i] = row_weight * (1 + i % n_points + random_below(random, 3));
		for (int j = 0; j < 2; j++)
			rows->values[2 * i + j] = point[j] + random_normal(random);
		if (i >= 1000)
		{
			rows->values[2 * i] = 800 * random_uniform(random) - 400;
			rows->values[2 * i + 1] = 1000 + 400 * random_uniform(random);
		}
	}
	rows_seal(rows);
	return rows;
}

/*
 * Where all components share a covariance, a split of one that covers two groups gains what
 * it is said to: whatever rows weigh, and among those that are not noise.
 */
static void
test_shared_gains(double row_weight, bool noisy)
{
	static const double points[4][2] = {{-400, 0}, {0, 0}, {370, 20}, {400, -20}};
	static const double means[3][2] = {{385, 0}, {0, 0}, {-400, 0}};
	static const double covariance[3] = {100, 0, 100};
	static const MixtureSuspicion sound[3] = {MIXTURE_SOUND};
	Random		random = random_start(310 + 2 * (int64_t) (row_weight * 10) + noisy);
	MixtureError error;
	Optimum		optimum;
	double		wrong = INFINITY;
	double		sum;

	optimum_begin(&random, rows_about(&random, 4, points, row_weight, noisy), MIXTURE_TIED, 3,
				  noisy, &optimum);
	memcpy(optimum.parameters.means, means, sizeof(means));
	memcpy(optimum.parameters.covariances, covariance, sizeof(covariance));
	for (int c = 0; c < 3; c++)
		optimum.parameters.weights[c] = 1.0 / 3;
	if (noisy)
		optimum.parameters.noise_weight = 0.1;
	if (em_run(&optimum.em, &optimum.parameters, 2000, 1e-14, true, &optimum.outcome,
			   &error) != MIXTURE_OK)
		abort();
	sum = optimum.outcome.sum_weights;
	moves_judge(&optimum.moves, &optimum.parameters, sound, sum, (double) optimum.rows->n);
	if (optimum.moves.gains[0] > -INFINITY)
		wrong = gain_error(&optimum, 0, sum / (double) optimum.rows->n);
	/* beside noise there are rows of which a component has too little to be looked at */
	check(wrong < (noisy ? 2 * LEAST_SHARE : 1e-9),
		  "tied, rows of %g%s: a split gains what was said (%.1e off)", row_weight,
		  noisy ? " and noise" : "", wrong);
	optimum_end(&optimum);
}

void
test_moves(void)
{
	for (int type = 0; type < MIXTURE_N_COVARIANCE_TYPES; type++)
	{
		test_losses(type, false);
		test_losses(type, true);
		test_worthless(type);
		if (type != MIXTURE_TIED)
			test_split(type);
	}
	test_many_rows();
	test_worth();
	test_doubt();
	for (int noisy = 0; noisy < 2; noisy++)
	{
		test_shared_gains(1, noisy);
		test_shared_gains(3.7, noisy);
		test_shared_gains(1e-3, noisy);
	}
}
