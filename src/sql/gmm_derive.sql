-- one model from another, and rows from it (score/derive_rows.c)

CREATE FUNCTION gmm_sample_support(internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION gmm_sample_support(internal) IS 'planner support: as many rows as the argument says';

CREATE FUNCTION gmm_top_support(internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION gmm_top_support(internal) IS 'planner support: as many rows as the argument says, and the model has';

CREATE FUNCTION gmm_marginal(model gmm_model, dims integer[]) RETURNS gmm_model
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION gmm_marginal(gmm_model, integer[])
	IS 'mixture of some dimensions of a mixture, counted from 1';

CREATE FUNCTION gmm_condition(model gmm_model, features double precision[]) RETURNS gmm_model
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 200;
COMMENT ON FUNCTION gmm_condition(gmm_model, double precision[])
	IS 'mixture of the dimensions that are NULL, given the values of the others';

CREATE FUNCTION gmm_impute(model gmm_model, features double precision[]) RETURNS double precision[]
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION gmm_impute(gmm_model, double precision[])
	IS 'row with its NULL elements replaced by their expectation given the others';

CREATE FUNCTION gmm_sample(
	model gmm_model,
	n bigint,
	seed bigint DEFAULT 1,
	OUT component integer,
	OUT features double precision[]
) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000 ROWS 1000
	SUPPORT gmm_sample_support;
COMMENT ON FUNCTION gmm_sample(gmm_model, bigint, bigint)
	IS 'rows drawn from a mixture, those of component 0 from its noise; the same seed draws the same rows';

CREATE FUNCTION gmm_top(
	model gmm_model,
	features double precision[],
	n bigint,
	cutoff double precision DEFAULT 0,
	OUT component integer,
	OUT probability double precision
) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100 ROWS 5
	SUPPORT gmm_top_support;
COMMENT ON FUNCTION gmm_top(gmm_model, double precision[], bigint, double precision)
	IS 'most probable components of a row, best first, 0 for noise, those below the cutoff left out';

