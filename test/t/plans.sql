-- However the executor comes by the rows, a fit and a score are the same: in
-- parallel, over partitions, in grouping sets, windows, cursors, prepared
-- statements, subtransactions.  Each test looks at the plan that it is about.

SET jit = off;
CREATE TABLE points (id integer, region integer, kind integer, x double precision[]) PARTITION BY LIST (region);
CREATE TABLE points_0 PARTITION OF points FOR VALUES IN (0);
CREATE TABLE points_1 PARTITION OF points FOR VALUES IN (1);
CREATE TABLE points_2 PARTITION OF points FOR VALUES IN (2);
INSERT INTO points
SELECT i, i % 3, i % 2, ARRAY[i % 3 * 10 + i * 7919 % 1009 / 400.0, i % 5 + i * 31 % 997 / 200.0]
FROM generate_series(1, 3000) AS i;
ANALYZE points;

-- The plan of a statement, a line.
CREATE FUNCTION plan_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    line text;
    plan text := '';
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS off) ' || statement LOOP
        plan := plan || E'\n' || line;
    END LOOP;
    RETURN plan;
END
$$;

-- What a plan says to a query, all rows in one text; settings are set before.
CREATE FUNCTION answer_of(query text, VARIADIC settings text[] DEFAULT '{}') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer text;
BEGIN
    FOR i IN 1..cardinality(settings) LOOP
        PERFORM set_config(split_part(settings[i], '=', 1), split_part(settings[i], '=', 2), false);
    END LOOP;
    EXECUTE format('SELECT md5(string_agg(row_text, chr(10) ORDER BY row_text)) FROM (SELECT q::text AS row_text FROM (%s) AS q) AS r', query)
        INTO answer;
    RETURN answer;
END
$$;

CREATE FUNCTION plain() RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(set_config(name, value, false), ' ')
    FROM (VALUES ('max_parallel_workers_per_gather', '0'), ('gmm.parallel_workers', '0'),
                 ('enable_partitionwise_aggregate', 'off'), ('enable_hashagg', 'on'), ('enable_sort', 'on'),
                 ('parallel_setup_cost', '1000'), ('parallel_tuple_cost', '0.1'),
                 ('min_parallel_table_scan_size', '8MB'), ('parallel_leader_participation', 'on')) AS v (name, value)
$$;

-- A query gives under some settings what it gives plainly, by a plan in which
-- there is `node`.
CREATE FUNCTION as_plain(query text, node text, name text, VARIADIC settings text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    wanted text;
    got text;
    plan text;
BEGIN
    PERFORM plain();
    wanted := answer_of(query);
    got := answer_of(query, VARIADIC settings);
    plan := plan_of(query);
    PERFORM plain();
    RETURN ok(wanted = got AND plan ~ node, name) ||
        CASE WHEN wanted = got AND plan ~ node THEN ''
             ELSE E'\n# wanted ' || wanted || ' got ' || got || replace(plan, E'\n', E'\n# ') END;
END
$$;

CREATE TABLE models AS
SELECT region, gmm_fit(x, 3, '{"max_iter": 9}') AS model FROM points GROUP BY region;
ANALYZE models;
SELECT plain() IS NULL AS unused \gset

-- --- fits ---

\set fits 'SELECT region, gmm_model_send(gmm_fit(x, 3, \'{"max_iter": 9}\')) FROM points GROUP BY region'
SELECT as_plain(:'fits', 'Gather', 'a fit above a parallel scan',
    'max_parallel_workers_per_gather=2', 'parallel_setup_cost=0', 'parallel_tuple_cost=0', 'min_parallel_table_scan_size=0');
SELECT as_plain(:'fits', 'Gather', 'a leader that reads nothing',
    'max_parallel_workers_per_gather=2', 'parallel_setup_cost=0', 'parallel_tuple_cost=0', 'min_parallel_table_scan_size=0',
    'parallel_leader_participation=off');
SELECT as_plain(:'fits', 'Append\n.*Aggregate', 'partitionwise', 'enable_partitionwise_aggregate=on');
SELECT as_plain(:'fits', 'GroupAggregate', 'sorted', 'enable_hashagg=off');
SELECT as_plain('SELECT region, kind, gmm_model_send(gmm_fit(x, 2, ''{"max_iter": 5}'')) FROM points GROUP BY GROUPING SETS ((region, kind), (kind), ())',
    'Grouping Sets|Hash Key|Group Key', 'grouping sets', 'enable_hashagg=off');
SELECT as_plain('SELECT gmm_model_send(gmm_fit(DISTINCT x, 2, ''{"max_iter": 5}'')) FROM (SELECT x FROM points UNION ALL SELECT x FROM points) AS p',
    'Aggregate', 'DISTINCT', 'enable_hashagg=off');
SELECT equals((SELECT gmm_model_send(gmm_fit(DISTINCT x, 2)) FROM (SELECT x FROM points UNION ALL SELECT x FROM points) AS p),
              (SELECT gmm_model_send(gmm_fit(x, 2)) FROM (SELECT DISTINCT x FROM points) AS p),
              'DISTINCT is a fit of the distinct rows');

-- --- streams of statistics, where workers combine what they have ---

-- How rows are shared out shows in the last digits of sums, no further.
CREATE FUNCTION step_of(VARIADIC settings text[] DEFAULT '{}') RETURNS gmm_model LANGUAGE plpgsql AS $$
DECLARE
    model gmm_model;
BEGIN
    FOR i IN 1..cardinality(settings) LOOP
        PERFORM set_config(split_part(settings[i], '=', 1), split_part(settings[i], '=', 2), false);
    END LOOP;
    SELECT gmm_em_step(x, (SELECT m.model FROM models AS m WHERE region = 0)) INTO model FROM points;
    RETURN model;
END
$$;
CREATE FUNCTION distance(a gmm_model, b gmm_model) RETURNS double precision LANGUAGE sql AS $$
    SELECT max(greatest(abs(p.weight - q.weight), abs(p.mean[1] - q.mean[1]), abs(p.mean[2] - q.mean[2])))
    FROM gmm_components(a) AS p JOIN gmm_components(b) AS q USING (component)
$$;
SELECT plain() IS NULL AS unused \gset
SELECT ok(distance(step_of(), step_of('max_parallel_workers_per_gather=2', 'parallel_setup_cost=0', 'parallel_tuple_cost=0', 'min_parallel_table_scan_size=0')) < 1e-12,
          'an EM step in parallel');
SELECT ok(plan_of('SELECT gmm_em_step(x, (SELECT m.model FROM models AS m WHERE region = 0)) FROM points') ~ 'Partial Aggregate',
          'is one of partial aggregates');
SELECT ok(distance(gmm_maximize(s.together), gmm_maximize(s.merged)) < 1e-12, 'workers without a row do no harm')
FROM (SELECT (SELECT gmm_accumulate(x, m.model) FROM points) AS together,
             (SELECT gmm_merge(stats) FROM (SELECT gmm_accumulate(x, m.model) FILTER (WHERE region = g) AS stats
                                            FROM points, generate_series(0, 9) AS g GROUP BY g) AS parts) AS merged
      FROM models AS m WHERE region = 1) AS s;
SELECT plain() IS NULL AS unused \gset

-- --- scores ---

\set scores 'SELECT p.id, gmm_predict(m.model, p.x), gmm_logpdf(m.model, p.x), gmm_predict_proba(m.model, p.x) FROM points AS p JOIN models AS m USING (region)'
SELECT as_plain(:'scores', 'Gather', 'scores in workers, a model that varies by row',
    'max_parallel_workers_per_gather=2', 'parallel_setup_cost=0', 'parallel_tuple_cost=0', 'min_parallel_table_scan_size=0');
SELECT as_plain(:'scores', 'Nested Loop', 'scores in a nested loop', 'enable_hashjoin=off', 'enable_mergejoin=off');
RESET enable_hashjoin;
RESET enable_mergejoin;

-- the same model from a constant, a parameter, a subquery, a join, a variable
SELECT model AS m0 FROM models WHERE region = 0 \gset
CREATE TABLE scored AS SELECT id, gmm_logpdf(:'m0', x) AS score FROM points;
PREPARE by_parameter(gmm_model) AS
    SELECT count(*) FILTER (WHERE gmm_logpdf($1, x) IS DISTINCT FROM s.score) AS different FROM points JOIN scored AS s USING (id);
SET plan_cache_mode = force_generic_plan;
EXECUTE by_parameter(:'m0') \gset generic_
EXPLAIN (COSTS off) EXECUTE by_parameter(:'m0') \g /dev/null
SET plan_cache_mode = force_custom_plan;
EXECUTE by_parameter(:'m0') \gset custom_
RESET plan_cache_mode;
SELECT equals(:generic_different + :custom_different, 0, 'prepared statements, with a generic plan and with custom ones');
SELECT equals(generic_plans > 0 AND custom_plans > 0, true, 'of which there were both')
FROM (SELECT (to_jsonb(p) ->> 'generic_plans')::integer AS generic_plans, (to_jsonb(p) ->> 'custom_plans')::integer AS custom_plans
      FROM pg_prepared_statements AS p WHERE name = 'by_parameter') AS p
WHERE generic_plans IS NOT NULL;
-- a generic plan whose parameter changes
SET plan_cache_mode = force_generic_plan;
PREPARE one(gmm_model) AS SELECT sum(gmm_logpdf($1, x)) AS sum FROM points;
SELECT model AS m1 FROM models WHERE region = 1 \gset
EXECUTE one(:'m0') \gset first_
EXECUTE one(:'m1') \gset second_
EXECUTE one(:'m0') \gset third_
RESET plan_cache_mode;
SELECT ok(:first_sum = :third_sum AND :first_sum <> :second_sum, 'a generic plan sees that its parameter changes');
SELECT equals(count(*) FILTER (WHERE gmm_logpdf((SELECT model FROM models WHERE region = 0), x) IS DISTINCT FROM s.score),
              0::bigint, 'a model from a subquery')
FROM points JOIN scored AS s USING (id);

CREATE FUNCTION by_variable() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    wrong bigint := 0;
    m models;
    p record;
BEGIN
    -- two models in turn, in one expression that PL/pgSQL keeps
    FOR p IN SELECT s.*, points.x, points.region AS r FROM points JOIN scored AS s USING (id) WHERE id <= 300 ORDER BY id LOOP
        FOR m IN SELECT * FROM models WHERE region IN (0, 1) ORDER BY region LOOP
            IF (gmm_logpdf(m.model, p.x) = p.score) <> (m.region = 0) THEN
                wrong := wrong + 1;
            END IF;
        END LOOP;
    END LOOP;
    RETURN wrong;
END
$$;
SELECT equals(by_variable(), 0::bigint, 'variables of PL/pgSQL');

-- --- windows ---

SELECT equals((SELECT gmm_model_send(gmm_fit(x, 2, '{"max_iter": 5}')) FROM points WHERE id BETWEEN 900 AND 1040),
              (SELECT m FROM (SELECT id, gmm_model_send(gmm_fit(x, 2, '{"max_iter": 5}')
                                  OVER (ORDER BY id ROWS BETWEEN 100 PRECEDING AND 40 FOLLOWING)) AS m
                              FROM points WHERE id BETWEEN 850 AND 1060) AS w WHERE id = 1000),
              'a moving window');
SELECT equals((SELECT gmm_model_send(gmm_fit(x, 2, '{"max_iter": 5}')) FROM points WHERE id BETWEEN 1 AND 160),
              (SELECT m FROM (SELECT id, gmm_model_send(gmm_fit(x, 2, '{"max_iter": 5}')
                                  OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND 40 FOLLOWING)) AS m
                              FROM points WHERE id BETWEEN 1 AND 200 OFFSET 100) AS w WHERE id = 120),
              'a window that grows');

-- --- cursors, subtransactions, exceptions ---

CREATE FUNCTION by_cursor() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    c CURSOR FOR SELECT id, gmm_logpdf((SELECT model FROM models WHERE region = 0), x) AS score FROM points ORDER BY id;
    r record;
    wrong integer := 0;
BEGIN
    -- between two fetches, fits and errors of other statements
    OPEN c;
    FOR i IN 1..20 LOOP
        FETCH c INTO r;
        IF r.score IS DISTINCT FROM (SELECT score FROM scored WHERE id = r.id) THEN
            wrong := wrong + 1;
        END IF;
        BEGIN
            PERFORM gmm_fit(x, 2, '{"max_iter": 2}') FROM points WHERE points.id < 100;
            PERFORM gmm_fit(ARRAY['NaN'::float8], 2) FROM points;
        EXCEPTION WHEN numeric_value_out_of_range THEN
            NULL;
        END;
    END LOOP;
    CLOSE c;
    RETURN wrong;
END
$$;
SELECT equals(by_cursor(), '0', 'a cursor, and exceptions between its rows');

BEGIN;
DECLARE c CURSOR FOR SELECT gmm_model_send(gmm_fit(x, 3, '{"max_iter": 9}')) AS m FROM points GROUP BY region ORDER BY region;
FETCH c \gset first_
SAVEPOINT s;
FETCH c \gset second_
ROLLBACK TO s;
FETCH c \gset third_
COMMIT;
SELECT equals(ARRAY[:'first_m', :'second_m', :'third_m'],
              (SELECT array_agg(gmm_model_send(model)::text ORDER BY region) FROM models),
              'a cursor across a subtransaction that is rolled back');

-- rows in a file that a subtransaction began, after it is gone
SET work_mem = '64kB';
CREATE FUNCTION in_blocks() RETURNS bytea LANGUAGE plpgsql AS $$
DECLARE
    answer bytea;
BEGIN
    BEGIN
        SELECT gmm_model_send(gmm_fit(CASE WHEN id = 2999 THEN ARRAY[1, 1 / (id - 2999)] ELSE x END, 3)) INTO answer FROM points;
    EXCEPTION WHEN division_by_zero THEN
        SELECT gmm_model_send(gmm_fit(x, 3, '{"max_iter": 9}')) INTO answer FROM points WHERE region = 1;
    END;
    RETURN answer;
END
$$;
SELECT equals(in_blocks(), (SELECT gmm_model_send(model) FROM models WHERE region = 1),
              'a fit that fails in a block with an exception, and the next one');
RESET work_mem;

SELECT finish();
