# quality.sh: tables of what the default call finds, and of what each part of the
# search adds to that; part of run.sh.
# shellcheck shell=sh disable=SC2154

# One line of the table, from the table NAME and the file with the same rows.
quality_line()
{
    name=$1 title=$2 d=$3 k=$4 family=$5 file=$6
    note "quality: $title"
    rows=$(sql "SELECT count(*) FROM $name")
    : >"$work/quality"
    run=0
    while [ $run -lt "$runs" ]; do
        run=$((run + 1))
        timed "SELECT (gmm_summary(gmm_fit(features, $k,
            gmm_options(covariance_type => '$family')))).log_likelihood / $rows FROM $name"
        echo "$processor $value" >>"$work/quality"
        # Ten starts take their time; once is enough.
        if [ $run = 1 ]; then
            waiting /usr/bin/python3 $bench/peer_sklearn.py quality "$file" - "$d" "$k" \
                "$family" >"$work/peer.out"
        fi
    done
    sort -n "$work/quality" | awk -v title="$title" -v k="$k" -v family="$family" -v rows="$rows" '
        FNR == NR { one = $1; one_value = $2; ten = $3; ten_value = $4; polished = $5; next }
        { times[FNR] = $1; value = $2 }
        END {
            seconds = times[int((FNR + 1) / 2)]
            higher = value >= ten_value - 1e-7 ? "yes" : "no"
            faster = seconds < one ? "yes" : "no"
            printf "| %s, %d rows | %d %s | %.3f | %.3f | %.1f | %.2f | %.5f | %.5f | %.5f | %.5f | %s, %s |\n",
                title, rows, k, family, seconds, one, one / seconds, ten, value, one_value,
                ten_value, polished, higher, faster
        }' "$work/peer.out" -
}

# The cells of test/data/quality/cells.csv: what one call with default options
# comes to beside scikit-learn's and the best optimum without artefacts that is
# known, which a hundred starts of plain EM came to.  Of those that are made here
# only the first is: the others take hours.
quality_cells()
{
    say ""
    say "### Real tables: the total log-likelihood"
    say ""
    say "One call with default options, what scikit-learn 1.2.1 came to with n_init 1 and 10," \
        "and the best sound optimum that is known.  The last column: within 0.5 + 0.0005 a row" \
        "of it, and without suspect components?"
    say ""
    say "| table | K | default call | suspect | n_init 1 | n_init 10 | best sound | reached |"
    say "|---|---|--:|--:|--:|--:|--:|---|"
    tail -n +2 test/data/quality/cells.csv | tr -d '\r' >"$work/cells"
    : >"$work/reached"
    while IFS=, read -r set rows d k family _ _ one ten best; do
        note "quality: $set, $k $family"
        sql "CREATE TABLE cell (line text)"
        tail -n +2 "test/data/quality/$set.csv" | tr -d '\r"' |
            psql -X -q -c "COPY cell FROM STDIN"
        # the class that some have is no feature
        answer=$(sql "SET gmm.warnings = off; SELECT log_likelihood, n_suspect FROM
            (SELECT gmm_fit((string_to_array(line, ','))[1:$d]::float8[], $k,
                            gmm_options(covariance_type => '$family')) AS model FROM cell) AS f,
            gmm_summary(model)")
        sql "DROP TABLE cell"
        reached=$(awk -v got="${answer%|*}" -v best="$best" -v rows="$rows" -v suspect="${answer#*|}" '
            BEGIN {
                if (best == "")
                    print "-"
                else if (suspect == 0 && got >= best - 0.5 - 0.0005 * rows)
                    print "yes"
                else
                    print "NO"
            }')
        echo "$reached" >>"$work/reached"
        say "| $set, $rows rows of $d | $k $family | $(calculate "${answer%|*}" %.2f) | ${answer#*|} |" \
            "${one:--} | ${ten:--} | ${best:--} | $reached |"
    done <"$work/cells"
    say ""
    say "$(grep -c yes "$work/reached") of $(grep -c -v '^-' "$work/reached") reached."
}

# The share of random tables of plain structure whose groups one call finds.
quality_structure()
{
    tables=600
    [ -z "$quick" ] || tables=24
    say ""
    say "### Plain structure: groups 8 deviations apart, on any scales"
    say ""
    note "quality: plain structure"
    GMM_TABLES=$tables psql -X -q -A -t -v ON_ERROR_STOP=1 -f test/t/tap.psql \
        -f test/t/plain_structure.sql >"$work/structure"
    say "Of $tables tables, an adjusted Rand index below 0.99 (kind, family, table):" \
        "$(grep -c '^# table' "$work/structure" || true)."
    grep '^# table' "$work/structure" | sed 's/^# /- /' || true
}

# build_cells [PART]: the program cells, without a part of the search.
build_cells()
{
    # shellcheck disable=SC2046
    gcc -O2 -Isrc ${1:+"-DSEARCH_WITHOUT=$1"} -o "$work/cells" $bench/cells.c \
        $(find src/engine -name '*.c') -lm
}

# cells_line TITLE: a line of the table, by the program cells.
cells_line()
{
    cells=200
    [ -z "$quick" ] || cells=20
    note "$1"
    say "| $1 | $("$work/cells" "$work/cells.best" $cells | sed 's/|/ | /g') |"
}

cells_head()
{
    say ""
    say "### $1"
    say ""
    say "Random mixtures, overlapping or not, some with tails, against the best of 60 starts" \
        "of plain EM: how many one default call leaves short by more than 0.001 a row, in how" \
        "many it ends at artefacts, in how many it is as much higher; what it is short of in" \
        "all, a row; seconds of the processor for all."
    say ""
    say "| | short | artefacts | higher | short of | seconds |"
    say "|---|--:|--:|--:|--:|--:|"
}

quality_random()
{
    cells_head "Random mixtures"
    build_cells
    cells_line "the default call"
}

bench_quality()
{
    quality_cells
    quality_random
    quality_structure
    say ""
    say "### What the default call finds"
    say ""
    if ! has sklearn; then
        say "scikit-learn is not here to compare with."
        return 0
    fi
    say "Mean log-likelihood a row of one call with default options, and of" \
        "scikit-learn's with n_init 1, with n_init 10, and the latter continued until" \
        "it stands still.  The last column: at least that of n_init 10 (within 1e-7)?" \
        "In less time than n_init 1?"
    say ""
    say "| rows | K | gmm, s | n_init 1, s | ratio | n_init 10, s | gmm | n_init 1 | n_init 10 |" \
        "continued | higher, faster |"
    say "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|---|"
    settings="$plain $(workers_setting 0)"
    sql "CREATE TABLE faithful (a float8, b float8);
        CREATE TABLE iris (a float8, b float8, c float8, d float8, species text);
        CREATE TABLE airquality (a float8, b float8, c float8, d float8);
        CREATE TABLE blobs (split text, a float8, b float8, label int)"
    for set in faithful iris airquality blobs; do
        sed 's/,NA/,/g; s/^NA,/,/' test/data/$set.csv |
            psql -X -q -c "COPY $set FROM STDIN (FORMAT csv, HEADER)"
    done
    sql "CREATE TABLE faithful_rows AS SELECT ARRAY[a, b] AS features FROM faithful;
        CREATE TABLE iris_rows AS SELECT ARRAY[a, b, c, d] AS features FROM iris;
        CREATE TABLE airquality_rows AS SELECT ARRAY[a, b, c, d] AS features FROM airquality
            WHERE a + b + c + d IS NOT NULL;
        CREATE TABLE blobs_rows AS SELECT ARRAY[a, b] AS features FROM blobs"
    while read -r set d k family; do
        sql "SELECT array_to_string(features, ',') FROM ${set}_rows" >"$work/$set.csv"
        quality_line "${set}_rows" "$set" "$d" "$k" "$family" "$work/$set.csv"
    done <<'SETS'
faithful 2 2 full
faithful 2 3 tied
iris 4 2 full
iris 4 3 full
airquality 4 2 full
blobs 2 5 full
blobs 2 3 spherical
SETS
    shapes | while read -r name rows d k family _; do
        rows=$((rows / 10))
        if [ -n "$quick" ]; then
            [ "$d" -le 10 ] || continue
            rows=$((rows / 20))
        fi
        make_rows "$name" "$rows" "$d" "$k" "$family" peers
        quality_line "$name" "mixture of d $d" "$d" "$k" "$family" "$work/$name.rows"
        drop_rows "$name"
    done
    # many dimensions, and many components: rows, d, K, those of the data, and the fit
    while read -r rows d k data family; do
        [ -z "$quick" ] || { rows=$((rows / 10)) d=$((d / 10)) k=$((k / 10)); }
        make_rows many "$rows" "$d" "$k" "$data" peers
        quality_line many "mixture of d $d" "$d" "$k" "$family" "$work/many.rows"
        drop_rows many
    done <<'SHAPES'
10000 384 20 diag spherical
10000 384 20 diag diag
10000 384 20 diag tied
20000 20 100 full full
20000 16 16 full spherical
SHAPES
}

bench_ablation()
{
    cells_head "The search without one of its parts"
    build_cells
    cells_line "all parts"
    # The parts are the comments of the list in search.h.
    sed -n 's/^[[:space:]]*\(SEARCH_[A-Z_]*\),\{0,1\}[[:space:]]*\/\* \(.*\) \*\/$/\1|\2/p' \
        src/engine/search/search.h >"$work/parts"
    while IFS='|' read -r part title; do
        build_cells "$part"
        cells_line "no $title"
    done <"$work/parts"
}
