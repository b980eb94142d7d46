-- gmm_drift and gmm_drift_components: their figures are what their names say,
-- summed row by row; statistics of parts, weights, units and the order of
-- components do not matter; without a drift few are reported, with one it is.
\ir models.psql

-- SciPy 1.10 on 237 eruptions, 2 minutes later, under a model of round numbers,
-- beside all 272 as they are (multivariate_normal, chi2.sf, norm.sf).
CREATE TABLE outside AS
SELECT scored AS model, (SELECT gmm_accumulate(ARRAY[eruptions, waiting + 2], scored) FROM faithful WHERE waiting < 85) AS stats
FROM (SELECT gmm_refit(ARRAY[eruptions, waiting],
                       gmm_model('{0.35,0.65}', '{{2,55},{4.25,79.5}}', '{{{0.08,0.5},{0.5,33}},{{0.18,1},{1,37}}}'),
                       gmm_options(max_iter => 0)) AS scored FROM faithful) AS f;
SELECT equals((n_rows, sum_weights)::text, '(237,237)', 'rows') || E'\n' ||
       near(likelihood_shift, 0.10483375390941507, 1e-12, 'likelihood_shift') || E'\n' ||
       near(likelihood_error, 0.08572357771748558, 1e-12, 'likelihood_error') || E'\n' ||
       near(likelihood_p, 0.22135693391458033, 1e-10, 'likelihood_p') || E'\n' ||
       near(share_psi, 0.013908844763233378, 1e-12, 'share_psi') || E'\n' ||
       near(share_p, 0.06807163913410198, 1e-10, 'share_p') || E'\n' ||
       near(mean_shift, 0.1714699341424451, 1e-12, 'mean_shift') || E'\n' ||
       near(mean_p, 0.13757510915580992, 1e-10, 'mean_p') || E'\n' ||
       near(spread_ratio, 0.9170119479855038, 1e-12, 'spread_ratio') || E'\n' ||
       near(p, 3 * share_p, 1e-12, 'p')
FROM outside, gmm_drift(model, stats);
SELECT near(d.sum_weights, w.n, 1e-12, format('component %s: sum_weights', component)) || E'\n' ||
       near(share_now, w.share, 1e-12, format('component %s: share_now', component)) || E'\n' ||
       near(share_then, (ARRAY[0.35, 0.65])[component], 0, format('component %s: share_then', component)) || E'\n' ||
       near(d.mean_shift, w.shift, 1e-12, format('component %s: mean_shift', component)) || E'\n' ||
       near(d.spread_ratio, w.ratio, 1e-12, format('component %s: spread_ratio', component)) || E'\n' ||
       near(moves[1], w.first, 1e-12, format('component %s: along eruptions', component)) || E'\n' ||
       near(moves[2], w.second, 1e-12, format('component %s: along waiting', component)) || E'\n' ||
       near(d.p, w.p, 1e-10, format('component %s: p', component))
FROM outside, gmm_drift_components(model, stats) AS d
JOIN (VALUES (1, 96.49722740104751, 0.40716129705083337, 0.2567334001696143, 0.9688729774037664,
              0.11952270394672475, 0.2529691492241763, 0.04157881499017785),
             (2, 140.5027725989525, 0.5928387029491666, 0.06577857773755309, 0.8796244793259164,
              -0.013092301895269727, 0.054353068034577894, 0.7378865490065261)) AS w (component, n, share, shift, ratio, first, second, p)
     USING (component);

-- Random cases, in each family: 900 rows to fit, 300 others of the same mixture
-- with weights, and these moved.
CREATE TABLE cases AS SELECT number, 1 + number % 4 AS d, 1 + number % 3 AS k FROM generate_series(1, 40) AS number;
CREATE TABLE rows AS
SELECT number, d, k, r.*, 1 + floor(3 * uniform(:seed, 900 + number, id)) AS weight
FROM cases, random_rows(:seed * 1000 + 900 + number, 1200, d, k) AS r;
CREATE TABLE fits AS
SELECT number, family, gmm_fit(features, k, gmm_options(covariance_type => family)) AS model
FROM rows, families WHERE id <= 900 AND (number <= 8 OR family = 'full') GROUP BY number, family, k;
CREATE TABLE later AS
SELECT number, id, family, model, weight,
       ARRAY(SELECT 1.1 * x + 0.2 * j FROM unnest(features) WITH ORDINALITY AS u (x, j) ORDER BY j) AS x
FROM rows JOIN fits USING (number) WHERE id > 900 AND number <= 8;
CREATE TABLE moved AS
SELECT number, family, model, gmm_accumulate(x, model, weight) AS stats FROM later GROUP BY number, family, model;

-- Row by row.  (A component that no row belongs to any more has no mean.)
CREATE TABLE shares AS
SELECT number, family, c, m.weight AS share_then, m.mean, m.covariance, sum(l.weight * proba[c]) AS n, sum(l.weight) AS total,
       sum(l.weight * proba[c] * distance[c] ^ 2) AS squares,
       (SELECT array_agg((SELECT sum(l2.weight * proba2[c] * l2.x[j]) / nullif(sum(l2.weight * proba2[c]), 0)
                          FROM later AS l2, LATERAL (SELECT gmm_predict_proba(l2.model, l2.x) OFFSET 0) AS p2 (proba2)
                          WHERE (l2.number, l2.family) = (l.number, l.family)) ORDER BY j)
        FROM generate_subscripts(m.mean, 1) AS j) AS mean_now
FROM later AS l, LATERAL (SELECT gmm_predict_proba(model, x) OFFSET 0) AS p (proba),
     LATERAL (SELECT gmm_mahalanobis(model, x) OFFSET 0) AS q (distance),
     LATERAL (SELECT component, weight, mean, covariance FROM gmm_components(model)) AS m (c, weight, mean, covariance)
GROUP BY number, family, c, m.weight, m.mean, m.covariance;
CREATE TABLE by_row AS
SELECT s.*, (gmm_mahalanobis(model, mean_now))[c] AS shift,
       sqrt((CASE family WHEN 'tied' THEN sum(squares - n * (gmm_mahalanobis(model, mean_now))[c] ^ 2) OVER component_of / total
                         ELSE squares / nullif(n, 0) - (gmm_mahalanobis(model, mean_now))[c] ^ 2 END) / cardinality(mean)) AS ratio
FROM shares AS s JOIN fits USING (number, family) WINDOW component_of AS (PARTITION BY number, family);
SELECT all_within(array_agg(greatest(abs(d.sum_weights / n - 1), abs(share_now * total / n - 1), abs(d.share_then - b.share_then),
                                     -- of next to one row the spread is what is left of squares about the model's mean
                                     abs(mean_shift - shift), abs(spread_ratio ^ 2 - ratio ^ 2) / (1 + shift ^ 2),
                                     (SELECT max(abs(moves[j] - (mean_now[j] - mean[j]) / sqrt(covariance[j][j])))
                                      FROM generate_subscripts(mean, 1) AS j))),
                  (SELECT count(*)::integer FROM by_row WHERE family = b.family AND n > 0), 1e-8,
                  format('%s: components, summed row by row', family))
FROM by_row AS b JOIN moved USING (number, family), gmm_drift_components(model, stats) AS d
WHERE component = c AND n > 0 GROUP BY family ORDER BY family;
SELECT all_within(array_agg(greatest(abs(share_psi - psi), abs(mean_shift - shift), abs(spread_ratio - ratio),
                                     abs(d.likelihood_shift - (l.mean - e.expected)), abs(likelihood_error / error - 1),
                                     abs(p - least(1, 3 * least(likelihood_p, share_p, mean_p))))),
                  8, 1e-8, format('%s: all rows, summed one by one', m.family))
FROM moved AS m JOIN (
         SELECT number, family, sqrt(sum(n / total * shift ^ 2)) AS shift, sqrt(sum(n * ratio ^ 2 / total)) AS ratio,
                sum((greatest(n, 0.5) / total - greatest(share_then, 0.5 / total)) *
                    ln(greatest(n, 0.5) / total / greatest(share_then, 0.5 / total))) AS psi
         FROM by_row GROUP BY number, family) AS b USING (number, family)
     JOIN (SELECT number, family, sum(weight) AS w, sum(weight * l) / sum(weight) AS mean,
                  sqrt(sum(weight * l ^ 2) / sum(weight) - (sum(weight * l) / sum(weight)) ^ 2) AS stddev
           FROM later, LATERAL (SELECT gmm_logpdf(model, x) OFFSET 0) AS d (l) GROUP BY number, family) AS l USING (number, family),
     gmm_drift(model, stats) AS d, gmm_summary(model) AS s,
     -- new rows are expected to have what AIC says, half of it for each row
     LATERAL (SELECT -s.aic / 2 / s.sum_weights, sqrt(greatest(l.stddev, s.log_density_stddev) ^ 2 / l.w + s.log_density_stddev ^ 2 / s.sum_weights +
                                                     2 * (s.aic / 2 + s.log_likelihood) / s.sum_weights ^ 2)) AS e (expected, error)
GROUP BY m.family ORDER BY m.family;

-- The same where values are missing, and with noise, which is a class of its own: shares
-- and likelihoods are those of the rows.
CREATE TABLE gaps AS
SELECT number, id, family, weight, noisy AS model,
       ARRAY(SELECT CASE WHEN uniform(:seed, 990 + j, 1000 * number + id) > 0.2 THEN f END FROM unnest(x) WITH ORDINALITY AS u (f, j) ORDER BY j) AS x
FROM later, LATERAL (SELECT (model::jsonb || jsonb_build_object('noise_weight', 0.1, 'noise_least', array_fill(-30, ARRAY[cardinality(x)]), 'noise_most', array_fill(30, ARRAY[cardinality(x)])))::gmm_model OFFSET 0) AS n (noisy)
WHERE number <= 6;
CREATE TABLE gap_shares AS
SELECT number, family, c, sum(weight * p[c]) AS n, sum(weight) AS total
FROM gaps, LATERAL (SELECT gmm_predict_proba(model, x) OFFSET 0) AS q (p), generate_subscripts(p, 1) AS c WHERE cardinality(array_remove(x, NULL)) > 0
GROUP BY number, family, c;
CREATE TABLE gap_stats AS SELECT number, family, model, gmm_accumulate(x, model, weight) AS stats FROM gaps GROUP BY number, family, model;
SELECT all_within(array_agg(greatest(abs(d.sum_weights - s.n), abs(share_now - s.n / total), abs(share_then - CASE c WHEN 0 THEN 0.1 ELSE 0.9 * w END))),
                  (SELECT count(*)::integer FROM gap_shares WHERE family = s.family), 1e-8, format('%s, NULLs and noise: sums and shares are those of the rows', s.family)) || E'\n' ||
       ok(min(c) = 0, '  of noise, too')
FROM gap_shares AS s JOIN gap_stats USING (number, family), gmm_drift_components(model, stats) AS d,
     LATERAL (SELECT max(weight) FROM gmm_components(model) AS m WHERE m.component = c) AS w (w)
WHERE d.component = c GROUP BY s.family ORDER BY s.family;
SELECT all_within(array_agg(greatest(abs(share_psi - psi), abs(likelihood_shift - (mean - expected)))), 6, 1e-8, format('%s, NULLs and noise: likelihood_shift and share_psi', g.family))
FROM gap_stats AS g
JOIN (SELECT number, family, sum(weight * gmm_logpdf(model, x)) / sum(weight) AS mean FROM gaps WHERE cardinality(array_remove(x, NULL)) > 0 GROUP BY number, family) AS l USING (number, family)
JOIN (SELECT number, family, sum((greatest(n, 0.5) / total - greatest(share_then, 0.5 / total)) * ln(greatest(n, 0.5) / total / greatest(share_then, 0.5 / total))) AS psi
      FROM gap_shares JOIN gap_stats USING (number, family), gmm_drift_components(model, stats) AS d WHERE d.component = c GROUP BY number, family) AS p USING (number, family),
     gmm_drift(model, stats), gmm_summary(model) AS s, LATERAL (SELECT -s.aic / 2 / s.sum_weights) AS e (expected)
GROUP BY g.family ORDER BY g.family;

-- Probabilities of two degrees of freedom are exponentials: G for three
-- components, a mean in two dimensions; the fit is a sample, too.
SELECT near(max(abs(share_p - exp(-n_effective * information))), 0, 1e-9, 'share_p of three components')
FROM moved AS m JOIN (SELECT number, family, max(total) AS total, sum(CASE WHEN n > 0 THEN n / total * ln(n / total / share_then) END) AS information
                      FROM by_row GROUP BY number, family HAVING count(*) = 3) AS b USING (number, family),
     gmm_drift(model, stats) AS d, gmm_summary(model) AS s,
     LATERAL (SELECT 1 / (1 / total + 1 / s.sum_weights)) AS e (n_effective);
SELECT near(max(abs(d.p - exp(-0.5 * shift ^ 2 / (1 / n + 1 / (s.sum_weights * b.share_then))))), 0, 1e-9, 'p of a mean in two dimensions')
FROM moved AS m JOIN by_row AS b USING (number, family), gmm_drift_components(model, stats) AS d, gmm_summary(model) AS s
WHERE component = c AND n > 0 AND s.d = 2;

-- How far two records of numbers are apart.
CREATE FUNCTION tap.apart_rows(a text, b text) RETURNS double precision LANGUAGE sql AS $$
    SELECT max(CASE WHEN x = y THEN 0 ELSE coalesce(abs(x - y) / (1 + abs(y)), 'Infinity') END)
    FROM unnest(string_to_array(translate(a, '()"{}', ''), ','), string_to_array(translate(b, '()"{}', ''), ',')) AS n (p, q),
         LATERAL (SELECT nullif(p, '')::float8, nullif(q, '')::float8) AS v (x, y) WHERE p <> '' OR q <> ''
$$;

-- In parts, as copies, one component for the other, in other units.
SELECT all_within(array_agg(apart_rows(d::text, e::text)), 8, 1e-9, format('%s: statistics of three parts, added up', m.family))
FROM moved AS m JOIN (SELECT number, family, gmm_merge(stats) AS stats
                      FROM (SELECT number, family, gmm_accumulate(x, model, weight) AS stats FROM later GROUP BY number, family, id % 3, model) AS p
                      GROUP BY number, family) AS parts USING (number, family),
     gmm_drift(model, m.stats) AS d, gmm_drift(model, parts.stats) AS e GROUP BY m.family ORDER BY m.family;
SELECT all_within(array_agg(apart_rows((d.sum_weights, d.likelihood_shift, d.likelihood_error, d.share_psi, d.mean_shift, d.spread_ratio, d.p)::text,
                                       (e.sum_weights, e.likelihood_shift, e.likelihood_error, e.share_psi, e.mean_shift, e.spread_ratio, e.p)::text)),
                  8, 1e-9, format('%s: a row of weight 3 is three rows', m.family))
FROM moved AS m JOIN (SELECT number, family, gmm_accumulate(x, model) AS stats
                      FROM later, generate_series(1, weight::integer) GROUP BY number, family) AS copies USING (number, family),
     gmm_drift(model, m.stats) AS d, gmm_drift(model, copies.stats) AS e GROUP BY m.family ORDER BY m.family;
SELECT all_within(array_agg(apart_rows(d::text, e::text)), 8, 1e-9, format('%s: in whatever order components are', m.family))
FROM moved AS m JOIN (SELECT number, family, r.model, gmm_accumulate(x, r.model, weight) AS stats
                      FROM later, LATERAL (SELECT reversed(later.model) OFFSET 0) AS r (model) GROUP BY number, family, r.model) AS other USING (number, family),
     gmm_drift(m.model, m.stats) AS d, gmm_drift(other.model, other.stats) AS e GROUP BY m.family ORDER BY m.family;
SELECT all_within(array_agg(apart_rows(d::text, e::text)), 8, 1e-6, format('%s: in whatever units', m.family))
FROM moved AS m JOIN (SELECT number, family, t.model, gmm_accumulate(ARRAY(SELECT 1000 * f + 7 FROM unnest(x) WITH ORDINALITY AS u (f, j) ORDER BY j), t.model, weight) AS stats
                      FROM later, LATERAL (SELECT transformed(later.model, array_fill(1000::float8, ARRAY[cardinality(x)]), array_fill(7::float8, ARRAY[cardinality(x)])) OFFSET 0) AS t (model)
                      GROUP BY number, family, t.model) AS other USING (number, family),
     gmm_drift(m.model, m.stats) AS d, gmm_drift(other.model, other.stats) AS e GROUP BY m.family ORDER BY m.family;

-- Other rows of the same mixture: of 40 cases, a p below 0.01 in more than 6 has a
-- probability of 1e-7, if each p is what it says.
CREATE TABLE unmoved AS
SELECT number, d.*
FROM (SELECT number, model, gmm_accumulate(features, model) AS stats
      FROM rows JOIN fits USING (number) WHERE id > 900 AND family = 'full' GROUP BY number, model) AS s, gmm_drift(model, stats) AS d;
SELECT ok(count(*) FILTER (WHERE likelihood_p < 0.01) <= 6, 'without a drift: the likelihood') || E'\n' ||
       ok(count(*) FILTER (WHERE share_p < 0.01) <= 6, 'the shares') || E'\n' ||
       ok(count(*) FILTER (WHERE mean_p < 0.01) <= 6, 'the means') || E'\n' ||
       ok(count(*) FILTER (WHERE p < 0.01) <= 6, 'and all of them') || E'\n' ||
       equals(count(*)::integer, 40, 'cases') FROM unmoved;

-- A drift is found by what it changes: a sensor that is off, more rows of one
-- kind, more noise.
CREATE TABLE drifts AS
SELECT kind, d.*
FROM (SELECT kind, model, gmm_accumulate(CASE kind WHEN 'offset' THEN ARRAY[s.features[1], s.features[2] + 1.5]
                                                       WHEN 'noise' THEN ARRAY[s.features[1], s.features[2] + 4 * normal(:seed, 970, i)]
                                                       ELSE s.features END, model) AS stats
FROM (SELECT gmm_refit(s.features, m) AS model
      FROM (SELECT gmm_fit(ARRAY[eruptions, waiting], 2) AS m FROM faithful) AS f, gmm_sample(m, 5000, :seed + 1) AS s) AS m,
     gmm_sample(model, 4000, :seed) WITH ORDINALITY AS s (component, features, i), unnest('{none,offset,shares,noise}'::text[]) AS kind
WHERE kind <> 'shares' OR component = 1 OR i % 3 > 0
GROUP BY kind, model) AS s, gmm_drift(model, stats) AS d;
SELECT ok(mean_p < 1e-6 AND p < 1e-5 AND mean_shift BETWEEN 0.2 AND 0.4 AND share_psi < 0.01, 'an offset moves the means')
FROM drifts WHERE kind = 'offset';
SELECT ok(share_p < 1e-6 AND p < 1e-5 AND share_psi > 0.02 AND mean_shift < 0.1, 'more rows of one kind change the shares')
FROM drifts WHERE kind = 'shares';
SELECT ok(likelihood_p < 1e-6 AND p < 1e-5 AND likelihood_shift < -0.1 AND spread_ratio > 1.1, 'noise lowers the likelihood, and rows spread')
FROM drifts WHERE kind = 'noise';
SELECT ok(p > 1e-7 AND share_psi < 0.01 AND mean_shift < 0.1 AND abs(spread_ratio - 1) < 0.05, 'and where nothing is changed, nothing is found')
FROM drifts WHERE kind = 'none';

-- A model that was not fitted expects rows like its own.  With one component
-- that is an integral: -(d ln 2 pi + ln |S| + d) / 2; with more it is the draws'.
SELECT near(likelihood_shift, s.mean_log_likelihood + 0.5 * (3 * ln(2 * pi()) + ln(2 * 3 * 0.5) + 3), 1e-12,
            format('%s: the expected log density of a Gaussian', family))
FROM (SELECT family, gmm_model('{1}', '{{0,1,2}}', c, family) AS model
      FROM (VALUES ('full', '{{{2,0,0},{0,3,0},{0,0,0.5}}}'::float8[]), ('tied', '{{2,0,0},{0,3,0},{0,0,0.5}}'), ('diag', '{{2,3,0.5}}')) AS f (family, c)) AS m,
     LATERAL (SELECT gmm_accumulate(ARRAY[1, 2, 3 + i], model) AS stats FROM generate_series(1, 9) AS i) AS a,
     gmm_drift(model, stats), gmm_stats_summary(stats) AS s;
SELECT ok(bool_and(abs(likelihood_shift) < 5.5 * likelihood_error) AND count(*) FILTER (WHERE p < 0.01) <= 6,
          'models that were not fitted, and rows of theirs')
FROM (SELECT number, m, gmm_accumulate(s.features, m) AS stats
      FROM fits, LATERAL (SELECT (model::jsonb - '{n_rows,sum_weights,log_likelihood,iterations,converged,n_starts,n_best_starts,entropy,log_density_stddev,reg_covar,n_incomplete,n_reseeded,n_omitted,n_labelled}'::text[])::gmm_model OFFSET 0) AS u (m),
           gmm_sample(m, 2000, :seed + number) AS s
      WHERE family = 'full' GROUP BY number, m) AS r, gmm_drift(m, stats);

-- Squares of log densities beyond the range of their sum are not known, and nothing is
-- made of the rest: neither of heavy rows, nor of one that is far, nor when both are old.
SELECT equals((s.log_density_stddev IS NULL, s.mean_log_likelihood IS NOT NULL, likelihood_error IS NULL, likelihood_p IS NULL, p IS NOT NULL)::text,
              '(t,t,t,t,t)', kind)
FROM (SELECT gmm_model('{0.5,0.5}', '{{0},{5}}', '{1,4}', 'spherical') AS model) AS m,
     LATERAL (SELECT 'heavy rows', gmm_accumulate(ARRAY[i], model, 1e290) FROM generate_series(1, 9) AS i
              UNION ALL SELECT 'a row that is far', gmm_accumulate(ARRAY[CASE i WHEN 1 THEN 1e100 ELSE i END], model) FROM generate_series(1, 9) AS i
              UNION ALL SELECT 'of old', gmm_decay(gmm_accumulate(ARRAY[CASE i WHEN 1 THEN 1e100 ELSE i END], model), 1e-20) FROM generate_series(1, 9) AS i) AS a (kind, stats),
     gmm_drift(model, stats), gmm_stats_summary(stats) AS s;
SELECT ok((gmm_summary(model)).log_density_stddev IS NULL AND (gmm_summary(model)).log_likelihood < -1e199, 'nor by gmm_refit')
FROM (SELECT gmm_refit(ARRAY[CASE i WHEN 1 THEN 1e100 ELSE i END], gmm_model('{1}', '{{0}}', '{1}', 'spherical'), '{"max_iter": 0}') AS model
      FROM generate_series(1, 9) AS i) AS f;

-- Where all rows are equally likely, as both of two values are, chance is that of the fit.
SELECT ok(d.p > 0.01 AND e.p < 1e-6, format('%s: rows that are equally likely, and others', family))
FROM (SELECT family, model, gmm_accumulate(ARRAY[mod(i, 2), mod(i / 2, 2)], model) AS same, gmm_accumulate(ARRAY[2 * mod(i, 2), 2 * mod(i / 2, 2)], model) AS other
      FROM (SELECT family, gmm_fit(ARRAY[mod(i, 2), mod(i / 2, 2)], 1, gmm_options(covariance_type => family)) AS model
            FROM families, generate_series(0, 399) AS i GROUP BY family) AS f, generate_series(0, 399) AS i GROUP BY family, model) AS a,
     gmm_drift(model, same) AS d, gmm_drift(model, other) AS e ORDER BY family;

-- Rows with NULLs, in the fit and later.
SELECT ok(d.p > 1e-7 AND e.mean_p < 1e-3, 'rows with NULLs: no drift, and one')
FROM (SELECT gmm_fit(x, 1) AS model
      FROM random_rows(:seed * 1000 + 980, 1000, 3, 1) AS r, LATERAL (SELECT ARRAY[features[1], CASE WHEN id % 3 > 0 THEN features[2] END, features[3]]) AS v (x)) AS m,
     LATERAL (SELECT gmm_accumulate(ARRAY[features[1], CASE WHEN id % 3 > 0 THEN features[2] END, features[3]], model) AS same,
                     gmm_accumulate(ARRAY[features[1], CASE WHEN id % 3 > 0 THEN features[2] END, features[3] + 2], model) AS other
              FROM random_rows(:seed * 1000 + 980, 2000, 3, 1) AS r WHERE id > 1000) AS a,
     gmm_drift(model, same) AS d, gmm_drift(model, other) AS e;

SELECT finish();
