# tables.sh: the tables that run.sh prints, a function bench_NAME each; sourced by
# it, which has the words that they are made of and says how it is measured.
# shellcheck shell=sh disable=SC2034,SC2154

# --- 1: an EM iteration -----------------------------------------------------

# The shapes: name, rows, d, K, family; how many iterations the extension's
# time is taken from; Armadillo's; what the design aims at in seconds.
shapes()
{
    cat <<'SHAPES'
r1m_d10_k10 1000000 10 10 full 20 3 0.050
r200k_d32_k16 200000 32 16 full 10 3 0.110
r100k_d128_k8 100000 128 8 full 4 1 0.360
r1m_d2_k3 1000000 2 3 full 60 3 0.010
r1m_d16_k16 1000000 16 16 diag 20 3 0.045
r200k_d32_k16_tied 200000 32 16 tied 40 3 0.022
r200k_d32_k16_diag 200000 32 16 diag 40 3 0.010
r200k_d32_k16_spherical 200000 32 16 spherical 40 3 0.009
r50k_d8_k100 50000 8 100 full 20 3 0.030
r50k_d8_k300 50000 8 300 full 8 3 0.090
SHAPES
}

# Multiply-adds of the formulas of an iteration, as floating-point
# operations: the E-step's triangular product and squares and the M-step's
# symmetric sums, each half a matrix; of a diagonal, two a feature in each, and one
# where there is one variance, or one matrix of all.
# Exponentials are not counted, and every row is, in every component.
operations()
{
    case $4 in
        full) calculate "2.0 * $1 * $3 * ($2 * ($2 + 1) + 2 * $2)" ;;
        tied) calculate "2.0 * $1 * $3 * 2 * $2" ;;
        diag) calculate "2.0 * $1 * $3 * 4 * $2" ;;
        spherical) calculate "2.0 * $1 * $3 * 2 * $2" ;;
    esac
}

# can PEER FAMILY: whether it has mixtures of this family.
can()
{
    case $1:$2 in
        sklearn:* | *:diag | armadillo:full) return 0 ;;
    esac
    return 1
}

# gmm_log_likelihood TABLE ROWS STEPS: the mean, after so many steps.
gmm_log_likelihood()
{
    sql "SELECT (gmm_summary($(refit "$1" "$3"))).log_likelihood / $2 FROM $1"
}

bench_fit()
{
    say ""
    say "### One EM iteration"
    say ""
    say "| rows × d, K | program | runs | median, s | best, s | ratio | ratio of best |" \
        "GFLOP/s | of peak | log-likelihood a row apart |"
    say "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|"
    shapes | while read -r name rows d k family steps armadillo_steps goal; do
        [ -z "$quick" ] || rows=$((rows / 10))
        note "fit: $rows × $d, K $k, $family"
        make_rows "$name" "$rows" "$d" "$k" "$family" peers
        contenders=gmm
        for peer in sklearn armadillo vlfeat; do
            if has $peer && can $peer "$family"; then
                contenders="$contenders $peer"
            fi
        done
        log=$work/fit.$name
        : >"$log"
        : >"$log.peaks"
        : >"$log.apart"
        run=0
        while [ $run -lt "$runs" ]; do
            run=$((run + 1))
            for contender in $contenders; do
                began=$(date +%s)
                # What takes a minute is measured once.
                if [ -e "$log.$contender.slow" ]; then continue; fi
                case $contender in
                    gmm)
                        "$work/peak_program" >>"$log.peaks"
                        iteration "$name" "$steps"
                        echo "$name gmm $processor_1 $processor_2 $steps" >>"$log"
                        continue ;;
                    sklearn) from=1 to=4 ;;
                    armadillo) from=0 to=$armadillo_steps ;;
                    vlfeat) from=0 to=3 ;;
                esac
                peer_fit "$contender" "$name" "$d" "$k" "$family" "$from" "$to"
                read -r seconds_1 seconds_2 log_likelihood <"$work/peer.out"
                echo "$name $contender $seconds_1 $seconds_2 $((to - from))" >>"$log"
                if [ $run = 1 ]; then
                    echo "$contender $log_likelihood" \
                        "$(gmm_log_likelihood "$name" "$rows" "$to")" >>"$log.apart"
                fi
                [ $(($(date +%s) - began)) -lt 25 ] || : >"$log.$contender.slow"
            done
        done
        drop_rows "$name"

        awk -f $bench/table.awk "$log" >"$log.table"
        peak=$(sort -n "$log.peaks" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }')
        work_done=$(operations "$rows" "$d" "$k" "$family")
        for contender in $contenders; do
            awk -v contender="$contender" -v shape="$rows × $d, $k $family" \
                -v peak="$peak" -v work_done="$work_done" -v apart="$log.apart" '
                function size(x) { return x < 0 ? -x : x }
                $2 == contender {
                    difference = "–"
                    while ((getline line < apart) > 0) {
                        split(line, part, " ")
                        if (part[1] == contender)
                            difference = sprintf("%.0e", size(part[2] - part[3]))
                    }
                    printf "| %s | %s | %d | %.4f | %.4f | %.1f | %.1f | %.1f | %.0f %% | %s |\n",
                        shape, contender, $3, $4, $5, $6, $7,
                        work_done / $4 / 1e9, 100 * work_done / $4 / 1e9 / peak,
                        difference
                }' "$log.table"
        done
        if [ -z "$quick" ]; then
            note "  goal $goal s, got $(column "$name" gmm 4 "$log.table") s"
        fi
    done
    say ""
    say "The share is of the median peak that was measured between the runs" \
        "($(cat "$work"/fit.*.peaks | sort -n | awk '
            NR == 1 { least = $1 } { most = $1 }
            END { printf "%.0f to %.0f GFLOP/s", least, most }'))." \
        "Operations: the multiply-adds of the formulas, symmetric halves once," \
        "exponentials not counted; with rows that are left out of a component's sums," \
        "having no part in them, the share can be above 100 %." \
        "scikit-learn's time is the median of the iterations of one fit after the first," \
        "in one thread like all others."
}

# --- 2: end to end ----------------------------------------------------------

# end_line PROGRAM THREADS SEED SECONDS RATIO FETCH FIT PREDICT LOG_LIKELIHOOD
end_line()
{
    printf '| %s | %s | %s | %.2f | %.1f | %.2f, %.2f, %.2f | %.5f |\n' "$@"
}

bench_end()
{
    rows=1000000
    [ -z "$quick" ] || rows=30000
    note "end"
    make_rows whole $rows 10 10 full
    say ""
    say "### From table to predictions: $rows × 10, K 10"
    say ""
    say "Fit with default options and predict every row, in the same server." \
        "scikit-learn, with n_init 1, is continued with a smaller tolerance until it" \
        "reaches gmm's log-likelihood (less 1e-4 a row).  Where it stands still at a" \
        "lower optimum before that, its log-likelihood shows it, and the ratio says" \
        "less than it could.  Processor time where there is one thread; the parts" \
        "are elapsed time.  gmm reads the table as it fits and as it predicts."
    say ""
    say "| program | threads | seed | total, s | ratio | fetch, fit, predict, s | log-likelihood a row |"
    say "|---|--:|--:|--:|--:|--:|--:|"
    threads_list=1
    if [ -n "$has_workers" ] && [ "$cores" -gt 1 ]; then threads_list="1 $cores"; fi
    run=0
    while [ $run -lt "$runs" ]; do
        run=$((run + 1))
        for threads in $threads_list; do
            settings="$plain $(workers_setting $((threads - 1)))"
            timed "CREATE TEMP TABLE fitted AS SELECT gmm_fit(features, 10,
                    gmm_options(seed => $run)) AS model FROM whole" \
                "SELECT sum(gmm_predict((SELECT model FROM fitted), features)) FROM whole" \
                "SELECT (gmm_summary(model)).log_likelihood / $rows FROM fitted"
            [ "$threads" != 1 ] || seconds=$processor
            total=$seconds target=$value
            # shellcheck disable=SC2046
            set -- $(awk '/^Time: / { print $2 / 1000 }' "$work/timed.out")
            end_line gmm "$threads" $run "$total" 1 0 "$1" "$2" "$target"
            has plpython || continue
            settings="$plain $python_ready"
            timed "SELECT concat_ws(' ', fetching, fitting, predicting, log_likelihood)
                FROM sklearn_fit_predict('whole', 10, $threads, $run, $target - 1e-4)"
            [ "$threads" != 1 ] || seconds=$processor
            # shellcheck disable=SC2086
            end_line scikit-learn "$threads" $run "$seconds" \
                "$(calculate "$seconds / $total")" $value
        done
    done
    drop_rows whole
}

# --- 3: scoring -------------------------------------------------------------

bench_score()
{
    rows=1000000 models=1000
    [ -z "$quick" ] || { rows=100000; models=100; }
    note "score"
    make_rows scored $rows 10 10 full peers
    sql "CREATE UNLOGGED TABLE joined AS
        SELECT (hashfloat8(features[1]) & 2147483647) % $models AS model_id, features
        FROM scored;
        CREATE UNLOGGED TABLE models AS
        SELECT model_id, $(refit scored 3) AS model FROM joined GROUP BY model_id;
        CREATE UNLOGGED TABLE one_model AS SELECT $(refit scored 10) AS model FROM scored;
        VACUUM (ANALYZE, FREEZE) joined;
        VACUUM (ANALYZE, FREEZE) models;
        VACUUM (ANALYZE, FREEZE) one_model"
    : >"$work/score"
    run=0
    settings="$plain SET work_mem = '256MB';"
    while [ $run -lt $((2 * runs)) ]; do
        run=$((run + 1))
        timed "SELECT sum(features[1]) FROM scored, one_model"
        scan=$processor
        for function in gmm_predict gmm_logpdf; do
            timed "SELECT sum($function(model, features)) FROM scored, one_model"
            echo "score $function $scan $processor $rows" >>"$work/score"
        done
        if has sklearn; then
            waiting /usr/bin/python3 $bench/peer_sklearn.py predict "$work/scored.rows" \
                "$work/scored.start" 10 10 full >"$work/peer.out"
            echo "score sklearn_predict 0 $(cat "$work/peer.out") $rows" >>"$work/score"
        fi
        timed "SELECT sum(features[1]) FROM joined JOIN models USING (model_id)"
        scan=$processor
        timed "SELECT sum(gmm_predict(model, features)) FROM joined JOIN models USING (model_id)"
        echo "score gmm_predict_of_${models}_models $scan $processor $rows" >>"$work/score"
    done
    sql "DROP TABLE joined, models, one_model"
    drop_rows scored
    say ""
    say "### Scoring: $rows × 10, K 10"
    say ""
    say "Above a query that reads the same array instead of scoring it; the models" \
        "are joined in random order."
    say ""
    say "| what | runs | median, ns a row | best, ns a row | ratio |"
    say "|---|--:|--:|--:|--:|"
    awk -f $bench/table.awk "$work/score" | awk '{
        gsub(/_of_/, ", of ", $2); sub(/_models/, " models", $2)
        sub(/sklearn_predict/, "scikit-learn predict, vectorised", $2)
        printf "| %s | %d | %.0f | %.0f | %.1f |\n", $2, $3, 1e9 * $4, 1e9 * $5, $6 }'
}

# --- 4: groups --------------------------------------------------------------

bench_groups()
{
    groups=10000 peer_groups=200
    [ -z "$quick" ] || { groups=1000; peer_groups=20; }
    note "groups"
    make_rows unsorted $((groups * 100)) 3 2 full
    sql "CREATE UNLOGGED TABLE grouped AS
        SELECT (row_number() OVER () % $groups)::int AS group_id, features FROM unsorted;
        VACUUM (ANALYZE, FREEZE) grouped"
    : >"$work/groups"
    run=0
    while [ $run -lt "$runs" ]; do
        run=$((run + 1))
        settings="$plain SET work_mem = '256MB';"
        timed "SELECT count(model) FROM
            (SELECT gmm_fit(features, 2) AS model FROM grouped GROUP BY group_id) AS fits"
        echo "groups gmm 0 $processor $groups" >>"$work/groups"
        if has plpython; then
            settings="$plain $python_ready"
            timed "SELECT sklearn_fit_groups('grouped', $peer_groups, 2)"
            echo "groups sklearn 0 $processor $peer_groups" >>"$work/groups"
        fi
    done
    sql "DROP TABLE grouped"
    drop_rows unsorted
    say ""
    say "### A model a group: $groups groups × 100 rows, d 3, K 2"
    say ""
    say "| program | runs | median, s | best, s | ms a group | ratio |"
    say "|---|--:|--:|--:|--:|--:|"
    awk -f $bench/table.awk "$work/groups" | awk -v groups="$groups" '{
        printf "| %s | %d | %.2f | %.2f | %.3f | %.1f |\n", $2, $3, $4 * groups,
            $5 * groups, 1000 * $4, $6 }'
    if has plpython; then
        say ""
        say "scikit-learn, a fit for each group in PL/Python: from $peer_groups groups."
    fi
}

# --- 5: workers -------------------------------------------------------------

workers_setting()
{
    [ -z "$has_workers" ] || printf 'SET gmm.parallel_workers = %d;' "$1"
}

bench_workers()
{
    say ""
    say "### Workers"
    say ""
    if [ -z "$has_workers" ]; then
        say "There is no setting gmm.parallel_workers: a fit runs in one process."
        return 0
    fi
    rows=1000000
    [ -z "$quick" ] || rows=100000
    note "workers"
    make_rows shared $rows 10 10 full
    sql "CREATE UNLOGGED TABLE fits (workers int, model gmm_model)"
    : >"$work/workers"
    run=0
    while [ $run -lt "$runs" ]; do
        run=$((run + 1))
        "$work/peak_program" >"$work/peak.out"
        echo "peak 1 0 $(calculate "1 / $(cut -d' ' -f1 "$work/peak.out")") 1" >>"$work/workers"
        "$work/peak_program" >"$work/peak.out" &
        "$work/peak_program" >"$work/peak.other"
        wait $!
        echo "peak 2 0 $(cat "$work/peak.out" "$work/peak.other" |
            awk '{ sum += $1 } END { printf "%.6f", 1 / sum }') 1" >>"$work/workers"
        for workers in 0 1 2; do
            settings="$plain $(workers_setting $workers)"
            iteration shared 20
            echo "iteration $workers $seconds_1 $seconds_2 20" >>"$work/workers"
            timed "INSERT INTO fits SELECT $workers, gmm_fit(features, 10) FROM shared"
            echo "fit $workers 0 $seconds 1" >>"$work/workers"
        done
    done
    apart=$(sql "SELECT to_char(coalesce(max(abs(a - b) / nullif(greatest(abs(a), abs(b)), 0)), 0), '9.9EEEE')
        FROM (SELECT model FROM fits WHERE workers = 0 LIMIT 1) AS alone,
             (SELECT model FROM fits WHERE workers > 0) AS others,
             gmm_components(alone.model) AS c JOIN gmm_components(others.model) AS o USING (component),
             LATERAL (SELECT c.weight, o.weight
                      UNION ALL SELECT * FROM unnest(c.mean, o.mean)
                      UNION ALL SELECT * FROM unnest(c.covariance, o.covariance)) AS numbers (a, b)")
    sql "DROP TABLE fits"
    drop_rows shared
    awk -f $bench/table.awk "$work/workers" >"$work/workers.table"
    say "$rows × 10, K 10, on $cores cores."
    say ""
    say "| workers | iteration, s | speed-up | of best | default fit with its scan, s | speed-up |"
    say "|--:|--:|--:|--:|--:|--:|"
    for workers in 0 1 2; do
        awk -v workers=$workers '$2 == workers {
            if ($1 == "iteration") { s = $4; up = 1 / $6; best = 1 / $7 }
            if ($1 == "fit") { fit = $4; fit_up = 1 / $6 } }
            END { printf "| %d | %.4f | %.2f | %.2f | %.2f | %.2f |\n", workers, s, up, best,
                fit, fit_up }' "$work/workers.table"
    done
    say ""
    say "Largest relative difference between a number of the models: $apart." \
        "Two processes that do nothing but multiply-adds get" \
        "$(awk '$1 == "peak" && $2 == 2 { printf "%.2f", 1 / $6 }' "$work/workers.table")" \
        "times what one gets: where that is not 2, the two cores share something."
}

# --- 6: sizes ---------------------------------------------------------------

# The most memory that the backend ever had, in kB, as a value of SQL.
resident="substring(pg_read_file('/proc/self/status') from 'VmHWM:\s*(\d+)')::bigint"

bench_sizes()
{
    say ""
    say "### Rows: N × 10, K 10"
    say ""
    say "| rows | work_mem | iteration, s | ns a row | default fit with its scan, s |" \
        "memory above idle, MB | temporary files, MB |"
    say "|--:|--:|--:|--:|--:|--:|--:|"
    list="100000 1000000 10000000"
    [ -z "$quick" ] || list="10000 100000"
    for rows in $list; do
        note "sizes: $rows"
        make_rows sized "$rows" 10 10 full
        steps=$((200000000 / rows))
        [ $steps -le 100 ] || steps=100
        [ $steps -ge 4 ] || steps=4
        for memory in 64MB 4GB; do
            # The large setting is for what does not fit into the small one.
            if [ $memory = 4GB ] && [ $((rows * 80)) -le 64000000 ]; then continue; fi
            settings="$plain $(workers_setting 0) SET work_mem = '$memory';"
            : >"$work/sizes"
            run=0
            while [ $run -lt "$runs" ] && { [ $run = 0 ] || [ "$rows" -lt 10000000 ]; }; do
                run=$((run + 1))
                iteration sized $steps
                echo "iteration gmm $seconds_1 $seconds_2 $steps" >>"$work/sizes"
                before=$(sql "SELECT temp_bytes FROM pg_stat_database WHERE datname = current_database()")
                settings="$settings CREATE TEMP TABLE idle AS SELECT $resident AS kb;"
                timed "SELECT gmm_fit(features, 10) IS NULL FROM sized"
                echo "fit gmm 0 $seconds 1" >>"$work/sizes"
                # The same once more for its memory, which is not to be timed.
                timed "SELECT gmm_fit(features, 10) IS NULL FROM sized" \
                    "SELECT ($resident - kb) / 1024 FROM idle"
                echo "$value" >"$work/sizes.memory"
                settings="$plain $(workers_setting 0) SET work_mem = '$memory';"
                sleep 1         # the statistics are a little late
                after=$(sql "SELECT temp_bytes FROM pg_stat_database WHERE datname = current_database()")
            done
            awk -f $bench/table.awk "$work/sizes" | awk -v rows="$rows" -v memory="$memory" \
                -v resident="$(cat "$work/sizes.memory")" \
                -v files=$(((after - before) / 2 / 1048576)) '
                $1 == "iteration" { s = $4 } $1 == "fit" { fit = $4 }
                END { printf "| %d | %s | %.4f | %.1f | %.2f | %d | %d |\n", rows, memory, s,
                    1e9 * s / rows, fit, resident, files }'
        done
        drop_rows sized
    done
}

# --- 7: cancel ----------------------------------------------------------------

# milliseconds: of a clock.
milliseconds()
{
    echo $(($(date +%s%N) / 1000000))
}

# cancel_after SECONDS: fit, cancel after so long, and print how many milliseconds
# it took until the server was ready for the next statement; nothing if the fit
# was over before.
cancel_after()
{
    {
        printf '%s\n' "SET application_name = 'cancelled';" "$settings" \
            "SELECT gmm_fit(features, 10) IS NULL FROM cancelled;" '\! date +%s%N'
    } >"$work/cancel.sql"
    psql -X -q -A -t -f "$work/cancel.sql" >"$work/cancel.out" 2>"$work/cancel.err" &
    cancelled=$!
    sleep "$1"
    began=$(milliseconds)
    sql "SELECT pg_cancel_backend(pid) FROM pg_stat_activity
        WHERE application_name = 'cancelled' AND backend_type = 'client backend'" >"$work/cancel.sent"
    wait $cancelled || true
    if grep -q 'canceling statement' "$work/cancel.err"; then
        echo $(($(tail -n 1 "$work/cancel.out") / 1000000 - began))
    fi
}

bench_cancel()
{
    rows=10000000
    [ -z "$quick" ] || rows=1000000
    moments=8
    note "cancel"
    make_rows cancelled $rows 10 10 full
    say ""
    say "### Cancel: a fit of $rows × 10, K 10, at $moments moments"
    say ""
    say "| work_mem | workers | cancelled | median, ms | longest, ms | files and processes left |"
    say "|--:|--:|--:|--:|--:|--:|"
    for memory in 64MB 4GB; do
        for workers in 0 1; do
            settings="$plain $(workers_setting $workers) SET work_mem = '$memory';"
            timed "SELECT gmm_fit(features, 10) IS NULL FROM cancelled"
            whole=$seconds
            : >"$work/cancel"
            moment=0
            while [ $moment -lt $moments ]; do
                cancel_after "$(calculate "($moment + 0.5) / $moments * $whole" %.3f)" >>"$work/cancel"
                moment=$((moment + 1))
            done
            left=$(sql "SELECT (SELECT count(*) FROM pg_ls_tmpdir()) +
                (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'parallel worker')")
            sort -n "$work/cancel" | awk -v memory=$memory -v workers=$workers -v left="$left" '
                { ms[NR] = $1 }
                END { printf "| %s | %d | %d | %d | %d | %d |\n", memory, workers, NR,
                    ms[int((NR + 1) / 2)], ms[NR], left }'
        done
    done
    say ""
    say "From the call of pg_cancel_backend, which itself is a connection and a query of" \
        "psql, until the server is ready for the next statement."
    drop_rows cancelled
}

# --- 8: looks for interrupts --------------------------------------------------

# Shapes that are as large as a model may be, in each direction.
look_shapes="full 1 4096
full 500 250
full 2000 120
full 10000 56
tied 4000 4096
diag 4000 4096
spherical 8000 4000"

bench_looks()
{
    seconds_each=20
    [ -z "$quick" ] || seconds_each=1
    note "looks"
    make -s -C "$here/unit" gaps/gaps_timed >&2
    say ""
    say "### Longest work of the engine between two looks for interrupts"
    say ""
    say "| family | K | d | operation | longest, ms | looks |"
    say "|---|--:|--:|---|--:|--:|"
    echo "$look_shapes" | while read -r family k d; do
        "$here/unit/gaps/gaps_timed" "$family" "$k" "$d" $seconds_each
    done | sort -t '|' -k 6,6nr | head -n 30
    say ""
    say "The longest ones of all, in processor time.  What takes longer than" \
        "$seconds_each seconds was left before its end.  A fit is one of 384 rows."
}

# --- 9: rows with NULLs -----------------------------------------------------

# Rows, features; K is 10.
gap_shapes="200000 10
100000 20
40000 50"

# make_gaps TABLE CONDITION: the rows of "complete", x NULL where it holds of its
# number and a hash of the row.
make_gaps()
{
    sql "CREATE UNLOGGED TABLE $1 AS
        SELECT ARRAY(SELECT CASE WHEN NOT ($2) THEN x END
                     FROM unnest(features) WITH ORDINALITY AS element (x, number)
                     ORDER BY number) AS features
        FROM (SELECT features, abs(hashfloat8(features[1])::bigint) AS hash FROM complete) AS numbered;
        VACUUM (ANALYZE, FREEZE) $1"
}

# The start of "complete", which has the same variances in all components, as of the
# other families.
start_families()
{
    sql "WITH start AS (
             SELECT model, model -> 'covariances' -> 0 AS matrix,
                    (SELECT jsonb_agg(model #> ARRAY['covariances', '0', j::text, j::text] ORDER BY j)
                     FROM generate_series(0, $1 - 1) AS j) AS variances
             FROM (SELECT model::jsonb FROM starts WHERE name = 'complete') AS complete)
         INSERT INTO starts
         SELECT family, (model || jsonb_build_object('covariance_type', family,
                                                     'covariances', covariances))::gmm_model
         FROM start, LATERAL (VALUES
             ('full', model -> 'covariances'),
             ('tied', matrix),
             ('diag', to_jsonb(array_fill(variances, '{10}'))),
             ('spherical', to_jsonb(array_fill((SELECT avg(v::float8)
                                                FROM jsonb_array_elements_text(variances) AS v),
                                               '{10}')))) AS families (family, covariances)"
}

# measure_gaps D ROWS: passes over each table and scores, one run.
measure_gaps()
{
    note "gaps: $2 × $1"
    for table in complete tenth third few; do
        for family in full tied diag spherical; do
            timed "SELECT $(refit $family 1) IS NULL FROM $table"
            seconds_1=$processor
            timed "SELECT $(refit $family 6) IS NULL FROM $table"
            echo "$family-$1-pass $table $seconds_1 $processor 5" >>"$work/gaps"
            timed "SELECT count(features) FROM $table"
            seconds_1=$processor
            timed "SELECT count(gmm_predict(model, features)) FROM $table, starts
                WHERE name = '$family'"
            echo "$family-$1-score $table $seconds_1 $processor $2" >>"$work/gaps"
        done
    done
}

bench_gaps()
{
    : >"$work/gaps"
    settings="$plain $(workers_setting 0)"
    echo "$gap_shapes" | while read -r rows d; do
        [ -z "$quick" ] || rows=$((rows / 20))
        make_rows complete "$rows" "$d" 10 full
        start_families "$d"
        make_gaps tenth "abs(hashfloat8(x + number)::bigint) % 10 = 0"
        make_gaps third "abs(hashfloat8(x + number)::bigint) % 10 < 3"
        # one of the five patterns is that of complete rows
        make_gaps few "hash % 5 > 0 AND (number * 7 + (hash % 5) * 3) % 5 = 0"
        run=0
        while [ $run -lt "$runs" ]; do
            run=$((run + 1))
            measure_gaps "$d" "$rows"
        done
        sql "DROP TABLE tenth, third, few; TRUNCATE starts"
        drop_rows complete
    done
    say ""
    say "### Rows with NULLs, beside complete ones: K 10"
    say ""
    say "| family | d | what | runs | complete | one in ten NULL | ratio | three in ten | ratio |" \
        "five patterns | ratio |"
    say "|---|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|"
    awk -f $bench/table.awk "$work/gaps" | awk '
        function time(x, what) { return what == "pass" ? sprintf("%.4f s", x) : sprintf("%.0f ns", x * 1e9) }
        { split($1, part, "-") }
        $2 == "complete" {
            keys[++n] = $1
            line[$1] = sprintf("| %s | %d | %s | %d | %s |", part[1], part[2],
                part[3] == "pass" ? "an iteration" : "gmm_predict, a row", $3, time($5, part[3]))
            next
        }
        { line[$1] = line[$1] sprintf(" %s | %.2f |", time($5, part[3]), $7) }
        END { for (i = 1; i <= n; i++) print line[keys[i]] }'
    say ""
    say "The best of the runs.  Nearly every row has a pattern of NULLs of its own, but in" \
        "the last columns.  Scores are less the scan of the rows."
}

# --- 10: statistics by scans ---------------------------------------------------

bench_stream()
{
    rows=10000000
    [ -z "$quick" ] || rows=200000
    note "stream"
    make_rows streamed $rows 10 10 full
    : >"$work/stream"
    run=0
    while [ $run -lt "$runs" ]; do
        run=$((run + 1))
        settings="$plain $(workers_setting 0)"
        iteration streamed 4
        echo "stream kernel $seconds_1 $seconds_2 8" >>"$work/stream"
        # Two workers, and a leader that only waits for them.
        settings="$plain SET max_parallel_workers_per_gather = 2;
            SET parallel_leader_participation = off;
            SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0;"
        timed "SELECT sum(features[1]) FROM streamed"
        echo "stream scan 0 $seconds 1" >>"$work/stream"
        timed "SELECT gmm_em_step(features, (SELECT model FROM starts WHERE name = 'streamed')) IS NULL
            FROM streamed"
        echo "stream gmm_em_step 0 $seconds 1" >>"$work/stream"
    done
    drop_rows streamed
    awk -f $bench/table.awk "$work/stream" >"$work/stream.table"
    say ""
    say "### An EM step as a parallel scan: $rows × 10, K 10, two workers"
    say ""
    say "| what | median, s | best, s |"
    say "|---|--:|--:|"
    awk '{ printf "| %s | %.3f | %.3f |\n", $2, $4, $5 }' "$work/stream.table" | sed '
        s/| kernel /| the step alone, on rows that a fit holds, halved /
        s/| scan /| the scan alone, \`sum(features[1])\` /
        s/| gmm_em_step /| \`gmm_em_step\` /'
    say ""
    say "The step costs $(awk '{ median[$2] = $4; best[$2] = $5 } END {
        printf "%.2f (best runs: %.2f)", median["gmm_em_step"] / (median["scan"] + median["kernel"]),
            best["gmm_em_step"] / (best["scan"] + best["kernel"]) }' "$work/stream.table")" \
        "times what scan and kernel cost apart."
}

# --- 11: p-values -------------------------------------------------------------

bench_pvalue()
{
    note "pvalue"
    # shellcheck disable=SC2046
    gcc -O2 -Isrc -o "$work/pvalues" $bench/pvalues.c $(find src/engine -name '*.c') -lm
    say ""
    say "### Outlier p-values"
    say ""
    say "| K | d | apart | scales | to prepare, ms | ns a log density | ns a p |" \
        "of all, off at most | 1e-2, % | 1e-3, % | 1e-4, % | 1e-5, % | 1e-6, % |"
    say "|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
    "$work/pvalues" "$draws" | sed 's/|/ | /g; s/^/| /; s/$/ |/'
    say ""
    say "By how many per cent more of $draws rows drawn from the mixture are below p" \
        "than p says, and the standard deviation that chance gives to that."
}
