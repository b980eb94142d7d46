--
-- gmm_union: what it joins, and what it refuses
--
\pset format unaligned
\pset tuples_only on
SELECT aggfnoid::regprocedure, aggtranstype::regtype, aggfinalmodify, aggcombinefn,
	(SELECT (provolatile, proparallel, obj_description(oid, 'pg_proc') IS NOT NULL) FROM pg_proc WHERE oid = aggfnoid)
FROM pg_aggregate WHERE aggfnoid = 'gmm_union'::regproc;
CREATE TABLE members (id integer, model gmm_model, n bigint);
INSERT INTO members VALUES
	(1, gmm_model('{0.25,0.75}', '{{0,0},{1,1}}', '{{1,2},{3,4}}', 'diag'), 1),
	(2, gmm_model('{1}', '{{5,5}}', '{6}', 'spherical'), 3),
	(3, gmm_model('{1}', '{{7,7}}', '{{2,1},{1,2}}', 'tied'), 4),
	(4, NULL, 5), (5, gmm_model('{1}', '{{8,8}}', '{1}', 'spherical'), NULL),
	(6, gmm_model('{1}', '{{9,9}}', '{{4,0},{0,4}}', 'tied'), 12);
SELECT gmm_union(model, n ORDER BY id) FROM members WHERE id <= 2;
SELECT gmm_union(model, n ORDER BY id DESC) FROM members WHERE id <= 3;
-- tied ones: (4 * 2 + 12 * 4) / 16, (4 * 1) / 16
SELECT gmm_union(model, n ORDER BY id) FROM members WHERE id IN (3, 6);
-- Without a model or a number there is nothing to join.
SELECT gmm_union(model, n ORDER BY id) FROM members WHERE id IN (2, 4, 5);
SELECT gmm_union(model, n) IS NULL FROM members WHERE id IN (4, 5);
SELECT gmm_union(model, n) IS NULL FROM members WHERE false;
-- A window, whose frames grow
SELECT id, (gmm_union(model, n) OVER (ORDER BY id))::jsonb -> 'weights' FROM members WHERE n IS NOT NULL ORDER BY id;
SELECT gmm_union(model, 1e308 * 1.5) = gmm_union(model, 1) FROM members WHERE id IN (1, 2);
SELECT gmm_union(m, 1)::jsonb -> 'features'
FROM (VALUES (gmm_model('{1}', '{{0,0}}', '{1}', 'spherical')), (gmm_model('{1}', '{{0,0}}', '{1}', 'spherical', '{a,b}'))) AS v (m);
\set VERBOSITY terse
SELECT gmm_union(model, 0) FROM members;
SELECT gmm_union(model, -1) FROM members;
SELECT gmm_union(model, 'NaN') FROM members;
SELECT gmm_union(model, 'Infinity') FROM members;
SELECT gmm_union(m, 1) FROM (VALUES (gmm_model('{1}', '{{0,0}}', '{1}', 'spherical')), (gmm_model('{1}', '{{0}}', '{1}', 'spherical'))) AS v (m);
SELECT gmm_union(m, 1) FROM (VALUES (gmm_model('{1}', '{{0,0}}', '{1}', 'spherical', '{b,a}')), (gmm_model('{1}', '{{0,0}}', '{1}', 'spherical', '{a,b}'))) AS v (m);
SELECT gmm_union(m, 1) FROM (SELECT gmm_fit(ARRAY[x], 1, '{"noise": true}') AS m FROM generate_series(1, 50) AS x) AS f;
-- What would become too large is told when its row comes, not after the last.
SELECT gmm_union(m, 60 / (7 - i)) FROM (SELECT i, gmm_model(array_fill(0.0005::float8, '{2000}'), array_fill(0::float8, '{2000,1}'), array_fill(1::float8, '{2000}'), 'spherical') AS m FROM generate_series(1, 7) AS i) AS v;
-- of a matrix for each of 3001 components, where one of them has one
SELECT gmm_union(m, 6 / (3 - i)) FROM (VALUES
	(1, gmm_model(array_fill(1.0 / 3000, '{3000}'), array_fill(0::float8, '{3000,120}'), array_fill(1::float8, '{3000}'), 'spherical')),
	(2, gmm_model('{1}', array_fill(0::float8, '{1,120}'), (SELECT array_agg(line) FROM (SELECT array_agg((i = j)::int ORDER BY j) AS line FROM generate_series(1, 120) AS i, generate_series(1, 120) AS j GROUP BY i) AS r), 'tied')),
	(3, gmm_model('{1}', array_fill(0::float8, '{1,120}'), '{1}', 'spherical'))) AS v (i, m);
DROP TABLE members;
