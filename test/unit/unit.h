/*
 * unit.h
 *	  What the engine's unit tests share: assertions in TAP, a host on malloc,
 *	  seeded random data, rows as a source, and a plain scalar reference.
 */
#ifndef GMM_UNIT_H
#define GMM_UNIT_H

#include "engine/core/regression.h"
#include "engine/derive/derive.h"
#include "engine/em/em_private.h"
#include "engine/fit/fit.h"
#include "engine/sample/sample_private.h"

/* unit_tests.c */
extern void check(bool passed, const char *format,...) __attribute__((format(printf, 2, 3)));
extern const MixtureHost unit_host;
extern const char *const family_names[MIXTURE_N_COVARIANCE_TYPES];
extern uint64_t base_seed;

/*
 * Of so many random cases those that are tried: under sanitizers, which take several times
 * as long and look at what is done rather than at what is found, an eighth.
 */
#ifdef __SANITIZE_ADDRESS__
#define RANDOM_CASES(n) (((n) + 7) / 8)
#else
#define RANDOM_CASES(n) (n)
#endif

/* How far numbers are apart, relative to the larger or to `scale`. */
extern double relative_difference(double a, double b, double scale);
extern double largest_difference(const double *a, const double *b, size_t n, double scale);

/*
 * The largest distance of values' distribution from the uniform one, times the
 * root of n; sorts them.
 */
extern double kolmogorov(double *values, int n);

/* A generator for tests, seeded with base_seed and a number. */
typedef struct Random
{
	uint64_t	state;
} Random;

extern Random random_start(uint64_t number);
extern double random_uniform(Random *random);
extern double random_normal(Random *random);
extern int	random_below(Random *random, int n);
extern void random_order(Random *random, int *order, int n);

/* Rows, row by row, with weights; and the same as blocks. */
typedef struct Rows
{
	int			d;
	int64_t		n;
	double	   *values;			/* n x d; NaN where a feature is missing */
	double	   *weights;		/* n */
	MixtureBlock *blocks;
	MixtureSource source;
} Rows;

extern Rows *rows_allocate(int64_t n, int d);
extern void rows_seal(Rows *rows);
extern void rows_drop(Random *random, Rows *rows, double share);
extern void rows_free(Rows *rows);
extern void sample_all(const Rows *rows, FeatureRange *range, Sample *sample);
extern Rows *rows_shuffled(Random *random, const Rows *rows);
extern Rows *rows_clusters(Random *random, int64_t n, int d, int k, double distance);

extern void random_parameters(Random *random, MixtureParameters *parameters,
							  MixtureCovarianceType type, int k, int d);
extern void random_flat(Random *random, MixtureParameters *parameters, double least);
extern void random_noise(Random *random, MixtureParameters *parameters);
extern double rounding_per_row(const Rows *rows, const MixtureParameters *parameters);
extern MixtureOptions default_options(MixtureCovarianceType type);

/* reference.c: one row at a time, in long double */
extern void reference_log_densities(const MixtureParameters *parameters,
									const double *row, long double *log_densities,
									long double *distances);
extern long double reference_log_noise(const MixtureParameters *parameters,
									   const double *row);
extern void reference_accumulate(const MixtureParameters *parameters,
								 const Rows *rows, MixtureStats *stats);

/* the tests */
extern void test_exact(void);
extern void test_linalg(void);
extern void test_ordering(void);
extern void test_derive(void);
extern void test_explain(void);
extern void test_ellipse(void);
extern void test_assignment(void);
extern void test_drifts(void);
extern void test_special(void);
extern void test_drawing(void);
extern void test_tails(void);
extern void test_kernels(void);
extern void test_missing(void);
extern void test_incomplete_rows(void);
extern void test_missing_blocks(void);
extern void test_vector(void);
extern void test_em(void);
extern void test_whole(void);
extern void test_noise(void);
extern void test_labels(void);
extern void test_fit(void);
extern void test_memory(void);
extern void test_judge(void);
extern void test_search(void);
extern void test_starts(void);
extern void test_ends(void);
extern void test_exchange(void);
extern void test_moves(void);
extern void test_births(void);
extern void test_structure(void);
extern void test_beyond(void);
extern void test_stats(void);
extern void test_bounds(void);
extern void test_squarem(void);
extern void test_select(void);
extern void test_center(void);
extern void test_progress(void);
extern void test_separation(void);

#endif							/* GMM_UNIT_H */
