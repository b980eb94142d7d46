--
-- Why: gmm_explain, gmm_explain_component, gmm_profile
--
\pset format unaligned
\pset null '(null)'
SET extra_float_digits = -3;

SELECT p.oid::regprocedure, provolatile, proparallel, proisstrict, obj_description(p.oid, 'pg_proc') IS NOT NULL AS has_comment
FROM pg_proc AS p WHERE proname IN ('gmm_explain', 'gmm_explain_component', 'gmm_profile') ORDER BY p.oid::regprocedure::text COLLATE "C";

-- Correlations of 0.6 and 0.8 with the third feature, of which the elements are
-- 0.48, so that the first two are independent given the third.
CREATE TABLE why (model gmm_model);
INSERT INTO why VALUES (gmm_model('{0.75, 0.25}', '{{0, 0, 0}, {10, 0, 5}}',
	'{{{1, 0.48, 0.6}, {0.48, 1, 0.8}, {0.6, 0.8, 1}}, {{4, 0, 0}, {0, 1, 0}, {0, 0, 9}}}', 'full', '{width,height,depth}'));

SELECT e.* FROM why, gmm_explain(model, '{1, 1, 1}') AS e;
SELECT e.* FROM why, gmm_explain(model, '{1, 1, 1}', 2) AS e;
SELECT e.* FROM why, gmm_explain(model, '{NULL, 1, NULL}') AS e;
SELECT e.* FROM why, gmm_explain(model, '{NULL, NULL, NULL}') AS e;
SELECT e.* FROM why, gmm_explain(model, '{1, 1, 1}', NULL) AS e ORDER BY contribution DESC LIMIT 1;
SELECT (gmm_explain(model, '{1, 1, 1}')).feature FROM why;
SELECT feature, value FROM gmm_explain(gmm_model('{1}', '{{0, 0}}', '{1}', 'spherical'), '{1, 2}');
SELECT count(*) FROM gmm_explain(NULL, '{1}');
SELECT count(*) FROM why, gmm_explain(model, NULL);

SELECT e.* FROM why, gmm_explain_component(model, '{1, 1, 1}') AS e;
SELECT e.* FROM why, gmm_explain_component(model, '{1, 1, 1}', 2) AS e;
SELECT e.* FROM why, gmm_explain_component(model, '{1, 1, 1}', other => 1) AS e;
SELECT e.* FROM why, gmm_explain_component(model, '{NULL, 1, NULL}', 2, 1) AS e;
SELECT e.* FROM why, gmm_explain_component(model, '{NULL, NULL, NULL}', 2, 1) AS e;
SELECT e.* FROM why, gmm_explain_component(model, '{1, 1, 1}', 2, 2) AS e;
SELECT count(*) FROM gmm_explain_component(NULL, '{1}', 1, 2);
SELECT count(*) FROM why, gmm_explain_component(model, NULL, 1, 2);
-- A component of weight 0 is impossible, whatever the row.
SELECT term, log_odds FROM gmm_explain_component(gmm_model('{1, 0, 0}', '{0, 1, 2}', '{1, 1, 1}'), '{1}', 2, 1);
SELECT term, log_odds FROM gmm_explain_component(gmm_model('{1, 0, 0}', '{0, 1, 2}', '{1, 1, 1}'), '{1}', 1, 3);
SELECT outcome($$SELECT gmm_explain_component(gmm_model('{1, 0, 0}', '{0, 1, 2}', '{1, 1, 1}'), '{1}', 2, 3)$$);

SELECT p.* FROM why, gmm_profile(model) AS p;
SELECT component, rank, feature, effect, description FROM gmm_profile(gmm_model('{0.3, 0.4, 0.3}', '{{-9, 0}, {0, 0.5}, {9, 0}}', '{{1, 9}, {1, 1}, {1, 16}}', 'diag'));
SELECT * FROM gmm_profile(gmm_model('{1}', '{{5, 6}}', '{{1, 4}}', 'diag'));
SELECT component, weight, others_mean, description FROM gmm_profile(gmm_model('{1, 0}', '{5, 6}', '{1, 4}'));
SELECT count(*) FROM gmm_profile(NULL);
SELECT (gmm_profile(model)).rank FROM why LIMIT 2;

-- What is refused
SELECT outcome('SELECT count(*) FROM why, ' || call) FROM (VALUES
	(1, $$gmm_explain(model, '{1, 2, 3}', 0)$$), (2, $$gmm_explain(model, '{1, 2, 3}', 3)$$),
	(3, $$gmm_explain(model, '{1, 2}')$$), (4, $$gmm_explain(model, '{1, NaN, 3}')$$), (5, $$gmm_explain(model, '{}')$$),
	(6, $$gmm_explain(model, '{1, 1e200, 3}')$$), (7, $$gmm_explain(model, '{1, -1e308, NULL}', 2)$$),
	(8, $$gmm_explain(gmm_model('{1}', '{0}', '{1}'), '{1}', -1)$$),
	(9, $$gmm_explain_component(model, '{1, 2, 3}', 3)$$), (10, $$gmm_explain_component(model, '{1, 2, 3}', 1, 0)$$),
	(11, $$gmm_explain_component(model, '{1, 2, Infinity}')$$), (12, $$gmm_explain_component(model, '{1, 2, 3, 4}')$$),
	(13, $$gmm_explain_component(gmm_model('{1}', '{0}', '{1}'), '{1}')$$), (14, $$gmm_explain_component(gmm_model('{1}', '{0}', '{1}'), '{1}', 1, 1)$$),
	(15, $$gmm_explain_component(model, '{1, 1e200, 3}')$$),
	(16, $$gmm_profile(gmm_model('{0.5, 0.25, 0.25}', '{{0, 0}, {0, 1e200}, {0, -1e200}}', '{{1, 1}, {1, 1}, {1, 1}}', 'diag', '{a,b}'))$$)) AS c (n, call)
ORDER BY n;
