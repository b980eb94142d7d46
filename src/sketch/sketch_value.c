/*
 * sketch_value.c
 *	  The gmm_sketch datum: flat and expanded, and what is checked of it.
 *
 * What comes from outside (binary, and text, which is the same) is validated
 * where it enters: it must be what a sketch of some rows can be, in the one
 * form that it has.  What is read from a table is checked for what memory
 * accesses depend on.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/float.h"
#include "utils/memutils.h"

#include "compat.h"
#include "host/engine_host.h"
#include "model/model.h"
#include "sketch/sketch.h"
#include "sketch/sketch_private.h"

#define EXPANDED_MAGIC		0x676d6d6b

/* How many sums an array has in a sketch of n rows of d features. */
static Size
count_sums(int d, int n, int array)
{
	switch (array)
	{
		case GMM_SKETCH_TOTALS:
			return 2;
		case GMM_SKETCH_FIRSTS:
			return d;
		case GMM_SKETCH_SECONDS:
			return gmm_sketch_n_seconds(d);
		default:
			return n;
	}
}

/* The size of a flat sketch; its shape and its extents have been checked. */
Size
gmm_sketch_flat_size(int d, int n, const GmmSketchExtent *extents)
{
	/* At most 2^25 values, 10^6 counts, and 102 words for as many sums: no overflow */
	Size		values = (Size) n * d + n;

	for (int array = 0; array < GMM_SKETCH_N_SUMS; array++)
		values += extents[array].words * count_sums(d, n, array);
	return offsetof(GmmFlatSketch, values) + values * sizeof(double);
}

/* --- flat from expanded --------------------------------------------------------- */

/* Find the extents of a compact sketch; returns its flat size. */
static Size
find_extents(const GmmSketch *sketch, GmmSketchExtent *extents)
{
	for (int array = 0; array < GMM_SKETCH_N_SUMS; array++)
	{
		ExactSums	sums = sketch->sums[array];
		int			low;
		int			words;

		/* slots beyond the rows have what was in them before */
		sums.n = (int) count_sums(sketch->d, sketch->n, array);
		exact_extent(&sums, &low, &words);
		extents[array].low = low;
		extents[array].words = words;
	}
	return gmm_sketch_flat_size(sketch->d, sketch->n, extents);
}

static Size
get_flat_size(ExpandedObjectHeader *header)
{
	GmmSketch  *sketch = (GmmSketch *) header;
	GmmSketchExtent extents[GMM_SKETCH_N_SUMS];
	Size		size;

	gmm_sketch_compact(sketch);
	size = find_extents(sketch, extents);
	if (!AllocSizeIsValid(size))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a sketch of %zu bytes is too large", size),
				 errhint("Use a smaller size.")));
	return size;
}

static void
flatten_into(ExpandedObjectHeader *header, void *result, Size allocated_size)
{
	GmmSketch  *sketch = (GmmSketch *) header;
	GmmFlatSketch *flat = result;
	Size		d = sketch->d;
	int64	   *counts;
	uint64	   *words;

	/* Padding too, so that equal sketches are equal bytes */
	memset(flat, 0, offsetof(GmmFlatSketch, values));
	SET_VARSIZE(flat, allocated_size);
	flat->version = GMM_SKETCH_VERSION;
	flat->flags = sketch->truncated ? GMM_SKETCH_TRUNCATED : 0;
	flat->size = sketch->size;
	flat->d = sketch->d;
	flat->n = sketch->n;
	flat->n_rows = sketch->n_rows;
	flat->n_incomplete = sketch->n_incomplete;
	if (find_extents(sketch, flat->extents) != allocated_size)
		elog(ERROR, "gmm_sketch changed while it was flattened");
	counts = (int64 *) (flat->values + sketch->n * d);
	for (int i = 0; i < sketch->n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		memcpy(flat->values + i * d, sketch->entries[i].row, d * sizeof(double));
		counts[i] = sketch->entries[i].count;
	}
	words = (uint64 *) (counts + sketch->n);
	for (int array = 0; array < GMM_SKETCH_N_SUMS; array++)
	{
		ExactSums	sums = sketch->sums[array];

		sums.n = (int) count_sums(sketch->d, sketch->n, array);
		exact_write(&sums, flat->extents[array].low, flat->extents[array].words, words);
		words += (Size) sums.n * flat->extents[array].words;
	}
}

static const ExpandedObjectMethods sketch_methods = {get_flat_size, flatten_into};

/* Make a sketch, whose memory is in the context, an expanded object. */
void
gmm_sketch_init_header(GmmSketch *sketch, MemoryContext context)
{
	EOH_init_header(&sketch->header, &sketch_methods, context);
	sketch->magic = EXPANDED_MAGIC;
}

/* The flat form, palloc'd. */
GmmFlatSketch *
gmm_sketch_flatten(GmmSketch *sketch)
{
	Size		size = get_flat_size(&sketch->header);
	GmmFlatSketch *flat = palloc(size);

	flatten_into(&sketch->header, flat, size);
	return flat;
}

/* --- expanded from flat ----------------------------------------------------------- */

/* Whether flags, shape and extents are ones that a sketch may have. */
bool
gmm_sketch_header_allowed(const GmmFlatSketch *header)
{
	bool		allowed = (header->flags & ~GMM_SKETCH_TRUNCATED) == 0 &&
		header->d >= 1 && header->d <= MIXTURE_MAX_DIMENSIONS && header->size >= 1 &&
		header->size <= Min(GMM_SKETCH_MAX_SIZE, GMM_SKETCH_MAX_VALUES / header->d) &&
		header->n >= 1 && header->n <= header->size;

	for (int array = 0; array < GMM_SKETCH_N_SUMS; array++)
	{
		const GmmSketchExtent *extent = &header->extents[array];

		allowed = allowed && extent->low >= EXACT_LEAST_LOW && extent->low <= EXACT_MOST_HIGH &&
			extent->words >= 0 && extent->words <= EXACT_MOST_HIGH - extent->low;
	}
	return allowed;
}

/* Check the header of a flat sketch. */
static void
check_header(const GmmFlatSketch *flat)
{
	Size		size = VARSIZE(flat);

	gmm_check_stored("gmm_sketch", size, offsetof(GmmFlatSketch, values), &flat->version,
					 GMM_SKETCH_VERSION);
	if (!gmm_sketch_header_allowed(flat) ||
		size != gmm_sketch_flat_size(flat->d, flat->n, flat->extents))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("gmm_sketch of %zu bytes does not agree with its header", size),
				 errdetail("The header says size = %d, d = %d and %d rows.",
						   flat->size, flat->d, flat->n)));
}

/* A flat sketch, whose header is right, as an object below the context. */
static GmmSketch *
expand(const GmmFlatSketch *flat, MemoryContext context)
{
	GmmSketch  *sketch = gmm_sketch_create(context, flat->size, flat->d);
	Size		d = flat->d;
	const int64 *counts = (const int64 *) (flat->values + flat->n * d);
	const uint64 *words = (const uint64 *) (counts + flat->n);
	MemoryContext caller = MemoryContextSwitchTo(sketch->header.eoh_context);
	ExactSums	weights;

	sketch->n_rows = flat->n_rows;
	sketch->n_incomplete = flat->n_incomplete;
	for (int array = 0; array < GMM_SKETCH_N_SUMS; array++)
	{
		int			n = (int) count_sums(flat->d, flat->n, array);

		exact_read(array == GMM_SKETCH_WEIGHTS ? &weights : &sketch->sums[array], n,
				   flat->extents[array].low, flat->extents[array].words, words, &gmm_host);
		words += (Size) n * flat->extents[array].words;
	}
	for (int i = 0; i < flat->n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		gmm_sketch_put(sketch, flat->values + i * d, counts[i], &weights, i);
	}
	exact_release(&weights, &gmm_host);
	gmm_sketch_compact(sketch);
	sketch->truncated = (flat->flags & GMM_SKETCH_TRUNCATED) != 0;
	if (sketch->truncated && sketch->n == sketch->size)
		sketch->threshold = sketch->entries[sketch->n - 1].hash;
	MemoryContextSwitchTo(caller);
	return sketch;
}

/* The expanded object that a datum is, or NULL. */
static GmmSketch *
expanded_sketch(Datum datum)
{
	GmmSketch  *sketch;

	if (!VARATT_IS_EXTERNAL_EXPANDED(DatumGetPointer(datum)))
		return NULL;
	sketch = (GmmSketch *) DatumGetEOHP(datum);
	if (sketch->magic != EXPANDED_MAGIC)
		elog(ERROR, "expanded object is not a gmm_sketch");
	return sketch;
}

/*
 * Read a sketch, flat or expanded: compact, and not to be added to.  This is
 * the only door for C code, and where older versions of the format will be
 * upgraded.  What has to be made is below CurrentMemoryContext.
 */
GmmSketch *
gmm_sketch_read(Datum datum)
{
	GmmSketch  *sketch = expanded_sketch(datum);

	if (sketch == NULL)
	{
		GmmFlatSketch *flat = (GmmFlatSketch *) PG_DETOAST_DATUM(datum);

		check_header(flat);
		sketch = expand(flat, CurrentMemoryContext);
	}
	gmm_sketch_compact(sketch);
	return sketch;
}

/* A sketch that this call may change: the aggregate's own, or a copy below the context. */
GmmSketch *
gmm_sketch_writable(Datum datum, MemoryContext context)
{
	GmmSketch  *sketch = expanded_sketch(datum);
	GmmFlatSketch *flat;

	if (sketch != NULL && VARATT_IS_EXTERNAL_EXPANDED_RW(DatumGetPointer(datum)))
		return sketch;
	flat = sketch != NULL ? gmm_sketch_flatten(sketch) :
		(GmmFlatSketch *) PG_DETOAST_DATUM(datum);
	check_header(flat);
	return expand(flat, context);
}

/* --- what comes from outside ----------------------------------------------------------- */

/* An error for the user; of a function that returns false where it is soft. */
#define return_rule(escontext, rule) \
	ereturn(escontext, false, \
			(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION), \
			 errmsg("invalid gmm_sketch: %s", rule)))

/* Check the values of a row; false after a soft error, here and below. */
static bool
check_row(const double *row, int d, Node *escontext)
{
	bool		empty = true;

	for (int j = 0; j < d; j++)
	{
		if (isinf(row[j]) || (row[j] == 0 && signbit(row[j])))
			return_rule(escontext, "a value is infinite or -0");
		empty = empty && isnan(row[j]);
	}
	if (empty)
		return_rule(escontext, "a row has no value");
	return true;
}

/* Check that no sum of the counts leaves the range. */
static bool
check_counts(const GmmFlatSketch *flat, Node *escontext)
{
	const int64 *counts = (const int64 *) (flat->values + flat->n * (Size) flat->d);
	int64		left = flat->n_rows;

	for (int i = 0; i < flat->n; i++)
	{
		if (counts[i] < 1 || counts[i] > left)
			return_rule(escontext, "rows are counted wrongly");
		left -= counts[i];
	}
	return true;
}

/*
 * Check counts and weights of the rows against those of all, of which left and rest
 * are what remains when these are subtracted: first of the rows without NULL, then
 * of those with.
 */
static bool
check_rest(const GmmSketch *sketch, const int64 *left, const ExactSums *rest,
		   Node *escontext)
{
	bool		any = left[0] > 0 || left[1] > 0;

	for (int kind = 0; kind < 2; kind++)
		if (exact_sign(rest, kind) != (left[kind] > 0))
			return_rule(escontext, "the rows that are kept are not those of all");
	if (any != sketch->truncated || (any && sketch->n < sketch->size))
		return_rule(escontext, "the rows that are kept are not those of all");
	return true;
}

/* Check weights and counts of a sketch against those of all rows; rest: 2 sums of 0. */
static bool
check_kept(const GmmSketch *sketch, ExactSums *rest, Node *escontext)
{
	const ExactSums *totals = &sketch->sums[GMM_SKETCH_TOTALS];
	int64		left[2] = {sketch->n_rows - sketch->n_incomplete, sketch->n_incomplete};

	if (sketch->n_incomplete < 0 || sketch->n_incomplete > sketch->n_rows ||
		exact_sign(totals, 0) != (left[0] > 0) || exact_sign(totals, 1) != (left[1] > 0))
		return_rule(escontext, "rows with NULL are counted wrongly");
	exact_merge(rest, totals, &gmm_host);
	for (int i = 0; i < sketch->n; i++)
	{
		const GmmSketchEntry *entry = &sketch->entries[i];
		int			kind = 0;

		for (int j = 0; j < sketch->d; j++)
			kind |= isnan(entry->row[j]);
		if (entry->count > left[kind])
			return_rule(escontext, "rows are counted wrongly");
		left[kind] -= entry->count;
		if (exact_sign(&sketch->sums[GMM_SKETCH_WEIGHTS], i) <= 0)
			return_rule(escontext, "a weight is not above 0");
		exact_add_sum(rest, kind, &sketch->sums[GMM_SKETCH_WEIGHTS], i, true, &gmm_host);
	}
	return check_rest(sketch, left, rest, escontext);
}

/* Check the sums of a sketch, and whether the flat form is the one that it has. */
static bool
check_expanded(GmmSketch *sketch, const GmmFlatSketch *flat, Node *escontext)
{
	const ExactSums *seconds = &sketch->sums[GMM_SKETCH_SECONDS];
	GmmFlatSketch *canonical;
	ExactSums	rest;
	bool		sound;

	if (sketch->n != flat->n)
		return_rule(escontext, "two rows are equal");
	exact_begin(&rest, 2);
	sound = check_kept(sketch, &rest, escontext);
	exact_release(&rest, &gmm_host);
	if (!sound)
		return false;
	for (int j = 0; j < sketch->d && seconds->n > 0; j++)
		if (exact_sign(seconds, j * (j + 1) / 2 + j) < 0)
			return_rule(escontext, "a sum of squares is negative");
	/* order, extents, and whatever else there is one form of */
	canonical = gmm_sketch_flatten(sketch);
	sound = VARSIZE(canonical) == VARSIZE(flat) && memcmp(canonical, flat, VARSIZE(flat)) == 0;
	pfree(canonical);
	if (!sound)
		return_rule(escontext, "it is not in the form that sketches have");
	return true;
}

/*
 * Check a flat sketch that came from outside and whose size is right; its rows
 * have NaN, of whatever bits, for NULL.  Errors go to escontext; false is returned
 * where that makes them soft.
 */
bool
gmm_sketch_check(GmmFlatSketch *flat, Node *escontext)
{
	GmmSketch  *sketch;
	bool		sound;

	for (int i = 0; i < flat->n; i++)
	{
		double	   *row = flat->values + (Size) i * flat->d;

		CHECK_FOR_INTERRUPTS();
		if (!check_row(row, flat->d, escontext))
			return false;
		for (int j = 0; j < flat->d; j++)
			if (isnan(row[j]))
				row[j] = get_float8_nan();
	}
	if (!check_counts(flat, escontext))
		return false;
	sketch = expand(flat, CurrentMemoryContext);
	sound = check_expanded(sketch, flat, escontext);
	DeleteExpandedObject(EOHPGetRWDatum(&sketch->header));
	return sound;
}
