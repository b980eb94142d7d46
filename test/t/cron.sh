#!/bin/sh
# cron.sh: the documentation's crontab, as cron reads and runs it.
#
# A table is taken apart by the rules of crontab(5): lines NAME=VALUE set the
# environment, a line of five fields and a command is a job, and in a command
# an unescaped % ends the line.  The command then runs as cron runs it: sh -c,
# with next to nothing in the environment.  Only where the server is, is ours.
set -eu
. test/t/tap.sh

dir=$(mktemp -d "${TMPDIR:-/tmp}/cron.XXXXXX")
trap 'rm -rf "$dir"' EXIT

ask -o /dev/null <<'SQL'
CREATE TABLE faithful (eruptions double precision, waiting double precision);
\copy faithful FROM 'test/data/faithful.csv' CSV HEADER
SQL

# The table of models is the README's.
mkdir "$dir/readme"
awk -v dir="$dir/readme" -f test/blocks.awk README.md |
    while read -r number language line needs heading; do
        [ "$heading" != "Store models and refit" ] || ask -o /dev/null -f "$dir/readme/$number.sql"
    done
awk -v dir="$dir" -f test/blocks.awk doc/operations.md |
    grep ' Refit on a schedule$' >"$dir/index"
while read -r number language line needs heading; do
    case $language in
        sql) [ "$needs" != - ] || ask -o /dev/null -f "$dir/$number.sql" ;;
        cron) cp "$dir/$number.cron" "$dir/crontab" ;;
    esac
done <"$dir/index"

job=$(grep -cE '^[^#A-Z]' "$dir/crontab")
same "the crontab has one job" 1 "$job"

line=$(grep -E '^[^#A-Z]' "$dir/crontab" | head -n 1)
field='[-0-9*,/]+[[:blank:]]+'
if printf '%s\n' "$line" | grep -Eq "^$field$field$field$field${field}[^[:blank:]]"; then
    ok "five fields and a command: $line"
else
    not_ok "five fields and a command: $line"
fi

command=$(printf '%s\n' "$line" | sed -E "s/^($field){5}//")
if printf '%s\n' "$command" | sed 's/\\%//g' | grep -q %; then
    not_ok "no bare % in the command: cron would cut it there"
else
    ok "no bare % in the command"
fi
command=$(printf '%s\n' "$command" | sed 's/\\%/%/g')

# PGDATABASE as the table says, but for the name of our database.
grep -E '^[A-Z_]+=' "$dir/crontab" | grep -v '^PGDATABASE=' >"$dir/environment" || true
database=$PGDATABASE
models=$(ask -c 'SELECT count(*) FROM models')
# shellcheck disable=SC2046
if (cd /; env -i HOME="$dir" LOGNAME="$(id -un)" USER="$(id -un)" SHELL=/bin/sh \
    PATH="$(dirname "$(command -v psql)"):/usr/bin:/bin" \
    PGHOST="$PGHOST" PGPORT="$PGPORT" PGUSER="$PGUSER" PGDATABASE="$database" \
    $(cat "$dir/environment") /bin/sh -c "$command") </dev/null >"$dir/mail" 2>&1 &&
    [ "$(ask -c 'SELECT count(*) FROM models')" -gt "$models" ]
then
    ok "the command stores a new model"
else
    not_ok "the command stores a new model" "$(cat "$dir/mail")"
fi

same "it prints nothing, so that cron mails only errors" "" "$(cat "$dir/mail")"
finish
