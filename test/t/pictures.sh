#!/bin/sh
# pictures.sh: the documentation's pictures are those that test/pictures.sh makes,
# the same elements with the same numbers but for rounding, and what it says of them
# is so.
set -eu
. test/t/tap.sh

dir=$(mktemp -d "${TMPDIR:-/tmp}/pictures.XXXXXX")
trap 'rm -rf "$dir"' EXIT

if sh test/pictures.sh "$dir" >"$dir/said" 2>&1 && [ "$(wc -l <"$dir/said")" = 6 ]; then
    ok "they are made"
else
    not_ok "they are made" "$(cat "$dir/said")"
fi

# A number a line, and what is between two of them.  The direction of an
# ellipse that is nearly a circle hangs on rounding, so it is left out.
parts()
{
    sed -e 's/rotate([^)]*)/rotate()/g' \
        -e 's/\([^0-9.]\)\(-\{0,1\}[0-9][0-9.]*\)/\1\n\2\n/g' "$1"
}

for picture in test/pictures/*.svg; do
    name=$(basename "$picture")
    if ! grep -q "[(\"/]test/pictures/${name}[)\"]" README.md doc/*.md; then
        not_ok "the documentation shows $name"
    fi
    parts "$picture" >"$dir/wanted"
    if [ ! -s "$dir/$name" ]; then
        not_ok "$name is made"
        continue
    fi
    parts "$dir/$name" >"$dir/got"
    # places in pixels, and percentages
    if paste -d '\n' "$dir/wanted" "$dir/got" | awk '
            NR % 2 { wanted = $0; next }
            wanted == $0 { same++; next }
            wanted ~ /^-?[0-9.]+$/ && $0 ~ /^-?[0-9.]+$/ &&
                (wanted - $0) ^ 2 <= 0.3 ^ 2 { close_by++; next }
            { printf "line %d: %s instead of %s\n", NR / 2, $0, wanted; bad = 1 }
            END { exit bad || same < 500 || close_by > same / 2 }' >"$dir/log"
    then
        ok "$name is as it was"
    else
        not_ok "$name is as it was" "$(cat "$dir/log")"
    fi
done
for picture in $(grep -oh 'test/pictures/[a-z_]*\.svg' README.md doc/*.md | sort -u); do
    if [ -s "$picture" ]; then
        ok "the documentation's $picture is there"
    else
        not_ok "the documentation's $picture is there"
    fi
done

# moons: 344 of 500
while IFS= read -r line; do
    case $line in
        "no_structure: BIC prefers several components")
            ok "$line, as the documentation says" ;;
        *": "*" of 500")
            if grep -q "pictures/${line%%:*}.svg.*[ >]${line#*: }" doc/statistics.md; then
                ok "the documentation says of $line"
            else
                not_ok "the documentation says of $line"
            fi ;;
        *) not_ok "the documentation says of $line" ;;
    esac
done <"$dir/said"
finish
