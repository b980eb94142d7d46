-- gmm_fit_labelled: some rows are known to be of a component, and component i is
-- class i.
\ir models.psql

CREATE TABLE flowers AS
SELECT row_number() OVER (ORDER BY ctid) AS id,
       ARRAY[sepal_length, sepal_width, petal_length, petal_width] AS features,
       array_position('{setosa,versicolor,virginica}', species) AS class
FROM iris;

-- mclust 6.0.0, MclustSSC(X, class, modelNames, control = emControl(tol = 1e-13,
-- itmax = 1e5)), the class of rows 1, 6, 11, ... known: log-likelihood, and how many of
-- the other 120 are taken for another class.
CREATE TABLE fifth AS
SELECT v.*, gmm_fit_labelled(features, CASE WHEN id % 5 = 1 THEN class END, 3,
                             gmm_options(covariance_type => family, tol => 1e-13)) AS model
FROM (VALUES ('full', -182.206260345, 3), ('tied', -258.013441515, 2), ('diag', -307.376125561, 14))
     AS v (family, log_likelihood, wrong), flowers
GROUP BY family, log_likelihood, wrong;
SELECT near((gmm_summary(model)).log_likelihood, log_likelihood, 1e-7, format('%s: every fifth label: mclust''s log-likelihood', family)) || E'\n' ||
       ok((SELECT count(*) FROM flowers WHERE id % 5 <> 1 AND gmm_predict(model, features) <> class) <= wrong,
          format('%s: at most as many flowers wrong', family)) || E'\n' ||
       equals((gmm_summary(model)).n_labelled, 30::bigint, format('%s: the rows with a label are counted', family))
FROM fifth ORDER BY family;

-- One label a class, with which mclust stops in a poor mode
SELECT ok((gmm_summary(gmm_fit_labelled(features, CASE WHEN id IN (1, 51, 101) THEN class END, 3))).log_likelihood > -186.57,
          'one label a class') FROM flowers;

-- All labels: a closed form, mean and covariance of each class (mclust's EDDA).
CREATE TABLE classes AS
SELECT class, i, j, count(*) / 150.0 AS share, avg(features[i]) AS mean, covar_pop(features[i], features[j]) AS covariance
FROM flowers, generate_series(1, 4) AS i, generate_series(1, 4) AS j GROUP BY class, i, j;
CREATE TABLE known AS
SELECT family, gmm_fit_labelled(features, class, 3, gmm_options(covariance_type => family)) AS model
FROM families, flowers GROUP BY family;
SELECT ok(max(greatest(abs(weight - share), abs(c.mean[i] - s.mean),
                       abs(c.covariance[i][j] - CASE family WHEN 'full' THEN s.covariance
                           WHEN 'tied' THEN (SELECT avg(covariance) FROM classes AS o WHERE (o.i, o.j) = (s.i, s.j))
                           WHEN 'diag' THEN (i = j)::integer * s.covariance
                           ELSE (i = j)::integer * (SELECT avg(covariance) FROM classes AS o WHERE o.class = s.class AND o.i = o.j) END))) < 1e-12
          AND count(*) = 48, format('%s: all labels are known: the classes'' moments', family))
FROM known, gmm_components(model) AS c JOIN classes AS s ON class = component GROUP BY family ORDER BY family;
-- MclustDA(X, class, modelType = "EDDA"): the log-likelihood without the labels
SELECT near((gmm_summary(gmm_refit(features, model, '{"max_iter": 0}'))).log_likelihood, wanted, 1e-9,
            format('%s: mclust''s EDDA', family))
FROM known JOIN (VALUES ('full', -182.9208486), ('tied', -256.6461843)) AS v (family, wanted) USING (family), flowers
GROUP BY family, model, wanted ORDER BY family;

-- No labels: gmm_fit, to the bit.
SELECT ok(bool_and(gmm_fit_labelled = gmm_fit), 'without labels it is gmm_fit')
FROM (SELECT data, family, gmm_fit_labelled(features, NULL, 3, gmm_options(covariance_type => family)),
             gmm_fit(features, 3, gmm_options(covariance_type => family))
      FROM datasets, families GROUP BY data, family) AS f;

-- Random rows with NULLs, weights and labels for some of two of the four classes; a
-- label may be wrong, and equal rows have different ones.
CREATE TABLE rows AS
SELECT id, cluster, ARRAY[CASE WHEN uniform(:seed, 751, id) > 0.15 THEN features[1] END, features[2],
                          CASE WHEN uniform(:seed, 752, id) > 0.15 THEN features[3] END] AS features,
       1 + floor(3 * uniform(:seed, 753, id)) AS weight,
       CASE WHEN uniform(:seed, 754, id) < 0.2 AND cluster <= 2 THEN 5 - 2 * cluster
            WHEN id IN (3, 5) THEN 1 END AS label
FROM random_rows(:seed * 1000 + 750, 500, 3, 4);
INSERT INTO rows SELECT id + 1000, cluster, features, weight, CASE WHEN label = 1 THEN 3 ELSE 1 END FROM rows WHERE id BETWEEN 30 AND 40;
CREATE TABLE fitted AS
SELECT family, gmm_fit_labelled(features, label, 4, gmm_options(covariance_type => family, tol => 1e-12), weight ORDER BY id) AS model
FROM families, rows GROUP BY family;

-- What is reported is what is maximized: of labelled rows, the logarithm of the
-- component's weight times its density.  At its end EM stands still.
CREATE TABLE responsible AS
SELECT family, component, sum(weight * CASE WHEN label IS NULL THEN p[component] ELSE (label = component)::integer END) /
                          sum(weight) AS share,
       sum(weight * (gmm_logpdf(model, features) + CASE WHEN label IS NULL THEN 0 ELSE ln(p[label]) END)) AS log_likelihood
FROM fitted, rows, LATERAL (SELECT gmm_predict_proba(model, features) AS p) AS l, generate_series(1, 4) AS component
GROUP BY family, component;
SELECT near(max(s.log_likelihood), max(r.log_likelihood), 1e-11, format('%s: the log-likelihood with labels', family)) || E'\n' ||
       ok(max(abs(c.weight - r.share)) < 1e-5, format('%s: weights are shares of responsibility', family)) || E'\n' ||
       equals(max(s.n_labelled), (SELECT count(label) FROM rows), format('%s: labelled rows', family))
FROM fitted JOIN responsible AS r USING (family), gmm_summary(model) AS s, gmm_components(model) AS c
WHERE c.component = r.component GROUP BY family ORDER BY family;

-- Copies for weights, another order, other units, little memory
SELECT ok(apart(copies, model) < 1e-7 AND apart_fit(copies, model) < 1e-9, format('%s: copies in another order', family))
FROM fitted JOIN (SELECT family, gmm_fit_labelled(features, label, 4, gmm_options(covariance_type => family, tol => 1e-12)
                                                  ORDER BY uniform(:seed, 755, id)) AS copies
                  FROM families, rows, generate_series(1, weight::integer) GROUP BY family) AS c USING (family)
ORDER BY family;
SELECT ok(apart(moved, transformed(model, scale, shift)) < 1e-5, format('%s: other units', family))
FROM fitted, (VALUES ('{1e6,1e-3,3}'::double precision[], '{1e7,5,-2e3}'::double precision[])) AS v (scale, shift),
     LATERAL (SELECT gmm_fit_labelled(ARRAY[features[1] * scale[1] + shift[1], features[2] * scale[2] + shift[2],
                                            features[3] * scale[3] + shift[3]], label, 4,
                                      gmm_options(covariance_type => family, tol => 1e-12), weight) AS moved FROM rows) AS m
WHERE family <> 'spherical' ORDER BY family;

-- More rows than a sample has place for, and than memory, with a label for one row of
-- each class: the numbers of the components are those of the classes, and workers
-- make no difference.
CREATE TABLE many AS
SELECT i, 1 + i % 3 AS class, ARRAY[6 * (i % 3) + normal(:seed, 757, i), normal(:seed, 758, i) - 4 * (i % 3)] AS features,
       CASE WHEN i IN (7, 20000, 39998) THEN 1 + i % 3 END AS label
FROM generate_series(1, 40000) AS i;
SET work_mem = '256kB';
SET gmm.parallel_workers = 2;
CREATE TABLE large AS
SELECT family, gmm_fit_labelled(features, label, 3, gmm_options(covariance_type => family)) AS model
FROM many, families GROUP BY family;
SET gmm.parallel_workers = 0;
SELECT ok(abs(c.mean[1] - 6 * (component - 1)) < 0.1, format('%s: component %s of many rows', family, component))
FROM large, gmm_components(model) AS c ORDER BY family, component;
SELECT ok(model = (SELECT gmm_fit_labelled(features, label, 3, gmm_options(covariance_type => 'full')) FROM many),
          'alone as with workers')
FROM large WHERE family = 'full';
RESET gmm.parallel_workers;
RESET work_mem;

-- Classes in any order, and a component of which no row is known
SELECT equals((SELECT array_agg(mode ORDER BY component)
               FROM (SELECT component, mode() WITHIN GROUP (ORDER BY class)
                     FROM (SELECT class, gmm_predict(model, features) AS component FROM flowers,
                                  (SELECT gmm_fit_labelled(features, CASE WHEN id % 10 = 1 AND class <> 2 THEN 4 - class END, 3) AS model
                                   FROM flowers) AS f) AS p GROUP BY component) AS m),
              '{3,2,1}'::integer[], 'the classes decide the numbers');
-- With noise, a prior and few labels.  Half the distance of two classes is 3.6 deviations, so
-- of 600 rows 0.13 are nearer to another class, and more than 5 are so with a probability of 1e-8.
SELECT ok(min(component) = 0 AND count(DISTINCT component) = 4 AND
          count(*) FILTER (WHERE i > 0) = 600 AND count(*) FILTER (WHERE i > 0 AND component NOT IN (0, 1 + i % 3)) <= 5,
          'beside noise')
FROM (SELECT i, gmm_predict(model, features) AS component
      FROM (SELECT i, features, label FROM many WHERE i <= 600 UNION ALL SELECT -i, ARRAY[50 * uniform(:seed, 759, i) - 20, 50 * uniform(:seed, 760, i) - 30], NULL FROM generate_series(1, 60) AS i) AS r,
           (SELECT gmm_fit_labelled(features, CASE WHEN i BETWEEN 1 AND 30 THEN 1 + i % 3 END, 3, gmm_options(noise => true, prior => true)) AS model
            FROM (SELECT i, features FROM many WHERE i <= 600 UNION ALL SELECT -i, ARRAY[50 * uniform(:seed, 759, i) - 20, 50 * uniform(:seed, 760, i) - 30] FROM generate_series(1, 60) AS i) AS n) AS f
      WHERE i < 0 OR gmm_mahalanobis(model, features) IS NOT NULL) AS p;
-- One row of a class, all labels known: what there is of it
SELECT ok(mean = '{9,9}' AND suspect = 'few rows' AND abs(weight - 1 / 151.0) < 1e-12, 'a class of one row')
FROM (SELECT gmm_fit_labelled(f, l, 4) AS model
      FROM (SELECT features[1:2] AS f, class AS l FROM flowers UNION ALL SELECT ARRAY[9,9]::double precision[], 4) AS r) AS g, gmm_components(model)
WHERE component = 4;

SELECT finish();
