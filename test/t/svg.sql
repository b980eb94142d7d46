-- gmm_svg: a picture is a well-formed document, bounded in size whatever there
-- is to draw, the same in any order and from parallel workers, and true: its
-- places, ellipses and curves are compared with what SQL computes.
\ir models.psql
\ir svg.psql

-- Its ellipses of one deviation.
CREATE FUNCTION pg_temp.ellipses(svg text)
RETURNS TABLE (component bigint, x float8, y float8, angle float8, rx float8, ry float8)
LANGUAGE sql AS $$
    SELECT number, e[1]::float8, e[2]::float8, radians(e[3]::float8), e[4]::float8, e[5]::float8
    FROM regexp_matches(svg, 'translate\((\S+) (\S+)\)rotate\((\S+)\)"><ellipse class="one" rx="(\S+)" ry="(\S+)"', 'g')
         WITH ORDINALITY AS m (e, number)
$$;

-- A polyline's vertices.
CREATE FUNCTION pg_temp.vertices(svg text, class text)
RETURNS TABLE (x float8, y float8) LANGUAGE sql AS $$
    SELECT numbers[2 * i - 1]::float8, numbers[2 * i]::float8
    FROM regexp_matches(svg, 'class="' || class || '" d="M([^"]*)"') AS path,
         LATERAL (SELECT string_to_array(path[1], ' ')) AS n (numbers),
         generate_series(1, cardinality(numbers) / 2) AS i
$$;

CREATE FUNCTION pg_temp.plan(statement text, options text DEFAULT 'COSTS OFF') RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    line text;
    lines text = '';
BEGIN
    FOR line IN EXECUTE format('EXPLAIN (%s) %s', options, statement) LOOP
        lines = lines || line || E'\n';
    END LOOP;
    RETURN lines;
END $$;

-- --- well-formed, in each case ---

CREATE TABLE cases AS
SELECT number, family, d, k, gmm_fit(features, k, gmm_options(covariance_type => family, max_iter => 20)) AS model
FROM families, generate_series(1, 3) AS d, generate_series(1, 4) AS k,
     LATERAL (SELECT 2000 * d + 200 * k + ascii(family)) AS c (number),
     random_rows(:seed * 100000 + number, 60, d, 3)
GROUP BY number, family, d, k;

CREATE TABLE pictures AS
SELECT family, d, k, n, x, y,
       CASE WHEN x = 0 THEN (SELECT gmm_svg(features, model) FROM random_rows(:seed * 100000 + number, n, d, 3))
            WHEN y = 0 THEN (SELECT gmm_svg(features, model, x) FROM random_rows(:seed * 100000 + number, n, d, 3))
            ELSE (SELECT gmm_svg(features, model, x, y) FROM random_rows(:seed * 100000 + number, n, d, 3)) END AS svg
FROM cases, unnest('{1,2,60}'::integer[]) AS n,
     (VALUES (0, 0), (1, 0), (3, 0), (1, 2), (3, 1)) AS dims (x, y)
WHERE greatest(x, y) <= d;

-- xml needs a server that was built with libxml
SELECT EXISTS (SELECT FROM pg_config WHERE name = 'CONFIGURE' AND setting LIKE '%--with-libxml%') AS has_xml \gset
\if :has_xml
SELECT equals(count(*) FILTER (WHERE xml_is_well_formed_document(svg)), count(*), 'pictures are well-formed XML')
FROM pictures;
SELECT ok(bool_and(array_length(xpath('/s:svg/s:svg/s:path', svg::xml, '{{s,http://www.w3.org/2000/svg}}'), 1) >= 1),
          'with paths in an svg')
FROM pictures;
\else
SELECT ok(true, 'well-formed XML # skip the server has no xml');
\endif
SELECT equals(count(*), 4 * 4 * 3 * (2 + 3 + 5)::bigint, 'as many pictures as there are cases') FROM pictures;
SELECT ok(bool_and(octet_length(svg) = length(svg) AND svg !~ '[^\n -~]'), 'in ASCII') FROM pictures;
SELECT ok(bool_and(svg !~* '[^a-z](nan|inf|infinity)[^a-z]'), 'every number is finite') FROM pictures;

-- --- places and colours ---

CREATE TABLE plotted AS
SELECT number, d, id, features, gmm_predict(model, features) AS component
FROM cases, random_rows(:seed * 100000 + number, 250, d, 3)
WHERE d > 1;

-- (Rows that are far out are not in a picture, whose axes end with the rest.  It says so, and
-- the test has no use for the few of these.)
CREATE TABLE drawn AS
SELECT number, dim_x, dim_y, model, svg, min_x, min_y,
       sx, sy, left_ - sx * min_x AS shift_x, top_ - sy * max_y AS shift_y
FROM (SELECT number, dim_x, dim_y, gmm_svg(features, model, dim_x, dim_y) AS svg,
             min(features[dim_x]) AS min_x, max(features[dim_x]) AS max_x,
             min(features[dim_y]) AS min_y, max(features[dim_y]) AS max_y
      FROM plotted JOIN cases USING (number, d), (VALUES (1, 2), (2, 1), (3, 2)) AS dims (dim_x, dim_y)
      WHERE greatest(dim_x, dim_y) <= d
      GROUP BY number, dim_x, dim_y) AS p
     JOIN cases USING (number),
     LATERAL (SELECT min(x), min(y), (max(x) - min(x)) / (max_x - min_x), (min(y) - max(y)) / (max_y - min_y)
              FROM pg_temp.marks(svg)) AS m (left_, top_, sx, sy)
WHERE svg NOT LIKE '% outside%';

CREATE TABLE marks AS
SELECT number, dim_x, dim_y, m.* FROM drawn, pg_temp.marks(svg) AS m;

SELECT ok(count(*) >= 60, count(*) || ' pictures of 80 have all rows') FROM drawn;

-- Each row has a mark of its component where it belongs.
SELECT equals(count(*) FILTER (WHERE NOT EXISTS (
                  SELECT FROM marks AS m
                  WHERE (m.number, m.dim_x, m.dim_y, m.component) =
                        (drawn.number, drawn.dim_x, drawn.dim_y, p.component) AND
                        abs(m.x - shift_x - sx * features[dim_x]) < 0.3 AND
                        abs(m.y - shift_y - sy * features[dim_y]) < 0.3)), 0::bigint,
              'every row has its mark, with the colour of its component')
FROM drawn JOIN plotted AS p USING (number)
WHERE id % 10 = 0;
SELECT ok(bool_and(marks BETWEEN 200 AND 250), 'and there are no others')
FROM (SELECT count(*) FROM marks GROUP BY number, dim_x, dim_y) AS m (marks);

-- The ticks say the same of the axes as the marks.
SELECT ok(max(abs(a.scale / sx - 1) + abs(a.shift + a.scale * min_x - shift_x - sx * min_x) / 100) < 0.01,
          'ticks are where their values are, across')
FROM drawn, pg_temp.axis(svg, 'x') AS a;
SELECT ok(max(abs(a.scale / sy - 1) + abs(a.shift + a.scale * min_y - shift_y - sy * min_y) / 100) < 0.01,
          'and upwards')
FROM drawn, pg_temp.axis(svg, 'y') AS a;

-- --- ellipses ---

-- The covariance that an ellipse stands for, in pixels, is the component's.
SELECT all_within(array_agg(greatest(
           abs(e.x - shift_x - sx * mean[dim_x]) / 30, abs(e.y - shift_y - sy * mean[dim_y]) / 30,
           abs((rx * cos(angle)) ^ 2 + (ry * sin(angle)) ^ 2 - sx ^ 2 * covariance[dim_x][dim_x]) / size,
           abs((rx * sin(angle)) ^ 2 + (ry * cos(angle)) ^ 2 - sy ^ 2 * covariance[dim_y][dim_y]) / size,
           abs((rx ^ 2 - ry ^ 2) * sin(angle) * cos(angle) - sx * sy * covariance[dim_x][dim_y]) / size)),
       (SELECT sum((model::jsonb ->> 'k')::integer)::integer FROM drawn), 0.03,
       'ellipses are those of the covariances')
FROM drawn, gmm_components(model) AS c JOIN pg_temp.ellipses(svg) AS e USING (component),
     LATERAL (SELECT sx ^ 2 * covariance[dim_x][dim_x] + sy ^ 2 * covariance[dim_y][dim_y]) AS s (size);

-- --- curves ---

CREATE TABLE curves AS
SELECT number, dim, model, svg, a.scale AS sx, a.shift AS shift_x, b.scale AS sy, b.shift AS shift_y
FROM (SELECT number, dim, model,
             (SELECT gmm_svg(features, model, dim) FROM random_rows(:seed * 100000 + number, 80, d, 3)) AS svg
      FROM cases, generate_series(1, 3) AS dim WHERE dim <= d) AS p,
     pg_temp.axis(svg, 'x') AS a, pg_temp.axis(svg, 'y') AS b;

-- Places and ticks are written to a tenth of a pixel.  A vertex is then within 0.2 pixels of
-- where it is drawn, 0.05 by itself and the rest by an axis taken from two ticks, and a
-- component may be narrower than that: so the curve is between the least and the largest
-- density of each component as near as that.  Upwards one pixel more, and what two ticks 100
-- pixels apart leave of a peak that is cut off.
SELECT all_within(array_agg(worst), count(*)::integer, 1, 'the curve of the mixture is its density')
FROM curves, LATERAL (
    SELECT max(greatest(least_density * height - (shift_y - v.y), (shift_y - v.y) - most_density * height) /
               (1 + most_density * height / 1000))
    FROM pg_temp.vertices(svg, 'total') AS v, LATERAL (SELECT -sy) AS s (height),
         LATERAL (SELECT sum(density * exp(greatest(-0.5 * (away + 0.2) ^ 2 / variance, -700))),
                         sum(density * exp(greatest(-0.5 * greatest(away - 0.2, 0) ^ 2 / variance, -700)))
                  FROM gmm_components(model),
                       LATERAL (SELECT abs(v.x - shift_x - sx * mean[dim]), sx ^ 2 * covariance[dim][dim],
                                       weight / sqrt(2 * pi() * covariance[dim][dim])) AS c (away, variance, density)
                 ) AS d (least_density, most_density)) AS w (worst);

-- --- any order ---

CREATE TABLE many AS
SELECT r.* FROM random_rows(:seed * 1000 + 16, 12000, 3, 3) AS r;
INSERT INTO many SELECT id + 12000, cluster, features FROM many WHERE id % 3 = 0;
CREATE TABLE fitted AS
SELECT gmm_fit(features, 3, '{"max_iter": 10}') AS model FROM many WHERE id < 2000;

SELECT equals(count(DISTINCT md5(svg)), 1::bigint, 'the same picture in 5 orders')
FROM fitted, generate_series(1, 5) AS turn, LATERAL (
    SELECT gmm_svg(features, model ORDER BY CASE turn WHEN 1 THEN id WHEN 2 THEN -id
                                            ELSE hashint8extended(id, :seed + turn) END) AS svg
    FROM many) AS p;
SELECT equals(count(DISTINCT md5(svg)), 1::bigint, 'of one feature, too')
FROM fitted, generate_series(1, 3) AS turn, LATERAL (
    SELECT gmm_svg(features, model, 2 ORDER BY hashint8extended(id, :seed + turn)) AS svg FROM many) AS p;
SELECT ok(count(*) = 1 AND min(m[1]::integer) BETWEEN 2000 AND 4000, 'copies are counted, not drawn')
FROM fitted, LATERAL (SELECT gmm_svg(features, model) AS svg FROM many) AS p,
     regexp_matches(svg, '>(\d+) of<.*>16000 rows<') AS m;
SELECT ok(without <> all_rows, 'without some rows it is another picture')
FROM fitted, LATERAL (SELECT gmm_svg(features, model) AS all_rows,
                             gmm_svg(features, model) FILTER (WHERE id % 5 > 0) AS without FROM many) AS p;

-- A sample is as the rows are: of each cluster the share that it has.
SELECT ok(max(abs(drawn - share)) < 0.05, 'the sample has the components in proportion')
FROM (SELECT component, count(*)::float8 / (SELECT count(DISTINCT features) FROM many) AS share
      FROM (SELECT DISTINCT gmm_predict(model, features) AS component, features FROM many, fitted) AS p
      GROUP BY component) AS s
JOIN (SELECT component, count(*) / 2000.0 AS drawn
      FROM fitted, LATERAL (SELECT gmm_svg(features, model) AS svg FROM many) AS p, pg_temp.marks(svg)
      GROUP BY component) AS d USING (component);

-- --- many rows ---

CREATE TABLE million AS
SELECT ARRAY[i % 3 * 10 + i * 7919 % 10007 / 5000.0, i * 10477 % 10037 / 3000.0, i * 31 % 9973]::float8[] AS x
FROM generate_series(1, 1200000::bigint) AS i;
ALTER TABLE million SET (parallel_workers = 2);
ANALYZE million;
CREATE TABLE of_million AS
SELECT gmm_fit(x, 5, '{"max_iter": 5, "n_init": 1}') AS model FROM (SELECT x FROM million LIMIT 5000) AS s;

SET max_parallel_workers_per_gather = 0;
CREATE TABLE alone AS
SELECT gmm_svg(x, model) AS scatter, gmm_svg(x, model, 2) AS density FROM million, of_million;
SELECT ok(length(scatter) BETWEEN 10000 AND 60000, '1.2 million rows: a picture of ' || length(scatter) / 1024 || ' kB')
FROM alone;
SELECT ok(length(density) BETWEEN 5000 AND 60000, 'of one feature: ' || length(density) / 1024 || ' kB')
FROM alone;
SELECT ok(scatter LIKE '%>2000 of<%>1200000 rows<%', '2000 rows are drawn')
FROM alone;

-- Nor does it grow with the components.
SELECT ok(length(gmm_svg(ARRAY[i, i % 7], model)) < 100000 AND length(gmm_svg(ARRAY[i, i % 7], model, 1)) < 250000,
          '3000 components: still bounded')
FROM (SELECT gmm_model(array_agg(1.0 / 3000), array_agg(ARRAY[i, i % 7]), array_agg(0.01), 'spherical') AS model
      FROM generate_series(1, 3000) AS i) AS m, generate_series(1, 3000) AS i;

SELECT current_setting('server_version_num')::integer >= 140000 AS has_contexts \gset
\if :has_contexts
CREATE FUNCTION pg_temp.memory(svg text) RETURNS bigint LANGUAGE sql VOLATILE AS $$
    SELECT sum(total_bytes)::bigint FROM pg_backend_memory_contexts WHERE name LIKE '%ExprContext%'
$$;
SELECT ok(pg_temp.memory(gmm_svg(x, model)) BETWEEN 100000 AND 3000000,
          'and the state takes some 100 kB') FROM million, of_million;
\endif

SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
\set scatter 'SELECT gmm_svg(x, (SELECT model FROM of_million)) FROM million'
\set density 'SELECT gmm_svg(x, (SELECT model FROM of_million), 2) FROM million'
SELECT ok(pg_temp.plan(:'scatter') ~ 'Finalize Aggregate\n.*Gather\n(.*\n)*.*Partial Aggregate',
          'workers aggregate');
SELECT ok(pg_temp.plan(:'scatter', 'ANALYZE, TIMING OFF') ~ 'Workers Launched: [12]', 'and are launched');
SELECT equals((:scatter), (SELECT scatter FROM alone), 'the same picture from workers');
SELECT equals((:density), (SELECT density FROM alone), 'of one feature, too');
SELECT raises($$SELECT gmm_svg(x, CASE WHEN million.ctid < '(100,1)' THEN a.model ELSE b.model END)
                FROM million, of_million AS a, (SELECT gmm_model('{1}', '{{0,0,0}}', '{1}', 'spherical') AS model) AS b$$,
              '22023', 'model must be the same', 'workers with different models');

-- --- bytes that are not a state ---

CREATE AGGREGATE pg_temp.state_of(double precision[], gmm_model) (
    SFUNC = gmm_svg_transition, STYPE = internal, FINALFUNC = pg_temp.state_bytes);
CREATE TABLE state AS
SELECT pg_temp.state_of(features, gmm_model('{0.5, 0.5}', '{{0, 0}, {3, 4}}', '{{1, 1}, {2, 0.5}}', 'diag')) AS bytes
FROM random_rows(:seed * 1000 + 17, 8, 2, 2);
SELECT equals(pg_temp.try(bytes), 'true', 'a state is read back') FROM state;
SELECT ok(count(*) > 100 AND bool_and(outcome IN ('22P03', '08P01')), 'a part of one is refused, wherever it ends')
FROM (SELECT pg_temp.try(substring(bytes for n)) AS outcome
      FROM state, generate_series(0, length(bytes) - 1) AS n) AS t;
SELECT ok(count(*) FILTER (WHERE outcome NOT IN ('true', '22P03', '08P01', '22023', '54000', '22003', '0A000')) = 0 AND
          count(*) FILTER (WHERE outcome <> 'true') > count(*) / 4,
          'a byte that is another is refused, or makes another state: ' ||
          string_agg(DISTINCT outcome, ', '))
FROM (SELECT pg_temp.try(set_byte(bytes, n, byte)) AS outcome
      FROM state, generate_series(0, length(bytes) - 1) AS n, unnest('{0, 1, 127, 128, 255}'::integer[]) AS byte
      WHERE get_byte(bytes, n) <> byte) AS t;
SELECT raises($$SELECT pg_temp.read_bytes('\x01')$$, 'XX000', 'outside of an aggregate', 'not outside of an aggregate');

SELECT finish();
