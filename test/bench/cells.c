/*
 * cells.c
 *	  What one default call finds in random mixtures, beside the best of 60 starts
 *	  of plain EM.
 *
 *	cells FILE N
 *
 * A cell is a table of 150 to 3,000 rows of 1 to 8 features, drawn from 2 to 8
 * components of one of the four families, which may overlap or have tails, and a
 * number of components near that.  What plain EM reaches is read from FILE, or
 * written to it if there is none: from k rows drawn far from each other, or drawn
 * by chance, each with the rows that are nearest, 60 times, artefacts left out.
 *
 * Prints how many of N cells the call leaves short by more than 0.001 a row, in
 * how many it ends at artefacts, in how many it is as much higher, what it is short
 * of in all, and the seconds of the processor.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench_host.h"
#include "engine/core/core.h"

#define N_STARTS 60
#define MOST_ROWS 3000
#define MOST_FEATURES 8
#define MOST_K 8

/* Log-likelihood a row that counts as short, or higher */
#define SHORT 1e-3

typedef struct Cell
{
	int			n;
	int			d;
	int			k;				/* to be fitted */
	MixtureCovarianceType family;
	double		rows[MOST_ROWS][MOST_FEATURES];
	double		deviations[MOST_FEATURES];
	double		features[(MOST_ROWS + MIXTURE_BLOCK_ROWS) * MOST_FEATURES];
	double		weights[MIXTURE_BLOCK_ROWS];
	MixtureSource source;
} Cell;

static Cell cell;

static void
read_block(void *context, int64_t number, MixtureBlock *block)
{
	int64_t		first = number * MIXTURE_BLOCK_ROWS;

	(void) context;
	block->n_rows = cell.n - first < MIXTURE_BLOCK_ROWS ? (int) (cell.n - first) :
		MIXTURE_BLOCK_ROWS;
	block->stride = (block->n_rows + MIXTURE_LANES - 1) / MIXTURE_LANES * MIXTURE_LANES;
	block->features = cell.features + first * cell.d;
	for (int i = 0; i < block->stride; i++)
		cell.weights[i] = i < block->n_rows;
	block->weights = cell.weights;
}

/* Lay the rows out in blocks, and find the features' deviations. */
static void
lay_out(void)
{
	MixtureSource *source = &cell.source;

	memset(source, 0, sizeof(*source));
	source->d = cell.d;
	source->n_rows = cell.n;
	source->n_blocks = (cell.n + MIXTURE_BLOCK_ROWS - 1) / MIXTURE_BLOCK_ROWS;
	source->block = read_block;
	for (int64_t number = 0; number < source->n_blocks; number++)
	{
		int64_t		first = number * MIXTURE_BLOCK_ROWS;
		MixtureBlock block;

		read_block(NULL, number, &block);
		for (int i = 0; i < block.stride; i++)
			for (int j = 0; j < cell.d; j++)
				cell.features[first * cell.d + (int64_t) j * block.stride + i] =
					cell.rows[i < block.n_rows ? first + i : first][j];
	}
	for (int j = 0; j < cell.d; j++)
	{
		double		sum = 0;
		double		squares = 0;

		for (int i = 0; i < cell.n; i++)
			sum += cell.rows[i][j] / cell.n;
		for (int i = 0; i < cell.n; i++)
			squares += (cell.rows[i][j] - sum) * (cell.rows[i][j] - sum) / cell.n;
		cell.deviations[j] = sqrt(squares);
	}
}

/* Draw a component's factor, by which deviates are multiplied. */
static void
draw_factor(uint64_t *state, double factor[MOST_FEATURES][MOST_FEATURES])
{
	double		scale = exp(0.4 * normal(state));

	for (int i = 0; i < cell.d; i++)
		for (int j = 0; j < cell.d; j++)
		{
			double		value = normal(state);

			factor[i][j] = cell.family == MIXTURE_SPHERICAL ? (i == j ? scale : 0) :
				cell.family == MIXTURE_DIAG ? (i == j ? exp(0.5 * value) : 0) :
				0.7 * value / sqrt(cell.d) + (i == j ? 1 : 0);
		}
}

static void
draw_cell(int number)
{
	static const double separations[] = {1, 2, 3, 5};
	static double factors[MOST_K][MOST_FEATURES][MOST_FEATURES];
	double		means[MOST_K][MOST_FEATURES];
	double		shares[MOST_K];
	double		total = 0;
	uint64_t	state = random_combine(90000, number);
	int			k;
	double		separation;
	bool		tails;

	cell.family = (MixtureCovarianceType) (4 * uniform(&state));
	cell.d = 1 + (int) (MOST_FEATURES * uniform(&state));
	k = 2 + (int) ((MOST_K - 1) * uniform(&state));
	cell.n = (int) (150 * exp(log(MOST_ROWS / 150.0) * uniform(&state)));
	separation = separations[(int) (4 * uniform(&state))];
	tails = uniform(&state) < 0.3;
	cell.k = k - 1 + (int) (3 * uniform(&state));
	cell.k = cell.k < 2 ? 2 : cell.k > MOST_K ? MOST_K : cell.k;
	for (int c = 0; c < k; c++)
	{
		total += shares[c] = -log(uniform(&state)) - log(uniform(&state));
		for (int j = 0; j < cell.d; j++)
			means[c][j] = separation * normal(&state);
		if (c == 0 || cell.family != MIXTURE_TIED)
			draw_factor(&state, factors[c]);
		else
			memcpy(factors[c], factors[0], sizeof(factors[c]));
	}
	for (int i = 0; i < cell.n; i++)
	{
		double		at = total * uniform(&state);
		double		deviates[MOST_FEATURES];
		double		squares = 0;
		int			c = 0;

		while (c < k - 1 && at > shares[c])
			at -= shares[c++];
		for (int l = 0; l < 4; l++)
		{
			double		deviate = normal(&state);

			squares += deviate * deviate / 4;
		}
		for (int j = 0; j < cell.d; j++)
			deviates[j] = normal(&state) / (tails ? sqrt(squares) : 1);
		for (int j = 0; j < cell.d; j++)
		{
			cell.rows[i][j] = means[c][j];
			for (int l = 0; l < cell.d; l++)
				cell.rows[i][j] += factors[c][j][l] * deviates[l];
		}
	}
	lay_out();
}

static double
squared_distance(int a, int b)
{
	double		sum = 0;

	for (int j = 0; j < cell.d; j++)
	{
		double		apart = (cell.rows[a][j] - cell.rows[b][j]) / cell.deviations[j];

		sum += apart * apart;
	}
	return sum;
}

/* Draw k seeds, by distance or by chance; nearest: which one is nearest to a row. */
static void
draw_seeds(uint64_t *state, bool by_distance, int *nearest)
{
	static double distances[MOST_ROWS];

	for (int i = 0; i < cell.n; i++)
		distances[i] = INFINITY;
	for (int c = 0; c < cell.k; c++)
	{
		int			seed = (int) (cell.n * uniform(state));
		double		total = 0;

		for (int i = 0; i < cell.n; i++)
			total += distances[i];
		if (c > 0 && by_distance)
		{
			double		at = total * uniform(state);

			for (seed = 0; seed < cell.n - 1 && at > distances[seed]; seed++)
				at -= distances[seed];
		}
		for (int i = 0; i < cell.n; i++)
		{
			double		distance = squared_distance(i, seed);

			if (distance < distances[i])
			{
				distances[i] = distance;
				nearest[i] = c;
			}
		}
	}
}

/* The components that the rows nearest to each seed are; false if one has too few. */
static bool
make_start(const int *nearest, MixtureParameters *start)
{
	int			d = cell.d;
	size_t		packed = (size_t) d * (d + 1) / 2;

	memset(start->weights, 0, cell.k * sizeof(double));
	memset(start->means, 0, (size_t) cell.k * d * sizeof(double));
	memset(start->covariances, 0, mixture_covariance_count(cell.family, cell.k, d) * sizeof(double));
	for (int i = 0; i < cell.n; i++)
	{
		start->weights[nearest[i]] += 1.0 / cell.n;
		for (int j = 0; j < d; j++)
			start->means[(size_t) nearest[i] * d + j] += cell.rows[i][j];
	}
	for (int c = 0; c < cell.k; c++)
	{
		if (start->weights[c] * cell.n < d + 1.5)
			return false;
		for (int j = 0; j < d; j++)
			start->means[(size_t) c * d + j] /= start->weights[c] * cell.n;
	}
	for (int i = 0; i < cell.n; i++)
	{
		int			c = nearest[i];
		double		share = 1 / (cell.family == MIXTURE_TIED ? cell.n : start->weights[c] * cell.n);
		const double *mean = start->means + (size_t) c * d;

		for (int j = 0; j < d; j++)
			for (int l = 0; l <= j; l++)
			{
				double		product = share * (cell.rows[i][j] - mean[j]) * (cell.rows[i][l] - mean[l]);

				if (cell.family == MIXTURE_FULL)
					start->covariances[c * packed + j * (j + 1) / 2 + l] += product;
				else if (cell.family == MIXTURE_TIED)
					start->covariances[j * (j + 1) / 2 + l] += product;
				else if (j == l)
					start->covariances[cell.family == MIXTURE_DIAG ? c * d + j : c] +=
						cell.family == MIXTURE_DIAG ? product : product / d;
			}
	}
	return true;
}

/* The log-likelihood of a fit, or minus infinity if there is none or it has artefacts. */
static double
worth(MixtureStatus status, MixtureFit *fit)
{
	double		worth = -INFINITY;

	if (status != MIXTURE_OK)
		return worth;
	if (mixture_judge(&fit->parameters, cell.n, 0, NULL, &host) == 0)
		worth = fit->info.log_likelihood;
	mixture_release_parameters(&fit->parameters, &host);
	return worth;
}

static double
best_of_plain(int number)
{
	MixtureOptions options = {.covariance_type = cell.family,.max_iter = 2000,.tol = 1e-8,
	.accelerate = true};
	static int	nearest[MOST_ROWS];
	uint64_t	state = random_combine(70000, number);
	double		best = -INFINITY;
	MixtureParameters start;

	mixture_allocate_parameters(&start, cell.family, cell.k, cell.d, &host);
	for (int try = 0; try < N_STARTS; try++)
	{
		MixtureFit	fit;
		MixtureError error;

		draw_seeds(&state, try % 2 == 0, nearest);
		if (make_start(nearest, &start))
			best = fmax(best, worth(mixture_refit(&cell.source, &start, &options, &host, &fit,
												  &error), &fit));
	}
	mixture_release_parameters(&start, &host);
	return best;
}

int
main(int argc, char **argv)
{
	int			n = argc > 2 ? atoi(argv[2]) : 200;
	int			n_short = 0;
	int			n_artefacts = 0;
	int			n_higher = 0;
	double		missing = 0;
	double		seconds = 0;
	FILE	   *file;
	bool		known;

	if (argc < 2)
		return 2;
	file = fopen(argv[1], "r");
	known = file != NULL;
	if (!known)
		file = fopen(argv[1], "w");
	if (file == NULL)
		return 2;
	for (int number = 0; number < n; number++)
	{
		MixtureOptions options = {.covariance_type = cell.family,.max_iter = 1000,.tol = 1e-7,
		.seed = 1,.accelerate = true};
		MixtureFit	fit;
		MixtureError error;
		double		best;
		double		found;
		double		start;

		draw_cell(number);
		options.covariance_type = cell.family;
		if (known ? fscanf(file, "%lf", &best) != 1 :
			fprintf(file, "%.17g\n", best = best_of_plain(number)) < 0)
			return 2;
		start = now();
		found = worth(mixture_fit(&cell.source, cell.k, &options, &host, &fit, &error), &fit);
		seconds += now() - start;
		if (!(best > -INFINITY))
			continue;
		n_artefacts += !(found > -INFINITY);
		n_short += found > -INFINITY && found < best - SHORT * cell.n;
		n_higher += found > best + SHORT * cell.n;
		if (found > -INFINITY && found < best)
			missing += (best - found) / cell.n;
	}
	fclose(file);
	printf("%d|%d|%d|%.3f|%.1f\n", n_short, n_artefacts, n_higher, missing, seconds);
	return 0;
}
