#!/bin/sh
# feature_names.sh: names of features in any encoding: converted for the client as
# text is, refused where they are none, and whole behind a parallel plan, whatever
# the client's encoding.
set -eu
. test/t/tap.sh

dir=$(mktemp -d "${TMPDIR:-/tmp}/names.XXXXXX")
database=${PGDATABASE}_utf8
trap 'rm -rf "$dir"; psql -X -q -d postgres -c "DROP DATABASE IF EXISTS $database" >/dev/null' EXIT
psql -X -q -c "CREATE DATABASE $database TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'"
PGDATABASE=$database PGCLIENTENCODING=UTF8
export PGDATABASE PGCLIENTENCODING

# The names are German, and Greek, which LATIN1 has no letters for.
ask <<'SQL'
CREATE EXTENSION gmm;
CREATE TABLE models AS
SELECT 'german' AS language, gmm_model('{1}', '{{0,0}}', '{{1,1}}', 'diag', ARRAY[U&'Gr\00F6\00DFe', U&'Fl\00E4che']) AS model
UNION ALL SELECT 'greek', gmm_model('{1}', '{{0,0}}', '{{1,1}}', 'diag', ARRAY[U&'\03B1', U&'\03B2']);
CREATE TABLE stats AS SELECT language, gmm_accumulate('{1,2}', model) AS stats FROM models GROUP BY 1;
CREATE TABLE received_models (model gmm_model);
CREATE TABLE received_stats (stats gmm_stats);
SQL

# as_encoding ENCODING STATEMENT
as_encoding()
{
    PGCLIENTENCODING=$1 psql -X -q -A -t -v VERBOSITY=sqlstate -c "$2"
}

# hex: of the input
hex()
{
    od -An -v -tx1 | tr -d ' \n'
}

utf8=000000074772c3b6c39f6500000007466cc3a4636865
latin1=000000054772f6df6500000006466ce4636865
for type in model stats; do
    for encoding in UTF8 LATIN1; do
        as_encoding $encoding "COPY (SELECT $type FROM ${type%s}s WHERE language = 'german') TO STDOUT (FORMAT binary)" >"$dir/$type.$encoding"
        case $encoding in UTF8) wanted=$utf8 ;; *) wanted=$latin1 ;; esac
        contains "a binary gmm_$type has the names in $encoding" "$wanted" "$(hex <"$dir/$type.$encoding")"
        as_encoding $encoding "\\copy received_${type%s}s FROM '$dir/$type.$encoding' (FORMAT binary)"
    done
done
same "binary models come back from either" 2 \
    "$(ask -c "SELECT count(*) FROM received_models JOIN models USING (model) WHERE language = 'german'")"
same "and statistics" 2 "$(ask -c "SELECT count(*) FROM received_stats AS r JOIN stats AS s ON r.stats::text = s.stats::text
                                   WHERE language = 'german'")"

for statement in "SELECT model" "COPY (SELECT model"; do
    end="FROM models WHERE language = 'greek'"
    case $statement in COPY*) end="$end) TO STDOUT (FORMAT binary)" ;; esac
    contains "a client that has no such letters: $statement" 22P05 "$(as_encoding LATIN1 "$statement $end" 2>&1)"
done

# A byte of the first name that is none of UTF8, or that ends a string
for byte in ff 00; do
    for type in model stats; do
        as_encoding UTF8 "\\copy (SELECT overlay(b PLACING '\\x$byte' FROM position('\\x72c3b6'::bytea IN b))
            FROM (SELECT gmm_${type}_send($type) AS b FROM ${type%s}s WHERE language = 'german') AS s) TO '$dir/hostile' (FORMAT binary)"
        contains "a byte $byte of a name in a binary gmm_$type" 22021 \
            "$(as_encoding UTF8 "\\copy received_${type%s}s FROM '$dir/hostile' (FORMAT binary)" 2>&1)"
    done
done

# What a worker sends to its leader is not for the client.
ask <<'SQL'
CREATE TABLE points AS SELECT ARRAY[i % 7, i % 5]::float8[] AS x FROM generate_series(1, 20000) AS i;
ANALYZE points;
SQL
answers()
{
    PGCLIENTENCODING=LATIN1 ask -c "SET max_parallel_workers_per_gather = $1" -c "SET parallel_setup_cost = 0" \
        -c "SET parallel_tuple_cost = 0" -c "SET min_parallel_table_scan_size = 0" \
        -c "$2 SELECT md5(gmm_svg(x, model)), md5(gmm_accumulate(x, model)::jsonb ->> 'features'),
                  md5(gmm_em_step(x, model)::jsonb ->> 'features')
            FROM points, (SELECT * FROM models WHERE language = 'greek' OFFSET 0) AS m"
}
same "in a parallel plan as in one that is not" "$(answers 0 '')" "$(answers 2 '')"
contains "whose workers are launched" "Workers Launched: 2" "$(answers 2 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF)')"

finish
