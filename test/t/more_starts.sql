-- Promise 9: more is never less.  With one seed, more starts end no lower, and
-- with no more artefacts: the tables have groups that overlap, rounded values
-- and copies, and more components are asked for than there are groups.
\ir models.psql

CREATE TABLE tables AS
SELECT number, (ARRAY['full', 'tied', 'diag', 'spherical'])[1 + number % 4] AS family,
       2 + floor(6 * uniform(:seed, 901, number))::integer AS k, r.features
FROM generate_series(1, 28) AS number,
     random_rows(:seed * 1000 + 900 + number, 60 + (440 * uniform(:seed, 902, number))::integer, 1 + number % 5, 2 + number % 4) AS r
UNION ALL
SELECT 29, 'full', 5, features FROM datasets WHERE data = 'iris'
UNION ALL
SELECT 30, 'full', 4, ARRAY[round(features[1]::numeric, 1), round(features[2]::numeric / 5) * 5] FROM datasets WHERE data = 'faithful';

CREATE TABLE fits AS
SELECT number, family, k, n_init, s.*
FROM (SELECT number, family, k, n_init, gmm_fit(features, k, gmm_options(covariance_type => family, n_init => n_init)) AS model
      FROM tables, unnest('{1,3,10,30,100,300}'::integer[]) AS n_init GROUP BY number, family, k, n_init) AS f,
     LATERAL (SELECT log_likelihood, sum_weights, n_suspect, n_starts, n_best_starts FROM gmm_summary(model)) AS s;

-- Less than 1e-5 a row is the same optimum.  Without artefacts is higher than
-- with them, whatever the likelihood.
SELECT ok(count(*) = 5 AND bool_and(coalesce(n_suspect <= before_suspect, false)),
          format('table %s, %s, k %s: no more artefacts', number, family, k)),
       ok(bool_and(n_suspect < before_suspect OR log_likelihood >= before - 1e-5 * sum_weights),
          format('table %s, %s, k %s: no lower', number, family, k)) ||
       format(E'\n# %s', string_agg(format('%s: %s', n_init, round(log_likelihood::numeric, 3)) ||
                                    CASE WHEN n_suspect > 0 THEN format(' (%s)', n_suspect) ELSE '' END, ', ' ORDER BY n_init))
FROM (SELECT *, lag(log_likelihood) OVER w AS before, lag(n_suspect) OVER w AS before_suspect
      FROM fits WINDOW w AS (PARTITION BY number ORDER BY n_init)) AS f
WHERE n_init > 1
GROUP BY number, family, k ORDER BY number;

-- What is asked for is what is made, and one start has come to its own end.
SELECT ok(bool_and(n_starts = n_init AND n_best_starts BETWEEN 1 AND n_starts), 'as many starts as asked for') FROM fits;
SELECT ok(count(DISTINCT log_likelihood) > count(DISTINCT number), 'and that they are more shows') FROM fits;

SELECT finish();
