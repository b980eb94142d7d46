-- distributions in one dimension (score/cdf.c)

CREATE FUNCTION gmm_cdf(
	model gmm_model, x double precision, upper boolean DEFAULT false
) RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION gmm_cdf(gmm_model, double precision, boolean)
	IS 'the probability of a value of at most x under a mixture of one dimension, or above x';

CREATE FUNCTION gmm_quantile(model gmm_model, p double precision) RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION gmm_quantile(gmm_model, double precision)
	IS 'the value that a share p of the rows of a mixture of one dimension are at most';

