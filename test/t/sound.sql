-- Promise 5: nonsense is never stored, whatever the rows are and wherever a fit
-- starts: at seeds drawn far from each other, and at a model that is given.
\set init kmeans++
\ir sound.psql

-- Where doubles end there is an error, that names the feature.
SELECT raises(format('SELECT gmm_fit(ARRAY[1, x], 1, gmm_options(covariance_type => %L)) FROM (VALUES (%s), (%s), (1)) AS v (x)', family, a, b),
              '22003', '2', format('%s: %s and %s are out of range', family, a, b))
FROM families, (VALUES ('1e300', '-1e300'), ('1e160', '1e161'), ('1.7e308', '-1.7e308')) AS v (a, b);

SELECT ok((gmm_summary(gmm_fit(ARRAY[x], 1))).k = 1, 'but not denormal differences from a constant that is not')
FROM (VALUES (1e-20), (2e-20), (1e-20)) AS v (x);

-- A start far from the rows, or with components that no row is near, is
-- repaired or reported by gmm_refit, too.
CREATE FUNCTION pg_temp.refit(of_kind text, start gmm_model, options jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    model gmm_model;
BEGIN
    SELECT gmm_refit(features, start, options) INTO STRICT model FROM rows WHERE kind = of_kind;
    IF model::text::gmm_model::text <> model::text OR
       (SELECT log_likelihood + bic IS NULL OR log_likelihood IN ('NaN', 'Infinity', '-Infinity') FROM gmm_summary(model)) THEN
        RETURN 'not sound';
    END IF;
    RETURN 'model';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE || ' ' || SQLERRM;
END $$;

SELECT ok(bool_and(outcome = 'model' OR outcome LIKE '22%'), format('gmm_refit from %s', what)) ||
       coalesce(string_agg(DISTINCT E'\n# ' || kind || ': ' || outcome, '') FILTER (WHERE outcome <> 'model'), '')
FROM (SELECT what, kind, pg_temp.refit(kind, start, gmm_options(reg_covar => reg_covar)) AS outcome
      FROM distinct_rows,
           unnest('{0,1e-6}'::double precision[]) AS reg_covar,
           (VALUES ('a component at 1e6', gmm_model('{0.5,0.5}', '{{0,0,0},{1e6,1e6,1e6}}', '{{1,1,1},{1,1,1}}', 'diag')),
                   ('all components at 1e6', gmm_model('{0.5,0.5}', '{{-1e6,0,0},{1e6,1e6,1e6}}', '{1,2}', 'spherical')),
                   ('twins', gmm_model('{0.5,0.5}', '{{0,0,0},{0,0,0}}', '{{1,0,0},{0,1,0},{0,0,1}}', 'tied')),
                   ('a component of no weight', gmm_model('{1,0}', '{{0,0,0},{1,1,1}}', '{{1,1,1},{1,1,1}}', 'diag')),
                   ('a needle', gmm_model('{0.5,0.5}', '{{0,0,0},{1,1,1}}', '{1e-300,1}', 'spherical')),
                   ('a world', gmm_model('{0.5,0.5}', '{{0,0,0},{1,1,1}}', '{1e300,1}', 'spherical'))) AS s (what, start)
      WHERE kind <> 'fewer rows than columns') AS r
GROUP BY what ORDER BY what;

SELECT finish();
