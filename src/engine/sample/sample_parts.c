/*
 * sample_parts.c
 *	  The rows of a sample of which features are missing.
 *
 * They are needed twice.  EM reads them as they are, so they are kept as a
 * source has them: the rows with the same features missing together, in parts
 * of a block's size.  Patterns come in an order of their own, and rows of one
 * in the sample's, so that the parts depend on the rows' content only.
 *
 * Seeds are drawn among complete rows: for them what is missing is filled in
 * with its mean given the rest, for one Gaussian.  That is a guess, good enough
 * for where to begin; where EM ends does not hang on it.
 */
#include "engine/sample/sample_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A row while rows are being sorted by pattern. */
typedef struct PatternEntry
{
	const double *row;
	int			d;
	int64_t		number;
} PatternEntry;

/* Whether some feature of a row of the sample is missing. */
bool
sample_has_missing(const Sample *sample)
{
	for (size_t i = 0; i < (size_t) sample->n_rows * sample->d; i++)
		if (isnan(sample->rows[i]))
			return true;
	return false;
}

/* By pattern: complete rows are the first. */
static int
compare_patterns(const PatternEntry *a, const PatternEntry *b)
{
	for (int j = 0; j < a->d; j++)
		if (isnan(a->row[j]) != isnan(b->row[j]))
			return isnan(a->row[j]) ? 1 : -1;
	return 0;
}

static int
compare_pattern_entries(const void *left, const void *right)
{
	const PatternEntry *a = left;
	const PatternEntry *b = right;
	int			order = compare_patterns(a, b);

	if (order != 0)
		return order;
	return a->number < b->number ? -1 : a->number > b->number;
}

/* Fill the order of features of a row's pattern; returns how many it has. */
static int
fill_order(const double *row, int d, int *order)
{
	int			n_observed = 0;
	int			place;

	for (int j = 0; j < d; j++)
		if (!isnan(row[j]))
			order[n_observed++] = j;
	place = n_observed;
	for (int j = 0; j < d; j++)
		if (isnan(row[j]))
			order[place++] = j;
	return n_observed;
}

/*
 * Cut the sorted rows into parts.  If parts is not NULL, describe them there;
 * returns how many there are and, in *n_patterns, how many patterns.
 */
static int64_t
cut_parts(const PatternEntry *entries, int64_t n_rows, int d, SamplePart *parts,
		  int *orders, int64_t *n_patterns)
{
	int64_t		n = 0;
	size_t		offset = 0;
	int64_t		end;

	*n_patterns = 0;
	for (int64_t start = 0; start < n_rows; start = end)
	{
		bool		same = start > 0 && compare_patterns(&entries[start - 1], &entries[start]) == 0;

		if (!same)
			(*n_patterns)++;
		for (end = start + 1; end < n_rows && end < start + MIXTURE_BLOCK_ROWS; end++)
			if (compare_patterns(&entries[start], &entries[end]) != 0)
				break;
		if (parts != NULL)
		{
			int		   *order = orders + (*n_patterns - 1) * d;
			int			n_observed = same ? parts[n - 1].n_observed :
				fill_order(entries[start].row, d, order);

			parts[n] = (SamplePart) {(int) (end - start), n_observed,
				n_observed == d ? NULL : order, start, offset};
			offset += (size_t) n_observed * (end - start);
		}
		n++;
	}
	return n;
}

/* The block of a sample's parts, as a MixtureSource asks for it. */
static void
part_block(void *context, int64_t number, MixtureBlock *block)
{
	const Sample *sample = context;
	const SampleParts *parts = &sample->parts;
	const SamplePart *part = &parts->parts[number];
	size_t		n_rows = part->n_rows;
	size_t		stride = (n_rows + MIXTURE_LANES - 1) / MIXTURE_LANES * MIXTURE_LANES;

	block->n_rows = part->n_rows;
	block->stride = (int) stride;
	block->order = part->order;
	block->n_observed = part->n_observed;
	block->features = parts->features + part->offset;
	block->weights = parts->weights + part->start;
	if (stride == n_rows)
		return;

	for (int j = 0; j < part->n_observed; j++)
	{
		const double *from = parts->features + part->offset + j * n_rows;
		double	   *to = parts->block + j * stride;

		memcpy(to, from, n_rows * sizeof(double));
		for (size_t i = n_rows; i < stride; i++)
			to[i] = to[0];
	}
	memcpy(parts->block_weights, block->weights, n_rows * sizeof(double));
	for (size_t i = n_rows; i < stride; i++)
		parts->block_weights[i] = 0;
	block->features = parts->block;
	block->weights = parts->block_weights;
}

/* Copy the rows to their parts. */
static void
fill_parts(Sample *sample, const PatternEntry *entries, const MixtureHost *host)
{
	SampleParts *parts = &sample->parts;

	for (int64_t i = 0; i < sample->n_rows; i++)
	{
		parts->sequence[i] = entries[i].number;
		parts->weights[i] = sample->weights[entries[i].number];
	}
	for (int64_t number = 0; number < parts->n; number++)
	{
		const SamplePart *part = &parts->parts[number];
		double	   *features = parts->features + part->offset;

		for (int j = 0; j < part->n_observed; j++)
			for (int i = 0; i < part->n_rows; i++)
				*features++ = entries[part->start + i].row[part->order == NULL ? j : part->order[j]];
		host->check_interrupts(host->context);
	}
}

/*
 * Make the parts of a sample, and its source of them.  sample_release_parts()
 * gives back what that takes.
 */
void
sample_make_parts(Sample *sample, const MixtureHost *host)
{
	SampleParts *parts = &sample->parts;
	int			d = sample->d;
	size_t		n_rows = sample->n_rows;
	int64_t		n_patterns;
	PatternEntry *entries = host->allocate(host->context, n_rows * sizeof(PatternEntry));

	for (size_t i = 0; i < n_rows; i++)
		entries[i] = (PatternEntry) {sample->rows + i * d, d, (int64_t) i};
	qsort(entries, n_rows, sizeof(PatternEntry), compare_pattern_entries);
	parts->n = cut_parts(entries, sample->n_rows, d, NULL, NULL, &n_patterns);
	parts->parts = host->allocate(host->context, parts->n * sizeof(SamplePart));
	parts->orders = host->allocate(host->context, (size_t) n_patterns * d * sizeof(int));
	parts->sequence = host->allocate(host->context, n_rows * sizeof(int64_t));
	parts->weights = host->allocate(host->context, n_rows * sizeof(double));
	parts->features = host->allocate(host->context, n_rows * d * sizeof(double));
	parts->block = host->allocate(host->context, (size_t) (d + 1) * MIXTURE_BLOCK_ROWS *
								  sizeof(double));
	parts->block_weights = parts->block + (size_t) d * MIXTURE_BLOCK_ROWS;
	cut_parts(entries, sample->n_rows, d, parts->parts, parts->orders, &n_patterns);
	fill_parts(sample, entries, host);
	host->release(host->context, entries);

	sample->source.d = d;
	sample->source.n_rows = sample->n_rows;
	sample->source.n_blocks = parts->n;
	sample->source.context = sample;
	sample->source.block = part_block;
	sample->source.pass = NULL;
}

void
sample_release_parts(Sample *sample, const MixtureHost *host)
{
	SampleParts *parts = &sample->parts;

	host->release(host->context, parts->block);
	host->release(host->context, parts->features);
	host->release(host->context, parts->weights);
	host->release(host->context, parts->sequence);
	host->release(host->context, parts->orders);
	host->release(host->context, parts->parts);
}

/*
 * Fill in the missing features of sample->rows with their means given the
 * others under one Gaussian, full or diag, and in sample->blocks likewise.  The
 * sample's source stays as it is.
 */
void
sample_fill(Sample *sample, const MixtureParameters *gaussian, const MixtureHost *host)
{
	const SampleParts *parts = &sample->parts;
	int			d = sample->d;
	double	   *observed = host->allocate(host->context, 3 * (size_t) d * sizeof(double));
	double	   *missing = observed + d;
	double	   *work = missing + d;
	double		responsibility = 1;

	for (int64_t number = 0; number < parts->n; number++)
	{
		const SamplePart *part = &parts->parts[number];
		MixtureConditional *conditional;

		if (part->order == NULL)
			continue;
		conditional = mixture_conditional_create(gaussian, part->order, part->n_observed,
												 host);
		for (int i = 0; i < part->n_rows; i++)
		{
			double	   *row = sample->rows + parts->sequence[part->start + i] * d;

			for (int j = 0; j < part->n_observed; j++)
				observed[j] = row[part->order[j]];
			mixture_impute(conditional, observed, &responsibility, 0, missing, work);
			for (int j = part->n_observed; j < d; j++)
				row[part->order[j]] = missing[j - part->n_observed];
		}
		host->release(host->context, conditional);
		host->check_interrupts(host->context);
	}
	host->release(host->context, observed);
	sample_fill_blocks(sample, host);
}
