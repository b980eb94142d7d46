-- A model is taken for another only if their parameters are the same in every
-- bit: by the cache of prepared models, by the aggregates of which all rows
-- have one model, and where statistics are added.  The models of the first
-- pair have one hash_bytes_extended(), which is easy to arrange; those of the
-- others differ in one mean, by much or in its last bit.
\set seed `echo ${GMM_SEED:-12}`
\echo # seed :seed
SELECT setseed(:seed / 1000003.0) \g /dev/null

CREATE TABLE pairs AS
SELECT number, x,
       gmm_model(weights, replace(means, '@', '1')::float8[], ones, family) AS a,
       gmm_model(weights, replace(means, '@', CASE number % 2 WHEN 0 THEN '1.5' ELSE '1.0000000000000002' END)::float8[],
                 ones, family) AS b
FROM (SELECT number, family, array_fill(1.0::float8 / k, ARRAY[k]) AS weights,
             array_fill(1::float8, CASE family WHEN 'diag' THEN ARRAY[k, d] ELSE ARRAY[k] END) AS ones,
             '{' || (SELECT string_agg('{' || row || '}', ',') FROM (
                 SELECT string_agg(CASE WHEN i = changed_i AND j = changed_j THEN '@'
                                        ELSE (3 * random())::text END, ',' ORDER BY j) AS row
                 FROM generate_series(1, k) AS i, generate_series(1, d) AS j GROUP BY i) AS r) || '}' AS means,
             (SELECT array_agg(3 * random()) FROM generate_series(1, d)) AS x
      FROM (SELECT *, 1 + floor(random() * k)::integer AS changed_i, 1 + floor(random() * d)::integer AS changed_j
            FROM (SELECT number, 1 + floor(random() * 5)::integer AS k, 1 + floor(random() * 6)::integer AS d,
                         (ARRAY['diag', 'spherical'])[1 + number / 2 % 2] AS family
                  FROM generate_series(1, 20) AS number OFFSET 0) AS s OFFSET 0) AS shapes) AS m;
INSERT INTO pairs VALUES
(0, '{0,0,0,0,0}',
 '{"weights":[1],"means":[[0,0,0,0,0]],"covariances":[1],"covariance_type":"spherical"}',
 '{"weights":[1],"means":[[0.0,0.0,100.0,-0.461993932724093,31.328280641120394]],"covariances":[1],"covariance_type":"spherical"}');

SELECT ok(count(*) = 21 AND bool_and(a <> b), '21 pairs of different models') FROM pairs;
-- (Two pairs of one number may be the same.)
SELECT ok(count(DISTINCT m) = count(DISTINCT m::text) AND count(DISTINCT m) > 30, 'DISTINCT keeps all of them')
FROM pairs, LATERAL (VALUES (a), (b)) AS v (m);
SELECT equals(string_agg(round(gmm_logpdf(m, x)::numeric, 2)::text, ' ' ORDER BY n), '-4.59 -5495.43', 'log density under the models of the first pair')
FROM pairs, LATERAL (VALUES (1, a), (2, b)) AS v (n, m) WHERE number = 0;

-- === one call site, many models ===

-- An expression of model and row in a statement of its own.
CREATE FUNCTION tap.alone(expression text, m gmm_model, x double precision[]) RETURNS text
LANGUAGE plpgsql VOLATILE AS $$
DECLARE result text;
BEGIN
    EXECUTE format('SELECT (%s)::text FROM (SELECT %L::gmm_model AS m, %L::float8[] AS x OFFSET 0) AS v',
                   expression, m, x) INTO result;
    RETURN result;
END
$$;
-- The same in one statement over both models of every pair, as they are stored,
-- and made row by row where the one before was in memory.
CREATE FUNCTION tap.together(expression text)
RETURNS TABLE (m gmm_model, x double precision[], result text) LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RETURN QUERY EXECUTE format(
        'SELECT m, x, (%s)::text FROM (
            SELECT m, x FROM pairs, LATERAL (VALUES (a), (b), (a)) AS v (m) ORDER BY number OFFSET 0) AS v', expression);
    RETURN QUERY EXECUTE format(
        'SELECT t::gmm_model, x, (%s)::text FROM (
            SELECT m::text AS t, x FROM pairs, LATERAL (VALUES (a), (b), (a)) AS v (m)
            ORDER BY number OFFSET 0) AS v',
        replace(expression, '(m,', '(t::gmm_model,'));
END
$$;
SELECT ok(count(*) = 126 AND bool_and(result IS NOT DISTINCT FROM alone(expression, m, x)),
          expression || ': one model after the other as each alone')
FROM (VALUES ('gmm_predict(m, x)'), ('gmm_predict_proba(m, x)'), ('gmm_logpdf(m, x)'),
             ('gmm_entropy(m, x)'), ('gmm_mahalanobis(m, x)'), ('gmm_outlier_pvalue(m, x)'),
             ('gmm_logpdf(m, x[2:] || NULL::float8)'), ('gmm_impute(m, x[2:] || NULL::float8)'),
             ('gmm_condition(m, NULL::float8 || x[2:])'), ('(SELECT array_agg(top) FROM gmm_top(m, x, 2) AS top)')
     ) AS e (expression), LATERAL together(expression)
GROUP BY expression;

-- === all rows of a group have one model ===

CREATE FUNCTION tap.error_of(statement text) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    EXECUTE statement;
    RETURN NULL;
EXCEPTION WHEN OTHERS THEN
    RETURN SQLERRM;
END
$$;
-- With more than a block of rows, so that the first have been summed
SELECT ok(count(*) = 21 AND bool_and(error_of(format(
              'SELECT %s FROM pairs, LATERAL (SELECT a AS m, n FROM generate_series(1, 500) AS n UNION ALL
                   SELECT %s, 0) AS v, LATERAL (SELECT array_agg(e + sin(n + e)) AS y FROM unnest(x) AS e) AS r
               WHERE number = %s', call, changed, number)) IS NOT DISTINCT FROM
              CASE WHEN changed = 'b' THEN 'model must be the same in all rows of a group' END),
          call || CASE changed WHEN 'b' THEN ' sees that the model changed' ELSE ' takes the same model in another form' END)
FROM pairs, (VALUES ('b'), ('a::text::gmm_model')) AS c (changed),
     (VALUES ('gmm_accumulate(y, m)'), ('gmm_accumulate(y, m, 2)'), ('gmm_em_step(y, m)'),
             ('gmm_refit(y, m)'), ('gmm_svg(y, m)')) AS e (call)
GROUP BY call, changed;

-- === statistics of one model ===

CREATE TABLE sums AS
SELECT number, a, b, gmm_accumulate(x, a) AS of_a, gmm_accumulate(x, b) AS of_b, gmm_accumulate(x, a, 2) AS more_of_a
FROM pairs, generate_series(1, 400) GROUP BY number, a, b;
SELECT ok(count(*) = 21 AND bool_and(error_of(format('SELECT %s FROM sums WHERE number = %s', call, number)) ~
                                     'of different models cannot be added'),
          call || ' is refused where the models differ')
FROM sums, (VALUES ('of_a + of_b'), ('of_b + of_a::text::gmm_stats'), ('gmm_stats_combine(of_a, of_b)'),
                   ('(SELECT gmm_merge(s) FROM (VALUES (of_a), (of_b)) AS v (s))'),
                   ('(SELECT gmm_merge(s) FROM (VALUES (of_b), (of_a), (of_b)) AS v (s))')) AS e (call)
GROUP BY call;
SELECT ok(bool_and((gmm_stats_summary(of_a + more_of_a::text::gmm_stats)).n_rows = 800 AND
                   (gmm_stats_summary(gmm_rebase(of_b, a) + of_a)).n_rows = 800 AND
                   (gmm_stats_summary(gmm_accumulate_transition(of_a::text::gmm_stats, x, a))).n_rows = 401),
          'statistics of one model are added, in whatever form, and gmm_rebase makes it one model')
FROM sums JOIN pairs USING (number, a, b);
SELECT ok(bool_and(error_of(format(
              'SELECT gmm_accumulate_transition(of_a, x, b) FROM sums JOIN pairs USING (number, a, b) WHERE number = %s', number)) =
              'model must be the same in all rows of a group'),
          'stored statistics take no rows of another model')
FROM sums;
SELECT ok(abs((gmm_stats_summary(gmm_rebase(of_b, a))).log_likelihood / (gmm_stats_summary(of_a)).log_likelihood - 5495.43199582736 / 4.594692666023364) < 1e-6 AND
          (gmm_rebase(of_b, a)::text::jsonb -> 'means') = (a::jsonb -> 'means') AND
          (gmm_rebase(of_b, a)::text::jsonb -> 'firsts') <> (of_b::text::jsonb -> 'firsts'),
          'gmm_rebase moves the sums from one model of the first pair to the other')
FROM sums WHERE number = 0;
SELECT finish();
