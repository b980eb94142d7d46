/*
 * repeats.c
 *	  Which rows are there so often, or weigh so much, that no sample may be without them.
 *
 * A sample of distinct rows has one with all its copies, or with none.  That is as it
 * should be where copies are few.  But a value that a tenth of the table has, such as the 0
 * of what was not bought, is a group by itself, and a sample may be without it, or have
 * it as if it were nearly all.
 *
 * Rows are drawn by weight, many more than there are such groups, wherever they are in the
 * table; which of them come up too often for chance may be such rows.  What they weigh is
 * then found exactly, so that nothing hangs on the draws, or on the order of
 * the rows, but whether a row is looked at that is there about half as often as it has to
 * be.
 */
#include "engine/sample/sample_private.h"

#include <math.h>
#include <string.h>

#include "engine/core/random.h"
#include "engine/em/em.h"

/* Share of the weight from which on a row is in every sample; rows that are looked at */
#define LEAST_SHARE 0.01
#define MOST_FOUND 400

/* Rows that are drawn, about, and memory for them */
#define DRAWS 16384
#define MOST_DRAWN (2 * DRAWS)

/* How often a row that may be one is drawn, at least */
#define LEAST_DRAWS (DRAWS * LEAST_SHARE / 2)

/* What the key of a row has for a feature that is missing */
#define MISSING_BITS UINT64_C(0x8000000000000000)

/* A row that has been drawn, so often. */
typedef struct Drawn
{
	uint64_t	key;
	double		n;
} Drawn;

static int
compare_drawn(const void *left, const void *right)
{
	uint64_t	a = ((const Drawn *) left)->key;
	uint64_t	b = ((const Drawn *) right)->key;

	return (a > b) - (a < b);
}

/*
 * Keys of a block's rows: hashes of their exact values and labels.  The cells by which a
 * sample is chosen may have many rows that differ.
 */
static void
row_keys(const Taking *taking, const MixtureBlock *block, uint64_t *keys)
{
	for (int i = 0; i < block->n_rows; i++)
		keys[i] = (uint64_t) taking_label(taking, block, i);
	for (int j = 0; j < taking->sample->d; j++)
	{
		const double *values = block->features + (size_t) j * block->stride;

		for (int i = 0; i < block->n_rows; i++)
		{
			uint64_t	bits;

			memcpy(&bits, &values[i], sizeof(bits));
			keys[i] = random_combine(keys[i], isnan(values[i]) ? MISSING_BITS : bits);
		}
	}
}

/* Draw rows of a block whose first is in place `first` of the source; *n so far. */
static void
draw_block(const Taking *taking, const MixtureBlock *block, int64_t first, double rate,
		   Drawn *drawn, int64_t *n)
{
	uint64_t	keys[MIXTURE_BLOCK_ROWS];
	bool		found = false;

	for (int i = 0; i < block->n_rows; i++)
	{
		double		times = floor(rate * block->weights[i] +
								  random_unit(random_combine(taking->sampling->seed, first + i)));

		if (!(times > 0) || *n == MOST_DRAWN)
			continue;
		if (!found)
			row_keys(taking, block, keys);
		found = true;
		drawn[(*n)++] = (Drawn) {keys[i], times};
	}
}

/* Leave the keys of the rows that were drawn often enough, ascending; returns how many. */
static int
keep_frequent(Drawn *drawn, int64_t n, uint64_t *keys, const MixtureHost *host)
{
	int			n_kept = 0;

	sort_items(drawn, n, sizeof(Drawn), compare_drawn, host);
	for (int64_t i = 0; i < n;)
	{
		uint64_t	key = drawn[i].key;
		double		times = 0;

		for (; i < n && drawn[i].key == key; i++)
			times += drawn[i].n;
		if (times >= LEAST_DRAWS && n_kept < MOST_FOUND)
			keys[n_kept++] = key;
	}
	return n_kept;
}

/*
 * Find the rows of a source, which can be read block by block, that may be LEAST_SHARE
 * of the total weight, or more: their keys, ascending, into keys, which has room for
 * MOST_FOUND.  Returns how many.
 */
static int
find_frequent(const Taking *taking, const MixtureSource *source, double total, uint64_t *keys,
			  const MixtureHost *host)
{
	const double *center = taking->sampling->center;
	Drawn	   *drawn = host->allocate(host->context, MOST_DRAWN * sizeof(Drawn));
	double	   *features = center == NULL ? NULL :
		host->allocate(host->context, (size_t) source->d * MIXTURE_BLOCK_ROWS * sizeof(double));
	int64_t		n = 0;
	int64_t		first = 0;
	int			n_kept;

	for (int64_t number = 0; number < source->n_blocks; number++)
	{
		MixtureBlock block;

		source_block(source, number, &block);
		if (features != NULL)
			center_block(center, source->d, &block, features);
		draw_block(taking, &block, first, DRAWS / total, drawn, &n);
		first += block.n_rows;
		host->check_interrupts(host->context);
		if (number % REPORT_BLOCKS == 0)
			progress_reading(host);
	}
	n_kept = keep_frequent(drawn, n, keys, host);
	if (features != NULL)
		host->release(host->context, features);
	host->release(host->context, drawn);
	return n_kept;
}

/* The place of a key among n that ascend; -1: it is none of them. */
static int
place_of(const uint64_t *keys, int n, uint64_t key)
{
	int			low = 0;

	while (n > 0)
	{
		int			half = n / 2;

		if (keys[low + half] == key)
			return low + half;
		if (keys[low + half] < key)
		{
			low += half + 1;
			n -= half + 1;
		}
		else
			n = half;
	}
	return -1;
}

/* Rows that are looked for by their keys, and what they weigh: 0 before one is found. */
typedef struct Repeats
{
	uint64_t	keys[MOST_FOUND];	/* ascending */
	Entry		entries[MOST_FOUND];
	int			n;
} Repeats;

/* Add a row, `lane` of a block, to what those equal to it weigh. */
static void
count_repeat(const Taking *taking, Entry *entry, const MixtureBlock *block, int lane)
{
	const MixtureSampling *sampling = taking->sampling;
	int			d = taking->sample->d;
	double	   *row = (double *) entry->row;

	if (entry->weight == 0)
	{
		for (int j = 0; j < d; j++)
			row[j] = block->features[(size_t) j * block->stride + lane];
		entry->hash = mixture_sample_hash(row, d, sampling->range, sampling->seed);
		entry->label = taking_label(taking, block, lane);
		entry->d = d;
	}
	entry->weight += block->weights[lane];
}

/* The same for all rows of a source that are not beyond the box (NULL: there is none). */
static void
count_repeats(Taking *taking, Repeats *repeats, const MixtureSource *source,
			  const FeatureRange *box, const MixtureHost *host)
{
	const MixtureSampling *sampling = taking->sampling;
	double	   *features = host->allocate(host->context, (size_t) source->d *
										  MIXTURE_BLOCK_ROWS * sizeof(double));

	for (int64_t number = 0; number < source->n_blocks; number++)
	{
		uint64_t	keys[MIXTURE_BLOCK_ROWS];
		bool		far[MIXTURE_BLOCK_ROWS] = {false};
		MixtureBlock block;

		source_block(source, number, &block);
		if (sampling->center != NULL)
			center_block(sampling->center, source->d, &block, features);
		row_keys(taking, &block, keys);
		if (box != NULL)
			beyond_mark(&block, source->d, box, far);
		for (int i = 0; i < block.n_rows; i++)
		{
			int			place = block.weights[i] > 0 && !far[i] ?
				place_of(repeats->keys, repeats->n, keys[i]) : -1;

			if (place >= 0)
				count_repeat(taking, &repeats->entries[place], &block, i);
		}
		host->check_interrupts(host->context);
		if (number % REPORT_BLOCKS == 0)
			progress_reading(host);
	}
	host->release(host->context, features);
}

/* Let one of the rows be in the sample, in a stratum that is there for them. */
static void
keep_repeat(Taking *taking, Entry *entry)
{
	int			d = taking->sample->d;
	double	   *row = taking->sample->rows + taking->n * d;
	int64_t		at = 0;

	while (at < taking->n && taking_compare(&taking->entries[at], entry) != 0)
		at++;
	if (at == taking->capacity)
		return;
	if (at == taking->n)
	{
		memcpy(row, entry->row, d * sizeof(double));
		entry->row = row;
		taking->n++;
	}
	else
		entry->row = taking->entries[at].row;
	entry->stratum = taking->n_strata - 1;
	taking->entries[at] = *entry;
	taking->strata[entry->stratum].weight += entry->weight;
	taking->strata[entry->label].weight -= entry->weight;
}

/*
 * Take the rows that are a large share of all, and not beyond the box (NULL: there is
 * none), as a stratum of their own.
 */
void
repeats_take(Taking *taking, const MixtureSource *source, const FeatureRange *box,
			 const MixtureHost *host)
{
	size_t		d = source->d;
	Repeats    *repeats = host->allocate(host->context, sizeof(Repeats));
	MixtureSampling sampling = *taking->sampling;
	MixtureSource found;
	double	   *rows;
	double		total = 0;

	for (int i = 0; i < taking->n_strata; i++)
		total += taking->strata[i].weight;
	sampling.least_weight = LEAST_SHARE * total;
	(void) taking_find_rows(source, &sampling, &found, host);
	repeats->n = find_frequent(taking, &found, total, repeats->keys, host);
	rows = host->allocate(host->context, (repeats->n + 1) * d * sizeof(double));
	for (int i = 0; i < repeats->n; i++)
		repeats->entries[i] = (Entry) {.row = rows + i * d};
	if (repeats->n > 0)
	{
		count_repeats(taking, repeats, &found, box, host);
		taking_put_rows(taking);
		taking->strata[taking->n_strata++] = (Stratum) {
			.limit = taking->capacity,.threshold = UINT64_MAX
		};
		for (int i = 0; i < repeats->n; i++)
			if (repeats->entries[i].weight >= sampling.least_weight)
				keep_repeat(taking, &repeats->entries[i]);
		taking_join_equal(taking);
	}
	host->release(host->context, rows);
	host->release(host->context, repeats);
}
