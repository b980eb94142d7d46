#!/bin/sh
# upgrade.sh: every earlier version of the extension that can be installed here,
# updated to the present one, is the same in the catalogue as the present one
# installed, and keeps models and what uses them.
set -eu
. test/t/tap.sh

dir=$(mktemp -d "${TMPDIR:-/tmp}/upgrade.XXXXXX")
trap 'rm -rf "$dir"' EXIT

# Everything in the catalogues about what the extension created, a line each,
# without OIDs.
cat >"$dir/catalogue.sql" <<'SQL'
CREATE TEMP VIEW members AS
SELECT d.classid, d.objid, i.type, i.identity
FROM pg_depend AS d JOIN pg_extension AS e ON d.refobjid = e.oid,
     pg_identify_object(d.classid, d.objid, d.objsubid) AS i
WHERE e.extname = 'gmm' AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e';

SELECT 'member ' || type || ' ' || identity || ' "' ||
       coalesce(obj_description(objid, classid::regclass::text), '') || '"'
FROM members ORDER BY 1;

-- Rows of catalogues as JSON, with names for OIDs where they mean something.
SELECT 'function ' || m.identity || ' ' || jsonb_pretty(
           to_jsonb(p) - '{oid,prosupport,prorettype,proargtypes,proallargtypes,provariadic,pronamespace,proowner,prolang,proargdefaults,prosqlbody}'::text[]
           || jsonb_build_object('result', pg_get_function_result(p.oid), 'arguments', pg_get_function_arguments(p.oid),
                                 'support', p.prosupport::regproc, 'language', l.lanname, 'owned', p.proowner = 10))
FROM members AS m JOIN pg_proc AS p ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid
JOIN pg_language AS l ON l.oid = p.prolang ORDER BY 1;

SELECT 'aggregate ' || m.identity || ' ' || jsonb_pretty(
           to_jsonb(a) - '{aggfnoid,aggtranstype,aggmtranstype,aggsortop}'::text[] ||
           jsonb_build_object('state', aggtranstype::regtype, 'moving', aggmtranstype::regtype, 'sort', aggsortop::regoperator))
FROM members AS m JOIN pg_aggregate AS a ON m.classid = 'pg_proc'::regclass AND m.objid = a.aggfnoid ORDER BY 1;

SELECT 'type ' || m.identity || ' ' || jsonb_pretty(
           to_jsonb(t) - '{oid,typrelid,typelem,typarray,typnamespace,typowner,typbasetype,typcollation}'::text[])
FROM members AS m JOIN pg_type AS t ON m.classid = 'pg_type'::regclass AND m.objid = t.oid ORDER BY 1;

SELECT 'cast ' || m.identity || ' ' || c.castfunc::regprocedure || ' ' || c.castcontext::text || ' ' || c.castmethod::text
FROM members AS m JOIN pg_cast AS c ON m.classid = 'pg_cast'::regclass AND m.objid = c.oid ORDER BY 1;

SELECT 'operator ' || m.identity || ' ' || o.oprcode::regprocedure || ' ' || o.oprresult::regtype || ' ' ||
       o.oprcom::regoperator || ' ' || o.oprnegate::regoperator || ' ' || o.oprrest || ' ' || o.oprjoin || ' ' ||
       o.oprcanmerge || o.oprcanhash
FROM members AS m JOIN pg_operator AS o ON m.classid = 'pg_operator'::regclass AND m.objid = o.oid ORDER BY 1;

-- What the members depend on, and what depends on them
SELECT 'depends ' || pg_describe_object(d.classid, d.objid, d.objsubid) || ' on ' ||
       pg_describe_object(d.refclassid, d.refobjid, d.refobjsubid) || ' ' || d.deptype::text
FROM members AS m JOIN pg_depend AS d
  ON (d.classid, d.objid) = (m.classid, m.objid) OR (d.refclassid, d.refobjid) = (m.classid, m.objid)
WHERE d.refobjid NOT IN (SELECT c.oid FROM pg_class AS c WHERE c.relname IN ('kept', 'members'))
  AND pg_describe_object(d.classid, d.objid, d.objsubid) !~ '(kept|members)'
ORDER BY 1;

SELECT 'extension ' || extversion || ' ' || extrelocatable || ' ' || coalesce(extconfig::text, '') FROM pg_extension WHERE extname = 'gmm';
SELECT 'initial privileges ' || count(*) FROM pg_init_privs AS i JOIN members AS m ON i.classoid = m.classid AND i.objoid = m.objid;
SQL

# catalogue FILE
catalogue()
{
    psql -X -q -A -t -v ON_ERROR_STOP=1 -f "$dir/catalogue.sql" >"$1" 2>"$dir/errors" ||
        not_ok "the catalogue of $1" "$(cat "$dir/errors")"
}

run()
{
    psql -X -q -A -t -v ON_ERROR_STOP=1 "$@" 2>"$dir/errors"
}

catalogue "$dir/installed"
lines=$(wc -l <"$dir/installed")
if [ "$lines" -gt 500 ]; then ok "the catalogue has $lines lines"; else not_ok "the catalogue has $lines lines"; fi

# The comparison sees what a script may forget.
run <<'SQL'
ALTER FUNCTION gmm_predict(gmm_model, double precision[]) COST 7;
COMMENT ON FUNCTION gmm_bic(gmm_model) IS NULL;
SQL
catalogue "$dir/changed"
seen=$(diff "$dir/installed" "$dir/changed" | grep -c '^>.*\("procost": 7\|gmm_bic\)') || true
if [ "$seen" = 2 ]; then ok "a cost and a comment are compared"; else not_ok "a cost and a comment are compared" "$seen of 2 seen"; fi

run -c "DROP EXTENSION gmm" -c "CREATE EXTENSION gmm"
catalogue "$dir/again"
if cmp -s "$dir/installed" "$dir/again"; then
    ok "the extension created again is the same"
else
    not_ok "the extension created again is the same" "$(diff "$dir/installed" "$dir/again" | head -n 50)"
fi

# update_from VERSION
update_from()
{
    run -c "DROP EXTENSION gmm CASCADE" -c "DROP TABLE IF EXISTS kept_points" -c "CREATE EXTENSION gmm VERSION '$1'"
    run <<'SQL'
CREATE TABLE kept_points AS
SELECT i AS id, ARRAY[i % 3 * 10 + i * 7919 % 1009 / 400.0, i % 5 + i * 31 % 997 / 200.0]::float8[] AS x
FROM generate_series(1, 600) AS i;
CREATE TABLE kept_models AS SELECT gmm_fit(x, 2) AS model FROM kept_points;
CREATE VIEW kept_predictions AS
SELECT id, gmm_predict(model, x) AS component, gmm_logpdf(model, x) AS score FROM kept_points, kept_models;
CREATE INDEX kept_index ON kept_points (gmm_predict('{"weights": [1], "means": [[0, 0]], "covariances": [1], "covariance_type": "spherical"}', x));
SQL
    digest="SELECT md5(string_agg(p::text, ',' ORDER BY id)) FROM kept_predictions AS p"
    wanted=$(run -c "$digest")

    if run -c "ALTER EXTENSION gmm UPDATE" >"$dir/out"; then
        ok "version $1 is updated, with models, a view and an index that use it"
    else
        not_ok "version $1 is updated" "$(cat "$dir/errors")"
    fi
    got=$(run -c "$digest") || got=$(cat "$dir/errors")
    if [ "$wanted" = "$got" ]; then
        ok "the view says what it said"
    else
        not_ok "the view says what it said" "wanted $wanted" "got $got"
    fi

    catalogue "$dir/updated"
    if diff -u "$dir/installed" "$dir/updated" >"$dir/diff"; then
        ok "updating version $1 equals installing"
    else
        not_ok "updating version $1 equals installing" "$(head -n 150 "$dir/diff")"
    fi
}

earlier=$(run -c "
    SELECT p.source FROM pg_extension_update_paths('gmm') AS p
    JOIN pg_available_extension_versions AS v ON v.name = 'gmm' AND v.version = p.source
    JOIN pg_available_extensions AS e ON e.name = 'gmm' AND e.default_version = p.target
    WHERE p.path IS NOT NULL")
for version in $earlier; do update_from "$version"; done
finish
