-- gmm_icl is BIC plus twice the entropy of the responsibilities,
-- -sum w sum r log r (Biernacki, Celeux and Govaert 2000), here summed by hand
-- over what gmm_predict_proba says of the rows; and mclust's, which counts
-- -log r of the most probable component only, is no higher.
\ir models.psql

CREATE TABLE faithful (eruptions float8, waiting float8);
\copy faithful FROM 'test/data/faithful.csv' CSV HEADER

CREATE TABLE rows AS
SELECT 'faithful' AS name, ARRAY[eruptions, waiting] AS x, 1 + (row_number() OVER ()) % 3 * 0.75 AS w FROM faithful
UNION ALL
SELECT 'random', features, 0.5 + uniform(:seed, 71, id) FROM random_rows(:seed * 1000 + 701, 300, 5, 3)
UNION ALL
SELECT 'more than a sample', features, 1 FROM random_rows(:seed * 1000 + 702, 20000, 1, 3);

CREATE TABLE fits AS
SELECT name, family, k, gmm_fit(x, k, gmm_options(covariance_type => family, max_iter => 30, n_init => 3), w) AS model
FROM rows, unnest(ARRAY['full', 'tied', 'diag', 'spherical']) AS family, unnest(ARRAY[1, 3]) AS k
GROUP BY name, family, k;

CREATE VIEW by_hand AS
SELECT f.name, family, k, model, entropy, most
FROM fits AS f, LATERAL (
    SELECT sum(w * (SELECT -sum(r * ln(r)) FROM unnest(p) AS r WHERE r > 0)) AS entropy,
           sum(w * (SELECT -ln(max(r)) FROM unnest(p) AS r)) AS most
    FROM rows, LATERAL (SELECT gmm_predict_proba(model, x) AS p OFFSET 0) AS proba WHERE rows.name = f.name) AS e;

SELECT near((gmm_icl(model) - gmm_bic(model)) / 2, entropy, 1e-9, format('%s, %s, k %s', name, family, k))
FROM by_hand ORDER BY 1;
SELECT ok(bool_and(gmm_icl(model) = gmm_bic(model)), 'one component has no entropy') FROM fits WHERE k = 1;
SELECT ok(bool_and((model::jsonb->>'entropy')::float8 > 0), 'three have') FROM fits WHERE k = 3;
SELECT ok(bool_and(most <= entropy * (1 + 1e-9)), 'the most probable component alone says less') FROM by_hand;

-- A refit has one too, of its own rows and parameters.
SELECT near((gmm_icl(refitted) - gmm_bic(refitted)) / 2,
            (SELECT sum((SELECT -sum(r * ln(r)) FROM unnest(gmm_predict_proba(refitted, x)) AS r WHERE r > 0)) FROM rows
             WHERE name = 'faithful'),
            1e-9, 'a refit, ' || family)
FROM fits, LATERAL (SELECT gmm_refit(x, model) AS refitted FROM rows WHERE rows.name = fits.name) AS r
WHERE name = 'faithful' AND k = 3 ORDER BY family;

SELECT finish();
