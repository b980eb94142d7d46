/*
 * moves.c
 *	  Steps from one optimum to another: two components that share what one
 *	  could explain become one, and one that covers two groups becomes two.
 *
 * EM cannot do this, since on the way there the likelihood falls (Ueda,
 * Nakano, Ghahramani and Hinton 2000).  What every split would gain is found among
 * the rows of the component alone (local.c), and where to cut from its own shape
 * (cuts.c); what a merger loses, from the determinants of the two and of both
 * together, and from the rows that have a choice: so no scale but a component's own
 * has a say.  That bounds from below what a move leads to, so
 * one that gains should lead higher; of another one whoever makes it has to run EM
 * from there and see.  A suspect component is worth nothing where it is, so that
 * merging it away loses nothing.
 *
 * Where all components share one covariance, what becomes of a few concerns the
 * others, and gains and losses are those of the determinant of the matrix.  Where it
 * would be dear to look at many starts and cuts, one more component beside all is looked
 * for instead (births.c).
 */
#include "engine/search/search.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/linalg.h"

/* Mergers that are judged, for each component */
#define PAIRS_PER_COMPONENT 2

/* Values of a component's rows that a split is judged by, at most */
#define MOST_VALUES (1 << 19)

/* Components among which all pairs are looked at */
#define MOST_COMPONENTS 256

/*
 * Share of what the best move's merger loses that its split makes up for, below which few
 * moves are worth a trial, or none
 */
#define LITTLE_MADE_UP 0.25
#define NOTHING_MADE_UP 0.1

/* Share of what is lost beside a birth that EM may make up for */
#define BIRTH_HOPE 0.75

/*
 * Whether there are moves for mixtures of k components.  Two need none: starts find
 * them.
 */
bool
moves_possible(int k)
{
	return SEARCH_WITHOUT != SEARCH_MOVES && k > 2 && k <= MOST_COMPONENTS;
}

/* Prepare to propose moves between mixtures of k components of this family. */
void
moves_begin(Moves *moves, MixtureCovarianceType type, int k, const Sample *sample,
			const double *floor, const MixtureHost *host)
{
	int			d = sample->d;

	moves->host = host;
	moves->sample = sample;
	moves->floor = floor;
	moves->scales = NULL;
	moves->k = k;
	moves->cuts = NULL;
	if (!moves_possible(k))
		return;
	moves->cuts = cuts_create(sample, type, host);
	moves->gains = host->allocate(host->context, k * sizeof(double));
	moves->pairs = host->allocate(host->context, (size_t) k * (k - 1) / 2 * sizeof(Pair));
	moves->work = host->allocate(host->context, d * sizeof(double));
	moves->within = host->allocate(host->context, mixture_factor_count(type, d) * sizeof(double));
	mixture_allocate_parameters(&moves->halves, type, 2 * k, d, host);
}

/* Give back what moves_begin() allocated. */
void
moves_end(Moves *moves)
{
	const MixtureHost *host = moves->host;

	if (moves->cuts == NULL)
		return;
	mixture_release_parameters(&moves->halves, host);
	host->release(host->context, moves->within);
	host->release(host->context, moves->work);
	host->release(host->context, moves->pairs);
	host->release(host->context, moves->gains);
	cuts_release(moves->cuts);
}

static int
compare_pairs(const void *left, const void *right)
{
	const Pair *a = left;
	const Pair *b = right;

	if (a->loss != b->loss)
		return a->loss < b->loss ? -1 : 1;
	return a->a != b->a ? a->a - b->a : a->b - b->b;
}

/*
 * What is lost where two components of a mixture become one, both having the moments of
 * their rows, if no row had a choice between them (Banfield and Raftery 1993): where all
 * share a covariance, of which means are whitened, the matrix grows by what is between.
 */
static double
shared_merger(const Moves *moves, const MixtureParameters *parameters, const double *means,
			  const Pair *pair, double sum_weights)
{
	size_t		d = parameters->d;
	double		a = parameters->weights[pair->a];
	double		b = parameters->weights[pair->b];

	for (size_t j = 0; j < d; j++)
		moves->work[j] = means[pair->a * d + j] - means[pair->b * d + j];
	return sum_weights * (0.5 * log1p(a * b / (a + b) * linalg_dot(moves->work, moves->work,
																   parameters->d)) +
						  a * log(a / (a + b)) + b * log(b / (a + b)));
}

/* The same where each has its own.  *merged, and prepared *as_one, are room for the one. */
static double
own_merger(const Moves *moves, const MixtureParameters *parameters,
		   const MixturePrepared *prepared, const Pair *pair, const ComponentRows *rows,
		   MixtureParameters *merged, MixturePrepared **as_one)
{
	const double *before = prepared->log_constants;
	MixturePrepared *next;
	MixtureError error;

	components_merge(parameters, pair->a, pair->b, merged, 0, moves->work);
	next = mixture_prepare_blocks(merged, *as_one, moves->host, &error);
	if (next == NULL)
		return INFINITY;
	*as_one = next;
	return rows[pair->a].sum * (before[pair->a] - next->log_constants[0]) +
		rows[pair->b].sum * (before[pair->b] - next->log_constants[0]);
}

/*
 * List the mergers that lose the least, and what: more if rows have a choice, which is for
 * nothing then.  An empty component is merged away at no loss, and two are nothing to merge.
 * means: whitened, of components that share a covariance, or NULL.
 */
static void
judge_mergers(Moves *moves, const MixtureParameters *parameters,
			  const MixturePrepared *prepared, const double *means, const ComponentRows *rows,
			  double sum_weights)
{
	const MixtureHost *host = moves->host;
	const double *weights = parameters->weights;
	MixtureParameters merged;
	MixturePrepared *as_one = NULL;

	mixture_allocate_parameters(&merged, parameters->covariance_type, 1, parameters->d, host);
	mixture_share_noise(&merged, parameters);
	moves->n_pairs = 0;
	for (int b = 1; b < moves->k; b++)
		for (int a = 0; a < b; a++)
		{
			Pair	   *pair = &moves->pairs[moves->n_pairs++];

			*pair = (Pair) {a, b, weights[a] > 0 || weights[b] > 0 ? 0 : INFINITY};
			if (weights[a] > 0 && weights[b] > 0)
				pair->loss = means != NULL ?
					shared_merger(moves, parameters, means, pair, sum_weights) :
					own_merger(moves, parameters, prepared, pair, rows, &merged, &as_one);
			host->check_interrupts(host->context);
		}
	mixture_release_prepared(as_one, host);
	mixture_release_parameters(&merged, host);
	qsort(moves->pairs, moves->n_pairs, sizeof(Pair), compare_pairs);
	if (moves->n_pairs > (size_t) PAIRS_PER_COMPONENT * moves->k)
		moves->n_pairs = (size_t) PAIRS_PER_COMPONENT * moves->k;
	moves->least_loss = INFINITY;
	for (size_t i = 0; i < moves->n_pairs; i++)
	{
		Pair	   *pair = &moves->pairs[i];

		pair->loss += local_choice(&rows[pair->a], &rows[pair->b]);
		moves->least_loss = fmin(moves->least_loss, pair->loss);
	}
}

/*
 * What the determinant of the shared covariance gains where one component
 * becomes these halves.
 */
static double
shared_gain(Moves *moves, const double *factor, const MixtureParameters *halves, double weight,
			double sum_weights)
{
	int			d = halves->d;
	double		left = halves->weights[0];
	double		right = halves->weights[1];

	for (int j = 0; j < d; j++)
		moves->work[j] = halves->means[j] - halves->means[d + j];
	linalg_solve_lower(factor, moves->work, d);
	return -0.5 * sum_weights *
		log1p(-fmin(weight * left * right * linalg_dot(moves->work, moves->work, d), 1 - 1e-12)) +
		weight * sum_weights * (left * log(left) + right * log(right));
}

/* A component as a mixture of its own, of the family that halves are of. */
static void
copy_whole(const MixtureParameters *parameters, int c, MixtureParameters *whole)
{
	whole->weights[0] = 1;
	components_copy(parameters, c, whole, 0);
	if (parameters->covariance_type == MIXTURE_TIED)
		memcpy(whole->covariances, parameters->covariances,
			   linalg_packed_count(parameters->d) * sizeof(double));
}

/*
 * The first of a component's rows, which are as good as any, as many as a split is judged
 * by: `sum` is that of their shares.
 */
static ComponentRows
first_rows(const ComponentRows *of, int d)
{
	ComponentRows first = *of;
	int64_t		most = MOST_VALUES / d;

	if (most >= of->n)
		return first;
	first.n = most;
	first.sum = 0;
	for (int64_t i = 0; i < most; i++)
		first.sum += of->shares[i];
	return first;
}

/*
 * Find what is gained where component c is cut in two, and the halves.  factor: of the
 * covariance that all components share, or NULL.
 */
static void
judge_split(Moves *moves, const MixtureParameters *parameters, int c, const double *factor,
			const ComponentRows *rows, double sum_weights, Local *local)
{
	const MixtureHost *host = moves->host;
	MixtureCovarianceType type = moves->halves.covariance_type;
	int			d = parameters->d;
	double		least_share = (double) cuts_least_rows(type, d) * moves->row_weight / rows->sum;
	ComponentRows first = first_rows(rows, d);
	MixtureParameters whole;
	MixtureParameters halves;
	double		gain;
	Cut			cut;

	/* each side by itself would span fewer dimensions than there are */
	if (rows->n < 2 * judge_least_rows(type, d) ||
		(type == MIXTURE_TIED && rows->n < 2 * (int64_t) d) ||
		!cuts_find(moves->cuts, rows, &cut))
		return;
	mixture_allocate_parameters(&whole, type, 1, d, host);
	mixture_allocate_parameters(&halves, type, 2, d, host);
	copy_whole(parameters, c, &whole);
	local_gather(local, &first);
	gain = local_split(local, &first, &whole, &cut, &halves) * (rows->sum / first.sum);
	if (gain > -INFINITY && factor != NULL)
		gain = shared_gain(moves, factor, &halves, parameters->weights[c], sum_weights);
	if (gain > -INFINITY && halves.weights[0] >= least_share && halves.weights[1] >= least_share)
	{
		moves->gains[c] = gain;
		for (int half = 0; half < 2; half++)
		{
			components_copy(&halves, half, &moves->halves, 2 * c + half);
			moves->halves.weights[2 * c + half] = halves.weights[half];
		}
	}
	mixture_release_parameters(&halves, host);
	mixture_release_parameters(&whole, host);
}

/* Find what every split gains, if it gains at all. */
static void
judge_splits(Moves *moves, const MixtureParameters *parameters, const double *factor,
			 const ComponentRows *rows, double sum_weights)
{
	int64_t		most_rows = 0;
	Local		local;

	for (int c = 0; c < parameters->k; c++)
	{
		ComponentRows first = first_rows(&rows[c], parameters->d);

		if (first.n > most_rows)
			most_rows = first.n;
	}
	local_begin(&local, moves->sample, parameters->covariance_type, most_rows, moves->floor,
				moves->host);
	for (int c = 0; c < parameters->k; c++)
		judge_split(moves, parameters, c, factor, &rows[c], sum_weights, &local);
	local_end(&local);
}

/* Find what one more component gains, where all share a covariance, and no split. */
static void
judge_births(Moves *moves, const MixtureParameters *parameters, const double *factor,
			 const ComponentRows *rows, double n_rows)
{
	int			k = moves->k;
	MixtureParameters *halves = &moves->halves;
	double		least = 2 * (double) judge_least_rows(MIXTURE_TIED, parameters->d);

	moves->n_births = births_find(moves->sample, moves->scales, parameters, factor, rows,
								  k < BIRTHS_MOST ? k : BIRTHS_MOST,
								  halves->means, halves->weights, moves->gains, moves->host);
	for (int b = 0; b < moves->n_births; b++)
		if (halves->weights[b] * n_rows < least)
			moves->gains[b] = -INFINITY;
}

/* Keep a move if it is among the best so far, the best first. */
static void
propose(Moves *moves, const Move *move)
{
	int			place = moves->n_proposed;

	while (place > 0 && move->gain > moves->proposed[place - 1].gain)
		place--;
	if (place == MOVES_MOST)
		return;
	if (moves->n_proposed < MOVES_MOST)
		moves->n_proposed++;
	memmove(moves->proposed + place + 1, moves->proposed + place,
			(moves->n_proposed - 1 - place) * sizeof(Move));
	moves->proposed[place] = *move;
}

/* Propose a split and a merger together if that could lead higher. */
static void
propose_if(Moves *moves, int split, const Pair *pair, double loss, int reseeds)
{
	bool		birth = moves->n_births > 0;
	Move		move = {
		split, birth, pair->a, pair->b, moves->gains[split] - loss, loss, reseeds
	};

	if (moves->gains[split] > -INFINITY &&
		move.gain > -(birth ? BIRTH_HOPE : 1) * fmax(loss, 0))
		propose(moves, &move);
}

/* Propose the moves that could lead higher. */
static void
propose_all(Moves *moves, const MixtureSuspicion *suspicions)
{
	moves->n_proposed = 0;
	for (size_t i = 0; i < moves->n_pairs; i++)
	{
		const Pair *pair = &moves->pairs[i];
		int			reseeds = (suspicions[pair->a] != MIXTURE_SOUND) +
			(suspicions[pair->b] != MIXTURE_SOUND);
		double		loss = reseeds > 0 ? fmin(pair->loss, 0) : pair->loss;

		for (int b = 0; b < moves->n_births; b++)
			propose_if(moves, b, pair, loss, reseeds);
		for (int c = 0; c < moves->k && moves->n_births == 0; c++)
			if (c != pair->a && c != pair->b)
				propose_if(moves, c, pair, loss, reseeds);
	}
}

/*
 * The factor of the covariance that all components share, and after it their means where
 * that is the identity.
 */
static double *
factor_shared(Moves *moves, const MixtureParameters *parameters)
{
	const MixtureHost *host = moves->host;
	size_t		count = linalg_packed_count(parameters->d);
	double	   *factor = host->allocate(host->context, (count + (size_t) parameters->k *
														parameters->d) * sizeof(double));

	memcpy(factor, parameters->covariances, count * sizeof(double));
	memcpy(moves->halves.covariances, factor, count * sizeof(double));
	if (linalg_cholesky(factor, parameters->d, host))
	{
		components_whiten(parameters, factor, factor + count, host);
		return factor;
	}
	host->release(host->context, factor);
	return NULL;
}

/*
 * Judge the moves from a mixture among n_rows rows that weigh sum_weights, and propose
 * the best.
 */
void
moves_judge(Moves *moves, const MixtureParameters *parameters,
			const MixtureSuspicion *suspicions, double sum_weights, double n_rows)
{
	const MixtureHost *host = moves->host;
	MixtureCovarianceType type = parameters->covariance_type;
	bool		shared = type == MIXTURE_TIED;
	double	   *factor = shared ? factor_shared(moves, parameters) : NULL;
	MixtureError error;
	MixturePrepared *prepared = mixture_prepare_blocks(parameters, NULL, host, &error);

	moves->n_proposed = moves->n_births = moves->n_pairs = 0;
	moves->least_loss = INFINITY;
	moves->row_weight = sum_weights / n_rows;
	moves->price = components_price(type, parameters->d, n_rows, moves->row_weight);
	for (int c = 0; c < moves->k; c++)
		moves->gains[c] = -INFINITY;
	sum_weights *= 1 - parameters->noise_weight;
	if (prepared != NULL && (factor != NULL || !shared))
	{
		ComponentRows *rows = local_rows(prepared, moves->sample, host);

		mixture_within(parameters, moves->within);
		cuts_about(moves->cuts, moves->within);
		judge_mergers(moves, parameters, prepared, shared ? factor +
					  linalg_packed_count(parameters->d) : NULL, rows, sum_weights);
		if (moves->scales != NULL && parameters->noise_box == NULL)
			judge_births(moves, parameters, factor, rows, n_rows);
		else
			judge_splits(moves, parameters, factor, rows, sum_weights);
		local_release(rows, moves->k, host);
	}
	mixture_release_prepared(prepared, host);
	if (factor != NULL)
		host->release(host->context, factor);
	propose_all(moves, suspicions);
}

/*
 * How many of the moves proposed are worth a trial where passes are dear: up to `most`, or
 * `few` where the best, which may be a birth, makes up for little of what it loses.
 */
int
moves_worth(const Moves *moves, int most, int few)
{
	const Move *best = moves->proposed;

	if (moves->n_proposed == 0 || best->gain + best->loss < NOTHING_MADE_UP * best->loss)
		return 0;
	return best->gain + best->loss < LITTLE_MADE_UP * best->loss && few < most ? few : most;
}

/*
 * How doubtful a mixture is from which none of the moves leads higher.  One should have
 * that was to gain; or, where all share a covariance, one that nobody knows, where a
 * component could be spared, for a covariance that is too long hides what there is to be
 * cut.  And where one component alone, cut in two, would gain more than another takes,
 * there may be a better place for some other.
 */
MovesDoubt
moves_doubt(const Moves *moves)
{
	bool		spare = moves->halves.covariance_type == MIXTURE_TIED &&
		moves->least_loss < moves->price;
	double		most = -INFINITY;

	for (int c = 0; c < (moves->n_births > 0 ? moves->n_births : moves->k); c++)
		most = fmax(most, moves->gains[c]);
	if (spare || (moves->n_proposed > 0 && !moves->proposed[0].birth &&
				  moves->proposed[0].gain > 0))
		return MOVES_MISSING;
	return most > moves->price ? MOVES_WANTING : MOVES_SURE;
}

/* Let a component of this share be beside all others, in place of one. */
static void
make_birth(const Moves *moves, const Move *move, MixtureParameters *parameters)
{
	double		share = moves->halves.weights[move->split];

	for (int other = 0; other < moves->k; other++)
		parameters->weights[other] *= 1 - share;
	components_copy(&moves->halves, move->split, parameters, move->merge_from);
	parameters->weights[move->merge_from] = share;
}

/*
 * Make a move: parameters, the mixture that moves_judge() was about, become
 * where EM is to start.
 */
void
moves_make(Moves *moves, const Move *move, MixtureParameters *parameters)
{
	int			places[2] = {move->split, move->merge_from};
	double		weight = move->birth ? 0 : parameters->weights[move->split];
	const MixtureParameters *halves = &moves->halves;

	components_merge(parameters, move->merge_into, move->merge_from, parameters,
					 move->merge_into, moves->work);
	if (move->birth)
	{
		make_birth(moves, move, parameters);
		return;
	}
	for (int half = 0; half < 2; half++)
	{
		int			c = 2 * move->split + half;

		components_copy(halves, c, parameters, places[half]);
		parameters->weights[places[half]] = weight * halves->weights[c];
	}
}
