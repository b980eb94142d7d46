-- Groups with fewer distinct rows than k: an option decides whether one of them
-- ends the query, has fewer components, or has no model.
\ir models.psql

-- Groups of 1 to 12 distinct rows, each several times, in an order of their own;
-- and one of 300.
CREATE TABLE points AS
SELECT g AS n, r AS number, uniform(:seed, 1200 + g, r) * 10 AS x, uniform(:seed, 1300 + g, r) AS y
FROM generate_series(1, 12) AS g, generate_series(1, g) AS r, generate_series(1, 3) AS copy
UNION ALL
SELECT 300, r, uniform(:seed, 1400, r), uniform(:seed, 1500, r) FROM generate_series(1, 300) AS r;
CREATE FUNCTION pg_temp.isfinite(value double precision) RETURNS boolean LANGUAGE sql AS $$SELECT value BETWEEN -1e300 AND 1e300$$;
CREATE VIEW five AS SELECT * FROM points WHERE n = 5;

SELECT raises('SELECT n, gmm_fit(ARRAY[x, y], 5) FROM points GROUP BY n', '22023', 'distinct row', 'an error by default') || E'\n' ||
       raises('SELECT n, gmm_fit(ARRAY[x, y], 5, ''{"too_few_rows": "error"}'') FROM points GROUP BY n', '22023', 'distinct row', 'or if asked for');

CREATE FUNCTION pg_temp.fit(function text, family text, too_few_rows text) RETURNS TABLE (n integer, model gmm_model) LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE format(
        CASE function
            WHEN 'gmm_fit' THEN 'SELECT n, gmm_fit(ARRAY[x, y], 5, %L) FROM points GROUP BY n'
            WHEN 'gmm_fit_best' THEN 'SELECT n, gmm_fit_best(ARRAY[x, y], 5, 6, %L) FROM points GROUP BY n'
            ELSE 'SELECT n, gmm_fit_table(''points'', ''{x,y}'', 5, %L, filter => ''n = '' || n) FROM points GROUP BY n'
        END, gmm_options(covariance_type => family, too_few_rows => too_few_rows, max_iter => 1000));
END $$;

SET gmm.warnings = off;
CREATE TABLE fits AS
SELECT function, family, option, f.* FROM unnest('{gmm_fit,gmm_fit_best,gmm_fit_table}'::text[]) AS function, families,
    unnest('{fewer,"null"}'::text[]) AS option, pg_temp.fit(function, family, option) AS f;

-- As many components as there are distinct rows, and the model says how many
-- it has not.
SELECT ok(count(*) = 13 AND bool_and(s.k BETWEEN least(n, 5) AND 6) AND bool_and(s.k = least(n, 5) OR function = 'gmm_fit_best') AND
          bool_and(s.n_omitted = greatest(5 - n, 0)), format('%s, %s, fewer: k and n_omitted', function, family)) || E'\n' ||
       ok(bool_and(model::text::gmm_model = model AND (gmm_summary(model::text::gmm_model)).n_omitted = s.n_omitted AND
                   pg_temp.isfinite(gmm_logpdf(model, '{5,0.5}')) AND gmm_predict(model, '{5,0.5}') BETWEEN 1 AND s.k), 'models that can be used')
FROM fits, gmm_summary(model) AS s WHERE option = 'fewer' GROUP BY function, family ORDER BY function, family;

-- It is the fit of that many components.
SELECT ok(bool_and(gmm_predict(f.model, '{1,0.5}') = gmm_predict(w.model, '{1,0.5}') AND apart(f.model, w.model) < 1e-9),
          format('%s: the fit of so many', family))
FROM fits AS f, LATERAL (SELECT gmm_fit(ARRAY[x, y], f.n, gmm_options(covariance_type => family, max_iter => 1000)) AS model FROM points WHERE n = f.n) AS w
WHERE function = 'gmm_fit' AND option = 'fewer' AND n <= 5 GROUP BY family ORDER BY family;

-- Or none, and all others as they are.
SELECT ok(count(*) = 13 AND bool_and((model IS NULL) = (n < 5)) AND bool_and(n < 5 OR (gmm_summary(model)).n_omitted = 0),
          format('%s, %s, null: no model of too few', function, family))
FROM fits WHERE option = 'null' GROUP BY function, family ORDER BY function, family;
SELECT ok(bool_and(a.model = b.model), 'the option changes no other fit')
FROM fits AS a JOIN fits AS b USING (function, family, n) WHERE a.option = 'fewer' AND b.option = 'null' AND n >= 5;

-- Rows count as distinct by what is there of them.
SELECT equals((s.k, s.n_omitted), (2, 1), 'rows with NULLs')
FROM gmm_summary((SELECT gmm_fit(ARRAY[CASE WHEN i % 2 = 0 THEN 1 END, 1 + i % 2], 3, '{"too_few_rows": "fewer"}') FROM generate_series(1, 9) AS i)) AS s;

-- What it does not apply to, and what it cannot be.
SELECT raises($$SELECT gmm_refit(ARRAY[x, y], m.model, '{"too_few_rows": "fewer"}') FROM five, fits AS m WHERE m.n = 300$$, '22023',
              'does not apply to gmm_refit', 'gmm_refit keeps its components') || E'\n' ||
       raises($$SELECT gmm_maximize(gmm_accumulate(ARRAY[x, y], m.model), '{"too_few_rows": "null"}') FROM five, (SELECT model FROM fits WHERE n = 300 LIMIT 1) AS m GROUP BY m.model$$,
              '22023', 'option "too_few_rows" does not apply to gmm_maximize', 'nor does a step take it') || E'\n' ||
       raises($$SELECT gmm_options(too_few_rows => 'NULL')$$, '22023', 'must be error, fewer or null', 'no such choice') || E'\n' ||
       raises($$SELECT gmm_fit(ARRAY[x], 1, '{"too_few_rows": null}') FROM five$$, '22023', 'must be error, fewer or null', 'nor a JSON null');
SELECT equals(gmm_fit(ARRAY[x, y], 5, '{"too_few_rows": "fewer"}') IS NULL, true, 'no rows are no model, whatever the option') FROM points WHERE n = 0;

SELECT finish();
