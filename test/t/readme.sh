#!/bin/sh
# readme.sh: README.md and doc/*.md tell the truth.
#
# Every ```sql block of the README runs, in order, in one database that starts
# without the extension, and those of each file of doc in a copy of what the
# README leaves; where a ```text block follows, it is what psql printed.  A block
# that needs=errors consists of statements that fail; one that needs what a
# server need not have is run by the test of that name (pg_cron.sh).
#
# Every object of the extension is in the reference's list and has a part of the page
# that the list leads to, with its arguments, an example and what it does with NULL; every
# default in the table of options is the one of src/fit/fit_options.h or src/model/model.h;
# PostgreSQL says of each of the common mistakes what doc/mistakes.md says.
set -eu
. test/t/tap.sh

dir=$(mktemp -d "${TMPDIR:-/tmp}/readme.XXXXXX")
base=$PGDATABASE
drop_copy()
{
    psql -X -q -d postgres -c "DROP DATABASE IF EXISTS ${base}_copy" 2>"$dir/dropped"
}
trap 'drop_copy; rm -rf "$dir"' EXIT

trimmed()
{
    sed 's/ *$//' "$1" | sed -e '/./,$!d' | awk '
        { lines[NR] = $0; if ($0 != "") last = NR }
        END { for (i = 1; i <= last; i++) print lines[i] }'
}

# run_document FILE: its blocks, in the database that is set
run_document()
{
    awk -v dir="$dir" -f test/blocks.awk "$1" >"$dir/index"
    before=
    while read -r number language line needs heading; do
        case $language in
            sql)
                before=
                case $needs in
                    -) stop=1 wanted=0 ;;
                    errors) stop=0 wanted=$(grep -c ';$' "$dir/$number.sql") ;;
                    *) continue ;;
                esac
                name="$1:$line ($heading): $(grep -v '^ *--' "$dir/$number.sql" |
                    head -n 1 | cut -c 1-60)"
                status=0
                PAGER='' psql -X -q -v ON_ERROR_STOP="$stop" <"$dir/$number.sql" \
                    >"$dir/$number.out" 2>&1 || status=$?
                if [ "$status" = 0 ] &&
                    [ "$(grep -c '^ERROR: ' "$dir/$number.out")" = "$wanted" ]
                then
                    ok "$name"
                    before=$number
                else
                    not_ok "$name" "$(cat "$dir/$number.out")"
                fi ;;
            text)
                if [ -z "$before" ]; then continue; fi
                trimmed "$dir/$number.text" >"$dir/wanted"
                trimmed "$dir/$before.out" >"$dir/got"
                if diff -u "$dir/wanted" "$dir/got" >"$dir/diff"; then
                    ok "$1:$line ($heading): what it prints"
                else
                    not_ok "$1:$line ($heading): what it prints" "$(cat "$dir/diff")"
                fi
                before= ;;
            *)
                before= ;;
        esac
    done <"$dir/index"
}

psql -X -q -c 'DROP EXTENSION gmm'
run_document README.md
for document in doc/*.md; do
    psql -X -q -d postgres -c "CREATE DATABASE ${base}_copy TEMPLATE $base"
    PGDATABASE=${base}_copy
    run_document "$document"
    PGDATABASE=$base
    drop_copy
done

# Objects that a user calls or names; the aggregates' own functions are not, nor
# what gmm_fit_table's queries call.  Of what NULL gives, the kinds are told apart:
# rows, a value, and what the function sees to itself.  What is behind operators and
# casts has no part of its own.
behind="p.proname ~ '^gmm_(model|stats|sketch)_' AND p.proname NOT IN ('gmm_stats_summary', 'gmm_sketch_summary')"
psql -X -q -A -t -F ' ' -o "$dir/objects" -c "
    SELECT coalesce(p.proname, t.typname),
           max(CASE WHEN p.prokind = 'f' AND p.proisstrict AND p.proretset THEN 'rows'
                    WHEN p.prokind = 'f' AND p.proisstrict THEN 'value' ELSE 'own' END),
           bool_or(coalesce($behind, false))
    FROM pg_extension AS e
    JOIN pg_depend AS d ON d.refobjid = e.oid AND d.deptype = 'e'
    LEFT JOIN pg_proc AS p ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid
    LEFT JOIN pg_type AS t ON d.classid = 'pg_type'::regclass AND d.objid = t.oid
    WHERE e.extname = 'gmm' AND coalesce(p.proname, t.typname) !~ '^_'
      AND p.proname !~ '_(in|out|recv|send|transition|combine|serialize|deserialize|final|support)\$|^gmm_fit_table_' IS NOT FALSE
    GROUP BY 1 ORDER BY 1"

# in_reference HEADING PATTERN: a line of that part of the reference has it
in_reference()
{
    awk -v heading="$1" '
        /^```/ { code = !code }
        /^#+ / && !code { inside = $0 ~ "^#+ " heading "$" }
        inside' doc/reference*.md >"$dir/part"
    grep -Eq "$2" "$dir/part"
}

while read -r object null implements; do
    if [ "$implements" = t ]; then
        in_reference "Behind operators and casts" "^\|.*\`$object\(" && is=ok || is=not_ok
    elif [ "$object" = gmm_stats ]; then
        in_reference "Type $object" '^```sql$' && is=ok || is=not_ok
    else
        case $null in
            rows) says='^\*\*NULL\*\*: no rows if an argument is NULL' ;;
            value) says='^\*\*NULL\*\*: NULL if an argument is NULL' ;;
            *) says='^\*\*NULL\*\*: ' ;;
        esac
        grep -q "^| \[\`$object(" doc/reference.md &&
            in_reference "$object" "$says" && in_reference "$object" '^```sql$' &&
            awk '/^```/ { code = $0 == "```sql"; next } code' "$dir/part" | grep -q "$object(" &&
            is=ok || is=not_ok
    fi
    $is "$object has its place in the documentation"
done <"$dir/objects"

# The arguments and columns that these have
psql -X -q -A -t -F ' ' -o "$dir/arguments" -c "
    SELECT DISTINCT p.proname, argument
    FROM pg_extension AS e
    JOIN pg_depend AS d ON d.refobjid = e.oid AND d.deptype = 'e' AND d.classid = 'pg_proc'::regclass
    JOIN pg_proc AS p ON p.oid = d.objid, unnest(p.proargnames) AS argument
    WHERE e.extname = 'gmm' AND p.proname !~ '^gmm_fit_table_' AND NOT ($behind) AND argument <> ''
    ORDER BY 1, 2"
missing=$(while read -r object argument; do
    in_reference "$object" "(^|[^a-z_])$argument([^a-z_]|\$)" || echo "$object: $argument"
done <"$dir/arguments")
same "arguments and columns that the reference has not" "" "$missing"
same "arguments and columns that were looked for" yes \
    "$([ "$(wc -l <"$dir/arguments")" -ge 80 ] && echo yes)"

# | `what is written` | what PostgreSQL says | `what to write` | because |
awk '/^## / { inside = /Common mistakes/ }
    inside && split($0, cell, / \| /) == 4 && cell[1] ~ /`SELECT/ {
        gsub(/^\| `|`$/, "", cell[1])
        gsub(/^`|`$/, "", cell[3])
        printf "%s\n%s\n%s\n", cell[1], cell[2], cell[3]
    }' doc/mistakes.md >"$dir/mistakes"
while IFS= read -r wrong && IFS= read -r said && IFS= read -r right; do
    got=$(psql -X -q -v VERBOSITY=terse -c "$wrong" 2>&1 | sed 's/^ERROR: *//; s/ at character [0-9]*$//')
    same "what PostgreSQL says of $wrong" "$said" "$got"
    if got=$(psql -X -q -v ON_ERROR_STOP=1 -c "$right" 2>&1); then
        ok "$right"
    else
        not_ok "$right" "$got"
    fi
done <"$dir/mistakes"
same "mistakes that were made" "$(grep -c '^| `SELECT .*` | .* | `SELECT .* |$' doc/mistakes.md)" \
    "$(($(wc -l <"$dir/mistakes") / 3))"

# | `max_iter` | integer ... | `1000` | ... and #define GMM_DEFAULT_MAX_ITER 1000,
# or in the words of a comment where 0 is not a value but means something.
for option in max_iter tol reg_covar n_init; do
    macro=GMM_DEFAULT_$(echo "$option" | tr '[:lower:]' '[:upper:]')
    wanted=$(sed -n "s|^#define ${macro}[[:space:]]*||p" src/fit/fit_options.h src/model/model.h)
    case $wanted in
        "0"*"/* "*) words=$(printf '%s\n' "$wanted" | sed 's|.*/\* \(.*\) \*/.*|\1|') ;;
        *) words="\`$wanted\`" ;;
    esac
    if [ -n "$wanted" ] && grep -q "^| \`$option\` .*| $words |" doc/reference_fit.md
    then
        ok "the default of $option is $wanted"
    else
        not_ok "the default of $option is $wanted"
    fi
done

same "the table of options has all options" \
    "$(psql -X -q -A -t -c "SELECT string_agg(a, ' ' ORDER BY a COLLATE \"C\") FROM pg_proc, unnest(proargnames) AS a WHERE proname = 'gmm_options'")" \
    "$(awk '/^#+ / { inside = $0 == "## Options" } inside' doc/reference_fit.md |
        sed -n 's/^| `\([a-z_]*\)` .*/\1/p' | LC_ALL=C sort | paste -s -d ' ' -)"

# The README is read to its end.
lines=$(wc -l <README.md)
same "the README has at most 330 lines" yes "$([ "$lines" -le 330 ] && echo yes || echo "$lines")"

finish
