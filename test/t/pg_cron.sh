#!/bin/sh
# pg_cron.sh: the README's scheduled refits, done by the real pg_cron.
#
# The blocks of "Refit on a schedule" and "Refit when the rows have changed" run
# as they stand there; then the schedules are changed to soon, and new models must
# appear by themselves.
# check.sh runs this in the database that pg_cron watches.
set -eu

if [ -z "${GMM_CRON:-}" ]; then
    echo "1..0 # SKIP pg_cron is not installed for this PostgreSQL"
    exit 0
fi

dir=$(mktemp -d "${TMPDIR:-/tmp}/pg_cron.XXXXXX")
trap 'rm -rf "$dir"' EXIT

ask()
{
    psql -X -q -A -t -v ON_ERROR_STOP=1 "$@"
}

echo "1..5"
ask -o /dev/null <<'SQL'
CREATE EXTENSION pg_cron;
CREATE TABLE faithful (eruptions double precision, waiting double precision);
\copy faithful FROM 'test/data/faithful.csv' CSV HEADER
SQL
awk -v dir="$dir" -f test/blocks.awk README.md |
    grep -E ' (Refit on a schedule|Tables that do not fit|Refit when the rows have changed)$' >"$dir/index"
while read -r number language line needs heading; do
    if [ "$language" = sql ]; then
        ask -o /dev/null -f "$dir/$number.sql"
    fi
done <"$dir/index"

if [ "$(ask -c 'SELECT count(*) FROM cron.job')" = 2 ]; then
    echo "ok 1 - the README's statements make two jobs"
else
    echo "not ok 1 - the README's statements make two jobs"
fi

# Rows that have changed since the README's last refit of these.
ask -o /dev/null -c "INSERT INTO readings
    SELECT day + 7, temperature + 5, pressure FROM readings WHERE day > (SELECT max(day) - 7 FROM readings)"

# Seconds came with pg_cron 1.5, alter_job with 1.4: before that, the next minute
# must do.
models=$(ask -c "SELECT count(*) FROM gmm_models WHERE name = 'faithful'")
versions=$(ask -c "SELECT count(*) FROM gmm_models WHERE name = 'readings'")
ask -o /dev/null -c "SELECT cron.alter_job(jobid, schedule := '1 seconds') FROM cron.job" 2>/dev/null ||
    ask -o /dev/null -c "UPDATE cron.job SET schedule = '* * * * *'"

waited=0
while { [ "$(ask -c "SELECT count(*) FROM gmm_models WHERE name = 'faithful'")" = "$models" ] ||
    [ "$(ask -c "SELECT count(*) FROM gmm_models WHERE name = 'readings'")" = "$versions" ]; } &&
    [ "$waited" -lt 130 ]; do
    sleep 1
    waited=$((waited + 1))
done
ask -o /dev/null -c 'SELECT cron.unschedule(jobid) FROM cron.job'

if [ "$(ask -c "SELECT count(*) FROM gmm_models WHERE name = 'faithful'")" -gt "$models" ]; then
    echo "ok 2 - pg_cron stored a new model (after $waited s)"
else
    echo "not ok 2 - pg_cron stored a new model (after $waited s)"
    ask -c 'SELECT * FROM cron.job_run_details' | sed 's/^/# /'
fi

# The row of a run is updated after the job's own transaction.
waited=0
until [ "$(ask -c "SELECT count(*) FROM cron.job_run_details WHERE status = 'succeeded'")" -gt 0 ] ||
    [ "$waited" = 10 ]
do
    sleep 1
    waited=$((waited + 1))
done
if [ "$waited" -lt 10 ]; then
    echo "ok 3 - its log says that the job succeeded"
else
    echo "not ok 3 - its log says that the job succeeded"
    ask -c 'SELECT * FROM cron.job_run_details' | sed 's/^/# /'
fi

if [ "$(ask -c "SELECT bool_and(gmm_predict(n.model, x) = gmm_predict(o.model, x))
        FROM (SELECT model FROM gmm_models WHERE name = 'faithful' ORDER BY fitted_at LIMIT 1) AS o,
             (SELECT model FROM gmm_models WHERE name = 'faithful' ORDER BY fitted_at DESC LIMIT 1) AS n,
             (SELECT ARRAY[eruptions, waiting] AS x FROM faithful) AS rows")" = t ]
then
    echo "ok 4 - the new model numbers the components as the old one"
else
    echo "not ok 4 - the new model numbers the components as the old one"
fi

# The other job stored one model, and would store no other: that one fits.
if [ "$(ask -c "SELECT refit_readings(0.01) < 0.01")" = t ] &&
    [ "$(ask -c "SELECT count(*) FROM gmm_models WHERE name = 'readings'")" = $((versions + 1)) ]
then
    echo "ok 5 - rows that have changed make one new model, which fits them"
else
    echo "not ok 5 - rows that have changed make one new model, which fits them"
    ask -c 'SELECT * FROM cron.job_run_details' | sed 's/^/# /'
fi
