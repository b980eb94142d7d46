--
-- gmm_model: text, jsonb, binary, arrays; and what each of them refuses
--
\pset format unaligned
\pset tuples_only on

-- What becomes of a text: 'valid', or the error's SQLSTATE and parts.
CREATE FUNCTION read_model(input text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
	hint text;
BEGIN
	PERFORM input::gmm_model;
	RETURN 'valid';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(' | ', SQLSTATE || ' ' || SQLERRM, nullif(detail, ''), nullif(hint, ''));
END
$$;

-- How the value is stored: aligned for doubles, not compressed.
SELECT typlen, typalign, typstorage FROM pg_type WHERE typname = 'gmm_model';

-- Every function is immutable, strict and parallel safe, and everything has
-- a comment.
SELECT p.oid::regprocedure, provolatile, proisstrict, proparallel
FROM pg_proc AS p, pg_depend, pg_extension AS e
WHERE p.proname ~ '^gmm_(model|components|summary|bic|aic|icl|trials)'
  AND pg_depend.classid = 'pg_proc'::regclass AND objid = p.oid
  AND refobjid = e.oid AND deptype = 'e' AND extname = 'gmm'
  AND ((provolatile, proisstrict, proparallel) <> ('i', true, 's')
       OR obj_description(p.oid, 'pg_proc') IS NULL);
SELECT obj_description('gmm_model'::regtype, 'pg_type') IS NOT NULL;
SELECT castsource::regtype, casttarget::regtype, castcontext,
	obj_description(oid, 'pg_cast')
FROM pg_cast WHERE 'gmm_model'::regtype IN (castsource, casttarget)
ORDER BY castsource::regtype::text;

--
-- Text
--

-- The four families.  White space and the order of the keys do not matter.
SELECT '{"weights": [0.25, 0.75], "means": [[0, 1], [2, 3]],
	"covariances": [[[1, 0.5], [0.5, 2]], [[3, 0], [0, 4]]]}'::gmm_model;
SELECT '{"covariances": [[1, 0.5], [0.5, 2]], "covariance_type": "tied",
	"means": [[0, 1], [2, 3]], "weights": [0.25, 0.75], "d": 2, "k": 2}'::gmm_model;
SELECT '{"covariance_type": "diag", "weights": [0.25, 0.75],
	"means": [[0, 1], [2, 3]], "covariances": [[1, 2], [3, 4]]}'::gmm_model;
SELECT '{"covariance_type": "spherical", "weights": [0.25, 0.75],
	"means": [[0, 1], [2, 3]], "covariances": [1, 2]}'::gmm_model;

-- With a fit, a component of weight 0, mclust's name of a family, and in one
-- dimension without a bracket around every number.
SELECT '{"k": 2, "d": 1, "covariance_type": "VII", "weights": [1, 0],
	"means": [0, 5], "covariances": [1, 1e-3], "n_rows": 9007199254740993,
	"sum_weights": 12.5, "log_likelihood": -1e3, "iterations": 7,
	"converged": true, "n_starts": 10, "n_best_starts": 4}'::gmm_model;
SELECT '{"weights": [1], "means": [7], "covariances": [2]}'::gmm_model;

-- Every double comes back, and extra_float_digits has no say.
SET extra_float_digits = -15;
SELECT '{"covariance_type": "diag", "weights": [1], "means":
	[[0.1, -0, 4.9406564584124654e-324, 2.2250738585072011e-308,
	  1.7976931348623157e308, -123456789012345678, 0.30000000000000004]],
	"covariances": [[1, 1, 1, 1, 1, 1, 1]]}'::gmm_model;
RESET extra_float_digits;

-- Weights that sum to 1 but for rounding are kept as they are; so is a
-- matrix that is symmetric but for rounding, of which the lower half counts.
SELECT '{"weights": [0.3333333, 0.3333333, 0.3333333], "means": [1, 2, 3],
	"covariances": [1, 1, 1]}'::gmm_model;
SELECT '{"weights": [1], "means": [[0, 0]],
	"covariances": [[[1e12, 1.000000001], [1, 1e-6]]]}'::gmm_model;

-- Malformed JSON
SELECT read_model('');
SELECT read_model('gmm');
SELECT read_model('{');
SELECT read_model('{"weights": [1], "means": [[0]], "covariances": [[[1');
SELECT read_model('{"weights": [1], "means": [[0]], "covariances": [[[1]]]} 1');
SELECT read_model('{"weights": [1], "means": [[0]], "covariances": [[[1]]],}');
SELECT read_model('{"weights": [1], "means": [[NaN]], "covariances": [[[1]]]}');
SELECT read_model('{"weights": [1], "means": [[01]], "covariances": [[[1]]]}');

-- JSON, but not of a model
SELECT read_model('1');
SELECT read_model('null');
SELECT read_model('"full"');
SELECT read_model('[]');
SELECT read_model('{}');
SELECT read_model('{"weights": [1], "means": [[0]]}');
SELECT read_model('{"weights": [1], "covariances": [[[1]]]}');
SELECT read_model('{"means": [[0]], "covariances": [[[1]]]}');
SELECT read_model('{"weights": [1], "means": [[0]], "covariances": [[[1]]], "Means": [[0]]}');
SELECT read_model('{"' || repeat('x', 100) || '": 1}');
SELECT read_model('{"weights": [1], "means": [[0]], "weights": [1]}');
SELECT read_model('{"weights": 1}');
SELECT read_model('{"weights": null}');
SELECT read_model('{"weights": "1"}');
SELECT read_model('{"weights": {"1": 1}}');
SELECT read_model('{"weights": [null]}');
SELECT read_model('{"weights": ["NaN"]}');
SELECT read_model('{"weights": [true]}');
SELECT read_model('{"weights": [{}]}');
SELECT read_model('{"covariance_type": "round"}');
SELECT read_model('{"covariance_type": "' || repeat('x', 1000) || '"}');
SELECT read_model('{"covariance_type": 0}');
SELECT read_model('{"covariance_type": ["full"]}');
SELECT read_model('{"k": "2"}');
SELECT read_model('{"k": 2.5}');
SELECT read_model('{"k": 2147483648}');
SELECT read_model('{"k": 99999999999999999999}');
SELECT read_model('{"k": []}');
SELECT read_model('{"d": null}');
SELECT read_model('{"converged": 1}');
SELECT read_model('{"log_likelihood": "high"}');

-- Numbers that a double cannot hold
SELECT read_model('{"weights": [1], "means": [[1e999]], "covariances": [[[1]]]}');
SELECT read_model('{"weights": [1], "means": [[-1e309]], "covariances": [[[1]]]}');
SELECT read_model('{"weights": [1], "means": [[1e-400]], "covariances": [[[1]]]}');
SELECT read_model('{"log_likelihood": 1e999}');

-- Shapes
SELECT read_model('{"weights": [], "means": [], "covariances": []}');
SELECT read_model('{"weights": [1], "means": [], "covariances": [[[1]]]}');
SELECT read_model('{"weights": [1], "means": [[]], "covariances": [[[]]]}');
SELECT read_model('{"weights": [1], "means": [[0]], "covariances": []}');
SELECT read_model('{"weights": [[1]], "means": [[0]], "covariances": [[[1]]]}');
SELECT read_model('{"weights": [0.5, 0.5], "means": [[0]], "covariances": [[[1]], [[1]]]}');
SELECT read_model('{"weights": [1], "means": [[0, 1]], "covariances": [[[1]]]}');
SELECT read_model('{"weights": [1], "means": [0, 1], "covariances": [[[1]]]}');
SELECT read_model('{"weights": [1], "means": [[[0]]], "covariances": [[[1]]]}');
SELECT read_model('{"weights": [1], "means": [[0, 1]], "covariances": [[1, 0], [0, 1]]}');
SELECT read_model('{"weights": [1], "means": [[0, 1]], "covariance_type": "tied", "covariances": [[[1, 0], [0, 1]]]}');
SELECT read_model('{"weights": [1], "means": [[0, 1]], "covariance_type": "diag", "covariances": [1, 1]}');
SELECT read_model('{"weights": [1], "means": [[0, 1]], "covariance_type": "spherical", "covariances": [[1, 1]]}');
SELECT read_model('{"weights": [0.5, 0.5], "means": [[0, 1], [2]]}');
SELECT read_model('{"weights": [0.5, 0.5], "means": [[0, 1], 2]}');
SELECT read_model('{"weights": [0.5, 0.5], "means": [0, [1]]}');
SELECT read_model('{"weights": [0.5, 0.5], "means": [[], 1]}');
SELECT read_model('{"weights": [0.5, 0.5], "means": [[], [1]]}');
SELECT read_model('{"weights": [0.5, 0.5], "means": [[[]], [1]]}');
SELECT read_model('{"weights": [0.5, 0.5], "covariances": [[[1, 0], [0, 1]], [[1, 0]]]}');
SELECT read_model('{"k": 3, "weights": [1], "means": [[0]], "covariances": [[[1]]]}');
SELECT read_model('{"d": 0, "weights": [1], "means": [[0]], "covariances": [[[1]]]}');

-- Limits, and nesting that would exhaust a stack
SELECT read_model('{"weights": [' || repeat('0,', 10000) || '1], "means": [0], "covariances": [1]}');
SELECT read_model('{"weights": [1], "means": [[' || repeat('0,', 4096) || '0]], "covariances": [1]}');
SELECT read_model('{"weights": [0.5, 0.25, 0.25], "covariances": [1], "means": [['
	|| repeat('0,', 4095) || '0], [' || repeat('0,', 4095) || '0], [' || repeat('0,', 4095) || '0]]}');
SELECT read_model(repeat('[', 100000));
SELECT read_model(repeat('{"weights":', 100000));
SELECT read_model('{"weights": ' || repeat('[', 100000));
SELECT read_model('{"means": ' || repeat('[', 100000));
SELECT read_model('{"d": ' || repeat('[', 100000));

-- Values
SELECT read_model('{"weights": [1.5, -0.5], "means": [0, 1], "covariances": [1, 1]}');
SELECT read_model('{"weights": [0.5, 0.4], "means": [0, 1], "covariances": [1, 1]}');
SELECT read_model('{"weights": [0, 0], "means": [0, 1], "covariances": [1, 1]}');
SELECT read_model('{"weights": [1e308, 1e308], "means": [0, 1], "covariances": [1, 1]}');
SELECT read_model('{"weights": [0.5, 0.5], "means": [[0, 1], [2, 3]], "covariances": [[[1, 0], [0, 1]], [[1, 0.5], [0.4, 1]]]}');
SELECT read_model('{"weights": [1], "means": [[0, 1]], "covariance_type": "tied", "covariances": [[1e12, 0.5001], [0.5, 1e-12]]}');
SELECT read_model('{"weights": [0.5, 0.5], "means": [[0, 1], [2, 3]], "covariances": [[[1, 0], [0, 1]], [[1, 2], [2, 1]]]}');
SELECT read_model('{"weights": [0.5, 0.5], "means": [[0, 1], [2, 3]], "covariances": [[[1, 0], [0, 1]], [[1, 1], [1, 1]]]}');
SELECT read_model('{"weights": [1], "means": [[0, 1]], "covariance_type": "tied", "covariances": [[1, 2], [2, 1]]}');
SELECT read_model('{"weights": [0.5, 0.5], "means": [[0, 1], [2, 3]], "covariance_type": "diag", "covariances": [[1, 1], [1, 0]]}');
SELECT read_model('{"weights": [0.5, 0.5], "means": [[0, 1], [2, 3]], "covariance_type": "spherical", "covariances": [1, -1]}');

-- The fit: all of it or nothing
SELECT read_model('{"weights": [1], "means": [0], "covariances": [1], "n_rows": 5}');
SELECT read_model('{"weights": [1], "means": [0], "covariances": [1], "n_rows": 5, "sum_weights": 5,
	"log_likelihood": -3, "iterations": 1, "converged": true, "n_starts": 1}');
CREATE FUNCTION read_fit(key text, value text) RETURNS text LANGUAGE sql AS $$
	SELECT read_model((jsonb '{"weights": [1], "means": [0], "covariances": [1],
		"n_rows": 5, "sum_weights": 5, "log_likelihood": -3, "iterations": 1,
		"converged": true, "n_starts": 2, "n_best_starts": 1}'
		|| jsonb_build_object(key, value::jsonb))::text)
$$;
SELECT read_fit('n_rows', '5');
SELECT read_fit('n_rows', '0');
SELECT read_fit('sum_weights', '0');
SELECT read_fit('log_likelihood', 'null');
SELECT read_fit('iterations', '-1');
SELECT read_fit('converged', '"yes"');
SELECT read_fit('n_starts', '-1');
SELECT read_fit('n_best_starts', '3');

SELECT read_fit('entropy', '0');
SELECT read_fit('entropy', '1');
SELECT read_fit('entropy', '-0.1');
SELECT read_fit('entropy', '"low"');
SELECT read_fit('reg_covar', '1e-3');
SELECT read_fit('reg_covar', '-1e-3');
SELECT read_fit('n_incomplete', '5');
SELECT read_fit('n_incomplete', '6');
SELECT read_fit('n_reseeded', '-1');
SELECT read_fit('criterion', '"aic"');
SELECT read_model('{"weights": [1], "means": [0], "covariances": [1], "n_rows": 5, "sum_weights": 5, "log_likelihood": -3,
	"iterations": 1, "converged": true, "n_starts": 2, "n_best_starts": 1, "entropy": 0, "criterion": "aic"}');
SELECT read_model('{"weights": [1], "means": [0], "covariances": [1], "entropy": 0}');

-- Trials: every key of each, in their order, and one of them the model's own
CREATE FUNCTION read_trials(trials jsonb, more jsonb DEFAULT '{}') RETURNS text LANGUAGE sql AS $$
	SELECT read_model((jsonb '{"weights": [0.5, 0.5], "means": [0, 1], "covariances": [1, 1],
		"n_rows": 5, "sum_weights": 5, "log_likelihood": -3, "iterations": 1, "converged": true,
		"n_starts": 2, "n_best_starts": 1, "entropy": 0.5, "criterion": "BIC"}'
		|| jsonb_build_object('trials', trials) || more)::text)
$$;
CREATE FUNCTION trial(k integer, family text, more jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_build_object('k', k, 'covariance_type', family, 'log_likelihood', -3, 'entropy', 0.5,
		'iterations', 1, 'converged', true, 'n_starts', 2, 'n_best_starts', 1, 'n_suspect', 0) || more
$$;
SELECT read_trials(jsonb_build_array(trial(2, 'full'), trial(3, 'full'), trial(2, 'VII')));
SELECT read_trials(jsonb_build_array(trial(3, 'full'), trial(2, 'full')));
SELECT read_trials(jsonb_build_array(trial(2, 'full'), trial(2, 'full')));
SELECT read_trials(jsonb_build_array(trial(2, 'diag'), trial(2, 'full')));
SELECT read_trials(jsonb_build_array(trial(3, 'full'), trial(2, 'diag')));
SELECT read_trials(jsonb_build_array(trial(2, 'full', '{"log_likelihood": -4}')));
SELECT read_trials(jsonb_build_array(trial(2, 'full', '{"entropy": 0.25}')));
SELECT read_trials(jsonb_build_array(trial(2, 'full', '{"converged": false}')));
SELECT read_trials(jsonb_build_array(trial(2, 'full', '{"entropy": 3.5}')), '{"entropy": 3.5}');
SELECT read_trials(jsonb_build_array(trial(2, 'full'), trial(3, 'full', '{"entropy": 5.5}')));
SELECT read_trials(jsonb_build_array(trial(2, 'full', '{"n_suspect": 3}')));
SELECT read_trials(jsonb_build_array(trial(2, 'full', '{"n_suspect": -1}')));
SELECT read_trials(jsonb_build_array(trial(2, 'full', '{"k": 10001}')));
SELECT read_trials(jsonb_build_array(trial(2, 'full', '{"k": 2.5}')));
SELECT read_trials(jsonb_build_array(trial(2, 'full', '{"k": 3000000000}')));
SELECT read_trials(jsonb_build_array(trial(2, 'full', '{"k": null}')));
SELECT read_trials(jsonb_build_array(trial(2, 'full', '{"k": [2]}')));
SELECT read_trials(jsonb_build_array(trial(2, 'full', '{"k": {"k": 2}}')));
SELECT read_trials(jsonb_build_array(trial(2, 'full', '{"converged": 1}')));
SELECT read_trials(jsonb_build_array(trial(2, 'full', '{"log_likelihood": "-3"}')));
SELECT read_trials(jsonb_build_array(trial(2, 'full', '{"log_likelihood": 1e999}')));
SELECT read_trials(jsonb_build_array(trial(2, 'full', '{"bic": 1}')));
SELECT read_trials(jsonb_build_array(trial(2, 'round')));
SELECT read_trials(jsonb_build_array(trial(2, 'full') - 'n_suspect'));
SELECT read_trials(jsonb_build_array(trial(2, 'full'), 2));
SELECT read_trials(jsonb_build_array(jsonb_build_array(trial(2, 'full'))));
SELECT read_trials(trial(2, 'full'));
SELECT read_trials('2');
SELECT read_trials('[]');
SELECT read_trials(jsonb_build_array(trial(2, 'full')), '{"criterion": "chi"}');
SELECT read_trials(jsonb_build_array(trial(2, 'full')), '{"criterion": 1}');
SELECT read_model('{"trials": [{"k": 1, "k": 1}]}');
SELECT read_model('{"trials": [{' || repeat('"k": [', 100000));
SELECT read_model('{"weights": [1], "means": [0], "covariances": [1], "trials": [' || trial(1, 'full')::text || ']}');

-- As a literal, with the server's pointer to it
SELECT gmm_model '{"weights": [1], "means": [0], "covariances": [0]}';

--
-- Arrays
--
SELECT gmm_model('{0.25,0.75}', '{{0,1},{2,3}}', '{{{1,0.5},{0.5,2}},{{3,0},{0,4}}}');
SELECT gmm_model('{0.25,0.75}', '{{0,1},{2,3}}', '{{1,0.5},{0.5,2}}', 'tied');
SELECT gmm_model('{0.25,0.75}', '{{0,1},{2,3}}', '{{1,2},{3,4}}', 'Diag');
SELECT gmm_model('{0.25,0.75}', '{{0,1},{2,3}}', '{1,2}', covariance_type => 'vii');
SELECT gmm_model(ARRAY[1], ARRAY[[1, 2]]::real[], ARRAY[[1, 2]]::numeric[], 'VVI');
SELECT gmm_model(weights => '{0.5,0.5}', means => '{0,5}', covariances => '{1,2}');
SELECT gmm_model('[5:6]={0.5,0.5}', '[0:1][3:3]={{0},{5}}', '{1,2}', 'spherical');
SELECT gmm_model(NULL, '{0}', '{1}') IS NULL;

SELECT gmm_model('{1}', '{{0,1}}', '{{1,0},{0,1}}', 'eii');
SELECT gmm_model('{1,NULL}', '{0,1}', '{1,1}');
SELECT gmm_model('{1}', '{{0,NULL}}', '{{1,1}}', 'diag');
SELECT gmm_model('{1}', '{{0,1}}', '{{1,NULL}}', 'diag');
SELECT gmm_model('{NaN}', '{0}', '{1}');
SELECT gmm_model('{0.5,0.5}', '{{0,1},{1,Infinity}}', '{1,1}', 'spherical');
SELECT gmm_model('{0.5,0.5}', '{{0,1},{1,0}}', '{{1,1},{1,-Infinity}}', 'diag');
SELECT gmm_model('{1}', '{{0,1}}', '{{1,NaN},{0,1}}', 'tied');
SELECT gmm_model('{}', '{}', '{}');
SELECT gmm_model('{1}', '{}', '{1}');
SELECT gmm_model('{1}', '{0}', '{}');
SELECT gmm_model('{{1}}', '{0}', '{1}');
SELECT gmm_model('{0.5,0.5}', '{{0,1}}', '{{{1,0},{0,1}}}');
SELECT gmm_model('{1}', '{{0,1}}', '{{1,0},{0,1}}');
SELECT gmm_model('{1}', '{{0,1}}', '{{{{1,0},{0,1}}}}');
SELECT gmm_model('{1}', '{{0,1}}', '{{{1,0.5},{0.4,1}}}');
SELECT gmm_model('{1}', '{{0,1}}', '{{{1,1},{1,1}}}');
SELECT gmm_model('{0.5,0.4}', '{0,1}', '{1,1}');
SELECT gmm_model(array_fill(0.0001::float8, ARRAY[10001]), '{0}', '{1}');
SELECT gmm_model('{1}', array_fill(0::float8, ARRAY[1, 4097]), '{1}', 'spherical');

--
-- jsonb
--
SELECT gmm_model('{1}', '{{0.1,1e-300}}', '{{1,2}}', 'diag')::jsonb;
SELECT jsonb '{"weights": [1], "means": [[0.1, 1e-300]], "covariances": [1],
	"covariance_type": "spherical"}'::gmm_model;
SELECT jsonb '{"weights": [1], "means": [[1e400]], "covariances": [1]}'::gmm_model;
SELECT jsonb '{"weights": [1], "means": [["0"]], "covariances": [1]}'::gmm_model;
SELECT jsonb '[1, 2]'::gmm_model;
SELECT jsonb '1'::gmm_model;
-- json: the text form; and models as objects in the JSON that is made of rows
SELECT gmm_model('{1}', '{{-0,1e-300}}', '{{1,2}}', 'diag')::json;
SELECT json '{"weights": [1], "means": [[-0, 1e-300]], "covariances": [1], "covariance_type": "spherical"}'::gmm_model;
SELECT json '{"weights": [1], "means": [[1e400]], "covariances": [1]}'::gmm_model;
SELECT json '[1, 2]'::gmm_model;
SELECT json 'null'::gmm_model;
SELECT NULL::gmm_model::json IS NULL AND NULL::json::gmm_model IS NULL;
SELECT jsonb_typeof(to_jsonb(m)), json_typeof(to_json(m)), row_to_json(r), jsonb_build_object('a', m) #> '{a,means}',
	json_agg(m), jsonb_agg(m)->0->'k', jsonb_object_agg('key', ARRAY[m])
FROM (SELECT gmm_model('{1}', '{{2}}', '{3}', 'spherical')) AS r (m) GROUP BY m, r;

--
-- Round trips of random models (setseed 0.42), some of them fitted
--
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
	'entropy', id * ln(k) / 7, 'reg_covar', 1e-9 / id, 'n_incomplete', id % 10, 'n_reseeded', id % 3,
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
		('flag of another meaning', set_byte(b, 3, 2)),
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
		('reg_covar -1', overlay(f PLACING '\xbff0000000000000' FROM 62)),
		('n_incomplete 6', overlay(f PLACING '\x06' FROM 77)),
		('n_reseeded -1', overlay(f PLACING '\xffffffff' FROM 78)),
		('trials without a fit', overlay(b PLACING '\x01' FROM 16)),
		('trials that are not there', overlay(f PLACING '\x01' FROM 16)),
		('2147483647 trials', overlay(f PLACING '\x7fffffff' FROM 13)),
		('-1 trials', overlay(f PLACING '\xffffffff' FROM 13)),
		('chosen', t),
		('criterion 3', overlay(t PLACING '\x03' FROM 85)),
		('trial of family 4', overlay(t PLACING '\x04' FROM 114)),
		('trial that converged twice', overlay(t PLACING '\x02' FROM 135)),
		('trial of k = 0', overlay(t PLACING '\x00000000' FROM 110)),
		('trial of log_likelihood NaN', overlay(t PLACING '\x7ff8000000000000' FROM 115))
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
\echo reg_covar -1
\copy (SELECT bytes FROM hostile WHERE name = 'reg_covar -1') TO 'results/hostile.bin' (FORMAT binary)
\copy received FROM 'results/hostile.bin' (FORMAT binary)
\echo n_incomplete 6
\copy (SELECT bytes FROM hostile WHERE name = 'n_incomplete 6') TO 'results/hostile.bin' (FORMAT binary)
\copy received FROM 'results/hostile.bin' (FORMAT binary)
\echo n_reseeded -1
\copy (SELECT bytes FROM hostile WHERE name = 'n_reseeded -1') TO 'results/hostile.bin' (FORMAT binary)
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

--
-- Soft errors, since 16.  (Before it, the answers are put in so that the
-- expected file is one.)
--
SELECT current_setting('server_version_num')::integer >= 160000 AS soft_errors \gset
CREATE TABLE inputs (valid boolean, input text);
INSERT INTO inputs VALUES
	(true, '{"weights": [1], "means": [0], "covariances": [1]}'),
	(false, '{'),
	(false, '[]'),
	(false, '{}'),
	(false, '{"weight": [1]}'),
	(false, '{"weights": [1], "weights": [1]}'),
	(false, '{"weights": null}'),
	(false, '{"weights": [1e999]}'),
	(false, '{"weights": [[[[1]]]]}'),
	(false, '{"weights": [[1], 1]}'),
	(false, '{"k": 1.5}'),
	(false, '{"covariance_type": "round"}'),
	(false, '{"weights": [1], "means": [0], "covariances": [1], "k": 2}'),
	(false, '{"weights": [1], "means": [0], "covariances": [1], "n_rows": 2}'),
	(false, '{"weights": [2], "means": [0], "covariances": [1]}'),
	(false, '{"weights": [1], "means": [[0, 0]], "covariances": [1]}'),
	(false, '{"weights": [1], "means": [[0, 0]], "covariances": [[[1, 0], [1, 1]]]}'),
	(false, '{"weights": [1], "means": [0], "covariances": [0]}'),
	(false, '{"weights": [' || repeat('0,', 10000) || '1], "means": [0], "covariances": [1]}');
\if :soft_errors
SELECT bool_and(valid = pg_input_is_valid(input, 'gmm_model')) AS as_expected FROM inputs \gset
SELECT message FROM pg_input_error_info('{"weights": [2], "means": [0], "covariances": [1]}', 'gmm_model') \gset
\else
SELECT true AS as_expected, '"weights" must sum to 1, but sum to 2' AS message \gset
\endif
SELECT :'as_expected', :'message';

DROP TABLE models, hostile, received, inputs;
DROP FUNCTION read_model, read_fit, read_path, random_values, random_matrix, random_model, same;
