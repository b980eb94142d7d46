--
-- Models compared: =, DISTINCT, GROUP BY, UNION, joins, sorting
--
-- Fits of few rows
SET gmm.warnings = off;
CREATE TABLE models (id integer, model gmm_model);
INSERT INTO models VALUES
	(1, gmm_model('{0.5,0.5}', '{{0,0},{1,1}}', '{1,2}', 'spherical')),
	(2, gmm_model('{0.5,0.5}', '{{0,0},{1,1}}', '{1,2}', 'spherical')),
	(3, gmm_model('{0.5,0.5}', '{{0,0},{1,1}}', '{1,3}', 'spherical')),
	(4, gmm_model('{0.5,0.5}', '{{0,0},{1,1}}', '{{1,1},{2,2}}', 'diag'));
-- The same parameters, but of a fit
INSERT INTO models SELECT 5, (model::jsonb || '{"n_rows": 9, "sum_weights": 9, "log_likelihood": -1,
	"iterations": 1, "converged": true, "n_starts": 1, "n_best_starts": 1}')::gmm_model FROM models WHERE id = 1;

SELECT a.id, string_agg(b.id::text, ' ' ORDER BY b.id) FILTER (WHERE a.model = b.model) AS equal,
	string_agg(b.id::text, ' ' ORDER BY b.id) FILTER (WHERE a.model <> b.model) AS not_equal,
	bool_and((a.model #<# b.model) = (b.model #># a.model) AND (a.model #<=# b.model) = (b.model #>=# a.model)
		AND (a.model #<# b.model) = (NOT a.model #>=# b.model) AND (a.model #<=# b.model) = (a.model #<# b.model OR a.model = b.model)
		AND gmm_model_cmp(a.model, b.model) = -gmm_model_cmp(b.model, a.model)
		AND (a.model <> b.model OR gmm_model_hash(a.model) = gmm_model_hash(b.model))
		AND (a.model <> b.model OR gmm_model_hash_extended(a.model, 7) = gmm_model_hash_extended(b.model, 7))) AS consistent
FROM models AS a, models AS b GROUP BY a.id ORDER BY a.id;
SELECT a.id, b.id FROM models AS a JOIN models AS b ON a.model IS NOT DISTINCT FROM b.model WHERE a.id < b.id;
SELECT count(DISTINCT model), count(model = NULL) FROM models;
-- There is no order that means something
SELECT count(*) FROM pg_operator WHERE oprleft = 'gmm_model'::regtype AND oprname IN ('<', '<=', '>', '>=');
SELECT count(*) FROM (SELECT model FROM models ORDER BY model USING #>#) AS s;

-- By hashing and by sorting
SET enable_sort = off;
SELECT array_agg(id ORDER BY id) FROM models GROUP BY model ORDER BY 1;
SELECT count(*) FROM (SELECT model FROM models UNION SELECT model FROM models) AS u;
SET enable_hashagg = off;
SET enable_sort = on;
SELECT array_agg(id ORDER BY id) FROM models GROUP BY model ORDER BY 1;
SELECT count(*) FROM (SELECT model FROM models UNION SELECT model FROM models) AS u;
RESET enable_hashagg;
RESET enable_sort;
SET enable_mergejoin = off;
SET enable_nestloop = off;
SELECT count(*) FROM models AS a JOIN models AS b USING (model);
SET enable_hashjoin = off;
SET enable_mergejoin = on;
SELECT count(*) FROM models AS a JOIN models AS b USING (model);
RESET enable_mergejoin;
RESET enable_nestloop;
RESET enable_hashjoin;

-- One of each, and a fit that goes on from the one model of a group
CREATE UNIQUE INDEX ON models USING btree (model) WHERE id <> 2;
INSERT INTO models SELECT 6, model FROM models WHERE id = 3;
SELECT id, (gmm_summary(gmm_refit(ARRAY[x, -x], model))).n_rows FROM models, generate_series(1, 9) AS x
WHERE id > 2 GROUP BY id, model ORDER BY id;
SELECT (gmm_summary(gmm_refit(DISTINCT ARRAY[x % 5, x % 3], model))).n_rows FROM models, generate_series(1, 30) AS x WHERE id = 1;

DROP TABLE models;
