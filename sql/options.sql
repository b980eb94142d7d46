--
-- Options of a fit: gmm_options(), and jsonb as gmm_fit reads it
--
\set VERBOSITY terse
\pset format unaligned
\pset tuples_only on

-- The same for options as jsonb, which the first row of a fit brings
CREATE FUNCTION pg_temp.option_refusal(options jsonb) RETURNS text
LANGUAGE sql AS $$
	SELECT refusal(format('SELECT gmm_fit(ARRAY[x, x * x], 1, %L) FROM generate_series(1.0, 9.0) x', options))
$$;

-- Only what is given is kept
SELECT gmm_options();
SELECT gmm_options(covariance_type => 'diag', max_iter => 50);
SELECT gmm_options('tied', 10, 0.001, 0, 3, 'random', -1, false);
SELECT gmm_options(max_iter => NULL, seed => 9223372036854775807);
SELECT gmm_options(seed => (-9223372036854775808)::bigint);

-- Doubles survive exactly, whatever extra_float_digits
SET extra_float_digits = -3;
SELECT (gmm_options(tol => 0.1::float8 + 0.2::float8)->>'tol')::float8 = 0.1::float8 + 0.2::float8;
SELECT gmm_options(tol => 0.1, reg_covar => 1e-300)->'tol';
RESET extra_float_digits;

-- Names of families, scikit-learn's and mclust's, in any case
SELECT name, pg_temp.option_refusal(gmm_options(covariance_type => name))
FROM unnest(ARRAY['full', 'tied', 'diag', 'spherical', 'VVV', 'EEE', 'VVI', 'VII', 'Full', 'vvi']) name;

-- The ends of the ranges
SELECT pg_temp.option_refusal(options)
FROM unnest(ARRAY['{}', '{"max_iter": 1}', '{"max_iter": 1000000}', '{"max_iter": 5.0}', '{"tol": 0}',
				  '{"reg_covar": 0}', '{"n_init": 1}', '{"n_init": 1000}', '{"init": "random"}',
				  '{"init": "kmeans++"}', '{"missing": "marginalize"}', '{"missing": "skip"}', '{"too_few_rows": "error"}',
				  '{"too_few_rows": "fewer"}', '{"too_few_rows": "null"}', '{"seed": -9223372036854775808}',
				  '{"seed": 9223372036854775807}', '{"accelerate": false}']::jsonb[]) options;

-- Unknown names
SELECT pg_temp.option_refusal('{"maxiter": 10}');
SELECT pg_temp.option_refusal('{"covariance": "full"}');
SELECT pg_temp.option_refusal('{"SEED": 1}');
SELECT pg_temp.option_refusal('{"": 1}');
SELECT pg_temp.option_refusal('{"missed": "skip"}');
SELECT pg_temp.option_refusal(jsonb_build_object(repeat('x', 300), 1));

-- Not an object
SELECT pg_temp.option_refusal('[]');
SELECT pg_temp.option_refusal('"diag"');
SELECT pg_temp.option_refusal('null');
SELECT pg_temp.option_refusal('[{"seed": 1}]');

-- Wrong type or range, one option after the other
SELECT pg_temp.option_refusal('{"covariance_type": "round"}');
SELECT pg_temp.option_refusal('{"covariance_type": 1}');
SELECT pg_temp.option_refusal('{"covariance_type": null}');
SELECT pg_temp.option_refusal('{"max_iter": 0}');
SELECT pg_temp.option_refusal('{"max_iter": 1000001}');
SELECT pg_temp.option_refusal('{"max_iter": 1.5}');
SELECT pg_temp.option_refusal('{"max_iter": "10"}');
SELECT pg_temp.option_refusal('{"max_iter": 1e400}');
SELECT pg_temp.option_refusal('{"tol": -1e-9}');
SELECT pg_temp.option_refusal('{"tol": "small"}');
SELECT pg_temp.option_refusal('{"reg_covar": -1}');
SELECT pg_temp.option_refusal('{"reg_covar": [1, 2]}');
SELECT pg_temp.option_refusal('{"reg_covar": 1.1e15}');
SELECT pg_temp.option_refusal('{"n_init": 0}');
SELECT pg_temp.option_refusal('{"n_init": 1001}');
SELECT pg_temp.option_refusal('{"n_init": {}}');
SELECT pg_temp.option_refusal('{"init": "kmeans"}');
SELECT pg_temp.option_refusal('{"init": true}');
SELECT pg_temp.option_refusal('{"missing": "mean"}');
SELECT pg_temp.option_refusal('{"missing": false}');
SELECT pg_temp.option_refusal('{"seed": 9223372036854775808}');
SELECT pg_temp.option_refusal('{"seed": 0.5}');
SELECT pg_temp.option_refusal('{"seed": null}');
SELECT pg_temp.option_refusal('{"accelerate": "yes"}');
SELECT pg_temp.option_refusal('{"accelerate": 1}');
SELECT pg_temp.option_refusal(jsonb_build_object('init', repeat('x', 300)));

-- gmm_options() validates at once
SELECT refusal($$SELECT gmm_options(covariance_type => 'round')$$);
SELECT refusal($$SELECT gmm_options(covariance_type => '')$$);
SELECT refusal($$SELECT gmm_options(max_iter => -1)$$);
SELECT refusal($$SELECT gmm_options(tol => 'NaN')$$);
SELECT refusal($$SELECT gmm_options(tol => -1)$$);
SELECT refusal($$SELECT gmm_options(reg_covar => 'Infinity')$$);
SELECT refusal($$SELECT gmm_options(n_init => -3)$$);
SELECT refusal($$SELECT gmm_options(init => 'first')$$);
SELECT gmm_options(missing => 'error');
SELECT refusal($$SELECT gmm_options(missing => 'drop')$$);

-- Options are read with the first row, not after the last
SELECT refusal($$
	SELECT gmm_fit(ARRAY[1 / (x - 1)], 1, '{"sed": 1}') FROM generate_series(2, 1, -1) x
$$);

-- A model that stays as it is: gmm_refit only
SELECT gmm_options(max_iter => 0);
SELECT refusal($$
	SELECT gmm_fit_best(ARRAY[x, x * x], 1, 2, gmm_options(max_iter => 0)) FROM generate_series(1.0, 9.0) x
$$);
SELECT iterations, converged, n_rows
FROM (SELECT gmm_refit(ARRAY[x, 1], gmm_model('{1}', '{{0,0}}', '{1}', 'spherical'), gmm_options(max_iter => 0)) AS model
	  FROM generate_series(1.0, 9.0) x) AS scored, gmm_summary(model);

SELECT refusal(format($$
	SELECT gmm_refit(ARRAY[x, 1], gmm_model('{1}', '{{0,0}}', '{1}', 'spherical'), gmm_options(max_iter => 0) || %L)
	FROM generate_series(1.0, 9.0) x
$$, options))
FROM unnest(ARRAY['{"tol": 1e-3}', '{"accelerate": true}', '{"fixed": "means"}', '{"prior": true}', '{"noise": false}', '{"seed": 1}',
				  '{"prior": false, "reg_covar": 0, "missing": "skip", "features": [], "covariance_type": "spherical"}']::jsonb[]) AS options;

-- Random choices, of which a fit that has its start makes none
SELECT refusal($$
	SELECT gmm_refit(ARRAY[x], gmm_model('{1}', '{{0}}', '{1}', 'spherical'), gmm_options(seed => 1)) FROM generate_series(1.0, 9.0) x
$$);

-- A prior
SELECT gmm_options(prior => true), gmm_options(prior => 'model'), gmm_options(prior => false);
SELECT gmm_options(prior => '{"shrinkage": 0, "dof": 4.5, "scale": [[1, 0], [0, 2]]}');
SELECT pg_temp.option_refusal(gmm_options(prior => prior::jsonb))
FROM unnest(ARRAY['true', 'false', '{}', '{"shrinkage": 0}', '{"dof": 2}', '{"mean": [1, 2], "shrinkage": 1}',
				  '{"scale": [[1, 0.5], [0.5, 2]]}']) AS prior;
SELECT refusal(format($$SELECT gmm_options(prior => %L::jsonb)$$, prior))
FROM unnest(ARRAY['1', '"yes"', 'null', '[]', '{"kappa": 1}', '{"shrinkage": -1}', '{"shrinkage": "1"}', '{"dof": 0}',
				  '{"dof": 1e16}', '{"strength": 0}', '{"strength": 5, "dof": 4}', '{"mean": "5"}', '{"mean": []}',
				  '{"mean": [1, [2]]}', '{"mean": [[1], 2]}', '{"mean": [1, null]}', '{"mean": {"a": 1}}', '{"mean": [1e999]}',
				  '{"mean": [1, -1.1e100]}', '{"scale": [[1, 2], [3]]}', '{"scale": [[[1]]]}', '{"mean": [1, 2], "shrinkage": 0}']) AS prior;
-- what depends on the shape is refused with the first row
SELECT refusal(format($$
	SELECT gmm_fit(ARRAY[1 / (x - 1), x], 1, gmm_options(covariance_type => %L, prior => %L::jsonb)) FROM generate_series(2, 1, -1) x
$$, family, prior))
FROM (VALUES ('full', '{"mean": [1, 2, 3]}'), ('full', '{"dof": 1}'), ('diag', '{"dof": 1, "mean": [1]}'),
			 ('full', '{"scale": [1, 2]}'), ('tied', '{"scale": [[1, 2], [2, 1]]}'), ('full', '{"scale": [[1, 0], [0.5, 1]]}'),
			 ('diag', '{"scale": [[1, 0], [0, 1]]}'), ('diag', '{"scale": [1, -1]}'), ('spherical', '{"scale": [1, 1]}'),
			 ('spherical', '{"scale": 0}')) AS v (family, prior);
SELECT refusal($$
	SELECT gmm_fit_best(ARRAY[x, x * x], 1, 2, gmm_options(covariance_type => 'auto', prior => '{"scale": 1}')) FROM generate_series(1, 9) x
$$);
SELECT pg_temp.option_refusal('{"prior": "model"}');
SELECT refusal($$SELECT gmm_fit_table('pg_class', '{reltuples}', 1, '{"prior": {"strength": 5}}')$$);
SELECT refusal($$
	SELECT gmm_refit(ARRAY[x], gmm_model('{1}', '{{0}}', '{1}', 'diag'), gmm_options(prior => 'model', max_iter => 0)) FROM generate_series(1, 9) x
$$);

-- as far out as rows may be, and worth more than a double holds
SELECT pg_temp.option_refusal('{"prior": {"mean": [1e100, -1e100], "shrinkage": 1e15}}');
SELECT refusal($$
	SELECT gmm_refit(ARRAY[x], gmm_model('{1}', '{{0}}', '{1e300}', 'spherical'), gmm_options(prior => '{"strength": 1e15}')) FROM generate_series(1, 9) x
$$);
SELECT refusal($$
	SELECT gmm_maximize(gmm_accumulate(ARRAY[x], gmm_model('{1}', '{{0}}', '{1e300}', 'spherical')), gmm_options(prior => '{"strength": 1e15}')) FROM generate_series(1, 9) x
$$);
-- or far from a component that no row is near
SELECT refusal($$
	SELECT gmm_maximize(gmm_accumulate(ARRAY[x], gmm_model('{0.5,0.5}', '{{5},{1e305}}', '{1,1}', 'spherical')), gmm_options(prior => '{"mean": 5, "shrinkage": 1e10}'))
	FROM generate_series(1, 9) x
$$);

-- Fixed parts
SELECT gmm_options(fixed => '{2,weights}'), gmm_options(fixed => 'means'), gmm_options(fixed => ARRAY[1, 2]), gmm_options(fixed => 3),
	   gmm_options(fixed => '[]'::jsonb), gmm_options(fixed => '[0:1]={2,1}'::integer[]);
SELECT refusal(format($$SELECT gmm_options(fixed => %s)$$, fixed))
FROM unnest(ARRAY['0', '10001', '1.5', 'true', $$'mean'$$, $$'{1,all}'$$, $$'{{1}}'::text[]$$, $$'{1,NULL}'::int[]$$, $$'{"means": true}'::jsonb$$,
				  $$'[[1]]'::jsonb$$, 'now()', $$'{"a": 1'$$]) AS fixed;
SELECT pg_temp.option_refusal('{"fixed": "means"}');
SELECT refusal($$
	SELECT gmm_refit(ARRAY[x], gmm_model('{0.5,0.5}', '{{0},{9}}', '{1}', 'tied'), gmm_options(fixed => '{3,1}')) FROM generate_series(1, 9) x
$$);
SELECT refusal($$
	SELECT gmm_refit(ARRAY[x], gmm_model('{0.5,0.5}', '{{0},{9}}', '{1}', 'tied'), gmm_options(fixed => '{3,covariances}')) FROM generate_series(1, 9) x
$$);
SELECT refusal($$
	SELECT gmm_maximize(gmm_accumulate(ARRAY[x], gmm_model('{1}', '{{0}}', '{1}', 'tied')), gmm_options(fixed => 2)) FROM generate_series(1, 9) x
$$);
SELECT refusal($$
	SELECT gmm_maximize(gmm_accumulate(ARRAY[x], gmm_model('{1}', '{{0}}', '{1}', 'tied')), gmm_options(max_iter => 2)) FROM generate_series(1, 9) x
$$);
