-- the type gmm_model: text, binary, casts, construction (model/)

CREATE TYPE gmm_model;

CREATE FUNCTION gmm_model_in(cstring) RETURNS gmm_model
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION gmm_model_in(cstring) IS 'I/O';

CREATE FUNCTION gmm_model_out(gmm_model) RETURNS cstring
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION gmm_model_out(gmm_model) IS 'I/O';

CREATE FUNCTION gmm_model_recv(internal) RETURNS gmm_model
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
COMMENT ON FUNCTION gmm_model_recv(internal) IS 'I/O';

CREATE FUNCTION gmm_model_send(gmm_model) RETURNS bytea
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION gmm_model_send(gmm_model) IS 'I/O';

CREATE TYPE gmm_model (
	INTERNALLENGTH = variable,
	INPUT = gmm_model_in,
	OUTPUT = gmm_model_out,
	RECEIVE = gmm_model_recv,
	SEND = gmm_model_send,
	ALIGNMENT = double,
	STORAGE = external
);
COMMENT ON TYPE gmm_model IS 'Gaussian mixture model; its text form is JSON';

CREATE FUNCTION gmm_model_to_json(model gmm_model) RETURNS json
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 200;
COMMENT ON FUNCTION gmm_model_to_json(gmm_model) IS 'mixture model as json';

CREATE FUNCTION gmm_model_from_json(model json) RETURNS gmm_model
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 200;
COMMENT ON FUNCTION gmm_model_from_json(json) IS 'mixture model from json, validated';

CREATE CAST (gmm_model AS json) WITH FUNCTION gmm_model_to_json(gmm_model) AS ASSIGNMENT;
COMMENT ON CAST (gmm_model AS json) IS 'mixture model as json';

CREATE CAST (json AS gmm_model) WITH FUNCTION gmm_model_from_json(json);
COMMENT ON CAST (json AS gmm_model) IS 'mixture model from json, validated';

CREATE FUNCTION gmm_model_to_jsonb(model gmm_model) RETURNS jsonb
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 200;
COMMENT ON FUNCTION gmm_model_to_jsonb(gmm_model) IS 'mixture model as jsonb';

CREATE FUNCTION gmm_model_from_jsonb(model jsonb) RETURNS gmm_model
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 200;
COMMENT ON FUNCTION gmm_model_from_jsonb(jsonb) IS 'mixture model from jsonb, validated';

CREATE CAST (gmm_model AS jsonb) WITH FUNCTION gmm_model_to_jsonb(gmm_model) AS ASSIGNMENT;
COMMENT ON CAST (gmm_model AS jsonb) IS 'mixture model as jsonb';

CREATE CAST (jsonb AS gmm_model) WITH FUNCTION gmm_model_from_jsonb(jsonb);
COMMENT ON CAST (jsonb AS gmm_model) IS 'mixture model from jsonb, validated';

CREATE FUNCTION gmm_model(
	weights double precision[],
	means double precision[],
	covariances double precision[],
	covariance_type text DEFAULT 'full',
	features text[] DEFAULT NULL
) RETURNS gmm_model
	AS 'MODULE_PATHNAME', 'gmm_model_from_arrays' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 50;
COMMENT ON FUNCTION gmm_model(double precision[], double precision[], double precision[], text, text[])
	IS 'mixture model from weights (k), means (k x d), covariances (full k x d x d, tied d x d, diag k x d, spherical k) and names of features';

