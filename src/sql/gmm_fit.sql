-- fitting: gmm_fit, gmm_fit_best, gmm_refit, and with labels (fit/fit_aggregates.c)

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
	IS 'final function of gmm_fit, gmm_fit_labelled, gmm_fit_best, gmm_refit and gmm_refit_labelled';

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

CREATE FUNCTION gmm_fit_labelled_transition(
	internal, double precision[], bigint, bigint
) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;
COMMENT ON FUNCTION gmm_fit_labelled_transition(internal, double precision[], bigint, bigint)
	IS 'transition function of gmm_fit_labelled';

CREATE FUNCTION gmm_fit_labelled_transition(
	internal, double precision[], bigint, bigint, jsonb
) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;
COMMENT ON FUNCTION gmm_fit_labelled_transition(internal, double precision[], bigint, bigint, jsonb)
	IS 'transition function of gmm_fit_labelled';

CREATE FUNCTION gmm_fit_labelled_transition(
	internal, double precision[], bigint, bigint, jsonb, double precision
) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;
COMMENT ON FUNCTION gmm_fit_labelled_transition(internal, double precision[], bigint, bigint, jsonb, double precision)
	IS 'transition function of gmm_fit_labelled';

CREATE AGGREGATE gmm_fit_labelled(features double precision[], label bigint, k bigint) (
	SFUNC = gmm_fit_labelled_transition, STYPE = internal, SSPACE = 16384,
	FINALFUNC = gmm_fit_final, FINALFUNC_MODIFY = READ_ONLY,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE gmm_fit_labelled(double precision[], bigint, bigint)
	IS 'fit a mixture of k components to the rows of a group, of which some are known to be of a component';

CREATE AGGREGATE gmm_fit_labelled(
	features double precision[], label bigint, k bigint, options jsonb
) (
	SFUNC = gmm_fit_labelled_transition, STYPE = internal, SSPACE = 16384,
	FINALFUNC = gmm_fit_final, FINALFUNC_MODIFY = READ_ONLY,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE gmm_fit_labelled(double precision[], bigint, bigint, jsonb)
	IS 'fit a mixture of k components to the rows of a group, of which some are known to be of a component, with options';

CREATE AGGREGATE gmm_fit_labelled(
	features double precision[], label bigint, k bigint, options jsonb,
	weight double precision
) (
	SFUNC = gmm_fit_labelled_transition, STYPE = internal, SSPACE = 16384,
	FINALFUNC = gmm_fit_final, FINALFUNC_MODIFY = READ_ONLY,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE gmm_fit_labelled(double precision[], bigint, bigint, jsonb, double precision)
	IS 'fit a mixture of k components to the rows of a group, of which some are known to be of a component, with options and a weight for each row';

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

CREATE FUNCTION gmm_refit_labelled_transition(
	internal, double precision[], bigint, gmm_model
) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;
COMMENT ON FUNCTION gmm_refit_labelled_transition(internal, double precision[], bigint, gmm_model)
	IS 'transition function of gmm_refit_labelled';

CREATE FUNCTION gmm_refit_labelled_transition(
	internal, double precision[], bigint, gmm_model, jsonb
) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;
COMMENT ON FUNCTION gmm_refit_labelled_transition(internal, double precision[], bigint, gmm_model, jsonb)
	IS 'transition function of gmm_refit_labelled';

CREATE FUNCTION gmm_refit_labelled_transition(
	internal, double precision[], bigint, gmm_model, jsonb, double precision
) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;
COMMENT ON FUNCTION gmm_refit_labelled_transition(internal, double precision[], bigint, gmm_model, jsonb, double precision)
	IS 'transition function of gmm_refit_labelled';

CREATE AGGREGATE gmm_refit_labelled(
	features double precision[], label bigint, model gmm_model
) (
	SFUNC = gmm_refit_labelled_transition, STYPE = internal, SSPACE = 16384,
	FINALFUNC = gmm_fit_final, FINALFUNC_MODIFY = READ_ONLY,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE gmm_refit_labelled(double precision[], bigint, gmm_model)
	IS 'fit a mixture to the rows of a group, of which some are known to be of a component, continuing from a model';

CREATE AGGREGATE gmm_refit_labelled(
	features double precision[], label bigint, model gmm_model, options jsonb
) (
	SFUNC = gmm_refit_labelled_transition, STYPE = internal, SSPACE = 16384,
	FINALFUNC = gmm_fit_final, FINALFUNC_MODIFY = READ_ONLY,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE gmm_refit_labelled(double precision[], bigint, gmm_model, jsonb)
	IS 'fit a mixture to the rows of a group, of which some are known to be of a component, continuing from a model, with options';

CREATE AGGREGATE gmm_refit_labelled(
	features double precision[], label bigint, model gmm_model, options jsonb,
	weight double precision
) (
	SFUNC = gmm_refit_labelled_transition, STYPE = internal, SSPACE = 16384,
	FINALFUNC = gmm_fit_final, FINALFUNC_MODIFY = READ_ONLY,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE gmm_refit_labelled(double precision[], bigint, gmm_model, jsonb, double precision)
	IS 'fit a mixture to the rows of a group, of which some are known to be of a component, continuing from a model, with options and a weight for each row';

