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

-- === applying a model: predict and its family (score.c) ===

-- === looking into a model: components, summary, criteria (inspect.c) ===
