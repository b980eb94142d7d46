/*
 * missing_rows.c
 *	  The rows of a block of which features are missing, sorted for the kernels.
 *
 * Rows of which many have the same features missing are taken away, for their
 * models (missing_models.c).  A kernel works on whole vectors of the others, and wants
 * those of one vector alike.  So they are sorted, anew in every pass, which costs
 * less than one component does, by how many features are missing, so that no row waits
 * long for another.  They are on one of two sides: that of the missing features if
 * these are at most half of all, or that of the observed ones.
 */
#include "engine/kernels/missing_private.h"

#include <math.h>
#include <string.h>

/* Room for rows of d features. */
MissingRows *
missing_rows_create(int d, int stride, const MixtureHost *host)
{
	MissingRows *rows = host->allocate(host->context, sizeof(MissingRows));
	size_t		row_numbers = 2 * (size_t) d;
	int			most_groups = MISSING_ROWS / MIXTURE_LANES;

	rows->d = d;
	rows->stride = stride;
	rows->n_words = (d + 63) / 64;
	rows->features = missing_allocate(((size_t) d + 2 + stride) * MISSING_ROWS * sizeof(double),
									  host);
	rows->weights = rows->features + ((size_t) d + 1) * MISSING_ROWS;
	rows->by_row = rows->weights + MISSING_ROWS;
	rows->numbers = host->allocate(host->context, MISSING_ROWS * row_numbers * sizeof(uint16_t));
	rows->places = host->allocate(host->context, MISSING_ROWS * (size_t) d * sizeof(uint32_t));
	rows->bits = host->allocate(host->context, (size_t) rows->n_words * MISSING_ROWS *
								sizeof(uint64_t));
	rows->groups = host->allocate(host->context, most_groups * sizeof(MissingGroup));
	rows->starts = host->allocate(host->context, ((size_t) d + 2) * sizeof(int));
	return rows;
}

void
missing_rows_release(MissingRows *rows, const MixtureHost *host)
{
	host->release(host->context, rows->starts);
	host->release(host->context, rows->groups);
	host->release(host->context, rows->bits);
	host->release(host->context, rows->places);
	host->release(host->context, rows->numbers);
	missing_free(rows->features, host);
	host->release(host->context, rows);
}

/* Word number `word` of an unsorted row's bits. */
static inline uint64_t
row_bits(const MissingRows *rows, int row, int word)
{
	return rows->bits[(size_t) word * MISSING_ROWS + row];
}

static bool
same_pattern(const MissingRows *rows, int a, int b)
{
	for (int word = 0; word < rows->n_words; word++)
		if (row_bits(rows, a, word) != row_bits(rows, b, word))
			return false;
	return true;
}

/* What tells patterns apart that are of one word, and mostly those of more. */
static uint64_t
pattern_key(const MissingRows *rows, int row)
{
	uint64_t	key = row_bits(rows, row, 0);

	for (int word = 1; word < rows->n_words; word++)
		key = (key * UINT64_C(0x9e3779b97f4a7c15) ^ key >> 32) + row_bits(rows, row, word);
	return key;
}

/* A new pattern, that of a row. */
static int
add_pattern(MissingRows *rows, int row, uint64_t key)
{
	MissingPattern *pattern = &rows->patterns[rows->n_patterns];

	*pattern = (MissingPattern) {.first = row,.key = key};
	for (int word = 0; word < rows->n_words; word++)
		pattern->n_missing += __builtin_popcountll(row_bits(rows, row, word));
	return rows->n_patterns++;
}

/* Find each row's pattern, and count the rows of each. */
static void
count_patterns(MissingRows *rows, int n_rows)
{
	memset(rows->slots, 0, sizeof(rows->slots));
	rows->n_patterns = 0;
	for (int row = 0; row < n_rows; row++)
	{
		uint64_t	key = pattern_key(rows, row);
		unsigned	slot = missing_slot(key, PATTERN_SLOTS);
		int			number;

		for (;; slot = (slot + 1) % PATTERN_SLOTS)
		{
			number = rows->slots[slot] - 1;
			if (number < 0 ||
				(rows->patterns[number].key == key &&
				 (rows->n_words == 1 || same_pattern(rows, rows->patterns[number].first, row))))
				break;
		}
		if (number < 0)
		{
			number = add_pattern(rows, row, key);
			rows->slots[slot] = (uint16_t) (number + 1);
		}
		rows->row_patterns[row] = (uint16_t) number;
		rows->patterns[number].n_rows++;
	}
}

/* Whether equations are solved for the observed features of such a row. */
static inline bool
on_covariance_side(const MissingRows *rows, int n_missing)
{
	return n_missing > rows->d / 2;
}

/* Where in `starts` rows with so many missing are counted. */
static inline int
row_class(const MissingRows *rows, int n_missing)
{
	int			half = rows->d / 2 + 1;

	/* on the other side there are the fewer observed, the more are missing */
	return on_covariance_side(rows, n_missing) ? half + rows->d - n_missing : n_missing;
}

/*
 * The numbers of an unsorted row's features, ascending: first of those that are
 * missing, or not.  Returns how many they are.
 */
static int
list_features(const MissingRows *rows, int row, bool missing, int step, uint16_t *numbers)
{
	int			n = 0;

	for (int word = 0; word < rows->n_words; word++)
	{
		uint64_t	bits = row_bits(rows, row, word);
		int			left = rows->d - 64 * word;

		if (!missing)
			bits = ~bits & (left < 64 ? (UINT64_C(1) << left) - 1 : UINT64_MAX);
		for (; bits != 0; bits &= bits - 1)
			numbers[(size_t) n++ * step] = (uint16_t) (64 * word + __builtin_ctzll(bits));
	}
	return n;
}

/* Lists of the features of MIXTURE_LANES rows, `most` in the longest. */
static void
list_lanes(MissingRows *rows, int start, int most, bool missing, const uint16_t **lists)
{
	uint16_t   *numbers = rows->next_numbers;

	*lists = numbers;
	rows->next_numbers += (size_t) most * MIXTURE_LANES;
	for (int lane = 0; lane < MIXTURE_LANES; lane++)
	{
		int			n = list_features(rows, rows->sources[start + lane], missing,
									  MIXTURE_LANES, numbers + lane);

		for (; n < most; n++)
			numbers[(size_t) n * MIXTURE_LANES + lane] = (uint16_t) rows->d;
	}
}

/* MIXTURE_LANES rows, each of which has its own features missing. */
static void
make_group(MissingRows *rows, int start)
{
	int			fewest = rows->d;
	int			most = 0;
	MissingGroup *group;

	for (int lane = 0; lane < MIXTURE_LANES; lane++)
	{
		int			n = rows->patterns[rows->row_patterns[rows->sources[start + lane]]].n_missing;

		fewest = n < fewest ? n : fewest;
		most = n > most ? n : most;
	}
	group = &rows->groups[rows->n_groups++];
	group->start = start;
	group->n_missing = most;
	group->doubtful = false;
	group->covariance = on_covariance_side(rows, most);
	group->place = rows->n_missing;
	rows->n_missing += (size_t) most * MIXTURE_LANES;
	list_lanes(rows, start, most, true, &group->missing);
	group->places = rows->next_places;
	for (int i = 0; i < most * MIXTURE_LANES; i++)
		*rows->next_places++ = group->missing[i] * MISSING_ROWS + i % MIXTURE_LANES;
	group->solved = group->missing;
	group->n_solved = most;
	if (group->covariance)
	{
		group->n_solved = rows->d - fewest;
		list_lanes(rows, start, group->n_solved, false, &group->solved);
		rows->covariance = true;
	}
	group->alone = group->n_solved > MISSING_MOST_SOLVED;
	group->factor_place = rows->n_factors;
	if (!group->alone)
	{
		rows->n_factors += linalg_packed_count(group->n_solved) * MIXTURE_LANES;
		rows->largest = group->n_solved > rows->largest ? group->n_solved : rows->largest;
	}

	group->rows = rows->by_row + (size_t) start * rows->stride;
	kernels_current()->turn_rows(rows->features + start, rows->d, rows->stride,
								 rows->by_row + (size_t) start * rows->stride);
}

/* Find places for the rows of all patterns, in `taken` or among the sorted rows. */
static void
find_places(MissingRows *rows)
{
	int			second = row_class(rows, rows->d);	/* first of the other side */
	int			taken = 0;

	memset(rows->starts, 0, ((size_t) rows->d + 2) * sizeof(int));
	for (int number = 0; number < rows->n_patterns; number++)
	{
		MissingPattern *pattern = &rows->patterns[number];

		pattern->place = taken;
		if (pattern->model != NULL)
			taken += pattern->n_rows;
		else
			rows->starts[row_class(rows, pattern->n_missing) + 1] += pattern->n_rows;
	}
	for (int class = 1; class <= rows->d + 1; class++)
	{
		rows->starts[class] += rows->starts[class - 1];
		if (class == second)
			rows->starts[class] = whole_lanes(rows->starts[class]);
	}
	rows->n_rows = whole_lanes(rows->starts[rows->d + 1]);
}

/* Put the rows at their places, and copies of weight 0 where there is none. */
static void
place_rows(MissingRows *rows, const MixtureBlock *block)
{
	for (int place = 0; place < rows->n_rows; place++)
		rows->sources[place] = -1;
	for (int row = 0; row < block->n_rows; row++)
	{
		MissingPattern *pattern = &rows->patterns[rows->row_patterns[row]];
		int			place;

		if (pattern->model != NULL)
		{
			rows->taken[pattern->place++] = row;
			continue;
		}
		place = rows->starts[row_class(rows, pattern->n_missing)]++;
		rows->sources[place] = row;
		rows->weights[place] = block->weights[row];
	}
	for (int place = 1; place < rows->n_rows; place++)
		if (rows->sources[place] < 0)
		{
			rows->sources[place] = rows->sources[place - 1];
			rows->weights[place] = 0;
		}
	for (int j = 0; j < rows->d; j++)
		kernels_current()->gather_rows(block->features + (size_t) j * block->stride,
									   rows->sources, rows->n_rows,
									   rows->features + (size_t) j * MISSING_ROWS);
}

/*
 * Find the patterns of a block's rows, of which there may be fewer than it has lanes;
 * none has a model yet.
 */
void
missing_rows_find(MissingRows *rows, const MixtureBlock *block)
{
	for (int word = 0; word < rows->n_words; word++)
		kernels_current()->missing_bits(block, rows->d, 64 * word,
										rows->bits + (size_t) word * MISSING_ROWS);
	count_patterns(rows, block->n_rows);
}

/*
 * Sort the rows of that block, and list those of patterns that have models by now.
 * Values that are missing stay so, until missing_rows_put().
 */
void
missing_rows_sort(MissingRows *rows, const MixtureBlock *block)
{
	find_places(rows);
	place_rows(rows, block);
	for (int row = 0; row < rows->n_rows && block->labels != NULL; row++)
		rows->labels[row] = block->labels[rows->sources[row]];
	rows->n_groups = 0;
	rows->n_missing = 0;
	rows->largest = 0;
	rows->n_factors = 0;
	rows->covariance = false;
	rows->next_numbers = rows->numbers;
	rows->next_places = rows->places;
	for (int start = 0; start < rows->n_rows; start += MIXTURE_LANES)
		make_group(rows, start);
}

/* The order of the d features in rows of a pattern: those observed, then those missing. */
void
missing_pattern_order(const MissingRows *rows, const MissingPattern *pattern, int *order)
{
	int			n_observed = 0;
	int			n_missing = rows->d - pattern->n_missing;

	for (int j = 0; j < rows->d; j++)
		if (row_bits(rows, pattern->first, j / 64) >> (j % 64) & 1)
			order[n_missing++] = j;
		else
			order[n_observed++] = j;
}

/*
 * The order of the d features of a sorted row: those observed, then those
 * missing.  Returns how many the first are.
 */
int
missing_rows_order(const MissingRows *rows, int row, int *order)
{
	const MissingPattern *pattern = &rows->patterns[rows->row_patterns[rows->sources[row]]];

	missing_pattern_order(rows, pattern, order);
	return rows->d - pattern->n_missing;
}

/*
 * Put what was filled in where it is missing in the rows of a group; step: from a row
 * to the next.
 */
void
missing_rows_put(const MissingRows *rows, const MissingGroup *group, const double *filled,
				 size_t step)
{
	double	   *features = rows->features + group->start;
	const uint32_t *places = group->places;
	size_t		next = MIXTURE_LANES * step;

	for (int i = 0; i < group->n_missing; i++, filled += next, places += MIXTURE_LANES)
	{
		features[places[0]] = filled[0];
		features[places[1]] = filled[step];
		features[places[2]] = filled[2 * step];
		features[places[3]] = filled[3 * step];
		features[places[4]] = filled[4 * step];
		features[places[5]] = filled[5 * step];
		features[places[6]] = filled[6 * step];
		features[places[7]] = filled[7 * step];
	}
}
