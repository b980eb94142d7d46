/*
 * kernels.c
 *	  The E- and M-step over blocks and the scoring of single rows, in a
 *	  clone for each instruction set, chosen for the CPU at first use.
 *
 * The one source of the kernels is kernels_clone.h, which is included once
 * per instruction set with the width of its vectors.  A default build thus
 * needs no -march and runs at full width wherever it is installed.
 */
#include "engine/kernels/kernels.h"

#include <math.h>
#include <string.h>

#include "engine/core/linalg.h"

#define PASTE_(a, b) a##_##b
#define PASTE(a, b) PASTE_(a, b)
#define CLONE(name) PASTE(name, CLONE_NAME)
#define STRINGIFY_(a) #a
#define STRINGIFY(a) STRINGIFY_(a)

/* Loops over a handful of registers have to be unrolled to stay in them. */
#ifdef __clang__
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 32")
#endif

#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* The largest dimension for which a component's sums are kept in registers. */
#define SMALL_D 4

/*
 * Squared distances of blocks are held below this, so that a component so far
 * away has no part in a row; a row that no component is nearer to makes the
 * log-likelihood infinite.
 */
#define MAX_DISTANCE_SQUARED 1e300

/* e to less than this is taken for 0. */
#define EXP_UNDERFLOW (-708.0)

/*
 * The same for roots of responsibilities: those below 1e-100.  Their squares,
 * below 1e-200, change no sum, however far away the row is: from 1e10
 * deviations on, log densities are too coarse to differ by so little.  Products
 * of smaller ones would be denormal numbers, which take the processor a hundred
 * times as long.
 */
#define ROOT_UNDERFLOW (-230.0)

/* Vectors of rows whose distances from components without a matrix are found together */
#define TILE_VECTORS 4

/* Factors up to this leave the squares of what they multiply in range. */
#define PLAIN_FACTOR 1e140

/* Components between two looks for interrupts, where they have no matrix */
#define COMPONENTS_PER_LOOK 64

/* Values of all packs of rows, but for what the least of them need */
#define PACK_VALUES (1 << 19)
#define LEAST_PACK_ROWS 16

/* Sanitizers make so much of the clones that one has to do. */
#if defined(__x86_64__) && !defined(KERNELS_ONE_CLONE)
#define X86_CLONES
#endif

/*
 * Let rows that are known to be a component's be next to nothing for the others,
 * and for noise.
 */
static void
know_labels(const MixturePrepared *prepared, const MixtureBlock *block,
			const KernelWork *work, const MixtureHost *host)
{
	for (int c = 0; c < prepared->k + prepared->noise; c++)
	{
		double	   *log_densities = kernels_roots(work, c);

		for (int row = 0; row < block->n_rows; row++)
		{
			double		label = block->labels[row];

			if (label > 0 && label <= prepared->k && label != c + 1)
				log_densities[row] = -MAX_DISTANCE_SQUARED;
		}
		host->check_interrupts(host->context);
	}
}

#define CLONE_NAME baseline
#define VL 2
#include "engine/kernels/kernels_clone.h"
#undef CLONE_NAME
#undef VL

#ifdef X86_CLONES

#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif
#define CLONE_NAME avx2
#define VL 4
#include "engine/kernels/kernels_clone.h"
#undef CLONE_NAME
#undef VL
#ifdef __clang__
#pragma clang attribute pop
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512vl,avx2,fma"))), apply_to = function)
#else
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512vl,avx2,fma,prefer-vector-width=512")
#endif
#define CLONE_NAME avx512
#define VL 8
#include "engine/kernels/kernels_clone.h"
#undef CLONE_NAME
#undef VL
#ifdef __clang__
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#endif							/* X86_CLONES */

/* The kernels in use; NULL until the first call asks the CPU. */
static const Kernels *chosen_kernels = NULL;

/*
 * The clones that this CPU can run, the plainest first; NULL beyond the last.
 */
const Kernels *
kernels_list(int number)
{
	if (number == 0)
		return &kernels_baseline;
#ifdef X86_CLONES
	__builtin_cpu_init();
	if (number == 1 && __builtin_cpu_supports("avx2") &&
		__builtin_cpu_supports("fma"))
		return &kernels_avx2;
	if (number == 2 && __builtin_cpu_supports("avx512f") &&
		__builtin_cpu_supports("avx512dq") &&
		__builtin_cpu_supports("avx512vl"))
		return &kernels_avx512;
#endif
	return NULL;
}

const Kernels *
kernels_current(void)
{
	if (chosen_kernels == NULL)
	{
		const Kernels *best = kernels_list(0);

		for (int i = 1; kernels_list(i) != NULL; i++)
			best = kernels_list(i);
		chosen_kernels = best;
	}
	return chosen_kernels;
}

/* Use these kernels from now on; for tests that compare the clones. */
void
kernels_select(const Kernels *kernels)
{
	chosen_kernels = kernels;
}

/* The name of the instruction set in use. */
const char *
mixture_clone_name(void)
{
	return kernels_current()->name;
}

/*
 * Whether a block's sums are to be made for all components together.  Where they share
 * a matrix, what is then left for kernels_finish(), which is done once for many blocks
 * or for one, has to be less than what is saved.
 */
static bool
adds_together(const MixturePrepared *prepared, const MixtureBlock *block,
			  const KernelWork *work)
{
	int			k = prepared->k;

	if (prepared->linear != NULL)
		return true;
	if (prepared->covariance_type != MIXTURE_TIED)
		return !mixture_has_matrix(prepared->covariance_type);
	return work->pairs != NULL &&
		block->n_rows >= (2 * k < MIXTURE_BLOCK_ROWS ? 2 * k : MIXTURE_BLOCK_ROWS);
}

/*
 * Add a block to the M-step's sums, its roots and the components' weights being in work:
 * the second part of kernels_accumulate().
 */
void
kernels_add(const MixturePrepared *prepared, const MixtureBlock *block, const KernelWork *work,
			MixtureStats *stats, const MixtureHost *host)
{
	const Kernels *kernels = kernels_current();

	if (adds_together(prepared, block, work))
	{
		kernels->add_components(prepared, block, work, stats, host);
		return;
	}
	for (int c = 0; c < prepared->k; c++)
	{
		kernels->add_component(prepared, c, block, work, stats, host);
		host->check_interrupts(host->context);
	}
}

/*
 * Add a block to the statistics, or, where m_step is false, to sum_weights and
 * log_likelihood only.  After the last block the M-step's sums are complete
 * with kernels_finish().
 */
void
kernels_accumulate(const MixturePrepared *prepared, const MixtureBlock *block,
				   bool m_step, const KernelWork *work, MixtureStats *stats,
				   const MixtureHost *host)
{
	MIXTURE_ASSERT(block->n_rows > 0 && block->n_rows <= MIXTURE_BLOCK_ROWS &&
				   block->n_rows <= block->stride && block->stride % MIXTURE_LANES == 0);
	kernels_current()->e_step(prepared, block, m_step, work, stats, host);
	if (m_step)
		kernels_add(prepared, block, work, stats, host);
}

/*
 * Add the products of means with their weights in work->pairs, which is emptied: the
 * sum over pairs of q (m_b - m_c)(m_b - m_c)^T.  What the last mean is part of is one
 * product, of its distance from the others' mean by weight, and products of these,
 * q_b q_c / sum of q more of each.
 */
static void
add_pairs(const MixturePrepared *prepared, const KernelWork *work, MixtureStats *stats,
		  const MixtureHost *host)
{
	int			d = prepared->d;
	double	   *apart = work->centered;

	for (int c = prepared->k - 1; c > 0; c--)
	{
		double	   *own = work->pairs + linalg_row(c);
		const double *mean = prepared->means + (size_t) c * d;
		double		sum = 0;

		for (int b = 0; b < c; b++)
			sum += own[b];
		if (!(sum > 0))
			continue;
		memset(apart, 0, d * sizeof(double));
		for (int b = 0; b < c; b++)
		{
			double		share = own[b] / sum;

			for (int j = 0; j < d; j++)
				apart[j] += share * (prepared->means[(size_t) b * d + j] - mean[j]);
			linalg_add_multiple(work->pairs + linalg_row(b), share, own, b);
		}
		mixture_add_outer(MIXTURE_TIED, d, stats->seconds, sum, apart);
		host->check_interrupts(host->context);
	}
	memset(work->pairs, 0, linalg_packed_count(prepared->k) * sizeof(double));
}

/* Add what kernels_accumulate() has set aside of the blocks until now. */
void
kernels_finish(const MixturePrepared *prepared, const KernelWork *work,
			   MixtureStats *stats, const MixtureHost *host)
{
	if (work->pairs != NULL)
		add_pairs(prepared, work, stats, host);
	for (int c = 0; c < prepared->k && work->pack_rows > 0; c++)
	{
		kernels_current()->finish_component(prepared, c, work, stats, host);
		host->check_interrupts(host->context);
	}
}

/* Rows of a pack, of which each component has one: whole vectors. */
static int
choose_pack_rows(int k, int d)
{
	size_t		rows = PACK_VALUES / ((size_t) k * (d + 1)) / MIXTURE_LANES * MIXTURE_LANES;

	return rows < LEAST_PACK_ROWS ? LEAST_PACK_ROWS :
		rows > MIXTURE_BLOCK_ROWS ? MIXTURE_BLOCK_ROWS : (int) rows;
}

/*
 * Values of KernelWork's pairs: none where they are more work than a product of a row
 * for each component.
 */
static size_t
pairs_count(MixtureCovarianceType type, int k, int d)
{
	return type == MIXTURE_TIED && d > SMALL_D && k > 1 && (size_t) k <= linalg_packed_count(d) ?
		linalg_packed_count(k) : 0;
}

/*
 * Scratch for blocks and models of this shape, to be given back by
 * kernels_release_work().
 */
void
kernels_allocate_work(KernelWork *work, MixtureCovarianceType type, int k, int d,
					  const MixtureHost *host)
{
	size_t		rows = KERNEL_WORK_STRIDE;
	size_t		n_packs = type == MIXTURE_FULL && d > SMALL_D ? k : 0;
	size_t		n_round = type == MIXTURE_SPHERICAL ? (size_t) k + 1 : 0;
	size_t		n_pairs = pairs_count(type, k, d);
	size_t		pack_values;

	work->has_roots = mixture_has_matrix(type);
	work->pack_rows = n_packs > 0 ? choose_pack_rows(k, d) : 0;
	work->pack_stride = work->pack_rows + MIXTURE_LANES;
	pack_values = n_packs * (d + 1) * work->pack_stride;
	work->packed = host->allocate(host->context, (size_t) k * sizeof(int));
	memset(work->packed, 0, (size_t) k * sizeof(int));
	work->memory = host->allocate(host->context,
								  (((size_t) k + 1 + n_round + d + 3) * rows + pack_values +
								   n_pairs + (size_t) d * 4 * MIXTURE_LANES + k + n_round + 2 +
								   MIXTURE_LANES) * sizeof(double));
	/* vectors that straddle cache lines are read twice */
	work->largest = (double *) (((uintptr_t) work->memory + 63) & ~(uintptr_t) 63);
	work->sums = work->largest + rows;
	work->scales = work->sums + rows;
	work->roots = work->scales + rows;
	work->relative = n_round > 0 ? work->roots + ((size_t) k + 1) * rows : NULL;
	work->scaled = work->roots + ((size_t) k + 1 + n_round) * rows;
	work->packs = work->scaled + d * rows;
	work->centered = work->packs + pack_values;
	work->weights = work->centered + (size_t) d * 4 * MIXTURE_LANES;
	work->scatters = work->weights + k + 1;
	work->reach = work->scatters + n_round;
	work->pairs = n_pairs > 0 ? work->reach + 1 : NULL;
	if (n_pairs > 0)
		memset(work->pairs, 0, n_pairs * sizeof(double));
}

void
kernels_release_work(KernelWork *work, const MixtureHost *host)
{
	host->release(host->context, work->memory);
	host->release(host->context, work->packed);
}

/*
 * Weights for a block of n_rows rows of weight 1: that many ones, zeros after
 * them.  Static memory.
 */
const double *
mixture_unit_weights(int n_rows)
{
#define ONES_4 1, 1, 1, 1
#define ONES_16 ONES_4, ONES_4, ONES_4, ONES_4
#define ONES_64 ONES_16, ONES_16, ONES_16, ONES_16
	static const double weights[2 * MIXTURE_BLOCK_ROWS] = {
		ONES_64, ONES_64, ONES_64, ONES_64, ONES_64, ONES_64
	};

	return weights + MIXTURE_BLOCK_ROWS - n_rows;
}

/*
 * Doubles of scratch that the functions below need for one row: log densities
 * of every lane, then the row centered on each.
 */
size_t
mixture_row_work_size(const MixturePrepared *prepared)
{
	return (size_t) prepared->n_groups * prepared->lanes +
		(size_t) prepared->d * prepared->lanes;
}

/* Weighted log densities of a row into work, which may be known but for a sum. */
static void
row_log_densities(const MixturePrepared *prepared, const double *row, double *work)
{
	if (prepared->squares == NULL)
	{
		kernels_current()->row_log_densities(prepared, row, work);
		return;
	}
	for (int c = 0; c < prepared->n_groups * prepared->lanes; c++)
		work[c] = prepared->log_constants[c] - 0.5 * prepared->squares[c];
}

/* And squared distances. */
void
kernels_row_distances(const MixturePrepared *prepared, const double *row, double *work)
{
	if (prepared->squares != NULL)
		memcpy(work, prepared->squares, prepared->k * sizeof(double));
	else
		kernels_current()->row_distances(prepared, row, work);
}

/*
 * The most probable component, from 0, the first of equals; -1 if noise is more
 * probable than any.
 */
int
mixture_row_predict(const MixturePrepared *prepared, const double *row, double *work)
{
	int			best = 0;

	row_log_densities(prepared, row, work);
	for (int c = 1; c < prepared->k; c++)
		if (work[c] > work[best])
			best = c;
	if (prepared->log_noise > work[best])
		return -1;
	if (work[best] > -INFINITY)
		return best;
	far_log_densities(prepared, row, work);
	for (int c = 0; c < prepared->k; c++)
		if (work[c] > work[best])
			best = c;
	return best;
}

/*
 * The log density of the components alone, weighted; into work, what each of
 * them is responsible for of that.
 */
double
kernels_row_components(const MixturePrepared *prepared, const double *row, double *work)
{
	const Kernels *kernels = kernels_current();
	double		log_density;

	row_log_densities(prepared, row, work);
	log_density = kernels->row_softmax(prepared, work);
	if (log_density > -INFINITY)
		return log_density;
	far_log_densities(prepared, row, work);
	kernels->row_softmax(prepared, work);
	return -INFINITY;
}

/* Of two densities, of which not both are 0, the share of the first. */
static double
share_of(double log_density, double other)
{
	return 1 / (1 + exp(other - log_density));
}

/* The log density of the mixture where that of its components alone is this. */
static double
with_noise(const MixturePrepared *prepared, double components)
{
	double		most = fmax(components, prepared->log_noise);
	double		least = fmin(components, prepared->log_noise);

	/* the weights may sum to 1 but for rounding */
	if (prepared->d == 0)
		return 0;
	return least > -INFINITY ? most + log1p(exp(least - most)) : most;
}

/*
 * What the k components are responsible for among themselves, for one row: sum 1.
 * *noise: how probable it is that the row is noise.
 *
 * Returns the row's log density; where that is below the range of a double, it
 * is -INFINITY, and the responsibilities are what they are.
 */
double
mixture_row_shares(const MixturePrepared *prepared, const double *row, double *work,
				   double *shares, double *noise)
{
	double		components = kernels_row_components(prepared, row, work);

	memcpy(shares, work, prepared->k * sizeof(double));
	*noise = prepared->log_noise > -INFINITY ? share_of(prepared->log_noise, components) : 0;
	return with_noise(prepared, components);
}

/*
 * Responsibilities of the k components for one row, which sum to 1 with that of
 * noise; as above else.
 */
double
mixture_row_responsibilities(const MixturePrepared *prepared, const double *row,
							 double *work, double *responsibilities, double *noise)
{
	double		components = kernels_row_components(prepared, row, work);
	bool		noisy = prepared->log_noise > -INFINITY;
	double		share = noisy ? share_of(components, prepared->log_noise) : 1;

	for (int c = 0; c < prepared->k; c++)
		responsibilities[c] = share * work[c];
	*noise = noisy ? share_of(prepared->log_noise, components) : 0;
	return with_noise(prepared, components);
}

/* How probable it is that a row is noise. */
double
mixture_row_noise(const MixturePrepared *prepared, const double *row, double *work)
{
	return prepared->log_noise > -INFINITY ?
		share_of(prepared->log_noise, kernels_row_components(prepared, row, work)) : 0;
}

/* What a class of this probability adds to the entropy. */
static double
surprise(double probability)
{
	return probability > 0 ? -probability * log(probability) : 0;
}

/*
 * The entropy, in nats, of the responsibilities for one row: 0 where it is
 * certain which component it is of, or that it is noise; log k where nothing is
 * known, and there is no noise.  Arguments as above.
 */
double
mixture_row_entropy(const MixturePrepared *prepared, const double *row, double *work)
{
	double		components = kernels_row_components(prepared, row, work);
	double		entropy = 0;
	double		share;

	for (int c = 0; c < prepared->k; c++)
		entropy += surprise(work[c]);
	if (!(prepared->log_noise > -INFINITY))
		return entropy;
	share = share_of(components, prepared->log_noise);
	return share * entropy + surprise(share) +
		surprise(share_of(prepared->log_noise, components));
}

/*
 * The log density of the mixture at one row; -INFINITY where that is below the
 * range of a double.
 */
double
mixture_row_log_density(const MixturePrepared *prepared, const double *row,
						double *work)
{
	return with_noise(prepared, kernels_row_components(prepared, row, work));
}

/*
 * Mahalanobis distances of one row from the k components; INFINITY where one is
 * above the range of a double.
 */
void
mixture_row_mahalanobis(const MixturePrepared *prepared, const double *row,
						double *work, double *distances)
{
	kernels_row_distances(prepared, row, work);
	for (int c = 0; c < prepared->k; c++)
		distances[c] = far_distance(prepared, c, row, work[c]);
}
