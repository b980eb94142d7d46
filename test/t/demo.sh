#!/bin/sh
# demo.sh: the demo's SQL runs, is as accurate as promised, and the README
# shows what it prints.
set -eu
. test/t/tap.sh

dir=$(mktemp -d "${TMPDIR:-/tmp}/demo.XXXXXX")
trap 'rm -rf "$dir"' EXIT
psql -X -q -c 'DROP EXTENSION gmm'

run_demo()
{
    PGCLIENTENCODING=UTF8 PAGER='' psql -X -q -v ON_ERROR_STOP=1 -v "look=$1" \
        -v "full=$2" -v "empty=$3" -v "one=$4" -v "two=$5" -v "plusminus=$6" \
        -v "picture=$dir/picture.svg" \
        -f test/demo.psql
}

if run_demo unicode █ ░ ● ○ ± >"$dir/out" 2>&1; then
    ok "it runs"
else
    not_ok "it runs" "$(cat "$dir/out")"
fi

# As a terminal without Unicode sees it
psql -X -q -c 'SET client_min_messages = warning' -c 'DROP SCHEMA public CASCADE' -c 'CREATE SCHEMA public'
if run_demo ascii '#' . o x +- >"$dir/ascii" 2>&1; then
    ok "it runs in ASCII"
else
    not_ok "it runs in ASCII" "$(cat "$dir/ascii")"
fi

# wide FILE: its lines of more than 80 columns; only the first byte of a character counts
wide()
{
    LC_ALL=C tr -d '\200-\277' <"$1" | LC_ALL=C awk 'length($0) > 80'
}
for kind in out ascii; do
    same "no line is wider than 80 columns: $kind" "" "$(wide "$dir/$kind")"
done
sed -n 's/^ *say "\(.*\)"$/\1/p' test/demo.sh >"$dir/said"
same "nor what the script says" "" "$(grep -v '\$' "$dir/said" | awk 'length($0) > 80')"

# 157 of 160 are 98.125 %, what scikit-learn's mixture reaches.
if awk '/^Accuracy on the 160 test points:/ { found = $7 >= 98.12 }
        END { exit !found }' "$dir/out"
then
    ok "accuracy of at least 98.12 %"
else
    not_ok "accuracy of at least 98.12 %" "$(grep '^Accuracy' "$dir/out")"
fi

# The picture is the README's first block without a language.
picture=$(awk -v dir="$dir" -f test/blocks.awk README.md |
    awk '$2 == "none" { print $1; exit }')
sed 's/ *$//' "$dir/$picture.none" >"$dir/picture"
sed 's/ *$//' "$dir/out" | awk -v lines="$(wc -l <"$dir/picture")" '
    / component .* lasts, min / { begun = 1 }
    begun && n++ < lines' >"$dir/printed"
if [ -s "$dir/picture" ] && diff -u "$dir/picture" "$dir/printed" >"$dir/diff"; then
    ok "the README's picture is what it prints"
else
    not_ok "the README's picture is what it prints" "$(cat "$dir/diff")"
fi

if head -n 1 "$dir/picture.svg" | grep -q '^<svg ' && grep -q '272 rows' "$dir/picture.svg"; then
    ok "it draws a picture"
else
    not_ok "it draws a picture" "$(head -c 1000 "$dir/picture.svg")"
fi
finish
