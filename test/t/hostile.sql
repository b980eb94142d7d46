-- Values at the ends of what a double and an integer hold: refused with an
-- error for the user, never a wrapped size, a crash or a model of nonsense.

-- --- found by fuzzing ---

SELECT raises($$SELECT gmm_refit(ARRAY[x], '{"weights": [1], "means": [[1e308]], "covariances": [1], "covariance_type": "spherical"}')
                FROM (VALUES (0.0), (1)) AS t (x)$$, '22003', 'out of range',
              'a model too far from the rows to continue');
SELECT raises($$SELECT gmm_fit(ARRAY[x], 2, NULL, 1e290) FROM (VALUES (-1e99), (1e99), (3)) AS t (x)$$,
              '22003', 'out of range', 'weights too large for the squares of the features');
SELECT raises($$SELECT gmm_fit(ARRAY[x], 2, '{"reg_covar": 1e308}') FROM (VALUES (-1e9), (1e9), (3)) AS t (x)$$,
              '22023', 'must be a number from 0 to 1e15', 'a bound too large for a double');

-- --- sizes ---

SELECT raises($$SELECT gmm_fit('{1}', k)
                FROM (VALUES (2147483647)) AS t (k) GROUP BY k$$, '22023', 'k must be from 1 to 10000', 'k of 2^31 - 1');
SELECT raises($$SELECT gmm_fit('{1}', (-2147483648)::integer)$$, '22023', 'k must be from 1 to 10000', 'k of -2^31');
SELECT raises(format('SELECT gmm_fit(ARRAY[x], %s) FROM generate_series(1, 9) AS x', k), '22023', 'k must be from 1 to 10000, not ' || k, 'k of ' || k)
FROM unnest('{9223372036854775807,-9223372036854775808,4294967298,0}'::bigint[]) AS k;
SELECT raises(statement, '22023', message, statement)
FROM (VALUES ('SELECT gmm_fit_best(ARRAY[x], 4294967297, 4294967298) FROM generate_series(1, 9) AS x', 'k_min must be from 1 to 10000, not 4294967297'),
             ('SELECT gmm_fit_best(ARRAY[x], 1, 4294967298) FROM generate_series(1, 9) AS x', 'k_max must be from 1 to 10000, not 4294967298'),
             ('SELECT gmm_fit_table(''pg_class'', ''{relpages}'', 4294967298)', 'k must be from 1 to 10000, not 4294967298')) AS s (statement, message);
SELECT equals((SELECT count(*) FROM gmm_top('{"weights": [0.5, 0.5], "means": [0, 1], "covariances": [1, 1]}', '{0}', 4294967297)),
              2::bigint, 'gmm_top asked for 2^32 + 1 components');
SELECT raises($$SELECT gmm_fit(array_fill(1::float8, '{4097}'), 1)$$, '54000', 'at most 4096 elements, not 4097', 'd above its limit');
SELECT raises($$SELECT gmm_fit(array_fill(1::float8, '{4096}'), 10000)$$, '54000', 'too large', 'k and d at their limits together');
SELECT raises($$SELECT gmm_fit(array_fill(1::float8, '{4096}'), 10000, '{"covariance_type": "diag"}')$$, '54000', 'too large',
              'the same with diagonal covariances');
SELECT ok((gmm_summary(m)).d = 4096 AND (gmm_summary(m)).k = 1, 'd at its limit')
FROM (SELECT gmm_fit(array_fill(i::float8, '{4096}'), 1, '{"covariance_type": "diag"}') AS m
      FROM generate_series(1, 3) AS i) AS f;
SELECT raises($$SELECT gmm_model(array_fill(1e-9::float8, '{1000000}'), '{{1}}', '{{{1}}}')$$, '54000', 'too large',
              'a million weights');
SELECT raises($$SELECT gmm_model('{1}', array_fill(1::float8, '{1,1000000}'), '{{{1}}}')$$, '54000', 'too large',
              'a million dimensions');

-- A bytea's binary form is its bytes.
CREATE TABLE received (model gmm_model);
CREATE FUNCTION receive(bytes bytea) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    file text := current_setting('data_directory') || '/hostile.bin';
BEGIN
    EXECUTE format('COPY (SELECT %L::bytea) TO %L (FORMAT binary)', bytes, file);
    EXECUTE format('COPY received FROM %L (FORMAT binary)', file);
END
$$;
SELECT raises(format('SELECT receive(%L)', bytes), state, part, name)
FROM (VALUES ('binary k of 2^31 - 1', '\x010000007fffffff00000001', '54000', 'too large'),
             ('binary d of 2^31 - 1', '\x01000000000000017fffffff', '54000', 'too large'),
             ('binary k times d of 2^32', '\x010000000001000000010000', '54000', 'too large'),
             ('binary k and d above their limits by one', '\x010000000000271100001001', '54000', 'too large'),
             ('binary k of -1', '\x01000000ffffffff00000001', '22023', 'at least one component')
     ) AS v (name, bytes, state, part);

-- --- soft errors, where the server has them ---

SELECT current_setting('server_version_num')::integer >= 160000 AS soft \gset
\if :soft
SELECT equals(pg_input_is_valid(input, type), valid, 'soft errors: ' || type || ' ' || input)
FROM (VALUES ('gmm_model', '{"weights": [1], "means": [[0]], "covariances": [[[1]]]}', true),
             ('gmm_model', '{"weights": [1], "means": [[0]], "covariances": [[[-1]]]}', false),
             ('gmm_model', '{"weights": [2], "means": [[0]], "covariances": [[[1]]]}', false),
             ('gmm_model', '{"weights": [1], "means": [[0, 1]], "covariances": [[[1]]]}', false),
             ('gmm_model', '{"weights": [1e400]}', false),
             ('gmm_model', '{"weights"', false),
             ('gmm_model', '{"weights": "x"}', false),
             ('gmm_model', '{"k": 1e9, "weights": [1], "means": [[0]], "covariances": [[[1]]]}', false),
             ('gmm_model', '', false),
             ('gmm_stats', '{"weights": [1], "means": [[0]], "covariances": [[[1]]]}', false),
             ('gmm_stats', '{"weights": [1], "means": [[0]], "covariances": [[[1]]], "n_rows": 1, "sum_weights": 1,
                "log_likelihood": -1, "log_density_squares": 2, "component_weights": [1], "firsts": [[0]], "seconds": [[[1]]]}', true),
             ('gmm_stats', '{"weights": [1], "means": [[0]], "covariances": [[[1]]], "n_rows": 1, "sum_weights": 1,
                "log_likelihood": -1, "log_density_squares": 2, "component_weights": [-1], "firsts": [[0]], "seconds": [[[1]]]}', false),
             ('gmm_stats', '[]', false)
     ) AS v (type, input, valid);

-- each check of a sketch, from its first byte to its sums
SELECT equals(pg_input_is_valid(input, 'gmm_sketch'), valid, 'soft errors: gmm_sketch, ' || what)
FROM (SELECT gmm_sketch(ARRAY[g, 0.1 * g], 2)::text AS text FROM generate_series(1, 3) AS g) AS s,
     LATERAL (VALUES ('as it is', text, true),
                     ('empty', '', false),
                     ('json', '{}', false),
                     ('a letter', overlay(text PLACING 'z' FROM 9), false),
                     ('half a byte', substr(text, 1, length(text) - 1), false),
                     ('half a header', substr(text, 1, 12), false),
                     ('another version', overlay(text PLACING '77' FROM 3), false),
                     ('an unknown flag', overlay(text PLACING '80' FROM 5), false),
                     ('a size of 0', overlay(text PLACING '00000000' FROM 7), false),
                     ('no rows', overlay(text PLACING '00000000' FROM 23), false),
                     ('one byte less', substr(text, 1, length(text) - 2), false),
                     ('an infinite value', regexp_replace(text, '(3ff0|4000|4008)000000000000', '7ff0000000000000'), false),
                     ('fewer rows than are kept', overlay(text PLACING '0000000000000001' FROM 31), false),
                     ('counts whose sum is out of range', regexp_replace(text, '(0000000000000001){2}', '7fffffffffffffff7fffffffffffffff'), false),
                     ('no flag of the rows left out', overlay(text PLACING '00' FROM 5), false)
             ) AS v (what, input, valid);
\endif

SELECT finish();
