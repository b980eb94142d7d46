-- Numbers of components: gmm_fit and gmm_fit_best give 1 to the largest weight,
-- and so on, equal ones by their means; gmm_refit keeps those of its model.
\ir models.psql

CREATE TABLE rows AS
SELECT number, 2 + number % 4 AS k, r.* FROM generate_series(1, 8) AS number,
     random_rows(:seed * 1000 + 400 + number, 200, 1 + number % 3, 2 + number % 4) AS r;
CREATE TABLE fits AS
SELECT number, family, k, gmm_fit(features, k, gmm_options(covariance_type => family)) AS fitted,
       gmm_fit_best(features, 1, k, gmm_options(covariance_type => family)) AS chosen
FROM rows, families GROUP BY number, family, k;
SELECT ok(count(*) > 100 AND bool_and(weight <= before), 'components are ordered by weight')
FROM (SELECT weight, lag(weight) OVER (PARTITION BY number, family, kind ORDER BY component) AS before
      FROM fits, LATERAL (SELECT 'fit' AS kind, fitted AS model UNION ALL SELECT 'best', chosen) AS m,
           gmm_components(model)) AS c
WHERE before IS NOT NULL;

-- Four clusters of the same shape and size at the corners of a square, with
-- one centre for certain: equal weights, so the order is that of the means.  Each is a
-- point and eight around it, of which no three have a coordinate in common, or they could
-- be a flat component together with those of another corner.
CREATE TABLE corners AS
SELECT ARRAY[100 * x + sign(i) * cos(0.2 + i * pi() / 4), 100 * y + sign(i) * sin(0.2 + i * pi() / 4)] AS features
FROM generate_series(0, 1) AS x, generate_series(0, 1) AS y, generate_series(0, 8) AS i;
SELECT ok(bool_and(means = '{{0,0},{0,100},{100,0},{100,100}}'), 'equal weights are ordered by mean, whatever seed and family')
FROM (SELECT (SELECT array_agg(ARRAY[round(mean[1]), round(mean[2])] ORDER BY component) FROM gmm_components(model)) AS means
      FROM (SELECT gmm_fit(features, 4, gmm_options(covariance_type => family, seed => s)) AS model
            FROM corners, families, generate_series(1, 10) AS s GROUP BY family, s) AS f) AS m;

-- A refit of a model whose components stand in another order keeps that order.
CREATE TABLE refits AS
SELECT number, fitted, (
    SELECT gmm_refit(features, (
        SELECT gmm_model(array_agg(weight ORDER BY component DESC), array_agg(mean ORDER BY component DESC),
                         array_agg(covariance ORDER BY component DESC)) FROM gmm_components(fitted)), '{"max_iter": 2}')
    FROM rows AS r WHERE r.number = f.number) AS refitted
FROM fits AS f WHERE family = 'full';
SELECT ok(count(*) > 20 AND bool_and(abs(f.weight - r.weight) < 1e-2 AND abs(f.mean[1] - r.mean[1]) < 0.1), 'a refit keeps the numbers of its model')
FROM refits, gmm_components(fitted) AS f, gmm_components(refitted) AS r, gmm_summary(fitted) AS s
WHERE r.component = s.k + 1 - f.component;

SELECT finish();
