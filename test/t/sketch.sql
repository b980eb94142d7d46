-- sketch.sql: a sketch hangs on the rows alone: not on their order, not on the
-- parts in which they were sketched, not on the plan; what it knows of all rows
-- is exact; and fits to it are those of gmm_fit, or near.
\ir models.psql

-- Rows of several kinds: with copies, with NULLs, far from zero (and of as many
-- digits as a cast to numeric keeps), of many sizes.
CREATE TABLE rows AS
SELECT 'plain' AS kind, r.id, r.features AS x FROM random_rows(:seed * 1000 + 800, 700, 3, 3) AS r
UNION ALL
SELECT 'copies', id, ARRAY(SELECT round(v::numeric * 2)::float8 / 2 FROM unnest(features) WITH ORDINALITY AS f (v, j) ORDER BY j)
FROM random_rows(:seed * 1000 + 801, 900, 2, 3)
UNION ALL
SELECT 'nulls', id, ARRAY(SELECT CASE WHEN (hashint8extended(id, j) & 7) > 0 THEN v END
                          FROM unnest(features) WITH ORDINALITY AS f (v, j) ORDER BY j)
FROM random_rows(:seed * 1000 + 802, 800, 4, 2)
UNION ALL
SELECT 'far', id, ARRAY(SELECT 1e9 * j + round(v * 8) / 8 FROM unnest(features) WITH ORDINALITY AS f (v, j) ORDER BY j)
FROM random_rows(:seed * 1000 + 803, 600, 2, 2)
UNION ALL
SELECT 'sizes', id, ARRAY(SELECT v * 10.0 ^ ((hashint8extended(id, j) & 31) - 16) FROM unnest(features) WITH ORDINALITY AS f (v, j) ORDER BY j)
FROM random_rows(:seed * 1000 + 804, 300, 2, 2);
ALTER TABLE rows ADD w double precision, ADD copies integer;
UPDATE rows SET copies = 1 + (hashint8extended(id, 3) & 3), w = exp(((hashint8extended(id, :seed) & 1023) - 512) / 100.0);

-- order and parts

CREATE TABLE whole AS
SELECT kind, size, gmm_sketch(x, size ORDER BY id) AS plain, gmm_sketch(x, size, w ORDER BY id) AS weighted
FROM rows, (VALUES (1), (40), (1000)) AS s (size) GROUP BY kind, size;
SELECT ok(bool_and(plain::text = p::text AND weighted::text = q::text), 'the order of the rows does not show')
FROM whole JOIN (SELECT kind, size, gmm_sketch(x, size ORDER BY hashint8extended(id, 7)) AS p,
                        gmm_sketch(x, size, w ORDER BY id DESC) AS q
                 FROM rows, (VALUES (1), (40), (1000)) AS s (size) GROUP BY kind, size) AS other USING (kind, size);
SELECT ok(bool_and(plain::text = p::text AND weighted::text = q::text), 'a sketch of all is the merger of those of parts: ' || parts),
       equals(count(*), 15::bigint, 'of all kinds and sizes')
FROM whole JOIN (SELECT parts, kind, size, gmm_merge(p ORDER BY hashint8extended(part, 5)) AS p, gmm_merge(q) AS q
                 FROM (SELECT parts, kind, size, hashint8extended(id, 11) & (parts - 1) AS part,
                              gmm_sketch(x, size) AS p, gmm_sketch(x, size, w ORDER BY id DESC) AS q
                       FROM rows, (VALUES (1), (40), (1000)) AS s (size), (VALUES (1), (2), (16), (256)) AS t (parts)
                       GROUP BY parts, kind, size, part) AS s
                 GROUP BY parts, kind, size) AS other USING (kind, size)
GROUP BY parts ORDER BY parts;
SELECT ok(bool_and(plain::text = merged::text), 'mergers of mergers, and of stored sketches')
FROM whole JOIN (SELECT kind, size, gmm_merge(m) AS merged
                 FROM (SELECT kind, size, part % 3 AS third, gmm_merge(s::text::gmm_sketch) AS m
                       FROM (SELECT kind, size, id % 9 AS part, gmm_sketch(x, size) AS s
                             FROM rows, (VALUES (40), (1000)) AS s (size) GROUP BY kind, size, part) AS parts
                       GROUP BY kind, size, third) AS thirds
                 GROUP BY kind, size) AS other USING (kind, size);
SELECT ok(bool_and(merged::text = plain::text), 'of sketches of two sizes, that of the smaller')
FROM (SELECT kind, gmm_merge(s) AS merged
      FROM (SELECT kind, gmm_sketch(x, CASE WHEN id % 2 = 0 THEN 40 ELSE 150 END) AS s
            FROM rows GROUP BY kind, id % 2) AS parts GROUP BY kind) AS m
JOIN whole USING (kind) WHERE size = 40;
SELECT ok(bool_and(s::text = whole::text), 'a window that grows')
FROM (SELECT id, gmm_sketch(x, 20) OVER (ORDER BY id) AS s FROM rows WHERE kind = 'plain') AS w
JOIN LATERAL (SELECT gmm_sketch(x, 20) AS whole FROM rows AS r WHERE kind = 'plain' AND r.id <= w.id) AS a ON w.id % 100 = 7;

-- what it knows of all rows, against sums in numeric

SELECT ok(bool_and((s).n_rows = n AND (s).n_incomplete = n_null), 'numbers of rows'),
       ok(bool_and(abs((s).sum_weights - weight) <= 1e-14 * weight), 'their weight')
FROM (SELECT kind, size, gmm_sketch_summary(weighted) AS s FROM whole) AS w
JOIN (SELECT kind, count(*) AS n, count(*) FILTER (WHERE num_nulls(VARIADIC x) > 0) AS n_null, sum(w::numeric)::float8 AS weight
      FROM rows GROUP BY kind) AS r USING (kind);
CREATE TABLE moments AS
SELECT kind, i, j, (sum(w::numeric * x[i]::numeric) / sum(w::numeric))::float8 AS mean,
       ((sum(w::numeric * x[i]::numeric * x[j]::numeric) - sum(w::numeric * x[i]::numeric) * sum(w::numeric * x[j]::numeric) / sum(w::numeric)) / sum(w::numeric))::float8 AS covariance,
       1e-300 + stddev_pop(x[i]) AS deviation, sqrt(var_pop(x[i]) * var_pop(x[j])) AS scale
FROM rows, generate_series(1, 4) AS i, generate_series(1, 4) AS j
WHERE i <= array_length(x, 1) AND j <= array_length(x, 1) AND num_nulls(VARIADIC x) = 0 GROUP BY kind, i, j;
-- (a cast to numeric keeps 15 digits of a double)
SELECT ok(max(abs((s).mean[i] - mean) / (abs(mean) + deviation)) <= 1e-14, kind || ': the mean is exact'),
       ok(max(abs((s).covariance[i][j] - covariance) / scale) < 1e-9, kind || ': so is the covariance')
FROM (SELECT kind, gmm_sketch_summary(weighted) AS s FROM whole) AS w JOIN moments USING (kind)
GROUP BY kind ORDER BY kind;

-- the rows that are kept: some of all, each with its copies
SELECT ok(bool_and(n = cnt AND abs(weight - wanted) <= 1e-14 * wanted), 'rows that are kept have all of their copies and weight'),
       ok(count(*) = sum(DISTINCT 0) + count(DISTINCT (kind, size, row)), 'each once')
FROM (SELECT kind, size, row, (j -> 'counts' ->> (o - 1)::integer)::bigint AS n, (j -> 'weights' ->> (o - 1)::integer)::float8 AS weight
      FROM (SELECT kind, size, weighted::jsonb AS j FROM whole) AS w, jsonb_array_elements(j -> 'rows') WITH ORDINALITY AS r (row, o)) AS kept
LEFT JOIN (SELECT kind, to_jsonb(x) AS row, count(*) AS cnt, sum(w::numeric)::float8 AS wanted FROM rows GROUP BY kind, x) AS r USING (kind, row);
SELECT equals(bool_and((s).n_kept = least(size, n) AND (s).complete = (n <= size)), true, 'as many as there are, or as are asked for'),
       ok(bool_and(abs((s).n_distinct - n) <= CASE WHEN n <= size THEN 0 ELSE n * 5 / sqrt(size) END), 'how many distinct rows there are')
FROM (SELECT kind, size, gmm_sketch_summary(plain) AS s FROM whole WHERE size > 1) AS w
JOIN (SELECT kind, count(DISTINCT x) AS n FROM rows GROUP BY kind) AS d USING (kind);

-- fits: of all distinct rows, the same to the bit

SELECT ok(bool_and(gmm_fit_sketch(s, 2, options)::text = fit::text), family || ': of all distinct rows the model of gmm_fit'),
       ok(bool_and(gmm_fit_sketch(c, 2, options)::text = copied::text), family || ': and with integer weights')
FROM (SELECT options->>'covariance_type' AS family, kind, options, gmm_sketch(x, 1000) AS s, gmm_fit(x, 2, options) AS fit,
             gmm_sketch(x, 1000, copies) AS c, gmm_fit(x, 2, options, copies) AS copied
      FROM rows, (SELECT gmm_options(covariance_type => t) FROM unnest('{full,tied,diag,spherical}'::text[]) AS t) AS o (options)
      WHERE kind <> 'sizes' GROUP BY kind, options) AS f
GROUP BY family ORDER BY family;
SELECT equals(gmm_fit_best_sketch(gmm_sketch(x, 1000), 1, 4)::text, gmm_fit_best(x, 1, 4)::text, 'of gmm_fit_best, too'),
       equals(gmm_trials(gmm_fit_best_sketch(gmm_sketch(x, 1000), 1, 2)) = gmm_trials(gmm_fit_best(x, 1, 2)), true, 'with its trials')
FROM rows WHERE kind = 'plain';
SELECT equals(gmm_fit_sketch(gmm_sketch(x, 1000), 2, '{"missing": "skip"}')::text, gmm_fit(x, 2, '{"missing": "skip"}')::text, 'rows with NULL are skipped')
FROM rows WHERE kind = 'nulls';
SELECT equals(gmm_fit_sketch(gmm_sketch(x, 1000), 3, '{"features": ["a", "b", "c"], "seed": 5}')::text,
              gmm_fit(x, 3, '{"features": ["a", "b", "c"], "seed": 5}')::text, 'with names and a seed') FROM rows WHERE kind = 'plain';
SELECT equals((SELECT count(*) FROM rows AS r WHERE kind = 'copies') > (SELECT count(DISTINCT x) FROM rows WHERE kind = 'copies'), true, 'there were copies');
SELECT ok(apart(a, b) = 0, 'a weight is as many copies')
FROM (SELECT gmm_fit_sketch(gmm_sketch(x, 30, copies), 2) AS a FROM rows WHERE kind = 'copies') AS a,
     (SELECT gmm_fit_sketch(gmm_sketch(x, 30), 2) AS b FROM rows, generate_series(1, copies) WHERE kind = 'copies') AS b;
SELECT ok(bool_and((a).mean = (b).mean AND (a).covariance = (b).covariance AND (a).sum_weights = (b).sum_weights), 'and as exact')
FROM (SELECT kind, gmm_sketch_summary(gmm_sketch(x, 30, copies)) AS a FROM rows GROUP BY kind) AS a
JOIN (SELECT kind, gmm_sketch_summary(gmm_sketch(x, 30)) AS b FROM rows, generate_series(1, copies) GROUP BY kind) AS b USING (kind);

-- more rows than a fit's sample: the same model to the promise of gmm_fit
CREATE TABLE many AS SELECT r.id, r.features AS x FROM random_rows(:seed * 1000 + 805, 24000, 2, 3) AS r;
SELECT alike(gmm_fit_sketch(gmm_sketch(x, 100000), 3), gmm_fit(x, 3), 1e-9, 'more distinct rows than a fit takes a sample of') FROM many;

-- a sample: the likelihood of all rows is within three standard errors of one of
-- as many rows
SELECT ok(abs(sum(gmm_logpdf(sketched, x) - gmm_logpdf(fitted, x)) / count(*)) <= 3 * stddev_pop(gmm_logpdf(fitted, x)) / sqrt(size),
          'a sketch of ' || size || ' of 24000: the likelihood')
FROM many, (SELECT size, gmm_fit_sketch(gmm_sketch(x, size), 3) AS sketched, gmm_fit(x, 3) AS fitted
            FROM many, (VALUES (500), (2000)) AS s (size) GROUP BY size) AS f
GROUP BY size ORDER BY size;

-- and the fit is that of the rows that are kept, to the bit: what is counted as
-- evidence, as by the criteria, is what was seen
SELECT equals(gmm_fit_sketch(s::gmm_sketch, 3, o)::text, gmm_fit(x, 3, o, w)::text, 'a sample is fitted as its rows are: ' || kind),
       equals(gmm_fit_best_sketch(s::gmm_sketch, 1, 3, o)::text, gmm_fit_best(x, 1, 3, o, w)::text, 'the choice of k, too: ' || kind)
FROM (SELECT kind, s::text, ARRAY(SELECT e::double precision FROM jsonb_array_elements_text(r) WITH ORDINALITY AS v (e, j) ORDER BY j) AS x,
             w::text::double precision AS w, '{"too_few_rows": "fewer"}'::jsonb AS o
      FROM (SELECT kind, gmm_sketch(x, 40, w) AS s FROM rows WHERE kind IN ('plain', 'nulls') GROUP BY kind) AS sketches,
           ROWS FROM (jsonb_array_elements(s::jsonb -> 'rows'), jsonb_array_elements(s::jsonb -> 'weights')) AS u (r, w)) AS kept
GROUP BY kind, s, o ORDER BY kind;
SELECT equals((gmm_summary(gmm_fit_sketch(s, 1))).n_rows, kept, 'and counted: ' || kind)
FROM (SELECT kind, s, (SELECT sum(c::bigint) FROM jsonb_array_elements_text(s::jsonb -> 'counts') AS c)::bigint AS kept
      FROM (SELECT kind, gmm_sketch(x, 40) AS s FROM rows WHERE kind IN ('copies', 'nulls') GROUP BY kind) AS sketches) AS c
ORDER BY kind;

-- plans: workers make parts
ANALYZE many;
SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
CREATE FUNCTION plan(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    line text;
    lines text := '';
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (ANALYZE, TIMING off, COSTS off) ' || query LOOP
        lines := lines || line || E'\n';
    END LOOP;
    RETURN lines;
END
$$;
SELECT ok(p ~ 'Partial Aggregate' AND p ~ 'Workers Launched: [12]', 'sketches are made by workers') FROM plan('SELECT gmm_sketch(x, 100) FROM many') AS p;
SELECT gmm_sketch(x, 100) AS parallel FROM many \gset
SET max_parallel_workers_per_gather = 0;
SELECT equals(gmm_sketch(x, 100)::text, :'parallel', 'and are the same') FROM many;
SELECT equals(gmm_fit_sketch(:'parallel', 2)::text, gmm_fit_sketch(gmm_sketch(x, 100), 2)::text, 'from a literal') FROM many;

-- the same value through text, binary and the toast table
CREATE TABLE stored AS SELECT kind, size, plain AS s FROM whole;
\copy stored TO '/dev/null' BINARY
SELECT ok(bool_and(s::text::gmm_sketch::text = s::text), 'text') FROM stored;
SELECT ok(bool_and(gmm_sketch_send(s) = decode(substr(s::text, 3), 'hex')), 'text is binary in hexadecimal digits') FROM stored;
SELECT ok(bool_and(s::text = plain::text), 'stored') FROM stored JOIN whole USING (kind, size);

-- bytes changed at random: refused, or another sketch in the form that there is
CREATE FUNCTION survives(bytes bytea) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    s gmm_sketch;
BEGIN
    s := ('\x' || encode(bytes, 'hex'))::gmm_sketch;
    PERFORM gmm_sketch_summary(s), s::json, gmm_fit_sketch(s, 1);
    -- a NaN of other bits is the one that there is
    RETURN s::text::gmm_sketch::text = s::text;
EXCEPTION
    WHEN invalid_binary_representation OR numeric_value_out_of_range OR invalid_parameter_value THEN
        RETURN true;
END
$$;
SELECT ok(bool_and(survives(set_byte(bytes, (abs(hashint8extended(i, :seed)) % length(bytes))::integer, (abs(hashint8extended(i, 3)) % 256)::integer))),
          'bytes changed')
FROM (SELECT gmm_sketch_send(gmm_sketch(x, 4, w)) AS bytes FROM rows WHERE kind = 'nulls') AS b, generate_series(1, 3000) AS i;
SELECT ok(bool_and(survives(substr(bytes, 1, i))), 'cut off') FROM
    (SELECT gmm_sketch_send(gmm_sketch(x, 4)) AS bytes FROM rows WHERE kind = 'plain') AS b, generate_series(0, length(bytes) - 1) AS i;

-- Counts and weights are those of rows without NULL and of rows with, each by itself: of
-- three whole rows of weight 2 and two others, one is said to have a NULL, or none.
SELECT raises(format('SELECT %L::gmm_sketch', overlay(s::text PLACING lpad(to_hex(n), 16, '0') FROM 47 FOR 16)), '22P03', part, n || ' rows of two with NULL')
FROM (SELECT gmm_sketch(ARRAY[i, CASE WHEN i < 4 THEN 1 END], size, 2) AS s FROM generate_series(1, 5) AS i, unnest('{3,5,9}'::integer[]) AS size GROUP BY size) AS q,
     (VALUES (0, 'rows with NULL are counted wrongly'), (1, 'rows'), (3, 'rows'), (5, 'rows with NULL are counted wrongly')) AS v (n, part)
WHERE (gmm_sketch_summary(s)).complete OR n IN (0, 5);

-- Mean and covariance do not hang on the size of weights: exact sums have any.
SELECT ok(bool_and(abs((s).mean[1] - (plain).mean[1]) <= 1e-15 * abs((plain).mean[1]) AND abs((s).covariance[1][2] - (plain).covariance[1][2]) <= 1e-15 * abs((plain).covariance[1][2])),
          'moments of rows of weight ' || w)
FROM (SELECT gmm_sketch_summary(gmm_sketch(ARRAY[i / 7.0, i * i / 3.0], 3)) AS plain FROM generate_series(1, 40) AS i) AS p,
     unnest('{4.9406564584124654e-324,1e-320,1e-300,1e300,1e308}'::double precision[]) AS w,
     LATERAL (SELECT gmm_sketch_summary(gmm_sketch(ARRAY[i / 7.0, i * i / 3.0], 3, w)) AS s FROM generate_series(1, 40) AS i) AS q
GROUP BY w;
SELECT equals(gmm_sketch_summary(gmm_sketch(ARRAY[1e308], 3))::text, '(3,1,1,t,9,0,9,1,{1e+308},{{0}})', 'a sum beyond the range, of which the mean is not')
FROM generate_series(1, 9);

-- Fewer rows in the sketch than components are not the number of all.
SELECT raises(format($$SELECT gmm_fit_sketch(gmm_sketch(ARRAY[i], %s), 4) FROM generate_series(1, %s) AS i$$, size, n), '22023', part, n || ' rows, a sketch of ' || size)
FROM (VALUES (3, 3, 'k is 4, but there are only 3 distinct rows'), (3, 10, 'k is 4, but there are only 3 distinct rows in the sketch'),
             (1, 10, 'k is 4, but there is only 1 distinct row in the sketch')) AS v (size, n, part);

-- many features: means, and no covariances
SELECT ok((s).covariance IS NULL AND abs((s).mean[200] - 200.5) < 1e-12 AND (s).d = 200, 'covariances of up to 128 features')
FROM (SELECT gmm_sketch_summary(gmm_sketch(ARRAY(SELECT j + i FROM generate_series(1, 200) AS j), 3)) AS s FROM generate_series(0, 1) AS i) AS q;

-- Sketches of as many rows as a bigint holds, and of more
CREATE FUNCTION pg_temp.doubled(times integer) RETURNS gmm_sketch LANGUAGE plpgsql AS $$
DECLARE
    sketch gmm_sketch = (SELECT gmm_sketch('{1,2}'::double precision[], 10));
BEGIN
    FOR i IN 1..times LOOP
        SELECT gmm_merge(s) INTO sketch FROM unnest(ARRAY[sketch, sketch]) AS s;
    END LOOP;
    RETURN sketch;
END $$;
SELECT equals((gmm_sketch_summary(pg_temp.doubled(62))).n_rows, 4611686018427387904, 'a sketch of 2^62 rows') || E'\n' ||
       raises('SELECT pg_temp.doubled(63)', '22003', 'the number of rows of the sketch is out of range', 'but not of 2^63');

-- Weights that are doubles may have a sum that is none: a null in json would be no weight.
SELECT raises(format($$SELECT %s FROM (SELECT gmm_sketch(ARRAY[mod(i, 3)], 5, 1e308) AS s FROM generate_series(1, 9) AS i) AS q$$, made),
              '22003', 'the sum of the weights is out of range', 'weights beyond the range: ' || made)
FROM unnest('{s::json,s::jsonb,to_jsonb(s),"gmm_fit_sketch(s, 2)"}'::text[]) AS made;
SELECT equals((gmm_sketch(ARRAY[i, NULL], 5, 1e308)::jsonb ->> 'rows') || (gmm_sketch(ARRAY[i, NULL], 5, 1e308)::jsonb ->> 'weights'), '[[3, null]][1' || repeat('0', 308) || ']', 'one of them')
FROM generate_series(3, 3) AS i;

SELECT finish();
