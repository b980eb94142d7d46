#!/bin/sh
# settings.sh: settings that are made before the library is loaded hold, also
# where a parallel query loads it: in a worker, or in the leader.
set -eu
. test/t/tap.sh

ask -o /dev/null <<'SQL'
SET client_min_messages = warning;
CREATE TABLE points AS SELECT id, sin(id::float8) AS x FROM generate_series(1, 20000) AS id;
ALTER TABLE points SET (parallel_workers = 2);
ANALYZE points;
-- What a fit finds, as it is loaded here if it was not before; and whether that
-- is in a worker, which has a leader.
CREATE FUNCTION found(OUT worker boolean, OUT parallel_workers text, OUT log_progress text) LANGUAGE plpgsql PARALLEL SAFE AS $$
BEGIN
    PERFORM gmm_fit(ARRAY[x], 1) FROM (VALUES (1::float8), (2)) AS v (x);
    worker := (SELECT leader_pid IS NOT NULL FROM pg_stat_activity WHERE pid = pg_backend_pid());
    parallel_workers := current_setting('gmm.parallel_workers');
    log_progress := current_setting('gmm.log_progress');
END $$;
SQL

parallel="SET max_parallel_workers_per_gather = 2; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0;
    SET min_parallel_table_scan_size = 0"
rows="SELECT (found()).* FROM points WHERE id % 1000 = 0"
query="SELECT string_agg(DISTINCT worker || ' ' || parallel_workers || ' ' || log_progress, ', ') FROM ($rows) AS f"
shown="SELECT current_setting('gmm.parallel_workers') || ' ' || current_setting('gmm.log_progress')"

contains "the query is parallel" "Parallel Seq Scan" "$(ask -c "$parallel" -c "EXPLAIN (COSTS OFF) $rows")"

# session STATEMENT...: what a session says that has not loaded the library
session()
{
    for statement; do
        set -- "$@" -c "$statement"
        shift
    done
    ask -c "$parallel" "$@" 2>&1 || true
}
lines()
{
    printf '%s\n' "$@"
}

both="SET gmm.parallel_workers = 0; SET gmm.log_progress = on"
load="DO \$\$ BEGIN PERFORM gmm_fit(ARRAY[x], 1) FROM (VALUES (1), (2)) AS v (x); END \$\$"

# The leader has no worker, and so calls all of it in a parallel query.
leader="SET max_parallel_workers = 0"
same "as set before, and kept" "$(lines 'false 0 on' '0 on' 'false 0 on' '0 on')" \
    "$(session "$leader" "$both" "$query" "$shown" "$query" "$shown")"
same "not set" "$(lines 'false -1 off' '-1 off')" "$(session "$leader" "$query" "$shown")"
same "one of them" "$(lines 'false 3 off' '3 off')" \
    "$(session "$leader" "SET gmm.parallel_workers = 3" "$query" "$shown")"
same "changed in the same transaction" "$(lines 'false 0 on' '2 on' 'false 2 on' '2 on')" \
    "$(session "$leader" "$both" "BEGIN" "$query" "SET gmm.parallel_workers = 2" "$shown" "$query" "COMMIT" "$shown")"
same "for a transaction only" "$(lines 'false 0 off' '0 off' '-1 off')" \
    "$(session "$leader" "BEGIN" "SET LOCAL gmm.parallel_workers = 0" "$query" "$shown" "COMMIT" "$shown")"
same "taken back" "$(lines 'false 0 off' '-1 off')" \
    "$(session "$leader" "BEGIN" "SET gmm.parallel_workers = 0" "$query" "ROLLBACK" "$load" "$shown")"
contains "no such number" "invalid value for parameter \"gmm.parallel_workers\": \"many\"" \
    "$(session "$leader" "SET gmm.parallel_workers = 'many'" "$query" "$shown")"
same "of the connection" "$(lines 'false 5 off' '1 off' '5 off')" \
    "$(PGOPTIONS='-c gmm.parallel_workers=5' session "$leader" "$query" "SET gmm.parallel_workers = 1" "$shown" "RESET gmm.parallel_workers" "$shown")"

# A worker is told, whether or not its leader has the library.
worker="SET parallel_leader_participation = off"
for loaded in "" "$load"; do
    name=${loaded:+", the leader has the library"}
    same "in a worker: as set before$name" "$(lines 'true 0 on' '0 on')" \
        "$(session "$worker" "$both" "$loaded" "$query" "$load" "$shown")"
    same "in a worker: not set$name" "$(lines 'true -1 off' '-1 off')" \
        "$(session "$worker" "$loaded" "$query" "$load" "$shown")"
    same "in a worker: of the connection$name" "$(lines 'true 5 off' '5 off')" \
        "$(PGOPTIONS='-c gmm.parallel_workers=5' session "$worker" "$loaded" "$query" "$load" "$shown")"
done

# A fit in the same transaction obeys what it was set to, though it was loaded
# where it could not be: it takes no workers.
same "a fit after it" "$(lines "false 0 off" "t" "0 off")" \
    "$(session "$leader" "SET gmm.parallel_workers = 0" "BEGIN" "$query" \
        "SELECT gmm_fit(ARRAY[x], 2) IS NOT NULL FROM points" "$shown" "COMMIT")"

finish
