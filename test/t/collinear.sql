-- A column that is a sum of others, to the precision of its values, in full and tied
-- covariances: the mixture of the other columns, whatever the sum is, and as much more
-- likely with another number of components as that is.  No component has variance across
-- the sum, and what stands there must be the same for all of them: were it a share of each
-- one's own variances, narrow components would draw rows from wide ones, and every component
-- more would raise the likelihood.
\ir models.psql

-- Three groups that overlap, of very different sizes.
CREATE TABLE groups AS
SELECT id, label, 5 * size * tap.normal(:seed * 1000 + 7, 1, id) + 3 * label AS x,
       size * (tap.normal(:seed * 1000 + 7, 2, id) + tap.normal(:seed * 1000 + 7, 1, id)) - 2 * label ^ 2 AS y, 1 + mod(id, 3) AS w
FROM generate_series(1, 900) AS id, LATERAL (SELECT mod(id, 3) AS label) AS l, LATERAL (SELECT (1 + 3 * label)::float8 AS size) AS s;
CREATE TABLE sums AS
SELECT id, label, x, y, w, kind, sum
FROM groups, LATERAL (VALUES ('x + y', x + y), ('copy of x', x), ('rest of 1', 1 - x / 200 - y / 200),
                             ('kilograms for pounds', x * 0.45359237 + 1e3), ('of single precision', (x - y)::real::float8)) AS v (kind, sum);
CREATE TABLE options AS
SELECT family, gmm_options(covariance_type => family, tol => 1e-9, max_iter => 5000) AS o FROM unnest('{full,tied}'::text[]) AS family;
CREATE TABLE fits AS
SELECT family, kind, k, gmm_fit(ARRAY[x, sum, y], k, o, w) AS model
FROM options, unnest('{1,2,3}'::integer[]) AS k, sums GROUP BY family, kind, k, o;

-- EM on the rest ends where they are; in so many steps it may go a little further.
CREATE TABLE rests AS
SELECT family, kind, f.k, model, s.log_likelihood,
       (SELECT gmm_refit(ARRAY[x, y], gmm_marginal(model, '{1,3}'), '{"tol": 1e-9, "max_iter": 5000}', w) FROM groups) AS rest,
       (SELECT gmm_refit(ARRAY[x, y], gmm_marginal(model, '{1,3}'), '{"max_iter": 0}', w) FROM groups) AS as_it_is
FROM fits AS f, gmm_summary(model) AS s;
SELECT near((gmm_summary(as_it_is)).log_likelihood, (gmm_summary(rest)).log_likelihood, 1e-6, format('%s, k %s, %s: an optimum of the rest', family, k, kind)) ||
       E'\n' || ok(apart(gmm_marginal(model, '{1,3}'), rest) < 0.05, format('%s, k %s, %s: the mixture of the rest', family, k, kind)) ||
       format(E'\n# %s', apart(gmm_marginal(model, '{1,3}'), rest))
FROM rests ORDER BY family, k, kind;
SELECT ok(reg_covar = 1e-9 AND converged, format('%s, k %s, %s: it says the floor that it had, and converges', family, f.k, kind))
FROM fits AS f, gmm_summary(model) AS s ORDER BY family, f.k, kind;
SELECT ok(count(suspect) = 0, format('%s, k %s, %s: no component is to blame', family, k, kind))
FROM fits, gmm_components(model) GROUP BY family, k, kind ORDER BY family, k, kind;

-- Its density is a constant times that of the others, whatever k.
SELECT near(f.log_likelihood - f1.log_likelihood, (gmm_summary(f.rest)).log_likelihood - (gmm_summary(f1.rest)).log_likelihood, 1e-3,
            format('%s, k %s, %s: as much likelier than one component as without', family, f.k, kind))
FROM rests AS f JOIN rests AS f1 USING (family, kind) WHERE f.k > 1 AND f1.k = 1 ORDER BY family, f.k, kind;

-- The other ways to fit, and what goes on from a fit.
CREATE VIEW wide AS SELECT x, sum, y, w FROM sums WHERE kind = 'x + y';
SELECT ok(reg_covar = 1e-9 AND apart(how.model, f.model) < 0.05, format('%s, %s', family, how)) || format(E'\n# %s', apart(how.model, f.model))
FROM options JOIN fits AS f USING (family), LATERAL (
    SELECT 'of a table' AS how, gmm_fit_table('wide', '{x,sum,y}', 3, o || '{"features": []}', weight => 'w') AS model
    UNION ALL SELECT 'of a sketch', gmm_fit_sketch((SELECT gmm_sketch(ARRAY[x, sum, y], 2000, w) FROM wide), 3, o)
    UNION ALL SELECT 'the best of 3 to 3', gmm_fit_best(ARRAY[x, sum, y], 3, 3, o, w) FROM wide
    UNION ALL SELECT 'refitted', gmm_refit(ARRAY[x, sum, y], f.model, '{"tol": 1e-9}', w) FROM wide) AS how, gmm_summary(how.model)
WHERE f.k = 3 AND kind = 'x + y' ORDER BY family, how;

-- A step of EM, by itself, from statistics and in a stream of steps
SELECT ok(apart(stepped, refitted) < 1e-6, format('%s: a step is a step', family)) || format(E'\n# %s', apart(stepped, refitted)) || E'\n' ||
       ok(apart(stepped, model) < 0.05, format('%s: which stays where the fit is', family)) || format(E'\n# %s', apart(stepped, model))
FROM (SELECT family, model, gmm_maximize(gmm_accumulate(ARRAY[x, sum, y], model, w)) AS stepped,
             gmm_refit(ARRAY[x, sum, y], model, '{"max_iter": 1, "tol": 0}', w) AS refitted
      FROM fits, wide WHERE k = 3 AND kind = 'x + y' GROUP BY family, model) AS f ORDER BY family;

-- With NULLs beside
SELECT ok(apart(gmm_marginal(with_sum, '{1,4}'), gmm_marginal(without, '{1,3}')) < 0.02, 'full, beside a column with NULLs') ||
       format(E'\n# %s', apart(gmm_marginal(with_sum, '{1,4}'), gmm_marginal(without, '{1,3}')))
FROM (SELECT gmm_fit(ARRAY[x, sum, z, y], 2, '{"tol": 1e-9}') AS with_sum, gmm_fit(ARRAY[x, z, y], 2, '{"tol": 1e-9}') AS without
      FROM (SELECT *, CASE WHEN mod(id, 4) > 0 THEN label + tap.uniform(:seed, 8, id) END AS z FROM sums WHERE kind = 'x + y') AS s) AS f;

-- What makes the covariance of all rows singular need be no sum: two rows far from all others.
SELECT ok(reg_covar = 0, 'far rows are no sum')
FROM (SELECT gmm_fit(ARRAY[x, y], 3) AS model
      FROM (SELECT x, y FROM groups UNION ALL VALUES (1e12, 1e12), (-2e12, -2e12)) AS r) AS f, gmm_summary(model);
-- and what is nearly one may be what matters: of times in a year and a minute.
SELECT ok(reg_covar = 0, 'and times of a year and of a minute later are none')
FROM (SELECT gmm_fit(ARRAY[at, at + 60 + 30 * tap.normal(:seed, 9, id)], 2) AS model
      FROM (SELECT id, 1.7e9 + 3e7 * tap.uniform(:seed, 10, id) AS at FROM groups) AS t) AS f, gmm_summary(model);
-- A larger floor is as it was asked for.
SELECT ok(reg_covar = 1e-3, 'a larger reg_covar stays')
FROM (SELECT gmm_fit(ARRAY[x, sum, y], 2, '{"reg_covar": 1e-3}') AS model FROM wide) AS f, gmm_summary(model);
SELECT finish();
