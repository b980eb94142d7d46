/*
 * fuzz.c
 *	  What the fuzz targets of the engine share.
 */
#include "fuzz.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/random.h"

/* Rows of which the scores are looked at */
#define SCORED_ROWS 8

/* Memory that an input may take: far more than any needs */
#define MOST_MEMORY ((size_t) 256 * 1024 * 1024)

void
demand(bool kept, const char *promise)
{
	if (!kept)
	{
		fprintf(stderr, "does not hold: %s\n", promise);
		abort();
	}
}

/* --- the input as choices --- */

int
input_byte(Input *input)
{
	if (input->left == 0)
		return 0;
	input->left--;
	return *input->next++;
}

int
input_below(Input *input, int n)
{
	return input_byte(input) % n;
}

/* Where arithmetic comes to its ends. */
static const double extremes[] = {
	0, 1, 1e9, 1e-9, 1 + DBL_EPSILON, DBL_MIN, 5e-324, 1e-300, 1e-160, 1e-154,
	1e150, 1.3e154, 1.4e154, 1e155, 1e300, 8.9e307, DBL_MAX, 1e16, 1e15 + 0.5,
	1.0 / 3, 2e-308, 709.9, 745.2, 1e77
};

/* Any finite number; small ones and extreme ones more often than others. */
double
input_number(Input *input)
{
	int			kind = input_byte(input);
	double		value = 0;

	if (kind < 64)
		return (kind & 1 ? -1 : 1) *
			extremes[input_below(input, sizeof(extremes) / sizeof(extremes[0]))];
	if (kind < 192)
		return (kind - 128) / 8.0 + (input_byte(input) - 128) / 4.0;
	if (kind < 224)
		return ldexp(input_byte(input) - 128, input_byte(input) - 128);
	for (size_t i = 0; i < sizeof(value); i++)
		((uint8_t *) &value)[i] = (uint8_t) input_byte(input);
	return isfinite(value) ? value + 0.0 : 0;
}

/* A weight above 0 */
double
input_weight(Input *input)
{
	double		weight = fabs(input_number(input));

	return weight > 0 ? weight : 1;
}

/* --- the host --- */

/* Before each piece of memory that is given out */
typedef struct Chunk
{
	struct Chunk *previous;
	struct Chunk *next;
	size_t		size;
	size_t		unused;			/* so that what follows is aligned as malloc's */
} Chunk;

static Chunk chunks = {&chunks, &chunks, 0, 0};
static size_t memory_taken;
static int	interrupt_in;
static jmp_buf interrupted;

static void *
fuzz_allocate(void *context, size_t size)
{
	Chunk	   *chunk;

	(void) context;
	demand(size <= MOST_MEMORY && memory_taken + size <= MOST_MEMORY,
		   "small input takes little memory");
	chunk = malloc(sizeof(Chunk) + size);
	if (chunk == NULL)
		abort();
	chunk->size = size;
	chunk->previous = &chunks;
	chunk->next = chunks.next;
	chunk->next->previous = chunk;
	chunks.next = chunk;
	memory_taken += size;
	/* what is read before it has been written shows as NaN */
	memset(chunk + 1, 0xff, size);
	return chunk + 1;
}

static void
fuzz_release(void *context, void *pointer)
{
	Chunk	   *chunk = (Chunk *) pointer - 1;

	(void) context;
	chunk->previous->next = chunk->next;
	chunk->next->previous = chunk->previous;
	memory_taken -= chunk->size;
	free(chunk);
}

static void
fuzz_check_interrupts(void *context)
{
	(void) context;
	if (interrupt_in > 0 && --interrupt_in == 0)
		longjmp(interrupted, 1);
}

const MixtureHost fuzz_host = {
	NULL, fuzz_allocate, fuzz_release, fuzz_check_interrupts, NULL, NULL
};

bool
fuzz_run(void (*work) (void *context), void *context, int interrupt)
{
	bool		finished = false;

	interrupt_in = interrupt;
	if (setjmp(interrupted) == 0)
	{
		work(context);
		finished = true;
	}
	interrupt_in = 0;
	while (chunks.next != &chunks)
		fuzz_release(NULL, chunks.next + 1);
	return finished;
}

/* --- rows --- */

static void
rows_block(void *context, int64_t number, MixtureBlock *block)
{
	FuzzRows   *rows = context;
	int			start = (int) number * MIXTURE_BLOCK_ROWS;
	int			left = rows->n - start;

	block->n_rows = left < MIXTURE_BLOCK_ROWS ? left : MIXTURE_BLOCK_ROWS;
	block->stride = MIXTURE_BLOCK_ROWS;
	block->features = rows->features + (size_t) start * rows->d;
	block->weights = rows->weights + start;
	block->incomplete = rows->incomplete;
}

static double *
feature(const FuzzRows *rows, int row, int j)
{
	int			block = row / MIXTURE_BLOCK_ROWS * MIXTURE_BLOCK_ROWS;

	return &rows->features[(size_t) block * rows->d + (size_t) j * MIXTURE_BLOCK_ROWS +
						   row - block];
}

void
fuzz_row(const FuzzRows *rows, int row, double *values)
{
	for (int j = 0; j < rows->d; j++)
		values[j] = *feature(rows, row, j);
}

/* One row: new, an earlier one again, or an earlier one but for a feature. */
static void
read_row(FuzzRows *rows, int row, Input *input)
{
	int			kind = input_byte(input);
	int			earlier = row > 0 && kind < 128 ? input_below(input, row) : -1;

	for (int j = 0; j < rows->d; j++)
		*feature(rows, row, j) = earlier < 0 ? input_number(input) :
			*feature(rows, earlier, j);
	if (earlier >= 0 && kind < 96)
		*feature(rows, row, kind % rows->d) = input_number(input);
}

/* As many rows of d features as there are bytes for, one at least. */
void
fuzz_rows_read(FuzzRows *rows, Input *input, int d, int most)
{
	bool		weighted = input_below(input, 4) == 0;
	int			n_blocks;

	rows->d = d;
	rows->incomplete = false;
	rows->features = malloc(sizeof(double) * d * (most + MIXTURE_BLOCK_ROWS));
	rows->weights = calloc(most + MIXTURE_BLOCK_ROWS, sizeof(double));
	for (rows->n = 0; rows->n < most && (rows->n == 0 || input->left > 0); rows->n++)
	{
		read_row(rows, rows->n, input);
		rows->weights[rows->n] = weighted ? input_weight(input) : 1;
	}
	n_blocks = (rows->n + MIXTURE_BLOCK_ROWS - 1) / MIXTURE_BLOCK_ROWS;
	for (int row = rows->n; row < n_blocks * MIXTURE_BLOCK_ROWS; row++)
		for (int j = 0; j < d; j++)
			*feature(rows, row, j) = *feature(rows, rows->n - 1, j);
	rows->source = (MixtureSource)
	{
		.d = d, .n_rows = rows->n, .n_blocks = n_blocks, .context = rows,
			.block = rows_block
	};
}

/* Let a third of the features be missing, but not all of a row. */
void
fuzz_rows_drop(FuzzRows *rows, int choice)
{
	for (int row = 0; row < rows->n; row++)
		for (int j = 0; j < rows->d; j++)
			if (j != row % rows->d && random_combine((uint64_t) choice, row * 64 + j) % 3 == 0)
				*feature(rows, row, j) = NAN;
	rows->incomplete = true;
}

void
fuzz_rows_free(FuzzRows *rows)
{
	free(rows->features);
	free(rows->weights);
}

/* --- what every model promises --- */

/* Weights that are not negative and sum to 1, finite numbers, positive definite. */
void
demand_sound(const MixtureParameters *parameters)
{
	MixtureError error;
	double		sum = 0;
	size_t		count = mixture_covariance_count(parameters->covariance_type,
												 parameters->k, parameters->d);

	for (int c = 0; c < parameters->k; c++)
	{
		demand(parameters->weights[c] >= 0, "no weight is negative");
		sum += parameters->weights[c];
	}
	demand(fabs(sum - 1) < 1e-8, "weights sum to 1");
	demand(parameters->noise_weight >= 0 && parameters->noise_weight < 1,
		   "the weight of noise is a share");
	for (int j = 0; j < parameters->d && parameters->noise_box != NULL; j++)
		demand(parameters->noise_box[parameters->d + j] > parameters->noise_box[j] &&
			   isfinite(parameters->noise_box[parameters->d + j] - parameters->noise_box[j]),
			   "noise has a box");
	for (int i = 0; i < parameters->k * parameters->d; i++)
		demand(isfinite(parameters->means[i]), "means are finite");
	for (size_t i = 0; i < count; i++)
		demand(isfinite(parameters->covariances[i]), "covariances are finite");
	demand(mixture_covariances_valid(parameters, &fuzz_host, &error),
		   "covariances are positive definite");
}

/* Scores of some rows under a sound model are numbers of their kind. */
void
demand_scores(const MixtureParameters *parameters, const FuzzRows *rows)
{
	int			k = parameters->k;
	MixtureError error;
	MixturePrepared *prepared = mixture_prepare_rows(parameters, &fuzz_host, &error);
	double	   *values;
	double	   *work;
	double	   *row;

	/* a model may be sound and its inverse yet out of range */
	if (prepared == NULL)
		return;
	values = fuzz_host.allocate(NULL, k * sizeof(double));
	work = fuzz_host.allocate(NULL, mixture_row_work_size(prepared) * sizeof(double) + 64);
	work = (double *) (((uintptr_t) work + 63) & ~(uintptr_t) 63);
	row = fuzz_host.allocate(NULL, parameters->d * sizeof(double));
	for (int i = 0; i < rows->n && i < SCORED_ROWS; i++)
	{
		double		sum;
		int			component;

		fuzz_row(rows, i, row);
		if (rows->incomplete)
			continue;
		component = mixture_row_predict(prepared, row, work);
		demand(component >= (parameters->noise_box != NULL ? -1 : 0) && component < k,
			   "a predicted component exists");
		demand(!isnan(mixture_row_log_density(prepared, row, work)), "a log density is a number");
		mixture_row_responsibilities(prepared, row, work, values, &sum);
		demand(sum >= 0 && sum <= (parameters->noise_box != NULL), "noise is a probability");
		for (int c = 0; c < k; c++)
		{
			demand(values[c] >= 0, "no responsibility is negative");
			sum += values[c];
		}
		demand(fabs(sum - 1) < 1e-9, "responsibilities sum to 1");
		mixture_row_mahalanobis(prepared, row, work, values);
		for (int c = 0; c < k; c++)
			demand(values[c] >= 0, "distances are not negative");
	}
}
