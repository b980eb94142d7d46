/*
 * rownulls.c
 *	  The patterns of NULLs among the rows of a store.
 *
 * A pattern is a bit for each element of a row, as arrays have them: 1 where
 * there is a value.  A store numbers those that it meets, from 1; 0 is the one
 * without a NULL.  There may be as many as rows, so that little is kept of
 * each, in memory of the store's pool: its bits, and a place in a hash table
 * with open addressing, which leads from bits to number.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/tupmacs.h"
#include "common/hashfn.h"
#include "port/pg_bitutils.h"

#include "rows/rownulls.h"

#define FIRST_CAPACITY	4

/* A slot of the table is 0 if free. */
struct GmmRowPatterns
{
	GmmRowPool *pool;
	int			d;
	Size		size;			/* bytes of one pattern */
	int			count;			/* the complete one, which has no bits, included */
	int			capacity;		/* of bits */
	uint8	   *bits;			/* from pattern 1 */
	int			n_slots;		/* a power of two, at least twice the capacity */
	int32	   *slots;
};

/* Bytes of a pattern of d elements. */
Size
gmm_pattern_size(int d)
{
	return ((Size) d + 7) / 8;
}

/* Copy a pattern, and clear the bits beyond its last. */
void
gmm_pattern_copy(uint8 *target, const uint8 *observed, int d)
{
	Size		size = gmm_pattern_size(d);

	memcpy(target, observed, size);
	if (d % 8 != 0)
		target[size - 1] &= (uint8) ((1 << (d % 8)) - 1);
}

/*
 * The numbers of the d elements, first of those that are observed and then of
 * those that are not; returns how many the first are.
 */
int
gmm_pattern_order(const uint8 *observed, int d, int *order)
{
	int			n_observed = 0;
	int			n_missing = 0;

	for (int i = 0; i < d; i++)
		if (!att_isnull(i, observed))
			order[n_observed++] = i;
	for (int i = 0; i < d; i++)
		if (att_isnull(i, observed))
			order[n_observed + n_missing++] = i;
	return n_observed;
}

/* Patterns of d elements; so far only the complete one. */
GmmRowPatterns *
gmm_patterns_create(GmmRowPool *pool, int d)
{
	GmmRowPatterns *patterns = gmm_rowpool_allocate(pool, sizeof(GmmRowPatterns));

	patterns->pool = pool;
	patterns->d = d;
	patterns->size = gmm_pattern_size(d);
	patterns->count = 1;
	patterns->capacity = FIRST_CAPACITY;
	patterns->bits = gmm_rowpool_allocate(pool, patterns->size * FIRST_CAPACITY);
	patterns->n_slots = 2 * FIRST_CAPACITY;
	patterns->slots = gmm_rowpool_allocate(pool, sizeof(int32) * patterns->n_slots);
	memset(patterns->slots, 0, sizeof(int32) * patterns->n_slots);
	return patterns;
}

int
gmm_patterns_count(const GmmRowPatterns *patterns)
{
	return patterns->count;
}

static uint8 *
pattern_bits(const GmmRowPatterns *patterns, int number)
{
	return patterns->bits + (Size) (number - 1) * patterns->size;
}

/* The slot that holds a pattern, or where it is to go. */
static int
find_slot(const GmmRowPatterns *patterns, const uint8 *bits)
{
	uint32		hash = DatumGetUInt32(hash_any((const unsigned char *) bits,
											   (int) patterns->size));
	int			mask = patterns->n_slots - 1;
	int			slot = (int) (hash & mask);

	while (patterns->slots[slot] != 0 &&
		   memcmp(pattern_bits(patterns, patterns->slots[slot]), bits, patterns->size) != 0)
		slot = (slot + 1) & mask;
	return slot;
}

/* Make place for another pattern. */
static void
enlarge(GmmRowPatterns *patterns)
{
	int			capacity;

	if (patterns->capacity > PG_INT32_MAX / 4)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many patterns of NULLs among the rows to fit a mixture to: %d",
						patterns->count)));
	capacity = patterns->capacity * 2;
	patterns->bits = gmm_rowpool_enlarge(patterns->pool, patterns->bits,
										 patterns->size * (Size) capacity);
	patterns->slots = gmm_rowpool_enlarge(patterns->pool, patterns->slots,
										  sizeof(int32) * 2 * (Size) capacity);
	patterns->capacity = capacity;
	patterns->n_slots = 2 * capacity;
	memset(patterns->slots, 0, sizeof(int32) * (Size) patterns->n_slots);
	for (int number = 1; number < patterns->count; number++)
		patterns->slots[find_slot(patterns, pattern_bits(patterns, number))] = number;
}

/* The number of a pattern in which some element is NULL, given if need be. */
int
gmm_patterns_enter(GmmRowPatterns *patterns, const uint8 *observed)
{
	uint8	   *bits;
	int			slot;

	if (patterns->count > patterns->capacity)
		enlarge(patterns);

	/* where it will be if it is new */
	bits = pattern_bits(patterns, patterns->count);
	gmm_pattern_copy(bits, observed, patterns->d);
	slot = find_slot(patterns, bits);
	if (patterns->slots[slot] == 0)
		patterns->slots[slot] = patterns->count++;
	return patterns->slots[slot];
}

/* How many elements of a row with this pattern are not NULL. */
int
gmm_patterns_n_observed(const GmmRowPatterns *patterns, int number)
{
	if (number == GMM_PATTERN_COMPLETE)
		return patterns->d;
	return (int) pg_popcount((const char *) pattern_bits(patterns, number),
							 (int) patterns->size);
}

/* The order of elements, as a MixtureBlock has it, of an incomplete pattern. */
void
gmm_patterns_order(const GmmRowPatterns *patterns, int number, int *order)
{
	(void) gmm_pattern_order(pattern_bits(patterns, number), patterns->d, order);
}

/* All patterns but the complete one, as bytes; returns how many these are. */
Size
gmm_patterns_bytes(const GmmRowPatterns *patterns, const uint8 **bytes)
{
	*bytes = patterns->bits;
	return patterns->size * (Size) (patterns->count - 1);
}
