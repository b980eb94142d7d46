--
-- Principal axes of a model and rows along them: gmm_pca, gmm_pca_variance,
-- gmm_project
--
\set VERBOSITY terse

-- A plain case: axes along the features, the second the longest
CREATE TABLE pca_models AS
SELECT gmm_model('{1}', '{{1,2,3}}', '{{4,9,1}}', 'diag') AS model;
SELECT gmm_pca(model, 2) FROM pca_models;
SELECT gmm_pca(model, 3, whiten => true) FROM pca_models;
SELECT gmm_pca(model, count(*)) FROM pca_models GROUP BY model::text, model;
SELECT axis, variance, round(share::numeric, 6) AS share, round(cumulative_share::numeric, 6) AS cumulative_share
FROM pca_models, gmm_pca_variance(model);
-- Two components: their means are apart along the first axis.
SELECT gmm_pca(gmm_model('{0.5,0.5}', '{{-3,0},{3,0}}', '{1,1}', 'spherical'), 1);
SELECT variance FROM gmm_pca_variance(gmm_model('{0.5,0.5}', '{{-3,0},{3,0}}', '{1,1}', 'spherical'));
-- One dimension
SELECT gmm_pca(gmm_model('{1}', '{{5}}', '{4}', 'spherical'), 1, true);

SELECT gmm_project(gmm_pca(model, 2), '{1,2,3}') FROM pca_models;
SELECT gmm_project(gmm_pca(model, 2), '{3,8,3}') FROM pca_models;
SELECT gmm_project(gmm_pca(model, 2, true), '{3,8,3}') FROM pca_models;
-- Axes are an array like any other: from a literal, or the first of some.
SELECT gmm_project('{{1,1},{0.6,0.8}}', '{2,3}');
SELECT gmm_project((gmm_pca(model, 3))[1:2], '{3,8,3}') FROM pca_models;
SELECT gmm_project('[0:1][2:3]={{1,1},{0.6,0.8}}', '{2,3}');
-- A NULL element is replaced by its expectation, here the mean.
SELECT gmm_project(gmm_pca(model, 2), gmm_impute(model, '{3,NULL,3}')) FROM pca_models;
SELECT gmm_pca(NULL, 1) IS NULL, gmm_pca(model, NULL) IS NULL, gmm_pca(model, 1, NULL) IS NULL,
	   gmm_project(NULL, '{1}') IS NULL, gmm_project('{{1},{1}}', NULL) IS NULL
FROM pca_models;

-- What is refused
SELECT statement, refusal('SELECT ' || statement || ' FROM pca_models') AS answer
FROM (VALUES ('gmm_pca(model, 0)'), ('gmm_pca(model, 4)'), ('gmm_pca(model, -9223372036854775808)'),
	('gmm_pca(gmm_model(''{1}'', ''{{0,0}}'', ''{{1,1e-40}}'', ''diag''), 2, true)'),
	('gmm_pca(gmm_model(''{0.5,0.5}'', ''{{1e200},{-1e200}}'', ''{1,1}'', ''spherical''), 1)'),
	('gmm_pca_variance(gmm_model(''{0.5,0.5}'', ''{{1e200},{-1e200}}'', ''{1,1}'', ''spherical''))'),
	('gmm_project(gmm_pca(model, 2), ''{1,2}'')'), ('gmm_project(gmm_pca(model, 2), ''{1}'')'),
	('gmm_project(gmm_pca(model, 2), ''{1,NULL,3}'')'), ('gmm_project(gmm_pca(model, 2), ''{NULL,NULL,NULL}'')'),
	('gmm_project(gmm_pca(model, 2), ''{1,NaN,3}'')'), ('gmm_project(gmm_pca(model, 2), ''{{1,2,3}}'')'),
	('gmm_project(gmm_pca(model, 2), ''{}'')'), ('gmm_project(''{}'', ''{1}'')'),
	('gmm_project(''{1,2}'', ''{1,2}'')'), ('gmm_project(''{{1,2}}'', ''{1,2}'')'),
	('gmm_project(''{{{1,2}},{{1,2}}}'', ''{1,2}'')'), ('gmm_project(''{{1,2},{NULL,1}}'', ''{1,2}'')'),
	('gmm_project(''{{1,2},{NaN,1}}'', ''{1,2}'')'), ('gmm_project(''{{0,0},{1e300,1}}'', ''{1e300,2}'')')
) AS s (statement);
DROP TABLE pca_models;
