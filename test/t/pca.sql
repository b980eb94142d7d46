-- pca.sql: principal axes are those of the rows, and rows along them are where
-- they belong.

\ir models.psql

-- iris, beside R's: eigen(cov(iris[,1:4])*149/150)$values, and the closed form of
-- probabilistic PCA (Tipping and Bishop 1999), -n/2 (d ln 2 pi + sum_{j<=q} ln l_j
-- + (d - q) ln s2 + d), s2 being the mean of the d - q other eigenvalues

CREATE TABLE iris (sl double precision, sw double precision, pl double precision,
                   pw double precision, species text);
\copy iris FROM 'test/data/iris.csv' CSV HEADER
CREATE TABLE iris_model AS SELECT gmm_fit(ARRAY[sl, sw, pl, pw], 1) AS model FROM iris;

SELECT near(variance, wanted, 1e-9, 'iris: variance along axis ' || axis)
FROM iris_model, gmm_pca_variance(model) JOIN (VALUES
    (1, 4.20005342799), (2, .241052942942), (3, .077688103376), (4, .0236761923536))
    AS v (axis, wanted) USING (axis) ORDER BY axis;
SELECT near(sum(share), 1, 1e-14, 'shares sum to 1'),
       near(max(cumulative_share), 1, 1e-14, 'so do the cumulative ones'),
       ok(bool_and(abs(cumulative_share - running) < 1e-14), 'one after the other')
FROM (SELECT *, sum(share) OVER (ORDER BY axis) AS running
      FROM iris_model, gmm_pca_variance(model)) AS v;

CREATE TABLE ppca (q integer, s2 double precision, log_likelihood double precision);
INSERT INTO ppca VALUES (1, .114139079557, -470.669458321), (2, .0506821478648, -404.962780156),
                        (3, .0236761923536, -379.914630122);
SELECT near(avg(variance) FILTER (WHERE axis > q), max(s2), 1e-9, 'PPCA: noise of q = ' || q),
       near(-75 * (4 * ln(2 * pi()) + sum(ln(variance)) FILTER (WHERE axis <= q) +
                   (4 - q) * ln(avg(variance) FILTER (WHERE axis > q)) + 4),
            max(ppca.log_likelihood), 1e-9, 'PPCA: log-likelihood of q = ' || q)
FROM iris_model, ppca, gmm_pca_variance(model) GROUP BY q ORDER BY q;

-- The same by the rows: the model with covariance W W' + s2 I that the axes and
-- the variances make.
SELECT near(sum(gmm_logpdf(built, ARRAY[sl, sw, pl, pw])), max(wanted), 1e-9,
            'PPCA by rows: log-likelihood of q = ' || q)
FROM iris, (
    SELECT q, wanted, gmm_model('{1}', mean, ARRAY[array_agg(covariance ORDER BY i)]) AS built
    FROM (SELECT q, s2, max(log_likelihood) AS wanted, i, axes[1:1] AS mean,
                 array_agg(element ORDER BY j) AS covariance
          FROM (SELECT q, s2, log_likelihood, axes, i, j, (i = j)::integer * s2 +
                       sum(axes[axis + 1][i] * axes[axis + 1][j] * (variance - s2)) AS element
                FROM iris_model, ppca, gmm_pca(model, q) AS axes, gmm_pca_variance(model),
                     generate_series(1, 4) AS i, generate_series(1, 4) AS j
                WHERE axis <= q GROUP BY q, s2, log_likelihood, axes, i, j) AS elements
          GROUP BY q, s2, i, axes) AS rows
    GROUP BY q, mean, wanted) AS models
GROUP BY q ORDER BY q;

-- prcomp(iris[,1:4])$rotation, with the signs that gmm_pca gives
SELECT near(axes[i + 1][j], wanted, 1e-9, format('iris: element %s of axis %s', j, i))
FROM iris_model, gmm_pca(model, 2) AS axes, (VALUES
    (1, 1, 0.361386591785), (1, 2, -0.084522514065), (1, 3, 0.856670605950), (1, 4, 0.358289197152),
    (2, 1, 0.656588771290), (2, 2, 0.730161434785), (2, 3, -0.173372662796), (2, 4, -0.075481019918))
    AS v (i, j, wanted) ORDER BY i, j;

-- random rows, of two mixtures in three and seven dimensions, far from zero

CREATE TABLE points AS
SELECT id, d, ARRAY(SELECT 1000 * j + (j % 3 + 1) * value FROM unnest(features) WITH ORDINALITY AS f (value, j)
                    ORDER BY j) AS x
FROM (VALUES (3), (7)) AS v (d), random_rows(:seed * 1000 + 700 + d, 400, d, 3) AS r;

CREATE TABLE models AS
SELECT d, k, gmm_fit(x, k, gmm_options(covariance_type => family)) AS model, family
FROM points, generate_series(1, 3, 2) AS k, unnest('{full,tied,diag,spherical}'::text[]) AS family
GROUP BY d, k, family;

CREATE FUNCTION total(model gmm_model, i integer, j integer) RETURNS double precision
LANGUAGE sql IMMUTABLE AS $$
    SELECT sum(weight * (covariance[i][j] + (mean[i] - mean_i) * (mean[j] - mean_j)))
    FROM gmm_components(model),
         (SELECT sum(weight * mean[i]) AS mean_i, sum(weight * mean[j]) AS mean_j FROM gmm_components(model)) AS m
$$;

-- The covariance of all components is that of the axes and variances.
SELECT ok(max(abs(rebuilt - total(model, i, j)) / greatest(1, abs(rebuilt))) < 1e-10,
          format('%s, d %s, k %s: axes and variances rebuild the covariance', family, d, k))
FROM (SELECT family, d, k, model, i, j, sum(axes[axis + 1][i] * axes[axis + 1][j] * variance) AS rebuilt
      FROM models, gmm_pca(model, d) AS axes, gmm_pca_variance(model),
           generate_series(1, d) AS i, generate_series(1, d) AS j
      GROUP BY family, d, k, model, i, j) AS elements
GROUP BY family, d, k ORDER BY family, d, k;
SELECT ok(bool_and(axes[1][j] BETWEEN mean - 1e-9 AND mean + 1e-9), 'the first row is the mean: d ' || d || ', k ' || k)
FROM (SELECT d, k, j, axes, (SELECT sum(weight * mean[j]) FROM gmm_components(model)) AS mean
      FROM models, gmm_pca(model, 1) AS axes, generate_series(1, d) AS j WHERE family = 'full') AS means
GROUP BY d, k ORDER BY d, k;

-- signs and order
SELECT ok(bool_and(largest > 0), 'the largest element of an axis is positive'), ok(count(*) = 80, 'of all axes')
FROM (SELECT (SELECT axes[i + 1][j] FROM generate_series(1, d) AS j
              ORDER BY abs(axes[i + 1][j]) DESC LIMIT 1) AS largest
      FROM models, gmm_pca(model, d) AS axes, generate_series(1, d) AS i) AS elements;
SELECT ok(bool_and(variance <= before), 'variances descend')
FROM (SELECT variance, lag(variance, 1, 'Infinity') OVER (PARTITION BY family, d, k ORDER BY axis) AS before
      FROM models, gmm_pca_variance(model)) AS v;
SELECT equals(gmm_pca(model, 2), (gmm_pca(model, 7))[1:3], 'the first axes, whatever q')
FROM models WHERE d = 7 AND k = 3 AND family = 'full';
-- elements of one size: ties go to the first
SELECT equals(sign(axes[3][1])::integer, 1, 'of equal elements the first is positive, angle ' || c)
FROM (VALUES (0.5), (-0.5)) AS v (c),
     gmm_pca(gmm_model('{1}', '{{0,0}}', ARRAY[ARRAY[ARRAY[1, c], ARRAY[c, 1]]]), 2) AS axes;
-- the same rows in another order
SELECT ok(max(abs(a[i][j] - b[i][j])) < 1e-8, 'the same rows in another order: the same axes, d ' || d)
FROM (SELECT d, gmm_pca(gmm_fit(x, 1 ORDER BY id), d) AS a, gmm_pca(gmm_fit(x, 1 ORDER BY id DESC), d) AS b
      FROM points GROUP BY d) AS orders, generate_series(1, d + 1) AS i, generate_series(1, d) AS j
GROUP BY d ORDER BY d;

-- projections, by sums in SQL
SELECT ok(max(abs(projection[i] - wanted)) < 1e-9, format('d %s: projections, whiten %s', d, whiten))
FROM (SELECT d, whiten, i, gmm_project(axes, x) AS projection,
             (SELECT sum((x[j] - axes[1][j]) * axes[i + 1][j]) FROM generate_series(1, d) AS j) AS wanted
      FROM points JOIN models USING (d), (VALUES (true), (false)) AS w (whiten),
           gmm_pca(model, 3, whiten) AS axes, generate_series(1, 3) AS i
      WHERE k = 1 AND family = 'full') AS p GROUP BY d, whiten ORDER BY d, whiten;
-- Along the axes rows do not correlate and vary as was said, or, whitened, by 1.
SELECT ok(max(abs(avg)) < 1e-9, format('d %s: projections are about 0', d)),
       ok(max(abs(covariance - CASE WHEN i <> j THEN 0 ELSE variance END) / greatest(1, variance)) < 1e-9,
          'and as the variances say'),
       ok(max(abs(whitened - (i = j)::integer)) < 1e-9, 'and whitened, round')
FROM (SELECT d, i, j, avg(plain[i]) AS avg, covar_pop(plain[i], plain[j]) AS covariance,
             covar_pop(white[i], white[j]) AS whitened
      FROM (SELECT d, gmm_project(gmm_pca(model, d), x) AS plain, gmm_project(gmm_pca(model, d, true), x) AS white
            FROM points JOIN models USING (d) WHERE k = 1 AND family = 'full') AS p,
           generate_series(1, d) AS i, generate_series(1, d) AS j GROUP BY d, i, j) AS c
     JOIN (SELECT d, axis AS i, variance FROM models, gmm_pca_variance(model)
           WHERE k = 1 AND family = 'full') AS v USING (d, i)
GROUP BY d ORDER BY d;
-- All axes keep all: the row is the mean and what it is along them.
SELECT ok(max(abs(x[j] - rebuilt)) < 1e-8, format('d %s: rows are rebuilt of d axes', d))
FROM (SELECT id, d, x, j, axes[1][j] + sum(p[i] * axes[i + 1][j]) AS rebuilt
      FROM (SELECT id, d, x, axes, gmm_project(axes, x) AS p
            FROM points JOIN models USING (d), gmm_pca(model, d) AS axes WHERE k = 3 AND family = 'tied') AS r,
           generate_series(1, d) AS i, generate_series(1, d) AS j
      GROUP BY id, d, x, axes, j) AS b GROUP BY d ORDER BY d;

-- NULL elements: the expectation of the projection given the others, which of one
-- component is that by regression on them; x[2] is missing
SELECT ok(max(abs(projection[i] - wanted)) < 1e-8, 'the conditional expectation of a row with a NULL')
FROM (SELECT id, i, gmm_project(axes, gmm_impute(model, ARRAY[x[1], NULL, x[3]])) AS projection,
             (x[1] - axes[1][1]) * axes[i + 1][1] + (x[3] - axes[1][3]) * axes[i + 1][3] +
             ((x[1] - axes[1][1]) * (s12 * s33 - s23 * s13) + (x[3] - axes[1][3]) * (s23 * s11 - s12 * s13)) /
             (s11 * s33 - s13 * s13) * axes[i + 1][2] AS wanted
      FROM points JOIN models USING (d), gmm_pca(model, 2) AS axes, generate_series(1, 2) AS i,
           LATERAL (SELECT total(model, 1, 1), total(model, 1, 2), total(model, 1, 3), total(model, 2, 3),
                           total(model, 3, 3)) AS s (s11, s12, s13, s23, s33)
      WHERE d = 3 AND k = 1 AND family = 'full' AND id <= 50) AS p;

-- Axes that are stored out of line, of several models, in any order of rows; more
-- than one row uses what was fetched for the one before.
CREATE TABLE spaces AS
SELECT n, gmm_pca(gmm_model(ARRAY[1], ARRAY[array_fill(n::float8, ARRAY[400])],
       ARRAY[(SELECT array_agg(1 + j % 7) FROM generate_series(1, 400) AS j)], 'diag'), 300) AS axes
FROM generate_series(0, 1) AS n;
ALTER TABLE spaces ALTER axes SET STORAGE EXTERNAL;
UPDATE spaces SET axes = axes || '{}';
SELECT ok(pg_relation_size(reltoastrelid) > 1000000, 'axes are out of line') FROM pg_class WHERE relname = 'spaces';
SELECT ok(bool_and(gmm_project(axes, array_fill(n + 1.0, ARRAY[400])) = gmm_project(axes || '{}', array_fill(n + 1.0, ARRAY[400]))),
          'and are the same there'),
       ok(bool_and(abs((SELECT sum(p) FROM unnest(gmm_project(axes, array_fill(n + 1.0, ARRAY[400]))) AS p) - 300) < 1e-9),
          'each with its own mean')
FROM spaces, generate_series(1, 4) AS i;

-- a long computation can be cancelled
CREATE TABLE wide AS SELECT gmm_model(ARRAY[1], ARRAY[array_fill(0.0, ARRAY[1500])],
    ARRAY[(SELECT array_agg(ARRAY(SELECT (i = j)::integer * 1500 + sin(i) * sin(j) + 1.0 / (1 + abs(i - j))
                                  FROM generate_series(1, 1500) AS j)) FROM generate_series(1, 1500) AS i)]) AS model;
SET statement_timeout = '150ms';
SELECT ok(is_cancelled('SELECT gmm_pca(model, 2) FROM wide, generate_series(1, 1000) AS i'), 'gmm_pca is cancelled');
SELECT ok(is_cancelled('SELECT gmm_pca_variance(model) FROM wide, generate_series(1, 1000) AS i'), 'gmm_pca_variance, too');
RESET statement_timeout;

SELECT finish();
