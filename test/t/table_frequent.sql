-- table_frequent.sql: a row that is a large share of a table, by its copies or its weight.
-- gmm_fit_table has it in its sample with exactly that share, as gmm_fit has, in whatever
-- order the rows are and by whichever plan they are read; and the count of rows, which
-- tells what may be such a row, misses none.
\ir models.psql

-- Two groups of unit deviations, and a value between them that three rows in ten have, or
-- that weighs as much; the rows in no order.
CREATE TABLE zeros AS
SELECT number, id, CASE WHEN zero THEN 0 ELSE 30 * (id % 2) - 20 + normal(:seed, 1000 + number, id) END AS x,
       CASE WHEN zero THEN CASE WHEN id % 20 > 0 THEN 1 END WHEN id % 7 > 0 THEN normal(:seed, 2000 + number, id) END AS y,
       1 + id % 3 AS w, CASE WHEN id % 25 = 0 THEN CASE WHEN zero THEN 3 ELSE 1 + id % 2 END END AS label
FROM generate_series(1, 6) AS number, generate_series(1, 40000) AS id, LATERAL (SELECT uniform(:seed, 3000 + number, id) < 0.3) AS z (zero);
ANALYZE zeros;
CREATE TABLE fits AS
SELECT number, gmm_fit_table('zeros', '{x}', 3, filter => format('number = %s', number)) AS model, wanted, share
FROM (SELECT number, gmm_fit(ARRAY[x], 3) AS wanted, avg((x = 0)::integer) AS share FROM zeros GROUP BY number) AS f;
SELECT alike(model, wanted, 1e-6, format('table %s: as gmm_fit', number)) || E'\n' ||
       near(weight, share, 1e-9, 'the zeros are a component') || E'\n' || near(mean[1], 0, 1e-9, 'at their place')
FROM fits, LATERAL (SELECT * FROM gmm_components(model) ORDER BY abs(mean[1]) LIMIT 1) AS c ORDER BY number;

-- With weights, NULLs and labels; once, with the weight of all of them; as -0, too.
SELECT alike(gmm_fit_table('zeros', '{x}', 3, NULL, 'w', 'number = 1'), (SELECT gmm_fit(ARRAY[x], 3, NULL, w) FROM zeros WHERE number = 1), 1e-6, 'with weights');
SELECT alike(gmm_fit_table('zeros', '{x,y}', 3, filter => 'number = 2'), (SELECT gmm_fit(ARRAY[x, y], 3) FROM zeros WHERE number = 2), 1e-6, 'with NULLs');
SELECT alike(gmm_fit_table('zeros', '{x}', 3, filter => 'number = 3', label => 'label'),
             (SELECT gmm_fit_labelled(ARRAY[x], label, 3) FROM zeros WHERE number = 3), 1e-6, 'with labels');
CREATE VIEW once AS SELECT x, 1 AS w FROM zeros WHERE number = 4 AND x <> 0 UNION ALL SELECT 0, 12000;
SELECT alike(gmm_fit_table('once', '{x}', 3, weight => 'w'), (SELECT gmm_fit(ARRAY[x], 3, NULL, w) FROM once), 1e-6, 'one row that weighs as much');
CREATE VIEW signs AS SELECT CASE WHEN x = 0 AND id % 2 = 0 THEN '-0'::float8 ELSE x END AS x FROM zeros WHERE number = 5;
SELECT alike(gmm_fit_table('signs', '{x}', 3), model, 1e-9, '-0 is the same value') FROM fits WHERE number = 5;
CREATE VIEW shifted AS SELECT x + 1e7 AS x FROM zeros WHERE number = 6;
SELECT alike(gmm_fit_table('shifted', '{x}', 3), (SELECT gmm_fit(ARRAY[x], 3) FROM shifted), 1e-5, 'far from zero');

-- In another order, in parallel and by partitions the models are the same but for rounding.
CREATE TABLE parted (LIKE zeros) PARTITION BY LIST (number);
SELECT format('CREATE TABLE parted_%s PARTITION OF parted FOR VALUES IN (%s)', i, i) FROM generate_series(1, 6) AS i \gexec
INSERT INTO parted SELECT * FROM zeros ORDER BY x, w, id;
ANALYZE parted;
SET max_parallel_workers_per_gather = 0;
CREATE TABLE serial AS SELECT gmm_fit_table('zeros', '{x}', 3, NULL, 'w') AS model;
SET enable_partitionwise_aggregate = on;
SELECT alike(gmm_fit_table('parted', '{x}', 3, NULL, 'w'), model, 1e-9, 'ordered, by partitions') FROM serial;
SET max_parallel_workers_per_gather = 2;
SET min_parallel_table_scan_size = 0;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
ALTER TABLE zeros SET (parallel_workers = 2);
SELECT alike(gmm_fit_table('zeros', '{x}', 3, NULL, 'w'), model, 1e-9, 'in parallel') FROM serial;
SELECT alike(gmm_fit_table('parted', '{x}', 3, NULL, 'w'), model, 1e-9, 'in parallel, by partitions') FROM serial;

-- What the count of rows keeps of a row that is just a hundredth, with rows of any weights,
-- and whole tables merged: never more than it weighs, and less by what may be lost at most.
CREATE FUNCTION pg_temp.kept(state float8[], OUT found boolean, OUT weight float8, OUT lost float8, OUT total float8) LANGUAGE sql AS $$
    SELECT coalesce(bool_or(gmm_fit_table_is_frequent('{0}', ARRAY[state[10 + i]])), false),
           coalesce(sum(state[1034 + i]) FILTER (WHERE gmm_fit_table_is_frequent('{0}', ARRAY[state[10 + i]])), 0), state[10], state[5]
    FROM generate_series(1, 1024) AS i WHERE state[1034 + i] > 0
$$;
CREATE TABLE drawn AS
SELECT number, part, CASE WHEN rank % 101 = 0 THEN 0 ELSE rank END AS x,
       CASE number WHEN 1 THEN 1 WHEN 2 THEN exp(3 * normal(:seed, 5000, rank)) ELSE 1 + rank % 1000 END AS w
FROM generate_series(1, 3) AS number, generate_series(1, 60000) AS rank, LATERAL (SELECT rank % 13) AS p (part);
UPDATE drawn AS d SET w = 0.0101 / 0.9899 * s.sum / s.n
FROM (SELECT number, sum(w) FILTER (WHERE x <> 0), count(*) FILTER (WHERE x = 0) AS n FROM drawn GROUP BY number) AS s WHERE d.x = 0 AND s.number = d.number;
CREATE AGGREGATE pg_temp.merged(float8[]) (SFUNC = gmm_fit_table_ranges_combine, STYPE = float8[]);
SELECT ok(found AND weight <= truth * (1 + 1e-9) AND weight + lost >= truth * (1 - 1e-9) AND lost <= total * 4 / 1024 AND truth >= 0.01 * total,
          format('weights %s, %s: %s and at most %s more are kept of %s, of %s', number, name, weight, lost, truth, total))
FROM (SELECT number, sum(w) FILTER (WHERE x = 0) AS truth, gmm_fit_table_ranges(ARRAY[x], w ORDER BY x) AS first, gmm_fit_table_ranges(ARRAY[x], w ORDER BY x DESC) AS last,
             gmm_fit_table_ranges(ARRAY[x], w ORDER BY w) AS light, gmm_fit_table_ranges(ARRAY[x], w ORDER BY w DESC) AS heavy FROM drawn GROUP BY number) AS t
JOIN (SELECT number, pg_temp.merged(state) AS merged FROM (SELECT number, gmm_fit_table_ranges(ARRAY[x], w) AS state FROM drawn GROUP BY number, part) AS p GROUP BY number) AS m USING (number),
     LATERAL (VALUES ('first', first), ('last', last), ('by weight', light), ('heavy ones first', heavy), ('merged', merged)) AS o (name, state), pg_temp.kept(state) AS k
ORDER BY number, name;

-- The function that the query calls, and states that no rows have made.
SELECT equals(gmm_fit_table_is_frequent(row, keys), wanted, format('gmm_fit_table_is_frequent %s', row))
FROM (SELECT (gmm_fit_table_ranges('{1,NULL}', 1))[14:1037]) AS s (keys), (VALUES ('{1,NULL}'::float8[], true), ('{1,1}', false), ('{NULL,1}', false), ('{1}', false)) AS r (row, wanted);
SELECT raises('SELECT gmm_fit_table_is_frequent(''{1}'', ''{NULL}'')', '22004', 'is NULL', 'a key that is NULL');
SELECT ok((gmm_fit_table_ranges_combine(state, state))[1] = 2 * value AND (gmm_fit_table_ranges_transition(state, '{1}', 1))[1] = value + 1, format('a state of %s only', value))
FROM unnest('{1,-1,1e300,0.5}'::float8[]) AS value, array_fill(value, ARRAY[2058]) AS state;
SELECT ok(gmm_fit_table_ranges_combine(state, state) IS NOT NULL AND gmm_fit_table_ranges_transition(state, '{1}', 1) IS NOT NULL, format('a state of %s only', value))
FROM unnest('{NaN,Infinity,-Infinity}'::float8[]) AS value, array_fill(value, ARRAY[2058]) AS state;
SELECT finish();
