# tap.sh: what a test written in sh calls; sourced by test/t/*.sh.
#
#   . test/t/tap.sh
#   ok 'it works'
#   not_ok 'it does not' "$(cat "$dir/errors")"
#   same 'two rows' 2 "$(ask -c 'SELECT count(*) FROM t')"
#   contains 'an error' 'ERROR:  22023' "$answer"
#   finish
#
# The database is the test's own; the extension is in it.
count=0

# ok NAME
ok()
{
    count=$((count + 1))
    echo "ok $count - $*"
}

# not_ok NAME [WORDS...]: the words explain, and may have several lines.
not_ok()
{
    count=$((count + 1))
    echo "not ok $count - $1"
    shift
    for words; do printf '%s\n' "$words" | sed 's/^/# /'; done
}

# skip NAME REASON
skip()
{
    count=$((count + 1))
    echo "ok $count - $1 # SKIP $2"
}

# skip_all REASON: ends the script.
skip_all()
{
    echo "1..0 # SKIP $1"
    exit 0
}

# same NAME WANTED GOT
same()
{
    if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "wanted $2" "got    $3"; fi
}

# contains NAME PART GOT
contains()
{
    case $3 in
        *"$2"*) ok "$1" ;;
        *) not_ok "$1" "wanted $2" "got    $3" ;;
    esac
}

# ask ARGUMENT...: psql's bare answer.
ask()
{
    psql -X -q -A -t -v ON_ERROR_STOP=1 "$@"
}

finish()
{
    echo "1..$count"
}
