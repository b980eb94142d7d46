#!/bin/sh
# tap.sh [SECONDS]: builds the fuzz targets and runs each that long; writes TAP.
#
# Run by test/check.sh.  The seed is GMM_SEED, or always the same, so that a
# failure comes back; "make fuzz" looks at other inputs each time.
set -u
cd "$(dirname "$0")"
seconds=${1:-8}

if ! command -v clang >/dev/null 2>&1; then
    echo "1..0 # skip fuzzing needs clang, which is not installed"
    exit 0
fi
echo 'int LLVMFuzzerTestOneInput(const char *d, long n); int LLVMFuzzerTestOneInput(const char *d, long n) { return !d && n; }' >probe.c
if ! clang -fsanitize=fuzzer,address -o probe probe.c >probe.log 2>&1; then
    echo "1..0 # skip fuzzing needs clang's runtime libraries (libclang-rt-*-dev)"
    rm -f probe*
    exit 0
fi
rm -f probe*

count=0
not_ok=0
for target in fuzz_fit fuzz_score fuzz_model; do
    count=$((count + 1))
    corpus=$(mktemp -d)
    set -- "-max_total_time=$seconds" -max_len=4096 -timeout=60 -rss_limit_mb=2048 \
        "-seed=${GMM_SEED:-1}" -print_final_stats=1 "$corpus"
    if [ -d "seeds/$target" ]; then set -- "$@" "seeds/$target"; fi
    if [ -e "$target.dict" ]; then set -- "-dict=$target.dict" "$@"; fi
    if ! make -s -j "$(nproc 2>/dev/null || echo 1)" PG_CONFIG="${GMM_PG_CONFIG:-pg_config}" "$target" >"$target.log" 2>&1; then
        echo "not ok $count - $target is built"
        sed 's/^/# /' "$target.log"
    elif "./$target" "$@" >"$target.log" 2>&1; then
        echo "ok $count - $target: $(sed -n 's/^stat::number_of_executed_units: //p' "$target.log") inputs"
    else
        echo "not ok $count - $target"
        grep -vE '^#[0-9]+[[:space:]]+(NEW|REDUCE|pulse|INITED)|NEW_FUNC' "$target.log" | tail -n 60 | sed 's/^/# /'
        not_ok=1
    fi
    rm -rf "$corpus"
done
echo "1..$count"
exit "$not_ok"
