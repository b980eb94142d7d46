-- Explanations: the figures of mclust's models, computed in R by the formulas of
-- Garthwaite and Koch (2016); closed forms; and on random models and rows what
-- gmm_impute, gmm_condition, gmm_mahalanobis and gmm_predict_proba say of the same.
\ir models.psql

-- mclust 6.0.0, Mclust(faithful, 2, "VVV") and Mclust(iris[, 1:4], 3, "VVV") at a
-- tolerance of 1e-14, and of a row: solve(), eigen() for R^(-1/2), det().
CREATE TABLE mclust (name text, model gmm_model);
INSERT INTO mclust VALUES
('faithful', gmm_model('{0.64412714031231344,0.35587285968768678}', '{{4.289661978656472,79.968115241111150},{2.0363884609037957,54.4785164401728252}}',
    '{{{0.16996842868829592,0.94060922948382186},{0.94060922948382186,36.04621030666920944}},
      {{0.069167677548306175,0.43516767650208849},{0.43516767650208849,33.69728242721410538}}}', 'full', '{eruptions,waiting}')),
('iris', gmm_model('{0.33333333333333331,0.29919320133524291,0.36747346533142394}',
    '{{5.0059999999999993,3.4280000000000004,1.4620000000000002,0.24599999999999989},
      {5.914969598928411,2.7778436476709158,4.2015532483288691,1.2969668613340921},
      {6.5445486639249379,2.9486611555312701,5.4795534635476564,1.9846049711570839}}',
    '{{{0.12176400000000009,0.09723199999999993,0.016027999999999987,0.010124000000000003},{0.09723199999999993,0.1408159999999998,0.011463999999999964,0.0091119999999999951},
       {0.016027999999999987,0.011463999999999964,0.029555999999999995,0.0059480000000000002},{0.010124000000000003,0.0091119999999999951,0.0059480000000000002,0.010883999999999996}},
      {{0.27531878227393475,0.096941378897365676,0.18466239611578625,0.054390741395456209},{0.096941378897365676,0.092646040722132894,0.091143173158614019,0.042997347275274336},
       {0.18466239611578625,0.091143173158614019,0.20063042202967701,0.060978474267346809},{0.054390741395456209,0.042997347275274336,0.060978474267346809,0.031996955828116166}},
      {{0.38704429422150061,0.092207920667682769,0.30281172577243204,0.061651041922832064},{0.092207920667682769,0.11033770271086953,0.084287575846182794,0.05601150114256119},
       {0.30281172577243204,0.084287575846182794,0.32779734295956103,0.074530030966812127},{0.061651041922832064,0.05601150114256119,0.074530030966812127,0.085797726303821972}}}'));

CREATE TABLE figures (name text, x double precision[], component integer, expected double precision[], deviations double precision[], contributions double precision[]);
INSERT INTO figures VALUES
('faithful', '{2.9,63}', 1, '{3.84688683899689,72.27769359589983}', '{-2.48302183010067,-1.67061665466825}', '{8.9004737656825,5.2523634428789}'),
('faithful', '{2.9,63}', 2, '{2.14643514520514,59.91191886439649}', '{2.989303431962492,0.554999031902064}', '{10.04610276724020,1.04477402957625}'),
('iris', '{5.9,3.1,4.9,1.9}', 1, '{6.0249618642682901,4.1184193559539022,2.3401717489223754,0.86120870998155086}',
    '{-0.54940659370623401,-4.0594336434765479,16.102022768028704,10.80593163002615}', '{0.074404130373544805,13.731693225430963,339.73939642374114,183.74652228301113}'),
('iris', '{5.9,3.1,4.9,1.9}', 2, '{6.3127059871996787,3.4522587734778689,4.9052107178360398,1.5470724418733202}',
    '{-1.3152203570669851,-1.9779528607429782,-0.023666547140841068,3.8086243639638622}', '{1.5740773702260678,0.35745135699856684,0.69047700294011194,18.572859490119527}'),
('iris', '{5.9,3.1,4.9,1.9}', 3, '{6.0768536939166298,2.8070796544887795,4.9718776819467427,1.9974327578554292}',
    '{-0.55440768506515903,1.1415961503508159,-0.25144521420797361,-0.42772505012845369}', '{0.88821394725532798,0.85375092175369272,0.62188812318097209,0.098331416653268375}'),
('iris', '{5.9,NULL,4.9,1.9}', 1, '{7.5555604298575512,4.1184193559539022,2.3056858447608088,0.87867715951118508}',
    '{-5.0339937753690016,NULL,16.302256692917517,10.609965125242667}', '{2.3486641614991304,NULL,339.40330074448354,179.06104965078373}'),
('iris', '{5.9,NULL,4.9,1.9}', 2, '{6.5074870666685953,3.4522587734778689,4.8900520224683692,1.5200790399998423}',
    '{-1.8735856565845825,NULL,0.045155358903767623,3.2777457816030751}', '{2.0519379488248233,NULL,0.64258593297505828,14.588043819163033}'),
('iris', '{5.9,NULL,4.9,1.9}', 3, '{6.0042394327746695,2.8070796544887795,4.9815298384860878,1.8601567518389419}',
    '{-0.31932469486297388,NULL,-0.28508778054618417,0.15237866441332862}', '{0.60749977154931167,NULL,0.55034070476331487,0.0011021620348304832}');

-- The largest difference between elements, which are NULL in both or in neither;
-- relative to the larger where that is above 1.
CREATE FUNCTION tap.largest(a double precision[], b double precision[]) RETURNS double precision LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN cardinality(a) = cardinality(b) THEN
        (SELECT max(CASE WHEN p IS NULL AND q IS NULL THEN 0
                         ELSE coalesce(abs(p - q) / greatest(1, abs(p), abs(q)), 'Infinity') END) FROM unnest(a, b) AS u (p, q))
        ELSE 'Infinity' END
$$;
SELECT near(largest(e.expected, f.expected), 0, 1e-9, format('%s, %s, component %s: expected', name, x, f.component)) || E'\n' ||
       near(largest(e.deviations, f.deviations), 0, 1e-9, 'deviations') || E'\n' ||
       near(largest(e.contributions, f.contributions), 0, 1e-9, 'contributions') || E'\n' ||
       equals(e.features, CASE name WHEN 'faithful' THEN '{eruptions,waiting}'::text[] ELSE '{feature 1,feature 2,feature 3,feature 4}' END, 'names')
FROM figures AS f JOIN mclust USING (name),
     LATERAL (SELECT array_agg(expected ORDER BY element) AS expected, array_agg(deviations ORDER BY element) AS deviations,
                     array_agg(contribution ORDER BY element) AS contributions, array_agg(feature ORDER BY element) AS features
              FROM gmm_explain(model, x, f.component)) AS e;
SELECT near(sum(log_odds), -1.38527848040186, 1e-9, 'log-odds of faithful''s components, as predict() of mclust has them')
FROM mclust, gmm_explain_component(model, '{2.9,63}', 1, 2) WHERE name = 'faithful';
-- half the difference of the logarithms of det() of the other and of the component
SELECT near(log_odds, wanted, 1e-9, format('spread of iris, 3 and %s, given %s', i, x))
FROM mclust, (VALUES ('{5.9,3.1,4.9,1.9}'::double precision[], 1, -13.148171155857881 + 8.7507538690192135), ('{5.9,3.1,4.9,1.9}', 2, -11.617523593307512 + 8.7507538690192135),
                     ('{5.9,NULL,4.9,1.9}', 1, -10.38258777009213 + 6.0301899084769701), ('{5.9,NULL,4.9,1.9}', 2, -8.1666203479303956 + 6.0301899084769701)) AS w (x, i, twice),
     LATERAL (SELECT twice / 2) AS h (wanted), gmm_explain_component(model, x, 3, i)
WHERE name = 'iris' AND term = 'spread';

-- Two features: R^(-1/2) in closed form, for any correlation.
SELECT near(max(largest(ARRAY[c.contribution, d.contribution], ARRAY[(a * z + b * w) ^ 2, (b * z + a * w) ^ 2])), 0, 1e-9,
            'two features: corr-max in closed form') || E'\n' || equals(count(*), 200::bigint, 'of 200 rows')
FROM generate_series(1, 200) AS i,
     LATERAL (SELECT 1.98 * uniform(:seed, 801, i) - 0.99, 4 * uniform(:seed, 802, i) - 2, 4 * uniform(:seed, 803, i) - 2) AS r (r, z, w),
     LATERAL (SELECT (1 / sqrt(1 + r) + 1 / sqrt(1 - r)) / 2, (1 / sqrt(1 + r) - 1 / sqrt(1 - r)) / 2) AS ab (a, b),
     LATERAL (SELECT gmm_model('{1}', '{{5,-300}}', ARRAY[ARRAY[1e-6, r * 1e-3 * 200], ARRAY[r * 1e-3 * 200, 4e4]], 'tied')) AS m (model),
     gmm_explain(model, ARRAY[5 + 1e-3 * z, -300 + 200 * w]) AS c, gmm_explain(model, ARRAY[5 + 1e-3 * z, -300 + 200 * w]) AS d
WHERE c.element = 1 AND d.element = 2;

-- Random models of all families, and rows of them, near, far and with NULLs.
CREATE TABLE fitted AS
SELECT family, d, k, gmm_fit(features, k, gmm_options(covariance_type => family, max_iter => 5)) AS model
FROM (VALUES (1, 2), (2, 3), (3, 1), (5, 4), (9, 3)) AS shape (d, k), families,
     LATERAL random_rows(:seed * 1000 + 810 + d, 60 + 60 * k, d, k)
GROUP BY family, d, k;
CREATE TABLE samples AS
SELECT family, d, k, model, i,
       (SELECT array_agg(CASE WHEN i % 3 = 0 OR uniform(:seed, 820 + j, i) < 0.7 THEN features[j] * CASE WHEN i % 5 = 0 THEN 5 ELSE 1 END END ORDER BY j)
        FROM generate_subscripts(features, 1) AS j) AS x
FROM fitted, LATERAL (SELECT row_number() OVER () AS i, features FROM gmm_sample(model, 30, :seed)) AS s;
CREATE TABLE explained AS
SELECT s.*, c AS component, e.element, e.value, e.expected, e.deviations, e.contribution
FROM samples AS s, generate_series(1, k) AS c, gmm_explain(model, x, c) AS e;
SELECT equals((SELECT count(*) FROM explained), 4 * 30 * (2 * 1 + 3 * 2 + 1 * 3 + 4 * 5 + 3 * 9)::bigint, 'a row for each feature');
SELECT ok(bool_and(value IS NOT DISTINCT FROM x[element] AND (value IS NULL) = (deviations IS NULL)
                   AND (value IS NULL) = (contribution IS NULL) AND expected IS NOT NULL AND contribution >= 0 IS NOT FALSE),
          family || ': what is NULL is neither far nor near, and all else is there')
FROM explained GROUP BY family;
SELECT near(max(apart), 0, 1e-9, family || ': contributions sum to the squared distance')
FROM (SELECT family, abs(sum(contribution) - (gmm_mahalanobis(model, x))[component] ^ 2) / greatest(1, sum(contribution)) AS apart
      FROM explained GROUP BY family, d, k, model, i, x, component) AS s
GROUP BY family;

-- One component as a model of its own, in a family that all covariances have
CREATE TABLE ones AS
SELECT family, d, k, component, gmm_model('{1}', ARRAY[mean], covariance, 'tied') AS one
FROM fitted, gmm_components(model);
CREATE TABLE left_out AS
SELECT e.*, one, (SELECT array_agg(CASE WHEN j <> element THEN x[j] END ORDER BY j) FROM generate_subscripts(x, 1) AS j) AS rest
FROM explained AS e JOIN ones USING (family, d, k, component);
SELECT near(max(abs(expected - imputed) / greatest(1, abs(imputed))), 0, 1e-9, family || ': expected is what gmm_impute has of the component')
FROM left_out, LATERAL (SELECT (gmm_impute(one, rest))[element]) AS i (imputed) GROUP BY family;
SELECT near(max(abs(deviations - (value - c.mean[at]) / sqrt(c.covariance[at][at])) / greatest(1, abs(deviations))), 0, 1e-8,
            family || ': deviations are those of gmm_condition')
FROM left_out, LATERAL (SELECT count(*)::integer + 1 FROM unnest(rest[:element - 1]) AS r WHERE r IS NULL) AS a (at),
     gmm_components(gmm_condition(one, rest)) AS c
WHERE value IS NOT NULL GROUP BY family;

-- The component is the most probable one, or the one that is named.
SELECT ok(bool_and(e.component = gmm_predict(model, x)), 'the component is that of gmm_predict') FROM samples, gmm_explain(model, x) AS e;
SELECT ok(bool_and(e.component = c), 'or the one that is asked for') FROM samples, generate_series(1, k) AS c, gmm_explain(model, x, c) AS e;

-- Why one and not the other
CREATE TABLE odds AS
SELECT s.*, e.component AS a, e.other AS b, sum(e.log_odds) AS sum, count(*) AS terms,
       count(*) FILTER (WHERE e.element IS NULL) AS without_element,
       bool_and(e.element IS NULL = (e.value IS NULL) AND (e.element IS NULL OR e.value = x[e.element])) AS sound
FROM samples AS s, gmm_explain_component(model, x) AS e WHERE k > 1
GROUP BY family, d, k, model, i, x, e.component, e.other;
SELECT ok(bool_and(a = top.c AND b = nxt.c), 'the two most probable components are compared')
FROM odds, LATERAL (SELECT component FROM gmm_top(model, x, 1)) AS top (c), LATERAL (SELECT component FROM gmm_top(model, x, 2) OFFSET 1) AS nxt (c);
SELECT ok(bool_and(sound AND without_element = 2 AND terms = 2 + cardinality(array_remove(x, NULL))), 'a term for each element that is there, and two') FROM odds;
SELECT near(max(abs(sum - ln(p[a] / p[b])) / greatest(1, abs(sum))), 0, 1e-8, family || ': terms sum to the log-odds')
FROM odds, LATERAL (SELECT gmm_predict_proba(model, x)) AS p (p) WHERE p[b] > 1e-250 GROUP BY family;
SELECT near(max(abs(e.sum - wanted) / greatest(1, abs(wanted))), 0, 1e-9, family || ': of any two: of densities and weights')
FROM (SELECT s.family, s.d, s.k, s.model, s.x, a, b, sum(e.log_odds) AS sum
      FROM samples AS s, generate_series(1, k) AS a, generate_series(1, k) AS b, gmm_explain_component(model, x, a, b) AS e
      GROUP BY s.family, s.d, s.k, s.model, s.i, s.x, a, b) AS e
     JOIN ones AS p USING (family, d, k) JOIN ones AS q USING (family, d, k),
     LATERAL (SELECT gmm_logpdf(p.one, x) - gmm_logpdf(q.one, x)
                     + ln(((SELECT weight FROM gmm_components(model) AS c WHERE c.component = p.component)
                           / (SELECT weight FROM gmm_components(model) AS c WHERE c.component = q.component))::numeric)::double precision) AS w (wanted)
WHERE p.component = a AND q.component = b GROUP BY family;

-- With noise: it is component 0 where components are compared, and no row is far
-- from it.
CREATE TABLE noisy AS
SELECT family, d, k, model, i, x,
       (model::jsonb || jsonb_build_object('noise_weight', 0.05 + 0.3 * uniform(:seed, 840, i), 'noise_least', least, 'noise_most', most))::gmm_model AS noisy
FROM samples, LATERAL (SELECT jsonb_agg(-10 * j), jsonb_agg(10 + j * j) FROM generate_series(1, d) AS j) AS b (least, most)
WHERE i <= 12;
SELECT near(max(abs(e.sum - ln((p[a] / p[b])::numeric)::double precision) / greatest(1, abs(e.sum))), 0, 1e-8, family || ': terms sum to the log-odds with noise') || E'\n' ||
       ok(bool_or(a = 0) AND bool_or(b = 0) AND bool_or(a > 0 AND b > 0), 'of it and of components')
FROM (SELECT family, noisy, x, a, b, sum(e.log_odds) AS sum
      FROM noisy, generate_series(0, k) AS a, generate_series(0, k) AS b, gmm_explain_component(noisy, x, a, b) AS e
      GROUP BY family, d, k, i, noisy, x, a, b) AS e,
     LATERAL (SELECT gmm_predict_proba(noisy, x)) AS p (p)
WHERE p[a] > 1e-250 AND p[b] > 1e-250 GROUP BY family;
SELECT ok(bool_and(e.component = top.c AND e.other = nxt.c), 'the two most probable, noise among them')
FROM noisy, gmm_explain_component(noisy, x) AS e, LATERAL (SELECT component FROM gmm_top(noisy, x, 1)) AS top (c),
     LATERAL (SELECT component FROM gmm_top(noisy, x, 2) OFFSET 1) AS nxt (c);
SELECT ok(bool_and(e.log_odds = 0 OR e.element IS NULL OR e.component > 0 OR e.other > 0), 'no feature is for noise or against it')
FROM noisy, gmm_explain_component(noisy, x, 0, 0) AS e;
SELECT ok(bool_and((e.component, e.expected, e.deviations, e.contribution) IS NOT DISTINCT FROM (f.component, f.expected, f.deviations, f.contribution)),
          'rows are explained by components as without noise')
FROM noisy, gmm_explain(model, x) AS f, gmm_explain(noisy, x) AS e WHERE e.element = f.element;
SELECT raises(format('SELECT gmm_explain(%L, %L, 0)', noisy, x), '22023', 'component must not be 0', 'but not by noise') FROM noisy LIMIT 1;
SELECT ok(bool_and(p = q), 'profiles are of the components') FROM noisy, gmm_profile(model) AS p, gmm_profile(noisy) AS q
WHERE (p.component, p.rank) = (q.component, q.rank);

-- Units: features multiplied and shifted change what is in units, and nothing else.
SELECT near(max(abs(e.deviations - f.deviations) / greatest(1, abs(e.deviations))), 0, 1e-7, 'deviations have no unit') || E'\n' ||
       near(max(abs(e.contribution - f.contribution) / greatest(1, abs(e.contribution))), 0, 1e-7, 'contributions have none') || E'\n' ||
       near(max(abs(f.expected - (e.expected * unit + zero)) / greatest(1, abs(f.expected))), 0, 1e-9, 'expected has')
FROM samples AS s, LATERAL (SELECT array_agg(10.0 ^ (j % 5 - 2) ORDER BY j), array_agg(j::double precision ORDER BY j) FROM generate_series(1, d) AS j) AS u (units, zeros),
     LATERAL (SELECT transformed(model, units, zeros) OFFSET 0) AS m (scaled),
     LATERAL (SELECT array_agg(v * scale + shift ORDER BY j) FROM unnest(x, units, zeros) WITH ORDINALITY AS u (v, scale, shift, j)) AS y (y),
     gmm_explain(model, x, 1) AS e, gmm_explain(scaled, y, 1) AS f, LATERAL (SELECT units[e.element], zeros[e.element]) AS unit (unit, zero)
WHERE e.element = f.element AND family <> 'spherical';

SELECT near(max(abs(e.log_odds - f.log_odds) / greatest(1, abs(e.log_odds))), 0, 1e-6, 'nor have terms of log-odds') || E'\n' || ok(count(*) > 500, 'of ' || count(*))
FROM samples AS s, LATERAL (SELECT array_agg(10.0 ^ (j % 5 - 2) ORDER BY j), array_agg(j::double precision ORDER BY j) FROM generate_series(1, d) AS j) AS u (units, zeros),
     LATERAL (SELECT transformed(model, units, zeros) OFFSET 0) AS m (scaled),
     LATERAL (SELECT array_agg(v * scale + shift ORDER BY j) FROM unnest(x, units, zeros) WITH ORDINALITY AS u (v, scale, shift, j)) AS y (y),
     gmm_explain_component(model, x, 1, k) AS e, gmm_explain_component(scaled, y, 1, k) AS f
WHERE (e.term, e.element) IS NOT DISTINCT FROM (f.term, f.element) AND family <> 'spherical';
SELECT near(max(greatest(abs(p.effect - q.effect) / greatest(1, abs(p.effect)), abs(q.mean - (p.mean * units[p.element] + zeros[p.element])) / q.deviation,
                         abs(q.others_deviation / (p.others_deviation * units[p.element]) - 1))), 0, 1e-6, 'effects of a profile have no unit, means and deviations have') || E'\n' ||
       ok(bool_and(p.description = q.description) AND count(*) > 50, 'and it is described by the same words')
FROM fitted, LATERAL (SELECT array_agg(10.0 ^ (j % 5 - 2) ORDER BY j), array_agg(j::double precision ORDER BY j) FROM generate_series(1, d) AS j) AS u (units, zeros),
     LATERAL (SELECT transformed(model, units, zeros) OFFSET 0) AS m (scaled), gmm_profile(model) AS p JOIN gmm_profile(scaled) AS q USING (component, element)
WHERE family <> 'spherical' AND k > 1;

-- In whatever order the components are.
SELECT near(max(greatest(abs(e.deviations - f.deviations), abs(e.contribution - f.contribution), abs(e.expected - f.expected)) /
                greatest(1, abs(e.deviations), e.contribution, abs(e.expected))), 0, 1e-12, 'a component explains the same whatever its number')
FROM samples, generate_series(1, k) AS c, LATERAL (SELECT reversed(model) OFFSET 0) AS r (turned),
     gmm_explain(model, x, c) AS e JOIN gmm_explain(turned, x, k + 1 - c) AS f USING (element);
SELECT near(max(abs(e.log_odds - f.log_odds) / greatest(1, abs(e.log_odds))), 0, 1e-12, 'and has the same odds') || E'\n' ||
       near(max(abs(e.log_odds + g.log_odds) / greatest(1, abs(e.log_odds))), 0, 1e-12, 'those of the other against it are the opposite')
FROM samples, LATERAL (SELECT reversed(model) OFFSET 0) AS r (turned), gmm_explain_component(model, x, 1, k) AS e,
     gmm_explain_component(turned, x, k, 1) AS f, gmm_explain_component(model, x, k, 1) AS g
WHERE (e.term, e.element) IS NOT DISTINCT FROM (f.term, f.element) AND (e.term, e.element) IS NOT DISTINCT FROM (g.term, g.element);
SELECT near(max(greatest(abs(p.effect - q.effect), abs(p.others_mean - q.others_mean) / p.others_deviation)), 0, 1e-10, 'and the same profile') || E'\n' ||
       ok(bool_and(p.description = q.description), 'in the same words')
FROM fitted, LATERAL (SELECT reversed(model) OFFSET 0) AS r (turned), gmm_profile(model) AS p, gmm_profile(turned) AS q
WHERE k > 1 AND q.component = k + 1 - p.component AND q.element = p.element;

-- Many models joined in any order, and names that are all that tells two apart
SELECT ok(bool_and(e.feature = CASE WHEN named THEN chr(96 + e.element) ELSE 'feature ' || e.element END), 'names are those of the row''s model')
FROM samples, unnest('{true,false}'::boolean[]) AS named,
     LATERAL (SELECT CASE WHEN named THEN (model::jsonb || jsonb_build_object('features', (SELECT jsonb_agg(chr(96 + j)) FROM generate_series(1, d) AS j)))::gmm_model
                          ELSE model END OFFSET 0) AS m (m),
     gmm_explain(m, x) AS e;

-- Profiles: against sums over the other components
CREATE TABLE profiles AS SELECT family, d, k, model, p.* FROM fitted, gmm_profile(model) AS p;
SELECT equals((SELECT count(*) FROM profiles), 4 * (2 * 1 + 3 * 2 + 1 * 3 + 4 * 5 + 3 * 9)::bigint, 'a row for each component and feature');
SELECT near(max(greatest(abs(p.mean - c.mean[element]), abs(p.weight - c.weight), abs(p.deviation - sqrt(c.covariance[element][element])))), 0, 1e-12,
            family || ': weight, mean and deviation are the component''s')
FROM profiles AS p, gmm_components(model) AS c WHERE c.component = p.component GROUP BY family;
SELECT near(max(greatest(abs(others_mean - mean), abs(others_deviation - sqrt(variance))) / greatest(1, abs(mean))), 0, 1e-11, family || ': mean and deviation of the others')
FROM (SELECT p.family, p.others_mean, p.others_deviation, m.mean,
             sum(c.weight * (c.covariance[p.element][p.element] + (c.mean[p.element] - m.mean) ^ 2)) / sum(c.weight) AS variance
      FROM profiles AS p, gmm_components(model) AS c,
           LATERAL (SELECT sum(o.weight * o.mean[p.element]) / sum(o.weight) FROM gmm_components(model) AS o WHERE o.component <> p.component) AS m (mean)
      WHERE c.component <> p.component AND p.k > 1
      GROUP BY p.family, p.d, p.k, p.component, p.element, p.others_mean, p.others_deviation, m.mean) AS s GROUP BY family;
SELECT near(max(abs(effect - (mean - others_mean) / sqrt((deviation ^ 2 + others_deviation ^ 2) / 2))), 0, 1e-11, 'effect') || E'\n' ||
       ok(bool_and((others_mean, others_deviation, effect, description) IS NULL) FILTER (WHERE k = 1)
          AND bool_and((others_mean, others_deviation, effect, description) IS NOT NULL) FILTER (WHERE k > 1), 'of others, if there are any')
FROM profiles;
SELECT ok(bool_and(rank = wanted), 'the largest first, by the Bhattacharyya distance')
FROM (SELECT *, row_number() OVER (PARTITION BY family, d, k, component ORDER BY coalesce(effect ^ 2 / 8 + ln((deviation ^ 2 + others_deviation ^ 2) / 2 / deviation / others_deviation) / 2, 0) DESC, element) AS wanted
      FROM profiles) AS r;
SELECT ok(bool_and(rank = row_number), 'and in that order') FROM fitted,
     LATERAL (SELECT component, rank, row_number() OVER (PARTITION BY component) FROM (SELECT * FROM gmm_profile(model)) AS p) AS r;
SELECT ok(bool_and(description = CASE WHEN abs(effect) >= 2 THEN 'much ' || way WHEN abs(effect) >= 0.8 THEN way
                       WHEN abs(effect) >= 0.2 THEN concat_ws(', ', 'slightly ' || way, spread) ELSE coalesce(spread, 'about the same') END), 'words')
FROM profiles, LATERAL (SELECT CASE WHEN effect > 0 THEN 'higher' ELSE 'lower' END,
                               CASE WHEN deviation * 2 <= others_deviation THEN 'narrower' WHEN deviation >= 2 * others_deviation THEN 'wider' END) AS w (way, spread)
WHERE k > 1;

SELECT finish();
