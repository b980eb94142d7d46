/*
 * kernels.h
 *	  What is done for every row: the E-step and the sums of the M-step over
 *	  blocks, and the scoring of single rows.
 */
#ifndef GMM_ENGINE_KERNELS_H
#define GMM_ENGINE_KERNELS_H

#include <math.h>

#include "engine/core/core.h"
#include "engine/kernels/missing.h"

/*
 * Parameters ready for the E-step: log densities are
 * log_constants[k] - |precision_cholesky[k] (x - means[k])|^2 / 2.
 *
 * For blocks, where a lane is a row, the precision's Cholesky factor
 * W = L^-1 lies packed by component (one for all if tied); diag and spherical
 * have 1 / standard deviation.  For single rows a lane is a component: means,
 * factors and constants are interleaved, `lanes` components at a time, and
 * the last group is padded with components of log weight minus infinity.
 *
 * The constants have the weights of components among all rows, noise too.
 *
 * Where all components share a factor and their means are near each other, blocks
 * have W (means[k] - origin) as well: W (x - origin) less that is W (x - means[k]),
 * for one triangular product a row instead of k.
 *
 * Where besides the sums of all rows together about a point are known, log densities lack
 * |W (x - origin)|^2 / 2, which is the same for all components: what is left is linear
 * in x - origin, with the factors W^T W (means[k] - origin) and constants that have that
 * of the means.  The sums of the M-step are then about the origin, and without seconds.
 */
struct MixturePrepared
{
	int			k;
	int			d;
	MixtureCovarianceType covariance_type;
	int			lanes;			/* components interleaved; 1 for blocks */
	int			n_groups;		/* of lanes components */
	size_t		factor_count;	/* values of one component's factor */
	size_t		factor_step;	/* from a group's factor to the next: 0 if tied */
	size_t		size;			/* bytes of all this */
	bool		noise;			/* there is some, of this weighted log density */
	double		log_noise;
	double	   *log_constants;	/* n_groups x lanes */
	double	   *means;			/* n_groups x d x lanes */
	double	   *precision_cholesky; /* n_groups x factor_count x lanes; if tied
									 * one factor, not interleaved */
	double	   *origin;			/* d, or NULL */
	double	   *whitened;		/* k x d, or NULL */
	double	   *linear;			/* k x d, minus twice the factors; or NULL */
	bool		near_zero;		/* so are the means, as deviations go: sums of rows may
								 * be made about zero */
	const double *squares;		/* NULL; or the squared distances of the one row that
								 * this is for, which are not looked for, so that
								 * there are no means and no factors */
};

/* Dimensions from which on components that share a covariance have what is made of it */
#define KERNELS_LEAST_SHARED 5

/* prepare.c */
extern MixturePrepared *mixture_prepare_blocks(const MixtureParameters *parameters,
											   MixturePrepared *reuse,
											   const MixtureHost *host,
											   MixtureError *error);
extern bool prepare_linear(MixturePrepared *prepared, const double *origin,
						   const double *variances, const MixtureHost *host);
extern void mixture_release_prepared(MixturePrepared *prepared,
									 const MixtureHost *host);

/*
 * Offset between rows of the scratch of a block: not a power of two, or all of
 * them would compete for the same lines of the cache.
 */
#define KERNEL_WORK_STRIDE MISSING_ROWS

/* Scratch of the block kernels. */
typedef struct KernelWork
{
	void	   *memory;			/* what the others lie in */
	double	   *largest;		/* rows: the largest log density */
	double	   *sums;			/* rows: of densities relative to that */
	double	   *scales;			/* rows: from these to responsibilities */
	bool		has_roots;		/* else responsibilities are kept themselves */
	double	   *roots;			/* k + 1 x rows: log densities, then the roots of
								 * the responsibilities: kernels_roots() */
	double	   *relative;		/* k + 1 x rows: densities relative to the largest, of
								 * components that are round; else NULL */
	double	   *scaled;			/* d x rows: features about the mean, times
								 * those roots */
	double	   *centered;		/* d x some rows: features about the mean */
	double	   *pairs;			/* packed, k x k: what add_components() keeps for
								 * kernels_finish(); NULL where it has no part */
	double	   *weights;		/* k + 1: sum of responsibilities */
	double	   *scatters;		/* k + 1: of responsibilities times squared distance,
								 * in units of the variance; of round components */
	double	   *reach;			/* 1: no row is farther from a component in
								 * which it has a part; set if there are packs */
	int			pack_rows;		/* that a pack has place for; 0: no packs */
	int			pack_stride;	/* of its features */
	double	   *packs;			/* k x (d + 1) x stride: rows set aside by
								 * add_component(): kernels_pack() */
	int		   *packed;			/* k: how many */
} KernelWork;

/*
 * Component c's square roots of responsibility times weight, one a row, or, where
 * components have no matrix, responsibilities times weight; of noise if c is k.
 */
static inline double *
kernels_roots(const KernelWork *work, int c)
{
	return work->roots + (size_t) c * KERNEL_WORK_STRIDE;
}

/* Component c's responsibility for a row, times weight. */
static inline double
kernels_share(const KernelWork *work, int c, int row)
{
	double		part = kernels_roots(work, c)[row];

	return work->has_roots ? part * part : part;
}

/*
 * The rows set aside for component c of d features: these, one after the
 * other, and the roots as one more.
 */
static inline double *
kernels_pack(const KernelWork *work, int d, int c)
{
	return work->packs + (size_t) c * (d + 1) * work->pack_stride;
}

/*
 * The least root that a row has to have for a part in component c's sums.
 *
 * A row with responsibility r at distance D adds up to r D^2 to the second
 * moments, as the component's own deviations measure them, and less to the
 * other sums.  Left out is what adds less than 2^-60 of the component's weight
 * in the block, D being the block's reach, which is never below 1; so all that
 * is left out of a block is less than the rounding of its sums.
 */
static inline double
kernels_least_root(const KernelWork *work, int c)
{
	return sqrt(work->weights[c]) * 0x1p-30 / *work->reach;
}

/*
 * Where along a feature the cells of hash_cells() turn, and what is added to the distance
 * from an end, both as shares of the range: no share at which a regular feature has values
 */
#define KERNELS_CELL_MIDDLE 0.618034
#define KERNELS_CELL_ORIGIN (0.381966 * 0x1p-12)

/* Rows that race() tells apart, and that it looks at together: many of the former */
#define KERNELS_RACE_ROWS 16
#define KERNELS_RACE_STRETCH 64

/*
 * A straight line through a mixture.  At position x of it the log density of
 * component c, weighted, is peaks[c] - curvatures[c] (x - closest[c])^2.
 */
typedef struct Ray
{
	int			k;
	double	   *peaks;			/* k */
	double	   *curvatures;		/* k, not negative */
	double	   *closest;		/* k */
} Ray;

/*
 * One clone of the kernels.
 *
 * e_step() adds a block of rows to sum_weights and log_likelihood of the
 * statistics and, if the M-step is to follow, leaves in work each component's
 * roots and its sum of responsibilities times weight, and adds that of noise to
 * the statistics; if not, it adds to the entropy.  It is log_densities(), which is
 * densities() for every component and leaves log densities where the roots are to
 * be, the same for noise, and responsibilities().
 *
 * add_component() adds component c's part of a block to component_weights, firsts and
 * seconds; it takes the responsibilities from work, the means from what was prepared,
 * and the features from the block, which need not be the one of the E-step but for
 * features that are at the mean.  Where every responsibility has underflowed to 0 there
 * is nothing to add.  It may set rows aside in work, of more blocks than one;
 * finish_component() adds what is there.
 *
 * add_components() does so for all components, where they have no matrix of their
 * own; the block has to be that of the E-step, and what is in work is lost.  It may
 * leave something in work->pairs, for kernels_finish().
 *
 * squares() leaves the squared distances of a block's rows from n means of d features
 * at squares + e * KERNEL_WORK_STRIDE; nearest() the least of them, and the number of
 * its mean, the first of equals: both of KERNEL_WORK_STRIDE doubles at most.
 * nearer() leaves the less of two squared distances of each row, all with room for
 * MIXTURE_LANES more, and returns their weighted sum.
 *
 * race() finds, from a row on whose number is a multiple of KERNELS_RACE_ROWS, the next
 * such number from which on so many rows have one among them that may win a race
 * (seeding.c): of random_unit() u of its hash and the draw, mixed, and rate r its
 * weight times its distance, 1 - u is not above r times the bound.  Returns the number;
 * of what is less than KERNELS_RACE_ROWS up to n_rows it is not asked.
 * hash_cells() combines the hash of each lane with the cells that the row is in, or with
 * `missing` (row_hashes.c): 2^bits cells from a distance to the nearer end of the range to
 * twice that, so that they are narrow near the ends, where all the rows lie if one is far.
 *
 * gather_rows() puts n values of a feature, of rows of which the numbers are given, one
 * after the other.  turn_rows() leaves MIXTURE_LANES sorted rows (missing_rows.c) one row
 * after the other, each filled up to `stride` with NaN.
 *
 * What begins with missing_ is for blocks in which features are missing, and described
 * in missing.c.  missing_bits() finds up to 64 features from number j on that are
 * missing, a bit each, a word a row.  missing_fill() finds what is missing in a group
 * for sets with the same matrices, and the shifts, and returns whether all of these are
 * numbers; factors are left at `kept` unless that is NULL; and, unless shared is NULL,
 * what components are apart (missing_shared.c), and the sums of their shifts in place of
 * the set's.
 * missing_spread() is the M-step's part of that, by the roots in work.  missing_shift()
 * adds shifts, each so many steps from the last, to n log densities, or puts the exact
 * value where there is none; returns the largest shift, or 0.  missing_shares() clears n
 * roots that are below the least, and leaves their squares, each so many steps from the
 * last, and the sum of each MIXTURE_LANES of them.  missing_sum_shares() does so for the
 * sum of k components' squares, of which none is cleared.  missing_residuals() adds to a
 * set's residuals each row's inverse times its share in each component, and, unless
 * shared is NULL, does what missing_spread() does; what was kept is lost.  The other two
 * are what densities() and add_component() are for families without matrices; constants:
 * what each missing feature adds to the log density, as the factor has them.
 *
 * row_log_densities() leaves k log densities, weighted, in work, which are minus
 * infinity where squared distances overflow; row_softmax() makes
 * responsibilities of them, among the components alone, and returns the
 * logarithm of their sum, which is not finite if they are all minus infinity.
 *
 * row_incomplete() finds the log constants and squared distances of a row of which
 * features are missing, which it leaves in `incomplete`, and, unless filled is
 * NULL, the missing features given the others in each component: n_groups x missing
 * x lanes.  order: the d features, first those observed, both ascending.  work:
 * mixture_incomplete_work_size().  Returns false where that would lose digits.
 *
 * ray_log_densities() finds the mixture's log density at n positions, n being
 * a multiple of MIXTURE_LANES; there must be a component of curvature 1/2 or
 * less for which no square overflows.
 */
typedef struct Kernels
{
	const char *name;
	int			lanes;
	int			missing_width;	/* components of a set, if not one */
	void		(*e_step) (const MixturePrepared *prepared,
						   const MixtureBlock *block, bool m_step,
						   const KernelWork *work, MixtureStats *stats,
						   const MixtureHost *host);
	void		(*densities) (const MixturePrepared *prepared, int c,
							  const MixtureBlock *block, const KernelWork *work,
							  const MixtureHost *host);
	void		(*log_densities) (const MixturePrepared *prepared,
								  const MixtureBlock *block, const KernelWork *work,
								  const MixtureHost *host);
	void		(*responsibilities) (const MixturePrepared *prepared,
									 const MixtureBlock *block, bool m_step,
									 const KernelWork *work, MixtureStats *stats,
									 const MixtureHost *host);
	void		(*add_component) (const MixturePrepared *prepared, int c,
								  const MixtureBlock *block,
								  const KernelWork *work, MixtureStats *stats,
								  const MixtureHost *host);
	void		(*add_components) (const MixturePrepared *prepared,
							   const MixtureBlock *block,
							   const KernelWork *work, MixtureStats *stats,
							   const MixtureHost *host);
	void		(*finish_component) (const MixturePrepared *prepared, int c,
									 const KernelWork *work, MixtureStats *stats,
									 const MixtureHost *host);
	void		(*squares) (const MixtureBlock *block, int d, const double *means, int n,
							double *squares, const MixtureHost *host);
	void		(*nearest) (const MixtureBlock *block, int d, const double *means, int n,
							double *least, double *nearest, const MixtureHost *host);
	double		(*nearer) (const MixtureBlock *block, const double *squares,
						   const double *distances, double *nearer);
	int64_t		(*race) (const double *weights, const double *distances,
						 const uint64_t *hashes, uint64_t draw, double bound,
						 int64_t row, int64_t n_rows);
	void		(*hash_cells) (const MixtureBlock *block, int d, const FeatureRange *range,
							   int bits, uint64_t missing, uint64_t *hashes);
	void		(*gather_rows) (const double *from, const int *rows, int n, double *to);
	void		(*turn_rows) (const double *features, int d, int stride, double *rows);
	void		(*missing_bits) (const MixtureBlock *block, int d, int j, uint64_t *words);
	bool		(*missing_fill) (const MissingScratch *scratch, const MissingGroup *group,
								 const MissingSet *sets, int n_sets,
								 const MissingShared *shared, double *kept,
								 const MixtureHost *host);
	double		(*missing_shift) (const double *shifts, int step, const double *exact, int n,
								  double *log_densities);
	void		(*missing_shares) (double *roots, double least, int n, double *shares,
								   int step, double *sums);
	void		(*missing_sum_shares) (const double *roots, int k, int n, double *shares,
									   double *sums);
	void		(*missing_residuals) (const MissingScratch *scratch,
									  const MissingGroup *group, const MissingSet *set,
									  const MissingShared *shared, const KernelWork *work,
									  const double *shares, double *kept,
									  const MixtureHost *host);
	void		(*missing_spread) (const MissingScratch *scratch, const MissingGroup *group,
								   const MissingSet *set, const MissingShared *shared,
								   const KernelWork *work, const MixtureHost *host);
	void		(*missing_densities) (const MixturePrepared *prepared, int c,
									  const MixtureBlock *block, const double *constants,
									  const KernelWork *work);
	void		(*missing_moments) (const MixturePrepared *prepared, int c,
									const MixtureBlock *block, const KernelWork *work,
									MixtureStats *stats);
	void		(*row_log_densities) (const MixturePrepared *prepared,
									  const double *row, double *work);
	double		(*row_softmax) (const MixturePrepared *prepared, double *work);
	void		(*row_distances) (const MixturePrepared *prepared,
								  const double *row, double *work);
	bool		(*row_incomplete) (const MixtureIncomplete *incomplete, const double *row,
								   const int *order, double *work, double *filled,
								   const MixtureHost *host);
	void		(*ray_log_densities) (const Ray *ray, const double *positions, int n,
									  double *log_densities);
} Kernels;

/* kernels.c */
extern const Kernels *kernels_current(void);
extern const Kernels *kernels_list(int number);
extern void kernels_select(const Kernels *kernels);
extern void kernels_allocate_work(KernelWork *work, MixtureCovarianceType type, int k,
								  int d, const MixtureHost *host);
extern void kernels_release_work(KernelWork *work, const MixtureHost *host);
extern void kernels_add(const MixturePrepared *prepared, const MixtureBlock *block,
						const KernelWork *work, MixtureStats *stats, const MixtureHost *host);
extern void kernels_accumulate(const MixturePrepared *prepared,
							   const MixtureBlock *block, bool m_step,
							   const KernelWork *work, MixtureStats *stats,
							   const MixtureHost *host);
extern double kernels_row_components(const MixturePrepared *prepared, const double *row,
									 double *work);
extern void kernels_row_distances(const MixturePrepared *prepared, const double *row,
								  double *work);
extern void kernels_finish(const MixturePrepared *prepared, const KernelWork *work,
						   MixtureStats *stats, const MixtureHost *host);

/* missing.c: blocks with missing features */
typedef struct MissingWork MissingWork;

extern MissingWork *missing_create(MixtureCovarianceType type, int k, int d,
								   const MixtureHost *host);
extern void missing_release(MissingWork *missing, const MixtureHost *host);
extern void missing_begin(MissingWork *missing, const MixtureParameters *parameters,
						  const MixturePrepared *prepared, const MixtureHost *host);
extern void missing_accumulate(MissingWork *missing, const MixtureBlock *block, bool m_step,
							   const KernelWork *work, MixtureStats *stats,
							   const MixtureHost *host);
extern void missing_finish(MissingWork *missing, MixtureStats *stats,
						   const MixtureHost *host);

/* far_rows.c */
extern double far_distance(const MixturePrepared *prepared, int c, const double *row,
						   double squared);
extern void far_log_densities(const MixturePrepared *prepared, const double *row,
							  double *work);
extern int	far_feature_of_block(const MixturePrepared *prepared,
								 const MixtureBlock *block, const MixtureHost *host);

#endif							/* GMM_ENGINE_KERNELS_H */
