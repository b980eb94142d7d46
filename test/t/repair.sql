-- Repair, not surprise: what becomes of rows that do not support the mixture
-- that was asked for.  Each case is a usable model, in which what is suspect is
-- said to be so, or an error that says what to do.
\ir models.psql

-- The reasons of a model's components, in their order.
CREATE FUNCTION suspects(model gmm_model) RETURNS text LANGUAGE sql AS
$$SELECT string_agg(coalesce(suspect, 'sound'), ', ' ORDER BY component) FROM gmm_components(model)$$;

-- Usable: it comes back from its text, scores rows, and its counts agree.
CREATE FUNCTION usable(model gmm_model, features float8[]) RETURNS boolean LANGUAGE sql AS
$$SELECT gmm_model_send(model::text::gmm_model) = gmm_model_send(model) AND
         gmm_predict(model, features) BETWEEN 1 AND s.k AND gmm_logpdf(model, features) > -1e300 AND
         abs((SELECT sum(p) FROM unnest(gmm_predict_proba(model, features)) AS p) - 1) < 1e-9 AND
         s.n_suspect = (SELECT count(suspect) FROM gmm_components(model)) AND
         abs((SELECT sum(n_effective) FROM gmm_components(model)) - s.sum_weights) < 1e-6 * s.sum_weights
  FROM gmm_summary(model) AS s$$;

-- Every row five times: the model of the rows with weight 5, in which nothing
-- is suspect.
CREATE TABLE plain AS SELECT id, features FROM random_rows(:seed * 1000 + 201, 120, 2, 2);
SELECT alike(copies, weighted, 1e-9, 'duplicated rows are rows of that weight'),
       ok(usable(copies, '{0,0}') AND suspects(copies) = 'sound, sound', 'and not suspect')
FROM (SELECT gmm_fit(features, 2) AS copies FROM plain, generate_series(1, 5)) AS c,
     (SELECT gmm_fit(features, 2, '{}', 5) AS weighted FROM plain) AS w;

-- A constant column is a column like others: the mixture of the other columns,
-- with a narrow variance there, which is not a component's fault.
CREATE TABLE constant AS
SELECT gmm_fit(features || 4.2::float8, 2, o) AS with_it, gmm_fit(features, 2, o) AS without
FROM datasets, gmm_options(tol => 1e-14, max_iter => 5000) AS o WHERE data = 'faithful';
SELECT ok(apart((SELECT gmm_model(array_agg(weight ORDER BY component), array_agg(mean[1:2] ORDER BY component),
                                  array_agg(covariance[1:2][1:2] ORDER BY component)) FROM gmm_components(with_it)),
                without) < 1e-5, 'a constant column makes no other mixture'),
       ok(usable(with_it, '{3,70,4.2}') AND suspects(with_it) = 'sound, sound', 'and nothing suspect')
FROM constant;
SELECT ok(usable(model, '{0,0,0}') AND suspects(model) = 'sound, sound', 'nor does a column that is the sum of the others, ' || family)
FROM (SELECT family, gmm_fit(features || (features[1] + features[2]), 2, gmm_options(covariance_type => family)) AS model
      FROM plain, families GROUP BY family) AS f ORDER BY family;

-- One distinct row: a component on it, and no second one.
SELECT ok(usable(model, '{3,4}') AND (SELECT mean = '{3,4}' FROM gmm_components(model)), 'one distinct row is a model, ' || family)
FROM (SELECT family, gmm_fit('{3,4}', 1, gmm_options(covariance_type => family)) AS model
      FROM families, generate_series(1, 9) GROUP BY family) AS f ORDER BY family;
SELECT raises($$SELECT gmm_fit('{3,4}', 2) FROM generate_series(1, 9)$$, '22023', 'only 1 distinct row', 'but not of two components');

-- As many components as rows, or nearly: a model, in which what stands on few
-- rows is said to be suspect.
SELECT ok(usable(model, features) AND (gmm_summary(model)).n_suspect >= k - n / 3,
          format('%s components for %s rows', k, n))
FROM (SELECT n, k, gmm_fit(features, k) AS model, min(features) AS features
      FROM (VALUES (6, 6), (6, 5), (12, 12), (12, 10), (20, 19)) AS v (n, k), plain WHERE id <= n GROUP BY n, k) AS f;
SELECT ok((gmm_summary(model)).n_suspect >= 3, 'four rows, four components: ' || suspects(model))
FROM (SELECT gmm_fit(ARRAY[i * i], 4) AS model FROM generate_series(1, 4) AS i) AS f;

-- More dimensions than rows: no covariance matrix is supported, and that is said;
-- families that need less say nothing.
SELECT ok(usable(model, features), 'more dimensions than rows, ' || family),
       equals(suspects(model), CASE family WHEN 'full' THEN 'few rows' ELSE 'sound' END, 'what is suspect, ' || family)
FROM (SELECT family, gmm_fit(features, 1, gmm_options(covariance_type => family)) AS model, min(features) AS features
      FROM random_rows(:seed * 1000 + 202, 7, 12, 1), families GROUP BY family) AS f ORDER BY family;

-- What no start got right is begun anew: on iris with one start each, and
-- components enough for some to starve.  Iris has many values that were rounded
-- alike, so that without a bound one random start often ends at one of them.
CREATE TABLE fits AS
SELECT k, s, gmm_fit(features, k, gmm_options(n_init => 1, init => 'random', seed => s, reg_covar => 1e-6)) AS model
FROM datasets, unnest(ARRAY[6, 9, 12]) AS k, generate_series(1, 40) AS s WHERE data = 'iris' GROUP BY k, s;
SELECT ok(count(*) FILTER (WHERE n_reseeded > 0 AND n_suspect = 0) >= 5,
          format('of 120 fits %s were repaired', count(*) FILTER (WHERE n_reseeded > 0 AND n_suspect = 0))) ||
       format(E'\n# still suspect: %s', count(*) FILTER (WHERE n_suspect > 0))
FROM fits, gmm_summary(model);
SELECT ok(bool_and(usable(model, '{6,3,4,1}')), 'each is usable') FROM fits;
SELECT ok(bool_and(weight > 0 AND n_effective >= 5 AND condition_number >= 1), 'what is sound has its rows')
FROM fits, gmm_components(model) WHERE suspect IS NULL;

-- Neither the order of rows nor units show in a repair.
SELECT ok(bool_and(again.model::text = fits.model::text), 'in another order of rows they are the same, to the last digit')
FROM fits JOIN (SELECT k, s, gmm_fit(features, k, gmm_options(n_init => 1, init => 'random', seed => s, reg_covar => 1e-6) ORDER BY features) AS model
                FROM datasets, unnest(ARRAY[6, 9, 12]) AS k, generate_series(1, 40) AS s WHERE data = 'iris' GROUP BY k, s)
     AS again USING (k, s);
SELECT ok(count(*) > 0 AND bool_and((t.n_reseeded, t.n_suspect) = (r.n_reseeded, r.n_suspect) AND
                                    abs(t.log_likelihood - r.log_likelihood - 600 * ln(1024)) < 1e-4),
          'in other units they are the same mixtures')
FROM fits JOIN (SELECT k, s, gmm_fit(ARRAY[features[1] / 1024, features[2] / 1024, features[3] / 1024, features[4] / 1024], k,
                                     gmm_options(n_init => 1, init => 'random', seed => s, reg_covar => 1e-6)) AS model
                FROM datasets, unnest(ARRAY[6, 9, 12]) AS k, generate_series(1, 40) AS s WHERE data = 'iris' GROUP BY k, s)
     AS again USING (k, s), gmm_summary(fits.model) AS r, gmm_summary(again.model) AS t
WHERE r.n_reseeded > 0;

-- gmm_refit begins nothing anew, for its components keep their places: one that
-- gets no rows is there, suspect.
SELECT equals(suspects(refitted), 'sound, few rows', 'a component without rows keeps its place in a refit'),
       ok(usable(refitted, '{0,0}') AND (gmm_summary(refitted)).n_reseeded = 0, 'and the model can be used')
FROM (SELECT gmm_refit(features, gmm_model('{0.5,0.5}', '{{0,0},{1e6,1e6}}', '{1,1}', 'spherical')) AS refitted FROM plain) AS f;

-- gmm_fit_best prefers what the rows support: not the tight pair among them.
SELECT ok((SELECT n_suspect FROM gmm_trials(model) WHERE chosen) = 0 AND usable(model, '{0,0}'),
          'gmm_fit_best chooses without suspects where it can')
FROM (SELECT gmm_fit_best(features, 1, 12, '{"covariance_type": "full"}') AS model FROM plain WHERE id <= 40) AS f;

SELECT finish();
