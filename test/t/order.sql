-- Promise 1: the rows decide, not their order.  Same rows and options, same
-- model to 1e-9, whatever the order in which the aggregate gets them and
-- whatever the plan, with fewer rows than the engine's sample and with more.
\ir models.psql

CREATE TABLE cases (number integer, n integer, d integer, clusters integer, k integer);
INSERT INTO cases
SELECT number, 60 + (340 * uniform(:seed, 101, number))::integer,
       1 + number % 5, 2 + number % 3, 2 + number % 4
FROM generate_series(1, 12) AS number;

CREATE TABLE rows AS
SELECT number, k, r.* FROM cases, random_rows(:seed * 1000 + number, n, d, clusters) AS r;

-- Values that are not exact in binary, at the corners of a grid: sums depend
-- on their order, and many optima are each other's mirror image.
INSERT INTO rows
SELECT 13, 3, 10 * x + y, 1, ARRAY[x / 10.0, y / 10.0]
FROM generate_series(0, 9) AS x, generate_series(0, 9) AS y;

-- Few distinct rows, many times each.
INSERT INTO rows
SELECT 14, 3, id, cluster, ARRAY[round(features[1]::numeric), round(features[2]::numeric, 1)]
FROM random_rows(:seed * 1000 + 14, 500, 2, 3);

CREATE TABLE small AS
SELECT number, family, turn,
       CASE turn
           WHEN 1 THEN gmm_fit(features, k, options ORDER BY id)
           WHEN 2 THEN gmm_fit(features, k, options ORDER BY id DESC)
           WHEN 3 THEN gmm_fit(features, k, options ORDER BY features)
           ELSE gmm_fit(features, k, options ORDER BY hashint8extended(id, :seed + turn))
       END AS model
FROM rows, families, generate_series(1, 8) AS turn,
     LATERAL gmm_options(covariance_type => family) AS options
GROUP BY number, family, turn;

SELECT all_within(array_agg(greatest(apart(b.model, a.model), apart_fit(b.model, a.model))),
                  14 * 7, 1e-9, family || ', up to 500 rows: the same in 8 orders, 14 data sets')
FROM small AS a JOIN small AS b USING (number, family)
WHERE a.turn = 1 AND b.turn > 1
GROUP BY family;

-- It is not that the model were the same whatever the rows: without one row
-- it is another.
SELECT ok(min(apart(fewer, model)) > 1e-9, 'a missing row shows')
FROM small JOIN (SELECT number, gmm_fit(features, k) AS fewer
                 FROM rows WHERE id > 1 GROUP BY number) AS f USING (number)
WHERE family = 'full' AND turn = 1;

-- More rows than the sample on which starts are tried, so that the last steps
-- go over rows as they came.
CREATE TABLE many AS
SELECT r.* FROM random_rows(:seed * 1000 + 15, 20000, 2, 3) AS r;
ANALYZE many;

CREATE TABLE large AS
SELECT family, turn,
       CASE turn WHEN 1 THEN gmm_fit(features, 3, options ORDER BY id)
                 WHEN 2 THEN gmm_fit(features, 3, options ORDER BY features)
                 ELSE gmm_fit(features, 3, options ORDER BY hashint8extended(id, :seed + turn)) END AS model
FROM many, families, generate_series(1, 4) AS turn,
     LATERAL gmm_options(covariance_type => family) AS options
GROUP BY family, turn;

SELECT all_within(array_agg(greatest(apart(b.model, a.model), apart_fit(b.model, a.model))),
                  3, 1e-9, family || ', 20000 rows: the same in 4 orders')
FROM large AS a JOIN large AS b USING (family)
WHERE a.turn = 1 AND b.turn > 1
GROUP BY family;

-- A parallel plan below the aggregate: workers hand rows over as they come.
SET min_parallel_table_scan_size = 0;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET max_parallel_workers_per_gather = 2;
ALTER TABLE many SET (parallel_workers = 2);

CREATE FUNCTION pg_temp.plan(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    line text;
    lines text = '';
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || statement LOOP
        lines = lines || line || E'\n';
    END LOOP;
    RETURN lines;
END $$;

SELECT ok(pg_temp.plan('SELECT gmm_fit(features, 3) FROM many') ~ 'Gather', 'the plan is parallel');

CREATE TABLE gathered AS
SELECT 'full' AS family, gmm_fit(features, 3) AS model FROM many
UNION ALL
SELECT 'diag', gmm_fit(features, 3, '{"covariance_type": "diag"}') FROM many;

SELECT alike(g.model, l.model, 1e-9, family || ', 20000 rows: the same from a parallel plan')
FROM gathered AS g JOIN large AS l USING (family) WHERE turn = 1;

-- gmm_refit goes over all rows as they come, too.  In a run of many passes rounding grows on
-- the way, to no more than tol lets it end from the optimum.
SELECT all_within(array_agg(apart(refitted, first) / CASE WHEN iterations < 50 THEN 1 ELSE greatest(1, 1e9 * apart(first, optimum)) END), 12, 1e-9,
                  'gmm_refit: the same in 4 orders')
FROM (SELECT family, turn, refitted, first_value(refitted) OVER (PARTITION BY family ORDER BY turn) AS first,
             first_value(r.converged) OVER (PARTITION BY family ORDER BY turn) AS optimum
      FROM (SELECT family, turn,
                   gmm_refit(features, (SELECT model FROM large AS l WHERE l.family = f.family AND l.turn = 1)
                             ORDER BY CASE WHEN turn > 1 THEN hashint8extended(id, :seed + turn) ELSE id END) AS refitted,
                   gmm_refit(features, (SELECT model FROM large AS l WHERE l.family = f.family AND l.turn = 1),
                             '{"tol": 0, "max_iter": 2000}') FILTER (WHERE turn = 1) AS converged
            FROM many, families AS f, generate_series(1, 4) AS turn
            WHERE id % 5 = 0
            GROUP BY family, turn) AS r) AS w, gmm_summary(first)
WHERE turn > 1;

SELECT finish();
