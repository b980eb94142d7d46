/*
 * peer_armadillo.cpp
 *	  Armadillo's gmm_full and gmm_diag on the benchmark's rows.
 *
 *		peer_armadillo fit ROWS START D K FAMILY STEPS_1 STEPS_2
 *
 * Prints processor seconds of learn() with STEPS_1 iterations from the start, seconds
 * with STEPS_2, and the mean log-likelihood after these.  Rows one after the
 * other are the columns of a column-major matrix, so nothing is copied.  It is
 * compiled for this machine's processor, and without OpenMP: one thread.
 */
#include <armadillo>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <string>
#include <vector>

static std::vector<double>
read_doubles(const char *name)
{
	std::ifstream file(name, std::ios::binary | std::ios::ate);
	std::vector<double> values(file.tellg() / sizeof(double));

	file.seekg(0);
	file.read(reinterpret_cast<char *>(values.data()),
			  values.size() * sizeof(double));
	return values;
}

template<typename Model> static double
seconds_of_learn(Model &model, const arma::mat &rows, int steps)
{
	std::clock_t began = std::clock();

	model.learn(rows, model.n_gaus(), arma::eucl_dist, arma::keep_existing,
				0, steps, 1e-300, false);
	return double(std::clock() - began) / CLOCKS_PER_SEC;
}

template<typename Model> static void
compare(const Model &start, const arma::mat &rows, int steps_1, int steps_2)
{
	Model		first = start;
	Model		second = start;
	double		t1 = seconds_of_learn(first, rows, steps_1);
	double		t2 = seconds_of_learn(second, rows, steps_2);

	std::printf("%.6f %.6f %.12f\n", t1, t2, second.avg_log_p(rows));
}

int
main(int, char **argv)
{
	std::vector<double> values = read_doubles(argv[2]);
	std::vector<double> start = read_doubles(argv[3]);
	int			d = std::atoi(argv[4]);
	int			k = std::atoi(argv[5]);
	int			steps_1 = std::atoi(argv[7]);
	int			steps_2 = std::atoi(argv[8]);
	const arma::mat rows(values.data(), d, values.size() / d, false, true);
	const arma::rowvec weights(start.data(), k);
	const arma::mat means(start.data() + k, d, k);
	const arma::vec variances(start.data() + k + k * d, d);

	if (std::string(argv[6]) == "diag")
	{
		arma::gmm_diag model(d, k);

		model.set_params(means, arma::repmat(variances, 1, k), weights);
		compare(model, rows, steps_1, steps_2);
	}
	else
	{
		arma::gmm_full model(d, k);
		arma::cube	covariances(d, d, k);

		covariances.each_slice() = arma::diagmat(variances);
		model.set_params(means, covariances, weights);
		compare(model, rows, steps_1, steps_2);
	}
	return 0;
}
