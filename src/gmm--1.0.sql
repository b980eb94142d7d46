/* src/gmm--1.0.sql */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION gmm" to load this file. \quit

-- === the type gmm_model: text, binary, casts, construction (model/) ===

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
	covariance_type text DEFAULT 'full'
) RETURNS gmm_model
	AS 'MODULE_PATHNAME', 'gmm_model_from_arrays' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
COMMENT ON FUNCTION gmm_model(double precision[], double precision[], double precision[], text)
	IS 'mixture model from weights (k), means (k x d) and covariances (full k x d x d, tied d x d, diag k x d, spherical k)';

-- === models compared, for DISTINCT, GROUP BY, UNION and joins (model/model_compare.c) ===

-- The operators of the order, which has no meaning, are named so that nobody
-- writes them by accident.

CREATE FUNCTION gmm_model_eq(gmm_model, gmm_model) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION gmm_model_eq(gmm_model, gmm_model) IS 'implementation of the operator =';

CREATE FUNCTION gmm_model_ne(gmm_model, gmm_model) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION gmm_model_ne(gmm_model, gmm_model) IS 'implementation of the operator <>';

CREATE FUNCTION gmm_model_lt(gmm_model, gmm_model) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION gmm_model_lt(gmm_model, gmm_model) IS 'implementation of the operator #<#';

CREATE FUNCTION gmm_model_le(gmm_model, gmm_model) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION gmm_model_le(gmm_model, gmm_model) IS 'implementation of the operator #<=#';

CREATE FUNCTION gmm_model_gt(gmm_model, gmm_model) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION gmm_model_gt(gmm_model, gmm_model) IS 'implementation of the operator #>#';

CREATE FUNCTION gmm_model_ge(gmm_model, gmm_model) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION gmm_model_ge(gmm_model, gmm_model) IS 'implementation of the operator #>=#';

CREATE FUNCTION gmm_model_cmp(gmm_model, gmm_model) RETURNS integer
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION gmm_model_cmp(gmm_model, gmm_model) IS 'less-equal-greater';

CREATE FUNCTION gmm_model_hash(gmm_model) RETURNS integer
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION gmm_model_hash(gmm_model) IS 'hash';

CREATE FUNCTION gmm_model_hash_extended(gmm_model, bigint) RETURNS bigint
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION gmm_model_hash_extended(gmm_model, bigint) IS 'hash';

CREATE OPERATOR = (
	LEFTARG = gmm_model, RIGHTARG = gmm_model, FUNCTION = gmm_model_eq,
	COMMUTATOR = =, NEGATOR = <>,
	RESTRICT = eqsel, JOIN = eqjoinsel,
	HASHES, MERGES
);
COMMENT ON OPERATOR = (gmm_model, gmm_model)
	IS 'equal: in parameters, and in what is known of the fit';

CREATE OPERATOR <> (
	LEFTARG = gmm_model, RIGHTARG = gmm_model, FUNCTION = gmm_model_ne,
	COMMUTATOR = <>, NEGATOR = =,
	RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR <> (gmm_model, gmm_model) IS 'not equal';

CREATE OPERATOR #<# (
	LEFTARG = gmm_model, RIGHTARG = gmm_model, FUNCTION = gmm_model_lt,
	COMMUTATOR = #>#, NEGATOR = #>=#,
	RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);
COMMENT ON OPERATOR #<# (gmm_model, gmm_model) IS 'less than, in an order that has no meaning';

CREATE OPERATOR #<=# (
	LEFTARG = gmm_model, RIGHTARG = gmm_model, FUNCTION = gmm_model_le,
	COMMUTATOR = #>=#, NEGATOR = #>#,
	RESTRICT = scalarlesel, JOIN = scalarlejoinsel
);
COMMENT ON OPERATOR #<=# (gmm_model, gmm_model) IS 'less than or equal';

CREATE OPERATOR #># (
	LEFTARG = gmm_model, RIGHTARG = gmm_model, FUNCTION = gmm_model_gt,
	COMMUTATOR = #<#, NEGATOR = #<=#,
	RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);
COMMENT ON OPERATOR #># (gmm_model, gmm_model) IS 'greater than';

CREATE OPERATOR #>=# (
	LEFTARG = gmm_model, RIGHTARG = gmm_model, FUNCTION = gmm_model_ge,
	COMMUTATOR = #<=#, NEGATOR = #<#,
	RESTRICT = scalargesel, JOIN = scalargejoinsel
);
COMMENT ON OPERATOR #>=# (gmm_model, gmm_model) IS 'greater than or equal';

CREATE OPERATOR CLASS gmm_model_ops DEFAULT FOR TYPE gmm_model USING btree AS
	OPERATOR 1 #<#, OPERATOR 2 #<=#, OPERATOR 3 =, OPERATOR 4 #>=#, OPERATOR 5 #>#,
	FUNCTION 1 gmm_model_cmp(gmm_model, gmm_model);
COMMENT ON OPERATOR CLASS gmm_model_ops USING btree
	IS 'models in an order that has no meaning, for sorting equal ones together';
COMMENT ON OPERATOR FAMILY gmm_model_ops USING btree
	IS 'models in an order that has no meaning, for sorting equal ones together';

CREATE OPERATOR CLASS gmm_model_ops DEFAULT FOR TYPE gmm_model USING hash AS
	OPERATOR 1 =,
	FUNCTION 1 gmm_model_hash(gmm_model),
	FUNCTION 2 gmm_model_hash_extended(gmm_model, bigint);
COMMENT ON OPERATOR CLASS gmm_model_ops USING hash IS 'equality of models by hashing';
COMMENT ON OPERATOR FAMILY gmm_model_ops USING hash IS 'equality of models by hashing';

-- === options (fit/fit_options.c) ===

CREATE FUNCTION gmm_options(
	covariance_type text DEFAULT NULL,
	max_iter integer DEFAULT NULL,
	tol double precision DEFAULT NULL,
	reg_covar double precision DEFAULT NULL,
	n_init integer DEFAULT NULL,
	init text DEFAULT NULL,
	seed bigint DEFAULT NULL,
	accelerate boolean DEFAULT NULL,
	criterion text DEFAULT NULL,
	missing text DEFAULT NULL,
	too_few_rows text DEFAULT NULL
) RETURNS jsonb
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION gmm_options(text, integer, double precision, double precision, integer, text, bigint, boolean, text, text, text)
	IS 'options of a fit as jsonb, from named arguments; those left out keep their default, n_init that of as many starts as it takes';

-- === fitting: gmm_fit, gmm_fit_best, gmm_refit (fit/fit_aggregates.c) ===

-- The state of a group of 20 rows takes 1 to 4 kB, one of 1,000 rows of 10
-- features 80 kB; a state in a hash table cannot be evicted, so SSPACE errs
-- on the side of sorting.

CREATE FUNCTION gmm_fit_transition(internal, double precision[], bigint) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;
COMMENT ON FUNCTION gmm_fit_transition(internal, double precision[], bigint)
	IS 'transition function of gmm_fit';

CREATE FUNCTION gmm_fit_transition(internal, double precision[], bigint, jsonb) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;
COMMENT ON FUNCTION gmm_fit_transition(internal, double precision[], bigint, jsonb)
	IS 'transition function of gmm_fit';

CREATE FUNCTION gmm_fit_transition(
	internal, double precision[], bigint, jsonb, double precision
) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;
COMMENT ON FUNCTION gmm_fit_transition(internal, double precision[], bigint, jsonb, double precision)
	IS 'transition function of gmm_fit';

CREATE FUNCTION gmm_fit_final(internal) RETURNS gmm_model
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100000;
COMMENT ON FUNCTION gmm_fit_final(internal)
	IS 'final function of gmm_fit, gmm_fit_best and gmm_refit';

CREATE AGGREGATE gmm_fit(features double precision[], k bigint) (
	SFUNC = gmm_fit_transition, STYPE = internal, SSPACE = 16384,
	FINALFUNC = gmm_fit_final, FINALFUNC_MODIFY = READ_ONLY,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE gmm_fit(double precision[], bigint)
	IS 'fit a mixture of k components to the rows of a group';

CREATE AGGREGATE gmm_fit(features double precision[], k bigint, options jsonb) (
	SFUNC = gmm_fit_transition, STYPE = internal, SSPACE = 16384,
	FINALFUNC = gmm_fit_final, FINALFUNC_MODIFY = READ_ONLY,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE gmm_fit(double precision[], bigint, jsonb)
	IS 'fit a mixture of k components to the rows of a group, with options';

CREATE AGGREGATE gmm_fit(
	features double precision[], k bigint, options jsonb, weight double precision
) (
	SFUNC = gmm_fit_transition, STYPE = internal, SSPACE = 16384,
	FINALFUNC = gmm_fit_final, FINALFUNC_MODIFY = READ_ONLY,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE gmm_fit(double precision[], bigint, jsonb, double precision)
	IS 'fit a mixture of k components to the rows of a group, with options and a weight for each row';

CREATE FUNCTION gmm_fit_best_transition(
	internal, double precision[], bigint, bigint
) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;
COMMENT ON FUNCTION gmm_fit_best_transition(internal, double precision[], bigint, bigint)
	IS 'transition function of gmm_fit_best';

CREATE FUNCTION gmm_fit_best_transition(
	internal, double precision[], bigint, bigint, jsonb
) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;
COMMENT ON FUNCTION gmm_fit_best_transition(internal, double precision[], bigint, bigint, jsonb)
	IS 'transition function of gmm_fit_best';

CREATE FUNCTION gmm_fit_best_transition(
	internal, double precision[], bigint, bigint, jsonb, double precision
) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;
COMMENT ON FUNCTION gmm_fit_best_transition(internal, double precision[], bigint, bigint, jsonb, double precision)
	IS 'transition function of gmm_fit_best';

CREATE AGGREGATE gmm_fit_best(features double precision[], k_min bigint, k_max bigint) (
	SFUNC = gmm_fit_best_transition, STYPE = internal, SSPACE = 16384,
	FINALFUNC = gmm_fit_final, FINALFUNC_MODIFY = READ_ONLY,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE gmm_fit_best(double precision[], bigint, bigint)
	IS 'fit mixtures of k_min to k_max components to the rows of a group, and keep the best';

CREATE AGGREGATE gmm_fit_best(
	features double precision[], k_min bigint, k_max bigint, options jsonb
) (
	SFUNC = gmm_fit_best_transition, STYPE = internal, SSPACE = 16384,
	FINALFUNC = gmm_fit_final, FINALFUNC_MODIFY = READ_ONLY,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE gmm_fit_best(double precision[], bigint, bigint, jsonb)
	IS 'fit mixtures of k_min to k_max components to the rows of a group, with options, and keep the best';

CREATE AGGREGATE gmm_fit_best(
	features double precision[], k_min bigint, k_max bigint, options jsonb,
	weight double precision
) (
	SFUNC = gmm_fit_best_transition, STYPE = internal, SSPACE = 16384,
	FINALFUNC = gmm_fit_final, FINALFUNC_MODIFY = READ_ONLY,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE gmm_fit_best(double precision[], bigint, bigint, jsonb, double precision)
	IS 'fit mixtures of k_min to k_max components to the rows of a group, with options and a weight for each row, and keep the best';

CREATE FUNCTION gmm_refit_transition(internal, double precision[], gmm_model) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;
COMMENT ON FUNCTION gmm_refit_transition(internal, double precision[], gmm_model)
	IS 'transition function of gmm_refit';

CREATE FUNCTION gmm_refit_transition(
	internal, double precision[], gmm_model, jsonb
) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;
COMMENT ON FUNCTION gmm_refit_transition(internal, double precision[], gmm_model, jsonb)
	IS 'transition function of gmm_refit';

CREATE FUNCTION gmm_refit_transition(
	internal, double precision[], gmm_model, jsonb, double precision
) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;
COMMENT ON FUNCTION gmm_refit_transition(internal, double precision[], gmm_model, jsonb, double precision)
	IS 'transition function of gmm_refit';

CREATE AGGREGATE gmm_refit(features double precision[], model gmm_model) (
	SFUNC = gmm_refit_transition, STYPE = internal, SSPACE = 16384,
	FINALFUNC = gmm_fit_final, FINALFUNC_MODIFY = READ_ONLY,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE gmm_refit(double precision[], gmm_model)
	IS 'fit a mixture to the rows of a group, continuing from a model';

CREATE AGGREGATE gmm_refit(features double precision[], model gmm_model, options jsonb) (
	SFUNC = gmm_refit_transition, STYPE = internal, SSPACE = 16384,
	FINALFUNC = gmm_fit_final, FINALFUNC_MODIFY = READ_ONLY,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE gmm_refit(double precision[], gmm_model, jsonb)
	IS 'fit a mixture to the rows of a group, continuing from a model, with options';

CREATE AGGREGATE gmm_refit(
	features double precision[], model gmm_model, options jsonb, weight double precision
) (
	SFUNC = gmm_refit_transition, STYPE = internal, SSPACE = 16384,
	FINALFUNC = gmm_fit_final, FINALFUNC_MODIFY = READ_ONLY,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE gmm_refit(double precision[], gmm_model, jsonb, double precision)
	IS 'fit a mixture to the rows of a group, continuing from a model, with options and a weight for each row';

-- === applying a model: predict and its family (score/predict.c) ===

CREATE FUNCTION gmm_predict(model gmm_model, features double precision[]) RETURNS integer
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
COMMENT ON FUNCTION gmm_predict(gmm_model, double precision[])
	IS 'the most probable component of a row, counted from 1';

CREATE FUNCTION gmm_predict_proba(
	model gmm_model, features double precision[]
) RETURNS double precision[]
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
COMMENT ON FUNCTION gmm_predict_proba(gmm_model, double precision[])
	IS 'the probability of each component given a row; they sum to 1';

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
	IS 'the share of the mixture''s own rows that have a lower density than this one';

-- === one model from another, and rows from it (score/derive_rows.c) ===

CREATE FUNCTION gmm_sample_support(internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION gmm_sample_support(internal) IS 'planner support: as many rows as the argument says';

CREATE FUNCTION gmm_top_support(internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION gmm_top_support(internal) IS 'planner support: as many rows as the argument says, and the model has';

CREATE FUNCTION gmm_marginal(model gmm_model, dims integer[]) RETURNS gmm_model
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION gmm_marginal(gmm_model, integer[])
	IS 'mixture of some dimensions of a mixture, counted from 1';

CREATE FUNCTION gmm_condition(model gmm_model, features double precision[]) RETURNS gmm_model
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 200;
COMMENT ON FUNCTION gmm_condition(gmm_model, double precision[])
	IS 'mixture of the dimensions that are NULL, given the values of the others';

CREATE FUNCTION gmm_impute(model gmm_model, features double precision[]) RETURNS double precision[]
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION gmm_impute(gmm_model, double precision[])
	IS 'row with its NULL elements replaced by their expectation given the others';

CREATE FUNCTION gmm_sample(
	model gmm_model,
	n bigint,
	seed bigint DEFAULT 1,
	OUT component integer,
	OUT features double precision[]
) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000 ROWS 1000
	SUPPORT gmm_sample_support;
COMMENT ON FUNCTION gmm_sample(gmm_model, bigint, bigint)
	IS 'rows drawn from a mixture; the same seed draws the same rows';

CREATE FUNCTION gmm_top(
	model gmm_model,
	features double precision[],
	n bigint,
	cutoff double precision DEFAULT 0,
	OUT component integer,
	OUT probability double precision
) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100 ROWS 5
	SUPPORT gmm_top_support;
COMMENT ON FUNCTION gmm_top(gmm_model, double precision[], bigint, double precision)
	IS 'most probable components of a row, best first, those below the cutoff left out';

-- === looking into a model: components, summary, criteria (model/model_summary.c, model/model_choice.c) ===

CREATE FUNCTION gmm_components_support(internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION gmm_components_support(internal)
	IS 'planner support: which columns the query uses';

CREATE FUNCTION gmm_components(
	model gmm_model,
	columns integer DEFAULT -1,
	OUT component integer,
	OUT weight double precision,
	OUT mean double precision[],
	OUT covariance double precision[],
	OUT n_effective double precision,
	OUT condition_number double precision,
	OUT suspect text
) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10 ROWS 10
	SUPPORT gmm_components_support;
COMMENT ON FUNCTION gmm_components(gmm_model, integer) IS 'components of a mixture model, one a row';

CREATE FUNCTION gmm_summary(
	model gmm_model,
	OUT k integer,
	OUT d integer,
	OUT covariance_type text,
	OUT n_rows bigint,
	OUT n_incomplete bigint,
	OUT sum_weights double precision,
	OUT log_likelihood double precision,
	OUT bic double precision,
	OUT aic double precision,
	OUT icl double precision,
	OUT iterations integer,
	OUT converged boolean,
	OUT n_starts integer,
	OUT n_best_starts integer,
	OUT n_reseeded integer,
	OUT n_omitted integer,
	OUT n_suspect integer
) RETURNS record
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION gmm_summary(gmm_model) IS 'shape of a mixture model, and how it was fitted';

CREATE FUNCTION gmm_bic(model gmm_model) RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION gmm_bic(gmm_model)
	IS 'Bayesian information criterion of a fitted model, lower is better';

CREATE FUNCTION gmm_aic(model gmm_model) RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION gmm_aic(gmm_model)
	IS 'Akaike information criterion of a fitted model, lower is better';

CREATE FUNCTION gmm_icl(model gmm_model) RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION gmm_icl(gmm_model)
	IS 'integrated completed likelihood of a fitted model, lower is better';

CREATE FUNCTION gmm_trials(
	model gmm_model,
	OUT k integer,
	OUT covariance_type text,
	OUT n_parameters bigint,
	OUT log_likelihood double precision,
	OUT bic double precision,
	OUT aic double precision,
	OUT icl double precision,
	OUT iterations integer,
	OUT converged boolean,
	OUT n_starts integer,
	OUT n_best_starts integer,
	OUT n_suspect integer,
	OUT chosen boolean
) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10 ROWS 10;
COMMENT ON FUNCTION gmm_trials(gmm_model)
	IS 'what was tried before a mixture model was chosen, one try a row';

-- === a picture: gmm_svg (svg/svg_aggregate.c) ===

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

-- === statistics: the type gmm_stats, its aggregates and algebra (stats/) ===

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
	OUT sum_weights double precision,
	OUT log_likelihood double precision,
	OUT mean_log_likelihood double precision
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

CREATE FUNCTION gmm_stats_combine(gmm_stats, gmm_stats) RETURNS gmm_stats
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;
COMMENT ON FUNCTION gmm_stats_combine(gmm_stats, gmm_stats)
	IS 'combine function of gmm_accumulate and gmm_em_step, transition function of gmm_merge';

CREATE FUNCTION gmm_em_step_final(gmm_stats) RETURNS gmm_model
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION gmm_em_step_final(gmm_stats) IS 'final function of gmm_em_step';

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

CREATE AGGREGATE gmm_merge(stats gmm_stats) (
	SFUNC = gmm_stats_combine, STYPE = gmm_stats, SSPACE = 32768,
	COMBINEFUNC = gmm_stats_combine,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE gmm_merge(gmm_stats)
	IS 'statistics of the rows of all statistics in a group, which were made under the same model';

-- === a fit to a table that is not collected: gmm_fit_table (table/fit_table.c) ===

CREATE FUNCTION gmm_fit_table(
	relation regclass,
	features text[],
	k bigint,
	options jsonb DEFAULT NULL,
	weight text DEFAULT NULL,
	filter text DEFAULT NULL
) RETURNS gmm_model
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000;
COMMENT ON FUNCTION gmm_fit_table(regclass, text[], bigint, jsonb, text, text)
	IS 'fit a mixture of k components to columns of a table by scans, without collecting its rows';

-- What its queries call.

CREATE FUNCTION gmm_fit_table_ranges_transition(
	double precision[], features double precision[], weight double precision
) RETURNS double precision[]
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;
COMMENT ON FUNCTION gmm_fit_table_ranges_transition(double precision[], double precision[], double precision)
	IS 'transition function of gmm_fit_table_ranges';

CREATE FUNCTION gmm_fit_table_ranges_combine(double precision[], double precision[])
RETURNS double precision[]
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;
COMMENT ON FUNCTION gmm_fit_table_ranges_combine(double precision[], double precision[])
	IS 'combine function of gmm_fit_table_ranges';

CREATE AGGREGATE gmm_fit_table_ranges(features double precision[], weight double precision) (
	SFUNC = gmm_fit_table_ranges_transition, STYPE = double precision[],
	COMBINEFUNC = gmm_fit_table_ranges_combine,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE gmm_fit_table_ranges(double precision[], double precision)
	IS 'number and weight of rows and the range of every feature, by which gmm_fit_table begins';

CREATE FUNCTION gmm_fit_table_hash(
	features double precision[], grid double precision[], seed bigint
) RETURNS bigint
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION gmm_fit_table_hash(double precision[], double precision[], bigint)
	IS 'hash of a row by which gmm_fit_table takes its sample';

CREATE FUNCTION gmm_fit_table_center(features double precision[], center double precision[])
RETURNS double precision[]
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION gmm_fit_table_center(double precision[], double precision[])
	IS 'a row less the center about which gmm_fit_table sums';
