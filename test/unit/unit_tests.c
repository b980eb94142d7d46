/*
 * unit_tests.c
 *	  Runs the engine's unit tests, without a server, and writes TAP.
 *
 *	unit_tests [SEED]
 *
 * Random cases hang on the seed, which is printed; a failure is reproduced by
 * giving it again.
 */
#include "unit.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/random.h"

static int	n_tests = 0;
static int	n_failed = 0;
uint64_t	base_seed = 20261122;

const char *const family_names[MIXTURE_N_COVARIANCE_TYPES] = {
	"full", "tied", "diag", "spherical"
};

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
	void	   *memory = malloc(size > 0 ? size : 1);

	(void) context;
	if (memory == NULL)
		abort();
	/* what the engine reads before it has written shows as NaN */
	memset(memory, 0xff, size);
	return memory;
}

static void
unit_release(void *context, void *pointer)
{
	(void) context;
	free(pointer);
}

static void
unit_check_interrupts(void *context)
{
	(void) context;
}

const MixtureHost unit_host = {
	NULL, unit_allocate, unit_release, unit_check_interrupts, NULL
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
	rows->blocks = rows->block_weights = NULL;
	return rows;
}

static void
rows_block(void *context, int64_t number, MixtureBlock *block)
{
	Rows	   *rows = context;
	int64_t		start = number * MIXTURE_BLOCK_ROWS;
	int64_t		left = rows->n - start;

	block->n_rows = left < MIXTURE_BLOCK_ROWS ? (int) left : MIXTURE_BLOCK_ROWS;
	block->stride = MIXTURE_BLOCK_ROWS;
	block->features = rows->blocks + start * rows->d;
	block->weights = rows->block_weights + start;
}

/* Make blocks of the rows, once values and weights are set. */
void
rows_seal(Rows *rows)
{
	int64_t		n_blocks = (rows->n + MIXTURE_BLOCK_ROWS - 1) / MIXTURE_BLOCK_ROWS;
	int64_t		padded = n_blocks * MIXTURE_BLOCK_ROWS;

	free(rows->blocks);
	free(rows->block_weights);
	rows->blocks = malloc(padded * rows->d * sizeof(double));
	rows->block_weights = malloc(padded * sizeof(double));
	for (int64_t i = 0; i < padded; i++)
	{
		int64_t		block = i / MIXTURE_BLOCK_ROWS * MIXTURE_BLOCK_ROWS;
		int64_t		row = i < rows->n ? i : block;

		rows->block_weights[i] = i < rows->n ? rows->weights[i] : 0;
		for (int j = 0; j < rows->d; j++)
			rows->blocks[block * rows->d + j * MIXTURE_BLOCK_ROWS + i - block] =
				rows->values[row * rows->d + j];
	}
	rows->source = (MixtureSource)
	{
		rows->d, rows->n, n_blocks, rows, rows_block, NULL, false
	};
}

void
rows_free(Rows *rows)
{
	free(rows->block_weights);
	free(rows->blocks);
	free(rows->weights);
	free(rows->values);
	free(rows);
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

MixtureOptions
default_options(MixtureCovarianceType type)
{
	return (MixtureOptions)
	{
		.covariance_type = type, .max_iter = 100, .tol = 1e-7, .reg_covar = 1e-9,
			.n_init = 10, .init = MIXTURE_INIT_KMEANS_PLUS_PLUS, .seed = 1,
			.accelerate = true
	};
}

int
main(int argc, char **argv)
{
	if (argc > 1)
		base_seed = strtoull(argv[1], NULL, 10);
	printf("# seed %llu, kernels %s\n", (unsigned long long) base_seed,
		   mixture_clone_name());
	test_linalg();
	test_derive();
	test_ellipse();
	test_kernels();
	test_em();
	test_fit();
	printf("1..%d\n", n_tests);
	return n_failed > 0;
}
