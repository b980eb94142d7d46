#!/bin/sh
# dump.sh: pg_dump and restore, and binary COPY, bring every model, gmm_stats and
# gmm_sketch back bit for bit.
set -eu
. test/t/tap.sh

dir=$(mktemp -d "${TMPDIR:-/tmp}/dump.XXXXXX")
copy=${PGDATABASE}_copy
trap 'rm -rf "$dir"; psql -X -q -d postgres -c "DROP DATABASE IF EXISTS $copy" >/dev/null 2>&1 || true' EXIT

psql -X -q -v ON_ERROR_STOP=1 <<'SQL'
SET extra_float_digits = 0;
CREATE TABLE points AS
SELECT i AS id, ARRAY[i % 3 * 10 + i * 7919 % 10007 / 5000.0, i * 10477 % 10037 / 3000.0 * 1e-9,
                      i % 5 * 1e9 + i * 31 % 9973 / 2000.0]::float8[] AS x
FROM generate_series(1, 3000) AS i;

-- Every family; of one component and many; far off; with what a fit and a
-- choice among fits know, and built of arrays.
CREATE TABLE models (id serial PRIMARY KEY, model gmm_model NOT NULL, CHECK ((gmm_summary(model)).k > 0));
INSERT INTO models (model)
SELECT gmm_fit(x, k, jsonb_build_object('covariance_type', type, 'max_iter', 7))
FROM points, unnest('{full,tied,diag,spherical}'::text[]) AS type, unnest('{1,2,17}'::integer[]) AS k
GROUP BY type, k;
INSERT INTO models (model)
SELECT gmm_model(ARRAY[1/3.0, 2/3.0], '{{-0,4.9e-324},{1.7976931348623157e308,1e-310}}',
                 '{{2.2250738585072014e-308,1},{1.7976931348623157e308,0.1}}', 'diag', ARRAY['a "name"', E'of \\ two\nlines']);
-- with noise, with labels, with a prior
INSERT INTO models (model) SELECT gmm_fit(x, 2, '{"noise": true, "max_iter": 7}') FROM points;
INSERT INTO models (model) SELECT gmm_fit_labelled(x, CASE WHEN id % 10 < 3 THEN 1 + id % 3 END, 3, '{"max_iter": 7}') FROM points;
INSERT INTO models (model) SELECT gmm_fit(x, 2, '{"prior": true, "max_iter": 7}') FROM points;
-- one that is toasted
INSERT INTO models (model)
SELECT gmm_model(array_fill(1 / 512.0::float8, '{512}'), array_agg(ARRAY[i / 3.0::float8, -i / 7.0]),
                 array_agg(ARRAY[i / 11.0::float8, i / 13.0]), 'diag')
FROM generate_series(1, 512) AS i;
CREATE TABLE stats AS
SELECT m.id, gmm_accumulate(p.x, m.model) AS stats FROM models AS m, points AS p WHERE (gmm_summary(m.model)).d = 3 GROUP BY m.id;
-- one of as many rows as can be counted
INSERT INTO stats
SELECT 100 + id, jsonb_set(stats::text::jsonb, '{n_rows}', '9223372036854775807')::text::gmm_stats FROM stats WHERE id = 1;
-- Of few rows and of many, which are toasted; with weights and NULLs.
CREATE TABLE sketches AS
SELECT size AS id, gmm_sketch(ARRAY[x[1], CASE WHEN id % 4 > 0 THEN x[2] END, x[3]], size, 1 / id::float8) AS sketch
FROM points, unnest('{1,50,2000,5000}'::integer[]) AS size GROUP BY size;
CREATE VIEW predicted AS SELECT p.id, gmm_predict(m.model, p.x) FROM points AS p, models AS m WHERE m.id = 3;
-- what the README recommends of comparisons
CREATE FUNCTION pass() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER differs BEFORE UPDATE ON models FOR EACH ROW
    WHEN (OLD.model <> NEW.model) EXECUTE FUNCTION pass();
CREATE TRIGGER differs_or_null BEFORE UPDATE ON models FOR EACH ROW
    WHEN (OLD.model::text IS DISTINCT FROM NEW.model::text) EXECUTE FUNCTION pass();
CREATE INDEX ON points (gmm_predict('{"weights": [0.5, 0.5], "means": [[0,0,0], [9,0,0]],
    "covariances": [1, 1], "covariance_type": "spherical"}', x));
SQL

# Every bit of everything, in one line
digest="SELECT (SELECT md5(string_agg(encode(gmm_model_send(model), 'hex'), ',' ORDER BY id)) FROM models),
               (SELECT count(*) FROM models),
               (SELECT md5(string_agg(encode(gmm_stats_send(stats), 'hex'), ',' ORDER BY id)) FROM stats),
               (SELECT count(*) FROM stats),
               (SELECT md5(string_agg(encode(gmm_sketch_send(sketch), 'hex'), ',' ORDER BY id)) FROM sketches),
               (SELECT count(*) FROM sketches),
               (SELECT md5(string_agg(predicted::text, ',' ORDER BY id)) FROM predicted),
               (SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'differs%')"
wanted=$(psql -X -A -t -c "$digest")

# restored NAME COMMAND...: what a new database has after the command
restored()
{
    name=$1
    shift
    psql -X -q -d postgres -c "DROP DATABASE IF EXISTS $copy" -c "CREATE DATABASE $copy TEMPLATE template0" >/dev/null 2>&1
    "$@" >"$dir/out" 2>"$dir/errors" || echo "exit status $?" >>"$dir/errors"
    same "$name" "$wanted" "$(psql -X -A -t -d "$copy" -c "$digest" 2>>"$dir/errors")"
    sed 's/^/# /' "$dir/errors"
}
plain()
{
    pg_dump | psql -X -q -v ON_ERROR_STOP=1 -d "$copy"
}
inserts()
{
    pg_dump --inserts --extra-float-digits=0 | psql -X -q -v ON_ERROR_STOP=1 -d "$copy"
}
custom()
{
    pg_dump -Fc >"$dir/custom" && pg_restore -e -d "$copy" "$dir/custom"
}
restored "pg_dump | psql" plain
restored "pg_dump --inserts --extra-float-digits=0 | psql" inserts
restored "pg_dump -Fc, pg_restore" custom

# Binary COPY and CSV, into tables of the same kind
for format in binary csv; do
    same "COPY in format $format" "$wanted" "$(psql -X -q -A -t -v ON_ERROR_STOP=1 2>&1 <<SQL
BEGIN;
\\copy models TO '$dir/models' (FORMAT $format)
\\copy stats TO '$dir/stats' (FORMAT $format)
\\copy sketches TO '$dir/sketches' (FORMAT $format)
DELETE FROM models;
DELETE FROM stats;
DELETE FROM sketches;
\\copy models FROM '$dir/models' (FORMAT $format)
\\copy stats FROM '$dir/stats' (FORMAT $format)
\\copy sketches FROM '$dir/sketches' (FORMAT $format)
$digest;
ROLLBACK;
SQL
)"
done
finish
