/*
 * pvalues.c
 *	  What gmm_outlier_pvalue says of rows that are drawn from the mixture, and
 *	  how long it takes.
 *
 *	pvalues DRAWS
 *
 * Of DRAWS rows a share of p is to be below p: each line has the mixture, the
 * milliseconds to prepare it, nanoseconds a row of log density and of p, the
 * largest distance of the shares from p over 1,000 values of it, and for each
 * level by how much the share found is larger than the level, in per cent, with
 * the deviation that chance has.
 */
#include <math.h>
#include <stdio.h>

#include "bench_host.h"
#include "engine/core/core.h"

#define TIMED_ROWS 4096
#define TIMED_ROUNDS 25
#define BINS 1000

static const double levels[] = {1e-2, 1e-3, 1e-4, 1e-5, 1e-6};

#define N_LEVELS (sizeof(levels) / sizeof(levels[0]))

/* Means `apart` from the origin, covariances of scales that differ by `scales`. */
static void
make_mixture(MixtureParameters *parameters, int k, int d, double apart, double scales)
{
	uint64_t	state = (uint64_t) (k * 100 + d);
	size_t		count = (size_t) d * (d + 1) / 2;
	double		sum = 0;

	mixture_allocate_parameters(parameters, MIXTURE_FULL, k, d, &host);
	for (int c = 0; c < k; c++)
		sum += parameters->weights[c] = exp(normal(&state));
	for (int c = 0; c < k; c++)
	{
		double		scale = exp(scales * normal(&state));
		double	   *covariance = parameters->covariances + c * count;
		double	   *a = malloc_allocate(NULL, sizeof(double) * d * d);

		parameters->weights[c] /= sum;
		for (int i = 0; i < d; i++)
			parameters->means[c * d + i] = apart * normal(&state);
		for (int i = 0; i < d * d; i++)
			a[i] = normal(&state) / sqrt(d);
		for (int i = 0; i < d; i++)
			for (int j = 0; j <= i; j++)
			{
				double		value = i == j ? 0.2 : 0;

				for (int l = 0; l < d; l++)
					value += a[i * d + l] * a[j * d + l];
				covariance[i * (i + 1) / 2 + j] = scale * value;
			}
		free(a);
	}
}

/* A mixture, and what scoring rows under it needs. */
typedef struct Scoring
{
	int			d;
	MixturePrepared *prepared;
	MixtureDrawing *drawing;
	MixtureTail *tail;
	double	   *work;
} Scoring;

/* Nanoseconds that one value takes: a row's p, or else its log density. */
static double
time_rows(const Scoring *scoring, const double *rows, bool pvalues)
{
	double		sum = 0;
	double		begun = now();
	double		ended;

	for (int i = 0; i < TIMED_ROWS * TIMED_ROUNDS; i++)
	{
		const double *row = rows + (size_t) (i % TIMED_ROWS) * scoring->d;

		sum += pvalues ?
			mixture_row_outlier_pvalue(scoring->prepared, scoring->tail, row, scoring->work) :
			mixture_row_log_density(scoring->prepared, row, scoring->work);
	}
	ended = now();
	/* so that what is timed is not left out */
	if (isnan(sum))
		fprintf(stderr, "not a number\n");
	return 1e9 * (ended - begun) / (TIMED_ROWS * TIMED_ROUNDS);
}

/* The shares of so many drawn rows that are below the levels, and below all values. */
static void
print_shares(const Scoring *scoring, int64_t draws)
{
	double	   *row = malloc_allocate(NULL, sizeof(double) * scoring->d);
	int64_t		bins[BINS] = {0};
	int64_t		found[N_LEVELS] = {0};
	int64_t		below = 0;
	double		largest = 0;

	for (int64_t i = 0; i < draws; i++)
	{
		double		p;

		mixture_draw_row(scoring->drawing, 2, i, row);
		p = mixture_row_outlier_pvalue(scoring->prepared, scoring->tail, row, scoring->work);
		bins[p < 1 ? (int) (p * BINS) : BINS - 1]++;
		for (size_t l = 0; l < N_LEVELS && p < levels[l]; l++)
			found[l]++;
	}
	for (int i = 0; i + 1 < BINS; i++)
	{
		below += bins[i];
		largest = fmax(largest, fabs((double) below / draws - (i + 1.0) / BINS));
	}
	printf("|%.4f", largest);
	for (size_t l = 0; l < N_LEVELS; l++)
	{
		double		expected = levels[l] * draws;

		if (expected < 1)
			printf("|");
		else
			printf("|%+.1f ± %.1f", 100 * (found[l] / expected - 1), 100 / sqrt(expected));
	}
	free(row);
}

/* One line: a mixture of this shape. */
static void
measure(int k, int d, double apart, double scales, int64_t draws)
{
	MixtureParameters parameters;
	MixtureError error = {0};
	Scoring		scoring = {.d = d};
	double	   *rows = malloc_allocate(NULL, sizeof(double) * TIMED_ROWS * d);
	double		begun;

	make_mixture(&parameters, k, d, apart, scales);
	scoring.prepared = mixture_prepare_rows(&parameters, &host, &error);
	scoring.drawing = mixture_drawing_create(&parameters, &host, &error);
	scoring.work = malloc_allocate(NULL, mixture_row_work_size(scoring.prepared) * sizeof(double));
	begun = now();
	scoring.tail = mixture_tail_create(scoring.prepared, parameters.weights, &host);
	printf("%d|%d|%g|%g|%.1f", k, d, apart, scales, 1e3 * (now() - begun));
	for (int i = 0; i < TIMED_ROWS; i++)
		mixture_draw_row(scoring.drawing, 1, i, rows + (size_t) i * d);
	printf("|%.0f", time_rows(&scoring, rows, false));
	printf("|%.0f", time_rows(&scoring, rows, true));
	print_shares(&scoring, draws);
	printf("\n");
	fflush(stdout);
	free(rows);
}

int
main(int argc, char **argv)
{
	int64_t		draws = argc > 1 ? atoll(argv[1]) : 100000000;

	measure(1, 10, 0, 0, draws);
	measure(2, 1, 1, 0.5, draws);
	measure(10, 1, 3, 1, draws);
	measure(10, 2, 1, 0.5, draws);
	measure(3, 3, 1, 0.5, draws);
	measure(5, 5, 1, 1, draws);
	measure(10, 10, 0.3, 0.1, draws);
	measure(10, 10, 1, 1, draws);
	measure(10, 10, 20, 0.5, draws);
	return 0;
}
