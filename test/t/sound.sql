-- Promise 5: nonsense is never stored.  Data made to break a fit give either a
-- model, in which every number is finite and every covariance positive
-- definite, or an error that is about the data (class 22).
--
-- A model that comes back from its own text is a model whose every number is
-- finite and whose covariances are positive definite, for that is what reading
-- checks (sql/model.sql); it must also be usable on the rows that it is of.
\ir models.psql

CREATE TABLE rows (kind text, id integer, features double precision[]);

CREATE FUNCTION pg_temp.coin(stream integer, i integer) RETURNS integer LANGUAGE sql AS
$$SELECT floor(2 * uniform(current_setting('gmm_test.seed')::bigint, stream, i))::integer$$;
SELECT set_config('gmm_test.seed', :'seed', false) \g /dev/null

-- May be an error only where there are more components than distinct rows.
INSERT INTO rows
SELECT 'plain', id, features FROM random_rows(:seed * 1000 + 601, 60, 3, 3)
UNION ALL
SELECT 'every row five times', 100 * copy + id, features
FROM random_rows(:seed * 1000 + 602, 12, 3, 2), generate_series(1, 5) AS copy
UNION ALL
SELECT 'one row a hundred times', i, '{1.1,2.2,3.3}' FROM generate_series(1, 100) AS i
UNION ALL
SELECT 'one row a hundred times, and another', i, CASE i WHEN 7 THEN '{1.1,2.2,3.4}' ELSE '{1.1,2.2,3.3}' END::double precision[]
FROM generate_series(1, 100) AS i
UNION ALL
SELECT 'a constant column', id, ARRAY[features[1], 4.2, features[3]] FROM random_rows(:seed * 1000 + 603, 60, 3, 3)
UNION ALL
SELECT 'a column of zeros', id, ARRAY[0, features[2], features[3]] FROM random_rows(:seed * 1000 + 604, 60, 3, 3)
UNION ALL
SELECT 'only constant columns but one', id, ARRAY[1e9, features[2], -1e-9] FROM random_rows(:seed * 1000 + 604, 60, 3, 3)
UNION ALL
SELECT 'the same column twice', id, ARRAY[features[1], features[1], features[3]] FROM random_rows(:seed * 1000 + 605, 60, 3, 3)
UNION ALL
SELECT 'a sum of columns', id, ARRAY[features[1], features[2], features[1] + 1e-8 * features[2]] FROM random_rows(:seed * 1000 + 606, 60, 3, 3)
UNION ALL
SELECT 'on a line', id, ARRAY[features[1], 2 * features[1] + 1, 1e6 - features[1]] FROM random_rows(:seed * 1000 + 607, 60, 3, 3)
UNION ALL
SELECT 'few rows', id, features FROM random_rows(:seed * 1000 + 608, 5, 3, 2)
UNION ALL
SELECT 'fewer rows than columns', id, features FROM random_rows(:seed * 1000 + 609, 4, 12, 2)
UNION ALL
SELECT 'a lattice', 5 * x + y, ARRAY[x, y, (x + y) % 2] FROM generate_series(0, 7) AS x, generate_series(0, 4) AS y
UNION ALL
SELECT 'coins', i, ARRAY[pg_temp.coin(1, i), pg_temp.coin(2, i), pg_temp.coin(3, i)] FROM generate_series(1, 80) AS i
UNION ALL
SELECT 'an outlier', id, CASE id WHEN 17 THEN ARRAY[features[1] + 1e12, features[2], features[3]] ELSE features END
FROM random_rows(:seed * 1000 + 610, 60, 3, 3)
UNION ALL
SELECT 'outliers on all sides', id,
       CASE WHEN id % 10 = 0 THEN ARRAY[1e12 * normal(:seed, 1, id), -1e15 * features[2], 1e9] ELSE features END
FROM random_rows(:seed * 1000 + 611, 60, 3, 3)
UNION ALL
SELECT 'far away', id, ARRAY[features[1] + 1e15, features[2] - 1e13, features[3]] FROM random_rows(:seed * 1000 + 612, 60, 3, 3)
UNION ALL
SELECT 'tiny', id, ARRAY[features[1] * 1e-50, features[2] * 1e-50, features[3] * 1e-50] FROM random_rows(:seed * 1000 + 613, 60, 3, 3)
UNION ALL
SELECT 'huge', id, ARRAY[features[1] * 1e50, features[2] * 1e50, features[3] * 1e50] FROM random_rows(:seed * 1000 + 614, 60, 3, 3)
UNION ALL
SELECT 'tiny and huge', id, ARRAY[features[1] * 1e50, features[2] * 1e-50, features[3]] FROM random_rows(:seed * 1000 + 615, 60, 3, 3)
UNION ALL
SELECT 'from tiny to huge', id, ARRAY[exp(50 * features[1]), exp(-20 * features[2]), exp(-exp(features[3]))]
FROM random_rows(:seed * 1000 + 616, 60, 3, 3) WHERE abs(features[1]) < 4 AND abs(features[2]) < 8 AND features[3] < 4
UNION ALL
SELECT 'neighbours in floating point', i, ARRAY[1 + (i % 3) * 2.220446049250313e-16, 1 + (i % 5) * 2.220446049250313e-16, i % 2]
FROM generate_series(1, 60) AS i;

CREATE TABLE distinct_rows AS
SELECT kind, count(DISTINCT features) AS n FROM rows GROUP BY kind;

-- What comes of a fit: a word, 'model' if it is sound.
CREATE FUNCTION pg_temp.attempt(of_kind text, k integer, options jsonb) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    model gmm_model;
    bad bigint;
BEGIN
    BEGIN
        SELECT gmm_fit(features, k, options) INTO STRICT model FROM rows WHERE kind = of_kind;
    EXCEPTION WHEN OTHERS THEN
        RETURN SQLSTATE || ' ' || SQLERRM;
    END;
    IF model::text::gmm_model::text <> model::text THEN
        RETURN 'text that is another model';
    END IF;
    SELECT count(*) INTO bad FROM gmm_components(model), unnest(array_append(mean || weight, covariance[1][1])) AS v
    WHERE v IN ('NaN', 'Infinity', '-Infinity') OR NOT weight BETWEEN 0 AND 1;
    IF bad > 0 THEN
        RETURN 'a number that is not finite';
    END IF;
    SELECT count(*) INTO bad FROM gmm_summary(model) AS s, unnest(ARRAY[log_likelihood, bic, aic, sum_weights]) AS v
    WHERE v IS NULL OR v IN ('NaN', 'Infinity', '-Infinity') OR s.k <> $2;
    IF bad > 0 THEN
        RETURN 'a summary that is not finite';
    END IF;
    SELECT count(*) INTO bad FROM rows,
           LATERAL gmm_predict_proba(model, features) AS p, LATERAL (SELECT sum(q), min(q) FROM unnest(p) AS q) AS s (total, least)
    WHERE kind = of_kind AND
          NOT (abs(total - 1) < 1e-12 AND least >= 0 AND
               gmm_logpdf(model, features) NOT IN ('NaN', 'Infinity', '-Infinity'));
    IF bad > 0 THEN
        RETURN bad || ' rows that it cannot score';
    END IF;
    RETURN 'model';
END $$;

CREATE TABLE attempts AS
SELECT kind, n, family, k, reg_covar, init,
       pg_temp.attempt(kind, k, gmm_options(covariance_type => family, reg_covar => reg_covar, init => init)) AS outcome
FROM distinct_rows, families, unnest('{1,2,4,11,12,13}'::integer[]) AS k,
     unnest('{0,1e-9}'::double precision[]) AS reg_covar, unnest('{kmeans++,random}'::text[]) AS init;

-- Too many components is said so, at exactly the right number.
SELECT ok(count(*) > 0 AND bool_and(outcome LIKE '22023 k is % distinct row%'),
          format('%s: more components than the %s distinct rows are refused', kind, n)) ||
       coalesce(string_agg(DISTINCT E'\n# ' || family || ' k ' || k || ': ' || outcome, '')
                FILTER (WHERE outcome NOT LIKE '22023 k is % distinct row%'), '')
FROM attempts WHERE k > n GROUP BY kind, n ORDER BY kind;

SELECT ok(bool_and(outcome = 'model'), kind || ': a sound model') ||
       coalesce(string_agg(DISTINCT E'\n# ' || concat_ws(' ', family, 'k', k, 'reg_covar', reg_covar, init, ':', outcome), '')
                FILTER (WHERE outcome <> 'model'), '')
FROM attempts WHERE k <= n GROUP BY kind ORDER BY kind;

-- Where doubles end there is an error, that names the feature.
SELECT raises(format('SELECT gmm_fit(ARRAY[1, x], 1, gmm_options(covariance_type => %L)) FROM (VALUES (%s), (%s), (1)) AS v (x)', family, a, b),
              '22003', '2', format('%s: %s and %s are out of range', family, a, b))
FROM families, (VALUES ('1e300', '-1e300'), ('1e160', '1e161'), ('1.7e308', '-1.7e308')) AS v (a, b);

SELECT ok((gmm_summary(gmm_fit(ARRAY[x], 1))).k = 1, 'but not denormal differences from a constant that is not')
FROM (VALUES (1e-20), (2e-20), (1e-20)) AS v (x);

-- A start far from the rows, or with components that no row is near, is
-- repaired or reported by gmm_refit, too.
CREATE FUNCTION pg_temp.refit(of_kind text, start gmm_model, options jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    model gmm_model;
BEGIN
    SELECT gmm_refit(features, start, options) INTO STRICT model FROM rows WHERE kind = of_kind;
    IF model::text::gmm_model::text <> model::text OR
       (SELECT log_likelihood + bic IS NULL OR log_likelihood IN ('NaN', 'Infinity', '-Infinity') FROM gmm_summary(model)) THEN
        RETURN 'not sound';
    END IF;
    RETURN 'model';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE || ' ' || SQLERRM;
END $$;

SELECT ok(bool_and(outcome = 'model' OR outcome LIKE '22%'), format('gmm_refit from %s', what)) ||
       coalesce(string_agg(DISTINCT E'\n# ' || kind || ': ' || outcome, '') FILTER (WHERE outcome <> 'model'), '')
FROM (SELECT what, kind, pg_temp.refit(kind, start, gmm_options(reg_covar => reg_covar)) AS outcome
      FROM distinct_rows,
           unnest('{0,1e-6}'::double precision[]) AS reg_covar,
           (VALUES ('a component at 1e6', gmm_model('{0.5,0.5}', '{{0,0,0},{1e6,1e6,1e6}}', '{{1,1,1},{1,1,1}}', 'diag')),
                   ('all components at 1e6', gmm_model('{0.5,0.5}', '{{-1e6,0,0},{1e6,1e6,1e6}}', '{1,2}', 'spherical')),
                   ('twins', gmm_model('{0.5,0.5}', '{{0,0,0},{0,0,0}}', '{{1,0,0},{0,1,0},{0,0,1}}', 'tied')),
                   ('a component of no weight', gmm_model('{1,0}', '{{0,0,0},{1,1,1}}', '{{1,1,1},{1,1,1}}', 'diag')),
                   ('a needle', gmm_model('{0.5,0.5}', '{{0,0,0},{1,1,1}}', '{1e-300,1}', 'spherical')),
                   ('a world', gmm_model('{0.5,0.5}', '{{0,0,0},{1,1,1}}', '{1e300,1}', 'spherical'))) AS s (what, start)
      WHERE kind <> 'fewer rows than columns') AS r
GROUP BY what ORDER BY what;

SELECT finish();
