--
-- gmm_stats: text, binary, and what each of them refuses; the functions and
-- aggregates that make and use it
--
\pset format unaligned
\pset tuples_only on

CREATE FUNCTION read_stats(input text) RETURNS text LANGUAGE sql AS
	$$ SELECT outcome(format('SELECT ''valid'' FROM (SELECT %L::gmm_stats OFFSET 0) AS s', input)) $$;

-- How the value is stored: aligned for doubles, not compressed.
SELECT typlen, typalign, typstorage FROM pg_type WHERE typname = 'gmm_stats';

-- Everything is immutable and parallel safe and has a comment; the aggregates
-- have a state that is not internal, and combine.
SELECT p.oid::regprocedure, provolatile, proparallel
FROM pg_proc AS p
WHERE p.proname ~ '^gmm_(stats|accumulate|merge|em_step|maximize|decay|rebase|drift)'
  AND ((provolatile, proparallel) <> ('i', 's') OR obj_description(p.oid, 'pg_proc') IS NULL);
SELECT obj_description('gmm_stats'::regtype, 'pg_type') IS NOT NULL,
	obj_description('+ (gmm_stats, gmm_stats)'::regoperator, 'pg_operator') IS NOT NULL;
SELECT aggfnoid::regprocedure, aggtranstype::regtype, aggcombinefn, aggfinalfn, aggfinalmodify
FROM pg_aggregate WHERE aggtranstype = 'gmm_stats'::regtype ORDER BY aggfnoid::regprocedure::text COLLATE "C";

--
-- Rows that can be checked by hand: two components far apart, so that each row
-- is wholly of one.
--
CREATE TABLE stats_points (x double precision[], w double precision);
INSERT INTO stats_points VALUES ('{1, 0}', 1), ('{3, 0}', 4), ('{100, 1}', 1), ('{100, -1}', 1);
CREATE TABLE stats_models AS
SELECT family, gmm_model('{0.5, 0.5}', '{{0, 0}, {100, 0}}', covariances, family) AS model
FROM (VALUES ('full', '{{{1, 0}, {0, 1}}, {{1, 0}, {0, 1}}}'::double precision[]),
	('tied', '{{1, 0}, {0, 1}}'), ('diag', '{{1, 1}, {1, 1}}'), ('spherical', '{1, 1}')) AS f (family, covariances);
SELECT gmm_accumulate(x, model, w)::text::jsonb - '{means,covariances,weights,log_likelihood,log_density_squares}'::text[]
FROM stats_points, stats_models GROUP BY family ORDER BY family;
SELECT family, component, weight, mean::real[], covariance::real[]
FROM (SELECT family, gmm_em_step(x, model) AS model FROM stats_points, stats_models GROUP BY family) AS s,
	gmm_components(model)
ORDER BY family, component;
-- (1 and 3 about 2: variance 1; nothing else varies, so it is held at its least)
SELECT k, d, covariance_type, n_rows, sum_weights, round(log_likelihood::numeric, 6), round(mean_log_likelihood::numeric, 6),
	round(log_density_stddev::numeric, 6)
FROM (SELECT gmm_accumulate(x, model, w) AS stats FROM stats_points, stats_models WHERE family = 'diag') AS s,
	gmm_stats_summary(stats);
SELECT sum_weights, mean_log_likelihood IS NULL, log_density_stddev IS NULL
FROM (SELECT gmm_accumulate(x, model, 0) AS stats FROM stats_points, stats_models WHERE family = 'diag') AS s,
	gmm_stats_summary(stats);
-- A model made by a step knows of no fit: its likelihood takes another scan.
SELECT n_rows, log_likelihood FROM (SELECT gmm_em_step(x, model) AS model FROM stats_points, stats_models WHERE family = 'full') AS s,
	gmm_summary(model);

--
-- Text: a round trip, then everything that can be wrong with it
--
CREATE TABLE stats_values AS
SELECT family, gmm_accumulate(x, model, w) AS stats FROM stats_points, stats_models GROUP BY family;
SELECT bool_and(gmm_stats_send(stats::text::gmm_stats) = gmm_stats_send(stats)) FROM stats_values;
SELECT read_stats(input) FROM (VALUES (1, ''), (2, '{'), (3, '[]'), (4, '7'), (5, '{}'),
	(6, '{"weights": [1], "means": [0], "covariances": [1]}'),
	(7, '{"iterations": 3}'), (8, '{"firsts": 3}'), (9, '{"firsts": [1, [2]]}'), (10, '{"n_rows": 1.5}'),
	(11, '{"seconds": [1], "seconds": [1]}')) AS i (n, input) ORDER BY n;
CREATE FUNCTION changed(key text, value text, family text DEFAULT 'full') RETURNS text LANGUAGE sql AS
	$$ SELECT read_stats(jsonb_set(stats::text::jsonb, string_to_array(key, '.'), value::jsonb)::text)
	   FROM stats_values AS v WHERE v.family = $3 $$;
SELECT key, value, changed(key, value) FROM (VALUES
	(1, 'k', '3'), (2, 'd', '1'), (3, 'covariance_type', '"round"'),
	(4, 'n_rows', '-1'), (5, 'n_rows', '0'), (6, 'sum_weights', '-6'), (7, 'sum_weights', '7.5'),
	(8, 'sum_weights', '1e999'), (9, 'component_weights.0', '-4'), (10, 'component_weights.0', '4'),
	(11, 'component_weights', '[6]'), (12, 'component_weights', '[]'), (13, 'firsts', '[[1, 2]]'),
	(14, 'firsts', '[1, 2]'), (15, 'firsts.0.1', '1e-3'), (16, 'firsts.0.0', '-14'),
	(17, 'seconds.0.0.0', '-1'), (18, 'seconds.0.0.1', '5'), (19, 'seconds', '[[[1, 0], [0, 1]]]'),
	(20, 'seconds', '[1, 1]'), (21, 'weights.0', '0.6'), (22, 'covariances.1.0.0', '-1'),
	(23, 'means.0.0', '"a"'), (24, 'log_density_squares', '-1'), (25, 'log_density_squares', '1'),
	(26, 'log_density_squares', '1e999'), (27, 'n_labelled', '-1'), (28, 'n_labelled', '5'), (29, 'n_labelled', '4')) AS c (n, key, value) ORDER BY n;
-- The covariance of two features cannot exceed what their variances allow.
SELECT changed('seconds', '[[[37, 5], [5, 0.5]], [[0, 0], [0, 2]]]');
SELECT changed('seconds.1', '-2', 'spherical'), changed('seconds.1.1', '-2', 'diag'),
	changed('seconds', '[[28, 0], [0, -2]]', 'tied');
-- A model of another shape, and another one, cannot be added.
SELECT outcome('SELECT a.stats + b.stats FROM stats_values AS a, stats_values AS b WHERE a.family = ''full'' AND b.family = ''diag''');
SELECT outcome('SELECT gmm_merge(stats ORDER BY family) FROM stats_values');
SELECT outcome('SELECT stats + jsonb_set(stats::text::jsonb, ''{weights}'', ''[0.25, 0.75]'')::text::gmm_stats FROM stats_values WHERE family = ''full''');

--
-- Binary: a round trip, then each field wrong
--
CREATE TABLE stats_received (LIKE stats_values);
\copy stats_values TO 'results/stats.bin' (FORMAT binary)
\copy stats_received FROM 'results/stats.bin' (FORMAT binary)
SELECT count(*) FROM stats_received JOIN stats_values USING (family)
WHERE gmm_stats_send(stats_received.stats) = gmm_stats_send(stats_values.stats);
SELECT gmm_maximize(stats)::text = gmm_maximize((SELECT stats FROM stats_values AS v WHERE v.family = r.family))::text
FROM stats_received AS r;
SELECT encode(substr(gmm_stats_send(stats), 1, 20), 'hex') FROM stats_values WHERE family = 'diag';

\set VERBOSITY terse
CREATE TABLE stats_hostile (name text, bytes bytea);
INSERT INTO stats_hostile
SELECT name, CASE WHEN value IS NULL THEN substr(bytes, 1, at)
	ELSE overlay(bytes PLACING decode(value, 'hex') FROM at + 1) END
FROM (SELECT gmm_stats_send(stats) AS bytes FROM stats_values WHERE family = 'diag') AS s,
	(VALUES ('version', 0, '02'), ('family', 1, '04'), ('flags', 2, '8000'), ('k', 4, '00000003'),
		('k negative', 4, 'ffffffff'), ('k huge', 4, '7fffffff'), ('d 0', 8, '00000000'),
		('n_rows', 12, 'ffffffffffffffff'), ('n_labelled', 20, '0000000000000100'),
		('sum_weights NaN', 28, '7ff8000000000000'),
		('log_likelihood infinite', 36, '7ff0000000000000'),
		('log_density_squares negative', 44, 'bff0000000000000'),
		('entropy', 52, '3ff0000000000000'),
		('noise without noise', 60, '3ff0000000000000'),
		('component weight negative', 68, 'bff0000000000000'),
		('empty', 0, NULL), ('header', 12, NULL), ('truncated', 100, NULL)) AS c (name, at, value);
INSERT INTO stats_hostile
SELECT 'too long', gmm_stats_send(stats) || '\x00' FROM stats_values WHERE family = 'diag';
CREATE TABLE stats_only (stats gmm_stats);
\echo version
\copy (SELECT bytes FROM stats_hostile WHERE name = 'version') TO 'results/hostile.bin' (FORMAT binary)
\copy stats_only FROM 'results/hostile.bin' (FORMAT binary)
\echo family
\copy (SELECT bytes FROM stats_hostile WHERE name = 'family') TO 'results/hostile.bin' (FORMAT binary)
\copy stats_only FROM 'results/hostile.bin' (FORMAT binary)
\echo flags
\copy (SELECT bytes FROM stats_hostile WHERE name = 'flags') TO 'results/hostile.bin' (FORMAT binary)
\copy stats_only FROM 'results/hostile.bin' (FORMAT binary)
\echo k
\copy (SELECT bytes FROM stats_hostile WHERE name = 'k') TO 'results/hostile.bin' (FORMAT binary)
\copy stats_only FROM 'results/hostile.bin' (FORMAT binary)
\echo k negative
\copy (SELECT bytes FROM stats_hostile WHERE name = 'k negative') TO 'results/hostile.bin' (FORMAT binary)
\copy stats_only FROM 'results/hostile.bin' (FORMAT binary)
\echo k huge
\copy (SELECT bytes FROM stats_hostile WHERE name = 'k huge') TO 'results/hostile.bin' (FORMAT binary)
\copy stats_only FROM 'results/hostile.bin' (FORMAT binary)
\echo d 0
\copy (SELECT bytes FROM stats_hostile WHERE name = 'd 0') TO 'results/hostile.bin' (FORMAT binary)
\copy stats_only FROM 'results/hostile.bin' (FORMAT binary)
\echo n_rows
\copy (SELECT bytes FROM stats_hostile WHERE name = 'n_rows') TO 'results/hostile.bin' (FORMAT binary)
\copy stats_only FROM 'results/hostile.bin' (FORMAT binary)
\echo n_labelled
\copy (SELECT bytes FROM stats_hostile WHERE name = 'n_labelled') TO 'results/hostile.bin' (FORMAT binary)
\copy stats_only FROM 'results/hostile.bin' (FORMAT binary)
\echo sum_weights NaN
\copy (SELECT bytes FROM stats_hostile WHERE name = 'sum_weights NaN') TO 'results/hostile.bin' (FORMAT binary)
\copy stats_only FROM 'results/hostile.bin' (FORMAT binary)
\echo log_likelihood infinite
\copy (SELECT bytes FROM stats_hostile WHERE name = 'log_likelihood infinite') TO 'results/hostile.bin' (FORMAT binary)
\copy stats_only FROM 'results/hostile.bin' (FORMAT binary)
\echo log_density_squares negative
\copy (SELECT bytes FROM stats_hostile WHERE name = 'log_density_squares negative') TO 'results/hostile.bin' (FORMAT binary)
\copy stats_only FROM 'results/hostile.bin' (FORMAT binary)
\echo entropy
\copy (SELECT bytes FROM stats_hostile WHERE name = 'entropy') TO 'results/hostile.bin' (FORMAT binary)
\copy stats_only FROM 'results/hostile.bin' (FORMAT binary)
\echo noise without noise
\copy (SELECT bytes FROM stats_hostile WHERE name = 'noise without noise') TO 'results/hostile.bin' (FORMAT binary)
\copy stats_only FROM 'results/hostile.bin' (FORMAT binary)
\echo component weight negative
\copy (SELECT bytes FROM stats_hostile WHERE name = 'component weight negative') TO 'results/hostile.bin' (FORMAT binary)
\copy stats_only FROM 'results/hostile.bin' (FORMAT binary)
\echo empty
\copy (SELECT bytes FROM stats_hostile WHERE name = 'empty') TO 'results/hostile.bin' (FORMAT binary)
\copy stats_only FROM 'results/hostile.bin' (FORMAT binary)
\echo header
\copy (SELECT bytes FROM stats_hostile WHERE name = 'header') TO 'results/hostile.bin' (FORMAT binary)
\copy stats_only FROM 'results/hostile.bin' (FORMAT binary)
\echo truncated
\copy (SELECT bytes FROM stats_hostile WHERE name = 'truncated') TO 'results/hostile.bin' (FORMAT binary)
\copy stats_only FROM 'results/hostile.bin' (FORMAT binary)
\echo too long
\copy (SELECT bytes FROM stats_hostile WHERE name = 'too long') TO 'results/hostile.bin' (FORMAT binary)
\copy stats_only FROM 'results/hostile.bin' (FORMAT binary)
SELECT count(*) FROM stats_only;

--
-- json and jsonb: the text form
--
SELECT bool_and(gmm_stats_send(stats::json::gmm_stats) = gmm_stats_send(stats)) AS json,
	bool_and(gmm_stats_send(stats::jsonb::gmm_stats) = gmm_stats_send(stats)) AS jsonb,
	bool_and(stats::json::text = stats::text) AS text,
	bool_and(jsonb_typeof(to_jsonb(stats)) = 'object' AND row_to_json(s)->'stats'->>'k' = '2') AS of_rows
FROM stats_values AS s;
SELECT castsource::regtype, casttarget::regtype, castcontext, obj_description(oid, 'pg_cast')
FROM pg_cast WHERE 'gmm_stats'::regtype IN (castsource, casttarget) ORDER BY castsource::regtype::text, casttarget::regtype::text;
SELECT outcome('SELECT ' || call) FROM (VALUES (1, 'json ''{"k": 1}''::gmm_stats'), (2, 'jsonb ''[]''::gmm_stats'),
	(3, 'NULL::json::gmm_stats IS NULL AND NULL::jsonb::gmm_stats IS NULL AND NULL::gmm_stats::json IS NULL')) AS c (n, call) ORDER BY n;

--
-- Corrupted storage, as in model.sql: data_corrupted (XX001).
--
CREATE CAST (path AS gmm_stats) WITHOUT FUNCTION;
SELECT substr(outcome(format('SELECT gmm_stats_summary(%L::path::gmm_stats)',
	'[' || repeat('(1,2),', points - 1) || '(1,2)]')), 1, 5)
FROM unnest(ARRAY[1, 2, 3, 4, 257, 513, 1025]) AS points;
DROP CAST (path AS gmm_stats);

-- The variance of all rows is in range, that of a component is not.
SELECT outcome($$SELECT gmm_maximize('{"weights": [0.5, 0.5], "means": [0, 1], "covariances": [1, 1], "covariance_type": "diag",
	"n_rows": 2, "sum_weights": 1, "log_likelihood": -3, "log_density_squares": 10, "component_weights": [0.75, 0.25],
	"firsts": [0, 0], "seconds": [1, 7e307]}'::gmm_stats)$$);

--
-- Arguments
--
SELECT outcome(statement) FROM (VALUES
	(1, 'SELECT gmm_accumulate(x, NULL) FROM stats_points'),
	(2, 'SELECT gmm_accumulate(x, model) FROM stats_points, stats_models'),
	(3, 'SELECT gmm_accumulate(''{1}'', model) FROM stats_models WHERE family = ''full'''),
	(4, 'SELECT gmm_accumulate(''{1, NaN}'', model) FROM stats_models WHERE family = ''full'''),
	(5, 'SELECT gmm_accumulate(''{{1, 2}}'', model) FROM stats_models WHERE family = ''full'''),
	(6, 'SELECT gmm_accumulate(''{}'', model) FROM stats_models WHERE family = ''full'''),
	(7, 'SELECT gmm_accumulate(''{1, 1e101}'', model) FROM stats_models WHERE family = ''full'''),
	(8, 'SELECT gmm_accumulate(x, model, -1) FROM stats_points, stats_models WHERE family = ''full'''),
	(9, 'SELECT gmm_accumulate(x, model, ''NaN'') FROM stats_points, stats_models WHERE family = ''full'''),
	(10, 'SELECT gmm_accumulate(x, model, 1e308) FROM stats_points, stats_models WHERE family = ''full'''),
	(11, 'SELECT gmm_em_step(x, model, 0) FROM stats_points, stats_models WHERE family = ''full'''),
	(12, 'SELECT gmm_accumulate(x, gmm_model(''{1}'', ''{{1e200, 0}}'', ''{{1, 1}}'', ''diag'')) FROM stats_points'),
	(13, 'SELECT gmm_decay(stats, 1.5) FROM stats_values'),
	(14, 'SELECT gmm_decay(stats, -0.1) FROM stats_values'),
	(15, 'SELECT gmm_decay(stats, ''NaN'') FROM stats_values'),
	(16, 'SELECT gmm_maximize(stats, ''{"max_iter": 3}'') FROM stats_values'),
	(17, 'SELECT gmm_maximize(stats, ''{"covariance_type": "tied"}'') FROM stats_values WHERE family = ''full'''),
	(18, 'SELECT gmm_maximize(NULL) IS NULL'),
	(19, 'SELECT bool_and(gmm_maximize(stats, NULL) = gmm_maximize(stats, ''{}'')) FROM stats_values'),
	(20, 'SELECT (NULL::gmm_stats + stats) IS NULL FROM stats_values LIMIT 1'),
	(21, 'SELECT gmm_accumulate(x, gmm_model(''{0.5,0.5}'', ''{{0,0,0},{0,0,1}}'', ''{{1,1,1e-200},{1,1,1e-190}}'', ''diag''))
		FROM (VALUES (''{1,1e10,0}''::float8[]), (''{NULL,1,1e60}'')) AS rows (x)')) AS s (n, statement)
ORDER BY n;
-- The least variance is the option's.
SELECT component, covariance::real[]
FROM (SELECT gmm_maximize(stats, gmm_options(reg_covar => 0.01)) AS model FROM stats_values WHERE family = 'diag') AS s,
	gmm_components(model);
-- The functions of the aggregates may be called by hand.
SELECT (gmm_stats_summary(gmm_accumulate_transition(gmm_accumulate_transition(NULL, '{0, 0}', model), '{1, 1}', model, 3))).sum_weights
FROM stats_models WHERE family = 'full';
SELECT (gmm_stats_summary(gmm_stats_combine(stats, stats))).n_rows, (gmm_stats_summary(gmm_stats_combine(NULL, stats))).n_rows,
	(gmm_stats_summary(gmm_stats_combine(stats, NULL))).n_rows, gmm_stats_combine(NULL, NULL)
FROM stats_values WHERE family = 'full';


--
-- Drift: rows that are all where they were, components without any, no rows,
-- and statistics of another model
--
SELECT (SELECT d FROM gmm_drift(model, stats) AS d)
FROM (SELECT model, gmm_accumulate(x, model, 0) AS stats FROM stats_points, stats_models WHERE family = 'full' GROUP BY model) AS s;
SELECT d.* FROM (SELECT model, gmm_accumulate(x, model, 0) AS stats FROM stats_points, stats_models WHERE family = 'full' GROUP BY model) AS s,
	gmm_drift_components(model, stats) AS d;
SELECT component, d.sum_weights, share_then, share_now::real, mean_shift::real, spread_ratio::real, moves::real[], p::real
FROM (SELECT model, gmm_accumulate(x, model, w) AS stats FROM stats_points, stats_models WHERE x[1] < 50 AND family = 'diag' GROUP BY model) AS s,
	gmm_drift_components(model, stats) AS d;
-- (4 rows at 3 and one at 1: their mean is 2.6 from 0, their deviations 0.8 and 0; all of a half)
SELECT n_rows, d.sum_weights, share_psi::real, mean_shift::real, spread_ratio::real, share_p::real, mean_p::real
FROM (SELECT model, gmm_accumulate(x, model, w) AS stats FROM stats_points, stats_models WHERE x[1] < 50 AND family = 'diag' GROUP BY model) AS s,
	gmm_drift(model, stats) AS d;
SELECT outcome(statement) FROM (VALUES
	(1, 'SELECT gmm_drift(model, stats) FROM stats_values AS v, stats_models AS m WHERE v.family = ''full'' AND m.family = ''diag'''),
	(2, 'SELECT gmm_drift(gmm_model(''{1}'', ''{{0,0}}'', ''{{1,1}}'', ''diag''), stats) FROM stats_values WHERE family = ''diag'''),
	(3, 'SELECT component FROM gmm_drift_components(gmm_model(''{0.5,0.5}'', ''{{0,1},{100,0}}'', ''{{1,1},{1,1}}'', ''diag''),
		(SELECT stats FROM stats_values WHERE family = ''diag''))'),
	(4, 'SELECT gmm_drift(model, NULL) IS NULL FROM stats_models LIMIT 1'),
	(5, 'SELECT gmm_drift(NULL, stats) IS NULL FROM stats_values LIMIT 1'),
	(6, 'SELECT count(*) FROM gmm_drift_components(NULL, NULL)')) AS s (n, statement)
ORDER BY n;

DROP TABLE stats_points, stats_models, stats_values, stats_received, stats_hostile, stats_only;
DROP FUNCTION read_stats, changed;
