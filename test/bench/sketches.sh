# sketches.sh: what a sketch of rows costs and loses, beside the fit of all rows;
# read by run.sh.  No peer has sketches to compare with.

# sketch_lines SIZE: what is measured of one size, as lines "key contender 0 time 1"
sketch_lines()
{
    timed "CREATE TEMP TABLE sketches AS SELECT gmm_sketch(features, $1) AS s FROM sketched" \
        "SELECT pg_column_size(s) FROM sketches"
    echo "size$1 make 0 $processor 1"
    [ -e "$work/sketch.bytes.$1" ] || echo "$value" >"$work/sketch.bytes.$1"
    sql "CREATE UNLOGGED TABLE parts AS
        SELECT gmm_sketch(features, $1) AS s FROM sketched GROUP BY hashint4(floor(features[1] * 100000)::integer) % 50"
    timed "SELECT gmm_merge(s) IS NULL FROM parts"
    echo "size$1 merge 0 $processor 1"
    sql "DROP TABLE parts; CREATE UNLOGGED TABLE whole AS SELECT gmm_sketch(features, $1) AS s FROM sketched"
    timed "SELECT gmm_fit_sketch(s, 10) IS NULL FROM whole"
    echo "size$1 fit 0 $processor 1"
    [ -e "$work/sketch.loss.$1" ] ||
        sql "SELECT avg(gmm_logpdf(model, features)) FROM sketched, (SELECT gmm_fit_sketch(s, 10) AS model FROM whole OFFSET 0) AS m" \
            >"$work/sketch.loss.$1"
    sql "DROP TABLE whole"
}

bench_sketch()
{
    rows=1000000
    [ -z "$quick" ] || rows=20000
    note "sketch"
    make_rows sketched $rows 10 10 full
    settings="$plain $(workers_setting 0)"
    : >"$work/sketch"
    run=0
    while [ $run -lt "$runs" ]; do
        run=$((run + 1))
        timed "SELECT sum(features[1]) FROM sketched"
        echo "all scan 0 $processor 1" >>"$work/sketch"
        timed "SELECT gmm_fit(features, 10) IS NULL FROM sketched"
        echo "all fit 0 $processor 1" >>"$work/sketch"
        for size in 1000 10000; do
            sketch_lines $size >>"$work/sketch"
        done
    done
    sql "SELECT avg(gmm_logpdf(model, features)) FROM sketched, (SELECT gmm_fit(features, 10) AS model FROM sketched) AS m" \
        >"$work/sketch.loss.all"
    drop_rows sketched
    awk -f $bench/table.awk "$work/sketch" >"$work/sketch.table"
    say ""
    say "### Sketches of $rows × 10 rows, K 10, and fits to them"
    say ""
    say "Processor time, medians. Merged are 50 sketches. The loss is that of the mean log-density of all rows."
    say ""
    say "| what | bytes | sketch, s | merge, s | fit, s | loss |"
    say "|---|--:|--:|--:|--:|--:|"
    say "| all rows: the scan, and \`gmm_fit\` | | $(calculate "$(column all scan 4 "$work/sketch.table")" %.3f) | |" \
        "$(calculate "$(column all fit 4 "$work/sketch.table")" %.3f) | |"
    for size in 1000 10000; do
        say "| a sketch of $size | $(cat "$work/sketch.bytes.$size") |" \
            "$(calculate "$(column size$size make 4 "$work/sketch.table")" %.3f) |" \
            "$(calculate "$(column size$size merge 4 "$work/sketch.table")" %.4f) |" \
            "$(calculate "$(column size$size fit 4 "$work/sketch.table")" %.3f) |" \
            "$(calculate "$(cat "$work/sketch.loss.all") - ($(cat "$work/sketch.loss.$size"))" %.5f) |"
    done
}
