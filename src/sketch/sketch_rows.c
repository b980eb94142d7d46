/*
 * sketch_rows.c
 *	  The rows of a sketch: of all distinct ones those with the smallest hashes.
 *
 * A "bottom-k" sample (Cohen and Kaplan 2007).  What is kept of a set of rows
 * does not depend on the order in which they come, nor on the parts in which
 * they are sketched before these are merged: a row that is among the smallest
 * of all is among those of every part that it occurs in.  So it is never given
 * up before the end, and the number of its copies and their weight are exact.
 *
 * Rows come into a buffer twice as large as what is kept.  When it is full, it
 * is sorted, equal rows are joined, and what is beyond the size goes.
 *
 * The hash is one of the row's content.  It must not depend on anything else,
 * so other than that of a fit's sample it does not go with the units.
 */
#include "postgres.h"

#include <math.h>

#include "access/tupmacs.h"
#include "common/int.h"
#include "miscadmin.h"
#include "utils/float.h"
#include "utils/memutils.h"

#include "compat.h"
#include "host/engine_host.h"
#include "sketch/sketch.h"
#include "sketch/sketch_private.h"

/* Rows of a new buffer */
#define FIRST_CAPACITY	16

/* Report a size that a sketch of d features cannot have. */
void
gmm_sketch_check_shape(int64 size, int d)
{
	int			most = Min(GMM_SKETCH_MAX_SIZE, GMM_SKETCH_MAX_VALUES / d);

	if (size < 1 || size > most)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("size must be from 1 to %d, not " INT64_FORMAT, most, size),
				 errhint("size is the number of distinct rows that a sketch keeps.")));
}

/* Covariances and variances that are kept of d features. */
int
gmm_sketch_n_seconds(int d)
{
	return d > GMM_SKETCH_COVARIANCE_D ? 0 : d * (d + 1) / 2;
}

/*
 * By hash, then by content: 0 only if the rows are equal.  There may be millions, and
 * PostgreSQL's qsort() owns no memory and has every item somewhere, so one may leave.
 */
static int
compare_entries(const void *left, const void *right)
{
	const GmmSketchEntry *a = left;
	const GmmSketchEntry *b = right;

	CHECK_FOR_INTERRUPTS();
	if (a->hash != b->hash)
		return a->hash < b->hash ? -1 : 1;
	return mixture_compare_rows(a->row, b->row, a->d);
}

/* Room for so many rows, in the object's context, which is current. */
static void
allocate_rows(GmmSketch *sketch, int capacity)
{
	sketch->capacity = capacity;
	sketch->entries = palloc_extended(sizeof(GmmSketchEntry) * (Size) capacity, MCXT_ALLOC_HUGE);
	sketch->rows = palloc_extended(sizeof(double) * (Size) capacity * (Size) sketch->d,
								   MCXT_ALLOC_HUGE);
	exact_begin(&sketch->sums[GMM_SKETCH_WEIGHTS], capacity);
}

/* A sketch of no rows, below the given context. */
GmmSketch *
gmm_sketch_create(MemoryContext parent, int size, int d)
{
	MemoryContext context = AllocSetContextCreate(parent, "gmm sketch",
												  ALLOCSET_START_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	GmmSketch  *sketch = palloc0(sizeof(GmmSketch));

	gmm_sketch_init_header(sketch, context);
	sketch->size = size;
	sketch->d = d;
	sketch->threshold = PG_UINT64_MAX;
	sketch->compact = true;
	exact_begin(&sketch->sums[GMM_SKETCH_TOTALS], 2);
	exact_begin(&sketch->sums[GMM_SKETCH_FIRSTS], d);
	exact_begin(&sketch->sums[GMM_SKETCH_SECONDS], gmm_sketch_n_seconds(d));
	allocate_rows(sketch, Min(FIRST_CAPACITY, 2 * size));
	MemoryContextSwitchTo(caller);
	return sketch;
}

/* Count more rows, of which there cannot be more than a bigint holds. */
static void
count_rows(int64 *n, int64 more)
{
	if (pg_add_s64_overflow(*n, more, n))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("the number of rows of the sketch is out of range for type bigint")));
}

/* The weight of all copies of kept row i, which is refused where it is no double. */
double
gmm_sketch_weight(const GmmSketch *sketch, int i)
{
	double		weight = exact_round(&sketch->sums[GMM_SKETCH_WEIGHTS], sketch->entries[i].slot);
	MixtureError error = {0};

	if (!isfinite(weight))
		gmm_report_status(MIXTURE_WEIGHT_RANGE, 0, NULL, &error);
	return weight;
}

/* How many of the entries, which are sorted, differ; no more than the size. */
static int
count_distinct(const GmmSketch *sketch)
{
	int			n = 0;

	for (int i = 0; i < sketch->n && n < sketch->size; i++)
		n += i == 0 || compare_entries(&sketch->entries[i - 1], &sketch->entries[i]) != 0;
	return n;
}

/* Join equal entries, which are sorted, up to the size, into another sketch's. */
static void
join_entries(const GmmSketch *sketch, GmmSketch *next)
{
	Size		d = sketch->d;

	next->n = 0;
	for (int i = 0; i < sketch->n; i++)
	{
		const GmmSketchEntry *entry = &sketch->entries[i];

		if (i > 0 && compare_entries(entry - 1, entry) == 0)
			count_rows(&next->entries[next->n - 1].count, entry->count);
		else if (next->n < sketch->size)
		{
			double	   *row = next->rows + next->n * d;

			memcpy(row, entry->row, d * sizeof(double));
			next->entries[next->n] = *entry;
			next->entries[next->n].row = row;
			next->entries[next->n].slot = next->n;
			next->n++;
		}
		else
		{
			next->truncated = true;
			break;
		}
		exact_add_sum(&next->sums[GMM_SKETCH_WEIGHTS], next->n - 1,
					  &sketch->sums[GMM_SKETCH_WEIGHTS], entry->slot, false, &gmm_host);
	}
	if (next->truncated && next->n == sketch->size)
		next->threshold = next->entries[next->n - 1].hash;
}

/*
 * Sort the entries, join equal ones and give up those beyond the size.  Until all is
 * done the sketch is what it was, but for the order, so that an error does it no harm.
 */
void
gmm_sketch_compact(GmmSketch *sketch)
{
	GmmSketch	next;
	MemoryContext caller;
	int			n;
	int			capacity = sketch->capacity;

	if (sketch->compact)
		return;
	caller = MemoryContextSwitchTo(sketch->header.eoh_context);
	qsort(sketch->entries, sketch->n, sizeof(GmmSketchEntry), compare_entries);
	n = count_distinct(sketch);
	if (n > capacity / 2)
		capacity = (int) Min((int64) capacity * 2, (int64) sketch->size * 2);
	next = *sketch;
	allocate_rows(&next, Max(capacity, n + 1));
	join_entries(sketch, &next);
	next.compact = true;
	exact_release(&sketch->sums[GMM_SKETCH_WEIGHTS], &gmm_host);
	pfree(sketch->entries);
	pfree(sketch->rows);
	*sketch = next;
	MemoryContextSwitchTo(caller);
}

/* The place for another row's values. */
static double *
next_row(GmmSketch *sketch)
{
	if (sketch->n == sketch->capacity)
	{
		sketch->compact = false;
		gmm_sketch_compact(sketch);
	}
	return sketch->rows + (Size) sketch->n * sketch->d;
}

/*
 * Make an entry of the row in the next place, whose weight, sum i of an array
 * or what it is as a double, has not been noted yet.  The object's context is current.
 */
static void
enter_row(GmmSketch *sketch, uint64 hash, int64 count, const ExactSums *weights, int i,
		  double weight)
{
	ExactSums  *own = &sketch->sums[GMM_SKETCH_WEIGHTS];
	int			slot = sketch->n;

	/* what was there before goes */
	if (own->words > 0)
		memset(own->values + (Size) slot * own->words, 0, own->words * sizeof(uint64));
	if (weights != NULL)
		exact_add_sum(own, slot, weights, i, false, &gmm_host);
	else
		exact_add(own, slot, weight, &gmm_host);
	sketch->entries[slot] = (GmmSketchEntry) {
		hash, sketch->rows + (Size) slot * sketch->d, count, slot, sketch->d
	};
	sketch->n++;
	sketch->compact = false;
}

/*
 * Add a row, which has a value at least, with a finite weight above 0.
 * values, observed: as gmm_rowstore_append() has them.
 */
void
gmm_sketch_add(GmmSketch *sketch, const double *values, const uint8 *observed,
			   double weight)
{
	MemoryContext caller = MemoryContextSwitchTo(sketch->header.eoh_context);
	double	   *row = next_row(sketch);
	uint64		hash;

	/* adding 0 makes 0 of -0 */
	for (int j = 0; j < sketch->d; j++)
		row[j] = observed != NULL && att_isnull(j, observed) ? get_float8_nan() :
			*values++ + 0.0;
	count_rows(&sketch->n_rows, 1);
	if (observed != NULL)
		sketch->n_incomplete++;
	else
		exact_add_moments(&sketch->sums[GMM_SKETCH_FIRSTS], &sketch->sums[GMM_SKETCH_SECONDS],
						  row, sketch->d, weight, &gmm_host);
	exact_add(&sketch->sums[GMM_SKETCH_TOTALS], observed != NULL, weight, &gmm_host);
	hash = mixture_content_hash(row, sketch->d);
	if (hash <= sketch->threshold)
		enter_row(sketch, hash, 1, NULL, 0, weight);
	MemoryContextSwitchTo(caller);
}

/* Add a row of another sketch, but not to the moments. */
void
gmm_sketch_put(GmmSketch *sketch, const double *row, int64 count, const ExactSums *weights,
			   int i)
{
	MemoryContext caller = MemoryContextSwitchTo(sketch->header.eoh_context);
	uint64		hash = mixture_content_hash(row, sketch->d);

	if (hash <= sketch->threshold)
	{
		memcpy(next_row(sketch), row, sketch->d * sizeof(double));
		enter_row(sketch, hash, count, weights, i, 0);
	}
	MemoryContextSwitchTo(caller);
}

/* Add another sketch, of as many features; the smaller size becomes that of both. */
void
gmm_sketch_merge(GmmSketch *sketch, GmmSketch *other)
{
	MemoryContext caller;

	if (sketch->d != other->d)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("sketches of %d and of %d features cannot be merged",
						sketch->d, other->d)));
	gmm_sketch_compact(other);
	sketch->size = Min(sketch->size, other->size);
	sketch->truncated = sketch->truncated || other->truncated;
	sketch->compact = false;
	count_rows(&sketch->n_rows, other->n_rows);
	count_rows(&sketch->n_incomplete, other->n_incomplete);
	for (int i = 0; i < other->n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		gmm_sketch_put(sketch, other->entries[i].row, other->entries[i].count,
					   &other->sums[GMM_SKETCH_WEIGHTS], other->entries[i].slot);
	}
	caller = MemoryContextSwitchTo(sketch->header.eoh_context);
	for (int array = 0; array < GMM_SKETCH_WEIGHTS; array++)
		exact_merge(&sketch->sums[array], &other->sums[array], &gmm_host);
	MemoryContextSwitchTo(caller);
}
