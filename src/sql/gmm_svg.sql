-- a picture: gmm_svg (svg/svg_aggregate.c)

-- A state is a sample of at most 4,000 points of 40 bytes, beside the model.

CREATE FUNCTION gmm_svg_transition(internal, double precision[], gmm_model) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;
COMMENT ON FUNCTION gmm_svg_transition(internal, double precision[], gmm_model)
	IS 'transition function of gmm_svg';

CREATE FUNCTION gmm_svg_transition(
	internal, double precision[], gmm_model, integer
) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;
COMMENT ON FUNCTION gmm_svg_transition(internal, double precision[], gmm_model, integer)
	IS 'transition function of gmm_svg';

CREATE FUNCTION gmm_svg_transition(
	internal, double precision[], gmm_model, integer, integer
) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;
COMMENT ON FUNCTION gmm_svg_transition(internal, double precision[], gmm_model, integer, integer)
	IS 'transition function of gmm_svg';

CREATE FUNCTION gmm_svg_combine(internal, internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION gmm_svg_combine(internal, internal) IS 'combine function of gmm_svg';

CREATE FUNCTION gmm_svg_serialize(internal) RETURNS bytea
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION gmm_svg_serialize(internal) IS 'serialization function of gmm_svg';

CREATE FUNCTION gmm_svg_deserialize(bytea, internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION gmm_svg_deserialize(bytea, internal) IS 'deserialization function of gmm_svg';

CREATE FUNCTION gmm_svg_final(internal) RETURNS text
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10000;
COMMENT ON FUNCTION gmm_svg_final(internal) IS 'final function of gmm_svg';

CREATE AGGREGATE gmm_svg(features double precision[], model gmm_model) (
	SFUNC = gmm_svg_transition, STYPE = internal, SSPACE = 160000,
	FINALFUNC = gmm_svg_final, FINALFUNC_MODIFY = READ_ONLY,
	COMBINEFUNC = gmm_svg_combine, SERIALFUNC = gmm_svg_serialize, DESERIALFUNC = gmm_svg_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE gmm_svg(double precision[], gmm_model)
	IS 'a picture of the rows of a group and of a mixture, as SVG: the first two features, or the only one';

CREATE AGGREGATE gmm_svg(features double precision[], model gmm_model, dim_x integer) (
	SFUNC = gmm_svg_transition, STYPE = internal, SSPACE = 160000,
	FINALFUNC = gmm_svg_final, FINALFUNC_MODIFY = READ_ONLY,
	COMBINEFUNC = gmm_svg_combine, SERIALFUNC = gmm_svg_serialize, DESERIALFUNC = gmm_svg_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE gmm_svg(double precision[], gmm_model, integer)
	IS 'a picture of the rows of a group and of a mixture, as SVG: the density of one feature';

CREATE AGGREGATE gmm_svg(
	features double precision[], model gmm_model, dim_x integer, dim_y integer
) (
	SFUNC = gmm_svg_transition, STYPE = internal, SSPACE = 160000,
	FINALFUNC = gmm_svg_final, FINALFUNC_MODIFY = READ_ONLY,
	COMBINEFUNC = gmm_svg_combine, SERIALFUNC = gmm_svg_serialize, DESERIALFUNC = gmm_svg_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE gmm_svg(double precision[], gmm_model, integer, integer)
	IS 'a picture of the rows of a group and of a mixture, as SVG: two features';

