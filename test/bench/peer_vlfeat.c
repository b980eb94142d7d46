/*
 * peer_vlfeat.c
 *	  VLFeat's GMM, which has diagonal covariances, on the benchmark's rows.
 *
 *		peer_vlfeat fit ROWS START D K diag STEPS_1 STEPS_2
 *
 * Prints processor seconds of a fit of STEPS_1 iterations from the start, those
 * of one of STEPS_2, and the mean log-likelihood after STEPS_2.  VLFeat makes
 * one iteration more than it is told, in both, and the log-likelihood that it
 * then knows is that before the last.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <vl/generic.h>
#include <vl/gmm.h>

static double *
read_doubles(const char *name, size_t *count)
{
	FILE	   *file = fopen(name, "rb");
	double	   *values;

	if (file == NULL)
	{
		perror(name);
		exit(1);
	}
	fseek(file, 0, SEEK_END);
	*count = ftell(file) / sizeof(double);
	rewind(file);
	values = malloc(*count * sizeof(double));
	if (values == NULL || fread(values, sizeof(double), *count, file) != *count)
	{
		perror(name);
		exit(1);
	}
	fclose(file);
	return values;
}

static double
seconds_of_fit(const double *rows, size_t n_rows, double *start, int d, int k,
			   int steps, double *log_likelihood)
{
	VlGMM	   *gmm = vl_gmm_new(VL_TYPE_DOUBLE, d, k);
	double	   *means = start + k;
	double	   *variances = malloc((size_t) k * d * sizeof(double));
	struct timespec began;
	struct timespec ended;

	for (int i = 0; i < k * d; i++)
		variances[i] = start[k + k * d + i % d];
	vl_gmm_set_initialization(gmm, VlGMMCustom);
	vl_gmm_set_priors(gmm, start);
	vl_gmm_set_means(gmm, means);
	vl_gmm_set_covariances(gmm, variances);
	vl_gmm_set_covariance_lower_bound(gmm, 1e-300);
	vl_gmm_set_max_num_iterations(gmm, steps);

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &began);
	*log_likelihood = vl_gmm_em(gmm, rows, n_rows);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ended);

	vl_gmm_delete(gmm);
	free(variances);
	return (ended.tv_sec - began.tv_sec) + 1e-9 * (ended.tv_nsec - began.tv_nsec);
}

int
main(int argc, char **argv)
{
	size_t		n_values;
	size_t		n_start;
	double	   *rows;
	double	   *start;
	double		log_likelihood;
	double		t1;
	double		t2;
	int			d;
	int			k;

	if (argc != 9)
		return 2;
	rows = read_doubles(argv[2], &n_values);
	start = read_doubles(argv[3], &n_start);
	d = atoi(argv[4]);
	k = atoi(argv[5]);
	vl_set_num_threads(1);
	t1 = seconds_of_fit(rows, n_values / d, start, d, k, atoi(argv[7]), &log_likelihood);
	t2 = seconds_of_fit(rows, n_values / d, start, d, k, atoi(argv[8]), &log_likelihood);
	printf("%.6f %.6f %.12f\n", t1, t2,
		   log_likelihood / (n_values / d));
	return 0;
}
