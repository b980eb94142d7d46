#!/bin/sh
# warnings.sh: fits that did not converge or have suspect components are said
# to be so: once a statement, with how many they are and what the first is like;
# not where all is well, where the statement fails, or where gmm.warnings is off.
set -eu
. test/t/tap.sh

psql -X -q -v ON_ERROR_STOP=1 <<'SQL'
-- A thousand groups of two clusters each, which a fit of 100 passes finds, and
-- six rows that three components cannot describe
CREATE TABLE points AS
SELECT i % 1000 AS g, ARRAY[i / 1000 % 2 * 9 + sin(i), cos(i * i)] AS x FROM generate_series(0, 39999) AS i;
CREATE VIEW columns AS SELECT x[1] AS x, x[2] AS y FROM points WHERE g < 5;
CREATE TABLE few AS SELECT ARRAY[i % 3, i / 3]::float8[] AS x FROM generate_series(1, 6) AS i;
ANALYZE;
CREATE FUNCTION fits(n integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    m gmm_model;
BEGIN
    FOR i IN 1..n LOOP
        SELECT gmm_fit(x, 2, '{"max_iter": 1}') INTO m FROM points WHERE g = i;
    END LOOP;
END
$$;
SQL

# warned NAME WANTED STATEMENT...: the messages of the warnings, one a line, are
# the lines wanted; what else is sent does not matter.
warned()
{
    name=$1 wanted=$2
    shift 2
    got=$(printf '%s;\n' "$@" | psql -X -q 2>&1 >/dev/null | sed -n 's/^WARNING:  //p')
    same "$name" "$wanted" "$got"
}
one_pass="'{\"max_iter\": 1, \"n_init\": 1}'"
fit="gmm_fit(x, 2, $one_pass)"
many="SELECT count(m) FROM (SELECT g, $fit AS m FROM points GROUP BY g) AS f"

warned "nothing about fits that went well" "" \
    "SELECT count(m) FROM (SELECT gmm_fit(x, 2) AS m FROM points GROUP BY g) AS f" \
    "SELECT gmm_fit_best(x, 1, 3) FROM points" \
    "SELECT gmm_refit(x, (SELECT gmm_fit(x, 2) FROM points)) FROM points" \
    "SELECT gmm_fit_table('columns', '{x,y}', 2)"
warned "one for a thousand groups" "1000 of 1000 fits did not converge" "$many"
warned "sorted groups" "1000 of 1000 fits did not converge" "SET enable_hashagg = off" "$many"
warned "each statement has its own" "1000 of 1000 fits did not converge
the fit did not converge" "$many" "SELECT $fit FROM points"
warned "fits that went well are counted" "2 of 4 fits did not converge" \
    "SELECT gmm_fit(x, 1), $fit, gmm_fit(x, 1, '{\"max_iter\": 9}'), gmm_fit(x, 2, '{\"max_iter\": 1}') FROM points"
warned "suspect components" "the fit has suspect components" "SELECT gmm_fit(x, 3) FROM few"
warned "both, of one fit" "the fit did not converge, and has suspect components" \
    "SELECT gmm_fit(x, 30, $one_pass) FROM points WHERE g < 2"
warned "both, of several" "1 of 3 fits did not converge, and 1 ended with suspect components" \
    "SELECT (SELECT gmm_fit(x, 3) FROM few), (SELECT $fit FROM points), (SELECT gmm_fit(x, 2) FROM points)"
warned "nothing where tol = 0 asks for so many passes" "" \
    "SELECT gmm_fit(x, 2, '{\"max_iter\": 5, \"tol\": 0}') FROM points"
warned "gmm_fit_best" "the fit did not converge" "SELECT gmm_fit_best(x, 2, 2, $one_pass) FROM points"
warned "gmm_refit" "the fit did not converge" \
    "SELECT gmm_refit(x, gmm_model('{0.5,0.5}', '{{0,0},{1,1}}', '{1,1}', 'spherical'), '{\"max_iter\": 1}') FROM points"
warned "gmm_fit_table names the relation" 'the fit of "columns" did not converge' \
    "SELECT gmm_fit_table('columns', '{x,y}', 2, '{\"max_iter\": 1}')"
warned "a subquery that runs again and again" "20 of 20 fits did not converge" \
    "SELECT count(*) FROM generate_series(1, 20) AS n WHERE (SELECT $fit FROM points WHERE g = n) IS NOT NULL"
warned "a window" "20 of 20 fits did not converge" \
    "SELECT DISTINCT g, (gmm_summary(m)).k FROM (SELECT g, row_number() OVER w AS n, $fit OVER w AS m FROM points WHERE g < 20
         WINDOW w AS (PARTITION BY g ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)) AS f"
warned "CREATE TABLE AS, a cursor, a prepared statement" "the fit did not converge
the fit did not converge
the fit did not converge" \
    "CREATE TEMPORARY TABLE made AS SELECT $fit AS m FROM points" \
    "BEGIN" "DECLARE c CURSOR FOR SELECT $fit FROM points" "FETCH c" "COMMIT" \
    "PREPARE p AS SELECT $fit FROM points" "EXECUTE p"
warned "each statement in a function" "the fit did not converge
the fit did not converge
the fit did not converge" "SELECT fits(3)"
warned "nothing where the statement fails" "" "SELECT $fit, 1 / (count(*) - 40000) FROM points"
warned "and the next one begins anew" "the fit did not converge" \
    "SELECT $fit, 1 / (count(*) - 40000) FROM points" "SELECT $fit FROM points"
warned "nothing where it is rolled back to a savepoint" "the fit did not converge" \
    "BEGIN" "SAVEPOINT s" "SELECT $fit, 1 / (count(*) - 40000) FROM points" "ROLLBACK TO s" "SELECT $fit FROM points" "COMMIT"
warned "off" "" "SET gmm.warnings = off" "$many" "SELECT gmm_fit(x, 3) FROM few" \
    "SELECT gmm_fit_table('columns', '{x,y}', 2, '{\"max_iter\": 1}')" "SELECT fits(3)"

# said NAME PATTERN: whether $got is like the pattern
said()
{
    # shellcheck disable=SC2254
    case $got in
        $2) ok "$1" ;;
        *)  not_ok "$1" "$got" ;;
    esac
}
# The setting has another name since PostgreSQL 16.
got=$(psql -X -q 2>&1 >/dev/null <<SQL
\\set SHOW_CONTEXT always
SELECT set_config(name, 'on', false) FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query');
$many;
SQL
)
said "a parallel worker tells its leader" "WARNING:  1000 of 1000 fits did not converge*CONTEXT:  parallel worker*"
got=$(psql -X -q 2>&1 >/dev/null <<SQL
\\set VERBOSITY verbose
SELECT (SELECT gmm_fit(x, 3) FROM few), $fit, gmm_fit(x, 2) FROM points;
SQL
)
said "what the first of each kind is like, and what may help" \
    '*WARNING:  01000: 1 of 3 fits did not converge, and 1 ended with suspect components
DETAIL:  The first that did not converge has k = 2 and covariance_type full, and made 1 pass.  The first with suspect components has k = 3 and covariance_type full, and made * of its components are suspect.
HINT:  *"max_iter"*gmm_components*'
finish
