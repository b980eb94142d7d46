#!/bin/sh
# workers.sh: a large fit is shared with parallel workers, the model is the same
# to the last bit however many there are, and nothing of them is left.
#
# How many were launched is in a message at DEBUG1.
# Runs alone: it counts the workers and temporary files of the server.
set -eu
. test/t/tap.sh

psql -X -q -v ON_ERROR_STOP=1 <<'SQL'
CREATE TABLE points AS
SELECT i AS id, i % 2 AS part, 1 + i % 5 / 4.0 AS w,
       ARRAY[i % 3 * 10 + i * 7919 % 10007 / 5000.0, i * 10477 % 10037 / 3000.0,
             i % 5 + i * 31 % 9973 / 2000.0, i * 17 % 10039 / 1000.0,
             i % 7 + i * 13 % 9967 / 3000.0, i * 1009 % 10061 / 4000.0,
             i % 2 + i * 1013 % 10067 / 2000.0, i * 2003 % 10069 / 1000.0]::float8[] AS x
FROM generate_series(1, 40000) AS i;
ANALYZE points;
CREATE TABLE gaps AS
SELECT id, w, ARRAY[CASE WHEN id % 10 > 0 THEN x[1] END, x[2],
                    CASE WHEN id * 31 % 11 > 0 THEN x[3] END,
                    CASE WHEN id * 37 % 12 > 0 THEN x[4] END,
                    CASE WHEN id * 41 % 13 > 1 THEN x[5] END, x[6],
                    CASE WHEN id * 43 % 7 > 0 THEN x[7] END,
                    CASE WHEN id * 47 % 6 > 0 THEN x[8] END] AS x
FROM points;
ANALYZE gaps;
CREATE TABLE models AS
SELECT gmm_fit(x, 100, '{"max_iter": 5, "n_init": 1}') AS model FROM points WHERE id <= 2000;

-- Where fits without a search start: at some of the rows
CREATE TABLE tied AS
SELECT gmm_model(array_agg(0.01::float8), array_agg(x), '{{9,0,0,0,0,0,0,0},{0,9,0,0,0,0,0,0},{0,0,9,0,0,0,0,0},{0,0,0,9,0,0,0,0},{0,0,0,0,9,0,0,0},{0,0,0,0,0,9,0,0},{0,0,0,0,0,0,9,0},{0,0,0,0,0,0,0,9}}', 'tied') AS model
FROM points WHERE id <= 100;
CREATE TABLE diag AS
SELECT gmm_model(array_agg(0.005::float8), array_agg(x), array_agg('{9,9,9,9,9,9,9,9}'::float8[]), 'diag') AS model
FROM points WHERE id <= 200;
CREATE TABLE spherical AS
SELECT gmm_model(array_agg(0.005::float8), array_agg(x), array_agg(9::float8), 'spherical') AS model
FROM points WHERE id <= 200;
SQL

small="SET work_mem = '64kB'"
large="SET work_mem = '64MB'"
options='{"max_iter": 3, "n_init": 1}'
fit="SELECT md5(gmm_refit(x, (SELECT model FROM models), '{\"max_iter\": 3}')::text) FROM points"

# run SETTINGS QUERY: sets result, and launched to what each launch says.
run()
{
    result=$(psql -X -q -A -t -v ON_ERROR_STOP=1 2>&1 <<SQL
SET jit = off;
SET max_parallel_workers_per_gather = 0;
SET client_min_messages = debug1;
$1;
$2;
SQL
    ) || true
    launched=$(printf '%s\n' "$result" |
        sed -n 's/.*gmm: launched \([0-9]* of [0-9]*\) workers/\1/p' | paste -s -d , -)
    result=$(printf '%s\n' "$result" | grep -v 'DEBUG:' | paste -s -d , -)
}

# as_alone NAME WANTED SETTINGS QUERY: launches what is wanted, and gives what
# the query gives without workers.
as_alone()
{
    run "SET gmm.parallel_workers = 0; $3; SET gmm.parallel_workers = 0" "$4"
    alone=$result
    run "SET gmm.parallel_workers = 2; $3" "$4"
    same "$1: $2" "$2, $alone" "$launched, $result"
}

# --- the same model ---

as_alone "rows in a file" "2 of 2" "$small" "$fit"
as_alone "rows in memory" "2 of 2" "$large" "$fit"
as_alone "one worker" "1 of 1" "$small; SET gmm.parallel_workers = 1" "$fit"
as_alone "NULLs, in a file" "2 of 2" "$small" \
    "SELECT md5(gmm_refit(x, (SELECT model FROM models), '{\"max_iter\": 3}', w)::text) FROM gaps"
as_alone "NULLs, in memory" "2 of 2" "$large" \
    "SELECT md5(gmm_refit(x, (SELECT model FROM models), '{\"max_iter\": 3}', w)::text) FROM gaps"
as_alone "weights" "2 of 2" "$small" \
    "SELECT md5(gmm_refit(x, (SELECT model FROM models), '{\"max_iter\": 3}', w)::text) FROM points"
as_alone "weights in memory" "2 of 2" "$large" \
    "SELECT md5(gmm_refit(x, (SELECT model FROM models), '{\"max_iter\": 3}', w)::text) FROM points"
as_alone "noise and NULLs" "2 of 2" "$small" \
    "SELECT md5(gmm_refit(x, (SELECT model FROM models), '{\"max_iter\": 3, \"noise\": true}', w)::text) FROM gaps"
as_alone "labels" "2 of 2" "$small" \
    "SELECT md5(gmm_refit_labelled(x, CASE WHEN id % 9 = 0 THEN 1 + id % 100 END, (SELECT model FROM models), '{\"max_iter\": 3}', w)::text) FROM points"
as_alone "labels and NULLs, in memory" "2 of 2" "$large" \
    "SELECT md5(gmm_refit_labelled(x, CASE WHEN id % 9 = 0 THEN 1 + id % 100 END, (SELECT model FROM models), '{\"max_iter\": 3}', w)::text) FROM gaps"
as_alone "labels, and a search" "2 of 2" "$small" \
    "SELECT md5(gmm_fit_labelled(x, CASE WHEN id % 9 = 0 THEN 1 + id % 70 END, 70, '$options')::text) FROM points"
as_alone "rows far from zero" "2 of 2" "$small" \
    "SELECT md5(gmm_fit(ARRAY(SELECT v + 1e9 FROM unnest(x) AS v), 70, '$options')::text) FROM points"
as_alone "tied" "2 of 2" "$small" \
    "SELECT md5(gmm_refit(x, (SELECT model FROM tied), '{\"max_iter\": 3}')::text) FROM points"
as_alone "diag" "2 of 2" "$small" \
    "SELECT md5(gmm_refit(x, (SELECT model FROM diag), '{\"max_iter\": 3}')::text) FROM points"
as_alone "spherical" "2 of 2" "$large" \
    "SELECT md5(gmm_refit(x, (SELECT model FROM spherical), '{\"max_iter\": 3}')::text) FROM points"
as_alone "gmm_fit" "2 of 2" "$small" \
    "SELECT md5(gmm_fit(x, 100, '$options')::text) FROM points"
as_alone "gmm_fit_best" "2 of 2" "$small" \
    "SELECT md5(gmm_fit_best(x, 70, 70, '$options'::jsonb || '{\"covariance_type\": \"auto\"}')::text) FROM points"
as_alone "two groups" "1 of 1,1 of 1" "$large; SET enable_sort = off" \
    "SELECT part, md5(gmm_fit(x, 110, '$options')::text) FROM points GROUP BY part ORDER BY part"
as_alone "a window that grows" "2 of 2,2 of 2" "$large" \
    "SELECT id, md5(m::text) FROM (SELECT id, gmm_refit(x, (SELECT model FROM models), '{\"max_iter\": 3}') OVER (ORDER BY id > 39000) AS m FROM points) AS s WHERE id % 20000 = 0"
as_alone "serializable" "2 of 2" "$small; SET default_transaction_isolation = serializable" "$fit"

# --- how many ---

run "$small; SET max_parallel_workers_per_gather = 2" "$fit"
same "follows max_parallel_workers_per_gather" "2 of 2" "$launched"
run "$small" "$fit"
same "which may be 0" "" "$launched"
run "$small; SET gmm.parallel_workers = 2" \
    "SELECT md5(gmm_fit(x, 3, '$options')::text) FROM points"
same "none for a small fit" "" "$launched"
as_alone "there are none to be had" "0 of 2" "$small; SET max_parallel_workers = 0" "$fit"
as_alone "there is one to be had" "1 of 2" "$small; SET max_parallel_workers = 1" "$fit"
as_alone "temp_file_limit leaves no room to share rows" "" \
    "$large; SET temp_file_limit = '1MB'" "$fit"
as_alone "inside a parallel worker" "" \
    "$small; SET max_parallel_workers_per_gather = 1; SELECT set_config(name, 'on', false) IS NULL FROM pg_settings
         WHERE name IN ('force_parallel_mode', 'debug_parallel_query')" \
    "SELECT md5(gmm_fit(x, 70, '$options')::text) FROM points"
run "$small; SET gmm.parallel_workers = 2; SET max_parallel_workers_per_gather = 2;
     SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
     SET max_parallel_workers = 8" "$fit"
case $launched in
    [12]" of 2") ok "above a Gather: $launched" ;;
    *) not_ok "above a Gather" "$launched" "$result" ;;
esac

# --- nothing is left ---

# What there is of workers and files, once it is as wanted or has had 5 seconds.
left_is()
{
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        left=$(psql -X -q -A -t -c "
            SELECT (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'parallel worker'),
                   (SELECT count(*) FROM pg_ls_tmpdir())")
        if [ "$left" = "$1" ]; then return 0; fi
        sleep 0.5
    done
    return 1
}
nothing_left()
{
    if left_is "0|0"; then ok "$1"; else not_ok "$1" "workers|files: $left"; fi
}

nothing_left "after fits"

endless="SELECT gmm_refit(x, (SELECT model FROM models), '{\"max_iter\": 1000000, \"tol\": 0}') IS NULL FROM points"
start_endless()
{
    psql -X -q -A -t >"$dir/out" 2>&1 <<SQL &
SET application_name = 'endless';
SET jit = off; SET gmm.parallel_workers = 2; $1;
$endless;
ROLLBACK;
SELECT 'alive ' || count(*) FROM pg_ls_tmpdir();
SQL
    child=$!
    left_is "2|1" || not_ok "the endless fit has two workers" "$left" "$(cat "$dir/out")"
}

dir=$(mktemp -d "${TMPDIR:-/tmp}/workers.XXXXXX")
trap 'rm -rf "$dir"' EXIT

start_endless "$small"
psql -X -q -o /dev/null -c "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = 'endless' AND backend_type = 'client backend'"
wait "$child" || true
if grep -q 'canceling statement' "$dir/out" && grep -q 'alive 0' "$dir/out"; then
    ok "cancelled"
else
    not_ok "cancelled" "$(cat "$dir/out")"
fi
nothing_left "after a cancel"

start_endless "$large; BEGIN; SAVEPOINT s"
psql -X -q -o /dev/null -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'parallel worker' LIMIT 1"
wait "$child" || true
if grep -q 'ERROR: .*terminating' "$dir/out" && grep -q 'alive 0' "$dir/out"; then
    ok "a worker that is terminated fails the query"
else
    not_ok "a worker that is terminated fails the query" "$(cat "$dir/out")"
fi
nothing_left "after that"

start_endless "$small"
psql -X -q -o /dev/null -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'endless' AND backend_type = 'client backend'"
wait "$child" || true
nothing_left "the leader is terminated"

# an error that a block of PL/pgSQL catches; the same transaction goes on
run "$small; SET gmm.parallel_workers = 2;
     CREATE FUNCTION try(query text) RETURNS text LANGUAGE plpgsql AS \$\$
     DECLARE
         answer text;
     BEGIN
         EXECUTE query INTO answer;
         RETURN answer;
     EXCEPTION WHEN query_canceled THEN
         RETURN 'cancelled';
     END \$\$;
     SET statement_timeout = '700ms'" \
    "SELECT try(\$q\$$endless\$q\$), count(*) FROM pg_ls_tmpdir();
     RESET statement_timeout; SELECT try(\$q\$$fit\$q\$)"
caught=$result
run "$small; SET gmm.parallel_workers = 0" "$fit"
case $caught in
    "cancelled|"*",$result") ok "caught, and the next fit is as ever" ;;
    *) not_ok "caught, and the next fit is as ever" "$caught" "$result" ;;
esac
nothing_left "after an error that was caught"

finish
