-- gmm_refit with a max_iter of 0: the model as it is, to the last bit, and what
-- these rows say of it: what scikit-learn's score, bic and aic say of other rows.
\ir models.psql

-- scikit-learn 1.2.1: GaussianMixture with these parameters set and its
-- precisions_cholesky_ computed of them; score(X) * len(X), bic(X), aic(X) of the
-- 237 eruptions after less than 85 minutes; the entropy by predict_proba(X).
CREATE TABLE models AS
SELECT covariance_type, log_likelihood, bic, aic, entropy,
       gmm_model('{0.35,0.65}', '{{2,55},{4.25,79.5}}', covariances, covariance_type) AS model
FROM (VALUES ('full', '{{{0.08,0.5},{0.5,33}},{{0.18,1},{1,37}}}'::double precision[],
              -966.9380679163661::double precision, 1994.0247973852186::double precision,
              1955.8761358327322::double precision, 0.8881293957447263::double precision),
             ('tied', '{{0.18,1},{1,37}}',
              -981.6671131549468, 2007.0787074389748, 1979.3342263098937, 1.7332435001267463),
             ('diag', '{{0.08,33},{0.18,37}}',
              -978.9273186337148, 2007.0671785376458, 1975.8546372674296, 0.3532428474986138),
             ('spherical', '{16,20}',
              -1454.7553442546991, 2947.7871094973443, 2923.5106885093983, 4.841212608492784))
     AS m (covariance_type, covariances, log_likelihood, bic, aic, entropy);

CREATE TABLE scored AS
SELECT covariance_type,
       (SELECT gmm_refit(ARRAY[eruptions, waiting], model, gmm_options(max_iter => 0))
        FROM faithful WHERE waiting < 85) AS scored
FROM models;

SELECT ok((scored::jsonb -> 'weights', scored::jsonb -> 'means', scored::jsonb -> 'covariances') =
          (model::jsonb -> 'weights', model::jsonb -> 'means', model::jsonb -> 'covariances'),
          format('%s: the parameters are the model''s', covariance_type))
FROM models JOIN scored USING (covariance_type) ORDER BY covariance_type;
SELECT near(s.log_likelihood, m.log_likelihood, 1e-12, format('%s: log-likelihood', m.covariance_type)) || E'\n' ||
       near(s.bic, m.bic, 1e-12, format('%s: BIC', m.covariance_type)) || E'\n' ||
       near(s.aic, m.aic, 1e-12, format('%s: AIC', m.covariance_type)) || E'\n' ||
       near(gmm_icl(scored), m.bic + 2 * m.entropy, 1e-12, format('%s: ICL', m.covariance_type))
FROM models AS m JOIN scored USING (covariance_type), gmm_summary(scored) AS s ORDER BY m.covariance_type;
SELECT equals((n_rows, sum_weights, iterations, converged, n_incomplete)::text, '(237,237,0,f,0)',
              format('%s: rows, and no iteration', s.covariance_type))
FROM scored, gmm_summary(scored) AS s ORDER BY s.covariance_type;

-- Of any rows, with NULLs and weights, far from zero: a sum over gmm_logpdf.
CREATE TABLE any_rows AS
SELECT id, ARRAY[CASE WHEN uniform(:seed, 720, id) > 0.2 THEN features[1] END, features[2],
                 CASE WHEN uniform(:seed, 721, id) > 0.1 THEN features[3] END] AS features,
       floor(4 * uniform(:seed, 722, id)) AS weight
FROM random_rows(:seed * 1000 + 720, 1500, 3, 3);
CREATE TABLE any_models AS
SELECT family, gmm_fit(features, 3, gmm_options(covariance_type => family, n_init => 1)) AS model
FROM any_rows, families WHERE id <= 700 GROUP BY family;

SELECT near(max(s.log_likelihood), sum(weight * gmm_logpdf(model, features)), 1e-12,
            format('%s: NULLs and weights: the sum of gmm_logpdf', family)) || E'\n' ||
       near(max(gmm_icl(scored) - s.bic) / 2, sum(weight * gmm_entropy(model, features)), 1e-9,
            format('%s: and of gmm_entropy', family)) || E'\n' ||
       equals((max(s.n_rows), max(s.sum_weights), max(s.n_incomplete)),
              (count(*), sum(weight), count(*) FILTER (WHERE array_position(features, NULL) > 0)),
              format('%s: numbers of rows', family))
FROM (SELECT family, model, gmm_refit(features, model, gmm_options(max_iter => 0), weight) AS scored
      FROM any_rows, any_models GROUP BY family, model) AS r,
     gmm_summary(scored) AS s, any_rows
WHERE weight > 0 GROUP BY family, model ORDER BY family;

-- Copies for weights, in another order: the same of what is said.
SELECT ok(apart_fit(copies, scored) < 1e-12 AND abs(gmm_icl(copies) / gmm_icl(scored) - 1) < 1e-12, format('%s: copies in another order', family))
FROM (SELECT family, model, gmm_refit(features, model, gmm_options(max_iter => 0), weight) AS scored FROM any_rows, any_models GROUP BY family, model) AS r
JOIN (SELECT family, gmm_refit(features, model, gmm_options(max_iter => 0) ORDER BY uniform(:seed, 723, id)) AS copies
      FROM any_rows, any_models, generate_series(1, weight::integer) GROUP BY family, model) AS c USING (family) ORDER BY family;
-- In other units each value that is there has a density that is lower by the unit's
-- logarithm; what is NULL has none.
SELECT ok(abs(moved_likelihood - (log_likelihood - volume)) < 1e-9 * abs(log_likelihood), format('%s: other units', family))
FROM (SELECT family, sum(weight * (6 * (features[1] IS NOT NULL)::integer - 3 + 2 * (features[3] IS NOT NULL)::integer) * ln(10::float8)) AS volume,
             (gmm_summary(gmm_refit(features, model, gmm_options(max_iter => 0), weight))).log_likelihood,
             (gmm_summary(gmm_refit(ARRAY[features[1] * 1e6 + 1e7, features[2] * 1e-3 + 5, features[3] * 100 - 2e3],
                                    transformed(model, '{1e6,1e-3,100}', '{1e7,5,-2e3}'), gmm_options(max_iter => 0), weight))).log_likelihood AS moved_likelihood
      FROM any_rows, any_models WHERE family <> 'spherical' GROUP BY family, model) AS m ORDER BY family;

-- The rows of a fit say what the fit said, and components are judged as it did,
-- by its reg_covar unless another is given.
SELECT ok(apart(scored, model) = 0 AND apart_fit(scored, model) < 1e-12,
          format('%s: the rows of the fit say what it said', family))
FROM (SELECT family, model, gmm_refit(features, model, gmm_options(max_iter => 0)) AS scored
      FROM any_rows, any_models WHERE id <= 700 GROUP BY family, model) AS r ORDER BY family;
SELECT equals(array_agg((scored::jsonb ->> 'reg_covar')::double precision ORDER BY given NULLS FIRST),
              '{0.01,0,0.001}'::double precision[], 'reg_covar is the model''s unless given')
FROM (SELECT given, gmm_refit(features, model, gmm_options(max_iter => 0, reg_covar => given)) AS scored
      FROM (SELECT gmm_fit(features, 2, gmm_options(reg_covar => 0.01)) AS model FROM datasets WHERE data = 'iris') AS m,
           datasets, unnest('{NULL,0,0.001}'::double precision[]) AS given
      WHERE data = 'iris' GROUP BY given, model) AS r;

-- Statistics of the same rows say the same, in as many parts as one likes.
SELECT near((gmm_stats_summary(gmm_merge(stats))).log_likelihood,
            (SELECT log_likelihood FROM models WHERE covariance_type = 'full'), 1e-12,
            'gmm_accumulate in three parts: the log-likelihood')
FROM (SELECT gmm_accumulate(ARRAY[eruptions, waiting], model) AS stats
      FROM faithful, models WHERE waiting < 85 AND covariance_type = 'full'
      GROUP BY floor(3 * eruptions)::integer % 3) AS parts;

-- A feature of which these rows know nothing, which no fit could do with
SELECT near((gmm_summary(gmm_refit(ARRAY[NULL, waiting], model, '{"max_iter": 0}'))).log_likelihood,
            sum(gmm_logpdf(model, ARRAY[NULL, waiting])), 1e-12, 'a feature that is NULL in all rows')
FROM faithful, models WHERE covariance_type = 'full' GROUP BY model;

SELECT raises($$SELECT gmm_fit(features, 2, '{"max_iter": 0}') FROM datasets WHERE data = 'faithful'$$,
              '22023', 'option "max_iter" can be 0 in gmm_refit only', 'gmm_fit needs an iteration');
SELECT raises($$SELECT gmm_fit_best(features, 1, 2, '{"max_iter": 0}') FROM datasets WHERE data = 'faithful'$$,
              '22023', 'option "max_iter" can be 0 in gmm_refit only', 'gmm_fit_best, too');
SELECT raises($$SELECT gmm_fit_table('faithful', '{waiting}', 2, '{"max_iter": 0}')$$,
              '22023', 'option "max_iter" can be 0 in gmm_refit only', 'gmm_fit_table, too');
SELECT raises($$SELECT gmm_refit('{1e200,1e200}', model, '{"max_iter": 0}') FROM models
                WHERE covariance_type = 'full'$$,
              '22003', 'out of range', 'rows so far away that there is no likelihood');

SELECT finish();
