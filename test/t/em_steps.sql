-- EM is EM: from a stated start, 1, 2, 5 and 20 steps without regularisation
-- give the parameters, the log-likelihood, BIC and AIC that scikit-learn 1.2.1
-- came to (test/data/em_steps.json), in all four families.
--
-- To 1e-8 relative to each number; for elements of means and covariances that
-- are near zero, relative to a thousandth of the deviations they belong to.
\ir models.psql

\set steps `cat test/data/em_steps.json`

CREATE TABLE cases (number integer PRIMARY KEY, data text, family text, steps integer,
                    start gmm_model, wanted gmm_model,
                    mean_log_likelihood double precision, bic double precision,
                    aic double precision);
INSERT INTO cases
SELECT row_number() OVER (), e ->> 'data', e ->> 'covariance_type', steps::integer,
       (e -> 'start' || jsonb_build_object('covariance_type', e -> 'covariance_type'))::gmm_model,
       (wanted - 'mean_log_likelihood' - 'bic' - 'aic' ||
        jsonb_build_object('covariance_type', e -> 'covariance_type'))::gmm_model,
       (wanted ->> 'mean_log_likelihood')::double precision,
       (wanted ->> 'bic')::double precision,
       (wanted ->> 'aic')::double precision
FROM jsonb_array_elements(:'steps'::jsonb) AS e, jsonb_each(e -> 'after') AS a (steps, wanted);

CREATE TABLE results AS
SELECT data, family, steps, wanted, mean_log_likelihood, bic, aic,
       gmm_refit(features, start, gmm_options(max_iter => steps, tol => 0,
                                              reg_covar => 0, accelerate => false)) AS got
FROM cases JOIN datasets USING (data)
GROUP BY cases.number;

SELECT equals(count(*), 32::bigint, 'eight starts, each after 1, 2, 5 and 20 steps') FROM cases;

-- Of the steps of a component: the largest relative difference of any number.
CREATE FUNCTION pg_temp.worst(got gmm_model, wanted gmm_model)
RETURNS double precision LANGUAGE sql AS $$
    SELECT max(coalesce(abs(a - b) / greatest(abs(b), scale), 'Infinity'))
    FROM gmm_components(got) AS g FULL JOIN gmm_components(wanted) AS w USING (component),
         LATERAL (
             SELECT g.weight, w.weight, 0::double precision
             UNION ALL
             SELECT g.mean[j], w.mean[j], 1e-3 * sqrt(w.covariance[j][j])
             FROM generate_subscripts(w.mean, 1) AS j
             UNION ALL
             SELECT g.covariance[i][j], w.covariance[i][j],
                    1e-3 * sqrt(w.covariance[i][i] * w.covariance[j][j])
             FROM generate_subscripts(w.mean, 1) AS i, generate_subscripts(w.mean, 1) AS j
         ) AS element (a, b, scale)
$$;

SELECT near(pg_temp.worst(got, wanted), 0, 1e-8,
            format('%s, %s, after %s steps: parameters', data, family, steps)) || E'\n' ||
       ok(abs(s.log_likelihood / s.n_rows - mean_log_likelihood) <= 1e-8 * abs(mean_log_likelihood),
          format('%s, %s, after %s steps: log-likelihood', data, family, steps)) || E'\n' ||
       near(s.bic, r.bic, 1e-8, format('%s, %s, after %s steps: BIC', data, family, steps)) || E'\n' ||
       near(s.aic, r.aic, 1e-8, format('%s, %s, after %s steps: AIC', data, family, steps)) || E'\n' ||
       ok(s.iterations = steps AND NOT s.converged AND s.covariance_type = family,
          format('%s, %s, after %s steps: it says how many', data, family, steps))
FROM results AS r, gmm_summary(got) AS s
ORDER BY data, family, steps;

-- The same from a start built of arrays.
SELECT near(max(pg_temp.worst(got, wanted)), 0, 1e-8,
            'starts built by gmm_model() go the same way')
FROM (SELECT family, wanted, gmm_refit(features,
          gmm_model(ARRAY[0.5, 0.5], '{{2.267, 55}, {3.733, 79}}',
                    CASE family WHEN 'diag' THEN ARRAY[[v1, v2], [v1, v2]]
                                WHEN 'tied' THEN ARRAY[[v1, 0], [0, v2]]
                                ELSE ARRAY[[[v1, 0], [0, v2]], [[v1, 0], [0, v2]]] END, family),
          gmm_options(max_iter => 5, tol => 0, reg_covar => 0, accelerate => false)) AS got
      FROM (SELECT 1.2979388904492855::double precision, 184.14381487889264::double precision) AS v (v1, v2),
           cases JOIN datasets USING (data)
      WHERE data = 'faithful' AND steps = 5 AND family <> 'spherical'
      GROUP BY cases.number, v1, v2) AS r;

SELECT finish();
