-- What doc/mistakes.md says of common mistakes beyond its table: of the extension in
-- a schema outside of the path, and why gmm has no function that exists only to give a
-- hint.

-- --- a schema outside of the path ---

CREATE SCHEMA elsewhere;
ALTER EXTENSION gmm SET SCHEMA elsewhere;
CREATE TABLE points AS SELECT ARRAY[i % 7, i % 5 + i % 7]::float8[] AS x FROM generate_series(1, 70) AS i;
SELECT raises('SELECT gmm_fit(x, 2) FROM points', '42883', 'function gmm_fit(double precision[], integer) does not exist',
              'outside of the path a function does not exist');
SELECT ok((SELECT elsewhere.gmm_fit(x, 2) IS NOT NULL FROM points), 'unless its name is qualified');
SELECT ok(count(*) >= 0, 'the view, too') FROM elsewhere.gmm_progress;
SET search_path = elsewhere, public, tap;
SELECT ok((SELECT gmm_fit(x, 2) IS NOT NULL FROM points), 'or the schema is in the path');
SET search_path = public, tap;
ALTER EXTENSION gmm SET SCHEMA public;

-- --- functions that only give a hint ---

-- With each of them a call that is right fails, as long as it is there.
CREATE FUNCTION swapped_arguments(double precision[], gmm_model) RETURNS integer LANGUAGE sql AS 'SELECT NULL::integer';
SELECT ok(gmm_predict('{"k":1,"d":1,"covariance_type":"full","weights":[1],"means":[[0]],"covariances":[[[1]]]}', '{2}') = 1,
          'a model and a row may be literals');
PREPARE untyped AS SELECT gmm_predict($1, $2);
DEALLOCATE untyped;
ALTER FUNCTION swapped_arguments(double precision[], gmm_model) RENAME TO gmm_predict;
SELECT raises('PREPARE untyped AS SELECT gmm_predict($1, $2)', '42725', 'is not unique', 'but not beside gmm_predict(features, model)');
DROP FUNCTION gmm_predict(double precision[], gmm_model);

CREATE FUNCTION no_array(double precision[], double precision, bigint) RETURNS double precision[] LANGUAGE sql AS 'SELECT $1';
CREATE AGGREGATE gmm_fit(double precision, bigint) (SFUNC = no_array, STYPE = double precision[]);
SELECT raises($$SELECT gmm_fit('{1,2}', 1)$$, '22P02', 'double precision', 'nor is a row beside gmm_fit(feature, k)');
DROP AGGREGATE gmm_fit(double precision, bigint);
SELECT ok(gmm_fit('{1,2}', 1) IS NOT NULL, 'which it is without');

CREATE FUNCTION no_options(double precision[], double precision[], bigint, integer) RETURNS double precision[] LANGUAGE sql AS 'SELECT $1';
CREATE AGGREGATE gmm_fit(double precision[], bigint, integer) (SFUNC = no_options, STYPE = double precision[]);
SELECT raises($$SELECT gmm_fit(x, 2, '{"seed": 2}') FROM points$$, '42725', 'is not unique', 'nor are options beside gmm_fit(features, k, max_iter)');
DROP AGGREGATE gmm_fit(double precision[], bigint, integer);
SELECT ok((SELECT gmm_fit(x, 2, '{"seed": 2}') IS NOT NULL FROM points), 'which they are without');

SELECT finish();
