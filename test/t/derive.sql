-- What is made from a model agrees with the model: parts and conditionals
-- multiply to the whole, what is imputed is a mean, rows that are drawn refit to
-- what they were drawn from, and p-values of such rows are uniform.
\ir models.psql

-- Models of all families and several shapes, from a few steps of EM.
CREATE TABLE fitted AS
SELECT family, d, k, gmm_fit(features, k, gmm_options(covariance_type => family, max_iter => 5)) AS model
FROM (VALUES (1, 2), (2, 3), (3, 1), (5, 4), (9, 3)) AS shape (d, k), families,
     LATERAL random_rows(:seed * 1000 + 500 + d, 60 + 60 * k, d, k)
GROUP BY family, d, k;

SELECT equals(count(*), 20::bigint, 'models of four families in five shapes') FROM fitted;

-- Rows of each, near and far, and with each row elements that are NULL: from
-- one of them to all but one.
CREATE TABLE holed AS
SELECT family, d, k, model, number, x, observed,
       (SELECT array_agg(CASE WHEN j = ANY (observed) THEN x[j] END ORDER BY j) FROM generate_subscripts(x, 1) AS j) AS x_holed,
       (SELECT array_agg(x[j] ORDER BY j) FROM unnest(observed) AS j) AS x_observed,
       (SELECT array_agg(x[j] ORDER BY j) FROM generate_subscripts(x, 1) AS j WHERE j <> ALL (observed)) AS x_missing
FROM (SELECT *, row_number() OVER (PARTITION BY family, d, k) AS number
      FROM (SELECT family, d, k, model, CASE WHEN i % 7 = 0 THEN (SELECT array_agg(5 * e) FROM unnest(features) AS e) ELSE features END AS x
            FROM fitted, LATERAL (SELECT row_number() OVER () AS i, features
                                  FROM gmm_sample(model, 40, :seed)) AS s
            WHERE d > 1) AS drawn) AS numbered,
     LATERAL (SELECT array_agg(j ORDER BY j)
              FROM (SELECT j FROM generate_series(1, d) AS j
                    ORDER BY uniform(:seed, 500 + j, number) LIMIT 1 + number % (d - 1)) AS chosen) AS c (observed);

-- All numbers and nulls of a JSON array, however nested, in their order.
CREATE FUNCTION pg_temp.numbers(list jsonb) RETURNS double precision[] LANGUAGE sql IMMUTABLE AS $$
    SELECT array_agg((e #>> '{}')::double precision ORDER BY i)
    FROM jsonb_path_query(list, 'strict $.**') WITH ORDINALITY AS a (e, i)
    WHERE jsonb_typeof(e) IN ('number', 'null')
$$;

-- The same of a model: weights, means, covariances.
CREATE FUNCTION pg_temp.numbers(model gmm_model) RETURNS double precision[] LANGUAGE sql IMMUTABLE AS $$
    SELECT array_agg(number ORDER BY kind, component, i)
    FROM (SELECT 1 AS kind, component, 1 AS i, weight AS number FROM gmm_components(model)
          UNION ALL SELECT 2, component, i, e FROM gmm_components(model), unnest(mean) WITH ORDINALITY AS u (e, i)
          UNION ALL SELECT 3, component, i, e FROM gmm_components(model), unnest(covariance) WITH ORDINALITY AS u (e, i)) AS n
$$;

CREATE FUNCTION pg_temp.largest_difference(a double precision[], b double precision[])
RETURNS double precision LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN cardinality(a) = cardinality(b)
                THEN (SELECT max(coalesce(abs(p - q) / (1 + abs(q)), 'Infinity')) FROM unnest(a, b) AS u (p, q))
                ELSE 'Infinity' END
$$;

-- p(x, y) = p(x) p(y | x); NULL elements are marginalised.
SELECT all_within(array_agg(abs(whole - part - rest) / (1 + abs(whole))), 160, 1e-11,
                  family || ': a mixture is its marginal times its conditional') || E'\n' ||
       all_within(array_agg(abs(part - holed_pdf) / (1 + abs(part))), 160, 1e-12,
                  family || ': gmm_logpdf of a row with NULLs is that of the marginal')
FROM (SELECT family, gmm_logpdf(model, x) AS whole,
             gmm_logpdf(gmm_marginal(model, observed), x_observed) AS part,
             gmm_logpdf(gmm_condition(model, x_holed), x_missing) AS rest,
             gmm_logpdf(model, x_holed) AS holed_pdf
      FROM holed) AS p
GROUP BY family ORDER BY family;

SELECT ok(bool_and((SELECT covariance_type FROM gmm_summary(gmm_condition(model, x_holed))) = family AND
                   (SELECT covariance_type FROM gmm_summary(gmm_marginal(model, observed))) = family),
          family || ': marginal and conditional are of the same family')
FROM holed GROUP BY family ORDER BY family;

-- What is imputed is the mean of the conditional mixture, in the right places.
SELECT all_within(array_agg(difference), 160, 1e-12,
                  family || ': gmm_impute fills in the mean of gmm_condition, and keeps the rest')
FROM holed,
     LATERAL (SELECT array_agg(total ORDER BY j)
              FROM (SELECT j, sum(weight * mean[j]) AS total
                    FROM gmm_components(gmm_condition(model, x_holed)), generate_subscripts(mean, 1) AS j
                    GROUP BY j) AS m) AS e (expected),
     LATERAL (SELECT max(CASE WHEN j = ANY (observed) THEN CASE WHEN filled[j] = x[j] THEN 0 ELSE 'Infinity'::double precision END
                              ELSE abs(filled[j] - expected[rank]) / (1 + abs(expected[rank])) END)
              FROM gmm_impute(model, x_holed) AS filled,
                   LATERAL (SELECT j, rank() OVER (PARTITION BY j = ANY (observed) ORDER BY j)
                            FROM generate_subscripts(filled, 1) AS j) AS p) AS w (difference)
GROUP BY family ORDER BY family;

-- By brute force, for one dimension given another: the sum over a fine grid.
SELECT all_within(array_agg(abs(filled[2] - by_grid)), 12, 1e-8,
                  'what is imputed is the mean of the density along the unknown')
FROM fitted, generate_series(-1, 1) AS x,
     gmm_impute(model, ARRAY[x, NULL]) AS filled,
     LATERAL (SELECT sum(y * density) / sum(density)
              FROM generate_series(-4000, 4000) AS i, LATERAL (SELECT i * 0.01 AS y) AS g,
                   LATERAL (SELECT gmm_logpdf(model, ARRAY[x, y])) AS l (l),
                   LATERAL (SELECT CASE WHEN l > -700 THEN exp(l) ELSE 0 END AS density) AS e) AS b (by_grid)
WHERE d = 2;

-- A part of a part is the part; an order and its inverse give the model back,
-- bit for bit; given one dimension and then another is given both.
SELECT ok(bool_and(gmm_model_send(gmm_marginal(gmm_marginal(model, '{5,2,4,1}'), '{3,1}')) =
                   gmm_model_send(gmm_marginal(model, '{4,5}')) AND
                   gmm_marginal(gmm_marginal(model, '{3,5,1,2,4}'), '{3,4,1,5,2}')::jsonb =
                   gmm_marginal(model, '{1,2,3,4,5}')::jsonb),
          'a marginal of a marginal')
FROM fitted WHERE d = 5;

SELECT all_within(array_agg(pg_temp.largest_difference(
                      pg_temp.numbers(gmm_condition(gmm_condition(model, ARRAY[x[1], NULL, NULL, x[4], NULL]),
                                                    ARRAY[NULL, x[3], NULL])),
                      pg_temp.numbers(gmm_condition(model, ARRAY[x[1], NULL, x[3], x[4], NULL])))), 160, 1e-9,
                  'a conditional of a conditional')
FROM holed WHERE d = 5;

-- scikit-learn, SciPy and NumPy (test/data/derived.json says how).
\set derived `cat test/data/derived.json`
CREATE TABLE peer AS
SELECT c #>> '{model,covariance_type}' AS family, (c -> 'model')::gmm_model AS model,
       pg_temp.numbers(r -> 'row') AS x, r AS expected
FROM jsonb_array_elements(:'derived'::jsonb -> 'cases') AS c, jsonb_array_elements(c -> 'rows') AS r;

SELECT equals(count(*), 48::bigint, 'twelve models and four rows with NULLs of each') FROM peer;

SELECT all_within(array_agg(pg_temp.largest_difference(ARRAY[gmm_logpdf(model, x)],
                                                       pg_temp.numbers(jsonb_build_array(expected -> 'logpdf')))),
                  12, 1e-12, family || ', NULLs: gmm_logpdf is scikit-learn''s') || E'\n' ||
       all_within(array_agg(pg_temp.largest_difference(gmm_predict_proba(model, x), pg_temp.numbers(expected -> 'proba'))),
                  12, 1e-12, family || ', NULLs: gmm_predict_proba is scikit-learn''s') || E'\n' ||
       all_within(array_agg(pg_temp.largest_difference(gmm_mahalanobis(model, x), pg_temp.numbers(expected -> 'mahalanobis'))),
                  12, 1e-11, family || ', NULLs: gmm_mahalanobis is NumPy''s') || E'\n' ||
       all_within(array_agg(abs(p / q - 1)) FILTER (WHERE k = 1), 4, 1e-10,
                  family || ', NULLs, one component: gmm_outlier_pvalue is SciPy''s, relative to itself') || E'\n' ||
       all_within(array_agg(abs(p - q) / (0.02 * q + 5 * sqrt((q + 5e-7) / 2e6))) FILTER (WHERE k > 1), 8, 1,
                  family || ', NULLs: gmm_outlier_pvalue is the share of drawn rows, to 2 % and the draws'' error') || E'\n' ||
       all_within(array_agg(pg_temp.largest_difference(gmm_impute(model, x), pg_temp.numbers(expected -> 'imputed'))),
                  12, 1e-11, family || ', NULLs: gmm_impute is NumPy''s') || E'\n' ||
       all_within(array_agg(pg_temp.largest_difference(pg_temp.numbers(gmm_condition(model, x)),
                                                       pg_temp.numbers(expected #> '{condition,weights}') ||
                                                       pg_temp.numbers(expected #> '{condition,means}') ||
                                                       pg_temp.numbers(expected #> '{condition,covariances}'))),
                  12, 1e-11, family || ', NULLs: gmm_condition is NumPy''s')
FROM peer, LATERAL (SELECT gmm_outlier_pvalue(model, x), (expected ->> 'outlier_pvalue')::double precision,
                           (gmm_summary(model)).k) AS o (p, q, k)
GROUP BY family ORDER BY family;

-- Draw rows and fit to them: twice what the log-likelihood gains is chi-square
-- with as many degrees of freedom as parameters (Wilks), so not below 0 and not
-- 6 deviations above the mean.  Components of 3 dimensions that do not overlap.
CREATE TABLE apart_models AS
SELECT family, parameters,
       jsonb_build_object('covariance_type', family, 'weights', '[0.2, 0.3, 0.5]'::jsonb,
                          'means', '[[0, 0, 0], [25, 0, 5], [-5, 30, 0]]'::jsonb,
                          'covariances', covariances)::gmm_model AS model
FROM (VALUES ('full', 29, '[[[1, 0.5, 0], [0.5, 2, 1], [0, 1, 3]], [[2, -1, 0.3], [-1, 1, 0], [0.3, 0, 1]], [[1, 0, 0], [0, 4, 1], [0, 1, 1]]]'::jsonb),
             ('tied', 17, '[[1, 0.5, 0], [0.5, 2, 1], [0, 1, 3]]'),
             ('diag', 20, '[[1, 2, 3], [3, 1, 2], [0.5, 4, 1]]'),
             ('spherical', 14, '[1, 4, 2]')) AS v (family, parameters, covariances);

SELECT ok(2 * (total - own) BETWEEN 0 AND parameters + 6 * sqrt(2 * parameters),
          format('%s: a fit to drawn rows gains as much as its %s parameters account for', family, parameters)) ||
       format(E'\n# gained %s', 2 * (total - own))
FROM (SELECT family, parameters, (gmm_summary(gmm_refit(features, model, '{"tol": 1e-11, "max_iter": 1000}'))).log_likelihood AS total,
             sum(gmm_logpdf(model, features)) AS own
      FROM apart_models, gmm_sample(model, 20000, :seed)
      GROUP BY family, parameters, gmm_model_send(model)) AS f
ORDER BY family;

-- The moments of the whole and the shares of the components, within 6 deviations.
SELECT all_within(array_agg(abs(n - 20000 * weight) / sqrt(20000 * weight * (1 - weight))), 12, 6,
                  'components are drawn as often as their weights say')
FROM (SELECT family, component, count(*) AS n FROM apart_models, gmm_sample(model, 20000, :seed) GROUP BY family, component) AS drawn
JOIN (SELECT family, c.* FROM apart_models, gmm_components(model) AS c) AS c USING (family, component);

SELECT all_within(array_agg(abs(drawn_mean - mean) / sqrt(variance / 20000)), 12, 6,
                  'the means of rows are those of the mixture') || E'\n' ||
       all_within(array_agg(abs(drawn_variance / variance - 1) * sqrt(20000)), 12, 12,
                  'the variances of rows are those of the mixture')
FROM (SELECT family, j, avg(features[j]) AS drawn_mean, var_pop(features[j]) AS drawn_variance
      FROM apart_models, gmm_sample(model, 20000, :seed), generate_series(1, 3) AS j GROUP BY family, j) AS drawn
JOIN (SELECT family, j, sum(weight * mean[j]) AS mean,
             sum(weight * (covariance[j][j] + mean[j] ^ 2)) - sum(weight * mean[j]) ^ 2 AS variance
      FROM apart_models, gmm_components(model), generate_series(1, 3) AS j GROUP BY family, j) AS m USING (family, j);

-- p-values of rows that were drawn are uniform: Kolmogorov's statistic, which
-- is above 2.5 once in 100,000 cases; for one component in 1 to 10 dimensions,
-- for several that do not overlap, and with elements that are NULL.
CREATE FUNCTION pg_temp.kolmogorov(p double precision[]) RETURNS double precision LANGUAGE sql AS $$
    SELECT sqrt(n) * max(greatest(e - (i - 1) / n, i / n - e))
    FROM (SELECT e, row_number() OVER (ORDER BY e) AS i FROM unnest(p) AS e) AS r,
         (SELECT cardinality(p)::double precision AS n) AS c
    GROUP BY n
$$;

CREATE TABLE single AS
SELECT d, family, gmm_fit(features, 1, gmm_options(covariance_type => family)) AS model
FROM generate_series(1, 10) AS d, families, LATERAL random_rows(:seed * 1000 + 550 + d, 50, d, 2)
GROUP BY d, family;

SELECT all_within(array_agg(statistic), 10, 2.5, family || ': p-values of rows of one component are uniform, d = 1 to 10')
FROM (SELECT d, family, pg_temp.kolmogorov(array_agg(gmm_outlier_pvalue(model, features))) AS statistic
      FROM single, gmm_sample(model, 2000, :seed + d) GROUP BY d, family) AS s
GROUP BY family ORDER BY family;

SELECT all_within(array_agg(statistic), 4, 2.5, 'p-values of rows of three components are uniform') || E'\n' ||
       all_within(array_agg(holed), 4, 2.5, 'p-values of rows with NULLs are uniform')
FROM (SELECT family, pg_temp.kolmogorov(array_agg(gmm_outlier_pvalue(model, features))) AS statistic,
             pg_temp.kolmogorov(array_agg(gmm_outlier_pvalue(model, ARRAY[
                 CASE WHEN n % 4 <> 1 THEN features[1] END, features[2], CASE WHEN n % 4 <> 2 THEN features[3] END]))) AS holed
      FROM apart_models, LATERAL (SELECT features, row_number() OVER () AS n FROM gmm_sample(model, 4000, :seed + 100)) AS s
      GROUP BY family) AS k;

-- Where components overlap, as many rows are found as asked for, within five
-- deviations and what p may be off.
SELECT ok(bool_and(abs(found - 20000 * level) <= 5 * sqrt(20000 * level) + 20000 * 0.05 * level),
          'components that overlap: as many rows as asked for') || format(E'\n# %s of %s', min(found), min(20000 * level))
FROM (SELECT apart, level, count(*) FILTER (WHERE gmm_outlier_pvalue(model, features) < level) AS found
      FROM unnest('{0,0.5,1,1.5,2,3,4,5}'::double precision[]) AS apart, unnest('{0.1,0.05,0.01,0.001}'::double precision[]) AS level,
           LATERAL gmm_model(ARRAY[0.5, 0.5], ARRAY[ARRAY[0, 0], ARRAY[apart, 0]], '{1,1}', 'spherical') AS model,
           gmm_sample(model, 20000, :seed)
      GROUP BY apart, level) AS f;

-- Models of 1 to 10 components that overlap, in 1 to 10 dimensions: uniform,
-- and in the order of the density.
CREATE TABLE overlapping AS
SELECT d, k, p, log_density
FROM generate_series(1, 10, 3) AS d, generate_series(1, 10, 3) AS k,
     LATERAL (SELECT gmm_fit(features, k, '{"max_iter": 3, "n_init": 1}') AS model
              FROM random_rows(:seed * 1000 + 580 + d, 60 + 30 * k, d, 2)) AS m,
     LATERAL (SELECT gmm_outlier_pvalue(model, features) AS p, gmm_logpdf(model, features) AS log_density
              FROM gmm_sample(model, 2000, :seed + d)) AS s;

SELECT all_within(array_agg(statistic), 16, 3, 'p-values of rows of overlapping components are uniform, k and d to 10')
FROM (SELECT pg_temp.kolmogorov(array_agg(p)) AS statistic FROM overlapping GROUP BY d, k) AS s;

SELECT ok(bool_and(p >= before), 'rows of lower density have no larger p')
FROM (SELECT p, lag(p, 1, 0::float8) OVER (PARTITION BY d, k ORDER BY log_density) AS before FROM overlapping) AS o;

-- One row in a hundred in a spot where one of 2,000 drawn rows has a lower
-- density, of ten components that overlap: all of these are found at 0.001, and
-- of the model's own as many as asked for.
CREATE TABLE crowd AS
SELECT gmm_model(array_fill(0.1::double precision, ARRAY[10]),
                 (SELECT array_agg(ARRAY[3 * sin(7.1 * i), 3 * cos(3.3 * i)]) FROM generate_series(1, 10) AS i)::double precision[],
                 array_fill(1::double precision, ARRAY[10]), 'spherical') AS model;

CREATE TABLE crowded AS
SELECT features, gmm_logpdf(model, features) AS log_density, gmm_outlier_pvalue(model, features) AS p
FROM crowd, gmm_sample(model, 100000, :seed);

SELECT ok(count(*) FILTER (WHERE gmm_outlier_pvalue(model, ARRAY[x + i / 10000.0, 0]) < 0.001) = 50, 'a contamination of 1 % is found') ||
       format(E'\n# at %s, 0', x)
FROM crowd, generate_series(1, 50) AS i,
     LATERAL (SELECT x::double precision FROM generate_series(3, 9, 0.01) AS x
              WHERE gmm_logpdf(model, ARRAY[x, 0]) < (SELECT percentile_cont(0.0005) WITHIN GROUP (ORDER BY log_density) FROM crowded)
              ORDER BY x LIMIT 1) AS spot
GROUP BY x;

SELECT ok(abs(count(*) FILTER (WHERE p < 0.001) - 100) <= 5 * sqrt(100) + 5, 'and of the model''s own rows one in a thousand') ||
       format(E'\n# %s of 100000', count(*) FILTER (WHERE p < 0.001))
FROM crowded;

-- Rows that no component can have produced, down to where doubles end.
SELECT all_within(array_agg(abs(ln(gmm_outlier_pvalue(gmm_model('{1}', '{{0,0}}', '{1}', 'spherical'), ARRAY[0, x])) + x ^ 2 / 2)), 37, 1e-12,
                  'two dimensions: the tail is exp(-x^2 / 2), far out too')
FROM generate_series(1, 37) AS x;

-- gmm_top is gmm_predict_proba in another order.
SELECT ok(bool_and(got = wanted) AND count(*) = 160, family || ': gmm_top has what gmm_predict_proba says, best first')
FROM holed,
     LATERAL (SELECT array_agg(t) FROM gmm_top(model, x_holed, 2, 0.01) AS t) AS g (got),
     LATERAL (SELECT array_agg((i, p)::record) FROM (
                  SELECT i::integer, p FROM unnest(gmm_predict_proba(model, x_holed)) WITH ORDINALITY AS u (p, i)
                  WHERE p >= 0.01 ORDER BY p DESC, i LIMIT 2) AS best) AS w (wanted)
GROUP BY family ORDER BY family;

-- What is made from a model was not fitted to rows, even if it is the same mixture.
SELECT ok(count(*) = 15 AND bool_and(num_nulls(s.n_rows, s.sum_weights, s.log_likelihood, s.iterations, s.converged) = 5),
          family || ': a derived model knows of no fit')
FROM fitted,
     LATERAL (VALUES (gmm_marginal(model, ARRAY(SELECT generate_series(1, d)))),
                     (gmm_condition(model, array_fill(NULL::float8, ARRAY[d]))),
                     (CASE WHEN d > 1 THEN gmm_condition(model, NULL::float8 || array_fill(0::float8, ARRAY[d - 1]))
                      ELSE gmm_marginal(model, '{1}') END)) AS v (derived),
     LATERAL gmm_summary(derived) AS s
GROUP BY family ORDER BY family;
SELECT ok(bool_and(model::jsonb @> given::jsonb AND model::jsonb -> 'means' = given::jsonb -> 'means'),
          family || ': where nothing is given the conditional mixture is the whole')
FROM fitted, LATERAL gmm_condition(model, array_fill(NULL::float8, ARRAY[d])) AS given
GROUP BY family ORDER BY family;

SELECT finish();
