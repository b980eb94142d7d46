-- gmm_clusters: which components make up a cluster together, and what
-- gmm_predict and its family say of clusters.
\ir models.psql
\ir plain.psql

-- Baudry et al. (2010), example 4.1, and the six components that mclust 6.0.0 finds
-- in it (EEV): its clustCombiOptim says four clusters.
\set baudry `cat test/data/baudry_ex4.1.json`
CREATE TABLE baudry (x double precision, y double precision);
\copy baudry FROM 'test/data/baudry_ex4.1.csv' CSV HEADER
SELECT equals(gmm_clusters(:'baudry'), '{1,2,3,3,4,1}', 'example 4.1 has four clusters: 1 and 6 are a cross, 3 and 4 are one') || E'\n' ||
       equals(gmm_clusters(:'baudry', 4), '{1,2,3,3,4,1}', 'these four, if four are asked for') || E'\n' ||
       equals(gmm_clusters(:'baudry', 5), '{1,2,3,3,4,5}', 'five: those that are nearest are one') || E'\n' ||
       equals(gmm_clusters(:'baudry', 6), '{1,2,3,4,5,6}', 'six') || E'\n' ||
       equals(gmm_clusters(:'baudry', 1), '{1,1,1,1,1,1}', 'one');
SELECT ok(count(*) = 4 AND min(n) > 90, 'its 600 rows in four clusters of some size')
FROM (SELECT count(*) AS n FROM baudry GROUP BY gmm_predict(:'baudry', ARRAY[x, y], gmm_clusters(:'baudry'))) AS c;

-- mclust's clustCombi of Old Faithful with three tied components joins 1 and 3, which
-- are the long eruptions.
SELECT ok(gmm_clusters(model) = gmm_clusters(model, 2) AND
          bool_and(gmm_predict(model, features, gmm_clusters(model)) = (features[1] < 3)::integer + 1 OR features[1] BETWEEN 2.8 AND 3.2), 'Old Faithful, three tied components: the long eruptions are one')
FROM (SELECT gmm_fit(features, 3, '{"covariance_type": "tied"}') AS model FROM datasets WHERE data = 'faithful') AS f, datasets
WHERE data = 'faithful' GROUP BY model;

-- By formula: two Gaussians in one dimension, whose ridgeline is the line itself; they
-- are one where the lowest density between them is 0.15 of that of the lower mean.
SELECT ok(bool_and(abs(lowest / lower - 0.15) < 0.015 OR (gmm_clusters(model) = '{1,1}') = (lowest / lower > 0.15)) AND
          count(*) FILTER (WHERE lowest / lower > 0.25) > 10 AND count(*) FILTER (WHERE lowest / lower < 0.1) > 10,
          'two Gaussians on a line are one or two as the density between them says')
FROM generate_series(1, 100) AS number,
     LATERAL (SELECT 0.1 + 0.8 * uniform(:seed, 1100, number), 8 * uniform(:seed, 1101, number), exp(normal(:seed, 1102, number) / 2)) AS p (w, m, s),
     LATERAL (SELECT gmm_model(ARRAY[w, 1 - w], ARRAY[[0], [m]], ARRAY[[[1]], [[s ^ 2]]])) AS g (model),
     LATERAL (SELECT min(exp(gmm_logpdf(model, ARRAY[m * i / 400])))  FROM generate_series(0, 400) AS i) AS l (lowest),
     LATERAL (SELECT least(exp(gmm_logpdf(model, ARRAY[0.0])), exp(gmm_logpdf(model, ARRAY[m])))) AS h (lower);

-- Random models of many components, in each family.
CREATE TABLE fits AS
SELECT number, family, d, gmm_fit(features, 2 + number % 7, gmm_options(covariance_type => family, max_iter => 20, n_init => 1)) AS model
FROM generate_series(1, 12) AS number, families, LATERAL (SELECT 1 + number % 3) AS s (d),
     random_rows(:seed * 1000 + 1100 + number, 200, d, 5) AS r
GROUP BY number, family, d;
CREATE FUNCTION tap.same_partition(a integer[], b integer[]) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT bool_and((a[i] = a[j]) = (b[i] = b[j])) FROM generate_subscripts(a, 1) AS i, generate_subscripts(a, 1) AS j
$$;
SELECT ok(bool_and(same_partition(clusters, (SELECT array_agg(c ORDER BY i DESC) FROM unnest(gmm_clusters(reversed(model))) WITH ORDINALITY AS u (c, i)))) AND
          count(DISTINCT n) > 1, format('%s: the order of the components does not matter', family)) || E'\n' ||
       ok(bool_and(clusters = gmm_clusters(transformed(model, array_fill(1e5::float8, ARRAY[d]), array_fill(1e7::float8, ARRAY[d])))),
          format('%s: nor do units', family)) || E'\n' ||
       ok(bool_and(clusters = gmm_clusters(model, n)), format('%s: as many clusters as the model has are those', family)) || E'\n' ||
       ok(bool_and(first_are_ordered), format('%s: clusters are numbered by their first components', family))
FROM fits, LATERAL (SELECT gmm_clusters(model)) AS c (clusters), LATERAL (SELECT max(u) FROM unnest(clusters) AS u) AS m (n),
     LATERAL (SELECT bool_and(clusters[i] <= 1 + coalesce((SELECT max(clusters[j]) FROM generate_series(1, i - 1) AS j), 0))
              FROM generate_subscripts(clusters, 1) AS i) AS o (first_are_ordered)
GROUP BY family ORDER BY family;
SELECT ok(bool_and((SELECT count(DISTINCT c) FROM unnest(fewer) AS c) = n AND
                   NOT EXISTS (SELECT FROM generate_subscripts(more, 1) AS i, generate_subscripts(more, 1) AS j WHERE more[i] = more[j] AND fewer[i] <> fewer[j])),
          'n clusters are n, and n + 1 are parts of them')
FROM fits, generate_series(1, 1 + number % 7) AS n, LATERAL (SELECT gmm_clusters(model, n), gmm_clusters(model, n + 1)) AS c (fewer, more);

-- Sizes and weights as far apart as a double reaches: a spike within a wide component is
-- no cluster of its own, one beside it is; and there are always n where n are asked for.
SELECT equals(gmm_clusters(gmm_model(ARRAY[w, 1 - w], ARRAY[ARRAY[at * 1e100, 0], '{0,0}'], covariances, family)), wanted,
              format('%s: a spike, %s deviations from the middle of a wide component, weight %s', family, at, w))
FROM (VALUES (0.5, '{1,1}'::integer[]), (20, '{1,2}')) AS v (at, wanted), unnest('{0.5,1e-3}'::float8[]) AS w,
     (VALUES ('spherical', '{1e-200,1e200}'::float8[]), ('diag', '{{1e-200,1e-200},{1e200,1e200}}'), ('full', '{{{1e-200,0},{0,1e-200}},{{1e200,0},{0,1e200}}}')) AS f (family, covariances);
SELECT ok(bool_and(cardinality(clusters) = 4 AND (SELECT max(c) = n OR n = 0 AND max(c) BETWEEN 1 AND 4 FROM unnest(clusters) AS c)) AND count(*) = 600, 'any sizes and weights have clusters')
FROM generate_series(1, 60) AS e, unnest('{diag,spherical}'::text[]) AS family, generate_series(0, 4) AS n,
     LATERAL (SELECT gmm_model(CASE e % 3 WHEN 0 THEN '{1,0,0,0}' WHEN 1 THEN '{1e-300,0.5,0.5,0}' ELSE '{0.25,0.25,0.25,0.25}' END::float8[],
                               (SELECT array_agg(ARRAY[v * 10 ^ (e - 30), w * 10 ^ (7 * e % 90 - 45)] ORDER BY v) FROM (VALUES (0, 1), (1, 0), (3, 3), (-1, 9)) AS u (v, w)),
                               CASE family WHEN 'diag' THEN (SELECT array_agg(ARRAY[10 ^ (a * e % 580 - 290), 10 ^ (3 * a * e % 580 - 290)]::float8[]) FROM generate_series(1, 4) AS a)
                               ELSE (SELECT array_agg(10 ^ (5 * a * e % 580 - 290)::float8) FROM generate_series(1, 4) AS a) END, family)) AS g (model),
     LATERAL (SELECT CASE n WHEN 0 THEN gmm_clusters(model) ELSE gmm_clusters(model, n) END OFFSET 0) AS c (clusters);

-- What the family says of clusters is the sum of what it says of components; of rows
-- with NULLs and with noise, too.
CREATE TABLE scored AS
SELECT number, family, i, model, clusters, x
FROM (SELECT number, family, d, model FROM fits
      UNION ALL
      SELECT number, family || ' with noise', d, (model::jsonb || jsonb_build_object('noise_weight', 0.1, 'noise_least', (SELECT jsonb_agg(-10) FROM generate_series(1, d)),
                                                                                  'noise_most', (SELECT jsonb_agg(10) FROM generate_series(1, d))))::gmm_model FROM fits) AS f,
     LATERAL (SELECT gmm_clusters(model, 1 + number % 3)) AS c (clusters), generate_series(1, 10) AS i,
     LATERAL (SELECT array_agg(CASE WHEN uniform(:seed, 1110 + j, 100 * number + i) > 0.2 THEN 4 * normal(:seed, 1120 + j, 100 * number + i) END ORDER BY j) FROM generate_series(1, d) AS j) AS r (x);
CREATE TABLE sums AS
SELECT number, family, i, model, clusters, x, array_agg(p ORDER BY cluster) AS sums
FROM (SELECT number, family, i, model, clusters, x, CASE WHEN c = 0 THEN 0 ELSE clusters[c] END AS cluster, sum(proba[c]) AS p
      FROM scored, LATERAL (SELECT gmm_predict_proba(model, x) OFFSET 0) AS q (proba), generate_subscripts(proba, 1) AS c
      GROUP BY number, family, i, model, clusters, x, cluster) AS s
GROUP BY number, family, i, model, clusters, x;
SELECT ok(bool_and((SELECT max(abs(p - sums[i])) < 1e-14 AND count(*) = cardinality(sums) FROM unnest(gmm_predict_proba(model, x, clusters)) WITH ORDINALITY AS u (p, i))),
          format('%s: probabilities are sums', family)) || E'\n' ||
       ok(bool_and(sums[1 + predicted - lowest] >= (SELECT max(p) FROM unnest(sums) AS p) - 1e-14), format('%s: the most probable cluster', family)) || E'\n' ||
       ok(bool_and(abs(gmm_entropy(model, x, clusters) + (SELECT sum(p * ln(p)) FROM unnest(sums) AS p WHERE p > 0)) < 1e-12), format('%s: entropy', family)) || E'\n' ||
       ok(bool_and((SELECT to_jsonb(array_agg(t.probability ORDER BY t.cluster)) = to_jsonb(gmm_predict_proba(model, x, clusters)) FROM gmm_top(model, x, 100, 0, clusters) AS t)),
          format('%s: gmm_top', family))
FROM sums, LATERAL (SELECT gmm_predict(model, x, clusters), array_lower(gmm_predict_proba(model, x, clusters), 1)) AS g (predicted, lowest)
GROUP BY family ORDER BY family;

-- Groups that are boxes, balls, rings, and skew, well apart, in two and three
-- dimensions: BIC takes several components for one, and their clusters are the groups.
CREATE TABLE groups AS
SELECT number, d, g, (ARRAY['box', 'ball', 'ring', 'skew'])[1 + floor(4 * uniform(:seed, 1130 + number, g))::integer] AS kind,
       ARRAY(SELECT CASE j WHEN 1 THEN 9.0 * (g % 2) WHEN 2 THEN 9.0 * (g / 2) ELSE uniform(:seed, 1140 + number, 10 * g + j) END FROM generate_series(1, d) AS j) AS center
FROM generate_series(1, 8) AS number, LATERAL (SELECT 2 + number % 2) AS s (d), generate_series(1, 2 + number % 3) AS g;
CREATE TABLE tables AS
SELECT number, g, ARRAY(SELECT center[j] + CASE kind WHEN 'box' THEN 3.46 * (u[j] - 0.5) WHEN 'skew' THEN -ln(u[j]) - 1
                                                     WHEN 'ball' THEN 2 * u[9] ^ (1.0 / d) * z[j] / sqrt((SELECT sum(q * q) FROM unnest(z) AS q))
                                                     ELSE CASE j WHEN 1 THEN 2 * cos(6.283 * u[9]) + 0.2 * z[1] WHEN 2 THEN 2 * sin(6.283 * u[9]) + 0.2 * z[2] ELSE 0.3 * z[j] END END
                        FROM generate_series(1, d) AS j) AS x
FROM groups, generate_series(1, 250) AS i,
     LATERAL (SELECT ARRAY(SELECT uniform(:seed, 1150000 + 1000 * number + 10 * g + j, i) FROM generate_series(1, 9) AS j),
                     ARRAY(SELECT normal(:seed, 1160000 + 1000 * number + 10 * g + j, i) FROM generate_series(1, d) AS j)) AS r (u, z);
CREATE TABLE found AS
SELECT number, gmm_fit_best(x, 1, 12, gmm_options(n_init => 5)) AS model FROM tables GROUP BY number;
SELECT ok(count(*) FILTER (WHERE agreement > 0.95) >= 6, 'groups that are not Gaussian are found: the adjusted Rand index is above 0.95 in all of 8 tables but two at most') || E'\n' ||
       ok(sum(k) > sum(n), 'of more components than clusters') || format(E'\n# %s', array_agg(round(agreement::numeric, 3)))
FROM (SELECT number, adjusted_rand(array_agg(cluster), array_agg(g), array_agg(n)) AS agreement FROM (
          SELECT number, g, gmm_predict(model, x, gmm_clusters(model)) AS cluster, count(*) AS n
          FROM tables JOIN found USING (number) GROUP BY number, g, cluster) AS cells GROUP BY number) AS a
JOIN (SELECT number, cardinality(gmm_clusters(model)) AS k, (SELECT max(c) FROM unnest(gmm_clusters(model)) AS c) AS n FROM found) AS s USING (number);

SELECT finish();
