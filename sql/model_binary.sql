--
-- gmm_model from its binary form, and from storage that was tampered with
--
\pset format unaligned
\pset tuples_only on

--
-- Hostile binary.  The bytes reach gmm_model_recv() because the binary form
-- of a bytea is its bytes.
--
CREATE TABLE hostile (name text, bytes bytea);
CREATE TABLE received (model gmm_model);
INSERT INTO hostile
SELECT name, bytes FROM
	(SELECT gmm_model_send(gmm_model('{0.5,0.5}', '{{1,2},{3,4}}', '{{{1,0},{0,1}},{{1,0},{0,1}}}')) AS b,
		gmm_model_send('{"weights": [1], "means": [0], "covariances": [1], "n_rows": 5,
			"sum_weights": 5, "log_likelihood": -3, "iterations": 1,
			"converged": true, "n_starts": 2, "n_best_starts": 1}') AS f,
		gmm_model_send('{"weights": [1], "means": [0], "covariances": [1], "n_rows": 5,
			"sum_weights": 5, "log_likelihood": -3, "iterations": 1,
			"converged": true, "n_starts": 2, "n_best_starts": 1, "entropy": 0,
			"criterion": "aic", "trials": [{"k": 1, "covariance_type": "full",
				"log_likelihood": -3, "entropy": 0, "iterations": 1, "converged": true,
				"n_starts": 2, "n_best_starts": 1, "n_suspect": 0}]}') AS t) AS valid,
	LATERAL (VALUES
		('unchanged', b),
		('fitted', f),
		('empty', ''),
		('header only', substr(b, 1, 16)),
		('truncated', substr(b, 1, length(b) - 1)),
		('too long', b || '\x00'),
		('version 0', set_byte(b, 0, 0)),
		('version 3', set_byte(b, 0, 3)),
		('family 4', set_byte(b, 1, 4)),
		('family of another size', set_byte(b, 1, 2)),
		('unknown flag', set_byte(f, 3, 17)),
		('flag of another meaning', set_byte(b, 2, 64)),
		('noise that is not there', set_byte(b, 3, 4)),
		('fit that is not there', set_byte(b, 3, 1)),
		('k = 0', overlay(b PLACING '\x00000000' FROM 5)),
		('k = -1', overlay(b PLACING '\xffffffff' FROM 5)),
		('k = 2147483647', overlay(b PLACING '\x7fffffff' FROM 5)),
		('k = 10000, d = 50', overlay(b PLACING '\x0000271000000032' FROM 5)),
		('d = 0', overlay(b PLACING '\x00000000' FROM 9)),
		('d = -2147483648', overlay(b PLACING '\x80000000' FROM 9)),
		('d = 65536', overlay(b PLACING '\x00010000' FROM 9)),
		('d = 4000', overlay(b PLACING '\x00000fa0' FROM 9)),
		('weight NaN', overlay(b PLACING '\x7ff8000000000000' FROM 17)),
		('weight -0.5', overlay(b PLACING '\xbfe0000000000000' FROM 17)),
		('weight 0.25', overlay(b PLACING '\x3fd0000000000000' FROM 17)),
		('mean infinite', overlay(b PLACING '\x7ff0000000000000' FROM 33)),
		('variance -1', overlay(b PLACING '\xbff0000000000000' FROM 65)),
		('covariance 1', overlay(b PLACING '\x3ff0000000000000' FROM 97)),
		('covariance NaN', overlay(b PLACING '\x7ff8000000000000' FROM 97)),
		('n_rows -1', overlay(f PLACING '\xffffffffffffffff' FROM 17)),
		('sum_weights NaN', overlay(f PLACING '\x7ff8000000000000' FROM 25)),
		('log_likelihood infinite', overlay(f PLACING '\xfff0000000000000' FROM 33)),
		('n_best_starts 3', overlay(f PLACING '\x00000003' FROM 50)),
		('converged twice', overlay(f PLACING '\x02' FROM 45)),
		('entropy of one component', overlay(f PLACING '\x3ff0000000000000' FROM 54)),
		('entropy of another NaN', overlay(f PLACING '\x7ff8000000000001' FROM 54)),
		('log_density_stddev -1', overlay(f PLACING '\xbff0000000000000' FROM 62)),
		('reg_covar -1', overlay(f PLACING '\xbff0000000000000' FROM 70)),
		('n_incomplete 6', overlay(f PLACING '\x06' FROM 85)),
		('n_reseeded -1', overlay(f PLACING '\xffffffff' FROM 86)),
		('n_omitted -1', overlay(f PLACING '\xffffffff' FROM 90)),
		('n_labelled 6', overlay(f PLACING '\x0000000000000006' FROM 102)),
		('log_prior infinite', overlay(f PLACING '\x7ff0000000000000' FROM 94)),
		('trials without a fit', overlay(b PLACING '\x01' FROM 16)),
		('trials that are not there', overlay(f PLACING '\x01' FROM 16)),
		('2147483647 trials', overlay(f PLACING '\x7fffffff' FROM 13)),
		('-1 trials', overlay(f PLACING '\xffffffff' FROM 13)),
		('chosen', t),
		('criterion 3', overlay(t PLACING '\x03' FROM 113)),
		('trial of family 4', overlay(t PLACING '\x04' FROM 142)),
		('trial that converged twice', overlay(t PLACING '\x02' FROM 163)),
		('trial of k = 0', overlay(t PLACING '\x00000000' FROM 138)),
		('trial of log_likelihood NaN', overlay(t PLACING '\x7ff8000000000000' FROM 143))
	) AS v (name, bytes);

\echo unchanged
\copy (SELECT bytes FROM hostile WHERE name = 'unchanged') TO 'results/hostile.bin' (FORMAT binary)
\copy received FROM 'results/hostile.bin' (FORMAT binary)
\echo fitted
\copy (SELECT bytes FROM hostile WHERE name = 'fitted') TO 'results/hostile.bin' (FORMAT binary)
\copy received FROM 'results/hostile.bin' (FORMAT binary)
\echo empty
\copy (SELECT bytes FROM hostile WHERE name = 'empty') TO 'results/hostile.bin' (FORMAT binary)
\copy received FROM 'results/hostile.bin' (FORMAT binary)
\echo header only
\copy (SELECT bytes FROM hostile WHERE name = 'header only') TO 'results/hostile.bin' (FORMAT binary)
\copy received FROM 'results/hostile.bin' (FORMAT binary)
\echo truncated
\copy (SELECT bytes FROM hostile WHERE name = 'truncated') TO 'results/hostile.bin' (FORMAT binary)
\copy received FROM 'results/hostile.bin' (FORMAT binary)
\echo too long
\copy (SELECT bytes FROM hostile WHERE name = 'too long') TO 'results/hostile.bin' (FORMAT binary)
\copy received FROM 'results/hostile.bin' (FORMAT binary)
\echo version 0
\copy (SELECT bytes FROM hostile WHERE name = 'version 0') TO 'results/hostile.bin' (FORMAT binary)
\copy received FROM 'results/hostile.bin' (FORMAT binary)
\echo version 3
\copy (SELECT bytes FROM hostile WHERE name = 'version 3') TO 'results/hostile.bin' (FORMAT binary)
\copy received FROM 'results/hostile.bin' (FORMAT binary)
\echo family 4
\copy (SELECT bytes FROM hostile WHERE name = 'family 4') TO 'results/hostile.bin' (FORMAT binary)
\copy received FROM 'results/hostile.bin' (FORMAT binary)
\echo family of another size
\copy (SELECT bytes FROM hostile WHERE name = 'family of another size') TO 'results/hostile.bin' (FORMAT binary)
\copy received FROM 'results/hostile.bin' (FORMAT binary)
\echo unknown flag
\copy (SELECT bytes FROM hostile WHERE name = 'unknown flag') TO 'results/hostile.bin' (FORMAT binary)
\copy received FROM 'results/hostile.bin' (FORMAT binary)
\echo flag of another meaning
\copy (SELECT bytes FROM hostile WHERE name = 'flag of another meaning') TO 'results/hostile.bin' (FORMAT binary)
\copy received FROM 'results/hostile.bin' (FORMAT binary)
\echo noise that is not there
\copy (SELECT bytes FROM hostile WHERE name = 'noise that is not there') TO 'results/hostile.bin' (FORMAT binary)
\copy received FROM 'results/hostile.bin' (FORMAT binary)
\echo fit that is not there
\copy (SELECT bytes FROM hostile WHERE name = 'fit that is not there') TO 'results/hostile.bin' (FORMAT binary)
\copy received FROM 'results/hostile.bin' (FORMAT binary)
\echo k = 0
\copy (SELECT bytes FROM hostile WHERE name = 'k = 0') TO 'results/hostile.bin' (FORMAT binary)
\copy received FROM 'results/hostile.bin' (FORMAT binary)
\echo k = -1
\copy (SELECT bytes FROM hostile WHERE name = 'k = -1') TO 'results/hostile.bin' (FORMAT binary)
\copy received FROM 'results/hostile.bin' (FORMAT binary)
\echo k = 2147483647
\copy (SELECT bytes FROM hostile WHERE name = 'k = 2147483647') TO 'results/hostile.bin' (FORMAT binary)
\copy received FROM 'results/hostile.bin' (FORMAT binary)
\echo k = 10000, d = 50
\copy (SELECT bytes FROM hostile WHERE name = 'k = 10000, d = 50') TO 'results/hostile.bin' (FORMAT binary)
\copy received FROM 'results/hostile.bin' (FORMAT binary)
\echo d = 0
\copy (SELECT bytes FROM hostile WHERE name = 'd = 0') TO 'results/hostile.bin' (FORMAT binary)
\copy received FROM 'results/hostile.bin' (FORMAT binary)
\echo d = -2147483648
\copy (SELECT bytes FROM hostile WHERE name = 'd = -2147483648') TO 'results/hostile.bin' (FORMAT binary)
\copy received FROM 'results/hostile.bin' (FORMAT binary)
\echo d = 65536
\copy (SELECT bytes FROM hostile WHERE name = 'd = 65536') TO 'results/hostile.bin' (FORMAT binary)
\copy received FROM 'results/hostile.bin' (FORMAT binary)
\echo d = 4000
\copy (SELECT bytes FROM hostile WHERE name = 'd = 4000') TO 'results/hostile.bin' (FORMAT binary)
\copy received FROM 'results/hostile.bin' (FORMAT binary)
\echo weight NaN
\copy (SELECT bytes FROM hostile WHERE name = 'weight NaN') TO 'results/hostile.bin' (FORMAT binary)
\copy received FROM 'results/hostile.bin' (FORMAT binary)
\echo weight -0.5
\copy (SELECT bytes FROM hostile WHERE name = 'weight -0.5') TO 'results/hostile.bin' (FORMAT binary)
\copy received FROM 'results/hostile.bin' (FORMAT binary)
\echo weight 0.25
\copy (SELECT bytes FROM hostile WHERE name = 'weight 0.25') TO 'results/hostile.bin' (FORMAT binary)
\copy received FROM 'results/hostile.bin' (FORMAT binary)
\echo mean infinite
\copy (SELECT bytes FROM hostile WHERE name = 'mean infinite') TO 'results/hostile.bin' (FORMAT binary)
\copy received FROM 'results/hostile.bin' (FORMAT binary)
\echo variance -1
\copy (SELECT bytes FROM hostile WHERE name = 'variance -1') TO 'results/hostile.bin' (FORMAT binary)
\copy received FROM 'results/hostile.bin' (FORMAT binary)
\echo covariance 1
\copy (SELECT bytes FROM hostile WHERE name = 'covariance 1') TO 'results/hostile.bin' (FORMAT binary)
\copy received FROM 'results/hostile.bin' (FORMAT binary)
\echo covariance NaN
\copy (SELECT bytes FROM hostile WHERE name = 'covariance NaN') TO 'results/hostile.bin' (FORMAT binary)
\copy received FROM 'results/hostile.bin' (FORMAT binary)
\echo n_rows -1
\copy (SELECT bytes FROM hostile WHERE name = 'n_rows -1') TO 'results/hostile.bin' (FORMAT binary)
\copy received FROM 'results/hostile.bin' (FORMAT binary)
\echo sum_weights NaN
\copy (SELECT bytes FROM hostile WHERE name = 'sum_weights NaN') TO 'results/hostile.bin' (FORMAT binary)
\copy received FROM 'results/hostile.bin' (FORMAT binary)
\echo log_likelihood infinite
\copy (SELECT bytes FROM hostile WHERE name = 'log_likelihood infinite') TO 'results/hostile.bin' (FORMAT binary)
\copy received FROM 'results/hostile.bin' (FORMAT binary)
\echo converged twice
\copy (SELECT bytes FROM hostile WHERE name = 'converged twice') TO 'results/hostile.bin' (FORMAT binary)
\copy received FROM 'results/hostile.bin' (FORMAT binary)
\echo n_best_starts 3
\copy (SELECT bytes FROM hostile WHERE name = 'n_best_starts 3') TO 'results/hostile.bin' (FORMAT binary)
\copy received FROM 'results/hostile.bin' (FORMAT binary)
\echo entropy of one component
\copy (SELECT bytes FROM hostile WHERE name = 'entropy of one component') TO 'results/hostile.bin' (FORMAT binary)
\copy received FROM 'results/hostile.bin' (FORMAT binary)
\echo entropy of another NaN
\copy (SELECT bytes FROM hostile WHERE name = 'entropy of another NaN') TO 'results/hostile.bin' (FORMAT binary)
\copy received FROM 'results/hostile.bin' (FORMAT binary)
\echo log_density_stddev -1
\copy (SELECT bytes FROM hostile WHERE name = 'log_density_stddev -1') TO 'results/hostile.bin' (FORMAT binary)
\copy received FROM 'results/hostile.bin' (FORMAT binary)
\echo reg_covar -1
\copy (SELECT bytes FROM hostile WHERE name = 'reg_covar -1') TO 'results/hostile.bin' (FORMAT binary)
\copy received FROM 'results/hostile.bin' (FORMAT binary)
\echo n_incomplete 6
\copy (SELECT bytes FROM hostile WHERE name = 'n_incomplete 6') TO 'results/hostile.bin' (FORMAT binary)
\copy received FROM 'results/hostile.bin' (FORMAT binary)
\echo n_reseeded -1
\copy (SELECT bytes FROM hostile WHERE name = 'n_reseeded -1') TO 'results/hostile.bin' (FORMAT binary)
\copy received FROM 'results/hostile.bin' (FORMAT binary)
\echo n_omitted -1
\copy (SELECT bytes FROM hostile WHERE name = 'n_omitted -1') TO 'results/hostile.bin' (FORMAT binary)
\copy received FROM 'results/hostile.bin' (FORMAT binary)
\echo n_labelled 6
\copy (SELECT bytes FROM hostile WHERE name = 'n_labelled 6') TO 'results/hostile.bin' (FORMAT binary)
\copy received FROM 'results/hostile.bin' (FORMAT binary)
\echo log_prior infinite
\copy (SELECT bytes FROM hostile WHERE name = 'log_prior infinite') TO 'results/hostile.bin' (FORMAT binary)
\copy received FROM 'results/hostile.bin' (FORMAT binary)
\echo trials without a fit
\copy (SELECT bytes FROM hostile WHERE name = 'trials without a fit') TO 'results/hostile.bin' (FORMAT binary)
\copy received FROM 'results/hostile.bin' (FORMAT binary)
\echo trials that are not there
\copy (SELECT bytes FROM hostile WHERE name = 'trials that are not there') TO 'results/hostile.bin' (FORMAT binary)
\copy received FROM 'results/hostile.bin' (FORMAT binary)
\echo 2147483647 trials
\copy (SELECT bytes FROM hostile WHERE name = '2147483647 trials') TO 'results/hostile.bin' (FORMAT binary)
\copy received FROM 'results/hostile.bin' (FORMAT binary)
\echo -1 trials
\copy (SELECT bytes FROM hostile WHERE name = '-1 trials') TO 'results/hostile.bin' (FORMAT binary)
\copy received FROM 'results/hostile.bin' (FORMAT binary)
\echo chosen
\copy (SELECT bytes FROM hostile WHERE name = 'chosen') TO 'results/hostile.bin' (FORMAT binary)
\copy received FROM 'results/hostile.bin' (FORMAT binary)
\echo criterion 3
\copy (SELECT bytes FROM hostile WHERE name = 'criterion 3') TO 'results/hostile.bin' (FORMAT binary)
\copy received FROM 'results/hostile.bin' (FORMAT binary)
\echo trial of family 4
\copy (SELECT bytes FROM hostile WHERE name = 'trial of family 4') TO 'results/hostile.bin' (FORMAT binary)
\copy received FROM 'results/hostile.bin' (FORMAT binary)
\echo trial that converged twice
\copy (SELECT bytes FROM hostile WHERE name = 'trial that converged twice') TO 'results/hostile.bin' (FORMAT binary)
\copy received FROM 'results/hostile.bin' (FORMAT binary)
\echo trial of k = 0
\copy (SELECT bytes FROM hostile WHERE name = 'trial of k = 0') TO 'results/hostile.bin' (FORMAT binary)
\copy received FROM 'results/hostile.bin' (FORMAT binary)
\echo trial of log_likelihood NaN
\copy (SELECT bytes FROM hostile WHERE name = 'trial of log_likelihood NaN') TO 'results/hostile.bin' (FORMAT binary)
\copy received FROM 'results/hostile.bin' (FORMAT binary)
SELECT count(*) FROM received;

DROP TABLE hostile, received;

--
-- Corrupted storage.  A path is stored with the same alignment, so that a
-- superuser can pass one off as a model: data_corrupted (XX001), whatever
-- the order of bytes.
--
CREATE CAST (path AS gmm_model) WITHOUT FUNCTION;
CREATE FUNCTION read_path(points integer) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN gmm_summary(('[' || repeat('(1,2),', points - 1) || '(1,2)]')::path::gmm_model);
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END
$$;
SELECT read_path(points) FROM unnest(ARRAY[1, 2, 3, 4, 257, 513, 1025]) AS points;
DROP CAST (path AS gmm_model);

DROP FUNCTION read_path;
