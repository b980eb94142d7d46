/*
 * missing_rows.c
 *	  The rows of a block of which features are missing, sorted for the kernels.
 *
 * A kernel works on whole vectors of rows, and wants those of one vector alike.
 * So a block is sorted, anew in every pass, which costs less than one
 * component does: first rows that are complete; then those of which many have
 * the same features missing, in groups of their own; then all others by how many
 * are missing, so that no lane waits long for another.  The last are on one of two
 * sides: that of the missing features if these are at most half of all, or that of
 * the observed ones.
 */
#include "engine/kernels/missing_private.h"

#include <math.h>
#include <string.h>

/* Fewer rows with the same features missing are mixed with others. */
#define LEAST_SAME 16

/*
 * Room for rows of d features.  most_same: the most values that a pattern's model
 * (missing_models.c) may have for rows with the pattern to get a group.
 */
MissingRows *
missing_rows_create(int d, int stride, size_t most_same, const MixtureHost *host)
{
	MissingRows *rows = host->allocate(host->context, sizeof(MissingRows));
	size_t		row_numbers = 2 * (size_t) d;
	int			most_groups = MISSING_ROWS / MIXTURE_LANES;

	rows->d = d;
	rows->stride = stride;
	rows->most_same = most_same;
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

/* The number of an unsorted row's pattern, given if it is new. */
static int
find_pattern(MissingRows *rows, int row)
{
	uint64_t	hash = 0;
	unsigned	slot;
	int			n_missing = 0;

	for (int word = 0; word < rows->n_words; word++)
		hash = (hash ^ row_bits(rows, row, word)) * UINT64_C(0x9e3779b97f4a7c15);
	slot = (unsigned) (hash >> 54);
	for (; rows->slots[slot] != 0; slot = (slot + 1) % PATTERN_SLOTS)
		if (same_pattern(rows, rows->patterns[rows->slots[slot] - 1].first, row))
			return rows->slots[slot] - 1;
	for (int word = 0; word < rows->n_words; word++)
		n_missing += __builtin_popcountll(row_bits(rows, row, word));
	rows->patterns[rows->n_patterns] = (MissingPattern) {.first = row, .n_missing = n_missing};
	rows->slots[slot] = (uint16_t) ++rows->n_patterns;
	return rows->n_patterns - 1;
}

/* Count the rows of each pattern. */
static void
count_patterns(MissingRows *rows, int n_rows)
{
	memset(rows->slots, 0, sizeof(rows->slots));
	rows->n_patterns = 0;
	for (int row = 0; row < n_rows; row++)
	{
		int			pattern = row > 0 && same_pattern(rows, row - 1, row) ?
			rows->row_patterns[row - 1] : find_pattern(rows, row);

		rows->row_patterns[row] = (uint16_t) pattern;
		rows->patterns[pattern].n_rows++;
	}
}

/* Whether equations are solved for the observed features of such a row. */
static inline bool
on_covariance_side(const MissingRows *rows, int n_missing)
{
	return n_missing > rows->d / 2;
}

/* Where in `starts` mixed rows with so many missing are counted. */
static inline int
mixed_class(const MissingRows *rows, int n_missing)
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

/* Begin a group of the rows from place `start` on. */
static MissingGroup *
begin_group(MissingRows *rows, int start, int n_rows, int n_missing)
{
	MissingGroup *group = &rows->groups[rows->n_groups++];

	group->start = start;
	group->n_rows = n_rows;
	group->n_missing = n_missing;
	group->alone = false;
	group->doubtful = false;
	group->covariance = on_covariance_side(rows, n_missing);
	group->place = rows->n_missing;
	rows->n_missing += (size_t) n_missing * n_rows;
	return group;
}

/* Rows with the same features missing: n_same of the pattern. */
static void
make_same_group(MissingRows *rows, MissingPattern *pattern)
{
	MissingGroup *group = begin_group(rows, pattern->place, pattern->n_same,
									  pattern->n_missing);
	uint16_t   *observed = rows->next_numbers;
	uint16_t   *missing = observed + rows->d - pattern->n_missing;

	rows->next_numbers += rows->d;
	list_features(rows, pattern->first, false, 1, observed);
	list_features(rows, pattern->first, true, 1, missing);
	group->same = true;
	group->observed = observed;
	group->missing = missing;
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
make_mixed_group(MissingRows *rows, const MixtureBlock *block, int start)
{
	int			fewest = rows->d;
	int			most = 0;
	MissingGroup *group;
	double	   *by_row = rows->by_row + (size_t) start * rows->stride;

	for (int lane = 0; lane < MIXTURE_LANES; lane++)
	{
		int			n = rows->patterns[rows->row_patterns[rows->sources[start + lane]]].n_missing;

		fewest = n < fewest ? n : fewest;
		most = n > most ? n : most;
	}
	group = begin_group(rows, start, MIXTURE_LANES, most);
	group->same = false;
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

	group->rows = by_row;
	for (int lane = 0; lane < MIXTURE_LANES; lane++, by_row += rows->stride)
	{
		const double *row = block->features + rows->sources[start + lane];

		for (int j = 0; j < rows->d; j++)
			by_row[j] = row[(size_t) j * block->stride];
		for (int j = rows->d; j < rows->stride; j++)
			by_row[j] = NAN;
	}
}

/* Whether the rows of a pattern get a group of their own, but for a few. */
static bool
gets_group(const MissingRows *rows, const MissingPattern *pattern)
{
	int			m = pattern->n_missing;

	if (m == 0)
		return pattern->n_rows >= MIXTURE_LANES;
	return pattern->n_rows >= LEAST_SAME && m < rows->d &&
		(size_t) m * (rows->d - m) + linalg_packed_count(m) <= rows->most_same;
}

/*
 * Find places for the rows of all patterns: for those that get a group of their
 * own, and where each class of mixed rows begins.  Returns where these begin.
 */
static int
find_places(MissingRows *rows)
{
	int			second = mixed_class(rows, rows->d);	/* first of the other side */
	int			place;

	rows->n_complete = 0;
	memset(rows->starts, 0, ((size_t) rows->d + 2) * sizeof(int));
	for (int number = 0; number < rows->n_patterns; number++)
	{
		MissingPattern *pattern = &rows->patterns[number];

		pattern->n_same = gets_group(rows, pattern) ?
			pattern->n_rows / MIXTURE_LANES * MIXTURE_LANES : 0;
		pattern->place = 0;
		if (pattern->n_missing == 0)
			rows->n_complete = pattern->n_same;
		rows->starts[mixed_class(rows, pattern->n_missing) + 1] +=
			pattern->n_rows - pattern->n_same;
	}
	place = rows->n_complete;
	for (int number = 0; number < rows->n_patterns; number++)
		if (rows->patterns[number].n_missing > 0)
		{
			rows->patterns[number].place = place;
			place += rows->patterns[number].n_same;
		}
	rows->starts[0] = place;
	for (int class = 1; class <= rows->d + 1; class++)
	{
		rows->starts[class] += rows->starts[class - 1];
		if (class == second)
			rows->starts[class] = whole_lanes(rows->starts[class]);
	}
	rows->n_rows = whole_lanes(rows->starts[rows->d + 1]);
	return place;
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
		int			place = pattern->n_placed < pattern->n_same ?
			pattern->place + pattern->n_placed++ :
			rows->starts[mixed_class(rows, pattern->n_missing)]++;

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
	{
		const double *from = block->features + (size_t) j * block->stride;
		double	   *to = rows->features + (size_t) j * MISSING_ROWS;

		for (int place = 0; place < rows->n_rows; place++)
			to[place] = from[rows->sources[place]];
	}
}

/*
 * Sort the rows of a block, of which there may be fewer than it has lanes.
 * Values that are missing stay so, until missing_rows_put().
 */
void
missing_rows_sort(MissingRows *rows, const MixtureBlock *block)
{
	int			first_mixed;

	for (int word = 0; word < rows->n_words; word++)
		kernels_current()->missing_bits(block, rows->d, 64 * word,
										rows->bits + (size_t) word * MISSING_ROWS);
	count_patterns(rows, block->n_rows);
	first_mixed = find_places(rows);
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
	for (int number = 0; number < rows->n_patterns; number++)
		if (rows->patterns[number].n_same > 0 && rows->patterns[number].n_missing > 0)
			make_same_group(rows, &rows->patterns[number]);
	for (int start = first_mixed; start < rows->n_rows; start += MIXTURE_LANES)
		make_mixed_group(rows, block, start);
}

/*
 * The order of the d features of a sorted row: those observed, then those
 * missing.  Returns how many the first are.
 */
int
missing_rows_order(const MissingRows *rows, int row, int *order)
{
	int			n_observed = 0;
	int			n_missing = 0;
	int			source = rows->sources[row];
	int			most = rows->patterns[rows->row_patterns[source]].n_missing;

	for (int j = 0; j < rows->d; j++)
		if (row_bits(rows, source, j / 64) >> (j % 64) & 1)
			order[rows->d - most + n_missing++] = j;
		else
			order[n_observed++] = j;
	return n_observed;
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

	if (group->same)
	{
		for (int i = 0; i < group->n_missing; i++, filled += group->n_rows)
			memcpy(features + (size_t) group->missing[i] * MISSING_ROWS, filled,
				   group->n_rows * sizeof(double));
		return;
	}
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
