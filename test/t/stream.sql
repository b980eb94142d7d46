-- The streaming aggregates.  Statistics of disjoint sets of rows add up to
-- those of their union, in whatever plan; a step from them is a step of
-- gmm_refit; nothing that reads a state changes it.
\ir models.psql

CREATE TABLE cases (number integer, n integer, d integer, clusters integer, k integer);
INSERT INTO cases
SELECT number, 1 + (700 * uniform(:seed, 201, number))::integer,
       1 + number % 5, 2 + number % 3, 1 + number % 4
FROM generate_series(1, 10) AS number;

CREATE TABLE rows AS
SELECT number, r.*, uniform(:seed, 202, number * 1000 + id) AS weight
FROM cases, random_rows(:seed * 1000 + number, n, d, clusters) AS r;

-- A model for each, near the rows but not fitted to them.
CREATE TABLE starts AS
SELECT number, family,
       gmm_fit(features[1:d], k, gmm_options(covariance_type => family, max_iter => 2, n_init => 1)) AS model
FROM cases, families, random_rows(:seed * 1000 + 77, 100, 5, 4) AS r
GROUP BY number, family, k;

-- How far statistics are apart, relative to the largest of each kind.
CREATE FUNCTION tap.numbers(value jsonb) RETURNS SETOF double precision LANGUAGE sql STABLE AS $$
    SELECT (jsonb_path_query(value, 'strict $.** ? (@.type() == "number")'))::double precision
$$;
CREATE FUNCTION tap.apart_stats(a gmm_stats, b gmm_stats) RETURNS double precision
LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN (s.k, s.d, s.covariance_type, s.n_rows) =
                     (t.k, t.d, t.covariance_type, t.n_rows) AND
                     a::text::jsonb - sums = b::text::jsonb - sums
                THEN (SELECT max(apart) FROM unnest(sums) AS key, LATERAL (
                          SELECT coalesce(max(abs(x - y)) /
                                          greatest(max(abs(x)), 1e-300), 'Infinity')
                          FROM ROWS FROM (numbers(a::text::jsonb -> key),
                                          numbers(b::text::jsonb -> key)) AS e (x, y)
                      ) AS worst (apart))
                ELSE 'Infinity' END
    FROM gmm_stats_summary(a) AS s, gmm_stats_summary(b) AS t,
         (VALUES ('{sum_weights,log_likelihood,log_density_squares,component_weights,firsts,seconds}'::text[])) AS k (sums)
$$;

-- The sums are what they are called: brute force in SQL, one row at a time.
CREATE TABLE responsibilities AS
SELECT number, family, id, c, weight * proba[c] AS r, features, mean
FROM rows JOIN starts USING (number),
     LATERAL (SELECT gmm_predict_proba(model, features) OFFSET 0) AS p (proba),
     LATERAL gmm_components(model) AS m (c, w, feature_names, mean, covariance)
WHERE number <= 4;

CREATE TABLE whole AS
SELECT number, family, gmm_accumulate(features, model, weight) AS stats
FROM rows JOIN starts USING (number)
GROUP BY number, family;

SELECT near(max(greatest(abs(got / wanted - 1), abs(s.log_density_stddev / stddev - 1))), 0, 1e-9,
            'log_density_squares are squares of gmm_logpdf, and give its standard deviation')
FROM (SELECT number, family, sum(weight * l ^ 2) AS wanted,
             sqrt(sum(weight * l ^ 2) / sum(weight) - (sum(weight * l) / sum(weight)) ^ 2) AS stddev
      FROM rows JOIN starts USING (number), LATERAL (SELECT gmm_logpdf(model, features) OFFSET 0) AS d (l)
      WHERE number <= 4 GROUP BY number, family) AS b
JOIN whole USING (number, family), gmm_stats_summary(stats) AS s,
     LATERAL (SELECT (stats::text::jsonb ->> 'log_density_squares')::double precision) AS t (got);
SELECT near(max(abs(got - wanted) / (1 + abs(wanted))), 0, 1e-12, 'component_weights are sums of responsibilities')
FROM (SELECT number, family, c, sum(r) AS wanted FROM responsibilities GROUP BY number, family, c) AS b
JOIN whole USING (number, family),
     LATERAL (SELECT (stats::text::jsonb #>> ARRAY['component_weights', (c - 1)::text])::double precision) AS s (got);
SELECT near(max(abs(got - wanted) / (1 + abs(wanted))), 0, 1e-11, 'firsts are sums of r (x - m)')
FROM (SELECT number, family, c, j, sum(r * (features[j] - mean[j])) AS wanted
      FROM responsibilities, generate_subscripts(mean, 1) AS j GROUP BY number, family, c, j) AS b
JOIN whole USING (number, family),
     LATERAL (SELECT (stats::text::jsonb #>> ARRAY['firsts', (c - 1)::text, (j - 1)::text])::double precision) AS s (got);
SELECT near(max(abs(got - wanted) / (1 + abs(wanted))), 0, 1e-11, 'seconds are sums of r (x - m)(x - m)^T')
FROM (SELECT number, c, i, j, sum(r * (features[i] - mean[i]) * (features[j] - mean[j])) AS wanted
      FROM responsibilities, generate_subscripts(mean, 1) AS i, generate_subscripts(mean, 1) AS j
      WHERE family = 'full' GROUP BY number, c, i, j) AS b
JOIN whole USING (number),
     LATERAL (SELECT (stats::text::jsonb #>> ARRAY['seconds', (c - 1)::text, (i - 1)::text, (j - 1)::text])::double precision) AS s (got)
WHERE family = 'full';
SELECT near(max(abs(s.log_likelihood - wanted) / (1 + abs(wanted))), 0, 1e-12, 'log_likelihood is that of the model')
FROM (SELECT number, family, sum(weight * gmm_logpdf(model, features)) AS wanted
      FROM rows JOIN starts USING (number) GROUP BY number, family) AS b
JOIN whole USING (number, family), gmm_stats_summary(stats) AS s;

-- The algebra.
SELECT all_within(array_agg(apart_stats(merged, stats)), 10, 1e-12,
                  family || ': statistics of parts add up to those of the whole')
FROM (SELECT number, family, gmm_merge(part ORDER BY piece) AS merged
      FROM (SELECT number, family, piece, gmm_accumulate(features, model, weight) AS part
            FROM (SELECT *, (7 * uniform(:seed, 203, id))::integer AS piece FROM rows) AS r
            JOIN starts USING (number) GROUP BY number, family, piece) AS p
      GROUP BY number, family) AS m JOIN whole USING (number, family)
GROUP BY family;
-- Rows that are not summed yet are summed where the plan keeps statistics: in a
-- sort's tuples, in memory and on disk, and in those of a hash join.
CREATE FUNCTION pg_temp.kept(way text) RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT all_within(array_agg(apart_stats(merged, stats)), 40, 1e-12, way)
    FROM (SELECT number, family, gmm_merge(part ORDER BY most) AS merged
          FROM (SELECT number, family, max(weight) AS most, gmm_accumulate(features, model, weight) AS part
                FROM rows JOIN starts USING (number) GROUP BY number, family, id % 16
                ORDER BY most DESC OFFSET 0) AS p
          GROUP BY number, family) AS m JOIN whole USING (number, family)
$$;
SELECT pg_temp.kept('a sort');
SET work_mem = '64kB';
SELECT pg_temp.kept('a sort on disk');
RESET work_mem;
SET enable_sort = off;
SET enable_nestloop = off;
SET enable_mergejoin = off;
SELECT pg_temp.kept('no sort that can be left out');
SELECT all_within(array_agg(apart_stats(a.part, b.stats)), 40, 1e-12, 'a hash join')
FROM whole AS b JOIN (SELECT number, family, gmm_accumulate(features, model, weight) AS part
                      FROM rows JOIN starts USING (number) GROUP BY number, family OFFSET 0) AS a USING (number, family);
RESET enable_sort;
RESET enable_nestloop;
RESET enable_mergejoin;
SELECT ok(count(*) = 0, '+ commutes, to the bit')
FROM whole AS a, whole AS b
WHERE a.number = b.number AND a.family = b.family AND
      gmm_stats_send(a.stats + gmm_decay(b.stats, 0.5)) <> gmm_stats_send(gmm_decay(b.stats, 0.5) + a.stats);
SELECT all_within(array_agg(apart_stats(gmm_decay(stats, 0.25), decayed)), 40, 1e-12,
                  'to decay is to give the rows less weight')
FROM whole JOIN (SELECT number, family, gmm_accumulate(features, model, weight / 4) AS decayed
                 FROM rows JOIN starts USING (number) GROUP BY number, family) AS d USING (number, family);
SELECT ok(bool_and(gmm_stats_send(gmm_decay(stats, 1)) = gmm_stats_send(stats)), 'a factor of 1 changes nothing')
FROM whole;
SELECT ok(bool_and(gmm_stats_send(stats::text::gmm_stats) = gmm_stats_send(stats)) AND
          min(halvings) < 1024 AND max(halvings) > 1076,
          'after any number of halvings the text form can be read')
FROM (WITH RECURSIVE halved AS (
          SELECT number, family, 1 AS halvings, gmm_decay(stats, 0.5) AS stats FROM whole
          UNION ALL
          SELECT number, family, halvings + 1, gmm_decay(stats, 0.5) FROM halved
          WHERE halvings < 1100)
      SELECT halvings, stats FROM halved WHERE halvings > 960) AS s;
SELECT raises('SELECT gmm_maximize(gmm_decay(stats, 1e-300)) FROM whole LIMIT 1', '22003',
              'the sum of the weights is out of range', 'what is too light for a step is refused');
SELECT raises('SELECT gmm_maximize(gmm_decay(stats, 0)) FROM whole LIMIT 1', '22023',
              'sum of the weights is 0', 'a factor of 0 leaves nothing to maximize');

-- Statistics brought to another model: the sums about its means, with the
-- responsibilities that they have.
CREATE TABLE moved AS
SELECT number, family, gmm_rebase(stats, gmm_maximize(stats)) AS stats, gmm_maximize(stats) AS model
FROM whole;
SELECT all_within(array_agg(apart_stats(gmm_rebase(m.stats, s.model), w.stats)), 10, 1e-6, family || ': there and back')
FROM moved AS m JOIN whole AS w USING (number, family) JOIN starts AS s USING (number, family) GROUP BY family;
-- (What is a component's that no row is of is nothing but rounding, and so is the width
-- of one that is of a single row: such components are suspect.)
SELECT all_within(array_agg(CASE WHEN NOT EXISTS (SELECT FROM gmm_components(m.model) WHERE weight < 1e-12 OR suspect IS NOT NULL)
                                 THEN apart(gmm_maximize(m.stats), m.model) / looseness(m.model) ELSE 0 END), 10, 1e-6,
                  family || ': rows with the same responsibilities have the same maximum')
FROM moved AS m GROUP BY family;
SELECT near(max(abs(got)), 0, 1e-6, 'about the maximum there are no firsts')
FROM moved, LATERAL numbers(stats::text::jsonb -> 'firsts') AS n (got);
SELECT all_within(array_agg(apart_stats((gmm_rebase(one, other)::jsonb || '{"log_likelihood": 0, "log_density_squares": 0}')::gmm_stats,
                                        (wanted::jsonb || '{"log_likelihood": 0, "log_density_squares": 0}')::gmm_stats)), 4, 1e-9,
                  'with one component, these are the statistics under the other model')
FROM (SELECT family, gmm_accumulate(features, first) AS one, gmm_accumulate(features, second) AS wanted
      FROM rows, (SELECT family, gmm_fit(features, 1, gmm_options(covariance_type => family)) AS first,
                         gmm_fit(features, 1, gmm_options(covariance_type => family)) FILTER (WHERE id % 3 = 0) AS second
                  FROM rows, families WHERE number = 3 GROUP BY family) AS m
      WHERE number = 3 GROUP BY family) AS s
JOIN (SELECT family, gmm_fit(features, 1, gmm_options(covariance_type => family)) FILTER (WHERE id % 3 = 0) AS other
      FROM rows, families WHERE number = 3 GROUP BY family) AS o USING (family);
SELECT raises('SELECT gmm_rebase(stats, model) FROM whole JOIN starts USING (number) WHERE whole.family = ''full'' AND starts.family = ''diag''',
              '22023', 'statistics cannot be rebased to a model of another shape', 'a model of another shape is refused');

-- A step.
CREATE TABLE steps AS
SELECT number, family, gmm_em_step(features, model, weight) AS step,
       gmm_refit(features, model, '{"max_iter": 1, "tol": 0, "accelerate": false}', weight) AS refitted
FROM rows JOIN starts USING (number) GROUP BY number, family;
-- As near as a matrix is known whose directions' variances differ by so much: one that is left
-- without rows is held at the floor.
SELECT all_within(array_agg(apart(step, refitted) / greatest(1, 1e-4 * condition)), 10, 1e-12, family || ': gmm_em_step is a step of gmm_refit')
FROM steps, LATERAL (SELECT max(condition_number) FROM gmm_components(refitted)) AS c (condition) GROUP BY family;
SELECT ok(bool_and(gmm_model_send(gmm_maximize(stats)) = gmm_model_send(step)),
          'gmm_maximize of gmm_accumulate is gmm_em_step')
FROM whole JOIN steps USING (number, family);
SELECT all_within(array_agg(apart(step, refitted)), 2, 1e-6, family || ': far from zero and in other units, too')
FROM (SELECT number, family, gmm_em_step(x, far) AS step,
             gmm_refit(x, far, '{"max_iter": 1, "tol": 0, "accelerate": false}') AS refitted
      FROM rows JOIN starts USING (number), transformed(model, '{1e3,1}', '{1e9,-1e8}') AS far,
           LATERAL (SELECT ARRAY[1e3 * features[1] + 1e9, features[2] - 1e8]) AS f (x)
      WHERE array_length(features, 1) = 2 AND family <> 'spherical'
      GROUP BY number, family) AS t
GROUP BY family;

-- EM goes up, and comes to where gmm_refit comes.
CREATE FUNCTION pg_temp.iterate(model gmm_model, n integer, OUT result gmm_model, OUT risen boolean)
LANGUAGE plpgsql AS $$
DECLARE
    stats gmm_stats;
    likelihood double precision = '-Infinity';
    now double precision;
    condition double precision;
BEGIN
    risen := true;
    FOR i IN 1..n LOOP
        SELECT gmm_accumulate(features, model) INTO stats FROM rows WHERE number = 3;
        now := (gmm_stats_summary(stats)).log_likelihood;
        -- a component at its least variance magnifies rounding: a row's squared
        -- distance has d^2 + 8 roundings, each as much as the condition
        condition := greatest(condition, (SELECT max(condition_number) FROM gmm_components(model)));
        risen := risen AND now >= likelihood - (gmm_stats_summary(stats)).sum_weights *
                                               20 * 2.3e-16 * (100 + condition);
        likelihood := now;
        model := gmm_maximize(stats);
    END LOOP;
    result := model;
END $$;
SELECT ok(risen, family || ': 20 steps, each higher') || E'\n' ||
       near(apart(result, (SELECT gmm_refit(features, model, '{"max_iter": 20, "tol": 0, "accelerate": false}')
                           FROM rows WHERE number = 3)), 0, 1e-6, family || ': as gmm_refit')
FROM starts, pg_temp.iterate(model, 20) WHERE number = 3;

-- Weights are copies, zero is absence, NULL is skipped.
SELECT all_within(array_agg(greatest(apart(gmm_maximize(weighted), gmm_maximize(copied)),
                                     abs((gmm_stats_summary(weighted)).mean_log_likelihood -
                                         (gmm_stats_summary(copied)).mean_log_likelihood)) /
                            looseness(gmm_maximize(weighted))),
                  4, 1e-9, 'weights are copies')
FROM (SELECT family, gmm_accumulate(features, model, (id % 3)::double precision) AS weighted
      FROM rows JOIN starts USING (number) WHERE number = 2 GROUP BY family) AS w
JOIN (SELECT family, gmm_accumulate(features, model) AS copied
      FROM rows JOIN starts USING (number), generate_series(1, id % 3)
      WHERE number = 2 GROUP BY family) AS c USING (family);
SELECT equals((gmm_stats_summary(gmm_accumulate(features, model, w))).n_rows, 2::bigint,
              'NULL arrays, NULL weights and weights of 0 are no rows')
FROM (VALUES ('{1}'::double precision[], 1::double precision), (NULL, 1), ('{2}', NULL), ('{3}', 0), ('{4}', 2)) AS v (features, w),
     gmm_model('{1}', '{{0}}', '{{{1}}}') AS model;
SELECT ok(gmm_em_step(NULL, NULL) IS NULL AND gmm_accumulate(NULL, NULL) IS NULL AND gmm_merge(NULL::gmm_stats) IS NULL,
          'no rows make NULL');
SELECT ok(gmm_em_step(features, model) IS NULL, 'an empty table makes NULL')
FROM rows JOIN starts USING (number) WHERE false;

-- NULL elements are marginalised, by pattern: as many patterns as blocks, and
-- more of them than there are blocks.
CREATE TABLE holes AS
SELECT number, id, weight, (SELECT array_agg(CASE WHEN uniform(:seed, 210 + j, number * 1000 + id) < 0.3 THEN NULL
                                                  ELSE x END ORDER BY j)
                            FROM unnest(features) WITH ORDINALITY AS f (x, j)) AS features
FROM (SELECT * FROM rows WHERE number IN (2, 3)
      UNION ALL
      SELECT 20, r.*, uniform(:seed, 205, id) FROM random_rows(:seed * 1000 + 20, 1500, 7, 3) AS r) AS r;
CREATE TABLE holed AS
SELECT number, family, gmm_fit(features, 2, gmm_options(covariance_type => family, max_iter => 2, n_init => 1)) AS model
FROM holes, families WHERE id <= 200 GROUP BY number, family;
SELECT ok(count(DISTINCT (number, array_positions(features, NULL))) > 80, 'many patterns of NULLs') FROM holes;
CREATE TABLE holed_steps AS
SELECT number, family, gmm_em_step(features, model, weight ORDER BY hashint4(id)) AS step,
       gmm_refit(features, model, '{"max_iter": 1, "tol": 0, "accelerate": false}', weight) AS refitted,
       gmm_accumulate(features, model, weight) AS stats, sum(weight * gmm_logpdf(model, features)) AS likelihood
FROM holes JOIN holed USING (number)
WHERE features::text ~ '[0-9]'
GROUP BY number, family;
SELECT all_within(array_agg(apart(step, refitted)), 3, 1e-9, family || ', with NULLs: gmm_em_step is a step of gmm_refit')
FROM holed_steps GROUP BY family;
SELECT near(max(abs((gmm_stats_summary(stats)).log_likelihood - likelihood) / abs(likelihood)), 0, 1e-12,
            'with NULLs: the likelihood is that of what there is')
FROM holed_steps;
SELECT all_within(array_agg(apart_stats(merged, stats)), 12, 1e-9, 'with NULLs: parts add up to the whole')
FROM (SELECT number, family, gmm_merge(part) AS merged
      FROM (SELECT number, family, id % 5, gmm_accumulate(features, model, weight) AS part
            FROM holes JOIN holed USING (number) GROUP BY number, family, id % 5) AS p
      GROUP BY number, family) AS m JOIN holed_steps USING (number, family);
SELECT ok(bool_and(apart_stats(w.stats, alone) < 1e-9) AND count(*) = 60, 'with NULLs: a growing frame')
FROM (SELECT id, gmm_accumulate(features, model) OVER (ORDER BY id) AS stats
      FROM holes JOIN holed USING (number) WHERE number = 20 AND family = 'full' AND id <= 60) AS w,
     LATERAL (SELECT gmm_accumulate(features, model) AS alone
              FROM holes JOIN holed USING (number) WHERE number = 20 AND family = 'full' AND id <= w.id) AS a;
SELECT equals((gmm_stats_summary(gmm_accumulate(features, model))).n_rows, 1::bigint, 'a row of NULLs is no row')
FROM (VALUES ('{NULL,NULL}'::double precision[]), ('{NULL,1}')) AS v (features),
     gmm_model('{1}', '{{0,0}}', '{{1,1}}', 'diag') AS model;
SELECT raises($$SELECT gmm_accumulate('{NULL,1,1e101}', gmm_model('{1}', '{{0,0,0}}', '{{1,1,1}}', 'diag'))$$, '22003',
              'feature 3', 'the element is named behind a NULL');

-- Moving windows, groups of groups, FILTER, DISTINCT, ORDER BY.
SELECT ok(bool_and(apart_stats(w.stats, alone) < 1e-12), 'a moving frame has the statistics of its rows')
FROM (SELECT id, gmm_accumulate(features, model) OVER (ORDER BY id ROWS BETWEEN 20 PRECEDING AND CURRENT ROW) AS stats
      FROM rows JOIN starts USING (number) WHERE number = 4 AND family = 'full' AND id <= 60) AS w,
     LATERAL (SELECT gmm_accumulate(features, model) AS alone
              FROM rows JOIN starts USING (number)
              WHERE number = 4 AND family = 'full' AND id BETWEEN w.id - 20 AND w.id) AS a;
SELECT ok(bool_and(apart_stats(w.stats, alone) < 1e-12) AND count(*) = 300,
          'a growing frame, read after every row and beyond a block')
FROM (SELECT id, gmm_accumulate(features[1:1], model) OVER (ORDER BY id) AS stats
      FROM random_rows(:seed, 300, 2, 2), gmm_model('{1}', '{{0}}', '{{{1}}}') AS model) AS w,
     LATERAL (SELECT gmm_accumulate(features[1:1], model) AS alone
              FROM random_rows(:seed, 300, 2, 2) AS r, gmm_model('{1}', '{{0}}', '{{{1}}}') AS model
              WHERE r.id <= w.id) AS a;
SELECT ok(bool_and(apart_stats(stats, alone) < 1e-12) AND count(*) > 3, 'GROUPING SETS')
FROM (SELECT number, cluster, gmm_accumulate(features, model) AS stats
      FROM rows JOIN starts USING (number) WHERE number IN (3, 4) AND family = 'diag'
      GROUP BY GROUPING SETS ((number), (number, cluster))) AS g,
     LATERAL (SELECT gmm_accumulate(features, model) AS alone
              FROM rows AS r JOIN starts USING (number)
              WHERE family = 'diag' AND r.number = g.number AND (g.cluster IS NULL OR r.cluster = g.cluster)) AS a;
SELECT near(apart_stats(gmm_accumulate(features, model) FILTER (WHERE id % 2 = 0),
                        gmm_accumulate(CASE WHEN id % 2 = 0 THEN features END, model)), 0, 1e-15, 'FILTER')
FROM rows JOIN starts USING (number) WHERE number = 5 AND family = 'full';
SELECT near(apart_stats(gmm_accumulate(features, model ORDER BY features), gmm_accumulate(features, model ORDER BY id DESC)),
            0, 1e-12, 'ORDER BY')
FROM rows JOIN starts USING (number) WHERE number = 5 AND family = 'full';
SELECT equals(gmm_stats_send(a), gmm_stats_send(b), 'two aggregates over one state') || E'\n' ||
       equals(gmm_model_send(m), gmm_model_send(gmm_maximize(a)), 'and the third')
FROM (SELECT gmm_accumulate(features, model) AS a, gmm_accumulate(features, model) AS b,
             gmm_em_step(features, model) AS m
      FROM rows JOIN starts USING (number) WHERE number = 5 AND family = 'full') AS t;

-- Parallel plans, over rows enough for every worker, and few.
CREATE TABLE many AS
SELECT id, features, cluster FROM random_rows(:seed * 1000 + 15, 30000, 3, 3) AS r;
ALTER TABLE many SET (parallel_workers = 2);
ANALYZE many;
CREATE TABLE few (LIKE many);
INSERT INTO few SELECT * FROM many WHERE id = 1;
ALTER TABLE few SET (parallel_workers = 2);
CREATE TABLE nothing (LIKE many);
ALTER TABLE nothing SET (parallel_workers = 2);
CREATE TABLE start AS SELECT gmm_fit(features, 3, '{"max_iter": 2}') AS model FROM many WHERE id <= 500;

CREATE FUNCTION pg_temp.plan(statement text, analyze_it boolean DEFAULT false) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    line text;
    lines text = '';
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF' ||
        CASE WHEN analyze_it THEN ', ANALYZE, TIMING OFF, SUMMARY OFF' ELSE '' END || ') ' || statement LOOP
        lines = lines || line || E'\n';
    END LOOP;
    RETURN lines;
END $$;

SET max_parallel_workers_per_gather = 0;
CREATE TABLE serial AS
SELECT 'many' AS source, gmm_accumulate(features, (SELECT model FROM start)) AS stats FROM many
UNION ALL
SELECT 'few', gmm_accumulate(features, (SELECT model FROM start)) FROM few;
SELECT ok(pg_temp.plan('SELECT gmm_accumulate(features, (SELECT model FROM start)) FROM many') !~ 'Gather',
          'the plan is serial') || E'\n' ||
       equals((gmm_stats_summary(stats)).n_rows, 30000::bigint, 'with all rows')
FROM serial WHERE source = 'many';

SET max_parallel_workers_per_gather = 2;
SET min_parallel_table_scan_size = 0;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SELECT ok(plan ~ 'Finalize Aggregate' AND plan ~ 'Partial Aggregate' AND plan ~ 'Parallel Seq Scan' AND
          plan ~ 'Workers Launched: [12]', 'gmm_accumulate in a parallel plan, workers launched')
FROM pg_temp.plan('SELECT gmm_accumulate(features, (SELECT model FROM start)) FROM many', true) AS plan;
SELECT ok(plan ~ 'Partial Aggregate', 'gmm_em_step in a parallel plan')
FROM pg_temp.plan('SELECT gmm_em_step(features, (SELECT model FROM start)) FROM many') AS plan;
SELECT near(apart_stats((SELECT gmm_accumulate(features, (SELECT model FROM start)) FROM many),
                        (SELECT stats FROM serial WHERE source = 'many')), 0, 1e-12, 'the same from workers');
SELECT near(apart((SELECT gmm_em_step(features, (SELECT model FROM start)) FROM many),
                  gmm_maximize((SELECT stats FROM serial WHERE source = 'many'))), 0, 1e-12, 'and the step');
SELECT near(apart_stats((SELECT gmm_accumulate(features, (SELECT model FROM start)) FROM few),
                        (SELECT stats FROM serial WHERE source = 'few')), 0, 1e-12, 'workers without rows');
SELECT ok((SELECT gmm_accumulate(features, (SELECT model FROM start)) FROM nothing) IS NULL, 'nobody has rows');
SET parallel_leader_participation = off;
SELECT near(apart_stats((SELECT gmm_accumulate(features, (SELECT model FROM start)) FROM many),
                        (SELECT stats FROM serial WHERE source = 'many')), 0, 1e-12, 'the leader only combines');
RESET parallel_leader_participation;
SELECT ok(plan ~ 'Partial (Hash|Group)Aggregate', 'groups in a parallel plan')
FROM pg_temp.plan('SELECT cluster, gmm_accumulate(features, (SELECT model FROM start)) FROM many GROUP BY cluster') AS plan;
SELECT near(apart_stats(gmm_merge(part), (SELECT stats FROM serial WHERE source = 'many')), 0, 1e-12, 'groups add up to all')
FROM (SELECT cluster, gmm_accumulate(features, (SELECT model FROM start)) AS part FROM many GROUP BY cluster) AS g;
CREATE TABLE parts AS
SELECT id % 1000 AS part, gmm_accumulate(features, (SELECT model FROM start)) AS stats FROM many GROUP BY id % 1000;
ALTER TABLE parts SET (parallel_workers = 2);
ANALYZE parts;
SELECT ok(pg_temp.plan('SELECT gmm_merge(stats) FROM parts') ~ 'Partial Aggregate', 'gmm_merge in a parallel plan') || E'\n' ||
       near(apart_stats((SELECT gmm_merge(stats) FROM parts),
                        (SELECT stats FROM serial WHERE source = 'many')), 0, 1e-12, 'of 1000 stored statistics');

-- Partitions, each of which is aggregated by itself.
CREATE TABLE parted (id integer, features double precision[], cluster integer) PARTITION BY HASH (id);
SELECT format('CREATE TABLE parted_%s PARTITION OF parted FOR VALUES WITH (MODULUS 4, REMAINDER %s)', i, i)
FROM generate_series(0, 3) AS i \gexec
INSERT INTO parted SELECT id, features, cluster FROM many;
ANALYZE parted;
SET max_parallel_workers_per_gather = 0;
SET enable_partitionwise_aggregate = on;
SELECT ok(plan ~ 'Finalize Aggregate' AND plan ~ 'Append' AND plan ~ '(Partial Aggregate.*){4}', 'partitions: a state for each')
FROM pg_temp.plan('SELECT gmm_accumulate(features, (SELECT model FROM start)) FROM parted') AS plan;
SELECT near(apart_stats((SELECT gmm_accumulate(features, (SELECT model FROM start)) FROM parted),
                        (SELECT stats FROM serial WHERE source = 'many')), 0, 1e-12, 'partitions: the same');
SET max_parallel_workers_per_gather = 2;
SELECT ok(plan ~ 'Parallel Append', 'partitions in workers')
FROM pg_temp.plan('SELECT gmm_accumulate(features, (SELECT model FROM start)) FROM parted') AS plan;
SELECT near(apart_stats((SELECT gmm_accumulate(features, (SELECT model FROM start)) FROM parted),
                        (SELECT stats FROM serial WHERE source = 'many')), 0, 1e-12, 'partitions in workers: the same');

-- Many groups with models of their own, hashed, in any order.
CREATE TABLE models AS SELECT part, gmm_maximize(stats) AS model FROM parts WHERE part < 20;
SELECT ok(bool_and(apart_stats(together, alone) < 1e-12) AND count(*) = 20, 'each group has its model')
FROM (SELECT part, gmm_accumulate(features, model) AS together
      FROM many, models WHERE hashint4(id + part) % 7 = 0 GROUP BY part) AS t
JOIN models USING (part),
     LATERAL (SELECT gmm_accumulate(features, model) AS alone
              FROM many WHERE hashint4(id + part) % 7 = 0) AS a;
SELECT raises('SELECT gmm_accumulate(features, model) FROM many, models WHERE id = 1', '22023',
              'model must be the same', 'a group with two models is refused');
SELECT raises('SELECT gmm_merge(stats) FROM (SELECT gmm_accumulate(features, model) AS stats
                   FROM many, models WHERE id = 1 GROUP BY part) AS s', '22023',
              'different models', 'statistics of different models are refused');

-- As many rows as a bigint counts, and not one more; no sum is stored that
-- could not be restored.
CREATE TABLE full_stats AS
SELECT jsonb_set(stats::text::jsonb, '{n_rows}', '9223372036854775807')::text::gmm_stats AS stats FROM parts WHERE part = 1;
SELECT raises(statement, '22003', 'number of rows', 'too many rows are refused: ' || statement)
FROM (VALUES ('SELECT stats + stats FROM full_stats'),
             ('SELECT gmm_stats_combine(stats, stats) FROM full_stats'),
             ('SELECT gmm_merge(s) FROM full_stats, LATERAL (VALUES (stats), (stats)) AS v (s)'),
             ('SELECT gmm_accumulate_transition(full_stats.stats, features, model)
               FROM full_stats, start, many WHERE id = 1')) AS s (statement);
SELECT equals((gmm_stats_summary(gmm_rebase(gmm_decay(stats, 0.5), model)::text::gmm_stats)).n_rows,
              9223372036854775807, 'the largest number of rows stays')
FROM full_stats, start;

SELECT finish();
