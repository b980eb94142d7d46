-- Promise 2: units do not matter.  Multiply a column by 1e6, add 1e9 to it:
-- a full, tied or diag fit transforms with it, to 1e-6, and rows keep their
-- components.
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

-- spherical depends on units by its nature, but not on one for all columns.
SELECT all_within(array_agg(greatest(apart(model, wanted), apart_fit(model, wanted)) ORDER BY number),
                  12, 1e-6, format('%s, %s: the model transforms', family, change))
FROM pairs GROUP BY family, change ORDER BY family, change;

SELECT ok(count(*) > 0 AND bool_and(gmm_predict(plain, original) = gmm_predict(model, features)),
          format('%s: %s rows keep their components', family, count(*)))
FROM pairs JOIN changed USING (number, change) GROUP BY family ORDER BY family;

SELECT ok(max(abs(p - q)) <= 1e-6, format('%s: and their probabilities', family)) ||
       format(E'\n# %s apart', max(abs(p - q)))
FROM pairs JOIN changed USING (number, change),
     unnest(gmm_predict_proba(plain, original), gmm_predict_proba(model, features)) AS u (p, q)
GROUP BY family ORDER BY family;

SELECT finish();
