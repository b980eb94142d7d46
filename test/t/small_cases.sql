-- Promise 9, on tables that can be seen at a glance: groups near each other and
-- another far away, a far row, a code beside a number, six rows.  Which answer
-- is right is known beforehand.
\ir models.psql

-- The means of a model's components, in their order along the first feature.
CREATE FUNCTION means(model gmm_model) RETURNS float8[] LANGUAGE sql AS
$$SELECT array_agg(mean ORDER BY mean) FROM gmm_components(model)$$;
CREATE FUNCTION suspects(model gmm_model) RETURNS bigint LANGUAGE sql AS
$$SELECT count(suspect) FROM gmm_components(model)$$;

CREATE TABLE near_and_far AS
SELECT family, gmm_fit(features, 3, gmm_options(covariance_type => family)) AS model
FROM gmm_sample(gmm_model('{0.34,0.33,0.33}', '{{0},{8},{150}}', '{1,1,1}', 'spherical'), 3000), families GROUP BY family;
SELECT ok(abs(m[1][1]) < 0.2 AND abs(m[2][1] - 8) < 0.2 AND abs(m[3][1] - 150) < 0.2 AND suspects(model) = 0 AND
          (gmm_summary(model)).log_likelihood > -7590, format('0, 8 and 150, %s', family)) ||
       format(E'\n# means %s, log-likelihood %s', m, (gmm_summary(model)).log_likelihood)
FROM near_and_far, LATERAL (SELECT means(model) AS m) AS s ORDER BY family;

SELECT ok(m = '{{2},{12},{1002}}' AND suspects(model) = 0, 'three and three and three, tied') || E'\n# ' || m::text
FROM (SELECT model, array_agg(ARRAY[round(x::numeric, 9)] ORDER BY x)::float8[] AS m
      FROM (SELECT gmm_fit(ARRAY[x], 3, '{"covariance_type": "tied"}') AS model
            FROM unnest('{1,2,3,11,12,13,1001,1002,1003}'::float8[]) AS x) AS f, unnest(means(model)) AS x GROUP BY model::text, model) AS s;

-- The far row has a component, and that is on few rows; the groups have theirs.
SELECT ok(abs(m[1][1]) < 0.5 AND abs(m[2][1] - 8) < 0.5 AND abs(m[3][1] - 100) < 0.5, 'ten and ten and one') || E'\n# ' || m::text,
       equals(suspect, 'few rows', 'the one is suspect'),
       equals(others, 0::bigint, 'and it alone')
FROM (SELECT gmm_fit(ARRAY[x], 3) AS model
      FROM unnest('{0.1,-0.4,0.9,-1.2,0.3,1.5,-0.7,0.6,-0.2,-0.9,8.2,7.5,9.1,7.0,8.4,9.3,7.2,8.7,7.9,6.7,100}'::float8[]) AS x) AS f,
     LATERAL (SELECT means(model) AS m) AS s,
     LATERAL (SELECT max(suspect) FILTER (WHERE mean[1] > 50) AS suspect, count(suspect) FILTER (WHERE mean[1] <= 50) AS others
              FROM gmm_components(model)) AS c;

-- A code beside a number: discrete is not collapsed.
CREATE TABLE coded AS SELECT f, 100 * f + x AS x FROM generate_series(0, 1) AS f, generate_series(1, 5) AS x;
SELECT ok(count(DISTINCT (f, component)) = 2 AND count(DISTINCT component) = 2 AND min(suspects(model)) = 0,
          'a code beside a number: five and five, ' || family) || E'\n# ' || string_agg(component::text, ' ' ORDER BY x)
FROM families, LATERAL (SELECT gmm_fit(ARRAY[f, x], 2, gmm_options(covariance_type => family)) AS model FROM coded) AS s,
     coded, LATERAL (SELECT gmm_predict(model, ARRAY[f, x]) AS component) AS p
GROUP BY family ORDER BY family;

-- Six rows that are in scikit-learn's manual.
CREATE TABLE six AS SELECT x, y FROM unnest('{1,10}'::float8[]) AS x, unnest('{0,2,4}'::float8[]) AS y;
SELECT ok(abs(m[1][1] - 1) + abs(m[1][2] - 2) + abs(m[2][1] - 10) + abs(m[2][2] - 2) < 1e-6, 'six rows, two groups, ' || family) ||
       E'\n# ' || m::text
FROM families, LATERAL (SELECT means(gmm_fit(ARRAY[x, y], 2, gmm_options(covariance_type => family))) AS m FROM six) AS s ORDER BY family;

-- Four grids of nine points: values beside each other, of two grids, are no groups.
CREATE TABLE grids AS SELECT 2 * a + b AS grid, 100 * a + i AS x, 100 * b + j AS y
FROM generate_series(0, 1) AS a, generate_series(0, 1) AS b, generate_series(-1, 1) AS i, generate_series(-1, 1) AS j;
SELECT ok(count(DISTINCT (seed, grid, component)) = 20 AND count(DISTINCT (seed, component)) = 20, 'four grids of nine points, ' || family) ||
       E'\n# ' || count(DISTINCT (seed, grid, component))
FROM families, generate_series(1, 5) AS seed,
     LATERAL (SELECT gmm_fit(ARRAY[x, y], 4, gmm_options(covariance_type => family, seed => seed)) AS model FROM grids) AS s,
     grids, LATERAL (SELECT gmm_predict(model, ARRAY[x, y]) AS component) AS p
GROUP BY family ORDER BY family;

-- What was rounded is a code no more: iris has 29 petal widths of 0.2, and no
-- number of components has one of them.
SELECT ok(suspects(gmm_fit(features, k)) = 0, format('iris, %s components: none is one petal width', k))
FROM datasets, generate_series(2, 8) AS k WHERE data = 'iris' GROUP BY k ORDER BY k;

-- On small tables, gmm_fit_best among all families does not take every row for
-- a group of its own.
SELECT ok(n_suspect = 0 AND k < 12 AND smallest >= 2 * (1 - 1e-9), format('%s rows of %s: no singletons', n, d)) ||
       format(E'\n# %s components, %s, smallest %s', k, covariance_type, smallest)
FROM (SELECT n, gmm_fit_best(features[1:d], 1, 12, '{"covariance_type": "auto"}') AS model
      FROM (VALUES (35, 2), (21, 1), (31, 3)) AS v (n, d),
           LATERAL random_rows(:seed * 1000 + 300 + n, n, 3, 2) AS r GROUP BY n) AS f,
     gmm_summary(model) AS s, LATERAL (SELECT min(n_effective) AS smallest FROM gmm_components(model)) AS c ORDER BY n;

SELECT finish();
