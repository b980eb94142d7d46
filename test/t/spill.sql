-- spill.sql: rows beyond work_mem go to a temporary file, without a trace in
-- the model, and the file goes when it is not needed any more.
-- Runs alone: it counts the temporary files of the server.

SET work_mem = '64kB';
SET max_parallel_workers_per_gather = 0;
SET jit = off;

-- Three clusters; 240 kB of rows.
CREATE TABLE points AS
SELECT i AS id, i % 4 AS part,
       ARRAY[i % 3 * 10 + i * 7919 % 1009 / 500.0, i * 104729 % 1013 / 300.0,
             i % 3 + i * 31 % 997 / 200.0]::float8[] AS x,
       1 + i % 5 / 4.0 AS w
FROM generate_series(1, 10000) AS i;
ANALYZE points;

CREATE FUNCTION files() RETURNS bigint LANGUAGE sql VOLATILE AS
'SELECT count(*) FROM pg_ls_tmpdir()';
-- the same model

SELECT ok(same_with_and_without_memory(
    'SELECT gmm_fit(x, 3)::text FROM points'), 'rows without weights');
SELECT ok(same_with_and_without_memory(
    'SELECT gmm_fit(x, 3, ''{}'', w)::text FROM points'), 'rows with weights');
SELECT ok(same_with_and_without_memory(
    'SELECT gmm_fit(x, 3, ''{}'', CASE WHEN id % 1000 = 0 THEN 2 ELSE 1 END)::text FROM points'),
    'weights in some blocks only');
SELECT ok(same_with_and_without_memory(
    'SELECT gmm_fit(x[1:1], 3)::text FROM points'), 'one dimension');
SELECT ok(same_with_and_without_memory(
    'SELECT gmm_fit(array_fill(x[1], ARRAY[700]) || x, 1, ''{"covariance_type": "diag"}'')::text
     FROM points WHERE id <= 1100'), 'blocks larger than work_mem');
SELECT ok(same_with_and_without_memory(
    'SELECT gmm_refit(x, (SELECT gmm_fit(x, 3) FROM points WHERE id <= 500))::text FROM points'),
    'refit');
SELECT ok(same_with_and_without_memory(
    'SELECT string_agg(m, '' '' ORDER BY part)
     FROM (SELECT part, gmm_fit(x, 2)::text AS m FROM points GROUP BY part) AS models'),
    'groups');
SELECT ok(same_with_and_without_memory(
    'SELECT gmm_fit(x, 2)::text || gmm_fit(x[2:3], 2)::text || gmm_refit(x, (SELECT gmm_fit(x, 2)
     FROM points WHERE id <= 400))::text FROM points'), 'several aggregates in one query');
SELECT ok(same_with_and_without_memory(
    'SELECT string_agg(m, '' '' ORDER BY part, k)
     FROM (SELECT part, id % 2 AS k, gmm_fit(x, 2)::text AS m FROM points
           GROUP BY GROUPING SETS ((part), (id % 2), ())) AS models'), 'grouping sets');
-- the state is read, added to and read again
SELECT ok(same_with_and_without_memory(
    'SELECT string_agg(m, '' '' ORDER BY id)
     FROM (SELECT id, CASE WHEN id % 300 = 0 THEN gmm_fit(x, 2, ''{"max_iter": 5, "n_init": 1}'')
                      OVER (ORDER BY id / 300)::text END AS m
           FROM points WHERE id <= 6000) AS models'), 'a window that grows');
SELECT ok(same_with_and_without_memory(
    'SELECT string_agg(m, '' '' ORDER BY part)
     FROM (SELECT part, gmm_fit(x, 2) OVER (PARTITION BY part)::text AS m
           FROM points WHERE id > 0) AS models'), 'window partitions');
SELECT equals(files(), 0::bigint, 'no file is left');

-- values that are exact as floats are kept as such, until one is not

CREATE TABLE floats AS
SELECT id, id % 12 AS part, w, (x || x)::real[] AS x FROM points;
ANALYZE floats;
SELECT ok(same_with_and_without_memory('SELECT gmm_fit(x, 3)::text FROM floats'), 'floats');
SELECT ok(same_with_and_without_memory(format(
    'SELECT gmm_fit(CASE WHEN id >= %s THEN x::float8[] || 0.1::float8 ELSE x || id::real END, 3, ''{}'', w)::text
     FROM floats', id)), 'floats up to row ' || id) FROM (VALUES (2), (390), (9990)) AS f (id);
SELECT ok(same_with_and_without_memory(
    'SELECT gmm_fit(x || CASE WHEN id % 7 > 0 THEN (1.0 / greatest(id, 6000))::real END, 2)::text
     FROM floats WHERE id > 0'), 'and with NULLs');

-- A feature's mean and variance in a single component are its own; beside one
-- that is not exact, the same values are kept as doubles.
SELECT equals((floats::jsonb->'means'->0->j)::text || (floats::jsonb->'covariances'->0->j),
              (doubles::jsonb->'means'->0->j)::text || (doubles::jsonb->'covariances'->0->j),
              'floats and doubles: feature ' || j)
FROM (SELECT gmm_fit(f, 1, '{"covariance_type": "diag"}', w) AS floats,
             gmm_fit(f::float8[] || 0.1::float8 * (id % 3), 1, '{"covariance_type": "diag"}', w) AS doubles
      FROM (SELECT id, w, x[:5] || CASE WHEN id % 5 > 0 THEN x[1] END AS f FROM floats
            UNION ALL SELECT id, w, x FROM floats) AS twice) AS models,
     generate_series(0, 4) AS j;

-- Half the memory: between what the ones take and what the others do.
SET work_mem = '500kB';
BEGIN;
DECLARE fits CURSOR FOR
    SELECT part, gmm_fit(x, 2, '{"max_iter": 5}') FROM floats GROUP BY part;
\o /dev/null
FETCH 1 FROM fits;
\o
SELECT equals(files(), 0::bigint, 'floats stay in memory');
CLOSE fits;
DECLARE fits CURSOR FOR
    SELECT part, gmm_fit(x[:5]::float8[] || 0.1::float8 * id, 2, '{"max_iter": 5}')
    FROM floats GROUP BY part;
\o /dev/null
FETCH 1 FROM fits;
\o
SELECT ok(files() > 0, 'where doubles do not');
COMMIT;
SET work_mem = '64kB';

-- while rows are spilled there is a file; afterwards there is none

BEGIN;
DECLARE fits CURSOR FOR
    SELECT part, k, gmm_fit(x, k, '{"max_iter": 5}')
    FROM points, generate_series(1, 3) AS k GROUP BY part, k;
\o /dev/null
FETCH 1 FROM fits;
\o
SELECT ok(files() > 0, 'a cursor that has rows to come has its file');
\o /dev/null
FETCH 5 FROM fits;
SAVEPOINT s;
FETCH 2 FROM fits;
ROLLBACK TO s;
\o
SELECT ok(files() > 0, 'a subtransaction that rolls back leaves it');
\o /dev/null
FETCH ALL FROM fits;
\o
CLOSE fits;
SELECT equals(files(), 0::bigint, 'the cursor is closed');
DECLARE held CURSOR WITH HOLD FOR
    SELECT part, gmm_fit(x, 2, '{"max_iter": 5}') AS model FROM points GROUP BY part;
COMMIT;
SELECT equals(files(), 0::bigint, 'a cursor with hold has nothing but its models');
CLOSE held;

BEGIN;
DECLARE fits CURSOR FOR
    SELECT part, k, gmm_fit(x, k, '{"max_iter": 5}')
    FROM points, generate_series(1, 3) AS k GROUP BY part, k;
\o /dev/null
FETCH 1 FROM fits;
\o
SELECT ok(files() > 0, 'another cursor');
ROLLBACK;
SELECT equals(files(), 0::bigint, 'rolled back');

BEGIN;
SAVEPOINT s;
DECLARE fits CURSOR FOR
    SELECT part, k, gmm_fit(x, k, '{"max_iter": 5}')
    FROM points, generate_series(1, 3) AS k GROUP BY part, k;
\o /dev/null
FETCH 1 FROM fits;
\o
ROLLBACK TO s;
SELECT equals(files(), 0::bigint, 'rolled back with the savepoint it was opened after');
COMMIT;

-- errors; raises() runs its statement in a subtransaction

SELECT raises('SELECT gmm_fit(CASE WHEN id < 9000 THEN x ELSE x || x END, 2) FROM points',
              '2202E', 'features have 6', 'an error while rows come');
SELECT equals(files(), 0::bigint, 'no file after it');
SELECT raises('SELECT gmm_fit(array_fill(1.0, ARRAY[3]), 2) FROM points',
              '22023', 'only 1 distinct', 'an error of the fit');
SELECT equals(files(), 0::bigint, 'no file after it');
SET temp_file_limit = '100kB';
SELECT raises('SELECT gmm_fit(x, 2) FROM points', '53400', 'temp_file_limit',
              'temp_file_limit is kept');
RESET temp_file_limit;
SELECT equals(files(), 0::bigint, 'no file after it');

-- in a function, in a transaction block that has failed but has not ended
CREATE FUNCTION fails() RETURNS gmm_model LANGUAGE plpgsql AS $$
BEGIN
    RETURN (SELECT gmm_fit(CASE WHEN id < 9000 THEN x ELSE x || x END, 2) FROM points);
END
$$;
\set ON_ERROR_STOP off
BEGIN;
SELECT fails();
\set left `psql -X -A -t -c 'SELECT count(*) FROM pg_ls_tmpdir()'`
ROLLBACK;
\set ON_ERROR_STOP on
SELECT equals(:left, 0, 'a failed transaction that has not been ended');

-- cancel: while rows come, and while the fit runs

SET statement_timeout = '100ms';
SELECT ok(is_cancelled('SELECT gmm_fit(x, 3) FROM points, generate_series(1, 100000)'),
          'cancelled while rows come');
SELECT ok(is_cancelled('SELECT gmm_fit(x, 3, ''{"max_iter": 1000000, "tol": 0}'') FROM points'),
          'cancelled while it iterates');
RESET statement_timeout;
SELECT equals(files(), 0::bigint, 'no file after them');

SELECT finish();
