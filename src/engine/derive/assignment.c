/*
 * assignment.c
 *	  The assignment of rows to columns, one to one, with the least sum of costs.
 *
 * Shortest augmenting paths with dual potentials (Jonker and Volgenant 1987), for
 * rectangles as Crouse (2016) has it: each row in turn is assigned along the path
 * of least reduced cost to a column that is free.  It is exact, and takes
 * n^2 m steps at most for n rows and m columns.
 */
#include "engine/derive/derive.h"

#include <math.h>

/* What the search for a path needs. */
typedef struct Assignment
{
	const double *costs;		/* n x m */
	int			m;
	double	   *row_potentials; /* n */
	double	   *column_potentials;	/* m */
	double	   *shortest;		/* m: the least cost to come to each column */
	int		   *previous;		/* m: the row from which */
	int		   *row_of;			/* m: the row assigned to each column, or -1 */
	int		   *column_of;		/* n: and the other way round */
	int		   *remaining;		/* m: columns that no path has come to yet, then
								 * those that it has, the last one first */
} Assignment;

/*
 * Find the path from a row to the nearest column that is free, which is returned.
 * *length is its cost; *n_remaining says where in remaining its columns begin.
 */
static int
find_path(Assignment *state, int row, double *length, int *n_remaining,
		  const MixtureHost *host)
{
	int			m = state->m;

	*length = 0;
	*n_remaining = m;
	for (int j = 0; j < m; j++)
	{
		state->shortest[j] = INFINITY;
		/* of free columns that are as near the last is taken: let it be the first */
		state->remaining[j] = m - 1 - j;
	}
	for (;;)
	{
		const double *costs = state->costs + (size_t) row * m;
		double		base = *length - state->row_potentials[row];
		double		least = INFINITY;
		int			place = 0;
		int			column;

		for (int i = 0; i < *n_remaining; i++)
		{
			int			j = state->remaining[i];
			double		cost = base + costs[j] - state->column_potentials[j];

			if (cost < state->shortest[j])
			{
				state->previous[j] = row;
				state->shortest[j] = cost;
			}
			if (state->shortest[j] < least ||
				(state->shortest[j] == least && state->row_of[j] < 0))
			{
				least = state->shortest[j];
				place = i;
			}
		}
		host->check_interrupts(host->context);
		*length = least;
		column = state->remaining[place];
		state->remaining[place] = state->remaining[--*n_remaining];
		state->remaining[*n_remaining] = column;
		if (state->row_of[column] < 0)
			return column;
		row = state->row_of[column];
	}
}

/* Assign along the path from a row to a free column. */
static void
augment(Assignment *state, int row, int column)
{
	int			from;

	do
	{
		int			next;

		from = state->previous[column];
		next = state->column_of[from];
		state->row_of[column] = from;
		state->column_of[from] = column;
		column = next;
	} while (from != row);
}

/*
 * columns: n, of the m >= n columns, those of the rows.  Costs are finite.
 */
void
assignment_find(const double *costs, int n, int m, int *columns, const MixtureHost *host)
{
	Assignment	state = {.costs = costs, .m = m, .column_of = columns};

	MIXTURE_ASSERT(n <= m);
	state.row_potentials = host->allocate(host->context, (n + 2 * (size_t) m) * sizeof(double));
	state.column_potentials = state.row_potentials + n;
	state.shortest = state.column_potentials + m;
	state.previous = host->allocate(host->context, 3 * (size_t) m * sizeof(int));
	state.row_of = state.previous + m;
	state.remaining = state.row_of + m;
	for (int i = 0; i < n; i++)
		state.row_potentials[i] = 0;
	for (int j = 0; j < m; j++)
	{
		state.column_potentials[j] = 0;
		state.row_of[j] = -1;
	}
	for (int row = 0; row < n; row++)
	{
		double		length;
		int			n_remaining;
		int			column = find_path(&state, row, &length, &n_remaining, host);

		state.row_potentials[row] += length;
		for (int i = n_remaining; i < m; i++)
		{
			int			j = state.remaining[i];

			state.column_potentials[j] -= length - state.shortest[j];
			if (j != column)
				state.row_potentials[state.row_of[j]] += length - state.shortest[j];
		}
		augment(&state, row, column);
	}
	host->release(host->context, state.previous);
	host->release(host->context, state.row_potentials);
}
