
-- sketches of rows: the type gmm_sketch, its aggregates and fits (sketch/)

CREATE TYPE gmm_sketch;

CREATE FUNCTION gmm_sketch_in(cstring) RETURNS gmm_sketch
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION gmm_sketch_in(cstring) IS 'I/O';

CREATE FUNCTION gmm_sketch_out(gmm_sketch) RETURNS cstring
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION gmm_sketch_out(gmm_sketch) IS 'I/O';

CREATE FUNCTION gmm_sketch_recv(internal) RETURNS gmm_sketch
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION gmm_sketch_recv(internal) IS 'I/O';

CREATE FUNCTION gmm_sketch_send(gmm_sketch) RETURNS bytea
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION gmm_sketch_send(gmm_sketch) IS 'I/O';

CREATE TYPE gmm_sketch (
	INTERNALLENGTH = variable,
	INPUT = gmm_sketch_in,
	OUTPUT = gmm_sketch_out,
	RECEIVE = gmm_sketch_recv,
	SEND = gmm_sketch_send,
	ALIGNMENT = double,
	STORAGE = extended
);
COMMENT ON TYPE gmm_sketch
	IS 'sample of distinct rows with their exact moments; sketches of parts merge to that of all';

CREATE FUNCTION gmm_sketch_to_json(sketch gmm_sketch) RETURNS json
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 200;
COMMENT ON FUNCTION gmm_sketch_to_json(gmm_sketch) IS 'the rows of a sketch, as json';

CREATE CAST (gmm_sketch AS json) WITH FUNCTION gmm_sketch_to_json(gmm_sketch) AS ASSIGNMENT;
COMMENT ON CAST (gmm_sketch AS json) IS 'the rows of a sketch, as json';

CREATE FUNCTION gmm_sketch_to_jsonb(sketch gmm_sketch) RETURNS jsonb
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 200;
COMMENT ON FUNCTION gmm_sketch_to_jsonb(gmm_sketch) IS 'the rows of a sketch, as jsonb';

CREATE CAST (gmm_sketch AS jsonb) WITH FUNCTION gmm_sketch_to_jsonb(gmm_sketch) AS ASSIGNMENT;
COMMENT ON CAST (gmm_sketch AS jsonb) IS 'the rows of a sketch, as jsonb';

CREATE FUNCTION gmm_sketch_transition(
	gmm_sketch, features double precision[], size bigint
) RETURNS gmm_sketch
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;
COMMENT ON FUNCTION gmm_sketch_transition(gmm_sketch, double precision[], bigint)
	IS 'transition function of gmm_sketch';

CREATE FUNCTION gmm_sketch_transition(
	gmm_sketch, features double precision[], size bigint, weight double precision
) RETURNS gmm_sketch
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;
COMMENT ON FUNCTION gmm_sketch_transition(gmm_sketch, double precision[], bigint, double precision)
	IS 'transition function of gmm_sketch';

CREATE FUNCTION gmm_sketch_combine(gmm_sketch, gmm_sketch) RETURNS gmm_sketch
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;
COMMENT ON FUNCTION gmm_sketch_combine(gmm_sketch, gmm_sketch) IS 'sketch of the rows of both';

CREATE AGGREGATE gmm_sketch(features double precision[], size bigint) (
	SFUNC = gmm_sketch_transition, STYPE = gmm_sketch, SSPACE = 65536,
	COMBINEFUNC = gmm_sketch_combine,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE gmm_sketch(double precision[], bigint)
	IS 'sketch of the rows in a group: up to size distinct ones, and exact moments';

CREATE AGGREGATE gmm_sketch(features double precision[], size bigint, weight double precision) (
	SFUNC = gmm_sketch_transition, STYPE = gmm_sketch, SSPACE = 65536,
	COMBINEFUNC = gmm_sketch_combine,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE gmm_sketch(double precision[], bigint, double precision)
	IS 'sketch of the weighted rows in a group';

CREATE AGGREGATE gmm_merge(sketch gmm_sketch) (
	SFUNC = gmm_sketch_combine, STYPE = gmm_sketch, SSPACE = 65536,
	COMBINEFUNC = gmm_sketch_combine,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE gmm_merge(gmm_sketch) IS 'sketch of the rows of all sketches in a group';

CREATE FUNCTION gmm_fit_sketch(sketch gmm_sketch, k bigint, options jsonb DEFAULT NULL)
	RETURNS gmm_model
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000000;
COMMENT ON FUNCTION gmm_fit_sketch(gmm_sketch, bigint, jsonb)
	IS 'mixture of k components, fitted to the rows of a sketch';

CREATE FUNCTION gmm_fit_best_sketch(
	sketch gmm_sketch, k_min bigint, k_max bigint, options jsonb DEFAULT NULL
) RETURNS gmm_model
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000000;
COMMENT ON FUNCTION gmm_fit_best_sketch(gmm_sketch, bigint, bigint, jsonb)
	IS 'the best of the mixtures of k_min to k_max components, fitted to the rows of a sketch';

CREATE FUNCTION gmm_sketch_summary(
	sketch gmm_sketch,
	OUT size integer,
	OUT d integer,
	OUT n_kept integer,
	OUT complete boolean,
	OUT n_rows bigint,
	OUT n_incomplete bigint,
	OUT sum_weights double precision,
	OUT n_distinct double precision,
	OUT mean double precision[],
	OUT covariance double precision[]
) RETURNS record
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION gmm_sketch_summary(gmm_sketch)
	IS 'what a sketch knows of all rows: their number, weight, exact mean and covariance';
