#!/bin/sh
# memory.sh: a session that works for long stays as small as it was.
#
# The memory of a backend, by its contexts, after some work and after many
# times as much.  PostgreSQL 14 and later can be asked for it.
# Runs alone: it counts the temporary files of the server.
set -eu
. test/t/tap.sh

version=$(psql -X -A -t -c 'SHOW server_version_num')
[ "$version" -ge 140000 ] || skip_all "PostgreSQL 13 has no pg_backend_memory_contexts"

dir=$(mktemp -d "${TMPDIR:-/tmp}/memory.XXXXXX")
trap 'rm -rf "$dir"' EXIT

cat >"$dir/flat.sql" <<'SQL'
CREATE TABLE points AS
SELECT i AS id, ARRAY[i % 7 * 3 + i * 7919 % 1009 / 400.0, i * 31 % 997 / 300.0]::float8[] AS x
FROM generate_series(1, 2000) AS i;
CREATE TABLE models AS
SELECT k, gmm_fit(x, k, '{"max_iter": 20}') AS model FROM points, generate_series(1, 20) AS k GROUP BY k;
ANALYZE points;
SET max_parallel_workers_per_gather = 0;

CREATE FUNCTION used() RETURNS bigint LANGUAGE sql AS
    'SELECT sum(total_bytes)::bigint FROM pg_backend_memory_contexts';

-- Growth, in bytes, while a statement is run `n` times, after it was run `warm`
-- times.
CREATE PROCEDURE grow(work text, warm integer, n integer, INOUT growth bigint)
LANGUAGE plpgsql AS $$
DECLARE
    before bigint;
BEGIN
    FOR i IN 1..warm + n LOOP
        IF i = warm + 1 THEN
            PERFORM used();
            before := used();
        END IF;
        EXECUTE work;
    END LOOP;
    growth := used() - before;
END
$$;

-- 10^6 calls, of every scoring function, under models that change
SELECT $$SELECT count(gmm_predict(model, x) + gmm_logpdf(model, x) + cardinality(gmm_predict_proba(model, x))
                      + cardinality(gmm_mahalanobis(model, x))) FROM points, models$$ AS scores \gset
CALL grow(:'scores', 1, 1, NULL) \gset few_
CALL grow(:'scores', 1, 7, NULL) \gset many_
SELECT ok(:many_growth - :few_growth <= 65536,
          'a million scores leave nothing: ' || :many_growth || ' bytes, a seventh of them ' || :few_growth);

-- the same in one query, where what a row leaves would pile up until its end
CREATE FUNCTION used_by_scores(n integer) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    most bigint;
BEGIN
    SELECT max(CASE WHEN p.id = 2000 AND g = n THEN used() END) INTO most
    FROM generate_series(1, n) AS g, models AS m, points AS p
    WHERE m.k = 3 AND gmm_predict(m.model, ARRAY[x[1] + g, x[2]]) + gmm_logpdf(m.model, ARRAY[x[1], x[2] + g]) <> 0;
    RETURN most;
END
$$;
SELECT used_by_scores(20) IS NULL AS unused \gset
SELECT used_by_scores(20) AS few \gset
SELECT used_by_scores(250) AS many \gset
SELECT ok(:many - :few <= 262144, 'nor do they within a query: ' || :many || ' bytes, a twelfth of them ' || :few);

-- rows with NULLs, models from models, sets from a lateral join and from a list;
-- without the planner's own memory of what a set was
SET enable_memoize = off;
CREATE FUNCTION used_by_derived(n integer) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    most bigint;
BEGIN
    SELECT max(CASE WHEN p.id = 2000 AND g = n THEN used() END) INTO most
    FROM generate_series(1, n) AS g, models AS m, points AS p,
         LATERAL (SELECT ARRAY[CASE WHEN id % 2 = 0 THEN x[1] + g END, CASE WHEN id % 3 > 0 THEN x[2] END] AS y) AS h,
         LATERAL gmm_top(model, y, 1), LATERAL (SELECT (gmm_top(model, y, 1)).probability) AS t,
         LATERAL gmm_sample(model, 1, id + g) AS s
    WHERE m.k = 3 AND cardinality(gmm_impute(model, y)) + gmm_outlier_pvalue(model, y) > 0
      AND gmm_condition(model, CASE WHEN array_position(y, NULL) > 0 THEN y ELSE '{NULL,1}' END) IS NOT NULL
      AND gmm_marginal(model, '{2}') IS NOT NULL;
    RETURN most;
END
$$;
SELECT used_by_derived(2) IS NULL AS unused \gset
SELECT used_by_derived(2) AS few \gset
SELECT used_by_derived(20) AS many \gset
SELECT ok(:many - :few <= 262144, 'nor does what is made from a model: ' || :many || ' bytes, a tenth of them ' || :few);

-- nor what is said of rows and models, which have names and noise
CREATE TABLE said AS
SELECT model, gmm_marginal(model, '{1}') AS line, gmm_accumulate(x, model) AS stats
FROM (SELECT (m.model::jsonb || '{"noise_weight": 0.1, "noise_least": [-5,-5], "noise_most": [30,10], "features": ["wide","high"]}')::gmm_model AS model
      FROM models AS m WHERE k = 3 OFFSET 0) AS m, points GROUP BY model;
CREATE FUNCTION used_by_words(n integer) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    most bigint;
BEGIN
    SELECT max(CASE WHEN p.id = 2000 AND g = n AND e.element = 2 AND o.element = 2 THEN used() END) INTO most
    FROM generate_series(1, n) AS g, said, points AS p,
         LATERAL (SELECT ARRAY[CASE WHEN id % 2 = 0 OR id = 2000 THEN x[1] + g END, x[2]] AS y) AS h,
         LATERAL gmm_explain(model, y) AS e, LATERAL gmm_explain_component(model, y, 0, 2) AS o
    WHERE gmm_noise(model, y) + gmm_cdf(line, y[2]) + gmm_quantile(line, 1 / (1 + y[2] ^ 2)) +
          gmm_predict(model, y, '{1,2,1}') + gmm_entropy(model, y, '{1,2,1}') IS NOT NULL;
    RETURN most;
END
$$;
SELECT used_by_words(10) IS NULL AS unused \gset
SELECT used_by_words(10) AS few \gset
SELECT used_by_words(60) AS many \gset
SELECT ok(:many - :few <= 262144, 'nor do reasons: ' || :many || ' bytes, a sixth of them ' || :few);
CREATE FUNCTION used_by_models(n integer) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    most bigint;
BEGIN
    SELECT max(CASE WHEN g = n THEN used() END) INTO most
    FROM generate_series(1, n) AS g, said, LATERAL (SELECT gmm_decay(stats, 1.0 / g) AS old) AS s,
         LATERAL gmm_profile(model) AS p, LATERAL gmm_compare(model, gmm_maximize(old)) AS c,
         LATERAL gmm_drift(model, old) AS d, LATERAL gmm_drift_components(model, old) AS o
    WHERE p.rank = 1 AND p.component = 1 AND c.component_a = 1 AND o.component = 1;
    RETURN most;
END
$$;
SELECT used_by_models(100) IS NULL AS unused \gset
SELECT used_by_models(100) AS few \gset
SELECT used_by_models(2000) AS many \gset
SELECT ok(:many - :few <= 262144, 'nor does what is said of models: ' || :many || ' bytes, a twentieth of them ' || :few);

-- fits with labels, noise, a prior and fixed parts; steps with labels; classes joined
CREATE VIEW labelled AS SELECT (id - 1) / 20 AS part, x, CASE WHEN id % 3 = 0 THEN 1 + id % 2 END AS label FROM points;
SELECT $$SELECT count(gmm_predict(model, '{1,1}'))
         FROM (SELECT gmm_union(model, part + 1) AS model
               FROM (SELECT part, gmm_refit_labelled(x, label, step, '{"max_iter": 2, "noise": false, "fixed": [1, "weights"], "prior": "model"}') AS model
                     FROM (SELECT part, gmm_em_step_labelled(x, label, model) AS step
                           FROM (SELECT part, gmm_fit_labelled(x, label, 2, '{"max_iter": 3, "n_init": 1, "noise": true, "prior": true, "features": ["wide", "high"]}') AS model
                                 FROM labelled GROUP BY part) AS f JOIN labelled USING (part) GROUP BY part, model) AS s JOIN labelled USING (part)
                     GROUP BY part, step) AS r) AS u$$ AS known \gset
CALL grow(:'known', 1, 1, NULL) \gset few_
CALL grow(:'known', 1, 10, NULL) \gset many_
SELECT ok(:many_growth - :few_growth <= 65536,
          'fits with all options leave nothing: ' || :many_growth || ' bytes, a tenth of them ' || :few_growth);

-- 10^5 small fits in 10 queries
SELECT $$SELECT count(model) FROM (SELECT gmm_fit(x, 2, '{"max_iter": 3, "n_init": 1}') AS model
             FROM points, generate_series(1, 50) AS copy GROUP BY copy * 1000 + (id - 1) / 10) AS fits$$ AS fits \gset
CALL grow(:'fits', 1, 1, NULL) \gset few_
CALL grow(:'fits', 1, 10, NULL) \gset many_
SELECT ok(:many_growth - :few_growth <= 65536,
          'a hundred thousand fits leave nothing: ' || :many_growth || ' bytes, a tenth of them ' || :few_growth);

-- clusters of models
CREATE FUNCTION many_components(k integer) RETURNS gmm_model LANGUAGE sql AS $$
    SELECT gmm_model(array_agg(1.0 / k::float8), array_agg(ARRAY[i * 7919 % 10007 / 100.0, i * 31 % 9973 / 100.0]),
                     array_agg(1 + i % 7 / 5.0::float8), 'spherical')
    FROM generate_series(1, k) AS i
$$;
CREATE TABLE large_models AS SELECT k, many_components(k) AS model FROM unnest('{50,1000,10000}'::integer[]) AS k;
SELECT $$SELECT count(gmm_clusters(model)) FROM large_models, generate_series(1, 20) WHERE k = 50$$ AS clusters \gset
CALL grow(:'clusters', 1, 1, NULL) \gset few_
CALL grow(:'clusters', 1, 10, NULL) \gset many_
SELECT ok(:many_growth - :few_growth <= 65536,
          'nor do clusters: ' || :many_growth || ' bytes, a tenth of them ' || :few_growth);

-- 100 fits that are cancelled, some while rows are collected, most in the fit
CREATE TABLE many AS
SELECT ARRAY[i % 7 * 3 + i * 7919 % 1009 / 400.0, i * 31 % 997 / 300.0, i % 1013 / 50.0]::float8[] AS x
FROM generate_series(1, 60000) AS i;
ANALYZE many;
SET work_mem = '64kB';
SQL

# One cancelled fit, after some milliseconds.
cancelled()
{
    cat <<SQL
SET statement_timeout = $1;
SELECT gmm_fit(x, 8, '{"max_iter": 100000, "tol": 0}') FROM many;
\set cancelled :cancelled :SQLSTATE ' '
SQL
}

# The same of clusters, which would take minutes.
cancelled_clusters()
{
    cat <<SQL
SET statement_timeout = $1;
SELECT gmm_clusters(model) FROM large_models WHERE k = 10000;
\set cancelled :cancelled :SQLSTATE ' '
SQL
}

{
    echo "SET work_mem = '64kB';"
    echo "\\set ON_ERROR_STOP off"
    echo "\\set cancelled ''"
    for i in 1 2 3 4 5; do cancelled $((i * 40)); done
    echo "RESET statement_timeout;"
    echo "SELECT used() AS unused \\gset"
    echo "SELECT used() AS before \\gset"
    echo "\\set cancelled ''"
    i=0
    while [ "$i" -lt 100 ]; do
        i=$((i + 1))
        cancelled $((i * 2))
    done
    cat <<'SQL'
RESET statement_timeout;
SELECT used() - :before AS growth \gset
SELECT ok(:growth <= 65536, 'a hundred cancelled fits leave nothing: ' || :growth || ' bytes');
SELECT equals((SELECT count(*) FROM regexp_matches(:'cancelled', '57014', 'g')), 100::bigint, 'and all were cancelled');
SELECT equals((SELECT count(*) FROM pg_ls_tmpdir()), 0::bigint, 'no file is left');
SQL
    cancelled_clusters 20
    echo "RESET statement_timeout;"
    echo "SELECT used() AS before \\gset"
    echo "\\set cancelled ''"
    for i in 10 30 100; do cancelled_clusters "$i"; done
    cat <<'SQL'
RESET statement_timeout;
SELECT used() - :before AS growth \gset
SELECT ok(:growth <= 65536, 'nor do clusters that are cancelled leave anything: ' || :growth || ' bytes');
SELECT equals((SELECT count(*) FROM regexp_matches(:'cancelled', '57014', 'g')), 3::bigint, 'all of which were');

-- What is used at once shows in a session that has done nothing else.  The ways between
-- all pairs of 1,000 components would be 16 MB.
\connect
SET search_path = public, tap;
CREATE FUNCTION peak() RETURNS bigint LANGUAGE sql AS
    $$SELECT substring(pg_read_file('/proc/self/status', 0, 100000) FROM 'VmHWM:\s*(\d+) kB')::bigint * 1024$$;
SELECT count(gmm_clusters(model)) AS unused, count(peak()) AS peak_unused FROM large_models WHERE k = 50 \gset
SELECT peak() AS before \gset
SELECT max(c) AS n_clusters FROM large_models, unnest(gmm_clusters(model)) AS c WHERE k = 1000 \gset
SELECT ok(peak() - :before <= 6 * 1048576 AND :n_clusters > 1,
          'clusters of 1,000 components need little at once: ' || peak() - :before || ' bytes');
SQL
} >"$dir/cancel.sql"

psql -X -q -A -t -v ON_ERROR_STOP=1 -f test/t/tap.psql -f "$dir/flat.sql" -f "$dir/cancel.sql" \
    -c 'SELECT finish()' 2>"$dir/errors" || true
grep -v 'canceling statement' "$dir/errors" | sed 's/^/# /'
