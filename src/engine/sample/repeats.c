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

/* Share of the weight from which on a row is in every sample; hashes that are looked at */
#define LEAST_SHARE 0.01
#define MOST_FOUND 400

/* Rows of one hash that are told apart; where there are as many none is one of many */
#define MOST_ALIKE 16

/* Rows that are drawn, about, and memory for them */
#define DRAWS 16384
#define MOST_DRAWN (2 * DRAWS)

/* How often a row that may be one is drawn, at least */
#define LEAST_DRAWS (DRAWS * LEAST_SHARE / 2)

/* A row that has been drawn, so often. */
typedef struct Drawn
{
	uint64_t	hash;
	double		n;
} Drawn;

static int
compare_drawn(const void *left, const void *right)
{
	uint64_t	a = ((const Drawn *) left)->hash;
	uint64_t	b = ((const Drawn *) right)->hash;

	return (a > b) - (a < b);
}

/* Draw rows of a block whose first is in place `first` of the source; *n so far. */
static void
draw_block(const MixtureBlock *block, const MixtureSampling *sampling, int d, int64_t first,
		   double rate, Drawn *drawn, int64_t *n)
{
	uint64_t	hashes[MIXTURE_BLOCK_ROWS];
	bool		hashed = false;

	for (int i = 0; i < block->n_rows; i++)
	{
		double		times = floor(rate * block->weights[i] +
								  random_unit(random_combine(sampling->seed, first + i)));

		if (!(times > 0) || *n == MOST_DRAWN)
			continue;
		if (!hashed)
			row_hashes_of_block(block, d, sampling->range, sampling->seed, hashes);
		hashed = true;
		drawn[(*n)++] = (Drawn) {hashes[i], times};
	}
}

/* Leave the hashes of the rows that were drawn often enough, ascending; returns how many. */
static int
keep_frequent(Drawn *drawn, int64_t n, uint64_t *hashes, const MixtureHost *host)
{
	int			n_kept = 0;

	sort_items(drawn, n, sizeof(Drawn), compare_drawn, host);
	for (int64_t i = 0; i < n;)
	{
		uint64_t	hash = drawn[i].hash;
		double		times = 0;

		for (; i < n && drawn[i].hash == hash; i++)
			times += drawn[i].n;
		if (times >= LEAST_DRAWS && n_kept < MOST_FOUND)
			hashes[n_kept++] = hash;
	}
	return n_kept;
}

/*
 * Find the rows of a source, which can be read block by block, that may be LEAST_SHARE
 * of the total weight, or more: the hashes that sampling has of them, ascending, into
 * hashes, which has room for MOST_FOUND.  Returns how many.
 */
static int
find_frequent(const MixtureSource *source, const MixtureSampling *sampling, double total,
			 uint64_t *hashes, const MixtureHost *host)
{
	Drawn	   *drawn = host->allocate(host->context, MOST_DRAWN * sizeof(Drawn));
	double	   *features = sampling->center == NULL ? NULL :
		host->allocate(host->context, (size_t) source->d * MIXTURE_BLOCK_ROWS * sizeof(double));
	int64_t		n = 0;
	int64_t		first = 0;
	int			n_kept;

	for (int64_t number = 0; number < source->n_blocks; number++)
	{
		MixtureBlock block;

		source_block(source, number, &block);
		if (features != NULL)
			center_block(sampling->center, source->d, &block, features);
		draw_block(&block, sampling, source->d, first, DRAWS / total, drawn, &n);
		first += block.n_rows;
		host->check_interrupts(host->context);
		if (number % REPORT_BLOCKS == 0)
			progress_reading(host);
	}
	n_kept = keep_frequent(drawn, n, hashes, host);
	if (features != NULL)
		host->release(host->context, features);
	host->release(host->context, drawn);
	return n_kept;
}

/* The place of a hash among n that ascend; -1: it is none of them. */
static int
place_of(const uint64_t *hashes, int n, uint64_t hash)
{
	int			low = 0;

	while (n > 0)
	{
		int			half = n / 2;

		if (hashes[low + half] == hash)
			return low + half;
		if (hashes[low + half] < hash)
		{
			low += half + 1;
			n -= half + 1;
		}
		else
			n = half;
	}
	return -1;
}

/* Rows that are looked for by their hashes, and what they weigh. */
typedef struct Repeats
{
	uint64_t	hashes[MOST_FOUND];	/* ascending */
	int64_t		counts[MOST_FOUND];	/* entries of each */
	int			n;
	Entry	   *entries;		/* MOST_ALIKE of each, one hash after the other */
} Repeats;

/* Add a row, `lane` of a block, to what rows of its hash weigh. */
static void
count_repeat(const Taking *taking, Repeats *repeats, const MixtureBlock *block, int lane,
			 uint64_t hash)
{
	int			d = taking->sample->d;
	int			place = place_of(repeats->hashes, repeats->n, hash);
	Entry	   *entries = repeats->entries + (place < 0 ? 0 : place) * MOST_ALIKE;
	double	   *row;
	Entry		entry = {hash, NULL, block->weights[lane], taking_label(taking, block, lane), 0, d};
	int64_t		other = 0;

	if (place < 0 || repeats->counts[place] == MOST_ALIKE)
		return;
	row = (double *) entries[repeats->counts[place]].row;
	for (int j = 0; j < d; j++)
		row[j] = block->features[(size_t) j * block->stride + lane];
	entry.row = row;
	while (other < repeats->counts[place] && taking_compare(&entries[other], &entry) != 0)
		other++;
	if (other < repeats->counts[place])
		entries[other].weight += entry.weight;
	else
		entries[repeats->counts[place]++] = entry;
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
		uint64_t	hashes[MIXTURE_BLOCK_ROWS];
		bool		far[MIXTURE_BLOCK_ROWS] = {false};
		MixtureBlock block;

		source_block(source, number, &block);
		if (sampling->center != NULL)
			center_block(sampling->center, source->d, &block, features);
		row_hashes_of_block(&block, source->d, sampling->range, sampling->seed, hashes);
		if (box != NULL)
			beyond_mark(&block, source->d, box, far);
		for (int i = 0; i < block.n_rows; i++)
			if (block.weights[i] > 0 && !far[i])
				count_repeat(taking, repeats, &block, i, hashes[i]);
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
	size_t		n_entries;
	double	   *rows;
	double		total = 0;

	for (int i = 0; i < taking->n_strata; i++)
		total += taking->strata[i].weight;
	repeats->n = find_frequent(source, taking->sampling, total, repeats->hashes, host);
	n_entries = (size_t) repeats->n * MOST_ALIKE;
	rows = host->allocate(host->context, (n_entries + 1) * d * sizeof(double));
	repeats->entries = host->allocate(host->context, (n_entries + 1) * sizeof(Entry));
	for (size_t i = 0; i < n_entries; i++)
		repeats->entries[i].row = rows + i * d;
	for (int i = 0; i < repeats->n; i++)
		repeats->counts[i] = 0;
	if (repeats->n > 0)
	{
		count_repeats(taking, repeats, source, box, host);
		taking_put_rows(taking);
		taking->strata[taking->n_strata++] = (Stratum) {
			.limit = taking->capacity,.threshold = UINT64_MAX
		};
		for (int i = 0; i < repeats->n; i++)
			for (int64_t j = 0; j < repeats->counts[i] && repeats->counts[i] < MOST_ALIKE; j++)
				if (repeats->entries[i * MOST_ALIKE + j].weight >= LEAST_SHARE * total)
					keep_repeat(taking, &repeats->entries[i * MOST_ALIKE + j]);
		taking_join_equal(taking);
	}
	host->release(host->context, repeats->entries);
	host->release(host->context, rows);
	host->release(host->context, repeats);
}
