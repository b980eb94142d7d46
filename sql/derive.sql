--
-- Models and rows made from a model: gmm_marginal, gmm_sample
--
\set VERBOSITY terse

-- What an error says, with its SQLSTATE
CREATE FUNCTION pg_temp.refusal(statement text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	message text;
	detail text;
	hint text;
BEGIN
	EXECUTE statement;
	RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT,
		detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(E'\n   ', SQLSTATE || ': ' || message,
					 nullif(detail, ''), nullif(hint, ''));
END $$;

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
SELECT dims, pg_temp.refusal(format('SELECT gmm_marginal(model, %L::integer[]) FROM derive_models WHERE family = ''full''', dims))
FROM (VALUES ('{}'), ('{0}'), ('{4}'), ('{-2147483648}'), ('{1,2,1}'), ('{1,NULL}'), ('{{1,2},{2,3}}'), ('{1,2,3,1}')) AS v (dims);
-- A number of dimensions far beyond the model's takes no memory for them
SELECT pg_temp.refusal('SELECT gmm_marginal(model, array_fill(1, ARRAY[10000000])) FROM derive_models WHERE family = ''full''');

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
SELECT pg_temp.refusal('SELECT gmm_sample(model, -1) FROM derive_models');
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

DROP TABLE derive_models;
