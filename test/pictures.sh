#!/bin/sh
# pictures.sh: makes the pictures of the README.
#
#   sh test/pictures.sh [DIRECTORY]
#
# Needs a server with the extension, which the environment names (PGHOST,
# PGDATABASE, ...), and changes nothing there.  Without a directory it replaces
# the pictures in test/pictures; test/t/pictures.sh compares those with what
# this makes anew.
set -eu

cd "$(dirname "$0")/.."
exec psql -X -q -v ON_ERROR_STOP=1 -v dir="${1:-test/pictures}" -f test/pictures.psql
