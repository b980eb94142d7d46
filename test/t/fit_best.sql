-- gmm_fit_best: it picks what an exhaustive search picks, sees two narrow
-- cigars as two, and its answer has the properties that every fit has.
\ir models.psql

-- The best of 60 starts of scikit-learn 1.2.1 for each family and k of 1 to 6
-- (GaussianMixture, 20 starts each of k-means, k-means++ and random, tol 1e-10,
-- max_iter 3000, reg_covar 1e-9), without those that have a component on fewer
-- rows than its covariance needs (d + 1, 1, 2, 2) or with less than 1e-6 of the
-- features' variance in a direction.
CREATE TABLE exhaustive (data text, family text, k integer, bic float8, log_likelihood float8, aic float8, icl float8);
\copy exhaustive FROM 'test/data/exhaustive.csv' CSV HEADER

CREATE TABLE chosen AS
SELECT data, family, criterion,
       gmm_fit_best(features, 1, 6, gmm_options(covariance_type => family, criterion => criterion)) AS model
FROM datasets, unnest(ARRAY['auto', 'full', 'tied', 'diag', 'spherical']) AS family, unnest(ARRAY['bic', 'aic', 'icl']) AS criterion
GROUP BY data, family, criterion;

SELECT equals(format('%s,%s', s.covariance_type, s.k),
              (SELECT format('%s,%s', e.family, e.k) FROM exhaustive AS e
               WHERE e.data = c.data AND c.family IN (e.family, 'auto') ORDER BY e.bic LIMIT 1),
              format('%s, %s: BIC picks what an exhaustive search picks', data, family))
FROM chosen AS c, gmm_summary(model) AS s WHERE criterion = 'bic' ORDER BY data, family;
SELECT equals(format('%s,%s', s.covariance_type, s.k),
              (SELECT format('%s,%s', e.family, e.k) FROM exhaustive AS e WHERE e.data = c.data ORDER BY e.icl LIMIT 1),
              format('%s: ICL picks what an exhaustive search picks', data))
FROM chosen AS c, gmm_summary(model) AS s WHERE criterion = 'icl' AND family = 'auto' ORDER BY data;
SELECT near(gmm_bic(model), (SELECT min(e.bic) FROM exhaustive AS e WHERE e.data = c.data), 1e-6,
            format('%s: the best BIC is the exhaustive search''s', data))
FROM chosen AS c WHERE criterion = 'bic' AND family = 'auto' ORDER BY data;

-- One row a try, all of them, in order; and of those with the fewest suspect
-- components the chosen one is the best by the criterion.
SELECT ok(array_agg((t.covariance_type, t.k)::text ORDER BY n) =
          (SELECT array_agg((f.name, k)::text ORDER BY f.n, k)
           FROM unnest(ARRAY['full', 'tied', 'diag', 'spherical']) WITH ORDINALITY AS f (name, n), generate_series(1, 6) AS k
           WHERE f.name = c.family OR c.family = 'auto') AND
          count(*) FILTER (WHERE chosen) = 1 AND
          min(t.value) FILTER (WHERE chosen) <= min(t.value) FILTER (WHERE n_suspect = least) + 1e-3 AND
          min(n_suspect) FILTER (WHERE chosen) = min(least),
          format('%s, %s, %s: every try has its row, and the best is chosen', data, family, criterion))
FROM chosen AS c, LATERAL (
    SELECT t.*, min(n_suspect) OVER () AS least, CASE criterion WHEN 'bic' THEN t.bic WHEN 'aic' THEN t.aic ELSE t.icl END AS value
    FROM gmm_trials(model) WITH ORDINALITY
         AS t (k, covariance_type, n_parameters, log_likelihood, bic, aic, icl, iterations, converged, n_starts,
               n_best_starts, n_suspect, chosen, n)) AS t
GROUP BY data, family, criterion ORDER BY data, family, criterion;

SELECT ok(bool_and((t.k, t.covariance_type, t.log_likelihood, t.bic, t.aic, t.icl, t.iterations, t.converged, t.n_starts,
                    t.n_best_starts, t.n_suspect) =
                   (s.k, s.covariance_type, s.log_likelihood, s.bic, s.aic, s.icl, s.iterations, s.converged, s.n_starts,
                    s.n_best_starts, s.n_suspect)),
          'the chosen try is the model''s own fit')
FROM chosen, gmm_trials(model) AS t, gmm_summary(model) AS s WHERE t.chosen;

-- n_parameters: k - 1 weights, k d of the means, and the covariances.
SELECT ok(bool_and(n_parameters = k - 1 + k * d + CASE t.covariance_type WHEN 'full' THEN k * d * (d + 1) / 2
                                                  WHEN 'tied' THEN d * (d + 1) / 2 WHEN 'diag' THEN k * d ELSE k END AND
                   abs(bic - (-2 * log_likelihood + n_parameters * ln(n))) < 1e-9 AND
                   abs(aic - (-2 * log_likelihood + n_parameters * 2)) < 1e-9 AND icl >= bic),
          'criteria of the tries are those of their log-likelihood and parameters')
FROM chosen, gmm_trials(model) AS t, LATERAL (SELECT (gmm_summary(model)).d, (gmm_summary(model)).n_rows AS n) AS s;

-- The trials go with the model through every form of it, and a refit, which is
-- of other rows, has none.
SELECT ok(bool_and(gmm_model_send(model) = gmm_model_send(model::text::gmm_model) AND
                   gmm_model_send(model) = gmm_model_send(model::jsonb::gmm_model) AND
                   model::jsonb->>'criterion' = criterion AND
                   jsonb_array_length(model::jsonb->'trials') = CASE family WHEN 'auto' THEN 24 ELSE 6 END),
          'trials survive text and jsonb')
FROM chosen;
SELECT ok(NOT EXISTS (SELECT FROM gmm_trials(refitted)) AND (gmm_summary(refitted)).k = 3 AND NOT refitted::jsonb ? 'criterion',
          'a refit is not a choice')
FROM chosen AS c, LATERAL (SELECT gmm_refit(features, model) AS refitted FROM datasets AS d WHERE d.data = c.data) AS r
WHERE c.data = 'faithful' AND criterion = 'bic' AND family = 'auto';

-- Two narrow parallel cigars of 500 rows, side by side: their length is in
-- every distance between rows, which is what leads k-means to cut them across.
-- These are eight pairs that stay the same, so that it is known that no chance
-- gathering of rows makes a third component worth its parameters, as it does
-- among those of the ninth.
CREATE FUNCTION cigars(seed bigint, OUT i integer, OUT upper boolean, OUT along float8[], OUT aslant float8[])
RETURNS SETOF record LANGUAGE sql AS $$
    SELECT i, i <= 500, ARRAY[x, y], ARRAY[(x - y) / sqrt(2), (x + y) / sqrt(2)]
    FROM generate_series(1, 1000) AS i,
         LATERAL (SELECT 10 * normal(seed, 801, i) AS x,
                         0.3 * normal(seed, 802, i) + CASE WHEN i <= 500 THEN 1 ELSE -1 END AS y) AS p
$$;
CREATE TABLE cigars AS
SELECT number, kind, i, upper, CASE kind WHEN 'aslant' THEN aslant ELSE along END AS features
FROM generate_series(1, 9) AS number, cigars(100 + number), unnest(ARRAY['along an axis', 'aslant']) AS kind
WHERE number <> 9;
CREATE TABLE cigar_models AS
SELECT number, kind, options, gmm_fit_best(features, 1, 5, options) AS model
FROM cigars, (VALUES ('{}'::jsonb), ('{"covariance_type": "auto"}')) AS o (options) GROUP BY number, kind, options;
SELECT ok(count(*) = 8 AND bool_and((gmm_summary(model)).k = 2), format('two cigars %s are two, options %s', kind, options))
FROM cigar_models GROUP BY kind, options ORDER BY kind, options;
SELECT ok(min(greatest(agreed, 1 - agreed)) > 0.99, format('and they are these two, %s, options %s', kind, options))
FROM (SELECT number, kind, options, avg((upper = (gmm_predict(model, features) = 1))::integer) AS agreed
      FROM cigars JOIN cigar_models USING (number, kind) GROUP BY number, kind, options) AS a
GROUP BY kind, options ORDER BY kind, options;

-- Of any other pairs, two components are these two, and better than one.
CREATE TABLE pairs AS
SELECT number, gmm_fit_best(aslant, 1, 2) AS model
FROM generate_series(1, 10) AS number, cigars(:seed * 1000 + 800 + number) GROUP BY number;
SELECT ok(count(*) = 10 AND min(greatest(agreed, 1 - agreed)) > 0.99, 'any two cigars are told apart')
FROM (SELECT number, avg((upper = (gmm_predict(model, aslant) = 1))::integer) AS agreed
      FROM pairs, cigars(:seed * 1000 + 800 + number) WHERE (gmm_summary(model)).k = 2 GROUP BY number) AS a;

-- Neither order, nor units, nor copies in place of weights make another choice.
CREATE TABLE rows AS
SELECT number, r.*, floor(1 + 3 * uniform(:seed, 900 + number, id))::integer AS weight
FROM generate_series(1, 6) AS number, random_rows(:seed * 1000 + 900 + number, 240, 1 + number % 3, 1 + number % 4) AS r;
CREATE TABLE fits AS
SELECT number, kind, gmm_fit_best(features, 1, 4, '{"covariance_type": "auto"}', w ORDER BY place) AS model
FROM (SELECT number, 'plain' AS kind, features, weight::float8 AS w, id AS place FROM rows
      UNION ALL
      SELECT number, 'another order', features, weight, -(id * 7919 % 241) FROM rows
      UNION ALL
      SELECT number, 'copies', features, 1, id FROM rows, generate_series(1, weight)
      UNION ALL
      SELECT number, 'other units', (SELECT array_agg(f * 1024 ORDER BY j) FROM unnest(features) WITH ORDINALITY AS u (f, j)),
             weight, id FROM rows) AS r
GROUP BY number, kind;
SELECT ok(bool_and(a.model::text = b.model::text), 'the order of rows does not show, to the last digit')
FROM fits AS a JOIN fits AS b USING (number) WHERE a.kind = 'plain' AND b.kind = 'another order';
SELECT ok(bool_and((s.k, s.covariance_type) = (t.k, t.covariance_type) AND
                   abs(s.bic - t.bic - CASE b.kind WHEN 'other units' THEN -2 * s.sum_weights * s.d * ln(1024) ELSE 0 END)
                   < 1e-6 * abs(s.bic)),
          b.kind || ' make the same choice')
FROM fits AS a JOIN fits AS b USING (number), gmm_summary(a.model) AS s, gmm_summary(b.model) AS t
WHERE a.kind = 'plain' AND b.kind IN ('copies', 'other units') GROUP BY b.kind ORDER BY b.kind;

-- More rows than a sample: the trials are of all rows.
CREATE TABLE many AS SELECT features FROM random_rows(:seed * 1000 + 950, 20000, 2, 3);
CREATE TABLE many_model AS SELECT gmm_fit_best(features, 2, 4, '{"n_init": 4, "max_iter": 1000}') AS model FROM many;
SELECT near((gmm_summary(model)).log_likelihood, (SELECT sum(gmm_logpdf(model, features)) FROM many), 1e-9,
            'the log-likelihood is that of all rows') FROM many_model;
SELECT ok(count(*) = 3 AND bool_and(converged), 'each try has converged on all rows') FROM many_model, gmm_trials(model);

-- k_max beyond the distinct rows is no error: there is that much to try.
SELECT equals((SELECT array_agg(k) FROM gmm_trials(model)), ARRAY[1, 2, 3], 'no more components than distinct rows')
FROM (SELECT gmm_fit_best(ARRAY[i % 3], 1, 5) AS model FROM generate_series(1, 30) AS i) AS f;
SELECT raises('SELECT gmm_fit_best(ARRAY[i % 3], 4, 5) FROM generate_series(1, 30) AS i', '22023', 'k_min is 4, but there are only 3 distinct rows', 'but k_min beyond them is one');
SELECT ok(gmm_fit_best(ARRAY[i], 1, 5) IS NULL, 'no rows, no model') FROM generate_series(1, 0) AS i;
SELECT raises('SELECT gmm_fit_best(ARRAY[i], 3, 2) FROM generate_series(1, 9) AS i', '22023', 'k_max must be at least k_min', 'k_max below k_min');
SELECT raises('SELECT gmm_fit_best(ARRAY[i], 0, 2) FROM generate_series(1, 9) AS i', '22023', 'k_min must be from 1', 'k_min of 0');
SELECT raises('SELECT gmm_fit_best(ARRAY[i], 1, 10001) FROM generate_series(1, 9) AS i', '22023', 'k_max must be from 1 to 10000', 'k_max of 10001');
SELECT raises('SELECT gmm_fit_best(ARRAY[i], NULL, 2) FROM generate_series(1, 9) AS i', '22004', 'k_min must not be NULL', 'k_min of NULL');
SELECT raises('SELECT gmm_fit_best(ARRAY[i], 1, NULL) FROM generate_series(1, 9) AS i', '22004', 'k_max must not be NULL', 'k_max of NULL');
SELECT raises('SELECT gmm_fit_best(ARRAY[i], 1, 1 + i % 2) FROM generate_series(1, 9) AS i', '22023', 'k_max must be the same', 'k_max that changes');
SELECT raises('SELECT gmm_fit_best(ARRAY[i], 1 + i % 2, 2) FROM generate_series(1, 9) AS i', '22023', 'k_min must be the same', 'k_min that changes');
SELECT raises($$SELECT gmm_fit_best(ARRAY[i], 1, 2, jsonb_build_object('seed', i)) FROM generate_series(1, 9) AS i$$, '22023', 'options must be the same', 'options that change');
SELECT raises($$SELECT gmm_fit_best(array_fill(i, ARRAY[4000]), 1, 3) FROM generate_series(1, 9) AS i$$, '54000', 'too large', 'a full mixture that is too large');
SELECT raises($$SELECT gmm_fit_best(ARRAY[i], 1, 2, '{"criterion": "chi"}') FROM generate_series(1, 9) AS i$$, '22023', 'must be bic, aic or icl', 'a criterion that is not known');
SELECT raises($$SELECT gmm_options(criterion => 'chi')$$, '22023', 'must be bic, aic or icl', 'nor is it to gmm_options');

-- What only a choice has a use for is refused elsewhere.
SELECT raises(format('SELECT %s FROM generate_series(1, 9) AS i', format(call, option)), '22023', message,
              format(call, option))
FROM (VALUES ('gmm_fit(ARRAY[i], 2, %L)'), ('gmm_refit(ARRAY[i], gmm_model(''{1}'', ''{1}'', ''{1}''), %L)')) AS c (call),
     (VALUES ('{"criterion": "bic"}', 'option "criterion" does not apply to gmm_'),
             ('{"covariance_type": "auto"}', 'gmm_fit_best only')) AS o (option, message);

SELECT finish();
