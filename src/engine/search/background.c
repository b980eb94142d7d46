/*
 * background.c
 *	  Which rows look like noise before there is a model: those around which
 *	  there are the fewest others.
 *
 * Starts that see noise spend their seeds on it, for it is far from everything.
 * So where the mixture is to have noise a start is made of the other rows alone.
 * How dense it is around a row shows in how far one has to go for a number of
 * others (Byers and Raftery 1998), in coordinates in which the box of the noise
 * is about as long in one direction as in another.  How many rows are noise is
 * not known: each start takes another share of them for it, in turn, and EM puts
 * right what it can; where the share was too large whole groups are missing, and
 * where it was too small groups are joined.  The likelihood tells.
 */
#include "engine/search/search.h"

#include <math.h>
#include <stdlib.h>

#include "engine/core/linalg.h"

/* Rows around a row that are looked at, but for itself */
#define NEIGHBORS 10

/* Rows among which they are looked for; full blocks */
#define MOST_REFERENCES (6 * MIXTURE_BLOCK_ROWS)

/* What share of the weight is taken for noise, by the start's number */
static const double shares[BACKGROUND_SHARES] = {0.15, 0.35, 0.05, 0.6, 0.25, 0.1, 0.45};

/* Rows for each cluster that there have to be left */
#define LEAST_LEFT 4

/* A row and how far its neighbours are. */
typedef struct Sparse
{
	double		distance;		/* squared */
	int64_t		row;
} Sparse;

struct Background
{
	const MixtureHost *host;
	const Sample *whole;
	int64_t		n;				/* rows on which starts are found */
	Sample		rest;			/* the same rows, of which noise has no weight */
	Sparse	   *sparse;			/* n: those farthest from others first */
};

/*
 * A background of the first n rows of a sample, which must stay.  What is found
 * of them is for background_find(), since that needs coordinates for the rows
 * that background_rest() gives.
 */
Background *
background_create(const Sample *sample, int64_t n, const MixtureHost *host)
{
	Background *background = host->allocate(host->context, sizeof(Background));

	background->host = host;
	background->whole = sample;
	background->n = n;
	sample_reweigh(sample, &background->rest, host);
	background->sparse = host->allocate(host->context, n * sizeof(Sparse));
	return background;
}

void
background_release(Background *background)
{
	const MixtureHost *host = background->host;

	host->release(host->context, background->sparse);
	host->release(host->context, background->rest.weights);
	host->release(host->context, background);
}

/* The sample whose weights background_clear() sets. */
const Sample *
background_rest(const Background *background)
{
	return &background->rest;
}

/* The nearest rows that have been seen, and their weights. */
typedef struct Nearest
{
	int			n;
	double		distances[NEIGHBORS + 1];	/* ascending */
	double		weights[NEIGHBORS + 1];
} Nearest;

static inline void
note_neighbor(Nearest *nearest, double distance, double weight)
{
	int			place = nearest->n;

	if (place == NEIGHBORS + 1)
	{
		if (!(distance < nearest->distances[NEIGHBORS]))
			return;
		place--;
	}
	else
		nearest->n++;
	for (; place > 0 && distance < nearest->distances[place - 1]; place--)
	{
		nearest->distances[place] = nearest->distances[place - 1];
		nearest->weights[place] = nearest->weights[place - 1];
	}
	nearest->distances[place] = distance;
	nearest->weights[place] = weight;
}

/*
 * How far from `row` one has to go for as much weight as so many rows have on
 * the average, among the references; by their weights, so that copies of a row
 * are as good as its weight.
 */
static double
neighbor_distance(const SeedSpace *space, int64_t n_references, double weight,
				  const double *row, const MixtureHost *host)
{
	Nearest		nearest = {0};
	double		sum = 0;
	int			i = 0;

	for (int64_t number = 0; number * MIXTURE_BLOCK_ROWS < n_references; number++)
	{
		double		squares[KERNEL_WORK_STRIDE];
		MixtureBlock block;

		sample_block((void *) &space->blocks, number, &block);
		kernels_current()->squares(&block, space->blocks.d, row, 1, squares, host);
		for (int lane = 0; lane < block.n_rows; lane++)
			note_neighbor(&nearest, squares[lane], block.weights[lane]);
		host->check_interrupts(host->context);
	}
	while (i < nearest.n - 1 && (sum += nearest.weights[i]) < weight)
		i++;
	return nearest.distances[i];
}

/* The farthest from others first; of equals the one that comes first. */
static int
compare_sparse(const void *left, const void *right)
{
	const Sparse *a = left;
	const Sparse *b = right;

	if (a->distance != b->distance)
		return a->distance > b->distance ? -1 : 1;
	return (a->row > b->row) - (a->row < b->row);
}

/* Find how sparse it is around each row, in the coordinates of the space. */
void
background_find(Background *background, const SeedSpace *space)
{
	const MixtureHost *host = background->host;
	int64_t		n_references = background->n < MOST_REFERENCES ? background->n : MOST_REFERENCES;
	double		weight = 0;

	for (int64_t i = 0; i < n_references; i++)
		weight += background->whole->weights[i] * (NEIGHBORS + 1) / (double) n_references;
	for (int64_t i = 0; i < background->n; i++)
	{
		background->sparse[i].row = i;
		background->sparse[i].distance = neighbor_distance(space, n_references,
														   weight * (1 - 1e-9),
														   space->rows + i * space->blocks.d, host);
	}
	sort_items(background->sparse, background->n, sizeof(Sparse), compare_sparse, host);
}

/*
 * Give the rows that start number `number` takes for noise no weight, and all
 * others theirs, but leave enough for n clusters.  Returns the share of their
 * weight.
 */
double
background_clear(Background *background, int number, int n)
{
	Sample	   *rest = &background->rest;
	const double *weights = background->whole->weights;
	double		total = 0;
	double		noise = 0;
	double		most;
	int64_t		left = background->n;

	for (int64_t i = 0; i < background->n; i++)
	{
		rest->weights[i] = weights[i];
		total += weights[i];
	}
	most = total * shares[number % BACKGROUND_SHARES];
	for (int64_t i = 0; i < background->n && left > (int64_t) LEAST_LEFT * n; i++)
	{
		int64_t		row = background->sparse[i].row;

		if (noise + weights[row] > most)
			break;
		noise += weights[row];
		rest->weights[row] = 0;
		left--;
	}
	return noise > 0 ? noise / total : MIXTURE_FIRST_NOISE;
}
