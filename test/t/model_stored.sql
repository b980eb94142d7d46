-- The bytes of a stored model: a value that no version wrote, or that is shorter
-- or longer than its header says, is refused before it is looked into.  (Text
-- and binary form are validated when they come in; what lies in a table only is
-- read.)

-- Bytes become a stored value by a type of the same layout that reads them.
SET client_min_messages = error;
CREATE TYPE raw_model;
CREATE FUNCTION raw_model_in(cstring) RETURNS raw_model LANGUAGE internal IMMUTABLE STRICT AS 'byteain';
CREATE FUNCTION raw_model_out(raw_model) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'byteaout';
CREATE TYPE raw_model (INPUT = raw_model_in, OUTPUT = raw_model_out, LIKE = gmm_model);
CREATE CAST (raw_model AS gmm_model) WITHOUT FUNCTION;
CREATE CAST (gmm_model AS raw_model) WITHOUT FUNCTION;

CREATE TABLE models AS
SELECT name, text::gmm_model AS model FROM (VALUES
    ('of every family: full', '{"weights": [0.25, 0.75], "means": [[0], [5]], "covariances": [1, 2]}'),
    ('tied', '{"weights": [1], "means": [[0, 1]], "covariances": [[2, 1], [1, 3]], "covariance_type": "tied"}'),
    ('diag', '{"weights": [1], "means": [[0, 1]], "covariances": [[2, 3]], "covariance_type": "diag"}'),
    ('spherical', '{"weights": [1], "means": [[0, 1, 2]], "covariances": [2], "covariance_type": "spherical"}'),
    ('fitted and chosen', '{"weights": [1], "means": [0], "covariances": [1], "n_rows": 5,
        "sum_weights": 5, "log_likelihood": -3, "iterations": 1, "converged": true, "n_starts": 2,
        "n_best_starts": 1, "entropy": 0, "reg_covar": 1e-9, "n_incomplete": 2, "n_reseeded": 0,
        "criterion": "aic", "trials": [{"k": 1, "covariance_type": "full", "log_likelihood": -3,
            "entropy": 0, "iterations": 1, "converged": true, "n_starts": 2, "n_best_starts": 1,
            "n_suspect": 0}]}')) AS v (name, text);

SELECT ok(model::raw_model::text::raw_model::gmm_model = model AND
          model::raw_model::text::raw_model::gmm_model::text = model::text, name || ': the bytes are the value')
FROM models;

-- A value cut short anywhere, or longer by a byte, is not of the size that its
-- header says.
SELECT raises(format('SELECT (%L)::raw_model::gmm_model::text', '\x' || left(bytes, 2 * n)), 'XX001',
              CASE WHEN n < 92 THEN 'too short' ELSE 'does not agree' END, name || ' cut to ' || n || ' bytes')
FROM (SELECT name, substr(model::raw_model::text, 3) AS bytes FROM models) AS m, generate_series(0, length(bytes) / 2 - 1, 13) AS n;
SELECT raises(format('SELECT (%L)::raw_model::gmm_model::text', model::raw_model::text || '00'), 'XX001', 'does not agree',
              name || ' longer by a byte')
FROM models;

-- The byte order shows in where the 1 of k = 1 stands.
SELECT substr('{"weights": [1], "means": [0], "covariances": [1]}'::gmm_model::raw_model::text, 11, 8) = '01000000'
    AS little_endian \gset
\if :little_endian
SELECT raises(format('SELECT gmm_model_send((%L)::raw_model::gmm_model)', '\x' || header || repeat('00', length / 2)),
              'XX001', message, name)
FROM (VALUES ('a value of an unknown version is refused', '02020000' || '01000000' || '02000000', 200, 'unknown version 2'),
             ('so is one of version 0', '00020000' || '01000000' || '02000000', 200, 'unknown version 0'),
             ('one that is shorter than its header', '01', 20, 'too short'),
             ('one shorter than its values', '01020000' || '01000000' || '02000000', 160, 'does not agree'),
             ('one of an unknown family', '01040000' || '01000000' || '02000000', 200, 'does not agree'),
             ('one of k = 0', '01020000' || '00000000' || '02000000', 200, 'does not agree'),
             ('one of d below 0', '01020000' || '01000000' || 'feffffff', 200, 'does not agree'),
             ('one of another length than its trials need',
              '01020000' || '01000000' || '02000000' || repeat('00', 44) || '01000000', 144, 'does not agree'),
             ('one of a negative number of trials',
              '01020000' || '01000000' || '02000000' || repeat('00', 44) || 'ffffffff', 72, 'does not agree')
     ) AS v (name, header, length, message);
\endif

SELECT finish();
