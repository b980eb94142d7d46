--
-- Models side by side: gmm_compare and gmm_divergence, and what they refuse
--
\pset format unaligned
\pset tuples_only on
SELECT p.oid::regprocedure, provolatile, proparallel, proisstrict, obj_description(p.oid, 'pg_proc') IS NOT NULL
FROM pg_proc AS p WHERE proname IN ('gmm_compare', 'gmm_divergence') ORDER BY p.oid::regprocedure::text COLLATE "C";

-- By hand: variances 1 and 1, means 0 and 2: 4 / 8; variances 1 and 4 about the same
-- mean: ln(2.5 / 2) / 2.
CREATE TABLE pairs (number integer, a gmm_model, b gmm_model);
INSERT INTO pairs VALUES
	(1, gmm_model('{0.5,0.5}', '{{0},{10}}', '{1,1}', 'spherical'), gmm_model('{0.25,0.75}', '{{12},{0}}', '{{{1}},{{4}}}')),
	(2, gmm_model('{1}', '{{0,0}}', '{{1,1}}', 'diag'), gmm_model('{0.1,0.2,0.7}', '{{5,5},{2,0},{-1,0}}', '{{1,0},{0,1}}', 'tied')),
	(3, gmm_model('{0.1,0.2,0.7}', '{{5,5},{2,0},{-1,0}}', '{{1,0},{0,1}}', 'tied'), gmm_model('{1}', '{{0,0}}', '{{1,1}}', 'diag')),
	(4, gmm_model('{0.5,0.5}', '{{0},{1e100}}', '{1e-300,1}', 'spherical'), gmm_model('{0.5,0.5}', '{{1e100},{0}}', '{1,1e-300}', 'spherical'));
SELECT number, m.component_a, m.component_b, m.weight_a, m.weight_b, m.distance::real FROM pairs, gmm_compare(a, b) AS m ORDER BY number, 2, 3;
SELECT ln(2.5 / 2) / 2;
-- A component of weight 0 is one; nothing is drawn from it.
SELECT m.* FROM gmm_compare(gmm_model('{0,1}', '{{0},{1}}', '{1,1}', 'spherical'), gmm_model('{1,0}', '{{0},{1}}', '{1,1}', 'spherical')) AS m;
SELECT divergence BETWEEN 0.4 AND 0.6, standard_error BETWEEN 0.005 AND 0.02
FROM gmm_divergence(gmm_model('{0,1}', '{{0},{1}}', '{1,1}', 'spherical'), gmm_model('{1,0}', '{{0},{1}}', '{1,1}', 'spherical'));

SELECT count(*) FROM gmm_compare(NULL, NULL);
SELECT count(*) FROM pairs, gmm_compare(a, NULL);
SELECT divergence IS NULL AND standard_error IS NULL FROM gmm_divergence(NULL, NULL);
SELECT d.* FROM pairs, gmm_divergence(a, b, NULL) AS d WHERE number = 1;
SELECT * FROM gmm_compare(gmm_model('{1}', '{{0}}', '{1}', 'spherical'), gmm_model('{1}', '{{0,0}}', '{1}', 'spherical'));
SELECT gmm_divergence(gmm_model('{1}', '{{0}}', '{1}', 'spherical'), gmm_model('{1}', '{{0,0}}', '{1}', 'spherical'));
SELECT gmm_divergence(a, b, 1) FROM pairs;
SELECT gmm_divergence(a, b, -5) FROM pairs;
SELECT * FROM gmm_compare('{"weights": [1], "means": [[0, 1]], "covariances": [1], "covariance_type": "VII", "features": ["x", "y"]}',
	'{"weights": [1], "means": [[0, 1]], "covariances": [1], "covariance_type": "VII", "features": ["y", "x"]}');
SELECT distance FROM gmm_compare('{"weights": [1], "means": [[0, 1]], "covariances": [1], "covariance_type": "VII", "features": ["x", "y"]}',
	'{"weights": [1], "means": [[0, 1]], "covariances": [1], "covariance_type": "VII"}');
SET statement_timeout = '50ms';
SELECT gmm_divergence(a, b, 1000000000000) FROM pairs WHERE number = 2;
RESET statement_timeout;
DROP TABLE pairs;
