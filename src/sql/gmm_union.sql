-- models of classes as one (model/model_union.c)

CREATE FUNCTION gmm_union_transition(internal, gmm_model, double precision) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;
COMMENT ON FUNCTION gmm_union_transition(internal, gmm_model, double precision)
	IS 'transition function of gmm_union';

CREATE FUNCTION gmm_union_final(internal) RETURNS gmm_model
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;
COMMENT ON FUNCTION gmm_union_final(internal) IS 'final function of gmm_union';

CREATE AGGREGATE gmm_union(model gmm_model, n double precision) (
	SFUNC = gmm_union_transition, STYPE = internal,
	FINALFUNC = gmm_union_final, FINALFUNC_MODIFY = READ_ONLY,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE gmm_union(gmm_model, double precision)
	IS 'the components of all models of a group, in the order of the aggregate, each with its share of n';

