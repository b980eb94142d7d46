#!/bin/sh
# prepared.sh: a model is prepared once per query, not once per row.
#
# gmm says at DEBUG1 when it prepares a model.  The messages are counted here
# and not compared by pg_regress, because the server has some of its own at that
# level, and they come when they like.  That the results are right is the
# business of sql/score.sql.
set -eu
. test/t/tap.sh

psql -X -q -v ON_ERROR_STOP=1 <<'SQL'
CREATE TABLE points AS
SELECT id, ARRAY[id % 17, id % 5]::float8[] AS features
FROM generate_series(1, 300) AS id;

-- models that are stored in the row, and others that are stored outside of it
CREATE TABLE models AS
SELECT id, gmm_model('{0.5, 0.5}', ARRAY[[0, 0], [id % 7, id]], '{1, 1}', 'spherical') AS small,
       gmm_model(array_fill(0.01::float8, ARRAY[100]),
                 (SELECT array_agg(ARRAY[j % 10, j / 10 + id]) FROM generate_series(0, 99) AS j)::float8[],
                 array_fill(1.0::float8, ARRAY[100, 2]), 'diag') AS large
FROM generate_series(1, 20) AS id;
VACUUM ANALYZE models;

-- a thousand models of ten components, as of regions, and rows that want them
-- in random order
CREATE TABLE region_models AS
SELECT region, gmm_model(array_fill(0.1::float8, ARRAY[10]),
                         (SELECT array_agg(ARRAY[j, region, 2, 3, 4, 5, 6, 7, 8, 9] ORDER BY j)
                          FROM generate_series(1, 10) AS j)::float8[],
                         (SELECT array_agg(matrix) FROM generate_series(1, 10),
                                 (SELECT array_agg(line ORDER BY i) AS matrix
                                  FROM (SELECT i, array_agg((i = j)::int ORDER BY j) AS line
                                        FROM generate_series(1, 10) AS i, generate_series(1, 10) AS j
                                        GROUP BY i) AS lines) AS matrices)::float8[]) AS model
FROM generate_series(0, 999) AS region;
CREATE TABLE region_points AS
SELECT abs(hashint4(id)) % 1000 AS region,
       ARRAY[id % 11, 1, 2, 3, 4, 5, 6, 7, 8, 9]::float8[] AS features
FROM generate_series(1, 50000) AS id;
VACUUM ANALYZE region_models, region_points;
SQL

# prepares TIMES NAME STATEMENT...
prepares()
{
    wanted=$1 name=$2
    shift 2
    got=$({
        echo "SET jit = off; SET max_parallel_workers_per_gather = 0;"
        echo "SET client_min_messages = debug1;"
        printf '%s;\n' "$@"
    } | psql -X -q -o /dev/null -v ON_ERROR_STOP=1 2>&1 |
        awk '/gmm: prepared / { n++ } /^ERROR/ { print; n = -1; exit }
             END { print n + 0 }')
    same "$name: $wanted" "$wanted" "$got"
}

spherical='{"k": 2, "d": 2, "covariance_type": "spherical", "weights": [0.5, 0.5], "means": [[0, 0], [1, 1]], "covariances": [1, 1]}'

prepares 1 "a constant" \
    "SELECT gmm_predict('$spherical', features) FROM points"
prepares 1 "a subquery" \
    "SELECT gmm_predict((SELECT small FROM models WHERE id = 1), features) FROM points"
prepares 1 "a subquery, out of line" \
    "SELECT gmm_predict((SELECT large FROM models WHERE id = 1), features) FROM points"
prepares 1 "a join with one model" \
    "SELECT gmm_predict(large, features) FROM points, models WHERE models.id = 1"
prepares 20 "twenty models in changing order, 300 rows each" \
    "SELECT gmm_predict(small, features) FROM points AS p, models AS m ORDER BY p.id * 7 % 300, m.id"
prepares 20 "twenty models out of line, 300 rows each" \
    "SELECT gmm_predict(large, features) FROM points, models"
prepares 1000 "a thousand models joined to 50000 rows in random order" \
    "SET enable_mergejoin = off" "SET enable_nestloop = off" \
    "SELECT gmm_predict(model, features) FROM region_points JOIN region_models USING (region)"
prepares 6 "both kinds in one call" \
    "SELECT gmm_predict(CASE WHEN p.id % 2 = 0 THEN small ELSE large END, features)
     FROM points AS p, models AS m WHERE m.id <= 3"
prepares 2 "a parameter of a generic plan, executed twice" \
    "SET plan_cache_mode = force_generic_plan" \
    "PREPARE q(gmm_model) AS SELECT gmm_predict(\$1, features) FROM points" \
    "EXECUTE q('$spherical')" "EXECUTE q('$spherical')"
prepares 3 "a query in a SQL function, called for three models" \
    "CREATE FUNCTION pg_temp.all_of(gmm_model) RETURNS bigint LANGUAGE sql STABLE
     AS 'SELECT sum(gmm_predict(\$1, features)) FROM points'" \
    "SELECT pg_temp.all_of(small) FROM models WHERE id <= 3"
prepares 2 "a PL/pgSQL variable of two values in turn" \
    "DO \$\$
     DECLARE
         a gmm_model := (SELECT small FROM models WHERE id = 1);
         b gmm_model := (SELECT large FROM models WHERE id = 2);
         m gmm_model;
         component integer;
     BEGIN
         FOR i IN 1..300 LOOP
             IF i % 2 = 0 THEN m := a; ELSE m := b; END IF;
             component := gmm_predict(m, '{1, 2}');
         END LOOP;
     END \$\$"

# Three patterns of NULLs in turn: rows without and rows with NULLs are each
# prepared for once; and each pattern, where more is to be known of it.
holed="ARRAY[CASE WHEN id % 3 > 0 THEN features[1] END, CASE WHEN id % 3 < 2 THEN features[2] END]"
prepares 2 "a constant and three patterns of NULLs" \
    "SELECT gmm_predict('$spherical', $holed) FROM points"
prepares 40 "twenty models and three patterns of NULLs" \
    "SELECT gmm_predict(small, $holed) FROM (SELECT id, features FROM points) AS p, (SELECT small FROM models) AS m"
prepares 2 "imputation by a constant" \
    "SELECT gmm_impute('$spherical', $holed) FROM points"
prepares 2 "imputation by a model out of line" \
    "SELECT gmm_impute(large, $holed) FROM points, (SELECT large FROM models WHERE id = 1) AS m"
prepares 4 "conditional mixtures" \
    "SELECT gmm_condition('$spherical', $holed) FROM points WHERE id % 3 <> 1"
prepares 6 "outliers, each pattern with its tail" \
    "SELECT gmm_outlier_pvalue('$spherical', $holed) FROM points"
prepares 2 "the best components, by a lateral join" \
    "SELECT * FROM points, gmm_top('$spherical', $holed, 2)"

finish
