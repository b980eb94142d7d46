#!/bin/sh
# documents.sh: the files, parts and targets of make that the documents name are
# there.
set -eu
. test/t/tap.sh

# anchors DOCUMENT: of its headings, as GitHub makes them
anchors()
{
    awk '/^```/ { code = !code }
        !code && sub(/^#+ /, "") {
            $0 = tolower($0)
            gsub(/[^a-z0-9_ -]/, "")
            gsub(/ /, "-")
            print
        }' "$1"
}

for document in *.md src/*.md doc/*.md; do
    [ -e "$document" ] || continue
    directory=$(dirname "$document")

    same "$document: has one subject, and so at most 800 lines" yes \
        "$([ "$(wc -l <"$document")" -le 800 ] && echo yes)"

    # In backquotes: names that begin with a directory of ours; a directory is
    # one with or without what is in it.
    missing=$(grep -oE '`(src|sql|expected|test|debian|doc)(/[A-Za-z0-9_.-]+)*`' "$document" | tr -d '`' | sort -u |
        while read -r file; do
            [ -e "$file" ] || [ -e "$directory/$file" ] || echo "$file"
        done)
    same "$document: files" "" "$missing"

    # [Links](that lead to files)
    missing=$(grep -oE '\]\([^):#]+(#[^)]*)?\)' "$document" | sed 's/^](//; s/[#)].*//' | sort -u |
        while read -r file; do
            [ -e "$directory/$file" ] || echo "$file"
        done)
    same "$document: links" "" "$missing"

    # [Links](to.md#headings)
    missing=$(grep -oE '\]\([^):#]*#[^)]+\)' "$document" | sed 's/^](//; s/)$//' | sort -u |
        while IFS='#' read -r file anchor; do
            if [ -n "$file" ]; then file=$directory/$file; else file=$document; fi
            anchors "$file" | grep -qx -- "$anchor" || echo "$file#$anchor"
        done)
    same "$document: headings" "" "$missing"

    # In blocks for the shell, and in backquotes
    missing=$({
        awk '/^```/ { shell = $1 == "```sh"; next } shell && sub(/^(sudo )?make +/, "")' "$document"
        grep -oE '`make [a-z_]+' "$document" | sed 's/`make //'
    } | grep -oE '^[a-z_]+' | sort -u |
        while read -r target; do
            case $target in
                install | installcheck) ;;
                *) grep -q "^$target:" Makefile || echo "$target" ;;
            esac
        done)
    same "$document: targets" "" "$missing"
done

# Files of tests in the examples of CONTRIBUTING.md
same "tests that CONTRIBUTING.md runs" "" \
    "$(grep -oE '(PROVE_TESTS|REGRESS)=[a-z/._]+' CONTRIBUTING.md | sed 's/REGRESS=\(.*\)/sql\/\1.sql/; s/.*=//' |
        while read -r file; do [ -e "$file" ] || echo "$file"; done)"

# Parts of the benchmark
same "parts of the benchmark" "$(sed -n 's/^for section in \(.*\); do$/\1/p' test/bench/run.sh)" \
    "$(sed -n 's/^| `\([a-z]*\)` | .*/\1/p' doc/benchmark.md | paste -s -d ' ' -)"
finish
