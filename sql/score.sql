--
-- Applying a model: gmm_predict, gmm_predict_proba, gmm_logpdf and
-- gmm_mahalanobis, and how often a model is prepared
--
\set VERBOSITY terse
\pset format unaligned
\pset tuples_only on

CREATE TABLE score_points AS
SELECT i AS id, ARRAY[(i * 37 % 101) / 10.0 - 5, (i * 53 % 103) / 10.0 - 5]::float8[] AS features
FROM generate_series(1, 300) i;
ANALYZE score_points;

-- One model of each family, with the covariances they amount to
CREATE TABLE score_models (name text, model gmm_model, covariances float8[]);
INSERT INTO score_models VALUES
('full', gmm_model(ARRAY[0.3, 0.7], ARRAY[[-1, 0], [2, 3]], ARRAY[[[1, 0.5], [0.5, 2]], [[3, -1], [-1, 1]]]),
 ARRAY[[1, 0.5, 2], [3, -1, 1]]),
('tied', gmm_model(ARRAY[0.3, 0.7], ARRAY[[-1, 0], [2, 3]], ARRAY[[1, 0.5], [0.5, 2]], 'tied'),
 ARRAY[[1, 0.5, 2], [1, 0.5, 2]]),
('diag', gmm_model(ARRAY[0.3, 0.7], ARRAY[[-1, 0], [2, 3]], ARRAY[[1, 2], [0.5, 3]], 'diag'),
 ARRAY[[1, 0, 2], [0.5, 0, 3]]),
('spherical', gmm_model(ARRAY[0.3, 0.7], ARRAY[[-1, 0], [2, 3]], ARRAY[1.5, 0.25], 'spherical'),
 ARRAY[[1.5, 0, 1.5], [0.25, 0, 0.25]]);

-- Squared distances and log densities of the components, by the textbook
CREATE VIEW score_textbook AS
SELECT name, id, array_agg(sqrt(q) ORDER BY c) AS m,
	   array_agg(ln(weight) - ln(2 * pi()) - ln(determinant) / 2 - q / 2 ORDER BY c) AS l
FROM score_models, score_points,
	 LATERAL (SELECT c, (ARRAY[0.3, 0.7]::float8[])[c] AS weight,
					 covariances[c][1] AS a, covariances[c][2] AS b, covariances[c][3] AS d,
					 features[1] - (ARRAY[-1, 2])[c] AS x, features[2] - (ARRAY[0, 3])[c] AS y
			  FROM generate_series(1, 2) c) parts,
	 LATERAL (SELECT a * d - b * b AS determinant) e,
	 LATERAL (SELECT (d * x * x - 2 * b * x * y + a * y * y) / determinant AS q) f
GROUP BY name, id;

SELECT name, count(*),
	   bool_and(abs(log_density - textbook) < 1e-12 * (1 + abs(textbook))) AS logpdf,
	   bool_and(abs(proba[1] - exp(l[1] - textbook)) < 1e-12 AND abs(proba[2] - exp(l[2] - textbook)) < 1e-12) AS proba,
	   bool_and(abs(distances[1] - m[1]) < 1e-12 * (1 + m[1]) AND abs(distances[2] - m[2]) < 1e-12 * (1 + m[2])) AS mahalanobis,
	   bool_and(component = CASE WHEN l[1] >= l[2] THEN 1 ELSE 2 END) AS predict
FROM score_textbook JOIN score_models USING (name) JOIN score_points USING (id),
	 LATERAL (SELECT greatest(l[1], l[2]) + ln(1 + exp(-abs(l[1] - l[2]))) AS textbook) t,
	 LATERAL (SELECT gmm_logpdf(model, features) AS log_density, gmm_predict_proba(model, features) AS proba,
					 gmm_mahalanobis(model, features) AS distances, gmm_predict(model, features) AS component) s
GROUP BY name ORDER BY name;

-- The most probable component has the largest probability; they sum to 1
SELECT name, bool_and(abs(p[1] + p[2] - 1) < 1e-14), bool_and(p[gmm_predict(model, features)] = greatest(p[1], p[2])), bool_and(array_ndims(p) = 1 AND array_lower(p, 1) = 1 AND array_length(p, 1) = 2)
FROM score_models, score_points, LATERAL (SELECT gmm_predict_proba(model, features) AS p) s
GROUP BY name ORDER BY name;

-- Rows so far away that every density is 0 still belong somewhere
SELECT name, f, gmm_predict(model, f) IN (1, 2), abs(p[1] + p[2] - 1) < 1e-12, gmm_logpdf(model, f) < -1e6
FROM score_models, (VALUES ('{1e6,-1e6}'::float8[]), ('{-1e100,0}')) v(f), LATERAL (SELECT gmm_predict_proba(model, f) AS p) s
ORDER BY name, f;

-- The squares of distances may be out of range: distances, and the component
-- they are shortest from, are not.  (By hand: 1e152, -1e304 / 2; the nearer
-- mean; the wider component; the nearer mean, with a factor that is 1e-150;
-- the same distance, shared by the weights.)
CREATE TABLE score_far (id integer, model gmm_model, f float8[], distances float8[], proba float8[]);
INSERT INTO score_far VALUES
(1, gmm_model('{1}', '{{0}}', '{1}', 'spherical'), '{1e152}', '{1e152}', '{1}'),
(2, gmm_model('{0.5,0.5}', '{{0},{1e152}}', '{1,1}', 'spherical'), '{3e152}', '{3e152,2e152}', '{0,1}'),
(3, gmm_model('{0.5,0.5}', '{{0},{0}}', '{1,4}', 'spherical'), '{1e200}', '{1e200,5e199}', '{0,1}'),
(4, gmm_model('{0.5,0.5}', '{{0,0},{1e300,0}}', '{1e300,1e300}', 'spherical'), '{9e299,0}', '{9e149,1e149}', '{0,1}'),
(5, gmm_model('{0.75,0.25}', '{{0,0},{0,0}}', '{{1,0.5},{0.5,1}}', 'tied'), '{1e170,-1e170}', '{2e170,2e170}', '{0.75,0.25}'),
(6, gmm_model('{0.5,0.5}', '{{0,0},{-1e308,1e308}}', '{{1,1},{1e300,1e300}}', 'diag'), '{1e307,1e308}', '{1.004987562112089e308,1.1e158}', '{0,1}'),
(7, gmm_model('{0.5,0.5}', '{{0},{0}}', '{{{1e300}},{{1e300}}}'), '{1e-20}', '{1e-170,1e-170}', '{0.5,0.5}');
SELECT id, bool_and(abs(m - distance) <= 1e-14 * distance) AS distances, bool_and(abs(p - probability) < 1e-14) AS proba,
	   gmm_predict(model, f) = (SELECT min(n) FROM unnest(proba) WITH ORDINALITY v(p, n) WHERE p = (SELECT max(p) FROM unnest(proba) p)) AS predict,
	   gmm_predict(model, f) = (SELECT component FROM gmm_top(model, f, 1)) AS top,
	   abs(gmm_entropy(model, f) - (SELECT sum(CASE WHEN p > 0 THEN -p * ln(p) ELSE 0 END) FROM unnest(proba) p)) < 1e-14 AS entropy
FROM score_far, unnest(distances, proba, gmm_mahalanobis(model, f), gmm_predict_proba(model, f)) v(distance, probability, m, p)
GROUP BY id, model, f, proba ORDER BY id;
SELECT id, round((gmm_logpdf(model, f) / -5e303)::numeric, 12) FROM score_far WHERE id <= 2 ORDER BY id;
-- With an element that is not known
SELECT gmm_predict(m, f), gmm_predict_proba(m, f), gmm_mahalanobis(m, f) = gmm_mahalanobis(gmm_marginal(m, '{2}'), '{3e152}') AS marginal,
	   gmm_impute(m, f), gmm_condition(m, f)::jsonb -> 'weights' AS weights
FROM (SELECT m, '{NULL,3e152}'::float8[] AS f
	  FROM gmm_model('{0.5,0.5}', '{{5,0},{7,1e152}}', '{{{1,0},{0,1}},{{1,0},{0,1}}}') m) s;
-- What is not in range is refused, with the element that is too far away
SELECT id, refusal(format('SELECT gmm_logpdf(%L, %L)', model, f)) FROM score_far WHERE id IN (3, 5, 6) ORDER BY id;
SELECT refusal(format('SELECT gmm_logpdf(%L, %L)', model, '{NULL,-1e300}')) FROM score_models WHERE name = 'full';

-- One dimension
SELECT gmm_cdf(model, x), gmm_cdf(model, x, upper => true)
FROM (SELECT gmm_model('{0.5,0.5}', '{{-1},{1}}', '{1,1}', 'spherical') AS model) AS m, unnest('{-Infinity,Infinity,NULL}'::float8[]) AS x;
SELECT gmm_quantile(model, p)
FROM (SELECT gmm_model('{0.5,0.5}', '{{-1},{1}}', '{1,1}', 'spherical') AS model) AS m, unnest('{0,1,NULL}'::float8[]) AS p;
SELECT gmm_cdf(NULL, 0), gmm_quantile(NULL, 0.5);
SELECT refusal('SELECT ' || call) FROM (VALUES
	(1, $$gmm_cdf(gmm_model('{1}', '{{0,0}}', '{1}', 'spherical'), 0)$$), (2, $$gmm_cdf(gmm_model('{1}', '{{0}}', '{1}', 'spherical'), 'NaN')$$),
	(3, $$gmm_quantile(gmm_model('{1}', '{{0,0}}', '{1}', 'spherical'), 0.5)$$), (4, $$gmm_quantile(gmm_model('{1}', '{{0}}', '{1}', 'spherical'), -0.1)$$),
	(5, $$gmm_quantile(gmm_model('{1}', '{{0}}', '{1}', 'spherical'), 1.1)$$), (6, $$gmm_quantile(gmm_model('{1}', '{{0}}', '{1}', 'spherical'), 'NaN')$$)) AS c (n, call)
ORDER BY n;
SELECT refusal(format('SELECT gmm_mahalanobis(%L, %L)', gmm_model('{1}', '{{0,0,0}}', '{{1,1,1e-100}}', 'diag'), '{0,1,1e300}'));
DROP TABLE score_far;

-- One component, one dimension
SELECT gmm_predict(m, '{7}'), gmm_predict_proba(m, '{7}'), gmm_mahalanobis(m, '{7}'), abs(gmm_logpdf(m, '{7}') + ln(2 * pi() * 4) / 2 + 2) < 1e-14
FROM gmm_model(ARRAY[1], ARRAY[[3]], ARRAY[[[4]]]) m;

-- A component of weight 0 takes no part
SELECT gmm_predict(m, '{5}'), gmm_predict_proba(m, '{5}'), gmm_mahalanobis(m, '{5}')
FROM gmm_model(ARRAY[1, 0], ARRAY[[0], [5]], ARRAY[1, 1], 'spherical') m;

-- Other arrays coerce by themselves; lower bounds do not matter
SELECT gmm_predict(model, '{1,2}'), gmm_predict(model, ARRAY[1, 2]), gmm_predict(model, ARRAY[1.5, 2]),
	   gmm_predict(model, '{1,2}'::real[]), gmm_predict(model, '[0:1]={1,2}'::float8[]), gmm_predict(features => ARRAY[1, 2], model => model)
FROM score_models ORDER BY name;

-- Features out of line, and short enough to be stored unaligned
CREATE TABLE score_wide (d integer, features float8[]);
ALTER TABLE score_wide ALTER features SET STORAGE EXTERNAL;
INSERT INTO score_wide SELECT d, array_fill(2.0::float8, ARRAY[d]) FROM unnest(ARRAY[1, 11, 12, 13, 14, 15, 400]) d;
SELECT d, gmm_predict(m, features), abs((gmm_mahalanobis(m, features))[1] - sqrt(d)) < 1e-12
FROM score_wide, LATERAL (SELECT gmm_model(ARRAY[1], ARRAY[array_fill(1.0::float8, ARRAY[d])], ARRAY[1], 'spherical') AS m) s ORDER BY d;
DROP TABLE score_wide;

-- A NULL element is marginalised; where all are NULL the weights are left
SELECT name, bool_and(gmm_predict(model, ARRAY[NULL, features[2]]) = gmm_predict(part, features[2:2])
					  AND (SELECT max(abs(a - b)) < 1e-12 FROM unnest(gmm_predict_proba(model, ARRAY[NULL, features[2]]), gmm_predict_proba(part, features[2:2])) AS u(a, b))
					  AND abs(gmm_logpdf(model, ARRAY[NULL, features[2]]) - gmm_logpdf(part, features[2:2])) < 1e-12
					  AND (SELECT max(abs(a - b)) < 1e-12 FROM unnest(gmm_mahalanobis(model, ARRAY[NULL, features[2]]), gmm_mahalanobis(part, features[2:2])) AS u(a, b))) AS marginal,
	   min(gmm_predict(model, '{NULL,NULL}')) AS nothing_known, abs(min((gmm_predict_proba(model, '{NULL,NULL}'))[1]) - 0.3) < 1e-15 AS weights
FROM score_models, score_points, LATERAL (SELECT gmm_marginal(model, '{2}') AS part) p
GROUP BY name ORDER BY name;
-- the density of nothing is 1, though the sum of the weights may be rounded
SELECT count(*), bool_and(gmm_logpdf(m, '{NULL}') = 0)
FROM generate_series(2, 60) k, LATERAL (SELECT gmm_model(array_fill(1 / k::float8, ARRAY[k]), array_agg(ARRAY[i]), array_agg(1.0), 'spherical') AS m FROM generate_series(1, k) i) s;
-- Patterns in any order, the model a constant or not
SELECT bool_and(gmm_logpdf('{"weights": [0.5, 0.5], "means": [[0, 0], [1, 1]], "covariances": [[[1, 0.5], [0.5, 2]], [[2, 0], [0, 1]]]}', x) = gmm_logpdf(m, x)), count(DISTINCT round(gmm_logpdf(m, x)::numeric, 10))
FROM score_points, LATERAL (SELECT ARRAY[CASE WHEN id % 3 > 0 THEN features[1] END, CASE WHEN id % 3 < 2 THEN features[2] END] AS x,
	 '{"weights": [0.5, 0.5], "means": [[0, 0], [1, 1]], "covariances": [[[1, 0.5], [0.5, 2]], [[2, 0], [0, 1]]]}'::text::gmm_model AS m OFFSET 0) s;

-- NULL for NULL
SELECT gmm_predict(NULL, '{1}') IS NULL, gmm_predict(model, NULL) IS NULL, gmm_predict_proba(model, NULL) IS NULL,
	   gmm_logpdf(model, NULL) IS NULL, gmm_mahalanobis(NULL, NULL) IS NULL
FROM score_models WHERE name = 'full';

-- === bad input ===

CREATE FUNCTION pg_temp.score_refusal(features text, function text DEFAULT 'gmm_predict') RETURNS text
LANGUAGE sql AS $$
	SELECT refusal(format('SELECT %s(model, %L) FROM score_models', function, features))
$$;
SELECT pg_temp.score_refusal('{1}');
SELECT pg_temp.score_refusal('{1,2,3}');
SELECT pg_temp.score_refusal('{1}', 'gmm_predict_proba');
SELECT pg_temp.score_refusal('{1}', 'gmm_logpdf');
SELECT pg_temp.score_refusal('{1}', 'gmm_mahalanobis');
SELECT pg_temp.score_refusal('{}');
SELECT pg_temp.score_refusal('{{1,2}}');
SELECT pg_temp.score_refusal('{NaN,2}');
SELECT pg_temp.score_refusal('{1,Infinity}');
SELECT pg_temp.score_refusal('{-Infinity,1}');

-- === a model is prepared once, and the right one is used ===

-- 20 models of one shape small enough to be in line, and 20 that are not
CREATE TABLE score_many (id integer PRIMARY KEY, small gmm_model, large gmm_model);
INSERT INTO score_many
SELECT i, gmm_model(ARRAY[0.5, 0.5], ARRAY[[0, 0], [i % 7, i]], ARRAY[1, 1], 'spherical'),
	   gmm_model(array_fill(0.01::float8, ARRAY[100]),
				 (SELECT array_agg(ARRAY[j % 10, j / 10 + i]) FROM generate_series(0, 99) j)::float8[],
				 array_fill(1.0::float8, ARRAY[100, 2]), 'diag')
FROM generate_series(1, 20) i;
VACUUM ANALYZE score_many;
SELECT max(pg_column_size(small)) < 1000, min(pg_column_size(large)) > 2100 FROM score_many;

-- What each row should get, each model by a query of its own
CREATE TABLE score_expected (id integer, model integer, small integer, large integer);
DO $$
DECLARE
	m record;
BEGIN
	FOR m IN SELECT * FROM score_many LOOP
		EXECUTE format('INSERT INTO score_expected SELECT id, %s, gmm_predict(%L, features), gmm_predict(%L, features) FROM score_points',
					   m.id, m.small, m.large);
	END LOOP;
END $$;
SELECT count(DISTINCT small), count(DISTINCT large) > 20 FROM score_expected;

SET jit = off;
SET max_parallel_workers_per_gather = 0;
-- a constant
SELECT sum(gmm_predict('{"k": 2, "d": 2, "covariance_type": "spherical", "weights": [0.5, 0.5], "means": [[0, 0], [1, 1]], "covariances": [1, 1]}', features)) FROM score_points;
-- a subquery, in line and out of line
SELECT sum(gmm_predict((SELECT small FROM score_many WHERE id = 1), features)) - (SELECT sum(small) FROM score_expected WHERE model = 1) FROM score_points;
SELECT sum(gmm_predict((SELECT large FROM score_many WHERE id = 1), features)) - (SELECT sum(large) FROM score_expected WHERE model = 1) FROM score_points;
-- a join with one model
SELECT sum(gmm_predict(small, features)) - (SELECT sum(small) FROM score_expected WHERE model = 1) FROM score_points, score_many WHERE score_many.id = 1;
-- a model that is the result of an expression
SELECT count(DISTINCT gmm_predict(gmm_model(ARRAY[1], ARRAY[[0, 0]], ARRAY[id % 2 + 1], 'spherical'), features)) FROM score_points;
-- 20 models in changing order, 300 rows each
SELECT count(*), count(*) FILTER (WHERE p.small = e.small)
FROM (SELECT p.id, m.id AS model, gmm_predict(small, features) AS small FROM score_points p, score_many m ORDER BY p.id * 7 % 300, m.id OFFSET 0) p
JOIN score_expected e USING (id, model);
SELECT count(*), count(*) FILTER (WHERE p.large = e.large)
FROM (SELECT p.id, m.id AS model, gmm_predict(large, features) AS large FROM score_points p, score_many m OFFSET 0) p
JOIN score_expected e USING (id, model);
-- both in one call site
SELECT count(*), count(*) FILTER (WHERE p.predicted = CASE WHEN id % 2 = 0 THEN e.small ELSE e.large END)
FROM (SELECT p.id, m.id AS model, gmm_predict(CASE WHEN p.id % 2 = 0 THEN small ELSE large END, features) AS predicted FROM score_points p, score_many m WHERE m.id <= 3 OFFSET 0) p
JOIN score_expected e USING (id, model);
-- a generic plan: the model is a parameter of the execution
SET plan_cache_mode = force_generic_plan;
PREPARE score_prepared(gmm_model) AS SELECT sum(gmm_predict($1, features)) FROM score_points;
EXECUTE score_prepared('{"k": 2, "d": 2, "covariance_type": "spherical", "weights": [0.5, 0.5], "means": [[0, 0], [1, 1]], "covariances": [1, 1]}');
EXECUTE score_prepared('{"k": 2, "d": 2, "covariance_type": "spherical", "weights": [0.5, 0.5], "means": [[1, 1], [0, 0]], "covariances": [1, 1]}');
RESET plan_cache_mode;
-- a PL/pgSQL variable: the expression outlives each of its values
DO $$
DECLARE
	a gmm_model := (SELECT small FROM score_many WHERE id = 1);
	b gmm_model := (SELECT large FROM score_many WHERE id = 2);
	current gmm_model;
	x float8[];
	wrong integer := 0;
	predicted integer;
BEGIN
	FOR i IN 1..300 LOOP
		IF i % 2 = 0 THEN current := a; ELSE current := b; END IF;
		SELECT features INTO x FROM score_points WHERE id = i;
		predicted := gmm_predict(current, x);
		IF predicted <> (SELECT CASE WHEN i % 2 = 0 THEN small ELSE large END FROM score_expected
						 WHERE id = i AND model = CASE WHEN i % 2 = 0 THEN 1 ELSE 2 END) THEN
			wrong := wrong + 1;
		END IF;
	END LOOP;
	RAISE NOTICE 'wrong: %', wrong;
END $$;
-- the same with the values read anew, out of line and changed in between
DO $$
DECLARE
	m gmm_model;
	wrong integer := 0;
BEGIN
	FOR i IN 1..6 LOOP
		SELECT large INTO m FROM score_many WHERE id = 1 + i % 3;
		IF gmm_predict(m, (SELECT features FROM score_points WHERE id = i)) <> (SELECT large FROM score_expected WHERE id = i AND model = 1 + i % 3) THEN
			wrong := wrong + 1;
		END IF;
	END LOOP;
	RAISE NOTICE 'wrong: %', wrong;
END $$;
-- a query in a SQL function, once per call
CREATE FUNCTION pg_temp.score_all(gmm_model) RETURNS bigint LANGUAGE sql STABLE AS $$
	SELECT sum(gmm_predict($1, features)) FROM score_points
$$;
SELECT bool_and(pg_temp.score_all(small) = (SELECT sum(e.small) FROM score_expected e WHERE e.model = m.id)) FROM score_many m WHERE id <= 3;
-- a model out of line that is replaced within a transaction
BEGIN;
SELECT gmm_predict(large, '{0,3}') FROM score_many WHERE id = 1;
UPDATE score_many SET large = (SELECT large FROM score_many WHERE id = 20) WHERE id = 1;
SELECT gmm_predict(large, '{0,3}') FROM score_many WHERE id = 1;
ROLLBACK;

-- In an index, and in parallel workers
CREATE INDEX score_index ON score_points (gmm_predict('{"k": 2, "d": 2, "covariance_type": "spherical", "weights": [0.5, 0.5], "means": [[0, 0], [1, 1]], "covariances": [1, 1]}', features));
SET min_parallel_table_scan_size = 0;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET max_parallel_workers_per_gather = 2;
ALTER TABLE score_points SET (parallel_workers = 2);
SELECT plan_has('SELECT sum(gmm_predict((SELECT large FROM score_many WHERE id = 1), features)) FROM score_points', 'Gather'),
	   plan_has('SELECT sum(gmm_predict((SELECT large FROM score_many WHERE id = 1), features)) FROM score_points', 'Partial Aggregate');
SELECT sum(gmm_predict((SELECT large FROM score_many WHERE id = 1), features)) - (SELECT sum(large) FROM score_expected WHERE model = 1) FROM score_points;
RESET min_parallel_table_scan_size;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET max_parallel_workers_per_gather;
RESET jit;

DROP VIEW score_textbook;
DROP TABLE score_points, score_models, score_many, score_expected;
