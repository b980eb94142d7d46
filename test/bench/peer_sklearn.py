"""scikit-learn on the benchmark's rows, outside of any server.

    peer_sklearn.py fit ROWS START D K FAMILY STEPS_1 STEPS_2
    peer_sklearn.py predict ROWS START D K FAMILY
    peer_sklearn.py quality ROWS - D K FAMILY
    peer_sklearn.py starts ROWS - D K FAMILY N
    peer_sklearn.py chain ROWS - D K FAMILY Q
    peer_sklearn.py blas

fit prints, as every peer does: seconds of STEPS_1 iterations, seconds of STEPS_2, and
the mean log-likelihood after STEPS_2.  Both are of one fit, which notes when each
iteration begins: what comes before the first, and is larger than some iterations,
is in neither, and the seconds after STEPS_1 are STEPS_2 - STEPS_1 times the median
iteration, so that one that was disturbed does not count.  predict prints the
seconds of one call.  quality prints the seconds and the mean log-likelihood of
a fit with n_init=1, the same with n_init=10, and what the latter comes to when
it is continued until it no longer moves.  starts prints the seconds and the mean
log-likelihood of a fit with n_init=N; chain the seconds of principal components, a
fit to Q of them, and a prediction.

Seconds are processor time, as run.sh says.  The number of threads is the
environment's: OMP_NUM_THREADS and OPENBLAS_NUM_THREADS.
"""
import sys
import time
import warnings

import numpy as np
import threadpoolctl
from sklearn.decomposition import PCA
from sklearn.mixture import GaussianMixture

warnings.filterwarnings("ignore")       # that max_iter iterations did not converge


def seconds(call):
    began = time.process_time()
    call()
    return time.process_time() - began


def read_rows(name, d):
    if name.endswith(".csv"):
        return np.loadtxt(name, delimiter=",", ndmin=2)
    return np.fromfile(name).reshape(-1, d)


def read_start(name, d, k, family):
    values = np.fromfile(name)
    weights, means, variances = np.split(values, [k, k + k * d])
    precisions = np.tile(1 / variances, (k, 1))
    if family == "full":
        precisions = np.array([np.diag(p) for p in precisions])
    elif family == "tied":
        precisions = np.diag(precisions[0])
    elif family == "spherical":
        precisions = np.repeat(1 / variances.mean(), k)
    return dict(weights_init=weights, means_init=means.reshape(k, d),
                precisions_init=precisions)


class TimedMixture(GaussianMixture):
    """Notes when each E-step begins, with which an iteration begins, in processor time."""

    def _e_step(self, rows):
        self.begins.append(time.process_time())
        return super()._e_step(rows)


def fit(rows, start, k, family, steps_1, steps_2):
    # init_params does not matter: its result is replaced by the start.
    mixture = TimedMixture(k, covariance_type=family, tol=0, reg_covar=0, max_iter=steps_2,
                           init_params="random_from_data", random_state=0, **start)
    mixture.begins = []
    mixture.fit(rows)       # which ends with one more E-step
    t1 = mixture.begins[steps_1] - mixture.begins[0]
    iterations = np.diff(mixture.begins[steps_1:steps_2 + 1])
    print(t1, t1 + len(iterations) * np.median(iterations), mixture.score(rows))


def predict(rows, start, k, family):
    mixture = GaussianMixture(k, covariance_type=family, max_iter=1,
                              init_params="random_from_data", **start)
    mixture.fit(rows[:10000])
    print(seconds(lambda: mixture.predict(rows)))


def quality(rows, k, family):
    one = GaussianMixture(k, covariance_type=family, random_state=0)
    t1 = seconds(lambda: one.fit(rows))
    ten = GaussianMixture(k, covariance_type=family, random_state=0, n_init=10,
                          warm_start=True)
    t10 = seconds(lambda: ten.fit(rows))
    at_10 = ten.score(rows)
    ten.set_params(tol=1e-9, max_iter=2000)
    ten.fit(rows)                       # warm_start: continues the best of the ten
    print(t1, one.score(rows), t10, at_10, ten.score(rows))


def starts(rows, k, family, n_init):
    mixture = GaussianMixture(k, covariance_type=family, n_init=n_init, random_state=0)
    t = seconds(lambda: mixture.fit(rows))
    print(t, mixture.score(rows))


def chain(rows, k, family, q):
    def call():
        reduced = PCA(q, random_state=0).fit_transform(rows)
        GaussianMixture(k, covariance_type=family, random_state=0).fit(reduced).predict(reduced)
    print(seconds(call))


def main():
    if sys.argv[1] == "blas":
        libraries = [library for library in threadpoolctl.threadpool_info()
                     if library["user_api"] == "blas"]
        print(", ".join(f"{library['internal_api']} {library['version']}"
                        for library in libraries)
              or "the slow reference BLAS; libopenblas0-pthread is faster")
        return
    what, rows_name, start_name, d, k, family = sys.argv[1:7]
    d, k = int(d), int(k)
    rows = read_rows(rows_name, d)
    if what == "quality":
        quality(rows, k, family)
        return
    if what in ("starts", "chain"):
        (starts if what == "starts" else chain)(rows, k, family, int(sys.argv[7]))
        return
    start = read_start(start_name, d, k, family)
    if what == "fit":
        fit(rows, start, k, family, int(sys.argv[7]), int(sys.argv[8]))
    else:
        predict(rows, start, k, family)


main()
