#!/bin/sh
# check_names.sh: check.sh refuses a name that is of no test, says which there
# are, and has help.
set -eu
. test/t/tap.sh

status=0
answer=$(sh test/check.sh t/order nosuchtest 2>&1) || status=$?
same "a name of no test is an error" 1 "$status"
contains "which says so" 'no test has "nosuchtest" in its name' "$answer"
same "and lists all that there are" "" "$(ls test/t/*.sql test/t/*.sh | grep -v '/tap\.sh$' |
    while read -r file; do
        printf '%s\n' "$answer" | grep -qx " *${file#test/}" || echo "$file"
    done)"
same "no test is run" "" "$(printf '%s\n' "$answer" | grep passed)"
same "an option that is not known is an error" 1 \
    "$(sh test/check.sh --nosuchoption >/dev/null 2>&1 && echo 0 || echo $?)"
contains "--help says how it is called" "sh test/check.sh [--keep] [NAME...]" "$(sh test/check.sh --help)"
finish
