-- Promise 9: the groups that are there are found.  Random tables of plain
-- structure (plain.psql), one call with default options each.
\ir models.psql
\ir plain.psql
\set tables `echo "${GMM_TABLES:-60}"`

CREATE TABLE results AS
SELECT number, r.* FROM generate_series(1, :tables) AS number, plain_result(:seed, number) AS r;

SELECT ok(count(*) > 0 AND bool_and(coalesce(agreement >= 0.99, false)),
          format('%s, %s: the groups of %s tables are found', kind, family, count(*))) ||
       coalesce(string_agg(format(E'\n# table %s: k %s, %s rows of %s: adjusted Rand index %s, %s suspect',
                                  number, k, n, d, agreement, n_suspect), '')
                FILTER (WHERE (agreement >= 0.99) IS NOT TRUE), '')
FROM results GROUP BY kind, family ORDER BY kind, family;

-- The tables are what they are said to be: several groups of many sizes, and
-- the rule that finds them is one of theirs.
SELECT ok(min(k) = 2 AND max(k) >= 8 AND max(d) >= 8 AND max(n) > 20 * min(n), 'small tables and large') FROM results;
SELECT near(adjusted_rand('{1,1,2,2}', '{1,2,1,2}', '{5,1,2,4}'), 0.17728531855955676, 1e-14,
            'the index is what scikit-learn says of two partitions'),
       equals(adjusted_rand('{1,2,3}', '{3,1,2}', '{9,4,7}'), 1::float8, 'and 1 for the same one');

SELECT finish();
