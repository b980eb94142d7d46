#!/bin/sh
# table_changes.sh: what another session does to a table during gmm_fit_table.
# Either the fit is of the rows that were there when it began, or it fails: no
# rows of another moment or of another table are mixed in without a word.
#
# The filter of the fit calls a gate once in each of its queries.  In the query
# that is chosen the gate lets another session go, and waits for it to be done.
set -eu
. test/t/tap.sh

ask -o /dev/null <<'SQL'
SET client_min_messages = warning;
CREATE TABLE reference AS
SELECT id, sin(id::float8) + 4 * (id % 2) AS x, cos(id::float8 * id) AS y FROM generate_series(1, 20000) AS id;
CREATE SEQUENCE gate_number;
CREATE TABLE gate_closed (number integer);
INSERT INTO gate_closed VALUES (0);

-- the fit has lock 1 and gives it away; the other session has lock 2 until it is done
CREATE FUNCTION gate() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF nextval('public.gate_number') = (SELECT number FROM public.gate_closed) THEN
        PERFORM pg_advisory_unlock(1);
        PERFORM pg_advisory_lock(2);
    END IF;
    RETURN true;
END $$;

-- All that a test changes is in two schemas, made again for each.
CREATE PROCEDURE begin() LANGUAGE plpgsql AS $$
BEGIN
    DROP SCHEMA IF EXISTS a, b CASCADE;
    CREATE SCHEMA a;
    CREATE SCHEMA b;
    CREATE TABLE a.t (LIKE public.reference) PARTITION BY RANGE (id);
    CREATE TABLE a.t1 PARTITION OF a.t FOR VALUES FROM (0) TO (30000);
    INSERT INTO a.t SELECT * FROM public.reference;
    CREATE TABLE a.plain AS TABLE public.reference;
    CREATE VIEW a.v AS TABLE a.plain;
    CREATE TABLE b.more AS SELECT 30000 + id AS id, x + 50 AS x, y FROM public.reference WHERE id <= 3000;
    CREATE TABLE b.t AS TABLE b.more;
    CREATE TABLE b.plain AS TABLE b.more;
    CREATE TABLE b.empty (LIKE public.reference);
    PERFORM setval('public.gate_number', 1, false);
END $$;
CREATE TABLE fits AS SELECT gmm_fit_table('reference', '{x,y}', 3)::text AS model;
SQL
where='(SELECT gate()) AND id <> 5'
ask -c "TRUNCATE fits" -c "INSERT INTO fits SELECT gmm_fit_table('reference', '{x,y}', 3, filter => 'id <> 5')"

# fit RELATION NUMBER STATEMENT...: the fit, with the statements made by another
# session in the query of this number.  Prints "same" for the reference's model,
# "other" for another, or the error; the other session's are in $others.
fit()
{
    relation=$1 number=$2
    shift 2
    ask -o /dev/null -c "SET client_min_messages = warning" -c "CALL begin()" \
        -c "UPDATE gate_closed SET number = $number"
    mkfifo "$dir/locked" "$dir/ready"
    {
        echo "SELECT pg_advisory_lock(1) \\g /dev/null"
        echo "\\! echo >'$dir/locked'"
        echo "\\! read -r line <'$dir/ready'"
        echo "SELECT CASE WHEN gmm_fit_table('$relation', '{x,y}', 3, filter => '$where')::text = model THEN 'same' ELSE 'other' END FROM fits;"
    } | ask >"$dir/fit" 2>&1 &
    fit_pid=$!
    read -r line <"$dir/locked"
    # the echo comes when it has lock 2; then it waits for lock 1
    {
        echo "SELECT pg_advisory_lock(2) \\g /dev/null"
        echo "\\! echo >'$dir/ready'"
        echo "SELECT pg_advisory_lock(1) \\g /dev/null"
        echo "SET lock_timeout = '300ms';"
        for statement; do
            echo "$statement;"
        done
    } | ask >"$dir/others" 2>&1 || true
    wait "$fit_pid" || true
    rm "$dir/locked" "$dir/ready"
    cat "$dir/fit"
}

dir=$(mktemp -d "${TMPDIR:-/tmp}/changes.XXXXXX")
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM HUP

same "nothing is changed" same "$(fit a.t 0)"
queries=$(ask -c "SELECT last_value FROM gate_number")
if [ "$queries" -ge 6 ]; then ok "a fit of $queries queries"; else not_ok "a fit of $queries queries"; fi
changed="ERROR:  the rows of the relation changed during the fit"
middle=$((queries / 2))

# Names: what they stand for was looked up once.
swap="BEGIN; ALTER SCHEMA a RENAME TO c; ALTER SCHEMA b RENAME TO a; ALTER SCHEMA c RENAME TO b; COMMIT"
for number in 1 2 3 $middle "$queries"; do
    same "query $number: two schemas change their names" same "$(fit a.t "$number" "$swap")"
done
same "a view, of which the schemas change their names" same "$(fit a.v 2 "$swap")"
same "its schema has no such name any more" same "$(fit a.plain 2 "ALTER SCHEMA a RENAME TO d" "ALTER SCHEMA b RENAME TO e")"
ask -c "DROP SCHEMA d, e CASCADE" 2>/dev/null
same "a temporary table of that name" same "$(fit a.t 2 "CREATE TEMPORARY TABLE t AS TABLE b.t")"

# Rows that come from where no snapshot reaches.
attach="ALTER TABLE a.t ATTACH PARTITION b.more FOR VALUES FROM (30000) TO (40000)"
for number in 1 2 3 $middle; do
    contains "query $number: a partition is attached" "$changed" "$(fit a.t "$number" "$attach")"
done
same "... after which no row is read" same "$(fit a.t "$queries" "$attach")"
same "one without rows" same "$(fit a.t 2 "ALTER TABLE a.t ATTACH PARTITION b.empty FOR VALUES FROM (30000) TO (40000)")"
contains "a child inherits" "$changed" "$(fit a.plain 2 "ALTER TABLE b.more INHERIT a.plain")"
same "a child of no rows" same "$(fit a.plain 2 "CREATE TABLE b.child () INHERITS (a.plain)")"
contains "it was told how" "REPEATABLE READ" "$(fit a.t 2 "$attach")"

# Rows that a snapshot has.
same "rows are inserted" same "$(fit a.t 2 "INSERT INTO a.t SELECT id + 20000, x + 50, y FROM reference WHERE id < 3000")"
same "rows are deleted" same "$(fit a.t $middle "DELETE FROM a.t WHERE id % 2 = 0")"
same "rows are updated" same "$(fit a.plain $middle "UPDATE a.plain SET x = x + 50 WHERE id % 2 = 0")"

# What a lock keeps off until the end.
for statement in "ALTER TABLE a.plain RENAME TO gone" "DROP TABLE a.plain CASCADE" "TRUNCATE a.plain" \
    "ALTER TABLE a.plain ALTER x TYPE real" "ALTER TABLE a.plain SET SCHEMA b"; do
    same "$statement" same "$(fit a.plain 2 "$statement")"
    contains "has to wait" "lock timeout" "$(cat "$dir/others")"
done
for statement in "DROP TABLE a.t1" "ALTER TABLE a.t DETACH PARTITION a.t1" "TRUNCATE a.t1"; do
    same "$statement" same "$(fit a.t 2 "$statement")"
    contains "has to wait" "lock timeout" "$(cat "$dir/others")"
done
same "a view is replaced" same "$(fit a.v 2 "CREATE OR REPLACE VIEW a.v AS TABLE b.more")"
contains "has to wait" "lock timeout" "$(cat "$dir/others")"

# Rows that are others in each query; of the last filter, all in the first and none in the next.
ask -o /dev/null -c "SELECT setval('gate_number', 1)"
for filter in 'random() < 0.9' 'id < 3000 AND random() < 0.9' "id <> 5 AND (SELECT nextval('gate_number')) % 2 = 0"; do
    contains "volatile: $filter" "$changed" "$(ask -c "SELECT gmm_fit_table('reference', '{x,y}', 3, filter => \$\$$filter\$\$)" 2>&1 || true)"
done
ask -c "CREATE FUNCTION weight(id integer) RETURNS float8 LANGUAGE sql AS 'SELECT 1 + 1e-6 * random()'" \
    -c "CREATE VIEW weighing AS SELECT *, weight(id) AS w FROM reference"
contains "volatile weights" "$changed" "$(ask -c "SELECT gmm_fit_table('weighing', '{x,y}', 3, weight => 'w')" 2>&1 || true)"
# Rows that the first query would have refused, or has not counted, in another.
ask -o /dev/null -c "CREATE SEQUENCE queries"
for columns in 'CASE WHEN n = 1 THEN ARRAY[x, y] ELSE ARRAY[x] END AS v, 1 AS w' \
    'CASE WHEN n = 1 THEN ARRAY[x, y] ELSE ARRAY[x, y, x] END AS v, 1 AS w' \
    'CASE WHEN n = 1 THEN ARRAY[x, y] ELSE ARRAY[NULL, NULL]::float8[] END AS v, 1 AS w' \
    'ARRAY[x, y] AS v, CASE WHEN n = 1 THEN 1 ELSE 0 END AS w' 'ARRAY[x, y] AS v, CASE WHEN n = 1 THEN 1 ELSE -1 END AS w' \
    "ARRAY[x, y] AS v, CASE WHEN n = 1 THEN 1 ELSE float8 'NaN' END AS w" \
    "ARRAY[x, y] AS v, CASE WHEN n = 1 THEN 1 ELSE float8 'Infinity' END AS w"; do
    ask -o /dev/null -c "SET client_min_messages = warning" -c "DROP VIEW IF EXISTS changing" \
        -c "CREATE VIEW changing AS SELECT id, $columns FROM reference, (SELECT nextval('queries') AS n) AS s"
    for rows in 3000 20000; do
        ask -o /dev/null -c "SELECT setval('queries', 1, false)"
        case $(ask -c "SELECT gmm_fit_table('changing', '{v}', 3, NULL, 'w', 'id <= $rows')" 2>&1 || true) in
            *"$changed"* | *"features have "*" but"* | *"weight must"*) ok "$rows rows, $columns" ;;
            *) not_ok "$rows rows, $columns" ;;
        esac
    done
done

# A row that was far from all others, and is so no more when those are asked for: of more
# rows than a sample has.
ask -o /dev/null -c "CREATE TABLE many AS SELECT id, sin(id::float8) + 4 * (id % 2) AS x, cos(id::float8 * id) AS y
    FROM generate_series(1, 60000) AS id"
for query in 1 2; do
    ask -o /dev/null -c "SET client_min_messages = warning" -c "DROP VIEW IF EXISTS moving" \
        -c "CREATE VIEW moving AS SELECT id, x + CASE WHEN id = 7 AND n <= $query THEN 1e4 ELSE 0 END AS x, y
            FROM many, (SELECT nextval('queries') AS n) AS s" -c "SELECT setval('queries', 1, false)"
    contains "query $query is the last that has a far row" "$changed" \
        "$(ask -c "SELECT gmm_fit_table('moving', '{x,y}', 3)" 2>&1 || true)"
done

# Labels are of rows: one that is given or taken away after they were counted is a change,
# or becomes another, whether all distinct rows are in the sample or each iteration asks anew.
for rows in 3000 20000; do
    for query in 2 3 5 7; do
        for label in "CASE WHEN n <= $query AND id % 100 = 0 THEN 1 END" "CASE WHEN n > $query AND id % 100 = 0 THEN 1 END" \
            "CASE WHEN id % 100 = 0 OR n > $query AND id = 5 THEN 1 END" \
            "CASE WHEN id % 100 = 0 AND NOT (n > $query AND id = 500) THEN 1 + id / 100 % 3 END" \
            "CASE WHEN id % 100 = 0 THEN CASE WHEN n > $query AND id = 500 THEN 1 ELSE 1 + id / 100 % 3 END END"; do
            ask -o /dev/null -c "SET client_min_messages = warning" -c "DROP VIEW IF EXISTS relabelled" \
                -c "CREATE VIEW relabelled AS SELECT id, x, y, $label AS l FROM reference, (SELECT nextval('queries') AS n) AS s" \
                -c "SELECT setval('queries', 1, false)"
            answer=$(ask -c "SELECT n_labelled FROM gmm_summary(gmm_fit_table('relabelled', '{x,y}', 3, NULL, NULL, 'id <= $rows', 'l'))" 2>&1 || true)
            # after the last query nothing is read
            if [ "$(ask -c "SELECT last_value FROM queries")" -gt "$query" ]; then
                contains "$rows rows, query $query: $label" "$changed" "$answer"
            else
                case $answer in *ERROR*) not_ok "$rows rows, query $query: $label" "$answer" ;; *) ok "$rows rows, too late: $label" ;; esac
            fi
        done
    done
done
finish
