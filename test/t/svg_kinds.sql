-- gmm_svg and its kin: rows that are far away, noise, names, titles and sizes; every
-- pair of features; what gmm_fit_best tried.  svg.sql has places and curves.
\ir models.psql
\ir svg.psql

-- The texts of a class, as they are to be read.
CREATE FUNCTION pg_temp.texts(svg text, class text) RETURNS text[] LANGUAGE sql AS $$
    SELECT array_agg(t[1] ORDER BY number)
    FROM regexp_matches(svg, '<text class="' || class || '"[^>]*>([^<]*)</text>', 'g') WITH ORDINALITY AS m (t, number)
$$;

CREATE FUNCTION pg_temp.title(svg text) RETURNS text LANGUAGE sql AS $$
    SELECT substring(svg FROM '<title>([^<]*)</title>')
$$;

CREATE FUNCTION pg_temp.plan(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    line text;
    lines text = '';
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF, ANALYZE, TIMING OFF) ' || statement LOOP
        lines = lines || line || E'\n';
    END LOOP;
    RETURN lines;
END $$;

SELECT EXISTS (SELECT FROM pg_config WHERE name = 'CONFIGURE' AND setting LIKE '%--with-libxml%') AS has_xml \gset

-- --- far rows ---

-- Clusters of 300 rows, and 1 to 5 rows far from them in any direction.
CREATE TABLE far AS
SELECT number, 1 + number % 5 AS n_far, id, features, false AS is_far
FROM generate_series(1, 10) AS number, random_rows(:seed * 1000 + number, 300, 2, 2)
UNION ALL
SELECT number, 1 + number % 5, 300 + i,
       ARRAY[cos(angle), sin(angle)] , true
FROM generate_series(1, 10) AS number, generate_series(1, 1 + number % 5) AS i,
     LATERAL (SELECT 2 * pi() * uniform(:seed, 900 + number, i)) AS a (angle);
UPDATE far SET features = ARRAY[1e5 * features[1], 1e5 * features[2]] WHERE is_far;
CREATE TABLE far_models AS
SELECT number, n_far, gmm_fit(features, 2) FILTER (WHERE NOT is_far) AS model FROM far GROUP BY number, n_far;
CREATE TABLE far_pictures AS
SELECT number, n_far, gmm_svg(features, model) AS svg, gmm_svg(features, model) FILTER (WHERE NOT is_far) AS near,
       gmm_svg(features, model, 1) AS density, gmm_svg_pairs(features, model) AS pairs
FROM far JOIN far_models USING (number, n_far) GROUP BY number, n_far;

-- In near's pictures all rows are inside, or nearly all.
SELECT ok(max(coalesce(substring(near FROM '(\d+) rows? outside')::integer, 0)) <= 6, 'of clusters nearly all rows are inside')
FROM far_pictures;
SELECT equals(count(*), 10::bigint, 'rows that are far are outside, and counted')
FROM far_pictures
WHERE substring(svg FROM '(\d+) rows? outside')::integer BETWEEN n_far AND n_far + 6;
SELECT equals(substring(svg FROM '(\d+) rows? outside')::integer, 3 + coalesce(substring(near FROM '(\d+) rows? outside')::integer, 0),
              'a row that is far three times is three rows')
FROM (SELECT gmm_svg(features, model) AS svg, gmm_svg(features, model) FILTER (WHERE NOT is_far) AS near
      FROM (SELECT features, false AS is_far FROM far WHERE number = 1 AND NOT is_far
            UNION ALL SELECT '{1e5,1e5}', true FROM generate_series(1, 3)) AS r, far_models
      WHERE number = 1) AS p;
SELECT ok(bool_and(arrows BETWEEN 1 AND n_far + 6), 'with a mark at the edge')
FROM far_pictures, LATERAL (SELECT count(*) FROM regexp_matches(substring(svg FROM '<path class="out" d="([^"]*)"'), 'M', 'g')) AS a (arrows);
SELECT equals(count(*) FILTER (WHERE svg LIKE '%class="out"%' AND density LIKE '%class="out"%' AND pairs LIKE '%class="out"%'),
              10::bigint, 'in each kind of picture') FROM far_pictures;
-- What is drawn of the others is as large as without them.
SELECT ok(min(shown / alone) > 0.7, 'and the others are as large as without them')
FROM far_pictures, LATERAL (SELECT max(x) - min(x) FROM pg_temp.marks(svg)) AS a (shown),
     LATERAL (SELECT max(x) - min(x) FROM pg_temp.marks(near)) AS b (alone);

-- --- noise ---

CREATE TABLE noisy AS
SELECT features FROM random_rows(:seed * 1000 + 50, 400, 2, 2)
UNION ALL
SELECT ARRAY[40 * uniform(:seed, 60, i) - 20, 40 * uniform(:seed, 61, i) - 20] FROM generate_series(1, 60) AS i;
CREATE TABLE noise_model AS SELECT gmm_fit(features, 2, '{"noise": true}') AS model FROM noisy;
SELECT ok(noise > 20 AND crosses BETWEEN noise - outside AND noise, noise || ' rows of noise are crosses, but ' || outside || ' outside')
FROM (SELECT gmm_svg(features, model, 1, 2) AS svg, count(*) FILTER (WHERE gmm_predict(model, features) = 0) AS noise
      FROM noisy, noise_model) AS p,
     LATERAL (SELECT count(*) FROM pg_temp.marks(svg) WHERE component = 85) AS c (crosses),
     LATERAL (SELECT coalesce(substring(svg FROM '(\d+) rows? outside')::integer, 0)) AS o (outside);
SELECT ok(svg ~ '>noise<' OR svg ~ '>noise&#160;', 'and the legend says so')
FROM (SELECT gmm_svg(features, model) AS svg FROM noisy, noise_model) AS p;

-- --- names, title, size ---

CREATE TABLE named AS
SELECT gmm_fit(features, 2, '{"features": ["<b> & \"x\"''s", "größe"]}') AS model
FROM random_rows(:seed * 1000 + 51, 100, 2, 2);
CREATE TABLE titled AS
SELECT gmm_svg(features, model, 1, 2, '{"title": "a < b & c", "width": 500, "height": 333}') AS svg,
       gmm_svg_pairs(features, model, NULL, '{"title": "a < b & c", "width": 500, "height": 333}') AS pairs
FROM named, random_rows(:seed * 1000 + 51, 100, 2, 2);
SELECT equals(pg_temp.texts(svg, 'x name'), '{"&#60;b&#62; &#38; &#34;x&#34;&#39;s"}'::text[], 'a name is escaped') FROM titled;
SELECT equals(pg_temp.texts(svg, 'y name'), '{"gr&#246;&#223;e"}'::text[], 'and in ASCII') FROM titled;
SELECT equals(pg_temp.texts(pairs, 'x name') || pg_temp.texts(pairs, 'y name'),
              '{"&#60;b&#62; &#38; &#34;x&#34;&#39;s","gr&#246;&#223;e","gr&#246;&#223;e"}'::text[], 'in pairs, too') FROM titled;
SELECT equals(pg_temp.texts(svg, 'title'), '{"a &#60; b &#38; c"}'::text[], 'the title is above') FROM titled;
SELECT equals(pg_temp.title(svg),
              'a &#60; b &#38; c: Gaussian mixture of 2 components: &#60;b&#62; &#38; &#34;x&#34;&#39;s and gr&#246;&#223;e',
              'and what it is of is said to screen readers') FROM titled;
SELECT equals(substring(picture FROM 'width="\d+" height="\d+" viewBox="[^"]*"'),
              'width="500" height="333" viewBox="0 0 500 333"', 'the size is as asked')
FROM titled, LATERAL (VALUES (svg), (pairs)) AS p (picture);
SELECT ok((pg_temp.texts(svg, 'x name'))[1] ~ '^a name that is.{0,12}&#8230;$', 'a name that is too long is cut')
FROM (SELECT gmm_svg(x, model, 1, 2, '{"width": 300}') AS svg
      FROM (SELECT gmm_fit(x, 1, '{"features": ["a name that is longer than the axis has pixels", "b"]}') AS model
            FROM (VALUES ('{1,2}'::float8[]), ('{2,3}'), ('{3,1}')) AS v (x)) AS m, (VALUES ('{1,2}'::float8[])) AS w (x)) AS p;
-- Six features on 300 by 240 pixels: drawn larger, so that names and numbers have room
CREATE TABLE cramped AS
SELECT gmm_svg_pairs(x, model, NULL, '{"width": 300, "height": 240}') AS svg
FROM (SELECT gmm_fit(features, 2) AS model FROM random_rows(:seed * 1000 + 52, 100, 6, 2)) AS m,
     (SELECT ARRAY(SELECT v * 10 ^ (2 * j) FROM unnest(features) WITH ORDINALITY AS f (v, j)) AS x
      FROM random_rows(:seed * 1000 + 52, 100, 6, 2)) AS r;
SELECT ok(shown = '{300,240}' AND drawn[1] / drawn[2] = 300 / 240.0 AND drawn[2] > 600, 'a picture too small for its panels is drawn larger')
FROM cramped, LATERAL regexp_match(svg, 'width="(\d+)" height="(\d+)" viewBox') AS shown,
     LATERAL (SELECT regexp_match(svg, 'viewBox="0 0 (\d+) (\d+)"')::numeric[]) AS d (drawn);
SELECT ok(count(*) = 6 AND bool_and(name ~ '^(feature )?[1-6]( / 1e\+\d+)?$') AND
          bool_and(apart > wide), 'and no name touches the next: ' || string_agg(name, ', '))
FROM (SELECT m[2] AS name, m[1]::numeric - lag(m[1]::numeric) OVER (ORDER BY m[1]::numeric) AS apart,
             8 * (length(m[2]) + lag(length(m[2])) OVER (ORDER BY m[1]::numeric)) / 2.0 AS wide
      FROM cramped, regexp_matches(svg, '<text class="x name" text-anchor="middle" x="(\d+)" y="\d+">([^<]*)', 'g') AS m) AS names;
\if :has_xml
SELECT ok(bool_and(xml_is_well_formed_document(picture)), 'all of it is well-formed XML')
FROM titled, LATERAL (VALUES (svg), (pairs)) AS p (picture);
\else
SELECT ok(true, 'all of it is well-formed XML # skip the server has no xml');
\endif

CREATE FUNCTION pg_temp.draw(options jsonb) RETURNS text LANGUAGE sql AS $$
    SELECT gmm_svg(features, model, 1, 2, options) FROM random_rows(1, 20, 2, 2), named
$$;
SELECT ok(pg_temp.draw(NULL) = pg_temp.draw('{}') AND pg_temp.draw('{"title": null}') = pg_temp.draw('{}'), 'options may be NULL');
SELECT raises($$SELECT pg_temp.draw('{"titel": "a"}')$$, '22023', 'unknown option "titel"', 'an unknown option');
-- 64 bytes would end within a character, which no client could read
SELECT raises($$SELECT pg_temp.draw(jsonb_build_object('a' || repeat(U&'\00e9', 40), 1))$$, '22023',
              'unknown option "a' || repeat(U&'\00e9', 31) || '"', 'an unknown option that is long');
SELECT raises($$SELECT pg_temp.draw('{"title": 1}')$$, '22023', 'must be a string', 'a title that is none');
SELECT raises($$SELECT pg_temp.draw('{"width": 100}')$$, '22023', 'from 240 to 4000', 'a width that is too small');
SELECT raises($$SELECT pg_temp.draw('{"height": 500.5}')$$, '22023', 'integer', 'a height that is not whole');
SELECT raises($$SELECT pg_temp.draw('{"width": "600"}')$$, '22023', 'integer', 'a width that is no number');
SELECT raises($$SELECT pg_temp.draw('[1]')$$, '22023', 'JSON object', 'options that are none');
SELECT raises($$SELECT gmm_svg(features, model, 1, 2, jsonb_build_object('title', id::text)) FROM random_rows(1, 20, 2, 2), named$$,
              '22023', 'options must be the same', 'options that change');
SELECT raises($$SELECT gmm_svg_pairs(features, model, ARRAY[1, 1 + id % 2]) FROM random_rows(1, 20, 2, 2), named$$,
              '22023', '', 'dims that change');
SELECT raises($$SELECT gmm_svg_pairs(features, model, '{1,3}') FROM random_rows(1, 20, 2, 2), named$$,
              '22023', 'element 2 of dims is 3, but the model has 2 dimensions', 'dims that are not there');
SELECT raises($$SELECT gmm_svg_pairs(features, model, '{1,NULL}') FROM random_rows(1, 20, 2, 2), named$$,
              '22004', 'element 2 of dims is NULL', 'dims that are NULL');
SELECT raises($$SELECT gmm_svg_pairs(features, model, '{1,2,3,4,5,6,7}') FROM random_rows(1, 20, 8, 2),
                (SELECT gmm_fit(features, 1) AS model FROM random_rows(1, 20, 8, 2)) AS m$$,
              '54000', 'at most 6 elements', 'too many of them');

-- --- which features, of many ---

-- Two clusters that are the same in all features but two; in odd cases each of
-- these by itself tells little, for it is their difference that does.
CREATE TABLE hidden AS
SELECT number, d, p, q, gmm_model('{0.5, 0.5}', ARRAY[first, second], ARRAY[matrix, matrix]) AS model
FROM generate_series(1, 24) AS number,
     LATERAL (SELECT 3 + number % 8, 1 + (uniform(:seed, 70, number) * 100)::integer, 1 + (uniform(:seed, 71, number) * 100)::integer) AS r (d, a, b),
     LATERAL (SELECT 1 + a % d, 1 + (a + 1 + b % (d - 1)) % d) AS s (u, v),
     LATERAL (SELECT least(u, v), greatest(u, v)) AS t (p, q),
     LATERAL (SELECT array_agg(0.0::float8 ORDER BY i), array_agg(CASE i WHEN p THEN 2.0::float8 WHEN q THEN CASE number % 2 WHEN 1 THEN -2.0 ELSE 2.0 END ELSE 0 END ORDER BY i)
              FROM generate_series(1, d) AS i) AS m (first, second),
     LATERAL (SELECT array_agg(line ORDER BY i)
              FROM (SELECT i, array_agg(CASE WHEN i = j THEN 1.0::float8 WHEN number % 2 = 1 AND least(i, j) = p AND greatest(i, j) = q THEN 0.9 ELSE 0 END ORDER BY j) AS line
                    FROM generate_series(1, d) AS i, generate_series(1, d) AS j GROUP BY i) AS l) AS c (matrix);
SELECT equals(count(*) FILTER (WHERE pg_temp.texts(svg, 'x name') = ARRAY['feature ' || p] AND
                                     pg_temp.texts(svg, 'y name') = ARRAY['feature ' || q]), 24::bigint,
              'by default the pair is drawn that tells the components apart')
FROM (SELECT number, p, q, (SELECT gmm_svg(features, model) FROM random_rows(:seed, 5, d, 1)) AS svg FROM hidden) AS h;
SELECT ok(bool_and(names @> ARRAY['feature ' || p, 'feature ' || q] AND cardinality(names) = least(d, 6)),
          'and it is among the six of which there are pairs')
FROM hidden, LATERAL (SELECT gmm_svg_pairs(features, model) FROM random_rows(:seed, 5, d, 1)) AS s (svg),
     LATERAL (SELECT pg_temp.texts(svg, 'x name')) AS n (names);

-- --- pairs ---

CREATE TABLE paired AS
SELECT d, array_agg(features) AS rows,
       gmm_svg_pairs(features, model) AS svg, gmm_svg_pairs(features, model, '{2,1}') AS two,
       gmm_svg_pairs(features, model, '{1}') AS one
FROM generate_series(2, 6) AS d, random_rows(:seed * 1000 + 80 + d, 120, d, 3),
     LATERAL (SELECT gmm_fit(features, 3) AS model FROM random_rows(:seed * 1000 + 80 + d, 120, d, 3)) AS m
GROUP BY d;
SELECT ok(bool_and(frames = d * (d + 1) / 2 AND densities = d), 'a frame for each pair, and for each feature')
FROM paired, LATERAL (SELECT (SELECT count(*) FROM regexp_matches(svg, 'class="frame"', 'g')),
                             (SELECT count(*) FROM regexp_matches(svg, 'class="bars"', 'g'))) AS f (frames, densities);
SELECT ok(bool_and(marks BETWEEN 0.9 * d * (d - 1) / 2 * 120 AND d * (d - 1) / 2 * 120), 'with the rows in each')
FROM paired, LATERAL (SELECT count(*) FROM pg_temp.marks(svg)) AS m (marks);
-- (the first axis across and the only one upwards are those of the pair)
SELECT equals(count(*) FILTER (WHERE NOT EXISTS (
                  SELECT FROM pg_temp.marks(two) AS m
                  WHERE abs(m.x - a.shift - a.scale * rows[i][2]) < 0.4 AND abs(m.y - b.shift - b.scale * rows[i][1]) < 0.4)),
              sum(outside)::bigint, 'at their places')
FROM (SELECT *, coalesce(substring(two FROM '(\d+) rows? outside')::integer, 0) AS n_outside FROM paired) AS p,
     pg_temp.axis(two, 'x') AS a, pg_temp.axis(two, 'y') AS b, generate_subscripts(rows, 1) AS i,
     LATERAL (SELECT CASE i WHEN 1 THEN n_outside ELSE 0 END) AS o (outside);
SELECT equals(array_agg(pg_temp.texts(two, 'x name') ORDER BY d), array_agg(ARRAY['feature 2', 'feature 1'] ORDER BY d),
              'features in the order that is asked for') FROM paired;
SELECT ok(bool_and(one !~ 'ellipse' AND one ~ 'class="bars"'), 'of one feature the density') FROM paired;
SELECT equals(count(DISTINCT md5(svg)), 1::bigint, 'the same picture in any order')
FROM generate_series(1, 3) AS turn,
     LATERAL (SELECT gmm_svg_pairs(features, model ORDER BY hashint8extended(id, :seed + turn)) AS svg
              FROM random_rows(:seed * 1000 + 90, 3000, 3, 3),
                   (SELECT gmm_fit(features, 3, '{"max_iter": 5}') AS model FROM random_rows(:seed * 1000 + 90, 3000, 3, 3)) AS m) AS p;

CREATE TABLE million AS
SELECT ARRAY[i % 3 * 10 + i * 7919 % 10007 / 5000.0, i * 10477 % 10037 / 3000.0, i * 31 % 9973, i % 7, i % 11, i * 17 % 1009]::float8[] AS x
FROM generate_series(1, 300000::bigint) AS i;
ALTER TABLE million SET (parallel_workers = 2);
ANALYZE million;
CREATE TABLE of_million AS SELECT gmm_fit(x, 4, '{"max_iter": 3, "n_init": 1}') AS model FROM (SELECT x FROM million LIMIT 3000) AS s;
\set pairs 'SELECT gmm_svg_pairs(x, (SELECT model FROM of_million), NULL, \'{"title": "six"}\') FROM million'
SET max_parallel_workers_per_gather = 0;
CREATE TABLE alone AS :pairs;
SELECT ok(length(gmm_svg_pairs) BETWEEN 50000 AND 300000, 'pairs of six features of many rows: ' || length(gmm_svg_pairs) / 1024 || ' kB') FROM alone;
SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT ok(pg_temp.plan(:'pairs') ~ 'Workers Launched: [12](\n.*)*Partial Aggregate', 'workers aggregate');
SELECT equals((:pairs), (TABLE alone), 'to the same picture');

-- Bytes that are not a state, as in svg.sql.
CREATE AGGREGATE pg_temp.state_of(double precision[], gmm_model, integer[], jsonb) (
    SFUNC = gmm_svg_pairs_transition, STYPE = internal, FINALFUNC = pg_temp.state_bytes);
CREATE TABLE state AS
SELECT pg_temp.state_of(features, model, '{3,1,2}', '{"title": "three", "width": 600}') AS bytes
FROM random_rows(:seed * 1000 + 17, 8, 3, 2), (SELECT gmm_fit(features, 2) AS model FROM random_rows(:seed * 1000 + 17, 8, 3, 2)) AS m;
SELECT equals(pg_temp.try(bytes), 'true', 'a state is read back') FROM state;
SELECT ok(count(*) > 100 AND bool_and(outcome IN ('22P03', '08P01')), 'a part of one is refused, wherever it ends')
FROM (SELECT pg_temp.try(substring(bytes for n)) AS outcome FROM state, generate_series(0, length(bytes) - 1) AS n) AS t;
SELECT ok(count(*) FILTER (WHERE outcome NOT IN ('true', '22P03', '08P01', '22023', '54000', '22003', '0A000', '22021')) = 0 AND
          count(*) FILTER (WHERE outcome <> 'true') > count(*) / 5,
          'a byte that is another is refused, or makes another state: ' || string_agg(DISTINCT outcome, ', '))
FROM (SELECT pg_temp.try(set_byte(bytes, n, byte)) AS outcome
      FROM state, generate_series(0, length(bytes) - 1) AS n, unnest('{0, 1, 127, 128, 255}'::integer[]) AS byte
      WHERE get_byte(bytes, n) <> byte) AS t;

-- --- labels ---

-- Numbers of 14 pixels in boldface do not touch, however near the components.
CREATE TABLE crowded AS
SELECT n, gmm_svg(features, model) AS svg, gmm_svg(features, model, 1) AS density
FROM generate_series(1, 8) AS n, random_rows(:seed * 1000 + 95 + n, 600, 2, 4),
     LATERAL (SELECT gmm_fit(features, 5 * n, '{"max_iter": 3, "n_init": 1}') AS model
              FROM random_rows(:seed * 1000 + 95 + n, 600, 2, 4)) AS m
GROUP BY n;
CREATE TABLE labels AS
SELECT n, kind, number, m[1]::float8 AS x, m[2]::float8 AS y, 9 * length(m[3]) AS width
FROM crowded, LATERAL (VALUES (1, svg), (2, density)) AS k (kind, picture),
     regexp_matches(picture, '<text class="number"[^>]* x="([^"]*)" y="([^"]*)">(\d+)<', 'g') WITH ORDINALITY AS l (m, number);
SELECT equals(count(*), 0::bigint, 'no label touches another')
FROM labels AS a JOIN labels AS b USING (n, kind)
WHERE a.number < b.number AND abs(a.x - b.x) < (a.width + b.width) / 2.0 AND abs(a.y - b.y) < 12;
SELECT ok(count(*) > 2 * 5 * 36 * 0.7, count(*) || ' of 360 are there') FROM labels;

-- --- trials ---

CREATE TABLE chosen AS
SELECT criterion, gmm_fit_best(features, 1, 4, jsonb_build_object('criterion', criterion, 'covariance_type', 'auto')) AS model
FROM unnest('{bic,aic,icl}'::text[]) AS criterion, random_rows(:seed * 1000 + 99, 200, 2, 3)
GROUP BY criterion;
CREATE TABLE trial_marks AS
SELECT criterion, m[1]::float8 AS x, m[2]::float8 AS y, number
FROM chosen, regexp_matches(gmm_svg_trials(model), 'class="c\d (?:mark|hollow)" transform="translate\((\S+) (\S+)\)" d=', 'g')
     WITH ORDINALITY AS t (m, number);
CREATE TABLE tried AS
SELECT criterion, k, row_number() OVER (PARTITION BY criterion ORDER BY place) AS number, chosen,
       CASE criterion WHEN 'bic' THEN bic WHEN 'aic' THEN aic ELSE icl END AS value
FROM chosen, gmm_trials(model) WITH ORDINALITY AS t (k, covariance_type, n_parameters, log_likelihood, bic, aic, icl, iterations, converged, n_starts, n_best_starts, n_suspect, chosen, place);
SELECT ok(min(cx) > 0.99999 AND max(cy) < -0.99999 AND min(n) = 16, 'trials are where k and the criterion are')
FROM (SELECT corr(x, k) AS cx, corr(y, value) AS cy, count(*) AS n FROM trial_marks JOIN tried USING (criterion, number) GROUP BY criterion) AS c;
SELECT ok(bool_and(abs(ring[1]::float8 - x) < 0.2 AND abs(ring[2]::float8 - y) < 0.2) AND count(*) = 3, 'the ring is round the choice')
FROM chosen JOIN tried USING (criterion) JOIN trial_marks USING (criterion, number),
     regexp_matches(gmm_svg_trials(model), '<circle class="choice" r="9" cx="(\S+)" cy="(\S+)"') AS ring
WHERE chosen;
SELECT equals(pg_temp.texts(gmm_svg_trials(model, '{"title": "Choice"}'), 'y name'), ARRAY[upper(criterion)], 'the axis says by what')
FROM chosen;
SELECT ok(gmm_svg_trials(model, '{"width": 400}') ~ 'width="400"' AND gmm_svg_trials(NULL) IS NULL, 'options, and NULL') FROM chosen LIMIT 1;
SELECT ok(gmm_svg_trials(model) IS NULL, 'no picture where there was no choice') FROM named;
\if :has_xml
SELECT ok(bool_and(xml_is_well_formed_document(gmm_svg_trials(model))), 'well-formed XML') FROM chosen;
\else
SELECT ok(true, 'well-formed XML # skip the server has no xml');
\endif

SELECT finish();
