-- components that make up a cluster together (score/predict_clusters.c)

CREATE FUNCTION gmm_clusters(model gmm_model) RETURNS integer[]
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10000;
COMMENT ON FUNCTION gmm_clusters(gmm_model)
	IS 'the cluster of each component: those between which the density hardly falls are one';

CREATE FUNCTION gmm_clusters(model gmm_model, n bigint) RETURNS integer[]
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10000;
COMMENT ON FUNCTION gmm_clusters(gmm_model, bigint)
	IS 'the cluster of each component, of n clusters: those between which the density falls least are one';

CREATE FUNCTION gmm_predict(
	model gmm_model, features double precision[], clusters integer[]
) RETURNS integer
	AS 'MODULE_PATHNAME', 'gmm_predict_clusters' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
COMMENT ON FUNCTION gmm_predict(gmm_model, double precision[], integer[])
	IS 'the most probable cluster of a row, of components that are of the given clusters; 0 for noise';

CREATE FUNCTION gmm_predict_proba(
	model gmm_model, features double precision[], clusters integer[]
) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'gmm_predict_proba_clusters' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
COMMENT ON FUNCTION gmm_predict_proba(gmm_model, double precision[], integer[])
	IS 'the probability of each cluster given a row, from subscript 0, that of noise, if the model has some; they sum to 1';

CREATE FUNCTION gmm_entropy(
	model gmm_model, features double precision[], clusters integer[]
) RETURNS double precision
	AS 'MODULE_PATHNAME', 'gmm_entropy_clusters' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
COMMENT ON FUNCTION gmm_entropy(gmm_model, double precision[], integer[])
	IS 'how uncertain the cluster of a row is: the entropy of its probabilities, in nats';

CREATE FUNCTION gmm_top(
	model gmm_model,
	features double precision[],
	n bigint,
	cutoff double precision,
	clusters integer[],
	OUT cluster integer,
	OUT probability double precision
) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100 ROWS 5
	SUPPORT gmm_top_support;
COMMENT ON FUNCTION gmm_top(gmm_model, double precision[], bigint, double precision, integer[])
	IS 'most probable clusters of a row, best first, 0 for noise, those below the cutoff left out';

