/*
 * data.c
 *	  Rows drawn from a mixture, for the benchmark.
 *
 *		data ROWS D K full|tied|diag|spherical SEED rows|copy|start|model
 *
 * The same arguments always give the same rows, so nothing need be stored, and
 * fewer rows are the first ones of more.  Written to standard output:
 *
 *		rows	the rows as doubles, one after the other: for the peers
 *		copy	the same rows as COPY (FORMAT binary) reads them
 *		start	where EM is to start, as doubles: K weights, K x D means, and
 *				the D variances that every component gets
 *		model	the same start as the text form of a gmm_model
 *
 * The components' centres are about four standard deviations apart in any
 * number of dimensions: near enough to overlap, so that no one gets the
 * responsibilities for nothing.  A row's component is drawn at random, so
 * every stretch of rows has all of them.  The start is a poor one: equal
 * weights, centres halfway between the true ones and zero, the variances of
 * all rows.  So EM has something to do in every iteration that is timed, but
 * no component collapses, which some of the peers would not survive.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define START_ROWS 10000		/* rows from which the start's variances come */

static uint64_t random_state;

/* Steele, Lea and Flood's splitmix64, as a number above 0 and up to 1. */
static double
next_uniform(void)
{
	uint64_t	bits = (random_state += UINT64_C(0x9e3779b97f4a7c15));

	bits = (bits ^ (bits >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	bits = (bits ^ (bits >> 27)) * UINT64_C(0x94d049bb133111eb);
	bits ^= bits >> 31;
	return ((double) (bits >> 11) + 1) * 0x1p-53;
}

/* Box and Muller's pairs. */
static double
next_normal(void)
{
	static int	have_spare;
	static double spare;
	double		radius;
	double		angle;

	if (have_spare)
	{
		have_spare = 0;
		return spare;
	}
	radius = sqrt(-2 * log(next_uniform()));
	angle = 2 * M_PI * next_uniform();
	spare = radius * sin(angle);
	have_spare = 1;
	return radius * cos(angle);
}

typedef struct Mixture
{
	int			d;
	int			k;
	double	   *until;			/* k: the sum of the weights up to this one */
	double	   *means;			/* k x d */
	double	   *factors;		/* k x d x d, lower triangles */
} Mixture;

static void *
allocate(size_t count)
{
	void	   *memory = calloc(count, sizeof(double));

	if (memory == NULL)
	{
		fputs("data: out of memory\n", stderr);
		exit(1);
	}
	return memory;
}

static void
draw_mixture(Mixture *mixture, int d, int k, int diag)
{
	double		sum = 0;

	mixture->d = d;
	mixture->k = k;
	mixture->until = allocate(k);
	mixture->means = allocate((size_t) k * d);
	mixture->factors = allocate((size_t) k * d * d);
	for (int c = 0; c < k; c++)
	{
		double	   *factor = mixture->factors + (size_t) c * d * d;

		sum += 1 + next_uniform();
		mixture->until[c] = sum;
		for (int i = 0; i < d; i++)
		{
			mixture->means[c * d + i] = 4 / sqrt(2 * d) * next_normal();
			for (int j = 0; j < i && !diag; j++)
				factor[i * d + j] = 0.5 / sqrt(d) * next_normal();
			factor[i * d + i] = exp(0.3 * next_normal());
		}
	}
	for (int c = 0; c < k; c++)
		mixture->until[c] /= sum;
}

static void
draw_row(const Mixture *mixture, double *row, double *noise)
{
	int			d = mixture->d;
	int			c = 0;
	double		which = next_uniform();
	const double *factor;

	while (c < mixture->k - 1 && which > mixture->until[c])
		c++;
	factor = mixture->factors + (size_t) c * d * d;
	for (int i = 0; i < d; i++)
	{
		double		value = mixture->means[c * d + i];

		noise[i] = next_normal();
		for (int j = 0; j <= i; j++)
			value += factor[i * d + j] * noise[j];
		row[i] = value;
	}
}

static void
put_bytes(uint64_t value, int bytes)
{
	for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
		putchar_unlocked((int) (value >> shift & 0xff));
}

/* One row of COPY: one column, an array of float8 (type 701). */
static void
put_copy_row(const double *row, int d)
{
	put_bytes(1, 2);
	put_bytes(20 + 12 * (uint64_t) d, 4);
	put_bytes(1, 4);			/* dimensions */
	put_bytes(0, 4);			/* no NULLs */
	put_bytes(701, 4);
	put_bytes(d, 4);
	put_bytes(1, 4);			/* lower bound */
	for (int i = 0; i < d; i++)
	{
		uint64_t	bits;

		memcpy(&bits, &row[i], sizeof(bits));
		put_bytes(8, 4);
		put_bytes(bits, 8);
	}
}

static void
put_rows(const Mixture *mixture, long n_rows, int copy)
{
	double	   *row = allocate(mixture->d);
	double	   *noise = allocate(mixture->d);

	if (copy)
	{
		fwrite("PGCOPY\n\377\r\n\0", 11, 1, stdout);
		put_bytes(0, 8);
	}
	for (long i = 0; i < n_rows; i++)
	{
		draw_row(mixture, row, noise);
		if (copy)
			put_copy_row(row, mixture->d);
		else
			fwrite(row, sizeof(double), mixture->d, stdout);
	}
	if (copy)
		put_bytes(0xffff, 2);
}

static void
put_list(const double *values, int count, const char *end)
{
	for (int i = 0; i < count; i++)
		printf("%s%.17g", i ? "," : "[", values[i]);
	printf("]%s", end);
}

/* The rows of a diagonal matrix. */
static void
put_matrix(const double *variances, int d)
{
	double	   *row = allocate(d);

	for (int i = 0; i < d; i++)
	{
		memset(row, 0, d * sizeof(double));
		row[i] = variances[i];
		put_list(row, d, i < d - 1 ? "," : "");
	}
	free(row);
}

/* What a model's text has for covariances, between its brackets. */
static void
put_covariances(const double *variances, int k, int d, const char *family)
{
	double		mean = 0;

	for (int i = 0; i < d; i++)
		mean += variances[i] / d;
	if (strcmp(family, "tied") == 0)
	{
		put_matrix(variances, d);
		return;
	}
	for (int c = 0; c < k; c++)
	{
		const char *end = c < k - 1 ? "," : "";

		if (strcmp(family, "diag") == 0)
			put_list(variances, d, end);
		else if (strcmp(family, "spherical") == 0)
			printf("%.17g%s", mean, end);
		else
		{
			printf("[");
			put_matrix(variances, d);
			printf("]%s", end);
		}
	}
}

/* The start; its variances are those of the first rows. */
static void
put_start(const Mixture *mixture, long n_rows, const char *family, int as_model)
{
	int			d = mixture->d;
	int			k = mixture->k;
	long		n = n_rows < START_ROWS ? n_rows : START_ROWS;
	double	   *weights = allocate(k);
	double	   *means = allocate((size_t) k * d);
	double	   *sums = allocate(d);
	double	   *variances = allocate(d);
	double	   *row = allocate(d);
	double	   *noise = allocate(d);

	for (long i = 0; i < n; i++)
	{
		draw_row(mixture, row, noise);
		for (int j = 0; j < d; j++)
		{
			sums[j] += row[j];
			variances[j] += row[j] * row[j];
		}
	}
	for (int j = 0; j < d; j++)
		variances[j] = variances[j] / n - sums[j] / n * (sums[j] / n);
	for (int c = 0; c < k; c++)
		weights[c] = 1.0 / k;
	for (int i = 0; i < k * d; i++)
		means[i] = mixture->means[i] / 2;

	if (!as_model)
	{
		fwrite(weights, sizeof(double), k, stdout);
		fwrite(means, sizeof(double), (size_t) k * d, stdout);
		fwrite(variances, sizeof(double), d, stdout);
		return;
	}
	printf("{\"k\":%d,\"d\":%d,\"covariance_type\":\"%s\",\"weights\":", k, d, family);
	put_list(weights, k, ",\"means\":[");
	for (int c = 0; c < k; c++)
		put_list(means + (size_t) c * d, d, c < k - 1 ? "," : "],\"covariances\":[");
	put_covariances(variances, k, d, family);
	printf("]}\n");
}

int
main(int argc, char **argv)
{
	Mixture		mixture;
	long		n_rows;
	const char *family;
	int			round;

	if (argc != 7)
	{
		fputs("usage: data ROWS D K full|tied|diag|spherical SEED rows|copy|start|model\n", stderr);
		return 2;
	}
	n_rows = atol(argv[1]);
	family = argv[4];
	round = strcmp(family, "diag") == 0 || strcmp(family, "spherical") == 0;
	random_state = strtoull(argv[5], NULL, 10);
	draw_mixture(&mixture, atoi(argv[2]), atoi(argv[3]), round);

	if (strcmp(argv[6], "rows") == 0)
		put_rows(&mixture, n_rows, 0);
	else if (strcmp(argv[6], "copy") == 0)
		put_rows(&mixture, n_rows, 1);
	else
		put_start(&mixture, n_rows, family, strcmp(argv[6], "model") == 0);
	return fflush(stdout) == 0 ? 0 : 1;
}
