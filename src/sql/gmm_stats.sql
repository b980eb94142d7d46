-- statistics: the type gmm_stats, its aggregates and algebra (stats/)

CREATE TYPE gmm_stats;

CREATE FUNCTION gmm_stats_in(cstring) RETURNS gmm_stats
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION gmm_stats_in(cstring) IS 'I/O';

CREATE FUNCTION gmm_stats_out(gmm_stats) RETURNS cstring
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION gmm_stats_out(gmm_stats) IS 'I/O';

CREATE FUNCTION gmm_stats_recv(internal) RETURNS gmm_stats
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
COMMENT ON FUNCTION gmm_stats_recv(internal) IS 'I/O';

CREATE FUNCTION gmm_stats_send(gmm_stats) RETURNS bytea
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION gmm_stats_send(gmm_stats) IS 'I/O';

CREATE TYPE gmm_stats (
	INTERNALLENGTH = variable,
	INPUT = gmm_stats_in,
	OUTPUT = gmm_stats_out,
	RECEIVE = gmm_stats_recv,
	SEND = gmm_stats_send,
	ALIGNMENT = double,
	STORAGE = external
);
COMMENT ON TYPE gmm_stats
	IS 'sufficient statistics of rows under a Gaussian mixture model; its text form is JSON';

CREATE FUNCTION gmm_stats_to_json(stats gmm_stats) RETURNS json
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 200;
COMMENT ON FUNCTION gmm_stats_to_json(gmm_stats) IS 'statistics as json';

CREATE FUNCTION gmm_stats_from_json(stats json) RETURNS gmm_stats
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 200;
COMMENT ON FUNCTION gmm_stats_from_json(json) IS 'statistics from json, validated';

CREATE CAST (gmm_stats AS json) WITH FUNCTION gmm_stats_to_json(gmm_stats) AS ASSIGNMENT;
COMMENT ON CAST (gmm_stats AS json) IS 'statistics as json';

CREATE CAST (json AS gmm_stats) WITH FUNCTION gmm_stats_from_json(json);
COMMENT ON CAST (json AS gmm_stats) IS 'statistics from json, validated';

CREATE FUNCTION gmm_stats_to_jsonb(stats gmm_stats) RETURNS jsonb
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 200;
COMMENT ON FUNCTION gmm_stats_to_jsonb(gmm_stats) IS 'statistics as jsonb';

CREATE FUNCTION gmm_stats_from_jsonb(stats jsonb) RETURNS gmm_stats
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 200;
COMMENT ON FUNCTION gmm_stats_from_jsonb(jsonb) IS 'statistics from jsonb, validated';

CREATE CAST (gmm_stats AS jsonb) WITH FUNCTION gmm_stats_to_jsonb(gmm_stats) AS ASSIGNMENT;
COMMENT ON CAST (gmm_stats AS jsonb) IS 'statistics as jsonb';

CREATE CAST (jsonb AS gmm_stats) WITH FUNCTION gmm_stats_from_jsonb(jsonb);
COMMENT ON CAST (jsonb AS gmm_stats) IS 'statistics from jsonb, validated';

CREATE FUNCTION gmm_stats_add(stats gmm_stats, other gmm_stats) RETURNS gmm_stats
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION gmm_stats_add(gmm_stats, gmm_stats)
	IS 'statistics of the rows of both, which were made under the same model';

CREATE OPERATOR + (
	LEFTARG = gmm_stats,
	RIGHTARG = gmm_stats,
	FUNCTION = gmm_stats_add,
	COMMUTATOR = +
);
COMMENT ON OPERATOR + (gmm_stats, gmm_stats)
	IS 'statistics of the rows of both, which were made under the same model';

CREATE FUNCTION gmm_decay(stats gmm_stats, factor double precision) RETURNS gmm_stats
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION gmm_decay(gmm_stats, double precision)
	IS 'statistics in which every row has this share of its weight';

CREATE FUNCTION gmm_rebase(stats gmm_stats, model gmm_model) RETURNS gmm_stats
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION gmm_rebase(gmm_stats, gmm_model)
	IS 'statistics of rows under an earlier model, to be added to those of others under this one';

CREATE FUNCTION gmm_maximize(stats gmm_stats, options jsonb DEFAULT NULL) RETURNS gmm_model
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;
COMMENT ON FUNCTION gmm_maximize(gmm_stats, jsonb)
	IS 'the model after one step of EM, from the statistics of the rows under the model before';

CREATE FUNCTION gmm_stats_summary(
	stats gmm_stats,
	OUT k integer,
	OUT d integer,
	OUT covariance_type text,
	OUT n_rows bigint,
	OUT n_labelled bigint,
	OUT sum_weights double precision,
	OUT log_likelihood double precision,
	OUT mean_log_likelihood double precision,
	OUT log_density_stddev double precision,
	OUT noise_weight double precision
) RETURNS record
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION gmm_stats_summary(gmm_stats)
	IS 'shape of statistics, and how likely their rows are under their model';

-- The state type is the public one and not internal, which is what lets Citus
-- distribute these aggregates.

CREATE FUNCTION gmm_accumulate_transition(gmm_stats, double precision[], gmm_model) RETURNS gmm_stats
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 50;
COMMENT ON FUNCTION gmm_accumulate_transition(gmm_stats, double precision[], gmm_model)
	IS 'transition function of gmm_accumulate and gmm_em_step';

CREATE FUNCTION gmm_accumulate_transition(
	gmm_stats, double precision[], gmm_model, double precision
) RETURNS gmm_stats
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 50;
COMMENT ON FUNCTION gmm_accumulate_transition(gmm_stats, double precision[], gmm_model, double precision)
	IS 'transition function of gmm_accumulate and gmm_em_step';

CREATE FUNCTION gmm_accumulate_labelled_transition(
	gmm_stats, double precision[], bigint, gmm_model
) RETURNS gmm_stats
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 50;
COMMENT ON FUNCTION gmm_accumulate_labelled_transition(gmm_stats, double precision[], bigint, gmm_model)
	IS 'transition function of gmm_accumulate_labelled and gmm_em_step_labelled';

CREATE FUNCTION gmm_accumulate_labelled_transition(
	gmm_stats, double precision[], bigint, gmm_model, double precision
) RETURNS gmm_stats
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 50;
COMMENT ON FUNCTION gmm_accumulate_labelled_transition(gmm_stats, double precision[], bigint, gmm_model, double precision)
	IS 'transition function of gmm_accumulate_labelled and gmm_em_step_labelled';

CREATE FUNCTION gmm_stats_combine(gmm_stats, gmm_stats) RETURNS gmm_stats
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;
COMMENT ON FUNCTION gmm_stats_combine(gmm_stats, gmm_stats)
	IS 'combine function of gmm_accumulate and gmm_em_step, also with labels, transition function of gmm_merge';

CREATE FUNCTION gmm_em_step_final(gmm_stats) RETURNS gmm_model
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION gmm_em_step_final(gmm_stats)
	IS 'final function of gmm_em_step and gmm_em_step_labelled';

CREATE AGGREGATE gmm_accumulate(features double precision[], model gmm_model) (
	SFUNC = gmm_accumulate_transition, STYPE = gmm_stats, SSPACE = 32768,
	COMBINEFUNC = gmm_stats_combine,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE gmm_accumulate(double precision[], gmm_model)
	IS 'statistics of the rows of a group under a model';

CREATE AGGREGATE gmm_accumulate(
	features double precision[], model gmm_model, weight double precision
) (
	SFUNC = gmm_accumulate_transition, STYPE = gmm_stats, SSPACE = 32768,
	COMBINEFUNC = gmm_stats_combine,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE gmm_accumulate(double precision[], gmm_model, double precision)
	IS 'statistics of the rows of a group under a model, with a weight for each row';

CREATE AGGREGATE gmm_em_step(features double precision[], model gmm_model) (
	SFUNC = gmm_accumulate_transition, STYPE = gmm_stats, SSPACE = 32768,
	FINALFUNC = gmm_em_step_final, FINALFUNC_MODIFY = READ_ONLY,
	COMBINEFUNC = gmm_stats_combine,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE gmm_em_step(double precision[], gmm_model)
	IS 'the model after one step of EM over the rows of a group';

CREATE AGGREGATE gmm_em_step(
	features double precision[], model gmm_model, weight double precision
) (
	SFUNC = gmm_accumulate_transition, STYPE = gmm_stats, SSPACE = 32768,
	FINALFUNC = gmm_em_step_final, FINALFUNC_MODIFY = READ_ONLY,
	COMBINEFUNC = gmm_stats_combine,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE gmm_em_step(double precision[], gmm_model, double precision)
	IS 'the model after one step of EM over the rows of a group, with a weight for each row';

CREATE AGGREGATE gmm_accumulate_labelled(
	features double precision[], label bigint, model gmm_model
) (
	SFUNC = gmm_accumulate_labelled_transition, STYPE = gmm_stats, SSPACE = 32768,
	COMBINEFUNC = gmm_stats_combine,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE gmm_accumulate_labelled(double precision[], bigint, gmm_model)
	IS 'statistics of the rows of a group, of which some are known to be of a component, under a model';

CREATE AGGREGATE gmm_accumulate_labelled(
	features double precision[], label bigint, model gmm_model, weight double precision
) (
	SFUNC = gmm_accumulate_labelled_transition, STYPE = gmm_stats, SSPACE = 32768,
	COMBINEFUNC = gmm_stats_combine,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE gmm_accumulate_labelled(double precision[], bigint, gmm_model, double precision)
	IS 'statistics of the rows of a group, of which some are known to be of a component, under a model, with a weight for each row';

CREATE AGGREGATE gmm_em_step_labelled(
	features double precision[], label bigint, model gmm_model
) (
	SFUNC = gmm_accumulate_labelled_transition, STYPE = gmm_stats, SSPACE = 32768,
	FINALFUNC = gmm_em_step_final, FINALFUNC_MODIFY = READ_ONLY,
	COMBINEFUNC = gmm_stats_combine,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE gmm_em_step_labelled(double precision[], bigint, gmm_model)
	IS 'the model after one step of EM over the rows of a group, of which some are known to be of a component';

CREATE AGGREGATE gmm_em_step_labelled(
	features double precision[], label bigint, model gmm_model, weight double precision
) (
	SFUNC = gmm_accumulate_labelled_transition, STYPE = gmm_stats, SSPACE = 32768,
	FINALFUNC = gmm_em_step_final, FINALFUNC_MODIFY = READ_ONLY,
	COMBINEFUNC = gmm_stats_combine,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE gmm_em_step_labelled(double precision[], bigint, gmm_model, double precision)
	IS 'the model after one step of EM over the rows of a group, of which some are known to be of a component, with a weight for each row';

CREATE AGGREGATE gmm_merge(stats gmm_stats) (
	SFUNC = gmm_stats_combine, STYPE = gmm_stats, SSPACE = 32768,
	COMBINEFUNC = gmm_stats_combine,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE gmm_merge(gmm_stats)
	IS 'statistics of the rows of all statistics in a group, which were made under the same model';


-- how far rows have moved from a model (stats/stats_drift.c)

CREATE FUNCTION gmm_drift(
	model gmm_model,
	stats gmm_stats,
	OUT n_rows bigint,
	OUT sum_weights double precision,
	OUT likelihood_shift double precision,
	OUT likelihood_error double precision,
	OUT share_psi double precision,
	OUT mean_shift double precision,
	OUT spread_ratio double precision,
	OUT likelihood_p double precision,
	OUT share_p double precision,
	OUT mean_p double precision,
	OUT p double precision
) RETURNS record
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION gmm_drift(gmm_model, gmm_stats)
	IS 'how far rows have moved from a model, from their statistics under it';

CREATE FUNCTION gmm_drift_components(
	model gmm_model,
	stats gmm_stats,
	OUT component integer,
	OUT sum_weights double precision,
	OUT share_then double precision,
	OUT share_now double precision,
	OUT mean_shift double precision,
	OUT spread_ratio double precision,
	OUT moves double precision[],
	OUT p double precision
) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000 ROWS 10;
COMMENT ON FUNCTION gmm_drift_components(gmm_model, gmm_stats)
	IS 'how far the rows of each component have moved from it, from their statistics under the model';
