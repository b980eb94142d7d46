#!/bin/sh
# docker.sh: what can be known of the images of test/docker without docker: what
# they copy is there and is sent to be built with, that is all that a build takes,
# and their database gets its tables.
set -eu
. test/t/tap.sh

dir=$(mktemp -d "${TMPDIR:-/tmp}/docker.XXXXXX")
trap 'rm -rf "$dir"' EXIT

copied=$(sed -n '/--from/d; s/^COPY \(.*\) [^ ]*$/\1/p' test/docker/Dockerfile | tr ' ' '\n' | LC_ALL=C sort)
same "what is copied is what .dockerignore lets through" "$copied" \
    "$(sed -n 's/^!//p' test/docker/Dockerfile.dockerignore | LC_ALL=C sort)"
same "and is there" "" "$(for file in $copied; do [ -e "$file" ] || echo "$file"; done)"

# What make would compile and install of these alone is what it would of all.
mkdir "$dir/gmm"
for file in $copied; do
    case $file in test/*) ;; *) cp -r "$file" "$dir/gmm/" ;; esac
done
# -B: whatever is there already, which the order then still depends on.
plan()
{
    make -C "$1" -B -n all install DESTDIR=/installed 2>&1 | sed "s| $(cd "$1" && pwd)/| ./|g" |
        grep -v '^make' | LC_ALL=C sort
}
plan . >"$dir/all" || true
plan "$dir/gmm" >"$dir/copied" || true
contains "make has a plan" "gmm_vector.control" "$(cat "$dir/all")"
same "of which it takes nothing from elsewhere" "" "$(diff "$dir/all" "$dir/copied" | head -n 20)"

# The script of the first start, with pgvector if it is there.
if [ -e "$(pg_config --sharedir)/extension/vector.control" ]; then with=gmm_vector; else with=gmm; fi
sed "s|^\\\\cd .*|\\\\cd '$PWD/test'|; s|^CREATE EXTENSION gmm_vector|CREATE EXTENSION $with|" \
    test/docker/demo.sql >"$dir/demo.sql"
ask -o /dev/null -c "DROP EXTENSION gmm" -c "SET client_min_messages = warning"
if PGOPTIONS="-c client_min_messages=warning" psql -X -q -v ON_ERROR_STOP=1 -f "$dir/demo.sql" >"$dir/said" 2>&1; then
    same "demo.sql says nothing" "" "$(cat "$dir/said")"
else
    not_ok "demo.sql says nothing" "$(cat "$dir/said")"
fi
same "and leaves the tables and a model" "272|800|2" \
    "$(ask -c "SELECT (SELECT count(*) FROM faithful), (SELECT count(*) FROM blobs), (gmm_summary(model)).k FROM geyser" 2>&1)"
finish
