-- looking into a model: components, summary, criteria (model/model_summary.c, model/model_choice.c)

CREATE FUNCTION gmm_components_support(internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION gmm_components_support(internal)
	IS 'planner support: which columns the query uses';

CREATE FUNCTION gmm_components(
	model gmm_model,
	columns integer DEFAULT -1,
	OUT component integer,
	OUT weight double precision,
	OUT feature_names text[],
	OUT mean double precision[],
	OUT covariance double precision[],
	OUT n_effective double precision,
	OUT condition_number double precision,
	OUT suspect text
) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10 ROWS 10
	SUPPORT gmm_components_support;
COMMENT ON FUNCTION gmm_components(gmm_model, integer) IS 'components of a mixture model, one a row';

CREATE FUNCTION gmm_summary(
	model gmm_model,
	OUT k integer,
	OUT d integer,
	OUT feature_names text[],
	OUT covariance_type text,
	OUT n_rows bigint,
	OUT n_incomplete bigint,
	OUT n_labelled bigint,
	OUT sum_weights double precision,
	OUT log_likelihood double precision,
	OUT log_density_stddev double precision,
	OUT log_prior double precision,
	OUT entropy double precision,
	OUT bic double precision,
	OUT aic double precision,
	OUT icl double precision,
	OUT reg_covar double precision,
	OUT iterations integer,
	OUT converged boolean,
	OUT n_starts integer,
	OUT n_best_starts integer,
	OUT n_reseeded integer,
	OUT n_omitted integer,
	OUT n_suspect integer,
	OUT noise_weight double precision
) RETURNS record
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION gmm_summary(gmm_model) IS 'shape of a mixture model, and how it was fitted';

CREATE FUNCTION gmm_bic(model gmm_model) RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION gmm_bic(gmm_model)
	IS 'Bayesian information criterion of a fitted model, lower is better';

CREATE FUNCTION gmm_aic(model gmm_model) RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION gmm_aic(gmm_model)
	IS 'Akaike information criterion of a fitted model, lower is better';

CREATE FUNCTION gmm_icl(model gmm_model) RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION gmm_icl(gmm_model)
	IS 'integrated completed likelihood of a fitted model, lower is better';

CREATE FUNCTION gmm_trials(
	model gmm_model,
	OUT k integer,
	OUT covariance_type text,
	OUT n_parameters bigint,
	OUT log_likelihood double precision,
	OUT bic double precision,
	OUT aic double precision,
	OUT icl double precision,
	OUT iterations integer,
	OUT converged boolean,
	OUT n_starts integer,
	OUT n_best_starts integer,
	OUT n_suspect integer,
	OUT chosen boolean
) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10 ROWS 10;
COMMENT ON FUNCTION gmm_trials(gmm_model)
	IS 'what was tried before a mixture model was chosen, one try a row';

