--
-- gmm_fit and gmm_refit as aggregates: every way that SQL has to call them,
-- compared with the plain one, and every bad input
--
\set VERBOSITY terse
\pset format unaligned
\pset tuples_only on
-- Fits of few rows, in few passes
SET gmm.warnings = off;

-- Do two models agree, in every number that they hold, to 1e-9?
CREATE FUNCTION pg_temp.same(a gmm_model, b gmm_model) RETURNS boolean
LANGUAGE sql AS $$
	WITH x AS (SELECT v::text::float8 AS value, row_number() OVER () AS i
			   FROM jsonb_path_query(a::jsonb, 'strict $.** ? (@.type() == "number")') v),
		 y AS (SELECT v::text::float8 AS value, row_number() OVER () AS i
			   FROM jsonb_path_query(b::jsonb, 'strict $.** ? (@.type() == "number")') v)
	SELECT coalesce(bool_and(abs(x.value - y.value) <= 1e-9 * (1 + abs(x.value))), false)
	FROM x FULL JOIN y USING (i)
$$;

-- Three clusters of 200 rows, the sum of six uniforms about each center
CREATE FUNCTION pg_temp.noise(i integer, j integer) RETURNS float8
LANGUAGE sql IMMUTABLE AS $$
	SELECT sum((i * 7919 + j * 104729 + n * 31 + i * i * n % 997) % 1009) / 1009.0 - 3 + i * 1e-7 FROM generate_series(1, 6) n
$$;
CREATE TABLE fit_points AS
SELECT i AS id, 1 + i % 3 AS cluster,
	   ARRAY[(ARRAY[0, 8, -8])[1 + i % 3] + pg_temp.noise(i, 1),
			 (ARRAY[0, 8, 6])[1 + i % 3] + pg_temp.noise(i, 2)] AS features,
	   (i * 7 % 5)::float8 AS weight
FROM generate_series(1, 600) i;
ANALYZE fit_points;

-- The plain result, which the rest is compared with
CREATE TABLE fit_plain AS
SELECT gmm_fit(features, 3) AS model FROM fit_points;

-- It is the clustering that the data were made with
SELECT (s).k, (s).d, (s).covariance_type, (s).n_rows, (s).sum_weights, (s).converged
FROM (SELECT gmm_summary(model) AS s FROM fit_plain) summary;
SELECT count(DISTINCT cluster) = 1 AND count(*) = 200
FROM fit_points, fit_plain GROUP BY gmm_predict(model, features);
SELECT bool_and(abs(weight - 1.0 / 3) < 1e-6) FROM fit_plain, gmm_components(model);

-- === the signatures ===

SELECT pg_temp.same(model, (SELECT gmm_fit(features, 3, NULL) FROM fit_points)) FROM fit_plain;
SELECT pg_temp.same(model, (SELECT gmm_fit(features, 3, '{}') FROM fit_points)) FROM fit_plain;
SELECT pg_temp.same(model, (SELECT gmm_fit(features, 3, gmm_options()) FROM fit_points)) FROM fit_plain;
SELECT pg_temp.same(model, (SELECT gmm_fit(features, 3, NULL, 1) FROM fit_points)) FROM fit_plain;

-- Other arrays coerce by themselves
SELECT pg_temp.same((SELECT gmm_fit(ARRAY[id, id % 7], 1) FROM fit_points),
					(SELECT gmm_fit(ARRAY[id, id % 7]::float8[], 1) FROM fit_points));
SELECT pg_temp.same((SELECT gmm_fit(ARRAY[id, id % 7]::numeric[], 1) FROM fit_points),
					(SELECT gmm_fit(ARRAY[id, id % 7]::real[], 1) FROM fit_points));
SELECT pg_temp.same((SELECT gmm_fit(f, 1) FROM unnest(ARRAY['{1,2}', '{3,5}', '{4,4}']::text[]) t, LATERAL (SELECT t::float8[]) s(f)),
					(SELECT gmm_fit(ARRAY[a, b], 1) FROM (VALUES (1, 2), (3, 5), (4, 4)) v(a, b)));
-- lower bounds do not matter, nor a bitmap without NULLs
SELECT pg_temp.same((SELECT gmm_fit(f, 1) FROM (VALUES ('[0:1]={1,2}'::float8[]), ('[5:6]={3,5}'), ('{4,4}')) v(f)),
					(SELECT gmm_fit(f, 1) FROM (VALUES ('{1,2}'::float8[]), ('{3,5}'), ('{4,4}')) v(f)));
SELECT pg_temp.same((SELECT gmm_fit((ARRAY[NULL, id, id % 7])[2:3]::float8[], 1) FROM fit_points),
					(SELECT gmm_fit(ARRAY[id, id % 7], 1) FROM fit_points));

-- All families
SELECT t, (s).covariance_type, (s).n_rows, (s).k
FROM unnest(ARRAY['full', 'tied', 'diag', 'spherical']) t,
	 LATERAL (SELECT gmm_summary(gmm_fit(features, 3, gmm_options(covariance_type => t))) AS s FROM fit_points) f;

-- k of every type of integers, and of what is known when the query runs
CREATE TABLE fit_ks AS SELECT 3::smallint AS small, 3 AS int, 3::bigint AS big;
SELECT pg_temp.same(a, e) AND pg_temp.same(b, e) AND pg_temp.same(c, e) AND pg_temp.same(d, e)
FROM (SELECT gmm_fit(features, small), gmm_fit(features, int), gmm_fit(features, big), gmm_fit(features, '3'), gmm_fit(features, 3)
      FROM fit_points, fit_ks) AS f (a, b, c, d, e);
SELECT pg_temp.same(gmm_fit(features, (SELECT count(DISTINCT cluster) FROM fit_points)), gmm_fit(features, 3)),
	pg_temp.same(gmm_fit_best(features, 1, (SELECT count(*) FROM fit_ks) + 3), gmm_fit_best(features, 1, 4))
FROM fit_points;
PREPARE fit_k AS SELECT pg_temp.same(gmm_fit(features, $1), gmm_fit(features, 3)) FROM fit_points;
EXECUTE fit_k(3);
EXECUTE fit_k('3');
DEALLOCATE fit_k;
DROP TABLE fit_ks;

-- === rows that do not count ===

SELECT gmm_fit(features, 3) IS NULL FROM fit_points WHERE false;
SELECT gmm_fit(NULL, 3) IS NULL FROM fit_points;
SELECT gmm_fit(features, 3, NULL, NULL) IS NULL FROM fit_points;
SELECT pg_temp.same(model, (SELECT gmm_fit(f, 3) FROM (SELECT features FROM fit_points UNION ALL SELECT NULL FROM generate_series(1, 50)) s(f))) FROM fit_plain;
SELECT pg_temp.same(model, (SELECT gmm_fit(f, 3, NULL, w) FROM (SELECT features, 1 FROM fit_points UNION ALL SELECT features, NULL FROM fit_points) s(f, w))) FROM fit_plain;
-- weight 0 is absence, whatever the row holds
SELECT pg_temp.same(model, (SELECT gmm_fit(f, 3, NULL, w) FROM (SELECT ARRAY[7, 7, 'NaN']::float8[], 0 UNION ALL SELECT features, 1 FROM fit_points UNION ALL SELECT ARRAY[5, 5], 0) s(f, w))) FROM fit_plain;
-- weights are copies
SELECT pg_temp.same(jsonb_set(a::jsonb, '{n_rows}', '1')::gmm_model, jsonb_set(b::jsonb, '{n_rows}', '1')::gmm_model)
FROM (SELECT gmm_fit(features, 3, '{"tol": 1e-12}', weight) FROM fit_points) a(a),
	 (SELECT gmm_fit(features, 3, '{"tol": 1e-12}') FROM fit_points, generate_series(1, weight::integer)) b(b);
-- -0 is 0
SELECT pg_temp.same((SELECT gmm_fit(ARRAY[x * 0.0, x], 1) FROM generate_series(-50, 50) x),
					(SELECT gmm_fit(ARRAY[x * -0.0::float8, x], 1) FROM generate_series(-50, 50) x));

-- === the ways of SQL ===

-- ORDER BY inside the call, and rows in another order
SELECT pg_temp.same(model, (SELECT gmm_fit(features, 3 ORDER BY features DESC) FROM fit_points)) FROM fit_plain;
SELECT pg_temp.same(model, (SELECT gmm_fit(features, 3) FROM (SELECT * FROM fit_points ORDER BY id * 7919 % 601) s)) FROM fit_plain;
-- DISTINCT
SELECT pg_temp.same(model, (SELECT gmm_fit(DISTINCT features, 3) FROM (SELECT features FROM fit_points UNION ALL SELECT features FROM fit_points) s)) FROM fit_plain;
SELECT pg_temp.same(model, (SELECT gmm_fit(DISTINCT features, 3, gmm_options(), 1) FROM (SELECT features FROM fit_points UNION ALL SELECT features FROM fit_points) s)) FROM fit_plain;
-- FILTER
SELECT pg_temp.same(model, (SELECT gmm_fit(f, 3) FILTER (WHERE keep) FROM (SELECT features, true FROM fit_points UNION ALL SELECT ARRAY[id, id], false FROM fit_points) s(f, keep))) FROM fit_plain;
-- the same transitions shared by several aggregates of a query
SELECT pg_temp.same(a, model), pg_temp.same(b, model), n
FROM fit_plain, (SELECT gmm_fit(features, 3), gmm_fit(features, 3), count(*) FROM fit_points) s(a, b, n);

-- GROUP BY, sorted and hashed, against one query per group
CREATE TABLE fit_groups AS
SELECT cluster, (SELECT gmm_fit(features, 2) FROM fit_points p WHERE p.cluster = c.cluster) AS model
FROM generate_series(1, 3) c(cluster);
CREATE VIEW fit_grouped AS SELECT cluster, gmm_fit(features, 2) AS model FROM fit_points GROUP BY cluster;
SET enable_hashagg = off;
SELECT plan_has('SELECT * FROM fit_grouped', 'GroupAggregate');
SELECT cluster, pg_temp.same(a.model, b.model) FROM fit_groups a JOIN fit_grouped b USING (cluster) ORDER BY cluster;
RESET enable_hashagg;
SET enable_sort = off;
SELECT plan_has('SELECT * FROM fit_grouped', 'HashAggregate');
SELECT cluster, pg_temp.same(a.model, b.model) FROM fit_groups a JOIN fit_grouped b USING (cluster) ORDER BY cluster;

-- GROUPING SETS, sorted and hashed
SELECT plan_has('SELECT cluster, gmm_fit(features, 2) FROM fit_points GROUP BY ROLLUP (cluster)', 'MixedAggregate');
SELECT cluster, pg_temp.same(s.model, coalesce(g.model, p.model))
FROM (SELECT cluster, gmm_fit(features, 2) FROM fit_points GROUP BY ROLLUP (cluster)) s(cluster, model)
LEFT JOIN fit_groups g USING (cluster), (SELECT gmm_fit(features, 2) FROM fit_points) p(model)
ORDER BY cluster;
RESET enable_sort;
SELECT cluster, pg_temp.same(s.model, coalesce(g.model, p.model))
FROM (SELECT cluster, gmm_fit(features, 2) FROM fit_points GROUP BY CUBE (cluster)) s(cluster, model)
LEFT JOIN fit_groups g USING (cluster), (SELECT gmm_fit(features, 2) FROM fit_points) p(model)
ORDER BY cluster;

-- thousands of groups in a hash table that does not fit into work_mem
SET work_mem = '64kB';
SET enable_sort = off;
SELECT plan_has('SELECT id, gmm_fit(ARRAY[x], 1) FROM fit_points, generate_series(1, 20) x GROUP BY id', 'HashAggregate');
SELECT count(*), bool_and(abs((model::jsonb #>> '{means,0,0}')::float8 - (g % 100 + 10.5)) < 1e-9)
FROM (SELECT g, gmm_fit(ARRAY[g % 100 + x], 1) FROM generate_series(1, 3000) g, generate_series(1, 20) x GROUP BY g) s(g, model);
RESET enable_sort;
RESET work_mem;

-- groups around the sizes at which a block grows and the next one begins
SELECT n, (s).n_rows = n, abs((model::jsonb #>> '{means,0,0}')::float8 - (n + 1) / 2.0) < 1e-9
FROM unnest(ARRAY[1, 8, 9, 16, 17, 32, 33, 128, 129, 256, 257, 383, 384, 385, 768, 769, 1153]) n,
	 LATERAL (SELECT model, gmm_summary(model) AS s FROM (SELECT gmm_fit(ARRAY[i, i % 3, -i], 1) AS model FROM generate_series(1, n) i) f) t;
-- the same with weights that begin late
SELECT n, (s).n_rows = n, abs((s).sum_weights - (n + 2)) < 1e-9
FROM unnest(ARRAY[1, 2, 16, 17, 32, 33, 384, 385, 769]) n,
	 LATERAL (SELECT gmm_summary(gmm_fit(ARRAY[i], 1, NULL, CASE WHEN i = n THEN 3 ELSE 1 END)) AS s FROM generate_series(1, n) i) t;

-- Windows: growing and moving frames, whole partitions
SELECT count(*), bool_and(pg_temp.same(windowed, plain))
FROM (SELECT id, gmm_fit(features, 2) OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND 9 FOLLOWING) AS windowed FROM fit_points WHERE id <= 159) w,
	 LATERAL (SELECT gmm_fit(features, 2) AS plain FROM fit_points WHERE id <= w.id + 9) p
WHERE id <= 150 AND id % 10 = 0;
SELECT count(*), bool_and(pg_temp.same(windowed, plain))
FROM (SELECT id, gmm_fit(features, 2) OVER (ORDER BY id ROWS BETWEEN 20 PRECEDING AND 5 FOLLOWING) AS windowed FROM fit_points WHERE id <= 145) w,
	 LATERAL (SELECT gmm_fit(features, 2) AS plain FROM fit_points WHERE id BETWEEN w.id - 20 AND w.id + 5) p
WHERE id BETWEEN 100 AND 140;
SELECT count(*), bool_and(pg_temp.same(w.model, g.model))
FROM (SELECT cluster, gmm_fit(features, 2) OVER (PARTITION BY cluster) FROM fit_points) w(cluster, model) JOIN fit_groups g USING (cluster)
WHERE cluster = 2;

-- Toasted and compressed features
CREATE TABLE fit_wide (id integer, features float8[]);
ALTER TABLE fit_wide ALTER features SET STORAGE EXTERNAL;
INSERT INTO fit_wide SELECT i, array_agg(((i * j + i * i) % 101)::float8 ORDER BY j) FROM generate_series(1, 40) i, generate_series(1, 400) j GROUP BY i;
INSERT INTO fit_wide SELECT id + 40, array_replace(features, 5::float8, 6::float8) FROM fit_wide;
SELECT bool_and(abs(m - (SELECT avg(features[j]) FROM fit_wide)) < 1e-9)
FROM (SELECT gmm_fit(features, 1, '{"covariance_type": "diag"}') FROM fit_wide) f(model),
	 unnest((SELECT mean FROM gmm_components(model))) WITH ORDINALITY u(m, j);

-- A parallel scan below the aggregate
SET min_parallel_table_scan_size = 0;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET max_parallel_workers_per_gather = 2;
ALTER TABLE fit_points SET (parallel_workers = 2);
SELECT plan_has('SELECT gmm_fit(features, 3) FROM fit_points', 'Gather');
SELECT pg_temp.same(model, parallel)
FROM fit_plain, (SELECT gmm_fit(features, 3) FROM fit_points) p(parallel);
RESET min_parallel_table_scan_size;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET max_parallel_workers_per_gather;
ALTER TABLE fit_points RESET (parallel_workers);

-- In PL/pgSQL and in a prepared statement
PREPARE fit_some(integer, jsonb) AS SELECT gmm_fit(features, $1, $2) AS model FROM fit_points;
SET plan_cache_mode = force_generic_plan;
CREATE TABLE fit_prepared AS EXECUTE fit_some(3, '{}');
SELECT pg_temp.same(a.model, b.model) FROM fit_plain a, fit_prepared b;
RESET plan_cache_mode;

-- === gmm_refit ===

-- A model that has converged stays where it is; component i continues i
SELECT bool_and(abs(a.weight - b.weight) < 1e-5 AND abs(a.mean[1] - b.mean[1]) < 1e-4 AND abs(a.mean[2] - b.mean[2]) < 1e-4)
FROM fit_plain, (SELECT gmm_refit(features, (SELECT model FROM fit_plain)) FROM fit_points) r(refit),
	 gmm_components(model) a, gmm_components(refit) b
WHERE a.component = b.component;
SELECT (s).iterations, (s).n_starts
FROM (SELECT gmm_summary(gmm_refit(features, (SELECT model FROM fit_plain), '{"max_iter": 2, "tol": 0, "accelerate": false}')) AS s FROM fit_points) r;
-- its signatures
CREATE TABLE fit_refit AS SELECT gmm_refit(p.features, m.model) AS model FROM fit_points p, fit_plain m;
SELECT pg_temp.same(model, (SELECT gmm_refit(features, m.model, '{"covariance_type": "VVV"}') FROM fit_points, fit_plain m)) FROM fit_refit;
SELECT pg_temp.same(model, (SELECT gmm_refit(features, m.model, NULL, 1) FROM fit_points, fit_plain m)) FROM fit_refit;
SELECT gmm_refit(features, model) IS NULL FROM fit_points, fit_plain WHERE false GROUP BY ();
-- the model inline, as text, toasted, and the same one stored in many places
SELECT pg_temp.same(model, (SELECT gmm_refit(features, m.model::text::gmm_model) FROM fit_points, fit_plain m)) FROM fit_refit;
CREATE TABLE fit_toasted AS
SELECT id, (SELECT gmm_fit(features, 60, '{"n_init": 1, "max_iter": 1, "reg_covar": 1e-6}') FROM fit_points) AS model FROM generate_series(1, 2) id;
SELECT count(DISTINCT pg_column_size(model)), min(pg_column_size(model)) > 2000 FROM fit_toasted;
SELECT pg_temp.same(a, b) AND pg_temp.same(a, c)
FROM (SELECT gmm_refit(features, (SELECT model FROM fit_toasted WHERE id = 1), '{"max_iter": 1, "reg_covar": 1e-6}') FROM fit_points) s(a),
	 (SELECT gmm_refit(features, model, '{"max_iter": 1, "reg_covar": 1e-6}') FROM fit_points p JOIN fit_toasted t ON t.id = 1 + p.id % 2) t(b),
	 (SELECT gmm_refit(features, model, '{"max_iter": 1, "reg_covar": 1e-6}') FROM fit_points, (SELECT model::text::gmm_model FROM fit_toasted WHERE id = 1) u(model)) v(c);

-- === bad input ===

-- k
SELECT refusal('SELECT gmm_fit(features, 0) FROM fit_points');
SELECT refusal('SELECT gmm_fit(features, -1) FROM fit_points');
SELECT refusal('SELECT gmm_fit(features, 10001) FROM fit_points');
SELECT refusal('SELECT gmm_fit(features, 2147483647) FROM fit_points');
SELECT refusal('SELECT gmm_fit(features, NULL) FROM fit_points');
SELECT refusal('SELECT gmm_fit(features, id) FROM fit_points');
SELECT refusal('SELECT gmm_fit(features, CASE WHEN id < 9 THEN 1 END) FROM fit_points');
SELECT refusal('SELECT gmm_fit(features, 10) FROM (SELECT features FROM fit_points LIMIT 3) s');
SELECT refusal('SELECT gmm_fit(ARRAY[x % 2, 1], 3) FROM generate_series(1, 100) x');
SELECT refusal('SELECT gmm_fit(ARRAY[1, 1], 2) FROM generate_series(1, 100) x');
-- features
SELECT refusal($$SELECT gmm_fit('{}'::float8[], 1)$$);
SELECT refusal($$SELECT gmm_fit('{{1,2},{3,4}}'::float8[], 1)$$);
SELECT refusal($$SELECT gmm_fit('{{1,2}}'::float8[], 1)$$);
SELECT refusal($$SELECT gmm_fit('{NULL,NULL}'::float8[], 1)$$);
SELECT refusal($$SELECT gmm_fit('{1,NULL,3}'::float8[], 1)$$);
SELECT refusal($$SELECT gmm_fit('{1,NULL,3}'::float8[], 1, '{"missing": "error"}')$$);
SELECT refusal($$SELECT gmm_fit('{1,NULL,NaN}'::float8[], 1)$$);
SELECT refusal($$SELECT gmm_fit('{1,NaN}'::float8[], 1)$$);
SELECT refusal($$SELECT gmm_fit('{Infinity,1}'::float8[], 1)$$);
SELECT refusal($$SELECT gmm_fit('{1,2,-Infinity}'::float8[], 1)$$);
SELECT refusal('SELECT gmm_fit(array_fill(1.0::float8, ARRAY[4097]), 1)');
SELECT refusal('SELECT gmm_fit(array_fill(1.0::float8, ARRAY[4096]), 3)');
SELECT refusal('SELECT gmm_fit(f, 1) FROM (VALUES (ARRAY[1, 2]), (ARRAY[1, 2, 3])) v(f)');
SELECT refusal('SELECT gmm_fit(f, 1) FROM (VALUES (ARRAY[1, 2]), (ARRAY[1])) v(f)');
SELECT refusal('SELECT gmm_fit(ARRAY[x], 1) FROM (VALUES (1e300), (-1e300), (0)) v(x)');
-- weights
SELECT refusal('SELECT gmm_fit(features, 1, NULL, -1) FROM fit_points');
SELECT refusal($$SELECT gmm_fit(features, 1, NULL, 'NaN') FROM fit_points$$);
SELECT refusal($$SELECT gmm_fit(features, 1, NULL, 'Infinity') FROM fit_points$$);
SELECT refusal($$SELECT gmm_fit(features, 1, NULL, '-Infinity') FROM fit_points$$);
SELECT refusal('SELECT gmm_fit(features, 1, NULL, 0) FROM fit_points');
SELECT refusal('SELECT gmm_fit(features, 1, NULL, 1e308) FROM fit_points');
SELECT refusal('SELECT gmm_fit(features, 1, NULL, 1e-300) FROM fit_points');
-- options
SELECT refusal($$SELECT gmm_fit(features, 1, '{"k": 2}') FROM fit_points$$);
SELECT refusal($$SELECT gmm_fit(features, 1, '[]') FROM fit_points$$);
SELECT refusal($$SELECT gmm_fit(features, 1, jsonb_build_object('seed', id)) FROM fit_points$$);
SELECT refusal($$SELECT gmm_fit(features, 1, CASE WHEN id < 9 THEN '{}'::jsonb END) FROM fit_points$$);
SELECT refusal($$SELECT gmm_fit(features, 1, jsonb_build_object('tol', CASE WHEN id < 9 THEN 1.0 ELSE 1.00 END)) FROM fit_points$$);
-- gmm_refit
SELECT refusal('SELECT gmm_refit(features, NULL::gmm_model) FROM fit_points');
SELECT refusal('SELECT gmm_refit(ARRAY[id], model) FROM fit_points, fit_plain');
SELECT refusal($$SELECT gmm_refit(features, model, '{"covariance_type": "diag"}') FROM fit_points, fit_plain$$);
SELECT refusal($$SELECT gmm_refit(features, model, '{"n_init": 2}') FROM fit_points, fit_plain$$);
SELECT refusal($$SELECT gmm_refit(features, model, '{"init": "random"}') FROM fit_points, fit_plain$$);
SELECT refusal('SELECT gmm_refit(features, model) FROM fit_points, (SELECT model FROM fit_groups LIMIT 2) g');
SELECT refusal('SELECT gmm_refit(features, CASE WHEN id < 9 THEN model END) FROM fit_points, fit_plain');
SELECT refusal('SELECT gmm_refit(features, model, NULL, 0) FROM fit_points, fit_plain');

-- labels
SELECT refusal($$SELECT gmm_fit_labelled(features, 0, 2) FROM fit_points$$);
SELECT refusal($$SELECT gmm_fit_labelled(features, 3, 2) FROM fit_points$$);
SELECT refusal($$SELECT gmm_fit_labelled(features, -9223372036854775808, 2) FROM fit_points$$);
SELECT refusal($$SELECT gmm_fit_labelled(features, NULL, 0) FROM fit_points$$);
SELECT refusal($$SELECT gmm_fit_labelled(features, NULL, NULL) FROM fit_points$$);
SELECT refusal($$SELECT gmm_fit_labelled(features, 1, 2, '{"too_few_rows": "fewer"}') FROM fit_points$$);
SELECT refusal($$SELECT gmm_fit_labelled(features, 1, 2, '{"fixed": "means"}') FROM fit_points$$);
SELECT refusal($$SELECT gmm_fit_labelled(features, 1, 2, '{"max_iter": 0}') FROM fit_points$$);
SELECT refusal($$SELECT gmm_fit_labelled(ARRAY[1, 2], i, 3) FROM generate_series(1, 3) i$$);
SELECT refusal($$SELECT gmm_fit_labelled(ARRAY[x], 1 + x % 2, 2 + x / 9) FROM generate_series(1, 9) x$$);
SELECT gmm_fit_labelled(ARRAY[x], 1, 2) FROM generate_series(1, 0) x;
SELECT gmm_fit_labelled(NULL, 7, 2) IS NULL;
SELECT refusal($$SELECT gmm_fit_labelled(ARRAY[x], 1, 1, NULL, 0) FROM generate_series(1, 9) x$$);
SELECT refusal(format('SELECT %s FROM fit_points, gmm_model(''{0.5,0.5}'', ''{{0,0},{9,9}}'', ''{1,1}'', ''spherical'') AS model', call))
FROM (VALUES ('gmm_refit_labelled(features, 0, model)'), ('gmm_refit_labelled(features, 3, model)'), ('gmm_refit_labelled(features, 1, NULL)'),
	('gmm_refit_labelled(features, 1, model, ''{"n_init": 3}'')'), ('gmm_refit_labelled(features, 1, model, ''{"too_few_rows": "null"}'')'),
	('gmm_refit_labelled(features, 1, model, NULL, -1)'), ('gmm_refit_labelled(features || 1::float8, 1, model)'),
	('gmm_accumulate_labelled(features, 0, model)'), ('gmm_accumulate_labelled(features, 9223372036854775807, model)'),
	('gmm_accumulate_labelled(features, 1, NULL)'), ('gmm_accumulate_labelled(features, 1, model, -1)'),
	('gmm_em_step_labelled(features, -1, model)'), ('gmm_em_step_labelled(features || 1::float8, 1, model)'),
	('gmm_em_step_labelled(features, 3, model, 0) IS NULL')) AS c (call);
-- a component of weight 0 has no rows, whatever their labels say
SELECT refusal(format('SELECT %s FROM fit_points, gmm_model(''{1,0}'', ''{{0,0},{9,9}}'', ''{1,1}'', ''spherical'') AS model', call))
FROM (VALUES ('gmm_refit_labelled(features, 2, model)'), ('gmm_em_step_labelled(features, 2, model)')) AS c (call);

-- An error leaves nothing behind that a later fit would stumble on
SELECT pg_temp.same(model, (SELECT gmm_fit(features, 3) FROM fit_points)) FROM fit_plain;

DROP VIEW fit_grouped;
DROP TABLE fit_points, fit_plain, fit_groups, fit_wide, fit_prepared, fit_refit, fit_toasted;
