#!/bin/sh
# run.sh: how fast it is, beside what one could use instead.
#
#   sh test/bench/run.sh [--quick] [--install] [--runs N] [--draws N] [--only NAME]...
#
# Draws rows from mixtures (data.c, the same rows every time), builds a copy of
# the sources, starts a private server as check.sh does, and prints tables in
# Markdown (tables.sh, quality.sh): NAME is one of fit, end, score, groups, workers, sizes,
# cancel, looks, gaps, stream, sketch, dims, components, pvalue, quality, ablation.
# Takes about half an hour, 4 GB of disk and as much memory.  --quick makes
# everything a tenth or less, runs it once, and takes one minute: to see that it
# works, not to quote from.  --draws is for pvalue: what p is compared with.
#
# The peers, as Debian has them: scikit-learn, PL/Python, Armadillo, VLFeat.
# One that is not there is named and left out; --install installs them.
#
# How it is measured, and why so:
# - Extension and peers take turns on the same rows, one run after the other,
#   so that a machine that is slow for a minute is slow for all.  Look at the
#   ratios.  The median over the runs and the best are both shown.
# - What runs in one thread is measured in processor time, the backend's and the
#   peer's, so that other jobs do not count; on an idle machine that is elapsed
#   time.  Workers and sizes are in the time that psql shows (\timing).
# - The time of an EM iteration is the difference between two refits that differ
#   in the number of iterations, of plain EM without tolerance: what the server
#   really does, with its calls and checks for interrupts, and not the engine
#   alone.  A peer's is the difference of two fits in the same way; scikit-learn's,
#   whose fits take longer to begin than some iterations, is the median iteration of
#   one fit, between whose E-steps the time is taken.
# - All start from the same parameters and must come to the same log-likelihood
#   after the same number of iterations: the table says how far they are apart.
# - One thread each, but where the table says otherwise.  JIT is off.
set -eu

here=$(cd "$(dirname "$0")/.." && pwd)
. "$here/lib.sh"

usage()
{
    die "usage: sh test/bench/run.sh [--quick] [--install] [--runs N] [--draws N] [--only NAME]..."
}

parse_arguments()
{
    quick='' install='' only='' runs='' draws=''
    while [ $# != 0 ]; do
        case $1 in
            --quick) quick=yes ;;
            --install) install=yes ;;
            --runs) [ $# -gt 1 ] || usage
                shift
                runs=$1 ;;
            --draws) [ $# -gt 1 ] || usage
                shift
                draws=$1 ;;
            --only) [ $# -gt 1 ] || usage
                shift
                case $1 in
                    fit | end | score | groups | workers | sizes | cancel | looks | gaps | stream | sketch | dims | components | pvalue | quality | ablation) ;;
                    *) usage ;;
                esac
                only="$only $1" ;;
            *) usage ;;
        esac
        shift
    done
    for number in "${runs:-1}" "${draws:-1}"; do
        case $number in
            *[!0-9]* | 0) usage ;;
        esac
    done
}

install_peers()
{
    number=$("$pg_config" --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')
    missing=
    for package in g++ libarmadillo-dev libvlfeat-dev libopenblas0-pthread python3-sklearn; do
        installed "$package" || missing="$missing $package"
    done
    installed "postgresql-plpython3-$number" ||
        missing="$missing $(matching_package "postgresql-plpython3-$number" "$number")"
    if [ -n "$missing" ]; then
        # shellcheck disable=SC2086
        install_packages $missing || die "could not install$missing"
    fi
}

parse_arguments "$@"
if [ -z "${GMM_WORK:-}" ]; then
    begin_first_stage
    prepare_machine
    if [ -n "$install" ]; then install_peers; fi
    enter_second_stage bench/run.sh "$@"
fi
begin_second_stage

bench=test/bench
[ -n "$runs" ] || { runs=3; [ -z "$quick" ] || runs=1; }
[ -n "$draws" ] || { draws=100000000; [ -z "$quick" ] || draws=1000000; }
cores=$(nproc)                  # which heeds the next line, too
OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 LC_ALL=C
export OMP_NUM_THREADS OPENBLAS_NUM_THREADS LC_ALL

# --- words ------------------------------------------------------------------

chosen()
{
    case " ${only:-$1} " in
        *" $1 "*) return 0 ;;
    esac
    return 1
}

note()
{
    printf '%s\n' "$*" >&2
}

# calculate EXPRESSION [FORMAT]
calculate()
{
    awk "BEGIN { printf \"${2:-%.6f}\", $1 }"
}

# column KEY CONTENDER NUMBER FILE: a value that table.awk printed.
column()
{
    awk -v key="$1" -v contender="$2" -v number="$3" \
        '$1 == key && $2 == contender { print $number; exit }' "$4"
}

# --- the server -------------------------------------------------------------

sql()
{
    printf '%s;\n' "$1" | psql -X -q -A -t -v ON_ERROR_STOP=1
}

# What the kernel counts for a backend, in nanoseconds, as a value of SQL.
on_processor="(split_part(pg_read_file('/proc/self/schedstat'), ' ', 1)::float8 / 1e9)"

# timed STATEMENT...: sets seconds, the time that psql shows for the statements,
# processor, the seconds for which the backend had a processor meanwhile, and
# value, the last line that they printed.
timed()
{
    {
        printf '%s\n' "SELECT FROM gmm_options();" "$settings" \
            "SELECT $on_processor AS began \\gset" '\timing on'
        printf '%s;\n' "$@"
        printf '%s\n' '\timing off' "SELECT 'Processor: ' || $on_processor - :began;"
    } >"$work/timed.sql"
    waiting psql -X -q -A -t -v ON_ERROR_STOP=1 -f "$work/timed.sql" \
        >"$work/timed.out" 2>"$work/timed.err" || {
        cat "$work/timed.err" >&2
        die "a statement failed"
    }
    seconds=$(awk '/^Time: / { sum += $2 } END { printf "%.6f", sum / 1000 }' \
        "$work/timed.out")
    processor=$(sed -n 's/^Processor: //p' "$work/timed.out")
    value=$(grep -v -e '^Time: ' -e '^Processor: ' "$work/timed.out" | tail -n 1)
}

# make_rows NAME ROWS D K FAMILY [peers]: the table NAME with its start, and for
# the peers the files NAME.rows and NAME.start.
make_rows()
{
    sql "CREATE UNLOGGED TABLE $1 (features double precision[])"
    "$work/data_program" "$2" "$3" "$4" "$5" 1 copy |
        psql -X -q -c "COPY $1 FROM STDIN (FORMAT binary)"
    sql "VACUUM (ANALYZE, FREEZE) $1"
    "$work/data_program" "$2" "$3" "$4" "$5" 1 model >"$work/$1.model"
    sql "INSERT INTO starts SELECT '$1', pg_read_file('$work/$1.model')::gmm_model"
    if [ -n "${6:-}" ]; then
        "$work/data_program" "$2" "$3" "$4" "$5" 1 start >"$work/$1.start"
        "$work/data_program" "$2" "$3" "$4" "$5" 1 rows >"$work/$1.rows"
    fi
}

drop_rows()
{
    sql "DROP TABLE $1; DELETE FROM starts WHERE name = '$1'"
    rm -f "$work/$1.rows" "$work/$1.start" "$work/$1.model"
}

# refit TABLE STEPS: SQL of so many steps of plain EM from the table's start.
refit()
{
    printf '%s' "gmm_refit(features, (SELECT model FROM starts WHERE name = '$1')," \
        " gmm_options(max_iter => $2, tol => 0, reg_covar => 0, accelerate => false))"
}

# iteration TABLE STEPS: sets seconds_1 and seconds_2, whose difference is the
# time of STEPS iterations, and processor_1 and processor_2.
iteration()
{
    timed "SELECT $(refit "$1" 1) IS NULL FROM $1"
    seconds_1=$seconds processor_1=$processor
    timed "SELECT $(refit "$1" $((1 + $2))) IS NULL FROM $1"
    seconds_2=$seconds processor_2=$processor
}

# --- the peers --------------------------------------------------------------

has()
{
    case " $peers " in
        *" $1 "*) return 0 ;;
    esac
    return 1
}

# Armadillo's templates take the compiler a while, so it starts before the rest.
begin_peers()
{
    armadillo_compiler='' vlfeat_compiler=
    if chosen fit; then
        g++ -O3 -march=native -o "$work/peer_armadillo" $bench/peer_armadillo.cpp \
            -larmadillo >"$work/armadillo.log" 2>&1 &
        armadillo_compiler=$!
        gcc -O3 -march=native -o "$work/peer_vlfeat" $bench/peer_vlfeat.c -lvl -lm \
            >"$work/vlfeat.log" 2>&1 &
        vlfeat_compiler=$!
    fi
}

# found PEER NAME STATUS LOG: whether a peer is there, and if not, what it said.
found()
{
    if [ "$3" = 0 ]; then
        peers="$peers $1"
    else
        absent="$absent $2"
        note "$2 is left out; --install installs it.  It says:"
        head -n 3 "$4" | sed 's/^/    /' >&2
    fi
}

prepare_peers()
{
    peers='' absent=''
    status=0
    blas=$(/usr/bin/python3 $bench/peer_sklearn.py blas 2>"$work/sklearn.log") || status=$?
    found sklearn scikit-learn $status "$work/sklearn.log"
    status=0
    psql -X -q -v ON_ERROR_STOP=1 -f $bench/plpython.sql >"$work/plpython.log" 2>&1 ||
        status=$?
    found plpython PL/Python $status "$work/plpython.log"
    if [ -n "$armadillo_compiler" ]; then
        status=0
        wait "$armadillo_compiler" || status=$?
        found armadillo Armadillo $status "$work/armadillo.log"
        status=0
        wait "$vlfeat_compiler" || status=$?
        found vlfeat VLFeat $status "$work/vlfeat.log"
    fi
}

# peer_fit PEER TABLE D K FAMILY STEPS_1 STEPS_2
peer_fit()
{
    case $1 in
        sklearn) set -- /usr/bin/python3 $bench/peer_sklearn.py "$@" ;;
        *) set -- "$work/peer_$1" "$@" ;;
    esac
    program=$1
    shift
    if [ "$program" = /usr/bin/python3 ]; then
        program="$program $1"
        shift
    fi
    # shellcheck disable=SC2086
    waiting $program fit "$work/$2.rows" "$work/$2.start" "$3" "$4" "$5" "$6" "$7" \
        >"$work/peer.out" 2>"$work/peer.err" || {
        cat "$work/peer.err" >&2
        die "$1 failed"
    }
}

. $bench/tables.sh
. $bench/quality.sh
. $bench/sketches.sh
. $bench/calls.sh

# --- all of it --------------------------------------------------------------

note "building"
begin_peers
build || {
    failed_step "$work/build.log" >&2
    exit 1
}
gcc -O2 -o "$work/data_program" $bench/data.c -lm
gcc -O2 -o "$work/peak_program" $bench/peak.c
start_server "autovacuum = off" "jit = off" "max_wal_size = 4GB" \
    "synchronize_seqscans = off" "max_parallel_workers_per_gather = 0" \
    "max_parallel_workers = 8" "shared_buffers = 128MB"
sql "CREATE EXTENSION gmm; CREATE TABLE starts (name text, model gmm_model)"
note "building the peers"
prepare_peers
has_workers=$(psql -X -q -A -t -c "SELECT FROM gmm_options()" \
    -c "SELECT 'yes' FROM pg_settings WHERE name = 'gmm.parallel_workers'" | grep yes) || true

# plain is for every statement that is timed, settings for the ones to come.
# Python loads its libraries once a session, which is not to be timed.
plain="SET work_mem = '2GB';"
python_ready="DO LANGUAGE plpython3u 'import sklearn.mixture, threadpoolctl';"
settings="$plain $(workers_setting 0)"

read -r peak instructions <<PEAK
$("$work/peak_program")
PEAK
say "## gmm, $(date +%Y-%m-%d), $pg_version"
say ""
say "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $cores cores;" \
    "one core does $peak GFLOP/s of double precision multiply-adds with $instructions." \
    "$(gcc --version | head -n 1)."
if has sklearn; then
    say "scikit-learn $(/usr/bin/python3 -c 'import sklearn; print(sklearn.__version__)')" \
        "with BLAS: $blas."
fi
if [ -n "$absent" ]; then
    say "Not installed, so left out:$absent (--install installs them)."
fi
for section in fit end score groups workers sizes cancel looks gaps stream sketch dims components pvalue quality ablation; do
    if chosen $section; then "bench_$section"; fi
done
