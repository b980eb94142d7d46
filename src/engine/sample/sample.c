/*
 * sample.c
 *	  A bounded sample of the rows, as a set: what is in it, and in which
 *	  order, depends on the rows' content only.
 *
 * Equal rows are one row with the sum of their weights, so that copies and
 * weights are the same thing from here on.  Of more rows than the limit those
 * with the smallest hashes stay ("bottom-k" sampling, Cohen and Kaplan 2007),
 * which is a sample of the distinct rows whatever the order they come in.  Rows far from
 * all of these are a stratum of their own, of which more are in the sample than by chance;
 * and so are those that are there so often, or weigh so much, that they are a group by
 * themselves: all of these are.
 */
#include "engine/sample/sample_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core/linalg.h"
#include "engine/em/em.h"

/* Rows of each label, at the least, that a sample has place for */
#define LEAST_LABELLED 20

/* Place of the row from the end of a feature, in a sample, that others are far from */
#define SAMPLE_EXTREMES 3

/*
 * Rows for each of the few that are beside one that is far from all others, at least; and
 * how many are few, at least, of so many rows, or by weight, of which so many differ
 */
#define FEW_OF_ROWS 100
#define LEAST_FEW 5
#define LEAST_DISTINCT 32

/* Far rows that a sample has place for: these, and so many for each feature */
#define LEAST_FAR 20
#define FAR_PER_FEATURE 4

/*
 * The order of two rows by their values, the first that differ, a missing one (NaN)
 * last: below 0, above, or 0 if the rows are equal.
 */
int
mixture_compare_rows(const double *a, const double *b, int d)
{
	for (int j = 0; j < d; j++)
	{
		if (isnan(a[j]) != isnan(b[j]))
			return isnan(a[j]) ? 1 : -1;
		if (a[j] != b[j] && !isnan(a[j]))
			return a[j] < b[j] ? -1 : 1;
	}
	return 0;
}

/* By hash, then by content: 0 only if the rows are equal, whatever their labels. */
static int
compare_rows(const Entry *a, const Entry *b)
{
	uint64_t	hash_a,
				hash_b;
	int			equal = 1;

	if (a->hash != b->hash)
		return a->hash < b->hash ? -1 : 1;
	for (int j = 0; j < a->d && equal; j++)
		equal = a->row[j] == b->row[j] || (isnan(a->row[j]) && isnan(b->row[j]));
	if (equal)
		return 0;
	hash_a = mixture_content_hash(a->row, a->d);
	hash_b = mixture_content_hash(b->row, b->d);
	if (hash_a != hash_b)
		return hash_a < hash_b ? -1 : 1;
	return mixture_compare_rows(a->row, b->row, a->d);
}

/* The same, and of equal rows by label. */
int
taking_compare(const void *left, const void *right)
{
	const Entry *a = left;
	const Entry *b = right;
	int			order = compare_rows(a, b);

	return order != 0 ? order : a->label - b->label;
}

/*
 * Sort what has been taken, join equal rows and drop what is beyond the limits.
 */
void
taking_join_equal(Taking *taking)
{
	Entry	   *entries = taking->entries;
	int64_t		kept = 0;
	double		work = 0;

	sort_items(entries, taking->n, sizeof(Entry), taking_compare, taking->host);
	for (int i = 0; i < taking->n_strata; i++)
		taking->strata[i].n = 0;
	taking->sample->n_distinct = 0;
	for (int64_t i = 0; i < taking->n; i++)
	{
		Stratum    *stratum = &taking->strata[entries[i].stratum];

		if (kept > 0 && taking_compare(&entries[kept - 1], &entries[i]) == 0)
			entries[kept - 1].weight += entries[i].weight;
		else if (stratum->n < stratum->limit)
		{
			taking->sample->n_distinct +=
				kept == 0 || compare_rows(&entries[kept - 1], &entries[i]) != 0;
			stratum->n++;
			stratum->last = entries[i].hash;
			entries[kept++] = entries[i];
		}
		else
		{
			taking->sample->complete = false;
			stratum->threshold = stratum->last;
			if (taking->n_strata == 1)
				break;
		}
		linalg_look_after(taking->host, &work, 2 * taking->sample->d);
	}
	taking->n = kept;
}

/* Put the rows where the sample has them, in the entries' order. */
void
taking_put_rows(Taking *taking)
{
	Sample	   *sample = taking->sample;
	size_t		d = sample->d;
	double	   *rows = taking->spare;
	double		work = 0;

	for (int64_t i = 0; i < taking->n; i++)
	{
		memcpy(rows + i * d, taking->entries[i].row, d * sizeof(double));
		taking->entries[i].row = rows + i * d;
		linalg_look_after(taking->host, &work, d);
	}
	taking->spare = sample->rows;
	sample->rows = rows;
}

/* The extreme values of a feature, and the first rows that have them. */
typedef struct Extremes
{
	double		values[2];		/* least, most */
	int64_t		rows[2];		/* -1: the feature is missing everywhere */
} Extremes;

static void
find_extremes(const Taking *taking, Extremes *extremes)
{
	int			d = taking->sample->d;
	double		work = 0;

	for (int j = 0; j < d; j++)
		extremes[j] = (Extremes) {{INFINITY, -INFINITY}, {-1, -1}};
	for (int64_t i = 0; i < taking->n; i++)
	{
		const double *row = taking->entries[i].row;

		/* no comparison is true of what is missing */
		for (int j = 0; j < d; j++)
		{
			if (row[j] < extremes[j].values[0])
			{
				extremes[j].values[0] = row[j];
				extremes[j].rows[0] = i;
			}
			if (row[j] > extremes[j].values[1])
			{
				extremes[j].values[1] = row[j];
				extremes[j].rows[1] = i;
			}
		}
		linalg_look_after(taking->host, &work, d);
	}
}

/* Let an entry go to the others that are first. */
static void
move_first(Entry *entry, Entry *first, int64_t *n_first)
{
	first[(*n_first)++] = *entry;
	entry->d = 0;				/* it has gone */
}

/* Let the rows go there that are far from all but a few. */
static void
move_far(Taking *taking, Entry *first, int64_t *n_first, const MixtureHost *host)
{
	int			d = taking->sample->d;
	int64_t		few = taking->n / FEW_OF_ROWS;
	double		work = 0;
	double		weight = 0;
	FeatureRange box;

	for (int64_t i = 0; i < taking->n; i++)
		weight += taking->entries[i].weight;
	if (fmax((double) taking->n, weight) < FEW_OF_ROWS || taking->n < LEAST_DISTINCT)
		return;
	few = few < LEAST_FEW ? LEAST_FEW : few;
	box.least = host->allocate(host->context, 2 * (size_t) d * sizeof(double));
	box.most = box.least + d;
	taking_put_rows(taking);
	if (beyond_find(taking->sample->rows, taking->n, d,
					few < BEYOND_EXTREMES ? (int) few : BEYOND_EXTREMES,
					taking->sampling->range, &box, host))
		for (int64_t i = 0; i < taking->n; i++)
		{
			if (mixture_is_beyond(taking->entries[i].row, d, &box))
				move_first(&taking->entries[i], first, n_first);
			linalg_look_after(host, &work, d);
		}
	host->release(host->context, box.least);
}

/*
 * Put the rows that are far from all but a few before the others, and one with the least
 * and one with the largest value of each feature, so that whoever looks at the first rows
 * only sees those that are far from all.
 */
static void
put_far_first(Taking *taking, const MixtureHost *host)
{
	Entry	   *entries = taking->entries;
	int			d = taking->sample->d;
	Extremes   *extremes = host->allocate(host->context, d * sizeof(Extremes));
	Entry	   *first = host->allocate(host->context, taking->n * sizeof(Entry));
	int64_t		n_first = 0;
	int64_t		place = taking->n;

	find_extremes(taking, extremes);
	move_far(taking, first, &n_first, host);
	taking->sample->n_far = n_first;
	for (int j = 0; j < d; j++)
	{
		for (int end = 0; end < 2; end++)
		{
			int64_t		row = extremes[j].rows[end];
			bool		there = row < 0;

			for (int64_t i = 0; i < n_first && !there; i++)
				there = first[i].row[j] == extremes[j].values[end];
			if (!there)
				move_first(&entries[row], first, &n_first);
		}
		host->check_interrupts(host->context);
	}
	/* the others move up, the last of them first */
	for (int64_t i = taking->n - 1; i >= 0; i--)
		if (entries[i].d > 0)
			entries[--place] = entries[i];
	memcpy(entries, first, n_first * sizeof(Entry));
	host->release(host->context, first);
	host->release(host->context, extremes);
}

/* The label of a block's row. */
int
taking_label(const Taking *taking, const MixtureBlock *block, int row)
{
	return block->labels != NULL && block->labels[row] <= taking->n_labels ?
		(int) block->labels[row] : 0;
}

/* The stratum of a block's row; one that is far is in the last. */
static int
block_stratum(const Taking *taking, const MixtureBlock *block, int row)
{
	return taking->box != NULL ? taking->n_strata - 1 : taking_label(taking, block, row);
}

/* Copy the rows of a block that are wanted to where the sample has them. */
static void
keep_rows(Taking *taking, const MixtureBlock *block, const int *wanted, int n_wanted,
		  const uint64_t *hashes)
{
	int			d = taking->sample->d;
	double	   *kept = taking->sample->rows + taking->n * d;

	for (int start = 0; start < n_wanted; start += MIXTURE_LANES)
	{
		int			end = n_wanted - start < MIXTURE_LANES ? n_wanted : start + MIXTURE_LANES;

		for (int j = 0; j < d; j++)
		{
			const double *feature = block->features + (size_t) j * block->stride;

			for (int i = start; i < end; i++)
				kept[(size_t) i * d + j] = feature[wanted[i]];
		}
	}
	for (int i = 0; i < n_wanted; i++)
		taking->entries[taking->n++] = (Entry) {
			hashes[wanted[i]], kept + (size_t) i * d, block->weights[wanted[i]],
			taking_label(taking, block, wanted[i]), block_stratum(taking, block, wanted[i]), d
		};
}

/* Offer the rows of a block to the sample: the far ones, if there is a box. */
static void
take_block(Taking *taking, const MixtureBlock *block)
{
	const MixtureSampling *sampling = taking->sampling;
	int			d = taking->sample->d;
	uint64_t	hashes[MIXTURE_BLOCK_ROWS];
	int			wanted[MIXTURE_BLOCK_ROWS];
	int			n_wanted = 0;
	bool		far[MIXTURE_BLOCK_ROWS];

	row_hashes_of_block(block, d, sampling->range, sampling->seed, hashes);
	if (taking->box != NULL)
		beyond_mark(block, d, taking->box, far);
	for (int i = 0; i < block->n_rows; i++)
	{
		Stratum    *stratum = &taking->strata[block_stratum(taking, block, i)];

		if (!(block->weights[i] > 0) || (taking->box != NULL && !far[i]))
			continue;
		stratum->weight += block->weights[i];
		if (taking->box != NULL)	/* it was counted with its label before */
			taking->strata[taking_label(taking, block, i)].weight -= block->weights[i];
		if (hashes[i] > stratum->threshold)
			continue;
		if (taking->n + n_wanted == taking->capacity)
		{
			keep_rows(taking, block, wanted, n_wanted, hashes);
			n_wanted = 0;
			taking_join_equal(taking);
			taking_put_rows(taking);
			if (hashes[i] > stratum->threshold)
				continue;
		}
		wanted[n_wanted++] = i;
	}
	keep_rows(taking, block, wanted, n_wanted, hashes);
}

/*
 * Distinct rows of each label that a sample has place for, which has place for
 * `limit` without one: as many together, or the least that there may be.
 */
static int64_t
label_limit(int64_t limit, int n_labels)
{
	int64_t		share = n_labels == 0 ? 0 : limit / n_labels;

	return share > LEAST_LABELLED ? share : LEAST_LABELLED;
}

/*
 * Let there be a stratum for rows without a label, and one for each label up to
 * n_labels; and place for two more.
 */
static void
begin_strata(Taking *taking, int n_labels, int64_t limit, const MixtureHost *host)
{
	taking->n_labels = n_labels;
	taking->n_strata = n_labels + 1;
	taking->strata = host->allocate(host->context, (taking->n_strata + 2) * sizeof(Stratum));
	taking->strata[0] = (Stratum) {.limit = limit, .threshold = UINT64_MAX};
	for (int label = 1; label <= n_labels; label++)
	{
		taking->strata[label] = taking->strata[0];
		taking->strata[label].limit = label_limit(limit, n_labels);
	}
}

/* Rows that all strata have place for. */
static int64_t
strata_limit(const Taking *taking)
{
	int64_t		limit = 0;

	for (int label = 0; label < taking->n_strata; label++)
		limit += taking->strata[label].limit;
	return limit;
}

/*
 * Let the rows of every stratum have the share of the sample's weight that they have
 * of the weight of all.
 */
static void
balance_strata(Taking *taking, const MixtureHost *host)
{
	double	   *factors;
	double		most = 0;

	if (taking->n_strata == 1 || taking->sample->complete)
		return;
	factors = host->allocate(host->context, taking->n_strata * sizeof(double));
	for (int i = 0; i < taking->n_strata; i++)
		factors[i] = 0;
	for (int64_t i = 0; i < taking->n; i++)
		factors[taking->entries[i].stratum] += taking->entries[i].weight;
	for (int i = 0; i < taking->n_strata; i++)
	{
		if (factors[i] > 0)
			factors[i] = taking->strata[i].weight / factors[i];
		if (factors[i] > most)
			most = factors[i];
	}
	for (int64_t i = 0; i < taking->n; i++)
		taking->entries[i].weight *= factors[taking->entries[i].stratum] / most;
	host->release(host->context, factors);
}

/* Allocate what a sample needs while it is taken, and its rows: of all rows of a source. */
static void
begin_taking(Taking *taking, const MixtureSource *source, const MixtureHost *host)
{
	size_t		size;

	begin_strata(taking, source->n_labels, taking->sampling->limit, host);
	taking->capacity = 2 * strata_limit(taking);
	if (taking->capacity > source->n_rows)
		taking->capacity = source->n_rows;
	size = taking->capacity * (size_t) source->d * sizeof(double);
	taking->sample->rows = host->allocate(host->context, size);
	taking->spare = host->allocate(host->context, size);
	taking->entries = host->allocate(host->context, taking->capacity * sizeof(Entry));
}

/* Take the rows of all blocks, less the center if that is not NULL. */
static void
take_rows(Taking *taking, const MixtureSource *source, const MixtureHost *host)
{
	const double *center = taking->sampling->center;
	double	   *features = center == NULL ? NULL :
		host->allocate(host->context, (size_t) source->d * MIXTURE_BLOCK_ROWS * sizeof(double));

	for (int64_t number = 0; number < source->n_blocks; number++)
	{
		MixtureBlock block;

		source_block(source, number, &block);
		if (center != NULL)
			center_block(center, source->d, &block, features);
		take_block(taking, &block);
		host->check_interrupts(host->context);
		if (number % REPORT_BLOCKS == 0)
			progress_reading(host);
	}
	taking_join_equal(taking);
	if (features != NULL)
		host->release(host->context, features);
}

/*
 * Rows of a source that can be read block by block: all that sampling asks for.  Returns
 * whether they are all rows.
 */
bool
taking_find_rows(const MixtureSource *source, const MixtureSampling *sampling,
				 MixtureSource *rows, const MixtureHost *host)
{
	*rows = *source;
	if (source->block != NULL)
		return true;
	progress_reading(host);
	return source->candidates(source->context, sampling, rows);
}

/* Take the rows that are far from all that have been taken, as a stratum of their own. */
static void
take_beyond(Taking *taking, const MixtureSource *source, const FeatureRange *box,
			const MixtureHost *host)
{
	MixtureSampling beyond = *taking->sampling;
	MixtureSource rows;
	int			d = source->d;
	int64_t		limit = beyond.limit / 2;	/* there is room for twice the limit */
	int64_t		n_near = 0;

	for (int64_t i = 0; i < taking->n; i++)
		if (!mixture_is_beyond(taking->entries[i].row, d, box))
			taking->entries[n_near++] = taking->entries[i];
	taking->n = n_near;
	taking_put_rows(taking);
	if (limit > LEAST_FAR + FAR_PER_FEATURE * (int64_t) d)
		limit = LEAST_FAR + FAR_PER_FEATURE * (int64_t) d;
	taking->strata[taking->n_strata++] = (Stratum) {.limit = limit, .threshold = UINT64_MAX};
	taking->box = beyond.box = box;
	(void) taking_find_rows(source, &beyond, &rows, host);
	take_rows(taking, &rows, host);
	taking->box = NULL;
}

/*
 * Take the rows that are far from all that have been taken, if there are any, and those
 * that have been taken with them.  Returns whether there are: beyond box, then.
 */
static bool
take_far(Taking *taking, const MixtureSource *source, FeatureRange *box,
		 const MixtureHost *host)
{
	taking_put_rows(taking);
	if (!beyond_find(taking->sample->rows, taking->n, source->d, SAMPLE_EXTREMES,
					 taking->sampling->range, box, host))
		return false;
	take_beyond(taking, source, box, host);
	return true;
}

/* Put what has been taken into the sample, with labels or without, and release the rest. */
static void
end_taking(Taking *taking, bool labelled, const MixtureHost *host)
{
	Sample	   *sample = taking->sample;
	int64_t		padded = sample_padded(taking->n);

	sample->n_rows = taking->n;
	sample->labels = labelled ? host->allocate(host->context, taking->n * sizeof(int)) : NULL;
	sample->weights = host->allocate(host->context, padded * sizeof(double));
	sample->hashes = host->allocate(host->context, taking->n * sizeof(uint64_t));
	for (int64_t i = 0; i < padded; i++)
		sample->weights[i] = i < taking->n ? taking->entries[i].weight : 0;
	for (int64_t i = 0; i < taking->n && labelled; i++)
		sample->labels[i] = taking->entries[i].label;
	taking_put_rows(taking);
	host->release(host->context, taking->spare);
	host->release(host->context, taking->entries);
	host->release(host->context, taking->strata);
}

/*
 * Take a sample of at most limit distinct rows of positive weight, and of some that are
 * far from these, less the center if that is not NULL (the range is of what is left
 * then).  Where features are missing, sample_fill() is to follow before seeds are drawn.
 * The arrays come from the host; sample_release() gives them back.
 */
void
sample_take(Sample *sample, const MixtureSource *source, const double *center,
			const FeatureRange *range, int64_t limit, uint64_t seed,
			const MixtureHost *host)
{
	MixtureSampling sampling = {
		center, range, seed, limit, label_limit(limit, source->n_labels), NULL, 0
	};
	MixtureSource rows;
	bool		all = taking_find_rows(source, &sampling, &rows, host);
	Taking		taking = {.host = host,.sampling = &sampling,.sample = sample};
	FeatureRange box;

	sample->d = source->d;
	sample->complete = all;
	begin_taking(&taking, source, host);
	take_rows(&taking, &rows, host);
	for (int label = 0; label < taking.n_strata && rows.label_weights != NULL; label++)
		taking.strata[label].weight = rows.label_weights[label];
	box.least = host->allocate(host->context, 2 * (size_t) source->d * sizeof(double));
	box.most = box.least + source->d;
	if (!sample->complete)
	{
		const MixtureSource *others = all ? &rows : source;
		bool		far = take_far(&taking, others, &box, host);

		repeats_take(&taking, others, far ? &box : NULL, host);
	}
	host->release(host->context, box.least);
	balance_strata(&taking, host);
	put_far_first(&taking, host);
	end_taking(&taking, source->n_labels > 0, host);
	sample_make_blocks(sample, host);
	row_hashes_of_sample(sample, range, seed, host);
}

/* A sample of no rows, where there is nothing to search for among them. */
void
sample_none(Sample *sample, int d)
{
	memset(sample, 0, sizeof(*sample));
	sample->d = d;
	sample->blocks.d = d;
	sample_source(&sample->blocks, &sample->source);
}

/* Give back a sample and what its rows lie in. */
void
sample_release(Sample *sample, const MixtureHost *host)
{
	if (sample->rows == NULL)
		return;
	sample_release_blocks(sample, host);
	if (sample->labels != NULL)
		host->release(host->context, sample->labels);
	host->release(host->context, sample->hashes);
	host->release(host->context, sample->weights);
	host->release(host->context, sample->rows);
}
