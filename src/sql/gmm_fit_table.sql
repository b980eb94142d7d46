-- a fit to a table that is not collected: gmm_fit_table (table/fit_table.c)

CREATE FUNCTION gmm_fit_table(
	relation regclass,
	features text[],
	k bigint,
	options jsonb DEFAULT NULL,
	weight text DEFAULT NULL,
	filter text DEFAULT NULL,
	label text DEFAULT NULL
) RETURNS gmm_model
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000;
COMMENT ON FUNCTION gmm_fit_table(regclass, text[], bigint, jsonb, text, text, text)
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
	IS 'number and weight of rows, the range of every feature and which rows may be frequent, by which gmm_fit_table begins';

CREATE FUNCTION gmm_fit_table_hash(
	features double precision[], grid double precision[], seed bigint
) RETURNS bigint
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION gmm_fit_table_hash(double precision[], double precision[], bigint)
	IS 'hash of a row by which gmm_fit_table takes its sample';

CREATE FUNCTION gmm_fit_table_is_beyond(features double precision[], grid double precision[])
RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION gmm_fit_table_is_beyond(double precision[], double precision[])
	IS 'whether a row is so far from the sample of gmm_fit_table that it is to be in it';

CREATE FUNCTION gmm_fit_table_is_frequent(features double precision[], keys double precision[])
RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION gmm_fit_table_is_frequent(double precision[], double precision[])
	IS 'whether a row may be so large a share of all that the sample of gmm_fit_table is to have it';

CREATE FUNCTION gmm_fit_table_center(features double precision[], center double precision[])
RETURNS double precision[]
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION gmm_fit_table_center(double precision[], double precision[])
	IS 'a row less the center about which gmm_fit_table sums';

