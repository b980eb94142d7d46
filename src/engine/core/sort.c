/*
 * sort.c
 *	  qsort() for as many items as there may be: it looks for interrupts.
 *
 * That cannot be done in the comparison, as whoever leaves from there by longjmp
 * leaves the memory behind that the C library's qsort() may have taken.  So
 * items are parted about one of them, again and again (Hoare 1962), until what is
 * left is few enough for it.  Those that equal the one are done at once, so that
 * many of a kind do no harm.
 */
#include "engine/core/core.h"

#include <stdlib.h>
#include <string.h>

/* Items that are sorted between two looks, and compared with one of them */
#define ITEMS_PER_LOOK 16384

/* Size of an item, at most */
#define MOST_BYTES 64

static void
swap_items(char *a, char *b, size_t size)
{
	char		copy[MOST_BYTES];

	memcpy(copy, a, size);
	memcpy(a, b, size);
	memcpy(b, copy, size);
}

/* The middle one of three items. */
static const char *
middle_item(const char *a, const char *b, const char *c,
			int (*compare) (const void *, const void *))
{
	if (compare(a, b) > 0)
	{
		const char *other = a;

		a = b;
		b = other;
	}
	if (compare(b, c) <= 0)
		return b;
	return compare(a, c) > 0 ? a : c;
}

/*
 * Part n items about one of them: *n_less are less than it, *n_same, after these,
 * equal it.
 */
static void
part_items(char *items, size_t n, size_t size, int (*compare) (const void *, const void *),
		   size_t *n_less, size_t *n_same, const MixtureHost *host)
{
	double		pivot[MOST_BYTES / sizeof(double)];
	size_t		less = 0;
	size_t		here = 0;
	size_t		more = n;

	memcpy(pivot, middle_item(items + n / 4 * size, items + n / 2 * size,
							  items + n / 4 * 3 * size, compare), size);
	for (size_t step = 1; here < more; step++)
	{
		int			order = compare(items + here * size, pivot);

		if (order > 0)
			swap_items(items + here * size, items + --more * size, size);
		else if (order < 0)
			swap_items(items + less++ * size, items + here++ * size, size);
		else
			here++;
		if (step % ITEMS_PER_LOOK == 0)
			host->check_interrupts(host->context);
	}
	*n_less = less;
	*n_same = more - less;
}

/*
 * Sort n items of `size` bytes, at most MOST_BYTES, as qsort() does.
 */
void
sort_items(void *items, size_t n, size_t size, int (*compare) (const void *, const void *),
		   const MixtureHost *host)
{
	char	   *left = items;

	MIXTURE_ASSERT(size <= MOST_BYTES);
	while (n > ITEMS_PER_LOOK)
	{
		size_t		n_less;
		size_t		n_same;
		char	   *right;

		part_items(left, n, size, compare, &n_less, &n_same, host);
		right = left + (n_less + n_same) * size;
		n -= n_less + n_same;
		/* the smaller part by itself, so that this calls itself log n times at most */
		if (n_less < n)
		{
			sort_items(left, n_less, size, compare, host);
			left = right;
		}
		else
		{
			sort_items(right, n, size, compare, host);
			n = n_less;
		}
	}
	qsort(left, n, size, compare);
	host->check_interrupts(host->context);
}
