--
-- Noise: the option, models and statistics that have it, and what is refused.
--
\pset format unaligned
\pset tuples_only on
-- Two groups of rows, and four rows that are of neither
CREATE TABLE noise_rows (x float8[]);
INSERT INTO noise_rows
SELECT ARRAY[i % 5 + i % 2 * 30, i % 7 + i % 2 * 30] FROM generate_series(1, 70) AS i
UNION ALL VALUES ('{0,34}'::float8[]), ('{34,1}'), ('{15,20}'), ('{60,-25}');
CREATE TABLE noise_models (name text, model gmm_model);
INSERT INTO noise_models VALUES
	('without', gmm_model('{0.25,0.75}', '{{0,1},{2,3}}', '{{1,2},{3,4}}', 'diag')),
	('with', '{"covariance_type": "diag", "weights": [0.25,0.75], "means": [[0,1],[2,3]], "covariances": [[1,2],[3,4]],
		"noise_weight": 0.125, "noise_least": [-5,-6], "noise_most": [5,10]}');

-- The option
SELECT gmm_options(noise => true), gmm_options(noise => false), gmm_options(noise => NULL);
SELECT outcome(format('SELECT gmm_fit(x, 2, %L) IS NOT NULL FROM noise_rows', options))
FROM (VALUES (1, '{"noise": true}'), (2, '{"noise": 0.05}'), (3, '{"noise": "true"}'), (4, '{"noise": null}'),
	(5, '{"nois": true}')) AS o (n, options) ORDER BY n;
SELECT outcome(statement) FROM (VALUES
	(1, $$SELECT gmm_refit(x, model, '{"noise": true, "max_iter": 0}') FROM noise_rows, noise_models WHERE name = 'with'$$),
	(2, $$SELECT gmm_refit(x, model, '{"noise": false, "max_iter": 0}') FROM noise_rows, noise_models WHERE name = 'without'$$),
	(3, $$SELECT gmm_maximize(gmm_accumulate(x, model), '{"noise": true}') FROM noise_rows, noise_models WHERE name = 'with'$$),
	(4, $$SELECT (gmm_summary(gmm_fit(x, 75, '{"noise": true}'))).k FROM noise_rows$$)) AS s (n, statement) ORDER BY n;

-- What a fit with noise finds: the rows of neither group
SELECT x, gmm_predict(model, x), round(gmm_noise(model, x)::numeric, 2)
FROM (SELECT gmm_fit(x, 2, '{"noise": true}') AS model FROM noise_rows) AS f, noise_rows
WHERE gmm_predict(model, x) = 0 ORDER BY x;
SELECT s.k, n_rows, round(noise_weight::numeric, 3), model::jsonb ->> 'noise_least', model::jsonb ->> 'noise_most'
FROM (SELECT gmm_fit(x, 2, '{"noise": true}') AS model FROM noise_rows) AS f, gmm_summary(model) AS s;
-- one component, all families
SELECT family, round(s.noise_weight::numeric, 2) > 0.02
FROM unnest('{full,tied,diag,spherical}'::text[]) AS family, gmm_options(noise => true, covariance_type => family) AS o,
	LATERAL (SELECT gmm_fit(x, 1, o) AS model FROM noise_rows) AS f, gmm_summary(model) AS s;
-- rows that are all the same
SELECT gmm_predict(model, '{3,4}'), gmm_predict(model, '{3,400}'), abs(gmm_logpdf(model, '{3,4}')) < 1000
FROM (SELECT gmm_fit('{3,4}'::float8[], 1, '{"noise": true}') AS model FROM generate_series(1, 5)) AS f;

-- A model's text
SELECT model FROM noise_models;
SELECT name, noise_weight, covariance_type FROM noise_models, gmm_summary(model);
SELECT outcome(format('SELECT (model::jsonb || %L)::gmm_model::text FROM noise_models WHERE name = ''with''', change))
FROM (VALUES
	(1, '{"noise_weight": 0}'), (2, '{"noise_weight": 1}'), (3, '{"noise_weight": -0.1}'), (4, '{"noise_weight": 1.5}'),
	(5, '{"noise_weight": "0.1"}'), (6, '{"noise_weight": null}'), (7, '{"noise_least": [0]}'), (8, '{"noise_least": [0, 1, 2]}'),
	(9, '{"noise_least": [[0, 1]]}'), (10, '{"noise_least": 0}'), (11, '{"noise_least": []}'), (12, '{"noise_most": [5, -6]}'),
	(13, '{"noise_most": [5, -7]}'), (14, '{"noise_most": [-5, 5]}'), (15, '{"noise_most": [1e308, 1e308], "noise_least": [-1e308, 0]}'),
	(16, '{"noise_most": [1e400, 1]}'), (17, '{"noise": 0.1}'), (18, '{"weights": [0.25, 0.625]}')) AS c (n, change) ORDER BY n;
SELECT outcome(format('SELECT (model::jsonb - %L::text[])::gmm_model::text FROM noise_models WHERE name = ''with''', keys))
FROM (VALUES (1, '{noise_weight}'), (2, '{noise_least}'), (3, '{noise_most}'), (4, '{noise_least,noise_most}'),
	(5, '{noise_weight,noise_most}'), (6, '{noise_weight,noise_least,noise_most}')) AS k (n, keys) ORDER BY n;
-- an entropy is that of one class more
SELECT outcome(format($$SELECT (model::jsonb || '{"n_rows": 10, "sum_weights": 10, "log_likelihood": -3, "iterations": 1,
	"converged": true, "n_starts": 1, "n_best_starts": 1}' || '{"entropy": %s}')::gmm_model IS NOT NULL FROM noise_models WHERE name = %L$$, entropy, name))
FROM (VALUES (1, 10.9, 'with'), (2, 11.0, 'with'), (3, 6.9, 'without'), (4, 7.0, 'without')) AS e (n, entropy, name) ORDER BY n;

-- Its binary form: a round trip, then each value wrong
CREATE TABLE noise_received (LIKE noise_models);
\copy noise_models TO 'results/noise.bin' (FORMAT binary)
\copy noise_received FROM 'results/noise.bin' (FORMAT binary)
SELECT count(*) FROM noise_received JOIN noise_models USING (name) WHERE gmm_model_send(noise_received.model) = gmm_model_send(noise_models.model);
CREATE TABLE noise_hostile (name text, bytes bytea);
INSERT INTO noise_hostile
SELECT c.name, overlay(gmm_model_send(model) PLACING decode(value, 'hex') FROM length(gmm_model_send(model)) - 8 * back + 1)
FROM noise_models, (VALUES ('weight 1', 5, '3ff0000000000000'), ('weight NaN', 5, '7ff8000000000000'),
	('weight negative', 5, 'bfb0000000000000'), ('least infinite', 4, 'fff0000000000000'), ('most NaN', 1, '7ff8000000000000'),
	('most below least', 1, 'c024000000000000')) AS c (name, back, value)
WHERE noise_models.name = 'with';
INSERT INTO noise_hostile SELECT 'no noise', set_byte(gmm_model_send(model), 3, 0) FROM noise_models WHERE name = 'with';
CREATE TABLE noise_only (model gmm_model);
\echo weight 1
\copy (SELECT bytes FROM noise_hostile WHERE name = 'weight 1') TO 'results/hostile.bin' (FORMAT binary)
\copy noise_only FROM 'results/hostile.bin' (FORMAT binary)
\echo weight NaN
\copy (SELECT bytes FROM noise_hostile WHERE name = 'weight NaN') TO 'results/hostile.bin' (FORMAT binary)
\copy noise_only FROM 'results/hostile.bin' (FORMAT binary)
\echo weight negative
\copy (SELECT bytes FROM noise_hostile WHERE name = 'weight negative') TO 'results/hostile.bin' (FORMAT binary)
\copy noise_only FROM 'results/hostile.bin' (FORMAT binary)
\echo least infinite
\copy (SELECT bytes FROM noise_hostile WHERE name = 'least infinite') TO 'results/hostile.bin' (FORMAT binary)
\copy noise_only FROM 'results/hostile.bin' (FORMAT binary)
\echo most NaN
\copy (SELECT bytes FROM noise_hostile WHERE name = 'most NaN') TO 'results/hostile.bin' (FORMAT binary)
\copy noise_only FROM 'results/hostile.bin' (FORMAT binary)
\echo most below least
\copy (SELECT bytes FROM noise_hostile WHERE name = 'most below least') TO 'results/hostile.bin' (FORMAT binary)
\copy noise_only FROM 'results/hostile.bin' (FORMAT binary)
\echo no noise
\copy (SELECT bytes FROM noise_hostile WHERE name = 'no noise') TO 'results/hostile.bin' (FORMAT binary)
\copy noise_only FROM 'results/hostile.bin' (FORMAT binary)
SELECT count(*) FROM noise_only;

-- Statistics
CREATE TABLE noise_stats AS
SELECT name, gmm_accumulate(x, model) AS stats FROM noise_rows, noise_models WHERE x[1] < 10 GROUP BY name;
SELECT name, n_rows, round(noise_weight::numeric, 4) FROM noise_stats, gmm_stats_summary(stats) ORDER BY name;
SELECT count(*) FROM noise_stats
WHERE gmm_stats_send(stats::text::gmm_stats) = gmm_stats_send(stats) AND gmm_stats_send(stats::jsonb::gmm_stats) = gmm_stats_send(stats);
SELECT outcome(statement) FROM (VALUES
	(1, $$SELECT gmm_merge(stats) FROM noise_stats$$),
	(2, $$SELECT a.stats + b.stats FROM noise_stats AS a, noise_stats AS b WHERE a.name <> b.name$$),
	(3, $$SELECT gmm_rebase(stats, model) FROM noise_stats, noise_models WHERE noise_stats.name <> noise_models.name$$),
	(4, $$SELECT gmm_maximize(gmm_decay(stats, 0)) FROM noise_stats WHERE name = 'with'$$),
	(5, $$SELECT gmm_stats_summary((stats::jsonb || '{"noise_sum": 0}')::gmm_stats) FROM noise_stats WHERE name = 'with'$$),
	(6, $$SELECT gmm_stats_summary((stats::jsonb || '{"noise_sum": -1}')::gmm_stats) FROM noise_stats WHERE name = 'with'$$),
	(7, $$SELECT gmm_stats_summary((stats::jsonb || '{"noise_sum": 1e999}')::gmm_stats) FROM noise_stats WHERE name = 'with'$$),
	(8, $$SELECT gmm_stats_summary((stats::jsonb || jsonb_build_object('noise_sum', 1,
		'sum_weights', (stats::jsonb ->> 'sum_weights')::float8 + 1))::gmm_stats) FROM noise_stats WHERE name = 'without'$$),
	(9, $$SELECT gmm_stats_summary((stats::jsonb - 'noise_sum')::gmm_stats) FROM noise_stats WHERE name = 'with'$$),
	(10, $$SELECT gmm_accumulate(x, CASE WHEN x[1] < 5 THEN a.model ELSE b.model END) FROM noise_rows, noise_models AS a, noise_models AS b
		WHERE a.name = 'with' AND b.name = 'without'$$)) AS s (n, statement) ORDER BY n;

-- NULL, and rows that are none
SELECT gmm_noise(NULL, '{1,2}') IS NULL, gmm_noise(model, NULL) IS NULL, round(gmm_noise(model, '{NULL,NULL}')::numeric, 6),
	gmm_predict_proba(model, '{NULL,NULL}')::numeric(6, 5)[]
FROM noise_models ORDER BY name;
SELECT outcome(format('SELECT gmm_noise(model, %L) FROM noise_models WHERE name = ''with''', x))
FROM (VALUES (1, '{1}'), (2, '{1,NaN}'), (3, '{}')) AS v (n, x) ORDER BY n;
DROP TABLE noise_rows, noise_models, noise_received, noise_hostile, noise_only, noise_stats;
