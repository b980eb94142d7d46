--
-- gmm_model: what goes out comes in again, in every form
--
\pset format unaligned
\pset tuples_only on

-- Random models (setseed 0.42), some of them fitted
CREATE FUNCTION random_values(n integer) RETURNS double precision[] LANGUAGE sql VOLATILE AS $$
	SELECT array_agg((random() - 0.5) * 10 ^ floor(random() * 600 - 300))
	FROM generate_series(1, n)
$$;
-- Symmetric, and positive definite because the diagonal dominates
CREATE FUNCTION random_matrix(d integer) RETURNS double precision[] LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	matrix double precision[] := array_fill(0::double precision, ARRAY[d, d]);
BEGIN
	FOR i IN 1..d LOOP
		FOR j IN 1..i LOOP
			matrix[i][j] := CASE WHEN i = j THEN d ELSE 0 END + random();
			matrix[j][i] := matrix[i][j];
		END LOOP;
	END LOOP;
	RETURN matrix;
END
$$;
CREATE FUNCTION random_model(family text, k integer, d integer) RETURNS gmm_model LANGUAGE sql VOLATILE AS $$
	SELECT gmm_model(
		(SELECT array_agg(w / total) FROM (SELECT w, sum(w) OVER () AS total
			FROM (SELECT random() AS w FROM generate_series(1, k)) AS r) AS s),
		(SELECT array_agg(random_values(d)) FROM generate_series(1, k)),
		CASE family
			WHEN 'full' THEN (SELECT array_agg(random_matrix(d)) FROM generate_series(1, k))
			WHEN 'tied' THEN random_matrix(d)
			WHEN 'diag' THEN (SELECT array_agg((SELECT array_agg(10 ^ (random() * 200 - 100))
				FROM generate_series(1, d) WHERE i = i)) FROM generate_series(1, k) AS i)
			ELSE (SELECT array_agg(10 ^ (random() * 200 - 100)) FROM generate_series(1, k))
		END, family)
$$;
CREATE TABLE models (id integer, family text, k integer, d integer, model gmm_model);
DO $$BEGIN PERFORM setseed(0.42); END$$;
INSERT INTO models
SELECT row_number() OVER (), family, k, d, random_model(family, k, d)
FROM (VALUES ('full'), ('tied'), ('diag'), ('spherical')) AS f (family),
	(VALUES (1, 1), (1, 5), (2, 2), (3, 17), (7, 1), (4, 40)) AS s (k, d);
INSERT INTO models
SELECT id + 1000, family, k, d, (model::jsonb || jsonb_build_object(
	'n_rows', id * 1000, 'sum_weights', id * 1e200 / 3, 'log_likelihood', -id / 7.0,
	'iterations', id, 'converged', id % 2 = 0, 'n_starts', 10, 'n_best_starts', 3))::gmm_model
FROM models;
-- and chosen among others, all of them when id is a multiple of 4
INSERT INTO models
SELECT id + 1000, family, k, d, (model::jsonb || jsonb_build_object(
	'entropy', id * ln(k) / 7, 'log_density_stddev', id / 7.0, 'reg_covar', 1e-9 / id, 'n_incomplete', id % 10, 'n_reseeded', id % 3, 'n_omitted', id % 4, 'log_prior', -id / 3.0, 'n_labelled', id % 5,
	'criterion', 'icl', 'trials', (
		SELECT jsonb_agg(jsonb_build_object('k', t.k, 'covariance_type', f.name, 'log_likelihood',
			model::jsonb->'log_likelihood', 'entropy', CASE WHEN t.k = m.k THEN id * ln(m.k) / 7 ELSE 0 END,
			'iterations', model::jsonb->'iterations', 'converged', model::jsonb->'converged',
			'n_starts', 10, 'n_best_starts', 3, 'n_suspect', t.k % 2) ORDER BY f.number, t.k)
		FROM unnest(ARRAY['full', 'tied', 'diag', 'spherical']) WITH ORDINALITY AS f (name, number),
			generate_series(1, m.k + id % 5) AS t (k)
		WHERE f.name = family OR id % 4 = 0)))::gmm_model
FROM models AS m WHERE id > 1000;

CREATE FUNCTION same(a gmm_model, b gmm_model) RETURNS boolean LANGUAGE sql
	AS 'SELECT gmm_model_send(a) = gmm_model_send(b)';
SELECT count(*), bool_and(same(model, model::text::gmm_model)) AS text,
	bool_and(same(model, model::jsonb::gmm_model)) AS jsonb,
	bool_and(same(model, model::json::gmm_model) AND model::json::text = model::text) AS json,
	bool_and(model::jsonb->'k' = to_jsonb(k) AND model::jsonb->'d' = to_jsonb(d)
		AND model::jsonb->>'covariance_type' = family) AS says
FROM models;
SET extra_float_digits = 0;
SELECT bool_and(same(model, model::text::gmm_model)) FROM models;
RESET extra_float_digits;

CREATE TABLE received (id integer, model gmm_model);
\copy (SELECT id, model FROM models) TO 'results/model.bin' (FORMAT binary)
\copy received FROM 'results/model.bin' (FORMAT binary)
SELECT count(*), bool_and(same(m.model, r.model)) FROM models AS m JOIN received AS r USING (id);
TRUNCATE received;
\copy (SELECT id, model FROM models) TO 'results/model.txt'
\copy received FROM 'results/model.txt'
SELECT count(*), bool_and(same(m.model, r.model)) FROM models AS m JOIN received AS r USING (id);
DROP TABLE received;

-- Equal models are equal in every byte.
SELECT bool_and(record_image_eq(ROW(model), ROW(model::text::gmm_model))) FROM models;

DROP TABLE models;
DROP FUNCTION random_values, random_matrix, random_model, same;
