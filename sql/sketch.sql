--
-- Sketches of rows: gmm_sketch, gmm_merge, gmm_fit_sketch, gmm_fit_best_sketch,
-- gmm_sketch_summary
--
\set VERBOSITY terse
SET gmm.warnings = off;

CREATE TABLE sketch_rows (x double precision[], w double precision);
INSERT INTO sketch_rows VALUES
	('{1,2}', 1), ('{1,2}', 2), ('{3,4}', 0.5), ('{5,NULL}', 1), ('{-0.0,7}', 1), ('{0,7}', 1),
	(NULL, 1), ('{9,9}', NULL), ('{8,8}', 0), ('{NULL,NULL}', 1);
SELECT gmm_sketch(x, 10, w)::json FROM sketch_rows;
SELECT s.* FROM (SELECT gmm_sketch(x, 10, w) AS sketch FROM sketch_rows) AS r, gmm_sketch_summary(sketch) AS s;
SELECT s.* FROM (SELECT gmm_sketch(x, 10) AS sketch FROM sketch_rows) AS r, gmm_sketch_summary(sketch) AS s;
SELECT complete, n_kept, n_rows, mean FROM (SELECT gmm_sketch(x, 2) AS sketch FROM sketch_rows) AS r, gmm_sketch_summary(sketch) AS s;
-- Sketches of parts
SELECT gmm_merge(sketch)::text = (SELECT gmm_sketch(x, 10, w)::text FROM sketch_rows)
FROM (SELECT gmm_sketch(x, 10, w) AS sketch FROM sketch_rows GROUP BY w) AS parts;
-- No rows, no sketch
SELECT gmm_sketch(x, 10) IS NULL, gmm_merge(NULL::gmm_sketch) IS NULL FROM sketch_rows WHERE x IS NULL;
SELECT gmm_sketch(x, 10) IS NULL FROM sketch_rows WHERE w = 0 AND false;
SELECT gmm_sketch(x, 10, 0) IS NULL FROM sketch_rows;
-- Only rows with NULLs: no moments
SELECT n_rows, n_incomplete, sum_weights, mean, covariance
FROM (SELECT gmm_sketch(x, 10, w) AS sketch FROM sketch_rows WHERE x[2] IS NULL) AS r, gmm_sketch_summary(sketch);
-- Sums beyond a double are not lost, but have no number.
SELECT sum_weights, mean, covariance FROM (SELECT gmm_sketch(ARRAY[v], 10) AS sketch FROM (VALUES (1e308), (-1e308), (1e200), (3)) AS t (v)) AS r, gmm_sketch_summary(sketch);
SELECT mean FROM (SELECT gmm_sketch(ARRAY[v], 10) AS sketch FROM (VALUES (1e308), (1e308), (-1e308), (-1e308), (1)) AS t (v)) AS r, gmm_sketch_summary(sketch);
SELECT sum_weights, mean, covariance FROM (SELECT gmm_sketch(ARRAY[v], 10, 1e308) AS sketch FROM generate_series(1, 3) AS v) AS r, gmm_sketch_summary(sketch);

-- Fits
SELECT gmm_fit_sketch(gmm_sketch(ARRAY[v], 10), 2)::text = gmm_fit(ARRAY[v], 2)::text AS same FROM generate_series(1, 8) AS v;
SELECT (gmm_summary(gmm_fit_best_sketch(gmm_sketch(ARRAY[v], 10), 1, count(*) / 4))).k FROM generate_series(1, 8) AS v;
SELECT gmm_fit_sketch(NULL, 2) IS NULL, gmm_fit_best_sketch(NULL, 1, 2) IS NULL, gmm_sketch_summary(NULL) IS NULL;
SELECT gmm_fit_sketch(gmm_sketch(ARRAY[v], 10), 9, '{"too_few_rows": "null"}') IS NULL,
	   (gmm_summary(gmm_fit_sketch(gmm_sketch(ARRAY[v], 10), 9, '{"too_few_rows": "fewer"}'))).k FROM generate_series(1, 3) AS v;
-- Literals of gmm_fit mean what they meant.
SELECT (gmm_summary(gmm_fit('{1,2}', 1))).d, (gmm_summary(gmm_fit_best('{1,2}', 1, 1))).d;
SELECT gmm_fit(NULL, 1) IS NULL;

-- What is refused
SELECT statement, refusal('SELECT ' || statement || ' FROM sketch_rows') AS answer
FROM (VALUES ('gmm_sketch(x, 0)'), ('gmm_sketch(x, 1000001)'), ('gmm_sketch(x, NULL)'),
	('gmm_sketch(array_fill(1, ARRAY[4096]), 8193)'), ('gmm_sketch(x, 2 + (random() * 1000000)::integer % 900000)'),
	('gmm_sketch(CASE WHEN w = 2 THEN x || x ELSE x END, 5)'),
	('gmm_sketch(x, 5, -w)'), ('gmm_sketch(x, 5, ''NaN'')'), ('gmm_sketch(x || ''NaN''::double precision, 5)'),
	('gmm_sketch(x || ''Infinity''::double precision, 5)'), ('gmm_sketch(''{}'', 5)'), ('gmm_sketch(''{{1}}'', 5)'),
	('gmm_fit_sketch(gmm_sketch(x, 5), 0)'), ('gmm_fit_sketch(gmm_sketch(x, 5), NULL)'),
	('gmm_fit_sketch(gmm_sketch(x, 3), 4)'), ('gmm_fit_sketch(gmm_sketch(x, 5), 1, ''{"missing": "error"}'')'),
	('gmm_fit_sketch(gmm_sketch(x, 5), 1, ''{"features": ["a"]}'')'),
	('gmm_fit_best_sketch(gmm_sketch(x, 5), 3, 2)'), ('gmm_fit_best_sketch(gmm_sketch(x, 5), 1, 20000)')
) AS s (statement);
SELECT refusal('SELECT gmm_merge(s) FROM (SELECT gmm_sketch(ARRAY[1], 5) AS s UNION ALL SELECT gmm_sketch(ARRAY[1,2], 5)) AS t');

-- A sketch from outside is what a sketch can be, in its one form.  That of a row
-- {1} of weight 1, taken apart:
SELECT text, refusal(format('SELECT %L::gmm_sketch', text)) AS answer
FROM (SELECT gmm_sketch('{1}', 2)::text AS whole) AS w,
LATERAL (VALUES (whole), (''), ('x'), ('\x'), ('\x02'), ('\x0g'), ('{}'), (left(whole, 40)), (left(whole, -2)), (whole || '00'),
	(overlay(whole PLACING '02' FROM 3 FOR 2)), (overlay(whole PLACING '01' FROM 5 FOR 2)), (overlay(whole PLACING '02' FROM 5 FOR 2)),
	(overlay(whole PLACING '00000000' FROM 7 FOR 8)), (overlay(whole PLACING '7fffffff' FROM 7 FOR 8)),
	(overlay(whole PLACING '00000000' FROM 15 FOR 8)), (overlay(whole PLACING 'ffffffff' FROM 15 FOR 8)),
	(overlay(whole PLACING '00001001' FROM 15 FOR 8)), (overlay(whole PLACING '00000000' FROM 23 FOR 8)), (overlay(whole PLACING '00000003' FROM 23 FOR 8)),
	(overlay(whole PLACING '0000000000000002' FROM 31 FOR 16)), (overlay(whole PLACING '0000000000000001' FROM 47 FOR 16)),
	(overlay(whole PLACING '7fffffff' FROM 63 FOR 8)), (overlay(whole PLACING '7fffffff' FROM 71 FOR 8)), (overlay(whole PLACING 'ffffffff' FROM 71 FOR 8)),
	(overlay(whole PLACING '7ff0000000000000' FROM 127 FOR 16)), (overlay(whole PLACING '7ff8000000000000' FROM 127 FOR 16)),
	(overlay(whole PLACING '8000000000000000' FROM 127 FOR 16)), (overlay(whole PLACING '0000000000000000' FROM 143 FOR 16)),
	(overlay(whole PLACING 'ffffffffffffffff' FROM 159 FOR 16))
) AS t (text);
DROP TABLE sketch_rows;
