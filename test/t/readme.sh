#!/bin/sh
# readme.sh: the README tells the truth.
#
# Every ```sql block runs, in order, in one database that starts without the
# extension; where a ```text block follows, it is what psql printed.  A block
# that needs=errors consists of statements that fail; one that needs what a
# server need not have is run by the test of that name (pg_cron.sh).  Every object of the extension is in the reference, and every
# default in the table of options is the one of src/fit/fit_options.h or src/model/model.h.
set -eu
. test/t/tap.sh

dir=$(mktemp -d "${TMPDIR:-/tmp}/readme.XXXXXX")
trap 'rm -rf "$dir"' EXIT

trimmed()
{
    sed 's/ *$//' "$1" | sed -e '/./,$!d' | awk '
        { lines[NR] = $0; if ($0 != "") last = NR }
        END { for (i = 1; i <= last; i++) print lines[i] }'
}

psql -X -q -c 'DROP EXTENSION gmm'
awk -v dir="$dir" -f test/blocks.awk README.md >"$dir/index"

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
            name="line $line ($heading): $(grep -v '^ *--' "$dir/$number.sql" |
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
                ok "line $line ($heading): what it prints"
            else
                not_ok "line $line ($heading): what it prints" "$(cat "$dir/diff")"
            fi
            before= ;;
        *)
            before= ;;
    esac
done <"$dir/index"

# Objects that a user calls or names; the aggregates' own functions are not, nor
# what gmm_fit_table's queries call.
psql -X -q -A -t -o "$dir/objects" -c "
    SELECT DISTINCT coalesce(p.proname, t.typname)
    FROM pg_extension AS e
    JOIN pg_depend AS d ON d.refobjid = e.oid AND d.deptype = 'e'
    LEFT JOIN pg_proc AS p ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid
    LEFT JOIN pg_type AS t ON d.classid = 'pg_type'::regclass AND d.objid = t.oid
    WHERE e.extname = 'gmm' AND coalesce(p.proname, t.typname) !~ '^_'
      AND p.proname !~ '_(in|out|recv|send|transition|combine|serialize|deserialize|final|support)\$|^gmm_fit_table_' IS NOT FALSE
    ORDER BY 1"
sed -n '/^## Reference/,/^## /p' README.md >"$dir/reference"
while read -r object; do
    if grep -q "^| *\`$object\`\|^| *\`$object(\|\`$object(" "$dir/reference"; then
        ok "the reference has $object"
    else
        not_ok "the reference has $object"
    fi
done <"$dir/objects"

# | `max_iter` | integer ... | `1000` | ... and #define GMM_DEFAULT_MAX_ITER 1000,
# or in the words of a comment where 0 is not a value but means something.
for option in max_iter tol reg_covar n_init; do
    macro=GMM_DEFAULT_$(echo "$option" | tr '[:lower:]' '[:upper:]')
    wanted=$(sed -n "s|^#define ${macro}[[:space:]]*||p" src/fit/fit_options.h src/model/model.h)
    case $wanted in
        "0"*"/* "*) words=$(printf '%s\n' "$wanted" | sed 's|.*/\* \(.*\) \*/.*|\1|') ;;
        *) words="\`$wanted\`" ;;
    esac
    if [ -n "$wanted" ] && grep -q "^| \`$option\` .*| $words |" README.md
    then
        ok "the default of $option is $wanted"
    else
        not_ok "the default of $option is $wanted"
    fi
done

finish
