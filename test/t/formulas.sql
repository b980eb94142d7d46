-- What has a formula equals it: one component is mean and covariance, and
-- densities, probabilities and distances are what the textbook says, written
-- out in SQL for one and two dimensions.
\ir models.psql

-- One component: avg and covar_pop.
CREATE TABLE moments AS
SELECT data, i, j, covar_pop(features[i], features[j]) AS covariance, avg(features[i]) AS mean
FROM (SELECT data, features FROM datasets
      UNION ALL
      SELECT 'random', features FROM random_rows(:seed * 1000 + 400, 1000, 5, 3)) AS d,
     generate_subscripts(features, 1) AS i, generate_subscripts(features, 1) AS j
GROUP BY data, i, j;

SELECT ok(bool_and(abs(c.mean[i] - m.mean) <= 1e-10 * sqrt(c.covariance[i][i]) AND
                   abs(c.covariance[i][j] - CASE WHEN family = 'diag' AND i <> j THEN 0 ELSE m.covariance END)
                   <= 1e-10 * sqrt(c.covariance[i][i] * c.covariance[j][j])) AND
          bool_and(c.weight = 1) AND count(*) = max(c.d) ^ 2,
          format('%s, %s, k = 1: avg and covar_pop', data, family))
FROM (SELECT data, family, mean, covariance, weight, cardinality(mean) AS d
      FROM (SELECT data, family, gmm_fit(features, 1, gmm_options(covariance_type => family)) AS model
            FROM (SELECT data, features FROM datasets
                  UNION ALL
                  SELECT 'random', features FROM random_rows(:seed * 1000 + 400, 1000, 5, 3)) AS d, families
            WHERE family <> 'spherical'
            GROUP BY data, family) AS f, gmm_components(model)) AS c
JOIN moments AS m USING (data)
GROUP BY data, family ORDER BY data, family;

SELECT ok(bool_and(abs(c.covariance[1][1] - mean_variance) <= 1e-10 * mean_variance),
          format('%s, spherical, k = 1: the mean of the variances', data))
FROM (SELECT data, gmm_fit(features, 1, '{"covariance_type": "spherical"}') AS model
      FROM datasets GROUP BY data) AS f,
     gmm_components(model) AS c,
     LATERAL (SELECT avg(covariance) FROM moments AS m WHERE m.data = f.data AND i = j) AS v (mean_variance)
GROUP BY data ORDER BY data;

-- The log-likelihood of a Gaussian at its maximum: -n/2 (d ln 2 pi + ln |S| + d).
SELECT near((gmm_summary(model)).log_likelihood,
            -0.5 * n * (2 * ln(2 * pi()) + ln(s11 * s22 - s12 ^ 2) + 2), 1e-12,
            'faithful, k = 1: the log-likelihood at the maximum')
FROM (SELECT gmm_fit(features, 1), count(*), var_pop(features[1]), var_pop(features[2]),
             covar_pop(features[1], features[2])
      FROM datasets WHERE data = 'faithful') AS f (model, n, s11, s22, s12);

-- Random models of three components in one and two dimensions, in each family,
-- and random rows about them, near and far.
CREATE TABLE mixtures AS
SELECT number, family, d,
       gmm_model(ARRAY[w1, w2, w3] , means,
                 CASE family
                     WHEN 'full' THEN CASE d WHEN 1 THEN ARRAY[[[v1]], [[v2]], [[v3]]]
                                             ELSE ARRAY[[[v1, c1], [c1, u1]], [[v2, c2], [c2, u2]], [[v3, c3], [c3, u3]]] END
                     WHEN 'tied' THEN CASE d WHEN 1 THEN ARRAY[[v1]] ELSE ARRAY[[v1, c1], [c1, u1]] END
                     WHEN 'diag' THEN CASE d WHEN 1 THEN ARRAY[[v1], [v2], [v3]]
                                             ELSE ARRAY[[v1, u1], [v2, u2], [v3, u3]] END
                     ELSE ARRAY[v1, v2, v3] END, family) AS model
FROM generate_series(1, 10) AS number, families, generate_series(1, 2) AS d,
     LATERAL (SELECT 0.1 + 0.3 * uniform(:seed, 410, number), 0.1 + 0.4 * uniform(:seed, 411, number)) AS a (w1, w2),
     LATERAL (SELECT 1 - w1 - w2) AS b (w3),
     LATERAL (SELECT exp(normal(:seed, 412, number)), exp(normal(:seed, 413, number)), exp(normal(:seed, 414, number)),
                     exp(normal(:seed, 415, number)), exp(normal(:seed, 416, number)), exp(normal(:seed, 417, number))
             ) AS v (v1, v2, v3, u1, u2, u3),
     LATERAL (SELECT sqrt(v1 * u1) * (1.8 * uniform(:seed, 418, number) - 0.9),
                     sqrt(v2 * u2) * (1.8 * uniform(:seed, 419, number) - 0.9),
                     sqrt(v3 * u3) * (1.8 * uniform(:seed, 420, number) - 0.9)) AS c (c1, c2, c3),
     LATERAL (SELECT array_agg((SELECT array_agg(3 * normal(:seed, 420 + m, 2 * number + j) ORDER BY j)
                                FROM generate_series(1, d) AS j) ORDER BY m)
              FROM generate_series(1, 3) AS m) AS m (means);

CREATE TABLE scored AS
SELECT number, family, d, i AS id, model, x
FROM mixtures, generate_series(1, 40) AS i,
     LATERAL (SELECT array_agg((CASE WHEN i % 10 = 0 THEN 30 ELSE 3 END) * normal(:seed, 430 + j, 100 * number + i) ORDER BY j)
              FROM generate_series(1, d) AS j) AS r (x);

-- By formula: per component, squared distance and log of weight times density.
CREATE TABLE by_formula AS
SELECT number, family, d, id, component,
       sqrt(distance2) AS distance,
       ln(weight) - 0.5 * (d * ln(2 * pi()) + ln(determinant) + distance2) AS log_joint
FROM scored, gmm_components(model),
     LATERAL (SELECT x[1] - mean[1], x[2] - mean[2],
                     CASE d WHEN 1 THEN covariance[1][1]
                            ELSE covariance[1][1] * covariance[2][2] - covariance[1][2] ^ 2 END) AS e (e1, e2, determinant),
     LATERAL (SELECT CASE d WHEN 1 THEN e1 ^ 2 / determinant
                            ELSE (covariance[2][2] * e1 ^ 2 - 2 * covariance[1][2] * e1 * e2 +
                                  covariance[1][1] * e2 ^ 2) / determinant END) AS q (distance2);

-- (exp() of PostgreSQL fails where it underflows.)
CREATE TABLE expected AS
SELECT number, family, d, id, largest + ln(sum(share)) AS log_density,
       array_agg(distance ORDER BY component) AS distances,
       array_agg(share / total ORDER BY component) AS proba
FROM (SELECT *, sum(share) OVER (PARTITION BY number, family, d, id) AS total
      FROM (SELECT *, CASE WHEN log_joint - largest > -700 THEN exp(log_joint - largest) ELSE 0 END AS share
            FROM (SELECT *, max(log_joint) OVER (PARTITION BY number, family, d, id) AS largest
                  FROM by_formula) AS a) AS b) AS c
GROUP BY number, family, d, id, largest;

SELECT all_within(array_agg(abs(gmm_logpdf(model, x) - log_density) / (1 + abs(log_density))),
                  400, 1e-12, format('%s, d = %s: gmm_logpdf', family, d)) || E'\n' ||
       all_within(array_agg((SELECT max(abs(p - q)) FROM unnest(gmm_predict_proba(model, x), proba) AS u (p, q))),
                  400, 1e-12, format('%s, d = %s: gmm_predict_proba', family, d)) || E'\n' ||
       all_within(array_agg((SELECT max(abs(p - q) / (1 + q)) FROM unnest(gmm_mahalanobis(model, x), distances) AS u (p, q))),
                  400, 1e-12, format('%s, d = %s: gmm_mahalanobis', family, d)) || E'\n' ||
       ok(bool_and(abs((SELECT sum(p) FROM unnest(gmm_predict_proba(model, x)) AS p) - 1) <= 1e-15 * 3),
          format('%s, d = %s: probabilities sum to 1', family, d)) || E'\n' ||
       ok(bool_and((gmm_predict_proba(model, x))[gmm_predict(model, x)] =
                   (SELECT max(p) FROM unnest(gmm_predict_proba(model, x)) AS p)),
          format('%s, d = %s: gmm_predict is the most probable', family, d)) || E'\n' ||
       equals((SELECT count(DISTINCT gmm_predict(model, x)) FROM scored AS o
               WHERE (o.family, o.d) = (e.family, e.d)), 3::bigint,
              format('%s, d = %s: which differs from row to row', family, d))
FROM expected AS e JOIN scored USING (number, family, d, id)
GROUP BY family, d ORDER BY family, d;

-- A fit's log-likelihood is the sum of gmm_logpdf over the rows that it was
-- made of, by weight, and BIC and AIC follow from it.
CREATE TABLE weighted AS
SELECT id, features, (3 * uniform(:seed, 440, id))::double precision AS weight
FROM random_rows(:seed * 1000 + 440, 500, 3, 3);

CREATE TABLE fitted AS
SELECT family, accelerate, max_iter,
       gmm_fit(features, 3, gmm_options(covariance_type => family, accelerate => accelerate,
                                        max_iter => max_iter), weight) AS model
FROM weighted, families, unnest('{true,false}'::boolean[]) AS accelerate, unnest('{1,4,100}'::integer[]) AS max_iter
GROUP BY family, accelerate, max_iter;

SELECT ok(bool_and(abs(s.log_likelihood - total) <= 1e-9 * abs(total)),
          family || ': the log-likelihood is the weighted sum of gmm_logpdf, converged or not')
FROM fitted, gmm_summary(model) AS s,
     LATERAL (SELECT sum(weight * gmm_logpdf(model, features)) FROM weighted) AS t (total)
GROUP BY family ORDER BY family;

SELECT ok(bool_and(abs(bic - (-2 * log_likelihood + parameters * ln(sum_weights))) <= 1e-10 * abs(bic) AND
                   abs(aic - (-2 * log_likelihood + parameters * 2)) <= 1e-10 * abs(aic)),
          format('%s: BIC and AIC of %s parameters', family, parameters))
FROM fitted, gmm_summary(model),
     LATERAL (SELECT 2 + 9 + CASE family WHEN 'full' THEN 18 WHEN 'tied' THEN 6 WHEN 'diag' THEN 9 ELSE 3 END
             ) AS p (parameters)
GROUP BY family, parameters ORDER BY family;

SELECT finish();
