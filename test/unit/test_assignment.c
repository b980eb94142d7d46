/*
 * test_assignment.c
 *	  The assignment of least cost is that of the least of all assignments.
 */
#include "unit.h"

#include <math.h>
#include <stdlib.h>

#define MOST_COLUMNS 12

/*
 * The least cost of assigning all rows, by dynamic programming over the sets of
 * columns that are taken: it looks at every assignment.
 */
static double
least_cost(const double *costs, int n, int m)
{
	int			n_sets = 1 << m;
	double	   *least = malloc(n_sets * sizeof(double));
	double		best = INFINITY;

	for (int set = 1; set < n_sets; set++)
		least[set] = INFINITY;
	least[0] = 0;
	for (int set = 0; set < n_sets; set++)
	{
		int			row = __builtin_popcount(set);

		if (row == n)
			best = fmin(best, least[set]);
		else if (row < n)
			for (int j = 0; j < m; j++)
				if (!(set >> j & 1))
					least[set | 1 << j] = fmin(least[set | 1 << j], least[set] + costs[row * m + j]);
	}
	free(least);
	return best;
}

/* Costs of a kind: uniform, with many ties, over many orders of magnitude. */
static void
test_kind(Random *random, const char *kind, int number)
{
	double		worst = 0;
	bool		one_to_one = true;

	for (int repeat = 0; repeat < 60; repeat++)
	{
		int			m = 1 + random_below(random, MOST_COLUMNS);
		int			n = 1 + random_below(random, m);
		double		costs[MOST_COLUMNS * MOST_COLUMNS];
		int			columns[MOST_COLUMNS];
		double		sum = 0;
		double		least;
		double		most = 0;
		unsigned	taken = 0;

		for (int i = 0; i < n * m; i++)
		{
			double		u = random_uniform(random);

			costs[i] = number == 0 ? u : number == 1 ? floor(4 * u) : exp(80 * u - 40);
			most = fmax(most, costs[i]);
		}
		assignment_find(costs, n, m, columns, &unit_host);
		for (int i = 0; i < n; i++)
		{
			one_to_one = one_to_one && columns[i] >= 0 && columns[i] < m &&
				!(taken >> columns[i] & 1);
			taken |= 1u << columns[i];
			sum += costs[i * m + columns[i]];
		}
		least = least_cost(costs, n, m);
		worst = fmax(worst, most > 0 ? (sum - least) / most : 0);
	}
	check(one_to_one, "%s: every row has a column of its own", kind);
	check(worst < 1e-13, "%s: no assignment costs less (%.1e of the largest)", kind, worst);
}

/* A large one, whose best assignment is known: a hidden permutation. */
static void
test_hidden(Random *random)
{
	int			n = 300;
	double	   *costs = malloc(sizeof(double) * n * n);
	int		   *hidden = malloc(sizeof(int) * n);
	int		   *columns = malloc(sizeof(int) * n);
	bool		found = true;

	random_order(random, hidden, n);
	for (int i = 0; i < n; i++)
	{
		double		of_row = 10 * random_uniform(random);

		/* potentials of rows and columns, and nothing above them but there */
		for (int j = 0; j < n; j++)
			costs[i * n + j] = of_row + (j * 7 % 11) + (hidden[i] == j ? 0 : 1e-3 + random_uniform(random));
	}
	assignment_find(costs, n, n, columns, &unit_host);
	for (int i = 0; i < n; i++)
		found = found && columns[i] == hidden[i];
	check(found, "a permutation of %d that is hidden among dear ones is found", n);
	free(columns);
	free(hidden);
	free(costs);
}

void
test_assignment(void)
{
	Random		random = random_start(29);

	test_kind(&random, "uniform costs", 0);
	test_kind(&random, "costs with ties", 1);
	test_kind(&random, "costs over 35 orders of magnitude", 2);
	test_hidden(&random);
}
