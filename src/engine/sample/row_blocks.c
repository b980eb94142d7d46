/*
 * row_blocks.c
 *	  Rows in memory as a source of blocks.
 */
#include "engine/sample/sample_private.h"

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
}

/* Copy the rows to the blocks. */
void
sample_fill_blocks(Sample *sample, const MixtureHost *host)
{
	RowBlocks  *blocks = &sample->blocks;
	int			d = sample->d;

	for (int64_t start = 0; start < sample->n_rows; start += MIXTURE_BLOCK_ROWS)
	{
		MixtureBlock block;

		sample_block(blocks, start / MIXTURE_BLOCK_ROWS, &block);
		for (int i = 0; i < block.stride; i += MIXTURE_LANES)
		{
			const double *rows[MIXTURE_LANES];

			for (int lane = 0; lane < MIXTURE_LANES; lane++)
			{
				bool		padding = i + lane >= block.n_rows;
				int64_t		row = start + (padding ? 0 : i + lane);

				rows[lane] = sample->rows + row * d;
				blocks->weights[start + i + lane] = padding ? 0 : sample->weights[row];
			}
			for (int j = 0; j < d; j++)
				for (int lane = 0; lane < MIXTURE_LANES; lane++)
					blocks->features[start * d + (size_t) j * block.stride + i + lane] =
						rows[lane][j];
		}
		host->check_interrupts(host->context);
	}
}
