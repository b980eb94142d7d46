#!/bin/sh
# check.sh: every test, on a machine that may have nothing.
#
#   sh test/check.sh [--keep] [NAME...]
#
# Installs what is missing (Debian's packages, as root or with sudo), builds a
# copy of the sources, starts a private server in a temporary directory and
# runs there: the engine's unit tests, pg_regress, the tests of test/t and
# every statement of README and doc.  Nothing of a PostgreSQL that is already there
# is touched.  The last line is "N passed, N failed"; the exit status is 0 if
# something passed and nothing failed.
#
# With names, only those tests are run whose name has one of them in it: unit,
# fuzz, warnings, sanitizers, pg_regress, or a part of a file name of test/t,
# such as order or t/model.
# --keep leaves the directory with all logs, and the server.
# PG_CONFIG chooses the PostgreSQL; CI=true makes compiler warnings errors.
# GMM_SEED=4711 gives the tests of properties other random rows.
#
# test/t is run by prove, several tests at a time; one that looks at the whole
# server says "Runs alone" at its beginning.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"

# test_files: those of test/t, without what they read.
test_files()
{
    (cd "$here/.." && ls test/t/*.sql test/t/*.sh | grep -v '/tap\.sh$')
}

# wanted TEST: has the user asked for it, or for all?
wanted()
{
    for name in ${names:-"$1"}; do
        case $1 in *"$name"*) return 0 ;; esac
    done
    return 1
}

names=
for argument; do
    case $argument in
        --keep) keep_asked=yes ;;
        -h | --help) sed -n '2,/^set /s/^# \{0,1\}//p' "$0"; exit 0 ;;
        -*) die "usage: sh test/check.sh [--keep] [NAME...]; more by --help" ;;
        *) names="$names $argument" ;;
    esac
done

if [ -z "${GMM_WORK:-}" ]; then
    all="unit pg_regress fuzz warnings sanitizers $(test_files)"
    for argument in $names; do
        names=$argument
        found=
        for test in $all; do
            if wanted "$test"; then found=yes; fi
        done
        [ -n "$found" ] || die "no test has \"$argument\" in its name; there are:" \
            "$(say; for test in $all; do say "    ${test#test/}"; done)"
    done
    begin_first_stage
    prepare_machine tests
    enter_second_stage check.sh "$@"
fi

begin_second_stage
passed=0 failed=0 skipped=0
jobs=$(nproc 2>/dev/null || echo 1)
GMM_TALLY=$work/tally PERL5LIB=$work/source/test
export GMM_TALLY PERL5LIB

# report NAME PASSED FAILED SKIPPED
report()
{
    passed=$((passed + $2)) failed=$((failed + $3)) skipped=$((skipped + $4))
    words="$2 passed"
    if [ "$3" != 0 ]; then words="$words, $3 FAILED"; fi
    if [ "$4" != 0 ]; then words="$words, $4 skipped"; fi
    done_step "$words"
}

# warnings COMPILER: of every file, by more rules than the build has.
warnings()
{
    step "warnings of $1"
    include=$("$pg_config" --includedir-server)
    # From 19 on PostgreSQL's headers want the C that they were configured for.
    standard=-std=gnu99
    if grep -qE '^#define PG_VERSION_NUM (19|[2-9][0-9])' "$include/pg_config.h"; then standard=; fi
    find src -name '*.c' | sort | xargs -n 4 -P "$jobs" \
        "$1" -fsyntax-only $standard -D_GNU_SOURCE -Wall -Wextra -Wmissing-prototypes \
        -Wdeclaration-after-statement -isystem "$include" -Isrc >"$work/log/warnings" 2>&1 || true
    if grep -qE 'warning:|error:' "$work/log/warnings"; then
        report warnings 0 1 0
        head -n 60 "$work/log/warnings" | sed 's/^/    /'
    else
        report warnings 1 0 0
    fi
}

# count_tests COMMAND...: prove, whose harness counts.
count_tests()
{
    rm -f "$GMM_TALLY"
    "$@" || true
    counted=0
    if [ -s "$GMM_TALLY" ]; then
        while read -r more_passed more_failed more_skipped; do
            passed=$((passed + more_passed)) failed=$((failed + more_failed))
            skipped=$((skipped + more_skipped)) counted=1
        done <"$GMM_TALLY"
    fi
    if [ "$counted" = 0 ]; then
        say "  prove did not come to its end"
        failed=$((failed + 1))
    fi
}

# prove_files JOBS FILE...: tests of test/t, as a contributor runs them.
prove_files()
{
    prove_jobs=$1
    shift
    if [ $# -gt 0 ]; then
        count_tests pgxs prove_installcheck PROVE_TESTS="$*" \
            PROVE_FLAGS="--harness Tally --timer --jobs $prove_jobs"
    fi
}

# prove_programs FILE...: that need no server, each on one core.
prove_programs()
{
    if [ $# -gt 0 ]; then
        count_tests waiting prove --harness Tally --timer --jobs "$jobs" --exec env "$@"
    fi
}

# build_units [MAKE VARIABLE...]
build_units()
{
    step "build of the unit tests${1:+, $1}"
    if waiting make -s -j "$jobs" -C test/unit "$@" >"$work/log/unit-build" 2>&1; then
        done_step
    else
        report unit 0 1 0
        tail -n 40 "$work/log/unit-build" | sed 's/^/    /'
        return 1
    fi
}

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

mkdir "$work/log"
say "gmm, $pg_version, $(gcc --version | head -n 1)"
if [ -z "$names" ]; then
    say "All tests take about 9 minutes on two idle cores."
fi

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

# The longest first
programs=
if wanted sanitizers && build_units SANITIZE=1; then
    programs="$programs test/unit/unit_tests_sanitized"
fi
if wanted fuzz; then
    GMM_PG_CONFIG=$pg_config
    export GMM_PG_CONFIG
    programs="$programs test/fuzz/tap.sh"
fi
if wanted unit && build_units; then
    programs="$programs test/unit/gaps/gaps test/unit/unit_tests"
fi
# shellcheck disable=SC2086
prove_programs $programs

# Workers for all tests that run at a time
step "private server"
start_server "max_worker_processes = 64" "max_parallel_workers = 64"
done_step "ready"
if wanted pg_regress; then
    run_regress pg_regress
fi
together='' alone=''
for test in $(test_files); do
    if ! wanted "$test"; then
        continue
    elif grep -q '^\(#\|--\) Runs alone' "$test"; then
        alone="$alone $test"
    else
        together="$together $test"
    fi
done
# shellcheck disable=SC2086
prove_files "$jobs" $together
# shellcheck disable=SC2086
prove_files 1 $alone

# The same server with an extension that looks for undefined behaviour, and
# says what it finds on standard error, which is the server's log.  Optimised
# less and with one clone of the kernels, or gcc would take minutes for these.
# As it takes several times as long, fewer of the many cases of test/t/sound are tried.
if wanted sanitizers; then
    step "build, sanitizers"
    build_dir=$work/source
    if build COPT="-fsanitize=undefined -O1 -DKERNELS_ONE_CLONE"; then
        done_step
        PGDATABASE=postgres run_regress "pg_regress, sanitizers"
        PGOPTIONS="-c gmm_test.every=4"
        export PGOPTIONS
        prove_files "$jobs" test/t/sound.sql test/t/sound_random.sql test/t/plans.sql \
            test/t/stream.sql test/t/model_mutations.sql test/t/hostile.sql
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
