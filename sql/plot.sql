--
-- gmm_svg: a picture of rows and a model
--
\pset format unaligned
\pset tuples_only on

CREATE TABLE plotted (id integer, x double precision[]);
INSERT INTO plotted VALUES
    (1, '{0, 0}'), (2, '{1, 2}'), (3, '{-1, 1}'), (4, '{10, 4}'), (5, '{12, 5}'), (6, '{11, 5}'),
    (7, '{1, 2}');

CREATE TABLE drawn_by AS
SELECT gmm_model('{0.7, 0.3}', '{{0, 1}, {11, 5}}', '{{{1, 0.5}, {0.5, 1}}, {{4, 0}, {0, 0.25}}}') AS model;

CREATE VIEW plotted_density AS
SELECT gmm_svg(x, model, 2) AS svg FROM plotted, drawn_by;

-- What is between the style sheet and the end: equal rows once, all counted.
SELECT regexp_replace(gmm_svg(x, model), '<style>.*</style>', '') FROM plotted, drawn_by;

-- the style sheet has light and dark
SELECT parts > 1 AS has_both FROM (
    SELECT array_length(regexp_split_to_array(gmm_svg(x, model), '@media\(prefers-color-scheme:dark\)'), 1)
    FROM plotted, drawn_by) AS s (parts);

-- One feature: bars, rug, curves.
SELECT regexp_matches(gmm_svg(x, model, 2), '<path class="(bars|rug c.)" d="([^"]*)"|(<text class="number"[^>]*>)', 'g')
FROM plotted, drawn_by;
SELECT class, count(*) AS curves, min(length(d)) > 500 AS are_long
FROM plotted_density, regexp_matches(svg, '<path class="(total|curve c.)" d="([^"]*)"', 'g') AS m,
     LATERAL (SELECT m[1], m[2]) AS curve (class, d)
GROUP BY class ORDER BY class;

-- Without dimensions a model of one has that one, others the first two.
SELECT gmm_svg(x[1:1], gmm_model('{1}', '{{0}}', '{{{1}}}')) =
       gmm_svg(x[1:1], gmm_model('{1}', '{{0}}', '{{{1}}}'), 1) AS the_only_one
FROM plotted;
SELECT gmm_svg(x, model) = gmm_svg(x, model, 1, 2) AS the_first_two,
       gmm_svg(x, model) <> gmm_svg(x, model, 2, 1) AS the_other_way
FROM plotted, drawn_by;

-- Any two of three, whatever the family; the third has its say in colours.
SELECT family, a, b,
       regexp_matches(gmm_svg(ARRAY[x[1], x[2], id], gmm_model('{0.5, 0.5}', '{{0, 1, 2}, {11, 5, 5}}',
           (CASE family WHEN 'tied' THEN '{{4, 1, 0}, {1, 2, 0}, {0, 0, 3}}'
                        WHEN 'diag' THEN '{{1, 2, 3}, {4, 5, 6}}'
                        WHEN 'spherical' THEN '{2, 3}' END)::float8[], family), a, b),
           'rotate[^>]*><ellipse class="one" [^>]*>') AS first_ellipse
FROM plotted, unnest('{tied,diag,spherical}'::text[]) AS family,
     (VALUES (1, 3), (3, 1), (2, 3)) AS dims (a, b)
GROUP BY family, a, b ORDER BY family, a, b;

-- A NULL row is skipped; where there is none, there is no picture.
SELECT gmm_svg(CASE WHEN id < 5 THEN x END, model) = gmm_svg(x, model) FILTER (WHERE id < 5) AS skipped
FROM plotted, drawn_by;
SELECT gmm_svg(NULL, model) IS NULL AS no_picture FROM plotted, drawn_by;
SELECT gmm_svg(x, model) IS NULL AS no_rows FROM plotted, drawn_by WHERE false;

-- A row has no place if a feature is NULL that is drawn; if another is, it has
-- the component that gmm_predict finds by the rest.
SELECT drawn, (regexp_matches(svg, '>(\d+ rows?)<'))[1] AS rows,
       array_length(regexp_split_to_array(svg, 'marker-mid'), 1) - 1 AS components,
       substring(svg from 'marker-mid="url\(#gmm-1\)" d="([^"]*)"') AS of_2
FROM (SELECT 'complete' AS drawn, gmm_svg(ARRAY[x[1], x[2]], model) AS svg FROM plotted, drawn_by
      UNION ALL
      SELECT 'x NULL in two', gmm_svg(ARRAY[CASE WHEN id > 2 THEN x[1] END, x[2]], model) FROM plotted, drawn_by
      UNION ALL
      SELECT 'y NULL in one', gmm_svg(ARRAY[x[1], nullif(x[2], 4)], model, 1, 2) FROM plotted, drawn_by
      UNION ALL
      SELECT 'x NULL, y drawn', gmm_svg(ARRAY[CASE WHEN id > 6 THEN x[1] END, x[2]], model, 2) FROM plotted, drawn_by
      UNION ALL
      SELECT 'all NULL', gmm_svg(ARRAY[NULL, NULL]::float8[], model) FROM plotted, drawn_by
     ) AS pictures
ORDER BY drawn COLLATE "C";
SELECT substring(svg from '"rug c1" d="([^"]*)"') AS of_2, predicted
FROM (SELECT gmm_svg(ARRAY[NULL, x[2]], model, 2) AS svg,
             array_agg(DISTINCT x[2]) FILTER (WHERE gmm_predict(model, ARRAY[NULL, x[2]]) = 2) AS predicted
      FROM plotted, drawn_by) AS s;

-- Numbers that are large, small, close to each other or all the same.
SELECT what, substring(svg from '<text class="x name"[^>]*>([^<]*)<') AS title,
       (SELECT array_agg(tick[1]) FROM regexp_matches(substring(svg from E'<g class="x"[^\n]*'), '">([^<>]+)<', 'g') AS tick) AS ticks,
       svg LIKE '%</svg>%' AND svg !~ 'nan|inf|NaN' AS sound
FROM (SELECT what, gmm_svg(ARRAY[offset_ + scale * id],
                  gmm_model('{1}', ARRAY[[offset_ + 3 * scale]], ARRAY[[[(scale + spread) ^ 2]]])) AS svg
      FROM generate_series(1, 7) AS id,
           (VALUES ('plain', 0::float8, 1::float8, 0::float8), ('large', 0, 1e9, 0), ('small', 0, 1e-9, 0), ('far', 1e9, 1, 0),
                   ('far and small', -1e3, 1e-9, 0), ('far and large', 1e20, 1e10, 0), ('same', 5, 0, 1),
                   ('same and zero', 0, 0, 1e-3),
                   ('huge', 0, 1e150, 0), ('tiny', 0, 1e-150, 0))
               AS cases (what, offset_, scale, spread)
      GROUP BY what) AS pictures
ORDER BY what;

-- A group each, and a window that grows.
SELECT id % 2 AS part, (regexp_matches(gmm_svg(x, model), '>(\d+ rows?)<'))[1]
FROM plotted, drawn_by GROUP BY part ORDER BY part;
SELECT id, (regexp_matches(gmm_svg(x, model) OVER (ORDER BY id), '>(\d+ rows?)<'))[1]
FROM plotted, drawn_by ORDER BY id;

-- Many components: numbers, shapes and colours beside the weights.
WITH many AS (
    SELECT gmm_model(array_agg(1.0 / 300), array_agg(ARRAY[i, i % 7]), array_agg(0.1), 'spherical') AS model
    FROM generate_series(1, 300) AS i)
SELECT (SELECT count(*) FROM regexp_matches(svg, '<ellipse', 'g')) AS ellipses,
       (SELECT count(*) FROM regexp_matches(svg, '<marker ', 'g')) AS markers,
       substring(svg from 'and \d+ more') AS legend
FROM (SELECT gmm_svg(ARRAY[i, i % 7], model) AS svg FROM many, generate_series(1, 300) AS i) AS s;

-- What is refused.
SELECT gmm_svg(x, NULL) FROM plotted;
SELECT gmm_svg(x, gmm_model('{1}', ARRAY[[0, id]], '{1}', 'spherical')) FROM plotted;
SELECT gmm_svg(x, model, 3) FROM plotted, drawn_by;
SELECT gmm_svg(x, model, 0, 1) FROM plotted, drawn_by;
SELECT gmm_svg(x, model, NULL, 1) FROM plotted, drawn_by;
SELECT gmm_svg(x, model, 2, 2) FROM plotted, drawn_by;
SELECT gmm_svg(x, model, 1, 1 + id % 2) FROM plotted, drawn_by;
SELECT gmm_svg(x, model, 1 + id % 2) FROM plotted, drawn_by;
SELECT gmm_svg(x || 1.0::float8, model) FROM plotted, drawn_by;
SELECT gmm_svg(ARRAY['NaN'::float8, id], model) FROM plotted, drawn_by;
SELECT gmm_svg(ARRAY[1.5e308 * (-1) ^ id], gmm_model('{1}', '{{0}}', '{{{1}}}')) FROM plotted;
