-- table_far.sql: rows far from all others in a table of more rows than the sample takes.
-- gmm_fit_table has them in its sample as gmm_fit has, so that both find the groups
-- beside them, and asks for them only where there are any.
\ir models.psql

-- Three groups of unit deviations, 12 apart and more, the rows in no order.
CREATE TABLE ordinary AS
SELECT id, 12 * (id % 3) + normal(:seed, 401, id) AS x, (id % 3 - 1) ^ 2 * 20 + normal(:seed, 402, id) AS y,
       1 + id % 4 AS copies, CASE WHEN id % 3 = 0 AND id % 50 = 0 THEN 2 END AS label
FROM generate_series(1, 40000) AS id;
ANALYZE ordinary;

-- And so many rows that are elsewhere: near each other, or all at the same place.
CREATE TYPE far_rows AS (kind text, n integer, distance float8, spread float8);
CREATE TABLE kinds AS
SELECT (v).*, row_number() OVER () AS number
FROM unnest(ARRAY[('one row', 1, 1e4, 0), ('three rows', 3, 1e3, 1), ('a small group', 6, -300, 1),
                  ('a sentinel', 4, -99999, 0)]::far_rows[]) AS v;
CREATE TABLE points (LIKE ordinary);
CREATE FUNCTION pg_temp.place(kinds) RETURNS void LANGUAGE sql AS $$
    TRUNCATE points;
    INSERT INTO points TABLE ordinary;
    INSERT INTO points
    SELECT 40000 + i, ($1).distance + ($1).spread * sin(i), ($1).distance + ($1).spread * cos(7 * i), 1 + i % 4, NULL
    FROM generate_series(1, ($1).n) AS i;
$$;

-- How far the farthest of the groups is from the mean of the component nearest to it, and the
-- far rows' place from the nearest to that.
CREATE FUNCTION pg_temp.missed(model gmm_model, groups float8[]) RETURNS float8 LANGUAGE sql AS $$
    SELECT max(nearest) FROM generate_subscripts(groups, 1) AS g,
        LATERAL (SELECT min(sqrt((mean[1] - groups[g][1]) ^ 2 + (mean[2] - groups[g][2]) ^ 2)) FROM gmm_components(model)) AS m (nearest)
$$;

CREATE TABLE fits (family text, kind text, found gmm_model, wanted gmm_model, weighted gmm_model, weighted_wanted gmm_model);
DO $$
DECLARE
    kind kinds;
BEGIN
    FOR kind IN SELECT * FROM kinds ORDER BY number LOOP
        PERFORM pg_temp.place(kind);
        INSERT INTO fits
        SELECT family, kind.kind, gmm_fit_table('points', '{x,y}', 4, options), (SELECT gmm_fit(ARRAY[x, y], 4, options) FROM points),
               gmm_fit_table('points', '{x,y}', 4, options, 'copies'), (SELECT gmm_fit(ARRAY[x, y], 4, options, copies) FROM points)
        FROM families, gmm_options(covariance_type => family) AS options;
    END LOOP;
END $$;
SELECT alike(found, wanted, 1e-6, format('%s, %s: as gmm_fit', family, kind)) || E'\n' ||
       alike(weighted, weighted_wanted, 1e-6, format('%s, %s: with weights', family, kind)) FROM fits;
SELECT ok(missed <= 0.5, format('%s, %s: the groups are found (a mean is %s off)', family, kind, round(missed::numeric, 4))) || E'\n' ||
       ok(far <= 2, format('%s, %s: and the far rows', family, kind))
FROM fits JOIN kinds USING (kind), pg_temp.missed(found, '{{0,20},{12,0},{24,20}}') AS missed,
     pg_temp.missed(found, ARRAY[[distance, distance]]) AS far;

-- Labels, rows far from zero, and NULLs, which are never far.
SELECT pg_temp.place(kinds) FROM kinds WHERE kind = 'three rows' \g /dev/null
CREATE VIEW shifted AS SELECT id, x + 1e7 AS x, CASE WHEN id % 9 > 0 OR id > 40000 THEN y END AS y, label, copies FROM points;
SELECT alike(gmm_fit_table('points', '{x,y}', 4, label => 'label'),
             (SELECT gmm_fit_labelled(ARRAY[x, y], label, 4) FROM points), 1e-6, 'some rows have labels');
SELECT alike(gmm_fit_table('shifted', '{x,y}', 4), (SELECT gmm_fit(ARRAY[x, y], 4) FROM shifted), 1e-5, 'far from zero, with NULLs');
UPDATE points SET label = 4 WHERE id > 40000;
SELECT alike(gmm_fit_table('points', '{x,y}', 4, label => 'label'),
             (SELECT gmm_fit_labelled(ARRAY[x, y], label, 4) FROM points), 1e-6, 'and so have the far ones');

-- One more query where there are such rows, and none where there are not: each query
-- evaluates the filter once.
CREATE SEQUENCE queries;
CREATE FUNCTION pg_temp.queries(relation regclass) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    PERFORM setval('queries', 1, false);
    PERFORM gmm_fit_table(relation, '{x,y}', 4, gmm_options(max_iter => 1, n_init => 1), filter => '(SELECT nextval(''public.queries'')) > 0');
    RETURN (SELECT last_value FROM queries);
END $$;
SET client_min_messages = error;
SELECT equals(pg_temp.queries('ordinary'), 6::bigint, 'queries: ranges, sample, two for the moments, an iteration, the score');
SELECT equals(pg_temp.queries('points'), 7::bigint, 'and one for the far rows');
RESET client_min_messages;

-- The function that the query calls.
SELECT ok(gmm_fit_table_is_beyond(row, '{1,1, -2,-2, 2,2}') = beyond, format('gmm_fit_table_is_beyond %s', row))
FROM (VALUES ('{1,1}'::float8[], false), ('{3,-1}', false), ('{3.1,0}', true), ('{0,-1.1}', true), ('{NULL,0}', false), ('{NULL,4}', true)) AS v (row, beyond);
SELECT raises(statement, state, part, statement) FROM (VALUES
    ('SELECT gmm_fit_table_is_beyond(''{1,2}'', ''{0,0,0}'')', '2202E', 'features have 2 elements'),
    ('SELECT gmm_fit_table_is_beyond(''{1}'', ''{0,NULL,0}'')', '22004', 'is NULL')
) AS e (statement, state, part);
SELECT finish();
