-- models compared, for DISTINCT, GROUP BY, UNION and joins (model/model_compare.c)

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

