-- gmm_components in FROM makes only the columns that the query uses, and no use
-- of a column is overlooked: each kind of query, with each column, has the
-- answer that it has over a function whose rows are whole.
\ir models.psql

CREATE TABLE fitted AS
SELECT family, gmm_fit(features, 3, gmm_options(covariance_type => family, max_iter => 5)) AS model
FROM families, random_rows(:seed * 1000 + 91, 60, 2, 3) GROUP BY family;
INSERT INTO fitted SELECT 'built', gmm_model('{0.5,0.5}', '{{0,0},{1,1}}', '{1,2}', 'spherical', '{width,height}');
INSERT INTO fitted SELECT 'few', gmm_fit(ARRAY[i % 3, i / 3], 3) FROM generate_series(1, 6) AS i;
CREATE TABLE target (component integer, t text);
CREATE TABLE numbers AS SELECT component, 'n' || component AS label FROM generate_series(0, 2) AS component;

-- A list of SELECT has no FROM items.
CREATE FUNCTION whole_components(model gmm_model)
RETURNS TABLE (component integer, weight double precision, feature_names text[], mean double precision[], covariance double precision[],
               n_effective double precision, condition_number double precision, suspect text)
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RETURN QUERY SELECT (c).* FROM (SELECT gmm_components(model) AS c OFFSET 0) AS s;
END
$$;

-- Kinds of queries: @ stands for the function, # for a column of it.
CREATE TABLE kinds (kind text, query text);
INSERT INTO kinds VALUES
('a column', 'SELECT # FROM fitted, @(model)'),
('a row, twice', 'SELECT c, row_to_json(c)::text FROM fitted, @(model) AS c'),
('all columns', 'SELECT c.* FROM fitted, @(model) AS c'),
('renamed columns', 'SELECT # FROM (SELECT c.* FROM fitted, @(model) AS c (component, weight, feature_names, mean, covariance, n_effective, condition_number, suspect)) AS s'),
('a condition', 'SELECT family FROM fitted, @(model) AS c WHERE c.# IS NULL'),
('a condition on another', 'SELECT c.# FROM fitted, @(model) AS c WHERE suspect IS NULL AND condition_number < 1000'),
('ORDER BY', 'SELECT family, component FROM fitted, @(model) ORDER BY #::text, family, component'),
('DISTINCT ON', 'SELECT DISTINCT ON (#) 1 FROM fitted, @(model)'),
('GROUP BY', 'SELECT count(*) FROM fitted, @(model) GROUP BY #'),
('GROUPING SETS', 'SELECT family, #, count(*) FROM fitted, @(model) GROUP BY GROUPING SETS ((family), (#))'),
('HAVING', 'SELECT family FROM fitted, @(model) GROUP BY family HAVING count(#) > 1'),
('FILTER', 'SELECT count(*) FILTER (WHERE # IS NOT NULL) FROM fitted, @(model)'),
('ORDER BY in an aggregate', 'SELECT array_agg(component ORDER BY #, component) FROM fitted, @(model)'),
('a window', 'SELECT rank() OVER (PARTITION BY family ORDER BY #) FROM fitted, @(model)'),
('CROSS JOIN LATERAL', 'SELECT c.# FROM fitted CROSS JOIN LATERAL @(model) AS c'),
('LEFT JOIN', 'SELECT c.# FROM fitted LEFT JOIN @(model) AS c ON c.component > 2'),
('a condition of LEFT JOIN', 'SELECT c.component FROM fitted LEFT JOIN @(model) AS c ON c.# IS NULL'),
('USING', 'SELECT #, label FROM (SELECT model FROM fitted LIMIT 1) AS f CROSS JOIN LATERAL @(model) AS c JOIN numbers USING (component)'),
('FULL JOIN USING', 'SELECT component, # FROM (SELECT c.* FROM fitted, @(model) AS c WHERE family = ''few'') AS c FULL JOIN numbers USING (component)'),
('FULL JOIN USING, of the item', 'SELECT component, # FROM @((SELECT model FROM fitted WHERE family = ''few'')) AS c FULL JOIN numbers USING (component)'),
('NATURAL JOIN', 'SELECT # FROM @((SELECT model FROM fitted WHERE family = ''few'')) AS c NATURAL JOIN numbers'),
('a column of a named join', 'SELECT j.# FROM (fitted CROSS JOIN LATERAL @(model) AS c) AS j'),
('a row of a named join', 'SELECT j FROM (fitted CROSS JOIN LATERAL @(model) AS c) AS j'),
('a join of joins', 'SELECT j.# FROM (numbers AS n JOIN (fitted CROSS JOIN LATERAL @(model) AS c) USING (component)) AS j'),
('a subquery', 'SELECT # FROM (SELECT * FROM fitted, @(model)) AS s'),
('a subquery that is not pulled up', 'SELECT # FROM (SELECT * FROM fitted, @(model) OFFSET 0) AS s'),
('a view', 'SELECT # FROM view_of_@'),
('a CTE', 'WITH c AS (SELECT * FROM fitted, @(model)) SELECT # FROM c'),
('a CTE used twice', 'WITH c AS (SELECT * FROM fitted, @(model)) SELECT a.#, b.mean FROM c AS a JOIN c AS b USING (family, component)'),
('a CTE materialized', 'WITH c AS MATERIALIZED (SELECT * FROM fitted, @(model)) SELECT # FROM c'),
('UNION ALL', 'SELECT # FROM (SELECT * FROM fitted, @(model) UNION ALL SELECT * FROM fitted, @(model)) AS u'),
('UNION ALL of other columns', 'SELECT t FROM (SELECT #::text AS t, 1 FROM fitted, @(model) UNION ALL SELECT weight::text, 2 FROM fitted, @(model)) AS u (t, n) WHERE n < 3'),
('UNION ALL of nothing but items', 'SELECT t FROM (SELECT #::text AS t FROM @((SELECT model FROM fitted WHERE family = ''few'')) UNION ALL SELECT label FROM numbers) AS u'),
('UNION ALL of columns as they are', 'SELECT # FROM (SELECT * FROM @((SELECT model FROM fitted WHERE family = ''few'')) AS c UNION ALL SELECT * FROM @((SELECT model FROM fitted WHERE family = ''full'')) AS d) AS u'),
('EXCEPT', 'SELECT #::text FROM fitted, @(model) EXCEPT SELECT weight::text FROM fitted, @(model)'),
('a scalar subquery', 'SELECT (SELECT max(t) FROM (SELECT c.#::text AS t) AS s) FROM fitted, @(model) AS c'),
('a subquery in a subquery', 'SELECT (SELECT (SELECT c.#::text || n) FROM generate_series(1, 1) AS n) FROM fitted, @(model) AS c'),
('EXISTS', 'SELECT c.component FROM fitted, @(model) AS c WHERE EXISTS (SELECT FROM numbers AS n WHERE n.label < c.#::text)'),
('IN', 'SELECT c.component FROM fitted, @(model) AS c WHERE c.#::text IN (SELECT ''{1,1}'' UNION ALL SELECT c.#::text)'),
('NOT IN of the column', 'SELECT label FROM numbers WHERE label NOT IN (SELECT coalesce(#::text, '''') FROM fitted, @(model))'),
('LATERAL', 'SELECT t FROM fitted, @(model) AS c, LATERAL (SELECT c.#::text AS t) AS s'),
('LATERAL in LATERAL', 'SELECT t FROM fitted, @(model) AS c, LATERAL (SELECT t FROM generate_series(1, 2) AS n, LATERAL (SELECT n || coalesce(c.#::text, ''-'') OFFSET 0) AS s (t) OFFSET 0) AS r'),
('an argument of another item', 'SELECT t FROM fitted, @(model) AS c, unnest(ARRAY[c.#::text]) AS t'),
('VALUES', 'SELECT t FROM fitted, @(model) AS c, LATERAL (VALUES (c.#::text)) AS v (t)'),
('two items', 'SELECT a.#, b.weight FROM fitted, @(model) AS a, @(model) AS b'),
('two items, the second', 'SELECT a.weight, b.# FROM fitted, @(model) AS a, @(model) AS b'),
('in a list, too', 'SELECT c.#, whole FROM fitted, @(model) AS c, LATERAL (SELECT @(model) AS whole OFFSET 0) AS s'),
('a list beside FROM', 'SELECT (@(model)).*, c.# FROM fitted, @(model) AS c'),
('in a list alone', 'SELECT (@(model)).# FROM fitted'),
('ROWS FROM', 'SELECT # FROM fitted, ROWS FROM (@(model), generate_series(1, 4)) AS c (component, weight, feature_names, mean, covariance, n_effective, condition_number, suspect, n)'),
('WITH ORDINALITY', 'SELECT #, place FROM fitted, @(model) WITH ORDINALITY AS c (component, weight, feature_names, mean, covariance, n_effective, condition_number, suspect, place)'),
('FOR UPDATE', 'SELECT c.# FROM fitted, @(model) AS c FOR UPDATE OF fitted'),
('LIMIT', 'SELECT label FROM numbers ORDER BY label LIMIT (SELECT count(#) FROM fitted, @(model) WHERE family = ''few'')'),
('INSERT', 'WITH i AS (INSERT INTO target SELECT component, #::text FROM fitted, @(model) RETURNING *) SELECT * FROM i'),
('UPDATE FROM', 'UPDATE target AS t SET t = c.#::text FROM @((SELECT model FROM fitted WHERE family = ''few'')) AS c WHERE c.component = t.component RETURNING t.t'),
('RETURNING', 'UPDATE target AS t SET t = ''x'' FROM @((SELECT model FROM fitted WHERE family = ''few'')) AS c WHERE c.component = t.component RETURNING c.#'),
('DELETE USING', 'DELETE FROM target AS t USING @((SELECT model FROM fitted WHERE family = ''few'')) AS c WHERE c.#::text IS NOT NULL RETURNING t.component'),
('an SQL function', 'SELECT # FROM fitted, inlined_@(model)'),
('nothing', 'SELECT 1 FROM fitted, @(model)');

CREATE FUNCTION tap.rows_of(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    r record;
    answer text := '';
BEGIN
    TRUNCATE target;
    INSERT INTO target VALUES (1), (2), (3);
    FOR r IN EXECUTE query LOOP
        answer := answer || r::text || E'\n';
    END LOOP;
    RETURN answer;
END
$$;
SELECT format('CREATE VIEW view_of_%s AS SELECT c.* FROM fitted, %1$s(model) AS c', f),
       format('CREATE FUNCTION inlined_%s(m gmm_model) RETURNS TABLE (component integer, weight double precision, feature_names text[],
                   mean double precision[], covariance double precision[], n_effective double precision, condition_number double precision, suspect text)
               LANGUAGE sql %s AS ''SELECT c.* FROM %1$s(m) AS c''', f, CASE f WHEN 'gmm_components' THEN 'STABLE' END)
FROM unnest('{gmm_components,whole_components}'::text[]) AS f \gexec

CREATE TABLE columns AS
SELECT unnest('{component,weight,feature_names,mean,covariance,n_effective,condition_number,suspect}'::text[]) AS name;
-- Rows that a query without an ORDER BY may have in any order are sorted.
CREATE FUNCTION tap.sorted(rows text) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(line, E'\n' ORDER BY line) FROM regexp_split_to_table(rows, E'\n') AS line
$$;
SELECT ok(bool_and(sorted(got) = sorted(wanted)) AND bool_or(got <> '') AND count(*) = 8, kind || ': as with whole rows')
FROM kinds, columns,
     LATERAL (SELECT replace(query, '#', name) AS q) AS s,
     LATERAL (SELECT rows_of(replace(q, '@', 'gmm_components')) AS got) AS g,
     LATERAL (SELECT rows_of(replace(q, '@', 'whole_components')) AS wanted) AS w
GROUP BY kind ORDER BY kind;

-- What the function is asked for: the sum of 2 ^ (number - 1) of the columns.
CREATE FUNCTION tap.asked_for(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    line text;
    calls text[];
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (VERBOSE, COSTS OFF) ' || query LOOP
        calls := calls || substring(line FROM 'Function Call: .*gmm_components\(.*, ''?(-?[0-9]+)''?(?:::integer)?\)');
    END LOOP;
    RETURN array_to_string(calls, ' ');
END
$$;
SELECT equals(asked_for(query), wanted, query)
FROM (VALUES ('SELECT weight FROM fitted, gmm_components(model)', '2'),
             ('SELECT count(*) FROM fitted, gmm_components(model)', '0'),
             ('SELECT component, mean FROM fitted, gmm_components(model) WHERE suspect IS NULL', '137'),
             ('SELECT c.covariance FROM fitted CROSS JOIN LATERAL gmm_components(model) AS c', '16'),
             ('SELECT sum(n_effective) FROM view_of_gmm_components', '32'),
             ('WITH c AS (SELECT * FROM fitted, gmm_components(model)) SELECT condition_number FROM c', '64'),
             ('SELECT * FROM fitted, gmm_components(model)', '-1'),
             ('SELECT c FROM fitted, gmm_components(model) AS c', '-1'),
             ('SELECT a.weight, b.mean FROM fitted, gmm_components(model) AS a, gmm_components(model) AS b', '10 10'),
             ('SELECT weight FROM fitted, gmm_components(model, 255)', '2'),
             ('SELECT weight FROM fitted, inlined_gmm_components(model)', '2')) AS q (query, wanted);
SELECT equals((SELECT count(*) FROM gmm_components(NULL)), 0::bigint, 'no model has no components');
SELECT ok(bool_and(covariance IS NULL AND mean IS NOT NULL AND weight IS NOT NULL), 'columns that are not asked for are NULL')
FROM fitted, LATERAL (SELECT (c).* FROM (SELECT gmm_components(model, 11) AS c OFFSET 0) AS s) AS c;

SELECT finish();
