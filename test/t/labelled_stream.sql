-- Labels by other ways than gmm_fit_labelled: gmm_refit_labelled, which continues from
-- a model, gmm_accumulate_labelled and gmm_em_step_labelled, which stream, and
-- gmm_fit_table with a column of them.  All are exact EM in which a row with a label is
-- all its component's.
\ir models.psql

CREATE TABLE cases (number integer, n integer, d integer, clusters integer, k integer, noise boolean);
INSERT INTO cases
SELECT number, 40 + (900 * uniform(:seed, 901, number))::integer, 1 + number % 4, 2 + number % 3, 2 + number % 3, number % 3 = 0
FROM generate_series(1, 8) AS number;
-- Labels of every tenth row or so, right or wrong; NULLs; weights that are counts
CREATE TABLE rows AS
SELECT number, id, cluster,
       (SELECT array_agg(CASE WHEN j = 1 OR number % 2 = 1 OR uniform(:seed, 902 + j, number * 1000 + id) > 0.2 THEN x END ORDER BY j)
        FROM unnest(features) WITH ORDINALITY AS f (x, j)) AS features,
       1 + floor(3 * uniform(:seed, 911, number * 1000 + id)) AS weight,
       CASE WHEN uniform(:seed, 912, number * 1000 + id) < 0.1 THEN 1 + floor(k * uniform(:seed, 913, number * 1000 + id))::integer END AS label
FROM cases, random_rows(:seed * 1000 + 910 + number, n, d, clusters) AS r;
CREATE TABLE starts AS
SELECT number, family, gmm_fit(features, k, gmm_options(covariance_type => family, noise => noise, max_iter => 2, n_init => 1)) AS model
FROM rows JOIN cases USING (number), families GROUP BY number, family, k, noise;

-- How far apart two models are, noise included.
CREATE FUNCTION pg_temp.apart_all(a gmm_model, b gmm_model) RETURNS double precision LANGUAGE sql AS $$
    SELECT greatest(apart(a, b), abs(coalesce((a::jsonb ->> 'noise_weight')::double precision, 0) - coalesce((b::jsonb ->> 'noise_weight')::double precision, 0)))
$$;

-- The sums are what they are called: brute force in SQL, a row at a time.
CREATE TABLE whole AS
SELECT number, family, gmm_accumulate_labelled(features, label, model, weight) AS stats FROM rows JOIN starts USING (number) GROUP BY number, family;
CREATE TABLE classes AS
SELECT number, family, array_agg(gmm_model('{1}', ARRAY[mean], ARRAY[covariance], 'full') ORDER BY component) AS classes,
       array_agg(weight * (1 - coalesce((gmm_summary(model)).noise_weight, 0)) ORDER BY component) AS weights
FROM starts, gmm_components(model) GROUP BY number, family;
CREATE TABLE shares AS
SELECT number, family, component, features, mean, weight AS w,
       weight * CASE WHEN label IS NULL THEN proba[component + lower_bound] ELSE (label = component)::integer END AS r
FROM rows JOIN starts USING (number),
     LATERAL (SELECT gmm_predict_proba(model, features) OFFSET 0) AS p (proba),
     LATERAL (SELECT 0 AS lower_bound) AS l, LATERAL (SELECT component, mean FROM gmm_components(model)) AS c
WHERE number % 2 = 1;
SELECT near(max(abs(got - wanted) / (1 + abs(wanted))), 0, 1e-11, 'component_weights are sums of responsibilities, of 1 and 0 where the label is known')
FROM (SELECT number, family, component, sum(r) AS wanted FROM shares GROUP BY number, family, component) AS b JOIN whole USING (number, family),
     LATERAL (SELECT (stats::text::jsonb #>> ARRAY['component_weights', (component - 1)::text])::double precision) AS s (got);
SELECT near(max(abs(got - wanted) / (1 + abs(wanted))), 0, 1e-10, 'firsts are sums of r (x - m)')
FROM (SELECT number, family, component, j, sum(r * (features[j] - mean[j])) AS wanted FROM shares, generate_subscripts(mean, 1) AS j GROUP BY number, family, component, j) AS b
JOIN whole USING (number, family),
     LATERAL (SELECT (stats::text::jsonb #>> ARRAY['firsts', (component - 1)::text, (j - 1)::text])::double precision) AS s (got);
SELECT near(max(abs(s.log_likelihood - wanted) / (1 + abs(wanted))), 0, 1e-11, 'log_likelihood: of a labelled row, that of its component''s weight times density') || E'\n' ||
       ok(bool_and((s.n_rows, s.n_labelled) = (n, n_labels)) AND count(*) = 32, 'rows and labels are counted')
FROM (SELECT number, family, count(*) AS n, count(label) AS n_labels, sum(weight * CASE WHEN label IS NULL THEN gmm_logpdf(model, features) ELSE gmm_logpdf(classes[label], features) + ln(weights[label]) END) AS wanted
      FROM rows JOIN starts USING (number) JOIN classes USING (number, family) GROUP BY number, family) AS b
JOIN whole USING (number, family), gmm_stats_summary(stats) AS s;

-- A step is a step, collecting or streaming, whole, in parts, as text, decayed, from a file.
CREATE TABLE steps AS
SELECT number, family, gmm_refit_labelled(features, label, model, '{"max_iter": 1, "tol": 0, "accelerate": false}', weight) AS collected,
       gmm_em_step_labelled(features, label, model, weight ORDER BY hashint4(id)) AS streamed,
       gmm_accumulate_labelled(features, label, model, weight) FILTER (WHERE id % 3 = 0) AS first,
       gmm_accumulate_labelled(features, label, model, weight) FILTER (WHERE id % 3 > 0) AS second
FROM rows JOIN starts USING (number) GROUP BY number, family;
SELECT all_within(array_agg(greatest(pg_temp.apart_all(streamed, collected), pg_temp.apart_all(gmm_maximize(stats), collected),
                                     pg_temp.apart_all(gmm_maximize(first + second), collected), pg_temp.apart_all(gmm_maximize(gmm_decay(stats, 0.25)), collected),
                                     pg_temp.apart_all(gmm_maximize(stats::text::gmm_stats), collected), pg_temp.apart_all(gmm_maximize(stats::jsonb::gmm_stats), collected))),
                  8, 1e-8, family || ': gmm_em_step_labelled and gmm_maximize make the step of gmm_refit_labelled')
FROM steps JOIN whole USING (number, family) GROUP BY family ORDER BY family;
SELECT ok(bool_and(gmm_stats_send(stats::text::gmm_stats) = gmm_stats_send(stats)), 'text brings statistics with labels back') || E'\n' ||
       ok(bool_and((gmm_stats_summary(first + second)).n_labelled = (gmm_stats_summary(stats)).n_labelled AND
                   (gmm_stats_summary(gmm_decay(stats, 0.5))).n_labelled = (gmm_stats_summary(stats)).n_labelled AND
                   (gmm_stats_summary(gmm_rebase(stats, streamed))).n_labelled = (gmm_stats_summary(stats)).n_labelled), '+, gmm_decay and gmm_rebase keep the number of labels') || E'\n' ||
       ok(bool_and((gmm_summary(collected)).n_labelled = (gmm_stats_summary(stats)).n_labelled), 'gmm_refit_labelled, too')
FROM steps JOIN whole USING (number, family);

-- Without a label it is what it is without the argument, to the last bit.
SELECT ok(bool_and(gmm_stats_send(with_nulls) = gmm_stats_send(without)), 'gmm_accumulate_labelled') || E'\n' || ok(bool_and(step = step_without), 'gmm_em_step_labelled') || E'\n' ||
       ok(bool_and(refit = refit_without), 'gmm_refit_labelled')
FROM (SELECT gmm_accumulate_labelled(features, NULL, model, weight) AS with_nulls, gmm_accumulate(features, model, weight) AS without,
             gmm_em_step_labelled(features, NULL, model, weight) AS step, gmm_em_step(features, model, weight) AS step_without,
             gmm_refit_labelled(features, NULL, model, NULL, weight) AS refit, gmm_refit(features, model, NULL, weight) AS refit_without
      FROM rows JOIN starts USING (number) GROUP BY number, family) AS f;

-- EM goes up, accelerated or not; streaming comes to where collecting does.
CREATE TABLE climbs AS
SELECT number, family, accelerate, steps, gmm_refit_labelled(features, label, model, gmm_options(max_iter => steps, tol => 0, accelerate => accelerate), weight ORDER BY id) AS model
FROM starts JOIN rows USING (number), generate_series(1, 12) AS steps, unnest('{true,false}'::boolean[]) AS accelerate WHERE number <= 5
GROUP BY number, family, accelerate, steps;
SELECT ok(count(*) = 5 * 11 AND bool_and(rise > -1e-9), format('%s, %s: more steps are not less likely', family, CASE WHEN accelerate THEN 'accelerated' ELSE 'plain EM' END)) ||
       CASE WHEN bool_and(rise > -1e-9) THEN '' ELSE format(E'\n# %s', min(rise)) END
FROM (SELECT family, accelerate, log_likelihood - CASE WHEN accelerate THEN least(lag(log_likelihood) OVER w, lag(log_likelihood, 2) OVER w) ELSE lag(log_likelihood) OVER w END AS rise
      FROM climbs, gmm_summary(model) WINDOW w AS (PARTITION BY number, family, accelerate ORDER BY steps)) AS r
WHERE rise IS NOT NULL GROUP BY family, accelerate ORDER BY family, accelerate;
CREATE FUNCTION pg_temp.iterate(of integer, model gmm_model, n integer) RETURNS gmm_model LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1..n LOOP
        SELECT gmm_em_step_labelled(features, label, iterate.model, weight) INTO model FROM rows WHERE number = of;
    END LOOP;
    RETURN model;
END $$;
SELECT all_within(array_agg(pg_temp.apart_all(pg_temp.iterate(number, s.model, 12), c.model)), 5, 1e-6, family || ': 12 steps, streaming as collecting')
FROM starts AS s JOIN climbs AS c USING (number, family) WHERE NOT accelerate AND steps = 12 GROUP BY family ORDER BY family;

-- A fit goes on from where gmm_fit_labelled has ended, and with a max_iter of 0 its
-- rows and labels have the likelihood that it found.
CREATE TABLE fitted AS
SELECT number, family, gmm_fit_labelled(features, label, k, gmm_options(covariance_type => family, noise => noise, tol => 1e-12), weight) AS model
FROM rows JOIN cases USING (number), families WHERE number IN (1, 2, 3) GROUP BY number, family, k, noise;
SELECT ok(bool_and(pg_temp.apart_all(refitted, model) < 1e-4 AND apart_fit(refitted, model) < 1e-6), family || ': gmm_refit_labelled stays at the optimum') || E'\n' ||
       ok(bool_and(apart_fit(scored, model) < 1e-11 AND pg_temp.apart_all(scored, model) = 0 AND (gmm_summary(scored)).n_labelled = (gmm_summary(model)).n_labelled AND
                   abs((gmm_summary(scored)).icl - (gmm_summary(model)).icl) < 1e-6), family || ': a max_iter of 0 keeps it, with the likelihood and the ICL of these labels')
FROM (SELECT family, model, gmm_refit_labelled(features, label, model, '{"tol": 1e-12}', weight) AS refitted, gmm_refit_labelled(features, label, model, '{"max_iter": 0}', weight) AS scored
      FROM fitted JOIN rows USING (number) GROUP BY number, family, model) AS f GROUP BY family ORDER BY family;

-- Copies for weights, other units, rows of no weight or without one
SELECT all_within(array_agg(greatest(pg_temp.apart_all(gmm_maximize(copies), gmm_maximize(stats)), abs((gmm_stats_summary(copies)).log_likelihood / (gmm_stats_summary(stats)).log_likelihood - 1))),
                  32, 1e-9, 'weights are copies')
FROM whole JOIN (SELECT number, family, gmm_accumulate_labelled(features, label, model ORDER BY uniform(:seed, 914, id)) AS copies
                 FROM rows JOIN starts USING (number), generate_series(1, weight::integer) GROUP BY number, family) AS c USING (number, family);
CREATE TABLE far AS
SELECT number, family, scale, shift, transformed(model, scale, shift) AS far, model
FROM starts JOIN (SELECT number, (ARRAY[1e3, 0.01, 10, 1])[1:d] AS scale, (ARRAY[1e6, -1e5, 0, 7])[1:d] AS shift FROM cases WHERE NOT noise) AS u USING (number) WHERE family <> 'spherical';
SELECT all_within(array_agg(greatest(apart(moved, transformed(refitted, scale, shift)), apart(step, moved))), 6, 1e-6, family || ': other units')
FROM (SELECT number, family, scale, shift, gmm_em_step_labelled(x, label, far, weight) AS step, gmm_refit_labelled(x, label, far, one_step, weight) AS moved,
             gmm_refit_labelled(features, label, model, one_step, weight) AS refitted
      FROM rows JOIN far USING (number),
           LATERAL (SELECT array_agg(scale[j] * f + shift[j] ORDER BY j) AS x FROM unnest(features) WITH ORDINALITY AS e (f, j)) AS v, (SELECT '{"max_iter": 1, "tol": 0, "accelerate": false}'::jsonb AS one_step) AS o
      GROUP BY number, family, scale, shift) AS f GROUP BY family ORDER BY family;
SELECT equals(ROW(s.n_rows, s.n_labelled, s.sum_weights)::text, '(3,2,4)', 'NULL arrays, NULL weights and weights of 0 are no rows, whatever their labels')
FROM (SELECT gmm_accumulate_labelled(x, l, gmm_model('{0.5,0.5}', '{{0},{9}}', '{1,1}', 'spherical'), w) AS stats
      FROM (VALUES ('{1}'::double precision[], 2, 1::double precision), (NULL, 77, 1), ('{2}', 77, NULL), ('{3}', 77, 0), ('{4}', 1, 2), ('{NULL}', 2, 1), ('{5}', NULL, 1)) AS v (x, l, w)) AS a,
     gmm_stats_summary(stats) AS s;
SELECT ok(gmm_em_step_labelled(NULL, 1, NULL) IS NULL AND gmm_accumulate_labelled(NULL, 1, NULL) IS NULL AND gmm_refit_labelled(NULL, 1, NULL) IS NULL, 'no rows make NULL');

-- A frame that grows and is read after every row: the first label may come at any row.
SELECT ok(bool_and(gmm_stats_send(stats) = gmm_stats_send(alone)) AND count(*) = 420, 'a growing frame')
FROM (SELECT id, gmm_accumulate_labelled(features[1:1], label, model) OVER (ORDER BY id) AS stats
      FROM (SELECT *, CASE WHEN id > 25 AND id % 4 = 0 THEN cluster END AS label FROM random_rows(:seed, 420, 2, 2)) AS r,
           gmm_model('{0.5,0.5}', '{{0},{1}}', '{{{1}},{{2}}}') AS model) AS w,
     LATERAL (SELECT gmm_accumulate_labelled(features[1:1], CASE WHEN id > 25 AND id % 4 = 0 THEN cluster END, model) AS alone
              FROM random_rows(:seed, 420, 2, 2) AS r, gmm_model('{0.5,0.5}', '{{0},{1}}', '{{{1}},{{2}}}') AS model WHERE r.id <= w.id) AS a;

-- --- gmm_fit_table -------------------------------------------------------------------------

-- More rows than the sample has place for, with few labels, and with many.
CREATE TABLE points AS
SELECT id, cluster, features[1] AS x, features[2] AS y, CASE WHEN id % 9 > 0 THEN features[3] END AS z, (1 + id % 3)::smallint AS w,
       CASE WHEN id IN (7, 20000, 35999) THEN cluster END::smallint AS few, CASE WHEN id % 3 = 0 THEN 1 + cluster % 4 END::bigint AS many,
       CASE WHEN cluster <> 1 AND id % 7 > 0 THEN 4 - cluster END AS biased, NULL::integer AS nothing, CASE WHEN id % 5 = 2 THEN 1 END AS one, id % 3 AS part
FROM random_rows(:seed * 1000 + 930, 36000, 3, 3);
ANALYZE points;
CREATE VIEW labels AS
SELECT l.name, p.*, CASE l.name WHEN 'few' THEN few WHEN 'many' THEN many WHEN 'biased' THEN biased END AS label FROM points AS p, unnest('{few,many,biased}'::text[]) AS l (name);
CREATE TABLE tables AS
SELECT name, family, k, gmm_fit_table('points', '{x,y,z}', k, gmm_options(covariance_type => family), label => name) AS model,
       (SELECT gmm_fit_labelled(ARRAY[x, y, z], label, k, gmm_options(covariance_type => family)) FROM labels AS l WHERE l.name = c.name) AS wanted
FROM (VALUES ('few', 'full', 3), ('few', 'spherical', 3), ('many', 'full', 4), ('many', 'tied', 4), ('biased', 'diag', 3)) AS c (name, family, k);
SELECT fitted_alike(model, wanted, 1e-6, format('%s labels, %s: gmm_fit_table as gmm_fit_labelled', name, family)) || E'\n' ||
       ok((s.n_rows, s.n_labelled, s.n_incomplete, s.n_starts) = (t.n_rows, t.n_labelled, t.n_incomplete, t.n_starts) AND s.n_labelled > 0 AND
          (s.iterations = t.iterations OR t.n_suspect > 0), 'rows, labels, iterations and starts') || E'\n' ||
       near(s.icl, t.icl, 1e-6, 'ICL, which has the entropy of those without labels')
FROM tables, gmm_summary(model) AS s, gmm_summary(wanted) AS t;
SELECT alike(gmm_fit_table('points', '{x,y,z}', 4, '{"noise": true, "prior": true}', 'w', 'part > 0 AND id < 9000', 'many'),
             (SELECT gmm_fit_labelled(ARRAY[x, y, z], many, 4, '{"noise": true, "prior": true}', w) FROM points WHERE part > 0 AND id < 9000), 1e-6, 'with noise, a prior, weights and a filter');
SELECT alike(gmm_fit_table('points', '{x,y}', 3, filter => 'id <= 300', label => 'biased'),
             (SELECT gmm_fit_labelled(ARRAY[x, y], biased, 3) FROM points WHERE id <= 300), 1e-9, 'few rows: all of them are the sample');
SELECT alike(gmm_fit_table('points', '{x,z}', 3, '{"missing": "skip"}', label => 'biased'),
             (SELECT gmm_fit_labelled(ARRAY[x, z], biased, 3, '{"missing": "skip"}') FROM points), 1e-6, 'rows with NULLs skipped');
SELECT alike(gmm_fit_table('points', '{x}', 1, label => 'one'), (SELECT gmm_fit_labelled(ARRAY[x], one, 1) FROM points), 1e-9, 'one component');
SELECT ok(gmm_fit_table('points', '{x,y}', 3, filter => 'id < 20000', label => 'nothing') = gmm_fit_table('points', '{x,y}', 3, filter => 'id < 20000'), 'a column of NULLs: as without labels, to the bit');
CREATE TABLE repeated AS SELECT round(10 * x)::integer AS a, round(y) AS b, few, biased FROM points;
SELECT alike(gmm_fit_table('repeated', '{a,b}', 3, label => label), wanted, 1e-6, format('equal rows with and without labels: %s', label))
FROM (SELECT 'few' AS label, gmm_fit_labelled(ARRAY[a, b], few, 3) AS wanted FROM repeated UNION ALL SELECT 'biased', gmm_fit_labelled(ARRAY[a, b], biased, 3) FROM repeated) AS w;

-- In parallel, and by partitions
CREATE TABLE parted (LIKE points) PARTITION BY LIST (part);
SELECT format('CREATE TABLE parted_%s PARTITION OF parted FOR VALUES IN (%s)', i, i) FROM generate_series(0, 2) AS i \gexec
INSERT INTO parted SELECT * FROM points;
CREATE FUNCTION pg_temp.plan(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    line text;
    lines text = '';
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF, ANALYZE, TIMING OFF, SUMMARY OFF) ' || statement LOOP
        lines = lines || line || E'\n';
    END LOOP;
    RETURN lines;
END $$;
CREATE TABLE start AS SELECT gmm_fit(ARRAY[x, y, z], 4, '{"max_iter": 2}') AS model FROM points WHERE id <= 500;
SET max_parallel_workers_per_gather = 0;
CREATE TABLE serial AS SELECT gmm_accumulate_labelled(ARRAY[x, y, z], many, (SELECT model FROM start), w) AS stats FROM points;
SET max_parallel_workers_per_gather = 2;
SET min_parallel_table_scan_size = 0;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET enable_partitionwise_aggregate = on;
ALTER TABLE points SET (parallel_workers = 2);
SELECT ok(plan ~ 'Finalize Aggregate' AND plan ~ 'Partial Aggregate' AND plan ~ 'Workers Launched: [12]', 'gmm_accumulate_labelled in a parallel plan, workers launched')
FROM pg_temp.plan('SELECT gmm_accumulate_labelled(ARRAY[x, y, z], many, (SELECT model FROM start), w) FROM points') AS plan;
SELECT ok(pg_temp.apart_all(gmm_maximize(parallel), gmm_maximize(stats)) < 1e-11 AND abs((gmm_stats_summary(parallel)).log_likelihood / (gmm_stats_summary(stats)).log_likelihood - 1) < 1e-12 AND
          (gmm_stats_summary(parallel)).n_labelled = (SELECT count(many) FROM points), 'the same from workers')
FROM serial, (SELECT gmm_accumulate_labelled(ARRAY[x, y, z], many, (SELECT model FROM start), w) AS parallel FROM points) AS p;
SELECT fitted_alike(gmm_fit_table('points', '{x,y,z}', k, label => name), model, 1e-6, name || ': gmm_fit_table in parallel') || E'\n' ||
       fitted_alike(gmm_fit_table('parted', '{x,y,z}', k, label => name), model, 1e-6, name || ': and by partitions')
FROM tables WHERE family = 'full';
RESET max_parallel_workers_per_gather;

-- --- what is refused -----------------------------------------------------------------------

CREATE TABLE bad AS SELECT id AS x, 0 AS zero, 9 AS nine, 2.0 AS real, 'a'::text AS words, 1 AS one, id AS ids FROM generate_series(1, 50) AS id;
SELECT raises(statement, state, part, statement) FROM (VALUES
    ('SELECT gmm_fit_table(''bad'', ''{x}'', 2, label => ''nowhere'')', '42703', 'column "nowhere" of relation "bad" does not exist'),
    ('SELECT gmm_fit_table(''bad'', ''{x}'', 2, label => ''real'')', '42804', 'is of type numeric and not an integer'),
    ('SELECT gmm_fit_table(''bad'', ''{x}'', 2, label => ''words'')', '42804', 'is of type text and not an integer'),
    ('SELECT gmm_fit_table(''bad'', ''{x}'', 2, label => ''zero'')', '22023', 'label must be from 1 to k, which is 2, not 0'),
    ('SELECT gmm_fit_table(''bad'', ''{x}'', 2, label => ''nine'')', '22023', 'label must be from 1 to k, which is 2, not 9'),
    ('SELECT gmm_fit_table(''bad'', ''{x}'', 2, label => ''ids'')', '22023', 'label must be from 1 to k, which is 2, not'),
    ('SELECT gmm_fit_table(''bad'', ''{x}'', 2, ''{"too_few_rows": "fewer"}'', label => ''one'')', '22023', 'option "too_few_rows" cannot be "fewer" where rows have labels'),
    ('SELECT gmm_fit_table(''bad'', ''{one}'', 2, label => ''one'')', '22023', 'only 1 distinct row')
) AS e (statement, state, part);
-- What drift compares is the likelihood without labels; a model that was fitted with
-- some is compared by what it lets expect.
SELECT raises('SELECT gmm_drift(model, stats) FROM starts JOIN whole USING (number, family) LIMIT 1', '22023', 'statistics of rows with labels', 'labels and gmm_drift') || E'\n' ||
       raises('SELECT gmm_drift_components(model, stats) FROM starts JOIN whole USING (number, family) LIMIT 1', '22023', 'statistics of rows with labels', 'and gmm_drift_components');
SELECT ok(abs(likelihood_shift) < 6 * likelihood_error AND likelihood_error < 0.2 AND share_psi < 0.1, 'the drift from a model that was fitted with labels: none') ||
       format(E'\n# %s, %s, %s', likelihood_shift, likelihood_error, share_psi)
FROM (SELECT gmm_fit_labelled(ARRAY[x, y], CASE WHEN id % 2 = 0 THEN cluster END, 3) FILTER (WHERE id % 3 = 0) AS model FROM points) AS f,
     LATERAL (SELECT gmm_accumulate(ARRAY[x, y], model) FILTER (WHERE id % 3 = 1) AS stats FROM points) AS s, gmm_drift(model, stats);

SELECT finish();
