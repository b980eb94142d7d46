-- The option fixed: parts of a model that stay as they are, to the last bit, while
-- EM finds the best of the others.
\ir models.psql

-- Rows with NULLs and weights, far from zero, so that a fit works on differences.
CREATE TABLE rows AS
SELECT id, ARRAY[CASE WHEN uniform(:seed, 741, id) > 0.1 THEN features[1] + 1e7 END, features[2],
                 CASE WHEN uniform(:seed, 742, id) > 0.1 THEN features[3] END] AS features,
       1 + floor(3 * uniform(:seed, 743, id)) AS weight
FROM random_rows(:seed * 1000 + 740, 400, 3, 4);
CREATE TABLE starts AS
SELECT family, gmm_fit(features, 3, gmm_options(covariance_type => family, n_init => 1, max_iter => 3)) AS start
FROM rows, families WHERE id <= 120 GROUP BY family;
-- tied components share the covariance that one of them would keep
CREATE TABLE cases AS
SELECT family, start, fixed
FROM starts, jsonb_array_elements('[[1], [3,2], "weights", "means", "covariances", [1,"means"],
                                    ["weights","covariances"], [1,"covariances"]]') AS fixed
WHERE family <> 'tied' OR fixed @> '"covariances"' OR NOT (fixed @> '1' OR fixed @> '2');
CREATE TABLE fitted AS
SELECT family, fixed, start, gmm_refit(features, start, gmm_options(fixed => fixed, tol => 1e-13), weight) AS model
FROM rows, cases GROUP BY family, fixed, start;

CREATE FUNCTION pg_temp.part(model gmm_model, part text, component integer) RETURNS jsonb LANGUAGE sql AS $$
    SELECT CASE WHEN part = 'covariances' AND (model::jsonb ->> 'covariance_type') = 'tied' THEN model::jsonb -> part
                ELSE model::jsonb -> part -> (component - 1) END
$$;
CREATE TABLE parts AS
SELECT family, fixed, start, model, component, part,
       fixed @> to_jsonb(part) OR fixed @> to_jsonb(component) AS held,
       pg_temp.part(start, part, component) = pg_temp.part(model, part, component) AS same
FROM fitted, generate_series(1, 3) AS component, unnest('{weights,means,covariances}'::text[]) AS part;
SELECT ok(bool_and(same) FILTER (WHERE held) AND
          coalesce(NOT bool_or(same) FILTER (WHERE NOT held AND part <> 'weights' AND family || part <> 'tiedcovariances'), true),
          format('%s, fixed %s: that stays to the last bit, the rest moves', family, fixed))
FROM parts GROUP BY family, fixed ORDER BY family, fixed::text;

-- At the end, each part that is free is what the rows make of it: the weights share
-- what is left as the responsibilities do, a mean is that of its rows.
CREATE TABLE shares AS
SELECT family, fixed, component, sum(weight * p[component]) / sum(weight) AS share,
       sum(weight * p[component] * features[2]) / sum(weight * p[component]) AS mean
FROM fitted, rows, LATERAL (SELECT gmm_predict_proba(model, features) AS p) AS l, generate_series(1, 3) AS component
GROUP BY family, fixed, component;
SELECT ok(abs(sum(c.weight) - 1) < 1e-14 AND
          coalesce(max(abs(c.weight - s.share * remaining / free)) FILTER (WHERE NOT p.held) < 1e-5, true),
          format('%s, fixed %s: the other weights share the rest', family, fixed))
FROM parts AS p JOIN shares AS s USING (family, fixed, component),
     gmm_components(p.model) AS c,
     LATERAL (SELECT 1 - coalesce(sum((q.start::jsonb -> 'weights' ->> (q.component - 1))::double precision) FILTER (WHERE q.held), 0),
                     sum(t.share) FILTER (WHERE NOT q.held)
              FROM parts AS q JOIN shares AS t USING (family, fixed, component)
              WHERE q.family = p.family AND q.fixed = p.fixed AND q.part = 'weights') AS r (remaining, free)
WHERE p.part = 'weights' AND c.component = p.component
GROUP BY family, fixed ORDER BY family, fixed::text;
SELECT ok(max(abs(c.mean[2] - s.mean)) < 1e-4, format('%s, fixed %s: the other means are their rows''', family, fixed))
FROM parts AS p JOIN shares AS s USING (family, fixed, component), gmm_components(p.model) AS c
WHERE p.part = 'means' AND NOT p.held AND c.component = p.component AND p.family <> 'full'
  AND p.family <> 'tied'      -- of these, what is missing depends on the other features
GROUP BY family, fixed ORDER BY family, fixed::text;

-- Copies for weights, in another order; other units, to which what is fixed goes along.
SELECT all_within(array_agg(greatest(apart(copies, model), apart_fit(copies, model))), count(*)::integer, 1e-6, format('%s: copies in another order', family))
FROM fitted JOIN (SELECT family, fixed, gmm_refit(features, start, gmm_options(fixed => fixed, tol => 1e-13) ORDER BY uniform(:seed, 744, id)) AS copies
                  FROM rows, cases, generate_series(1, weight::integer) GROUP BY family, fixed, start) AS c USING (family, fixed)
GROUP BY family ORDER BY family;
SELECT all_within(array_agg(apart(moved, transformed(model, scale, shift))), count(*)::integer, 1e-5, format('%s: other units', family))
FROM fitted, (VALUES ('{1e6,1e-3,3}'::double precision[], '{1e7,5,-2e3}'::double precision[])) AS v (scale, shift),
     LATERAL (SELECT gmm_refit(ARRAY[features[1] * scale[1] + shift[1], features[2] * scale[2] + shift[2], features[3] * scale[3] + shift[3]],
                               transformed(start, scale, shift), gmm_options(fixed => fixed, tol => 1e-13), weight) AS moved FROM rows) AS m
WHERE family <> 'spherical' GROUP BY family ORDER BY family;

-- EM goes up, and so does the accelerated one.
CREATE TABLE rises AS
SELECT c.*, log_likelihood - lag(log_likelihood) OVER path AS rise,
       log_likelihood - least(lag(log_likelihood) OVER path, lag(log_likelihood, 2) OVER path) AS kept
FROM (SELECT family, fixed, accelerate, steps,
             (gmm_summary(gmm_refit(features, start, gmm_options(max_iter => steps, tol => 0, fixed => fixed,
                                                                 accelerate => accelerate), weight ORDER BY id))).log_likelihood
      FROM rows, cases, generate_series(1, 20) AS steps, unnest('{true,false}'::boolean[]) AS accelerate
      GROUP BY family, fixed, start, accelerate, steps) AS c
WINDOW path AS (PARTITION BY family, fixed, accelerate ORDER BY steps);
SELECT ok(min(rise / abs(log_likelihood)) FILTER (WHERE NOT accelerate) >= -1e-12 AND
          min(kept / abs(log_likelihood)) >= -1e-12 AND count(rise) = 38,
          format('%s, fixed %s: EM goes up', family, fixed))
FROM rises GROUP BY family, fixed ORDER BY family, fixed::text;

-- One step is that of the statistics.
SELECT ok(apart(gmm_maximize(stats, gmm_options(fixed => fixed)), step) < 1e-6,
          format('%s, fixed %s: a step from statistics', family, fixed)) || E'\n' ||
       ok(NOT EXISTS (SELECT FROM parts AS p, LATERAL (SELECT gmm_maximize(stats, gmm_options(fixed => p.fixed)) AS next) AS n
                      WHERE p.family = r.family AND p.fixed = r.fixed AND held AND
                            pg_temp.part(next, part, component) <> pg_temp.part(start, part, component)),
          '  keeps to the last bit what is fixed')
FROM (SELECT family, fixed, gmm_refit(features, start, gmm_options(max_iter => 1, accelerate => false, fixed => fixed), weight) AS step,
             gmm_accumulate(features, start, weight) AS stats
      FROM rows, cases GROUP BY family, fixed, start) AS r
ORDER BY family, fixed::text;

-- All is fixed: the model, and what the rows say of it.
SELECT ok(apart(model, start) = 0 AND
          abs((gmm_summary(model)).log_likelihood - (gmm_summary(as_it_is)).log_likelihood) <= 1e-12 * abs((gmm_summary(as_it_is)).log_likelihood),
          format('%s: all is fixed', family))
FROM (SELECT family, start, gmm_refit(features, start, gmm_options(fixed => '{weights,means,covariances}'), weight) AS model,
             gmm_refit(features, start, gmm_options(max_iter => 0), weight) AS as_it_is
      FROM rows, starts GROUP BY family, start) AS f ORDER BY family;

-- The least variance holds for what is free.
SELECT ok(covariances ->> 0 = '0.000001' AND abs((covariances ->> 1)::double precision / 0.25 - 1) < 1e-6,
          'reg_covar does not raise a covariance that is fixed')
FROM (SELECT gmm_refit(ARRAY[x], gmm_model('{0.5,0.5}', '{{0},{9}}', '{1e-6,1}', 'diag'),
                       gmm_options(fixed => 1, reg_covar => 0.01)) AS model
      FROM (VALUES (-0.001), (0.001), (9.999), (10.001)) AS v (x)) AS f,
     LATERAL (SELECT jsonb_build_array(model::jsonb -> 'covariances' -> 0 -> 0,
                                       model::jsonb -> 'covariances' -> 1 -> 0)) AS c (covariances);

-- With a prior: what is free is the mode, given the rest.
SELECT ok(bool_and(same) FILTER (WHERE held) AND min(rise) > -1e-9, format('%s: with a prior', family))
FROM (SELECT family, part IN ('means') OR component = 1 AS held,
             pg_temp.part(start, part, component) = pg_temp.part(model, part, component) AS same,
             s.log_likelihood + s.log_prior - t.log_likelihood - t.log_prior AS rise
      FROM (SELECT family, start,
                   gmm_refit(features, start, gmm_options(fixed => '{1,means,covariances}', prior => true, max_iter => 9), weight) AS model,
                   gmm_refit(features, start, gmm_options(fixed => '{1,means,covariances}', prior => true, max_iter => 4), weight) AS earlier
            FROM rows, starts GROUP BY family, start) AS f,
           gmm_summary(model) AS s, gmm_summary(earlier) AS t,
           generate_series(1, 3) AS component, unnest('{weights,means}'::text[]) AS part) AS p
GROUP BY family ORDER BY family;

-- What the argument may be
SELECT equals(array_agg(DISTINCT o), ARRAY['{"fixed": [1, "means"]}'::jsonb], 'one option, written in several ways')
FROM unnest(ARRAY[gmm_options(fixed => '{1,means}'), gmm_options(fixed => '{1,means}'::text[]),
                  gmm_options(fixed => '[1,"means"]'), gmm_options(fixed => '[1,"means"]'::jsonb),
                  gmm_options(fixed => ' { 1 , "means" } '::text::text[])]) AS o;

SELECT finish();
