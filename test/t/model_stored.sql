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
    ('with names', '{"weights": [1], "means": [[0, 1]], "covariances": [[2, 3]], "covariance_type": "diag", "features": ["a", "bc"]}'),
    ('spherical', '{"weights": [1], "means": [[0, 1, 2]], "covariances": [2], "covariance_type": "spherical"}'),
    ('fitted and chosen', '{"weights": [1], "means": [0], "covariances": [1], "n_rows": 5,
        "sum_weights": 5, "log_likelihood": -3, "iterations": 1, "converged": true, "n_starts": 2,
        "n_best_starts": 1, "entropy": 0, "log_density_stddev": 1.25, "reg_covar": 1e-9, "n_incomplete": 2, "n_reseeded": 0, "n_omitted": 1,
        "criterion": "aic", "trials": [{"k": 1, "covariance_type": "full", "log_likelihood": -3,
            "entropy": 0, "iterations": 1, "converged": true, "n_starts": 2, "n_best_starts": 1,
            "n_suspect": 0}]}')) AS v (name, text);

SELECT ok(model::raw_model::text::raw_model::gmm_model = model AND
          model::raw_model::text::raw_model::gmm_model::text = model::text, name || ': the bytes are the value')
FROM models;

-- A model of one component and one dimension is its header and three numbers.
SELECT octet_length('{"weights": [1], "means": [0], "covariances": [1]}'::gmm_model::raw_model::text::bytea) - 24 AS header \gset

-- A value cut short anywhere, or longer by a byte, is not of the size that its
-- header says.
SELECT raises(format('SELECT (%L)::raw_model::gmm_model::text', '\x' || left(bytes, 2 * n)), 'XX001',
              CASE WHEN n < :header THEN 'too short' ELSE 'does not agree' END, name || ' cut to ' || n || ' bytes')
FROM (SELECT name, substr(model::raw_model::text, 3) AS bytes FROM models) AS m, generate_series(0, length(bytes) / 2 - 1, 13) AS n;
SELECT raises(format('SELECT (%L)::raw_model::gmm_model::text', model::raw_model::text || '00'), 'XX001', 'does not agree',
              name || ' longer by a byte')
FROM models;

-- The bytes of the header: version, family, flags (2), k (4), d (4), and at its
-- end the number of trials (4), the bytes of names (4) and 0 (4).  The byte order shows in where the 1 of k = 1 is.
CREATE TABLE base AS SELECT '{"weights": [1], "means": [0], "covariances": [1]}'::gmm_model::raw_model::text::bytea AS bytes,
    (SELECT model::raw_model::text::bytea FROM models WHERE name = 'with names') AS named;
SELECT get_byte(bytes, 4) = 1 AS little_endian FROM base \gset
\if :little_endian
SELECT raises(format('SELECT gmm_model_send((%L)::raw_model::gmm_model)', wrong), 'XX001', message, name)
FROM base, LATERAL (VALUES
    ('a value of an unknown version is refused', set_byte(bytes, 0, 2), 'unknown version 2'),
    ('so is one of version 0', set_byte(bytes, 0, 0), 'unknown version 0'),
    ('one of an unknown family', set_byte(bytes, 1, 4), 'does not agree'),
    ('one of another k', set_byte(bytes, 4, 2), 'does not agree'),
    ('one of k = 0', set_byte(bytes, 4, 0), 'does not agree'),
    ('one of k below 0', overlay(bytes PLACING '\xfeffffff' FROM 5), 'does not agree'),
    ('one of another d', set_byte(bytes, 8, 2), 'does not agree'),
    ('one of d = 0', set_byte(bytes, 8, 0), 'does not agree'),
    ('one with more trials than are there', set_byte(bytes, :header - 12, 1), 'does not agree'),
    ('one with a negative number of trials', overlay(bytes PLACING '\xffffffff' FROM :header - 11), 'does not agree'),
    ('one with names that are not there', set_byte(bytes, :header - 8, 2), 'does not agree'),
    ('one with names of a negative size', overlay(bytes PLACING '\xffffffff' FROM :header - 7), 'does not agree'),
    ('one with more names than features', set_byte(named, octet_length(named) - 3, 0), 'does not have a name for each feature'),
    ('one with a name that has no end', set_byte(named, octet_length(named) - 1, 65), 'does not have a name for each feature')
) AS v (name, wrong, message);
\endif

SELECT finish();
