-- Promise 10: what is stored stays readable.  test/data/models_1.0.csv holds
-- models as version 1.0 of the extension wrote them, in each of its forms:
-- sent, what gmm_model_send() gave; stored, the bytes of the value as they lay
-- in a table (of a machine that is little-endian, as those on which such a
-- table may be found now); text.

CREATE TABLE kept (name text, sent bytea, stored bytea, text text);
\copy kept FROM 'test/data/models_1.0.csv' CSV HEADER

-- Bytes become a stored value by a type of the same layout that reads them.
SET client_min_messages = error;
CREATE TYPE raw_model;
CREATE FUNCTION raw_model_in(cstring) RETURNS raw_model LANGUAGE internal IMMUTABLE STRICT AS 'byteain';
CREATE FUNCTION raw_model_out(raw_model) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'byteaout';
CREATE TYPE raw_model (INPUT = raw_model_in, OUTPUT = raw_model_out, LIKE = gmm_model);
CREATE CAST (raw_model AS gmm_model) WITHOUT FUNCTION;
CREATE CAST (gmm_model AS raw_model) WITHOUT FUNCTION;

-- The byte order shows in where the 1 of k = 1 stands.
SELECT substr('{"weights": [1], "means": [0], "covariances": [1]}'::gmm_model::raw_model::text, 11, 8) = '01000000'
    AS little_endian \gset

-- A model sent by 1.0, received.
CREATE TABLE received (name text, model gmm_model);
SELECT current_setting('data_directory') || '/models.bin' AS file \gset
CREATE FUNCTION receive(file text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    one record;
BEGIN
    FOR one IN SELECT * FROM kept LOOP
        EXECUTE format('COPY (SELECT %L::text, %L::bytea) TO %L (FORMAT binary)', one.name, one.sent, file);
        EXECUTE format('COPY received FROM %L (FORMAT binary)', file);
    END LOOP;
END
$$;
SELECT receive(:'file') \g /dev/null

-- What a text of 1.0 said, every key of it, and the parameters to the last bit.
CREATE FUNCTION says_as_much(model gmm_model, old text) RETURNS boolean LANGUAGE sql AS
$$SELECT model::jsonb @> old::jsonb AND old::gmm_model::jsonb = model::jsonb
     AND gmm_model_send(model) = gmm_model_send(old::gmm_model)$$;

SELECT equals(count(*), 10::bigint, 'models of every family, fitted and not, are kept') FROM kept;
SELECT ok(says_as_much(text::gmm_model, text), name || ': the text is read') FROM kept ORDER BY name;
SELECT ok(says_as_much(model, text), name || ': the binary form is received')
FROM kept JOIN received USING (name) ORDER BY name;
\if :little_endian
SELECT ok(says_as_much(stored::text::raw_model::gmm_model, text), name || ': the stored value is read')
FROM kept ORDER BY name;

-- A table with such values goes on working, out of line too.
CREATE TABLE models (name text, model gmm_model);
INSERT INTO models SELECT name, stored::text::raw_model::gmm_model FROM kept;
SELECT equals((SELECT octet_length(model::raw_model::text::bytea) FROM models WHERE name = 'unfitted'),
              (SELECT octet_length(stored) FROM kept WHERE name = 'unfitted'),
              'a value is stored as it is, and upgraded when it is read');
SELECT ok(gmm_predict(model, '{4.5,80}') BETWEEN 1 AND 3 AND gmm_logpdf(model, '{4.5,80}') < 0 AND
          (gmm_summary(model)).n_rows = 272 AND gmm_bic(model) > 2000 AND gmm_icl(model) IS NULL AND
          (SELECT count(*) FROM gmm_components(model) WHERE suspect IS NULL) = 3 AND
          NOT EXISTS (SELECT FROM gmm_trials(model)),
          name || ': the stored value can be used')
FROM models WHERE name LIKE '%\_3' ORDER BY name;

CREATE TABLE faithful (eruptions float8, waiting float8);
\copy faithful FROM 'test/data/faithful.csv' CSV HEADER
SELECT ok(abs((gmm_summary(refitted)).log_likelihood - (gmm_summary(model)).log_likelihood) < 1e-3 AND
          gmm_icl(refitted) >= gmm_bic(refitted), name || ': a refit goes on from it')
FROM (SELECT name, model, (SELECT gmm_refit(ARRAY[eruptions, waiting], model) FROM faithful) AS refitted
      FROM models WHERE name LIKE '%\_3') AS fits ORDER BY name;

-- Bytes that no version wrote.
SELECT raises(format('SELECT gmm_model_send((%L)::raw_model::gmm_model)', '\x' || header || repeat('00', length / 2)),
              'XX001', message, name)
FROM (VALUES ('a value of an unknown version is refused', '03020000' || '01000000' || '02000000', 200, 'unknown version 3'),
             ('so is one of version 0', '00020000' || '01000000' || '02000000', 200, 'unknown version 0'),
             ('one that is shorter than its header', '02', 20, 'too short'),
             ('one shorter than its values', '02020000' || '01000000' || '02000000', 100, 'does not agree'),
             ('one of version 1 shorter than its values', '01020000' || '01000000' || '02000000', 100, 'does not agree'),
             ('one of another length than its trials need',
              '02020000' || '01000000' || '02000000' || repeat('00', 44) || '01000000', 144, 'does not agree'),
             ('one of a negative number of trials',
              '02020000' || '01000000' || '02000000' || repeat('00', 44) || 'ffffffff', 72, 'does not agree')
     ) AS v (name, header, length, message);
\endif

SELECT finish();
