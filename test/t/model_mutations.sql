-- Models with random damage to their text and binary forms: each is refused
-- by an error that says why, or is a model that survives a round trip.  The
-- server must survive all of them.

\set seed 0.25
SELECT '# seed ' || :'seed';
SELECT ok(setseed(:seed) IS NOT NULL, 'seeded');

CREATE TABLE models (id serial, model gmm_model);
INSERT INTO models (model) VALUES
    (gmm_model('{0.25,0.75}', '{{0,1},{2,3}}', '{{{1,0.5},{0.5,2}},{{3,-1},{-1,4}}}')),
    (gmm_model('{0.25,0.75}', '{{0,1},{2,3}}', '{{1,0.5},{0.5,2}}', 'tied')),
    (gmm_model('{0.5,0.25,0.25}', '{{0},{2},{4}}', '{{1e-300},{3.25},{1e300}}', 'diag')),
    (gmm_model('{0.25,0.75}', '{{0,1e100},{-2e-100,3}}', '{1,2}', 'spherical')),
    ((gmm_model('{0.25,0.75}', '{{0,1},{2,3}}', '{1,2}', 'spherical')::jsonb ||
      '{"noise_weight": 0.125, "noise_least": [-5,-2.5], "noise_most": [5,1e100]}')::gmm_model),
    ('{"weights": [1], "means": [0.1], "covariances": [1], "n_rows": 5, "sum_weights": 5,
       "log_likelihood": -3.5, "iterations": 1, "converged": true, "n_starts": 2, "n_best_starts": 1}'),
    ('{"covariance_type": "spherical", "weights": [0.5,0.5], "means": [0.1,2], "covariances": [1,3], "n_rows": 9,
       "sum_weights": 5, "log_likelihood": -3.5, "iterations": 1, "converged": true, "n_starts": 2, "n_best_starts": 1,
       "entropy": 0.75, "log_density_stddev": 1.25, "reg_covar": 1e-9, "n_incomplete": 3, "n_reseeded": 1, "n_omitted": 2, "log_prior": -7.5, "n_labelled": 2, "criterion": "icl", "trials":
       [{"k": 1, "covariance_type": "full", "log_likelihood": -4, "entropy": 0, "iterations": 1, "converged": true,
         "n_starts": 1, "n_best_starts": 1, "n_suspect": 0},
        {"k": 2, "covariance_type": "spherical", "log_likelihood": -3.5, "entropy": 0.75, "iterations": 1,
         "converged": true, "n_starts": 2, "n_best_starts": 1, "n_suspect": 1}]}');

-- What a person could do about it: syntax, values, ranges, limits, and the
-- protocol's and encoding's own.
CREATE FUNCTION is_explained(state text) RETURNS boolean LANGUAGE sql AS $$
    SELECT state IN ('22P02', '22P03', '22P05', '22003', '22021', '22023', '54000', '08P01')
$$;

-- An integer from 1 to n.
CREATE FUNCTION die(n integer) RETURNS integer LANGUAGE sql VOLATILE AS
    'SELECT 1 + floor(random() * n)::integer';

CREATE FUNCTION damage(input text) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    alphabet CONSTANT text := '{}[]",:0123456789.eE+-ntf \';
    place integer;
BEGIN
    FOR i IN 1..die(2) LOOP
        place := die(length(input));
        input := CASE die(8)
            WHEN 1 THEN overlay(input PLACING substr(alphabet, die(length(alphabet)), 1) FROM place)
            WHEN 2 THEN overlay(input PLACING '' FROM place FOR die(8))
            WHEN 3 THEN overlay(input PLACING substr(input, place, die(20)) FROM die(length(input)) FOR 0)
            WHEN 4 THEN substr(input, 1, place) || substr(input, die(length(input)))
            ELSE overlay(input PLACING translate(substr(input, place, 1), '0123456789',
                         substr('5120934786', die(10)) || '5120934786') FROM place)
        END;
    END LOOP;
    RETURN input;
END
$$;

CREATE FUNCTION damage(input bytea) RETURNS bytea LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    FOR i IN 1..die(2) LOOP
        input := CASE die(6)
            WHEN 1 THEN substr(input, 1, die(length(input)))
            WHEN 2 THEN input || substr(input, die(length(input)), die(16))
            WHEN 3 THEN set_byte(input, die(least(12, length(input))) - 1, die(256) - 1)
            ELSE set_byte(input, die(length(input)) - 1, die(256) - 1)
        END;
    END LOOP;
    RETURN input;
END
$$;

-- 'valid', 'changed' where a round trip changes it, or the SQLSTATE.
CREATE FUNCTION read_text(input text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    model gmm_model;
BEGIN
    model := input;
    RETURN CASE WHEN gmm_model_send(model) = gmm_model_send(model::text::gmm_model)
                THEN 'valid' ELSE 'changed' END;
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE;
END
$$;

-- The same for a binary form: a bytea's binary form is its bytes.
CREATE TABLE received (model gmm_model);
CREATE FUNCTION read_binary(input bytea) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    file text := current_setting('data_directory') || '/mutation.bin';
    answer text;
BEGIN
    EXECUTE format('COPY (SELECT %L::bytea) TO %L (FORMAT binary)', input, file);
    DELETE FROM received;
    EXECUTE format('COPY received FROM %L (FORMAT binary)', file);
    SELECT CASE WHEN gmm_model_send(model) = input
                 AND gmm_model_send(model::text::gmm_model) = input
                THEN 'valid' ELSE 'changed' END
    INTO answer FROM received;
    RETURN answer;
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE;
END
$$;

CREATE TABLE texts AS
SELECT input, read_text(input) AS answer
FROM (SELECT damage(model::text) AS input FROM models, generate_series(1, 1000) OFFSET 0) AS d;

SELECT equals((SELECT input FROM texts WHERE answer = 'changed' LIMIT 1), NULL,
              'a damaged text that is a model survives a round trip');
SELECT equals((SELECT answer || ' for ' || input FROM texts
               WHERE answer NOT IN ('valid', 'changed') AND NOT is_explained(answer) LIMIT 1), NULL,
              'any other is refused with a reason');
SELECT ok(count(*) FILTER (WHERE answer = 'valid') > 50 AND
          count(*) FILTER (WHERE answer = '22P02') > 50 AND
          count(*) FILTER (WHERE answer = '22023') > 50, 'and there are many of each')
FROM texts;

CREATE TABLE binaries AS
SELECT input, read_binary(input) AS answer
FROM (SELECT damage(gmm_model_send(model)) AS input FROM models, generate_series(1, 400) OFFSET 0) AS d;

SELECT equals((SELECT input FROM binaries WHERE answer = 'changed' LIMIT 1), NULL,
              'a damaged binary form that is a model survives a round trip');
SELECT equals((SELECT answer || ' for ' || input FROM binaries
               WHERE answer NOT IN ('valid', 'changed') AND NOT is_explained(answer) LIMIT 1), NULL,
              'any other is refused with a reason');
SELECT ok(count(*) FILTER (WHERE answer = 'valid') > 50 AND
          count(*) FILTER (WHERE answer = '22P03') > 50 AND
          count(*) FILTER (WHERE answer = '22023') > 50, 'and there are many of each')
FROM binaries;

SELECT finish();
