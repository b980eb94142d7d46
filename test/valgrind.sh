#!/bin/sh
# valgrind.sh: the core paths under valgrind's memcheck.
#
#   sh test/valgrind.sh [--keep]
#
# A PostgreSQL that was not built for valgrind makes it report much that is none
# of ours; so only errors are counted in whose stack is a function of gmm.so.
# The server runs as a single process, in single-user mode; what workers do, the
# tests under sanitizers look at.  Takes minutes.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"

if [ -z "${GMM_WORK:-}" ]; then
    command -v valgrind >/dev/null 2>&1 || die "there is no valgrind; please install it"
    begin_first_stage
    prepare_machine
    enter_second_stage valgrind.sh "$@"
fi
begin_second_stage
if [ "${1:-}" = --keep ]; then keep=yes; fi

step "build"
if ! build CFLAGS="-g -O1 -std=gnu99 -fno-strict-aliasing -fwrapv"; then
    failed_step "$work/build.log"
    exit 1
fi
done_step
start_server
psql -X -q -c "CREATE EXTENSION gmm"
stop_server

cat >"$work/paths.sql" <<'SQL'
CREATE TABLE p AS SELECT i AS id, ARRAY[i % 3 * 10 + i * 7919 % 1009 / 400.0, i % 5 + i * 31 % 997 / 200.0, i % 7 / 2.0]::float8[] AS x, 1 + i % 4 / 2.0 AS w FROM generate_series(1, 700) AS i
CREATE TABLE q AS SELECT x[1] AS a, x[2] AS b FROM p
CREATE TABLE holes AS SELECT id, CASE WHEN id % 5 = 0 THEN ARRAY[x[1], NULL, x[3]] WHEN id % 7 = 0 THEN ARRAY[NULL, x[2], NULL] ELSE x END AS x, w FROM p
CREATE TABLE m AS SELECT t, k, gmm_fit(x, k, jsonb_build_object('covariance_type', t, 'max_iter', 12)) AS model FROM p, unnest('{full,tied,diag,spherical}'::text[]) AS t, unnest('{1,3}'::integer[]) AS k GROUP BY t, k
INSERT INTO m SELECT t, 2, gmm_fit(x, 2, jsonb_build_object('covariance_type', t, 'max_iter', 6), w) FROM holes, unnest('{full,tied,diag,spherical}'::text[]) AS t GROUP BY t
INSERT INTO m SELECT 'best', 0, gmm_fit_best(x, 1, 3, '{"max_iter": 6, "n_init": 2, "covariance_type": "auto"}') FROM p WHERE id % 4 = 0
INSERT INTO m SELECT 'table', 0, gmm_fit_table('q', '{a,b}', 2, '{"max_iter": 6, "n_init": 2}') FROM (SELECT 1) AS s
INSERT INTO m SELECT 'refit', 0, gmm_refit(x, (SELECT model FROM m WHERE t = 'full' AND k = 3), '{"max_iter": 6}', w) FROM holes
SELECT count(gmm_predict(model, x)), sum(gmm_logpdf(model, x)), max(cardinality(gmm_predict_proba(model, x))), max(cardinality(gmm_mahalanobis(model, x))), sum(gmm_outlier_pvalue(model, x)) FROM m, holes WHERE (gmm_summary(model)).d = 3
SELECT count(*) FROM m, gmm_components(model)
SELECT count(*) FROM m, gmm_trials(model)
SELECT count(*) FROM m WHERE gmm_model_send(model::text::gmm_model) = gmm_model_send(model) AND model::jsonb::gmm_model IS NOT NULL
COPY m TO 'models.bin' (FORMAT binary)
CREATE TABLE again (LIKE m)
COPY again FROM 'models.bin' (FORMAT binary)
SELECT count(gmm_condition(model, x)), count(gmm_impute(model, x)) FROM m, holes WHERE (gmm_summary(model)).d = 3 AND id % 35 = 0
SELECT count(*) FROM m, gmm_sample(model, 20)
SELECT length(gmm_svg(x, model)) FROM p, m WHERE t = 'full' AND m.k = 3
CREATE TABLE s AS SELECT t, gmm_accumulate(x, model, w) AS stats FROM m, p WHERE (gmm_summary(model)).d = 3 GROUP BY t, model::text
SELECT count(gmm_maximize(stats + stats)), count(gmm_decay(stats, 0.5)), count(stats::text::gmm_stats) FROM s
SET work_mem = '64kB'
SELECT gmm_fit(x, 3, '{"max_iter": 4, "n_init": 1}') IS NOT NULL FROM p, generate_series(1, 20)
SELECT gmm_fit(ARRAY['NaN'::float8], 2)
SQL
sed -i "s#models.bin#$work/models.bin#" "$work/paths.sql"

step "valgrind"
waiting sh -c '"$@" >"$0.out" 2>&1 <"$0"' "$work/paths.sql" \
    valgrind --tool=memcheck --leak-check=no --log-file="$work/valgrind.log" --error-limit=no \
    "$bindir/postgres" --single -D "$work/data" -c log_min_messages=error postgres || true
done_step

# An error is a paragraph; ours has a frame of gmm.so.
awk '
    { sub(/^==[0-9]+== ?/, "") }
    /^$/ { if (paragraph ~ /gmm\.so|src\/engine\//) { print paragraph; n++ } paragraph = ""; next }
    { paragraph = paragraph $0 "\n" }
    END { exit n > 0 }' "$work/valgrind.log" >"$work/ours" && ours=0 || ours=1
errors=$(grep -c ERROR "$work/paths.sql.out") || true
say "statements: $(grep -c . "$work/paths.sql"), of which failed, one of them as it should: $errors"
grep ERROR "$work/paths.sql.out" | sed 's/^/    /' || true
if [ "$ours" != 0 ] || [ "$errors" != 1 ] || [ ! -s "$work/valgrind.log" ]; then
    head -n 100 "$work/ours"
    say "1 failed"
    exit 1
fi
say "no error of gmm's among $(grep -c 'ERROR SUMMARY' "$work/valgrind.log") summary: $(sed -n 's/^==[0-9]*== ERROR SUMMARY: //p' "$work/valgrind.log" | tail -n 1)"
