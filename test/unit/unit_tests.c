/*
 * unit_tests.c
 *	  Runs the engine's unit tests, without a server, and writes TAP.
 *
 *	unit_tests [SEED [NAME...]]
 *
 * Random cases hang on the seed, which is printed; a failure is reproduced by
 * giving it again.  Names are those of the files, without test_ before them.
 *
 * What holds is to hold for every seed: bounds are derived where they stand,
 * and what is a matter of luck has the same draws whatever the seed.
 */
#include "unit.h"

#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../malloc_host.h"
#include "engine/core/linalg.h"
#include "engine/core/random.h"

static int	n_tests = 0;
static int	n_failed = 0;
uint64_t	base_seed = 20261122;

const char *const family_names[MIXTURE_N_COVARIANCE_TYPES] = {
	"full", "tied", "diag", "spherical"
};

#ifdef __SANITIZE_ADDRESS__
/* What a refused fit has allocated is the host's to reclaim, as a context's. */
extern const char *__lsan_default_suppressions(void);

const char *
__lsan_default_suppressions(void)
{
	return "leak:test_refusals\nleak:test_few_rows\n";
}

/*
 * What was suppressed is told before stdout is emptied, so where both go to
 * one place it would stand in the middle of a line of the tests.
 */
extern const char *__lsan_default_options(void);

const char *
__lsan_default_options(void)
{
	return "print_suppressions=0";
}
#endif

/* One TAP line. */
void
check(bool passed, const char *format,...)
{
	va_list		arguments;

	printf("%s %d - ", passed ? "ok" : "not ok", ++n_tests);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	printf("\n");
	n_failed += !passed;
}

static void *
unit_allocate(void *context, size_t size)
{
	void	   *memory = malloc_allocate(context, size);

	/* what the engine reads before it has written shows as NaN */
	memset(memory, 0xff, size);
	return memory;
}

const MixtureHost unit_host = {
	NULL, unit_allocate, malloc_release, malloc_check_interrupts, NULL, NULL
};

double
relative_difference(double a, double b, double scale)
{
	double		size = fmax(fmax(fabs(a), fabs(b)), scale);

	if (isnan(a) || isnan(b))
		return INFINITY;
	return a == b ? 0 : fabs(a - b) / size;
}

double
largest_difference(const double *a, const double *b, size_t n, double scale)
{
	double		largest = 0;

	for (size_t i = 0; i < n; i++)
		largest = fmax(largest, relative_difference(a[i], b[i], scale));
	return largest;
}

static int
compare_doubles(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return (x > y) - (x < y);
}

double
kolmogorov(double *values, int n)
{
	double		largest = 0;

	qsort(values, n, sizeof(double), compare_doubles);
	for (int i = 0; i < n; i++)
		largest = fmax(largest, fmax(values[i] - (double) i / n, (i + 1.0) / n - values[i]));
	return largest * sqrt(n);
}

Random
random_start(uint64_t number)
{
	return (Random) {random_combine(base_seed, number)};
}

double
random_uniform(Random *random)
{
	return random_unit(random->state = random_mix(random->state));
}

double
random_normal(Random *random)
{
	double		radius = sqrt(-2 * log(random_uniform(random)));

	return radius * cos(6.283185307179586 * random_uniform(random));
}

int
random_below(Random *random, int n)
{
	return (int) (random_uniform(random) * n);
}

/* 0 to n - 1 in a random order. */
void
random_order(Random *random, int *order, int n)
{
	for (int i = 0; i < n; i++)
	{
		int			j = random_below(random, i + 1);

		order[i] = order[j];
		order[j] = i;
	}
}

Rows *
rows_allocate(int64_t n, int d)
{
	Rows	   *rows = malloc(sizeof(Rows));

	rows->d = d;
	rows->n = n;
	rows->values = malloc(n * d * sizeof(double));
	rows->weights = malloc(n * sizeof(double));
	for (int64_t i = 0; i < n; i++)
		rows->weights[i] = 1;
	rows->blocks = NULL;
	rows->source.n_blocks = 0;
	return rows;
}

static void
rows_block(void *context, int64_t number, MixtureBlock *block)
{
	Rows	   *rows = context;

	*block = rows->blocks[number];
}

static void
free_blocks(Rows *rows)
{
	for (int64_t i = 0; i < rows->source.n_blocks; i++)
	{
		free((void *) rows->blocks[i].features);
		free((void *) rows->blocks[i].weights);
	}
	free(rows->blocks);
}

/* Make blocks of the rows, once values and weights are set. */
void
rows_seal(Rows *rows)
{
	int			d = rows->d;
	int64_t		n_blocks = (rows->n + MIXTURE_BLOCK_ROWS - 1) / MIXTURE_BLOCK_ROWS;

	free_blocks(rows);
	rows->blocks = malloc(n_blocks * sizeof(MixtureBlock));
	for (int64_t number = 0; number < n_blocks; number++)
	{
		int64_t		start = number * MIXTURE_BLOCK_ROWS;
		int			n = rows->n - start < MIXTURE_BLOCK_ROWS ? (int) (rows->n - start) : MIXTURE_BLOCK_ROWS;
		double	   *features = malloc(sizeof(double) * d * MIXTURE_BLOCK_ROWS);
		double	   *weights = calloc(MIXTURE_BLOCK_ROWS, sizeof(double));
		bool		incomplete = false;

		memcpy(weights, rows->weights + start, n * sizeof(double));
		for (int j = 0; j < d; j++)
			for (int i = 0; i < MIXTURE_BLOCK_ROWS; i++)
			{
				double		value = rows->values[(start + (i < n ? i : 0)) * d + j];

				features[j * MIXTURE_BLOCK_ROWS + i] = value;
				incomplete = incomplete || isnan(value);
			}
		rows->blocks[number] = (MixtureBlock) {n, MIXTURE_BLOCK_ROWS, features, weights, incomplete, NULL};
	}
	rows->source = (MixtureSource)
	{
		.d = rows->d, .n_rows = rows->n, .n_blocks = n_blocks, .context = rows,
		.block = rows_block
	};
}

/* Let a share of the values be missing, but not all of a row. */
void
rows_drop(Random *random, Rows *rows, double share)
{
	for (int64_t row = 0; row < rows->n; row++)
	{
		double	   *values = rows->values + row * rows->d;
		int			kept = random_below(random, rows->d);

		for (int j = 0; j < rows->d; j++)
			if (j != kept && random_uniform(random) < share)
				values[j] = NAN;
	}
}

void
rows_free(Rows *rows)
{
	free_blocks(rows);
	free(rows->weights);
	free(rows->values);
	free(rows);
}

/* A sample of all rows, and their range, to be released. */
void
sample_all(const Rows *rows, FeatureRange *range, Sample *sample)
{
	sample_scan_ranges(&rows->source, range, &unit_host);
	sample_take(sample, &rows->source, NULL, range, rows->n, 1, &unit_host);
}

/* A copy of rows in another order. */
Rows *
rows_shuffled(Random *random, const Rows *rows)
{
	int			d = rows->d;
	Rows	   *copy = rows_allocate(rows->n, d);
	int64_t    *order = malloc(sizeof(int64_t) * rows->n);

	for (int64_t i = 0; i < rows->n; i++)
	{
		int64_t		j = (int64_t) (random_uniform(random) * (i + 1));

		order[i] = order[j];
		order[j] = i;
	}
	for (int64_t i = 0; i < rows->n; i++)
	{
		memcpy(copy->values + i * d, rows->values + order[i] * d, d * sizeof(double));
		copy->weights[i] = rows->weights[order[i]];
	}
	free(order);
	rows_seal(copy);
	return copy;
}

/*
 * Rows of k clusters with unit variance, whose means are normal with the given
 * deviation; each cluster is sheared in its own way.
 */
Rows *
rows_clusters(Random *random, int64_t n, int d, int k, double distance)
{
	Rows	   *rows = rows_allocate(n, d);
	double	   *means = malloc(sizeof(double) * k * d);
	double	   *shears = malloc(sizeof(double) * k * d);

	for (int i = 0; i < k * d; i++)
	{
		means[i] = distance * random_normal(random);
		shears[i] = random_normal(random);
	}
	for (int64_t i = 0; i < n; i++)
	{
		int			c = random_below(random, k);
		double		common = random_normal(random);

		for (int j = 0; j < d; j++)
			rows->values[i * d + j] = means[c * d + j] + random_normal(random) +
				common * shears[c * d + j];
	}
	free(shears);
	free(means);
	rows_seal(rows);
	return rows;
}

/* Parameters that could be a model's; allocated from unit_host. */
void
random_parameters(Random *random, MixtureParameters *parameters,
				  MixtureCovarianceType type, int k, int d)
{
	size_t		count = mixture_factor_count(type, d);
	double		sum = 0;

	mixture_allocate_parameters(parameters, type, k, d, &unit_host);
	for (int c = 0; c < k; c++)
		sum += parameters->weights[c] = 0.1 + random_uniform(random);
	for (int c = 0; c < k; c++)
		parameters->weights[c] /= sum;
	for (int i = 0; i < k * d; i++)
		parameters->means[i] = 2 * random_normal(random);
	for (int c = 0; c < (type == MIXTURE_TIED ? 1 : k); c++)
	{
		double	   *covariance = parameters->covariances + c * count;

		if (type == MIXTURE_DIAG || type == MIXTURE_SPHERICAL)
			for (size_t i = 0; i < count; i++)
				covariance[i] = 0.2 + 2 * random_uniform(random);
		else
		{
			/* A A^T of a random A, and something on the diagonal */
			double	   *a = malloc(sizeof(double) * d * d);

			for (int i = 0; i < d * d; i++)
				a[i] = random_normal(random) / sqrt(d);
			for (int i = 0; i < d; i++)
				for (int j = 0; j <= i; j++)
				{
					double		value = i == j ? 0.3 : 0;

					for (int l = 0; l < d; l++)
						value += a[i * d + l] * a[j * d + l];
					covariance[i * (i + 1) / 2 + j] = value;
				}
			free(a);
		}
	}
}

/*
 * Covariances that are nearly singular, as where features nearly repeat each other:
 * A A^T for an A whose rows are those of a few columns, and this much variance beside.
 */
void
random_flat(Random *random, MixtureParameters *parameters, double least)
{
	int			d = parameters->d;
	int			n = parameters->covariance_type == MIXTURE_TIED ? 1 : parameters->k;
	int			rank = 1 + random_below(random, d);
	double	   *a = malloc(sizeof(double) * d * rank);

	for (int c = 0; c < n; c++)
	{
		double	   *covariance = parameters->covariances + c * linalg_packed_count(d);

		for (int i = 0; i < d * rank; i++)
			a[i] = random_normal(random) / sqrt(rank);
		/* and two features are nearly one */
		for (int l = 0; l < rank && d > 1; l++)
			a[rank + l] = a[l];
		for (int i = 0; i < d; i++)
			for (int j = 0; j <= i; j++)
			{
				double		value = i == j ? least * (1 + random_uniform(random)) : 0;

				for (int l = 0; l < rank; l++)
					value += a[i * rank + l] * a[j * rank + l];
				covariance[linalg_row(i) + j] = value;
			}
	}
	free(a);
}

/* Give a mixture noise, in a box that is partly where the rows are. */
void
random_noise(Random *random, MixtureParameters *parameters)
{
	double	   *box = mixture_own_box(parameters);

	parameters->noise_weight = 0.05 + 0.6 * random_uniform(random);
	parameters->noise_box = box;
	for (int j = 0; j < parameters->d; j++)
	{
		box[j] = -6 * random_uniform(random);
		box[parameters->d + j] = 0.1 + 6 * random_uniform(random);
	}
}

/*
 * By how much the log-likelihood of rows under parameters may be wrong, per
 * row, as rounding goes.  A squared distance, d on average, is found with a
 * relative error of d epsilon times the condition of the covariance (Higham
 * 2002, theorems 8.5 and 10.6), and with features of size |x| to begin with:
 * the condition is that of the largest x^2 to the least variance.  (A handful of
 * roundings more is those of logarithms and exponentials.)  That is
 * also what rounding of the parameters themselves, one epsilon, is felt as.
 */
double
rounding_per_row(const Rows *rows, const MixtureParameters *parameters)
{
	int			d = parameters->d;
	double	   *matrix = malloc(sizeof(double) * d * (d + 2));
	double	   *values = matrix + d * d;
	double		least = INFINITY;
	double		most = 0;

	for (int64_t i = 0; i < rows->n * d; i++)
		if (!isnan(rows->values[i]))
			most = fmax(most, fabs(rows->values[i]));
	for (int c = 0; c < parameters->k; c++)
	{
		mixture_component_covariance(parameters, c, matrix);
		linalg_eigenvalues(matrix, values, values + d, d, &unit_host);
		for (int j = 0; j < d; j++)
			least = fmin(least, values[j]);
	}
	free(matrix);
	return (d * d + 8) * DBL_EPSILON * most * most / least;
}

MixtureOptions
default_options(MixtureCovarianceType type)
{
	return (MixtureOptions)
	{
		.covariance_type = type, .max_iter = 1000, .tol = 1e-7, .reg_covar = 0,
			.n_init = 0, .init = MIXTURE_INIT_KMEANS_PLUS_PLUS, .seed = 1,
			.accelerate = true
	};
}

/* All tests, in the order in which they run. */
static const struct
{
	const char *name;
	void		(*run) (void);
}			tests[] =
{
	{"exact", test_exact},
	{"linalg", test_linalg},
	{"order", test_ordering},
	{"derive", test_derive},
	{"explain", test_explain},
	{"ellipse", test_ellipse},
	{"separation", test_separation},
	{"assignment", test_assignment},
	{"drift", test_drifts},
	{"special", test_special},
	{"draw", test_drawing},
	{"tail", test_tails},
	{"vector", test_vector},
	{"kernels", test_kernels},
	{"missing", test_missing},
	{"incomplete", test_incomplete_rows},
	{"missing_blocks", test_missing_blocks},
	{"center", test_center},
	{"squarem", test_squarem},
	{"em", test_em},
	{"whole", test_whole},
	{"noise", test_noise},
	{"labels", test_labels},
	{"judge", test_judge},
	{"search", test_search},
	{"starts", test_starts},
	{"ends", test_ends},
	{"exchange", test_exchange},
	{"moves", test_moves},
	{"births", test_births},
	{"structure", test_structure},
	{"beyond", test_beyond},
	{"fit", test_fit},
	{"memory", test_memory},
	{"select", test_select},
	{"progress", test_progress},
	{"stats", test_stats},
	{"bounds", test_bounds}
};

#define N_TESTS ((int) (sizeof(tests) / sizeof(tests[0])))

int
main(int argc, char **argv)
{
	/* whole lines, whatever else writes to the same place */
	setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
	if (argc > 1)
		base_seed = strtoull(argv[1], NULL, 10);
	printf("# seed %llu, kernels %s\n", (unsigned long long) base_seed,
		   mixture_clone_name());
	for (int i = 0; i < N_TESTS; i++)
	{
		bool		wanted = argc < 3;

		for (int j = 2; j < argc; j++)
			wanted = wanted || strcmp(argv[j], tests[i].name) == 0;
		if (wanted)
			tests[i].run();
	}
	if (n_tests == 0)
	{
		fprintf(stderr, "usage: unit_tests [SEED [NAME...]]; names are");
		for (int i = 0; i < N_TESTS; i++)
			fprintf(stderr, " %s", tests[i].name);
		fprintf(stderr, "\n");
		return 2;
	}
	printf("1..%d\n", n_tests);
	return n_failed > 0;
}
