#!/bin/sh
# foreign.sh: rows in another server, through postgres_fdw; and what EXPLAIN
# does not show, the queries that gmm_fit_table makes and how they end.
# Runs alone: it counts the workers and temporary files of the server.
set -eu
. test/t/tap.sh

. test/servers.sh
start_other 9710

# The rows are there, half of them in each of two tables; here is a partitioned
# table of both, and a copy to compare with.
rows="SELECT id, sin(id::float8) + 4 * (id % 3) AS x, cos(id::float8 * id) - (id % 3) AS y FROM generate_series(1, 40000) AS id"
PGHOST=$dir ask -p "$port" -d postgres -c "CREATE TABLE odd AS SELECT * FROM ($rows) AS r WHERE id % 2 = 1" \
    -c "CREATE TABLE even AS SELECT * FROM ($rows) AS r WHERE id % 2 = 0"
ask -f test/t/tap.psql -f test/t/models.psql
ask -o /dev/null <<SQL
SET client_min_messages = warning;
CREATE EXTENSION postgres_fdw;
CREATE SERVER other FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '$dir', port '$port', dbname 'postgres');
CREATE USER MAPPING FOR CURRENT_USER SERVER other OPTIONS (user '${PGUSER:-postgres}');
CREATE TABLE points (id integer, x double precision, y double precision) PARTITION BY LIST ((id % 2));
CREATE FOREIGN TABLE odd PARTITION OF points FOR VALUES IN (1) SERVER other;
CREATE FOREIGN TABLE even PARTITION OF points FOR VALUES IN (0) SERVER other;
CREATE TABLE copied AS SELECT * FROM points;
CREATE TABLE start AS SELECT gmm_fit(ARRAY[x, y], 3, '{"max_iter": 3}') AS model FROM copied WHERE id < 500;
SQL

same "a foreign table has the rows" 40000 "$(ask -c 'SELECT count(*) FROM points')"
same "a step over foreign tables" t "$(ask -c "SELECT tap.apart((SELECT gmm_em_step(ARRAY[x, y], (SELECT model FROM start)) FROM points),
    (SELECT gmm_em_step(ARRAY[x, y], (SELECT model FROM start)) FROM copied)) < 1e-12")"
plan=$(ask -c 'SET enable_partitionwise_aggregate = on' -c 'EXPLAIN (COSTS OFF) SELECT gmm_em_step(ARRAY[x, y], (SELECT model FROM start)) FROM points')
case $plan in
    *"Finalize Aggregate"*"Partial Aggregate"*"Foreign Scan"*"Partial Aggregate"*"Foreign Scan"*) ok "a state for each foreign partition" ;;
    *) not_ok "a state for each foreign partition" "$plan" ;;
esac
same "and the same" t "$(ask -c 'SET enable_partitionwise_aggregate = on' -c "SELECT tap.apart((SELECT gmm_em_step(ARRAY[x, y], (SELECT model FROM start)) FROM points),
    (SELECT gmm_em_step(ARRAY[x, y], (SELECT model FROM start)) FROM copied)) < 1e-12")"
same "gmm_fit_table over foreign partitions" t "$(ask -c "SELECT tap.apart(gmm_fit_table('points', '{x,y}', 3), (SELECT gmm_fit(ARRAY[x, y], 3) FROM copied)) < 1e-6")"
same "and over a foreign table, with a filter" t "$(ask -c "SELECT tap.apart(gmm_fit_table('odd', '{x,y}', 3, filter => 'id > 100'),
    (SELECT gmm_fit(ARRAY[x, y], 3) FROM copied WHERE id % 2 = 1 AND id > 100)) < 1e-6")"

# Rows that come to the other server during a fit are not of its snapshot there.
ask -c "CREATE SEQUENCE meddled" -c "CREATE FUNCTION meddle() RETURNS boolean LANGUAGE plpgsql AS \$\$
    BEGIN
        IF nextval('meddled') = 2 THEN
            COPY (SELECT 1) TO PROGRAM 'psql -X -q -h $dir -p $port -d postgres -c \"INSERT INTO odd SELECT 2 * id + 100001, 99, y FROM odd WHERE id < 5000\"';
        END IF;
        RETURN true;
    END \$\$"
same "rows are inserted there meanwhile" t "$(ask -c "SELECT tap.apart(gmm_fit_table('points', '{x,y}', 3, filter => '(SELECT meddle())'), (SELECT gmm_fit(ARRAY[x, y], 3) FROM copied)) < 1e-6")"
same "and are there for the next one" 42500 "$(ask -c "SELECT (gmm_summary(gmm_fit_table('points', '{x,y}', 3))).n_rows")"

# --- how gmm_fit_table asks ---

# Each query of a fit, with its plan.
fit_plans()
{
    ask -o /dev/null -c "LOAD 'auto_explain'" -c "SET auto_explain.log_min_duration = 0" \
        -c "SET auto_explain.log_nested_statements = on" -c "SET auto_explain.log_analyze = on" \
        -c "SET auto_explain.log_timing = off" -c "SET auto_explain.log_level = notice" \
        -c "SET client_min_messages = notice" -c "SET jit = off" \
        -c "SET max_parallel_workers_per_gather = 2" -c "SET min_parallel_table_scan_size = 0" \
        -c "SET parallel_setup_cost = 0" -c "SET parallel_tuple_cost = 0" "$@" 2>&1
}
ask -c "ALTER TABLE copied SET (parallel_workers = 2)" -c "ANALYZE copied"
fit_plans -c "SELECT gmm_fit_table('copied', '{x,y}', 3)" >"$dir/plans"
# of the plans of one kind of query: how many, and how many with a worker that
# was launched
kinds()
{
    awk -v kind="$1" '
        /Query Text:/ { found = index($0, kind) > 0; if (found) total++; counted = 0 }
        found && /Workers Launched: [12]/ && !counted { parallel++; counted = 1 }
        END { print (total > 0 && total == parallel) ? "all" : total + 0 " queries, parallel " parallel + 0 }' "$dir/plans"
}
same "ranges are found in parallel" all "$(kinds 'gmm_fit_table_ranges')"
same "the sample is taken in parallel" all "$(kinds 'gmm_fit_table_hash')"
same "passes are parallel" all "$(kinds '.gmm_accumulate(')"
same "the last one, too" all "$(kinds '.gmm_entropy($1')"
same "one query finds the sample" 1 "$(grep -c 'Query Text: .*gmm_fit_table_hash' "$dir/plans")"
same "one scores the result" 1 "$(grep -c 'Query Text: .*gmm_entropy' "$dir/plans")"
same "none looks for far rows" 0 "$(grep -c 'Query Text: .*gmm_fit_table_is_beyond' "$dir/plans")"
ask -c "INSERT INTO copied (id, x, y) VALUES (1000000, 1e6, 1e6)"
fit_plans -c "SELECT gmm_fit_table('copied', '{x,y}', 3)" >"$dir/plans"
same "but where there are any" 1 "$(grep -c 'Query Text: .*gmm_fit_table_is_beyond' "$dir/plans")"
same "in parallel" all "$(kinds 'gmm_fit_table_is_beyond')"
same "none looks for frequent rows" 0 "$(grep -c 'Query Text: .*gmm_fit_table_is_frequent' "$dir/plans")"
ask -c "INSERT INTO copied (id, x, y) SELECT id, 0, 0 FROM generate_series(2000000, 2001000) AS id"
fit_plans -c "SELECT gmm_fit_table('copied', '{x,y}', 3)" >"$dir/plans"
same "but where there are any" 1 "$(grep -c 'Query Text: .*gmm_fit_table_is_frequent' "$dir/plans")"
same "in parallel" all "$(kinds 'gmm_fit_table_is_frequent')"

# --- cancelled, in a scan and between scans ---

ask -c "CREATE TABLE large AS SELECT id, sin(id::float8) + 4 * (id % 3) AS x, cos(id::float8 * id) - (id % 3) AS y FROM generate_series(1, 200000) AS id"
endless="SELECT gmm_fit_table('large', '{x,y}', 5, '{\"max_iter\": 500, \"tol\": 0}')"
for timeout in 50 500 2500; do
    answer=$(ask -c "SET statement_timeout = '${timeout}ms'" -c "$endless" 2>&1 || true)
    case $answer in
        *"canceling statement due to statement timeout"*) ok "cancelled after $timeout ms" ;;
        *) not_ok "cancelled after $timeout ms" "$answer" ;;
    esac
done
# A line a second, at most; the first of an iteration may be long in coming.
ask >"$dir/out" 2>&1 <<SQL &
SET client_min_messages = info;
SET gmm.log_progress = on;
SET statement_timeout = '5min';
$endless;
SQL
fit=$!
line='INFO:  gmm: iteration [0-9]* of at most [0-9]*, mean log-likelihood'
while kill -0 "$fit" 2>/dev/null && ! grep -q "$line" "$dir/out"; do sleep 0.2; done
ask -o /dev/null -c "SELECT pg_cancel_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
wait "$fit" || true
if grep -q "$line" "$dir/out"; then
    ok "progress is shown"
else
    not_ok "progress is shown" "$(cat "$dir/out")"
fi
left=1
for _ in 1 2 3 4 5 6 7 8 9 10; do
    left=$(ask -c "SELECT (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'parallel worker') +
        (SELECT count(*) FROM pg_ls_tmpdir())")
    if [ "$left" = 0 ]; then break; fi
    sleep 0.5
done
same "nothing is left" 0 "$left"

finish
