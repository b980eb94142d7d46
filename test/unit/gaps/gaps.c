/*
 * gaps.c
 *	  The work that the engine does between two looks for interrupts: whoever
 *	  cancels a statement waits no longer than that.
 *
 *	gaps [OPERATION]
 *	gaps FAMILY K D [SECONDS]
 *
 * Every operation of the engine whose work grows with the shape of a mixture
 * runs with a host that measures from look to look.  There are two meters, and
 * two programs:
 *
 *	gaps		counts basic blocks, which the compiler makes it tell
 *				(-fsanitize-coverage=trace-pc): a number that is the same on
 *				every machine and every run.  Without a shape it writes TAP: at
 *				some shapes, long in each direction in turn, no gap exceeds
 *				MOST_BLOCKS, of the operation or fit named or of all.  A gap that
 *				grows with the shape, and faster than one matrix does, shows
 *				there.
 *	gaps_timed	measures processor time, in milliseconds: for a shape that is
 *				given, such as the largest ones, or for these.  An operation
 *				that takes longer than SECONDS is left by longjmp.
 *
 * What a server promises is a time, but a test of times fails on a busy
 * machine.  A basic block of -O1 has some ten instructions, so that MOST_BLOCKS
 * are some ten milliseconds.
 */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gaps.h"

#include "../../malloc_host.h"
#include "engine/core/linalg.h"
#include "engine/core/random.h"
#include "engine/core/regression.h"
#include "engine/derive/derive.h"
#include "engine/em/em_private.h"

#define MOST_BLOCKS 5e6

/* --- meters --------------------------------------------------------------- */

static double longest;			/* gap of the present operation */
static double last;				/* what the meter said at the last look */
static int64_t n_looks;
static double time_limit = INFINITY;
static double time_begun;
static jmp_buf out_of_time;

static double
processor_time(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return now.tv_sec + now.tv_nsec * 1e-9;
}

#ifdef COUNT_BLOCKS
#define UNIT "basic blocks"

static uint64_t n_blocks = 0;

extern void __sanitizer_cov_trace_pc(void);

/* Called in every basic block of the engine; this file is compiled without. */
void
__sanitizer_cov_trace_pc(void)
{
	n_blocks++;
}

static double
meter(void)
{
	return (double) n_blocks;
}
#else
#define UNIT "ms"

static double
meter(void)
{
	return 1000 * processor_time();
}
#endif

void
gap_look(void)
{
	double		now = meter();

	if (now - last > longest)
		longest = now - last;
	last = now;
	n_looks++;
}

static void
gap_check_interrupts(void *context)
{
	(void) context;
	gap_look();
	if (n_looks % 16 == 0 && processor_time() - time_begun > time_limit)
		longjmp(out_of_time, 1);
}

const MixtureHost gap_host = {
	NULL, malloc_allocate, malloc_release, gap_check_interrupts, NULL, NULL
};

/* --- what is operated on -------------------------------------------------- */

static uint64_t random_state = 1;

double
gap_uniform(void)
{
	return random_unit(random_state = random_mix(random_state));
}

/* Covariances with ones on the diagonal and `share` beside it. */
static void
fill_covariances(MixtureParameters *parameters, double share)
{
	int			d = parameters->d;
	MixtureCovarianceType type = parameters->covariance_type;
	size_t		count = mixture_factor_count(type, d);
	size_t		n = mixture_covariance_count(type, parameters->k, d);

	for (size_t i = 0; i < n; i++)
		parameters->covariances[i] = mixture_has_matrix(type) ? share : 1 + share;
	for (size_t start = 0; start < n && mixture_has_matrix(type); start += count)
		for (int j = 0; j < d; j++)
			parameters->covariances[start + linalg_row(j) + j] = 1;
}

static void
fill_parameters(MixtureParameters *parameters, MixtureCovarianceType type, int k, int d,
				double share)
{
	mixture_allocate_parameters(parameters, type, k, d, &gap_host);
	for (int c = 0; c < k; c++)
		parameters->weights[c] = 1.0 / k;
	for (size_t i = 0; i < (size_t) k * d; i++)
		parameters->means[i] = 2 * gap_uniform() + share;
	fill_covariances(parameters, share);
}

static void
shape_begin(Shape *shape, MixtureCovarianceType type, int k, int d)
{
	size_t		n = (size_t) d * MIXTURE_BLOCK_ROWS;

	fill_parameters(&shape->parameters, type, k, d, 0.1);
	fill_parameters(&shape->other, type, k, d, 0.15);
	fill_parameters(&shape->third, type, k, d, 0.17);
	fill_parameters(&shape->collapsed, type, k, d, 1);
	mixture_allocate_parameters(&shape->result, type, k, d, &gap_host);
	shape->floor = malloc(d * sizeof(double));
	shape->features = malloc(3 * n * sizeof(double));
	shape->order = malloc(d * sizeof(int));
	for (int j = 0; j < d; j++)
	{
		shape->floor[j] = 1e-3;
		shape->order[j] = 2 * j < d ? 2 * j : 2 * (j - (d + 1) / 2) + 1;
	}
	for (size_t i = 0; i < n; i++)
	{
		shape->features[i] = 3 * gap_uniform();
		shape->features[n + i] = i / MIXTURE_BLOCK_ROWS % 2 == 0 ? shape->features[i] : NAN;
		shape->features[2 * n + i] = i < MIXTURE_BLOCK_ROWS || gap_uniform() > 1. / 3 ?
			shape->features[i] : NAN;
	}
	shape->block = (MixtureBlock)
	{
		MIXTURE_BLOCK_ROWS, MIXTURE_BLOCK_ROWS, shape->features,
			mixture_unit_weights(MIXTURE_BLOCK_ROWS), false, NULL
	};
	shape->missing = shape->block;
	shape->missing.features += n;
	shape->missing.incomplete = true;
	shape->mixed = shape->missing;
	shape->mixed.features += n;
	shape->n_observed = (d + 1) / 2;
	shape->stats = mixture_allocate_stats(type, k, d, &gap_host);
}

static void
shape_end(Shape *shape)
{
	mixture_release_stats(shape->stats, &gap_host);
	free(shape->order);
	free(shape->features);
	free(shape->floor);
	mixture_release_parameters(&shape->result, &gap_host);
	mixture_release_parameters(&shape->collapsed, &gap_host);
	mixture_release_parameters(&shape->third, &gap_host);
	mixture_release_parameters(&shape->other, &gap_host);
	mixture_release_parameters(&shape->parameters, &gap_host);
}

/* --- operations ------------------------------------------------------------ */

static void
operate_prepare(Shape *shape)
{
	MixtureError error;

	mixture_release_prepared(mixture_prepare_rows(&shape->parameters, &gap_host, &error), &gap_host);
}

/* One block, complete or not; the statistics are left for the next operations. */
static void
add_block(Shape *shape, const MixtureBlock *block, bool m_step)
{
	MixturePass pass = {.parameters = &shape->parameters,.m_step = m_step};
	MixtureError error;
	const MixtureParameters *parameters = &shape->parameters;
	MixtureRunner *runner = mixture_runner_create(parameters->covariance_type, parameters->k,
												  parameters->d, &gap_host);

	if (mixture_runner_begin(runner, &pass, &error) == MIXTURE_OK)
		mixture_runner_add_block(runner, block, shape->stats, &error);
	mixture_runner_release(runner);
}

static void
operate_e_step(Shape *shape)
{
	mixture_clear_stats(shape->stats);
	add_block(shape, &shape->block, false);
}

static void
operate_block(Shape *shape)
{
	mixture_clear_stats(shape->stats);
	add_block(shape, &shape->block, true);
}

static void
operate_missing(Shape *shape)
{
	add_block(shape, &shape->missing, true);
}

static void
operate_mixed(Shape *shape)
{
	add_block(shape, &shape->mixed, true);
}

static void
operate_maximize(Shape *shape)
{
	mixture_maximize(shape->stats, &shape->parameters, &(MixtureBounds) {.floor = shape->floor},
					 &shape->result, &gap_host);
}

static void
operate_floor(Shape *shape)
{
	mixture_copy_parameters(&shape->result, &shape->collapsed);
	mixture_hold_floor(&shape->result, shape->floor, &gap_host);
}

static void
operate_step(Shape *shape)
{
	const MixturePriorOptions prior = {
		.strength = NAN,.shrinkage = NAN,.dof = NAN
	};
	const MixtureOptions options = {.reg_covar = 1e-9,.prior = &prior};
	MixtureError error;

	mixture_step(shape->stats, &shape->parameters, &options, &shape->result, &gap_host, &error);
}

static void
operate_prior(Shape *shape)
{
	MixturePrior *prior = prior_from_model(&shape->other, 100, &gap_host);

	prior_log_density(prior, &shape->parameters, &gap_host);
	prior_release(prior, &gap_host);
}

static void
operate_check(Shape *shape)
{
	int			component;

	mixture_stats_check(shape->stats, &component, &gap_host);
}

static void
operate_rebase(Shape *shape)
{
	mixture_stats_rebase(shape->stats, &shape->parameters, &shape->other, &gap_host);
}

static void
operate_valid(Shape *shape)
{
	MixtureError error;

	mixture_covariances_valid(&shape->parameters, &gap_host, &error);
}

static void
operate_judge(Shape *shape)
{
	mixture_judge(&shape->parameters, 1e6, 1e-9, NULL, &gap_host);
}

static void
operate_condition_number(Shape *shape)
{
	mixture_condition_number(&shape->parameters, 0, &gap_host);
}

static void
operate_order(Shape *shape)
{
	order_components(&shape->parameters, NULL, &shape->result, &gap_host);
}

static void
operate_squarem(Shape *shape)
{
	const MixtureParameters *parameters = &shape->parameters;
	double	   *scratch = malloc(sizeof(double) * squarem_scratch_count(parameters->covariance_type,
																		parameters->k, parameters->d));
	double		limit = 1e6;

	squarem_extrapolate(parameters, &shape->other, &shape->third, &limit, scratch,
						&shape->result, &gap_host);
	free(scratch);
}

static void
operate_marginal(Shape *shape)
{
	const MixtureParameters *parameters = &shape->parameters;
	int			d = (parameters->d + 1) / 2;
	MixtureParameters marginal;

	mixture_allocate_parameters(&marginal, parameters->covariance_type, parameters->k, d, &gap_host);
	mixture_marginal(parameters, shape->order, &marginal, &gap_host);
	mixture_mend(&marginal, &gap_host);
	mixture_release_parameters(&marginal, &gap_host);
}

static void
operate_conditional(Shape *shape)
{
	if (shape->n_observed < shape->parameters.d)
		free(mixture_conditional_create(&shape->parameters, shape->order,
										shape->n_observed, &gap_host));
}

static void
operate_draw(Shape *shape)
{
	MixtureError error;
	double	   *row = malloc(shape->parameters.d * sizeof(double));
	MixtureDrawing *drawing = mixture_drawing_create(&shape->parameters, &gap_host, &error);

	gap_look();
	mixture_draw_row(drawing, 1, 1, row);
	free(drawing);
	free(row);
}

static void
operate_score(Shape *shape)
{
	MixtureError error;
	MixturePrepared *prepared = mixture_prepare_rows(&shape->parameters, &gap_host, &error);
	double	   *work = malloc(sizeof(double) * mixture_row_work_size(prepared));

	gap_look();
	mixture_row_log_density(prepared, shape->parameters.means, work);
	free(work);
	mixture_release_prepared(prepared, &gap_host);
}

static void
operate_incomplete(Shape *shape)
{
	MixtureError error;
	MixturePrepared *prepared = mixture_prepare_rows(&shape->parameters, &gap_host, &error);
	MixtureIncomplete *incomplete;
	double	   *work;

	gap_look();
	incomplete = mixture_incomplete_create(&shape->parameters, prepared, &gap_host);
	for (int n_observed = 0; n_observed < shape->parameters.d; n_observed += shape->n_observed)
	{
		if (mixture_incomplete_needs(incomplete, n_observed))
			mixture_incomplete_extend(incomplete, &shape->parameters, &gap_host);
		work = malloc(sizeof(double) * mixture_incomplete_work_size(incomplete));
		gap_look();
		mixture_incomplete_row(incomplete, shape->parameters.means, shape->order, n_observed,
							   work, NULL, &gap_host);
		free(work);
	}
	mixture_incomplete_release(incomplete, &gap_host);
	mixture_release_prepared(prepared, &gap_host);
}

static void
operate_tail(Shape *shape)
{
	MixtureError error;
	MixturePrepared *prepared = mixture_prepare_rows(&shape->parameters, &gap_host, &error);

	free(mixture_tail_create(prepared, shape->parameters.weights, &gap_host));
	mixture_release_prepared(prepared, &gap_host);
}

static void
operate_drift(Shape *shape)
{
	const MixtureParameters *parameters = &shape->parameters;
	size_t		k = parameters->k;
	MixtureBaseline baseline = {-1, 0, 1, INFINITY, NULL};
	MixtureDrift drift;
	MixtureError error;
	MixtureComponentDrift *components = malloc(k * sizeof(MixtureComponentDrift));
	double	   *moves = malloc(k * parameters->d * sizeof(double));

	mixture_drift(parameters, shape->stats, &baseline, &drift, components, moves, &gap_host,
				  &error);
	free(moves);
	free(components);
}

static void
operate_expectation(Shape *shape)
{
	MixtureBaseline baseline;
	MixtureError error;

	if (shape->parameters.k <= 20)
		mixture_expect_log_density(&shape->parameters, &baseline, &gap_host, &error);
}

static void
operate_match(Shape *shape)
{
	const MixtureParameters *parameters = &shape->parameters;
	MixtureError error;
	int		   *partners;
	double	   *distances;

	if (parameters->k > 200)
		return;
	partners = malloc(parameters->k * sizeof(int));
	distances = malloc(parameters->k * sizeof(double));
	mixture_match(parameters, parameters, partners, distances, &gap_host, &error);
	free(distances);
	free(partners);
}

static void
operate_clusters(Shape *shape)
{
	MixtureError error;
	int		   *clusters;

	if (shape->parameters.k > 200)
		return;
	clusters = malloc(shape->parameters.k * sizeof(int));
	mixture_clusters(&shape->parameters, 0, clusters, &gap_host, &error);
	free(clusters);
}

static void
operate_assignment(Shape *shape)
{
	int			n = shape->parameters.k < 1000 ? shape->parameters.k : 1000;
	double	   *costs = malloc(sizeof(double) * n * n);
	int		   *columns = malloc(sizeof(int) * n);

	for (int i = 0; i < n * n; i++)
		costs[i] = gap_uniform();
	last = meter();
	assignment_find(costs, n, n, columns, &gap_host);
	free(columns);
	free(costs);
}

static void
operate_ellipse(Shape *shape)
{
	const MixtureParameters *parameters = &shape->parameters;
	const int	dims[2] = {0, parameters->d - 1};
	const double scale[2] = {1, 1};
	MixtureParameters marginal;
	MixtureEllipse ellipse;

	mixture_allocate_parameters(&marginal, parameters->covariance_type, parameters->k,
								parameters->d > 1 ? 2 : 1, &gap_host);
	mixture_marginal(parameters, dims, &marginal, &gap_host);
	for (int c = 0; c < marginal.k; c++)
	{
		mixture_ellipse(&marginal, c, scale, &ellipse, &gap_host);
		gap_look();
	}
	mixture_release_parameters(&marginal, &gap_host);
}

/* Of a component, for rows of which every other element is missing. */
static void
operate_explain(Shape *shape)
{
	const MixtureParameters *parameters = &shape->parameters;
	int			d = parameters->d;
	int			n_observed = (d + 1) / 2;
	int		   *order = malloc(d * sizeof(int));
	double	   *results = malloc(6 * d * sizeof(double));
	MixtureExplanation *explanation;

	for (int j = 0; j < d; j++)
		order[j] = j < n_observed ? 2 * j : 2 * (j - n_observed) + 1;
	free(mixture_explanation_create(parameters, 0, NULL, d, &gap_host));
	explanation = mixture_explanation_create(parameters, 0, order, n_observed, &gap_host);
	mixture_explain_row(explanation, 0, parameters->means, results, results + d,
						results + 2 * d, results + 3 * d);
	free(explanation);
	free(results);
	free(order);
}

static void
operate_contrast(Shape *shape)
{
	MixtureContrast *features = malloc(shape->parameters.d * sizeof(MixtureContrast));
	MixtureContrasts *contrasts = mixture_contrasts_create(&shape->parameters, &gap_host);

	for (int c = 0; c < shape->parameters.k; c++)
	{
		mixture_contrasts_next(contrasts, features);
		gap_look();
	}
	free(contrasts);
	free(features);
}

/* In an order in which each finds what it needs. */
static const struct
{
	const char *name;
	void		(*operate) (Shape *shape);
}			operations[] =
{
	{"prepare", operate_prepare},
	{"score a row", operate_score},
	{"score an incomplete row", operate_incomplete},
	{"E-step", operate_e_step},
	{"E- and M-step's sums", operate_block},
	{"the same, half of the features missing", operate_missing},
	{"the same, features missing at random", operate_mixed},
	{"maximize", operate_maximize},
	{"raise to the floor", operate_floor},
	{"step from statistics", operate_step},
	{"prior", operate_prior},
	{"check statistics", operate_check},
	{"rebase statistics", operate_rebase},
	{"check covariances", operate_valid},
	{"judge", operate_judge},
	{"condition number", operate_condition_number},
	{"order", operate_order},
	{"extrapolate", operate_squarem},
	{"marginal", operate_marginal},
	{"conditional", operate_conditional},
	{"draw", operate_draw},
	{"tail", operate_tail},
	{"ellipses", operate_ellipse},
	{"explain", operate_explain},
	{"contrast", operate_contrast},
	{"principal axes", gap_axes},
	{"principal variances", gap_variances},
	{"union", gap_union},
	{"separating features", gap_separation},
	{"divergence", gap_divergence},
	{"quantile", gap_quantile},
	{"exact moments", gap_exact_moments},
	{"distance explained", gap_explain_distance},
	{"scale statistics", gap_scale},
	{"drift", operate_drift},
	{"expectation", operate_expectation},
	{"match", operate_match},
	{"clusters", operate_clusters},
	{"assignment", operate_assignment}
};

#define N_OPERATIONS ((int) (sizeof(operations) / sizeof(operations[0])))

/* Run an operation, or, if there are rows, their fit; returns whether it came to its end. */
static bool
measure(Shape *shape, int operation, const GapRows *rows)
{
	longest = 0;
	n_looks = 0;
	time_begun = processor_time();
	last = meter();
	if (setjmp(out_of_time) != 0)
		return false;
	if (rows != NULL)
		gap_fit(rows);
	else
		operations[operation].operate(shape);
	gap_look();
	return true;
}

/* --- programs -------------------------------------------------------------- */

static const char *const families[MIXTURE_N_COVARIANCE_TYPES] = {
	"full", "tied", "diag", "spherical"
};

/* Rows of a fit that is timed */
#define TIMED_ROWS 20000

/* A shape that is long in one direction, and takes a test some seconds. */
typedef struct TestedShape
{
	int			k;
	int			d;
	int			n;				/* rows, of fits */
} TestedShape;

static const TestedShape tested[] = {
	{1, 300, MIXTURE_BLOCK_ROWS}, {20, 60, MIXTURE_BLOCK_ROWS}, {150, 20, MIXTURE_BLOCK_ROWS},
	{10000, 2, MIXTURE_BLOCK_ROWS}
};

/* The same for whole fits, and for each of their parts */
static const TestedShape tested_fits[] = {{3, 80, 500}, {20, 30, 700}, {300, 2, 900}};
static const TestedShape tested_parts[] = {{1, 2, 9000}, {3000, 700, 4000}};

#define LENGTH(array) ((int) (sizeof(array) / sizeof(array[0])))

/* The longest gap of an operation, or of a kind of fit, so far. */
typedef struct Longest
{
	double		gap;
	TestedShape shape;
} Longest;

static void
measure_shape(MixtureCovarianceType type, int operation, const TestedShape *tested_shape,
			  Longest *most)
{
	Shape		shape;

	shape_begin(&shape, type, tested_shape->k, tested_shape->d);
	if (operations[operation].operate != operate_block)
		operate_block(&shape);
	measure(&shape, operation, NULL);
	shape_end(&shape);
	if (longest > most->gap)
		*most = (Longest) {longest, *tested_shape};
}

static void
measure_fit(MixtureCovarianceType type, int kind, const TestedShape *tested_shape, Longest *most)
{
	GapRows    *rows = gap_rows_create(kind, type, tested_shape->k, tested_shape->d,
									   tested_shape->n);

	measure(NULL, 0, rows);
	gap_rows_free(rows);
	if (longest > most->gap)
		*most = (Longest) {longest, *tested_shape};
}

/* One test; returns whether it failed. */
static bool
report(int number, MixtureCovarianceType type, const char *name, const Longest *most)
{
	bool		passed = most->gap <= MOST_BLOCKS;

	printf("%s %d - %s, %s: looks for interrupts every %.0f " UNIT " at most (k %d, d %d)\n",
		   passed ? "ok" : "not ok", number, families[type], name, most->gap,
		   most->shape.k, most->shape.d);
	return !passed;
}

static int
test_shapes(const char *name)
{
	int			n_failed = 0;
	int			n_tests = 0;

	for (int type = 0; type < MIXTURE_N_COVARIANCE_TYPES; type++)
	{
		for (int operation = 0; operation < N_OPERATIONS; operation++)
		{
			Longest		most = {0};

			if (name != NULL && strcmp(name, operations[operation].name) != 0)
				continue;
			for (int i = 0; i < LENGTH(tested); i++)
				measure_shape((MixtureCovarianceType) type, operation, &tested[i], &most);
			n_failed += report(++n_tests, (MixtureCovarianceType) type,
							   operations[operation].name, &most);
		}
		for (int kind = 0; gap_fit_name(kind) != NULL; kind++)
		{
			int			part = gap_fit_part(kind);
			Longest		most = {0};

			if ((name != NULL && strcmp(name, gap_fit_name(kind)) != 0) || (part >= 0 && type > 0))
				continue;
			for (int i = 0; i < (part >= 0 ? 1 : LENGTH(tested_fits)); i++)
				measure_fit((MixtureCovarianceType) type, kind,
							part >= 0 ? &tested_parts[part] : &tested_fits[i], &most);
			n_failed += report(++n_tests, (MixtureCovarianceType) type, gap_fit_name(kind), &most);
		}
	}
	printf("1..%d\n", n_tests);
	return n_failed > 0 || n_tests == 0;
}

/* One line of a table. */
static void
print_time(MixtureCovarianceType type, int k, int d, const char *name, bool ended)
{
	printf("| %s | %d | %d | %s | %.1f | %lld%s |\n", families[type], k, d, name, longest,
		   (long long) n_looks, ended ? "" : ", not ended");
	fflush(stdout);
}

int
main(int argc, char **argv)
{
	MixtureCovarianceType type = MIXTURE_FULL;
	int			k,
				d;
	Shape		shape;

	if (argc < 4)
		return test_shapes(argc > 1 ? argv[1] : NULL);
	while (type < MIXTURE_N_COVARIANCE_TYPES && strcmp(argv[1], families[type]) != 0)
		type++;
	k = atoi(argv[2]);
	d = atoi(argv[3]);
	if (argc > 4)
		time_limit = atof(argv[4]);
	if (type == MIXTURE_N_COVARIANCE_TYPES || !mixture_shape_allowed(type, k, d))
	{
		fprintf(stderr, "usage: gaps [OPERATION], or gaps FAMILY K D [SECONDS]\n");
		return 2;
	}
	shape_begin(&shape, type, k, d);
	for (int operation = 0; operation < N_OPERATIONS; operation++)
		print_time(type, k, d, operations[operation].name, measure(&shape, operation, NULL));
	shape_end(&shape);
	for (int kind = 0; gap_fit_name(kind) != NULL; kind++)
	{
		GapRows    *rows = gap_rows_create(kind, type, k, d, TIMED_ROWS > k ? TIMED_ROWS : k);

		print_time(type, k, d, gap_fit_name(kind), measure(NULL, 0, rows));
		gap_rows_free(rows);
	}
	return 0;
}
