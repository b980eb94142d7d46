#!/bin/sh
# memory.sh: the peak of a backend's resident memory while it fits.
#
#   sh test/bench/memory.sh [ROWS [WORK_MEM]]
#
# Fits 10 components to ROWS (1,000,000) rows of 10 features, with WORK_MEM
# (64MB) and with memory for all rows, in the server that psql connects to and
# that runs on this machine: the peak is in /proc.  That server needs gmm.  It
# makes a table, gmm_memory, and drops it at the end.  JIT is off, since its
# compiler takes more memory than what is measured, and the server's shared
# buffers, which the scan of the table touches, are not counted.
set -eu

rows=${1:-1000000}
memory=${2:-64MB}

psql -X -q -v ON_ERROR_STOP=1 <<SQL
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS gmm;
SELECT setseed(0.5) \g /dev/null
CREATE UNLOGGED TABLE gmm_memory AS
SELECT ARRAY[i % 10 * 3, 0, 0, 0, 0, 0, 0, 0, 0, 0]::float8[] AS x
FROM generate_series(1, $rows) AS i;
CREATE OR REPLACE FUNCTION pg_temp.noise(x float8[]) RETURNS float8[]
LANGUAGE sql VOLATILE AS 'SELECT array_agg(v + random() + random()) FROM unnest(x) AS v';
UPDATE gmm_memory SET x = pg_temp.noise(x);
VACUUM gmm_memory;
SQL
trap 'psql -X -q -c "DROP TABLE gmm_memory"' EXIT


# fit WORK_MEM: one line of the table
fit()
{
    psql -X -q -A -t -v ON_ERROR_STOP=1 <<SQL | awk -v memory="$1" '
        /^[0-9]+$/ { peak[++n] = $1 }
        /^Time:/ { ms = $2 }
        END { printf "%10s  %10.1f s  %6.0f MB\n", memory, ms / 1000, (peak[2] - peak[1]) / 1024 }'
SET jit = off;
SET max_parallel_workers_per_gather = 0;
SET work_mem = '$1';
SELECT gmm_model('{1}', '{{0}}', '{1}', 'spherical') \g /dev/null
SELECT pg_backend_pid() AS pid \gset
\setenv BACKEND :pid
\! awk '/^VmHWM:/ { hwm = \$2 } /^RssShmem:/ { print hwm - \$2 }' "/proc/\$BACKEND/status"
\timing on
SELECT gmm_bic(gmm_fit(x, 10, '{"max_iter": 20, "tol": 0}')) FROM gmm_memory \g /dev/null
\timing off
\! awk '/^VmHWM:/ { hwm = \$2 } /^RssShmem:/ { print hwm - \$2 }' "/proc/\$BACKEND/status"
SQL
}

printf '%10s  %12s  %9s\n' work_mem time "peak above idle"
fit "$memory"
fit "$((rows / 10000 + 64))MB"
