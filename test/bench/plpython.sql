-- plpython.sql: what one would write with PL/Python and scikit-learn where there
-- is no gmm.  threads is what BLAS and OpenMP may use; 0 leaves it to them.

CREATE EXTENSION plpython3u;

-- Fit k components to all features of a table and predict the component of each
-- row.  scikit-learn's default tolerance comes first; if that does not reach the
-- mean log-likelihood `target`, the fit is continued from where it is with a
-- tenth of the tolerance, until it does, or until that gained less than a tenth of
-- what is missing: then it stands at another, lower optimum.  Counting the labels
-- here and not in SQL spares Python returning a million rows.
CREATE FUNCTION sklearn_fit_predict(relation text, k int, threads int, seed int,
                                    target float8,
                                    OUT log_likelihood float8, OUT fetching float8,
                                    OUT fitting float8, OUT predicting float8,
                                    OUT n_labels bigint)
LANGUAGE plpython3u AS $$
import time
import warnings
import numpy as np
from sklearn.mixture import GaussianMixture
from threadpoolctl import threadpool_limits

warnings.filterwarnings("ignore")
with threadpool_limits(limits=threads or None):
    began = time.perf_counter()
    cursor = plpy.cursor(f"SELECT features FROM {relation}")
    batches = []
    while True:
        batch = cursor.fetch(50000)
        if not batch:
            break
        batches.append(np.array([row["features"] for row in batch]))
    rows = np.concatenate(batches)
    fetched = time.perf_counter()

    mixture = GaussianMixture(k, random_state=seed, warm_start=True)
    mixture.fit(rows)
    while mixture.lower_bound_ < target:
        before = mixture.lower_bound_
        mixture.tol /= 10
        mixture.fit(rows)
        if mixture.lower_bound_ - before < (target - mixture.lower_bound_) / 10:
            break
    fitted = time.perf_counter()

    labels = np.bincount(mixture.predict(rows))
    predicted = time.perf_counter()
return (mixture.lower_bound_, fetched - began, fitted - fetched, predicted - fitted,
        int(labels.sum()))
$$;

-- A mixture for each of the first n groups of a table (group_id, features).
CREATE FUNCTION sklearn_fit_groups(relation text, n int, k int, OUT n_models bigint)
LANGUAGE plpython3u AS $$
import warnings
import numpy as np
from sklearn.mixture import GaussianMixture
from threadpoolctl import threadpool_limits

warnings.filterwarnings("ignore")
groups = {}
for row in plpy.cursor(f"SELECT group_id, features FROM {relation} WHERE group_id < {n}"):
    groups.setdefault(row["group_id"], []).append(row["features"])
with threadpool_limits(limits=1):
    models = [GaussianMixture(k, random_state=0).fit(np.array(rows))
              for rows in groups.values()]
return len(models)
$$;
