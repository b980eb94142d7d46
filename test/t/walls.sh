#!/bin/sh
# walls.sh: the sources stand as src/README.md says: rooms, each above what it
# uses, and the engine without PostgreSQL; and no piece is too large to be read.
set -eu
. test/t/tap.sh

# Each includes and calls those before it only.
rooms='engine/core engine/kernels engine/derive engine/em engine/sample engine/search engine/fit
       rows host model score fit svg stats sketch table'
# What every room of its side may include: the engine's interface, and compat.h
open='engine/engine.h engine/fields.h compat.h'

sources=$(find src -name '*.[ch]' | LC_ALL=C sort)

# A room that is not in the list, or a file that is in none, is found here.
same "every file is in a room" "" "$(
    for file in $sources; do
        room=$(dirname "${file#src/}")
        case " $(echo $rooms) . " in *" $room "*) continue ;; esac
        case " $open " in *" ${file#src/} "*) continue ;; esac
        echo "$file"
    done)"
same "beside the rooms are the module and what all may include" "src/compat.h src/gmm.c" \
    "$(echo $(ls src/*.[ch]))"

tests=$(find test/unit test/fuzz test/bench test/*.h -name '*.[ch]' -o -name '*.cpp' | LC_ALL=C sort)
same "no two files of one name" "" "$(
    for file in $sources $tests; do basename "$file"; done | LC_ALL=C sort | uniq -d)"

same "no two of one name but for a header and its source" "" "$(
    for file in $sources; do case $file in *.c) basename "$file" .c ;; esac; done | LC_ALL=C sort | uniq -d)"

# What is read fits on a screen: of a file too long, with how many lines; of functions,
# whose names stand at the left as their last braces do; of lines, but for what is in
# quotation marks, which is kept in one piece for those who look for it.
long_files()
{
    awk -v most=800 'FNR == most + 1 { print FILENAME }' "$@"
}
long_functions()
{
    awk -v most=60 '
        FNR == 1 { name = "" }
        /^[A-Za-z_].*\(/ && !/;[ \t]*$/ && !/^(typedef|struct|enum|union)/ { name = $0; first = FNR }
        /^}/ {
            if (name != "" && FNR - first + 1 > most) {
                sub(/ *\(.*/, "", name)
                print FILENAME ": " name ", " FNR - first + 1 " lines"
            }
            name = ""
        }' "$@"
}
long_lines()
{
    for file in "$@"; do
        expand -t 4 "$file" | awk -v most=100 -v file="$file" '{
            gsub(/"([^"\\]|\\.)*"/, "\"\"")
            if (length($0) > most) print file ": " FNR
        }'
    done
}
same "no file has more than 800 lines" "" "$(long_files $sources $tests)"
same "no function has more than 60" "" "$(long_functions $sources $tests)"
same "no line is wider than 100 columns" "" "$(long_lines $sources)"

# and all three are seen
trial=$(mktemp)
{
    echo "int"
    echo "longest(int a)"
    echo "{"
    yes "	a++;" | head -n 58
    echo "}"
    yes "/* a comment */" | head -n 738
    printf '\t\t%093d\n' 0
} > "$trial"
same "a function of 61 lines is too long" "$trial: longest, 61 lines" "$(long_functions "$trial")"
same "a file of 801 lines is too long" "$trial" "$(long_files "$trial")"
same "a line of 101 columns is too wide" "$trial: 801" "$(long_lines "$trial")"
rm "$trial"

# src/README.md is the map of all this.
names=$(sed 's/`/\n/g' src/README.md | grep -E '^[a-z0-9_./-]+\.(c|h|sql|sh)$|^(test|sql)(/[a-z]*)?$|^(engine/)?[a-z]+$' | sort -u)
same "the map names files and rooms that there are" "" "$(
    for name in $names; do
        case $name in
            test/* | sql) [ -e "$name" ] || echo "$name" ;;
            */*) [ -e "src/$name" ] || echo "$name" ;;
            *.[ch]) echo "$sources" | grep -q "/$name\$" || echo "$name" ;;
            *) [ -d "src/$name" ] || echo "$name" ;;
        esac
    done)"
same "and every room" "$(echo $rooms | tr ' ' '\n' | LC_ALL=C sort)" \
    "$(sed -n 's/^| `\([a-z/]*\)` | .*/\1/p' src/README.md | LC_ALL=C sort)"

# includes FILE: what is in its quotation marks
includes()
{
    sed -n 's/^#[[:space:]]*include[[:space:]]*"\(.*\)".*/\1/p' "$1"
}

same "the engine includes itself and the language's own headers" "" "$(
    for file in $(find src/engine -name '*.[ch]'); do
        sed -n 's/^#[[:space:]]*include[[:space:]]*//p' "$file" |
            grep -vE '^"engine/|^<(assert|float|math|stdbool|stddef|stdint|stdlib|string)\.h>$|^<(immintrin|cpuid)\.h>$' |
            sed "s|^|$file: |" || true
    done)"

same "the others include nothing of the engine but its interface" "" "$(
    for file in $sources; do
        case $file in src/engine/*) continue ;; esac
        for name in $(includes "$file" | grep '^engine/'); do
            case " $open " in *" $name "*) continue ;; esac
            echo "$file: $name"
        done
    done)"

same "postgres.h is in no header, and the first in every other file" "" "$(
    for file in $sources; do
        case $file in
            src/engine/*) ;;
            *.h) ! includes "$file" | grep -qx postgres.h || echo "$file" ;;
            *.c) [ "$(includes "$file" | head -n 1)" = postgres.h ] || echo "$file" ;;
        esac
    done)"

# upwards: of lines "file, room, room of what it uses, what", those that go up.
upwards()
{
    awk -v rooms="$(echo $rooms)" '
        BEGIN {
            n = split(rooms, list, " ")
            for (i = 1; i <= n; i++) floor[list[i]] = i
            floor["."] = n + 1
        }
        $2 != $3 && floor[$3] >= floor[$2] { print $1 ": " $4 }'
}

same "rooms include only those below" "" "$(
    for file in $sources; do
        room=$(dirname "${file#src/}")
        for name in $(includes "$file"); do
            [ -e "src/$name" ] || continue
            case " $open " in *" $name "*) continue ;; esac
            echo "$file $room $(dirname "$name") $name"
        done
    done | upwards)"

# A header of a room is for those above it, but for what only its files share.
same "what only a room's files share is included there only" "" "$(
    for file in $sources; do
        for name in $(includes "$file" | grep _private); do
            [ "src/$(dirname "$name")" = "$(dirname "$file")" ] || echo "$file: $name"
        done
    done)"

# A function that engine.h declares may be any room's, so calls are looked at too.
build=${GMM_BUILD:-.}
if ! command -v nm >/dev/null 2>&1 || [ ! -e "$build/src/gmm.o" ]; then
    skip "rooms call only those below" "there is no nm, or no object file"
else
    calls=$(
        (cd "$build" && for object in $(find src -name '*.o'); do
            nm "$object" | awk -v object="$object" '
                NF == 3 && $2 ~ /^[TDRB]$/ { print "defines", $3, object }
                NF == 2 && $1 == "U" { print "uses", $2, object }'
        done) | awk '
            function room(object) { sub(/^src\//, "", object); return sub(/\/[^\/]*$/, "", object) ? object : "." }
            $1 == "defines" { home[$2] = room($3) }
            $1 == "uses" { name[++n] = $2; user[n] = $3 }
            END { for (i = 1; i <= n; i++) if (name[i] in home) print user[i], room(user[i]), home[name[i]], name[i] }')
    number=$(echo "$calls" | wc -l)
    if [ "$number" -gt 500 ]; then ok "$number calls between files"; else not_ok "$number calls between files"; fi
    same "rooms call only those below" "" "$(echo "$calls" | upwards)"
fi
finish
