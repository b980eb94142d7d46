--
-- Looking into a model: gmm_components, gmm_summary, gmm_bic, gmm_aic, gmm_icl,
-- gmm_trials
--
CREATE TABLE models (family text, model gmm_model);
INSERT INTO models VALUES
	('full', gmm_model('{0.25,0.75}', '{{0,1},{2,3}}', '{{{1,0.5},{0.5,2}},{{3,-1},{-1,4}}}')),
	('tied', gmm_model('{0.25,0.75}', '{{0,1},{2,3}}', '{{1,0.5},{0.5,2}}', 'tied')),
	('diag', gmm_model('{0.25,0.75}', '{{0,1},{2,3}}', '{{1,2},{3,4}}', 'diag')),
	('spherical', gmm_model('{0.25,0.75}', '{{0,1},{2,3}}', '{1,2}', 'spherical'));

-- A row a component, the covariance always a matrix
SELECT family, c.* FROM models, gmm_components(model) AS c ORDER BY family, component;
SELECT component, weight FROM gmm_components('{"weights": [0.5, 0.5], "means": [0, 1], "covariances": [1, 2]}') LIMIT 1;
SELECT (gmm_components(model)).component FROM models WHERE family = 'full';
SELECT count(*) FROM gmm_components(NULL);

-- A model built from its components is the same model
SELECT family, gmm_model_send(model) = gmm_model_send(
	(SELECT gmm_model(array_agg(weight ORDER BY component), array_agg(mean ORDER BY component),
		array_agg(covariance ORDER BY component)) FROM gmm_components(model))) AS same
FROM models WHERE family = 'full';

-- A model that knows of no fit
SELECT family, s.* FROM models, gmm_summary(model) AS s ORDER BY family;
SELECT gmm_bic(model), gmm_aic(model), gmm_icl(model) FROM models WHERE family = 'full';
SELECT count(*) FROM models, gmm_trials(model);
SELECT * FROM gmm_summary(NULL);

-- What a model says of its fit has a column there, but for these:
SELECT string_agg(key, ', ' ORDER BY key) AS not_in_the_summary
FROM jsonb_object_keys((SELECT gmm_fit_best(ARRAY[x], 1, 2)::jsonb FROM generate_series(1.0, 40) AS x)) AS key
WHERE key NOT IN (SELECT unnest(proargnames) FROM pg_proc WHERE proname = 'gmm_summary');

-- A fitted one.  Free parameters: k - 1 weights, k * d means, and the
-- covariances; n is the sum of weights.
UPDATE models SET model = (model::jsonb || '{"n_rows": 100, "sum_weights": 250,
	"log_likelihood": -1234.5, "iterations": 12, "converged": true, "n_starts": 10,
	"n_best_starts": 7}')::gmm_model;
SELECT k, d, covariance_type, n_rows, sum_weights, log_likelihood, iterations,
	converged, n_starts, n_best_starts
FROM models, gmm_summary(model) ORDER BY covariance_type;
SELECT family, n,
	abs(bic - (2 * 1234.5 + n * ln(250::float8))) < 1e-9 AS bic,
	abs(aic - (2 * 1234.5 + n * 2)) < 1e-9 AS aic,
	bic = gmm_bic(model) AS same_bic, aic = gmm_aic(model) AS same_aic
FROM models JOIN (VALUES ('full', 11), ('tied', 8), ('diag', 9), ('spherical', 7)) AS v (family, n) USING (family),
	gmm_summary(model)
ORDER BY family;

-- The entropy is known by later versions only, and makes ICL of BIC
SELECT family, gmm_icl(model) FROM models ORDER BY family;
UPDATE models SET model = (model::jsonb || '{"entropy": 12.25}')::gmm_model;
SELECT family, gmm_icl(model) - gmm_bic(model) AS twice_the_entropy,
	s.icl = gmm_icl(model) AS same_icl
FROM models, gmm_summary(model) AS s ORDER BY family;

-- The condition number is that of the covariance, whatever the family: the
-- ratio of eigenvalues, which for {{1,0.5},{0.5,2}} are (3 +- sqrt(2)) / 2.
SELECT family, component, n_effective,
	CASE WHEN family IN ('full', 'tied') AND component = 1
		 THEN abs(condition_number - (3 + sqrt(2)) / (3 - sqrt(2))) < 1e-12
		 WHEN family = 'diag' THEN condition_number = 1 + 1.0 / (2 * component - 1)
		 WHEN family = 'spherical' THEN condition_number = 1 END AS condition_number,
	suspect
FROM models, gmm_components(model) ORDER BY family, component;
SELECT component, round(condition_number) FROM gmm_components(
	gmm_model('{0.5,0.5}', '{{0,0,0},{1,1,1}}',
		'{{{4,0,0},{0,1e-6,0},{0,0,1}},{{1,0.99,0},{0.99,1,0},{0,0,1}}}'));

-- Suspect: a component with fewer rows than its covariance has to have, one
-- that has shrunk onto one value of what another one spreads over, and one
-- that an earlier one is the same as.  What is flat where nobody else is, as a
-- code is that is constant in a group, or where all are, is not at fault.
CREATE FUNCTION suspects(model gmm_model) RETURNS text LANGUAGE sql AS
$$SELECT string_agg(coalesce(suspect, 'sound'), ', ' ORDER BY component) FROM gmm_components(model)$$;
SELECT suspects(gmm_model('{0.7,0.3}', ARRAY[[0,0,7],[x,1,7]], ARRAY[[[1,0,0],[0,1,0],[0,0,v]],[[v,0,0],[0,1,0],[0,0,v]]]))
FROM (VALUES (1e-20, 2), (1e-20, 30), (1e-3, 2)) AS v (v, x);
SELECT suspects(gmm_model('{0.7,0.3}', ARRAY[[0,0],[x,1]], '{{1,1},{1e-20,1}}', 'diag')) FROM unnest('{2,30}'::integer[]) AS x;
SELECT suspects(gmm_model('{0.7,0.3}', ARRAY[[0,0],[x,1]], '{1,1e-20}', 'spherical')) FROM unnest('{2,30}'::integer[]) AS x;
SELECT suspects(gmm_model('{0.7,0.3}', '{{0,0},{4,-4}}', '{{1,0.9999999999},{0.9999999999,1}}', 'tied'));
-- two values of a code, and a line aslant that the other one reaches across
SELECT suspects(gmm_model('{0.7,0.3}', '{{0,0},{1,1}}', '{{1e-20,1},{1e-20,2}}', 'diag'));
SELECT suspects(gmm_model('{0.7,0.3}', '{{0,0},{1,1}}', '{{{1,0},{0,1}},{{1,0.9999999999999},{0.9999999999999,1}}}'));
-- the same component once more, in every family; a little beside it is another
SELECT family, suspects(gmm_model('{0.5,0.3,0.2}', ARRAY[[0,0],[0,x],[4,4]], covariances, family))
FROM (VALUES (1, 'full', '{{{1,0},{0,1}},{{1,0},{0,1}},{{1,0},{0,1}}}'::double precision[]),
	(2, 'tied', '{{1,0},{0,1}}'), (3, 'diag', '{{1,1},{1,1},{1,1}}'), (4, 'spherical', '{1,1,1}')) AS f (n, family, covariances),
	unnest('{0,0.1}'::double precision[]) AS x
ORDER BY n, x;
SELECT suspects(gmm_model('{0.5,0.5}', '{{0,0},{0,0}}', '{1,2}', 'spherical'));
SELECT v.n_rows, v.reg_covar, suspects, s.n_suspect
FROM (VALUES (100, 1e-9), (14, 1e-9), (9, 1e-9), (100, 0.2)) AS v (n_rows, reg_covar),
	LATERAL (SELECT (gmm_model('{0.8,0.2}', '{{0,0},{4,4}}', '{{{1,0},{0,2}},{{3,1},{1,4}}}')::jsonb ||
		jsonb_build_object('n_rows', v.n_rows, 'sum_weights', v.n_rows, 'reg_covar', v.reg_covar,
			'log_likelihood', -1, 'iterations', 1, 'converged', true, 'n_starts', 1,
			'n_best_starts', 1))::gmm_model AS model) AS m,
	suspects(model), gmm_summary(model) AS s;

-- Trials, as rows
SELECT t.* FROM gmm_trials('{"covariance_type": "spherical", "weights": [0.5,0.5], "means": [0,2], "covariances": [1,3],
	"n_rows": 9, "sum_weights": 9, "log_likelihood": -3.5, "iterations": 7, "converged": true, "n_starts": 10,
	"n_best_starts": 1, "entropy": 0.75, "criterion": "icl", "trials":
	[{"k": 1, "covariance_type": "full", "log_likelihood": -4, "entropy": 0, "iterations": 1, "converged": true,
	  "n_starts": 1, "n_best_starts": 1, "n_suspect": 0},
	 {"k": 2, "covariance_type": "spherical", "log_likelihood": -3.5, "entropy": 0.75, "iterations": 7,
	  "converged": true, "n_starts": 10, "n_best_starts": 1, "n_suspect": 1}]}') AS t;
SELECT count(*) FROM gmm_trials(NULL);

-- A larger one, stored out of line
INSERT INTO models
SELECT 'large', gmm_model('{0.5,0.5}', ARRAY[array_agg(i), array_agg(-i)], ARRAY[array_agg(i), array_agg(i * 2)], 'diag')
FROM generate_series(1, 2000) AS i;
SELECT component, mean[2000], covariance[2000][2000], covariance[1][2000], array_dims(covariance)
FROM models, gmm_components(model) WHERE family = 'large' ORDER BY component;

DROP TABLE models;
