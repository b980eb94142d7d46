-- citus.sql: what is tested in a Citus cluster; run by t/citus.sh.

\ir t/models.psql

CREATE TABLE local AS
SELECT id, cluster AS region, features[1] AS x, features[2] AS y, (1 + id % 3)::double precision AS w
FROM random_rows(:seed * 1000 + 51, 20000, 2, 4);
CREATE TABLE points (LIKE local);
SELECT create_distributed_table('points', 'region') \g /dev/null
INSERT INTO points SELECT * FROM local;
SELECT gmm_fit(ARRAY[x, y], 4, '{"max_iter": 3}')::text AS model FROM local WHERE id < 2000 \gset

-- The plan of a statement, in one text.
CREATE FUNCTION tap.plan(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    line text;
    lines text = '';
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (VERBOSE, COSTS OFF) ' || statement LOOP
        lines = lines || line || E'\n';
    END LOOP;
    RETURN lines;
END $$;

SELECT ok(plan ~ 'worker_(binary_)?partial_agg\(''public.gmm_accumulate' AND plan ~ 'coord_(binary_)?combine_agg' AND
          plan ~ 'Task Count: [0-9]{2}', 'gmm_accumulate is sent to the shards')
FROM plan(format('SELECT gmm_accumulate(ARRAY[x, y], %L::gmm_model) FROM points', :'model')) AS plan;
SELECT ok(plan ~ 'worker_(binary_)?partial_agg\(''public.gmm_em_step' AND plan ~ 'coord_(binary_)?combine_agg', 'gmm_em_step is sent to the shards')
FROM plan(format('SELECT gmm_em_step(ARRAY[x, y], %L::gmm_model, w) FROM points', :'model')) AS plan;

SELECT gmm_accumulate(ARRAY[x, y], :'model'::gmm_model)::text AS got FROM points \gset
SELECT gmm_accumulate(ARRAY[x, y], :'model'::gmm_model)::text AS wanted FROM local \gset
SELECT near((gmm_stats_summary(:'got')).log_likelihood, (gmm_stats_summary(:'wanted')).log_likelihood, 1e-12, 'the same likelihood') || E'\n' ||
       equals((gmm_stats_summary(:'got')).n_rows, 20000::bigint, 'of all rows') || E'\n' ||
       near(apart(gmm_maximize(:'got'), gmm_maximize(:'wanted')), 0, 1e-12, 'the same maximum');
SELECT gmm_em_step(ARRAY[x, y], :'model'::gmm_model, w)::text AS got FROM points \gset
SELECT gmm_em_step(ARRAY[x, y], :'model'::gmm_model, w)::text AS wanted FROM local \gset
SELECT near(apart(:'got'::gmm_model, :'wanted'::gmm_model), 0, 1e-12, 'the same step');

-- Shards without rows that count, and no rows at all.
SELECT (gmm_stats_summary(gmm_accumulate(ARRAY[x, y], :'model'::gmm_model))).n_rows AS n FROM points WHERE id = 7 \gset
SELECT equals(:n, 1, 'shards without rows');
SELECT gmm_em_step(ARRAY[x, y], :'model'::gmm_model) IS NULL AS n FROM points WHERE false \gset
SELECT ok(:'n', 'no rows at all');

-- Groups by the distribution column are whole fits where the rows are.
SELECT ok(plan ~ 'public.gmm_fit\(' AND plan !~ 'worker_(binary_)?partial_agg' AND plan ~ 'Task Count', 'GROUP BY region: whole fits on the workers')
FROM plan('SELECT region, gmm_fit(ARRAY[x, y], 2) FROM points GROUP BY region') AS plan;
CREATE TABLE by_region AS SELECT region, gmm_fit(ARRAY[x, y], 2) AS model FROM points GROUP BY region;
SELECT ok(bool_and(apart(b.model, l.model) < 1e-9) AND count(*) = 4, 'the same models')
FROM by_region AS b JOIN (SELECT region, gmm_fit(ARRAY[x, y], 2) AS model FROM local GROUP BY region) AS l USING (region);

-- Statistics kept in a distributed table.
CREATE TABLE kept (region integer, stats gmm_stats);
SELECT create_distributed_table('kept', 'region', colocate_with => 'points') \g /dev/null
INSERT INTO kept SELECT region, gmm_accumulate(ARRAY[x, y], :'model'::gmm_model) FROM points GROUP BY region;
SELECT gmm_maximize(gmm_merge(stats))::text AS got FROM kept \gset
SELECT near(apart(:'got'::gmm_model, gmm_maximize(gmm_accumulate(ARRAY[x, y], :'model'::gmm_model))), 0, 1e-12, 'gmm_merge over shards')
FROM local;

-- Sketches of the shards merge to the sketch of the rows, to the last bit, and so do
-- stored ones; rows with NULLs and shards without rows are among them.
CREATE TABLE holes (LIKE local);
SELECT create_distributed_table('holes', 'region', colocate_with => 'points') \g /dev/null
INSERT INTO holes SELECT id, region, CASE WHEN id % 7 > 0 THEN x END, CASE WHEN id % 5 > 0 THEN y END, w FROM local;
SELECT ok(plan ~ 'worker_(binary_)?partial_agg\(''public.gmm_sketch' AND plan ~ 'coord_(binary_)?combine_agg' AND plan ~ 'Task Count: [0-9]{2}',
          'gmm_sketch is sent to the shards')
FROM plan('SELECT gmm_sketch(ARRAY[x, y], 500, w) FROM holes') AS plan;
CREATE TABLE local_holes AS SELECT id, region, CASE WHEN id % 7 > 0 THEN x END AS x, CASE WHEN id % 5 > 0 THEN y END AS y, w FROM local;
SELECT format($$
    SELECT equals((SELECT gmm_sketch(ARRAY[x, y], %1$s)::text FROM holes),
                  (SELECT gmm_sketch(ARRAY[x, y], %1$s)::text FROM local_holes), 'a sketch of %1$s rows: the same to the bit') || E'\n' ||
           equals((SELECT gmm_sketch(ARRAY[x, y], %1$s, w)::text FROM holes),
                  (SELECT gmm_sketch(ARRAY[x, y], %1$s, w)::text FROM local_holes), 'and with weights')$$, size)
FROM unnest('{1,500,30000}'::integer[]) AS size \gexec
CREATE TABLE sketches (region integer, sketch gmm_sketch);
SELECT create_distributed_table('sketches', 'region', colocate_with => 'points') \g /dev/null
INSERT INTO sketches SELECT region, gmm_sketch(ARRAY[x, y], 500, w) FROM holes GROUP BY region;
SELECT equals((SELECT gmm_merge(sketch)::text FROM sketches),
              (SELECT gmm_sketch(ARRAY[x, y], 500, w)::text FROM local_holes), 'gmm_merge of sketches over shards');
SELECT equals((SELECT gmm_fit_sketch(gmm_sketch(ARRAY[x, y], 500), 4)::text FROM points),
              (SELECT gmm_fit_sketch(gmm_sketch(ARRAY[x, y], 500), 4)::text FROM local), 'so is a fit to one');

-- Noise and labels: the statistics of shards have the noise, and labels go with the
-- rows.
SELECT gmm_fit(ARRAY[x, y], 4, '{"max_iter": 3, "noise": true}')::text AS noisy FROM local WHERE id < 2000 \gset
SELECT gmm_accumulate(ARRAY[x, y], :'noisy'::gmm_model)::text AS got FROM points \gset
SELECT gmm_accumulate(ARRAY[x, y], :'noisy'::gmm_model)::text AS wanted FROM local \gset
SELECT near(apart(gmm_maximize(:'got'), gmm_maximize(:'wanted')), 0, 1e-12, 'with noise: the same maximum') || E'\n' ||
       near((gmm_summary(gmm_maximize(:'got'))).noise_weight, (gmm_summary(gmm_maximize(:'wanted'))).noise_weight, 1e-12, 'and the same noise');
SELECT ok(bool_and(apart(s.model, l.model) < 1e-9 AND (gmm_summary(s.model)).n_labelled = l.n) AND count(*) = 4,
          'GROUP BY region: rows with labels on the workers')
FROM (SELECT region, gmm_fit_labelled(ARRAY[x, y], CASE WHEN id % 9 = 0 THEN 1 + (x > 0)::integer END, 2) AS model FROM points GROUP BY region) AS s
JOIN (SELECT region, gmm_fit_labelled(ARRAY[x, y], CASE WHEN id % 9 = 0 THEN 1 + (x > 0)::integer END, 2) AS model,
             count(*) FILTER (WHERE id % 9 = 0) AS n FROM local GROUP BY region) AS l USING (region);
SELECT alike((SELECT gmm_fit_labelled(ARRAY[x, y], CASE WHEN id % 9 = 0 THEN region END, 4) FROM points),
             (SELECT gmm_fit_labelled(ARRAY[x, y], CASE WHEN id % 9 = 0 THEN region END, 4) FROM local), 1e-9, 'and of all shards');

-- What needs the rows, and the same model with each, has them fetched first: then
-- no shard sends the model.
SELECT ok(plan ~ 'Distributed Subplan' AND plan ~ 'Query: SELECT x, y FROM' AND plan !~ 'Query: [^\n]*gmm_model[^\n]*points_[0-9]',
          aggregate || ': rows without the model')
FROM unnest('{gmm_refit,gmm_svg}'::text[]) AS aggregate,
     plan(format('SELECT %I(ARRAY[x, y], %L::gmm_model) FROM (SELECT x, y FROM points OFFSET 0) AS rows', aggregate, :'model')) AS plan;
SELECT near(apart((SELECT gmm_refit(ARRAY[x, y], :'model'::gmm_model) FROM (SELECT x, y FROM points OFFSET 0) AS rows),
                  (SELECT gmm_refit(ARRAY[x, y], :'model'::gmm_model) FROM local)), 0, 1e-6, 'the same model');

-- A fit by scans: in one transaction, as the nodes otherwise take a snapshot for
-- each query.
SELECT raises($$SELECT gmm_fit_table('points', '{x,y}', 4)$$, '55000', 'isolation level REPEATABLE READ', 'a fit in READ COMMITTED');
CREATE VIEW seen AS SELECT x, y, w FROM points WHERE id % 4 > 0;
SELECT raises($$SELECT gmm_fit_table('seen', '{x,y}', 4)$$, '55000', 'isolation level REPEATABLE READ', 'also through a view');
SELECT raises($$SELECT gmm_fit_table('local', '{x,y}', 4, filter => 'id IN (SELECT id FROM points)')$$, '55000',
              'isolation level REPEATABLE READ', 'and where the filter reads it');
SELECT ok(plan ~ 'worker_(binary_)?partial_agg\(''public.gmm_fit_table_ranges', 'the ranges are found by the shards')
FROM plan('SELECT gmm_fit_table_ranges(ARRAY[x, y], w) FROM points') AS plan;
SELECT alike(gmm_fit_table('local', '{x,y}', 4), (SELECT gmm_fit(ARRAY[x, y], 4) FROM local), 1e-6, 'a local table does not need it');
CREATE VIEW zeros AS SELECT CASE WHEN id % 10 > 2 THEN x ELSE 0 END AS x FROM points;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT alike(gmm_fit_table('points', '{x,y}', 4), (SELECT gmm_fit(ARRAY[x, y], 4) FROM local), 1e-6, 'gmm_fit_table: as gmm_fit');
SELECT alike(gmm_fit_table('points', '{x,y}', 3, '{"covariance_type": "tied"}', 'w', 'id % 4 > 0'),
             (SELECT gmm_fit(ARRAY[x, y], 3, '{"covariance_type": "tied"}', w) FROM local WHERE id % 4 > 0), 1e-6,
             'with options, weight and filter');
SELECT alike(gmm_fit_table('zeros', '{x}', 3), (SELECT gmm_fit(ARRAY[CASE WHEN id % 10 > 2 THEN x ELSE 0 END], 3) FROM local), 1e-6, 'a value that many rows have');
SELECT alike(gmm_fit_table('seen', '{x,y}', 3), (SELECT gmm_fit(ARRAY[x, y], 3) FROM local WHERE id % 4 > 0), 1e-6, 'through a view');
SELECT alike(got, wanted, 1e-6, 'with noise') || E'\n' ||
       near((gmm_summary(got)).noise_weight, (gmm_summary(wanted)).noise_weight, 1e-6, 'as much of it')
FROM gmm_fit_table('points', '{x,y}', 4, '{"noise": true}') AS got, (SELECT gmm_fit(ARRAY[x, y], 4, '{"noise": true}') FROM local) AS l (wanted);
SELECT alike(gmm_fit_table('holes', '{x,y}', 3), (SELECT gmm_fit(ARRAY[x, y], 3) FROM local_holes), 1e-6, 'rows with NULLs');
COMMIT;
CREATE TABLE arrays (region integer, v real[]);
SELECT create_distributed_table('arrays', 'region', colocate_with => 'points') \g /dev/null
INSERT INTO arrays SELECT region, ARRAY[x, NULLIF(y, 0)] FROM local;
SET default_transaction_isolation = 'repeatable read';
SELECT alike(gmm_fit_table('arrays', '{v}', 4), (SELECT gmm_fit(ARRAY[x::real, y::real], 4) FROM local), 1e-6,
             'arrays, in a statement of its own that is REPEATABLE READ');
RESET default_transaction_isolation;

-- Another session inserts all the time, batches of 50 rows that are far away,
-- where one node has them all.  A fit is of the rows of one moment: of as many
-- batches as its number of rows says.
CREATE TABLE growing (batch integer, region integer, x float8, y float8);
SELECT create_distributed_table('growing', 'region', colocate_with => 'points') \g /dev/null
INSERT INTO growing SELECT 0, region, x, y FROM local;
CREATE SEQUENCE batch;
\! { while [ -e "$writing" ]; do echo "INSERT INTO growing SELECT b, 1, 50 + sin(b * i), cos(b * i) FROM generate_series(1, 50) AS i, nextval('batch') AS b;"; sleep 0.02; done | psql -X -q >"$writing.log" 2>&1; } &
SELECT pg_sleep(0.5) \g /dev/null
CREATE TABLE grown (trial integer, model gmm_model);
CREATE PROCEDURE fit_growing(trial integer) LANGUAGE sql AS $$
    INSERT INTO grown SELECT trial, gmm_fit_table('growing', '{x,y}', 5)
$$;
SELECT format('BEGIN ISOLATION LEVEL REPEATABLE READ; CALL fit_growing(%s); COMMIT', i) FROM generate_series(1, 5) AS i \gexec
\! rm "$writing"
SELECT pg_sleep(0.5) \g /dev/null
CREATE TABLE rows AS SELECT * FROM growing;
SELECT ok(max((gmm_summary(model)).n_rows) > min((gmm_summary(model)).n_rows) AND count(*) = 5, 'rows are inserted meanwhile') FROM grown;
SELECT alike(model, (SELECT gmm_fit(ARRAY[x, y], 5) FROM rows WHERE batch <= (s.n_rows - 20000) / 50), 1e-6,
             format('trial %s: the rows of one moment, %s', trial, s.n_rows))
FROM grown, gmm_summary(model) AS s ORDER BY trial;

SELECT finish();
