#!/bin/sh
# run.sh FILE: one test of test/t, in a database of its own; writes TAP.
#
#   prove --exec 'sh test/run.sh' test/t/order.sql
#
# which is what "make prove_installcheck" does for all of them.  The server is
# the one that the environment names (PGHOST, PGPORT, PGUSER, as for psql); it has
# the extension installed, and whoever connects is a superuser there.
set -eu
cd "$(dirname "$0")/.."

case $1 in
    *.sql | *.sh) ;;
    *) echo "Bail out! $1: neither .sql nor .sh"; exit 1 ;;
esac
name=$(basename "${1%.*}")
PGDATABASE=gmm_${name}_$$
export PGDATABASE
psql -X -q -d postgres -c "CREATE DATABASE $PGDATABASE TEMPLATE template0"
trap 'psql -X -q -d postgres -c "DROP DATABASE $PGDATABASE WITH (FORCE)"' EXIT
trap 'exit 130' INT TERM HUP
psql -X -q -c "CREATE EXTENSION gmm"

# A row of several tests is several lines.
case $1 in
    *.sql) psql -X -q -A -t -F '
' -v ON_ERROR_STOP=1 -f test/t/tap.psql -f "$1" ;;
    *.sh) sh "$1" ;;
esac
