--
-- gmm_clusters, and clusters as an argument
--
\pset format unaligned
\pset tuples_only on
SELECT p.oid::regprocedure, provolatile, proparallel, proisstrict, obj_description(p.oid, 'pg_proc') IS NOT NULL
FROM pg_proc AS p WHERE proname = 'gmm_clusters' OR 'clusters' = ANY (proargnames) ORDER BY p.oid::regprocedure::text COLLATE "C";
CREATE TABLE hills AS
SELECT gmm_model('{0.25,0.25,0.25,0.25}', '{{0},{1},{20},{22}}', '{1,1,1,1}', 'spherical') AS model;
SELECT gmm_clusters(model) FROM hills;
SELECT n, gmm_clusters(model, n) FROM hills, generate_series(1, 4) AS n;
SELECT gmm_clusters(gmm_model('{1}', '{{0,0}}', '{{1,1}}', 'diag')), gmm_clusters(gmm_model('{1}', '{{0,0}}', '{{1,1}}', 'diag'), 1);
-- Equal components are one; one of weight 0 is of the hill that it is in.
SELECT gmm_clusters(gmm_model('{0.5,0.25,0.25}', '{{3,3},{3,3},{3,3}}', '{{2,1},{1,2}}', 'tied'));
SELECT gmm_clusters(gmm_model('{0.5,0,0.5}', '{{0},{30},{31}}', '{1,1,1}', 'spherical'));
-- A wide component beneath two narrow ones does not join these.
SELECT gmm_clusters(gmm_model('{0.4,0.2,0.4}', '{{-10,0},{-0.1,0},{10,0}}', '{1,100,1}', 'spherical'));
-- Farther apart than there are densities
SELECT gmm_clusters(model), gmm_clusters(model, 2), gmm_clusters(model, 1)
FROM (SELECT gmm_model('{0.5,0.25,0.25}', '{{0},{1e90},{1e95}}', '{1e-100,1e-100,1e-100}', 'spherical') AS model) AS m;
SELECT gmm_clusters(NULL), gmm_clusters(NULL, 2), gmm_clusters(model, NULL) FROM hills;
SELECT gmm_clusters(model, 0) FROM hills;
SELECT gmm_clusters(model, 5) FROM hills;
-- A count is a bigint, and none of these is cut short.
SELECT gmm_clusters(model, (SELECT count(DISTINCT component) FROM gmm_components(model) WHERE mean[1] < 20)) FROM hills;
SELECT gmm_clusters(model, 4294967297) FROM hills;
SELECT gmm_clusters(gmm_model('{1}', '{{0,0}}', '{{1,1}}', 'diag'), -1);

SELECT gmm_predict(model, '{0.4}', '{2,2,1,1}'), gmm_predict(model, '{21}', '{2,2,1,1}'), gmm_predict(model, '{NULL}', '{1,2,2,2}'),
	gmm_predict(model, '{NULL}', '{1,1,2,2}') FROM hills;
SELECT gmm_predict_proba(model, '{0.5}', '{1,2,3,3}')::numeric(6,4)[], gmm_predict_proba(model, '{NULL}', '{1,2,1,1}') FROM hills;
SELECT gmm_entropy(model, '{0.5}', '{1,1,2,2}')::numeric(6,4), gmm_entropy(model, '{0.5}', '{1,2,1,1}')::numeric(6,4), gmm_entropy(model, '{NULL}', '{1,1,1,1}') FROM hills;
SELECT t.* FROM hills, gmm_top(model, '{NULL}', 5, 0, '{1,2,2,2}') AS t;
SELECT t.* FROM hills, gmm_top(model, '{NULL}', 1, 0.3, '{1,2,2,2}') AS t;
SELECT gmm_predict(model, '{0}', NULL) IS NULL FROM hills;
\set VERBOSITY terse
SELECT gmm_predict(model, '{0}', '{1,1,1}') FROM hills;
SELECT gmm_predict(model, '{0}', '{1}') FROM hills;
SELECT gmm_predict(model, '{0}', '{}') FROM hills;
SELECT gmm_predict_proba(model, '{0}', '{1,1,1,1,1}') FROM hills;
SELECT gmm_predict_proba(model, '{0}', '{1,1,NULL,1}') FROM hills;
SELECT gmm_entropy(model, '{0}', '{{1,1},{1,1}}') FROM hills;
SELECT gmm_predict(model, '{0}', '{0,1,1,1}') FROM hills;
SELECT gmm_predict(model, '{0}', '{1,1,1,5}') FROM hills;
SELECT gmm_predict(model, '{0}', '{1,1,3,3}') FROM hills;
SELECT gmm_top(model, '{0}', 1, 0, '{2,2,2,2}') FROM hills;
SELECT gmm_predict(model, '{0}', '{-2147483648,1,1,1}') FROM hills;
DROP TABLE hills;
