#!/bin/sh
# progress_view.sh: gmm_progress shows, to those who may know, what other sessions
# are fitting, and nothing of fits that are over, however they ended.
set -eu
. test/t/tap.sh

psql -X -q -v ON_ERROR_STOP=1 <<'SQL'
CREATE TABLE points AS
SELECT i, ARRAY[i % 3 * 10 + i * 7919 % 10007 / 5000.0, i * 10477 % 10037 / 3000.0]::float8[] AS x
FROM generate_series(1, 30000) AS i;
CREATE TABLE models AS SELECT gmm_fit(x, 10, '{"n_init": 1}') AS model FROM points;
-- the fits of this test alone: others may run in other databases
CREATE VIEW seen AS
SELECT p.*, a.application_name AS name FROM gmm_progress AS p JOIN pg_stat_activity AS a USING (pid)
WHERE p.datname = current_database();
SQL

dir=$(mktemp -d "${TMPDIR:-/tmp}/progress_view.XXXXXX")
trap 'stop_all; rm -rf "$dir"' EXIT

# start NAME STATEMENT: in a session of this name, in the background
start()
{
    (PGAPPNAME=$1 psql -X -q -c "SET gmm.parallel_workers = 0" -c "$2" >"$dir/$1" 2>&1 || true) &
}

stop_all()
{
    psql -X -q -A -t -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()" >"$dir/stopped"
    wait
}

# becomes NAME CONDITION: ok once the query gives true, which may take a while
becomes()
{
    tries=0
    while [ "$(ask -c "SELECT ($2)")" != t ]; do
        tries=$((tries + 1))
        if [ $tries -gt 300 ]; then
            not_ok "$1" "never: $2" "$(psql -X -x -c 'SELECT * FROM seen')" "$(cat "$dir"/*)"
            return
        fi
        sleep 0.1
    done
    ok "$1"
}

# gone NAME SESSION
gone()
{
    becomes "$1" "NOT EXISTS (SELECT FROM seen WHERE name = '$2')"
}

endless='{"max_iter": 1000000, "tol": 0}'
refit="SELECT gmm_refit(x, (SELECT model FROM models), '$endless') FROM points"

same "no fit, no row" 0 "$(ask -c 'SELECT count(*) FROM seen')"

# Two at once
start refitting "$refit"
start searching "SELECT gmm_fit(x, 7, '{\"max_iter\": 1000000, \"tol\": 0, \"covariance_type\": \"diag\"}') FROM points"
becomes "a fit iterates on all rows" "EXISTS (SELECT FROM seen WHERE name = 'refitting'
    AND phase = 'iterating' AND k = 10 AND covariance_type = 'full' AND n_rows = 30000
    AND iteration > 0 AND max_iter = 1000000 AND tol = 0 AND change IS NOT NULL
    AND mean_log_likelihood < 0 AND start IS NULL AND trial IS NULL AND relid IS NULL
    AND progress LIKE 'iteration % of at most 1000000, mean log-likelihood -%, change %, tol 0')"
becomes "another one searches at the same time" "EXISTS (SELECT FROM seen WHERE name = 'searching'
    AND phase = 'searching' AND k = 7 AND covariance_type = 'diag' AND start BETWEEN 1 AND n_starts
    AND sample_passes > 0 AND iteration IS NULL AND change IS NULL AND mean_log_likelihood IS NULL
    AND progress LIKE 'start ' || start || ' of at most ' || n_starts || ', % over a sample')
    AND (SELECT count(*) = 2 FROM seen)"
iteration=$(ask -c "SELECT iteration FROM seen WHERE name = 'refitting'")
becomes "its iterations go on" "(SELECT iteration > $iteration FROM seen WHERE name = 'refitting')"
for view in $(ask -c "SELECT viewname FROM pg_views WHERE viewname LIKE 'pg_stat_progress_%'"); do
    same "$view does not show them" 0 "$(ask -c "SELECT count(*) FROM $view JOIN seen USING (pid)")"
done

# Who may know
ask -c "CREATE ROLE gmm_progress_other; CREATE ROLE gmm_progress_monitor IN ROLE pg_read_all_stats" >"$dir/roles"
for role in other monitor; do
    ask -c "SET ROLE gmm_progress_$role" \
        -c "SELECT pid IS NOT NULL, datname IS NOT NULL, phase IS NOT NULL, k IS NOT NULL, progress IS NOT NULL
            FROM gmm_progress WHERE datname = current_database()" | sort -u >"$dir/$role"
done
same "others see no more than the process and its database" "t|t|f|f|f" "$(cat "$dir/other")"
same "pg_read_all_stats sees all" "t|t|t|t|t" "$(cat "$dir/monitor")"
ask -c "DROP ROLE gmm_progress_other; DROP ROLE gmm_progress_monitor"

# However they end
ask -c "SELECT pg_cancel_backend(pid) FROM seen WHERE name = 'refitting'" >"$dir/cancel"
gone "a fit that is canceled is gone" refitting
same "and the other one is not" 1 "$(ask -c 'SELECT count(*) FROM seen')"
ask -c "SELECT pg_terminate_backend(pid) FROM seen WHERE name = 'searching'" >"$dir/terminate"
gone "one whose session is terminated, too" searching
start failing "DO \$\$ BEGIN
    BEGIN PERFORM gmm_fit(CASE WHEN i < 29000 THEN x ELSE '{NaN,0}' END, 3) FROM points;
    EXCEPTION WHEN OTHERS THEN PERFORM set_config('application_name', 'failed', false); END;
    PERFORM pg_sleep(60); END \$\$"
becomes "one fails in a statement that goes on" \
    "EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'failed')"
same "and is gone at once" 0 "$(ask -c "SELECT count(*) FROM seen WHERE name = 'failed'")"
start ended "SELECT gmm_fit(x, 2, '{\"n_init\": 1}'), set_config('application_name', 'slept', false), pg_sleep(60) FROM points"
becomes "one succeeds in a statement that goes on" \
    "EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'slept')"
gone "and is gone soon" slept
stop_all

# The statement's other states
start collecting "SELECT gmm_fit(x, 2) FROM points, LATERAL (SELECT pg_sleep(0.001 + i * 0)) AS s"
becomes "rows are collected" "EXISTS (SELECT FROM seen WHERE name = 'collecting'
    AND phase = 'collecting rows' AND n_rows > 0 AND k IS NULL
    AND progress = 'collecting rows, ' || n_rows || ' so far')"
rows=$(ask -c "SELECT n_rows FROM seen WHERE name = 'collecting'")
becomes "more and more of them" "(SELECT n_rows > $rows FROM seen WHERE name = 'collecting')"
start choosing "SELECT gmm_fit_best(x, 2, 4, '{\"covariance_type\": \"auto\", \"n_init\": 1, \"max_iter\": 100000, \"tol\": 0, \"accelerate\": false}') FROM points"
becomes "a choice says which trial it is at, and of how many" "EXISTS (SELECT FROM seen WHERE name = 'choosing'
    AND n_trials = 12 AND trial BETWEEN 1 AND 12 AND k = 2 + (trial - 1) % 3
    AND covariance_type = (ARRAY['full', 'tied', 'diag', 'spherical'])[1 + (trial - 1) / 3]
    AND progress LIKE 'trial ' || trial || ' of 12 (k ' || k || ', ' || covariance_type || '), %')"
start scanning "SELECT gmm_fit_table('points', '{x}', 3, '$endless')"
becomes "a fit of a table names the table" \
    "EXISTS (SELECT FROM seen WHERE name = 'scanning' AND relid = 'points'::regclass AND k = 3)"
start grouping "SELECT count(m) FROM (SELECT gmm_fit(x, 3, '{\"n_init\": 1}') AS m FROM points GROUP BY i % 3000) AS fits"
becomes "fits of a statement are counted" \
    "EXISTS (SELECT FROM seen WHERE name = 'grouping' AND fits_done > 1 AND progress LIKE '% fits done')"
stop_all

# A command with a progress of its own gets its entry back.
if [ "$(ask -c "SELECT to_regclass('pg_stat_progress_copy') IS NOT NULL")" = t ]; then
    start copying "COPY (SELECT gmm_fit(x, 3, '{\"n_init\": 1}') FROM points
        UNION ALL SELECT NULL FROM pg_sleep(60)) TO STDOUT"
    becomes "COPY of a fit goes on with its own progress" "EXISTS (SELECT FROM pg_stat_progress_copy AS c
        JOIN pg_stat_activity AS a USING (pid) WHERE a.application_name = 'copying' AND tuples_processed = 1)"
    same "and not as a fit" 0 "$(ask -c "SELECT count(*) FROM seen WHERE name = 'copying'")"
    stop_all
    start copying "COPY ($refit) TO STDOUT"
    becomes "meanwhile the fit is shown" \
        "EXISTS (SELECT FROM seen WHERE name = 'copying' AND phase = 'iterating')"
else
    skip "COPY of a fit" "COPY has no progress before PostgreSQL 14"
fi

finish
