-- Noise: a uniform density beside the components.  The figures are mclust's where
-- they are called so (6.0.0, tol 1e-13, noise initialized with the rows that are
-- known to be noise); densities are written out in SQL; and what holds of all fits
-- (weights, order, units, NULL, collecting and streaming) holds with noise.
\ir models.psql
\ir plain.psql

CREATE FUNCTION floats(model gmm_model, key text) RETURNS float8[] LANGUAGE sql IMMUTABLE AS
$$SELECT array_agg(e::float8) FROM jsonb_array_elements(model::jsonb -> key) AS e$$;

-- The largest difference between models with noise: as apart() has it, and of the
-- noise's weight, and its box in its own sides.
CREATE FUNCTION apart_noise(a gmm_model, b gmm_model) RETURNS float8 LANGUAGE sql STABLE AS $$
    SELECT greatest(apart(a, b), abs(s.noise_weight - t.noise_weight) / greatest(s.noise_weight, 1e-6),
                    (SELECT max(greatest(abs(al - bl), abs(am - bm)) / (bm - bl))
                     FROM unnest(floats(a, 'noise_least'), floats(a, 'noise_most'),
                                 floats(b, 'noise_least'), floats(b, 'noise_most')) AS u (al, am, bl, bm)))
    FROM gmm_summary(a) AS s, gmm_summary(b) AS t
    WHERE s.noise_weight + t.noise_weight IS NOT NULL
$$;

-- Rows of random_rows(), of which a share is uniform within a box instead: its
-- cluster is 0.
CREATE FUNCTION noisy_rows(seed bigint, n integer, d integer, clusters integer, share float8)
RETURNS TABLE (id integer, cluster integer, features float8[]) LANGUAGE sql STABLE AS $$
    SELECT id, CASE WHEN noise THEN 0 ELSE cluster END,
           CASE WHEN noise THEN (SELECT array_agg(20 * uniform(seed, 800 + j, id) - 10 ORDER BY j)
                                 FROM generate_series(1, d) AS j) ELSE features END
    FROM random_rows(seed, n, d, clusters), LATERAL (SELECT uniform(seed, 799, id) < share) AS u (noise)
$$;

-- --- figures of mclust -----------------------------------------------------------

CREATE TABLE readings AS
SELECT ARRAY[eruptions, waiting] AS x FROM faithful
UNION ALL
SELECT ARRAY[0.5 + 6.0 * i / 5, 20 + 100.0 * j / 3] FROM generate_series(0, 5) AS i, generate_series(0, 3) AS j;
CREATE TABLE chevron (x float8, y float8, class text);
\copy chevron FROM 'test/data/chevron.csv' CSV HEADER

CREATE TABLE figures AS
SELECT gmm_fit(x, 2, gmm_options(noise => true, tol => 1e-14)) AS model FROM readings;
SELECT near((gmm_summary(model)).log_likelihood, -1347.34300835, 1e-11, 'faithful with 24 rows of a grid: the log-likelihood of mclust')
FROM figures;
SELECT near(gmm_bic(model), 2768.66068961, 1e-11, 'and its BIC, which counts two parameters of noise') FROM figures;
SELECT near((gmm_summary(model)).noise_weight, 0.0986296, 1e-6, 'its weight of noise'), near(weight * (1 - 0.0986296), pro, 1e-6, format('its proportion %s', component)),
       near(mean[1], m1, 1e-7, 'its mean'), near(mean[2], m2, 1e-7, 'its mean'),
       near(covariance[1][1], s11, 1e-6, 'its variance'), near(covariance[2][2], s22, 1e-6, 'its variance')
FROM figures, gmm_components(model)
JOIN (VALUES (1, 0.5851203, 4.301935027, 80.09812664, 0.1650913329, 34.4692159094),
             (2, 0.3162501, 2.009609789, 54.28721505, 0.05297236045, 32.2852469469))
     AS mclust (component, pro, m1, m2, s11, s22) USING (component);

-- More than one maximum is as good as mclust's or better; from mclust's own means
-- EM comes to its own.
CREATE TABLE cells (family text, k integer, log_likelihood float8, exact boolean);
INSERT INTO cells VALUES ('full', 1, -10588.8353529, true), ('full', 2, -10525.2112939, true), ('full', 3, -10515.8634906, false),
    ('tied', 2, -10576.3424787, true), ('tied', 3, -10555.627683, true),
    ('diag', 1, -10608.3226597, true), ('diag', 2, -10577.6406537, true), ('diag', 3, -10554.6922885, true);
CREATE TABLE chevrons AS
SELECT cells.*, gmm_fit(ARRAY[x, y], k, gmm_options(covariance_type => family, noise => true, tol => 1e-12)) AS model
FROM cells, chevron GROUP BY family, k, log_likelihood, exact;
SELECT ok(CASE WHEN exact THEN abs(found - log_likelihood) < 1e-6 ELSE found > log_likelihood - 1e-6 END,
          format('chevron, %s, k = %s: %s', family, k, CASE WHEN exact THEN 'the log-likelihood of mclust' ELSE 'not below mclust''s' END)) ||
       format(E'\n# %s', found)
FROM chevrons, LATERAL (SELECT (gmm_summary(model)).log_likelihood AS found) AS s ORDER BY 1;
SELECT near(gmm_bic(model), 21141.5096257, 1e-10, 'chevron, full, k = 2: the BIC of mclust') FROM chevrons WHERE family = 'full' AND k = 2;
SELECT equals(count(*) FILTER (WHERE class = 'noise' AND component = 0), 743::bigint, 'chevron: as many of the 754 rows of noise are found as with mclust'),
       equals(count(*) FILTER (WHERE class = 'data' AND component = 0), 55::bigint, 'and as many of the others called so')
FROM chevrons, chevron, LATERAL (SELECT gmm_predict(model, ARRAY[x, y]) AS component) AS p WHERE family = 'full' AND k = 2;
SELECT equals((SELECT s.k FROM (SELECT gmm_fit_best(ARRAY[x, y], 1, 3, '{"noise": true}') AS model FROM chevron) AS f, gmm_summary(model) AS s),
              2, 'chevron: BIC chooses two components, as with mclust');

-- --- what is found ------------------------------------------------------------------

-- Three groups and a background, by the default call.  Nothing can classify better
-- than Bayes' rule with the true mixture; mclust, started with the truth about
-- noise, is as good to a few parts in a thousand.
CREATE TABLE truths AS
SELECT d, share, number, (jsonb_build_object(
           'weights', '{0.5,0.3,0.2}'::float8[], 'means', means, 'covariances', covariances,
           'noise_weight', share, 'noise_least', array_fill(-12, ARRAY[d]), 'noise_most', array_fill(12, ARRAY[d])))::gmm_model AS truth
FROM (VALUES (2, 0.1), (2, 0.3), (5, 0.1), (5, 0.3)) AS c (d, share), generate_series(1, 8) AS number,
     LATERAL (SELECT jsonb_agg(mean ORDER BY c), jsonb_agg(covariance ORDER BY c)
              FROM (SELECT c, jsonb_agg(6 * CASE WHEN d > 2 THEN (j = c)::integer
                                                 ELSE cos(2 * c + number - j) END +
                                        normal(:seed, 50 + number, 10 * c + j) ORDER BY j)
                    FROM generate_series(1, 3) AS c, generate_series(1, d) AS j GROUP BY c) AS m (c, mean)
              JOIN (SELECT c, jsonb_agg(line ORDER BY i)
                    FROM (SELECT c, i, jsonb_agg(0.3 * (i = j)::integer + 0.5 * normal(:seed, 60 + number, 10 * c + i) *
                                                 normal(:seed, 60 + number, 10 * c + j) ORDER BY j)
                          FROM generate_series(1, 3) AS c, generate_series(1, d) AS i, generate_series(1, d) AS j
                          GROUP BY c, i) AS l (c, i, line) GROUP BY c) AS s (c, covariance) USING (c)
             ) AS t (means, covariances);
CREATE TABLE drawn AS
SELECT d, share, number, truth, component, features FROM truths, gmm_sample(truth, 600, :seed);
CREATE TABLE labelled AS
SELECT d, share, number, component, gmm_predict(model, features) AS ours, gmm_predict(truth, features) AS theirs
FROM drawn JOIN (SELECT d, share, number, gmm_fit(features, 3, '{"noise": true}') AS model
                 FROM drawn GROUP BY d, share, number) AS f USING (d, share, number);
CREATE TABLE found AS
SELECT d, share, number,
       (SELECT adjusted_rand(array_agg(component), array_agg(ours), array_agg(n))
        FROM (SELECT component, ours, count(*) FROM labelled AS l WHERE (l.d, l.share, l.number) = (t.d, t.share, t.number)
              GROUP BY 1, 2) AS c (component, ours, n)) AS agreement,
       (SELECT adjusted_rand(array_agg(component), array_agg(theirs), array_agg(n))
        FROM (SELECT component, theirs, count(*) FROM labelled AS l WHERE (l.d, l.share, l.number) = (t.d, t.share, t.number)
              GROUP BY 1, 2) AS c (component, theirs, n)) AS bayes
FROM truths AS t;
SELECT ok(count(*) = 8 AND sum(agreement) >= 0.95 * sum(bayes) AND min(bayes) > 0.5,
          format('3 groups in d %s with %s %% of background: found as by Bayes'' rule', d, 100 * share)) ||
       format(E'\n# %s of %s, at least %s', avg(agreement), avg(bayes), min(agreement / bayes))
FROM found GROUP BY d, share ORDER BY d, share;

-- --- densities and what is made of them, by the formula ---------------------------------

-- Random models with noise, in two dimensions; rows inside of the box and outside.
CREATE TABLE mixtures AS
SELECT number, family, w, p, ll, mm,
       (gmm_model(w, means, CASE family WHEN 'full' THEN ARRAY[[[v1, c1], [c1, u1]], [[v2, -c1], [-c1, u2]]]
                                        WHEN 'tied' THEN ARRAY[[v1, c1], [c1, u1]]
                                        WHEN 'diag' THEN ARRAY[[v1, u1], [v2, u2]] ELSE ARRAY[v1, v2] END, family)::jsonb ||
        jsonb_build_object('noise_weight', p, 'noise_least', ll, 'noise_most', mm))::gmm_model AS model
FROM generate_series(1, 10) AS number, families,
     LATERAL (SELECT array_agg(uniform(:seed, 820 + j, number) ORDER BY j) FROM generate_series(1, 16) AS j) AS r (u),
     LATERAL (SELECT ARRAY[0.1 + 0.8 * u[1], 0.9 - 0.8 * u[1]], ARRAY[[6 * u[2] - 3, 6 * u[3] - 3], [6 * u[4] - 3, 6 * u[5] - 3]],
                     0.5 + u[6], 0.5 + u[7], 0.5 + u[8], 0.5 + u[9], 0.4 * u[10], 0.05 + 0.6 * u[11],
                     ARRAY[-1 - 4 * u[12], -1 - 4 * u[13]], ARRAY[1 + 4 * u[14], 1 + 4 * u[15]])
              AS t (w, means, v1, u1, v2, u2, c1, p, ll, mm);

-- What each class has of the density: of noise, and of the components.
CREATE TABLE densities AS
SELECT number, family, model, p, ll, mm, x, c.component, CASE WHEN x[1] IS NULL THEN 2 WHEN x[2] IS NULL THEN 1 ELSE 0 END AS given,
       (1 - p) * weight * CASE
           WHEN x[1] IS NULL AND x[2] IS NULL THEN 1
           WHEN x[2] IS NULL THEN exp(greatest(-700, -0.5 * (x[1] - mean[1]) ^ 2 / covariance[1][1])) / sqrt(2 * pi() * covariance[1][1])
           WHEN x[1] IS NULL THEN exp(greatest(-700, -0.5 * (x[2] - mean[2]) ^ 2 / covariance[2][2])) / sqrt(2 * pi() * covariance[2][2])
           ELSE exp(greatest(-700, -0.5 * (covariance[2][2] * (x[1] - mean[1]) ^ 2 - 2 * covariance[1][2] * (x[1] - mean[1]) * (x[2] - mean[2]) +
                                            covariance[1][1] * (x[2] - mean[2]) ^ 2) / determinant)) / (2 * pi() * sqrt(determinant)) END AS density
FROM mixtures, gmm_components(model) AS c, LATERAL (SELECT covariance[1][1] * covariance[2][2] - covariance[1][2] ^ 2 AS determinant) AS d,
     (SELECT ARRAY[CASE WHEN i % 5 > 0 THEN 20 * uniform(:seed, 840, i) - 10 END, CASE WHEN i % 6 > 0 THEN 20 * uniform(:seed, 841, i) - 10 END]
      FROM generate_series(1, 59) AS i) AS r (x);
INSERT INTO densities
SELECT DISTINCT number, family, model, p, ll, mm, x, 0, given,
       p / coalesce(CASE WHEN x[1] IS NOT NULL THEN mm[1] - ll[1] END, 1) / coalesce(CASE WHEN x[2] IS NOT NULL THEN mm[2] - ll[2] END, 1)
FROM densities;
CREATE TABLE scored AS
SELECT family, model, x, ln(sum(density)) AS log_density, array_agg(density / total ORDER BY component) AS proba,
       sum(-density / total * ln(greatest(density / total, 1e-300))) AS entropy
FROM (SELECT *, sum(density) OVER (PARTITION BY number, family, x) AS total FROM densities) AS d GROUP BY number, family, model, x;
SELECT ok(count(*) = 590 AND max(abs(gmm_logpdf(model, x) - log_density)) < 1e-11, family || ': gmm_logpdf is the logarithm of p / V + (1 - p) sum w phi')
FROM scored GROUP BY family ORDER BY family;
SELECT ok(max(abs(p - q)) < 1e-12 AND bool_and(array_lower(a, 1) = 0 AND array_upper(a, 1) = 2), family || ': gmm_predict_proba has the shares of the classes from 0 on')
FROM scored, gmm_predict_proba(model, x) AS a, unnest(a, proba) AS u (p, q) GROUP BY family ORDER BY family;
SELECT ok(max(abs(gmm_noise(model, x) - proba[1])) < 1e-12 AND max(abs(gmm_entropy(model, x) - entropy)) < 1e-12 AND
          bool_and(proba[gmm_predict(model, x) + 1] >= (SELECT max(q) FROM unnest(proba) AS q) - 1e-12 AND
                   (gmm_predict_proba(model, x))[gmm_predict(model, x)] = (SELECT max(q) FROM unnest(gmm_predict_proba(model, x)) AS q)),
          family || ': gmm_noise, gmm_entropy and gmm_predict follow from them')
FROM scored GROUP BY family ORDER BY family;
SELECT ok(count(DISTINCT gmm_predict(model, x)) = 3, family || ': and all three classes are predicted') FROM scored GROUP BY family ORDER BY family;
SELECT ok(bool_and((SELECT array_agg(component ORDER BY n) = array_agg(component ORDER BY probability DESC, component) AND
                           array_agg(probability) <@ gmm_predict_proba(model, x) AND count(*) = 3
                    FROM gmm_top(model, x, 9) WITH ORDINALITY AS t (component, probability, n))), 'gmm_top has noise as component 0')
FROM scored;

-- What is NULL given the rest: the densities divide, and the expectation is the
-- middle of the box where it is noise.
SELECT ok(count(*) > 1000 AND max(abs(gmm_logpdf(model, ARRAY[x[1], y]) - gmm_logpdf(model, ARRAY[x[1], NULL]) -
                                      gmm_logpdf(gmm_condition(model, ARRAY[x[1], NULL]), ARRAY[y]))) < 1e-10, family || ': gmm_condition divides the density')
FROM scored, generate_series(-9, 9, 3) AS y WHERE x[1] IS NOT NULL AND abs(x[1]) < 6 GROUP BY family ORDER BY family;
SELECT ok(count(*) > 100 AND max(abs((gmm_impute(model, x))[2] - s.noise_weight * (least + most) / 2 -
                                     (1 - s.noise_weight) * (SELECT sum(weight * mean[1]) FROM gmm_components(given)))) < 1e-12 AND
          max(abs(s.noise_weight - gmm_noise(model, x))) < 1e-12,
          'gmm_impute is the mean of gmm_condition, whose noise_weight is gmm_noise')
FROM scored, gmm_condition(model, x) AS given, gmm_summary(given) AS s,
     LATERAL (SELECT (floats(model, 'noise_least'))[2], (floats(model, 'noise_most'))[2]) AS b (least, most)
WHERE x[1] IS NOT NULL AND x[2] IS NULL;
SELECT ok(max(abs(gmm_logpdf(gmm_marginal(model, '{2}'), ARRAY[x[2]]) - gmm_logpdf(model, ARRAY[NULL, x[2]]))) < 1e-13 AND
          max(abs(gmm_logpdf(gmm_marginal(model, '{2,1}'), ARRAY[x[2], x[1]]) - gmm_logpdf(model, x))) < 1e-12, 'gmm_marginal is the mixture of a side of the box')
FROM scored WHERE x[2] IS NOT NULL;

-- Rows drawn: of each class as many as its weight says, and noise fills the box.
SELECT ok(max(abs(share - wanted) / sqrt(wanted / 4000)) < 5, 'gmm_sample draws the classes by their shares') ||
       format(E'\n# %s deviations', max(abs(share - wanted) / sqrt(wanted / 4000)))
FROM (SELECT number, model, component, count(*) / 4000.0 AS share FROM mixtures, gmm_sample(model, 4000, 100 * :seed + number)
      WHERE family = 'full' GROUP BY number, model, component) AS drawn,
     LATERAL (SELECT coalesce((SELECT (1 - s.noise_weight) * weight FROM gmm_components(model) AS c WHERE c.component = drawn.component), s.noise_weight)
              FROM gmm_summary(model) AS s) AS w (wanted);
SELECT ok(count(*) > 3000 AND min(place) > 0 AND max(place) < 1 AND abs(avg(place) - 0.5) < 5 / sqrt(12.0 * count(*)) AND
          abs(var_pop(place) - 1 / 12.0) < 0.01, 'and noise evenly in its box')
FROM mixtures, gmm_sample(model, 4000, 100 * :seed + number), LATERAL (SELECT (features[1] - ll[1]) / (mm[1] - ll[1]) AS place) AS p
WHERE component = 0 AND family = 'full';

-- gmm_outlier_pvalue and gmm_mahalanobis are about the components alone.
SELECT ok(max(abs(gmm_outlier_pvalue(model, x) / gmm_outlier_pvalue(bare, x) - 1)) < 1e-6 AND bool_and(gmm_mahalanobis(model, x) = gmm_mahalanobis(bare, x)),
          'gmm_outlier_pvalue and gmm_mahalanobis leave noise out') ||
       format(E'\n# %s', max(abs(gmm_outlier_pvalue(model, x) / gmm_outlier_pvalue(bare, x) - 1)))
FROM scored, LATERAL (SELECT (model::jsonb - '{noise_weight,noise_least,noise_most}'::text[])::gmm_model AS bare) AS b;
SELECT ok(gmm_predict(model, '{1e300,-1e300}') = 0 AND gmm_noise(model, '{1e300,0}') = 1 AND abs(gmm_logpdf(model, '{1e300,0}') - ln(p / (mm[1] - ll[1]) / (mm[2] - ll[2]))) < 1e-14,
          'a row that is too far for a density without noise is noise')
FROM mixtures WHERE number = 1 AND family = 'diag';

-- --- what a model is ------------------------------------------------------------------

SELECT ok(bool_and(model::text::gmm_model = model AND model::jsonb::gmm_model = model AND gmm_model_send(model::text::gmm_model) = gmm_model_send(model) AND
                   gmm_model_hash(model::text::gmm_model) = gmm_model_hash(model)), 'text and jsonb bring a model with noise back') FROM mixtures;
SELECT ok(bool_and(model <> other AND gmm_model_hash(model) <> gmm_model_hash(other)), 'models that differ in noise alone differ')
FROM mixtures, LATERAL (SELECT (model::jsonb || changed)::gmm_model AS other
                        FROM (VALUES ('{"noise_weight": 0.5}'::jsonb), ('{"noise_least": [-7, -7]}'), ('{"noise_most": [1e3, 7]}')) AS c (changed)
                        UNION ALL SELECT (model::jsonb - '{noise_weight,noise_least,noise_most}'::text[])::gmm_model) AS o;
SELECT ok(bool_and((SELECT abs(sum(weight) - 1) < 1e-12 AND abs(sum(n_effective) - 272) < 30 FROM gmm_components(model))), 'weights of components sum to 1, n_effective to the rows that are not noise')
FROM figures;

-- --- properties of fits -----------------------------------------------------------------

CREATE TABLE tables AS
SELECT number, 1 + number % 3 AS d, 2 + number % 2 AS k, r.*, floor(4 * uniform(:seed, 870 + number, id))::integer AS weight
FROM generate_series(1, 6) AS number, noisy_rows(:seed * 1000 + 870 + number, 300, 1 + number % 3, 2 + number % 2, 0.1 + 0.05 * number) AS r;
CREATE TABLE fits AS
SELECT number, family, k, gmm_fit(features, k, gmm_options(covariance_type => family, noise => true)) AS model
FROM tables, families GROUP BY number, family, k;
SELECT ok(bool_and(s.noise_weight > 0.01 AND s.noise_weight < 0.9), 'noise has a weight') FROM fits, gmm_summary(model) AS s;

SELECT all_within(array_agg(greatest(apart_noise(copied, weighted), apart_fit(copied, weighted))), 6, 1e-9, family || ': weights are copies')
FROM (SELECT number, family, k, gmm_fit(features, k, gmm_options(covariance_type => family, noise => true), weight) AS weighted FROM tables, families GROUP BY number, family, k) AS a
JOIN (SELECT number, family, k, gmm_fit(features, k, gmm_options(covariance_type => family, noise => true)) AS copied
      FROM tables, families, generate_series(1, weight) GROUP BY number, family, k) AS b USING (number, family) GROUP BY family ORDER BY family;
SELECT ok(bool_and(a.model = b.model), family || ': the order of the rows does not matter')
FROM fits AS a JOIN (SELECT number, family, gmm_fit(features, k, gmm_options(covariance_type => family, noise => true) ORDER BY uniform(:seed, 1, id)) AS model
                     FROM tables, families GROUP BY number, family, k) AS b USING (number, family) GROUP BY family ORDER BY family;

-- Units, but for spherical; the box goes with the rows, the log-likelihood by the
-- volume of a unit.  To the end, for where a slow run stops hangs on rounding.
SELECT all_within(array_agg(greatest(apart(moved, wanted), abs(s.noise_weight - t.noise_weight) * 1e-3, abs(s.log_likelihood - t.log_likelihood) / abs(t.log_likelihood)) ORDER BY number), 6, 1e-5,
                  family || ': units do not matter')
FROM (SELECT number, family, gmm_fit(features, k, o) AS model,
             gmm_fit((SELECT array_agg(x * (10.0 ^ j) + (j - 2) * 1e6 ORDER BY j) FROM unnest(features) WITH ORDINALITY AS f (x, j)), k, o) AS moved
      FROM tables, families, gmm_options(covariance_type => family, noise => true, tol => 1e-13, max_iter => 10000) AS o WHERE family <> 'spherical' GROUP BY number, family, k) AS m,
     LATERAL (SELECT transformed(model, (ARRAY[10, 100, 1000])[1:(gmm_summary(model)).d], (ARRAY[-1e6, 0, 1e6])[1:(gmm_summary(model)).d]) AS wanted) AS w,
     gmm_summary(moved) AS s, gmm_summary(wanted) AS t
GROUP BY family ORDER BY family;
SELECT ok(bool_and((floats(model, 'noise_least'))[1] = least AND (floats(model, 'noise_most'))[1] = most), 'the box is that of the rows, to the last bit')
FROM fits JOIN (SELECT number, min(features[1]) AS least, max(features[1]) AS most FROM tables GROUP BY number) AS r USING (number);

-- EM goes up, and a step is a step: collecting, streaming, in pieces, and merged.
CREATE TABLE starts AS
SELECT number, family, gmm_fit(features, k, gmm_options(covariance_type => family, noise => true, max_iter => 1, n_init => 1, tol => 0)) AS start
FROM tables, families GROUP BY number, family, k;
CREATE TABLE climbs AS
SELECT number, family, accelerate, steps, gmm_refit(features, start, gmm_options(max_iter => steps, tol => 0, accelerate => accelerate) ORDER BY id) AS model
FROM starts JOIN tables USING (number), generate_series(1, 20) AS steps, unnest('{true,false}'::boolean[]) AS accelerate GROUP BY number, family, accelerate, steps;
SELECT ok(count(*) = 6 * 19 AND bool_and(rise > -1e-9), format('%s, %s: more steps are not less likely', family, CASE WHEN accelerate THEN 'accelerated' ELSE 'plain EM' END))
FROM (SELECT family, accelerate, log_likelihood - CASE WHEN accelerate THEN least(lag(log_likelihood) OVER w, lag(log_likelihood, 2) OVER w) ELSE lag(log_likelihood) OVER w END AS rise
      FROM climbs, gmm_summary(model) WINDOW w AS (PARTITION BY number, family, accelerate ORDER BY steps)) AS r
WHERE rise IS NOT NULL GROUP BY family, accelerate ORDER BY family, accelerate;

CREATE TABLE steps AS
SELECT number, family, start, gmm_refit(features, start, '{"max_iter": 1, "tol": 0, "accelerate": false}', weight) AS collected,
       gmm_em_step(features, start, weight) AS streamed, gmm_accumulate(features, start, weight) AS stats,
       gmm_accumulate(features, start, weight) FILTER (WHERE id % 3 = 0) AS first, gmm_accumulate(features, start, weight) FILTER (WHERE id % 3 <> 0) AS second
FROM starts JOIN tables USING (number) GROUP BY number, family, start;
SELECT all_within(array_agg(greatest(apart_noise(streamed, collected), apart_noise(gmm_maximize(stats), collected), apart_noise(gmm_maximize(first + second), collected),
                                     apart_noise(gmm_maximize(gmm_decay(stats, 0.25)), collected), apart_noise(gmm_maximize(stats::text::gmm_stats), collected),
                                     apart_noise(gmm_maximize(stats::jsonb::gmm_stats), collected),
                                     abs((gmm_stats_summary(stats)).noise_weight - (gmm_summary(collected)).noise_weight))),
                  6, 1e-9, family || ': gmm_em_step, gmm_accumulate, +, gmm_decay and gmm_maximize make the step of gmm_refit')
FROM steps GROUP BY family ORDER BY family;
SELECT ok(bool_and(gmm_stats_send(stats::text::gmm_stats) = gmm_stats_send(stats)), 'text brings statistics with noise back') FROM steps;
SELECT ok(bool_and(abs((gmm_stats_summary(moved)).noise_weight - (gmm_stats_summary(stats)).noise_weight) < 1e-15 AND
                   apart_noise(gmm_maximize(moved), gmm_maximize(stats)) < 1e-9), 'gmm_rebase keeps the noise of the rows')
FROM steps, gmm_rebase(stats, streamed) AS moved;

-- gmm_refit keeps a box, drops it, or takes another; max_iter 0 keeps all.
CREATE TABLE refits AS
SELECT start, gmm_refit(features, start) AS kept, gmm_refit(features, start, '{"noise": true}') AS anew, gmm_refit(features, start, '{"noise": false}') AS without,
       gmm_refit(features, (start::jsonb - '{noise_weight,noise_least,noise_most}'::text[])::gmm_model, '{"noise": true}') AS given,
       gmm_refit(features, start, '{"max_iter": 0}') AS same, array_agg(features) AS rows
FROM starts JOIN tables USING (number) WHERE features[1] > 0 AND family = 'diag' GROUP BY number, family, start;
SELECT ok(bool_and(floats(kept, 'noise_least') = floats(start, 'noise_least') AND floats(same, 'noise_least') = floats(start, 'noise_least')), 'gmm_refit keeps the box of the model'),
       ok(bool_and((floats(anew, 'noise_least'))[1] > 0 AND (floats(given, 'noise_least'))[1] > 0), 'or takes that of the rows if it is told to'),
       ok(bool_and((gmm_summary(without)).noise_weight IS NULL), 'or drops noise'),
       ok(bool_and((gmm_summary(same)).noise_weight = (gmm_summary(start)).noise_weight AND
                   abs((gmm_summary(same)).log_likelihood - (SELECT sum(gmm_logpdf(start, r)) FROM (SELECT (SELECT array_agg(e ORDER BY n) FROM jsonb_array_elements_text(row) WITH ORDINALITY AS t (e, n))::float8[] AS r
                                                             FROM jsonb_array_elements(to_jsonb(rows)) AS row) AS u)) < 1e-8), 'with a max_iter of 0 the model stays, and rows are scored')
FROM refits;

-- --- NULLs, constants, many rows, tables --------------------------------------------------

CREATE TABLE gaps AS
SELECT id, cluster, (SELECT array_agg(CASE WHEN uniform(:seed, 880 + j, id) > 0.15 THEN x END ORDER BY j) FROM unnest(features) WITH ORDINALITY AS f (x, j)) AS features
FROM noisy_rows(:seed * 1000 + 880, 1500, 3, 3, 0.2);
CREATE TABLE gap_fits AS
SELECT family, gmm_fit(features, 3, gmm_options(covariance_type => family, noise => true)) AS model, gmm_fit(features, 3, gmm_options(covariance_type => family, noise => true, max_iter => 1, n_init => 1, tol => 0)) AS start
FROM gaps, families GROUP BY family;
SELECT ok(abs((gmm_summary(model)).log_likelihood - (SELECT sum(gmm_logpdf(model, features)) FROM gaps)) < 1e-7 AND
          abs((gmm_summary(model)).noise_weight - (SELECT avg(gmm_noise(model, features)) FROM gaps)) < 1e-3 AND
          (SELECT corr(gmm_noise(model, features), (cluster = 0)::integer) FROM gaps) > 0.6, family || ', rows with NULLs: the log-likelihood and the weight of noise are those of the rows') ||
       format(E'\n# noise %s', (gmm_summary(model)).noise_weight)
FROM gap_fits ORDER BY family;
SELECT ok(apart_noise((SELECT gmm_em_step(features, start) FROM gaps),
                      (SELECT gmm_refit(features, start, '{"max_iter": 1, "tol": 0, "accelerate": false}') FROM gaps)) < 1e-9, family || ', rows with NULLs: a step of gmm_em_step is one of gmm_refit')
FROM gap_fits ORDER BY family;

-- A column that is constant changes nothing of the rest.
SELECT ok(abs(t.noise_weight - s.noise_weight) < 1e-4 AND (SELECT max(abs(gmm_noise(wide, features || 7::float8) - gmm_noise(model, features))) < 1e-2 FROM tables WHERE number = 2),
          family || ': a constant column is not noise''s concern') || format(E'\n# %s and %s', t.noise_weight, s.noise_weight)
FROM fits JOIN (SELECT family, gmm_fit(features || 7::float8, k, gmm_options(covariance_type => family, noise => true)) AS wide FROM tables, families WHERE number = 2 GROUP BY family, k) AS w USING (family),
     gmm_summary(model) AS s, gmm_summary(wide) AS t
WHERE number = 2 AND family IN ('full', 'diag') ORDER BY family;

-- More rows than a sample, from a table, by partitions: one model.
CREATE TABLE large AS SELECT id, features, features[1] AS a, features[2] AS b FROM noisy_rows(:seed * 1000 + 890, 20000, 2, 3, 0.2);
CREATE TABLE larges AS SELECT gmm_fit(features, 3, '{"noise": true}') AS model FROM large;
SELECT ok(apart_noise(gmm_fit_table('large', '{a,b}', 3, '{"noise": true}'), model) < 1e-6, 'gmm_fit_table makes the model of gmm_fit') FROM larges;
SELECT ok(abs(s.noise_weight - 0.2) < 0.1, 'and finds about as much noise as there is') || format(E'\n# %s', s.noise_weight) FROM larges, gmm_summary(model) AS s;
SELECT ok(gmm_svg(features, model) LIKE '%noise%' AND gmm_svg(features, model, 1) LIKE '%noise%', 'gmm_svg has a sign for noise') FROM large, larges GROUP BY model;
SELECT ok(count(*) = 3 AND bool_and(n_parameters = 6 * k + 1) AND min(t.bic) = min(gmm_bic(best)), 'gmm_trials counts the parameters of noise')
FROM (SELECT gmm_fit_best(features, 1, 3, '{"noise": true}') AS best FROM large WHERE id <= 600) AS b, gmm_trials(best) AS t;

-- What is kept of rows, and the ways to choose: as without noise.
SELECT ok(gmm_fit_sketch(gmm_sketch(features, 1500), 3, '{"noise": true}') = model, 'gmm_fit_sketch makes the model of gmm_fit, noise and all')
FROM (SELECT gmm_fit(features, 3, '{"noise": true}') AS model FROM large WHERE id <= 1500) AS m, large WHERE id <= 1500 GROUP BY model;
SELECT ok(abs(s.icl - s.bic - 2 * (SELECT sum(gmm_entropy(model, features)) FROM large)) < 1e-6 * s.icl, 'ICL counts the entropy of the choice between noise and components')
FROM larges, gmm_summary(model) AS s;
SELECT ok(bool_and(gmm_predict_proba(model, features, ids) = gmm_predict_proba(model, features) AND (gmm_predict(model, features, ids) = 0) = (gmm_predict(model, features) = 0)),
          'components that are a cluster each have the probabilities of components')
FROM larges, large, LATERAL (SELECT '{1,2,3}'::integer[] AS ids) AS i;

SELECT finish();
