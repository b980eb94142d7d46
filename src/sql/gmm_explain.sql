-- why: rows explained, components told apart (score/explain_rows.c, model/model_profile.c)

CREATE FUNCTION gmm_explain(
	model gmm_model,
	features double precision[],
	INOUT component integer DEFAULT NULL,
	OUT element integer,
	OUT feature text,
	OUT value double precision,
	OUT expected double precision,
	OUT deviations double precision,
	OUT contribution double precision
) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 200 ROWS 10;
COMMENT ON FUNCTION gmm_explain(gmm_model, double precision[], integer)
	IS 'why a row is as far from a component as it is, the most probable one unless said otherwise: a row for each feature';

CREATE FUNCTION gmm_explain_component(
	model gmm_model,
	features double precision[],
	INOUT component integer DEFAULT NULL,
	INOUT other integer DEFAULT NULL,
	OUT element integer,
	OUT term text,
	OUT value double precision,
	OUT log_odds double precision
) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 200 ROWS 10;
COMMENT ON FUNCTION gmm_explain_component(gmm_model, double precision[], integer, integer)
	IS 'why a row is of a component and not of another, the two most probable ones unless said otherwise: terms that sum to the log-odds';

CREATE FUNCTION gmm_profile(
	model gmm_model,
	OUT component integer,
	OUT weight double precision,
	OUT rank integer,
	OUT element integer,
	OUT feature text,
	OUT mean double precision,
	OUT deviation double precision,
	OUT others_mean double precision,
	OUT others_deviation double precision,
	OUT effect double precision,
	OUT description text
) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10 ROWS 30;
COMMENT ON FUNCTION gmm_profile(gmm_model)
	IS 'what tells each component of a mixture model from the others, feature by feature, the largest difference first';
