-- pictures: gmm_svg, gmm_svg_pairs (svg/svg_aggregate.c), gmm_svg_trials (svg/svg_trials.c)

-- A state is a sample of at most 4,000 points of 72 bytes, beside the model.

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

CREATE FUNCTION gmm_svg_transition(
	internal, double precision[], gmm_model, integer, integer, jsonb
) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;
COMMENT ON FUNCTION gmm_svg_transition(internal, double precision[], gmm_model, integer, integer, jsonb)
	IS 'transition function of gmm_svg';

CREATE FUNCTION gmm_svg_pairs_transition(
	internal, double precision[], gmm_model
) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;
COMMENT ON FUNCTION gmm_svg_pairs_transition(internal, double precision[], gmm_model)
	IS 'transition function of gmm_svg_pairs';

CREATE FUNCTION gmm_svg_pairs_transition(
	internal, double precision[], gmm_model, integer[]
) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;
COMMENT ON FUNCTION gmm_svg_pairs_transition(internal, double precision[], gmm_model, integer[])
	IS 'transition function of gmm_svg_pairs';

CREATE FUNCTION gmm_svg_pairs_transition(
	internal, double precision[], gmm_model, integer[], jsonb
) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;
COMMENT ON FUNCTION gmm_svg_pairs_transition(internal, double precision[], gmm_model, integer[], jsonb)
	IS 'transition function of gmm_svg_pairs';

CREATE FUNCTION gmm_svg_combine(internal, internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION gmm_svg_combine(internal, internal)
	IS 'combine function of gmm_svg and gmm_svg_pairs';

CREATE FUNCTION gmm_svg_serialize(internal) RETURNS bytea
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION gmm_svg_serialize(internal)
	IS 'serialization function of gmm_svg and gmm_svg_pairs';

CREATE FUNCTION gmm_svg_deserialize(bytea, internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION gmm_svg_deserialize(bytea, internal)
	IS 'deserialization function of gmm_svg and gmm_svg_pairs';

CREATE FUNCTION gmm_svg_final(internal) RETURNS text
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10000;
COMMENT ON FUNCTION gmm_svg_final(internal)
	IS 'final function of gmm_svg and gmm_svg_pairs';

CREATE AGGREGATE gmm_svg(features double precision[], model gmm_model) (
	SFUNC = gmm_svg_transition, STYPE = internal, SSPACE = 300000,
	FINALFUNC = gmm_svg_final, FINALFUNC_MODIFY = READ_ONLY,
	COMBINEFUNC = gmm_svg_combine, SERIALFUNC = gmm_svg_serialize, DESERIALFUNC = gmm_svg_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE gmm_svg(double precision[], gmm_model)
	IS 'a picture of the rows of a group and of a mixture, as SVG: the two features that tell the components apart, or the only one';

CREATE AGGREGATE gmm_svg(features double precision[], model gmm_model, dim_x integer) (
	SFUNC = gmm_svg_transition, STYPE = internal, SSPACE = 300000,
	FINALFUNC = gmm_svg_final, FINALFUNC_MODIFY = READ_ONLY,
	COMBINEFUNC = gmm_svg_combine, SERIALFUNC = gmm_svg_serialize, DESERIALFUNC = gmm_svg_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE gmm_svg(double precision[], gmm_model, integer)
	IS 'a picture of the rows of a group and of a mixture, as SVG: the density of one feature';

CREATE AGGREGATE gmm_svg(
	features double precision[], model gmm_model, dim_x integer, dim_y integer
) (
	SFUNC = gmm_svg_transition, STYPE = internal, SSPACE = 300000,
	FINALFUNC = gmm_svg_final, FINALFUNC_MODIFY = READ_ONLY,
	COMBINEFUNC = gmm_svg_combine, SERIALFUNC = gmm_svg_serialize, DESERIALFUNC = gmm_svg_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE gmm_svg(double precision[], gmm_model, integer, integer)
	IS 'a picture of the rows of a group and of a mixture, as SVG: two features';

CREATE AGGREGATE gmm_svg(
	features double precision[], model gmm_model, dim_x integer, dim_y integer, options jsonb
) (
	SFUNC = gmm_svg_transition, STYPE = internal, SSPACE = 300000,
	FINALFUNC = gmm_svg_final, FINALFUNC_MODIFY = READ_ONLY,
	COMBINEFUNC = gmm_svg_combine, SERIALFUNC = gmm_svg_serialize, DESERIALFUNC = gmm_svg_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE gmm_svg(double precision[], gmm_model, integer, integer, jsonb)
	IS 'a picture of the rows of a group and of a mixture, as SVG: two features or one, with a title and a size';

CREATE AGGREGATE gmm_svg_pairs(features double precision[], model gmm_model) (
	SFUNC = gmm_svg_pairs_transition, STYPE = internal, SSPACE = 300000,
	FINALFUNC = gmm_svg_final, FINALFUNC_MODIFY = READ_ONLY,
	COMBINEFUNC = gmm_svg_combine, SERIALFUNC = gmm_svg_serialize, DESERIALFUNC = gmm_svg_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE gmm_svg_pairs(double precision[], gmm_model)
	IS 'a picture of the rows of a group and of a mixture, as SVG: every pair of up to six features';

CREATE AGGREGATE gmm_svg_pairs(features double precision[], model gmm_model, dims integer[]) (
	SFUNC = gmm_svg_pairs_transition, STYPE = internal, SSPACE = 300000,
	FINALFUNC = gmm_svg_final, FINALFUNC_MODIFY = READ_ONLY,
	COMBINEFUNC = gmm_svg_combine, SERIALFUNC = gmm_svg_serialize, DESERIALFUNC = gmm_svg_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE gmm_svg_pairs(double precision[], gmm_model, integer[])
	IS 'a picture of the rows of a group and of a mixture, as SVG: every pair of these features';

CREATE AGGREGATE gmm_svg_pairs(
	features double precision[], model gmm_model, dims integer[], options jsonb
) (
	SFUNC = gmm_svg_pairs_transition, STYPE = internal, SSPACE = 300000,
	FINALFUNC = gmm_svg_final, FINALFUNC_MODIFY = READ_ONLY,
	COMBINEFUNC = gmm_svg_combine, SERIALFUNC = gmm_svg_serialize, DESERIALFUNC = gmm_svg_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE gmm_svg_pairs(double precision[], gmm_model, integer[], jsonb)
	IS 'a picture of the rows of a group and of a mixture, as SVG: every pair of these features, with a title and a size';

CREATE FUNCTION gmm_svg_trials(model gmm_model, options jsonb DEFAULT NULL) RETURNS text
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10000;
COMMENT ON FUNCTION gmm_svg_trials(gmm_model, jsonb)
	IS 'a picture of what gmm_fit_best tried, as SVG: the criterion by the number of components';
