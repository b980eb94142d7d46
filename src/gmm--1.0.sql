/* src/gmm--1.0.sql */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION gmm" to load this file. \quit

-- === the type gmm_model: text, binary, casts, construction (model.c, model_io.c) ===

-- === options (options.c) ===

CREATE FUNCTION gmm_options(
	covariance_type text DEFAULT NULL,
	max_iter integer DEFAULT NULL,
	tol double precision DEFAULT NULL,
	reg_covar double precision DEFAULT NULL,
	n_init integer DEFAULT NULL,
	init text DEFAULT NULL,
	seed bigint DEFAULT NULL,
	accelerate boolean DEFAULT NULL)
RETURNS jsonb
AS 'MODULE_PATHNAME', 'gmm_options'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION gmm_options(text, integer, double precision,
	double precision, integer, text, bigint, boolean) IS
'options of a fit as jsonb, from named arguments; those left out keep their default';

-- === fitting: gmm_fit, gmm_refit (fit.c) ===

-- The state of a group of 20 rows takes 1 to 4 kB, one of 1,000 rows of 10
-- features 80 kB; a state in a hash table cannot be evicted, so SSPACE errs
-- on the side of sorting.

CREATE FUNCTION gmm_fit_transition(internal, double precision[], integer)
RETURNS internal
AS 'MODULE_PATHNAME', 'gmm_fit_transition'
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;

COMMENT ON FUNCTION gmm_fit_transition(internal, double precision[], integer) IS
'transition function of gmm_fit';

CREATE FUNCTION gmm_fit_transition(internal, double precision[], integer, jsonb)
RETURNS internal
AS 'MODULE_PATHNAME', 'gmm_fit_transition'
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;

COMMENT ON FUNCTION gmm_fit_transition(internal, double precision[], integer, jsonb) IS
'transition function of gmm_fit';

CREATE FUNCTION gmm_fit_transition(internal, double precision[], integer, jsonb, double precision)
RETURNS internal
AS 'MODULE_PATHNAME', 'gmm_fit_transition'
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;

COMMENT ON FUNCTION gmm_fit_transition(internal, double precision[], integer, jsonb, double precision) IS
'transition function of gmm_fit';

CREATE FUNCTION gmm_fit_final(internal)
RETURNS gmm_model
AS 'MODULE_PATHNAME', 'gmm_fit_final'
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100000;

COMMENT ON FUNCTION gmm_fit_final(internal) IS
'final function of gmm_fit and gmm_refit';

CREATE AGGREGATE gmm_fit(features double precision[], k integer) (
	SFUNC = gmm_fit_transition,
	STYPE = internal,
	SSPACE = 16384,
	FINALFUNC = gmm_fit_final,
	FINALFUNC_MODIFY = READ_ONLY,
	PARALLEL = SAFE
);

COMMENT ON AGGREGATE gmm_fit(double precision[], integer) IS
'fit a mixture of k components to the rows of a group';

CREATE AGGREGATE gmm_fit(features double precision[], k integer, options jsonb) (
	SFUNC = gmm_fit_transition,
	STYPE = internal,
	SSPACE = 16384,
	FINALFUNC = gmm_fit_final,
	FINALFUNC_MODIFY = READ_ONLY,
	PARALLEL = SAFE
);

COMMENT ON AGGREGATE gmm_fit(double precision[], integer, jsonb) IS
'fit a mixture of k components to the rows of a group, with options';

CREATE AGGREGATE gmm_fit(
	features double precision[], k integer,
	options jsonb, weight double precision) (
	SFUNC = gmm_fit_transition,
	STYPE = internal,
	SSPACE = 16384,
	FINALFUNC = gmm_fit_final,
	FINALFUNC_MODIFY = READ_ONLY,
	PARALLEL = SAFE
);

COMMENT ON AGGREGATE gmm_fit(double precision[], integer, jsonb, double precision) IS
'fit a mixture of k components to the rows of a group, with options and a weight for each row';

CREATE FUNCTION gmm_refit_transition(internal, double precision[], gmm_model)
RETURNS internal
AS 'MODULE_PATHNAME', 'gmm_refit_transition'
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;

COMMENT ON FUNCTION gmm_refit_transition(internal, double precision[], gmm_model) IS
'transition function of gmm_refit';

CREATE FUNCTION gmm_refit_transition(internal, double precision[], gmm_model, jsonb)
RETURNS internal
AS 'MODULE_PATHNAME', 'gmm_refit_transition'
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;

COMMENT ON FUNCTION gmm_refit_transition(internal, double precision[], gmm_model, jsonb) IS
'transition function of gmm_refit';

CREATE FUNCTION gmm_refit_transition(internal, double precision[], gmm_model, jsonb, double precision)
RETURNS internal
AS 'MODULE_PATHNAME', 'gmm_refit_transition'
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;

COMMENT ON FUNCTION gmm_refit_transition(internal, double precision[], gmm_model, jsonb, double precision) IS
'transition function of gmm_refit';

CREATE AGGREGATE gmm_refit(features double precision[], model gmm_model) (
	SFUNC = gmm_refit_transition,
	STYPE = internal,
	SSPACE = 16384,
	FINALFUNC = gmm_fit_final,
	FINALFUNC_MODIFY = READ_ONLY,
	PARALLEL = SAFE
);

COMMENT ON AGGREGATE gmm_refit(double precision[], gmm_model) IS
'fit a mixture to the rows of a group, continuing from a model';

CREATE AGGREGATE gmm_refit(features double precision[], model gmm_model, options jsonb) (
	SFUNC = gmm_refit_transition,
	STYPE = internal,
	SSPACE = 16384,
	FINALFUNC = gmm_fit_final,
	FINALFUNC_MODIFY = READ_ONLY,
	PARALLEL = SAFE
);

COMMENT ON AGGREGATE gmm_refit(double precision[], gmm_model, jsonb) IS
'fit a mixture to the rows of a group, continuing from a model, with options';

CREATE AGGREGATE gmm_refit(
	features double precision[], model gmm_model,
	options jsonb, weight double precision) (
	SFUNC = gmm_refit_transition,
	STYPE = internal,
	SSPACE = 16384,
	FINALFUNC = gmm_fit_final,
	FINALFUNC_MODIFY = READ_ONLY,
	PARALLEL = SAFE
);

COMMENT ON AGGREGATE gmm_refit(double precision[], gmm_model, jsonb, double precision) IS
'fit a mixture to the rows of a group, continuing from a model, with options and a weight for each row';

-- === applying a model: predict and its family (score.c) ===

-- === looking into a model: components, summary, criteria (inspect.c) ===
