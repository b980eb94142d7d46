-- applying a model: predict and its family (score/predict.c)

CREATE FUNCTION gmm_predict(model gmm_model, features double precision[]) RETURNS integer
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
COMMENT ON FUNCTION gmm_predict(gmm_model, double precision[])
	IS 'the most probable component of a row, counted from 1; 0 for noise';

CREATE FUNCTION gmm_predict_proba(
	model gmm_model, features double precision[]
) RETURNS double precision[]
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
COMMENT ON FUNCTION gmm_predict_proba(gmm_model, double precision[])
	IS 'the probability of each component given a row, from subscript 0, that of noise, if the model has some; they sum to 1';

CREATE FUNCTION gmm_noise(model gmm_model, features double precision[]) RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
COMMENT ON FUNCTION gmm_noise(gmm_model, double precision[])
	IS 'the probability that a row is noise; 0 if the model has none';

CREATE FUNCTION gmm_logpdf(model gmm_model, features double precision[]) RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
COMMENT ON FUNCTION gmm_logpdf(gmm_model, double precision[])
	IS 'the logarithm of the mixture''s density at a row';

CREATE FUNCTION gmm_entropy(model gmm_model, features double precision[]) RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
COMMENT ON FUNCTION gmm_entropy(gmm_model, double precision[])
	IS 'how uncertain the component of a row is: the entropy of its probabilities, in nats';

CREATE FUNCTION gmm_mahalanobis(
	model gmm_model, features double precision[]
) RETURNS double precision[]
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
COMMENT ON FUNCTION gmm_mahalanobis(gmm_model, double precision[])
	IS 'the Mahalanobis distance of a row to each component';

CREATE FUNCTION gmm_outlier_pvalue(
	model gmm_model, features double precision[]
) RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION gmm_outlier_pvalue(gmm_model, double precision[])
	IS 'the share of the components'' own rows that have a lower density than this one';

