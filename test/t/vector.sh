#!/bin/sh
# vector.sh: gmm_vector beside the real pgvector: its types are features in every
# function, with the same results to the bit; nothing of pgvector or of gmm means
# anything else than before; and the examples of doc/vectors.md and README run.
set -eu
. test/t/tap.sh

[ -e "$(pg_config --sharedir)/extension/vector.control" ] ||
    skip_all "pgvector is not installed for this PostgreSQL"

dir=$(mktemp -d "${TMPDIR:-/tmp}/vector.XXXXXX")
base=$PGDATABASE
drop_copy()
{
    psql -X -q -d postgres -c "DROP DATABASE IF EXISTS ${base}_copy" 2>"$dir/dropped" || true
}
trap 'drop_copy; rm -rf "$dir"' EXIT

# --- by an ordinary user, with pgvector in a schema of its own ------------------

ask -o /dev/null -c "DROP EXTENSION gmm" -c "CREATE SCHEMA extensions" \
    -c "CREATE EXTENSION vector SCHEMA extensions" -c "CREATE ROLE ${base}_user" \
    -c "GRANT CREATE ON DATABASE \"$base\" TO ${base}_user" \
    -c "GRANT ALL ON SCHEMA public TO ${base}_user" -c "GRANT USAGE ON SCHEMA extensions TO ${base}_user"
same "an ordinary user creates it, and gmm with it" "gmm gmm_vector" "$(ask -c "SET ROLE ${base}_user" \
    -c "SET client_min_messages = warning" -c "CREATE EXTENSION gmm_vector CASCADE" \
    -c "SELECT string_agg(extname, ' ' ORDER BY extname) FROM pg_extension WHERE extname LIKE 'gmm%'")"
same "it works whatever the search_path" "1" "$(ask -c "SET search_path = extensions" \
    -c "SELECT public.gmm_predict(public.gmm_fit(x::vector, 1), '[1,2]'::vector) FROM (VALUES ('[1,2]'), ('[2,4]'), ('[3,5]')) AS v (x)")"
same "every object has a comment" "" "$(ask -c "
    SELECT pg_describe_object(classid, objid, 0) FROM pg_depend JOIN pg_extension AS e ON refobjid = e.oid
    WHERE extname = 'gmm_vector' AND deptype = 'e' AND obj_description(objid, classid::regclass::text) IS NULL")"
same "relocatable and trusted" "t" "$(ask -c "
    SELECT relocatable AND trusted FROM pg_available_extension_versions WHERE name = 'gmm_vector'")"
ask -o /dev/null -c "DROP EXTENSION gmm_vector" -c "DROP EXTENSION gmm" -c "DROP EXTENSION vector" \
    -c "DROP OWNED BY ${base}_user" -c "DROP ROLE ${base}_user" -c "CREATE EXTENSION vector" -c "CREATE EXTENSION gmm"

# --- pgvector's own, before and after -------------------------------------------

ask -o /dev/null <<'SQL'
CREATE TABLE items AS
SELECT id, ARRAY[id % 3 * 2 + id * 7 % 11 / 8.0, id * 5 % 13 / 4.0 - id % 3, id * 3 % 7 / 2.0]::real[] AS r
FROM generate_series(1, 300) AS id;
ALTER TABLE items ADD v vector(3), ADD h halfvec(3), ADD s sparsevec(3), ADD f double precision[];
UPDATE items SET v = r::vector, h = r::vector::halfvec, s = r::vector::sparsevec, f = r;
CREATE INDEX ON items USING hnsw (v vector_l2_ops);
CREATE INDEX ON items USING ivfflat (h halfvec_cosine_ops) WITH (lists = 2);
SQL
cat >"$dir/own.sql" <<'SQL'
SELECT v <-> '[1,2,3]', v <#> '[1,2,3]', v <=> '[1,2,3]', v <+> '[1,2,3]' FROM items WHERE id = 5;
SELECT h <-> '[1,2,3]', h <#> '[1,2,3]', h <=> '[1,2,3]', h <+> '[1,2,3]' FROM items WHERE id = 5;
SELECT v + v, v - '[1,1,1]', v * v, v || v, h + h, h || h FROM items WHERE id = 5;
SELECT v = v, v <> '[1,2,3]', v < '[1,2,3]', v >= '[1,2,3]', h = h, s = s FROM items WHERE id = 5;
SELECT avg(v), sum(v), avg(h), sum(h) FROM items;
SELECT vector_dims(v), vector_dims(h), vector_norm(v), l2_norm(h), l2_normalize(v), l2_normalize(h) FROM items WHERE id = 5;
SELECT subvector(v, 1, 2), subvector(h, 1, 2), binary_quantize(v), binary_quantize(h) FROM items WHERE id = 5;
SELECT l2_distance(v, '[1,2,3]'), inner_product(v, v), cosine_distance(v, '[1,2,3]'), l1_distance(v, v) FROM items WHERE id = 5;
SELECT v::real[], h::real[], v::halfvec, h::vector, v::sparsevec, v::text FROM items WHERE id = 5;
SELECT ARRAY[1,2,3]::vector, '{1,2,3}'::real[]::vector, ARRAY[1.5,2]::double precision[]::vector, ARRAY[1,2]::numeric[]::halfvec;
SELECT id FROM items ORDER BY v <-> '[1,2,3]', id LIMIT 5;
EXPLAIN (COSTS off) SELECT id FROM items ORDER BY v <-> '[1,2,3]' LIMIT 5;
SELECT count(*) FROM items WHERE v IN ('[1,2,3]', '[0,0,0]') OR v = ANY (ARRAY['[2,2,2]'::vector]);
SELECT count(DISTINCT v), count(DISTINCT h) FROM items;
SELECT count(*) FROM items AS a JOIN items AS b ON a.v = b.v;
SELECT max(v) FROM items;
SELECT array_agg(v) FROM items WHERE id < 3;
SELECT coalesce(v, '[0,0,0]'), greatest(v, '[0,0,0]'), CASE WHEN id > 5 THEN v ELSE '[1,1,1]' END FROM items WHERE id = 5;
SELECT array_length(v, 1) FROM items WHERE id = 5;
SELECT unnest(v) FROM items WHERE id = 5;
SELECT l2_norm(v) FROM items WHERE id = 5;
INSERT INTO items (id, v, h) VALUES (1000, ARRAY[1,2,3], ARRAY[1,2,3]::real[]), (1001, '[1,2,3]', '[3,2,1]') RETURNING v, h;
DELETE FROM items WHERE id >= 1000;
SQL
psql -X -q -A -t -f "$dir/own.sql" >"$dir/before" 2>&1
same "pgvector's operators and functions were asked" yes "$([ "$(wc -l <"$dir/before")" -gt 25 ] && echo yes)"
ask -c "CREATE EXTENSION gmm_vector"
psql -X -q -A -t -f "$dir/own.sql" >"$dir/after" 2>&1
if diff "$dir/before" "$dir/after" >"$dir/diff"; then
    ok "and give what they gave before, errors included"
else
    not_ok "and give what they gave before, errors included" "$(cat "$dir/diff")"
fi

# What the document says of functions for both kinds of arrays
ask -c "CREATE FUNCTION of_two(real[]) RETURNS text LANGUAGE sql AS 'SELECT text ''real'''" \
    -c "CREATE FUNCTION of_two(double precision[]) RETURNS text LANGUAGE sql AS 'SELECT text ''double'''"
same "a function for both real[] and double precision[] wants a cast" "ERROR:  function of_two(vector) is not unique real" \
    "$(psql -X -q -A -t -v VERBOSITY=terse -c 'SELECT of_two(v) FROM items' 2>&1 | sed 's/ at character.*//') $(
    ask -c 'SELECT of_two(v::real[]) FROM items LIMIT 1')"

# --- gmm's functions --------------------------------------------------------------

cat >"$dir/types.sql" <<'SQL'
\set VERBOSITY terse
CREATE TABLE models AS SELECT gmm_fit(f, 3) AS model FROM items;
SELECT equals(gmm_fit(v, 3)::text, gmm_fit(f, 3)::text, 'vector: the same model to the bit'),
       equals(gmm_fit(h, 3)::text, gmm_fit(f, 3)::text, 'halfvec: likewise'),
       equals(gmm_fit(r, 3)::text, gmm_fit(f, 3)::text, 'real[]: likewise'),
       equals(gmm_fit(ARRAY[r[1], r[2], r[3]], 3)::text, gmm_fit(f, 3)::text, 'columns: likewise'),
       equals(gmm_fit_best(v, 1, 4)::text, gmm_fit_best(f, 1, 4)::text, 'gmm_fit_best'),
       equals(gmm_fit(v, 3, '{"covariance_type": "diag"}', id)::text,
              gmm_fit(f, 3, '{"covariance_type": "diag"}', id)::text, 'with options and weights'),
       equals(gmm_refit(v, model)::text, gmm_refit(f, model)::text, 'gmm_refit'),
       equals(gmm_em_step(v, model)::text, gmm_em_step(f, model)::text, 'gmm_em_step'),
       equals(gmm_accumulate(v, model)::text, gmm_accumulate(f, model)::text, 'gmm_accumulate'),
       equals(gmm_svg(v, model), gmm_svg(f, model), 'gmm_svg')
FROM items, models GROUP BY model::text, model;
SELECT equals(gmm_fit_table('items', '{v}', 3)::text, gmm_fit_table('items', '{f}', 3)::text, 'gmm_fit_table: vector'),
       equals(gmm_fit_table('items', '{h}', 3)::text, gmm_fit_table('items', '{f}', 3)::text, 'gmm_fit_table: halfvec');
SELECT ok(bool_and(a IS NOT DISTINCT FROM b AND b IS NOT DISTINCT FROM c), name) FROM (
    SELECT 'gmm_predict', gmm_predict(model, v)::text, gmm_predict(model, f)::text, gmm_predict(model, h)::text FROM items, models UNION ALL
    SELECT 'gmm_predict_proba', gmm_predict_proba(model, v)::text, gmm_predict_proba(model, f)::text, gmm_predict_proba(model, h)::text FROM items, models UNION ALL
    SELECT 'gmm_logpdf', gmm_logpdf(model, v)::text, gmm_logpdf(model, f)::text, gmm_logpdf(model, h)::text FROM items, models UNION ALL
    SELECT 'gmm_entropy', gmm_entropy(model, v)::text, gmm_entropy(model, f)::text, gmm_entropy(model, h)::text FROM items, models UNION ALL
    SELECT 'gmm_mahalanobis', gmm_mahalanobis(model, v)::text, gmm_mahalanobis(model, f)::text, gmm_mahalanobis(model, h)::text FROM items, models UNION ALL
    SELECT 'gmm_outlier_pvalue', gmm_outlier_pvalue(model, v)::text, gmm_outlier_pvalue(model, f)::text, gmm_outlier_pvalue(model, h)::text FROM items, models UNION ALL
    SELECT 'gmm_impute', gmm_impute(model, v)::text, gmm_impute(model, f)::text, gmm_impute(model, h)::text FROM items, models UNION ALL
    SELECT 'gmm_project', gmm_project(gmm_pca(model, 2), v)::text, gmm_project(gmm_pca(model, 2), f)::text, gmm_project(gmm_pca(model, 2), h)::text FROM items, models UNION ALL
    SELECT 'gmm_top', (SELECT string_agg(t::text, ' ') FROM gmm_top(model, v, 2) AS t), (SELECT string_agg(t::text, ' ') FROM gmm_top(model, f, 2) AS t),
           (SELECT string_agg(t::text, ' ') FROM gmm_top(model, h, 2) AS t) FROM items, models
) AS calls (name, a, b, c) GROUP BY name ORDER BY name;
SELECT ok(gmm_predict(model, '{1,2,3}') = gmm_predict(model, ARRAY[1,2,3]), 'literals and arrays of integers mean what they meant'),
       ok(gmm_predict(model, ARRAY[1,2.5,3]) > 0 AND gmm_logpdf(model, '{1,NULL,3}') < 0, 'and those of numeric, and NULLs'),
       ok(gmm_predict(model, NULL::vector) IS NULL, 'a NULL vector') FROM models;
SELECT equals(gmm_fit(v, 3)::text, gmm_fit(w, 3)::text, 'a NULL vector is skipped')
FROM (SELECT v, v AS w FROM items UNION ALL SELECT v, NULL FROM items WHERE false) AS i;
SELECT raises($$SELECT gmm_fit(x, 1) FROM (VALUES ('[1,2]'::vector), ('[1,2,3]')) AS t (x)$$, '2202E', 'features have 3', 'vectors of different length');
SELECT raises($$SELECT gmm_predict(model, '[1,2]'::vector) FROM models$$, '2202E', 'features have 2', 'a vector of other length than the model''s');
SELECT raises($$SELECT gmm_fit(s, 1) FROM items$$, '42883', 'sparsevec', 'sparsevec is left out');
SELECT finish();
SQL
# Tests in SQL have their numbers; these are counted with ours.
ask -F '
' -f test/t/tap.psql -f "$dir/types.sql" >"$dir/tap" 2>&1 || true
while IFS= read -r line; do
    case $line in
        "ok - "*) ok "${line#ok - }" ;;
        "not ok - "*) not_ok "${line#not ok - }" "$(grep -F -A 2 -e "$line" "$dir/tap")" ;;
    esac
done <"$dir/tap"
same "all of them ran" 1 "$(grep -c '^1\.\.' "$dir/tap" || tail -n 3 "$dir/tap")"
same "the cast becomes a part of the plan" 0 \
    "$(ask -c "EXPLAIN (VERBOSE) SELECT gmm_predict(model, v) FROM items, models" | grep -c gmm_vector_to_array || true)"
same "rows go to workers of a parallel plan" yes "$(ask -c "SET parallel_setup_cost = 0" -c "SET parallel_tuple_cost = 0" \
    -c "SET min_parallel_table_scan_size = 0" -c "EXPLAIN SELECT gmm_predict(model, v) FROM items, models" |
    grep -q Gather && echo yes)"

# --- the documents ------------------------------------------------------------------

# run_blocks FILE NEEDS: its blocks that need this, and what they print
run_blocks()
{
    rm -rf "$dir/blocks"
    mkdir "$dir/blocks"
    awk -v dir="$dir/blocks" -f test/blocks.awk "$1" >"$dir/index"
    before=
    while read -r number language line needs heading; do
        file=$dir/blocks/$number
        case $language in
            sql)
                before=
                [ "$needs" = "$2" ] || continue
                # these are there already
                sed 's/^CREATE EXTENSION gmm;$//' "$file.sql" >"$file.run"
                if PAGER='' psql -X -q -v ON_ERROR_STOP=1 <"$file.run" >"$file.out" 2>&1; then
                    ok "$1:$line ($heading)"
                    before=$number
                else
                    not_ok "$1:$line ($heading)" "$(cat "$file.out")"
                fi ;;
            text)
                if [ -z "$before" ]; then continue; fi
                sed 's/ *$//' "$dir/blocks/$before.out" | awk 'NF { last = NR } { l[NR] = $0 } END { for (i = 1; i <= last; i++) print l[i] }' >"$dir/got"
                sed 's/ *$//' "$file.text" >"$dir/wanted"
                if diff -u "$dir/wanted" "$dir/got" >"$dir/diff"; then
                    ok "$1:$line ($heading): what it prints"
                else
                    not_ok "$1:$line ($heading): what it prints" "$(cat "$dir/diff")"
                fi
                before= ;;
        esac
    done <"$dir/index"
}

psql -X -q -d postgres -c "CREATE DATABASE ${base}_copy TEMPLATE template0"
PGDATABASE=${base}_copy
run_blocks doc/vectors.md vector
psql -X -q -d postgres -c "DROP DATABASE ${base}_copy" -c "CREATE DATABASE ${base}_copy TEMPLATE template0"
ask -c "SET client_min_messages = warning" -c "CREATE EXTENSION gmm_vector CASCADE"
run_blocks README.md -
PGDATABASE=$base

ask -c "DROP EXTENSION gmm_vector"
same "without it, vectors are no features" "ERROR:  function gmm_fit(vector, integer) does not exist" \
    "$(psql -X -q -A -t -v VERBOSITY=terse -c 'SELECT gmm_fit(v, 1) FROM items' 2>&1 | sed 's/ at character.*//')"
finish
