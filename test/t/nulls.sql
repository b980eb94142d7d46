-- nulls.sql: a NULL among the features is information that is missing.  A fit
-- maximizes the likelihood of what there is, and scoring goes by it.

\ir models.psql
SELECT setseed(:seed % 1000 / 1000.0);

SET max_parallel_workers_per_gather = 0;

CREATE FUNCTION random_number() RETURNS float8 LANGUAGE sql VOLATILE
AS 'SELECT random()';

-- airquality, one Gaussian: figures of an independent computation

CREATE TABLE airquality (ozone float8, solar float8, wind float8, temp float8);
\copy airquality FROM 'test/data/airquality.csv' CSV HEADER

CREATE TABLE air AS
SELECT gmm_fit(ARRAY[ozone, solar, wind, temp], 1) AS model FROM airquality;

SELECT near((gmm_summary(model)).log_likelihood, -2326.69738280, 1e-6,
            'airquality: log-likelihood') FROM air;
SELECT near(mean[j], wanted, 1e-6, 'airquality: mean ' || j)
FROM air, gmm_components(model),
     unnest('{41.87117258, 184.84680643, 9.95751634, 77.88235294}'::float8[])
         WITH ORDINALITY AS w(wanted, j);
SELECT near(covariance[1][1], 1044.018640, 1e-6, 'airquality: variance of ozone')
FROM air, gmm_components(model);
SELECT equals((gmm_summary(model)).n_rows, 153::bigint, 'every row counts') FROM air;
SELECT equals((gmm_summary(model)).n_incomplete, 42::bigint, 'those with NULLs are told') FROM air;

-- rows that are skipped

SELECT equals((gmm_summary(gmm_fit(ARRAY[ozone, solar, wind, temp], 2,
                                   '{"missing": "skip"}'))).n_rows, 111::bigint,
              'missing: skip leaves rows with a NULL out') FROM airquality;
SELECT ok(skipped::text = filtered::text, 'as a filter does')
FROM (SELECT gmm_fit(ARRAY[ozone, solar], 2, '{"missing": "skip"}') AS skipped,
             gmm_fit(ARRAY[ozone, solar], 2, '{"missing": "skip"}')
                 FILTER (WHERE ozone IS NOT NULL AND solar IS NOT NULL) AS filtered
      FROM airquality) AS f;
SELECT raises($$SELECT gmm_fit(ARRAY[ozone, solar], 2, '{"missing": "error"}') FROM airquality$$,
              '22004', 'element 1 of features is NULL', 'missing: error refuses NULLs');
SELECT raises($$SELECT gmm_fit(ARRAY[ozone, 'NaN'::float8], 2) FROM airquality$$,
              '22003', 'element 2 of features is NaN', 'NaN is not NULL');
SELECT raises($$SELECT gmm_fit(ARRAY[NULL, ozone, NULL, '-Infinity'], 2) FROM airquality$$,
              '22003', 'element 4 of features is -Infinity', 'nor is infinity');
SELECT raises($$SELECT gmm_fit(ARRAY[ozone, NULL::float8], 2) FROM airquality$$,
              '22004', 'feature 2 is NULL in every row', 'a feature without a value is refused');
SELECT raises($$SELECT gmm_fit(x, 1) FROM (VALUES ('{1,NULL}'::float8[]), ('{1,2,NULL}')) AS v(x)$$,
              '2202E', 'features have 3 elements, but had 2', 'rows of unequal length are refused');

-- a row that has nothing but NULLs says nothing

SELECT ok(without::text = with_empty::text, 'a row of NULLs only changes nothing')
FROM (SELECT gmm_fit(x, 2) FILTER (WHERE NOT empty) AS without,
             gmm_fit(x, 2) AS with_empty
      FROM (SELECT ARRAY[ozone, solar, wind] AS x, false AS empty FROM airquality
            UNION ALL
            SELECT '{NULL,NULL,NULL}', true FROM generate_series(1, 10)) AS rows) AS f;
SELECT ok(gmm_fit('{NULL,NULL}'::float8[], 3) IS NULL, 'such rows alone make no model')
FROM generate_series(1, 10);
SELECT raises($$SELECT gmm_fit(ARRAY[NULL, i]::float8[], 1, '{}', 0) FROM generate_series(1, 9) AS i$$,
              '22023', 'the sum of the weights is 0', 'weights of 0 are told from no rows');

-- Scoring, against the mixture's formula written out for the elements that
-- there are, on random models of three dimensions and each pattern of NULLs.

CREATE FUNCTION random_model(family text, k integer) RETURNS gmm_model
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    weights float8[];
    means float8[];
    covariances float8[];
    a float8[];
BEGIN
    SELECT array_agg(w / total) INTO weights
    FROM (SELECT w, sum(w) OVER () AS total
          FROM (SELECT random_number() + 0.1 AS w FROM generate_series(1, k)) AS w) AS s;
    SELECT array_agg(ARRAY[random_number(), random_number(), random_number()] ) INTO means
    FROM generate_series(1, k);
    FOR c IN 1..k LOOP
        a := ARRAY[random_number(), random_number(), random_number()];
        covariances := covariances || ARRAY[ARRAY[
            ARRAY[a[1] * a[1] + 0.2, a[1] * a[2], a[1] * a[3]],
            ARRAY[a[2] * a[1], a[2] * a[2] + 0.1, a[2] * a[3]],
            ARRAY[a[3] * a[1], a[3] * a[2], a[3] * a[3] + 0.3]]];
    END LOOP;
    RETURN CASE family
        WHEN 'full' THEN gmm_model(weights, means, covariances, family)
        WHEN 'tied' THEN gmm_model(weights, means, (SELECT array_agg(ARRAY[covariances[1][i][1], covariances[1][i][2], covariances[1][i][3]] ORDER BY i) FROM generate_series(1, 3) AS i), family)
        WHEN 'diag' THEN gmm_model(weights, means, (SELECT array_agg(ARRAY[covariances[c][1][1], covariances[c][2][2], covariances[c][3][3]] ORDER BY c) FROM generate_series(1, k) AS c), family)
        ELSE gmm_model(weights, means, (SELECT array_agg(covariances[c][1][1] ORDER BY c) FROM generate_series(1, k) AS c), family)
    END;
END
$$;

-- Squared distance and logarithm of the determinant for up to three elements
-- of a component: cofactors, no algorithm.
CREATE FUNCTION closed_form(mean float8[], s float8[], x float8[],
                            OUT distance float8, OUT log_determinant float8, OUT n integer)
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    o integer[];
    u float8[];
    det float8;
BEGIN
    SELECT array_agg(i ORDER BY i), array_agg(x[i] - mean[i] ORDER BY i) INTO o, u
    FROM generate_series(1, 3) AS i WHERE x[i] IS NOT NULL;
    n := coalesce(cardinality(o), 0);
    IF n = 0 THEN
        distance := 0; log_determinant := 0;
    ELSIF n = 1 THEN
        distance := u[1] ^ 2 / s[o[1]][o[1]];
        log_determinant := ln(s[o[1]][o[1]]);
    ELSIF n = 2 THEN
        det := s[o[1]][o[1]] * s[o[2]][o[2]] - s[o[1]][o[2]] ^ 2;
        distance := (u[1] ^ 2 * s[o[2]][o[2]] - 2 * u[1] * u[2] * s[o[1]][o[2]]
                     + u[2] ^ 2 * s[o[1]][o[1]]) / det;
        log_determinant := ln(det);
    ELSE
        det := s[1][1] * (s[2][2] * s[3][3] - s[2][3] ^ 2)
             - s[1][2] * (s[1][2] * s[3][3] - s[2][3] * s[1][3])
             + s[1][3] * (s[1][2] * s[2][3] - s[2][2] * s[1][3]);
        distance := (u[1] ^ 2 * (s[2][2] * s[3][3] - s[2][3] ^ 2)
                   + u[2] ^ 2 * (s[1][1] * s[3][3] - s[1][3] ^ 2)
                   + u[3] ^ 2 * (s[1][1] * s[2][2] - s[1][2] ^ 2)
                   + 2 * u[1] * u[2] * (s[1][3] * s[2][3] - s[1][2] * s[3][3])
                   + 2 * u[1] * u[3] * (s[1][2] * s[2][3] - s[1][3] * s[2][2])
                   + 2 * u[2] * u[3] * (s[1][2] * s[1][3] - s[1][1] * s[2][3])) / det;
        log_determinant := ln(det);
    END IF;
END
$$;

CREATE TABLE random_models AS
SELECT id, family, random_model(family, 1 + id % 4) AS model
FROM generate_series(1, 6) AS id, unnest('{full,tied,diag,spherical}'::text[]) AS family;

CREATE TABLE random_rows AS
SELECT id, ARRAY[CASE WHEN id & 1 = 0 THEN 3 * random_number() - 1 END,
                 CASE WHEN id & 2 = 0 THEN 3 * random_number() - 1 END,
                 CASE WHEN id & 4 = 0 THEN 3 * random_number() - 1 END] AS x
FROM generate_series(1, 40) AS id;

CREATE TABLE scores AS
SELECT m.id AS model_id, r.id, family, k, model::text::gmm_model AS model, x,
       sum(density) AS density,
       array_agg(density ORDER BY component) AS densities,
       array_agg(sqrt(distance) ORDER BY component) AS distances
FROM random_models AS m, gmm_summary(model), random_rows AS r, gmm_components(model),
     closed_form(mean, covariance, x) AS f,
     LATERAL (SELECT weight * exp(-0.5 * (f.n * ln(2 * pi()) + log_determinant + distance))
              AS density) AS d
GROUP BY m.id, r.id, family, k, model::text, x;

CREATE FUNCTION farthest(a float8[], b float8[]) RETURNS float8 LANGUAGE sql IMMUTABLE AS
'SELECT max(abs(x - y)) FROM unnest(a, b) AS u(x, y)';

SELECT ok(max(abs(gmm_logpdf(model, x) - ln(density))) < 1e-11,
          family || ': gmm_logpdf is the density of what there is')
FROM scores GROUP BY family ORDER BY family;
SELECT ok(max(farthest(gmm_predict_proba(model, x),
                       (SELECT array_agg(d / density ORDER BY i)
                        FROM unnest(densities) WITH ORDINALITY AS u(d, i)))) < 1e-11,
          family || ': gmm_predict_proba is by what there is')
FROM scores GROUP BY family ORDER BY family;
SELECT ok(max(farthest(gmm_mahalanobis(model, x), distances)) < 1e-11,
          family || ': gmm_mahalanobis is over the dimensions that there are')
FROM scores GROUP BY family ORDER BY family;
SELECT ok(bool_and(densities[gmm_predict(model, x)] >= (SELECT max(d) FROM unnest(densities) AS d) * (1 - 1e-12)),
          family || ': gmm_predict is by what there is')
FROM scores GROUP BY family ORDER BY family;
SELECT ok(max(abs(gmm_logpdf(model, x) - gmm_logpdf(gmm_marginal(model, dims), present))) < 1e-12,
          'the density of what there is is that of the marginal mixture')
FROM scores,
     LATERAL (SELECT array_agg(i::int ORDER BY i) AS dims, array_agg(v ORDER BY i) AS present
              FROM unnest(x) WITH ORDINALITY AS u(v, i) WHERE v IS NOT NULL) AS p
WHERE dims IS NOT NULL;

-- a row of NULLs only: nothing is known but the model

CREATE TABLE nothing_known AS
SELECT gmm_model('{0.25,0.75}', '{{0,0},{5,5}}', '{1,2}', 'spherical') AS model,
       '{NULL,NULL}'::float8[] AS x;
SELECT near(gmm_logpdf(model, x), 0, 1e-15, 'without any element the density is 1')
FROM nothing_known;
SELECT ok(farthest(gmm_predict_proba(model, x), '{0.25,0.75}') < 1e-15,
          'the probabilities are the weights')
FROM nothing_known;
SELECT equals(gmm_predict(model, x), 2, 'the component is the heaviest')
FROM nothing_known;
SELECT equals(gmm_mahalanobis(model, x), '{0,0}'::float8[], 'there is no distance')
FROM nothing_known;
SELECT ok(gmm_predict(gmm_model('{1}', '{{0}}', '{1}', 'spherical'), NULL) IS NULL,
          'a NULL array has no component');
SELECT raises($$SELECT gmm_predict(model, '{NULL}') FROM air$$, '2202E',
              'features have 1 element, but the model has 4 dimensions', 'a row of another length is refused');
SELECT raises($$SELECT gmm_logpdf(model, '{NULL,1,NaN,2}') FROM air$$, '22003',
              'element 3 of features is NaN', 'NaN is refused');

-- More patterns and models than a call site has at once

SELECT ok(bool_and(abs(gmm_logpdf(model, x) - ln(density)) < 1e-11), 'patterns and models in any order')
FROM (SELECT * FROM scores ORDER BY md5(model_id || ' ' || id || family)) AS s;

-- The log-likelihood of a fit is the sum of the log-densities.

CREATE TABLE clusters AS
SELECT i AS id, 1 + i % 3 AS w, part, part * 1000 + i AS place,
       ARRAY[CASE WHEN u1 > 0.2 THEN c * 4 + n1 END,
             CASE WHEN u2 > 0.2 THEN c * c * 3 + n2 + n1 / 2 END,
             CASE WHEN u3 > 0.3 THEN n3 - c * n1 END,
             CASE WHEN u1 > 0.2 OR u2 > 0.2 OR u3 > 0.3 THEN CASE WHEN u1 < 0.9 THEN c + n3 + n4 END ELSE n4 END] AS x
FROM (SELECT i, i % 3 AS c, i % 2 AS part, random_number() AS u1, random_number() AS u2, random_number() AS u3,
             sqrt(-2 * ln(1 - random_number())) * cos(2 * pi() * random_number()) AS n1,
             sqrt(-2 * ln(1 - random_number())) * cos(2 * pi() * random_number()) AS n2,
             sqrt(-2 * ln(1 - random_number())) * cos(2 * pi() * random_number()) AS n3,
             sqrt(-2 * ln(1 - random_number())) * cos(2 * pi() * random_number()) AS n4
      FROM generate_series(1, 600) AS i) AS s;

CREATE TABLE fits AS
SELECT family, gmm_fit(x, 3, gmm_options(covariance_type => family)) AS model
FROM clusters, unnest('{full,tied,diag,spherical}'::text[]) AS family
GROUP BY family;

SELECT near((SELECT sum(gmm_logpdf(model, x)) FROM clusters),
            (gmm_summary(model)).log_likelihood, 1e-12,
            family || ': the log-likelihood is the sum of gmm_logpdf')
FROM fits;
SELECT equals((gmm_summary(model)).n_rows, 600::bigint, family || ': all rows count') FROM fits;

SELECT near((SELECT -sum(p * ln(p)) FROM clusters, unnest(gmm_predict_proba(model, x)) AS p WHERE p > 0),
            (gmm_icl(model) - gmm_bic(model)) / 2, 1e-9,
            family || ': and the entropy is that of gmm_predict_proba')
FROM fits;

-- The choice of k and family is by the same likelihood.

CREATE TABLE choice AS
SELECT gmm_fit_best(x, 2, 4, '{"covariance_type": "auto"}') AS model FROM clusters;
SELECT near(gmm_bic(model),
            (SELECT min(gmm_bic(m))
             FROM (SELECT gmm_fit(x, k, gmm_options(covariance_type => family)) AS m
                   FROM clusters, generate_series(2, 4) AS k,
                        unnest('{full,tied,diag,spherical}'::text[]) AS family
                   GROUP BY k, family) AS f), 1e-6,
            'gmm_fit_best chooses what is best of all fits')
FROM choice;
SELECT near((SELECT sum(gmm_logpdf(model, x)) FROM clusters),
            (gmm_summary(model)).log_likelihood, 1e-12,
            'gmm_fit_best: the log-likelihood is the sum of gmm_logpdf')
FROM choice;
SELECT ok((gmm_summary(model)).n_incomplete = (SELECT count(*) FROM clusters WHERE array_position(x, NULL) > 0),
          'gmm_fit_best says how many rows have NULLs')
FROM choice;

-- EM steps, one by one, go up.

CREATE FUNCTION climb(family text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    m gmm_model;
    before float8 := '-Infinity';
    now float8;
BEGIN
    SELECT gmm_fit(x, 4, gmm_options(covariance_type => family, max_iter => 1, n_init => 1)) INTO m
    FROM clusters;
    FOR step IN 1..25 LOOP
        SELECT gmm_refit(x, m, '{"max_iter": 1, "accelerate": false, "tol": 0}') INTO m FROM clusters;
        now := (gmm_summary(m)).log_likelihood;
        IF now < before - 1e-10 * abs(before) THEN
            RETURN false;
        END IF;
        before := now;
    END LOOP;
    RETURN true;
END
$$;
SELECT ok(climb(family), family || ': the likelihood does not fall')
FROM unnest('{full,tied,diag,spherical}'::text[]) AS family;

-- A refit of a converged model stays where it is.

SELECT near((gmm_summary((SELECT gmm_refit(x, model) FROM clusters))).log_likelihood,
            (gmm_summary(model)).log_likelihood, 1e-6, family || ': a refit stays')
FROM fits;

-- The order of the rows, their weights, their units

SELECT ok(model::text = (SELECT gmm_fit(x, 3, gmm_options(covariance_type => family)
                                        ORDER BY md5(id::text)) FROM clusters)::text,
          family || ': the order of rows does not matter')
FROM fits;
SELECT ok((SELECT gmm_fit(x, 3, gmm_options(covariance_type => family), w) FROM clusters)::jsonb - '{n_rows,n_incomplete}'::text[] =
          (SELECT gmm_fit(x, 3, gmm_options(covariance_type => family))
           FROM clusters, generate_series(1, w))::jsonb - '{n_rows,n_incomplete}'::text[],
          family || ': weights are copies')
FROM fits;
-- (On whole multiples of 2^-20, which remain exact 1e9 further on; a mean is rounded there.)
SELECT ok(max(farthest(a.mean, ARRAY[b.mean[1] / 1e6, b.mean[2] - 1e9, b.mean[3], b.mean[4]])) < 1e-6,
          family || ': units do not matter')
FROM families,
     LATERAL (SELECT gmm_fit(ARRAY[x[1], y, x[3], x[4]], 3, gmm_options(covariance_type => family)) AS plain,
                     gmm_fit(ARRAY[x[1] * 1e6, y + 1e9, x[3], x[4]], 3, gmm_options(covariance_type => family)) AS scaled
              FROM clusters, LATERAL (SELECT round(x[2] * 1048576) / 1048576) AS r (y)) AS f,
     gmm_components(plain) AS a, gmm_components(scaled) AS b
WHERE a.component = b.component AND family <> 'spherical'
GROUP BY family;

-- What is known without NULLs is not lost by a few: blobs that stand apart are
-- found where a tenth of the elements is missing.

SELECT ok(min(share) > 0.97, 'clusters that stand apart are found')
FROM (SELECT gmm_predict(model, x) AS component, c,
             count(*)::float8 / sum(count(*)) OVER (PARTITION BY c) AS share,
             row_number() OVER (PARTITION BY c ORDER BY count(*) DESC) AS place
      FROM (SELECT i % 4 AS c,
                   ARRAY[CASE WHEN random_number() > 0.1 THEN (i % 4) / 2 * 20 + random_number() END,
                         CASE WHEN random_number() > 0.1 THEN i % 2 * 20 + random_number() END,
                         i % 4 * 5 + random_number()] AS x
            FROM generate_series(1, 2000) AS i) AS blobs,
           LATERAL (SELECT NULL) AS nothing(n),
           (SELECT gmm_fit(x, 4) AS model
            FROM (SELECT ARRAY[CASE WHEN random_number() > 0.1 THEN (i % 4) / 2 * 20 + random_number() END,
                               CASE WHEN random_number() > 0.1 THEN i % 2 * 20 + random_number() END,
                               i % 4 * 5 + random_number()] AS x
                  FROM generate_series(1, 2000) AS i) AS training) AS f
      GROUP BY 1, 2) AS s
WHERE place = 1;

-- Memory: rows beyond it go to a file, many patterns or few; the model is the
-- same to the last bit.

CREATE TABLE wide AS
SELECT i AS id, 1 + i % 2 * 0.5 AS w,
       (SELECT array_agg(CASE WHEN hashint4(i * 1000 + j) % 8 <> 0 OR j = 1 + i % 12
                              THEN i % 2 * 5 + (hashint4(i * 77 + j) % 1000) / 300.0 END)
        FROM generate_series(1, 12) AS j)::float8[] AS x
FROM generate_series(1, 15000) AS i;

SELECT ok(same_with_and_without_memory(
    $$SELECT gmm_fit(x, 2, '{"max_iter": 5}')::text FROM wide$$), 'many patterns: the same model from a file');
SELECT ok(same_with_and_without_memory(
    $$SELECT gmm_fit(x, 2, '{"max_iter": 5}', w)::text FROM wide$$), 'with weights, too');
SELECT ok(same_with_and_without_memory(
    $$SELECT gmm_fit(x[1:3], 2, '{"max_iter": 5}')::text FROM wide$$), 'few patterns: the same model from a file');
SELECT ok(same_with_and_without_memory(
    $$SELECT string_agg(m::text, ' ' ORDER BY g)
      FROM (SELECT id % 5 AS g, gmm_fit(x, 2, '{"max_iter": 5}', w) AS m FROM wide GROUP BY 1) AS f$$),
    'several groups at once');

-- A final function that runs on a state that still grows, with blocks of many
-- patterns in memory and in the file

SET work_mem = '64kB';
SELECT ok(bool_and(frame::text = alone::text), 'frames of a window are fits of their rows')
FROM (SELECT id, CASE WHEN id % 400 = 0 THEN
                 gmm_fit(x, 1, '{"covariance_type": "diag"}') OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND 50 FOLLOWING) END AS frame
      FROM wide WHERE id <= 2050) AS f,
     LATERAL (SELECT gmm_fit(x, 1, '{"covariance_type": "diag"}') AS alone
              FROM (SELECT x FROM wide WHERE wide.id <= f.id + 50 ORDER BY id) AS w) AS l
WHERE frame IS NOT NULL AND id <= 2000;
SELECT ok(bool_and(m::text = alone::text), 'a model for each of many groups, hashed')
FROM (SELECT id % 500 AS g, gmm_fit(x, 1, '{"covariance_type": "diag"}', w) AS m
      FROM wide GROUP BY 1) AS f,
     LATERAL (SELECT gmm_fit(x, 1, '{"covariance_type": "diag"}', w) AS alone
              FROM wide WHERE id % 500 = g) AS l
WHERE g % 50 = 0;
RESET work_mem;

SELECT finish();
