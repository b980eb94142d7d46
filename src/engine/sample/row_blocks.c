/*
 * row_blocks.c
 *	  Rows in memory as a source of blocks.
 *
 * Rows of a sample of which features are missing are needed twice: EM reads them as they
 * are, and starts and moves as they are filled in (donors.c).
 */
#include "engine/sample/sample_private.h"

#include <math.h>
#include <string.h>

#include "engine/core/linalg.h"

/* The rows that so many take up with the padding of the last block. */
int64_t
sample_padded(int64_t n_rows)
{
	return (n_rows + MIXTURE_LANES - 1) / MIXTURE_LANES * MIXTURE_LANES;
}

/* A block of RowBlocks, as a MixtureSource asks for it. */
void
sample_block(void *blocks, int64_t number, MixtureBlock *block)
{
	const RowBlocks *rows = blocks;
	int64_t		start = number * MIXTURE_BLOCK_ROWS;
	int64_t		left = rows->n_rows - start;

	block->n_rows = left < MIXTURE_BLOCK_ROWS ? (int) left : MIXTURE_BLOCK_ROWS;
	block->stride = (int) sample_padded(block->n_rows);
	block->features = rows->features + start * rows->d;
	block->weights = rows->weights + start;
	block->labels = rows->labels != NULL ? rows->labels + start : NULL;
	block->incomplete = false;
}

/* The same of rows of which features are missing. */
static void
incomplete_block(void *blocks, int64_t number, MixtureBlock *block)
{
	sample_block(blocks, number, block);
	block->incomplete = true;
}

/* A source of these blocks, which must stay. */
void
sample_source(RowBlocks *blocks, MixtureSource *source)
{
	source->d = blocks->d;
	source->n_rows = blocks->n_rows;
	source->n_blocks = (blocks->n_rows + MIXTURE_BLOCK_ROWS - 1) / MIXTURE_BLOCK_ROWS;
	source->context = blocks;
	source->block = sample_block;
	source->pass = NULL;
	source->n_labels = 0;
	source->label_weights = NULL;
}

/*
 * Copy the features of rows of a sample, of these numbers or all if that is NULL, to where
 * blocks of them are read from: some rows at a time, so that what is written lies together.
 */
void
sample_copy_rows(const Sample *sample, const int64_t *numbers, RowBlocks *blocks,
				 const MixtureHost *host)
{
	int			d = sample->d;

	for (int64_t start = 0; start < blocks->n_rows; start += MIXTURE_BLOCK_ROWS)
	{
		double	   *features = blocks->features + start * d;
		MixtureBlock block;

		sample_block(blocks, start / MIXTURE_BLOCK_ROWS, &block);
		for (int i = 0; i < block.stride; i += MIXTURE_LANES)
		{
			const double *rows[MIXTURE_LANES];

			for (int lane = 0; lane < MIXTURE_LANES; lane++)
			{
				int64_t		row = start + (i + lane < block.n_rows ? i + lane : 0);

				rows[lane] = sample->rows + (numbers != NULL ? numbers[row] : row) * d;
			}
			for (int j = 0; j < d; j++)
				for (int lane = 0; lane < MIXTURE_LANES; lane++)
					features[(size_t) j * block.stride + i + lane] = rows[lane][j];
		}
		host->check_interrupts(host->context);
	}
}

/* Whether EM reads rows of the sample of which features are missing. */
bool
sample_has_gaps(const Sample *sample)
{
	return sample->observed.features != NULL;
}

/* Whether some feature of a row of the sample is missing. */
static bool
has_missing(const Sample *sample, const MixtureHost *host)
{
	double		work = 0;

	for (int64_t i = 0; i < sample->n_rows; i++)
	{
		const double *row = sample->rows + i * sample->d;

		for (int j = 0; j < sample->d; j++)
			if (isnan(row[j]))
				return true;
		linalg_look_after(host, &work, sample->d);
	}
	return false;
}

/*
 * Make a sample's blocks of its rows, and its source.  sample_release_blocks()
 * gives back what that takes.
 */
void
sample_make_blocks(Sample *sample, const MixtureHost *host)
{
	RowBlocks  *blocks = &sample->blocks;
	int64_t		padded = sample_padded(sample->n_rows);
	size_t		size = padded * sample->d * sizeof(double);

	blocks->d = sample->d;
	blocks->n_rows = sample->n_rows;
	blocks->weights = sample->weights;
	blocks->features = host->allocate(host->context, size);
	blocks->labels = sample->labels == NULL ? NULL :
		host->allocate(host->context, padded * sizeof(double));
	for (int64_t i = 0; i < padded && sample->labels != NULL; i++)
		blocks->labels[i] = i < sample->n_rows ? sample->labels[i] : 0;
	sample_copy_rows(sample, NULL, blocks, host);
	sample_source(blocks, &sample->source);
	sample->observed.features = NULL;
	if (!has_missing(sample, host))
		return;
	sample->observed = *blocks;
	sample->observed.features = host->allocate(host->context, size);
	memcpy(sample->observed.features, blocks->features, size);
	sample_source(&sample->observed, &sample->source);
	sample->source.block = incomplete_block;
}

/* Give back what sample_make_blocks() made. */
void
sample_release_blocks(Sample *sample, const MixtureHost *host)
{
	if (sample->observed.features != NULL)
		host->release(host->context, sample->observed.features);
	if (sample->blocks.labels != NULL)
		host->release(host->context, sample->blocks.labels);
	host->release(host->context, sample->blocks.features);
}

/*
 * A sample of those rows of another of which no feature is missing, in their order, without
 * labels; sample_release() gives it back.
 */
void
sample_whole_rows(const Sample *sample, Sample *whole, const MixtureHost *host)
{
	int64_t		padded = sample_padded(sample->n_rows);
	size_t		size = sample->d * sizeof(double);
	double		work = 0;

	*whole = (Sample) {.d = sample->d};
	whole->rows = host->allocate(host->context, sample->n_rows * size);
	whole->weights = host->allocate(host->context, padded * sizeof(double));
	whole->hashes = host->allocate(host->context, sample->n_rows * sizeof(uint64_t));
	for (int64_t i = 0; i < sample->n_rows; i++)
	{
		MixtureBlock block;
		int			j = 0;

		sample_block((void *) &sample->observed, i / MIXTURE_BLOCK_ROWS, &block);
		while (j < sample->d &&
			   !isnan(block.features[(size_t) j * block.stride + i % MIXTURE_BLOCK_ROWS]))
			j++;
		linalg_look_after(host, &work, sample->d);
		if (j < sample->d)
			continue;
		memcpy(whole->rows + whole->n_rows * sample->d, sample->rows + i * sample->d, size);
		whole->weights[whole->n_rows] = sample->weights[i];
		whole->hashes[whole->n_rows++] = sample->hashes[i];
		whole->n_far += i < sample->n_far;
	}
	for (int64_t i = whole->n_rows; i < padded; i++)
		whole->weights[i] = 0;
	whole->n_distinct = whole->n_rows;
	sample_make_blocks(whole, host);
}

/*
 * The same rows with weights that may change, at first the sample's, and that are given
 * back to the host by themselves; the sample must stay.  As a source they are complete.
 */
void
sample_reweigh(const Sample *sample, Sample *copy, const MixtureHost *host)
{
	size_t		size = sample_padded(sample->n_rows) * sizeof(double);

	*copy = *sample;
	copy->weights = copy->blocks.weights = host->allocate(host->context, size);
	memcpy(copy->weights, sample->weights, size);
	copy->observed.features = NULL;
	sample_source(&copy->blocks, &copy->source);
}
