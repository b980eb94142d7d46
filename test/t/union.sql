-- gmm_union: the mixture of classes, component i being the i-th one, as mclust's
-- EDDA finds it.
\ir models.psql

-- mclust 6.0.0, MclustDA(iris, modelType = "EDDA"): the log-likelihood.
CREATE TABLE classes AS
SELECT family, species, gmm_fit(ARRAY[sepal_length, sepal_width, petal_length, petal_width], 1, gmm_options(covariance_type => family)) AS model, count(*) AS n
FROM iris, families GROUP BY family, species;
CREATE TABLE unions AS
SELECT family, gmm_union(model, n ORDER BY species) AS model FROM classes GROUP BY family;
SELECT near(sum(gmm_logpdf(model, ARRAY[sepal_length, sepal_width, petal_length, petal_width])), wanted, 1e-9, format('iris, %s: mclust''s log-likelihood', family))
FROM iris, unions JOIN (VALUES ('full', -182.9208486), ('tied', -256.6461843)) AS w (family, wanted) USING (family)
GROUP BY family, wanted ORDER BY family;
SELECT ok(count(*) FILTER (WHERE gmm_predict(model, ARRAY[sepal_length, sepal_width, petal_length, petal_width]) <>
                           array_position('{setosa,versicolor,virginica}', species)) <= 3, 'iris, full: component i is the i-th class')
FROM iris, unions WHERE family = 'full';
SELECT ok(bool_and(u.weight = 1.0 / 3 AND u.mean = c.mean AND (u.covariance = c.covariance OR family = 'tied')), format('iris, %s: components are those of the classes', family))
FROM (SELECT family, p.* FROM unions, gmm_components(model) AS p) AS u
JOIN (SELECT family, row_number() OVER (PARTITION BY family ORDER BY species) AS component, p.mean, p.covariance FROM classes, gmm_components(model) AS p) AS c USING (family, component)
GROUP BY family ORDER BY family;
-- One covariance for all: with the classes known, the likelihood's maximum is the mean
-- within them.
SELECT ok(max(abs(covariance[i][j] - wanted)) < 1e-12, 'iris, tied: the covariance within the classes')
FROM unions, gmm_components(model), generate_series(1, 4) AS i, generate_series(1, 4) AS j,
     LATERAL (SELECT sum(s) / 150 FROM (SELECT count(*) * covar_pop((ARRAY[sepal_length, sepal_width, petal_length, petal_width])[i],
                                                                    (ARRAY[sepal_length, sepal_width, petal_length, petal_width])[j]) AS s
                                        FROM iris GROUP BY species) AS c) AS w (wanted)
WHERE family = 'tied' AND component = 1;

-- The density is the classes', each with its share, whatever their families, but for
-- tied ones.
CREATE TABLE parts AS
SELECT number, part, d, 1 + 5 * uniform(:seed, 1200 + number, part) AS n,
       gmm_fit(features, 1 + (number + part) % 3, gmm_options(covariance_type => CASE WHEN number <= 3 THEN (ARRAY['full', 'diag', 'spherical'])[number]
                                                                                      ELSE (ARRAY['full', 'tied', 'diag', 'spherical'])[1 + (number * part + part / 2) % 4] END, max_iter => 5, n_init => 1)) AS model
FROM generate_series(1, 12) AS number, generate_series(1, 4) AS part, LATERAL (SELECT 1 + number % 3) AS s (d),
     random_rows(:seed * 1000 + 1200 + 10 * number + part, 60, d, 3) AS r
GROUP BY number, part, d;
CREATE TABLE joined AS
SELECT number, d, gmm_union(model, n ORDER BY part) AS model, array_agg(DISTINCT model::jsonb ->> 'covariance_type') AS families FROM parts GROUP BY number, d;
SELECT ok(bool_and(covariance_type = CASE WHEN cardinality(families) = 1 THEN families[1]
                                          WHEN families <@ '{diag,spherical}' THEN 'diag' ELSE 'full' END), 'the family is the simplest that holds all') || E'\n' ||
       ok(count(DISTINCT families) > 4, 'of many mixed families')
FROM joined, gmm_summary(model);
-- Relative to the densest part, since all may be below what a double holds.
SELECT near(max(abs(gmm_logpdf(model, x) - wanted)), 0, 1e-9, 'the density is the sum of the parts'', by their share of n') || E'\n' ||
       near(max(abs((gmm_predict_proba(model, x))[1] - first)), 0, 1e-9, 'and the first component that of the first')
FROM joined, generate_series(1, 20) AS i, LATERAL (SELECT array_agg(4 * normal(:seed, 1230 + j, 100 * number + i) ORDER BY j) FROM generate_series(1, d) AS j) AS r (x),
     LATERAL (SELECT max(gmm_logpdf(model, x)) FROM parts WHERE parts.number = joined.number) AS m (most),
     LATERAL (SELECT most + ln(sum(n * exp(gmm_logpdf(model, x) - most)) / sum(n)),
                     sum(n * exp(gmm_logpdf(model, x) - most) * (gmm_predict_proba(model, x))[1]) FILTER (WHERE part = 1) /
                     sum(n * exp(gmm_logpdf(model, x) - most))
              FROM parts WHERE parts.number = joined.number) AS w (wanted, first);
SELECT ok(bool_and(model::text::gmm_model = model AND (gmm_summary(model)).n_rows IS NULL), 'a model like any, that was not fitted')
FROM joined;
SELECT ok(bool_and(apart(joined, model) = 0), 'of one model, it is that model')
FROM (SELECT model, gmm_union(model, n) AS joined FROM parts GROUP BY number, part, model) AS p;

SELECT finish();
