-- gmm_cdf and gmm_quantile: mclust's figures, each other's inverse, and tails that
-- lose no digits.
\ir models.psql

-- mclust 6.0.0, cdfMclust and quantileMclust of faithful$waiting, two components.
CREATE TABLE waiting AS
SELECT gmm_model('{0.3608862183,0.6391137817}', '{{54.61486095},{80.09107245}}', '{{34.47126567},{34.43027156}}', 'diag') AS model;
SELECT near(gmm_cdf(model, x), f, 1e-8, format('mclust: F(%s)', x))
FROM waiting, (VALUES (50, 0.07792617851), (60, 0.29629835635), (70, 0.38661623296), (80, 0.67648314359), (90, 0.97083276118)) AS v (x, f);
SELECT near(gmm_quantile(model, p), q, 1e-7, format('mclust: the quantile of %s', p))
FROM waiting, (VALUES (0.01, 43.36808800), (0.05, 48.23362124), (0.25, 57.56994836), (0.5, 75.51575712), (0.75, 81.71222397),
               (0.95, 88.40597437), (0.99, 92.72619115)) AS v (p, q);

CREATE TABLE lines AS
SELECT number, family, gmm_fit(ARRAY[exp(features[1])], 1 + number % 4, gmm_options(covariance_type => family, max_iter => 10, n_init => 1)) AS model
FROM generate_series(1, 8) AS number, families, random_rows(:seed * 1000 + 1300 + number, 100, 1, 3) AS r GROUP BY number, family;
-- A quantile is a double: to the next one the function rises by the density times two
-- parts in 10^16 of the quantile, which is much for a component that is narrow.
SELECT ok(count(*) = 8 * 11 AND max(abs(got - p) / (1e-12 * p + 4.5e-16 * abs(q) * exp(greatest(gmm_logpdf(model, ARRAY[q]), -700)))) <= 1,
          format('%s: the distribution function of a quantile is its probability', family)) || E'\n' ||
       ok(bool_and(q >= before), format('%s: and quantiles ascend', family)) || E'\n' ||
       near(max(abs(gmm_cdf(model, q) + gmm_cdf(model, q, true) - 1)), 0, 1e-14, format('%s: both tails are all', family))
FROM (SELECT family, model, p, q, CASE WHEN p <= 0.5 THEN gmm_cdf(model, q) ELSE 1 - gmm_cdf(model, q, true) END AS got,
             coalesce(lag(q) OVER (PARTITION BY number, family ORDER BY p), '-Infinity') AS before
      FROM lines, unnest('{1e-300,1e-100,1e-12,1e-3,0.1,0.3,0.5,0.7,0.9,0.999,0.999999999999}'::float8[]) AS p,
           LATERAL (SELECT gmm_quantile(model, p) OFFSET 0) AS s (q)) AS g
GROUP BY family ORDER BY family;
-- Weights sum to 1 but for rounding, which must not be seen where all rows are.
SELECT ok(bool_and(gmm_cdf(model, x) = 1 AND gmm_cdf(model, -x, true) = 1 AND gmm_cdf(model, -x) = 0 AND gmm_cdf(model, x, true) = 0),
          format('%s components, %s of noise: all is 1, exactly', k, noise))
FROM unnest('{1,3,7,10,49,1000}'::integer[]) AS k, unnest('{0,0.1,0.3}'::float8[]) AS noise, unnest('{1e9,Infinity}'::float8[]) AS x,
     LATERAL (SELECT (gmm_model(array_agg(1.0 / k::float8 + 0 * i), array_agg(ARRAY[i::float8]), array_agg(1.0 + 0 * i::float8), 'spherical')::jsonb ||
                      CASE WHEN noise > 0 THEN jsonb_build_object('noise_weight', noise, 'noise_least', '[-5]'::jsonb, 'noise_most', '[30]'::jsonb)
                           ELSE '{}' END)::gmm_model AS model
              FROM generate_series(1, k) AS i) AS m
GROUP BY k, noise ORDER BY k, noise;
-- In other units, as well as the step between two doubles allows there, and with the
-- components in another order.
SELECT near(max(greatest(abs(gmm_cdf(transformed(model, ARRAY[scale], ARRAY[shift]), q * scale + shift) - gmm_cdf(model, q)) /
                         (1e-13 + 1e-15 * (abs(q) + abs(shift) / scale) / least_deviation),
                         abs(gmm_cdf(reversed(model), q, true) - gmm_cdf(model, q, true)) / 1e-13)), 0, 1, format('%s: the distribution function has no unit, nor an order', family)) || E'\n' ||
       near(max(greatest(abs(gmm_quantile(transformed(model, ARRAY[scale], ARRAY[shift]), p) - (q * scale + shift)) / scale, abs(gmm_quantile(reversed(model), p) - q)) / deviation), 0, 1e-8,
            format('%s: and a quantile has that of the feature', family))
FROM lines, unnest('{1e-6,0.1,0.4,0.7,0.95}'::float8[]) AS p, (VALUES (1e6::float8, -5e6::float8), (1e-3, 7)) AS u (scale, shift),
     LATERAL (SELECT gmm_quantile(model, p) OFFSET 0) AS s (q), LATERAL (SELECT max(sqrt(covariance[1][1])), min(sqrt(covariance[1][1])) FROM gmm_components(model)) AS c (deviation, least_deviation)
GROUP BY family ORDER BY family;
-- The density's sum.
SELECT near(max(abs(gmm_cdf(model, high) - gmm_cdf(model, low) - integral)), 0, 1e-3, 'differences are the integral of the density')
FROM lines, LATERAL (SELECT gmm_quantile(model, 0.2), gmm_quantile(model, 0.6)) AS q (low, high),
     LATERAL (SELECT sum((CASE WHEN i IN (0, 2000) THEN 0.5 ELSE 1 END) * exp(gmm_logpdf(model, ARRAY[low + (high - low) * i / 2000.0]))) * (high - low) / 2000
              FROM generate_series(0, 2000) AS i) AS n (integral)
WHERE number <= 2 AND family = 'spherical';
-- Ten deviations out, by R: pnorm(-10), pnorm(-37).
SELECT near(gmm_cdf(m, -10) / 7.619853024160525e-24, 1, 1e-12, 'the lower tail at ten deviations') || E'\n' ||
       near(gmm_cdf(m, 10, upper => true) / 7.619853024160525e-24, 1, 1e-12, 'the upper one') || E'\n' ||
       near(gmm_cdf(m, -37) / 5.725571222524e-300, 1, 1e-9, 'at 37') || E'\n' ||
       near(gmm_quantile(m, 7.619853024160525e-24), -10, 1e-14, 'and back')
FROM (SELECT gmm_model('{1}', '{{0}}', '{1}', 'spherical') AS m) AS s;
-- Flat between components: the least value of which it is p.
SELECT ok(gmm_quantile(m, 0.5) BETWEEN 5 AND 10 AND gmm_quantile(m, 0.5 + 1e-9) > 1e6 - 10 AND gmm_cdf(m, 5e5) = 0.5, 'components far apart')
FROM (SELECT gmm_model('{0.5,0.5}', '{{0},{1e6}}', '{1,1}', 'spherical') AS m) AS s;
-- Farther apart than the range of a double, and in any other unit: a quantile of p has
-- at least p below it, to rounding, and no more than p before it.
SELECT ok(bool_and(abs(q) <= 1.7e308 AND q >= before AND
                   CASE WHEN p <= 0.5 THEN gmm_cdf(model, q + 1e-12 * reach) >= p * (1 - 1e-9) AND gmm_cdf(model, q - 1e-12 * reach) <= p * (1 + 1e-9)
                        ELSE gmm_cdf(model, q + 1e-12 * reach, true) <= (1 - p) * (1 + 1e-9) AND
                             gmm_cdf(model, q - 1e-12 * reach, true) >= (1 - p) * (1 - 1e-9) END), 'quantiles of components ' || apart || ' apart')
FROM (SELECT apart, model, p, q, greatest(abs(q), sqrt(variance)) AS reach, coalesce(lag(q) OVER (PARTITION BY apart ORDER BY p), '-Infinity') AS before
      FROM (VALUES (1e-290::float8, 1e-290::float8), (1e-100, 1e-210), (1e150, 1e290), (1.7e308, 1), (1.7e308, 1e300)) AS v (apart, variance),
           LATERAL (SELECT gmm_model('{0.5,0.5}', ARRAY[[-apart], [apart]], ARRAY[variance, variance], 'spherical')) AS m (model),
           unnest('{1e-300,1e-3,0.25,0.4,0.6,0.75,0.999}'::float8[]) AS p, LATERAL (SELECT gmm_quantile(model, p) OFFSET 0) AS s (q)) AS g
GROUP BY apart;
SELECT equals((gmm_quantile(model, 0), gmm_quantile(model, 1), gmm_cdf(model, '-Infinity'), gmm_cdf(model, 'Infinity'), gmm_cdf(model, NULL) IS NULL)::text,
              '(-Infinity,Infinity,0,1,t)', 'the ends') FROM waiting;
SELECT raises($$SELECT gmm_cdf(gmm_model('{1}', '{{0,0}}', '{1}', 'spherical'), 0)$$, '22023', 'need a model of one dimension, not of 2', 'two dimensions') || E'\n' ||
       raises($$SELECT gmm_quantile(gmm_model('{1}', '{{0,0}}', '{1}', 'spherical'), 0.5)$$, '22023', 'need a model of one dimension, not of 2', 'of a quantile, too') || E'\n' ||
       raises($$SELECT gmm_quantile(model, 1.5) FROM waiting$$, '22023', 'p must be a probability', 'a p above 1') || E'\n' ||
       raises($$SELECT gmm_quantile(model, 'NaN') FROM waiting$$, '22023', 'p must be a probability', 'a p that is none') || E'\n' ||
       raises($$SELECT gmm_cdf(model, 'NaN') FROM waiting$$, '22023', 'x must not be NaN', 'an x that is none');

SELECT finish();
