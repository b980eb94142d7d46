#!/bin/sh
# rights.sh: who may install and use the extension, and that it runs what it
# says and nothing that another user has put in its way.
set -eu
. test/t/tap.sh

# Two ordinary users of this database
owner=${PGDATABASE}_owner
mallory=${PGDATABASE}_mallory
clean()
{
    psql -X -q -c "DROP OWNED BY $owner, $mallory CASCADE" -c "DROP ROLE $owner, $mallory" >/dev/null 2>&1 || true
}
trap clean EXIT
psql -X -q -v ON_ERROR_STOP=1 -v owner="$owner" -v mallory="$mallory" <<'SQL'
SET client_min_messages = warning;
DROP EXTENSION gmm;
CREATE ROLE :owner LOGIN;
CREATE ROLE :mallory LOGIN;
SELECT format('GRANT CREATE, TEMPORARY ON DATABASE %I TO %I', current_database(), :'owner') \gexec
CREATE SCHEMA stats AUTHORIZATION :owner;
CREATE SCHEMA evil AUTHORIZATION :mallory;
GRANT USAGE ON SCHEMA evil TO PUBLIC;
SQL

# as ROLE STATEMENTS: what they answer to that user.
as()
{
    PGOPTIONS="-c client_min_messages=warning -c gmm.warnings=off" \
        psql -X -q -A -t -U "$1" -v VERBOSITY=verbose -c "$2" 2>&1 || true
}

# --- installing ---

contains "without CREATE on the database it cannot be installed" "ERROR:  42501" \
    "$(as "$mallory" "CREATE EXTENSION gmm SCHEMA evil")"

# Objects of another user with the names of ours: the script creates all that
# it has, and takes nothing that is there.
as "$mallory" "CREATE TYPE evil.gmm_model AS (a integer)" >/dev/null
same "one without more rights than CREATE can install it, with such objects elsewhere in search_path" "" \
    "$(as "$owner" "SET search_path = evil, stats; CREATE EXTENSION gmm SCHEMA stats")"
contains "and it works" "t" "$(as "$owner" "SET search_path = stats;
    SELECT gmm_predict(gmm_fit(ARRAY[x], 2), '{1}') IS NOT NULL FROM generate_series(1, 9) AS x")"
same "its functions belong to the bootstrap superuser, as those of every trusted extension in C" "0" \
    "$(psql -X -A -t -c "SELECT count(*) FROM pg_proc WHERE probin LIKE '%gmm%' AND proowner <> 10")"
same "and may be dropped by who installed it" "" "$(as "$owner" "DROP EXTENSION gmm")"

as "$owner" "GRANT USAGE, CREATE ON SCHEMA stats TO $mallory" >/dev/null
as "$mallory" "CREATE TYPE stats.gmm_model AS (a integer)" >/dev/null
contains "an object of that name in its own schema ends the installation" "already exists" \
    "$(as "$owner" "CREATE EXTENSION gmm SCHEMA stats")"
as "$mallory" "DROP TYPE stats.gmm_model" >/dev/null

# --- settings ---

as "$owner" "CREATE EXTENSION gmm SCHEMA stats" >/dev/null
same "every setting is its user's" "user" \
    "$(psql -X -q -A -t -c "LOAD 'gmm'" -c "SELECT string_agg(DISTINCT context, ',') FROM pg_settings WHERE name LIKE 'gmm.%'")"
same "no function runs with its owner's rights" "0" \
    "$(psql -X -A -t -c "SELECT count(*) FROM pg_proc WHERE probin LIKE '%gmm%' AND prosecdef")"

# --- what the functions call ---

# Everything that a query might look up by name, ours before PostgreSQL's.  A
# function that is called says so by an error.
as "$mallory" "
CREATE FUNCTION evil.caught() RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''caught''; END';
CREATE FUNCTION evil.caught(anyelement, anyelement) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''caught''; END';
CREATE FUNCTION evil.random() RETURNS float8 LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''caught''; END';
CREATE FUNCTION evil.count(anyelement) RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''caught''; END';
CREATE FUNCTION evil.gmm_fit(float8[], integer, jsonb) RETURNS integer LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''caught''; END';
CREATE FUNCTION evil.gmm_em_step(float8[], stats.gmm_model) RETURNS stats.gmm_model LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''caught''; END';
CREATE FUNCTION evil.gmm_accumulate(float8[], stats.gmm_model) RETURNS stats.gmm_stats LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''caught''; END';
CREATE FUNCTION evil.hash(float8[]) RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''caught''; END';
CREATE OPERATOR evil.< (LEFTARG = anyelement, RIGHTARG = anyelement, FUNCTION = evil.caught);
CREATE OPERATOR evil.<= (LEFTARG = anyelement, RIGHTARG = anyelement, FUNCTION = evil.caught);
CREATE OPERATOR evil.= (LEFTARG = anyelement, RIGHTARG = anyelement, FUNCTION = evil.caught);
CREATE OPERATOR evil.<> (LEFTARG = anyelement, RIGHTARG = anyelement, FUNCTION = evil.caught);
CREATE OPERATOR evil.> (LEFTARG = anyelement, RIGHTARG = anyelement, FUNCTION = evil.caught);
" >/dev/null
use="
SET search_path = evil, pg_catalog, pg_temp;
CREATE TEMP TABLE t AS SELECT i, ARRAY[i OPERATOR(pg_catalog.%) 7, i OPERATOR(pg_catalog.%) 3]::float8[] AS x FROM generate_series(1, 90) AS i;
CREATE TEMP TABLE m AS SELECT stats.gmm_fit(x, 2, stats.gmm_options(max_iter => 3)) AS model FROM t;
SELECT pg_catalog.count(stats.gmm_predict(model, x)), pg_catalog.sum(stats.gmm_logpdf(model, x)) IS NOT NULL FROM t, m;
SELECT (stats.gmm_components(model)).weight IS NOT NULL FROM m;
SELECT (stats.gmm_summary(model)).k, model::text::stats.gmm_model::text::jsonb IS NOT NULL FROM m;
SELECT stats.gmm_maximize(stats.gmm_accumulate(x, model)) IS NOT NULL FROM t, m;"
answer=$(as "$owner" "$use")
case $answer in
    *caught* | *ERROR*) not_ok "operators and functions in front of PostgreSQL's are not called" "$answer" ;;
    *) ok "operators and functions in front of PostgreSQL's are not called" ;;
esac


# --- gmm_fit_table ---

# It has the caller's rights, to tables, columns and rows.
as "$owner" "
SET search_path = stats;
CREATE TABLE stats.people (id integer, a float8, b float8, secret float8);
INSERT INTO people SELECT i, i % 7 + i / 900.0, i % 3, 1000 + i FROM generate_series(1, 900) AS i;
GRANT USAGE ON SCHEMA stats TO $mallory;" >/dev/null
contains "gmm_fit_table of a table that may not be read" "ERROR:  42501" \
    "$(as "$mallory" "SELECT stats.gmm_fit_table('stats.people', '{a}', 2)")"
as "$owner" "GRANT SELECT (id, a, b) ON stats.people TO $mallory" >/dev/null
contains "of a column that may not be read" "ERROR:  42501" \
    "$(as "$mallory" "SELECT stats.gmm_fit_table('stats.people', '{a,secret}', 2)")"
contains "of a filter that reads it" "ERROR:  42501" \
    "$(as "$mallory" "SELECT stats.gmm_fit_table('stats.people', '{a}', 2, filter => 'secret > 1500')")"
same "of columns that may be read" "900" \
    "$(as "$mallory" "SELECT (stats.gmm_summary(stats.gmm_fit_table('stats.people', '{a,b}', 2))).n_rows")"
as "$owner" "ALTER TABLE stats.people ENABLE ROW LEVEL SECURITY;
    CREATE POLICY low_ids ON stats.people TO $mallory USING (id <= 500)" >/dev/null
same "of rows that may be read" "500" \
    "$(as "$mallory" "SELECT (stats.gmm_summary(stats.gmm_fit_table('stats.people', '{a,b}', 2))).n_rows")"
as "$owner" "ALTER TABLE stats.people DISABLE ROW LEVEL SECURITY" >/dev/null

# What it is given cannot become something else.
refused()
{
    answer=$(as "$owner" "SELECT stats.gmm_fit_table($2)")
    case $answer in
        ERROR:*) ok "injection by $1" ;;
        *) not_ok "injection by $1" "$answer" ;;
    esac
}
refused "a column" "'stats.people', ARRAY['a FROM stats.people; DROP TABLE stats.people; --'], 2"
refused "a quoted column" "'stats.people', ARRAY['a\" FROM stats.people; DROP TABLE stats.people; --'], 2"
refused "an expression in place of a column" "'stats.people', ARRAY['secret + 1'], 2"
refused "a weight" "'stats.people', '{a}', 2, weight => '1; DROP TABLE stats.people; --'"
for filter in "true) AS r; DROP TABLE stats.people; --" "true; DROP TABLE stats.people" "true) UNION SELECT (1" \
    "true GROUP BY (a" "true ORDER BY a" "true --" "true /*" "true) --" "" "(" "\"" "'" "a = 1 \\\\; SELECT 1"
do
    quoted=$(printf '%s' "$filter" | sed "s/'/''/g")
    case $filter in
        "true --") same "a comment at the end of a filter hides nothing" "900" \
            "$(as "$owner" "SELECT (stats.gmm_summary(stats.gmm_fit_table('stats.people', '{a}', 2, filter => '$quoted'))).n_rows")" ;;
        *) refused "the filter $filter" "'stats.people', '{a}', 2, filter => '$quoted'" ;;
    esac
done
as "$owner" "CREATE TABLE stats.\"od\"\"d; DROP TABLE people\" AS SELECT a AS \"x\"\"; y\" FROM stats.people" >/dev/null
same "names that have to be quoted are" "900" "$(as "$owner" "SELECT (stats.gmm_summary(stats.gmm_fit_table(
    'stats.\"od\"\"d; DROP TABLE people\"', ARRAY['x\"; y'], 2))).n_rows")"
same "and the table is still there" "900" "$(as "$owner" "SELECT count(*) FROM stats.people")"
answer=$(as "$owner" "SET search_path = evil, pg_catalog, pg_temp;
    SELECT (stats.gmm_summary(stats.gmm_fit_table('stats.people', '{a,b}', 2))).n_rows")
same "it calls no operator or function in front of PostgreSQL's" "900" "$answer"
finish
