-- doc/gmm_score.sql gives what the functions in C give, to 1e-12: random models and
-- rows of all families, with noise, with NULLs, at the ends of the range of double
-- precision.  It refuses what is no model and no row, needs no extension, and works
-- whatever the search_path.
\ir models.psql
\i doc/gmm_score.sql

-- Random cases, in each family: a model of 200 rows, and 40 rows to score, of which
-- some are far from all components.
CREATE TABLE cases AS SELECT number, 1 + number % 5 AS d, 1 + number % 4 AS k FROM generate_series(1, 20) AS number;
CREATE TABLE rows AS
SELECT number, k, r.* FROM cases, random_rows(:seed * 1000 + 700 + number, 240, d, k) AS r;
CREATE TABLE models AS
SELECT number, family, false AS noise,
       gmm_fit(features, k, gmm_options(covariance_type => family, n_init => 1, max_iter => 20)) AS model
FROM rows, families WHERE id <= 200 GROUP BY number, family, k;
INSERT INTO models
SELECT number, family, true,
       (model::jsonb || jsonb_build_object('noise_weight', uniform(:seed, 701, number) / 2, 'features', names,
                                           'noise_least', least, 'noise_most', most))::gmm_model
FROM models, LATERAL (
    SELECT jsonb_agg(-5 - j - number ORDER BY j), jsonb_agg(5 + j / 3.0 ORDER BY j),
           jsonb_agg(format('feature "%s" {', j) ORDER BY j)
    FROM generate_series(1, (gmm_summary(model)).d) AS j) AS box (least, most, names);
CREATE TABLE scored AS
SELECT number, family, noise, model, id,
       ARRAY(SELECT CASE WHEN id % 4 = 0 AND uniform(:seed, 702 + j, number * 1000 + id) < 0.4 THEN NULL
                         WHEN id % 10 = 9 THEN 8 * x ELSE x END
             FROM unnest(features) WITH ORDINALITY AS u (x, j) ORDER BY j) AS x
FROM models JOIN rows USING (number) WHERE id > 200;

SELECT equals(count(*) FILTER (WHERE gmm_predict(model, x) = gmm_json_predict(model::jsonb, x)), count(*),
              'predict: ' || family || CASE WHEN noise THEN ', noise' ELSE '' END) || E'\n' ||
       all_within(array_agg((SELECT max(abs(a - b)) FROM unnest(gmm_predict_proba(model, x),
                                 gmm_json_predict_proba(model::jsonb, x)) AS u (a, b))), 800, 1e-12,
                  'predict_proba: ' || family || CASE WHEN noise THEN ', noise' ELSE '' END) || E'\n' ||
       all_within(array_agg(abs(gmm_logpdf(model, x) - gmm_json_logpdf(model::jsonb, x)) /
                            greatest(1, abs(gmm_logpdf(model, x)))), 800, 1e-12,
                  'logpdf: ' || family || CASE WHEN noise THEN ', noise' ELSE '' END) || E'\n' ||
       ok(bool_and(array_lower(gmm_predict_proba(model, x), 1) = array_lower(gmm_json_predict_proba(model::jsonb, x), 1)),
          'subscripts: ' || family || CASE WHEN noise THEN ', noise' ELSE '' END)
FROM scored GROUP BY family, noise ORDER BY family, noise;
SELECT ok(bool_or(x IS NOT NULL AND array_position(x, NULL) > 0) AND bool_or(array_remove(x, NULL) = '{}') AND
          bool_or(gmm_predict(model, x) = 0), 'there were NULLs, rows of nothing else, and noise')
FROM scored;

-- Models and rows at the ends: scales, a component of weight 0, no rows of a
-- component in reach, equal components, text that is not symmetric to the last bit.
CREATE TABLE ends (what text, model gmm_model, x double precision[]);
INSERT INTO ends VALUES
    ('variances of 1e-300', '{"weights": [0.5, 0.5], "means": [[0, 1e-150], [1e-150, 0]], "covariances": [[[1e-300, 5e-301], [5e-301, 1e-300]], [[1e-300, 0], [0, 2e-300]]]}', '{3e-151, 4e-151}'),
    ('variances of 1e300', '{"weights": [0.5, 0.5], "means": [[0, 1e150], [1e150, 0]], "covariances": [[[1e300, 5e299], [5e299, 1e300]], [[1e300, 0], [0, 2e300]]]}', '{3e149, -4e149}'),
    ('both', '{"weights": [1], "means": [[1e-150, 1e150]], "covariances": [[[1e-300, 0.5], [0.5, 1e300]]]}', '{2e-150, 2e150}'),
    ('a correlation of 1e-200', '{"weights": [1], "means": [[0, 0]], "covariances": [[[1, 1e-200], [1e-200, 1]]]}', '{1e-200, 1}'),
    ('a correlation of 9e-11', '{"weights": [1], "means": [[0, 0]], "covariances": [[[1, 9e-11], [9e-11, 1]]]}', '{30, -30}'),
    ('correlations of 1e-90', '{"weights": [1], "means": [[0, 0, 0]], "covariances": [[[1, 1e-90, 1e-90], [1e-90, 1, 0], [1e-90, 0, 1]]]}', '{1, 2, 3}'),
    ('a row of 1e-90 of these', '{"weights": [1], "means": [[0, 0]], "covariances": [[[1, 1e-90], [1e-90, 1]]]}', '{1e-90, 0}'),
    ('the least number', '{"weights": [1], "means": [[0]], "covariances": [[[100]]]}', '{5e-324}'),
    ('all but the mean', '{"weights": [1], "means": [[0.1, 0]], "covariances": [[[1, 0.5], [0.5, 1]]]}', '{0.1, 5e-324}'),
    ('a weight of 0', '{"weights": [0, 1], "means": [[0], [5]], "covariances": [[[1]], [[1]]]}', '{0}'),
    ('one is far away', '{"weights": [0.5, 0.5], "means": [[0], [1e6]], "covariances": [[[1]], [[1]]]}', '{0}'),
    ('all are far away', '{"weights": [0.5, 0.5], "means": [[0], [1e6]], "covariances": [[[1]], [[1]]]}', '{-1e100}'),
    ('equal components', '{"weights": [0.5, 0.5], "means": [[0], [0]], "covariances": [[[1]], [[1]]]}', '{2}'),
    ('weights that nearly sum to 1', '{"weights": [0.5, 0.4999999], "means": [[0], [1]], "covariances": [[[1]], [[1]]]}', '{2}'),
    ('nearly symmetric', '{"weights": [1], "means": [[0, 0]], "covariances": [[[1, 0.500000001], [0.5, 1]]]}', '{1, 2}'),
    ('no noise but its box', '{"weights": [1], "means": [[0]], "covariances": [[[1]]], "noise_weight": 0, "noise_least": [-1], "noise_most": [1]}', '{1}'),
    ('a subscript of its own', '{"weights": [1], "means": [[0, 1]], "covariances": [[2, 3]], "covariance_type": "VVI"}', '[5:6]={1,7}');
SELECT equals(gmm_json_predict(model::jsonb, x), gmm_predict(model, x), what || ': predict') || E'\n' ||
       near(gmm_json_logpdf(model::jsonb, x), gmm_logpdf(model, x), 1e-12, what || ': logpdf') || E'\n' ||
       ok((SELECT max(abs(a - b)) <= 1e-12 FROM unnest(gmm_predict_proba(model, x),
               gmm_json_predict_proba(model::jsonb, x)) AS u (a, b)), what || ': predict_proba')
FROM ends;
SELECT ok(gmm_json_predict(NULL, '{1}') IS NULL AND gmm_json_logpdf('{}', NULL) IS NULL, 'NULL');

-- What is no model: the extension refuses it too.
CREATE TABLE refused (model jsonb, state text, part text);
INSERT INTO refused VALUES
    ('{}', '22P02', 'key "weights" is missing'),
    ('[1]', '22P02', 'key "weights" is missing'),
    ('{"weights": [1], "covariances": [[[1]]]}', '22023', '"means" of a gmm_model must have an array'),
    ('{"weights": [1], "means": [[0]]}', '22P02', 'key "covariances" is missing'),
    ('{"weights": 1, "means": [[0]], "covariances": [[[1]]]}', '22023', '"weights" of a gmm_model must have numbers'),
    ('{"weights": ["1"], "means": [[0]], "covariances": [[[1]]]}', '22023', '"weights" of a gmm_model must have numbers'),
    ('{"weights": [null], "means": [[0]], "covariances": [[[1]]]}', '22023', '"weights" of a gmm_model must have numbers'),
    ('{"weights": [], "means": [], "covariances": []}', '22023', '"weights" of a gmm_model must have numbers'),
    ('{"weights": [0.5, 0.4], "means": [[0], [1]], "covariances": [[[1]], [[1]]]}', '22023', 'must sum to 1'),
    ('{"weights": [2, -1], "means": [[0], [1]], "covariances": [[[1]], [[1]]]}', '22023', 'must not be negative'),
    ('{"weights": [0.5, 0.5], "means": [[0]], "covariances": [[[1]], [[1]]]}', '22023', '"means" of a gmm_model must have an array'),
    ('{"weights": [0.5, 0.5], "means": [[0], [1, 2]], "covariances": [[[1]], [[1]]]}', '22023', '"means" of a gmm_model must have numbers'),
    ('{"weights": [1], "means": [[{"a": 1}]], "covariances": [[[1]]]}', '22023', '"means" of a gmm_model must have numbers'),
    ('{"weights": [1], "means": [[0]], "covariances": [[[1]], [[1]]]}', '22023', '"covariances" of a gmm_model must have an element'),
    ('{"weights": [1], "means": [[0]], "covariances": [[[1, 2]]]}', '22023', '"covariances" of a gmm_model must have numbers'),
    ('{"weights": [1], "means": [[0]], "covariances": [[[1]]], "covariance_type": "tied"}', '22023', '"covariances" of a gmm_model must have numbers'),
    ('{"weights": [1], "means": [[0]], "covariances": [[1]], "covariance_type": "spherical"}', '22023', '"covariances" of a gmm_model must have numbers'),
    ('{"weights": [1], "means": [[0]], "covariances": [[[0]]]}', '22023', 'not positive definite'),
    ('{"weights": [1], "means": [[0]], "covariances": [-1], "covariance_type": "spherical"}', '22023', 'not positive definite'),
    ('{"weights": [1], "means": [[0]], "covariances": [[1]], "covariance_type": "wide"}', '22023', 'unknown covariance_type "wide"'),
    ('{"weights": [1], "means": [[0]], "covariances": [[[1]]], "noise_weight": 0.1}', '22P02', 'key "noise_least" is missing'),
    ('{"weights": [1], "means": [[0]], "covariances": [[[1]]], "noise_least": [0], "noise_weight": 0.1}', '22P02', 'key "noise_most" is missing'),
    ('{"weights": [1], "means": [[0]], "covariances": [[[1]]], "noise_weight": 1, "noise_least": [0], "noise_most": [1]}', '22023', '"noise_weight" must be'),
    ('{"weights": [1], "means": [[0]], "covariances": [[[1]]], "noise_weight": 0.1, "noise_least": [1], "noise_most": [1]}', '22023', '"noise_most" must be above');
SELECT raises(format('SELECT %s(%L, ''{1}'')', f, model), state, part, f || ': ' || model)
FROM refused, unnest('{gmm_json_predict,gmm_json_predict_proba,gmm_json_logpdf}'::text[]) AS f;
CREATE FUNCTION is_model(model jsonb) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    RETURN model::gmm_model IS NOT NULL;
EXCEPTION WHEN invalid_text_representation OR invalid_parameter_value THEN
    RETURN false;
END
$$;
SELECT ok(NOT is_model(model), format('the extension refuses %s', model)) FROM refused;
SELECT raises(format('SELECT gmm_json_predict(%L, ''{1,2}'')', model), '22023', part, model)
FROM (VALUES ('{"weights": [1], "means": [[0, 0]], "covariances": [[[1, 0.6], [0.5, 1]]]}', 'not symmetric'),
             ('{"weights": [1], "means": [[0, 0]], "covariances": [[[1, 2], [2, 1]]]}', 'not positive definite')) AS v (model, part);
-- What is no row.
SELECT raises(format('SELECT gmm_json_logpdf(''{"weights": [1], "means": [[0, 0]], "covariances": [[1, 1]], "covariance_type": "diag"}'', %L)', x),
              state, part, x)
FROM (VALUES ('{}', '2202E', 'the length of features is 0'), ('{1}', '2202E', 'the length of features is 1'),
             ('{1,2,3}', '2202E', 'the length of features is 3, but d of the model is 2'), ('{{1,2}}', '2202E', 'the length of features is 2'),
             ('{1,NaN}', '22003', 'element 2 of features is NaN'), ('{Infinity,1}', '22003', 'element 1 of features is Infinity'),
             ('{NULL,-Infinity}', '22003', 'element 2 of features is -Infinity'),
             ('{1,1e150}', '22003', 'element 2 of features is too far from component 1'),
             ('{-1.7e308,1}', '22003', 'element 1 of features is too far from component 1')) AS v (x, state, part);

SELECT equals(string_agg(proname, ' '), NULL, 'every function has a comment')
FROM pg_proc WHERE proname LIKE 'gmm\_json%' AND obj_description(oid, 'pg_proc') IS NULL;
SELECT equals(count(*), 11::bigint, 'functions') FROM pg_proc WHERE proname LIKE 'gmm\_json%' AND provolatile = 'i' AND proparallel = 's';

-- Without the extension, in a column, an index and with an empty search_path.
CREATE TABLE alone AS SELECT model::jsonb AS model, x, gmm_predict(model, x) AS component FROM scored WHERE number = 7;
DROP EXTENSION gmm CASCADE;
CREATE TABLE indexed (x double precision[], component integer GENERATED ALWAYS AS (gmm_json_predict(
    '{"weights": [0.5, 0.5], "means": [[0], [5]], "covariances": [[[1]], [[1]]]}', x)) STORED);
SET search_path = '';
INSERT INTO public.indexed VALUES ('{1}'), ('{4}');
SELECT tap.equals(array_agg(component ORDER BY x), '{1,2}', 'a generated column') FROM public.indexed;
SELECT tap.equals(count(*) FILTER (WHERE component = public.gmm_json_predict(model, x)), 320::bigint, 'it needs no extension and no path')
FROM public.alone;
SELECT tap.finish();
