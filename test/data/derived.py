"""Writes derived.json: what scikit-learn, SciPy and NumPy make of NULLs.

Random mixtures of each family, rows with some elements missing, and for each
row, of the observed elements: the log density and the responsibilities by
scikit-learn's GaussianMixture with the marginal parameters; the outlier
p-value by SciPy's chi2.sf for one component, and for more as the share of
2,000,000 drawn rows that have a lower density; and, given them, the conditional mixture and its
mean by the textbook, B = S_mo S_oo^-1, with numpy.linalg.solve.

Run once; the tests read the file.

    python3 test/data/derived.py > test/data/derived.json
"""
import json

import numpy as np
import scipy
import sklearn
from scipy.stats import chi2
from sklearn.mixture import GaussianMixture
from sklearn.mixture._gaussian_mixture import _compute_precision_cholesky

random = np.random.default_rng(20261124)

N_DRAWN = 2000000


def random_covariance(d):
    a = random.normal(size=(d, d))
    return a @ a.T / d + 0.2 * np.eye(d)


def random_covariances(family, k, d):
    if family == "full":
        return np.array([random_covariance(d) for _ in range(k)])
    if family == "tied":
        return random_covariance(d)
    if family == "diag":
        return 0.2 + 2 * random.random((k, d))
    return 0.2 + 2 * random.random(k)


def matrices(family, covariances, k, d):
    if family == "full":
        return covariances
    if family == "tied":
        return np.array([covariances] * k)
    if family == "diag":
        return np.array([np.diag(c) for c in covariances])
    return np.array([c * np.eye(d) for c in covariances])


def marginal(weights, means, covariances, observed):
    part = GaussianMixture(len(weights), covariance_type="full")
    part.weights_ = weights
    part.means_ = means[:, observed]
    part.covariances_ = covariances[:, observed][:, :, observed]
    part.precisions_cholesky_ = _compute_precision_cholesky(part.covariances_, "full")
    return part


def outlier_pvalue(part, x, distance):
    if len(part.weights_) == 1:
        return float(chi2.sf(distance, len(x)))
    drawn = np.random.default_rng(20261126)
    n_rows = drawn.multinomial(N_DRAWN, part.weights_)
    rows = np.concatenate([drawn.multivariate_normal(mean, covariance, n)
                           for mean, covariance, n in zip(part.means_, part.covariances_, n_rows)])
    return float(np.mean(part.score_samples(rows) < part.score_samples(x[None])[0]))


def of_row(weights, means, covariances, row):
    observed = np.flatnonzero(~np.isnan(row))
    missing = np.flatnonzero(np.isnan(row))
    part = marginal(weights, means, covariances, observed)
    x = row[observed]
    proba = part.predict_proba(x[None])[0]
    distances = []
    given_means = []
    given_covariances = []
    for mean, covariance in zip(means, covariances):
        s_oo = covariance[np.ix_(observed, observed)]
        s_om = covariance[np.ix_(observed, missing)]
        s_mm = covariance[np.ix_(missing, missing)]
        centered = x - mean[observed]
        distances.append(centered @ np.linalg.solve(s_oo, centered))
        given_means.append(mean[missing] + s_om.T @ np.linalg.solve(s_oo, centered))
        given_covariances.append(s_mm - s_om.T @ np.linalg.solve(s_oo, s_om))
    imputed = row.copy()
    imputed[missing] = proba @ np.array(given_means)
    return {
        "row": [None if np.isnan(v) else v for v in row],
        "logpdf": part.score_samples(x[None])[0],
        "proba": proba.tolist(),
        "mahalanobis": np.sqrt(distances).tolist(),
        "outlier_pvalue": outlier_pvalue(part, x, distances[0]),
        "imputed": imputed.tolist(),
        "condition": {
            "weights": proba.tolist(),
            "means": np.array(given_means).tolist(),
            "covariances": np.array(given_covariances).tolist(),
        },
    }


def main():
    cases = []
    for family in ["full", "tied", "diag", "spherical"]:
        for k, d in [(1, 2), (3, 4), (2, 6)]:
            weights = random.dirichlet(5 * np.ones(k))
            means = 1.5 * random.normal(size=(k, d))
            covariances = random_covariances(family, k, d)
            rows = []
            for _ in range(4):
                row = 2 * random.normal(size=d)
                n_missing = random.integers(1, d)
                row[random.choice(d, n_missing, replace=False)] = np.nan
                rows.append(of_row(weights, means, matrices(family, covariances, k, d), row))
            cases.append({
                "model": {"covariance_type": family, "weights": weights.tolist(),
                          "means": means.tolist(), "covariances": covariances.tolist()},
                "rows": rows,
            })
    print(json.dumps({
        "made_by": "test/data/derived.py",
        "with": {"scikit-learn": sklearn.__version__, "scipy": scipy.__version__,
                 "numpy": np.__version__},
        "cases": cases,
    }, indent=0))


main()
