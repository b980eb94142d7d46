# calls.sh: whole calls with all that they search for, where there are many
# dimensions or many components, beside scikit-learn's; read by run.sh.
# shellcheck shell=sh disable=SC2154

# starts_of_peer FILE D K FAMILY N: seconds and mean log-likelihood of scikit-learn
# with n_init N.
starts_of_peer()
{
    waiting /usr/bin/python3 $bench/peer_sklearn.py starts "$1" - "$2" "$3" "$4" "$5"
}

# call_line ROWS D K FAMILY TEN: a line of the table; with TEN what ten starts of
# scikit-learn come to, too.
call_line()
{
    rows=$1 d=$2 k=$3 family=$4 ten=$5
    [ -z "$quick" ] || rows=$((rows / 10))
    note "calls: $rows × $d, K $k, $family"
    make_rows called "$rows" "$d" "$k" "$family" peers
    : >"$work/call"
    best='' one=''
    run=0
    while [ $run -lt "$runs" ]; do
        run=$((run + 1))
        timed "SELECT (gmm_summary(gmm_fit(features, $k,
            gmm_options(covariance_type => '$family', tol => 1e-3)))).log_likelihood / $rows FROM called"
        echo "call gmm 0 $processor 1" >>"$work/call"
        reached=$value
        if has sklearn; then
            starts_of_peer "$work/called.rows" "$d" "$k" "$family" 1 >"$work/peer.out"
            read -r peer one <"$work/peer.out"
            echo "call sklearn 0 $peer 1" >>"$work/call"
        fi
    done
    if has sklearn && [ -n "$ten" ]; then
        starts_of_peer "$work/called.rows" "$d" "$k" "$family" 10 >"$work/peer.out"
        read -r _ best <"$work/peer.out"
    fi
    drop_rows called
    awk -f $bench/table.awk "$work/call" >"$work/call.table"
    peer=$(column call sklearn 4 "$work/call.table")
    say "| $rows × $d, $k $family | $(calculate "$(column call gmm 4 "$work/call.table")" %.3f) |" \
        "${peer:+$(calculate "$peer" %.3f)} | $(column call sklearn 6 "$work/call.table") |" \
        "$(calculate "$reached" %.5f) | ${one:+$(calculate "$one" %.5f)} | ${best:+$(calculate "$best" %.5f)} |"
}

calls_header()
{
    say ""
    say "### $1"
    say ""
    say "One call with its starts, \`tol\` 1e-3 and all else the default, and scikit-learn's with" \
        "\`n_init\` 1; the mean log-likelihoods that both come to, and that scikit-learn comes" \
        "to with \`n_init\` 10. Armadillo and VLFeat do not stop where they have converged, and" \
        "mclust begins with the distances of all pairs of rows: they are left out."
    say ""
    say "| rows × d, K | gmm, s | scikit-learn, s | ratio | gmm | \`n_init\` 1 | \`n_init\` 10 |"
    say "|---|--:|--:|--:|--:|--:|--:|"
}

# The seconds of the chain: axes, projections on them, a mixture of these, predictions.
chain_line()
{
    rows=10000 d=384 q=20 k=20
    [ -z "$quick" ] || rows=1000
    make_rows called $rows $d $k full peers
    : >"$work/call"
    run=0
    while [ $run -lt "$runs" ]; do
        run=$((run + 1))
        timed "WITH axes AS MATERIALIZED (SELECT gmm_pca(gmm_fit(features, 1), $q) AS axes FROM called),
            reduced AS MATERIALIZED (SELECT gmm_project(axes, features) AS x FROM called, axes),
            fitted AS MATERIALIZED (SELECT gmm_fit(x, $k, gmm_options(tol => 1e-3)) AS model FROM reduced)
            SELECT count(gmm_predict(model, x)) FROM reduced, fitted"
        echo "chain gmm 0 $processor 1" >>"$work/call"
        if has sklearn; then
            waiting /usr/bin/python3 $bench/peer_sklearn.py chain "$work/called.rows" - \
                $d $k full $q >"$work/peer.out"
            read -r peer <"$work/peer.out"
            echo "chain sklearn 0 $peer 1" >>"$work/call"
        fi
    done
    drop_rows called
    awk -f $bench/table.awk "$work/call" >"$work/call.table"
    peer=$(column chain sklearn 4 "$work/call.table")
    say ""
    say "$rows × $d reduced to $q by \`gmm_pca\` and \`gmm_project\`, K $k full in these, and" \
        "\`gmm_predict\` of all: $(calculate "$(column chain gmm 4 "$work/call.table")" %.3f) s" \
        "${peer:+, scikit-learn $(calculate "$peer" %.3f) s}."
}

bench_dims()
{
    calls_header "Many dimensions"
    for family in spherical diag tied; do
        call_line 10000 384 20 $family ten
    done
    chain_line
}

bench_components()
{
    calls_header "Many components"
    for k in 100 300; do
        for family in full diag; do
            call_line 50000 8 $k $family ''
        done
        call_line 20000 2 $k full ''
    done
}
