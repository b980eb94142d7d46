#!/bin/sh
# standby.sh: a hot standby scores and fits what its primary scores and fits,
# though it can store nothing; and is not disturbed by what it replays.
set -eu
. test/t/tap.sh

if [ "$(id -u)" = 0 ]; then
    skip_all "servers are not run as root"
fi
. test/servers.sh
dir=$(mktemp -d "${TMPDIR:-/tmp}/standby.XXXXXX")
trap 'stop_own standby primary; rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM HUP

port=$(free_port 9720)
start_own primary "$port" || { echo "Bail out! no primary"; cat "$dir/primary.log"; exit 1; }
on_primary()
{
    PGHOST=$dir PGPORT=$port PGDATABASE=postgres ask "$@" 2>&1 || true
}
on_primary -o /dev/null <<'SQL'
CREATE EXTENSION gmm;
CREATE TABLE points AS
SELECT id, sin(id::float8) + 4 * (id % 3) AS x, cos(id::float8 * id) - id % 3 AS y, 1 + id % 2 AS w
FROM generate_series(1, 40000) AS id;
CREATE TABLE models AS SELECT gmm_fit(ARRAY[x, y], 3) AS model FROM points WHERE id < 5000;
CREATE TABLE parts (LIKE points) PARTITION BY LIST (w);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN (1);
CREATE TABLE parts_2 PARTITION OF parts FOR VALUES IN (2);
INSERT INTO parts SELECT * FROM points;
ALTER TABLE points SET (parallel_workers = 2);
ANALYZE points;
SQL

standby_port=$(free_port $((port + 1)))
if ! pg_basebackup -h "$dir" -p "$port" -U "${PGUSER:-postgres}" -D "$dir/standby" -R -X stream -c fast >"$dir/backup.log" 2>&1; then
    echo "Bail out! no base backup"
    cat "$dir/backup.log"
    exit 1
fi
echo "port = $standby_port" >>"$dir/standby/postgresql.conf"
pg_ctl -D "$dir/standby" -l "$dir/standby.log" -w -s start </dev/null >>"$dir/standby.log" 2>&1 ||
    { echo "Bail out! no standby"; cat "$dir/standby.log"; exit 1; }
on_standby()
{
    PGHOST=$dir PGPORT=$standby_port PGDATABASE=postgres ask "$@" 2>&1 || true
}

# replayed: waits until the standby has what the primary has
replayed()
{
    wanted=$(on_primary -c "SELECT pg_current_wal_lsn()")
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        if [ "$(on_standby -c "SELECT pg_last_wal_replay_lsn() >= '$wanted'")" = t ]; then return; fi
        sleep 0.5
    done
    not_ok "the standby replays" "$wanted" "$(tail "$dir/standby.log")"
}
replayed
same "it is a standby" t "$(on_standby -c 'SELECT pg_is_in_recovery()')"

# both NAME [-c STATEMENT...] QUERY: the same answer, not empty, from either
both()
{
    name=$1
    shift
    wanted=$(on_primary "$@")
    got=$(on_standby "$@")
    case $wanted in
        '' | *ERROR*) not_ok "$name" "$wanted" ;;
        *) same "$name" "$wanted" "$got" ;;
    esac
}
serial="SET max_parallel_workers_per_gather = 0"
both "scores" -c "SELECT id, gmm_predict(model, ARRAY[x, y]), gmm_logpdf(model, ARRAY[x, y]), gmm_outlier_pvalue(model, ARRAY[x, y]),
    gmm_impute(model, ARRAY[x, NULL]) FROM points, models WHERE id % 1000 = 0 ORDER BY id"
both "gmm_summary and gmm_components" -c "SELECT s, c FROM models, gmm_summary(model) AS s, gmm_components(model) AS c"
both "gmm_sample" -c "SELECT gmm_sample(model, 5, 3) FROM models"
both "gmm_fit" -c "$serial" -c "SELECT gmm_fit(ARRAY[x, y], 3, NULL, w) FROM points"
both "gmm_fit of groups" -c "$serial" -c "SELECT id % 3, gmm_fit(ARRAY[x, y], 2) FROM points GROUP BY 1 ORDER BY 1"
both "gmm_fit_best" -c "$serial" -c "SELECT gmm_fit_best(ARRAY[x, y], 1, 4) FROM points WHERE id < 3000"
both "gmm_refit" -c "$serial" -c "SELECT gmm_refit(ARRAY[x, y], model) FROM points, models"
both "gmm_em_step" -c "$serial" -c "SELECT gmm_em_step(ARRAY[x, y], model) FROM points, models GROUP BY model"
both "gmm_svg" -c "$serial" -c "SELECT md5(gmm_svg(ARRAY[x, y], model)) FROM points, models WHERE id < 1000 GROUP BY model"
both "gmm_fit_table" -c "$serial" -c "SELECT gmm_fit_table('points', '{x,y}', 3, NULL, 'w', 'id % 7 > 0')"
both "gmm_fit_table of partitions" -c "$serial" -c "SELECT gmm_fit_table('parts', '{x,y}', 3)"

# Rows in a file of a fit's own, and workers of its own.
both "rows in a temporary file" -c "$serial" -c "SET work_mem = '64kB'" -c "SELECT gmm_fit(ARRAY[x, y], 3) FROM points"
fit="SELECT md5(gmm_fit(ARRAY[x, y, x * y, x - y, x * x, y * y], 28, '{\"max_iter\": 2, \"n_init\": 1}')::text) FROM points, generate_series(0, 3)"
alone=$(on_standby -c "SET gmm.warnings = off" -c "SET gmm.parallel_workers = 0" -c "$fit")
shared=$(on_standby -c "SET gmm.warnings = off" -c "SET gmm.parallel_workers = 2" -c "SET client_min_messages = debug1" -c "$fit")
contains "a fit has workers there" "launched 2 of 2 workers" "$shared"
same "and finds the same" "$alone" "$(printf '%s\n' "$shared" | tail -n 1)"

# What is replayed meanwhile is not of the fit's snapshot.
before=$(on_standby -c "$serial" -c "SELECT gmm_fit_table('parts', '{x,y}', 3, '{\"tol\": 0, \"max_iter\": 60}')")
on_standby -c "$serial" -c "SELECT gmm_fit_table('parts', '{x,y}', 3, '{\"tol\": 0, \"max_iter\": 60}')
    FROM (SELECT pg_sleep(0.5) OFFSET 0) AS s" >"$dir/meanwhile" &
fit=$!
# It has its snapshot when it sleeps.
until [ "$(on_standby -c "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'")" = 1 ] ||
    ! kill -0 "$fit" 2>/dev/null
do
    sleep 0.05
done
while kill -0 "$fit" 2>/dev/null; do
    on_primary -o /dev/null -c "INSERT INTO parts SELECT id + 50000, x + 50, y, w FROM points LIMIT 200"
done
wait "$fit"
same "rows are inserted during a fit" "$before" "$(cat "$dir/meanwhile")"
replayed
both "and are there for the next one" -c "$serial" -c "SELECT n_rows > 40000 AND n_rows = (SELECT count(*) FROM parts)
    FROM gmm_summary(gmm_fit_table('parts', '{x,y}', 3))"

contains "a model cannot be stored there" "read-only transaction" \
    "$(on_standby -c "INSERT INTO models SELECT gmm_fit(ARRAY[x, y], 3) FROM points")"
contains "nor can one be fetched into a temporary table" "read-only transaction" \
    "$(on_standby -c "CREATE TEMPORARY TABLE kept AS SELECT gmm_fit(ARRAY[x, y], 3) FROM points")"

finish
