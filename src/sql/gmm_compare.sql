-- two models side by side (model/model_match.c)

CREATE FUNCTION gmm_compare(
	a gmm_model,
	b gmm_model,
	OUT component_a integer,
	OUT component_b integer,
	OUT weight_a double precision,
	OUT weight_b double precision,
	OUT distance double precision
) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000 ROWS 10;
COMMENT ON FUNCTION gmm_compare(gmm_model, gmm_model)
	IS 'components of two mixture models, matched so that the sum of their Bhattacharyya distances is least';

CREATE FUNCTION gmm_divergence(
	a gmm_model,
	b gmm_model,
	n bigint DEFAULT 10000,
	seed bigint DEFAULT 1,
	OUT divergence double precision,
	OUT standard_error double precision
) RETURNS record
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100000;
COMMENT ON FUNCTION gmm_divergence(gmm_model, gmm_model, bigint, bigint)
	IS 'Kullback-Leibler divergence of the second mixture model from the first, by rows drawn from that';

