--
-- Looking into a model: gmm_components, gmm_summary, gmm_bic, gmm_aic
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
SELECT gmm_bic(model), gmm_aic(model) FROM models WHERE family = 'full';
SELECT * FROM gmm_summary(NULL);

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

-- A larger one, stored out of line
INSERT INTO models
SELECT 'large', gmm_model('{0.5,0.5}', ARRAY[array_agg(i), array_agg(-i)], ARRAY[array_agg(i), array_agg(i * 2)], 'diag')
FROM generate_series(1, 2000) AS i;
SELECT component, mean[2000], covariance[2000][2000], covariance[1][2000], array_dims(covariance)
FROM models, gmm_components(model) WHERE family = 'large' ORDER BY component;

DROP TABLE models;
