#!/bin/sh
# foreign_parts.sh: a partitioned table of which partitions are in another server
# that may run the extension's functions.  gmm_fit_table has the statistics made
# there, partition by partition, and finds what it finds of the rows here.
# Runs alone: the plans of a fit are messages.
set -eu
. test/t/tap.sh

. test/servers.sh
start_other 9730

# Two partitions are there, one of them without rows, and one is here, of which
# the columns are in another order.
rows="SELECT id, id % 4 AS part, sin(id::float8) + 4 * (id % 3) AS x, CASE WHEN id % 17 <> 0 THEN cos(id::float8 * id) - id % 3 END AS y,
    (id % 5)::float8 AS w FROM generate_series(1, 80000) AS id"
PGHOST=$dir ask -p "$port" -d postgres -c "CREATE EXTENSION gmm" -c "CREATE TABLE one AS SELECT * FROM ($rows) AS r WHERE part = 1" \
    -c "CREATE TABLE two AS SELECT * FROM ($rows) AS r WHERE part = 2" -c "CREATE TABLE nine AS SELECT * FROM one LIMIT 0"
ask -f test/t/tap.psql -f test/t/models.psql
ask -o /dev/null <<SQL
SET client_min_messages = warning;
CREATE EXTENSION postgres_fdw;
CREATE SERVER makes_them FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '$dir', port '$port', dbname 'postgres', extensions 'gmm');
CREATE SERVER sends_rows FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '$dir', port '$port', dbname 'postgres');
CREATE USER MAPPING FOR PUBLIC SERVER makes_them OPTIONS (user '${PGUSER:-postgres}', password_required 'false');
CREATE USER MAPPING FOR PUBLIC SERVER sends_rows OPTIONS (user '${PGUSER:-postgres}', password_required 'false');
CREATE TABLE points (id integer, part integer, x double precision, y double precision, w double precision) PARTITION BY LIST (part);
CREATE FOREIGN TABLE one PARTITION OF points FOR VALUES IN (1) SERVER makes_them;
CREATE TABLE more PARTITION OF points FOR VALUES IN (2, 3) PARTITION BY LIST (part);
CREATE FOREIGN TABLE two PARTITION OF more FOR VALUES IN (2) SERVER makes_them;
CREATE FOREIGN TABLE nine PARTITION OF points FOR VALUES IN (9) SERVER makes_them;
CREATE TABLE three (w double precision, y double precision, x double precision, part integer, id integer);
ALTER TABLE more ATTACH PARTITION three FOR VALUES IN (3);
INSERT INTO points SELECT * FROM ($rows) AS r WHERE part = 3;
CREATE TABLE copied AS TABLE points;
CREATE TABLE plain (LIKE points) PARTITION BY LIST (part);
CREATE FOREIGN TABLE plain_one PARTITION OF plain FOR VALUES IN (1) SERVER sends_rows OPTIONS (table_name 'one');
CREATE FOREIGN TABLE plain_two PARTITION OF plain FOR VALUES IN (2) SERVER sends_rows OPTIONS (table_name 'two');
SQL
same "the rows" 60000 "$(ask -c 'SELECT count(*) FROM points')"

# Each query of a fit with its plan, as a message
settings="LOAD 'auto_explain'; SET auto_explain.log_min_duration = 0; SET auto_explain.log_nested_statements = on;
    SET auto_explain.log_verbose = on; SET auto_explain.log_analyze = on; SET auto_explain.log_timing = off;
    SET auto_explain.log_level = notice; SET client_min_messages = notice"
# alike NAME PLAN ARGUMENTS AGGREGATE: a fit of points is that of the copied rows,
# and its passes are asked of the partitions, or not
alike()
{
    ask -o /dev/null -c "$settings" -c "SELECT gmm_fit_table($3)" >"$dir/plans" 2>&1 || true
    same "$1" t "$(ask -c "SELECT tap.apart(gmm_fit_table($3), ($4)) < 1e-6")"
    # of the passes, how many foreign tables sent statistics, and how many rows
    got=$(awk '/Query Text:/ { pass = /gmm_accumulate/ }
        pass && /Remote SQL: SELECT [a-z]*\.gmm_accumulate/ { statistics = 1 }
        pass && /Remote SQL: SELECT/ && !/gmm_accumulate/ { rows = 1 }
        END { print (statistics ? "statistics" : "") (rows ? "rows" : "") }' "$dir/plans")
    same "$1: $2" "$2" "$got"
}
alike "a fit" statistics "'points', '{x,y}', 3" "SELECT gmm_fit(ARRAY[x, y], 3) FROM copied"
alike "far from zero" statistics "'points', '{id,y}', 3" "SELECT gmm_fit(ARRAY[id, y], 3) FROM copied"
alike "weights and a filter" statistics "'points', '{x,y}', 2, '{\"covariance_type\": \"diag\"}', 'w', 'points.id % 7 > 0'" \
    "SELECT gmm_fit(ARRAY[x, y], 2, '{\"covariance_type\": \"diag\"}', w) FROM copied WHERE id % 7 > 0"
alike "NULLs left out" statistics "'points', '{x,y}', 3, '{\"missing\": \"skip\"}'" \
    "SELECT gmm_fit(ARRAY[x, y], 3, '{\"missing\": \"skip\"}') FROM copied"
alike "one feature with NULLs" statistics "'points', '{y}', 3" "SELECT gmm_fit(ARRAY[y], 3) FROM copied"
alike "partitions of partitions" statistics "'more', '{x,y}', 3" "SELECT gmm_fit(ARRAY[x, y], 3) FROM copied WHERE part > 1"
alike "a foreign table by itself" statistics "'one', '{x,y}', 3" "SELECT gmm_fit(ARRAY[x, y], 3) FROM copied WHERE part = 1"
for table in points copied; do
    ask -c "INSERT INTO $table (id, part, x, y, w) SELECT -id, 1 + id % 3, 2, 0, 1 FROM generate_series(1, 12000) AS id"
done
alike "a value that many rows have" statistics "'points', '{x}', 4" "SELECT gmm_fit(ARRAY[x], 4) FROM copied"
for table in points copied; do
    ask -c "DELETE FROM $table WHERE id < 0"
done
alike "a server that sends rows" rows "'plain', '{x,y}', 3" "SELECT gmm_fit(ARRAY[x, y], 3) FROM copied WHERE part < 3"
ask -o /dev/null -c "$settings" -c "SELECT gmm_fit_table('points', '{x,y}', 3, filter => 'part = 1')" >"$dir/plans" 2>&1
same "only partitions that can have rows are asked" "public.one" \
    "$(sed -n 's/.*Remote SQL: SELECT.* FROM \(public\.[a-z]*\).*/\1/p' "$dir/plans" | sort -u)"
same "of no rows" t "$(ask -c "SELECT gmm_fit_table('points', '{x,y}', 3, filter => 'id < 0') IS NULL")"
same "of one row in each part" 3 "$(ask -c "SELECT (gmm_summary(gmm_fit_table('points', '{x,y}', 1, filter => 'id IN (1, 2, 3)'))).n_rows" 2>/dev/null)"

# A query of one's own has to name the partitions, as doc/operations.md says.
same "a query that names partitions" 2 "$(ask -o "$dir/plan" -c "PREPARE statistics(gmm_model) AS SELECT gmm_merge(stats)
    FROM (SELECT gmm_accumulate(ARRAY[x, y], \$1) AS stats FROM one UNION ALL SELECT gmm_accumulate(ARRAY[x, y], \$1) FROM two) AS parts" \
    -c "EXPLAIN (VERBOSE) EXECUTE statistics('{\"weights\": [1], \"means\": [[0, 0]], \"covariances\": [1], \"covariance_type\": \"spherical\"}')"
    grep -c 'Remote SQL: SELECT [a-z]*\.gmm_accumulate' "$dir/plan")"

# What would not mean the same in a partition.
alike "a filter with a whole row" rows "'points', '{x,y}', 3, filter => 'points IS NOT NULL'" \
    "SELECT gmm_fit(ARRAY[x, y], 3) FROM copied WHERE copied IS NOT NULL"
alike "in a subquery of it" rows "'points', '{x,y}', 3, filter => '(SELECT (points).id) > 100'" \
    "SELECT gmm_fit(ARRAY[x, y], 3) FROM copied WHERE id > 100"
alike "a filter with a schema" rows "'points', '{x,y}', 3, filter => 'public.points.id > 100'" \
    "SELECT gmm_fit(ARRAY[x, y], 3) FROM copied WHERE id > 100"
alike "a function that stays here" rows "'points', '{x,y}', 3, filter => 'pg_backend_pid() > 0'" \
    "SELECT gmm_fit(ARRAY[x, y], 3) FROM copied"

# Rights are those on the partitioned table.
ask -o /dev/null -c "CREATE ROLE gmm_parts_reader" -c "GRANT SELECT (x, y) ON points TO gmm_parts_reader" -c "GRANT USAGE ON SCHEMA tap TO gmm_parts_reader"
as_reader="SET ROLE gmm_parts_reader"
same "a reader of the partitioned table" t "$(ask -c "$as_reader" -c "SELECT tap.apart(gmm_fit_table('points', '{x,y}', 3), (SELECT gmm_fit(ARRAY[x, y], 3) FROM points)) < 1e-6")"
contains "but not of all columns" "permission denied for table points" \
    "$(ask -c "$as_reader" -c "SELECT gmm_fit_table('points', '{x,id}', 3)" 2>&1 || true)"
contains "nor of a partition" "permission denied for foreign table one" \
    "$(ask -c "$as_reader" -c "SELECT gmm_fit_table('one', '{x,y}', 3)" 2>&1 || true)"
contains "nor of another table in the filter" "permission denied for table copied" \
    "$(ask -c "$as_reader" -c "SELECT gmm_fit_table('points', '{x,y}', 3, filter => 'x < (SELECT max(x) FROM copied)')" 2>&1 || true)"
ask -o /dev/null -c "ALTER TABLE points ENABLE ROW LEVEL SECURITY" -c "CREATE POLICY a_third ON points USING (id % 3 = 0)" \
    -c "GRANT SELECT ON points TO gmm_parts_reader"
same "row level security" 20000 "$(ask -c "$as_reader" -c "SELECT (gmm_summary(gmm_fit_table('points', '{x,y}', 1))).n_rows" 2>/dev/null)"
ask -o /dev/null -c "ALTER TABLE points DISABLE ROW LEVEL SECURITY" -c "ALTER TABLE three ENABLE ROW LEVEL SECURITY"
same "row level security of a partition, which does not count" 60000 \
    "$(ask -c "$as_reader" -c "SELECT (gmm_summary(gmm_fit_table('points', '{x,y}', 1))).n_rows" 2>/dev/null)"
ask -o /dev/null -c "DROP OWNED BY gmm_parts_reader" -c "DROP ROLE gmm_parts_reader"

# Rows that come to the other server during a fit are not of its snapshot there.
ask -o /dev/null -c "DROP POLICY a_third ON points" -c "CREATE SEQUENCE meddled" -c "CREATE FUNCTION meddle() RETURNS boolean LANGUAGE plpgsql AS \$\$
    BEGIN
        IF nextval('meddled') = 3 THEN
            COPY (SELECT 1) TO PROGRAM 'psql -X -q -h $dir -p $port -d postgres -c \"INSERT INTO two SELECT 2 * id + 200001, 2, 99, y, w FROM two WHERE id < 5000\"';
        END IF;
        RETURN true;
    END \$\$"
same "rows are inserted there meanwhile" t "$(ask -c "SELECT tap.apart(gmm_fit_table('points', '{x,y}', 3, filter => '(SELECT meddle())'), (SELECT gmm_fit(ARRAY[x, y], 3) FROM copied)) < 1e-6")"
same "and are there for the next one" 61250 "$(ask -c "SELECT (gmm_summary(gmm_fit_table('points', '{x,y}', 3))).n_rows")"

finish
