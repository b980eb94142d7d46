-- gmm_compare: Bhattacharyya distances as their definition says, and of all ways
-- to match components the one whose sum of distances is least.  gmm_divergence:
-- the Kullback-Leibler divergence, with an error that is what it says.
\ir models.psql

-- A model of one component of another.
CREATE FUNCTION tap.component(model gmm_model, number integer) RETURNS gmm_model LANGUAGE sql STABLE AS $$
    SELECT gmm_model('{1}', ARRAY[mean], ARRAY[covariance]) FROM gmm_components(model) WHERE component = number
$$;
CREATE FUNCTION tap.distance(a gmm_model, b gmm_model) RETURNS double precision LANGUAGE sql STABLE AS
    'SELECT distance FROM gmm_compare(a, b)';

-- The definition, -ln of the integral of the root of the product of two densities,
-- by the trapezoidal rule, which is exact for such functions.
CREATE TABLE lines AS
SELECT number, m1, m2, v1, v2, least((m1 - 20 * s1), (m2 - 20 * s2)) AS low, greatest((m1 + 20 * s1), (m2 + 20 * s2)) AS high
FROM generate_series(1, 20) AS number,
     LATERAL (SELECT normal(:seed, 1000, number) * 3, normal(:seed, 1001, number) * 3,
                     exp(normal(:seed, 1002, number)), exp(normal(:seed, 1003, number))) AS p (m1, m2, s1, s2),
     LATERAL (SELECT s1 ^ 2, s2 ^ 2) AS v (v1, v2);
SELECT near(max(abs(exp(-least(distance(gmm_model('{1}', ARRAY[[m1]], ARRAY[[[v1]]]), gmm_model('{1}', ARRAY[[m2]], ARRAY[[v2]], 'diag')), 600)) - integral)),
            0, 1e-11, 'distances in one dimension are minus the logarithm of the integral')
FROM lines, LATERAL (SELECT sum((high - low) / 20000 * exp(-0.25 * ((x - m1) ^ 2 / v1 + (x - m2) ^ 2 / v2)) / sqrt(2 * pi() * sqrt(v1 * v2)))
                     FROM (SELECT low + (high - low) * i / 20000 AS x FROM generate_series(0, 20000) AS i) AS xs
                     WHERE 0.25 * ((x - m1) ^ 2 / v1 + (x - m2) ^ 2 / v2) < 600) AS n (integral);

-- Random models, in each family, of 1 to 5 components in 1 to 4 dimensions.
CREATE TABLE pairs AS
SELECT number, fa.family AS family_a, fb.family AS family_b, d,
       gmm_fit(r.features, ka, gmm_options(covariance_type => fa.family, max_iter => 3, n_init => 1)) FILTER (WHERE id <= 60) AS a,
       gmm_fit(r.features, kb, gmm_options(covariance_type => fb.family, max_iter => 3, n_init => 1)) FILTER (WHERE id > 60) AS b
FROM generate_series(1, 3) AS number, families AS fa, families AS fb,
     LATERAL (SELECT 1 + (number + length(fa.family)) % 4, 1 + (number + length(fa.family) + 2 * length(fb.family)) % 5,
                     1 + (2 * number + length(fb.family)) % 5) AS s (d, ka, kb),
     random_rows(:seed * 1000 + 1000 + number, 120, d, 4) AS r
GROUP BY number, fa.family, fb.family, d, ka, kb;

-- Two dimensions, with the inverse and determinants written out.
SELECT near(max(abs(got - wanted) / (1 + wanted)), 0, 1e-9, count(*) || ' distances in two dimensions, of all families, are the formula''s')
FROM pairs, gmm_components(a) AS x, gmm_components(b) AS y,
     LATERAL (SELECT distance(component(a, x.component), component(b, y.component))) AS g (got),
     LATERAL (SELECT (x.covariance[1][1] + y.covariance[1][1]) / 2, (x.covariance[1][2] + y.covariance[1][2]) / 2,
                     (x.covariance[2][2] + y.covariance[2][2]) / 2, x.mean[1] - y.mean[1], x.mean[2] - y.mean[2]) AS m (p, q, r, u, v),
     LATERAL (SELECT (r * u ^ 2 - 2 * q * u * v + p * v ^ 2) / (p * r - q ^ 2) / 8 +
                     0.5 * ln((p * r - q ^ 2) / sqrt((x.covariance[1][1] * x.covariance[2][2] - x.covariance[1][2] ^ 2) *
                                                     (y.covariance[1][1] * y.covariance[2][2] - y.covariance[1][2] ^ 2)))) AS w (wanted)
WHERE d = 2;

-- mclust 6.0.0, Old Faithful with three tied components (its fit is another in the
-- fourth digit).
SELECT near(distance(component(model, i), component(model, j)), wanted, 2e-3, format('mclust: components %s and %s', i, j))
FROM (SELECT gmm_fit(features, 3, '{"covariance_type": "tied"}') AS model FROM datasets WHERE data = 'faithful') AS f,
     (VALUES (2, 3, 5.58619659811), (1, 3, 0.716863581708), (1, 2, 10.0101240391)) AS m (i, j, wanted);

-- The best of all assignments: those of the smaller side to the larger one, built
-- one component after the other.
CREATE FUNCTION tap.least_sum(costs double precision[], n integer, m integer) RETURNS double precision LANGUAGE sql IMMUTABLE AS $$
    WITH RECURSIVE assigned AS (
        SELECT 0 AS i, '{}'::integer[] AS taken, 0::double precision AS total
        UNION ALL
        SELECT i + 1, taken || j, total + costs[i + 1][j]
        FROM assigned, generate_series(1, m) AS j
        WHERE i < n AND j <> ALL (taken))
    SELECT min(total) FROM assigned WHERE i = n
$$;
CREATE TABLE matched AS
SELECT p.*, m.*, (a::jsonb -> 'k')::integer AS ka, (b::jsonb -> 'k')::integer AS kb FROM pairs AS p, gmm_compare(a, b) AS m;
SELECT near(max(abs(got - least)), 0, 1e-9, count(*) || ' pairs of models: no assignment has a lower sum of distances')
FROM (SELECT number, family_a, family_b, sum(distance) AS got FROM matched GROUP BY 1, 2, 3) AS g
JOIN (SELECT number, family_a, family_b,
             CASE WHEN ka <= kb THEN least_sum(costs, ka, kb)
                  ELSE least_sum((SELECT array_agg((SELECT array_agg(costs[i][j] ORDER BY i) FROM generate_subscripts(costs, 1) AS i) ORDER BY j)
                                  FROM generate_subscripts(costs, 2) AS j), kb, ka) END AS least
      FROM (SELECT DISTINCT ON (number, family_a, family_b) * FROM matched) AS p,
           LATERAL (SELECT array_agg((SELECT array_agg(distance(component(a, i), component(b, j)) ORDER BY j)
                                      FROM generate_series(1, kb) AS j) ORDER BY i) FROM generate_series(1, ka) AS i) AS c (costs)) AS l
USING (number, family_a, family_b);
SELECT ok(bool_and(n = greatest(ka, kb) AND n_a = ka AND n_b = kb AND n_matched = least(ka, kb) AND n_unknown = 0),
          'every component is there once, and what is left over has no partner')
FROM (SELECT ka, kb, count(*) AS n, count(DISTINCT component_a) AS n_a, count(DISTINCT component_b) AS n_b, count(distance) AS n_matched,
             count(*) FILTER (WHERE (distance IS NULL) <> (component_a IS NULL OR component_b IS NULL) OR
                              (component_a IS NULL) <> (weight_a IS NULL) OR (component_b IS NULL) <> (weight_b IS NULL)) AS n_unknown
      FROM matched GROUP BY number, family_a, family_b, ka, kb) AS m;
SELECT ok(bool_and(abs(m.distance - r.distance) <= 1e-12 * (1 + m.distance) AND (m.weight_a, m.weight_b) = (r.weight_b, r.weight_a)),
          'the other way round it is the same')
FROM matched AS m JOIN LATERAL gmm_compare(b, a) AS r ON r.component_a = m.component_b AND r.component_b = m.component_a;
SELECT ok(bool_and(m.component_b = m.component_a AND m.distance = 0), 'a model matches itself, at distances of 0')
FROM pairs, gmm_compare(a, a) AS m;
SELECT ok(max(abs(m.distance - r.distance) / (1 + m.distance)) < 1e-6 AND bool_and(m.component_b = r.component_b), 'in other units it is the same')
FROM pairs, gmm_compare(a, b) AS m
JOIN LATERAL gmm_compare(transformed(a, array_fill(1e6::float8, ARRAY[d]), array_fill(-5e6::float8, ARRAY[d])),
                         transformed(b, array_fill(1e6::float8, ARRAY[d]), array_fill(-5e6::float8, ARRAY[d]))) AS r USING (component_a);

SELECT ok(bool_and(m.component_b = r.component_b AND m.distance = r.distance) AND count(*) > 50, 'noise has no part in it')
FROM pairs, gmm_compare(a, b) AS m
JOIN LATERAL (SELECT (a::jsonb || noise)::gmm_model, (b::jsonb || noise)::gmm_model
              FROM (SELECT jsonb_build_object('noise_weight', 0.2, 'noise_least', array_fill(-20, ARRAY[d]), 'noise_most', array_fill(20, ARRAY[d]))) AS n (noise)) AS n (c, e) ON true
JOIN LATERAL gmm_compare(c, e) AS r USING (component_a);

-- Distances up to the end of the range are numbers, and beyond it they are infinite, in
-- whatever families; the nearer ones are matched.
SELECT near(distance(gmm_model('{1}', '{{0}}', '{1}', 'spherical'), gmm_model('{1}', ARRAY[[far]], '{1}', 'diag')) / far ^ 2 * 8, 1, 1e-12,
            'the distance of ' || far)
FROM unnest('{1e-140,1e100,1e142,1e153}'::double precision[]) AS far;
SELECT equals(array_agg(distance), '{Infinity,Infinity,0}', format('%s and %s: beyond the range', fa.family, fb.family)) || E'\n' ||
       ok(bool_and(component_b = 3) FILTER (WHERE component_a = 3), 'what is near is matched')
FROM families AS fa, families AS fb, LATERAL (SELECT CASE fa.family WHEN 'full' THEN '{{{1,0},{0,1}},{{1,0},{0,1}},{{1,0},{0,1}}}' WHEN 'tied' THEN '{{1,0},{0,1}}'
                                                                    WHEN 'diag' THEN '{{1,1},{1,1},{1,1}}' ELSE '{1,1,1}' END,
                                                     CASE fb.family WHEN 'full' THEN '{{{1,0},{0,1}},{{1,0},{0,1}},{{1,0},{0,1}}}' WHEN 'tied' THEN '{{1,0},{0,1}}'
                                                                    WHEN 'diag' THEN '{{1,1},{1,1},{1,1}}' ELSE '{1,1,1}' END) AS c (of_a, of_b),
     gmm_compare(gmm_model('{0.25,0.25,0.5}', '{{-1e308,0},{1e308,0},{0,1}}', of_a::double precision[], fa.family),
                 gmm_model('{0.25,0.25,0.5}', '{{1.7e308,0},{-1.7e308,0},{0,1}}', of_b::double precision[], fb.family))
GROUP BY fa.family, fb.family;

-- The divergence of one Gaussian from another has a formula.
CREATE TABLE divergences AS
SELECT number, a, b, s.*, ln(s2 / s1) + (s1 ^ 2 + (m1 - m2) ^ 2) / (2 * s2 ^ 2) - 0.5 + ln(s4 / s3) + s3 ^ 2 / (2 * s4 ^ 2) - 0.5 AS wanted
FROM generate_series(1, 100) AS number,
     LATERAL (SELECT normal(:seed, 1010, number), normal(:seed, 1011, number),
                     exp(0.3 * normal(:seed, 1012, number)), exp(0.3 * normal(:seed, 1013, number)),
                     exp(0.3 * normal(:seed, 1014, number)), exp(0.3 * normal(:seed, 1015, number))) AS s (m1, m2, s1, s2, s3, s4),
     LATERAL (SELECT gmm_model('{1}', ARRAY[[m1, 0]], ARRAY[[s1 ^ 2, s3 ^ 2]], 'diag'),
                     gmm_model('{1}', ARRAY[[m2, 0]], ARRAY[[[s2 ^ 2, 0], [0, s4 ^ 2]]])) AS m (a, b);
-- (the sum of 100 squares of normal deviates is between 40 and 200 but for 1e-8)
SELECT ok(sum(((divergence - wanted) / standard_error) ^ 2) BETWEEN 40 AND 200,
          'the divergence is the formula''s, and the error what it says')
FROM divergences, gmm_divergence(a, b, 4000, number);
-- R, 2,000,000 draws: 0.04982093312, standard error 0.0002241300956
SELECT ok(abs(divergence - 0.04982093312) < 5.5 * sqrt(standard_error ^ 2 + 0.0002241300956 ^ 2), 'the divergence of a model from one beside it')
FROM (SELECT gmm_fit(features, 2) AS a FROM datasets WHERE data = 'faithful') AS f,
     LATERAL (SELECT transformed(a, '{1,1}', '{0.1,0}')) AS t (b), gmm_divergence(a, b, 100000);
SELECT equals((divergence, standard_error)::text, '(0,0)', 'a model does not diverge from itself')
FROM pairs, gmm_divergence(a, a, 100) WHERE number = 1 AND family_a = family_b;
SELECT ok(x.divergence = y.divergence AND x.divergence <> z.divergence, 'the same seed draws the same rows, another one others')
FROM divergences, gmm_divergence(a, b, 100, 5) AS x, gmm_divergence(a, b, 100, 5) AS y, gmm_divergence(a, b, 100, 6) AS z WHERE number = 1;
-- With noise, too, models are distributions, whose noise is in its box: by the integral of
-- the densities in one dimension, and never far below 0, wherever the boxes are.
CREATE TABLE noisy AS
SELECT number, m, s, p, low, high, (gmm_model('{1}', ARRAY[[m]], ARRAY[s ^ 2], 'spherical')::jsonb ||
       jsonb_build_object('noise_weight', p, 'noise_least', ARRAY[low], 'noise_most', ARRAY[high]))::gmm_model AS model
FROM generate_series(1, 12) AS number,
     LATERAL (SELECT normal(:seed, 1016, number), exp(0.3 * normal(:seed, 1017, number)), 0.05 + 0.4 * uniform(:seed, 1018, number),
                     -4 + normal(:seed, 1019, number), 4 + normal(:seed, 1020, number)) AS r (m, s, p, low, high);
SELECT ok(bool_and(abs(divergence - wanted) < 5.5 * standard_error + 1e-3), count(*) || ' pairs of models with noise: the divergence is the integral')
FROM noisy AS a JOIN noisy AS b ON b.number = a.number % 12 + 1, gmm_divergence(a.model, b.model, 20000, a.number),
     LATERAL (SELECT sum(f * ln(f / g) * 24.0 / 20000)
              FROM (SELECT -12 + 24 * (i + 0.5) / 20000 FROM generate_series(0, 19999) AS i) AS xs (x),
                   LATERAL (SELECT (1 - a.p) * exp(-0.5 * ((x - a.m) / a.s) ^ 2) / a.s / sqrt(2 * pi()) + CASE WHEN x BETWEEN a.low AND a.high THEN a.p / (a.high - a.low) ELSE 0 END,
                                   (1 - b.p) * exp(-0.5 * ((x - b.m) / b.s) ^ 2) / b.s / sqrt(2 * pi()) + CASE WHEN x BETWEEN b.low AND b.high THEN b.p / (b.high - b.low) ELSE 0 END) AS d (f, g)
              WHERE abs(x - a.m) < 35 * a.s AND abs(x - b.m) < 35 * b.s AND f > 1e-300) AS n (wanted);
SELECT ok(bool_and(divergence > -5.5 * standard_error AND divergence > 0), 'a model with a box that most rows are outside of diverges')
FROM (SELECT gmm_model('{1}', array_fill(0, ARRAY[1, 60]), '{1}', 'spherical') AS a) AS m,
     unnest('{0.01,0.5,0.99}'::double precision[]) AS p,
     LATERAL (SELECT (a::jsonb || jsonb_build_object('noise_weight', p, 'noise_least', array_fill(-1, ARRAY[60]), 'noise_most', array_fill(1, ARRAY[60])))::gmm_model) AS n (b),
     gmm_divergence(a, b, 1000);
SELECT equals((divergence, standard_error)::text, '(Infinity,)', 'rows without any density there')
FROM gmm_divergence(gmm_model('{1}', '{{0}}', '{{{1}}}'), gmm_model('{1}', '{{1e200}}', '{{{1e-200}}}'));

SELECT finish();
