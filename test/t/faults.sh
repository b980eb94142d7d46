#!/bin/sh
# faults.sh: what goes wrong around a fit ends the fit and nothing else.
#
# Time limits, cancelled and terminated processes, temporary files and shared
# memory that run out, workers that are not to be had, and a crash: each gives
# the error that it should, other sessions go on, nothing is left behind, and
# the next fit is right.  A server of its own is used, since one test kills a
# backend and another fills shared memory.
set -eu
. test/t/tap.sh

dir=$(mktemp -d "${TMPDIR:-/tmp}/faults.XXXXXX")
PGHOST=$dir PGPORT=5432 PGUSER=postgres PGDATABASE=postgres
# The fits here are short, and what they find does not matter.
PGOPTIONS='-c gmm.warnings=off'
export PGHOST PGPORT PGUSER PGDATABASE PGOPTIONS

stop()
{
    leave_bystander
    pg_ctl -D "$dir/data" -m immediate -w stop >/dev/null 2>&1 || true
}
# The end of its statements, before another one reads the same pipe.
leave_bystander()
{
    exec 3>&-
    if [ -n "${bystander:-}" ]; then wait "$bystander" || true; fi
    bystander=
}
end()
{
    stop
    rm -rf "$dir"
}
trap end EXIT

# query QUERY: its answer, or its error, of a session of its own.
query()
{
    psql -X -q -A -t -v VERBOSITY=verbose -c "$1" 2>&1
}

# becomes WANTED QUERY: whether its answer does so within some seconds.
becomes()
{
    for _ in $(seq 100); do
        answer=$(query "$2") || true
        if [ "$answer" = "$1" ]; then return 0; fi
        sleep 0.1
    done
    return 1
}

initdb -D "$dir/data" -U postgres -A trust -N -E UTF8 --no-locale >"$dir/initdb.log" 2>&1
cat >>"$dir/data/postgresql.conf" <<SQL
listen_addresses = ''
unix_socket_directories = '$dir'
unix_socket_permissions = 0700
fsync = off
max_worker_processes = 2
max_logical_replication_workers = 0	# its launcher would be one of the two
max_parallel_workers_per_gather = 0
jit = off
gmm.parallel_workers = 2
SQL
pg_ctl -D "$dir/data" -l "$dir/log" -w -s start </dev/null >/dev/null 2>&1

psql -X -q -v ON_ERROR_STOP=1 <<'SQL'
CREATE EXTENSION gmm;
CREATE TABLE points AS
SELECT i AS id, i % 4 AS region,
       ARRAY[i % 3 * 10 + i * 7919 % 10007 / 5000.0, i * 10477 % 10037 / 3000.0,
             i % 5 + i * 31 % 9973 / 2000.0, i * 17 % 10039 / 1000.0,
             i % 7 + i * 13 % 9967 / 3000.0, i * 1009 % 10061 / 4000.0]::float8[] AS x
FROM generate_series(1, 60000) AS i;
ANALYZE points;
CREATE TABLE models (region integer PRIMARY KEY, model gmm_model);
INSERT INTO models SELECT region, gmm_fit(x, 3, '{"max_iter": 5}') FROM points WHERE id <= 4000 GROUP BY region;
CREATE TABLE wide AS SELECT gmm_fit(x, 90, '{"max_iter": 5, "n_init": 1}') AS model FROM points WHERE id <= 8000;
SQL

# A fit that is large enough for workers, and one that never ends.
fit="SELECT md5(gmm_refit(x, (SELECT model FROM wide), '{\"max_iter\": 3}')::text) FROM points"
endless="SELECT gmm_refit(x, (SELECT model FROM wide), '{\"max_iter\": 1000000, \"tol\": 0}') IS NULL FROM points"
state="SELECT md5(string_agg(gmm_model_send(model)::text, ',' ORDER BY region)) FROM models"
wanted=$(query "$fit")
old=$(query "$state")

# Another session, in a transaction, that is to see nothing of all this.
mkfifo "$dir/fifo"
bystander()
{
    rm -f "$dir/bystander"
    psql -X -q -A -t <"$dir/fifo" >"$dir/bystander" 2>&1 &
    bystander=$!
    exec 3>"$dir/fifo"
    echo "BEGIN; CREATE TEMP TABLE mine AS SELECT 42 AS a;" >&3
}
bystander
unharmed()
{
    echo "SELECT 'still here ' || count(*) || ' ' || '$1' FROM mine;" >&3
    for _ in $(seq 100); do
        if grep -q "still here 1 $1\$" "$dir/bystander"; then return 0; fi
        sleep 0.1
    done
    return 1
}

# after NAME: nothing is left, the others go on, and the next fit is right.
after()
{
    if ! becomes "0|0" "
        SELECT (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'parallel worker'),
               (SELECT count(*) FROM pg_ls_tmpdir())"
    then
        not_ok "$1: nothing is left" "workers|files: $answer"
    elif ! unharmed "$count"; then
        not_ok "$1: another session goes on" "$(cat "$dir/bystander")"
    else
        same "$1: nothing is left, and the next fit is right" "$wanted" "$(query "$fit")"
    fi
}

# --- time limits, and being told to stop ---

for limit in 1 20 150 700; do
    contains "statement_timeout of $limit ms" "ERROR:  57014" "$(query "SET work_mem = '64kB'; SET statement_timeout = $limit; $endless" || true)"
done
after "statement_timeout"

# start_endless: sets child; ends with two workers at work.
start_endless()
{
    query "SET application_name = 'endless'; SET work_mem = '64kB'; $endless" >"$dir/out" &
    child=$!
    becomes 2 "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'parallel worker'" ||
        not_ok "a long fit has two workers" "$answer" "$(cat "$dir/out")"
}
leader="FROM pg_stat_activity WHERE application_name = 'endless' AND backend_type = 'client backend'"

start_endless
query "SELECT pg_cancel_backend(pid) $leader" >"$dir/unused"
wait "$child" || true
contains "pg_cancel_backend" "ERROR:  57014" "$(cat "$dir/out")"
after "pg_cancel_backend"

start_endless
query "SELECT pg_terminate_backend(pid) $leader" >"$dir/unused"
wait "$child" || true
contains "pg_terminate_backend of the leader" "FATAL:  57P01" "$(cat "$dir/out")"
after "pg_terminate_backend of the leader"

start_endless
query "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'parallel worker' LIMIT 1" >"$dir/unused"
wait "$child" || true
contains "pg_terminate_backend of a worker" "57P01" "$(cat "$dir/out")"
after "pg_terminate_backend of a worker"

# --- what runs out ---

contains "temp_file_limit" "ERROR:  53400" "$(query "SET work_mem = '64kB'; SET temp_file_limit = '1MB'; $fit" || true)"
after "temp_file_limit"
same "temp_file_limit, caught in a transaction that goes on" "caught,$wanted" "$(psql -X -q -A -t 2>&1 <<SQL | paste -s -d , -
SET work_mem = '64kB'; SET temp_file_limit = '1MB';
CREATE FUNCTION pg_temp.try(query text) RETURNS text LANGUAGE plpgsql AS \$\$
DECLARE
    answer text;
BEGIN
    EXECUTE query INTO answer;
    RETURN answer;
EXCEPTION WHEN configuration_limit_exceeded THEN
    RETURN 'caught';
END \$\$;
BEGIN;
SELECT pg_temp.try(\$q\$$fit\$q\$);
SET LOCAL temp_file_limit = -1;
SELECT pg_temp.try(\$q\$$fit\$q\$);
COMMIT;
SQL
)"

start_endless
same "max_worker_processes exhausted: a fit does without" "0 of 2,$wanted" \
    "$(query "SET client_min_messages = debug1; $fit" | sed -n 's/.*gmm: launched \([0-9]* of [0-9]*\) workers.*/\1/p; /^[0-9a-f]\{32\}$/p' | paste -s -d , -)"
query "SELECT pg_cancel_backend(pid) $leader" >"$dir/unused"
wait "$child" || true
after "max_worker_processes exhausted"

# --- a crash ---

# In the middle of replacing models: some groups are fitted, none is there.
query "SET application_name = 'crash'; SET work_mem = '64kB';
     INSERT INTO models SELECT region + 100, CASE WHEN region = 0 THEN gmm_fit(x, 3, '{\"max_iter\": 5}')
         ELSE gmm_refit(x, (SELECT model FROM wide), '{\"max_iter\": 1000000, \"tol\": 0}') END
     FROM points GROUP BY region" >"$dir/out" &
child=$!
becomes t "SELECT count(*) > 0 FROM pg_stat_activity WHERE backend_type = 'parallel worker'" || true
same "gmm_progress shows a fit" t \
    "$(query "SELECT p.n_rows > 0 FROM gmm_progress AS p JOIN pg_stat_activity USING (pid) WHERE application_name = 'crash'")"
kill -9 "$(query "SELECT pid FROM pg_stat_activity WHERE application_name = 'crash' AND backend_type = 'client backend'")"
wait "$child" || true
leave_bystander
becomes 1 "SELECT 1" || not_ok "the server comes back" "$(tail -n 20 "$dir/log")"
grep -q 'terminated by signal 9' "$dir/log" || not_ok "a backend was killed" "$(cat "$dir/log")"
same "gmm_progress shows nothing of a fit that was killed" 0 "$(query "SELECT count(*) FROM gmm_progress")"
same "SIGKILL within INSERT ... SELECT gmm_fit: the old models are there" "4|$old" \
    "$(query "SELECT count(*) FROM models")|$(query "$state")"
if [ "$(query "SHOW server_version_num")" -lt 140000 ]; then
    # 13 leaves temporary files after a crash until it is started anew
    pg_ctl -D "$dir/data" -l "$dir/log" -w -s restart </dev/null >/dev/null 2>&1
fi
bystander
after "a crash"
same "which came once: the server did not crash again" 1 "$(grep -c 'terminated by signal' "$dir/log")"

# --- shared memory ---

# A /dev/shm of our own, in a namespace of mounts, which becomes full when the
# server is up.  Within a namespace of users we may mount, but are root, which
# PostgreSQL refuses; so there is another one within, in which we are not.
stop
if ! unshare -U -r -m sh -c 'mount -t tmpfs -o size=16m tmpfs /dev/shm &&
        unshare -U --map-user=1000 --map-group=1000 true' 2>"$dir/unshare"
then
    skip "/dev/shm is full" "no namespaces for a full /dev/shm: $(tail -n 1 "$dir/unshare")"
    finish
    exit 0
fi
cat >"$dir/full.sh" <<'SH'
mount -t tmpfs -o size=16m tmpfs /dev/shm
exec unshare -U --map-user=1000 --map-group=1000 sh -c '
    pg_ctl -D "$1/data" -l "$1/log" -w -s start </dev/null >/dev/null 2>&1
    dd if=/dev/zero of=/dev/shm/full bs=64k 2>/dev/null
    df --output=avail /dev/shm | tail -n 1' sh "$1"
SH
echo "dynamic_shared_memory_type = posix" >>"$dir/data/postgresql.conf"
free=$(unshare -U -r -m sh "$dir/full.sh" "$dir")
same "/dev/shm is full" 0 "$(echo $free)"
bystander
same "/dev/shm full: a fit does without workers" "$wanted" "$(query "SET client_min_messages = debug1; $fit")"
after "/dev/shm full"
finish
