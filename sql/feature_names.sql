--
-- Names of features: given to fits and constructors, kept by what is made of a
-- model, in every form of it, and in messages
--
\pset format unaligned
\pset tuples_only on
SET gmm.warnings = off;

CREATE FUNCTION names(model gmm_model) RETURNS text LANGUAGE sql AS
	$$ SELECT coalesce(feature_names::text, 'none') FROM gmm_summary(model) $$;

CREATE TABLE named_rows AS
SELECT ARRAY[i % 7, i % 5 + i / 20] AS features, i % 7 AS width, i % 5 + i / 20 AS height,
	ARRAY[i % 7, i % 5 + i / 20] AS "as array"
FROM generate_series(0, 59) AS i;
CREATE TABLE named (model gmm_model, other gmm_model);
INSERT INTO named
SELECT gmm_fit(features, 2, gmm_options(features => '{width,height}')), gmm_fit(features, 2)
FROM named_rows;

-- Whoever makes a model
SELECT names(model), names(other) FROM named;
SELECT names(gmm_fit(features, 1, '{"features": ["a", "b"]}', 1)) FROM named_rows;
SELECT names(gmm_fit(features, 1, '{"features": []}')) FROM named_rows;
SELECT names(gmm_fit_best(features, 1, 2, gmm_options(features => '{a,b}'))) FROM named_rows;
SELECT names(gmm_refit(features, model)), names(gmm_refit(features, other)),
	names(gmm_refit(features, model, gmm_options(max_iter => 2))),
	names(gmm_refit(features, model, gmm_options(features => '{a,b}'))),
	names(gmm_refit(features, model, gmm_options(features => '{}')))
FROM named_rows, named;
SELECT names(gmm_em_step(features, model)), names(gmm_em_step(features, other)) FROM named_rows, named;
SELECT names(gmm_maximize(stats)), names(gmm_maximize(stats, gmm_options(features => '{a,b}'))),
	names(gmm_maximize(stats, gmm_options(features => '{}'))),
	names(gmm_maximize(gmm_decay(stats + stats, 0.5))), names(gmm_maximize(gmm_rebase(stats, other)))
FROM named, (SELECT gmm_accumulate(features, model) AS stats FROM named_rows, named) AS s;
SELECT names(gmm_fit_table('named_rows', '{width,height}', 1)),
	names(gmm_fit_table('named_rows', '{height,width}', 1, gmm_options(features => '{"Height, m","Width, m"}'))),
	names(gmm_fit_table('named_rows', '{height,width}', 1, gmm_options(features => '{}'))),
	names(gmm_fit_table('named_rows', '{as array}', 1)),
	names(gmm_fit_table('named_rows', '{as array}', 1, gmm_options(features => '{a,b}')));
SELECT names(gmm_model('{1}', '{{0,0}}', '{{1,1}}', 'diag', '{a,b}')),
	names(gmm_model('{1}', '{{0,0}}', '{{{1,0},{0,1}}}', features => '{a,b}')),
	names(gmm_model('{1}', '{{0,0}}', '{{1,1}}', 'diag')),
	names(gmm_model('{1}', '{{0,0}}', '{{1,1}}', 'diag', NULL)),
	gmm_model('{1}', '{{0,0}}', '{{1,1}}', NULL, '{a,b}') IS NULL;

-- By json names are given to a model that has none, and taken away.
SELECT names((other::jsonb || '{"features": ["a", "b"]}')::gmm_model),
	names((model::jsonb - 'features')::gmm_model), (model::jsonb - 'features')::gmm_model = other,
	(other::jsonb || '{"features": ["width", "height"]}')::gmm_model = model
FROM named;

-- What is made of a model keeps them.
SELECT names(gmm_marginal(model, '{2}')), names(gmm_marginal(model, '{2,1}')), names(gmm_marginal(other, '{2}')),
	names(gmm_condition(model, '{NULL,1}')), names(gmm_condition(model, '{1,NULL}')),
	names(gmm_condition(model, '{NULL,NULL}')), names(gmm_condition(other, '{1,NULL}'))
FROM named;
SELECT component, f.feature, round(f.mean::numeric, 3)
FROM named, gmm_components(model) AS c, unnest(feature_names, c.mean) AS f (feature, mean);
SELECT component, feature_names IS NULL FROM named, gmm_components(other);

-- All forms have them.
SELECT count(*) FROM named
WHERE model::text::gmm_model = model AND model::json::gmm_model = model AND model::jsonb::gmm_model = model
	AND model::text LIKE '{"k":2,"d":2,"features":["width","height"],"covariance_type":%';
CREATE TABLE named_received (model gmm_model, other gmm_model);
\copy named TO 'results/named.bin' (FORMAT binary)
\copy named_received FROM 'results/named.bin' (FORMAT binary)
SELECT r.model = n.model, r.other = n.other FROM named AS n, named_received AS r;
CREATE TABLE named_stats AS SELECT gmm_accumulate(features, model) AS stats FROM named_rows, named;
CREATE TABLE named_stats_received (stats gmm_stats);
\copy named_stats TO 'results/named.bin' (FORMAT binary)
\copy named_stats_received FROM 'results/named.bin' (FORMAT binary)
SELECT s.stats::text = r.stats::text, s.stats::text::gmm_stats::text = s.stats::text,
	s.stats::jsonb -> 'features', names(gmm_maximize(r.stats))
FROM named_stats AS s, named_stats_received AS r;

-- Names are of the model: other names, another model.
SELECT model = other, model IN (SELECT model FROM named), other IN (SELECT model FROM named) FROM named;
SELECT count(DISTINCT m) FROM named, unnest(ARRAY[model, other, (other::jsonb || '{"features": ["width", "height"]}')::gmm_model]) AS m;
SELECT outcome($$SELECT gmm_accumulate(features, CASE WHEN width = 0 THEN model ELSE other END) FROM named_rows, named$$);
SELECT outcome($$SELECT gmm_refit(features, CASE WHEN width = 0 THEN model ELSE other END) FROM named_rows, named$$);
SELECT outcome($$SELECT gmm_accumulate(features, model) + gmm_accumulate(features, other) FROM named_rows, named$$);
SELECT outcome($$SELECT gmm_merge(s) FROM (SELECT gmm_accumulate(features, m) AS s
	FROM named_rows, named, unnest(ARRAY[model, other]) AS m GROUP BY m) AS s$$);

-- Messages that speak of an element name it.
SELECT outcome($$SELECT gmm_predict(model, '{1,NaN}') FROM named$$);
SELECT outcome($$SELECT gmm_predict(other, '{1,NaN}') FROM named$$);
SELECT outcome($$SELECT gmm_logpdf(model, '{-Infinity,NaN}') FROM named$$);
SELECT outcome($$SELECT gmm_predict(model, '{NULL,NaN}') FROM named$$);
SELECT outcome($$SELECT gmm_predict(model, '{1,2,NaN}') FROM named$$);
SELECT outcome($$SELECT gmm_predict(model, '{1}') FROM named$$);
SELECT outcome($$SELECT gmm_predict(model, f) FROM named, (VALUES ('{1,2}'::float8[]), ('{1,2,3}')) AS r (f)$$);
SELECT outcome($$SELECT gmm_svg('{1,Infinity}', model) FROM named$$);
SELECT outcome($$SELECT gmm_svg('{1,2,3}', model) FROM named$$);
SELECT outcome($$SELECT gmm_impute(gmm_model('{1}', '{{0,0}}', '{{{1e10,9e4},{9e4,1}}}', 'full', '{a,b}'), '{NULL,-1e308}')$$);
SELECT outcome($$SELECT gmm_fit(ARRAY[width, 'NaN'::float8], 1, gmm_options(features => '{a,b}')) FROM named_rows$$);
SELECT outcome($$SELECT gmm_fit(ARRAY[NULL, width], 1, gmm_options(features => '{a,b}')) FROM named_rows$$);
SELECT outcome($$SELECT gmm_fit(ARRAY[width, NULL], 1, gmm_options(features => '{a,b}', missing => 'error')) FROM named_rows$$);
SELECT outcome($$SELECT gmm_fit(ARRAY[width, 1e200 * height], 1, gmm_options(features => '{a,b}')) FROM named_rows$$);
SELECT outcome($$SELECT gmm_refit(ARRAY['NaN'::float8, height], model) FROM named_rows, named$$);
SELECT outcome($$SELECT gmm_refit(ARRAY[height], model) FROM named_rows, named$$);
SELECT outcome($$SELECT gmm_accumulate(ARRAY['NaN'::float8, height], model) FROM named_rows, named$$);
SELECT outcome($$SELECT gmm_accumulate(ARRAY[height], model) FROM named_rows, named$$);
SELECT outcome($$SELECT gmm_accumulate(ARRAY[1e300, height], model) FROM named_rows, named$$);
CREATE TABLE named_nan AS SELECT '{1,NaN}'::float8[] AS x;
SELECT outcome($$SELECT gmm_fit_table('named_nan', '{x}', 1, gmm_options(features => '{a,b}'))$$);

-- What is no list of names
SELECT outcome('SELECT gmm_options(features => ' || names || ')') FROM (VALUES
	(1, $$'{a,NULL}'$$), (2, $$'{a,a}'$$), (3, $$'{a,""}'$$), (4, $$'{{a,b}}'$$), (5, $$ARRAY[repeat('x', 256)]$$),
	(6, $$array_fill('a'::text, '{4097}')$$), (7, $$'{b,a,c,B,a}'$$),
	(8, $$ARRAY[repeat('x', 255), 'a"b\c', E'tab\tand\nnew line', ' ']$$)) AS n (n, names) ORDER BY n;
SELECT outcome(format('SELECT gmm_fit(features, 1, %L) FROM named_rows', options)) FROM (VALUES
	(1, '{"features": "a"}'), (2, '{"features": {"a": "b"}}'), (3, '{"features": null}'), (4, '{"features": ["a", 1]}'),
	(5, '{"features": ["a", ["b"]]}'), (6, '{"features": ["a", null]}'), (7, '{"features": ["a"]}'),
	(8, '{"features": ["a", "b", "c"]}'), (9, '{"features": ["a", "a"]}'), (10, '{"feature": ["a", "b"]}')) AS o (n, options) ORDER BY n;
SELECT outcome($$SELECT gmm_refit(features, model, gmm_options(features => '{a}')) FROM named_rows, named$$);
SELECT outcome($$SELECT gmm_maximize(stats, gmm_options(features => '{a}')) FROM named_stats$$);
SELECT outcome($$SELECT gmm_maximize(stats, gmm_options(features => '{a,b}', seed => 1)) FROM named_stats$$);
SELECT outcome($$SELECT gmm_fit_table('named_rows', '{width,height}', 1, gmm_options(features => '{a}'))$$);
SELECT outcome($$SELECT gmm_fit_table('named_rows', '{as array}', 1, gmm_options(features => '{a}'))$$);
SELECT outcome($$SELECT gmm_fit_table('named_rows', '{width,width}', 1)$$);
SELECT outcome($$SELECT gmm_fit(ARRAY[width], 1, gmm_options(features => '{a,b}')) FROM named_rows$$);
SELECT outcome($$SELECT gmm_model('{1}', '{{0}}', '{{1}}', 'diag', '{a,b}')$$);
SELECT outcome($$SELECT gmm_model('{1}', '{{0,0}}', '{{1,1}}', 'diag', '{a}')$$);
SELECT outcome($$SELECT gmm_model('{1}', '{{0,0}}', '{{1,1}}', 'diag', '{a,NULL}')$$);
SELECT outcome($$SELECT gmm_model('{1}', '{{0,0}}', '{{1,1}}', 'diag', '{{a},{b}}')$$);
SELECT outcome($$SELECT gmm_model('{1}', '{{0,0}}', '{{1,1}}', 'diag', '{a,""}')$$);
SELECT outcome($$SELECT gmm_model('{1}', '{{0,0}}', '{{1,1}}', 'diag', array_fill('a'::text, '{4097}'))$$);
SELECT outcome(format('SELECT %L::gmm_model', '{"weights": [1], "means": [[0, 0]], "covariances": [[1, 1]], "covariance_type": "diag", "features": ' || names || '}'))
FROM (VALUES (1, '["a", "b"]'), (2, '[]'), (3, '"a"'), (4, '["a"]'), (5, '["a", "a"]'), (6, '["a", ""]'), (7, '["a", 1]'), (8, '["a", ["b"]]'),
	(9, '["a", {"b": 1}]'), (10, '[["a", "b"]]'), (11, '{"a": 1}'), (12, 'null'), (13, '["a", null]'), (14, '["a\u0000", "b"]'),
	(15, '["a", "b"], "features": ["a", "b"]'), (16, '["a", "' || repeat('x', 256) || '"]'),
	(17, '[' || rtrim(repeat('"a",', 4097), ',') || ']'), (18, '["a" "b"]'), (19, '["\"\\\u0001", "\u000a"]')) AS n (n, names) ORDER BY n;
SELECT outcome(format('SELECT %L::gmm_stats', (stats::jsonb || jsonb_build_object('features', f))::text))
FROM named_stats, (VALUES (1, '["a"]'::jsonb), (2, '[1, 2]'), (3, '["a", "a"]')) AS n (n, f) ORDER BY n;

-- Hostile bytes.  The names are the last bytes: two lengths, width and height.
\set VERBOSITY terse
CREATE TABLE named_hostile AS
SELECT name, substr(m, 1, length(m) - 19) || tail AS model, substr(s, 1, length(s) - 19) || tail AS stats
FROM (SELECT gmm_model_send(model), gmm_stats_send(stats) FROM named, named_stats) AS b (m, s),
	(VALUES
		('as it was', '\x00000005776964746800000006686569676874'::bytea),
		('length 0', '\x00000000776964746800000006686569676874'::bytea),
		('length -1', '\xffffffff776964746800000006686569676874'::bytea),
		('length 2147483647', '\x7fffffff776964746800000006686569676874'::bytea),
		('the same', '\x00000001770000000177'::bytea),
		('too long', decode('00000100' || repeat('78', 256) || '0000000178', 'hex')),
		('one more', '\x000000057769647468000000066865696768740000000178'::bytea),
		('one less', '\x000000057769647468'::bytea),
		('none', '\x'::bytea),
		('cut off', '\x000000057769647468000000066865696768'::bytea)) AS n (name, tail);
CREATE TABLE hostile_model (model gmm_model);
CREATE TABLE hostile_stats (stats gmm_stats);
\echo as it was
\copy (SELECT model FROM named_hostile WHERE name = 'as it was') TO 'results/hostile.bin' (FORMAT binary)
\copy hostile_model FROM 'results/hostile.bin' (FORMAT binary)
\copy (SELECT stats FROM named_hostile WHERE name = 'as it was') TO 'results/hostile.bin' (FORMAT binary)
\copy hostile_stats FROM 'results/hostile.bin' (FORMAT binary)
\echo length 0
\copy (SELECT model FROM named_hostile WHERE name = 'length 0') TO 'results/hostile.bin' (FORMAT binary)
\copy hostile_model FROM 'results/hostile.bin' (FORMAT binary)
\copy (SELECT stats FROM named_hostile WHERE name = 'length 0') TO 'results/hostile.bin' (FORMAT binary)
\copy hostile_stats FROM 'results/hostile.bin' (FORMAT binary)
\echo length -1
\copy (SELECT model FROM named_hostile WHERE name = 'length -1') TO 'results/hostile.bin' (FORMAT binary)
\copy hostile_model FROM 'results/hostile.bin' (FORMAT binary)
\copy (SELECT stats FROM named_hostile WHERE name = 'length -1') TO 'results/hostile.bin' (FORMAT binary)
\copy hostile_stats FROM 'results/hostile.bin' (FORMAT binary)
\echo length 2147483647
\copy (SELECT model FROM named_hostile WHERE name = 'length 2147483647') TO 'results/hostile.bin' (FORMAT binary)
\copy hostile_model FROM 'results/hostile.bin' (FORMAT binary)
\copy (SELECT stats FROM named_hostile WHERE name = 'length 2147483647') TO 'results/hostile.bin' (FORMAT binary)
\copy hostile_stats FROM 'results/hostile.bin' (FORMAT binary)
\echo the same
\copy (SELECT model FROM named_hostile WHERE name = 'the same') TO 'results/hostile.bin' (FORMAT binary)
\copy hostile_model FROM 'results/hostile.bin' (FORMAT binary)
\copy (SELECT stats FROM named_hostile WHERE name = 'the same') TO 'results/hostile.bin' (FORMAT binary)
\copy hostile_stats FROM 'results/hostile.bin' (FORMAT binary)
\echo too long
\copy (SELECT model FROM named_hostile WHERE name = 'too long') TO 'results/hostile.bin' (FORMAT binary)
\copy hostile_model FROM 'results/hostile.bin' (FORMAT binary)
\copy (SELECT stats FROM named_hostile WHERE name = 'too long') TO 'results/hostile.bin' (FORMAT binary)
\copy hostile_stats FROM 'results/hostile.bin' (FORMAT binary)
\echo one more
\copy (SELECT model FROM named_hostile WHERE name = 'one more') TO 'results/hostile.bin' (FORMAT binary)
\copy hostile_model FROM 'results/hostile.bin' (FORMAT binary)
\copy (SELECT stats FROM named_hostile WHERE name = 'one more') TO 'results/hostile.bin' (FORMAT binary)
\copy hostile_stats FROM 'results/hostile.bin' (FORMAT binary)
\echo one less
\copy (SELECT model FROM named_hostile WHERE name = 'one less') TO 'results/hostile.bin' (FORMAT binary)
\copy hostile_model FROM 'results/hostile.bin' (FORMAT binary)
\copy (SELECT stats FROM named_hostile WHERE name = 'one less') TO 'results/hostile.bin' (FORMAT binary)
\copy hostile_stats FROM 'results/hostile.bin' (FORMAT binary)
\echo none
\copy (SELECT model FROM named_hostile WHERE name = 'none') TO 'results/hostile.bin' (FORMAT binary)
\copy hostile_model FROM 'results/hostile.bin' (FORMAT binary)
\copy (SELECT stats FROM named_hostile WHERE name = 'none') TO 'results/hostile.bin' (FORMAT binary)
\copy hostile_stats FROM 'results/hostile.bin' (FORMAT binary)
\echo cut off
\copy (SELECT model FROM named_hostile WHERE name = 'cut off') TO 'results/hostile.bin' (FORMAT binary)
\copy hostile_model FROM 'results/hostile.bin' (FORMAT binary)
\copy (SELECT stats FROM named_hostile WHERE name = 'cut off') TO 'results/hostile.bin' (FORMAT binary)
\copy hostile_stats FROM 'results/hostile.bin' (FORMAT binary)
SELECT names(model), names(gmm_maximize(stats)) FROM hostile_model, hostile_stats;
-- Flags that promise names where there are none, or none where there are
\echo no names
\copy (SELECT overlay(gmm_model_send(model) PLACING '\x0001' FROM 3) FROM named) TO 'results/hostile.bin' (FORMAT binary)
\copy hostile_model FROM 'results/hostile.bin' (FORMAT binary)
\copy (SELECT overlay(gmm_stats_send(stats) PLACING '\x0000' FROM 3) FROM named_stats) TO 'results/hostile.bin' (FORMAT binary)
\copy hostile_stats FROM 'results/hostile.bin' (FORMAT binary)
\echo names
\copy (SELECT overlay(gmm_model_send(other) PLACING '\x0003' FROM 3) FROM named) TO 'results/hostile.bin' (FORMAT binary)
\copy hostile_model FROM 'results/hostile.bin' (FORMAT binary)
