-- Promise 2: units do not matter.  Multiply a column by 1e6, add 1e9 to it:
-- a full, tied or diag fit transforms with it, to 1e-6, as doc/statistics.md says,
-- and rows keep their components.
\ir models.psql

-- Values are whole multiples of 2^-20, so that they remain exact 1e9 further on:
-- what differs then is not the data.
CREATE TABLE rows AS
SELECT number, 1 + number % 4 AS d, 2 + number % 3 AS k, id,
       (SELECT array_agg(round(f * 1048576) / 1048576 ORDER BY j)
        FROM unnest(r.features) WITH ORDINALITY AS u (f, j)) AS features
FROM generate_series(1, 12) AS number,
     random_rows(:seed * 1000 + 200 + number, 80 + 20 * number, 1 + number % 4, 2 + number % 3) AS r;

-- What is done to the columns, the first to the first and so on.
CREATE TABLE changes (change text, scale double precision[], shift double precision[]);
INSERT INTO changes VALUES
    ('one column in millionths', '{1e6,1,1,1}', '{0,0,0,0}'),
    ('columns in other units each', '{1e-6,1e6,1000,0.3048}', '{0,0,0,0}'),
    ('one column + 1e9', '{1,1,1,1}', '{1e9,0,0,0}'),
    ('all columns + 1e9', '{1,1,1,1}', '{1e9,1e9,-1e9,1e9}'),
    ('one column * 1e6, one + 1e9', '{1e6,1,1,1}', '{0,1e9,0,0}'),
    ('one column * 1e6 + 1e9', '{1,1e6,1,1}', '{0,1e9,0,0}'),
    ('far too small and far too large', '{1e-40,1e40,1e-20,1e20}', '{0,0,0,0}'),
    ('all columns * 1e6', '{1e6,1e6,1e6,1e6}', '{0,0,0,0}');
INSERT INTO changes
SELECT 'units at random', array_agg(exp(10 * normal(:seed, 210, j)) ORDER BY j), '{0,0,0,0}' FROM generate_series(1, 4) AS j;

CREATE TABLE changed AS
SELECT number, d, k, id, change, features AS original,
       (SELECT array_agg(features[j] * scale[j] + shift[j] ORDER BY j)
        FROM generate_subscripts(features, 1) AS j) AS features
FROM rows, changes;

CREATE TABLE plain AS
SELECT number, family, gmm_fit(features, k, gmm_options(covariance_type => family)) AS model
FROM rows, families GROUP BY number, family;

CREATE TABLE fits AS
SELECT number, family, change, gmm_fit(features, k, gmm_options(covariance_type => family)) AS model
FROM changed, families
WHERE family <> 'spherical' OR change IN ('all columns * 1e6', 'all columns + 1e9')
GROUP BY number, family, change;

CREATE TABLE pairs AS
SELECT number, family, change, f.model,
       transformed(p.model, scale[1:s.d], shift[1:s.d]) AS wanted, p.model AS plain
FROM fits AS f JOIN plain AS p USING (number, family) JOIN changes USING (change),
     gmm_summary(p.model) AS s;

-- Where a run takes a hundred passes rounding grows on the way, and two fits end as far from
-- each other as tol lets each end from the optimum.
CREATE TABLE ends AS
SELECT number, family, apart(model, gmm_refit(features, model, '{"tol": 0, "max_iter": 3000}')) AS from_optimum
FROM plain JOIN rows USING (number), gmm_summary(model) WHERE iterations > 100 GROUP BY number, family, model;

-- spherical depends on units by its nature, but not on one for all columns.
SELECT all_within(array_agg(greatest(apart(model, wanted) / greatest(1, from_optimum / 1e-6), apart_fit(model, wanted)) ORDER BY number),
                  12, 1e-6, format('%s, %s: the model transforms', family, change))
FROM pairs LEFT JOIN ends USING (number, family) GROUP BY family, change ORDER BY family, change;

-- Probabilities are as near as the models are.  Far from zero these cannot be nearer than a
-- double holds a mean: half its last digit, which is more in deviations of a component's
-- narrowest direction than in those of a feature.  A component's log-density at distance D
-- moves by no more than
--     D s + s^2 / 2                       where its mean is off by s deviations of that direction,
--     a (1 + D sqrt(d c) + (D^2 + d) / 2 d c)  where weight, mean and covariance are a apart,
-- c being the condition number, for L^-1 of the factor L stretches by at most sqrt(c) in units of
-- the features' deviations; and probabilities lie between those of all log-densities moved
-- as far as that, one way or the other.
CREATE FUNCTION pg_temp.limits(probabilities float8[], moves float8[], OUT low float8[], OUT high float8[])
LANGUAGE sql AS $$
    SELECT array_agg(less / (less + coalesce(most, 0)) ORDER BY c), array_agg(more / (more + coalesce(fewest, 0)) ORDER BY c)
    FROM (SELECT c, less, more, sum(less) OVER others, sum(more) OVER others
          FROM unnest(probabilities, moves) WITH ORDINALITY AS u (p, m, c),
               -- p exp(-m) and p exp(m), which may not underflow
               LATERAL (SELECT exp(greatest(ln(greatest(p, 1e-300)) - m, -690)), exp(greatest(ln(greatest(p, 1e-300)) + m, -690))) AS e (less, more)
          WINDOW others AS (ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE CURRENT ROW)
         ) AS s (c, less, more, fewest, most)
$$;

CREATE TABLE shifted AS
SELECT number, family, change, c.component, cardinality(c.mean) AS d, c.condition_number AS condition,
       apart(model, wanted) + 1e-14 AS apart,
       (SELECT sqrt(sum((2e-16 * (shift[j] + scale[j] * c.mean[j]) / scale[j]) ^ 2)) / sqrt(max(c.covariance[j][j]) / c.condition_number)
        FROM generate_subscripts(c.mean, 1) AS j) AS off
FROM pairs JOIN changes USING (change), gmm_components(plain) AS c;

CREATE TABLE compared AS
SELECT number, family, change, gmm_predict(plain, original) AS was, gmm_predict(model, features) AS now,
       probabilities, gmm_predict_proba(model, features) AS others, low, high
FROM pairs JOIN changed USING (number, change),
     LATERAL (SELECT array_agg(least(distance * off + off ^ 2 / 2 + apart * (1 + distance * sqrt(s.d * condition) +
                                     (distance ^ 2 + s.d) / 2 * s.d * condition), 300) ORDER BY component)
              FROM unnest(gmm_mahalanobis(plain, original)) WITH ORDINALITY AS m (distance, component)
                   JOIN shifted AS s USING (component)
              WHERE (s.number, s.family, s.change) = (pairs.number, pairs.family, pairs.change)) AS a (moves),
     LATERAL (SELECT gmm_predict_proba(plain, original)) AS p (probabilities),
     pg_temp.limits(probabilities, moves);

SELECT ok(count(*) > 0 AND bool_and(was = now OR high[now] >= low[was]),
          format('%s: %s rows keep their components', family, count(*)))
FROM compared GROUP BY family ORDER BY family;
SELECT ok(count(*) > 0 AND bool_and(q BETWEEN least - 1e-14 AND most + 1e-14),
          format('%s: and their probabilities, as far as a mean can be told', family)) ||
       format(E'\n# %s apart; %s allowed, %s as a rule', max(abs(p - q)), max(most - least),
              percentile_disc(0.5) WITHIN GROUP (ORDER BY most - least))
FROM compared, unnest(probabilities, others, low, high) AS u (p, q, least, most)
GROUP BY family ORDER BY family;

SELECT finish();
