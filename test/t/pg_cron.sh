#!/bin/sh
# pg_cron.sh: the documentation's scheduled refits, done by the real pg_cron in a
# cluster as Debian makes it.
#
# pg_createcluster makes the cluster; of its configuration only the lines that
# doc/operations.md says are changed.  The blocks of "Refit on a schedule" and "Refit
# when the rows have changed" run as they stand there, and those of doc/guide_sensors.md;
# then the schedules are changed to soon, and new models, and statistics of yesterday,
# must appear by themselves.
set -eu
. test/t/tap.sh

[ -e "$(pg_config --pkglibdir)/pg_cron.so" ] ||
    skip_all "pg_cron is not installed for this PostgreSQL"
version=$(pg_config --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')
command -v pg_createcluster >/dev/null 2>&1 && [ -x "/usr/lib/postgresql/$version/bin/initdb" ] ||
    skip_all "this PostgreSQL is not Debian's"
[ "$(id -u)" != 0 ] || skip_all "servers are not run as root"

. test/servers.sh
dir=$(mktemp -d "${TMPDIR:-/tmp}/pg_cron.XXXXXX")
trap 'stop_own cluster; rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM HUP

# Debian's initdb and configuration, but the server that has the extension.
PGPORT=$(free_port 9720) PGHOST=$dir PGUSER=$(id -un) PGDATABASE=mydb
export PGPORT PGHOST PGUSER PGDATABASE
PG_CLUSTER_CONF_ROOT=$dir/etc pg_createcluster --datadir="$dir/cluster" --socketdir="$dir" \
    --logfile="$dir/log" --port="$PGPORT" --start-conf=manual --encoding=UTF8 --locale=C \
    "$version" cron >"$dir/created" 2>&1 || { echo "Bail out! no cluster"; cat "$dir/created"; exit 1; }
configuration=$dir/etc/$version/cron/postgresql.conf
start()
{
    pg_ctl -D "$dir/cluster" -l "$dir/log" -w -s -o "-c config_file=$configuration" "$1" </dev/null
}
start start
psql -X -q -d postgres -c "CREATE DATABASE mydb"
ask -o /dev/null <<'SQL'
CREATE EXTENSION gmm;
CREATE TABLE faithful (eruptions double precision, waiting double precision);
\copy faithful FROM 'test/data/faithful.csv' CSV HEADER
SQL

# The database is mydb here, too.
mkdir "$dir/readme"
awk -v dir="$dir/readme" -f test/blocks.awk README.md |
    grep -E ' (Tables larger than memory|Store models and refit)$' | sed 's/^/readme\//' >"$dir/index"
awk -v dir="$dir" -f test/blocks.awk doc/operations.md |
    grep -E ' (Refit on a schedule|Refit when the rows have changed)$' >>"$dir/index"
mkdir "$dir/sensors"
awk -v dir="$dir/sensors" -f test/blocks.awk doc/guide_sensors.md | sed 's/^/sensors\//' >>"$dir/index"
while read -r number language line needs heading; do
    case $language in
        conf)
            cat "$dir/$number.conf" >>"$configuration"
            start restart ;;
        sql)
            ask -o /dev/null -f "$dir/$number.sql" ;;
    esac
done <"$dir/index"
same "these lines are all that the configuration needs" 3 \
    "$(ask -c "SELECT count(*) FROM pg_settings WHERE sourcefile = '$configuration'
               AND (name LIKE 'cron.%' OR name = 'shared_preload_libraries')")"
same "the statements make three jobs" 3 "$(ask -c 'SELECT count(*) FROM cron.job')"

# Rows that have changed since the last refit of these.
ask -o /dev/null -c "INSERT INTO readings
    SELECT day + 7, temperature + 5, pressure FROM readings WHERE day > (SELECT max(day) - 7 FROM readings)"
# Yesterday's rows of sensor 1 are those of its first day.
yesterday="(now() AT TIME ZONE 'UTC')::date - 1"
ask -o /dev/null -c "INSERT INTO measured
    SELECT sensor, at + ($yesterday - date '2026-03-01') * interval '24 hours', temperature, humidity
    FROM measured WHERE sensor = 1 AND at < '2026-03-02 00:00+00'"

# Seconds came with pg_cron 1.5, alter_job with 1.4: before that, the next minute
# must do.
models="SELECT count(*) FROM models WHERE name = 'faithful'"
versions="SELECT count(*) FROM models WHERE name = 'readings'"
old_models=$(ask -c "$models")
old_versions=$(ask -c "$versions")
ask -o /dev/null -c "SELECT cron.alter_job(jobid, schedule := '1 seconds') FROM cron.job" 2>/dev/null ||
    ask -o /dev/null -c "UPDATE cron.job SET schedule = '* * * * *'"

# The row of a run in the log is updated after the job's own transaction.
waited=0
until { [ "$(ask -c "$models")" -gt "$old_models" ] && [ "$(ask -c "$versions")" -gt "$old_versions" ] &&
    [ "$(ask -c "SELECT count(DISTINCT jobid) FROM cron.job_run_details WHERE status = 'succeeded'")" = 3 ]; } ||
    [ "$waited" -ge 130 ]
do
    sleep 1
    waited=$((waited + 1))
done
ask -o /dev/null -c 'SELECT cron.unschedule(jobid) FROM cron.job'

log=$(ask -c 'SELECT * FROM cron.job_run_details')
if [ "$(ask -c "$models")" -gt "$old_models" ]; then
    ok "pg_cron stored a new model"
else
    not_ok "pg_cron stored a new model" "$log"
fi
same "its log says that all jobs succeeded, and no run failed" "3,0" "$(ask -F , -c "
    SELECT count(DISTINCT jobid) FILTER (WHERE status = 'succeeded'), count(*) FILTER (WHERE status = 'failed')
    FROM cron.job_run_details")"
same "the new model numbers the components as the old one" t "$(ask -c "
    SELECT bool_and(gmm_predict(n.model, x) = gmm_predict(o.model, x))
    FROM (SELECT model FROM models WHERE name = 'faithful' ORDER BY fitted_at LIMIT 1) AS o,
         (SELECT model FROM models WHERE name = 'faithful' ORDER BY fitted_at DESC LIMIT 1) AS n,
         (SELECT ARRAY[eruptions, waiting] AS x FROM faithful) AS rows")"

same "yesterday's rows were added to the sensors' statistics" "1,48" \
    "$(ask -F , -c "SELECT sensor, n_rows FROM sensor_days, gmm_stats_summary(stats) WHERE day >= $yesterday")"

# The other job stored one model, and would store no other: that one fits.
same "rows that have changed make one new model, which fits them" "t,$((old_versions + 1))" \
    "$(ask -F , -c "SELECT refit_readings() = 0, ($versions)")"
finish
