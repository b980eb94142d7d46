-- Promise 6: EM goes up.  From random starts on random rows, more steps never
-- mean a lower log-likelihood, also where components shrink onto duplicates
-- and are held at the least variance; and a step is a step, however many are
-- asked for at once.
\ir models.psql

-- Rows of overlapping clusters; the same rounded, so that components collapse
-- onto duplicates; and rows on a line.
CREATE TABLE rows AS
SELECT 3 * s + kind AS number, kind, id,
       CASE kind WHEN 0 THEN features
                 WHEN 1 THEN ARRAY[round(features[1]), round(features[2] / 2)]
                 ELSE ARRAY[features[1], 2 * features[1] + 1] END AS features
FROM generate_series(1, 3) AS s, generate_series(0, 2) AS kind,
     random_rows(:seed * 1000 + 500 + s, 120, 2, 3);

-- A start: four rows, with a share of the variances of all.
CREATE TABLE starts (number integer, kind integer, family text, start gmm_model,
                     PRIMARY KEY (number, family));
INSERT INTO starts
SELECT number, kind, family,
       (jsonb_build_object('covariance_type', family,
                           'weights', '{0.1,0.2,0.3,0.4}'::double precision[], 'means', means,
                           'covariances', CASE family
                               WHEN 'full' THEN jsonb_build_array(matrix, matrix, matrix, matrix)
                               WHEN 'tied' THEN matrix
                               WHEN 'diag' THEN jsonb_build_array(variances, variances, variances, variances)
                               ELSE to_jsonb(array_fill(v1 + v2, '{4}')) END))::gmm_model
FROM families,
     (SELECT number, kind, 0.2 * var_pop(features[1]), 0.2 * var_pop(features[2]),
             (SELECT jsonb_agg(features)
              FROM (SELECT features FROM rows AS o WHERE o.number = r.number
                    ORDER BY uniform(:seed, 510 + number, id) LIMIT 4) AS chosen)
      FROM rows AS r GROUP BY number, kind) AS s (number, kind, v1, v2, means),
     LATERAL (SELECT jsonb_build_array(jsonb_build_array(v1, 0), jsonb_build_array(0, v2)),
                     jsonb_build_array(v1, v2)) AS m (matrix, variances);

-- In one order of the rows, so that all are parts of one path: where two
-- components are alike EM is unstable, and rounding alone tells them apart.
CREATE TABLE climbs AS
SELECT number, kind, family, accelerate, reg_covar, steps,
       gmm_refit(features, start, gmm_options(max_iter => steps, tol => 0, reg_covar => reg_covar,
                                              accelerate => accelerate) ORDER BY id) AS model
FROM starts JOIN rows USING (number, kind), generate_series(1, 30) AS steps,
     unnest('{true,false}'::boolean[]) AS accelerate,
     unnest('{0,1e-6,0.05}'::double precision[]) AS reg_covar
GROUP BY number, kind, family, accelerate, reg_covar, steps;

CREATE TABLE rises AS
SELECT c.*, s.log_likelihood, s.log_likelihood - lag(s.log_likelihood) OVER
           path AS rise,
       s.log_likelihood - least(lag(s.log_likelihood) OVER path,
                                lag(s.log_likelihood, 2) OVER path) AS kept
FROM climbs AS c, gmm_summary(model) AS s
WINDOW path AS (PARTITION BY number, family, accelerate, c.reg_covar ORDER BY steps);

-- Plain EM: up but for rounding.  Rows on a line are the hardest case: the
-- condition of their matrices is one by reg_covar, and a row's log-density has
-- that much more rounding.  Without any, matrices of such rows, and of so few that
-- they span no more, are held at 1e-12 of their own variances, which is another bound
-- at every step and not one for all that EM climbs under: where one is, it may fall by
-- what the bound rises.
ALTER TABLE rises ADD COLUMN tolerance float8;
UPDATE rises
SET tolerance = CASE WHEN reg_covar = 0 AND (kind > 0 OR EXISTS (SELECT FROM gmm_components(model) WHERE condition_number > 1e9)) THEN 0.01
                     WHEN kind = 2 THEN 1e-16 / reg_covar ELSE 1e-12 END;
SELECT ok(count(rise) = 3 * 29 AND min(rise / (abs(log_likelihood) + 120) / tolerance) >= -1,
          format('%s, %s, reg_covar %s: plain EM goes up',
                 family, (ARRAY['clusters', 'duplicates', 'a line'])[kind + 1], reg_covar)) ||
       format(E'\n# least rise %s', min(rise))
FROM rises WHERE NOT accelerate
GROUP BY family, kind, reg_covar ORDER BY family, kind, reg_covar;

-- Accelerated: an extrapolation is judged by the points that have been
-- evaluated.  The EM step that it replaces is not among them, but is what a fit
-- returns that was to stop there; so a fit may be below the one before it, but
-- not below both before it.
SELECT ok(count(kept) = 3 * 29 AND
          min(kept / (abs(log_likelihood) + 120) / tolerance) >= -1,
          format('%s, %s, reg_covar %s: and accelerated',
                 family, (ARRAY['clusters', 'duplicates', 'a line'])[kind + 1], reg_covar)) ||
       format(E'\n# least rise %s', min(kept))
FROM rises WHERE accelerate
GROUP BY family, kind, reg_covar ORDER BY family, kind, reg_covar;

-- Not level all the way, and held at the least variance where there are
-- duplicates.
SELECT ok(min(rise) > 0, family || ': the first steps rise')
FROM rises WHERE NOT accelerate AND steps = 2 AND (kind = 0 OR reg_covar > 0)
GROUP BY family ORDER BY family;

SELECT ok(min(least / bound) >= 1 - 1e-9, family || ': nothing is below the least variance of 5 %')
FROM (SELECT family, min(CASE WHEN family = 'spherical' THEN covariance[1][1] / (v1 + v2) * 2
                              ELSE least(covariance[1][1] / v1, covariance[2][2] / v2) END) AS least, 0.05 AS bound
      FROM climbs, gmm_components(model),
           LATERAL (SELECT var_pop(features[1]), var_pop(features[2]) FROM rows AS r
                    WHERE r.number = climbs.number) AS v (v1, v2)
      WHERE steps = 30 AND reg_covar = 0.05 AND kind = 1 AND family IN ('diag', 'spherical')
      GROUP BY number, family, accelerate) AS f
GROUP BY family ORDER BY family;

-- Thirty equal rows far from the others: a component on them has the least
-- variance there is.
SELECT near(least, 0.05 * CASE family WHEN 'diag' THEN v1 ELSE (v1 + v2) / 2 END, 1e-12,
            family || ': the least variance of 5 % is reached')
FROM unnest('{diag,spherical}'::text[]) AS family,
     LATERAL (SELECT var_pop(x[1]), var_pop(x[2]),
                     gmm_refit(x, gmm_model('{0.5,0.5}', '{{9,9},{0,0}}',
                                            CASE family WHEN 'diag' THEN '{{1,1},{1,1}}'::double precision[] ELSE '{1,1}' END, family),
                               '{"reg_covar": 0.05}')
              FROM generate_series(1, 120) AS i,
                   LATERAL (SELECT CASE WHEN i <= 30 THEN '{10,10}'::double precision[] ELSE ARRAY[i % 9 / 9.0, i % 10 / 10.0] END) AS r (x)) AS f (v1, v2, model),
     LATERAL (SELECT min(covariance[1][1]) FROM gmm_components(model)) AS c (least);

-- Thirty times one step are thirty steps.
CREATE FUNCTION pg_temp.one_by_one(wanted_number integer, model gmm_model) RETURNS gmm_model
LANGUAGE plpgsql AS $$
BEGIN
    FOR step IN 1..30 LOOP
        model = (SELECT gmm_refit(features, model, '{"max_iter": 1, "tol": 0, "reg_covar": 1e-6, "accelerate": false}' ORDER BY id)
                 FROM rows WHERE number = wanted_number);
    END LOOP;
    RETURN model;
END $$;

SELECT all_within(array_agg(apart(pg_temp.one_by_one(number, start), model)), 6, 1e-9,
                  family || ': thirty times one step are thirty steps')
FROM climbs JOIN starts USING (number, kind, family)
WHERE steps = 30 AND NOT accelerate AND reg_covar = 1e-6 AND kind < 2
GROUP BY family ORDER BY family;

SELECT finish();
