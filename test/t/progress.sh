#!/bin/sh
# progress.sh: a long fit can be watched, by gmm.log_progress and by ps; what other
# sessions see of it, progress_view.sh tests.
# Runs alone: it counts messages that come once a second.
set -eu
. test/t/tap.sh

psql -X -q -v ON_ERROR_STOP=1 <<'SQL'
CREATE TABLE points AS
SELECT ARRAY[i % 3 * 10 + i * 7919 % 10007 / 5000.0, i * 10477 % 10037 / 3000.0]::float8[] AS x
FROM generate_series(1, 30000) AS i;
CREATE TABLE models AS SELECT gmm_fit(x, 10) AS model FROM points;
SQL

# ok_if YES NAME
ok_if()
{
    if [ "$1" = yes ]; then ok "$2"; else not_ok "$2"; fi
}

dir=$(mktemp -d "${TMPDIR:-/tmp}/progress.XXXXXX")
trap 'rm -rf "$dir"' EXIT

# watch SETTINGS QUERY: for 2.5 seconds; then $dir/out has the messages and
# $dir/titles the process titles, once a statement that is short has been run.
watch()
{
    psql -X -q -A -t >"$dir/out" 2>&1 <<SQL &
SET application_name = 'watched';
SET gmm.parallel_workers = 0; $1;
SET statement_timeout = '2500ms';
$2;
SQL
    child=$!
    : >"$dir/titles"
    while kill -0 "$child" 2>/dev/null; do
        pid=$(psql -X -q -A -t -c "SELECT pid FROM pg_stat_activity WHERE application_name = 'watched'")
        if [ -n "$pid" ]; then
            tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null >>"$dir/titles" || true
            echo >>"$dir/titles"
        fi
        sleep 0.3
    done
    wait "$child" || true
}

line='iteration [0-9]* of at most 1000000, mean log-likelihood -[0-9.]*, change -\{0,1\}[0-9.e+-]*, tol 0'
refit="SELECT gmm_refit(x, (SELECT model FROM models), '{\"max_iter\": 1000000, \"tol\": 0}') FROM points"

watch "SET gmm.log_progress = on" "$refit"
n=$(grep -c "^INFO:  gmm: $line\$" "$dir/out") || true
case $n in 1|2) right=yes ;; *) right=no ;; esac
ok_if "$right" "a line a second: $n in 2.5 s"
if [ "$right" = no ]; then sed 's/^/# /' "$dir/out"; fi
if [ -r /proc/self/cmdline ]; then
    if grep -q "SELECT gmm: $line" "$dir/titles"; then right=yes; else right=no; fi
    ok_if "$right" "the same line is in the process title"
    if [ "$right" = no ]; then sed 's/^/# /' "$dir/titles"; fi
else
    skip "the same line is in the process title" "process titles are read from /proc"
fi

watch "SET gmm.log_progress = on" \
    "SELECT gmm_fit(x, 50, '{\"max_iter\": 1000000, \"tol\": 0, \"accelerate\": false}') FROM points"
if grep -q '^INFO:  gmm: start [0-9]* of at most [0-9]*, [0-9]* passes over a sample$' "$dir/out"; then right=yes; else right=no; fi
ok_if "$right" "starts are told of"

watch "SET gmm.log_progress = off" "$refit"
if grep -q 'gmm: ' "$dir/out"; then right=no; else right=yes; fi
ok_if "$right" "no lines unless asked for"

finish
