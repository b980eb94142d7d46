--
-- gmm_model from text, and what each text is refused for
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
SELECT read_fit('log_density_stddev', '0.5');
SELECT read_fit('log_density_stddev', '-0.5');
SELECT read_fit('reg_covar', '1e-3');
SELECT read_fit('reg_covar', '-1e-3');
SELECT read_fit('n_incomplete', '5');
SELECT read_fit('n_incomplete', '6');
SELECT read_fit('n_reseeded', '-1');
SELECT read_fit('n_omitted', '3');
SELECT read_fit('n_omitted', '-1');
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

DROP TABLE inputs;
DROP FUNCTION read_model, read_fit, read_trials, trial;
