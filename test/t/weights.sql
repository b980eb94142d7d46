-- Promise 3: weights are copies.  Weight w is w rows, weight 0 is no row, in
-- the model, the log-likelihood and the criteria; and what is true of copies
-- is true of fractions.
\ir models.psql

CREATE TABLE rows AS
SELECT number, 2 + number % 3 AS k, r.*,
       floor(5 * uniform(:seed, 300 + number, id))::integer AS weight
FROM generate_series(1, 10) AS number,
     random_rows(:seed * 1000 + 300 + number, 60 + 30 * number, 1 + number % 4, 2 + number % 3) AS r;

SELECT ok(count(*) FILTER (WHERE weight = 0) > 50 AND count(*) FILTER (WHERE weight = 4) > 50,
          'weights from 0 to 4') FROM rows;

CREATE TABLE fits AS
SELECT number, family, kind, gmm_fit(features, k, gmm_options(covariance_type => family), w) AS model
FROM (SELECT 'weighted' AS kind, number, k, features, weight::double precision AS w FROM rows
      UNION ALL
      SELECT 'copied', number, k, features, 1 FROM rows, generate_series(1, weight)
      UNION ALL
      SELECT 'without those of weight 0', number, k, features, weight FROM rows WHERE weight > 0
      UNION ALL
      SELECT 'every row in two halves', number, k, features, weight / 2.0 FROM rows, generate_series(1, 2)
      UNION ALL
      SELECT 'weights ignored', number, k, features, 1 FROM rows) AS r, families
GROUP BY number, family, kind;

CREATE TABLE pairs AS
SELECT family, a.kind, a.model AS got, b.model AS wanted
FROM fits AS a JOIN fits AS b USING (number, family)
WHERE b.kind = 'weighted';

SELECT all_within(array_agg(greatest(apart(got, wanted), apart_fit(got, wanted)) / looseness(wanted)), 10, 1e-9,
                  format('%s, %s: the model, the log-likelihood, BIC and AIC of the weighted rows', family, kind))
FROM pairs
WHERE kind IN ('copied', 'without those of weight 0', 'every row in two halves')
GROUP BY family, kind ORDER BY family, kind;

-- All weights times a number: EM goes the same way, and what it comes to is that
-- many times as likely.  (A fit need not: 1,024 copies of a row support a component
-- that one does not.)
CREATE TABLE scaled AS
SELECT number, family, gmm_refit(features, start, '{"reg_covar": 1e-6}', weight) AS wanted,
       gmm_refit(features, start, '{"reg_covar": 1e-6}', weight * 1024.0) AS got
FROM rows JOIN (SELECT number, family, model AS start FROM fits WHERE kind = 'weights ignored') AS s
     USING (number)
GROUP BY number, family, start;
SELECT all_within(array_agg(greatest(apart(got, wanted),
                                     abs(s.log_likelihood / t.log_likelihood / 1024 - 1),
                                     abs(s.sum_weights / t.sum_weights / 1024 - 1)) / looseness(wanted)),
                  10, 1e-9, format('%s: all weights times 1024 change nothing but the scale', family))
FROM scaled, gmm_summary(got) AS s, gmm_summary(wanted) AS t
GROUP BY family ORDER BY family;

SELECT ok(min(apart(got, wanted)) > 1e-3, format('%s: without weights the model is another', family))
FROM pairs WHERE kind = 'weights ignored' GROUP BY family ORDER BY family;

-- n_rows counts rows of some weight, sum_weights their weight.
SELECT ok(bool_and(s.sum_weights = r.sum AND s.n_rows = r.n), kind || ': sum_weights and n_rows')
FROM fits, gmm_summary(model) AS s,
     LATERAL (SELECT sum(weight), CASE kind WHEN 'copied' THEN sum(weight)
                                           WHEN 'every row in two halves' THEN 2 * count(*) FILTER (WHERE weight > 0)
                                           ELSE count(*) FILTER (WHERE weight > 0) END
              FROM rows WHERE rows.number = fits.number) AS r (sum, n)
WHERE kind IN ('weighted', 'copied', 'without those of weight 0', 'every row in two halves')
GROUP BY kind ORDER BY kind;

-- gmm_refit goes the same steps.
SELECT all_within(array_agg(greatest(apart(weighted, copied), apart_fit(weighted, copied)) / looseness(weighted)), 40, 1e-9,
                  'gmm_refit: five steps with weights, and with copies')
FROM (SELECT f.number, family,
             (SELECT gmm_refit(features, f.model, options, weight) FROM rows AS r
              WHERE r.number = f.number) AS weighted,
             (SELECT gmm_refit(features, f.model, options) FROM rows AS r, generate_series(1, weight)
              WHERE r.number = f.number) AS copied
      FROM fits AS f,
           gmm_options(max_iter => 5, tol => 0, accelerate => false) AS options
      WHERE kind = 'weights ignored') AS r;

-- More rows than the engine's sample.
CREATE TABLE many AS
SELECT features, 1 + floor(2 * uniform(:seed, 350, id))::integer AS weight
FROM random_rows(:seed * 1000 + 350, 20000, 2, 3);

SELECT alike(weighted, copied, 1e-9, family || ', 20000 distinct rows')
FROM (SELECT family,
             (SELECT gmm_fit(features, 3, gmm_options(covariance_type => family), weight) FROM many) AS weighted,
             (SELECT gmm_fit(features, 3, gmm_options(covariance_type => family))
              FROM many, generate_series(1, weight)) AS copied
      FROM families) AS f;

SELECT finish();
