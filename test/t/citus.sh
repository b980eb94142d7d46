#!/bin/sh
# citus.sh: a Citus cluster of three servers of the test's own.  Statistics are
# made where the shards are, and a fit by scans goes over all of them.
#
# Where Citus is not installed, as in Debian, it is skipped; partitions, foreign
# tables and parallel plans take the same ways in stream.sql, table.sql and
# foreign.sh.
set -eu
. test/t/tap.sh

[ -e "$(pg_config --pkglibdir)/citus.so" ] || skip_all "Citus is not installed for this PostgreSQL"
[ "$(id -u)" != 0 ] || skip_all "servers are not run as root"

. test/servers.sh
dir=$(mktemp -d "${TMPDIR:-/tmp}/citus.XXXXXX")
trap 'rm -f "$dir/writing"; stop_own coordinator worker1 worker2; rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM HUP

PGHOST=$dir PGDATABASE=gmm
export PGHOST PGDATABASE
PGPORT=$(free_port 9700)
export PGPORT
worker1=$(free_port $((PGPORT + 1)))
worker2=$(free_port $((worker1 + 1)))
for node in "coordinator $PGPORT" "worker1 $worker1" "worker2 $worker2"; do
    # shellcheck disable=SC2086
    start_own $node "shared_preload_libraries = 'citus'" "wal_level = logical" \
        "citus.node_conninfo = 'sslmode=disable'" ||
        { echo "Bail out! no server"; cat "$dir/${node% *}.log"; exit 1; }
    psql -X -q -d postgres -p "${node#* }" -c 'CREATE DATABASE gmm' &&
        psql -X -q -p "${node#* }" -c 'CREATE EXTENSION citus' -c 'CREATE EXTENSION gmm'
done
psql -X -q -o /dev/null -c "SELECT citus_set_coordinator_host('127.0.0.1', $PGPORT)" \
    -c "SELECT citus_add_node('127.0.0.1', $worker1)" -c "SELECT citus_add_node('127.0.0.1', $worker2)"

# There as long as another session is to write.
writing=$dir/writing
export writing
touch "$writing"
psql -X -q -A -t -v ON_ERROR_STOP=1 -f test/t/tap.psql -f test/citus.sql
