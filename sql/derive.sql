--
-- Models and rows made from a model: gmm_marginal, gmm_condition, gmm_impute,
-- gmm_sample; and what stands on the same ground: gmm_outlier_pvalue, gmm_top
--
\set VERBOSITY terse

CREATE TABLE derive_models (family text PRIMARY KEY, model gmm_model);
INSERT INTO derive_models VALUES
	('full', gmm_model('{0.25,0.75}', '{{0,1,2},{3,4,5}}',
					   '{{{4,1,0},{1,2,0.5},{0,0.5,1}},{{1,0,0.5},{0,1,0},{0.5,0,2}}}')),
	('tied', gmm_model('{0.25,0.75}', '{{0,1,2},{3,4,5}}', '{{4,1,0},{1,2,0.5},{0,0.5,1}}', 'tied')),
	('diag', gmm_model('{0.25,0.75}', '{{0,1,2},{3,4,5}}', '{{4,2,1},{1,3,2}}', 'diag')),
	('spherical', gmm_model('{0.25,0.75}', '{{0,1,2},{3,4,5}}', '{4,2}', 'spherical'));

-- The mixture of some dimensions, in their order, in the same family
SELECT family, gmm_marginal(model, '{3,1}') FROM derive_models ORDER BY family;
SELECT family, gmm_marginal(model, '{2}') FROM derive_models ORDER BY family;
SELECT family, gmm_model_send(gmm_marginal(model, '{1,2,3}')) = gmm_model_send(model) AS the_same FROM derive_models ORDER BY family;
SELECT gmm_marginal(model, '[5:6]={1,2}'::integer[])::jsonb = gmm_marginal(model, '{1,2}')::jsonb AS bounds_do_not_matter FROM derive_models WHERE family = 'full';
-- It is not the marginal that was fitted
SELECT (gmm_summary(fitted)).n_rows, (gmm_summary(gmm_marginal(fitted, '{1}'))).n_rows AS of_the_marginal, gmm_bic(gmm_marginal(fitted, '{1}'))
FROM (SELECT (model::jsonb || '{"n_rows": 10, "sum_weights": 10, "log_likelihood": -7, "iterations": 3, "converged": true, "n_starts": 1, "n_best_starts": 1}')::gmm_model AS fitted
	  FROM derive_models WHERE family = 'full') AS f;
SELECT gmm_marginal(model, NULL) IS NULL AS null_dims, gmm_marginal(NULL, '{1}') IS NULL AS null_model FROM derive_models WHERE family = 'full';
SELECT dims, refusal(format('SELECT gmm_marginal(model, %L::integer[]) FROM derive_models WHERE family = ''full''', dims))
FROM (VALUES ('{}'), ('{0}'), ('{4}'), ('{-2147483648}'), ('{1,2,1}'), ('{1,NULL}'), ('{{1,2},{2,3}}'), ('{1,2,3,1}')) AS v (dims);
-- A number of dimensions far beyond the model's takes no memory for them
SELECT refusal('SELECT gmm_marginal(model, array_fill(1, ARRAY[10000000])) FROM derive_models WHERE family = ''full''');

-- The mixture of what is NULL given the rest, in the same family
SELECT family, c.component, round(weight::numeric, 12) AS weight, round(mean[1]::numeric, 12) AS mean_1, round(mean[2]::numeric, 12) AS mean_2,
	   round(covariance[1][1]::numeric, 12) AS c_11, round(covariance[1][2]::numeric, 12) AS c_12, round(covariance[2][2]::numeric, 12) AS c_22,
	   (gmm_summary(given)).covariance_type
FROM derive_models, LATERAL (SELECT gmm_condition(model, '{NULL,2,NULL}')) AS g (given), gmm_components(given) AS c
ORDER BY family, component;
-- Far from all components but one, the others have no weight left
SELECT family, given::jsonb -> 'weights' AS weights, gmm_predict(given, '{1,1}'), gmm_predict_proba(given, '{1,1}'),
	   (SELECT count(DISTINCT component) FROM gmm_sample(given, 100)) AS drawn
FROM derive_models, LATERAL (SELECT gmm_condition(model, '{NULL,NULL,1e6}')) AS g (given) WHERE family IN ('tied', 'diag') ORDER BY family;
-- Nothing given, the model itself; with what a fit knows
SELECT bool_and(gmm_model_send(gmm_condition(model, '{NULL,NULL,NULL}')) = gmm_model_send(model)) AS the_same FROM derive_models;
SELECT gmm_condition(NULL, '{1,NULL}') IS NULL AS null_model, gmm_condition(model, NULL) IS NULL AS null_features FROM derive_models WHERE family = 'full';

-- The expectation of what is NULL
SELECT family, round(x[1]::numeric, 12) AS x, x[2] AS y, round(x[3]::numeric, 12) AS z, round(means[1]::numeric, 12) AS mean_x, round(means[3]::numeric, 12) AS mean_z
FROM derive_models, gmm_impute(model, '{NULL,2,NULL}') AS x, gmm_impute(model, '{NULL,NULL,NULL}') AS means ORDER BY family;
-- Without a NULL, the row as it is
SELECT gmm_impute(model, '{1,2,3}'), gmm_impute(model, '[0:2]={1,2,3}'), gmm_impute(model, NULL) IS NULL AS null_features, gmm_impute(NULL, '{NULL}') IS NULL AS null_model FROM derive_models WHERE family = 'full';

-- How far out, by hand: exp(-q / 2) for two degrees of freedom, erfc(sqrt(q / 2)) for one
SELECT abs(gmm_outlier_pvalue(m, '{3,4}') / exp(-12.5::float8) - 1) < 1e-14 AS two, round(gmm_outlier_pvalue(m, '{3,NULL}')::numeric, 15) AS one, gmm_outlier_pvalue(m, '{NULL,NULL}') AS none,
	   gmm_outlier_pvalue(m, '{0,0}') AS center, abs(gmm_outlier_pvalue(m, '{30,20}') / exp(-650::float8) - 1) < 1e-12 AS far, gmm_outlier_pvalue(m, '{1e200,-1e308}') AS beyond
FROM gmm_model('{1}', '{{0,0}}', '{1}', 'spherical') AS m;
SELECT gmm_outlier_pvalue(model, NULL) IS NULL AS null_features, gmm_outlier_pvalue(NULL, '{1}') IS NULL AS null_model FROM derive_models WHERE family = 'full';

-- The most probable components; equal ones by their number
CREATE TABLE derive_three AS SELECT gmm_model('{0.25,0.5,0.25}', '{0,0,0}', '{1,1,1}', 'spherical') AS model;
SELECT v.*, component, round(probability::numeric, 12) AS probability FROM derive_three, (VALUES (1, 2, 0.0), (2, 1, 0), (3, 5, 0), (4, 5, 0.3), (5, 5, 0.9), (6, 2147483647, 0.2)) AS v (line, n, cutoff), gmm_top(model, '{0}', n, cutoff) AS t ORDER BY line, probability DESC, component;
SELECT component, round(probability::numeric, 12) AS probability FROM derive_three, gmm_top(model, '{NULL}', 2);
SELECT count(*) AS of_probability_0_too FROM gmm_top('{"weights": [0.5, 0.5], "means": [0, 1000], "covariances": [1, 1]}', '{0}', 3);
SELECT count(*) FROM derive_three, gmm_top(NULL, '{0}', 2);
SELECT count(*) FROM derive_three, gmm_top(model, NULL, 2);
SELECT count(*) FROM derive_three, gmm_top(model, '{0}', NULL);
SELECT call, refusal('SELECT ' || call || ' FROM derive_three') FROM unnest(ARRAY[
	$$gmm_top(model, '{0}', 0)$$, $$gmm_top(model, '{0}', -1)$$, $$gmm_top(model, '{0}', 1, -0.1)$$, $$gmm_top(model, '{0}', 1, 1.1)$$,
	$$gmm_top(model, '{0}', 1, 'NaN')$$, $$gmm_top(model, '{0,1}', 1)$$, $$gmm_top(model, '{Infinity}', 1)$$]) AS call;
-- In a list of expressions, with another set
SELECT generate_series(1, 3), (gmm_top(model, '{0}', 2)).component FROM derive_three;
DROP TABLE derive_three;

-- What they refuse
SELECT f AS function, features, refusal(format('SELECT gmm_%s(model, %L::float8[]) FROM derive_models WHERE family = ''full''', f, features))
FROM unnest(ARRAY['condition', 'impute', 'outlier_pvalue']) AS f,
	 unnest(ARRAY['{1,2,3}', '{}', '{1,NULL}', '{1,NULL,2,3}', '{NaN,NULL,1}', '{NULL,1,Infinity}', '{{1,NULL,2}}']) AS features
ORDER BY f, features COLLATE "C";
SELECT refusal($$SELECT gmm_impute(model, ARRAY[1e308, NULL]) FROM gmm_model('{1}', '{{-1e308, 0}}', '{{1, 50}, {50, 3000}}', 'tied') AS model$$);
SELECT refusal($$SELECT gmm_condition(model, ARRAY[NULL, 1e308]) FROM gmm_model('{0.5,0.5}', '{{0, 0},{0, -1e308}}', '{{3000, 50}, {50, 1}}', 'tied') AS model$$);

-- A covariance on the verge of singularity is accepted in one order of its
-- dimensions; every other, and every part, still makes a model.
SELECT count(*), bool_and(gmm_marginal(model, dims)::text::gmm_model IS NOT NULL) AS marginal,
	   bool_and(gmm_condition(model, ARRAY[CASE WHEN 1 = ANY (dims[1:n]) THEN 1 END, CASE WHEN 2 = ANY (dims[1:n]) THEN 1 END, CASE WHEN 3 = ANY (dims[1:n]) THEN 2 END])::text::gmm_model IS NOT NULL) AS conditional
FROM gmm_model('{1}', '{{0,0,0}}', ARRAY[[1, 0, 1], [0, 1, 1], [1, 1, 2 + 2e-15]]::float8[], 'tied') AS model,
	 (VALUES ('{1,2,3}'::integer[]), ('{1,3,2}'), ('{2,1,3}'), ('{2,3,1}'), ('{3,1,2}'), ('{3,2,1}')) AS v (dims), generate_series(0, 2) AS n;

-- A model that changes from row to row, patterns that change, in one call site
SELECT family, count(DISTINCT x) AS distinct_rows, bool_and(x[1] = 1 OR i % 3 = 0) AS kept
FROM derive_models, generate_series(1, 300) AS i,
	 LATERAL (SELECT gmm_impute(model, ARRAY[CASE WHEN i % 3 > 0 THEN 1 END, CASE WHEN i % 3 < 2 THEN i % 7 END, CASE WHEN i % 2 = 0 THEN 3 END]) AS x OFFSET 0) AS filled
GROUP BY family ORDER BY family;

-- Rows drawn: the same everywhere, to rounding
SELECT family, component, round(features[1]::numeric, 10) AS x, round(features[2]::numeric, 10) AS y, round(features[3]::numeric, 10) AS z
FROM derive_models, gmm_sample(model, 3) ORDER BY family;
SELECT component, round(features[1]::numeric, 10) AS x FROM gmm_sample('{"weights": [0.5, 0.5], "means": [0, 100], "covariances": [1, 2]}', 4, -9223372036854775808);
-- The first rows do not depend on how many there are
SELECT family, bool_and(a = b) AS same, count(*)
FROM derive_models, LATERAL (SELECT array_agg(s) FROM gmm_sample(model, 20, 5) AS s) AS a (a),
	 LATERAL (SELECT array_agg(s) FROM (SELECT * FROM gmm_sample(model, 5000, 5) LIMIT 20) AS s) AS b (b)
GROUP BY family ORDER BY family;
-- From a list of expressions, as rows are asked for: of 10^15 no more than these
SELECT (gmm_sample(model, 1000000000000000)).component FROM derive_models WHERE family = 'full' LIMIT 3;
SELECT count(*), count(DISTINCT features) FROM derive_models, gmm_sample(model, 1000) WHERE family = 'full';
SELECT count(*) FROM derive_models, gmm_sample(model, 0);
SELECT count(*) FROM derive_models, gmm_sample(model, NULL);
SELECT count(*) FROM derive_models, gmm_sample(model, 5, NULL);
SELECT count(*) FROM gmm_sample(NULL, 5);
SELECT refusal('SELECT gmm_sample(model, -1) FROM derive_models');
-- A cursor, left before its end
BEGIN;
DECLARE drawn CURSOR FOR SELECT (gmm_sample(model, 1000000)).component FROM derive_models WHERE family = 'tied';
FETCH 2 FROM drawn;
CLOSE drawn;
COMMIT;
-- A long one can be cancelled
SET statement_timeout = '100ms';
SELECT count(*) FROM derive_models, gmm_sample(model, 1000000000000) WHERE family = 'full';
RESET statement_timeout;

-- The planner knows how many rows there will be
CREATE FUNCTION pg_temp.estimate(statement text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN (FORMAT JSON) ' || statement INTO plan;
	RETURN plan #>> '{0,Plan,Plan Rows}';
END $$;
SELECT pg_temp.estimate($$SELECT * FROM gmm_sample('{"weights": [1], "means": [0], "covariances": [1]}', 12345)$$) AS known,
	   pg_temp.estimate($$SELECT * FROM gmm_sample('{"weights": [1], "means": [0], "covariances": [1]}', 5 * 100)$$) AS computed,
	   pg_temp.estimate($$SELECT * FROM gmm_sample('{"weights": [1], "means": [0], "covariances": [1]}', (random() * 10)::bigint)$$) AS unknown,
	   pg_temp.estimate($$SELECT * FROM gmm_sample('{"weights": [1], "means": [0], "covariances": [1]}', -5)$$) AS impossible,
	   pg_temp.estimate($$SELECT gmm_sample('{"weights": [1], "means": [0], "covariances": [1]}', 777)$$) AS in_the_list;
-- and gmm_top has no more than the model has components, or a model may have
SELECT pg_temp.estimate($$SELECT * FROM gmm_top('{"weights": [0.5, 0.5], "means": [0, 1], "covariances": [1, 1]}', '{0}', 1)$$) AS asked_for,
	   pg_temp.estimate($$SELECT * FROM gmm_top('{"weights": [0.5, 0.5], "means": [0, 1], "covariances": [1, 1]}', '{0}', 1000000000)$$) AS of_the_model,
	   pg_temp.estimate($$SELECT * FROM (SELECT model FROM derive_models LIMIT 1) AS m, gmm_top(model, '{0}', 1000000000)$$) AS of_any,
	   pg_temp.estimate($$SELECT * FROM gmm_top(NULL, '{0}', 5)$$) AS of_none;

DROP TABLE derive_models;
