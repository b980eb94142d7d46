-- gmm_fit_table fits what gmm_fit fits, by scans: the same engine with queries
-- for rows.  Same rows, same options: the same model, whatever the kind of
-- relation, the plan, the order of the rows.
\ir models.psql

-- More rows than the sample takes, distinct, with weights and what a filter
-- leaves out.
CREATE TABLE points AS
SELECT id, features[1] AS x, features[2]::real AS "Y y", (1000 * features[3])::numeric(12, 3) AS z,
       (1 + id % 5)::smallint AS copies, uniform(:seed, 301, id) AS weight, id % 3 AS part
FROM random_rows(:seed * 1000 + 31, 24000, 3, 3);
ALTER TABLE points ADD COLUMN label text, ADD PRIMARY KEY (id);
ANALYZE points;

CREATE FUNCTION pg_temp.fit(family text) RETURNS gmm_model LANGUAGE sql AS $$
    SELECT gmm_fit(ARRAY[x, "Y y", z], 3, gmm_options(covariance_type => family)) FROM points
$$;

CREATE TABLE fitted AS
SELECT family, gmm_fit_table('points', '{x,"Y y",z}', 3, gmm_options(covariance_type => family)) AS model,
       pg_temp.fit(family) AS wanted
FROM families;

-- Like for like: the parameters, and all that the models know.
SELECT alike(model, wanted, 1e-6, family || ': as gmm_fit') FROM fitted;
SELECT near(s.log_likelihood / s.n_rows, t.log_likelihood / t.n_rows, 1e-9, family || ': log-likelihood of a row') || E'\n' ||
       ok((s.n_rows, s.iterations, s.converged, s.n_starts) = (t.n_rows, t.iterations, t.converged, t.n_starts) AND
          s.n_rows = 24000 AND s.iterations > 1, family || ': rows, iterations and starts') || E'\n' ||
       near(s.icl, t.icl, 1e-9, family || ': ICL, which has the entropy')
FROM fitted, gmm_summary(model) AS s, gmm_summary(wanted) AS t;

-- Weights, options, filter.
SELECT alike(gmm_fit_table('points', '{x,"Y y",z}', 3, NULL, 'weight', 'part > 0 AND x IS NOT NULL'),
             (SELECT gmm_fit(ARRAY[x, "Y y", z], 3, NULL, weight) FROM points WHERE part > 0), 1e-6,
             'a weight and a filter');
SELECT alike(gmm_fit_table('points', '{x,z}', 2, weight => 'copies'),
             (SELECT gmm_fit(ARRAY[x, z], 2) FROM points, generate_series(1, copies)), 1e-6,
             'integer weights are copies');
SELECT alike(gmm_fit_table('points', '{x,z}', 2, '{"seed": 5, "n_init": 3, "max_iter": 7, "tol": 0, "accelerate": false}'),
             (SELECT gmm_fit(ARRAY[x, z], 2, '{"seed": 5, "n_init": 3, "max_iter": 7, "tol": 0, "accelerate": false}') FROM points),
             1e-6, 'options are those of gmm_fit');
SELECT alike(gmm_fit_table('points', '{x}', 1), (SELECT gmm_fit(ARRAY[x], 1) FROM points), 1e-9, 'one component');
SELECT alike(gmm_fit_table('points', '{x,z}', 2, filter => 'id <= 300'),
             (SELECT gmm_fit(ARRAY[x, z], 2) FROM points WHERE id <= 300), 1e-9, 'few rows: all of them are the sample');
SELECT alike(gmm_fit_table('points', '{x,z}', 2, filter => E'id <= 300 -- and no more\n/* ) */ AND ''a)'' <> $$;$$'),
             (SELECT gmm_fit(ARRAY[x, z], 2) FROM points WHERE id <= 300), 1e-9, 'a filter with comments and quotes');
SELECT alike(gmm_fit_table('points', '{x,z}', 2, filter => 'id IN (SELECT p.id FROM points AS p WHERE p.part = 1) OR false'),
             (SELECT gmm_fit(ARRAY[x, z], 2) FROM points WHERE part = 1), 1e-6, 'a filter with a subquery');

-- Many rows, of which few are distinct: the sample has to be looked for.
CREATE TABLE repeated AS
SELECT round(10 * features[1])::integer AS a, round(features[2]) AS b
FROM random_rows(:seed * 1000 + 32, 30000, 2, 3);
SELECT alike(gmm_fit_table('repeated', '{a,b}', 3), (SELECT gmm_fit(ARRAY[a, b], 3) FROM repeated), 1e-6,
             format('30000 rows, %s distinct', (SELECT count(*) FROM (SELECT DISTINCT a, b FROM repeated) AS d)));
-- One value nearly always, so that nearly no hash is that of another row.
CREATE TABLE skewed AS
SELECT CASE WHEN id % 1000 = 0 THEN round(features[1]::numeric, 4) ELSE 0 END AS a
FROM random_rows(:seed * 1000 + 33, 30000, 1, 2);
SELECT alike(gmm_fit_table('skewed', '{a}', 2), (SELECT gmm_fit(ARRAY[a], 2) FROM skewed), 1e-6,
             'one value in 999 of 1000 rows');

-- Rows with NULLs: what is there of them, without them, or not at all.
CREATE TABLE holes AS
SELECT id, CASE WHEN id % 7 <> 0 THEN x END AS x, CASE WHEN id % 11 <> 0 THEN z END AS z, weight, NULL::integer AS nothing, NULL::real AS nought
FROM points;
SELECT alike(gmm_fit_table('holes', '{x,z}', 3, gmm_options(missing => missing), 'weight'),
             (SELECT gmm_fit(ARRAY[x, z], 3, gmm_options(missing => missing), weight) FROM holes), 1e-5, 'NULLs: ' || missing) || E'\n' ||
       equals((gmm_summary(gmm_fit_table('holes', '{x,z}', 1, gmm_options(missing => missing)))).n_incomplete,
              (SELECT (gmm_summary(gmm_fit(ARRAY[x, z], 1, gmm_options(missing => missing)))).n_incomplete FROM holes),
              'their number')
FROM unnest('{marginalize,skip}'::text[]) AS missing;
SELECT alike(gmm_fit_table('holes', '{x,z}', 2, filter => 'id <= 500'),
             (SELECT gmm_fit(ARRAY[x, z], 2) FROM holes WHERE id <= 500), 1e-9, 'NULLs in few rows');
SELECT raises($$SELECT gmm_fit_table('holes', '{x,z}', 2, '{"missing": "error"}')$$, '22004', 'column "x" contains NULL', 'NULLs refused');
SELECT raises($$SELECT gmm_fit_table('holes', '{x,nothing}', 2)$$, '22004', 'feature 2 (nothing) is NULL in every row', 'a column of NULLs');


-- A single feature, of which some or all are NULL; and NULL in every row of one
-- of two, or of both: what gmm_fit says.
SELECT alike(gmm_fit_table('holes', '{x}', 2, gmm_options(missing => missing)),
             (SELECT gmm_fit(ARRAY[x], 2, gmm_options(missing => missing)) FROM holes), 1e-9, 'one feature with NULLs: ' || missing)
FROM unnest('{marginalize,skip}'::text[]) AS missing;
CREATE TABLE empty_rows AS SELECT CASE WHEN id % 3 > 0 THEN x END AS x, CASE WHEN id % 3 > 0 THEN z END AS z FROM points;
SELECT alike(gmm_fit_table('empty_rows', '{x,z}', 2), (SELECT gmm_fit(ARRAY[x, z], 2) FROM empty_rows), 1e-6,
             'rows that are complete, and rows of NULLs') || E'\n' ||
       equals((gmm_summary(gmm_fit_table('empty_rows', '{x,z}', 2))).n_rows, 16000::bigint, 'of which the former count');

-- No rows: NULL, as of any aggregate.
CREATE TABLE empty (LIKE points);
SELECT ok(gmm_fit_table(relation, features, 2, NULL, weight, filter) IS NULL, format('no rows in %s, features %s, weight %s, filter %s',
          relation, features, weight, filter))
FROM (VALUES ('empty'::regclass, '{x,z}'::text[], NULL, NULL), ('empty', '{x,z}', 'weight', 'true'), ('points', '{x,z}', NULL, 'false'),
             ('points', '{x}', NULL, 'NULL'), ('holes', '{nothing}', NULL, NULL), ('holes', '{nothing,nought}', 'weight', NULL),
             ('holes', '{x,z}', 'nothing', NULL)) AS c (relation, features, weight, filter);
SELECT ok(gmm_fit(ARRAY[nothing], 2) IS NULL AND gmm_fit(ARRAY[x], 2, NULL, nothing) IS NULL, 'as gmm_fit has it') FROM holes;
SELECT raises(statement, '22023', 'the sum of the weights is 0', statement)
FROM unnest('{"SELECT gmm_fit_table(''points'', ''{x}'', 2, weight => ''part'', filter => ''part = 0'')",
              "SELECT gmm_fit(ARRAY[x], 2, NULL, part) FROM points WHERE part = 0"}'::text[]) AS statement;
SELECT alike(gmm_fit_table('points', '{x,z}', 2, weight => 'part'), (SELECT gmm_fit(ARRAY[x, z], 2, NULL, part) FROM points), 1e-6,
             'some weights of 0') || E'\n' ||
       equals((gmm_summary(gmm_fit_table('points', '{x,z}', 2, weight => 'part'))).n_rows, 16000::bigint, 'are as absent');

-- One column of arrays: of any type of numbers, with NULLs, as a domain, or of
-- a type of its own that becomes an array by assignment, as pgvector's vector.
CREATE TYPE vector AS (vector_values real[]);
CREATE FUNCTION vector_to_real(vector) RETURNS real[] LANGUAGE sql IMMUTABLE STRICT AS 'SELECT ($1).vector_values';
CREATE CAST (vector AS real[]) WITH FUNCTION vector_to_real(vector) AS ASSIGNMENT;
CREATE DOMAIN pair AS double precision[] CHECK (cardinality(VALUE) = 2);
CREATE TABLE arrays AS
SELECT id, weight, part, v AS doubles, v::real[] AS reals, v::numeric[] AS numerics, (1000 * x::numeric)::bigint AS a, z::integer AS b,
       ARRAY[1000 * x::numeric, z]::integer[] AS integers, ARRAY[1000 * x::numeric, z]::bigint[] AS bigints,
       ARRAY[z, z / 2]::smallint[] AS smallints, v::pair AS pairs, row(v::real[])::vector AS embedding, v || repeat_values AS long,
       CASE WHEN id % 13 > 0 THEN ARRAY[CASE WHEN id % 7 > 0 THEN x END, CASE WHEN id % 11 > 0 THEN z END] END AS "With NULLs"
FROM points, LATERAL (SELECT ARRAY[x, z]::double precision[]) AS a (v),
     (SELECT array_agg(i::double precision) FROM generate_series(1, 40) AS i) AS r (repeat_values);
SELECT alike(gmm_fit_table('arrays', ARRAY[c], 3, NULL, 'weight', 'part > 0'), fit, 1e-6, 'an array column: ' || c)
FROM (SELECT gmm_fit(doubles, 3, NULL, weight), gmm_fit(reals, 3, NULL, weight), gmm_fit(integers, 3, NULL, weight),
             gmm_fit(smallints, 3, NULL, weight), gmm_fit("With NULLs", 3, NULL, weight) FROM arrays WHERE part > 0) AS f (d, r, i, s, n),
     LATERAL (VALUES ('doubles', d), ('numerics', d), ('pairs', d), ('reals', r), ('embedding', r), ('integers', i), ('bigints', i),
                     ('smallints', s), ('With NULLs', n)) AS v (c, fit);
SELECT alike(gmm_fit_table('arrays', '{"With NULLs"}', 2, '{"missing": "skip"}'),
             (SELECT gmm_fit("With NULLs", 2, '{"missing": "skip"}') FROM arrays), 1e-6, 'arrays with NULLs: skip');
SELECT alike(gmm_fit_table('arrays', '{long}', 2, '{"covariance_type": "diag"}', filter => 'id < 3000'),
             (SELECT gmm_fit(long, 2, '{"covariance_type": "diag"}') FROM arrays WHERE id < 3000), 1e-6, 'arrays of 42 elements');
SELECT alike(gmm_fit_table('arrays', '{a,b}', 2), (SELECT gmm_fit(ARRAY[a, b], 2) FROM arrays), 1e-6, 'columns far from zero');
SELECT raises($$SELECT gmm_fit_table('arrays', '{long}', 100000)$$, '22023', 'k must be from 1', 'k is checked before the rows');

-- Far from zero.
CREATE VIEW far AS SELECT x + 1e9 AS x, 1e-6 * z - 1e3 AS z FROM points;
SELECT alike(gmm_fit_table('far', '{x,z}', 3), (SELECT gmm_fit(ARRAY[x, z], 3) FROM far), 1e-5, 'far from zero, through a view');

-- The order of the rows does not matter.
CREATE TABLE shuffled AS SELECT * FROM points ORDER BY hashint4(id);
SELECT alike(gmm_fit_table('shuffled', '{x,"Y y",z}', 3), model, 1e-9, 'rows in another order') FROM fitted WHERE family = 'full';

-- Kinds of relations.
CREATE TABLE parted (LIKE points) PARTITION BY LIST (part);
SELECT format('CREATE TABLE parted_%s PARTITION OF parted FOR VALUES IN (%s)', i, i) FROM generate_series(0, 2) AS i \gexec
INSERT INTO parted SELECT * FROM points;
CREATE MATERIALIZED VIEW stored AS SELECT * FROM points;
CREATE TEMPORARY TABLE passing AS SELECT * FROM points;
CREATE TABLE parent (LIKE points);
CREATE TABLE child () INHERITS (parent);
INSERT INTO child SELECT * FROM points WHERE part = 0;
INSERT INTO parent SELECT * FROM points WHERE part > 0;
CREATE SCHEMA "odd schema";
CREATE TABLE "odd schema"."odd ""table" AS SELECT x AS "X""; DROP TABLE points; --", "Y y", z AS "select" FROM points;
SELECT alike(gmm_fit_table(relation::regclass, '{x,"Y y",z}', 3), model, 1e-9, relation)
FROM fitted, unnest('{parted,stored,passing,parent}'::text[]) AS relation WHERE family = 'full';
SELECT alike(gmm_fit_table('"odd schema"."odd ""table"', ARRAY['X"; DROP TABLE points; --', 'Y y', 'select'], 3), model, 1e-9,
             'names that have to be quoted') FROM fitted WHERE family = 'full';

-- Plans: the passes are parallel, and by partitions.
SET max_parallel_workers_per_gather = 2;
SET min_parallel_table_scan_size = 0;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET enable_partitionwise_aggregate = on;
ALTER TABLE points SET (parallel_workers = 2);
SELECT alike(gmm_fit_table('points', '{x,"Y y",z}', 3), model, 1e-9, 'in parallel') FROM fitted WHERE family = 'full';
SELECT alike(gmm_fit_table('parted', '{x,"Y y",z}', 3), model, 1e-9, 'in parallel, by partitions') FROM fitted WHERE family = 'full';
RESET max_parallel_workers_per_gather;

-- Called where a query, a function, a cursor or a transaction in serializable is.
SELECT ok(count(*) = 2 AND bool_and(k = part + 1), 'a fit for each row of a query')
FROM (SELECT part, (gmm_summary(gmm_fit_table('points', '{x}', part + 1, filter => format('part = %s', part)))).k
      FROM generate_series(0, 1) AS part) AS f;
DO $$
DECLARE
    model gmm_model;
BEGIN
    model := gmm_fit_table('points', '{x}', 2);
    model := gmm_fit_table('points', '{x}', 2, filter => 'id < 100');
END $$;
BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY;
SELECT gmm_fit_table('points', '{x}', 2) IS NOT NULL AS done \gset
COMMIT;
SELECT ok(:'done', 'serializable and read only');
-- A function that writes sees its own rows.
BEGIN;
INSERT INTO points (id, x, "Y y", z) SELECT 100000 + id, x + 50, "Y y", z FROM points;
SELECT equals((gmm_summary(gmm_fit_table('points', '{x}', 2))).n_rows, 48000::bigint, 'the rows of this transaction');
ROLLBACK;

-- Rights: of the caller.
CREATE ROLE gmm_table_reader;
GRANT USAGE ON SCHEMA tap TO gmm_table_reader;
GRANT USAGE ON SEQUENCE tap.number TO gmm_table_reader;
SET ROLE gmm_table_reader;
SELECT raises($$SELECT gmm_fit_table('public.points', '{x}', 1)$$, '42501', 'permission denied', 'a table that the caller may not read');
RESET ROLE;
GRANT SELECT (x) ON points TO gmm_table_reader;
SET ROLE gmm_table_reader;
SELECT raises($$SELECT gmm_fit_table('public.points', '{z}', 1)$$, '42501', 'permission denied', 'a column that the caller may not read');
RESET ROLE;
ALTER TABLE points ENABLE ROW LEVEL SECURITY;
CREATE POLICY of_one_part ON points USING (part = 1);
SET ROLE gmm_table_reader;
SELECT equals((public.gmm_summary(public.gmm_fit_table('public.points', '{x}', 1))).n_rows, 8000::bigint, 'row level security');
RESET ROLE;
ALTER TABLE points DISABLE ROW LEVEL SECURITY;
DROP OWNED BY gmm_table_reader;
DROP ROLE gmm_table_reader;

-- Functions and operators of the caller's search_path are not taken for the
-- extension's or PostgreSQL's.
CREATE SCHEMA hijack;
CREATE FUNCTION hijack.count(OUT bigint) LANGUAGE sql AS 'SELECT 1/0::bigint';
CREATE FUNCTION hijack.gmm_accumulate(double precision[], gmm_model) RETURNS gmm_stats LANGUAGE sql AS 'SELECT NULL::gmm_stats';
CREATE FUNCTION hijack.minus(double precision, double precision) RETURNS double precision LANGUAGE sql AS 'SELECT 1/0::double precision';
CREATE OPERATOR hijack.- (LEFTARG = double precision, RIGHTARG = double precision, FUNCTION = hijack.minus);
SET search_path = hijack, pg_catalog, public, tap;
SELECT gmm_fit_table('far', '{x,z}', 3)::text AS hostile \gset
SET search_path = tap;
SELECT ok(public.gmm_fit_table('public.points', '{x}', 2) IS NOT NULL, 'the extension is not in search_path');
SET search_path = public, tap;
SELECT alike(:'hostile'::gmm_model, (SELECT gmm_fit(ARRAY[x, z], 3) FROM far), 1e-5, 'a hostile search_path');

-- Errors.
CREATE INDEX points_x ON points (x);
CREATE TABLE bad AS SELECT id, x, CASE id WHEN 5 THEN 'NaN' ELSE weight END AS nan,
    CASE id WHEN 7 THEN '-Infinity' ELSE weight END AS infinite, CASE id WHEN 8 THEN -1 ELSE weight END AS negative,
    0 AS zero, 'a'::text AS label, ARRAY[x] AS list, 1e200 * x AS huge, ARRAY['1'::text] AS labels,
    ARRAY[x, CASE WHEN id = 5 THEN 'NaN' ELSE x END] AS nans, CASE WHEN id = 77 THEN ARRAY[x] ELSE ARRAY[x, x] END AS lists,
    ARRAY[[x, x]] AS matrices, '{}'::real[] AS nothings, ARRAY[x, NULLIF(z, (SELECT max(z) FROM points WHERE id <= 2000))] AS holes
FROM points WHERE id <= 2000;
SELECT raises(statement, state, part, statement) FROM (VALUES
    ('SELECT gmm_fit_table(''nowhere'', ''{x}'', 1)', '42P01', '"nowhere" does not exist'),
    ('SELECT gmm_fit_table(1::oid::regclass, ''{x}'', 1)', '42P01', 'OID 1 does not exist'),
    ('SELECT gmm_fit_table(NULL, ''{x}'', 1)', '22004', 'relation must not be NULL'),
    ('SELECT gmm_fit_table(''points'', NULL, 1)', '22004', 'features must not be NULL'),
    ('SELECT gmm_fit_table(''points'', ''{x}'', NULL)', '22004', 'k must not be NULL'),
    ('SELECT gmm_fit_table(''points'', ''{x}'', 0)', '22023', 'k must be from 1'),
    ('SELECT gmm_fit_table(''points'', ''{}'', 1)', '2202E', 'at least one column'),
    ('SELECT gmm_fit_table(''points'', ''{{x}}'', 1)', '2202E', 'one-dimensional'),
    ('SELECT gmm_fit_table(''points'', ''{x,NULL}'', 1)', '22004', 'element 2 of features is NULL'),
    ('SELECT gmm_fit_table(''points'', ''{x,y}'', 1)', '42703', 'column "y" of relation "points" does not exist'),
    ('SELECT gmm_fit_table(''points'', ''{x,""}'', 1)', '42703', 'does not exist'),
    ('SELECT gmm_fit_table(''points'', ''{ctid}'', 1)', '42804', 'not a number'),
    ('SELECT gmm_fit_table(''points'', ''{2*x}'', 1)', '42703', 'does not exist'),
    ('SELECT gmm_fit_table(''bad'', ''{label}'', 1)', '42804', 'of type text and not a number'),
    ('SELECT gmm_fit_table(''bad'', ''{x,list}'', 1)', '42804', 'of type double precision[] and not a number'),
    ('SELECT gmm_fit_table(''bad'', ''{labels}'', 1)', '42804', 'of type text[] and not a number'),
    ('SELECT gmm_fit_table(''bad'', ''{x}'', 1, weight => ''list'')', '42804', 'of type double precision[] and not a number'),
    ('SELECT gmm_fit_table(''bad'', ''{nans}'', 1)', '22003', 'element 2 of column "nans" contains NaN'),
    ('SELECT gmm_fit_table(''bad'', ''{lists}'', 1)', '2202E', 'but those of another row have'),
    ('SELECT gmm_fit_table(''bad'', ''{matrices}'', 1)', '2202E', 'one-dimensional'),
    ('SELECT gmm_fit_table(''bad'', ''{nothings}'', 1)', '2202E', 'at least one element'),
    ('SELECT gmm_fit_table(''bad'', ''{holes}'', 1, ''{"missing": "error"}'')', '22004', 'element 2 of column "holes" contains NULL'),
    ('SELECT gmm_fit_table(''points_x'', ''{x}'', 1)', '42809', 'not a table or view'),
    ('SELECT gmm_fit_table(''bad'', ''{x}'', 1, weight => ''negative'')', '22023', 'must not be negative'),
    ('SELECT gmm_fit_table(''bad'', ''{x}'', 1, weight => ''nan'')', '22023', 'must be finite, but is NaN'),
    ('SELECT gmm_fit_table(''bad'', ''{x}'', 1, weight => ''label'')', '42804', 'not a number'),
    ('SELECT gmm_fit_table(''bad'', ''{x,nan}'', 1)', '22003', 'column "nan" contains NaN'),
    ('SELECT gmm_fit_table(''bad'', ''{x,infinite}'', 1)', '22003', 'column "infinite" contains -Infinity'),
    ('SELECT gmm_fit_table(''bad'', ''{x,huge}'', 1)', '22003', 'variance of feature 2'),
    ('SELECT gmm_fit_table(''bad'', ''{zero}'', 2)', '22023', 'only 1 distinct row'),
    ('SELECT gmm_fit_table(''points'', ''{x}'', 1, ''{"toll": 1}'')', '22023', 'unknown option'),
    ('SELECT gmm_fit_table(''points'', ''{x}'', 1, filter => '''')', '42601', 'syntax error'),
    ('SELECT gmm_fit_table(''points'', ''{x}'', 1, filter => ''x >'')', '42601', 'syntax error'),
    ('SELECT gmm_fit_table(''points'', ''{x}'', 1, filter => ''true /*'')', '42601', 'unterminated'),
    ('SELECT gmm_fit_table(''points'', ''{x}'', 1, filter => ''label = ''''a'')', '42601', 'unterminated'),
    ('SELECT gmm_fit_table(''points'', ''{x}'', 1, filter => ''$1 IS NULL'')', '42P02', 'must not have parameters'),
    ('SELECT gmm_fit_table(''points'', ''{x}'', 1, filter => ''f1 > 0'')', '42703', '"f1" does not exist'),
    ('SELECT gmm_fit_table(''points'', ''{x}'', 1, filter => ''x'')', '42804', 'must be type boolean'),
    ('SELECT gmm_fit_table(''points'', ''{x}'', 1, filter => ''max(x) > 1'')', '42803', 'aggregate')
) AS e (statement, state, part);
-- A filter is one expression by itself: none ends the brackets that it is put
-- into, and nothing stands behind it.
SELECT raises(format($$SELECT gmm_fit_table('points', '{x}', 1, filter => %L)$$, filter), '42601', part, filter)
FROM (VALUES
    ('x < 3) OR (true', 'syntax error'),
    ('x < 3) OR (id IN (SELECT 1)', 'syntax error'),
    ('true) LIMIT (5', 'syntax error'),
    ('true) UNION (SELECT 1', 'syntax error'),
    ('true) GROUP BY (x', 'syntax error'),
    ('true); DROP TABLE points; SELECT (1', 'syntax error'),
    (E'true --\n) OR (true', 'syntax error'),
    ('true /* ( */ ) OR ( /* ) */ true', 'syntax error'),
    ('true, true', 'syntax error'),
    (')', 'syntax error'),
    ('true;', 'syntax error'),
    ('true; --', 'syntax error'),
    ('true; DROP TABLE points', 'one expression'),
    ('true; SELECT 1', 'one expression'),
    ('true LIMIT 5', 'one expression'),
    ('true OFFSET 5', 'one expression'),
    ('true FETCH FIRST 5 ROWS ONLY', 'one expression'),
    ('true ORDER BY x', 'one expression'),
    ('true GROUP BY x', 'one expression'),
    ('true GROUP BY ()', 'one expression'),
    ('true HAVING true', 'one expression'),
    ('true WINDOW w AS ()', 'one expression'),
    ('true FOR UPDATE', 'one expression'),
    ('true UNION SELECT WHERE true', 'one expression'),
    ('true EXCEPT ALL SELECT', 'one expression'),
    ('true INTERSECT SELECT', 'one expression')
) AS f (filter, part);
SELECT equals((SELECT count(*) FROM points), 24000::bigint, 'and nothing is lost');

-- The functions that the queries call, called by hand: what they find is what SQL
-- finds, and anything else is refused.
SELECT ok(r[1:4] = ARRAY[n, incomplete, empty, weightless]::float8[] AND r[6:9] = ARRAY[least_x, least_z, most_x, most_z],
          'gmm_fit_table_ranges: counts and ranges') || E'\n' ||
       near(r[5], sum, 1e-12, 'sum of weights') || E'\n' || near(r[10], sum_x, 1e-12, 'weight of a feature') || E'\n' ||
       near(r[11], sum_z, 1e-12, 'and of the other')
FROM (SELECT gmm_fit_table_ranges(ARRAY[x, z], w) AS r, count(*) FILTER (WHERE w > 0 AND num_nonnulls(x, z) > 0) AS n,
             count(*) FILTER (WHERE w > 0 AND num_nulls(x, z) = 1) AS incomplete, count(*) FILTER (WHERE w > 0 AND num_nulls(x, z) = 2) AS empty,
             count(*) FILTER (WHERE w = 0) AS weightless, sum(w) FILTER (WHERE num_nonnulls(x, z) > 0) AS sum, sum(w) FILTER (WHERE x IS NOT NULL) AS sum_x,
             sum(w) FILTER (WHERE z IS NOT NULL) AS sum_z, min(x) FILTER (WHERE w > 0) AS least_x, min(z) FILTER (WHERE w > 0) AS least_z,
             max(x) FILTER (WHERE w > 0) AS most_x, max(z) FILTER (WHERE w > 0) AS most_z
      FROM (SELECT x, z::float8 AS z, greatest(weight - 0.5, 0) AS w FROM holes) AS h) AS r;
SELECT ok(gmm_fit_table_center('{1,NULL,3}', '{1,2,-1}') IS NOT DISTINCT FROM '{0,NULL,4}'::float8[], 'gmm_fit_table_center');
SELECT raises(statement, state, part, statement) FROM (VALUES
    ('SELECT gmm_fit_table_center(''{1,2}'', ''{1}'')', '2202E', 'features have 2 elements, but those of another row have 1'),
    ('SELECT gmm_fit_table_center(''{1}'', ''{NULL}'')', '22004', 'is NULL'),
    ('SELECT gmm_fit_table_hash(''{1,2}'', ''{0,0,0}'', 1)', '2202E', 'features have 2 elements'),
    ('SELECT gmm_fit_table_hash(''{1}'', ''{0,NULL,0}'', 1)', '22004', 'is NULL'),
    ('SELECT gmm_fit_table_ranges(v, 1) FROM (VALUES (ARRAY[1::float8]), (''{1,2}'')) AS r (v)', '2202E', 'features have 2 elements'),
    ('SELECT gmm_fit_table_ranges(''{1}'', -1)', '22023', 'must not be negative'),
    ('SELECT gmm_fit_table_ranges_transition(''{1,2}'', ''{1}'', 1)', '22023', 'invalid state'),
    ('SELECT gmm_fit_table_ranges_transition(''{}'', ''{1}'', 1)', '22023', 'invalid state'),
    ('SELECT gmm_fit_table_ranges_transition(''{{0,0,0,0,0,0,0,0}}'', ''{1}'', 1)', '22023', 'invalid state'),
    ('SELECT gmm_fit_table_ranges_transition(''{0,0,0,0,0,0,0,NULL}'', ''{1}'', 1)', '22023', 'invalid state'),
    ('SELECT gmm_fit_table_ranges_transition(gmm_fit_table_ranges(''{1}'', 1), ''{1,2}'', 1)', '2202E', 'features have 2 elements'),
    ('SELECT gmm_fit_table_ranges_combine(gmm_fit_table_ranges(''{1}'', 1), gmm_fit_table_ranges(''{1,2}'', 1))', '2202E', 'features have 2 elements'),
    ('SELECT gmm_fit_table_ranges_combine(NULL, ''{1}'')', '22023', 'invalid state')
) AS e (statement, state, part);
SELECT ok(gmm_fit_table_ranges_combine(NULL, NULL) IS NULL AND gmm_fit_table_ranges_transition(NULL, NULL, 1) IS NULL, 'nothing of nothing');

SELECT finish();
