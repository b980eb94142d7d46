-- The option prior: what EM comes to is the mode of the posterior under the
-- conjugate prior of Fraley and Raftery (2007), or under one that is a model.
\ir models.psql

-- mclust 6.0.0, Mclust(X, G, modelNames, prior = priorControl(), control =
-- emControl(tol = 1e-14, itmax = 1e5)): plain log-likelihood at the mode, and BIC.
-- Of diag, mclust's scale is one number for all features, and so depends on their
-- units; here it is given.  In the last, priorControl(shrinkage = 1, mean =
-- c(3, 70), scale = matrix(c(1, 5, 5, 100), 2)).
CREATE TABLE wanted (data text, family text, k integer, prior jsonb,
                     log_likelihood double precision, bic double precision);
INSERT INTO wanted VALUES
    ('faithful', 'full', 1, 'true', -1289.88456601, 2607.79814235),
    ('faithful', 'full', 2, 'true', -1130.50926367, 2322.68235007),
    ('faithful', 'tied', 1, 'true', -1289.88456601, 2607.79814235),
    ('faithful', 'tied', 2, 'true', -1140.26093548, 2325.36828749),
    ('faithful', 'tied', 3, 'true', -1126.42717921, 2314.51818115),
    ('faithful', 'spherical', 1, 'true', -2003.97425848, 4024.76592316),
    ('faithful', 'spherical', 2, 'true', -1709.58082961, 3458.40227368),
    ('faithful', 'spherical', 3, 'true', -1637.50335793, 3336.6705386),
    ('faithful', 'diag', 1, '{"scale": [93.06277574,93.06277574]}', -1519.50630459, 3061.43581744),
    ('iris', 'full', 1, 'true', -380.673014227, 831.494922571),
    ('iris', 'full', 2, 'true', -223.602198413, 592.512820355),
    ('iris', 'full', 3, 'true', -192.695283865, 605.85852067),
    ('iris', 'tied', 2, 'true', -297.194208547, 689.590487683),
    ('iris', 'tied', 3, 'true', -257.739376609, 635.734000276),
    ('iris', 'spherical', 1, 'true', -889.565713603, 1804.18460368),
    ('iris', 'spherical', 2, 'true', -478.615833942, 1012.34865612),
    ('iris', 'spherical', 3, 'true', -384.478676216, 854.138152432),
    ('faithful', 'full', 2, '{"shrinkage": 1, "mean": [3,70], "dof": 4, "scale": [[1,5],[5,100]]}',
     -1131.29451501, NULL);
-- the mean of the variances, by k^(2/d)
INSERT INTO wanted
SELECT 'iris', 'diag', k, jsonb_build_object('scale', jsonb_build_array(scale, scale, scale, scale)),
       log_likelihood, bic
FROM (SELECT (var_samp(sepal_length) + var_samp(sepal_width) + var_samp(petal_length) +
              var_samp(petal_width)) / 4 FROM iris) AS i (variance),
     (VALUES (1, -741.311970065, 1522.70902248), (2, -393.114648224, 871.410096448)) AS v (k, log_likelihood, bic),
     LATERAL (SELECT variance / sqrt(k)) AS s (scale);

CREATE TABLE fitted AS
SELECT w.*, gmm_fit(features, k, gmm_options(covariance_type => family, prior => prior, tol => 1e-14)) AS model
FROM wanted AS w JOIN datasets USING (data)
GROUP BY data, family, k, prior, log_likelihood, bic;
-- At a mode the plain log-likelihood has a slope: a point that is off by the square
-- root of what the objective lacks is off by as much in it.
SELECT near(s.log_likelihood, f.log_likelihood, 1e-7, format('%s, %s, k = %s: mclust''s log-likelihood', data, family, f.k)) ||
       CASE WHEN f.bic IS NOT NULL THEN E'\n' || near(s.bic, f.bic, 1e-7, '  and BIC') ELSE '' END
FROM fitted AS f, gmm_summary(model) AS s ORDER BY data, family, f.k, prior::text;

-- Where mclust's one start ends in a lower mode: at least as likely.
SELECT ok((gmm_summary(gmm_fit(features, k, gmm_options(prior => true)))).log_likelihood >= log_likelihood,
          format('%s, full, k = %s: at least as likely as mclust''s', data, k))
FROM datasets JOIN (VALUES ('faithful', 3, -1128.13499319), ('faithful', 4, -1120.715776),
                           ('iris', 4, -184.648084699)) AS v (data, k, log_likelihood) USING (data)
GROUP BY data, k, log_likelihood ORDER BY data, k;

-- One component has a closed form, whatever weights its rows have.
CREATE TABLE weighted AS
SELECT id, features, floor(4 * uniform(:seed, 731, id)) AS weight
FROM random_rows(:seed * 1000 + 730, 300, 3, 2);
CREATE TABLE moments AS
SELECT n, i, j, sum(weight * features[i]) / n AS mean_i, sum(weight * features[j]) / n AS mean_j,
       sum(weight * features[i] * features[j]) -
       sum(weight * features[i]) * sum(weight * features[j]) / n AS squares
FROM weighted, generate_series(1, 3) AS i, generate_series(1, 3) AS j,
     (SELECT sum(weight) FROM weighted) AS s (n)
GROUP BY n, i, j;

-- shrinkage kappa, dof nu, mean p, scale l: a feature's own, or common
CREATE FUNCTION pg_temp.posterior(family text, kappa double precision, nu double precision,
                                  p double precision[], l double precision[])
RETURNS TABLE (i integer, j integer, mean double precision, covariance double precision) LANGUAGE sql AS $$
    SELECT i, j, (n * mean_i + kappa * p[i]) / (n + kappa),
           CASE WHEN family IN ('full', 'tied') THEN
                    (l[i][j] + squares + kappa * n / (n + kappa) * (mean_i - p[i]) * (mean_j - p[j])) /
                    (n + nu + 3 + 1 + (kappa > 0)::integer)
                WHEN i <> j THEN 0
                WHEN family = 'diag' THEN
                    (l[i][i] + squares + kappa * n / (n + kappa) * (mean_i - p[i]) ^ 2) /
                    (n + nu + 2 + (kappa > 0)::integer)
                ELSE (SELECT (l[1][1] + sum(squares + kappa * n / (n + kappa) * (mean_i - p[m.i]) ^ 2)) /
                             (3 * n + nu + 2 + 3 * (kappa > 0)::integer)
                      FROM moments AS m WHERE m.i = m.j GROUP BY n) END
    FROM moments
$$;
SELECT ok(max(greatest(abs(c.mean[i] - q.mean), abs(c.covariance[i][j] - q.covariance))) < 1e-11 AND
          count(*) = 9, format('%s, shrinkage %s: the closed form of one component', family, kappa))
FROM families, (VALUES (0), (0.5), (20)) AS v (kappa),
     LATERAL (SELECT gmm_fit(features, 1, gmm_options(covariance_type => family, prior =>
                         jsonb_build_object('shrinkage', kappa, 'dof', 7, 'scale',
                             CASE WHEN family IN ('full', 'tied') THEN '[[4,1,0],[1,2,0.5],[0,0.5,3]]'::jsonb
                                  WHEN family = 'diag' THEN '[4,2,3]' ELSE '4' END) ||
                         CASE WHEN kappa > 0 THEN '{"mean": [1,-2,5]}' ELSE '{}'::jsonb END), weight) AS model
              FROM weighted) AS f,
     gmm_components(model) AS c,
     pg_temp.posterior(family, kappa, 7, '{1,-2,5}', '{{4,1,0},{1,2,0.5},{0,0.5,3}}') AS q
GROUP BY family, kappa ORDER BY family, kappa;
-- of a model that is worth s rows: kappa and all that is added to a number of rows
-- are s, the scale is its covariance times that
SELECT ok(max(greatest(abs(c.mean[i] - q.mean), abs(c.covariance[i][j] - q.covariance))) < 1e-11 AND
          count(*) = 9, format('%s, worth %s rows: the closed form', family, s))
FROM (VALUES (0.01), (30), (1e6)) AS v (s),
     (VALUES ('full', '{{{4,1,0},{1,2,0.5},{0,0.5,3}}}'::double precision[], 5),
             ('tied', '{{4,1,0},{1,2,0.5},{0,0.5,3}}', 5), ('diag', '{{4,2,3}}', 3)) AS m (family, covariances, less),
     LATERAL (SELECT gmm_refit(features, gmm_model('{1}', '{{1,-2,5}}', covariances, family),
                               gmm_options(max_iter => 1, prior => jsonb_build_object('strength', s)), weight) AS model
              FROM weighted) AS f,
     gmm_components(model) AS c,
     pg_temp.posterior(family, s, s - less, '{1,-2,5}',
                       ARRAY[[4 * s, s, 0], [s, 2 * s, 0.5 * s], [0, 0.5 * s, 3 * s]]) AS q
GROUP BY family, s ORDER BY family, s;

-- Properties, of rows with NULLs and weights.
CREATE TABLE rows AS
SELECT id, ARRAY[CASE WHEN uniform(:seed, 733, id) > 0.15 THEN features[1] END, features[2],
                 CASE WHEN uniform(:seed, 734, id) > 0.15 THEN features[3] END] AS features,
       floor(3 * uniform(:seed, 735, id)) AS weight
FROM random_rows(:seed * 1000 + 732, 250, 3, 4);
CREATE TABLE starts AS
SELECT family, gmm_fit(features, 3, gmm_options(covariance_type => family, n_init => 1, max_iter => 3)) AS start
FROM rows, families WHERE id <= 120 GROUP BY family;
CREATE TABLE priors (prior jsonb);
INSERT INTO priors VALUES ('true'), ('{"shrinkage": 5, "dof": 20}'), ('"model"'), ('{"strength": 100}');

-- The objective goes up; what EM raises is the sum of the two columns.
CREATE TABLE rises AS
SELECT c.*, objective - lag(objective) OVER path AS rise,
       objective - least(lag(objective) OVER path, lag(objective, 2) OVER path) AS kept
FROM (SELECT family, prior, accelerate, steps,
             (SELECT log_likelihood + log_prior FROM gmm_summary(model)) AS objective
      FROM (SELECT family, prior, accelerate, steps,
                   gmm_refit(features, start, gmm_options(max_iter => steps, tol => 0, prior => prior,
                                                          accelerate => accelerate), weight ORDER BY id) AS model
            FROM rows, starts, priors, generate_series(1, 25) AS steps, unnest('{true,false}'::boolean[]) AS accelerate
            GROUP BY family, prior, accelerate, steps) AS r) AS c
WINDOW path AS (PARTITION BY family, prior, accelerate ORDER BY steps);
SELECT ok(min(rise / (abs(objective) + 250)) FILTER (WHERE NOT accelerate) >= -1e-12 AND
          min(kept / (abs(objective) + 250)) >= -1e-12 AND count(rise) = 48,
          format('%s, %s: EM raises the objective', family, prior))
FROM rises GROUP BY family, prior ORDER BY family, prior::text;

-- With noise, whose share the model is the prior of, too
SELECT ok(min(rise / abs(objective)) FILTER (WHERE NOT accelerate) >= -1e-12 AND
          min(kept / abs(objective)) >= -1e-12 AND count(rise) = 38 AND max(share) > 0.001,
          format('%s, %s: and with noise', family, prior))
FROM (SELECT family, prior, accelerate, share, objective, objective - lag(objective) OVER path AS rise,
             objective - least(lag(objective) OVER path, lag(objective, 2) OVER path) AS kept
      FROM (SELECT family, prior, accelerate, steps, log_likelihood + log_prior AS objective, noise_weight AS share
            FROM (SELECT family, prior, accelerate, steps,
                         gmm_refit(features, start, gmm_options(max_iter => steps, tol => 0, prior => prior,
                                                                accelerate => accelerate), weight ORDER BY id) AS model
                  FROM rows, (SELECT family, gmm_refit(features, start, gmm_options(noise => true, max_iter => 2)) AS start
                              FROM rows, starts GROUP BY family, start) AS s,
                       priors, generate_series(1, 20) AS steps, unnest('{true,false}'::boolean[]) AS accelerate
                  GROUP BY family, prior, accelerate, steps) AS r, gmm_summary(model)) AS c
      WINDOW path AS (PARTITION BY family, prior, accelerate ORDER BY steps)) AS d
GROUP BY family, prior ORDER BY family, prior::text;

-- One step is that of the statistics, in whatever parts they come.
SELECT ok(apart(gmm_maximize(stats, gmm_options(prior => prior)), step) < 1e-9,
          format('%s, %s: a step from statistics', family, prior))
FROM (SELECT family, prior, gmm_refit(features, start, gmm_options(max_iter => 1, accelerate => false, prior => prior), weight) AS step
      FROM rows, starts, priors, (SELECT 0) AS z
      WHERE array_position(features, NULL) IS NULL GROUP BY family, prior) AS r
JOIN (SELECT family, gmm_merge(stats) AS stats
      FROM (SELECT family, gmm_accumulate(features, start, weight) AS stats FROM rows, starts
            WHERE array_position(features, NULL) IS NULL GROUP BY family, id % 3) AS parts
      GROUP BY family) AS s USING (family)
ORDER BY family, prior::text;
-- with NULLs where the rows have no say in the prior
SELECT ok(apart(gmm_maximize(stats, gmm_options(prior => prior)), step) < 1e-9,
          format('full, %s: a step from statistics with NULLs', prior))
FROM starts, (VALUES ('"model"'::jsonb), ('{"mean": [0,1,2], "scale": [[2,1,0],[1,3,0],[0,0,1]]}')) AS p (prior),
     LATERAL (SELECT gmm_refit(features, start, gmm_options(max_iter => 1, accelerate => false, prior => prior), weight) AS step,
                     gmm_accumulate(features, start, weight) AS stats FROM rows) AS r
WHERE family = 'full' ORDER BY prior::text;

-- Copies for weights, and in another order.
CREATE TABLE plain AS
SELECT family, gmm_fit(features, 3, gmm_options(covariance_type => family, prior => true), weight ORDER BY id) AS model
FROM rows, families GROUP BY family;
SELECT ok(apart(copies, model) < 1e-9 AND apart_fit(copies, model) < 1e-9,
          format('%s: copies in another order', family))
FROM plain JOIN (SELECT family, gmm_fit(features, 3, gmm_options(covariance_type => family, prior => true)
                                        ORDER BY uniform(:seed, 736, id)) AS copies
                 FROM rows, families, generate_series(1, weight::integer) GROUP BY family) AS c USING (family)
ORDER BY family;
-- Other units
SELECT ok(apart(moved, transformed(model, scale, shift)) < 1e-6, format('%s: other units', family))
FROM plain, (VALUES ('{1e6,1e-3,3}'::double precision[], '{1e7,5,-2e3}'::double precision[])) AS v (scale, shift),
     LATERAL (SELECT gmm_fit(ARRAY[features[1] * scale[1] + shift[1], features[2] * scale[2] + shift[2],
                                   features[3] * scale[3] + shift[3]], 3,
                             gmm_options(covariance_type => family, prior => true), weight) AS moved FROM rows) AS m
WHERE family <> 'spherical' ORDER BY family;
-- A table that is not collected
SELECT ok(apart(gmm_fit_table('rows', '{features}', 3, gmm_options(covariance_type => family, prior => true), 'weight'), model) < 1e-6,
          format('%s: gmm_fit_table', family))
FROM plain ORDER BY family;

-- What a prior is for.  Three rows in two dimensions have no covariance of their own.
SELECT ok(bool_and(c.condition_number < 1e3) AND count(*) = 2 AND count(c.suspect) = 0, 'few rows, and covariances all the same')
FROM (SELECT gmm_fit(ARRAY[x, x * x], 2, gmm_options(prior => true)) AS model FROM generate_series(1, 3) AS x) AS f,
     gmm_components(model) AS c;
-- "The model of all as the prior of each group": the stronger, the nearer.
SELECT ok(bool_and(weak > middle AND middle > strong AND strong < 1e-6), 'groups are drawn to the model of all')
FROM (SELECT id % 5, apart(gmm_refit(features, start, gmm_options(prior => '{"strength": 1}'), weight), start),
             apart(gmm_refit(features, start, gmm_options(prior => '{"strength": 1000}'), weight), start),
             apart(gmm_refit(features, start, gmm_options(prior => '{"strength": 1e12}'), weight), start)
      FROM rows, starts WHERE family = 'diag' GROUP BY id % 5, start) AS g (number, weak, middle, strong);
-- A component of the model that no row of a group belongs to stays what it is.
SELECT ok(abs(mean[1] - 100) < 1e-9 AND abs(covariance[1][1] - 4) < 1e-9 AND
          abs(weight - 0.25 * 8 / (50 + 8)) < 1e-9, 'a component without rows')
FROM (SELECT gmm_refit(ARRAY[normal(:seed, 737, i)], gmm_model('{0.75,0.25}', '{{0},{100}}', '{{{1}},{{4}}}'),
                       gmm_options(prior => '{"strength": 8}')) AS model
      FROM generate_series(1, 50) AS i) AS f, gmm_components(model) WHERE component = 2;

-- Of a model with noise, that is worth its share of the strength: what the rows of no
-- component add up to is known of one that gets none.
SELECT near((1 - noise_weight) * weight, 8 * (1 - 0.2) * 0.25 / (50 + 8), 1e-9, 'a component without rows, beside noise')
FROM (SELECT gmm_refit(ARRAY[normal(:seed, 737, i)], (gmm_model('{0.75,0.25}', '{{0},{100}}', '{{{1}},{{4}}}')::jsonb ||
                                                      '{"noise_weight": 0.2, "noise_least": [-10], "noise_most": [110]}')::gmm_model,
                       gmm_options(prior => '{"strength": 8}')) AS model
      FROM generate_series(1, 50) AS i) AS f, gmm_components(model), gmm_summary(model) WHERE component = 2;

-- The choice among numbers of components and families
SELECT ok(count(*) = 12 AND bool_and(t.log_likelihood = s.log_likelihood), 'gmm_fit_best: each try has its prior')
FROM (SELECT gmm_fit_best(features, 1, 3, gmm_options(covariance_type => 'auto', prior => true)) AS model
      FROM datasets WHERE data = 'faithful') AS f, gmm_trials(model) AS t,
     LATERAL (SELECT gmm_fit(features, t.k, gmm_options(covariance_type => t.covariance_type, prior => true)) AS model
              FROM datasets WHERE data = 'faithful') AS one, gmm_summary(one.model) AS s;

-- The density of the prior is what it is however heavy the rows are, of which it is not
-- the rest: with one component mean and covariance are those of the rows, to rounding.
SELECT near(log_prior, -(6 * ln(variance) + 1) / 2, 1e-9, 'log_prior beside rows of weight ' || weight)
FROM (SELECT var_pop(waiting) AS variance FROM faithful) AS f, unnest('{1e12,1e20,1e200}'::double precision[]) AS weight,
     LATERAL (SELECT gmm_fit(ARRAY[waiting], 1, gmm_options(prior => true), weight) AS model FROM faithful) AS m, gmm_summary(model);

-- a key that is not known is quoted up to the last character that ends within 64 bytes
SELECT raises($$SELECT gmm_fit('{1}', 1, jsonb_build_object('prior', jsonb_build_object('a' || repeat(U&'\00e9', 40), 1)))$$,
              '22023', 'has no key "a' || repeat(U&'\00e9', 31) || '"', 'an unknown key that is long');

SELECT finish();
