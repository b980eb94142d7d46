-- A column in which all rows have one value: whatever that is, the mixture of the other
-- columns, and next to no variance there, in every way to fit.  (A search takes it to have
-- some, the square of its value, which must not come out.)
\ir models.psql

-- Three groups that every search finds.
CREATE TABLE groups AS
SELECT id, 20 * mod(id, 3) + features[1] AS x, 30 * mod(id, 3) ^ 2 + features[2] AS y, 1 + mod(id, 4) AS w
FROM random_rows(:seed * 1000 + 301, 300, 2, 1);
CREATE TABLE options AS
SELECT family, prior, reg_covar, gmm_options(covariance_type => family, prior => prior, reg_covar => reg_covar,
                                             tol => 1e-12, max_iter => 5000) AS o
FROM families, unnest('{f,t}'::boolean[]) AS prior, unnest('{0,1e-3}'::float8[]) AS reg_covar;
CREATE TABLE fits AS
SELECT family, prior, reg_covar, o, k, value, gmm_fit(ARRAY[x, value, y], k, o, w) AS model
FROM options, unnest('{1,3}'::integer[]) AS k, unnest('{0,-1,4.2,1e6,1.7e12}'::float8[]) AS value, groups
GROUP BY family, prior, reg_covar, o, k, value;

SELECT ok(max(apart(gmm_marginal(f.model, '{1,3}'), gmm_marginal(zero.model, '{1,3}'))) < 1e-6,
          format('%s, k %s%s, reg_covar %s: the value does not matter', f.family, f.k, CASE WHEN f.prior THEN ', prior' END, f.reg_covar)) ||
       format(E'\n# %s', max(apart(gmm_marginal(f.model, '{1,3}'), gmm_marginal(zero.model, '{1,3}'))))
FROM fits AS f JOIN fits AS zero USING (family, prior, reg_covar, k)
WHERE zero.value = 0 GROUP BY f.family, f.prior, f.reg_covar, f.k ORDER BY 1;

-- Where a feature has a variance of its own, it is no more than the floor.
SELECT ok(max(abs(mean[2] - value)) <= 1e-9 * abs(value) AND max(abs(covariance[1][2]) + abs(covariance[2][3])) = 0 AND
          max(abs(covariance[2][2] / (greatest(reg_covar, 1e-18) * CASE value WHEN 0 THEN 1 ELSE value ^ 2 END) - 1)) < 1e-9,
          format('%s, k %s, %s: a mean and next to no variance', family, k, value))
FROM fits, gmm_components(model) WHERE family <> 'spherical'
GROUP BY family, k, value ORDER BY family, k, value;

-- One component: the moments of the rows.
CREATE TABLE moments AS
SELECT sum(w * x) / sum(w) AS mx, sum(w * y) / sum(w) AS my,
       sum(w * x * x) / sum(w) - (sum(w * x) / sum(w)) ^ 2 AS xx, sum(w * y * y) / sum(w) - (sum(w * y) / sum(w)) ^ 2 AS yy,
       sum(w * x * y) / sum(w) - sum(w * x) / sum(w) * sum(w * y) / sum(w) AS xy
FROM groups;
SELECT near(mean[1], mx, 1e-9, format('%s, %s: mean of x', family, value)) || E'\n' ||
       near(mean[3], my, 1e-9, format('%s, %s: mean of y', family, value)) || E'\n' ||
       near(covariance[1][1], CASE family WHEN 'spherical' THEN (xx + yy) / 3 ELSE xx END, 1e-9, format('%s, %s: variance of x', family, value)) || E'\n' ||
       near(covariance[3][3], CASE family WHEN 'spherical' THEN (xx + yy) / 3 ELSE yy END, 1e-9, format('%s, %s: variance of y', family, value)) || E'\n' ||
       near(covariance[1][3], CASE WHEN family IN ('full', 'tied') THEN xy ELSE 0 END, 1e-9, format('%s, %s: covariance', family, value))
FROM fits, gmm_components(model), moments WHERE k = 1 AND NOT prior AND reg_covar = 0 ORDER BY family, value;

-- The other ways to fit.
SELECT ok(apart(gmm_fit_sketch((SELECT gmm_sketch(ARRAY[x, value, y], 1000, w) FROM groups), k, o), model) < 1e-9,
          format('%s, k %s%s, reg_covar %s, %s: of a sketch', family, k, CASE WHEN prior THEN ', prior' END, reg_covar, value))
FROM fits WHERE value = 1e6 ORDER BY 1;
CREATE VIEW wide AS SELECT x, 1e6::float8 AS c, y, w FROM groups;
SELECT ok(apart(gmm_fit_table('wide', '{x,c,y}', k, o || '{"features": []}', weight => 'w'), model) < 1e-9,
          format('%s, k %s%s, reg_covar %s: of a table', family, k, CASE WHEN prior THEN ', prior' END, reg_covar))
FROM fits WHERE value = 1e6 ORDER BY 1;

-- A step of EM, from statistics and by itself.
SELECT ok(apart(gmm_maximize(s, gmm_options(prior => prior, reg_covar => reg_covar)),
                (SELECT gmm_refit(ARRAY[x, value, y], start, gmm_options(max_iter => 1, tol => 0, prior => prior, reg_covar => reg_covar), w)
                 FROM groups)) < 1e-9,
          format('%s%s, reg_covar %s, %s: a step', family, CASE WHEN prior THEN ', prior' END, reg_covar, value))
FROM (SELECT family, prior, reg_covar, value, start, gmm_accumulate(ARRAY[x, value, y], start, w) AS s
      FROM fits, groups, LATERAL (SELECT CASE family
          WHEN 'full' THEN gmm_model('{0.4,0.6}', ARRAY[ARRAY[0, value, 5], ARRAY[30, value, 80]], ARRAY[[[90,0,0],[0,1,0],[0,0,90]],[[90,0,0],[0,1,0],[0,0,90]]])
          WHEN 'tied' THEN gmm_model('{0.4,0.6}', ARRAY[ARRAY[0, value, 5], ARRAY[30, value, 80]], '{{90,0,0},{0,1,0},{0,0,90}}', family)
          WHEN 'diag' THEN gmm_model('{0.4,0.6}', ARRAY[ARRAY[0, value, 5], ARRAY[30, value, 80]], '{{90,1,90},{90,1,90}}', family)
          ELSE gmm_model('{0.4,0.6}', ARRAY[ARRAY[0, value, 5], ARRAY[30, value, 80]], '{90,90}', family) END AS start) AS st
      WHERE k = 1 GROUP BY family, prior, reg_covar, value, start) AS a ORDER BY 1;

-- Nor does it count for a dimension in a drift: that is what it is without the column.  What
-- departs from its value is far.  (A prior is another one where there are more columns.)
CREATE TABLE without AS
SELECT family, prior, reg_covar, k, gmm_fit(ARRAY[x, y], k, o, w) AS model
FROM options, unnest('{1,3}'::integer[]) AS k, groups WHERE family <> 'spherical' AND NOT prior GROUP BY family, prior, reg_covar, o, k;
CREATE TABLE drifts AS
SELECT f.family, f.reg_covar, f.k, f.value, f.model AS fitted, without.model AS bare,
       gmm_accumulate(ARRAY[x + 0.05, value, y + 0.05], f.model, w) AS stats,
       gmm_accumulate(ARRAY[x + 0.05, y + 0.05], without.model, w) AS bare_stats,
       gmm_accumulate(ARRAY[x, value + 1e-3 * (1 + abs(value)), y], f.model) AS moved_stats
FROM fits AS f JOIN without USING (family, prior, reg_covar, k), groups
GROUP BY f.family, f.reg_covar, f.k, f.value, f.model, without.model;
SELECT ok(max(greatest(abs(d.likelihood_shift - e.likelihood_shift), abs(d.likelihood_error - e.likelihood_error),
                       abs(d.mean_shift - e.mean_shift), abs(d.spread_ratio - e.spread_ratio),
                       abs(d.likelihood_p - e.likelihood_p), abs(d.share_p - e.share_p), abs(d.mean_p - e.mean_p))) < 1e-5,
          format('%s, k %s, reg_covar %s: a drift is that of the other columns', family, k, reg_covar)) ||
       format(E'\n# %s', max(greatest(abs(d.likelihood_shift - e.likelihood_shift), abs(d.spread_ratio - e.spread_ratio), abs(d.mean_p - e.mean_p))))
FROM drifts, gmm_drift(fitted, stats) AS d, gmm_drift(bare, bare_stats) AS e
GROUP BY family, reg_covar, k ORDER BY 1;
SELECT ok(max(abs(d.spread_ratio - e.spread_ratio)) < 1e-5 AND max(abs(d.p - e.p)) < 1e-5 AND count(*) = 5 * k,
          format('%s, k %s, reg_covar %s: and so is that of each component', family, k, reg_covar))
FROM drifts, gmm_drift_components(fitted, stats) AS d JOIN LATERAL gmm_drift_components(bare, bare_stats) AS e USING (component)
GROUP BY family, reg_covar, k ORDER BY 1;
SELECT ok(bool_and(d.mean_p < 1e-9) FILTER (WHERE reg_covar = 0), format('%s, k %s: another value is a drift', family, k))
FROM drifts, gmm_drift(fitted, moved_stats) AS d GROUP BY family, k ORDER BY 1;

-- Nor do columns that are sums of others.
CREATE TABLE sums AS
SELECT family, k, fitted, bare, gmm_accumulate(ARRAY[x + 0.05, y, x + 0.05 + y, 7, x + 0.05 - y, 2 * y], fitted, w) AS stats, gmm_accumulate(ARRAY[x + 0.05, y], bare, w) AS bare_stats
FROM (SELECT family, k, gmm_fit(ARRAY[x, y, x + y, 7, x - y, 2 * y], k, o, w) AS fitted, gmm_fit(ARRAY[x, y], k, o, w) AS bare
      FROM options, unnest('{1,3}'::integer[]) AS k, groups WHERE family IN ('full', 'tied') AND NOT prior AND reg_covar = 0 GROUP BY family, k, o) AS f, groups
GROUP BY family, k, fitted, bare;
SELECT ok(greatest(abs(d.likelihood_shift - e.likelihood_shift), abs(d.mean_shift - e.mean_shift), abs(d.spread_ratio - e.spread_ratio),
                   abs(d.likelihood_p - e.likelihood_p), abs(d.share_p - e.share_p), abs(d.mean_p - e.mean_p)) < 1e-3,
          format('%s, k %s: a drift is that of the columns that are no sums of others', family, k)) || E'\n# ' || d::text || e::text
FROM sums, gmm_drift(fitted, stats) AS d, gmm_drift(bare, bare_stats) AS e ORDER BY family, k;
SELECT ok(max(abs(d.spread_ratio - e.spread_ratio)) < 1e-3 AND max(abs(d.p - e.p)) < 1e-3 AND count(*) = k, format('%s, k %s: and so is that of each component', family, k))
FROM sums, gmm_drift_components(fitted, stats) AS d JOIN LATERAL gmm_drift_components(bare, bare_stats) AS e USING (component) GROUP BY family, k ORDER BY family, k;

-- Nothing but constants: next to no variance, in one component.
SELECT ok(max(c) <= 1e-18 * value ^ 2 * (1 + 1e-9) AND min(c) > 0, format('%s, %s: nothing varies', family, value))
FROM (SELECT family, value, covariance[1][1] AS c FROM (
          SELECT family, value, gmm_fit(ARRAY[value, value], 1, gmm_options(covariance_type => family)) AS model
          FROM families, unnest('{-1,4.2,1e6}'::float8[]) AS value, generate_series(1, 9) GROUP BY family, value) AS f, gmm_components(model)) AS g
GROUP BY family, value ORDER BY family, value;
SELECT equals(format('%s|%s|%s', d.mean_shift, coalesce(d.spread_ratio::text, 'NULL'), d.mean_p), '0|NULL|1', format('%s: no drift in any dimension', family)) || E'\n' ||
       ok(e.mean_p = 0 AND e.mean_shift > 1e3, format('%s: but where the value is another', family))
FROM (SELECT family, model, gmm_accumulate(ARRAY[4.2, 1e6], model) AS same, gmm_accumulate(ARRAY[4.2, 1.1e6], model) AS other FROM (
          SELECT family, gmm_fit(ARRAY[4.2, 1e6], 1, gmm_options(covariance_type => family)) AS model
          FROM families, generate_series(1, 9) GROUP BY family) AS f, generate_series(1, 9) GROUP BY family, model) AS a,
     gmm_drift(model, same) AS d, gmm_drift(model, other) AS e ORDER BY family;
SELECT finish();
