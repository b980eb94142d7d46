#!/bin/sh
# check.sh: every test, on a machine that may have nothing.
#
#   sh test/check.sh [--keep] [NAME...]
#
# Installs what is missing (Debian's packages, as root or with sudo), builds a
# copy of the sources, starts a private server in a temporary directory and
# runs there: the engine's unit tests, pg_regress, the tests of test/t and
# every statement of the README.  Nothing of a PostgreSQL that is already there
# is touched.  The last line is "N passed, N failed"; the exit status is 0 if
# something passed and nothing failed.
#
# With names, only those tests are run whose name has one of them in it: unit,
# fuzz, warnings, sanitizers, pg_regress, or a part of a file name of test/t,
# such as order or t/model.
# --keep leaves the directory with all logs, and the server.
# PG_CONFIG chooses the PostgreSQL; CI=true makes compiler warnings errors.
# GMM_SEED=4711 gives the tests of properties other random rows.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"

if [ -z "${GMM_WORK:-}" ]; then
    for argument; do
        case $argument in
            --keep) ;;
            -*) die "usage: sh test/check.sh [--keep] [NAME...]" ;;
        esac
    done
    begin_first_stage
    prepare_machine cron
    enter_second_stage check.sh "$@"
fi

begin_second_stage
for argument; do
    if [ "$argument" = --keep ]; then keep_asked=yes; else names="${names:-} $argument"; fi
done
passed=0 failed=0 skipped=0

# wanted TEST: has the user asked for it, or for all?
wanted()
{
    for name in ${names:-"$1"}; do
        case $1 in *"$name"*) return 0 ;; esac
    done
    return 1
}

# warnings COMPILER: of every file, by more rules than the build has.
warnings()
{
    step "warnings of $1"
    include=$("$pg_config" --includedir-server)
    for file in $(find src -name '*.c' | sort); do
        "$1" -fsyntax-only -std=gnu99 -D_GNU_SOURCE -Wall -Wextra -Wmissing-prototypes \
            -Wdeclaration-after-statement -isystem "$include" -Isrc "$file" || true
    done >"$work/log/warnings" 2>&1
    if grep -qE 'warning:|error:' "$work/log/warnings"; then
        report warnings 0 1 0
        head -n 60 "$work/log/warnings" | sed 's/^/    /'
    else
        report warnings 1 0 0
    fi
}

# report NAME PASSED FAILED SKIPPED
report()
{
    passed=$((passed + $2)) failed=$((failed + $3)) skipped=$((skipped + $4))
    words="$2 passed"
    if [ "$3" != 0 ]; then words="$words, $3 FAILED"; fi
    if [ "$4" != 0 ]; then words="$words, $4 skipped"; fi
    done_step "$words"
}

# tally FILE STATUS: sets tally_passed, tally_failed and tally_skipped from TAP.
# A missing or wrong plan is a failure, and so is a bad end that no test shows.
tally()
{
    eval "$(awk -v status="$2" '
        /^ok/ { if (tolower($0) ~ /# *skip/) skipped++; else passed++; next }
        /^not ok/ { if (tolower($0) ~ /# *todo/) skipped++; else failed++; next }
        /^1\.\.[0-9]+/ {
            planned = substr($1, 4) + 0; plan = 1
            if (planned == 0) skipped++
        }
        END {
            ran = passed + failed + skipped - (plan && planned == 0)
            if (!plan || planned != ran || (status != 0 && !failed))
                failed++
            printf "tally_passed=%d tally_failed=%d tally_skipped=%d\n",
                passed, failed, skipped
        }' "$1")"
}

# run_tap NAME COMMAND...: a program that writes TAP.
run_tap()
{
    name=$1
    shift
    log=$work/log/$(printf '%s' "$name" | tr -c 'A-Za-z0-9._-' _)
    step "$name"
    status=0
    waiting "$@" >"$log" 2>&1 || status=$?
    tally "$log" "$status"
    report "$name" "$tally_passed" "$tally_failed" "$tally_skipped"
    sed -n 's/^ok.*# *[Ss][Kk][Ii][Pp] */    skipped: /p
        s/^1\.\.0 *# *[Ss][Kk][Ii][Pp] */    skipped: /p' "$log" | sort -u
    if [ "$tally_failed" != 0 ]; then
        say "    exit status $status; what went wrong:"
        grep -v '^ok' "$log" | tail -n 60 | sed 's/^/    /'
    fi
}

mkdir "$work/log"
say "gmm, $pg_version, $(gcc --version | head -n 1)"

# Beside the sources, as packagers do; the build under sanitizers is in them.
step "build"
mkdir "$work/build"
build_dir=$work/build GMM_BUILD=$work/build
export GMM_BUILD
werror=
if [ -n "${CI:-}" ]; then werror=COPT=-Werror; fi
if ! build ${werror:+"$werror"}; then
    failed_step "$work/build.log"
    say "0 passed, 1 failed"
    exit 1
fi
done_step
grep -E 'warning:' "$work/build.log" | sed 's/^/    /' || true

for compiler in gcc clang; do
    if wanted warnings && command -v "$compiler" >/dev/null 2>&1; then
        warnings "$compiler"
    fi
done

# unit_tests NAME [MAKE VARIABLE...]: built with these, and run.
unit_tests()
{
    unit_name=$1
    shift
    wanted "$unit_name" || return 0
    step "$unit_name: build"
    if waiting make -s -C test/unit "$@" >"$work/log/unit-build" 2>&1; then
        done_step
        run_tap "$unit_name" test/unit/unit_tests
    else
        report unit 0 1 0
        tail -n 40 "$work/log/unit-build" | sed 's/^/    /'
    fi
}

unit_tests "unit tests"
if wanted sanitizers; then
    rm -f test/unit/unit_tests
    unit_tests "unit tests, sanitizers" SANITIZE=1
fi
if wanted fuzz; then
    GMM_PG_CONFIG=$pg_config run_tap "fuzz" sh test/fuzz/tap.sh
fi

step "private server"
start_server
done_step "ready"

# run_regress NAME: pg_regress prints "test NAME ... ok" or, since PostgreSQL
# 16, TAP.
run_regress()
{
    step "$1"
    log=$work/log/$(printf '%s' "$1" | tr -c 'A-Za-z0-9._-' _)
    status=0
    pgxs installcheck >"$log" 2>&1 || status=$?
    regress_passed=$(grep -cE '^(ok +[0-9]|(test| {4}) +[^ ]+ +\.\.\. ok)' "$log") || true
    regress_failed=$(grep -cE '^(not ok +[0-9]|(test| {4}) +[^ ]+ +\.\.\. FAILED)' "$log") || true
    if [ "$regress_failed" = 0 ] &&
        { [ "$status" != 0 ] || [ "$regress_passed" = 0 ]; }
    then
        regress_failed=1
    fi
    report "$1" "$regress_passed" "$regress_failed" 0
    if [ "$regress_failed" != 0 ]; then
        head -n 400 "$build_dir/regression.diffs" 2>/dev/null || cat "$log"
    fi
}

if wanted pg_regress; then
    run_regress pg_regress
fi

psql -X -q -c 'CREATE DATABASE gmm_template' &&
    psql -X -q -d gmm_template -c 'CREATE EXTENSION gmm'

# run_test FILE [REMARK]: in a database of its own, so that none sees what
# another left.
number=0
run_test()
{
    number=$((number + 1))
    PGDATABASE=gmm_test_$number
    export PGDATABASE
    case $1 in
        *.psql | */tap.sh) return 0 ;;
    esac
    psql -X -q -d postgres \
        -c "CREATE DATABASE $PGDATABASE TEMPLATE gmm_template"
    case $1 in
        # A row of several tests is several lines.
        *.sql) run_tap "$1${2:-}" psql -X -q -A -t -F '
' -v ON_ERROR_STOP=1 -f test/t/tap.psql -f "$1" ;;
        *.sh) run_tap "$1${2:-}" sh "$1" ;;
        *.pl) run_tap "$1${2:-}" perl "$1" ;;
        *) die "$1: neither .sql, .sh nor .pl" ;;
    esac
}

for test in test/t/*; do
    if wanted "$test"; then run_test "$test"; fi
done

# The same server with an extension that looks for undefined behaviour, and
# says what it finds on standard error, which is the server's log.
if wanted sanitizers; then
    step "build, sanitizers"
    build_dir=$work/source
    if build COPT=-fsanitize=undefined; then
        done_step
        PGDATABASE=postgres run_regress "pg_regress, sanitizers"
        for test in hostile model_mutations sound stream plans; do
            run_test "$(echo "test/t/$test."*)" ", sanitizers"
        done
    else
        report build 0 1 0
        tail -n 40 "$work/build.log" | sed 's/^/    /'
    fi
fi

# A server that crashed and came back is not a server that passed.
step "the server is alive and never crashed"
trouble='terminated by signal|PANIC:|TRAP:|runtime error:'
if grep -qE "$trouble" "$work/server.log"; then
    report server 0 1 0
    grep -nE -B5 "$trouble" "$work/server.log" | tail -n 60 | sed 's/^/    /'
elif "$bindir/pg_isready" -q; then
    report server 1 0 0
else
    report server 0 1 0
fi

if [ -n "${keep_asked:-}" ]; then
    keep=yes
    say "kept: $work (psql -h $work -U postgres; stop: pg_ctl -D $work/data stop)"
fi
say ""
total="$passed passed, $failed failed"
if [ "$skipped" != 0 ]; then total="$total, $skipped skipped"; fi
say "$total"
[ "$failed" = 0 ] && [ "$passed" != 0 ]
