#!/bin/sh
# versions.sh: wherever the version is written, it is the same.
set -eu
. test/t/tap.sh

version=$(sed -n 's/^   "version": "\(.*\)",$/\1/p' META.json)
short=${version%.*}
same "META.json has a version of three numbers" "$version" \
    "$(printf '%s\n' "$version" | grep -E '^[0-9]+\.[0-9]+\.[0-9]+$')"
same "META.json: what it provides" "\"src/sql/gmm_model.sql\" \"$version\" \"src/vector/gmm_vector--$short.sql\" \"$version\"" \
    "$(sed -n '/"provides"/,/"prereqs"/s/^ *"\(file\|version\)": *\("[^"]*"\),\{0,1\}$/\2/p' META.json |
        paste -s -d ' ' -)"
same "gmm.control" "$short" "$(sed -n "s/^default_version = '\(.*\)'$/\1/p" gmm.control)"
same "gmm_vector.control" "$short" "$(sed -n "s/^default_version = '\(.*\)'$/\1/p" src/vector/gmm_vector.control)"
same "the Makefile makes the script of that version" "gmm--$short.sql" \
    "$(sed -n 's/^DATA_built = //p' Makefile)"
same "and installs the other" "src/vector/gmm_vector--$short.sql" "$(sed -n 's/^DATA = //p' Makefile)"
same "CHANGELOG.md begins with it" "$version" \
    "$(sed -n 's/^## \[\([0-9.]*\)\].*/\1/p' CHANGELOG.md | head -n 1)"
same "debian/changelog" "$version" \
    "$(sed -n '1s/^postgresql-gmm (\([0-9.]*\)[^)]*).*/\1/p' debian/changelog)"
same "the extension that CREATE EXTENSION makes" "$short" \
    "$(ask -c "SELECT extversion FROM pg_extension WHERE extname = 'gmm'")"

# Since 18 a library says what it is.
if [ "$(ask -c 'SHOW server_version_num')" -ge 180000 ]; then
    same "the library" "gmm|$version" \
        "$(ask -c "LOAD 'gmm'" -c "SELECT module_name, version FROM pg_get_loaded_modules() WHERE module_name = 'gmm'")"
else
    skip "the library" "PostgreSQL has no pg_get_loaded_modules() before 18"
fi
finish
